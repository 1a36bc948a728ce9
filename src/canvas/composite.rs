//! Composing a texture with the surface, through another texture as mask.
//!
//! Protocol: rasterisation (spec 07b §13).

use super::operator::{BLOCK, Pixel};
use super::texture::Sampler;
use super::{Area, Damage, Operator, Surface, Texture, convert, ratio};
use crate::pixels::PixelFormat;

/// What COMPOSITE does in its area.
#[derive(Clone, Copy, Debug)]
pub struct Composite<'a> {
    /// How source and surface are joined.
    pub operator: Operator,
    /// The source.
    pub source: Texture<'a>,
    /// What weakens the source, with its alpha.
    pub mask: Option<Texture<'a>>,
    /// Whether every channel of the source is weakened by that channel of the mask instead. Of a mask that is nothing but
    /// coverage the colours are 0.
    pub component_alpha: bool,
}

/// A [`Composite`] for one box on one surface.
struct Composer<'a> {
    operator: Operator,
    source: Sampler<'a>,
    mask: Option<Sampler<'a>>,
    by_channel: bool,
    /// Of the surface.
    format: PixelFormat,
}

impl Surface {
    /// COMPOSITE: joins a texture, perhaps weakened by another, with the surface.
    ///
    /// A surface without alpha counts as opaque; the unused byte of [`PixelFormat::Xrgb`] gets the alpha that comes out.
    /// (In the reference it is 0 or that, depending on which of its routines runs.)
    pub fn composite(&mut self, area: &Area<'_>, composite: &Composite<'_>, damage: &mut Damage) {
        let format = self.format();
        let extent = area.extent(self.size());
        let source = composite.source.sampler(area.bbox, format);
        let mask = composite.mask.map(|mask| mask.sampler(area.bbox, format));
        let opaque = source.is_opaque(extent)
            && mask.is_none_or(|mask| !composite.component_alpha && mask.is_opaque(extent));
        let composer = Composer {
            operator: match composite.operator {
                // The same, rounded as the reference rounds it then.
                Operator::Saturate if opaque => Operator::OverReverse,
                operator => operator,
            },
            source,
            mask,
            by_channel: composite.component_alpha,
            format,
        };
        self.change_rows(extent, area, damage, |x, y, words| {
            for (i, words) in words.chunks_mut(BLOCK).enumerate() {
                let x = x + (i * BLOCK) as i32;
                convert::with_argb(format, words, |words| composer.join(x, y, words));
            }
        });
    }
}

impl Composer<'_> {
    /// Joins at most [`BLOCK`] pixels from (`x`, `y`) on.
    fn join(&self, x: i32, y: i32, dest: &mut [Pixel]) {
        if self.operator.divides() {
            return self.join_wide(x, y, dest);
        }
        let (mut source, mut mask) = ([0; BLOCK], [0; BLOCK]);
        let source = &mut source[..dest.len()];
        self.source.row(x, y, source);
        let mask = self.mask.map(|sampler| {
            let mask = &mut mask[..dest.len()];
            sampler.row(x, y, mask);
            &*mask
        });
        self.operator.combine(dest, source, mask, self.by_channel);
    }

    fn join_wide(&self, x: i32, y: i32, dest: &mut [Pixel]) {
        let (mut source, mut mask) = ([[0.0; 4]; BLOCK], [[0.0; 4]; BLOCK]);
        let source = &mut source[..dest.len()];
        self.source.wide_row(x, y, source);
        let mask = self.mask.map(|sampler| {
            let mask = &mut mask[..dest.len()];
            sampler.wide_row(x, y, mask);
            &*mask
        });
        let mut wide = [[0.0; 4]; BLOCK];
        let wide = &mut wide[..dest.len()];
        for (wide, d) in wide.iter_mut().zip(&*dest) {
            *wide = ratio::widen(self.format, u32::from_le_bytes(*d));
        }
        ratio::combine(self.operator, wide, source, mask, self.by_channel);
        for (d, wide) in dest.iter_mut().zip(wide) {
            *d = ratio::narrow(*wide);
        }
    }
}
