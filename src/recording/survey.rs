//! What is in a recording, learnt by reading it once without drawing anything.

use std::io::Read;
use std::time::Duration;

use super::error::RecordingError;
use super::reader::{Reader, Record, What};
use crate::channel::{ChannelId, ChannelKind};
use crate::session::Way;

/// Number of MARK on display channels: what was drawn so far is meaningful.
const MARK: u16 = 102;

/// Channels listed of a session.
pub(super) const MOST_CHANNELS: usize = 256;

/// What is in a recording.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Its sessions, in the order they began. Never empty.
    pub sessions: Vec<Summary>,
    /// Time from the beginning of the first SPICE connection to the last thing that happened.
    pub length: Duration,
    /// Why it could not be read to its end.
    pub damage: Option<RecordingError>,
}

/// What is known about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When it began.
    pub begins: Duration,
    /// When the last thing happened in it.
    pub ends: Duration,
    /// Its channels, in the order they were linked.
    pub channels: Vec<ChannelId>,
    /// Frames from the server.
    pub frames: u64,
    /// When the first picture was complete: the first MARK of a display channel.
    pub pictured: Option<Duration>,
    /// How often something was lost.
    pub losses: u64,
    /// The earlier session that it goes on with.
    pub goes_on: Option<usize>,
}

impl Survey {
    /// Reads a recording to its end.
    ///
    /// # Errors
    ///
    /// When the system cannot read it, or there is no SPICE session in it; the reason is then that of the damage, if
    /// there is any.
    pub fn read<R: Read>(mut reader: Reader<R>) -> Result<Self, RecordingError> {
        let mut survey = Self::empty();
        while let Some(record) = reader.next_record()? {
            survey.add(&record);
        }
        survey.damage = reader.damage().cloned();
        if survey.sessions.is_empty() {
            return Err(survey.damage.unwrap_or_else(|| reader.no_spice()));
        }
        Ok(survey)
    }

    /// Of nothing.
    pub(super) const fn empty() -> Self {
        Self {
            sessions: Vec::new(),
            length: Duration::ZERO,
            damage: None,
        }
    }

    /// Takes in the next record.
    pub(super) fn add(&mut self, record: &Record) {
        self.length = record.at;
        if self.sessions.len() <= record.session {
            let beginning = Summary::beginning(record.at);
            self.sessions.resize(record.session + 1, beginning);
        }
        if let Some(summary) = self.sessions.get_mut(record.session) {
            summary.add(record);
        }
    }

    /// The session to show at `at`, or at the end: the last one with a complete picture by then. When there is none, the
    /// last with a display channel, else the last of all. Of sessions that go on with one another it is the first.
    pub fn choose(&self, at: Option<Duration>) -> usize {
        let by_then = |moment: &Duration| at.is_none_or(|at| *moment <= at);
        let last = |test: &dyn Fn(&Summary) -> bool| self.sessions.iter().rposition(test);
        let chosen = last(&|s| s.pictured.as_ref().is_some_and(by_then))
            .or_else(|| last(&|s| s.channels.iter().any(|c| c.kind == ChannelKind::Display)))
            .unwrap_or(self.sessions.len().saturating_sub(1));
        let before = |session: &usize| {
            let goes_on = self.sessions.get(*session)?.goes_on;
            goes_on.filter(|before| before < session)
        };
        std::iter::successors(Some(chosen), before)
            .last()
            .unwrap_or(chosen)
    }

    /// What is played when this session is: it, and those that go on with it, one after the other.
    pub fn onward(&self, session: usize) -> Vec<usize> {
        let mut onward = vec![session];
        for (place, summary) in self.sessions.iter().enumerate().skip(session + 1) {
            if summary.goes_on.is_some() && summary.goes_on == onward.last().copied() {
                onward.push(place);
            }
        }
        onward
    }

    /// What is played when this session is, as one: it, and those that go on with it. `None` where there is no such session.
    pub fn played(&self, session: usize) -> Option<Summary> {
        let onward = self.onward(session).into_iter();
        let parts = onward.filter_map(|part| self.sessions.get(part).cloned());
        parts.reduce(Summary::and)
    }
}

impl Summary {
    fn beginning(at: Duration) -> Self {
        Self {
            begins: at,
            ends: at,
            channels: Vec::new(),
            frames: 0,
            pictured: None,
            losses: 0,
            goes_on: None,
        }
    }

    /// This session and the one that goes on with it.
    fn and(mut self, next: Self) -> Self {
        next.channels.into_iter().for_each(|one| self.note(one));
        self.ends = self.ends.max(next.ends);
        self.frames = self.frames.saturating_add(next.frames);
        self.pictured = self.pictured.or(next.pictured);
        self.losses = self.losses.saturating_add(next.losses);
        self
    }

    fn note(&mut self, channel: ChannelId) {
        if !self.channels.contains(&channel) && self.channels.len() < MOST_CHANNELS {
            self.channels.push(channel);
        }
    }

    fn add(&mut self, record: &Record) {
        self.ends = record.at;
        match &record.what {
            What::Opened(_) => self.note(record.channel),
            What::Frame(Way::ToClient, frame) => {
                self.frames += 1;
                if record.channel.kind == ChannelKind::Display && frame.number == MARK {
                    self.pictured.get_or_insert(record.at);
                }
            }
            What::Lost(_) => self.losses += 1,
            What::GoesOn(before) => self.goes_on = Some(*before),
            _ => {}
        }
    }
}
