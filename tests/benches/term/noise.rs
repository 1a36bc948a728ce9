//! How far what a terminal with sixels shows is from a picture.

use capsaicin::geometry::{Point, Size};
use capsaicin::pixels::PixelBuf;

use super::terminals::sixel::SixelTerminal;

/// Noise of what a terminal of 160 columns of 8×16 dots shows after these bytes, in dB.
pub fn noise(picture: &PixelBuf, written: &[u8]) -> f64 {
    let mut terminal = SixelTerminal::new(160, 52, Size::new(8, 16));
    terminal.write(written);
    let mut sum = 0;
    for y in 0..picture.size.height {
        for (x, dot) in (0..).zip(picture.view().row(y).chunks_exact(4)) {
            let shown = terminal.dot(Point::new(x, y as i32)).unwrap_or_default();
            let pairs = shown.iter().zip([dot[2], dot[1], dot[0]]);
            sum += pairs
                .map(|(a, b)| u64::from(a.abs_diff(b)).pow(2))
                .sum::<u64>();
        }
    }
    let mean = sum as f64 / (picture.size.area() * 3) as f64;
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}
