//! Recording a session while it runs: the session never waits for the disk.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::writer::{Choices, MOST_DATA, Writer};
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

/// How old what is not in the file yet may be.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// How a recording is going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written.
    pub bytes: u64,
    /// Frames written.
    pub frames: u64,
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
    /// Most bytes of the file.
    pub limit: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    progress: Progress,
    /// Bytes in the queue.
    waiting: usize,
}

enum What {
    Opened(ChannelId, Established),
    Frame(ChannelId, Way, Frame),
    Closed(ChannelId),
    Joined(Vec<Joined>, Scene),
}

/// A channel of a session that is recorded from its middle on.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) channel: ChannelId,
    /// As it is to be recorded.
    pub(super) link: Established,
    /// Serial of the newest frame.
    pub(super) serial: u64,
    /// What is to be said again, behind its part of the scene.
    pub(super) frames: Vec<Frame>,
}

/// Surfaces and images of such a session.
pub(super) enum Scene {
    /// The session to ask.
    Session(Box<ClientSession>),
    /// What it said.
    Frames(Vec<(ChannelId, Vec<Frame>)>),
}

impl Recorder {
    /// Begins a recording in an empty file. It goes on until the recorder and all its clones are dropped.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or no thread be started.
    pub fn start(file: File, about: &About) -> io::Result<(Self, Recording)> {
        let (queue, entries) = channel();
        let shared = Arc::<Mutex<Shared>>::default();
        let mut writer = Writer::new(
            BufWriter::with_capacity(BUFFER, file),
            &about.comment,
            SystemTime::now(),
            about.choices,
        )?;
        writer.flush()?;
        let (limit, theirs) = (about.limit, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || {
                let mut work = Work {
                    writer,
                    limit,
                    shared: theirs,
                };
                if let Err(why) = work.write_all(&entries) {
                    work.shared().progress.ended = Some(why);
                }
                // What else comes is dropped with the queue.
                if let Err(error) = work.writer.flush() {
                    let broken = Ended::Broken(error.to_string());
                    lock(&work.shared).progress.ended.get_or_insert(broken);
                }
            })?;
        let recorder = Self {
            queue,
            shared: Arc::clone(&shared),
        };
        Ok((recorder, Recording { shared, thread }))
    }

    /// Begins with what there is of a session.
    pub(super) fn join(&self, channels: Vec<Joined>, scene: Scene) {
        self.put(Duration::ZERO, What::Joined(channels, scene));
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

/// What the thread has.
struct Work {
    writer: Writer<BufWriter<File>>,
    limit: Option<u64>,
    shared: Arc<Mutex<Shared>>,
}

impl Work {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// Writes what comes until nothing can come any more.
    fn write_all(&mut self, entries: &Receiver<(Duration, What)>) -> Result<(), Ended> {
        let broken = |error: io::Error| Ended::Broken(error.to_string());
        let mut flushed = Instant::now();
        let mut unflushed = false;
        let mut last = Duration::ZERO;
        loop {
            let entry = if unflushed {
                entries.recv_timeout(FLUSH_EVERY.saturating_sub(flushed.elapsed()))
            } else {
                entries.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match entry {
                Ok((at, what)) => {
                    last = at;
                    self.write(at, &what)?;
                    unflushed = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if unflushed && flushed.elapsed() >= FLUSH_EVERY {
                self.writer.flush().map_err(broken)?;
                (flushed, unflushed) = (Instant::now(), false);
            }
            if let Some(ended) = &self.shared().progress.ended {
                return Err(ended.clone());
            }
        }
        self.writer.close(last).map_err(broken)
    }

    fn write(&mut self, at: Duration, what: &What) -> Result<(), Ended> {
        let bytes = what.bytes() as u64;
        if let Some(limit) = self
            .limit
            .filter(|limit| self.writer.written() + bytes > *limit)
        {
            return Err(Ended::Full { limit });
        }
        match what {
            What::Opened(channel, established) => self.writer.opened(at, *channel, established),
            What::Frame(channel, way, frame) => self.writer.frame(at, *channel, *way, frame),
            What::Closed(channel) => self.writer.closed(at, *channel),
            What::Joined(channels, scene) => self.join(at, channels, scene),
        }
        .map_err(|error| Ended::Broken(error.to_string()))?;
        let (bytes, frames) = (self.writer.written(), self.writer.frames());
        let mut shared = self.shared();
        shared.waiting -= what.bytes();
        (shared.progress.bytes, shared.progress.frames) = (bytes, frames);
        Ok(())
    }
}

impl Work {
    /// Links all channels, and says what a fresh session has to be told.
    fn join(&mut self, at: Duration, channels: &[Joined], scene: &Scene) -> io::Result<()> {
        let asked;
        let scene = match scene {
            Scene::Session(session) => {
                asked = session.recreate();
                &asked
            }
            Scene::Frames(frames) => frames,
        };
        for joined in channels {
            let (channel, serial) = (joined.channel, joined.serial);
            self.writer.opened(at, channel, &joined.link)?;
            let of_it = scene.iter().filter(|(id, _)| *id == channel);
            for frame in of_it.flat_map(|(_, frames)| frames).chain(&joined.frames) {
                let frame = Frame {
                    serial,
                    ..frame.clone()
                };
                self.writer.frame(at, channel, Way::ToClient, &frame)?;
            }
        }
        Ok(())
    }
}

impl What {
    /// What it counts for in the queue, and no less than it takes in the file.
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(_, _, frame) => {
                let packets = 1 + frame.body.len() / MOST_DATA;
                frame.body.len() + packets * FRAME_BYTES
            }
            Self::Opened(..) => LINK_BYTES,
            Self::Closed(_) => 3 * FRAME_BYTES,
            // What the session holds beside is its own.
            Self::Joined(channels, _) => channels.len() * LINK_BYTES,
        }
    }
}

/// What another thread's panic left behind is whole: nothing here is half done.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
