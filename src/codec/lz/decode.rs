//! From tokens to pixels.

use super::{FAR, HEADER_BYTES, Header, Kind, MOST_LITERALS};
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
    let bytes = u64::from(header.stride) * u64::from(header.height);
    let elements = match header.kind {
        Kind::Plt(_) => bytes,
        _ => pixels as u64,
    };
    // A byte of the stream stands for 255 elements at the most: nothing is allocated for what cannot be there.
    if elements.div_ceil(255) > (data.len() - HEADER_BYTES) as u64 {
        return Err(Error::Truncated);
    }
    let bytes = usize::try_from(bytes).map_err(|_| Error::TooLarge {
        pixels: pixels as u64,
        limit: limits.max_pixels,
    })?;

    let start = out.len();
    out.resize(start + bytes, 0);
    if let Err(error) = decode_into(&mut out[start..], header.kind, data) {
        out.truncate(start);
        return Err(error);
    }
    Ok(header)
}

/// Decodes the alpha of a picture that has its colours already: an XXXA image.
///
/// `pixels` are 4 bytes each, packed, the top row first; only the last byte of each is written. An image that starts with
/// the bottom row is turned over.
///
/// # Errors
///
/// Those of [`decode`]; [`Error::BadHeader`] for another kind of image, or one of another size than `pixels`. Part of the
/// alpha may then be written.
pub fn decode_alpha_into(data: &[u8], limits: &Limits, pixels: &mut [u8]) -> Result<Header, Error> {
    let header = Header::parse(data)?;
    let count = limits.check(header.width, header.height)?;
    if header.kind != Kind::Xxxa {
        return Err(Error::BadHeader("not an image of alpha alone"));
    }
    let (pixels, rest) = pixels.as_chunks_mut();
    if pixels.len() != count || !rest.is_empty() {
        return Err(Error::BadHeader("alpha is not of the size of the colours"));
    }
    tokens::<Alpha, _>(data, HEADER_BYTES, pixels)?;
    if !header.top_down {
        turn_over_alpha(pixels, header.width as usize);
    }
    Ok(header)
}

/// Exchanges the alpha of the rows above the middle with that of the rows below.
fn turn_over_alpha(pixels: &mut [[u8; 4]], width: usize) {
    let height = pixels.len() / width;
    let (above, below) = pixels.split_at_mut(height / 2 * width);
    let above = above.chunks_exact_mut(width);
    for (above, below) in above.zip(below.chunks_exact_mut(width).rev()) {
        for (a, b) in above.iter_mut().zip(below) {
            std::mem::swap(&mut a[3], &mut b[3]);
        }
    }
}

