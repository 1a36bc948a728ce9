//! What a terminal shows beside what it is to show, cell by cell.

use std::ops::Range;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout;

use super::row::Row;
use super::slot::{Clusters, Kind, Slot, is_skipped};
use crate::geometry::Rect;
use crate::term::Grid;

/// A picture of cells below the text of a frame: it is seen where the text skips cells.
#[derive(Clone, Copy, Debug)]
pub struct Backdrop<'a> {
    /// Its cells.
    pub grid: &'a Grid,
    /// Column and row of the frame that the first of them is on.
    pub at: (u16, u16),
}

impl<'a> Backdrop<'a> {
    /// Its cells in a row of the frame, and the column of the first.
    fn row(&self, row: u16) -> (usize, &'a [crate::term::Cell]) {
        let (column, first) = self.at;
        let cells = row.checked_sub(first).map(|row| self.grid.row(row));
        (column.into(), cells.unwrap_or_default())
    }
}

/// Leaves cells of a frame to what is below its text.
pub fn skip(frame: &mut Buffer, cells: layout::Rect) {
    let cells = cells.intersection(frame.area);
    for row in cells.top()..cells.bottom() {
        let first = frame.index_of(cells.left(), row);
        for cell in &mut frame.content[first..first + usize::from(cells.width)] {
            cell.set_diff_option(CellDiffOption::Skip);
        }
    }
}

/// Both, row by row. INVARIANT: each list has `columns × rows`.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    pub(super) columns: u16,
    pub(super) rows: u16,
    /// What the terminal shows.
    pub(super) shown: Vec<Slot>,
    /// What it is to show: never unknown.
    pub(super) wanted: Vec<Slot>,
    /// Whether the terminal shows something else there.
    pub(super) differs: Vec<bool>,
    /// Whether the terminal was cleared since the last frame.
    is_clear: bool,
    clusters: Clusters,
}

impl Sheets {
    /// What the terminal shows is no longer known.
    pub(super) fn forget(&mut self) {
        self.shown.fill(Slot::UNKNOWN);
        self.is_clear = false;
    }

    /// The terminal shows nothing.
    pub(super) fn clear(&mut self) {
        self.shown.fill(Slot::BLANK);
        self.is_clear = true;
    }

    /// Whether the terminal shows something on a cell that is to be somebody else's.
    pub(super) fn is_blanking(&self) -> bool {
        let mut pairs = self.wanted.iter().zip(&self.shown);
        pairs.any(|(wanted, shown)| {
            wanted.kind == Kind::Theirs && shown.kind != Kind::Theirs && !shown.is_blank()
        })
    }

    /// Has cells that were made blank for somebody else made blank again.
    pub(super) fn wipe(&mut self, cells: Rect) {
        let cells = cells.intersect(self.screen());
        for row in cells.top..cells.bottom {
            // Inside of the screen.
            let first = row as usize * usize::from(self.columns);
            let columns = first + cells.left as usize..first + cells.right as usize;
            let theirs = self.shown[columns].iter_mut();
            let theirs = theirs.filter(|shown| shown.kind == Kind::Theirs);
            theirs.for_each(|shown| *shown = Slot::UNKNOWN);
        }
    }

    /// All cells.
    pub(super) fn screen(&self) -> Rect {
        Rect::new(0, 0, self.columns.into(), self.rows.into())
    }

    /// Takes over what the terminal is to show. Nothing is known of a terminal of another size, unless it was
    /// cleared.
    pub(super) fn take(&mut self, frame: &Buffer, picture: Option<Backdrop<'_>>) {
        let (columns, rows) = (frame.area.width, frame.area.height);
        let width = usize::from(columns);
        if (columns, rows) != (self.columns, self.rows) {
            (self.columns, self.rows) = (columns, rows);
            let cells = width * usize::from(rows);
            self.shown.clear();
            let shown = match self.is_clear {
                true => Slot::BLANK,
                false => Slot::UNKNOWN,
            };
            self.shown.resize(cells, shown);
            self.wanted.resize(cells, Slot::BLANK);
            self.differs.resize(cells, false);
        }
        self.is_clear = false;
        // Then there were as many new ones as there are cells since this was last so.
        if self.clusters.count() > 2 * self.shown.len() {
            self.clusters.clear(&mut self.shown);
        }
        if width == 0 {
            return;
        }
        let lines = frame.content.chunks_exact(width);
        let wanted = self.wanted.chunks_exact_mut(width);
        for ((line, wanted), row) in lines.zip(wanted).zip(0..) {
            let (first, below) = picture.map_or((0, &[][..]), |picture| picture.row(row));
            let mut column = 0;
            while column < width {
                let slot = if !is_skipped(&line[column]) {
                    Slot::of_text(&line[column..], &mut self.clusters)
                } else if let Some(cell) = column.checked_sub(first).and_then(|at| below.get(at)) {
                    Slot::of_picture(cell)
                } else {
                    Slot::THEIRS
                };
                wanted[column] = slot;
                // Something wide begins only where there is room for it.
                let next = column + slot.width();
                wanted[column + 1..next].fill(Slot::REST);
                column = next;
            }
        }
    }

    /// Compares rows.
    pub(super) fn compare(&mut self, rows: Range<usize>) {
        let width = usize::from(self.columns);
        let cells = rows.start * width..rows.end * width;
        let pairs = self.wanted[cells.clone()]
            .iter()
            .zip(&self.shown[cells.clone()]);
        let differs = self.differs[cells].iter_mut();
        for (differs, (wanted, shown)) in differs.zip(pairs) {
            *differs = wanted != shown;
        }
    }

    /// A row of both.
    pub(super) fn row(&mut self, row: usize) -> Row<'_> {
        let width = usize::from(self.columns);
        let span = row * width..(row + 1) * width;
        Row {
            // Rows of a terminal are 16 bits.
            row: row as u16,
            wanted: &self.wanted[span.clone()],
            differs: &mut self.differs[span.clone()],
            shown: &mut self.shown[span],
            clusters: &self.clusters,
        }
    }

    /// Whether something differs in some columns of a row.
    pub(super) fn differs_in(&self, row: usize, columns: &Range<usize>) -> bool {
        let first = row * usize::from(self.columns);
        self.differs[first + columns.start..first + columns.end].contains(&true)
    }
}
