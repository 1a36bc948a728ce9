//! Images in place of characters, for terminals around a tmux.
//!
//! tmux knows nothing of images but moves, covers and redraws characters. So each tile is an image without a place, and its
//! cells are written as a character that stands for a part of it: which part by diacritics, of which image by its colour.
//!
//! Text on the picture takes the place of these characters. They are written again when a cell is no longer covered.

use super::command::Route;
use super::tiles::{Board, Placing};
use crate::geometry::Rect;
use crate::term::paint::{Painted, Painter, Room, Scene};

/// A painter for terminals that know placeholders (kitty from 0.28, ghostty), usually around a tmux. It draws no pointer.
pub struct Placeholders(Board);

impl Placeholders {
    /// A painter whose image numbers have `base` and the next few numbers as their highest bytes; they must be no other
    /// painter's, and are better chosen anew for each start of the program.
    pub fn new(base: u8, route: Route) -> Self {
        Self(Board::new(Placing::Characters { route, base }))
    }
}

impl Painter for Placeholders {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        self.0.paint(scene, out)
    }

    fn limit(&mut self, room: Room, first: &[Rect]) {
        self.0.limit(room, first);
    }

    fn forget(&mut self) {
        self.0.forget();
    }

    fn leave(&mut self, out: &mut Vec<u8>) {
        self.0.leave(out);
    }
}
