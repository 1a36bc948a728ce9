//! How much may be on its way to a terminal.
//!
//! Over SSH nobody says how much lies in queues between us and the terminal; only an answer of the terminal itself proves that
//! everything before it has arrived. So a *fence* (DSR, `CSI 5 n`) is written behind enough bytes, and its answer (`CSI 0 n`) is
//! credit for them. The answers also tell how fast the link is. A terminal that does not answer is trusted with what the
//! system took from us.

use std::collections::VecDeque;
use std::time::Duration;

/// What a fence looks like.
pub const FENCE: &[u8] = b"\x1b[5n";

/// Bytes after which a fence is worth its four.
const FENCED: u64 = 2048;
/// What may be on its way while the link is unknown.
const UNKNOWN: u64 = 64 * 1024;
/// What always may.
const LEAST: u64 = 4 * 1024;
/// How long a link may need for what lies in its queue: a key's echo waits behind it.
const QUEUE: Duration = Duration::from_millis(80);
/// Rates that are remembered; the best of them is the link's.
const RATES: usize = 8;
/// Frames that may be on their way, however small they are.
const MOST_FENCES: usize = 6;
/// How long an answer is waited for before the terminal counts as one that gives none.
const PATIENCE: Duration = Duration::from_secs(4);

/// Counts what is on its way and measures the link.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Whether the terminal answers fences.
    answers: bool,
    /// Bytes sent, fences included.
    sent: u64,
    /// Bytes known to have arrived, or to have been taken by the system.
    arrived: u64,
    /// When that became known.
    arrived_at: Duration,
    /// Bytes the system has not taken yet, when it was last asked.
    waiting: u64,
    /// Fences without an answer yet.
    fences: VecDeque<Fence>,
    rates: VecDeque<f64>,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Fence {
    /// Bytes sent up to its end.
    end: u64,
    sent_at: Duration,
    /// What had arrived when it was sent, and since when that was known.
    arrived: u64,
    arrived_at: Duration,
    /// Whether the link had nothing to do before this.
    was_idle: bool,
}

impl Pace {
    /// A link of which nothing is known. `answers`: whether the terminal answers fences.
    pub fn new(answers: bool) -> Self {
        Self {
            answers,
            ..Self::default()
        }
    }

    /// Appends a fence to bytes that are about to be sent, if it is time for one, and counts them. A `frame` of pixels always
    /// gets one: few bytes may be much work, as when they name pixels in shared memory.
    pub fn send(&mut self, bytes: &mut Vec<u8>, frame: bool, now: Duration) {
        if bytes.is_empty() {
            return;
        }
        let was_idle = self.sent == self.arrived;
        let unfenced =
            self.sent + bytes.len() as u64 - self.fences.back().map_or(self.arrived, |f| f.end);
        let fence = self.answers && (frame || unfenced >= FENCED);
        if fence {
            bytes.extend_from_slice(FENCE);
        }
        self.sent += bytes.len() as u64;
        if fence {
            self.fences.push_back(Fence {
                end: self.sent,
                sent_at: now,
                arrived: self.arrived,
                arrived_at: if was_idle { now } else { self.arrived_at },
                was_idle,
            });
        }
    }

    /// The terminal answered the oldest fence.
    pub fn answered(&mut self, now: Duration) {
        // One more than was asked for is somebody else's.
        let Some(fence) = self.fences.pop_front() else {
            return;
        };
        let waited = now.saturating_sub(fence.sent_at);
        if self.round_trip.is_none_or(|best| waited < best) {
            self.round_trip = Some(waited);
        }
        let bytes = fence.end - fence.arrived;
        let mut took = now.saturating_sub(fence.arrived_at);
        if fence.was_idle {
            // The way there and back is not the link's slowness.
            took = took.saturating_sub(self.round_trip.unwrap_or_default().min(waited / 2));
        }
        if took > Duration::ZERO && bytes >= FENCED {
            if self.rates.len() == RATES {
                self.rates.pop_front();
            }
            self.rates.push_back(bytes as f64 / took.as_secs_f64());
        }
        self.arrived = self.arrived.max(fence.end);
        self.arrived_at = now;
    }

    /// The system has taken everything but `outstanding` bytes. For a terminal that answers no fences that is all there is
    /// to know.
    pub fn written(&mut self, outstanding: u64, now: Duration) {
        self.waiting = outstanding;
        self.tick(now);
        if !self.answers {
            self.arrived = self.sent.saturating_sub(outstanding);
            self.arrived_at = now;
        }
    }

