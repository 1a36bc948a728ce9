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
    window.close_gap_if_full();
    window.admit(&header, count)?;
    // No byte of a stream yields more than 255 pixels and a few, so this one cannot be complete.
    if data.len() - HEADER_LEN < count / 256 {
        return Err(Error::Truncated);
    }

    let mut buffer = window.buffer(count);
    match fill(&header, data, window, buffer.pixels_mut()) {
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

    /// Writes `length` literals, at most 32, from the start of `input` to the start of `out`, which both have that many
    /// and maybe more. Elements of `out` behind the literals may be left with any content.
    fn literals(input: &[u8], out: &mut [[u8; 4]], length: usize);

    /// Copies `length` elements to `done` that begin `distance` elements before it, and may overlap what they yield.
    /// Elements behind them may be left with any content.
    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize);

    /// Copies `length` elements of another image from the start of `from` to the start of `out`, which both have that
    /// many and maybe more. Elements of `out` behind them may be left with any content.
    fn copy(from: &[[u8; 4]], out: &mut [[u8; 4]], length: usize);
}

struct Rgb16;
struct Colour;
struct Alpha;

impl Class for Colour {
    const BIAS: usize = 0;
    const LITERAL_LEN: usize = 3;

    fn literals(input: &[u8], out: &mut [[u8; 4]], length: usize) {
        // Four pixels at a time, two from each word, if that may go too far on both sides.
        if let (Some(input), Some(out)) = (input.first_chunk::<98>(), out.first_chunk_mut::<32>()) {
            let (quads, _) = out.as_flattened_mut().as_chunks_mut::<16>();
            for (index, quad) in quads.iter_mut().take(length.div_ceil(4)).enumerate() {
                let at = 12 * index;
                quad[..8].copy_from_slice(&two_pixels(&input[at..at + 8]));
                quad[8..].copy_from_slice(&two_pixels(&input[at + 6..at + 14]));
            }
            return;
        }
        for (pixel, bytes) in out.iter_mut().zip(input.chunks_exact(3)).take(length) {
            *pixel = [bytes[0], bytes[1], bytes[2], 0];
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        repeat_pixels(out, done, distance, length);
    }

    fn copy(from: &[[u8; 4]], out: &mut [[u8; 4]], length: usize) {
        copy_pixels(from, out, length);
    }
}

/// The two pixels in the first six of eight bytes.
fn two_pixels(bytes: &[u8]) -> [u8; 8] {
    let word = bytes
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word));
    (word & 0x00ff_ffff | word << 8 & 0x00ff_ffff_0000_0000).to_le_bytes()
}

impl Class for Rgb16 {
    const BIAS: usize = 1;
    const LITERAL_LEN: usize = 2;

    fn literals(input: &[u8], out: &mut [[u8; 4]], length: usize) {
        for (pixel, bytes) in out.iter_mut().zip(input.chunks_exact(2)).take(length) {
            let value = u16::from_be_bytes([bytes[0], bytes[1]]);
            *pixel = [widen(value), widen(value >> 5), widen(value >> 10), 0];
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        repeat_pixels(out, done, distance, length);
    }

    fn copy(from: &[[u8; 4]], out: &mut [[u8; 4]], length: usize) {
        copy_pixels(from, out, length);
    }
}

impl Class for Alpha {
    const BIAS: usize = 2;
    const LITERAL_LEN: usize = 1;

    fn literals(input: &[u8], out: &mut [[u8; 4]], length: usize) {
        for (pixel, &alpha) in out.iter_mut().zip(input).take(length) {
            pixel[3] = alpha;
        }
    }

    fn repeat(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
        let (before, after) = out.split_at_mut(done);
        let from = &before[done - distance..];
        if distance == 1 {
            // As words, so that several are set at once: pictures are often opaque all over.
            let alpha = u32::from_le_bytes(from[0]) & 0xff00_0000;
            for pixel in &mut after[..length] {
                *pixel = (u32::from_le_bytes(*pixel) & 0x00ff_ffff | alpha).to_le_bytes();
            }
        } else if distance >= length {
            Self::copy(from, after, length);
        } else {
            for at in done..done + length {
                out[at][3] = out[at - distance][3];
            }
        }
    }

