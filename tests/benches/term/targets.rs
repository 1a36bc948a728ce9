//! The numbers to reach, what we need, and what others need for the same.
//!
//! icy_sixel is called as the library it is. chafa, where it is installed, is a process: its time is that of a run less that of
//! one that draws a single cell, so that starting and reading the file do not count. viuer writes to its standard output only,
//! and asks the terminal before it uses pixels: it runs in a child whose output is a pipe, which gives its half blocks, and tells
//! how long its call took.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::PixelBuf;
use capsaicin::term::kitty::{Edits, Medium, Tiles};
use capsaicin::term::paint::{Painter, Place, Quality, Scene};
use capsaicin::term::sixel::{Limits, Sixel};
use capsaicin::term::{Colours, Fit, Glyphs, Pane, Raster, Scaler, Style};
use icy_sixel::EncodeOptions;

use super::noise::noise;
use super::{COLUMNS, ROWS, best, fixture, fixture_path, ms, photo};

const CELL: Size = Size::new(8, 16);

/// The argument that makes this program a child that runs viuer on the file after it.
pub const VIUER: &str = "--viuer";

/// Milliseconds and bytes.
#[derive(Clone, Copy)]
struct Cost(Duration, usize);

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(time, bytes) = self;
        match bytes {
            0 => write!(f, "{:.3} ms", ms(*time)),
            1..2000 => write!(f, "{:.3} ms, {bytes} B", ms(*time)),
            _ => write!(f, "{:.2} ms, {:.1} KB", ms(*time), *bytes as f64 / 1e3),
        }
    }
}

/// Prints the table. With a single round nobody else is asked.
pub fn print(rounds: usize) {
    let rounds = rounds.min(41);
    let asks = rounds > 1;
    println!();
    row("", "to reach", "ours", &["others".to_owned()]);
    sixels(rounds, asks);
    kitty_inline(rounds, asks);
    glyph(rounds);
    scroll(rounds);
    idle();
    whole_cells(rounds, asks);
    film(rounds);
    scaling(rounds);
}

fn row(what: &str, target: &str, ours: impl std::fmt::Display, others: &[String]) {
    let ours = ours.to_string();
    println!("{what:30} {target:30} {ours:54} {}", others.join("; "));
}

fn sixels(rounds: usize, asks: bool) {
    let pictures = [
        ("desktop", fixture("desktop.png"), "4.5 ms, 340 KB, 45 dB"),
        ("photo", photo(), "9 ms, 1.1 MB, 37.8 dB"),
    ];
    for (name, picture, target) in pictures {
        let mut painter = Sixel::new(limits(false));
        let mut out = Vec::new();
        painter.paint(&scene(&picture, Quality::BEST), &mut out);
        let before = processors();
        let time = best(rounds, || {
            out.clear();
            painter.forget();
            painter.paint(black_box(&scene(&picture, Quality::BEST)), &mut out);
        });
        let both = ms(processors().saturating_sub(before)) / rounds as f64;
        let ours = format!(
            "{} ({both:.1} of both cores), {:.1} dB",
            Cost(time, out.len()),
            noise(&picture, &out)
        );
        let mut others = Vec::new();
        if asks {
            others.push(icy_sixel(&picture));
            let file = if name == "photo" {
                "photo.jpg"
            } else {
                "desktop.png"
            };
            others.extend(chafa("sixels", &[], file));
        }
        row(
            &format!("sixel, {name}, known palette"),
            target,
            ours,
            &others,
        );
    }
}

/// The time all threads of this process have run so far, in ticks of 10 ms; zero where nobody tells.
fn processors() -> Duration {
    let figures = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = figures.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Duration::from_millis(
        10 * ticks
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>(),
    )
}

fn icy_sixel(picture: &PixelBuf) -> String {
    let dots = picture.data().chunks_exact(4);
    let rgba: Vec<u8> = dots.flat_map(|p| [p[2], p[1], p[0], 255]).collect();
    let Size { width, height } = picture.size;
    let options = EncodeOptions {
        diffusion: 0.0,
        ..EncodeOptions::default()
    };
    let mut text = String::new();
    let time = best(3, || {
        let encoded = icy_sixel::sixel_encode(&rgba, width as usize, height as usize, &options);
        text = encoded.expect("a picture");
    });
    let noise = noise(picture, text.as_bytes());
    format!("icy_sixel {}, {noise:.1} dB", Cost(time, text.len()))
}

