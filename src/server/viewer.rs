//! The task of one viewer: its connections, its session, and what it has not seen of the screen.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, info};

use super::agent::Said;
use super::driver::{Hub, Linked};
use super::ports;
use super::sound::{Coder, Step};
use crate::channel::audio::server::{PlaybackOrder, RecordOrder};
use crate::channel::display::messages::ImageCompression;
use crate::channel::main::Greeting;
use crate::channel::port::Received;
use crate::channel::{ChannelId, ChannelKind, Fault};
use crate::net::{Budget, Incoming, PumpEnd, Stream, pump};
use crate::session::{Output, Parting, ServerEvent, ServerSession};
use crate::wire::Frame;

/// Frames that wait for a connection's pump. A picture is cut only when none does, so a viewer that does not read
/// costs one picture; one that lets answers pile up this high is given up.
const SEND_QUEUE: usize = 64;

/// Frames from the viewer that wait for its task. When full the pumps stop reading.
const FRAME_QUEUE: usize = 16;

/// How long the last words of a session may take.
const FAREWELL: Duration = Duration::from_secs(1);

const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);
const CURSOR: ChannelId = ChannelId::new(ChannelKind::Cursor, 0);
const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

/// Frames that must fit into the queue of a connection for sound to be handed to it: more than any piece becomes.
const SOUND_ROOM: usize = SEND_QUEUE / 2;

/// Names a connection: its channel, and a number, since a channel may be linked again.
type Key = (ChannelId, u64);

/// Owns a viewer's session and the sending ends of its connections.
pub(super) struct Viewer {
    hub: Arc<Hub>,
    session: ServerSession,
    session_id: u32,
    started: Instant,
    connections: BTreeMap<ChannelId, Connection>,
    /// Number of connections so far.
    linked: u64,
    pumps: JoinSet<()>,
    frames: Queue,
    /// Frames of the inputs channel: they wait when the embedder does not take its events.
    inputs: Queue,
    /// Frames of the port channels: they wait when a port's device takes no more.
    ports: Queue,
    budget: Budget,
    coder: Coder,
}

struct Connection {
    number: u64,
    outgoing: mpsc::Sender<Frame>,
}

/// Both ends of a queue from pumps.
struct Queue {
    sender: mpsc::Sender<Incoming<Key>>,
    receiver: mpsc::Receiver<Incoming<Key>>,
}

impl Queue {
    fn new() -> Self {
        let (sender, receiver) = mpsc::channel(FRAME_QUEUE);
        Self { sender, receiver }
    }

    async fn next(&mut self) -> Incoming<Key> {
        match self.receiver.recv().await {
            Some(incoming) => incoming,
            // It does not happen: a sender is held beside it.
            None => pending().await,
        }
    }
}

impl Viewer {
    /// A viewer whose main channel has been linked over `stream`.
    pub fn new(hub: Arc<Hub>, session_id: u32, stream: &Stream) -> Self {
        let greeting = Greeting {
            session_id,
            name: hub.config.name.clone(),
            uuid: hub.config.uuid,
            media_ms: 0,
        };
        // Between processes of one machine copying is cheaper than coding.
        let mut compression = hub.config.compression;
        if stream.is_local() {
            compression.images = ImageCompression::Off;
        }
        Self {
            session: ServerSession::new(greeting, compression).with_sound(hub.config.sound),
            hub,
            session_id,
            started: Instant::now(),
            connections: BTreeMap::new(),
            linked: 0,
            pumps: JoinSet::new(),
            frames: Queue::new(),
            inputs: Queue::new(),
            ports: Queue::new(),
            budget: Budget::default(),
            coder: Coder::default(),
        }
    }

    /// Serves the viewer until it goes or has to go.
    pub async fn run(mut self, main: Linked, mut channels: mpsc::Receiver<Linked>, peer: String) {
        info!(%peer, "viewer connected");
        self.hub.events.push(ServerEvent::Connected { peer });
        if self.hub.agent.open().await {
            self.session.attach_agent();
        }
        self.session.offer_ports(self.hub.ports.names());
        for number in self.hub.ports.open().await {
            self.session.set_port_open(number, true);
        }
        self.open(main);
        let mut changes = self.hub.shared.changes();
        let mut sounds = self.hub.stage.changes();
        let hub = Arc::clone(&self.hub);
        while self.settle() {
            let due = self.session.poll_timeout().map(|at| self.started + at);
            let pictures = self.waits_for(DISPLAY, self.session.wants_picture() && self.has_news());
            let pointers = self.waits_for(CURSOR, self.session.wants_pointer());
            let steps = self.waits_for(PLAYBACK, hub.stage.has_steps(self.session_id));
            let wishes = self.waits_for(RECORD, hub.stage.has_wishes(self.session_id));
            // While the agent is not heard its device waits.
            let hears = self.session.has_room_for_agent() && self.is_idle(ChannelId::MAIN);
            let answers = self.waits_for(ChannelId::MAIN, true);
            // While one port is not read the devices of all wait: there is one queue for them.
            let busy_port = self
                .connections
                .keys()
                .find(|id| is_port(id) && !self.is_idle(**id));
            let busy_port = busy_port.and_then(|id| self.waits_for(*id, true));
            let hears_ports = busy_port.is_none();
            tokio::select! {
                incoming = self.frames.next() => self.take(incoming),
                incoming = self.inputs.next(), if hub.events.has_room() => self.take(incoming),
                () = hub.events.room(), if !hub.events.has_room() => {}
                incoming = self.ports.next(), if hub.ports.have_room() => self.take(incoming),
                () = hub.ports.room(), if !hub.ports.have_room() => {}
                (number, said) = hub.ports.next(), if hears_ports => self.hear_port(number, said),
                () = room(busy_port) => {}
                channel = channels.recv() => match channel {
                    Some(linked) => self.open(linked),
                    None => self.session.end(Parting::TakenOver),
                },
                // The senders live in the hub, so these are changes.
                _ = changes.changed() => {}
                _ = sounds.changed() => {}
                said = hub.agent.next(), if hears => self.hear(said),
                () = room(answers) => {}
                () = room(pictures) => {}
                () = room(pointers) => {}
                () = room(steps) => {}
                () = room(wishes) => {}
                () = sleep_until(due) => self.session.tick(self.started.elapsed()),
            }
        }
        self.part().await;
    }

