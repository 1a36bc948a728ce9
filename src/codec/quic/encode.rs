//! QUIC encoding.

use std::ops::Range;

use super::bits::Writer;
use super::model::{
    Before, CODE_OF_5_BITS, CODE_OF_8_BITS, Code, Contexts, Model, RunState, Word, mean, subtract,
};
use super::{Header, Kind};
use crate::codec::Error;

/// Encodes one image: appends the one valid stream of it to `out`.
///
/// `pixels` holds the rows, top row first and `stride` bytes apart, in the layout that [`Kind`] describes; the last row
/// may end with its last pixel. Bytes between rows, the fourth byte of [`Kind::Rgb32`] and bit 15 of [`Kind::Rgb16`]
/// are not looked at.
///
/// The result may be larger than the pixels: noise takes up to 26 bits a sample. Makes an [`Encoder`] for this one
/// image; keep one where many are encoded.
///
/// # Errors
///
/// [`Error::BadHeader`] for a width or height of 0 or above 2³¹ − 1 and a stride that is less than a row,
/// [`Error::Truncated`] when `pixels` is too short. Nothing is appended then.
pub fn encode(
    kind: Kind,
    width: u32,
    height: u32,
    stride: usize,
    pixels: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    Encoder::default().encode(kind, width, height, stride, pixels, out)
}

/// Encodes images one after the other, with memory that is allocated once.
///
/// Images have nothing to do with each other: what is kept are empty rows.
#[derive(Debug, Default)]
pub struct Encoder {
    colour: Row,
    alpha: Row,
}

impl Encoder {
    /// Does what [`encode`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn encode(
        &mut self,
        kind: Kind,
        width: u32,
        height: u32,
        stride: usize,
        pixels: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let header = Header {
            kind,
            width,
            height,
        };
        header.check()?;
        let rows = rows(&header, stride, pixels)?;
        header.write(out);
        match kind {
            Kind::Gray => self.gray_rows(width, rows, out),
            Kind::Rgb16 => self.rgb_rows(width, rows, &CODE_OF_5_BITS, unpack_555, out),
            Kind::Rgb24 => {
                let unpack = |[b, g, r]: [u8; 3]| u32::from_le_bytes([b, g, r, 0]);
                self.rgb_rows(width, rows, &CODE_OF_8_BITS, unpack, out);
            }
            Kind::Rgb32 => {
                let unpack = |[b, g, r, _]: [u8; 4]| u32::from_le_bytes([b, g, r, 0]);
                self.rgb_rows(width, rows, &CODE_OF_8_BITS, unpack, out);
            }
            Kind::Rgba => self.rgba_rows(width, rows, out),
        }
        Ok(())
    }

    fn gray_rows<'p>(
        &mut self,
        width: u32,
        rows: impl Iterator<Item = &'p [u8]>,
        out: &mut Vec<u8>,
    ) {
        let mut writer = Writer::new(out);
        let mut model = LaneModel::<1>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.encoding);
        self.colour.clear(width);
        for (y, row) in rows.enumerate() {
            self.colour.load(row, |[gray]| u32::from(gray));
            self.colour.encode(y, &mut model, &mut writer, out);
        }
        writer.finish(out);
    }

    fn rgb_rows<'p, const BYTES: usize>(
        &mut self,
        width: u32,
        rows: impl Iterator<Item = &'p [u8]>,
        code: &'static Code,
        unpack: impl Fn([u8; BYTES]) -> u32,
        out: &mut Vec<u8>,
    ) {
        let mut writer = Writer::new(out);
        let mut model = LaneModel::<3>::new(code, &code.encoding);
        self.colour.clear(width);
        for (y, row) in rows.enumerate() {
            self.colour.load(row, &unpack);
            self.colour.encode(y, &mut model, &mut writer, out);
        }
        writer.finish(out);
    }

    fn rgba_rows<'p>(
        &mut self,
        width: u32,
        rows: impl Iterator<Item = &'p [u8]>,
        out: &mut Vec<u8>,
    ) {
        let mut writer = Writer::new(out);
        let mut colour_model = LaneModel::<3>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.encoding);
        let mut alpha_model = LaneModel::<1>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.encoding);
        self.colour.clear(width);
        self.alpha.clear(width);
        for (y, row) in rows.enumerate() {
            self.colour
                .load(row, |[b, g, r, _]| u32::from_le_bytes([b, g, r, 0]));
            self.alpha.load(row, |[_, _, _, a]| u32::from(a));
            self.colour.encode(y, &mut colour_model, &mut writer, out);
            self.alpha.encode(y, &mut alpha_model, &mut writer, out);
        }
        writer.finish(out);
    }
}

