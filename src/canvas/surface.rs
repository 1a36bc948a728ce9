//! One surface and the commands that draw on it.
//!
//! Every command but COPY_BITS comes down to [`Surface::draw`]: for each rectangle of the region, each pixel becomes the
//! raster operation of an ink and what was there. That is done a row at a time where possible, at the speed of memory
//! for plain fills and copies (bench canvas). The pixel-by-pixel version beside it draws on 1-bit surfaces, and is what
//! the faster ones are tested against.
//!
//! Protocol: rasterisation (spec 07b §1, §4, §10).

use super::area::part_within;
use super::clip::{Order, Region};
use super::ink::Ink;
use super::rows::Rows;
use super::{Area, Brush, Clip, Cutout, Damage, Error, Layout, Rop, convert};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// Words of a row that are combined at once, on the stack: a kilobyte.
const WORDS: usize = 256;

/// A picture to draw on. At first all its pixel words are 0.
///
/// Commands work on whole words, so the unused byte of [`PixelFormat::Xrgb`] is carried along like the others. On
/// [`PixelFormat::A1`] everything works too, but slowly: the protocol only ever fills and copies there.
#[derive(Clone, PartialEq, Eq)]
pub struct Surface {
    /// INVARIANT: no side is 0 or longer than [`Surface::MAX_SIDE`].
    pub(super) rows: Rows,
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
        Ok(Self {
            rows: Rows::new(format, size),
        })
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
        let mut ink = Ink::of_cutout(cutout, area.bbox, self.format())?;
        self.draw(area, &mut ink, rop, damage);
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
        let mut picture = Ink::of_cutout(cutout, area.bbox, self.format())?;
        self.draw(area, &mut picture, Rop::PUT, damage);
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

    /// COPY_BITS: moves what is at `from` to the corner of `bbox`, as if through a temporary copy. Pixels that would come
    /// from outside the surface stay as they are.
    pub fn copy_bits(&mut self, bbox: Rect, clip: &Clip, from: Point, damage: &mut Damage) {
        let dx = i64::from(from.x) - i64::from(bbox.left);
        let dy = i64::from(from.y) - i64::from(bbox.top);
        let size = self.size();
        let target = part_within(bbox.intersect(size.to_rect()), -dx, -dy, size);
        if target.is_empty() || (dx, dy) == (0, 0) {
            return;
        }
        // Both ends of the way are on the surface, so it is short.
        let way = Point::new(dx as i32, dy as i32);
        // A rectangle is drawn before the place it was read from is drawn over.
        let order = Order {
            bottom_up: way.y < 0,
            right_to_left: way.x < 0,
        };
        let region = clip.region_in(target, order);
        if self.format() == PixelFormat::A1 {
            self.move_plainly(region, way, damage);
        } else if let Some(whole) = only_rect(&region)
            && way.x == 0
            && self.rows.scroll(whole, way.y)
        {
            damage.add(whole);
        } else {
            each_rect(region, damage, |rect| self.rows.copy(rect, (way.x, way.y)));
        }
    }

    /// Combines `ink` with the surface in `area`.
    pub(super) fn draw(
        &mut self,
        area: &Area<'_>,
        ink: &mut Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
        let extent = ink.extent(area.extent(self.size()));
        self.rows.reach(extent);
        let region = area.clip.region(extent);
        if self.format() == PixelFormat::A1 {
            self.draw_plainly(region, area, ink, rop, damage);
        } else if area.mask.is_some() {
            self.draw_selected(region, area, ink, rop, damage);
        } else {
            self.draw_rows(region, ink, rop, damage);
        }
    }

    /// The plain version of every way to draw.
    fn draw_plainly(
        &mut self,
        region: Region,
        area: &Area<'_>,
        ink: &Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
        let pixels = self.rows.in_order_mut();
        each_rect(region, damage, |rect| {
            for y in rect.top..rect.bottom {
                for x in rect.left..rect.right {
                    if area.draws(x, y) {
                        // Regions lie on the surface: no coordinate is negative.
                        let (px, py) = (x as u32, y as u32);
                        let old = pixels.view().pixel(px, py);
                        pixels.set_pixel(px, py, rop.apply(ink.word(x, y), old));
                    }
                }
            }
        });
    }

