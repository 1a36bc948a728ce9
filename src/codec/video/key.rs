//! Frames that a decoder can begin with.

use super::Codec;
#[cfg(any(feature = "h264", feature = "h265"))]
use super::nal;

impl Codec {
    /// Whether a decoder can begin with this frame: neither it nor what follows needs anything from before. Streams of H.264 and
    /// H.265 have to bring their parameters with it.
    pub fn begins(self, frame: &[u8]) -> bool {
        match self {
            Self::Mjpeg => true,
            // RFC 6386, 9.1: the lowest bit of the frame tag.
            Self::Vp8 => frame.first().is_some_and(|tag| tag & 1 == 0),
            Self::Vp9 => frame.first().is_some_and(|header| is_vp9_key(*header)),
            #[cfg(feature = "h264")]
            // ITU-T H.264, 7.4.1: a picture that forgets all others, and a sequence parameter set.
            Self::H264 => has_units(frame, |header| header & 31, |kind| kind == 5, 7),
            #[cfg(feature = "h265")]
            // ITU-T H.265, 7.4.2.2: the same.
            Self::H265 => {
                let kind = |header: u8| header >> 1 & 63;
                has_units(frame, kind, |kind| matches!(kind, 19 | 20), 33)
            }
            #[cfg(not(all(feature = "h264", feature = "h265")))]
            _ => false,
        }
    }
}

/// VP9 bitstream specification, 6.2: after a marker of two bits and two bits of the profile, which in profile 3 are followed by
/// one more, whether a frame is shown again, and whether it refers to others.
fn is_vp9_key(header: u8) -> bool {
    let rest = match header >> 4 & 3 {
        3 => header << 5,
        _ => header << 4,
    };
    header >> 6 == 2 && rest & 0b1100_0000 == 0
}

/// Whether there are units of both kinds.
#[cfg(any(feature = "h264", feature = "h265"))]
fn has_units(
    frame: &[u8],
    kind: impl Fn(u8) -> u8,
    is_key: impl Fn(u8) -> bool,
    parameters: u8,
) -> bool {
    let (mut has_key, mut has_parameters) = (false, false);
    for header in nal::units(frame).filter_map(|unit| unit.first()) {
        let kind = kind(*header);
        has_key |= is_key(kind);
        has_parameters |= kind == parameters;
    }
    has_key && has_parameters
}
