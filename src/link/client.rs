//! The client's side of the handshake.

use std::fmt;

use super::messages::{
    BODY_MOST, HEADER_BYTES, LinkHeader, LinkMess, LinkReply, MAJOR, REPLY_LEAST,
};
#[cfg(feature = "sasl")]
use super::sasl::{Exchange, Login, Progress};
use super::{AUTH_SASL, AUTH_SELECTION, AUTH_SPICE, MAGIC, MINI_HEADER};
use super::{Capabilities, Established, LinkCode, LinkError, PUBLIC_KEY_BYTES, Password, Peer};
use crate::wire::{Decode, DecodeErrorKind, HeaderKind, Reader};

/// Number of the ticket mechanism; it is that of the capability.
const MECHANISM_TICKET: u32 = AUTH_SPICE;

/// Which channel to link, and how.
#[derive(Clone, Debug)]
pub struct LinkRequest {
    /// 0 for a new session's main channel; the session's id for its other channels.
    pub connection_id: u32,
    /// Number of the channel's kind.
    pub channel_type: u8,
    /// Which of its kind.
    pub channel_id: u8,
    /// What to announce. Without AUTH_SELECTION no mechanism is named, without MINI_HEADER headers are full.
    pub capabilities: Capabilities,
    /// The session's password; the empty one when there is none.
    pub password: Password,
    /// Who the user is, for servers that ask by SASL.
    pub user: Option<String>,
}

/// Where a handshake stands, for error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The link message was sent, the reply is awaited.
    Reply,
    /// The ticket was sent, or SASL has come to its end; the result is awaited.
    Result,
    /// The channel is up.
    Done,
}

/// Links one channel: sends the request, checks the reply, proves the password, reads the result.
///
/// Send what [`ClientLink::poll_transmit`] gives, after `new` and after every `receive`.
#[derive(Debug)]
pub struct ClientLink {
    request: LinkRequest,
    /// The password comes from somebody else, after the server has answered.
    asks: bool,
    /// Nobody on the way can read along.
    is_secret: bool,
    state: State,
    /// Bytes of the packet being received. INVARIANT: no more than its length, which is checked first.
    buffer: Vec<u8>,
    transmit: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State {
    AwaitHeader,
    AwaitReply {
        size: usize,
    },
    AskPassword(Box<Challenge>),
    #[cfg(feature = "sasl")]
    Sasl(Box<Exchange>, Established),
    AwaitResult(Established),
    Done(Established),
    Failed(LinkError),
}

/// What the server's reply asks of the client.
#[derive(Debug)]
struct Challenge {
    pub_key: [u8; PUBLIC_KEY_BYTES],
    established: Established,
}

impl ClientLink {
    /// A handshake whose first packet is ready to be sent.
    pub fn new(request: LinkRequest) -> Self {
        let mess = LinkMess {
            connection_id: request.connection_id,
            channel_type: request.channel_type,
            channel_id: request.channel_id,
            capabilities: request.capabilities.clone(),
        };
        Self {
            request,
            asks: false,
            is_secret: false,
            state: State::AwaitHeader,
            buffer: Vec::new(),
            transmit: Some(mess.to_packet()),
        }
    }

    /// The same for somebody who learns the password only when the server has answered: see
    /// [`ClientLink::asks_password`]. That of the request is not used.
    pub fn passing_on(request: LinkRequest) -> Self {
        Self {
            asks: true,
            ..Self::new(request)
        }
    }

    /// Whether the stream hides from everybody else what is said on it, as TLS does. Until then it does not, and nothing is
    /// said that gives a password away.
    pub const fn set_secret(&mut self, is_secret: bool) {
        self.is_secret = is_secret;
    }

    /// What the server announces, while the handshake waits for [`ClientLink::prove`].
    pub fn asks_password(&self) -> Option<&Capabilities> {
        match &self.state {
            State::AskPassword(challenge) => Some(&challenge.established.server),
            _ => None,
        }
    }

