//! Four, six or eight dots a cell in two colours: quadrants, sextants, octants.
//!
//! The two colours come from one step of clustering: the dots are divided at the middle of the component that varies most, each
//! group is averaged, each dot goes to the nearer average, and the groups are averaged again. More steps hardly change anything.

use super::{EDGE, Rgb, SHADES, glyphs, inks, lightness, shade};
use crate::geometry::Rect;
use crate::pixels::PixelView;
use crate::term::{Cell, Colours, Grid, Ink, Raster};

/// Paints cells of `N` dots in two columns.
pub(super) fn paint<const N: usize>(
    dots: PixelView<'_>,
    cells: Rect,
    colours: Colours,
    grid: &mut Grid,
) {
    match colours {
        Colours::True => each::<N>(dots, cells, grid, |dots| coloured(dots, inks::snapped)),
        Colours::Palette256 => each::<N>(dots, cells, grid, |dots| coloured(dots, inks::of_256)),
        Colours::Palette16 => each::<N>(dots, cells, grid, |dots| coloured(dots, inks::of_16)),
        Colours::None => each::<N>(dots, cells, grid, by_shape),
    }
}

/// A dot: bytes B, G, R, X.
type Dot = [u8; 4];

const fn raster<const N: usize>() -> Raster {
    match N {
        4 => Raster::QUADRANTS,
        6 => Raster::SEXTANTS,
        _ => Raster::OCTANTS,
    }
}

fn each<const N: usize>(
    dots: PixelView<'_>,
    cells: Rect,
    grid: &mut Grid,
    cell_of: impl Fn(&[Dot; N]) -> Cell,
) {
    let last_row = dots.size.height.saturating_sub(1);
    let columns = cells.left as usize..cells.right as usize;
    for row in cells.top as u16..cells.bottom as u16 {
        let first = u32::from(row) * (N / 2) as u32;
        let lines: [&[Dot]; 4] = std::array::from_fn(|y| {
            let line = dots.row((first + y as u32).min(last_row));
            line.as_chunks().0
        });
        let pairs: [&[[Dot; 2]]; 4] = lines.map(|line| line.as_chunks().0);
        let target = grid.row_mut(row).get_mut(columns.clone());
        for (cell, column) in target.unwrap_or_default().iter_mut().zip(columns.clone()) {
            let pair = |y: usize| match pairs[y].get(column) {
                Some(pair) => *pair,
                // The picture ends within this cell.
                None => [lines[y].last().copied().unwrap_or_default(); 2],
            };
            let block: [[Dot; 2]; 4] = std::array::from_fn(|y| match y < N / 2 {
                true => pair(y),
                false => [Dot::default(); 2],
            });
            *cell = cell_of(&std::array::from_fn(|at| block[at / 2][at % 2]));
        }
    }
}

fn coloured<const N: usize>(dots: &[Dot; N], ink: impl Fn(Rgb) -> Ink) -> Cell {
    // Most cells of a desktop are of one colour.
    let word = |dot: Dot| u32::from_le_bytes(dot) & 0x00ff_ffff;
    if dots.iter().all(|dot| word(*dot) == word(dots[0])) {
        let [b, g, r, _] = dots[0];
        return blank(ink([r, g, b]));
    }
    let Split {
        pattern,
        fore,
        back,
    } = split(dots);
    let (fore, back) = (ink(fore), ink(back));
    if fore == back {
        return blank(back);
    }
    Cell {
        glyph: glyphs::of_pattern(raster::<N>(), pattern),
        fore,
        back,
    }
}

/// Named twice, so that equal cells compare equal.
fn blank(ink: Ink) -> Cell {
    Cell {
        glyph: ' ',
        fore: ink,
        back: ink,
    }
}

/// Dots in two colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Split {
    /// The dots of the first colour.
    pattern: u8,
    fore: Rgb,
    back: Rgb,
}

fn split<const N: usize>(dots: &[Dot; N]) -> Split {
    // 16 bits: the least that the sums need, and twice as many at a time as with 32.
    let planes: [[i16; N]; 3] =
        [2, 1, 0].map(|component| std::array::from_fn(|at| i16::from(dots[at][component])));
    let extremes = planes.map(|plane| {
        let ends = (plane[0], plane[0]);
        plane
            .iter()
            .fold(ends, |(low, high), c| (low.min(*c), high.max(*c)))
    });
    let range = |at: usize| extremes[at].1 - extremes[at].0;
    // The first of equals.
    let widest = match (range(0), range(1), range(2)) {
        (r, g, b) if r >= g && r >= b => 0,
        (_, g, b) if g >= b => 1,
        _ => 2,
    };
    let (low, high) = extremes[widest];
    let rough = planes[widest].map(|c| -i16::from(2 * c > low + high));
    let [fore, back] = averages(&planes, &rough);

    // |dot − back|² > |dot − fore|², without the squares of the dot.
    let axis: [i32; 3] = std::array::from_fn(|at| fore[at] - back[at]);
    let middle: i32 = (0..3)
        .map(|at| fore[at] * fore[at] - back[at] * back[at])
        .sum();
    let [r, g, b] = &planes;
    let fine: [i16; N] = std::array::from_fn(|at| {
        let along =
            axis[0] * i32::from(r[at]) + axis[1] * i32::from(g[at]) + axis[2] * i32::from(b[at]);
        -i16::from(2 * along > middle)
    });
    let [fore, back] = match fine == rough {
        true => [fore, back],
        false => averages(&planes, &fine),
    };
    let bit = |at: usize| u8::from(fine[at] != 0) << at;
    Split {
        pattern: (0..N).fold(0, |pattern, at| pattern | bit(at)),
        fore: fore.map(|c| c as u8),
        back: back.map(|c| c as u8),
    }
}

