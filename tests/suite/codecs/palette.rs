//! Palettes: indices of each packing, by hand.

use capsaicin::codec::Error;
use capsaicin::codec::palette::{self, Indices};

/// The entries that `rows` are expanded to, or why not.
fn expanded(
    indices: Indices,
    (width, height): (u32, u32),
    stride: usize,
    rows: &[u8],
    colors: &[u32],
) -> Result<Vec<u32>, Error> {
    let mut out = vec![0xee];
    let result = palette::expand(indices, width, height, stride, rows, colors, &mut out);
    assert_eq!(out.remove(0), 0xee);
    assert!(result.is_ok() || out.is_empty());
    let words = out.as_chunks().0.iter();
    result.map(|()| words.map(|word| u32::from_le_bytes(*word)).collect())
}

#[test]
fn single_bits_start_at_the_lowest_or_at_the_highest() {
    let pixels = |indices| expanded(indices, (10, 1), 2, &[0b0001_1010, 0b1000_0010], &[5, 6]);
    assert_eq!(
        pixels(Indices::OneBitLe),
        Ok(vec![5, 6, 5, 6, 6, 5, 5, 5, 5, 6])
    );
    assert_eq!(
        pixels(Indices::OneBitBe),
        Ok(vec![5, 5, 5, 6, 6, 5, 6, 5, 6, 5])
    );
}

#[test]
fn four_bits_start_at_the_low_or_at_the_high_half() {
    let pixels = |indices| expanded(indices, (3, 1), 2, &[0x12, 0x30], &[100, 101, 102, 103]);
    assert_eq!(pixels(Indices::FourBitLe), Ok(vec![102, 101, 100]));
    assert_eq!(pixels(Indices::FourBitBe), Ok(vec![101, 102, 103]));
}

#[test]
fn entries_keep_all_their_bits() {
    let pixels = expanded(Indices::EightBit, (2, 1), 2, &[1, 0], &[0, 0xfedc_ba98]);
    assert_eq!(pixels, Ok(vec![0xfedc_ba98, 0]));
}

#[test]
fn indices_beyond_the_palette_are_black() {
    let pixels = |indices, row| expanded(indices, (2, 1), 1, &[row], &[9]);
    assert_eq!(pixels(Indices::OneBitBe, 0b0100_0000), Ok(vec![9, 0]));
    assert_eq!(pixels(Indices::FourBitBe, 0x0f), Ok(vec![9, 0]));
    let pixels = expanded(Indices::EightBit, (2, 1), 2, &[255, 0], &[9]);
    assert_eq!(pixels, Ok(vec![0, 9]));
}

#[test]
fn entries_that_no_index_can_name_do_no_harm() {
    let colors: Vec<u32> = (0..300).collect();
    let pixels = expanded(Indices::EightBit, (1, 1), 1, &[255], &colors);
    assert_eq!(pixels, Ok(vec![255]));
}

#[test]
fn rows_may_be_padded_except_the_last() {
    let rows = [1, 2, 77, 77, 3, 4];
    let colors = [10, 11, 12, 13, 14];
    let pixels = |rows| expanded(Indices::EightBit, (2, 2), 4, rows, &colors);
    assert_eq!(pixels(&rows), Ok(vec![11, 12, 13, 14]));
    assert_eq!(pixels(&rows[..5]), Err(Error::Truncated));
}

#[test]
fn pictures_that_cannot_be_are_refused() {
    let pixels =
        |size, stride, colors: &[u32]| expanded(Indices::OneBitLe, size, stride, &[0; 4], colors);
    assert!(matches!(pixels((8, 1), 1, &[]), Err(Error::BadHeader(_))));
    assert!(matches!(pixels((9, 1), 1, &[1]), Err(Error::BadHeader(_))));
    assert_eq!(
        pixels((u32::MAX, u32::MAX), usize::MAX, &[1]),
        Err(Error::Truncated)
    );
    assert_eq!(pixels((0, 1), 0, &[1]), Ok(vec![]));
    assert_eq!(pixels((8, 0), 1, &[1]), Ok(vec![]));
}
