//! A pointer's picture out of the bytes of a cursor message (spec 03 §B4).
//!
//! Colour rows follow each other without padding; COLOR4 rows begin at whole bytes. The mask of the coloured types has
//! one bit a pixel, bit 7 first, and runs on from row to row; some guests fill its rows to whole bytes instead.

use super::Shape;
use super::messages::{CursorHeader, CursorType};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::PixelBuf;

/// Longest side of a shape, pixels: what the reference server's device can hold.
pub const MAX_SIDE: u16 = 1024;

/// The shape that `header` describes, out of the pixels in `data`. Bytes after the last are ignored.
///
/// # Errors
///
/// A clause for the user: the size is not allowed, the type is unknown, or `data` is too short.
pub(super) fn decode(header: &CursorHeader, data: &[u8]) -> Result<Shape, String> {
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&header.width) || !sides.contains(&header.height) {
        return Err(format!(
            "a shape of {}×{} pixels, allowed are 1 to {MAX_SIDE}",
            header.width, header.height
        ));
    }
    let (width, height) = (usize::from(header.width), usize::from(header.height));
    let area = width * height;
    let picture = match header.cursor_type {
        CursorType::Alpha => {
            let (pixels, _) = split(data, area * 4)?;
            Picture::premultiplied(pixels)
        }
        CursorType::Mono => {
            let row = width.div_ceil(8);
            let (and, rest) = split(data, row * height)?;
            let (xor, _) = split(rest, row * height)?;
            let (and, xor) = (Mask::padded(and, row), Mask::padded(xor, row));
            let colors = |x, y| if xor.is_set(x, y) { WHITE } else { BLACK };
            Picture::masked(width, height, &and, colors)
        }
        CursorType::Color4 => {
            let row = width.div_ceil(2);
            let (indices, rest) = split(data, row * height)?;
            let (palette, rest) = split(rest, 16 * 4)?;
            let mask = Mask::new(rest, width, height)?;
            Picture::masked(width, height, &mask, |x, y| {
                let pair = indices[y * row + x / 2];
                let index = if x % 2 == 0 { pair >> 4 } else { pair & 15 };
                bgr(palette, usize::from(index) * 4)
            })
        }
        CursorType::Color8 => {
            let (indices, rest) = split(data, area)?;
            let (palette, rest) = split(rest, 256 * 4)?;
            let mask = Mask::new(rest, width, height)?;
            Picture::masked(width, height, &mask, |x, y| {
                bgr(palette, usize::from(indices[y * width + x]) * 4)
            })
        }
        CursorType::Color16 => {
            let (words, rest) = split(data, area * 2)?;
            let (words, _) = words.as_chunks();
            let mask = Mask::new(rest, width, height)?;
            Picture::masked(width, height, &mask, |x, y| {
                let word = u16::from_le_bytes(words[y * width + x]) & 0x7fff;
                // White under the mask inverts the screen, so it has to be all ones. Elsewhere the reference client
                // leaves the low bits 0.
                if word == 0x7fff && mask.is_set(x, y) {
                    return WHITE;
                }
                [0, 5, 10].map(|shift| ((word >> shift & 0x1f) as u8) << 3)
            })
        }
        CursorType::Color24 => {
            let (pixels, rest) = split(data, area * 3)?;
            let mask = Mask::new(rest, width, height)?;
            Picture::masked(width, height, &mask, |x, y| {
                bgr(pixels, (y * width + x) * 3)
            })
        }
        CursorType::Color32 => {
            let (pixels, rest) = split(data, area * 4)?;
            let mask = Mask::new(rest, width, height)?;
            Picture::masked(width, height, &mask, |x, y| {
                bgr(pixels, (y * width + x) * 4)
            })
        }
        CursorType::Other(n) => return Err(format!("a shape of the unknown type {n}")),
    };
    Ok(Shape {
        size: Size::new(header.width.into(), header.height.into()),
        hot_spot: Point::new(
            header.hot_spot_x.min(header.width).into(),
            header.hot_spot_y.min(header.height).into(),
        ),
        pixels: picture.pixels,
        invert: picture.invert,
    })
}