    /// Does everything that can be done without waiting; whether the session goes on.
    fn settle(&mut self) -> bool {
        loop {
            self.perform();
            while let Some(event) = self.session.poll_event() {
                self.hub.events.push(event);
            }
            if self.session.ended().is_some() {
                return false;
            }
            if !self.show_picture() {
                break;
            }
        }
        self.show_pointer();
        self.play();
        self.listen();
        self.perform();
        true
    }

    /// Hands the viewer the sound that its connection has room for.
    fn play(&mut self) {
        while self.has_room(PLAYBACK)
            && let Some(step) = self.hub.stage.next_step(self.session_id)
        {
            let now = self.started.elapsed();
            match step {
                Step::Samples(samples) => {
                    for packet in self.coder.encode(&samples) {
                        self.session.play(PlaybackOrder::Play(packet), now);
                    }
                }
                Step::Order(order) => {
                    if matches!(order, PlaybackOrder::Start(_) | PlaybackOrder::Stop)
                        && let Some(packet) = self.coder.finish()
                    {
                        self.session.play(PlaybackOrder::Play(packet), now);
                    }
                    if let PlaybackOrder::Start(format) = order
                        && let Some(mode) = self.session.playback_mode(format)
                    {
                        self.coder.start(format, mode);
                    }
                    self.session.play(order, now);
                }
            }
            self.perform();
        }
    }

    /// Tells the viewer what is wanted of its microphone.
    fn listen(&mut self) {
        while self.has_room(RECORD)
            && let Some(wish) = self.hub.stage.next_wish(self.session_id)
        {
            if let RecordOrder::Listen(format) = wish {
                self.coder.listen(format);
            }
            self.session.listen(wish);
            self.perform();
        }
    }

