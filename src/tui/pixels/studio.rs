//! What a painter paints from, and the frames it paints: away on another thread while it does.

use super::pointer::DotPointer;
use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use crate::term::paint::{Painted, Painter, Place, Quality, Room, Scene};

/// Bytes of a dot.
const DOT: usize = 4;

/// A frame to be painted: hand it to another thread, [`Order::run`] it there, and bring the result back.
pub struct Order {
    pub(super) studio: Studio,
    pub(super) place: Place,
    pub(super) covered: Vec<Rect>,
    pub(super) pointer: Option<DotPointer>,
    pub(super) quality: Quality,
    /// Whether nothing changed and the picture is only to be better.
    pub(super) refines: bool,
    pub(super) room: Room,
    pub(super) urgent: Vec<Rect>,
    pub(super) forget: bool,
}

/// A frame that was painted.
pub struct Frame {
    pub(super) studio: Studio,
    /// What the terminal is to be told.
    pub bytes: Vec<u8>,
    pub(super) painted: Painted,
    pub(super) quality: Quality,
    pub(super) refines: bool,
}

/// A painter and what it paints from.
pub(super) struct Studio {
    painter: Box<dyn Painter>,
    size: Size,
    /// The picture, bytes B, G, R, X, with the pointer on it when the painter has no layer for that.
    plane: Vec<u8>,
    /// What changed on it since the last frame was painted.
    changed: Vec<Rect>,
    /// Where the pointer is drawn into the picture, and what is below.
    below: Option<(Rect, Vec<u8>)>,
    pointer: Option<DotPointer>,
}

impl Order {
    /// Paints it.
    pub fn run(mut self) -> Frame {
        let studio = &mut self.studio;
        if self.forget {
            studio.painter.forget();
        }
        studio.point(self.pointer);
        self.urgent.extend(studio.drawn_pointer());
        studio.painter.limit(self.room, &self.urgent);
        let changed = std::mem::take(&mut studio.changed);
        let stride = PixelFormat::Xrgb.row_bytes(studio.size.width);
        let mut bytes = Vec::new();
        let mut painted = Painted::default();
        if let Some(picture) = PixelView::new(PixelFormat::Xrgb, studio.size, stride, &studio.plane)
        {
            let pointer = studio.pointer.as_ref().filter(|_| studio.below.is_none());
            let scene = Scene {
                picture,
                changed: &changed,
                place: self.place,
                covered: &self.covered,
                pointer: pointer.and_then(DotPointer::layer),
                quality: self.quality,
            };
            painted = studio.painter.paint(&scene, &mut bytes);
        }
        Frame {
            studio: self.studio,
            bytes,
            painted,
            quality: self.quality,
            refines: self.refines,
        }
    }
}

impl Studio {
    /// One with an empty picture.
    pub(super) fn new(painter: Box<dyn Painter>) -> Self {
        Self {
            painter,
            size: Size::default(),
            plane: Vec::new(),
            changed: Vec::new(),
            below: None,
            pointer: None,
        }
    }

    /// Size of the picture.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Appends what takes everything off the terminal.
    pub(super) fn leave(&mut self, out: &mut Vec<u8>) {
        self.painter.leave(out);
    }

    /// Where the pointer is drawn into the picture.
    pub(super) fn drawn_pointer(&self) -> Option<Rect> {
        self.below.as_ref().map(|(rect, _)| *rect)
    }

    /// Takes the pointer out of the picture, and takes the dots in some rectangles over: all of them are expected when the size
    /// is another one.
    pub(super) fn begin(&mut self, dots: PixelView<'_>, changed: &[Rect]) {
        let below = self.below.take();
        if self.size == dots.size {
            if let Some((rect, dots)) = below {
                let row = rect.width() as usize * DOT;
                self.put(rect, dots.chunks_exact(row));
            }
        } else {
            self.size = dots.size;
            self.plane.clear();
            self.plane.resize(dots.size.area() as usize * DOT, 0);
        }
        for rect in changed {
            let rect = rect.intersect(dots.size.to_rect());
            self.put(rect, dots.crop(rect).rows());
        }
    }

    /// Draws the pointer into the picture, unless the painter does that.
    fn point(&mut self, pointer: Option<DotPointer>) {
        self.pointer = pointer;
        let has_layer = self.painter.has_pointer_layer();
        let drawn = self.pointer.as_ref();
        let Some(pointer) = drawn.filter(|pointer| !(has_layer && pointer.can_be_layer())) else {
            return;
        };
        let rect = pointer.rect().intersect(self.size.to_rect());
        let stride = PixelFormat::Xrgb.row_bytes(self.size.width);
        let view = PixelView::new(PixelFormat::Xrgb, self.size, stride, &self.plane);
        let Some(view) = view.filter(|_| !rect.is_empty()) else {
            return;
        };
        self.below = Some((rect, view.crop(rect).to_buf().data().to_vec()));
        pointer.draw(&mut self.plane, self.size, rect);
        self.changed.push(rect);
    }

    /// Takes rows over at a place inside of the picture.
    fn put<'a>(&mut self, rect: Rect, rows: impl Iterator<Item = &'a [u8]>) {
        if rect.is_empty() || !self.size.to_rect().covers(rect) {
            return;
        }
        let stride = PixelFormat::Xrgb.row_bytes(self.size.width);
        let columns = rect.left as usize * DOT..rect.right as usize * DOT;
        let targets = self.plane.chunks_exact_mut(stride).skip(rect.top as usize);
        for (target, row) in targets.zip(rows) {
            target[columns.clone()].copy_from_slice(row);
        }
        self.changed.push(rect);
    }
}
