//! From pixels to the best image descriptor a server can send.
//!
//! Which codec that is follows the reference server (spec 08 §3): the one that is asked for where it can take the picture,
//! LZ in its place where it cannot, and the rows as they are where coding would not make them shorter.

use super::image::{Bitmap, BitmapFlags, BitmapFormat, ImageData, PaletteRef, ZlibGlz};
use super::messages::ImageCompression;
use crate::codec::{glz, lz, lz4, quic, zlib};
use crate::geometry::Size;
use crate::pixels::PixelBuf;

/// How a server sends pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The codecs to use. A client may ask for others.
    pub images: ImageCompression,
    /// Whether GLZ images are deflated where that makes them smaller: for slow links.
    pub deflates_glz: bool,
}

impl From<ImageCompression> for Compression {
    /// These codecs, and GLZ as it is.
    fn from(images: ImageCompression) -> Self {
        Self {
            images,
            deflates_glz: false,
        }
    }
}

/// Chooses descriptors, and keeps the memory that coding takes from one image to the next.
#[derive(Clone, Debug)]
pub struct Compressor {
    compression: Compression,
    /// Whether the client takes LZ4.
    takes_lz4: bool,
    /// Pixels of the window that GLZ images may refer to; an image has to have fewer.
    window: u64,
    /// What is in that window, from the first GLZ image on.
    glz: Option<glz::Encoder>,
    lz: lz::Encoder,
    quic: quic::Encoder,
    coded: Vec<u8>,
    deflated: Vec<u8>,
}

/// What an image is coded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    None,
    Quic,
    Lz,
    Glz,
    Lz4,
}

impl Compressor {
    /// For a client that takes LZ4 or not.
    pub fn new(compression: Compression, takes_lz4: bool) -> Self {
        Self {
            compression,
            takes_lz4,
            window: 0,
            glz: None,
            lz: lz::Encoder::default(),
            quic: quic::Encoder::default(),
            coded: Vec::new(),
            deflated: Vec::new(),
        }
    }

    /// Uses other codecs from now on.
    pub fn prefer(&mut self, images: ImageCompression) {
        self.compression.images = images;
    }

    /// The client has an empty GLZ window of so many pixels. Without one, and if it is 0 or less, LZ is used in place of GLZ.
    ///
    /// The memory for a window is taken with the first image that is coded in it, and is no more than [`MOST_WINDOW`].
    pub fn open_window(&mut self, pixels: i32) {
        self.window = u64::try_from(pixels).unwrap_or(0).min(MOST_WINDOW);
        self.glz = None;
    }

    /// The image of 32-bit pixels. It has to be sent: later ones may refer to it.
    pub fn image<'a>(&'a mut self, pixels: &'a PixelBuf) -> ImageData<'a> {
        let codec = self.codec(pixels);
        self.coded.clear();
        let is_coded = match codec {
            Codec::None => false,
            Codec::Quic => self.quic(pixels),
            Codec::Lz => self.lz(pixels),
            Codec::Glz => return self.glz_image(pixels),
            Codec::Lz4 => self.lz4(pixels),
        };
        if !is_coded || self.coded.len() >= pixels.data().len() {
            return raw(pixels);
        }
        match codec {
            Codec::Quic => ImageData::Quic(&self.coded),
            Codec::Lz4 => ImageData::Lz4(&self.coded),
            _ => ImageData::LzRgb(&self.coded),
        }
    }

    /// What suits a picture best.
    fn codec(&self, pixels: &PixelBuf) -> Codec {
        let Size { width, height } = pixels.size;
        if pixels.data().len() < LEAST_BYTES {
            return Codec::None;
        }
        let fits_quic = width >= LEAST_QUIC && height >= LEAST_QUIC;
        let glz = match u64::from(width) * u64::from(height) < self.window {
            true => Codec::Glz,
            false => Codec::Lz,
        };
        match self.compression.images {
            ImageCompression::Off => Codec::None,
            ImageCompression::Quic if fits_quic => Codec::Quic,
            ImageCompression::Quic => Codec::None,
            ImageCompression::AutoLz | ImageCompression::AutoGlz
                if fits_quic && is_photographic(pixels) =>
            {
                Codec::Quic
            }
            ImageCompression::Glz | ImageCompression::AutoGlz => glz,
            ImageCompression::Lz4 if self.takes_lz4 => Codec::Lz4,
            _ => Codec::Lz,
        }
    }

    fn quic(&mut self, pixels: &PixelBuf) -> bool {
        let Size { width, height } = pixels.size;
        let (kind, stride) = (quic::Kind::Rgb32, pixels.stride());
        let encoded = self
            .quic
            .encode(kind, width, height, stride, pixels.data(), &mut self.coded);
        encoded.is_ok()
    }

