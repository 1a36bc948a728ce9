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

use super::trips::Trips;
use crate::canvas::Surface;
use crate::channel::display;
use crate::channel::display::messages::{
    ServerMessage, StreamCreate, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use crate::channel::{ChannelId, ChannelKind, Message};
use crate::link::Established;
use crate::pixels::PixelFormat;
use crate::session::{ClientSession, Tap, Way};
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
    /// What passed before the next thing on any channel was not seen, or another session begins.
    Skipped,
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
    /// How often each channel was linked.
    pub linked: BTreeMap<ChannelId, u32>,
    /// How long answers take.
    pub trips: Trips,
}

impl Things {
    fn open(&mut self, channel: ChannelId, link: &Established) {
        self.links.insert(channel, link.clone());
        *self.linked.entry(channel).or_default() += 1;
        self.trips.forget(channel);
    }

    fn close(&mut self, channel: ChannelId) {
        self.links.remove(&channel);
        if channel.kind == ChannelKind::Display {
            self.surfaces.retain(|(of, _), _| *of != channel.id);
            self.streams.retain(|(of, _), _| *of != channel.id);
        }
    }

    /// Holds what is known against a session: what it does not have is gone, and surfaces that it has are added.
    fn correct(&mut self, session: &ClientSession) {
        let displays: BTreeMap<u8, &display::Client> = session.displays().collect();
        let is_there = |display: u8, id: u32| {
            let client = displays.get(&display);
            client.is_some_and(|client| client.streams().any(|stream| stream.id == id))
        };
        self.streams
            .retain(|(display, id), _| is_there(*display, *id));
        self.surfaces.clear();
        for (id, client) in displays {
            let surfaces = client.canvas().surfaces().take(MOST_THINGS);
            let made = surfaces.map(|(number, surface)| ((id, number), made(number, surface)));
            self.surfaces.extend(made);
        }
    }
}

/// A surface as it was made.
fn made(surface_id: u32, surface: &Surface) -> SurfaceCreate {
    SurfaceCreate {
        surface_id,
        width: surface.size().width,
        height: surface.size().height,
        format: match surface.format() {
            PixelFormat::A1 => SurfaceFormat::A1,
            PixelFormat::A8 => SurfaceFormat::A8,
            PixelFormat::Rgb555 => SurfaceFormat::Rgb555,
            PixelFormat::Rgb565 => SurfaceFormat::Rgb565,
            PixelFormat::Xrgb => SurfaceFormat::Xrgb,
            PixelFormat::Argb => SurfaceFormat::Argb,
        },
        // The screen is surface 0 on every known server.
        flags: match surface_id {
            0 => SurfaceFlags::PRIMARY,
            _ => SurfaceFlags::empty(),
        },
    }
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

    /// What passes from here on belongs to another session.
    pub fn begin_anew(&self) {
        self.kept().things = Things::default();
        self.skip(Duration::ZERO);
    }

    fn skip(&self, at: Duration) {
        let (channel, what) = (ChannelId::MAIN, Passed::Skipped);
        self.keep(Seen { at, channel, what }, 0);
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
        if Trips::cares(frame.number) {
            self.kept()
                .things
                .trips
                .note(at, channel, way, frame.number);
        }
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
        self.kept().things.open(channel, link);
        let what = Passed::Opened(link.clone());
        self.keep(Seen { at, channel, what }, 0);
    }

    fn skipped(&mut self, at: Duration, session: &ClientSession) {
        self.kept().things.correct(session);
        self.skip(at);
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        self.kept().things.close(channel);
        let what = Passed::Closed;
        self.keep(Seen { at, channel, what }, 0);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
