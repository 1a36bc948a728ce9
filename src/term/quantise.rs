//! Choosing the few colours that stand for many.
//!
//! Drawn things come out exactly: a picture of few enough colours as a whole, and of any other the colours that are frequent by
//! themselves. What is left is split where it varies most. A palette is kept as long as it does about as well as on the
//! picture it was made for, so that the same colours look the same from frame to frame; one that holds every colour only grows.

use super::at_once::at_once;
use crate::geometry::Rect;
use crate::pixels::PixelView;

/// Bytes of a dot: B, G, R, X.
const DOT: usize = 4;

/// Dots that are looked up together.
const BLOCK: usize = 4;

/// Dots whose cells are found out together.
const CHUNK: usize = 256;

/// Colours are told apart by 5, 6 and 5 bits.
const CELLS: usize = 1 << 16;

/// In a lookup: nobody has asked yet.
const UNKNOWN: u16 = u16::MAX;

/// In a lookup: several entries are of this cell, chained by [`Quantiser::next`]; the lower byte is the last of them.
const SEVERAL: u16 = 0x100;

/// No word of a colour.
const NO_COLOUR: u32 = u32::MAX;

/// A colour is frequent from this part of all dots on.
const FREQUENT: u64 = 2048;

/// Dots from which on a second thread maps half of them: starting it takes as long as some ten thousands.
const WORTH_A_THREAD: u64 = 1 << 18;

/// Mean squared error by which a kept palette may be worse than when it was new: a step of one level a component.
const TOLERANCE: u64 = 3;

/// Squared distance of a dot to its entry that is usual: four levels a component.
const NEAR: u64 = 48;

/// A palette, and which of its entries is nearest to a colour.
pub struct Quantiser {
    most: usize,
    /// Mean squared error below which no more colours are added.
    enough: f64,
    palette: Vec<[u8; 3]>,
    /// By cell: the nearest entry.
    nearest: Box<[u16; CELLS]>,
    /// Scratch: the same of a second thread.
    other: Option<Box<[u16; CELLS]>>,
    /// By entry: an earlier one of the same cell. INVARIANT: as long as the palette.
    next: Vec<Option<u8>>,
    /// Every colour of what the palette was made for, when it holds them all.
    every: Option<Distinct>,
    /// Mean squared error on the picture the palette was made for.
    error: u64,
    /// Scratch: by cell.
    counts: Vec<Cell>,
}

/// Dots whose colours are of one cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    count: u32,
    /// The colour most of them have, if most have one at all, as a word B, G, R, 0.
    usual: u32,
    /// By how many dots it leads.
    lead: u32,
}

/// A colour to be stood for, and how often it is.
type Weighted = ([u8; 3], u64);

impl Quantiser {
    /// A quantiser to at most so many colours, from 2 to 256, without a palette.
    pub fn new(colours: u16) -> Self {
        Self {
            most: usize::from(colours).clamp(2, 256),
            enough: 0.0,
            palette: Vec::new(),
            nearest: Box::new([UNKNOWN; CELLS]),
            other: None,
            next: Vec::new(),
            every: None,
            error: 0,
            counts: Vec::new(),
        }
    }

    /// The same, but of no more colours than needed for about this mean squared error, the sum over three components. Pictures
    /// of few colours stay exact.
    pub fn content_with(self, enough: f64) -> Self {
        Self { enough, ..self }
    }

    /// Red, green and blue by entry.
    pub fn palette(&self) -> &[[u8; 3]] {
        &self.palette
    }

    /// Whether it has every colour of what the palette was made for.
    pub fn is_exact(&self) -> bool {
        self.every.is_some()
    }

    /// Whether an entry is about as near to a dot, bytes B, G, R, X, as entries are to the dots of what the palette was made for.
    pub fn is_near(&self, entry: u8, dot: [u8; DOT]) -> bool {
        let (word, limit) = (word(dot), NEAR.max(self.error * 4));
        let colour = self.palette.get(usize::from(entry));
        colour.is_some_and(|colour| {
            cell_of(word) == cell_of(word_of(*colour)) || distance(*colour, rgb(word)) <= limit
        })
    }

