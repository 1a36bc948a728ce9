//! From luma and chroma planes to pixels.
//!
//! The fast conversion works on rows of 16-bit numbers, which compilers turn into vector instructions (bench video). The
//! plain version is the test oracle. Chroma is replicated, not interpolated, as the common client's converter does.

use super::Picture;
use crate::codec::Error;

/// A decoded picture as planes of 8-bit samples.
pub(super) struct Planes<'a> {
    /// Columns and rows of the luma plane.
    pub size: (u32, u32),
    /// Y, Cb, Cr.
    pub planes: [&'a [u8]; 3],
    /// Bytes from one row to the next.
    pub strides: [usize; 3],
    /// Whether the chroma planes have half the columns, half the rows; rounded up.
    pub halved: (bool, bool),
    /// What the samples mean.
    pub colours: Colours,
}

/// What samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    pub matrix: Matrix,
    /// Samples use 0 to 255; otherwise luma 16 to 235 and chroma 16 to 240.
    pub full_range: bool,
}

/// How luma is made of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matrix {
    Bt601,
    Bt709,
    #[cfg_attr(
        not(any(feature = "vp9", feature = "h264")),
        allow(dead_code, reason = "only these two codecs can name it")
    )]
    Bt2020,
}

/// Factors of the conversion, in 1/8192 for luma and chroma.
#[derive(Clone, Copy, Debug)]
struct Factors {
    /// Luma of black.
    black: i16,
    luma: i16,
    /// Red of Cr, green of Cb, green of Cr, blue of Cb.
    chroma: [i16; 4],
}

impl Colours {
    /// What streams mean that say nothing: senders pick BT.709 for pictures higher than 576 rows, BT.601 below (the default
    /// of GStreamer, with which the reference server encodes and the common client decodes).
    pub fn by_height(height: u32) -> Self {
        Self {
            matrix: match height {
                0..=576 => Matrix::Bt601,
                _ => Matrix::Bt709,
            },
            full_range: false,
        }
    }

    /// Red of Cr, green of Cb, green of Cr, blue of Cb, for samples from −½ to ½ and colours from 0 to 1.
    fn chroma(self) -> [f64; 4] {
        let (red, blue) = match self.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let green = 1.0 - red - blue;
        let (of_red, of_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
        [
            of_red,
            -of_blue * blue / green,
            -of_red * red / green,
            of_blue,
        ]
    }

    /// Luma of black, and what a step of luma and of chroma is worth in steps of colour.
    fn scale(self) -> (i16, f64, f64) {
        match self.full_range {
            true => (0, 1.0, 1.0),
            false => (16, 255.0 / 219.0, 255.0 / 224.0),
        }
    }

    fn factors(self) -> Factors {
        let (black, luma, chroma) = self.scale();
        // All are below 2.2, so they fit.
        let factor = |f: f64| (f * 8192.0).round() as i16;
        Factors {
            black,
            luma: factor(luma),
            chroma: self.chroma().map(|f| factor(f * chroma)),
        }
    }
}

impl Planes<'_> {
    /// The pixels.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`] when the decoder's planes do not hold what it says.
    pub fn to_picture(&self) -> Result<Picture, Error> {
        let (width, height) = self.size;
        let row_bytes = width as usize * 4;
        let mut pixels = vec![0; row_bytes * height as usize];
        let factors = self.colours.factors();
        let mut wide = [vec![0; width as usize], vec![0; width as usize]];
        for (y, out) in (0..height as usize).zip(pixels.chunks_exact_mut(row_bytes.max(1))) {
            let chroma_row = y >> u32::from(self.halved.1);
            let luma = self.row(0, y, width as usize)?;
            if self.halved.0 {
                let half = width.div_ceil(2) as usize;
                for (plane, wide) in [1, 2].into_iter().zip(&mut wide) {
                    // Two rows share a row of chroma.
                    if !(self.halved.1 && y % 2 == 1) {
                        widen(self.row(plane, chroma_row, half)?, wide);
                    }
                }
                factors.convert(luma, &wide[0], &wide[1], out);
            } else {
                let blue = self.row(1, chroma_row, width as usize)?;
                let red = self.row(2, chroma_row, width as usize)?;
                factors.convert(luma, blue, red, out);
            }
        }
        Ok(Picture {
            width,
            height,
            pixels,
        })
    }

    fn row(&self, plane: usize, y: usize, len: usize) -> Result<&[u8], Error> {
        let start = y * self.strides[plane];
        self.planes[plane]
            .get(start..start + len)
            .ok_or(Error::GaveUp)
    }
}

/// Every sample twice.
fn widen(half: &[u8], wide: &mut [u8]) {
    let (pairs, last) = wide.as_chunks_mut::<2>();
    for (pair, sample) in pairs.iter_mut().zip(half) {
        *pair = [*sample; 2];
    }
    if let ([wide], Some(sample)) = (last, half.last()) {
        *wide = *sample;
    }
}

