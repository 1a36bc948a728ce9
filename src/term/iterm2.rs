//! Pictures by iTerm2's inline files (OSC 1337).
//!
//! Such a terminal keeps every picture it was ever sent, so a painter for it is asked rarely: when a picture has been still for
//! half a second, and no more often than every five seconds while it is not. Each is sent whole, and exactly, as PNG.

use std::io::Write;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::base64::base64;
use super::paint::{Painted, Painter, Place, Scene};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// Bytes of base64 in a file of more than one row of cells: terminals drop sequences that are too long for them. Larger pictures
/// are cut into files one below the other. A file in parts (`MultipartFile`) would do too, but only iTerm2 has it: Konsole 22.12
/// shows nothing of one.
const LONGEST: usize = 200_000;

/// Draws with inline files.
#[derive(Default)]
pub struct Iterm2 {
    /// What it shows: place, and dots as bytes R, G, B.
    shown: Option<(Place, Size)>,
    dots: Vec<u8>,
    /// Cells nothing was drawn on.
    covered: Vec<Rect>,
    /// Scratch: dots of a frame, and it as PNG.
    frame: Vec<u8>,
    png: Vec<u8>,
}

impl Iterm2 {
    /// A painter for a terminal of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Painter for Iterm2 {
    /// A scene with covered cells is cut into rectangles around them, each a file of its own; [`Scene::quality`] has no effect,
    /// as pictures are exact and seldom.
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let place = scene.place;
        if place.cell.is_empty() || scene.picture.format.bytes() != 4 {
            return Painted::default();
        }
        let size = scene
            .picture
            .size
            .to_rect()
            .intersect(place.room().to_rect());
        let picture = scene.picture.crop(size);
        self.frame.clear();
        for row in picture.rows() {
            let dots = row.as_chunks::<4>().0.iter();
            self.frame
                .extend(dots.flat_map(|[b, g, r, _]| [*r, *g, *b]));
        }
        let same = self.shown == Some((place, picture.size))
            && self.covered == scene.covered
            && self.frame == self.dots;
        if same || picture.size.is_empty() {
            return Painted::default();
        }
        std::mem::swap(&mut self.frame, &mut self.dots);
        self.shown = Some((place, picture.size));
        self.covered = scene.covered.to_vec();
        let mut rects = vec![size];
        for cells in scene.covered {
            let hole = place.dots_of(*cells);
            rects = rects.iter().flat_map(|rect| rect.subtract(hole)).collect();
        }
        for rect in &rects {
            self.send(picture, *rect, place, out);
        }
        Painted {
            dots: rects.iter().map(|rect| rect.area()).sum(),
            ..Painted::default()
        }
    }

    fn forget(&mut self) {
        self.shown = None;
    }

    /// Nothing: a file cannot be taken back.
    fn leave(&mut self, _: &mut Vec<u8>) {
        self.forget();
    }
}

impl Iterm2 {
    /// Sends a part of the picture that begins with a cell, as one file or several.
    fn send(&mut self, picture: PixelView<'_>, rect: Rect, place: Place, out: &mut Vec<u8>) {
        let mut rgb = Vec::with_capacity(rect.area() as usize * 3);
        for row in picture.crop(rect).rows() {
            let dots = row.as_chunks::<4>().0.iter();
            rgb.extend(dots.flat_map(|[b, g, r, _]| [*r, *g, *b]));
        }
        self.png.clear();
        let png = PngEncoder::new_with_quality(
            &mut self.png,
            CompressionType::Fast,
            FilterType::Adaptive,
        );
        // Fails only when memory cannot be written to.
        let size = rect.size();
        if png
            .write_image(&rgb, size.width, size.height, ExtendedColorType::Rgb8)
            .is_err()
        {
            return;
        }
        let cells = size.height.div_ceil(place.cell.height);
        if self.png.len() / 3 * 4 > LONGEST && cells > 1 {
            // Less than the height, which is of 31 bits.
            let middle = rect.top + (cells / 2 * place.cell.height) as i32;
            let (upper, lower) = (
                Rect {
                    bottom: middle,
                    ..rect
                },
                Rect {
                    top: middle,
                    ..rect
                },
            );
            self.send(picture, upper, place, out);
            self.send(picture, lower, place, out);
            return;
        }
        let (row, column) = place.cell_of(rect.origin());
        let arguments = format!(
            "size={};width={}px;height={}px;preserveAspectRatio=0;inline=1;doNotMoveCursor=1",
            self.png.len(),
            size.width,
            size.height
        );
        // A vector takes everything.
        let _ = write!(out, "\x1b[{};{}H", row + 1, column + 1);
        let _ = write!(out, "\x1b]1337;File={arguments}:");
        base64(&self.png, out);
        out.push(0x07);
    }
}
