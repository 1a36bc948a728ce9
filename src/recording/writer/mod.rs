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
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) use packet::MOST_DATA;
use packet::{ACK, FIN, PSH, SYN, Side};
use private::Private;

use super::MAIN_INIT;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::messages::{LinkMess, LinkReply};
use crate::link::{
    AUTH_SELECTION, AUTH_SPICE, Established, LinkCode, PUBLIC_KEY_BYTES, TICKET_BYTES,
};
use crate::session::Way;
use crate::wire::Frame;

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
        };
        self.streams.insert(channel, stream);
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
        let Some(stream) = self.streams.get(&channel) else {
            return Ok(());
        };
        let header = stream.established.header;
        if channel.kind == ChannelKind::Main && way == Way::ToClient && frame.number == MAIN_INIT {
            let id = frame.body.first_chunk();
            self.session_id = id.map_or(0, |id| u32::from_le_bytes(*id));
        }
        let Some(frame) = self.private.admit(channel, way, frame) else {
            return Ok(());
        };
        let mut bytes = Vec::with_capacity(header.bytes() + frame.body.len());
        header.write(&frame, &mut bytes);
        self.frames += 1;
        self.data(at, channel, way, &bytes)
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
        }
        Ok(())
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

        let since = self.started.duration_since(UNIX_EPOCH).unwrap_or_default() + at;
        let time = since.as_nanos() as u64;
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
