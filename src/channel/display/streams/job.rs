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
    /// With an error the stream ends, and has no use for its decoder.
    pub(super) result: Result<Decoded, Error>,
    /// How long it took.
    pub(super) time: Duration,
}

/// A decoded frame, and the decoder for the next one.
#[derive(Debug)]
pub(super) struct Decoded {
    pub decoder: Decoder,
    pub place: Place,
    /// In the order shown.
    pub pictures: Vec<Picture>,
}

impl VideoJob {
    /// Decodes.
    pub fn run(mut self) -> VideoDone {
        let start = (self.timer)();
        let mut pictures = Vec::new();
        let result = self.decoder.decode(&self.frame.data, &mut pictures);
        let place = Place {
            time: self.frame.time,
            dest: self.frame.dest,
        };
        let decoder = self.decoder;
        VideoDone {
            stream: self.stream,
            serial: self.serial,
            result: result.map(|()| Decoded {
                decoder,
                place,
                pictures,
            }),
            time: (self.timer)().saturating_sub(start),
        }
    }

    /// What becomes of the frame when the job is lost, as when a decoder panics.
    pub fn lost(&self) -> VideoDone {
        VideoDone {
            stream: self.stream,
            serial: self.serial,
            result: Err(Error::GaveUp),
            time: Duration::ZERO,
        }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes for {})", self.data.len(), self.time)
    }
}
