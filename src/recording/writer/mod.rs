//! Writing a recording: the frames of a session as a capture that Wireshark opens with no settings (architecture §5c).
//!
//! The file is pcapng with one interface of raw IP packets and times in nanoseconds. Each connection of a channel is a TCP
//! stream of its own from 192.0.2.1 to port 5930 of 192.0.2.2 (Wireshark takes 5900 for VNC), with the handshake, sequence
//! numbers and checksums that TCP has. It begins with a link exchange that carries the capabilities of both sides, a public
//! key of zeros and a ticket of zeros: no password is ever in a recording.

mod packet;
mod private;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) use packet::MOST_DATA;
use packet::{ACK, FIN, PSH, SYN, Side};
pub(super) use private::Agent;
use private::Private;

use super::MAIN_INIT;
use super::note::{self, Kind};
use super::reader::{PointPlace, Record, SeekPoint, What};
use super::sketch::Sketch;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::messages::{LinkMess, LinkReply};
use crate::link::{
    AUTH_SELECTION, AUTH_SPICE, Established, LinkCode, PUBLIC_KEY_BYTES, TICKET_BYTES,
};
use crate::session::Way;
use crate::wire::{Frame, HeaderKind};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

/// Packets begin with the IP header.
const RAW_IP: u16 = 101;

/// Options of blocks: a comment; who wrote the file; the unit of its times.
const COMMENT: u16 = 1;
const APPLICATION: u16 = 4;
const RESOLUTION: u16 = 9;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SERVER: Side = (Ipv4Addr::new(192, 0, 2, 2), 5930);
/// The port of the first connection. Those after it count up.
const FIRST_PORT: u16 = 49_152;

/// Bytes that the end of a connection takes at most: three packets without data.
const CLOSING: u64 = 3 * 128;

/// Most ids of sessions remembered.
const MOST_IDS: usize = 1000;

/// The two ends of a connection, the client first.
pub(super) fn ends(port: u16) -> [SocketAddr; 2] {
    [(CLIENT, port), SERVER].map(SocketAddr::from)
}

/// What goes into a recording beside what the server sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Keys, the pointer, the microphone and what is typed at consoles.
    pub input: bool,
    /// Contents of clipboards and of files that are sent; otherwise they are zeros.
    pub clipboard: bool,
}

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W> {
    file: W,
    written: u64,
    frames: u64,
    /// What the times of frames count from.
    started: SystemTime,
    private: Private,
    streams: BTreeMap<ChannelId, Stream>,
    /// Of the next connection.
    port: u16,
    /// From the server; other channels name it when they are linked.
    session_id: u32,
    /// Sessions by such ids.
    ids: BTreeMap<u32, u32>,
    /// Sessions that have begun, and the one that is recorded.
    sessions: u32,
    session: u32,
    /// What was written, for the index.
    sketch: Sketch,
    /// When the first connection began, after the start.
    zero: Option<Duration>,
    /// For the next packet.
    comment: String,
    /// One packet's block, kept for its memory.
    block: Vec<u8>,
}

/// A connection.
#[derive(Debug)]
struct Stream {
    port: u16,
    established: Established,
    /// Numbers of the next bytes, of the client and of the server.
    next: [u32; 2],
    /// Serial of the newest frame from the server, as it is read.
    serial: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a recording of a session that starts now, with a comment on what is recorded.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(file: W, about: &str, started: SystemTime, choices: Choices) -> io::Result<Self> {
        let mut writer = Self {
            file,
            written: 0,
            frames: 0,
            started,
            private: Private::new(choices.input, choices.clipboard),
            streams: BTreeMap::new(),
            port: FIRST_PORT,
            session_id: 0,
            ids: BTreeMap::new(),
            sessions: 0,
            session: 0,
            sketch: Sketch::default(),
            zero: None,
            comment: String::new(),
            block: Vec::new(),
        };
        let application = concat!("capsaicin ", env!("CARGO_PKG_VERSION"));
        writer.begin(SECTION);
        // The byte order; version 1.0; a section of unknown length.
        writer
            .block
            .extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        writer.block.extend_from_slice(&[1, 0, 0, 0]);
        writer.block.extend_from_slice(&[0xff; 8]);
        writer.option(COMMENT, about.as_bytes());
        writer.option(APPLICATION, application.as_bytes());
        writer.end()?;
        writer.begin(INTERFACE);
        writer.block.extend_from_slice(&RAW_IP.to_le_bytes());
        // Whole packets.
        writer.block.extend_from_slice(&[0; 6]);
        writer.option(RESOLUTION, &[9]);
        writer.end()?;
        Ok(writer)
    }

