//! What of a session is the user's own, and stays out of a recording unless it is asked for.

use std::borrow::Cow;

use bytes::Bytes;

use crate::channel::{ChannelId, ChannelKind};
use crate::session::Way;
use crate::wire::Frame;

/// Numbers below this are about the connection, on every channel.
const FIRST_OF_CHANNEL: u16 = 101;

/// Messages of the main channel: those of the agent have other numbers in each direction.
const AGENT_CONNECTED: u16 = 107;
const AGENT_DISCONNECTED: u16 = 108;
const AGENT_DATA_TO_CLIENT: u16 = 109;
const AGENT_CONNECTED_TOKENS: u16 = 115;
const AGENT_DATA_TO_SERVER: u16 = 107;

/// On every channel: its state on the way to another host, with what was not delivered yet.
const MIGRATE_DATA_TO_CLIENT: u16 = 2;
const MIGRATE_DATA_TO_SERVER: u16 = 5;

/// What a message of the agent is about (spec 04 §3): contents of a clipboard, and of a file.
const CLIPBOARD: u32 = 4;
const FILE_DATA: u32 = 12;

/// Bytes of the header of a message of the agent.
const AGENT_HEADER: usize = 20;

/// Decides what is left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Private {
    with_input: bool,
    with_clipboard: bool,
    agent: Agent,
}

/// Where the talk with the agent is. Whoever begins to record in its middle has to know.
#[derive(Clone, Debug, Default)]
pub(in crate::recording) struct Agent {
    /// By direction.
    streams: [AgentStream; 2],
}

impl Agent {
    /// Follows the talk.
    pub(in crate::recording) fn follow(&mut self, channel: ChannelId, way: Way, frame: &Frame) {
        if channel.kind == ChannelKind::Main {
            self.admit(way, frame);
        }
    }

    /// The frame with zeros for what is private.
    fn admit<'a>(&mut self, way: Way, frame: &'a Frame) -> Cow<'a, Frame> {
        let stream = match (way, frame.number) {
            (Way::ToClient, AGENT_CONNECTED | AGENT_DISCONNECTED | AGENT_CONNECTED_TOKENS) => {
                *self = Self::default();
                return Cow::Borrowed(frame);
            }
            (Way::ToClient, AGENT_DATA_TO_CLIENT) => &mut self.streams[0],
            (Way::ToServer, AGENT_DATA_TO_SERVER) => &mut self.streams[1],
            _ => return Cow::Borrowed(frame),
        };
        match stream.blanked(&frame.body) {
            Some(body) => Cow::Owned(Frame {
                body,
                ..frame.clone()
            }),
            None => Cow::Borrowed(frame),
        }
    }
}

impl Private {
    /// Leaves out all but what is asked for.
    pub(super) fn new(with_input: bool, with_clipboard: bool) -> Self {
        Self {
            with_input,
            with_clipboard,
            ..Self::default()
        }
    }

    /// What is recorded next comes from the middle of a session.
    pub(super) fn resume(&mut self, agent: &Agent) {
        self.agent = agent.clone();
    }

    /// The frame as it may be recorded; `None` if not at all.
    pub(super) fn admit<'a>(
        &mut self,
        channel: ChannelId,
        way: Way,
        frame: &'a Frame,
    ) -> Option<Cow<'a, Frame>> {
        let own = frame.number >= FIRST_OF_CHANNEL && way == Way::ToServer;
        if self.is_state(channel.kind, way, frame.number) {
            let body = Bytes::from(vec![0; frame.body.len()]);
            let blank = Frame {
                body,
                ..frame.clone()
            };
            return Some(Cow::Owned(blank));
        }
        match channel.kind {
            // Keys and pointer; the microphone; what is typed at a console.
            ChannelKind::Inputs | ChannelKind::Record | ChannelKind::Port
                if own && !self.with_input =>
            {
                None
            }
            // Whatever else is behind a channel that this program does not know.
            ChannelKind::Smartcard | ChannelKind::Usbredir | ChannelKind::Webdav
                if frame.number >= FIRST_OF_CHANNEL && !self.with_input =>
            {
                None
            }
            ChannelKind::Main if !self.with_clipboard => Some(self.agent.admit(way, frame)),
            _ => Some(Cow::Borrowed(frame)),
        }
    }

    /// Whether it is the state of a channel with what may not be recorded in it.
    fn is_state(&self, kind: ChannelKind, way: Way, number: u16) -> bool {
        let is_one = match way {
            Way::ToClient => number == MIGRATE_DATA_TO_CLIENT,
            Way::ToServer => number == MIGRATE_DATA_TO_SERVER,
        };
        is_one
            && match kind {
                ChannelKind::Main => !self.with_clipboard,
                ChannelKind::Display | ChannelKind::Cursor => false,
                _ => !self.with_input,
            }
    }
}

