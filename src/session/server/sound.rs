//! Sound, both ways.

use std::time::Duration;

use super::channel::Behaviour;
use super::{PLAYBACK, RECORD, ServerSession};
use crate::channel::audio::server::{PlaybackOrder, RecordOrder};
use crate::channel::audio::{Format, Mode, Packet};
use crate::channel::{ChannelId, main};

impl ServerSession {
    /// How sound of this format is to be coded for the client; `None` while it takes no sound.
    pub fn playback_mode(&self, format: Format) -> Option<Mode> {
        match &self.channels.get(&PLAYBACK)?.behaviour {
            Behaviour::Playback(playback) => Some(playback.mode(format)),
            _ => None,
        }
    }

    /// Plays to the client, if it takes sound. Whoever gives more than the connection takes has it waiting here.
    pub fn play(&mut self, order: PlaybackOrder, now: Duration) {
        let time = self.media_ms(now);
        let Some(channel) = self.channels.get_mut(&PLAYBACK) else {
            return;
        };
        let Behaviour::Playback(playback) = &mut channel.behaviour else {
            return;
        };
        let mut outbox = Vec::new();
        let ran = playback.is_running();
        playback.on_order(order, time, &mut outbox);
        let is_over = ran && !playback.is_running();
        channel.queue.extend(outbox);
        if is_over && let Some(main) = self.channels.get_mut(&ChannelId::MAIN) {
            // The client's clock followed the sound.
            let mut outbox = Vec::new();
            main::Server::tell_time(time, &mut outbox);
            main.queue.extend(outbox);
        }
    }

    /// Wants something of the client's microphone, if it offers one.
    pub fn listen(&mut self, order: RecordOrder) {
        if let Some(channel) = self.channels.get_mut(&RECORD)
            && let Behaviour::Record(record) = &mut channel.behaviour
        {
            let mut outbox = Vec::new();
            record.on_order(order, &mut outbox);
            channel.queue.extend(outbox);
        }
    }

    /// What the client's user said, next. What nobody takes is dropped after 64 packets.
    pub fn poll_recorded(&mut self) -> Option<Packet> {
        self.recorded.pop_front()
    }

    /// The server's media clock, wrapping milliseconds.
    pub(super) fn media_ms(&self, now: Duration) -> u32 {
        self.greeting.media_ms.wrapping_add(now.as_millis() as u32)
    }
}
