//! Draw commands: clips, brushes, masks, paths, glyphs and the thirteen commands made of them.
//!
//! Protocol: spec 07a §3 and §7. Coordinates and colours are as sent; nothing is clipped or converted here.

mod composite;
mod lines;
mod text;

use super::image::{Image, Targets, unknown};
use crate::geometry::{Point, Rect};
use crate::wire::{
    Decode, DecodeError, Encode, List, Reader, Writer, wire_enum, wire_flags, wire_struct,
};
pub use composite::{CompositeFlags, DrawComposite, Filter, Point16, Repeat, Transform};
pub use lines::{LineAttr, LineFlags, Path, PathFlags, PathSegment, PointFix};
pub use text::{Glyph, GlyphString, StringFlags};

wire_flags! {
    /// The operation that joins two operands, and which of them are inverted.
    ///
    /// The operation is the first of PUT, OR, AND, XOR, BLACKNESS, WHITENESS, INVERS whose bit is set.
    pub struct Rop: u16 {
        /// Invert the source.
        INVERS_SRC = 1,
        /// Invert the brush.
        INVERS_BRUSH = 2,
        /// Invert the destination.
        INVERS_DEST = 4,
        /// Replace.
        OP_PUT = 8,
        /// Or.
        OP_OR = 0x10,
        /// And.
        OP_AND = 0x20,
        /// Exclusive or.
        OP_XOR = 0x40,
        /// All zeros.
        OP_BLACKNESS = 0x80,
        /// All ones.
        OP_WHITENESS = 0x100,
        /// Invert the second operand.
        OP_INVERS = 0x200,
        /// Invert the result.
        INVERS_RES = 0x400,
    }
}

wire_enum! {
    /// How a source of another size is fitted.
    pub enum ScaleMode: u8 {
        /// Bilinear.
        Interpolate = 0,
        /// Nearest pixel.
        Nearest = 1,
    }
}

wire_flags! {
    /// How a mask is read.
    pub struct MaskFlags: u8 {
        /// Draw where the mask is 0.
        INVERS = 1,
    }
}

wire_flags! {
    /// Where alpha is meant in pixels that have room for it.
    pub struct AlphaFlags: u8 {
        /// The unused byte of the destination is alpha and is kept right.
        DEST_HAS_ALPHA = 1,
        /// The unused byte of the source surface is alpha.
        SRC_SURFACE_HAS_ALPHA = 2,
    }
}

/// Where drawing is allowed, in surface coordinates.
///
/// u8 type (0 none, 1 rectangles); with rectangles u32 count and the rectangles, in line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clip<'a> {
    /// Everywhere.
    #[default]
    None,
    /// In the union of these, which may overlap, be inverted, and be none at all.
    Rects(List<'a, Rect>),
}

wire_struct! {
    /// What every draw command begins with: 21 bytes, and more with a clip.
    pub struct DisplayBase<'a> {
        /// Surface to draw on.
        surface_id: u32,
        /// Area to draw; may lie outside the surface, be empty or inverted.
        bbox: Rect,
        /// Further limits.
        clip: Clip<'a>,
    }
}

/// What to paint with.
///
/// u8 type; then nothing, a u32 colour, or a pointer to an image and the point it is anchored at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brush<'a> {
    /// Nothing: zeros, with the operation still carried out.
    None,
    /// One colour, a pixel of the destination surface in its low bits.
    Solid(u32),
    /// A tile.
    Pattern {
        /// The tile.
        pattern: Image<'a>,
        /// Where a tile's corner lies, in surface coordinates.
        pos: Point,
    },
}

/// A 1-bit image that limits drawing. 13 bytes, without a mask too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QMask<'a> {
    /// How it is read.
    pub flags: MaskFlags,
    /// The mask's pixel that lies on the corner of the box.
    pub pos: Point,
    /// The mask; `None` draws everywhere.
    pub bitmap: Option<Image<'a>>,
}

/// Declares draw commands: members one after the other, with pointer targets behind the last.
macro_rules! draw_struct {
    ($(#[$meta:meta])* pub struct $name:ident<'a> { $($(#[$fmeta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        // A field without a sentence is what the protocol's name for it says.
        #[allow(missing_docs)]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a> { $($(#[$fmeta])* pub $field: $type),* }

        impl<'a> Decode<'a> for $name<'a> {
            fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
                Ok(Self { $($field: Member::read(r, stringify!($field))?),* })
            }
        }

        impl Encode for $name<'_> {
            fn encode(&self, w: &mut Writer) {
                let mut targets = Targets::default();
                $(self.$field.write(w, &mut targets);)*
                targets.place(w);
            }
        }
    };
}

draw_struct! {
    /// Brush onto the surface. Number 302, server → client.
    pub struct DrawFill<'a> { base: DisplayBase<'a>, brush: Brush<'a>, rop: Rop, mask: QMask<'a> }
}

draw_struct! {
    /// Copies an image, then joins the brush with it. Number 303, server → client.
    pub struct DrawOpaque<'a> {
        base: DisplayBase<'a>,
        src_bitmap: Image<'a>,
        src_area: Rect,
        brush: Brush<'a>,
        rop: Rop,
        scale_mode: ScaleMode,
        mask: QMask<'a>,
    }
}

draw_struct! {
    /// Image onto the surface. Number 304 (DRAW_COPY) and 305 (DRAW_BLEND), server → client; the two differ in name only.
    pub struct DrawCopy<'a> {
        base: DisplayBase<'a>,
        src_bitmap: Image<'a>,
        src_area: Rect,
        rop: Rop,
        scale_mode: ScaleMode,
        mask: QMask<'a>,
    }
}

