//! GLZ: LZ whose history spans the images of a session.
//!
//! A match may copy from the image being decoded or from any earlier image that is still in the [`Window`]. The window
//! belongs to the session, not to a channel: all display channels that announced the same dictionary share it.
//!
//! ```text
//! offset  type    field (big-endian)
//!  0      u32     magic 0x20205a4c
//!  4      u32     version 0x00010001
//!  8      u8      bits 0–3 pixel kind, bits 4–7 not 0: top row first
//!  9      u32     width
//! 13      u32     height
//! 17      u32     bytes of one row of the source
//! 21      u64     id of this image
//! 29      u32     head distance: id − head distance is the oldest image this one or a later one may refer to
//! 33      …       tokens; for RGBA those of the colours, then those of the alpha
//! ```

mod alone;
mod decode;
mod encode;
mod search;
mod token;
mod window;

pub use alone::Alone;
pub use decode::{decode, decode_shared};
pub use encode::{Bitmap, Encoder};
pub use window::{Pixels, Window};

use super::Error;

/// Bytes of the header in front of the tokens.
pub const HEADER_LEN: usize = 33;

/// Most pixels the format can address in one image: positions have 25 bits.
pub const MAX_PIXELS: u64 = 1 << 25;

/// Farthest id a match can name, counted back from the image that refers.
pub const MAX_DISTANCE: u64 = 0xff_ffff;

const MAGIC: u32 = 0x2020_5a4c;
const VERSION: u32 = 0x0001_0001;

/// What the pixels of a GLZ stream are; the numbers of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `0RRRRRGGGGGBBBBB`, two bytes a pixel: high byte first in the stream, little-endian in a bitmap.
    Rgb16 = 6,
    /// Bytes B, G, R.
    Rgb24 = 7,
    /// Bytes B, G, R and one that means nothing.
    Rgb32 = 8,
    /// Bytes B, G, R, A.
    Rgba = 9,
}

impl Kind {
    /// Bytes of one pixel in a bitmap of this kind.
    pub fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Rgb16 => 2,
            Self::Rgb24 => 3,
            Self::Rgb32 | Self::Rgba => 4,
        }
    }

    fn from_wire(number: u8) -> Option<Self> {
        Some(match number {
            6 => Self::Rgb16,
            7 => Self::Rgb24,
            8 => Self::Rgb32,
            9 => Self::Rgba,
            _ => return None,
        })
    }
}

/// The header of one GLZ stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the pixels were before they were coded.
    pub kind: Kind,
    /// Pixels of one row; never 0.
    pub width: u32,
    /// Rows; never 0.
    pub height: u32,
    /// Bytes of one row of the bitmap the sender had, as it says; nothing depends on it.
    pub stride: u32,
    /// Whether the first coded row is the top one.
    pub top_down: bool,
    /// Number of this image in its session, in the order of encoding over all channels.
    pub id: u64,
    /// `id − head_distance` is the oldest image that this image or a later one may refer to; never more than `id`.
    pub head_distance: u32,
}

impl Header {
    /// Reads the header at the start of a GLZ stream.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] for fewer than [`HEADER_LEN`] bytes, [`Error::BadHeader`] for anything a GLZ image cannot be.
    /// The size is compared with nothing yet.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; HEADER_LEN] = data.first_chunk().ok_or(Error::Truncated)?;
        let be32 = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if be32(0) != MAGIC {
            return Err(Error::BadHeader("not a GLZ stream"));
        }
        if be32(4) != VERSION {
            return Err(Error::BadHeader("unknown GLZ version"));
        }
        let header = Self {
            kind: Kind::from_wire(bytes[8] & 0x0f)
                .ok_or(Error::BadHeader("not a pixel kind GLZ can carry"))?,
            width: be32(9),
            height: be32(13),
            stride: be32(17),
            top_down: bytes[8] >> 4 != 0,
            id: u64::from(be32(21)) << 32 | u64::from(be32(25)),
            head_distance: be32(29),
        };
        if header.width == 0 || header.height == 0 {
            return Err(Error::BadHeader("width or height is 0"));
        }
        if u64::from(header.head_distance) > header.id {
            return Err(Error::BadHeader("the window begins before the first image"));
        }
        Ok(header)
    }

    /// Appends the header as it stands at the start of a stream.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC.to_be_bytes());
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.push(self.kind as u8 | if self.top_down { 0x10 } else { 0 });
        out.extend_from_slice(&self.width.to_be_bytes());
        out.extend_from_slice(&self.height.to_be_bytes());
        out.extend_from_slice(&self.stride.to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.head_distance.to_be_bytes());
    }

    /// Id of the oldest image that this one or a later one may refer to.
    pub fn head(&self) -> u64 {
        self.id.saturating_sub(u64::from(self.head_distance))
    }
}
