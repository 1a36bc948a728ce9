//! Video in a session whose user looks at no pixels: frames are told of, and decoded only when something needs them.

use std::time::Duration;

use capsaicin::channel::display::draw::{Clip, DisplayBase};
use capsaicin::channel::display::messages::{
    CopyBits, ServerMessage as Display, StreamClip, StreamData, StreamDataSized, StreamDestroy,
};
use capsaicin::channel::display::{Event, RegionPixels};
use capsaicin::geometry::{Point, Rect};
use capsaicin::session::{ClientEvent, SessionConfig};

use crate::support::video::grey_jpeg;
use crate::support::viewer::{Viewer, fill, mjpeg, primary};

const BOX: Rect = Rect::new(0, 0, 8, 8);
const SCREEN: Rect = Rect::new(0, 0, 16, 16);

/// A black screen of 16 × 16 with a video in its corner. The media clock says 1000 at the start.
fn playing(pixels: bool) -> Viewer {
    let config = SessionConfig {
        pixels,
        ..Default::default()
    };
    let mut viewer = Viewer::with(config, &[0]);
    viewer.display(&primary(16, 16));
    viewer.display(&mjpeg(0, 8, BOX));
    viewer
}

/// A video nobody looks at, of which two frames came: the first, of 70, which was decoded, and the second, of 90.
fn unwatched() -> Viewer {
    let mut viewer = playing(false);
    grey(&mut viewer, 0, 70);
    viewer.events();
    grey(&mut viewer, 40, 90);
    viewer
}

/// A frame of one grey, to be shown at once.
fn grey(viewer: &mut Viewer, ms: u32, value: u8) {
    data(viewer, 0, ms, &grey_jpeg(&[value]));
}

fn data(viewer: &mut Viewer, id: u32, ms: u32, data: &[u8]) {
    viewer.now = Duration::from_millis(ms.into());
    viewer.display(&Display::StreamData(StreamData {
        id,
        multi_media_time: 1000 + ms,
        data,
    }));
}

fn sized(viewer: &mut Viewer, ms: u32, value: u8, dest: Rect) {
    viewer.now = Duration::from_millis(ms.into());
    viewer.display(&Display::StreamDataSized(StreamDataSized {
        id: 0,
        multi_media_time: 1000 + ms,
        width: 8,
        height: 8,
        dest,
        data: &grey_jpeg(&[value]),
    }));
}

fn clip(viewer: &mut Viewer, rects: &[Rect]) {
    let clip = Clip::Rects(rects.to_vec().into());
    viewer.display(&Display::StreamClip(StreamClip { id: 0, clip }));
}

fn copy_bits(viewer: &mut Viewer, bbox: Rect, src_pos: Point) {
    let base = DisplayBase {
        surface_id: 0,
        bbox,
        clip: Clip::None,
    };
    viewer.display(&Display::CopyBits(CopyBits { base, src_pos }));
}

/// Blue of a pixel on the screen as far as it was needed.
fn pixel(viewer: &Viewer, x: u32, y: u32) -> u8 {
    let display = viewer.session.display(0).expect("it is open");
    let surface = display.canvas().surface(0).expect("it was created");
    surface.pixels().pixel(x, y) as u8
}

#[test]
fn a_frame_nobody_looks_at_is_told_of_and_not_decoded() {
    let mut viewer = unwatched();
    let region = Event::Region {
        display: 0,
        surface: 0,
        rect: BOX,
        pixels: RegionPixels::NotCut,
    };
    assert_eq!(viewer.events(), [ClientEvent::Display(region)]);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    let count = viewer.session.stats(viewer.now).streams[0].count;
    assert_eq!((count.shown, count.dropped), (2, 0));
}

#[test]
fn a_frame_is_decoded_before_something_is_drawn_over_it() {
    let mut viewer = unwatched();
    viewer.display(&fill(Rect::new(8, 0, 16, 16), 0x11));
    assert_eq!(pixel(&viewer, 0, 0), 70, "that was beside it");
    viewer.display(&fill(Rect::new(4, 4, 12, 12), 0x11));
    assert_eq!((pixel(&viewer, 0, 0), pixel(&viewer, 4, 4)), (90, 0x11));
}

