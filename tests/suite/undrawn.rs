//! A session whose user never looks at a picture: it names the areas that change, and draws nothing.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use capsaicin::channel::display::draw::{Clip, DisplayBase};
use capsaicin::channel::display::image::{ImageData, ImageFlags};
use capsaicin::channel::display::messages::{
    CopyBits, ServerMessage as Display, StreamData, StreamDestroy,
};
use capsaicin::channel::display::{Event, RegionPixels};
use capsaicin::geometry::{Point, Rect};
use capsaicin::pixels::PixelView;
use capsaicin::recording::{Player, Reader, Survey};
use capsaicin::session::{ClientEvent, SessionConfig};

use crate::support::images::image;
use crate::support::recordings;
use crate::support::scripted::{greet, serve};
use crate::support::video::grey_jpeg;
use crate::support::viewer::{DISPLAY, Viewer, copy, fill, frame, mjpeg, primary};

/// A screen of 16 × 16 that nobody looks at.
fn viewer() -> Viewer {
    let mut viewer = Viewer::with(config(false), &[0]);
    viewer.display(&primary(16, 16));
    viewer.events();
    viewer
}

fn config(draws: bool) -> SessionConfig {
    SessionConfig {
        draws,
        ..SessionConfig::default()
    }
}

fn region(rect: Rect) -> ClientEvent {
    ClientEvent::Display(Event::Region {
        display: 0,
        surface: 0,
        rect,
        pixels: RegionPixels::NotCut,
    })
}

/// Whether the screen is as it was made.
fn is_empty(viewer: &Viewer) -> bool {
    let display = viewer.session.display(0).expect("it is open");
    let surface = display.canvas().surface(0).expect("it was created");
    is_zero(surface.pixels())
}

fn is_zero(pixels: PixelView<'_>) -> bool {
    pixels.data().iter().all(|byte| *byte == 0)
}

#[test]
fn what_is_filled_is_named_and_not_drawn() {
    let mut viewer = viewer();
    viewer.display(&fill(Rect::new(-4, 2, 8, 99), 0x11));
    assert_eq!(viewer.events(), [region(Rect::new(0, 2, 8, 16))]);
    assert!(is_empty(&viewer));
}

#[test]
fn what_moves_is_named_as_a_move() {
    let mut viewer = viewer();
    viewer.display(&Display::CopyBits(CopyBits {
        base: DisplayBase {
            surface_id: 0,
            bbox: Rect::new(4, 4, 24, 8),
            clip: Clip::None,
        },
        src_pos: Point::new(4, 10),
    }));
    let moved = Event::CopyRect {
        display: 0,
        surface: 0,
        src_x: 4,
        src_y: 10,
        dest_rect: Rect::new(4, 4, 16, 8),
    };
    assert_eq!(viewer.events(), [ClientEvent::Display(moved)]);
}

#[test]
fn a_command_for_a_surface_that_does_not_exist_is_told_of() {
    let mut viewer = Viewer::with(config(false), &[0]);
    viewer.display(&fill(Rect::new(0, 0, 4, 4), 0x11));
    assert_eq!(
        viewer.notices(),
        ["display:0: DRAW_FILL: there is no surface 0"]
    );
}

#[test]
fn a_command_that_cannot_be_read_is_told_of() {
    let mut viewer = viewer();
    viewer.receive(DISPLAY, frame(302, vec![0; 8]));
    assert_eq!(viewer.notices().len(), 1);
}

#[test]
fn one_video_frame_a_second_is_decoded_so_that_a_broken_stream_ends_and_none_is_shown() {
    let mut viewer = viewer();
    let dest = Rect::new(0, 0, 8, 8);
    viewer.display(&mjpeg(0, 8, dest));
    let show = |viewer: &mut Viewer, ms: u32, data: &[u8]| {
        viewer.now = Duration::from_millis(ms.into());
        viewer.display(&Display::StreamData(StreamData {
            id: 0,
            multi_media_time: 1000 + ms,
            data,
        }));
    };
    for ms in [0, 40, 80] {
        show(&mut viewer, ms, &grey_jpeg(&[90]));
        assert_eq!(viewer.events(), [region(dest)]);
    }
    show(&mut viewer, 999, b"not even a JPEG file");
    viewer.display(&fill(Rect::new(0, 0, 16, 16), 0x11));
    assert!(viewer.notices().is_empty());
    show(&mut viewer, 1000, b"not even a JPEG file");
    assert_eq!(viewer.notices().len(), 1);
    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 }));
    assert!(is_empty(&viewer));
}

