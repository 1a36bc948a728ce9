//! From packets to what happened on the channels of SPICE sessions.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::time::Duration;

use super::capture::{Capture, Item};
use super::dialogue::{Loss, Over, Said, channel};
use super::error::{ErrorKind, Instead, RecordingError};
use super::note::{self, Header, Kind, Point};
use super::sketch::Sketch;
use super::source::Reopen;
use super::table::{Followed, Table};
use super::{MAIN_INIT, segment};
use crate::channel::ChannelId;
use crate::link::Established;
use crate::link::messages::LinkMess;
use crate::session::Way;
use crate::wire::Frame;

/// How far a marker may be ahead of the packets before it, nanoseconds: a day.
const MOST_AHEAD: u64 = 86_400_000_000_000;

/// Something that happened on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Time since the first SPICE connection of the file began. Never less than that of the record before.
    pub at: Duration,
    /// Byte of the file where the packet begins that completed it.
    pub offset: u64,
    /// The session it belongs to, counted from 0 in the order of their main channels.
    pub session: usize,
    /// The channel.
    pub channel: ChannelId,
    /// What happened.
    pub what: What,
}

/// What happened on a channel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// It was linked.
    Opened(Established),
    /// A whole frame passed.
    Frame(Way, Frame),
    /// Something passed that cannot be read.
    Lost(Loss),
    /// Somebody marked this moment, with a word or none.
    Marked(String),
    /// This session, which begins here, goes on where the one of this number ended: after a connection was lost, or when
    /// the machine moved.
    GoesOn(usize),
    /// A place from which the recording can be played.
    Point(SeekPoint),
    /// Its connection ended.
    Closed,
}

/// A place from which a recording can be played without what is before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeekPoint {
    /// Its place, which is the byte of the file where its block begins, and its moment.
    pub(super) place: PointPlace,
    /// Check sums of surfaces.
    pub(super) surfaces: Vec<note::Surface>,
}

/// Where a seek point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PointPlace {
    pub(super) offset: u64,
    pub(super) at: Duration,
    pub(super) session: usize,
}

/// Reads the SPICE sessions of a capture: pcapng or pcap, from any tool, of plain connections on any port.
///
/// Memory stays bounded by what arrived of each connection's current message, whatever the file announces.
pub struct Reader<R> {
    capture: Capture<R>,
    table: Table,
    /// The connection ids of sessions, as their servers gave them.
    sessions_by_id: HashMap<u32, usize>,
    sessions: usize,
    records: VecDeque<Record>,
    /// The latest time of a packet, nanoseconds.
    now: u64,
    /// When connections were last looked at that say nothing.
    looked: u64,
    /// When the first SPICE connection began.
    zero: Option<u64>,
    instead: Instead,
    damage: Option<RecordingError>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Looks at the beginning of a file.
    ///
    /// # Errors
    ///
    /// When it is not a capture.
    pub fn new(file: R) -> Result<Self, RecordingError> {
        Ok(Self {
            capture: Capture::new(file)?,
            table: Table::default(),
            sessions_by_id: HashMap::new(),
            sessions: 0,
            records: VecDeque::new(),
            now: 0,
            looked: 0,
            zero: None,
            instead: Instead::default(),
            damage: None,
            ended: false,
        })
    }

    /// The same reader, at the same place of the same file, for somebody else.
    pub fn fork(&self) -> Self
    where
        R: Reopen,
    {
        Self {
            capture: self.capture.fork(),
            table: self.table.clone(),
            sessions_by_id: self.sessions_by_id.clone(),
            records: self.records.clone(),
            instead: self.instead.clone(),
            damage: self.damage.clone(),
            ..*self
        }
    }

    /// Byte of the file up to which it has read.
    pub fn offset(&self) -> u64 {
        self.capture.offset()
    }

    /// What happened next; `None` at the end, or where the file is cut short or damaged: [`Reader::damage`].
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn next_record(&mut self) -> Result<Option<Record>, RecordingError> {
        while self.records.is_empty() && !self.ended {
            self.read_packet()?;
        }
        Ok(self.records.pop_front())
    }

