//! From tokens to pixels.

use super::{FAR, HEADER_BYTES, Header, Kind};
use crate::codec::{Error, Limits};

/// Decodes one LZ image.
///
/// Appends the rows to `out` in the order of the stream (see [`Header::top_down`]), packed, in the layout that [`Kind`]
/// names: the unused byte of RGB32 and the colours of XXXA are 0, palette images stay packed indices. Bytes after the last
/// token are ignored.
///
/// # Errors
///
/// Those of [`Header::parse`] and [`Limits::check`]; [`Error::Truncated`] if the stream ends too early; [`Error::Corrupt`]
/// for a token that reaches before the first or beyond the last pixel. `out` is then as long as it was.
pub fn decode(data: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<Header, Error> {
    let header = Header::parse(data)?;
    let pixels = limits.check(header.width, header.height)?;
    let elements = match header.kind {
        Kind::Plt(_) => header.stride as u64 * u64::from(header.height),
        _ => pixels as u64,
    };
    let bytes = u64::from(header.stride) * u64::from(header.height);
    // A longer match costs a byte for each 255 elements: shorter streams are refused before memory is taken.
    if elements > data.len() as u64 * 255 {
        return Err(Error::Truncated);
    }
    let too_large = Error::TooLarge {
        pixels: pixels as u64,
        limit: limits.max_pixels,
    };
    let bytes = usize::try_from(bytes).map_err(|_| too_large)?;

    let start = out.len();
    out.resize(start + bytes, 0);
    let result = decode_elements(header.kind, data, &mut out[start..]);
    if result.is_err() {
        out.truncate(start);
    }
    result.map(|()| header)
}

/// Decodes the alpha of a picture that has its colours already: an XXXA image.
///
/// `pixels` are 4 bytes each, packed, the top row first; only the last byte of each is written. An image that starts with
/// the bottom row is turned over.
///
/// # Errors
///
/// Those of [`decode`]; [`Error::BadHeader`] for another kind of image, or one of another size than `pixels`. Part of the
/// alpha is then written.
pub fn decode_alpha_into(data: &[u8], limits: &Limits, pixels: &mut [u8]) -> Result<Header, Error> {
    let header = Header::parse(data)?;
    let count = limits.check(header.width, header.height)?;
    if header.kind != Kind::Xxxa {
        return Err(Error::BadHeader("not an image of alpha alone"));
    }
    let (pixels, rest) = pixels.as_chunks_mut::<4>();
    if pixels.len() != count || !rest.is_empty() {
        return Err(Error::BadHeader("alpha is not of the size of the colours"));
    }
    tokens::<Alpha>(data, HEADER_BYTES, pixels)?;
    if !header.top_down {
        turn_over(pixels, header.width as usize);
    }
    Ok(header)
}

/// Exchanges the alpha of the rows above the middle with that of the rows below.
fn turn_over(pixels: &mut [[u8; 4]], width: usize) {
    let (above, below) = pixels.split_at_mut(pixels.len() / width / 2 * width);
    let rows = above
        .chunks_exact_mut(width)
        .zip(below.chunks_exact_mut(width).rev());
    for (above, below) in rows {
        for (a, b) in above.iter_mut().zip(below) {
            std::mem::swap(&mut a[3], &mut b[3]);
        }
    }
}

fn decode_elements(kind: Kind, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let at = HEADER_BYTES;
    match kind {
        Kind::Plt(_) | Kind::A8 => tokens::<Byte>(data, at, out.as_chunks_mut().0),
        Kind::Rgb16 => tokens::<Rgb16>(data, at, out.as_chunks_mut().0),
        Kind::Rgb24 => tokens::<Rgb24>(data, at, out.as_chunks_mut().0),
        Kind::Rgb32 => tokens::<Rgb32>(data, at, out.as_chunks_mut().0),
        Kind::Xxxa => tokens::<Alpha>(data, at, out.as_chunks_mut().0),
        Kind::Rgba => {
            let (pixels, _) = out.as_chunks_mut();
            let at = tokens::<Rgb32>(data, at, pixels)?;
            tokens::<Alpha>(data, at, pixels)
        }
    }
    .map(|_| ())
}

/// Decodes the tokens from byte `at` of `data` on until `slots` are full; the byte after the last token.
fn tokens<E: Element>(data: &[u8], at: usize, slots: &mut [E::Slot]) -> Result<usize, Error> {
    let mut input = Input { data, at };
    let mut done = 0;
    while done < slots.len() {
        let corrupt = |at, what| Err(Error::Corrupt { at, what });
        let token = input.at;
        let room = slots.len() - done;
        let first = input.byte()?;
        if first < 32 {
            let length = usize::from(first) + 1;
            if length > room {
                return corrupt(token, "literals beyond the last pixel");
            }
            let wire = input.bytes(length * E::WIRE)?;
            let literals = wire.chunks_exact(E::WIRE);
            for (literal, slot) in literals.zip(&mut slots[done..]) {
                E::literal(literal, slot);
            }
            done += length;
        } else {
            let (length, distance) = input.rest_of_match(first, room)?;
            let length = length + E::BIAS;
            if length > room {
                return corrupt(token, "a match beyond the last pixel");
            }
            if distance > done {
                return corrupt(token, "a match from before the first pixel");
            }
            for i in done..done + length {
                let from = slots[i - distance];
                E::copy(from, &mut slots[i]);
            }
            done += length;
        }
    }
    Ok(input.at)
}

/// The stream, as far as it was read.
struct Input<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Error> {
        let byte = *self.data.get(self.at).ok_or(Error::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..count).ok_or(Error::Truncated)?;
        self.at += count;
        Ok(bytes)
    }

    /// What follows the first byte of a match: its length without the bias, and its distance. A length above `room` may
    /// be given as any length above `room`.
    fn rest_of_match(&mut self, first: u8, room: usize) -> Result<(usize, usize), Error> {
        let mut length = usize::from(first >> 5);
        if length == 7 {
            loop {
                let more = self.byte()?;
                length += usize::from(more);
                if more != 255 || length > room {
                    break;
                }
            }
        }
        let (high, low) = (usize::from(first & 31), usize::from(self.byte()?));
        if (high, low) == (31, 255) {
            let (high, low) = (usize::from(self.byte()?), usize::from(self.byte()?));
            Ok((length, (high << 8) + low + FAR))
        } else {
            Ok((length, (high << 8) + low + 1))
        }
    }
}

