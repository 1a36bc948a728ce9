//! The guest's pointer, as it is on the guest's screen and as dots of the terminal.

use std::sync::Arc;

use crate::channel::cursor;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use crate::term::Fit;
use crate::term::paint::Pointer;

/// Longest side of a pointer's shape, dots.
const MOST_POINTER: u32 = 256;

/// A pointer on the guest's screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPointer {
    /// What it looks like.
    pub shape: Arc<cursor::Shape>,
    /// The pixel it points at.
    pub at: Point,
}

/// A pointer in dots.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DotPointer {
    size: Size,
    /// Bytes B, G, R, A, colours multiplied by alpha.
    pixels: Vec<u8>,
    /// One byte a dot where the picture is inverted, or nothing.
    invert: Vec<u8>,
    id: u64,
    at: Point,
}

impl DotPointer {
    /// A pointer as large as its guest's pixels are on the terminal.
    pub(super) fn new(pointer: &GuestPointer, fit: &Fit, id: u64) -> Option<Self> {
        let shape = &pointer.shape;
        let (shown, dots) = (fit.shown(), fit.dots());
        let scale = |n: i64, dots: u32, pixels: u32| n * i64::from(dots) / i64::from(pixels.max(1));
        let across = |n: i64| scale(n, dots.width, shown.width());
        let down = |n: i64| scale(n, dots.height, shown.height());
        let size = Size::new(
            (across(shape.size.width.into()).max(1) as u32).min(MOST_POINTER),
            (down(shape.size.height.into()).max(1) as u32).min(MOST_POINTER),
        );
        let at = Point::new(
            across(i64::from(pointer.at.x) - i64::from(shape.hot_spot.x) - i64::from(shown.left))
                as i32,
            down(i64::from(pointer.at.y) - i64::from(shape.hot_spot.y) - i64::from(shown.top))
                as i32,
        );
        let mut pixels = Vec::with_capacity(size.area() as usize * 4);
        let mut invert = Vec::new();
        for y in 0..size.height {
            for x in 0..size.width {
                let column = u64::from(x) * u64::from(shape.size.width) / u64::from(size.width);
                let row = u64::from(y) * u64::from(shape.size.height) / u64::from(size.height);
                let from = (row * u64::from(shape.size.width) + column) as usize;
                let [b, g, r, a] = shape.pixels.get(from * 4..from * 4 + 4)?.try_into().ok()?;
                let times = |c: u8| ((u32::from(c) * u32::from(a) + 127) / 255) as u8;
                pixels.extend([times(b), times(g), times(r), a]);
                if !shape.invert.is_empty() {
                    invert.push(*shape.invert.get(from)?);
                }
            }
        }
        Some(Self {
            size,
            pixels,
            invert,
            id,
            at,
        })
    }

    /// Where it is, of which some may be outside of the picture.
    pub(super) fn rect(&self) -> Rect {
        Rect::at(self.at.x, self.at.y, self.size)
    }

    /// Whether it can be drawn without knowing what is below.
    pub(super) fn can_be_layer(&self) -> bool {
        self.invert.is_empty()
    }

    /// It as a layer of its own.
    pub(super) fn layer(&self) -> Option<Pointer<'_>> {
        let stride = self.size.width as usize * 4;
        Some(Pointer {
            shape: PixelView::new(PixelFormat::Argb, self.size, stride, &self.pixels)?,
            shape_id: self.id,
            at: self.at,
        })
    }

    /// Draws the part of it inside `rect` into a packed plane. `rect` is inside both.
    pub(super) fn draw(&self, plane: &mut [u8], size: Size, rect: Rect) {
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                let from =
                    (y - self.at.y) as usize * self.size.width as usize + (x - self.at.x) as usize;
                let to = (y as usize * size.width as usize + x as usize) * 4;
                let (shape, below) = (&self.pixels[from * 4..from * 4 + 4], &mut plane[to..to + 3]);
                if self.invert.get(from) == Some(&1) {
                    below.iter_mut().for_each(|c| *c = !*c);
                    continue;
                }
                let rest = 255 - u32::from(shape[3]);
                for (below, over) in below.iter_mut().zip(shape) {
                    *below = over.saturating_add(((u32::from(*below) * rest + 127) / 255) as u8);
                }
            }
        }
    }
}
