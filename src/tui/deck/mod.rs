//! The player of recordings: a thread that plays one at the speed the user wants, and goes where the user wants.
//!
//! It stands in for a session: events come out as from a live one, and of commands only questions are answered. Another
//! thread reads the file to its end, for its length and what happens when, and then fills the index that makes seeking fast.

mod looker;
mod speed;
mod work;

pub use speed::Speed;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc as queue, watch};

use super::feed::Fed;
use super::origin::{Archive, Question, Search};
use crate::client::CommandSender;
use crate::recording::{Contents, Reader, RecordingError, Replay, Scan, SharedFile};
use crate::session::{ClientEvent, SessionConfig, Tap};
use looker::{Known, Looker};
use work::Work;

/// Events that may wait for the viewer; while they do, damage merges.
const EVENT_QUEUE: usize = 32;

/// How long the file is looked at before playing begins, so that short ones are known from the start.
const LOOK: Duration = Duration::from_millis(400);

type Handle = SharedFile<File>;

/// What to play, and how.
#[derive(Default)]
pub struct Wishes {
    /// Which session of the file, from 0; the one that a person most likely means, otherwise.
    pub session: Option<usize>,
    /// Where to begin.
    pub from: Duration,
    /// How fast.
    pub speed: Speed,
    /// Whether to wait for the user.
    pub paused: bool,
    /// Whether to begin again at the end.
    pub looping: bool,
    /// Sees every frame that is played.
    pub tap: Option<Box<dyn Tap>>,
}

/// What the user wants of the player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Stop, or go on.
    Pause,
    /// Play at this speed.
    Speed(Speed),
    /// Go forward, or back, by so many milliseconds.
    By(i64),
    /// Go to a moment.
    To(Duration),
    /// Go to so many tenths of the whole.
    Tenth(u8),
    /// Go to the end.
    End,
    /// Play one message, and stop.
    Message,
    /// Play one picture, and stop.
    Picture,
    /// Go to where something is drawn next.
    Change,
    /// Begin again at the end, or do not.
    Loop,
    /// Remember this moment.
    Mark,
    /// Go to the next place of interest; back, to the one before.
    Place {
        /// Whether back.
        back: bool,
    },
    /// Look for the messages that made a pixel what it is at this moment.
    WhoDrew(Question),
    /// Look for them no longer.
    Recall,
}

impl Order {
    /// Whether it leads on from where the one before it leads to.
    fn is_step(&self) -> bool {
        matches!(self, Self::Message | Self::Picture | Self::Change)
    }
}

/// Where playing is, and what there is to play.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The moment that is shown.
    pub at: Duration,
    /// The moment that is looked for.
    pub seeking: Option<Duration>,
    /// How long the recording is, as far as that is known.
    pub length: Duration,
    /// Bytes of the file read, of how many, while it is not known whole.
    pub scanned: Option<(u64, u64)>,
    /// The moment up to which going anywhere is fast; `None` when that is everywhere.
    pub indexed: Option<Duration>,
    /// How fast.
    pub speed: Speed,
    /// Whether it stands still.
    pub paused: bool,
    /// Whether everything was played.
    pub ended: bool,
    /// Whether it begins again at the end.
    pub looping: bool,
    /// What happens when.
    pub contents: Arc<Contents>,
    /// Moments the user marked.
    pub marks: Vec<Duration>,
    /// The message that was played last, while they are played one by one.
    pub message: Option<String>,
    /// What was missing in the file so far.
    pub losses: u64,
}

/// Plays a recording. Dropping it ends that.
pub struct Deck {
    events: queue::Receiver<ClientEvent>,
    timeline: watch::Receiver<Timeline>,
    orders: Sender<Order>,
    answers: watch::Receiver<Search>,
    commands: CommandSender,
    stop: Arc<AtomicBool>,
}

