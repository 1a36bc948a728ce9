//! Text: glyphs merged into one coverage, and a brush laid over the surface through it.
//!
//! Protocol: rasterisation (spec 07b §11).

use super::ink::Ink;
use super::operator::mul;
use super::scratch::Memory;
use super::surface::each_rect;
use super::{Area, Brush, Clip, Damage, Error, Rop, Surface, convert};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::PixelFormat;

/// How the coverage of a glyph's pixels is stored. Every row begins at a whole byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// 1 bit, bit 7 of a byte leftmost: nothing or all.
    A1,
    /// 4 bits, the high ones left, in sixteenths: 15 is not yet all.
    A4,
    /// 8 bits.
    A8,
}

/// One glyph at its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Glyph<'a> {
    coverage: Coverage,
    bbox: Rect,
    /// The rows, bottom row first. INVARIANT: as many as `bbox` has, and wide enough.
    rows: &'a [u8],
}

/// What TEXT draws.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Glyphs may overlap; the greatest coverage counts.
    pub glyphs: &'a [Glyph<'a>],
    /// What the glyphs are made of. The corner of a pattern is relative to the smallest rectangle around all glyphs. None:
    /// they are not drawn.
    pub fore: Brush<'a>,
    /// What is filled first.
    pub back: Option<(Rect, Brush<'a>)>,
}

impl Surface {
    /// TEXT: fills the background, then lays the foreground over the surface as the glyphs cover it. Foregrounds are opaque.
    /// The protocol knows no mask here, and that of `area` is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyPattern`], [`Error::DepthMismatch`]; nothing is drawn then.
    pub fn text(
        &mut self,
        area: &Area<'_>,
        text: &Text<'_>,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        let string = around(text.glyphs, area.bbox);
        let corner = around(text.glyphs, EVERYWHERE).origin();
        let paint = Paint::new(&text.fore, corner, self.format())?;
        if let Some((bbox, brush)) = &text.back {
            let back = Area::new(bbox.intersect(area.bbox), area.clip);
            self.fill(&back, brush, Rop::PUT, damage)?;
        }
        if let Some(paint) = paint {
            let mut memory = self.scratch.take();
            for strip in strips(string.intersect(self.size().to_rect())) {
                self.text_strip(area.clip, text.glyphs, strip, &paint, &mut memory, damage);
            }
            self.scratch.put(memory);
        }
        Ok(())
    }

    /// Lays the paint over a part of the surface as the glyphs cover it.
    fn text_strip(
        &mut self,
        clip: &Clip,
        glyphs: &[Glyph<'_>],
        strip: Rect,
        paint: &Paint<'_>,
        memory: &mut Memory,
        damage: &mut Damage,
    ) {
        let merged = Merged::new(glyphs, strip, &mut memory.coverage);
        memory.region.begin(clip, merged.extent);
        each_rect(&mut memory.region, damage, |rect| {
            for y in rect.top..rect.bottom {
                self.paint_row(rect, y, merged.row(rect, y), paint);
            }
        });
    }

    /// Lays the paint over row `y` of `rect` through `coverage`.
    fn paint_row(&mut self, rect: Rect, y: i32, coverage: &[u8], paint: &Paint<'_>) {
        let format = self.format();
        let pixels = self.rows.in_order_mut();
        let stride = pixels.stride();
        let row = &mut pixels.data_mut()[y as usize * stride..][..stride];
        let covered = (rect.left..).zip(coverage).filter(|(_, m)| **m != 0);
        if let (Ink::Flat(_), 32) = (&paint.ink, format.bits()) {
            let colour = paint.colour_at(rect.left, y);
            let words = row.as_chunks_mut::<4>().0;
            for (x, m) in covered {
                let word = &mut words[x as usize];
                *word = over(colour, u32::from_le_bytes(*word), *m).to_le_bytes();
            }
            return;
        }
        for (x, m) in covered {
            let old = convert::unpack(format, format.load(row, x as usize));
            let new = over(paint.colour_at(x, y), old, *m);
            format.store(row, x as usize, convert::pack(format, new));
        }
    }
}

impl<'a> Glyph<'a> {
    /// A glyph with its top left pixel at `corner`. `rows` are its rows, **bottom row first**, each filled to a whole byte.
    /// `None` when there are not as many bytes as `size` takes.
    pub fn new(coverage: Coverage, corner: Point, size: Size, rows: &'a [u8]) -> Option<Self> {
        let needed = coverage
            .row_bytes(size.width)?
            .checked_mul(size.height as usize)?;
        Some(Self {
            coverage,
            bbox: Rect::at(corner.x, corner.y, size),
            rows: rows.get(..needed)?,
        })
    }

    /// Row `y` of the surface, which it covers.
    fn row(&self, y: i32) -> &'a [u8] {
        let stored = (self.bbox.bottom - 1 - y) as usize;
        let stride = self.rows.len() / self.bbox.height() as usize;
        &self.rows[stored * stride..][..stride]
    }
}

