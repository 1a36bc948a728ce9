//! Port channels: named byte streams between the client and a device of the guest, such as its serial console.
//!
//! Protocol: spec 06 §1 to §3. Bytes are passed on as they are, whatever the port is for.

mod client;
pub mod messages;
mod server;

pub use client::{Client, MAX_UNSENT};
pub use server::{Received, Server};

use bytes::Bytes;

/// What a port channel tells the user of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Id of the port channel.
    pub port: u8,
    /// What happened.
    pub what: Happening,
}

/// What can happen on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// The port says what it is; once, before everything else.
    Named {
        /// Its name, as `org.qemu.console.serial.0`, without control characters.
        name: String,
        /// Whether somebody in the guest has it open.
        opened: bool,
    },
    /// Somebody in the guest opened it.
    Opened,
    /// Nobody in the guest has it open any longer.
    Closed,
    /// The guest signals a break.
    Break,
    /// Bytes from the guest; where a piece ends means nothing.
    Data(Bytes),
    /// This many bytes of the user's were handed to the connection.
    Written(usize),
}

/// What a user does to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Sends bytes. Those that find the port not open, or more than [`MAX_UNSENT`] bytes waiting, are dropped, and the user
    /// is told.
    Write {
        /// Id of the port channel.
        port: u8,
        /// The bytes.
        data: Bytes,
    },
    /// Signals a break.
    Break {
        /// Id of the port channel.
        port: u8,
    },
}

impl Order {
    /// Id of the port channel it is for.
    pub fn port(&self) -> u8 {
        match self {
            Self::Write { port, .. } | Self::Break { port } => *port,
        }
    }
}
