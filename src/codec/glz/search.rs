//! Looks for what is already known: earlier in the image, and in the other images of the window.
//!
//! The search is greedy and takes the longest of three candidates. One is a run, or else where the next three elements
//! were last seen; the table that tells spans all images of the window. Positions of images that left are not cleaned up:
//! nothing is used without a comparison. The other two are where the last match with another image would go on, and where
//! it would go on one row below, as the next row of something that moved does.

use std::collections::VecDeque;

use super::Kind;
use super::token::{Class, Match, literals};

/// An image of the window.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) kind: Kind,
    /// Elements of a row.
    pub(super) width: usize,
    pub(super) weight: u64,
    /// The weights of all images before this one: where it begins when they are put one behind the other.
    pub(super) base: u64,
    /// One number a pixel, equal where the pixels are; no alpha in it.
    pub(super) colours: Vec<u32>,
    /// Empty unless the kind is RGBA.
    pub(super) alphas: Vec<u8>,
}

/// The entries of [`Search::table`] are `1 << TABLE_BITS`.
pub(super) const TABLE_BITS: u32 = 20;

/// Bits of a place in an entry: enough to tell those of a window apart.
const PLACE_BITS: u32 = super::MAX_PIXELS.trailing_zeros();
const PLACE: u32 = (1 << PLACE_BITS) - 1;

/// After this many literals not every position is looked at.
const DENSE: usize = 64;

/// One image being encoded against a window.
pub(super) struct Search<'a> {
    /// Those before the current one, the oldest first.
    pub(super) images: &'a VecDeque<Image>,
    pub(super) current: &'a Image,
    /// Where three elements, the index being their hash, were last seen. The low bits are those of `base + position`, the
    /// high ones more bits of the hash, so that a wrong guess is mostly recognised without a look at the elements.
    pub(super) table: &'a mut [u32],
    /// The image the last match with another one was found in, and how far its positions are ahead of ours. What comes
    /// behind a change on a screen goes on where the last match broke off.
    pub(super) followed: Option<(&'a Image, isize)>,
}

impl<'a> Search<'a> {
    /// Appends the tokens of one stream. The bench is `glz`.
    pub(super) fn tokens<C: Class>(&mut self, out: &mut Vec<u8>) {
        let plane = C::plane(self.current);
        // Every known decoder accepts a stream that begins with a literal.
        let (mut pending, mut at) = (0, 1);
        loop {
            if at - pending >= DENSE {
                at = next_spot(plane, at, at - pending);
            }
            let Some(&[before, a, b, c]) = plane[at - 1..].first_chunk() else {
                break;
            };
            let back = if [a, b, c] == [before; 3] {
                1
            } else {
                self.note(hash::<C>([a, b, c]), at)
            };
            let spot = Spot {
                plane,
                at,
                least: pending.max(1),
            };
            let found = if back <= at && self.followed.is_none() {
                self.within::<C>(spot, back)
            } else {
                self.find::<C>(spot, back)
            };
            let Some(found) = found else {
                at += 1;
                continue;
            };

            literals::<C>(&plane[pending..], found.start - pending, out);
            found.write(C::BIAS, out);
            pending = found.start + found.length;
            self.note_match::<C>(plane, at, found);
            at = pending;
        }
        literals::<C>(&plane[pending..], plane.len() - pending, out);
    }

    /// The match to use at a spot, where the table says that the like was `back` elements before it.
    // Not inlined, so that the loop over an image without others stays small.
    #[inline(never)]
    fn find<C: Class>(&mut self, spot: Spot<'_, C::Element>, back: usize) -> Option<Match> {
        let seen = if back <= spot.at {
            self.within::<C>(spot, back)
        } else {
            self.elsewhere::<C>(spot, back)
        };
        match (self.follow::<C>(spot), seen) {
            (Some(followed), Some(seen)) if followed.length > seen.length => Some(followed),
            (followed, None) => followed,
            (_, seen) => seen,
        }
    }

