//! The task that drives one session: frames and commands in, frames and events out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::pending;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{debug, info};

use super::{ClientConfig, ConnectError};
use crate::channel::job::Finished;
use crate::channel::{ChannelId, Fault};
use crate::link::{Established, LinkRequest, Password};
use crate::net::{Address, Budget, Incoming, PumpEnd, Stream, Wire, handshake, pump};
use crate::session::{
    ClientEvent, ClientSession, CloseReason, Command, Output, SessionConfig, Tap, Way,
};
use crate::wire::Frame;

/// Frames that may wait for a connection's pump. When full the channel's frames wait here; nothing is dropped.
const SEND_QUEUE: usize = 64;

/// Frames that may wait for the driver, over all connections.
const FRAME_QUEUE: usize = 64;

/// Frames that may wait for a stuck connection before it is given up. Only input and answers are ever sent, so this many
/// mean a server that asks and never reads.
const MAX_BACKLOG: usize = 16 * 1024;

/// While frames keep coming, events are offered to the user this often; in between damage merges.
const EVENT_PACE: Duration = Duration::from_millis(4);

/// How long events are cut in one go, not counting the last one: a key press waits for them. Each may take half a millisecond,
/// a MiB of fresh memory.
const EVENTS_FOR: Duration = Duration::from_millis(1);

/// Frames taken in one go while no command waits. Acknowledgements leave after them, so they are fewer than a server's window.
const FRAMES_AT_ONCE: u32 = 8;

/// Owns the session, its tap and the sending ends of its connections.
pub(super) struct Driver {
    session: ClientSession,
    started: Instant,
    dial: Dial,
    tap: Option<Box<dyn Tap>>,
    connections: HashMap<ChannelId, Connection>,
    dialling: JoinSet<(ChannelId, Dialled)>,
    /// Decoding that would keep commands waiting.
    jobs: JoinSet<Finished>,
    /// What arrived for channels while they wait for a job. It keeps its share of the budget, so the pumps stop reading.
    held: BTreeMap<ChannelId, VecDeque<Incoming<ChannelId>>>,
    incoming: mpsc::Receiver<Incoming<ChannelId>>,
    to_driver: mpsc::Sender<Incoming<ChannelId>>,
    budget: Budget,
}

/// How much of what there is to tell the user was told.
enum Told {
    All,
    Some,
    /// The end of the session.
    End,
}

/// A linked channel, or why there is none.
type Dialled = Result<(Established, Wire), ConnectError>;

/// What it takes to connect another channel.
#[derive(Clone)]
struct Dial {
    address: Address,
    password: Password,
    timeout: Duration,
}

/// The sending side of one channel's connection.
struct Connection {
    frames: mpsc::Sender<Frame>,
    /// Frames the queue had no room for, in order.
    backlog: VecDeque<Frame>,
}

impl Driver {
    /// Connects and links the main channel.
    pub async fn connect(config: ClientConfig) -> Result<Self, ConnectError> {
        let session = SessionConfig {
            view_only: config.view_only,
            offload: true,
            clock: monotonic,
            ..config.session
        };
        let session = ClientSession::new(session);
        let dial = Dial {
            address: config.address,
            password: config.password,
            timeout: config.connect_timeout,
        };
        let (to_driver, incoming) = mpsc::channel(FRAME_QUEUE);
        let mut driver = Self {
            session,
            started: Instant::now(),
            dial,
            tap: config.tap,
            connections: HashMap::new(),
            dialling: JoinSet::new(),
            jobs: JoinSet::new(),
            held: BTreeMap::new(),
            incoming,
            to_driver,
            budget: Budget::default(),
        };
        let request = driver.request(ChannelId::MAIN);
        let (established, wire) = driver
            .dial
            .clone()
            .channel(request, ChannelId::MAIN)
            .await?;
        info!(address = %driver.dial.address, "linked");
        // The session's own wish to open main is fulfilled.
        let _ = driver.session.poll_output();
        driver.opened(ChannelId::MAIN, established, wire);
        Ok(driver)
    }

