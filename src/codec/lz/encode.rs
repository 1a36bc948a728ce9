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
                Kind::Plt(_) | Kind::A8 => self.finder.encode::<Byte>(elements.as_chunks().0, out),
                Kind::Rgb16 => self.finder.encode::<Rgb16>(elements.as_chunks().0, out),
                Kind::Rgb24 => self.finder.encode::<Rgb24>(elements.as_chunks().0, out),
                _ => self.finder.encode::<Rgb32>(elements.as_chunks().0, out),
            }
        }
        if matches!(kind, Kind::Rgba | Kind::Xxxa) {
            self.packed.clear();
            for row in rows {
                self.packed
                    .extend(row.as_chunks::<4>().0.iter().map(|pixel| pixel[3]));
            }
            self.finder.encode::<Byte>(self.packed.as_chunks().0, out);
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
    fn encode<E: Element>(&mut self, elements: &[E::Slot], out: &mut Vec<u8>) {
        self.last_seen.clear();
        self.last_seen.resize(1 << HASH_BITS, 0);
        // Other decoders were only ever fed by an encoder that begins with two literals, ends with two, and starts no
        // match among the last six.
        let end = elements.len().saturating_sub(2);
        let last_start = elements.len().saturating_sub(6);
        let (mut literals, mut at) = (0, 2);
        while at < last_start {
            let slot = &mut self.last_seen[hash::<E>(&elements[at..])];
            let seen = std::mem::replace(slot, at as u32) as usize;
            let run = common::<E>(elements, at - 1, at, end);
            let (length, distance) = if run >= 3 {
                (run, 1)
            } else {
                (common::<E>(elements, seen, at, end), at - seen)
            };
            let least = if distance < FAR {
                3
            } else {
                4 + usize::from(E::BIAS == 2)
            };
            if length < least || distance > FARTHEST {
                at += 1;
                continue;
            }
            write_literals::<E>(&elements[literals..at], out);
            write_match(length - E::BIAS, distance, out);
            at += length;
            literals = at;
            let slot = &mut self.last_seen[hash::<E>(&elements[at - 1..])];
            *slot = at as u32 - 1;
        }
        write_literals::<E>(&elements[literals..], out);
    }
}

const HASH_BITS: u32 = 13;

/// No decoder was ever shown a match from farther away, though three elements more could be written.
const FARTHEST: usize = 73_724;

/// Where in the table the first three of `elements` belong.
fn hash<E: Element>(elements: &[E::Slot]) -> usize {
    let words = elements.iter().take(3).map(|slot| E::word(*slot));
    let mixed = words.fold(0_u32, |mixed, word| {
        (mixed ^ word).wrapping_mul(0x9e37_79b1).rotate_left(15)
    });
    (mixed >> (32 - HASH_BITS)) as usize
}

/// How many elements from `later` on, up to `end`, are like those from `earlier` on.
fn common<E: Element>(elements: &[E::Slot], earlier: usize, later: usize, end: usize) -> usize {
    let pairs = elements[earlier..].iter().zip(&elements[later..end]);
    pairs
        .take_while(|(a, b)| E::word(**a) == E::word(**b))
        .count()
}

fn write_literals<E: Element>(elements: &[E::Slot], out: &mut Vec<u8>) {
    for run in elements.chunks(32) {
        out.push(run.len() as u8 - 1);
        for slot in run {
            E::write(*slot, out);
        }
    }
}

/// A match of `length` (without the bias, at least 1).
fn write_match(length: usize, distance: usize, out: &mut Vec<u8>) {
    let far = distance >= FAR;
    let offset = if far { 0x1fff } else { distance - 1 };
    let (high, low) = ((offset >> 8) as u8, offset as u8);
    out.push((length.min(7) as u8) << 5 | high);
    if let Some(mut more) = length.checked_sub(7) {
        while more >= 255 {
            out.push(255);
            more -= 255;
        }
        out.push(more as u8);
    }
    out.push(low);
    if far {
        out.extend(((distance - FAR) as u16).to_be_bytes());
    }
}

/// What a stream is made of.
trait Element {
    /// An element in memory.
    type Slot: Copy;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    /// What is coded of the element, as a number.
    fn word(slot: Self::Slot) -> u32;

    /// Appends a literal.
    fn write(slot: Self::Slot, out: &mut Vec<u8>);
}

/// Indices or alpha.
struct Byte;

impl Element for Byte {
    type Slot = [u8; 1];
    const BIAS: usize = 2;

    fn word([byte]: [u8; 1]) -> u32 {
        u32::from(byte)
    }

    fn write([byte]: [u8; 1], out: &mut Vec<u8>) {
        out.push(byte);
    }
}

/// High byte first in the stream, last in memory.
struct Rgb16;

impl Element for Rgb16 {
    type Slot = [u8; 2];
    const BIAS: usize = 1;

    fn word(slot: [u8; 2]) -> u32 {
        u32::from(u16::from_le_bytes(slot))
    }

    fn write([low, high]: [u8; 2], out: &mut Vec<u8>) {
        out.extend([high, low]);
    }
}

struct Rgb24;

impl Element for Rgb24 {
    type Slot = [u8; 3];
    const BIAS: usize = 0;

    fn word([b, g, r]: [u8; 3]) -> u32 {
        u32::from_le_bytes([b, g, r, 0])
    }

    fn write(slot: [u8; 3], out: &mut Vec<u8>) {
        out.extend(slot);
    }
}

/// The colours of 32-bit pixels.
struct Rgb32;

impl Element for Rgb32 {
    type Slot = [u8; 4];
    const BIAS: usize = 0;

    fn word([b, g, r, _]: [u8; 4]) -> u32 {
        u32::from_le_bytes([b, g, r, 0])
    }

    fn write([b, g, r, _]: [u8; 4], out: &mut Vec<u8>) {
        out.extend([b, g, r]);
    }
}
