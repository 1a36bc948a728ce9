//! The guest's screen as pixels of the terminal, painted on another thread.
//!
//! There is one [`Studio`]: the painter and a copy of the picture it works from. It is here while nothing is painted, and away
//! with an [`Order`] otherwise; what changes meanwhile waits as an area, and the next order has the newest pixels of it.

use std::sync::Arc;
use std::time::Duration;

use crate::canvas::Damage;
use crate::channel::cursor;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use crate::term::Fit;
use crate::term::ladder::{Ladder, STILL};
use crate::term::paint::{Painted, Painter, Place, Pointer, Quality, Scene};

/// Places that are urgent at once, pointers not counted.
const MOST_URGENT: usize = 8;

/// Dots from which on a portion tells how many bytes the others will take.
const TELLING: u64 = 4096;

/// Longest side of a pointer's shape, dots.
const MOST_POINTER: u32 = 256;

/// The picture of a terminal that draws pixels.
pub struct Pixels {
    /// Away while a frame is painted.
    studio: Option<Studio>,
    /// Dots that changed since the last order.
    pending: Damage,
    /// Whether the terminal has lost what it showed.
    forget: bool,
    ladder: Ladder,
    /// Bytes of the next frame, a few more or less.
    room: usize,
    /// Where something small changed, to be drawn first.
    urgent: Vec<Rect>,
    /// Dots that had no room in the last frame.
    owed: u64,
    /// Dots that were drawn since a picture was last complete.
    drawn: u64,
    /// Whether the terminal shows something less well than it could.
    coarse: bool,
    /// When something last changed.
    changed_at: Duration,
    covered: Vec<Rect>,
    pointer: Option<GuestPointer>,
    /// A number for each shape in each scale.
    shape_id: u64,
    place: Option<Place>,
    fit: Option<Fit>,
    /// Least time between two frames, for terminals that keep every one.
    rest: Duration,
    ordered_at: Option<Duration>,
    /// Whether a frame waits for that time to pass.
    is_late: bool,
}

/// A pointer on the guest's screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPointer {
    /// What it looks like.
    pub shape: Arc<cursor::Shape>,
    /// The pixel it points at.
    pub at: Point,
}

/// A frame to be painted: hand it to another thread, [`Order::run`] it there, and bring the result back.
pub struct Order {
    studio: Studio,
    size: Size,
    /// Rectangles and their dots, bytes B, G, R, X.
    patches: Vec<(Rect, Vec<u8>)>,
    place: Place,
    covered: Vec<Rect>,
    pointer: Option<DotPointer>,
    quality: Quality,
    /// Whether nothing changed and the picture is only to be better.
    refines: bool,
    room: usize,
    urgent: Vec<Rect>,
    forget: bool,
}

/// A frame that was painted.
pub struct Frame {
    studio: Studio,
    /// What the terminal is to be told.
    pub bytes: Vec<u8>,
    painted: Painted,
    quality: Quality,
    refines: bool,
}

/// A painter and what it paints from.
struct Studio {
    painter: Box<dyn Painter>,
    size: Size,
    /// The picture, bytes B, G, R, X, with the pointer on it when the painter has no layer for that.
    plane: Vec<u8>,
    /// Where the pointer is drawn into the picture, and what is below.
    below: Option<(Rect, Vec<u8>)>,
    pointer: Option<DotPointer>,
}

/// A pointer in dots.
#[derive(Clone, Debug, PartialEq)]
struct DotPointer {
    size: Size,
    /// Bytes B, G, R, A, colours multiplied by alpha.
    pixels: Vec<u8>,
    /// One byte a dot where the picture is inverted, or nothing.
    invert: Vec<u8>,
    id: u64,
    at: Point,
}

impl Pixels {
    /// A terminal that shows nothing yet.
    pub fn new(painter: Box<dyn Painter>) -> Self {
        Self {
            studio: Some(Studio {
                painter,
                size: Size::default(),
                plane: Vec::new(),
                below: None,
                pointer: None,
            }),
            pending: Damage::default(),
            forget: true,
            ladder: Ladder::default(),
            room: usize::MAX,
            urgent: Vec::new(),
            owed: 0,
            drawn: 0,
            coarse: false,
            changed_at: Duration::ZERO,
            covered: Vec::new(),
            pointer: None,
            shape_id: 0,
            place: None,
            fit: None,
            rest: Duration::ZERO,
            ordered_at: None,
            is_late: false,
        }
    }

