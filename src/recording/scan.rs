//! What is in a recording, learnt bit by bit while it is played already: a [`Survey`], and how much happened when.

use std::io::Read;
use std::time::{Duration, Instant};

use super::error::RecordingError;
use super::reader::{Reader, Record, What};
use super::survey::Survey;
use crate::channel::ChannelKind;
use crate::session::Way;

/// Slices of time that activity is told in.
const SLICES: usize = 512;

/// Most places told of one session.
const MOST_PLACES: usize = 1000;

/// Number of SURFACE_CREATE on display channels.
const SURFACE_CREATE: u16 = 314;

/// Records read between two looks at the clock.
const AT_ONCE: usize = 256;

/// Reads a recording from its beginning, some of it at a time, without drawing anything.
pub struct Scan<R> {
    reader: Reader<R>,
    survey: Survey,
    sessions: Vec<Contents>,
    ended: bool,
}

/// What a session is like over its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Bytes from the server in each slice of time, from the beginning of the recording on.
    pub activity: Vec<u64>,
    /// How long a slice is.
    pub slice: Duration,
    /// Places of interest: where a screen gets another size, and where something is missing; in order.
    pub places: Vec<Duration>,
}

impl<R: Read> Scan<R> {
    /// Nothing is known yet.
    pub fn new(reader: Reader<R>) -> Self {
        Self {
            reader,
            survey: Survey::empty(),
            sessions: Vec::new(),
            ended: false,
        }
    }

    /// Reads on for about this long; whether that was to the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn run(&mut self, lasting: Duration) -> Result<bool, RecordingError> {
        let ends = Instant::now() + lasting;
        while !self.ended && Instant::now() < ends {
            for _ in 0..AT_ONCE {
                let Some(record) = self.reader.next_record()? else {
                    self.survey.damage = self.reader.damage().cloned();
                    self.ended = true;
                    break;
                };
                self.survey.add(&record);
                if self.sessions.len() <= record.session {
                    self.sessions
                        .resize(record.session + 1, Contents::default());
                }
                if let Some(contents) = self.sessions.get_mut(record.session) {
                    contents.add(&record);
                }
            }
        }
        Ok(self.ended)
    }

    /// What is known by now. Without sessions, nothing of SPICE was found.
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// What is known of one session by now.
    pub fn contents(&self, session: usize) -> Contents {
        self.sessions.get(session).cloned().unwrap_or_default()
    }

    /// Why there is nothing to play in a file that was read to its end.
    pub fn failure(&self) -> RecordingError {
        let damage = self.survey.damage.clone();
        damage.unwrap_or_else(|| self.reader.no_spice())
    }

    /// Byte of the file up to which it was read.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }
}

impl Contents {
    fn add(&mut self, record: &Record) {
        match &record.what {
            What::Frame(Way::ToClient, frame) => {
                let resizes = frame.number == SURFACE_CREATE
                    && record.channel.kind == ChannelKind::Display
                    && frame.body.get(16).is_some_and(|flags| flags & 1 != 0);
                if resizes {
                    self.add_place(record.at);
                }
                self.count(record.at, frame.body.len() as u64 + 6);
            }
            What::Lost(_) => self.add_place(record.at),
            _ => {}
        }
    }

    fn add_place(&mut self, at: Duration) {
        if self.places.len() < MOST_PLACES && self.places.last() != Some(&at) {
            self.places.push(at);
        }
    }

    /// Counts bytes. Slices get twice as long whenever there would be too many.
    fn count(&mut self, at: Duration, bytes: u64) {
        const FIRST: Duration = Duration::from_millis(50);
        self.slice = self.slice.max(FIRST);
        while at.as_nanos() / self.slice.as_nanos() >= SLICES as u128 {
            self.activity = self
                .activity
                .chunks(2)
                .map(|two| two.iter().sum())
                .collect();
            self.slice = self.slice.saturating_mul(2);
        }
        // Less than SLICES by what was done before.
        let place = (at.as_nanos() / self.slice.as_nanos()) as usize;
        if self.activity.len() <= place {
            self.activity.resize(place + 1, 0);
        }
        if let Some(slice) = self.activity.get_mut(place) {
            *slice = slice.saturating_add(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_get_longer_and_no_byte_is_lost() {
        let mut contents = Contents::default();
        for second in 0..100 {
            contents.count(Duration::from_secs(second), 10);
        }
        // 512 slices of 50 ms are 25.6 s; twice as long twice, they are 102.4 s.
        assert_eq!(contents.slice, Duration::from_millis(200));
        assert_eq!(contents.activity.iter().sum::<u64>(), 1000);
        assert_eq!(contents.activity.len(), 496);
        assert_eq!(contents.activity[495], 10, "99 s");
    }

    #[test]
    fn a_time_far_away_takes_no_more_slices() {
        let mut contents = Contents::default();
        contents.count(Duration::from_secs(1), 1);
        contents.count(Duration::MAX / 2, 1);
        assert!(contents.activity.len() <= SLICES);
    }
}
