//! The line between a client and the agent: what the agent can do, what is to be sent to it, and what the user is to be told.

use std::collections::VecDeque;

use bytes::Bytes;

use super::messages::{Layout, Message, MessageKind};
use super::outgoing::{Outgoing, Tag};
use super::{Abilities, Event, FileEvent, Selection, State};

/// What the parts of the client work with.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub state: State,
    pub outgoing: Outgoing,
    /// INVARIANT: of what an agent can say without being asked, the newest of a kind only, so that it cannot fill it.
    events: VecDeque<Event>,
}

impl Line {
    /// Which fields messages have.
    pub fn layout(&self) -> Layout {
        Layout::of(self.state.abilities())
    }

    /// Whether the agent has said that it can do this.
    pub fn can(&self, ability: Abilities) -> bool {
        self.state.abilities().contains(ability)
    }

    /// Queues a message; whether there was room for it.
    pub fn send(&mut self, message: &Message<'_>) -> bool {
        self.send_with(message, Bytes::new(), Tag::Nothing)
    }

    /// Queues a message that goes on with `tail`; whether there was room for it.
    pub fn send_with(&mut self, message: &Message<'_>, tail: Bytes, tag: Tag) -> bool {
        let fields = message.payload(self.layout());
        self.outgoing.push(message.kind(), &fields, tail, tag)
    }

    /// As [`Line::send_with`], for fields that are bytes already.
    pub fn send_fields(&mut self, kind: MessageKind, fields: &[u8], tail: Bytes, tag: Tag) -> bool {
        self.outgoing.push(kind, fields, tail, tag)
    }

    /// Tells the user. What it makes pointless is not told any more.
    pub fn tell(&mut self, event: Event) {
        self.events.retain(|old| !replaces(&event, old));
        self.events.push_back(event);
    }

    /// The next thing for the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether there is something for the user.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Bytes of contents that the user has not taken.
    pub fn told_bytes(&self) -> usize {
        let content = |event: &Event| match event {
            Event::Content {
                content: Ok(data), ..
            } => data.len(),
            _ => 0,
        };
        self.events.iter().map(content).sum()
    }

    /// The user need not be told any more what the guest asked for here.
    pub fn forget_requests(&mut self, selection: Selection) {
        let asked =
            |e: &Event| matches!(e, Event::Requested { selection: of, .. } if *of == selection);
        self.events.retain(|event| !asked(event));
    }
}

/// Whether `new` makes `old` pointless.
fn replaces(new: &Event, old: &Event) -> bool {
    match (new, old) {
        (Event::State(_), Event::State(_)) | (Event::Monitors { .. }, Event::Monitors { .. }) => {
            true
        }
        (
            Event::Offered { selection: a, .. } | Event::Released { selection: a },
            Event::Offered { selection: b, .. } | Event::Released { selection: b },
        ) => a == b,
        (Event::File(a, FileEvent::Sent { .. }), Event::File(b, FileEvent::Sent { .. })) => a == b,
        _ => false,
    }
}
