//! Sound messages of display channels to begin damage with: every image type in every command that takes an image.

use std::path::Path;

use capsaicin::channel::Message;
use capsaicin::channel::display::draw::{
    AlphaFlags, Brush, Clip, CompositeFlags, DisplayBase, DrawAlphaBlend, DrawComposite, DrawCopy,
    DrawFill, DrawOpaque, DrawRop3, DrawTransparent, MaskFlags, Point16, QMask, Rop, ScaleMode,
};
use capsaicin::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, JpegAlpha, JpegAlphaFlags,
    LzPlt, Palette, PaletteRef, ZlibGlz,
};
use capsaicin::channel::display::messages::ServerMessage as Display;
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::wire::Frame;

use crate::mutate::Random;
use crate::support::images::{glz_pixel, glz_pixel_of, image};

/// A stream of `tests/fixtures/codecs`.
pub struct Coded {
    codec: String,
    size: (u32, u32),
    bytes: Vec<u8>,
    /// Bytes of the JPEG file in front, or of the GLZ stream inside.
    inner: u64,
    top_down: bool,
    has_palette: bool,
}

/// Every stream that is short enough to be played often.
pub fn coded() -> Vec<Coded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codecs");
    let folders = ["", "glz", "jpeg", "jpeg_alpha", "lz4", "zlib_glz"];
    let manifests = folders.map(|folder| {
        let text = std::fs::read_to_string(root.join(folder).join("manifest.json"));
        serde_json::from_str::<serde_json::Value>(&text.expect("a manifest")).expect("JSON")
    });
    let rows = manifests
        .iter()
        .flat_map(|m| m["vectors"].as_array().expect("a list"));
    let coded = rows.filter_map(|row| {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let number = |key: &str| row[key].as_u64().unwrap_or_default();
        let bytes = std::fs::read(root.join(text("enc"))).expect("a stream");
        (bytes.len() <= 4096).then(|| Coded {
            codec: text("codec").to_owned(),
            size: (number("width") as u32, number("height") as u32),
            bytes,
            inner: number("jpeg_size") + number("glz_data_size"),
            top_down: row["top_down"] == true,
            has_palette: text("type").starts_with("PLT"),
        })
    });
    let coded: Vec<Coded> = coded.collect();
    assert!(coded.len() > 50, "{}", coded.len());
    coded
}

const COLOURS: [[u8; 4]; 16] = [[0x11, 0x77, 0xcc, 0]; 16];

impl Coded {
    /// The stream as an image of this id.
    fn image(&self, id: u64, flags: ImageFlags) -> Image<'_> {
        let bytes = &self.bytes[..];
        let inner = (self.inner as usize).min(bytes.len());
        let row_order = match self.top_down {
            true => JpegAlphaFlags::TOP_DOWN,
            false => JpegAlphaFlags::empty(),
        };
        let data = match self.codec.as_str() {
            "quic" => ImageData::Quic(bytes),
            "lz" if self.has_palette => ImageData::LzPlt(LzPlt {
                flags: BitmapFlags::PAL_CACHE_ME,
                palette: PaletteRef::Inline(Palette {
                    unique: id,
                    entries: &COLOURS,
                }),
                data: bytes,
            }),
            "lz" => ImageData::LzRgb(bytes),
            "glz" => ImageData::GlzRgb(bytes),
            "jpeg" => ImageData::Jpeg(bytes),
            "jpeg_alpha" => ImageData::JpegAlpha(JpegAlpha {
                flags: row_order,
                jpeg: &bytes[..inner],
                alpha: &bytes[inner..],
            }),
            "lz4" => ImageData::Lz4(bytes),
            _ => ImageData::ZlibGlzRgb(ZlibGlz {
                glz_data_size: self.inner as u32,
                data: bytes,
            }),
        };
        image(id, flags, self.size, data)
    }
}

/// What the commands of [`draw`] are made of.
pub struct Parts<'a> {
    coded: &'a [Coded],
    raw: Vec<u8>,
    glz: Vec<Vec<u8>>,
}

impl<'a> Parts<'a> {
    pub fn new(coded: &'a [Coded]) -> Self {
        let first = glz_pixel(0, 0, 7);
        let rest = (1..40).map(|id| glz_pixel_of(id, 0, 1));
        Self {
            coded,
            raw: (0..=255).cycle().take(20 * 20 * 4).collect(),
            glz: std::iter::once(first).chain(rest).collect(),
        }
    }

