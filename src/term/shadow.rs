//! What the terminal shows already, so that only the rest has to be said.
//!
//! Damage says where something was drawn; it need not have changed anything, or may have only moved. A [`Shadow`] is compared
//! with the new picture and answers with [`Changes`]: at most one move of rows, then rectangles that differ.

use std::collections::HashMap;
use std::ops::Range;

use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// Bytes of a dot.
const DOT: usize = 4;

/// Least dots that differ from which on a move is looked for: less is sent sooner than it is found.
const WORTH_A_MOVE: u64 = 4096;

/// Of a dot in the plane: it is shown.
const SHOWN: u8 = 0;
/// It is not, whatever its colour.
const LOST: u8 = 0xff;

/// Rows of equal content that are remembered as sources of a move; a screen of equal lines has no telling row.
const MOST_EQUAL: usize = 4;

/// A plane of dots that the terminal shows.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Rectangles are cut along a grid of this; neither side is 0.
    grain: Size,
    /// What it shows: bytes B, G, R, X; X is not looked at. Empty while that is unknown.
    plane: Vec<u8>,
    size: Size,
    /// By tile, row by row: whether it was drawn less well than it could be.
    coarse: Vec<bool>,
    /// Scratch: tiles that differ.
    differs: Vec<bool>,
}

/// What a painter can do beside drawing rectangles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Rectangles are cut down to the dots that differ instead of reaching from grain to grain.
    pub tight: bool,
    /// Moves of rows it can make.
    pub moves: Moves,
    /// Tiles that were drawn less well than they could be are drawn again.
    pub refine: bool,
}

/// Moves of rows a painter can make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moves {
    /// None.
    #[default]
    None,
    /// Any rectangle, by any number of rows.
    Any,
    /// Whole rows of grains over the full width, by whole grains.
    Grains,
}

/// How to make the old picture the new one: first the move, then the rectangles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// A rectangle whose rows move. What moves in from outside of it is undefined, and covered by rectangles.
    pub moved: Option<Move>,
    /// Rectangles to draw; they do not overlap.
    pub rects: Vec<Rect>,
}

/// Rows that move within a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The rectangle.
    pub area: Rect,
    /// By how many dots: up when positive. Its magnitude is less than the height of the area.
    pub up: i32,
}

impl Shadow {
    /// A terminal of which nothing is known.
    pub fn new(grain: Size) -> Self {
        Self {
            grain: Size::new(grain.width.max(1), grain.height.max(1)),
            plane: Vec::new(),
            size: Size::default(),
            coarse: Vec::new(),
            differs: Vec::new(),
        }
    }

    /// What it shows is no longer known.
    pub fn forget(&mut self) {
        self.size = Size::default();
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.size.is_empty()
    }

    /// Whether some tile was drawn less well than it could be.
    pub fn is_coarse(&self) -> bool {
        self.coarse.contains(&true)
    }