    /// Draws through a mask on pixels of whole bytes.
    fn draw_selected(
        &mut self,
        region: Region,
        area: &Area<'_>,
        ink: &mut Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
        let format = self.format();
        let width = self.size().width as usize;
        let (mut words, mut selected) = (vec![0; width], vec![0; width]);
        each_rect(region, damage, |rect| {
            let width = rect.width() as usize;
            let (words, selected) = (&mut words[..width], &mut selected[..width]);
            for y in rect.top..rect.bottom {
                area.selection(rect.left, y, selected);
                let row = self.row_mut(rect, y);
                if let Ink::Flat(word) = ink {
                    let (set, keep) = rop.with_constant(*word);
                    combine(format, row, selected.iter(), |chosen, b| {
                        select(*chosen, set ^ (b & keep), b)
                    });
                } else {
                    ink.row(rect.left, y, words);
                    let operands = words.iter().zip(&*selected);
                    combine(format, row, operands, |(a, chosen), b| {
                        select(*chosen, rop.apply(*a, b), b)
                    });
                }
            }
        });
    }

    /// Draws without a mask on pixels of whole bytes.
    fn draw_rows(&mut self, region: Region, ink: &mut Ink<'_>, rop: Rop, damage: &mut Damage) {
        match ink {
            Ink::Flat(word) => {
                let (set, keep) = rop.with_constant(*word);
                each_rect(region, damage, |rect| self.fill_rect(rect, set, keep));
            }
            Ink::Shifted(picture) if rop == Rop::PUT && picture.is_stored() => {
                each_rect(region, damage, |rect| {
                    for y in rect.top..rect.bottom {
                        let row = self.row_mut(rect, y);
                        let len = row.len();
                        row.copy_from_slice(&picture.stored_row(rect.left, y)[..len]);
                    }
                });
            }
            _ => {
                let format = self.format();
                let mut words = [0; WORDS];
                each_rect(region, damage, |rect| {
                    for y in rect.top..rect.bottom {
                        for left in (rect.left..rect.right).step_by(WORDS) {
                            let piece = Rect { left, ..rect };
                            let row = self.row_mut(piece, y);
                            let count = WORDS.min(piece.width() as usize);
                            let words = &mut words[..count];
                            ink.row(left, y, words);
                            let row = &mut row[..count * format.bytes()];
                            if rop == Rop::PUT {
                                combine(format, row, words.iter(), |a, _| *a);
                                continue;
                            }
                            combine(format, row, words.iter(), |a, b| rop.apply(*a, b));
                        }
                    }
                });
            }
        }
    }

    /// Hands the words of every row of the region to `change(x, y, words)`, each as four bytes, lowest first. Where the mask
    /// of `area` draws, the surface gets what `change` made of them, cut to the width of a pixel.
    pub(super) fn change_rows(
        &mut self,
        region: Region,
        area: &Area<'_>,
        damage: &mut Damage,
        mut change: impl FnMut(i32, i32, &mut [[u8; 4]]),
    ) {
        let format = self.format();
        let width = self.size().width as usize;
        let in_place = format.bytes() == 4 && area.mask.is_none();
        self.rows.reach(area.extent(self.size()));
        let (mut words, mut selected) = match in_place {
            true => (vec![], vec![]),
            false => (vec![[0; 4]; width], vec![0; width]),
        };
        each_rect(region, damage, |rect| {
            for y in rect.top..rect.bottom {
                if in_place {
                    change(rect.left, y, self.row_mut(rect, y).as_chunks_mut().0);
                    continue;
                }
                let width = rect.width() as usize;
                let (words, selected) = (&mut words[..width], &mut selected[..width]);
                self.load_row(rect, y, words);
                change(rect.left, y, words);
                area.selection(rect.left, y, selected);
                self.store_row(rect, y, words, selected);
            }
        });
    }

