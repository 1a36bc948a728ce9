//! Bitmaps, palettes and masks.

use std::ops::Deref;
use std::sync::Arc;

use super::{ImageError, Images, is_kept, keep, missing};
use crate::canvas::Layout;
use crate::channel::Cx;
use crate::channel::display::cache::Pixmap;
use crate::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, LzPlt, Palette, PaletteRef,
};
use crate::channel::display::picture::{Picture, Pixels};
use crate::channel::display::stills::packed;
use crate::codec::{Limits, lz, palette};
use crate::geometry::Size;
use crate::pixels::{PixelBuf, PixelFormat};

/// A mask that is ready to be used.
#[derive(Clone, Debug)]
pub enum MaskImage {
    /// Its bits, to be [given back](Images::recycle_mask).
    Bits(PixelBuf),
    /// Its bits, which are in the pixmap cache too.
    Kept(Arc<PixelBuf>),
    /// The 1-bit surface of this number.
    Surface(u32),
}

/// The colours of a palette.
enum Colors {
    /// From the palette cache.
    Kept(Arc<[u32]>),
    /// From the message.
    Read(Vec<u32>),
}

impl Deref for Colors {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Self::Kept(colors) => colors,
            Self::Read(colors) => colors,
        }
    }
}

impl Images {
    /// A mask's bits, as [`PixelFormat::A1`], before any inversion. A mask that is a surface is named, not read.
    pub fn resolve_mask(
        &mut self,
        image: &Image<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<MaskImage, ImageError> {
        match &image.data {
            ImageData::Surface(id) => Ok(MaskImage::Surface(*id)),
            ImageData::FromCache | ImageData::FromCacheLossless => {
                let lossless = matches!(image.data, ImageData::FromCacheLossless);
                match cx.shared.pixmaps.find(image.id, lossless) {
                    Some(Pixmap::Mask(bits)) => Ok(MaskImage::Kept(Arc::clone(bits))),
                    Some(Pixmap::Picture(_)) => Err("mask: the cached image is not a 1-bit one"
                        .to_owned()
                        .into()),
                    None => Err(missing(image.id, lossless, cx)),
                }
            }
            ImageData::Bitmap(bitmap) => {
                // Bits need no colours, but a server that sends some counts them as kept.
                if let PaletteRef::Inline(palette) = &bitmap.palette {
                    self.keep_palette(palette, bitmap.flags, cx);
                }
                if !is_kept(image) {
                    let buffer = self.buffer();
                    return mask_bits(image, bitmap, buffer).map(MaskImage::Bits);
                }
                let bits = Arc::new(mask_bits(image, bitmap, Vec::new())?);
                let memory = bits.data().len() as u64;
                keep(image, memory, || Pixmap::Mask(Arc::clone(&bits)), cx);
                Ok(MaskImage::Kept(bits))
            }
            other => Err(format!("mask: a {} image cannot be one", other.name()).into()),
        }
    }

    /// A bitmap as it is, or with its palette's colours.
    pub(super) fn bitmap<'a>(
        &mut self,
        size: Size,
        bitmap: &Bitmap<'a>,
        xrgb: Layout,
        cx: &mut Cx<'_>,
    ) -> Result<Picture<'a>, ImageError> {
        let bottom_up = !bitmap.flags.contains(BitmapFlags::TOP_DOWN);
        let stride = bitmap.stride as usize;
        let layout = match bitmap.format {
            BitmapFormat::SixteenBit => Layout::Rgb555,
            BitmapFormat::TwentyFourBit => Layout::Bgr24,
            BitmapFormat::ThirtyTwoBit => xrgb,
            BitmapFormat::Rgba => Layout::Argb,
            BitmapFormat::EightBitAlpha => Layout::A8,
            indexed => {
                let indices =
                    indices(indexed).ok_or_else(|| "the bitmap format is unknown".to_owned())?;
                let colors = self.palette(&bitmap.palette, bitmap.flags, cx)?;
                let mut out = self.buffer();
                palette::expand(
                    indices,
                    size.width,
                    size.height,
                    stride,
                    bitmap.rows,
                    &colors,
                    &mut out,
                )?;
                self.put_colors(colors);
                return Ok(packed(
                    Layout::Entries,
                    size,
                    !bottom_up,
                    Pixels::Owned(out),
                )?);
            }
        };
        Ok(Picture {
            layout,
            size,
            stride,
            bottom_up,
            pixels: Pixels::Borrowed(bitmap.rows),
        })
    }

    /// An LZ stream with its palette's colours.
    pub(super) fn lz_palette<'a>(
        &mut self,
        size: Size,
        limits: &Limits,
        lz_plt: &LzPlt<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Picture<'a>, ImageError> {
        // The palette first: it may have to be kept even when the stream is damaged.
        let colors = self.palette(&lz_plt.palette, lz_plt.flags, cx)?;
        let mut packed_indices = self.buffer();
        let header = lz::decode(lz_plt.data, limits, &mut packed_indices)?;
        let Some(indices) = header.kind.indices() else {
            return Err(format!("an LZ stream of type {:?} has no palette", header.kind).into());
        };
        let mut out = self.buffer();
        let stride = header.stride as usize;
        palette::expand(
            indices,
            size.width,
            size.height,
            stride,
            &packed_indices,
            &colors,
            &mut out,
        )?;
        self.put_colors(colors);
        self.spare(packed_indices);
        Ok(packed(
            Layout::Entries,
            size,
            header.top_down,
            Pixels::Owned(out),
        )?)
    }

    fn palette(
        &mut self,
        palette: &PaletteRef<'_>,
        flags: BitmapFlags,
        cx: &mut Cx<'_>,
    ) -> Result<Colors, ImageError> {
        match palette {
            PaletteRef::None => Err("it has no palette".to_owned().into()),
            PaletteRef::Cached(id) => {
                let known = self.palettes.find(*id).cloned().map(Colors::Kept);
                known.ok_or_else(|| format!("its palette {id:#x} is not in the cache").into())
            }
            PaletteRef::Inline(palette) => {
                self.keep_palette(palette, flags, cx);
                let mut colors = std::mem::take(&mut self.colors);
                colors.clear();
                colors.extend(palette.colors());
                Ok(Colors::Read(colors))
            }
        }
    }

    /// Takes the memory of colours back.
    fn put_colors(&mut self, colors: Colors) {
        if let Colors::Read(colors) = colors {
            self.colors = colors;
        }
    }

    /// Stores a palette if the server wants that. It can be drawn with even when there is no room for it.
    fn keep_palette(&mut self, palette: &Palette<'_>, flags: BitmapFlags, cx: &mut Cx<'_>) {
        if flags.contains(BitmapFlags::PAL_CACHE_ME)
            && let Err(text) = self
                .palettes
                .store(palette.unique, palette.colors().collect())
        {
            cx.notice(text);
        }
    }
}

