//! Numbers of the session over the last minute: rates, and how they went.

use std::collections::VecDeque;
use std::time::Duration;

use crate::channel::ChannelId;
use crate::session::SessionStats;

/// Samples kept.
const SAMPLES: usize = 60;

/// Over how long rates are taken.
const SPAN: Duration = Duration::from_secs(3);

/// Keys whose pictures are waited for, or came.
const LATENCIES: usize = 32;

/// How long a picture may come after a key to be taken for its answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Numbers over time. Filled while a pane shows them.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    /// When the last key went to the guest, until a picture comes.
    key: Option<Duration>,
    /// From keys to the pictures after them.
    latencies: VecDeque<Duration>,
}

#[derive(Clone, Debug)]
struct Sample {
    at: Duration,
    /// Bytes received and sent, by channel.
    channels: Vec<(ChannelId, [u64; 2])>,
    /// Images, bytes, pixels and time, by codec.
    codecs: Vec<(&'static str, Coded)>,
}

/// What one codec did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coded {
    /// Images.
    pub images: u64,
    /// Bytes that came in.
    pub bytes: u64,
    /// Pixels that came out.
    pub pixels: u64,
    /// How long it took.
    pub time: Duration,
}

impl History {
    /// Takes in fresh numbers.
    pub fn add(&mut self, stats: &SessionStats) {
        let codecs = stats.codecs.iter().map(|codec| {
            let coded = Coded {
                images: codec.images,
                bytes: codec.bytes,
                pixels: codec.pixels,
                time: codec.time,
            };
            (codec.name, coded)
        });
        let sample = Sample {
            at: stats.at,
            channels: stats.channels.iter().map(|c| (c.id, c.bytes)).collect(),
            codecs: codecs.collect(),
        };
        // A recording that is played from an earlier moment on.
        if self.samples.back().is_some_and(|last| last.at > sample.at) {
            self.samples.clear();
        }
        self.samples.push_back(sample);
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Bytes a second on a channel lately, received and sent; `None` before there are two numbers.
    pub fn rate(&self, channel: ChannelId) -> Option<[u64; 2]> {
        let last = self.samples.back()?;
        let since = last.at.saturating_sub(SPAN);
        let mut samples = self.samples.iter();
        let first = samples.find(|sample| sample.at >= since)?;
        let passed = last.at.saturating_sub(first.at).as_secs_f64();
        let bytes = |sample: &Sample| {
            let mut channels = sample.channels.iter();
            channels.find(|(id, _)| *id == channel).map(|c| c.1)
        };
        let (then, now) = (bytes(first)?, bytes(last)?);
        (passed > 0.0).then(|| {
            [0, 1].map(|side| (now[side].saturating_sub(then[side]) as f64 / passed) as u64)
        })
    }

    /// How many pixels a codec made from one sample to the next, the newest `most` of them.
    pub fn pixels(&self, codec: &str, most: usize) -> Vec<u64> {
        let all: Vec<u64> = self
            .samples
            .iter()
            .map(|sample| {
                let mut codecs = sample.codecs.iter();
                codecs
                    .find(|(name, _)| *name == codec)
                    .map_or(0, |(_, coded)| coded.pixels)
            })
            .collect();
        let steps = all.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let steps: Vec<u64> = steps.collect();
        steps[steps.len().saturating_sub(most)..].to_vec()
    }

    /// A key went to the guest.
    pub fn key(&mut self, now: Duration) {
        self.key.get_or_insert(now);
    }

    /// The picture changed.
    pub fn picture(&mut self, now: Duration) {
        let Some(key) = self.key.take() else {
            return;
        };
        let latency = now.saturating_sub(key);
        if latency > ANSWER {
            return;
        }
        self.latencies.push_back(latency);
        if self.latencies.len() > LATENCIES {
            self.latencies.pop_front();
        }
    }

    /// The least, the middle and the most time from a key to the next change of the picture, and how many were measured.
    pub fn latency(&self) -> Option<([Duration; 3], usize)> {
        let mut sorted: Vec<Duration> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        Some(([least, sorted[sorted.len() / 2], most], sorted.len()))
    }
}
