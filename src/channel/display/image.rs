//! Image descriptors: what a draw command says about a picture, with the coded pixels still in the frame.
//!
//! Protocol: spec 07a §3.3 to §3.5. An image and a palette lie behind pointers; everything else lies in line. What the
//! bytes of a QUIC, LZ, … image mean is not known here.

use std::collections::VecDeque;

use crate::wire::{
    Decode, DecodeError, DecodeErrorKind, Reader, Slot, Writer, wire_enum, wire_flags,
};

wire_enum! {
    /// How the pixels of an image are given.
    pub enum ImageType: u8 {
        /// Uncompressed rows.
        Bitmap = 0,
        /// A QUIC stream.
        Quic = 1,
        /// An LZ stream of palette indices.
        LzPlt = 100,
        /// An LZ stream of colours.
        LzRgb = 101,
        /// A GLZ stream.
        GlzRgb = 102,
        /// The client has it already.
        FromCache = 103,
        /// A surface.
        Surface = 104,
        /// A JPEG file.
        Jpeg = 105,
        /// The client has it already and not from a JPEG.
        FromCacheLossless = 106,
        /// A GLZ stream inside a zlib stream.
        ZlibGlzRgb = 107,
        /// A JPEG file for the colours and an LZ stream for alpha.
        JpegAlpha = 108,
        /// LZ4 blocks.
        Lz4 = 109,
    }
}

wire_flags! {
    /// What the client does with an image besides drawing it.
    pub struct ImageFlags: u8 {
        /// Keep it in the pixmap cache under its id.
        CACHE_ME = 1,
        /// The unused byte of each pixel is to be read as 0xff.
        HIGH_BITS_SET = 2,
        /// Lossless pixels for an entry of the cache that came from a JPEG.
        CACHE_REPLACE_ME = 4,
    }
}

wire_enum! {
    /// How a bitmap's pixels lie in memory.
    pub enum BitmapFormat: u8 {
        /// 1-bit palette index or mask; bit 0 of a byte is leftmost.
        OneBitLe = 1,
        /// 1-bit palette index or mask; bit 7 of a byte is leftmost.
        OneBitBe = 2,
        /// 4-bit palette index; the low nibble is left.
        FourBitLe = 3,
        /// 4-bit palette index; the high nibble is left.
        FourBitBe = 4,
        /// 8-bit palette index.
        EightBit = 5,
        /// Little-endian words `x1 r5 g5 b5`.
        SixteenBit = 6,
        /// Bytes B, G, R.
        TwentyFourBit = 7,
        /// Bytes B, G, R and one without meaning.
        ThirtyTwoBit = 8,
        /// Bytes B, G, R, A, premultiplied.
        Rgba = 9,
        /// 8-bit alpha.
        EightBitAlpha = 10,
    }
}

wire_flags! {
    /// Row order of a bitmap, and where its palette is.
    pub struct BitmapFlags: u8 {
        /// Keep the palette in the palette cache under its id.
        PAL_CACHE_ME = 1,
        /// The palette is in the palette cache.
        PAL_FROM_CACHE = 2,
        /// The first stored row is the top one; without it, the bottom one.
        TOP_DOWN = 4,
    }
}

wire_flags! {
    /// Row order of a [`JpegAlpha`].
    pub struct JpegAlphaFlags: u8 {
        /// The first stored row is the top one.
        TOP_DOWN = 1,
    }
}

/// A picture in a draw command: source, mask or pattern.
///
/// | offset | type | field |
/// |---|---|---|
/// | 0 | u64 | id |
/// | 8 | u8 | type |
/// | 9 | u8 | flags |
/// | 10 | u32, u32 | width, height |
/// | 18 | by type | [`ImageData`] |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Key in the pixmap cache.
    pub id: u64,
    /// What to do with it besides drawing.
    pub flags: ImageFlags,
    /// Columns. Not checked: may be 0 or absurd.
    pub width: u32,
    /// Rows. Not checked: may be 0 or absurd.
    pub height: u32,
    /// The pixels.
    pub data: ImageData<'a>,
}

