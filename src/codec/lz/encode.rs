//! From pixels to tokens.

use super::{FAR, Header, Kind, MOST_LITERALS};
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
            let packed = if stride == row_bytes {
                pixels
            } else {
                self.packed.clear();
                rows.clone()
                    .for_each(|row| self.packed.extend_from_slice(row));
                &self.packed
            };
            let finder = &mut self.finder;
            match kind {
                Kind::Plt(_) | Kind::A8 => finder.encode::<Byte, _>(packed.as_chunks().0, out),
                Kind::Rgb16 => finder.encode::<Rgb16, _>(packed.as_chunks().0, out),
                Kind::Rgb24 => finder.encode::<Rgb24, _>(packed.as_chunks().0, out),
                _ => finder.encode::<Rgb32, _>(packed.as_chunks().0, out),
            }
        }
        if matches!(kind, Kind::Rgba | Kind::Xxxa) {
            self.packed.clear();
            for row in rows {
                let (pixels, _) = row.as_chunks::<4>();
                self.packed.extend(pixels.iter().map(|pixel| pixel[3]));
            }
            let (alpha, _) = self.packed.as_chunks();
            self.finder.encode::<Byte, _>(alpha, out);
        }
        Ok(())
    }
}

/// Finds earlier elements that are like the next ones. A single guess for each position, found by a hash.
#[derive(Clone, Debug, Default)]
struct Finder {
    /// Where three elements with this hash were seen last. The high bits are more bits of the hash, so that a wrong guess
    /// is mostly recognised without a look at the elements; the low bits are those of the position.
    last_seen: Vec<u32>,
}

/// Entries of the table.
const HASH_BITS: u32 = 13;

/// Bits of a position in an entry: enough to tell all legal distances apart.
const POSITION_BITS: u32 = 17;
const POSITION: u32 = (1 << POSITION_BITS) - 1;

/// No other encoder goes farther back, though three elements more could be written.
const FARTHEST: usize = 73_724;

/// Elements that have to be alike. With fewer, a match of bytes would not be shorter than the literals.
const FEWEST: usize = 3;

/// Matches of bytes below this length are given up for one that begins an element later and is longer by two: of bytes, few
/// are alike by more than chance.
const SHORT: usize = 12;

// Decoders elsewhere were only ever fed by an encoder that begins with two literals, ends with two, and starts no match
// among the last six elements. So does this one.
const FIRST_LITERALS: usize = 2;
const LAST_LITERALS: usize = 2;
const LAST_WITHOUT_MATCH: usize = 6;

impl Finder {
    /// Appends the tokens of `elements`. The bench is `lz`.
    fn encode<E: Element<N>, const N: usize>(&mut self, elements: &[E::Slot], out: &mut Vec<u8>) {
        // A match is never longer than what it replaces. Literals are appended by blocks, a few too many.
        let count = elements.len();
        out.reserve(count * E::WIRE + count.div_ceil(MOST_LITERALS) + N * E::WIRE);
        self.last_seen.clear();
        self.last_seen.resize(1 << HASH_BITS, 0);

        let comparable = &elements[..count.saturating_sub(LAST_LITERALS)];
        let last_start = count.saturating_sub(LAST_WITHOUT_MATCH);
        for (first, three) in elements.windows(3).take(FIRST_LITERALS).enumerate() {
            self.note([0, 1, 2].map(|i| E::word(three[i])), first);
        }
        let (mut literals, mut at) = (0, FIRST_LITERALS);
        while at < last_start
            && let Some(next) = elements[at - 1..].first_chunk::<4>()
        {
            let [before, three @ ..] = next.map(E::word);
            let distance = match three == [before; 3] {
                true => 1,
                // Only where a run begins its elements are entered: that is where another one is best compared with it.
                false => self.note(three, at),
            };
            let length = match distance {
                1..=FARTHEST => common::<E, N>(&comparable[at - distance..], &comparable[at..]),
                _ => 0,
            };
            let far = distance >= FAR;
            if length < FEWEST
                || far && length < FEWEST + 2_usize.div_ceil(E::WIRE)
                || E::WIRE == 1
                    && length < SHORT
                    && at + 1 < last_start
                    && self.length_at::<E, N>(elements, comparable, at + 1) > length + 1
            {
                at += 1;
                continue;
            }

            let end = at + length;
            // Positions inside a match are not in the table, so the match may really begin earlier.
            at -= common_end::<E, N>(
                &elements[..at - distance],
                &elements[literals.max(FIRST_LITERALS)..at],
            );
            write_literals::<E, N>(&elements[literals..], at - literals, out);
            write_match(end - at - E::BIAS, distance, out);
            (literals, at) = (end, end);
            if let Some(last) = elements[at - 1..].first_chunk() {
                self.note(last.map(E::word), at - 1);
            }
        }
        write_literals::<E, N>(&elements[literals..], count - literals, out);
    }