    /// Sees to it that the palette suits a part of a picture: bytes B, G, R, X. `true` when it is another one, or a longer one.
    pub fn fit(&mut self, picture: PixelView<'_>, area: Rect) -> bool {
        let area = area.intersect(picture.size.to_rect());
        if area.is_empty() || picture.format.bytes() != DOT {
            return false;
        }
        if let Some(mut every) = self.every.take() {
            let known = every.words.len();
            if every.add_all(picture, area, self.most) {
                every.words[known..].iter().for_each(|word| self.add(*word));
                let grown = every.words.len() > known;
                self.every = Some(every);
                return grown;
            }
        }
        if !self.palette.is_empty()
            && self.error_on(picture, area) <= self.error * 3 / 2 + TOLERANCE
        {
            return false;
        }
        self.palette.clear();
        self.next.clear();
        self.nearest.fill(UNKNOWN);
        let mut every = Distinct::default();
        if every.add_all(picture, area, self.most) {
            every.words.iter().for_each(|word| self.add(*word));
            (self.every, self.error) = (Some(every), 0);
        } else {
            self.count(picture, area);
            self.build();
            self.error = self.error_on(picture, area);
        }
        true
    }

    /// Appends the nearest entry for each dot, 4 bytes each.
    pub fn map(&mut self, dots: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + dots.len() / DOT, 0);
        self.lookup().map(dots, &mut out[start..]);
    }

    /// Replaces `out` by the nearest entries of a part of a picture, row by row: bytes B, G, R, X. Two threads do it where that is
    /// worth it.
    pub fn map_part(&mut self, picture: PixelView<'_>, part: Rect, out: &mut Vec<u8>) {
        let part = part.intersect(picture.size.to_rect());
        out.clear();
        if part.is_empty() || picture.format.bytes() != DOT {
            return;
        }
        out.resize(part.area() as usize, 0);
        let map = |mut lookup: Lookup<'_>, top: i32, out: &mut [u8]| {
            for (y, target) in (top..).zip(out.chunks_exact_mut(part.width() as usize)) {
                lookup.map(row(picture, y, part).as_flattened(), target);
            }
        };
        if part.area() < WORTH_A_THREAD || part.height() < 2 {
            return map(self.lookup(), part.top, out);
        }
        let half = part.height() / 2;
        let (upper, lower) = out.split_at_mut(half as usize * part.width() as usize);
        let mut other = self.other.take().unwrap_or(Box::new([UNKNOWN; CELLS]));
        other.copy_from_slice(&self.nearest[..]);
        let Self {
            palette,
            next,
            nearest,
            ..
        } = self;
        at_once(
            || {
                map(
                    Lookup {
                        palette,
                        next,
                        nearest,
                    },
                    part.top,
                    upper,
                )
            },
            || {
                let lookup = Lookup {
                    palette,
                    next,
                    nearest: &mut other,
                };
                map(lookup, part.top + half as i32, lower);
            },
        );
        // What both know is the same, and what is unknown is greater than all.
        for (known, other) in nearest.iter_mut().zip(other.iter()) {
            *known = (*known).min(*other);
        }
        self.other = Some(other);
    }

    fn lookup(&mut self) -> Lookup<'_> {
        Lookup {
            palette: &self.palette,
            next: &self.next,
            nearest: &mut self.nearest,
        }
    }

    /// Adds an entry.
    fn add(&mut self, word: u32) {
        let (cell, entry) = (cell_of(word), self.palette.len() as u16);
        let earlier = match self.nearest[cell] {
            UNKNOWN => None,
            // What stood for the cell so far may lie in another one.
            known => {
                let earlier = known as u8;
                let own = self.palette[usize::from(earlier)];
                (cell_of(word_of(own)) == cell).then_some(earlier)
            }
        };
        self.nearest[cell] = match earlier {
            None => entry,
            Some(_) => entry | SEVERAL,
        };
        self.palette.push(rgb(word));
        self.next.push(earlier);
    }

    /// Mean squared error: of every dot of a small area, of every eighth of every eighth row of a large one.
    fn error_on(&mut self, picture: PixelView<'_>, area: Rect) -> u64 {
        let (mut sum, mut dots) = (0, 0);
        let step = if area.area() > 1 << 14 { 8 } else { 1 };
        let mut lookup = self.lookup();
        for y in (area.top..area.bottom).step_by(step) {
            for dot in row(picture, y, area).iter().step_by(step) {
                let word = word(*dot);
                let entry = lookup.entry_of(word);
                sum += distance(lookup.palette[usize::from(entry)], rgb(word));
                dots += 1;
            }
        }
        sum / dots.max(1)
    }

    /// Counts colours, of every second row when there are many.
    fn count(&mut self, picture: PixelView<'_>, area: Rect) {
        self.counts.clear();
        self.counts.resize(CELLS, Cell::default());
        let step = if area.area() > 1 << 18 { 2 } else { 1 };
        for y in (area.top..area.bottom).step_by(step) {
            for dot in row(picture, y, area) {
                let word = word(*dot);
                let cell = &mut self.counts[cell_of(word)];
                cell.count += 1;
                if cell.usual == word {
                    cell.lead += 1;
                } else if cell.lead == 0 {
                    (cell.usual, cell.lead) = (word, 1);
                } else {
                    cell.lead -= 1;
                }
            }
        }
    }

    fn build(&mut self) {
        let all: u64 = self.counts.iter().map(|cell| u64::from(cell.count)).sum();
        let mut cells: Vec<(usize, Cell)> = (0..).zip(self.counts.iter().copied()).collect();
        cells.retain(|(_, cell)| cell.count > 0);
        // The most frequent first; among equals the lower one.
        cells.sort_by_key(|(at, cell)| (std::cmp::Reverse(cell.count), *at));
        let few = cells.len() <= self.most;
        let mut rest: Vec<Weighted> = Vec::new();
        for (_, cell) in cells {
            let frequent = u64::from(cell.count) > all / FREQUENT
                && cell.lead * 2 > cell.count
                && self.palette.len() < self.most / 2;
            if few || frequent {
                self.add(cell.usual);
            } else {
                rest.push((rgb(cell.usual), cell.count.into()));
            }
        }
        let left = self.most - self.palette.len();
        for colour in split(&mut rest, left, self.enough * all as f64) {
            self.add(word_of(colour));
        }
    }
}

