//! Accepting connections: the handshake of each, and handing it to the viewer it belongs to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::ServerConfig;
use super::agent::Port;
use super::events::Events;
use super::handle::Shared;
use super::ports::Ports;
use super::sound::Stage;
use super::viewer::Viewer;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::{Asks, Established, LinkCode, MAGIC, Rejection, ServerLink};
use crate::net::{KeyRing, Listener, Stream, Wire, entropy, websocket};
use crate::session::ServerSession;

/// How long a handshake may take.
const LINK_PATIENCE: Duration = Duration::from_secs(15);

/// Handshakes under way. Further connections wait to be accepted.
const HALF_OPEN: usize = 32;

/// How long accepting pauses when the system refuses it, for want of descriptors in most cases.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Linked channels that wait for their viewer's task; further ones wait to be handed over.
const CHANNEL_QUEUE: usize = 6;

/// What every connection needs to know.
#[derive(Debug)]
pub(super) struct Hub {
    pub config: ServerConfig,
    pub shared: Arc<Shared>,
    pub stage: Arc<Stage>,
    pub events: Events,
    pub agent: Port,
    pub ports: Ports,
    keys: KeyRing,
    seat: Mutex<Option<Seat>>,
}

/// The place of the one viewer.
#[derive(Debug)]
struct Seat {
    session_id: u32,
    /// Further channels of the viewer. When this is dropped the viewer has to go.
    channels: mpsc::Sender<Linked>,
    /// Ends when the viewer is gone.
    gone: oneshot::Receiver<()>,
}

/// A linked connection.
#[derive(Debug)]
pub(super) struct Linked {
    pub id: ChannelId,
    pub established: Established,
    pub stream: Stream,
    /// Bytes that arrived behind the ticket.
    pub leftover: BytesMut,
}

impl Linked {
    /// The connection as the pump wants it.
    pub fn into_wire(self) -> Wire {
        Wire {
            stream: self.stream,
            leftover: self.leftover,
            header: self.established.header,
            limit: self.id.kind.client_body_limit(),
        }
    }
}

/// Where an authenticated connection goes.
enum Admitted {
    /// It begins a session.
    Main,
    /// It joins the session of the viewer.
    Channel(mpsc::Sender<Linked>),
}

/// Why a connection came to nothing.
enum Failure {
    Io(std::io::Error),
    Rejected(Rejection),
    #[cfg(feature = "tls")]
    Tls(crate::net::tls::TlsError),
    TooSlow,
}

