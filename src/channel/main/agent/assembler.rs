//! The agent's stream of bytes as messages (spec 04 §1.1).
//!
//! Messages may be split and joined in any way. What a header announces is not believed: a message over its limit is passed
//! over, and memory is taken as bytes arrive.

use super::messages::{HEADER_LEN, Header, MessageKind, PROTOCOL};
use crate::wire::{Decode, Reader};

/// Most bytes of a message that is no clipboard's content.
const MAX_MESSAGE: u32 = 64 << 10;

/// Bytes of memory that are taken before they are needed.
const AHEAD: usize = 64 << 10;

/// Puts messages together.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembler {
    /// INVARIANT: shorter than a header.
    header: Vec<u8>,
    state: State,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Header,
    /// INVARIANT: `payload` is shorter than `size`.
    Payload {
        kind: MessageKind,
        size: usize,
        payload: Vec<u8>,
    },
    Skip {
        left: usize,
    },
}

/// What has come together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assembled {
    /// A message.
    Message(MessageKind, Vec<u8>),
    /// The header of a message that is passed over.
    TooLong(MessageKind, u32),
}

/// The stream is no agent's: it cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAgent {
    pub protocol: u32,
}

impl Assembler {
    /// Takes bytes off the front of `data` until something has come together; `None` when all are taken. A clipboard's content
    /// may have `clipboard_limit` bytes.
    pub fn next(
        &mut self,
        data: &mut &[u8],
        clipboard_limit: u32,
    ) -> Result<Option<Assembled>, NotAgent> {
        loop {
            match &mut self.state {
                State::Header => {
                    self.header
                        .extend(take(data, HEADER_LEN - self.header.len()));
                    let Ok(header) =
                        Header::decode(&mut Reader::new("agent message", &self.header))
                    else {
                        return Ok(None);
                    };
                    self.header.clear();
                    if header.protocol != PROTOCOL {
                        let protocol = header.protocol;
                        return Err(NotAgent { protocol });
                    }
                    if let Some(done) = self.begin(header, clipboard_limit) {
                        return Ok(Some(done));
                    }
                }
                State::Payload {
                    kind,
                    size,
                    payload,
                } => {
                    let taken = take(data, *size - payload.len());
                    if payload.capacity() - payload.len() < taken.len() {
                        let ahead = payload.len().max(AHEAD).max(taken.len());
                        payload.reserve_exact(ahead.min(*size - payload.len()));
                    }
                    payload.extend_from_slice(taken);
                    if payload.len() < *size {
                        return Ok(None);
                    }
                    let done = Assembled::Message(*kind, std::mem::take(payload));
                    self.state = State::Header;
                    return Ok(Some(done));
                }
                State::Skip { left } => {
                    *left -= take(data, *left).len();
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
            }
        }
    }

    /// Whether a clipboard's content is arriving.
    pub fn in_clipboard(&self) -> bool {
        matches!(
            self.state,
            State::Payload {
                kind: MessageKind::Clipboard,
                ..
            }
        )
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        match &self.state {
            State::Payload { payload, .. } => payload.capacity(),
            _ => 0,
        }
    }

    fn begin(&mut self, header: Header, clipboard_limit: u32) -> Option<Assembled> {
        let limit = match header.kind {
            // The fields in front of the content.
            MessageKind::Clipboard => clipboard_limit.saturating_add(8),
            _ => MAX_MESSAGE,
        };
        // Never cut: the program is for machines of 32 bits and more.
        let size = header.size as usize;
        if header.size > limit {
            self.state = State::Skip { left: size };
            return Some(Assembled::TooLong(header.kind, header.size));
        }
        if size == 0 {
            return Some(Assembled::Message(header.kind, Vec::new()));
        }
        self.state = State::Payload {
            kind: header.kind,
            size,
            payload: Vec::new(),
        };
        None
    }
}

/// Takes at most `most` bytes off the front.
fn take<'d>(data: &mut &'d [u8], most: usize) -> &'d [u8] {
    let (taken, rest) = data.split_at(most.min(data.len()));
    *data = rest;
    taken
}
