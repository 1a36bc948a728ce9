//! How much of what changed is drawn at once, and what of it first.
//!
//! On a slow link a whole frame takes seconds, and whatever became urgent after it was begun would wait for its end. So a frame
//! is drawn in portions. Each begins with what is small: a character that was typed, a caret, a pointer. The rest goes on
//! where the last portion ended, from the top again after the bottom, always with the newest dots: none is drawn twice before
//! all were drawn once, and what was overtaken by newer dots is never drawn.

use super::paint::Room;
use crate::geometry::{Point, Rect, Size};

/// Dots of what is small.
const SMALL: u64 = 4096;
/// More small rectangles than this are not urgent but a picture of many parts.
const MOST_SMALL: usize = 16;
/// Bytes of something small that are spent however little room there is. A portion of no more than that has nothing else, as long
/// as there is something small.
pub const MODEST: usize = 700;
/// Bytes of a dot, until it is known: of a desktop in 256 colours.
const USUAL: f64 = 0.12;
/// Rows of grains above the eye with which a picture begins that is made better.
const ABOVE_THE_EYE: i32 = 4;
/// Cuts of a part that turned out too long, until it is drawn all the same.
const MOST_CUTS: u32 = 6;
/// Parts of a portion, small ones not counted: each costs something by itself.
const MOST_PARTS: usize = 8;

/// What one call of a painter may draw.
#[derive(Clone, Debug)]
pub struct Portion {
    room: Room,
    /// Where something small is known to have changed, whatever changed around it.
    first: Vec<Rect>,
    /// Where the user is likely to look: at what became urgent last.
    eye: Point,
    /// Bytes a dot took lately.
    per_dot: f64,
    /// Where the next portion goes on.
    from: Point,
}

/// Rectangles that changed, by how they are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Small ones, the most urgent first.
    pub small: Vec<Rect>,
    /// The others.
    pub large: Vec<Rect>,
}

/// What became of rectangles.
#[derive(Clone, Debug)]
pub struct Drawn<T> {
    /// What was drawn, and what drawing it returned.
    pub shown: Vec<(Rect, T)>,
    /// What there was no room for.
    pub owed: Vec<Rect>,
}

impl Default for Portion {
    /// Room for everything.
    fn default() -> Self {
        Self {
            room: Room::ALL,
            first: Vec::new(),
            eye: Point::new(0, 0),
            per_dot: USUAL,
            from: Point::new(0, 0),
        }
    }
}

impl Portion {
    /// From now on there is room for so much, and these places are urgent.
    pub fn limit(&mut self, room: Room, first: &[Rect]) {
        self.room = room;
        // A pointer that stands still is urgent as well.
        if let Some(newest) = first.iter().find(|place| !self.first.contains(place)) {
            self.eye = newest.origin();
        }
        self.first.clear();
        self.first.extend_from_slice(first);
    }

    /// Where the user is likely to look.
    pub fn eye(&self) -> Point {
        self.eye
    }

    /// The user looks there.
    pub fn look_at(&mut self, eye: Point) {
        self.eye = eye;
    }

    /// The next portion begins a little above where the user is likely to look.
    pub fn begin_at_eye(&mut self, grain: Size) {
        let above = ABOVE_THE_EYE.saturating_mul(grain.height as i32);
        self.from = Point::new(0, self.eye.y.saturating_sub(above).max(0));
    }

    /// What there is room for.
    pub fn room(&self) -> Room {
        self.room
    }

    /// Whether so many dots are likely to have room.
    pub fn has_room_for(&self, dots: u64) -> bool {
        dots as f64 * self.per_dot <= self.room.bytes as f64
    }

    /// Sorts rectangles that do not overlap. Urgent places within large ones are cut out along the grain.
    pub fn sort(&self, rects: &[Rect], grain: Size) -> Sorted {
        let mut sorted = Sorted::default();
        for rect in rects {
            if rect.area() <= SMALL {
                sorted.small.push(*rect);
                continue;
            }
            let mut rest = vec![*rect];
            for place in &self.first {
                let urgent = on_grain(*place, grain).intersect(*rect);
                if !urgent.is_empty() && urgent.area() <= 2 * SMALL {
                    rest = rest.iter().flat_map(|rest| rest.subtract(urgent)).collect();
                    sorted.small.push(urgent);
                }
            }
            sorted.large.extend(rest);
        }
        let is_first = |rect: &Rect| self.first.iter().any(|place| place.overlaps(*rect));
        sorted
            .small
            .sort_by_key(|rect| (!is_first(rect), rect.area()));
        let urgent = sorted.small.len().min(MOST_SMALL);
        sorted.large.extend(sorted.small.drain(urgent..));
        sorted
    }

