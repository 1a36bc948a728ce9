//! A SPICE client: connect, send input, receive events. The crate page has an example.

mod dial;
mod driver;
mod framebuffer;
mod intake;
mod screens;
mod there;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use framebuffer::Framebuffer;
pub use screens::{Monitor, Screens};

use crate::channel::inputs::InputEvent;
use crate::link::{LinkError, Password};
use crate::net::websocket::WebSocketError;
use crate::net::{Address, BadAddress, DialError, HandshakeError, Hop, Proxy, ProxyError, Route};
use crate::session::{ClientEvent, Command, SessionConfig, Tap};

/// Commands that may wait for the driver. It always empties them first, so they wait only while it decodes one image.
const COMMAND_QUEUE: usize = 256;

/// Events that may wait for the user. While they do, damage merges, and pixels are cut later.
const EVENT_QUEUE: usize = 32;

/// How to reach a server, and what to ask of it.
pub struct ClientConfig {
    /// Where it listens, and where it does with TLS.
    pub route: Route,
    /// The ticket, or the user's password; empty for none.
    pub password: Password,
    /// Who the user is, for servers that ask by SASL.
    pub user: Option<String>,
    /// Sends no input.
    pub view_only: bool,
    /// How long connecting and linking one channel may take.
    pub connect_timeout: Duration,
    /// What the session may use, and what it tells the server. `view_only` and the clock are set from here.
    pub session: SessionConfig,
    /// Sees every frame before the session acts on it.
    pub tap: Option<Box<dyn Tap>>,
}

impl ClientConfig {
    /// Without TLS. No password, input allowed, ten seconds to connect, no tap.
    pub fn new(address: Address) -> Self {
        Self::along(Route::plain(address))
    }

    /// As [`ClientConfig::new`], with every way to the server that there is.
    pub fn along(route: Route) -> Self {
        Self {
            route,
            password: Password::default(),
            user: None,
            view_only: false,
            connect_timeout: Duration::from_secs(10),
            session: SessionConfig::default(),
            tap: None,
        }
    }
}

/// One session with a SPICE server. Dropping it closes the connections.
pub struct SpiceClient {
    events: mpsc::Receiver<ClientEvent>,
    sender: CommandSender,
}

/// Sends commands to a session from anywhere.
#[derive(Clone, Debug)]
pub struct CommandSender {
    commands: mpsc::Sender<Command>,
}

/// The session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected;

/// Why a session could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address makes no sense.
    Address(BadAddress),
    /// The password cannot be sent.
    Password(LinkError),
    /// No connection: nothing listens, no route, no such name, no such socket.
    Io {
        /// Where to.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// Connecting or linking took too long.
    Timeout {
        /// Where to.
        address: Address,
        /// How long it was given.
        after: Duration,
    },
    /// Connected, but TLS could not be made.
    #[cfg(feature = "tls")]
    Tls {
        /// Where to.
        address: Address,
        /// What is wrong.
        source: crate::net::tls::TlsError,
    },
    /// The proxy is no way to the server.
    Proxy {
        /// Where to.
        address: Address,
        /// Which proxy.
        proxy: Arc<Proxy>,
        /// What it said, or did not say.
        source: ProxyError,
    },
    /// Connected, but there is no web-socket.
    WebSocket {
        /// Where to.
        address: Address,
        /// What the peer said.
        source: WebSocketError,
    },
    /// There is no address to connect to.
    Nowhere,
    /// Connected, but the link was refused or the peer speaks something else.
    Link {
        /// Where to.
        address: Address,
        /// What the peer said.
        source: LinkError,
    },
}

