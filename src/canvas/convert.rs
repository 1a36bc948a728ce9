//! From the pixels of a picture to the words of a surface.
//!
//! Protocol: rasterisation (spec 07b §8). Pairs the protocol leaves open are closed so that no pair can fail: coverage is
//! black with that alpha, everything without alpha is opaque, one bit is the top bit of alpha.

use super::Layout;
use crate::pixels::PixelFormat;

/// The word that pixel `x` of `row` becomes on a surface of `format`.
pub(super) fn word(layout: Layout, format: PixelFormat, row: &[u8], x: usize) -> u32 {
    let pixel = load(layout, row, x);
    match (layout, format) {
        (Layout::Words(_), _) => pixel,
        (Layout::Rgb555, PixelFormat::Rgb555) => pixel,
        (Layout::Entries, PixelFormat::Rgb555) => pixel & 0xffff,
        (Layout::Entries, PixelFormat::Rgb565) => pack(format, argb(Layout::Rgb555, pixel)),
        (_, PixelFormat::A8) => alpha(layout, pixel),
        (_, PixelFormat::A1) => alpha(layout, pixel) >> 7,
        _ => pack(format, argb(layout, pixel)),
    }
}

/// Converts the pixels of `row` from column `x` on, one for each word of `out`. The plain version is [`word`].
pub(super) fn row(layout: Layout, format: PixelFormat, row: &[u8], x: usize, out: &mut [u32]) {
    match layout {
        Layout::Rgb555 if format.bits() == 32 => {
            let pixels = row.as_chunks::<2>().0[x..].iter();
            for (out, pixel) in out.iter_mut().zip(pixels) {
                *out = expand_555(u32::from(u16::from_le_bytes(*pixel)));
            }
        }
        Layout::Bgr24 if format.bits() == 32 => {
            let pixels = row.as_chunks::<3>().0[x..].iter();
            for (out, [b, g, r]) in out.iter_mut().zip(pixels) {
                *out = u32::from_le_bytes([*b, *g, *r, 0]);
            }
        }
        Layout::XrgbOpaque if format.bits() == 32 => {
            let pixels = row.as_chunks::<4>().0[x..].iter();
            for (out, pixel) in out.iter_mut().zip(pixels) {
                *out = u32::from_le_bytes(*pixel) | OPAQUE;
            }
        }
        _ if is_verbatim(layout, format) && format.bits() == 32 => {
            let pixels = row.as_chunks::<4>().0[x..].iter();
            for (out, pixel) in out.iter_mut().zip(pixels) {
                *out = u32::from_le_bytes(*pixel);
            }
        }
        _ if is_verbatim(layout, format) && format.bits() == 16 => {
            let pixels = row.as_chunks::<2>().0[x..].iter();
            for (out, pixel) in out.iter_mut().zip(pixels) {
                *out = u32::from(u16::from_le_bytes(*pixel));
            }
        }
        _ if is_verbatim(layout, format) && format == PixelFormat::A8 => {
            for (out, pixel) in out.iter_mut().zip(&row[x..]) {
                *out = u32::from(*pixel);
            }
        }
        _ => {
            for (i, out) in out.iter_mut().enumerate() {
                *out = word(layout, format, row, x + i);
            }
        }
    }
}

/// Whether the bytes of a pixel are the bytes of its word on the surface.
pub(super) fn is_verbatim(layout: Layout, format: PixelFormat) -> bool {
    match layout {
        Layout::Words(_) => true,
        Layout::Xrgb | Layout::Argb | Layout::Entries => format.bits() == 32,
        Layout::Rgb555 => format == PixelFormat::Rgb555,
        Layout::A8 => format == PixelFormat::A8,
        Layout::Bgr24 | Layout::XrgbOpaque => false,
    }
}

/// The channels of a word, 8 bits each: blue lowest, then green, red and alpha. Short channels repeat their high bits;
/// formats of one channel have it lowest.
pub(super) fn unpack(format: PixelFormat, word: u32) -> u32 {
    match format {
        PixelFormat::A1 => word * 0xff,
        PixelFormat::A8 | PixelFormat::Xrgb | PixelFormat::Argb => word,
        PixelFormat::Rgb555 => expand_555(word) & !OPAQUE,
        PixelFormat::Rgb565 => {
            let (r, g, b) = (word >> 11 & 0x1f, word >> 5 & 0x3f, word & 0x1f);
            five_to_eight(r) << 16 | (g << 2 | g >> 4) << 8 | five_to_eight(b)
        }
    }
}