    /// Draws as much as there is room for, at least something. `encode` appends the bytes of a rectangle, of which it is told
    /// whether it is small; what it appended last may be taken back, and it is asked for a part of it instead.
    pub fn draw<T>(
        &mut self,
        sorted: Sorted,
        grain: Size,
        out: &mut Vec<u8>,
        mut encode: impl FnMut(Rect, bool, &mut Vec<u8>) -> T,
    ) -> Drawn<T> {
        let start = out.len();
        let mut drawn = Drawn {
            shown: Vec::new(),
            owed: Vec::new(),
        };
        // Something is left for the others, however much is urgent.
        let share = if sorted.large.is_empty() { 1 } else { 2 };
        let mut large = sorted.large;
        for rect in sorted.small {
            let before = out.len();
            if before - start >= self.room.bytes / share {
                drawn.owed.push(rect);
                continue;
            }
            let result = encode(rect, true, out);
            if out.len() - before > (self.room.bytes / 4).max(MODEST) {
                // Few dots, but of a picture.
                out.truncate(before);
                large.push(rect);
            } else {
                drawn.shown.push((rect, result));
            }
        }
        let urgent = drawn.shown.len();
        if urgent > 0 && self.room.bytes <= MODEST {
            drawn.owed.append(&mut large);
        }
        // Something is drawn of what is not urgent as well.
        let most_parts = MOST_PARTS.min(self.room.parts.saturating_sub(urgent).max(1));
        // The next one to draw is the last.
        let mut waiting = self.in_order(large, grain);
        while let Some(rect) = waiting.pop() {
            let left = self.room.bytes.saturating_sub(out.len() - start);
            let parts = drawn.shown.len() - urgent;
            let is_limited = self.room != Room::ALL;
            if is_limited && (left <= self.room.bytes / 4 || parts >= most_parts) {
                drawn.owed.push(rect);
                continue;
            }
            let (part, result) = self.draw_part(rect, grain, left, out, &mut encode);
            self.from = after(part);
            waiting.extend(rest_of(rect, part));
            drawn.shown.push((part, result));
        }
        if drawn.owed.is_empty() {
            // The next picture begins where it begins, and need not be cut.
            self.from = Point::new(0, 0);
        }
        drawn
    }

    /// Draws the first part of a rectangle that has room.
    fn draw_part<T>(
        &mut self,
        rect: Rect,
        grain: Size,
        left: usize,
        out: &mut Vec<u8>,
        encode: &mut impl FnMut(Rect, bool, &mut Vec<u8>) -> T,
    ) -> (Rect, T) {
        let start = out.len();
        let mut most = rect.area();
        for _ in 0..MOST_CUTS {
            let dots = (left as f64 / self.per_dot) as u64;
            let part = cut(rect, grain, dots.min(most));
            let result = encode(part, false, out);
            let bytes = out.len() - start;
            self.learn(part, bytes);
            if bytes <= left.saturating_add(left / 4) || part.area() <= grain.area() {
                return (part, result);
            }
            out.truncate(start);
            most = part.area() / 2;
        }
        let part = cut(rect, grain, grain.area());
        (part, encode(part, false, out))
    }

    fn learn(&mut self, part: Rect, bytes: usize) {
        let took = bytes as f64 / part.area().max(1) as f64;
        // What takes more is believed at once.
        let weight = if took > self.per_dot { 1.0 } else { 0.25 };
        self.per_dot += (took - self.per_dot) * weight;
    }