    fn copy(from: &[[u8; 4]], out: &mut [[u8; 4]], length: usize) {
        for (pixel, from) in out[..length].iter_mut().zip(&from[..length]) {
            // As words, so that several are merged at once.
            let [colour, alpha] = [*pixel, *from].map(u32::from_le_bytes);
            *pixel = (colour & 0x00ff_ffff | alpha & 0xff00_0000).to_le_bytes();
        }
    }
}

/// The low five bits as eight.
fn widen(value: u16) -> u8 {
    let value = (value & 0x1f) as u8;
    value << 3 | value >> 2
}

/// Pixels that are copied at once where that may go too far.
const BLOCK: usize = 8;
/// Copies of at most this many pixels are made in blocks; beyond, the library's copy is faster.
const FEW: usize = 64;

fn repeat_pixels(out: &mut [[u8; 4]], done: usize, distance: usize, length: usize) {
    let from = done - distance;
    if distance == 1 {
        let pixel = out[from];
        match out[done..].first_chunk_mut::<BLOCK>() {
            Some(block) if length <= BLOCK => *block = [pixel; BLOCK],
            _ => out[done..done + length].fill(pixel),
        }
    } else if distance >= BLOCK && length <= FEW && done + length + BLOCK <= out.len() {
        // INVARIANT: a block ends before the place it is copied to begins.
        for offset in (0..length).step_by(BLOCK) {
            let (before, after) = out.split_at_mut(done + offset);
            let block = before[from + offset..].first_chunk::<BLOCK>();
            let place = after.first_chunk_mut::<BLOCK>();
            if let (Some(block), Some(place)) = (block, place) {
                *place = *block;
            }
        }
    } else {
        // What was copied doubles the pattern to copy from.
        let mut written = 0;
        while written < length {
            let step = (distance + written).min(length - written);
            out.copy_within(from..from + step, done + written);
            written += step;
        }
    }
}

fn copy_pixels(from: &[[u8; 4]], out: &mut [[u8; 4]], length: usize) {
    let blocks = length.div_ceil(BLOCK);
    if length > FEW || blocks * BLOCK > from.len().min(out.len()) {
        out[..length].copy_from_slice(&from[..length]);
        return;
    }
    let (from, _) = from.as_chunks::<BLOCK>();
    let (out, _) = out.as_chunks_mut::<BLOCK>();
    for (place, block) in out.iter_mut().zip(from).take(blocks) {
        *place = *block;
    }
}

struct Stream<'a> {
    header: &'a Header,
    data: &'a [u8],
    window: &'a Window,
}

