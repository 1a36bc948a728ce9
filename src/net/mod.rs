//! Sockets: addresses, connecting, and the task that turns bytes into frames and back.

mod address;
mod handshake;
mod pump;
mod transport;

pub use address::{Address, BadAddress};
pub use handshake::{HandshakeError, handshake};
pub use pump::{Budget, Incoming, PumpEnd, Wire, pump};
pub use transport::{Listener, Stream, entropy};
