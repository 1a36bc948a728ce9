//! The messages that bring a fresh client to where this one is: what a recording begins with that begins in the middle.
//!
//! They are ordinary ones. Images of the caches are drawn on a surface of one pixel that goes again; then surfaces are made,
//! and filled. A cached image that came as JPEG counts as lossless afterwards: servers send the lossless one before they
//! refer to it as such.

use std::collections::BTreeMap;

use super::Client;
use crate::canvas::{Layout, Surface};
use crate::channel::Message;
use crate::channel::display::SurfaceId;
use crate::channel::display::cache::Pixmap;
use crate::channel::display::draw::{
    Brush, Clip, DisplayBase, DrawCopy, DrawFill, QMask, Rop, ScaleMode,
};
use crate::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, Palette, PaletteRef, ZlibGlz,
};
use crate::channel::display::messages::{
    ServerMessage, SurfaceCreate, SurfaceDestroy, SurfaceFlags, SurfaceFormat,
};
use crate::channel::display::picture::Picture;
use crate::channel::shared::Shared;
use crate::codec::{lz, zlib};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat};
use crate::wire::Frame;

/// How much effort is made to have GLZ images small: little, a session runs meanwhile.
const LEVEL: u32 = 1;

/// Times an image is stored at most, for servers that stored it more often.
const MOST_TIMES: u32 = 8;

impl Client {
    /// Messages after which a client that has seen nothing has these surfaces and palettes, and with `caches` the images that
    /// all displays share: one display has to bring them. Streams, monitors and MARK are not among them.
    pub fn recreate(&self, shared: &Shared, caches: bool) -> Vec<Frame> {
        let taken = |id: &u32| self.canvas.surface(*id).is_some();
        let scratch = (1..).find(|id| !taken(id)).unwrap_or(u32::MAX);
        let mut scene = Scene {
            scratch,
            frames: Vec::new(),
            lz: lz::Encoder::default(),
        };
        scene.begin();
        if caches {
            scene.add_glz(shared);
            scene.add_pixmaps(shared);
        }
        for (id, entries) in self.images.palettes.all() {
            scene.add_palette(id, entries);
        }
        scene.end();
        for (id, surface) in self.canvas.surfaces() {
            let primary = self.primary == Some(id);
            let mut flags = SurfaceFlags::empty();
            if primary {
                flags = flags | SurfaceFlags::PRIMARY;
            }
            if primary && self.streams.immediate {
                flags = flags | SurfaceFlags::STREAMING_MODE;
            }
            scene.add_surface(id, surface, flags);
        }
        scene.frames
    }
}

/// Messages so far.
struct Scene {
    /// A surface for images that are only to be kept.
    scratch: SurfaceId,
    frames: Vec<Frame>,
    lz: lz::Encoder,
}

impl Scene {
    fn say(&mut self, message: &ServerMessage<'_>) {
        self.frames.push(message.to_frame());
    }

    fn begin(&mut self) {
        self.create(
            self.scratch,
            Size::new(1, 1),
            SurfaceFormat::Xrgb,
            SurfaceFlags::empty(),
        );
    }

    fn end(&mut self) {
        let surface_id = self.scratch;
        self.say(&ServerMessage::SurfaceDestroy(SurfaceDestroy {
            surface_id,
        }));
    }

    fn create(&mut self, surface_id: u32, size: Size, format: SurfaceFormat, flags: SurfaceFlags) {
        self.say(&ServerMessage::SurfaceCreate(SurfaceCreate {
            surface_id,
            width: size.width,
            height: size.height,
            format,
            flags,
        }));
    }

    fn copy(&mut self, surface: SurfaceId, bbox: Rect, image: Image<'_>) {
        let copy = DrawCopy {
            base: base(surface, bbox),
            src_area: Rect::at(0, 0, bbox.size()),
            src_bitmap: image,
            rop: Rop::OP_PUT,
            scale_mode: ScaleMode::Nearest,
            mask: QMask::default(),
        };
        self.say(&ServerMessage::DrawCopy(copy));
    }

    /// Has an image decoded and kept, if it says so.
    fn keep(&mut self, image: Image<'_>) {
        self.copy(self.scratch, Rect::new(0, 0, 1, 1), image);
    }

