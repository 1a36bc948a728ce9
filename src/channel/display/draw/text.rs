//! What DRAW_TEXT draws: strings of glyphs.

use crate::channel::display::image::{Target, Targets, invalid};
use crate::geometry::Point;
use crate::wire::{Decode, DecodeError, List, Listed, Reader, Writer, wire_flags};

wire_flags! {
    /// What the glyphs of a string are made of.
    pub struct StringFlags: u8 {
        /// 1 bit a pixel, bit 7 leftmost.
        RASTER_A1 = 1,
        /// 4 bits a pixel, high nibble left.
        RASTER_A4 = 2,
        /// 8 bits a pixel.
        RASTER_A8 = 4,
        /// Defined, and ignored by everyone: rows are bottom-up.
        RASTER_TOP_DOWN = 8,
    }
}

/// Glyphs, behind a pointer: u16 count, u8 flags, the glyphs in line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlyphString<'a> {
    /// What they are made of.
    pub flags: StringFlags,
    /// The glyphs, 65535 at most.
    pub glyphs: List<'a, Glyph<'a>>,
}

/// One glyph: 20 bytes and its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph<'a> {
    /// The pen, in surface coordinates.
    pub render_pos: Point,
    /// From the pen to the glyph's top left corner.
    pub origin: Point,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// The rows, each filled to a whole byte, **bottom row first**.
    pub data: &'a [u8],
}

impl StringFlags {
    /// Bits of a glyph's pixel; `None` when the set names none. The first of A1, A4, A8 counts.
    pub const fn bits(self) -> Option<u8> {
        if self.contains(Self::RASTER_A1) {
            Some(1)
        } else if self.contains(Self::RASTER_A4) {
            Some(4)
        } else if self.contains(Self::RASTER_A8) {
            Some(8)
        } else {
            None
        }
    }
}

impl<'a> Decode<'a> for GlyphString<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("length")?);
        let at = r.position();
        let flags: StringFlags = r.value("flags")?;
        let glyphs = match flags.bits() {
            Some(bits) => r.lasting_list_of("glyphs", count, 20, bits)?,
            None if count == 0 => List::default(),
            None => {
                let text = format!("{flags:?} names no kind of glyph");
                return Err(invalid(r, "flags", at, text));
            }
        };
        Ok(Self { flags, glyphs })
    }
}

/// At most 65535 glyphs can be sent; the rest is left out.
impl Target for GlyphString<'_> {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        let count = self.glyphs.len().min(usize::from(u16::MAX));
        w.u16(count as u16);
        w.value(&self.flags);
        for glyph in self.glyphs.iter().take(count) {
            w.value(&glyph.render_pos);
            w.value(&glyph.origin);
            w.u16(glyph.width);
            w.u16(glyph.height);
            w.bytes(glyph.data);
        }
    }
}

/// The form is the bits of a pixel: how long the rows are is known to the string only.
impl<'a> Listed<'a> for Glyph<'a> {
    fn read(r: &mut Reader<'a>, bits: u8) -> Result<Self, DecodeError> {
        let (render_pos, origin) = (r.value("render_pos")?, r.value("glyph_origin")?);
        let (width, height) = (r.u16("width")?, r.u16("height")?);
        let len = (usize::from(width) * usize::from(bits)).div_ceil(8) * usize::from(height);
        Ok(Self {
            render_pos,
            origin,
            width,
            height,
            data: r.bytes("data", len)?,
        })
    }
}
