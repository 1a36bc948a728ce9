//! What has to be said again so that somebody who comes late understands what follows: the newest small messages of each
//! channel. Surfaces and images are not among them: those are asked of the session itself.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::channel::cursor::messages::{CursorFlags, ServerMessage as Pointer};
use crate::channel::{ChannelId, ChannelKind, Message};
use crate::link::Established;
use crate::session::Way;
use crate::wire::Frame;

/// Most bytes kept of one channel: pointers of every size that clients keep.
const MOST_BYTES: usize = 40 << 20;

/// The open channels, and what is kept of them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    channels: BTreeMap<ChannelId, Kept>,
}

/// What is kept of a channel.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) link: Established,
    /// Of the newest frame from the server.
    pub(super) serial: u64,
    /// In the order they are to be said.
    frames: BTreeMap<Place, Frame>,
    bytes: usize,
}

/// A rank, and which of that rank.
type Place = (u8, u64);

/// What a message does to what is kept.
enum Deed {
    /// It is kept, in place of what was there.
    Keep(Place),
    /// Nothing of these ranks counts any more, and then it is kept or not.
    Forget(&'static [u8], Option<Place>),
    /// One is gone.
    Drop(Vec<Place>),
    Nothing,
}

impl Memory {
    pub(super) fn opened(&mut self, channel: ChannelId, link: &Established) {
        let kept = Kept {
            link: link.clone(),
            serial: 0,
            frames: BTreeMap::new(),
            bytes: 0,
        };
        self.channels.insert(channel, kept);
    }

    pub(super) fn closed(&mut self, channel: ChannelId) {
        self.channels.remove(&channel);
    }

    pub(super) fn frame(&mut self, channel: ChannelId, way: Way, frame: &Frame) {
        let Some(kept) = self
            .channels
            .get_mut(&channel)
            .filter(|_| way == Way::ToClient)
        else {
            return;
        };
        kept.serial = frame.serial;
        match deed(channel.kind, frame, kept.frames.len() as u64) {
            Deed::Keep(place) => kept.keep(place, frame),
            Deed::Forget(ranks, place) => {
                let gone: Vec<Place> = kept
                    .frames
                    .keys()
                    .filter(|(rank, _)| ranks.contains(rank))
                    .copied()
                    .collect();
                gone.iter().for_each(|place| kept.forget(place));
                place.into_iter().for_each(|place| kept.keep(place, frame));
            }
            Deed::Drop(places) => places.iter().for_each(|place| kept.forget(place)),
            Deed::Nothing => {}
        }
    }

    /// The open channels, the main one first.
    pub(super) fn channels(&self) -> impl Iterator<Item = (ChannelId, &Kept)> {
        self.channels.iter().map(|(id, kept)| (*id, kept))
    }
}

impl Kept {
    fn keep(&mut self, place: Place, frame: &Frame) {
        self.forget(&place);
        if self.bytes + frame.body.len() > MOST_BYTES {
            return;
        }
        self.bytes += frame.body.len();
        // Its own copy: it may share a large buffer.
        let body = Bytes::copy_from_slice(&frame.body);
        let frame = Frame {
            body,
            ..frame.clone()
        };
        self.frames.insert(place, frame);
    }

    fn forget(&mut self, place: &Place) {
        if let Some(frame) = self.frames.remove(place) {
            self.bytes -= frame.body.len();
        }
    }

    /// What is to be said again, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.values()
    }
}

fn deed(kind: ChannelKind, frame: &Frame, count: u64) -> Deed {
    let id = || {
        frame
            .body
            .first_chunk()
            .map_or(0, |id| u32::from_le_bytes(*id).into())
    };
    match (kind, frame.number) {
        (ChannelKind::Main, 103) => Deed::Keep((0, 0)),
        // Lists add to one another.
        (ChannelKind::Main, 104) => Deed::Keep((1, count)),
        (ChannelKind::Main, 113) => Deed::Keep((2, 0)),
        (ChannelKind::Main, 114) => Deed::Keep((3, 0)),
        (ChannelKind::Main, 105) => Deed::Keep((4, 0)),
        (ChannelKind::Main, 107 | 115) => Deed::Keep((5, 0)),
        (ChannelKind::Main, 108) => Deed::Keep((5, 0)),
        // STREAM_CREATE and what changes a stream.
        (ChannelKind::Display, 122) => Deed::Keep((0, id())),
        (ChannelKind::Display, 124) => Deed::Keep((1, id())),
        (ChannelKind::Display, 125) => Deed::Drop(vec![(0, id()), (1, id())]),
        (ChannelKind::Display, 126) => Deed::Forget(&[0, 1], None),
        (ChannelKind::Display, 317) => Deed::Keep((2, 0)),
        (ChannelKind::Display, 102) => Deed::Keep((3, 0)),
        // MODE, RESET, and a new primary: the screen is to be marked again.
        (ChannelKind::Display, 101 | 103) => Deed::Forget(&[3], None),
        (ChannelKind::Display, 314) if frame.body.get(16).is_some_and(|flags| flags & 1 != 0) => {
            Deed::Forget(&[3], None)
        }
        (ChannelKind::Cursor, _) => pointer(frame),
        (ChannelKind::Inputs, 101) => Deed::Keep((0, 0)),
        (ChannelKind::Inputs, 102) => Deed::Keep((1, 0)),
        (ChannelKind::Playback, 102) => Deed::Keep((0, 0)),
        (ChannelKind::Playback, 103) => Deed::Keep((1, 0)),
        (ChannelKind::Playback, 104) => Deed::Drop(vec![(1, 0)]),
        (ChannelKind::Playback, 105) => Deed::Keep((2, 0)),
        (ChannelKind::Playback, 106) => Deed::Keep((3, 0)),
        (ChannelKind::Port | ChannelKind::Webdav, 201) => Deed::Keep((0, 0)),
        (ChannelKind::Port | ChannelKind::Webdav, 202) => Deed::Keep((1, 0)),
        _ => Deed::Nothing,
    }
}

/// Shapes that are in the cache come before the one that is shown.
fn pointer(frame: &Frame) -> Deed {
    const INIT: u8 = 0;
    const CACHED: u8 = 1;
    const SHOWN: u8 = 2;
    const MOVED: u8 = 3;
    match Pointer::decode(frame.number, &frame.body) {
        Ok(Pointer::Init(_)) => Deed::Forget(&[INIT, CACHED, SHOWN, MOVED], Some((INIT, 0))),
        Ok(Pointer::Reset) => Deed::Forget(&[INIT, CACHED, SHOWN, MOVED], None),
        Ok(Pointer::Set(set)) if set.cursor.flags.contains(CursorFlags::CACHE_ME) => {
            let unique = set.cursor.header.map_or(0, |header| header.unique);
            Deed::Forget(&[SHOWN, MOVED], Some((CACHED, unique)))
        }
        Ok(Pointer::Set(_)) => Deed::Forget(&[MOVED], Some((SHOWN, 0))),
        Ok(Pointer::Move(_) | Pointer::Hide) => Deed::Keep((MOVED, 0)),
        Ok(Pointer::InvalOne(one)) => Deed::Drop(vec![(CACHED, one.id)]),
        Ok(Pointer::InvalAll) => Deed::Forget(&[CACHED], None),
        _ => Deed::Nothing,
    }
}
