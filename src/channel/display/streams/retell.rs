//! The messages that bring the video of a fresh client to where that of this one is.

use super::Streams;
use crate::channel::Message;
use crate::channel::display::messages::{ServerMessage, StreamData, StreamDataSized};
use crate::codec::video::Codec;
use crate::geometry::Rect;
use crate::wire::Frame;

impl Streams {
    /// See [`Client::retell`](crate::channel::display::Client::retell).
    pub fn retell(&self, id: u32, seen: &[Frame], clock: u32) -> Option<Vec<Frame>> {
        let stream = self.streams.get(&id)?;
        let first = stream.first_waiting();
        let waits = |time: u32| {
            let is_before = |first: u32| (time.wrapping_sub(first) as i32) < 0;
            // One without a time was shown soon after it came.
            time != 0 && !first.is_none_or(is_before)
        };
        let stands_alone = stream.codec == Codec::Mjpeg;
        if stands_alone && stream.is_decoding() {
            return None;
        }
        let mut frames = Vec::with_capacity(seen.len());
        for frame in seen {
            let (time, data) = match ServerMessage::decode(frame.number, &frame.body).ok()? {
                ServerMessage::StreamData(said) => (said.multi_media_time, said.data),
                ServerMessage::StreamDataSized(said) => (said.multi_media_time, said.data),
                _ => continue,
            };
            match (waits(time), stands_alone) {
                (true, false) => frames.push(frame.clone()),
                // They come below.
                (true, true) => {}
                (false, true) => frames.push(shown(id, clock, &stream.whole(data))),
                (false, false) => frames.push(shown(id, clock, data)),
            }
        }
        for frame in stream.waiting().filter(|_| stands_alone) {
            let (multi_media_time, data) = (frame.time, frame.data.as_slice());
            let message = match frame.dest == stream.dest {
                true => ServerMessage::StreamData(StreamData {
                    id,
                    multi_media_time,
                    data,
                }),
                false => sized(id, multi_media_time, frame.dest, data),
            };
            frames.push(message.to_frame());
        }
        Some(frames)
    }
}

/// A frame that was shown.
fn shown(id: u32, clock: u32, data: &[u8]) -> Frame {
    sized(id, clock, Rect::default(), data).to_frame()
}

fn sized(id: u32, multi_media_time: u32, dest: Rect, data: &[u8]) -> ServerMessage<'_> {
    ServerMessage::StreamDataSized(StreamDataSized {
        id,
        multi_media_time,
        width: dest.width(),
        height: dest.height(),
        dest,
        data,
    })
}