/// What chafa makes of a fixture as large as we; `None` where there is no chafa.
fn chafa(format: &str, options: &[&str], file: &str) -> Option<String> {
    let run = |size: &str| -> Option<Cost> {
        let mut bytes = 0;
        let mut times = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            let output = Command::new("chafa")
                .args(["-f", format, "-s", size, "--animate", "off"])
                .args(["-c", "full"])
                .args(options)
                .arg(fixture_path(file))
                .stderr(Stdio::null())
                .output();
            times.push(started.elapsed());
            bytes = output
                .ok()
                .filter(|output| output.status.success())?
                .stdout
                .len();
        }
        Some(Cost(times.into_iter().min()?, bytes))
    };
    let (Cost(whole, bytes), Cost(start, _)) = (run("160x50")?, run("1x1")?);
    let name = options
        .last()
        .map_or(String::new(), |name| format!(" {name}"));
    let cost = Cost(whole.saturating_sub(start), bytes);
    Some(format!("chafa{name} {cost}"))
}

fn kitty_inline(rounds: usize, asks: bool) {
    let picture = fixture("desktop.png");
    let mut painter = Edits::new(1, Medium::Inline);
    let mut out = Vec::new();
    let time = best(rounds, || {
        painter.leave(&mut out);
        out.clear();
        painter.paint(&scene(&picture, Quality::BEST), &mut out);
    });
    let others = asks.then(|| chafa("kitty", &[], "desktop.png")).flatten();
    let others: Vec<String> = others.into_iter().collect();
    row(
        "kitty inline, desktop",
        "7 ms, 120 KB",
        Cost(time, out.len()),
        &others,
    );
}

/// The painters of pixels with the bytes a glyph and a scrolled line may take.
fn painters() -> [(&'static str, Box<dyn Painter>, &'static str, &'static str); 3] {
    [
        (
            "kitty",
            Box::new(Edits::new(1, Medium::Inline)),
            "0.2 ms, 320 B",
            "8 KB",
        ),
        ("kitty tiles", Box::new(Tiles::new(1)), "-", "30 KB"),
        (
            "sixel",
            Box::new(Sixel::new(limits(true))),
            "0.2 ms, 600 B",
            "11 KB",
        ),
    ]
}

fn glyph(rounds: usize) {
    let pictures = [fixture("term0.png"), fixture("type1.png")];
    for (name, mut painter, target, _) in painters() {
        let cost = change(&mut *painter, &pictures, rounds);
        row(&format!("one glyph, {name}"), target, cost, &[]);
    }
    for style in styles() {
        let cost = change_of_cells([&pictures[0], &pictures[1]], style, rounds);
        row(
            &format!("one glyph, {}", style.name()),
            "0.2 ms, 100 B",
            cost,
            &[],
        );
    }
}

fn scroll(rounds: usize) {
    let pictures = [fixture("term0.png"), fixture("term1.png")];
    for (name, mut painter, _, target) in painters() {
        let cost = change(&mut *painter, &pictures, rounds);
        row(&format!("scroll by a line, {name}"), target, cost, &[]);
    }
    for style in styles() {
        let cost = change_of_cells([&pictures[0], &pictures[1]], style, rounds);
        row(
            &format!("scroll by a line, {}", style.name()),
            "3 KB",
            cost,
            &[],
        );
    }
}

fn idle() {
    let picture = fixture("desktop.png");
    for (name, mut painter, ..) in painters() {
        let mut out = Vec::new();
        settle(&mut *painter, &picture, &mut out);
        out.clear();
        painter.paint(
            &scene_of(&picture, &[picture.size.to_rect()], Quality::BEST),
            &mut out,
        );
        row(
            &format!("idle, {name}"),
            "0 B",
            format!("{} B", out.len()),
            &[],
        );
    }
}

fn whole_cells(rounds: usize, asks: bool) {
    let picture = fixture("desktop.png");
    for style in styles() {
        let (time, bytes) = super::whole_in_cells(&picture, style, rounds.max(5) * 3);
        let mut others = Vec::new();
        let symbols = match style.glyphs {
            Glyphs::Octants => None,
            Glyphs::Sextants => Some("sextant+half+space"),
            Glyphs::Quadrants => Some("quad+half+space"),
            _ => Some("half+space"),
        };
        if asks {
            let symbols =
                symbols.map(|symbols| chafa("symbols", &["--symbols", symbols], "desktop.png"));
            others.extend(symbols.flatten());
            if style.glyphs == Glyphs::Halves {
                others.extend(viuer("desktop.png"));
            }
        }
        let what = format!("cells, desktop, {}", style.name());
        row(
            &what,
            "0.9 ms, 0.85 of chafa's bytes",
            Cost(time, bytes),
            &others,
        );
    }
}

/// How long viuer takes for its half blocks, in a child, and how many bytes they are.
fn viuer(file: &str) -> Option<String> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args([VIUER, &fixture_path(file)])
        .output()
        .ok()?;
    let nanoseconds = String::from_utf8(output.stderr).ok()?.trim().parse().ok()?;
    let cost = Cost(Duration::from_nanos(nanoseconds), output.stdout.len());
    Some(format!("viuer block (in a child, to a pipe) {cost}"))
}

