//! Layouts of the messages of the playback and record channels (spec 05 §2 and §3).

use super::Mode;
use crate::channel::messages;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer, wire_struct};

messages! {
    /// Server → client, on the playback channel.
    pub enum PlaybackMessage<'a> {
        /// Sound.
        101 DATA Data(Sound<'a>),
        /// How the sound that follows is coded.
        102 MODE Mode(ModeChange<'a>),
        /// A stream begins.
        103 START Start(PlaybackStart),
        /// The stream ends.
        104 STOP Stop,
        /// How loud it is to be.
        105 VOLUME Volume(Volume),
        /// Whether it is to be silent.
        106 MUTE Mute(Mute),
        /// Least delay of the output.
        107 LATENCY Latency(Latency),
    }
}

messages! {
    /// Server → client, on the record channel.
    pub enum RecordMessage<'a> {
        /// The guest listens from here on.
        101 START Start(RecordStart),
        /// The guest listens no longer.
        102 STOP Stop,
        /// How loud it is to be.
        103 VOLUME Volume(Volume),
        /// Whether it is to be silent.
        104 MUTE Mute(Mute),
    }
}

messages! {
    /// Client → server, on the record channel.
    pub enum RecordAnswer<'a> {
        /// Sound.
        101 DATA Data(Sound<'a>),
        /// How the sound that follows is coded.
        102 MODE Mode(ModeChange<'a>),
        /// The moment the sound begins.
        103 START_MARK StartMark(StartMark),
    }
}

/// Sound in the mode in force. Number 101, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound<'a> {
    /// Media clock of its making, wrapping milliseconds.
    pub time: u32,
    /// Samples, or a packet of the codec.
    pub data: &'a [u8],
}

/// How the sound that follows is coded. Number 102, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChange<'a> {
    /// Media clock, wrapping milliseconds.
    pub time: u32,
    /// The coding.
    pub mode: Mode,
    /// Empty for every mode there is.
    pub data: &'a [u8],
}

wire_struct! {
    /// A stream begins. Number 103 of the playback channel, 14 bytes.
    pub struct PlaybackStart {
        channels: u32,
        /// 1 for signed samples of 16 bits.
        format: u16,
        /// Samples of one channel a second.
        frequency: u32,
        /// Media clock, wrapping milliseconds.
        time: u32,
    }
}

wire_struct! {
    /// The guest listens. Number 101 of the record channel, 10 bytes.
    pub struct RecordStart {
        channels: u32,
        /// 1 for signed samples of 16 bits.
        format: u16,
        /// Samples of one channel a second.
        frequency: u32,
    }
}

wire_struct! {
    /// Whether there is to be silence: 0 or 1. Number 106 of the playback, 104 of the record channel.
    pub struct Mute { mute: u8 }
}

wire_struct! {
    /// Least delay of the output, milliseconds. Number 107 of the playback channel.
    pub struct Latency { latency_ms: u32 }
}

wire_struct! {
    /// The moment the sound begins, by the media clock. Number 103 of the record channel, client → server.
    pub struct StartMark { time: u32 }
}

/// Loudness of each channel, linear; 65535 changes nothing. Number 105 of the playback, 103 of the record channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// One a channel; at most 255 can be sent.
    pub volume: Vec<u16>,
}

impl<'a> Decode<'a> for Sound<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            time: r.u32("time")?,
            data: r.rest("data"),
        })
    }
}

impl Encode for Sound<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.time);
        w.bytes(self.data);
    }
}

impl<'a> Decode<'a> for ModeChange<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            time: r.u32("time")?,
            mode: r.value("mode")?,
            data: r.rest("data"),
        })
    }
}

impl Encode for ModeChange<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.time);
        w.value(&self.mode);
        w.bytes(self.data);
    }
}

impl<'a> Decode<'a> for Volume {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u8("nchannels")?);
        Ok(Self {
            volume: r.list("volume", count, 2)?,
        })
    }
}

impl Encode for Volume {
    fn encode(&self, w: &mut Writer) {
        let count = self.volume.len().min(255);
        w.u8(count as u8);
        w.list(&self.volume[..count]);
    }
}
