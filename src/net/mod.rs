//! Sockets: addresses, connecting with and without TLS, and the task that turns bytes into frames and back.
//!
//! A [`Route`] says which ways lead to a server, and a [`Hop`] connects: what comes out is a [`Stream`], whatever is below it.

mod address;
mod connection_file;
mod handshake;
mod pump;
mod route;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;

pub use address::{Address, BadAddress};
pub use connection_file::{BadFile, ConnectionFile, LARGEST as LARGEST_CONNECTION_FILE};
pub use handshake::{HandshakeError, greet, handshake};
pub use pump::{Budget, Incoming, PumpEnd, Wire, pump};
#[cfg(feature = "tls")]
pub use route::TlsPort;
pub use route::{DialError, Hop, Route, SecureChannels};
pub use transport::{Listener, Stream, entropy};
