//! The player of recordings: a thread that plays one at the speed the user wants, and goes where the user wants.
//!
//! It stands in for a session: events come out as from a live one, and of commands only questions are answered. Another
//! thread reads the file to its end, for its length and what happens when, and then fills the index that makes seeking fast.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc as queue, watch};

use super::feed::Fed;
use super::origin::{Archive, Question, Search};
use crate::channel::names;
use crate::client::CommandSender;
use crate::recording::{Contents, Index, Reader, RecordingError, Replay, Scan, SharedFile, What};
use crate::session::{ClientEvent, Command, Held, Notice, SessionConfig, Tap, Way};

/// Events that may wait for the viewer; while they do, damage merges.
const EVENT_QUEUE: usize = 32;

/// How long the file is looked at before playing begins, so that short ones are known from the start.
const LOOK: Duration = Duration::from_millis(400);

/// How long something is done in one go: an order waits for it.
const SLICE: Duration = Duration::from_millis(8);

/// How often it is told where playing is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// What is drawn within this time is one picture.
const ONE_PICTURE: Duration = Duration::from_millis(16);

/// Playing that is behind by more than this goes on from where it is.
const MOST_BEHIND: Duration = Duration::from_millis(250);

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

/// How fast to play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// Two to this power: -2 to 5, 0.25 to 32 times as fast as it was.
    Power(i8),
    /// As fast as possible.
    Fastest,
    /// As it was.
    #[default]
    Real,
}

impl Speed {
    /// All, slowest first.
    pub const ALL: [Self; 9] = [
        Self::Power(-2),
        Self::Power(-1),
        Self::Real,
        Self::Power(1),
        Self::Power(2),
        Self::Power(3),
        Self::Power(4),
        Self::Power(5),
        Self::Fastest,
    ];

    /// The next one in a direction, if there is one.
    pub fn next(self, faster: bool) -> Self {
        let at = Self::ALL
            .iter()
            .position(|speed| *speed == self)
            .unwrap_or(2);
        let to = if faster { at + 1 } else { at.saturating_sub(1) };
        Self::ALL.get(to).copied().unwrap_or(self)
    }

