//! The client's side of all channels of one connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::memory::MAX_PARKED_BYTES;
use crate::channel::common::AckWindow;
use crate::channel::common::messages::{ClientMessage, Pong, ServerMessage, Wait, WaitForChannels};
use crate::channel::job::{Finished, Job};
use crate::channel::shared::Shared;
use crate::channel::{Blocked, ChannelId, ChannelKind, Cx, Fault, Message};
use crate::channel::{cursor, display, inputs, main};
use crate::codec::video::Codec;
use crate::link::{self, Capabilities, Established};
use crate::session::{
    ChannelStats, ClientEvent, CloseReason, CodecStats, Command, DisplayStats, Memory, Notice,
    Output, SessionStats, StreamStats,
};
use crate::wire::{Decode, Frame, Part, Parts, Reader, parts};

/// How long a channel waits for another one before it goes on without.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes a frame costs beside its body while it is kept for a channel that waits.
const PARKED_FRAME_BYTES: u64 = 128;

/// Different notices that are told apart; more are counted together.
const MAX_NOTICES: usize = 200;

/// Things done with keyboard and mouse that are kept until the inputs channel is linked; later ones are dropped.
const MAX_EARLY_INPUT: usize = 256;

/// What a client session may use, and what it tells the server.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Sends no input.
    pub view_only: bool,
    /// Image compression to ask for; 1 to 7 as in spec 00 §7 (`image_compression`).
    pub preferred_compression: Option<display::ImageCompression>,
    /// Video codecs the server may use, best first, which the server is asked to follow; none means no video. Without a list
    /// it may use every one this build has, and choose.
    pub codecs: Option<Vec<Codec>>,
    /// Bytes the surfaces of all displays may take together. All that a server can make a session hold is
    /// [`Memory::limit`] of it.
    pub surface_budget: u64,
    /// Hands out large images as jobs, see [`ClientSession::poll_job`], instead of decoding them on the spot.
    pub offload: bool,
    /// Cuts the pixels of changed areas out of the surfaces for the user. Without, events name the areas only.
    pub pixels: bool,
    /// Reads a clock for statistics of decoding time. The default is a clock that stands still.
    pub clock: fn() -> Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            view_only: false,
            preferred_compression: None,
            codecs: None,
            surface_budget: 256 << 20,
            offload: false,
            pixels: true,
            clock: || Duration::ZERO,
        }
    }
}

/// All channels of one connection to a server, without any I/O.
///
/// Call [`opened`](Self::opened), [`receive`](Self::receive), [`closed`](Self::closed), [`command`](Self::command) and
/// [`tick`](Self::tick) as things happen; after each, take what [`poll_output`](Self::poll_output) has, and events from
/// [`poll_event`](Self::poll_event) whenever somebody is ready for them.
pub struct ClientSession {
    config: SessionConfig,
    shared: Shared,
    channels: BTreeMap<ChannelId, Channel>,
    outputs: VecDeque<Output>,
    events: VecDeque<ClientEvent>,
    notices: Vec<Notice>,
    name: Option<String>,
    /// What the user did before the inputs channel was linked.
    early_input: Vec<inputs::InputEvent>,
    /// The newest time it was told.
    now: Duration,
    ended: bool,
}

/// One channel, from the moment the session asked for it.
struct Channel {
    link: Option<Established>,
    closed: bool,
    behaviour: Behaviour,
    ack: AckWindow,
    /// Serial of the last frame sent.
    sent: u64,
    /// Serial of the last frame that was handled completely.
    handled: u64,
    received: u64,
    bytes_received: u64,
    bytes_sent: u64,
    waiting: Option<Waiting>,
    parked: VecDeque<Frame>,
    /// Bytes of `waiting` and `parked`.
    parked_bytes: u64,
}

/// What a channel does with its messages. Kinds nobody opens have none.
enum Behaviour {
    Main(main::Client),
    Display(Box<display::Client>),
    Inputs(inputs::Client),
    Cursor(cursor::Client),
}