/// Where an [`Image`]'s pixels are. Slices are the whole coded stream with its own header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageData<'a> {
    /// Uncompressed.
    Bitmap(Bitmap<'a>),
    /// A QUIC stream.
    Quic(&'a [u8]),
    /// Palette indices.
    LzPlt(LzPlt<'a>),
    /// An LZ stream of colours, or of 8-bit alpha.
    LzRgb(&'a [u8]),
    /// A GLZ stream.
    GlzRgb(&'a [u8]),
    /// In the pixmap cache under the image's id.
    FromCache,
    /// The contents of the surface with this number at this point of the command order.
    Surface(u32),
    /// A JPEG file.
    Jpeg(&'a [u8]),
    /// In the pixmap cache, and only if it did not come from a JPEG.
    FromCacheLossless,
    /// GLZ inside zlib.
    ZlibGlzRgb(ZlibGlz<'a>),
    /// JPEG with alpha.
    JpegAlpha(JpegAlpha<'a>),
    /// Two bytes (top-down, bitmap format), then blocks with big-endian lengths.
    Lz4(&'a [u8]),
}

/// Uncompressed rows. As wide and high as the [`Image`] that holds it.
///
/// | offset in the image | type | field |
/// |---|---|---|
/// | 18 | u8, u8 | format, flags |
/// | 20 | u32, u32, u32 | x (width), y (height), stride |
/// | 32 | pointer, or u64 id with PAL_FROM_CACHE | palette |
/// | 36 or 40 | bytes | stride × y |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap<'a> {
    /// Layout of one pixel; always a known one.
    pub format: BitmapFormat,
    /// Row order, and what to do with the palette. PAL_FROM_CACHE is set exactly if the palette is
    /// [`PaletteRef::Cached`], whatever is said here when encoding.
    pub flags: BitmapFlags,
    /// Bytes from one row to the next; at least a row.
    pub stride: u32,
    /// Colours of the indices; [`PaletteRef::None`] for true colours and for masks.
    pub palette: PaletteRef<'a>,
    /// The rows in stored order, `stride × height` bytes.
    pub rows: &'a [u8],
}

/// An LZ stream of palette indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LzPlt<'a> {
    /// Row order, and what to do with the palette; see [`Bitmap::flags`].
    pub flags: BitmapFlags,
    /// Colours of the indices; never [`PaletteRef::None`] when decoded.
    pub palette: PaletteRef<'a>,
    /// The stream.
    pub data: &'a [u8],
}

/// A zlib stream around a GLZ stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZlibGlz<'a> {
    /// Bytes of the GLZ stream inside, as announced; not to be trusted.
    pub glz_data_size: u32,
    /// The zlib stream.
    pub data: &'a [u8],
}

/// Colours as a JPEG file, alpha as an LZ stream of type XXXA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegAlpha<'a> {
    /// Row order of both.
    pub flags: JpegAlphaFlags,
    /// The JPEG file.
    pub jpeg: &'a [u8],
    /// The LZ stream.
    pub alpha: &'a [u8],
}

/// Where the palette of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaletteRef<'a> {
    /// There is none.
    None,
    /// In the message.
    Inline(Palette<'a>),
    /// In the palette cache under this id.
    Cached(u64),
}

/// Up to 65535 colours.
///
/// u64 unique, u16 count, then u32 entries: `0x00RRGGBB`, or on a 16-bit surface `x1 r5 g5 b5` in the low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette<'a> {
    /// Key in the palette cache; 0 is not cacheable.
    pub unique: u64,
    /// The colours, each a little-endian word.
    pub entries: &'a [[u8; 4]],
}

impl BitmapFormat {
    /// Bits of one pixel; 0 for an unknown format.
    pub const fn bits(self) -> u32 {
        match self {
            Self::OneBitLe | Self::OneBitBe => 1,
            Self::FourBitLe | Self::FourBitBe => 4,
            Self::EightBit | Self::EightBitAlpha => 8,
            Self::SixteenBit => 16,
            Self::TwentyFourBit => 24,
            Self::ThirtyTwoBit | Self::Rgba => 32,
            Self::Other(_) => 0,
        }
    }

    /// Bytes of a row of `width` pixels without padding.
    pub const fn row_bytes(self, width: u32) -> u64 {
        (width as u64 * self.bits() as u64).div_ceil(8)
    }

    /// Whether pixels are indices into a palette.
    pub const fn is_indexed(self) -> bool {
        matches!(
            self,
            Self::OneBitLe | Self::OneBitBe | Self::FourBitLe | Self::FourBitBe | Self::EightBit
        )
    }
}

impl ImageData<'_> {
    /// The number that stands for it in the descriptor.
    pub const fn image_type(&self) -> ImageType {
        match self {
            Self::Bitmap(_) => ImageType::Bitmap,
            Self::Quic(_) => ImageType::Quic,
            Self::LzPlt(_) => ImageType::LzPlt,
            Self::LzRgb(_) => ImageType::LzRgb,
            Self::GlzRgb(_) => ImageType::GlzRgb,
            Self::FromCache => ImageType::FromCache,
            Self::Surface(_) => ImageType::Surface,
            Self::Jpeg(_) => ImageType::Jpeg,
            Self::FromCacheLossless => ImageType::FromCacheLossless,
            Self::ZlibGlzRgb(_) => ImageType::ZlibGlzRgb,
            Self::JpegAlpha(_) => ImageType::JpegAlpha,
            Self::Lz4(_) => ImageType::Lz4,
        }
    }

    /// The protocol's name for it, as in `GLZ_RGB`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bitmap(_) => "BITMAP",
            Self::Quic(_) => "QUIC",
            Self::LzPlt(_) => "LZ_PLT",
            Self::LzRgb(_) => "LZ_RGB",
            Self::GlzRgb(_) => "GLZ_RGB",
            Self::FromCache => "FROM_CACHE",
            Self::Surface(_) => "SURFACE",
            Self::Jpeg(_) => "JPEG",
            Self::FromCacheLossless => "FROM_CACHE_LOSSLESS",
            Self::ZlibGlzRgb(_) => "ZLIB_GLZ_RGB",
            Self::JpegAlpha(_) => "JPEG_ALPHA",
            Self::Lz4(_) => "LZ4",
        }
    }

    /// Bytes of coded pixels in the message; 0 where there are none.
    pub const fn coded_bytes(&self) -> usize {
        match self {
            Self::Bitmap(bitmap) => bitmap.rows.len(),
            Self::LzPlt(lz) => lz.data.len(),
            Self::ZlibGlzRgb(zlib) => zlib.data.len(),
            Self::JpegAlpha(both) => both.jpeg.len() + both.alpha.len(),
            Self::Quic(data)
            | Self::LzRgb(data)
            | Self::GlzRgb(data)
            | Self::Jpeg(data)
            | Self::Lz4(data) => data.len(),
            Self::FromCache | Self::FromCacheLossless | Self::Surface(_) => 0,
        }
    }
}

