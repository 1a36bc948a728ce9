//! Sending files to the guest: what happens, and how it ends (spec 04 §6).

use std::fmt;

use super::Unusable;

/// Names a file while it is being sent; not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// What happens to a file that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileEvent {
    /// Its next bytes are wanted, at most this many: to be given with [`Order::FileBytes`](super::Order::FileBytes).
    Wants {
        /// Most bytes to give.
        most: usize,
    },
    /// So much of it has gone to the server.
    Sent {
        /// Bytes from the file's beginning.
        bytes: u64,
    },
    /// Nothing more will be heard of it.
    Ended(FileEnd),
}

/// How the sending of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileEnd {
    /// The guest has all of it.
    Done,
    /// It was cancelled from here.
    Cancelled,
    /// It could not be read, or was shorter than it promised.
    Unreadable,
    /// The guest cancelled it.
    CancelledByGuest,
    /// The guest could not write it.
    GuestError {
        /// What the agent says, as a number of GLib's `G_IO_ERROR`.
        code: Option<u32>,
    },
    /// The guest has no room for it.
    NoSpace {
        /// Bytes the guest has.
        free: Option<u64>,
        /// Bytes of the file.
        needed: u64,
    },
    /// Nobody uses the guest at the moment: its screen is locked.
    SessionLocked,
    /// Nobody is logged in, or the agent does not run in the user's session.
    NoSession,
    /// File transfer is turned off.
    Disabled,
    /// The agent ended it with a number that is not known here.
    Other(u32),
    /// The agent went.
    AgentGone,
    /// It was not begun.
    Unusable(Unusable),
}

impl fmt::Display for FileEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Unreadable => f.write_str("it cannot be read to its end"),
            Self::CancelledByGuest => f.write_str("the guest cancelled it"),
            Self::GuestError { code: Some(10) } => f.write_str("the guest refuses its name"),
            Self::GuestError { code: Some(code) } => {
                write!(f, "the guest cannot write it (error {code})")
            }
            Self::GuestError { code: None } => f.write_str("the guest cannot write it"),
            Self::NoSpace {
                free: Some(free),
                needed,
            } => {
                write!(
                    f,
                    "not enough free space in the guest ({free} bytes free, {needed} needed)"
                )
            }
            Self::NoSpace { free: None, .. } => f.write_str("not enough free space in the guest"),
            Self::SessionLocked => f.write_str("the guest session is locked"),
            Self::NoSession => f.write_str("no user session agent runs in the guest"),
            Self::Disabled => f.write_str("file transfer is disabled"),
            Self::Other(result) => write!(f, "the guest ended it with status {result}"),
            Self::AgentGone => f.write_str("the guest agent went"),
            Self::Unusable(why) => why.fmt(f),
        }
    }
}
