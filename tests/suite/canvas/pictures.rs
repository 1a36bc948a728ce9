//! Small pictures and surfaces, written and read here byte by byte, without the crate's own pixel access.

use capsaicin::canvas::{Area, Clip, Cutout, Damage, Layout, Rop, Source, Surface};
use capsaicin::geometry::Size;
use capsaicin::pixels::PixelFormat;

/// An owned picture in one of the source layouts.
#[derive(Clone, Debug)]
pub struct Picture {
    pub layout: Layout,
    pub size: Size,
    /// Bytes from one stored row to the next.
    pub stride: usize,
    pub bottom_up: bool,
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A packed picture from one number per pixel.
    pub fn of_words(layout: Layout, width: u32, words: &[u32]) -> Self {
        let rows = words.len() / (width as usize).max(1);
        let bits = bits_of(layout);
        let stride = (width as usize * bits).div_ceil(8);
        let mut bytes = vec![0; stride * rows];
        for (i, word) in words.iter().enumerate() {
            let (x, y) = (i % width as usize, i / width as usize);
            write(&mut bytes[y * stride..], bits, x, *word);
        }
        Self {
            layout,
            size: Size::new(width, rows as u32),
            stride,
            bottom_up: false,
            bytes,
        }
    }

    pub fn source(&self) -> Source<'_> {
        let source = Source::new(self.layout, self.size, self.stride, &self.bytes);
        let source = source.expect("as many rows as it says");
        if self.bottom_up {
            source.bottom_up()
        } else {
            source
        }
    }

    /// The number of a pixel, `None` outside the picture.
    pub fn number(&self, x: i128, y: i128) -> Option<u32> {
        let (width, height) = (i128::from(self.size.width), i128::from(self.size.height));
        if x < 0 || y < 0 || x >= width || y >= height {
            return None;
        }
        let row = if self.bottom_up { height - 1 - y } else { y };
        let row = &self.bytes[row as usize * self.stride..];
        Some(read(row, bits_of(self.layout), x as usize))
    }
}

pub fn blank(format: PixelFormat, width: u32, height: u32) -> Surface {
    Surface::new(format, Size::new(width, height)).expect("a valid size")
}

/// A surface holding these words, top row first.
pub fn painted(format: PixelFormat, width: u32, words: &[u32]) -> Surface {
    let picture = Picture::of_words(Layout::Words(format), width, words);
    let mut surface = blank(format, width, picture.size.height);
    let area = Area::new(picture.size.to_rect(), &Clip::None);
    let cutout = Cutout::whole(picture.source());
    surface
        .copy(&area, &cutout, Rop::PUT, &mut Damage::default())
        .expect("same format");
    surface
}

/// The words of a surface, top row first.
pub fn words_of(surface: &Surface) -> Vec<u32> {
    let pixels = surface.pixels();
    let bits = bits_of(Layout::Words(pixels.format));
    let row = |row| (0..pixels.size.width as usize).map(move |x| read(row, bits, x));
    pixels.rows().flat_map(row).collect()
}

/// The bytes of a surface, top row first.
pub fn bytes_of(surface: &Surface) -> Vec<u8> {
    surface.pixels().rows().flatten().copied().collect()
}

pub fn bits_of(layout: Layout) -> usize {
    match layout {
        Layout::Words(PixelFormat::A1) => 1,
        Layout::A8 | Layout::Words(PixelFormat::A8) => 8,
        Layout::Rgb555 | Layout::Words(PixelFormat::Rgb555 | PixelFormat::Rgb565) => 16,
        Layout::Bgr24 => 24,
        _ => 32,
    }
}

fn read(row: &[u8], bits: usize, x: usize) -> u32 {
    match bits {
        1 => u32::from(row[x / 8] & (0x80 >> (x % 8)) != 0),
        _ => (0..bits / 8).fold(0, |word, i| {
            word | u32::from(row[x * bits / 8 + i]) << (8 * i)
        }),
    }
}

fn write(row: &mut [u8], bits: usize, x: usize, word: u32) {
    match bits {
        1 => row[x / 8] |= ((word & 1) as u8) << (7 - x % 8),
        _ => (0..bits / 8).for_each(|i| row[x * bits / 8 + i] = (word >> (8 * i)) as u8),
    }
}