    /// Runs until the session is over and the user has been told, or nobody listens any more.
    pub async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<ClientEvent>,
    ) {
        let mut offered = Instant::now();
        loop {
            self.perform();
            if offered.elapsed() >= EVENT_PACE {
                match self.tell(&events) {
                    Told::All => offered = Instant::now(),
                    Told::Some => {}
                    Told::End => return,
                }
            }
            let ready = self.ready_channel();
            let timeout = self.session.poll_timeout().map(|at| self.started + at);
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.session.command(command, self.started.elapsed()),
                    // The client was dropped.
                    None => return,
                },
                Some(done) = self.dialling.join_next() => {
                    if let Ok((id, result)) = done {
                        self.dialled(id, result);
                    }
                }
                Some(done) = self.jobs.join_next() => {
                    if let Ok(finished) = done {
                        self.session.finish(finished, self.started.elapsed());
                    }
                }
                () = sleep_until(timeout) => self.session.tick(self.started.elapsed()),
                () = std::future::ready(()), if ready.is_some() => self.release(ready),
                () = room(&self.connections) => {}
                Some(incoming) = self.incoming.recv() => self.received_some(incoming, &commands),
                room = events.reserve(), if self.session.has_event() => {
                    if room.is_err() {
                        return;
                    }
                    drop(room);
                    offered = Instant::now();
                    if let Told::End = self.tell(&events) {
                        return;
                    }
                }
            }
        }
    }

    /// Tells the user what there is room for, but not for long.
    fn tell(&mut self, events: &mpsc::Sender<ClientEvent>) -> Told {
        let began = Instant::now();
        while let Ok(room) = events.try_reserve() {
            let Some(event) = self.session.poll_event() else {
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
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(id, frame) => self.send(id, frame),
                Output::Open(id) => {
                    let (request, dial) = (self.request(id), self.dial.clone());
                    self.dialling
                        .spawn(async move { (id, dial.channel(request, id).await) });
                }
                Output::Close(id) => {
                    if self.connections.remove(&id).is_some() {
                        self.tap_closed(id);
                    }
                }
            }
        }
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
            self.connections.remove(&id);
            let text = "the server asks for answers and does not read them".to_owned();
            self.session
                .closed(id, CloseReason::Protocol(Fault::Limit(text)));
        }
    }

    fn send(&mut self, id: ChannelId, frame: Frame) {
        if let Some(tap) = &mut self.tap {
            tap.frame(self.started.elapsed(), id, Way::ToServer, &frame);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.backlog.push_back(frame);
        }
    }

    /// Takes a frame and some of those that wait behind it, unless a command comes.
    fn received_some(&mut self, first: Incoming<ChannelId>, commands: &mpsc::Receiver<Command>) {
        self.received(first);
        for _ in 1..FRAMES_AT_ONCE {
            if !commands.is_empty() {
                return;
            }
            match self.incoming.try_recv() {
                Ok(incoming) => self.received(incoming),
                Err(_) => return,
            }
        }
    }

    fn received(&mut self, incoming: Incoming<ChannelId>) {
        let (Incoming::Frame(id, ..) | Incoming::End(id, _)) = incoming;
        if let (Incoming::Frame(_, frame, _), Some(tap)) = (&incoming, &mut self.tap) {
            tap.frame(self.started.elapsed(), id, Way::ToClient, frame);
        }
        if self.held.contains_key(&id) || self.session.is_decoding(id) {
            self.held.entry(id).or_default().push_back(incoming);
        } else {
            self.deliver(incoming);
        }
    }

    /// A channel that waits for no job and has something held back.
    fn ready_channel(&self) -> Option<ChannelId> {
        let mut channels = self.held.keys();
        channels.find(|id| !self.session.is_decoding(**id)).copied()
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

    fn deliver(&mut self, incoming: Incoming<ChannelId>) {
        match incoming {
            Incoming::Frame(id, frame, _share) => {
                self.session.receive(id, frame, self.started.elapsed());
            }
            Incoming::End(id, end) => {
                debug!(channel = %id, %end, "connection ended");
                if self.connections.remove(&id).is_some() {
                    self.tap_closed(id);
                    self.session.closed(id, close_reason(end));
                }
            }
        }
    }

    fn dialled(&mut self, id: ChannelId, result: Dialled) {
        match result {
            Ok((established, wire)) => self.opened(id, established, wire),
            Err(error) => self.session.closed(id, CloseReason::Refused(chain(&error))),
        }
    }

    fn opened(&mut self, id: ChannelId, established: Established, wire: Wire) {
        let now = self.started.elapsed();
        debug!(channel = %id, header = ?established.header, "channel linked");
        if let Some(tap) = &mut self.tap {
            tap.opened(now, id, &established);
        }
        let (frames, outgoing) = mpsc::channel(SEND_QUEUE);
        self.connections.insert(
            id,
            Connection {
                frames,
                backlog: VecDeque::new(),
            },
        );
        tokio::spawn(pump(
            wire,
            id,
            outgoing,
            self.to_driver.clone(),
            self.budget.clone(),
        ));
        self.session.opened(id, established, now);
    }

    fn request(&self, id: ChannelId) -> LinkRequest {
        LinkRequest {
            connection_id: self.session.connection_id(),
            channel_type: id.kind.number(),
            channel_id: id.id,
            capabilities: self.session.capabilities(id).unwrap_or_default(),
            password: self.dial.password.clone(),
        }
    }

    fn tap_closed(&mut self, id: ChannelId) {
        if let Some(tap) = &mut self.tap {
            tap.closed(self.started.elapsed(), id);
        }
    }
}

