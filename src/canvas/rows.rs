//! The rows of a surface. Those of an area that scrolls are a ring: to scroll it by a few rows only those few are copied.
//!
//! A terminal moves nearly all of its window up by a line, again and again. Where the rows of that area lie in memory then
//! turns by as many rows, and the rows that came to stand where they do not belong are overwritten. Drawing within the
//! columns of the area finds its rows by their place; whoever needs all rows in order has them turned back first, which
//! costs about as much as one move. So an area has to be moved a few times before its rows become a ring.

use std::sync::OnceLock;

use crate::geometry::{Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat, PixelView};

/// Packed rows of pixels, some of them perhaps in another place than their own.
#[derive(Clone)]
pub(super) struct Rows {
    pixels: PixelBuf,
    ring: Option<Ring>,
    /// The area that was moved last, and how often in a row.
    habit: (Rect, u32),
    /// The rows in order, made for somebody who only reads. INVARIANT: empty unless nothing was drawn since.
    in_order: OnceLock<PixelBuf>,
}

/// An area whose rows lie turned.
#[derive(Clone, Copy)]
struct Ring {
    /// INVARIANT: on the surface.
    area: Rect,
    /// Rows from the top of the area to where its top row lies. INVARIANT: less than its height.
    first: i32,
}

/// Moves of one area, the last one not counted, before its rows become a ring.
const HABIT: u32 = 2;

/// Bytes of an area below which it is moved row by row.
const SMALLEST: usize = 64 << 10;

impl Rows {
    /// Rows of zeros.
    pub fn new(format: PixelFormat, size: Size) -> Self {
        Self {
            pixels: PixelBuf::new(format, size),
            ring: None,
            habit: (Rect::default(), 0),
            in_order: OnceLock::new(),
        }
    }

    /// Layout of one pixel.
    pub fn format(&self) -> PixelFormat {
        self.pixels.format
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.pixels.size
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.pixels.data().len()
    }

