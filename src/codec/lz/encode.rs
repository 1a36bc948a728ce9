//! From pixels to tokens.

use super::{FAR, Header, Kind};
use crate::codec::Error;

/// Encodes one image with a fresh [`Encoder`].
///
/// # Errors
///
/// Those of [`Encoder::encode`].
pub fn encode(
    kind: Kind,
    width: u32,
    height: u32,
    stride: usize,
    top_down: bool,
    pixels: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    Encoder::default().encode(kind, width, height, stride, top_down, pixels, out)
}

/// Encodes LZ images. Keeps its tables from one image to the next, so that a warm encoder allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    finder: Finder,
    /// The elements of a picture whose rows are padded, or its alpha.
    packed: Vec<u8>,
}

impl Encoder {
    /// Encodes one image.
    ///
    /// `pixels` are rows of [`Kind::row_bytes`] bytes, row `y` from byte `y × stride` on, in the layout that [`Kind`] names;
    /// the stream has the rows in this order. `top_down` says that the first one is the top row. Of RGB32 the last byte of
    /// a pixel is ignored, of XXXA the first three. Appends the stream to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::BadHeader`] for a width or height of 0, a size above 2³¹ − 1, or a stride of less than a row;
    /// [`Error::Truncated`] for missing rows. `out` is then as it was.
    #[expect(
        clippy::too_many_arguments,
        reason = "an image, in the order of its header"
    )]
    pub fn encode(
        &mut self,
        kind: Kind,
        width: u32,
        height: u32,
        stride: usize,
        top_down: bool,
        pixels: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let header = Header::new(kind, width, height, top_down)?;
        let row_bytes = header.stride as usize;
        if stride < row_bytes {
            return Err(Error::BadHeader("the stride is less than a row of pixels"));
        }
        let needed = (height as usize - 1)
            .checked_mul(stride)
            .and_then(|before| before.checked_add(row_bytes));
        let pixels = needed
            .and_then(|needed| pixels.get(..needed))
            .ok_or(Error::Truncated)?;

        header.write(out);
        let rows = pixels.chunks(stride).map(|row| &row[..row_bytes]);
        if kind != Kind::Xxxa {
            let elements = if stride == row_bytes {
                pixels
            } else {
                self.packed.clear();
                rows.clone()
                    .for_each(|row| self.packed.extend_from_slice(row));
                &self.packed
            };
            match kind {
                Kind::Plt(_) | Kind::A8 => {
                    self.finder.encode::<Byte, _>(elements.as_chunks().0, out)
                }
                Kind::Rgb16 => self.finder.encode::<Rgb16, _>(elements.as_chunks().0, out),
                Kind::Rgb24 => self.finder.encode::<Rgb24, _>(elements.as_chunks().0, out),
                _ => self.finder.encode::<Rgb32, _>(elements.as_chunks().0, out),
            }
        }
        if matches!(kind, Kind::Rgba | Kind::Xxxa) {
            self.packed.clear();
            for row in rows {
                self.packed
                    .extend(row.as_chunks::<4>().0.iter().map(|pixel| pixel[3]));
            }
            self.finder
                .encode::<Byte, _>(self.packed.as_chunks().0, out);
        }
        Ok(())
    }
}

/// Finds earlier elements that are like the next ones.
#[derive(Clone, Debug, Default)]
struct Finder {
    /// For each hash of three elements where they were seen last.
    last_seen: Vec<u32>,
}