/// Which entry is nearest, found out when it is first asked for.
struct Lookup<'a> {
    palette: &'a [[u8; 3]],
    next: &'a [Option<u8>],
    nearest: &'a mut [u16; CELLS],
}

impl Lookup<'_> {
    /// Replaces `out` by the nearest entry for each dot, 4 bytes each.
    fn map(&mut self, dots: &[u8], out: &mut [u8]) {
        let dots = dots.as_chunks::<DOT>().0;
        let mut cells = [0; CHUNK];
        for (dots, out) in dots.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
            // A loop by itself, of which the processor does several turns at once.
            for (cell, dot) in cells.iter_mut().zip(dots) {
                // There are as many cells as such numbers.
                *cell = cell_of(word(*dot)) as u16;
            }
            self.map_chunk(dots, &cells, out);
        }
    }

    /// The same of a chunk whose cells are known.
    fn map_chunk(&mut self, dots: &[[u8; DOT]], cells: &[u16; CHUNK], out: &mut [u8]) {
        let (blocks, rest) = dots.as_chunks::<BLOCK>();
        let (targets, last_target) = out.as_chunks_mut::<BLOCK>();
        let (mut last, mut entry) = (NO_COLOUR, 0);
        for ((block, cells), target) in blocks.iter().zip(cells.as_chunks().0).zip(targets) {
            let words = block.map(word);
            // Not by comparing arrays, which would go through memory.
            if words.iter().fold(0, |all, word| all | (word ^ last)) == 0 {
                *target = [entry; BLOCK];
                continue;
            }
            // Looked up all at once, and then one by one only what that did not tell.
            let found: [u16; BLOCK] = cells.map(|cell| self.nearest[usize::from(cell)]);
            *target = found.map(|found| found as u8);
            if found.iter().fold(0, |all, found| all | found) >= SEVERAL {
                for at in (0..BLOCK).filter(|at| found[*at] >= SEVERAL) {
                    target[at] = self.entry_of(words[at]);
                }
            }
            (last, entry) = (words[BLOCK - 1], target[BLOCK - 1]);
        }
        for (dot, target) in rest.iter().zip(last_target) {
            *target = self.entry_of(word(*dot));
        }
    }

    /// The entry for a word B, G, R, 0.
    #[inline]
    fn entry_of(&mut self, word: u32) -> u8 {
        match self.nearest[cell_of(word)] {
            UNKNOWN => self.find(cell_of(word)),
            known if known < SEVERAL => known as u8,
            chain => self.nearest_of(chain as u8, word),
        }
    }

    fn find(&mut self, cell: usize) -> u8 {
        let entry = nearest(self.palette, centre(cell));
        self.nearest[cell] = entry;
        entry as u8
    }

    /// The nearest of a chain of entries, the latest among equals.
    fn nearest_of(&self, first: u8, word: u32) -> u8 {
        let far = |entry: u8| distance(self.palette[usize::from(entry)], rgb(word));
        std::iter::successors(Some(first), |entry| self.next[usize::from(*entry)])
            .min_by_key(|entry| far(*entry))
            .unwrap_or(first)
    }
}

