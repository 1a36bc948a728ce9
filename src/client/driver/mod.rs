//! The task that drives one session: frames and commands in, frames and events out.

mod moving;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{debug, info};

use super::dial::{Dial, Dialled};
use super::intake::Intake;
use super::there::There;
use super::{ClientConfig, ConnectError};
use crate::channel::job::Finished;
use crate::channel::{ChannelId, Fault};
use crate::link::{Established, LinkRequest};
use crate::net::{Budget, Incoming, PumpEnd, Wire, pump};
use crate::session::{
    ClientEvent, ClientSession, CloseReason, Command, Hold, Output, SessionConfig, Tap, Way,
};
use crate::wire::Frame;
use crate::words::{chain, system};

/// Frames that may wait for a connection's pump. When full the channel's frames wait here; nothing is dropped.
const SEND_QUEUE: usize = 64;

/// Frames that may wait for the driver, over all connections.
const FRAME_QUEUE: usize = 64;

/// Frames that may wait for a stuck connection before it is given up. Only input and answers are ever sent, so this many
/// mean a server that asks and never reads.
const MAX_BACKLOG: usize = 16 * 1024;

/// While frames keep coming, events are offered to the user this long after the first of them; in between damage merges.
const EVENT_PACE: Duration = Duration::from_millis(4);

/// How long events are cut in one go, not counting the last one: a key press waits for them. Each may take half a millisecond,
/// a MiB of fresh memory.
const EVENTS_FOR: Duration = Duration::from_millis(1);

/// Frames taken in one go while no command waits. Acknowledgements leave after them, so they are fewer than a server's window.
const FRAMES_AT_ONCE: u32 = 8;

/// Owns the session, its tap and the sending ends of its connections.
pub(super) struct Driver {
    session: ClientSession,
    intake: Intake,
    dial: Dial,
    /// The host the machine moves to.
    there: Option<There>,
    /// Why there is no way to the host the machine has moved to.
    stranded: Option<String>,
    tap: Option<Box<dyn Tap>>,
    connections: BTreeMap<ChannelId, Connection>,
    /// Connections the session ever wished for.
    lives: u64,
    /// The newest connection the session wished for, of each channel it has not closed since.
    wished: BTreeMap<ChannelId, u64>,
    dialling: JoinSet<(Key, Dialled)>,
    /// Decoding that would keep commands waiting.
    jobs: JoinSet<Finished>,
    /// What arrived for channels while they take nothing. It keeps its share of the budget, so the pumps stop reading.
    /// INVARIANT: it came from their connections of now.
    held: BTreeMap<ChannelId, VecDeque<Incoming<Key>>>,
    incoming: mpsc::Receiver<Incoming<Key>>,
    to_driver: mpsc::Sender<Incoming<Key>>,
    budget: Budget,
}

/// A channel, and which of its connections: a server may list an id again whose channel was closed, and what the old
/// connection still says is not for the new one.
pub(super) type Key = (ChannelId, u64);

/// How much of what there is to tell the user was told.
enum Told {
    All,
    Some,
    /// The end of the session.
    End,
}

/// The sending side of one channel's connection.
pub(super) struct Connection {
    pub(super) life: u64,
    pub(super) frames: mpsc::Sender<Frame>,
    /// Frames the queue had no room for, in order.
    backlog: VecDeque<Frame>,
}

impl Connection {
    pub(super) const fn new(life: u64, frames: mpsc::Sender<Frame>) -> Self {
        let backlog = VecDeque::new();
        Self {
            life,
            frames,
            backlog,
        }
    }
}

impl Driver {
    /// Connects and links the main channel.
    pub async fn connect(config: ClientConfig) -> Result<Self, ConnectError> {
        let mut driver = Self::new(config);
        let request = driver.request(ChannelId::MAIN);
        let (established, wire) = driver
            .dial
            .clone()
            .channel(request, ChannelId::MAIN)
            .await?;
        info!("linked");
        // The session's own wish to open main is fulfilled.
        let _ = driver.session.poll_output();
        let key = driver.wish(ChannelId::MAIN);
        driver.opened(key, established, wire);
        Ok(driver)
    }

    /// Asks for the main channel, and leaves before the password.
    pub async fn greet(config: ClientConfig) -> Result<(), ConnectError> {
        let driver = Self::new(config);
        driver
            .dial
            .greet(driver.request(ChannelId::MAIN), ChannelId::MAIN)
            .await
    }