    /// All rows in order; of those that lie elsewhere through a copy.
    pub fn view(&self) -> PixelView<'_> {
        if self.ring.is_none() {
            return self.pixels.view();
        }
        let in_order = self.in_order.get_or_init(|| {
            let mut copy = self.clone();
            copy.put_in_order();
            copy.pixels
        });
        in_order.view()
    }

    /// All rows in order, to be written.
    pub fn in_order_mut(&mut self) -> &mut PixelBuf {
        self.put_in_order();
        &mut self.pixels
    }

    /// Zeros everywhere.
    pub fn clear(&mut self) {
        self.overwritten();
        self.pixels.data_mut().fill(0);
    }

    /// Takes over packed rows, of as many bytes, and leaves other ones in their place.
    pub fn exchange(&mut self, rows: &mut Vec<u8>) {
        self.overwritten();
        self.pixels.exchange(rows);
    }

    /// Prepares for [`row`](Self::row) and [`row_mut`](Self::row_mut) of rectangles within `rect`.
    pub fn reach(&mut self, rect: Rect) {
        self.in_order.take();
        let across = |ring: &Ring| rect.overlaps(ring.area) && !ring.has_columns_of(rect);
        if self.ring.as_ref().is_some_and(across) {
            self.put_in_order();
        }
    }

    /// Row `y` of `rect`, which lies on the surface and was [reached](Self::reach). Not for [`PixelFormat::A1`].
    pub fn row(&self, rect: Rect, y: i32) -> &[u8] {
        let (start, len) = self.span(rect, y);
        &self.pixels.data()[start..][..len]
    }

    /// The same, to be written.
    pub fn row_mut(&mut self, rect: Rect, y: i32) -> &mut [u8] {
        let (start, len) = self.span(rect, y);
        &mut self.pixels.data_mut()[start..][..len]
    }

    /// Where row `y` of `rect` begins, and its length, in bytes.
    fn span(&self, rect: Rect, y: i32) -> (usize, usize) {
        let bytes = self.format().bytes();
        let place = match &self.ring {
            Some(ring) if ring.has_columns_of(rect) => ring.place(y),
            _ => y,
        };
        // On the surface no coordinate is negative.
        let start = place as usize * self.pixels.stride() + rect.left as usize * bytes;
        (start, rect.width() as usize * bytes)
    }

    /// Moves what is `down` rows below `target` there, in the columns of `target`; above it if that is negative. Both are
    /// on the surface. Whether it did; if not, nothing has changed.
    ///
    /// It does with an area large enough that is moved often, by a few of its rows.
    pub fn scroll(&mut self, target: Rect, down: i32) -> bool {
        let area = target.bounds(target.translate(0, down));
        let (rows, by) = (area.height() as i32, down.saturating_abs());
        let bytes = area.area() as usize * self.format().bytes();
        if bytes < SMALLEST || by > rows / 4 || self.format() == PixelFormat::A1 {
            return false;
        }
        let times = match self.habit {
            (before, times) if before == area => times.saturating_add(1),
            _ => 0,
        };
        self.habit = (area, times);
        if times < HABIT {
            return false;
        }
        if self.ring.is_none_or(|ring| ring.area != area) {
            self.put_in_order();
            // Putting another area in order forgot the habit.
            self.habit = (area, times);
        }
        self.in_order.take();
        let before = self.ring.unwrap_or(Ring { area, first: 0 });
        let after = before.turned(down);
        self.ring = Some(after);
        // What does not move keeps its pixels, and they belong elsewhere from now on.
        let still = match down > 0 {
            true => area.bottom - by..area.bottom,
            false => area.top..area.top + by,
        };
        for y in still {
            self.copy_row(area, before.place(y), after.place(y));
        }
        true
    }

    /// Copies a rectangle to another place on the surface, in the order that lets them overlap.
    pub fn copy(&mut self, target: Rect, from: (i32, i32)) {
        let source = target.translate(from.0, from.1);
        let involved = |ring: Ring| ring.area.overlaps(target) || ring.area.overlaps(source);
        if self.ring.is_some_and(involved) {
            self.put_in_order();
        }
        self.in_order.take();
        let bytes = self.format().bytes();
        let stride = self.pixels.stride();
        let at = |x: i32, y: i32| y as usize * stride + x as usize * bytes;
        let len = target.width() as usize * bytes;
        for i in 0..target.bottom - target.top {
            let y = match from.1 < 0 {
                true => target.bottom - 1 - i,
                false => target.top + i,
            };
            let start = at(target.left + from.0, y + from.1);
            let to = at(target.left, y);
            self.pixels.data_mut().copy_within(start..start + len, to);
        }
    }

    /// Every row is in its own place, whatever is in it.
    fn overwritten(&mut self) {
        self.in_order.take();
        (self.ring, self.habit) = (None, (Rect::default(), 0));
    }

    /// Turns the rows of the ring back.
    fn put_in_order(&mut self) {
        self.in_order.take();
        let Some(Ring { area, first }) = self.ring.take() else {
            return;
        };
        self.habit = (Rect::default(), 0);
        // The lesser part goes through a copy.
        let rows = area.height() as i32;
        let top_first = first <= rows / 2;
        let part = match top_first {
            true => area.top..area.top + first,
            false => area.top + first..area.bottom,
        };
        let mut aside = Vec::new();
        for y in part {
            aside.extend_from_slice(self.row(area, y));
        }
        let len = area.width() as usize * self.format().bytes();
        let home = match top_first {
            true => {
                for y in area.top + first..area.bottom {
                    self.copy_row(area, y, y - first);
                }
                area.bottom - first
            }
            false => {
                for y in (area.top..area.top + first).rev() {
                    self.copy_row(area, y, y + rows - first);
                }
                area.top
            }
        };
        for (y, row) in (home..).zip(aside.chunks_exact(len)) {
            self.row_mut(area, y).copy_from_slice(row);
        }
    }

    /// Copies the columns of `area` from one place to another.
    fn copy_row(&mut self, area: Rect, from: i32, to: i32) {
        let (stride, bytes) = (self.pixels.stride(), self.format().bytes());
        let at = |y: i32| y as usize * stride + area.left as usize * bytes;
        let len = area.width() as usize * bytes;
        let data = self.pixels.data_mut();
        data.copy_within(at(from)..at(from) + len, at(to));
    }
}

