//! One channel of a client: what waits to be sent on it, and how much may be.

use std::collections::VecDeque;
use std::time::Duration;

use crate::channel::audio::server::{Playback, Record};
use crate::channel::common::SendWindow;
use crate::channel::common::messages::{ClientMessage, ServerMessage};
use crate::channel::{Fault, Message, cursor, display, inputs};
use crate::wire::Frame;

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) behaviour: Behaviour,
    /// Limits what is sent ahead of acknowledgements; `None` where nothing is acknowledged.
    pub(super) window: Option<SendWindow>,
    /// What waits to be sent.
    pub(super) queue: VecDeque<Frame>,
    /// Serial of the last frame sent.
    pub(super) sent: u64,
    pub(super) opened_at: Duration,
}

#[derive(Debug)]
pub(super) enum Behaviour {
    Main,
    Display(Box<display::Server>),
    Inputs(inputs::Server),
    Cursor(cursor::Server),
    Playback(Playback),
    Record(Record),
    /// Its state is in [`ServerSession::ports`], whether or not it is linked.
    Port,
}

impl Channel {
    /// Starts acknowledgements, ahead of everything else.
    pub(super) fn start_window(&mut self) {
        let (window, order) = SendWindow::new(SendWindow::REFERENCE);
        self.window = Some(window);
        self.queue
            .push_front(ServerMessage::SetAck(order).to_frame());
    }

    pub(super) fn is_open(&self) -> bool {
        self.window.as_ref().is_none_or(SendWindow::is_open)
    }

    /// Whether what would be queued could be sent at once.
    pub(super) fn has_room(&self) -> bool {
        self.queue.is_empty() && self.is_open()
    }

    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        if !self.is_open() {
            return None;
        }
        let mut frame = self.queue.pop_front()?;
        if let Some(window) = &mut self.window {
            window.sent();
        }
        self.sent += 1;
        frame.serial = self.sent;
        Some(frame)
    }

    pub(super) fn on_common(&mut self, frame: &Frame) -> Result<(), Fault> {
        let message = ClientMessage::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        match (message, &mut self.window) {
            (ClientMessage::AckSync(sync), Some(window)) => window.sync(sync.generation),
            (ClientMessage::Ack, Some(window)) => window.acknowledged(),
            (ClientMessage::AckSync(_) | ClientMessage::Ack, None) => {}
            // That something was said is all a PONG is asked for.
            (ClientMessage::Pong(_) | ClientMessage::Disconnecting(_), _) => {}
            (ClientMessage::MigrateFlushMark | ClientMessage::MigrateData(_), _) => {
                return Err(Fault::Violation(
                    "migration data without a migration".into(),
                ));
            }
            (ClientMessage::Unknown { number, .. }, _) => {
                return Err(Fault::unknown_message(number));
            }
        }
        Ok(())
    }
}
