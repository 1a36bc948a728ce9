//! What waits to be sent to the agent, and the credit for it (spec 02 §7, spec 04 §1.1).
//!
//! Messages are cut into bodies of at most 2048 bytes, and each body costs one token. A message that was begun is finished;
//! between messages, everything else goes ahead of the contents of files.

use std::collections::VecDeque;

use bytes::Bytes;

use super::messages::{Header, MessageKind, PROTOCOL};
use super::{ContentKind, FileId, Selection};
use crate::wire::{Encode, Writer};

/// Most bytes of one AGENT_DATA.
pub(super) const MAX_BODY: usize = 2048;

/// Messages that may wait beside contents of files. There are as many only when nobody takes any.
const MAX_WAITING: usize = 256;

/// Bodies a server passes on before it gives their credit back, all at once: so many less one may never be accounted for. Seen from
/// libspice-server 0.15.1, where spec 02 §7 says "one by one".
const LUMP: u64 = 5;

/// What is to be known of a message when it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Nothing,
    /// An answer with so many bytes of content.
    Answer(Selection, ContentKind, usize),
    /// A piece of a file, which ends so many bytes after its beginning.
    Piece(FileId, u64),
    /// The word that a file ended here.
    Farewell(FileId),
}

/// A step of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its first body was sent.
    Begun(Tag),
    /// All of its bodies were sent.
    Sent(Tag),
    /// The server has passed it on, but for bodies whose credit it may never give back.
    Taken(Tag),
}

/// Messages in order, and credit.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    tokens: u32,
    current: Option<Message>,
    first: VecDeque<Message>,
    pieces: VecDeque<Message>,
    /// Bodies sent, and tokens given back, since the agent was connected.
    sent: u64,
    returned: u64,
    /// Messages that were sent, with the number of bodies sent by then.
    untaken: VecDeque<(u64, Tag)>,
    steps: VecDeque<Step>,
}

#[derive(Clone, Debug)]
struct Message {
    /// Header and leading fields.
    head: Bytes,
    /// What follows, which may be large and is not copied before it is sent.
    tail: Bytes,
    tag: Tag,
}

impl Outgoing {
    /// Forgets everything that was to be sent to an agent that is gone. Credit stays (spec 02 §7).
    pub fn reset(&mut self) {
        *self = Self {
            tokens: self.tokens,
            ..Self::default()
        };
    }

    /// The server takes exactly so many bodies.
    pub fn set_tokens(&mut self, tokens: u32) {
        self.tokens = tokens;
    }

    /// The server takes so many more.
    pub fn add_tokens(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens);
        self.returned = self.returned.saturating_add(tokens.into());
        self.settle();
    }

    /// Bodies that may be sent.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Bytes that wait, headers included.
    pub fn bytes(&self) -> usize {
        let queued = self.first.iter().chain(&self.pieces).chain(&self.current);
        queued.map(|m| m.head.len() + m.tail.len()).sum()
    }

    /// Queues a message that begins with `fields` and goes on with `tail`; whether there was room for it.
    pub fn push(&mut self, kind: MessageKind, fields: &[u8], tail: Bytes, tag: Tag) -> bool {
        let Ok(size) = u32::try_from(fields.len() + tail.len()) else {
            return false;
        };
        let queue = match tag {
            Tag::Piece(..) => &mut self.pieces,
            _ if self.first.len() >= MAX_WAITING => return false,
            _ => &mut self.first,
        };
        let mut w = Writer::new();
        let protocol = PROTOCOL;
        Header {
            protocol,
            kind,
            size,
        }
        .encode(&mut w);
        w.bytes(fields);
        let head = Bytes::from(w.into_body());
        queue.push_back(Message { head, tail, tag });
        true
    }

    /// Forgets what waits of a file. A piece that was begun is finished: the stream must stay whole.
    pub fn drop_pieces(&mut self, id: FileId) {
        self.pieces
            .retain(|m| !matches!(m.tag, Tag::Piece(of, _) if of == id));
    }

    /// The next body, if there is one and credit for it.
    pub fn poll(&mut self) -> Option<Bytes> {
        if self.tokens == 0 {
            return None;
        }
        if self.current.is_none() {
            let next = self.first.pop_front().or_else(|| self.pieces.pop_front())?;
            self.steps.push_back(Step::Begun(next.tag));
            self.current = Some(next);
        }
        let message = self.current.as_mut()?;
        let body = message.next_body();
        self.tokens -= 1;
        self.sent += 1;
        if message.head.is_empty() && message.tail.is_empty() {
            let tag = message.tag;
            self.current = None;
            self.steps.push_back(Step::Sent(tag));
            if matches!(tag, Tag::Answer(..)) {
                self.untaken.push_back((self.sent, tag));
                self.settle();
            }
        }
        Some(body)
    }

    /// Looks which messages the server must have passed on.
    fn settle(&mut self) {
        let known = self.returned.saturating_add(LUMP);
        while let Some((_, tag)) = self.untaken.pop_front_if(|(sent, _)| *sent < known) {
            self.steps.push_back(Step::Taken(tag));
        }
    }

    /// What has happened to the messages since this was last asked, in order.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }
}

impl Message {
    fn next_body(&mut self) -> Bytes {
        let head = self.head.split_to(self.head.len().min(MAX_BODY));
        let room = MAX_BODY - head.len();
        let tail = self.tail.split_to(self.tail.len().min(room));
        match (head.is_empty(), tail.is_empty()) {
            (true, _) => tail,
            (_, true) => head,
            _ => Bytes::from([head, tail].concat()),
        }
    }
}
