//! Image descriptor → pixels: the choice of the codec, the pixmap cache, palettes, the GLZ window.
//!
//! Protocol: spec 07a §3.4 and §9; 08.

mod bitmaps;
mod outside;

use std::sync::Arc;
use std::time::Duration;

pub use bitmaps::MaskImage;
use outside::Jobs;

use super::cache::{PaletteCache, Pixmap};
use super::image::{Image, ImageData, ImageFlags, ZlibGlz};
use super::picture::{Picture, Pixels};
use super::stills::Still;
use crate::canvas::Layout;
use crate::channel::{Blocked, Cx};
use crate::codec::contain::contain;
use crate::codec::{self, Limits, glz, quic, zlib};
use crate::geometry::Size;
use crate::pixels::PixelBuf;

/// Longest side of an image.
const MAX_SIDE: u32 = 32767;

/// Decodes the images of one display channel.
#[derive(Default)]
pub struct Images {
    /// Palettes the server asked to keep.
    pub palettes: PaletteCache,
    quic: quic::Decoder,
    zlib: zlib::Inflater,
    /// Buffers of pictures that are done with, for the next ones.
    spares: Vec<Vec<u8>>,
    /// Memory for the palette of a message.
    colors: Vec<u32>,
    stats: Vec<CodecCount>,
    jobs: Jobs,
}

/// What one image encoding has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecCount {
    /// The protocol's name for it, as in `GLZ_RGB`.
    pub name: &'static str,
    /// Images decoded.
    pub images: u64,
    /// Bytes that came in.
    pub bytes: u64,
    /// Pixels that came out.
    pub pixels: u64,
    /// Time spent, by the session's clock. Zero where nobody measures (the session has no clock of its own).
    pub time: Duration,
    /// Images that could not be decoded.
    pub failed: u64,
}

/// An image that is ready to be drawn.
#[derive(Debug)]
pub enum Resolved<'a> {
    /// Pixels.
    Picture(Picture<'a>),
    /// The surface of this number.
    Surface(u32),
}

/// Why there is nothing to draw.
#[derive(Debug)]
pub enum ImageError {
    /// Not yet: it depends on something that may be on its way on another channel. Nothing has changed; try again.
    Blocked(Blocked),
    /// Never; the text says why.
    Bad(String),
}

impl From<codec::Error> for ImageError {
    fn from(error: codec::Error) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<String> for ImageError {
    fn from(text: String) -> Self {
        Self::Bad(text)
    }
}

/// Spare buffers kept: a draw command has at most three pictures, and indices take one more while they get their colours.
const SPARES: usize = 4;

/// Most bytes of spare pixels kept: a picture of 3840×2160 pixels fits.
const SPARE_PIXEL_BYTES: usize = 40 << 20;

/// Most bytes of all that is kept for the next images: a message has at most 65535 colours.
pub const SPARE_BYTES: usize = SPARE_PIXEL_BYTES + (256 << 10);

impl Images {
    /// The same for a session beside this one; `None` while something is decoded outside.
    pub fn fork(&self) -> Option<Self> {
        self.jobs.message.is_none().then(|| Self {
            palettes: self.palettes.clone(),
            stats: self.stats.clone(),
            ..Self::default()
        })
    }

