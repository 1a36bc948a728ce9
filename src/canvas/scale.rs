//! Scaling a part of a picture to the box of a command.
//!
//! Protocol: rasterisation (spec 07b §5). Positions are 16.16 fixed point; what lies outside the picture reads as 0.

use std::ops::Range;

use super::{Layout, Source, convert};
use crate::geometry::Rect;
use crate::pixels::PixelFormat;

/// How a scaled pixel is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScaleMode {
    /// From the four source pixels around it, weighted (0 on the wire).
    Interpolate,
    /// From the source pixel it falls on (1 on the wire).
    #[default]
    Nearest,
}

/// A part of a picture scaled to a box, read by surface coordinates.
#[derive(Debug)]
pub(super) struct Scaled<'a> {
    sampler: Sampler<'a>,
    mode: ScaleMode,
    buffers: Box<Buffers>,
}

/// Rows of a picture that is scaled. They are of at most `surface::WORDS` pixels of a box.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The source rows used last. Neighbouring rows of a box often need the same ones.
    nearest: Span,
    upper: Blend,
    lower: Blend,
    weights: Weights,
    /// A finished row, as bytes.
    bytes: Vec<[u8; 4]>,
}

/// A picture with the way from box positions to its own.
#[derive(Clone, Copy, Debug)]
struct Sampler<'a> {
    source: Source<'a>,
    /// What the pixels are converted to.
    format: PixelFormat,
    columns: Axis,
    rows: Axis,
}

/// From box positions to source positions in one direction.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// Where the box begins.
    start: i32,
    /// Source position of the first box pixel, 16.16.
    first: i64,
    /// From one box pixel to the next, 16.16.
    step: i64,
}

/// Part of a source row, converted.
#[derive(Debug, Default)]
struct Span {
    /// Which source row, the first column and the number of columns.
    key: Option<(i64, i64, usize)>,
    /// The words; 0 outside the picture.
    words: Vec<u32>,
}

/// Part of a source row, scaled horizontally but not yet vertically.
#[derive(Debug, Default)]
struct Blend {
    /// Which source row, the first box column and the number of columns.
    key: Option<(i64, i32, usize)>,
    /// The source words of the row.
    span: Span,
    /// The same, each channel in 16 bits.
    spread: Vec<u64>,
    /// For each box column blue, green, red and alpha, 128 times too large.
    sums: Vec<[u16; 4]>,
}

/// Which source columns make the box columns, and how.
#[derive(Debug, Default)]
struct Weights {
    /// The first box column and the number of columns.
    key: Option<(i32, usize)>,
    /// The source columns that count.
    columns: Range<i64>,
    /// For each box column the first of its two source columns, counted from the first of all, and the weight of the other
    /// in 128ths.
    of_columns: Vec<(u32, u32)>,
}

impl<'a> Scaled<'a> {
    /// Scales `area` of `source` to `bbox` on a surface of `format`, in `buffers`. Both rectangles must have pixels.
    pub fn new(
        source: Source<'a>,
        area: Rect,
        bbox: Rect,
        mode: ScaleMode,
        format: PixelFormat,
        mut buffers: Box<Buffers>,
    ) -> Self {
        buffers.forget();
        Self {
            sampler: Sampler {
                source,
                format,
                columns: Axis::new((area.left, area.width()), (bbox.left, bbox.width())),
                rows: Axis::new((area.top, area.height()), (bbox.top, bbox.height())),
            },
            mode,
            buffers,
        }
    }

    /// The memory it used, for another one.
    pub fn into_buffers(self) -> Box<Buffers> {
        self.buffers
    }

    /// The part of `within` whose nearest pixels are inside the picture.
    pub fn covered(&self, within: Rect) -> Rect {
        let Sampler {
            source,
            columns,
            rows,
            ..
        } = &self.sampler;
        let (left, right) = columns.covered(within.left, within.right, source.size().width);
        let (top, bottom) = rows.covered(within.top, within.bottom, source.size().height);
        Rect::new(left, top, right, bottom)
    }

    /// The word at (`x`, `y`) of the surface.
    pub fn word(&self, x: i32, y: i32) -> u32 {
        match self.mode {
            ScaleMode::Nearest => self.sampler.nearest(x, y),
            ScaleMode::Interpolate => self.sampler.interpolated(x, y),
        }
    }

