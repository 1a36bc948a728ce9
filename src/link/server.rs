//! The server's side of the handshake.
//!
//! The machine reads, checks and answers; two questions it leaves to its owner: which channels exist and what they can
//! do ([`Asks::Channel`]), and, after the password is proven, whether the session is known ([`Asks::Session`]).

use std::fmt;

use super::messages::{
    BODY_MOST, HEADER_BYTES, LinkHeader, LinkMess, LinkReply, MAJOR, REQUEST_LEAST,
};
use super::ticket::TICKET_BYTES;
use super::{AUTH_SELECTION, AUTH_SPICE, MAGIC, MINI_HEADER};
use super::{Capabilities, Established, LinkCode, Password, ServerKey};
use crate::wire::{Decode, HeaderKind, Reader};

/// Answers one client's link.
///
/// After every `receive`: answer what it [asks](ServerLink::asks), if it does, then send what
/// [`ServerLink::poll_transmit`] gives — after an error too, for that is how the client learns of it — and close after
/// an error.
#[derive(Debug)]
pub struct ServerLink {
    key: ServerKey,
    /// The password wanted; `None` lets everybody in whose ticket can be decrypted.
    password: Option<Password>,
    /// Whether somebody else judges the password.
    overhears: bool,
    /// What the client has given, where somebody else judges it.
    given: Option<Password>,
    state: State,
    /// Bytes of the packet being received. INVARIANT: at most one header and `BODY_MOST` bytes.
    buffer: Vec<u8>,
    transmit: Vec<u8>,
}

