//! A recording that is played, and can be played from any of its moments.
//!
//! [`Replay`] plays; an [`Index`] is filled beside it, on another thread or by the same: it plays the recording once as fast
//! as it can, and keeps checkpoints on the way. To go to a moment is then to take the last checkpoint before it, and to play
//! what little is left. Where the index has not come that far the replay plays on by itself.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, Checkpoints, Packer};
use super::error::RecordingError;
use super::note::Surface;
use super::reader::{PointPlace, What};
use super::source::Reopen;
use super::told::Told;
use super::{Player, Reader, Scan};
use crate::session::{ClientEvent, Notice, SessionConfig, Tap};

/// Most bytes of checkpoints.
const BUDGET: u64 = 512 << 20;

/// Work between two checkpoints: what a seek has to do at most, at half the speed, is well below 300 ms.
const APART: Duration = Duration::from_millis(80);

/// Records played between two looks at the clock and at what the session tells.
const AT_ONCE: u32 = 256;

/// Plays a session of a recording.
pub struct Replay<R> {
    player: Player<R>,
    /// What whoever polls events was told.
    told: Told,
    events: VecDeque<ClientEvent>,
    index: Index<R>,
    /// Where nothing more is to come.
    ended: bool,
}

/// The checkpoints of a recording, filled by whoever calls [`grow`](Self::grow). Clones share them.
pub struct Index<R> {
    shared: Arc<Mutex<Shared<R>>>,
}

struct Shared<R> {
    checkpoints: Checkpoints<R>,
    /// The player that is ahead, while nobody plays it.
    ahead: Option<Box<Ahead<R>>>,
    progress: Indexed,
    /// Work between two checkpoints.
    apart: Duration,
    /// Seek points of the file that belong to what is played, in order.
    points: Vec<PointPlace>,
    /// Where those are that are not to be used.
    rejected: BTreeSet<u64>,
}

impl<R> Shared<R> {
    fn point_before(&self, at: Duration) -> Option<PointPlace> {
        let behind = self.points.partition_point(|point| point.at <= at);
        self.points.get(behind.checked_sub(1)?).copied()
    }
}

/// How far an index has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The moment up to which there are checkpoints.
    pub until: Duration,
    /// Whether that is the end.
    pub whole: bool,
    /// How many there are.
    pub checkpoints: usize,
    /// Bytes they hold.
    pub bytes: u64,
}

/// Plays ahead of everybody.
struct Ahead<R> {
    player: Player<R>,
    told: Told,
    cost: Duration,
    /// The cost at the last checkpoint.
    marked: Option<Duration>,
    packer: Packer,
}

impl<R: Reopen> Replay<R> {
    /// Plays session number `chosen` of a recording, from its beginning.
    pub fn new(reader: Reader<R>, chosen: usize, config: SessionConfig) -> Self {
        let mut ahead = Ahead {
            player: Player::with_config(reader.fork(), chosen, config.clone()),
            told: Told::default(),
            cost: Duration::ZERO,
            marked: None,
            packer: Packer::default(),
        };
        let mut checkpoints = Checkpoints::new(BUDGET);
        if let Some(first) = ahead.pack() {
            checkpoints.add(first);
        }
        let shared = Shared {
            checkpoints,
            ahead: Some(Box::new(ahead)),
            progress: Indexed::default(),
            apart: APART,
            points: Vec::new(),
            rejected: BTreeSet::new(),
        };
        Self {
            player: Player::with_config(reader, chosen, config),
            told: Told::default(),
            events: VecDeque::new(),
            index: Index {
                shared: Arc::new(Mutex::new(shared)),
            },
            ended: false,
        }
    }

    /// The index, to be filled.
    pub fn index(&self) -> Index<R> {
        self.index.clone()
    }

    /// Somebody who sees every frame that is played; not those that are passed over on the way to another moment.
    pub fn set_tap(&mut self, tap: Option<Box<dyn Tap>>) {
        self.player.set_tap(tap);
    }

    /// The player, to look into.
    pub fn player(&self) -> &Player<R> {
        &self.player
    }

    /// The moment that was played up to.
    pub fn now(&self) -> Duration {
        self.player.now()
    }