/// A frame that could not be finished.
struct Waiting {
    why: Blocked,
    until: Duration,
    serial: u64,
    /// What is left of the frame, the blocked part first.
    parts: Parts,
    bytes: u64,
}

impl Waiting {
    /// The bodies of a frame's parts lie in its body and may overlap, so that their sum would be too much.
    fn bytes(parts: &[Part]) -> u64 {
        let longest = parts.iter().map(|part| part.body.len()).max();
        longest.unwrap_or(0) as u64 + PARKED_FRAME_BYTES
    }
}

impl ClientSession {
    /// A session whose main channel is about to be opened.
    pub fn new(config: SessionConfig) -> Self {
        let mut shared = Shared::new(config.surface_budget, config.clock);
        shared.offload = config.offload;
        let mut session = Self {
            config,
            shared,
            channels: BTreeMap::new(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            notices: Vec::new(),
            name: None,
            early_input: Vec::new(),
            now: Duration::ZERO,
            ended: false,
        };
        session.open(ChannelId::MAIN);
        session
    }

    /// What to announce when linking this channel; `None` for a channel the session does not know.
    pub fn capabilities(&self, id: ChannelId) -> Option<Capabilities> {
        Some(match &self.channels.get(&id)?.behaviour {
            Behaviour::Main(_) => main::Client::capabilities(),
            Behaviour::Display(display) => display.capabilities(),
            Behaviour::Inputs(_) => inputs::Client::capabilities(),
            Behaviour::Cursor(_) => Capabilities::of(link::COMMON, &[]),
        })
    }

    /// The id every channel but the first main one gives when it links; 0 before the server has said it.
    pub fn connection_id(&self) -> u32 {
        self.main().and_then(main::Client::session_id).unwrap_or(0)
    }

    /// A channel was connected and linked.
    pub fn opened(&mut self, id: ChannelId, link: Established, now: Duration) {
        let Some(channel) = self.channels.get_mut(&id).filter(|c| !c.closed) else {
            self.outputs.push_back(Output::Close(id));
            return;
        };
        channel.link = Some(link.clone());
        self.now = now;
        self.push_latest(ClientEvent::ChannelOpened(id));
        let preferred = self.config.preferred_compression;
        let codecs = self.config.codecs.clone().unwrap_or_default();
        self.with(id, now, |channel, cx| {
            match &mut channel.behaviour {
                Behaviour::Display(display) => {
                    display.start(&link.server, preferred, cx);
                    display.prefer_codecs(&link.server, &codecs, cx);
                }
                Behaviour::Inputs(inputs) => inputs.start(&link.server),
                Behaviour::Main(_) | Behaviour::Cursor(_) => {}
            }
            Ok(())
        });
        if id == ChannelId::INPUTS {
            for event in std::mem::take(&mut self.early_input) {
                self.input(event, now);
            }
        }
    }

    /// A frame arrived.
    pub fn receive(&mut self, id: ChannelId, frame: Frame, now: Duration) {
        let Some(channel) = self
            .channels
            .get_mut(&id)
            .filter(|c| c.link.is_some() && !c.closed)
        else {
            return;
        };
        channel.received += 1;
        channel.bytes_received += channel.frame_bytes(&frame);
        self.now = now;
        if channel.waiting.is_some() {
            channel.park(frame);
            self.park_no_more_than_allowed(id, now);
            return;
        }
        self.handle(id, frame, now);
        self.resume(now);
        self.park_no_more_than_allowed(id, now);
    }

    /// A channel whose frames are too many to be kept waits no longer.
    fn park_no_more_than_allowed(&mut self, id: ChannelId, now: Duration) {
        while self.parked_bytes() > MAX_PARKED_BYTES
            && self.channels.get(&id).is_some_and(|c| c.waiting.is_some())
        {
            self.give_up(id, now);
        }
        self.resume(now);
    }

    fn parked_bytes(&self) -> u64 {
        self.channels.values().map(|c| c.parked_bytes).sum()
    }

    /// A channel's connection ended, or could not be made.
    pub fn closed(&mut self, id: ChannelId, why: CloseReason) {
        if self.ended {
            return;
        }
        let Some(channel) = self.channels.get_mut(&id).filter(|c| !c.closed) else {
            return;
        };
        channel.close(&mut self.shared);
        if id == ChannelId::MAIN {
            self.end(why);
            return;
        }
        if let Some(Behaviour::Main(main)) = self
            .channels
            .get_mut(&ChannelId::MAIN)
            .map(|c| &mut c.behaviour)
        {
            main.forget(id);
        }
        if id.kind == ChannelKind::Cursor {
            let of_it =
                |e: &ClientEvent| matches!(e, ClientEvent::Cursor(e) if e.display() == id.id);
            self.events.retain(|event| !of_it(event));
        }
        self.push_latest(ClientEvent::ChannelClosed(id, why));
        // Whoever waited for it waits no more.
        self.resume(self.now);
    }

    /// The user wants something.
    pub fn command(&mut self, command: Command, now: Duration) {
        match command {
            Command::Input(_) if self.config.view_only => {}
            Command::Input(event) => self.input(event, now),
            Command::MouseMode(mode) => self.with(ChannelId::MAIN, now, |channel, cx| {
                if let Behaviour::Main(main) = &mut channel.behaviour {
                    main.request_mouse_mode(mode, cx);
                }
                Ok(())
            }),
            Command::Stats => {
                let stats = Box::new(self.stats(now));
                self.events.retain(|e| !matches!(e, ClientEvent::Stats(_)));
                self.events.push_back(ClientEvent::Stats(stats));
            }
            Command::Disconnect => self.end(CloseReason::Requested),
        }
    }

    fn input(&mut self, event: inputs::InputEvent, now: Duration) {
        let inputs = self.channels.get(&ChannelId::INPUTS);
        if inputs.is_none_or(|channel| channel.link.is_none() && !channel.closed) {
            // A user may act as soon as there is a session, and the inputs channel follows later.
            if self.early_input.len() < MAX_EARLY_INPUT {
                self.early_input.push(event);
            }
            return;
        }
        self.with(ChannelId::INPUTS, now, |channel, cx| {
            if let Behaviour::Inputs(inputs) = &mut channel.behaviour {
                inputs.on_input(event, cx);
            }
            Ok(())
        });
    }

    /// Time has passed; to be called when [`poll_timeout`](Self::poll_timeout) is due.
    pub fn tick(&mut self, now: Duration) {
        self.now = now;
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
        let displays = self
            .channels
            .iter()
            .filter_map(|(id, c)| match &c.behaviour {
                Behaviour::Display(display) => Some((*id, display)),
                _ => None,
            });
        let due = displays.filter(|(_, d)| d.due(&self.shared.media).is_some_and(|at| at <= now));
        let due: Vec<ChannelId> = due.map(|(id, _)| id).collect();
        for id in due {
            self.with(id, now, |channel, cx| {
                if let Behaviour::Display(display) = &mut channel.behaviour {
                    display.tick(cx);
                }
                Ok(())
            });
        }
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
    fn finish_without(&mut self, id: ChannelId, part: &Part, now: Duration) {
        if part.number > 100 {
            self.shared.impatient = true;
            self.dispatch(id, part, now);
            self.shared.impatient = false;
        }
    }

    /// When [`tick`](Self::tick) wants to be called, as time since the session began.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let open = || self.channels.values().filter(|c| !c.closed);
        let waits = open().filter_map(|c| c.waiting.as_ref().map(|w| w.until));
        let frames = open().filter_map(|c| match &c.behaviour {
            Behaviour::Display(display) => display.due(&self.shared.media),
            _ => None,
        });
        waits.chain(frames).min()
    }

    /// The next thing to decode outside, if [`SessionConfig::offload`] is set. It is to be run on any thread, and what it
    /// yields to be given to [`finish`](Self::finish); its channel waits for that.
    ///
    /// Of several displays as many are decoded at a time as have 2²⁶ pixels together.
    pub fn poll_job(&mut self) -> Option<Job> {
        const MAX_PIXELS: u64 = 1 << 26;
        let running: u64 = self.displays().map(|(_, d)| d.decoding_pixels()).sum();
        let room = MAX_PIXELS.saturating_sub(running);
        self.channels
            .iter_mut()
            .find_map(|(id, channel)| match &mut channel.behaviour {
                Behaviour::Display(display) if !channel.closed => {
                    let work = display.poll_job(room)?;
                    Some(Job { channel: *id, work })
                }
                _ => None,
            })
    }

    /// A job was run.
    pub fn finish(&mut self, finished: Finished, now: Duration) {
        self.with(finished.channel, now, |channel, cx| {
            if let Behaviour::Display(display) = &mut channel.behaviour {
                display.finish(finished.result, cx);
            }
            Ok(())
        });
        self.resume(now);
    }

    /// Whether a channel waits for a job. It handles nothing meanwhile: what arrives for it may be kept back outside.
    pub fn is_decoding(&self, id: ChannelId) -> bool {
        self.channels.get(&id).is_some_and(|channel| {
            let waiting = channel.waiting.as_ref();
            waiting.is_some_and(|waiting| waiting.why == Blocked::Decoding)
        })
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next event for the user. Pixels are cut from the surfaces here.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        // The end comes after everything else has been told, pixels included; so does that of a display.
        if let Some(ClientEvent::ChannelClosed(id, _)) = self.events.front()
            && let Some(display) = self.channels.get_mut(id).and_then(Channel::display_mut)
            && let Some(event) = display.poll_event()
        {
            return Some(ClientEvent::Display(event));
        }
        let ends = |event: &mut ClientEvent| matches!(event, ClientEvent::Closed(_));
        if let Some(event) = self.events.pop_front_if(|event| !ends(event)) {
            return Some(event);
        }
        for display in self.channels.values_mut().filter_map(Channel::display_mut) {
            if let Some(event) = display.poll_event() {
                return Some(ClientEvent::Display(event));
            }
        }
        self.events.pop_front()
    }

    /// Whether [`poll_event`](Self::poll_event) has something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty() || self.displays().any(|(_, display)| display.has_event())
    }