    /// The words from (`x`, `y`) of the surface to the right, one for each of `out`, which is at most `surface::WORDS` long. The
    /// plain version is [`Scaled::word`].
    pub fn row(&mut self, x: i32, y: i32, out: &mut [u32]) {
        let columns = self.sampler.columns;
        let (first, (end, _)) = (columns.between(x).0, columns.between(x + out.len() as i32));
        // Where a picture is made much smaller most of its pixels do not count, and converting all would take longer.
        if end - first > 2 * out.len() as i64 {
            for (x, out) in (x..).zip(out) {
                *out = self.word(x, y);
            }
            return;
        }
        match self.mode {
            ScaleMode::Nearest => self.nearest_row(x, y, out),
            ScaleMode::Interpolate => self.interpolated_row(x, y, out),
        }
    }

    fn nearest_row(&mut self, x: i32, y: i32, out: &mut [u32]) {
        let Axis { step, .. } = self.sampler.columns;
        let mut at = self.sampler.columns.at(x) - 1;
        let first = at >> 16;
        let last = (at + step * (out.len() as i64 - 1)) >> 16;
        let row = self.sampler.rows.nearest(y);
        let nearest = &mut self.buffers.nearest;
        nearest.load(&self.sampler, row, first..last + 1);
        for out in out {
            *out = nearest.words[((at >> 16) - first) as usize];
            at += step;
        }
    }

    fn interpolated_row(&mut self, x: i32, y: i32, out: &mut [u32]) {
        let (row, weight) = self.sampler.rows.between(y);
        let Buffers {
            upper,
            lower,
            weights,
            bytes,
            ..
        } = &mut *self.buffers;
        if lower.key == Some((row, x, out.len())) {
            std::mem::swap(upper, lower);
        }
        weights.load(&self.sampler.columns, x, out.len());
        upper.load(&self.sampler, row, x, weights);
        lower.load(&self.sampler, row + 1, x, weights);

        let format = self.sampler.channel_format();
        bytes.resize(out.len(), [0; 4]);
        let (above, below) = (128 - weight, weight);
        let sums = upper.sums.as_flattened().iter();
        let sums = sums.zip(lower.sums.as_flattened());
        for (byte, (upper, lower)) in bytes.as_flattened_mut().iter_mut().zip(sums) {
            // Sums have 15 bits; knowing that makes for better vectors.
            let [upper, lower] = [upper, lower].map(|sum| u32::from(*sum & 0x7fff));
            *byte = ((upper * above + lower * below) >> 14) as u8;
        }
        for (out, bytes) in out.iter_mut().zip(&*bytes) {
            *out = u32::from_le_bytes(*bytes);
        }
        if format.bits() != 32 {
            out.iter_mut().for_each(|w| *w = convert::pack(format, *w));
        }
    }
}

impl Buffers {
    /// More bytes than they ever take: a row of a box needs at most twice as many source pixels and two, and memory grows to
    /// less than twice of what is needed.
    pub const MOST: usize = 64 << 10;

    /// Makes every row one of no picture.
    fn forget(&mut self) {
        self.nearest.key = None;
        for blend in [&mut self.upper, &mut self.lower] {
            (blend.key, blend.span.key) = (None, None);
        }
        self.weights.key = None;
    }
}

impl<'a> Sampler<'a> {
    fn nearest(&self, x: i32, y: i32) -> u32 {
        self.source_word(self.columns.nearest(x), self.rows.nearest(y))
    }

    fn interpolated(&self, x: i32, y: i32) -> u32 {
        let (x, wx) = self.columns.between(x);
        let (y, wy) = self.rows.between(y);
        let format = self.channel_format();
        let corner =
            |dx, dy| convert::unpack(format, self.source_word(x + dx, y + dy)).to_le_bytes();
        let corners = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
        let channels = [0, 1, 2, 3].map(|i| {
            let [p00, p10, p01, p11] = corners.map(|c| u32::from(c[i]));
            let upper = p00 * (128 - wx) * (128 - wy) + p10 * wx * (128 - wy);
            let lower = p01 * (128 - wx) * wy + p11 * wx * wy;
            ((upper + lower) >> 14) as u8
        });
        convert::pack(format, u32::from_le_bytes(channels))
    }

    /// The word of a source pixel; 0 outside the picture.
    fn source_word(&self, x: i64, y: i64) -> u32 {
        match (u32::try_from(x), self.source_row(y)) {
            (Ok(x), Some(row)) if x < self.source.size().width => {
                convert::word(self.source.layout(), self.format, row, x as usize)
            }
            _ => 0,
        }
    }

