//! Dots as character cells.
//!
//! A cell has at most two colours. Half blocks show their two dots as they are; quadrants, sextants and octants show four, six
//! and eight dots in the two colours that stand for them best ([`blocks`]). Where there are no colours, light and dark are told
//! by the shape of characters.

mod blocks;
mod glyphs;
mod halves;
mod inks;

pub use glyphs::{of_pattern, opposite};
pub use inks::inverted;

use super::{Glyphs, Grid, Style};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

type Rgb = [u8; 3];

/// Paints the changed dots, and whatever shares a cell with them. The rectangle of cells that was painted.
///
/// `dots` holds bytes B, G, R, X in the style's raster; `grid` has a cell for every cell of it that holds a dot. Where the
/// picture ends within a cell, half blocks show the terminal's own background beyond it, and others go on with its last dots.
pub fn paint(dots: PixelView<'_>, changed: Rect, style: Style, grid: &mut Grid) -> Rect {
    let cells = cells_of(changed.intersect(dots.size.to_rect()), style.raster().0)
        .intersect(Rect::new(0, 0, grid.columns.into(), grid.rows.into()));
    match (style.glyphs, style.colours) {
        (Glyphs::Ascii, colours) => halves::paint_ascii(dots, cells, colours, grid),
        (Glyphs::Halves, colours) => halves::paint(dots, cells, colours, grid),
        (Glyphs::Quadrants, colours) => blocks::paint::<4>(dots, cells, colours, grid),
        (Glyphs::Sextants, colours) => blocks::paint::<6>(dots, cells, colours, grid),
        (Glyphs::Octants, colours) => blocks::paint::<8>(dots, cells, colours, grid),
    }
    cells
}

/// The cells that hold some of these dots.
fn cells_of(dots: Rect, cell: Size) -> Rect {
    let (wide, high) = (cell.width as i32, cell.height as i32);
    Rect::new(
        dots.left / wide,
        dots.top / high,
        (dots.right + wide - 1) / wide,
        (dots.bottom + high - 1) / high,
    )
}

/// 0 to 255, weighted as eyes do (ITU-R BT.709).
fn lightness([r, g, b]: Rgb) -> u16 {
    ((54 * u32::from(r) + 183 * u32::from(g) + 19 * u32::from(b)) / 256) as u16
}

/// Shades from dark to light.
const SHADES: &[char] = &[' ', '░', '▒', '▓', '█'];

/// Least difference of lightness, of 255, that is an edge and not a shade.
const EDGE: u16 = 96;

/// The step of a ramp that stands for a sum of `count` lightnesses.
fn shade(sum: u16, count: u16, ramp: &[char]) -> char {
    let step = usize::from(sum) * ramp.len() / (usize::from(count) * 255 + 1);
    ramp[step.min(ramp.len() - 1)]
}
