//! Cells on their way to the terminal: what it shows already is remembered, and only the rest is written.
//!
//! A frame is text and below it, where cells of the text are marked to be skipped, a picture of cells. It is compared with the
//! cells the terminal shows. Rows that moved are moved by the terminal where that saves bytes; what differs then is written by a
//! [`Pen`]. Skipped cells without a picture of cells belong to somebody else, a picture of pixels for one: they are made blank
//! once, because some terminals show text in front of pixels, and then neither written nor known.
//!
//! Speed: `cargo bench --bench term`.

mod row;
mod scroll;
mod sheets;
mod slot;

pub use sheets::{Backdrop, skip};

use std::ops::Range;

use ratatui::buffer::Buffer;

use crate::geometry;
use crate::term::Pen;
use crate::term::portion::MODEST;
use sheets::Sheets;

/// Begins and ends an update that the terminal shows at once (DEC private mode 2026); unknown to some, harmless to all.
pub const BEGIN: &[u8] = b"\x1b[?2026h";
/// Ends it.
pub const END: &[u8] = b"\x1b[?2026l";
/// Frames of fewer bytes arrive in one piece anyway.
const WORTH_IT: usize = 512;

/// Turns frames of cells into the bytes that make the terminal show them.
#[derive(Debug)]
pub struct CellWriter {
    sheets: Sheets,
    /// Bytes of a frame, a few more or less.
    room: usize,
    /// Whether some of the last frame had no room.
    is_behind: bool,
    /// Where something urgent changed, columns and rows.
    first: Vec<geometry::Rect>,
    /// The row and the column the next frame begins with, where it has no room for all.
    next: (usize, usize),
    pen: Pen,
    /// [`BEGIN`], then the frame. INVARIANT: starts with [`BEGIN`].
    out: Vec<u8>,
}

/// A part of a row that is written at once, as far as there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    row: usize,
    columns: Range<usize>,
    turn: Turn,
}

/// Why a part is written when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is urgent.
    Urgent,
    /// There is little to write.
    Small,
    /// All others had theirs.
    Usual,
}

impl Default for CellWriter {
    fn default() -> Self {
        Self {
            sheets: Sheets::default(),
            room: usize::MAX,
            is_behind: false,
            first: Vec::new(),
            next: (0, 0),
            pen: Pen::new(),
            out: BEGIN.to_vec(),
        }
    }
}

impl CellWriter {
    /// For a terminal of which nothing is known but that its colours and attributes are its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the terminal shows is no longer known: all of the next frame is written.
    pub fn forget(&mut self) {
        self.sheets.forget();
    }

    /// The terminal was cleared: every cell is blank in the terminal's own colours.
    pub fn clear(&mut self) {
        self.sheets.clear();
    }

    /// Whether cells that are somebody else's are still to be made blank for that.
    pub fn is_blanking(&self) -> bool {
        self.is_behind && self.sheets.is_blanking()
    }

    /// What somebody else drew on these cells, columns and rows, is to go: where they are skipped they are made blank again.
    pub fn wipe(&mut self, cells: geometry::Rect) {
        self.sheets.wipe(cells);
    }

    /// From now on a frame takes about so many bytes at most: the cells `first`, then rows in which little differs, and then
    /// others, each in its turn. What had no room is written with the next frame, as it is then.
    pub fn limit(&mut self, room: usize, first: Vec<geometry::Rect>) {
        (self.room, self.first) = (room, first);
    }

    /// Whether some of the last frame had no room.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// The bytes that make the terminal show a frame without a picture of cells, as [`frame_over`](Self::frame_over).
    pub fn frame(&mut self, frame: &Buffer) -> &[u8] {
        self.frame_over(None, frame)
    }

