//! Pictures to read from, in the form they arrived in.

use super::ScaleMode;
use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// How the pixels of a picture lie in memory and what they mean. Words are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// 16-bit word `x1 r5 g5 b5`.
    Rgb555,
    /// Bytes B, G, R.
    Bgr24,
    /// Bytes B, G, R, X; X is carried along.
    Xrgb,
    /// Bytes B, G, R, X where X is to be read as 0xff: an image marked HIGH_BITS_SET.
    XrgbOpaque,
    /// Bytes B, G, R, A; colours premultiplied by A.
    Argb,
    /// 8-bit coverage. Black where it meets colour.
    A8,
    /// 32-bit palette entries. They are in the format of the surface that is drawn on: Xrgb, or 555 in the low 16 bits.
    Entries,
    /// Pixel words of a surface. Never converted, and readable only by a surface with equally wide pixels.
    Words(PixelFormat),
}

/// A borrowed picture to read from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    layout: Layout,
    size: Size,
    /// Bytes from one stored row to the next.
    stride: usize,
    bottom_up: bool,
    /// INVARIANT: holds `size.height` rows.
    data: &'a [u8],
}

/// The part of a source that goes into the box of a command.
#[derive(Clone, Copy, Debug)]
pub struct Cutout<'a> {
    /// The whole picture.
    pub source: Source<'a>,
    /// The part, in source coordinates. May reach outside: without scaling nothing is drawn from there, with scaling it
    /// reads as 0.
    pub area: Rect,
    /// How to scale when the box has another size than `area`.
    pub scale: ScaleMode,
}

impl Layout {
    /// Bytes of a row of `width` pixels without padding; `None` when that is beyond memory.
    pub fn row_bytes(self, width: u32) -> Option<usize> {
        let bits = match self {
            Self::A8 => 8,
            Self::Rgb555 => 16,
            Self::Bgr24 => 24,
            Self::Xrgb | Self::XrgbOpaque | Self::Argb | Self::Entries => 32,
            Self::Words(format) => u64::from(format.bits()),
        };
        usize::try_from((u64::from(width) * bits).div_ceil(8)).ok()
    }
}

impl<'a> Source<'a> {
    /// A picture whose top row is stored first. `None` when `data` does not hold `size.height` rows of `stride` bytes (the
    /// last row may end after its pixels) or `stride` is less than a row.
    pub fn new(layout: Layout, size: Size, stride: usize, data: &'a [u8]) -> Option<Self> {
        let row = layout.row_bytes(size.width)?;
        let needed = match size.height {
            0 => 0,
            rows => stride.checked_mul(rows as usize - 1)?.checked_add(row)?,
        };
        (stride >= row && data.len() >= needed).then_some(Self {
            layout,
            size,
            stride,
            bottom_up: false,
            data,
        })
    }

    /// The pixels of a surface.
    pub fn surface(pixels: PixelView<'a>) -> Self {
        Self {
            layout: Layout::Words(pixels.format),
            size: pixels.size,
            stride: pixels.stride,
            bottom_up: false,
            data: pixels.data(),
        }
    }

    /// The same bytes read with the bottom row stored first.
    pub fn bottom_up(self) -> Self {
        Self {
            bottom_up: true,
            ..self
        }
    }

    /// The same pixels with the unused byte read as alpha, if they are those of an [`PixelFormat::Xrgb`] surface.
    pub fn with_alpha(self) -> Self {
        self.read_as(PixelFormat::Xrgb, PixelFormat::Argb)
    }

    /// The same pixels with alpha read as 1, if they are those of an [`PixelFormat::Argb`] surface.
    pub fn without_alpha(self) -> Self {
        self.read_as(PixelFormat::Argb, PixelFormat::Xrgb)
    }

    fn read_as(self, from: PixelFormat, to: PixelFormat) -> Self {
        let layout = match self.layout {
            Layout::Words(format) if format == from => Layout::Words(to),
            other => other,
        };
        Self { layout, ..self }
    }

    /// How a pixel lies in memory.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Row `y` counted from the top. It holds at least the pixels of the row.
    ///
    /// # Panics
    ///
    /// When `y` is not below the height.
    pub(super) fn row(&self, y: u32) -> &'a [u8] {
        let stored = if self.bottom_up {
            self.size.height - 1 - y
        } else {
            y
        };
        &self.data[stored as usize * self.stride..]
    }
}

impl<'a> Cutout<'a> {
    /// The whole picture, for a box of its size.
    pub fn whole(source: Source<'a>) -> Self {
        Self {
            source,
            area: source.size.to_rect(),
            scale: ScaleMode::Nearest,
        }
    }
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Source({:?} {}×{}, stride {}{})",
            self.layout,
            self.size.width,
            self.size.height,
            self.stride,
            if self.bottom_up { ", bottom up" } else { "" }
        )
    }
}