    /// What follows comes from the middle of a session, in which the talk with the agent is there.
    pub(super) fn resume(&mut self, agent: &Agent) {
        self.private.resume(agent);
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Frames written so far: without those that stay out.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// A channel was linked, `at` after the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn opened(
        &mut self,
        at: Duration,
        channel: ChannelId,
        established: &Established,
    ) -> io::Result<()> {
        self.closed(at, channel)?;
        let port = self.port;
        self.port = port.checked_add(1).unwrap_or(FIRST_PORT);
        let stream = Stream {
            port,
            established: established.clone(),
            next: [0; 2],
            serial: 0,
        };
        self.streams.insert(channel, stream);
        self.sessions += u32::from(channel == ChannelId::MAIN);
        self.zero.get_or_insert(at);
        self.note_record(at, channel, What::Opened(established.clone()));
        self.segment(at, channel, Way::ToServer, SYN, &[], &channel.to_string())?;
        self.segment(at, channel, Way::ToClient, SYN | ACK, &[], "")?;
        self.segment(at, channel, Way::ToServer, ACK, &[], "")?;

        let connection_id = match channel.kind {
            ChannelKind::Main => 0,
            _ => self.session_id,
        };
        let request = LinkMess {
            connection_id,
            channel_type: channel.kind.number(),
            channel_id: channel.id,
            capabilities: established.client.clone(),
        };
        let reply = LinkReply {
            error: LinkCode::Ok,
            pub_key: [0; PUBLIC_KEY_BYTES],
            capabilities: established.server.clone(),
        };
        self.data(at, channel, Way::ToServer, &request.to_packet())?;
        self.data(at, channel, Way::ToClient, &reply.to_packet())?;
        let both = established.client.has_common(AUTH_SELECTION)
            && established.server.has_common(AUTH_SELECTION);
        if both {
            // In a packet of its own: Wireshark looks for the ticket in the next one.
            self.data(at, channel, Way::ToServer, &AUTH_SPICE.to_le_bytes())?;
        }
        self.data(at, channel, Way::ToServer, &[0; TICKET_BYTES])?;
        let accepted = LinkCode::Ok.number().to_le_bytes();
        self.data(at, channel, Way::ToClient, &accepted)
    }

