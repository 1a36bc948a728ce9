//! Pixels in memory: their formats, borrowed views and owned buffers.
//!
//! Rows are stored top row first. The *stride* is the distance in bytes from one row to the next.

use crate::geometry::{Rect, Size};

/// How one pixel lies in memory. 16- and 32-bit pixels are little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 1 bit, bit 7 of a byte is the leftmost pixel. Rows start at whole bytes.
    A1,
    /// 8-bit coverage.
    A8,
    /// 16-bit word `x1 r5 g5 b5`.
    Rgb555,
    /// 16-bit word `r5 g6 b5`.
    Rgb565,
    /// Bytes B, G, R, X. X has no meaning as colour but is carried along.
    Xrgb,
    /// Bytes B, G, R, A; colours premultiplied by A.
    Argb,
}

impl PixelFormat {
    /// Bits of one pixel.
    pub const fn bits(self) -> u32 {
        match self {
            Self::A1 => 1,
            Self::A8 => 8,
            Self::Rgb555 | Self::Rgb565 => 16,
            Self::Xrgb | Self::Argb => 32,
        }
    }

    /// Bytes of one pixel; 1 for [`PixelFormat::A1`], where several pixels share a byte.
    pub const fn bytes(self) -> usize {
        (self.bits() as usize).div_ceil(8)
    }

    /// Bytes of a row of `width` pixels without padding.
    pub const fn row_bytes(self, width: u32) -> usize {
        (width as usize * self.bits() as usize).div_ceil(8)
    }

    /// The word of pixel `x` of a row.
    ///
    /// # Panics
    ///
    /// When the row ends before it.
    #[inline]
    pub fn load(self, row: &[u8], x: usize) -> u32 {
        match self {
            Self::A1 => u32::from(row[x / 8] >> (7 - x % 8) & 1),
            Self::A8 => u32::from(row[x]),
            Self::Rgb555 | Self::Rgb565 => u32::from(u16::from_le_bytes(row.as_chunks().0[x])),
            Self::Xrgb | Self::Argb => u32::from_le_bytes(row.as_chunks().0[x]),
        }
    }

    /// Stores pixel `x` of a row, the word cut to the width of a pixel.
    ///
    /// # Panics
    ///
    /// When the row ends before it.
    #[inline]
    pub fn store(self, row: &mut [u8], x: usize, word: u32) {
        match self {
            Self::A1 => {
                let bit = 0x80 >> (x % 8);
                row[x / 8] = row[x / 8] & !bit | if word & 1 == 1 { bit } else { 0 };
            }
            Self::A8 => row[x] = word as u8,
            Self::Rgb555 | Self::Rgb565 => {
                row.as_chunks_mut().0[x] = (word as u16).to_le_bytes();
            }
            Self::Xrgb | Self::Argb => row.as_chunks_mut().0[x] = word.to_le_bytes(),
        }
    }
}

/// A borrowed picture.
#[derive(Clone, Copy)]
pub struct PixelView<'a> {
    /// Layout of one pixel.
    pub format: PixelFormat,
    /// Width and height.
    pub size: Size,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// The rows, top row first. INVARIANT: holds `size.height` rows.
    data: &'a [u8],
}

/// An owned picture, rows packed without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct PixelBuf {
    /// Layout of one pixel.
    pub format: PixelFormat,
    /// Width and height.
    pub size: Size,
    /// The rows, top row first. INVARIANT: `format.row_bytes(width) × height` bytes.
    data: Vec<u8>,
}

impl<'a> PixelView<'a> {
    /// A view of `data`; `None` when it does not hold `size.height` rows of `stride` bytes (the last row may end after
    /// its pixels) or `stride` is less than a row.
    pub fn new(format: PixelFormat, size: Size, stride: usize, data: &'a [u8]) -> Option<Self> {
        let row = format.row_bytes(size.width);
        let needed = match size.height {
            0 => 0,
            rows => stride.checked_mul(rows as usize - 1)?.checked_add(row)?,
        };
        (stride >= row && data.len() >= needed).then_some(Self {
            format,
            size,
            stride,
            data,
        })
    }

