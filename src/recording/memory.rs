//! What has to be said again so that somebody who comes late understands what follows: the newest small messages of each
//! channel, and the frames that videos go on from. Surfaces and images are not among them: those are asked of the session
//! itself.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::reels::Reels;
use crate::channel::cursor::messages::{CursorFlags, ServerMessage as Pointer};
use crate::channel::{ChannelId, ChannelKind, Message};
use crate::link::Established;
use crate::session::{ClientSession, Way};
use crate::wire::Frame;

/// Most bytes kept of one channel: pointers of every size that clients keep.
const MOST_BYTES: usize = 40 << 20;

/// Bytes that a message takes beside its body, generously.
const OWN_BYTES: usize = 256;

/// Number of INIT, which the client of a display says first.
const DISPLAY_INIT: u16 = 101;

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
    /// Of the newest frame from the client.
    client_serial: u64,
    /// What the client of a display said first.
    hello: Option<Frame>,
    /// In the order they are to be said.
    frames: BTreeMap<Place, Frame>,
    bytes: usize,
    /// Of a display.
    pub(super) reels: Reels,
}

/// Frames of videos, by display channel.
pub(super) type Videos = BTreeMap<ChannelId, Vec<Frame>>;

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
            client_serial: 0,
            hello: None,
            frames: BTreeMap::new(),
            bytes: 0,
            reels: Reels::default(),
        };
        self.channels.insert(channel, kept);
    }

    /// A channel is gone; what was kept of it.
    pub(super) fn closed(&mut self, channel: ChannelId) -> Option<Kept> {
        self.channels.remove(&channel)
    }

    /// A channel that was opened goes on with what was kept of one before.
    pub(super) fn take_over(&mut self, channel: ChannelId, kept: Kept) {
        if let Some(fresh) = self.channels.get_mut(&channel) {
            let link = fresh.link.clone();
            *fresh = Kept { link, ..kept };
        }
    }

    pub(super) fn frame(&mut self, channel: ChannelId, way: Way, frame: &Frame) {
        let Some(kept) = self.channels.get_mut(&channel) else {
            return;
        };
        if way == Way::ToServer {
            kept.client_serial = frame.serial;
            if (channel.kind, frame.number) == (ChannelKind::Display, DISPLAY_INIT) {
                kept.hello = Some(owned(frame));
            }
            return;
        }
        kept.serial = frame.serial;
        if channel.kind == ChannelKind::Display {
            kept.reels.frame(frame);
        }
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

    /// What is to be said again of the videos of a session whose multi-media clock this is: after it, whether a fresh session
    /// that hears it shows them as they are.
    pub(super) fn retell(&self, session: &ClientSession, clock: u32) -> (Videos, bool) {
        let (mut videos, mut is_whole) = (Videos::new(), true);
        for (id, display) in session.displays() {
            let channel = ChannelId::new(ChannelKind::Display, id);
            if let Some(kept) = self.channels.get(&channel) {
                let (frames, all) = kept.reels.retell(display, clock);
                is_whole &= all;
                videos.insert(channel, frames);
            }
        }
        (videos, is_whole)
    }

    /// Whether a channel is open.
    pub(super) fn has(&self, channel: ChannelId) -> bool {
        self.channels.contains_key(&channel)
    }

    /// The open channels, the main one first.
    pub(super) fn channels(&self) -> impl Iterator<Item = (ChannelId, &Kept)> {
        self.channels.iter().map(|(id, kept)| (*id, kept))
    }
}

impl Kept {
    fn keep(&mut self, place: Place, frame: &Frame) {
        self.forget(&place);
        let bytes = OWN_BYTES + frame.body.len();
        if self.bytes + bytes > MOST_BYTES {
            return;
        }
        self.bytes += bytes;
        self.frames.insert(place, owned(frame));
    }

    fn forget(&mut self, place: &Place) {
        if let Some(frame) = self.frames.remove(place) {
            self.bytes -= OWN_BYTES + frame.body.len();
        }
    }

    /// What the client said first, as it is to be said again.
    pub(super) fn hello(&self) -> Option<Frame> {
        let hello = self.hello.clone()?;
        Some(Frame {
            serial: self.client_serial,
            ..hello
        })
    }

    /// What is to be said again, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.values()
    }
}

/// The frame with its own copy of the bytes: it may share a large buffer.
fn owned(frame: &Frame) -> Frame {
    Frame {
        body: Bytes::copy_from_slice(&frame.body),
        ..frame.clone()
    }
}

fn deed(kind: ChannelKind, frame: &Frame, count: u64) -> Deed {
    let word = |at: usize| {
        let word = frame.body.get(at..).and_then(|rest| rest.first_chunk());
        word.map_or(0, |word| u32::from_le_bytes(*word).into())
    };
    let id = || word(0);
    match (kind, frame.number) {
        (ChannelKind::Main, 103) => Deed::Keep((0, 0)),
        // Lists add to one another.
        (ChannelKind::Main, 104) => Deed::Keep((1, count)),
        (ChannelKind::Main, 113) => Deed::Keep((2, 0)),
        (ChannelKind::Main, 114) => Deed::Keep((3, 0)),
        (ChannelKind::Main, 105) => Deed::Keep((4, 0)),
        (ChannelKind::Main, 107 | 115) => Deed::Keep((5, 0)),
        (ChannelKind::Main, 108) => Deed::Keep((5, 0)),
        // STREAM_CREATE, which names the surface first, and what changes a stream.
        (ChannelKind::Display, 122) => Deed::Keep((0, word(4))),
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

#[cfg(test)]
mod tests {
    use super::*;

    const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

    /// The numbers of what is kept after these frames from the server.
    fn kept(frames: &[(u16, &[u32])]) -> Vec<u16> {
        let mut memory = Memory::default();
        memory.opened(DISPLAY, &Established::default());
        for (number, words) in frames {
            let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            memory.frame(DISPLAY, Way::ToClient, &Frame::new(*number, body));
        }
        let channels = memory.channels();
        let frames = channels.flat_map(|(_, kept)| kept.frames().map(|frame| frame.number));
        frames.collect()
    }

    /// Spec 07: STREAM_CREATE (122) begins with the surface and then the stream, CLIP (124) and DESTROY (125) with the stream.
    #[test]
    fn a_stream_that_was_destroyed_is_not_said_again() {
        let create = (122, &[0, 5, 0, 1][..]);
        assert_eq!(kept(&[create, (124, &[5, 0])]), [122, 124]);
        assert!(kept(&[create, (124, &[5, 0]), (125, &[5])]).is_empty());
        assert_eq!(kept(&[create, (122, &[0, 6, 0, 1]), (125, &[5])]), [122]);
        assert!(kept(&[create, (122, &[0, 6, 0, 1]), (126, &[])]).is_empty());
    }

    #[test]
    fn very_many_small_messages_are_not_all_kept() {
        let mut memory = Memory::default();
        memory.opened(ChannelId::MAIN, &Established::default());
        let list = Frame::new(104, Bytes::new());
        for _ in 0..200_000 {
            memory.frame(ChannelId::MAIN, Way::ToClient, &list);
        }
        let kept: usize = memory
            .channels()
            .map(|(_, kept)| kept.frames().count())
            .sum();
        assert!(kept * OWN_BYTES <= MOST_BYTES, "{kept}");
    }
}
