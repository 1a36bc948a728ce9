//! The playback and record channels: sound from the guest, and sound to it.
//!
//! Protocol: spec 05. One channel each, of id 0. Sound passes through here as it is on the wire, raw or coded with Opus;
//! who plays it decodes it.

mod client;
pub mod messages;
pub mod server;

pub use client::{Playback, Record};

use std::time::Duration;

use bytes::Bytes;

use crate::wire::wire_enum;

/// Longest Opus packet: 120 ms at 510 kbit/s. Servers send 480 bytes at most.
const MAX_OPUS_BYTES: usize = 7650;

wire_enum! {
    /// How sound is coded (spec 05 §2).
    pub enum Mode: u16 {
        /// Interleaved signed 16-bit samples, little-endian.
        Raw = 1,
        /// 256-sample frames of CELT 0.5.1: obsolete, and never announced.
        Celt = 2,
        /// One Opus packet a message.
        Opus = 3,
    }
}

/// Samples of a stream of sound: signed, 16 bits, interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// 1 to [`Format::MOST_CHANNELS`].
    pub channels: u8,
    /// Samples of one channel a second, within [`Format::RATES`].
    pub rate: u32,
}

impl Format {
    /// Most channels of a stream.
    pub const MOST_CHANNELS: u8 = 8;

    /// The rates a stream may have.
    pub const RATES: std::ops::RangeInclusive<u32> = 8000..=192_000;

    /// What the wire says; `None` for other samples than these, and for numbers no device has.
    fn from_wire(channels: u32, sample: u16, rate: u32) -> Option<Self> {
        const SIGNED_16: u16 = 1;
        let channels = u8::try_from(channels).ok()?;
        let is_sane = (1..=Self::MOST_CHANNELS).contains(&channels) && Self::RATES.contains(&rate);
        (is_sane && sample == SIGNED_16).then_some(Self { channels, rate })
    }

    /// Bytes of one sample of every channel.
    pub const fn frame_bytes(self) -> usize {
        2 * self.channels as usize
    }

    /// Whether Opus can code it.
    pub const fn suits_opus(self) -> bool {
        matches!(self.rate, 8000 | 12_000 | 16_000 | 24_000 | 48_000) && self.channels <= 2
    }
}

/// Some sound as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// [`Mode::Raw`] or [`Mode::Opus`].
    pub mode: Mode,
    /// Whole frames of samples, or one Opus packet; never empty.
    pub data: Bytes,
}

/// What the playback channel tells the user of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaybackEvent {
    /// A stream begins, or begins anew.
    Started(Format),
    /// Sound of the stream that runs.
    Packet {
        /// When it was made, wrapping milliseconds of the server's media clock.
        time: u32,
        /// The sound.
        packet: Packet,
    },
    /// The stream ends; what is buffered may be played.
    Stopped,
    /// How loud the guest wants it, linear for each channel; 65535 changes nothing.
    Volume(Vec<u16>),
    /// Whether the guest wants silence.
    Muted(bool),
    /// The output is to buffer this much at least, so that late video can keep up with the sound.
    Latency(Duration),
}

/// What the record channel tells the user of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordEvent {
    /// The guest listens from here on.
    Wanted {
        /// What it takes.
        format: Format,
        /// Whether it takes Opus too; raw it always takes.
        opus: bool,
    },
    /// The guest listens no longer.
    Stopped,
    /// How loud the guest wants it, linear for each channel; 65535 changes nothing.
    Volume(Vec<u16>),
    /// Whether the guest wants silence.
    Muted(bool),
}
