//! The server's side of a port: says its name, passes bytes both ways, and tells whether somebody has it open.

use bytes::Bytes;

use super::messages::{ClientMessage, EventKind, Init, PortEvent, ServerMessage};
use crate::channel::common::messages::Opaque;
use crate::channel::{Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Most bytes of one message to the client, as the reference server reads a device (spec 06 §1).
const PIECE: usize = 65_568;

/// Longest name, bytes; the rest is cut off.
const MAX_NAME: usize = 255;

/// One port of a server.
#[derive(Clone, Debug)]
pub struct Server {
    name: String,
    open: bool,
}

/// What a client does to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It writes these bytes.
    Data(Bytes),
    /// It signals a break.
    Break,
    /// It signals something whose meaning the two ends agree on; from 3.
    Event(u8),
}

impl Server {
    /// A port of this name that nobody has open. A NUL in the name ends it.
    pub fn new(name: &str) -> Self {
        let name = name.split('\0').next().unwrap_or_default();
        let end = name.floor_char_boundary(MAX_NAME);
        Self {
            name: name[..end].to_owned(),
            open: false,
        }
    }

    /// What this server announces on port channels: nothing of its own. Data comes as it is.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[])
    }

    /// Whether somebody has it open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The channel is linked: the first message says what it is.
    pub fn start(&self, outbox: &mut Vec<Frame>) {
        let name = [self.name.as_bytes(), &[0]].concat();
        let init = Init {
            name: &name,
            opened: self.open.into(),
        };
        outbox.push(ServerMessage::Init(init).to_frame());
    }

    /// Somebody has it open from now on, or nobody; what a linked client is told of that.
    pub fn set_open(&mut self, open: bool, outbox: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.open, open) != open {
            let event = match open {
                true => EventKind::Opened,
                false => EventKind::Closed,
            };
            outbox.push(ServerMessage::Event(PortEvent { event }).to_frame());
        }
    }

    /// Who has it open writes.
    pub fn say(&self, data: &[u8], outbox: &mut Vec<Frame>) {
        let pieces = data.chunks(PIECE).map(Opaque);
        outbox.extend(pieces.map(|piece| ServerMessage::Data(piece).to_frame()));
    }

    /// Acts on one message; what the client did, if anything.
    ///
    /// # Errors
    ///
    /// When the message is malformed, unknown or compressed, which was not announced.
    pub fn on_frame(&self, frame: &Frame) -> Result<Option<Received>, Fault> {
        let message = ClientMessage::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        Ok(match message {
            ClientMessage::Data(data) if data.0.is_empty() => None,
            ClientMessage::Data(data) => Some(Received::Data(Bytes::copy_from_slice(data.0))),
            ClientMessage::Event(PortEvent { event }) => match event {
                EventKind::Break => Some(Received::Break),
                EventKind::Other(number) => Some(Received::Event(number)),
                // Only the server's end can be opened or closed.
                EventKind::Opened | EventKind::Closed => None,
            },
            ClientMessage::CompressedData(_) => {
                let text = "the client compresses a port's data unasked".to_owned();
                return Err(Fault::Violation(text));
            }
            ClientMessage::Unknown { number, .. } => return Err(Fault::unknown_message(number)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(frames: &[Frame]) -> Vec<(u16, Vec<u8>)> {
        let body = |frame: &Frame| (frame.number, frame.body.to_vec());
        frames.iter().map(body).collect()
    }

    #[test]
    fn a_port_says_its_name_first_as_qemu_does() {
        // Seen from QEMU 7.2 (spec 06 §1).
        let mut expected = vec![0x1a, 0, 0, 0, 9, 0, 0, 0, 1];
        expected.extend_from_slice(b"org.qemu.console.serial.0\0");
        let mut port = Server::new("org.qemu.console.serial.0");
        port.set_open(true, &mut Vec::new());
        let mut outbox = Vec::new();
        port.start(&mut outbox);
        assert_eq!(bodies(&outbox), [(201, expected)]);
    }

    #[test]
    fn opening_and_closing_are_told_once() {
        let mut port = Server::new("console");
        let mut outbox = Vec::new();
        for open in [false, true, true, false] {
            port.set_open(open, &mut outbox);
        }
        assert_eq!(bodies(&outbox), [(202, vec![0]), (202, vec![1])]);
    }

    #[test]
    fn much_is_said_in_pieces() {
        let mut outbox = Vec::new();
        Server::new("console").say(&[7; 140_000], &mut outbox);
        let lengths: Vec<usize> = outbox.iter().map(|frame| frame.body.len()).collect();
        assert_eq!(lengths, [65_568, 65_568, 8_864]);
    }

    #[test]
    fn a_client_writes_breaks_and_may_not_compress() {
        let port = Server::new("console");
        let received = |number, body: &[u8]| port.on_frame(&Frame::new(number, body.to_vec()));
        let data = Received::Data(Bytes::from_static(b"ls"));
        assert_eq!(received(101, b"ls").unwrap(), Some(data));
        assert_eq!(received(101, b"").unwrap(), None);
        assert_eq!(received(201, &[2]).unwrap(), Some(Received::Break));
        assert_eq!(received(201, &[9]).unwrap(), Some(Received::Event(9)));
        assert_eq!(received(201, &[0]).unwrap(), None);
        assert!(received(102, &[1, 5, 0, 0, 0]).is_err());
        assert!(received(201, b"").is_err());
        assert!(received(150, b"").is_err());
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let port = Server::new(&"ü".repeat(200));
        assert_eq!(port.name.len(), 254);
        assert_eq!(Server::new("a\0b").name, "a");
    }
}