    fn lz(&mut self, pixels: &PixelBuf) -> bool {
        let Size { width, height } = pixels.size;
        let (kind, stride, rows) = (lz::Kind::Rgb32, pixels.stride(), pixels.data());
        let encoded = self
            .lz
            .encode(kind, width, height, stride, true, rows, &mut self.coded);
        encoded.is_ok()
    }

    fn lz4(&mut self, pixels: &PixelBuf) -> bool {
        let Size { width, height } = pixels.size;
        let (format, stride, rows) = (LZ4_OF_32_BITS, pixels.stride(), pixels.data());
        lz4::encode(format, true, width, height, stride, rows, &mut self.coded).is_ok()
    }

    /// A GLZ image, however large: once it has an id it has to be sent.
    fn glz_image<'a>(&'a mut self, pixels: &'a PixelBuf) -> ImageData<'a> {
        let Size { width, height } = pixels.size;
        let bitmap = glz::Bitmap {
            kind: glz::Kind::Rgb32,
            width,
            height,
            stride: pixels.stride(),
            top_down: true,
            pixels: pixels.data(),
        };
        if self.glz.is_none() {
            self.glz = glz::Encoder::new(self.window).ok();
        }
        let coded = &mut self.coded;
        let encoded = self.glz.as_mut().map(|glz| glz.encode(&bitmap, coded));
        if !matches!(encoded, Some(Ok(()))) {
            return raw(pixels);
        }
        if self.compression.deflates_glz && self.coded.len() >= LEAST_DEFLATED {
            self.deflated.clear();
            zlib::deflate(&self.coded, DEFLATE_LEVEL, &mut self.deflated);
            if self.deflated.len() < self.coded.len() {
                return ImageData::ZlibGlzRgb(ZlibGlz {
                    glz_data_size: self.coded.len() as u32,
                    data: &self.deflated,
                });
            }
        }
        ImageData::GlzRgb(&self.coded)
    }
}

fn raw(pixels: &PixelBuf) -> ImageData<'_> {
    ImageData::Bitmap(Bitmap {
        format: BitmapFormat::ThirtyTwoBit,
        flags: BitmapFlags::TOP_DOWN,
        stride: pixels.stride() as u32,
        palette: PaletteRef::None,
        rows: pixels.data(),
    })
}

/// Whether neighbours are mostly alike but not the same, as in photographs: the guess of the reference server.
///
/// Squares of 2 × 2 pixels are sampled. Of the three neighbours of the first pixel one that differs much counts 1, one that
/// is the same 0.5, and one that differs little −0.25; four like pixels count nothing.
fn is_photographic(pixels: &PixelBuf) -> bool {
    let Size { width, height } = pixels.size;
    let (width, height) = (width as usize, height as usize);
    if width < 2 || height < 2 {
        return false;
    }
    // Samples are not to form columns.
    let step = if width.is_multiple_of(15) { 14 } else { 15 };
    let (all, _) = pixels.data().as_chunks::<4>();
    let mut squares = 0;
    let mut score = 0.0;
    for at in (width / 2..(height - 1) * width).step_by(step) {
        if at % width == width - 1 {
            continue;
        }
        let Some(&pixel) = all.get(at) else { break };
        let neighbours = [at + 1, at + width, at + width + 1].map(|at| all.get(at).copied());
        let scores = neighbours.map(|other| likeness(pixel, other.unwrap_or(pixel)));
        if scores != [SAME; 3] {
            score += scores.iter().sum::<f32>();
        }
        squares += 1;
    }
    squares > 0 && score / (3 * squares) as f32 <= MOST_PHOTOGRAPHIC
}

fn likeness(pixel: [u8; 4], other: [u8; 4]) -> f32 {
    const CONTRAST: u8 = 60;
    let differences: [u8; 3] = std::array::from_fn(|i| pixel[i].abs_diff(other[i]));
    match differences.into_iter().max() {
        Some(0) | None => SAME,
        Some(CONTRAST..) => 1.0,
        Some(_) => -0.25,
    }
}

/// The score of a neighbour that is the same.
const SAME: f32 = 0.5;

/// The mean score from which on a picture is no photograph.
const MOST_PHOTOGRAPHIC: f32 = -0.03;

/// The colour of a picture of one colour, `0x00RRGGBB`. The unused byte of the pixels does not count.
pub fn flat_color(pixels: &PixelBuf) -> Option<u32> {
    let color = |pixel: &[u8; 4]| u32::from_le_bytes(*pixel) & 0x00ff_ffff;
    let (all, _) = pixels.data().as_chunks::<4>();
    let first = color(all.first()?);
    all.iter()
        .all(|pixel| color(pixel) == first)
        .then_some(first)
}

