//! The server's side of all channels of one connected client.

mod channel;
mod sound;
mod tunnels;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use channel::{Behaviour, Channel};

use crate::channel::audio::Packet;
use crate::channel::audio::server::{Offer, Playback, Record};
use crate::channel::common::messages::{Ping, ServerMessage};
use crate::channel::display::Compression;
use crate::channel::inputs::{InputEvent, Surroundings};
use crate::channel::main::{Greeting, MouseMode};
use crate::channel::{ChannelId, ChannelKind, Fault, Message, cursor, display, inputs, main, port};
use crate::geometry::Size;
use crate::link::{Capabilities, Established};
use crate::session::{Notice, Output};
use crate::wire::Frame;

/// The channels a server offers besides main and ports.
const OFFERED: [ChannelId; 3] = [
    ChannelId::new(ChannelKind::Display, 0),
    ChannelId::INPUTS,
    ChannelId::new(ChannelKind::Cursor, 0),
];

/// The channels of sound, where they are offered.
const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

/// Packets of the client's sound that wait to be taken. Beyond, the oldest go.
const MOST_RECORDED: usize = 64;
/// Most ports of a server: no client of ours opens more channels of a kind.
pub const MAX_PORTS: usize = 16;

/// How long a display channel may go without the client's INIT.
const INIT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may say nothing before it is asked whether it is there.
const QUIET: Duration = Duration::from_secs(30);

/// How long it may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Numbers below this one are the same on every channel.
const COMMON_END: u16 = 101;

/// What happened to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A viewer is there.
    Connected {
        /// Where it connected from, for people.
        peer: String,
    },
    /// The viewer's user did this. Positions lie on the screen; every key and button that went down also goes up.
    Input(InputEvent),
    /// The viewer reports pointer movement in this way from now on.
    MouseMode(MouseMode),
    /// The viewer's user signals a break on a port, which means to a serial console that the next key is for the kernel.
    Break {
        /// The number of the port, in the order they are offered in.
        port: u8,
    },
    /// Something the user of the server may want to know but need not handle.
    Notice(Notice),
    /// The viewer is gone.
    Disconnected(Parting),
}

/// Why a server and a viewer parted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parting {
    /// The viewer closed the connection.
    Left,
    /// Another viewer connected.
    TakenOver,
    /// The viewer broke the protocol.
    Fault(Fault),
    /// The connection broke.
    Broken(String),
    /// The viewer did not answer for a minute.
    Silent,
    /// The server ends.
    Shutdown,
}

/// All channels of one connected client, without any I/O.
///
/// Call [`opened`](Self::opened), [`receive`](Self::receive), [`closed`](Self::closed) and [`tick`](Self::tick) as
/// things happen; after each, take what [`poll_output`](Self::poll_output) and [`poll_event`](Self::poll_event) have.
/// Pixels are given with [`draw`](Self::draw) when [`wants_picture`](Self::wants_picture) says so, and not before: what
/// changes meanwhile merges outside.
#[derive(Debug)]
pub struct ServerSession {
    greeting: Greeting,
    compression: Compression,
    /// Whether a display channel was ever opened.
    had_display: bool,
    main: main::Server,
    channels: BTreeMap<ChannelId, Channel>,
    /// By their channels' numbers. INVARIANT: at most [`MAX_PORTS`].
    ports: Vec<port::Server>,
    /// What the client did to ports, with their numbers.
    to_ports: VecDeque<(u8, port::Received)>,
    closing: VecDeque<ChannelId>,
    events: VecDeque<ServerEvent>,
    offer: Offer,
    recorded: VecDeque<Packet>,
    /// When the client was last heard of.
    heard: Duration,
    /// When it was asked whether it is there; `None` once it has said anything.
    asked: Option<Duration>,
    ended: Option<Parting>,
}

