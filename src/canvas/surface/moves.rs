//! COPY_BITS: an area moves on its own surface.

use super::{Surface, each_rect};
use crate::canvas::area::part_within;
use crate::canvas::clip::{Order, Region};
use crate::canvas::{Clip, Damage};
use crate::geometry::{Point, Rect};
use crate::pixels::PixelFormat;

impl Surface {
    /// COPY_BITS: moves what is at `from` to the corner of `bbox`, as if through a temporary copy. Pixels that would come
    /// from outside the surface stay as they are.
    pub fn copy_bits(&mut self, bbox: Rect, clip: &Clip, from: Point, damage: &mut Damage) {
        let mut memory = self.scratch.take();
        let region = &mut memory.region;
        let Some(way) = self.moved(bbox, clip, from, region) else {
            return self.scratch.put(memory);
        };
        if self.format() == PixelFormat::A1 {
            self.move_plainly(region, way, damage);
        } else if let Some(whole) = region.only_rect()
            && way.x == 0
            && self.rows.scroll(whole, way.y)
        {
            damage.add(whole);
        } else {
            each_rect(region, damage, |rect| self.rows.copy(rect, (way.x, way.y)));
        }
        self.scratch.put(memory);
    }

    /// The way from each place where COPY_BITS draws to where its pixels come from; `None` if it changes nothing. `region`
    /// becomes these places, in the order in which it has to draw.
    pub(in crate::canvas) fn moved(
        &self,
        bbox: Rect,
        clip: &Clip,
        from: Point,
        region: &mut Region,
    ) -> Option<Point> {
        let dx = i64::from(from.x) - i64::from(bbox.left);
        let dy = i64::from(from.y) - i64::from(bbox.top);
        let size = self.size();
        let target = part_within(bbox.intersect(size.to_rect()), -dx, -dy, size);
        if target.is_empty() || (dx, dy) == (0, 0) {
            return None;
        }
        // Both ends of the way are on the surface, so it is short.
        let way = Point::new(dx as i32, dy as i32);
        // A rectangle is drawn before the place it was read from is drawn over.
        let order = Order {
            bottom_up: way.y < 0,
            right_to_left: way.x < 0,
        };
        region.begin_in(clip, target, order);
        Some(way)
    }

    /// The plain version of every way to move.
    pub(super) fn move_plainly(
        &mut self,
        region: impl Iterator<Item = Rect>,
        way: Point,
        damage: &mut Damage,
    ) {
        let pixels = self.rows.in_order_mut();
        let before = pixels.clone();
        each_rect(region, damage, |rect| {
            for y in rect.top..rect.bottom {
                for x in rect.left..rect.right {
                    let (from_x, from_y) = ((x + way.x) as u32, (y + way.y) as u32);
                    let word = before.view().pixel(from_x, from_y);
                    pixels.set_pixel(x as u32, y as u32, word);
                }
            }
        });
    }
}
