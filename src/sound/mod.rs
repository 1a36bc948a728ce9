//! Sound on this machine: packets become samples, samples become a WAV file or are heard, and the other way round.
//!
//! Samples are `i16`, interleaved. Opus needs the feature `opus`, and a PulseAudio server (PipeWire speaks its protocol
//! too) the feature `audio`.

mod codec;
mod convert;
mod loudness;
#[cfg(feature = "audio")]
mod pace;
#[cfg(feature = "audio")]
pub mod pulse;
pub mod wav;

pub use codec::{BadPacket, Decoder, Encoder};
pub use convert::Converter;
pub use loudness::{Loudness, peak};

use std::time::Duration;

/// What becomes of the sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// What was given just now will be heard after this time.
    After(Duration),
    /// It is not heard, for this reason; told once until it is heard again.
    Not(String),
}
