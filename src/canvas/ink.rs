//! The first operand of a command, resolved for one surface: a word for every pixel.

use super::area::part_within;
use super::scale::Scaled;
use super::scratch::Scratch;
use super::{Brush, Cutout, Error, Layout, Source, convert};
use crate::geometry::{Point, Rect};
use crate::pixels::PixelFormat;

/// The first operand of a command, read by surface coordinates.
#[derive(Debug)]
pub(super) enum Ink<'a> {
    /// The same word everywhere.
    Flat(u32),
    /// A picture repeated in both directions.
    Tiled(Tiled<'a>),
    /// A picture, pixel for pixel.
    Shifted(Shifted<'a>),
    /// A picture of another size.
    Scaled(Scaled<'a>),
}

#[derive(Debug)]
pub(super) struct Tiled<'a> {
    /// INVARIANT: has pixels.
    source: Source<'a>,
    origin: Point,
    format: PixelFormat,
}

#[derive(Debug)]
pub(super) struct Shifted<'a> {
    source: Source<'a>,
    /// Where on the surface the picture has its corner.
    left: i64,
    top: i64,
    format: PixelFormat,
}

impl<'a> Ink<'a> {
    /// A brush for a surface of `format`.
    pub fn of_brush(brush: &Brush<'a>, format: PixelFormat) -> Result<Self, Error> {
        match *brush {
            Brush::None => Ok(Self::Flat(0)),
            Brush::Solid(word) => Ok(Self::Flat(word)),
            Brush::Pattern { pixels, origin } => {
                check_depth(&pixels, format)?;
                if pixels.size().is_empty() {
                    return Err(Error::EmptyPattern);
                }
                Ok(Self::Tiled(Tiled {
                    source: pixels,
                    origin,
                    format,
                }))
            }
        }
    }

    /// A part of a picture for the box `bbox`, which must have pixels, on a surface of `format`. It may take memory from
    /// `scratch`, which [`give_back`](Self::give_back) returns.
    pub fn of_cutout(
        cutout: &Cutout<'a>,
        bbox: Rect,
        format: PixelFormat,
        scratch: &mut Scratch,
    ) -> Result<Self, Error> {
        let Cutout {
            source,
            area,
            scale,
        } = *cutout;
        check_depth(&source, format)?;
        if area.is_empty() {
            Err(Error::EmptySourceArea)
        } else if area.size() == bbox.size() {
            Ok(Self::Shifted(Shifted {
                source,
                left: i64::from(bbox.left) - i64::from(area.left),
                top: i64::from(bbox.top) - i64::from(area.top),
                format,
            }))
        } else {
            let buffers = scratch.take_scaled();
            let scaled = Scaled::new(source, area, bbox, scale, format, buffers);
            Ok(Self::Scaled(scaled))
        }
    }

    /// Gives its memory back.
    pub fn give_back(self, scratch: &mut Scratch) {
        if let Self::Scaled(scaled) = self {
            scratch.put_scaled(scaled.into_buffers());
        }
    }

    /// The part of `within` where there is something to draw. A picture that is not scaled ends at its edges.
    pub fn extent(&self, within: Rect) -> Rect {
        match self {
            Self::Shifted(ink) => part_within(within, ink.left, ink.top, ink.source.size()),
            _ => within,
        }
    }

    /// The part of `within` whose nearest pixels are inside the picture, scaled or not.
    pub fn covered(&self, within: Rect) -> Rect {
        match self {
            Self::Scaled(ink) => ink.covered(within),
            _ => self.extent(within),
        }
    }

    /// The word at (`x`, `y`), which must be inside [`Ink::extent`].
    pub fn word(&self, x: i32, y: i32) -> u32 {
        match self {
            Self::Flat(word) => *word,
            Self::Tiled(ink) => {
                let (x, y) = ink.tile_position(x, y);
                convert::word(ink.source.layout(), ink.format, ink.source.row(y), x)
            }
            Self::Shifted(ink) => {
                let (x, y) = ink.source_position(x, y);
                convert::word(ink.source.layout(), ink.format, ink.source.row(y), x)
            }
            Self::Scaled(ink) => ink.word(x, y),
        }
    }

    /// The words from (`x`, `y`) to the right, one for each of `out`, which is at most `surface::WORDS` long. The plain version
    /// is [`Ink::word`].
    pub fn row(&mut self, x: i32, y: i32, out: &mut [u32]) {
        match self {
            Self::Flat(word) => out.fill(*word),
            Self::Tiled(ink) => ink.row(x, y, out),
            Self::Shifted(ink) => {
                let (x, y) = ink.source_position(x, y);
                convert::row(ink.source.layout(), ink.format, ink.source.row(y), x, out);
            }
            Self::Scaled(ink) => ink.row(x, y, out),
        }
    }
}

impl Tiled<'_> {
    fn tile_position(&self, x: i32, y: i32) -> (usize, u32) {
        let size = self.source.size();
        let inside = |n: i32, origin: i32, side: u32| {
            (i64::from(n) - i64::from(origin)).rem_euclid(i64::from(side))
        };
        (
            inside(x, self.origin.x, size.width) as usize,
            inside(y, self.origin.y, size.height) as u32,
        )
    }

    fn row(&self, x: i32, y: i32, out: &mut [u32]) {
        let (x, y) = self.tile_position(x, y);
        let width = self.source.size().width as usize;
        let (layout, row) = (self.source.layout(), self.source.row(y));
        // One period is converted, in two pieces when it begins inside a tile; the rest repeats it.
        let period = width.min(out.len());
        let first = period.min(width - x);
        convert::row(layout, self.format, row, x, &mut out[..first]);
        convert::row(layout, self.format, row, 0, &mut out[first..period]);
        let mut done = period;
        while done < out.len() {
            let (before, rest) = out.split_at_mut(done);
            let piece = rest.len().min(done);
            rest[..piece].copy_from_slice(&before[..piece]);
            done += piece;
        }
    }
}

impl<'a> Shifted<'a> {
    fn source_position(&self, x: i32, y: i32) -> (usize, u32) {
        (
            (i64::from(x) - self.left) as usize,
            (i64::from(y) - self.top) as u32,
        )
    }

    /// Whether the bytes of the picture are the bytes to store.
    pub fn is_stored(&self) -> bool {
        convert::is_verbatim(self.source.layout(), self.format)
    }

    /// The bytes of the picture from the pixel at (`x`, `y`) of the surface on, at least to the end of its row.
    pub fn stored_row(&self, x: i32, y: i32) -> &'a [u8] {
        let (x, y) = self.source_position(x, y);
        &self.source.row(y)[x * self.format.bytes()..]
    }
}

/// Pixels of a surface are not converted, so they must be as wide as those they become.
fn check_depth(source: &Source<'_>, format: PixelFormat) -> Result<(), Error> {
    match source.layout() {
        Layout::Words(other) if other.bits() != format.bits() => Err(Error::DepthMismatch {
            source: other.bits(),
            target: format.bits(),
        }),
        _ => Ok(()),
    }
}
