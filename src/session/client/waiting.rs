//! Channels that wait, for another channel or for a job: how long, and what of theirs is kept meanwhile.

use std::time::Duration;

use super::ClientSession;
use super::channel::{Behaviour, Channel, Waiting};
use crate::channel::common::messages::{Wait, WaitForChannels};
use crate::channel::{Blocked, ChannelId, ChannelKind};
use crate::session::memory::MAX_PARKED_BYTES;
use crate::wire::{Part, Parts};

/// How long a channel waits for another one before it goes on without.
const PATIENCE: Duration = Duration::from_secs(5);

impl ClientSession {
    /// A channel whose frames are too many to be kept waits no longer.
    pub(super) fn park_no_more_than_allowed(&mut self, id: ChannelId, now: Duration) {
        while self.parked_bytes() > MAX_PARKED_BYTES
            && self.channels.get(&id).is_some_and(|c| c.waiting.is_some())
        {
            self.give_up(id, now);
        }
        self.resume(now);
    }

    pub(super) fn parked_bytes(&self) -> u64 {
        self.channels.values().map(|c| c.parked_bytes).sum()
    }

    /// Keeps what is left of a frame, its first part being blocked.
    pub(super) fn begin_to_wait(
        &mut self,
        id: ChannelId,
        why: Blocked,
        serial: u64,
        parts: Parts,
        now: Duration,
    ) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        let bytes = Waiting::bytes(&parts);
        channel.parked_bytes += bytes;
        channel.waiting = Some(Waiting {
            until: now + patience(&why),
            why,
            serial,
            parts,
            bytes,
        });
    }

    /// Ends the waits that have lasted too long.
    pub(super) fn give_up_late(&mut self, now: Duration) {
        let late: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, c)| c.waiting.as_ref().is_some_and(|w| w.until <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.give_up(id, now);
        }
        self.resume(now);
    }

    /// Ends the wait of a channel whose reason is still there.
    fn give_up(&mut self, id: ChannelId, now: Duration) {
        let Some(waiting) = self.channels.get_mut(&id).and_then(Channel::take_waiting) else {
            return;
        };
        self.notice(Some(id), format!("gave up waiting for {}", waiting.why));
        let mut parts = waiting.parts;
        // What a job does not manage to decode would hold up everything here.
        if !parts.is_empty() {
            let part = parts.remove(0);
            if waiting.why != Blocked::Decoding {
                self.finish_without(id, &part, now);
            }
        }
        self.handle_parts(id, waiting.serial, parts, now);
        self.unpark(id, now);
    }

    /// Acts on a message as far as that is possible without what it waits for: other images it brings are still kept.
    pub(super) fn finish_without(&mut self, id: ChannelId, part: &Part, now: Duration) {
        if part.number > 100 {
            self.shared.impatient = true;
            self.dispatch(id, part, now);
            self.shared.impatient = false;
        }
    }

    /// What of these waits is still open.
    pub(super) fn wait(&self, id: ChannelId, wait: WaitForChannels) -> Option<Blocked> {
        let open: Vec<Wait> = wait
            .waits
            .into_iter()
            .filter(|w| !self.has_handled(id, w))
            .collect();
        (!open.is_empty()).then_some(Blocked::Channels(open))
    }

    /// Whether another channel could still bring what a message waits for.
    pub(super) fn may_come_true(&self, id: ChannelId, why: &Blocked) -> bool {
        let other_display = |(other, c): (&ChannelId, &Channel)| {
            *other != id && other.kind == ChannelKind::Display && !c.closed
        };
        matches!(why, Blocked::Channels(_) | Blocked::Decoding)
            || self.channels.iter().any(other_display)
    }

    /// Whether the channel a wait names has got that far. One that does not exist, is gone, or is the waiting one
    /// itself is not waited for.
    fn has_handled(&self, waiting: ChannelId, wait: &Wait) -> bool {
        wait.channel == waiting
            || self
                .channels
                .get(&wait.channel)
                .is_none_or(|c| c.closed || c.handled >= wait.serial)
    }

    /// Lets waiting channels go on whose reason is gone, as long as that sets others free.
    pub(super) fn resume(&mut self, now: Duration) {
        loop {
            let free = self.channels.iter().find_map(|(id, channel)| {
                let why = &channel.waiting.as_ref()?.why;
                let over = match why {
                    Blocked::Channels(waits) => waits.iter().all(|w| self.has_handled(*id, w)),
                    // It came, or came and went.
                    Blocked::GlzImage(image) => !self.shared.glz.may_arrive(*image),
                    Blocked::Pixmap { id, lossless } => {
                        self.shared.pixmaps.contains(*id, *lossless)
                    }
                    Blocked::Decoding => match &channel.behaviour {
                        Behaviour::Display(display) => !display.is_decoding(),
                        _ => true,
                    },
                };
                (over || !self.may_come_true(*id, why)).then_some(*id)
            });
            let Some(id) = free else { return };
            let Some(waiting) = self.channels.get_mut(&id).and_then(Channel::take_waiting) else {
                return;
            };
            self.handle_parts(id, waiting.serial, waiting.parts, now);
            self.unpark(id, now);
        }
    }

    /// Handles what arrived while the channel waited, until it has to wait again.
    fn unpark(&mut self, id: ChannelId, now: Duration) {
        while let Some(channel) = self.channels.get_mut(&id).filter(|c| c.waiting.is_none()) {
            let Some(frame) = channel.unpark() else {
                return;
            };
            self.handle(id, frame, now);
        }
    }
}

/// How long a channel waits.
fn patience(why: &Blocked) -> Duration {
    match why {
        // It always comes, unless whoever drives the session is stuck.
        Blocked::Decoding => 12 * PATIENCE,
        _ => PATIENCE,
    }
}