fn indices(format: BitmapFormat) -> Option<palette::Indices> {
    Some(match format {
        BitmapFormat::OneBitLe => palette::Indices::OneBitLe,
        BitmapFormat::OneBitBe => palette::Indices::OneBitBe,
        BitmapFormat::FourBitLe => palette::Indices::FourBitLe,
        BitmapFormat::FourBitBe => palette::Indices::FourBitBe,
        BitmapFormat::EightBit => palette::Indices::EightBit,
        _ => return None,
    })
}

/// The bits of a 1-bit bitmap, bit 7 leftmost, top row first, in the memory of `out`, which is empty.
fn mask_bits(
    image: &Image<'_>,
    bitmap: &Bitmap<'_>,
    mut out: Vec<u8>,
) -> Result<PixelBuf, ImageError> {
    let little = match bitmap.format {
        BitmapFormat::OneBitLe => true,
        BitmapFormat::OneBitBe => false,
        _ => return Err("mask: it has more than one bit a pixel".to_owned().into()),
    };
    let size = Size::new(image.width, image.height);
    Limits::default().check(image.width, image.height)?;
    let row = PixelFormat::A1.row_bytes(size.width);
    out.resize(row * size.height as usize, 0);
    let top_down = bitmap.flags.contains(BitmapFlags::TOP_DOWN);
    let rows = bitmap
        .rows
        .chunks(bitmap.stride.max(1) as usize)
        .take(size.height as usize);
    for (y, stored) in rows.enumerate() {
        let y = if top_down {
            y
        } else {
            size.height as usize - 1 - y
        };
        let (Some(stored), Some(target)) = (stored.get(..row), out.get_mut(y * row..(y + 1) * row))
        else {
            return Err("mask: its rows are cut short".to_owned().into());
        };
        target.copy_from_slice(stored);
        if little {
            target.iter_mut().for_each(|b| *b = b.reverse_bits());
        }
    }
    let bits = PixelBuf::from_data(PixelFormat::A1, size, out);
    Ok(bits.expect("it was made as long as the rows"))
}