impl Ring {
    fn has_columns_of(&self, rect: Rect) -> bool {
        rect.left >= self.area.left && rect.right <= self.area.right
    }

    /// Where row `y` lies, if it is one of the area; `y` if not.
    fn place(&self, y: i32) -> i32 {
        let Rect { top, bottom, .. } = self.area;
        if !(top..bottom).contains(&y) {
            return y;
        }
        let place = y + self.first;
        if place >= bottom {
            place - (bottom - top)
        } else {
            place
        }
    }

    /// The same with every row where the one `down` rows above was.
    fn turned(self, down: i32) -> Self {
        let rows = self.area.height() as i32;
        let first = (self.first + down).rem_euclid(rows);
        Self { first, ..self }
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.view(), other.view());
        (one.format, one.size) == (other.format, other.size) && one.rows().eq(other.rows())
    }
}

impl Eq for Rows {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::canvas::{Area, Brush, Clip, Damage, Rop, Surface};
    use crate::geometry::Point;

    const SIZE: Size = Size::new(160, 140);

    /// Areas that scroll: two that overlap, and one beside them that is too small to become a ring.
    const AREAS: [Rect; 3] = [
        Rect::new(8, 4, 156, 138),
        Rect::new(4, 0, 160, 130),
        Rect::new(0, 20, 4, 120),
    ];

    #[derive(Clone, Debug)]
    enum Step {
        /// Moves what is so many rows below the rest of an area up, several times.
        Scroll(usize, i32, usize),
        Move(Rect, Point),
        Fill(Rect, u32),
        Invert(Rect),
        Read(Rect),
        ReadAll,
    }

    fn rect() -> impl Strategy<Value = Rect> {
        (0..150_i32, 0..130_i32, 1..60_u32, 1..40_u32)
            .prop_map(|(x, y, width, height)| Rect::at(x, y, Size::new(width, height)))
    }

    fn step() -> impl Strategy<Value = Step> {
        let point = (0..150_i32, 0..130_i32).prop_map(|(x, y)| Point::new(x, y));
        prop_oneof![
            8 => (0..3_usize, -34..34_i32, 1..5_usize)
                .prop_map(|(area, by, times)| Step::Scroll(area, by, times)),
            2 => (rect(), point).prop_map(|(rect, from)| Step::Move(rect, from)),
            4 => (rect(), any::<u32>()).prop_map(|(rect, word)| Step::Fill(rect, word)),
            2 => rect().prop_map(Step::Invert),
            2 => rect().prop_map(Step::Read),
            1 => Just(Step::ReadAll),
        ]
    }

    /// What a surface shows, kept pixel by pixel.
    struct Plain(Vec<Vec<u32>>);

    impl Plain {
        fn each(&mut self, rect: Rect, word: impl Fn(&[Vec<u32>], usize, usize) -> Option<u32>) {
            let before = self.0.clone();
            let rect = rect.intersect(SIZE.to_rect());
            for y in rect.top as usize..rect.bottom as usize {
                for x in rect.left as usize..rect.right as usize {
                    self.0[y][x] = word(&before, x, y).unwrap_or(before[y][x]);
                }
            }
        }

        fn copy(&mut self, rect: Rect, from: Point) {
            let (dx, dy) = (from.x - rect.left, from.y - rect.top);
            self.each(rect, |before, x, y| {
                let [x, y] = [x as i32 + dx, y as i32 + dy].map(|n| usize::try_from(n).ok());
                before.get(y?)?.get(x?).copied()
            });
        }

        fn bytes(&self, rect: Rect) -> Vec<u8> {
            let rect = rect.intersect(SIZE.to_rect());
            let rows = &self.0[rect.top as usize..rect.bottom as usize];
            let parts = rows
                .iter()
                .map(|row| &row[rect.left as usize..rect.right as usize]);
            parts
                .flatten()
                .flat_map(|word| word.to_le_bytes())
                .collect()
        }
    }