    /// The dots it shows, bytes B, G, R, X; `None` while unknown.
    pub fn view(&self) -> Option<PixelView<'_>> {
        if self.is_unknown() {
            return None;
        }
        let stride = PixelFormat::Xrgb.row_bytes(self.size.width);
        PixelView::new(PixelFormat::Xrgb, self.size, stride, &self.plane)
    }

    /// What has to be said so that `picture` is shown, where nothing outside of `changed` differs from last time. From now on
    /// it counts as shown; a `coarse` one as not quite.
    ///
    /// `picture` is packed, 4 bytes a dot. All of it is one rectangle when it has another size than what is shown, or when
    /// that is unknown.
    pub fn update(
        &mut self,
        picture: PixelView<'_>,
        changed: &[Rect],
        wanted: Wanted,
        coarse: bool,
    ) -> Changes {
        let Some(pixels) = picture.packed().filter(|_| picture.format.bytes() == DOT) else {
            return Changes::default();
        };
        if self.size != picture.size {
            return self.start(picture.size, pixels, coarse);
        }
        self.differs.clear();
        self.differs.resize(self.coarse.len(), false);
        let mut rest = 0;
        for rect in changed {
            rest += self.compare(pixels, rect.intersect(self.size.to_rect()));
        }
        let mut moved = None;
        if wanted.moves != Moves::None && rest >= WORTH_A_MOVE {
            moved = self.find_move(pixels, wanted.moves);
        }
        if let Some(m) = moved {
            self.make_move(m);
            self.compare_again(pixels, m.area);
        }
        if wanted.refine && !coarse {
            for (differs, coarse) in self.differs.iter_mut().zip(&self.coarse) {
                *differs |= coarse;
            }
        }
        let mut rects = self.rects();
        if wanted.tight && !wanted.refine {
            rects
                .iter_mut()
                .for_each(|rect| *rect = self.tightened(pixels, *rect));
        }
        for (was_coarse, differs) in self.coarse.iter_mut().zip(&self.differs) {
            if *differs {
                // Of a tile that was drawn only in part the rest is as it was.
                let partly = wanted.tight && !wanted.refine;
                *was_coarse = coarse || (*was_coarse && partly);
            }
        }
        for rect in &rects {
            self.copy(pixels, *rect);
        }
        Changes { moved, rects }
    }

    /// These cells of the grid are no longer shown as they were; they are drawn again when `changed` covers them.
    ///
    /// `area` is in dots.
    pub fn lose(&mut self, area: Rect) {
        let area = area.intersect(self.size.to_rect());
        if area.is_empty() {
            return;
        }
        // The unused byte tells a lost dot from every dot of a picture, see `same`.
        for y in area.top..area.bottom {
            let stride = self.size.width as usize * DOT;
            let row = &mut self.plane[y as usize * stride..][..stride];
            for dot in
                row[area.left as usize * DOT..area.right as usize * DOT].chunks_exact_mut(DOT)
            {
                dot[3] = LOST;
            }
        }
    }

    /// The tiles that share a dot with `area`, which is in dots, were drawn less well than they could be.
    ///
    /// For painters that know this only after they have drawn.
    pub fn coarsen(&mut self, area: Rect) {
        let area = area.intersect(self.size.to_rect());
        let (tiles, across) = (self.tiles_of(area), self.tiles().width as usize);
        for down in tiles.top..tiles.bottom {
            let row = down as usize * across;
            self.coarse[row + tiles.left as usize..row + tiles.right as usize].fill(true);
        }
    }

    fn start(&mut self, size: Size, pixels: &[u8], coarse: bool) -> Changes {
        self.size = size;
        self.plane.clear();
        self.plane.extend_from_slice(pixels);
        self.plane
            .chunks_exact_mut(DOT)
            .for_each(|dot| dot[3] = SHOWN);
        self.coarse.clear();
        self.coarse.resize(self.tiles().area() as usize, coarse);
        Changes {
            moved: None,
            rects: vec![size.to_rect()],
        }
    }

    /// Tiles across and down.
    fn tiles(&self) -> Size {
        Size::new(
            self.size.width.div_ceil(self.grain.width),
            self.size.height.div_ceil(self.grain.height),
        )
    }

    fn row<'a>(&self, plane: &'a [u8], y: i32, left: i32, right: i32) -> &'a [u8] {
        let stride = self.size.width as usize * DOT;
        &plane[y as usize * stride..][left as usize * DOT..right as usize * DOT]
    }

    /// Marks the tiles that differ within an area; how many dots their parts of it have.
    fn compare(&mut self, pixels: &[u8], area: Rect) -> u64 {
        let (across, mut found) = (self.tiles().width as usize, 0);
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        if area.is_empty() {
            return 0;
        }
        for down in area.top / high..=(area.bottom - 1) / high {
            let (top, bottom) = (
                area.top.max(down * high),
                area.bottom.min((down + 1) * high),
            );
            // Whole rows first: most are equal.
            let any = (top..bottom).any(|y| {
                !same(
                    self.row(&self.plane, y, area.left, area.right),
                    self.row(pixels, y, area.left, area.right),
                )
            });
            if !any {
                continue;
            }
            for at in area.left / wide..=(area.right - 1) / wide {
                let (left, right) = (area.left.max(at * wide), area.right.min((at + 1) * wide));
                let tile = down as usize * across + at as usize;
                if self.differs[tile] {
                    continue;
                }
                let differs = (top..bottom).any(|y| {
                    !same(
                        self.row(&self.plane, y, left, right),
                        self.row(pixels, y, left, right),
                    )
                });
                if differs {
                    self.differs[tile] = true;
                    found += Rect::new(left, top, right, bottom).area();
                }
            }
        }
        found
    }

    /// Marks the tiles that touch an area anew, after the plane has changed there.
    fn compare_again(&mut self, pixels: &[u8], area: Rect) {
        let across = self.tiles().width as usize;
        let tiles = self.tiles_of(area);
        for down in tiles.top..tiles.bottom {
            let row = down as usize * across;
            self.differs[row + tiles.left as usize..row + tiles.right as usize].fill(false);
        }
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        let whole = Rect::new(
            tiles.left * wide,
            tiles.top * high,
            tiles.right * wide,
            tiles.bottom * high,
        );
        self.compare(pixels, whole.intersect(self.size.to_rect()));
    }

    /// Tiles that share a dot with an area.
    fn tiles_of(&self, area: Rect) -> Rect {
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        Rect::new(
            area.left / wide,
            area.top / high,
            (area.right + wide - 1) / wide,
            (area.bottom + high - 1) / high,
        )
    }

    /// The dots around all tiles that differ.
    fn bounds(&self) -> Rect {
        let tiles = self.tiles();
        let mut bounds = Rect::default();
        for (row, y) in self.differs.chunks_exact(tiles.width as usize).zip(0..) {
            let first = row.iter().position(|d| *d);
            let last = row.iter().rposition(|d| *d);
            if let (Some(first), Some(last)) = (first, last) {
                bounds = bounds.bounds(Rect::new(first as i32, y, last as i32 + 1, y + 1));
            }
        }
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        Rect::new(
            bounds.left * wide,
            bounds.top * high,
            bounds.right * wide,
            bounds.bottom * high,
        )
        .intersect(self.size.to_rect())
    }

    /// The move that explains most of what differs, if one explains enough.
    fn find_move(&self, pixels: &[u8], moves: Moves) -> Option<Move> {
        let mut area = self.bounds();
        if moves == Moves::Any {
            area = self.tightened(pixels, area);
        } else {
            (area.left, area.right) = (0, self.size.width as i32);
            // The last row of grains may be cut off by the edge of the picture: then it cannot move.
            let high = self.grain.height as i32;
            area.bottom = area.bottom / high * high;
        }
        if area.height() < 2 {
            return None;
        }
        let step = match moves {
            Moves::Grains => self.grain.height as i32,
            _ => 1,
        };
        let hash = |plane: &[u8], y: i32| hash(self.row(plane, y, area.left, area.right));
        let old: Vec<u64> = (area.top..area.bottom)
            .map(|y| hash(&self.plane, y))
            .collect();
        let new: Vec<u64> = (area.top..area.bottom).map(|y| hash(pixels, y)).collect();
        let up = likeliest_move(&old, &new, step)?;
        let rows = rows_of_move(&old, &new, up, step)?;
        let (top, bottom) = (area.top + rows.start as i32, area.top + rows.end as i32);
        Some(Move {
            // The rows that move, and where they come from.
            area: Rect::new(
                area.left,
                top.min(top + up),
                area.right,
                bottom.max(bottom + up),
            ),
            up,
        })
    }

    fn make_move(&mut self, Move { area, up }: Move) {
        let stride = self.size.width as usize * DOT;
        let bytes = area.left as usize * DOT..area.right as usize * DOT;
        let mut copy = |from: i32, to: i32| {
            let from = from as usize * stride;
            let (from, to) = (
                from + bytes.start..from + bytes.end,
                to as usize * stride + bytes.start,
            );
            self.plane.copy_within(from, to);
        };
        if up > 0 {
            (area.top..area.bottom - up).for_each(|y| copy(y + up, y));
            self.lose(Rect::new(
                area.left,
                area.bottom - up,
                area.right,
                area.bottom,
            ));
        } else {
            (area.top - up..area.bottom)
                .rev()
                .for_each(|y| copy(y + up, y));
            self.lose(Rect::new(area.left, area.top, area.right, area.top - up));
        }
        // Which of what moved was coarse is not followed tile by tile.
        let tiles = self.tiles_of(area);
        let across = self.tiles().width as usize;
        let rows = || (tiles.top..tiles.bottom).map(|y| y as usize * across);
        let columns = tiles.left as usize..tiles.right as usize;
        let any =
            rows().any(|row| self.coarse[row + columns.start..row + columns.end].contains(&true));
        if any {
            rows().for_each(|row| self.coarse[row + columns.start..row + columns.end].fill(true));
        }
    }

    /// The tiles that differ as rectangles of dots: runs of a row of tiles, those of equal extent joined downwards.
    fn rects(&self) -> Vec<Rect> {
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        let mut done: Vec<Rect> = Vec::new();
        let mut open: Vec<Rect> = Vec::new();
        let across = (self.tiles().width as usize).max(1);
        for (row, y) in self.differs.chunks_exact(across).zip(0..) {
            let mut runs = Vec::new();
            let mut from = None;
            for (x, differs) in row.iter().chain([&false]).enumerate() {
                match (differs, from) {
                    (true, None) => from = Some(x),
                    (false, Some(first)) => {
                        runs.push((first as i32 * wide, x as i32 * wide));
                        from = None;
                    }
                    _ => {}
                }
            }
            let mut next = Vec::new();
            for (left, right) in runs {
                let above = open.iter().position(|r| (r.left, r.right) == (left, right));
                let top = above.map_or(y * high, |at| open.swap_remove(at).top);
                next.push(Rect::new(left, top, right, (y + 1) * high));
            }
            done.append(&mut open);
            open = next;
        }
        done.append(&mut open);
        done.iter_mut()
            .for_each(|rect| *rect = rect.intersect(self.size.to_rect()));
        done.sort_by_key(|rect| (rect.top, rect.left));
        done
    }

    /// The smallest rectangle around the dots that differ within one.
    fn tightened(&self, pixels: &[u8], rect: Rect) -> Rect {
        let mut tight = Rect::default();
        for y in rect.top..rect.bottom {
            let old = self.row(&self.plane, y, rect.left, rect.right);
            let new = self.row(pixels, y, rect.left, rect.right);
            if same(old, new) {
                continue;
            }
            let differs = |(a, b): (&[u8], &[u8])| !same(a, b);
            let mut dots = old.chunks_exact(DOT).zip(new.chunks_exact(DOT));
            let first = dots.position(differs).unwrap_or_default() as i32;
            let mut dots = old.chunks_exact(DOT).zip(new.chunks_exact(DOT));
            let last = dots.rposition(differs).unwrap_or_default() as i32;
            tight = tight.bounds(Rect::new(rect.left + first, y, rect.left + last + 1, y + 1));
        }
        tight
    }

    fn copy(&mut self, pixels: &[u8], rect: Rect) {
        let stride = self.size.width as usize * DOT;
        for y in rect.top..rect.bottom {
            let bytes = y as usize * stride + rect.left as usize * DOT
                ..y as usize * stride + rect.right as usize * DOT;
            self.plane[bytes.clone()].copy_from_slice(&pixels[bytes.clone()]);
            self.plane[bytes]
                .chunks_exact_mut(DOT)
                .for_each(|dot| dot[3] = SHOWN);
        }
    }
}

