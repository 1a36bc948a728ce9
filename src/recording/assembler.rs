//! One direction of a TCP connection: segments in any order in, bytes in order out.
//!
//! What came first stands: bytes sent again are left out. A hole is waited for while it may still be filled: for a second
//! when the receiver has acknowledged what is missing, for half a minute otherwise. After that, or when too much waits
//! behind it, or when the connection ends, it is a gap of known length.

use std::collections::{BTreeMap, VecDeque};

/// Bytes held back behind holes before the first hole is given up.
const MOST_HELD: usize = 8 << 20;
/// Segments held back before the first hole is given up.
const MOST_SEGMENTS: usize = 8192;
/// A segment further ahead than this, in bytes, belongs to something else.
const WINDOW: i32 = 1 << 26;
/// How long a hole is waited for whose bytes were acknowledged, nanoseconds.
const PATIENCE: u64 = 1_000_000_000;
/// How long any hole is waited for, nanoseconds.
const LONG_PATIENCE: u64 = 30 * PATIENCE;

/// What follows in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes.
    Data(Vec<u8>),
    /// This many bytes that were not captured.
    Gap(u64),
}

/// Puts segments in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembler {
    /// Number of the next byte, once one is known.
    next: Option<u32>,
    /// Bytes passed on or given up.
    position: u64,
    /// Segments behind a hole, by their positions. INVARIANT: all are behind `position`.
    held: BTreeMap<u64, Vec<u8>>,
    held_bytes: usize,
    /// When the first hole was there first.
    hole_since: u64,
    /// How far the receiver has acknowledged.
    acknowledged: u64,
    /// Where the stream ends.
    end: Option<u64>,
    pieces: VecDeque<Piece>,
}

