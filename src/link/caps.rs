//! Capability sets: bits that each side announces for all channels (common) and for the one being linked.

use std::fmt;

/// The bits one side announced: common ones, and those of the channel.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Words of bits that mean the same on every channel.
    pub common: Vec<u32>,
    /// Words of bits whose meaning depends on the channel.
    pub channel: Vec<u32>,
}

impl Capabilities {
    /// Sets with these bit numbers.
    pub fn of(common: &[u32], channel: &[u32]) -> Self {
        Self {
            common: words(common),
            channel: words(channel),
        }
    }

    /// The same without common bit `bit`.
    #[must_use]
    pub fn without_common(mut self, bit: u32) -> Self {
        let (word, mask) = ((bit / 32) as usize, 1 << (bit % 32));
        if let Some(word) = self.common.get_mut(word) {
            *word &= !mask;
        }
        self
    }

    /// These with common bits as well.
    pub fn with_common(mut self, bits: &[u32]) -> Self {
        for bit in bits {
            let word = (bit / 32) as usize;
            if self.common.len() <= word {
                self.common.resize(word + 1, 0);
            }
            self.common[word] |= 1 << (bit % 32);
        }
        self
    }

    /// Whether common bit `bit` is set.
    pub fn has_common(&self, bit: u32) -> bool {
        has(&self.common, bit)
    }

    /// Whether channel bit `bit` is set.
    pub fn has(&self, bit: u32) -> bool {
        has(&self.channel, bit)
    }

    /// Numbers of the common bits that are set.
    pub fn common_bits(&self) -> impl Iterator<Item = u32> + '_ {
        bits(&self.common)
    }

    /// Numbers of the channel's bits that are set.
    pub fn channel_bits(&self) -> impl Iterator<Item = u32> + '_ {
        bits(&self.channel)
    }
}

fn words(numbers: &[u32]) -> Vec<u32> {
    let len = numbers.iter().map(|n| n / 32 + 1).max().unwrap_or(0);
    let mut words = vec![0; len as usize];
    numbers
        .iter()
        .for_each(|n| words[*n as usize / 32] |= 1 << (n % 32));
    words
}

fn has(words: &[u32], bit: u32) -> bool {
    words
        .get(bit as usize / 32)
        .is_some_and(|w| w >> (bit % 32) & 1 == 1)
}

fn bits(words: &[u32]) -> impl Iterator<Item = u32> + '_ {
    (0..words.len() as u32 * 32).filter(|bit| has(words, *bit))
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x?}+{:x?}", self.common, self.channel)
    }
}

/// Bit numbers and their protocol names (spec 00 §6). The name of bit *n* is at index *n*.
pub mod names {
    /// Common bits.
    pub const COMMON: &[&str] = &["AUTH_SELECTION", "AUTH_SPICE", "AUTH_SASL", "MINI_HEADER"];
    /// Bits of the main channel.
    pub const MAIN: &[&str] = &[
        "SEMI_SEAMLESS_MIGRATE",
        "NAME_AND_UUID",
        "AGENT_CONNECTED_TOKENS",
        "SEAMLESS_MIGRATE",
    ];
    /// Bits of display channels.
    pub const DISPLAY: &[&str] = &[
        "SIZED_STREAM",
        "MONITORS_CONFIG",
        "COMPOSITE",
        "A8_SURFACE",
        "STREAM_REPORT",
        "LZ4_COMPRESSION",
        "PREF_COMPRESSION",
        "GL_SCANOUT",
        "MULTI_CODEC",
        "CODEC_MJPEG",
        "CODEC_VP8",
        "CODEC_H264",
        "PREF_VIDEO_CODEC_TYPE",
        "CODEC_VP9",
        "CODEC_H265",
    ];
    /// Bits of the inputs channel.
    pub const INPUTS: &[&str] = &["KEY_SCANCODE"];
    /// Bits of the playback channel.
    pub const PLAYBACK: &[&str] = &["CELT_0_5_1", "VOLUME", "LATENCY", "OPUS"];
    /// Bits of the record channel.
    pub const RECORD: &[&str] = &["CELT_0_5_1", "VOLUME", "OPUS"];
    /// Bits of usbredir, port and webdav channels.
    pub const VMC: &[&str] = &["DATA_COMPRESS_LZ4"];
}
