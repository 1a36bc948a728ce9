//! asciinema's recordings of terminals, version 2: the picture as the viewer draws it with characters.
//!
//! A line of JSON says the size, then one for each change: the time, `"o"`, and what the terminal is sent.

use std::io::{self, Write};
use std::ops::Range;

use serde_json::json;

use super::Job;
use crate::geometry::Rect;
use crate::pixels::PixelView;
use crate::recording::export::{Film, Pace};
use crate::term::cells;
use crate::term::{Attributes, Cell, Colours, Fit, Grid, Pane, Pen, Scaler, Style};

/// Hides the cursor.
const BEGIN: &str = "\x1b[?25l\x1b[2J";

/// Shows it again, below the picture.
const END: &str = "\x1b[0m\x1b[?25h";

/// Width divided by height of a cell.
const ASPECT: f64 = 0.5;

/// A recording of a terminal.
pub struct Cast<W> {
    file: W,
    pace: Pace,
    terminal: Terminal,
    /// The tick with which the last picture ends.
    end: u64,
}

impl<W: Write> Cast<W> {
    /// Begins the file.
    pub fn new(mut file: W, job: &Job) -> io::Result<Self> {
        let (columns, rows) = job.terminal;
        let header = json!({
            "version": 2,
            "width": columns,
            "height": rows,
            "env": { "TERM": "xterm-256color" },
        });
        writeln!(file, "{header}")?;
        let mut cast = Self {
            file,
            pace: job.pace,
            terminal: Terminal::new(job),
            end: 0,
        };
        cast.say(0, BEGIN)?;
        Ok(cast)
    }

    fn say(&mut self, tick: u64, output: &str) -> io::Result<()> {
        if output.is_empty() {
            return Ok(());
        }
        let at = (self.pace.seconds(tick) * 1e6).round() / 1e6;
        writeln!(self.file, "{}", json!([at, "o", output]))
    }
}

impl<W: Write> Film for Cast<W> {
    fn show(&mut self, picture: PixelView<'_>, changed: Rect, ticks: Range<u64>) -> io::Result<()> {
        let output = self.terminal.draw(picture, changed);
        self.end = ticks.end;
        self.say(ticks.start, &output)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.say(self.end, END)?;
        self.file.flush()
    }
}

/// A terminal, and what it shows.
struct Terminal {
    pane: Pane,
    style: Style,
    scaler: Scaler,
    /// The cells of the picture as they are to be.
    grid: Grid,
    /// As they are shown.
    shown: Grid,
    pen: Pen,
}

impl Terminal {
    fn new(job: &Job) -> Self {
        let style = Style {
            colours: Colours::True,
            glyphs: job.glyphs,
        };
        let (columns, rows) = job.terminal;
        Self {
            pane: Pane {
                columns,
                rows,
                raster: style.raster(),
                cell_aspect: ASPECT,
            },
            style,
            scaler: Scaler::default(),
            grid: Grid::default(),
            shown: Grid::default(),
            pen: Pen::new(),
        }
    }

    /// What makes the terminal show the picture, which differs from the last one in an area.
    fn draw(&mut self, picture: PixelView<'_>, changed: Rect) -> String {
        let Some(fit) = Fit::whole(picture.size, &self.pane) else {
            return String::new();
        };
        let place = fit.cells();
        let (columns, rows) = (place.width() as u16, place.height() as u16);
        if (self.grid.columns(), self.grid.rows()) != (columns, rows) {
            (self.grid, self.shown) = (Grid::new(columns, rows), Grid::new(columns, rows));
        }
        let dots = self.scaler.update(picture, &fit, changed);
        if let Some(all) = self.scaler.dots() {
            cells::paint(all, dots, self.style, &mut self.grid);
        }
        let mut out = Vec::new();
        for row in 0..rows {
            let cells = self.grid.row(row).iter().zip(self.shown.row(row));
            for (column, (cell, shown)) in (0..).zip(cells) {
                if cell == shown {
                    continue;
                }
                let Cell { glyph, fore, back } = *cell;
                let (left, top) = (place.left as u16, place.top as u16);
                self.pen.go(left + column, top + row, &mut out);
                let text = glyph.encode_utf8(&mut [0; 4]).to_owned();
                self.pen
                    .write(&text, 1, (fore, back), Attributes::default(), &mut out);
            }
        }
        self.shown.clone_from(&self.grid);
        // Everything a pen writes is UTF-8.
        String::from_utf8(out).unwrap_or_default()
    }
}
