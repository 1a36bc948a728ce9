//! LZ4 images: a bitmap in storage order, as one or more LZ4 blocks with one history.
//!
//! ```text
//! offset  type     field
//! 0       u8       not 0: top row first (writers use 1)
//! 1       u8       bitmap format
//! 2       …        blocks: u32 big-endian length, then a raw LZ4 block of that length
//! ```
//!
//! Width and height come from whoever carries the image. The blocks decode, one behind the other, to rows without
//! padding; each may refer to the last 64 KiB of what came before it.

use super::{Error, Limits};

/// What stands in front of the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether the first row is the top one.
    pub top_down: bool,
    /// The bitmap format, one of 6 … 10: 16 bits (0RRRRRGGGGGBBBBB, little-endian), 24 bits (bytes B, G, R), 32 bits (and
    /// a fourth byte that means nothing), RGBA, or alpha alone.
    pub format: u8,
}

impl Header {
    /// Reads the two bytes in front of the blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`]; [`Error::BadHeader`] for a format that LZ4 images do not have.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let &[orientation, format, ..] = data else {
            return Err(Error::Truncated);
        };
        bytes_per_pixel(format).ok_or(Error::BadHeader("not a bitmap format LZ4 can carry"))?;
        Ok(Self {
            top_down: orientation != 0,
            format,
        })
    }

    /// Bytes of one pixel.
    pub fn bytes_per_pixel(&self) -> usize {
        bytes_per_pixel(self.format).unwrap_or(4)
    }
}

fn bytes_per_pixel(format: u8) -> Option<usize> {
    Some(match format {
        6 => 2,
        7 => 3,
        8 | 9 => 4,
        // Alpha alone is produced by the reference server and refused by the reference client.
        10 => 1,
        _ => return None,
    })
}

/// Decodes an LZ4 image of `width` × `height` pixels.
///
/// Appends the rows to `out`, without padding and in storage order, in the format of the returned header. The fourth byte
/// of 32-bit pixels is what the sender left there.
///
/// # Errors
///
/// Those of [`Header::parse`] and [`Limits::check`], before anything is allocated; [`Error::Truncated`] if the blocks end
/// before the picture is complete; [`Error::Corrupt`] for a block that is empty, damaged, or more than the picture.
/// `out` is then as it was.
pub fn decode(
    data: &[u8],
    width: u32,
    height: u32,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<Header, Error> {
    let header = Header::parse(data)?;
    let pixels = limits.check(width, height)?;
    let len = pixels.saturating_mul(header.bytes_per_pixel());
    // No byte of an LZ4 block yields more than 255, so this one cannot be complete.
    if data.len() < len / 256 {
        return Err(Error::Truncated);
    }
    let start = out.len();
    out.resize(start + len, 0);
    let result = blocks(data, &mut out[start..]);
    if result.is_err() {
        out.truncate(start);
    }
    result.map(|()| header)
}

fn blocks(data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let mut at = 2;
    let mut done = 0;
    while at < data.len() {
        let corrupt = |what| Error::Corrupt { at, what };
        let (len, rest) = data[at..].split_first_chunk().ok_or(Error::Truncated)?;
        let len = u32::from_be_bytes(*len) as usize;
        if len == 0 {
            return Err(corrupt("empty LZ4 block"));
        }
        let block = rest.get(..len).ok_or(Error::Truncated)?;
        let (history, room) = out.split_at_mut(done);
        let written = match history.len() {
            0 => lz4_flex::block::decompress_into(block, room),
            known => {
                let history = &history[known.saturating_sub(HISTORY)..];
                lz4_flex::block::decompress_into_with_dict(block, room, history)
            }
        };
        match written {
            Ok(0) => return Err(corrupt("LZ4 block without content")),
            Ok(written) => done += written,
            Err(_) => return Err(corrupt("damaged LZ4 block")),
        }
        at += 4 + len;
    }
    if done < out.len() {
        return Err(Error::Truncated);
    }
    Ok(())
}

/// Encodes a bitmap as one block and appends it to `out`.
///
/// `format` is 6 … 9 as in [`Header::format`]; `stride` is the number of bytes from one row to the next, and what is in a
/// row beyond `width` pixels is not coded.
///
/// # Errors
///
/// [`Error::BadHeader`] for another format, a bitmap without pixels, or rows that overlap; [`Error::Truncated`] if
/// `pixels` is too short; [`Error::TooLarge`] beyond the default limit. `out` is then as it was.
pub fn encode(
    format: u8,
    top_down: bool,
    width: u32,
    height: u32,
    stride: usize,
    pixels: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    Limits::default().check(width, height)?;
    // Alpha alone is for LZ: the reference client refuses it here.
    let bytes_per_pixel = bytes_per_pixel(format).filter(|_| format != 10);
    let bytes_per_pixel =
        bytes_per_pixel.ok_or(Error::BadHeader("not a bitmap format LZ4 can carry"))?;
    let row_len = width as usize * bytes_per_pixel;
    if stride < row_len {
        return Err(Error::BadHeader("the rows overlap"));
    }
    let len = stride.checked_mul(height as usize - 1);
    let len = len.and_then(|len| len.checked_add(row_len));
    let pixels = len.and_then(|len| pixels.get(..len));
    let pixels = pixels.ok_or(Error::Truncated)?;

    out.extend_from_slice(&[u8::from(top_down), format]);
    if stride == row_len {
        block(pixels, out);
    } else {
        let rows: Vec<_> = pixels.chunks(stride).map(|row| &row[..row_len]).collect();
        block(&rows.concat(), out);
    }
    Ok(())
}

fn block(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let most = lz4_flex::block::get_maximum_output_size(bytes.len());
    out.resize(start + 4 + most, 0);
    let written = lz4_flex::block::compress_into(bytes, &mut out[start + 4..]);
    let written = written.expect("the room is the most the block can need");
    out.truncate(start + 4 + written);
    out[start..start + 4].copy_from_slice(&(written as u32).to_be_bytes());
}

/// How far back a match can reach.
const HISTORY: usize = 1 << 16;