    /// The words of row `y` of `rect`, which lies on the surface.
    fn load_row(&self, rect: Rect, y: i32, words: &mut [[u8; 4]]) {
        let format = self.format();
        if format == PixelFormat::A1 {
            let row = self.pixels().row(y as u32);
            for (x, word) in (rect.left as usize..).zip(words) {
                *word = format.load(row, x).to_le_bytes();
            }
            return;
        }
        let row = self.rows.row(rect, y);
        match format.bytes() {
            4 => words.copy_from_slice(&row.as_chunks().0[..words.len()]),
            2 => {
                for (word, [low, high]) in words.iter_mut().zip(row.as_chunks().0) {
                    *word = [*low, *high, 0, 0];
                }
            }
            _ => {
                for (word, byte) in words.iter_mut().zip(row) {
                    *word = [*byte, 0, 0, 0];
                }
            }
        }
    }

    /// Stores those words of row `y` of `rect`, which lies on the surface, that are selected.
    fn store_row(&mut self, rect: Rect, y: i32, words: &[[u8; 4]], selected: &[u32]) {
        let format = self.format();
        let operands = words.iter().zip(selected);
        if format == PixelFormat::A1 {
            for (x, (word, selected)) in (rect.left as u32..).zip(operands) {
                if *selected != 0 {
                    let pixels = self.rows.in_order_mut();
                    pixels.set_pixel(x, y as u32, u32::from_le_bytes(*word));
                }
            }
        } else {
            combine(
                format,
                self.row_mut(rect, y),
                operands,
                |(word, chosen), b| select(*chosen, u32::from_le_bytes(*word), b),
            );
        }
    }

    /// Makes every word of `rect` `set ^ (word & keep)`.
    fn fill_rect(&mut self, rect: Rect, set: u32, keep: u32) {
        let format = self.format();
        for y in rect.top..rect.bottom {
            let row = self.row_mut(rect, y);
            if keep == 0 {
                fill_words(format, row, set);
            } else {
                combine(format, row, std::iter::repeat(()), |(), b| set ^ (b & keep));
            }
        }
    }

    /// The plain version of every way to move.
    fn move_plainly(&mut self, region: Region, way: Point, damage: &mut Damage) {
        let pixels = self.rows.in_order_mut();
        let before = pixels.clone();
        each_rect(region, damage, |rect| {
            for y in rect.top..rect.bottom {
                for x in rect.left..rect.right {
                    let (from_x, from_y) = ((x + way.x) as u32, (y + way.y) as u32);
                    let word = before.view().pixel(from_x, from_y);
                    pixels.set_pixel(x as u32, y as u32, word);
                }
            }
        });
    }

