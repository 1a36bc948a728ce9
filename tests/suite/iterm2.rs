//! Pictures as iTerm2's inline files.

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::PixelBuf;
use capsaicin::term::iterm2::Iterm2;
use capsaicin::term::paint::{Painted, Painter, Place, Quality, Scene};

use crate::support::terminals::iterm2::Iterm2Terminal;

use crate::support::screens;

const PLACE: Place = Place {
    column: 2,
    row: 1,
    cell: Size::new(8, 16),
    terminal: (164, 53),
};

fn scene<'a>(picture: &'a PixelBuf, covered: &'a [Rect]) -> Scene<'a> {
    Scene {
        picture: picture.view(),
        changed: &[],
        place: PLACE,
        covered,
        pointer: None,
        quality: Quality::BEST,
    }
}

fn paint(painter: &mut Iterm2, scene: &Scene<'_>) -> (Painted, Iterm2Terminal, usize) {
    let mut written = Vec::new();
    let painted = painter.paint(scene, &mut written);
    let mut terminal = Iterm2Terminal::new(PLACE.terminal.0, PLACE.terminal.1, PLACE.cell);
    terminal.write(&written);
    (painted, terminal, written.len())
}

#[test]
fn a_desktop_arrives_exactly_and_only_once() {
    let desktop = screens::desktop();
    let mut painter = Iterm2::new();
    let (painted, terminal, bytes) = paint(&mut painter, &scene(&desktop, &[]));
    assert_eq!(painted.dots, desktop.size.area());
    assert!(bytes < 800_000, "{bytes}");
    // In files that are not too long, one below the other.
    let dots: u64 = terminal.files.iter().map(|file| file.area()).sum();
    assert_eq!(dots, desktop.size.area());
    let is_line = |file: &Rect| (file.left, file.right) == (16, 16 + 1280);
    assert!(terminal.files.iter().all(is_line), "{:?}", terminal.files);
    for (at, pixel) in desktop.data().chunks_exact(4).enumerate() {
        let place = (at / 1280 + 16) * 164 * 8 + at % 1280 + 16;
        assert_eq!(terminal.plane[place], Some([pixel[2], pixel[1], pixel[0]]));
    }
    let (again, _, bytes) = paint(&mut painter, &scene(&desktop, &[]));
    assert_eq!((again, bytes), (Painted::default(), 0));
}

#[test]
fn covered_cells_are_left_out_and_drawn_when_they_are_free() {
    let term = screens::term0();
    let covered = [Rect::new(10, 5, 30, 8)];
    let mut painter = Iterm2::new();
    let (painted, terminal, _) = paint(&mut painter, &scene(&term, &covered));
    assert_eq!(painted.dots, term.size.area() - 20 * 8 * 3 * 16);
    let text = Rect::new(10 * 8, 5 * 16, 30 * 8, 8 * 16).translate(16, 16);
    assert!(terminal.files.iter().all(|file| !file.overlaps(text)));
    let (painted, _, _) = paint(&mut painter, &scene(&term, &[]));
    assert_eq!(painted.dots, term.size.area());
}

#[test]
fn a_small_picture_is_one_file_and_none_is_drawn_where_there_is_no_room() {
    let term = screens::term0();
    let small = term.view().crop(Rect::new(0, 0, 40, 40)).to_buf();
    let (_, terminal, _) = paint(&mut Iterm2::new(), &scene(&small, &[]));
    assert_eq!(terminal.files, [Rect::new(16, 16, 56, 56)]);
    let mut written = Vec::new();
    for terminal in [(0, 0), (2, 50), (50, 1), (50, 2)] {
        let place = Place { terminal, ..PLACE };
        let scene = Scene {
            place,
            ..scene(&small, &[])
        };
        assert_eq!(
            Iterm2::new().paint(&scene, &mut written),
            Painted::default()
        );
    }
    assert!(written.is_empty());
}
