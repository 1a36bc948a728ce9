//! Dots as character cells: two dots a cell, the upper one on top of the lower one.

use super::{Cell, Colours, Glyphs, Grid, Ink, Style, palette};
use crate::geometry::Rect;
use crate::pixels::PixelView;

/// Paints the changed dots, and whatever shares a cell with them. The rectangle of cells that was painted.
///
/// `dots` holds bytes B, G, R, X; `grid` is as wide as it and half as high, rounded up. A cell whose lower dot is
/// below the picture shows the terminal's own background there.
pub fn paint(dots: PixelView<'_>, changed: Rect, style: Style, grid: &mut Grid) -> Rect {
    let changed = changed.intersect(dots.size.to_rect());
    let cells = Rect::new(
        changed.left,
        changed.top / 2,
        changed.right,
        (changed.bottom + 1) / 2,
    )
    .intersect(Rect::new(0, 0, grid.columns.into(), grid.rows.into()));
    let columns = cells.left as usize..cells.right as usize;
    for row in cells.top as u16..cells.bottom as u16 {
        let first = u32::from(row) * 2;
        let upper = dots_of(dots.row(first), &columns);
        let target = grid
            .row_mut(row)
            .get_mut(columns.clone())
            .unwrap_or_default();
        if first + 1 < dots.size.height {
            let lower = dots_of(dots.row(first + 1), &columns);
            for ((cell, upper), lower) in target.iter_mut().zip(upper).zip(lower) {
                *cell = paint_cell(upper, Some(lower), style);
            }
        } else {
            for (cell, upper) in target.iter_mut().zip(upper) {
                *cell = paint_cell(upper, None, style);
            }
        }
    }
    cells
}

type Rgb = [u8; 3];

fn dots_of<'a>(
    row: &'a [u8],
    columns: &std::ops::Range<usize>,
) -> impl Iterator<Item = Rgb> + use<'a> {
    row.get(columns.start * 4..columns.end * 4)
        .unwrap_or(&[])
        .chunks_exact(4)
        .map(|p| [p[2], p[1], p[0]])
}

fn paint_cell(upper: Rgb, lower: Option<Rgb>, style: Style) -> Cell {
    let ink: fn(Rgb) -> Ink = match (style.glyphs, style.colours) {
        (Glyphs::Ascii, _) => return by_lightness(upper, lower, ASCII),
        (_, Colours::None) => return by_halves(upper, lower),
        (_, Colours::True) => |rgb| {
            let [r, g, b] = rgb.map(|c| SNAPPED[usize::from(c)]);
            Ink::Rgb(r, g, b)
        },
        (_, Colours::Palette256) => |[r, g, b]| Ink::Indexed(palette::nearest_256(r, g, b)),
        (_, Colours::Palette16) => |[r, g, b]| Ink::Indexed(palette::nearest_16(r, g, b)),
    };
    let (upper, lower) = (ink(upper), lower.map_or(Ink::Default, ink));
    Cell {
        // A blank needs only one colour; it is named twice, so that equal cells compare equal.
        glyph: if upper == lower { ' ' } else { '▀' },
        fore: upper,
        back: lower,
    }
}

/// The nearest of 32 levels: at most 4 away, which half blocks do not show, and a fifth fewer bytes (bench term).
const SNAPPED: [u8; 256] = {
    let mut levels = [0; 256];
    let mut value = 0;
    while value < 256 {
        let step = (value * 31 + 127) / 255;
        levels[value] = ((step * 255 + 15) / 31) as u8;
        value += 1;
    }
    levels
};

/// Characters from dark to light. The lightest is not the end of a scale of ink: `@` reads better as a filled cell than
/// `M` or `W`.
const ASCII: &[char] = &[' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
const SHADES: &[char] = &[' ', '░', '▒', '▓', '█'];

fn by_lightness(upper: Rgb, lower: Option<Rgb>, ramp: &[char]) -> Cell {
    let both = lightness(upper) + lower.map_or(0, lightness);
    let step = usize::from(both) * ramp.len() / 511;
    Cell {
        glyph: ramp[step.min(ramp.len() - 1)],
        ..Cell::default()
    }
}

/// Half blocks where the two dots differ much, which keeps edges sharp; shades elsewhere.
fn by_halves(upper: Rgb, lower: Option<Rgb>) -> Cell {
    const EDGE: i16 = 96;
    let difference = lightness(upper) as i16 - lower.map_or(0, lightness) as i16;
    let glyph = match difference {
        EDGE.. => '▀',
        ..=-96 => '▄',
        _ => return by_lightness(upper, lower, SHADES),
    };
    Cell {
        glyph,
        ..Cell::default()
    }
}

/// 0 to 255, weighted as eyes do (ITU-R BT.709).
fn lightness([r, g, b]: Rgb) -> u16 {
    ((54 * u32::from(r) + 183 * u32::from(g) + 19 * u32::from(b)) / 256) as u16
}