/// The child's part of [`viuer`].
#[cfg(feature = "viuer")]
pub fn run_viuer(file: &str) {
    let image = image::open(file).expect("a picture");
    let config = viuer::Config {
        width: Some(COLUMNS.into()),
        height: Some(ROWS.into()),
        absolute_offset: false,
        truecolor: true,
        use_kitty: false,
        use_iterm: false,
        ..viuer::Config::default()
    };
    let started = Instant::now();
    viuer::print(&image, &config).expect("a pipe");
    eprintln!("{}", started.elapsed().as_nanos());
}

/// There is no viuer in this build.
#[cfg(not(feature = "viuer"))]
pub fn run_viuer(_: &str) {}

fn film(rounds: usize) {
    let picture = photo();
    let quality = Quality {
        square: 2,
        colours: 64,
    };
    let painters: [(&str, Box<dyn Painter>); 2] = [
        ("sixel", Box::new(Sixel::new(limits(false)))),
        ("kitty", Box::new(Edits::new(1, Medium::Inline))),
    ];
    for (name, mut painter) in painters {
        let mut out = Vec::new();
        let time = best(rounds.min(11), || {
            painter.leave(&mut out);
            out.clear();
            painter.paint(&scene(&picture, quality), &mut out);
        });
        let fps = 1.25e6 / out.len() as f64;
        let ours = format!("{}, {fps:.0} fps", Cost(time, out.len()));
        row(
            &format!("film at 10 Mbit/s, {name}"),
            "8 to 12 fps",
            ours,
            &[],
        );
    }
}

fn scaling(rounds: usize) {
    let size = Size::new(1920, 1080);
    let mut picture = PixelBuf::new(capsaicin::pixels::PixelFormat::Xrgb, size);
    let bytes = picture.data_mut().iter_mut().zip(0_u32..);
    bytes.for_each(|(byte, n)| *byte = (n.wrapping_mul(0x9e37_79b1) >> 24) as u8);
    // 160×45 cells of 8×16 dots are 1280×720.
    let pane = Pane {
        raster: Raster(CELL),
        ..Pane::halves(COLUMNS, 45, 0.5)
    };
    let fit = Fit::whole(size, &pane).expect("neither is empty");
    let mut scaler = Scaler::default();
    // Both processors have to be free for the same two milliseconds.
    let time = best(rounds * 5, || {
        black_box(scaler.update(picture.view(), &fit, size.to_rect()));
    });
    let what = format!("scale 1080p to {}×{}", fit.dots().width, fit.dots().height);
    row(&what, "2 ms", Cost(time, 0), &[]);
}

fn styles() -> [Style; 4] {
    let glyphs = [
        Glyphs::Octants,
        Glyphs::Sextants,
        Glyphs::Quadrants,
        Glyphs::Halves,
    ];
    glyphs.map(|glyphs| Style {
        glyphs,
        colours: Colours::True,
    })
}

fn limits(scrolls: bool) -> Limits {
    Limits {
        image: Size::new(4000, 4000),
        colours: 256,
        scrolls,
    }
}

fn scene(picture: &PixelBuf, quality: Quality) -> Scene<'_> {
    scene_of(picture, &[], quality)
}

fn scene_of<'a>(picture: &'a PixelBuf, changed: &'a [Rect], quality: Quality) -> Scene<'a> {
    Scene {
        picture: picture.view(),
        changed,
        place: Place {
            column: 0,
            row: 0,
            cell: CELL,
            terminal: (COLUMNS, ROWS + 1),
        },
        covered: &[],
        pointer: None,
        quality,
    }
}

fn settle(painter: &mut dyn Painter, picture: &PixelBuf, out: &mut Vec<u8>) {
    while painter.paint(&scene(picture, Quality::BEST), out).coarse {}
}

/// From one picture that is exact to the next and back; bytes of the way there.
fn change(painter: &mut dyn Painter, pictures: &[PixelBuf; 2], rounds: usize) -> Cost {
    let (mut out, mut turn, mut bytes) = (Vec::new(), 0, [0; 2]);
    settle(painter, &pictures[0], &mut out);
    let whole = [pictures[0].size.to_rect()];
    let time = best(rounds.max(2), || {
        turn = 1 - turn;
        out.clear();
        painter.paint(&scene_of(&pictures[turn], &whole, Quality::BEST), &mut out);
        bytes[turn] = out.len();
    });
    Cost(time, bytes[1])
}

fn change_of_cells(pictures: [&PixelBuf; 2], style: Style, rounds: usize) -> Cost {
    let (time, bytes) = super::changed_in_cells(pictures, style, rounds);
    Cost(time, bytes)
}