    /// Whether everything was played.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// When the next record happened; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn next_at(&mut self) -> Result<Option<Duration>, RecordingError> {
        self.player.next_at()
    }

    /// Plays the next record if it happened at `until` or before; whether there was one.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn step(&mut self, until: Duration) -> Result<bool, RecordingError> {
        let played = self.player.step(until)?;
        if !played && !self.ended && self.player.next_at()?.is_none() {
            self.player.settle();
            self.ended = true;
        }
        Ok(played)
    }

    /// Plays up to the moment `until` and stops there.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn play_until(&mut self, until: Duration) -> Result<(), RecordingError> {
        while self.step(until)? {}
        if !self.ended {
            self.player.play_until(until)?;
        }
        Ok(())
    }

    /// Goes to the moment `at`, before or after. What is told from then on describes the screens anew. `goes_on` is asked now
    /// and then whether to go on, with the moment that was reached; whether that was so to the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn seek(
        &mut self,
        at: Duration,
        mut goes_on: impl FnMut(Duration) -> bool,
    ) -> Result<bool, RecordingError> {
        let before = self.told.clone();
        // What was not taken yet is told anew.
        self.events.clear();
        self.absorb();
        let mut tap = self.player.take_tap();
        let from = self.now();
        if let Some((player, told)) = self.nearest(at, from) {
            (self.player, self.told) = (player, told);
            self.ended = false;
        }
        let mut whole = true;
        let mut count = 0;
        while self.step(at)? {
            count += 1;
            if count % AT_ONCE == 0 {
                self.absorb();
                if !goes_on(self.now()) {
                    whole = false;
                    break;
                }
            }
        }
        if whole && !self.ended {
            self.player.play_until(at)?;
        }
        self.absorb();
        if let Some(tap) = &mut tap {
            tap.skipped(self.now(), self.player.session());
        }
        self.player.set_tap(tap);
        self.tell_again(&before);
        Ok(whole)
    }

    /// A player at the last moment before `at` that is known, in memory or in the file, if that is nearer than `from`.
    fn nearest(&mut self, at: Duration, from: Duration) -> Option<(Player<R>, Told)> {
        // What is nearer by playing on is not fetched.
        let is_better = |found: Duration| at < from || found > from;
        loop {
            let (checkpoint, point) = {
                let shared = self.index.lock();
                (shared.checkpoints.before(at), shared.point_before(at))
            };
            let point = point.filter(|point| is_better(point.at));
            let Some(point) = point.filter(|point| Some(point.at) > checkpoint) else {
                checkpoint.filter(|found| is_better(*found))?;
                return self.index.lock().checkpoints.restore(at);
            };
            match self.player.at_point(point.offset) {
                Ok(player) if player.now() <= at => return Some((player, Told::default())),
                // Another moment than the file said of it.
                Ok(_) => self.index.reject(point.offset),
                Err(error) => {
                    self.index.reject(point.offset);
                    self.remark(format!("a seek point is not used: {error}"));
                }
            }
        }
    }

    fn remark(&mut self, text: String) {
        self.events.push_back(ClientEvent::Notice(Notice {
            channel: None,
            text,
            count: 1,
        }));
    }

    /// Takes note of what there is to tell without telling it; notices are told all the same.
    fn absorb(&mut self) {
        while let Some(event) = self.player.poll_event() {
            self.told.note(&event);
            if let ClientEvent::Notice(_) = event {
                self.events.push_back(event);
            }
        }
        while self.events.len() > MOST_NOTICES {
            self.events.pop_front();
        }
    }

    /// Tells everything about the screens to somebody who was told `before`.
    fn tell_again(&mut self, before: &Told) {
        self.events.extend(self.told.forget(before));
        let screens: Vec<u8> = self.told.screens().collect();
        for display in screens {
            if let Some(client) = self.player.session_mut().display_mut(display) {
                client.tell_again();
                while let Some(event) = client.poll_event() {
                    self.events.push_back(ClientEvent::Display(event));
                }
            }
        }
        self.events.extend(self.told.again());
    }

    /// A number that is another one whenever a picture was changed.
    pub fn changes(&self) -> u64 {
        let displays = self.player.session().displays();
        displays.map(|(_, client)| client.changes()).sum()
    }

    /// The next event. Those of the end of the session are none: it can be played again.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let event = self.player.poll_event()?;
        self.told.note(&event);
        Some(match event {
            ClientEvent::Closed(reason) => ClientEvent::Notice(Notice {
                channel: None,
                text: format!("the session ends here: {reason}"),
                count: 1,
            }),
            event => event,
        })
    }

    /// The next thing that was missing in what was played.
    pub fn poll_loss(&mut self) -> Option<Notice> {
        self.player.poll_loss()
    }
}

