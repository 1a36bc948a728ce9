//! Recording a session while it runs: the session never waits for the disk.
//!
//! A recording in several files ([`Series`]) needs the session at every border: each file begins with messages that make
//! anew what was there before, so that it plays alone. The session is asked for when a file is full, and what comes until
//! it can be seen still goes into that file; so files are somewhat larger than was asked for.

mod series;
mod work;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use series::{Border, Files, Series};
use work::Work;

use super::note;
use super::writer::{Agent, Choices, MOST_DATA};
use crate::channel::ChannelId;
use crate::link::Established;
use crate::session::{ClientSession, Tap, Way};
use crate::wire::Frame;

/// Most bytes that wait for the disk (architecture §6).
const MOST_WAITING: usize = 64 << 20;

/// Bytes that a packet of the file takes beside its data, and more than an entry of the queue takes beside its frame.
const FRAME_BYTES: usize = 128;

/// Bytes that a link exchange takes in the file; capabilities are a few words.
const LINK_BYTES: usize = 2048;

/// How a recording is going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written, in all files together.
    pub bytes: u64,
    /// Frames written.
    pub frames: u64,
    /// The files of a recording in several.
    pub files: Arc<Files>,
    /// Why it ended before the session did.
    pub ended: Option<Ended>,
}

/// Why a recording ended before its session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The file reached its limit.
    Full {
        /// The limit, bytes.
        limit: u64,
    },
    /// The disk was too slow: more waited than is kept.
    TooSlow,
    /// The file cannot be written.
    Broken(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full { limit } => write!(f, "it has reached its limit of {limit} bytes"),
            Self::TooSlow => f.write_str("the disk is too slow for it"),
            Self::Broken(why) => write!(f, "it cannot be written: {why}"),
        }
    }
}

/// Where frames go in: the tap of a session.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: Sender<(Duration, What)>,
    shared: Arc<Mutex<Shared>>,
}

/// Where it is seen how the recording goes, and its end is waited for.
#[derive(Debug)]
pub struct Recording {
    shared: Arc<Mutex<Shared>>,
    thread: JoinHandle<()>,
}

/// What is recorded, and how much of it.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// A comment at the beginning: what is recorded. Without secrets.
    pub comment: String,
    /// What goes into it beside what the server sends.
    pub choices: Choices,
    /// Most bytes of the recording, of all its files together.
    pub limit: Option<u64>,
    /// Seek points.
    pub spacing: Spacing,
}

/// How far apart seek points are. They are written where a [`Switch`](super::Switch) records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spacing {
    /// Bytes between two, at least: what is less is played in no time.
    pub bytes: u64,
    /// Time between two, at least: making one costs as much as drawing a few screens.
    pub time: Duration,
    /// How many times more there is between two than in one, as far as that can be foreseen; four fifths of it in any case.
    pub share: u64,
}

impl Default for Spacing {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            time: Duration::from_secs(5),
            share: 10,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    progress: Progress,
    /// Bytes in the queue.
    waiting: usize,
    /// What the session is wanted for.
    wish: Option<Wish>,
    /// How often it was shown without that being written yet: what is wished for meanwhile is on its way.
    shown: usize,
    /// When the current file is old enough.
    border: Option<Instant>,
}

/// What a recorder wants to see its session for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// To write a seek point.
    Point,
    /// To begin another file.
    File,
}

enum What {
    Opened(ChannelId, Established),
    Frame(ChannelId, Way, Frame),
    Closed(ChannelId),
    /// The session is over, and the next one goes on with it.
    GoesOn(Vec<ChannelId>),
    Marked(String),
    State(State, Why),
}

/// A session in its middle.
pub(super) struct State {
    pub(super) channels: Vec<Joined>,
    pub(super) scene: Scene,
    /// Whether a video plays, whose pictures depend on when they are shown.
    pub(super) has_video: bool,
    pub(super) agent: Agent,
}

/// Why a session is told from its middle on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The recording begins.
    Begin,
    /// It goes on in another file.
    File,
    /// It goes on behind what changed all channels.
    Anew,
    /// To find the place again.
    Point,
}

/// A channel of a session that is recorded from its middle on.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) channel: ChannelId,
    /// As it is to be recorded.
    pub(super) link: Established,
    /// Serial of the newest frame.
    pub(super) serial: u64,
    /// What the client says first where that is a rule, with the serial before that of its next frame.
    pub(super) hello: Option<Frame>,
    /// What is to be said again, behind its part of the scene.
    pub(super) frames: Vec<Frame>,
}

/// Surfaces and images of such a session, told on the thread that writes.
pub(super) enum Scene {
    /// The session to ask.
    Session(Box<ClientSession>),
    /// What it said.
    Frames(Vec<(ChannelId, Vec<Frame>)>),
}

impl State {
    /// What there is to say on each channel: its part of the scene, and the rest behind it.
    fn told(self) -> Vec<(Joined, Vec<Frame>)> {
        let mut scene = self.scene.frames();
        let told = |joined: Joined| {
            let place = scene.iter().position(|(id, _)| *id == joined.channel);
            let mut frames = place.map_or_else(Vec::new, |place| scene.swap_remove(place).1);
            frames.extend_from_slice(&joined.frames);
            (joined, frames)
        };
        self.channels.into_iter().map(told).collect()
    }
}

