//! What is in sight of an image: all of it, or the parts that no text is on.
//!
//! Each part is a placement of its own; they are numbered from 1.

use super::command::{Route, go};
use super::quiet;
use crate::geometry::{Point, Rect, Size};
use crate::term::paint::Scene;

/// The placements of an image.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight(Vec<Spot>);

/// A part of an image on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    column: u16,
    row: u16,
    /// Dots of the image.
    part: Rect,
}

impl Sight {
    /// Moves the cursor to where a new image is first seen, which is the dots `dots` of the picture; the keys to send it with.
    /// What they do not show of it, [`Sight::show`] does.
    pub fn begin(&mut self, id: u32, dots: Rect, scene: &Scene<'_>, out: &mut Vec<u8>) -> String {
        self.0 = spots(dots, scene);
        self.0.truncate(1);
        match self.0.first() {
            Some(spot) => {
                go(spot.column, spot.row, out);
                format!("a=T,i={id},{}", spot.keys(1, dots.size()))
            }
            None => format!("a=t,i={id},{}", quiet()),
        }
    }

    /// Appends what makes the terminal show an image that it has, the dots `dots` of the picture, as far as no text is on it.
    pub fn show(&mut self, id: u32, dots: Rect, scene: &Scene<'_>, out: &mut Vec<u8>) {
        let before = std::mem::replace(&mut self.0, spots(dots, scene));
        for (at, spot) in self.0.iter().enumerate() {
            if before.get(at) != Some(spot) {
                go(spot.column, spot.row, out);
                let keys = format!("a=p,i={id},{}", spot.keys(at + 1, dots.size()));
                Route::Direct.send(&keys, "", b"", out);
            }
        }
        for number in self.0.len() + 1..=before.len() {
            let keys = format!("a=d,d=i,i={id},p={number},{}", quiet());
            Route::Direct.send(&keys, "", b"", out);
        }
    }
}

impl Spot {
    /// The keys of its placement of an image of so many dots.
    fn keys(&self, number: usize, image: Size) -> String {
        let mut keys = format!("p={number},{},C=1", quiet());
        if self.part != image.to_rect() {
            let (Rect { left, top, .. }, size) = (self.part, self.part.size());
            keys += &format!(",x={left},y={top},w={},h={}", size.width, size.height);
        }
        keys
    }
}

/// Where the dots `dots` of the picture are seen as parts of an image of their own.
fn spots(dots: Rect, scene: &Scene<'_>) -> Vec<Spot> {
    let holes = scene.covered.iter();
    let holes: Vec<Rect> = holes.map(|cells| scene.place.dots_of(*cells)).collect();
    let spot = |part: Rect| {
        let (row, column) = scene.place.cell_of(Point::new(part.left, part.top));
        Spot {
            // No terminal has more cells than a u16 counts.
            column: column as u16,
            row: row as u16,
            part: part.translate(-dots.left, -dots.top),
        }
    };
    without(dots, &holes).into_iter().map(spot).collect()
}

/// The parts of a rectangle that are in no hole.
pub(super) fn without(whole: Rect, holes: &[Rect]) -> Vec<Rect> {
    holes.iter().fold(vec![whole], |free, hole| {
        free.iter().flat_map(|rect| rect.subtract(*hole)).collect()
    })
}
