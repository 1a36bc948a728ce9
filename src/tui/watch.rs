//! What passes on the channels, kept for the panes that show it.
//!
//! A [`Watch`] is a tap. While no pane looks it keeps nothing but which surfaces and streams there are; while one does, the
//! newest messages, up to a bound. Nobody waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::channel::display::messages::{ServerMessage, StreamCreate, SurfaceCreate};
use crate::channel::{ChannelId, ChannelKind, Message};
use crate::link::Established;
use crate::session::{Tap, Way};
use crate::wire::Frame;

/// Most messages that wait to be taken.
const MOST: usize = 5000;

/// Most bytes of them.
const MOST_BYTES: usize = 16 << 20;

/// Most bytes kept of one body.
const MOST_OF_ONE: usize = 2 << 20;

/// Most surfaces, and streams, that are remembered.
const MOST_THINGS: usize = 4096;

/// Something that happened on a channel.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Time since the session began.
    pub at: Duration,
    /// The channel.
    pub channel: ChannelId,
    /// What.
    pub what: Passed,
}

/// What happened on a channel.
#[derive(Clone, Debug)]
pub enum Passed {
    /// It was linked.
    Opened(Established),
    /// A frame passed. The second number is how many bytes its body had, where not all of them were kept.
    Frame(Way, Frame, usize),
    /// It is gone.
    Closed,
}

/// A tap, and the other end of it.
#[derive(Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    looks: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    seen: VecDeque<Seen>,
    /// INVARIANT: the bytes of the bodies in `seen`.
    bytes: usize,
    /// Messages that were left out.
    dropped: u64,
    things: Things,
}

/// The surfaces and streams of a session, by display and number.
#[derive(Clone, Debug, Default)]
pub struct Things {
    /// Surfaces, as they were made.
    pub surfaces: BTreeMap<(u8, u32), SurfaceCreate>,
    /// Streams, as they were made.
    pub streams: BTreeMap<(u8, u32), StreamCreate>,
    /// The channels, as they were linked.
    pub links: BTreeMap<ChannelId, Established>,
}

/// What was seen since the last time.
pub struct Taken {
    /// In order.
    pub seen: VecDeque<Seen>,
    /// Messages that were left out since then.
    pub dropped: u64,
}

impl Watch {
    /// Says whether anybody looks; what was kept for nobody is forgotten.
    pub fn look(&self, looks: bool) {
        if self.0.looks.swap(looks, Ordering::Relaxed) && !looks {
            drop(self.take());
        }
    }

    /// Whether anything waits to be taken.
    pub fn has_seen(&self) -> bool {
        !self.kept().seen.is_empty()
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Taken {
        let mut kept = self.kept();
        kept.bytes = 0;
        Taken {
            seen: std::mem::take(&mut kept.seen),
            dropped: std::mem::take(&mut kept.dropped),
        }
    }

    /// The surfaces and streams there are.
    pub fn things(&self) -> Things {
        self.kept().things.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that is kept can be half done.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, seen: Seen, len: usize) {
        if !self.0.looks.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.kept();
        kept.bytes += len;
        kept.seen.push_back(seen);
        while kept.seen.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.seen.pop_front() else {
                break;
            };
            if let Passed::Frame(_, frame, _) = oldest.what {
                kept.bytes -= frame.body.len();
                kept.dropped += 1;
            }
        }
    }

    /// Remembers what is made, and forgets what goes.
    fn note(&self, display: u8, frame: &Frame) {
        // STREAM_CREATE, STREAM_DESTROY, STREAM_DESTROY_ALL, SURFACE_CREATE, SURFACE_DESTROY.
        if !matches!(frame.number, 122 | 125 | 126 | 314 | 315) {
            return;
        }
        let Ok(message) = ServerMessage::decode(frame.number, &frame.body) else {
            return;
        };
        let things = &mut self.kept().things;
        match message {
            ServerMessage::SurfaceCreate(made) if things.surfaces.len() < MOST_THINGS => {
                things.surfaces.insert((display, made.surface_id), made);
            }
            ServerMessage::SurfaceDestroy(gone) => {
                things.surfaces.remove(&(display, gone.surface_id));
            }
            ServerMessage::StreamCreate(made) if things.streams.len() < MOST_THINGS => {
                things.streams.insert((display, made.id), made);
            }
            ServerMessage::StreamDestroy(gone) => {
                things.streams.remove(&(display, gone.id));
            }
            ServerMessage::StreamDestroyAll => things.streams.retain(|(of, _), _| *of != display),
            _ => {}
        }
    }
}

impl Tap for Watch {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        if channel.kind == ChannelKind::Display && way == Way::ToClient {
            self.note(channel.id, frame);
        }
        if !self.0.looks.load(Ordering::Relaxed) {
            return;
        }
        let whole = frame.body.len();
        let kept = frame.body.get(..MOST_OF_ONE).unwrap_or(&frame.body);
        let frame = Frame {
            // A copy: the body is a part of a larger buffer, which would be kept whole.
            body: Bytes::copy_from_slice(kept),
            ..*frame
        };
        let len = frame.body.len();
        let what = Passed::Frame(way, frame, whole);
        self.keep(Seen { at, channel, what }, len);
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        self.kept().things.links.insert(channel, link.clone());
        let what = Passed::Opened(link.clone());
        self.keep(Seen { at, channel, what }, 0);
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        let things = &mut self.kept().things;
        things.links.remove(&channel);
        if channel.kind == ChannelKind::Display {
            things
                .surfaces
                .retain(|(display, _), _| *display != channel.id);
            things
                .streams
                .retain(|(display, _), _| *display != channel.id);
        }
        let what = Passed::Closed;
        self.keep(Seen { at, channel, what }, 0);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
