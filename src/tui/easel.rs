//! From an [`App`] to the bytes of a frame: its cells, and the order for its pixels.
//!
//! Nothing here waits or writes. Whoever has the terminal writes what it is given. The cells of a frame that has pixels to paint
//! wait for those, so that the terminal gets both at once, in one synchronized update.

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;

use super::app::App;
use super::cell_writer::{self, CellWriter};
use super::panes::viewer;
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
    /// Cells that wait for the pixels of their frame, without what makes an update of them.
    held: Vec<u8>,
}

/// A frame.
pub struct Drawn {
    /// What the terminal is to be told at once. Empty when there is something to be painted: what it is told then comes from
    /// [`Easel::join`].
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

    /// The terminal was cleared.
    pub fn clear(&mut self) {
        self.cells.clear();
    }

    /// Draws a frame, or as much of it as the link has room for.
    pub fn draw(&mut self, app: &mut App) -> Drawn {
        let (columns, rows) = app.setup.size;
        let room = app.frame_room();
        self.buffer.resize(Rect::new(0, 0, columns, rows));
        self.buffer.reset();
        view::draw_text(app, &mut self.buffer);
        let farewell = app.take_farewell();
        self.wipe_edges(app);
        self.cells.limit(room, app.take_urgent_cells());
        let picture = viewer::backdrop(app, view::layout_of(app).picture);
        let cells = self.cells.frame_over(picture, &self.buffer);
        let length = cells.len();
        let bare = cells.strip_prefix(cell_writer::BEGIN);
        let bare = bare.and_then(|cells| cells.strip_suffix(cell_writer::END));
        let held = [&farewell[..], bare.unwrap_or(cells)].concat();
        let mut bytes = [&farewell[..], cells].concat();
        if self.cells.is_behind() {
            app.fall_behind();
        }
        let covered = covered(app, &self.buffer);
        let left = room.saturating_sub(length).max(LEAST_PIXELS);
        // What is made blank later would be made so on the picture.
        let order = match self.cells.is_blanking() {
            true => None,
            false => app.order(covered, left),
        };
        if order.is_some() {
            self.held.extend(held);
            bytes.clear();
        }
        Drawn {
            bytes,
            cells: length,
            order,
        }
    }

    /// The cells and the painted picture of a frame, as one update that the terminal shows at once. The picture may be empty.
    pub fn join(&mut self, picture: &[u8]) -> Vec<u8> {
        let cells = std::mem::take(&mut self.held);
        if cells.is_empty() && picture.is_empty() {
            return Vec::new();
        }
        [cell_writer::BEGIN, &cells, picture, cell_writer::END].concat()
    }

    /// Cells that wait for the pixels of their frame. They have to be written before anything else is.
    pub fn release(&mut self) -> Vec<u8> {
        self.join(&[])
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
