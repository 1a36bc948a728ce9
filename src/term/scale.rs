//! Fitting a picture into a pane of cells, and keeping it scaled there.
//!
//! A *dot* is half a cell: one column wide, half a row high. Scaling is by area (box filter) below half size, smoother
//! (Hamming) up to full size, and whole-number nearest when the picture is smaller than the pane.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// Which part of a picture lands on which cells of a pane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Size of the whole picture, pixels.
    picture: Size,
    /// The part that is shown, pixels. INVARIANT: inside the picture and not empty.
    shown: Rect,
    /// Dots it covers. INVARIANT: neither side is 0.
    dots: Size,
    /// Column and row of the pane where its first cell is.
    column: u16,
    row: u16,
}

impl Fit {
    /// The whole picture in the middle of a pane, its aspect kept. `dot_aspect` is width divided by height of a dot, 1
    /// when cells are twice as high as wide. `None` when the picture or the pane is empty.
    ///
    /// A picture smaller than the pane is enlarged by a whole number.
    pub fn whole(picture: Size, columns: u16, rows: u16, dot_aspect: f64) -> Option<Self> {
        Self::whole_part(picture, picture.to_rect(), columns, rows, dot_aspect)
    }

    /// The same of a part of a picture. `None` also when no pixel of it is inside.
    pub fn whole_part(
        picture: Size,
        part: Rect,
        columns: u16,
        rows: u16,
        dot_aspect: f64,
    ) -> Option<Self> {
        let part = part.intersect(picture.to_rect());
        if part.is_empty() || columns == 0 || rows == 0 {
            return None;
        }
        let (size, pane) = (part.size(), Size::new(columns.into(), u32::from(rows) * 2));
        let dots = enlarged(size, pane, dot_aspect).unwrap_or_else(|| {
            let height_of_one_column = f64::from(size.height) / f64::from(size.width) * dot_aspect;
            let wide = f64::from(pane.width) * height_of_one_column;
            if wide <= f64::from(pane.height) {
                Size::new(pane.width, rounded(wide, pane.height))
            } else {
                let columns = f64::from(pane.height) / height_of_one_column;
                Size::new(rounded(columns, pane.width), pane.height)
            }
        });
        Some(Self::centred(picture, part, dots, columns, rows))
    }

    /// One pixel a dot. What does not fit is cut off so that `centre` stays in the middle as far as the picture's edges
    /// allow. `None` when the picture or the pane is empty.
    pub fn exact(picture: Size, columns: u16, rows: u16, centre: Point) -> Option<Self> {
        Self::exact_part(picture, picture.to_rect(), columns, rows, centre)
    }

    /// The same of a part of a picture, whose edges count as the picture's. `None` also when no pixel of it is inside.
    pub fn exact_part(
        picture: Size,
        part: Rect,
        columns: u16,
        rows: u16,
        centre: Point,
    ) -> Option<Self> {
        let part = part.intersect(picture.to_rect());
        if part.is_empty() || columns == 0 || rows == 0 {
            return None;
        }
        let dots = Size::new(
            part.width().min(columns.into()),
            part.height().min(u32::from(rows) * 2),
        );
        let start = |centre: i32, shown: u32, first: i32, whole: u32| {
            let most = i64::from(first) + i64::from(whole - shown);
            (i64::from(centre) - i64::from(shown / 2)).clamp(first.into(), most) as i32
        };
        let shown = Rect::at(
            start(centre.x, dots.width, part.left, part.width()),
            start(centre.y, dots.height, part.top, part.height()),
            dots,
        );
        Some(Self::centred(picture, shown, dots, columns, rows))
    }

