//! What a screen that lives costs: bytes and milliseconds a frame, through the viewer's own pipeline.
//!
//! `cargo bench --bench scripts` plays a screen of 1280×800 on a terminal of 160×50 cells of 8×16 pixels: somebody types, a
//! terminal scrolls by lines, a window moves, a film fills the screen, everything is drawn again as it was, and nothing happens. Each
//! painter of pixels is driven as the viewer drives it ([`Pixels`]: what changed, the plan, the painter), cells from scaling to
//! what is written. Time is that of the thread that paints, copying the changed dots included. The link is no part of it.
//!
//! Without `--bench`, as `cargo test --all-targets` calls it, each script is two frames long.

#[allow(dead_code, reason = "its tables are of megapixels")]
mod measure;
#[allow(dead_code, reason = "it has one more")]
#[path = "../support/screens.rs"]
mod screens;

use std::time::Duration;

use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::PixelBuf;
use capsaicin::term::iterm2::Iterm2;
use capsaicin::term::kitty::{Edits, Medium, Placeholders, Route, Tiles};
use capsaicin::term::paint::{Painter, Place};
use capsaicin::term::sixel::{Limits, Sixel};
use capsaicin::term::{Colours, Fit, Glyphs, Grid, Pane, Raster, Scaler, Style, cells};
use capsaicin::tui::cell_writer::{Backdrop, CellWriter, skip};
use capsaicin::tui::pixels::Pixels;
use measure::timed;
use ratatui::buffer::Buffer;

const CELL: Size = Size::new(8, 16);
const COLUMNS: u16 = 160;
const AREA: ratatui::layout::Rect = ratatui::layout::Rect::new(0, 0, COLUMNS, ROWS);
const ROWS: u16 = 50;

fn main() {
    let for_real = std::env::args().any(|argument| argument == "--bench");
    let frames = if for_real { 48 } else { 2 };
    println!(
        "{:34} {:>12} {:>10} {:>10}",
        "", "bytes/frame", "ms/frame", "most"
    );
    for script in Script::all() {
        for mut show in shows() {
            play(&script, &mut *show, frames);
        }
    }
}

/// Plays a script, and what is left to refine in the end, which is not counted.
fn play(script: &Script, show: &mut dyn Show, frames: u32) {
    let mut screen = script.first.clone();
    show.begin(&screen);
    let (mut bytes, mut times) = (0, Vec::new());
    for frame in 0..frames {
        let changed = (script.step)(&mut screen, frame);
        times.push(timed(|| bytes += show.frame(&screen, changed)));
        read_files();
    }
    times.sort();
    let mean = times.iter().sum::<Duration>() / frames;
    println!(
        "{:34} {:>12} {:>10.3} {:>10.3}",
        format!("{}, {}", script.name, show.name()),
        bytes / frames as usize,
        mean.as_secs_f64() * 1e3,
        times.last().copied().unwrap_or_default().as_secs_f64() * 1e3,
    );
}

