//! Bitmaps to encode: any, but the same for the same seed.

use capsaicin::codec::glz::{Bitmap, Kind};
use proptest::prelude::*;

use super::mutate::Random;

/// A bitmap to encode.
#[derive(Debug)]
pub struct Source {
    pub kind: Kind,
    pub width: u32,
    pub height: u32,
    pub top_down: bool,
    pub pixels: Vec<u8>,
}

impl Source {
    /// A bitmap of runs, repetitions and noise, in colours and shapes that recur from one bitmap to the next.
    pub fn random(kind: Kind, width: u32, height: u32, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let count = (width * height) as usize;
        let mut pixels: Vec<u32> = Vec::with_capacity(count);
        while pixels.len() < count {
            let length = 1 + random.below(40);
            let start = random.below(5000) as u32;
            match random.below(4) {
                0 => pixels.extend(std::iter::repeat_n(start % 5 * 0x0123_4567, length)),
                1 => pixels.extend((start..).take(length).map(|i| i.wrapping_mul(0x9e37_79b1))),
                2 => pixels.extend((0..length).map(|_| random.next() as u32)),
                _ => {
                    let from = random.below(pixels.len().max(1));
                    let run = from..pixels.len().min(from + length);
                    pixels.extend_from_within(run);
                }
            }
        }
        let bytes = pixels[..count]
            .iter()
            .flat_map(|pixel| pixel.to_le_bytes()[..kind.bytes_per_pixel()].to_vec());
        Self {
            kind,
            width,
            height,
            top_down: seed & 1 == 0,
            pixels: bytes.collect(),
        }
    }

    /// Its rows with `padding` bytes behind each, and their stride.
    pub fn padded(&self, padding: usize) -> (Vec<u8>, usize) {
        let row_len = self.width as usize * self.kind.bytes_per_pixel();
        let mut rows = Vec::new();
        for row in self.pixels.chunks(row_len) {
            rows.extend_from_slice(row);
            rows.resize(rows.len() + padding, 99);
        }
        (rows, row_len + padding)
    }

    pub fn bitmap(&self) -> Bitmap<'_> {
        Bitmap {
            kind: self.kind,
            width: self.width,
            height: self.height,
            stride: self.width as usize * self.kind.bytes_per_pixel(),
            top_down: self.top_down,
            pixels: &self.pixels,
        }
    }

    /// What a decoder makes of it.
    pub fn decoded(&self) -> Vec<u8> {
        let widen = |value: u16| ((value & 31) * 33 / 4) as u8;
        let pixels = self.pixels.chunks(self.kind.bytes_per_pixel());
        pixels
            .flat_map(|pixel| match (self.kind, pixel) {
                (Kind::Rgb16, &[low, high]) => {
                    let value = u16::from_le_bytes([low, high]);
                    [widen(value), widen(value >> 5), widen(value >> 10), 0]
                }
                (Kind::Rgb24, &[b, g, r]) | (Kind::Rgb32, &[b, g, r, _]) => [b, g, r, 0],
                (Kind::Rgba, &[b, g, r, a]) => [b, g, r, a],
                _ => unreachable!("chunks of one pixel"),
            })
            .collect()
    }
}

pub fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Rgb16, Kind::Rgb24, Kind::Rgb32, Kind::Rgba])
}
