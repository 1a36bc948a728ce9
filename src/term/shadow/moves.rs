//! Rows that moved: told by numbers made of rows, old and new.

use std::collections::HashMap;
use std::ops::Range;

use super::DOT;

/// Rows of equal content that are remembered as sources of a move; a screen of equal lines has no telling row.
const MOST_EQUAL: usize = 4;

/// A number for a row of dots, the same for rows that look the same. Different rows may share one: what is made of it is compared
/// dot by dot in the end.
pub(super) fn hash(row: &[u8]) -> u64 {
    const TIMES: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, dot: &[u8; DOT]| {
        let word = u64::from(u32::from_le_bytes(*dot) & 0x00ff_ffff);
        (sum ^ word).wrapping_mul(TIMES).rotate_left(29)
    };
    let (dots, _) = row.as_chunks::<DOT>();
    // Four sums at a time: a multiplication takes longer than it keeps the processor busy.
    let (fours, rest) = dots.as_chunks::<4>();
    let mut sums = [1, 2, 3, 4];
    for four in fours {
        for (sum, dot) in sums.iter_mut().zip(four) {
            *sum = mix(*sum, dot);
        }
    }
    let all = sums.iter().fold(0u64, |all, sum| {
        (all ^ sum).wrapping_mul(TIMES).rotate_left(29)
    });
    rest.iter().fold(all, mix)
}

/// By how many rows most of the changed ones moved up, in multiples of `step`.
pub(crate) fn likeliest_move(old: &[u64], new: &[u64], step: i32) -> Option<i32> {
    let mut sources: HashMap<u64, Vec<i32>> = HashMap::new();
    for (hash, y) in old.iter().zip(0..) {
        let rows = sources.entry(*hash).or_default();
        if rows.len() <= MOST_EQUAL {
            rows.push(y);
        }
    }
    let mut votes: HashMap<i32, u32> = HashMap::new();
    for ((hash, was), y) in new.iter().zip(old).zip(0..) {
        let rows = sources.get(hash).filter(|rows| rows.len() <= MOST_EQUAL);
        if hash == was {
            continue;
        }
        for up in rows.into_iter().flatten().map(|from| from - y) {
            if up % step == 0 {
                *votes.entry(up).or_default() += 1;
            }
        }
    }
    let most = votes
        .into_iter()
        .max_by_key(|(up, votes)| (*votes, -up.abs(), *up))?;
    Some(most.0)
}

/// The rows of the new picture that are best had by a move: those it makes right less those it makes wrong. `None` when that
/// saves less than half of the rows that changed. The ends are multiples of `step`.
pub(super) fn rows_of_move(old: &[u64], new: &[u64], up: i32, step: i32) -> Option<Range<usize>> {
    let gain = |y: usize| -> i32 {
        let source = y as i32 + up;
        let right = usize::try_from(source).ok().and_then(|at| old.get(at)) == Some(&new[y]);
        let was_right = old[y] == new[y];
        i32::from(right) - i32::from(was_right)
    };
    let changed = old.iter().zip(new).filter(|(old, new)| old != new).count();
    let first = usize::try_from(-up).unwrap_or(0);
    let end = new.len().saturating_sub(usize::try_from(up).unwrap_or(0));
    let step = step as usize;
    // The run of the greatest sum.
    let (mut best, mut best_gain, mut sum, mut start) = (0..0, 0, 0, first);
    for from in (first..end).step_by(step) {
        sum += (from..(from + step).min(end)).map(gain).sum::<i32>();
        if sum <= 0 {
            (sum, start) = (0, from + step);
        } else if sum > best_gain {
            (best, best_gain) = (start..(from + step).min(end), sum);
        }
    }
    (best_gain as usize * 2 >= changed && !best.is_empty()).then_some(best)
}
