//! What the user of a display has not been told yet.

use std::collections::VecDeque;

use crate::canvas::Damage;
use crate::channel::display::Event;
use crate::geometry::{Point, Rect};

/// What the user has not been told yet, about the primary.
#[derive(Clone, Default)]
pub(super) struct Pending {
    /// In the order they happened; at most one of each kind.
    pub control: Vec<Event>,
    /// Moves since the last event was taken. They are told before the damage: each read nothing that was damaged.
    pub moves: VecDeque<(Point, Rect)>,
    pub damage: Damage,
}

impl Pending {
    /// Queues a control event in the place of an older one of its kind.
    pub fn replace(&mut self, event: Event) {
        let kind = std::mem::discriminant(&event);
        self.control.retain(|e| std::mem::discriminant(e) != kind);
        self.control.push(event);
    }

    /// The pixels of `rect` came from the rectangle of its size at `from`.
    pub fn moved(&mut self, rect: Rect, from: Point) {
        let source = Rect::at(from.x, from.y, rect.size());
        // Who is told of the move has the pixels of before it, but not those that are still damaged.
        let known = self.damage.rects().iter().all(|r| !r.overlaps(source));
        if known && self.moves.len() < MAX_MOVES {
            self.moves.push_back((from, rect));
        } else {
            self.damage.add(rect);
        }
    }

    /// The next piece of the damage, small enough for one event.
    pub fn next_band(&mut self) -> Option<Rect> {
        let rect = *self.damage.rects().first()?;
        let rows = (REGION_PIXELS / rect.width().max(1)).clamp(1, rect.height());
        let band = Rect {
            bottom: rect.top.saturating_add_unsigned(rows),
            ..rect
        };
        let whole = self.damage.take();
        for other in whole {
            other.subtract(band).for_each(|rest| self.damage.add(rest));
        }
        Some(band)
    }
}

/// Most pixels of one [`Event::Region`]: 1 MiB. A larger area is told in bands.
const REGION_PIXELS: u32 = 256 * 1024;

/// Moves announced as such while nobody takes events; more become ordinary damage.
const MAX_MOVES: usize = 16;
