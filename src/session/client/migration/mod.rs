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

mod anew;
mod before;
mod seamless;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ClientSession;
use crate::channel::main::Destination;
use crate::channel::main::messages::{ClientMessage, ServerMessage};
use crate::channel::{ChannelId, Fault, Message};
use crate::link::Established;
use crate::session::{ClientEvent, CloseReason, Migration, Move, Output};
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
