//! Copying a picture except for one colour.
//!
//! Protocol: rasterisation (spec 07b §7).

use super::ink::Ink;
use super::surface::WORDS;
use super::{Area, Cutout, Damage, Error, ScaleMode, Surface, convert};
use crate::pixels::PixelFormat;

impl Surface {
    /// TRANSPARENT: copies a part of a picture, but leaves the surface alone where the picture, converted for the surface,
    /// has the colour `0x00RRGGBB`. The unused byte or alpha of a 32-bit pixel does not count; on 16-bit surfaces the
    /// colour is cut to the bits it has there. Scaling is always [`ScaleMode::Nearest`].
    ///
    /// # Errors
    ///
    /// Those of [`Surface::copy`]; nothing is drawn then.
    pub fn transparent(
        &mut self,
        area: &Area<'_>,
        cutout: &Cutout<'_>,
        color: u32,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        if area.bbox.is_empty() {
            return Ok(());
        }
        let format = self.format();
        let (key, compared) = match format {
            PixelFormat::Xrgb | PixelFormat::Argb => (color & 0xff_ffff, 0xff_ffff),
            _ => (convert::pack(format, color), !0),
        };
        let nearest = Cutout {
            scale: ScaleMode::Nearest,
            ..*cutout
        };
        let mut picture = Ink::of_cutout(&nearest, area.bbox, format, &mut self.scratch)?;
        let extent = picture.extent(area.extent(self.size()));
        let mut row = [0; WORDS];
        self.change_rows(extent, area, damage, |x, y, words| {
            let row = &mut row[..words.len()];
            picture.row(x, y, row);
            for (word, source) in words.iter_mut().zip(row) {
                if *source & compared != key {
                    *word = source.to_le_bytes();
                }
            }
        });
        picture.give_back(&mut self.scratch);
        Ok(())
    }
}
