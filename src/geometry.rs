//! Points, sizes and rectangles, in pixels.
//!
//! A [`Rect`] is half open: `right` and `bottom` are the first column and row outside. Coordinates come from the wire
//! and may be anything an `i32` can be, so no method here overflows.

/// A position. `x` grows to the right, `y` downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Point {
    /// Column.
    pub x: i32,
    /// Row.
    pub y: i32,
}

/// A width and a height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A half-open rectangle: `left <= x < right`, `top <= y < bottom`. Empty when either range is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// First column inside.
    pub left: i32,
    /// First row inside.
    pub top: i32,
    /// First column outside.
    pub right: i32,
    /// First row outside.
    pub bottom: i32,
}

impl Point {
    /// The point at column `x`, row `y`.
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

impl Size {
    /// A size of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Whether there is no pixel in it.
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The rectangle of this size whose corner is at the origin; sides beyond `i32::MAX` are cut.
    pub fn to_rect(self) -> Rect {
        let side = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Rect::new(0, 0, side(self.width), side(self.height))
    }
}

impl Rect {
    /// A rectangle from its four edges, in the order left, top, right, bottom.
    pub const fn new(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    /// The rectangle with corner (`x`, `y`) and the given size; edges beyond `i32::MAX` are cut.
    pub fn at(x: i32, y: i32, size: Size) -> Self {
        Self::new(
            x,
            y,
            x.saturating_add_unsigned(size.width),
            y.saturating_add_unsigned(size.height),
        )
    }

    /// Columns; 0 when `right <= left`.
    pub const fn width(self) -> u32 {
        if self.right > self.left {
            self.right.abs_diff(self.left)
        } else {
            0
        }
    }

    /// Rows; 0 when `bottom <= top`.
    pub const fn height(self) -> u32 {
        if self.bottom > self.top {
            self.bottom.abs_diff(self.top)
        } else {
            0
        }
    }

    /// Width and height.
    pub const fn size(self) -> Size {
        Size {
            width: self.width(),
            height: self.height(),
        }
    }

    /// Top left corner.
    pub const fn origin(self) -> Point {
        Point {
            x: self.left,
            y: self.top,
        }
    }

    /// Whether there is no pixel in it.
    pub const fn is_empty(self) -> bool {
        self.right <= self.left || self.bottom <= self.top
    }

    /// Number of pixels.
    pub const fn area(self) -> u64 {
        self.width() as u64 * self.height() as u64
    }

    /// Whether the pixel at `p` is inside.
    pub const fn contains(self, p: Point) -> bool {
        p.x >= self.left && p.x < self.right && p.y >= self.top && p.y < self.bottom
    }

    /// Whether every pixel of `other` is inside; an empty `other` always is.
    pub const fn covers(self, other: Rect) -> bool {
        other.is_empty()
            || (other.left >= self.left
                && other.right <= self.right
                && other.top >= self.top
                && other.bottom <= self.bottom)
    }

    /// The pixels in both; the default rectangle when there are none.
    pub fn intersect(self, other: Rect) -> Rect {
        let both = Rect {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        if both.is_empty() {
            Rect::default()
        } else {
            both
        }
    }

    /// Whether the two share a pixel.
    pub fn overlaps(self, other: Rect) -> bool {
        !self.intersect(other).is_empty()
    }

    /// The smallest rectangle around both; an empty one does not count.
    pub fn bounds(self, other: Rect) -> Rect {
        match (self.is_empty(), other.is_empty()) {
            (true, true) => Rect::default(),
            (true, false) => other,
            (false, true) => self,
            (false, false) => Rect {
                left: self.left.min(other.left),
                top: self.top.min(other.top),
                right: self.right.max(other.right),
                bottom: self.bottom.max(other.bottom),
            },
        }
    }

    /// Moved by (`dx`, `dy`); edges stop at the ends of `i32`.
    pub fn translate(self, dx: i32, dy: i32) -> Rect {
        Rect {
            left: self.left.saturating_add(dx),
            top: self.top.saturating_add(dy),
            right: self.right.saturating_add(dx),
            bottom: self.bottom.saturating_add(dy),
        }
    }

    /// The up to four rectangles, none empty and none overlapping, that cover `self` without `hole`: the strip above,
    /// the one below, then left and right.
    pub fn subtract(self, hole: Rect) -> impl Iterator<Item = Rect> {
        let hole = self.intersect(hole);
        let parts = if hole.is_empty() {
            [self, Rect::default(), Rect::default(), Rect::default()]
        } else {
            [
                Rect {
                    bottom: hole.top,
                    ..self
                },
                Rect {
                    top: hole.bottom,
                    ..self
                },
                Rect {
                    left: self.left,
                    right: hole.left,
                    ..hole
                },
                Rect {
                    left: hole.right,
                    right: self.right,
                    ..hole
                },
            ]
        };
        parts.into_iter().filter(|r| !r.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtracting_a_hole_keeps_every_other_pixel_once() {
        let whole = Rect::new(0, 0, 7, 5);
        let hole = Rect::new(2, 1, 9, 3);
        let parts: Vec<Rect> = whole.subtract(hole).collect();
        for y in 0..5 {
            for x in 0..7 {
                let p = Point::new(x, y);
                let times = parts.iter().filter(|r| r.contains(p)).count();
                assert_eq!(times, usize::from(!hole.contains(p)), "{p:?}");
            }
        }
    }

    #[test]
    fn edges_at_the_ends_of_the_number_line_do_not_overflow() {
        let all = Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX);
        assert_eq!(all.width(), u32::MAX);
        assert_eq!(all.translate(i32::MAX, 1).top, i32::MIN + 1);
        assert_eq!(Rect::at(i32::MAX, 0, Size::new(9, 9)).width(), 0);
    }
}
