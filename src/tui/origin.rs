//! Who drew a pixel: the messages that made it, looked for in a recording on a thread of its own, or among the messages that
//! are kept of a session.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::protocol::{Entry, Protocol};
use crate::channel::{ChannelId, ChannelKind};
use crate::geometry::Point;
use crate::inspect::{Effect, Mark, Origins};
use crate::recording::{Place, Reader, RecordingError, SharedFile, What};
use crate::session::Way;
use crate::wire::Frame;

/// Most bytes of the messages that are told.
const MOST_BYTES: usize = 32 << 20;

/// How often it is told how far the search is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// A pixel that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Id of the display channel.
    pub display: u8,
    /// The pixel of its screen.
    pub pixel: Point,
}

/// What became of a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// The pixel.
    pub question: Question,
    /// The moment it is looked at.
    pub when: Duration,
    /// How far the search is.
    pub state: State,
    /// Something to know about the answer.
    pub remark: Option<&'static str>,
    /// The messages that made the pixel, the newest first.
    pub makers: Vec<Maker>,
    /// The place of the one that is looked at.
    pub here: usize,
}

/// How far a search is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It reads; per cent.
    Reads(u8),
    /// The answer is there.
    #[default]
    Done,
    /// The file cannot be read, for this reason.
    Fails(String),
}

/// A message that had to do with a pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Maker {
    /// What it did, and where.
    pub mark: Mark,
    /// The message.
    pub entry: Entry,
}

impl Search {
    /// The message that is looked at.
    pub fn looked_at(&self) -> Option<&Entry> {
        self.makers.get(self.here).map(|maker| &maker.entry)
    }

    /// Looks at the message so many places further down the list.
    pub fn step(&mut self, places: isize) {
        let last = self.makers.len().saturating_sub(1);
        self.here = self.here.saturating_add_signed(places).min(last);
    }

    /// Looks among the messages that are kept of a session.
    pub fn among(protocol: &Protocol, question: Question) -> Self {
        let display = ChannelId::new(ChannelKind::Display, question.display);
        let drawn = protocol
            .kept()
            .filter(|entry| entry.channel == display && entry.way == Way::ToClient);
        let mut origins = Origins::default();
        let mut entries = BTreeMap::new();
        for entry in drawn {
            origins.add(entry.number, entry.frame());
            entries.insert(entry.number, entry);
        }
        let maker = |mark: Mark| {
            let entry = entries.get(&mark.message).copied()?.clone();
            Some(Maker { mark, entry })
        };
        let marks = origins.of(0, question.pixel);
        let is_whole = is_whole(&marks);
        Self {
            question,
            when: protocol.kept().next_back().map_or(Duration::ZERO, |e| e.at),
            state: State::Done,
            remark: (!is_whole).then_some("what was drawn before these messages is not kept"),
            makers: marks.into_iter().filter_map(maker).collect(),
            here: 0,
        }
    }
}

/// Whether what made a pixel is known back to its beginning.
fn is_whole(marks: &[Mark]) -> bool {
    let begins = |mark: &Mark| matches!(mark.effect, Effect::Creates | Effect::Covers);
    marks.last().is_some_and(begins)
}

/// A recording that can be asked. Dropping it ends the search that goes on.
pub(super) struct Archive {
    /// At the beginning of the file.
    reader: Reader<SharedFile<File>>,
    /// Bytes of the file.
    bytes: u64,
    /// The number of the newest search: all others end.
    newest: Arc<AtomicU64>,
    told: watch::Sender<Search>,
}

impl Archive {
    /// For a reader that has read nothing yet; what becomes of questions.
    pub fn new(reader: Reader<SharedFile<File>>, bytes: u64) -> (Self, watch::Receiver<Search>) {
        let (told, answers) = watch::channel(Search::default());
        let archive = Self {
            reader,
            bytes,
            newest: Arc::default(),
            told,
        };
        (archive, answers)
    }

    /// Begins to look for what made a pixel of a session up to this place of the file, which is the moment `when`. The search
    /// before ends.
    pub fn ask(&self, question: Question, when: Duration, (session, until): (usize, Place)) {
        let errand = Errand {
            reader: self.reader.fork(),
            bytes: self.bytes,
            session,
            until,
            question,
            when,
            number: self.newest.fetch_add(1, Ordering::Relaxed) + 1,
            newest: Arc::clone(&self.newest),
            told: self.told.clone(),
        };
        let failed = errand.blank();
        self.told.send_replace(errand.blank());
        let again = self.reader.fork();
        let thread = thread::Builder::new().name("origin".to_owned());
        if let Err(error) = thread.spawn(move || errand.run(again)) {
            self.told.send_replace(Search {
                state: State::Fails(error.to_string()),
                ..failed
            });
        }
    }

