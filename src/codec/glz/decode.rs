//! GLZ streams to pixels.

use super::{HEADER_LEN, Header, Kind, Pixels, Window};
use crate::codec::{Error, Limits};

/// Decodes one GLZ image into the window and appends its pixels to `out`.
///
/// The pixels are bytes B, G, R and 0, or A for [`Kind::Rgba`], without padding, in the order they were coded: the top
/// row first only if the returned header says so. 16-bit pixels are widened. Bytes after the last token are ignored.
///
/// # Errors
///
/// As [`decode_shared`]; `out` is then as it was.
pub fn decode(
    data: &[u8],
    limits: &Limits,
    window: &mut Window,
    out: &mut Vec<u8>,
) -> Result<Header, Error> {
    let (header, pixels) = decode_shared(data, limits, window)?;
    out.extend_from_slice(&pixels);
    Ok(header)
}

/// Decodes one GLZ image into the window and hands out the pixels the window holds, without copying them.
///
/// Every image that arrives has to be decoded, also when nothing is to be drawn with it: later ones may refer to it.
///
/// # Errors
///
/// [`Error::MissingImage`] if the image refers to one that has not arrived yet: decode it again once that one is in the
/// window. Any other error is final, and means that images which refer to this one will fail too: an image that cannot be
/// one of this codec or of the announced size, an id that was used before, more pixels than the limit or than twice the
/// announced window, or tokens that reach outside of what they may refer to. The window is then as it was.
pub fn decode_shared(
    data: &[u8],
    limits: &Limits,
    window: &mut Window,
) -> Result<(Header, Pixels), Error> {
    let header = Header::parse(data)?;
    let count = limits.check(header.width, header.height)?;
    window.admit(&header, count)?;
    // No byte of a stream yields more than 255 pixels and a few, so this one cannot be complete.
    if data.len() - HEADER_LEN < count / 256 {
        return Err(Error::Truncated);
    }

    let mut buffer = window.buffer(count);
    match fill(&header, data, window, &mut buffer) {
        Ok(()) => Ok((header, window.insert(&header, buffer))),
        Err(error) => {
            window.recycle(buffer);
            Err(error)
        }
    }
}

fn fill(header: &Header, data: &[u8], window: &Window, out: &mut [[u8; 4]]) -> Result<(), Error> {
    let stream = Stream {
        header,
        data,
        window,
    };
    match header.kind {
        Kind::Rgb16 => stream.tokens::<Rgb16>(HEADER_LEN, out)?,
        Kind::Rgb24 | Kind::Rgb32 => stream.tokens::<Colour>(HEADER_LEN, out)?,
        Kind::Rgba => {
            let alpha = stream.tokens::<Colour>(HEADER_LEN, out)?;
            stream.tokens::<Alpha>(alpha, out)?
        }
    };
    Ok(())
}

/// What differs between the token streams: how an element is written, and what a match copies.
trait Class {
    /// Added to every length field.
    const BIAS: usize;
    /// Bytes of one literal.
    const LITERAL_LEN: usize;

    /// Writes as many literals as `out` has room for; `input` has exactly their bytes.
    fn literals(input: &[u8], out: &mut [[u8; 4]]);

    /// Copies `length` elements that begin `distance` elements back; they may overlap what they yield.
    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize);

    /// Copies elements of another image; both slices have the same length.
    fn copy(from: &[[u8; 4]], to: &mut [[u8; 4]]);
}

struct Rgb16;
struct Colour;
struct Alpha;

impl Class for Colour {
    const BIAS: usize = 0;
    const LITERAL_LEN: usize = 3;

    fn literals(input: &[u8], out: &mut [[u8; 4]]) {
        for (pixel, bytes) in out.iter_mut().zip(input.chunks_exact(3)) {
            *pixel = [bytes[0], bytes[1], bytes[2], 0];
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        repeat_pixels(out, done, distance, length);
    }

    fn copy(from: &[[u8; 4]], to: &mut [[u8; 4]]) {
        to.copy_from_slice(from);
    }
}

impl Class for Rgb16 {
    const BIAS: usize = 1;
    const LITERAL_LEN: usize = 2;

