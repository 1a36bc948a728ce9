//! Three-operand raster operations: every function of brush, picture and surface, bit by bit.
//!
//! Such a function is a sum (XOR) of some of the eight products of its operands. A [`Rop3`] keeps which, so that applying
//! it takes no branch. With a brush of one colour it is a two-operand [`Rop`] whose terms differ from bit to bit.
//!
//! Protocol: rasterisation (spec 07b §6).

use super::ink::Ink;
use super::surface::WORDS;
use super::{Area, Brush, Cutout, Damage, Error, Rop, Surface};

/// How brush, picture and surface become one pixel word, bit by bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rop3 {
    /// For each set of operands, numbered as in the code, whether their product counts. INVARIANT: each is 0 or all ones.
    terms: [u32; 8],
}

impl Rop3 {
    /// Reads a ternary raster operation code: bit `brush << 2 | picture << 1 | surface` is the result for these bits.
    pub const fn new(code: u8) -> Self {
        let mut terms = [0; 8];
        let mut set = 0;
        while set < 8 {
            // A product counts if the results for its subsets have an odd sum.
            let mut subset = 0;
            while subset < 8 {
                if subset & !set == 0 && code >> subset & 1 == 1 {
                    terms[set] = !terms[set];
                }
                subset += 1;
            }
            set += 1;
        }
        Self { terms }
    }

    /// The result for a word of each operand.
    #[inline]
    pub const fn apply(self, brush: u32, picture: u32, surface: u32) -> u32 {
        self.with_brush(brush).apply(picture, surface)
    }

    /// The operation on picture and surface that is left when the brush is known.
    #[inline]
    const fn with_brush(self, brush: u32) -> Rop {
        let [one, d, s, sd, p, pd, ps, psd] = self.terms;
        Rop {
            one: one ^ (brush & p),
            a: s ^ (brush & ps),
            b: d ^ (brush & pd),
            ab: sd ^ (brush & psd),
        }
    }
}

impl Surface {
    /// ROP3: joins brush, part of a picture and surface. The unscaled and the scaled part must lie inside the picture.
    ///
    /// All 256 codes work, also those of fewer operands, which the reference does not know.
    ///
    /// # Errors
    ///
    /// [`Error::AreaOutsideSource`] and those of [`Surface::copy`] and [`Surface::fill`]; nothing is drawn then.
    pub fn rop3(
        &mut self,
        area: &Area<'_>,
        cutout: &Cutout<'_>,
        brush: &Brush<'_>,
        rop: Rop3,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        if area.bbox.is_empty() {
            return Ok(());
        }
        let mut brush = Ink::of_brush(brush, self.format())?;
        let format = self.format();
        let mut picture = Ink::of_cutout(cutout, area.bbox, format, &mut self.scratch)?;
        if !cutout.source.size().to_rect().covers(cutout.area) {
            return Err(Error::AreaOutsideSource);
        }
        if let Ink::Flat(word) = brush {
            self.draw(area, &mut picture, rop.with_brush(word), damage);
            picture.give_back(&mut self.scratch);
            return Ok(());
        }
        let extent = area.extent(self.size());
        let (mut brush_row, mut picture_row) = ([0; WORDS], [0; WORDS]);
        self.change_rows(extent, area, damage, |x, y, words| {
            let brushes = &mut brush_row[..words.len()];
            let pictures = &mut picture_row[..words.len()];
            brush.row(x, y, brushes);
            picture.row(x, y, pictures);
            for ((word, p), s) in words.iter_mut().zip(brushes).zip(pictures) {
                *word = rop.apply(*p, *s, u32::from_le_bytes(*word)).to_le_bytes();
            }
        });
        picture.give_back(&mut self.scratch);
        Ok(())
    }
}

impl std::fmt::Debug for Rop3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The operands as bytes with one bit for each combination: the result is the code.
        let code = self.apply(0xf0, 0xcc, 0xaa) as u8;
        write!(f, "Rop3({code:#04x})")
    }
}
