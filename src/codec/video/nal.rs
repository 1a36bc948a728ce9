//! The byte stream that H.264 and H.265 share: NAL units behind start codes, and numbers in their headers.

/// The NAL units of an Annex B byte stream, without their start codes.
pub(super) fn units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(data);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = start_code(unit).unwrap_or(unit.len());
        rest = after_start_code(&unit[end..]);
        Some(&unit[..end])
    })
}

fn start_code(data: &[u8]) -> Option<usize> {
    data.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    Some(&data[start_code(data)? + 3..])
}

/// Reads the bits of a NAL unit, first bit of a byte first, passing over the bytes that only keep start codes from
/// appearing.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    byte: usize,
    bit: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            byte: 0,
            bit: 0,
        }
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        if self.bit == 0
            && self.byte >= 2
            && self.data.get(self.byte - 2..=self.byte) == Some(&[0, 0, 3])
        {
            self.byte += 1;
        }
        let flag = self.data.get(self.byte)? >> (7 - self.bit) & 1 == 1;
        self.bit += 1;
        if self.bit == 8 {
            (self.byte, self.bit) = (self.byte + 1, 0);
        }
        Some(flag)
    }

    /// A number of at most 32 bits.
    pub fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |sum, _| Some(sum << 1 | u32::from(self.flag()?)))
    }

    /// Passes over bits.
    pub fn skip(&mut self, bits: u32) -> Option<()> {
        (0..bits).try_for_each(|_| self.flag().map(drop))
    }

    /// A number coded by Exp-Golomb, `ue(v)`.
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.number(zeros)?)
    }

    /// A signed number coded by Exp-Golomb, `se(v)`.
    #[cfg(feature = "h264")]
    pub fn signed_golomb(&mut self) -> Option<i32> {
        let code = i64::from(self.golomb()?);
        let value = if code % 2 == 1 {
            (code + 1) / 2
        } else {
            -code / 2
        };
        i32::try_from(value).ok()
    }
}

#[cfg(all(test, feature = "h264"))]
mod tests {
    use super::*;

    #[test]
    fn units_lie_between_start_codes_of_three_bytes_or_four() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 0, 0, 1];
        let found: Vec<&[u8]> = units(&stream).collect();
        assert_eq!(found, [&[0x67, 1][..], &[0x68], &[]]);
        assert_eq!(units(&[0, 0, 2]).count(), 0);
    }

    #[test]
    fn numbers_are_read_across_the_bytes_that_prevent_start_codes() {
        let mut bits = Bits::new(&[0x00, 0x00, 0x03, 0x01, 0xa6]);
        assert_eq!(bits.number(24), Some(1));
        // 1, 010, 011, 0.
        assert_eq!(bits.golomb(), Some(0));
        assert_eq!(bits.signed_golomb(), Some(1));
        assert_eq!(bits.golomb(), Some(2));
        assert_eq!(bits.flag(), Some(false));
        assert_eq!(bits.flag(), None);
    }
}