/// Images of less are not worth coding, bytes.
const LEAST_BYTES: usize = 54;

/// Columns and rows that QUIC is used from.
const LEAST_QUIC: u32 = 3;

/// GLZ streams of less are not deflated, bytes.
const LEAST_DEFLATED: usize = 100;

/// What the reference server deflates with.
const DEFLATE_LEVEL: u32 = 3;

/// The bitmap format of 32-bit pixels in an LZ4 image.
const LZ4_OF_32_BITS: u8 = 8;

/// Most pixels of a window that are used, four bytes each, whatever the client announced: what the reference client
/// announces at most.
const MOST_WINDOW: u64 = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::PixelFormat;

    fn picture(width: u32, height: u32, color: impl Fn(u32, u32) -> u32) -> PixelBuf {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(width, height));
        let (pixels, _) = picture.data_mut().as_chunks_mut::<4>();
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (at as u32 % width, at as u32 / width);
            *pixel = color(x, y).to_le_bytes();
        }
        picture
    }

    /// Neighbours differ by 1.
    fn gradient(width: u32, height: u32) -> PixelBuf {
        picture(width, height, |x, y| (x + y) % 200)
    }

    /// Black on white, with flat parts.
    fn writing(width: u32, height: u32) -> PixelBuf {
        let is_ink = |x: u32, y: u32| x % 7 < 2 && y % 9 < 6;
        picture(
            width,
            height,
            |x, y| if is_ink(x, y) { 0 } else { 0xff_ffff },
        )
    }

    fn name(compression: impl Into<Compression>, takes_lz4: bool, picture: &PixelBuf) -> &str {
        let mut compressor = Compressor::new(compression.into(), takes_lz4);
        compressor.open_window(1 << 20);
        compressor.image(picture).name()
    }

    #[test]
    fn the_codec_is_the_one_asked_for() {
        let picture = writing(90, 60);
        let name = |images| name(images, true, &picture);

        assert_eq!(name(ImageCompression::Off), "BITMAP");
        assert_eq!(name(ImageCompression::Quic), "QUIC");
        assert_eq!(name(ImageCompression::Lz), "LZ_RGB");
        assert_eq!(name(ImageCompression::Glz), "GLZ_RGB");
        assert_eq!(name(ImageCompression::Lz4), "LZ4");
    }

    #[test]
    fn the_automatic_choice_is_quic_for_what_looks_like_a_photograph() {
        let (smooth, sharp) = (gradient(90, 60), writing(90, 60));

        assert_eq!(name(ImageCompression::AutoGlz, false, &smooth), "QUIC");
        assert_eq!(name(ImageCompression::AutoLz, false, &smooth), "QUIC");
        assert_eq!(name(ImageCompression::AutoGlz, false, &sharp), "GLZ_RGB");
        assert_eq!(name(ImageCompression::AutoLz, false, &sharp), "LZ_RGB");
    }

    #[test]
    fn lz_stands_in_for_what_a_client_cannot_take() {
        let picture = writing(90, 60);
        assert_eq!(name(ImageCompression::Lz4, false, &picture), "LZ_RGB");

        let mut compressor = Compressor::new(ImageCompression::Glz.into(), false);
        assert_eq!(compressor.image(&picture).name(), "LZ_RGB");
        for window in [i32::MIN, 0, 90 * 60] {
            compressor.open_window(window);
            assert_eq!(compressor.image(&picture).name(), "LZ_RGB");
        }
        compressor.open_window(90 * 60 + 1);
        assert_eq!(compressor.image(&picture).name(), "GLZ_RGB");
    }

    #[test]
    fn glz_is_deflated_where_that_is_wanted_and_helps() {
        let wanted = Compression {
            deflates_glz: true,
            ..ImageCompression::Glz.into()
        };

        assert_eq!(name(wanted, false, &writing(90, 60)), "ZLIB_GLZ_RGB");
        // Of one colour: 33 bytes of header, a pixel and a run.
        assert_eq!(name(wanted, false, &picture(90, 60, |_, _| 7)), "GLZ_RGB");
    }

    #[test]
    fn what_coding_would_not_shorten_is_sent_as_it_is() {
        let noise = |x: u32, y: u32| (x * 7919 + y * 104_729 + 1).wrapping_mul(2_654_435_761);
        // 54 bytes at least are coded; a QUIC image has three rows.
        for picture in [
            picture(13, 1, |_, _| 7),
            picture(2, 40, |_, _| 7),
            picture(5, 5, noise),
        ] {
            assert_eq!(name(ImageCompression::Quic, false, &picture), "BITMAP");
        }
    }
}