impl Stream<'_> {
    /// Decodes the tokens from byte `at` on until `out` is full; the byte after the last one.
    ///
    /// Speed: `benches/glz.rs`. The tests below do the same one element at a time.
    fn tokens<C: Class>(&self, mut at: usize, out: &mut [[u8; 4]]) -> Result<usize, Error> {
        let mut done = 0;
        while done < out.len() {
            let start = at;
            let room = out.len() - done;
            let corrupt = |what| Error::Corrupt { at: start, what };
            // The bytes of a token, apart from literals and extensions of the length, the first one lowest.
            let mut word = self.word(at);
            let control = word as usize & 0xff;
            at += 1;
            if control < 32 {
                let length = control + 1;
                if length > room {
                    return Err(corrupt("literals beyond the end of the image"));
                }
                let end = at + length * C::LITERAL_LEN;
                if end > self.data.len() {
                    return Err(Error::Truncated);
                }
                C::literals(&self.data[at..], &mut out[done..], length);
                at = end;
                done += length;
                continue;
            }

            let mut length = control >> 5;
            if length == 7 {
                loop {
                    let more = *self.data.get(at).ok_or(Error::Truncated)?;
                    at += 1;
                    length += usize::from(more);
                    if length > room {
                        return Err(corrupt("match beyond the end of the image"));
                    }
                    if more != 255 {
                        break;
                    }
                }
                word = self.word(at);
            } else {
                word >>= 8;
            }
            length += C::BIAS;
            if length > room {
                return Err(corrupt("match beyond the end of the image"));
            }

            let mut position = control & 15 | (word as usize & 0xff) << 4;
            let fields = (word >> 8) as usize & 0xff;
            let wide = fields >> 6;
            at += 2 + wide;
            word >>= 16;
            let mut distance = word & ((1 << (8 * wide)) - 1);
            if control & 16 == 0 {
                distance = distance << 6 | fields as u64 & 63;
            } else {
                position |= (fields & 31) << 12;
                if fields & 32 != 0 {
                    position |= ((word >> (8 * wide)) as usize & 0xff) << 17;
                    at += 1;
                }
            }
            if at > self.data.len() {
                return Err(Error::Truncated);
            }

            if distance == 0 {
                if position >= done {
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
                let pixels = image.pixels();
                if position + length > pixels.len() {
                    return Err(corrupt("match beyond the end of another image"));
                }
                C::copy(&pixels[position..], &mut out[done..], length);
                if image.kind == Kind::Rgba && self.header.kind != Kind::Rgba {
                    // Servers refer to images of the same kind only.
                    out[done..done + length]
                        .iter_mut()
                        .for_each(|pixel| pixel[3] = 0);
                }
            }
            done += length;
        }
        Ok(at)
    }

    /// Eight bytes from `at` on, the first one lowest; zeros beyond the end.
    fn word(&self, at: usize) -> u64 {
        let rest = self.data.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => rest
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u64::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sequence_of_tokens_means_what_it_means_one_element_at_a_time() {
        let mut random = Random(0x5eed);
        for _ in 0..200 {
            let mut window = Window::new(1 << 20);
            let mut plain = Vec::new();
            for id in 0..8 {
                let kind = [Kind::Rgb16, Kind::Rgb24, Kind::Rgb32, Kind::Rgba][random.below(4)];
                let count = 1 + random.below(600);
                let header = Header {
                    kind,
                    width: count as u32,
                    height: 1,
                    stride: 0,
                    top_down: true,
                    id,
                    head_distance: id as u32,
                };
                let mut data = Vec::new();
                header.write(&mut data);
                let mut pixels = vec![[0; 4]; count];
                let classes: &[_] = match kind {
                    Kind::Rgb16 => &[(1, 2)],
                    Kind::Rgb24 | Kind::Rgb32 => &[(0, 3)],
                    Kind::Rgba => &[(0, 3), (2, 1)],
                };
                for &(bias, literal_len) in classes {
                    any_tokens(
                        &mut random,
                        &plain,
                        &mut pixels,
                        bias,
                        literal_len,
                        &mut data,
                    );
                }
                data.resize(data.len() + random.pick([0, 200]), 0xee);

                let (_, decoded) = decode_shared(&data, &Limits::default(), &mut window).unwrap();
                assert_eq!(*decoded, *pixels.as_flattened(), "{kind:?}, {count} pixels");
                plain.push(pixels);
            }
        }
    }

    /// Writes tokens of all forms to `data` and what they mean, one element after the other, to `out`.
    fn any_tokens(
        random: &mut Random,
        images: &[Vec<[u8; 4]>],
        out: &mut [[u8; 4]],
        bias: usize,
        literal_len: usize,
        data: &mut Vec<u8>,
    ) {
        let mut done = 0;
        while done < out.len() {
            let room = out.len() - done;
            let most = random.pick([4, 32, 400]).min(room);
            let length = 1 + random.below(most);
            let back = random.below(1 + images.len());
            let (source, fits) = match back {
                0 => (done, done > 0),
                _ => {
                    let source = images[images.len() - back].len();
                    (source, length <= source)
                }
            };
            if length <= bias || !fits || random.below(3) == 0 {
                let length = length.min(32);
                data.push(length as u8 - 1);
                for pixel in &mut out[done..done + length] {
                    let bytes = std::array::from_fn(|_| random.below(256) as u8);
                    data.extend_from_slice(&bytes[..literal_len]);
                    set_literal(pixel, bytes, literal_len);
                }
                done += length;
                continue;
            }

            let position = match back {
                0 => {
                    let near = random.pick([done, done.min(12)]);
                    random.below(near)
                }
                _ => random.below(source - length + 1),
            };
            any_match(random, length - bias, position, back, data);
            for offset in 0..length {
                let from = match back {
                    0 => out[done + offset - position - 1],
                    _ => images[images.len() - back][position + offset],
                };
                match literal_len {
                    1 => out[done + offset][3] = from[3],
                    _ => out[done + offset] = [from[0], from[1], from[2], 0],
                }
            }
            done += length;
        }
    }

    fn set_literal(pixel: &mut [u8; 4], [a, b, c]: [u8; 3], literal_len: usize) {
        let widen = |value: u16| ((value & 31) * 33 / 4) as u8;
        match literal_len {
            1 => pixel[3] = a,
            2 => {
                let value = u16::from_be_bytes([a, b]);
                *pixel = [widen(value), widen(value >> 5), widen(value >> 10), 0];
            }
            _ => *pixel = [a, b, c, 0],
        }
    }

    /// Writes a match in the short or the long form, with more distance bytes than it needs.
    fn any_match(
        random: &mut Random,
        field: usize,
        position: usize,
        back: usize,
        data: &mut Vec<u8>,
    ) {
        let long = random.below(2);
        data.push((field.min(7) << 5 | long << 4 | position & 15) as u8);
        if field >= 7 {
            data.resize(data.len() + (field - 7) / 255, 255);
            data.push(((field - 7) % 255) as u8);
        }
        data.push((position >> 4) as u8);
        if long == 1 {
            let wide = 1 + random.below(3);
            data.push((wide << 6 | 32 | position >> 12) as u8);
            data.extend_from_slice(&back.to_le_bytes()[..wide]);
            data.push(0);
        } else {
            let wide = random.below(4);
            data.push((wide << 6 | back) as u8);
            data.resize(data.len() + wide, 0);
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 20) as usize % end
        }

        fn pick<const N: usize>(&mut self, of: [usize; N]) -> usize {
            of[self.below(N)]
        }
    }
}