impl Dial {
    /// Connects and links one channel within the time allowed.
    async fn channel(
        self,
        request: LinkRequest,
        id: ChannelId,
    ) -> Result<(Established, Wire), ConnectError> {
        let link = async {
            let mut stream =
                Stream::connect(&self.address)
                    .await
                    .map_err(|source| ConnectError::Io {
                        address: self.address.clone(),
                        source,
                    })?;
            let (established, leftover) = handshake(&mut stream, request)
                .await
                .map_err(|error| ConnectError::from_handshake(&self.address, error))?;
            let (header, limit) = (established.header, id.kind.server_body_limit());
            Ok((
                established,
                Wire {
                    stream,
                    leftover,
                    header,
                    limit,
                },
            ))
        };
        match tokio::time::timeout(self.timeout, link).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::Timeout {
                address: self.address.clone(),
                after: self.timeout,
            }),
        }
    }
}

/// Does work on a thread for it. When that comes to nothing the result is `lost`.
async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static, lost: T) -> T {
    spawn_blocking(work).await.unwrap_or(lost)
}

/// Waits for the moment; for ever without one. Cancel safe: it holds nothing.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// Waits until a connection with a backlog takes frames again. Cancel safe: a permit that was taken is given back.
async fn room(connections: &HashMap<ChannelId, Connection>) {
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

fn close_reason(end: PumpEnd) -> CloseReason {
    match end {
        PumpEnd::Closed => CloseReason::ByPeer,
        PumpEnd::Dropped => CloseReason::Requested,
        PumpEnd::TooLong(error) => CloseReason::Protocol(Fault::Frame(error)),
        PumpEnd::CutShort => {
            CloseReason::Broken("the server closed it in the middle of a message".into())
        }
        PumpEnd::Io(error) => CloseReason::Broken(error.to_string()),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn work_that_panics_or_finds_no_thread_is_known_to_be_lost() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(runtime.block_on(outside(|| "done", "lost")), "done");
        assert_eq!(
            runtime.block_on(outside(|| panic!("a fault in a job"), "lost")),
            "lost"
        );

        let gone = runtime.handle().clone();
        runtime.shutdown_background();
        assert_eq!(gone.block_on(outside(|| "done", "lost")), "lost");
    }
}
