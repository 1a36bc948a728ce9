//! How long a screen of 1280×800 takes to become sixels, as how many bytes, and what is left of it; beside icy_sixel.
//!
//! `cargo bench --bench sixel` prints the best of the rounds, as other programs only ever make one slower. Without `--bench`, as `cargo test --all-targets` calls it,
//! everything runs once.

#[path = "term/noise.rs"]
mod noise;
#[path = "../support/screens.rs"]
mod screens;
#[path = "../support/terminals/mod.rs"]
mod terminals;

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::PixelBuf;
use capsaicin::term::paint::{Painter, Place, Quality, Scene};
use capsaicin::term::sixel::{Limits, Sixel};
use icy_sixel::EncodeOptions;
use noise::noise;

const LIMITS: Limits = Limits {
    image: Size::new(4000, 4000),
    colours: 256,
    scrolls: true,
};

fn main() {
    let for_real = std::env::args().any(|argument| argument == "--bench");
    let rounds = if for_real { 41 } else { 1 };
    println!("{:34} {:>8} {:>8} {:>8}", "", "ms", "KB", "dB");
    let screens = [
        ("desktop", screens::desktop()),
        ("photo", screens::photo()),
        ("terminal", screens::term0()),
    ];
    for (name, screen) in &screens {
        for colours in [256, 128, 64, 32] {
            whole(
                &format!("{name}, {colours} colours"),
                screen,
                colours,
                1,
                rounds,
            );
        }
        whole(&format!("{name}, halved"), screen, 64, 2, rounds);
        first(&format!("{name}, new palette"), screen, rounds);
        if for_real {
            rivals(name, screen);
        }
    }
    let [term0, term1] = [screens::term0(), screens::term1()];
    alternate("one line scrolled", &term0, &term1, rounds);
    alternate("one glyph typed", &term0, &screens::type1(), rounds);
}

fn scene<'a>(picture: &'a PixelBuf, changed: &'a [Rect], quality: Quality) -> Scene<'a> {
    Scene {
        picture: picture.view(),
        changed,
        place: Place {
            column: 0,
            row: 0,
            cell: Size::new(8, 16),
            terminal: (160, 51),
        },
        covered: &[],
        pointer: None,
        quality,
    }
}

/// All of a screen again, with the palette from last time.
fn whole(name: &str, screen: &PixelBuf, colours: u16, square: u32, rounds: usize) {
    let scene = scene(screen, &[], Quality { square, colours });
    let mut painter = Sixel::new(LIMITS);
    let mut out = Vec::new();
    painter.paint(&scene, &mut out);
    let time = best(rounds, || {
        out.clear();
        painter.forget();
        painter.paint(black_box(&scene), &mut out);
    });
    print(name, time, out.len(), Some(noise(screen, &out)));
}

/// The first frame.
fn first(name: &str, screen: &PixelBuf, rounds: usize) {
    let scene = scene(screen, &[], Quality::BEST);
    let mut out = Vec::new();
    let time = best(rounds, || {
        out.clear();
        Sixel::new(LIMITS).paint(black_box(&scene), &mut out);
    });
    print(name, time, out.len(), None);
}

/// One screen after the other.
fn alternate(name: &str, one: &PixelBuf, other: &PixelBuf, rounds: usize) {
    let whole = [one.size.to_rect()];
    let mut painter = Sixel::new(LIMITS);
    let mut out = Vec::new();
    painter.paint(&scene(one, &whole, Quality::BEST), &mut out);
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..rounds {
        out.clear();
        let started = Instant::now();
        painter.paint(&scene(other, &whole, Quality::BEST), &mut out);
        times.push(started.elapsed());
        bytes = out.len();
        painter.paint(&scene(one, &whole, Quality::BEST), &mut out);
    }
    print(
        name,
        times.into_iter().min().unwrap_or_default(),
        bytes,
        None,
    );
}

fn rivals(name: &str, screen: &PixelBuf) {
    let rgba: Vec<u8> = screen
        .data()
        .chunks_exact(4)
        .flat_map(|p| [p[2], p[1], p[0], 255])
        .collect();
    let (width, height) = (screen.size.width as usize, screen.size.height as usize);
    for diffusion in [0.0, EncodeOptions::default().diffusion] {
        let options = EncodeOptions {
            diffusion,
            ..EncodeOptions::default()
        };
        let mut text = String::new();
        let time = best(5, || {
            text = icy_sixel::sixel_encode(black_box(&rgba), width, height, &options)
                .expect("a picture");
        });
        let label = format!("{name}, icy_sixel, diffusion {diffusion}");
        print(
            &label,
            time,
            text.len(),
            Some(noise(screen, text.as_bytes())),
        );
    }
}

fn print(name: &str, time: Duration, bytes: usize, noise: Option<f64>) {
    let noise = noise.map_or(String::new(), |noise| format!("{noise:.1}"));
    println!(
        "{name:34} {:>8.3} {:>8.1} {noise:>8}",
        time.as_secs_f64() * 1e3,
        bytes as f64 / 1e3,
    );
}

fn best(rounds: usize, mut work: impl FnMut()) -> Duration {
    let times = (0..rounds).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    times.min().unwrap_or_default()
}
