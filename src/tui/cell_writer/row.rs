//! One row of a frame: what differs in it is written.

use std::ops::Range;

use super::slot::{Clusters, Kind, Slot};
use crate::term::Pen;

/// A row of what the terminal is to show beside what it shows.
pub(super) struct Row<'a> {
    /// Which.
    pub(super) row: u16,
    pub(super) wanted: &'a [Slot],
    pub(super) shown: &'a mut [Slot],
    /// Whether they differ, cell by cell.
    pub(super) differs: &'a mut [bool],
    pub(super) clusters: &'a Clusters,
}

impl Row<'_> {
    /// Writes what differs in some of its columns, until the output is so long; the column up to which it is written.
    pub(super) fn write(
        mut self,
        columns: &Range<usize>,
        until: usize,
        pen: &mut Pen,
        out: &mut Vec<u8>,
    ) -> usize {
        if !self.differs[columns.clone()].contains(&true) {
            return columns.end;
        }
        self.widen();
        let (row, width, erased_from) = (self.row, self.wanted.len(), self.blank_end());
        // Clusters are written whole.
        let mut column = columns.start;
        while self.is_inside(column) {
            column -= 1;
        }
        let mut may_end = false;
        while column < width {
            may_end |= column >= columns.end || out.len() >= until;
            if may_end && !self.is_inside(column) {
                return column;
            }
            let wanted = self.wanted[column];
            let wide = wanted.width();
            if wanted.kind == Kind::Theirs {
                if self.shown[column].kind != Kind::Theirs && !self.shown[column].is_blank() {
                    pen.go(column as u16, row, out);
                    Slot::BLANK.put(self.clusters, pen, out);
                }
                self.shown[column] = Slot::THEIRS;
            } else if column >= erased_from {
                pen.go(column as u16, row, out);
                pen.erase_to_end(out);
                self.shown[column..].fill(Slot::BLANK);
                self.differs[column..].fill(false);
                break;
            } else if self.differs[column] && wanted.kind != Kind::Rest {
                self.bridge(column, pen, out);
                pen.go(column as u16, row, out);
                wanted.put(self.clusters, pen, out);
                self.shown[column..column + wide]
                    .copy_from_slice(&self.wanted[column..column + wide]);
            }
            self.differs[column..column + wide].fill(false);
            column += wide;
        }
        width
    }

    /// Whether a cell is the rest of a cluster, of what is there or of what will be.
    fn is_inside(&self, column: usize) -> bool {
        let is_rest = |slots: &[Slot]| {
            slots
                .get(column)
                .is_some_and(|slot| slot.kind == Kind::Rest)
        };
        is_rest(self.wanted) || is_rest(self.shown)
    }

    /// Where a part of a cluster is written over, a terminal loses all of it: the rest of it is to be written as well, of what was
    /// there and of what will be.
    fn widen(&mut self) {
        let mut column = 0;
        while column < self.differs.len() {
            // A run of cells that hang together by one cluster or another.
            let start = column;
            column += 1;
            while self.is_inside(column) {
                column += 1;
            }
            let run = &mut self.differs[start..column];
            if run.len() > 1 && run.contains(&true) {
                run.fill(true);
            }
        }
    }

    /// From where on the row is blank in the terminal's own colours, so that it is erased rather than written; the width of the
    /// row where that does not pay.
    fn blank_end(&self) -> usize {
        /// Bytes to erase the end of a row.
        const ERASING: usize = 3;
        let width = self.wanted.len();
        let blanks = self.wanted.iter().rev().take_while(|slot| slot.is_blank());
        let from = width - blanks.count();
        let first = (from..width).find(|at| self.differs[*at]);
        let written = self.differs[from..]
            .iter()
            .filter(|differs| **differs)
            .count();
        first.filter(|_| written > ERASING).unwrap_or(width)
    }

    /// Writes the few cells between the cursor and a column anew where that is shorter than to move over them.
    fn bridge(&self, column: usize, pen: &mut Pen, out: &mut Vec<u8>) {
        let Some(gap @ 1..=4) = pen.columns_to(column as u16, self.row) else {
            return;
        };
        // Bytes of `CSI C` with and without a number.
        let moving = if gap == 1 { 3 } else { 4 };
        let between = column - usize::from(gap)..column;
        let slots = &self.wanted[between.clone()];
        let is_free = |slot: &Slot| {
            slot.kind == Kind::Start(1) && pen.is_set_to((slot.fore, slot.back), slot.attributes)
        };
        let bytes: usize = slots.iter().map(|slot| slot.len(self.clusters)).sum();
        if bytes < moving && !self.differs[between].contains(&true) && slots.iter().all(is_free) {
            slots
                .iter()
                .for_each(|slot| slot.put(self.clusters, pen, out));
        }
    }
}