/// The rows of `pixels`, without what is between them.
fn rows<'p>(
    header: &Header,
    stride: usize,
    pixels: &'p [u8],
) -> Result<impl Iterator<Item = &'p [u8]> + use<'p>, Error> {
    let row_bytes = (header.width as usize).checked_mul(header.kind.bytes_per_pixel());
    let Some(row_bytes) = row_bytes.filter(|&bytes| bytes <= stride) else {
        return Err(Error::BadHeader("the stride is less than a row"));
    };
    let above_last = stride.checked_mul(header.height as usize - 1);
    let needed = above_last.and_then(|bytes| bytes.checked_add(row_bytes));
    if needed.is_none_or(|bytes| bytes > pixels.len()) {
        return Err(Error::Truncated);
    }
    let rows = pixels.chunks(stride).take(header.height as usize);
    Ok(rows.map(move |row| &row[..row_bytes]))
}

/// The lane pixel of a 16-bit one.
fn unpack_555(bytes: [u8; 2]) -> u32 {
    let pixel = u32::from(u16::from_le_bytes(bytes));
    (pixel & 0x7c00) << 6 | (pixel & 0x3e0) << 3 | pixel & 0x1f
}

type LaneModel<const PLANES: usize> = Model<PLANES, 256>;

/// The row being encoded and the one above it, of one lane.
#[derive(Debug, Default)]
struct Row {
    pixels: Vec<u32>,
    above: Vec<u32>,
    /// For each column the buckets of the symbols last coded there, in whatever row that was.
    contexts: Vec<Contexts>,
}

impl Row {
    fn clear(&mut self, width: u32) {
        let width = width as usize;
        for pixels in [&mut self.pixels, &mut self.above] {
            pixels.clear();
            pixels.resize(width, 0);
        }
        self.contexts.clear();
        self.contexts.resize(width, Contexts::default());
    }

    /// Makes `row` the current one; the current one is then above it.
    fn load<const BYTES: usize>(&mut self, row: &[u8], unpack: impl Fn([u8; BYTES]) -> u32) {
        std::mem::swap(&mut self.pixels, &mut self.above);
        let (row, _) = row.as_chunks();
        self.pixels
            .iter_mut()
            .zip(row)
            .for_each(|(pixel, bytes)| *pixel = unpack(*bytes));
    }

    /// Encodes the current row, row `y`.
    fn encode<const PLANES: usize>(
        &mut self,
        y: usize,
        model: &mut LaneModel<PLANES>,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) {
        let width = self.pixels.len();
        let mut before = Before::first(self.above[0], self.contexts[0]);
        let mut x = 0;
        while x < width {
            let to = x + model.segment(width - x);
            if y == 0 {
                self.span::<PLANES, true, false>(x..to, model, &mut before, writer, out);
            } else {
                // A run has three pixels before it.
                let middle = x.max(to.min(3));
                self.span::<PLANES, false, false>(x..middle, model, &mut before, writer, out);
                self.span::<PLANES, false, true>(middle..to, model, &mut before, writer, out);
            }
            model.advance(to - x);
            x = to;
        }
    }