impl SpiceClient {
    /// Connects to `HOST:PORT`, `HOST`, `[IPV6]:PORT` or the path of a unix socket. An empty password is none.
    ///
    /// Returns when the main channel is linked; the other channels follow by themselves.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn connect(address: &str, password: &str) -> Result<Self, ConnectError> {
        let address = Address::parse(address).map_err(ConnectError::Address)?;
        let password = Password::new(password).map_err(ConnectError::Password)?;
        Self::connect_with(ClientConfig {
            password,
            ..ClientConfig::new(address)
        })
        .await
    }

    /// Connects with everything that can be chosen.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn connect_with(config: ClientConfig) -> Result<Self, ConnectError> {
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE);
        let (event_queue, events) = mpsc::channel(EVENT_QUEUE);
        let driver = driver::Driver::connect(config).await?;
        tokio::spawn(driver.run(command_queue, event_queue));
        Ok(Self {
            events,
            sender: CommandSender { commands },
        })
    }

    /// Asks a server for a session and leaves when it has answered, before it is shown the password: a viewer that is connected
    /// there stays so. That there is a SPICE server, and that it would have us, is all that is known then.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], but never that of a wrong password.
    pub async fn greet(config: ClientConfig) -> Result<(), ConnectError> {
        driver::Driver::greet(config).await
    }

    /// The next event; `None` after [`ClientEvent::Closed`]. Cancel safe: no event is lost.
    pub async fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.recv().await
    }

    /// The next event, if one is waiting.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        self.events.try_recv().ok()
    }

    /// Sends something done with keyboard or mouse.
    ///
    /// # Errors
    ///
    /// [`Disconnected`] when the session is over.
    pub async fn send_input(&mut self, event: InputEvent) -> Result<(), Disconnected> {
        self.sender.send(Command::Input(event)).await
    }

    /// A sender of commands, for another task.
    pub fn sender(&self) -> CommandSender {
        self.sender.clone()
    }
}

impl CommandSender {
    /// A sender to somebody who stands in for a session.
    pub(crate) fn to(commands: mpsc::Sender<Command>) -> Self {
        Self { commands }
    }

    /// Sends a command; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`Disconnected`] when the session is over.
    pub async fn send(&self, command: Command) -> Result<(), Disconnected> {
        self.commands.send(command).await.map_err(|_| Disconnected)
    }

    /// Sends a command unless the queue is full, without waiting; whether it was taken.
    ///
    /// # Errors
    ///
    /// [`Disconnected`] when the session is over.
    pub fn try_send(&self, command: Command) -> Result<bool, Disconnected> {
        match self.commands.try_send(command) {
            Ok(()) => Ok(true),
            Err(mpsc::error::TrySendError::Full(_)) => Ok(false),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Disconnected),
        }
    }
}

impl ConnectError {
    /// A connection to `address` that did not come about.
    pub fn from_dial(address: &Address, error: DialError) -> Self {
        let address = address.clone();
        match error {
            DialError::Io(source) => Self::Io { address, source },
            #[cfg(feature = "tls")]
            DialError::Tls(source) => Self::Tls { address, source },
            DialError::Proxy(proxy, source) => Self::Proxy {
                address,
                proxy,
                source,
            },
            DialError::WebSocket(source) => Self::WebSocket { address, source },
        }
    }

    /// Nothing came of connecting by this way for so long.
    pub fn late(hop: Hop<'_>, after: Duration) -> Self {
        let address = hop.address().clone();
        match hop.proxy() {
            Some(proxy) => Self::Proxy {
                address,
                proxy: Arc::clone(proxy),
                source: ProxyError::Late(after),
            },
            None => Self::Timeout { address, after },
        }
    }

    fn from_handshake(address: &Address, error: HandshakeError) -> Self {
        let address = address.clone();
        match error {
            HandshakeError::Io(source) => Self::Io { address, source },
            HandshakeError::Link(source) => Self::Link { address, source },
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Password(error) => error.fmt(f),
            Self::Io { address, .. } | Self::Link { address, .. } => {
                write!(f, "cannot connect to {address}")
            }
            #[cfg(feature = "tls")]
            Self::Tls { address, .. } => write!(f, "cannot connect to {address} with TLS"),
            Self::Proxy { address, proxy, .. } => {
                write!(f, "cannot connect to {address} through the proxy {proxy}")
            }
            Self::WebSocket { address, .. } => {
                write!(f, "cannot connect to {address} with a web-socket")
            }
            Self::Nowhere => f.write_str("there is no address to connect to"),
            Self::Timeout { address, after } => {
                write!(
                    f,
                    "cannot connect to {address}: no answer within {} s",
                    after.as_secs_f32()
                )
            }
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Link { source, .. } => Some(source),
            #[cfg(feature = "tls")]
            Self::Tls { source, .. } => Some(source),
            Self::Proxy { source, .. } => Some(source),
            Self::WebSocket { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session is over")
    }
}

impl std::error::Error for Disconnected {}