impl Finder {
    /// Appends the tokens of `elements` to `out`.
    fn encode<E: Element<N>, const N: usize>(&mut self, elements: &[E::Slot], out: &mut Vec<u8>) {
        self.last_seen.clear();
        self.last_seen.resize(1 << HASH_BITS, 0);
        let Some(last_seen) = self.last_seen.first_chunk_mut::<{ 1 << HASH_BITS }>() else {
            return;
        };
        // Matches are never longer than what they replace. Blocks of literals are appended before they are cut.
        out.reserve(elements.len() * size_of::<E::Slot>() + elements.len().div_ceil(32) + 64);

        // Other decoders were only ever fed by an encoder that begins with two literals, ends with two, and starts no
        // match among the last six.
        let end = elements.len().saturating_sub(2);
        let last_start = elements.len().saturating_sub(6);
        let (mut literals, mut at) = (0, 2);
        while at < last_start {
            let Some(next) = elements[at - 1..].first_chunk::<4>() else {
                break;
            };
            let [before, a, b, c] = next.map(E::word);
            let seen = note(last_seen, [a, b, c], at);
            let distance = if before == a && a == b && b == c {
                1
            } else {
                seen
            };
            if distance == 0 || distance > FARTHEST {
                at += 1;
                continue;
            }
            let length = common::<E, N>(&elements[at - distance..end], &elements[at..end]);
            let least = if distance < FAR {
                3
            } else {
                4 + usize::from(E::BIAS == 2)
            };
            if length < least {
                at += 1;
                continue;
            }
            write_literals::<E, N>(elements, literals, at, out);
            write_match(length - E::BIAS, distance, out);
            at += length;
            literals = at;
            if let Some(next) = elements[at - 1..].first_chunk::<3>() {
                note(last_seen, next.map(E::word), at - 1);
            }
        }
        write_literals::<E, N>(elements, literals, elements.len(), out);
    }
}

const HASH_BITS: u32 = 13;

/// No decoder was ever shown a match from farther away, though three elements more could be written.
const FARTHEST: usize = 73_724;

/// Bits of a position in the table.
const POSITION_BITS: u32 = 17;

/// Enters three elements at `at` into the table. How far back they were seen, if they were: a guess, 0 if none.
#[inline(always)]
fn note(last_seen: &mut [u32; 1 << HASH_BITS], [a, b, c]: [u32; 3], at: usize) -> usize {
    let all = u64::from(a) ^ u64::from(b) << 20 ^ u64::from(c) << 40;
    let mixed = all.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let tag = ((mixed >> 36) as u32) << POSITION_BITS;
    let entry = tag | at as u32 & POSITION_MASK;
    let slot = &mut last_seen[(mixed >> (64 - HASH_BITS)) as usize];
    let seen = std::mem::replace(slot, entry);
    if (seen ^ entry) & !POSITION_MASK != 0 {
        return 0;
    }
    (entry.wrapping_sub(seen) & POSITION_MASK) as usize
}
const POSITION_MASK: u32 = (1 << POSITION_BITS) - 1;

/// How many elements at the beginning of `a` and `b` are alike; `b` is not longer than `a`.
#[inline(always)]
fn common<E: Element<N>, const N: usize>(mut a: &[E::Slot], mut b: &[E::Slot]) -> usize {
    let mut count = 0;
    while let (Some((block_a, rest_a)), Some((block_b, rest_b))) =
        (a.split_first_chunk(), b.split_first_chunk())
    {
        let difference = E::bits(block_a) ^ E::bits(block_b);
        if difference != 0 {
            return count + difference.trailing_zeros() as usize / 8 / size_of::<E::Slot>();
        }
        count += N;
        (a, b) = (rest_a, rest_b);
    }
    let pairs = a.iter().zip(b);
    count
        + pairs
            .take_while(|(a, b)| E::word(**a) == E::word(**b))
            .count()
}

fn write_literals<E: Element<N>, const N: usize>(
    elements: &[E::Slot],
    mut start: usize,
    end: usize,
    out: &mut Vec<u8>,
) {
    while start < end {
        let count = (end - start).min(32);
        out.push(count as u8 - 1);
        let out_end = out.len() + count * E::WIRE;
        let mut at = start;
        start += count;
        while at < start
            && let Some(block) = elements[at..].first_chunk()
        {
            E::write_block(block, out);
            at += N;
        }
        while at < start {
            E::write(elements[at], out);
            at += 1;
        }
        out.truncate(out_end);
    }
}

