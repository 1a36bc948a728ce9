//! The handshake of one connection: magic, capabilities, password.
//!
//! Protocol: spec 01 §2 to §6.

mod caps;

pub use caps::{Capabilities, names};

use crate::wire::HeaderKind;

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
