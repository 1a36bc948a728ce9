//! One surface and the commands that draw on it.
//!
//! COPY_BITS moves; every other command comes down to drawing with an ink.
//!
//! Protocol: rasterisation (spec 07b §1, §4, §10).

mod draw;
mod moves;
#[cfg(test)]
mod tests;

use super::ink::Ink;
use super::rows::Rows;
use super::scratch::Scratch;
use super::{Area, Brush, Cutout, Damage, Error, Layout, Rop, convert};
use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
pub(super) use draw::{WORDS, each_rect};

/// A picture to draw on. At first all its pixel words are 0.
///
/// Commands work on whole words, so the unused byte of [`PixelFormat::Xrgb`] is carried along like the others. On
/// [`PixelFormat::A1`] everything works too, but slowly: the protocol only ever fills and copies there.
#[derive(Clone, PartialEq, Eq)]
pub struct Surface {
    /// INVARIANT: no side is 0, but for [`Surface::absent`], or longer than [`Surface::MAX_SIDE`].
    pub(super) rows: Rows,
    /// What it needs while it draws.
    pub(super) scratch: Scratch,
}

impl Surface {
    /// Most columns, and most rows.
    pub const MAX_SIDE: u32 = 16384;

    /// A surface of zeros.
    ///
    /// # Errors
    ///
    /// [`Error::BadSize`] before anything is allocated.
    pub fn new(format: PixelFormat, size: Size) -> Result<Self, Error> {
        Self::bytes_for(format, size)?;
        Ok(Self::of_zeros(format, size))
    }

    /// What stands in the place of a surface while that is drawn on: it has no pixels and takes no memory.
    pub(super) fn absent() -> Self {
        Self::of_zeros(PixelFormat::A8, Size::default())
    }

    fn of_zeros(format: PixelFormat, size: Size) -> Self {
        Self {
            rows: Rows::new(format, size),
            scratch: Scratch::default(),
        }
    }

    /// Memory of a surface.
    pub(super) fn bytes_for(format: PixelFormat, size: Size) -> Result<u64, Error> {
        if size.is_empty() || size.width.max(size.height) > Self::MAX_SIDE {
            return Err(Error::BadSize(size));
        }
        Ok(format.row_bytes(size.width) as u64 * u64::from(size.height))
    }

    /// Memory of this surface.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.bytes() as u64
    }

    /// Layout of one pixel.
    pub fn format(&self) -> PixelFormat {
        self.rows.format()
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.rows.size()
    }

    /// What is on it, top row first.
    ///
    /// While an area scrolls its rows are put in order in a copy, once until something is drawn; see
    /// [`rows_of`](Self::rows_of).
    pub fn pixels(&self) -> PixelView<'_> {
        self.rows.view()
    }

    /// What is on it inside `rect`, which is cut to it first: row by row, top first, and never through a copy of them all.
    /// Not for [`PixelFormat::A1`], whose pixels share bytes.
    pub fn rows_of(&mut self, rect: Rect) -> impl Iterator<Item = &[u8]> {
        let rect = rect.intersect(self.size().to_rect());
        self.rows.reach(rect);
        let rows = &self.rows;
        (rect.top..rect.bottom).map(move |y| rows.row(rect, y))
    }

    /// Makes [`pixels`](Self::pixels) cheap, until something is moved.
    pub(super) fn put_in_order(&mut self) {
        self.rows.in_order_mut();
    }

    /// Makes its rows these: packed, top row first, in its own format. Whether they were as many as it has.
    pub fn put_rows(&mut self, rows: &[u8]) -> bool {
        let pixels = self.rows.in_order_mut().data_mut();
        let fits = pixels.len() == rows.len();
        if fits {
            pixels.copy_from_slice(rows);
        }
        fits
    }

    /// Makes every pixel word 0.
    pub fn clear(&mut self, damage: &mut Damage) {
        self.rows.clear();
        damage.add(self.size().to_rect());
    }

    /// FILL: combines the brush with the surface.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyPattern`], [`Error::DepthMismatch`]; nothing is drawn then.
    pub fn fill(
        &mut self,
        area: &Area<'_>,
        brush: &Brush<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        let mut ink = Ink::of_brush(brush, self.format())?;
        self.draw(area, &mut ink, rop, damage);
        Ok(())
    }

    /// COPY and BLEND: combines a part of a picture with the surface. Where the part reaches outside its picture and is
    /// not scaled, the surface keeps its pixels.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySourceArea`], [`Error::DepthMismatch`]; nothing is drawn then.
    pub fn copy(
        &mut self,
        area: &Area<'_>,
        cutout: &Cutout<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        if area.bbox.is_empty() {
            return Ok(());
        }
        let format = self.format();
        let mut ink = Ink::of_cutout(cutout, area.bbox, format, &mut self.scratch)?;
        self.draw(area, &mut ink, rop, damage);
        ink.give_back(&mut self.scratch);
        Ok(())
    }

    /// COPY of a whole picture, its rows packed and the top one first, over the whole surface without copying: the surface
    /// takes the rows over and leaves its own in their place. Whether it did; if not, nothing has changed.
    ///
    /// It does with rows that can be stored as they are, of its own size, in no more memory than they need.
    pub fn exchange(
        &mut self,
        layout: Layout,
        size: Size,
        rows: &mut Vec<u8>,
        damage: &mut Damage,
    ) -> bool {
        let len = self.rows.bytes();
        let fits = size == self.size() && rows.len() == len && rows.capacity() == len;
        if !fits || self.format() == PixelFormat::A1 || !convert::is_verbatim(layout, self.format())
        {
            return false;
        }
        self.rows.exchange(rows);
        damage.add(size.to_rect());
        true
    }

    /// OPAQUE: copies a part of a picture as it is, then combines the brush with the result.
    ///
    /// # Errors
    ///
    /// Those of [`Surface::copy`] and [`Surface::fill`]; nothing is drawn then.
    pub fn opaque(
        &mut self,
        area: &Area<'_>,
        cutout: &Cutout<'_>,
        brush: &Brush<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        if area.bbox.is_empty() {
            return Ok(());
        }
        let mut brush = Ink::of_brush(brush, self.format())?;
        let format = self.format();
        let mut picture = Ink::of_cutout(cutout, area.bbox, format, &mut self.scratch)?;
        self.draw(area, &mut picture, Rop::PUT, damage);
        picture.give_back(&mut self.scratch);
        self.draw(area, &mut brush, rop, damage);
        Ok(())
    }

    /// BLACKNESS: writes zeros.
    pub fn blackness(&mut self, area: &Area<'_>, damage: &mut Damage) {
        self.draw(area, &mut Ink::Flat(0), Rop::BLACKNESS, damage);
    }

    /// WHITENESS: writes ones.
    pub fn whiteness(&mut self, area: &Area<'_>, damage: &mut Damage) {
        self.draw(area, &mut Ink::Flat(0), Rop::WHITENESS, damage);
    }

    /// INVERS: inverts every bit.
    pub fn invers(&mut self, area: &Area<'_>, damage: &mut Damage) {
        self.draw(area, &mut Ink::Flat(0), Rop::INVERS, damage);
    }
}

impl std::fmt::Debug for Surface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Surface({:?} {}×{})",
            self.format(),
            self.size().width,
            self.size().height
        )
    }
}
