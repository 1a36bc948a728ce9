//! Draw commands: clips, brushes, masks, paths, glyphs and the thirteen commands made of them.
//!
//! Protocol: spec 07a §3 and §7. Coordinates and colours are as sent; nothing is clipped or converted here.

use super::image::{Image, Target, Targets, invalid, unknown};
use crate::geometry::{Point, Rect};
use crate::wire::{
    Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, wire_enum, wire_flags,
    wire_struct,
};

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
    /// How a line starts.
    pub struct LineFlags: u8 {
        /// The first dash is a gap.
        START_WITH_GAP = 4,
        /// The line is dashed.
        STYLED = 8,
    }
}

wire_flags! {
    /// What a segment does to its path.
    pub struct PathFlags: u8 {
        /// A new line begins with the segment's first point.
        BEGIN = 1,
        /// The line ends here.
        END = 2,
        /// The line returns to its first point when it ends.
        CLOSE = 8,
        /// The points are Bézier triples: two controls and an end.
        BEZIER = 0x10,
    }
}

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

wire_flags! {
    /// Where alpha is meant in pixels that have room for it.
    pub struct AlphaFlags: u8 {
        /// The unused byte of the destination is alpha and is kept right.
        DEST_HAS_ALPHA = 1,
        /// The unused byte of the source surface is alpha.
        SRC_SURFACE_HAS_ALPHA = 2,
    }
}

wire_flags! {
    /// Operator, filters, repeats and optional parts of a composition. Bits 0 to 17 are read by the methods.
    pub struct CompositeFlags: u32 {
        /// The mask acts on each channel by itself.
        COMPONENT_ALPHA = 1 << 18,
        /// There is a mask.
        HAS_MASK = 1 << 19,
        /// There is a transform of the source.
        HAS_SRC_TRANSFORM = 1 << 20,
        /// There is a transform of the mask.
        HAS_MASK_TRANSFORM = 1 << 21,
        /// The source's alpha is to be read as 1.
        SOURCE_OPAQUE = 1 << 22,
        /// Defined, without effect.
        MASK_OPAQUE = 1 << 23,
        /// Defined, without effect.
        DEST_OPAQUE = 1 << 24,
    }
}

wire_enum! {
    /// How a transformed source is sampled.
    pub enum Filter: u8 {
        /// Nearest.
        Fast = 0,
        /// Bilinear.
        Good = 1,
        /// Bilinear.
        Best = 2,
        /// Nearest.
        Nearest = 3,
        /// Bilinear.
        Bilinear = 4,
    }
}

wire_enum! {
    /// What is outside a source. All four values of its two bits are taken.
    pub enum Repeat: u8 {
        /// Transparent.
        None = 0,
        /// Tiles.
        Normal = 1,
        /// The nearest edge pixel.
        Pad = 2,
        /// Mirrored tiles.
        Reflect = 3,
    }
}

wire_struct! {
    /// A point in sixteenths of a pixel.
    pub struct PointFix { x: i32, y: i32 }
}

wire_struct! {
    /// A point in 16-bit coordinates.
    pub struct Point16 { x: i16, y: i16 }
}

wire_struct! {
    /// An affine map from destination to source, in 16.16 fixed point: `x' = t00·x + t01·y + t02`, and so on.
    pub struct Transform { t00: i32, t01: i32, t02: i32, t10: i32, t11: i32, t12: i32 }
}

/// Where drawing is allowed, in surface coordinates.
///
/// u8 type (0 none, 1 rectangles); with rectangles u32 count and the rectangles, in line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clip {
    /// Everywhere.
    #[default]
    None,
    /// In the union of these, which may overlap, be inverted, and be none at all.
    Rects(Vec<Rect>),
}

wire_struct! {
    /// What every draw command begins with: 21 bytes, and more with a clip.
    pub struct DisplayBase {
        /// Surface to draw on.
        surface_id: u32,
        /// Area to draw; may lie outside the surface, be empty or inverted.
        bbox: Rect,
        /// Further limits.
        clip: Clip,
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

/// How a line is drawn: 1 byte, or 6 and a pointed-to array when dashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineAttr {
    /// How it starts. STYLED is set exactly if there is a style, whatever is said here when encoding.
    pub flags: LineFlags,
    /// Lengths of dashes and gaps in turn, in sixteenths of a pixel, 1 to 255 of them; empty for a solid line.
    pub style: Vec<i32>,
}

/// Lines and curves, behind a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The segments in drawing order.
    pub segments: Vec<PathSegment>,
}

/// Points of a [`Path`]: u8 flags, u32 count, the points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSegment {
    /// What the segment does.
    pub flags: PathFlags,
    /// Its points.
    pub points: Vec<PointFix>,
}

/// Glyphs, behind a pointer: u16 count, u8 flags, the glyphs in line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlyphString<'a> {
    /// What they are made of.
    pub flags: StringFlags,
    /// The glyphs, 65535 at most.
    pub glyphs: Vec<Glyph<'a>>,
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
    pub struct DrawFill<'a> { base: DisplayBase, brush: Brush<'a>, rop: Rop, mask: QMask<'a> }
}

