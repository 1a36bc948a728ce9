//! A painter that remembers what it was shown, through all that may change.

use std::sync::{Mutex, PoisonError};

use super::*;
use crate::channel::cursor;
use crate::geometry::Point;
use crate::pixels::{PixelBuf, PixelFormat};
use crate::term::paint::Scene;
use crate::term::{Pane, Raster};

const SIZE: Size = Size::new(12, 8);
const PLACE: Place = Place {
    column: 0,
    row: 0,
    cell: Size::new(2, 4),
    terminal: (6, 3),
};

/// The picture, what changed of it, and whether there was a pointer.
type Painting = (Vec<u8>, Vec<Rect>, bool);

/// What a painter was shown.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Painting>>>);

impl Seen {
    fn last(&self) -> Painting {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last().unwrap().clone()
    }
}

struct Watcher {
    seen: Seen,
    layer: bool,
}

impl Painter for Watcher {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let picture = scene.picture.packed().unwrap().to_vec();
        let mut seen = self.seen.0.lock().unwrap();
        seen.push((picture, scene.changed.to_vec(), scene.pointer.is_some()));
        out.push(b'.');
        Painted {
            dots: 0,
            owed: 0,
            coarse: !scene.quality.is_best(),
        }
    }
    fn forget(&mut self) {}
    fn leave(&mut self, _: &mut Vec<u8>) {}
    fn has_pointer_layer(&self) -> bool {
        self.layer
    }
}

fn pane() -> Pane {
    Pane {
        columns: 6,
        rows: 2,
        raster: Raster(PLACE.cell),
        cell_aspect: 0.5,
    }
}

fn pointer(x: i32, y: i32, invert: Vec<u8>) -> GuestPointer {
    let shape = cursor::Shape {
        size: Size::new(2, 1),
        hot_spot: Point::new(0, 0),
        // White, and nothing.
        pixels: vec![255, 255, 255, 255, 0, 0, 0, 0],
        invert,
    };
    GuestPointer {
        shape: Arc::new(shape),
        at: Point::new(x, y),
    }
}

fn stage(layer: bool) -> (Pixels, Seen) {
    let seen = Seen::default();
    let painter = Watcher {
        seen: seen.clone(),
        layer,
    };
    (Pixels::new(Box::new(painter)), seen)
}

fn show(pixels: &mut Pixels, picture: &PixelBuf, pointer: Option<GuestPointer>) -> bool {
    let fit = Fit::whole(SIZE, &pane()).unwrap();
    let order = pixels.order(
        picture.view(),
        &fit,
        PLACE,
        Vec::new(),
        pointer,
        Duration::ZERO,
    );
    let Some(order) = order else {
        return false;
    };
    assert!(pixels.is_painting());
    pixels.accept(order.run(), None);
    true
}

#[test]
fn a_frame_has_what_changed_since_the_last_and_nothing_is_painted_twice() {
    let (mut pixels, seen) = stage(false);
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    assert!(show(&mut pixels, &picture, None));
    assert_eq!(seen.last().1, [SIZE.to_rect()]);
    assert!(!show(&mut pixels, &picture, None));
    picture.set_pixel(3, 2, 0x0012_3456);
    picture.set_pixel(9, 7, 0x0065_4321);
    let dot = Rect::new(3, 2, 4, 3);
    pixels.change(dot, Duration::ZERO);
    assert!(show(&mut pixels, &picture, None));
    let (plane, changed, _) = seen.last();
    assert_eq!(changed, [dot]);
    assert_eq!(plane[(2 * 12 + 3) * 4..][..3], [0x56, 0x34, 0x12]);
    // What nobody said had changed is not looked at.
    assert_eq!(plane[(7 * 12 + 9) * 4..][..3], [0, 0, 0]);
}

#[test]
fn a_pointer_without_a_layer_is_drawn_into_the_picture_and_taken_out_again() {
    let (mut pixels, seen) = stage(false);
    let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    show(&mut pixels, &picture, Some(pointer(4, 3, Vec::new())));
    let (plane, _, layer) = seen.last();
    assert!(!layer);
    assert_eq!(plane[(3 * 12 + 4) * 4..][..3], [255, 255, 255]);
    assert_eq!(plane[(3 * 12 + 5) * 4..][..3], [0, 0, 0]);
    // It moves half out of the picture.
    show(&mut pixels, &picture, Some(pointer(11, 3, Vec::new())));
    let (plane, changed, _) = seen.last();
    assert_eq!(plane[(3 * 12 + 4) * 4..][..3], [0, 0, 0]);
    assert_eq!(plane[(3 * 12 + 11) * 4..][..3], [255, 255, 255]);
    assert_eq!(changed, [Rect::new(4, 3, 6, 4), Rect::new(11, 3, 12, 4)]);
    show(&mut pixels, &picture, None);
    assert_eq!(seen.last().0, picture.data());
}

#[test]
fn only_a_pointer_that_inverts_nothing_can_be_a_layer() {
    let (mut pixels, seen) = stage(true);
    let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    show(&mut pixels, &picture, Some(pointer(4, 3, Vec::new())));
    assert_eq!(
        (seen.last().0, seen.last().2),
        (picture.data().to_vec(), true)
    );
    show(&mut pixels, &picture, Some(pointer(4, 3, vec![0, 1])));
    let (plane, _, layer) = seen.last();
    assert!(!layer);
    assert_eq!(plane[(3 * 12 + 5) * 4..][..3], [255, 255, 255]);
}

#[test]
fn frames_for_a_terminal_that_keeps_them_are_rare() {
    let (mut pixels, seen) = stage(false);
    let second = Duration::from_secs(1);
    pixels.rest(second);
    let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    let fit = Fit::whole(SIZE, &pane()).unwrap();
    let order =
        |pixels: &mut Pixels, now| pixels.order(picture.view(), &fit, PLACE, Vec::new(), None, now);
    let first = order(&mut pixels, Duration::ZERO).unwrap();
    pixels.accept(first.run(), None);
    assert_eq!(pixels.due(), None);
    let dot = Rect::new(3, 2, 4, 3);
    pixels.change(dot, second / 2);
    assert!(order(&mut pixels, second / 2).is_none());
    assert_eq!(pixels.due(), Some(second));
    let late = order(&mut pixels, second).unwrap();
    pixels.accept(late.run(), None);
    assert_eq!(seen.last().1, [dot]);
    assert_eq!(pixels.due(), None);
}

#[test]
fn what_was_drawn_poorly_is_refined_once_it_stands_still() {
    let (mut pixels, _) = stage(false);
    let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    let fit = Fit::whole(SIZE, &pane()).unwrap();
    let order =
        |pixels: &mut Pixels, now| pixels.order(picture.view(), &fit, PLACE, Vec::new(), None, now);
    let first = order(&mut pixels, Duration::ZERO).unwrap().run();
    // A byte that takes a link ten seconds: the next frame of a film is poorer.
    pixels.accept(first, Some(0.1));
    pixels.change(Rect::new(0, 0, 1, 1), STILL);
    let poor = order(&mut pixels, STILL).unwrap();
    assert_ne!(poor.quality, Quality::BEST);
    pixels.accept(poor.run(), None);
    assert_eq!(pixels.refinement_due(), Some(STILL * 2));
    assert!(order(&mut pixels, STILL + STILL / 2).is_none());
    let fine = order(&mut pixels, STILL * 2).unwrap();
    assert_eq!(fine.quality, Quality::BEST);
    pixels.accept(fine.run(), None);
    assert_eq!(pixels.refinement_due(), None);
}
