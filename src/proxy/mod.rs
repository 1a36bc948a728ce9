//! Standing between SPICE clients and a server: every frame is seen, and may come late, damaged or not at all.
//!
//! Each connection of a client gets one to the server. The link exchange is passed on, with a ticket encrypted anew: the
//! proxy shows the client a key of its own, decrypts the password, and encrypts it for the server, which alone judges
//! it. The password is kept nowhere, and wiped when it was sent. Of the capabilities only those are held back that
//! cannot be kept: SASL, for its exchange is not passed on (with a [`Login`] the proxy itself proves who it is); common ones that
//! are not known here, for they might change how frames are read; and sharing of graphics memory, which needs file descriptors.
//!
//! After that frames pass in both directions: seen by the session's [`Tap`], judged by [`Rule`]s, and sent along a line
//! that may be [slow](Shape). Which connections are one session is known from the id in the server's INIT.

mod fault;
mod gate;
mod join;
mod link;
mod sessions;
mod shape;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

pub use fault::{Action, BadRule, Rule};
pub use gate::Gate;
pub use shape::Shape;

use crate::channel::ChannelId;
use crate::link::Password;
use crate::net::{Address, KeyRing, Listener, Route, Stream, entropy};
use crate::session::{Tap, Way};
use sessions::Sessions;
use shape::Line;

/// Connections at a time, with those that are being linked. Further ones wait to be accepted.
const CONNECTIONS: usize = 256;

/// Connections being linked at a time.
const HALF_OPEN: usize = 64;

/// How long linking may take, both sides together.
const LINK_PATIENCE: Duration = Duration::from_secs(30);

/// How long accepting pauses when the system refuses it, for want of descriptors in most cases.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Events that may wait; when there are more, what happens waits for its being told.
const EVENT_QUEUE: usize = 256;

/// KiB of large frames that may arrive at a time, over all connections.
const LARGE_KIB: u32 = 256 << 10;

/// Gives a session, counted from 1, somebody who sees its frames.
pub type TapMaker = Box<dyn Fn(u64) -> Option<Box<dyn Tap>> + Send + Sync>;

/// A place to listen at.
#[derive(Clone)]
pub struct Door {
    /// Where.
    pub address: Address,
    /// With these, TLS is spoken there, and nothing else.
    #[cfg(feature = "tls")]
    pub credentials: Option<crate::net::tls::Credentials>,
}

/// Who the proxy is to the server, by SASL or, where that does not ask for it, by ticket.
///
/// Clients then need no password: whoever reaches the proxy is let in as this user.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Password,
}

/// How to stand between.
pub struct Config {
    /// The ways to the server.
    pub route: Route,
    /// Who the proxy is to the server; without it clients prove themselves, by ticket.
    pub login: Option<Login>,
    /// What the line between is like.
    pub shape: Shape,
    /// What is damaged.
    pub rules: Vec<Rule>,
    /// Who sees the frames: as they are passed on, after the rules.
    pub taps: TapMaker,
    /// Where messages from servers are held.
    pub gate: Gate,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A channel stands.
    Linked {
        /// The session, counted from 1.
        session: u64,
        /// The channel.
        channel: ChannelId,
        /// Where the client is.
        client: String,
        /// Where the server is.
        server: String,
    },
    /// A connection came to nothing.
    Refused {
        /// Where the client is.
        client: String,
        /// Why, one clause.
        why: String,
    },
    /// A rule was applied.
    Fault {
        /// The session.
        session: u64,
        /// The channel.
        channel: ChannelId,
        /// Who sent the message.
        way: Way,
        /// The message's number.
        number: u16,
        /// Its serial.
        serial: u64,
        /// The rule as it was written.
        rule: String,
    },
    /// The server sends the client to another host: what follows does not pass here.
    Leaves {
        /// The session.
        session: u64,
        /// The message that does it.
        message: &'static str,
    },
    /// A channel is gone.
    Closed {
        /// The session.
        session: u64,
        /// The channel.
        channel: ChannelId,
        /// What the server sent.
        from_server: Traffic,
        /// What the client sent.
        from_client: Traffic,
        /// Who ended it and how, one clause.
        why: String,
    },
    /// The last channel of a session is gone.
    Ended {
        /// The session.
        session: u64,
        /// How long it lasted.
        lasted: Duration,
    },
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that arrived at the proxy.
    pub messages: u64,
    /// Bytes that arrived, with headers.
    pub bytes: u64,
}

