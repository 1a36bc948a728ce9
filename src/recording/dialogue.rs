//! What two peers say on one connection: the link exchange, then frames both ways.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, BytesMut};

use super::note::Channel;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::messages::{
    BODY_MOST, HEADER_BYTES, LinkHeader, LinkMess, LinkReply, REPLY_LEAST, REQUEST_LEAST,
};
use crate::link::{AUTH_SASL, AUTH_SELECTION, AUTH_SPICE, MAGIC, MINI_HEADER, TICKET_BYTES};
use crate::link::{Established, LinkCode};
use crate::session::Way;
use crate::wire::{Decode, Frame, FrameError, Framer, HeaderKind, Reader};

/// Most bytes of both sides together before a link stands. The server may send messages at once.
const MOST_UNLINKED: usize = 4 << 20;

/// Follows one connection.
#[derive(Clone)]
pub(super) struct Dialogue {
    stage: Stage,
    said: VecDeque<Said>,
}

/// What happened on a connection.
#[derive(Clone)]
pub(super) enum Said {
    /// The channel stands.
    Linked(LinkMess, Established),
    /// A message.
    Frame(Way, Frame),
    /// A message, or all that follow, cannot be read.
    Lost(Loss),
    /// The link did not come about.
    Failed(String),
}

/// Something that cannot be read on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The message that these bytes belong to is lost; the next ones are not.
    Message {
        /// From whom it was.
        way: Way,
        /// Bytes that were not captured.
        missing: u64,
    },
    /// Nothing more of this direction can be read: the place where the next message begins is not known.
    Rest {
        /// Which direction.
        way: Way,
        /// Bytes that were not captured.
        missing: u64,
    },
    /// Nothing more of this direction can be read: a message is longer than any is.
    TooLong {
        /// Which direction.
        way: Way,
        /// Its length, and the limit.
        error: FrameError,
    },
}

#[derive(Clone)]
enum Stage {
    Linking([BytesMut; 2]),
    Open([Stream; 2]),
    Over(Over),
}

/// Why a connection is not listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It is encrypted.
    Tls,
    /// It is something else than SPICE.
    Foreign,
    /// The link failed.
    Failed,
}

/// One direction of a channel.
#[derive(Clone)]
struct Stream {
    framer: Framer,
    /// Bytes still to come of a message that was given up.
    skip: u64,
    /// Whether nothing more can be read.
    deaf: bool,
}

impl Dialogue {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Linking(Default::default()),
            said: VecDeque::new(),
        }
    }

    /// A connection that stands at a seek point.
    pub(super) fn resume(channel: &Channel) -> Self {
        let mut streams = Stream::both(channel.id.kind, channel.link.header);
        streams[side(Way::ToClient)].framer.resume(channel.serial);
        Self {
            stage: Stage::Open(streams),
            said: VecDeque::new(),
        }
    }

    /// Whether the client has begun as SPICE clients do.
    pub(super) fn is_spice(&self) -> bool {
        match &self.stage {
            Stage::Linking([client, _]) => client.starts_with(&MAGIC),
            Stage::Open(_) => true,
            Stage::Over(_) => false,
        }
    }

    /// Why nothing of this connection is of interest.
    pub(super) fn over(&self) -> Option<Over> {
        match self.stage {
            Stage::Over(over) => Some(over),
            _ => None,
        }
    }

    /// What happened next.
    pub(super) fn poll(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    /// One side said this.
    pub(super) fn data(&mut self, way: Way, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Linking(heard) => {
                heard[side(way)].extend_from_slice(bytes);
                self.try_link();
            }
            Stage::Open(streams) => streams[side(way)].data(way, bytes, &mut self.said),
            Stage::Over(_) => {}
        }
    }

    /// One side said this many bytes, which were not captured.
    pub(super) fn gap(&mut self, way: Way, missing: u64) {
        let greeted = self.is_spice();
        match &mut self.stage {
            Stage::Linking(_) if greeted => {
                self.fail("a part of the link exchange was not captured".into());
            }
            Stage::Linking(_) => self.stage = Stage::Over(Over::Foreign),
            Stage::Open(streams) => streams[side(way)].gap(way, missing, &mut self.said),
            Stage::Over(_) => {}
        }
    }

    fn fail(&mut self, why: String) {
        self.said.push_back(Said::Failed(why));
        self.stage = Stage::Over(Over::Failed);
    }

    fn try_link(&mut self) {
        let Stage::Linking(heard) = &self.stage else {
            return;
        };
        let [client, server] = heard;
        if client.starts_with(&[0x16, 3]) {
            self.stage = Stage::Over(Over::Tls);
        } else if heard.iter().any(|h| !begins_like(h, &MAGIC)) {
            self.stage = Stage::Over(Over::Foreign);
        } else {
            match link(client, server) {
                Ok(Some(linked)) => self.open(linked),
                Ok(None) if client.len() + server.len() > MOST_UNLINKED => {
                    self.fail("the link exchange has no end".into());
                }
                Ok(None) => {}
                Err(why) => self.fail(why),
            }
        }
    }

    fn open(&mut self, linked: Linked) {
        let kind = ChannelKind::from_number(linked.request.channel_type);
        let streams = Stream::both(kind, linked.established.header);
        self.said
            .push_back(Said::Linked(linked.request, linked.established));
        if let Stage::Linking(mut heard) = std::mem::replace(&mut self.stage, Stage::Open(streams))
        {
            for (way, used) in [Way::ToServer, Way::ToClient].into_iter().zip(linked.used) {
                let rest = heard[side(way)].split_off(used);
                self.data(way, &rest);
            }
        }
    }
}

