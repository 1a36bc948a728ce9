//! How long a picture takes to reach the terminal as half blocks, and as how many bytes.
//!
//! `cargo bench --bench term` prints the median of the rounds for a screen of 1280×800 in 160×50 cells; names of PNG files
//! after `--` are measured too. Without `--bench`, as `cargo test --all-targets` calls it, everything runs once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::term::{Colours, Fit, Grid, Pane, Scaler, Style, halfblock};
use capsaicin::tui::backend::TermBackend;
use ratatui::Terminal;

const COLUMNS: u16 = 160;
const ROWS: u16 = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let for_real = arguments.iter().any(|argument| argument == "--bench");
    let rounds = if for_real { 201 } else { 1 };
    let mut pictures = vec![
        ("desktop".to_owned(), desktop()),
        ("text".to_owned(), text()),
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
        for colours in [Colours::True, Colours::Palette256, Colours::None] {
            let style = Style {
                colours,
                ..Style::default()
            };
            measure(&format!("{name} {}", style.name()), picture, style, rounds);
        }
    }
    for (name, picture) in &pictures {
        measure_glyph(name, picture, rounds);
    }
}

fn measure(name: &str, picture: &PixelBuf, style: Style, rounds: usize) {
    let whole = picture.size.to_rect();
    let fit =
        Fit::whole(picture.size, &Pane::halves(COLUMNS, ROWS, 0.5)).expect("neither is empty");
    let dots = fit.dots().to_rect();
    let mut scaler = Scaler::default();
    let scale = median(rounds, || {
        black_box(scaler.update(picture.view(), &fit, whole));
    });
    let mut grid = Grid::new(fit.cells().width() as u16, fit.cells().height() as u16);
    let plane = scaler.dots().expect("it was scaled");
    let paint = median(rounds, || {
        black_box(halfblock::paint(plane, dots, style, &mut grid));
    });
    let mut bytes = 0;
    let mut terminal = terminal();
    let blank = Grid::new(COLUMNS, ROWS);
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            draw(&mut terminal, &blank);
            let started = Instant::now();
            bytes = draw(&mut terminal, &grid);
            started.elapsed()
        })
        .collect();
    times.sort();
    let write = times[times.len() / 2];
    let all = scale + paint + write;
    println!(
        "{name:28} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {bytes:>9}",
        ms(scale),
        ms(paint),
        ms(write),
        ms(all),
    );
}

/// One glyph of a text screen turns white.
fn measure_glyph(name: &str, picture: &PixelBuf, rounds: usize) {
    let glyph = Rect::new(640, 400, 648, 416);
    let fit =
        Fit::whole(picture.size, &Pane::halves(COLUMNS, ROWS, 0.5)).expect("neither is empty");
    let mut grid = Grid::new(fit.cells().width() as u16, fit.cells().height() as u16);
    let mut scaler = Scaler::default();
    let dots = scaler.update(picture.view(), &fit, picture.size.to_rect());
    halfblock::paint(
        scaler.dots().expect("it was scaled"),
        dots,
        Style::default(),
        &mut grid,
    );
    let mut terminal = terminal();
    draw(&mut terminal, &grid);

    let (mut light, mut bytes) = (false, 0);
    let mut changed = picture.clone();
    let time = median(rounds, || {
        light = !light;
        let stride = changed.stride();
        for row in changed
            .data_mut()
            .chunks_exact_mut(stride)
            .skip(400)
            .take(16)
        {
            row[640 * 4..648 * 4].fill(if light { 0xff } else { 0x40 });
        }
        let dots = scaler.update(changed.view(), &fit, glyph);
        let plane = scaler.dots().expect("it was scaled");
        halfblock::paint(plane, dots, Style::default(), &mut grid);
        bytes = draw(&mut terminal, &grid);
    });
    println!(
        "{:62} {:>8.3} {bytes:>9}",
        format!("{name}, one glyph"),
        ms(time)
    );
}

fn terminal() -> Terminal<TermBackend<std::io::Sink>> {
    let backend = TermBackend::with_size(std::io::sink(), COLUMNS, ROWS);
    Terminal::new(backend).expect("a sink takes everything")
}

/// Copies the cells into ratatui's buffer, has them compared and written; the number of bytes.
fn draw(terminal: &mut Terminal<TermBackend<std::io::Sink>>, grid: &Grid) -> usize {
    let drawn = terminal.draw(|frame| {
        for row in 0..grid.rows() {
            for (column, cell) in (0..).zip(grid.row(row)) {
                if let Some(target) = frame.buffer_mut().cell_mut((column, row)) {
                    capsaicin::tui::panes::viewer::put(cell, target);
                }
            }
        }
    });
    drawn.expect("a sink takes everything");
    terminal.backend_mut().take_written()
}

fn median(rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
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

/// A gradient behind two windows with text in them.
fn desktop() -> PixelBuf {
    picture(|x, y| {
        let inside = |l, t, r, b| (l..r).contains(&x) && (t..b).contains(&y);
        let letter = scrambled(x / 2, y / 2).is_multiple_of(4) && y / 16 % 2 == 0;
        match (x, y) {
            _ if inside(100, 80, 700, 100) || inside(600, 300, 1200, 320) => [60, 90, 160],
            _ if inside(100, 100, 700, 500) => [if letter { 20 } else { 245 }; 3],
            _ if inside(600, 320, 1200, 720) => [if letter { 200 } else { 25 }; 3],
            _ => [(x / 8) as u8, (y / 5) as u8, 120],
        }
    })
}

/// A terminal full of text.
fn text() -> PixelBuf {
    picture(|x, y| {
        let long = scrambled(0, y / 16) % 160;
        let letter = x / 8 < long && scrambled(x / 2, y / 2).is_multiple_of(4);
        [if letter { 210 } else { 20 }; 3]
    })
}

fn noise() -> PixelBuf {
    picture(|x, y| {
        let n = scrambled(x, y);
        [n as u8, (n >> 8) as u8, (n >> 16) as u8]
    })
}

fn read(file: &str) -> PixelBuf {
    let image = image::open(file).expect("a picture").into_rgb8();
    let size = Size::new(image.width(), image.height());
    let data = image.pixels().flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).expect("as many as it says")
}