/// Up to 256 colours, in the order they were found.
#[derive(Default)]
struct Distinct {
    words: Vec<u32>,
    /// Places by hash, with room for four times as many; empty until one is added.
    table: Vec<u32>,
}

impl Distinct {
    /// Adds every colour of an area; `false` when that makes more than `most`.
    fn add_all(&mut self, picture: PixelView<'_>, area: Rect, most: usize) -> bool {
        self.table.resize(1024, NO_COLOUR);
        let mut last = NO_COLOUR;
        for y in area.top..area.bottom {
            for dot in row(picture, y, area) {
                let word = word(*dot);
                if word != last {
                    last = word;
                    self.add(word);
                    if self.words.len() > most {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn add(&mut self, word: u32) {
        let mut at = (word.wrapping_mul(0x9e37_79b1) >> 22) as usize;
        while self.table[at] != word {
            if self.table[at] == NO_COLOUR {
                self.table[at] = word;
                self.words.push(word);
                return;
            }
            at = (at + 1) % self.table.len();
        }
    }
}

/// A dot as a word B, G, R, 0.
#[inline]
fn word(dot: [u8; DOT]) -> u32 {
    u32::from_le_bytes(dot) & 0x00ff_ffff
}

/// Red, green and blue of a word B, G, R, X.
#[inline]
fn rgb(word: u32) -> [u8; 3] {
    let [b, g, r, _] = word.to_le_bytes();
    [r, g, b]
}

fn word_of([r, g, b]: [u8; 3]) -> u32 {
    u32::from_le_bytes([b, g, r, 0])
}

/// The dots of row `y` between the edges of an area.
fn row<'a>(picture: PixelView<'a>, y: i32, area: Rect) -> &'a [[u8; DOT]] {
    &picture.row(y as u32).as_chunks().0[area.left as usize..area.right as usize]
}

/// The cell of a word B, G, R, X.
#[inline]
fn cell_of(word: u32) -> usize {
    ((word >> 8 & 0xf800) | (word >> 5 & 0x07e0) | (word >> 3 & 0x001f)) as usize
}

/// Red, green and blue in the middle of a cell.
fn centre(cell: usize) -> [u8; 3] {
    [
        ((cell >> 11) << 3 | 4) as u8,
        ((cell >> 5 & 0x3f) << 2 | 2) as u8,
        ((cell & 0x1f) << 3 | 4) as u8,
    ]
}

/// Squared distance of two colours.
pub(super) fn distance(a: [u8; 3], b: [u8; 3]) -> u64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(b)).pow(2));
    squares.sum()
}