draw_struct! {
    /// Copies an image, then joins the brush with it. Number 303, server → client.
    pub struct DrawOpaque<'a> {
        base: DisplayBase,
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
        base: DisplayBase,
        src_bitmap: Image<'a>,
        src_area: Rect,
        rop: Rop,
        scale_mode: ScaleMode,
        mask: QMask<'a>,
    }
}

draw_struct! {
    /// Zeros, ones or inversion. Number 306 (DRAW_BLACKNESS), 307 (DRAW_WHITENESS), 308 (DRAW_INVERS), server → client.
    pub struct DrawMasked<'a> { base: DisplayBase, mask: QMask<'a> }
}

draw_struct! {
    /// Any function of brush, image and surface. Number 309, server → client.
    pub struct DrawRop3<'a> {
        base: DisplayBase,
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
        base: DisplayBase,
        path: Path,
        attr: LineAttr,
        brush: Brush<'a>,
        fore_mode: Rop,
        /// Not used by anyone.
        back_mode: Rop,
    }
}

draw_struct! {
    /// Glyphs, and a filled rectangle behind them. Number 311, server → client.
    pub struct DrawText<'a> {
        base: DisplayBase,
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
        base: DisplayBase,
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
        base: DisplayBase,
        alpha_flags: AlphaFlags,
        /// 255 is opaque.
        alpha: u8,
        src_bitmap: Image<'a>,
        src_area: Rect,
    }
}

/// Porter-Duff composition with optional mask and transforms. Number 318, server → client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawComposite<'a> {
    /// Where.
    pub base: DisplayBase,
    /// How. The three HAS_… bits are set as the optional fields are, whatever is said here when encoding.
    pub flags: CompositeFlags,
    /// The source.
    pub src_bitmap: Image<'a>,
    /// What weakens the source.
    pub mask_bitmap: Option<Image<'a>>,
    /// From destination to source.
    pub src_transform: Option<Transform>,
    /// From destination to mask.
    pub mask_transform: Option<Transform>,
    /// The source's point at the corner of the box.
    pub src_origin: Point16,
    /// The mask's point at the corner of the box.
    pub mask_origin: Point16,
}

impl CompositeFlags {
    /// The operator: 0 clear … 12 add, 0x30 multiply … (spec 07b §13).
    pub const fn operator(self) -> u8 {
        self.0 as u8
    }

    /// How the source is sampled.
    pub const fn src_filter(self) -> Filter {
        Filter::from_number((self.0 >> 8) as u8 & 7)
    }

    /// How the mask is sampled.
    pub const fn mask_filter(self) -> Filter {
        Filter::from_number((self.0 >> 11) as u8 & 7)
    }

    /// What is outside the source.
    pub const fn src_repeat(self) -> Repeat {
        Repeat::from_number((self.0 >> 14) as u8 & 3)
    }

    /// What is outside the mask.
    pub const fn mask_repeat(self) -> Repeat {
        Repeat::from_number((self.0 >> 16) as u8 & 3)
    }

    /// This set with `flag` set or cleared.
    const fn with(self, flag: Self, set: bool) -> Self {
        if set {
            Self(self.0 | flag.0)
        } else {
            Self(self.0 & !flag.0)
        }
    }
}

impl StringFlags {
    /// Bits of a glyph's pixel; `None` when the set names none. The first of A1, A4, A8 counts.
    pub const fn bits(self) -> Option<u32> {
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

impl Clip {
    /// The rectangles; `None` for no limit.
    pub fn rects(&self) -> Option<&[Rect]> {
        match self {
            Self::None => None,
            Self::Rects(rects) => Some(rects),
        }
    }
}

impl<'a> Decode<'a> for Clip {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let at = r.position();
        match r.u8("type")? {
            0 => Ok(Self::None),
            1 => {
                let count = r.u32("num_rects")? as usize;
                Ok(Self::Rects(r.list("rects", count, 16)?))
            }
            n => Err(unknown(r, "type", at, n)),
        }
    }
}

impl Encode for Clip {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::None => w.u8(0),
            Self::Rects(rects) => {
                w.u8(1);
                w.u32(rects.len() as u32);
                w.list(rects);
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
        impl Member<'_> for $type {
            fn write<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
                w.value(self);
            }
        }
    )*};
}

in_line!(u8, u32, Rect, Rop, AlphaFlags, DisplayBase);

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

behind_a_pointer!(Image<'a>, Path, GlyphString<'a>);

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

impl<'a> Decode<'a> for LineAttr {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags: LineFlags = r.value("flags")?;
        let mut style = Vec::new();
        if flags.contains(LineFlags::STYLED) {
            let at = r.position();
            let count = usize::from(r.u8("style_nseg")?);
            if count == 0 {
                return Err(invalid(r, "style_nseg", at, "0 dashes in a dashed line"));
            }
            let at = r.position();
            style = r
                .pointer_with("style", |r| r.list("", count, 4))?
                .ok_or_else(|| r.error("style", at, DecodeErrorKind::Null))?;
        }
        Ok(Self { flags, style })
    }
}