impl Factors {
    /// Converts one row. Sums are in 1/32 and end on their limits instead of wrapping.
    fn convert(&self, luma: &[u8], blue: &[u8], red: &[u8], out: &mut [u8]) {
        const LANES: usize = 32;
        let (luma, luma_end) = luma.as_chunks::<LANES>();
        let (blue, blue_end) = blue.as_chunks::<LANES>();
        let (red, red_end) = red.as_chunks::<LANES>();
        let (out, out_end) = out.split_at_mut(luma.len() * LANES * 4);
        let (out, _) = out.as_chunks_mut::<{ LANES * 4 }>();
        for (out, ((luma, blue), red)) in out.iter_mut().zip(luma.iter().zip(blue).zip(red)) {
            self.convert_lanes(luma, blue, red, out);
        }
        let mut padded = [[0; LANES]; 3];
        for (padded, end) in padded.iter_mut().zip([luma_end, blue_end, red_end]) {
            padded[..end.len()].copy_from_slice(end);
        }
        let mut pixels = [0; LANES * 4];
        self.convert_lanes(&padded[0], &padded[1], &padded[2], &mut pixels);
        let len = out_end.len();
        out_end.copy_from_slice(&pixels[..len]);
    }

    #[inline(always)]
    fn convert_lanes<const N: usize, const M: usize>(
        &self,
        luma: &[u8; N],
        blue: &[u8; N],
        red: &[u8; N],
        out: &mut [u8; M],
    ) {
        let [red_red, green_blue, green_red, blue_blue] = self.chroma;
        let (luma_factor, black) = (self.luma_doubled(), self.black);
        let mut sums = [[0_i16; N]; 3];
        for i in 0..N {
            // 2⁷ · 2¹⁴ · 2⁻¹⁶ and 2⁸ · 2¹³ · 2⁻¹⁶ are the 2⁵ of the sums' unit; half a unit makes up for what is cut off.
            let y = high((i16::from(luma[i]) - black) << 7, luma_factor) + 17;
            let cb = (i16::from(blue[i]) - 128) << 8;
            let cr = (i16::from(red[i]) - 128) << 8;
            sums[0][i] = y.saturating_add(high(cb, blue_blue));
            sums[1][i] = y
                .saturating_add(high(cb, green_blue))
                .saturating_add(high(cr, green_red));
            sums[2][i] = y.saturating_add(high(cr, red_red));
        }
        let [b, g, r] = sums.map(|sums| sums.map(|sum| (sum >> 5).clamp(0, 255) as u16));
        let (pixels, _) = out.as_chunks_mut::<4>();
        for (i, pixel) in pixels.iter_mut().enumerate().take(N) {
            *pixel = (u32::from(b[i] | g[i] << 8) | u32::from(r[i]) << 16).to_le_bytes();
        }
    }

    /// Luma is shifted by one bit less than chroma, which leaves it room for its whole range.
    #[inline(always)]
    fn luma_doubled(&self) -> i16 {
        // At most 2.33 × 8192.
        self.luma * 2
    }
}

/// The upper half of the product.
#[inline(always)]
fn high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversion as its definition says it.
    fn plain(colours: Colours, luma: u8, blue: u8, red: u8) -> [u8; 3] {
        let (black, step, chroma_step) = colours.scale();
        let [red_red, green_blue, green_red, blue_blue] = colours.chroma();
        let y = (f64::from(luma) - f64::from(black)) * step;
        let cb = (f64::from(blue) - 128.0) * chroma_step;
        let cr = (f64::from(red) - 128.0) * chroma_step;
        [
            y + blue_blue * cb,
            y + green_blue * cb + green_red * cr,
            y + red_red * cr,
        ]
        .map(|colour| colour.round().clamp(0.0, 255.0) as u8)
    }

    #[test]
    fn every_sample_is_converted_within_one_step_of_the_definition() {
        for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
            for full_range in [false, true] {
                let colours = Colours { matrix, full_range };
                let luma: Vec<u8> = (0..=255).collect();
                let mut out = vec![0; 1024];
                for chroma in (0..=u16::MAX).step_by(13) {
                    let [blue, red] = chroma.to_le_bytes();
                    let factors = colours.factors();
                    factors.convert(&luma, &[blue; 256], &[red; 256], &mut out);
                    for (y, pixel) in luma.iter().zip(out.as_chunks::<4>().0) {
                        let expected = plain(colours, *y, blue, red);
                        let near = pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
                        assert!(near, "{colours:?} {y} {blue} {red}: {pixel:?} {expected:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn chroma_is_shared_by_two_columns_and_two_rows_and_an_odd_edge_has_its_own() {
        let planes = Planes {
            size: (3, 3),
            planes: [&[235; 9], &[128, 240, 128, 128], &[128; 4]],
            strides: [3, 2, 2],
            halved: (true, true),
            colours: Colours::by_height(3),
        };
        let picture = planes.to_picture().expect("planes of the right size");
        let blue_of = |x: usize, y: usize| picture.pixels[(y * 3 + x) * 4 + 1];
        assert_eq!(blue_of(0, 0), 255);
        assert_eq!(blue_of(1, 1), 255);
        assert!(
            blue_of(2, 0) < 255 && blue_of(2, 1) < 255,
            "less green where Cb is high"
        );
        assert_eq!(blue_of(2, 2), 255);
    }

    #[test]
    fn planes_that_are_too_short_are_refused() {
        let planes = Planes {
            size: (3, 3),
            planes: [&[235; 9], &[128; 3], &[128; 4]],
            strides: [3, 2, 2],
            halved: (true, true),
            colours: Colours::by_height(3),
        };
        assert_eq!(planes.to_picture(), Err(Error::GaveUp));
    }

    #[test]
    fn streams_that_say_nothing_mean_bt_709_above_576_rows() {
        assert_eq!(Colours::by_height(576).matrix, Matrix::Bt601);
        assert_eq!(Colours::by_height(577).matrix, Matrix::Bt709);
    }
}
