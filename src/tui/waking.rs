//! A computer that slept: its connections may be dead, and nobody has told it.

use std::time::{Duration, Instant, SystemTime};

/// How much further the clock on the wall has gone than the time the computer was awake, before it counts as sleep.
const SLEEP: Duration = Duration::from_secs(5);

/// Compares the clock on the wall with one that stands still while the computer sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Waking {
    wall: SystemTime,
    awake: Instant,
}

impl Waking {
    /// From this moment on.
    pub fn new() -> Self {
        Self::at(SystemTime::now(), Instant::now())
    }

    const fn at(wall: SystemTime, awake: Instant) -> Self {
        Self { wall, awake }
    }

    /// Whether the computer has slept since this was asked last. A clock that was set forward looks the same, and costs a
    /// question to the server.
    pub fn has_slept(&mut self) -> bool {
        self.has_slept_by(SystemTime::now(), Instant::now())
    }

    fn has_slept_by(&mut self, wall: SystemTime, awake: Instant) -> bool {
        // A clock that was set back tells nothing.
        let on_the_wall = wall.duration_since(self.wall).unwrap_or_default();
        let slept = on_the_wall.saturating_sub(awake.saturating_duration_since(self.awake));
        *self = Self::at(wall, awake);
        slept >= SLEEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_passes_on_the_wall_alone_is_sleep() {
        let (wall, awake) = (SystemTime::now(), Instant::now());
        let secs = Duration::from_secs;
        let mut waking = Waking::at(wall, awake);
        assert!(!waking.has_slept_by(wall + secs(600), awake + secs(600)));
        assert!(waking.has_slept_by(wall + secs(4200), awake + secs(601)));
        assert!(!waking.has_slept_by(wall + secs(4201), awake + secs(602)));
        assert!(
            !waking.has_slept_by(wall + secs(10), awake + secs(603)),
            "set back"
        );
    }
}
