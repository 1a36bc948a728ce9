//! Small parts of a picture, in colours that match what is around them.
//!
//! An image brings its own palette, and that of a small one could be the best there is for it. But then what has not changed
//! beside what has, the paper around a letter and the ground below something that moves, would be drawn a little lighter or
//! darker than before, and stand out as a patch. So a dot for which the picture's palette has a colour that is about as near as
//! any gets it, and only the others have colours of their own.
//!
//! A character that was typed has no room for many colours: saying one costs as many bytes as its dots. There those that are
//! rare give way to others.

use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use crate::term::quantise::{Quantiser, distance};

/// Bytes of a dot.
const DOT: usize = 4;

/// Entries of a palette.
const MOST: usize = 256;

/// Dots of a part in which a colour is worth more than a few dots that have it.
const TINY: usize = 512;

/// Mean squared error that is spent on having fewer colours there, the sum over three components.
const SPENT: u64 = 1;

/// Draws small parts.
pub(super) struct Patches {
    /// For dots that the picture's palette has no colour for.
    own: Quantiser,
    palette: Vec<[u8; 3]>,
    /// Scratch: those dots, where they are, and their entries.
    far: Vec<u8>,
    places: Vec<usize>,
    entries: Vec<u8>,
}

impl Patches {
    /// With colours of their own from this quantiser.
    pub(super) fn new(own: Quantiser) -> Self {
        Self {
            own,
            palette: Vec::new(),
            far: Vec::new(),
            places: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Replaces `indices` by the entries of a part of a picture with a palette, row by row; that palette, of at most `most`
    /// entries. `base` is the quantiser of the picture.
    pub(super) fn map(
        &mut self,
        base: &mut Quantiser,
        picture: PixelView<'_>,
        part: Rect,
        most: usize,
        indices: &mut Vec<u8>,
    ) -> &[[u8; 3]] {
        if base.palette().is_empty() {
            return self.map_alone(picture, part, indices);
        }
        base.map_part(picture, part, indices);
        self.find_far(base, picture, part, indices);
        let size = Size::new(self.places.len() as u32, 1);
        let far = PixelView::new(PixelFormat::Xrgb, size, self.far.len(), &self.far);
        self.entries.clear();
        if let Some(far) = far.filter(|_| !self.places.is_empty()) {
            self.own.fit(far, size.to_rect());
            self.own.map(&self.far, &mut self.entries);
        }
        if !self.join(base, most.min(MOST), indices) {
            return self.map_alone(picture, part, indices);
        }
        if indices.len() <= TINY && !base.is_exact() {
            self.prune(indices);
        }
        &self.palette
    }

    fn map_alone(
        &mut self,
        picture: PixelView<'_>,
        part: Rect,
        indices: &mut Vec<u8>,
    ) -> &[[u8; 3]] {
        self.own.fit(picture, part);
        self.own.map_part(picture, part, indices);
        self.own.palette()
    }

    /// Looks for dots that are not near to their entries.
    fn find_far(&mut self, base: &Quantiser, picture: PixelView<'_>, part: Rect, indices: &[u8]) {
        self.far.clear();
        self.places.clear();
        let rows = picture.crop(part);
        let dots = rows.rows().flat_map(|row| row.as_chunks::<DOT>().0);
        for (place, (dot, entry)) in dots.zip(indices).enumerate() {
            if !base.is_near(*entry, *dot) {
                self.far.extend_from_slice(dot);
                self.places.push(place);
            }
        }
    }

    /// Has the rarest colours give way to the nearest ones.
    fn prune(&mut self, indices: &mut [u8]) {
        let mut counts = [0_u64; MOST];
        indices.iter().for_each(|at| counts[usize::from(*at)] += 1);
        let mut rare: Vec<usize> = (0..self.palette.len()).collect();
        rare.sort_by_key(|entry| counts[*entry]);
        let mut left = indices.len() as u64 * SPENT;
        for entry in rare {
            let others = (0..self.palette.len()).filter(|at| *at != entry && counts[*at] > 0);
            let far = |at: &usize| distance(self.palette[*at], self.palette[entry]);
            let Some(nearest) = others.min_by_key(far) else {
                return;
            };
            let costs = far(&nearest) * counts[entry];
            if costs <= left {
                left -= costs;
                counts[nearest] += std::mem::take(&mut counts[entry]);
                let gone = indices.iter_mut().filter(|at| usize::from(**at) == entry);
                // Less than the palette's length.
                gone.for_each(|at| *at = nearest as u8);
            }
        }
    }

    /// Makes one palette of both, of those entries that dots have; whether there is room for them.
    fn join(&mut self, base: &Quantiser, most: usize, indices: &mut [u8]) -> bool {
        self.palette.clear();
        let mut known = [None; MOST];
        let mut of_own = [None; MOST];
        let mut far = self.places.iter().zip(&self.entries).peekable();
        for (place, index) in indices.iter_mut().enumerate() {
            let own = far.next_if(|(at, _)| **at == place);
            let (colours, entry, new) = match own {
                Some((_, entry)) => (self.own.palette(), *entry, &mut of_own),
                None => (base.palette(), *index, &mut known),
            };
            let new = &mut new[usize::from(entry)];
            if new.is_none() {
                let colour = colours.get(usize::from(entry)).copied();
                if self.palette.len() >= most {
                    return false;
                }
                *new = Some(self.palette.len() as u8);
                self.palette.push(colour.unwrap_or_default());
            }
            *index = new.unwrap_or_default();
        }
        true
    }
}