    /// The bytes that make the terminal show a frame over a picture; none when it shows it. They have to be written before those
    /// of the next.
    ///
    /// A frame of another size than the last belongs to a terminal that was resized, and is written whole. Colours and
    /// attributes are the terminal's own afterwards; the cursor is anywhere.
    pub fn frame_over(&mut self, picture: Option<Backdrop<'_>>, frame: &Buffer) -> &[u8] {
        self.out.truncate(BEGIN.len());
        self.sheets.take(frame, picture);
        if !self.sheets.screen().is_empty() {
            self.write();
        }
        self.finish()
    }

    fn write(&mut self) {
        self.sheets.compare(0..self.sheets.rows.into());
        if let Some(scroll) = self.sheets.find_scroll() {
            self.sheets.scroll(scroll, &mut self.pen, &mut self.out);
            self.sheets.compare(scroll.top..scroll.bottom);
        }
        self.is_behind = false;
        let mut urgent = false;
        for Part { row, columns, turn } in self.parts_in_turn() {
            let written = self.out.len() - BEGIN.len();
            let room = match turn {
                // Something is left for the others, however much is small.
                Turn::Urgent | Turn::Small => self.room / 2,
                Turn::Usual => self.room,
            };
            let left = room.saturating_sub(written);
            // A little room is for what is urgent, as long as something is.
            let is_for_others = self.room > MODEST || !urgent;
            if left == 0 || !(is_for_others || turn == Turn::Urgent) {
                self.is_behind |= self.sheets.differs_in(row, &columns);
                continue;
            }
            let until = self.out.len().saturating_add(left);
            let line = self.sheets.row(row);
            let end = line.write(&columns, until, &mut self.pen, &mut self.out);
            self.is_behind |= end < columns.end;
            match turn {
                Turn::Urgent => urgent |= self.out.len() > written + BEGIN.len(),
                Turn::Small => {}
                Turn::Usual => self.next = (row, end),
            }
        }
        self.pen.finish(&mut self.out);
        // Others move the cursor as they like.
        self.pen.lose_place();
    }

    fn finish(&mut self) -> &[u8] {
        if self.out.len() - BEGIN.len() < WORTH_IT {
            return &self.out[BEGIN.len()..];
        }
        self.out.extend_from_slice(END);
        &self.out
    }

    /// Parts of rows that differ, in the order in which they are written. One may be a part of another that comes later.
    fn parts_in_turn(&self) -> Vec<Part> {
        /// Cells that differ in a row: a word that was typed, a line of status.
        const LITTLE: usize = 24;
        /// Rows of that kind before they are a picture.
        const FEW: usize = 8;
        let Sheets { columns, rows, .. } = self.sheets;
        let (rows, width) = (usize::from(rows), usize::from(columns));
        let part = |row: usize, columns: Range<usize>, turn| Part { row, columns, turn };
        if self.room == usize::MAX {
            let all = (0..rows).map(|row| part(row, 0..width, Turn::Usual));
            return all.collect();
        }
        let count = |row: &[bool]| row.iter().filter(|differs| **differs).count();
        let differing: Vec<usize> = self.sheets.differs.chunks_exact(width).map(count).collect();
        let small = (0..rows).filter(|row| (1..=LITTLE).contains(&differing[*row]));
        let small: Vec<usize> = small.take(FEW).collect();
        // What is left of the row at hand comes first, and what is before it last.
        let (next, column) = (self.next.0 % rows.max(1), self.next.1.min(width));
        let others = (0..=rows).map(|n| {
            let columns = match n {
                0 => column..width,
                n if n == rows => 0..column,
                _ => 0..width,
            };
            part((next + n) % rows, columns, Turn::Usual)
        });
        let others = others.filter(|part| differing[part.row] > 0 && !small.contains(&part.row));
        let screen = self.sheets.screen();
        let urgent = self.first.iter().flat_map(|cells| {
            let cells = cells.intersect(screen);
            // Inside of the screen.
            let columns = cells.left as usize..cells.right as usize;
            let rows = cells.top as usize..cells.bottom as usize;
            rows.map(move |row| part(row, columns.clone(), Turn::Urgent))
        });
        let small = small.iter().map(|row| part(*row, 0..width, Turn::Small));
        urgent.chain(small).chain(others).collect()
    }
}
