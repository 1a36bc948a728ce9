//! Video codecs: the coded frames of a stream in, pictures out.
//!
//! Each codec but MJPEG keeps state between frames, so a stream has a [`Decoder`] of its own and must give it every frame.
//! The decoders behind this are young crates. Each is a feature of its own, gets sizes from outside only after they were
//! checked here against [`Memory`], and cannot take the program with it when it panics.
//!
//! Protocol: what is in one message of a stream, spec 07c §2.

#[cfg(any(feature = "vp8", feature = "vp9", feature = "h264", feature = "h265"))]
mod colour;
mod key;
mod memory;

#[cfg(feature = "h264")]
mod h264;
#[cfg(feature = "h265")]
mod h265;
mod mjpeg;
#[cfg(any(feature = "h264", feature = "h265"))]
mod nal;
#[cfg(feature = "h264")]
mod reorder;
#[cfg(feature = "vp8")]
mod vp8;
#[cfg(feature = "vp9")]
mod vp9;

#[cfg(all(test, feature = "video"))]
mod tests;

use std::fmt;

use super::contain::contain;
use super::{Error, Limits};
pub use memory::{Memory, Share};
pub use mjpeg::Tables;

/// A way to code video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Each frame a JPEG file, completed by [`Tables`].
    Mjpeg,
    /// VP8 frames without a container.
    Vp8,
    /// VP9 frames and superframes without a container.
    Vp9,
    /// H.264 access units as an Annex B byte stream.
    H264,
    /// H.265 access units as an Annex B byte stream.
    H265,
}

/// A decoded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns, 1 to [`Picture::MAX_SIDE`].
    pub width: u32,
    /// Rows, 1 to [`Picture::MAX_SIDE`].
    pub height: u32,
    /// Packed rows, first coded row first; each pixel is the bytes B, G, R, X, where X has no meaning.
    pub pixels: Vec<u8>,
}

/// Decodes one stream.
pub struct Decoder {
    codec: Codec,
    inner: Inner,
    /// Room for the largest picture the stream has announced so far.
    share: Share,
    /// Why no more frames are taken.
    failed: Option<Error>,
}

enum Inner {
    Mjpeg(mjpeg::Decoder),
    #[cfg(feature = "vp8")]
    Vp8(Box<vp8::Decoder>),
    #[cfg(feature = "vp9")]
    Vp9(Box<vp9::Decoder>),
    #[cfg(feature = "h264")]
    H264(Box<h264::Decoder>),
    #[cfg(feature = "h265")]
    H265(Box<h265::Decoder>),
}

impl Codec {
    /// All of them, in the order in which a client had best ask for them: safest first.
    pub const ALL: [Self; 5] = [Self::Mjpeg, Self::Vp8, Self::Vp9, Self::H264, Self::H265];

    /// The word users know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::H264 => "h264",
            Self::H265 => "h265",
        }
    }

    /// The codec of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Whether this build can decode it. MJPEG always, faster with its feature.
    pub const fn is_available(self) -> bool {
        match self {
            Self::Mjpeg => true,
            Self::Vp8 => cfg!(feature = "vp8"),
            Self::Vp9 => cfg!(feature = "vp9"),
            Self::H264 => cfg!(feature = "h264"),
            Self::H265 => cfg!(feature = "h265"),
        }
    }

    /// Most memory a decoder may come to hold for each pixel of a picture: as many reference pictures as the codec has, what
    /// the decoder notes about their blocks, pictures that wait for their turn, and three of them as pixels.
    const fn bytes_per_pixel(self) -> u64 {
        match self {
            Self::Mjpeg => 24,
            Self::Vp8 => 32,
            Self::Vp9 => 56,
            Self::H264 | Self::H265 => 64,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mjpeg => "MJPEG",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H.264",
            Self::H265 => "H.265",
        })
    }
}

impl Picture {
    /// Most columns, and most rows.
    pub const MAX_SIDE: u32 = 16384;
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

impl Decoder {
    /// A decoder for a new stream, whose memory is taken from `memory`; `None` when this build has none for the codec.
    pub fn new(codec: Codec, memory: &Memory) -> Option<Self> {
        let inner = match codec {
            Codec::Mjpeg => Inner::Mjpeg(mjpeg::Decoder),
            #[cfg(feature = "vp8")]
            Codec::Vp8 => Inner::Vp8(Box::default()),
            #[cfg(feature = "vp9")]
            Codec::Vp9 => Inner::Vp9(Box::default()),
            #[cfg(feature = "h264")]
            Codec::H264 => Inner::H264(Box::default()),
            #[cfg(feature = "h265")]
            Codec::H265 => Inner::H265(Box::default()),
            #[allow(
                unreachable_patterns,
                reason = "which codecs are left depends on the features"
            )]
            _ => return None,
        };
        Some(Self {
            codec,
            inner,
            share: memory.share(),
            failed: None,
        })
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes what one message of the stream carries. Appends the pictures that are complete now, in the order in which
    /// they are to be shown: usually one; none for a frame that is only referred to; several when frames were out of order.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] and [`Error::BadHeader`] before anything is allocated; [`Error::Backend`] for damage;
    /// [`Error::GaveUp`] when the decoder has a fault of its own. A decoder that failed once repeats its error: the stream
    /// is to be ended.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = contain(|| self.decode_unguarded(data, out));
        // What a decoder leaves behind when it panics is not used again.
        let result = result.unwrap_or(Err(Error::GaveUp));
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    fn decode_unguarded(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        if let Some(size) = self.announced_size(data)? {
            self.make_room(size)?;
        }
        match &mut self.inner {
            Inner::Mjpeg(decoder) => decoder.decode(data, out),
            #[cfg(feature = "vp8")]
            Inner::Vp8(decoder) => decoder.decode(data, out),
            #[cfg(feature = "vp9")]
            Inner::Vp9(decoder) => decoder.decode(data, out),
            #[cfg(feature = "h264")]
            Inner::H264(decoder) => decoder.decode(data, out),
            #[cfg(feature = "h265")]
            Inner::H265(decoder) => decoder.decode(data, out),
        }
    }

    /// The largest picture that the message's own headers speak of, if any does.
    fn announced_size(&self, data: &[u8]) -> Result<Option<(u32, u32)>, Error> {
        match &self.inner {
            Inner::Mjpeg(_) => mjpeg::size(data).map(Some),
            #[cfg(feature = "vp8")]
            Inner::Vp8(_) => Ok(vp8::size(data)),
            #[cfg(feature = "vp9")]
            Inner::Vp9(_) => vp9::size(data),
            #[cfg(feature = "h264")]
            Inner::H264(_) => h264::size(data),
            #[cfg(feature = "h265")]
            Inner::H265(_) => h265::size(data),
        }
    }

    /// Takes the memory for pictures of this size, before there is one. What was taken is kept until the stream ends: older
    /// pictures may be referred to for long.
    fn make_room(&mut self, (width, height): (u32, u32)) -> Result<(), Error> {
        if width.max(height) > Picture::MAX_SIDE {
            return Err(Error::BadHeader("a side of the picture is too long"));
        }
        let pixels = Limits::default().check(width, height)? as u64;
        let limit = self.share.grow_to(pixels * self.codec.bytes_per_pixel());
        limit.map_err(|free| Error::TooLarge {
            pixels,
            limit: free / self.codec.bytes_per_pixel(),
        })
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({})", self.codec)
    }
}