/// One direction of the talk with the agent, whose messages begin and end anywhere.
#[derive(Clone, Debug, Default)]
struct AgentStream {
    header: Vec<u8>,
    /// Bytes of the current message still to come.
    left: u32,
    blank: bool,
}

impl AgentStream {
    /// The bytes with zeros for what is private; `None` if nothing is.
    fn blanked(&mut self, bytes: &Bytes) -> Option<Bytes> {
        let mut out: Option<Vec<u8>> = None;
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let end = bytes.len().min(at + self.left as usize);
                if self.blank {
                    out.get_or_insert_with(|| bytes.to_vec())[at..end].fill(0);
                }
                self.left -= (end - at) as u32;
                at = end;
                continue;
            }
            let end = bytes.len().min(at + AGENT_HEADER - self.header.len());
            self.header.extend_from_slice(&bytes[at..end]);
            at = end;
            if self.header.len() == AGENT_HEADER {
                let word = |at: usize| {
                    let bytes = self.header[at..].first_chunk();
                    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
                };
                self.blank = matches!(word(4), CLIPBOARD | FILE_DATA);
                self.left = word(16);
                self.header.clear();
            }
        }
        out.map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = 1_u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn contents_of_clipboards_are_zeros_however_the_messages_are_cut() {
        let stream = [
            message(7, b"grab"),
            message(CLIPBOARD, b"a secret"),
            message(6, b"able"),
        ]
        .concat();
        let wanted = [
            message(7, b"grab"),
            message(CLIPBOARD, &[0; 8]),
            message(6, b"able"),
        ]
        .concat();
        for piece in 1..=stream.len() {
            let mut agent = AgentStream::default();
            let pieces = stream.chunks(piece).map(Bytes::copy_from_slice);
            let out: Vec<u8> = pieces
                .flat_map(|piece| agent.blanked(&piece).unwrap_or(piece))
                .collect();
            assert_eq!(out, wanted, "in pieces of {piece}");
        }
    }

    #[test]
    fn keys_the_microphone_and_what_is_typed_at_a_console_are_left_out() {
        let frame = |number| Frame {
            number,
            serial: 1,
            sub_list: 0,
            body: Bytes::from_static(&[30]),
        };
        let mut private = Private::new(false, false);
        let mut all = Private::new(true, true);
        for kind in [ChannelKind::Inputs, ChannelKind::Record, ChannelKind::Port] {
            let channel = ChannelId::new(kind, 0);
            let admits = |private: &mut Private, way, number| {
                private.admit(channel, way, &frame(number)).is_some()
            };
            assert!(!admits(&mut private, Way::ToServer, 101), "{kind:?}");
            assert!(admits(&mut private, Way::ToServer, 1), "{kind:?}");
            assert!(admits(&mut private, Way::ToClient, 101), "{kind:?}");
            assert!(admits(&mut all, Way::ToServer, 101), "{kind:?}");
        }
    }

    #[test]
    fn what_a_moving_channel_has_not_delivered_is_zeros() {
        let frame = |number| Frame {
            number,
            serial: 1,
            sub_list: 0,
            body: Bytes::from_static(b"MNMD a secret"),
        };
        let recorded = |private: &mut Private, kind, way, number| {
            let channel = ChannelId::new(kind, 0);
            let frame = frame(number);
            private
                .admit(channel, way, &frame)
                .map(|frame| frame.body.to_vec())
        };
        let mut private = Private::new(false, false);
        let mut all = Private::new(true, true);
        for kind in [ChannelKind::Main, ChannelKind::Port, ChannelKind::Record] {
            for (way, number) in [(Way::ToClient, 2), (Way::ToServer, 5)] {
                let zeros = Some(vec![0; 13]);
                assert_eq!(recorded(&mut private, kind, way, number), zeros, "{kind:?}");
                let whole = Some(b"MNMD a secret".to_vec());
                assert_eq!(recorded(&mut all, kind, way, number), whole, "{kind:?}");
            }
        }
        // Of displays it tells what there is to see.
        let display = recorded(&mut private, ChannelKind::Display, Way::ToClient, 2);
        assert_eq!(display, Some(b"MNMD a secret".to_vec()));
    }
}
