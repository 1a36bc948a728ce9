//! Plays one session of a recording into an ordinary client session.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::time::Duration;

use super::error::RecordingError;
use super::reader::{Reader, Record, What};
use super::source::Reopen;
use crate::channel::ChannelId;
use crate::channel::Message;
use crate::channel::main::messages::{ChannelsList, ServerMessage};
use crate::link::Established;
use crate::session::{
    ClientEvent, ClientSession, CloseReason, Notice, Output, SessionConfig, Tap, Way,
};

/// How far the clock runs on behind the last record: what a server sends to be shown later is due long before.
const LATEST: Duration = Duration::from_secs(60);

/// Most wake-ups of the session without a record between them.
const MOST_TICKS: usize = 10_000;

/// Most losses kept, of one recording.
const MOST_LOSSES: usize = 100;

/// Plays a recording: the server's frames go to a [`ClientSession`] at the times they were recorded at; what the session
/// wants to send goes nowhere.
///
/// Channels that close stay as they are until the end, so that the last picture is complete; frames of video that were
/// due after the last record are shown.
pub struct Player<R> {
    reader: Reader<R>,
    chosen: usize,
    session: ClientSession,
    /// Read and not yet played.
    next: Option<Record>,
    now: Duration,
    /// Channels the session has asked for and the recording has not opened yet.
    wanted: BTreeSet<ChannelId>,
    open: BTreeSet<ChannelId>,
    losses: VecDeque<Notice>,
    /// How many losses were ever kept.
    told: usize,
    /// Sees what is played.
    tap: Option<Box<dyn Tap>>,
}

impl<R: Read> Player<R> {
    /// Plays session number `chosen` of a recording, from its beginning.
    pub fn new(reader: Reader<R>, chosen: usize) -> Self {
        Self::with_config(reader, chosen, SessionConfig::default())
    }

    /// The same with a configured session.
    pub fn with_config(reader: Reader<R>, chosen: usize, config: SessionConfig) -> Self {
        Self {
            reader,
            chosen,
            session: ClientSession::new(SessionConfig {
                joins: true,
                ..config
            }),
            next: None,
            now: Duration::ZERO,
            wanted: BTreeSet::new(),
            open: BTreeSet::new(),
            losses: VecDeque::new(),
            told: 0,
            tap: None,
        }
    }

    /// From now on somebody sees every frame before the session acts on it; or nobody does.
    pub fn set_tap(&mut self, tap: Option<Box<dyn Tap>>) {
        self.tap = tap;
    }

    /// Whoever sees every frame, taken away.
    pub fn take_tap(&mut self) -> Option<Box<dyn Tap>> {
        self.tap.take()
    }

    /// The same at the same place, to be played on by itself, without a tap. `None` where the session cannot be copied: see
    /// [`ClientSession::fork`].
    pub fn fork(&self) -> Option<Self>
    where
        R: Reopen,
    {
        Some(Self {
            reader: self.reader.fork(),
            chosen: self.chosen,
            session: self.session.fork()?,
            next: self.next.clone(),
            now: self.now,
            wanted: self.wanted.clone(),
            open: self.open.clone(),
            losses: self.losses.clone(),
            told: self.told,
            tap: None,
        })
    }

    /// When the next record happened; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn next_at(&mut self) -> Result<Option<Duration>, RecordingError> {
        while self.next.as_ref().is_none_or(|n| n.session != self.chosen) {
            self.next = self.reader.next_record()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        Ok(self.next.as_ref().map(|next| next.at))
    }

    /// The next record, which [`step`](Self::step) would play; `None` at the end, or before [`next_at`](Self::next_at) was
    /// asked.
    pub fn next(&self) -> Option<&Record> {
        self.next.as_ref()
    }

    /// Byte of the file up to which it was read.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Why the file could not be read to its end, once that is known.
    pub fn damage(&self) -> Option<&RecordingError> {
        self.reader.damage()
    }

