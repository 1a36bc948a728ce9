//! A decoded image: pixels in the form they arrived in, wherever they lie.

use std::sync::Arc;

use crate::canvas::{Layout, Source};
use crate::codec::glz;
use crate::geometry::Size;

/// A decoded image.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// How a pixel lies in memory, and what it means.
    pub layout: Layout,
    /// Width and height.
    pub size: Size,
    /// Bytes from one stored row to the next.
    pub stride: usize,
    /// The bottom row is stored first.
    pub bottom_up: bool,
    /// The rows.
    pub pixels: Pixels<'a>,
}

/// Where the rows of a picture are.
#[derive(Clone, Debug)]
pub enum Pixels<'a> {
    /// In the message.
    Borrowed(&'a [u8]),
    /// In a buffer of their own.
    Owned(Vec<u8>),
    /// In the GLZ window.
    Glz(glz::Pixels),
    /// In the pixmap cache.
    Cached(Arc<Picture<'static>>),
}

impl Picture<'_> {
    /// The picture to draw from; `None` when its rows are not all there.
    pub fn source(&self) -> Option<Source<'_>> {
        let source = Source::new(self.layout, self.size, self.stride, self.bytes())?;
        Some(if self.bottom_up {
            source.bottom_up()
        } else {
            source
        })
    }

    /// The rows, as they are stored.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.pixels {
            Pixels::Borrowed(bytes) => bytes,
            Pixels::Owned(bytes) => bytes,
            Pixels::Glz(pixels) => pixels,
            Pixels::Cached(picture) => picture.bytes(),
        }
    }

    /// Bytes that [`to_shared`](Self::to_shared) keeps.
    pub fn memory(&self) -> u64 {
        match &self.pixels {
            Pixels::Borrowed(_) | Pixels::Owned(_) => {
                let row = self.layout.row_bytes(self.size.width).unwrap_or(0);
                row as u64 * u64::from(self.size.height)
            }
            Pixels::Glz(pixels) => pixels.memory(),
            Pixels::Cached(picture) => picture.memory(),
        }
    }

    /// The picture on its own, to be kept: without the bytes that a sender may put between its rows.
    pub fn to_shared(&self) -> Arc<Picture<'static>> {
        let Self {
            layout,
            size,
            bottom_up,
            ..
        } = *self;
        let (stride, pixels) = match &self.pixels {
            Pixels::Borrowed(bytes) => self.packed(bytes),
            Pixels::Owned(bytes) => self.packed(bytes),
            Pixels::Glz(pixels) => (self.stride, Pixels::Glz(pixels.clone())),
            Pixels::Cached(picture) => return Arc::clone(picture),
        };
        Arc::new(Picture {
            layout,
            size,
            stride,
            bottom_up,
            pixels,
        })
    }

    /// A copy of the rows, one directly after the other, and the bytes of one.
    fn packed(&self, bytes: &[u8]) -> (usize, Pixels<'static>) {
        let row = self.layout.row_bytes(self.size.width).unwrap_or(0);
        let height = self.size.height as usize;
        let mut packed = Vec::with_capacity(row.saturating_mul(height).min(bytes.len()));
        for stored in bytes.chunks(self.stride.max(1)).take(height) {
            packed.extend_from_slice(stored.get(..row).unwrap_or(stored));
        }
        (row, Pixels::Owned(packed))
    }
}
