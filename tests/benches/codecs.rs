//! QUIC and LZ in megapixels per second on one thread, beside what the C reference does with pictures of the same kind.
//!
//! ```sh
//! cargo bench --no-default-features --bench codecs            # all lines
//! cargo bench --no-default-features --bench codecs -- decode  # those that contain a word
//! ```
//!
//! Each figure is the best of many runs, in time of the processor where the system tells it: other programs only ever
//! make a run slower.

#[path = "../support/pictures.rs"]
#[allow(dead_code)]
mod pictures;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use capsaicin::codec::{Limits, lz, quic};
use pictures::Picture;

/// Makes a picture of a width and height.
type Maker = fn(usize, usize) -> Picture;

/// Pictures, and what the reference reaches with such a one: QUIC decode, QUIC encode, LZ decode, LZ encode.
const LINES: [(&str, Maker, [u32; 4]); 3] = [
    ("photo", pictures::photo, [76, 81, 601, 132]),
    ("desktop", pictures::desktop, [279, 322, 1788, 511]),
    ("text", pictures::text, [279, 321, 1607, 557]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` runs benches too, and only wants to see them work.
    let measures = arguments.iter().any(|argument| argument == "--bench");
    let (width, height, time) = match measures {
        true => (1920, 1080, Duration::from_secs(1)),
        false => (192, 108, Duration::ZERO),
    };
    let wanted = arguments
        .into_iter()
        .find(|argument| !argument.starts_with('-'));
    let bench = Bench { wanted, time };

    println!("{width}×{height}, 32 bits; ratio is to 24 bits a pixel");
    println!(
        "{:22} {:>9} {:>10} {:>7} {:>7}",
        "", "MPixel/s", "reference", "", "ratio"
    );
    for (name, picture, references) in LINES {
        bench.picture(name, &picture(width, height), references);
    }
}

struct Bench {
    /// What lines have to contain to be run.
    wanted: Option<String>,
    /// How long each line is repeated.
    time: Duration,
}

impl Bench {
    fn picture(&self, name: &str, picture: &Picture, references: [u32; 4]) {
        let [quic_decode, quic_encode, lz_decode, lz_encode] = references.map(Some);
        let (width, height) = (picture.width as u32, picture.height as u32);
        let (stride, pixels) = (picture.width * 4, &picture.pixels);
        let limits = Limits::announced(width, height);

        let copy = |out: &mut Vec<u8>| out.extend_from_slice(black_box(pixels));
        self.line(&format!("memcpy {name}"), picture, None, copy);

        let mut encoder = quic::Encoder::default();
        let mut encode = |out: &mut Vec<u8>| {
            let pixels = black_box(pixels);
            encoder
                .encode(quic::Kind::Rgb32, width, height, stride, pixels, out)
                .unwrap();
        };
        let mut stream = Vec::new();
        encode(&mut stream);
        let mut decoder = quic::Decoder::default();
        let decode = |out: &mut Vec<u8>| {
            decoder.decode(black_box(&stream), &limits, out).unwrap();
        };
        self.line(&format!("quic decode {name}"), picture, quic_decode, decode);
        self.line(&format!("quic encode {name}"), picture, quic_encode, encode);

        let mut encoder = lz::Encoder::default();
        let mut encode = |out: &mut Vec<u8>| {
            let pixels = black_box(pixels);
            encoder
                .encode(lz::Kind::Rgb32, width, height, stride, true, pixels, out)
                .unwrap();
        };
        let mut stream = Vec::new();
        encode(&mut stream);
        let decode = |out: &mut Vec<u8>| {
            lz::decode(black_box(&stream), &limits, out).unwrap();
        };
        self.line(&format!("lz decode {name}"), picture, lz_decode, decode);
        self.line(&format!("lz encode {name}"), picture, lz_encode, encode);
    }

    /// Runs `work` again and again, and prints the best run and the size of what it made.
    fn line(
        &self,
        name: &str,
        picture: &Picture,
        reference: Option<u32>,
        mut work: impl FnMut(&mut Vec<u8>),
    ) {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !name.contains(wanted))
        {
            return;
        }
        let mut out = Vec::new();
        let mut best = Duration::MAX;
        let start = Instant::now();
        while best == Duration::MAX || start.elapsed() < self.time {
            out.clear();
            let before = processor_time();
            work(&mut out);
            best = best.min(processor_time() - before);
            black_box(&out);
        }
        let pixels = (picture.width * picture.height) as f64;
        let speed = pixels / best.as_secs_f64() / 1e6;
        let ratio = pixels * 3.0 / out.len() as f64;
        match reference {
            Some(reference) if out.len() == picture.pixels.len() => {
                let times = speed / f64::from(reference);
                println!("{name:22} {speed:9.0} {reference:10} {times:6.2}×");
            }
            Some(reference) => {
                let times = speed / f64::from(reference);
                println!("{name:22} {speed:9.0} {reference:10} {times:6.2}× {ratio:7.2}");
            }
            None => println!("{name:22} {speed:9.0}"),
        }
    }
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
