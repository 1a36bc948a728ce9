//! Counts: of messages by channel and name, of images by their coding.

use std::collections::BTreeMap;
use std::time::Duration;

use super::dissect::Dissection;
use super::rules::Breach;
use crate::channel::ChannelId;
use crate::session::Way;

/// Most kinds of messages that are counted apart: numbers nobody knows are many.
const MOST: usize = 1024;

/// Counts messages.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    messages: BTreeMap<(ChannelId, bool, &'static str), Row>,
    images: BTreeMap<String, Row>,
    total: Row,
    first: Option<Duration>,
    last: Duration,
}

/// What was counted of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// How many.
    pub count: u64,
    /// Bytes: of bodies, and of images those that are coded pixels.
    pub bytes: u64,
    /// Pixels of the images in them.
    pub pixels: u64,
    /// Bytes of coded pixels.
    pub coded: u64,
    /// Bytes the images with coded pixels have with 4 bytes a pixel.
    pub raw: u64,
    /// Rules broken.
    pub broken: u64,
    /// Bytes of the largest.
    pub largest: u64,
}

impl Row {
    /// How many times smaller the images are than with 4 bytes a pixel; `None` without images.
    pub fn ratio(&self) -> Option<f64> {
        (self.coded > 0).then(|| self.raw as f64 / self.coded as f64)
    }
}

impl Tally {
    /// Counts a message by itself. Those inside another have lines of their own, and are in the total once, with that one.
    pub fn count(&mut self, at: Duration, message: &Dissection, broken: &[Breach], inside: bool) {
        self.first.get_or_insert(at);
        self.last = self.last.max(at);
        let key = (message.channel, message.way == Way::ToServer, message.name);
        let size = message.size() as u64;
        let mut one = Row {
            count: 1,
            bytes: size,
            broken: broken.len() as u64,
            largest: size,
            ..Row::default()
        };
        for image in &message.images {
            let raw = image.pixels().saturating_mul(4);
            let pixels = Row {
                count: 1,
                bytes: image.coded,
                pixels: image.pixels(),
                coded: image.coded,
                raw: if image.coded > 0 { raw } else { 0 },
                broken: 0,
                largest: image.coded,
            };
            one.pixels = one.pixels.saturating_add(pixels.pixels);
            one.coded += pixels.coded;
            one.raw = one.raw.saturating_add(pixels.raw);
            if self.images.len() < MOST || self.images.contains_key(&image.coding) {
                self.images
                    .entry(image.coding.clone())
                    .or_default()
                    .add(&pixels);
            }
        }
        if !inside {
            self.total.add(&one);
        }
        if self.messages.len() < MOST || self.messages.contains_key(&key) {
            self.messages.entry(key).or_default().add(&one);
        }
    }

    /// By channel, direction and name.
    pub fn messages(&self) -> impl Iterator<Item = (ChannelId, Way, &'static str, &Row)> {
        self.messages.iter().map(|((channel, sent, name), row)| {
            let way = if *sent { Way::ToServer } else { Way::ToClient };
            (*channel, way, *name, row)
        })
    }

    /// By how images are coded.
    pub fn images(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.images
            .iter()
            .map(|(coding, row)| (coding.as_str(), row))
    }

    /// All messages but those inside others.
    pub fn total(&self) -> &Row {
        &self.total
    }

    /// Time from the first message that was counted to the last.
    pub fn span(&self) -> Duration {
        self.last.saturating_sub(self.first.unwrap_or_default())
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.pixels = self.pixels.saturating_add(other.pixels);
        self.coded = self.coded.saturating_add(other.coded);
        self.raw = self.raw.saturating_add(other.raw);
        self.broken += other.broken;
        self.largest = self.largest.max(other.largest);
    }
}