    /// Why the file could not be read to its end, once that is known.
    pub fn damage(&self) -> Option<&RecordingError> {
        self.damage.as_ref()
    }

    /// What to say about a file that had no SPICE in it.
    pub fn no_spice(&self) -> RecordingError {
        RecordingError::at(0, ErrorKind::NoSpice(self.instead.clone()))
    }

    fn read_packet(&mut self) -> Result<(), RecordingError> {
        let packet = match self.capture.next_item() {
            Ok(Some(Item::Packet(packet))) => packet,
            Ok(Some(Item::Note(note))) => {
                let (header, offset, content) = (note.header, note.offset, note.content.to_vec());
                self.take_note(header, offset, &content);
                return Ok(());
            }
            Ok(None) => {
                self.end();
                return Ok(());
            }
            Err(error) if matches!(error.kind, ErrorKind::Io(..)) => return Err(error),
            Err(error) => {
                self.damage = Some(error);
                self.end();
                return Ok(());
            }
        };
        self.now = self.now.max(packet.at);
        let offset = packet.offset;
        let Some(segment) = segment::parse(packet.link_type, packet.data) else {
            if !segment::is_known(packet.link_type) {
                self.instead.unknown_link_type = Some(packet.link_type);
            }
            return Ok(());
        };
        let mut key = [segment.from, segment.to];
        key.sort_unstable();
        let (before, current) = self.table.take(key, &segment, self.now);
        let current = current.map(|mut followed| {
            followed.connection.receive(&segment, self.now);
            followed
        });
        for mut followed in before.into_iter().chain(current) {
            self.settle(&mut followed, offset);
            self.table.put_back(key, followed);
        }
        if self.now.saturating_sub(self.looked) >= 1_000_000_000 {
            self.looked = self.now;
            self.wait(offset);
        }
        Ok(())
    }

    /// Takes what the program said beside the packets, where that is true.
    fn take_note(&mut self, header: Header, offset: u64, content: &[u8]) {
        let Some(session) = self.sessions.checked_sub(1) else {
            return;
        };
        let zero = self.zero.unwrap_or(self.now);
        match header.kind {
            Kind::Point if header.offset == offset => {
                // What is in front of it is told without the rest, and checked when it is used.
                let front = Point::decode_front(content);
                let front = front.ok().filter(|(_, of, _)| *of <= session);
                if let Some((at, session, surfaces)) = front {
                    let at = note::since(zero, at);
                    let place = PointPlace {
                        offset,
                        at,
                        session,
                    };
                    let what = What::Point(SeekPoint { place, surfaces });
                    self.say(session, offset, what);
                }
            }
            Kind::Marker if header.is_true(offset, content) => {
                if let Ok((at, text)) = note::decode_marker(content) {
                    // Other programs' clocks decide about nothing but the place of the marker.
                    self.now = self.now.max(at.min(self.now.saturating_add(MOST_AHEAD)));
                    self.say(session, offset, What::Marked(text));
                }
            }
            Kind::GoesOn if header.is_true(offset, content) => {
                let from = content.first_chunk().map(|from| u32::from_le_bytes(*from));
                if let Some(from) = from.filter(|from| *from as usize <= session) {
                    self.say(self.sessions, offset, What::GoesOn(from as usize));
                }
            }
            _ => {}
        }
    }

    /// Something is said about a session.
    fn say(&mut self, session: usize, offset: u64, what: What) {
        self.record(Some((session, ChannelId::MAIN)), offset, what);
    }

