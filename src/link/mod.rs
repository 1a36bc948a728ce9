//! The handshake of one connection: magic, capabilities, password.
//!
//! Protocol: spec 01 §2 to §6, and §13 for SASL.

mod caps;
mod client;
mod error;
pub mod messages;
#[cfg(feature = "sasl")]
mod sasl;
mod server;
mod ticket;

pub use caps::{Capabilities, names};
pub use client::{ClientLink, LinkRequest, Step};
pub use error::{LinkError, Peer, SaslError};
pub use messages::{LinkCode, MAGIC};
pub use server::{Asks, Rejection, ServerLink};
pub use ticket::{PASSWORD_MOST, PUBLIC_KEY_BYTES, Password, ServerKey, TICKET_BYTES};

use crate::wire::HeaderKind;

/// Common bit: the client names its authentication mechanism in a word of its own.
pub const AUTH_SELECTION: u32 = 0;
/// Common bit, and mechanism number: the ticket.
pub const AUTH_SPICE: u32 = 1;
/// Common bit, and mechanism number: SASL.
pub const AUTH_SASL: u32 = 2;
/// Common bit: data headers of 6 bytes.
pub const MINI_HEADER: u32 = 3;

/// The common bits of every connection; all that the server announces.
pub const COMMON: &[u32] = &[AUTH_SELECTION, AUTH_SPICE, MINI_HEADER];

/// The common bits that the client announces: with SASL, where that is built in.
pub const CLIENT_COMMON: &[u32] = &[
    AUTH_SELECTION,
    AUTH_SPICE,
    #[cfg(feature = "sasl")]
    AUTH_SASL,
    MINI_HEADER,
];

/// What a finished handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Established {
    /// Data header of both directions.
    pub header: HeaderKind,
    /// What the client announced.
    pub client: Capabilities,
    /// What the server announced.
    pub server: Capabilities,
}
