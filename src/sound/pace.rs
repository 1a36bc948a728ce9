//! How much sound is buffered ahead of the ear: enough for a network that stutters, and never much more.

use std::time::Duration;

use crate::channel::audio::Format;

/// Least delay of the output: what the reference client buffers at every start.
const LEAST: Duration = Duration::from_millis(200);

/// Most delay a server may ask for.
const MOST: Duration = Duration::from_secs(2);

/// How much later than wanted sound may be heard before some is left out.
const SLACK: Duration = Duration::from_millis(150);

/// Decides what is played and what is left out, so that the delay stays near what is wanted.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    format: Format,
    wanted: Duration,
    /// Samples still to leave out.
    skip: usize,
}

impl Pace {
    /// For a stream that is to lag `wanted` at least.
    pub fn new(format: Format, wanted: Duration) -> Self {
        let wanted = wanted.clamp(LEAST, MOST);
        Self {
            format,
            wanted,
            skip: 0,
        }
    }

    /// How much is to be buffered before the first sound is heard.
    pub fn wanted(&self) -> Duration {
        self.wanted
    }

    /// Sound that was given just now will be heard after `delay`: what is too much is left out of what comes next.
    pub fn measured(&mut self, delay: Duration) {
        self.skip = match delay.checked_sub(self.wanted) {
            Some(excess) if excess > SLACK => samples_in(excess.min(MOST), self.format),
            _ => 0,
        };
    }

    /// The part of some samples that is to be played.
    pub fn admit<'a>(&mut self, samples: &'a [i16]) -> &'a [i16] {
        let left_out = self.skip.min(samples.len());
        self.skip -= left_out;
        &samples[left_out..]
    }
}

/// Samples of all channels in this time, whole frames.
fn samples_in(time: Duration, format: Format) -> usize {
    let frames = time.as_micros() as u64 * u64::from(format.rate) / 1_000_000;
    frames as usize * usize::from(format.channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: Format = Format {
        channels: 2,
        rate: 48_000,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn sound_that_is_in_time_or_a_little_late_is_played_whole() {
        let mut pace = Pace::new(STEREO, ms(0));
        assert_eq!(pace.wanted(), ms(200));
        pace.measured(ms(350));
        assert_eq!(pace.admit(&[7; 960]).len(), 960);
    }

    #[test]
    fn sound_that_is_late_loses_just_what_it_is_late() {
        let mut pace = Pace::new(STEREO, ms(0));
        // 200 ms too many are 9600 frames, twenty packets of 10 ms.
        pace.measured(ms(400));
        let played: usize = (0..30).map(|_| pace.admit(&[7; 960]).len()).sum();
        assert_eq!(played, 10 * 960);
    }

    #[test]
    fn a_measure_in_between_replaces_the_one_before() {
        let mut pace = Pace::new(STEREO, ms(500));
        pace.measured(ms(1000));
        pace.admit(&[7; 960]);
        pace.measured(ms(510));
        assert_eq!(pace.admit(&[7; 960]).len(), 960);
    }

    #[test]
    fn absurd_delays_are_bounded() {
        let mut pace = Pace::new(STEREO, Duration::MAX);
        assert_eq!(pace.wanted(), ms(2000));
        pace.measured(Duration::MAX);
        assert_eq!(pace.skip, 2 * 48_000 * 2);
    }
}
