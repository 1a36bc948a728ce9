//! Pictures of palette indices, and their expansion to the entries of the palette.
//!
//! Indices are 1, 4 or 8 bits, packed into bytes; each row starts with a new byte. What an entry means (a colour of 24 or
//! of 15 bits) is the caller's business: it is copied as it is.

use super::Error;

/// How indices are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indices {
    /// Eight to a byte, the leftmost in bit 0.
    OneBitLe,
    /// Eight to a byte, the leftmost in bit 7.
    OneBitBe,
    /// Two to a byte, the left one in the low four bits.
    FourBitLe,
    /// Two to a byte, the left one in the high four bits.
    FourBitBe,
    /// One to a byte.
    EightBit,
}

impl Indices {
    /// Pixels in one byte.
    pub const fn per_byte(self) -> u32 {
        match self {
            Self::OneBitLe | Self::OneBitBe => 8,
            Self::FourBitLe | Self::FourBitBe => 2,
            Self::EightBit => 1,
        }
    }

    /// Bytes of a row of `width` pixels, the last one perhaps not full.
    pub const fn row_bytes(self, width: u32) -> usize {
        width.div_ceil(self.per_byte()) as usize
    }
}

/// Replaces indices by the entries of a palette.
///
/// Appends `width` × `height` entries to `out`, in the order of the rows, each a little-endian word of 32 bits just as it
/// stands in `colors`. Indices beyond the palette become 0. Row `y` starts at byte `y × stride` of `rows`; of the last row
/// only the bytes that hold pixels have to be there.
///
/// # Errors
///
/// [`Error::BadHeader`] for an empty palette or a stride of less than a row; [`Error::Truncated`] for missing rows. `out`
/// is then as it was.
pub fn expand(
    indices: Indices,
    width: u32,
    height: u32,
    stride: usize,
    rows: &[u8],
    colors: &[u32],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let row_bytes = indices.row_bytes(width);
    if colors.is_empty() {
        return Err(Error::BadHeader("the palette is empty"));
    }
    if stride < row_bytes {
        return Err(Error::BadHeader("the stride is less than a row of indices"));
    }
    if width == 0 || height == 0 {
        return Ok(());
    }
    let needed = (height as usize - 1)
        .checked_mul(stride)
        .and_then(|before| before.checked_add(row_bytes));
    if needed.is_none_or(|needed| rows.len() < needed) {
        return Err(Error::Truncated);
    }

    let row_len = width as usize * 4;
    out.reserve(row_len * height as usize);
    let table: [_; 256] =
        std::array::from_fn(|i| colors.get(i).copied().unwrap_or(0).to_le_bytes());
    for row in rows.chunks(stride).take(height as usize) {
        let start = out.len();
        out.resize(start + row_len, 0);
        let (pixels, _) = out[start..].as_chunks_mut();
        expand_row(indices, &row[..row_bytes], &table, pixels);
    }
    Ok(())
}

fn expand_row(indices: Indices, row: &[u8], table: &[[u8; 4]; 256], pixels: &mut [[u8; 4]]) {
    match indices {
        Indices::EightBit => spread(row, pixels, |byte| [table[usize::from(byte)]]),
        Indices::FourBitLe => spread(row, pixels, |byte| {
            [byte & 15, byte >> 4].map(|index| table[usize::from(index)])
        }),
        Indices::FourBitBe => spread(row, pixels, |byte| {
            [byte >> 4, byte & 15].map(|index| table[usize::from(index)])
        }),
        Indices::OneBitLe => spread(row, pixels, |byte| {
            std::array::from_fn::<_, 8, _>(|bit| table[usize::from(byte >> bit & 1)])
        }),
        Indices::OneBitBe => spread(row, pixels, |byte| {
            std::array::from_fn::<_, 8, _>(|bit| table[usize::from(byte << bit >> 7)])
        }),
    }
}

/// Writes the `N` pixels of each byte, of the last one as many as there is room for.
fn spread<const N: usize>(row: &[u8], pixels: &mut [[u8; 4]], expand: impl Fn(u8) -> [[u8; 4]; N]) {
    let (whole, rest) = pixels.as_chunks_mut::<N>();
    for (pixels, &byte) in whole.iter_mut().zip(row) {
        *pixels = expand(byte);
    }
    if let Some(&last) = row.last() {
        let last = expand(last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
}
