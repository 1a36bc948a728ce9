//! Commands that are not drawn, for somebody who only wants to know where.

use super::surface::each_rect;
use super::{Clip, Damage, Surface};
use crate::geometry::{Point, Rect};

impl Surface {
    /// Notes where any command but COPY_BITS draws with this box and clip. One with an unscaled picture or a mask that are
    /// smaller than its box draws less, and so may STROKE and TEXT.
    pub fn note(&mut self, bbox: Rect, clip: &Clip, damage: &mut Damage) {
        let extent = bbox.intersect(self.size().to_rect());
        let mut memory = self.scratch.take();
        memory.region.begin(clip, extent);
        each_rect(&mut memory.region, damage, |_| {});
        self.scratch.put(memory);
    }

    /// Notes where [`copy_bits`](Self::copy_bits) draws.
    pub fn note_copy_bits(&mut self, bbox: Rect, clip: &Clip, from: Point, damage: &mut Damage) {
        let mut memory = self.scratch.take();
        if self.moved(bbox, clip, from, &mut memory.region).is_some() {
            each_rect(&mut memory.region, damage, |_| {});
        }
        self.scratch.put(memory);
    }
}