    /// What the session holds at this moment; never more than [`Memory::limit`] of the surface budget.
    pub fn memory(&self) -> Memory {
        let displays = || self.displays().map(|(_, display)| display);
        let cursors = self.channels.values().filter_map(|c| match &c.behaviour {
            Behaviour::Cursor(cursor) => Some(cursor.cached_bytes() as u64),
            _ => None,
        });
        let (shapes, other_events) = event_bytes(&self.events);
        let notices = self.notices.iter().map(|n| n.text.len() as u64 + 64);
        Memory {
            surfaces: displays().map(|d| d.canvas().bytes_in_use()).sum(),
            pixmaps: self.shared.pixmaps.bytes(),
            glz: self.shared.glz.bytes(),
            palettes: displays().map(display::Client::palette_bytes).sum(),
            spares: displays().map(|d| d.spare_bytes() as u64).sum(),
            cursors: cursors.sum::<u64>() + shapes,
            video: self.shared.video.taken(),
            frames: self.shared.frames.taken(),
            parked: self.parked_bytes(),
            told: other_events + notices.sum::<u64>(),
        }
    }

    fn displays(&self) -> impl Iterator<Item = (u8, &display::Client)> {
        self.channels
            .iter()
            .filter_map(|(id, c)| match &c.behaviour {
                Behaviour::Display(display) => Some((id.id, &**display)),
                _ => None,
            })
    }