impl Deck {
    /// Begins to play a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or there is nothing to play in it.
    pub fn start(path: &Path, wishes: Wishes) -> Result<Self, RecordingError> {
        let file = File::open(path).map_err(RecordingError::unreadable)?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let reader = Reader::new(SharedFile::new(file))?;
        let mut scan = Scan::of_file(reader.fork(), bytes);
        let mut whole = scan.run(LOOK)?;
        while !whole && scan.survey().sessions.is_empty() {
            whole = scan.run(LOOK)?;
        }
        if scan.survey().sessions.is_empty() {
            return Err(scan.failure());
        }
        let sessions = scan.survey().sessions.len();
        let session = wishes.session.unwrap_or_else(|| scan.survey().choose(None));
        if session >= sessions && whole {
            return Err(RecordingError::no_session(session, sessions));
        }
        let config = SessionConfig {
            playback: true,
            ports: true,
            clock: monotonic,
            ..SessionConfig::default()
        };
        let (archive, answers) = Archive::new(reader.fork(), bytes);
        let mut replay = Replay::new(reader, session, config);
        replay.set_tap(wishes.tap);
        let (events, event_queue) = queue::channel(EVENT_QUEUE);
        let (commands, command_queue) = queue::channel(EVENT_QUEUE);
        let (orders, order_queue) = mpsc::channel();
        let known = Arc::new(Mutex::new(Known::of(&scan, session, bytes, whole)));
        let stop = Arc::new(AtomicBool::new(false));
        let begins = scan
            .survey()
            .sessions
            .get(session)
            .map_or(Duration::ZERO, |s| s.begins);
        let timeline = Timeline {
            speed: wishes.speed,
            paused: wishes.paused,
            looping: wishes.looping,
            ..Timeline::default()
        };
        let (told, timeline_queue) = watch::channel(timeline.clone());
        replay.index().learn(&scan, session);
        let mut work = Work {
            index: replay.index(),
            replay,
            events,
            waiting: VecDeque::new(),
            orders: order_queue,
            pending: VecDeque::new(),
            commands: command_queue,
            told,
            timeline,
            known: Arc::clone(&known),
            archive,
            base: (Instant::now(), Duration::ZERO),
            begins,
            published: Instant::now(),
            stepped: false,
        };
        if sessions > scan.survey().onward(session).len() {
            work.tell(format!(
                "session {} of {sessions} in this file; --session plays another",
                session + 1
            ));
        }
        let from = wishes.from.max(begins);
        work.pending.push_back(Order::To(from));
        let looker = Looker {
            scan: (!whole).then_some(scan),
            session,
            bytes,
            index: work.index.clone(),
            known,
            stop: Arc::clone(&stop),
        };
        spawn("player", move || work.run())?;
        spawn("index", move || looker.run())?;
        Ok(Self {
            events: event_queue,
            timeline: timeline_queue,
            orders,
            answers,
            commands: CommandSender::to(commands),
            stop,
        })
    }

    /// The next event, or another place; no event when the player is gone. Cancel safe: events stay in their queue.
    pub async fn next(&mut self) -> Fed {
        tokio::select! {
            biased;
            event = self.events.recv() => Fed::Event(event),
            Ok(()) = self.timeline.changed() => Fed::Timeline(Box::new(self.timeline())),
            Ok(()) = self.answers.changed() => {
                Fed::Search(Box::new(self.answers.borrow_and_update().clone()))
            }
        }
    }

    /// The next event, if one is waiting.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        self.events.try_recv().ok()
    }

    /// Where playing is, now.
    pub fn timeline(&mut self) -> Timeline {
        self.timeline.borrow_and_update().clone()
    }

    /// Has the player do something.
    pub fn order(&self, order: Order) {
        // Without a player the end is on its way as an event.
        let _ = self.orders.send(order);
    }

    /// For those who ask the session something; what they want of it otherwise is not done.
    pub fn sender(&self) -> CommandSender {
        self.commands.clone()
    }
}

impl Drop for Deck {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), RecordingError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(RecordingError::unreadable)
}

/// A clock for statistics.
fn monotonic() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
