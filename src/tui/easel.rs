//! From an [`App`] to the bytes of a frame: its cells, and the order for its pixels.
//!
//! Nothing here waits or writes. Whoever has the terminal writes what it is given, in this order: the cells, and then, whenever it
//! is painted, the picture.

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;

use super::app::App;
use super::cell_writer::{self, CellWriter};
use super::pixels::Order;
use super::view;
use crate::geometry;

/// Least bytes of pixels in a frame that has cells too.
const LEAST_PIXELS: usize = 512;

/// What frames are drawn on, and what the terminal shows of them.
#[derive(Default)]
pub struct Easel {
    buffer: Buffer,
    cells: CellWriter,
}

/// A frame.
pub struct Drawn {
    /// What the terminal is to be told at once.
    pub bytes: Vec<u8>,
    /// Bytes of it that are cells.
    pub cells: usize,
    /// What is to be painted.
    pub order: Option<Order>,
}

impl Easel {
    /// For a terminal of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the terminal shows as cells is no longer known.
    pub fn forget(&mut self) {
        self.cells.forget();
    }

    /// Draws a frame, or as much of it as the link has room for.
    pub fn draw(&mut self, app: &mut App) -> Drawn {
        let (columns, rows) = app.setup.size;
        let room = app.frame_room();
        self.buffer.resize(Rect::new(0, 0, columns, rows));
        self.buffer.reset();
        view::draw(app, &mut self.buffer);
        let farewell = app.take_farewell();
        self.cells.limit(room, app.take_urgent_cells());
        let cells = self.cells.frame(&self.buffer);
        let length = cells.len();
        let bytes = [&farewell[..], cells].concat();
        if self.cells.is_behind() {
            app.fall_behind();
        }
        let covered = covered(app, &self.buffer);
        let left = room.saturating_sub(length).max(LEAST_PIXELS);
        Drawn {
            bytes,
            cells: length,
            order: app.order(covered, left),
        }
    }
}

/// A painted picture as it is written, so that the terminal shows it at once.
pub fn framed(picture: &[u8]) -> Vec<u8> {
    if picture.is_empty() {
        return Vec::new();
    }
    [cell_writer::BEGIN, picture, cell_writer::END].concat()
}

/// The cells of the picture that text was drawn on, as one rectangle of the terminal.
fn covered(app: &App, buffer: &Buffer) -> Option<geometry::Rect> {
    let fit = app
        .picture
        .fit()
        .filter(|_| app.draws_pixels() && !app.tabs.is_shown())?;
    let area = view::layout(app.setup.size, &app.panes).picture;
    let place = fit.cells().translate(area.x.into(), area.y.into());
    let mut covered = geometry::Rect::default();
    for row in place.top..place.bottom {
        for column in place.left..place.right {
            let cell = buffer.cell((column as u16, row as u16));
            if cell.is_some_and(|cell| cell.diff_option != CellDiffOption::Skip) {
                let cell = geometry::Rect::new(column, row, column + 1, row + 1);
                covered = covered.bounds(cell);
            }
        }
    }
    (!covered.is_empty()).then_some(covered)
}
