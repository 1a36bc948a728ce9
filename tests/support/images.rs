//! Images of draw commands, and GLZ streams made by hand (spec 08c).

use capsaicin::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, Palette, PaletteRef,
};

/// An image of this size and kind.
pub fn image(id: u64, flags: ImageFlags, size: (u32, u32), data: ImageData<'_>) -> Image<'_> {
    let (width, height) = size;
    Image {
        id,
        flags,
        width,
        height,
        data,
    }
}

/// A raw bitmap whose rows are `stride` bytes apart, the top one first.
pub fn bitmap(format: BitmapFormat, stride: u32, rows: &[u8]) -> ImageData<'_> {
    ImageData::Bitmap(Bitmap {
        format,
        flags: BitmapFlags::TOP_DOWN,
        stride,
        palette: PaletteRef::None,
        rows,
    })
}

/// One 32-bit pixel.
pub fn one_pixel(id: u64, flags: ImageFlags, bytes: &[u8; 4]) -> Image<'_> {
    let data = bitmap(BitmapFormat::ThirtyTwoBit, 4, bytes);
    image(id, flags, (1, 1), data)
}

/// One pixel of index 0, 8-bit, whose palette is in the message and perhaps to be kept.
pub fn one_index(unique: u64, entries: &[[u8; 4]], flags: BitmapFlags) -> Image<'_> {
    let palette = PaletteRef::Inline(Palette { unique, entries });
    indexed(palette, flags)
}

/// One pixel of index 0, 8-bit, whose palette was kept.
pub fn one_index_from_cache(unique: u64) -> Image<'static> {
    indexed(PaletteRef::Cached(unique), BitmapFlags::PAL_FROM_CACHE)
}

fn indexed(palette: PaletteRef<'_>, flags: BitmapFlags) -> Image<'_> {
    let data = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::EightBit,
        flags: flags | BitmapFlags::TOP_DOWN,
        stride: 1,
        palette,
        rows: &[0],
    });
    image(0, ImageFlags::empty(), (1, 1), data)
}

/// One pixel in the pixmap cache.
pub fn from_cache(id: u64) -> Image<'static> {
    image(id, ImageFlags::empty(), (1, 1), ImageData::FromCache)
}

/// One pixel in the pixmap cache, and only if it is exact.
pub fn from_cache_lossless(id: u64) -> Image<'static> {
    image(
        id,
        ImageFlags::empty(),
        (1, 1),
        ImageData::FromCacheLossless,
    )
}

/// A GLZ stream of RGB32, top row first: header, then these tokens. `head` is the oldest image it or later ones may need.
pub fn glz(id: u64, head: u64, (width, height): (u32, u32), tokens: &[u8]) -> Vec<u8> {
    let mut stream = b"  ZL".to_vec();
    stream.extend([0, 1, 0, 1, 0x18]);
    for field in [width, height, 4 * width] {
        stream.extend(field.to_be_bytes());
    }
    stream.extend(id.to_be_bytes());
    stream.extend(((id - head) as u32).to_be_bytes());
    stream.extend_from_slice(tokens);
    stream
}

/// A GLZ image of one pixel.
pub fn glz_pixel(id: u64, head: u64, blue: u8) -> Vec<u8> {
    glz(id, head, (1, 1), &[0, blue, 0, 0])
}

/// A GLZ image of one pixel that is the first pixel of the image `distance` before it.
pub fn glz_pixel_of(id: u64, head: u64, distance: u8) -> Vec<u8> {
    glz(id, head, (1, 1), &[0x20, 0, distance])
}

/// A GLZ image of one colour, at least 265 pixels.
pub fn glz_plain(id: u64, head: u64, size: (u32, u32)) -> Vec<u8> {
    // A literal, then a match of the pixel before: 7 and a sum of bytes of which the last is below 255.
    let rest = size.0 as usize * size.1 as usize - 1 - 7;
    let mut tokens = vec![0, 1, 2, 3, 0xe0];
    tokens.extend(vec![0xff; rest / 255]);
    tokens.extend([(rest % 255) as u8, 0, 0]);
    glz(id, head, size, &tokens)
}
