//! The acknowledgement windows of one channel: the client's count and the server's.
//!
//! The server stops after two windows of unacknowledged messages. A client counts every message *before* acting on it
//! and acknowledges at once, so that a slow image never stalls the stream behind it.
//!
//! Protocol: SET_ACK (3) from the server; ACK_SYNC (1) and ACK (2) from the client; the same on every channel.

use super::messages::{AckSync, SetAck};

/// The client's side: counts received messages and says when an acknowledgement is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AckWindow {
    /// Messages per window; 0 while the server has not asked for acknowledgements.
    size: u32,
    /// Messages left until the next ACK. INVARIANT: `left <= size`, and `left > 0` when `size > 0`.
    left: u32,
}

/// The server's side: counts sent messages and says when to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendWindow {
    generation: u32,
    /// Whether the client has confirmed the generation.
    synced: bool,
    size: u32,
    /// Messages sent and not acknowledged.
    unacknowledged: u32,
}

impl AckWindow {
    /// Counts one message; whether an ACK is to be sent, before the message is acted on.
    #[must_use]
    pub fn count(&mut self) -> bool {
        if self.size == 0 {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            self.left = self.size;
            return true;
        }
        false
    }

    /// Starts a new window; the reply to send. The SET_ACK itself was counted by the old one.
    pub fn restart(&mut self, order: &SetAck) -> AckSync {
        (self.size, self.left) = (order.window, order.window);
        AckSync {
            generation: order.generation,
        }
    }

    /// Messages per window; 0 for no acknowledgements.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Messages counted since the last ACK.
    pub fn filled(&self) -> u32 {
        self.size - self.left
    }
}

impl SendWindow {
    /// The reference server's window on a fast link.
    pub const REFERENCE: u32 = 20;

    /// A window of `size` messages, and the SET_ACK to send first.
    pub fn new(size: u32) -> (Self, SetAck) {
        let window = Self {
            generation: 1,
            synced: false,
            size,
            unacknowledged: 0,
        };
        (
            window,
            SetAck {
                generation: 1,
                window: size,
            },
        )
    }

    /// Whether another message may be sent.
    pub fn is_open(&self) -> bool {
        self.size == 0 || self.unacknowledged <= self.size.saturating_mul(2)
    }

    /// Counts one sent message, the SET_ACK included.
    pub fn sent(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_add(1);
    }

    /// The client confirmed a generation.
    pub fn sync(&mut self, generation: u32) {
        self.synced = generation == self.generation;
    }

    /// The client acknowledged one window. Ignored before it confirmed the generation.
    pub fn acknowledged(&mut self) {
        if self.synced {
            self.unacknowledged = self.unacknowledged.saturating_sub(self.size);
        }
    }

    /// Messages sent and not acknowledged.
    pub fn unacknowledged(&self) -> u32 {
        self.unacknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_set_ack_is_not_counted_and_an_ack_is_due_after_every_window() {
        let mut window = AckWindow::default();
        assert!(!window.count(), "the SET_ACK itself");
        assert_eq!(
            window
                .restart(&SetAck {
                    generation: 7,
                    window: 3
                })
                .generation,
            7
        );
        let due: Vec<bool> = (0..7).map(|_| window.count()).collect();
        assert_eq!(due, [false, false, true, false, false, true, false]);
        assert_eq!(window.filled(), 1);
    }

    #[test]
    fn a_window_of_zero_asks_for_no_acks() {
        let mut window = AckWindow::default();
        window.restart(&SetAck {
            generation: 1,
            window: 0,
        });
        assert!((0..100).all(|_| !window.count()));
    }

    #[test]
    fn a_server_sends_41_messages_to_a_silent_client_and_20_more_for_each_ack() {
        // Seen from the reference server with window 20 (spec 02 §1): 41 with the SET_ACK, then silence.
        let (mut window, _) = SendWindow::new(20);
        let burst = |window: &mut SendWindow| {
            std::iter::from_fn(|| window.is_open().then(|| window.sent())).count()
        };
        assert_eq!(burst(&mut window), 41);
        window.acknowledged();
        assert_eq!(burst(&mut window), 0, "not before ACK_SYNC");
        window.sync(1);
        window.acknowledged();
        assert_eq!(burst(&mut window), 20);
    }
}
