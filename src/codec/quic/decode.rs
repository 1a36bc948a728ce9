//! QUIC decoding.

use std::ops::Range;

use super::bits::{LOOK_AHEAD, Reader};
use super::model::{
    Before, CODE_OF_5_BITS, CODE_OF_8_BITS, Code, Contexts, DecodingTable, FAST_BITS, LONG_WORD,
    Model, RunState, add, mean,
};
use super::{HEADER_BYTES, Header, Kind};
use crate::codec::{Error, Limits};

/// Decodes one QUIC image.
///
/// Appends `height × width` pixels to `out`, top row first, without padding, in the layout that [`Kind`] describes.
/// Bytes after the last pixel are ignored.
///
/// Makes a [`Decoder`] for this one image; keep one where many are decoded.
///
/// # Errors
///
/// Those of [`Header::parse`] and [`Limits::check`], before anything is allocated; [`Error::Truncated`] when the stream
/// ends before the picture; [`Error::Corrupt`] when it says what cannot be. `out` is then as long as it was.
pub fn decode(data: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<Header, Error> {
    Decoder::default().decode(data, limits, out)
}

/// Decodes images one after the other, with memory that is allocated once.
///
/// Images have nothing to do with each other: what is kept are empty rows.
#[derive(Debug, Default)]
pub struct Decoder {
    colour: Row,
    alpha: Row,
}

impl Decoder {
    /// Does what [`decode`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decode(
        &mut self,
        data: &[u8],
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<Header, Error> {
        let header = Header::parse(data)?;
        let pixels = limits.check(header.width, header.height)?;
        let before = out.len();
        out.reserve(pixels * header.kind.bytes_per_pixel());
        let result = self.rows(&header, &mut Reader::new(&data[HEADER_BYTES..]), out);
        if result.is_err() {
            out.truncate(before);
        }
        result.map(|()| header)
    }

    fn rows(
        &mut self,
        header: &Header,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match header.kind {
            Kind::Gray => self.gray_rows(header, reader, out),
            Kind::Rgb16 => self.rgb_rows(header, &CODE_OF_5_BITS, reader, out),
            Kind::Rgb24 | Kind::Rgb32 => self.rgb_rows(header, &CODE_OF_8_BITS, reader, out),
            Kind::Rgba => self.rgba_rows(header, reader, out),
        }
    }

    fn gray_rows(
        &mut self,
        header: &Header,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut model = LaneModel::<1>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.decoding);
        self.colour.clear(header.width);
        for y in 0..header.height {
            let row = self.colour.decode(y, &mut model, reader)?;
            out.extend(row.iter().map(|[gray, ..]| gray));
        }
        Ok(())
    }

    fn rgb_rows(
        &mut self,
        header: &Header,
        code: &'static Code,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut model = LaneModel::<3>::new(code, &code.decoding);
        self.colour.clear(header.width);
        for y in 0..header.height {
            let row = self.colour.decode(y, &mut model, reader)?;
            match header.kind {
                Kind::Rgb16 => append(row.iter(), out, |&pixel| pack_555(pixel)),
                Kind::Rgb24 => append(row.iter(), out, |&[b, g, r, _]| [b, g, r]),
                _ => out.extend_from_slice(row.as_flattened()),
            }
        }
        Ok(())
    }

    fn rgba_rows(
        &mut self,
        header: &Header,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut colour_model = LaneModel::<3>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.decoding);
        let mut alpha_model = LaneModel::<1>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.decoding);
        self.colour.clear(header.width);
        self.alpha.clear(header.width);
        for y in 0..header.height {
            let colour = self.colour.decode(y, &mut colour_model, reader)?;
            let alpha = self.alpha.decode(y, &mut alpha_model, reader)?;
            let row = colour.iter().zip(alpha);
            append(row, out, |(&[b, g, r, _], &[a, ..])| [b, g, r, a]);
        }
        Ok(())
    }
}

/// A 16-bit pixel of a lane pixel.
fn pack_555(pixel: [u8; 4]) -> [u8; 2] {
    let pixel = u32::from_le_bytes(pixel);
    ((pixel >> 6 & 0x7c00 | pixel >> 3 & 0x3e0 | pixel & 0x1f) as u16).to_le_bytes()
}

