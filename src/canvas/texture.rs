//! Pictures that are moved, turned, scaled and repeated before they are composed.
//!
//! Protocol: rasterisation (spec 07b §13). Positions are 16.16 fixed point.

use super::ratio::{self, Wide};
use super::{Layout, Source, convert};
use crate::geometry::{Point, Rect};
use crate::pixels::PixelFormat;

/// A picture with the way from the box of a command to it.
#[derive(Clone, Copy, Debug)]
pub struct Texture<'a> {
    /// The picture.
    pub source: Source<'a>,
    /// The point of the plane that lies on the corner of the box. Without a transform the plane is the picture.
    pub origin: Point,
    /// From the plane to the picture.
    pub transform: Option<Transform>,
    /// How a position between pixels is read.
    pub filter: Filter,
    /// What is outside the picture.
    pub repeat: Repeat,
}

/// An affine map in 16.16 fixed point: `x' = t00·x + t01·y + t02`, `y' = t10·x + t11·y + t12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Transform {
    pub t00: i32,
    pub t01: i32,
    pub t02: i32,
    pub t10: i32,
    pub t11: i32,
    pub t12: i32,
}

/// How a position between pixels is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The pixel it falls on.
    #[default]
    Nearest,
    /// The four pixels around it, weighted.
    Bilinear,
}

/// What is outside a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Transparency.
    #[default]
    None,
    /// The picture again, and again.
    Normal,
    /// Its nearest edge pixel.
    Pad,
    /// Its mirror image, then the picture again.
    Reflect,
}

/// A texture for one box and surface, read by surface coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler<'a> {
    source: Source<'a>,
    /// What its pixels are converted to, and mean.
    format: PixelFormat,
    /// From surface coordinates to the plane.
    dx: i64,
    dy: i64,
    transform: Option<Transform>,
    filter: Filter,
    repeat: Repeat,
}

/// A position in a picture, 16.16.
#[derive(Clone, Copy, Debug)]
struct Position {
    x: i64,
    y: i64,
}

/// No position is further out, so that adding to one does not overflow.
const FAR: i128 = 1 << 61;

impl<'a> Texture<'a> {
    /// The texture for the box with this corner, on a surface of `format`.
    pub(super) fn sampler(&self, bbox: Rect, format: PixelFormat) -> Sampler<'a> {
        Sampler {
            source: self.source,
            format: self.meaning(format),
            dx: i64::from(self.origin.x) - i64::from(bbox.left),
            dy: i64::from(self.origin.y) - i64::from(bbox.top),
            transform: self.transform,
            filter: self.filter,
            repeat: self.repeat,
        }
    }

    /// What the pixels are read as. Those of surfaces keep their format; pictures take that of the surface that is drawn on
    /// first, except that alpha and coverage stay.
    fn meaning(&self, target: PixelFormat) -> PixelFormat {
        let wide = target.bits() == 32;
        match self.source.layout() {
            Layout::Words(format) => format,
            // libspice-server 0.15 takes a bitmap of coverage for an opaque picture, which makes it useless as a mask: no
            // guest can depend on that.
            Layout::A8 => PixelFormat::A8,
            Layout::Argb if wide => PixelFormat::Argb,
            _ if wide => PixelFormat::Xrgb,
            _ => target,
        }
    }
}

impl Transform {
    /// Where the centre of pixel (`x`, `y`) of the plane lies, 16.16.
    fn apply(&self, x: i64, y: i64) -> Position {
        let along = |a: i32, b: i32, c: i32| {
            let [a, b, c] = [a, b, c].map(i128::from);
            // The centre is half a pixel further; its products are rounded.
            let at = a * i128::from(x) + b * i128::from(y) + c + ((a + b + 1) >> 1);
            at.clamp(-FAR, FAR) as i64
        };
        Position {
            x: along(self.t00, self.t01, self.t02),
            y: along(self.t10, self.t11, self.t12),
        }
    }
}