    fn source_row(&self, y: i64) -> Option<&'a [u8]> {
        let y = u32::try_from(y).ok()?;
        (y < self.source.size().height).then(|| self.source.row(y))
    }

    /// The format whose channels are interpolated: that of the converted picture.
    fn channel_format(&self) -> PixelFormat {
        match self.source.layout() {
            Layout::Words(format) => format,
            _ => self.format,
        }
    }
}

impl Span {
    /// Makes this the `columns` of source row `y`.
    fn load(&mut self, sampler: &Sampler<'_>, y: i64, columns: Range<i64>) {
        let len = (columns.end - columns.start) as usize;
        let key = Some((y, columns.start, len));
        if self.key == key {
            return;
        }
        self.key = key;
        self.words.clear();
        self.words.resize(len, 0);
        let width = i64::from(sampler.source.size().width);
        let from = columns.start.clamp(0, width);
        let to = columns.end.clamp(0, width);
        if let Some(row) = sampler.source_row(y)
            && from < to
        {
            let inside = (from - columns.start) as usize..(to - columns.start) as usize;
            let (layout, format) = (sampler.source.layout(), sampler.format);
            convert::row(layout, format, row, from as usize, &mut self.words[inside]);
        }
    }
}

impl Blend {
    /// Makes this source row `y` for the box columns from `x` on.
    fn load(&mut self, sampler: &Sampler<'_>, y: i64, x: i32, weights: &Weights) {
        let key = Some((y, x, weights.of_columns.len()));
        if self.key == key {
            return;
        }
        self.key = key;
        self.span.load(sampler, y, weights.columns.clone());
        let format = sampler.channel_format();
        let spread = |word: &u32| {
            let channels = u64::from(convert::unpack(format, *word));
            let pairs = (channels | channels << 16) & 0xffff_0000_ffff;
            (pairs | pairs << 8) & 0xff_00ff_00ff_00ff
        };
        self.spread.clear();
        self.spread.extend(self.span.words.iter().map(spread));
        self.sums.clear();
        let spread = &self.spread;
        self.sums
            .extend(weights.of_columns.iter().map(|(at, weight)| {
                let at = *at as usize;
                let (left, right) = (spread[at], spread[at + 1]);
                // Four channels at a time. Where one is less on the right it borrows from the next, which gets it back.
                let step = right.wrapping_sub(left).wrapping_mul(u64::from(*weight));
                let sum = (left << 7).wrapping_add(step);
                [0, 16, 32, 48].map(|shift| (sum >> shift) as u16)
            }));
    }
}

impl Weights {
    /// Makes these the weights of `len` box columns from `x` on.
    fn load(&mut self, axis: &Axis, x: i32, len: usize) {
        let key = Some((x, len));
        if self.key == key {
            return;
        }
        self.key = key;
        let (first, _) = axis.between(x);
        let (last, _) = axis.between(x + len as i32 - 1);
        self.columns = first..last + 2;
        self.of_columns.clear();
        self.of_columns.extend((x..).take(len).map(|x| {
            let (column, weight) = axis.between(x);
            ((column - first) as u32, weight)
        }));
    }
}

impl Axis {
    /// Maps `to.1` box pixels from `to.0` on to `from.1` source pixels from `from.0` on.
    fn new(from: (i32, u32), to: (i32, u32)) -> Self {
        let step = ((u64::from(from.1) << 16) / u64::from(to.1)) as i64;
        Self {
            start: to.0,
            // The protocol's (step * 0x8000 + 0x8000) >> 16, which might overflow.
            first: ((step + 1) >> 1) + (i64::from(from.0) << 16),
            step,
        }
    }

    /// Source position of the centre of box pixel `i`. No overflow: inside the box, `step` times the distance from its
    /// start stays below 2⁴⁸.
    fn at(&self, i: i32) -> i64 {
        self.first + self.step * (i64::from(i) - i64::from(self.start))
    }

    fn nearest(&self, i: i32) -> i64 {
        (self.at(i) - 1) >> 16
    }

    /// The part of the box pixels from `start` to `end` whose nearest source pixel is one of `side`.
    fn covered(&self, start: i32, end: i32, side: u32) -> (i32, i32) {
        // Positions grow along the box.
        let first_from = |limit: i64| {
            let (mut low, mut high) = (start, end);
            while low < high {
                let middle = low.midpoint(high);
                if self.nearest(middle) < limit {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        (first_from(0), first_from(i64::from(side)))
    }

    /// The source pixel before the position, and in 128ths how much the one after it counts.
    fn between(&self, i: i32) -> (i64, u32) {
        let at = self.at(i) - 0x8000;
        (at >> 16, (at >> 9 & 127) as u32)
    }
}