    /// The rectangles, cut at where the last portion ended; the first of what follows it comes last.
    fn in_order(&self, rects: Vec<Rect>, grain: Size) -> Vec<Rect> {
        let high = grain.height as i32;
        let top = self.from.y / high * high;
        let mut pieces = Vec::with_capacity(rects.len() + 4);
        for rect in rects {
            let above = Rect::new(rect.left, rect.top, rect.right, rect.bottom.min(top));
            let line = Rect::new(
                rect.left,
                rect.top.max(top),
                rect.right,
                rect.bottom.min(top + high),
            );
            let below = Rect::new(rect.left, rect.top.max(top + high), rect.right, rect.bottom);
            let before = Rect::new(
                line.left,
                line.top,
                line.right.min(self.from.x),
                line.bottom,
            );
            let after = Rect::new(
                line.left.max(self.from.x),
                line.top,
                line.right,
                line.bottom,
            );
            if before.is_empty() {
                // As few parts as can be.
                let rest = Rect::new(rect.left, rect.top.max(top), rect.right, rect.bottom);
                pieces.extend([(1, above), (0, rest)]);
            } else {
                pieces.extend([(1, above), (1, before), (0, after), (0, below)]);
            }
        }
        pieces.retain(|(_, rect)| !rect.is_empty());
        pieces.sort_by_key(|(round, rect)| std::cmp::Reverse((*round, rect.top, rect.left)));
        pieces.into_iter().map(|(_, rect)| rect).collect()
    }
}

/// Where what follows a part begins.
fn after(part: Rect) -> Point {
    Point::new(part.right, part.bottom - 1)
}

/// The smallest rectangle of whole grains around one.
fn on_grain(rect: Rect, grain: Size) -> Rect {
    let (wide, high) = (grain.width as i32, grain.height as i32);
    Rect::new(
        rect.left.div_euclid(wide) * wide,
        rect.top.div_euclid(high) * high,
        (rect.right + wide - 1).div_euclid(wide) * wide,
        (rect.bottom + high - 1).div_euclid(high) * high,
    )
}

/// The first part of a rectangle with at most so many dots: whole rows of grains or, of the first row, as many grains as that
/// is. At least a grain.
fn cut(rect: Rect, grain: Size, dots: u64) -> Rect {
    if rect.area() <= dots {
        return rect;
    }
    let (wide, high) = (grain.width as i32, grain.height as i32);
    // Less than the rectangle's own.
    let rows = (dots / u64::from(rect.width())) as i32;
    let bottom = (rect.top + rows).div_euclid(high) * high;
    if bottom > rect.top {
        return Rect { bottom, ..rect };
    }
    let row = Rect {
        bottom: rect.bottom.min((rect.top.div_euclid(high) + 1) * high),
        ..rect
    };
    let columns = (dots / u64::from(row.height())).min(u64::from(row.width())) as i32;
    let first = (row.left.div_euclid(wide) + 1) * wide;
    let right = ((row.left + columns).div_euclid(wide) * wide).max(first);
    Rect {
        right: right.min(row.right),
        ..row
    }
}