    /// Plays the next record if it happened at `until` or before, and everything the session had to do by then. Whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn step(&mut self, until: Duration) -> Result<bool, RecordingError> {
        if self.next_at()?.is_none() {
            return Ok(false);
        }
        let Some(record) = self.next.take_if(|next| next.at <= until) else {
            return Ok(false);
        };
        self.run_clock(record.at);
        self.play(record);
        self.drop_outputs();
        Ok(true)
    }

    /// Plays up to and including the moment `until`.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn play_until(&mut self, until: Duration) -> Result<(), RecordingError> {
        while self.step(until)? {}
        self.run_clock(until);
        Ok(())
    }

    /// Plays everything, and lets what is still due happen. The session goes on as it was last.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn run_out(&mut self) -> Result<(), RecordingError> {
        while self.step(Duration::MAX)? {}
        self.settle();
        Ok(())
    }

    /// Lets happen what is still due behind the last record.
    pub fn settle(&mut self) {
        let latest = self.now.saturating_add(LATEST);
        let mut ticks = 0;
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= latest)
            && ticks < MOST_TICKS
        {
            self.run_clock(due);
            ticks += 1;
        }
    }

    /// Plays everything, lets what is still due happen, and ends the session.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn play_to_end(&mut self) -> Result<(), RecordingError> {
        self.run_out()?;
        // The main channel is the first of them, and its end is the session's.
        for channel in std::mem::take(&mut self.open).into_iter().rev() {
            self.session.closed(channel, CloseReason::ByPeer);
        }
        self.drop_outputs();
        Ok(())
    }

    /// The next event of the session. Pixels are cut here.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.session.poll_event()
    }

    /// The next thing that was missing in what was played; the first hundred are told.
    pub fn poll_loss(&mut self) -> Option<Notice> {
        self.losses.pop_front()
    }

    /// The moment that was played up to, since the recording began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The session, to have it tell things again or put them away.
    pub fn session_mut(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    /// The session, to look into.
    pub fn session(&self) -> &ClientSession {
        &self.session
    }

    /// Does what is due, up to the moment `to`.
    fn run_clock(&mut self, to: Duration) {
        let due = |player: &Self| player.session.poll_timeout().filter(|due| *due <= to);
        for _ in 0..MOST_TICKS {
            let Some(due) = due(self) else {
                break;
            };
            self.now = self.now.max(due);
            self.session.tick(self.now);
            self.drop_outputs();
        }
        self.now = self.now.max(to);
    }

    fn play(&mut self, record: Record) {
        let channel = record.channel;
        if let Some(tap) = &mut self.tap {
            match &record.what {
                What::Opened(link) => tap.opened(record.at, channel, link),
                What::Frame(way, frame) => tap.frame(record.at, channel, *way, frame),
                What::Closed => tap.closed(record.at, channel),
                What::Lost(_) => {}
            }
        }
        match record.what {
            What::Opened(link) => self.opened(channel, link),
            What::Frame(Way::ToClient, frame) => self.session.receive(channel, frame, self.now),
            What::Lost(loss) if self.told < MOST_LOSSES => {
                self.told += 1;
                self.losses.push_back(Notice {
                    channel: Some(channel),
                    text: format!("before byte {}, {loss}", record.offset),
                    count: 1,
                });
            }
            What::Frame(Way::ToServer, _) | What::Lost(_) | What::Closed => {}
        }
    }

    fn opened(&mut self, channel: ChannelId, link: Established) {
        self.drop_outputs();
        if self.open.contains(&channel) {
            // Linked again, after an end that was put off.
            self.session.closed(channel, CloseReason::ByPeer);
        }
        if !self.wanted.contains(&channel) {
            self.announce(channel, &link);
        }
        if self.wanted.remove(&channel) {
            self.session.opened(channel, link, self.now);
            self.open.insert(channel);
        }
    }

    /// Tells the session of a channel whose announcement is not in the recording.
    fn announce(&mut self, channel: ChannelId, link: &Established) {
        if self.wanted.remove(&ChannelId::MAIN) {
            self.session.opened(ChannelId::MAIN, link.clone(), self.now);
            self.open.insert(ChannelId::MAIN);
        }
        let channels = vec![channel];
        let list = ServerMessage::ChannelsList(ChannelsList { channels }).to_frame();
        self.session.receive(ChannelId::MAIN, list, self.now);
        self.drop_outputs();
    }

    /// Nobody hears what the session says; only which channels it knows matters.
    fn drop_outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            if let Output::Open(channel) = output {
                self.wanted.insert(channel);
            }
        }
    }
}
