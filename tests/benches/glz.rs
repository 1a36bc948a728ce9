//! GLZ and LZ4 in megapixels per second, beside what the C reference does with pictures of the same kind.
//!
//! *Cold* is the first picture of a session, into a window without images; *fresh* the same into memory the process never
//! had, which on its own takes as long as *touch* says; *warm* is the same picture again in a session that has it, into
//! the memory of a picture that left. One thread; the best of the rounds, since other programs only ever disturb.
//!
//! `cargo bench --bench glz` prints the table. Without `--bench`, as `cargo test --all-targets` calls it, everything runs
//! once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Limits, lz4};

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;
const PIXELS: usize = WIDTH * HEIGHT;
/// The window holds three pictures.
const WINDOW_PIXELS: u64 = 7_000_000;
/// Pictures after which a session is warm.
const WARM_UP: usize = 5;

/// What the C implementation reaches, in megapixels per second: photo, desktop, text.
const GLZ_DECODE_COLD: [u32; 3] = [418, 396, 415];
const GLZ_DECODE_WARM: [u32; 3] = [1437, 1065, 1228];
const GLZ_ENCODE_FIRST: [u32; 3] = [20, 366, 569];
const LZ4_DECODE: [u32; 3] = [7926, 2277, 1214];

fn main() {
    let for_real = std::env::args().any(|argument| argument == "--bench");
    let bench = Bench {
        rounds: if for_real { 31 } else { 1 },
    };
    let pictures = [("photo", photo()), ("desktop", desktop()), ("text", text())];

    println!(
        "{:8} {:20} {:>9} {:>10}",
        "picture", "", "MPixel/s", "reference"
    );
    let line = |name: &str, what: &str, rate: f64, reference: Option<u32>| {
        let reference = reference.map_or(String::new(), |rate| rate.to_string());
        println!("{name:8} {what:20} {rate:9.0} {reference:>10}");
    };
    line("", "copy", bench.copy(&pictures[0].1), None);
    line("", "touch", bench.touch(), None);
    for (i, (name, pixels)) in pictures.iter().enumerate() {
        let bitmap = bitmap(pixels);
        let streams = session(&bitmap);
        let first = &streams[0];
        line(
            name,
            "glz decode, cold",
            bench.glz_cold(first),
            Some(GLZ_DECODE_COLD[i]),
        );
        line(
            name,
            "glz decode, fresh",
            bench.glz_fresh(first),
            Some(GLZ_DECODE_COLD[i]),
        );
        line(
            name,
            "glz decode, warm",
            bench.glz_warm(&streams),
            Some(GLZ_DECODE_WARM[i]),
        );
        line(
            name,
            "glz encode, first",
            bench.glz_encode_first(&bitmap),
            Some(GLZ_ENCODE_FIRST[i]),
        );
        line(
            name,
            "glz encode, again",
            bench.glz_encode_again(&bitmap),
            None,
        );
        line(
            name,
            "lz4 decode",
            bench.lz4_decode(pixels),
            Some(LZ4_DECODE[i]),
        );
        line(name, "lz4 encode", bench.lz4_encode(pixels), None);
        let bits = |stream: &Vec<u8>| stream.len() as f64 * 8.0 / PIXELS as f64;
        let (first, again) = (bits(first), bits(&streams[1]));
        println!("{name:8} glz bits per pixel   {first:9.2} first, {again:.2} again");
    }
}

fn bitmap(pixels: &[u8]) -> Bitmap<'_> {
    Bitmap {
        kind: Kind::Rgb32,
        width: WIDTH as u32,
        height: HEIGHT as u32,
        stride: 4 * WIDTH,
        top_down: true,
        pixels,
    }
}

/// The streams of a session that shows one picture over and over.
fn session(bitmap: &Bitmap<'_>) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(WINDOW_PIXELS).unwrap();
    let encode = |_| {
        let mut data = Vec::new();
        encoder.encode(bitmap, &mut data).unwrap();
        data
    };
    (0..WARM_UP + 4).map(encode).collect()
}

fn fastest(times: &[Duration]) -> f64 {
    let seconds = times.iter().map(Duration::as_secs_f64);
    PIXELS as f64 / seconds.fold(f64::MAX, f64::min) / 1e6
}

struct Bench {
    rounds: usize,
}

impl Bench {
    /// Megapixels per second of the fastest round, for work on one picture; neither preparation nor clean-up counts.
    fn best<S, T>(&self, prepare: impl FnMut() -> S, work: impl FnMut(S) -> T) -> f64 {
        fastest(&self.times(prepare, work))
    }