impl Stream {
    /// Those of a channel.
    fn both(kind: ChannelKind, header: HeaderKind) -> [Self; 2] {
        let limits = [kind.client_body_limit(), kind.server_body_limit()];
        limits.map(|limit| Self {
            framer: Framer::new(header, limit),
            skip: 0,
            deaf: false,
        })
    }

    fn data(&mut self, way: Way, bytes: &[u8], said: &mut VecDeque<Said>) {
        if self.deaf {
            return;
        }
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        self.framer.receive(&bytes[skipped as usize..]);
        loop {
            match self.framer.next_frame() {
                Ok(Some(frame)) => said.push_back(Said::Frame(way, frame)),
                Ok(None) => return,
                Err(error) => {
                    self.deaf = true;
                    said.push_back(Said::Lost(Loss::TooLong { way, error }));
                    return;
                }
            }
        }
    }

    /// A message with a hole is given up; where the hole hides the beginning of another, there is no way back.
    fn gap(&mut self, way: Way, missing: u64, said: &mut VecDeque<Said>) {
        if self.deaf {
            return;
        }
        let already_given_up = self.skip > 0;
        if !already_given_up {
            self.skip = self.framer.give_up().unwrap_or(0);
        }
        if missing <= self.skip {
            self.skip -= missing;
            if !already_given_up {
                said.push_back(Said::Lost(Loss::Message { way, missing }));
            }
        } else {
            self.deaf = true;
            said.push_back(Said::Lost(Loss::Rest { way, missing }));
        }
    }
}

/// A link exchange and how many bytes each side needed for it.
struct Linked {
    request: LinkMess,
    established: Established,
    used: [usize; 2],
}

/// Reads the exchange from the beginnings of both directions; `None` while something is missing.
fn link(client: &[u8], server: &[u8]) -> Result<Option<Linked>, String> {
    let Some(request) = packet(client, REQUEST_LEAST, "link message")? else {
        return Ok(None);
    };
    let Some(reply) = packet(server, REPLY_LEAST, "link reply")? else {
        return Ok(None);
    };
    let mut used = [HEADER_BYTES + request.len(), HEADER_BYTES + reply.len()];
    let request = LinkMess::decode(&mut Reader::new("link message", request))
        .map_err(|error| error.to_string())?;
    let reply = LinkReply::decode(&mut Reader::new("link reply", reply))
        .map_err(|error| error.to_string())?;
    accepted(reply.error)?;
    let both = |bit| request.capabilities.has_common(bit) && reply.capabilities.has_common(bit);
    if both(AUTH_SELECTION) {
        match word(client, used[0]) {
            None => return Ok(None),
            Some(AUTH_SPICE) => used[0] += 4,
            Some(AUTH_SASL) => return Err("it is authenticated with SASL".into()),
            Some(number) => return Err(format!("authentication mechanism {number}")),
        }
    }
    let Some(result) = word(server, used[1]) else {
        return Ok(None);
    };
    accepted(LinkCode::from_number(result))?;
    used[0] += TICKET_BYTES;
    used[1] += 4;
    if client.len() < used[0] {
        return Ok(None);
    }
    let header = if both(MINI_HEADER) {
        HeaderKind::Mini
    } else {
        HeaderKind::Full
    };
    let established = Established {
        header,
        client: request.capabilities.clone(),
        server: reply.capabilities,
    };
    Ok(Some(Linked {
        request,
        established,
        used,
    }))
}

/// The body of the link packet that `bytes` begin with.
fn packet<'a>(bytes: &'a [u8], least: u32, what: &str) -> Result<Option<&'a [u8]>, String> {
    let Some(mut size) = bytes.get(12..HEADER_BYTES) else {
        return Ok(None);
    };
    if let Ok(header) = LinkHeader::decode(&mut Reader::new("link header", bytes))
        && header.major != 2
    {
        let (major, minor) = (header.major, header.minor);
        return Err(format!("the {what} is of version {major}.{minor}"));
    }
    let size = size.get_u32_le();
    if !(least..=BODY_MOST).contains(&size) {
        return Err(format!("the {what} announces {size} bytes"));
    }
    Ok(bytes.get(HEADER_BYTES..HEADER_BYTES + size as usize))
}

fn accepted(code: LinkCode) -> Result<(), String> {
    match code {
        LinkCode::Ok => Ok(()),
        code => Err(format!("the server refused the link: {}", code.text())),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_le_bytes(*word))
}

/// Whether one is the beginning of the other.
fn begins_like(bytes: &[u8], magic: &[u8]) -> bool {
    let len = bytes.len().min(magic.len());
    bytes[..len] == magic[..len]
}

/// Where a direction is kept.
pub(super) const fn side(way: Way) -> usize {
    match way {
        Way::ToServer => 0,
        Way::ToClient => 1,
    }
}

/// The channel a link asks for. The server takes any main channel for the first one.
pub(super) fn channel(request: &LinkMess) -> ChannelId {
    match ChannelKind::from_number(request.channel_type) {
        ChannelKind::Main => ChannelId::MAIN,
        kind => ChannelId::new(kind, request.channel_id),
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |way: &Way| match way {
            Way::ToClient => "the server",
            Way::ToServer => "the client",
        };
        match self {
            Self::Message { way, missing } => write!(
                f,
                "{missing} bytes from {} were not captured; one message is lost",
                whose(way)
            ),
            Self::Rest { way, missing } => write!(
                f,
                "{missing} bytes from {} were not captured; what follows cannot be read",
                whose(way)
            ),
            Self::TooLong { way, error } => {
                write!(
                    f,
                    "{error}; what follows from {} cannot be read",
                    whose(way)
                )
            }
        }
    }
}
