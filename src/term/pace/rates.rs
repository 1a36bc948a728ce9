//! How fast a link was seen to be.

use std::collections::VecDeque;

/// Round trips whose rates are remembered; the best of them is the link's.
const ROUNDS: usize = 4;

/// What the link was seen to carry, bytes a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    /// The best of each of the last round trips, the newest last.
    pub(super) best: VecDeque<f64>,
    /// Bytes that will have arrived when the round trip at hand is over.
    round_end: u64,
    /// Whether there was a queue: then it is all that the link can carry.
    pub(super) is_known: bool,
}

impl Rates {
    /// The best that is remembered.
    pub(super) fn best(&self) -> Option<f64> {
        self.best.iter().copied().reduce(f64::max)
    }

    /// A rate was seen by a fence that was sent when so much had arrived, and the bytes `sent` since. `full`: whether the link
    /// had as much to do as it may; otherwise it can carry more than was seen.
    pub(super) fn see(&mut self, rate: f64, full: bool, arrived: u64, sent: u64) {
        if !full && self.best().is_none_or(|best| rate <= best) {
            return;
        }
        let goes_on = arrived < self.round_end;
        match self.best.back_mut().filter(|_| goes_on) {
            Some(newest) => *newest = newest.max(rate),
            None => {
                self.best.push_back(rate);
                self.round_end = sent;
            }
        }
        if self.best.len() > ROUNDS {
            self.best.pop_front();
        }
    }
}
