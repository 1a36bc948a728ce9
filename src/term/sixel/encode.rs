//! Indices as sixels.
//!
//! A band is six rows. Each of its dots is a bit of a mask by colour and column, so that the work depends on the dots and not on
//! the colours; what of a colour has bits is known by column, so that only that is looked at. The commonest colour of a band is
//! painted first, as one run under all others.
//!
//! Speed: `cargo bench --bench sixel`. The tests have the plain way.

use crate::geometry::Size;
use crate::term::at_once::at_once;

/// Rows of a band.
const BAND: usize = 6;

/// Columns whose dots are looked at together, one a byte of a word.
const BLOCK: usize = 8;

/// Columns of a word of bits.
const WORD: usize = 64;

/// Dots from which on a second thread draws half of the bands: starting it takes as long as some ten thousands.
const WORTH_A_THREAD: usize = 1 << 18;

/// Writes pictures of indices, keeping its scratch memory.
#[derive(Default)]
pub struct Encoder {
    /// One for each thread, as all that follow.
    counts: [Counts; 2],
    bands: [Band; 2],
    /// Scratch: what the second thread draws.
    lower: Vec<u8>,
}

impl Encoder {
    /// Appends the image: `indices` are rows of entries of `palette` (red, green, blue), packed. Nothing for an empty one, or
    /// one wider than 65535.
    ///
    /// Dots are square, and those outside of the image stay as they are. A large image is drawn by two threads.
    pub fn encode(&mut self, indices: &[u8], size: Size, palette: &[[u8; 3]], out: &mut Vec<u8>) {
        let width = size.width as usize;
        if size.is_empty() || indices.len() < width * size.height as usize || width > 0xffff {
            return;
        }
        let indices = &indices[..width * size.height as usize];
        out.extend_from_slice(b"\x1bP0;1q\"1;1;");
        decimal(size.width, out);
        out.push(b';');
        decimal(size.height, out);
        if indices.len() < WORTH_A_THREAD || size.height as usize <= BAND {
            self.encode_alone(indices, width, palette, out);
        } else {
            self.encode_in_two(indices, width, palette, out);
        }
        out.extend_from_slice(b"\x1b\\");
    }

    fn encode_alone(
        &mut self,
        indices: &[u8],
        width: usize,
        palette: &[[u8; 3]],
        out: &mut Vec<u8>,
    ) {
        let ([counts, _], [band, _]) = (&mut self.counts, &mut self.bands);
        counts.take(indices, width);
        let registers = define(&counts.all, palette, out);
        band.draw(indices, width, &counts.bands, &registers, out);
    }

    fn encode_in_two(
        &mut self,
        indices: &[u8],
        width: usize,
        palette: &[[u8; 3]],
        out: &mut Vec<u8>,
    ) {
        let bands = indices.len().div_ceil(width * BAND);
        let (indices, lower_indices) = indices.split_at(bands / 2 * width * BAND);
        let [counts, lower_counts] = &mut self.counts;
        at_once(
            || counts.take(indices, width),
            || lower_counts.take(lower_indices, width),
        );
        let all = std::array::from_fn(|entry| counts.all[entry] + lower_counts.all[entry]);
        let registers = define(&all, palette, out);
        let [band, lower_band] = &mut self.bands;
        let lower = &mut self.lower;
        lower.clear();
        at_once(
            || band.draw(indices, width, &counts.bands, &registers, out),
            || {
                let inks = &lower_counts.bands;
                lower_band.draw(lower_indices, width, inks, &registers, lower);
            },
        );
        out.push(b'-');
        out.extend_from_slice(&self.lower);
    }
}

/// How often each entry is used.
struct Counts {
    /// By entry: dots of all rows.
    all: [u32; 256],
    bands: Vec<Inks>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            all: [0; 256],
            bands: Vec::new(),
        }
    }
}

/// The colours of a band.
struct Inks {
    /// The entry of most dots, the first of equals.
    commonest: u8,
    /// A bit by entry: whether some dot is of it.
    used: [u64; 4],
}

impl Counts {
    fn take(&mut self, indices: &[u8], width: usize) {
        self.all.fill(0);
        self.bands.clear();
        for rows in indices.chunks(width * BAND) {
            let counts = histogram(rows);
            let (mut commonest, mut used) = (0, [0; 4]);
            for (entry, count) in counts.iter().enumerate() {
                self.all[entry] += count;
                used[entry / WORD] |= u64::from(*count > 0) << (entry % WORD);
                if *count > counts[usize::from(commonest)] {
                    commonest = entry as u8;
                }
            }
            self.bands.push(Inks { commonest, used });
        }
    }
}