    fn new(config: ClientConfig) -> Self {
        let session = SessionConfig {
            view_only: config.view_only,
            offload: true,
            clock: monotonic,
            ..config.session
        };
        let dial = Dial {
            route: config.route,
            password: config.password,
            user: config.user,
            timeout: config.connect_timeout,
        };
        let (to_driver, incoming) = mpsc::channel(FRAME_QUEUE);
        Self {
            session: ClientSession::new(session),
            intake: Intake::new(),
            dial,
            there: None,
            stranded: None,
            tap: config.tap,
            connections: BTreeMap::new(),
            lives: 0,
            wished: BTreeMap::new(),
            dialling: JoinSet::new(),
            jobs: JoinSet::new(),
            held: BTreeMap::new(),
            incoming,
            to_driver,
            budget: Budget::default(),
        }
    }

    /// Runs until the session is over and the user has been told, or nobody listens any more.
    pub async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<ClientEvent>,
    ) {
        // Since when there may be something that the user was not told.
        let mut since = Instant::now();
        // One for all times: a timer that is made anew wakes the thread that waits for sockets, most often this very one.
        let mut alarm = pin!(tokio::time::sleep_until(since.into()));
        loop {
            self.perform();
            self.finish_step();
            self.show_session();
            if since.elapsed() >= EVENT_PACE {
                match self.tell(&events) {
                    Told::All => since = Instant::now(),
                    Told::Some => {}
                    Told::End => return,
                }
            }
            let ready = self.ready_channel();
            let due = self.session.poll_timeout();
            let due = due.and_then(|at| self.intake.instant(at));
            if let Some(at) = due.filter(|at| alarm.deadline() != (*at).into()) {
                alarm.as_mut().reset(at.into());
            }
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Hold(order)) => self.hold(order),
                    Some(command) => self.session.command(command, self.intake.now()),
                    // The client was dropped.
                    None => return,
                },
                Some(done) = self.dialling.join_next() => {
                    if let Ok((key, result)) = done {
                        self.dialled(key, result);
                    }
                }
                Some(done) = self.jobs.join_next() => {
                    if let Ok(finished) = done {
                        self.session.finish(finished, self.intake.now());
                    }
                }
                () = alarm.as_mut(), if due.is_some() => self.session.tick(self.intake.now()),
                () = std::future::ready(()), if ready.is_some() => self.release(ready),
                () = room(&self.connections) => {}
                Some(incoming) = self.incoming.recv(), if self.intake.takes() => {
                    if !self.has_event() {
                        since = Instant::now();
                    }
                    self.received_some(incoming, &commands);
                }
                room = events.reserve(), if self.has_event() => {
                    if room.is_err() {
                        return;
                    }
                    drop(room);
                    since = Instant::now();
                    if let Told::End = self.tell(&events) {
                        return;
                    }
                }
            }
        }
    }

    /// Whether there is something to tell the user.
    fn has_event(&self) -> bool {
        self.session.has_event() || self.intake.has_event()
    }

    /// Shows the session to a tap that wants to see it, once all that came was acted on.
    fn show_session(&mut self) {
        let is_whole = self.held.is_empty() && self.session.is_settled() && self.session.draws();
        if let Some(tap) = self
            .tap
            .as_mut()
            .filter(|tap| is_whole && tap.wants_session())
        {
            tap.session(self.intake.now(), &self.session);
        }
    }

    /// Takes in what the server says, or does not.
    fn hold(&mut self, order: Hold) {
        if let Some(stood) = self.intake.obey(order) {
            self.session.stood_still(stood);
        }
    }

    /// Looks whether the one message that was let in is done with.
    fn finish_step(&mut self) {
        if let Some(id) = self.intake.passed()
            && !self.held.contains_key(&id)
            && !self.session.is_decoding(id)
        {
            self.intake.done();
        }
    }

    /// Tells the user what there is room for, but not for long.
    fn tell(&mut self, events: &mpsc::Sender<ClientEvent>) -> Told {
        let began = Instant::now();
        while let Ok(room) = events.try_reserve() {
            let event = self.session.poll_event();
            let Some(event) = event.or_else(|| self.intake.poll_event()) else {
                return Told::All;
            };
            let last = matches!(event, ClientEvent::Closed(_));
            room.send(event);
            if last {
                return Told::End;
            }
            if began.elapsed() >= EVENTS_FOR {
                break;
            }
        }
        Told::Some
    }

    /// Does what the session wants done.
    fn perform(&mut self) {
        while let Some(job) = self.session.poll_job() {
            // Whoever wakes the decoding thread often loses its core to it for milliseconds: a task of its own, not this one.
            let lost = job.lost();
            self.jobs.spawn(outside(|| job.run(), lost));
        }
        loop {
            self.put_out();
            self.push_backlogs();
            let passed_on = |id: &ChannelId| {
                self.connections
                    .get(id)
                    .is_some_and(|connection| connection.backlog.is_empty())
            };
            let flushed: Vec<ChannelId> = self.session.await_flush().filter(passed_on).collect();
            if flushed.is_empty() {
                return;
            }
            for id in flushed {
                self.session.flushed(id, self.intake.now());
            }
        }
    }

    fn put_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(id, frame) => self.send(id, frame),
                Output::Open(id) if self.stranded.is_some() => {
                    let why = self.stranded.clone().unwrap_or_default();
                    self.session.closed(id, CloseReason::Refused(why));
                }
                Output::Open(id) => {
                    let (request, dial) = (self.request(id), self.dial.clone());
                    let key = self.wish(id);
                    self.dialling
                        .spawn(async move { (key, dial.channel(request, id).await) });
                }
                Output::Close(id) => {
                    self.wished.remove(&id);
                    self.disconnect(id);
                }
                Output::Move(order) => self.put_out_there(order),
            }
        }
    }

    /// Gives the connections what they have room for.
    fn push_backlogs(&mut self) {
        let mut stuck = Vec::new();
        for (id, connection) in &mut self.connections {
            while let Some(frame) = connection.backlog.pop_front() {
                if let Err(mpsc::error::TrySendError::Full(frame)) =
                    connection.frames.try_send(frame)
                {
                    connection.backlog.push_front(frame);
                    break;
                }
            }
            if connection.backlog.len() > MAX_BACKLOG {
                stuck.push(*id);
            }
        }
        for id in stuck {
            self.disconnect(id);
            let text = "the server asks for answers and does not read them".to_owned();
            self.session
                .closed(id, CloseReason::Protocol(Fault::Limit(text)));
        }
    }

    fn send(&mut self, id: ChannelId, frame: Frame) {
        if let Some(tap) = &mut self.tap {
            tap.frame(self.intake.now(), id, Way::ToServer, &frame);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.backlog.push_back(frame);
        }
    }

    /// Takes a frame and some of those that wait behind it, unless a command comes.
    fn received_some(&mut self, first: Incoming<Key>, commands: &mpsc::Receiver<Command>) {
        self.received(first);
        for _ in 1..FRAMES_AT_ONCE {
            if !commands.is_empty() || !self.intake.takes_all() {
                return;
            }
            match self.incoming.try_recv() {
                Ok(incoming) => self.received(incoming),
                Err(_) => return,
            }
        }
    }

    fn received(&mut self, incoming: Incoming<Key>) {
        let (Incoming::Frame((id, life), ..) | Incoming::End((id, life), _)) = incoming;
        if self.connections.get(&id).is_none_or(|c| c.life != life) {
            // From the host the machine moves to, or said before it learned that it was closed.
            self.received_there(incoming);
            return;
        }
        self.intake.took(id);
        if let (Incoming::Frame(_, frame, _), Some(tap)) = (&incoming, &mut self.tap) {
            tap.frame(self.intake.now(), id, Way::ToClient, frame);
        }
        if self.held.contains_key(&id) || !self.session.takes_frames(id) {
            self.held.entry(id).or_default().push_back(incoming);
        } else {
            self.deliver(incoming);
        }
    }

    /// A channel that takes frames and has something held back.
    fn ready_channel(&self) -> Option<ChannelId> {
        let mut channels = self.held.keys();
        channels.find(|id| self.session.takes_frames(**id)).copied()
    }

    /// Hands on the first of what was held back for a channel.
    fn release(&mut self, channel: Option<ChannelId>) {
        let Some(id) = channel else { return };
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let first = held.pop_front();
        if held.is_empty() {
            self.held.remove(&id);
        }
        if let Some(incoming) = first {
            self.deliver(incoming);
        }
    }

    fn deliver(&mut self, incoming: Incoming<Key>) {
        match incoming {
            Incoming::Frame((id, _), frame, _share) => {
                self.session.receive(id, frame, self.intake.now());
            }
            Incoming::End((id, _), end) => {
                debug!(channel = %id, %end, "connection ended");
                if self.disconnect(id) {
                    self.session.closed(id, close_reason(id, end));
                }
            }
        }
    }

    /// The session wishes for a connection of a channel; what tells it from earlier ones.
    fn wish(&mut self, id: ChannelId) -> Key {
        self.lives += 1;
        self.wished.insert(id, self.lives);
        (id, self.lives)
    }

    fn dialled(&mut self, key: Key, result: Dialled) {
        let (id, life) = key;
        if self.wished.get(&id) != Some(&life) {
            self.dialled_there(key, result);
            // The channel was closed meanwhile, and perhaps wished for anew.
            return;
        }
        match result {
            Ok((established, wire)) => self.opened(key, established, wire),
            Err(error) => self.session.closed(id, CloseReason::Refused(chain(&error))),
        }
    }

    fn opened(&mut self, key: Key, established: Established, wire: Wire) {
        let (id, life) = key;
        let now = self.intake.now();
        debug!(channel = %id, header = ?established.header, "channel linked");
        if let Some(tap) = &mut self.tap {
            tap.opened(now, id, &established);
        }
        let frames = self.spawn_pump(key, wire);
        self.connections.insert(id, Connection::new(life, frames));
        self.session.opened(id, established, now);
    }

    /// Begins to read and write a linked connection; where its frames to the server go.
    fn spawn_pump(&self, key: Key, wire: Wire) -> mpsc::Sender<Frame> {
        let (frames, outgoing) = mpsc::channel(SEND_QUEUE);
        let (to_driver, budget) = (self.to_driver.clone(), self.budget.clone());
        tokio::spawn(pump(wire, key, outgoing, to_driver, budget));
        frames
    }

    fn request(&self, id: ChannelId) -> LinkRequest {
        LinkRequest {
            connection_id: self.session.connection_id(),
            channel_type: id.kind.number(),
            channel_id: id.id,
            capabilities: self.session.capabilities(id).unwrap_or_default(),
            password: self.dial.password.clone(),
            user: self.dial.user.clone(),
        }
    }

    /// Drops a channel's connection and what came from it; whether there was one.
    fn disconnect(&mut self, id: ChannelId) -> bool {
        self.held.remove(&id);
        let existed = self.connections.remove(&id).is_some();
        if let Some(tap) = &mut self.tap
            && existed
        {
            tap.closed(self.intake.now(), id);
        }
        existed
    }
}