    /// A frame passed, `at` after the start. Those of channels that are not open are none.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn frame(
        &mut self,
        at: Duration,
        channel: ChannelId,
        way: Way,
        frame: &Frame,
    ) -> io::Result<()> {
        let Some(stream) = self.streams.get_mut(&channel) else {
            return Ok(());
        };
        let header = stream.established.header;
        if way == Way::ToClient {
            stream.serial = match header {
                HeaderKind::Full => frame.serial,
                // As whoever reads them counts them.
                HeaderKind::Mini => stream.serial + 1,
            };
        }
        if channel.kind == ChannelKind::Main && way == Way::ToClient && frame.number == MAIN_INIT {
            let id = frame.body.first_chunk();
            self.session_id = id.map_or(0, |id| u32::from_le_bytes(*id));
            if self.ids.len() < MOST_IDS {
                let session = self.sessions.saturating_sub(1);
                self.ids.insert(self.session_id, session);
            }
        }
        let Some(frame) = self.private.admit(channel, way, frame) else {
            return Ok(());
        };
        let mut bytes = Vec::with_capacity(header.bytes() + frame.body.len());
        header.write(&frame, &mut bytes);
        self.frames += 1;
        self.data(at, channel, way, &bytes)?;
        let frame = frame.into_owned();
        self.note_record(at, channel, What::Frame(way, frame));
        Ok(())
    }

    /// Takes note of what was written.
    fn note_record(&mut self, at: Duration, channel: ChannelId, what: What) {
        let record = Record {
            at: at.saturating_sub(self.zero.unwrap_or(at)),
            offset: self.written,
            session: self.sessions.saturating_sub(1) as usize,
            channel,
            what,
        };
        self.sketch.add(&record);
    }

    /// Somebody marks the moment `at` after the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn mark(&mut self, at: Duration, text: &str) -> io::Result<()> {
        if self.sessions == 0 {
            return Ok(());
        }
        // Wireshark sees it as a comment on the next packet.
        self.comment = format!("marker {text}").trim_end().to_owned();
        let content = note::encode_marker(self.epoch(at), text);
        self.note(Kind::Marker, &content)?;
        self.note_record(at, ChannelId::MAIN, What::Marked(text.to_owned()));
        Ok(())
    }

    /// The main channel that is linked next is that of a session that goes on where the one recorded now ended, `at` after
    /// the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn go_on(&mut self, at: Duration) -> io::Result<()> {
        if self.sessions == 0 {
            return Ok(());
        }
        let (before, next) = (self.session, self.sessions);
        self.note(Kind::GoesOn, &before.to_le_bytes())?;
        self.session = next;
        self.sketch.add(&Record {
            at: at.saturating_sub(self.zero.unwrap_or(at)),
            offset: self.written,
            session: next as usize,
            channel: ChannelId::MAIN,
            what: What::GoesOn(before as usize),
        });
        Ok(())
    }

    /// A place from which the recording can be played, with what a fresh session has to be told then on each channel; where
    /// that is more than `most` bytes it is left out. How many it is.
    pub(super) fn point(
        &mut self,
        at: Duration,
        channels: &[(ChannelId, Vec<Frame>)],
        surfaces: Vec<note::Surface>,
        most: u64,
    ) -> io::Result<u64> {
        let told = |(id, frames): &(ChannelId, Vec<Frame>)| {
            let stream = self.streams.get(id)?;
            let admitted = |frame: &Frame| {
                let frame = self.private.clone().admit(*id, Way::ToClient, frame);
                frame.map(std::borrow::Cow::into_owned)
            };
            Some(note::Channel {
                id: *id,
                port: stream.port,
                next: stream.next,
                link: stream.established.clone(),
                serial: stream.serial,
                frames: frames.iter().filter_map(admitted).collect(),
            })
        };
        let point = note::Point {
            at: self.epoch(at),
            zero: self.epoch(self.zero.unwrap_or(at)),
            session: self.session,
            sessions: self.sessions,
            ids: self
                .ids
                .iter()
                .map(|(id, session)| (*id, *session))
                .collect(),
            channels: channels.iter().filter_map(told).collect(),
            surfaces,
        };
        let content = match point.encode() {
            Ok(content) => content,
            Err(bytes) => return Ok(bytes as u64),
        };
        let bytes = content.len() as u64;
        if bytes > most || self.session >= self.sessions {
            return Ok(bytes);
        }
        let place = PointPlace {
            offset: self.written,
            at: at.saturating_sub(self.zero.unwrap_or(at)),
            session: self.session as usize,
        };
        self.note(Kind::Point, &content)?;
        self.note_record(
            at,
            ChannelId::MAIN,
            What::Point(SeekPoint {
                place,
                surfaces: Vec::new(),
            }),
        );
        Ok(bytes)
    }

    /// Says at the end of the file what is in it, if that takes at most `room` bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn index(&mut self, room: u64) -> io::Result<()> {
        let content = self.sketch.encode();
        let bytes = (content.len() + note::HEADER) as u64 + note::AROUND + 4;
        if self.sessions > 0 && bytes <= room {
            self.note(Kind::Index, &content)?;
        }
        self.flush()
    }

    fn note(&mut self, kind: Kind, content: &[u8]) -> io::Result<()> {
        self.begin(note::BLOCK);
        let header = note::Header::encode(kind, self.written, content);
        self.block.extend_from_slice(&header);
        self.block.extend_from_slice(content);
        self.pad();
        self.end()?;
        // A large one is rare.
        self.block.shrink_to(1 << 20);
        Ok(())
    }

    /// Nanoseconds since the epoch.
    fn epoch(&self, at: Duration) -> u64 {
        let since = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from((since + at).as_nanos()).unwrap_or(u64::MAX)
    }

    /// A channel is gone, `at` after the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn closed(&mut self, at: Duration, channel: ChannelId) -> io::Result<()> {
        if self.streams.contains_key(&channel) {
            self.segment(at, channel, Way::ToServer, FIN | ACK, &[], "")?;
            self.segment(at, channel, Way::ToClient, FIN | ACK, &[], "")?;
            self.segment(at, channel, Way::ToServer, ACK, &[], "")?;
            self.streams.remove(&channel);
            self.note_record(at, channel, What::Closed);
        }
        Ok(())
    }

    /// Bytes that the end takes at most, also when one more entry was written: closing what is open, and the index.
    pub(super) fn ending(&self) -> u64 {
        let open = self.streams.len() as u64 + 1;
        let index = (self.sketch.most_bytes() + note::HEADER) as u64 + note::AROUND + 4;
        open * CLOSING + self.comment.len() as u64 + index
    }

    /// The channels that are open.
    pub(super) fn open(&self) -> impl Iterator<Item = ChannelId> {
        self.streams.keys().copied()
    }

    /// Hands on what is kept back, so that the file can be read up to here.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Closes what is still open, `at` after the start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn close(&mut self, at: Duration) -> io::Result<()> {
        let open: Vec<ChannelId> = self.streams.keys().copied().collect();
        for channel in open {
            self.closed(at, channel)?;
        }
        self.flush()
    }

    /// Some bytes of a connection, in as many packets as they need.
    fn data(&mut self, at: Duration, channel: ChannelId, way: Way, data: &[u8]) -> io::Result<()> {
        for piece in data.chunks(MOST_DATA) {
            self.segment(at, channel, way, PSH | ACK, piece, "")?;
        }
        Ok(())
    }

    fn segment(
        &mut self,
        at: Duration,
        channel: ChannelId,
        way: Way,
        flags: u8,
        data: &[u8],
        comment: &str,
    ) -> io::Result<()> {
        let Some(stream) = self.streams.get_mut(&channel) else {
            return Ok(());
        };
        let client = (CLIENT, stream.port);
        let (sides, here, there) = match way {
            Way::ToServer => ([client, SERVER], 0, 1),
            Way::ToClient => ([SERVER, client], 1, 0),
        };
        let acknowledges = if flags & ACK == 0 {
            0
        } else {
            stream.next[there]
        };
        let numbers = [stream.next[here], acknowledges];
        let headers = packet::headers(sides, numbers, flags, data);
        // Beginning and end take a number each.
        let taken = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        stream.next[here] = stream.next[here].wrapping_add(taken);

        let time = self.epoch(at);
        let len = (headers.len() + data.len()) as u32;
        self.begin(PACKET);
        // The only interface; the time, its upper half first; the length, as captured and as it was.
        for word in [0, (time >> 32) as u32, time as u32, len, len] {
            self.block.extend_from_slice(&word.to_le_bytes());
        }
        self.block.extend_from_slice(&headers);
        self.block.extend_from_slice(data);
        self.pad();
        if !comment.is_empty() {
            self.option(COMMENT, comment.as_bytes());
        }
        let comment = std::mem::take(&mut self.comment);
        if !comment.is_empty() {
            self.option(COMMENT, comment.as_bytes());
        }
        self.end()
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.block.extend_from_slice(&kind.to_le_bytes());
        // The length, when it is known.
        self.block.extend_from_slice(&[0; 4]);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.block.extend_from_slice(&code.to_le_bytes());
        self.block.extend_from_slice(&len.to_le_bytes());
        self.block.extend_from_slice(&value[..usize::from(len)]);
        self.pad();
    }

    fn pad(&mut self) {
        let len = self.block.len().next_multiple_of(4);
        self.block.resize(len, 0);
    }

    fn end(&mut self) -> io::Result<()> {
        let len = self.block.len() as u32 + 4;
        self.block[4..8].copy_from_slice(&len.to_le_bytes());
        self.block.extend_from_slice(&len.to_le_bytes());
        self.file.write_all(&self.block)?;
        self.written += u64::from(len);
        Ok(())
    }
}
