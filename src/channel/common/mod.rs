//! What every channel says and does: acknowledgements, pings, notices, migration.
//!
//! Protocol: message numbers below 101 (spec 02 §1 to §4).

mod flow;
pub mod messages;

pub use flow::{AckWindow, SendWindow};

use crate::wire::wire_enum;

wire_enum! {
    /// How bad it is.
    pub enum Severity: u32 {
        /// For information.
        Info = 0,
        /// A warning.
        Warn = 1,
        /// An error.
        Error = 2,
    }
}

wire_enum! {
    /// How prominently to show it.
    pub enum Visibility: u32 {
        /// In a log.
        Low = 0,
        /// Somewhere.
        Medium = 1,
        /// In the user's sight.
        High = 2,
    }
}
