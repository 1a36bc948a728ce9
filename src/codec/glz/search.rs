//! Looks for what is already known in the images of the window.
//! The search is greedy with two candidates. A table of positions, indexed by a hash of three elements, spans all images of
//! the window; positions of images that left are not cleaned up, but recognised when they are looked up. The other one is
//! where the last match with another image would go on.

use std::collections::VecDeque;

use super::Kind;
use super::token::{Class, Match, literals};

/// An image of the window.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) weight: u64,
    /// One number a pixel, equal where the pixels are; no alpha in it.
    pub(super) colours: Vec<u32>,
    /// Empty unless the kind is RGBA.
    pub(super) alphas: Vec<u8>,
}

pub(super) const TABLE_BITS: u32 = 20;
const POSITION_BITS: u32 = 25;
pub(super) const NOWHERE: u64 = u64::MAX;

/// One image being encoded against a window.
pub(super) struct Search<'a> {
    pub(super) images: &'a VecDeque<Image>,
    pub(super) first_id: u64,
    pub(super) head: u64,
    pub(super) current: &'a Image,
    pub(super) table: &'a mut [u64],
    /// The image the last match with another one was found in, and how far its positions are ahead of ours. What comes
    /// behind a change on a screen goes on where the last match broke off.
    pub(super) followed: Option<(u64, isize)>,
}

impl Search<'_> {
    /// Appends the tokens of one stream.
    pub(super) fn tokens<C: Class>(&mut self, out: &mut Vec<u8>) {
        let plane = C::plane(self.current);
        // Every known decoder accepts a stream that begins with a literal.
        let mut pending = 0;
        let mut at = 1;
        while at + 3 <= plane.len() {
            let Some(found) = self.find::<C>(plane, pending.max(1), at) else {
                // In what does not repeat, look less often the longer it lasts.
                at += 1 + (at - pending) / 64;
                continue;
            };
            literals::<C>(&plane[pending..found.start], out);
            found.write(C::BIAS, out);
            pending = found.start + found.length;
            self.enter_match::<C>(plane, at, &found);
            at = pending;
        }
        literals::<C>(&plane[pending..], out);
    }

    /// The match to use at `at`, which may begin as early as `least`.
    fn find<C: Class>(&mut self, plane: &[C::Element], least: usize, at: usize) -> Option<Match> {
        let followed = self.followed.and_then(|(id, ahead)| {
            let position = at.checked_add_signed(ahead)?;
            self.compare::<C>(plane, least, at, (id, position))
        });
        let seen = if plane[at..at + 3] == [plane[at - 1]; 3] {
            (self.current.id, at - 1)
        } else {
            self.enter::<C>(plane, at)
        };
        match (followed, self.compare::<C>(plane, least, at, seen)) {
            (Some(followed), Some(seen)) if followed.length > seen.length => Some(followed),
            (followed, None) => followed,
            (_, seen) => seen,
        }
    }

    /// The match between what stands at `at` and at another place, the id of an image and a position, if it is worth its
    /// token.
    // Inlined so that the match stays in registers.
    #[inline(always)]
    fn compare<C: Class>(
        &self,
        plane: &[C::Element],
        least: usize,
        at: usize,
        (id, there): (u64, usize),
    ) -> Option<Match> {
        let found = if id == self.current.id {
            // The table may name a place of the other stream of an RGBA image.
            let back = at.checked_sub(there).filter(|&back| back > 0)?;
            let (start, length) = extend(plane, there, plane, at, least);
            Match {
                start,
                length,
                distance: 0,
                position: back - 1,
            }
        } else {
            let index = usize::try_from(id.checked_sub(self.head)?).ok()?;
            let image = self.images.get(index)?;
            if image.kind != self.current.kind {
                return None;
            }
            let (start, length) = extend(C::plane(image), there, plane, at, least);
            Match {
                start,
                length,
                distance: self.current.id - id,
                position: there + start - at,
            }
        };
        if found.length < C::LEAST {
            return None;
        }
        // A token has 7 bytes, and one more for each 255 elements.
        let clearly = found.length * C::LITERAL_LEN > 8;
        let worth = clearly || found.length > found.len(C::BIAS) / C::LITERAL_LEN;
        worth.then_some(found)
    }

    /// Notes that the element `at` and the two behind it are there; where the like was before.
    fn enter<C: Class>(&mut self, plane: &[C::Element], at: usize) -> (u64, usize) {
        let slot = &mut self.table[hash::<C>(&plane[at..at + 3])];
        let here = (self.current.id - self.first_id) << POSITION_BITS | at as u64;
        let before = std::mem::replace(slot, here);
        let position = before & ((1 << POSITION_BITS) - 1);
        let id = self.first_id.wrapping_add(before >> POSITION_BITS);
        (id, position as usize)
    }

    /// Enters some of what a match covers, so that it is still found when its source has left the window.
    fn enter_match<C: Class>(&mut self, plane: &[C::Element], at: usize, found: &Match) {
        const STEP: usize = 16;
        let end = found.start + found.length;
        let last = plane.len().saturating_sub(3).min(end.saturating_sub(2));
        if !found.is_run() {
            for at in (at + STEP..last).step_by(STEP) {
                self.enter::<C>(plane, at);
            }
        }
        if at < last {
            self.enter::<C>(plane, last);
        }
        if found.distance > 0 {
            let ahead = found.position as isize - found.start as isize;
            self.followed = Some((self.current.id - found.distance, ahead));
        }
    }
}

