//! Image descriptor → pixels: the choice of the codec, the pixmap cache, palettes, the GLZ window.
//!
//! Protocol: spec 07a §3.4 and §9; 08.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::cache::{PaletteCache, Pixmap};
use super::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, LzPlt, Palette, PaletteRef,
    ZlibGlz,
};
use super::picture::{Picture, Pixels};
use super::stills::{DecodedImage, ImageJob, Still, packed};
use crate::canvas::Layout;
use crate::channel::{Blocked, Cx};
use crate::codec::contain::contain;
use crate::codec::{self, Limits, glz, lz, palette, quic, zlib};
use crate::geometry::Size;
use crate::pixels::{PixelBuf, PixelFormat};

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
    stats: Vec<CodecCount>,
    jobs: Jobs,
}

/// Large images of the message that is acted on, while they are decoded outside the session.
///
/// The message is acted on again from its beginning when one is ready, so nothing else is kept.
#[derive(Default)]
struct Jobs {
    /// The body of the message; `None` while nothing is to be decoded outside.
    message: Option<Bytes>,
    /// Jobs so far.
    count: u64,
    wanted: Option<ImageJob>,
    /// Number of the job that was handed out.
    running: Option<u64>,
    /// The image that is wanted or running, by the place of its bytes.
    place: usize,
    /// Decoded images by the place of their bytes.
    ready: Vec<(usize, DecodedImage)>,
}

/// What one codec has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecCount {
    /// The protocol's name for it.
    pub name: &'static str,
    /// Images decoded.
    pub images: u64,
    /// Bytes that came in.
    pub bytes: u64,
    /// Pixels that came out.
    pub pixels: u64,
    /// Time spent, by the session's clock.
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

/// Spare buffers kept: a draw command has at most three pictures.
const SPARES: usize = 3;

