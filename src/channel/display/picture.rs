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

    fn bytes(&self) -> &[u8] {
        match &self.pixels {
            Pixels::Borrowed(bytes) => bytes,
            Pixels::Owned(bytes) => bytes,
            Pixels::Glz(pixels) => pixels,
            Pixels::Cached(picture) => picture.bytes(),
        }
    }

    /// The picture on its own, to be kept.
    pub fn to_shared(&self) -> Arc<Picture<'static>> {
        let pixels = match &self.pixels {
            Pixels::Borrowed(bytes) => Pixels::Owned(bytes.to_vec()),
            Pixels::Owned(bytes) => Pixels::Owned(bytes.clone()),
            Pixels::Glz(pixels) => Pixels::Glz(pixels.clone()),
            Pixels::Cached(picture) => return Arc::clone(picture),
        };
        let Self {
            layout,
            size,
            stride,
            bottom_up,
            ..
        } = *self;
        Arc::new(Picture {
            layout,
            size,
            stride,
            bottom_up,
            pixels,
        })
    }
}