    /// The same of the later half of the rounds: the first ones may find memory that others left.
    fn late<S, T>(&self, prepare: impl FnMut() -> S, work: impl FnMut(S) -> T) -> f64 {
        fastest(&self.times(prepare, work)[self.rounds / 2..])
    }

    fn times<S, T>(
        &self,
        mut prepare: impl FnMut() -> S,
        mut work: impl FnMut(S) -> T,
    ) -> Vec<Duration> {
        let mut time = |_| {
            let prepared = prepare();
            let start = Instant::now();
            let result = black_box(work(prepared));
            let time = start.elapsed();
            drop(result);
            time
        };
        (0..self.rounds).map(&mut time).collect()
    }

    fn copy(&self, pixels: &[u8]) -> f64 {
        let mut to = vec![1; pixels.len()];
        self.best(|| (), |()| black_box(&mut to).copy_from_slice(pixels))
    }

    /// Memory is kept, so that every round has to get more from the system.
    fn touch(&self) -> f64 {
        let mut kept = Vec::new();
        self.late(
            || vec![0u8; 4 * PIXELS],
            |mut memory| {
                memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                kept.push(memory);
            },
        )
    }

    fn glz_cold(&self, data: &[u8]) -> f64 {
        self.best(
            || Window::new(WINDOW_PIXELS),
            |mut window| {
                glz::decode_shared(data, &Limits::default(), &mut window).unwrap();
                window
            },
        )
    }

    fn glz_fresh(&self, data: &[u8]) -> f64 {
        let mut kept = Vec::new();
        self.late(
            || Window::new(WINDOW_PIXELS),
            |mut window| {
                glz::decode_shared(data, &Limits::default(), &mut window).unwrap();
                kept.push(window);
            },
        )
    }

    fn glz_warm(&self, streams: &[Vec<u8>]) -> f64 {
        let (warm_up, rest) = streams.split_at(WARM_UP);
        let decode = |data: &Vec<u8>, window: &mut Window| {
            black_box(glz::decode_shared(data, &Limits::default(), window).unwrap());
        };
        let rate = self.best(
            || {
                let mut window = Window::new(WINDOW_PIXELS);
                warm_up.iter().for_each(|data| decode(data, &mut window));
                window
            },
            |mut window| {
                rest.iter().for_each(|data| decode(data, &mut window));
                window
            },
        );
        rate * rest.len() as f64
    }

    /// The window is too small for two pictures, so each is the first of its kind, in the memory of the one before.
    fn glz_encode_first(&self, bitmap: &Bitmap<'_>) -> f64 {
        let mut encoder = Encoder::new(PIXELS as u64 + 1).unwrap();
        let mut out = Vec::new();
        self.best(
            || (),
            |()| {
                out.clear();
                encoder.encode(bitmap, &mut out).unwrap();
            },
        )
    }

    fn glz_encode_again(&self, bitmap: &Bitmap<'_>) -> f64 {
        let mut encoder = Encoder::new(WINDOW_PIXELS).unwrap();
        let mut out = Vec::new();
        self.best(
            || (),
            |()| {
                out.clear();
                encoder.encode(bitmap, &mut out).unwrap();
            },
        )
    }

    fn lz4_decode(&self, pixels: &[u8]) -> f64 {
        let (width, height) = (WIDTH as u32, HEIGHT as u32);
        let mut data = Vec::new();
        lz4::encode(8, true, width, height, 4 * WIDTH, pixels, &mut data).unwrap();
        let mut out = Vec::new();
        self.best(
            || (),
            |()| {
                out.clear();
                lz4::decode(&data, width, height, &Limits::default(), &mut out).unwrap();
            },
        )
    }

    fn lz4_encode(&self, pixels: &[u8]) -> f64 {
        let (width, height) = (WIDTH as u32, HEIGHT as u32);
        let mut out = Vec::new();
        self.best(
            || (),
            |()| {
                out.clear();
                lz4::encode(8, true, width, height, 4 * WIDTH, pixels, &mut out).unwrap();
            },
        )
    }
}

// ---- pictures -------------------------------------------------------------------------------------------------------

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end
    }
}

