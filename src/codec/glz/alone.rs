//! Images that refer to no other: how a window is handed on to somebody whose window is empty.

use super::window::Image;
use super::{Header, Kind, Window};

/// Literals that one token announces at most.
const MOST_LITERALS: usize = 32;

/// Longest side of an image.
const MAX_SIDE: usize = 32767;

/// An image of a window, coded without references, and its size. One that was given up is a pixel of black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The stream.
    pub stream: Vec<u8>,
}

impl Window {
    /// The images of the window as streams, lowest id first: a decoder with an empty window whose frontier is not known
    /// ends with the same window. The pixels of each are in their order, but its shape may be another one.
    pub fn alone(&self) -> impl Iterator<Item = Alone> {
        let first = self.images.front().map_or(0, |image| image.id);
        // Nothing before the first one will come.
        self.images
            .iter()
            .map(move |image| alone(image, image.head.max(first)))
    }
}

fn alone(image: &Image, head: u64) -> Alone {
    let black = [[0; 4]];
    let pixels = match image.pixels() {
        [] => &black,
        pixels => pixels,
    };
    let (width, height) = shape(pixels.len());
    let mut stream = Vec::with_capacity(pixels.len() * 4 + 64);
    Header {
        kind: image.kind,
        width,
        height,
        stride: width * image.kind.bytes_per_pixel() as u32,
        top_down: true,
        id: image.id,
        head_distance: u32::try_from(image.id - head).unwrap_or(0),
    }
    .write(&mut stream);
    for run in pixels.chunks(MOST_LITERALS) {
        stream.push(run.len() as u8 - 1);
        for [b, g, r, _] in run {
            match image.kind {
                Kind::Rgb16 => {
                    let word = u16::from(r >> 3) << 10 | u16::from(g >> 3) << 5 | u16::from(b >> 3);
                    stream.extend(word.to_be_bytes());
                }
                _ => stream.extend([*b, *g, *r]),
            }
        }
    }
    if image.kind == Kind::Rgba {
        for run in pixels.chunks(MOST_LITERALS) {
            stream.push(run.len() as u8 - 1);
            stream.extend(run.iter().map(|[.., alpha]| *alpha));
        }
    }
    Alone {
        width,
        height,
        stream,
    }
}

/// A width and height of so many pixels. There is one: they were an image.
fn shape(count: usize) -> (u32, u32) {
    let fits = |height: &usize| count.is_multiple_of(*height) && count / height <= MAX_SIDE;
    let least = count.div_ceil(MAX_SIDE).max(1);
    let height = (least..=MAX_SIDE).find(fits).unwrap_or(1);
    ((count / height) as u32, height as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;
    use crate::codec::glz::{Bitmap, Encoder, decode};

    #[test]
    fn an_empty_window_is_filled_with_the_images_of_another_and_goes_on() {
        let mut encoder = Encoder::resume(4096, 70_000_000).unwrap();
        let mut encode = |seed: u8, kind| {
            let pixels: Vec<u8> = (0..12 * 9 * 4)
                .map(|n| (n as u8 / 16).wrapping_mul(seed))
                .collect();
            let mut stream = Vec::new();
            let bitmap = Bitmap {
                kind,
                width: 12,
                height: 9,
                stride: 12 * kind.bytes_per_pixel(),
                top_down: true,
                pixels: &pixels,
            };
            encoder.encode(&bitmap, &mut stream).unwrap();
            stream
        };
        let mut old = Window::new(4096);
        old.clear_for_migration();
        for (seed, kind) in [
            (1, Kind::Rgb32),
            (2, Kind::Rgba),
            (3, Kind::Rgb16),
            (1, Kind::Rgb24),
        ] {
            let stream = encode(seed, kind);
            decode(&stream, &Limits::default(), &mut old, &mut Vec::new()).unwrap();
        }
        let mut new = Window::new(4096);
        new.clear_for_migration();
        for image in old.alone() {
            decode(&image.stream, &Limits::default(), &mut new, &mut Vec::new()).unwrap();
        }
        assert_eq!(
            (new.frontier(), new.images()),
            (old.frontier(), old.images())
        );
        let next = encode(1, Kind::Rgb32);
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        decode(&next, &Limits::default(), &mut old, &mut expected).unwrap();
        decode(&next, &Limits::default(), &mut new, &mut found).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_number_of_pixels_that_an_image_can_have_has_a_shape() {
        for count in [1, 7, 32767, 32768, 65521, 1920 * 1080, 32749 * 3] {
            let (width, height) = shape(count);
            if count != 65521 {
                // A prime above the longest side is no image.
                assert!(width <= 32767 && height <= 32767, "{count}");
            }
            assert_eq!(width as usize * height as usize, count);
        }
    }
}
