//! The client's side of all channels of one connection.

mod channel;
mod config;
mod events;
mod liveness;
mod messages;
mod migration;
mod sound;
mod stats;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use config::SessionConfig;

use crate::channel::job::{Finished, Job};
use crate::channel::main::agent;
use crate::channel::shared::Shared;
use crate::channel::{Blocked, ChannelId, ChannelKind, Cx, Fault};
use crate::channel::{audio, cursor, display, inputs, main, port};
use crate::codec::video::Codec;
use crate::link::{self, Capabilities, Established};
use crate::session::{ClientEvent, CloseReason, Command, Notice, Output};
use crate::wire::Frame;
use channel::{Behaviour, Channel};
use liveness::Liveness;
use migration::Moving;

/// Things done with keyboard and mouse that are kept until the inputs channel is linked; later ones are dropped.
const MAX_EARLY_INPUT: usize = 256;

/// All channels of one connection to a server, without any I/O.
///
/// Call [`opened`](Self::opened), [`receive`](Self::receive), [`closed`](Self::closed), [`command`](Self::command) and
/// [`tick`](Self::tick) as things happen; after each, take what [`poll_output`](Self::poll_output) has, and events from
/// [`poll_event`](Self::poll_event) whenever somebody is ready for them.
pub struct ClientSession {
    config: SessionConfig,
    shared: Shared,
    channels: BTreeMap<ChannelId, Channel>,
    /// Channels there ever were.
    lives: u64,
    outputs: VecDeque<Output>,
    events: VecDeque<ClientEvent>,
    notices: Vec<Notice>,
    name: Option<String>,
    /// What the user did before the inputs channel was linked.
    early_input: Vec<inputs::InputEvent>,
    liveness: Liveness,
    /// The machine's move to another host.
    moving: Option<Moving>,
    /// When the last one was prepared, and when the session was last switched over without.
    move_begun: Option<Duration>,
    switched: Option<Duration>,
    /// The newest time it was told.
    now: Duration,
    ended: bool,
}

impl ClientSession {
    /// A session whose main channel is about to be opened.
    pub fn new(config: SessionConfig) -> Self {
        let mut shared = Shared::new(config.surface_budget, config.clock);
        shared.offload = config.offload;
        shared.joins = config.joins;
        let mut session = Self {
            config,
            shared,
            channels: BTreeMap::new(),
            lives: 0,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            notices: Vec::new(),
            name: None,
            early_input: Vec::new(),
            liveness: Liveness::default(),
            moving: None,
            move_begun: None,
            switched: None,
            now: Duration::ZERO,
            ended: false,
        };
        session.open(ChannelId::MAIN);
        session
    }

    /// The same session once more, with a copy of its surfaces; images it keeps are shared. `None` while there is something
    /// that cannot be copied: a video stream other than MJPEG, or an image that is decoded outside.
    pub fn fork(&self) -> Option<Self> {
        self.copy(Channel::fork)
    }

    /// The same as it is now, without what cannot be copied of its videos: to be looked at, and for
    /// [`recreate`](Self::recreate). `None` while an image is decoded outside.
    pub fn still(&self) -> Option<Self> {
        self.copy(Channel::still)
    }

    fn copy(&self, channel: impl Fn(&Channel, &Shared) -> Option<Channel>) -> Option<Self> {
        let shared = self.shared.fork();
        let copy = |(id, found): (&ChannelId, &Channel)| Some((*id, channel(found, &shared)?));
        let channels = self.channels.iter().map(copy).collect::<Option<_>>()?;
        Some(Self {
            config: self.config.clone(),
            channels,
            outputs: self.outputs.clone(),
            events: self.events.clone(),
            notices: self.notices.clone(),
            name: self.name.clone(),
            early_input: self.early_input.clone(),
            // Nobody waits for the answers of a copy.
            liveness: Liveness::default(),
            moving: self.moving.clone(),
            shared,
            ..*self
        })
    }