/// Does work on a thread for it. When that comes to nothing the result is `lost`.
async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static, lost: T) -> T {
    spawn_blocking(work).await.unwrap_or(lost)
}

/// Waits until a connection with a backlog takes frames again. Cancel safe: a permit that was taken is given back.
async fn room(connections: &BTreeMap<ChannelId, Connection>) {
    match connections.values().find(|c| !c.backlog.is_empty()) {
        // An error means that the pump is gone, which its own end tells.
        Some(connection) if connection.frames.reserve().await.is_ok() => {}
        _ => pending().await,
    }
}

/// Time since the first call: the clock of the decoding statistics.
fn monotonic() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

fn close_reason(id: ChannelId, end: PumpEnd) -> CloseReason {
    match end {
        PumpEnd::Closed => CloseReason::ByPeer,
        // Whether a server that goes has read our last message is chance. A single channel is another matter: servers do not
        // close those, and it may be had again.
        PumpEnd::Reset if id == ChannelId::MAIN => CloseReason::ByPeer,
        PumpEnd::Reset => CloseReason::Broken(end.to_string()),
        PumpEnd::Dropped => CloseReason::Requested,
        PumpEnd::TooLong(error) => CloseReason::Protocol(Fault::Frame(error)),
        PumpEnd::CutShort => {
            CloseReason::Broken("the server closed it in the middle of a message".into())
        }
        PumpEnd::Io(error) if is_absence(&error) => CloseReason::Lost(system(&error)),
        PumpEnd::Io(error) => CloseReason::Broken(system(&error)),
    }
}

/// Whether nobody was there, rather than somebody who hung up.
fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown
    )
}
