//! The main channel: session set-up, the list of channels, mouse mode, clock, and the tunnel of the guest agent.
//!
//! Protocol: spec 02 §5 to §9.

pub mod agent;
mod client;
mod destination;
pub mod messages;
mod server;

pub use server::{Greeting, Server};

pub use client::{Client, MAX_OF_A_KIND, Start};
pub use destination::Destination;

use crate::wire::wire_flags;

wire_flags! {
    /// How pointer movement is reported. In lists a set, as the current mode one bit.
    pub struct MouseMode: u16 {
        /// Relative motion; the pointer is grabbed.
        SERVER = 1,
        /// Absolute positions.
        CLIENT = 2,
    }
}

/// What the main channel tells the user of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session stands: its id, and how many graphics devices the server has.
    Init {
        /// Repeated by every channel's link.
        session_id: u32,
        /// Number of graphics devices.
        display_channels_hint: u32,
    },
    /// The guest's name.
    Name(String),
    /// The guest's UUID, bytes in textual order.
    Uuid([u8; 16]),
    /// The mouse modes the server supports, and the one in use.
    MouseMode {
        /// All that may be asked for.
        supported: MouseMode,
        /// The one in force.
        current: MouseMode,
    },
    /// The guest agent appeared or went.
    Agent {
        /// Whether it is there.
        connected: bool,
    },
    /// The server moved its multi-media clock, in milliseconds (wrapping).
    MultiMediaTime(u32),
}
