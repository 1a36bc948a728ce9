//! Being a SPICE server: push pictures, pull events.
//!
//! One viewer at a time: who connects later and knows the password takes over. Offered are the channels main, display,
//! inputs and cursor, those of sound where they are wanted, and ports if it has any; pictures go raw or as LZ.

mod agent;
mod driver;
mod events;
mod handle;
mod ports;
mod screen;
mod sound;
pub mod source;
mod viewer;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

pub use handle::DisplayHandle;
pub use sound::SoundHandle;

use crate::canvas;
use crate::channel::audio::server::Offer;
use crate::channel::display::{Compression, ImageCompression};
use crate::geometry::Size;
use crate::link::Password;
use crate::net::{Address, BadAddress, Listener};
use crate::session::ServerEvent;
use driver::Hub;
use handle::Shared;
use screen::Screen;

/// What a server offers.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The password; `None` lets everybody in.
    pub password: Option<Password>,
    /// The name viewers show.
    pub name: String,
    /// The UUID viewers are told, bytes in textual order; all zero for none.
    pub uuid: [u8; 16],
    /// Size of the screen at the start.
    pub size: Size,
    /// Compression of pictures until a viewer asks for another. Over unix sockets none is used unless the viewer asks.
    pub compression: Compression,
    /// Sound, both ways.
    pub sound: Offer,
    /// With these, TLS is spoken to everybody, and nothing else.
    #[cfg(feature = "tls")]
    pub credentials: Option<crate::net::tls::Credentials>,
    /// Names of its ports, such as `org.qemu.console.serial.0`; at most [`MAX_PORTS`](crate::session::MAX_PORTS). See
    /// [`SpiceServer::attach_port`].
    pub ports: Vec<String>,
}

impl Default for ServerConfig {
    /// No password, 1024 × 768, LZ, no sound.
    fn default() -> Self {
        Self {
            password: None,
            name: "capsaicin".into(),
            uuid: [0; 16],
            size: Size::new(1024, 768),
            compression: ImageCompression::Lz.into(),
            sound: Offer::Nothing,
            #[cfg(feature = "tls")]
            credentials: None,
            ports: Vec::new(),
        }
    }
}

/// A listening server. It ends when it is dropped.
#[derive(Debug)]
pub struct SpiceServer {
    hub: Arc<Hub>,
    address: Address,
    acceptor: JoinHandle<()>,
    agent: Option<JoinHandle<()>>,
    /// By the number of their port.
    ports: BTreeMap<u8, JoinHandle<()>>,
}

impl SpiceServer {
    /// Starts listening at `HOST:PORT`, where port 0 lets the system choose, or the path of a unix socket. Must be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the text is no address, the address cannot be listened at, or the screen size is impossible.
    pub async fn bind(address: &str, config: ServerConfig) -> Result<Self, ServeError> {
        let address = Address::parse_to_listen(address).map_err(ServeError::Address)?;
        Self::bind_to(&address, config).await
    }

    /// As [`SpiceServer::bind`], for an address that is known already.
    ///
    /// # Errors
    ///
    /// Those of [`SpiceServer::bind`].
    pub async fn bind_to(address: &Address, config: ServerConfig) -> Result<Self, ServeError> {
        let screen = Screen::new(config.size).map_err(ServeError::Screen)?;
        let listen = |source| ServeError::Listen {
            address: address.clone(),
            source,
        };
        let listener = Listener::bind(address).await.map_err(listen)?;
        let address = listener.address().map_err(listen)?;
        let hub = Arc::new(Hub::new(config, Shared::new(screen)));
        let acceptor = tokio::spawn(driver::accept(listener, Arc::clone(&hub)));
        Ok(Self {
            hub,
            address,
            acceptor,
            agent: None,
            ports: BTreeMap::new(),
        })
    }

    /// What to draw with.
    pub fn display(&self) -> DisplayHandle {
        DisplayHandle {
            shared: Arc::clone(&self.hub.shared),
        }
    }

    /// What to be heard with, and to hear with; of use where [`ServerConfig::sound`] offers it.
    pub fn sound(&self) -> SoundHandle {
        SoundHandle {
            stage: Arc::clone(&self.hub.stage),
        }
    }

    /// Attaches the guest's agent: `device` is the other end of its port `com.redhat.spice.0`, where it and a server exchange chunks.
    /// The viewer is told when it is there and when it ends; it takes the place of one that is there already.
    ///
    /// Must be called inside a tokio runtime.
    pub fn attach_agent(&mut self, device: impl AsyncRead + AsyncWrite + Send + 'static) {
        let hub = Arc::clone(&self.hub);
        let before = self.agent.take();
        self.agent = Some(tokio::spawn(async move {
            if let Some(before) = before {
                before.abort();
                let _ = before.await;
                hub.agent.leave().await;
            }
            hub.agent.serve(device).await;
        }));
    }

    /// Joins a port of [`ServerConfig::ports`] to a device: what comes from it the viewer is told, what the viewer writes goes there.
    /// The port counts as open until the device ends; another takes the place of one that is there already. While the viewer does
    /// not read, the device waits; without a viewer what it says is lost. Whether there is a port of that name.
    ///
    /// Must be called inside a tokio runtime.
    pub fn attach_port(
        &mut self,
        name: &str,
        device: impl AsyncRead + AsyncWrite + Send + 'static,
    ) -> bool {
        let Some(number) = self.hub.ports.number(name) else {
            return false;
        };
        let hub = Arc::clone(&self.hub);
        let before = self.ports.remove(&number);
        let serving = tokio::spawn(async move {
            if let Some(before) = before {
                before.abort();
                let _ = before.await;
                hub.ports.leave(number).await;
            }
            hub.ports.serve(number, device).await;
        });
        self.ports.insert(number, serving);
        true
    }

    /// Where it listens, with the port the system chose.
    pub fn local_address(&self) -> &Address {
        &self.address
    }

    /// The next event; `None` if the server has ended. An embedder that never asks keeps its viewer's input waiting,
    /// and nothing else.
    ///
    /// Cancel safe: no event is lost.
    pub async fn next_event(&mut self) -> Option<ServerEvent> {
        if self.acceptor.is_finished() {
            return None;
        }
        tokio::select! {
            event = self.hub.events.next() => Some(event),
            _ = &mut self.acceptor => None,
        }
    }
}

impl Drop for SpiceServer {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.agent.iter().for_each(JoinHandle::abort);
        self.ports.values().for_each(JoinHandle::abort);
    }
}

/// Why a server cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The text is no address.
    Address(BadAddress),
    /// The address cannot be listened at.
    Listen {
        /// The address.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The screen cannot be that size.
    Screen(canvas::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Listen { address, .. } => write!(f, "cannot listen at {address}"),
            Self::Screen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } => Some(source),
            _ => None,
        }
    }
}