/// Appends pixels in the layout that `bytes` gives them.
fn append<P, const N: usize>(
    row: impl ExactSizeIterator<Item = P>,
    out: &mut Vec<u8>,
    bytes: impl Fn(P) -> [u8; N],
) {
    let at = out.len();
    out.resize(at + row.len() * N, 0);
    let (pixels, _) = out[at..].as_chunks_mut();
    pixels
        .iter_mut()
        .zip(row)
        .for_each(|(out, pixel)| *out = bytes(pixel));
}

type LaneModel<const PLANES: usize> = Model<PLANES, { 1 << FAST_BITS }>;

/// The row being decoded, of one lane.
#[derive(Debug, Default)]
struct Row {
    /// Lane pixels, little-endian: of this row up to the current column, from there on of the row above.
    pixels: Vec<[u8; 4]>,
    /// For each column the buckets of the symbols last coded there, in whatever row that was.
    contexts: Vec<Contexts>,
}

impl Row {
    fn clear(&mut self, width: u32) {
        self.pixels.clear();
        self.pixels.resize(width as usize, [0; 4]);
        self.contexts.clear();
        self.contexts.resize(width as usize, Contexts::default());
    }

    /// Decodes row `y`, the row after the one decoded last.
    fn decode<const PLANES: usize>(
        &mut self,
        y: u32,
        model: &mut LaneModel<PLANES>,
        reader: &mut Reader<'_>,
    ) -> Result<&[[u8; 4]], Error> {
        let mut before = Before::first(u32::from_le_bytes(self.pixels[0]), self.contexts[0]);
        let width = self.pixels.len();
        let mut x = 0;
        while x < width {
            let to = x + model.segment(width - x);
            if y == 0 {
                self.span::<PLANES, true, false>(x..to, model, reader, &mut before)?;
            } else {
                // A run has three pixels before it.
                let middle = x.max(to.min(3));
                self.span::<PLANES, false, false>(x..middle, model, reader, &mut before)?;
                self.span::<PLANES, false, true>(middle..to, model, reader, &mut before)?;
            }
            model.advance(to - x);
            x = to;
        }
        if reader.is_exhausted() {
            return Err(Error::Truncated);
        }
        Ok(&self.pixels)
    }

    /// Decodes pixels of one segment, with or without runs. `FIRST` says that there is no row above.
    ///
    /// This loop is what the speed of the codec depends on (bench `codecs`).
    fn span<const PLANES: usize, const FIRST: bool, const RUNS: bool>(
        &mut self,
        columns: Range<usize>,
        model: &mut LaneModel<PLANES>,
        reader: &mut Reader<'_>,
        before: &mut Before,
    ) -> Result<(), Error> {
        let pixels = &mut self.pixels[columns.clone()];
        let contexts = &mut self.contexts[columns];
        let width = pixels.len().min(contexts.len());
        let mask = model.code.mask;
        let mut bits = *reader;
        let mut wait = model.wait;
        let mut b = *before;
        let mut x = 0;
        while x < width {
            if RUNS && b.allows_run(u32::from_le_bytes(pixels[x])) {
                let length = run(&mut bits, &mut model.run, width - x)?;
                if length > 0 {
                    let end = x + length;
                    b.above_left = u32::from_le_bytes(pixels[end - 1]);
                    b.contexts = contexts[end - 1];
                    pixels[x..end].fill(b.left.to_le_bytes());
                    x = end;
                    continue;
                }
            }
            // Each plane's code is looked up as soon as its symbol is known.
            let mut codes = model.codes(b.contexts);
            while x < width {
                let above = match FIRST {
                    true => b.left,
                    false => u32::from_le_bytes(pixels[x]),
                };
                bits.refill();
                let mut window = bits.window();
                let mut packed = 0;
                let mut taken = 0u8;
                let mut next = codes;
                for plane in 0..PLANES {
                    let word = codes[plane].decode(window);
                    window <<= word & 63;
                    next[plane] = model.code_after(plane, word);
                    packed |= word >> (8 * plane);
                    taken = taken.wrapping_add(word as u8);
                }
                // Three times the longest fast word is still less than the mark of a long one.
                if u64::from(taken) < LONG_WORD {
                    bits.skip_to(window, taken.into());
                } else {
                    packed = long_pixel(&mut bits, model, codes)?;
                    next = model.codes(Contexts::from_words(packed));
                }
                codes = next;
                let residuals = residuals::<PLANES>(packed);
                let pixel = add(mean(b.left, above), residuals) & mask;
                if wait == 0 {
                    model.update(b.contexts, residuals);
                    wait = model.draw();
                    codes = model.codes(Contexts::from_words(packed));
                } else {
                    wait -= 1;
                }
                pixels[x] = pixel.to_le_bytes();
                contexts[x] = Contexts::from_words(packed);
                b.next(pixel, above, contexts[x]);
                x += 1;
                if RUNS && x < width && b.allows_run(u32::from_le_bytes(pixels[x])) {
                    break;
                }
            }
        }
        (*reader, model.wait, *before) = (bits, wait, b);
        Ok(())
    }
}

