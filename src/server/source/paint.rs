//! Drawing by hand: rectangles, gradients, discs and text on a 32-bit picture, cut to a rectangle.

use super::font;
use crate::geometry::{Point, Rect};
use crate::pixels::PixelBuf;

/// A colour, `0x00RRGGBB`.
pub type Color = u32;

/// Draws on a picture of format [`Xrgb`](crate::pixels::PixelFormat::Xrgb), inside a rectangle only.
pub struct Pen<'a> {
    pixels: &'a mut PixelBuf,
    /// INVARIANT: inside the picture.
    clip: Rect,
}

impl<'a> Pen<'a> {
    /// A pen for the part of `pixels` inside `clip`.
    pub fn new(pixels: &'a mut PixelBuf, clip: Rect) -> Self {
        let clip = clip.intersect(pixels.size.to_rect());
        Self { pixels, clip }
    }

    /// What can be drawn on.
    pub fn clip(&self) -> Rect {
        self.clip
    }

    /// The same picture with less of it to draw on.
    pub fn within(&mut self, rect: Rect) -> Pen<'_> {
        Pen {
            clip: self.clip.intersect(rect),
            pixels: self.pixels,
        }
    }

    /// Draws a picture of the same size.
    pub fn picture(&mut self, picture: &PixelBuf) {
        let clip = self.clip;
        let view = picture.view();
        self.rows(clip, |y, row| {
            // The same size, so the row is there and long enough.
            let from = view.row(y as u32).as_chunks::<4>().0;
            row.copy_from_slice(&from[clip.left as usize..clip.right as usize]);
        });
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, rect: Rect, color: Color) {
        self.rows(rect, |_, row| row.fill(color.to_le_bytes()));
    }

    /// Fills a rectangle from one colour at its top to another at its bottom.
    pub fn gradient(&mut self, rect: Rect, top: Color, bottom: Color) {
        let last = rect.height().max(2) as i32 - 1;
        self.rows(rect, |y, row| {
            row.fill(mix(top, bottom, (y - rect.top) as f32 / last as f32).to_le_bytes());
        });
    }

    /// Lays a colour over a rectangle; `cover` from 0 (nothing) to 1 (all of it).
    pub fn veil(&mut self, rect: Rect, color: Color, cover: f32) {
        self.rows(rect, |_, row| {
            row.iter_mut().for_each(|pixel| lay(pixel, color, cover));
        });
    }

    /// Draws the lines around a rectangle, inside it.
    pub fn frame(&mut self, rect: Rect, color: Color) {
        let inside = Rect::new(rect.left + 1, rect.top + 1, rect.right - 1, rect.bottom - 1);
        rect.subtract(inside)
            .for_each(|edge| self.fill(edge, color));
    }

    /// Fills a rectangle whose corners are quarters of a circle.
    pub fn rounded(&mut self, rect: Rect, radius: i32, color: Color) {
        for y in rect.top..rect.bottom {
            let edge = (y - rect.top).min(rect.bottom - 1 - y);
            let short = (radius - edge).max(0) as f32;
            let inset = radius - ((radius * radius) as f32 - short * short).max(0.0).sqrt() as i32;
            let row = Rect::new(rect.left + inset, y, rect.right - inset, y + 1);
            self.fill(row, color);
        }
    }

    /// Draws a disc with a smooth edge; `shade` gives the colour at a distance from the centre, in radii.
    pub fn disc(&mut self, x: f32, y: f32, radius: f32, shade: impl Fn(f32, f32) -> Color) {
        let reach = radius as i32 + 2;
        let around = Rect::new(-reach, -reach, reach, reach).translate(x as i32, y as i32);
        let left = around.intersect(self.clip).left;
        self.rows(around, |row_y, row| {
            for (column, pixel) in (left..).zip(row) {
                let (dx, dy) = (column as f32 + 0.5 - x, row_y as f32 + 0.5 - y);
                let cover = (radius + 0.5 - dx.hypot(dy)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    lay(pixel, shade(dx / radius, dy / radius), cover);
                }
            }
        });
    }

    /// Writes one line; every pixel of a character becomes a square of `scale`.
    pub fn text(&mut self, at: Point, text: &str, color: Color, scale: i32) {
        let mut left = at.x;
        for c in text.chars() {
            let cell = Rect::new(
                left,
                at.y,
                left + font::WIDTH * scale,
                at.y + font::HEIGHT * scale,
            );
            left = cell.right;
            if cell.overlaps(self.clip) {
                self.character(cell, c, color, scale);
            }
        }
    }

    /// Writes one line in bold: twice, one pixel apart.
    pub fn bold(&mut self, at: Point, text: &str, color: Color) {
        self.text(at, text, color, 1);
        self.text(Point::new(at.x + 1, at.y), text, color, 1);
    }

    fn character(&mut self, cell: Rect, c: char, color: Color, scale: i32) {
        for (y, bits) in (0..).zip(font::glyph(c)) {
            for x in (0..font::WIDTH).filter(|x| bits >> (7 - x) & 1 == 1) {
                let (left, top) = (cell.left + x * scale, cell.top + y * scale);
                self.fill(Rect::new(left, top, left + scale, top + scale), color);
            }
        }
    }

    /// Gives the visible part of each row of a rectangle to `paint`, with the row's number.
    fn rows(&mut self, rect: Rect, mut paint: impl FnMut(i32, &mut [[u8; 4]])) {
        let rect = rect.intersect(self.clip);
        let width = self.pixels.size.width as usize;
        let (pixels, _) = self.pixels.data_mut().as_chunks_mut::<4>();
        // Inside the picture, so no edge is negative.
        for y in rect.top..rect.bottom {
            let row = &mut pixels[y as usize * width..][rect.left as usize..rect.right as usize];
            paint(y, row);
        }
    }
}

/// Columns of a line of text.
pub fn text_width(text: &str, scale: i32) -> i32 {
    text.chars().count() as i32 * font::WIDTH * scale
}

/// A colour between two; `part` 0 is the first, 1 the second.
pub fn mix(from: Color, to: Color, part: f32) -> Color {
    let byte = |shift: u32| {
        let (a, b) = ((from >> shift & 0xff) as f32, (to >> shift & 0xff) as f32);
        ((a + (b - a) * part).round() as u32) << shift
    };
    byte(16) | byte(8) | byte(0)
}

fn lay(pixel: &mut [u8; 4], color: Color, cover: f32) {
    *pixel = mix(u32::from_le_bytes(*pixel), color, cover).to_le_bytes();
}