    fn centred(picture: Size, shown: Rect, dots: Size, columns: u16, rows: u16) -> Self {
        let half_of = |pane: u16, used: u32| (u32::from(pane).saturating_sub(used) / 2) as u16;
        Self {
            picture,
            shown,
            dots,
            column: half_of(columns, dots.width),
            row: half_of(rows, dots.height.div_ceil(2)),
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

    /// The cells it covers, columns and rows of the pane.
    pub fn cells(&self) -> Rect {
        let size = Size::new(self.dots.width, self.dots.height.div_ceil(2));
        Rect::at(self.column.into(), self.row.into(), size)
    }

    /// Whether every pixel is at least a dot.
    fn enlarges(&self) -> bool {
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
        let margin = i32::from(self.filter() == FilterType::Hamming);
        Rect::new(
            scale(area.left, self.dots.width, width) as i32 - margin,
            scale(area.top, self.dots.height, height) as i32 - margin,
            scale_up(area.right, self.dots.width, width) as i32 + margin,
            scale_up(area.bottom, self.dots.height, height) as i32 + margin,
        )
        .intersect(self.dots.to_rect())
    }

    fn filter(&self) -> FilterType {
        let halved = |dots: u32, pixels: u32| dots.saturating_mul(2) <= pixels;
        if halved(self.dots.width, self.shown.width())
            && halved(self.dots.height, self.shown.height())
        {
            FilterType::Box
        } else {
            FilterType::Hamming
        }
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
        let dots = |cell: u16, first: u16, per_cell: i64| {
            (i64::from(cell) - i64::from(first)) * per_cell * 2 + per_cell
        };
        // In half dots, so that the middle of a cell is a whole number.
        let x = dots(column, self.column, 1) * i64::from(self.shown.width())
            / (i64::from(self.dots.width) * 2);
        let y = dots(row, self.row, 2) * i64::from(self.shown.height())
            / (i64::from(self.dots.height) * 2);
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
            (i64::from(at - first) * i64::from(dots) / i64::from(pixels)) as u16
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
        Some((self.column + x, self.row + y / 2))
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

/// A picture scaled to dots; only what changed is scaled again.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
    /// Fit of the dots held, if any.
    fit: Option<Fit>,
    /// The dots: bytes B, G, R, X.
    dots: Vec<u8>,
    /// Scaled area before it is copied into `dots`.
    scratch: Vec<u8>,
}

impl Scaler {
    /// Brings the dots up to date after the pixels in `changed` did; the dots that may differ from before.
    ///
    /// All dots are made anew when `fit` is another than last time. `picture` has the size `fit` was made for and is
    /// packed 32-bit; otherwise nothing happens.
    pub fn update(&mut self, picture: PixelView<'_>, fit: &Fit, changed: Rect) -> Rect {
        let Some(pixels) = picture.packed() else {
            return Rect::default();
        };
        if picture.size != fit.picture || picture.format.bytes() != 4 {
            return Rect::default();
        }
        let mut target = fit.dots_touched(changed);
        if self.fit.as_ref() != Some(fit) {
            self.fit = Some(*fit);
            self.dots.clear();
            self.dots.resize(fit.dots.area() as usize * 4, 0);
            target = fit.dots.to_rect();
        }
        if target.is_empty() {
            return target;
        }
        if fit.enlarges() {
            self.enlarge(picture, fit, target);
        } else {
            self.shrink(pixels, fit, target);
        }
        target
    }

    /// The dots of the last update.
    pub fn dots(&self) -> Option<PixelView<'_>> {
        let size = self.fit?.dots;
        PixelView::new(
            PixelFormat::Xrgb,
            size,
            PixelFormat::Xrgb.row_bytes(size.width),
            &self.dots,
        )
    }

    fn enlarge(&mut self, picture: PixelView<'_>, fit: &Fit, target: Rect) {
        let (across, down) = (
            fit.dots.width / fit.shown.width(),
            fit.dots.height / fit.shown.height(),
        );
        for y in target.top as u32..target.bottom as u32 {
            let source = picture.row(fit.shown.top as u32 + y / down);
            let row = row_of(&mut self.dots, fit.dots.width, y);
            for x in target.left as u32..target.right as u32 {
                let from = (fit.shown.left as u32 + x / across) as usize * 4;
                let to = x as usize * 4;
                row[to..to + 4].copy_from_slice(&source[from..from + 4]);
            }
        }
    }

    fn shrink(&mut self, pixels: &[u8], fit: &Fit, target: Rect) {
        let size = target.size();
        // The window is a hair smaller than the picture, so that no pixel's middle lies exactly on the border of two
        // dots: rounding would then decide differently for a part than for the whole.
        const HAIR: f64 = 1.0 / 4096.0;
        let along = |first: i32, pixels: u32, dots: u32, from: i32, count: u32| {
            let step = (f64::from(pixels) - HAIR) / f64::from(dots);
            let start = f64::from(first) + HAIR + f64::from(from) * step;
            (
                start,
                (f64::from(count) * step).min(f64::from(first) + f64::from(pixels) - start),
            )
        };
        let (left, width) = along(
            fit.shown.left,
            fit.shown.width(),
            fit.dots.width,
            target.left,
            size.width,
        );
        let (top, height) = along(
            fit.shown.top,
            fit.shown.height(),
            fit.dots.height,
            target.top,
            size.height,
        );
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(fit.filter()))
            .use_alpha(false)
            .crop(left, top, width, height);

        self.scratch.resize(size.area() as usize * 4, 0);
        let scaled = ImageRef::new(
            fit.picture.width,
            fit.picture.height,
            pixels,
            PixelType::U8x4,
        )
        .ok()
        .zip(Image::from_slice_u8(size.width, size.height, &mut self.scratch, PixelType::U8x4).ok())
        .is_some_and(|(from, mut to)| self.resizer.resize(&from, &mut to, &options).is_ok());
        if !scaled {
            return;
        }
        let bytes = target.left as usize * 4..target.right as usize * 4;
        for (line, y) in self
            .scratch
            .chunks_exact(bytes.len())
            .zip(target.top as u32..)
        {
            row_of(&mut self.dots, fit.dots.width, y)[bytes.clone()].copy_from_slice(line);
        }
    }
}

fn row_of(dots: &mut [u8], width: u32, y: u32) -> &mut [u8] {
    let stride = width as usize * 4;
    &mut dots[y as usize * stride..][..stride]
}