/// Decodes the symbols of one pixel, with words of any length: what the loop above does with tables.
#[inline(always)]
fn long_pixel<const PLANES: usize>(
    bits: &mut Reader<'_>,
    model: &LaneModel<PLANES>,
    codes: [&DecodingTable; PLANES],
) -> Result<u64, Error> {
    let mut packed = 0;
    let mut largest = 0;
    for (plane, code) in codes.into_iter().enumerate() {
        let symbol = symbol(bits, code);
        packed |= model.code.entry(symbol) >> (8 * plane);
        largest = largest.max(symbol);
    }
    if largest > model.code.most() {
        return Err(corrupt(bits, "a symbol beyond the samples"));
    }
    Ok(packed)
}

/// Decodes a symbol of any length.
#[inline(always)]
fn symbol(bits: &mut Reader<'_>, code: &DecodingTable) -> u32 {
    bits.refill();
    let zeros = bits.window().leading_zeros();
    // An escape is as many zeros and no 1 after them.
    let escapes = zeros >= code.prefix;
    let tail = if escapes { code.suffix } else { code.k };
    let high = zeros.min(code.prefix) << code.k;
    bits.skip((zeros + 1).min(code.prefix));
    high + bits.cut(tail)
}

/// Decodes the length of a run of at most `limit` pixels.
#[inline(always)]
fn run(bits: &mut Reader<'_>, state: &mut RunState, limit: usize) -> Result<usize, Error> {
    let mut length = 0;
    loop {
        bits.refill();
        let ones = bits.window().leading_ones().min(LOOK_AHEAD - 1);
        length += state.climb(ones);
        if length > limit {
            return Err(corrupt(bits, "a run beyond its segment"));
        }
        bits.skip(ones);
        if ones < LOOK_AHEAD - 1 {
            break;
        }
    }
    // The 0 after the ones, and what is left of the length.
    length += bits.take(1 + state.exponent()) as usize;
    if length > limit {
        return Err(corrupt(bits, "a run beyond its segment"));
    }
    *state = state.down();
    Ok(length)
}

#[cold]
fn corrupt(bits: &Reader<'_>, what: &'static str) -> Error {
    Error::Corrupt {
        at: HEADER_BYTES + bits.taken() / 32 * 4,
        what,
    }
}

/// The residuals in the entries of a pixel.
#[inline(always)]
fn residuals<const PLANES: usize>(words: u64) -> u32 {
    words as u32 >> (8 * (4 - PLANES))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of one word, highest bit first.
    fn stream(word: u32, length: u32) -> [u8; 4] {
        (word << (32 - length)).to_le_bytes()
    }

    #[test]
    fn tables_and_arithmetic_decode_every_word_to_its_symbol() {
        for code in [&CODE_OF_8_BITS, &CODE_OF_5_BITS] {
            for table in &code.decoding[..code.bits as usize] {
                for symbol in 0..=code.most() {
                    let (word, length) = table.spell(symbol);
                    let data = stream(word, length);
                    let mut bits = Reader::new(&data);
                    bits.refill();
                    let looked_up = table.decode(bits.window());

                    assert_eq!(super::symbol(&mut bits, table), symbol);
                    assert_eq!(bits.taken(), length as usize);
                    let expected = if length > FAST_BITS {
                        LONG_WORD
                    } else {
                        code.entry(symbol) | u64::from(length)
                    };
                    assert_eq!(looked_up, expected);
                }
            }
        }
    }
}