/// Whether a row of the plane shows a row of a picture. The fourth byte of a picture's dot counts for nothing.
fn same(shown: &[u8], picture: &[u8]) -> bool {
    let word = |dot: &[u8]| u32::from_le_bytes([dot[0], dot[1], dot[2], dot[3]]);
    let differences =
        shown
            .chunks_exact(DOT)
            .zip(picture.chunks_exact(DOT))
            .fold(0, |all, (shown, dot)| {
                all | ((word(shown) ^ word(dot)) & 0x00ff_ffff) | (word(shown) & 0xff00_0000)
            });
    differences == 0
}

/// A number for a row of dots, the same for rows that look the same. Different rows may share one: what is made of it is compared
/// dot by dot in the end.
fn hash(row: &[u8]) -> u64 {
    const TIMES: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, dot: &[u8; DOT]| {
        let word = u64::from(u32::from_le_bytes(*dot) & 0x00ff_ffff);
        (sum ^ word).wrapping_mul(TIMES).rotate_left(29)
    };
    let (dots, _) = row.as_chunks::<DOT>();
    // Four sums at a time: a multiplication takes longer than it keeps the processor busy.
    let (fours, rest) = dots.as_chunks::<4>();
    let mut sums = [1, 2, 3, 4];
    for four in fours {
        for (sum, dot) in sums.iter_mut().zip(four) {
            *sum = mix(*sum, dot);
        }
    }
    let all = sums.iter().fold(0u64, |all, sum| {
        (all ^ sum).wrapping_mul(TIMES).rotate_left(29)
    });
    rest.iter().fold(all, mix)
}

