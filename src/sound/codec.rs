//! Packets of sound ↔ samples, raw or coded with Opus.

use std::fmt;

use bytes::Bytes;

use crate::channel::audio::{Format, Mode, Packet};
#[cfg(feature = "opus")]
use crate::codec::contain;

/// Samples of one channel in 120 ms at 48 kHz, the most an Opus packet can hold.
#[cfg(feature = "opus")]
const MOST_SAMPLES: usize = 5760;

/// Samples of one channel that the reference peers have room for when they decode a packet (spec 05 §2).
pub(super) const BLOCK: usize = 480;

/// Why a packet has no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPacket {
    /// It is damaged.
    Damaged,
    /// Its coding is not understood, or not in this build.
    Unknown,
}

impl fmt::Display for BadPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "a damaged packet of sound",
            Self::Unknown => "a packet of sound in an unknown coding",
        })
    }
}

impl std::error::Error for BadPacket {}

/// Decodes the packets of one stream.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    samples: Vec<i16>,
    #[cfg(feature = "opus")]
    opus: Option<opus_pure::OpusDecoder>,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            samples: Vec::new(),
            #[cfg(feature = "opus")]
            opus: None,
        }
    }

    /// The stream's format, that of all samples.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The samples of the next packet: whole frames of all channels.
    ///
    /// # Errors
    ///
    /// When the packet is damaged or of an unknown coding. The next one may be sound again.
    pub fn decode(&mut self, packet: &Packet) -> Result<&[i16], BadPacket> {
        self.samples.clear();
        match packet.mode {
            Mode::Raw => self.raw(&packet.data),
            #[cfg(feature = "opus")]
            Mode::Opus => self.opus(&packet.data)?,
            _ => return Err(BadPacket::Unknown),
        }
        Ok(&self.samples)
    }

    fn raw(&mut self, data: &[u8]) {
        let whole = data.len() - data.len() % self.format.frame_bytes().max(2);
        let (pairs, _) = data[..whole].as_chunks();
        self.samples
            .extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
    }

    #[cfg(feature = "opus")]
    fn opus(&mut self, data: &[u8]) -> Result<(), BadPacket> {
        let channels = usize::from(self.format.channels);
        let mut opus = match self.opus.take() {
            Some(opus) => opus,
            None if !self.format.suits_opus() => return Err(BadPacket::Unknown),
            // Rates that suit Opus are small.
            None => opus_pure::OpusDecoder::new(self.format.rate as i32, channels)
                .map_err(|_| BadPacket::Unknown)?,
        };
        self.samples.resize(MOST_SAMPLES * channels, 0);
        let samples = &mut self.samples;
        // After a panic the decoder is not used again: the next packet begins with a fresh one.
        let (opus, result) = contain::contain(move || {
            let result = opus.decode_s16(data, MOST_SAMPLES, samples);
            (opus, result)
        })
        .ok_or(BadPacket::Damaged)?;
        self.opus = Some(opus);
        let count = result.map_err(|_| BadPacket::Damaged)?;
        self.samples.truncate(count * channels);
        Ok(())
    }
}

/// Cuts samples into packets of 480 frames, as servers take them.
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    waiting: Vec<i16>,
    #[cfg(feature = "opus")]
    opus: Option<opus_pure::OpusEncoder>,
}

impl Encoder {
    /// An encoder that leaves samples as they are: what a microphone is sent with. libspice-server 0.15.1 keeps what it is told in
    /// a ring of 8192 frames and shifts a packet that crosses its end, as the 480 frames of Opus sooner or later do.
    pub fn raw(format: Format) -> Self {
        Self::new(format, false)
    }

    /// An encoder at the beginning of a stream: of Opus packets if `opus`, the format suits and this build can, else of raw
    /// ones.
    pub fn new(format: Format, opus: bool) -> Self {
        #[cfg(not(feature = "opus"))]
        let _ = opus;
        Self {
            format,
            waiting: Vec::new(),
            #[cfg(feature = "opus")]
            opus: (opus && format.suits_opus())
                .then(|| {
                    let channels = usize::from(format.channels);
                    // Rates that suit Opus are small.
                    let rate = format.rate as i32;
                    opus_pure::OpusEncoder::new(rate, channels, opus_pure::Application::Audio)
                })
                .and_then(Result::ok),
        }
    }

    /// Takes samples, whole frames or not; the packets that are full. What is left waits for more.
    pub fn encode(&mut self, samples: &[i16]) -> Vec<Packet> {
        let block = BLOCK * usize::from(self.format.channels);
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(samples);
        let blocks = waiting.chunks_exact(block);
        let rest = blocks.remainder().to_vec();
        let packets = blocks.filter_map(|block| self.packet(block)).collect();
        self.waiting = rest;
        packets
    }

    /// The stream is over: what is left, made a whole packet by silence behind it.
    pub fn finish(mut self) -> Option<Packet> {
        let mut waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return None;
        }
        waiting.resize(BLOCK * usize::from(self.format.channels), 0);
        self.packet(&waiting)
    }

    fn packet(&mut self, block: &[i16]) -> Option<Packet> {
        #[cfg(feature = "opus")]
        if let Some(opus) = &mut self.opus {
            let mut packet = [0; 480];
            let len = opus.encode_s16(block, BLOCK, &mut packet).ok()?;
            return Some(Packet {
                mode: Mode::Opus,
                data: Bytes::copy_from_slice(&packet[..len]),
            });
        }
        let bytes: Vec<u8> = block
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        Some(Packet {
            mode: Mode::Raw,
            data: Bytes::from(bytes),
        })
    }
}