/// A match of `length` (without the bias, at least 1).
fn write_match(length: usize, distance: usize, out: &mut Vec<u8>) {
    let far = distance >= FAR;
    let offset = if far { 0x1fff } else { distance - 1 };
    let (high, low) = ((offset >> 8) as u8, offset as u8);
    if length < 7 {
        out.extend_from_slice(&[(length as u8) << 5 | high, low]);
    } else {
        out.push(7 << 5 | high);
        let mut more = length - 7;
        while more >= 255 {
            out.push(255);
            more -= 255;
        }
        out.extend_from_slice(&[more as u8, low]);
    }
    if far {
        out.extend_from_slice(&((distance - FAR) as u16).to_be_bytes());
    }
}

/// What a stream is made of; `N` of them are best handled at a time.
trait Element<const N: usize> {
    /// An element in memory.
    type Slot: Copy;
    /// Bytes of a literal in the stream.
    const WIRE: usize;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    /// What is coded of the element, as a number.
    fn word(slot: Self::Slot) -> u32;

    /// Appends a literal.
    fn write(slot: Self::Slot, out: &mut Vec<u8>);

    fn write_block(block: &[Self::Slot; N], out: &mut Vec<u8>);

    /// What is coded of all of them.
    fn bits(block: &[Self::Slot; N]) -> u128;
}

/// Indices or alpha.
struct Byte;

impl Element<16> for Byte {
    type Slot = [u8; 1];
    const WIRE: usize = 1;
    const BIAS: usize = 2;

    fn word([byte]: [u8; 1]) -> u32 {
        u32::from(byte)
    }

    fn write([byte]: [u8; 1], out: &mut Vec<u8>) {
        out.push(byte);
    }

    fn write_block(block: &[[u8; 1]; 16], out: &mut Vec<u8>) {
        out.extend_from_slice(block.as_flattened());
    }

    fn bits(block: &[[u8; 1]; 16]) -> u128 {
        u128::from_le_bytes(block.map(|[byte]| byte))
    }
}

/// High byte first in the stream, last in memory.
struct Rgb16;

impl Element<8> for Rgb16 {
    type Slot = [u8; 2];
    const WIRE: usize = 2;
    const BIAS: usize = 1;

    fn word(slot: [u8; 2]) -> u32 {
        u32::from(u16::from_le_bytes(slot))
    }

    fn write([low, high]: [u8; 2], out: &mut Vec<u8>) {
        out.extend_from_slice(&[high, low]);
    }

    fn write_block(block: &[[u8; 2]; 8], out: &mut Vec<u8>) {
        out.extend_from_slice(block.map(|[low, high]| [high, low]).as_flattened());
    }

    fn bits(block: &[[u8; 2]; 8]) -> u128 {
        bits(block.as_flattened())
    }
}

struct Rgb24;

impl Element<5> for Rgb24 {
    type Slot = [u8; 3];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn word([b, g, r]: [u8; 3]) -> u32 {
        u32::from_le_bytes([b, g, r, 0])
    }

    fn write(slot: [u8; 3], out: &mut Vec<u8>) {
        out.extend_from_slice(&slot);
    }

    fn write_block(block: &[[u8; 3]; 5], out: &mut Vec<u8>) {
        out.extend_from_slice(block.as_flattened());
    }

    fn bits(block: &[[u8; 3]; 5]) -> u128 {
        bits(block.as_flattened())
    }
}

/// The colours of 32-bit pixels.
struct Rgb32;

impl Element<4> for Rgb32 {
    type Slot = [u8; 4];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn word([b, g, r, _]: [u8; 4]) -> u32 {
        u32::from_le_bytes([b, g, r, 0])
    }

    fn write([b, g, r, _]: [u8; 4], out: &mut Vec<u8>) {
        out.extend_from_slice(&[b, g, r]);
    }

    fn write_block(block: &[[u8; 4]; 4], out: &mut Vec<u8>) {
        let [a, b, c, d] = block.map(Self::word);
        let words = [a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8];
        out.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
    }

    fn bits(block: &[[u8; 4]; 4]) -> u128 {
        bits(block.as_flattened()) & 0x00ff_ffff_00ff_ffff_00ff_ffff_00ff_ffff
    }
}

/// A little-endian number of up to 16 bytes.
fn bits(bytes: &[u8]) -> u128 {
    let mut all = [0; 16];
    all[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(all)
}