    /// Encodes pixels of one segment, with or without runs. `FIRST` says that there is no row above.
    ///
    /// This loop is what the speed of the codec depends on (bench `codecs`).
    fn span<const PLANES: usize, const FIRST: bool, const RUNS: bool>(
        &mut self,
        columns: Range<usize>,
        model: &mut LaneModel<PLANES>,
        before: &mut Before,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) {
        let pixels = &self.pixels[columns.clone()];
        let above_row = &self.above[columns.clone()];
        let contexts = &mut self.contexts[columns];
        let code = model.code;
        let mut bits = *writer;
        let mut wait = model.wait;
        let mut b = *before;
        let mut x = 0;
        while x < pixels.len() && x < above_row.len() && x < contexts.len() {
            let above = if FIRST { b.left } else { above_row[x] };
            if RUNS && b.allows_run(above) {
                let length = equal(&pixels[x..], b.left);
                put_run(&mut bits, out, &mut model.run, length);
                if length > 0 {
                    x += length;
                    b.above_left = above_row[x - 1];
                    b.contexts = contexts[x - 1];
                    continue;
                }
            }
            let pixel = pixels[x];
            let residuals = subtract(pixel, mean(b.left, above)) & code.mask;
            let words = put_pixel(&mut bits, out, model, b.contexts, residuals);
            if wait == 0 {
                model.update(b.contexts, residuals);
                wait = model.draw();
            } else {
                wait -= 1;
            }
            contexts[x] = Contexts::from_words(words);
            b.next(pixel, above, contexts[x]);
            x += 1;
        }
        (*writer, model.wait, *before) = (bits, wait, b);
    }
}

/// Encodes the symbols of one pixel; the entries of the tables, each shifted down by eight times its plane.
#[inline(always)]
fn put_pixel<const PLANES: usize>(
    writer: &mut Writer,
    out: &mut Vec<u8>,
    model: &LaneModel<PLANES>,
    contexts: Contexts,
    residuals: u32,
) -> u64 {
    let mut packed = 0;
    let mut bits = 0;
    let mut length = 0;
    let mut words = [0; PLANES];
    let codes = model.codes(contexts);
    for (plane, word) in words.iter_mut().enumerate() {
        let residual = residuals >> (8 * (PLANES - 1 - plane)) & 0xff;
        *word = codes[plane].encode(residual);
        packed |= *word >> (8 * plane);
        // Garbage when the three of them are longer than 64 bits, and not used then.
        bits = bits << length_of(*word) | u64::from(*word as u32);
        length += length_of(*word);
    }
    if length <= 32 {
        writer.put(out, bits as u32, length);
    } else {
        for word in words {
            writer.put(out, word as u32, length_of(word));
        }
    }
    packed
}

#[inline(always)]
fn length_of(word: Word) -> u32 {
    (word >> 32) as u32 & 63
}

/// How many of the first pixels are `pixel`.
#[inline(always)]
fn equal(pixels: &[u32], pixel: u32) -> usize {
    const STEP: usize = 16;
    let mut length = 0;
    for chunk in pixels.as_chunks::<STEP>().0 {
        if chunk.iter().fold(0, |all, p| all | (p ^ pixel)) != 0 {
            break;
        }
        length += STEP;
    }
    length + pixels[length..].iter().take_while(|p| **p == pixel).count()
}

/// Encodes the length of a run.
#[inline(always)]
fn put_run(writer: &mut Writer, out: &mut Vec<u8>, state: &mut RunState, mut length: usize) {
    let mut ones = 0;
    while length >= 1 << state.exponent() {
        length -= 1 << state.exponent();
        *state = state.up();
        ones += 1;
        if ones == 16 {
            writer.put(out, 0xffff, 16);
            ones = 0;
        }
    }
    // The ones, the 0 that ends them, and what is left of the length: less than 2 to the exponent.
    let tail = 1 + state.exponent();
    writer.put(out, ((1 << ones) - 1) << tail | length as u32, ones + tail);
    *state = state.down();
}