    /// Paints no two frames within less than this.
    pub fn rest(&mut self, time: Duration) {
        self.rest = time;
    }

    /// How many bytes the next frame may take, and where something small changed that is to be drawn before all else.
    pub fn limit(&mut self, room: usize, urgent: Vec<Rect>) {
        self.room = room;
        self.urgent.extend(urgent);
        self.urgent.truncate(MOST_URGENT);
    }

    /// Whether some of the picture had no room in the last frame.
    pub fn is_behind(&self) -> bool {
        self.owed > 0
    }

    /// When there is something to do: a frame that had to wait, or a picture that stands still and can be made better. `None`
    /// while there is neither.
    pub fn due(&self) -> Option<Duration> {
        let rested = self
            .rested()
            .filter(|_| self.is_late && self.studio.is_some());
        [rested, self.refinement_due()].into_iter().flatten().min()
    }

    fn rested(&self) -> Option<Duration> {
        self.ordered_at.map(|at| at + self.rest)
    }

    /// Dots changed.
    pub fn change(&mut self, dots: Rect, now: Duration) {
        if !dots.is_empty() {
            self.pending.add(dots);
            self.changed_at = now;
        }
    }

    /// The terminal lost what it showed.
    pub fn forget(&mut self) {
        self.forget = true;
    }

    /// Whether a frame is being painted.
    pub fn is_painting(&self) -> bool {
        self.studio.is_none()
    }

    /// When a picture that stands still is to be made better; `None` while it is as good as it can be.
    pub fn refinement_due(&self) -> Option<Duration> {
        let is_complete = self.studio.is_some() && self.owed == 0;
        (self.coarse && is_complete).then_some(self.changed_at + STILL)
    }

    /// The next frame, if there is one to paint: `dots` as they are now, the cells `covered` by text, and the pointer.
    pub fn order(
        &mut self,
        dots: PixelView<'_>,
        fit: &Fit,
        place: Place,
        covered: Vec<Rect>,
        pointer: Option<GuestPointer>,
        now: Duration,
    ) -> Option<Order> {
        let refines = self.refinement_due().is_some_and(|due| due <= now);
        let uncovered = covered != self.covered;
        let same = !uncovered && pointer == self.pointer && self.place == Some(place);
        let nothing = self.pending.is_empty() && self.owed == 0;
        if nothing && same && !self.forget && !refines {
            return None;
        }
        self.is_late = self.rested().is_some_and(|rested| now < rested);
        if self.is_late {
            return None;
        }
        let mut studio = self.studio.take()?;
        self.ordered_at = Some(now);
        let pending = self.pending.take();
        let mut changed: Vec<Rect> = pending.rects().to_vec();
        let forget = std::mem::take(&mut self.forget);
        if forget || studio.size != dots.size {
            studio.size = Size::default();
            changed = vec![dots.size.to_rect()];
        } else if uncovered {
            // The painter knows what it has not drawn there; it only has to look.
            changed.extend(self.covered.iter().map(|cells| in_dots(*cells, place.cell)));
        }
        let patches = changed.into_iter().filter_map(|rect| {
            let rect = rect.intersect(dots.size.to_rect());
            let part = dots.crop(rect);
            (!rect.is_empty()).then(|| (rect, part.rows().flatten().copied().collect()))
        });
        let patches = patches.collect();
        let same_shape = pointer.as_ref().zip(self.pointer.as_ref());
        if !same_shape.is_some_and(|(new, old)| Arc::ptr_eq(&new.shape, &old.shape))
            || self.fit != Some(*fit)
        {
            self.shape_id += 1;
        }
        self.covered.clone_from(&covered);
        self.pointer.clone_from(&pointer);
        self.place = Some(place);
        self.fit = Some(*fit);
        Some(Order {
            forget: studio.size.is_empty(),
            studio,
            size: dots.size,
            patches,
            place,
            covered,
            pointer: pointer.and_then(|pointer| DotPointer::new(&pointer, fit, self.shape_id)),
            quality: if refines {
                Quality::BEST
            } else {
                self.ladder.quality()
            },
            refines,
            room: self.room,
            urgent: std::mem::take(&mut self.urgent),
        })
    }

