//! Keeping a picture scaled to the dots of its fit.
//!
//! Scaling is by area (box filter) below half size, smoother (Hamming) up to full size, and by whole numbers when the picture is
//! smaller than the pane.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Fit;
use crate::geometry::Rect;
use crate::pixels::{PixelFormat, PixelView};

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
        if picture.size != fit.picture() || picture.format.bytes() != 4 {
            return Rect::default();
        }
        let mut target = fit.dots_touched(changed);
        if self.fit.as_ref() != Some(fit) {
            self.fit = Some(*fit);
            self.dots.clear();
            self.dots.resize(fit.dots().area() as usize * 4, 0);
            target = fit.dots().to_rect();
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
        let size = self.fit?.dots();
        PixelView::new(
            PixelFormat::Xrgb,
            size,
            PixelFormat::Xrgb.row_bytes(size.width),
            &self.dots,
        )
    }

    fn enlarge(&mut self, picture: PixelView<'_>, fit: &Fit, target: Rect) {
        let (across, down) = (
            fit.dots().width / fit.shown().width(),
            fit.dots().height / fit.shown().height(),
        );
        for y in target.top as u32..target.bottom as u32 {
            let source = picture.row(fit.shown().top as u32 + y / down);
            let row = row_of(&mut self.dots, fit.dots().width, y);
            for x in target.left as u32..target.right as u32 {
                let from = (fit.shown().left as u32 + x / across) as usize * 4;
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
            fit.shown().left,
            fit.shown().width(),
            fit.dots().width,
            target.left,
            size.width,
        );
        let (top, height) = along(
            fit.shown().top,
            fit.shown().height(),
            fit.dots().height,
            target.top,
            size.height,
        );
        let filter = if fit.halves() {
            FilterType::Box
        } else {
            FilterType::Hamming
        };
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(filter))
            .use_alpha(false)
            .crop(left, top, width, height);

        self.scratch.resize(size.area() as usize * 4, 0);
        let scaled = ImageRef::new(
            fit.picture().width,
            fit.picture().height,
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
            row_of(&mut self.dots, fit.dots().width, y)[bytes.clone()].copy_from_slice(line);
        }
    }
}

fn row_of(dots: &mut [u8], width: u32, y: u32) -> &mut [u8] {
    let stride = width as usize * 4;
    &mut dots[y as usize * stride..][..stride]
}
