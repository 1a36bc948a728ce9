//! Animated WebP without loss: each picture as the rectangle that changed, which begins at an even place.
//!
//! The `image-webp` crate compresses stills; the frames around them are written here (RIFF with VP8X, ANIM and ANMF, as
//! the WebP container specification has them).

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use image_webp::{ColorType, WebPEncoder};

use super::{Film, Pace, rgb, too_large};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// Longest side.
const MOST: u32 = 1 << 14;

/// Longest duration, milliseconds: 24 bits.
const LONGEST: u64 = (1 << 24) - 1;

/// A frame replaces what was there, and stays.
const REPLACES: u8 = 2;

/// An animated WebP that goes on for ever.
pub struct Webp<W> {
    file: W,
    pace: Pace,
    /// Bytes behind the first eight.
    bytes: u64,
}

impl<W: Write + Seek> Webp<W> {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or pictures are that large.
    pub fn new(file: W, size: Size, pace: Pace) -> io::Result<Self> {
        too_large(size, MOST)?;
        let mut film = Self {
            file,
            pace,
            bytes: 4,
        };
        // The length is filled in at the end.
        film.file.write_all(b"RIFF\0\0\0\0WEBP")?;
        // An animation, with nothing else.
        let mut extended = vec![2, 0, 0, 0];
        extended.extend_from_slice(&three(size.width - 1));
        extended.extend_from_slice(&three(size.height - 1));
        film.chunk(b"VP8X", &extended)?;
        // A black background; no end.
        film.chunk(b"ANIM", &[0, 0, 0, 0xff, 0, 0])?;
        Ok(film)
    }

    fn chunk(&mut self, name: &[u8; 4], body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        self.file.write_all(name)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(body)?;
        self.bytes += 8 + u64::from(length);
        if length % 2 == 1 {
            self.file.write_all(&[0])?;
            self.bytes += 1;
        }
        Ok(())
    }

    fn picture(&mut self, picture: PixelView<'_>, rect: Rect, millis: u64) -> io::Result<()> {
        let mut still = Vec::new();
        let encoder = WebPEncoder::new(&mut still);
        encoder
            .encode(
                &rgb(picture, rect),
                rect.width(),
                rect.height(),
                ColorType::Rgb8,
            )
            .map_err(|error| io::Error::other(error.to_string()))?;
        let mut frame = Vec::with_capacity(still.len() + 16);
        frame.extend_from_slice(&three(rect.left as u32 / 2));
        frame.extend_from_slice(&three(rect.top as u32 / 2));
        frame.extend_from_slice(&three(rect.width() - 1));
        frame.extend_from_slice(&three(rect.height() - 1));
        frame.extend_from_slice(&three(millis as u32));
        frame.push(REPLACES);
        // Behind RIFF, length and WEBP comes the chunk of the picture.
        frame.extend_from_slice(still.get(12..).unwrap_or_default());
        self.chunk(b"ANMF", &frame)
    }
}

impl<W: Write + Seek> Film for Webp<W> {
    fn show(&mut self, picture: PixelView<'_>, changed: Rect, ticks: Range<u64>) -> io::Result<()> {
        let mut left = self.pace.lasts(&ticks, 1000.0);
        // Rectangles begin at even places.
        let mut rect = Rect::new(
            changed.left & !1,
            changed.top & !1,
            changed.right,
            changed.bottom,
        );
        loop {
            let millis = left.min(LONGEST);
            self.picture(picture, rect, millis)?;
            left -= millis;
            if left == 0 {
                return Ok(());
            }
            rect = Rect::new(rect.left, rect.top, rect.left + 1, rect.top + 1);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.bytes);
        let length = length.map_err(|_| io::Error::other("a WebP file ends at 4 GiB"))?;
        self.file.seek(SeekFrom::Start(4))?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()
    }
}

/// The lower three bytes, little-endian.
fn three(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}
