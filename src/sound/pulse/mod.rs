//! A PulseAudio server to play to and to record from, by its native protocol on a unix socket. PipeWire speaks it too.
//!
//! Each stream has a connection of its own and a thread of its own, which end with it: while nothing is played or recorded
//! nothing runs, and nothing is woken up.

mod connection;
mod output;
mod source;

pub use connection::Trouble;
pub use output::{Output, Report};
pub use source::Source;

use std::path::PathBuf;

/// Where the server of this user listens, if there is one: `PULSE_SERVER`, `PULSE_RUNTIME_PATH` and `XDG_RUNTIME_DIR` say
/// so.
pub fn socket() -> Option<PathBuf> {
    ::pulseaudio::socket_path_from_env()
}
