//! What a fill paints with.
//!
//! Protocol: rasterisation (spec 07b §2.2).

use super::Source;
use crate::geometry::Point;

/// What a fill paints with.
#[derive(Clone, Copy, Debug, Default)]
pub enum Brush<'a> {
    /// Zeros; the raster operation still runs.
    #[default]
    None,
    /// One pixel word, cut to the width of the surface's pixels and otherwise not converted.
    Solid(u32),
    /// A picture repeated in both directions.
    Pattern {
        /// One tile. Converted as the source of a copy is.
        pixels: Source<'a>,
        /// Where on the *surface* a tile has its corner; not relative to the box.
        origin: Point,
    },
}
