//! The session of somebody else, as it passes through a proxy: its picture, its numbers, its messages.
//!
//! A [`Witness`] is the tap of one session; the thread of the [`Mirror`] plays what the newest of them sees into a session of its
//! own. Nobody waits for it: where it cannot keep up the picture stops, and the messages go on.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc as queue;

use super::watch::{Passed, Seen, Watch};
use crate::channel::ChannelId;
use crate::client::CommandSender;
use crate::link::Established;
use crate::recording::Reenactment;
use crate::session::{
    ClientEvent, CloseReason, Command, Held, Hold, Notice, SessionConfig, Tap, Way,
};
use crate::wire::Frame;

/// Events that may wait for the viewer; while they do, damage merges.
const EVENT_QUEUE: usize = 32;

/// Most bytes of what passed and was not played yet.
const MOST_BYTES: usize = 64 << 20;

/// Most things of it.
const MOST_THINGS: usize = 50_000;

/// Most of what is to be told to a viewer that takes nothing, because it is stopped for one.
const MOST_TOLD: usize = 1000;

/// How long the thread sleeps where nothing passes.
const NAP: Duration = Duration::from_millis(50);

/// The other end of the witnesses: what the viewer views. Dropping it ends the thread.
pub struct Mirror {
    events: queue::Receiver<ClientEvent>,
    commands: CommandSender,
    shared: Arc<Shared>,
}

/// Makes witnesses of sessions, and tells the viewer things.
#[derive(Clone)]
pub struct Usher {
    shared: Arc<Shared>,
    watch: Watch,
}

/// Sees the frames of one session.
pub struct Witness {
    session: u64,
    shared: Arc<Shared>,
    watch: Watch,
}

#[derive(Default)]
struct Shared {
    /// The session that is shown.
    newest: AtomicU64,
    ends: AtomicBool,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    things: VecDeque<Thing>,
    /// INVARIANT: the bytes of the bodies in `things`.
    bytes: usize,
    /// Whether something of the newest session is missing.
    is_behind: bool,
}

/// What the thread is told.
enum Thing {
    /// Another session begins, and is shown from here on.
    Begins(u64),
    Seen(Seen),
    /// Something for the user to know.
    Told(String),
    /// What was seen last passed by itself, while the session is held.
    Stepped,
    /// The picture could not keep up.
    Behind,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in it can be half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, thing: Thing, len: usize) {
        let mut waiting = self.waiting();
        match thing {
            Thing::Begins(_) => {
                let stays = |thing: &Thing| matches!(thing, Thing::Told(_) | Thing::Stepped);
                waiting.things.retain(stays);
                (waiting.bytes, waiting.is_behind) = (0, false);
            }
            Thing::Seen(_) if waiting.is_behind => return,
            Thing::Seen(_)
                if waiting.bytes + len > MOST_BYTES || waiting.things.len() >= MOST_THINGS =>
            {
                waiting.is_behind = true;
                waiting.things.push_back(Thing::Behind);
                return;
            }
            Thing::Told(_) if waiting.things.len() >= 2 * MOST_THINGS => return,
            _ => {}
        }
        waiting.bytes += len;
        waiting.things.push_back(thing);
        drop(waiting);
        self.wake.notify_one();
    }

    /// What has come, after a nap at most.
    fn take(&self) -> VecDeque<Thing> {
        let waiting = self.waiting();
        let napped = self
            .wake
            .wait_timeout_while(waiting, NAP, |waiting| waiting.things.is_empty());
        let (mut waiting, _) = napped.unwrap_or_else(PoisonError::into_inner);
        waiting.bytes = 0;
        std::mem::take(&mut waiting.things)
    }
}

impl Mirror {
    /// A mirror that shows nothing yet, and what makes its witnesses; `watch` is what the viewer's panes look at, and `holds`
    /// is told when the session is to be held and to go on.
    ///
    /// # Errors
    ///
    /// When the system has no thread for it.
    pub fn start(watch: Watch, holds: impl Fn(Hold) + Send + 'static) -> io::Result<(Self, Usher)> {
        let shared = Arc::<Shared>::default();
        let (events, event_queue) = queue::channel(EVENT_QUEUE);
        let (commands, command_queue) = queue::channel(EVENT_QUEUE);
        let work = Work {
            shared: Arc::clone(&shared),
            stage: None,
            channels: Vec::new(),
            waiting: VecDeque::new(),
            events,
            commands: command_queue,
            holds: Box::new(holds),
            steps: 0,
            base: (Instant::now(), Duration::ZERO),
        };
        thread::Builder::new()
            .name("mirror".to_owned())
            .spawn(move || work.run())?;
        let usher = Usher {
            shared: Arc::clone(&shared),
            watch,
        };
        let mirror = Self {
            events: event_queue,
            commands: CommandSender::to(commands),
            shared,
        };
        Ok((mirror, usher))
    }

