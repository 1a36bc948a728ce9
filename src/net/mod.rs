//! Sockets: addresses, connecting with and without TLS, and the task that turns bytes into frames and back.
//!
//! A [`Route`] says which ways lead to a server, and a [`Hop`] connects, through a proxy and into a web-socket where those
//! belong to it: what comes out is a [`Stream`], whatever is below it.

mod address;
mod connection_file;
mod handshake;
mod http;
#[cfg(feature = "server")]
mod keys;
mod moving;
mod proxy;
mod pump;
mod route;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
pub mod websocket;

pub use address::{Address, BadAddress};
pub use connection_file::{BadFile, ConnectionFile, LARGEST as LARGEST_CONNECTION_FILE};
pub use handshake::{HandshakeError, greet, handshake};
pub use http::{Answer, Head, HttpError};
#[cfg(feature = "server")]
pub use keys::KeyRing;
pub use proxy::{BadProxy, Proxy, ProxyError};
pub use pump::{Budget, Incoming, PumpEnd, Wire, pump};
#[cfg(feature = "tls")]
pub use route::TlsPort;
pub use route::{DialError, Hop, Route, SecureChannels, Via};
pub use transport::{Ahead, Listener, Stream, entropy};
