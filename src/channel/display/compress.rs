//! From pixels to the best image descriptor a server can send.

use super::image::{Bitmap, BitmapFlags, BitmapFormat, ImageData, PaletteRef};
use super::messages::ImageCompression;
use crate::codec::lz;
use crate::geometry::Size;
use crate::pixels::PixelBuf;

/// Images of less are not worth coding, bytes.
const LEAST_BYTES: usize = 54;

/// Chooses descriptors, and keeps the memory that coding takes from one image to the next.
#[derive(Clone, Debug, Default)]
pub struct Compressor {
    encoder: lz::Encoder,
    coded: Vec<u8>,
}

impl Compressor {
    /// The image of 32-bit pixels: LZ where it is wanted and shorter, otherwise the rows as they are.
    pub fn image<'a>(
        &'a mut self,
        pixels: &'a PixelBuf,
        compression: ImageCompression,
    ) -> ImageData<'a> {
        let rows = pixels.data();
        if compression != ImageCompression::Off
            && rows.len() >= LEAST_BYTES
            && self.encode(pixels)
            && self.coded.len() < rows.len()
        {
            return ImageData::LzRgb(&self.coded);
        }
        ImageData::Bitmap(Bitmap {
            format: BitmapFormat::ThirtyTwoBit,
            flags: BitmapFlags::TOP_DOWN,
            stride: pixels.stride() as u32,
            palette: PaletteRef::None,
            rows,
        })
    }

    /// Whether the pixels could be coded.
    fn encode(&mut self, pixels: &PixelBuf) -> bool {
        let Size { width, height } = pixels.size;
        let (kind, stride) = (lz::Kind::Rgb32, pixels.stride());
        self.coded.clear();
        self.encoder
            .encode(
                kind,
                width,
                height,
                stride,
                true,
                pixels.data(),
                &mut self.coded,
            )
            .is_ok()
    }
}

/// The colour of a picture of one colour, `0x00RRGGBB`. The unused byte of the pixels does not count.
pub fn flat_color(pixels: &PixelBuf) -> Option<u32> {
    let color = |pixel: &[u8; 4]| u32::from_le_bytes(*pixel) & 0x00ff_ffff;
    let (all, _) = pixels.data().as_chunks::<4>();
    let first = color(all.first()?);
    all.iter()
        .all(|pixel| color(pixel) == first)
        .then_some(first)
}