    /// A frame is back; what the terminal is to be told, and whether it shows a picture that is complete, as far as one can be
    /// while it changes. `rate` is what the link carries, bytes a second.
    pub fn accept(&mut self, frame: Frame, rate: Option<f64>) -> (Vec<u8>, bool) {
        let Painted { dots, owed, coarse } = frame.painted;
        (self.coarse, self.owed) = (coarse, owed);
        if !frame.refines && frame.quality == self.ladder.quality() {
            let bytes = frame.bytes.len() as u64;
            if owed == 0 {
                self.ladder.drawn(bytes, rate);
            } else if dots >= TELLING {
                // What a frame without portions would take.
                self.ladder.drawn(bytes * (dots + owed) / dots, rate);
            }
        }
        self.drawn += dots;
        let is_complete = owed == 0 || self.drawn >= frame.studio.size.area();
        if is_complete {
            self.drawn = 0;
        }
        self.studio = Some(frame.studio);
        (frame.bytes, is_complete)
    }

    /// Takes the picture off the terminal. Nothing is told while a frame is being painted; the caller waits for that first.
    pub fn leave(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(studio) = &mut self.studio {
            studio.painter.leave(&mut bytes);
        }
        self.forget = true;
        bytes
    }
}

impl Order {
    /// Paints it.
    pub fn run(mut self) -> Frame {
        if self.forget {
            self.studio.painter.forget();
        }
        self.urgent.extend(self.studio.drawn_pointer());
        let changed = self.studio.apply(self.size, self.patches, self.pointer);
        self.urgent.extend(self.studio.drawn_pointer());
        let studio = &mut self.studio;
        studio.painter.limit(self.room, &self.urgent);
        let stride = PixelFormat::Xrgb.row_bytes(studio.size.width);
        let mut bytes = Vec::new();
        let mut painted = Painted::default();
        if let Some(picture) = PixelView::new(PixelFormat::Xrgb, studio.size, stride, &studio.plane)
        {
            let pointer = studio.pointer.as_ref().filter(|_| studio.below.is_none());
            let scene = Scene {
                picture,
                changed: &changed,
                place: self.place,
                covered: &self.covered,
                pointer: pointer.and_then(DotPointer::layer),
                quality: self.quality,
            };
            painted = studio.painter.paint(&scene, &mut bytes);
        }
        Frame {
            studio: self.studio,
            bytes,
            painted,
            quality: self.quality,
            refines: self.refines,
        }
    }
}

impl Studio {
    /// Where the pointer is drawn into the picture.
    fn drawn_pointer(&self) -> Option<Rect> {
        self.below.as_ref().map(|(rect, _)| *rect)
    }

    /// Brings the plane up to date; what changed on it.
    fn apply(
        &mut self,
        size: Size,
        patches: Vec<(Rect, Vec<u8>)>,
        pointer: Option<DotPointer>,
    ) -> Vec<Rect> {
        let mut changed = Vec::with_capacity(patches.len() + 2);
        let below = self.below.take();
        if self.size == size {
            if let Some((rect, dots)) = below {
                self.put(rect, &dots);
                changed.push(rect);
            }
        } else {
            self.size = size;
            self.plane.clear();
            self.plane.resize(size.area() as usize * 4, 0);
        }
        for (rect, dots) in patches {
            self.put(rect, &dots);
            changed.push(rect);
        }
        self.pointer = pointer;
        if let Some(pointer) = &self.pointer
            && !(self.painter.has_pointer_layer() && pointer.invert.is_empty())
        {
            let rect = Rect::at(pointer.at.x, pointer.at.y, pointer.size).intersect(size.to_rect());
            if !rect.is_empty() {
                let stride = size.width as usize * 4;
                let view = PixelView::new(PixelFormat::Xrgb, size, stride, &self.plane);
                let below = view.map(|view| view.crop(rect).rows().flatten().copied().collect());
                self.below = below.map(|dots| (rect, dots));
                pointer.draw(&mut self.plane, size, rect);
                changed.push(rect);
            }
        }
        changed
    }