/// By how many rows most of the changed ones moved up, in multiples of `step`.
pub(crate) fn likeliest_move(old: &[u64], new: &[u64], step: i32) -> Option<i32> {
    let mut sources: HashMap<u64, Vec<i32>> = HashMap::new();
    for (hash, y) in old.iter().zip(0..) {
        let rows = sources.entry(*hash).or_default();
        if rows.len() <= MOST_EQUAL {
            rows.push(y);
        }
    }
    let mut votes: HashMap<i32, u32> = HashMap::new();
    for ((hash, was), y) in new.iter().zip(old).zip(0..) {
        let rows = sources.get(hash).filter(|rows| rows.len() <= MOST_EQUAL);
        if hash == was {
            continue;
        }
        for up in rows.into_iter().flatten().map(|from| from - y) {
            if up % step == 0 {
                *votes.entry(up).or_default() += 1;
            }
        }
    }
    let most = votes
        .into_iter()
        .max_by_key(|(up, votes)| (*votes, -up.abs(), *up))?;
    Some(most.0)
}

/// The rows of the new picture that are best had by a move: those it makes right less those it makes wrong. `None` when that
/// saves less than half of the rows that changed. The ends are multiples of `step`.
fn rows_of_move(old: &[u64], new: &[u64], up: i32, step: i32) -> Option<Range<usize>> {
    let gain = |y: usize| -> i32 {
        let source = y as i32 + up;
        let right = usize::try_from(source).ok().and_then(|at| old.get(at)) == Some(&new[y]);
        let was_right = old[y] == new[y];
        i32::from(right) - i32::from(was_right)
    };
    let changed = old.iter().zip(new).filter(|(old, new)| old != new).count();
    let first = usize::try_from(-up).unwrap_or(0);
    let end = new.len().saturating_sub(usize::try_from(up).unwrap_or(0));
    let step = step as usize;
    // The run of the greatest sum.
    let (mut best, mut best_gain, mut sum, mut start) = (0..0, 0, 0, first);
    for from in (first..end).step_by(step) {
        sum += (from..(from + step).min(end)).map(gain).sum::<i32>();
        if sum <= 0 {
            (sum, start) = (0, from + step);
        } else if sum > best_gain {
            (best, best_gain) = (start..(from + step).min(end), sum);
        }
    }
    (best_gain as usize * 2 >= changed && !best.is_empty()).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::PixelBuf;

    const SIZE: Size = Size::new(70, 50);

    /// A terminal that does what changes say.
    struct Terminal(PixelBuf);

    impl Terminal {
        fn apply(&mut self, changes: &Changes, picture: &PixelBuf) {
            if self.0.size != picture.size {
                self.0 = PixelBuf::new(PixelFormat::Xrgb, picture.size);
            }
            if let Some(Move { area, up }) = changes.moved {
                assert!(area.height() as i32 > up.abs() && up != 0);
                let old = self.0.clone();
                for y in area.top..area.bottom {
                    for x in area.left..area.right {
                        // What moves in is made to look wrong.
                        let from =
                            Some(y + up).filter(|from| (area.top..area.bottom).contains(from));
                        let word = from
                            .map_or(0x00ff_00ff, |from| old.view().pixel(x as u32, from as u32));
                        self.0.set_pixel(x as u32, y as u32, word);
                    }
                }
            }
            for (at, rect) in changes.rects.iter().enumerate() {
                assert!(picture.size.to_rect().covers(*rect) && !rect.is_empty());
                assert!(
                    changes.rects[..at]
                        .iter()
                        .all(|other| !other.overlaps(*rect))
                );
                for y in rect.top as u32..rect.bottom as u32 {
                    for x in rect.left as u32..rect.right as u32 {
                        self.0.set_pixel(x, y, picture.view().pixel(x, y));
                    }
                }
            }
        }
    }

    /// Numbers without a pattern, the same in each run.
    fn numbers(seed: u64) -> impl FnMut(u32) -> u32 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 33) as u32) % below.max(1)
        }
    }

    fn noise(size: Size, seed: u64) -> PixelBuf {
        let mut next = numbers(seed);
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
        picture
            .data_mut()
            .iter_mut()
            .for_each(|byte| *byte = next(256) as u8);
        picture
    }

    fn words(picture: &PixelBuf) -> Vec<u32> {
        let dots = picture.data().chunks_exact(4);
        dots.map(|d| u32::from_le_bytes([d[0], d[1], d[2], 0]))
            .collect()
    }

    fn scrolled(picture: &PixelBuf, area: Rect, up: i32) -> PixelBuf {
        let mut moved = picture.clone();
        for y in area.top..area.bottom {
            for x in area.left as u32..area.right as u32 {
                let from = y + up;
                let word = if (area.top..area.bottom).contains(&from) {
                    picture.view().pixel(x, from as u32)
                } else {
                    x * 77 + y as u32
                };
                moved.set_pixel(x, y as u32, word);
            }
        }
        moved
    }

    #[test]
    fn an_unknown_terminal_is_told_everything_and_then_nothing() {
        let picture = noise(SIZE, 1);
        let mut shadow = Shadow::new(Size::new(8, 16));
        let whole = [SIZE.to_rect()];
        let first = shadow.update(picture.view(), &whole, Wanted::default(), false);
        assert_eq!(first.rects, whole);
        let again = shadow.update(picture.view(), &whole, Wanted::default(), false);
        assert_eq!(again, Changes::default());
        shadow.forget();
        let anew = shadow.update(picture.view(), &[], Wanted::default(), false);
        assert_eq!(anew.rects, whole);
    }

    #[test]
    fn a_changed_dot_is_a_tile_or_just_itself() {
        let mut picture = noise(SIZE, 2);
        let mut shadow = Shadow::new(Size::new(8, 16));
        let whole = [SIZE.to_rect()];
        shadow.update(picture.view(), &whole, Wanted::default(), false);
        picture.set_pixel(69, 49, 0x0012_3456);
        let tile = shadow.update(picture.view(), &whole, Wanted::default(), false);
        assert_eq!(tile.rects, [Rect::new(64, 48, 70, 50)]);
        picture.set_pixel(69, 49, 0x0065_4321);
        let tight = Wanted {
            tight: true,
            ..Wanted::default()
        };
        let dot = shadow.update(picture.view(), &whole, tight, false);
        assert_eq!(dot.rects, [Rect::new(69, 49, 70, 50)]);
    }

    #[test]
    fn what_was_lost_is_drawn_again_even_if_it_is_the_same() {
        let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
        let mut shadow = Shadow::new(Size::new(10, 10));
        shadow.update(picture.view(), &[], Wanted::default(), false);
        let lost = Rect::new(10, 20, 30, 30);
        shadow.lose(lost);
        let changes = shadow.update(picture.view(), &[lost], Wanted::default(), false);
        assert_eq!(changes.rects, [lost]);
    }

    #[test]
    fn coarse_tiles_are_drawn_again_once_when_that_is_wanted() {
        let picture = noise(SIZE, 3);
        let mut shadow = Shadow::new(Size::new(10, 10));
        shadow.update(picture.view(), &[], Wanted::default(), true);
        assert!(shadow.is_coarse());
        let nothing = shadow.update(picture.view(), &[], Wanted::default(), false);
        assert_eq!(nothing, Changes::default());
        let refine = Wanted {
            refine: true,
            ..Wanted::default()
        };
        let all = shadow.update(picture.view(), &[], refine, false);
        assert_eq!(all.rects, [SIZE.to_rect()]);
        assert!(!shadow.is_coarse());
    }

    #[test]
    fn a_coarse_tile_drawn_again_in_part_stays_coarse() {
        let mut picture = noise(SIZE, 6);
        let mut shadow = Shadow::new(Size::new(10, 10));
        let tight = Wanted {
            tight: true,
            ..Wanted::default()
        };
        shadow.update(picture.view(), &[], tight, false);
        shadow.coarsen(Rect::new(25, 25, 26, 31));
        picture.set_pixel(22, 22, 0x0012_3456);
        shadow.update(picture.view(), &[SIZE.to_rect()], tight, false);
        let refine = Wanted {
            refine: true,
            ..tight
        };
        let rest = shadow.update(picture.view(), &[], refine, false);
        assert_eq!(rest.rects, [Rect::new(20, 20, 30, 40)]);
        assert!(!shadow.is_coarse());
    }

    #[test]
    fn a_scroll_is_one_move_and_the_new_rows() {
        let before = noise(Size::new(200, 160), 4);
        let area = Rect::new(20, 10, 180, 150);
        let after = scrolled(&before, area, 16);
        let mut shadow = Shadow::new(Size::new(8, 16));
        shadow.update(before.view(), &[], Wanted::default(), false);
        let wanted = Wanted {
            tight: true,
            moves: Moves::Any,
            refine: false,
        };
        let changes = shadow.update(after.view(), &[after.size.to_rect()], wanted, false);
        assert_eq!(changes.moved, Some(Move { area, up: 16 }));
        let drawn: u64 = changes.rects.iter().map(|rect| rect.area()).sum();
        assert_eq!(drawn, 160 * 16);
    }

    #[test]
    fn moves_by_grains_take_the_full_width() {
        let before = noise(Size::new(80, 160), 5);
        let area = Rect::new(0, 16, 80, 144);
        let after = scrolled(&before, area, -32);
        let mut shadow = Shadow::new(Size::new(8, 16));
        shadow.update(before.view(), &[], Wanted::default(), false);
        let wanted = Wanted {
            moves: Moves::Grains,
            ..Wanted::default()
        };
        let changes = shadow.update(after.view(), &[after.size.to_rect()], wanted, false);
        assert_eq!(changes.moved, Some(Move { area, up: -32 }));
        assert_eq!(changes.rects, [Rect::new(0, 16, 80, 48)]);
    }

    #[test]
    fn whatever_happens_the_terminal_ends_with_the_picture() {
        for seed in 0..300 {
            let mut next = numbers(seed + 100);
            let size = Size::new(60 + next(60), 60 + next(100));
            let grain = Size::new(1 + next(12), 1 + next(20));
            let mut picture = noise(size, seed);
            let mut shadow = Shadow::new(grain);
            let mut terminal = Terminal(PixelBuf::new(PixelFormat::Xrgb, Size::new(0, 0)));
            for _ in 0..6 {
                let wanted = Wanted {
                    tight: next(2) == 0,
                    moves: [Moves::None, Moves::Any, Moves::Grains][next(3) as usize],
                    refine: next(3) == 0,
                };
                let mut corner = || {
                    let (x, y) = (next(size.width) as i32, next(size.height) as i32);
                    (x, y)
                };
                let ((x0, y0), (x1, y1)) = (corner(), corner());
                let area = Rect::new(x0.min(x1), y0.min(y1), x0.max(x1) + 1, y0.max(y1) + 1);
                let mut damage = area;
                match next(4) {
                    0 => {}
                    1 => {
                        shadow.lose(area);
                        // The terminal really lost it.
                        for y in area.top as u32..area.bottom as u32 {
                            (area.left as u32..area.right as u32).for_each(|x| {
                                if terminal.0.size == size {
                                    terminal.0.set_pixel(x, y, 0x00ab_cdef);
                                }
                            });
                        }
                    }
                    2 => {
                        let rows = area.height().min(40) as i32;
                        picture = scrolled(&picture, area, next(2 * rows as u32) as i32 - rows);
                    }
                    _ => {
                        let whole = noise(size, u64::from(next(1000)));
                        for y in area.top as u32..area.bottom as u32 {
                            for x in area.left as u32..area.right as u32 {
                                picture.set_pixel(x, y, whole.view().pixel(x, y));
                            }
                        }
                        damage = size.to_rect();
                    }
                }
                let changes = shadow.update(picture.view(), &[damage], wanted, next(2) == 0);
                if wanted.moves == Moves::Grains
                    && let Some(Move { area, up }) = changes.moved
                {
                    let high = grain.height as i32;
                    assert_eq!((area.left, area.right), (0, size.width as i32));
                    assert_eq!([area.top % high, area.bottom % high, up % high], [0, 0, 0]);
                }
                terminal.apply(&changes, &picture);
                assert_eq!(words(&terminal.0), words(&picture), "seed {seed}");
            }
        }
    }
}