    /// The match with what is `back` elements before in the same image.
    // Inlined so that the match stays in registers; so are the next two.
    #[inline(always)]
    fn within<C: Class>(&self, spot: Spot<'_, C::Element>, back: usize) -> Option<Match> {
        if back == 0 {
            return None;
        }
        let (start, length) = spot.extend(spot.plane, spot.at - back);
        let found = Match {
            start,
            length,
            distance: 0,
            position: back - 1,
        };
        found.is_worth_it::<C>().then_some(found)
    }

    /// The match with what is `back` elements before, in another image.
    fn elsewhere<C: Class>(&self, spot: Spot<'_, C::Element>, back: usize) -> Option<Match> {
        let place = (self.current.base + spot.at as u64).checked_sub(back as u64)?;
        let newer = self.images.partition_point(|image| image.base <= place);
        let image = self.images.get(newer.checked_sub(1)?)?;
        self.other::<C>(spot, image, (place - image.base) as usize)
    }

    /// The match where the last one with another image would go on, in the same row or else in the next one.
    fn follow<C: Class>(&self, spot: Spot<'_, C::Element>) -> Option<Match> {
        let (image, ahead) = self.followed?;
        let below = ahead + image.width as isize - self.current.width as isize;
        [ahead, below].into_iter().find_map(|ahead| {
            let there = spot.at.checked_add_signed(ahead)?;
            self.other::<C>(spot, image, there)
        })
    }

    /// The match with what is there in another image.
    #[inline(always)]
    fn other<C: Class>(
        &self,
        spot: Spot<'_, C::Element>,
        image: &Image,
        there: usize,
    ) -> Option<Match> {
        // Position 0 of another image is allowed, but known encoders never name it.
        if image.kind != self.current.kind || there == 0 {
            return None;
        }
        let (start, length) = spot.extend(C::plane(image), there);
        let found = Match {
            start,
            length,
            distance: self.current.id - image.id,
            position: there + start - spot.at,
        };
        found.is_worth_it::<C>().then_some(found)
    }

    /// Enters three elements with this hash into the table. How far back the like was before, perhaps, counted over the
    /// images between; 0 if never.
    #[inline(always)]
    fn note(&mut self, hash: u64, at: usize) -> usize {
        let tag = (hash >> (64 - TABLE_BITS - 32 + PLACE_BITS)) as u32;
        let place = (self.current.base as u32).wrapping_add(at as u32);
        let entry = tag << PLACE_BITS | place & PLACE;
        let slot = &mut self.table[(hash >> (64 - TABLE_BITS)) as usize];
        let before = std::mem::replace(slot, entry);
        let same_tag = (before ^ entry) & !PLACE == 0;
        if same_tag {
            (entry.wrapping_sub(before) & PLACE) as usize
        } else {
            0
        }
    }

    /// Enters some of what a match covers, so that it is still found when its source has left the window; but nothing out
    /// of a run, whose end would take the place of its beginning.
    #[inline(always)]
    fn note_match<C: Class>(&mut self, plane: &[C::Element], at: usize, found: Match) {
        const STEP: usize = 32;
        if !found.is_run() {
            for at in (at + STEP..found.start + found.length).step_by(STEP) {
                if let Some(&[before, a, b, c]) = plane[at - 1..].first_chunk()
                    && [a, b, c] != [before; 3]
                {
                    self.note(hash::<C>([a, b, c]), at);
                }
            }
        }
        if found.distance > 0 {
            self.follow_from(found);
        }
    }

    fn follow_from(&mut self, found: Match) {
        let ahead = found.position as isize - found.start as isize;
        let back = usize::try_from(found.distance).ok();
        // The ids of the window are consecutive.
        let index = back.and_then(|back| self.images.len().checked_sub(back));
        let image = index.and_then(|index| self.images.get(index));
        self.followed = image.map(|image| (image, ahead));
    }
}