/// What a [`ServerLink`] wants to know from its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks<'a> {
    /// A client wants this channel. Answer with [`ServerLink::accept`] or [`ServerLink::refuse`].
    Channel(&'a LinkMess),
    /// The client for this channel has proven the password. Answer with [`ServerLink::admit`] or
    /// [`ServerLink::refuse`].
    Session(&'a LinkMess),
}

/// Why a server does not link a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The client does not begin with the magic; its first bytes.
    NotSpice([u8; 4]),
    /// The client speaks another version.
    Version {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// The link message contradicts the protocol; the clause says how.
    Malformed(String),
    /// The client names a mechanism that was not offered.
    Mechanism(u32),
    /// Wrong password.
    Password,
    /// The owner refused.
    Refused(LinkCode),
}

#[derive(Debug)]
enum State {
    AwaitHeader,
    AwaitMess { size: usize },
    AskChannel(LinkMess),
    AwaitMechanism(LinkMess, Established),
    AwaitTicket(LinkMess, Established),
    AskSession(LinkMess, Established),
    Done(Established),
    Rejected(Rejection),
}

impl ServerLink {
    /// A link of a client that has just connected.
    pub fn new(key: ServerKey, password: Option<Password>) -> Self {
        Self {
            key,
            password,
            overhears: false,
            given: None,
            state: State::AwaitHeader,
            buffer: Vec::new(),
            transmit: Vec::new(),
        }
    }

    /// A link whose password somebody else judges: when [`Asks::Session`] is open it is neither right nor wrong yet, and
    /// [`ServerLink::take_password`] gives it.
    pub fn passing_on(key: ServerKey) -> Self {
        Self {
            overhears: true,
            ..Self::new(key, None)
        }
    }

    /// The password that the client has given, once.
    pub fn take_password(&mut self) -> Option<Password> {
        self.given.take()
    }

    /// Takes received bytes and says how many were used. None are taken while a question is open, and none of those
    /// that follow the ticket. `entropy` fills a slice with unpredictable bytes.
    ///
    /// # Errors
    ///
    /// When the client is rejected; the same again on every further call.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<usize, Rejection> {
        let mut used = 0;
        loop {
            let wanted = match &self.state {
                State::AwaitHeader => HEADER_BYTES,
                State::AwaitMess { size } => *size,
                State::AwaitMechanism(..) => 4,
                State::AwaitTicket(..) => TICKET_BYTES,
                State::AskChannel(_) | State::AskSession(..) | State::Done(_) => return Ok(used),
                State::Rejected(rejection) => return Err(rejection.clone()),
            };
            let left = bytes.get(used..).unwrap_or_default();
            let taken = left.len().min(wanted - self.buffer.len());
            self.buffer.extend_from_slice(&left[..taken]);
            used += taken;
            if let (State::AwaitHeader, Some(first)) = (&self.state, self.buffer.first_chunk())
                && *first != MAGIC
            {
                self.reject(LinkCode::InvalidMagic, Rejection::NotSpice(*first));
                continue;
            }
            if self.buffer.len() < wanted {
                return Ok(used);
            }
            let packet = std::mem::take(&mut self.buffer);
            self.step(&packet, entropy);
        }
    }

    /// The next bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.transmit.is_empty()).then(|| std::mem::take(&mut self.transmit))
    }

    /// The open question.
    pub fn asks(&self) -> Option<Asks<'_>> {
        match &self.state {
            State::AskChannel(mess) => Some(Asks::Channel(mess)),
            State::AskSession(mess, _) => Some(Asks::Session(mess)),
            _ => None,
        }
    }

    /// What was agreed on, once the channel is up.
    pub fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Done(established) => Some(established),
            _ => None,
        }
    }

    /// The channel exists and can do this; the password is asked for next. Ignored when [`Asks::Channel`] is not open.
    pub fn accept(&mut self, capabilities: Capabilities) {
        let State::AskChannel(mess) = &self.state else {
            return;
        };
        let mess = mess.clone();
        let reply = LinkReply {
            error: LinkCode::Ok,
            pub_key: *self.key.public(),
            capabilities,
        };
        self.transmit.extend(reply.to_packet());
        let (client, server) = (mess.capabilities.clone(), reply.capabilities);
        let both = |bit| client.has_common(bit) && server.has_common(bit);
        let selects = both(AUTH_SELECTION);
        let header = if both(MINI_HEADER) {
            HeaderKind::Mini
        } else {
            HeaderKind::Full
        };
        let established = Established {
            header,
            client,
            server,
        };
        self.state = if selects {
            State::AwaitMechanism(mess, established)
        } else {
            State::AwaitTicket(mess, established)
        };
    }

    /// The channel is up. Ignored when [`Asks::Session`] is not open.
    pub fn admit(&mut self) {
        if let State::AskSession(_, established) = &self.state {
            let established = established.clone();
            self.result(LinkCode::Ok);
            self.state = State::Done(established);
        }
    }

    /// No to the open question; ignored when there is none. The connection is to be closed after sending.
    pub fn refuse(&mut self, code: LinkCode) {
        match self.state {
            State::AskChannel(_) => self.reject(code, Rejection::Refused(code)),
            State::AskSession(..) => {
                self.result(code);
                self.state = State::Rejected(Rejection::Refused(code));
            }
            _ => (),
        }
    }

    fn step(&mut self, packet: &[u8], entropy: &mut dyn FnMut(&mut [u8])) {
        match std::mem::replace(&mut self.state, State::AwaitHeader) {
            State::AwaitHeader => self.check_header(packet),
            State::AwaitMess { .. } => self.check_mess(packet),
            State::AwaitMechanism(mess, established) => match packet.first_chunk() {
                Some(word) if u32::from_le_bytes(*word) == AUTH_SPICE => {
                    self.state = State::AwaitTicket(mess, established);
                }
                word => {
                    let number = word.map_or(0, |w| u32::from_le_bytes(*w));
                    self.reject(LinkCode::InvalidData, Rejection::Mechanism(number));
                }
            },
            State::AwaitTicket(mess, established) => {
                if self.overhears {
                    self.given = Some(self.key.reveal(packet, entropy));
                    self.state = State::AskSession(mess, established);
                } else if self.key.opens(packet, self.password.as_ref(), entropy) {
                    self.state = State::AskSession(mess, established);
                } else {
                    self.result(LinkCode::PermissionDenied);
                    self.state = State::Rejected(Rejection::Password);
                }
            }
            settled => self.state = settled,
        }
    }

    fn check_header(&mut self, packet: &[u8]) {
        let Ok(header) = LinkHeader::decode(&mut Reader::new("link header", packet)) else {
            return;
        };
        let LinkHeader {
            major, minor, size, ..
        } = header;
        if major == 0 {
            // The reference closes without a word here.
            self.state = State::Rejected(Rejection::Version { major, minor });
        } else if major != MAJOR {
            let rejection = Rejection::Version { major, minor };
            self.reject(LinkCode::VersionMismatch, rejection);
        } else if !(REQUEST_LEAST..=BODY_MOST).contains(&size) {
            let text = format!(
                "link header: size at byte 12: {size} bytes, {REQUEST_LEAST} to {BODY_MOST} are possible"
            );
            self.reject(LinkCode::InvalidData, Rejection::Malformed(text));
        } else {
            self.state = State::AwaitMess {
                size: size as usize,
            };
        }
    }

    fn check_mess(&mut self, packet: &[u8]) {
        match LinkMess::decode(&mut Reader::new("link message", packet)) {
            Ok(mess) => self.state = State::AskChannel(mess),
            Err(error) => {
                self.reject(
                    LinkCode::InvalidData,
                    Rejection::Malformed(error.to_string()),
                );
            }
        }
    }

    /// Ends with a whole link reply.
    fn reject(&mut self, code: LinkCode, rejection: Rejection) {
        self.transmit.extend(LinkReply::refusal(code).to_packet());
        self.state = State::Rejected(rejection);
    }

    /// Writes the link result.
    fn result(&mut self, code: LinkCode) {
        self.transmit.extend(code.number().to_le_bytes());
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSpice([a, b, c, d]) => {
                write!(
                    f,
                    "the client begins with {a:02x} {b:02x} {c:02x} {d:02x}, which is not SPICE"
                )
            }
            Self::Version { major, minor } => {
                write!(
                    f,
                    "the client speaks version {major}.{minor} of the protocol, not 2.2"
                )
            }
            Self::Malformed(text) => f.write_str(text),
            Self::Mechanism(number) => write!(
                f,
                "the client asks for authentication mechanism {number}, which was not offered"
            ),
            Self::Password => f.write_str("the client gave a wrong password"),
            Self::Refused(code) => write!(f, "the link was refused: {}", code.text()),
        }
    }
}

impl std::error::Error for Rejection {}