    /// Answers with this password. Ignored when it was not asked for. A server whose key cannot be used shows at the
    /// next [`ClientLink::receive`].
    pub fn prove(&mut self, password: &Password, entropy: &mut dyn FnMut(&mut [u8])) {
        if !matches!(self.state, State::AskPassword(_)) {
            return;
        }
        if let State::AskPassword(challenge) =
            std::mem::replace(&mut self.state, State::AwaitHeader)
        {
            let next = self.send_ticket(*challenge, password, entropy);
            self.state = next.unwrap_or_else(State::Failed);
        }
    }

    /// Takes received bytes and says how many were used: all of them, unless the link result is among them. What
    /// follows the result is the channel's. `entropy` fills a slice with unpredictable bytes.
    ///
    /// # Errors
    ///
    /// When the link has failed; the same error again on every further call.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<usize, LinkError> {
        let mut used = 0;
        loop {
            let wanted = match &self.state {
                State::AwaitHeader => HEADER_BYTES,
                State::AwaitReply { size } => *size,
                #[cfg(feature = "sasl")]
                State::Sasl(exchange, _) => exchange.wanted(),
                State::AwaitResult(_) => 4,
                State::AskPassword(_) | State::Done(_) => return Ok(used),
                State::Failed(error) => return Err(error.clone()),
            };
            let left = bytes.get(used..).unwrap_or_default();
            let taken = left.len().min(wanted - self.buffer.len());
            self.buffer.extend_from_slice(&left[..taken]);
            used += taken;
            if self.buffer.len() < wanted {
                if let Some(error) = self.greeting() {
                    self.state = State::Failed(error.clone());
                    return Err(error);
                }
                return Ok(used);
            }
            let packet = std::mem::take(&mut self.buffer);
            self.step(&packet, entropy);
        }
    }

