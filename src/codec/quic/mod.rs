//! QUIC, a lossless image codec: predicted samples, an adaptive Golomb–Rice code, and an escape for runs.
//!
//! Nothing is left to the encoder's taste: an image has exactly one valid stream. Rows are always coded top row first.
//!
//! A stream is five little-endian words (magic, version, kind, width, height) and then the coded samples. Within a row
//! the colours are coded first, all three of a pixel together, then alpha where there is any. Each of the two is a
//! *lane* with a model of its own; `model` holds what both directions share, `bits` the order of bits in memory.

mod bits;
mod decode;
mod encode;
mod model;

pub use decode::{Decoder, decode};
pub use encode::{Encoder, encode};

use crate::codec::Error;

const MAGIC: u32 = u32::from_le_bytes(*b"QUIC");
const VERSION: u32 = 0;

/// Bytes of the header.
const HEADER_BYTES: usize = 20;

/// What the pixels of a QUIC image are. The numbers are those of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// One byte of brightness. The format has it; the display channel does not use it.
    Gray = 1,
    /// A little-endian word `0RRRRRGGGGGBBBBB`. Bit 15 is not coded and decodes to 0.
    Rgb16 = 2,
    /// Bytes B, G, R.
    Rgb24 = 3,
    /// Bytes B, G, R and one that is not coded and decodes to 0.
    Rgb32 = 4,
    /// Bytes B, G, R, A.
    Rgba = 5,
}

impl Kind {
    /// Bytes of one pixel in memory.
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb16 => 2,
            Self::Rgb24 => 3,
            Self::Rgb32 | Self::Rgba => 4,
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        [
            Self::Gray,
            Self::Rgb16,
            Self::Rgb24,
            Self::Rgb32,
            Self::Rgba,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == number)
    }
}

/// What the first 20 bytes of a stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// What the pixels are.
    pub kind: Kind,
    /// Pixels of a row; 1 to 2³¹ − 1.
    pub width: u32,
    /// Rows; 1 to 2³¹ − 1.
    pub height: u32,
}

impl Header {
    /// Reads the header of a stream. Looks at the first 20 bytes only.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] for fewer bytes; [`Error::BadHeader`] for another magic, version or kind, and for a width
    /// or height of 0 or above 2³¹ − 1.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let (words, _) = data.as_chunks::<4>();
        let &[magic, version, kind, width, height, ..] = words else {
            return Err(Error::Truncated);
        };
        if u32::from_le_bytes(magic) != MAGIC {
            return Err(Error::BadHeader("not a QUIC stream"));
        }
        if u32::from_le_bytes(version) != VERSION {
            return Err(Error::BadHeader("unknown QUIC version"));
        }
        let header = Self {
            kind: Kind::from_number(u32::from_le_bytes(kind))
                .ok_or(Error::BadHeader("unknown QUIC image type"))?,
            width: u32::from_le_bytes(width),
            height: u32::from_le_bytes(height),
        };
        header.check()?;
        Ok(header)
    }

    /// Other implementations read the sizes as signed numbers.
    fn check(&self) -> Result<(), Error> {
        let fine = 1..=i32::MAX as u32;
        if fine.contains(&self.width) && fine.contains(&self.height) {
            Ok(())
        } else {
            Err(Error::BadHeader("width or height is 0 or above 2³¹ − 1"))
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let words = [MAGIC, VERSION, self.kind as u32, self.width, self.height];
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