    /// The pixels of row `y` without padding.
    ///
    /// # Panics
    ///
    /// When `y` is not below the height.
    pub fn row(&self, y: u32) -> &'a [u8] {
        assert!(y < self.size.height);
        &self.data[y as usize * self.stride..][..self.format.row_bytes(self.size.width)]
    }

    /// The word of the pixel in column `x` of row `y`.
    ///
    /// # Panics
    ///
    /// When it is outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> u32 {
        assert!(x < self.size.width);
        self.format.load(self.row(y), x as usize)
    }

    /// The bytes of the rows, [`PixelView::stride`](Self#structfield.stride) apart.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// All rows, top first, without padding.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let this = *self;
        (0..this.size.height).map(move |y| this.row(y))
    }

    /// All rows as they lie in memory, when there is nothing between them.
    pub fn packed(&self) -> Option<&'a [u8]> {
        let row = self.format.row_bytes(self.size.width);
        let len = row.checked_mul(self.size.height as usize)?;
        (self.stride == row).then(|| self.data.get(..len))?
    }

    /// The part inside `rect`, which is cut to the picture first. Not for [`PixelFormat::A1`], whose pixels share bytes.
    pub fn crop(&self, rect: Rect) -> PixelView<'a> {
        let rect = rect.intersect(self.size.to_rect());
        let start = rect.top as usize * self.stride + rect.left as usize * self.format.bytes();
        let data = self.data.get(start..).unwrap_or(&[]);
        PixelView {
            size: rect.size(),
            data,
            ..*self
        }
    }

    /// A packed copy.
    pub fn to_buf(&self) -> PixelBuf {
        let mut data =
            Vec::with_capacity(self.format.row_bytes(self.size.width) * self.size.height as usize);
        self.rows().for_each(|row| data.extend_from_slice(row));
        PixelBuf {
            format: self.format,
            size: self.size,
            data,
        }
    }
}

impl PixelBuf {
    /// A picture of zeros.
    pub fn new(format: PixelFormat, size: Size) -> Self {
        Self {
            format,
            size,
            data: vec![0; format.row_bytes(size.width) * size.height as usize],
        }
    }

    /// Takes packed rows; `None` when `data` is not exactly `row_bytes × height` long.
    pub fn from_data(format: PixelFormat, size: Size, data: Vec<u8>) -> Option<Self> {
        let needed = format
            .row_bytes(size.width)
            .checked_mul(size.height as usize)?;
        (data.len() == needed).then_some(Self { format, size, data })
    }

    /// Bytes of a row; rows are packed.
    pub fn stride(&self) -> usize {
        self.format.row_bytes(self.size.width)
    }

    /// The packed rows.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The packed rows.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Takes over packed rows and leaves its own in their place.
    ///
    /// # Panics
    ///
    /// When there are not as many bytes.
    pub fn exchange(&mut self, rows: &mut Vec<u8>) {
        assert_eq!(rows.len(), self.data.len());
        std::mem::swap(rows, &mut self.data);
    }

    /// The packed rows, giving up the picture.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Stores the pixel in column `x` of row `y`, the word cut to the width of a pixel.
    ///
    /// # Panics
    ///
    /// When it is outside the picture.
    pub fn set_pixel(&mut self, x: u32, y: u32, word: u32) {
        assert!(x < self.size.width && y < self.size.height);
        let stride = self.stride();
        let row = &mut self.data[y as usize * stride..][..stride];
        self.format.store(row, x as usize, word);
    }

    /// A view of the whole.
    pub fn view(&self) -> PixelView<'_> {
        PixelView {
            format: self.format,
            size: self.size,
            stride: self.stride(),
            data: &self.data,
        }
    }
}

impl std::fmt::Debug for PixelView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PixelView({:?} {}×{}, stride {})",
            self.format, self.size.width, self.size.height, self.stride
        )
    }
}

impl std::fmt::Debug for PixelBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PixelBuf({:?} {}×{})",
            self.format, self.size.width, self.size.height
        )
    }
}
