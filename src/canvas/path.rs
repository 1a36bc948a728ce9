//! Lines and curves, turned into polylines of whole pixels.
//!
//! Protocol: rasterisation (spec 07b §12.1).

use super::Error;
use crate::geometry::{Point, Rect};

/// Polylines to stroke.
///
/// It is built with a pen: the first point of a line places it, every other draws on from where it is. Points are given
/// in **sixteenths of a pixel** and kept as the nearest whole pixel; a half goes left and up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The points of all lines, one line after the other, in pixels.
    points: Vec<Point>,
    /// For each finished line how many points there are up to its end.
    ends: Vec<usize>,
}

impl Path {
    /// Once a path has this many points, curves become straight lines: dividing them can then no longer use up memory.
    pub const MAX_CURVE_POINTS: usize = 1 << 20;

    /// Most bytes that [`Path::clear`] keeps.
    pub const MOST_KEPT: usize = 64 << 10;

    /// Removes all lines, and keeps their memory for others.
    pub fn clear(&mut self) {
        if self.bytes() > Self::MOST_KEPT {
            *self = Self::default();
        }
        self.points.clear();
        self.ends.clear();
    }

    /// Bytes of memory it has beside itself.
    pub fn bytes(&self) -> usize {
        self.points.capacity() * size_of::<Point>() + self.ends.capacity() * size_of::<usize>()
    }

    /// Draws a straight line to `to`, in sixteenths of a pixel.
    pub fn line_to(&mut self, to: Point) {
        self.points.push(Fine::from(to).to_pixel());
    }

    /// Draws a Bézier curve to `to`, in sixteenths of a pixel, as the control points say.
    ///
    /// # Errors
    ///
    /// [`Error::CurveWithoutStart`] when the pen has not been placed; the path is then as before.
    pub fn curve_to(&mut self, controls: [Point; 2], to: Point) -> Result<(), Error> {
        let Some(from) = self.current().last() else {
            return Err(Error::CurveWithoutStart);
        };
        let from = Fine {
            x: i64::from(from.x) << 4,
            y: i64::from(from.y) << 4,
        };
        let curve = Curve([from, controls[0].into(), controls[1].into(), to.into()]);
        self.flatten(curve, MAX_DIVISIONS);
        Ok(())
    }

    /// Ends the line. The next point begins another.
    pub fn end(&mut self) {
        if !self.current().is_empty() {
            self.ends.push(self.points.len());
        }
    }

    /// Ends the line where it began.
    pub fn close(&mut self) {
        if let Some(first) = self.current().first() {
            self.points.push(*first);
        }
        self.end();
    }

    /// The points of each line, in pixels. A line may have a single one.
    pub fn lines(&self) -> impl Iterator<Item = &[Point]> {
        let ends = self.ends.iter().copied().chain([self.points.len()]);
        ends.scan(0, |start, end| {
            let line = &self.points[*start..end];
            *start = end;
            Some(line)
        })
    }

    /// The smallest rectangle with every point inside.
    pub(super) fn bounds(&self) -> Rect {
        let pixel = |p: &Point| Rect::new(p.x, p.y, p.x + 1, p.y + 1);
        let pixels = self.points.iter().map(pixel);
        pixels.fold(Rect::default(), Rect::bounds)
    }

    /// The points of the line that has not ended.
    fn current(&self) -> &[Point] {
        &self.points[self.ends.last().copied().unwrap_or(0)..]
    }

    fn flatten(&mut self, curve: Curve, divisions: u32) {
        let full = self.points.len() >= Self::MAX_CURVE_POINTS;
        if divisions == 0 || full || curve.is_flat() {
            self.points.push(curve.0[3].to_pixel());
        } else {
            let (first, second) = curve.halves();
            self.flatten(first, divisions - 1);
            self.flatten(second, divisions - 1);
        }
    }
}

/// A position in sixteenths of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fine {
    x: i64,
    y: i64,
}

impl Fine {
    fn to_pixel(self) -> Point {
        // A coordinate comes from an i32, so a sixteenth of it fits in one.
        Point::new(to_pixels(self.x) as i32, to_pixels(self.y) as i32)
    }

    fn middle(self, other: Self) -> Self {
        Self {
            x: (self.x + other.x) / 2,
            y: (self.y + other.y) / 2,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
        }
    }

    /// The scalar product, in sixteenths of a square pixel.
    fn dot(self, other: Self) -> i128 {
        let [ax, ay, bx, by] = [self.x, self.y, other.x, other.y].map(i128::from);
        (ax * bx + ay * by) >> 4
    }
}

impl From<Point> for Fine {
    fn from(p: Point) -> Self {
        Self {
            x: p.x.into(),
            y: p.y.into(),
        }
    }
}

/// A Bézier curve: start, two controls, end.
struct Curve([Fine; 4]);

impl Curve {
    /// Whether its chord will do.
    fn is_flat(&self) -> bool {
        let [p0, p1, p2, p3] = self.0;
        // The reference divides such a curve for ever.
        if p0 == p1 && p1 == p2 && p2 == p3 {
            return true;
        }
        let (chord, first, last) = (p3.minus(p0), p1.minus(p0), p2.minus(p3));
        let back = p0.minus(p3);
        let length = chord.dot(chord);
        let is_near = |control: Fine, chord: Fine| {
            let along = control.dot(chord);
            (control.dot(control) * length - along * along) >> 3 < length
        };
        is_near(first, chord) && is_near(last, back)
    }

    fn halves(&self) -> (Self, Self) {
        let [p0, p1, p2, p3] = self.0;
        let (p01, p12, p23) = (p0.middle(p1), p1.middle(p2), p2.middle(p3));
        let (left, right) = (p01.middle(p12), p12.middle(p23));
        let middle = left.middle(right);
        (
            Self([p0, p01, left, middle]),
            Self([middle, right, p23, p3]),
        )
    }
}

/// Sixteenths as whole pixels: the nearest, of two the lesser.
pub(super) fn to_pixels(sixteenths: i64) -> i64 {
    (sixteenths >> 4) + i64::from(sixteenths & 15 > 8)
}

/// How often a curve is divided in two at most. The longest straight enough piece of one that spans all coordinates takes
/// 14 divisions; only loops can take more.
const MAX_DIVISIONS: u32 = 20;
