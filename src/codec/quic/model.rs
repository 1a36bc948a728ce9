//! What encoder and decoder share: the codes, the adaptive state that picks among them, and the arithmetic on pixels.
//!
//! A *lane pixel* is a `u32` with one sample a byte: B, G, R from the lowest byte up, or one lone sample in the lowest.
//! Samples of 5 bits lie in bytes too, so that one piece of code serves all kinds.

/// Code numbers at most; 5-bit samples use the first five.
const CODES: usize = 8;

/// Groups of contexts.
const BUCKETS: usize = 8;

/// Bits of the stream that the decoder looks up at once: all words of the codes that a model starts with, and nearly all
/// of those it uses for photographs. More bits make tables that leave no room in the nearest cache.
pub(super) const FAST_BITS: u32 = 9;

/// The codes for samples of one width, as tables.
pub(super) struct Code {
    /// Bits of a sample.
    pub(super) bits: u32,
    /// The bits of a lane pixel that samples of this width use.
    pub(super) mask: u32,
    /// By symbol, the fields of an entry that do not depend on the code.
    entries: [Word; 256],
    /// Length of the word of a symbol, by symbol and code number; far too long where there is no such code.
    lengths: [[u8; CODES]; 256],
    /// By code number, symbols by the next [`FAST_BITS`] bits of the stream.
    pub(super) decoding: [DecodingTable; CODES],
    /// By code number, the words of residuals.
    pub(super) encoding: [EncodingTable; CODES],
}

pub(super) type DecodingTable = Table<{ 1 << FAST_BITS }>;
pub(super) type EncodingTable = Table<256>;

/// One code, by what is known of a symbol.
pub(super) struct Table<const ENTRIES: usize> {
    /// The code number: the bits of a symbol that are not in the count of zeros.
    pub(super) k: u32,
    /// Zeros that say that the symbol is written out.
    pub(super) prefix: u32,
    /// Bits of a symbol that is written out.
    pub(super) suffix: u32,
    words: [Word; ENTRIES],
}

impl<const ENTRIES: usize> Table<ENTRIES> {
    /// The eight codes of samples of `bits` bits, every entry being `word`.
    const fn all(bits: u32, word: Word) -> [Self; CODES] {
        let mut tables = [const { Self::new(0, 0, 0) }; CODES];
        let mut k = 0;
        while k < bits {
            tables[k as usize] = Self::new(bits, k, word);
            k += 1;
        }
        tables
    }

    const fn new(bits: u32, k: u32, word: Word) -> Self {
        let most = (1 << (bits - k)) - 1;
        let prefix = if most < 26 - bits { most } else { 26 - bits };
        let left_over: u32 = (1 << bits) - (prefix << k);
        Self {
            k,
            prefix,
            suffix: left_over.next_power_of_two().ilog2(),
            words: [word; ENTRIES],
        }
    }

    /// The word of a symbol, and its length.
    pub(super) const fn spell(&self, symbol: u32) -> (u32, u32) {
        let k = self.k;
        if symbol < self.prefix << k {
            (1 << k | symbol & ((1 << k) - 1), (symbol >> k) + 1 + k)
        } else {
            (symbol - (self.prefix << k), self.prefix + self.suffix)
        }
    }
}

impl DecodingTable {
    /// What the stream says when it goes on with `window`, next bit in the highest place.
    #[inline(always)]
    pub(super) fn decode(&self, window: u64) -> Word {
        self.words[(window >> (64 - FAST_BITS)) as usize]
    }
}

impl EncodingTable {
    /// The word of a residual.
    #[inline(always)]
    pub(super) fn encode(&self, residual: u32) -> Word {
        self.words[residual as usize % 256]
    }
}

/// An entry of the tables, in fields that can be combined for three planes without taking them apart first.
///
/// | Bits | Decoder | Encoder |
/// |---|---|---|
/// | 0 … 5 | length of the word | length of the word |
/// | 6 | set when the word is longer than [`FAST_BITS`]; all else is 0 | – |
/// | 8 … 15 | – | the word |
/// | 24 … 31 | residual | – |
/// | 61 … 63 | bucket of the symbol | bucket of the symbol |
pub(super) type Word = u64;