/// The word with these channels (as [`unpack`] gives them), each cut to the bits it has there.
pub(super) fn pack(format: PixelFormat, channels: u32) -> u32 {
    let [b, g, r, _] = channels.to_le_bytes().map(u32::from);
    match format {
        PixelFormat::A1 => b >> 7,
        PixelFormat::A8 => b,
        PixelFormat::Xrgb | PixelFormat::Argb => channels,
        PixelFormat::Rgb555 => r >> 3 << 10 | g >> 3 << 5 | b >> 3,
        PixelFormat::Rgb565 => r >> 3 << 11 | g >> 2 << 5 | b >> 3,
    }
}

/// Makes words of `format` words of [`PixelFormat::Argb`]: what has no alpha is opaque, coverage is black with that alpha.
pub(super) fn to_argb(format: PixelFormat, words: &mut [u32]) {
    match format {
        PixelFormat::Argb => {}
        PixelFormat::Xrgb => words.iter_mut().for_each(|w| *w |= OPAQUE),
        PixelFormat::Rgb555 | PixelFormat::Rgb565 => {
            words
                .iter_mut()
                .for_each(|w| *w = OPAQUE | unpack(format, *w));
        }
        PixelFormat::A8 => words.iter_mut().for_each(|w| *w <<= 24),
        PixelFormat::A1 => words.iter_mut().for_each(|w| *w *= OPAQUE),
    }
}

/// Makes pixel words of `format` bytes B, G, R, A, lets `change` change them, and makes them words again, each channel cut
/// to the bits it has there. What has no alpha is opaque.
pub(super) fn with_argb(
    format: PixelFormat,
    words: &mut [[u8; 4]],
    change: impl FnOnce(&mut [[u8; 4]]),
) {
    match format {
        PixelFormat::Argb => change(words),
        PixelFormat::Xrgb => {
            for word in &mut *words {
                *word = (u32::from_le_bytes(*word) | OPAQUE).to_le_bytes();
            }
            change(words);
        }
        _ => {
            for word in &mut *words {
                let mut argb = [u32::from_le_bytes(*word)];
                to_argb(format, &mut argb);
                *word = argb[0].to_le_bytes();
            }
            change(words);
            for word in words {
                let argb = u32::from_le_bytes(*word);
                let stored = match format {
                    PixelFormat::A1 => argb >> 31,
                    PixelFormat::A8 => argb >> 24,
                    _ => pack(format, argb),
                };
                *word = stored.to_le_bytes();
            }
        }
    }
}

/// Pixel `x` of `row` as a number.
fn load(layout: Layout, row: &[u8], x: usize) -> u32 {
    let format = match layout {
        Layout::Bgr24 => {
            let [b, g, r] = row.as_chunks::<3>().0[x];
            return u32::from_le_bytes([b, g, r, 0]);
        }
        Layout::Rgb555 => PixelFormat::Rgb555,
        Layout::Xrgb | Layout::XrgbOpaque | Layout::Entries => PixelFormat::Xrgb,
        Layout::Argb => PixelFormat::Argb,
        Layout::A8 => PixelFormat::A8,
        Layout::Words(format) => format,
    };
    format.load(row, x)
}

/// What a pixel is on a surface of 32 bits.
fn argb(layout: Layout, pixel: u32) -> u32 {
    match layout {
        Layout::Rgb555 => expand_555(pixel),
        Layout::XrgbOpaque => pixel | OPAQUE,
        Layout::A8 => pixel << 24,
        Layout::Bgr24 | Layout::Xrgb | Layout::Argb | Layout::Entries | Layout::Words(_) => pixel,
    }
}

/// What a pixel is on a surface of coverage.
fn alpha(layout: Layout, pixel: u32) -> u32 {
    match layout {
        Layout::Argb => pixel >> 24,
        Layout::A8 => pixel,
        _ => 0xff,
    }
}

fn expand_555(word: u32) -> u32 {
    let channel = |shift: u32| five_to_eight(word >> shift & 0x1f);
    OPAQUE | channel(10) << 16 | channel(5) << 8 | channel(0)
}

fn five_to_eight(v: u32) -> u32 {
    v << 3 | v >> 2
}

const OPAQUE: u32 = 0xff00_0000;
