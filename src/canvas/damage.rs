//! Which parts of a picture have changed.

use smallvec::SmallVec;

use crate::geometry::Rect;

/// A small set of rectangles that covers everything added to it, and not much more.
///
/// Two of its rectangles may overlap, but only so little that their common bounding rectangle would be more work for
/// whoever redraws them.
#[derive(Clone, Debug, Default)]
pub struct Damage {
    /// INVARIANT: at most [`Damage::MAX_RECTS`], none empty, and no two are better merged.
    rects: Rects,
}

/// Room for more than there can be while one is added: what changed is noted for every command, and never allocates.
type Rects = SmallVec<[Rect; 36]>;

impl Damage {
    /// Most rectangles kept.
    pub const MAX_RECTS: usize = 32;

    /// Adds a rectangle. An empty one changes nothing.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|r| r.covers(rect)) {
            return;
        }
        let mut rect = rect;
        // Every round takes a rectangle out, so there are at most MAX_RECTS.
        while let Some(i) = self.rects.iter().position(|r| merge_cost(*r, rect) <= 0) {
            rect = rect.bounds(self.rects.swap_remove(i));
        }
        self.rects.push(rect);
        if self.rects.len() > Self::MAX_RECTS {
            self.merge_cheapest_pair();
        }
    }

    /// Adds every rectangle of another damage.
    pub fn merge(&mut self, other: &Damage) {
        other.rects.iter().for_each(|r| self.add(*r));
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// The rectangles, in no order.
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// The smallest rectangle around all.
    pub fn bounds(&self) -> Rect {
        self.rects
            .iter()
            .fold(Rect::default(), |all, r| all.bounds(*r))
    }

    /// What has changed so far; this damage is empty afterwards.
    pub fn take(&mut self) -> Damage {
        std::mem::take(self)
    }

    /// Forgets what has changed.
    pub fn clear(&mut self) {
        self.rects.clear();
    }

    fn merge_cheapest_pair(&mut self) {
        let rects = &self.rects;
        let pairs = (0..rects.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
        let cheapest = pairs.min_by_key(|(i, j)| merge_cost(rects[*i], rects[*j]));
        if let Some((i, j)) = cheapest {
            // `j` first: it is the later one, so `i` stays where it is.
            let pair = [self.rects.swap_remove(j), self.rects.swap_remove(i)];
            self.add(pair[0].bounds(pair[1]));
        }
    }
}

impl IntoIterator for Damage {
    type Item = Rect;
    type IntoIter = smallvec::IntoIter<[Rect; 36]>;

    fn into_iter(self) -> Self::IntoIter {
        self.rects.into_iter()
    }
}

/// Pixels' worth of work that drawing the bounding rectangle takes more than drawing two rectangles by themselves.
fn merge_cost(a: Rect, b: Rect) -> i128 {
    let [both, a, b] = [a.bounds(b), a, b].map(|r| i128::from(r.area()));
    both - a - b - RECT_COST
}

/// What a rectangle costs besides its pixels, as pixels: a draw command or an event, a picture header.
const RECT_COST: i128 = 1024;
