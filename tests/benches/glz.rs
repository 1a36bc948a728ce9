//! GLZ, LZ4 and JPEG in megapixels per second, beside what the C reference does with pictures of the same kind.
//!
//! *Cold* is the first picture of a session, into a window without memory; *warm* is the same picture again in a session
//! that has it, into memory of a picture that left. One thread; the best of several rounds, since others only disturb.
//!
//! ```sh
//! cargo bench --bench glz --no-default-features
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Limits, lz4};

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;
const PIXELS: usize = WIDTH * HEIGHT;
const ROUNDS: usize = 15;
/// Pictures of a warm session: the window holds three.
const REPEATS: usize = 8;
const WINDOW_PIXELS: u64 = 7_000_000;

fn main() {
    let pictures = [("photo", photo()), ("desktop", desktop()), ("text", text())];
    let copy = best(|| (), |()| drop(black_box(pictures[0].1.clone())));
    println!("{WIDTH}x{HEIGHT}, megapixels per second; memory to memory {copy:.0}");
    println!(
        "{:8} {:22} {:>8} {:>10}",
        "picture", "", "measured", "reference"
    );
    // Reference numbers: decode cold, decode warm, encode first, LZ4 decode.
    let references = [
        [418, 1437, 20, 7926],
        [396, 1065, 366, 2277],
        [415, 1228, 569, 1214],
    ];
    for ((name, pixels), [cold, warm, first, lz4]) in pictures.iter().zip(references) {
        let line = |what: &str, measured: f64, reference| {
            println!("{name:8} {what:22} {measured:8.0} {reference:>10}");
        };
        let bitmap = bitmap(pixels);
        let streams = session(&bitmap);
        line("glz decode, cold", glz_cold(&streams[0]), cold.to_string());
        line("glz decode, warm", glz_warm(&streams), warm.to_string());
        line("glz encode, first", glz_encode(&bitmap), first.to_string());
        line("glz encode, again", glz_encode_again(&bitmap), "-".into());
        line("lz4 decode", lz4_decode(pixels), lz4.to_string());
        line("lz4 encode", lz4_encode(pixels), "-".into());
        let bits = |len| len as f64 * 8.0 / PIXELS as f64;
        let (first, again) = (bits(streams[0].len()), bits(streams[1].len()));
        println!("{name:8} glz bits per pixel     {first:8.2} first, {again:.4} again");
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
    (0..REPEATS).map(encode).collect()
}

fn glz_cold(data: &[u8]) -> f64 {
    best(
        || Window::new(WINDOW_PIXELS),
        |mut window| {
            (
                glz::decode_shared(data, &Limits::default(), &mut window).unwrap(),
                window,
            )
        },
    )
}

fn glz_warm(streams: &[Vec<u8>]) -> f64 {
    let started = || {
        let mut window = Window::new(WINDOW_PIXELS);
        let (warm_up, rest) = streams.split_at(5);
        for data in warm_up {
            glz::decode_shared(data, &Limits::default(), &mut window).unwrap();
        }
        (window, rest)
    };
    let rest = (streams.len() - 5) as f64;
    rest * best(started, |(mut window, rest)| {
        for data in rest {
            black_box(glz::decode_shared(data, &Limits::default(), &mut window).unwrap());
        }
        window
    })
}

fn glz_encode(bitmap: &Bitmap<'_>) -> f64 {
    best(
        || Encoder::new(WINDOW_PIXELS).unwrap(),
        |mut encoder| {
            let mut out = Vec::new();
            encoder.encode(bitmap, &mut out).unwrap();
            (encoder, out)
        },
    )
}

fn glz_encode_again(bitmap: &Bitmap<'_>) -> f64 {
    let mut encoder = Encoder::new(WINDOW_PIXELS).unwrap();
    let mut out = Vec::new();
    best(
        || (),
        |()| {
            out.clear();
            encoder.encode(bitmap, &mut out).unwrap();
        },
    )
}

fn lz4_decode(pixels: &[u8]) -> f64 {
    let mut data = Vec::new();
    lz4::encode(
        8,
        true,
        WIDTH as u32,
        HEIGHT as u32,
        4 * WIDTH,
        pixels,
        &mut data,
    )
    .unwrap();
    let mut out = Vec::new();
    best(
        || (),
        |()| {
            out.clear();
            lz4::decode(
                &data,
                WIDTH as u32,
                HEIGHT as u32,
                &Limits::default(),
                &mut out,
            )
            .unwrap();
        },
    )
}

fn lz4_encode(pixels: &[u8]) -> f64 {
    let mut out = Vec::new();
    best(
        || (),
        |()| {
            out.clear();
            lz4::encode(
                8,
                true,
                WIDTH as u32,
                HEIGHT as u32,
                4 * WIDTH,
                pixels,
                &mut out,
            )
            .unwrap();
        },
    )
}

/// Megapixels per second of the fastest round, for work on one picture; neither preparation nor clean-up counts.
fn best<S, T>(mut prepare: impl FnMut() -> S, mut work: impl FnMut(S) -> T) -> f64 {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let prepared = prepare();
        let start = Instant::now();
        let result = black_box(work(prepared));
        fastest = fastest.min(start.elapsed());
        drop(result);
    }
    PIXELS as f64 / fastest.as_secs_f64() / 1e6
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
    let alphabet: Vec<[u8; 63]> = (0..60)
        .map(|_| std::array::from_fn(|_| [0, 0, 0, 255, 255, 128][random.below(6)]))
        .collect();
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
