//! Image codecs, usable on their own: slices in, pixels out.
//!
//! A codec knows bytes and the vocabulary of this file, nothing about SPICE messages. Each `decode` appends pixels to a
//! `Vec` the caller owns, so that a warm caller allocates nothing.
//!
//! ```
//! use capsaicin::codec::{Limits, quic};
//!
//! // A header of five little-endian words, and the samples: 2 × 2 pixels of 32 bits.
//! let stream = [
//!     b'Q', b'U', b'I', b'C', 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, //
//!     0x86, 0x82, 0x84, 0x86, 0x8f, 0x88, 0x86, 0x86, 0x0e, 0x35, 0, 0, 0, 0, 0, 0,
//! ];
//! let mut pixels = Vec::new();
//! let header = quic::decode(&stream, &Limits::announced(2, 2), &mut pixels)?;
//!
//! assert_eq!(header.kind, quic::Kind::Rgb32);
//! // Bytes B, G, R, 0, the top row first.
//! assert_eq!(pixels[..8], [1, 2, 3, 0, 4, 5, 6, 0]);
//! assert_eq!(pixels[8..], [1, 2, 3, 0, 250, 128, 0, 0]);
//! # Ok::<(), capsaicin::codec::Error>(())
//! ```

pub mod contain;
pub mod glz;
pub mod jpeg;
pub mod lz;
pub mod lz4;
pub mod palette;
pub mod quic;
pub mod video;
pub mod zlib;

use std::fmt;

/// What a decoder accepts before it allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of one image.
    pub max_pixels: u64,
    /// The width and height the carrier of the image announced; a stream that says otherwise is refused.
    pub announced: Option<(u32, u32)>,
}

impl Default for Limits {
    /// 2²⁶ pixels, any size.
    fn default() -> Self {
        Self {
            max_pixels: 1 << 26,
            announced: None,
        }
    }
}

impl Limits {
    /// The default limit for an image announced as `width` × `height`.
    pub fn announced(width: u32, height: u32) -> Self {
        Self {
            announced: Some((width, height)),
            ..Self::default()
        }
    }

    /// Checks the size a stream's header gives, before anything is allocated; the number of pixels.
    ///
    /// # Errors
    ///
    /// [`Error::BadHeader`] for an empty image, [`Error::SizeMismatch`], [`Error::TooLarge`].
    pub fn check(&self, width: u32, height: u32) -> Result<usize, Error> {
        if width == 0 || height == 0 {
            return Err(Error::BadHeader("width or height is 0"));
        }
        if let Some(announced) = self.announced
            && announced != (width, height)
        {
            return Err(Error::SizeMismatch {
                announced,
                found: (width, height),
            });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels || usize::try_from(pixels).is_err() {
            return Err(Error::TooLarge {
                pixels,
                limit: self.max_pixels,
            });
        }
        Ok(pixels as usize)
    }
}

/// Why an image could not be decoded. The image is to be dropped as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The stream ends before the picture is complete.
    Truncated,
    /// The header is not one of this codec.
    BadHeader(&'static str),
    /// The size in the stream is not the announced one (width, height).
    SizeMismatch {
        /// What the carrier said.
        announced: (u32, u32),
        /// What the stream says.
        found: (u32, u32),
    },
    /// More pixels than allowed.
    TooLarge {
        /// What the stream asks for.
        pixels: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The coded data contradicts itself at this byte of the stream.
    Corrupt {
        /// Offset in bytes from the start of the stream, where known to the byte.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A GLZ image refers to an image that has not arrived yet. Not damage: decode again once it is in the window.
    MissingImage {
        /// The id that is referred to.
        id: u64,
    },
    /// A library behind a codec refused the data.
    Backend(String),
    /// A library behind a codec has a fault of its own, and stopped in the middle.
    GaveUp,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(f, "the image data ends too early"),
            Self::BadHeader(what) => write!(f, "bad image header: {what}"),
            Self::SizeMismatch {
                announced: (aw, ah),
                found: (w, h),
            } => {
                write!(f, "the image is {w}×{h} but was announced as {aw}×{ah}")
            }
            Self::TooLarge { pixels, limit } => write!(
                f,
                "the image has {pixels} pixels, over the limit of {limit}"
            ),
            Self::Corrupt { at, what } => write!(f, "corrupt image data at byte {at}: {what}"),
            Self::MissingImage { id } => {
                write!(f, "refers to image {id}, which is not in the window")
            }
            Self::Backend(text) => write!(f, "{text}"),
            Self::GaveUp => write!(f, "the decoder failed"),
        }
    }
}

impl std::error::Error for Error {}