/// Where the bucket is in an entry: at the top, so that a shift is enough to have it.
const BUCKET_AT: u32 = 61;

/// Marks a word that is longer than [`FAST_BITS`].
pub(super) const LONG_WORD: Word = 1 << 6;

pub(super) static CODE_OF_8_BITS: Code = Code::new(8);
pub(super) static CODE_OF_5_BITS: Code = Code::new(5);

impl Code {
    const fn new(bits: u32) -> Self {
        let mut code = Self {
            bits,
            mask: ((1 << bits) - 1) * 0x01_0101,
            entries: [0; 256],
            lengths: [[u8::MAX; CODES]; 256],
            decoding: Table::all(bits, LONG_WORD),
            encoding: Table::all(bits, 0),
        };
        let mut k = 0;
        while k < bits {
            let mut symbol = 0;
            while symbol < 1 << bits {
                code.enter(symbol, k);
                symbol += 1;
            }
            k += 1;
        }
        code
    }

    /// Puts one symbol into the tables of code `k`.
    const fn enter(&mut self, symbol: u32, k: u32) {
        let residual = self.unfold(symbol);
        let entry = (residual as Word) << 24 | (bucket_of(symbol, self.bits) as Word) << BUCKET_AT;
        self.entries[symbol as usize] = entry;
        let k = k as usize;
        let (word, length) = self.encoding[k].spell(symbol);
        self.lengths[symbol as usize][k] = length as u8;
        self.encoding[k].words[residual as usize] =
            (word as Word) << 8 | length as Word | (entry >> BUCKET_AT << BUCKET_AT);
        if length <= FAST_BITS {
            let first = (word << (FAST_BITS - length)) as usize;
            let mut i = 0;
            while i < 1 << (FAST_BITS - length) {
                self.decoding[k].words[first + i] = length as Word | entry;
                i += 1;
            }
        }
    }

    /// The residual of a symbol: 0, 1, 2, 3, 4 … are 0, −1, 1, −2, 2 …
    const fn unfold(&self, symbol: u32) -> u32 {
        ((symbol >> 1) ^ (symbol & 1).wrapping_neg()) & self.mask & 0xff
    }

    /// The symbol of a residual.
    const fn fold(&self, residual: u32) -> u32 {
        let sign = residual >> (self.bits - 1);
        ((residual << 1) ^ sign.wrapping_neg()) & self.mask & 0xff
    }

    /// The largest symbol.
    pub(super) const fn most(&self) -> u32 {
        self.mask & 0xff
    }

    /// The entry of a symbol in the decoding tables, without its length.
    #[inline(always)]
    pub(super) fn entry(&self, symbol: u32) -> Word {
        self.entries[symbol as usize % 256]
    }
}

/// The group that a symbol is in when it is the context of the next one.
const fn bucket_of(symbol: u32, bits: u32) -> u32 {
    let bucket = (symbol + 1).ilog2();
    if bucket < bits { bucket } else { bits - 1 }
}

/// The buckets of a pixel's symbols: that of plane p in the three bits from 29 − 8p up. Other bits have no meaning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contexts(u32);

impl Contexts {
    /// Takes the buckets from the entries of the tables, each shifted down by eight times its plane.
    #[inline(always)]
    pub(super) fn from_words(packed: u64) -> Self {
        Self((packed >> 32) as u32)
    }

    #[inline(always)]
    fn bucket(self, plane: usize) -> usize {
        (self.0 >> (29 - 8 * plane)) as usize % BUCKETS
    }
}