    fn add_glz(&mut self, shared: &Shared) {
        for image in shared.glz.alone() {
            let mut deflated = Vec::new();
            zlib::deflate(&image.stream, LEVEL, &mut deflated);
            self.keep(Image {
                id: 0,
                flags: ImageFlags::empty(),
                width: image.width,
                height: image.height,
                data: ImageData::ZlibGlzRgb(ZlibGlz {
                    // Not longer than the pixels of an image and a third.
                    glz_data_size: image.stream.len() as u32,
                    data: &deflated,
                }),
            });
        }
    }

    fn add_pixmaps(&mut self, shared: &Shared) {
        for (id, pixmap, times) in shared.pixmaps.all() {
            for _ in 0..times.min(MOST_TIMES) {
                match pixmap {
                    Pixmap::Picture(picture) => self.add_picture(id, picture),
                    Pixmap::Mask(bits) => self.add_mask(id, bits),
                }
            }
        }
    }

    fn add_picture(&mut self, id: u64, picture: &Picture<'_>) {
        let (rows, stride) = (picture.bytes(), picture.stride as u32);
        let mut flags = ImageFlags::CACHE_ME;
        if picture.layout == Layout::XrgbOpaque {
            flags = flags | ImageFlags::HIGH_BITS_SET;
        }
        let format = match picture.layout {
            Layout::Rgb555 => BitmapFormat::SixteenBit,
            Layout::Bgr24 => BitmapFormat::TwentyFourBit,
            Layout::Argb => BitmapFormat::Rgba,
            Layout::A8 => BitmapFormat::EightBitAlpha,
            Layout::Xrgb | Layout::XrgbOpaque | Layout::Words(_) => BitmapFormat::ThirtyTwoBit,
            Layout::Entries => return self.add_entries(id, picture),
        };
        let image = bitmap(
            id,
            flags,
            picture.size,
            format,
            !picture.bottom_up,
            stride,
            rows,
        );
        self.send(image, format, !picture.bottom_up, stride, rows);
    }

    /// Sends an image to be kept, coded where that makes it smaller.
    fn send(
        &mut self,
        image: Image<'_>,
        format: BitmapFormat,
        top_down: bool,
        stride: u32,
        rows: &[u8],
    ) {
        let size = Size::new(image.width, image.height);
        match self.coded(size, format, top_down, stride, rows) {
            Some(coded) => self.keep(Image {
                data: ImageData::LzRgb(&coded),
                ..image
            }),
            None => self.keep(image),
        }
    }

    /// The rows as LZ, where they are pixels of 32 bits and become fewer bytes.
    fn coded(
        &mut self,
        size: Size,
        format: BitmapFormat,
        top_down: bool,
        stride: u32,
        rows: &[u8],
    ) -> Option<Vec<u8>> {
        let kind = match format {
            BitmapFormat::ThirtyTwoBit => lz::Kind::Rgb32,
            BitmapFormat::Rgba => lz::Kind::Rgba,
            _ => return None,
        };
        let mut out = Vec::new();
        let (width, height, stride) = (size.width, size.height, stride as usize);
        let coded = self
            .lz
            .encode(kind, width, height, stride, top_down, rows, &mut out);
        (coded.is_ok() && out.len() < rows.len()).then_some(out)
    }

    /// A picture of palette entries, as indices into a palette of its own.
    fn add_entries(&mut self, id: u64, picture: &Picture<'_>) {
        let mut palette: Vec<[u8; 4]> = Vec::new();
        let mut places: BTreeMap<[u8; 4], u8> = BTreeMap::new();
        let (entries, _) = picture.bytes().as_chunks::<4>();
        let mut indices = Vec::with_capacity(entries.len());
        for entry in entries {
            let place = *places.entry(*entry).or_insert_with(|| {
                palette.push(*entry);
                // An index has eight bits at most, so there are no more entries.
                (palette.len() - 1) as u8
            });
            indices.push(place);
        }
        let image = bitmap(
            id,
            ImageFlags::CACHE_ME,
            picture.size,
            BitmapFormat::EightBit,
            !picture.bottom_up,
            picture.size.width,
            &indices,
        );
        self.keep(with_palette(image, BitmapFlags::empty(), 0, &palette));
    }

    fn add_mask(&mut self, id: u64, bits: &PixelBuf) {
        let image = bitmap(
            id,
            ImageFlags::CACHE_ME,
            bits.size,
            BitmapFormat::OneBitBe,
            true,
            bits.stride() as u32,
            bits.data(),
        );
        let fill = DrawFill {
            base: base(self.scratch, Rect::new(0, 0, 1, 1)),
            brush: Brush::Solid(0),
            rop: Rop::OP_PUT,
            mask: QMask {
                bitmap: Some(image),
                pos: Point::default(),
                ..QMask::default()
            },
        };
        self.say(&ServerMessage::DrawFill(fill));
    }

