//! Many images, each some whole cells and sent again when they change.
//!
//! For terminals that cannot edit an image. An image that is sent again by its own number is blank until its last chunk has
//! come, so tiles are small: most fit one chunk. Rows of tiles move by placing their images elsewhere.

use std::ops::Range;

use super::command::{Route, go};
use super::diacritics::{COUNT, diacritic};
use super::payload::{How, Payloads};
use super::pointer::PointerLayer;
use super::sight::{Sight, without};
use super::{delete, quiet};
use crate::geometry::{Rect, Size};
use crate::term::paint::{Painted, Painter, Place, Quality, Room, Scene};
use crate::term::portion::Portion;
use crate::term::shadow::{Changes, Move, Moves, Shadow, Wanted};

/// Dots a tile is wide, at least: wider ones cost more for a glyph, narrower ones for everything else.
const WIDTH: u32 = 160;

/// Fewer dots than this are always sent exactly.
const FEW_DOTS: u64 = 64 << 10;

/// Bytes after which a step on the way to an exact picture ends.
const STEP_BYTES: usize = 16 << 10;

/// A painter for terminals that place images at the cursor but cannot edit them.
pub struct Tiles {
    board: Board,
    pointer: PointerLayer,
}

impl Tiles {
    /// A painter that uses the image numbers from `id` on, one a tile and one more; they must be no other painter's, and are
    /// better chosen anew for each start of the program. 65536 are enough for every terminal.
    pub fn new(id: u32) -> Self {
        let id = id.clamp(1, u32::MAX - (1 << 16));
        Self {
            board: Board::new(Placing::Cursor { first: id + 1 }),
            pointer: PointerLayer::new(id),
        }
    }
}

impl Painter for Tiles {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        if !self.board.is_at(scene) {
            self.pointer.lose_place();
        }
        let painted = self.board.paint(scene, out);
        self.pointer.paint(scene, &mut self.board.payloads, out);
        painted
    }

    fn limit(&mut self, room: Room, first: &[Rect]) {
        self.board.limit(room, first);
    }

    fn forget(&mut self) {
        self.board.forget();
        self.pointer.forget();
    }

    fn leave(&mut self, out: &mut Vec<u8>) {
        self.board.leave(out);
        self.pointer.leave(out);
    }

    fn has_pointer_layer(&self) -> bool {
        true
    }
}

/// How an image gets to its cells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placing {
    /// The cursor goes to the first of them.
    Cursor {
        /// The number of the first tile's image.
        first: u32,
    },
    /// By characters that stand for parts of it, each in the colour of its number.
    Characters {
        route: Route,
        /// What is added to the highest byte of image numbers.
        base: u8,
    },
}

/// Numbers in the lower bytes of an image that characters name: colours of the palette of 256 beyond the first sixteen, which
/// a multiplexer may write in other words.
const NAMED: u32 = 240;

impl Placing {
    fn id(self, tile: u32) -> u32 {
        match self {
            Self::Cursor { first } => first.saturating_add(tile),
            Self::Characters { base, .. } => {
                let high = u32::from(base) + tile / NAMED;
                (high & 0xff) << 24 | (16 + tile % NAMED)
            }
        }
    }

    fn route(self) -> Route {
        match self {
            Self::Cursor { .. } => Route::Direct,
            Self::Characters { route, .. } => route,
        }
    }
}

/// When a tile is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is shown.
    Never,
    /// Whether or not there is room.
    Now,
    /// Before others.
    Soon,
    /// When there is room.
    Later,
}

/// Tiles on a terminal.
pub(super) struct Board {
    placing: Placing,
    shadow: Shadow,
    place: Option<Place>,
    /// Dots of a tile; whole cells.
    grain: Size,
    /// By place, row by row: the number of the tile that is there.
    tiles: Vec<u32>,
    across: usize,
    /// Tiles whose images the terminal may have: all below this number.
    sent: u32,
    /// By number of a tile: whether it has its image, and shows it.
    shown: Vec<bool>,
    /// By number of a tile: what is in sight of it, where it is placed at the cursor.
    sights: Vec<Sight>,
    /// The place the next portion begins at.
    from: usize,
    portion: Portion,
    /// Cells with text on them in the last scene.
    covered: Vec<Rect>,
    pub(super) payloads: Payloads,
}

impl Board {
    pub(super) fn new(placing: Placing) -> Self {
        Self {
            placing,
            shadow: Shadow::new(Size::new(1, 1)),
            place: None,
            grain: Size::new(1, 1),
            tiles: Vec::new(),
            across: 0,
            sent: 0,
            shown: Vec::new(),
            sights: Vec::new(),
            from: 0,
            portion: Portion::default(),
            covered: Vec::new(),
            payloads: Payloads::default(),
        }
    }

