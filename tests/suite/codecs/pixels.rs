//! Pictures for property tests.

use proptest::prelude::*;

use crate::support::pictures::Random;

/// Pixels out of so many colours, each again so many times on average; some rows are like the one above.
#[derive(Clone, Debug)]
pub struct Content {
    seed: u64,
    colours: usize,
    length: usize,
    repeats_rows: bool,
}

pub fn content() -> impl Strategy<Value = Content> {
    let colours = proptest::sample::select(vec![1, 2, 3, 20, 300]);
    let length = proptest::sample::select(vec![1, 2, 5, 40]);
    (any::<u64>(), colours, length, any::<bool>()).prop_map(
        |(seed, colours, length, repeats_rows)| Content {
            seed,
            colours,
            length,
            repeats_rows,
        },
    )
}

impl Content {
    /// Rows of `width` pixels, `stride` bytes apart, the last one without padding.
    pub fn rows(&self, bytes: usize, width: u32, height: u32, stride: usize) -> Vec<u8> {
        let mut random = Random(self.seed);
        let palette: Vec<u64> = (0..self.colours).map(|_| random.next()).collect();
        let mut rows = Vec::new();
        let mut colour = palette[0];
        for y in 0..height as usize {
            if y > 0 && self.repeats_rows && random.below(2) == 0 {
                rows.extend_from_within((y - 1) * stride..);
                continue;
            }
            for _ in 0..width {
                if random.below(self.length) == 0 {
                    colour = palette[random.below(self.colours)];
                }
                rows.extend_from_slice(&colour.to_le_bytes()[..bytes]);
            }
            let padding = stride - width as usize * bytes;
            rows.extend((0..padding).map(|_| random.next() as u8));
        }
        rows.truncate(stride * (height as usize - 1) + width as usize * bytes);
        rows
    }
}

pub fn without_padding(rows: &[u8], row_bytes: usize, stride: usize) -> Vec<u8> {
    let rows = rows.chunks(stride);
    rows.flat_map(|row| &row[..row_bytes]).copied().collect()
}