impl Shape {
    /// Draws it onto a picture of bytes B, G, R, X, so that it points at the pixel `at`. What is outside of the picture is left
    /// out.
    pub fn draw(&self, picture: &mut PixelBuf, at: Point) {
        let origin = Point::new(
            at.x.saturating_sub(self.hot_spot.x),
            at.y.saturating_sub(self.hot_spot.y),
        );
        let part = Rect::at(origin.x, origin.y, self.size).intersect(picture.size.to_rect());
        let stride = picture.stride();
        let (pixels, _) = self.pixels.as_chunks::<4>();
        let place = |y: i32, x: i32| {
            let row = (y - origin.y) as usize * self.size.width as usize;
            row + (x - origin.x) as usize
        };
        for (y, x) in
            (part.top..part.bottom).flat_map(|y| (part.left..part.right).map(move |x| (y, x)))
        {
            let below = y as usize * stride + x as usize * 4;
            let below = picture.data_mut().get_mut(below..below + 3);
            let (Some(below), Some([b, g, r, alpha])) = (below, pixels.get(place(y, x))) else {
                continue;
            };
            let inverts = self.invert.get(place(y, x)) == Some(&1);
            for (below, over) in below.iter_mut().zip([b, g, r]) {
                *below = match inverts {
                    true => *below ^ over,
                    false => mixed(*over, *below, *alpha),
                };
            }
        }
    }
}

/// One colour over another.
fn mixed(over: u8, below: u8, alpha: u8) -> u8 {
    let (over, below, alpha) = (u32::from(over), u32::from(below), u32::from(alpha));
    ((over * alpha + below * (255 - alpha) + 127) / 255) as u8
}

const BLACK: [u8; 3] = [0; 3];
const WHITE: [u8; 3] = [0xff; 3];

/// The first `len` bytes, and the rest.
fn split(data: &[u8], len: usize) -> Result<(&[u8], &[u8]), String> {
    data.split_at_checked(len).ok_or_else(|| {
        let missing = len - data.len();
        format!("the shape's data is too short by {missing}")
    })
}

/// The colour at byte `at`, which is inside `pixels`.
fn bgr(pixels: &[u8], at: usize) -> [u8; 3] {
    [pixels[at], pixels[at + 1], pixels[at + 2]]
}

/// One bit a pixel, bit 7 of a byte first.
struct Mask<'a> {
    bits: &'a [u8],
    /// From one row to the next.
    row_bits: usize,
}

impl<'a> Mask<'a> {
    /// The mask at the end of a coloured shape. Its length tells whether rows are filled to whole bytes.
    fn new(bits: &'a [u8], width: usize, height: usize) -> Result<Self, String> {
        let row = width.div_ceil(8);
        if bits.len() == row * height {
            return Ok(Self::padded(bits, row));
        }
        let (bits, _) = split(bits, (width * height).div_ceil(8))?;
        Ok(Self {
            bits,
            row_bits: width,
        })
    }

    /// A mask whose rows are `row` bytes long.
    fn padded(bits: &'a [u8], row: usize) -> Self {
        Self {
            bits,
            row_bits: row * 8,
        }
    }

    fn is_set(&self, x: usize, y: usize) -> bool {
        let bit = y * self.row_bits + x;
        self.bits[bit / 8] >> (7 - bit % 8) & 1 == 1
    }
}

/// [`Shape::pixels`] and [`Shape::invert`].
struct Picture {
    pixels: Vec<u8>,
    invert: Vec<u8>,
}

impl Picture {
    /// Opaque where the mask is 0. Where it is 1 the colour is XORed with the screen: black changes nothing.
    fn masked(
        width: usize,
        height: usize,
        mask: &Mask<'_>,
        color: impl Fn(usize, usize) -> [u8; 3],
    ) -> Self {
        let mut pixels = Vec::with_capacity(width * height * 4);
        let mut invert = Vec::with_capacity(width * height);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let [b, g, r] = color(x, y);
            let masked = mask.is_set(x, y);
            pixels.extend([b, g, r, if masked { 0 } else { 0xff }]);
            invert.push(u8::from(masked && [b, g, r] != BLACK));
        }
        if !invert.contains(&1) {
            invert.clear();
        }
        Self { pixels, invert }
    }

    /// From bytes B, G, R, A with colours premultiplied, as X11 guests send them and every shape seen from the
    /// reference server is. A colour beyond its alpha counts as equal to it.
    fn premultiplied(pixels: &[u8]) -> Self {
        let straight = |color: u8, alpha: u8| match u32::from(alpha) {
            0 => 0,
            a => ((u32::from(color.min(alpha)) * 255 + a / 2) / a) as u8,
        };
        let (pixels, _) = pixels.as_chunks();
        let pixels = pixels
            .iter()
            .flat_map(|&[b, g, r, a]| [straight(b, a), straight(g, a), straight(r, a), a])
            .collect();
        Self {
            pixels,
            invert: Vec::new(),
        }
    }
}