    /// The image's pixels, decoded, and kept in the pixmap cache if the server wants that.
    pub fn resolve<'a>(
        &mut self,
        image: &Image<'a>,
        cx: &mut Cx<'_>,
    ) -> Result<Resolved<'a>, ImageError> {
        let (name, bytes) = (image.data.name(), image.data.coded_bytes());
        match image.data {
            ImageData::Surface(id) => return Ok(Resolved::Surface(id)),
            ImageData::FromCache => return cached(image.id, false, cx).map(Resolved::Picture),
            ImageData::FromCacheLossless => {
                return cached(image.id, true, cx).map(Resolved::Picture);
            }
            _ => {}
        }
        let (result, time) = match self.jobs.take(image) {
            Some(decoded) => (decoded.picture.map_err(ImageError::Bad), decoded.took),
            None => {
                let started = (cx.shared.clock)();
                let result = self.decode(image, cx);
                (result, (cx.shared.clock)().saturating_sub(started))
            }
        };
        let pixels = Size::new(image.width, image.height).area();
        match &result {
            Ok(picture) => {
                self.count(name, |c| {
                    (c.images, c.bytes, c.pixels) =
                        (c.images + 1, c.bytes + bytes as u64, c.pixels + pixels);
                    c.time += time;
                });
                keep(
                    image,
                    picture.memory(),
                    || Pixmap::Picture(picture.to_shared()),
                    cx,
                );
            }
            Err(ImageError::Blocked(_)) => {}
            Err(ImageError::Bad(_)) => self.count(name, |c| c.failed += 1),
        }
        let explained = |error| match error {
            ImageError::Bad(text) => ImageError::Bad(format!("{name} image: {text}")),
            blocked => blocked,
        };
        result.map(Resolved::Picture).map_err(explained)
    }

    /// Takes back the buffer of a picture that has been drawn.
    pub fn recycle(&mut self, picture: Picture<'_>) {
        if let Pixels::Owned(buffer) = picture.pixels {
            self.spare(buffer);
        }
    }

    /// Forgets palettes and buffers; what the codecs have done is still known.
    pub fn retire(&mut self) {
        let stats = std::mem::take(&mut self.stats);
        *self = Self {
            stats,
            ..Self::default()
        };
    }

    /// Takes back the buffer of a mask that has been drawn through.
    pub fn recycle_mask(&mut self, mask: PixelBuf) {
        self.spare(mask.into_data());
    }

    /// Bytes kept for the next pictures, at most [`SPARE_BYTES`].
    pub fn spare_bytes(&self) -> usize {
        self.spare_pixel_bytes() + self.colors.capacity() * size_of::<u32>()
    }

    /// Gives that memory back.
    pub fn drop_spares(&mut self) {
        self.spares.clear();
        self.colors = Vec::new();
    }

    fn spare_pixel_bytes(&self) -> usize {
        self.spares.iter().map(Vec::capacity).sum()
    }

    fn spare(&mut self, buffer: Vec<u8>) {
        let bytes = self.spare_pixel_bytes() + buffer.capacity();
        if self.spares.len() < SPARES && bytes <= SPARE_PIXEL_BYTES {
            self.spares.push(buffer);
        }
    }

    /// What each codec has done, in the order of first use.
    pub fn counts(&self) -> &[CodecCount] {
        &self.stats
    }

    fn count(&mut self, name: &'static str, change: impl FnOnce(&mut CodecCount)) {
        let at = self
            .stats
            .iter()
            .position(|c| c.name == name)
            .unwrap_or_else(|| {
                self.stats.push(CodecCount {
                    name,
                    ..CodecCount::default()
                });
                self.stats.len() - 1
            });
        change(&mut self.stats[at]);
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.spares.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    fn decode<'a>(
        &mut self,
        image: &Image<'a>,
        cx: &mut Cx<'_>,
    ) -> Result<Picture<'a>, ImageError> {
        let limits = check_size(image)?;
        let size = Size::new(image.width, image.height);
        if let Some(still) = Still::of(image) {
            let out = self.buffer();
            return Ok(still.decode(&mut self.quic, out)?);
        }
        let opaque = image.flags.contains(ImageFlags::HIGH_BITS_SET);
        let xrgb = if opaque {
            Layout::XrgbOpaque
        } else {
            Layout::Xrgb
        };
        match &image.data {
            ImageData::Bitmap(bitmap) => self.bitmap(size, bitmap, xrgb, cx),
            ImageData::LzPlt(lz_plt) => self.lz_palette(size, &limits, lz_plt, cx),
            ImageData::GlzRgb(data) => glz_picture(size, data, &limits, xrgb, cx),
            ImageData::ZlibGlzRgb(zlib_glz) => self.zlib_glz(size, &limits, zlib_glz, xrgb, cx),
            _ => Err("holds no pixels".to_owned().into()),
        }
    }

    fn zlib_glz<'a>(
        &mut self,
        size: Size,
        limits: &Limits,
        zlib_glz: &ZlibGlz<'_>,
        xrgb: Layout,
        cx: &mut Cx<'_>,
    ) -> Result<Picture<'a>, ImageError> {
        let inside = u64::from(zlib_glz.glz_data_size);
        if inside > zlib::glz_bound(size.area()) {
            return Err(format!(
                "{inside} bytes of GLZ are too many for {}×{}",
                size.width, size.height
            )
            .into());
        }
        let mut stream = self.buffer();
        let size_inside = zlib_glz.glz_data_size as usize;
        let inflated = contain(|| {
            let inflated = self
                .zlib
                .inflate_exact(zlib_glz.data, size_inside, &mut stream);
            (inflated, stream)
        });
        let Some((inflated, stream)) = inflated else {
            // What a decoder leaves behind when it panics is not used again.
            self.zlib = zlib::Inflater::default();
            return Err(codec::Error::GaveUp.into());
        };
        inflated?;
        let picture = glz_picture(size, &stream, limits, xrgb, cx);
        self.spare(stream);
        picture
    }
}

