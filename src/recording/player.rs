//! Plays one session of a recording into an ordinary client session.

use std::collections::VecDeque;
use std::io::Read;
use std::time::Duration;

use super::error::{ErrorKind, RecordingError};
use super::note;
use super::reader::{Reader, Record, What};
use super::reenactment::Reenactment;
use super::source::Reopen;
use crate::session::{ClientEvent, ClientSession, Notice, SessionConfig, Tap, Way};

/// How far the clock runs on behind the last record: what a server sends to be shown later is due long before.
const LATEST: Duration = Duration::from_secs(60);

/// Most events kept of a session that went on in the next one.
const MOST_LEFT: usize = 10_000;

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
    stage: Reenactment,
    /// Read and not yet played.
    next: Option<Record>,
    /// The last record played.
    played: Place,
    losses: VecDeque<Notice>,
    /// How many losses were ever kept.
    told: usize,
    /// Sees what is played.
    tap: Option<Box<dyn Tap>>,
    config: SessionConfig,
    /// What a session that went on in the next one has still to tell.
    left: VecDeque<ClientEvent>,
}

/// A place between two records of a file: in the packet that begins at a byte, behind so many records of the session that is
/// played, counted since that packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    offset: u64,
    records: u32,
}

impl Place {
    /// Goes behind the next record, which the packet at this byte of the file completed.
    pub fn pass(&mut self, offset: u64) {
        if offset != self.offset {
            (self.offset, self.records) = (offset, 0);
        }
        self.records += 1;
    }
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
            stage: Reenactment::new(config.clone()),
            config,
            left: VecDeque::new(),
            next: None,
            played: Place::default(),
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
            stage: self.stage.fork()?,
            next: self.next.clone(),
            played: self.played,
            losses: self.losses.clone(),
            told: self.told,
            tap: None,
            config: self.config.clone(),
            left: self.left.clone(),
        })
    }

    /// A player of the same file at a seek point, which shows what was shown then.
    ///
    /// # Errors
    ///
    /// When there is none at this byte of the file, or it does not show what it says.
    pub(super) fn at_point(&self, offset: u64) -> Result<Self, RecordingError>
    where
        R: Reopen,
    {
        let (reader, point) = self.reader.at_point(offset)?;
        let mut player = Self::with_config(reader, point.session as usize, self.config.clone());
        player.stage.run_clock(note::since(point.zero, point.at));
        player.played.pass(offset);
        for channel in point.channels {
            let record = |what| Record {
                at: player.now(),
                offset,
                session: player.chosen,
                channel: channel.id,
                what,
            };
            let frames = channel.frames.into_iter();
            let frames = frames.map(|frame| What::Frame(Way::ToClient, frame));
            let link = What::Opened(channel.link);
            let records: Vec<Record> = std::iter::once(link).chain(frames).map(record).collect();
            for record in records {
                player.play(record);
            }
        }
        if !point.surfaces.is_empty() && note::Surface::all(player.session()) != point.surfaces {
            let how = "a seek point that does not show what it says".to_owned();
            return Err(RecordingError::at(offset, ErrorKind::Damaged(how)));
        }
        Ok(player)
    }

    /// The session of the recording that is played; another one where it goes on in that.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// When the next record happened; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn next_at(&mut self) -> Result<Option<Duration>, RecordingError> {
        while self.next.as_ref().is_none_or(|n| !self.is_played(n)) {
            self.next = self.reader.next_record()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        Ok(self.next.as_ref().map(|next| next.at))
    }

    fn is_played(&self, record: &Record) -> bool {
        let goes_on = matches!(record.what, What::GoesOn(before) if before == self.chosen);
        record.session == self.chosen || (goes_on && record.session > self.chosen)
    }

    /// The next record, which [`step`](Self::step) would play; `None` at the end, or before [`next_at`](Self::next_at) was
    /// asked.
    pub fn next(&self) -> Option<&Record> {
        self.next.as_ref()
    }

    /// How far the file was played.
    pub fn played(&self) -> Place {
        self.played
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
        self.stage.run_clock(record.at);
        self.played.pass(record.offset);
        self.play(record);
        Ok(true)
    }

    /// Plays up to and including the moment `until`.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn play_until(&mut self, until: Duration) -> Result<(), RecordingError> {
        while self.step(until)? {}
        self.stage.run_clock(until);
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
        self.stage.settle(self.now().saturating_add(LATEST));
    }

    /// Plays everything, lets what is still due happen, and ends the session.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn play_to_end(&mut self) -> Result<(), RecordingError> {
        self.run_out()?;
        self.stage.end();
        Ok(())
    }

    /// The next event of the session. Pixels are cut here.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.left.pop_front().or_else(|| self.stage.poll_event())
    }

    /// The next thing that was missing in what was played; the first hundred are told.
    pub fn poll_loss(&mut self) -> Option<Notice> {
        self.losses.pop_front()
    }

    /// The moment that was played up to, since the recording began.
    pub fn now(&self) -> Duration {
        self.stage.now()
    }

    /// The session, to have it tell things again or put them away.
    pub fn session_mut(&mut self) -> &mut ClientSession {
        self.stage.session_mut()
    }

    /// The session, to look into.
    pub fn session(&self) -> &ClientSession {
        self.stage.session()
    }

    fn play(&mut self, record: Record) {
        let channel = record.channel;
        if let Some(tap) = &mut self.tap {
            match &record.what {
                What::Opened(link) => tap.opened(record.at, channel, link),
                What::Frame(way, frame) => tap.frame(record.at, channel, *way, frame),
                What::Closed => tap.closed(record.at, channel),
                What::Lost(_) | What::Marked(_) | What::GoesOn(_) | What::Point(_) => {}
            }
        }
        match record.what {
            What::Opened(link) => self.stage.opened(channel, link),
            What::Frame(Way::ToClient, frame) => self.stage.receive(channel, frame),
            What::Lost(loss) if self.told < MOST_LOSSES => {
                self.told += 1;
                self.losses.push_back(Notice {
                    channel: Some(channel),
                    text: format!("before byte {}, {loss}", record.offset),
                    count: 1,
                });
            }
            What::GoesOn(_) if record.session > self.chosen => self.go_on(record.session),
            _ => {}
        }
    }

    /// The session ends, and another one takes its place.
    fn go_on(&mut self, session: usize) {
        self.stage.close_all_but_main();
        while let Some(event) = self.stage.poll_event() {
            self.left.push_back(event);
            // Nobody has listened for long. What is told of the last screen counts.
            if self.left.len() > MOST_LEFT {
                self.left.pop_front();
            }
        }
        self.chosen = session;
        self.stage.begin_anew(self.config.clone());
    }
}