    /// Seconds played in a second; `None` for as many as possible.
    pub fn factor(self) -> Option<f64> {
        match self {
            Self::Power(power) => Some(2f64.powi(power.into())),
            Self::Real => Some(1.0),
            Self::Fastest => None,
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.factor() {
            Some(factor) => write!(f, "{factor}"),
            None => f.write_str("max"),
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |speed: &Self| speed.to_string() == text.trim_end_matches(['x', '×']);
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| "one of 0.25, 0.5, 1, 2, 4, 8, 16, 32 and max".to_owned())
    }
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

/// What is known of the file by now.
#[derive(Clone, Default)]
struct Known {
    length: Duration,
    contents: Arc<Contents>,
    scanned: Option<(u64, u64)>,
    /// Something to tell the user.
    remark: Option<String>,
}

impl Known {
    fn of(scan: &Scan<Handle>, session: usize, bytes: u64, whole: bool) -> Self {
        let survey = scan.survey();
        let damage = survey.damage.as_ref().filter(|_| whole);
        let sessions = survey.onward(session);
        let last = sessions.last().and_then(|last| survey.sessions.get(*last));
        let parts = sessions.iter().map(|session| scan.contents(*session));
        Self {
            length: last.map_or(survey.length, |s| s.ends),
            contents: Arc::new(parts.reduce(Contents::and).unwrap_or_default()),
            scanned: (!whole).then(|| (scan.offset(), bytes)),
            remark: damage.map(|damage| format!("this file is {damage}; it plays up to there")),
        }
    }
}

/// Reads the file to its end, then fills the index.
struct Looker {
    scan: Option<Scan<Handle>>,
    session: usize,
    bytes: u64,
    index: Index<Handle>,
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
}

impl Looker {
    fn run(mut self) {
        /// What is learnt in one go.
        const PIECE: Duration = Duration::from_millis(100);
        while let Some(scan) = self
            .scan
            .as_mut()
            .filter(|_| !self.stop.load(Ordering::Relaxed))
        {
            // What cannot be read cannot be played either, and that is told there.
            let whole = scan.run(PIECE).unwrap_or(true);
            let known = Known::of(scan, self.session, self.bytes, whole);
            self.index.learn(scan, self.session);
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
            if whole {
                self.scan = None;
            }
        }
        while !self.stop.load(Ordering::Relaxed) {
            match self.index.grow(PIECE) {
                Ok(indexed) if !indexed.whole => {}
                _ => return,
            }
        }
    }
}

/// The thread that plays.
struct Work {
    replay: Replay<Handle>,
    index: Index<Handle>,
    events: queue::Sender<ClientEvent>,
    /// To be told before anything else.
    waiting: VecDeque<ClientEvent>,
    orders: Receiver<Order>,
    /// Orders that came and were not followed yet.
    pending: VecDeque<Order>,
    commands: queue::Receiver<Command>,
    told: watch::Sender<Timeline>,
    timeline: Timeline,
    known: Arc<Mutex<Known>>,
    /// What is asked about pixels.
    archive: Archive,
    /// A moment of the clock, and the moment of the recording that belongs to it.
    base: (Instant, Duration),
    /// Where the session begins.
    begins: Duration,
    published: Instant,
    /// A message was played by itself, which is to be told behind all that it told.
    stepped: bool,
}

/// Nobody is there any more.
struct Gone;

impl Work {
    fn run(mut self) {
        loop {
            if self.learn().and_then(|()| self.follow()).is_err() {
                return;
            }
            let played = match self.timeline.paused {
                true => Ok(None),
                false => self.play(),
            };
            let next = match played {
                Ok(next) => next,
                Err(error) => {
                    self.tell(format!("the file cannot be read any further: {error}"));
                    self.timeline.paused = true;
                    None
                }
            };
            let Ok(all_told) = self.put_out() else { return };
            self.publish(false);
            let wait = match (next, all_told) {
                (Some(next), true) => next.min(TOLD_EVERY),
                (None, true) => TOLD_EVERY,
                // Somebody has to take events first.
                (_, false) => Duration::from_millis(4),
            };
            if wait.is_zero() {
                continue;
            }
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.pending.push_back(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes in what others found out, and what is asked.
    fn learn(&mut self) -> Result<(), Gone> {
        let known = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let remark = known.remark.take();
            Known {
                remark,
                ..known.clone()
            }
        };
        if let Some(remark) = known.remark {
            self.tell(remark);
        }
        let indexed = self.index.progress();
        self.timeline.length = known.length;
        self.timeline.contents = known.contents;
        for marker in &self.timeline.contents.markers {
            let at = self
                .timeline
                .marks
                .partition_point(|mark| *mark < marker.at);
            if self.timeline.marks.get(at) != Some(&marker.at) {
                self.timeline.marks.insert(at, marker.at);
            }
        }
        self.timeline.scanned = known.scanned;
        self.timeline.indexed = (!indexed.whole).then_some(indexed.until);
        loop {
            match self.commands.try_recv() {
                Ok(Command::Stats) => {
                    let player = self.replay.player();
                    let stats = player.session().stats(player.now());
                    self.waiting.push_back(ClientEvent::Stats(Box::new(stats)));
                }
                Ok(_) => {}
                Err(queue::error::TryRecvError::Empty) => return Ok(()),
                Err(queue::error::TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }

    /// Does what was ordered.
    fn follow(&mut self) -> Result<(), Gone> {
        self.fetch()?;
        while let Some(order) = self.pending.pop_front() {
            let followed = self.obey(order);
            if let Err(error) = followed {
                self.tell(format!("the file cannot be read: {error}"));
                self.timeline.paused = true;
            }
            self.publish(true);
            self.fetch()?;
        }
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), Gone> {
        loop {
            match self.orders.try_recv() {
                Ok(order) => self.pending.push_back(order),
                Err(mpsc::TryRecvError::Empty) => return Ok(()),
                Err(mpsc::TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), RecordingError> {
        let stays = matches!(order, Order::Message | Order::WhoDrew(_) | Order::Recall);
        if !stays {
            self.timeline.message = None;
        }
        let now = self.replay.now();
        match order {
            Order::Pause if self.timeline.ended => self.seek(self.begins)?,
            Order::Pause => self.timeline.paused = !self.timeline.paused,
            Order::Speed(speed) => self.timeline.speed = speed,
            Order::By(ms) => {
                // Several in a row add up.
                let from = self.timeline.seeking.unwrap_or(now);
                let by = Duration::from_millis(ms.unsigned_abs());
                self.seek(match ms < 0 {
                    true => from.saturating_sub(by),
                    false => from.saturating_add(by),
                })?;
            }
            Order::To(at) => self.seek(at)?,
            Order::Tenth(tenth) => {
                let span = self.timeline.length.saturating_sub(self.begins);
                self.seek(self.begins + span / 10 * u32::from(tenth.min(10)))?;
            }
            Order::End => self.seek(self.timeline.length)?,
            Order::Message => self.message()?,
            Order::Picture => {
                self.timeline.paused = true;
                self.go_to_change()?;
                self.play_on(ONE_PICTURE)?;
            }
            Order::Change => self.go_to_change()?,
            Order::Loop => self.timeline.looping = !self.timeline.looping,
            Order::Mark => {
                let at = self.timeline.marks.partition_point(|mark| *mark < now);
                if self.timeline.marks.get(at) != Some(&now) {
                    self.timeline.marks.insert(at, now);
                }
            }
            Order::Place { back } => self.go_to_place(back)?,
            Order::WhoDrew(question) => {
                self.timeline.paused = true;
                let player = self.replay.player();
                let until = (player.chosen(), player.played());
                self.archive.ask(question, now, until);
            }
            Order::Recall => self.archive.recall(),
        }
        self.set_clock();
        Ok(())
    }

    /// Goes to a moment, unless another order comes meanwhile that makes it pointless.
    fn seek(&mut self, at: Duration) -> Result<(), RecordingError> {
        let at = at.max(self.begins);
        let known_end = self.timeline.scanned.is_none();
        let at = if known_end {
            at.min(self.timeline.length)
        } else {
            at
        };
        self.timeline.seeking = Some(at);
        self.timeline.ended = false;
        self.publish(true);
        let Self {
            replay,
            orders,
            pending,
            told,
            timeline,
            ..
        } = self;
        let mut published = Instant::now();
        let whole = replay.seek(at, |now| {
            pending.extend(orders.try_iter());
            if published.elapsed() >= TOLD_EVERY {
                published = Instant::now();
                timeline.at = now;
                told.send_replace(timeline.clone());
            }
            pending.is_empty()
        })?;
        if whole || !matches!(self.pending.front(), Some(Order::By(_))) {
            self.timeline.seeking = None;
        }
        Ok(())
    }

    fn go_to_place(&mut self, back: bool) -> Result<(), RecordingError> {
        /// Whoever goes back again and again does not mean the place just passed.
        const NEAR: Duration = Duration::from_millis(700);
        let now = self.replay.now();
        let places = self.timeline.contents.places.iter();
        let places = places.chain(&self.timeline.marks).copied();
        let found = match back {
            true => places.filter(|at| *at + NEAR < now).max(),
            false => places.filter(|at| *at > now).min(),
        };
        match found {
            Some(at) => {
                let markers = self.timeline.contents.markers.iter();
                let marker = markers.rev().find(|marker| marker.at == at);
                if let Some(text) = marker.map(|m| &m.text).filter(|text| !text.is_empty()) {
                    let text = format!("mark: {text}");
                    self.tell(text);
                }
                self.seek(at)
            }
            None if back => self.seek(self.begins),
            None => Ok(()),
        }
    }

    /// Plays one message of the server.
    fn message(&mut self) -> Result<(), RecordingError> {
        self.timeline.paused = true;
        self.stepped = true;
        while let Some(at) = self.replay.next_at()? {
            let record = self.replay.player().next();
            let message = record.and_then(|record| match &record.what {
                What::Frame(Way::ToClient, frame) => {
                    let known = names::name(names::from_server(record.channel.kind), frame.number);
                    let name = known.map_or_else(|| frame.number.to_string(), str::to_owned);
                    let len = frame.body.len();
                    Some(format!("{} {name}, {len} bytes", record.channel))
                }
                _ => None,
            });
            self.replay.step(at)?;
            if message.is_some() {
                self.timeline.message = message;
                return Ok(());
            }
        }
        self.at_end()
    }

    /// Plays up to where something is drawn, unless the user wants something else meanwhile.
    fn go_to_change(&mut self) -> Result<(), RecordingError> {
        /// Records between two looks at what is ordered.
        const AT_ONCE: u32 = 64;
        let before = self.replay.changes();
        let mut played = 0;
        while self.replay.changes() == before {
            let Some(at) = self.replay.next_at()? else {
                return self.at_end();
            };
            self.replay.step(at)?;
            played += 1;
            if played % AT_ONCE == 0 {
                // Nobody there any more: that is seen again behind this.
                let is_alone = self.fetch().is_err();
                if is_alone || !self.pending.iter().all(Order::is_step) {
                    break;
                }
                self.publish(false);
            }
        }
        Ok(())
    }

    /// Plays what follows within a time.
    fn play_on(&mut self, within: Duration) -> Result<(), RecordingError> {
        let until = self.replay.now().saturating_add(within);
        while self.replay.step(until)? {}
        Ok(())
    }

    fn at_end(&mut self) -> Result<(), RecordingError> {
        self.replay.step(Duration::MAX)?;
        self.timeline.ended = self.replay.has_ended();
        Ok(())
    }

    fn set_clock(&mut self) {
        self.base = (Instant::now(), self.replay.now());
    }

    /// Plays what is due; how long it is until the next thing is.
    fn play(&mut self) -> Result<Option<Duration>, RecordingError> {
        if self.timeline.ended {
            if !self.timeline.looping {
                return Ok(None);
            }
            self.seek(self.begins)?;
            self.set_clock();
        }
        let began = Instant::now();
        let due = self.due();
        while self.replay.step(due)? {
            if began.elapsed() >= SLICE {
                break;
            }
        }
        if self.replay.has_ended() {
            self.timeline.ended = true;
            return Ok(Some(Duration::ZERO));
        }
        let Some(factor) = self.timeline.speed.factor() else {
            return Ok(Some(Duration::ZERO));
        };
        let next = self.replay.next_at()?.unwrap_or_default();
        if next <= due {
            let behind = self.due().saturating_sub(self.replay.now()).div_f64(factor);
            if behind > MOST_BEHIND {
                self.set_clock();
            }
            return Ok(Some(Duration::ZERO));
        }
        // Pictures of video are due between records, too.
        self.replay.play_until(due)?;
        const VIDEO: Duration = Duration::from_millis(15);
        let until = next.saturating_sub(due).div_f64(factor);
        let is_video = self.replay.player().session().poll_timeout().is_some();
        Ok(Some(if is_video { until.min(VIDEO) } else { until }))
    }

    /// The moment that is to be shown now.
    fn due(&self) -> Duration {
        let (then, at) = self.base;
        match self.timeline.speed.factor() {
            Some(factor) => at.saturating_add(then.elapsed().mul_f64(factor)),
            None => Duration::MAX,
        }
    }

    /// Tells the viewer what there is room for; whether that is all.
    fn put_out(&mut self) -> Result<bool, Gone> {
        while let Some(loss) = self.replay.poll_loss() {
            self.timeline.losses += 1;
            self.waiting.push_back(ClientEvent::Notice(loss));
        }
        loop {
            let room = match self.events.try_reserve() {
                Ok(room) => room,
                Err(queue::error::TrySendError::Full(())) => return Ok(false),
                Err(queue::error::TrySendError::Closed(())) => return Err(Gone),
            };
            let event = self
                .waiting
                .pop_front()
                .or_else(|| self.replay.poll_event())
                .or_else(|| std::mem::take(&mut self.stepped).then_some(STEPPED));
            match event {
                // Sound is heard only as it was.
                Some(ClientEvent::Playback(_)) if !self.is_real() => {}
                Some(event) => room.send(event),
                None => return Ok(true),
            }
        }
    }

    fn is_real(&self) -> bool {
        self.timeline.speed == Speed::Real && !self.timeline.paused
    }

    fn tell(&mut self, text: String) {
        self.waiting.push_back(ClientEvent::Notice(Notice {
            channel: None,
            text,
            count: 1,
        }));
    }

    /// Says where playing is: at once when asked to, and now and then otherwise.
    fn publish(&mut self, at_once: bool) {
        if !at_once && self.published.elapsed() < TOLD_EVERY {
            return;
        }
        self.published = Instant::now();
        self.timeline.at = self.replay.now();
        let timeline = &self.timeline;
        self.told.send_if_modified(|told| {
            let changed = told != timeline;
            if changed {
                told.clone_from(timeline);
            }
            changed
        });
    }
}

/// What is told of a message that was played by itself.
const STEPPED: ClientEvent = ClientEvent::Held(Held::Stepped);

/// A clock for statistics.
fn monotonic() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
