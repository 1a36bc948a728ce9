//! Screens as pictures: read from what peers write, compared byte for byte.

use std::path::Path;

/// A picture in colour.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes R, G, B of each pixel, top row first, no padding.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Reads a binary PPM of 8 bits a colour, as QEMU and the GTK client write it.
    pub fn from_ppm(bytes: &[u8]) -> Self {
        let mut words = bytes
            .split_inclusive(|b| b.is_ascii_whitespace())
            .scan(0, |at, word| {
                *at += word.len();
                Some((*at, word.trim_ascii_end()))
            });
        let mut word = || words.next().expect("a PPM header of four words");
        assert_eq!(word().1, b"P6", "a binary PPM");
        let mut number = || {
            let (end, digits) = word();
            let digits = std::str::from_utf8(digits).expect("a decimal number");
            (end, digits.parse::<u32>().expect("a decimal number"))
        };
        let (width, height, (end, most)) = (number().1, number().1, number());
        assert_eq!(most, 255, "8 bits a colour");
        Self::from_rgb(width, height, bytes[end..].to_vec())
    }

    /// The middle of it, so large, with each pixel `times` as large both ways.
    pub fn middle(&self, (width, height): (u32, u32), times: u32) -> Self {
        let (left, top) = ((self.width - width) / 2, (self.height - height) / 2);
        let places = (0..height * times).flat_map(|y| (0..width * times).map(move |x| (x, y)));
        let pixels = places.flat_map(|(x, y)| self.pixel(left + x / times, top + y / times));
        Self::from_rgb(width * times, height * times, pixels.collect())
    }

    /// Reads a PNG.
    pub fn from_png(bytes: &[u8]) -> Self {
        let picture = image::load_from_memory(bytes)
            .expect("a PNG that can be read")
            .into_rgb8();
        Self::from_rgb(picture.width(), picture.height(), picture.into_raw())
    }

    /// Reads a window dump of the X server: a header of big-endian words, colours, then rows of 32-bit
    /// little-endian pixels.
    pub fn from_xwd(bytes: &[u8]) -> Self {
        let word = |index: usize| {
            let bytes = bytes[4 * index..][..4].try_into().expect("four bytes");
            u32::from_be_bytes(bytes)
        };
        let (header, version, width, height) = (word(0), word(1), word(4), word(5));
        let (byte_order, bits, row, colours) = (word(7), word(11), word(12), word(19));
        assert_eq!(
            (version, byte_order, bits),
            (7, 0, 32),
            "a window dump of version 7, little endian, 32 bits a pixel"
        );
        let start = header as usize + 12 * colours as usize;
        let rgb = bytes[start..]
            .chunks_exact(row as usize)
            .take(height as usize)
            .flat_map(|row| row[..4 * width as usize].chunks_exact(4))
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        Self::from_rgb(width, height, rgb)
    }

    /// A picture of packed bytes R, G, B.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        assert_eq!(
            rgb.len(),
            3 * width as usize * height as usize,
            "as many bytes as {width}x{height} pixels"
        );
        Self { width, height, rgb }
    }

    /// Bytes R, G, B of a pixel.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = 3 * (y as usize * self.width as usize + x as usize);
        self.rgb[at..at + 3].try_into().expect("three bytes")
    }

    /// Whether all pixels are alike.
    pub fn is_blank(&self) -> bool {
        self.rgb.chunks_exact(3).all(|p| p == &self.rgb[..3])
    }

    /// Whether this has the size of `other` and no colour differs by more than `tolerance`.
    pub fn is_within(&self, tolerance: u8, other: &Self) -> bool {
        let colours = || self.rgb.iter().zip(&other.rgb);
        (self.width, self.height) == (other.width, other.height)
            && colours().all(|(a, b)| a.abs_diff(*b) <= tolerance)
    }

    /// Peak signal-to-noise ratio of this and a picture of the same size, decibels; without end where they are the same.
    pub fn likeness(&self, other: &Self) -> f64 {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
        let error: f64 = self.rgb.iter().zip(&other.rgb).map(square).sum();
        10.0 * (255.0 * 255.0 * self.rgb.len() as f64 / error).log10()
    }

    /// The part whose corner is at `x`, `y`.
    pub fn part(&self, (x, y): (u32, u32), (width, height): (u32, u32)) -> Self {
        let pixels = (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| self.pixel(x, y)).collect();
        Self::from_rgb(width, height, rgb)
    }

    /// Where this differs from `other`, in a sentence; `None` when the two are the same, byte for byte.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if (self.width, self.height) != (other.width, other.height) {
            return Some(format!(
                "{}x{} is not {}x{}",
                self.width, self.height, other.width, other.height
            ));
        }
        let mut places = (0..self.height)
            .flat_map(|y| (0..self.width).map(move |x| (x, y)))
            .filter(|&(x, y)| self.pixel(x, y) != other.pixel(x, y));
        let (x, y) = places.next()?;
        let (mut left, mut right, mut bottom, mut count) = (x, x, y, 1);
        for (x, y) in places {
            (left, right, bottom) = (left.min(x), right.max(x), y);
            count += 1;
        }
        Some(format!(
            "{count} of {} pixels differ, in columns {left} to {right} and rows {y} to {bottom}; \
             the first at ({x}, {y}) is {:02x?}, not {:02x?}",
            self.width * self.height,
            self.pixel(x, y),
            other.pixel(x, y)
        ))
    }

    /// Writes a PNG.
    pub fn write_png(&self, path: &Path) {
        image::save_buffer(
            path,
            &self.rgb,
            self.width,
            self.height,
            image::ExtendedColorType::Rgb8,
        )
        .expect("the folder of test output is writable");
    }
}

/// Fails unless `actual` is `expected`, byte for byte; both are then kept beside the test's output under `name`.
pub fn assert_same(name: &str, actual: &Picture, expected: &Picture) {
    if let Some(difference) = actual.difference(expected) {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let [got, wanted] = ["actual", "expected"]
            .map(|which| place.join(format!("{}-{which}.png", name.replace([' ', '/'], "-"))));
        actual.write_png(&got);
        expected.write_png(&wanted);
        panic!(
            "{name}: {difference}\n  {}\n  {}",
            got.display(),
            wanted.display()
        );
    }
}
