//! The agent's device: the streams of two ports in chunks, as a server sees them (spec 04 §1.2).
//!
//! A chunk is u32 port, u32 size, and at most 2048 bytes. Port 1 carries what client and agent say to each other, port 2 what
//! the server itself says to the agent.

use bytes::Bytes;

use super::messages::{HEADER_LEN, Header, MessageKind, PROTOCOL};
use super::outgoing::MAX_BODY;
use crate::channel::Fault;
use crate::wire::{Decode, Encode, Reader, Writer};

/// The port of clients.
const CLIENT_PORT: u32 = 1;

/// The port of the server.
const SERVER_PORT: u32 = 2;

/// Bytes in front of each chunk.
const CHUNK_HEADER_LEN: usize = 8;

/// Bytes of one message from the agent, at most 2048. A message's pieces follow each other, and no piece has bytes of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether the message begins with it; it holds the whole header then.
    pub begins: bool,
    /// The bytes.
    pub data: Bytes,
}

/// What a client says, as the agent's device takes it: at most 2048 bytes.
pub fn client_chunk(data: &[u8]) -> Vec<u8> {
    chunk(CLIENT_PORT, data)
}

/// That the last client went, as the agent's device takes it.
pub fn client_disconnected() -> Vec<u8> {
    let header = Header {
        protocol: PROTOCOL,
        kind: MessageKind::ClientDisconnected,
        size: 0,
    };
    let mut w = Writer::new();
    header.encode(&mut w);
    chunk(SERVER_PORT, &w.into_body())
}

fn chunk(port: u32, data: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.u32(port);
    w.u32(data.len() as u32);
    w.bytes(data);
    w.into_body()
}

/// Takes apart what an agent writes to its device.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// INVARIANT: shorter than a chunk's header.
    chunk_header: Vec<u8>,
    /// Port of the chunk that is arriving, and its bytes that have not come.
    port: u32,
    chunk_left: usize,
    /// INVARIANT: shorter than a message's header.
    message_header: Vec<u8>,
    /// Bytes of the message that have not come.
    message_left: usize,
}

impl Device {
    /// Takes bytes from the device; what they say to clients is added to `said`.
    ///
    /// # Errors
    ///
    /// When it is no agent that writes them: another port, a chunk that is too long, another protocol. There is no agent then.
    pub fn receive(&mut self, mut data: &[u8], said: &mut Vec<Piece>) -> Result<(), Fault> {
        while !data.is_empty() {
            if self.chunk_left == 0 {
                self.begin_chunk(&mut data)?;
                continue;
            }
            let part = take(&mut data, self.chunk_left);
            self.chunk_left -= part.len();
            if self.port == CLIENT_PORT {
                self.message(part, said)?;
            }
        }
        Ok(())
    }

    fn begin_chunk(&mut self, data: &mut &[u8]) -> Result<(), Fault> {
        let missing = CHUNK_HEADER_LEN - self.chunk_header.len();
        self.chunk_header.extend(take(data, missing));
        let mut r = Reader::new("agent chunk", &self.chunk_header);
        let (Ok(port), Ok(size)) = (r.u32("port"), r.u32("size")) else {
            return Ok(());
        };
        self.chunk_header.clear();
        if !matches!(port, CLIENT_PORT | SERVER_PORT) {
            return Err(Fault::Violation(format!("the agent writes to port {port}")));
        }
        if size as usize > MAX_BODY {
            let text = format!("the agent writes a chunk of {size} bytes, the limit is {MAX_BODY}");
            return Err(Fault::Limit(text));
        }
        (self.port, self.chunk_left) = (port, size as usize);
        Ok(())
    }

    fn message(&mut self, mut part: &[u8], said: &mut Vec<Piece>) -> Result<(), Fault> {
        while !part.is_empty() {
            if self.message_left > 0 {
                let data = Bytes::copy_from_slice(take(&mut part, self.message_left));
                self.message_left -= data.len();
                said.push(Piece {
                    begins: false,
                    data,
                });
                continue;
            }
            let missing = HEADER_LEN - self.message_header.len();
            self.message_header.extend(take(&mut part, missing));
            let Ok(header) =
                Header::decode(&mut Reader::new("agent message", &self.message_header))
            else {
                return Ok(());
            };
            if header.protocol != PROTOCOL {
                let protocol = header.protocol;
                return Err(Fault::Violation(format!(
                    "the agent speaks protocol {protocol}"
                )));
            }
            self.message_left = header.size as usize;
            let data = Bytes::from(std::mem::take(&mut self.message_header));
            said.push(Piece { begins: true, data });
        }
        Ok(())
    }
}

/// Takes at most `most` bytes off the front.
fn take<'d>(data: &mut &'d [u8], most: usize) -> &'d [u8] {
    let (taken, rest) = data.split_at(most.min(data.len()));
    *data = rest;
    taken
}