/// The entry nearest to a colour, the first among equals.
fn nearest(palette: &[[u8; 3]], colour: [u8; 3]) -> u16 {
    let [r, g, b] = colour.map(i32::from);
    let mut best = (i32::MAX, 0);
    for (entry, at) in palette.iter().zip(0..) {
        let [er, eg, eb] = entry.map(i32::from);
        let far = (er - r).pow(2) + (eg - g).pow(2) + (eb - b).pow(2);
        if far < best.0 {
            best = (far, at);
        }
    }
    best.1
}

/// At most `most` colours that stand for all: the set is split, again and again, where that helps most, until the sum of
/// squared errors is no more than `enough`.
fn split(colours: &mut [Weighted], most: usize, enough: f64) -> Vec<[u8; 3]> {
    if colours.is_empty() || most == 0 {
        return Vec::new();
    }
    let mut groups = vec![Group::new(0..colours.len(), colours)];
    let mut error: f64 = groups.iter().map(|group| group.error).sum();
    while groups.len() < most && error > enough {
        let Some((at, _)) = groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.spread > 0.0)
            .max_by(|(_, a), (_, b)| a.spread.total_cmp(&b.spread))
        else {
            break;
        };
        let Group {
            range, axis, mean, ..
        } = groups[at].clone();
        let part = &mut colours[range.clone()];
        let mut below = 0;
        for n in 0..part.len() {
            if f64::from(part[n].0[axis]) <= mean[axis] {
                part.swap(n, below);
                below += 1;
            }
        }
        if below == 0 || below == part.len() {
            groups[at].spread = 0.0;
            continue;
        }
        let middle = range.start + below;
        let [one, other] =
            [range.start..middle, middle..range.end].map(|part| Group::new(part, colours));
        error += one.error + other.error - groups[at].error;
        groups[at] = one;
        groups.push(other);
    }
    groups
        .iter()
        .map(|group| group.mean.map(|c| c.round() as u8))
        .collect()
}

/// Colours that one entry will stand for.
#[derive(Clone)]
struct Group {
    range: std::ops::Range<usize>,
    mean: [f64; 3],
    /// Where it varies most.
    axis: usize,
    /// The sum of squared distances along it.
    spread: f64,
    /// The same of all three.
    error: f64,
}