/// Accepts connections until it is cancelled; with it end all connections.
pub(super) async fn accept(listener: Listener, hub: Arc<Hub>) {
    let half_open = Arc::new(Semaphore::new(HALF_OPEN));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&half_open).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok(stream) => {
                let hub = Arc::clone(&hub);
                connections.spawn(async move {
                    let peer = stream.peer();
                    let linked = tokio::time::timeout(LINK_PATIENCE, link(stream, &hub)).await;
                    drop(permit);
                    match linked.unwrap_or(Err(Failure::TooSlow)) {
                        Ok((linked, admitted)) => hub.seat(linked, admitted, peer).await,
                        Err(failure) => debug!(%peer, "not linked: {failure}"),
                    }
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The server's side of one handshake. A client that is rejected is told so first.
async fn link(stream: Stream, hub: &Arc<Hub>) -> Result<(Linked, Admitted), Failure> {
    let (mut stream, mut received) = opened(hub.secured(stream).await?).await?;
    let mut link = ServerLink::new(hub.keys.key().await, hub.config.password.clone());
    let mut place = None;
    loop {
        let used = link.receive(&received, &mut entropy);
        match link.asks() {
            Some(Asks::Channel(mess)) => {
                let id = channel_id(mess.channel_type, mess.channel_id);
                let sound = || ServerSession::sound_capabilities(id, hub.config.sound);
                let capabilities = ServerSession::capabilities(id).or_else(sound);
                match capabilities.filter(|_| hub.offers(id)) {
                    Some(capabilities) => link.accept(capabilities),
                    None => link.refuse(LinkCode::ChannelNotAvailable),
                }
            }
            Some(Asks::Session(mess)) => {
                let id = channel_id(mess.channel_type, mess.channel_id);
                match hub.admit(id, mess.connection_id) {
                    Some(admitted) => {
                        place = Some((id, admitted));
                        link.admit();
                    }
                    None => link.refuse(LinkCode::BadConnectionId),
                }
            }
            None => {}
        }
        while let Some(bytes) = link.poll_transmit() {
            stream.write_all(&bytes).await.map_err(Failure::Io)?;
        }
        stream.flush().await.map_err(Failure::Io)?;
        let used = used.map_err(Failure::Rejected)?;
        let _ = received.split_to(used);
        if let (Some(established), Some((id, admitted))) = (link.established(), place.take()) {
            let linked = Linked {
                id,
                established: established.clone(),
                stream,
                leftover: received,
            };
            return Ok((linked, admitted));
        }
        if used == 0 && stream.read_buf(&mut received).await.map_err(Failure::Io)? == 0 {
            let ended = std::io::ErrorKind::UnexpectedEof.into();
            return Err(Failure::Io(ended));
        }
    }
}

/// The stream of SPICE, in a web-socket if the client asks for one; and what was read from it.
async fn opened(mut stream: Stream) -> Result<(Stream, BytesMut), Failure> {
    let mut received = BytesMut::new();
    while received.len() < MAGIC.len() {
        if stream.read_buf(&mut received).await.map_err(Failure::Io)? == 0 {
            return Err(Failure::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
    }
    if !received.starts_with(b"GET ") {
        return Ok((stream, received));
    }
    let asked = websocket::accept(stream, received).await;
    Ok((asked.map_err(Failure::Io)?, BytesMut::new()))
}

/// A link for main with another id than 0 is taken for main, as the reference does.
fn channel_id(channel_type: u8, id: u8) -> ChannelId {
    match ChannelKind::from_number(channel_type) {
        ChannelKind::Main => ChannelId::MAIN,
        kind => ChannelId::new(kind, id),
    }
}

impl Hub {
    pub fn new(config: ServerConfig, shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            stage: Arc::new(Stage::new()),
            events: Events::default(),
            ports: Ports::new(&config.ports),
            config,
            agent: Port::default(),
            keys: KeyRing::default(),
            seat: Mutex::default(),
        }
    }

    /// The stream with TLS, where this server has it.
    async fn secured(&self, stream: Stream) -> Result<Stream, Failure> {
        #[cfg(feature = "tls")]
        if let Some(credentials) = &self.config.credentials {
            return credentials.accept(stream).await.map_err(Failure::Tls);
        }
        Ok(stream)
    }

    /// Whether there may be such a channel; of the ports not all numbers exist.
    fn offers(&self, id: ChannelId) -> bool {
        id.kind != ChannelKind::Port || usize::from(id.id) < self.ports.names().count()
    }

    /// Where an authenticated connection belongs; `None` if to no session.
    fn admit(&self, id: ChannelId, connection_id: u32) -> Option<Admitted> {
        if id == ChannelId::MAIN {
            return (connection_id == 0).then_some(Admitted::Main);
        }
        let seat = lock(&self.seat);
        let seat = seat.as_ref().filter(|s| s.session_id == connection_id)?;
        Some(Admitted::Channel(seat.channels.clone()))
    }

    /// Runs a new viewer in place of the old one, or gives a channel to its viewer.
    async fn seat(self: &Arc<Self>, linked: Linked, admitted: Admitted, peer: String) {
        match admitted {
            Admitted::Channel(viewer) => {
                // If the viewer has gone meanwhile, so has the use of its channel.
                let _ = viewer.send(linked).await;
            }
            Admitted::Main => {
                let session_id = session_id();
                let (channels, arriving) = mpsc::channel(CHANNEL_QUEUE);
                let (going, gone) = oneshot::channel();
                let seat = Seat {
                    session_id,
                    channels,
                    gone,
                };
                self.take_over(seat).await;
                let viewer = Viewer::new(Arc::clone(self), session_id, &linked.stream);
                viewer.run(linked, arriving, peer).await;
                self.leave(session_id);
                drop(going);
            }
        }
    }

    /// Takes the seat once it is empty. Each viewer that is found in it has to go first.
    async fn take_over(&self, seat: Seat) {
        let mut seat = Some(seat);
        loop {
            let old = {
                let mut taken = lock(&self.seat);
                match taken.take() {
                    Some(old) => old,
                    None => {
                        *taken = seat.take();
                        return;
                    }
                }
            };
            drop(old.channels);
            let _ = old.gone.await;
        }
    }

    /// Empties the seat, if it is still this viewer's.
    fn leave(&self, session_id: u32) {
        let mut seat = lock(&self.seat);
        if seat.as_ref().is_some_and(|s| s.session_id == session_id) {
            *seat = None;
        }
    }
}

/// A number that cannot be guessed, and not 0.
fn session_id() -> u32 {
    let mut bytes = [0; 4];
    loop {
        entropy(&mut bytes);
        match u32::from_le_bytes(bytes) {
            0 => {}
            id => return id,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Rejected(rejection) => rejection.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::TooSlow => write!(f, "no handshake within {} s", LINK_PATIENCE.as_secs()),
        }
    }
}
