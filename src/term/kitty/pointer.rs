//! The guest's pointer as an image of its own, moved by placing it elsewhere.

use super::command::{Route, go};
use super::payload::Payloads;
use super::{ABOVE_PICTURE, quiet};
use crate::geometry::{Point, Rect, Size};
use crate::term::paint::{Pointer, Scene};

/// An image for the pointer.
#[derive(Debug)]
pub(super) struct PointerLayer {
    id: u32,
    /// What the terminal has in memory.
    shape: Option<u64>,
    /// Where it shows it.
    shown: Option<Spot>,
}

/// A placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    column: u16,
    row: u16,
    /// Dots from the corner of that cell.
    inside: Point,
    /// The part of the shape that is on the picture.
    part: Rect,
}

impl PointerLayer {
    pub(super) fn new(id: u32) -> Self {
        Self {
            id,
            shape: None,
            shown: None,
        }
    }

    /// Appends what makes the terminal show the scene's pointer.
    pub(super) fn paint(&mut self, scene: &Scene<'_>, payloads: &mut Payloads, out: &mut Vec<u8>) {
        let spot = scene.pointer.and_then(|pointer| {
            let spot = spot(&pointer, scene)?;
            Some((pointer, spot))
        });
        let Some((pointer, spot)) = spot else {
            if self.shown.take().is_some() {
                let keys = format!("a=d,d=i,i={},{}", self.id, quiet());
                Route::Direct.send(&keys, "", b"", out);
            }
            return;
        };
        let known = self.shape == Some(pointer.shape_id);
        if known && self.shown == Some(spot) {
            return;
        }
        go(spot.column, spot.row, out);
        let Rect { left, top, .. } = spot.part;
        let mut place = format!(
            "i={},p=1,{},C=1,z={ABOVE_PICTURE},X={},Y={}",
            self.id,
            quiet(),
            spot.inside.x,
            spot.inside.y
        );
        if spot.part != pointer.shape.size.to_rect() {
            let Size { width, height } = spot.part.size();
            place += &format!(",x={left},y={top},w={width},h={height}");
        }
        if known {
            Route::Direct.send(&format!("a=p,{place}"), "", b"", out);
        } else {
            let (form, payload) = payloads.transparent(pointer.shape);
            let keys = format!("a=T,{place},{}", form.keys(pointer.shape.size));
            Route::Direct.send(&keys, quiet(), payload, out);
        }
        self.shape = Some(pointer.shape_id);
        self.shown = Some(spot);
    }

    /// The terminal may have lost it.
    pub(super) fn forget(&mut self) {
        self.shape = None;
        self.shown = None;
    }

    /// The terminal shows it elsewhere than it should.
    pub(super) fn lose_place(&mut self) {
        self.shown = None;
    }

    /// Appends what takes it off the terminal and out of its memory.
    pub(super) fn leave(&mut self, out: &mut Vec<u8>) {
        if self.shape.is_some() {
            super::delete(Route::Direct, self.id, out);
        }
        self.forget();
    }
}

/// Where a pointer goes; `None` when nothing of it is on the picture, or it is in the way of text.
fn spot(pointer: &Pointer<'_>, scene: &Scene<'_>) -> Option<Spot> {
    let (place, shape) = (scene.place, pointer.shape.size);
    let Point { x, y } = pointer.at;
    let seen = Rect::at(x, y, shape).intersect(scene.picture.size.to_rect());
    if seen.is_empty() || place.cell.is_empty() {
        return None;
    }
    let mut texts = scene.covered.iter().map(|cells| place.dots_of(*cells));
    if texts.any(|text| text.overlaps(seen)) {
        return None;
    }
    let cell = |at: i32, side: u32| (at as u32 / side, (at as u32 % side) as i32);
    let (columns, inside_x) = cell(seen.left, place.cell.width);
    let (rows, inside_y) = cell(seen.top, place.cell.height);
    Some(Spot {
        column: place.column.checked_add(u16::try_from(columns).ok()?)?,
        row: place.row.checked_add(u16::try_from(rows).ok()?)?,
        inside: Point::new(inside_x, inside_y),
        part: seen.translate(x.checked_neg()?, y.checked_neg()?),
    })
}