    /// Numbers about the session.
    pub fn stats(&self, now: Duration) -> SessionStats {
        SessionStats {
            at: now,
            name: self.name.clone(),
            mouse_mode: self.shared.mouse_mode,
            agent: self.main().is_some_and(main::Client::has_agent),
            channels: self.channels.iter().map(|(id, c)| c.stats(*id)).collect(),
            displays: self
                .displays()
                .map(|(id, d)| DisplayStats {
                    id,
                    primary: d.primary_size(),
                    surfaces: d.canvas().surfaces().count(),
                    draws: d.draws(),
                })
                .collect(),
            streams: self
                .displays()
                .flat_map(|(display, d)| {
                    d.streams().map(move |count| StreamStats { display, count })
                })
                .collect(),
            codecs: codec_stats(self.displays().map(|(_, d)| d.codec_counts())),
            surface_bytes: self.shared.surfaces.used(),
            glz_pixels: self.shared.glz.pixels(),
            pixmap_cache_pixels: self.shared.pixmaps.pixels(),
        }
    }

    /// The display client of a channel, to look at its surfaces.
    pub fn display(&self, id: u8) -> Option<&display::Client> {
        match &self
            .channels
            .get(&ChannelId::new(ChannelKind::Display, id))?
            .behaviour
        {
            Behaviour::Display(display) => Some(display),
            _ => None,
        }
    }