impl Palette<'_> {
    /// The colour of an index; 0 beyond the last.
    pub fn color(&self, index: usize) -> u32 {
        self.entries
            .get(index)
            .map_or(0, |e| u32::from_le_bytes(*e))
    }

    /// All colours in order.
    pub fn colors(&self) -> impl ExactSizeIterator<Item = u32> {
        self.entries.iter().map(|e| u32::from_le_bytes(*e))
    }
}

impl<'a> Decode<'a> for Image<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = r.u64("id")?;
        let type_at = r.position();
        let image_type: ImageType = r.value("type")?;
        let flags = r.value("flags")?;
        let (width, height) = (r.u32("width")?, r.u32("height")?);
        let data = match image_type {
            ImageType::Bitmap => ImageData::Bitmap(Bitmap::read(r, width, height)?),
            ImageType::Quic => ImageData::Quic(read_sized(r)?),
            ImageType::LzPlt => ImageData::LzPlt(Decode::decode(r)?),
            ImageType::LzRgb => ImageData::LzRgb(read_sized(r)?),
            ImageType::GlzRgb => ImageData::GlzRgb(read_sized(r)?),
            ImageType::FromCache => ImageData::FromCache,
            ImageType::Surface => ImageData::Surface(r.u32("surface_id")?),
            ImageType::Jpeg => ImageData::Jpeg(read_sized(r)?),
            ImageType::FromCacheLossless => ImageData::FromCacheLossless,
            ImageType::ZlibGlzRgb => ImageData::ZlibGlzRgb(Decode::decode(r)?),
            ImageType::JpegAlpha => ImageData::JpegAlpha(Decode::decode(r)?),
            ImageType::Lz4 => ImageData::Lz4(read_sized(r)?),
            ImageType::Other(n) => return Err(unknown(r, "type", type_at, n)),
        };
        Ok(Self {
            id,
            flags,
            width,
            height,
            data,
        })
    }
}

