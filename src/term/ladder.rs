//! How good a moving picture may be on a link that is short.
//!
//! A frame that takes the link too long is followed by a poorer one, and one that takes it hardly any time, for a while, by a
//! better one: the best that is sure to be short, too, after a film has given way to something small. Where the better one turns
//! out to take too long, the next try is put off, each time for longer. What stands still is drawn as well as it can be, whatever
//! the link.

use std::time::Duration;

use super::paint::Quality;

/// Best first.
const RUNGS: [Quality; 10] = [
    rung(1, 256),
    rung(1, 128),
    rung(1, 64),
    rung(1, 32),
    rung(2, 128),
    rung(2, 64),
    rung(2, 32),
    rung(4, 64),
    rung(4, 32),
    rung(4, 16),
];

const fn rung(square: u32, colours: u16) -> Quality {
    Quality { square, colours }
}

/// What a frame weighs at a quality, at most, by what it weighs at others: bytes rise more slowly than dots, and than colours.
fn weight(quality: Quality) -> f64 {
    f64::from(quality.colours) / f64::from(quality.square).powi(2)
}

/// A frame should not take the link longer.
const LONG: Duration = Duration::from_millis(110);
/// A frame this short leaves room for a better one.
const SHORT: Duration = Duration::from_millis(35);
/// Short frames in a row that are needed to go up, which keeps from going up and down.
const PROOFS: u32 = 12;
/// The same after many tries in vain: at ten frames a second, a minute and more.
const MOST_PROOFS: u32 = 64 * PROOFS;
/// How long nothing may change before the picture is refined.
pub const STILL: Duration = Duration::from_millis(150);

/// Where on the ladder frames are.
#[derive(Clone, Debug)]
pub struct Ladder {
    at: usize,
    short_ones: u32,
    /// How long the longest of them took, seconds.
    longest: f64,
    /// Short frames in a row that are needed.
    proofs: u32,
    /// The rung before the last step up.
    before: usize,
    /// Frames since the last step up that none was too long.
    stood: u32,
}

impl Default for Ladder {
    /// The best.
    fn default() -> Self {
        Self {
            at: 0,
            short_ones: 0,
            longest: 0.0,
            proofs: PROOFS,
            before: 0,
            stood: u32::MAX,
        }
    }
}

impl Ladder {
    /// How good the next frame of a moving picture is to be.
    pub fn quality(&self) -> Quality {
        RUNGS.get(self.at).copied().unwrap_or_default()
    }

    /// Whether that is as good as can be.
    pub fn is_best(&self) -> bool {
        self.at == 0
    }

    /// A frame of so many bytes was drawn; `rate` is what the link carries a second, if known.
    pub fn drawn(&mut self, bytes: u64, rate: Option<f64>) {
        let Some(rate) = rate.filter(|rate| *rate > 0.0) else {
            return;
        };
        let takes = bytes as f64 / rate;
        self.stood = self.stood.saturating_add(1);
        if takes > LONG.as_secs_f64() {
            self.step_down(takes);
        } else if takes < SHORT.as_secs_f64() {
            self.short_ones += 1;
            self.longest = self.longest.max(takes);
            if self.short_ones >= self.proofs && self.at > 0 {
                self.step_up();
            }
        } else {
            self.take_no_proof();
        }
        if self.stood == PROOFS {
            // It can stay.
            self.proofs = PROOFS;
        }
    }

    fn take_no_proof(&mut self) {
        (self.short_ones, self.longest) = (0, 0.0);
    }

    /// At least by a rung.
    fn step_up(&mut self) {
        let now = weight(self.quality());
        let is_short = |rung: &Quality| self.longest * weight(*rung) / now <= SHORT.as_secs_f64();
        let sure = RUNGS.iter().position(is_short).unwrap_or(self.at);
        self.before = self.at;
        self.at = sure.min(self.at.saturating_sub(1));
        self.stood = 0;
        self.take_no_proof();
    }

    fn step_down(&mut self, takes: f64) {
        // Twice as long: two rungs.
        let rungs = if takes > 2.0 * LONG.as_secs_f64() {
            2
        } else {
            1
        };
        self.at = (self.at + rungs).min(RUNGS.len() - 1);
        if self.stood < PROOFS {
            // Back to where it is known to be short.
            self.at = self.at.max(self.before);
            self.proofs = (self.proofs * 2).min(MOST_PROOFS);
        }
        self.stood = u32::MAX;
        self.take_no_proof();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a full frame at a quality, as sixel makes of a film: about 1 MB at best.
    fn bytes(quality: Quality) -> u64 {
        let colours = match quality.colours {
            256 => 1_000_000,
            128 => 750_000,
            64 => 450_000,
            _ => 300_000,
        };
        colours / u64::from(quality.square * quality.square)
    }

    fn after(frames: usize, rate: f64) -> Ladder {
        let mut ladder = Ladder::default();
        for _ in 0..frames {
            ladder.drawn(bytes(ladder.quality()), Some(rate));
        }
        ladder
    }

    #[test]
    fn ten_megabits_carry_a_film_of_half_size() {
        let quality = after(20, 1.25e6).quality();
        assert!(quality.square == 2 && quality.colours <= 128, "{quality:?}");
        let fps = 1.25e6 / bytes(quality) as f64;
        assert!(fps >= 8.0, "{fps}");
    }

    #[test]
    fn a_fast_link_carries_the_best() {
        assert_eq!(after(100, 1e8).quality(), Quality::BEST);
    }

    #[test]
    fn small_frames_bring_the_best_back() {
        let mut ladder = after(20, 1.25e6);
        for _ in 0..6 * PROOFS {
            ladder.drawn(2000, Some(1.25e6));
        }
        assert_eq!(ladder.quality(), Quality::BEST);
    }

    #[test]
    fn something_small_after_a_film_is_soon_as_good_as_it_can_be() {
        let mut ladder = Ladder::default();
        // A megabit, and frames that take it ten seconds.
        (0..5).for_each(|_| ladder.drawn(1_250_000, Some(125_000.0)));
        assert_eq!(ladder.at, RUNGS.len() - 1);
        // A clock's hand, in 16 colours and squares of 16 dots: sure to be short in 32 colours, dot by dot.
        (0..PROOFS).for_each(|_| ladder.drawn(100, Some(125_000.0)));
        assert_eq!(ladder.quality(), rung(1, 32));
        (0..PROOFS).for_each(|_| ladder.drawn(300, Some(125_000.0)));
        assert_eq!(ladder.quality(), Quality::BEST);
    }

    #[test]
    fn steps_up_and_down_become_rarer() {
        // A film whose frames are either far too long or very short: there is no rung between.
        let mut ladder = Ladder::default();
        let mut steps = 0;
        for _ in 0..3600 {
            let before = ladder.quality();
            let short = ladder.at >= 4;
            ladder.drawn(if short { 10_000 } else { 200_000 }, Some(1.25e6));
            steps += u32::from(ladder.quality() != before);
        }
        // Six minutes at ten frames a second.
        assert!(steps < 24, "{steps}");
    }

    #[test]
    fn a_step_up_that_holds_makes_the_next_one_soon() {
        let mut ladder = after(20, 1.25e6);
        let down = ladder.at;
        for _ in 0..200 {
            ladder.drawn(2000, Some(1.25e6));
        }
        assert_eq!((down > 3, ladder.at), (true, 0));
    }

    #[test]
    fn nothing_is_made_poorer_while_the_link_is_unknown() {
        let mut ladder = Ladder::default();
        ladder.drawn(10_000_000, None);
        assert_eq!(ladder.quality(), Quality::BEST);
    }
}
