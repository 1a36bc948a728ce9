//! How long answers take on each channel, as it is seen on the wire.
//!
//! The protocol has no question that a client could ask on every channel. What can be measured: on main, how long CHANNELS_LIST takes
//! after ATTACH_CHANNELS; on inputs, how long MOUSE_MOTION_ACK takes after the motion that asks for it; and on all, how long a
//! client takes to answer PING. In the viewer that is this program itself; at a proxy it is the client and the way to it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::channel::{ChannelId, ChannelKind};
use crate::session::Way;

/// Motions that one MOUSE_MOTION_ACK answers.
const MOTIONS: u32 = 4;

/// What is asked and answered.
#[derive(Clone, Debug, Default)]
pub struct Trips {
    asked: BTreeMap<(ChannelId, Side), Duration>,
    motions: u32,
    newest: BTreeMap<(ChannelId, Side), Duration>,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The server, and the way to it.
    Server,
    /// The client, and the way to it.
    Client,
}

impl Trips {
    /// Whether a message with this number may be a question or an answer.
    pub const fn cares(number: u16) -> bool {
        matches!(number, 3 | 4 | 104 | 111 | 112)
    }

    /// A message passed.
    pub fn note(&mut self, at: Duration, channel: ChannelId, way: Way, number: u16) {
        let (asks, answers) = match (channel.kind, way, number) {
            (_, Way::ToClient, 4) => (Some(Side::Client), None),
            (_, Way::ToServer, 3) => (None, Some(Side::Client)),
            (ChannelKind::Main, Way::ToServer, 104) => (Some(Side::Server), None),
            (ChannelKind::Main, Way::ToClient, 104) => (None, Some(Side::Server)),
            (ChannelKind::Inputs, Way::ToServer, 111 | 112) => {
                self.motions += 1;
                let asks = self.motions.is_multiple_of(MOTIONS);
                (asks.then_some(Side::Server), None)
            }
            (ChannelKind::Inputs, Way::ToClient, 111) => (None, Some(Side::Server)),
            _ => return,
        };
        if let Some(side) = asks {
            // Of several that wait the first is answered first.
            self.asked.entry((channel, side)).or_insert(at);
        }
        if let Some(side) = answers
            && let Some(since) = self.asked.remove(&(channel, side))
        {
            let took = at.saturating_sub(since);
            self.newest.insert((channel, side), took);
        }
    }

    /// How long the newest answer on a channel took.
    pub fn of(&self, channel: ChannelId, side: Side) -> Option<Duration> {
        self.newest.get(&(channel, side)).copied()
    }

    /// A channel begins anew.
    pub fn forget(&mut self, channel: ChannelId) {
        self.asked.retain(|(of, _), _| *of != channel);
        self.newest.retain(|(of, _), _| *of != channel);
        if channel.kind == ChannelKind::Inputs {
            self.motions = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_timed_from_their_questions_and_by_channel() {
        let mut trips = Trips::default();
        let ms = Duration::from_millis;
        let display = ChannelId::new(ChannelKind::Display, 0);
        trips.note(ms(10), ChannelId::MAIN, Way::ToServer, 104);
        trips.note(ms(12), display, Way::ToClient, 4);
        trips.note(ms(13), display, Way::ToServer, 3);
        trips.note(ms(17), ChannelId::MAIN, Way::ToClient, 104);
        for at in [20, 21, 22, 23, 24, 30] {
            let number = if at == 30 { 111 } else { 112 };
            let way = if at == 30 {
                Way::ToClient
            } else {
                Way::ToServer
            };
            trips.note(ms(at), ChannelId::INPUTS, way, number);
        }
        assert_eq!(trips.of(ChannelId::MAIN, Side::Server), Some(ms(7)));
        assert_eq!(trips.of(display, Side::Client), Some(ms(1)));
        assert_eq!(trips.of(display, Side::Server), None);
        assert_eq!(trips.of(ChannelId::INPUTS, Side::Server), Some(ms(7)));
        trips.forget(ChannelId::MAIN);
        assert_eq!(trips.of(ChannelId::MAIN, Side::Server), None);
    }
}
