//! Sockets: addresses, connecting, and the task that turns bytes into frames and back.

mod address;
mod connection_file;
mod handshake;
mod pump;
mod transport;

pub use address::{Address, BadAddress};
pub use connection_file::{BadFile, ConnectionFile, LARGEST as LARGEST_CONNECTION_FILE};
pub use handshake::{HandshakeError, handshake};
pub use pump::{Budget, Incoming, PumpEnd, Wire, pump};
pub use transport::{Listener, Stream, entropy};