    /// Ends the search that goes on.
    pub fn recall(&self) {
        self.newest.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.recall();
    }
}

/// A search in a recording.
struct Errand {
    reader: Reader<SharedFile<File>>,
    bytes: u64,
    session: usize,
    /// What is behind it is not looked at.
    until: Place,
    question: Question,
    when: Duration,
    number: u64,
    newest: Arc<AtomicU64>,
    told: watch::Sender<Search>,
}

/// Why a search has no answer.
enum Broken {
    /// Nobody wants it any more.
    Recalled,
    Unreadable(RecordingError),
}

impl Errand {
    /// Searches: the file is read once to find out which messages, and, for those, as far again as the last of them.
    fn run(mut self, again: Reader<SharedFile<File>>) {
        let answer = self.search(again);
        let search = match answer {
            Ok(search) => search,
            Err(Broken::Recalled) => return,
            Err(Broken::Unreadable(error)) => Search {
                state: State::Fails(error.to_string()),
                ..self.blank()
            },
        };
        if !self.is_recalled() {
            self.told.send_replace(search);
        }
    }

    fn search(&mut self, again: Reader<SharedFile<File>>) -> Result<Search, Broken> {
        let display = ChannelId::new(ChannelKind::Display, self.question.display);
        let mut origins = Origins::default();
        self.read(|number, channel, _, frame| {
            if channel == display {
                origins.add(number, frame);
            }
            true
        })?;
        let marks = origins.of(0, self.question.pixel);
        let mut remark = match origins.forgotten() {
            0 => None,
            _ => Some("the oldest of very many changes are not looked at"),
        };
        drop(origins);
        let mut entries: BTreeMap<u64, Option<Entry>> =
            marks.iter().map(|mark| (mark.message, None)).collect();
        let last = entries.keys().next_back().copied().unwrap_or(0);
        let mut bytes = 0;
        self.reader = again;
        self.read(|number, channel, at, frame| {
            if let Some(entry) = entries.get_mut(&number) {
                let size = frame.body.len();
                bytes += size;
                if bytes <= MOST_BYTES {
                    let (of, frame) = ((channel, Way::ToClient), (frame.clone(), size));
                    *entry = Some(Entry::apart(number, at, of, frame));
                }
            }
            number < last
        })?;
        if bytes > MOST_BYTES {
            remark = Some("some are not shown: together they are too large");
        }
        let maker = |mark: Mark| {
            let entry = entries.get(&mark.message)?.clone()?;
            Some(Maker { mark, entry })
        };
        Ok(Search {
            remark,
            makers: marks.into_iter().filter_map(maker).collect(),
            state: State::Done,
            ..self.blank()
        })
    }

    /// Gives every frame of the server, up to the moment, with its number among the session's records, until that is enough.
    fn read(
        &mut self,
        mut take: impl FnMut(u64, ChannelId, Duration, &Frame) -> bool,
    ) -> Result<(), Broken> {
        let (mut number, mut told) = (0, Instant::now());
        let mut place = Place::default();
        while let Some(record) = self.reader.next_record().map_err(Broken::Unreadable)? {
            if self.is_recalled() {
                return Err(Broken::Recalled);
            }
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                let percent = record.offset.saturating_mul(100) / self.bytes.max(1);
                self.told.send_replace(Search {
                    // At most 100.
                    state: State::Reads(percent.min(100) as u8),
                    ..self.blank()
                });
            }
            if record.session != self.session {
                continue;
            }
            place.pass(record.offset);
            if place > self.until {
                break;
            }
            number += 1;
            if let What::Frame(Way::ToClient, frame) = &record.what
                && !take(number, record.channel, record.at, frame)
            {
                break;
            }
        }
        Ok(())
    }

    fn is_recalled(&self) -> bool {
        self.newest.load(Ordering::Relaxed) != self.number
    }

    /// The question, without an answer.
    fn blank(&self) -> Search {
        Search {
            question: self.question,
            when: self.when,
            state: State::Reads(0),
            ..Search::default()
        }
    }
}
