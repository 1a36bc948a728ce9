//! Animated PNG: exact, each picture as the rectangle that changed.
//!
//! The number of pictures stands before the first of them: it is filled in at the end.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Film, Pace, rgb, too_large};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// Place of the chunk with the number of pictures: behind the signature and the header.
const CONTROL_AT: u64 = 8 + 25;

/// Bytes of a pixel.
const PIXEL: usize = 3;

/// An animated PNG that goes on for ever.
pub struct Apng<W> {
    file: W,
    pace: Pace,
    pictures: u32,
    /// Number of the next chunk of the animation.
    sequence: u32,
}

impl<W: Write + Seek> Apng<W> {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(mut file: W, size: Size, pace: Pace) -> io::Result<Self> {
        too_large(size, 1 << 15)?;
        file.write_all(b"\x89PNG\r\n\x1a\n")?;
        let mut header = Vec::new();
        header.extend_from_slice(&size.width.to_be_bytes());
        header.extend_from_slice(&size.height.to_be_bytes());
        // Eight bits a component, red, green and blue.
        header.extend_from_slice(&[8, 2, 0, 0, 0]);
        chunk(&mut file, b"IHDR", &header)?;
        let mut film = Self {
            file,
            pace,
            pictures: 0,
            sequence: 0,
        };
        film.control()?;
        Ok(film)
    }

    /// How many pictures there are, shown again and again.
    fn control(&mut self) -> io::Result<()> {
        let mut control = self.pictures.to_be_bytes().to_vec();
        control.extend_from_slice(&0_u32.to_be_bytes());
        chunk(&mut self.file, b"acTL", &control)
    }

    fn picture(&mut self, picture: PixelView<'_>, rect: Rect, millis: u16) -> io::Result<()> {
        let mut control = self.sequence.to_be_bytes().to_vec();
        self.sequence += 1;
        let sides = [
            rect.width(),
            rect.height(),
            rect.left as u32,
            rect.top as u32,
        ];
        sides
            .iter()
            .for_each(|side| control.extend_from_slice(&side.to_be_bytes()));
        control.extend_from_slice(&millis.to_be_bytes());
        control.extend_from_slice(&1000_u16.to_be_bytes());
        // It stays, and replaces what was there.
        control.extend_from_slice(&[0, 0]);
        chunk(&mut self.file, b"fcTL", &control)?;
        let (mut data, name) = match self.pictures {
            0 => (Vec::new(), b"IDAT"),
            _ => {
                self.sequence += 1;
                ((self.sequence - 1).to_be_bytes().to_vec(), b"fdAT")
            }
        };
        deflate(
            &rgb(picture, rect),
            rect.width() as usize * PIXEL,
            &mut data,
        )?;
        self.pictures += 1;
        chunk(&mut self.file, name, &data)
    }
}

impl<W: Write + Seek> Film for Apng<W> {
    fn show(&mut self, picture: PixelView<'_>, changed: Rect, ticks: Range<u64>) -> io::Result<()> {
        let mut left = self.pace.lasts(&ticks, 1000.0);
        let mut rect = changed;
        loop {
            let millis = left.min(u16::MAX.into()) as u16;
            self.picture(picture, rect, millis)?;
            left -= u64::from(millis);
            if left == 0 {
                return Ok(());
            }
            rect = Rect::new(changed.left, changed.top, changed.left + 1, changed.top + 1);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        chunk(&mut self.file, b"IEND", &[])?;
        self.file.seek(SeekFrom::Start(CONTROL_AT))?;
        self.control()?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()
    }
}

/// Length, name, body and check sum.
fn chunk(file: &mut impl Write, name: &[u8; 4], body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(body);
    file.write_all(&length.to_be_bytes())?;
    file.write_all(name)?;
    file.write_all(body)?;
    file.write_all(&crc.sum().to_be_bytes())
}

/// Filters the rows, each by what makes its bytes smallest, and compresses them.
fn deflate(rows: &[u8], stride: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = ZlibEncoder::new(out, Compression::default());
    let mut above = vec![0; stride];
    let mut filtered = vec![0; stride];
    for row in rows.chunks_exact(stride) {
        let best = (0..FILTERS.len()).min_by_key(|filter| {
            filter_row(*filter, row, &above, &mut filtered);
            weight(&filtered)
        });
        let best = best.unwrap_or(0);
        filter_row(best, row, &above, &mut filtered);
        encoder.write_all(&[FILTERS[best]])?;
        encoder.write_all(&filtered)?;
        above.copy_from_slice(row);
    }
    encoder.finish().map(drop)
}

/// Numbers of the filters none, sub, up and Paeth.
const FILTERS: [u8; 4] = [0, 1, 2, 4];

fn filter_row(filter: usize, row: &[u8], above: &[u8], out: &mut [u8]) {
    for (at, out) in out.iter_mut().enumerate() {
        let left = |bytes: &[u8]| at.checked_sub(PIXEL).map_or(0, |at| bytes[at]);
        let predicted = match filter {
            0 => 0,
            1 => left(row),
            2 => above[at],
            _ => paeth(left(row), above[at], left(above)),
        };
        *out = row[at].wrapping_sub(predicted);
    }
}

/// Whichever of the three is nearest to `left + above - corner`; the first of them, in this order.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i32::from);
    let guess = a + b - c;
    let distance = |value: i32| (guess - value).abs();
    match (distance(a), distance(b), distance(c)) {
        (a, b, c) if a <= b && a <= c => left,
        (_, b, c) if b <= c => above,
        _ => corner,
    }
}

/// The bytes as signed numbers, added up without their signs.
fn weight(bytes: &[u8]) -> u64 {
    let sizes = bytes
        .iter()
        .map(|byte| u64::from((*byte as i8).unsigned_abs()));
    sizes.sum()
}
