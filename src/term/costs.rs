//! What a frame costs a terminal by itself, and what each byte of it adds.

use std::time::Duration;

/// What is left of what was seen before, after each frame.
const MEMORY: f64 = 0.9;
/// Frames that say anything, by what is left of them.
const ENOUGH: f64 = 3.0;
/// Variance of their bytes, by the square of the mean, from which on both costs can be told apart.
const VARIED: f64 = 0.02;
/// A frame that takes so many times as long as others is an accident, most of which counts for nothing.
const ACCIDENT: f64 = 4.0;
/// Least time a byte can take, seconds: nobody takes in more than a gigabyte in one.
const LEAST: f64 = 1e-9;

/// A line through the frames of late: time by bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    /// Sums over frames of one, bytes, seconds, bytes squared, and bytes times seconds.
    weight: f64,
    bytes: f64,
    seconds: f64,
    squares: f64,
    products: f64,
    /// Where the line begins and how it rises, seconds; what they were, while that cannot be told.
    fixed: f64,
    per_byte: f64,
}

impl Costs {
    /// A frame of so many bytes took the terminal so long.
    pub(super) fn see(&mut self, bytes: u64, took: Duration) {
        let (bytes, mut seconds) = (bytes as f64, took.as_secs_f64());
        if self.weight >= ENOUGH {
            seconds = seconds.min(ACCIDENT * self.seconds / self.weight);
        }
        let sums = [
            (&mut self.weight, 1.0),
            (&mut self.bytes, bytes),
            (&mut self.seconds, seconds),
            (&mut self.squares, bytes * bytes),
            (&mut self.products, bytes * seconds),
        ];
        for (sum, new) in sums {
            *sum = *sum * MEMORY + new;
        }
        if self.weight < ENOUGH || !self.is_varied() {
            return;
        }
        let (bytes, seconds) = (self.bytes / self.weight, self.seconds / self.weight);
        let rise = (self.products / self.weight - bytes * seconds) / self.variance();
        self.per_byte = rise.max(LEAST);
        self.fixed = (seconds - self.per_byte * bytes).max(0.0);
    }

    /// A frame took the terminal no longer than this, and perhaps less.
    pub(super) fn see_at_most(&mut self, took: Duration) {
        self.fixed = self.fixed.min(took.as_secs_f64());
    }

    /// What a frame costs by itself.
    pub(super) fn fixed(&self) -> Duration {
        Duration::from_secs_f64(self.fixed)
    }

    /// How many bytes a frame may have that is to take this much longer than it takes by itself.
    pub(super) fn bytes_in(&self, time: Duration) -> u64 {
        (time.as_secs_f64() / self.per_byte.max(LEAST)) as u64
    }

    /// Whether frames take longer than `much` and are too much alike to tell why.
    pub(super) fn may_be_fixed(&self, much: Duration) -> bool {
        let is_long = self.seconds > much.as_secs_f64() * self.weight;
        self.weight >= ENOUGH && is_long && !self.is_varied()
    }

    fn variance(&self) -> f64 {
        self.squares / self.weight - (self.bytes / self.weight).powi(2)
    }

    fn is_varied(&self) -> bool {
        self.variance() > VARIED * (self.bytes / self.weight).powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn after(frames: impl IntoIterator<Item = (u64, Duration)>) -> Costs {
        let mut costs = Costs::default();
        for (bytes, took) in frames {
            costs.see(bytes, took);
        }
        costs
    }

    #[test]
    fn what_a_frame_costs_by_itself_is_told_from_what_its_bytes_cost() {
        // 150 ms, and a millisecond a kilobyte.
        let frames = [1000, 4000, 2000, 100_000, 3000]
            .map(|bytes| (bytes, 150 * MS + MS * (bytes / 1000) as u32));
        let costs = after(frames);
        assert!(costs.fixed().abs_diff(150 * MS) < MS, "{costs:?}");
        assert!(costs.bytes_in(50 * MS).abs_diff(50_000) < 500, "{costs:?}");
    }

    #[test]
    fn on_a_link_the_bytes_cost_everything() {
        let frames =
            [1000, 4000, 2000, 10_000, 3000].map(|bytes| (bytes, MS * (bytes / 100) as u32));
        assert!(after(frames).fixed() < MS);
    }

    #[test]
    fn of_frames_that_are_alike_nothing_is_known_but_that() {
        let costs = after([(1000, 150 * MS); 20]);
        assert_eq!(costs.fixed(), Duration::ZERO);
        assert!(costs.may_be_fixed(40 * MS));
        assert!(!after([(1000, 20 * MS); 20]).may_be_fixed(40 * MS));
    }

    #[test]
    fn a_stall_is_no_cost_of_a_frame() {
        let mut costs = after((0..20).map(|n| (2000 + n % 3 * 500, MS * (20 + n as u32 % 3 * 5))));
        costs.see(2000, 5000 * MS);
        assert!(costs.fixed() < 40 * MS, "{costs:?}");
    }
}
