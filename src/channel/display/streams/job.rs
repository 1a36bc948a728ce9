//! Decoding of one frame, away from the session.

use std::time::Duration;

use super::stream::{Frame, Place};
use crate::codec::Error;
use crate::codec::video::{Decoder, Picture};

/// A frame, and the decoder of its stream until the frame is decoded.
#[derive(Debug)]
pub(crate) struct VideoJob {
    pub(super) stream: u32,
    pub(super) serial: u64,
    pub(super) decoder: Decoder,
    pub(super) frame: Frame,
    /// Reads a clock, for statistics.
    pub(super) timer: fn() -> Duration,
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) struct VideoDone {
    pub(super) stream: u32,
    pub(super) serial: u64,
    pub(super) decoder: Decoder,
    pub(super) place: Place,
    /// In the order shown.
    pub(super) pictures: Vec<Picture>,
    pub(super) result: Result<(), Error>,
    /// How long it took.
    pub(super) time: Duration,
}

impl VideoJob {
    /// Decodes.
    pub fn run(mut self) -> VideoDone {
        let start = (self.timer)();
        let mut pictures = Vec::new();
        let result = self.decoder.decode(&self.frame.data, &mut pictures);
        VideoDone {
            stream: self.stream,
            serial: self.serial,
            decoder: self.decoder,
            place: Place {
                time: self.frame.time,
                dest: self.frame.dest,
            },
            pictures,
            result,
            time: (self.timer)().saturating_sub(start),
        }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes for {})", self.data.len(), self.time)
    }
}