/// Most events kept while nobody takes any.
const MOST_NOTICES: usize = 100;

impl<R: Reopen> Index<R> {
    /// Plays on, for about this long; how far it has come.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file; the index then ends there.
    pub fn grow(&self, lasting: Duration) -> Result<Indexed, RecordingError> {
        let Some(mut ahead) = self.lock().ahead.take() else {
            return Ok(self.progress());
        };
        let ends = Instant::now() + lasting;
        let mut ended = Ok(false);
        while matches!(ended, Ok(false)) && Instant::now() < ends {
            ended = ahead.run(self);
        }
        let mut shared = self.lock();
        shared.progress.until = shared.progress.until.max(ahead.player.now());
        if !matches!(ended, Ok(false)) {
            shared.progress.whole = true;
        } else {
            shared.ahead = Some(ahead);
        }
        ended.map(|_| shared.progress)
    }

    /// The file has the seek points that a scan has found by now: those that belong to this session, and to those that go on
    /// with it, can be gone to.
    pub fn learn(&self, scan: &Scan<R>, session: usize) {
        let sessions = scan.survey().onward(session);
        let points = scan.points().iter();
        let played = points.filter(|point| sessions.contains(&point.session));
        let mut shared = self.lock();
        let mut points: Vec<PointPlace> = played
            .filter(|point| !shared.rejected.contains(&point.offset))
            .copied()
            .collect();
        points.sort_by_key(|point| point.at);
        shared.points = points;
    }

    /// How many seek points of the file can be gone to.
    pub fn points(&self) -> usize {
        self.lock().points.len()
    }

    /// A seek point that is not to be used.
    fn reject(&self, offset: u64) {
        let mut shared = self.lock();
        shared.points.retain(|point| point.offset != offset);
        shared.rejected.insert(offset);
    }

    /// From now on checkpoints are so much work apart, in time it takes here, instead of 80 ms.
    pub fn set_spacing(&self, apart: Duration) {
        self.lock().apart = apart;
    }

    /// Plays to the end.
    ///
    /// # Errors
    ///
    /// As [`grow`](Self::grow).
    pub fn complete(&self) -> Result<Indexed, RecordingError> {
        loop {
            let indexed = self.grow(Duration::from_secs(1))?;
            if indexed.whole {
                return Ok(indexed);
            }
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Indexed {
        self.lock().progress
    }

    fn lock(&self) -> MutexGuard<'_, Shared<R>> {
        // Nothing here is half done when somebody panics.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Clone for Index<R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R: Reopen> Ahead<R> {
    fn pack(&mut self) -> Option<Checkpoint<R>> {
        self.packer.pack(&self.player, &self.told, self.cost)
    }

    /// Whether the seek point that comes next shows what is shown here.
    fn check_point(&self, index: &Index<R>) {
        let next = self.player.next().map(|next| &next.what);
        if let Some(What::Point(point)) = next
            && !point.surfaces.is_empty()
        {
            let here = Surface::all(self.player.session());
            if !here.is_empty() && here != point.surfaces {
                index.reject(point.place.offset);
            }
        }
    }

    /// Plays some records, and leaves a checkpoint where one is due; whether that was the end.
    fn run(&mut self, index: &Index<R>) -> Result<bool, RecordingError> {
        let apart = index.lock().apart;
        let began = Instant::now();
        let mut ended = false;
        for _ in 0..AT_ONCE {
            self.player.next_at()?;
            self.check_point(index);
            if !self.player.step(Duration::MAX)? {
                ended = true;
                break;
            }
            if began.elapsed() >= apart {
                break;
            }
        }
        while let Some(event) = self.player.poll_event() {
            self.told.note(&event);
        }
        while self.player.poll_loss().is_some() {}
        self.cost += began.elapsed();
        let is_due = |marked: Duration| self.cost.saturating_sub(marked) >= apart;
        if self.marked.is_none_or(is_due) {
            let packed = self.pack();
            let mut shared = index.lock();
            if let Some(packed) = packed {
                shared.checkpoints.add(packed);
            }
            shared.progress = Indexed {
                until: self.player.now(),
                whole: false,
                checkpoints: shared.checkpoints.len(),
                bytes: shared.checkpoints.bytes(),
            };
            self.marked = Some(self.cost);
        }
        Ok(ended)
    }
}
