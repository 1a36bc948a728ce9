//! What a frame of the viewer is to a terminal.

use std::time::Duration;

use capsaicin::geometry::Rect;
use capsaicin::term::Drawing;
use capsaicin::term::probe::{Capabilities, Kitty};
use capsaicin::tui::action::Action;
use capsaicin::tui::cell_writer::{BEGIN, END};
use capsaicin::tui::easel::Easel;

use super::Viewer;

/// A terminal that draws pixels.
fn of_pixels() -> Box<Capabilities> {
    Box::new(Capabilities {
        kitty: Some(Kitty {
            direct: true,
            edits: true,
            ..Kitty::default()
        }),
        cell: Some((8, 16)),
        ..Capabilities::default()
    })
}

/// Has a viewer know that its terminal does.
pub fn give_pixels(viewer: &mut Viewer) {
    viewer.act(Action::Capabilities {
        capabilities: of_pixels(),
        answers: false,
    });
}

/// How often one is in the other.
fn count(part: &[u8], bytes: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .filter(|bytes| bytes == &part)
        .count()
}

#[test]
fn the_cells_and_the_pixels_of_a_frame_are_written_at_once_and_are_one_update() {
    let mut viewer = Viewer::showing(80, 24, 640, 368, [9, 8, 7]);
    give_pixels(&mut viewer);
    let mut easel = Easel::new();
    for _ in 0..2 {
        viewer.act(Action::Frame);
        let drawn = easel.draw(&mut viewer.app);
        assert_eq!((drawn.bytes, drawn.cells > 0), (Vec::new(), true));
        let frame = drawn.order.expect("a picture").run();
        let picture = viewer.app.accept(frame, viewer.now);
        let bytes = easel.join(&picture);
        assert!(bytes.starts_with(BEGIN) && bytes.ends_with(END));
        assert_eq!((count(BEGIN, &bytes), count(END, &bytes)), (1, 1));
        assert!(bytes.len() > picture.len() + BEGIN.len() + END.len());
        assert_eq!(easel.release(), b"");
        // Something of both changes.
        viewer.fill(Rect::new(0, 0, 300, 300), [200, 100, 0]);
        viewer.menu("");
    }
}

#[test]
fn cells_whose_pixels_are_being_painted_come_before_all_else_that_is_written() {
    let mut viewer = Viewer::showing(80, 24, 640, 368, [9, 8, 7]);
    give_pixels(&mut viewer);
    let mut easel = Easel::new();
    viewer.act(Action::Frame);
    let order = easel.draw(&mut viewer.app).order;
    let cells = easel.release();
    assert!(cells.starts_with(BEGIN) && cells.ends_with(END));
    let picture = viewer
        .app
        .accept(order.expect("a picture").run(), viewer.now);
    assert_eq!(easel.join(&picture), [BEGIN, &picture, END].concat());
}

/// Frames of a link of which nothing is known yet, up to the first with pixels.
fn frames_up_to_pixels(easel: &mut Easel) -> usize {
    let mut viewer = Viewer::showing(80, 24, 640, 368, [9, 8, 7]);
    viewer.act(Action::Capabilities {
        capabilities: of_pixels(),
        answers: true,
    });
    for n in 1..20 {
        viewer.act(Action::Frame);
        let drawn = easel.draw(&mut viewer.app);
        if drawn.order.is_some() {
            return n;
        }
        assert!(!drawn.bytes.is_empty());
    }
    panic!("no pixels");
}

#[test]
fn cells_are_made_blank_before_pixels_are_drawn_on_them_and_not_after() {
    assert!(frames_up_to_pixels(&mut Easel::new()) > 1);
}

#[test]
fn on_a_terminal_that_was_cleared_pixels_are_drawn_at_once() {
    let mut easel = Easel::new();
    easel.clear();
    assert_eq!(frames_up_to_pixels(&mut easel), 1);
}

/// A viewer of a terminal that keeps every picture, with one that has to wait for half a second after the one before it.
fn with_a_late_picture() -> (Viewer, Easel) {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.app.setup.drawing = Some(Drawing::Iterm2);
    viewer.act(Action::Capabilities {
        capabilities: of_pixels(),
        answers: true,
    });
    viewer.screen(640, 368);
    let mut easel = Easel::new();
    easel.clear();
    viewer.act(Action::Frame);
    let first = easel.draw(&mut viewer.app).order.expect("a picture");
    viewer.app.accept(first.run(), viewer.now);

    viewer.wait(20);
    viewer.fill(Rect::new(0, 0, 640, 368), [50, 100, 150]);
    viewer.act(Action::Frame);
    assert!(easel.draw(&mut viewer.app).order.is_none());
    (viewer, easel)
}

fn is_due(viewer: &Viewer) -> bool {
    viewer.app.deadline().is_some_and(|due| due <= viewer.now)
}

#[test]
fn a_picture_that_is_due_wakes_nobody_while_the_link_is_full() {
    let (mut viewer, mut easel) = with_a_late_picture();
    let mut much = vec![b'x'; 100_000];
    viewer.app.pace.send(&mut much, true, viewer.now);
    viewer.wait(1000);
    assert_eq!(viewer.app.frame_due(), None);
    assert!(!is_due(&viewer), "{:?}", viewer.app.deadline());

    viewer.act(Action::Arrived);
    assert!(viewer.app.frame_due() <= Some(viewer.now + Duration::from_millis(100)));
    viewer.act(Action::Frame);
    assert!(easel.draw(&mut viewer.app).order.is_some());
}

#[test]
fn a_picture_that_is_due_wakes_nobody_where_there_is_no_room_for_it() {
    let (mut viewer, mut easel) = with_a_late_picture();
    viewer.act(Action::Resized {
        columns: 80,
        rows: 0,
        cell_aspect: 0.5,
    });
    viewer.wait(1000);
    viewer.act(Action::Frame);
    assert!(easel.draw(&mut viewer.app).order.is_none());
    assert!(!is_due(&viewer), "{:?}", viewer.app.deadline());
}
