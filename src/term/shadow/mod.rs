//! What the terminal shows already, so that only the rest has to be said.
//!
//! Damage says where something was drawn; it need not have changed anything, or may have only moved. A [`Shadow`] is compared
//! with the new picture and answers with [`Changes`]: at most one move of rows, then rectangles that differ.

mod moves;
#[cfg(test)]
mod tests;

pub(crate) use moves::likeliest_move;

use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use moves::{hash, rows_of_move};

/// Bytes of a dot.
const DOT: usize = 4;

/// Least dots that differ from which on a move is looked for: less is sent sooner than it is found.
const WORTH_A_MOVE: u64 = 4096;

/// The fourth byte of a dot in the plane that is not shown, whatever its colour. It is 0 of one that is.
const LOST: u8 = 0xff;

/// What is colour in a word B, G, R, X.
const COLOUR: u32 = 0x00ff_ffff;

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
    /// By tile: whether it may differ from the last picture although nothing changed there since.
    owed: Vec<bool>,
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
            owed: Vec::new(),
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
        let changes = self.plan(picture, changed, wanted);
        for rect in &changes.rects {
            self.show(picture, *rect, coarse);
        }
        changes
    }

    /// The same, but nothing counts as shown yet except for the move. Each of the rectangles, or each part of it, is then either
    /// [shown](Self::show) or [owed](Self::owe).
    pub fn plan(&mut self, picture: PixelView<'_>, changed: &[Rect], wanted: Wanted) -> Changes {
        let Some(pixels) = picture.packed().filter(|_| picture.format.bytes() == DOT) else {
            return Changes::default();
        };
        if self.size != picture.size {
            return self.start(picture.size);
        }
        self.differs.clear();
        self.differs.resize(self.coarse.len(), false);
        let mut rest = 0;
        let owed = self.rects_of(&self.owed);
        self.owed.fill(false);
        for rect in changed.iter().chain(&owed) {
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
        if wanted.refine {
            for (differs, coarse) in self.differs.iter_mut().zip(&self.coarse) {
                *differs |= coarse;
            }
        }
        let mut rects = self.rects_of(&self.differs);
        if wanted.tight && !wanted.refine {
            rects
                .iter_mut()
                .for_each(|rect| *rect = self.tightened(pixels, *rect));
        }
        Changes { moved, rects }
    }

    /// A rectangle of a picture of the size of the last plan's counts as shown from now on; a `coarse` one as not quite.
    pub fn show(&mut self, picture: PixelView<'_>, rect: Rect, coarse: bool) {
        let rect = rect.intersect(self.size.to_rect());
        let packed = picture.packed().filter(|_| picture.size == self.size);
        let (Some(pixels), false) = (packed, rect.is_empty()) else {
            return;
        };
        self.copy(pixels, rect);
        let (tiles, across) = (self.tiles_of(rect), self.tiles().width as usize);
        for down in tiles.top..tiles.bottom {
            for at in tiles.left..tiles.right {
                // Of a tile that was drawn only in part the rest is as it was.
                let whole = rect.covers(self.tile(at, down));
                let was_coarse = &mut self.coarse[down as usize * across + at as usize];
                *was_coarse = coarse || (*was_coarse && !whole);
            }
        }
    }

    /// A rectangle of the last plan is not shown yet: the next plan looks at it again.
    pub fn owe(&mut self, rect: Rect) {
        let rect = rect.intersect(self.size.to_rect());
        if rect.is_empty() {
            return;
        }
        let (tiles, across) = (self.tiles_of(rect), self.tiles().width as usize);
        for down in tiles.top..tiles.bottom {
            let row = down as usize * across;
            self.owed[row + tiles.left as usize..row + tiles.right as usize].fill(true);
        }
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

    fn start(&mut self, size: Size) -> Changes {
        self.size = size;
        self.plane.clear();
        self.plane.resize(size.area() as usize * DOT, LOST);
        for tiles in [&mut self.coarse, &mut self.owed] {
            tiles.clear();
        }
        let tiles = self.tiles().area() as usize;
        self.coarse.resize(tiles, false);
        self.owed.resize(tiles, false);
        Changes {
            moved: None,
            rects: vec![size.to_rect()],
        }
    }

    /// The dots of a tile.
    fn tile(&self, at: i32, down: i32) -> Rect {
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        Rect::at(at * wide, down * high, self.grain).intersect(self.size.to_rect())
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
        self.move_coarse(Move { area, up });
    }

    /// A tile is coarse after a move if one is that some of it comes from.
    fn move_coarse(&mut self, Move { area, up }: Move) {
        let (tiles, across) = (self.tiles_of(area), self.tiles().width as usize);
        let old = self.coarse.clone();
        let is_coarse = |tile: Rect| {
            let mut rows = (tile.top..tile.bottom).map(|row| row as usize * across);
            let columns = tile.left as usize..tile.right as usize;
            rows.any(|row| old[row + columns.start..row + columns.end].contains(&true))
        };
        for down in tiles.top..tiles.bottom {
            for at in tiles.left..tiles.right {
                let tile = self.tile(at, down);
                let from = tile.intersect(area).translate(0, up).intersect(area);
                let from = self.tiles_of(from);
                // What moved in comes from the same column.
                let from = Rect::new(at, from.top, at + 1, from.bottom);
                let here = Rect::new(at, down, at + 1, down + 1);
                self.coarse[down as usize * across + at as usize] =
                    is_coarse(from) || (!area.covers(tile) && is_coarse(here));
            }
        }
    }

    /// Some of the tiles as rectangles of dots: runs of a row of tiles, those of equal extent joined downwards.
    fn rects_of(&self, tiles: &[bool]) -> Vec<Rect> {
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        let mut done: Vec<Rect> = Vec::new();
        let mut open: Vec<Rect> = Vec::new();
        let across = (self.tiles().width as usize).max(1);
        for (row, y) in tiles.chunks_exact(across).zip(0..) {
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
            let shown = self.plane[bytes.clone()].as_chunks_mut::<DOT>().0;
            for (shown, dot) in shown.iter_mut().zip(pixels[bytes].as_chunks().0) {
                // As words, several of which are copied at once.
                *shown = (u32::from_le_bytes(*dot) & COLOUR).to_le_bytes();
            }
        }
    }
}

/// Whether a row of the plane shows a row of a picture. The fourth byte of a picture's dot counts for nothing.
fn same(shown: &[u8], picture: &[u8]) -> bool {
    let word = |dot: &[u8]| u32::from_le_bytes([dot[0], dot[1], dot[2], dot[3]]);
    let differences = shown
        .chunks_exact(DOT)
        .zip(picture.chunks_exact(DOT))
        .fold(0, |all, (shown, dot)| {
            all | ((word(shown) ^ word(dot)) & COLOUR) | (word(shown) & !COLOUR)
        });
    differences == 0
}