draw_struct! {
    /// Zeros, ones or inversion. Number 306 (DRAW_BLACKNESS), 307 (DRAW_WHITENESS), 308 (DRAW_INVERS), server → client.
    pub struct DrawMasked<'a> { base: DisplayBase<'a>, mask: QMask<'a> }
}

draw_struct! {
    /// Any function of brush, image and surface. Number 309, server → client.
    pub struct DrawRop3<'a> {
        base: DisplayBase<'a>,
        src_bitmap: Image<'a>,
        src_area: Rect,
        brush: Brush<'a>,
        /// The truth table: bit `brush << 2 | image << 1 | surface` is the result.
        rop3: u8,
        scale_mode: ScaleMode,
        mask: QMask<'a>,
    }
}

draw_struct! {
    /// Lines, one pixel wide. Number 310, server → client.
    pub struct DrawStroke<'a> {
        base: DisplayBase<'a>,
        path: Path<'a>,
        attr: LineAttr<'a>,
        brush: Brush<'a>,
        fore_mode: Rop,
        /// Not used by anyone.
        back_mode: Rop,
    }
}

draw_struct! {
    /// Glyphs, and a filled rectangle behind them. Number 311, server → client.
    pub struct DrawText<'a> {
        base: DisplayBase<'a>,
        string: GlyphString<'a>,
        back_area: Rect,
        fore_brush: Brush<'a>,
        back_brush: Brush<'a>,
        fore_mode: Rop,
        back_mode: Rop,
    }
}

draw_struct! {
    /// Image onto the surface except for one colour. Number 312, server → client.
    pub struct DrawTransparent<'a> {
        base: DisplayBase<'a>,
        src_bitmap: Image<'a>,
        src_area: Rect,
        /// The colour left out as the guest writes it; not used.
        src_color: u32,
        /// The colour left out, `0x00RRGGBB`.
        true_color: u32,
    }
}

draw_struct! {
    /// Image over the surface, with a constant alpha. Number 313, server → client.
    pub struct DrawAlphaBlend<'a> {
        base: DisplayBase<'a>,
        alpha_flags: AlphaFlags,
        /// 255 is opaque.
        alpha: u8,
        src_bitmap: Image<'a>,
        src_area: Rect,
    }
}

impl<'a> Clip<'a> {
    /// The rectangles; `None` for no limit.
    pub fn rects(&self) -> Option<&List<'a, Rect>> {
        match self {
            Self::None => None,
            Self::Rects(rects) => Some(rects),
        }
    }

    /// The same without the message.
    pub fn to_owned(&self) -> Clip<'static> {
        match self {
            Self::None => Clip::None,
            Self::Rects(rects) => Clip::Rects(rects.to_owned()),
        }
    }
}

impl<'a> Decode<'a> for Clip<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let at = r.position();
        match r.u8("type")? {
            0 => Ok(Self::None),
            1 => {
                let count = r.u32("num_rects")? as usize;
                Ok(Self::Rects(r.lasting_list("rects", count, 16)?))
            }
            n => Err(unknown(r, "type", at, n)),
        }
    }
}

impl Encode for Clip<'_> {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::None => w.u8(0),
            Self::Rects(rects) => {
                w.u8(1);
                w.u32(rects.len() as u32);
                w.value(rects);
            }
        }
    }
}

/// A member of a draw command: in line, or a pointer whose target follows the fixed part.
trait Member<'a>: Decode<'a> {
    fn read(r: &mut Reader<'a>, field: &'static str) -> Result<Self, DecodeError> {
        r.value(field)
    }

    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>);
}

macro_rules! in_line {
    ($($type:ty),*) => {$(
        impl<'a> Member<'a> for $type {
            fn write<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
                w.value(self);
            }
        }
    )*};
}

in_line!(u8, u32, Rect, Rop, AlphaFlags, DisplayBase<'a>);

macro_rules! behind_a_pointer {
    ($($type:ty),*) => {$(
        impl<'a> Member<'a> for $type {
            fn read(r: &mut Reader<'a>, field: &'static str) -> Result<Self, DecodeError> {
                r.required_pointer(field)
            }

            fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
                targets.pointer(w, self);
            }
        }
    )*};
}

behind_a_pointer!(Image<'a>, Path<'a>, GlyphString<'a>);

impl<'a> Member<'a> for ScaleMode {
    fn read(r: &mut Reader<'a>, field: &'static str) -> Result<Self, DecodeError> {
        let at = r.position();
        match r.value(field)? {
            ScaleMode::Other(n) => Err(unknown(r, field, at, n)),
            known => Ok(known),
        }
    }

    fn write<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        w.value(self);
    }
}

impl<'a> Decode<'a> for Brush<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let at = r.position();
        Ok(match r.u8("type")? {
            0 => Self::None,
            1 => Self::Solid(r.u32("color")?),
            2 => Self::Pattern {
                pattern: r.required_pointer("pattern")?,
                pos: r.value("pos")?,
            },
            n => return Err(unknown(r, "type", at, n)),
        })
    }
}

impl<'a> Member<'a> for Brush<'a> {
    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        match self {
            Self::None => w.u8(0),
            Self::Solid(color) => {
                w.u8(1);
                w.u32(*color);
            }
            Self::Pattern { pattern, pos } => {
                w.u8(2);
                targets.pointer(w, pattern);
                w.value(pos);
            }
        }
    }
}

impl<'a> Decode<'a> for QMask<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            flags: r.value("flags")?,
            pos: r.value("pos")?,
            bitmap: r.pointer("bitmap")?,
        })
    }
}

impl<'a> Member<'a> for QMask<'a> {
    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        w.value(&self.flags);
        w.value(&self.pos);
        match &self.bitmap {
            Some(bitmap) => targets.pointer(w, bitmap),
            None => w.u32(0),
        }
    }
}