/// What a stream is made of.
trait Element {
    /// An element in memory.
    type Slot: Copy;
    /// Bytes of a literal in the stream.
    const WIRE: usize;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    fn literal(wire: &[u8], slot: &mut Self::Slot);

    fn copy(from: Self::Slot, slot: &mut Self::Slot) {
        *slot = from;
    }
}

/// Indices or the values of A8.
struct Byte;

impl Element for Byte {
    type Slot = [u8; 1];
    const WIRE: usize = 1;
    const BIAS: usize = 2;

    fn literal(wire: &[u8], slot: &mut [u8; 1]) {
        *slot = [wire[0]];
    }
}

/// High byte first in the stream, last in memory.
struct Rgb16;

impl Element for Rgb16 {
    type Slot = [u8; 2];
    const WIRE: usize = 2;
    const BIAS: usize = 1;

    fn literal(wire: &[u8], slot: &mut [u8; 2]) {
        *slot = [wire[1], wire[0]];
    }
}

struct Rgb24;

impl Element for Rgb24 {
    type Slot = [u8; 3];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn literal(wire: &[u8], slot: &mut [u8; 3]) {
        *slot = [wire[0], wire[1], wire[2]];
    }
}

/// The colours of 32-bit pixels; the fourth byte becomes 0.
struct Rgb32;

impl Element for Rgb32 {
    type Slot = [u8; 4];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn literal(wire: &[u8], slot: &mut [u8; 4]) {
        *slot = [wire[0], wire[1], wire[2], 0];
    }
}

/// The alpha of 32-bit pixels; the colours stay as they are.
struct Alpha;

impl Element for Alpha {
    type Slot = [u8; 4];
    const WIRE: usize = 1;
    const BIAS: usize = 2;

    fn literal(wire: &[u8], slot: &mut [u8; 4]) {
        slot[3] = wire[0];
    }

    fn copy(from: [u8; 4], slot: &mut [u8; 4]) {
        slot[3] = from[3];
    }
}
