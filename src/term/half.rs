//! A picture of half or a quarter of the size, for links that cannot carry more.
//!
//! Each dot of half the size is the mean of two by two. Then dots that are nearly as the one left of them, or above, become as that: a film has
//! hardly two dots of the same colour, and every way of saying pictures says equal ones in much less.

use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// Bytes of a dot: B, G, R, X.
const DOT: usize = 4;

/// How far colours of a component may be from each other to become the same.
const CLOSE: u8 = 16;

/// Replaces `out` by a part of a picture whose sides are `times` times as short, 2 or 4, rounded up, packed; what its size is then.
/// As [`halve`]; `scratch` is changed.
pub fn shrink(
    picture: PixelView<'_>,
    part: Rect,
    times: u32,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Size {
    if times < 4 {
        return halve(picture, part, out);
    }
    let size = halve(picture, part, scratch);
    match PixelView::new(picture.format, size, size.width as usize * DOT, scratch) {
        Some(half) => halve(half, size.to_rect(), out),
        None => Size::default(),
    }
}

/// Replaces `out` by a part of a picture at half its size, rounded up, packed; what its size is then.
///
/// The picture has 4 bytes a dot, of which the last counts for nothing; the part is inside of it.
pub fn halve(picture: PixelView<'_>, part: Rect, out: &mut Vec<u8>) -> Size {
    let size = Size::new(part.width().div_ceil(2), part.height().div_ceil(2));
    out.clear();
    out.reserve(size.area() as usize * DOT);
    let stride = size.width as usize * DOT;
    for y in (part.top..part.bottom).step_by(2) {
        let below = (y + 1).min(part.bottom - 1);
        let start = out.len();
        means(row(picture, y, part), row(picture, below, part), out);
        let (before, new) = out.split_at_mut(start);
        let above = before.len().checked_sub(stride).map(|from| &before[from..]);
        calm(new, above);
    }
    size
}

fn row<'a>(picture: PixelView<'a>, y: i32, part: Rect) -> &'a [u8] {
    &picture.row(y as u32)[part.left as usize * DOT..part.right as usize * DOT]
}

/// Appends the means of two by two dots.
fn means(upper: &[u8], lower: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + upper.len().div_ceil(2 * DOT) * DOT, 0);
    let (targets, _) = out[start..].as_chunks_mut::<DOT>();
    let (upper, upper_last) = upper.as_chunks::<{ 2 * DOT }>();
    let (lower, lower_last) = lower.as_chunks::<{ 2 * DOT }>();
    for ((upper, lower), target) in upper.iter().zip(lower).zip(&mut *targets) {
        *target = std::array::from_fn(|at| {
            let sum = [upper[at], upper[at + DOT], lower[at], lower[at + DOT]].map(u16::from);
            (sum.iter().sum::<u16>() / 4) as u8
        });
    }
    // The last column may be one by itself.
    if let Some(target) = targets.get_mut(upper.len()) {
        for ((target, upper), lower) in target.iter_mut().zip(upper_last).zip(lower_last) {
            *target = upper.midpoint(*lower);
        }
    }
}

/// Makes dots of a row equal to their neighbours where they nearly are.
fn calm(row: &mut [u8], above: Option<&[u8]>) {
    let (dots, _) = row.as_chunks_mut::<DOT>();
    let (above, _) = above.unwrap_or_default().as_chunks::<DOT>();
    let mut left = None;
    for (at, dot) in dots.iter_mut().enumerate() {
        let neighbours = [left, above.get(at).copied()];
        let near = neighbours
            .into_iter()
            .flatten()
            .find(|near| is_close(*near, *dot));
        *dot = near.unwrap_or(*dot);
        left = Some(*dot);
    }
}

fn is_close([b, g, r, _]: [u8; DOT], dot: [u8; DOT]) -> bool {
    let far = |a: u8, b: u8| a.abs_diff(b) > CLOSE;
    !(far(b, dot[0]) || far(g, dot[1]) || far(r, dot[2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{PixelBuf, PixelFormat};

    fn picture(size: Size, grey: impl Fn(u32, u32) -> u8) -> PixelBuf {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
        for (y, x) in (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x))) {
            picture.set_pixel(x, y, u32::from(grey(x, y)) * 0x01_0101);
        }
        picture
    }

    fn greys(picture: &PixelBuf, part: Rect) -> (Size, Vec<u8>) {
        let mut out = Vec::new();
        let size = halve(picture.view(), part, &mut out);
        (size, out.chunks_exact(DOT).map(|dot| dot[1]).collect())
    }

    #[test]
    fn a_dot_is_the_mean_of_four_and_the_last_ones_of_what_there_is() {
        let picture = picture(Size::new(3, 3), |x, y| {
            [[0, 100, 200], [20, 80, 240], [255, 105, 0]][y as usize][x as usize]
        });
        // (0 + 100 + 20 + 80) / 4, (200 + 240) / 2, (255 + 105) / 2, 0.
        let (size, dots) = greys(&picture, picture.size.to_rect());
        assert_eq!((size, dots), (Size::new(2, 2), vec![50, 220, 180, 0]));
    }

    #[test]
    fn a_dot_of_a_quarter_of_the_size_is_the_mean_of_sixteen() {
        // Rows of 0, 40, 80 and 120: halves of 20 and 100, and of those 60; the last column stands alone.
        let picture = picture(Size::new(5, 4), |_, y| y as u8 * 40);
        let (mut out, mut scratch) = (Vec::new(), Vec::new());
        let size = shrink(
            picture.view(),
            picture.size.to_rect(),
            4,
            &mut scratch,
            &mut out,
        );
        let dots: Vec<u8> = out.chunks_exact(DOT).map(|dot| dot[1]).collect();
        assert_eq!((size, dots), (Size::new(2, 1), vec![60, 60]));
    }

    #[test]
    fn nearly_equal_dots_become_equal_and_edges_stay() {
        let picture = picture(Size::new(8, 2), |x, _| [100, 110, 95, 200][x as usize / 2]);
        let (_, dots) = greys(&picture, picture.size.to_rect());
        assert_eq!(dots, [100, 100, 100, 200]);
    }

    #[test]
    fn no_dot_is_further_from_its_mean_than_allowed() {
        let noise = |x: u32, y: u32| (x * 37 + y * 101 + x * y * 7) as u8;
        let picture = picture(Size::new(64, 48), noise);
        let (size, dots) = greys(&picture, picture.size.to_rect());
        for (at, dot) in dots.iter().enumerate() {
            let (x, y) = (at as u32 % size.width * 2, at as u32 / size.width * 2);
            let sum: u32 = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .iter()
                .map(|(dx, dy)| u32::from(noise(x + dx, y + dy)))
                .sum();
            assert!(dot.abs_diff((sum / 4) as u8) <= CLOSE);
        }
    }
}