/// What is left of a rectangle without its first part, the first to draw last.
fn rest_of(rect: Rect, part: Rect) -> impl Iterator<Item = Rect> {
    let below = Rect {
        top: part.bottom,
        ..rect
    };
    let right = Rect {
        left: part.right,
        right: rect.right,
        ..part
    };
    [below, right].into_iter().filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAIN: Size = Size::new(8, 16);
    const SCREEN: Rect = Rect::new(0, 0, 640, 400);

    /// Draws a screen, each dot as so many bytes.
    fn draw(portion: &mut Portion, rects: &[Rect], bytes_per_dot: usize) -> Drawn<bool> {
        let sorted = portion.sort(rects, GRAIN);
        let encode = |rect: Rect, small: bool, out: &mut Vec<u8>| {
            out.resize(out.len() + rect.area() as usize * bytes_per_dot, 0);
            small
        };
        portion.draw(sorted, GRAIN, &mut Vec::new(), encode)
    }

    fn bytes(bytes: usize) -> Room {
        Room { bytes, ..Room::ALL }
    }

    fn area(rects: impl IntoIterator<Item = Rect>) -> u64 {
        rects.into_iter().map(|rect| rect.area()).sum()
    }

    #[test]
    fn with_room_for_everything_nothing_is_cut() {
        let mut portion = Portion::default();
        let glyph = Rect::new(8, 16, 16, 32);
        let below = Rect::new(0, 32, 640, 400);
        let drawn = draw(&mut portion, &[glyph, below], 3);
        assert_eq!(drawn.shown, [(glyph, true), (below, false)]);
        assert!(drawn.owed.is_empty());
    }

    #[test]
    fn a_portion_takes_about_the_room_there_is() {
        for room in [3000, 20_000, 100_000] {
            for bytes_per_dot in [1, 2, 4] {
                let mut portion = Portion::default();
                portion.limit(bytes(room), &[]);
                for _ in 0..5 {
                    let drawn = draw(&mut portion, &[SCREEN], bytes_per_dot);
                    let shown = area(drawn.shown.iter().map(|(rect, _)| *rect));
                    let bytes = shown as usize * bytes_per_dot;
                    assert!(
                        bytes >= room / 2 && bytes <= room * 5 / 4,
                        "{bytes} of {room}"
                    );
                    assert_eq!(shown + area(drawn.owed), SCREEN.area());
                }
            }
        }
    }

    #[test]
    fn whatever_keeps_changing_every_dot_has_its_turn() {
        let mut portion = Portion::default();
        portion.limit(bytes(3000), &[]);
        let mut seen = vec![0u32; SCREEN.area() as usize];
        // All of it changes all the time.
        for _ in 0..2 * SCREEN.area() / 1000 {
            for (rect, _) in draw(&mut portion, &[SCREEN], 1).shown {
                for y in rect.top..rect.bottom {
                    for x in rect.left..rect.right {
                        seen[(y * 640 + x) as usize] += 1;
                    }
                }
            }
        }
        let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
        assert!(*least >= 2 && most - least <= 1, "{least} to {most}");
    }

    #[test]
    fn what_is_small_goes_first_and_the_rest_is_not_forgotten() {
        let mut portion = Portion::default();
        portion.limit(bytes(3000), &[]);
        let film = Rect::new(0, 0, 640, 300);
        let glyph = Rect::new(320, 320, 328, 336);
        let drawn = draw(&mut portion, &[film, glyph], 1);
        assert_eq!(drawn.shown[0], (glyph, true));
        assert!(area(drawn.shown.iter().map(|(rect, _)| *rect)) > 1500);
    }

    #[test]
    fn an_urgent_place_in_a_film_is_cut_out_of_it() {
        let mut portion = Portion::default();
        portion.limit(bytes(3000), &[Rect::new(321, 165, 327, 170)]);
        let drawn = draw(&mut portion, &[SCREEN], 1);
        assert_eq!(drawn.shown[0], (Rect::new(320, 160, 328, 176), true));
        let shown = drawn.shown.iter().map(|(rect, _)| *rect);
        assert_eq!(area(shown) + area(drawn.owed), SCREEN.area());
    }

    #[test]
    fn in_a_little_room_there_is_nothing_beside_what_is_urgent() {
        let mut portion = Portion::default();
        let place = Rect::new(321, 165, 327, 170);
        portion.limit(bytes(MODEST), &[place]);
        let drawn = draw(&mut portion, &[SCREEN], 1);
        assert_eq!(drawn.shown, [(Rect::new(320, 160, 328, 176), true)]);
        let owed = area(drawn.owed);
        assert_eq!(owed, SCREEN.area() - GRAIN.area());
    }

    #[test]
    fn what_is_made_better_is_so_from_a_little_above_the_eye_on() {
        let mut portion = Portion::default();
        let pointer = Rect::new(8, 8, 16, 16);
        portion.limit(bytes(3000), &[Rect::new(320, 320, 328, 336), pointer]);
        portion.limit(bytes(3000), &[pointer]);
        portion.begin_at_eye(GRAIN);
        let drawn = draw(&mut portion, &[SCREEN], 1);
        // Four rows of 16 dots above 320; the pointer stands still, and is small.
        assert_eq!(drawn.shown[1].0.top, 256);
    }

    #[test]
    fn hundreds_of_small_changes_are_not_urgent() {
        let rects: Vec<Rect> = (0..300)
            .map(|n| Rect::at(n % 40 * 16, n / 40 * 32, GRAIN))
            .collect();
        let sorted = Portion::default().sort(&rects, GRAIN);
        assert_eq!((sorted.small.len(), sorted.large.len()), (16, 284));
    }

    #[test]
    fn at_least_a_grain_is_drawn_however_little_room_there_is() {
        let mut portion = Portion::default();
        portion.limit(bytes(1), &[]);
        let drawn = draw(&mut portion, &[SCREEN], 4);
        assert_eq!(drawn.shown, [(GRAIN.to_rect(), false)]);
    }
}
