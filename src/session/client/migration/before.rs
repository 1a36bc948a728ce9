//! Before the machine moves: the channels are linked at the new host, and the old one is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Moving, PACE, PATIENCE, SEAMLESS_MIGRATE, Stage};
use crate::channel::common::messages::{
    ClientMessage as CommonToServer, Pong, ServerMessage as CommonToClient,
};
use crate::channel::main::Destination;
use crate::channel::main::messages::{
    ClientMessage, MigrateBegin, MigrateDstDoSeamless, ServerMessage,
};
use crate::channel::{ChannelId, Message};
use crate::link::Established;
use crate::session::client::ClientSession;
use crate::session::{CloseReason, Migration, Move};
use crate::wire::Frame;

impl ClientSession {
    pub(super) fn prepare(
        &mut self,
        begin: &MigrateBegin<'_>,
        version: Option<u32>,
        now: Duration,
    ) {
        let too_soon = self.move_begun.is_some_and(|at| now < at + PACE);
        let is_under_way = self.moving.as_ref().is_some_and(|m| !m.is_undecided());
        if is_under_way {
            let text = "another migration begins before the last one has ended";
            self.notice(Some(ChannelId::MAIN), text.into());
            return;
        }
        self.move_begun = Some(now);
        if self.moving.take().is_some() {
            self.want(Move::Drop);
        }
        let to = match Destination::read(begin) {
            _ if too_soon => return self.refuse("the server asks for it too often".into(), now),
            Ok(to) => to,
            Err(why) => return self.refuse(format!("of the new host {why}"), now),
        };
        self.tell_move(Migration::Begun(to.clone()));
        self.want(Move::Aim(to.clone()));
        self.want(Move::Open(ChannelId::MAIN));
        let linked = self
            .channels
            .iter()
            .filter(|(_, c)| c.link.is_some() && !c.closed);
        self.moving = Some(Moving {
            links: linked.map(|(id, _)| (*id, None)).collect(),
            to,
            version,
            stage: Stage::LinkingMain,
            leaving: BTreeMap::new(),
            moved: BTreeSet::new(),
            until: Some(now + PATIENCE),
        });
    }

    /// The session will not be prepared at the new host; the old one knows that, and switches it over later.
    pub(super) fn refuse(&mut self, why: String, now: Duration) {
        if self.moving.take().is_some() {
            self.want(Move::Drop);
        }
        self.tell_move(Migration::Refused(why));
        self.say_on_main(&ClientMessage::MigrateConnectError, now);
    }

    pub(super) fn cancel_move(&mut self) {
        if self.moving.as_ref().is_some_and(Moving::is_undecided) {
            self.moving = None;
            self.want(Move::Drop);
            self.tell_move(Migration::Cancelled);
        }
    }

    /// A channel was linked at the new host.
    pub fn linked_there(&mut self, id: ChannelId, link: Established, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let Some(place) = moving.links.get_mut(&id) else {
            return;
        };
        let takes_state = link.server.has(SEAMLESS_MIGRATE);
        *place = Some(link);
        match (moving.stage, moving.version) {
            (Stage::LinkingMain, Some(src_version)) if takes_state => {
                moving.stage = Stage::Asking;
                let ask = ClientMessage::MigrateDstDoSeamless(MigrateDstDoSeamless { src_version });
                self.want(Move::Send(ChannelId::MAIN, ask.to_frame()));
            }
            (Stage::LinkingMain, _) => self.link_others(false, now),
            (Stage::Linking { .. }, _) => self.be_ready(now),
            _ => {}
        }
    }

    fn link_others(&mut self, seamless: bool, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        moving.stage = Stage::Linking { seamless };
        let unlinked = moving.links.iter().filter(|(_, link)| link.is_none());
        let open: Vec<ChannelId> = unlinked.map(|(id, _)| *id).collect();
        for id in open {
            self.want(Move::Open(id));
        }
        self.be_ready(now);
    }

    /// When all is linked the old host is told.
    pub(super) fn be_ready(&mut self, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let Stage::Linking { seamless } = moving.stage else {
            return;
        };
        if moving.links.values().any(Option::is_none) {
            return;
        }
        moving.stage = Stage::Ready { seamless };
        // How long a machine takes to move is its own affair.
        moving.until = None;
        let done = match seamless {
            true => ClientMessage::MigrateConnectedSeamless,
            false => ClientMessage::MigrateConnected,
        };
        self.say_on_main(&done, now);
        self.tell_move(Migration::Prepared);
    }

    /// A connection to the new host was not made, or ended before it was taken.
    pub fn lost_there(&mut self, id: ChannelId, why: &CloseReason, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        if moving.links.remove(&id).is_none() {
            return;
        }
        if moving.is_preparing() {
            let why = match why {
                CloseReason::Refused(text) => text.clone(),
                other => other.to_string(),
            };
            self.refuse(why, now);
        } else if moving.stage == Stage::ChangingOver {
            self.go_on_there(now);
        }
    }

    /// The main channel of the new host says something before it has the machine.
    pub fn received_there(&mut self, frame: &Frame, now: Duration) {
        if self.moving.as_ref().is_none_or(|m| !m.is_undecided()) {
            return;
        }
        let is_asked = self
            .moving
            .as_ref()
            .is_some_and(|m| m.stage == Stage::Asking);
        if let Ok(CommonToClient::Ping(ping)) = CommonToClient::decode(frame.number, &frame.body) {
            let (id, timestamp) = (ping.id, ping.timestamp);
            let pong = CommonToServer::Pong(Pong { id, timestamp }).to_frame();
            return self.want(Move::Send(ChannelId::MAIN, pong));
        }
        match ServerMessage::decode(frame.number, &frame.body) {
            Ok(ServerMessage::MigrateDstSeamlessAck) if is_asked => self.link_others(true, now),
            Ok(ServerMessage::MigrateDstSeamlessNack) if is_asked => self.link_others(false, now),
            _ => {
                let text = format!("the new host says {} out of turn", frame.number);
                self.notice(Some(ChannelId::MAIN), text);
            }
        }
    }
}
