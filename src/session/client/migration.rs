//! A machine that moves to another host, and its session with it.
//!
//! Before the machine moves its server names the new host. The session has every channel linked there as well, says so, and goes
//! on with the old host until that says that the machine has moved:
//!
//! - *semi-seamless*: MIGRATE_END on main. Every channel begins anew at the new host, as after INIT, and the screen comes once more.
//! - *seamless*: MIGRATE on each channel, and MIGRATE_DATA, which is handed to the new host as it is. Surfaces, caches and the
//!   agent's tunnel stay as they are.
//! - *switch-host*: MIGRATE_SWITCH_HOST on main, where nothing was prepared. The session begins anew at the new host.
//!
//! Protocol: spec 02 §8.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::ClientSession;
use super::channel::Behaviour;
use crate::channel::common::messages::{
    ClientMessage as CommonToServer, MigrateFlags, Opaque, Pong, ServerMessage as CommonToClient,
};
use crate::channel::main::Destination;
use crate::channel::main::messages::{
    ClientMessage, MigrateBegin, MigrateDstDoSeamless, ServerMessage,
};
use crate::channel::{ChannelId, ChannelKind, Fault, Message};
use crate::channel::{audio, main};
use crate::link::Established;
use crate::session::{ClientEvent, CloseReason, Grade, Migration, Move, Output};
use crate::wire::{Frame, Part};

/// How long the old host waits for an answer (spec 02 §8.1), and how long the new one may take to go on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Least time from one preparation to the next: each lets the server send us somewhere.
const PACE: Duration = Duration::from_secs(1);

/// Most frames that wait for a channel's new connection. Little more than what a user does meanwhile.
const MAX_KEPT: usize = 4096;

/// Main's capability bit of servers that take over the state of channels.
const SEAMLESS_MIGRATE: u32 = 3;

/// The move of a machine, as far as it has come.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    to: Destination,
    /// The version of the state that the old host would hand over; `None` where it hands over nothing.
    version: Option<u32>,
    stage: Stage,
    /// Channels that are linked at the new host and were not taken yet, and those that are to be.
    links: BTreeMap<ChannelId, Option<Established>>,
    /// Channels that wait for MIGRATE_DATA, with what they want to send: it is for the new host.
    leaving: BTreeMap<ChannelId, Vec<Frame>>,
    /// Channels that are with the new host.
    moved: BTreeSet<ChannelId>,
    /// When whoever is waited for is waited for no more.
    until: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Main is being linked at the new host.
    LinkingMain,
    /// The new host is asked whether it takes over the state of channels.
    Asking,
    /// The other channels are being linked there.
    Linking { seamless: bool },
    /// The old host knows that they are.
    Ready { seamless: bool },
    /// Channels change over with their state, each by itself.
    ChangingOver,
    /// Main is with the new host, whose INIT is to come.
    Restarting,
}

impl Moving {
    fn is_preparing(&self) -> bool {
        matches!(
            self.stage,
            Stage::LinkingMain | Stage::Asking | Stage::Linking { .. }
        )
    }

    /// Whether the old host may still call it off.
    fn is_undecided(&self) -> bool {
        self.is_preparing() || matches!(self.stage, Stage::Ready { .. })
    }
}

impl ClientSession {
    /// Acts on what main says of a migration; whether the message was about one.
    pub(super) fn on_main_migration(&mut self, part: &Part, now: Duration) -> bool {
        if !matches!(part.number, 101 | 102 | 111 | 112 | 116) {
            return false;
        }
        match ServerMessage::decode(part.number, &part.body) {
            Ok(ServerMessage::MigrateBegin(begin)) => self.prepare(&begin, None, now),
            Ok(ServerMessage::MigrateBeginSeamless(begin)) => {
                self.prepare(&begin.begin, Some(begin.src_mig_version), now);
            }
            Ok(ServerMessage::MigrateCancel) => self.cancel_move(),
            Ok(ServerMessage::MigrateEnd) => self.restart_there(now),
            Ok(ServerMessage::MigrateSwitchHost(begin)) => match Destination::read(&begin) {
                Ok(to) => self.switch_host(to),
                Err(why) => {
                    let text = format!("the machine moved to another host, but {why}");
                    self.fault(ChannelId::MAIN, Fault::Violation(text));
                }
            },
            Ok(_) => {}
            Err(error) => {
                self.notice(Some(ChannelId::MAIN), error.to_string());
                if matches!(part.number, 101 | 116) {
                    self.say_on_main(&ClientMessage::MigrateConnectError, now);
                }
            }
        }
        true
    }

    fn say_on_main(&mut self, message: &ClientMessage<'_>, now: Duration) {
        let frame = message.to_frame();
        self.with(ChannelId::MAIN, now, |_, cx| {
            cx.outbox.push(frame);
            Ok(())
        });
    }

    fn tell_move(&mut self, event: Migration) {
        self.events.push_back(ClientEvent::Migration(event));
    }

    fn want(&mut self, order: Move) {
        self.outputs.push_back(Output::Move(order));
    }

    // --- before it moves