    /// Whether sound can be handed to the pump of this channel.
    fn has_room(&self, id: ChannelId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|c| c.outgoing.capacity() > SOUND_ROOM)
    }

    /// Takes what the viewer's user said. A packet that is damaged ends the channel, as at the reference server.
    fn hear_user(&mut self) {
        while let Some(packet) = self.session.poll_recorded() {
            match self.coder.decode(&packet) {
                Ok(samples) => self.hub.stage.record(samples),
                Err(error) => {
                    self.disconnect(RECORD);
                    let fault = Fault::Violation(error.to_string());
                    self.session.closed(RECORD, Parting::Fault(fault));
                }
            }
        }
    }

    /// Acts on what happens at the agent's device.
    fn hear(&mut self, said: Said) {
        match said {
            Said::Attached => self.session.attach_agent(),
            Said::Pieces(pieces) => pieces.iter().for_each(|p| self.session.agent_says(p)),
            Said::Taken => self.session.agent_took(1),
            Said::Detached => self.session.detach_agent(),
        }
    }

    /// Acts on what happens at a port's device.
    fn hear_port(&mut self, number: u8, said: ports::Said) {
        match said {
            ports::Said::Opened => self.session.set_port_open(number, true),
            ports::Said::Data(data) => self.session.port_says(number, &data),
            ports::Said::Closed => self.session.set_port_open(number, false),
        }
    }

    /// Hands frames to the pumps and closes connections, as the session wishes.
    fn perform(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(id, frame) => self.send(id, frame),
                Output::Close(id) => self.disconnect(id),
                Output::Open(_) | Output::Move(_) => {}
            }
        }
        while let Some(data) = self.session.poll_to_agent() {
            self.hub.agent.send(&data);
        }
        while let Some((port, received)) = self.session.poll_from_port() {
            match received {
                Received::Data(data) => self.hub.ports.write(port, data),
                Received::Break => self.hub.events.push(ServerEvent::Break { port }),
                Received::Event(number) => debug!(port, number, "an event of a port"),
            }
        }
    }

    fn send(&mut self, id: ChannelId, frame: Frame) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        if connection.outgoing.try_send(frame).is_err() {
            self.disconnect(id);
            let why = "the viewer does not read what it asked for";
            self.session.closed(id, Parting::Broken(why.into()));
        }
    }

    /// Cuts and sends one change of the screen, if the viewer is ready for it; whether there was one.
    fn show_picture(&mut self) -> bool {
        if !self.session.wants_picture() || !self.is_idle(DISPLAY) {
            return false;
        }
        let update = self.hub.shared.screen().next(self.session_id);
        if let Some(update) = &update {
            self.session.draw(update);
        }
        update.is_some()
    }

    fn show_pointer(&mut self) {
        if self.session.wants_pointer() && self.is_idle(CURSOR) {
            let pointer = self.hub.shared.screen().pointer().clone();
            self.session.point(&pointer);
        }
    }

    fn has_news(&self) -> bool {
        self.hub.shared.screen().has_news(self.session_id)
    }

    /// Whether nothing waits for the pump of this channel.
    fn is_idle(&self, id: ChannelId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|c| c.outgoing.capacity() == SEND_QUEUE)
    }

    /// The sending end of a channel that has something to say and waits for its pump.
    fn waits_for(&self, id: ChannelId, has_something: bool) -> Option<mpsc::Sender<Frame>> {
        let waits = has_something && !self.is_idle(id);
        let connection = self.connections.get(&id).filter(|_| waits);
        connection.map(|c| c.outgoing.clone())
    }

    fn take(&mut self, incoming: Incoming<Key>) {
        match incoming {
            Incoming::Frame((id, number), frame, _permit) => {
                if self.is_current(id, number) {
                    self.session.receive(id, &frame, self.started.elapsed());
                    self.hear_user();
                }
            }
            Incoming::End((id, number), end) => {
                debug!(channel = %id, "connection over: {end}");
                if self.is_current(id, number) {
                    self.disconnect(id);
                    self.session.closed(id, parting(end));
                }
            }
        }
    }

    /// Closes a connection from here; what is queued for it is still written.
    fn disconnect(&mut self, id: ChannelId) {
        self.connections.remove(&id);
        match id {
            DISPLAY => self.hub.shared.screen().leave(self.session_id),
            PLAYBACK => self.hub.stage.leave_audience(self.session_id),
            RECORD => self.hub.stage.leave_speakers(self.session_id),
            _ => {}
        }
    }

    fn is_current(&self, id: ChannelId, number: u64) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|c| c.number == number)
    }

    fn open(&mut self, linked: Linked) {
        let id = linked.id;
        let now = self.started.elapsed();
        if !self.session.opened(id, &linked.established, now) {
            debug!(channel = %id, "linked twice");
            return;
        }
        match id {
            DISPLAY => self.hub.shared.screen().join(self.session_id),
            PLAYBACK => self.hub.stage.join_audience(self.session_id),
            RECORD => self.hub.stage.join_speakers(self.session_id),
            _ => {}
        }
        self.linked += 1;
        let (outgoing, frames) = mpsc::channel(SEND_QUEUE);
        let number = self.linked;
        self.connections.insert(id, Connection { number, outgoing });
        let queue = match id {
            ChannelId::INPUTS => &self.inputs,
            id if is_port(&id) => &self.ports,
            _ => &self.frames,
        };
        let incoming = queue.sender.clone();
        let budget = self.budget.clone();
        self.pumps.spawn(pump(
            linked.into_wire(),
            (id, number),
            frames,
            incoming,
            budget,
        ));
    }

    /// Tells why, and lets the pumps write what they have.
    async fn part(mut self) {
        self.hub.agent.close(self.session.talks_with_agent()).await;
        self.hub.ports.close().await;
        self.hub.shared.screen().leave(self.session_id);
        self.hub.stage.leave_audience(self.session_id);
        self.hub.stage.leave_speakers(self.session_id);
        let why = self.session.ended().cloned().unwrap_or(Parting::Shutdown);
        info!("viewer disconnected: {why}");
        self.hub.events.push(ServerEvent::Disconnected(why));
        self.connections.clear();
        // They report their ends to nobody.
        drop((self.frames, self.inputs, self.ports));
        let all = async { while self.pumps.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, all).await;
    }
}

fn is_port(id: &ChannelId) -> bool {
    id.kind == ChannelKind::Port
}

fn parting(end: PumpEnd) -> Parting {
    match end {
        PumpEnd::Closed | PumpEnd::Reset | PumpEnd::Dropped => Parting::Left,
        PumpEnd::TooLong(error) => Parting::Fault(Fault::Frame(error)),
        PumpEnd::CutShort | PumpEnd::Io(_) => Parting::Broken(end.to_string()),
    }
}

/// Waits until nothing waits for the pump. Cancel safe: the permits go back.
async fn room(outgoing: Option<mpsc::Sender<Frame>>) {
    match outgoing {
        // Its receiver may be gone; the end of the connection is on its way then.
        Some(outgoing) => match outgoing.reserve_many(SEND_QUEUE).await {
            Ok(_) => {}
            Err(_) => pending().await,
        },
        None => pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}
