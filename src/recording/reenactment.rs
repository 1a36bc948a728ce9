//! What passed on the channels of a session, played into a client session that talks to nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::channel::main::messages::{ChannelsList, ServerMessage};
use crate::channel::{ChannelId, Message};
use crate::link::Established;
use crate::session::{ClientEvent, ClientSession, CloseReason, Output, SessionConfig};
use crate::wire::Frame;

/// Most wake-ups of the session in one go.
const MOST_TICKS: usize = 10_000;

/// A client session that is fed what another one got: its server's frames, at their times. What it wants to send goes nowhere.
pub struct Reenactment {
    session: ClientSession,
    now: Duration,
    /// Channels the session has asked for that were not opened yet.
    wanted: BTreeSet<ChannelId>,
    open: BTreeSet<ChannelId>,
}

impl Reenactment {
    /// A session that may begin in the middle of the other one.
    pub fn new(config: SessionConfig) -> Self {
        Self {
            session: ClientSession::new(SessionConfig {
                joins: true,
                ..config
            }),
            now: Duration::ZERO,
            wanted: BTreeSet::new(),
            open: BTreeSet::new(),
        }
    }

    /// The same once more; `None` where the session cannot be copied: see [`ClientSession::fork`].
    pub fn fork(&self) -> Option<Self> {
        Some(Self {
            session: self.session.fork()?,
            now: self.now,
            wanted: self.wanted.clone(),
            open: self.open.clone(),
        })
    }

    /// The session, to look into.
    pub fn session(&self) -> &ClientSession {
        &self.session
    }

    /// The session, to have it tell things again or put them away.
    pub fn session_mut(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    /// The moment that was played up to.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The next event of the session.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.session.poll_event()
    }

    /// Does what is due, up to the moment `to`.
    pub fn run_clock(&mut self, to: Duration) {
        let due = |this: &Self| this.session.poll_timeout().filter(|due| *due <= to);
        for _ in 0..MOST_TICKS {
            let Some(due) = due(self) else {
                break;
            };
            self.now = self.now.max(due);
            self.session.tick(self.now);
            self.drop_outputs();
        }
        self.now = self.now.max(to);
    }

    /// Lets happen what is still due up to `latest`.
    pub(super) fn settle(&mut self, latest: Duration) {
        let mut ticks = 0;
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= latest)
            && ticks < MOST_TICKS
        {
            self.run_clock(due);
            ticks += 1;
        }
    }

    /// The server sent a frame.
    pub fn receive(&mut self, channel: ChannelId, frame: Frame) {
        self.session.receive(channel, frame, self.now);
        self.drop_outputs();
    }

    /// A channel was linked.
    pub fn opened(&mut self, channel: ChannelId, link: Established) {
        self.drop_outputs();
        if self.open.contains(&channel) {
            // Linked again, after an end that was put off.
            self.session.closed(channel, CloseReason::ByPeer);
        }
        if !self.wanted.contains(&channel) {
            self.announce(channel, &link);
        }
        if self.wanted.remove(&channel) {
            self.session.opened(channel, link, self.now);
            self.open.insert(channel);
        }
        self.drop_outputs();
    }

    /// A channel's connection ended.
    pub fn closed(&mut self, channel: ChannelId) {
        if self.open.remove(&channel) {
            self.session.closed(channel, CloseReason::ByPeer);
            self.drop_outputs();
        }
    }

    /// Ends the session. The main channel is the first of them, and its end is the session's.
    pub fn end(&mut self) {
        for channel in std::mem::take(&mut self.open).into_iter().rev() {
            self.session.closed(channel, CloseReason::ByPeer);
        }
        self.drop_outputs();
    }

    /// Closes what would go on for ever: all channels but the main one, whose end would be the session's.
    pub(super) fn close_all_but_main(&mut self) {
        for channel in std::mem::take(&mut self.open).into_iter().rev() {
            if channel != ChannelId::MAIN {
                self.session.closed(channel, CloseReason::ByPeer);
            }
        }
    }

    /// Another session takes the place of this one, at the same moment.
    pub(super) fn begin_anew(&mut self, config: SessionConfig) {
        *self = Self {
            now: self.now,
            ..Self::new(config)
        };
    }

    /// Tells the session of a channel whose announcement was not seen.
    fn announce(&mut self, channel: ChannelId, link: &Established) {
        if self.wanted.remove(&ChannelId::MAIN) {
            self.session.opened(ChannelId::MAIN, link.clone(), self.now);
            self.open.insert(ChannelId::MAIN);
        }
        let channels = vec![channel];
        let list = ServerMessage::ChannelsList(ChannelsList { channels }).to_frame();
        self.session.receive(ChannelId::MAIN, list, self.now);
        self.drop_outputs();
    }

    /// Nobody hears what the session says; only which channels it knows matters.
    fn drop_outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            if let Output::Open(channel) = output {
                self.wanted.insert(channel);
            }
        }
    }
}
