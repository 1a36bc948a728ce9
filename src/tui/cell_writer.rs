//! Cells on their way to the terminal: what it shows already is remembered, and only the rest is written.
//!
//! A frame is compared with the cells the terminal shows. Rows that moved are moved by the terminal where that saves bytes; what
//! differs then is written by a [`Pen`]. Cells marked to be skipped belong to somebody else, a picture of pixels for one: they
//! are made blank once, because some terminals show text in front of pixels, and then neither written nor known.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell, CellDiffOption, CellWidth};
use ratatui::style::{Color, Modifier};

use super::text::is_acted_on;
use crate::geometry;
use crate::term::portion::MODEST;
use crate::term::shadow::likeliest_move;
use crate::term::{Attributes, Ink, Pen};

/// Begins and ends an update that the terminal shows at once (DEC private mode 2026); unknown to some, harmless to all.
pub const BEGIN: &[u8] = b"\x1b[?2026h";
/// Ends it.
pub const END: &[u8] = b"\x1b[?2026l";
/// Frames of fewer bytes arrive in one piece anyway.
const WORTH_IT: usize = 512;

/// Bytes of the longest cluster that is written; longer ones are piles of marks that no terminal shows.
const LONGEST: usize = 64;

/// Turns frames of cells into the bytes that make the terminal show them.
#[derive(Debug)]
pub struct CellWriter {
    columns: u16,
    rows: u16,
    /// What the terminal shows. INVARIANT: `columns × rows` cells.
    shown: Vec<Shown>,
    /// What each cell of the frame at hand is; as many.
    kinds: Vec<Kind>,
    /// Whether the terminal shows something else there; as many.
    differs: Vec<bool>,
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

/// A cell of the terminal.
#[derive(Clone, Debug)]
enum Shown {
    /// Nobody knows.
    Unknown,
    /// Somebody else's, made blank for that.
    Theirs,
    /// Where something begins that is so many columns wide.
    Start(Cell, u16),
    /// The rest of what begins further left.
    Rest,
}

impl Shown {
    /// Shows a cell of so many columns. In place where the text stays: cells are large, and moving one through the stack costs
    /// more than to compare.
    #[inline]
    fn keep(&mut self, cell: Cow<'_, Cell>, wide: u16) {
        match self {
            Self::Start(kept, columns) if kept.symbol() == cell.symbol() => {
                *columns = wide;
                (kept.fg, kept.bg, kept.underline_color) = (cell.fg, cell.bg, cell.underline_color);
                (kept.modifier, kept.diff_option) = (cell.modifier, cell.diff_option);
            }
            _ => *self = Self::Start(cell.into_owned(), wide),
        }
    }
}

/// A cell of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Somebody else's.
    Skipped,
    /// A cluster of so many columns begins here.
    Start(u16),
    /// The rest of one that begins further left.
    Rest,
    /// What cannot be written: a blank in its place.
    Blank,
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

/// Rows that are to move: `top` to before `bottom`, up when positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scroll {
    top: usize,
    bottom: usize,
    up: i32,
}

