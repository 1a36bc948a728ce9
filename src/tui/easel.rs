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
use crate::geometry::{self, Size};
use crate::term::Fit;

/// Least bytes of pixels in a frame that has cells too.
const LEAST_PIXELS: usize = 512;

/// What frames are drawn on, and what the terminal shows of them.
#[derive(Default)]
pub struct Easel {
    buffer: Buffer,
    cells: CellWriter,
    /// Where the picture of pixels was, columns and rows of the terminal, and its dots.
    picture: Option<(geometry::Rect, Size)>,
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
        self.wipe_edges(app);
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

impl Easel {
    /// Has cells made blank that a picture at another place covers only in part: what was drawn there before would stay in sight
    /// beside it.
    fn wipe_edges(&mut self, app: &App) {
        let picture = place_of(app).zip(app.picture.fit().map(Fit::dots));
        if self.picture == picture {
            return;
        }
        self.picture = picture;
        let Some((place, dots)) = picture else {
            return;
        };
        let cell = app.cell();
        if !dots.width.is_multiple_of(cell.width) {
            let left = place.right - 1;
            self.cells.wipe(geometry::Rect { left, ..place });
        }
        if !dots.height.is_multiple_of(cell.height) {
            let top = place.bottom - 1;
            self.cells.wipe(geometry::Rect { top, ..place });
        }
    }
}

/// The cells of the terminal that belong to a picture of pixels.
fn place_of(app: &App) -> Option<geometry::Rect> {
    let fit = app
        .picture
        .fit()
        .filter(|_| app.draws_pixels() && !app.tabs.is_shown())?;
    let area = view::layout_of(app).picture;
    Some(fit.cells().translate(area.x.into(), area.y.into()))
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
    let place = place_of(app)?;
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
