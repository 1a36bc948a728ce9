//! Fewer and larger rectangles, where each costs something by itself.

use crate::geometry::Rect;

/// Dots that may be drawn in vain to save a rectangle: in kitty an edit of one dot takes as long as sending some thousands.
const WORTH: u64 = 4096;

/// Joins rectangles whose bounds hold little else, and further until there are at most `most`. What comes out covers what
/// went in, and may overlap.
pub(super) fn join(rects: &[Rect], most: usize) -> Vec<Rect> {
    let mut joined: Vec<Rect> = Vec::with_capacity(most + 1);
    for rect in rects {
        joined.push(*rect);
        while let Some((first, second, wasted)) = cheapest(&joined) {
            if wasted > WORTH && joined.len() <= most {
                break;
            }
            let other = joined.swap_remove(second);
            joined[first] = joined[first].bounds(other);
        }
    }
    joined
}

/// The last rectangle and the one, or any two, whose union wastes least: places in the list, the smaller first, and dots.
fn cheapest(rects: &[Rect]) -> Option<(usize, usize, u64)> {
    let pairs = (1..rects.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    pairs
        .map(|(a, b)| (a, b, wasted(rects[a], rects[b])))
        .min_by_key(|(_, _, wasted)| *wasted)
}

/// Dots of the bounds of two rectangles that are in neither.
fn wasted(a: Rect, b: Rect) -> u64 {
    (a.bounds(b).area() + a.intersect(b).area()).saturating_sub(a.area() + b.area())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_and_far_ones_are_not() {
        let (a, b) = (Rect::new(0, 0, 8, 16), Rect::new(8, 0, 16, 20));
        let far = Rect::new(1000, 700, 1010, 710);
        let mut joined = join(&[a, b, far], 8);
        joined.sort_by_key(|rect| rect.left);
        assert_eq!(joined, [Rect::new(0, 0, 16, 20), far]);
    }

    #[test]
    fn there_are_never_more_than_asked_for_and_all_is_covered() {
        let scattered: Vec<Rect> = (0..200)
            .map(|n| {
                Rect::new(
                    n * 71 % 1200,
                    n * 37 % 780,
                    n * 71 % 1200 + 9,
                    n * 37 % 780 + 9,
                )
            })
            .collect();
        let joined = join(&scattered, 8);
        assert!(joined.len() <= 8);
        for rect in scattered {
            assert!(joined.iter().any(|larger| larger.covers(rect)));
        }
    }
}
