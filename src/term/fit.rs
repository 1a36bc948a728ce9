//! Fitting a picture into a pane of cells.
//!
//! A *dot* is the smallest thing a drawing can colour by itself: half a cell, an eighth of one, or a pixel of the terminal.

use crate::geometry::{Point, Rect, Size};

/// Dots of one cell, across and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raster(pub Size);

impl Raster {
    /// Half blocks, and characters that stand for two dots by their lightness.
    pub const HALVES: Self = Self(Size::new(1, 2));
    /// Quarter blocks.
    pub const QUADRANTS: Self = Self(Size::new(2, 2));
    /// Blocks of six.
    pub const SEXTANTS: Self = Self(Size::new(2, 3));
    /// Blocks of eight.
    pub const OCTANTS: Self = Self(Size::new(2, 4));
}

/// Where a picture has room, and how finely it can be drawn there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pane {
    /// Columns of cells.
    pub columns: u16,
    /// Rows of cells.
    pub rows: u16,
    /// Dots of a cell. INVARIANT: neither side is 0.
    pub raster: Raster,
    /// Width divided by height of a cell; a half in most terminals.
    pub cell_aspect: f64,
}

impl Pane {
    /// A pane of half blocks; `cell_aspect` as in [`Pane`].
    pub const fn halves(columns: u16, rows: u16, cell_aspect: f64) -> Self {
        Self {
            columns,
            rows,
            raster: Raster::HALVES,
            cell_aspect,
        }
    }

    /// Size in dots.
    pub fn dots(&self) -> Size {
        let Raster(cell) = self.raster;
        Size::new(
            u32::from(self.columns).saturating_mul(cell.width),
            u32::from(self.rows).saturating_mul(cell.height),
        )
    }

    /// Width divided by height of a dot.
    pub fn dot_aspect(&self) -> f64 {
        let Raster(cell) = self.raster;
        self.cell_aspect * f64::from(cell.height) / f64::from(cell.width)
    }
}

/// Which part of a picture lands on which cells of a pane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Size of the whole picture, pixels.
    picture: Size,
    /// The part that is shown, pixels. INVARIANT: inside the picture and not empty.
    shown: Rect,
    /// Dots it covers. INVARIANT: neither side is 0.
    dots: Size,
    /// Dots of a cell.
    raster: Raster,
    /// Column and row of the pane where its first cell is.
    column: u16,
    row: u16,
}

impl Fit {
    /// The whole picture in the middle of a pane, its aspect kept. `None` when the picture or the pane is empty.
    ///
    /// A picture smaller than the pane is enlarged by a whole number.
    pub fn whole(picture: Size, pane: &Pane) -> Option<Self> {
        Self::whole_part(picture, picture.to_rect(), pane)
    }

    /// The same of a part of a picture. `None` also when no pixel of it is inside.
    pub fn whole_part(picture: Size, part: Rect, pane: &Pane) -> Option<Self> {
        let part = part.intersect(picture.to_rect());
        let (size, room) = (part.size(), pane.dots());
        if part.is_empty() || room.is_empty() {
            return None;
        }
        let dots = enlarged(size, room, pane.dot_aspect()).unwrap_or_else(|| {
            let height_of_one_column =
                f64::from(size.height) / f64::from(size.width) * pane.dot_aspect();
            let wide = f64::from(room.width) * height_of_one_column;
            if wide <= f64::from(room.height) {
                Size::new(room.width, rounded(wide, room.height))
            } else {
                let columns = f64::from(room.height) / height_of_one_column;
                Size::new(rounded(columns, room.width), room.height)
            }
        });
        Some(Self::centred(picture, part, dots, pane))
    }

    /// `times` dots a pixel, both ways; 1 shows every pixel as it is. What does not fit is cut off so that `centre` stays in
    /// the middle as far as the picture's edges allow. `None` when the picture or the pane is empty.
    pub fn exact(picture: Size, pane: &Pane, centre: Point, times: u32) -> Option<Self> {
        Self::exact_part(picture, picture.to_rect(), pane, centre, times)
    }

    /// The same of a part of a picture, whose edges count as the picture's. `None` also when no pixel of it is inside.
    pub fn exact_part(
        picture: Size,
        part: Rect,
        pane: &Pane,
        centre: Point,
        times: u32,
    ) -> Option<Self> {
        let part = part.intersect(picture.to_rect());
        let room = pane.dots();
        if part.is_empty() || room.is_empty() {
            return None;
        }
        // At least one pixel fits.
        let times = times.clamp(1, room.width.min(room.height));
        let pixels = Size::new(
            part.width().min(room.width / times),
            part.height().min(room.height / times),
        );
        let start = |centre: i32, shown: u32, first: i32, whole: u32| {
            let most = i64::from(first) + i64::from(whole - shown);
            (i64::from(centre) - i64::from(shown / 2)).clamp(first.into(), most) as i32
        };
        let shown = Rect::at(
            start(centre.x, pixels.width, part.left, part.width()),
            start(centre.y, pixels.height, part.top, part.height()),
            pixels,
        );
        let dots = Size::new(pixels.width * times, pixels.height * times);
        Some(Self::centred(picture, shown, dots, pane))
    }

    fn centred(picture: Size, shown: Rect, dots: Size, pane: &Pane) -> Self {
        let Raster(cell) = pane.raster;
        let half_of = |pane: u16, used: u32| (u32::from(pane).saturating_sub(used) / 2) as u16;
        Self {
            picture,
            shown,
            dots,
            raster: pane.raster,
            column: half_of(pane.columns, dots.width.div_ceil(cell.width)),
            row: half_of(pane.rows, dots.height.div_ceil(cell.height)),
        }
    }

