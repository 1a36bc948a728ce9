//! The clip of a command: a list of rectangles that may overlap, taken as a union.
//!
//! Protocol: rasterisation (spec 07b §2).

use smallvec::SmallVec;

use crate::geometry::Rect;

/// What the box of a command is cut to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clip {
    /// Nothing is cut away.
    #[default]
    None,
    /// Only the union of these is drawn. Empty and inverted ones do not count; with none left nothing is drawn.
    Rects(Vec<Rect>),
}

impl Clip {
    /// The part of `bounds` to draw, as rectangles that do not overlap.
    ///
    /// They come top row first and left to right: those that share a row share all their rows. With n rectangles in
    /// the list there are at most 2n − 1 such bands with at most n rectangles each, and never more than pixels in
    /// `bounds`. The work for a band is in proportion to its possible edges, whatever the overlap.
    pub fn region(&self, bounds: Rect) -> Region {
        let mut region = Region::default();
        region.begin(self, bounds);
        region
    }
}

/// The order in which the rectangles of a region come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// Bottom band first.
    pub bottom_up: bool,
    /// Within a band the rightmost first.
    pub right_to_left: bool,
}

/// Rectangles that do not overlap; see [`Clip::region`].
///
/// A sweep over the rows. For every column where some rectangle has an edge it knows by how much the number of
/// rectangles changes there.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Rows where rectangles begin and end, sorted.
    turns: SmallVec<[Turn; 8]>,
    /// Turns that are behind.
    passed: usize,
    /// Columns where rectangles have edges, each once, sorted.
    columns: SmallVec<[i32; 8]>,
    /// For each column how many more rectangles of the band cover it than cover the one before.
    change: SmallVec<[i32; 8]>,
    /// Columns of the band that are behind.
    column: usize,
    /// First row of the band and the first one below it.
    band: (i32, i32),
    order: Order,
}

/// A row where a rectangle begins or ends.
#[derive(Clone, Copy, Debug)]
struct Turn {
    row: i32,
    /// 1 where it begins, −1 where it ends.
    by: i32,
    /// Its edges, as indexes into the columns.
    left: usize,
    right: usize,
}

impl Region {
    /// Most bytes worth keeping: for some 1000 rectangles.
    pub const MOST: usize = 64 << 10;

    /// Becomes the part of `bounds` that `clip` leaves, in the memory it has.
    pub fn begin(&mut self, clip: &Clip, bounds: Rect) {
        self.begin_in(clip, bounds, Order::default());
    }

    /// As [`Region::begin`], in another order.
    pub(super) fn begin_in(&mut self, clip: &Clip, bounds: Rect, order: Order) {
        let rects: &[Rect] = match clip {
            Clip::None => &[bounds],
            Clip::Rects(rects) => rects,
        };
        let inside = || {
            let cut = rects.iter().map(|r| r.intersect(bounds));
            cut.filter(|r| !r.is_empty()).map(|r| order.mirror(r))
        };
        let columns = &mut self.columns;
        columns.clear();
        columns.extend(inside().flat_map(|r| [r.left, r.right]));
        columns.sort_unstable();
        columns.dedup();
        let index = |x: i32| columns.partition_point(|c| *c < x);
        self.turns.clear();
        self.turns.extend(inside().flat_map(|r| {
            let (left, right) = (index(r.left), index(r.right));
            [(r.top, 1), (r.bottom, -1)].map(|(row, by)| Turn {
                row,
                by,
                left,
                right,
            })
        }));
        self.turns.sort_unstable_by_key(|turn| turn.row);
        self.order = order;
        self.rewind();
    }

    /// Goes back to the start.
    fn rewind(&mut self) {
        self.passed = 0;
        self.change.clear();
        self.change.resize(self.columns.len(), 0);
        self.column = self.columns.len();
        self.band = (0, 0);
    }

    /// The rectangle, if it is one. The next one of the region is the first again.
    pub(super) fn only_rect(&mut self) -> Option<Rect> {
        self.rewind();
        let (first, second) = (self.next(), self.next());
        self.rewind();
        first.filter(|_| second.is_none())
    }

    /// Bytes of memory it has beside itself, or nearly.
    pub fn bytes(&self) -> usize {
        let turns = self.turns.capacity() * size_of::<Turn>();
        turns + (self.columns.capacity() + self.change.capacity()) * size_of::<i32>()
    }

    /// The next run of covered columns in the band.
    fn next_run(&mut self) -> Option<(i32, i32)> {
        let mut cover = 0;
        let mut left = None;
        while let Some(x) = self.columns.get(self.column) {
            cover += self.change[self.column];
            self.column += 1;
            match left {
                None if cover > 0 => left = Some(*x),
                Some(left) if cover == 0 => return Some((left, *x)),
                _ => {}
            }
        }
        None
    }

    /// Goes to the next band; whether there is one.
    fn next_band(&mut self) -> bool {
        let Some(top) = self.turns.get(self.passed).map(|turn| turn.row) else {
            return false;
        };
        while let Some(turn) = self.turns.get(self.passed).filter(|turn| turn.row == top) {
            self.change[turn.left] += turn.by;
            self.change[turn.right] -= turn.by;
            self.passed += 1;
        }
        let bottom = self.turns.get(self.passed).map_or(top, |turn| turn.row);
        self.band = (top, bottom);
        self.column = 0;
        true
    }
}

impl Iterator for Region {
    type Item = Rect;

    fn next(&mut self) -> Option<Rect> {
        loop {
            if let Some((left, right)) = self.next_run() {
                let (top, bottom) = self.band;
                return Some(self.order.mirror(Rect::new(left, top, right, bottom)));
            }
            if !self.next_band() {
                return None;
            }
        }
    }
}

impl Order {
    /// Turns the number lines around, so that the usual order becomes this one. Doing it twice gives the rectangle back.
    fn mirror(self, r: Rect) -> Rect {
        let turn = |turned: bool, from: i32, to: i32| {
            if turned { (!to, !from) } else { (from, to) }
        };
        let (left, right) = turn(self.right_to_left, r.left, r.right);
        let (top, bottom) = turn(self.bottom_up, r.top, r.bottom);
        Rect::new(left, top, right, bottom)
    }
}
