//! A table of speeds: megapixels per second, beside what the C reference reaches and what a plain copy does.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Prints one line for each thing that is measured.
///
/// Each figure is the best of many runs, in time of the processor where the system tells it: other programs only ever make
/// a run slower.
pub struct Table {
    /// What lines have to contain to be run.
    wanted: Option<String>,
    /// How long each line is repeated.
    time: Duration,
    /// Pixels of what is measured, four bytes each.
    pixels: usize,
    /// Megapixels per second of the last copy that was measured.
    copy: Cell<f64>,
}

impl Table {
    /// A table of work on `full` (width, height) pixels, or `small` where cargo only wants to see that the bench runs; and
    /// the size to use.
    pub fn new(full: (usize, usize), small: (usize, usize)) -> (Self, (usize, usize)) {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        // `cargo test` runs benches too.
        let measures = arguments.iter().any(|argument| argument == "--bench");
        let (size, time) = match measures {
            true => (full, Duration::from_secs(1)),
            false => (small, Duration::ZERO),
        };
        let wanted = arguments
            .into_iter()
            .find(|argument| !argument.starts_with('-'));
        let (width, height) = size;
        println!("{width}×{height} pixels of 32 bits, one thread");
        println!(
            "{:27} {:>9} {:>10} {:>7} {:>8}",
            "", "MPixel/s", "reference", "", "memcpy"
        );
        let table = Self {
            wanted,
            time,
            pixels: width * height,
            copy: Cell::new(f64::NAN),
        };
        (table, size)
    }

    /// Measures a copy of `pixels` into memory that is there already: what later lines are compared with.
    pub fn copy(&self, name: &str, pixels: &[u8]) {
        let mut to = vec![1; pixels.len()];
        let round = || timed(|| to.copy_from_slice(black_box(pixels)));
        self.copy.set(self.speed(self.best(200, round)));
        self.print(name, self.copy.get(), None, "");
    }

    /// Measures `round` again and again. It says how long it took for the pixels of one picture.
    pub fn row(
        &self,
        name: &str,
        reference: Option<u32>,
        note: &str,
        round: impl FnMut() -> Duration,
    ) {
        self.row_of(usize::MAX, name, reference, note, round);
    }

    /// Measures no more than so many rounds.
    pub fn row_of(
        &self,
        rounds: usize,
        name: &str,
        reference: Option<u32>,
        note: &str,
        round: impl FnMut() -> Duration,
    ) {
        if self.wants(name) {
            let speed = self.speed(self.best(rounds, round));
            self.print(name, speed, reference, note);
        }
    }

    fn wants(&self, name: &str) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| name.contains(wanted))
    }

    fn best(&self, rounds: usize, mut round: impl FnMut() -> Duration) -> Duration {
        let start = Instant::now();
        let mut best = round();
        for _ in 1..rounds {
            if start.elapsed() >= self.time {
                break;
            }
            best = best.min(round());
        }
        best
    }

    fn speed(&self, time: Duration) -> f64 {
        self.pixels as f64 / time.as_secs_f64() / 1e6
    }

    fn print(&self, name: &str, speed: f64, reference: Option<u32>, note: &str) {
        let times = |reference| format!("{:.2}×", speed / f64::from(reference));
        let times = reference.map_or(String::new(), times);
        let reference = reference.map_or(String::new(), |speed| speed.to_string());
        let share = 100.0 * speed / self.copy.get();
        println!("{name:27} {speed:9.0} {reference:>10} {times:>7} {share:7.1}%  {note}");
    }
}

/// How long `work` takes. What it returns is dropped afterwards.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let before = processor_time();
    let result = black_box(work());
    let time = processor_time() - before;
    drop(result);
    time
}

/// The time this thread has run so far. Unlike the time that passed it does not grow while other programs run.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Giving way makes Linux bring the figure up to date.
    std::thread::yield_now();
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = figures
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}