    /// Whether the last scene was as large and at the same place.
    fn is_at(&self, scene: &Scene<'_>) -> bool {
        let same_size = self
            .shadow
            .view()
            .is_some_and(|shown| shown.size == scene.picture.size);
        same_size && self.place == Some(scene.place)
    }

    pub(super) fn forget(&mut self) {
        self.shadow.forget();
        self.place = None;
    }

    pub(super) fn leave(&mut self, out: &mut Vec<u8>) {
        for tile in 0..self.sent {
            delete(self.placing.route(), self.placing.id(tile), out);
        }
        self.sent = 0;
        self.erase_cells(&self.covered, out);
        self.forget();
    }

    pub(super) fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let whole = scene.picture.size.to_rect();
        if whole.is_empty() || scene.picture.packed().is_none() || scene.place.cell.is_empty() {
            return Painted::default();
        }
        let painted = if self.is_at(scene) {
            self.uncover(scene, out);
            self.change(scene, out)
        } else {
            self.start(scene, out)
        };
        Painted {
            coarse: self.shadow.is_coarse(),
            ..painted
        }
    }

    /// As in [`Painter::limit`].
    pub(super) fn limit(&mut self, room: Room, first: &[Rect]) {
        self.portion.limit(room, first);
    }

    fn start(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        self.erase_cells(scene.covered, out);
        let (cell, size) = (scene.place.cell, scene.picture.size);
        self.grain = Size::new(WIDTH.div_ceil(cell.width) * cell.width, cell.height);
        self.across = size.width.div_ceil(self.grain.width) as usize;
        let count = self.across as u32 * size.height.div_ceil(self.grain.height);
        self.tiles = (0..count).collect();
        self.shown = vec![false; count as usize];
        self.sights = vec![Sight::default(); count as usize];
        self.place = Some(scene.place);
        self.covered = scene.covered.to_vec();
        self.shadow = Shadow::new(self.grain);
        self.shadow.plan(scene.picture, &[], Wanted::default());
        let turns = vec![Turn::Later; self.tiles.len()];
        let painted = self.send_some(&turns, size.area(), scene, out);
        for tile in count..self.sent {
            delete(self.placing.route(), self.placing.id(tile), out);
        }
        self.sent = count;
        painted
    }

    /// Appends the changes to tiles that are there.
    fn change(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let wanted = Wanted {
            moves: Moves::Grains,
            ..Wanted::default()
        };
        let changes = self.shadow.plan(scene.picture, scene.changed, wanted);
        if changes == Changes::default() {
            return self.refine(scene, out);
        }
        let mut differs = self.tiles_in(&changes.rects);
        let came_in = match changes.moved {
            Some(moved) => self.make_move(moved, scene, &mut differs, out),
            None => 0..0,
        };
        let small = self.portion.sort(&changes.rects, self.grain).small;
        let small = self.tiles_in(&small);
        let turn = |at: usize| match (differs[at], small[at]) {
            (false, _) => Turn::Never,
            // Nobody else shows anything there.
            _ if came_in.contains(&at) => Turn::Now,
            (true, true) => Turn::Soon,
            (true, false) => Turn::Later,
        };
        let turns: Vec<Turn> = (0..differs.len()).map(turn).collect();
        let dots = changes.rects.iter().map(|rect| rect.area()).sum();
        self.send_some(&turns, dots, scene, out)
    }

    /// Sends tiles in turn, as many as there is room for.
    fn send_some(
        &mut self,
        turns: &[Turn],
        dots: u64,
        scene: &Scene<'_>,
        out: &mut Vec<u8>,
    ) -> Painted {
        let (start, how) = (out.len(), how(scene.quality, dots));
        let (count, from) = (turns.len(), self.from);
        // One palette for many tiles: to find one takes longer than all else.
        let is_many = dots > FEW_DOTS;
        let whole = is_many.then(|| scene.picture.size.to_rect());
        self.payloads.begin(scene.picture, whole, how);
        let mut painted = Painted::default();
        let of = |turn: Turn| (0..count).filter(move |at| turns[*at] == turn);
        // The others go on where the last portion ended.
        let others = (0..count).map(|n| (from + n) % count);
        let others = others.filter(|at| turns[*at] == Turn::Later);
        for at in of(Turn::Now).chain(of(Turn::Soon)).chain(others) {
            let rect = self.rect(at, scene.picture.size);
            if turns[at] != Turn::Now && out.len() - start >= self.portion.room().bytes {
                painted.owed += rect.area();
                self.shadow.owe(rect);
                continue;
            }
            let how = match turns[at] {
                Turn::Soon => How::Exact,
                _ => how,
            };
            self.shadow.show(scene.picture, rect, false);
            self.send(at, scene, how, out);
            painted.dots += rect.area();
            if turns[at] == Turn::Later {
                self.from = (at + 1) % count;
            }
        }
        painted
    }

    /// Makes some of what is not exact exact, if that is asked for.
    fn refine(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let mut painted = Painted::default();
        if !scene.quality.is_best() || !self.shadow.is_coarse() {
            return painted;
        }
        let wanted = Wanted {
            refine: true,
            ..Wanted::default()
        };
        let changes = self.shadow.plan(scene.picture, &[], wanted);
        let differs = self.tiles_in(&changes.rects);
        self.payloads.begin(scene.picture, None, How::Exact);
        let start = out.len();
        let most = STEP_BYTES.min(self.portion.room().bytes);
        for (at, _) in differs.iter().enumerate().filter(|(_, differs)| **differs) {
            let rect = self.rect(at, scene.picture.size);
            if out.len() - start < most {
                self.shadow.show(scene.picture, rect, false);
                self.send(at, scene, How::Exact, out);
                painted.dots += rect.area();
            }
        }
        painted
    }

    /// By place: whether some rectangle touches it.
    fn tiles_in(&self, rects: &[Rect]) -> Vec<bool> {
        let mut touched = vec![false; self.tiles.len()];
        let (wide, high) = (self.grain.width as usize, self.grain.height as usize);
        for rect in rects {
            for row in rect.top as usize / high..(rect.bottom as usize).div_ceil(high) {
                let columns = rect.left as usize / wide..(rect.right as usize).div_ceil(wide);
                touched[row * self.across..][columns].fill(true);
            }
        }
        touched
    }

    /// The dots of the tile at a place.
    fn rect(&self, at: usize, picture: Size) -> Rect {
        let (wide, high) = (self.grain.width as i32, self.grain.height as i32);
        let (x, y) = (
            (at % self.across) as i32 * wide,
            (at / self.across) as i32 * high,
        );
        Rect::at(x, y, self.grain).intersect(picture.to_rect())
    }

    /// Puts images elsewhere. Those that moved out of the area come in again where their places are free, to be sent: these
    /// places, as a range.
    fn make_move(
        &mut self,
        Move { area, up }: Move,
        scene: &Scene<'_>,
        differs: &mut [bool],
        out: &mut Vec<u8>,
    ) -> Range<usize> {
        let high = self.grain.height as usize;
        let rows = area.top as usize / high..(area.bottom as usize).div_ceil(high);
        let by = up.unsigned_abs() as usize / high * self.across;
        let places = rows.start * self.across..rows.end * self.across;
        let moved = if up > 0 {
            self.tiles[places.clone()].rotate_left(by);
            places.start..places.end - by
        } else {
            self.tiles[places.clone()].rotate_right(by);
            places.start + by..places.end
        };
        // The last row may be lower than others, and then is no other row's.
        if !scene.picture.size.height.is_multiple_of(self.grain.height) {
            let last = self.tiles.len() - self.across..self.tiles.len();
            let lower = self.tiles.len() - self.across;
            for at in places.clone() {
                let came_from = if up > 0 { at + by } else { at.wrapping_sub(by) };
                differs[at] |= last.contains(&at) || came_from >= lower;
            }
        }
        for at in places.clone() {
            match self.placing {
                Placing::Characters { .. } => self.write_cells(at, scene, scene.covered, out),
                Placing::Cursor { .. } if moved.contains(&at) => self.show(at, scene, out),
                Placing::Cursor { .. } => {}
            }
        }
        if up > 0 {
            moved.end..places.end
        } else {
            places.start..moved.start
        }
    }

    /// Sends the tile at a place and shows it there.
    fn send(&mut self, at: usize, scene: &Scene<'_>, how: How, out: &mut Vec<u8>) {
        let rect = self.rect(at, scene.picture.size);
        let id = self.placing.id(self.tiles[at]);
        let was_shown = std::mem::replace(&mut self.shown[self.tiles[at] as usize], true);
        if !was_shown {
            self.write_cells(at, scene, scene.covered, out);
        }
        match self.placing {
            Placing::Cursor { .. } => {
                let keys = self.sights[self.tiles[at] as usize].begin(id, rect, scene, out);
                let encoded = self.payloads.encode(scene.picture, rect, how);
                let keys = format!("{keys},{}", encoded.form.keys(rect.size()));
                Route::Direct.send(&keys, quiet(), encoded.bytes, out);
                for tile in encoded.inexact(scene.picture, self.grain) {
                    self.shadow.coarsen(tile);
                }
                self.show(at, scene, out);
            }
            Placing::Characters { route, .. } => {
                let cell = scene.place.cell;
                let (columns, rows) = (
                    rect.width().div_ceil(cell.width),
                    rect.height().div_ceil(cell.height),
                );
                let size = Size::new(columns * cell.width, rows * cell.height);
                let place = format!("a=T,U=1,i={id},p=1,{},c={columns},r={rows}", quiet());
                if size != rect.size() {
                    // An image that is not whole cells would be scaled to them.
                    let (form, bytes) = self.payloads.padded(scene.picture, rect, size);
                    route.send(&format!("{place},{}", form.keys(size)), quiet(), bytes, out);
                    return;
                }
                let encoded = self.payloads.encode(scene.picture, rect, how);
                route.send(
                    &format!("{place},{}", encoded.form.keys(size)),
                    quiet(),
                    encoded.bytes,
                    out,
                );
                for tile in encoded.inexact(scene.picture, self.grain) {
                    self.shadow.coarsen(tile);
                }
            }
        }
    }

    /// Shows the tile at a place there, as far as no text is on it, where it is placed at the cursor.
    fn show(&mut self, at: usize, scene: &Scene<'_>, out: &mut Vec<u8>) {
        let (tile, rect) = (self.tiles[at], self.rect(at, scene.picture.size));
        if self.shown[tile as usize] {
            self.sights[tile as usize].show(self.placing.id(tile), rect, scene, out);
        }
    }

    /// The cells of the tile at a place, counted from the picture's first.
    fn cells(&self, at: usize, scene: &Scene<'_>) -> Rect {
        let rect = self.rect(at, scene.picture.size);
        let Size { width, height } = scene.place.cell;
        Rect::at(
            rect.left / width as i32,
            rect.top / height as i32,
            Size::new(rect.width().div_ceil(width), rect.height().div_ceil(height)),
        )
    }

    /// Shows what was covered and is not, and images no longer where they are covered.
    fn uncover(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) {
        if self.covered == scene.covered {
            return;
        }
        let before = std::mem::replace(&mut self.covered, scene.covered.to_vec());
        for at in 0..self.tiles.len() {
            let cells = self.cells(at, scene);
            let touches = |holes: &[Rect]| holes.iter().any(|hole| hole.overlaps(cells));
            match self.placing {
                Placing::Characters { .. } if touches(&before) => {
                    self.write_cells(at, scene, scene.covered, out);
                }
                Placing::Cursor { .. } if touches(&before) || touches(scene.covered) => {
                    self.show(at, scene, out);
                }
                _ => {}
            }
        }
    }

    /// Erases the characters of the last scene, except on cells of it that are covered.
    fn erase_cells(&self, covered: &[Rect], out: &mut Vec<u8>) {
        let (Placing::Characters { .. }, Some(place), Some(shown)) =
            (self.placing, self.place, self.shadow.view())
        else {
            return;
        };
        let Size { width, height } = place.cell;
        let cells = Size::new(
            shown.size.width.div_ceil(width),
            shown.size.height.div_ceil(height),
        );
        for run in without(cells.to_rect(), covered) {
            for row in run.top..run.bottom {
                let (column, row) = (
                    place.column.saturating_add(run.left as u16),
                    place.row.saturating_add(row as u16),
                );
                go(column, row, out);
                out.extend_from_slice(format!("\x1b[{}X", run.width()).as_bytes());
            }
        }
    }

    /// Writes the characters that stand for the tile at a place, except on covered cells.
    fn write_cells(&self, at: usize, scene: &Scene<'_>, covered: &[Rect], out: &mut Vec<u8>) {
        let is_shown = self.shown[self.tiles[at] as usize];
        if matches!(self.placing, Placing::Cursor { .. }) || !is_shown {
            return;
        }
        let id = self.placing.id(self.tiles[at]);
        let tile = self.cells(at, scene);
        for run in without(tile, covered) {
            for row in run.top..run.bottom {
                let Place {
                    column: first,
                    row: top,
                    ..
                } = scene.place;
                go(
                    first.saturating_add(run.left as u16),
                    top.saturating_add(row as u16),
                    out,
                );
                let start = format!(
                    "\x1b[38;5;{}m{PLACEHOLDER}{}{}{}",
                    id & 0xff,
                    diacritic((row - tile.top) as u32),
                    diacritic((run.left - tile.left) as u32),
                    diacritic(id >> 24)
                );
                out.extend_from_slice(start.as_bytes());
                // Row, column and number go on from the cell before.
                for _ in run.left + 1..run.right {
                    out.extend_from_slice(PLACEHOLDER.encode_utf8(&mut [0; 4]).as_bytes());
                }
                out.extend_from_slice(b"\x1b[39m");
            }
        }
    }
}

/// The character that stands for a part of an image.
const PLACEHOLDER: char = '\u{10eeee}';

const _: () = assert!(COUNT > 255, "every value of a byte has a diacritic");

/// How so many dots are sent.
fn how(quality: Quality, dots: u64) -> How {
    if !quality.is_best() || dots > FEW_DOTS {
        How::Reduced(quality)
    } else {
        How::Exact
    }
}
