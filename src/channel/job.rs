//! Decoding done outside the session, so that a key press never waits for a large picture.
//!
//! A session that offloads hands out a [`Job`] where decoding would take long; whoever drives the session runs it, on
//! any thread, and gives back what it yields. The channel it came from stands still meanwhile, the others go on.

use super::ChannelId;
use super::display::{DecodedImage, ImageJob, VideoDone, VideoJob};
use crate::codec::contain::contain;

/// A piece of decoding. It holds all it needs.
#[derive(Debug)]
#[must_use = "the channel it came from waits until the job was run and its result given back"]
pub struct Job {
    pub(crate) channel: ChannelId,
    /// Tells the channel from those that had its id before or get it later.
    pub(crate) life: u64,
    pub(crate) work: Work,
}

/// What a job decodes.
#[derive(Debug)]
pub(crate) enum Work {
    Image(Box<ImageJob>),
    Video(Box<VideoJob>),
}

/// What became of a job; to be given to the session it came from.
#[derive(Debug)]
pub struct Finished {
    pub(crate) channel: ChannelId,
    /// As in the [`Job`].
    pub(crate) life: u64,
    pub(crate) result: Decoded,
}

/// What a job decoded.
#[derive(Debug)]
pub(crate) enum Decoded {
    Image(DecodedImage),
    Video(Box<VideoDone>),
}

impl Job {
    /// The channel that waits for it.
    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Decodes. Takes from a millisecond to a second. A panic is contained; the job is then [`lost`](Self::lost).
    pub fn run(self) -> Finished {
        let lost = self.lost();
        let decode = || match self.work {
            Work::Image(job) => Decoded::Image(job.run()),
            Work::Video(job) => Decoded::Video(Box::new(job.run())),
        };
        match contain(decode) {
            Some(result) => Finished { result, ..lost },
            None => lost,
        }
    }

    /// What is to be given back when the job cannot be run: an image is then missing, and a stream ends. Take it before the
    /// job goes where it may be lost, for its channel waits.
    pub fn lost(&self) -> Finished {
        Finished {
            channel: self.channel,
            life: self.life,
            result: match &self.work {
                Work::Image(job) => Decoded::Image(job.lost()),
                Work::Video(job) => Decoded::Video(Box::new(job.lost())),
            },
        }
    }
}