impl Sampler<'_> {
    /// Whether every pixel of `rect`, which has some, is opaque because the picture has no alpha and does not end there.
    pub fn is_opaque(&self, rect: Rect) -> bool {
        let lacks_alpha = matches!(
            self.format,
            PixelFormat::Xrgb | PixelFormat::Rgb555 | PixelFormat::Rgb565
        );
        // An affine map takes a rectangle to what lies between its corners.
        let (right, bottom) = (rect.right - 1, rect.bottom - 1);
        let corners = [
            (rect.left, rect.top),
            (right, rect.top),
            (rect.left, bottom),
            (right, bottom),
        ];
        lacks_alpha
            && !self.source.size().is_empty()
            && (self.repeat != Repeat::None || corners.iter().all(|(x, y)| self.is_inside(*x, *y)))
    }

    /// Whether all that counts for the pixel at (`x`, `y`) of the surface is inside the picture.
    fn is_inside(&self, x: i32, y: i32) -> bool {
        let (x, y) = (i64::from(x) + self.dx, i64::from(y) + self.dy);
        let at = self.transform.unwrap_or(Transform::IDENTITY).apply(x, y);
        let reads = |n: i64, side: u32| {
            let first = match self.filter {
                Filter::Nearest => (n - 1) >> 16,
                Filter::Bilinear => (n - 0x8000) >> 16,
            };
            // At a whole position the second pixel has no weight.
            let last = match self.filter {
                Filter::Bilinear if (n - 0x8000) & 0xffff != 0 => first + 1,
                _ => first,
            };
            first >= 0 && last < i64::from(side)
        };
        let size = self.source.size();
        reads(at.x, size.width) && reads(at.y, size.height)
    }

    /// The pixels from (`x`, `y`) to the right as words `0xAARRGGBB`, one for each of `out`.
    pub fn row(&self, x: i32, y: i32, out: &mut [u32]) {
        if self.source.size().is_empty() {
            out.fill(0);
            return;
        }
        let (x, y) = (i64::from(x) + self.dx, i64::from(y) + self.dy);
        match self.transform {
            None => self.straight_row(x, y, out),
            Some(transform) => {
                let at = transform.apply(x, y);
                let is_word = convert::is_verbatim(self.source.layout(), PixelFormat::Argb)
                    && self.source.layout().row_bytes(1) == Some(4);
                match self.format {
                    PixelFormat::Argb if is_word => {
                        self.transformed_row(at, transform, out, word);
                    }
                    PixelFormat::Xrgb if is_word => {
                        self.transformed_row(at, transform, out, |row, x| {
                            word(row, x) | 0xff00_0000
                        });
                    }
                    _ => self.transformed_row(at, transform, out, |row, x| self.argb(row, x)),
                }
            }
        }
    }

    /// A row of the plane from `at` on, read from the picture with `read`.
    fn transformed_row(
        &self,
        at: Position,
        transform: Transform,
        out: &mut [u32],
        read: impl Fn(&[u8], usize) -> u32,
    ) {
        let mut at = at;
        for out in out {
            *out = match self.filter {
                Filter::Nearest => self.nearest(at, &read),
                Filter::Bilinear => self.bilinear(at, &read),
            };
            at = at.plus(transform.t00, transform.t10);
        }
    }

    /// Pixel `x` of `row` as a word `0xAARRGGBB`.
    fn argb(&self, row: &[u8], x: usize) -> u32 {
        let mut word = [convert::word(self.source.layout(), self.format, row, x)];
        convert::to_argb(self.format, &mut word);
        word[0]
    }

    /// As [`Sampler::row`], for arithmetic in floating point.
    pub fn wide_row(&self, x: i32, y: i32, out: &mut [Wide]) {
        if self.source.size().is_empty() {
            out.fill([0.0; 4]);
            return;
        }
        let (x, y) = (i64::from(x) + self.dx, i64::from(y) + self.dy);
        let transform = self.transform.unwrap_or(Transform::IDENTITY);
        let mut at = transform.apply(x, y);
        let read = |row: &[u8], x: usize| self.argb(row, x);
        for out in out {
            *out = match self.filter {
                Filter::Nearest => ratio::widen(self.format, self.nearest(at, read)),
                Filter::Bilinear => self.wide_bilinear(at, read),
            };
            at = at.plus(transform.t00, transform.t10);
        }
    }

    /// A row of the plane that is a row of the picture.
    fn straight_row(&self, x: i64, y: i64, out: &mut [u32]) {
        let size = self.source.size();
        let Some(y) = self.place(y, size.height) else {
            out.fill(0);
            return;
        };
        let row = self.source.row(y);
        let layout = self.source.layout();
        let width = i64::from(size.width);
        let mut x = x;
        let mut rest = out;
        while !rest.is_empty() {
            // How far it is to the next place where something else begins.
            let run = match self.repeat {
                _ if (0..width).contains(&x) => width - x,
                Repeat::None | Repeat::Pad if x < 0 => -x,
                Repeat::None | Repeat::Pad => i64::MAX,
                Repeat::Normal => width - x.rem_euclid(width),
                Repeat::Reflect => 1,
            };
            let len = rest.len().min(usize::try_from(run).unwrap_or(usize::MAX));
            let (piece, after) = rest.split_at_mut(len);
            match self.place(x, size.width) {
                None => piece.fill(0),
                Some(column) => {
                    let column = column as usize;
                    if self.repeat == Repeat::Pad && !(0..width).contains(&x) {
                        piece.fill(convert::word(layout, self.format, row, column));
                    } else {
                        convert::row(layout, self.format, row, column, piece);
                    }
                    convert::to_argb(self.format, piece);
                }
            }
            x += len as i64;
            rest = after;
        }
    }

    fn nearest(&self, at: Position, read: impl Fn(&[u8], usize) -> u32) -> u32 {
        self.pixel((at.x - 1) >> 16, (at.y - 1) >> 16, read)
    }

    fn bilinear(&self, at: Position, read: impl Fn(&[u8], usize) -> u32) -> u32 {
        let (x, y) = (at.x - 0x8000, at.y - 0x8000);
        let corners = self.corners(x, y, read);
        let (wx, wy) = ((x >> 9 & 127) as u32, (y >> 9 & 127) as u32);
        let weights = [
            (128 - wx) * (128 - wy),
            wx * (128 - wy),
            (128 - wx) * wy,
            wx * wy,
        ];
        // Two channels at a time, 32 bits for each: no sum has more than 22.
        let pair = |shift: u32| {
            let spread = |word: u32| {
                let pair = u64::from(word >> shift & 0xff_00ff);
                (pair | pair << 16) & 0xff_0000_00ff
            };
            let sum: u64 = (0..4)
                .map(|c| spread(corners[c]) * u64::from(weights[c]))
                .sum();
            let sum = sum >> 14 & 0xff_0000_00ff;
            (sum | sum >> 16) as u32 & 0xff_00ff
        };
        pair(0) | pair(8) << 8
    }

    fn wide_bilinear(&self, at: Position, read: impl Fn(&[u8], usize) -> u32) -> Wide {
        let (x, y) = (at.x - 0x8000, at.y - 0x8000);
        let [tl, tr, bl, br] = self
            .corners(x, y, read)
            .map(|c| ratio::widen(self.format, c));
        let [wx, wy] = [x, y].map(|n| (n & 0xffff) as f32 / 65536.0);
        let channel = |k: usize| {
            tl[k] * ((1.0 - wx) * (1.0 - wy))
                + tr[k] * (wx * (1.0 - wy))
                + bl[k] * ((1.0 - wx) * wy)
                + br[k] * (wx * wy)
        };
        [channel(0), channel(1), channel(2), channel(3)]
    }

    /// The four pixels around a position.
    fn corners(&self, x: i64, y: i64, read: impl Fn(&[u8], usize) -> u32) -> [u32; 4] {
        let (x, y) = (x >> 16, y >> 16);
        let corner = |dx, dy| self.pixel(x + dx, y + dy, &read);
        [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]
    }

    /// A pixel of the plane the picture repeats on.
    fn pixel(&self, x: i64, y: i64, read: impl Fn(&[u8], usize) -> u32) -> u32 {
        let size = self.source.size();
        match (self.place(x, size.width), self.place(y, size.height)) {
            (Some(x), Some(y)) => read(self.source.row(y), x as usize),
            _ => 0,
        }
    }

    /// Which column or row of the picture, of `side`, is at `n`.
    #[inline]
    fn place(&self, n: i64, side: u32) -> Option<u32> {
        let side = i64::from(side);
        let at = match self.repeat {
            _ if (0..side).contains(&n) => n,
            Repeat::None => return None,
            Repeat::Normal => n.rem_euclid(side),
            Repeat::Pad => n.clamp(0, side - 1),
            Repeat::Reflect => {
                let n = n.rem_euclid(2 * side);
                n.min(2 * side - 1 - n)
            }
        };
        Some(at as u32)
    }
}

/// Word `x` of a row.
fn word(row: &[u8], x: usize) -> u32 {
    u32::from_le_bytes(row.as_chunks().0[x])
}

impl Transform {
    const IDENTITY: Self = Self {
        t00: 0x10000,
        t01: 0,
        t02: 0,
        t10: 0,
        t11: 0x10000,
        t12: 0,
    };
}

impl Position {
    fn plus(self, dx: i32, dy: i32) -> Self {
        Self {
            x: self.x + i64::from(dx),
            y: self.y + i64::from(dy),
        }
    }
}