/// Does with files of pixels what a terminal does: reads and removes them.
fn read_files() {
    let ours = format!("capsaicin-tty-graphics-protocol-{}-", std::process::id());
    for entry in std::fs::read_dir("/dev/shm")
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            // What is gone was read.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Draws a frame of a number.
type Step = Box<dyn Fn(&mut PixelBuf, u32) -> Rect>;

/// Something that happens on a screen.
struct Script {
    name: &'static str,
    first: PixelBuf,
    /// Draws the next frame; where.
    step: Step,
}

impl Script {
    fn all() -> [Self; 6] {
        [
            Self::typing(),
            Self::scrolling(),
            Self::moving(),
            Self::film(),
            Self::again(),
            Self::idle(),
        ]
    }

    /// A glyph after the other in the last line.
    fn typing() -> Self {
        let text = screens::term0();
        let source = text.clone();
        let step = move |screen: &mut PixelBuf, frame: u32| {
            let to = Point::new((frame as i32 % 150 + 2) * 8, 49 * 16);
            let from = Rect::at((frame as i32 * 7 % 90 + 4) * 8, 6 * 16, CELL);
            copy(&source, from, screen, to)
        };
        Self {
            name: "typing",
            first: text,
            step: Box::new(step),
        }
    }

    /// All of the screen goes up by a line.
    fn scrolling() -> Self {
        let lines = screens::term1();
        let step = move |screen: &mut PixelBuf, frame: u32| {
            let before = screen.clone();
            copy(
                &before,
                Rect::new(0, 16, 1280, 800),
                screen,
                Point::new(0, 0),
            );
            let top = frame as i32 * 16 % 784;
            let line = Rect::new(0, top, 1280, top + 16);
            copy(&lines, line, screen, Point::new(0, 784));
            screen.size.to_rect()
        };
        Self {
            name: "scrolling",
            first: screens::term0(),
            step: Box::new(step),
        }
    }

    /// A window of 480×320 over a desktop.
    fn moving() -> Self {
        let (desktop, text) = (screens::desktop(), screens::term0());
        let first = desktop.clone();
        let at = |frame: u32| Point::new(20 + frame as i32 * 11 % 700, 30 + frame as i32 * 7 % 400);
        let window = Rect::new(0, 0, 480, 320);
        let step = move |screen: &mut PixelBuf, frame: u32| {
            let old = Rect::at(
                at(frame.saturating_sub(1)).x,
                at(frame.saturating_sub(1)).y,
                window.size(),
            );
            copy(&desktop, old, screen, old.origin());
            copy(&text, window, screen, at(frame)).bounds(old)
        };
        Self {
            name: "moving a window",
            first,
            step: Box::new(step),
        }
    }

    /// A landscape that goes by.
    fn film() -> Self {
        let photo = screens::photo();
        let first = photo.clone();
        let step = move |screen: &mut PixelBuf, frame: u32| {
            let cut = (frame as i32 * 6 + 6) % 1280;
            copy(
                &photo,
                Rect::new(cut, 0, 1280, 800),
                screen,
                Point::new(0, 0),
            );
            copy(
                &photo,
                Rect::new(0, 0, cut, 800),
                screen,
                Point::new(1280 - cut, 0),
            );
            screen.size.to_rect()
        };
        Self {
            name: "film",
            first,
            step: Box::new(step),
        }
    }

    /// Everything is drawn again, as it was.
    fn again() -> Self {
        Self {
            name: "drawn again",
            first: screens::desktop(),
            step: Box::new(|screen, _| screen.size.to_rect()),
        }
    }

    /// Nothing happens. A viewer would not even look; here it does.
    fn idle() -> Self {
        Self {
            name: "idle",
            first: screens::desktop(),
            step: Box::new(|_, _| Rect::default()),
        }
    }
}

/// Copies a part of one picture to a place of another; where it is.
fn copy(from: &PixelBuf, part: Rect, to: &mut PixelBuf, at: Point) -> Rect {
    let stride = to.stride();
    let target = Rect::at(at.x, at.y, part.size());
    let part = from.view().crop(part);
    for (row, y) in part.rows().zip(at.y as usize..) {
        let start = y * stride + at.x as usize * 4;
        to.data_mut()[start..start + row.len()].copy_from_slice(row);
    }
    target
}

/// A terminal that shows a screen.
trait Show {
    fn name(&self) -> String;

    /// Shows a first screen as well as it can be.
    fn begin(&mut self, screen: &PixelBuf);

    /// Shows a screen of which only a part differs; bytes.
    fn frame(&mut self, screen: &PixelBuf, changed: Rect) -> usize;
}

fn shows() -> Vec<Box<dyn Show>> {
    let limits = |scrolls| Limits {
        image: Size::new(4000, 4000),
        colours: 256,
        scrolls,
    };
    let painters: [(_, Box<dyn Painter>); 7] = [
        ("kitty edits", Box::new(Edits::new(1, Medium::Inline))),
        (
            "kitty shared memory",
            Box::new(Edits::new(9, Medium::SharedMemory)),
        ),
        ("kitty tiles", Box::new(Tiles::new(1))),
        (
            "kitty placeholders",
            Box::new(Placeholders::new(1, Route::Tmux)),
        ),
        ("sixel", Box::new(Sixel::new(limits(false)))),
        ("sixel that scrolls", Box::new(Sixel::new(limits(true)))),
        ("iterm2", Box::new(Iterm2::new())),
    ];
    let mut shows: Vec<Box<dyn Show>> = Vec::new();
    for (name, painter) in painters {
        shows.push(Box::new(InPixels {
            name,
            pixels: Pixels::new(painter),
            now: Duration::ZERO,
        }));
    }
    for glyphs in [
        Glyphs::Octants,
        Glyphs::Sextants,
        Glyphs::Quadrants,
        Glyphs::Halves,
    ] {
        shows.push(Box::new(InCells::new(Style {
            glyphs,
            colours: Colours::True,
        })));
    }
    shows
}

struct InPixels {
    name: &'static str,
    pixels: Pixels,
    now: Duration,
}

impl InPixels {
    fn paint(&mut self, screen: &PixelBuf) -> usize {
        let pane = Pane {
            raster: Raster(CELL),
            ..Pane::halves(COLUMNS, ROWS, 0.5)
        };
        let fit = Fit::whole(screen.size, &pane).expect("neither is empty");
        let place = Place {
            column: 0,
            row: 0,
            cell: CELL,
            terminal: (COLUMNS, ROWS + 1),
        };
        let order = self
            .pixels
            .order(screen.view(), &fit, place, Vec::new(), None, self.now);
        order.map_or(0, |order| {
            let (bytes, _) = self.pixels.accept(order.run(), None);
            bytes.len()
        })
    }
}

impl Show for InPixels {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn begin(&mut self, screen: &PixelBuf) {
        self.paint(screen);
        read_files();
        while let Some(due) = self.pixels.refinement_due() {
            self.now = self.now.max(due);
            self.paint(screen);
        }
    }

    fn frame(&mut self, screen: &PixelBuf, changed: Rect) -> usize {
        self.now += Duration::from_millis(33);
        self.pixels.change(changed, self.now);
        self.paint(screen)
    }
}

struct InCells {
    style: Style,
    scaler: Scaler,
    grid: Grid,
    writer: CellWriter,
    screen: Buffer,
}

impl InCells {
    fn new(style: Style) -> Self {
        Self {
            style,
            scaler: Scaler::default(),
            grid: Grid::new(COLUMNS, ROWS),
            writer: CellWriter::new(),
            screen: Buffer::empty(AREA),
        }
    }
}

impl Show for InCells {
    fn name(&self) -> String {
        self.style.name().to_owned()
    }

    fn begin(&mut self, screen: &PixelBuf) {
        self.frame(screen, screen.size.to_rect());
    }

    fn frame(&mut self, screen: &PixelBuf, changed: Rect) -> usize {
        let pane = Pane {
            raster: self.style.raster(),
            ..Pane::halves(COLUMNS, ROWS, 0.5)
        };
        let fit = Fit::whole(screen.size, &pane).expect("neither is empty");
        let dots = self.scaler.update(screen.view(), &fit, changed);
        if let Some(plane) = self.scaler.dots() {
            cells::paint(plane, dots, self.style, &mut self.grid);
        }
        self.screen.reset();
        skip(&mut self.screen, AREA);
        let picture = Backdrop {
            grid: &self.grid,
            at: (0, 0),
        };
        let bytes = self.writer.frame_over(Some(picture), &self.screen);
        bytes.len()
    }
}