    fn main(&self) -> Option<&main::Client> {
        match &self.channels.get(&ChannelId::MAIN)?.behaviour {
            Behaviour::Main(main) => Some(main),
            _ => None,
        }
    }

    /// The video codecs the server may use.
    fn codecs(&self) -> Vec<Codec> {
        let all = || Codec::ALL.to_vec();
        let wanted = self.config.codecs.clone().unwrap_or_else(all);
        wanted
            .into_iter()
            .filter(|codec| codec.is_available())
            .collect()
    }

    /// Asks for a channel to be opened, if this session has a use for it.
    fn open(&mut self, id: ChannelId) {
        let behaviour = match id.kind {
            ChannelKind::Main => Behaviour::Main(main::Client::default()),
            ChannelKind::Display => {
                let client = display::Client::new(id.id, self.codecs());
                let client = match self.config.pixels {
                    true => client,
                    false => client.without_pixels(),
                };
                Behaviour::Display(Box::new(client))
            }
            ChannelKind::Inputs => Behaviour::Inputs(inputs::Client::default()),
            ChannelKind::Cursor => Behaviour::Cursor(cursor::Client::new(id.id)),
            _ => return,
        };
        let before = self.channels.insert(id, Channel::new(behaviour));
        if let Some(Behaviour::Display(display)) = before.map(|c| c.behaviour) {
            // Its last screen goes with it.
            let bytes = display.canvas().bytes_in_use();
            self.shared.surfaces.change(bytes, 0);
        }
        self.outputs.push_back(Output::Open(id));
    }

    /// Counts a frame, acknowledges it if due, and acts on its messages.
    fn handle(&mut self, id: ChannelId, frame: Frame, now: Duration) {
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
    fn handle_parts(&mut self, id: ChannelId, serial: u64, mut parts: Parts, now: Duration) {
        while let Some(part) = parts.first() {
            if let Some(why) = self.handle_part(id, part, now) {
                if !self.may_come_true(id, &why) {
                    let part = parts.remove(0);
                    self.finish_without(id, &part, now);
                    continue;
                }
                if let Some(channel) = self.channels.get_mut(&id) {
                    let until = now + patience(&why);
                    let bytes = Waiting::bytes(&parts);
                    channel.parked_bytes += bytes;
                    channel.waiting = Some(Waiting {
                        why,
                        until,
                        serial,
                        parts,
                        bytes,
                    });
                }
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
        self.dispatch(id, part, now)
    }

    /// Gives a message to its channel; why it has to wait, if it does.
    fn dispatch(&mut self, id: ChannelId, part: &Part, now: Duration) -> Option<Blocked> {
        let room = self.cursor_room(id);
        let mut blocked = None;
        let mut main_events = Vec::new();
        let mut cursor_events = VecDeque::new();
        let mut inputs_events = Vec::new();
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
            }
            Ok(())
        });
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
        for channel in open {
            self.open(channel);
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
            ServerMessage::Migrate(_) | ServerMessage::MigrateData(_) => {
                self.notice(
                    Some(id),
                    format!("{}: migration is not supported", message.name()),
                );
            }
            // Framing has taken it apart.
            ServerMessage::List(_) => {}
            ServerMessage::Unknown { number, .. } => {
                self.notice(Some(id), format!("unknown message {number}"));
            }
        }
        None
    }

