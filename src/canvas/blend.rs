//! Blending a picture over the surface.
//!
//! Protocol: rasterisation (spec 07b §9).

use super::ink::Ink;
use super::surface::WORDS;
use super::{Area, Cutout, Damage, Error, Layout, ScaleMode, Source, Surface, convert, operator};
use crate::pixels::PixelFormat;

impl Surface {
    /// ALPHA_BLEND: puts a part of a picture over the surface, weakened by `alpha` (255 changes nothing, 0 draws nothing).
    ///
    /// Colours are premultiplied. A picture of [`Layout::Argb`] has alpha, so have surfaces of [`PixelFormat::Argb`] and
    /// those read [with alpha](Source::with_alpha); [`Layout::A8`] is black; all others are opaque. Where the part reaches
    /// outside its picture it is transparent. Scaling is always [`ScaleMode::Nearest`].
    ///
    /// The unused byte of an [`PixelFormat::Xrgb`] surface is treated as alpha: right if it is, and of no importance
    /// otherwise. (The reference sometimes clears it in the whole box.)
    ///
    /// # Errors
    ///
    /// [`Error::EmptySourceArea`]; nothing is drawn then.
    pub fn alpha_blend(
        &mut self,
        area: &Area<'_>,
        cutout: &Cutout<'_>,
        alpha: u8,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        if area.bbox.is_empty() {
            return Ok(());
        }
        let meaning = meaning(&cutout.source, self.format());
        let nearest = Cutout {
            scale: ScaleMode::Nearest,
            ..*cutout
        };
        let mut picture = Ink::of_cutout(&nearest, area.bbox, meaning, &mut self.scratch)?;
        if alpha == 0 {
            picture.give_back(&mut self.scratch);
            return Ok(());
        }
        let format = match self.format() {
            PixelFormat::Xrgb => PixelFormat::Argb,
            other => other,
        };
        let extent = picture.covered(area.extent(self.size()));
        let mut row = [0; WORDS];
        self.change_rows(extent, area, damage, |x, y, words| {
            let row = &mut row[..words.len()];
            picture.row(x, y, row);
            convert::to_argb(meaning, row);
            if alpha != 255 {
                operator::weaken(row, alpha);
            }
            convert::with_argb(format, words, |words| operator::over(words, row));
        });
        picture.give_back(&mut self.scratch);
        Ok(())
    }
}

/// What the pixels of a source are converted to first, so that nothing of them is lost.
fn meaning(source: &Source<'_>, target: PixelFormat) -> PixelFormat {
    match source.layout() {
        Layout::Words(format) => format,
        Layout::Argb => PixelFormat::Argb,
        Layout::A8 => PixelFormat::A8,
        Layout::Entries if target.bits() == 16 => target,
        _ => PixelFormat::Xrgb,
    }
}
