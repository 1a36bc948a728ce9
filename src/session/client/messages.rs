//! What a session does with the messages of its channels: counting, acknowledging, answering, handing on.

use std::collections::VecDeque;
use std::time::Duration;

use super::ClientSession;
use super::channel::Behaviour;
use crate::channel::common::messages::{ClientMessage, Pong, ServerMessage, WaitForChannels};
use crate::channel::{Blocked, ChannelId, ChannelKind, Message};
use crate::channel::{cursor, display, main};
use crate::session::ClientEvent;
use crate::wire::{Decode, Frame, Part, Parts, Reader, parts};

impl ClientSession {
    /// Counts a frame, acknowledges it if due, and acts on its messages.
    pub(super) fn handle(&mut self, id: ChannelId, frame: Frame, now: Duration) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        if channel.ack.count() {
            self.with(id, now, |_, cx| {
                cx.send(&ClientMessage::Ack);
                Ok(())
            });
        }
        let (number, serial) = (frame.number, frame.serial);
        let (parts, damage) = parts(frame);
        if let Some(damage) = damage {
            self.notice(Some(id), format!("message {number}: {damage}"));
        }
        self.handle_parts(id, serial, parts, now);
    }

    /// Acts on the messages of one frame, as far as they go.
    pub(super) fn handle_parts(
        &mut self,
        id: ChannelId,
        serial: u64,
        mut parts: Parts,
        now: Duration,
    ) {
        while let Some(part) = parts.first() {
            if let Some(why) = self.handle_part(id, part, now) {
                if !self.may_come_true(id, &why) {
                    let part = parts.remove(0);
                    self.finish_without(id, &part, now);
                    continue;
                }
                self.begin_to_wait(id, why, serial, parts, now);
                return;
            }
            parts.remove(0);
        }
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.handled = serial;
        }
    }

    /// Acts on one message; why it has to wait, if it does.
    fn handle_part(&mut self, id: ChannelId, part: &Part, now: Duration) -> Option<Blocked> {
        if part.number <= 100 {
            return self.handle_common(id, part, now);
        }
        if is_inval_all_pixmaps(id, part)
            && let Ok(wait) =
                WaitForChannels::decode(&mut Reader::new("INVAL_ALL_PIXMAPS", &part.body))
            && let Some(blocked) = self.wait(id, wait)
        {
            return Some(blocked);
        }
        if id == ChannelId::MAIN && self.on_main_migration(part, now) {
            return None;
        }
        self.dispatch(id, part, now)
    }

    /// Gives a message to its channel; why it has to wait, if it does.
    pub(super) fn dispatch(
        &mut self,
        id: ChannelId,
        part: &Part,
        now: Duration,
    ) -> Option<Blocked> {
        let room = self.cursor_room(id);
        let mut blocked = None;
        let mut main_events = Vec::new();
        let mut cursor_events = VecDeque::new();
        let mut inputs_events = Vec::new();
        let mut told = Vec::new();
        let mut open = Vec::new();
        self.with(id, now, |channel, cx| {
            match &mut channel.behaviour {
                Behaviour::Main(main) => main.on_part(part, cx, &mut main_events, &mut open)?,
                Behaviour::Display(display) => blocked = display.on_part(part, cx)?,
                Behaviour::Inputs(inputs) => inputs.on_part(part, cx, &mut inputs_events),
                Behaviour::Cursor(cursor) => {
                    cursor.set_room(room);
                    let message = cursor::messages::ServerMessage::decode(part.number, &part.body);
                    let result = message.map_err(|error| error.to_string());
                    if let Err(text) =
                        result.and_then(|m| cursor.on_message(&m, &mut cursor_events))
                    {
                        cx.notice(text);
                    }
                }
                Behaviour::Playback(_) | Behaviour::Record(_) | Behaviour::Port(_) => {
                    channel.on_sound_or_port(part, cx, &mut told)?;
                }
            }
            Ok(())
        });
        for event in told {
            self.tell_sound_or_port(event, now);
        }
        self.trim_spares(id);
        for event in main_events {
            if let main::Event::Name(name) = &event {
                self.name = Some(name.clone());
            }
            self.push_latest(ClientEvent::Main(event));
        }
        for event in inputs_events {
            self.push_latest(ClientEvent::Inputs(event));
        }
        for event in cursor_events {
            self.push_latest(ClientEvent::Cursor(event));
        }
        if id == ChannelId::MAIN && part.number == CHANNELS_LIST && self.take_asked() {
            self.open_unknown(open);
        } else {
            open.into_iter().for_each(|channel| self.open(channel));
        }
        if id == ChannelId::MAIN {
            self.go_on_after_init(now);
        }
        blocked
    }

    /// Bytes the cache of a cursor channel may hold beside those of the others.
    fn cursor_room(&self, id: ChannelId) -> usize {
        if id.kind != ChannelKind::Cursor {
            return 0;
        }
        let others = self.channels.iter().filter(|(other, _)| **other != id);
        let held = others.filter_map(|(_, c)| match &c.behaviour {
            Behaviour::Cursor(cursor) => Some(cursor.cached_bytes()),
            _ => None,
        });
        cursor::MAX_SHAPE_BYTES.saturating_sub(held.sum())
    }

    /// Image buffers are kept for the display that was used last if all displays together keep too much.
    fn trim_spares(&mut self, id: ChannelId) {
        let kept: usize = self.displays().map(|(_, d)| d.spare_bytes()).sum();
        if id.kind == ChannelKind::Display && kept > display::SPARE_BYTES {
            let others = self.channels.iter_mut().filter(|(other, _)| **other != id);
            others
                .filter_map(|(_, c)| c.display_mut())
                .for_each(display::Client::drop_spares);
        }
    }

    fn handle_common(&mut self, id: ChannelId, part: &Part, now: Duration) -> Option<Blocked> {
        let message = match ServerMessage::decode(part.number, &part.body) {
            Ok(message) => message,
            Err(error) => {
                self.notice(Some(id), error.to_string());
                return None;
            }
        };
        match message {
            ServerMessage::SetAck(order) => self.with(id, now, |channel, cx| {
                let sync = channel.ack.restart(&order);
                cx.send(&ClientMessage::AckSync(sync));
                Ok(())
            }),
            ServerMessage::Ping(ping) => self.with(id, now, |_, cx| {
                cx.send(&ClientMessage::Pong(Pong {
                    id: ping.id,
                    timestamp: ping.timestamp,
                }));
                Ok(())
            }),
            ServerMessage::WaitForChannels(wait) => return self.wait(id, wait),
            ServerMessage::Notify(notify) => {
                let text: String = String::from_utf8_lossy(notify.message)
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(500)
                    .collect();
                self.notice(Some(id), format!("the server says: {text}"));
            }
            ServerMessage::Disconnecting(why) => {
                self.notice(
                    Some(id),
                    format!("the server disconnects, reason {}", why.reason),
                );
            }
            ServerMessage::Migrate(migrate) => self.on_migrate(id, migrate.flags, now),
            ServerMessage::MigrateData(_) => self.on_migrate_data(id, &part.body, now),
            // Framing has taken it apart.
            ServerMessage::List(_) => {}
            ServerMessage::Unknown { number, .. } => {
                self.notice(Some(id), format!("unknown message {number}"));
            }
        }
        None
    }
}

/// The number of CHANNELS_LIST, on main.
const CHANNELS_LIST: u16 = 104;

/// INVAL_ALL_PIXMAPS: a message of display channels that begins with a wait for other channels.
fn is_inval_all_pixmaps(id: ChannelId, part: &Part) -> bool {
    id.kind == ChannelKind::Display && part.number == 106
}