/// Gives a register to each entry that is used, by how many dots are of each. Those that are frequent have the numbers of fewest
/// digits.
fn define(counts: &[u32; 256], palette: &[[u8; 3]], out: &mut Vec<u8>) -> [u16; 256] {
    let mut used: Vec<usize> = (0..256).filter(|at| counts[*at] > 0).collect();
    used.sort_by_key(|at| std::cmp::Reverse(counts[*at]));
    let mut registers = [0; 256];
    for (register, entry) in (0..).zip(used) {
        registers[entry] = register;
        out.push(b'#');
        decimal(register.into(), out);
        out.extend_from_slice(b";2");
        for component in palette.get(entry).copied().unwrap_or_default() {
            out.push(b';');
            decimal(percent(component), out);
        }
    }
    registers
}

/// By entry: how many dots are of it.
fn histogram(dots: &[u8]) -> [u32; 256] {
    // Four counters in turn, so that equal neighbours do not wait for each other.
    let mut lanes = [[0_u32; 256]; 4];
    let (blocks, rest) = dots.as_chunks::<BLOCK>();
    for block in blocks {
        if u64::from_le_bytes(*block) == splat(block[0]) {
            lanes[0][usize::from(block[0])] += BLOCK as u32;
            continue;
        }
        for (at, dot) in block.iter().enumerate() {
            lanes[at % 4][usize::from(*dot)] += 1;
        }
    }
    rest.iter().for_each(|dot| lanes[0][usize::from(*dot)] += 1);
    std::array::from_fn(|entry| lanes.iter().map(|lane| lane[entry]).sum())
}

/// The dots of a band by colour. INVARIANT: all zeros between bands.
#[derive(Default)]
struct Band {
    width: usize,
    /// By entry and column: which of its dots are of it, the uppermost is bit 0. An entry has [`Band::stride`] columns.
    masks: Vec<u8>,
    /// The same, a bit a column: whether any is.
    columns: Vec<u64>,
    /// Scratch: what a colour paints.
    text: Vec<u8>,
}

impl Band {
    /// Columns of an entry: whole words.
    fn stride(&self) -> usize {
        self.width.next_multiple_of(WORD)
    }

    /// Appends bands of rows.
    fn draw(
        &mut self,
        indices: &[u8],
        width: usize,
        inks: &[Inks],
        registers: &[u16; 256],
        out: &mut Vec<u8>,
    ) {
        for (at, (rows, inks)) in indices.chunks(width * BAND).zip(inks).enumerate() {
            if at > 0 {
                out.push(b'-');
            }
            self.mark(rows, width);
            self.write(rows.len() / width, inks, registers, out);
        }
    }

    /// Marks up to six rows.
    fn mark(&mut self, rows: &[u8], width: usize) {
        if self.width != width {
            self.width = width;
            self.masks.clear();
            self.masks.resize(256 * self.stride(), 0);
            self.columns.clear();
            self.columns.resize(256 * self.stride() / WORD, 0);
        }
        let high = rows.len() / width;
        let all = (1_u8 << high) - 1;
        let whole = width / BLOCK * BLOCK;
        let mut marks = Marks {
            stride: self.stride(),
            masks: &mut self.masks,
            columns: &mut self.columns,
        };
        for x in (0..whole).step_by(BLOCK) {
            // Missing rows are like the first.
            let mut block = [load(rows, x); BAND];
            for (y, row) in block.iter_mut().enumerate().take(high).skip(1) {
                *row = load(rows, y * width + x);
            }
            let flat = splat(block[0] as u8);
            if block.iter().fold(0, |all, row| all | (row ^ flat)) == 0 {
                marks.block(block[0] as u8, x, splat(all));
                continue;
            }
            for (y, row) in block.iter().enumerate().take(high) {
                if *row == splat(*row as u8) {
                    marks.block(*row as u8, x, splat(1 << y));
                    continue;
                }
                for at in 0..BLOCK {
                    marks.dot((row >> (8 * at)) as u8, x + at, 1 << y);
                }
            }
        }
        for x in whole..width {
            for y in 0..high {
                marks.dot(rows[y * width + x], x, 1 << y);
            }
        }
    }