/// Smooth colours with the grain of a camera.
fn photo() -> Vec<u8> {
    let mut random = Random(3);
    let mut pixels = vec![0; 4 * PIXELS];
    for channel in 0..3 {
        let mut sum = vec![0f32; PIXELS];
        for step in [240usize, 80, 24, 8] {
            let columns = WIDTH / step + 2;
            let knots: Vec<f32> = (0..columns * (HEIGHT / step + 2))
                .map(|_| random.below(256) as f32)
                .collect();
            for (at, sum) in sum.iter_mut().enumerate() {
                let (x, y) = (at % WIDTH, at / WIDTH);
                let knot = y / step * columns + x / step;
                let (u, v) = (
                    (x % step) as f32 / step as f32,
                    (y % step) as f32 / step as f32,
                );
                let top = knots[knot] * (1.0 - u) + knots[knot + 1] * u;
                let bottom = knots[knot + columns] * (1.0 - u) + knots[knot + columns + 1] * u;
                *sum += (top * (1.0 - v) + bottom * v) * step as f32 / 352.0;
            }
        }
        for (pixel, sum) in pixels.chunks_exact_mut(4).zip(sum) {
            pixel[channel] = (sum as usize + random.below(7)).saturating_sub(3).min(255) as u8;
        }
    }
    pixels
}

fn fill(pixels: &mut [u8], [x, y, w, h]: [usize; 4], colour: impl Fn(usize, usize) -> [u8; 3]) {
    for row in y..(y + h).min(HEIGHT) {
        for column in x..(x + w).min(WIDTH) {
            let at = 4 * (row * WIDTH + column);
            pixels[at..at + 3].copy_from_slice(&colour(column - x, row - y));
        }
    }
}

/// Writes words of an invented 7×9 alphabet, with soft edges.
fn write(pixels: &mut [u8], [x, y, w, h]: [usize; 4], random: &mut Random) {
    let alphabet: Vec<[u8; 63]> = (0..60).map(|_| glyph(random)).collect();
    for line in (y..(y + h).saturating_sub(9)).step_by(14) {
        let mut column = x;
        let end = x + w / 4 + random.below(w * 3 / 4);
        while column + 8 < end {
            if random.below(6) > 0 {
                let glyph = &alphabet[random.below(60)];
                fill(pixels, [column, line, 7, 9], |x, y| {
                    [255 - glyph[7 * y + x]; 3]
                });
            }
            column += 8;
        }
    }
}

fn glyph(random: &mut Random) -> [u8; 63] {
    let mut ink = [0; 63];
    for _ in 0..4 {
        let (x, y) = (random.below(6), random.below(9));
        for step in 0..6 {
            let (x, y) = [(x, step + y / 3), (step, y)][y % 2];
            ink[7 * y + x] = 255;
            ink[7 * y + (x + 1).min(6)] |= 96;
        }
    }
    ink
}

/// A white page of small print.
fn text() -> Vec<u8> {
    let mut pixels = vec![0; 4 * PIXELS];
    fill(&mut pixels, [0, 0, WIDTH, HEIGHT], |_, _| [255; 3]);
    write(&mut pixels, [8, 8, WIDTH - 16, HEIGHT - 16], &mut Random(5));
    pixels
}

/// Windows with text and one with a photo, on a shaded background.
fn desktop() -> Vec<u8> {
    let mut random = Random(9);
    let mut pixels = vec![0; 4 * PIXELS];
    fill(&mut pixels, [0, 0, WIDTH, HEIGHT], |_, y| {
        [(80 + y / 10) as u8, (60 + y / 12) as u8, 40]
    });
    for window in 0..7 {
        let (x, y) = (random.below(WIDTH - 500), random.below(HEIGHT - 350));
        let (w, h) = (400 + random.below(500), 250 + random.below(300));
        fill(&mut pixels, [x, y, w, h], |_, _| [120; 3]);
        fill(&mut pixels, [x + 1, y + 1, w - 2, 24], |x, _| {
            [200, (90 + x / 8) as u8, 50]
        });
        fill(&mut pixels, [x + 1, y + 25, w - 2, h - 26], |_, _| [240; 3]);
        let [x, y, w, h] = [x + 8, y + 32, (w - 16).min(WIDTH - x - 9), h - 40];
        if window == 3 {
            let grain: Vec<u8> = (0..w * h).map(|_| random.below(24) as u8).collect();
            fill(&mut pixels, [x, y, w, h], |x, y| {
                [
                    (x / 3) as u8 ^ grain[y * w + x],
                    (y / 2) as u8,
                    90 + grain[y * w + x],
                ]
            });
        } else {
            write(&mut pixels, [x, y, w, h], &mut random);
        }
    }
    pixels
}
