//! Keeping a picture scaled to the dots of its fit.
//!
//! Scaling is by area (box filter) below half size, smoother (Hamming) up to full size, and by whole numbers when the picture is
//! smaller than the pane. Much is made smaller by two threads.
//!
//! Speed: `cargo bench --bench term`.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Fit;
use super::at_once::at_once;
use crate::geometry::Rect;
use crate::pixels::{PixelFormat, PixelView};

/// A picture scaled to dots; only what changed is scaled again.
#[derive(Default)]
pub struct Scaler {
    /// One for each thread.
    reducers: [Reducer; 2],
    /// Fit of the dots held, if any.
    fit: Option<Fit>,
    /// The dots: bytes B, G, R, X.
    dots: Vec<u8>,
}

/// Bytes of a dot.
const DOT: usize = 4;

/// Pixels to be read and dots to be made, from which on a second thread makes half of them. Half as many, a screen on cells, take
/// 0.2 ms, which is hardly more than to start one.
const WORTH_A_THREAD: u64 = 1 << 21;

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
        let [reducer, other] = &mut self.reducers;
        let stride = fit.dots().width as usize * DOT;
        let rows = &mut self.dots[target.top as usize * stride..target.bottom as usize * stride];
        if work(fit, target) < WORTH_A_THREAD || target.height() < 2 {
            return reducer.shrink(pixels, fit, target, rows);
        }
        let middle = target.top + target.height() as i32 / 2;
        let (upper, lower) = (
            Rect {
                bottom: middle,
                ..target
            },
            Rect {
                top: middle,
                ..target
            },
        );
        let (upper_rows, lower_rows) = rows.split_at_mut(upper.height() as usize * stride);
        at_once(
            || reducer.shrink(pixels, fit, upper, upper_rows),
            || other.shrink(pixels, fit, lower, lower_rows),
        );
    }
}

/// About how many pixels are read and dots are made for a part of the dots.
fn work(fit: &Fit, target: Rect) -> u64 {
    let pixels_of_a_dot = fit.shown().area() / fit.dots().area().max(1);
    target.area() * (pixels_of_a_dot + 1)
}

/// Makes parts of a picture smaller.
#[derive(Default)]
struct Reducer {
    resizer: Resizer,
    /// Dots of a part that is not as wide as the picture.
    scratch: Vec<u8>,
}

impl Reducer {
    /// Replaces the dots of `target` in `rows`, which are the whole rows of it.
    fn shrink(&mut self, pixels: &[u8], fit: &Fit, target: Rect, rows: &mut [u8]) {
        if target.width() == fit.dots().width {
            self.resize(pixels, fit, target, rows);
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(target.area() as usize * DOT, 0);
        if self.resize(pixels, fit, target, &mut scratch) {
            let bytes = target.left as usize * DOT..target.right as usize * DOT;
            let rows = rows.chunks_exact_mut(fit.dots().width as usize * DOT);
            for (line, row) in scratch.chunks_exact(bytes.len()).zip(rows) {
                row[bytes.clone()].copy_from_slice(line);
            }
        }
        self.scratch = scratch;
    }

    /// Replaces `out` by the dots of `target`, packed; whether that went well.
    fn resize(&mut self, pixels: &[u8], fit: &Fit, target: Rect, out: &mut [u8]) -> bool {
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
        let picture = fit.picture();
        let from = ImageRef::new(picture.width, picture.height, pixels, PixelType::U8x4);
        let to = Image::from_slice_u8(size.width, size.height, out, PixelType::U8x4);
        let both = from.ok().zip(to.ok());
        both.is_some_and(|(from, mut to)| self.resizer.resize(&from, &mut to, &options).is_ok())
    }
}

fn row_of(dots: &mut [u8], width: u32, y: u32) -> &mut [u8] {
    let stride = width as usize * 4;
    &mut dots[y as usize * stride..][..stride]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::PixelBuf;
    use crate::term::{Pane, Raster};

    #[test]
    fn what_two_threads_make_is_what_one_makes() {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(1920, 1080));
        let bytes = picture.data_mut().iter_mut().zip(0_u32..);
        bytes.for_each(|(byte, n)| *byte = (n.wrapping_mul(0x9e37_79b1) >> 24) as u8);
        for (columns, rows) in [(160, 45), (150, 50), (199, 60)] {
            let pane = Pane {
                raster: Raster(Size::new(8, 16)),
                ..Pane::halves(columns, rows, 0.5)
            };
            let fit = Fit::whole(picture.size, &pane).unwrap();
            let whole = fit.dots().to_rect();
            let mut scaler = Scaler::default();
            scaler.update(picture.view(), &fit, picture.size.to_rect());
            let mut dots = vec![0; scaler.dots.len()];
            Reducer::default().shrink(picture.data(), &fit, whole, &mut dots);
            assert!(work(&fit, whole) >= WORTH_A_THREAD, "{whole:?}");
            assert_eq!(scaler.dots, dots, "{whole:?}");
        }
    }
}