    /// The next event; `None` when the thread is gone. Cancel safe: events stay in their queue.
    pub async fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.recv().await
    }

    /// The next event, if one is waiting.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        self.events.try_recv().ok()
    }

    /// For those who ask for numbers, or hold the session; what they want otherwise is not done.
    pub fn sender(&self) -> CommandSender {
        self.commands.clone()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        self.shared.wake.notify_one();
    }
}

impl Usher {
    /// A witness of this session, which is shown from here on.
    pub fn witness(&self, session: u64) -> Witness {
        self.shared.newest.fetch_max(session, Ordering::Relaxed);
        self.shared.push(Thing::Begins(session), 0);
        self.watch.begin_anew();
        Witness {
            session,
            shared: Arc::clone(&self.shared),
            watch: self.watch.clone(),
        }
    }

    /// What the witnesses saw last passed by itself.
    pub fn stepped(&self) {
        self.shared.push(Thing::Stepped, 0);
    }

    /// Has the viewer say something.
    pub fn tell(&self, text: String) {
        self.shared.push(Thing::Told(text), 0);
    }
}

impl Witness {
    fn is_shown(&self) -> bool {
        self.shared.newest.load(Ordering::Relaxed) == self.session
    }

    fn push(&self, at: Duration, channel: ChannelId, what: Passed, len: usize) {
        let seen = Seen { at, channel, what };
        self.shared.push(Thing::Seen(seen), len);
    }
}

impl Tap for Witness {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        if !self.is_shown() {
            return;
        }
        self.watch.frame(at, channel, way, frame);
        if way == Way::ToClient {
            let len = frame.body.len();
            let frame = Frame {
                // A copy: the body is a part of a larger buffer, which would be kept whole.
                body: Bytes::copy_from_slice(&frame.body),
                ..*frame
            };
            self.push(at, channel, Passed::Frame(way, frame, len), len);
        }
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        if self.is_shown() {
            self.watch.opened(at, channel, link);
            self.push(at, channel, Passed::Opened(link.clone()), 0);
        }
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        if self.is_shown() {
            self.watch.closed(at, channel);
            self.push(at, channel, Passed::Closed, 0);
        }
    }
}

/// The thread that plays.
struct Work {
    shared: Arc<Shared>,
    /// `None` while there is no session, or its picture is given up.
    stage: Option<Reenactment>,
    /// Channels of the newest session that are open, whether or not its picture is given up.
    channels: Vec<ChannelId>,
    /// To be told before anything else.
    waiting: VecDeque<ClientEvent>,
    events: queue::Sender<ClientEvent>,
    commands: queue::Receiver<Command>,
    holds: Box<dyn Fn(Hold) + Send>,
    /// Messages that passed by themselves and are to be told of, behind what they told.
    steps: u32,
    /// A moment of the clock, and the moment of the session that belongs to it.
    base: (Instant, Duration),
}

impl Work {
    fn run(mut self) {
        while !self.shared.ends.load(Ordering::Relaxed) && !self.events.is_closed() {
            for thing in self.shared.take() {
                self.take_in(thing);
            }
            let (then, at) = self.base;
            if let Some(stage) = &mut self.stage {
                stage.run_clock(at.saturating_add(then.elapsed()));
            }
            self.answer();
            self.put_out();
        }
        // Nobody is there to let it go on.
        (self.holds)(Hold::Off);
    }

    fn take_in(&mut self, thing: Thing) {
        match thing {
            Thing::Begins(session) => {
                self.retire();
                self.channels.clear();
                self.stage = Some(Reenactment::new(config()));
                if session > 1 {
                    self.tell(format!("session {session} begins; it is shown now"));
                }
            }
            Thing::Behind => {
                self.retire();
                self.tell("more passes than can be shown here: the picture stops".into());
            }
            Thing::Told(text) => self.tell(text),
            Thing::Stepped => self.steps += 1,
            Thing::Seen(Seen { at, channel, what }) => self.play(at, channel, what),
        }
    }

