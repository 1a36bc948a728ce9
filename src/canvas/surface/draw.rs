//! Drawing with an ink: for each rectangle of the region, each pixel becomes the raster operation of the ink and what was
//! there. That is done a row at a time where possible, at the speed of memory for plain fills and copies (bench canvas).
//! The pixel-by-pixel version beside it draws on 1-bit surfaces, and is what the faster ones are tested against.

use super::Surface;
use crate::canvas::clip::Region;
use crate::canvas::ink::Ink;
use crate::canvas::{Area, Damage, Rop};
use crate::geometry::Rect;
use crate::pixels::PixelFormat;

/// Words of a row that are combined at once, on the stack: a kilobyte.
const WORDS: usize = 256;

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
    pub(super) fn draw_plainly(
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
    pub(in crate::canvas) fn change_rows(
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

    /// The bytes of row `y` of `rect`, which lies on the surface.
    fn row_mut(&mut self, rect: Rect, y: i32) -> &mut [u8] {
        self.rows.row_mut(rect, y)
    }
}

/// Draws each rectangle of a region and notes it in `damage`.
pub(in crate::canvas) fn each_rect(
    region: Region,
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