impl Scene {
    /// Check sums of its surfaces, where they can be known.
    fn surfaces(&self) -> Vec<note::Surface> {
        match self {
            Self::Session(session) => note::Surface::all(session),
            Self::Frames(_) => Vec::new(),
        }
    }

    /// What there is to say on each display channel.
    fn frames(self) -> Vec<(ChannelId, Vec<Frame>)> {
        match self {
            Self::Session(mut session) => {
                session.develop();
                session.recreate()
            }
            Self::Frames(frames) => frames,
        }
    }
}

impl Recorder {
    /// Begins a recording in an empty file. It goes on until the recorder and all its clones are dropped.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or no thread be started.
    pub fn start(file: File, about: &About) -> io::Result<(Self, Recording)> {
        Self::begin(file, None, about)
    }

    /// The same in a file that was just made, which is removed again where nothing can be written into it.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_in_new(file: File, path: &Path, about: &About) -> io::Result<(Self, Recording)> {
        Self::start(file, about).inspect_err(|_| series::remove(path))
    }

    /// The same in the files of a series. It has to be the recorder of a [`Switch`](super::Switch), which sees the session.
    ///
    /// # Errors
    ///
    /// When the first file cannot be made or written, or no thread be started.
    pub fn start_series(mut series: Series, about: &About) -> io::Result<(Self, Recording)> {
        let file = series.next_file()?;
        let first = series.name(1);
        Self::begin(file, Some(series), about).inspect_err(|_| series::remove(&first))
    }

    fn begin(file: File, series: Option<Series>, about: &About) -> io::Result<(Self, Recording)> {
        let (queue, entries) = channel();
        let shared = Arc::<Mutex<Shared>>::default();
        let mut work = Work::new(file, series, about, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || work.run(&entries))?;
        let recorder = Self {
            queue,
            shared: Arc::clone(&shared),
        };
        Ok((recorder, Recording { shared, thread }))
    }

    /// What it wants to see the session for, now.
    pub(super) fn wish(&self) -> Option<Wish> {
        let shared = lock(&self.shared);
        let is_old = shared.border.is_some_and(|border| Instant::now() >= border);
        let wish = shared.wish.max(is_old.then_some(Wish::File));
        wish.filter(|_| shared.progress.ended.is_none() && shared.shown == 0)
    }

    /// The session as it is `at` after the recording began.
    pub(super) fn state(&self, at: Duration, state: State, why: Why) {
        {
            let mut shared = lock(&self.shared);
            shared.shown += 1;
            if why == Why::File {
                shared.border = None;
            }
        }
        self.put(at, What::State(state, why));
    }

    /// The session is over `at` after the recording began, with these channels, and another one goes on with it.
    pub(super) fn go_on(&self, at: Duration, channels: Vec<ChannelId>) {
        self.put(at, What::GoesOn(channels));
    }

    /// Somebody marks this moment.
    pub(super) fn mark(&self, at: Duration, text: String) {
        self.put(at, What::Marked(text));
    }

    fn put(&self, at: Duration, what: What) {
        let bytes = what.bytes();
        {
            let mut shared = lock(&self.shared);
            if shared.progress.ended.is_some() {
                return;
            }
            if shared.waiting + bytes > MOST_WAITING {
                shared.progress.ended = Some(Ended::TooSlow);
                return;
            }
            shared.waiting += bytes;
        }
        // Fails only when the writer has ended, which it says itself.
        let _ = self.queue.send((at, what));
    }
}

impl Tap for Recorder {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        self.put(at, What::Frame(channel, way, frame.clone()));
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        self.put(at, What::Opened(channel, link.clone()));
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        self.put(at, What::Closed(channel));
    }
}

impl Recording {
    /// How it goes.
    pub fn progress(&self) -> Progress {
        lock(&self.shared).progress.clone()
    }

    /// Whether something of what was recorded is not written yet.
    pub fn is_behind(&self) -> bool {
        let shared = lock(&self.shared);
        shared.waiting > 0 && shared.progress.ended.is_none()
    }

    /// Waits until all that was recorded is in the file; call it when the session is over and its recorder is dropped.
    ///
    /// # Panics
    ///
    /// When the writer did.
    pub fn finish(self) -> Progress {
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
        lock(&self.shared).progress.clone()
    }
}

impl What {
    /// What it counts for in the queue, and no less than it takes in the file.
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(_, _, frame) => bytes_of(frame),
            Self::Opened(..) => LINK_BYTES,
            Self::Closed(_) => 3 * FRAME_BYTES,
            Self::GoesOn(channels) => (1 + 3 * channels.len()) * FRAME_BYTES,
            // In a note, as a comment of the next packet, and in the index.
            Self::Marked(text) => FRAME_BYTES + 3 * text.len(),
            // What the session holds beside is its own, and counted when it is told.
            Self::State(state, _) => state.channels.len() * LINK_BYTES,
        }
    }
}

/// No less than a frame takes in the file.
fn bytes_of(frame: &Frame) -> usize {
    let packets = 1 + frame.body.len() / MOST_DATA;
    frame.body.len() + packets * FRAME_BYTES
}

/// What another thread's panic left behind is whole: nothing here is half done.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