/// Decodes the tokens of `data` into zeroed bytes; the offset of the byte after the last token.
fn decode_into(out: &mut [u8], kind: Kind, data: &[u8]) -> Result<usize, Error> {
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
        let at = data.len() - rest.len();
        let corrupt = |what| Err(Error::Corrupt { at, what });
        let room = slots.len() - done;
        let first = usize::from(next(&mut rest)?);
        if first < MOST_LITERALS {
            let length = first + 1;
            if length > room {
                return corrupt("literals beyond the last pixel");
            }
            literals::<E, N>(rest, &mut slots[done..], length).ok_or(Error::Truncated)?;
            rest = &rest[length * E::WIRE..];
            done += length;
        } else {
            let (length, distance) = rest_of_match(first, room, &mut rest)?;
            let length = length + E::BIAS;
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

/// Copies `length` literals to the first slots. What is in the slots after them is lost. `None` if there are too few bytes.
#[inline(always)]
fn literals<E: Element<N>, const N: usize>(
    wire: &[u8],
    slots: &mut [E::Slot],
    length: usize,
) -> Option<()> {
    // Far from the end of both, whole blocks are cheaper than the exact number.
    if let Some(wire) = wire.get(..MOST_LITERALS * E::WIRE)
        && let Some(slots) = slots.first_chunk_mut::<MOST_LITERALS>()
    {
        let (blocks, _) = slots.as_chunks_mut::<N>();
        let wire = wire.chunks_exact(N * E::WIRE);
        for (slots, wire) in blocks.iter_mut().zip(wire).take(length.div_ceil(N)) {
            E::literals(wire, slots);
        }
    } else {
        E::literals(wire.get(..length * E::WIRE)?, slots.get_mut(..length)?);
    }
    Some(())
}

/// What follows the first byte of a match: its length without the bias, and its distance. Lengths above `most` may be given
/// as any length above it.
#[inline(always)]
fn rest_of_match(first: usize, most: usize, rest: &mut &[u8]) -> Result<(usize, usize), Error> {
    let mut length = first >> 5;
    if length == 7 {
        loop {
            let more = next(rest)?;
            length += usize::from(more);
            // Stops early rather than count beyond all numbers.
            if more != 255 || length > most {
                break;
            }
        }
    }
    let near = (first & 31) << 8 | usize::from(next(rest)?);
    if near < FAR - 1 {
        return Ok((length, near + 1));
    }
    let far = usize::from(next(rest)?) << 8 | usize::from(next(rest)?);
    Ok((length, far + FAR))
}

/// The next byte of the stream.
#[inline(always)]
fn next(rest: &mut &[u8]) -> Result<u8, Error> {
    let (&byte, tail) = rest.split_first().ok_or(Error::Truncated)?;
    *rest = tail;
    Ok(byte)
}

/// Fills `length` slots from `at` on with what is `distance` slots before each. What is in the slots after them is lost.
#[inline(always)]
fn repeat<E: Element<N>, const N: usize>(
    slots: &mut [E::Slot],
    mut at: usize,
    length: usize,
    mut distance: usize,
) {
    let end = at + length;
    if distance == 1 {
        let block = [slots[at - 1]; N];
        while at < end
            && let Some(to) = slots[at..].first_chunk_mut()
        {
            E::copy_block(&block, to);
            at += N;
        }
    } else if distance < N {
        // What repeats after so many slots repeats after a multiple, too.
        let few = end.min(at + N);
        copy_each::<E, N>(slots, at, few, distance);
        at = few;
        distance = N.next_multiple_of(distance);
    }
    while at < end
        && let Some(&block) = slots[at - distance..].first_chunk()
        && let Some(to) = slots[at..].first_chunk_mut()
    {
        E::copy_block(&block, to);
        at += N;
    }
    copy_each::<E, N>(slots, at, end, distance);
}

fn copy_each<E: Element<N>, const N: usize>(
    slots: &mut [E::Slot],
    start: usize,
    end: usize,
    distance: usize,
) {
    for at in start..end {
        let from = slots[at - distance];
        E::copy(&from, &mut slots[at]);
    }
}

/// What a stream is made of; `N` of them are best moved at a time.
trait Element<const N: usize> {
    /// An element in memory.
    type Slot: Copy;
    /// Bytes of a literal in the stream.
    const WIRE: usize;
    /// Matches are this much longer than their length field.
    const BIAS: usize;

    /// Sets a slot to a literal of `WIRE` bytes.
    fn literal(wire: &[u8], slot: &mut Self::Slot);

    /// Sets each slot to a literal.
    #[inline(always)]
    fn literals(wire: &[u8], slots: &mut [Self::Slot]) {
        for (wire, slot) in wire.chunks_exact(Self::WIRE).zip(slots) {
            Self::literal(wire, slot);
        }
    }

    /// Makes a slot like another.
    fn copy(from: &Self::Slot, to: &mut Self::Slot) {
        *to = *from;
    }

    /// Makes each slot like another.
    fn copy_block(from: &[Self::Slot; N], to: &mut [Self::Slot; N]) {
        *to = *from;
    }
}

/// Indices, or the values of A8.
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

    fn copy(from: &[u8; 4], to: &mut [u8; 4]) {
        let (from, colours) = (u32::from_le_bytes(*from), u32::from_le_bytes(*to));
        *to = (from & 0xff00_0000 | colours & 0x00ff_ffff).to_le_bytes();
    }

    fn copy_block(from: &[[u8; 4]; 8], to: &mut [[u8; 4]; 8]) {
        for (from, to) in from.iter().zip(to) {
            Self::copy(from, to);
        }
    }
}
