//! Sound and ports: streams of bytes that pass through a session, and how much of them waits for a slow user.

use std::time::Duration;

use super::ClientSession;
use super::channel::{Behaviour, Channel};
use crate::channel::audio::{Packet, PlaybackEvent};
use crate::channel::{ChannelId, ChannelKind, Cx, Fault, port};
use crate::session::ClientEvent;
use crate::wire::Part;

/// The one playback channel.
const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);

/// The one record channel.
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

/// Events of the playback channel that wait for the user: some seconds of sound.
const MOST_SOUND: usize = 512;

/// Bytes of sound that wait for the user.
const MOST_SOUND_BYTES: usize = 2 << 20;

/// Bytes of ports that wait for the user before no more are taken from the server, each event counted as 64 at least.
const MOST_PORT_BYTES: usize = 256 << 10;

/// What one message can add to that.
const MOST_IN_A_FRAME: usize = 1 << 20;

impl Channel {
    /// Acts on a message of a sound or port channel.
    pub(super) fn on_sound_or_port(
        &mut self,
        part: &Part,
        cx: &mut Cx<'_>,
        told: &mut Vec<ClientEvent>,
    ) -> Result<(), Fault> {
        match &mut self.behaviour {
            Behaviour::Playback(playback) => {
                let mut events = Vec::new();
                playback.on_part(part, cx, &mut events);
                told.extend(events.into_iter().map(ClientEvent::Playback));
            }
            Behaviour::Record(record) => {
                let mut events = Vec::new();
                record.on_part(part, cx, &mut events);
                told.extend(events.into_iter().map(ClientEvent::Record));
            }
            Behaviour::Port(port) => {
                let mut events = Vec::new();
                port.on_part(part, cx, &mut events)?;
                told.extend(events.into_iter().map(ClientEvent::Port));
            }
            _ => {}
        }
        Ok(())
    }
}

impl ClientSession {
    /// Queues an event of a sound or port channel, within their bounds.
    pub(super) fn tell_sound_or_port(&mut self, event: ClientEvent, now: Duration) {
        match event {
            ClientEvent::Playback(
                PlaybackEvent::Started(_) | PlaybackEvent::Packet { .. } | PlaybackEvent::Stopped,
            ) => {
                self.events.push_back(event);
                self.drop_sound_nobody_takes();
            }
            ClientEvent::Record(_) | ClientEvent::Playback(_) => self.push_latest(event),
            ClientEvent::Port(event) => {
                let id = ChannelId::new(ChannelKind::Port, event.port);
                self.events.push_back(ClientEvent::Port(event));
                if self.port_bytes() > MOST_PORT_BYTES + MOST_IN_A_FRAME {
                    // Whoever drives the session does not keep frames back.
                    self.with(id, now, |_, _| {
                        let text = "nobody takes what the port says".to_owned();
                        Err(Fault::Limit(text))
                    });
                }
            }
            _ => {}
        }
    }

    /// Whether the user has taken enough of what ports say for more.
    pub(super) fn has_room_for_ports(&self) -> bool {
        self.port_bytes() < MOST_PORT_BYTES
    }

    /// Bytes the user gave for ports that are not sent.
    pub(super) fn unsent_bytes(&self) -> u64 {
        self.channels
            .values()
            .map(|channel| match &channel.behaviour {
                Behaviour::Port(port) => port.unsent_bytes() as u64,
                _ => 0,
            })
            .sum()
    }

    /// The channels that want to know when their connection has passed on all it was given; then
    /// [`flushed`](Self::flushed) is to be called.
    pub fn await_flush(&self) -> impl Iterator<Item = ChannelId> + '_ {
        let waits = |c: &Channel| match &c.behaviour {
            Behaviour::Port(port) => port.awaits_flush(),
            _ => false,
        };
        self.channels
            .iter()
            .filter(move |(_, c)| waits(c))
            .map(|(id, _)| *id)
    }

    /// A channel's connection has passed on all it was given.
    pub fn flushed(&mut self, id: ChannelId, now: Duration) {
        self.with_port(id, now, |port, cx, events| port.on_flushed(cx, events));
    }

    pub(super) fn order_port(&mut self, order: port::Order, now: Duration) {
        let id = ChannelId::new(ChannelKind::Port, order.port());
        self.with_port(id, now, |port, cx, events| port.on_order(order, cx, events));
    }

    fn with_port(
        &mut self,
        id: ChannelId,
        now: Duration,
        act: impl FnOnce(&mut port::Client, &mut Cx<'_>, &mut Vec<port::Event>),
    ) {
        let mut events = Vec::new();
        self.with(id, now, |channel, cx| {
            if let Behaviour::Port(port) = &mut channel.behaviour {
                act(port, cx, &mut events);
            }
            Ok(())
        });
        for event in events {
            self.tell_sound_or_port(ClientEvent::Port(event), now);
        }
    }

    pub(super) fn hear(&mut self, delay: Duration, now: Duration) {
        self.with(PLAYBACK, now, |channel, cx| {
            if let Behaviour::Playback(playback) = &mut channel.behaviour {
                playback.on_delay(delay, cx);
            }
            Ok(())
        });
    }

    pub(super) fn record(&mut self, packet: &Packet, now: Duration) {
        self.with(RECORD, now, |channel, cx| {
            if let Behaviour::Record(record) = &mut channel.behaviour {
                record.send(packet, cx);
            }
            Ok(())
        });
    }

    /// Starts anew with what is playing now when too much sound waits for the user.
    fn drop_sound_nobody_takes(&mut self) {
        let (mut count, mut bytes) = (0, 0);
        for event in &self.events {
            if let ClientEvent::Playback(event) = event {
                count += 1;
                bytes += match event {
                    PlaybackEvent::Packet { packet, .. } => packet.data.len(),
                    _ => 0,
                };
            }
        }
        if count <= MOST_SOUND && bytes <= MOST_SOUND_BYTES {
            return;
        }
        let is_stream = |event: &ClientEvent| {
            use PlaybackEvent::{Packet, Started, Stopped};
            matches!(
                event,
                ClientEvent::Playback(Started(_) | Packet { .. } | Stopped)
            )
        };
        self.events.retain(|event| !is_stream(event));
        let running = match self.channels.get(&PLAYBACK).map(|c| &c.behaviour) {
            Some(Behaviour::Playback(playback)) => playback.running(),
            _ => None,
        };
        let begins = running.map(PlaybackEvent::Started);
        for event in [PlaybackEvent::Stopped].into_iter().chain(begins) {
            self.events.push_back(ClientEvent::Playback(event));
        }
        let text = "sound came faster than it was taken; some is lost".to_owned();
        self.notice(Some(PLAYBACK), text);
    }

    fn port_bytes(&self) -> usize {
        let bytes = |event: &ClientEvent| match event {
            ClientEvent::Port(port::Event {
                what: port::Happening::Data(data),
                ..
            }) => data.len().max(64),
            ClientEvent::Port(_) => 64,
            _ => 0,
        };
        self.events.iter().map(bytes).sum()
    }
}
