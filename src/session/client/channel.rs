//! One channel of a session: its counts, and the frames it keeps while it waits.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::channel::common::AckWindow;
use crate::channel::shared::Shared;
use crate::channel::{Blocked, ChannelId, audio, cursor, display, inputs, main, port};
use crate::link::Established;
use crate::session::ChannelStats;
use crate::wire::{Frame, HeaderKind, Part, Parts};

/// Bytes a frame costs beside its body while it is kept for a channel that waits.
const PARKED_FRAME_BYTES: u64 = 128;

/// One channel, from the moment the session asked for it.
pub(super) struct Channel {
    /// Different for each channel there ever was in the session: a server may list an id again whose channel was closed.
    pub(super) life: u64,
    pub(super) link: Option<Established>,
    pub(super) closed: bool,
    pub(super) behaviour: Behaviour,
    pub(super) ack: AckWindow,
    /// Serial of the last frame sent.
    pub(super) sent: u64,
    /// Serial of the last frame that arrived.
    newest: u64,
    /// What is added to serials that are counted anew.
    serial_base: u64,
    /// Serial of the last frame that was handled completely.
    pub(super) handled: u64,
    pub(super) received: u64,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) waiting: Option<Waiting>,
    parked: VecDeque<Frame>,
    /// Bytes of `waiting` and `parked`.
    pub(super) parked_bytes: u64,
}

/// What a channel does with its messages. Kinds nobody opens have none.
pub(super) enum Behaviour {
    Main(Box<main::Client>),
    Display(Box<display::Client>),
    Inputs(inputs::Client),
    Cursor(cursor::Client),
    Playback(audio::Playback),
    Record(audio::Record),
    Port(port::Client),
}

/// A frame that could not be finished.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) why: Blocked,
    pub(super) until: Duration,
    pub(super) serial: u64,
    /// What is left of the frame, the blocked part first.
    pub(super) parts: Parts,
    pub(super) bytes: u64,
}

impl Waiting {
    /// The bodies of a frame's parts lie in its body and may overlap, so that their sum would be too much.
    pub(super) fn bytes(parts: &[Part]) -> u64 {
        let longest = parts.iter().map(|part| part.body.len()).max();
        longest.unwrap_or(0) as u64 + PARKED_FRAME_BYTES
    }
}

impl Channel {
    pub(super) fn new(life: u64, behaviour: Behaviour) -> Self {
        Self {
            life,
            link: None,
            closed: false,
            behaviour,
            ack: AckWindow::default(),
            sent: 0,
            newest: 0,
            serial_base: 0,
            handled: 0,
            received: 0,
            bytes_received: 0,
            bytes_sent: 0,
            waiting: None,
            parked: VecDeque::new(),
            parked_bytes: 0,
        }
    }

    /// The same channel of a session beside this one; `None` where it cannot be copied.
    pub(super) fn fork(&self, shared: &Shared) -> Option<Self> {
        self.copy(|display| display.fork(shared))
    }

    /// The same without what cannot be copied of its videos.
    pub(super) fn still(&self, shared: &Shared) -> Option<Self> {
        self.copy(|display| display.still(shared))
    }

    fn copy(
        &self,
        display: impl FnOnce(&display::Client) -> Option<display::Client>,
    ) -> Option<Self> {
        let behaviour = match &self.behaviour {
            Behaviour::Main(main) => Behaviour::Main(main.clone()),
            Behaviour::Display(client) => Behaviour::Display(Box::new(display(client)?)),
            Behaviour::Inputs(inputs) => Behaviour::Inputs(inputs.clone()),
            Behaviour::Cursor(cursor) => Behaviour::Cursor(cursor.clone()),
            Behaviour::Playback(playback) => Behaviour::Playback(playback.clone()),
            Behaviour::Record(record) => Behaviour::Record(record.clone()),
            Behaviour::Port(port) => Behaviour::Port(port.clone()),
        };
        Some(Self {
            link: self.link.clone(),
            behaviour,
            ack: self.ack.clone(),
            waiting: self.waiting.clone(),
            parked: self.parked.clone(),
            ..*self
        })
    }