    fn prepare(&mut self, begin: &MigrateBegin<'_>, version: Option<u32>, now: Duration) {
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
    fn refuse(&mut self, why: String, now: Duration) {
        if self.moving.take().is_some() {
            self.want(Move::Drop);
        }
        self.tell_move(Migration::Refused(why));
        self.say_on_main(&ClientMessage::MigrateConnectError, now);
    }

    fn cancel_move(&mut self) {
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
    fn be_ready(&mut self, now: Duration) {
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

    // --- when it has moved

    /// MIGRATE_END: every channel begins anew at the new host.
    fn restart_there(&mut self, now: Duration) {
        let ready = Stage::Ready { seamless: false };
        let Some(moving) = self.moving.as_mut().filter(|m| m.is_undecided()) else {
            let text = "MIGRATE_END without a migration".to_owned();
            return self.notice(Some(ChannelId::MAIN), text);
        };
        let link = moving.links.remove(&ChannelId::MAIN).flatten();
        let (Some(link), true) = (link, moving.stage == ready) else {
            // What was prepared is gone, or never was: the machine is there all the same.
            let to = moving.to.clone();
            return self.switch_host(to);
        };
        moving.stage = Stage::Restarting;
        moving.until = Some(now + PATIENCE);
        self.leave_all();
        self.want(Move::Take(ChannelId::MAIN));
        self.want(Move::Settle);
        let mut gone = false;
        if let Some(main) = self.channels.get_mut(&ChannelId::MAIN) {
            main.begin_anew(link);
            if let Behaviour::Main(client) = &mut main.behaviour {
                gone = client.begin_elsewhere(main::Start::Continued);
            }
        }
        self.tell_agent_gone(gone);
        self.say_on_main(&ClientMessage::MigrateEnd, now);
    }

    /// The new host has said INIT: its other channels are taken.
    pub(super) fn go_on_after_init(&mut self, now: Duration) {
        if self.connection_id() == 0
            || !matches!(&self.moving, Some(moving) if moving.stage == Stage::Restarting)
        {
            return;
        }
        let Some(moving) = self.moving.take() else {
            return;
        };
        for (id, link) in moving.links {
            if let Some(link) = link {
                self.want(Move::Take(id));
                self.opened(id, link, now);
            }
        }
        self.want(Move::Drop);
        let left = self.channels.iter();
        let left = left.filter(|(_, c)| c.link.is_none() && !c.closed);
        let left: Vec<ChannelId> = left.map(|(id, _)| *id).collect();
        let opened = left.into_iter().map(Output::Open);
        self.outputs.extend(opened);
        self.tell_move(Migration::Moved(moving.to, Grade::SemiSeamless));
    }

    /// Drops the connections of all channels but main; each is as if it were about to be opened.
    fn leave_all(&mut self) {
        let others: Vec<ChannelId> = self.channels.keys().copied().collect();
        for id in others.into_iter().filter(|id| *id != ChannelId::MAIN) {
            self.outputs.push_back(Output::Close(id));
            if let Some(channel) = self.channels.get_mut(&id).filter(|c| !c.closed) {
                channel.close(&mut self.shared);
                self.make(id);
                self.tell_stopped(id);
            }
        }
        self.shared.glz.clear();
        self.shared.pixmaps.clear();
        self.shared.media.hear_nothing();
    }

    /// Sound stops with its channel.
    fn tell_stopped(&mut self, id: ChannelId) {
        match id.kind {
            ChannelKind::Playback => {
                self.push_latest(ClientEvent::Playback(audio::PlaybackEvent::Stopped));
            }
            ChannelKind::Record => {
                self.push_latest(ClientEvent::Record(audio::RecordEvent::Stopped));
            }
            _ => {}
        }
    }

    fn tell_agent_gone(&mut self, gone: bool) {
        if gone {
            let event = main::Event::Agent { connected: false };
            self.push_latest(ClientEvent::Main(event));
        }
    }

    /// MIGRATE_SWITCH_HOST: the session begins anew at the new host.
    fn switch_host(&mut self, to: Destination) {
        let now = self.now;
        if self.switched.is_some_and(|at| now < at + PACE) {
            let text = "the machine moves too often".to_owned();
            return self.fault(ChannelId::MAIN, Fault::Violation(text));
        }
        self.switched = Some(now);
        if self.moving.take().is_some() {
            self.want(Move::Drop);
        }
        self.leave_all();
        let others: Vec<ChannelId> = self.channels.keys().copied().collect();
        for id in others.into_iter().filter(|id| *id != ChannelId::MAIN) {
            // The new host lists its channels.
            if let Some(channel) = self.channels.get_mut(&id) {
                channel.close(&mut self.shared);
            }
        }
        self.outputs.push_back(Output::Close(ChannelId::MAIN));
        let mut gone = false;
        if let Some(main) = self.channels.get_mut(&ChannelId::MAIN) {
            main.begin_anew(Established::default());
            main.link = None;
            if let Behaviour::Main(client) = &mut main.behaviour {
                gone = client.begin_elsewhere(main::Start::Fresh);
            }
        }
        self.tell_agent_gone(gone);
        self.want(Move::Aim(to.clone()));
        self.want(Move::Settle);
        self.outputs.push_back(Output::Open(ChannelId::MAIN));
        self.tell_move(Migration::Moved(to, Grade::SwitchHost));
    }

    // --- with its state

    /// MIGRATE on a channel: it changes over, by itself or with the data that follow.
    pub(super) fn on_migrate(&mut self, id: ChannelId, flags: MigrateFlags, now: Duration) {
        let is_ready = self.moving.as_ref().is_some_and(|moving| {
            let stages = [Stage::Ready { seamless: true }, Stage::ChangingOver];
            stages.contains(&moving.stage) && !moving.moved.contains(&id)
        });
        if !is_ready {
            return self.notice(Some(id), "MIGRATE without a migration".into());
        }
        if flags.contains(MigrateFlags::NEED_FLUSH) {
            self.with(id, now, |_, cx| {
                cx.send(&CommonToServer::MigrateFlushMark);
                Ok(())
            });
        }
        let Some(moving) = &mut self.moving else {
            return;
        };
        moving.stage = Stage::ChangingOver;
        moving.until = Some(now + PATIENCE);
        if flags.contains(MigrateFlags::NEED_DATA_TRANSFER) {
            moving.leaving.insert(id, Vec::new());
        } else {
            self.change_over(id, None, now);
        }
    }

    /// MIGRATE_DATA on a channel: its state, for the new host.
    pub(super) fn on_migrate_data(&mut self, id: ChannelId, data: &Bytes, now: Duration) {
        let leaving = self.moving.as_ref().map(|moving| &moving.leaving);
        if leaving.is_some_and(|leaving| leaving.contains_key(&id)) {
            self.change_over(id, Some(data.clone()), now);
        } else {
            self.notice(Some(id), "MIGRATE_DATA without a migration".into());
        }
    }

    /// Keeps frames of a channel for its new connection; gives them back where it has no other to come.
    pub(super) fn keep_for_there(&mut self, id: ChannelId, frames: Vec<Frame>) -> Vec<Frame> {
        let leaving = self.moving.as_mut().map(|moving| &mut moving.leaving);
        match leaving.and_then(|leaving| leaving.get_mut(&id)) {
            Some(kept) => {
                kept.extend(frames);
                // Who does so much in the moment of a move loses the newest of it.
                kept.truncate(MAX_KEPT);
                Vec::new()
            }
            None => frames,
        }
    }

    fn change_over(&mut self, id: ChannelId, data: Option<Bytes>, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let kept = moving.leaving.remove(&id).unwrap_or_default();
        if let Some(link) = moving.links.remove(&id).flatten() {
            moving.moved.insert(id);
            self.want(Move::Take(id));
            if let Some(channel) = self.channels.get_mut(&id) {
                channel.change_over(link);
            }
            let data = data.map(|data| CommonToServer::MigrateData(Opaque(&data)).to_frame());
            self.send_all(id, data.into_iter().chain(kept).collect());
        }
        self.go_on_there(now);
    }

    /// When every channel has changed over the session is with the new host.
    fn go_on_there(&mut self, now: Duration) {
        let all = |moving: &Moving| moving.links.is_empty() && moving.leaving.is_empty();
        let Some(moving) = self.moving.take_if(|moving| all(moving)) else {
            return;
        };
        if !moving.moved.contains(&ChannelId::MAIN) {
            let text = "the new host closed the connection before the machine was there".into();
            return self.end(CloseReason::Broken(text));
        }
        self.want(Move::Settle);
        self.want(Move::Drop);
        // Channels that were opened too late, or whose new connection was lost.
        let behind = self.channels.iter();
        let behind = behind.filter(|(id, c)| !c.closed && !moving.moved.contains(id));
        let behind: Vec<ChannelId> = behind.map(|(id, _)| *id).collect();
        for id in behind {
            self.outputs.push_back(Output::Close(id));
            self.closed(id, CloseReason::Broken("it was left behind".into()));
        }
        self.now = now;
        self.tell_move(Migration::Moved(moving.to, Grade::Seamless));
    }

    // --- time

    /// When somebody is waited for no longer.
    pub(super) fn move_due(&self) -> Option<Duration> {
        self.moving.as_ref().and_then(|moving| moving.until)
    }

    pub(super) fn tick_move(&mut self, now: Duration) {
        let Some(moving) = self.moving.as_ref() else {
            return;
        };
        if moving.until.is_none_or(|until| until > now) {
            return;
        }
        if moving.is_preparing() {
            let text = format!("no answer within {} s", PATIENCE.as_secs());
            self.refuse(text, now);
        } else {
            let text = format!("the machine moved to {}, which does not go on", moving.to);
            self.end(CloseReason::Broken(text));
        }
    }

    /// A channel is gone that perhaps was to move too.
    pub(super) fn forget_move_of(&mut self, id: ChannelId) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        moving.leaving.remove(&id);
        if !moving.moved.contains(&id) && moving.links.remove(&id).is_some() {
            match moving.stage {
                Stage::Linking { .. } => self.be_ready(self.now),
                Stage::ChangingOver => self.go_on_there(self.now),
                _ => {}
            }
        }
    }
}
