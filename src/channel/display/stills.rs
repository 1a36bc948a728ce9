//! Images that need nothing but their own bytes: QUIC, LZ, JPEG and LZ4 streams. They can be decoded anywhere, and large
//! ones are: outside the session, as a job.
//!
//! Protocol: spec 07a §3.4.

use std::time::Duration;

use bytes::Bytes;

use super::image::{Image, ImageData, ImageFlags, JpegAlpha, JpegAlphaFlags};
use super::picture::{Picture, Pixels};
use crate::canvas::Layout;
use crate::codec::contain::contain;
use crate::codec::video::Share;
use crate::codec::{Error, Limits, jpeg, lz, lz4, quic};
use crate::geometry::Size;

/// Pixels from which decoding QUIC or JPEG is worth a job: it then takes more than a millisecond.
const LARGE: u64 = 128 * 1024;

/// An image that needs nothing but its own bytes, which are a `B`.
#[derive(Clone, Debug)]
pub struct Still<B> {
    size: Size,
    /// Meaning of 32-bit pixels without alpha.
    xrgb: Layout,
    coded: Coded<B>,
}

#[derive(Clone, Debug)]
enum Coded<B> {
    Quic(B),
    LzRgb(B),
    Jpeg(B),
    JpegAlpha {
        flags: JpegAlphaFlags,
        jpeg: B,
        alpha: B,
    },
    Lz4(B),
}

/// Decodes one image outside the session.
#[derive(Debug)]
pub struct ImageJob {
    /// Tells it from the other jobs of its channel.
    pub(super) number: u64,
    pub(super) still: Still<Bytes>,
    pub(super) quic: quic::Decoder,
    /// Where the pixels go; empty.
    pub(super) buffer: Vec<u8>,
    /// Its pixels, as a share of those of all jobs; empty until it is handed out.
    pub(super) room: Share,
    /// Times the decoding.
    pub(super) clock: fn() -> Duration,
}

/// What an [`ImageJob`] yields.
#[derive(Debug)]
pub struct DecodedImage {
    pub(super) number: u64,
    pub(super) quic: quic::Decoder,
    pub(super) picture: Result<Picture<'static>, String>,
    pub(super) took: Duration,
    /// The room the job took, until its result is given back.
    pub(super) room: Option<Share>,
}

impl<'a> Still<&'a [u8]> {
    /// The image, if it is one of this kind.
    pub fn of(image: &Image<'a>) -> Option<Self> {
        let coded = match image.data {
            ImageData::Quic(data) => Coded::Quic(data),
            ImageData::LzRgb(data) => Coded::LzRgb(data),
            ImageData::Jpeg(data) => Coded::Jpeg(data),
            ImageData::JpegAlpha(JpegAlpha { flags, jpeg, alpha }) => {
                Coded::JpegAlpha { flags, jpeg, alpha }
            }
            ImageData::Lz4(data) => Coded::Lz4(data),
            _ => return None,
        };
        Some(Self {
            size: Size::new(image.width, image.height),
            xrgb: match image.flags.contains(ImageFlags::HIGH_BITS_SET) {
                true => Layout::XrgbOpaque,
                false => Layout::Xrgb,
            },
            coded,
        })
    }

    /// The same image sharing the memory of `body`, if it takes long to decode and all its bytes are in there.
    pub fn large(&self, body: &Bytes) -> Option<Still<Bytes>> {
        let slow = matches!(
            self.coded,
            Coded::Quic(_) | Coded::Jpeg(_) | Coded::JpegAlpha { .. }
        );
        if !slow || self.size.area() < LARGE {
            return None;
        }
        let shared = |part: &[u8]| {
            let at = (part.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
            let end = at.checked_add(part.len())?;
            (end <= body.len()).then(|| body.slice(at..end))
        };
        let coded = match self.coded {
            Coded::Quic(data) => Coded::Quic(shared(data)?),
            Coded::LzRgb(data) => Coded::LzRgb(shared(data)?),
            Coded::Jpeg(data) => Coded::Jpeg(shared(data)?),
            Coded::JpegAlpha { flags, jpeg, alpha } => Coded::JpegAlpha {
                flags,
                jpeg: shared(jpeg)?,
                alpha: shared(alpha)?,
            },
            Coded::Lz4(data) => Coded::Lz4(shared(data)?),
        };
        Some(Still {
            size: self.size,
            xrgb: self.xrgb,
            coded,
        })
    }
}

impl<B: AsRef<[u8]>> Still<B> {
    /// Pixels it has.
    pub fn pixels(&self) -> u64 {
        self.size.area()
    }

    /// Where in memory its bytes are. Two images of one message are told apart by it, and it stays while the message waits.
    pub fn place(&self) -> usize {
        let first = match &self.coded {
            Coded::Quic(data) | Coded::LzRgb(data) | Coded::Jpeg(data) | Coded::Lz4(data) => data,
            Coded::JpegAlpha { jpeg, .. } => jpeg,
        };
        first.as_ref().as_ptr() as usize
    }