    /// Appends what was marked, and forgets it.
    fn write(&mut self, high: usize, inks: &Inks, registers: &[u16; 256], out: &mut Vec<u8>) {
        // Two runs a column at most.
        self.text.resize((2 * self.width + 1) * LONGEST_RUN, 0);
        let mut runs = Runs::new(&mut self.text);
        runs.write((1 << high) - 1, self.width);
        select(registers[usize::from(inks.commonest)], out);
        out.extend_from_slice(runs.text());
        let stride = self.stride();
        for entry in inks.entries() {
            let span = usize::from(entry) * stride..(usize::from(entry) + 1) * stride;
            let columns = &mut self.columns[span.start / WORD..span.end / WORD];
            let masks = &mut self.masks[span];
            if entry == inks.commonest {
                columns.fill(0);
                masks.fill(0);
                continue;
            }
            out.push(b'$');
            select(registers[usize::from(entry)], out);
            out.extend_from_slice(Runs::new(&mut self.text).of_colour(columns, masks));
        }
    }
}

/// A [`Band`] that is being marked.
struct Marks<'a> {
    stride: usize,
    masks: &'a mut [u8],
    columns: &'a mut [u64],
}

impl Marks<'_> {
    #[inline(always)]
    fn dot(&mut self, entry: u8, x: usize, bit: u8) {
        let at = usize::from(entry) * self.stride + x;
        self.masks[at] |= bit;
        self.columns[at / WORD] |= 1 << (at % WORD);
    }

    /// Marks dots of a block of columns, which is a multiple of blocks from the left.
    #[inline(always)]
    fn block(&mut self, entry: u8, x: usize, bits: u64) {
        let at = usize::from(entry) * self.stride + x;
        if let Some(masks) = self.masks[at..].first_chunk_mut() {
            *masks = (u64::from_le_bytes(*masks) | bits).to_le_bytes();
        }
        self.columns[at / WORD] |= 0xff << (at % WORD);
    }
}

impl Inks {
    /// The entries that are used.
    fn entries(&self) -> impl Iterator<Item = u8> {
        (0..=255).filter(|entry| self.used[usize::from(*entry) / WORD] >> (entry % 64) & 1 == 1)
    }
}

/// Up to eight bytes from a place on, the first one lowest.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[inline(always)]
fn splat(byte: u8) -> u64 {
    u64::from(byte) * 0x0101_0101_0101_0101
}

fn select(register: u16, out: &mut Vec<u8>) {
    out.push(b'#');
    decimal(register.into(), out);
}

/// Bytes that are written for a run, whether or not they count: eight for how often, then one or as many as are said in full.
const LONGEST_RUN: usize = 12;

/// Times that are looked up instead of written digit by digit: more than columns of most pictures.
const LOOKED_UP: usize = 2048;

/// By how often a character is said: what goes before it in the lower seven bytes, as text; their number in the next four bits;
/// how often the character itself is written in the last four.
static PREFIXES: [u64; LOOKED_UP] = {
    let mut prefixes = [0; LOOKED_UP];
    let mut times: u64 = 0;
    while times < LOOKED_UP as u64 {
        prefixes[times as usize] = if times <= 3 {
            times << 60
        } else {
            let (mut text, mut bytes, mut left) = (0, 0, times);
            while left > 0 {
                text = text << 8 | (b'0' as u64 + left % 10);
                left /= 10;
                bytes += 1;
            }
            text << 8 | b'!' as u64 | (bytes + 1) << 56 | 1 << 60
        };
        times += 1;
    }
    prefixes
};

/// By how many columns nothing is painted in: what says so in the lower seven bytes, as text; their number in the last one.
static GAPS: [u64; LOOKED_UP] = {
    let mut gaps = [0; LOOKED_UP];
    let mut columns = 0;
    while columns < LOOKED_UP {
        let prefix = PREFIXES[columns];
        let (before, mut after) = (prefix >> 56 & 15, prefix >> 60);
        let mut text = prefix & 0x00ff_ffff_ffff_ffff;
        let bytes = before + after;
        while after > 0 {
            after -= 1;
            text |= (b'?' as u64) << (8 * (before + after));
        }
        gaps[columns] = text | bytes << 56;
        columns += 1;
    }
    gaps
};

/// Run lengths, into memory that has room for them.
struct Runs<'a> {
    text: &'a mut [u8],
    len: usize,
    /// The run at hand.
    mask: u8,
    times: usize,
    /// The column after it.
    next: usize,
}

impl<'a> Runs<'a> {
    fn new(text: &'a mut [u8]) -> Self {
        Self {
            text,
            len: 0,
            mask: 0,
            times: 0,
            next: 0,
        }
    }

    fn text(&self) -> &[u8] {
        &self.text[..self.len]
    }