    fn add_palette(&mut self, id: u64, entries: &[u32]) {
        let entries: Vec<[u8; 4]> = entries.iter().map(|entry| entry.to_le_bytes()).collect();
        let (format, size) = (BitmapFormat::EightBit, Size::new(1, 1));
        let image = bitmap(0, ImageFlags::empty(), size, format, true, 1, &[0]);
        self.keep(with_palette(image, BitmapFlags::PAL_CACHE_ME, id, &entries));
    }

    fn add_surface(&mut self, id: SurfaceId, surface: &Surface, flags: SurfaceFlags) {
        let size = surface.size();
        let (format, rows) = match surface.format() {
            PixelFormat::A1 => (SurfaceFormat::A1, None),
            PixelFormat::A8 => (SurfaceFormat::A8, Some(BitmapFormat::EightBitAlpha)),
            PixelFormat::Rgb555 => (SurfaceFormat::Rgb555, Some(BitmapFormat::SixteenBit)),
            PixelFormat::Rgb565 => (SurfaceFormat::Rgb565, None),
            PixelFormat::Xrgb => (SurfaceFormat::Xrgb, Some(BitmapFormat::ThirtyTwoBit)),
            PixelFormat::Argb => (SurfaceFormat::Argb, Some(BitmapFormat::Rgba)),
        };
        self.create(id, size, format, flags);
        let view = surface.pixels();
        let widened: Vec<u8>;
        let (format, data) = match rows {
            Some(format) => (format, view.data()),
            // No bitmap has their pixels; cut to the bits they have, these are the same.
            None => {
                let places = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
                let words = places.map(|(x, y)| widen(surface.format(), view.pixel(x, y)));
                widened = words.flatten().collect();
                (BitmapFormat::ThirtyTwoBit, &*widened)
            }
        };
        let stride = format.row_bytes(size.width) as u32;
        let (whole, none) = (size.to_rect(), ImageFlags::empty());
        match self.coded(size, format, true, stride, data) {
            Some(coded) => {
                let image = Image {
                    id: 0,
                    flags: none,
                    width: size.width,
                    height: size.height,
                    data: ImageData::LzRgb(&coded),
                };
                self.copy(id, whole, image);
            }
            None => self.copy(id, whole, bitmap(0, none, size, format, true, stride, data)),
        }
    }
}

fn base<'a>(surface_id: SurfaceId, bbox: Rect) -> DisplayBase<'a> {
    DisplayBase {
        surface_id,
        bbox,
        clip: Clip::None,
    }
}

fn bitmap(
    id: u64,
    flags: ImageFlags,
    size: Size,
    format: BitmapFormat,
    top_down: bool,
    stride: u32,
    rows: &[u8],
) -> Image<'_> {
    let order = match top_down {
        true => BitmapFlags::TOP_DOWN,
        false => BitmapFlags::empty(),
    };
    Image {
        id,
        flags,
        width: size.width,
        height: size.height,
        data: ImageData::Bitmap(Bitmap {
            format,
            flags: order,
            stride,
            palette: PaletteRef::None,
            rows,
        }),
    }
}

fn with_palette<'a>(
    image: Image<'a>,
    flags: BitmapFlags,
    unique: u64,
    entries: &'a [[u8; 4]],
) -> Image<'a> {
    match image.data {
        ImageData::Bitmap(bitmap) => Image {
            data: ImageData::Bitmap(Bitmap {
                flags: bitmap.flags | flags,
                palette: PaletteRef::Inline(Palette { unique, entries }),
                ..bitmap
            }),
            ..image
        },
        _ => image,
    }
}

/// A pixel word as bytes B, G, R, X of eight bits each.
fn widen(format: PixelFormat, word: u32) -> [u8; 4] {
    let five = |bits: u32| (bits << 3 | bits >> 2) as u8;
    match format {
        PixelFormat::A1 => [if word & 1 == 1 { 0xff } else { 0 }; 4],
        _ => {
            let green = word >> 5 & 63;
            let green = (green << 2 | green >> 4) as u8;
            [five(word & 31), green, five(word >> 11 & 31), 0]
        }
    }
}
