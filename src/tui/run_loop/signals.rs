//! The signals that the viewer does something about.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
pub(super) enum Told {
    /// To end; the signal's number.
    End(i32),
    /// To go on after the process was stopped.
    Continue,
    /// To look how large the terminal is.
    Resize,
}

/// The signals that end or resume the viewer.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    continued: Signal,
    resized: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            continued: signal(SignalKind::from_raw(SIGCONT))?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Cancel safe: signals are kept until they are received.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::End(SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => Told::End(SignalKind::terminate().as_raw_value()),
            _ = self.hang_up.recv() => Told::End(SignalKind::hangup().as_raw_value()),
            _ = self.continued.recv() => Told::Continue,
            _ = self.resized.recv() => Told::Resize,
        }
    }
}

/// The number of SIGCONT, which tokio has no name for.
pub(in crate::tui) const SIGCONT: i32 = if cfg!(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)) {
    19
} else {
    18
};
