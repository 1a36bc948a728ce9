//! What only passes through: bytes of ports, and what client and guest agent say.

use bytes::Bytes;

use super::{MAX_PORTS, ServerSession};
use crate::channel::main::agent;
use crate::channel::{ChannelId, ChannelKind, port};
use crate::wire::Frame;

impl ServerSession {
    /// Offers ports of these names, numbered from 0; before the main channel is opened, and at most [`MAX_PORTS`]. Nobody has
    /// them open yet.
    pub fn offer_ports<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names = names.into_iter().take(MAX_PORTS);
        self.ports = names.map(port::Server::new).collect();
    }

    /// Somebody has a port open from now on, or nobody.
    pub fn set_port_open(&mut self, number: u8, open: bool) {
        self.with_port(number, |port, outbox| port.set_open(open, outbox));
    }

    /// Who has a port open writes. Lost while the client has not linked it.
    pub fn port_says(&mut self, number: u8, data: &[u8]) {
        self.with_port(number, |port, outbox| port.say(data, outbox));
    }

    /// What the client does to a port, next, and its number. What it writes to one that nobody has open is lost.
    pub fn poll_from_port(&mut self) -> Option<(u8, port::Received)> {
        self.to_ports.pop_front()
    }

    fn with_port(&mut self, number: u8, act: impl FnOnce(&mut port::Server, &mut Vec<Frame>)) {
        let Some(port) = self.ports.get_mut(usize::from(number)) else {
            return;
        };
        let mut outbox = Vec::new();
        act(port, &mut outbox);
        let id = ChannelId::new(ChannelKind::Port, number);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.queue.extend(outbox);
        }
    }

    /// There is a guest agent. One that is there before the main channel is opened is there from the beginning.
    pub fn attach_agent(&mut self) {
        self.with_agent(agent::Server::attach);
    }

    /// There is none any more.
    pub fn detach_agent(&mut self) {
        self.with_agent(agent::Server::detach);
    }

    /// The guest agent says something.
    pub fn agent_says(&mut self, piece: &agent::Piece) {
        self.with_agent(|agent, outbox| agent.say(piece, outbox));
    }

    /// The guest agent has taken so many of what [`poll_to_agent`](Self::poll_to_agent) gave.
    pub fn agent_took(&mut self, bodies: u32) {
        self.with_agent(|agent, outbox| agent.took(bodies, outbox));
    }

    /// What the client says to the guest agent, next, at most 2048 bytes.
    pub fn poll_to_agent(&mut self) -> Option<Bytes> {
        self.main.agent_mut().poll_to_agent()
    }

    /// Whether more of what the guest agent says can be taken.
    pub fn has_room_for_agent(&self) -> bool {
        self.main.agent().has_room()
    }

    /// Whether the client talks with the guest agent.
    pub fn talks_with_agent(&self) -> bool {
        self.main.agent().is_started()
    }

    fn with_agent(&mut self, act: impl FnOnce(&mut agent::Server, &mut Vec<Frame>)) {
        let mut outbox = Vec::new();
        act(self.main.agent_mut(), &mut outbox);
        if let Some(main) = self.channels.get_mut(&ChannelId::MAIN) {
            main.queue.extend(outbox);
        }
    }
}
