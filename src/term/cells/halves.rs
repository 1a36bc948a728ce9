//! Two dots a cell, the upper one on top of the lower one: half blocks, and ASCII characters by their lightness.

use super::{EDGE, Rgb, SHADES, inks, lightness, shade};
use crate::geometry::Rect;
use crate::pixels::PixelView;
use crate::term::{Cell, Colours, Grid, Ink};

/// Paints cells with half blocks.
pub(super) fn paint(dots: PixelView<'_>, cells: Rect, colours: Colours, grid: &mut Grid) {
    match colours {
        Colours::True => each(dots, cells, grid, |u, l| halves(u, l, inks::snapped)),
        Colours::Palette256 => each(dots, cells, grid, |u, l| halves(u, l, inks::of_256)),
        Colours::Palette16 => each(dots, cells, grid, |u, l| halves(u, l, inks::of_16)),
        Colours::None => each(dots, cells, grid, by_shape),
    }
}

/// Paints cells with ASCII characters.
pub(super) fn paint_ascii(dots: PixelView<'_>, cells: Rect, colours: Colours, grid: &mut Grid) {
    match colours {
        Colours::True => each(dots, cells, grid, |u, l| letter(u, l, inks::snapped)),
        Colours::Palette256 => each(dots, cells, grid, |u, l| letter(u, l, inks::of_256)),
        Colours::Palette16 => each(dots, cells, grid, |u, l| letter(u, l, inks::of_16)),
        Colours::None => each(dots, cells, grid, |u, l| letter(u, l, |_| Ink::Default)),
    }
}

fn each(
    dots: PixelView<'_>,
    cells: Rect,
    grid: &mut Grid,
    cell_of: impl Fn(Rgb, Option<Rgb>) -> Cell,
) {
    let columns = cells.left as usize..cells.right as usize;
    for row in cells.top as u16..cells.bottom as u16 {
        let first = u32::from(row) * 2;
        let upper = dots_of(dots.row(first), &columns);
        let target = grid.row_mut(row).get_mut(columns.clone());
        let target = target.unwrap_or_default();
        if first + 1 < dots.size.height {
            let lower = dots_of(dots.row(first + 1), &columns);
            for ((cell, upper), lower) in target.iter_mut().zip(upper).zip(lower) {
                *cell = cell_of(upper, Some(lower));
            }
        } else {
            for (cell, upper) in target.iter_mut().zip(upper) {
                *cell = cell_of(upper, None);
            }
        }
    }
}

fn dots_of<'a>(
    row: &'a [u8],
    columns: &std::ops::Range<usize>,
) -> impl Iterator<Item = Rgb> + use<'a> {
    row.get(columns.start * 4..columns.end * 4)
        .unwrap_or(&[])
        .chunks_exact(4)
        .map(|p| [p[2], p[1], p[0]])
}

fn halves(upper: Rgb, lower: Option<Rgb>, ink: impl Fn(Rgb) -> Ink) -> Cell {
    let (upper, lower) = (ink(upper), lower.map_or(Ink::Default, ink));
    Cell {
        // A blank needs only one colour; it is named twice, so that equal cells compare equal.
        glyph: if upper == lower { ' ' } else { '▀' },
        fore: upper,
        back: lower,
    }
}

/// Half blocks where the two dots differ much, which keeps edges sharp; shades elsewhere.
fn by_shape(upper: Rgb, lower: Option<Rgb>) -> Cell {
    let (upper, lower) = (lightness(upper), lower.map_or(0, lightness));
    let glyph = match upper.abs_diff(lower) {
        EDGE.. if upper > lower => '▀',
        EDGE.. => '▄',
        _ => shade(upper + lower, 2, SHADES),
    };
    Cell {
        glyph,
        ..Cell::default()
    }
}

/// Characters from dark to light. The lightest is not the end of a scale of ink: `@` reads better as a filled cell than
/// `M` or `W`.
const ASCII: &[char] = &[' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// A character as light as the dots, in the hue of both: how light they are is said by the character alone.
fn letter(upper: Rgb, lower: Option<Rgb>, ink: impl Fn(Rgb) -> Ink) -> Cell {
    let below = lower.unwrap_or([0; 3]);
    let glyph = shade(lightness(upper) + lightness(below), 2, ASCII);
    if glyph == ' ' {
        return Cell::default();
    }
    let sums: [u16; 3] = std::array::from_fn(|i| u16::from(upper[i]) + u16::from(below[i]));
    let most = sums.into_iter().max().unwrap_or_default().max(1);
    // A component is at most the greatest one.
    let hue = sums.map(|sum| (u32::from(sum) * 255 / u32::from(most)) as u8);
    Cell {
        glyph,
        fore: ink(hue),
        back: Ink::Default,
    }
}