/// The averages of the dots that are in and of those that are not, rounded; 0 for no dots. `inside` is −1 for those that are.
fn averages<const N: usize>(planes: &[[i16; N]; 3], inside: &[i16; N]) -> [[i32; 3]; 2] {
    let count = -i32::from(inside.iter().sum::<i16>());
    let rest = N as i32 - count;
    let sums = planes.map(|plane| {
        let all: i16 = plane.iter().sum();
        let within: i16 = plane.iter().zip(inside).map(|(c, inside)| c & inside).sum();
        [i32::from(within), i32::from(all - within)]
    });
    [
        sums.map(|[within, _]| divided(within, count)),
        sums.map(|[_, without]| divided(without, rest)),
    ]
}

/// `sum / count`, rounded, for sums of up to eight bytes.
fn divided(sum: i32, count: i32) -> i32 {
    /// ⌈2¹⁶ / n⌉: exact while the sum times what it is too large by, less than 8, is less than 2¹⁶.
    const INVERSE: [i32; 9] = [0, 65536, 32768, 21846, 16384, 13108, 10923, 9363, 8192];
    ((sum + count / 2) * INVERSE[count as usize]) >> 16
}

/// Blocks where the dots differ much, which keeps edges sharp; shades elsewhere.
fn by_shape<const N: usize>(dots: &[Dot; N]) -> Cell {
    let lights: [u16; N] = dots.map(|[b, g, r, _]| lightness([r, g, b]));
    let low = lights.iter().copied().min().unwrap_or_default();
    let high = lights.iter().copied().max().unwrap_or_default();
    let glyph = if high - low >= EDGE {
        let light = |at: usize| u8::from(2 * lights[at] > low + high);
        let pattern = (0..N).fold(0, |pattern, at| pattern | light(at) << at);
        glyphs::of_pattern(raster::<N>(), pattern)
    } else {
        shade(lights.iter().sum(), N as u16, SHADES)
    };
    Cell {
        glyph,
        ..Cell::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, step by step as the words above say.
    fn plainly<const N: usize>(dots: &[Dot; N]) -> Split {
        let rgb = dots.map(|[b, g, r, _]| [r, g, b]);
        let range = |at: usize| {
            let of = rgb.map(|dot| dot[at]);
            (*of.iter().min().unwrap(), *of.iter().max().unwrap())
        };
        let width = |at: usize| range(at).1 - range(at).0;
        let widest = (0..3).rev().max_by_key(|at| width(*at)).unwrap();
        let middle = (f64::from(range(widest).0) + f64::from(range(widest).1)) / 2.0;
        let mut group = rgb.map(|dot| f64::from(dot[widest]) > middle);
        let average = |group: &[bool; N], wanted: bool| -> [f64; 3] {
            let members: Vec<Rgb> = (0..N)
                .filter(|at| group[*at] == wanted)
                .map(|at| rgb[at])
                .collect();
            std::array::from_fn(|at| {
                let sum: f64 = members.iter().map(|dot| f64::from(dot[at])).sum();
                (sum / members.len() as f64).round()
            })
        };
        let (fore, back) = (average(&group, true), average(&group, false));
        let distance = |dot: Rgb, colour: [f64; 3]| -> f64 {
            (0..3)
                .map(|at| (f64::from(dot[at]) - colour[at]).powi(2))
                .sum()
        };
        group = rgb.map(|dot| distance(dot, fore) < distance(dot, back));
        let bytes = |colour: [f64; 3]| colour.map(|c| c as u8);
        Split {
            pattern: (0..N).map(|at| u8::from(group[at]) << at).sum(),
            fore: bytes(average(&group, true)),
            back: bytes(average(&group, false)),
        }
    }

    fn compare<const N: usize>(rounds: u32) {
        let mut state = 0x2545_f491_u32;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        for _ in 0..rounds {
            // From nearly flat to anything.
            let (base, spread) = (
                next(),
                [0x0101_0101, 0x0707_0707, 0x3f3f_3f3f, !0][next() as usize % 4],
            );
            let dots: [Dot; N] =
                std::array::from_fn(|_| ((base & !spread) | (next() & spread)).to_le_bytes());
            assert_eq!(split(&dots), plainly(&dots), "{dots:?}");
        }
    }

    #[test]
    fn the_two_colours_are_those_of_the_plain_way() {
        compare::<4>(20_000);
        compare::<6>(20_000);
        compare::<8>(20_000);
    }
}