impl Assembler {
    /// The number of the first byte is known.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence);
    }

    /// Takes a segment.
    pub(super) fn receive(&mut self, sequence: u32, data: &[u8], finish: bool, now: u64) {
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next).cast_signed();
        if ahead > WINDOW {
            return;
        }
        if finish {
            let end = i64::from(ahead) + data.len() as i64;
            self.end = self.position.checked_add_signed(end);
        }
        match u64::try_from(ahead) {
            Ok(0) | Err(_) => {
                let again = ahead.unsigned_abs() as usize;
                if let Some(data) = data.get(again..).filter(|data| !data.is_empty()) {
                    self.pass(data.to_vec());
                    self.pass_held(now);
                }
            }
            Ok(ahead) => self.hold(self.position + ahead, data, now),
        }
        while self.held_bytes > MOST_HELD || self.held.len() > MOST_SEGMENTS {
            self.give_up_hole(now);
        }
    }

    /// The receiver has everything before this byte.
    pub(super) fn acknowledged(&mut self, sequence: u32) {
        if let Some(next) = self.next {
            let ahead = i64::from(sequence.wrapping_sub(next).cast_signed());
            let position = self.position.checked_add_signed(ahead).unwrap_or(0);
            self.acknowledged = self.acknowledged.max(position);
        }
    }

    /// Gives up a hole that will not be filled any more.
    pub(super) fn wait(&mut self, now: u64) {
        while let Some((&first, _)) = self.held.first_key_value() {
            let patience = match self.acknowledged < first {
                true => LONG_PATIENCE,
                false => PATIENCE,
            };
            if now.saturating_sub(self.hole_since) < patience {
                return;
            }
            self.give_up_hole(now);
        }
    }

    /// Whether something waits behind a hole.
    pub(super) fn has_hole(&self) -> bool {
        !self.held.is_empty()
    }

    /// Nothing more will come: gives up all holes, and the end if that is missing.
    pub(super) fn finish(&mut self, now: u64) {
        while !self.held.is_empty() {
            self.give_up_hole(now);
        }
        if let Some(end) = self.end.filter(|end| *end > self.position) {
            self.pieces.push_back(Piece::Gap(end - self.position));
            self.position = end;
        }
    }

    /// Whether the end was reached.
    pub(super) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| end <= self.position)
    }

    /// What follows in the stream, as far as it is known.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn hold(&mut self, position: u64, data: &[u8], now: u64) {
        if data.is_empty() {
            return;
        }
        if self.held.is_empty() {
            self.hole_since = now;
        }
        let held = self.held.entry(position).or_default();
        if held.len() < data.len() {
            self.held_bytes += data.len() - held.len();
            *held = data.to_vec();
        }
    }

    fn pass(&mut self, data: Vec<u8>) {
        self.advance(data.len() as u64);
        self.pieces.push_back(Piece::Data(data));
    }

    fn advance(&mut self, bytes: u64) {
        self.position += bytes;
        self.next = self.next.map(|next| next.wrapping_add(bytes as u32));
    }

    /// Passes on what was waiting for the bytes before it.
    fn pass_held(&mut self, now: u64) {
        while let Some(first) = self.held.first_entry() {
            if *first.key() > self.position {
                self.hole_since = now;
                return;
            }
            let (at, mut data) = first.remove_entry();
            self.held_bytes -= data.len();
            let again = (self.position - at).min(data.len() as u64) as usize;
            data.drain(..again);
            if !data.is_empty() {
                self.pass(data);
            }
        }
    }

    fn give_up_hole(&mut self, now: u64) {
        if let Some((&first, _)) = self.held.first_key_value() {
            let gap = first - self.position;
            self.pieces.push_back(Piece::Gap(gap));
            self.advance(gap);
            self.pass_held(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn pieces(assembler: &mut Assembler) -> (Vec<u8>, Vec<u64>) {
        let (mut bytes, mut gaps) = (Vec::new(), Vec::new());
        while let Some(piece) = assembler.next_piece() {
            match piece {
                Piece::Data(data) => bytes.extend(data),
                Piece::Gap(gap) => gaps.push(gap),
            }
        }
        (bytes, gaps)
    }

    fn begun() -> Assembler {
        let mut assembler = Assembler::default();
        // The numbers go round in the middle of the data.
        assembler.begin(u32::MAX - 3);
        assembler
    }

    fn at(position: u32) -> u32 {
        (u32::MAX - 3).wrapping_add(position)
    }

    #[test]
    fn segments_in_any_order_become_the_stream_once_each() {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut assembler = begun();
            for part in order.into_iter().chain(order) {
                let data = [b"abcd", b"efgh", b"ijkl"][part as usize];
                assembler.receive(at(part * 4), data, false, 0);
            }
            assert_eq!(
                pieces(&mut assembler),
                (b"abcdefghijkl".to_vec(), vec![]),
                "{order:?}"
            );
        }
    }

    #[test]
    fn what_came_first_stands_where_segments_overlap() {
        let mut assembler = begun();
        assembler.receive(at(0), b"abcd", false, 0);
        assembler.receive(at(2), b"XXef", false, 0);
        assembler.receive(at(8), b"ij", false, 0);
        assembler.receive(at(5), b"Xghij", false, 0);
        assert_eq!(pieces(&mut assembler), (b"abcdefghij".to_vec(), vec![]));
    }

    #[test]
    fn a_hole_that_was_acknowledged_is_given_up_after_a_second() {
        let mut assembler = begun();
        assembler.receive(at(0), b"ab", false, 0);
        assembler.receive(at(5), b"fg", false, SECOND);
        assembler.wait(5 * SECOND);
        assert_eq!(pieces(&mut assembler), (b"ab".to_vec(), vec![]));
        assembler.acknowledged(at(7));
        assembler.wait(2 * SECOND - 1);
        assert_eq!(pieces(&mut assembler), (vec![], vec![]));
        assembler.wait(2 * SECOND);
        assert_eq!(pieces(&mut assembler), (b"fg".to_vec(), vec![3]));
    }

    #[test]
    fn the_end_is_reached_when_everything_before_it_is_there() {
        let mut assembler = begun();
        assembler.receive(at(2), b"cd", true, 0);
        assert!(!assembler.is_finished());
        assembler.receive(at(0), b"ab", false, 0);
        assert!(assembler.is_finished());
        let mut cut = begun();
        cut.receive(at(4), b"", true, 0);
        cut.finish(0);
        assert_eq!(pieces(&mut cut), (vec![], vec![4]));
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded() {
        let mut assembler = begun();
        assembler.receive(at(0), b"a", false, 0);
        let data = vec![0; 60_000];
        for n in 0..200 {
            assembler.receive(at(2 + n * 60_000), &data, false, 0);
        }
        assert_eq!(pieces(&mut assembler), {
            let mut bytes = vec![b'a'];
            bytes.resize(1 + 200 * 60_000, 0);
            (bytes, vec![1])
        });
    }
}
