//! The order of bits in a QUIC stream: 32-bit little-endian words, the most significant bit of each word first.

/// Most bits that [`Reader::take`] and the caller of [`Reader::refill`] may count on.
pub(super) const LOOK_AHEAD: u32 = 32;

/// Takes bits from a stream; zeros after its end.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    words: &'a [[u8; 4]],
    /// The next word that is not counted in `held`.
    next: usize,
    /// The look-ahead, its first bit in the highest place. Bits after the first `held` may be there already; then they
    /// are those of the next word, so putting that word in again changes nothing.
    window: u64,
    /// Bits of the window that count. INVARIANT: below 64.
    held: u32,
}

impl<'a> Reader<'a> {
    /// Reads `data` from its first bit. A last word of fewer than four bytes is left out.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            words: data.as_chunks().0,
            next: 0,
            window: 0,
            held: 0,
        }
    }

    /// Makes sure of [`LOOK_AHEAD`] bits. Without a branch on what is held: that one would be a coin toss.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let word = self
            .words
            .get(self.next)
            .map_or(0, |w| u32::from_le_bytes(*w));
        self.window |= (u64::from(word) << 32) >> self.held;
        let counts = u32::from(self.held < LOOK_AHEAD);
        self.next += counts as usize;
        self.held += 32 * counts;
    }

    /// The look-ahead, next bit in the highest place. As many bits are valid as were refilled and not skipped.
    #[inline(always)]
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Drops `bits` bits, no more than are held.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.window <<= bits & 63;
        self.held -= bits;
    }

    /// Drops `bits` bits, no more than are held; `window` is what remains.
    #[inline(always)]
    pub(super) fn skip_to(&mut self, window: u64, bits: u32) {
        self.window = window;
        self.held -= bits;
    }

    /// Takes a number of up to [`LOOK_AHEAD`] bits.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        self.refill();
        self.cut(bits)
    }

    /// Takes a number of bits that are known to be there.
    #[inline(always)]
    pub(super) fn cut(&mut self, bits: u32) -> u32 {
        let value = (self.window >> 32) >> (32 - bits);
        self.skip(bits);
        value as u32
    }

    /// Bits taken so far, zeros after the end among them.
    pub(super) fn taken(&self) -> usize {
        self.next * 32 - self.held as usize
    }

    /// Whether more bits were taken than the stream has.
    pub(super) fn is_exhausted(&self) -> bool {
        self.taken() > self.words.len() * 32
    }
}

/// Appends bits to a `Vec`, always the same one. That one is a parameter, so that loops keep the rest in registers.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    /// Where the next word goes. INVARIANT: not beyond the length of the `Vec`; what is there is to be overwritten.
    at: usize,
    /// The bits put last, the very last one in the lowest place. Only the low `held` are not in a word yet.
    window: u64,
    /// Bits of the unfinished word. INVARIANT: below 32.
    held: u32,
}

impl Writer {
    /// Zeros are put at the end of a `Vec` this many bytes at a time.
    const STEP: usize = 4096;

    /// Writes behind what `out` holds.
    pub(super) fn new(out: &[u8]) -> Self {
        Self {
            at: out.len(),
            window: 0,
            held: 0,
        }
    }

    /// Puts the low `bits` bits of `value`, whose other bits are 0; 1 to 32 bits.
    #[inline(always)]
    pub(super) fn put(&mut self, out: &mut Vec<u8>, value: u32, bits: u32) {
        self.window = self.window << (bits & 63) | u64::from(value);
        self.held += bits;
        if out.len() < self.at + 4 {
            grow(out, self.at + Self::STEP);
        }
        // The word is stored whether it is full or not; a branch on that would be a coin toss.
        let word = (self.window >> (self.held.wrapping_sub(32) & 63)) as u32;
        out[self.at..self.at + 4].copy_from_slice(&word.to_le_bytes());
        self.at += self.held as usize / 32 * 4;
        self.held %= 32;
    }

    /// Fills the last word with zeros and adds the word of zeros that follows every image.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        if self.held > 0 {
            self.put(out, 0, 32 - self.held);
        }
        self.put(out, 0, 32);
        out.truncate(self.at);
    }
}

#[cold]
#[inline(never)]
fn grow(out: &mut Vec<u8>, len: usize) {
    out.resize(len, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes `b0 b1 b2 b3` give the bits of b3 first.
    const STREAM: [u8; 8] = [0x78, 0x56, 0x34, 0x12, 0xef, 0xcd, 0xab, 0x90];

    #[test]
    fn bits_come_from_the_highest_place_of_little_endian_words() {
        let mut reader = Reader::new(&STREAM);

        let taken = [4, 8, 0, 20, 32].map(|bits| reader.take(bits));

        assert_eq!(taken, [0x1, 0x23, 0, 0x45678, 0x90ab_cdef]);
        assert!(!reader.is_exhausted());
    }

    #[test]
    fn zeros_follow_the_end_and_taking_them_is_noticed() {
        let mut reader = Reader::new(&STREAM[..7]);

        assert_eq!(reader.take(32), 0x1234_5678);
        assert!(!reader.is_exhausted());
        assert_eq!(reader.take(1), 0);
        assert!(reader.is_exhausted());
    }

    #[test]
    fn a_writer_fills_the_last_word_and_adds_one_of_zeros() {
        let mut out = vec![0xee];
        let mut writer = Writer::new(&out);
        for (value, bits) in [(0x1, 4), (0x23, 8), (0x4_5678, 20), (0x1, 1)] {
            writer.put(&mut out, value, bits);
        }
        writer.finish(&mut out);

        assert_eq!(
            out,
            [0xee, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0x80, 0, 0, 0, 0]
        );
    }

    #[test]
    fn a_full_last_word_is_followed_by_one_word_only() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&out);
        writer.put(&mut out, 0x9000_0001, 32);
        writer.finish(&mut out);

        assert_eq!(out, [1, 0, 0, 0x90, 0, 0, 0, 0]);
    }
}