/// The fixed part of the image; its palette follows later.
impl Target for Image<'_> {
    fn write_target<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        w.u64(self.id);
        w.value(&self.data.image_type());
        w.value(&self.flags);
        w.u32(self.width);
        w.u32(self.height);
        match &self.data {
            ImageData::Bitmap(bitmap) => {
                w.value(&bitmap.format);
                w.value(&bitmap.palette.flags(bitmap.flags));
                w.u32(self.width);
                w.u32(self.height);
                w.u32(bitmap.stride);
                bitmap.palette.write(w, targets);
                w.bytes(bitmap.rows);
            }
            ImageData::LzPlt(lz) => {
                w.value(&lz.palette.flags(lz.flags));
                w.u32(lz.data.len() as u32);
                lz.palette.write(w, targets);
                w.bytes(lz.data);
            }
            ImageData::Quic(data)
            | ImageData::LzRgb(data)
            | ImageData::GlzRgb(data)
            | ImageData::Jpeg(data)
            | ImageData::Lz4(data) => {
                w.u32(data.len() as u32);
                w.bytes(data);
            }
            ImageData::ZlibGlzRgb(zlib) => {
                w.u32(zlib.glz_data_size);
                w.u32(zlib.data.len() as u32);
                w.bytes(zlib.data);
            }
            ImageData::JpegAlpha(both) => {
                w.value(&both.flags);
                w.u32(both.jpeg.len() as u32);
                w.u32((both.jpeg.len() + both.alpha.len()) as u32);
                w.bytes(both.jpeg);
                w.bytes(both.alpha);
            }
            ImageData::Surface(id) => w.u32(*id),
            ImageData::FromCache | ImageData::FromCacheLossless => {}
        }
    }
}

impl<'a> Bitmap<'a> {
    /// Reads the body of a bitmap image of the announced size, which its own must be.
    fn read(r: &mut Reader<'a>, width: u32, height: u32) -> Result<Self, DecodeError> {
        let at = r.position();
        let format: BitmapFormat = r.value("format")?;
        if let BitmapFormat::Other(n) = format {
            return Err(unknown(r, "format", at, n));
        }
        let flags: BitmapFlags = r.value("bitmap_flags")?;
        for (field, announced) in [("x", width), ("y", height)] {
            let at = r.position();
            let found = r.u32(field)?;
            if found != announced {
                let text = format!("{found} differs from the image's {announced}");
                return Err(invalid(r, field, at, text));
            }
        }
        let at = r.position();
        let stride = r.u32("stride")?;
        let row = format.row_bytes(width);
        if u64::from(stride) < row {
            let text = format!("{stride} is less than one row ({row})");
            return Err(invalid(r, "stride", at, text));
        }
        let palette = PaletteRef::read(r, flags)?;
        // A product beyond `usize` is beyond the body too.
        let len = u64::from(stride).saturating_mul(u64::from(height));
        let rows = r.bytes("data", usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Self {
            format,
            flags,
            stride,
            palette,
            rows,
        })
    }
}

impl<'a> Decode<'a> for LzPlt<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = r.value("bitmap_flags")?;
        let len = r.u32("data_size")? as usize;
        let at = r.position();
        let palette = PaletteRef::read(r, flags)?;
        if palette == PaletteRef::None {
            return Err(r.error("palette", at, DecodeErrorKind::Null));
        }
        let data = r.bytes("data", len)?;
        Ok(Self {
            flags,
            palette,
            data,
        })
    }
}