    /// An image of any type. Ids repeat, so that what was kept is used.
    fn image(&self, random: &mut Random) -> Image<'_> {
        let id = random.below(12) as u64;
        let flags = [
            ImageFlags::empty(),
            ImageFlags::CACHE_ME,
            ImageFlags::CACHE_REPLACE_ME,
            ImageFlags::HIGH_BITS_SET,
        ][random.below(4)];
        let size = (1 + random.below(20) as u32, 1 + random.below(20) as u32);
        match random.below(20) {
            0 => image(id, flags, (1, 1), ImageData::FromCache),
            1 => image(id, flags, (1, 1), ImageData::FromCacheLossless),
            2 | 3 => image(id, flags, size, ImageData::Surface(surface(random))),
            4 => {
                let stream = &self.glz[random.below(self.glz.len())];
                image(id, flags, (1, 1), ImageData::GlzRgb(stream))
            }
            5..12 => self.bitmap(id, flags, size, random),
            _ => self.coded[random.below(self.coded.len())].image(id, flags),
        }
    }

    fn bitmap(
        &self,
        id: u64,
        flags: ImageFlags,
        size: (u32, u32),
        random: &mut Random,
    ) -> Image<'_> {
        let format = BitmapFormat::from_number(1 + random.below(10) as u8);
        let stride = (size.0 * format.bits()).div_ceil(8);
        let palette = match random.below(3) {
            _ if !(1..=8).contains(&format.bits()) => PaletteRef::None,
            0 if random.below(4) == 0 => PaletteRef::Cached(random.below(4) as u64),
            _ => PaletteRef::Inline(Palette {
                unique: random.below(4) as u64,
                entries: &COLOURS,
            }),
        };
        let data = ImageData::Bitmap(Bitmap {
            format,
            flags: BitmapFlags(random.below(8) as u8),
            stride,
            palette,
            rows: &self.raw[..(stride * size.1) as usize],
        });
        image(id, flags, size, data)
    }

    fn mask(&self, random: &mut Random) -> QMask<'_> {
        let bits = Bitmap {
            format: BitmapFormat::OneBitBe,
            flags: BitmapFlags::TOP_DOWN,
            stride: 3,
            palette: PaletteRef::None,
            rows: &self.raw[..3 * 20],
        };
        let bitmap = match random.below(12) {
            0..8 => None,
            8..11 => Some(image(
                random.below(12) as u64,
                ImageFlags::CACHE_ME,
                (20, 20),
                ImageData::Bitmap(bits),
            )),
            _ => Some(self.image(random)),
        };
        QMask {
            flags: MaskFlags(random.below(2) as u8),
            pos: point(random),
            bitmap,
        }
    }

    fn brush(&self, random: &mut Random) -> Brush<'_> {
        match random.below(3) {
            0 => Brush::None,
            1 => Brush::Solid(random.next() as u32),
            _ => Brush::Pattern {
                pattern: self.image(random),
                pos: point(random),
            },
        }
    }

    /// A command with images, on any of the first eight surfaces.
    pub fn draw(&self, random: &mut Random) -> Frame {
        let base = DisplayBase {
            surface_id: surface(random),
            bbox: rect(random),
            clip: match random.below(4) {
                0 => Clip::Rects((0..random.below(4)).map(|_| rect(random)).collect()),
                _ => Clip::None,
            },
        };
        let src_bitmap = self.image(random);
        let src_area = match random.below(4) {
            0 => rect(random),
            _ => Size::new(src_bitmap.width, src_bitmap.height).to_rect(),
        };
        let (brush, mask) = (self.brush(random), self.mask(random));
        let rop = Rop(random.next() as u16 & 0x7ff);
        let scale_mode = ScaleMode::from_number(random.below(2) as u8);
        let copy = |base, src_bitmap, mask| DrawCopy {
            base,
            src_bitmap,
            src_area,
            rop,
            scale_mode,
            mask,
        };
        let message = match random.below(8) {
            0 => Display::DrawFill(DrawFill {
                base,
                brush,
                rop,
                mask,
            }),
            1 => Display::DrawOpaque(DrawOpaque {
                base,
                src_bitmap,
                src_area,
                brush,
                rop,
                scale_mode,
                mask,
            }),
            2 => Display::DrawCopy(copy(base, src_bitmap, mask)),
            3 => Display::DrawBlend(copy(base, src_bitmap, mask)),
            4 => Display::DrawRop3(DrawRop3 {
                base,
                src_bitmap,
                src_area,
                brush,
                rop3: random.next() as u8,
                scale_mode,
                mask,
            }),
            5 => Display::DrawTransparent(DrawTransparent {
                base,
                src_bitmap,
                src_area,
                src_color: 0,
                true_color: random.next() as u32,
            }),
            6 => Display::DrawAlphaBlend(DrawAlphaBlend {
                base,
                alpha_flags: AlphaFlags(random.below(4) as u8),
                alpha: random.next() as u8,
                src_bitmap,
                src_area,
            }),
            _ => Display::DrawComposite(DrawComposite {
                base,
                flags: CompositeFlags(match random.below(4) {
                    0 => random.next() as u32,
                    // An operator; nearest or bilinear; any repeat.
                    _ => (random.below(14) | random.below(2) << 8 | random.below(16) << 14) as u32,
                }),
                src_bitmap,
                mask_bitmap: (random.below(2) == 0).then(|| self.image(random)),
                src_transform: None,
                mask_transform: None,
                src_origin: Point16 { x: 0, y: 0 },
                mask_origin: Point16 { x: 0, y: 0 },
            }),
        };
        message.to_frame()
    }
}

/// One of those there are, or rarely the one that there is not.
fn surface(random: &mut Random) -> u32 {
    match random.below(30) {
        29 => 7,
        other => other as u32 % 7,
    }
}

fn point(random: &mut Random) -> Point {
    let mut at = || random.below(40) as i32 - 10;
    Point::new(at(), at())
}

/// Mostly on the surface, sometimes reaching beyond it, sometimes inverted.
fn rect(random: &mut Random) -> Rect {
    let corner = point(random);
    let mut side = || random.below(60) as i32 - 5;
    Rect::new(corner.x, corner.y, corner.x + side(), corner.y + side())
}