impl ServerSession {
    /// A session whose main channel is about to be opened.
    pub fn new(greeting: Greeting, compression: impl Into<Compression>) -> Self {
        Self {
            greeting,
            compression: compression.into(),
            had_display: false,
            main: main::Server::default(),
            channels: BTreeMap::new(),
            ports: Vec::new(),
            to_ports: VecDeque::new(),
            closing: VecDeque::new(),
            events: VecDeque::new(),
            offer: Offer::Nothing,
            recorded: VecDeque::new(),
            heard: Duration::ZERO,
            asked: None,
            ended: None,
        }
    }

    /// What to announce when this channel is linked; `None` for a channel that does not exist.
    pub fn capabilities(id: ChannelId) -> Option<Capabilities> {
        match id.kind {
            ChannelKind::Main => Some(main::Server::capabilities()),
            // Which there are is known to the session alone.
            ChannelKind::Port => Some(port::Server::capabilities()),
            _ if !OFFERED.contains(&id) => None,
            ChannelKind::Display => Some(display::Server::capabilities()),
            ChannelKind::Inputs => Some(inputs::Server::capabilities()),
            _ => Some(cursor::Server::capabilities()),
        }
    }

    /// With sound both ways.
    pub fn with_sound(self, offer: Offer) -> Self {
        Self { offer, ..self }
    }

    /// What to announce when a channel of sound is linked, where that is offered; `None` for any other channel.
    pub fn sound_capabilities(id: ChannelId, offer: Offer) -> Option<Capabilities> {
        match id {
            _ if offer == Offer::Nothing => None,
            PLAYBACK => Some(Playback::capabilities(offer)),
            RECORD => Some(Record::capabilities(offer)),
            _ => None,
        }
    }

    /// The channels besides main.
    fn offered(&self) -> Vec<ChannelId> {
        let sound = [PLAYBACK, RECORD].into_iter();
        let sound = sound.filter(|_| self.offer != Offer::Nothing);
        // No more than [`MAX_PORTS`].
        let ports = (0..self.ports.len()).map(|n| ChannelId::new(ChannelKind::Port, n as u8));
        OFFERED.into_iter().chain(sound).chain(ports).collect()
    }

    /// A channel was linked; whether the session takes it. One that it has already, or that does not exist at all, is
    /// not taken, and its connection is to be closed.
    #[must_use]
    pub fn opened(&mut self, id: ChannelId, link: &Established, now: Duration) -> bool {
        let offered = id == ChannelId::MAIN || self.offered().contains(&id);
        if !offered || self.channels.contains_key(&id) || self.ended.is_some() {
            return false;
        }
        let mut outbox = Vec::new();
        let behaviour = match id.kind {
            ChannelKind::Display => {
                let display = display::Server::new(self.compression, &link.client);
                let had_display = std::mem::replace(&mut self.had_display, true);
                Behaviour::Display(Box::new(if had_display {
                    display.again()
                } else {
                    display
                }))
            }
            ChannelKind::Inputs => {
                let inputs = inputs::Server::default();
                inputs.start(&mut outbox);
                Behaviour::Inputs(inputs)
            }
            ChannelKind::Cursor => Behaviour::Cursor(cursor::Server::default()),
            ChannelKind::Playback => {
                let (client, time) = (&link.client, self.media_ms(now));
                Behaviour::Playback(Playback::new(self.offer, client, time, &mut outbox))
            }
            ChannelKind::Record => Behaviour::Record(Record::new(self.offer, &link.client)),
            ChannelKind::Port => {
                if let Some(port) = self.ports.get(usize::from(id.id)) {
                    port.start(&mut outbox);
                }
                Behaviour::Port
            }
            _ => {
                self.main.start(&self.greeting, &link.client, &mut outbox);
                Behaviour::Main
            }
        };
        let mut channel = Channel {
            behaviour,
            window: None,
            queue: outbox.into(),
            sent: 0,
            opened_at: now,
        };
        if id.kind == ChannelKind::Cursor {
            channel.start_window();
        }
        self.heard = now;
        self.channels.insert(id, channel);
        true
    }

