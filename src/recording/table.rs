//! The TCP connections of a capture that are followed at a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::connection::Connection;
use super::note::Point;
use super::segment::Segment;
use super::writer;
use crate::channel::ChannelId;

/// Most connections followed at the same time; when there are more, those that are not SPICE are forgotten, or new ones
/// are passed over.
const MOST_CONNECTIONS: usize = 4096;

/// The two ends of a connection, the lesser first.
pub(super) type Ends = [SocketAddr; 2];

/// A connection, and its channel once it is linked.
#[derive(Clone)]
pub(super) struct Followed {
    pub(super) connection: Connection,
    /// Session and channel.
    pub(super) place: Option<(usize, ChannelId)>,
    /// Whether it was counted for what it is.
    pub(super) counted: bool,
}

/// Connections by their ends.
#[derive(Clone, Default)]
pub(super) struct Table {
    connections: BTreeMap<Ends, Followed>,
    /// Those where something waits for what is missing.
    waiting: BTreeSet<Ends>,
    /// How many of them are of no interest; may be too high.
    over: usize,
}

impl Table {
    /// The connections there are at a seek point.
    pub(super) fn resume(point: &Point) -> Self {
        let mut connections = BTreeMap::new();
        for channel in &point.channels {
            let ends = writer::ends(channel.port);
            let followed = Followed {
                connection: Connection::resume(ends[0], channel, point.at),
                place: Some((point.session as usize, channel.id)),
                counted: true,
            };
            let mut key = ends;
            key.sort_unstable();
            connections.insert(key, followed);
        }
        Self {
            connections,
            ..Self::default()
        }
    }

    /// Takes out the connection that a segment belongs to, or begins it: one that has ended by that, and the current one.
    /// There may be none.
    pub(super) fn take(
        &mut self,
        ends: Ends,
        segment: &Segment<'_>,
        now: u64,
    ) -> (Option<Followed>, Option<Followed>) {
        let mut known = self.remove(ends);
        let mut before = known.take_if(|known| known.connection.is_replaced_by(segment));
        if let Some(before) = &mut before {
            before.connection.finish(now);
        }
        if known.is_some() || (segment.data.is_empty() && !segment.flags.synchronise) {
            return (before, known);
        }
        if self.connections.len() >= MOST_CONNECTIONS {
            self.forget_those_over();
        }
        let has_room = self.connections.len() < MOST_CONNECTIONS;
        let begun = has_room.then(|| Followed {
            connection: Connection::new(segment, now),
            place: None,
            counted: false,
        });
        (before, begun)
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, ends: Ends) -> Option<Followed> {
        self.waiting.remove(&ends);
        self.connections.remove(&ends)
    }

    /// Puts a connection back that was taken out, unless it has ended.
    pub(super) fn put_back(&mut self, ends: Ends, followed: Followed) {
        if followed.connection.is_closed() {
            return;
        }
        if followed.connection.has_hole() {
            self.waiting.insert(ends);
        }
        self.over += usize::from(followed.connection.dialogue.over().is_some());
        self.connections.insert(ends, followed);
    }

    /// Connections where something waits for what is missing.
    pub(super) fn waiting(&self) -> Vec<Ends> {
        self.waiting.iter().copied().collect()
    }

    /// Takes all connections out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Followed> + use<> {
        self.waiting.clear();
        std::mem::take(&mut self.connections).into_values()
    }

    fn forget_those_over(&mut self) {
        // Looking for them in vain at every segment would take its time.
        if self.over > 0 {
            self.over = 0;
            self.connections
                .retain(|_, followed| followed.connection.dialogue.over().is_none());
        }
    }
}
