//! Whether the server still answers.
//!
//! A client of SPICE cannot ping. What it can ask again at any time is which channels there are: ATTACH_CHANNELS (104) on main is
//! answered with CHANNELS_LIST each time (seen from QEMU 7.2 and the SPICE X server). So when something was done with keyboard or
//! mouse and nothing at all came from the server for [`ASKS_AFTER`], that is asked; when nothing has come after [`TELLS_AFTER`]
//! either, the user is told, and told again as soon as something comes. Who does nothing asks nothing, and nobody is woken.
//!
//! A channel other than main whose connection breaks alone is opened again, a few times.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ClientSession;
use crate::channel::main::messages::ClientMessage;
use crate::channel::{ChannelId, ChannelKind};
use crate::session::{ClientEvent, CloseReason};

/// How long after the user's deed, with nothing from the server since, it is asked for a sign of life.
const ASKS_AFTER: Duration = Duration::from_secs(2);

/// How long after the user's deed, with nothing from the server since, the user is told.
const TELLS_AFTER: Duration = Duration::from_secs(4);

/// How long a server has for an answer that the user insists on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// How long after such a question what comes may have been under way before, and proves nothing. The answer itself does.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// How long after its connection broke a channel is opened again.
const REOPENS_AFTER: Duration = Duration::from_secs(1);

/// How often a channel is opened again whose connection breaks.
const MOST_REOPENED: u32 = 3;

/// What is expected of the server.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    awaited: Option<Awaited>,
    /// A CHANNELS_LIST will come that tells nothing new.
    asked: bool,
    broken: BTreeMap<ChannelId, Broken>,
}

/// An answer that has not come.
#[derive(Debug)]
struct Awaited {
    since: Duration,
    asked: bool,
    told: bool,
    /// When the user insisted on an answer; without one the session will be over.
    insisted: Option<Duration>,
}

/// A channel whose connection broke.
#[derive(Debug, Default)]
struct Broken {
    times: u32,
    reopen_at: Option<Duration>,
}

impl Awaited {
    /// What is due next.
    fn due(&self) -> Option<Duration> {
        let asks = (!self.asked).then_some(self.since + ASKS_AFTER);
        let tells = (!self.told).then_some(self.since + TELLS_AFTER);
        let ends = self.insisted.map(|at| at + ANSWERS_WITHIN);
        [asks, tells, ends].into_iter().flatten().min()
    }

    /// Whether what comes now is a sign of life.
    fn is_met_at(&self, now: Duration) -> bool {
        self.insisted.is_none_or(|at| at + UNDER_WAY <= now)
    }
}

impl ClientSession {
    /// The user did something: sooner or later the server says something.
    pub(super) fn expect_answer(&mut self, now: Duration) {
        self.liveness.awaited.get_or_insert(Awaited {
            since: now,
            asked: false,
            told: false,
            insisted: None,
        });
    }

    /// The user wants to know: the server is asked at once, and without an answer the session is over.
    pub(super) fn insist_on_answer(&mut self, now: Duration) {
        self.expect_answer(now);
        let is_asked = self.ask_for_life(now);
        if let Some(awaited) = &mut self.liveness.awaited {
            awaited.asked |= is_asked;
            awaited.insisted = is_asked.then_some(now);
        }
    }

    /// Something came from the server.
    pub(super) fn heard(&mut self) {
        let now = self.now;
        let awaited = &mut self.liveness.awaited;
        if let Some(awaited) = awaited.take_if(|awaited| awaited.is_met_at(now)) {
            self.tell_answer(&awaited);
        }
    }

    /// Whether a CHANNELS_LIST is only the answer to a question for life; it is told once.
    pub(super) fn take_asked(&mut self) -> bool {
        let is_asked = std::mem::take(&mut self.liveness.asked);
        if let Some(awaited) = self.liveness.awaited.take_if(|_| is_asked) {
            self.tell_answer(&awaited);
        }
        is_asked
    }

    fn tell_answer(&mut self, awaited: &Awaited) {
        if awaited.told {
            self.push_latest(ClientEvent::Answers);
        }
    }

    /// Opens those of the channels that are new. One that was closed stays closed: its end had a reason.
    pub(super) fn open_unknown(&mut self, listed: Vec<ChannelId>) {
        for id in listed {
            if self.channels.contains_key(&id) {
                self.with_main(|main| main.forget(id));
            } else {
                self.open(id);
            }
        }
    }

    /// A channel's connection broke, and nothing else did.
    pub(super) fn note_broken(&mut self, id: ChannelId, why: &CloseReason) {
        let reopens = !matches!(id.kind, ChannelKind::Main | ChannelKind::Port);
        if !reopens || !matches!(why, CloseReason::Broken(_) | CloseReason::Lost(_)) {
            return;
        }
        let broken = self.liveness.broken.entry(id).or_default();
        broken.times += 1;
        broken.reopen_at = (broken.times <= MOST_REOPENED).then_some(self.now + REOPENS_AFTER);
    }

    /// When [`tick_liveness`](Self::tick_liveness) has something to do.
    pub(super) fn liveness_due(&self) -> Option<Duration> {
        let awaited = self.liveness.awaited.as_ref().and_then(Awaited::due);
        let reopen = self.liveness.broken.values().filter_map(|b| b.reopen_at);
        awaited.into_iter().chain(reopen).min()
    }

    pub(super) fn tick_liveness(&mut self, now: Duration) {
        self.reopen_broken(now);
        let Some(awaited) = &mut self.liveness.awaited else {
            return;
        };
        let is_over = |at| at + ANSWERS_WITHIN <= now;
        if awaited.insisted.is_some_and(is_over) {
            let text = "the server does not answer".to_owned();
            self.end(CloseReason::Lost(text));
            return;
        }
        let asks = !awaited.asked && awaited.since + ASKS_AFTER <= now;
        awaited.asked |= asks;
        if !awaited.told && awaited.since + TELLS_AFTER <= now {
            awaited.told = true;
            let for_so_long = now.saturating_sub(awaited.since);
            self.push_latest(ClientEvent::Silent(for_so_long));
        }
        if asks {
            self.ask_for_life(now);
        }
    }

    /// Asks; whether there is somebody to be asked.
    fn ask_for_life(&mut self, now: Duration) -> bool {
        // Before INIT there is nothing to ask, and a host does not answer while it takes over a machine (spec 02 §6).
        if self.connection_id() == 0 || self.moving.is_some() {
            return false;
        }
        self.liveness.asked = true;
        self.with(ChannelId::MAIN, now, |_, cx| {
            cx.send(&ClientMessage::AttachChannels);
            Ok(())
        });
        true
    }

    fn reopen_broken(&mut self, now: Duration) {
        let due = |broken: &Broken| broken.reopen_at.is_some_and(|at| at <= now);
        let all = self.liveness.broken.iter_mut();
        let due: Vec<ChannelId> = all
            .filter(|(_, broken)| due(broken))
            .map(|(id, broken)| {
                broken.reopen_at = None;
                *id
            })
            .collect();
        for id in due {
            if self.channels.get(&id).is_some_and(|c| c.closed) {
                self.with_main(|main| main.remember(id));
                self.open(id);
            }
        }
    }
}
