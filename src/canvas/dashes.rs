//! Dashed lines: which pixels a segment of one covers.
//!
//! A dash is the rectangle of width 1 around a piece of the ideal line. A pixel is covered when its point, moved right by
//! next to nothing and down by even less, is inside. Lengths are whole pixels, so every boundary lies at a whole distance
//! from the start of a segment; distances compare exactly as squares.
//!
//! Protocol: rasterisation (spec 07b §12.3).

use smallvec::SmallVec;

use super::Error;
use super::path::to_pixels;
use crate::geometry::{Point, Rect};

/// The pattern of a dashed line: dashes and gaps in turn, repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashes {
    /// For each pixel of the pattern's length whether it is painted. INVARIANT: not empty.
    painted: SmallVec<[bool; 128]>,
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
        let painted: SmallVec<[bool; 128]> = lengths
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
        let mut lengths: SmallVec<[i32; 16]> = lengths.into();
        let moved = lengths.len().min(1);
        lengths.rotate_left(moved);
        let start = lengths.first().map_or(0, |length| in_pixels(*length));
        Ok(Self {
            start,
            ..Self::new(&lengths)?
        })
    }

    /// Calls `plot` for every pixel inside `within` that the dashes of a polyline cover; for some of them more than once.
    pub(super) fn trace(&self, line: &[Point], within: Rect, mut plot: impl FnMut(i32, i32)) {
        let mut at = self.start;
        let mut first = None;
        let mut last: Option<Strip> = None;
        for ends in line.windows(2) {
            let strip = Strip::new(ends[0], ends[1]);
            // A dash that begins at the corner has nothing to go on from.
            if self.ends_painted(at)
                && self.is_painted(at)
                && let Some(corner) = last.and_then(|last| last.corner(&strip))
            {
                plot_inside(within, corner, &mut plot);
            }
            strip.near(within, |x, y| {
                let distance = strip.distance(x, y);
                if distance.is_some_and(|n| self.is_painted(at.wrapping_add(n as usize))) {
                    plot(x, y);
                }
            });
            at = (at + strip.pattern_steps(self.painted.len())) % self.painted.len();
            if strip.square > 0 {
                first = first.or(Some(strip));
                last = Some(strip);
            }
        }
        // A line that ends where it began has a corner there.
        if self.ends_painted(at)
            && self.is_painted(self.start)
            && line.first() == line.last()
            && let Some(corner) = last
                .zip(first)
                .and_then(|(last, first)| last.corner(&first))
        {
            plot_inside(within, corner, &mut plot);
        }
    }

    /// Whether what ends there is a dash.
    fn ends_painted(&self, at: usize) -> bool {
        self.is_painted(at + self.painted.len() - 1)
    }

    /// Whether the pattern is a dash there; it repeats.
    fn is_painted(&self, at: usize) -> bool {
        self.painted[at % self.painted.len()]
    }
}

fn plot_inside(within: Rect, pixel: Point, plot: &mut impl FnMut(i32, i32)) {
    if within.contains(pixel) {
        plot(pixel.x, pixel.y);
    }
}

/// The length of a dash or gap.
fn in_pixels(length: i32) -> usize {
    usize::from(to_pixels(length.into()) as u8)
}

/// The rectangle of width 1 around a segment. Coordinates are those of a [`Path`](super::Path): 29 bits at most, so that
/// products of two fit.
#[derive(Clone, Copy)]
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

    /// Where this meets the `next` one, when a dash that goes on there covers that pixel.
    ///
    /// The gap on the outer side of the corner is filled by a triangle. It reaches less than a pixel, so the corner itself
    /// is all that it can cover, and it does whenever neither strip does: when the line comes from the left and goes back
    /// there (seen from the reference).
    fn corner(&self, next: &Self) -> Option<Point> {
        let turns = self.dx * next.dy != self.dy * next.dx;
        // They were the coordinates of a point.
        turns.then(|| Point::new(next.x as i32, next.y as i32))
    }

    /// The length as it counts for the pattern: the next whole number, as what is left of a dash is cut to whole pixels. Only
    /// its remainder by the pattern's length.
    fn pattern_steps(&self, pattern: usize) -> usize {
        let square = self.square as u64;
        let floor = square.isqrt();
        let length = floor + u64::from(floor * floor < square);
        (length % pattern as u64) as usize
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