/// The limits for decoding an image of the size it says it has.
fn check_size(image: &Image<'_>) -> Result<Limits, ImageError> {
    let Image { width, height, .. } = *image;
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(format!("{width}×{height} pixels are too many").into());
    }
    let limits = Limits::announced(width, height);
    limits.check(width, height)?;
    Ok(limits)
}

fn cached(id: u64, lossless: bool, cx: &Cx<'_>) -> Result<Picture<'static>, ImageError> {
    match cx.shared.pixmaps.find(id, lossless) {
        Some(Pixmap::Picture(picture)) => {
            let Picture {
                layout,
                size,
                stride,
                bottom_up,
                ..
            } = **picture;
            Ok(Picture {
                layout,
                size,
                stride,
                bottom_up,
                pixels: Pixels::Cached(Arc::clone(picture)),
            })
        }
        Some(Pixmap::Mask(_)) => Err(format!("the cached image {id:#x} is a mask").into()),
        None => Err(missing(id, lossless, cx)),
    }
}

/// An image that is not in the pixmap cache, or not well enough: it is to be waited for, unless that was in vain.
fn missing(id: u64, lossless: bool, cx: &Cx<'_>) -> ImageError {
    let why = Blocked::Pixmap { id, lossless };
    match cx.shared.impatient {
        true => ImageError::Bad(format!("{why} never arrived")),
        false => ImageError::Blocked(why),
    }
}

/// Whether the server wants an image in the pixmap cache.
fn is_kept(image: &Image<'_>) -> bool {
    let flags = [ImageFlags::CACHE_ME, ImageFlags::CACHE_REPLACE_ME];
    flags.iter().any(|flag| image.flags.contains(*flag))
}

/// Stores what was decoded in the pixmap cache, if the server wants that.
fn keep(image: &Image<'_>, memory: u64, pixmap: impl FnOnce() -> Pixmap, cx: &mut Cx<'_>) {
    if !is_kept(image) {
        return;
    }
    let replaces = image.flags.contains(ImageFlags::CACHE_REPLACE_ME);
    let lossy = matches!(image.data, ImageData::Jpeg(_) | ImageData::JpegAlpha(_));
    let pixels = Size::new(image.width, image.height).area();
    let cache = &mut cx.shared.pixmaps;
    let result = if let Err(text) = cache.admit(image.id, pixels, memory) {
        // Nothing was copied yet.
        Err(text)
    } else if !replaces {
        cache.store(image.id, pixmap(), pixels, lossy)
    } else if lossy {
        Err("a lossy image is to replace one in the pixmap cache".to_owned())
    } else {
        cache.replace(image.id, pixmap(), pixels)
    };
    if let Err(text) = result {
        cx.notice(text);
    }
}

fn glz_picture<'a>(
    size: Size,
    data: &[u8],
    limits: &Limits,
    xrgb: Layout,
    cx: &mut Cx<'_>,
) -> Result<Picture<'a>, ImageError> {
    let header = glz::Header::parse(data)?;
    let decoded = match cx.shared.glz.image(header.id) {
        // Its message was tried before, and had to wait for another image.
        Some(pixels) if pixels.len() as u64 == size.area() * 4 => Ok((header, pixels.clone())),
        _ => glz::decode_shared(data, limits, &mut cx.shared.glz),
    };
    let (header, pixels) = match decoded {
        Err(codec::Error::MissingImage { id }) if !cx.shared.impatient => {
            return Err(ImageError::Blocked(Blocked::GlzImage(id)));
        }
        // Images that do not need this one go on without it, and without the one it needed.
        Err(error) => {
            if let codec::Error::MissingImage { id } = error {
                cx.shared.glz.give_up(id, 0);
            }
            cx.shared.glz.give_up(header.id, header.head());
            return Err(ImageError::Bad(error.to_string()));
        }
        Ok(decoded) => decoded,
    };
    let layout = match header.kind {
        glz::Kind::Rgba => Layout::Argb,
        // Widened 16-bit pixels have all ones in the unused byte (spec 07b §8).
        glz::Kind::Rgb16 => Layout::XrgbOpaque,
        _ => xrgb,
    };
    let stride = size.width as usize * 4;
    Ok(Picture {
        layout,
        size,
        stride,
        bottom_up: !header.top_down,
        pixels: Pixels::Glz(pixels),
    })
}