/// The adaptive state of one lane of `PLANES` planes.
pub(super) struct Model<const PLANES: usize, const ENTRIES: usize> {
    pub(super) code: &'static Code,
    tables: &'static [Table<ENTRIES>; CODES],
    /// The code in use, by plane and bucket.
    best: [[&'static Table<ENTRIES>; BUCKETS]; PLANES],
    /// Bits that each code would have taken, by plane, bucket and code number.
    counters: [[[u32; CODES]; BUCKETS]; PLANES],
    /// Coded pixels until the next update.
    pub(super) wait: u32,
    /// Index of the next entry of [`DRAWS`].
    draw: u8,
    level: Level,
    /// How runs are coded.
    pub(super) run: RunState,
}

impl<const PLANES: usize, const ENTRIES: usize> Model<PLANES, ENTRIES> {
    /// A model that knows nothing yet, for samples of `code`, of which `tables` are the ones to use.
    pub(super) fn new(code: &'static Code, tables: &'static [Table<ENTRIES>; CODES]) -> Self {
        Self {
            code,
            tables,
            best: [[&tables[code.bits as usize - 1]; BUCKETS]; PLANES],
            counters: [[[0; CODES]; BUCKETS]; PLANES],
            wait: 0,
            draw: 0,
            level: Level {
                number: 0,
                left: Level::PIXELS,
            },
            run: RunState(0),
        }
    }

    /// The codes for the symbols of the next pixel.
    #[inline(always)]
    pub(super) fn codes(&self, contexts: Contexts) -> [&'static Table<ENTRIES>; PLANES] {
        std::array::from_fn(|plane| self.best[plane][contexts.bucket(plane)])
    }

    /// The code for the next symbol of a plane, after that of an entry.
    #[inline(always)]
    pub(super) fn code_after(&self, plane: usize, word: Word) -> &'static Table<ENTRIES> {
        self.best[plane][(word >> BUCKET_AT) as usize]
    }

    /// Learns from a pixel whose residuals were coded in these contexts.
    #[inline(never)]
    pub(super) fn update(&mut self, contexts: Contexts, residuals: u32) {
        let trigger = self.level.trigger();
        for plane in 0..PLANES {
            let residual = residuals >> (8 * (PLANES - 1 - plane)) & 0xff;
            let lengths = &self.code.lengths[self.code.fold(residual) as usize % 256];
            let bucket = contexts.bucket(plane);
            let counters = &mut self.counters[plane][bucket];
            // Smallest counter first, and of equals the largest code number.
            let mut smallest = u32::MAX;
            for (k, (counter, length)) in counters.iter_mut().zip(lengths).enumerate() {
                *counter += u32::from(*length);
                smallest = smallest.min(*counter * CODES as u32 + (CODES - 1 - k) as u32);
            }
            self.best[plane][bucket] = &self.tables[CODES - 1 - smallest as usize % CODES];
            if smallest / CODES as u32 > trigger {
                counters.iter_mut().for_each(|counter| *counter /= 2);
            }
        }
    }

    /// Draws the number of coded pixels until the next update.
    pub(super) fn draw(&mut self) -> u32 {
        let draw = DRAWS[usize::from(self.draw)];
        self.draw = self.draw.wrapping_add(1);
        u32::from(draw) & self.level.mask()
    }

    /// Pixels of the next segment, in which the level does not change, when `left` are left of the row.
    pub(super) fn segment(&self, left: usize) -> usize {
        self.level.segment(left)
    }

    /// Counts the pixels of a segment.
    pub(super) fn advance(&mut self, pixels: usize) {
        self.level.advance(pixels);
    }
}

/// How often a model still learns: always at first, in the end after every 33rd pixel or so.
struct Level {
    number: usize,
    /// Pixels until the next level. The last level has no end.
    left: usize,
}

impl Level {
    const PIXELS: usize = 2048;
    const TRIGGERS: [u32; 7] = [110, 550, 900, 800, 550, 400, 350];

    /// The bits of a draw that count.
    fn mask(&self) -> u32 {
        (1 << self.number) - 1
    }

    /// When even the smallest counter of a bucket is above this, all of them are halved.
    fn trigger(&self) -> u32 {
        Self::TRIGGERS[self.number]
    }

