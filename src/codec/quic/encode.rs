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
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    colour: Lane,
    alpha: Lane,
    /// The current row and the one above it, of pixels that are not four bytes in memory.
    unpacked: [Vec<[u8; 4]>; 2],
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
            Kind::Gray => {
                let unpack = |[gray]: [u8; 1]| [gray, 0, 0, 0];
                self.unpacked_rows::<1, _>(width, rows, &CODE_OF_8_BITS, unpack, out);
            }
            Kind::Rgb16 => {
                self.unpacked_rows::<3, _>(width, rows, &CODE_OF_5_BITS, unpack_555, out);
            }
            Kind::Rgb24 => {
                let unpack = |[b, g, r]: [u8; 3]| [b, g, r, 0];
                self.unpacked_rows::<3, _>(width, rows, &CODE_OF_8_BITS, unpack, out);
            }
            Kind::Rgb32 => self.rgb_rows(width, rows, out),
            Kind::Rgba => self.rgba_rows(width, rows, out),
        }
        Ok(())
    }

    fn rgb_rows<'p>(
        &mut self,
        width: u32,
        rows: impl Iterator<Item = &'p [u8]>,
        out: &mut Vec<u8>,
    ) {
        let mut writer = Writer::new(out);
        let mut model = LaneModel::<3>::new(&CODE_OF_8_BITS, &CODE_OF_8_BITS.encoding);
        self.colour.clear(width);
        let mut above = None;
        for row in rows {
            let (row, _) = row.as_chunks();
            self.colour
                .encode::<3, 0>(above, row, &mut model, &mut writer, out);
            above = Some(row);
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
        let mut above = None;
        for row in rows {
            let (row, _) = row.as_chunks();
            self.colour
                .encode::<3, 0>(above, row, &mut colour_model, &mut writer, out);
            self.alpha
                .encode::<1, 24>(above, row, &mut alpha_model, &mut writer, out);
            above = Some(row);
        }
        writer.finish(out);
    }

    fn unpacked_rows<'p, const PLANES: usize, const BYTES: usize>(
        &mut self,
        width: u32,
        rows: impl Iterator<Item = &'p [u8]>,
        code: &'static Code,
        unpack: impl Fn([u8; BYTES]) -> [u8; 4],
        out: &mut Vec<u8>,
    ) {
        let mut writer = Writer::new(out);
        let mut model = LaneModel::<PLANES>::new(code, &code.encoding);
        self.colour.clear(width);
        let [current, above] = &mut self.unpacked;
        for (y, row) in rows.enumerate() {
            std::mem::swap(current, above);
            let (row, _) = row.as_chunks();
            current.clear();
            current.extend(row.iter().map(|bytes| unpack(*bytes)));
            let above = (y > 0).then_some(&above[..]);
            self.colour
                .encode::<PLANES, 0>(above, current, &mut model, &mut writer, out);
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

/// The samples of a 16-bit pixel, a byte each.
fn unpack_555(bytes: [u8; 2]) -> [u8; 4] {
    let pixel = u32::from(u16::from_le_bytes(bytes));
    ((pixel & 0x7c00) << 6 | (pixel & 0x3e0) << 3 | pixel & 0x1f).to_le_bytes()
}

type LaneModel<const PLANES: usize> = Model<PLANES, 256>;

/// The lane pixel of `PLANES` planes in a pixel, from bit `SHIFT` of it on.
#[inline(always)]
fn lane<const PLANES: usize, const SHIFT: u32>(pixel: [u8; 4]) -> u32 {
    u32::from_le_bytes(pixel) >> SHIFT & mask::<PLANES>()
}

const fn mask<const PLANES: usize>() -> u32 {
    u32::MAX >> (32 - 8 * PLANES)
}

/// What one lane keeps from row to row.
///
/// The pixels are read where they are, a few at a time, so that memory keeps up while the samples are coded.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// For each column the buckets of the symbols last coded there, in whatever row that was.
    contexts: Vec<Contexts>,
}

impl Lane {
    fn clear(&mut self, width: u32) {
        self.contexts.clear();
        self.contexts.resize(width as usize, Contexts::default());
    }

    /// Encodes the lane of a row, which has as many pixels as the one above.
    fn encode<const PLANES: usize, const SHIFT: u32>(
        &mut self,
        above: Option<&[[u8; 4]]>,
        row: &[[u8; 4]],
        model: &mut LaneModel<PLANES>,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) {
        let first = above.map_or(0, |above| lane::<PLANES, SHIFT>(above[0]));
        let (first_row, above_row) = (above.is_none(), above.unwrap_or(row));
        let mut before = Before::first(first, self.contexts[0]);
        let mut x = 0;
        while x < row.len() {
            let to = x + model.segment(row.len() - x);
            if first_row {
                Span::of(row, row, &mut self.contexts, x..to).encode::<PLANES, SHIFT, true, false>(
                    model,
                    &mut before,
                    writer,
                    out,
                );
            } else {
                // A run has three pixels before it.
                let middle = x.max(to.min(3));
                Span::of(row, above_row, &mut self.contexts, x..middle)
                    .encode::<PLANES, SHIFT, false, false>(model, &mut before, writer, out);
                Span::of(row, above_row, &mut self.contexts, middle..to)
                    .encode::<PLANES, SHIFT, false, true>(model, &mut before, writer, out);
            }
            model.advance(to - x);
            x = to;
        }
    }
}

/// Pixels of one segment, those above them, and what the symbols coded there before leave.
struct Span<'a> {
    pixels: &'a [[u8; 4]],
    above: &'a [[u8; 4]],
    contexts: &'a mut [Contexts],
}