impl Coverage {
    fn row_bytes(self, width: u32) -> Option<usize> {
        let bits = match self {
            Self::A1 => 1,
            Self::A4 => 4,
            Self::A8 => 8,
        };
        usize::try_from((u64::from(width) * bits).div_ceil(8)).ok()
    }

    /// The coverage of pixel `x` of a row.
    fn at(self, row: &[u8], x: usize) -> u8 {
        match self {
            Self::A1 => 0_u8.wrapping_sub(row[x / 8] >> (7 - x % 8) & 1),
            Self::A4 if x.is_multiple_of(2) => row[x / 2] & 0xf0,
            Self::A4 => row[x / 2] << 4,
            Self::A8 => row[x],
        }
    }
}

/// The coverage of all glyphs together in a part of the surface.
struct Merged<'m> {
    extent: Rect,
    bytes: &'m mut Vec<u8>,
}

impl<'m> Merged<'m> {
    /// Merges in `bytes`, whatever is in them.
    fn new(glyphs: &[Glyph<'_>], extent: Rect, bytes: &'m mut Vec<u8>) -> Self {
        let extent = around(glyphs, extent);
        bytes.clear();
        bytes.resize(extent.area() as usize, 0);
        let mut merged = Self { extent, bytes };
        glyphs.iter().for_each(|glyph| merged.add(glyph));
        merged
    }

    fn add(&mut self, glyph: &Glyph<'_>) {
        let visible = glyph.bbox.intersect(self.extent);
        let skipped = (i64::from(visible.left) - i64::from(glyph.bbox.left)) as usize;
        for y in visible.top..visible.bottom {
            let row = glyph.row(y);
            let start = self.place(visible, y);
            let sum = &mut self.bytes[start..][..visible.width() as usize];
            for (x, sum) in (skipped..).zip(sum) {
                *sum = glyph.coverage.at(row, x).max(*sum);
            }
        }
    }

    /// Row `y` of `rect`, which lies inside.
    fn row(&self, rect: Rect, y: i32) -> &[u8] {
        &self.bytes[self.place(rect, y)..][..rect.width() as usize]
    }

    fn place(&self, rect: Rect, y: i32) -> usize {
        let row = (y - self.extent.top) as usize;
        row * self.extent.width() as usize + (rect.left - self.extent.left) as usize
    }
}

/// An opaque foreground.
struct Paint<'a> {
    ink: Ink<'a>,
    format: PixelFormat,
}

impl<'a> Paint<'a> {
    /// A brush whose pattern is anchored relative to `corner`; `None` when there is no brush.
    fn new(brush: &Brush<'a>, corner: Point, format: PixelFormat) -> Result<Option<Self>, Error> {
        let brush = match *brush {
            Brush::None => return Ok(None),
            Brush::Solid(word) => Brush::Solid(word & (u32::MAX >> (32 - format.bits()))),
            Brush::Pattern { pixels, origin } => Brush::Pattern {
                pixels,
                origin: Point::new(
                    corner.x.saturating_add(origin.x),
                    corner.y.saturating_add(origin.y),
                ),
            },
        };
        let ink = Ink::of_brush(&brush, format)?;
        // The reference reads a solid colour as 5-5-5 on surfaces of 5-6-5 too.
        let format = match (&ink, format) {
            (Ink::Flat(_), PixelFormat::Rgb565) => PixelFormat::Rgb555,
            _ => format,
        };
        Ok(Some(Self { ink, format }))
    }

    /// The channels at a pixel, 8 bits each; alpha is all.
    fn colour_at(&self, x: i32, y: i32) -> u32 {
        convert::unpack(self.format, self.ink.word(x, y)) | 0xff00_0000
    }
}

/// Opaque `colour` over `old` through coverage `m`, channel by channel.
fn over(colour: u32, old: u32, m: u8) -> u32 {
    let (colour, old) = (colour.to_le_bytes(), old.to_le_bytes());
    let channel = |i: usize| mul(colour[i], m).saturating_add(mul(old[i], 255 - m));
    u32::from_le_bytes([channel(0), channel(1), channel(2), channel(3)])
}

/// The smallest rectangle around what is inside `bounds` of the glyphs.
fn around(glyphs: &[Glyph<'_>], bounds: Rect) -> Rect {
    let inside = glyphs.iter().map(|glyph| glyph.bbox.intersect(bounds));
    inside.fold(Rect::default(), Rect::bounds)
}

/// Parts that together are a rectangle on a surface, so low that the coverage of one is small.
fn strips(extent: Rect) -> impl Iterator<Item = Rect> {
    let rows = MAX_COVERAGE_BYTES / extent.width().max(1) as usize;
    let tops = (extent.top..extent.bottom).step_by(rows);
    tops.map(move |top| Rect {
        top,
        bottom: extent.bottom.min(top + rows as i32),
        ..extent
    })
}

impl std::fmt::Debug for Glyph<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Glyph({:?} {:?})", self.coverage, self.bbox)
    }
}

const EVERYWHERE: Rect = Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX);

/// Most coverage kept at a time. No surface has so many columns.
const MAX_COVERAGE_BYTES: usize = 1 << 24;