    /// The next bytes to send. They may hold a password: wipe them.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.take()
    }

    /// What was agreed on, once the channel is up.
    pub fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Done(established) => Some(established),
            _ => None,
        }
    }

    /// The error to report when the server closes the connection before the link stands.
    pub fn end_of_stream(&self) -> LinkError {
        let step = match &self.state {
            State::Failed(error) => return error.clone(),
            State::AwaitHeader if !MAGIC.starts_with(prefix(&self.buffer)) => {
                return LinkError::not_spice(&self.buffer);
            }
            #[cfg(feature = "sasl")]
            State::Sasl(exchange, _) => return exchange.end_of_stream(),
            State::AwaitHeader | State::AwaitReply { .. } => Step::Reply,
            State::AskPassword(_) | State::AwaitResult(_) => Step::Result,
            State::Done(_) => Step::Done,
        };
        LinkError::UnexpectedEnd { step }
    }

    /// Other protocols' greetings may be shorter than a link header, so those are recognised before it is complete.
    fn greeting(&self) -> Option<LinkError> {
        let awaits_header = matches!(self.state, State::AwaitHeader);
        let foreign = awaits_header && !MAGIC.starts_with(prefix(&self.buffer));
        (foreign && !Peer::may_become_known(&self.buffer))
            .then(|| LinkError::not_spice(&self.buffer))
    }

    fn step(&mut self, packet: &[u8], entropy: &mut dyn FnMut(&mut [u8])) {
        let state = std::mem::replace(&mut self.state, State::AwaitHeader);
        let next = match state {
            State::AwaitHeader => check_header(packet),
            State::AwaitReply { .. } => self.answer(packet, entropy),
            #[cfg(feature = "sasl")]
            State::Sasl(exchange, established) => {
                self.authenticate(exchange, established, packet, entropy)
            }
            State::AwaitResult(established) => check_result(packet, established),
            settled => Ok(settled),
        };
        self.state = next.unwrap_or_else(State::Failed);
    }

    /// Goes one step on with SASL.
    #[cfg(feature = "sasl")]
    fn authenticate(
        &mut self,
        mut exchange: Box<Exchange>,
        established: Established,
        packet: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<State, LinkError> {
        match exchange.step(packet, entropy)? {
            Progress::Listen => {}
            Progress::Say(mut words) => self.transmit = Some(std::mem::take(&mut *words)),
            Progress::Accepted => return Ok(State::AwaitResult(established)),
        }
        Ok(State::Sasl(exchange, established))
    }

    /// Checks the reply and sends the ticket, or begins with SASL.
    fn answer(
        &mut self,
        body: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<State, LinkError> {
        let mut r = Reader::new("link reply", body);
        // The error first: a refusing server need not fill in the rest.
        let error: LinkCode = r.clone().value("error")?;
        accepted(error)?;
        let reply = LinkReply::decode(&mut r)?;
        let (client, server) = (&self.request.capabilities, &reply.capabilities);
        let both = |bit| client.has_common(bit) && server.has_common(bit);
        let header = if both(MINI_HEADER) {
            HeaderKind::Mini
        } else {
            HeaderKind::Full
        };
        let has_sasl = cfg!(feature = "sasl") && !self.asks && both(AUTH_SELECTION);
        let begins_sasl = has_sasl && both(AUTH_SASL);
        if server.has_common(AUTH_SASL) && !server.has_common(AUTH_SPICE) && !begins_sasl {
            return Err(LinkError::NoCommonAuth);
        }
        let challenge = Challenge {
            pub_key: reply.pub_key,
            established: Established {
                header,
                client: client.clone(),
                server: reply.capabilities,
            },
        };
        if self.asks {
            return Ok(State::AskPassword(Box::new(challenge)));
        }
        #[cfg(feature = "sasl")]
        if begins_sasl {
            // A server that has both at hand wants this one: it has left out the key for the other.
            self.transmit = Some(AUTH_SASL.to_le_bytes().to_vec());
            let exchange = Exchange::new(Login {
                user: self.request.user.clone(),
                password: self.request.password.clone(),
                is_secret: self.is_secret,
            });
            return Ok(State::Sasl(Box::new(exchange), challenge.established));
        }
        let password = self.request.password.clone();
        self.send_ticket(challenge, &password, entropy)
    }

    fn send_ticket(
        &mut self,
        challenge: Challenge,
        password: &Password,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<State, LinkError> {
        let Challenge {
            pub_key,
            established,
        } = challenge;
        let ticket = password.encrypt(&pub_key, entropy);
        let ticket = ticket.ok_or_else(|| {
            let kind = DecodeErrorKind::Invalid("is no RSA-1024 key".into());
            Reader::new("link reply", &[]).error("pub_key", 4, kind)
        })?;
        let (client, server) = (&established.client, &established.server);
        let mut transmit = Vec::new();
        if client.has_common(AUTH_SELECTION) && server.has_common(AUTH_SELECTION) {
            transmit.extend_from_slice(&MECHANISM_TICKET.to_le_bytes());
        }
        transmit.extend_from_slice(&ticket);
        self.transmit = Some(transmit);
        Ok(State::AwaitResult(established))
    }
}

/// The part of the received bytes that is compared with the magic.
fn prefix(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(MAGIC.len())]
}

fn check_header(packet: &[u8]) -> Result<State, LinkError> {
    let mut r = Reader::new("link reply header", packet);
    let header = LinkHeader::decode(&mut r)?;
    if header.magic != MAGIC {
        return Err(LinkError::not_spice(packet));
    }
    if header.major != MAJOR {
        return Err(LinkError::Version {
            major: header.major,
            minor: header.minor,
        });
    }
    let range = REPLY_LEAST..=BODY_MOST;
    if !range.contains(&header.size) {
        let text = format!(
            "{} bytes, {REPLY_LEAST} to {BODY_MOST} are possible",
            header.size
        );
        return Err(r.error("size", 12, DecodeErrorKind::Invalid(text)).into());
    }
    Ok(State::AwaitReply {
        size: header.size as usize,
    })
}

fn check_result(packet: &[u8], established: Established) -> Result<State, LinkError> {
    // A server that does not take the mechanism answers with a whole link reply where the result belongs.
    if packet == MAGIC {
        return Err(LinkError::NoCommonAuth);
    }
    let code: LinkCode = Reader::new("link result", packet).value("result")?;
    accepted(code)?;
    Ok(State::Done(established))
}

fn accepted(code: LinkCode) -> Result<(), LinkError> {
    match code {
        LinkCode::Ok => Ok(()),
        LinkCode::PermissionDenied => Err(LinkError::WrongPassword),
        code => Err(LinkError::Refused(code)),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reply => "before it answered the link message",
            Self::Result => "before it answered the ticket",
            Self::Done => "after the link was made",
        })
    }
}