impl<'a> Span<'a> {
    fn of(
        row: &'a [[u8; 4]],
        above: &'a [[u8; 4]],
        contexts: &'a mut [Contexts],
        columns: Range<usize>,
    ) -> Self {
        Self {
            pixels: &row[columns.clone()],
            above: &above[columns.clone()],
            contexts: &mut contexts[columns],
        }
    }

    /// Encodes the pixels, with or without runs. `FIRST` says that there is no row above.
    ///
    /// This loop is what the speed of the codec depends on (bench `codecs`).
    fn encode<const PLANES: usize, const SHIFT: u32, const FIRST: bool, const RUNS: bool>(
        self,
        model: &mut LaneModel<PLANES>,
        before: &mut Before,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) {
        let Self {
            pixels,
            above: above_row,
            contexts,
        } = self;
        let code = model.code;
        let mut bits = *writer;
        let mut wait = model.wait;
        let mut b = *before;
        let mut x = 0;
        while x < pixels.len() && x < above_row.len() && x < contexts.len() {
            let above = match FIRST {
                true => b.left,
                false => lane::<PLANES, SHIFT>(above_row[x]),
            };
            if RUNS && b.allows_run(above) {
                let length = equal::<PLANES, SHIFT>(&pixels[x..], b.left);
                put_run(&mut bits, out, &mut model.run, length);
                if length > 0 {
                    x += length;
                    b.above_left = lane::<PLANES, SHIFT>(above_row[x - 1]);
                    b.contexts = contexts[x - 1];
                    continue;
                }
            }
            let pixel = lane::<PLANES, SHIFT>(pixels[x]);
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
    let mut lengths = 0u8;
    let mut words = [0; PLANES];
    let codes = model.codes(contexts);
    for (plane, word) in words.iter_mut().enumerate() {
        let residual = residuals >> (8 * (PLANES - 1 - plane)) & 0xff;
        *word = codes[plane].encode(residual);
        packed |= *word >> (8 * plane);
        // Garbage when the three of them are longer than 32 bits, and not used then.
        bits = bits << (*word & 31) | bits_of(*word);
        lengths = lengths.wrapping_add(*word as u8);
    }
    if lengths <= 32 {
        writer.put(out, bits, lengths.into());
    } else {
        for word in words {
            writer.put(out, bits_of(word), word as u32 & 63);
        }
    }
    packed
}

/// The word itself, no more than 8 bits and zeros in front of them.
#[inline(always)]
fn bits_of(word: Word) -> u32 {
    word as u32 >> 8
}

/// How many of the first pixels have the lane pixel `pixel`.
#[inline(always)]
fn equal<const PLANES: usize, const SHIFT: u32>(pixels: &[[u8; 4]], pixel: u32) -> usize {
    const EACH: u128 = 0x0000_0001_0000_0001_0000_0001_0000_0001;
    let wanted = u128::from(pixel << SHIFT) * EACH;
    let mask = u128::from(mask::<PLANES>() << SHIFT) * EACH;
    let (blocks, rest) = pixels.as_chunks::<4>();
    let mut length = 0;
    for block in blocks {
        let bytes = block.as_flattened().first_chunk();
        let block = bytes.map_or(0, |bytes| u128::from_le_bytes(*bytes));
        let different = (block ^ wanted) & mask;
        if different != 0 {
            return length + different.trailing_zeros() as usize / 32;
        }
        length += 4;
    }
    let same = |p: &&[u8; 4]| lane::<PLANES, SHIFT>(**p) == pixel;
    length + rest.iter().take_while(same).count()
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