/// An address that cannot be listened at.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub address: Address,
    /// What the system said.
    pub source: io::Error,
}

/// A running proxy. It ends when it is dropped, and with it all connections.
pub struct Proxy {
    addresses: Vec<Address>,
    events: mpsc::Receiver<Event>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Starts listening. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When an address cannot be listened at.
    pub async fn start(doors: Vec<Door>, config: Config) -> Result<Self, ListenError> {
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let mut seeds = [[0; 8]; 2];
        seeds.iter_mut().for_each(|seed| entropy(seed));
        let hub = Arc::new(Hub {
            lines: seeds.map(|seed| Mutex::new(Line::new(config.shape, u64::from_le_bytes(seed)))),
            config,
            began: Instant::now(),
            events: sender,
            sessions: Sessions::default(),
            keys: KeyRing::default(),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            half_open: Arc::new(Semaphore::new(HALF_OPEN)),
            large: Semaphore::new(LARGE_KIB as usize),
        });
        let mut bound = Vec::new();
        for door in doors {
            let failed = |source| ListenError {
                address: door.address.clone(),
                source,
            };
            let listener = Listener::bind(&door.address).await.map_err(failed)?;
            let address = listener.address().map_err(failed)?;
            bound.push((listener, Door { address, ..door }));
        }
        let addresses = bound.iter().map(|(_, door)| door.address.clone());
        Ok(Self {
            addresses: addresses.collect(),
            events,
            acceptors: bound
                .into_iter()
                .map(|(listener, door)| tokio::spawn(accept(listener, door, Arc::clone(&hub))))
                .collect(),
        })
    }

    /// Where it listens, with the ports the system chose, in the order of the doors.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The next event; `None` when nothing can happen any more. Cancel safe: no event is lost.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptors.iter().for_each(JoinHandle::abort);
    }
}

/// What every connection needs to know.
struct Hub {
    config: Config,
    began: Instant,
    events: mpsc::Sender<Event>,
    sessions: Sessions,
    keys: KeyRing,
    /// By direction: to the server, to the client.
    lines: [Mutex<Line>; 2],
    connections: Arc<Semaphore>,
    half_open: Arc<Semaphore>,
    /// A permit for each KiB of a large frame.
    large: Semaphore,
}

impl Hub {
    /// Tells what happened; nobody may be listening any more.
    async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    fn line(&self, way: Way) -> MutexGuard<'_, Line> {
        lock(match way {
            Way::ToServer => &self.lines[0],
            Way::ToClient => &self.lines[1],
        })
    }
}

/// Accepts connections until it is cancelled; with it end all that it has accepted.
async fn accept(listener: Listener, door: Door, hub: Arc<Hub>) {
    let mut connections = JoinSet::new();
    loop {
        let (Ok(connection), Ok(half_open)) = (
            Arc::clone(&hub.connections).acquire_owned().await,
            Arc::clone(&hub.half_open).acquire_owned().await,
        ) else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok(stream) => {
                let (hub, door) = (Arc::clone(&hub), door.clone());
                connections.spawn(async move {
                    serve(stream, &door, &hub, half_open).await;
                    drop(connection);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection from its first byte to its last.
async fn serve(stream: Stream, door: &Door, hub: &Arc<Hub>, half_open: OwnedSemaphorePermit) {
    let client = stream.peer();
    let linking = async { link::link(secured(stream, door).await?, hub).await };
    let linked = tokio::time::timeout(LINK_PATIENCE, linking).await;
    drop(half_open);
    match linked.unwrap_or(Err(link::Failure::TooSlow)) {
        Ok(linked) => join::join(linked, client, hub).await,
        Err(failure) => {
            let why = failure.to_string();
            hub.tell(Event::Refused { client, why }).await;
        }
    }
}

/// The stream with TLS, where this door has it.
async fn secured(stream: Stream, door: &Door) -> Result<Stream, link::Failure> {
    #[cfg(feature = "tls")]
    if let Some(credentials) = &door.credentials {
        return credentials.accept(stream).await.map_err(link::Failure::Tls);
    }
    let _ = door;
    Ok(stream)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen at {}", self.address)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