    /// The bytes of row `y` of `rect`, which lies on the surface.
    fn row_mut(&mut self, rect: Rect, y: i32) -> &mut [u8] {
        self.rows.row_mut(rect, y)
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

/// The rectangle of a region that is one.
fn only_rect(region: &Region) -> Option<Rect> {
    let mut rects = region.clone();
    let first = rects.next()?;
    rects.next().is_none().then_some(first)
}

/// Draws each rectangle of a region and notes it in `damage`.
pub(super) fn each_rect(region: Region, damage: &mut Damage, mut draw: impl FnMut(Rect)) {
    let mut rest = Rect::default();
    for (i, rect) in region.enumerate() {
        draw(rect);
        if i < NOTED_SINGLY {
            damage.add(rect);
        } else {
            rest = rest.bounds(rect);
        }
    }
    damage.add(rest);
}

/// How many rectangles of a region are noted one by one. There may be millions; those after these are noted as one.
const NOTED_SINGLY: usize = 256;

/// `a` where `chosen` is 1, `b` elsewhere.
fn select(chosen: u32, a: u32, b: u32) -> u32 {
    b ^ ((a ^ b) & chosen)
}

/// Makes each word of `row` `f(operand, word)`. Not for [`PixelFormat::A1`].
fn combine<A>(
    format: PixelFormat,
    row: &mut [u8],
    operands: impl Iterator<Item = A>,
    f: impl Fn(A, u32) -> u32,
) {
    match format.bytes() {
        4 => {
            for (word, a) in row.as_chunks_mut().0.iter_mut().zip(operands) {
                *word = f(a, u32::from_le_bytes(*word)).to_le_bytes();
            }
        }
        2 => {
            for (word, a) in row.as_chunks_mut().0.iter_mut().zip(operands) {
                *word = (f(a, u32::from(u16::from_le_bytes(*word))) as u16).to_le_bytes();
            }
        }
        _ => {
            for (word, a) in row.iter_mut().zip(operands) {
                *word = f(a, u32::from(*word)) as u8;
            }
        }
    }
}

/// Makes every word of `row` the same. Not for [`PixelFormat::A1`].
fn fill_words(format: PixelFormat, row: &mut [u8], word: u32) {
    match format.bytes() {
        4 => row.as_chunks_mut().0.fill(word.to_le_bytes()),
        2 => row.as_chunks_mut().0.fill((word as u16).to_le_bytes()),
        _ => row.fill(word as u8),
    }
}

#[cfg(test)]
mod tests {
    //! The fast ways to draw against the plain one, on pictures wide enough for whole vectors and their remainders.

    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::canvas::{Mask, Operands, ScaleMode, Source};
    use crate::pixels::PixelBuf;

    const SIZE: Size = Size::new(75, 40);

    fn config() -> ProptestConfig {
        ProptestConfig {
            rng_seed: RngSeed::Fixed(11),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    /// Bytes without a pattern (splitmix64).
    fn noise(mut seed: u64, len: usize) -> Vec<u8> {
        let next = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ mixed >> 27) as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    fn noisy(format: PixelFormat) -> Surface {
        let len = format.row_bytes(SIZE.width) * SIZE.height as usize;
        let mut surface = Surface::new(format, SIZE).expect("a small surface");
        surface.rows.exchange(&mut noise(1, len));
        surface
    }

    #[test]
    fn rows_that_are_exchanged_are_what_copying_them_yields() {
        let whole = SIZE.to_rect();
        for (layout, format, taken) in [
            (Layout::Xrgb, PixelFormat::Xrgb, true),
            (Layout::Argb, PixelFormat::Argb, true),
            (Layout::Rgb555, PixelFormat::Rgb555, true),
            (Layout::Rgb555, PixelFormat::Rgb565, false),
            (Layout::XrgbOpaque, PixelFormat::Xrgb, false),
        ] {
            let stride = layout.row_bytes(SIZE.width).expect("a short row");
            let mut rows = noise(7, stride * SIZE.height as usize);
            let (mut copied, mut exchanged) = (noisy(format), noisy(format));
            let before = exchanged.pixels().data().to_vec();
            let source = Source::new(layout, SIZE, stride, &rows).expect("packed rows");
            let cutout = Cutout {
                source,
                area: whole,
                scale: ScaleMode::Nearest,
            };
            let area = Area {
                bbox: whole,
                clip: &Clip::None,
                mask: None,
            };
            let mut damage = Damage::default();
            copied
                .copy(&area, &cutout, Rop::PUT, &mut damage)
                .expect("the same depth");

            let mut damage = Damage::default();
            assert_eq!(
                exchanged.exchange(layout, SIZE, &mut rows, &mut damage),
                taken
            );
            assert_eq!(exchanged == copied, taken, "{layout:?} on {format:?}");
            assert_eq!(rows == before, taken);
            assert_eq!(damage.rects() == [whole], taken);
        }
    }

    #[test]
    fn rows_of_another_size_or_in_more_memory_are_not_exchanged() {
        let format = PixelFormat::Xrgb;
        let len = format.row_bytes(SIZE.width) * SIZE.height as usize;
        let mut roomy = Vec::with_capacity(2 * len);
        roomy.resize(len, 3);
        let turned = Size::new(SIZE.height, SIZE.width);
        for (size, mut rows) in [
            (SIZE, roomy),
            (SIZE, vec![3; len - 4]),
            (turned, vec![3; len]),
        ] {
            let mut surface = noisy(format);
            let mut damage = Damage::default();
            assert!(!surface.exchange(Layout::Xrgb, size, &mut rows, &mut damage));
            assert!(surface == noisy(format) && damage.is_empty());
        }
    }

    fn format() -> impl Strategy<Value = PixelFormat> {
        prop::sample::select(vec![
            PixelFormat::A8,
            PixelFormat::Rgb555,
            PixelFormat::Rgb565,
            PixelFormat::Xrgb,
            PixelFormat::Argb,
        ])
    }

    /// A layout that `format` can read.
    fn format_and_layout() -> impl Strategy<Value = (PixelFormat, Layout)> {
        format().prop_flat_map(|format| {
            let layouts = vec![
                Layout::Rgb555,
                Layout::Bgr24,
                Layout::Xrgb,
                Layout::XrgbOpaque,
                Layout::Argb,
                Layout::A8,
                Layout::Entries,
                Layout::Words(format),
            ];
            (Just(format), prop::sample::select(layouts))
        })
    }

    fn rect() -> impl Strategy<Value = Rect> {
        (-20..80_i32, -20..50_i32, 1..120_u32, 1..70_u32)
            .prop_map(|(x, y, width, height)| Rect::at(x, y, Size::new(width, height)))
    }

    fn small_rect() -> impl Strategy<Value = Rect> {
        (-5..75_i32, -5..40_i32, 1..12_u32, 1..12_u32)
            .prop_map(|(x, y, width, height)| Rect::at(x, y, Size::new(width, height)))
    }

    fn clip() -> impl Strategy<Value = Clip> {
        prop_oneof![
            Just(Clip::None),
            prop::collection::vec(rect(), 0..6).prop_map(Clip::Rects),
            prop::collection::vec(small_rect(), 0..40).prop_map(Clip::Rects),
        ]
    }

    fn rop() -> impl Strategy<Value = Rop> {
        prop_oneof![
            Just(Rop::PUT),
            any::<u16>().prop_map(|bits| Rop::new(bits, Operands::SourceOnSurface)),
        ]
    }

    /// A mask's picture, its origin, and whether it draws where it is 0.
    fn mask() -> impl Strategy<Value = Option<(PixelBuf, Point, bool)>> {
        let mask = (1..130_u32, 1..60_u32, -9..40_i32, -9..9_i32, any::<bool>());
        prop::option::of(mask.prop_map(|(width, height, x, y, inverse)| {
            let size = Size::new(width, height);
            let bits = noise(4, PixelFormat::A1.row_bytes(width) * height as usize);
            let bits = PixelBuf::from_data(PixelFormat::A1, size, bits).expect("packed rows");
            (bits, Point::new(x, y), inverse)
        }))
    }

    fn area<'a>(bbox: Rect, clip: &'a Clip, mask: &'a Option<(PixelBuf, Point, bool)>) -> Area<'a> {
        let mask = mask.as_ref().map(|(bits, origin, inverse)| {
            let mask = Mask::new(bits.view(), *origin).expect("1 bit");
            if *inverse { mask.inverse() } else { mask }
        });
        Area {
            mask,
            ..Area::new(bbox, clip)
        }
    }

    /// Draws `ink` the plain way.
    fn draw_plainly(surface: &mut Surface, area: &Area<'_>, ink: &Ink<'_>, rop: Rop) {
        let region = area.clip.region(ink.extent(area.extent(SIZE)));
        surface.draw_plainly(region, area, ink, rop, &mut Damage::default());
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_copy_by_rows_is_a_copy_by_pixels(
            (format, layout) in format_and_layout(),
            width in 1..90_u32,
            height in 1..50_u32,
            bbox in rect(),
            part in prop::option::of(rect()),
            scale in prop::sample::select(vec![ScaleMode::Nearest, ScaleMode::Interpolate]),
            clip in clip(),
            mask in mask(),
            rop in rop(),
        ) {
            let size = Size::new(width, height);
            let stride = layout.row_bytes(width).expect("a small picture");
            let data = noise(2, stride * height as usize);
            let cutout = Cutout {
                source: Source::new(layout, size, stride, &data).expect("packed rows"),
                // Unscaled from near the corner.
                area: part.unwrap_or(Rect::at(bbox.left / 4, bbox.top / 4, bbox.size())),
                scale,
            };
            let area = area(bbox, &clip, &mask);
            let (mut fast, mut plain) = (noisy(format), noisy(format));

            fast.copy(&area, &cutout, rop, &mut Damage::default()).expect("it can be drawn");
            let ink = Ink::of_cutout(&cutout, bbox, format).expect("it can be drawn");
            draw_plainly(&mut plain, &area, &ink, rop);

            prop_assert!(fast == plain);
        }

        #[test]
        fn a_fill_by_rows_is_a_fill_by_pixels(
            (format, layout) in format_and_layout(),
            tile in prop::option::of((1..90_u32, 1..50_u32, -200..200_i32, -200..200_i32)),
            word in any::<u32>(),
            bbox in rect(),
            clip in clip(),
            mask in mask(),
            rop in rop(),
        ) {
            let (width, height, x, y) = tile.unwrap_or((1, 1, 0, 0));
            let stride = layout.row_bytes(width).expect("a small picture");
            let data = noise(3, stride * height as usize);
            let brush = match tile {
                Some(_) => Brush::Pattern {
                    pixels: Source::new(layout, Size::new(width, height), stride, &data)
                        .expect("packed rows")
                        .bottom_up(),
                    origin: Point::new(x, y),
                },
                None => Brush::Solid(word),
            };
            let area = area(bbox, &clip, &mask);
            let (mut fast, mut plain) = (noisy(format), noisy(format));

            fast.fill(&area, &brush, rop, &mut Damage::default()).expect("it can be drawn");
            let ink = Ink::of_brush(&brush, format).expect("it can be drawn");
            draw_plainly(&mut plain, &area, &ink, rop);

            prop_assert!(fast == plain);
        }

        #[test]
        fn a_change_by_rows_is_a_change_by_pixels(
            format in prop_oneof![4 => format(), 1 => Just(PixelFormat::A1)],
            bbox in rect(),
            clip in clip(),
            mask in mask(),
        ) {
            let area = area(bbox, &clip, &mask);
            let (mut fast, mut plain) = (noisy(format), noisy(format));

            let region = area.clip.region(area.extent(SIZE));
            fast.change_rows(region, &area, &mut Damage::default(), |_, _, words| {
                for word in words {
                    *word = (!u32::from_le_bytes(*word)).to_le_bytes();
                }
            });
            draw_plainly(&mut plain, &area, &Ink::Flat(0), Rop::INVERS);

            prop_assert!(fast == plain);
        }

        #[test]
        fn a_move_in_place_is_a_move_through_a_copy(
            format in format(),
            bbox in rect(),
            dx in -30..30_i32,
            dy in -30..30_i32,
            clip in clip(),
        ) {
            let (mut fast, mut plain) = (noisy(format), noisy(format));

            let from = Point::new(bbox.left + dx, bbox.top + dy);
            fast.copy_bits(bbox, &clip, from, &mut Damage::default());
            let all = SIZE.to_rect();
            let target = bbox.intersect(all).intersect(all.translate(-dx, -dy));
            let way = Point::new(dx, dy);
            plain.move_plainly(clip.region(target), way, &mut Damage::default());

            prop_assert!(fast == plain);
        }
    }
}