    /// A frame arrived.
    pub fn receive(&mut self, id: ChannelId, frame: &Frame, now: Duration) {
        (self.heard, self.asked) = (now, None);
        if let Err(fault) = self.handle(id, frame, now) {
            self.fault(id, fault);
        }
    }

    /// A channel's connection ended.
    pub fn closed(&mut self, id: ChannelId, why: Parting) {
        if id == ChannelId::MAIN {
            self.end(why);
            return;
        }
        self.remove(id);
        if let Parting::Fault(fault) = why {
            self.notice(id, &fault);
        }
    }

    /// Time has passed; to be called when [`poll_timeout`](Self::poll_timeout) is due.
    pub fn tick(&mut self, now: Duration) {
        let late = |c: &Channel| match &c.behaviour {
            Behaviour::Display(d) => !d.is_started() && now >= c.opened_at + INIT_PATIENCE,
            _ => false,
        };
        let late: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, c)| late(c))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.fault(id, Fault::Violation("no INIT for 30 seconds".into()));
        }
        for channel in self.channels.values_mut() {
            if let Behaviour::Inputs(inputs) = &mut channel.behaviour {
                let mut outbox = Vec::new();
                inputs.tick(now, &mut outbox);
                channel.queue.extend(outbox);
            }
        }
        self.ask_whether_there(now);
    }

    /// When [`tick`](Self::tick) wants to be called, as time since the session began.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let channels = self.channels.values().filter_map(|c| match &c.behaviour {
            Behaviour::Display(d) if !d.is_started() => Some(c.opened_at + INIT_PATIENCE),
            Behaviour::Inputs(inputs) => inputs.poll_timeout(),
            _ => None,
        });
        let quiet = match self.asked {
            Some(at) => at + ANSWER_PATIENCE,
            None => self.heard + QUIET,
        };
        channels.chain([quiet]).min()
    }

    /// Whether the client can take more pictures: it is there, has said so, and has acknowledged enough.
    pub fn wants_picture(&self) -> bool {
        self.channels.values().any(|c| {
            matches!(&c.behaviour, Behaviour::Display(d) if d.is_started()) && c.has_room()
        })
    }

    /// Size of the screen as the client knows it; `None` before it has been given a whole one.
    pub fn screen_size(&self) -> Option<Size> {
        self.channels.values().find_map(|c| match &c.behaviour {
            Behaviour::Display(display) => display.size(),
            _ => None,
        })
    }

    /// Shows a change of the screen. The first one of a display channel is the whole screen.
    pub fn draw(&mut self, update: &display::Update) {
        for channel in self.channels.values_mut() {
            if let Behaviour::Display(display) = &mut channel.behaviour {
                let mut outbox = Vec::new();
                display.update(update, &mut outbox);
                channel.queue.extend(outbox);
            }
        }
    }

    /// Whether the client can take news of the pointer.
    pub fn wants_pointer(&self) -> bool {
        let cursor = |c: &Channel| matches!(c.behaviour, Behaviour::Cursor(_));
        self.channels.values().any(|c| cursor(c) && c.has_room())
    }

    /// Shows the pointer; what the client knows already is not sent.
    pub fn point(&mut self, pointer: &cursor::Pointer) {
        let mode = self.main.mouse_mode();
        for channel in self.channels.values_mut() {
            if let Behaviour::Cursor(cursor) = &mut channel.behaviour {
                let mut outbox = Vec::new();
                cursor.show(pointer, mode, &mut outbox);
                channel.queue.extend(outbox);
            }
        }
    }

    /// The session is to end, for this reason unless it already has one.
    pub fn end(&mut self, why: Parting) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(why);
        let ids: Vec<ChannelId> = self.channels.keys().copied().collect();
        for id in ids {
            self.remove(id);
            self.closing.push_back(id);
        }
    }

    /// Why the session is over, once it is.
    pub fn ended(&self) -> Option<&Parting> {
        self.ended.as_ref()
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(id) = self.closing.pop_front() {
            return Some(Output::Close(id));
        }
        for (id, channel) in &mut self.channels {
            if let Some(frame) = channel.next_frame() {
                return Some(Output::Send(*id, frame));
            }
        }
        None
    }

    /// The next event for the embedder.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    fn handle(&mut self, id: ChannelId, frame: &Frame, now: Duration) -> Result<(), Fault> {
        let size = self.screen_size().unwrap_or_default();
        let mode = self.main.mouse_mode();
        let offered = self.offered();
        let Some(channel) = self.channels.get_mut(&id) else {
            return Ok(());
        };
        if frame.number < COMMON_END {
            return channel.on_common(frame);
        }
        let mut outbox = Vec::new();
        match &mut channel.behaviour {
            Behaviour::Main => {
                let changed = self.main.on_frame(frame, &offered, &mut outbox)?;
                self.events.extend(changed.map(ServerEvent::MouseMode));
            }
            Behaviour::Display(display) => {
                let started = display.is_started();
                display.on_frame(frame, &mut outbox)?;
                if display.is_started() && !started {
                    channel.start_window();
                }
            }
            Behaviour::Inputs(inputs) => {
                let mut events = Vec::new();
                let around = Surroundings { mode, size, now };
                inputs.on_frame(frame, around, &mut outbox, &mut events)?;
                self.events
                    .extend(events.into_iter().map(ServerEvent::Input));
            }
            Behaviour::Port => {
                let port = self.ports.get(usize::from(id.id));
                let received = port.map(|port| (port.is_open(), port.on_frame(frame)));
                if let Some((is_open, received)) = received {
                    let received = received?.filter(|_| is_open);
                    self.to_ports.extend(received.map(|what| (id.id, what)));
                }
            }
            Behaviour::Record(record) => {
                self.recorded.extend(record.on_frame(frame)?);
                if self.recorded.len() > MOST_RECORDED {
                    self.recorded.pop_front();
                }
            }
            Behaviour::Cursor(_) | Behaviour::Playback(_) => {
                return Err(Fault::unknown_message(frame.number));
            }
        }
        channel.queue.extend(outbox);
        Ok(())
    }

    /// A broken main channel ends the session, any other only itself.
    fn fault(&mut self, id: ChannelId, fault: Fault) {
        if id == ChannelId::MAIN {
            self.end(Parting::Fault(fault));
            return;
        }
        self.remove(id);
        self.closing.push_back(id);
        self.notice(id, &fault);
    }

    fn notice(&mut self, id: ChannelId, fault: &Fault) {
        self.events.push_back(ServerEvent::Notice(Notice {
            channel: Some(id),
            text: fault.to_string(),
            count: 1,
        }));
    }

    /// Forgets a channel; whatever the client held through it is let go.
    fn remove(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.remove(&id) else {
            return;
        };
        if let Behaviour::Inputs(mut inputs) = channel.behaviour {
            let mut events = Vec::new();
            inputs.release_all(&mut events);
            self.events
                .extend(events.into_iter().map(ServerEvent::Input));
        }
    }

    fn ask_whether_there(&mut self, now: Duration) {
        match self.asked {
            Some(at) if now >= at + ANSWER_PATIENCE => self.end(Parting::Silent),
            None if now >= self.heard + QUIET => {
                self.asked = Some(now);
                if let Some(main) = self.channels.get_mut(&ChannelId::MAIN) {
                    let ping = Ping {
                        id: 1,
                        timestamp: now.as_nanos() as u64,
                        padding: &[],
                    };
                    main.queue.push_back(ServerMessage::Ping(ping).to_frame());
                }
            }
            _ => {}
        }
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the viewer left"),
            Self::TakenOver => f.write_str("another viewer took over"),
            Self::Fault(fault) => write!(f, "the viewer broke the protocol: {fault}"),
            Self::Broken(text) => write!(f, "the connection broke: {text}"),
            Self::Silent => f.write_str("the viewer does not answer"),
            Self::Shutdown => f.write_str("the server ends"),
        }
    }
}
