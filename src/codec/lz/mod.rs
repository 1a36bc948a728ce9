//! LZ, a lossless image codec: literal pixels, and references to pixels of the same image further back.
//!
//! A stream is seven big-endian words (magic, version, type, width, height, stride, orientation) and then tokens. A token
//! is a run of up to 32 literal *elements* or a match, which repeats elements that came before. An element is a pixel, or
//! a byte of packed palette indices. RGBA images are two streams of tokens, first the colours, then alpha.
//!
//! The rows are coded in the order they have in the memory of the sender; the orientation says which one is the top row.
//!
//! Protocol: spec 08b.

mod decode;
mod encode;

pub use decode::{decode, decode_alpha_into};
pub use encode::{Encoder, encode};

use super::{Error, palette::Indices};

/// Bytes of the header.
const HEADER_BYTES: usize = 28;
const MAGIC: u32 = u32::from_be_bytes(*b"  ZL");
const VERSION: u32 = 0x0001_0001;

/// Elements of the longest run of literals. Greater first bytes of a token than this allows are those of matches.
const MOST_LITERALS: usize = 32;

/// Far distances are those from here on; they are counted from here.
const FAR: usize = 8192;

/// What the pixels of an LZ image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Packed palette indices. The palette is not part of the stream.
    Plt(Indices),
    /// A little-endian word `xRRRRRGGGGGBBBBB`. Bit 15 has no meaning.
    Rgb16,
    /// Bytes B, G, R.
    Rgb24,
    /// Bytes B, G, R and one that is not coded and decodes to 0.
    Rgb32,
    /// Bytes B, G, R, A.
    Rgba,
    /// Four bytes of which only the last, alpha, is coded: the companion of a picture that has the colours.
    Xxxa,
    /// One byte of alpha.
    A8,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Plt(Indices::OneBitLe),
        Self::Plt(Indices::OneBitBe),
        Self::Plt(Indices::FourBitLe),
        Self::Plt(Indices::FourBitBe),
        Self::Plt(Indices::EightBit),
        Self::Rgb16,
        Self::Rgb24,
        Self::Rgb32,
        Self::Rgba,
        Self::Xxxa,
        Self::A8,
    ];

    /// How the indices are packed, if it is a palette image.
    pub const fn indices(self) -> Option<Indices> {
        match self {
            Self::Plt(indices) => Some(indices),
            _ => None,
        }
    }

    /// The type number in the header, 1 to 11.
    pub const fn number(self) -> u32 {
        match self {
            Self::Plt(Indices::OneBitLe) => 1,
            Self::Plt(Indices::OneBitBe) => 2,
            Self::Plt(Indices::FourBitLe) => 3,
            Self::Plt(Indices::FourBitBe) => 4,
            Self::Plt(Indices::EightBit) => 5,
            Self::Rgb16 => 6,
            Self::Rgb24 => 7,
            Self::Rgb32 => 8,
            Self::Rgba => 9,
            Self::Xxxa => 10,
            Self::A8 => 11,
        }
    }

    /// The kind with this type number, if there is one.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Bytes of a row of `width` pixels without padding. This is the only stride that a header may have.
    pub const fn row_bytes(self, width: u32) -> u64 {
        match self {
            Self::Plt(indices) => indices.row_bytes(width) as u64,
            Self::A8 => width as u64,
            Self::Rgb16 => width as u64 * 2,
            Self::Rgb24 => width as u64 * 3,
            Self::Rgb32 | Self::Rgba | Self::Xxxa => width as u64 * 4,
        }
    }
}

/// What the first 28 bytes of a stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// What the pixels are.
    pub kind: Kind,
    /// Pixels of a row; 1 to 2³¹ − 1.
    pub width: u32,
    /// Rows; 1 to 2³¹ − 1.
    pub height: u32,
    /// Bytes of a row: always [`Kind::row_bytes`], and below 2³¹.
    pub stride: u32,
    /// Whether the first row of the stream is the top row of the picture. Otherwise it is the bottom row.
    pub top_down: bool,
}

impl Header {
    /// The header of an image without padding.
    fn new(kind: Kind, width: u32, height: u32, top_down: bool) -> Result<Self, Error> {
        let most = i32::MAX as u32;
        let row_bytes = kind.row_bytes(width);
        if width == 0 || height == 0 {
            return Err(Error::BadHeader("width or height is 0"));
        }
        match u32::try_from(row_bytes) {
            Ok(stride) if width.max(height).max(stride) <= most => Ok(Self {
                kind,
                width,
                height,
                stride,
                top_down,
            }),
            _ => Err(Error::BadHeader("a size is above 2³¹ − 1")),
        }
    }

    /// Reads the header of a stream. Looks at the first 28 bytes only.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] for fewer bytes; [`Error::BadHeader`] for another magic, version or type, for sizes of 0 or
    /// above 2³¹ − 1, and for a stride that is not exactly one row.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let words = data.first_chunk::<HEADER_BYTES>().ok_or(Error::Truncated)?;
        let (words, _) = words.as_chunks();
        let word = |i: usize| u32::from_be_bytes(words[i]);
        if word(0) != MAGIC {
            return Err(Error::BadHeader("not an LZ stream"));
        }
        if word(1) != VERSION {
            return Err(Error::BadHeader("unknown LZ version"));
        }
        let kind = Kind::from_number(word(2)).ok_or(Error::BadHeader("unknown LZ image type"))?;
        let header = Self::new(kind, word(3), word(4), word(6) != 0)?;
        if header.stride != word(5) {
            return Err(Error::BadHeader("the stride is not one row of pixels"));
        }
        Ok(header)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let words = [
            MAGIC,
            VERSION,
            self.kind.number(),
            self.width,
            self.height,
            self.stride,
            u32::from(self.top_down),
        ];
        out.extend(words.into_iter().flat_map(u32::to_be_bytes));
    }
}
