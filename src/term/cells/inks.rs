//! Colours as a terminal can show them.

use super::Rgb;
use crate::term::{Cell, Ink, palette};

/// A colour for a terminal that shows them all: the nearest of 32 levels a component, or a grey of the xterm palette where all
/// components are no more than [`AS_GREY`] away from it. Text is mostly grey, and an entry takes half the bytes of three levels.
#[inline]
pub(super) fn snapped(rgb: Rgb) -> Ink {
    let [r, g, b] = rgb;
    let (low, high) = (r.min(g).min(b), r.max(g).max(b));
    // The ramp's levels are 8 + 10 n for n below 24.
    let middle = low.midpoint(high);
    let n = middle.saturating_sub(8 - AS_GREY) / 10;
    let level = (8 + 10 * u16::from(n)) as i16;
    if n < 24
        && level - i16::from(low) <= AS_GREY.into()
        && i16::from(high) - level <= AS_GREY.into()
    {
        return Ink::Indexed(232 + n);
    }
    let [r, g, b] = rgb.map(|c| SNAPPED[usize::from(c)]);
    Ink::Rgb(r, g, b)
}

/// Half the step of the palette's greys, so that every grey between them has one.
const AS_GREY: u8 = 5;

/// The nearest of the 240 colours that users do not change.
pub(super) fn of_256([r, g, b]: Rgb) -> Ink {
    Ink::Indexed(palette::nearest_256(r, g, b))
}

/// The nearest of the first sixteen.
pub(super) fn of_16([r, g, b]: Rgb) -> Ink {
    Ink::Indexed(palette::nearest_16(r, g, b))
}

/// At most 4 levels away, which blocks do not show, and a fifth fewer bytes (bench term).
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

/// The cell with colours that stand out from its own, as a mouse pointer does. `None` when it has the terminal's own colours,
/// which only the terminal can exchange.
pub fn inverted(cell: Cell) -> Option<Cell> {
    match (cell.fore, cell.back) {
        (Ink::Default, Ink::Default) => None,
        // A half block at the end of the picture: its colour is enough.
        (fore, Ink::Default) => Some(Cell {
            fore: contrast(fore),
            ..cell
        }),
        (fore, back) => Some(Cell {
            fore: contrast(fore),
            back: contrast(back),
            ..cell
        }),
    }
}

fn contrast(ink: Ink) -> Ink {
    match ink {
        Ink::Default => Ink::Default,
        Ink::Rgb(r, g, b) => {
            let [r, g, b] = opposite([r, g, b]);
            Ink::Rgb(r, g, b)
        }
        Ink::Indexed(n @ 0..=15) => of_16(opposite(palette::rgb(n))),
        Ink::Indexed(n) => of_256(opposite(palette::rgb(n))),
    }
}

/// The complement, or white where that would be nearly the same.
fn opposite(rgb: Rgb) -> Rgb {
    const NEAR: u8 = 64;
    let complement = rgb.map(|c| 255 - c);
    let near = rgb
        .iter()
        .zip(complement)
        .all(|(a, b)| a.abs_diff(b) < NEAR);
    if near { [255; 3] } else { complement }
}
