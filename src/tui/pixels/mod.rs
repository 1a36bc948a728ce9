//! The guest's screen as pixels of the terminal, painted on another thread.
//!
//! There is one [`Studio`]: the painter and a copy of the picture it works from. It is here while nothing is painted, and away
//! with an [`Order`] otherwise; what changes meanwhile waits as an area, and the next order has the newest pixels of it.
//!
//! Speed: `cargo bench --bench scripts`.

mod pointer;
mod studio;
#[cfg(test)]
mod tests;

pub use pointer::GuestPointer;
pub use studio::{Frame, Order};

use std::sync::Arc;
use std::time::Duration;

use crate::canvas::Damage;
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;
use crate::term::Fit;
use crate::term::ladder::{Ladder, STILL};
use crate::term::paint::{Painted, Painter, Place, Quality, Room};
use pointer::DotPointer;
use studio::Studio;

/// Places that are urgent at once, pointers not counted.
const MOST_URGENT: usize = 8;

/// Dots that are much of a picture when they change. Fewer are drawn as well as they can be at once, where the link carries that.
const MUCH: u64 = 64 << 10;

/// How long a picture stands still before it is told that the terminal shows it less well than it could: on a quick link it never
/// comes to that.
const SLOW: Duration = Duration::from_secs(1);

/// Dots from which on a portion tells how many bytes the others will take.
const TELLING: u64 = 4096;

/// The picture of a terminal that draws pixels.
pub struct Pixels {
    /// Away while a frame is painted.
    studio: Option<Studio>,
    /// Dots that changed since the last order.
    pending: Damage,
    /// Whether the terminal has lost what it showed.
    forget: bool,
    ladder: Ladder,
    /// What the next frame may take.
    room: Room,
    /// Where something small changed, to be drawn first.
    urgent: Vec<Rect>,
    /// Dots that had no room in the last frame.
    owed: u64,
    /// Dots that were drawn since a picture was last complete.
    drawn: u64,
    /// Whether the terminal shows something less well than it could.
    coarse: bool,
    /// When something last changed, and when much of the picture did.
    changed_at: Duration,
    much_changed_at: Duration,
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

impl Pixels {
    /// A terminal that shows nothing yet.
    pub fn new(painter: Box<dyn Painter>) -> Self {
        Self {
            studio: Some(Studio::new(painter)),
            pending: Damage::default(),
            forget: true,
            ladder: Ladder::default(),
            room: Room::ALL,
            urgent: Vec::new(),
            owed: 0,
            drawn: 0,
            coarse: false,
            changed_at: Duration::ZERO,
            much_changed_at: Duration::ZERO,
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

    /// What the next frame may take, and where something small changed that is to be drawn before all else.
    pub fn limit(&mut self, room: Room, urgent: Vec<Rect>) {
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

    /// Whether a picture that stands still is not as good yet as it will be.
    pub fn is_refining(&self, now: Duration) -> bool {
        let is_still = now >= self.changed_at + SLOW;
        let is_calm = self.ladder.is_best() && now >= self.much_changed_at + SLOW;
        (self.coarse || self.owed > 0) && (is_still || is_calm)
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
        let still = self.changed_at + STILL;
        // A clock or a caret keeps nobody from seeing the rest as well as it can be seen: that is drawn between its frames.
        let calm = self.ladder.is_best().then_some(self.much_changed_at + SLOW);
        (self.coarse && is_complete).then(|| calm.map_or(still, |calm| calm.min(still)))
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
        let is_still = self.pending.is_empty() || self.changed_at + STILL <= now;
        let refines = is_still && self.refinement_due().is_some_and(|due| due <= now);
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
        let waiting: u64 = self.pending.rects().iter().map(|rect| rect.area()).sum();
        if waiting > MUCH {
            self.much_changed_at = now;
        }
        let mut studio = self.studio.take()?;
        self.ordered_at = Some(now);
        let mut changed: Vec<Rect> = self.pending.take().into_iter().collect();
        let forget = std::mem::take(&mut self.forget) || studio.size() != dots.size;
        if forget {
            changed = vec![dots.size.to_rect()];
        } else if uncovered {
            // The painter knows what it has not drawn there; it only has to look.
            changed.extend(self.covered.iter().map(|cells| in_dots(*cells, place.cell)));
        }
        let mut urgent = std::mem::take(&mut self.urgent);
        urgent.extend(studio.drawn_pointer());
        studio.begin(dots, &changed);
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
            forget,
            studio,
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
            urgent,
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
        let is_complete = owed == 0 || self.drawn >= frame.studio.size().area();
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
            studio.leave(&mut bytes);
        }
        self.forget = true;
        bytes
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
