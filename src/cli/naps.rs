//! Rest between messages, for a command that shows no picture and is in no hurry.
//!
//! A server sends what a screen needs in dribs and drabs, hundreds a second. To wake up for each costs more than to act on
//! it, so the thread sleeps a little before it looks at its sockets again, and finds several messages at once. It does so
//! in the runtime's hook for a thread that has nothing left to do: a timer would not keep the sockets from waking it.
//!
//! A server stops after two windows of unacknowledged messages, forty with libspice-server. After nearly as many there is no
//! rest: a server in full flow is not made to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::channel::ChannelId;
use crate::session::{Tap, Way};
use crate::wire::Frame;

/// How long the thread sleeps: one picture of a video with 30 a second.
const NAP: Duration = Duration::from_millis(33);

/// More messages than this since the last rest, and there is none.
const FEW: u32 = 30;

/// Counts messages and rests between them. A clone does the same for the same session.
#[derive(Clone, Debug, Default)]
pub struct Naps(Arc<State>);

#[derive(Debug, Default)]
struct State {
    allowed: AtomicBool,
    /// Messages since the thread had nothing left to do.
    messages: AtomicU32,
}

impl Naps {
    /// From here on nobody minds. Before, the server measures how fast the connection is.
    pub fn allow(&self) {
        self.0.allowed.store(true, Ordering::Relaxed);
    }

    /// The thread has nothing left to do: it sleeps, unless much came.
    pub fn rest(&self) {
        if let Some(nap) = self.due() {
            std::thread::sleep(nap);
        }
    }

    fn due(&self) -> Option<Duration> {
        let messages = self.0.messages.swap(0, Ordering::Relaxed);
        let is_quiet = messages <= FEW && self.0.allowed.load(Ordering::Relaxed);
        is_quiet.then_some(NAP)
    }
}

impl Tap for Naps {
    fn frame(&mut self, _at: Duration, _channel: ChannelId, way: Way, _frame: &Frame) {
        if way == Way::ToClient {
            self.0.messages.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Naps of a session in which so many messages came.
    fn after(messages: u32) -> Naps {
        let mut naps = Naps::default();
        naps.allow();
        for _ in 0..messages {
            let frame = Frame::new(304, Vec::new());
            naps.frame(Duration::ZERO, ChannelId::MAIN, Way::ToClient, &frame);
        }
        naps
    }

    #[test]
    fn the_thread_rests_after_a_few_messages_and_not_after_nearly_two_windows_of_them() {
        assert_eq!(after(1).due(), Some(NAP));
        assert_eq!(after(30).due(), Some(NAP));
        assert_eq!(after(31).due(), None);
    }

    #[test]
    fn messages_are_counted_anew_after_each_look() {
        let naps = after(31);
        assert_eq!(naps.due(), None);
        assert_eq!(naps.due(), Some(NAP));
    }

    #[test]
    fn there_is_no_rest_until_it_is_allowed() {
        assert_eq!(Naps::default().due(), None);
    }
}
