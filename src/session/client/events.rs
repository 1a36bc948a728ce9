//! What a session tells its user: events in their order, the newest of a kind only, and notices with a count.

use std::collections::VecDeque;

use super::ClientSession;
use super::channel::{Behaviour, Channel};
use crate::channel::audio::PlaybackEvent;
use crate::channel::main::agent;
use crate::channel::{ChannelId, cursor, port};
use crate::session::{ClientEvent, Notice};

/// Different notices that are told apart; more are counted together.
const MAX_NOTICES: usize = 200;

impl ClientSession {
    /// The next event for the user. Pixels are cut from the surfaces here.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        // The end comes after everything else has been told, pixels included; so does that of a display.
        if let Some(ClientEvent::ChannelClosed(id, _)) = self.events.front()
            && let Some(display) = self.channels.get_mut(id).and_then(Channel::display_mut)
            && let Some(event) = display.poll_event()
        {
            return Some(ClientEvent::Display(event));
        }
        let ends = |event: &mut ClientEvent| matches!(event, ClientEvent::Closed(_));
        if let Some(event) = self.events.pop_front_if(|event| !ends(event)) {
            return Some(event);
        }
        if let Some(event) = self.agent_mut().and_then(agent::Client::poll_event) {
            return Some(ClientEvent::Agent(event));
        }
        for display in self.channels.values_mut().filter_map(Channel::display_mut) {
            if let Some(event) = display.poll_event() {
                return Some(ClientEvent::Display(event));
            }
        }
        self.events.pop_front()
    }

    /// Whether [`poll_event`](Self::poll_event) has something.
    pub fn has_event(&self) -> bool {
        let agent = self.main().is_some_and(|main| main.agent().has_event());
        agent || !self.events.is_empty() || self.displays().any(|(_, display)| display.has_event())
    }

    fn agent_mut(&mut self) -> Option<&mut agent::Client> {
        match &mut self.channels.get_mut(&ChannelId::MAIN)?.behaviour {
            Behaviour::Main(main) => Some(main.agent_mut()),
            _ => None,
        }
    }

    pub(super) fn notice(&mut self, channel: Option<ChannelId>, text: String) {
        if self.ended {
            return;
        }
        let full = self.notices.len() >= MAX_NOTICES;
        let known = self
            .notices
            .iter()
            .position(|n| n.channel == channel && n.text == text);
        let at = match known {
            Some(at) => at,
            None if full => return,
            None => {
                self.notices.push(Notice {
                    channel,
                    text,
                    count: 0,
                });
                self.notices.len() - 1
            }
        };
        self.notices[at].count += 1;
        let notice = self.notices[at].clone();
        // Told again when the count has doubled, so that a flood costs little and still shows.
        if notice.count.is_power_of_two() {
            self.events.push_back(ClientEvent::Notice(notice));
        }
    }

    /// Queues an event that replaces an untaken one of the same kind: a slow user sees the newest state.
    pub(super) fn push_latest(&mut self, event: ClientEvent) {
        self.events.retain(|old| !replaces(&event, old));
        self.events.push_back(event);
    }
}

/// Bytes of events that wait for the user: of pointer shapes, and of all others.
pub(super) fn event_bytes(events: &VecDeque<ClientEvent>) -> (u64, u64) {
    let (mut shapes, mut others) = (0, 0);
    for event in events {
        others += size_of::<ClientEvent>() as u64;
        match event {
            ClientEvent::Cursor(cursor::Event::Shape {
                shape: Some(shape), ..
            }) => shapes += (shape.pixels.len() + shape.invert.len()) as u64,
            ClientEvent::Notice(notice) => others += notice.text.len() as u64,
            ClientEvent::Playback(PlaybackEvent::Packet { packet, .. }) => {
                others += packet.data.len() as u64;
            }
            ClientEvent::Port(port::Event {
                what: port::Happening::Data(data),
                ..
            }) => others += data.len() as u64,
            _ => {}
        }
    }
    (shapes, others)
}

/// Whether `new` makes `old` pointless.
fn replaces(new: &ClientEvent, old: &ClientEvent) -> bool {
    use std::mem::discriminant;
    match (new, old) {
        (ClientEvent::Main(a), ClientEvent::Main(b)) => discriminant(a) == discriminant(b),
        (ClientEvent::Inputs(a), ClientEvent::Inputs(b)) => discriminant(a) == discriminant(b),
        (ClientEvent::Playback(a), ClientEvent::Playback(b)) => discriminant(a) == discriminant(b),
        (ClientEvent::Record(a), ClientEvent::Record(b)) => discriminant(a) == discriminant(b),
        (
            ClientEvent::ChannelClosed(a, _) | ClientEvent::ChannelOpened(a),
            ClientEvent::ChannelClosed(b, _) | ClientEvent::ChannelOpened(b),
        ) => a == b,
        (ClientEvent::Cursor(a), ClientEvent::Cursor(b)) => {
            discriminant(a) == discriminant(b) && a.display() == b.display()
        }
        _ => false,
    }
}