/// At most 255 lengths can be sent; the rest is left out.
impl Member<'_> for LineAttr {
    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        if self.style.is_empty() {
            w.u8(self.flags.0 & !LineFlags::STYLED.0);
        } else {
            w.value(&(self.flags | LineFlags::STYLED));
            w.u8(self.style.len().min(255) as u8);
            targets.pointer(w, &self.style);
        }
    }
}

/// Dashes and gaps of a [`LineAttr`].
impl Target for Vec<i32> {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        w.list(&self[..self.len().min(255)]);
    }
}

impl<'a> Decode<'a> for Path {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u32("num_segments")? as usize;
        Ok(Self {
            segments: r.list("segments", count, 5)?,
        })
    }
}

impl Target for Path {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        w.u32(self.segments.len() as u32);
        w.list(&self.segments);
    }
}

impl<'a> Decode<'a> for PathSegment {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = r.value("flags")?;
        let count = r.u32("count")? as usize;
        Ok(Self {
            flags,
            points: r.list("points", count, 8)?,
        })
    }
}

impl Encode for PathSegment {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.flags);
        w.u32(self.points.len() as u32);
        w.list(&self.points);
    }
}

impl<'a> Decode<'a> for GlyphString<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("length")?);
        let at = r.position();
        let flags: StringFlags = r.value("flags")?;
        let glyphs = match flags.bits() {
            Some(1) => rasters::<1>(r, count)?,
            Some(4) => rasters::<4>(r, count)?,
            Some(_) => rasters::<8>(r, count)?,
            None if count == 0 => Vec::new(),
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
        for glyph in &self.glyphs[..count] {
            w.value(&glyph.render_pos);
            w.value(&glyph.origin);
            w.u16(glyph.width);
            w.u16(glyph.height);
            w.bytes(glyph.data);
        }
    }
}

/// A glyph of `BITS` bits a pixel: how long its rows are is known to the string only.
struct Raster<'a, const BITS: usize>(Glyph<'a>);

fn rasters<'a, const BITS: usize>(
    r: &mut Reader<'a>,
    count: usize,
) -> Result<Vec<Glyph<'a>>, DecodeError> {
    let glyphs: Vec<Raster<'a, BITS>> = r.list("glyphs", count, 20)?;
    Ok(glyphs.into_iter().map(|raster| raster.0).collect())
}

impl<'a, const BITS: usize> Decode<'a> for Raster<'a, BITS> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (render_pos, origin) = (r.value("render_pos")?, r.value("glyph_origin")?);
        let (width, height) = (r.u16("width")?, r.u16("height")?);
        let len = (usize::from(width) * BITS).div_ceil(8) * usize::from(height);
        Ok(Self(Glyph {
            render_pos,
            origin,
            width,
            height,
            data: r.bytes("data", len)?,
        }))
    }
}

impl<'a> Decode<'a> for DrawComposite<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let base = r.value("base")?;
        let flags: CompositeFlags = r.value("flags")?;
        let src_bitmap = r.required_pointer("src_bitmap")?;
        let mask_bitmap = if flags.contains(CompositeFlags::HAS_MASK) {
            Some(r.required_pointer("mask_bitmap")?)
        } else {
            None
        };
        let mut transform = |field, flag| {
            let present = flags.contains(flag);
            present.then(|| r.value(field)).transpose()
        };
        Ok(Self {
            src_transform: transform("src_transform", CompositeFlags::HAS_SRC_TRANSFORM)?,
            mask_transform: transform("mask_transform", CompositeFlags::HAS_MASK_TRANSFORM)?,
            src_origin: r.value("src_origin")?,
            mask_origin: r.value("mask_origin")?,
            base,
            flags,
            src_bitmap,
            mask_bitmap,
        })
    }
}

impl Encode for DrawComposite<'_> {
    fn encode(&self, w: &mut Writer) {
        let flags = self
            .flags
            .with(CompositeFlags::HAS_MASK, self.mask_bitmap.is_some())
            .with(
                CompositeFlags::HAS_SRC_TRANSFORM,
                self.src_transform.is_some(),
            )
            .with(
                CompositeFlags::HAS_MASK_TRANSFORM,
                self.mask_transform.is_some(),
            );
        let mut targets = Targets::default();
        w.value(&self.base);
        w.value(&flags);
        targets.pointer(w, &self.src_bitmap);
        if let Some(mask) = &self.mask_bitmap {
            targets.pointer(w, mask);
        }
        for transform in [&self.src_transform, &self.mask_transform]
            .into_iter()
            .flatten()
        {
            w.value(transform);
        }
        w.value(&self.src_origin);
        w.value(&self.mask_origin);
        targets.place(w);
    }
}