    /// Size of the whole picture, pixels.
    pub fn picture(&self) -> Size {
        self.picture
    }

    /// The part of the picture that is shown, pixels.
    pub fn shown(&self) -> Rect {
        self.shown
    }

    /// Dots it covers.
    pub fn dots(&self) -> Size {
        self.dots
    }

    /// Dots of a cell.
    pub fn raster(&self) -> Raster {
        self.raster
    }

    /// The cells it covers, columns and rows of the pane.
    pub fn cells(&self) -> Rect {
        let Raster(cell) = self.raster;
        let size = Size::new(
            self.dots.width.div_ceil(cell.width),
            self.dots.height.div_ceil(cell.height),
        );
        Rect::at(self.column.into(), self.row.into(), size)
    }

    /// Whether every pixel is at least a dot.
    pub(super) fn enlarges(&self) -> bool {
        self.dots.width >= self.shown.width() && self.dots.height >= self.shown.height()
    }

    /// The dots whose colour depends on the pixels in `area`.
    pub fn dots_touched(&self, area: Rect) -> Rect {
        let area = area
            .intersect(self.shown)
            .translate(-self.shown.left, -self.shown.top);
        if area.is_empty() {
            return Rect::default();
        }
        let scale =
            |at: i32, dots: u32, pixels: u32| i64::from(at) * i64::from(dots) / i64::from(pixels);
        let scale_up = |at: i32, dots: u32, pixels: u32| {
            (i64::from(at) * i64::from(dots) + i64::from(pixels) - 1) / i64::from(pixels)
        };
        let (width, height) = (self.shown.width(), self.shown.height());
        // Hamming reaches one dot further than the area itself; area averages do not.
        let margin = i32::from(!self.enlarges() && !self.halves());
        Rect::new(
            scale(area.left, self.dots.width, width) as i32 - margin,
            scale(area.top, self.dots.height, height) as i32 - margin,
            scale_up(area.right, self.dots.width, width) as i32 + margin,
            scale_up(area.bottom, self.dots.height, height) as i32 + margin,
        )
        .intersect(self.dots.to_rect())
    }

    /// Whether each dot stands for at least two pixels both ways.
    pub(super) fn halves(&self) -> bool {
        let halved = |dots: u32, pixels: u32| dots.saturating_mul(2) <= pixels;
        halved(self.dots.width, self.shown.width()) && halved(self.dots.height, self.shown.height())
    }

    /// The pixel in the middle of a cell of the pane; `None` beside the picture.
    pub fn pixel_at(&self, column: u16, row: u16) -> Option<Point> {
        let cell = Point::new(column.into(), row.into());
        self.cells()
            .contains(cell)
            .then(|| self.nearest_pixel(column, row))
    }

    /// The pixel in the middle of a cell of the pane, or the nearest one when the cell is beside the picture.
    pub fn nearest_pixel(&self, column: u16, row: u16) -> Point {
        // The middle of the one part that the cell has.
        self.nearest_pixel_in(column, row, Point::default(), Size::new(1, 1))
    }

    /// The pixel in the middle of a part of a cell of the pane, which has as many parts as `cell` says, or the nearest one when
    /// that is beside the picture.
    pub fn nearest_pixel_in(&self, column: u16, row: u16, part: Point, cell: Size) -> Point {
        let Raster(raster) = self.raster;
        let (shown, dots) = (self.shown.size(), self.dots);
        // In half parts, so that the middle of one is a whole number.
        let halves = |cell: u16, first: u16, part: i32, parts: u32| {
            (i64::from(cell) - i64::from(first)) * i64::from(parts) * 2 + i64::from(part) * 2 + 1
        };
        let scale = |halves: i64, raster: u32, pixels: u32, parts: u32, dots: u32| {
            let most = i64::from(dots) * i64::from(parts.max(1)) * 2;
            halves * i64::from(raster) * i64::from(pixels) / most
        };
        let x = halves(column, self.column, part.x, cell.width);
        let x = scale(x, raster.width, shown.width, cell.width, dots.width);
        let y = halves(row, self.row, part.y, cell.height);
        let y = scale(y, raster.height, shown.height, cell.height, dots.height);
        Point::new(
            self.shown.left + x.clamp(0, i64::from(self.shown.width()) - 1) as i32,
            self.shown.top + y.clamp(0, i64::from(self.shown.height()) - 1) as i32,
        )
    }

    /// Column and row in the pane of the cell that shows a pixel; `None` when it is not shown.
    pub fn cell_of(&self, pixel: Point) -> Option<(u16, u16)> {
        if !self.shown.contains(pixel) {
            return None;
        }
        let dot = |at: i32, first: i32, dots: u32, pixels: u32| {
            (i64::from(at - first) * i64::from(dots) / i64::from(pixels)) as u32
        };
        let x = dot(
            pixel.x,
            self.shown.left,
            self.dots.width,
            self.shown.width(),
        );
        let y = dot(
            pixel.y,
            self.shown.top,
            self.dots.height,
            self.shown.height(),
        );
        let Raster(cell) = self.raster;
        let (column, row) = (x / cell.width, y / cell.height);
        Some((self.column + column as u16, self.row + row as u16))
    }
}

/// The largest size by whole numbers that fits, if even once does.
fn enlarged(picture: Size, pane: Size, dot_aspect: f64) -> Option<Size> {
    (1..=pane.width / picture.width).rev().find_map(|across| {
        let down = rounded(f64::from(across) * dot_aspect, u32::MAX);
        let size = Size::new(picture.width * across, picture.height.checked_mul(down)?);
        (size.height <= pane.height).then_some(size)
    })
}

/// Rounded, at least 1 and at most `most`.
fn rounded(n: f64, most: u32) -> u32 {
    (n.round() as u32).clamp(1, most)
}