fn hash<C: Class>(elements: &[C::Element]) -> usize {
    let mixed = elements.iter().fold(C::SALT, |mixed, &element| {
        mixed.rotate_left(21) ^ element.into()
    });
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}

/// How far what stands at `there` in `other` equals what stands at `here` in `plane`, in both directions but not before
/// `least` in `plane`: where that begins in `plane`, and its length.
#[inline(always)]
fn extend<T: Element>(
    other: &[T],
    there: usize,
    plane: &[T],
    here: usize,
    least: usize,
) -> (usize, usize) {
    let forward = T::common_prefix(other.get(there..).unwrap_or_default(), &plane[here..]);
    if forward == 0 {
        return (here, 0);
    }
    // Position 0 of another image is allowed, but known encoders never name it.
    let most = (here - least).min(there.saturating_sub(1));
    let backward = (1..=most)
        .take_while(|back| other[there - back] == plane[here - back])
        .count();
    (here - backward, backward + forward)
}

/// What a stream is made of: colours or alpha.
pub(super) trait Element: Copy + Eq + Into<u64> {
    /// How many elements at the beginning of both are the same.
    fn common_prefix(a: &[Self], b: &[Self]) -> usize;
}

impl Element for u32 {
    #[inline(always)]
    fn common_prefix(a: &[u32], b: &[u32]) -> usize {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (a_blocks, _) = a.as_chunks::<4>();
        let (b_blocks, _) = b.as_chunks::<4>();
        let mut count = 0;
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            let first = pair(a[0], a[1]) ^ pair(b[0], b[1]);
            let second = pair(a[2], a[3]) ^ pair(b[2], b[3]);
            if first | second != 0 {
                let bits = match first {
                    0 => 64 + second.trailing_zeros(),
                    _ => first.trailing_zeros(),
                };
                return count + bits as usize / 32;
            }
            count += 4;
        }
        count + plain_prefix(&a[count..], &b[count..])
    }
}

impl Element for u8 {
    fn common_prefix(a: &[u8], b: &[u8]) -> usize {
        let blocks = a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0);
        let count = 16 * blocks.take_while(|(a, b)| a == b).count();
        count + plain_prefix(&a[count..], &b[count..])
    }
}

/// The plain version of [`Element::common_prefix`].
fn plain_prefix<T: Eq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_beginning_is_as_long_as_when_it_is_counted_one_by_one() {
        for length in 0..40 {
            for differs in 0..length + 2 {
                let a: Vec<u8> = (0..length).collect();
                let mut b: Vec<u8> = (0..length + 3).collect();
                b[usize::from(differs)] ^= 0x80;
                let expected = usize::from(differs.min(length));
                let [a32, b32] = [&a, &b].map(|v| v.iter().map(|n| u32::from(*n) << 16));
                let [a32, b32]: [Vec<u32>; 2] = [a32.collect(), b32.collect()];

                assert_eq!(plain_prefix(&a, &b), expected);
                assert_eq!(u8::common_prefix(&a, &b), expected);
                assert_eq!(u32::common_prefix(&a32, &b32), expected);
                assert_eq!(u32::common_prefix(&b32, &a32), expected);
            }
        }
    }
}