    /// The channel continues over another connection, whose server has its state: serials go on, and acknowledgements are
    /// asked for again.
    pub(super) fn change_over(&mut self, link: Established) {
        self.link = Some(link);
        self.ack = AckWindow::default();
        self.serial_base = self.newest;
    }

    /// The channel begins anew over another connection.
    pub(super) fn begin_anew(&mut self, link: Established) {
        self.link = Some(link);
        self.ack = AckWindow::default();
        (self.sent, self.handled, self.newest, self.serial_base) = (0, 0, 0, 0);
        (self.waiting, self.parked, self.parked_bytes) = (None, VecDeque::new(), 0);
    }

    /// Counts a frame that arrived, and gives it its serial.
    pub(super) fn arrived(&mut self, frame: &mut Frame) {
        self.received += 1;
        self.bytes_received += self.frame_bytes(frame);
        let header = self.link.as_ref().map(|link| link.header);
        if header == Some(HeaderKind::Mini) {
            frame.serial = frame.serial.saturating_add(self.serial_base);
        }
        self.newest = frame.serial;
    }

    pub(super) fn display_mut(&mut self) -> Option<&mut display::Client> {
        match &mut self.behaviour {
            Behaviour::Display(display) => Some(display),
            _ => None,
        }
    }

    /// Keeps a frame until the wait is over. Its body is copied: it may be the last that needs a large receive buffer.
    pub(super) fn park(&mut self, frame: Frame) {
        self.parked_bytes += frame.body.len() as u64 + PARKED_FRAME_BYTES;
        self.parked.push_back(Frame {
            body: Bytes::copy_from_slice(&frame.body),
            ..frame
        });
    }

    pub(super) fn unpark(&mut self) -> Option<Frame> {
        let frame = self.parked.pop_front()?;
        if self.parked.is_empty() {
            // A long queue leaves a large buffer.
            self.parked = VecDeque::new();
        }
        self.parked_bytes -= frame.body.len() as u64 + PARKED_FRAME_BYTES;
        Some(frame)
    }

    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.take()?;
        self.parked_bytes -= waiting.bytes;
        Some(waiting)
    }

    /// Frees what a channel holds that is gone. Of a display the screen stays as it was last.
    pub(super) fn close(&mut self, shared: &mut Shared) {
        self.closed = true;
        (self.waiting, self.parked, self.parked_bytes) = (None, VecDeque::new(), 0);
        match &mut self.behaviour {
            Behaviour::Display(display) => display.retire(shared),
            Behaviour::Cursor(cursor) => cursor.forget_all(),
            Behaviour::Playback(_) => shared.media.hear_nothing(),
            Behaviour::Port(port) => *port = port::Client::default(),
            Behaviour::Main(_) | Behaviour::Inputs(_) | Behaviour::Record(_) => {}
        }
    }

    pub(super) fn frame_bytes(&self, frame: &Frame) -> u64 {
        let header = self
            .link
            .as_ref()
            .map(|l| l.header)
            .unwrap_or_default()
            .bytes();
        (header + frame.body.len()) as u64
    }

    pub(super) fn stats(&self, id: ChannelId) -> ChannelStats {
        let link = self.link.clone().unwrap_or_default();
        ChannelStats {
            id,
            state: match () {
                _ if self.closed => "closed",
                _ if self.waiting.is_some() => "waiting",
                _ if self.link.is_some() => "open",
                _ => "linking",
            },
            capabilities: [link.client, link.server],
            header: link.header,
            messages: [self.received, self.sent],
            bytes: [self.bytes_received, self.bytes_sent],
            ack_window: [self.ack.size(), self.ack.filled()],
        }
    }
}
