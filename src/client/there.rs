//! The connections to the host that a machine moves to, before they are the session's own.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::dial::Dial;
use super::driver::{Connection, Key};
use crate::channel::ChannelId;
use crate::link::Established;
use crate::net::Incoming;
use crate::wire::Frame;

/// A host and what was made of connections to it. Dropping it drops them.
pub(super) struct There {
    /// How to connect to it, or why not.
    dial: Result<Dial, String>,
    /// The connections that are being made.
    dialling: BTreeMap<Key, AbortHandle>,
    linked: BTreeMap<ChannelId, Linked>,
    /// Connections to the old host, of channels that have changed over. QEMU 7.2 closes those of all channels as soon as main's
    /// is closed, also of such as have not said yet where they stand.
    left: Vec<Connection>,
}

/// A linked connection that the session has not taken.
struct Linked {
    connection: Connection,
    established: Established,
    /// What it said meanwhile. It keeps its share of the budget, so the pump stops reading.
    held: VecDeque<Incoming<Key>>,
}

impl There {
    pub(super) const fn new(dial: Result<Dial, String>) -> Self {
        Self {
            dial,
            dialling: BTreeMap::new(),
            linked: BTreeMap::new(),
            left: Vec::new(),
        }
    }

    /// Keeps a connection to the old host open until all channels have changed over.
    pub(super) fn leave_open(&mut self, old: Option<Connection>) {
        self.left.extend(old);
    }

    pub(super) const fn dial(&self) -> &Result<Dial, String> {
        &self.dial
    }

    /// A connection is being made.
    pub(super) fn dials(&mut self, key: Key, task: AbortHandle) {
        self.dialling.insert(key, task);
    }

    /// The making of a connection came to its end; whether it was one to this host.
    pub(super) fn has_dialled(&mut self, key: Key) -> bool {
        self.dialling.remove(&key).is_some()
    }

    pub(super) fn linked(
        &mut self,
        key: Key,
        frames: mpsc::Sender<Frame>,
        established: Established,
    ) {
        let (id, life) = key;
        let linked = Linked {
            connection: Connection::new(life, frames),
            established,
            held: VecDeque::new(),
        };
        self.linked.insert(id, linked);
    }

    /// Whether a connection leads here.
    pub(super) fn has(&self, (id, life): Key) -> bool {
        let linked = self.linked.get(&id);
        linked.is_some_and(|linked| linked.connection.life == life)
    }

    pub(super) fn lose(&mut self, id: ChannelId) {
        self.linked.remove(&id);
    }

    /// Sends a frame. There are so few that the queue has room.
    pub(super) fn send(&self, id: ChannelId, frame: Frame) {
        if let Some(linked) = self.linked.get(&id) {
            // If its pump is gone, its end will tell.
            let _ = linked.connection.frames.try_send(frame);
        }
    }

    /// Keeps what a connection said, if it is one of these.
    pub(super) fn hold(&mut self, incoming: Incoming<Key>) {
        let (Incoming::Frame(key, ..) | Incoming::End(key, _)) = incoming;
        if self.has(key)
            && let Some(linked) = self.linked.get_mut(&key.0)
        {
            linked.held.push_back(incoming);
        }
    }

    /// Gives a connection away, with what it said.
    pub(super) fn take(
        &mut self,
        id: ChannelId,
    ) -> Option<(Connection, Established, VecDeque<Incoming<Key>>)> {
        let linked = self.linked.remove(&id)?;
        Some((linked.connection, linked.established, linked.held))
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.dialling.values().for_each(AbortHandle::abort);
    }
}
