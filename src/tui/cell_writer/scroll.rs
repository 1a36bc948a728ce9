//! Rows that the terminal moves by itself, where that saves bytes.

use std::ops::Range;

use super::sheets::Sheets;
use super::slot::{Kind, Slot};
use crate::term::Pen;
use crate::term::shadow::likeliest_move;

/// Rows that are to move: `top` to before `bottom`, up when positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scroll {
    pub(super) top: usize,
    pub(super) bottom: usize,
    up: i32,
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

impl Sheets {
    /// The scroll that saves most of the cells that differ, if it saves enough.
    pub(super) fn find_scroll(&self) -> Option<Scroll> {
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
        let hashes = |slots: &[Slot]| -> Vec<u64> {
            let hash = |(at, row): (usize, &RowState)| match row.fixed {
                // Unlike all others.
                true => at as u64,
                false => hash(&slots[at * width + left..at * width + right]) | 1 << 63,
            };
            rows.iter().enumerate().map(hash).collect()
        };
        let (old, new) = (hashes(&self.shown), hashes(&self.wanted));
        let up = likeliest_move(&old, &new, 1).filter(|up| *up != 0)?;
        self.best_scroll(&rows, up)
    }

    /// The run of rows for which a scroll by so many rows saves most.
    fn best_scroll(&self, rows: &[RowState], up: i32) -> Option<Scroll> {
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
            sum += rows[row].differing as i64 - self.differing(row, source) as i64;
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
            .map(|row| self.filled(row) as i64 - rows[row].differing as i64)
            .sum();
        (best_gain - lost >= LEAST).then_some(scroll)
    }

    fn row_state(&self, row: usize) -> RowState {
        let width = usize::from(self.columns);
        let span = row * width..(row + 1) * width;
        let differs = &self.differs[span.clone()];
        let first = differs.iter().position(|differs| *differs);
        let last = differs.iter().rposition(|differs| *differs);
        let mut slots = self.wanted[span.clone()].iter().chain(&self.shown[span]);
        RowState {
            differing: differs.iter().filter(|differs| **differs).count(),
            columns: first.unwrap_or(width)..last.map_or(0, |last| last + 1),
            fixed: slots.any(|slot| matches!(slot.kind, Kind::Theirs | Kind::Unknown)),
        }
    }

    /// Cells of a row of the frame that another row of the terminal does not show.
    fn differing(&self, row: usize, shown: usize) -> usize {
        let width = usize::from(self.columns);
        let wanted = &self.wanted[row * width..(row + 1) * width];
        let shown = &self.shown[shown * width..(shown + 1) * width];
        let pairs = wanted.iter().zip(shown);
        pairs.filter(|(wanted, shown)| wanted != shown).count()
    }

    /// Cells of a row of the frame that are not blank.
    fn filled(&self, row: usize) -> usize {
        let width = usize::from(self.columns);
        let slots = &self.wanted[row * width..(row + 1) * width];
        slots.iter().filter(|slot| !slot.is_blank()).count()
    }

    /// Has the terminal move rows.
    pub(super) fn scroll(&mut self, scroll: Scroll, pen: &mut Pen, out: &mut Vec<u8>) {
        let Scroll { top, bottom, up } = scroll;
        let whole = bottom - top == usize::from(self.rows);
        // Lines are deleted and inserted within margins: unlike SU and SD, the Linux console knows that too.
        let (rows, letter) = (up.unsigned_abs() as usize, if up > 0 { 'M' } else { 'L' });
        if !whole {
            out.extend_from_slice(format!("\x1b[{};{bottom}r", top + 1).as_bytes());
        }
        // Setting margins moves the cursor, in some terminals to the top of them.
        pen.lose_place();
        pen.go(0, top as u16, out);
        out.extend_from_slice(format!("\x1b[{rows}{letter}").as_bytes());
        if !whole {
            out.extend_from_slice(b"\x1b[r");
        }
        pen.lose_place();

        let width = usize::from(self.columns);
        let region = &mut self.shown[top * width..bottom * width];
        if up > 0 {
            region.rotate_left(rows * width);
            let kept = region.len() - rows * width;
            region[kept..].fill(Slot::BLANK);
        } else {
            region.rotate_right(rows * width);
            region[..rows * width].fill(Slot::BLANK);
        }
    }
}

/// A number that tells most rows apart. What is made of it is checked, so that nothing but time is lost where it does not.
fn hash(slots: &[Slot]) -> u64 {
    /// Cells that are looked at.
    const SAMPLES: usize = 64;
    let step = slots.len().div_ceil(SAMPLES).max(1);
    let starts = slots.iter().step_by(step);
    let starts = starts.filter(|slot| slot.kind != Kind::Rest);
    starts.fold(0, |hash: u64, slot| {
        (hash.rotate_left(5) ^ slot.hash()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}