    /// What of these waits is still open.
    fn wait(&self, id: ChannelId, wait: WaitForChannels) -> Option<Blocked> {
        let open: Vec<Wait> = wait
            .waits
            .into_iter()
            .filter(|w| !self.has_handled(id, w))
            .collect();
        (!open.is_empty()).then_some(Blocked::Channels(open))
    }

    /// Whether another channel could still bring what a message waits for.
    fn may_come_true(&self, id: ChannelId, why: &Blocked) -> bool {
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
    fn resume(&mut self, now: Duration) {
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

    /// Runs `act` on an open channel, then sends what it wants to send and tells what it wants to tell. A fault closes
    /// the channel.
    fn with(
        &mut self,
        id: ChannelId,
        now: Duration,
        act: impl FnOnce(&mut Channel, &mut Cx<'_>) -> Result<(), Fault>,
    ) {
        let Some(channel) = self
            .channels
            .get_mut(&id)
            .filter(|c| c.link.is_some() && !c.closed)
        else {
            return;
        };
        let (mut outbox, mut notices) = (Vec::new(), Vec::new());
        let mut cx = Cx {
            id,
            now,
            shared: &mut self.shared,
            outbox: &mut outbox,
            notices: &mut notices,
        };
        let result = act(channel, &mut cx);
        for mut frame in outbox {
            channel.sent += 1;
            frame.serial = channel.sent;
            channel.bytes_sent += channel.frame_bytes(&frame);
            self.outputs.push_back(Output::Send(id, frame));
        }
        for text in notices {
            self.notice(Some(id), text);
        }
        if let Err(fault) = result {
            self.fault(id, fault);
        }
    }

    fn fault(&mut self, id: ChannelId, fault: Fault) {
        self.outputs.push_back(Output::Close(id));
        self.closed(id, CloseReason::Protocol(fault));
    }

    fn end(&mut self, why: CloseReason) {
        if self.ended {
            return;
        }
        self.ended = true;
        for (id, channel) in &mut self.channels {
            channel.close(&mut self.shared);
            self.outputs.push_back(Output::Close(*id));
        }
        self.events.push_back(ClientEvent::Closed(why));
    }

    fn notice(&mut self, channel: Option<ChannelId>, text: String) {
        if self.ended {
            return;
        }
        let full = self.notices.len() >= MAX_NOTICES;
        let known = self
            .notices
            .iter()
            .position(|n| n.channel == channel && n.text == text);
        let at = match known {
            Some(at) => at,
            None if full => return,
            None => {
                self.notices.push(Notice {
                    channel,
                    text,
                    count: 0,
                });
                self.notices.len() - 1
            }
        };
        self.notices[at].count += 1;
        let notice = self.notices[at].clone();
        // Told again when the count has doubled, so that a flood costs little and still shows.
        if notice.count.is_power_of_two() {
            self.events.push_back(ClientEvent::Notice(notice));
        }
    }

    /// Queues an event that replaces an untaken one of the same kind: a slow user sees the newest state.
    fn push_latest(&mut self, event: ClientEvent) {
        self.events.retain(|old| !replaces(&event, old));
        self.events.push_back(event);
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

/// INVAL_ALL_PIXMAPS: a message of display channels that begins with a wait for other channels.
fn is_inval_all_pixmaps(id: ChannelId, part: &Part) -> bool {
    id.kind == ChannelKind::Display && part.number == 106
}

/// The counts of several displays added up, in the order of their names.
fn codec_stats<'a>(displays: impl Iterator<Item = &'a [display::CodecCount]>) -> Vec<CodecStats> {
    let mut all: BTreeMap<&'static str, CodecStats> = BTreeMap::new();
    for count in displays.flatten() {
        let name = count.name;
        let sum = all.entry(name).or_insert(CodecStats {
            name,
            ..CodecStats::default()
        });
        sum.images += count.images;
        sum.bytes += count.bytes;
        sum.pixels += count.pixels;
        sum.time += count.time;
        sum.failed += count.failed;
    }
    all.into_values().collect()
}

/// Bytes of events that wait for the user: of pointer shapes, and of all others.
fn event_bytes(events: &VecDeque<ClientEvent>) -> (u64, u64) {
    let (mut shapes, mut others) = (0, 0);
    for event in events {
        others += size_of::<ClientEvent>() as u64;
        match event {
            ClientEvent::Cursor(cursor::Event::Shape {
                shape: Some(shape), ..
            }) => shapes += (shape.pixels.len() + shape.invert.len()) as u64,
            ClientEvent::Notice(notice) => others += notice.text.len() as u64,
            _ => {}
        }
    }
    (shapes, others)
}

/// Whether `new` makes `old` pointless.
fn replaces(new: &ClientEvent, old: &ClientEvent) -> bool {
    use std::mem::discriminant;
    match (new, old) {
        (ClientEvent::Main(a), ClientEvent::Main(b)) => discriminant(a) == discriminant(b),
        (ClientEvent::Inputs(a), ClientEvent::Inputs(b)) => discriminant(a) == discriminant(b),
        (
            ClientEvent::ChannelClosed(a, _) | ClientEvent::ChannelOpened(a),
            ClientEvent::ChannelClosed(b, _) | ClientEvent::ChannelOpened(b),
        ) => a == b,
        (ClientEvent::Cursor(a), ClientEvent::Cursor(b)) => {
            discriminant(a) == discriminant(b) && a.display() == b.display()
        }
        _ => false,
    }
}

impl Channel {
    fn new(behaviour: Behaviour) -> Self {
        Self {
            link: None,
            closed: false,
            behaviour,
            ack: AckWindow::default(),
            sent: 0,
            handled: 0,
            received: 0,
            bytes_received: 0,
            bytes_sent: 0,
            waiting: None,
            parked: VecDeque::new(),
            parked_bytes: 0,
        }
    }

    fn display_mut(&mut self) -> Option<&mut display::Client> {
        match &mut self.behaviour {
            Behaviour::Display(display) => Some(display),
            _ => None,
        }
    }

    /// Keeps a frame until the wait is over. Its body is copied: it may be the last that needs a large receive buffer.
    fn park(&mut self, frame: Frame) {
        self.parked_bytes += frame.body.len() as u64 + PARKED_FRAME_BYTES;
        self.parked.push_back(Frame {
            body: Bytes::copy_from_slice(&frame.body),
            ..frame
        });
    }

    fn unpark(&mut self) -> Option<Frame> {
        let frame = self.parked.pop_front()?;
        if self.parked.is_empty() {
            // A long queue leaves a large buffer.
            self.parked = VecDeque::new();
        }
        self.parked_bytes -= frame.body.len() as u64 + PARKED_FRAME_BYTES;
        Some(frame)
    }

    fn take_waiting(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.take()?;
        self.parked_bytes -= waiting.bytes;
        Some(waiting)
    }

    /// Frees what a channel holds that is gone. Of a display the screen stays as it was last.
    fn close(&mut self, shared: &mut Shared) {
        self.closed = true;
        (self.waiting, self.parked, self.parked_bytes) = (None, VecDeque::new(), 0);
        match &mut self.behaviour {
            Behaviour::Display(display) => display.retire(shared),
            Behaviour::Cursor(cursor) => cursor.forget_all(),
            Behaviour::Main(_) | Behaviour::Inputs(_) => {}
        }
    }

    fn frame_bytes(&self, frame: &Frame) -> u64 {
        let header = self
            .link
            .as_ref()
            .map(|l| l.header)
            .unwrap_or_default()
            .bytes();
        (header + frame.body.len()) as u64
    }

    fn stats(&self, id: ChannelId) -> ChannelStats {
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
