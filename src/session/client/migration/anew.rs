//! When the machine has moved without the state of its channels: they begin anew at the new host.

use std::time::Duration;

use super::{PACE, PATIENCE, Stage};
use crate::channel::main::Destination;
use crate::channel::main::messages::ClientMessage;
use crate::channel::{ChannelId, ChannelKind, Fault, audio, main};
use crate::link::Established;
use crate::session::client::ClientSession;
use crate::session::client::channel::Behaviour;
use crate::session::{ClientEvent, Grade, Migration, Move, Output};

impl ClientSession {
    /// MIGRATE_END: every channel begins anew at the new host.
    pub(super) fn restart_there(&mut self, now: Duration) {
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
    pub(in crate::session::client) fn go_on_after_init(&mut self, now: Duration) {
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
    pub(super) fn switch_host(&mut self, to: Destination) {
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
}
