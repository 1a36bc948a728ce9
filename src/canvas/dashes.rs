//! Dashed lines: which pixels a segment of one covers.
//!
//! A dash is the rectangle of width 1 around a piece of the ideal line. A pixel is covered when its point, moved right by
//! next to nothing and down by even less, is inside. Lengths are whole pixels, so every boundary lies at a whole distance
//! from the start of a segment; distances compare exactly as squares.
//!
//! Protocol: rasterisation (spec 07b §12.3).

use super::Error;
use super::path::to_pixels;
use crate::geometry::{Point, Rect};

/// The pattern of a dashed line: dashes and gaps in turn, repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashes {
    /// For each pixel of the pattern's length whether it is painted. INVARIANT: not empty.
    painted: Vec<bool>,
    /// Where in the pattern a line begins.
    start: usize,
}

impl Dashes {
    /// Dashes and gaps of these lengths in turn, in sixteenths of a pixel; the dash is first. With an odd number the last
    /// one and the first one are both dashes. Lengths are rounded to pixels and cut to 8 bits.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyDashes`] when the pattern has no length.
    pub fn new(lengths: &[i32]) -> Result<Self, Error> {
        let painted: Vec<bool> = lengths
            .iter()
            .enumerate()
            .flat_map(|(i, length)| std::iter::repeat_n(i % 2 == 0, in_pixels(*length)))
            .collect();
        match painted.is_empty() {
            true => Err(Error::EmptyDashes),
            false => Ok(Self { painted, start: 0 }),
        }
    }

    /// As [`Dashes::new`], for a line that starts with a gap: the first length moves to the end of the list, and the line
    /// begins at what is second then. With two lengths the first is thus the gap; with more it is the third, as seen from
    /// the reference.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyDashes`] when the pattern has no length.
    pub fn with_gap_first(lengths: &[i32]) -> Result<Self, Error> {
        let mut lengths = lengths.to_vec();
        let moved = lengths.len().min(1);
        lengths.rotate_left(moved);
        let start = lengths.first().map_or(0, |length| in_pixels(*length));
        Ok(Self {
            start,
            ..Self::new(&lengths)?
        })
    }

    /// Where in the pattern a line begins.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Where in the pattern the next segment begins after one from `a` to `b` that began at `at`.
    pub(super) fn after(&self, at: usize, a: Point, b: Point) -> usize {
        let square = Strip::new(a, b).square as u64;
        let floor = square.isqrt();
        let length = floor + u64::from(floor * floor < square);
        // What is left of the dash is cut to whole pixels: the length counts as the next whole number.
        (at + (length % self.painted.len() as u64) as usize) % self.painted.len()
    }

    /// Calls `plot` for every pixel inside `within` that the segment from `a` to `b` covers, when it begins `at` in the
    /// pattern.
    pub(super) fn trace(
        &self,
        at: usize,
        a: Point,
        b: Point,
        within: Rect,
        mut plot: impl FnMut(i32, i32),
    ) {
        let strip = Strip::new(a, b);
        strip.near(within, |x, y| {
            if let Some(distance) = strip.distance(x, y) {
                let cell = (at as u64 + distance) % self.painted.len() as u64;
                if self.painted[cell as usize] {
                    plot(x, y);
                }
            }
        });
    }
}

/// The length of a dash or gap.
fn in_pixels(length: i32) -> usize {
    usize::from(to_pixels(length.into()) as u8)
}

/// The rectangle of width 1 around a segment. Coordinates are those of a [`Path`](super::Path): 29 bits at most, so that
/// products of two fit.
struct Strip {
    x: i64,
    y: i64,
    dx: i64,
    dy: i64,
    /// Square of the length.
    square: i64,
}

impl Strip {
    fn new(a: Point, b: Point) -> Self {
        let (x, y) = (i64::from(a.x), i64::from(a.y));
        let (dx, dy) = (i64::from(b.x) - x, i64::from(b.y) - y);
        let square = dx * dx + dy * dy;
        Self {
            x,
            y,
            dx,
            dy,
            square,
        }
    }

    /// Calls `visit` for all pixels inside `within` that the strip may cover: in each column, or in each row of a steep one,
    /// the two beside the line.
    fn near(&self, within: Rect, mut visit: impl FnMut(i32, i32)) {
        let flat = self.dx.abs() > self.dy.abs();
        let (from, along, across_from, across) = match flat {
            true => (self.x, self.dx, self.y, self.dy),
            false => (self.y, self.dy, self.x, self.dx),
        };
        let (low, high, across_low, across_high) = match flat {
            true => (within.left, within.right, within.top, within.bottom),
            false => (within.top, within.bottom, within.left, within.right),
        };
        // The corners of the strip lie less than a pixel outside its ends.
        let reach = |from: i64, way: i64| (from.min(from + way) - 1, from.max(from + way) + 1);
        let beside = reach(across_from, across);
        if along == 0 || beside.0 >= across_high.into() || beside.1 < across_low.into() {
            return;
        }
        let (first, last) = reach(from, along);
        let (first, last) = (first.max(low.into()), last.min(i64::from(high) - 1));
        for i in first..=last {
            let beside = ((i - from) * across * along.signum()).div_euclid(along.abs());
            for j in across_from + beside..=across_from + beside + 1 {
                if j >= across_low.into() && j < across_high.into() {
                    // Both are inside `within`.
                    let (i, j) = (i as i32, j as i32);
                    if flat { visit(i, j) } else { visit(j, i) }
                }
            }
        }
    }

    /// How far along the segment a pixel near it is, in whole pixels; `None` when it is outside the strip.
    fn distance(&self, x: i32, y: i32) -> Option<u64> {
        let (x, y) = (i64::from(x) - self.x, i64::from(y) - self.y);
        let across = x * self.dy - y * self.dx;
        // They are never equal: the hypotenuse of a right triangle whose sides share no factor is odd.
        if 4 * across * across >= self.square {
            return None;
        }
        let along = x * self.dx + y * self.dy;
        // Moved a little to the right (and less down), a point on a boundary falls on the side that is farther along when
        // the line goes right, or straight down.
        let forward = (self.dx, self.dy) > (0, 0);
        let inside = match forward {
            true => along >= 0 && along < self.square,
            false => along > 0 && along <= self.square,
        };
        let (along, square) = (u128::from(along.unsigned_abs()), self.square as u128);
        let below = u128::from(!forward);
        inside.then(|| whole_root(along * along - below, square))
    }
}

/// The greatest whole number whose square is at most `dividend` / `divisor`.
fn whole_root(dividend: u128, divisor: u128) -> u64 {
    // Lines on screens are short, and a short division takes a fraction of the time.
    match (u64::try_from(dividend), u64::try_from(divisor)) {
        (Ok(dividend), Ok(divisor)) => (dividend / divisor).isqrt(),
        _ => (dividend / divisor).isqrt() as u64,
    }
}