    /// What to announce when linking this channel; `None` for a channel the session does not know.
    pub fn capabilities(&self, id: ChannelId) -> Option<Capabilities> {
        Some(match &self.channels.get(&id)?.behaviour {
            Behaviour::Main(_) => main::Client::capabilities(),
            Behaviour::Display(display) => display.capabilities(),
            Behaviour::Inputs(_) => inputs::Client::capabilities(),
            Behaviour::Cursor(_) => Capabilities::of(link::CLIENT_COMMON, &[]),
            Behaviour::Playback(_) => audio::Playback::capabilities(!self.config.raw_sound),
            Behaviour::Record(_) => audio::Record::capabilities(!self.config.raw_sound),
            Behaviour::Port(_) => port::Client::capabilities(),
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
        let opus = !self.config.raw_sound;
        self.with(id, now, |channel, cx| {
            match &mut channel.behaviour {
                Behaviour::Display(display) => {
                    display.start(&link.server, preferred, cx);
                    display.prefer_codecs(&link.server, &codecs, cx);
                }
                Behaviour::Inputs(inputs) => inputs.start(&link.server),
                Behaviour::Record(record) => record.start(&link.server, opus),
                Behaviour::Main(_)
                | Behaviour::Cursor(_)
                | Behaviour::Playback(_)
                | Behaviour::Port(_) => {}
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
    pub fn receive(&mut self, id: ChannelId, mut frame: Frame, now: Duration) {
        let Some(channel) = self
            .channels
            .get_mut(&id)
            .filter(|c| c.link.is_some() && !c.closed)
        else {
            return;
        };
        channel.arrived(&mut frame);
        self.now = now;
        self.heard();
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        if channel.waiting.is_some() {
            channel.park(frame);
            self.park_no_more_than_allowed(id, now);
            return;
        }
        self.handle(id, frame, now);
        self.resume(now);
        self.park_no_more_than_allowed(id, now);
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
        self.note_broken(id, &why);
        self.forget_move_of(id);
        self.with_main(|main| main.forget(id));
        if id.kind == ChannelKind::Cursor {
            let of_it =
                |e: &ClientEvent| matches!(e, ClientEvent::Cursor(e) if e.display() == id.id);
            self.events.retain(|event| !of_it(event));
        }
        if id.kind == ChannelKind::Playback {
            self.push_latest(ClientEvent::Playback(audio::PlaybackEvent::Stopped));
        }
        if id.kind == ChannelKind::Record {
            self.push_latest(ClientEvent::Record(audio::RecordEvent::Stopped));
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
            Command::Agent(order) => self.order(order, now),
            Command::PlaybackDelay(delay) => self.hear(delay, now),
            Command::Record(_) | Command::Port(_) if self.config.view_only => {}
            Command::Record(packet) => self.record(&packet, now),
            Command::Port(order) => self.order_port(order, now),
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
            Command::AskForLife => self.insist_on_answer(now),
            // An order to whoever feeds the session.
            Command::Hold(_) => {}
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
        self.expect_answer(now);
    }

    /// Something for the guest agent. Who may only look may also ask what was copied.
    fn order(&mut self, order: agent::Order, now: Duration) {
        let view_only = self.config.view_only && !matches!(order, agent::Order::Fetch { .. });
        self.with(ChannelId::MAIN, now, |channel, cx| {
            if let Behaviour::Main(main) = &mut channel.behaviour {
                match view_only {
                    true => main.agent_mut().refuse(&order),
                    false => main.agent_mut().on_order(order, cx),
                }
            }
            Ok(())
        });
    }

    /// Time has passed; to be called when [`poll_timeout`](Self::poll_timeout) is due.
    pub fn tick(&mut self, now: Duration) {
        self.now = now;
        self.give_up_late(now);
        self.tick_liveness(now);
        self.tick_move(now);
        if self
            .agent()
            .is_some_and(|a| a.poll_timeout().is_some_and(|at| at <= now))
        {
            self.with(ChannelId::MAIN, now, |channel, cx| {
                if let Behaviour::Main(main) = &mut channel.behaviour {
                    main.agent_mut().tick(cx);
                }
                Ok(())
            });
        }
        if self.nudge_due().is_some_and(|at| at <= now) {
            self.with(ChannelId::INPUTS, now, |channel, cx| {
                if let Behaviour::Inputs(inputs) = &mut channel.behaviour {
                    inputs.tick(cx);
                }
                Ok(())
            });
        }
        let displays = self
            .channels
            .iter()
            .filter_map(|(id, c)| match &c.behaviour {
                Behaviour::Display(display) => Some((*id, &**display)),
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

    /// When [`tick`](Self::tick) wants to be called, as time since the session began.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let open = || self.channels.values().filter(|c| !c.closed);
        let waits = open().filter_map(|c| c.waiting.as_ref().map(|w| w.until));
        let frames = open().filter_map(|c| match &c.behaviour {
            Behaviour::Display(display) => display.due(&self.shared.media),
            _ => None,
        });
        let agent = self.agent().and_then(agent::Client::poll_timeout);
        let nudge = self.nudge_due();
        let liveness = self.liveness_due();
        let due = waits.chain(frames).chain(agent).chain(nudge);
        due.chain(liveness).chain(self.move_due()).min()
    }

    /// When the inputs channel has more of the pointer's motion to send.
    fn nudge_due(&self) -> Option<Duration> {
        match self.channels.get(&ChannelId::INPUTS) {
            Some(Channel {
                behaviour: Behaviour::Inputs(inputs),
                closed: false,
                ..
            }) => inputs.poll_timeout(),
            _ => None,
        }
    }

    /// The next thing to decode outside, if [`SessionConfig::offload`] is set. It is to be run on any thread, and what it
    /// yields to be given to [`finish`](Self::finish); its channel waits for that.
    ///
    /// As many images are decoded at a time as have 2²⁶ pixels together. Those of channels that are gone count until they are
    /// given back or dropped.
    pub fn poll_job(&mut self) -> Option<Job> {
        self.channels
            .iter_mut()
            .find_map(|(id, channel)| match &mut channel.behaviour {
                Behaviour::Display(display) if !channel.closed => {
                    let work = display.poll_job()?;
                    Some(Job {
                        channel: *id,
                        life: channel.life,
                        work,
                    })
                }
                _ => None,
            })
    }

    /// A job was run. What it yields for a channel that is gone is dropped, even if another has its id by now.
    pub fn finish(&mut self, finished: Finished, now: Duration) {
        self.with(finished.channel, now, |channel, cx| {
            if let Behaviour::Display(display) = &mut channel.behaviour
                && channel.life == finished.life
            {
                display.finish(finished.result, cx);
            }
            Ok(())
        });
        self.resume(now);
    }

    /// Whether a channel has a use for its next frame. What arrives for it otherwise is to be kept back outside: it waits for a
    /// job, or nobody takes what it told.
    pub fn takes_frames(&self, id: ChannelId) -> bool {
        !self.is_decoding(id) && (id.kind != ChannelKind::Port || self.has_room_for_ports())
    }

    /// Whether a channel waits for a job. It handles nothing meanwhile.
    pub fn is_decoding(&self, id: ChannelId) -> bool {
        self.channels.get(&id).is_some_and(|channel| {
            let waiting = channel.waiting.as_ref();
            waiting.is_some_and(|waiting| waiting.why == Blocked::Decoding)
        })
    }

    /// The session's time stood still for so long, and the server's did not.
    pub fn stood_still(&mut self, lasting: Duration) {
        self.shared.media.skip(lasting);
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
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

    /// The same, to have it tell its screen again, or put its surfaces away.
    pub fn display_mut(&mut self, id: u8) -> Option<&mut display::Client> {
        let id = ChannelId::new(ChannelKind::Display, id);
        self.channels.get_mut(&id)?.display_mut()
    }

    /// The image caches that its displays share, to be looked at.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The same, to be put away and back.
    pub fn shared_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }

    /// Whether its surfaces show what the server has drawn.
    pub fn draws(&self) -> bool {
        self.config.draws
    }

    /// Has its displays paint what they put off until somebody looks.
    pub fn develop(&mut self) {
        let displays = self.channels.values_mut().filter_map(Channel::display_mut);
        displays.for_each(display::Client::develop);
    }

    /// Messages for each display channel after which a fresh session shows what this one shows, and has what it keeps.
    pub fn recreate(&self) -> Vec<(ChannelId, Vec<Frame>)> {
        let open = self.channels.iter().filter(|(_, channel)| !channel.closed);
        let displays = open.filter_map(|(id, channel)| match &channel.behaviour {
            Behaviour::Display(display) if channel.link.is_some() => Some((*id, &**display)),
            _ => None,
        });
        let of = |(place, (id, display)): (usize, (ChannelId, &display::Client))| {
            (id, display.recreate(&self.shared, place == 0))
        };
        displays.enumerate().map(of).collect()
    }

    /// Whether no channel waits for anything.
    pub fn is_settled(&self) -> bool {
        self.channels
            .values()
            .all(|channel| channel.waiting.is_none())
    }

    /// All display clients, lowest id first.
    pub fn displays(&self) -> impl Iterator<Item = (u8, &display::Client)> {
        self.channels
            .iter()
            .filter_map(|(id, c)| match &c.behaviour {
                Behaviour::Display(display) => Some((id.id, &**display)),
                _ => None,
            })
    }

    fn main(&self) -> Option<&main::Client> {
        match &self.channels.get(&ChannelId::MAIN)?.behaviour {
            Behaviour::Main(main) => Some(main),
            _ => None,
        }
    }

    fn with_main(&mut self, act: impl FnOnce(&mut main::Client)) {
        if let Some(Channel {
            behaviour: Behaviour::Main(main),
            ..
        }) = self.channels.get_mut(&ChannelId::MAIN)
        {
            act(main);
        }
    }

    /// The guest agent, as long as there is a main channel.
    fn agent(&self) -> Option<&agent::Client> {
        let open = self.channels.get(&ChannelId::MAIN).filter(|c| !c.closed);
        open.and_then(|_| self.main()).map(main::Client::agent)
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
        if self.make(id) {
            self.outputs.push_back(Output::Open(id));
        }
    }

    /// Makes a channel that is to be linked; whether this session has a use for it.
    fn make(&mut self, id: ChannelId) -> bool {
        let behaviour = match id.kind {
            ChannelKind::Main => {
                Behaviour::Main(Box::new(main::Client::new(self.config.clipboard_limit)))
            }
            ChannelKind::Display => {
                let client = display::Client::new(id.id, self.codecs());
                let client = match (self.config.draws, self.config.pixels) {
                    (true, true) => client,
                    (true, false) => client.without_pixels(),
                    (false, _) => client.blind(),
                };
                Behaviour::Display(Box::new(client))
            }
            ChannelKind::Inputs => Behaviour::Inputs(inputs::Client::default()),
            ChannelKind::Cursor => Behaviour::Cursor(cursor::Client::new(id.id)),
            ChannelKind::Playback if self.config.playback && id.id == 0 => {
                Behaviour::Playback(audio::Playback::default())
            }
            ChannelKind::Record if self.config.record && id.id == 0 => {
                Behaviour::Record(audio::Record::default())
            }
            ChannelKind::Port if self.config.ports => Behaviour::Port(port::Client::new(id.id)),
            _ => return false,
        };
        self.lives += 1;
        let channel = Channel::new(self.lives, behaviour);
        let before = self.channels.insert(id, channel);
        if let Some(Behaviour::Display(display)) = before.map(|c| c.behaviour) {
            // Its last screen goes with it.
            let bytes = display.canvas().bytes_in_use();
            self.shared.surfaces.change(bytes, 0);
        }
        true
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
        if !outbox.is_empty() {
            let outbox = self.keep_for_there(id, outbox);
            self.send_all(id, outbox);
        }
        for text in notices {
            self.notice(Some(id), text);
        }
        if let Err(fault) = result {
            self.fault(id, fault);
        }
    }

    /// Has frames sent on a channel, with its serials.
    fn send_all(&mut self, id: ChannelId, frames: Vec<Frame>) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        for mut frame in frames {
            channel.sent += 1;
            frame.serial = channel.sent;
            channel.bytes_sent += channel.frame_bytes(&frame);
            self.outputs.push_back(Output::Send(id, frame));
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
        self.moving = None;
        for (id, channel) in &mut self.channels {
            channel.close(&mut self.shared);
            self.outputs.push_back(Output::Close(*id));
        }
        self.events.push_back(ClientEvent::Closed(why));
    }
}