    fn is_last(&self) -> bool {
        self.number == Self::TRIGGERS.len() - 1
    }

    fn segment(&self, left: usize) -> usize {
        if self.is_last() {
            left
        } else {
            left.min(self.left)
        }
    }

    fn advance(&mut self, pixels: usize) {
        if self.is_last() {
            return;
        }
        self.left -= pixels;
        if self.left == 0 {
            self.number += 1;
            self.left = Self::PIXELS;
        }
    }
}

/// How runs are coded: each further 1 stands for more pixels, and leaves the next state behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunState(u8);

impl RunState {
    /// A 1 in state `i` stands for 2 to the power of this many pixels.
    const EXPONENTS: [u8; 32] = [
        0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12,
        13, 14, 15,
    ];

    /// Pixels of so many ones from state 0 on.
    const PIXELS: [u32; 64] = {
        let mut pixels = [0; 64];
        let mut i = 1;
        while i < 64 {
            let state = if i > 32 { 31 } else { i - 1 };
            pixels[i] = pixels[i - 1] + (1 << Self::EXPONENTS[state]);
            i += 1;
        }
        pixels
    };

    /// Goes up by `ones`, fewer than 32; the pixels they stand for.
    #[inline(always)]
    pub(super) fn climb(&mut self, ones: u32) -> usize {
        let from = usize::from(self.0 % 32);
        let to = from + ones as usize % 32;
        *self = Self(to.min(31) as u8);
        (Self::PIXELS[to] - Self::PIXELS[from]) as usize
    }

    /// Bits of the remainder that ends a run, and log2 of the pixels a 1 stands for.
    #[inline(always)]
    pub(super) fn exponent(self) -> u32 {
        u32::from(Self::EXPONENTS[usize::from(self.0 % 32)])
    }

    /// The state after a 1.
    #[inline(always)]
    pub(super) fn up(self) -> Self {
        Self(self.0 + u8::from(self.0 < 31))
    }

    /// The state after the end of a run.
    #[inline(always)]
    pub(super) fn down(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// What the next pixel is predicted from and coded with.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) left: u32,
    left_of_left: u32,
    pub(super) above_left: u32,
    pub(super) contexts: Contexts,
}

impl Before {
    /// Before the first column, of which `above` and `contexts` come from the row above; zeros in the first row.
    ///
    /// The first column is predicted from `above` alone, which is the mean of itself and an equal left pixel.
    pub(super) fn first(above: u32, contexts: Contexts) -> Self {
        Self {
            left: above,
            left_of_left: above,
            above_left: above,
            contexts,
        }
    }

    /// Whether a run is coded here, possibly of no pixels.
    #[inline(always)]
    pub(super) fn allows_run(&self, above: u32) -> bool {
        self.above_left == above && self.left == self.left_of_left
    }