    fn literals(input: &[u8], out: &mut [[u8; 4]]) {
        for (pixel, bytes) in out.iter_mut().zip(input.chunks_exact(2)) {
            let value = u16::from_be_bytes([bytes[0], bytes[1]]);
            *pixel = [widen(value), widen(value >> 5), widen(value >> 10), 0];
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        repeat_pixels(out, done, distance, length);
    }

    fn copy(from: &[[u8; 4]], to: &mut [[u8; 4]]) {
        to.copy_from_slice(from);
    }
}

impl Class for Alpha {
    const BIAS: usize = 2;
    const LITERAL_LEN: usize = 1;

    fn literals(input: &[u8], out: &mut [[u8; 4]]) {
        for (pixel, &alpha) in out.iter_mut().zip(input) {
            pixel[3] = alpha;
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        for at in done..done + length {
            out[at][3] = out[at - distance][3];
        }
    }

    fn copy(from: &[[u8; 4]], to: &mut [[u8; 4]]) {
        for (to, from) in to.iter_mut().zip(from) {
            to[3] = from[3];
        }
    }
}

/// The low five bits as eight.
fn widen(value: u16) -> u8 {
    let value = (value & 0x1f) as u8;
    value << 3 | value >> 2
}

fn repeat_pixels(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
    if distance == 1 {
        let pixel = out[done - 1];
        out[done..done + length].fill(pixel);
        return;
    }
    let from = done - distance;
    let mut written = 0;
    // What was copied doubles the pattern to copy from.
    while written < length {
        let step = (distance + written).min(length - written);
        out.copy_within(from..from + step, done + written);
        written += step;
    }
}

struct Stream<'a> {
    header: &'a Header,
    data: &'a [u8],
    window: &'a Window,
}

impl Stream<'_> {
    /// Decodes the tokens from byte `at` on until `out` is full; the byte after the last one.
    fn tokens<C: Class>(&self, mut at: usize, out: &mut [[u8; 4]]) -> Result<usize, Error> {
        let mut done = 0;
        while done < out.len() {
            let start = at;
            let room = out.len() - done;
            let corrupt = |what| Error::Corrupt { at: start, what };
            let control = self.byte(at)?;
            at += 1;
            if control < 32 {
                let length = usize::from(control) + 1;
                if length > room {
                    return Err(corrupt("literals beyond the end of the image"));
                }
                let bytes = self.data.get(at..at + length * C::LITERAL_LEN);
                C::literals(
                    bytes.ok_or(Error::Truncated)?,
                    &mut out[done..done + length],
                );
                at += length * C::LITERAL_LEN;
                done += length;
                continue;
            }

            let mut length = usize::from(control >> 5);
            if length == 7 {
                loop {
                    let more = self.byte(at)?;
                    at += 1;
                    length += usize::from(more);
                    if length > room {
                        return Err(corrupt("match beyond the end of the image"));
                    }
                    if more != 255 {
                        break;
                    }
                }
            }
            length += C::BIAS;
            if length > room {
                return Err(corrupt("match beyond the end of the image"));
            }

            let mut position = usize::from(control & 15) | usize::from(self.byte(at)?) << 4;
            let fields = self.byte(at + 1)?;
            at += 2;
            let wide = usize::from(fields >> 6);
            let mut distance = 0u64;
            for index in 0..wide {
                distance |= u64::from(self.byte(at)?) << (8 * index);
                at += 1;
            }
            if control & 16 == 0 {
                distance = distance << 6 | u64::from(fields & 63);
            } else {
                position |= usize::from(fields & 31) << 12;
                if fields & 32 != 0 {
                    position |= usize::from(self.byte(at)?) << 17;
                    at += 1;
                }
            }

            if distance == 0 {
                if position + 1 > done {
                    return Err(corrupt("match before the start of the image"));
                }
                C::repeat(out, done, position + 1, length);
            } else {
                if distance > u64::from(self.header.head_distance) {
                    return Err(corrupt("refers to an image before the window"));
                }
                let id = self.header.id - distance;
                let Some(image) = self.window.find(id) else {
                    return Err(if self.window.may_arrive(id) {
                        Error::MissingImage { id }
                    } else {
                        corrupt("refers to an image that was never sent or is gone")
                    });
                };
                let from = image.pixels().get(position..position + length);
                let from = from.ok_or(corrupt("match beyond the end of another image"))?;
                C::copy(from, &mut out[done..done + length]);
            }
            done += length;
        }
        Ok(at)
    }

    fn byte(&self, at: usize) -> Result<u8, Error> {
        self.data.get(at).copied().ok_or(Error::Truncated)
    }
}
