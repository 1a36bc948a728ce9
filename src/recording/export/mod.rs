//! Recordings as files that others open: pictures that move, written one after the other.
//!
//! A [`Film`] is given each picture once, with how long it is shown and where it differs from the one before; all
//! pictures of a film have the same size. Times are counted in *ticks*, of which a film has a fixed number a second, so
//! that rounding never adds up.

mod apng;
mod gif;
mod webp;
mod y4m;

use std::io;
use std::ops::Range;

pub use apng::Apng;
pub use gif::Gif;
pub use webp::Webp;
pub use y4m::Y4m;

use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// A file of moving pictures.
pub trait Film {
    /// Appends a picture, bytes B, G, R, X, that is shown during `ticks`; `changed` is where it may differ from the one
    /// before, and is never empty. The first picture changes everything.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn show(&mut self, picture: PixelView<'_>, changed: Rect, ticks: Range<u64>) -> io::Result<()>;

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn finish(&mut self) -> io::Result<()>;
}

/// How many ticks a second has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// Most ticks of a second.
    pub const MOST: f64 = 120.0;

    /// So many ticks a second; `None` for none, fewer than one in a minute, and more than [`Pace::MOST`].
    pub fn new(a_second: f64) -> Option<Self> {
        (1.0 / 60.0..=Self::MOST)
            .contains(&a_second)
            .then_some(Self(a_second))
    }

    /// Ticks of a second.
    pub const fn a_second(self) -> f64 {
        self.0
    }

    /// Seconds from the beginning to a tick.
    pub fn seconds(self, tick: u64) -> f64 {
        tick as f64 / self.0
    }

    /// How long some ticks last, in units of which a second has `unit`: their ends rounded, so that sums are exact.
    fn lasts(self, ticks: &Range<u64>, unit: f64) -> u64 {
        let end = |tick| (self.seconds(tick) * unit).round() as u64;
        end(ticks.end).saturating_sub(end(ticks.start))
    }
}

/// The smallest rectangle outside of which two pictures of one size are the same; empty when they are.
pub fn difference(before: PixelView<'_>, after: PixelView<'_>) -> Rect {
    let differs = |y: &u32| before.row(*y) != after.row(*y);
    let height = after.size.height;
    let Some(top) = (0..height).find(differs) else {
        return Rect::default();
    };
    let bottom = (top..height).rfind(differs).unwrap_or(top) + 1;
    let (mut left, mut right) = (after.size.width as usize, 0);
    for y in top..bottom {
        let pixels = before
            .row(y)
            .chunks_exact(4)
            .zip(after.row(y).chunks_exact(4));
        let mut differing = pixels.enumerate().filter(|(_, (a, b))| a[..3] != b[..3]);
        if let Some((first, _)) = differing.next() {
            left = left.min(first);
            right = right.max(differing.next_back().map_or(first, |(last, _)| last) + 1);
        }
    }
    match left < right {
        // Sides are below 2¹⁵.
        true => Rect::new(left as i32, top as i32, right as i32, bottom as i32),
        false => Rect::default(),
    }
}

/// The pixels of a rectangle as bytes R, G, B.
fn rgb(picture: PixelView<'_>, rect: Rect) -> Vec<u8> {
    let part = picture.crop(rect);
    let pixels = part.rows().flat_map(|row| row.chunks_exact(4));
    pixels.flat_map(|p| [p[2], p[1], p[0]]).collect()
}

/// A film for pictures of a size that it cannot have.
fn too_large(size: Size, most: u32) -> io::Result<()> {
    if size.is_empty() || size.width > most || size.height > most {
        let Size { width, height } = size;
        let text = format!(
            "{width}x{height} pixels are more than {most}x{most}; --scale makes them fewer"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{PixelBuf, PixelFormat};

    #[test]
    fn pictures_differ_within_the_smallest_rectangle() {
        let before = PixelBuf::new(PixelFormat::Xrgb, Size::new(9, 7));
        let mut after = before.clone();
        assert!(difference(before.view(), after.view()).is_empty());
        after.set_pixel(3, 2, 0x0000_0001);
        after.set_pixel(6, 4, 0x00ff_0000);
        // The unused byte is none of the picture.
        after.set_pixel(8, 3, 0xff00_0000);
        assert_eq!(
            difference(before.view(), after.view()),
            Rect::new(3, 2, 7, 5)
        );
        let mut unused = before.clone();
        unused.set_pixel(1, 1, 0xff00_0000);
        assert!(difference(before.view(), unused.view()).is_empty());
    }

    #[test]
    fn durations_add_up_however_they_are_rounded() {
        let pace = Pace::new(15.0).unwrap();
        let centiseconds = |ticks: Range<u64>| pace.lasts(&ticks, 100.0);
        assert_eq!(centiseconds(0..1), 7);
        assert_eq!(centiseconds(1..2), 6);
        let sum: u64 = (0..150).map(|tick| centiseconds(tick..tick + 1)).sum();
        assert_eq!(sum, 1000);
        assert!(Pace::new(0.0).is_none() && Pace::new(1000.0).is_none());
    }
}