    /// Goes on behind `pixel`, which was below `above` and left `contexts`.
    #[inline(always)]
    pub(super) fn next(&mut self, pixel: u32, above: u32, contexts: Contexts) {
        *self = Self {
            left: pixel,
            left_of_left: self.left,
            above_left: above,
            contexts,
        };
    }
}

/// The floor of the mean of two lane pixels, sample by sample.
#[inline(always)]
pub(super) fn mean(a: u32, b: u32) -> u32 {
    (a & b) + (((a ^ b) >> 1) & 0x7f7f_7f7f)
}

/// The sum of two lane pixels, sample by sample, without carries between them.
#[inline(always)]
pub(super) fn add(a: u32, b: u32) -> u32 {
    ((a & 0x7f7f_7f7f) + (b & 0x7f7f_7f7f)) ^ ((a ^ b) & 0x8080_8080)
}

/// The difference of two lane pixels, sample by sample, without borrows between them.
#[inline(always)]
pub(super) fn subtract(a: u32, b: u32) -> u32 {
    ((a | 0x8080_8080) - (b & 0x7f7f_7f7f)) ^ ((a ^ !b) & 0x8080_8080)
}

/// Pseudo-random numbers that space the updates of a model: a permutation of 0 … 255.
#[rustfmt::skip]
const DRAWS: [u8; 256] = [
    0x42, 0x17, 0x53, 0x55, 0x07, 0x52, 0x28, 0x8e, 0x8c, 0xe0, 0xaf, 0xac, 0x64, 0x86, 0x92, 0x4b,
    0x44, 0x13, 0xea, 0x1d, 0x50, 0x7f, 0xb9, 0x33, 0xd0, 0x03, 0x05, 0x4e, 0x0f, 0x9e, 0x94, 0x89,
    0xa4, 0x6d, 0x43, 0xf9, 0xbd, 0x00, 0x08, 0x45, 0x29, 0xce, 0x6b, 0x5b, 0xab, 0xbb, 0x1f, 0xe3,
    0x27, 0x7c, 0x2a, 0xa6, 0x4d, 0x36, 0x7e, 0xc1, 0x1a, 0xc3, 0x0b, 0x3d, 0x74, 0xa2, 0xc7, 0xf0,
    0x04, 0x3b, 0x16, 0x0c, 0x96, 0x88, 0xb2, 0x84, 0x8a, 0x46, 0x2c, 0xc8, 0x8b, 0xee, 0xdf, 0x73,
    0x75, 0x11, 0x01, 0x2b, 0x6e, 0x3c, 0xe4, 0x76, 0x0a, 0x9b, 0x67, 0x6c, 0x56, 0xe9, 0x57, 0xc2,
    0xec, 0x40, 0x68, 0xb5, 0xa8, 0xb0, 0x90, 0xeb, 0x60, 0x5c, 0xe1, 0x4c, 0x54, 0x02, 0x78, 0xbe,
    0x77, 0xfa, 0x12, 0x14, 0x0d, 0x37, 0x26, 0x9d, 0x79, 0xd3, 0x31, 0x21, 0x6f, 0xbf, 0xfb, 0x80,
    0x23, 0xfd, 0x93, 0x19, 0x2e, 0x66, 0xfc, 0xc4, 0x63, 0x41, 0x9a, 0xe8, 0x9c, 0xca, 0x85, 0x0e,
    0xd9, 0xd2, 0x70, 0xf1, 0xd4, 0x7b, 0x3e, 0xe2, 0xae, 0x87, 0xa1, 0x34, 0x22, 0x7a, 0xc9, 0x5d,
    0x48, 0xf7, 0xfe, 0xbc, 0xa5, 0x24, 0xe5, 0x72, 0xc6, 0x83, 0x4a, 0x1c, 0x30, 0x98, 0x5a, 0x7d,
    0x39, 0x1e, 0xcb, 0xb6, 0x82, 0x06, 0x32, 0xef, 0x47, 0x91, 0xa3, 0x35, 0x20, 0xcc, 0xd7, 0xd1,
    0xc5, 0x15, 0x71, 0xb7, 0xb3, 0x2d, 0xb4, 0x1b, 0xe7, 0x99, 0xa7, 0xff, 0xd6, 0xd8, 0xaa, 0xf4,
    0x38, 0xe6, 0x69, 0xa9, 0xb8, 0xa0, 0xcd, 0x58, 0xda, 0xf3, 0xdb, 0xf8, 0x3a, 0x65, 0x18, 0x6a,
    0x8f, 0xdc, 0x51, 0x5e, 0x5f, 0xcf, 0x10, 0x97, 0x59, 0xf6, 0x61, 0x62, 0x81, 0xdd, 0x9f, 0xf2,
    0xf5, 0x95, 0xb1, 0x4f, 0x2f, 0x49, 0xc0, 0xba, 0x25, 0xad, 0xde, 0x8d, 0x09, 0xed, 0x3f, 0xd5,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_8_bits_has_the_published_prefixes_and_suffixes() {
        let codes = &CODE_OF_8_BITS.decoding;
        let prefixes = codes.each_ref().map(|code| code.prefix);
        let suffixes = codes.each_ref().map(|code| code.suffix);
        assert_eq!(prefixes, [18, 18, 18, 18, 15, 7, 3, 1]);
        assert_eq!(suffixes, [8, 8, 8, 7, 4, 5, 6, 7]);
    }

    #[test]
    fn the_code_of_5_bits_has_the_published_prefixes_and_suffixes() {
        let codes = &CODE_OF_5_BITS.decoding;
        let prefixes = codes.each_ref().map(|code| code.prefix);
        let suffixes = codes.each_ref().map(|code| code.suffix);
        assert_eq!(prefixes[..5], [21, 15, 7, 3, 1]);
        assert_eq!(suffixes[..5], [4, 1, 2, 3, 4]);
    }

    #[test]
    fn symbol_6_has_the_published_lengths() {
        assert_eq!(CODE_OF_8_BITS.lengths[6], [7, 5, 4, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn contexts_are_grouped_as_published() {
        let first_of_bucket = |bits| {
            let symbols = 0..1u32 << bits;
            symbols
                .filter(|&s| s == 0 || bucket_of(s, bits) != bucket_of(s - 1, bits))
                .collect::<Vec<_>>()
        };
        assert_eq!(first_of_bucket(8), [0, 1, 3, 7, 15, 31, 63, 127]);
        assert_eq!(first_of_bucket(5), [0, 1, 3, 7, 15]);
    }

    #[test]
    fn small_residuals_of_either_sign_are_small_symbols() {
        let symbols = [0, 255, 1, 254, 2].map(|residual| CODE_OF_8_BITS.fold(residual));
        assert_eq!(symbols, [0, 1, 2, 3, 4]);
        let symbols = [0, 31, 1, 30, 2].map(|residual| CODE_OF_5_BITS.fold(residual));
        assert_eq!(symbols, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn unfolding_undoes_folding() {
        for code in [&CODE_OF_8_BITS, &CODE_OF_5_BITS] {
            let residuals = 0..=code.most();
            assert!(
                residuals
                    .clone()
                    .map(|d| code.unfold(code.fold(d)))
                    .eq(residuals)
            );
        }
    }

    #[test]
    fn the_draws_are_a_permutation() {
        let mut sorted = DRAWS;
        sorted.sort_unstable();
        assert!(sorted.iter().map(|&d| usize::from(d)).eq(0..256));
    }

    #[test]
    fn pixel_arithmetic_keeps_samples_apart() {
        // By hand: the floor of (3 + 6) / 2, (255 + 254) / 2 and (0 + 1) / 2.
        assert_eq!(mean(0x03_ff_00, 0x06_fe_01), 0x04_fe_00);
        assert_eq!(add(0xff_80_01, 0x02_80_ff), 0x01_00_00);
        assert_eq!(subtract(0x01_00_80, 0x02_80_01) & 0xff_ffff, 0xff_80_7f);
    }

    #[test]
    fn climbing_adds_the_pixels_of_each_state() {
        let mut state = RunState(2);
        // States 2, 3, 4 and 5: 1 + 1 + 2 + 2.
        assert_eq!((state.climb(4), state), (6, RunState(6)));
        let mut state = RunState(30);
        // States 30, 31 and 31 again.
        assert_eq!((state.climb(3), state), (16384 + 2 * 32768, RunState(31)));
    }

    #[test]
    fn a_level_lasts_2048_pixels_and_the_last_one_for_ever() {
        let mut level = Level {
            number: 0,
            left: 2048,
        };
        level.advance(level.segment(2000));
        assert_eq!((level.number, level.segment(2000)), (0, 48));
        level.advance(48);
        assert_eq!((level.number, level.segment(5000)), (1, 2048));
        for _ in 0..5 {
            level.advance(2048);
        }
        assert_eq!((level.number, level.segment(5000)), (6, 5000));
    }
}
