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
    let too_large = Error::TooLarge {
        pixels: pixels as u64,
        limit: limits.max_pixels,
    };
    let bytes = u64::from(header.stride) * u64::from(header.height);
    let bytes = usize::try_from(bytes).map_err(|_| too_large)?;
    let elements = match header.kind {
        Kind::Plt(_) => bytes,
        _ => pixels,
    };
    // A longer match costs a byte for each 255 elements: shorter streams are refused before memory is taken.
    if elements as u64 > data.len() as u64 * 255 {
        return Err(Error::Truncated);
    }

    let start = out.len();
    out.resize(start + bytes, 0);
    let result = decode_elements(header.kind, data, &mut out[start..]);
    if result.is_err() {
        out.truncate(start);
    }
    result.map(|_| header)
}

/// Decodes the tokens of `data` into zeroed bytes; the offset of the byte after the last token.
fn decode_elements(kind: Kind, data: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let at = HEADER_BYTES;
    match kind {
        Kind::Plt(_) | Kind::A8 => tokens::<Byte, _>(data, at, out.as_chunks_mut().0),
        Kind::Rgb16 => tokens::<Rgb16, _>(data, at, out.as_chunks_mut().0),
        Kind::Rgb24 => tokens::<Rgb24, _>(data, at, out.as_chunks_mut().0),
        Kind::Rgb32 => tokens::<Rgb32, _>(data, at, out.as_chunks_mut().0),
        Kind::Xxxa => tokens::<Alpha, _>(data, at, out.as_chunks_mut().0),
        Kind::Rgba => {
            let at = tokens::<Rgb32, _>(data, at, out.as_chunks_mut().0)?;
            tokens::<Alpha, _>(data, at, out.as_chunks_mut().0)
        }
    }
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
    tokens::<Alpha, _>(data, HEADER_BYTES, pixels)?;
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

/// Fills `slots` with the tokens from byte `at` of `data` on; the offset of the byte after the last token.
///
/// The plain version is in the tests, the bench is `lz`.
fn tokens<E: Element<N>, const N: usize>(
    data: &[u8],
    at: usize,
    slots: &mut [E::Slot],
) -> Result<usize, Error> {
    let mut rest = data.get(at..).unwrap_or_default();
    let mut done = 0;
    while done < slots.len() {
        let room = slots.len() - done;
        let token = rest;
        let corrupt = |what| {
            let at = data.len() - token.len();
            Err(Error::Corrupt { at, what })
        };
        let first = next(&mut rest)?;
        if first < 32 {
            let count = usize::from(first) + 1;
            if room >= 32
                && let Some(wire) = rest.get(..32 * E::WIRE)
            {
                let target = slots[done..done + 32].as_chunks_mut::<N>().0;
                let wire = wire.chunks_exact(N * E::WIRE);
                for (target, wire) in target.iter_mut().zip(wire).take(count.div_ceil(N)) {
                    for (slot, wire) in target.iter_mut().zip(wire.chunks_exact(E::WIRE)) {
                        E::literal(wire, slot);
                    }
                }
            } else {
                if count > room {
                    return corrupt("literals beyond the last pixel");
                }
                let wire = rest.get(..count * E::WIRE).ok_or(Error::Truncated)?;
                let target = &mut slots[done..done + count];
                for (slot, wire) in target.iter_mut().zip(wire.chunks_exact(E::WIRE)) {
                    E::literal(wire, slot);
                }
            }
            rest = &rest[count * E::WIRE..];
            done += count;
        } else {
            let mut length = usize::from(first >> 5);
            if length == 7 {
                loop {
                    let more = next(&mut rest)?;
                    length += usize::from(more);
                    // Stops early rather than count beyond all numbers.
                    if more != 255 || length > room {
                        break;
                    }
                }
            }
            length += E::BIAS;
            let (high, low) = (first & 31, next(&mut rest)?);
            let mut distance = usize::from(high) << 8 | usize::from(low);
            if distance == FAR - 1 {
                distance = usize::from(next(&mut rest)?) << 8 | usize::from(next(&mut rest)?);
                distance += FAR - 1;
            }
            distance += 1;
            if length > room {
                return corrupt("a match beyond the last pixel");
            }
            if distance > done {
                return corrupt("a match from before the first pixel");
            }
            repeat::<E, N>(slots, done, length, distance);
            done += length;
        }
    }
    Ok(data.len() - rest.len())
}

fn next(rest: &mut &[u8]) -> Result<u8, Error> {
    let (&byte, tail) = rest.split_first().ok_or(Error::Truncated)?;
    *rest = tail;
    Ok(byte)
}

/// Fills `length` slots from `done` on with what is `distance` slots before. May write to slots behind that, too.
#[inline(always)]
fn repeat<E: Element<N>, const N: usize>(
    slots: &mut [E::Slot],
    mut done: usize,
    length: usize,
    mut distance: usize,
) {
    let end = done + length;
    // Whole blocks fit before this.
    let last = slots.len().saturating_sub(N);
    let blocks_end = end.min(last);
    if distance == 1 {
        let block = [slots[done - 1]; N];
        while done < blocks_end {
            E::copy(block, slots[done..].first_chunk_mut().unwrap());
            done += N;
        }
    } else {
        if distance < N {
            // What repeats after `distance` slots repeats after a multiple, too.
            let few = end.min(done + N);
            while done < few {
                one::<E, N>(slots, done, distance);
                done += 1;
            }
            distance = N.next_multiple_of(distance);
        }
        while done < blocks_end {
            let block = *slots[done - distance..].first_chunk().unwrap();
            E::copy(block, slots[done..].first_chunk_mut().unwrap());
            done += N;
        }
    }
    while done < end {
        one::<E, N>(slots, done, distance);
        done += 1;
    }
}

fn one<E: Element<N>, const N: usize>(slots: &mut [E::Slot], at: usize, distance: usize) {
    let from = slots[at - distance];
    E::copy_one(from, &mut slots[at]);
}

/// What a stream is made of; `N` of them are best moved at a time.
trait Element<const N: usize> {
    /// An element in memory.
    type Slot: Copy;
    /// Bytes of a literal in the stream.
    const WIRE: usize;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    fn literal(wire: &[u8], slot: &mut Self::Slot);

    fn copy_one(from: Self::Slot, to: &mut Self::Slot) {
        *to = from;
    }

    fn copy(from: [Self::Slot; N], to: &mut [Self::Slot; N]) {
        *to = from;
    }
}

/// Indices or the values of A8.
struct Byte;

impl Element<16> for Byte {
    type Slot = [u8; 1];
    const WIRE: usize = 1;
    const BIAS: usize = 2;

    fn literal(wire: &[u8], slot: &mut [u8; 1]) {
        *slot = [wire[0]];
    }
}

/// High byte first in the stream, last in memory.
struct Rgb16;

impl Element<16> for Rgb16 {
    type Slot = [u8; 2];
    const WIRE: usize = 2;
    const BIAS: usize = 1;

    fn literal(wire: &[u8], slot: &mut [u8; 2]) {
        *slot = [wire[1], wire[0]];
    }
}

struct Rgb24;

impl Element<8> for Rgb24 {
    type Slot = [u8; 3];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn literal(wire: &[u8], slot: &mut [u8; 3]) {
        *slot = [wire[0], wire[1], wire[2]];
    }
}

/// The colours of 32-bit pixels; the fourth byte becomes 0.
struct Rgb32;

impl Element<8> for Rgb32 {
    type Slot = [u8; 4];
    const WIRE: usize = 3;
    const BIAS: usize = 0;

    fn literal(wire: &[u8], slot: &mut [u8; 4]) {
        *slot = [wire[0], wire[1], wire[2], 0];
    }
}

/// The alpha of 32-bit pixels; the colours stay as they are.
struct Alpha;

impl Element<8> for Alpha {
    type Slot = [u8; 4];
    const WIRE: usize = 1;
    const BIAS: usize = 2;

    fn literal(wire: &[u8], slot: &mut [u8; 4]) {
        slot[3] = wire[0];
    }

    fn copy_one(from: [u8; 4], to: &mut [u8; 4]) {
        to[3] = from[3];
    }

    fn copy(from: [[u8; 4]; 8], to: &mut [[u8; 4]; 8]) {
        for (from, to) in from.into_iter().zip(to) {
            let (from, colours) = (u32::from_le_bytes(from), u32::from_le_bytes(*to));
            *to = (from & 0xff00_0000 | colours & 0x00ff_ffff).to_le_bytes();
        }
    }
}
