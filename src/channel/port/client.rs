//! The client's side of a port: what comes is told, what goes waits its turn.

use std::collections::VecDeque;

use bytes::Bytes;

use super::messages::{ClientMessage, EventKind, PortEvent, ServerMessage};
use super::{Event, Happening, Order};
use crate::channel::common::messages::Opaque;
use crate::channel::{Cx, Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Part;

/// Most bytes of the user's that wait to be sent.
pub const MAX_UNSENT: usize = 1 << 20;

/// Most bytes of one message to the server. Small, so that little of what the guest does not read is on its way.
const PIECE: usize = 4 << 10;

/// Longest name taken over, bytes.
const MAX_NAME: usize = 256;

/// Follows one port.
#[derive(Clone, Debug, Default)]
pub struct Client {
    port: u8,
    named: bool,
    opened: bool,
    unsent: VecDeque<Bytes>,
    /// Bytes of `unsent`.
    unsent_bytes: usize,
    /// Bytes given to the connection that it has not passed on.
    in_flight: usize,
}

impl Client {
    /// The port of channel `port`, before it has said its name.
    pub fn new(port: u8) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// What this client announces on port channels: nothing of their own. Data comes as it is.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::CLIENT_COMMON, &[])
    }

    /// Bytes that wait to be sent.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Whether it wants to know that the connection has passed on what it was given.
    pub fn awaits_flush(&self) -> bool {
        self.in_flight > 0
    }

    /// Acts on one message.
    ///
    /// # Errors
    ///
    /// When the server compresses, which was not announced: the stream would have a hole.
    pub fn on_part(
        &mut self,
        part: &Part,
        cx: &mut Cx<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let message = match ServerMessage::decode(part.number, &part.body) {
            Ok(message) => message,
            Err(error) => {
                cx.notice(error.to_string());
                return Ok(());
            }
        };
        match message {
            ServerMessage::Data(data) => self.on_data(data.0, events),
            ServerMessage::Init(init) => {
                let opened = init.opened != 0;
                if std::mem::replace(&mut self.named, true) {
                    cx.notice("a second name of the port");
                } else {
                    self.opened = opened;
                    let name = name(init.name);
                    self.tell(Happening::Named { name, opened }, events);
                }
            }
            ServerMessage::Event(PortEvent { event }) => self.on_event(event, cx, events),
            ServerMessage::CompressedData(_) => {
                let text = "the server compresses a port's data unasked".to_owned();
                return Err(Fault::Violation(text));
            }
            ServerMessage::Unknown { number, .. } => cx.notice(format!("unknown message {number}")),
        }
        Ok(())
    }

    /// Does what the user wants.
    pub fn on_order(&mut self, order: Order, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        match order {
            Order::Break { .. } => cx.send(&ClientMessage::Event(PortEvent {
                event: EventKind::Break,
            })),
            Order::Write { data, .. } => self.write(data, cx, events),
        }
    }

    /// The connection has passed on what it was given.
    pub fn on_flushed(&mut self, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        let written = std::mem::take(&mut self.in_flight);
        if written > 0 {
            self.tell(Happening::Written(written), events);
            self.send_some(cx);
        }
    }

    /// Bytes of a port that nobody has open are lost at best, and found by somebody else at worst: they are not sent, and
    /// count as written.
    fn write(&mut self, data: Bytes, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        if !self.opened {
            cx.notice("nobody has the port open in the guest; what is typed is dropped");
            self.tell(Happening::Written(data.len()), events);
        } else if self.unsent_bytes + data.len() > MAX_UNSENT {
            cx.notice("the guest does not read the port; what is typed is dropped");
            self.tell(Happening::Written(data.len()), events);
        } else if !data.is_empty() {
            self.unsent_bytes += data.len();
            self.unsent.push_back(data);
            self.send_some(cx);
        }
    }

    fn send_some(&mut self, cx: &mut Cx<'_>) {
        if self.in_flight > 0 {
            return;
        }
        let Some(next) = self.unsent.front_mut() else {
            return;
        };
        let piece = next.split_to(next.len().min(PIECE));
        if next.is_empty() {
            self.unsent.pop_front();
        }
        self.unsent_bytes -= piece.len();
        self.in_flight = piece.len();
        cx.send(&ClientMessage::Data(Opaque(&piece)));
    }

    fn on_data(&mut self, data: &[u8], events: &mut Vec<Event>) {
        // Data comes from somebody who has the port open.
        if !self.opened {
            self.opened = true;
            self.tell(Happening::Opened, events);
        }
        if !data.is_empty() {
            self.tell(Happening::Data(Bytes::copy_from_slice(data)), events);
        }
    }

    fn on_event(&mut self, event: EventKind, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        match event {
            EventKind::Opened if !self.opened => {
                self.opened = true;
                self.tell(Happening::Opened, events);
            }
            EventKind::Closed if self.opened => {
                self.opened = false;
                self.tell(Happening::Closed, events);
            }
            EventKind::Opened | EventKind::Closed => {}
            EventKind::Break => self.tell(Happening::Break, events),
            EventKind::Other(number) => cx.notice(format!("unknown event {number} of a port")),
        }
    }

    fn tell(&self, what: Happening, events: &mut Vec<Event>) {
        let port = self.port;
        events.push(Event { port, what });
    }
}

/// A port's name: up to its NUL, cut to a sane length, without control characters.
fn name(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_NAME)]);
    text.chars().filter(|c| !c.is_control()).collect()
}
