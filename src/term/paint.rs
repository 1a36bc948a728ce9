//! What a painter of pixels is told, and what it answers.
//!
//! A painter knows one picture protocol. It turns the picture as it is to be into bytes for a terminal of which it
//! remembers what it shows; it writes nothing itself.

use crate::geometry::{Point, Rect, Size};
use crate::pixels::PixelView;

/// A picture protocol, with what it keeps between frames.
pub trait Painter: Send {
    /// Appends the bytes that make the terminal show the scene. None at all when it shows it already.
    ///
    /// Everything appended will be written, in this order, before anything the next call appends: a painter counts on it
    /// from the moment it returns. The cursor may stay anywhere; colours and attributes are left as they were.
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted;

    /// From now on a call of [`Painter::paint`] appends about as much as there is room for, and begins with what changed at the
    /// places `first`, dots of the picture. What there is no room for is drawn, as it is then, by the calls that follow, which
    /// need not be told that it changed. Does nothing in a painter that can only draw everything at once.
    fn limit(&mut self, room: Room, first: &[Rect]) {
        let _ = (room, first);
    }

    /// The terminal's picture is lost: it was cleared, resized, or somebody else drew on it. The next scene is painted whole.
    fn forget(&mut self);

    /// Appends the bytes that take everything of this painter off the terminal and out of its memory. Nothing when there is
    /// nothing.
    fn leave(&mut self, out: &mut Vec<u8>);

    /// Whether it draws [`Scene::pointer`] as a layer of its own. For the others it is drawn into the picture.
    fn has_pointer_layer(&self) -> bool {
        false
    }
}

/// What a frame may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes, a few more or less.
    pub bytes: usize,
    /// Parts that are drawn by themselves, where each costs the terminal much.
    pub parts: usize,
}

impl Room {
    /// Room for everything.
    pub const ALL: Self = Self {
        bytes: usize::MAX,
        parts: usize::MAX,
    };
}

/// One frame as it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// One dot a pixel of the terminal: bytes B, G, R, X, packed.
    pub picture: PixelView<'a>,
    /// Dots that may differ from the last scene; every other one is as it was. A scene of another size or place than the last
    /// one differs everywhere, whatever this says.
    pub changed: &'a [Rect],
    /// Where it belongs.
    pub place: Place,
    /// Cells of the picture, counted from its first, on which text is drawn now. Nothing may be drawn over them; when they
    /// are free again they are blank.
    pub covered: &'a [Rect],
    /// The guest's pointer, for painters with a layer for it.
    pub pointer: Option<Pointer<'a>>,
    /// How good it has to be. What is small is always as good as it can be.
    pub quality: Quality,
}

/// Where on a terminal a picture belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Column of its first cell, from 0.
    pub column: u16,
    /// Row of its first cell, from 0. A picture never reaches the terminal's last row.
    pub row: u16,
    /// Pixels of a cell. INVARIANT: neither side is 0.
    pub cell: Size,
    /// Columns and rows of the terminal.
    pub terminal: (u16, u16),
}

impl Place {
    /// Dots of the picture on some of its cells.
    pub(super) fn dots_of(&self, cells: Rect) -> Rect {
        let dot = |cell: i32, dots: u32| {
            let dot = i64::from(cell).saturating_mul(dots.into());
            dot.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        Rect::new(
            dot(cells.left, self.cell.width),
            dot(cells.top, self.cell.height),
            dot(cells.right, self.cell.width),
            dot(cells.bottom, self.cell.height),
        )
    }

    /// Row and column of the terminal, from 0, of a dot of the picture.
    pub(super) fn cell_of(&self, dot: Point) -> (u32, u32) {
        let cell = |first: u16, dot: i32, dots: u32| u32::from(first) + dot.max(0) as u32 / dots;
        (
            cell(self.row, dot.y, self.cell.height),
            cell(self.column, dot.x, self.cell.width),
        )
    }

    /// Dots from the picture's first cell on, without those of the terminal's last row.
    pub(super) fn room(&self) -> Size {
        let columns = self.terminal.0.saturating_sub(self.column);
        let rows = self.terminal.1.saturating_sub(1).saturating_sub(self.row);
        Size::new(
            u32::from(columns).saturating_mul(self.cell.width),
            u32::from(rows).saturating_mul(self.cell.height),
        )
    }
}

/// A pointer shape on the picture.
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    /// Bytes B, G, R, A, colours multiplied by alpha; dots as the picture's. Not larger than 256×256.
    pub shape: PixelView<'a>,
    /// A number that is another one whenever the shape is.
    pub shape_id: u64,
    /// Where the shape's first dot is on the picture; it may stand out on every side.
    pub at: Point,
}

/// How good a frame has to be, best by default.
///
/// Qualities have no order: whether fewer dots or fewer colours are worse depends on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Dots of the sides of the squares that are drawn in one colour each: 1, 2 or 4.
    pub square: u32,
    /// Most colours of the picture at once: 256, 128, 64, 32 or 16. Painters that can be exact are, at 256.
    pub colours: u16,
}

impl Quality {
    /// As good as it can be.
    pub const BEST: Self = Self {
        square: 1,
        colours: 256,
    };

    /// Whether nothing may be left out.
    pub const fn is_best(self) -> bool {
        self.square <= 1 && self.colours >= Self::BEST.colours
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self::BEST
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Painted {
    /// Dots that were drawn, scrolled ones not counted.
    pub dots: u64,
    /// Dots there was no room for, see [`Painter::limit`].
    pub owed: u64,
    /// Whether some of what the terminal shows could be better: the same scene at [`Quality::BEST`] would draw more.
    pub coarse: bool,
}
