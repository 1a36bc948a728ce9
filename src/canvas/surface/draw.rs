//! Drawing with an ink: for each rectangle of the region, each pixel becomes the raster operation of the ink and what was
//! there. That is done a row at a time where possible, at the speed of memory for plain fills and copies (bench canvas).
//! The pixel-by-pixel version beside it draws on 1-bit surfaces, and is what the faster ones are tested against.

use super::Surface;
use crate::canvas::ink::Ink;
use crate::canvas::{Area, Damage, Rop};
use crate::geometry::Rect;
use crate::pixels::PixelFormat;

/// Words of a row that are combined at once, on the stack: a kilobyte. Fewer in the tests beside this, whose rows are short.
pub(in crate::canvas) const WORDS: usize = if cfg!(test) { 32 } else { 256 };

impl Surface {
    /// Combines `ink` with the surface in `area`.
    pub(in crate::canvas) fn draw(
        &mut self,
        area: &Area<'_>,
        ink: &mut Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
        let extent = ink.extent(area.extent(self.size()));
        self.rows.reach(extent);
        let mut memory = self.scratch.take();
        let region = &mut memory.region;
        region.begin(area.clip, extent);
        if self.format() == PixelFormat::A1 {
            self.draw_plainly(region, area, ink, rop, damage);
        } else if area.mask.is_some() {
            self.draw_selected(region, area, ink, rop, damage);
        } else {
            self.draw_rows(region, ink, rop, damage);
        }
        self.scratch.put(memory);
    }

    /// The plain version of every way to draw.
    pub(super) fn draw_plainly(
        &mut self,
        region: impl Iterator<Item = Rect>,
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
        region: impl Iterator<Item = Rect>,
        area: &Area<'_>,
        ink: &mut Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
        let format = self.format();
        let (mut words, mut selected) = ([0; WORDS], [0; WORDS]);
        each_piece(region, damage, |piece, y| {
            let width = piece.width() as usize;
            let (words, selected) = (&mut words[..width], &mut selected[..width]);
            area.selection(piece.left, y, selected);
            let row = self.row_mut(piece, y);
            if let Ink::Flat(word) = ink {
                let (set, keep) = rop.with_constant(*word);
                combine(format, row, selected.iter(), |chosen, b| {
                    select(*chosen, set ^ (b & keep), b)
                });
            } else {
                ink.row(piece.left, y, words);
                let operands = words.iter().zip(&*selected);
                combine(format, row, operands, |(a, chosen), b| {
                    select(*chosen, rop.apply(*a, b), b)
                });
            }
        });
    }

    /// Draws without a mask on pixels of whole bytes.
    fn draw_rows(
        &mut self,
        region: impl Iterator<Item = Rect>,
        ink: &mut Ink<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) {
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
                each_piece(region, damage, |piece, y| {
                    let words = &mut words[..piece.width() as usize];
                    ink.row(piece.left, y, words);
                    let row = self.row_mut(piece, y);
                    match rop {
                        Rop::PUT => combine(format, row, words.iter(), |a, _| *a),
                        _ => combine(format, row, words.iter(), |a, b| rop.apply(*a, b)),
                    }
                });
            }
        }
    }

    /// Hands the words of every row of `extent`, as far as the clip of `area` leaves it, to `change(x, y, words)`, each as four
    /// bytes, lowest first, and at most [`WORDS`] at a time. Where the mask of `area` draws, the surface gets what `change` made
    /// of them, cut to the width of a pixel.
    pub(in crate::canvas) fn change_rows(
        &mut self,
        extent: Rect,
        area: &Area<'_>,
        damage: &mut Damage,
        mut change: impl FnMut(i32, i32, &mut [[u8; 4]]),
    ) {
        let format = self.format();
        let in_place = format.bytes() == 4 && area.mask.is_none();
        self.rows.reach(extent);
        let mut memory = self.scratch.take();
        memory.region.begin(area.clip, extent);
        let (mut words, mut selected) = ([[0; 4]; WORDS], [0; WORDS]);
        each_piece(&mut memory.region, damage, |piece, y| {
            if in_place {
                return change(piece.left, y, self.row_mut(piece, y).as_chunks_mut().0);
            }
            let width = piece.width() as usize;
            let (words, selected) = (&mut words[..width], &mut selected[..width]);
            self.load_row(piece, y, words);
            change(piece.left, y, words);
            area.selection(piece.left, y, selected);
            self.store_row(piece, y, words, selected);
        });
        self.scratch.put(memory);
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

    /// The bytes of row `y` of `rect`, which lies on the surface.
    fn row_mut(&mut self, rect: Rect, y: i32) -> &mut [u8] {
        self.rows.row_mut(rect, y)
    }
}

/// Draws each rectangle of a region and notes it in `damage`.
pub(in crate::canvas) fn each_rect(
    region: impl Iterator<Item = Rect>,
    damage: &mut Damage,
    mut draw: impl FnMut(Rect),
) {
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

/// Draws each rectangle of a region row by row, in pieces of at most [`WORDS`] pixels: `draw(piece, y)` draws row `y` of one. Notes
/// the rectangles in `damage`.
fn each_piece(
    region: impl Iterator<Item = Rect>,
    damage: &mut Damage,
    mut draw: impl FnMut(Rect, i32),
) {
    each_rect(region, damage, |rect| {
        for y in rect.top..rect.bottom {
            for left in (rect.left..rect.right).step_by(WORDS) {
                let right = rect.right.min(left + WORDS as i32);
                draw(
                    Rect {
                        left,
                        right,
                        ..rect
                    },
                    y,
                );
            }
        }
    });
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