    /// Time passed: a terminal that has everything and says nothing is asked no more.
    pub fn tick(&mut self, now: Duration) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.answers = false;
            self.fences.clear();
            self.arrived = self.sent;
            self.arrived_at = now;
        }
    }

    /// Bytes on their way. What is behind the last fence counts only once there is a fence behind it.
    pub fn outstanding(&self) -> u64 {
        if self.answers {
            self.fences.back().map_or(0, |last| last.end - self.arrived)
        } else {
            self.sent - self.arrived
        }
    }

    /// How many bytes may be on their way: what the link carries during a round trip, and 80 ms more, which keep it busy.
    pub fn budget(&self) -> u64 {
        let round_trip = self.round_trip.unwrap_or_default();
        match self.rate() {
            Some(rate) => ((rate * (round_trip + QUEUE).as_secs_f64()) as u64).max(LEAST),
            None => UNKNOWN,
        }
    }

    /// Whether another frame may be sent.
    pub fn may_send(&self) -> bool {
        self.fences.len() < MOST_FENCES && self.outstanding() < self.budget()
    }

    /// Bytes a second the link carries; `None` until it was seen at work.
    pub fn rate(&self) -> Option<f64> {
        self.rates.iter().copied().reduce(f64::max)
    }

    /// The shortest time from a fence to its answer.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When a terminal that answers nothing is given up, while an answer of one is waited for that has all bytes.
    pub fn deadline(&self) -> Option<Duration> {
        let fence = self.fences.front().filter(|_| self.waiting == 0)?;
        Some(fence.sent_at + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A link of so many bytes a second and such a round trip, and frames of one size sent whenever they may be: the frames
    /// that arrived within ten seconds, and the longest time a byte spent on its way.
    fn frames_over(rate: f64, round_trip: Duration, frame: usize) -> (u32, Duration, Pace) {
        let mut pace = Pace::new(true);
        let mut answers: VecDeque<Duration> = VecDeque::new();
        let mut free_at = Duration::ZERO;
        let (mut frames, mut longest) = (0, Duration::ZERO);
        for ms in 0..10_000 {
            let now = MS * ms;
            while answers.front().is_some_and(|at| *at <= now) {
                answers.pop_front();
                pace.answered(now);
            }
            if !pace.may_send() {
                continue;
            }
            let mut bytes = vec![0; frame];
            pace.send(&mut bytes, false, now);
            assert!(bytes.ends_with(FENCE));
            free_at = free_at.max(now) + Duration::from_secs_f64(bytes.len() as f64 / rate);
            answers.push_back(free_at + round_trip);
            longest = longest.max(free_at - now);
            frames += 1;
        }
        (frames, longest, pace)
    }

    #[test]
    fn a_link_is_filled_but_not_flooded() {
        // 10 Mbit/s, 20 ms; frames of 10 kB: at most 1250 fit in ten seconds.
        let (frames, longest, pace) = frames_over(1.25e6, 20 * MS, 10_000);
        assert!(frames > 1125, "{frames}");
        assert!(longest < 120 * MS, "{longest:?}");
        let rate = pace.rate().unwrap();
        assert!((1.0e6..1.6e6).contains(&rate), "{rate}");
        assert!((20 * MS..40 * MS).contains(&pace.round_trip().unwrap()));
    }

    #[test]
    fn a_slow_link_is_found_out_within_the_first_frames() {
        // 1 Mbit/s, 150 ms.
        let (frames, _, pace) = frames_over(125_000.0, 150 * MS, 4_000);
        // 312 fit in ten seconds.
        assert!(frames > 280, "{frames}");
        let rate = pace.rate().unwrap();
        assert!((80_000.0..200_000.0).contains(&rate), "{rate}");
        // What is on its way takes the link a round trip and 80 ms, give or take.
        assert!(pace.budget() <= 45_000, "{}", pace.budget());
    }

    #[test]
    fn a_little_is_sent_without_a_fence() {
        let mut pace = Pace::new(true);
        let mut bytes = b"a glyph".to_vec();
        pace.send(&mut bytes, false, Duration::ZERO);
        assert_eq!(bytes, b"a glyph");
        assert_eq!(pace.outstanding(), 0);
    }

    #[test]
    fn few_frames_are_on_their_way_however_small_they_are() {
        let mut pace = Pace::new(true);
        for _ in 0..MOST_FENCES {
            assert!(pace.may_send());
            pace.send(&mut b"a name".to_vec(), true, Duration::ZERO);
        }
        assert!(!pace.may_send());
        pace.answered(MS);
        assert!(pace.may_send());
    }

    #[test]
    fn without_answers_the_system_is_believed() {
        let mut pace = Pace::new(false);
        pace.send(&mut vec![0; 100_000], false, Duration::ZERO);
        assert!(!pace.may_send());
        pace.written(1000, MS);
        assert!(pace.may_send());
    }

    #[test]
    fn a_terminal_that_stops_answering_is_believed_no_longer() {
        let mut pace = Pace::new(true);
        pace.send(&mut vec![0; 100_000], false, Duration::ZERO);
        // One that has stopped reading is another matter.
        pace.written(1, 2000 * MS);
        assert_eq!(pace.deadline(), None);
        pace.written(0, 3000 * MS);
        assert!(!pace.may_send());
        assert_eq!(pace.deadline(), Some(PATIENCE));
        pace.tick(PATIENCE);
        assert!(pace.may_send());
        assert_eq!(pace.deadline(), None);
    }

    #[test]
    fn answers_nobody_asked_for_are_nothing() {
        let mut pace = Pace::new(true);
        pace.answered(MS);
        assert_eq!((pace.outstanding(), pace.rate()), (0, None));
    }
}