    /// The same file, from a seek point on, and what is to be told there.
    ///
    /// # Errors
    ///
    /// When there is no seek point at this byte, or it is damaged.
    pub(super) fn at_point(&self, offset: u64) -> Result<(Self, Point), RecordingError>
    where
        R: Reopen,
    {
        let mut capture = self.capture.restart()?;
        let content = capture.read_note(offset, Kind::Point)?;
        let point = Point::decode(&content)
            .map_err(|error| RecordingError::at(offset, ErrorKind::Damaged(error.to_string())))?;
        let ids = point.ids.iter();
        let reader = Self {
            capture,
            table: Table::resume(&point),
            sessions_by_id: ids.map(|(id, session)| (*id, *session as usize)).collect(),
            sessions: point.sessions as usize,
            records: VecDeque::new(),
            now: point.at,
            looked: point.at,
            zero: Some(point.zero),
            instead: Instead::default(),
            damage: None,
            ended: false,
        };
        Ok((reader, point))
    }

    /// What the end of a file of so many bytes says is in it.
    ///
    /// # Errors
    ///
    /// When it says nothing, or is damaged.
    pub(super) fn index(&self, bytes: u64) -> Result<Sketch, RecordingError>
    where
        R: Reopen,
    {
        let content = self.capture.restart()?.read_last_note(bytes, Kind::Index)?;
        Sketch::decode(&content, bytes)
            .map_err(|error| RecordingError::at(bytes, ErrorKind::Damaged(error.to_string())))
    }

    /// Gives up holes on connections that are silent.
    fn wait(&mut self, offset: u64) {
        for key in self.table.waiting() {
            if let Some(mut followed) = self.table.remove(key) {
                followed.connection.wait(self.now);
                self.settle(&mut followed, offset);
                self.table.put_back(key, followed);
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        let offset = self.capture.offset();
        for mut followed in self.table.take_all() {
            followed.connection.finish(self.now);
            self.settle(&mut followed, offset);
        }
    }

    /// Turns what was said on a connection into records.
    fn settle(&mut self, followed: &mut Followed, offset: u64) {
        let spice = followed.connection.dialogue.is_spice();
        if spice && self.zero.is_none() {
            self.zero = Some(followed.connection.began);
        }
        let over = followed.connection.dialogue.over();
        if !followed.counted && (spice || over.is_some()) {
            followed.counted = true;
            self.instead.connections += 1;
            self.instead.tls += u64::from(over == Some(Over::Tls));
        }
        while let Some(said) = followed.connection.dialogue.poll() {
            let what = match said {
                Said::Failed(why) => {
                    self.instead.failed_link = Some(why);
                    continue;
                }
                Said::Linked(request, established) => {
                    followed.place = Some((self.session_of(&request), channel(&request)));
                    What::Opened(established)
                }
                Said::Frame(way, frame) => What::Frame(way, frame),
                Said::Lost(loss) => What::Lost(loss),
            };
            self.record(followed.place, offset, what);
        }
        // Connections still open at the end of the file were not closed in it.
        if followed.connection.is_closed() && !self.ended {
            self.record(followed.place, offset, What::Closed);
        }
    }

    fn record(&mut self, place: Option<(usize, ChannelId)>, offset: u64, what: What) {
        let Some((session, channel)) = place else {
            return;
        };
        if let (ChannelId::MAIN, What::Frame(Way::ToClient, frame)) = (channel, &what)
            && let (MAIN_INIT, Some(id)) = (frame.number, frame.body.first_chunk())
        {
            self.sessions_by_id.insert(u32::from_le_bytes(*id), session);
        }
        self.records.push_back(Record {
            at: Duration::from_nanos(self.now - self.zero.unwrap_or(self.now).min(self.now)),
            offset,
            session,
            channel,
            what,
        });
    }

    /// The session a link belongs to: a new one for its main channel, else the one it names. One whose main channel was
    /// not captured goes to the last.
    fn session_of(&mut self, request: &LinkMess) -> usize {
        let named = self.sessions_by_id.get(&request.connection_id);
        match named {
            Some(session) if channel(request) != ChannelId::MAIN => return *session,
            None if channel(request) != ChannelId::MAIN && self.sessions > 0 => {
                return self.sessions - 1;
            }
            _ => {}
        }
        self.sessions += 1;
        self.sessions - 1
    }
}
