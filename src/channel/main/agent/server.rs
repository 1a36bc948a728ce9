//! The server's side of the tunnel between one client and the agent (spec 02 §7).

use std::collections::VecDeque;

use bytes::Bytes;

use super::device::Piece;
use super::messages::{HEADER_LEN, Header, PROTOCOL};
use super::outgoing::MAX_BODY;
use crate::channel::main::messages::{AgentDisconnected, ServerMessage, Tokens};
use crate::channel::{Fault, Message};
use crate::wire::{Decode, Frame, Reader};

/// Number of AGENT_DATA, server → client.
const AGENT_DATA: u16 = 109;

/// Credit of a client for messages to the agent; as much as the reference gives.
const TOKENS: u32 = 10;

/// Carries messages, and counts the credit of both sides.
#[derive(Clone, Debug, Default)]
pub struct Server {
    attached: bool,
    /// Whether the client knows the message that says how much credit it has.
    takes_tokens: bool,
    /// Whether the client has asked for what the agent says.
    started: bool,
    /// Bodies of the client that the agent has not taken.
    untaken: u32,
    /// Bytes of the client's message that have not come.
    left: usize,
    to_agent: VecDeque<Bytes>,
    /// Bodies the client takes. More than a u32 can be granted in several messages.
    credit: u64,
    /// Whether the client has the beginning of what the agent is saying.
    follows: bool,
    to_client: VecDeque<Bytes>,
}

impl Server {
    /// Credit a client has from the beginning.
    pub const TOKENS: u32 = TOKENS;

    /// A client that knows AGENT_CONNECTED_TOKENS, or does not.
    pub fn start(&mut self, takes_tokens: bool) {
        self.takes_tokens = takes_tokens;
    }

    /// Whether there is an agent.
    pub fn is_attached(&self) -> bool {
        self.attached
    }

    /// Whether the client talks with the agent.
    pub fn is_started(&self) -> bool {
        self.attached && self.started
    }

    /// An agent is there.
    pub fn attach(&mut self, outbox: &mut Vec<Frame>) {
        if self.attached {
            return;
        }
        *self = Self {
            attached: true,
            takes_tokens: self.takes_tokens,
            // A client that does not know how to be told otherwise goes on counting.
            untaken: if self.takes_tokens { 0 } else { self.untaken },
            ..Self::default()
        };
        let num_tokens = TOKENS;
        outbox.push(match self.takes_tokens {
            true => ServerMessage::AgentConnectedTokens(Tokens { num_tokens }).to_frame(),
            false => ServerMessage::AgentConnected.to_frame(),
        });
    }

    /// The agent went. What the client says in the meantime is dropped.
    pub fn detach(&mut self, outbox: &mut Vec<Frame>) {
        if !self.attached {
            return;
        }
        (self.attached, self.started, self.follows, self.left) = (false, false, false, 0);
        self.to_agent.clear();
        self.to_client.clear();
        let gone = AgentDisconnected { error_code: 0 };
        outbox.push(ServerMessage::AgentDisconnected(gone).to_frame());
    }

    /// The client wants to hear the agent, and takes so many bodies.
    pub fn on_start(&mut self, tokens: u32, outbox: &mut Vec<Frame>) {
        (self.started, self.credit) = (true, tokens.into());
        self.flush(outbox);
    }

    /// The client takes so many more.
    pub fn on_tokens(&mut self, tokens: u32, outbox: &mut Vec<Frame>) {
        self.credit = self.credit.saturating_add(tokens.into());
        self.flush(outbox);
    }

    /// The client says something to the agent.
    ///
    /// # Errors
    ///
    /// When it is too long, there is no credit for it, or it is not cut as it has to be.
    pub fn on_data(&mut self, data: &[u8], outbox: &mut Vec<Frame>) -> Result<(), Fault> {
        if data.len() > MAX_BODY {
            let len = data.len();
            return Err(Fault::Limit(format!(
                "AGENT_DATA of {len} bytes, the limit is {MAX_BODY}"
            )));
        }
        if self.untaken >= TOKENS {
            return Err(Fault::Violation("AGENT_DATA without credit for it".into()));
        }
        self.untaken += 1;
        if !self.is_started() {
            // Dropped, and not held to the rules: it may be the rest of what was begun with an agent that went.
            self.took(1, outbox);
            return Ok(());
        }
        self.left = match self.left {
            0 => after_header(data)?,
            left => left.checked_sub(data.len()).ok_or_else(two_messages)?,
        };
        self.to_agent.push_back(Bytes::copy_from_slice(data));
        Ok(())
    }

    /// What the client says, in the order it says it: at most as much as it has credit for.
    pub fn poll_to_agent(&mut self) -> Option<Bytes> {
        self.to_agent.pop_front()
    }

    /// The agent has taken so many bodies.
    pub fn took(&mut self, bodies: u32, outbox: &mut Vec<Frame>) {
        let num_tokens = bodies.min(self.untaken);
        self.untaken -= num_tokens;
        if num_tokens > 0 {
            outbox.push(ServerMessage::AgentToken(Tokens { num_tokens }).to_frame());
        }
    }

    /// Whether more of the agent can be taken: nothing waits for the client's credit.
    pub fn has_room(&self) -> bool {
        self.to_client.is_empty()
    }

    /// The agent says something. What a client has not heard the beginning of it does not hear.
    pub fn say(&mut self, piece: &Piece, outbox: &mut Vec<Frame>) {
        self.follows = self.is_started() && (self.follows || piece.begins);
        if self.follows {
            self.to_client.push_back(piece.data.clone());
            self.flush(outbox);
        }
    }

    fn flush(&mut self, outbox: &mut Vec<Frame>) {
        while self.credit > 0
            && let Some(body) = self.to_client.pop_front()
        {
            self.credit -= 1;
            outbox.push(Frame::new(AGENT_DATA, body));
        }
    }
}

/// Bytes that follow in later bodies of a message that begins with this one.
fn after_header(data: &[u8]) -> Result<usize, Fault> {
    let header = Header::decode(&mut Reader::new("agent message", data)).map_err(Fault::Message)?;
    if header.protocol != PROTOCOL {
        let protocol = header.protocol;
        return Err(Fault::Violation(format!(
            "agent message of protocol {protocol}"
        )));
    }
    let here = data.len() - HEADER_LEN;
    match header.size as usize {
        // What follows an empty message is tolerated, as the reference does.
        0 => Ok(0),
        size => size.checked_sub(here).ok_or_else(two_messages),
    }
}

fn two_messages() -> Fault {
    Fault::Violation("AGENT_DATA with bytes of two agent messages".into())
}
