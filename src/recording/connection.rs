//! One TCP connection of a capture.

use std::net::SocketAddr;

use super::assembler::{Assembler, Piece};
use super::dialogue::{Dialogue, side};
use super::note::Channel;
use super::segment::Segment;
use crate::session::Way;

/// Both directions of a connection, and what is said on it.
#[derive(Clone)]
pub(super) struct Connection {
    client: SocketAddr,
    /// The number its client began with, if that was seen.
    first: Option<u32>,
    ways: [Assembler; 2],
    pub(super) dialogue: Dialogue,
    /// Time of its first packet.
    pub(super) began: u64,
    closed: bool,
}

impl Connection {
    /// The connection that a segment seems to begin: its sender is the client, unless it answers one.
    pub(super) fn new(first: &Segment<'_>, now: u64) -> Self {
        let answers = first.flags.synchronise && first.flags.acknowledge;
        Self {
            client: if answers { first.to } else { first.from },
            first: (first.flags.synchronise && !answers).then_some(first.sequence),
            ways: Default::default(),
            dialogue: Dialogue::new(),
            began: now,
            closed: false,
        }
    }

    /// A connection that stands at a seek point.
    pub(super) fn resume(client: SocketAddr, channel: &Channel, now: u64) -> Self {
        let mut ways: [Assembler; 2] = Default::default();
        for (way, next) in ways.iter_mut().zip(channel.next) {
            way.begin(next);
        }
        Self {
            client,
            first: None,
            ways,
            dialogue: Dialogue::resume(channel),
            began: now,
            closed: false,
        }
    }

    /// Whether this segment begins another connection between the same two ports.
    pub(super) fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let begins = segment.flags.synchronise && !segment.flags.acknowledge;
        begins && (segment.from != self.client || self.first != Some(segment.sequence))
    }

    /// Whether both sides are done, or one has hung up.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes a segment.
    pub(super) fn receive(&mut self, segment: &Segment<'_>, now: u64) {
        let way = if segment.from == self.client {
            Way::ToServer
        } else {
            Way::ToClient
        };
        let (there, back) = match (way, &mut self.ways) {
            (Way::ToServer, [client, server]) => (client, server),
            (Way::ToClient, [client, server]) => (server, client),
        };
        // The bit that begins a connection takes a number of its own.
        let first = segment
            .sequence
            .wrapping_add(segment.flags.synchronise.into());
        if segment.flags.synchronise {
            there.begin(first);
        }
        if let Some(number) = segment.acknowledges {
            back.acknowledged(number);
        }
        if !segment.data.is_empty() || segment.flags.finish {
            there.receive(first, segment.data, segment.flags.finish, now);
        }
        self.wait(now);
        if segment.flags.reset || self.ways.iter().all(Assembler::is_finished) {
            self.finish(now);
        }
    }

    /// Gives up holes that have been there too long.
    pub(super) fn wait(&mut self, now: u64) {
        self.ways.iter_mut().for_each(|way| way.wait(now));
        self.pass_on();
    }

    /// Whether something waits for what is missing.
    pub(super) fn has_hole(&self) -> bool {
        self.ways.iter().any(Assembler::has_hole)
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self, now: u64) {
        self.ways.iter_mut().for_each(|way| way.finish(now));
        self.pass_on();
        self.closed = true;
    }

    fn pass_on(&mut self) {
        for way in [Way::ToServer, Way::ToClient] {
            while let Some(piece) = self.ways[side(way)].next_piece() {
                match piece {
                    Piece::Data(data) => self.dialogue.data(way, &data),
                    Piece::Gap(missing) => self.dialogue.gap(way, missing),
                }
            }
        }
    }
}
