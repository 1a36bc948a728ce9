//! The task that drives one session: frames and commands in, frames and events out.

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
    ClientEvent, ClientSession, CloseReason, Command, Hold, Move, Output, SessionConfig, Tap, Way,
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

    fn put_out_there(&mut self, order: Move) {
        let now = self.intake.now();
        match order {
            Move::Aim(to) => {
                let route = self.dial.route.towards(&to);
                let dial = route.map(|route| Dial {
                    route,
                    ..self.dial.clone()
                });
                self.there = Some(There::new(dial));
            }
            Move::Open(id) => self.open_there(id),
            Move::Send(id, frame) => {
                if let Some(there) = &self.there {
                    there.send(id, frame);
                }
            }
            Move::Take(id) => self.take(id, now),
            Move::Settle => match self.there.as_ref().map(There::dial) {
                Some(Ok(dial)) => self.dial = dial.clone(),
                Some(Err(why)) => self.stranded = Some(why.clone()),
                None => {}
            },
            Move::Drop => self.there = None,
        }
    }

    fn open_there(&mut self, id: ChannelId) {
        let request = self.request(id);
        let Some(there) = &mut self.there else { return };
        match there.dial().clone() {
            Ok(dial) => {
                self.lives += 1;
                let key = (id, self.lives);
                let task = async move { (key, dial.channel(request, id).await) };
                there.dials(key, self.dialling.spawn(task));
            }
            Err(why) => {
                let (why, now) = (CloseReason::Refused(why), self.intake.now());
                self.session.lost_there(id, &why, now);
            }
        }
    }

    fn dialled_there(&mut self, key: Key, result: Dialled) {
        let Some(mut there) = self.there.take_if(|there| there.has_dialled(key)) else {
            return;
        };
        let (now, id) = (self.intake.now(), key.0);
        match result {
            Ok((established, wire)) => {
                let frames = self.spawn_pump(key, wire);
                there.linked(key, frames, established.clone());
                self.there = Some(there);
                self.session.linked_there(id, established, now);
            }
            Err(error) => {
                self.there = Some(there);
                let why = CloseReason::Refused(chain(&error));
                self.session.lost_there(id, &why, now);
            }
        }
    }

    /// Keeps what the other host says until its connection is taken; main is listened to.
    fn received_there(&mut self, incoming: Incoming<Key>) {
        let now = self.intake.now();
        let Some(there) = &mut self.there else { return };
        match incoming {
            Incoming::Frame(key, frame, _share) if key.0 == ChannelId::MAIN && there.has(key) => {
                self.session.received_there(&frame, now);
            }
            Incoming::End(key, end) if there.has(key) => {
                there.lose(key.0);
                let why = close_reason(key.0, end);
                self.session.lost_there(key.0, &why, now);
            }
            incoming => there.hold(incoming),
        }
    }

    /// Puts a channel's connection to the other host in the place of the one it had.
    fn take(&mut self, id: ChannelId, now: Duration) {
        let old = self.connections.remove(&id);
        self.disconnect(id);
        if let Some(tap) = &mut self.tap
            && old.is_some()
        {
            tap.closed(now, id);
        }
        let taken = self.there.as_mut().and_then(|there| {
            there.leave_open(old);
            there.take(id)
        });
        let Some((connection, established, held)) = taken else {
            // The session has not heard of its end yet.
            let why = CloseReason::Broken("the new host closed the connection".into());
            self.session.closed(id, why);
            return;
        };
        debug!(channel = %id, "taken over at the new host");
        self.wished.insert(id, connection.life);
        self.connections.insert(id, connection);
        if let Some(tap) = &mut self.tap {
            tap.opened(now, id, &established);
        }
        for incoming in held {
            self.received(incoming);
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use bytes::BytesMut;
    use tokio::net::UnixStream;
    use tokio::runtime::Builder;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::channel::display::messages::{SurfaceCreate, SurfaceFlags, SurfaceFormat};
    use crate::channel::{ChannelKind, Message, display, main};
    use crate::net::{Address, Stream};
    use crate::wire::HeaderKind;

    const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

    /// A connection to nobody.
    fn linked() -> (Established, Wire) {
        let (ours, _) = UnixStream::pair().expect("a pair of sockets");
        let wire = Wire {
            stream: Stream::Unix(ours),
            leftover: BytesMut::new(),
            header: HeaderKind::Mini,
            limit: 1 << 20,
        };
        (Established::default(), wire)
    }

    /// A driver whose main channel is linked and has been told its session.
    fn driver() -> Driver {
        let address = Address::parse("/there/is/no/such/socket").expect("a path");
        let mut driver = Driver::new(ClientConfig::new(address));
        let _ = driver.session.poll_output();
        let key = driver.wish(ChannelId::MAIN);
        let (established, wire) = linked();
        driver.opened(key, established, wire);
        let init = main::messages::Init {
            session_id: 1,
            display_channels_hint: 1,
            supported_mouse_modes: 1,
            current_mouse_mode: 1,
            agent_connected: 0,
            agent_tokens: 0,
            multi_media_time: 0,
            ram_hint: 0,
        };
        say(
            &mut driver,
            key,
            main::messages::ServerMessage::Init(init).to_frame(),
        );
        driver
    }

    /// A connection says something.
    fn say(driver: &mut Driver, key: Key, frame: Frame) {
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned();
        driver.received(Incoming::Frame(key, frame, share.expect("a permit")));
    }

    /// The server lists the display channel; what the driver calls the connection it begins to make.
    fn list_display(driver: &mut Driver) -> Key {
        let channels = vec![DISPLAY];
        let list = main::messages::ChannelsList { channels };
        let list = main::messages::ServerMessage::ChannelsList(list);
        say(
            driver,
            (ChannelId::MAIN, driver.wished[&ChannelId::MAIN]),
            list.to_frame(),
        );
        driver.perform();
        (DISPLAY, driver.wished[&DISPLAY])
    }

    /// The display channel breaks the protocol, and the server lists it again; its old connection and the new one.
    fn relisted(driver: &mut Driver) -> (Key, Key) {
        let old = list_display(driver);
        driver.dialled(old, Ok(linked()));
        say(driver, old, Frame::new(314, vec![1]));
        driver.perform();
        assert!(!driver.connections.contains_key(&DISPLAY), "it is closed");
        let new = list_display(driver);
        (old, new)
    }

    fn surface_create() -> Frame {
        let create = SurfaceCreate {
            surface_id: 0,
            width: 8,
            height: 8,
            format: SurfaceFormat::Xrgb,
            flags: SurfaceFlags::PRIMARY,
        };
        display::messages::ServerMessage::SurfaceCreate(create).to_frame()
    }

    fn has_screen(driver: &Driver) -> bool {
        let display = driver.session.display(0);
        display.is_some_and(|display| display.primary_size().is_some())
    }

    #[tokio::test]
    async fn what_an_old_connection_says_late_is_not_for_the_new_one_of_its_channel() {
        let mut driver = driver();
        let (old, new) = relisted(&mut driver);
        driver.dialled(new, Ok(linked()));

        say(&mut driver, old, surface_create());
        driver.received(Incoming::End(old, PumpEnd::Dropped));
        assert!(!has_screen(&driver));
        assert!(driver.connections.contains_key(&DISPLAY));

        say(&mut driver, new, surface_create());
        assert!(has_screen(&driver));
    }

    #[tokio::test]
    async fn a_connection_that_is_made_or_fails_too_late_changes_nothing() {
        let mut driver = driver();
        let (old, new) = relisted(&mut driver);
        let refused = ConnectError::Timeout {
            address: Address::tcp("vm.example", 5900),
            after: Duration::ZERO,
        };

        driver.dialled(old, Ok(linked()));
        driver.dialled(old, Err(refused));
        assert!(!driver.connections.contains_key(&DISPLAY));
        driver.dialled(new, Ok(linked()));
        say(&mut driver, new, surface_create());
        assert!(has_screen(&driver));
    }

    #[tokio::test]
    async fn what_was_held_back_for_a_connection_goes_with_it() {
        let mut driver = driver();
        let old = list_display(&mut driver);
        driver.dialled(old, Ok(linked()));
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned();
        let late = Incoming::Frame(old, surface_create(), share.expect("a permit"));
        driver.held.entry(DISPLAY).or_default().push_back(late);

        driver.session.closed(DISPLAY, CloseReason::ByPeer);
        driver.disconnect(DISPLAY);
        let new = list_display(&mut driver);
        driver.dialled(new, Ok(linked()));
        assert_eq!(driver.ready_channel(), None);
        assert!(!has_screen(&driver));
    }

    /// Counts how often it is shown the session.
    struct Onlooker(Arc<AtomicU32>);

    impl Tap for Onlooker {
        fn frame(&mut self, _: Duration, _: ChannelId, _: Way, _: &Frame) {}

        fn wants_session(&self) -> bool {
            true
        }

        fn session(&mut self, _: Duration, _: &ClientSession) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_session_is_shown_to_who_wants_to_see_it_unless_there_is_nothing_on_it() {
        for draws in [true, false] {
            let seen = Arc::<AtomicU32>::default();
            let mut config = ClientConfig::new(Address::tcp("vm.example", 5900));
            config.tap = Some(Box::new(Onlooker(seen.clone())));
            config.session.draws = draws;
            Driver::new(config).show_session();
            assert_eq!(seen.load(Ordering::Relaxed), u32::from(draws));
        }
    }

    #[test]
    fn a_server_that_goes_has_closed_the_session_whatever_it_had_read() {
        for end in [PumpEnd::Closed, PumpEnd::Reset] {
            assert_eq!(close_reason(ChannelId::MAIN, end), CloseReason::ByPeer);
        }
        let alone = close_reason(DISPLAY, PumpEnd::Reset);
        assert_eq!(
            alone,
            CloseReason::Broken("connection reset by peer".into())
        );
    }

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
