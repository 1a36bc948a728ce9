//! Web-sockets as a way to a server: the stream of SPICE in binary frames (spec 01 §10, RFC 6455).
//!
//! QEMU and the server library take them on the same port as everything else; where frames begin and end means nothing to SPICE.

mod frames;
mod stream;
mod upgrade;

pub use frames::{BadFrame, Role};
pub use stream::WebSocket;
pub use upgrade::{WebSocketError, accept, connect};
