//! The thread that plays: orders come in, events and places go out.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc as queue, watch};

use super::looker::Known;
use super::{Handle, Order, Speed, Timeline};
use crate::channel::names;
use crate::recording::{Index, RecordingError, Replay, What};
use crate::session::{ClientEvent, Command, Held, Notice, Way};
use crate::tui::origin::Archive;

/// How long something is done in one go: an order waits for it.
const SLICE: Duration = Duration::from_millis(8);

/// How often it is told where playing is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// What is drawn within this time is one picture.
const ONE_PICTURE: Duration = Duration::from_millis(16);

/// Playing that is behind by more than this goes on from where it is.
const MOST_BEHIND: Duration = Duration::from_millis(250);
/// The thread that plays.
pub(super) struct Work {
    pub(super) replay: Replay<Handle>,
    pub(super) index: Index<Handle>,
    pub(super) events: queue::Sender<ClientEvent>,
    /// To be told before anything else.
    pub(super) waiting: VecDeque<ClientEvent>,
    pub(super) orders: Receiver<Order>,
    /// Orders that came and were not followed yet.
    pub(super) pending: VecDeque<Order>,
    pub(super) commands: queue::Receiver<Command>,
    pub(super) told: watch::Sender<Timeline>,
    pub(super) timeline: Timeline,
    pub(super) known: Arc<Mutex<Known>>,
    /// What is asked about pixels.
    pub(super) archive: Archive,
    /// A moment of the clock, and the moment of the recording that belongs to it.
    pub(super) base: (Instant, Duration),
    /// Where the session begins.
    pub(super) begins: Duration,
    pub(super) published: Instant,
    /// A message was played by itself, which is to be told behind all that it told.
    pub(super) stepped: bool,
}

/// Nobody is there any more.
struct Gone;

impl Work {
    pub(super) fn run(mut self) {
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

    pub(super) fn tell(&mut self, text: String) {
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