#[test]
fn a_frame_is_decoded_before_it_is_copied() {
    let mut viewer = unwatched();
    copy_bits(&mut viewer, Rect::new(8, 8, 16, 16), Point::new(0, 0));
    assert_eq!(pixel(&viewer, 8, 8), 90);
}

#[test]
fn the_newest_frame_is_what_a_stream_leaves_behind() {
    let mut viewer = unwatched();
    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 }));
    assert_eq!(pixel(&viewer, 0, 0), 90);

    let mut viewer = unwatched();
    viewer.display(&Display::StreamDestroyAll);
    assert_eq!(pixel(&viewer, 0, 0), 90);
}

#[test]
fn a_frame_keeps_to_the_clip_and_the_place_of_its_time() {
    let mut viewer = unwatched();
    clip(&mut viewer, &[Rect::new(0, 0, 4, 4)]);
    assert_eq!(pixel(&viewer, 7, 7), 90);

    let mut viewer = unwatched();
    sized(&mut viewer, 80, 110, Rect::new(8, 8, 16, 16));
    assert_eq!((pixel(&viewer, 7, 7), pixel(&viewer, 8, 8)), (90, 0));
}

#[test]
fn a_frame_is_decoded_every_second_so_that_a_broken_stream_ends() {
    let mut viewer = unwatched();
    data(&mut viewer, 0, 999, b"not even a JPEG file");
    assert!(viewer.notices().is_empty());
    data(&mut viewer, 0, 1000, b"not even a JPEG file");
    assert_eq!(viewer.notices().len(), 1);
    assert_eq!(pixel(&viewer, 0, 0), 70);
}

#[test]
fn a_stream_whose_frame_turns_out_to_be_broken_ends_with_the_next_one() {
    let mut viewer = unwatched();
    data(&mut viewer, 0, 80, b"not even a JPEG file");
    viewer.display(&fill(BOX, 0x11));
    grey(&mut viewer, 120, 90);
    assert_eq!(viewer.notices().len(), 1);
    assert_eq!(viewer.session.stats(viewer.now).streams.len(), 0);
}

#[test]
fn whatever_is_drawn_between_frames_the_screen_is_the_one_that_is_watched() {
    let mut random = Random(0x5eed);
    for round in 0..60 {
        let mut viewers = [true, false].map(|pixels| {
            let mut viewer = playing(pixels);
            viewer.display(&mjpeg(1, 8, Rect::new(4, 4, 14, 12)));
            viewer
        });
        for step in 1..40 {
            let (kind, value) = (random.below(12), random.below(256) as u8);
            let (rect, other) = (random.rect(), random.rect());
            for viewer in &mut viewers {
                match kind {
                    0..=3 => grey(viewer, 20 * step, value),
                    4..=5 => data(viewer, 1, 20 * step, &grey_jpeg(&[value])),
                    6 => sized(viewer, 20 * step, value, rect),
                    7 => clip(viewer, &[rect, other]),
                    8 => copy_bits(viewer, rect, Point::new(other.left, other.top)),
                    9 => viewer.display(&Display::Reset),
                    _ => viewer.display(&fill(rect, value.into())),
                }
            }
        }
        // Onto itself: it reads everything and changes nothing.
        let screens = viewers.map(|mut viewer| {
            copy_bits(&mut viewer, SCREEN, Point::new(0, 0));
            let places = (0..16).flat_map(|y| (0..16).map(move |x| (x, y)));
            places
                .map(|(x, y)| pixel(&viewer, x, y))
                .collect::<Vec<_>>()
        });
        assert_eq!(screens[0], screens[1], "round {round}");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % end
    }

    fn rect(&mut self) -> Rect {
        let [left, top] = [0; 2].map(|_| self.below(13) as i32);
        let [width, height] = [0; 2].map(|_| 1 + self.below(6) as i32);
        Rect::new(left, top, left + width, top + height)
    }
}