    /// Decodes it into `out`, which is empty. A panic of a decoder is contained.
    ///
    /// # Errors
    ///
    /// The text of what is wrong with the stream.
    pub fn decode(
        &self,
        quic: &mut quic::Decoder,
        out: Vec<u8>,
    ) -> Result<Picture<'static>, String> {
        contain(|| self.decode_unguarded(quic, out)).unwrap_or_else(|| {
            // What a decoder leaves behind when it panics is not used again.
            *quic = quic::Decoder::default();
            Err(Error::GaveUp.to_string())
        })
    }

    fn decode_unguarded(
        &self,
        quic: &mut quic::Decoder,
        mut out: Vec<u8>,
    ) -> Result<Picture<'static>, String> {
        let Size { width, height } = self.size;
        let limits = Limits::announced(width, height);
        let text = |error: Error| error.to_string();
        let (layout, top_down) = match &self.coded {
            Coded::Quic(data) => {
                let header = quic
                    .decode(data.as_ref(), &limits, &mut out)
                    .map_err(text)?;
                let layout = match header.kind {
                    quic::Kind::Gray => return Err("a GRAY stream is not for displays".to_owned()),
                    quic::Kind::Rgb16 => Layout::Rgb555,
                    quic::Kind::Rgb24 => Layout::Bgr24,
                    quic::Kind::Rgb32 => self.xrgb,
                    quic::Kind::Rgba => Layout::Argb,
                };
                (layout, true)
            }
            Coded::LzRgb(data) => {
                let header = lz::decode(data.as_ref(), &limits, &mut out).map_err(text)?;
                let layout = match header.kind {
                    lz::Kind::Rgb16 => Layout::Rgb555,
                    lz::Kind::Rgb24 => Layout::Bgr24,
                    lz::Kind::Rgb32 => self.xrgb,
                    lz::Kind::Rgba => Layout::Argb,
                    lz::Kind::A8 => Layout::A8,
                    kind => {
                        return Err(format!(
                            "an LZ stream of type {kind:?} does not belong here"
                        ));
                    }
                };
                (layout, header.top_down)
            }
            Coded::Jpeg(data) => {
                jpeg::decode(data.as_ref(), &limits, &mut out).map_err(text)?;
                (self.xrgb, true)
            }
            Coded::JpegAlpha { flags, jpeg, alpha } => {
                jpeg::decode(jpeg.as_ref(), &limits, &mut out).map_err(text)?;
                let header =
                    lz::decode_alpha_into(alpha.as_ref(), &limits, &mut out).map_err(text)?;
                if header.top_down != flags.contains(JpegAlphaFlags::TOP_DOWN) {
                    return Err("colours and alpha differ in their row order".to_owned());
                }
                (Layout::Argb, true)
            }
            Coded::Lz4(data) => {
                let header = lz4::decode(data.as_ref(), width, height, &limits, &mut out);
                let header = header.map_err(text)?;
                let layout = match header.format {
                    6 => Layout::Rgb555,
                    7 => Layout::Bgr24,
                    9 => Layout::Argb,
                    10 => Layout::A8,
                    _ => self.xrgb,
                };
                (layout, header.top_down)
            }
        };
        packed(layout, self.size, top_down, Pixels::Owned(out))
    }
}

impl ImageJob {
    /// Decodes the image.
    pub fn run(mut self) -> DecodedImage {
        let started = (self.clock)();
        let buffer = std::mem::take(&mut self.buffer);
        let picture = self.still.decode(&mut self.quic, buffer);
        DecodedImage {
            number: self.number,
            quic: self.quic,
            picture,
            took: (self.clock)().saturating_sub(started),
            room: Some(self.room),
        }
    }

    /// What it yields when it is lost, as when a decoder panics. The decoder is not used again.
    pub fn lost(&self) -> DecodedImage {
        DecodedImage {
            number: self.number,
            quic: quic::Decoder::default(),
            picture: Err(Error::GaveUp.to_string()),
            took: Duration::ZERO,
            room: None,
        }
    }
}

/// A picture of rows without padding.
///
/// # Errors
///
/// When a row is longer than memory.
pub fn packed(
    layout: Layout,
    size: Size,
    top_down: bool,
    pixels: Pixels<'static>,
) -> Result<Picture<'static>, String> {
    let stride = layout.row_bytes(size.width);
    Ok(Picture {
        layout,
        size,
        stride: stride.ok_or("a row is longer than memory")?,
        bottom_up: !top_down,
        pixels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes on which a decoder has a fault.
    struct Fatal;

    impl AsRef<[u8]> for Fatal {
        fn as_ref(&self) -> &[u8] {
            panic!("a fault in a decoder")
        }
    }

    #[test]
    fn a_decoder_that_panics_on_the_spot_has_failed() {
        let still = Still {
            size: Size::new(1, 1),
            xrgb: Layout::Xrgb,
            coded: Coded::Jpeg(Fatal),
        };
        let error = still.decode(&mut quic::Decoder::default(), Vec::new());
        assert_eq!(error.unwrap_err(), Error::GaveUp.to_string());
    }
}