/// What two sessions of the same recording tell until `at`, the first of which draws.
struct Both([Player<BufReader<File>>; 2]);

impl Both {
    fn open(path: &Path) -> Self {
        let reader = || {
            let file = File::open(path).expect("it is there");
            Reader::new(BufReader::new(file)).expect("a capture")
        };
        let chosen = Survey::read(reader()).expect("SPICE in it").choose(None);
        Self([true, false].map(|draws| Player::with_config(reader(), chosen, config(draws))))
    }

    /// Plays the next record; what each tells of it. `None` at the end.
    fn step(&mut self) -> Option<[Vec<ClientEvent>; 2]> {
        let [first, _] = &mut self.0;
        let at = first.next_at().expect("it can be read")?;
        let mut told = self.0.each_mut().map(|player| {
            player.step(at).expect("it can be read");
            std::iter::from_fn(|| player.poll_event()).collect::<Vec<_>>()
        });
        // What is wrong with images is heard by those who decode them.
        for events in &mut told {
            events.retain(|event| !matches!(event, ClientEvent::Notice(_)));
        }
        Some(told)
    }
}

/// The areas that events name, and the other events.
fn parted(events: Vec<ClientEvent>) -> (Vec<Rect>, Vec<ClientEvent>) {
    let (mut areas, mut others) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            ClientEvent::Display(Event::Region { rect, .. }) => areas.push(rect),
            other => others.push(other),
        }
    }
    (areas, others)
}

/// Whether these rectangles together cover another.
fn cover(areas: &[Rect], rect: Rect) -> bool {
    let mut left = vec![rect];
    for area in areas {
        left = left
            .into_iter()
            .flat_map(|rect| rect.subtract(*area))
            .collect();
    }
    left.is_empty()
}

/// Whether all that is in one list is also in the other.
fn is_within(areas: &[Rect], others: &[Rect]) -> bool {
    areas.iter().all(|rect| cover(others, *rect))
}

#[test]
fn it_names_the_areas_of_every_recording_that_a_session_names_which_draws_them() {
    for name in recordings::names() {
        let mut both = Both::open(&recordings::path(&name));
        let mut larger = 0;
        while let Some([drawn, undrawn]) = both.step() {
            let ((drawn, others), (undrawn, same)) = (parted(drawn), parted(undrawn));
            assert_eq!(others, same, "{name}");
            assert!(
                is_within(&drawn, &undrawn),
                "{name}: {drawn:?} is not all in {undrawn:?}"
            );
            larger += u32::from(!is_within(&undrawn, &drawn));
        }
        // Of lines, glyphs and small masks the box is named.
        let expected = if name == "draws-commands.pcapng" {
            16
        } else {
            0
        };
        assert_eq!(larger, expected, "{name}");

        let [_, undrawn] = &both.0;
        for (_, display) in undrawn.session().displays() {
            assert_eq!(display.codec_counts(), [], "{name}");
            let mut surfaces = display
                .canvas()
                .surfaces()
                .map(|(_, surface)| surface.pixels());
            assert!(surfaces.all(is_zero), "{name}");
        }
    }
}

// The program.

/// The lines of `connect` at a server that draws a damaged image, up to the mark behind it.
fn lines_of_connect(arguments: &[&str]) -> String {
    let address = serve(|mut connection| match connection.id {
        DISPLAY => {
            let rect = Rect::new(0, 0, 4, 4);
            let damaged = image(1, ImageFlags::empty(), (4, 4), ImageData::Quic(b"damaged"));
            connection.send(&primary(16, 16));
            connection.send(&copy(rect, damaged));
            connection.send(&Display::Mark);
            while connection.receive().is_some() {}
        }
        _ => greet(connection, &[DISPLAY]),
    });
    let mut program = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["connect", &address.to_string()])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is built");
    let lines = BufReader::new(program.stdout.take().expect("it was piped")).lines();
    let lines = lines.map(|line| line.expect("text"));
    let told: Vec<String> = lines.take_while(|line| !line.contains("marked")).collect();
    program.kill().expect("it goes on");
    program.wait().expect("it ends");
    told.join("\n")
}

#[test]
fn connect_tells_of_a_damaged_image_if_it_is_to_draw_and_else_where_it_would_be() {
    let lines = lines_of_connect(&[]);
    assert!(lines.contains("4x4"), "{lines}");
    assert!(!lines.contains("DRAW_COPY"), "{lines}");

    let lines = lines_of_connect(&["--draw"]);
    assert!(!lines.contains("4x4"), "{lines}");
    assert!(lines.contains("DRAW_COPY"), "{lines}");
}