impl Default for CellWriter {
    fn default() -> Self {
        Self {
            columns: 0,
            rows: 0,
            shown: Vec::new(),
            kinds: Vec::new(),
            differs: Vec::new(),
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
        self.shown.fill(Shown::Unknown);
    }

    /// What somebody else drew on these cells, columns and rows, is to go: where they are skipped they are made blank again.
    pub fn wipe(&mut self, cells: geometry::Rect) {
        let screen = geometry::Rect::new(0, 0, self.columns.into(), self.rows.into());
        let cells = cells.intersect(screen);
        for row in cells.top..cells.bottom {
            // Inside of the screen.
            let first = row as usize * usize::from(self.columns);
            let columns = first + cells.left as usize..first + cells.right as usize;
            let theirs = self.shown[columns].iter_mut();
            let theirs = theirs.filter(|shown| matches!(shown, Shown::Theirs));
            theirs.for_each(|shown| *shown = Shown::Unknown);
        }
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

    /// The bytes that make the terminal show a frame; none when it shows it. They have to be written before those of the next.
    ///
    /// A frame of another size than the last belongs to a terminal that was resized, and is written whole. Colours and
    /// attributes are the terminal's own afterwards; the cursor is anywhere.
    pub fn frame(&mut self, frame: &Buffer) -> &[u8] {
        let (columns, rows) = (frame.area.width, frame.area.height);
        if (columns, rows) != (self.columns, self.rows) {
            (self.columns, self.rows) = (columns, rows);
            let cells = usize::from(columns) * usize::from(rows);
            self.shown.clear();
            self.shown.resize(cells, Shown::Unknown);
            self.kinds.resize(cells, Kind::Blank);
            self.differs.resize(cells, false);
        }
        self.out.truncate(BEGIN.len());
        if columns > 0 {
            self.write(&frame.content);
        }
        self.finish()
    }

    fn write(&mut self, cells: &[Cell]) {
        let width = usize::from(self.columns);
        self.compare(0..self.rows.into(), cells);
        if let Some(scroll) = self.find_scroll(cells) {
            self.scroll(scroll);
            self.compare(scroll.top..scroll.bottom, cells);
        }
        self.is_behind = false;
        let mut urgent = false;
        for part in self.parts_in_turn() {
            let written = self.out.len() - BEGIN.len();
            let room = match part.turn {
                // Something is left for the others, however much is small.
                Turn::Urgent | Turn::Small => self.room / 2,
                Turn::Usual => self.room,
            };
            let left = room.saturating_sub(written);
            // A little room is for what is urgent, as long as something is.
            let is_for_others = self.room > MODEST || !urgent;
            if left == 0 || !(is_for_others || part.turn == Turn::Urgent) {
                self.is_behind |= self.is_due(&part);
                continue;
            }
            let cells = &cells[part.row * width..(part.row + 1) * width];
            let end = self.write_part(&part, cells, self.out.len().saturating_add(left));
            self.is_behind |= end < part.columns.end;
            match part.turn {
                Turn::Urgent => urgent |= self.out.len() > written + BEGIN.len(),
                Turn::Small => {}
                Turn::Usual => self.next = (part.row, end),
            }
        }
        self.pen.finish(&mut self.out);
        // Others move the cursor as they like.
        self.pen.lose_place();
    }

    /// Compares rows of a frame with those of the terminal.
    fn compare(&mut self, rows: Range<usize>, cells: &[Cell]) {
        let width = usize::from(self.columns);
        for row in rows {
            let span = row * width..(row + 1) * width;
            let (shown, kinds) = (&self.shown[span.clone()], &mut self.kinds[span.clone()]);
            classify(&cells[span.clone()], shown, kinds, &mut self.differs[span]);
        }
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
        let (rows, width) = (usize::from(self.rows), usize::from(self.columns));
        let part = |row: usize, columns: Range<usize>, turn| Part { row, columns, turn };
        if self.room == usize::MAX {
            let all = (0..rows).map(|row| part(row, 0..width, Turn::Usual));
            return all.collect();
        }
        let count = |row: &[bool]| row.iter().filter(|differs| **differs).count();
        let differing: Vec<usize> = self.differs.chunks_exact(width).map(count).collect();
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
        let screen = geometry::Rect::new(0, 0, self.columns.into(), self.rows.into());
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

    /// Whether something differs in a part.
    fn is_due(&self, part: &Part) -> bool {
        let first = part.row * usize::from(self.columns);
        self.differs[first + part.columns.start..first + part.columns.end].contains(&true)
    }

    // --- one row

    /// Writes what differs in a part, until the output is so long; the column of its row up to which it is written.
    fn write_part(&mut self, part: &Part, cells: &[Cell], until: usize) -> usize {
        let (row, width) = (part.row as u16, cells.len());
        let span = part.row * width..(part.row + 1) * width;
        let kinds = &self.kinds[span.clone()];
        let differs = &mut self.differs[span.clone()];
        let shown = &mut self.shown[span];
        if !differs[part.columns.clone()].contains(&true) {
            return part.columns.end;
        }
        widen(differs, kinds, shown);
        let erased_from = blank_end(cells, kinds, differs);
        // Clusters are written whole.
        let is_inside = |column: usize, shown: &[Shown]| {
            column < width && (kinds[column] == Kind::Rest || matches!(shown[column], Shown::Rest))
        };
        let mut column = part.columns.start;
        while is_inside(column, shown) {
            column -= 1;
        }
        let mut may_end = false;
        while column < width {
            may_end |= column >= part.columns.end || self.out.len() >= until;
            if may_end && !is_inside(column, shown) {
                return column;
            }
            let kind = kinds[column];
            let wide = match kind {
                Kind::Start(wide) => usize::from(wide),
                _ => 1,
            };
            if kind == Kind::Skipped {
                if !matches!(&shown[column], Shown::Theirs) && !is_blank(&shown[column]) {
                    self.pen.go(column as u16, row, &mut self.out);
                    put(&mut self.pen, &Cell::EMPTY, 1, &mut self.out);
                }
                shown[column] = Shown::Theirs;
            } else if column >= erased_from {
                self.pen.go(column as u16, row, &mut self.out);
                self.pen.erase_to_end(&mut self.out);
                shown[column..].fill(Shown::Start(Cell::EMPTY, 1));
                differs[column..].fill(false);
                break;
            } else if differs[column] && kind != Kind::Rest {
                bridge(
                    &mut self.pen,
                    (row, column),
                    cells,
                    kinds,
                    differs,
                    &mut self.out,
                );
                self.pen.go(column as u16, row, &mut self.out);
                let cell = writable(&cells[column], kind);
                put(&mut self.pen, &cell, wide as u16, &mut self.out);
                shown[column + 1..column + wide].fill(Shown::Rest);
                shown[column].keep(cell, wide as u16);
            }
            differs[column..column + wide].fill(false);
            column += wide;
        }
        width
    }

    // --- scrolling

    /// The scroll that saves most of the cells that differ, if it saves enough.
    fn find_scroll(&self, cells: &[Cell]) -> Option<Scroll> {
        /// Cells that differ, from which on a scroll is looked for.
        const WORTH_A_LOOK: usize = 64;
        let width = usize::from(self.columns);
        let rows: Vec<RowState> = (0..usize::from(self.rows))
            .map(|row| self.row_state(row))
            .collect();
        if rows.iter().map(|row| row.differing).sum::<usize>() < WORTH_A_LOOK {
            return None;
        }
        let left = rows.iter().map(|row| row.columns.start).min()?;
        let right = rows.iter().map(|row| row.columns.end).max()?;
        let span = |row: usize| row * width + left..row * width + right;
        let hashes = |of: &dyn Fn(usize) -> u64| -> Vec<u64> {
            let hash = |(at, row): (usize, &RowState)| match row.fixed {
                // Unlike all others.
                true => at as u64,
                false => of(at) | 1 << 63,
            };
            rows.iter().enumerate().map(hash).collect()
        };
        let old = hashes(&|row| {
            let cells = self.shown[span(row)].iter();
            hash(cells.map(|shown| match shown {
                Shown::Start(cell, _) => Some(cell),
                Shown::Rest | Shown::Unknown | Shown::Theirs => None,
            }))
        });
        let new = hashes(&|row| hash(cells[span(row)].iter().map(Some)));
        let up = likeliest_move(&old, &new, 1).filter(|up| *up != 0)?;
        self.best_scroll(cells, &rows, up)
    }

    /// The run of rows for which a scroll by so many rows saves most.
    fn best_scroll(&self, cells: &[Cell], rows: &[RowState], up: i32) -> Option<Scroll> {
        /// Cells that have to be saved: a scroll takes about as many bytes as two of them, and flickers where updates are not
        /// shown at once.
        const LEAST: i64 = 16;
        let (mut best, mut best_gain, mut sum, mut start) = (0..0, 0, 0, 0);
        for row in 0..rows.len() {
            let source = row.checked_add_signed(up as isize);
            let source = source.filter(|from| rows.get(*from).is_some_and(|row| !row.fixed));
            let Some(source) = source.filter(|_| !rows[row].fixed) else {
                (sum, start) = (0, row + 1);
                continue;
            };
            sum += rows[row].differing as i64 - self.differing(row, source, cells) as i64;
            if sum <= 0 {
                (sum, start) = (0, row + 1);
            } else if sum > best_gain {
                (best, best_gain) = (start..row + 1, sum);
            }
        }
        let (first, end) = (best.start as i64, best.end as i64);
        let scroll = Scroll {
            top: first.min(first + i64::from(up)) as usize,
            bottom: end.max(end + i64::from(up)) as usize,
            up,
        };
        // Rows that come in are blank, whatever they were before.
        let comes_in = (scroll.top..scroll.bottom).filter(|row| !best.contains(row));
        let lost: i64 = comes_in
            .map(|row| self.filled(row, cells) as i64 - rows[row].differing as i64)
            .sum();
        (best_gain - lost >= LEAST).then_some(scroll)
    }

    fn row_state(&self, row: usize) -> RowState {
        let width = usize::from(self.columns);
        let span = row * width..(row + 1) * width;
        let differs = &self.differs[span.clone()];
        let first = differs.iter().position(|differs| *differs);
        let last = differs.iter().rposition(|differs| *differs);
        let mut cells = self.kinds[span.clone()].iter().zip(&self.shown[span]);
        RowState {
            differing: differs.iter().filter(|differs| **differs).count(),
            columns: first.unwrap_or(width)..last.map_or(0, |last| last + 1),
            fixed: cells.any(|(kind, shown)| {
                *kind == Kind::Skipped || matches!(shown, Shown::Unknown | Shown::Theirs)
            }),
        }
    }

    /// Cells of a row of the frame that another row of the terminal does not show.
    fn differing(&self, row: usize, shown: usize, cells: &[Cell]) -> usize {
        let width = usize::from(self.columns);
        let differs = |column: &usize| {
            let (at, from) = (row * width + column, shown * width + column);
            !is_shown(self.kinds[at], &cells[at], &self.shown[from])
        };
        (0..width).filter(differs).count()
    }

    /// Cells of a row of the frame that are not blank.
    fn filled(&self, row: usize, cells: &[Cell]) -> usize {
        let width = usize::from(self.columns);
        let cells = &cells[row * width..(row + 1) * width];
        cells.iter().filter(|cell| **cell != Cell::EMPTY).count()
    }

    fn scroll(&mut self, Scroll { top, bottom, up }: Scroll) {
        let whole = bottom - top == usize::from(self.rows);
        // Lines are deleted and inserted within margins: unlike SU and SD, the Linux console knows that too.
        let (rows, letter) = (up.unsigned_abs() as usize, if up > 0 { 'M' } else { 'L' });
        let out = &mut self.out;
        if !whole {
            out.extend_from_slice(format!("\x1b[{};{bottom}r", top + 1).as_bytes());
        }
        // Setting margins moves the cursor, in some terminals to the top of them.
        self.pen.lose_place();
        self.pen.go(0, top as u16, out);
        out.extend_from_slice(format!("\x1b[{rows}{letter}").as_bytes());
        if !whole {
            out.extend_from_slice(b"\x1b[r");
        }
        self.pen.lose_place();

        let width = usize::from(self.columns);
        let region = &mut self.shown[top * width..bottom * width];
        let blank = Shown::Start(Cell::EMPTY, 1);
        if up > 0 {
            region.rotate_left(rows * width);
            let kept = region.len() - rows * width;
            region[kept..].fill(blank);
        } else {
            region.rotate_right(rows * width);
            region[..rows * width].fill(blank);
        }
    }
}

/// A row of a frame beside the row of the terminal.
struct RowState {
    /// Cells that differ.
    differing: usize,
    /// The columns they are in; its start is behind its end when there are none.
    columns: Range<usize>,
    /// Whether some cell of it is somebody else's or unknown, so that it must not move.
    fixed: bool,
}

/// Says of each cell of a row what it is, and whether the terminal shows something else.
fn classify(cells: &[Cell], shown: &[Shown], kinds: &mut [Kind], differs: &mut [bool]) {
    let mut column = 0;
    while column < cells.len() {
        let cell = &cells[column];
        if let Shown::Start(same, 1) = &shown[column]
            && is_same(same, cell)
        {
            (kinds[column], differs[column]) = (Kind::Start(1), false);
            column += 1;
            continue;
        }
        let kind = kind_of(column, cells);
        (kinds[column], differs[column]) = (kind, !is_shown(kind, cell, &shown[column]));
        column += 1;
        if let Kind::Start(wide) = kind {
            for _ in 1..wide {
                kinds[column] = Kind::Rest;
                differs[column] = !matches!(shown[column], Shown::Rest);
                column += 1;
            }
        }
    }
}

fn kind_of(column: usize, cells: &[Cell]) -> Kind {
    let cell = &cells[column];
    if is_skipped(cell) {
        return Kind::Skipped;
    }
    match width(cell.symbol()) {
        0 => Kind::Blank,
        1 => Kind::Start(1),
        wide => match cells.get(column + 1..column + usize::from(wide)) {
            Some(rest) if !rest.iter().any(is_skipped) => Kind::Start(wide),
            _ => Kind::Blank,
        },
    }
}

/// Both ways to say it count: the younger one is not known to every widget.
#[allow(deprecated)]
fn is_skipped(cell: &Cell) -> bool {
    cell.skip || cell.diff_option == CellDiffOption::Skip
}

fn is_blank(shown: &Shown) -> bool {
    matches!(shown, Shown::Start(cell, _) if *cell == Cell::EMPTY)
}

/// Columns of a cluster; 0 for what must not be written.
fn width(text: &str) -> u16 {
    match text.as_bytes() {
        [b' '..=b'~'] => 1,
        // The blocks of pictures (2580 to 259F; 1CC00 to 1CEFF; 1FB00 to 1FBFF), which are most of what is written.
        [0xe2, 0x96, _] | [0xf0, 0x9c, 0xb0..=0xbb, _] | [0xf0, 0x9f, 0xac..=0xaf, _] => 1,
        _ if text.len() > LONGEST || text.chars().any(is_acted_on) => 0,
        _ => text.cell_width(),
    }
}

/// Whether two cells are equal. Cells of a picture differ in a colour sooner than in their text.
#[inline]
fn is_same(one: &Cell, other: &Cell) -> bool {
    one.fg == other.fg && one.bg == other.bg && one == other
}

/// Whether the terminal shows a cell of a frame.
fn is_shown(kind: Kind, cell: &Cell, shown: &Shown) -> bool {
    match (kind, shown) {
        (Kind::Skipped, Shown::Theirs) | (Kind::Rest, Shown::Rest) => true,
        (Kind::Start(wide), Shown::Start(same, as_wide)) => wide == *as_wide && is_same(same, cell),
        (Kind::Blank, Shown::Start(same, 1)) => *same == *writable(cell, kind),
        _ => false,
    }
}

/// Where a part of a cluster is written over, a terminal loses all of it: the rest of it is to be written as well, of what was
/// there and of what will be.
fn widen(differs: &mut [bool], kinds: &[Kind], shown: &[Shown]) {
    let is_one =
        |column: usize| kinds[column] == Kind::Rest || matches!(shown[column], Shown::Rest);
    let mut column = 0;
    while column < differs.len() {
        // A run of cells that hang together by one cluster or another.
        let start = column;
        column += 1;
        while column < differs.len() && is_one(column) {
            column += 1;
        }
        let run = &mut differs[start..column];
        if run.len() > 1 && run.contains(&true) {
            run.fill(true);
        }
    }
}

/// From where on a row is blank in the terminal's own colours, so that it is erased rather than written; the width of the row
/// where that does not pay.
fn blank_end(cells: &[Cell], kinds: &[Kind], differs: &[bool]) -> usize {
    /// Bytes to erase the end of a row.
    const ERASING: usize = 3;
    let is_blank = |at: &usize| kinds[*at] == Kind::Start(1) && cells[*at] == Cell::EMPTY;
    let blanks = (0..cells.len()).rev().take_while(is_blank);
    let from = blanks.last().unwrap_or(cells.len());
    let first = (from..cells.len()).find(|at| differs[*at]);
    let written = differs[from..].iter().filter(|differs| **differs).count();
    first.filter(|_| written > ERASING).unwrap_or(cells.len())
}

/// Writes the few cells between the cursor and a column anew where that is shorter than to move over them.
fn bridge(
    pen: &mut Pen,
    (row, column): (u16, usize),
    cells: &[Cell],
    kinds: &[Kind],
    differs: &[bool],
    out: &mut Vec<u8>,
) {
    let Some(gap @ 1..=4) = pen.columns_to(column as u16, row) else {
        return;
    };
    // Bytes of `CSI C` with and without a number.
    let moving = if gap == 1 { 3 } else { 4 };
    let between = column - usize::from(gap)..column;
    let free = |at: usize| {
        let cell = &cells[at];
        let is_one = kinds[at] == Kind::Start(1) && !differs[at];
        is_one && pen.is_set_to(inks(cell), attributes(cell.modifier))
    };
    let bytes: usize = between.clone().map(|at| cells[at].symbol().len()).sum();
    if bytes < moving && between.clone().all(free) {
        between.for_each(|at| put(pen, &cells[at], 1, out));
    }
}

/// The cell as it can be written.
fn writable(cell: &Cell, kind: Kind) -> Cow<'_, Cell> {
    if kind != Kind::Blank {
        return Cow::Borrowed(cell);
    }
    let mut cell = cell.clone();
    cell.set_symbol(" ");
    Cow::Owned(cell)
}

fn put(pen: &mut Pen, cell: &Cell, width: u16, out: &mut Vec<u8>) {
    let text = cell.symbol();
    pen.write(text, width, inks(cell), attributes(cell.modifier), out);
    // Terminals disagree about the width of clusters of several characters, and of wide ones.
    if width > 1 || text.chars().nth(1).is_some() {
        pen.lose_place();
    }
}

/// A number that tells most rows apart. What is made of it is checked, so that nothing but time is lost where it does not.
fn hash<'a>(cells: impl ExactSizeIterator<Item = Option<&'a Cell>>) -> u64 {
    /// Cells that are looked at.
    const SAMPLES: usize = 64;
    let step = cells.len().div_ceil(SAMPLES).max(1);
    let colour = |colour: Color| match colour {
        Color::Rgb(r, g, b) => u64::from_be_bytes([0, 0, 0, 0, 1, r, g, b]),
        Color::Indexed(n) => u64::from(n) | 0x200,
        _ => 0,
    };
    cells.step_by(step).flatten().fold(0, |hash: u64, cell| {
        // The last byte tells characters of a block apart.
        let bytes = cell.symbol().as_bytes();
        let text = u64::from(bytes.last().copied().unwrap_or_default()) | (bytes.len() as u64) << 8;
        let cell = text ^ colour(cell.fg) << 32 ^ colour(cell.bg);
        (hash.rotate_left(5) ^ cell).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

fn inks(cell: &Cell) -> (Ink, Ink) {
    (ink(cell.fg), ink(cell.bg))
}

fn ink(colour: Color) -> Ink {
    match colour {
        Color::Rgb(r, g, b) => Ink::Rgb(r, g, b),
        Color::Indexed(n) => Ink::Indexed(n),
        // No other is drawn with.
        _ => Ink::Default,
    }
}

fn attributes(modifier: Modifier) -> Attributes {
    if modifier.is_empty() {
        return Attributes::default();
    }
    [
        (Modifier::BOLD, Attributes::BOLD),
        (Modifier::DIM, Attributes::DIM),
        (Modifier::UNDERLINED, Attributes::UNDERLINED),
        (Modifier::REVERSED, Attributes::REVERSED),
        (Modifier::ITALIC, Attributes::ITALIC),
        (Modifier::CROSSED_OUT, Attributes::CROSSED_OUT),
    ]
    .into_iter()
    .filter(|(bit, _)| modifier.contains(*bit))
    .fold(Attributes::default(), |all, (_, one)| all | one)
}
