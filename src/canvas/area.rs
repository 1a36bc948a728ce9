//! Where a command draws: box ∩ surface ∩ clip ∩ mask.
//!
//! Protocol: rasterisation (spec 07b §2, §2.1).

use super::Clip;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// Where a command draws.
#[derive(Clone, Copy, Debug)]
pub struct Area<'a> {
    /// The box of the command, in surface coordinates. It may reach outside the surface; sources and masks are anchored
    /// to its corner (left, top) all the same. An empty or inverted box draws nothing.
    pub bbox: Rect,
    /// What the box is cut to.
    pub clip: &'a Clip,
    /// Which pixels are drawn; all when there is none.
    pub mask: Option<Mask<'a>>,
}

/// A 1-bit picture that chooses the pixels to draw.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    /// INVARIANT: [`PixelFormat::A1`].
    bits: PixelView<'a>,
    /// The mask pixel that belongs to the corner of the box.
    origin: Point,
    /// Bit of the pixels that are drawn.
    drawn: u32,
}

impl<'a> Area<'a> {
    /// A box and a clip, without mask.
    pub fn new(bbox: Rect, clip: &'a Clip) -> Self {
        Self {
            bbox,
            clip,
            mask: None,
        }
    }

    /// The box without what lies outside a surface of `size` or outside the mask picture: pixels beyond the mask are
    /// never drawn, not even by an inverted one.
    pub(super) fn extent(&self, size: Size) -> Rect {
        let bbox = self.bbox.intersect(size.to_rect());
        match &self.mask {
            Some(mask) => {
                let left = i64::from(self.bbox.left) - i64::from(mask.origin.x);
                let top = i64::from(self.bbox.top) - i64::from(mask.origin.y);
                part_within(bbox, left, top, mask.bits.size)
            }
            None => bbox,
        }
    }

    /// Whether the mask draws the pixel (`x`, `y`), which must be inside [`Area::extent`].
    pub(super) fn draws(&self, x: i32, y: i32) -> bool {
        self.mask.is_none_or(|mask| {
            let mx = i64::from(x) - i64::from(self.bbox.left) + i64::from(mask.origin.x);
            let my = i64::from(y) - i64::from(self.bbox.top) + i64::from(mask.origin.y);
            mask.bits.pixel(mx as u32, my as u32) == mask.drawn
        })
    }

    /// Makes each of `out` all ones where the mask draws a pixel from (`x`, `y`) to the right, and 0 elsewhere. The pixels must be
    /// inside [`Area::extent`]. The plain version is [`Area::draws`].
    pub(super) fn selection(&self, x: i32, y: i32, out: &mut [u32]) {
        let Some(mask) = &self.mask else {
            out.fill(!0);
            return;
        };
        let mx = i64::from(x) - i64::from(self.bbox.left) + i64::from(mask.origin.x);
        let my = i64::from(y) - i64::from(self.bbox.top) + i64::from(mask.origin.y);
        let row = &mask.bits.row(my as u32)[mx as usize / 8..];
        let (shift, flip) = (mx as u32 % 8, if mask.drawn == 1 { 0 } else { 0xff });
        let eight = |i: usize| {
            let [left, right] = [i, i + 1].map(|i| u32::from(row.get(i).copied().unwrap_or(0)));
            ((left << 8 | right) << shift >> 8) as u8 ^ flip
        };
        let (chunks, rest) = out.as_chunks_mut::<8>();
        for (i, chunk) in chunks.iter_mut().enumerate() {
            *chunk = spread(eight(i));
        }
        let last = spread(eight(chunks.len()));
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// For each bit, highest first, a word of it.
fn spread(bits: u8) -> [u32; 8] {
    [7, 6, 5, 4, 3, 2, 1, 0].map(|bit| 0_u32.wrapping_sub(u32::from(bits) >> bit & 1))
}

impl<'a> Mask<'a> {
    /// A mask that draws where `bits` is 1. The pixel at `origin` belongs to the corner of the box. `None` when `bits` is
    /// not [`PixelFormat::A1`].
    pub fn new(bits: PixelView<'a>, origin: Point) -> Option<Self> {
        (bits.format == PixelFormat::A1).then_some(Self {
            bits,
            origin,
            drawn: 1,
        })
    }

    /// The mask that draws where this one does not.
    pub fn inverse(self) -> Self {
        Self {
            drawn: 1 - self.drawn,
            ..self
        }
    }
}

/// The part of `within` that a picture of `size` with its corner at (`left`, `top`) covers.
pub(super) fn part_within(within: Rect, left: i64, top: i64, size: Size) -> Rect {
    let edge = |n: i64| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    within.intersect(Rect {
        left: edge(left),
        top: edge(top),
        right: edge(left + i64::from(size.width)),
        bottom: edge(top + i64::from(size.height)),
    })
}