    fn draw(surface: &mut Surface, plain: &mut Plain, step: &Step) {
        let damage = &mut Damage::default();
        match *step {
            Step::Scroll(area, by, times) => {
                let area = AREAS[area];
                let rest = Rect {
                    top: area.top + (-by).max(0),
                    bottom: area.bottom - by.max(0),
                    ..area
                };
                let from = Point::new(area.left, rest.top + by);
                for _ in 0..times {
                    surface.copy_bits(rest, &Clip::None, from, damage);
                    plain.copy(rest, from);
                }
            }
            Step::Move(rect, from) => {
                surface.copy_bits(rect, &Clip::None, from, damage);
                plain.copy(rect, from);
            }
            Step::Fill(rect, word) => {
                let area = Area::new(rect, &Clip::None);
                surface
                    .fill(&area, &Brush::Solid(word), Rop::PUT, damage)
                    .expect("a solid brush");
                plain.each(rect, |_, _, _| Some(word));
            }
            Step::Invert(rect) => {
                let area = Area::new(rect, &Clip::None);
                surface.invers(&area, damage);
                plain.each(rect, |before, x, y| Some(!before[y][x]));
            }
            Step::Read(rect) => {
                let read: Vec<u8> = surface.rows_of(rect).flatten().copied().collect();
                assert!(read == plain.bytes(rect), "{rect:?} differs");
            }
            Step::ReadAll => {
                let read: Vec<u8> = surface.pixels().rows().flatten().copied().collect();
                assert!(read == plain.bytes(SIZE.to_rect()), "the surface differs");
            }
        }
    }

    fn noise() -> (Surface, Plain) {
        let mut surface = Surface::new(PixelFormat::Xrgb, SIZE).expect("a small surface");
        let word = |x: u32, y: u32| (x + y * SIZE.width).wrapping_mul(0x9e37_79b9);
        let rows: Vec<Vec<u32>> = (0..SIZE.height)
            .map(|y| (0..SIZE.width).map(|x| word(x, y)).collect())
            .collect();
        let bytes = rows.iter().flatten().flat_map(|word| word.to_le_bytes());
        surface.rows.exchange(&mut bytes.collect());
        (surface, Plain(rows))
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            cases: 100,
            rng_seed: RngSeed::Fixed(12),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_surface_that_scrolls_shows_what_one_shows_that_is_drawn_pixel_by_pixel(
            steps in prop::collection::vec(step(), 1..14),
        ) {
            let (mut surface, mut plain) = noise();
            for step in &steps {
                draw(&mut surface, &mut plain, step);
            }
            let copy = surface.clone();
            draw(&mut surface, &mut plain, &Step::ReadAll);
            surface.rows.in_order_mut();
            draw(&mut surface, &mut plain, &Step::ReadAll);
            prop_assert!(surface == copy);
        }
    }

    #[test]
    fn rows_become_a_ring_when_an_area_was_moved_three_times_and_are_in_order_when_all_are_asked_for()
     {
        let (mut surface, mut plain) = noise();
        let scroll = Step::Scroll(0, 13, 1);
        for is_ring in [false, false, true, true] {
            draw(&mut surface, &mut plain, &scroll);
            assert_eq!(surface.rows.ring.is_some(), is_ring);
        }
        // Within its columns, and beside it.
        draw(
            &mut surface,
            &mut plain,
            &Step::Fill(Rect::new(20, 0, 60, 140), 7),
        );
        draw(
            &mut surface,
            &mut plain,
            &Step::Read(Rect::new(0, 0, 8, 140)),
        );
        assert!(surface.rows.ring.is_some());
        draw(
            &mut surface,
            &mut plain,
            &Step::Read(Rect::new(0, 0, 9, 140)),
        );
        assert!(surface.rows.ring.is_none());
        draw(&mut surface, &mut plain, &Step::ReadAll);
    }
}