    /// What one colour paints, which is taken out of its columns and masks.
    ///
    /// By itself, so that all of it stays in registers.
    #[inline(never)]
    fn of_colour(mut self, columns: &mut [u64], masks: &mut [u8]) -> &'a [u8] {
        let words = columns.iter_mut().zip(masks.as_chunks_mut::<WORD>().0);
        for ((word, masks), first) in words.zip((0..).step_by(WORD)) {
            let mut left = std::mem::take(word);
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                left &= left - 1;
                self.column(first + at, std::mem::take(&mut masks[at]));
            }
        }
        self.write(self.mask, self.times);
        &self.text[..self.len]
    }

    /// Paints a column, further right than all before.
    #[inline(always)]
    fn column(&mut self, x: usize, mask: u8) {
        if x == self.next && mask == self.mask {
            self.times += 1;
        } else {
            self.finish(x - self.next);
            (self.mask, self.times) = (mask, 1);
        }
        self.next = x + 1;
    }

    /// Writes the run at hand, and that nothing is painted in so many columns after it.
    #[inline(always)]
    fn finish(&mut self, columns: usize) {
        match GAPS.get(columns) {
            // Most runs of a photograph: all in one word.
            Some(gap) if self.times == 1 => {
                let room = &mut self.text[self.len..self.len + LONGEST_RUN];
                let text = gap << 8 | u64::from(b'?' + self.mask);
                room[..8].copy_from_slice(&text.to_le_bytes());
                self.len += 1 + (gap >> 56) as usize;
            }
            _ => {
                self.write(self.mask, self.times);
                self.write(0, columns);
            }
        }
    }

    /// Writes a character as many times as said. What is written beyond the text is written over by what comes next.
    #[inline(always)]
    fn write(&mut self, mask: u8, times: usize) {
        let character = b'?' + mask;
        let Some(prefix) = PREFIXES.get(times) else {
            return self.write_long(character, times);
        };
        let room = &mut self.text[self.len..self.len + LONGEST_RUN];
        room[..8].copy_from_slice(&prefix.to_le_bytes());
        let before = (prefix >> 56 & 15) as usize & 7;
        room[before..before + 4].fill(character);
        self.len += before + (prefix >> 60) as usize;
    }

    #[cold]
    fn write_long(&mut self, character: u8, times: usize) {
        let mut text = vec![b'!'];
        decimal(times as u32, &mut text);
        text.push(character);
        self.text[self.len..self.len + text.len()].copy_from_slice(&text);
        self.len += text.len();
    }
}

/// A component as registers have it: 0 to 100.
fn percent(component: u8) -> u32 {
    (u32::from(component) * 100 + 127) / 255
}