    fn put(&mut self, rect: Rect, dots: &[u8]) {
        let (stride, row) = (self.size.width as usize * 4, rect.width() as usize * 4);
        if rect.is_empty() || !self.size.to_rect().covers(rect) {
            return;
        }
        for (line, y) in dots.chunks_exact(row).zip(rect.top as usize..) {
            self.plane[y * stride + rect.left as usize * 4..][..row].copy_from_slice(line);
        }
    }
}

impl DotPointer {
    /// A pointer as large as its guest's pixels are on the terminal.
    fn new(pointer: &GuestPointer, fit: &Fit, id: u64) -> Option<Self> {
        let shape = &pointer.shape;
        let (shown, dots) = (fit.shown(), fit.dots());
        let scale = |n: i64, dots: u32, pixels: u32| n * i64::from(dots) / i64::from(pixels.max(1));
        let across = |n: i64| scale(n, dots.width, shown.width());
        let down = |n: i64| scale(n, dots.height, shown.height());
        let size = Size::new(
            (across(shape.size.width.into()).max(1) as u32).min(MOST_POINTER),
            (down(shape.size.height.into()).max(1) as u32).min(MOST_POINTER),
        );
        let at = Point::new(
            across(i64::from(pointer.at.x) - i64::from(shape.hot_spot.x) - i64::from(shown.left))
                as i32,
            down(i64::from(pointer.at.y) - i64::from(shape.hot_spot.y) - i64::from(shown.top))
                as i32,
        );
        let mut pixels = Vec::with_capacity(size.area() as usize * 4);
        let mut invert = Vec::new();
        for y in 0..size.height {
            for x in 0..size.width {
                let column = u64::from(x) * u64::from(shape.size.width) / u64::from(size.width);
                let row = u64::from(y) * u64::from(shape.size.height) / u64::from(size.height);
                let from = (row * u64::from(shape.size.width) + column) as usize;
                let [b, g, r, a] = shape.pixels.get(from * 4..from * 4 + 4)?.try_into().ok()?;
                let times = |c: u8| ((u32::from(c) * u32::from(a) + 127) / 255) as u8;
                pixels.extend([times(b), times(g), times(r), a]);
                if !shape.invert.is_empty() {
                    invert.push(*shape.invert.get(from)?);
                }
            }
        }
        Some(Self {
            size,
            pixels,
            invert,
            id,
            at,
        })
    }

    fn layer(&self) -> Option<Pointer<'_>> {
        let stride = self.size.width as usize * 4;
        Some(Pointer {
            shape: PixelView::new(PixelFormat::Argb, self.size, stride, &self.pixels)?,
            shape_id: self.id,
            at: self.at,
        })
    }

    /// Draws the part of it inside `rect` into a packed plane. `rect` is inside both.
    fn draw(&self, plane: &mut [u8], size: Size, rect: Rect) {
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                let from =
                    (y - self.at.y) as usize * self.size.width as usize + (x - self.at.x) as usize;
                let to = (y as usize * size.width as usize + x as usize) * 4;
                let (shape, below) = (&self.pixels[from * 4..from * 4 + 4], &mut plane[to..to + 3]);
                if self.invert.get(from) == Some(&1) {
                    below.iter_mut().for_each(|c| *c = !*c);
                    continue;
                }
                let rest = 255 - u32::from(shape[3]);
                for (below, over) in below.iter_mut().zip(shape) {
                    *below = over.saturating_add(((u32::from(*below) * rest + 127) / 255) as u8);
                }
            }
        }
    }
}

fn in_dots(cells: Rect, cell: Size) -> Rect {
    let (wide, high) = (cell.width as i32, cell.height as i32);
    Rect::new(
        cells.left.saturating_mul(wide),
        cells.top.saturating_mul(high),
        cells.right.saturating_mul(wide),
        cells.bottom.saturating_mul(high),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::pixels::PixelBuf;
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
        let order = |pixels: &mut Pixels, now| {
            pixels.order(picture.view(), &fit, PLACE, Vec::new(), None, now)
        };
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
        let order = |pixels: &mut Pixels, now| {
            pixels.order(picture.view(), &fit, PLACE, Vec::new(), None, now)
        };
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
}