    /// Length of the near match that would begin at `at`, perhaps; 0 if there is none.
    fn length_at<E: Element<N>, const N: usize>(
        &self,
        elements: &[E::Slot],
        comparable: &[E::Slot],
        at: usize,
    ) -> usize {
        let Some(next) = elements[at - 1..].first_chunk::<4>() else {
            return 0;
        };
        let [before, three @ ..] = next.map(E::word);
        let (place, entry) = entry(three, at);
        let distance = match three == [before; 3] {
            true => 1,
            false => distance(self.last_seen[place], entry),
        };
        match distance {
            1..FAR => common::<E, N>(&comparable[at - distance..], &comparable[at..]),
            _ => 0,
        }
    }

    /// Enters the position of three elements into the table. How far back they were before, perhaps: 0 if never.
    #[inline(always)]
    fn note(&mut self, three: [u32; 3], at: usize) -> usize {
        let (place, entry) = entry(three, at);
        let before = std::mem::replace(&mut self.last_seen[place], entry);
        distance(before, entry)
    }
}

/// The place of three elements in the table, and what is entered there for their position.
#[inline(always)]
fn entry([a, b, c]: [u32; 3], at: usize) -> (usize, u32) {
    let all = u64::from(a) ^ u64::from(b) << 20 ^ u64::from(c) << 40;
    let hash = all.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let tag = (hash >> (64 - HASH_BITS - 32 + POSITION_BITS)) as u32;
    let entry = tag << POSITION_BITS | at as u32 & POSITION;
    ((hash >> (64 - HASH_BITS)) as usize, entry)
}

/// How far the position of an entry is behind an earlier one, if both are of the same elements; perhaps then, and 0 if not.
#[inline(always)]
fn distance(before: u32, entry: u32) -> usize {
    match (before ^ entry) & !POSITION {
        0 => (entry.wrapping_sub(before) & POSITION) as usize,
        _ => 0,
    }
}

/// How many elements at the beginning of both are alike.
#[inline(always)]
fn common<E: Element<N>, const N: usize>(mut a: &[E::Slot], mut b: &[E::Slot]) -> usize {
    let mut count = 0;
    while let Some((block_a, rest_a)) = a.split_first_chunk()
        && let Some((block_b, rest_b)) = b.split_first_chunk()
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

/// How many elements at the end of both are alike.
fn common_end<E: Element<N>, const N: usize>(a: &[E::Slot], b: &[E::Slot]) -> usize {
    let pairs = a.iter().rev().zip(b.iter().rev());
    pairs
        .take_while(|(a, b)| E::word(**a) == E::word(**b))
        .count()
}

/// Appends the first `count` of `elements` as literals.
fn write_literals<E: Element<N>, const N: usize>(
    mut elements: &[E::Slot],
    mut count: usize,
    out: &mut Vec<u8>,
) {
    while count > 0 {
        let run = count.min(MOST_LITERALS);
        out.push(run as u8 - 1);
        let end = out.len() + run * E::WIRE;
        // Whole blocks are cheaper than the exact number, unless the picture ends there.
        let blocks = elements.chunks(N).take(run.div_ceil(N));
        for block in blocks {
            match block.first_chunk() {
                Some(block) => E::write_block(block, out),
                None => block.iter().for_each(|slot| E::write(*slot, out)),
            }
        }
        out.truncate(end);
        elements = &elements[run..];
        count -= run;
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

/// What a stream is made of; `N` of them fit in 16 bytes.
trait Element<const N: usize> {
    /// An element in memory.
    type Slot: Copy;
    /// Bytes of a literal in the stream.
    const WIRE: usize;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    /// What is coded of the element: at most 24 bits.
    fn word(slot: Self::Slot) -> u32;

    /// Appends a literal.
    fn write(slot: Self::Slot, out: &mut Vec<u8>);

    /// Appends them all as literals.
    fn write_block(block: &[Self::Slot; N], out: &mut Vec<u8>);

    /// What is coded of all of them, in the order of memory from the lowest bit on.
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
