//! How long a picture takes to reach the terminal as character cells, and as how many bytes.
//!
//! `cargo bench --bench term` prints the best of the rounds, as other programs only ever make one slower, for a screen of 1280×800 in 160×50 cells, and at the end the
//! numbers to reach beside ours and others'; names of PNG files after `--` are measured too. Without `--bench`, as `cargo test --all-targets` calls it, everything runs once.

#[path = "term/noise.rs"]
mod noise;
#[path = "term/targets.rs"]
mod targets;
#[path = "../support/terminals/mod.rs"]
mod terminals;

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::term::kitty::{Edits, Medium, Placeholders, Route, Tiles};
use capsaicin::term::paint::{Painted, Painter, Place, Quality, Scene};
use capsaicin::term::{Colours, Fit, Glyphs, Grid, Pane, Scaler, Style, cells};
use capsaicin::tui::cell_writer::{Backdrop, CellWriter, skip};
use ratatui::buffer::Buffer;
use ratatui::layout;

const COLUMNS: u16 = 160;
const ROWS: u16 = 50;

const AREA: layout::Rect = layout::Rect::new(0, 0, COLUMNS, ROWS);

const STYLES: [(Glyphs, Colours); 8] = [
    (Glyphs::Octants, Colours::True),
    (Glyphs::Sextants, Colours::True),
    (Glyphs::Quadrants, Colours::True),
    (Glyphs::Halves, Colours::True),
    (Glyphs::Octants, Colours::Palette256),
    (Glyphs::Halves, Colours::Palette256),
    (Glyphs::Octants, Colours::None),
    (Glyphs::Halves, Colours::None),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, file] = &arguments[..]
        && first == targets::VIUER
    {
        return targets::run_viuer(file);
    }
    let for_real = arguments.iter().any(|argument| argument == "--bench");
    let rounds = if for_real { 201 } else { 1 };
    let mut pictures = vec![
        ("desktop".to_owned(), fixture("desktop.png")),
        ("text".to_owned(), fixture("term0.png")),
        ("photo".to_owned(), photo()),
        ("noise".to_owned(), noise()),
    ];
    let files = arguments
        .iter()
        .filter(|argument| argument.ends_with(".png"));
    pictures.extend(files.map(|file| (file.clone(), read(file))));

    println!(
        "{:28} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "ms", "scale", "paint", "write", "all", "bytes"
    );
    for (name, picture) in &pictures {
        for (glyphs, colours) in STYLES {
            let style = Style { glyphs, colours };
            measure(&format!("{name} {}", style.name()), picture, style, rounds);
        }
    }
    let before = fixture("term0.png");
    for (what, file) in [("one glyph", "type1.png"), ("scrolled", "term1.png")] {
        for (glyphs, colours) in STYLES {
            let style = Style { glyphs, colours };
            let name = format!("{what} {}", style.name());
            measure_change(&name, [&before, &fixture(file)], style, rounds);
        }
    }
    for (name, picture) in &pictures {
        measure_kitty(name, picture, rounds.min(31));
    }
    for (what, file) in [("one glyph", "type1.png"), ("scrolled", "term1.png")] {
        measure_kitty_change(what, [&before, &fixture(file)], rounds.min(31));
    }
    targets::print(rounds);
}

