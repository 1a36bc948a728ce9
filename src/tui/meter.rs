//! How fast pictures reach the terminal.

use std::collections::VecDeque;
use std::time::Duration;

/// Pictures and bytes of the last second.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// When, how many bytes, and whether a picture was complete with them. INVARIANT: times never decrease.
    frames: VecDeque<(Duration, usize, bool)>,
}

/// Over how long is counted.
const SPAN: Duration = Duration::from_secs(1);

impl Meter {
    /// A picture was written.
    pub fn count(&mut self, bytes: usize, now: Duration) {
        self.add(bytes, true, now);
    }

    /// A part of a picture was written, and the rest of it is still to come.
    pub fn count_part(&mut self, bytes: usize, now: Duration) {
        self.add(bytes, false, now);
    }

    fn add(&mut self, bytes: usize, is_whole: bool, now: Duration) {
        self.forget(now);
        self.frames.push_back((now, bytes, is_whole));
    }

    /// Leaves out what is older than a second; whether there was something.
    pub fn forget(&mut self, now: Duration) -> bool {
        let before = self.frames.len();
        while self
            .frames
            .pop_front_if(|(at, ..)| *at + SPAN <= now)
            .is_some()
        {}
        self.frames.len() != before
    }

    /// Pictures in the last second.
    pub fn frames_per_second(&self) -> usize {
        self.frames.iter().filter(|(.., whole)| *whole).count()
    }

    /// Bytes in the last second.
    pub fn bytes_per_second(&self) -> u64 {
        self.frames.iter().map(|(_, bytes, _)| *bytes as u64).sum()
    }

    /// When all of it will be older than a second. The numbers need not be redrawn before: while pictures come they are
    /// drawn with them.
    pub fn deadline(&self) -> Option<Duration> {
        self.frames.back().map(|(at, ..)| *at + SPAN)
    }
}