/// Most bytes of spare buffers kept: a picture of 3840×2160 pixels fits.
pub const SPARE_BYTES: usize = 40 << 20;

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
                    Some(Pixmap::Mask(bits)) => Ok(MaskImage::Bits(Arc::clone(bits))),
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
                let bits = Arc::new(mask_bits(image, bitmap)?);
                let memory = bits.data().len() as u64;
                keep(image, memory, || Pixmap::Mask(Arc::clone(&bits)), cx);
                Ok(MaskImage::Bits(bits))
            }
            other => Err(format!("mask: a {} image cannot be one", other.name()).into()),
        }
    }

    /// A message is about to be acted on. Its large images are decoded outside the session if it lets them.
    pub fn begin(&mut self, body: &Bytes, cx: &Cx<'_>) {
        if !cx.shared.offload {
            return;
        }
        // The body of the message before is kept until here, so its place in memory cannot be this one's.
        let again = |old: &Bytes| (old.as_ptr(), old.len()) == (body.as_ptr(), body.len());
        if !self.jobs.message.as_ref().is_some_and(again) {
            self.forget_jobs();
            self.jobs.message = Some(body.clone());
        }
    }

    /// The message was acted on completely.
    pub fn end(&mut self) {
        if self.jobs.message.is_some() {
            self.forget_jobs();
        }
    }

    fn forget_jobs(&mut self) {
        let count = self.jobs.count;
        self.jobs = Jobs {
            count,
            ..Jobs::default()
        };
    }

    /// Why an image has to wait, judged without decoding anything.
    pub fn blocked_by(&mut self, image: &Image<'_>, cx: &Cx<'_>) -> Option<Blocked> {
        let lossless = match image.data {
            ImageData::FromCache => false,
            ImageData::FromCacheLossless => true,
            _ => return self.decoded_outside(image, cx).then_some(Blocked::Decoding),
        };
        let there = cx.shared.pixmaps.contains(image.id, lossless);
        (!there).then_some(Blocked::Pixmap {
            id: image.id,
            lossless,
        })
    }

    /// Whether the image is being decoded outside the session. If it is to be and is not yet, that begins.
    fn decoded_outside(&mut self, image: &Image<'_>, cx: &Cx<'_>) -> bool {
        let Some(body) = &self.jobs.message else {
            return false;
        };
        let Some(still) = Still::of(image).and_then(|still| still.large(body)) else {
            return false;
        };
        let place = still.place();
        if self.jobs.ready.iter().any(|(at, _)| *at == place) || check_size(image).is_err() {
            return false;
        }
        if !(self.is_decoding() && self.jobs.place == place) {
            self.jobs.count += 1;
            self.jobs.running = None;
            self.jobs.place = place;
            self.jobs.wanted = Some(ImageJob {
                number: self.jobs.count,
                still,
                quic: std::mem::take(&mut self.quic),
                buffer: self.buffer(),
                room: cx.shared.job_pixels.share(),
                clock: cx.shared.clock,
            });
        }
        true
    }

    /// Whether a message waits for an image that is decoded outside the session.
    pub fn is_decoding(&self) -> bool {
        self.jobs.wanted.is_some() || self.jobs.running.is_some()
    }

    /// The next image to decode outside the session, if there is room for its pixels.
    pub fn poll_job(&mut self) -> Option<ImageJob> {
        let has_room = |job: &mut ImageJob| job.room.grow_to(job.still.pixels()).is_ok();
        let job = self.jobs.wanted.take_if(has_room)?;
        self.jobs.running = Some(job.number);
        Some(job)
    }

    /// An image was decoded. One that nobody waits for any more is dropped.
    pub fn finish(&mut self, mut decoded: DecodedImage) {
        if self.jobs.running == Some(decoded.number) {
            self.jobs.running = None;
            drop(decoded.room.take());
            self.quic = std::mem::take(&mut decoded.quic);
            self.jobs.ready.push((self.jobs.place, decoded));
        }
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

    /// Bytes of the buffers kept for the next pictures, at most [`SPARE_BYTES`].
    pub fn spare_bytes(&self) -> usize {
        self.spares.iter().map(Vec::capacity).sum()
    }

    /// Gives the memory of those buffers back.
    pub fn drop_spares(&mut self) {
        self.spares.clear();
    }

    fn spare(&mut self, buffer: Vec<u8>) {
        if self.spares.len() < SPARES && self.spare_bytes() + buffer.capacity() <= SPARE_BYTES {
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
                    images: 0,
                    bytes: 0,
                    pixels: 0,
                    time: Duration::ZERO,
                    failed: 0,
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

    fn bitmap<'a>(
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
                let indices = indices(indexed).ok_or("the bitmap format is unknown".to_owned())?;
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

    fn lz_palette<'a>(
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
        self.spare(packed_indices);
        Ok(packed(
            Layout::Entries,
            size,
            header.top_down,
            Pixels::Owned(out),
        )?)
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

    fn palette(
        &mut self,
        palette: &PaletteRef<'_>,
        flags: BitmapFlags,
        cx: &mut Cx<'_>,
    ) -> Result<Arc<[u32]>, ImageError> {
        match palette {
            PaletteRef::None => Err("it has no palette".to_owned().into()),
            PaletteRef::Cached(id) => {
                let known = self.palettes.find(*id).cloned();
                known.ok_or_else(|| format!("its palette {id:#x} is not in the cache").into())
            }
            PaletteRef::Inline(palette) => {
                self.keep_palette(palette, flags, cx);
                Ok(palette.colors().collect())
            }
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

impl Jobs {
    /// What became of the image, if it was decoded outside the session.
    fn take(&mut self, image: &Image<'_>) -> Option<DecodedImage> {
        if self.ready.is_empty() {
            return None;
        }
        let place = Still::of(image)?.place();
        let at = self.ready.iter().position(|(at, _)| *at == place)?;
        Some(self.ready.swap_remove(at).1)
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

/// A mask that is ready to be used.
#[derive(Clone, Debug)]
pub enum MaskImage {
    /// Its bits.
    Bits(Arc<PixelBuf>),
    /// The 1-bit surface of this number.
    Surface(u32),
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

/// Stores what was decoded in the pixmap cache, if the server wants that.
fn keep(image: &Image<'_>, memory: u64, pixmap: impl FnOnce() -> Pixmap, cx: &mut Cx<'_>) {
    let replaces = image.flags.contains(ImageFlags::CACHE_REPLACE_ME);
    if !replaces && !image.flags.contains(ImageFlags::CACHE_ME) {
        return;
    }
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

/// The bits of a 1-bit bitmap, bit 7 leftmost, top row first.
fn mask_bits(image: &Image<'_>, bitmap: &Bitmap<'_>) -> Result<PixelBuf, ImageError> {
    let little = match bitmap.format {
        BitmapFormat::OneBitLe => true,
        BitmapFormat::OneBitBe => false,
        _ => return Err("mask: it has more than one bit a pixel".to_owned().into()),
    };
    let size = Size::new(image.width, image.height);
    Limits::default().check(image.width, image.height)?;
    let row = PixelFormat::A1.row_bytes(size.width);
    let mut bits = PixelBuf::new(PixelFormat::A1, size);
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
        let (Some(stored), Some(target)) = (
            stored.get(..row),
            bits.data_mut().get_mut(y * row..(y + 1) * row),
        ) else {
            return Err("mask: its rows are cut short".to_owned().into());
        };
        target.copy_from_slice(stored);
        if little {
            target.iter_mut().for_each(|b| *b = b.reverse_bits());
        }
    }
    Ok(bits)
}
