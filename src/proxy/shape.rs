//! A slower and worse link between client and server.
//!
//! What TCP carries is never lost, only late: a lost segment comes again after the sender has waited for its
//! acknowledgement, and everything behind it on the same connection waits too. That is what is imitated here.

use std::time::Duration;

/// Bytes of a segment: those of an Ethernet frame without the headers of IP and TCP.
pub(super) const SEGMENT: usize = 1448;

/// What a sender waits at least before it sends a segment again, as Linux does.
const RESENT_AFTER: Duration = Duration::from_millis(200);

/// How a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// How much later everything comes, each way.
    pub delay: Duration,
    /// Bits a second, each way, for all connections together; `None` for no limit.
    pub rate: Option<u64>,
    /// Which share of the segments is lost at first, 0 to 1.
    pub loss: f64,
}

/// One direction of the link, for all connections together.
#[derive(Debug)]
pub(super) struct Line {
    shape: Shape,
    /// When it has carried all it was given, since the proxy began.
    free_at: Duration,
    random: u64,
}

impl Shape {
    /// Bytes that are passed on in one piece.
    pub(super) fn piece(&self) -> usize {
        match self.rate.is_some() || self.loss > 0.0 {
            true => SEGMENT,
            false => 64 << 10,
        }
    }

    /// How long after it was sent a piece may go onto the line: the delay, and the wait for the second try of one that
    /// was lost, which both sides have to notice.
    pub(super) fn lateness(&self, lost: bool) -> Duration {
        match lost {
            true => self.delay * 3 + RESENT_AFTER,
            false => self.delay,
        }
    }
}

impl Line {
    pub(super) fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            free_at: Duration::ZERO,
            random: seed | 1,
        }
    }

    /// Whether the next segment is lost.
    pub(super) fn loses(&mut self) -> bool {
        if self.shape.loss <= 0.0 {
            return false;
        }
        // xorshift64: nobody has to be surprised.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 11) as f64) < self.shape.loss * (1_u64 << 53) as f64
    }

    /// Gives the line this many bytes; when it has carried them.
    pub(super) fn carry(&mut self, bytes: usize, now: Duration) -> Duration {
        let Some(rate) = self.shape.rate else {
            return now;
        };
        let lasts = Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64);
        self.free_at = self.free_at.max(now).saturating_add(lasts);
        self.free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_line_carries_its_rate_whoever_gives_it_something() {
        let shape = Shape {
            rate: Some(8_000_000),
            ..Shape::default()
        };
        let mut line = Line::new(shape, 1);
        // A megabyte a second.
        assert_eq!(line.carry(1000, ms(5)), ms(6));
        assert_eq!(line.carry(4000, ms(5)), ms(10));
        assert_eq!(
            line.carry(1000, ms(50)),
            ms(51),
            "what was not used is gone"
        );
    }

    #[test]
    fn a_lost_segment_waits_for_a_round_trip_and_two_hundred_milliseconds() {
        let shape = Shape {
            delay: ms(40),
            ..Shape::default()
        };
        assert_eq!(shape.lateness(false), ms(40));
        assert_eq!(shape.lateness(true), ms(320));
    }

    #[test]
    fn as_many_segments_are_lost_as_was_asked_for() {
        let lost = |loss| {
            let shape = Shape {
                loss,
                ..Shape::default()
            };
            let mut line = Line::new(shape, 0x5eed);
            (0..10_000).filter(|_| line.loses()).count()
        };
        assert_eq!(lost(0.0), 0);
        assert_eq!(lost(1.0), 10_000);
        let tenth = lost(0.1);
        assert!((900..1100).contains(&tenth), "{tenth} of 10000");
    }
}