#[inline]
pub(super) fn decimal(n: u32, out: &mut Vec<u8>) {
    if n < 10 {
        out.push(b'0' + n as u8);
        return;
    }
    let mut digits = [0; 10];
    let (mut left, mut first) = (n, digits.len());
    while left > 0 {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(indices: &[u8], size: Size) -> String {
        let palette = [[0, 0, 0], [255, 255, 255], [255, 0, 128]];
        let mut out = Vec::new();
        Encoder::default().encode(indices, size, &palette, &mut out);
        String::from_utf8(out).expect("sixels are ASCII")
    }

    /// By hand: `~` is all six dots, `F` the first three, `?` none.
    #[test]
    fn the_commonest_colour_lies_under_the_others() {
        let mut indices = [0; 60];
        (0..3).for_each(|row| indices[row * 10 + 5] = 1);
        assert_eq!(
            encoded(&indices, Size::new(10, 6)),
            "\x1bP0;1q\"1;1;10;6#0;2;0;0;0#1;2;100;100;100#0!10~$#1!5?F\x1b\\"
        );
    }

    /// One row is bit 1: `@`. As many columns as nobody looks up, and as are.
    #[test]
    fn gaps_of_any_width_are_counted() {
        for (gap, said) in [
            (3, "???"),
            (4, "!4?"),
            (255, "!255?"),
            (2047, "!2047?"),
            (2048, "!2048?"),
            (12345, "!12345?"),
        ] {
            let width = gap + 2;
            let mut indices = vec![0; width];
            (indices[0], indices[width - 1]) = (1, 1);
            let text = encoded(&indices, Size::new(width as u32, 1));
            let painted = text.rsplit('$').next().unwrap();
            assert_eq!(painted, format!("#1@{said}@\x1b\\"));
        }
    }

    /// Two rows are bits 1 and 2: `B`. The second band of eight rows has two.
    #[test]
    fn a_last_band_of_two_rows_paints_two_rows() {
        assert_eq!(
            encoded(&[2; 24], Size::new(3, 8)),
            "\x1bP0;1q\"1;1;3;8#0;2;100;0;50#0~~~-#0BBB\x1b\\"
        );
    }

    /// Band by band, colour by colour, column by column, as the words above say.
    fn plainly(indices: &[u8], size: Size, palette: &[[u8; 3]]) -> String {
        let width = size.width as usize;
        let of = |dots: &[u8], entry: u8| dots.iter().filter(|dot| **dot == entry).count();
        let mut order: Vec<u8> = (0..=255).filter(|entry| of(indices, *entry) > 0).collect();
        order.sort_by_cached_key(|entry| std::cmp::Reverse(of(indices, *entry)));
        let register = |entry: u8| order.iter().position(|other| *other == entry).unwrap();
        let mut text = format!("\x1bP0;1q\"1;1;{};{}", size.width, size.height);
        for entry in &order {
            let [r, g, b] = palette[usize::from(*entry)].map(percent);
            text += &format!("#{};2;{r};{g};{b}", register(*entry));
        }
        let bands = indices.chunks(width * BAND).map(|rows| {
            let mut entries: Vec<u8> = (0..=255).filter(|entry| of(rows, *entry) > 0).collect();
            let commonest = *entries
                .iter()
                .max_by_key(|entry| (of(rows, **entry), 255 - **entry))
                .unwrap();
            entries.retain(|entry| *entry != commonest);
            entries.insert(0, commonest);
            let colours = entries.iter().map(|entry| {
                let mask = |x: usize| -> u8 {
                    let column = rows.chunks(width).map(|row| row[x]).enumerate();
                    let is_set = |dot: u8| dot == *entry || *entry == commonest;
                    column.map(|(y, dot)| u8::from(is_set(dot)) << y).sum()
                };
                let characters: Vec<u8> = (0..width).map(|x| b'?' + mask(x)).collect();
                let end = characters.iter().rposition(|c| *c != b'?').unwrap();
                let runs = characters[..=end].chunk_by(|a, b| a == b).map(|run| {
                    let character = char::from(run[0]);
                    match run.len() {
                        n @ 1..=3 => character.to_string().repeat(n),
                        n => format!("!{n}{character}"),
                    }
                });
                format!("#{}{}", register(*entry), runs.collect::<String>())
            });
            colours.collect::<Vec<_>>().join("$")
        });
        text + &bands.collect::<Vec<_>>().join("-") + "\x1b\\"
    }

    #[test]
    fn sixels_are_those_of_the_plain_way() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: u32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as u32 % below
        };
        let palette: Vec<[u8; 3]> = (0..=255).map(|n| [n, 255 - n, n / 2]).collect();
        let mut encoder = Encoder::default();
        for _ in 0..40 {
            let size = Size::new(1 + next(400), 1 + next(26));
            let (colours, longest) = (1 + next(256), 1 + next(40));
            let mut indices = Vec::new();
            while indices.len() < size.area() as usize {
                let run = 1 + next(longest) as usize;
                // Sometimes as the row above, so that columns are alike.
                match indices.len().checked_sub(size.width as usize) {
                    Some(above) if next(2) == 0 => {
                        indices.extend_from_within(above..(above + run).min(indices.len()));
                    }
                    _ => indices.extend(vec![next(colours) as u8; run]),
                }
            }
            indices.truncate(size.area() as usize);
            let mut out = Vec::new();
            encoder.encode(&indices, size, &palette, &mut out);
            let text = String::from_utf8(out).expect("sixels are ASCII");
            assert_eq!(text, plainly(&indices, size, &palette), "{size:?}");
        }
    }

    #[test]
    fn two_threads_draw_what_one_does() {
        let size = Size::new(640, 411);
        let indices: Vec<u8> = (0..size.area() as u32)
            .map(|n| ((n / 9).wrapping_mul(0x9e37_79b1) >> 26) as u8)
            .collect();
        assert!(indices.len() >= WORTH_A_THREAD);
        let palette: Vec<[u8; 3]> = (0..=255).map(|n| [n, 255 - n, n / 2]).collect();
        let mut out = Vec::new();
        Encoder::default().encode(&indices, size, &palette, &mut out);

        let mut expected = b"\x1bP0;1q\"1;1;640;411".to_vec();
        Encoder::default().encode_alone(&indices, 640, &palette, &mut expected);
        expected.extend_from_slice(b"\x1b\\");
        assert!(out == expected);
    }

    #[test]
    fn what_is_empty_or_too_short_is_nothing() {
        assert_eq!(encoded(&[], Size::new(0, 5)), "");
        assert_eq!(encoded(&[0; 5], Size::new(2, 3)), "");
    }
}