impl<'a> Decode<'a> for ZlibGlz<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            glz_data_size: r.u32("glz_data_size")?,
            data: read_sized(r)?,
        })
    }
}

impl<'a> Decode<'a> for JpegAlpha<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = r.value("jpeg_alpha_flags")?;
        let jpeg_size = r.u32("jpeg_size")?;
        let at = r.position();
        let data_size = r.u32("data_size")?;
        let Some(alpha_size) = data_size.checked_sub(jpeg_size) else {
            let text = format!("{data_size} is less than jpeg_size ({jpeg_size})");
            return Err(invalid(r, "data_size", at, text));
        };
        Ok(Self {
            flags,
            jpeg: r.bytes("jpeg", jpeg_size as usize)?,
            alpha: r.bytes("alpha", alpha_size as usize)?,
        })
    }
}

impl<'a> PaletteRef<'a> {
    fn read(r: &mut Reader<'a>, flags: BitmapFlags) -> Result<Self, DecodeError> {
        Ok(if flags.contains(BitmapFlags::PAL_FROM_CACHE) {
            Self::Cached(r.u64("palette_id")?)
        } else {
            r.pointer("palette")?.map_or(Self::None, Self::Inline)
        })
    }

    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        match self {
            Self::None => w.u32(0),
            Self::Inline(palette) => targets.pointer(w, palette),
            Self::Cached(id) => w.u64(*id),
        }
    }

    /// `flags` with PAL_FROM_CACHE as this reference needs it.
    fn flags(&self, flags: BitmapFlags) -> BitmapFlags {
        match self {
            Self::Cached(_) => flags | BitmapFlags::PAL_FROM_CACHE,
            _ => BitmapFlags(flags.0 & !BitmapFlags::PAL_FROM_CACHE.0),
        }
    }
}

impl<'a> Decode<'a> for Palette<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unique = r.u64("unique")?;
        let count = usize::from(r.u16("num_ents")?);
        let (entries, _) = r.bytes("entries", count * 4)?.as_chunks();
        Ok(Self { unique, entries })
    }
}

/// At most 65535 entries can be sent; the rest is left out.
impl Target for Palette<'_> {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        let count = self.entries.len().min(usize::from(u16::MAX));
        w.u64(self.unique);
        w.u16(count as u16);
        w.bytes(self.entries[..count].as_flattened());
    }
}

/// Something that lies behind a pointer.
pub(super) trait Target {
    /// Writes it; what it points to itself is queued.
    fn write_target<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>);
}

/// Pointers of one message that wait for their targets.
///
/// The order is the reference server's (spec 07a §1): the targets in the order of their pointers, then the targets of
/// the pointers in those.
#[derive(Default)]
pub(super) struct Targets<'t> {
    waiting: VecDeque<(Slot, &'t dyn Target)>,
}

impl<'t> Targets<'t> {
    /// Writes a pointer to `target`.
    pub(super) fn pointer(&mut self, w: &mut Writer, target: &'t dyn Target) {
        self.waiting.push_back((w.slot(), target));
    }

    /// Writes every target behind the fixed part.
    pub(super) fn place(mut self, w: &mut Writer) {
        while let Some((slot, target)) = self.waiting.pop_front() {
            w.place(slot);
            target.write_target(w, &mut self);
        }
    }
}

/// Bytes with their count in front.
pub(super) fn read_sized<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let len = r.u32("data_size")? as usize;
    r.bytes("data", len)
}

/// An error about `field`, which starts at byte `at`; `text` says what is wrong with it.
pub(super) fn invalid(
    r: &Reader<'_>,
    field: &'static str,
    at: usize,
    text: impl Into<String>,
) -> DecodeError {
    r.error(field, at, DecodeErrorKind::Invalid(text.into()))
}

/// The error for a number of a closed list that is not in the list.
pub(super) fn unknown(
    r: &Reader<'_>,
    field: &'static str,
    at: usize,
    number: impl Into<u32>,
) -> DecodeError {
    let text = format!("{} is not a known value", number.into());
    invalid(r, field, at, text)
}