impl Group {
    fn new(range: std::ops::Range<usize>, colours: &[Weighted]) -> Self {
        let (mut weight, mut sums, mut squares) = (0, [0; 3], [0; 3]);
        for (colour, count) in &colours[range.clone()] {
            weight += count;
            for axis in 0..3 {
                let c = u64::from(colour[axis]);
                sums[axis] += c * count;
                squares[axis] += c * c * count;
            }
        }
        let mean = sums.map(|sum| sum as f64 / weight.max(1) as f64);
        let spread = |axis: usize| squares[axis] as f64 - mean[axis] * sums[axis] as f64;
        let axis = (0..3)
            .max_by(|a, b| spread(*a).total_cmp(&spread(*b)))
            .unwrap_or(0);
        Self {
            range,
            mean,
            axis,
            spread: spread(axis).max(0.0),
            error: (0..3).map(spread).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::{PixelBuf, PixelFormat};

    fn picture(size: Size, word: impl Fn(u32, u32) -> u32) -> PixelBuf {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
        for y in 0..size.height {
            (0..size.width).for_each(|x| picture.set_pixel(x, y, word(x, y)));
        }
        picture
    }

    fn mapped(quantiser: &mut Quantiser, picture: &PixelBuf) -> Vec<[u8; 3]> {
        let mut places = Vec::new();
        quantiser.map(picture.data(), &mut places);
        places
            .iter()
            .map(|place| quantiser.palette()[usize::from(*place)])
            .collect()
    }

    #[test]
    fn few_colours_stay_as_they_are() {
        let words = [0x0012_3456, 0x00ff_ffff, 0x0000_0000, 0x00aa_1020];
        let picture = picture(Size::new(40, 30), |x, y| words[(x * y % 4) as usize]);
        let mut quantiser = Quantiser::new(32);
        assert!(quantiser.fit(picture.view(), picture.size.to_rect()));
        let dots = picture.data().chunks_exact(4);
        let expected: Vec<[u8; 3]> = dots.map(|p| [p[2], p[1], p[0]]).collect();
        assert_eq!(mapped(&mut quantiser, &picture), expected);
    }

    #[test]
    fn colours_a_level_apart_are_not_confused_and_later_ones_join_them() {
        let mut quantiser = Quantiser::new(256);
        for base in [0, 100] {
            let picture = picture(Size::new(10, 10), |x, y| base + x + 10 * y);
            assert!(quantiser.fit(picture.view(), picture.size.to_rect()));
            let dots = picture.data().chunks_exact(4);
            let expected: Vec<[u8; 3]> = dots.map(|p| [p[2], p[1], p[0]]).collect();
            assert_eq!(mapped(&mut quantiser, &picture), expected);
        }
        assert_eq!(quantiser.palette().len(), 200);
    }

    #[test]
    fn a_palette_is_kept_while_it_suits() {
        let blue = picture(Size::new(64, 64), |x, y| x * 4 + (y << 10));
        let red = picture(Size::new(64, 64), |x, y| x << 18 | y << 2);
        let mut quantiser = Quantiser::new(64);
        let whole = blue.size.to_rect();
        assert!(quantiser.fit(blue.view(), whole));
        assert!(!quantiser.fit(blue.view(), Rect::new(8, 8, 40, 40)));
        assert!(quantiser.fit(red.view(), whole));
    }

    #[test]
    fn each_dot_is_mapped_as_it_is_by_itself() {
        // Runs, shades a level apart, and colours of which the palette has none.
        let of = |n: u32| match n / 64 % 3 {
            0 => 0x0040_4040 + n / 5 % 3,
            1 => 0x0080_8080,
            _ => n.wrapping_mul(0x9e37_79b1) >> 8,
        };
        let picture = picture(Size::new(61, 40), |x, y| of(x + y * 61));
        let mut quantiser = Quantiser::new(64);
        quantiser.fit(picture.view(), picture.size.to_rect());
        let mut together = Vec::new();
        quantiser.map(picture.data(), &mut together);
        let mut each = Vec::new();
        for dot in picture.data().chunks_exact(DOT) {
            quantiser.map(dot, &mut each);
        }
        assert_eq!(together, each);
    }

    #[test]
    fn two_threads_map_as_one_does_and_leave_what_they_found() {
        let size = Size::new(640, 500);
        let of = |n: u32| n.wrapping_mul(0x9e37_79b1) >> 9 & 0x007f_7f7f;
        let picture = picture(size, |x, y| of(x / 3 + y * 640));
        let mut quantiser = Quantiser::new(64);
        quantiser.fit(picture.view(), Rect::new(0, 0, 640, 100));
        let mut together = Vec::new();
        assert!(size.area() > WORTH_A_THREAD);
        quantiser.map_part(picture.view(), size.to_rect(), &mut together);
        let unknown = |quantiser: &Quantiser| {
            let unknown = quantiser.nearest.iter().filter(|entry| **entry == UNKNOWN);
            unknown.count()
        };
        let before = unknown(&quantiser);
        let mut alone = Vec::new();
        quantiser.map(picture.data(), &mut alone);
        assert_eq!(together, alone);
        assert_eq!(unknown(&quantiser), before);
    }

    /// A gradient of 4096 colours in 64: an entry stands for 8 × 8 of them, 4 levels apart, hence a mean squared error of
    /// 2 × 4² × (8² − 1) / 12 = 168 at best.
    #[test]
    fn a_gradient_is_split_about_as_well_as_possible() {
        let picture = picture(Size::new(64, 64), |x, y| x * 4 + (y << 10));
        let mut quantiser = Quantiser::new(64);
        quantiser.fit(picture.view(), picture.size.to_rect());
        assert!(quantiser.palette().len() <= 64);
        let dots = picture.data().chunks_exact(4);
        let errors = dots
            .zip(mapped(&mut quantiser, &picture))
            .map(|(p, entry)| distance([p[2], p[1], p[0]], entry));
        let error = errors.sum::<u64>() / 4096;
        assert!(error < 220, "{error}");
    }
}