    fn play(&mut self, at: Duration, channel: ChannelId, what: Passed) {
        self.base = (Instant::now(), at);
        match what {
            Passed::Opened(_) => self.channels.push(channel),
            Passed::Closed => {
                self.channels.retain(|open| *open != channel);
                if self.channels.is_empty() {
                    self.tell("the session is over; the next one will be shown".into());
                }
            }
            Passed::Frame(..) | Passed::Skipped => {}
        }
        let Some(stage) = &mut self.stage else {
            return;
        };
        stage.run_clock(at);
        match what {
            Passed::Opened(link) => stage.opened(channel, link),
            Passed::Frame(_, frame, _) => stage.receive(channel, frame),
            // The end of main is that of the session, which says nothing any more then.
            Passed::Closed if channel != ChannelId::MAIN => stage.closed(channel),
            Passed::Closed | Passed::Skipped => {}
        }
    }

    /// The session that was shown is shown no longer.
    fn retire(&mut self) {
        let Some(mut stage) = self.stage.take() else {
            return;
        };
        for channel in self.channels.iter().filter(|id| **id != ChannelId::MAIN) {
            stage.closed(*channel);
        }
        while let Some(event) = stage.poll_event() {
            if matches!(event, ClientEvent::ChannelClosed(..)) {
                self.waiting.push_back(event);
            }
        }
    }

    /// Answers those who ask for numbers, and passes on when the session is to be held.
    fn answer(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match (command, &self.stage) {
                (Command::Stats, Some(stage)) => {
                    let stats = Box::new(stage.session().stats(stage.now()));
                    self.waiting.push_back(ClientEvent::Stats(stats));
                }
                (Command::Hold(hold), _) => (self.holds)(hold),
                _ => {}
            }
        }
    }

    /// Tells the viewer what there is room for.
    fn put_out(&mut self) {
        while let Ok(room) = self.events.try_reserve() {
            let of_stage = |stage: &mut Reenactment| stage.poll_event();
            let event = self.waiting.pop_front();
            match event.or_else(|| self.stage.as_mut().and_then(of_stage)) {
                // It is heard where the client is.
                Some(ClientEvent::Playback(_) | ClientEvent::Record(_)) => {}
                Some(ClientEvent::Closed(reason)) => {
                    let text = format!("the session ends here: {reason}");
                    room.send(ClientEvent::Notice(notice(text)));
                    self.stage = None;
                    // It says nothing of the others, whose pictures would stay.
                    let others = self.channels.iter().filter(|id| **id != ChannelId::MAIN);
                    let closed =
                        |id: &ChannelId| ClientEvent::ChannelClosed(*id, CloseReason::ByPeer);
                    self.waiting.extend(others.map(closed));
                }
                Some(event) => room.send(event),
                None if self.steps > 0 => {
                    self.steps -= 1;
                    room.send(ClientEvent::Held(Held::Stepped));
                }
                None => return,
            }
        }
    }

    fn tell(&mut self, text: String) {
        if self.waiting.len() < MOST_TOLD {
            self.waiting.push_back(ClientEvent::Notice(notice(text)));
        }
    }
}

fn notice(text: String) -> Notice {
    Notice {
        channel: None,
        text,
        count: 1,
    }
}

fn config() -> SessionConfig {
    SessionConfig {
        ports: true,
        playback: true,
        clock: monotonic,
        ..SessionConfig::default()
    }
}

/// A clock for statistics.
fn monotonic() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_viewer_that_takes_nothing_is_bounded() {
        let (events, _viewer) = queue::channel(1);
        let (_asks, commands) = queue::channel(1);
        let mut work = Work {
            shared: Arc::default(),
            stage: None,
            channels: Vec::new(),
            waiting: VecDeque::new(),
            events,
            commands,
            holds: Box::new(|_| {}),
            steps: 0,
            base: (Instant::now(), Duration::ZERO),
        };
        for session in 0..10 * MOST_TOLD {
            work.take_in(Thing::Told(format!("session {session} is linked")));
            work.put_out();
        }
        assert_eq!(work.waiting.len(), MOST_TOLD);
    }
}