fn hash<C: Class>(elements: [C::Element; 3]) -> u64 {
    let [a, b, c] = elements.map(|element| u64::from(element.into()));
    (C::SALT ^ a ^ b << 20 ^ c << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The next position to look at in what did not repeat for so many literals: from `at` on, or where the plane ends.
///
/// The longer it lasts, the fewer there are: up to one in 64, chosen by the elements that stand there, so that of two
/// copies the same ones are chosen. Where a run begins is always one.
// Not inlined, so that the loop over what does repeat stays small.
#[inline(never)]
fn next_spot<T: Element>(plane: &[T], mut at: usize, literals: usize) -> usize {
    const RAREST: usize = 6;
    let most = u32::MAX >> (literals / DENSE).min(RAREST);
    while let Some(block) = plane[at - 1..].first_chunk::<19>() {
        let spots =
            (0..16).map(|i| is_spot([block[i], block[i + 1], block[i + 2], block[i + 3]], most));
        // Without a way out in between, so that several are looked at at once.
        if spots.fold(false, |any, spot| any | spot) {
            break;
        }
        at += 16;
    }
    at + plain_gap(&plane[at - 1..], most)
}

/// The plain version of [`next_spot`]: how many positions are left out.
fn plain_gap<T: Element>(plane: &[T], most: u32) -> usize {
    let windows = plane.array_windows();
    windows
        .take_while(|window| !is_spot(**window, most))
        .count()
}

#[inline(always)]
fn is_spot<T: Element>([before, a, b, c]: [T; 4], most: u32) -> bool {
    let words: [u32; 3] = [a.into(), b.into(), c.into()];
    let mixed = (words[0] ^ words[1] << 5 ^ words[2] << 10).wrapping_mul(0x9e37_79b1);
    (mixed <= most) | ((before == a) & (a == b) & (b == c))
}

/// A position of the image being encoded, and where a match with it may begin at the earliest.
#[derive(Clone, Copy)]
struct Spot<'a, T> {
    plane: &'a [T],
    at: usize,
    least: usize,
}

impl<T: Element> Spot<'_, T> {
    /// How far what stands here equals what stands at `there` in `other`, in both directions: where that begins here, and
    /// its length.
    #[inline(always)]
    fn extend(self, other: &[T], there: usize) -> (usize, usize) {
        let Self { plane, at, least } = self;
        let forward = T::common_prefix(other.get(there..).unwrap_or_default(), &plane[at..]);
        if forward == 0 {
            return (at, 0);
        }
        // Not to position 0 either.
        let most = (at - least).min(there.saturating_sub(1));
        let backward = (1..=most)
            .take_while(|back| other[there - back] == plane[at - back])
            .count();
        (at - backward, backward + forward)
    }
}

/// What a stream is made of: colours or alpha.
pub(super) trait Element: Copy + Eq + Into<u32> {
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
    fn positions_are_left_out_by_blocks_as_one_by_one() {
        let mut plane: Vec<u32> = (0..3000u32).map(|i| i.wrapping_mul(i) << 7).collect();
        plane[1500..1600].fill(7);
        for at in 1..plane.len() {
            for literals in [64, 200, 10_000] {
                let most = u32::MAX >> (literals / 64).min(6);

                let next = next_spot(&plane, at, literals);

                assert_eq!(next, at + plain_gap(&plane[at - 1..], most));
            }
        }
    }

    #[test]
    fn a_rarer_choice_of_positions_is_part_of_a_denser_one() {
        let spots = |plane: &[u32], level: u32| -> Vec<usize> {
            let windows = plane.array_windows().enumerate();
            let chosen = windows.filter(|(_, window)| is_spot(**window, u32::MAX >> level));
            chosen.map(|(at, _)| at).collect()
        };
        let plane: Vec<u32> = (0..3000u32).map(|i| i.wrapping_mul(i) << 7).collect();

        let (dense, rare) = (spots(&plane, 3), spots(&plane, 6));

        assert!(!rare.is_empty() && rare.len() < dense.len());
        assert!(rare.iter().all(|at| dense.contains(at)));
    }

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
