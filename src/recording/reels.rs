//! The frames of videos that somebody needs to see who comes late: of each stream those since one that a decoder can begin
//! with, as long as they are not too many.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::channel::Message;
use crate::channel::display;
use crate::channel::display::messages::ServerMessage;
use crate::codec::video::Codec;
use crate::wire::Frame;

/// Most bytes kept of the videos of one display.
const MOST_BYTES: usize = 8 << 20;

/// Bytes that a frame takes beside its body, generously.
const FRAME_BYTES: usize = 128;

/// Most pixels that whoever goes to a seek point has to decode: 54 frames of 640×480.
const MOST_PIXELS: u64 = 16 << 20;

/// The videos of a display.
#[derive(Clone, Debug, Default)]
pub(super) struct Reels {
    all: BTreeMap<u32, Reel>,
    /// INVARIANT: what the frames in `all` take.
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Reel {
    codec: Option<Codec>,
    /// Of one frame.
    pixels: u64,
    /// `None` after one was left out, until a decoder can begin again.
    frames: Option<Vec<Frame>>,
}

impl Reels {
    /// The server says something.
    pub(super) fn frame(&mut self, frame: &Frame) {
        // STREAM_CREATE to STREAM_DESTROY_ALL, and STREAM_DATA_SIZED.
        if !matches!(frame.number, 122..=126 | 316) {
            return;
        }
        match ServerMessage::decode(frame.number, &frame.body) {
            Ok(ServerMessage::StreamCreate(create)) => {
                self.forget(create.id);
                let (width, height) = (create.stream_width, create.stream_height);
                let reel = Reel {
                    codec: display::codec_of(create.codec),
                    pixels: u64::from(width) * u64::from(height),
                    frames: Some(Vec::new()),
                };
                if self.all.len() < display::MAX_STREAMS as usize {
                    self.all.insert(create.id, reel);
                }
            }
            Ok(ServerMessage::StreamData(said)) => self.take(said.id, said.data, frame),
            Ok(ServerMessage::StreamDataSized(said)) => self.take(said.id, said.data, frame),
            Ok(ServerMessage::StreamDestroy(said)) => self.forget(said.id),
            Ok(ServerMessage::StreamDestroyAll) => *self = Self::default(),
            _ => {}
        }
    }

    fn forget(&mut self, id: u32) {
        if let Some(gone) = self.all.remove(&id) {
            self.bytes -= gone.bytes();
        }
    }

    fn take(&mut self, id: u32, data: &[u8], frame: &Frame) {
        let Some(reel) = self.all.get_mut(&id).filter(|_| !data.is_empty()) else {
            return;
        };
        let Some(codec) = reel.codec else { return };
        if codec.begins(data) {
            self.bytes -= reel.bytes();
            reel.frames = Some(Vec::new());
        } else if reel.frames.as_ref().is_none_or(Vec::is_empty) {
            reel.frames = None;
            return;
        }
        let len = frame.body.len() + FRAME_BYTES;
        if self.bytes + len > MOST_BYTES {
            self.bytes -= reel.bytes();
            reel.frames = None;
        } else if let Some(frames) = &mut reel.frames {
            self.bytes += len;
            frames.push(Frame {
                // It may share a large buffer.
                body: Bytes::copy_from_slice(&frame.body),
                ..*frame
            });
        }
    }

    /// What a fresh client is told of the videos of this one, behind their creation, and whether it shows the same then, and
    /// soon.
    pub(super) fn retell(&self, display: &display::Client, clock: u32) -> (Vec<Frame>, bool) {
        let (mut told, mut is_whole) = (Vec::new(), true);
        for stream in display.streams() {
            let reel = self.all.get(&stream.id);
            let frames = reel.and_then(|reel| {
                is_whole &= reel.is_short();
                display.retell(stream.id, reel.frames.as_ref()?, clock)
            });
            is_whole &= frames.is_some();
            told.extend(frames.into_iter().flatten());
        }
        (told, is_whole)
    }
}

impl Reel {
    fn bytes(&self) -> usize {
        let frames = self.frames.iter().flatten();
        frames.map(|frame| frame.body.len() + FRAME_BYTES).sum()
    }

    /// Whether it is decoded in no time.
    fn is_short(&self) -> bool {
        let frames = self.frames.as_ref().map_or(0, Vec::len) as u64;
        frames.saturating_mul(self.pixels) <= MOST_PIXELS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::display::draw::Clip;
    use crate::channel::display::messages::{StreamCreate, StreamData, StreamFlags, VideoCodec};
    use crate::geometry::Rect;

    /// A display keeps its streams then, as the client does.
    #[test]
    fn what_a_reset_leaves_running_is_remembered() {
        let create = StreamCreate {
            surface_id: 0,
            id: 5,
            flags: StreamFlags::default(),
            codec: VideoCodec::Mjpeg,
            stamp: 0,
            stream_width: 8,
            stream_height: 8,
            src_width: 8,
            src_height: 8,
            dest: Rect::new(0, 0, 8, 8),
            clip: Clip::None,
        };
        let said = StreamData {
            id: 5,
            multi_media_time: 1,
            data: &[1, 2, 3],
        };
        let mut reels = Reels::default();
        for message in [
            ServerMessage::StreamCreate(create),
            ServerMessage::StreamData(said),
            ServerMessage::Reset,
        ] {
            reels.frame(&message.to_frame());
        }
        assert_eq!(reels.all[&5].frames.as_ref().map(Vec::len), Some(1));
    }
}
