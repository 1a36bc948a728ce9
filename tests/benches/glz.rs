//! GLZ and LZ4 in megapixels per second on one thread, beside what the C reference does with pictures of the same kind and
//! what a plain copy of the pixels does in the same run.
//!
//! *Cold* is the first picture of a session, into a window without images; *fresh* the same into memory the process never
//! had, which on its own takes as long as *touch* says; *warm* is the same picture again in a session that has it, into
//! the memory of a picture that left.
//!
//! ```sh
//! cargo bench --no-default-features --bench glz            # all lines
//! cargo bench --no-default-features --bench glz -- encode  # those that contain a word
//! ```

mod measure;

use std::hint::black_box;
use std::time::Duration;

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Limits, lz4};
use measure::{Table, timed};

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;
const PIXELS: usize = WIDTH * HEIGHT;
/// The window holds three pictures.
const WINDOW_PIXELS: u64 = 7_000_000;
/// Pictures after which a session is warm.
const WARM_UP: usize = 5;
/// Rounds that keep their memory. The later half counts: the first ones may find memory that others left.
const FRESH_ROUNDS: usize = 31;

/// A picture by name, how it is made, and what the reference does with it, MPixel/s.
type Line = (&'static str, fn() -> Vec<u8>, [u32; 4]);

/// Pictures, and what the reference reaches with such a one: GLZ decode cold, GLZ decode warm, GLZ encode, LZ4 decode.
const LINES: [Line; 3] = [
    ("photo", photo, [418, 1437, 20, 7926]),
    ("desktop", desktop, [396, 1065, 366, 2277]),
    ("text", text, [415, 1228, 569, 1214]),
];

fn main() {
    let (table, _) = Table::new((WIDTH, HEIGHT), (WIDTH, HEIGHT));
    for (name, picture, references) in LINES {
        measure_picture(&table, name, &picture(), references.map(Some));
    }
}

fn measure_picture(table: &Table, name: &str, pixels: &[u8], references: [Option<u32>; 4]) {
    let [cold, warm, encode, lz4] = references;
    let bitmap = bitmap(pixels);
    let streams = session(&bitmap);
    let first = &streams[0];

    table.copy(&format!("memcpy {name}"), pixels);
    table.row(&format!("glz decode cold {name}"), cold, "", || {
        let mut window = Window::new(WINDOW_PIXELS);
        timed(|| decode(first, &mut window))
    });
    let mut touch = touch();
    table.row_of(FRESH_ROUNDS, &format!("touch {name}"), None, "", &mut touch);
    let mut fresh = glz_fresh(first);
    let row = format!("glz decode fresh {name}");
    table.row_of(FRESH_ROUNDS, &row, cold, "", &mut fresh);
    table.row(&format!("glz decode warm {name}"), warm, "", || {
        glz_warm(&streams)
    });

    let mut out = Vec::new();
    // The window is too small for two pictures, so each is the first of its kind, in the memory of the one before.
    let mut encoder = Encoder::new(PIXELS as u64 + 1).unwrap();
    let row = format!("glz encode first {name}");
    table.row(&row, encode, &bits(first), || {
        out.clear();
        timed(|| encoder.encode(&bitmap, &mut out).unwrap())
    });
    let mut encoder = Encoder::new(WINDOW_PIXELS).unwrap();
    let row = format!("glz encode again {name}");
    table.row(&row, None, &bits(&streams[1]), || {
        out.clear();
        timed(|| encoder.encode(&bitmap, &mut out).unwrap())
    });

    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let mut data = Vec::new();
    lz4::encode(8, true, width, height, 4 * WIDTH, pixels, &mut data).unwrap();
    table.row(&format!("lz4 decode {name}"), lz4, "", || {
        out.clear();
        let limits = Limits::default();
        timed(|| lz4::decode(black_box(&data), width, height, &limits, &mut out).unwrap())
    });
    table.row(&format!("lz4 encode {name}"), None, &bits(&data), || {
        out.clear();
        timed(|| lz4::encode(8, true, width, height, 4 * WIDTH, pixels, &mut out).unwrap())
    });
}

/// How large a stream is.
fn bits(stream: &[u8]) -> String {
    let bits = stream.len() as f64 * 8.0 / PIXELS as f64;
    format!("{bits:.2} bits a pixel")
}

fn decode(data: &[u8], window: &mut Window) {
    black_box(glz::decode_shared(black_box(data), &Limits::default(), window).unwrap());
}

/// Gets new memory from the system in every round.
fn touch() -> impl FnMut() -> Duration {
    let mut kept = Vec::new();
    late(move || {
        let mut memory = vec![0u8; 4 * PIXELS];
        let time = timed(|| memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1));
        kept.push(memory);
        time
    })
}

fn glz_fresh(data: &[u8]) -> impl FnMut() -> Duration {
    let mut kept = Vec::new();
    late(move || {
        let mut window = Window::new(WINDOW_PIXELS);
        let time = timed(|| decode(data, &mut window));
        kept.push(window);
        time
    })
}

/// The rounds, of which the earlier ones do not count.
fn late(mut round: impl FnMut() -> Duration) -> impl FnMut() -> Duration {
    let mut rounds = 0;
    move || {
        rounds += 1;
        let time = round();
        if rounds > FRESH_ROUNDS / 2 {
            time
        } else {
            Duration::MAX
        }
    }
}

fn glz_warm(streams: &[Vec<u8>]) -> Duration {
    let (warm_up, rest) = streams.split_at(WARM_UP);
    let mut window = Window::new(WINDOW_PIXELS);
    warm_up.iter().for_each(|data| decode(data, &mut window));
    timed(|| rest.iter().for_each(|data| decode(data, &mut window))) / rest.len() as u32
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
