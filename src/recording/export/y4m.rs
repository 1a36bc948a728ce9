//! YUV4MPEG2: uncompressed video that every encoder reads, also from a pipe.
//!
//! Colours are those of ITU-R BT.601 in limited range, which readers assume where, as here, nothing can be said of it;
//! four pixels share their colour differences, sited in the middle of them (`C420jpeg`). A picture of odd sides gets its
//! last column and row twice.

use std::io::{self, Write};
use std::ops::Range;

use super::{Film, Pace, too_large};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// A stream of pictures.
pub struct Y4m<W> {
    file: W,
    /// Even sides.
    size: Size,
    /// The three planes of a picture, one after the other.
    planes: Vec<u8>,
}

impl<W: Write> Y4m<W> {
    /// Begins the stream.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(mut file: W, size: Size, pace: Pace) -> io::Result<Self> {
        too_large(size, 1 << 15)?;
        let size = Size::new(
            size.width.next_multiple_of(2),
            size.height.next_multiple_of(2),
        );
        let Size { width, height } = size;
        let rate = (pace.a_second() * 1000.0).round() as u32;
        writeln!(
            file,
            "YUV4MPEG2 W{width} H{height} F{rate}:1000 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED"
        )?;
        Ok(Self {
            file,
            size,
            planes: Vec::new(),
        })
    }

    /// Replaces the planes.
    fn convert(&mut self, picture: PixelView<'_>) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        self.planes.clear();
        self.planes.resize(width * height * 3 / 2, 0);
        let (luma, chroma) = self.planes.split_at_mut(width * height);
        let (blue, red) = chroma.split_at_mut(width * height / 4);
        let last = Size::new(picture.size.width - 1, picture.size.height - 1);
        for y in (0..height).step_by(2) {
            let rows = [y, y + 1].map(|y| picture.row((y as u32).min(last.height)));
            for x in (0..width).step_by(2) {
                let mut sum = [0; 3];
                for (down, row) in rows.iter().enumerate() {
                    for across in 0..2 {
                        let at = (x + across).min(last.width as usize) * 4;
                        let [b, g, r] = [row[at], row[at + 1], row[at + 2]].map(i32::from);
                        luma[(y + down) * width + x + across] = luminance(r, g, b);
                        sum = [sum[0] + r, sum[1] + g, sum[2] + b];
                    }
                }
                let at = y / 2 * (width / 2) + x / 2;
                [blue[at], red[at]] = differences(sum);
            }
        }
    }
}

/// 16 to 235: 65.481 R + 128.553 G + 24.966 B of 255, and 16.
fn luminance(r: i32, g: i32, b: i32) -> u8 {
    (16 + ((16_829 * r + 33_039 * g + 6_416 * b + 32_768) >> 16)) as u8
}

/// 16 to 240 around 128, of the sums over four pixels: -37.797 R - 74.203 G + 112 B, and 112 R - 93.786 G - 18.214 B, of 255.
fn differences([r, g, b]: [i32; 3]) -> [u8; 2] {
    let blue = -9_714 * r - 19_070 * g + 28_784 * b;
    let red = 28_784 * r - 24_103 * g - 4_681 * b;
    [blue, red].map(|sum| (128 + ((sum + 131_072) >> 18)) as u8)
}

impl<W: Write> Film for Y4m<W> {
    fn show(&mut self, picture: PixelView<'_>, _: Rect, ticks: Range<u64>) -> io::Result<()> {
        self.convert(picture);
        for _ in ticks {
            self.file.write_all(b"FRAME\n")?;
            self.file.write_all(&self.planes)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_recommendation() {
        // Bars of 100 %, as ITU-R BT.601 has them: Y, Cb, Cr.
        for (rgb, yuv) in [
            ([255, 255, 255], [235, 128, 128]),
            ([255, 255, 0], [210, 16, 146]),
            ([0, 255, 255], [170, 166, 16]),
            ([0, 255, 0], [145, 54, 34]),
            ([255, 0, 255], [106, 202, 222]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 0, 255], [41, 240, 110]),
            ([0, 0, 0], [16, 128, 128]),
        ] {
            let [r, g, b] = rgb;
            let [blue, red] = differences(rgb.map(|c| c * 4));
            assert_eq!([luminance(r, g, b), blue, red], yuv, "{rgb:?}");
        }
    }
}
