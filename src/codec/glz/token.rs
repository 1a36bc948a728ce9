//! What an encoder puts into a GLZ stream: literals and matches.

use super::search::{Element, Image};

/// What differs between the token streams.
pub(super) trait Class {
    type Element: Element;
    /// Subtracted from every length field.
    const BIAS: usize;
    /// Bytes of one literal.
    const LITERAL_LEN: usize;
    /// Shortest match to use at all.
    const LEAST: usize;
    /// Keeps the three streams apart in the table.
    const SALT: u64;

    fn plane(image: &Image) -> &[Self::Element];
    /// Appends one literal.
    fn literal(element: Self::Element, out: &mut Vec<u8>);
    /// Appends four literals.
    fn block(elements: &[Self::Element; 4], out: &mut Vec<u8>);
}

pub(super) struct Rgb16;
pub(super) struct Colour;
pub(super) struct Alpha;

impl Class for Rgb16 {
    type Element = u32;
    const BIAS: usize = 1;
    const LITERAL_LEN: usize = 2;
    const LEAST: usize = 2;
    const SALT: u64 = 1 << 62;

    fn plane(image: &Image) -> &[u32] {
        &image.colours
    }

    fn literal(element: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&(element as u16).to_be_bytes());
    }

    fn block(elements: &[u32; 4], out: &mut Vec<u8>) {
        let bytes = elements.map(|element| (element as u16).to_be_bytes());
        out.extend_from_slice(bytes.as_flattened());
    }
}

impl Class for Colour {
    type Element = u32;
    const BIAS: usize = 0;
    const LITERAL_LEN: usize = 3;
    const LEAST: usize = 2;
    const SALT: u64 = 0;

    fn plane(image: &Image) -> &[u32] {
        &image.colours
    }

    fn literal(element: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&element.to_le_bytes()[..3]);
    }

    fn block(&[a, b, c, d]: &[u32; 4], out: &mut Vec<u8>) {
        let words = [a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8];
        out.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
    }
}

impl Class for Alpha {
    type Element = u8;
    const BIAS: usize = 2;
    const LITERAL_LEN: usize = 1;
    const LEAST: usize = 4;
    const SALT: u64 = 2 << 62;

    fn plane(image: &Image) -> &[u8] {
        &image.alphas
    }

    fn literal(element: u8, out: &mut Vec<u8>) {
        out.push(element);
    }

    fn block(elements: &[u8; 4], out: &mut Vec<u8>) {
        out.extend_from_slice(elements);
    }
}

/// A match: from `start` on, `length` elements are those at `position` of the image `distance` ids back.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) distance: u64,
    /// With distance 0 the number of elements back, less 1.
    pub(super) position: usize,
}

// By value, so that a match stays in registers.
impl Match {
    #[inline]
    pub(super) fn is_run(self) -> bool {
        self.distance == 0 && self.position == 0
    }

    /// Whether the token is shorter than the literals.
    #[inline(always)]
    pub(super) fn is_worth_it<C: Class>(self) -> bool {
        // A token has 7 bytes, and one more for each 255 elements.
        let clearly = self.length * C::LITERAL_LEN > 8;
        self.length >= C::LEAST && (clearly || self.length > self.len(C::BIAS) / C::LITERAL_LEN)
    }

    /// Bytes of the token.
    #[inline]
    fn len(self, bias: usize) -> usize {
        let extension = match (self.length - bias).checked_sub(7) {
            Some(rest) => rest / 255 + 1,
            None => 0,
        };
        3 + self.wide() + usize::from(self.position >= 1 << 17) + extension
    }

    #[inline]
    fn is_long(self) -> bool {
        self.position >= 1 << 12
    }

    /// Bytes of the image distance beside the bits of the third byte.
    #[inline]
    fn wide(self) -> usize {
        let in_place = if self.is_long() { 0 } else { 6 };
        let bits = u64::BITS - self.distance.leading_zeros();
        bits.saturating_sub(in_place).div_ceil(8) as usize
    }

    #[inline(always)]
    pub(super) fn write(self, bias: usize, out: &mut Vec<u8>) {
        let length = self.length - bias;
        let long = self.is_long();
        let control = length.min(7) << 5 | usize::from(long) << 4 | self.position & 15;
        out.push(control as u8);
        if let Some(rest) = length.checked_sub(7) {
            if rest >= 255 {
                out.resize(out.len() + rest / 255, 255);
            }
            out.push((rest % 255) as u8);
        }
        out.push((self.position >> 4) as u8);
        if !long && self.distance < 64 {
            out.push(self.distance as u8);
        } else {
            self.write_distance(out);
        }
    }

    /// What comes behind the first 12 bits of the position.
    fn write_distance(self, out: &mut Vec<u8>) {
        let wide = self.wide();
        let distance = self.distance.to_le_bytes();
        if self.is_long() {
            let more = self.position >> 17;
            let fields = wide << 6 | usize::from(more != 0) << 5 | self.position >> 12 & 31;
            out.push(fields as u8);
            out.extend_from_slice(&distance[..wide]);
            if more != 0 {
                out.push(more as u8);
            }
        } else {
            out.push((wide as u8) << 6 | distance[0] & 63);
            out.extend_from_slice(&(self.distance >> 6).to_le_bytes()[..wide]);
        }
    }
}

/// Appends the first `count` of `elements` as literals.
#[inline(always)]
pub(super) fn literals<C: Class>(mut elements: &[C::Element], mut count: usize, out: &mut Vec<u8>) {
    while count > 0 {
        let run = count.min(MOST_LITERALS);
        out.push(run as u8 - 1);
        let end = out.len() + run * C::LITERAL_LEN;
        // Whole blocks are cheaper than the exact number, unless the image ends there.
        for block in elements.chunks(4).take(run.div_ceil(4)) {
            match block.first_chunk() {
                Some(block) => C::block(block, out),
                None => block.iter().for_each(|element| C::literal(*element, out)),
            }
        }
        out.truncate(end);
        elements = &elements[run..];
        count -= run;
    }
}

/// Of one token.
const MOST_LITERALS: usize = 32;