/// Painters of kitty's protocol with the names of their rows.
fn kitty_painters() -> [(&'static str, Box<dyn Painter>); 4] {
    [
        ("edits", Box::new(Edits::new(1, Medium::Inline))),
        (
            "shared memory",
            Box::new(Edits::new(9, Medium::SharedMemory)),
        ),
        ("tiles", Box::new(Tiles::new(1))),
        ("placeholders", Box::new(Placeholders::new(1, Route::Tmux))),
    ]
}

/// A whole picture: in sight with 256 colours, and then the time and bytes until it is exact.
///
/// viuer's kitty printer cannot be put beside it: it writes to the terminal itself and waits for an answer.
fn measure_kitty(name: &str, picture: &PixelBuf, rounds: usize) {
    for (painter_name, mut painter) in kitty_painters() {
        let (mut bytes, mut out) = (0, Vec::new());
        let first = best(rounds, || {
            painter.leave(&mut out);
            out.clear();
            paint(&mut *painter, picture, &mut out);
            bytes = out.len();
        });
        let started = Instant::now();
        let mut steps = 0;
        out.clear();
        while paint(&mut *painter, picture, &mut out).coarse {
            steps += 1;
        }
        let rest = started.elapsed();
        println!(
            "{:35} {:>8.3} {bytes:>9}   exact after {:>8.3} {:>9} in {steps} steps",
            format!("{name}, kitty {painter_name}"),
            ms(first),
            ms(rest),
            out.len(),
        );
    }
}

/// A change of an exact picture, there and back.
fn measure_kitty_change(name: &str, [before, after]: [&PixelBuf; 2], rounds: usize) {
    for (painter_name, mut painter) in kitty_painters() {
        let (mut bytes, mut out, mut there) = (0, Vec::new(), false);
        while paint(&mut *painter, before, &mut out).coarse {}
        let time = best(rounds, || {
            there = !there;
            out.clear();
            paint(&mut *painter, if there { after } else { before }, &mut out);
            bytes = out.len();
        });
        println!(
            "{:35} {:>8.3} {bytes:>9}",
            format!("{name}, kitty {painter_name}"),
            ms(time)
        );
    }
}

fn paint(painter: &mut dyn Painter, picture: &PixelBuf, out: &mut Vec<u8>) -> Painted {
    let scene = Scene {
        picture: picture.view(),
        changed: &[picture.size.to_rect()],
        place: Place {
            column: 0,
            row: 0,
            cell: Size::new(8, 16),
            terminal: (COLUMNS, ROWS + 1),
        },
        covered: &[],
        pointer: None,
        quality: Quality::BEST,
    };
    painter.paint(&scene, out)
}

fn measure(name: &str, picture: &PixelBuf, style: Style, rounds: usize) {
    let Parts {
        scale,
        paint,
        write,
        bytes,
    } = parts(picture, style, rounds);
    let all = scale + paint + write;
    println!(
        "{name:28} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {bytes:>9}",
        ms(scale),
        ms(paint),
        ms(write),
        ms(all),
    );
}

/// A whole picture in cells: all of the time, and bytes.
fn whole_in_cells(picture: &PixelBuf, style: Style, rounds: usize) -> (Duration, usize) {
    let parts = parts(picture, style, rounds);
    (parts.scale + parts.paint + parts.write, parts.bytes)
}

struct Parts {
    scale: Duration,
    paint: Duration,
    write: Duration,
    bytes: usize,
}

fn parts(picture: &PixelBuf, style: Style, rounds: usize) -> Parts {
    let whole = picture.size.to_rect();
    let pane = Pane {
        raster: style.raster(),
        ..Pane::halves(COLUMNS, ROWS, 0.5)
    };
    let fit = Fit::whole(picture.size, &pane).expect("neither is empty");
    let dots = fit.dots().to_rect();
    let mut scaler = Scaler::default();
    let scale = best(rounds, || {
        black_box(scaler.update(picture.view(), &fit, whole));
    });
    let mut grid = Grid::new(fit.cells().width() as u16, fit.cells().height() as u16);
    let plane = scaler.dots().expect("it was scaled");
    let paint = best(rounds, || {
        black_box(cells::paint(plane, dots, style, &mut grid));
    });
    let mut bytes = 0;
    let mut terminal = (CellWriter::new(), Buffer::empty(AREA));
    let blank = Grid::new(COLUMNS, ROWS);
    let times = (0..rounds).map(|_| {
        draw(&mut terminal, &blank);
        let started = Instant::now();
        bytes = draw(&mut terminal, &grid);
        started.elapsed()
    });
    let write = times.min().unwrap_or_default();
    Parts {
        scale,
        paint,
        write,
        bytes,
    }
}

/// From one picture to another and back.
fn measure_change(name: &str, pictures: [&PixelBuf; 2], style: Style, rounds: usize) {
    let (time, bytes) = changed_in_cells(pictures, style, rounds);
    println!("{name:55} {:>8.3} {bytes:>9}", ms(time));
}

/// The time of both ways, and the bytes of the first.
fn changed_in_cells(pictures: [&PixelBuf; 2], style: Style, rounds: usize) -> (Duration, usize) {
    let changed = difference(pictures);
    let pane = Pane {
        raster: style.raster(),
        ..Pane::halves(COLUMNS, ROWS, 0.5)
    };
    let fit = Fit::whole(pictures[0].size, &pane).expect("neither is empty");
    let mut grid = Grid::new(fit.cells().width() as u16, fit.cells().height() as u16);
    let mut scaler = Scaler::default();
    let mut terminal = (CellWriter::new(), Buffer::empty(AREA));
    let mut show = |picture: &PixelBuf, changed: Rect| {
        let dots = scaler.update(picture.view(), &fit, changed);
        let plane = scaler.dots().expect("it was scaled");
        cells::paint(plane, dots, style, &mut grid);
        draw(&mut terminal, &grid)
    };
    show(pictures[0], pictures[0].size.to_rect());
    let (mut turn, mut bytes) = (0, [0; 2]);
    let time = best(rounds.max(2), || {
        turn = 1 - turn;
        bytes[turn] = show(pictures[turn], changed);
    });
    (time, bytes[1])
}

/// The rows in which two pictures differ.
fn difference([a, b]: [&PixelBuf; 2]) -> Rect {
    let rows = || a.view().rows().zip(b.view().rows());
    let first = rows().position(|(a, b)| a != b).unwrap_or_default() as i32;
    let differing = rows().enumerate().filter(|(_, (a, b))| a != b);
    let last = differing.last().map_or(0, |(last, _)| last + 1);
    Rect::new(0, first, a.size.width as i32, last as i32)
}

/// Has the cells compared and written, as the picture below a frame without text; the number of bytes.
fn draw((terminal, frame): &mut (CellWriter, Buffer), grid: &Grid) -> usize {
    frame.reset();
    skip(frame, AREA);
    let picture = Backdrop { grid, at: (0, 0) };
    black_box(terminal.frame_over(Some(picture), frame)).len()
}

fn best(rounds: usize, mut work: impl FnMut()) -> Duration {
    let times = (0..rounds).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn picture(rgb: impl Fn(u32, u32) -> [u8; 3]) -> PixelBuf {
    let size = Size::new(1280, 800);
    let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
    let data = pixels.flat_map(|(x, y)| {
        let [r, g, b] = rgb(x, y);
        [b, g, r, 0]
    });
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).expect("as many as it says")
}

fn scrambled(x: u32, y: u32) -> u32 {
    let n = (x + y * 4096).wrapping_mul(0x9e37_79b1);
    (n ^ n >> 15).wrapping_mul(0x85eb_ca6b)
}

fn noise() -> PixelBuf {
    picture(|x, y| {
        let n = scrambled(x, y);
        [n as u8, (n >> 8) as u8, (n >> 16) as u8]
    })
}

fn fixture(name: &str) -> PixelBuf {
    read(&fixture_path(name))
}

fn fixture_path(name: &str) -> String {
    format!(
        "{}/tests/fixtures/terminal/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn photo() -> PixelBuf {
    let file = std::fs::File::open(fixture_path("photo.jpg"));
    let mut decoder = jpeg_decoder::Decoder::new(file.expect("a fixture"));
    let rgb = decoder.decode().expect("a picture");
    let info = decoder.info().expect("it was decoded");
    let size = Size::new(info.width.into(), info.height.into());
    let data = rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).expect("as many as it says")
}

fn read(file: &str) -> PixelBuf {
    let image = image::open(file).expect("a picture").into_rgb8();
    let size = Size::new(image.width(), image.height());
    let data = image.pixels().flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).expect("as many as it says")
}
