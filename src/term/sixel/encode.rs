//! Indices as sixels.
//!
//! A band is six rows. Its dots are sorted by colour, each column of a colour being one character, so that the work depends on
//! the dots and not on the colours. The commonest colour of a band is painted first, as one run under all others.

use crate::geometry::Size;

/// Rows of a band.
const BAND: usize = 6;

/// Writes pictures of indices, keeping its scratch memory.
#[derive(Default)]
pub struct Encoder {
    /// By entry: dots of the whole picture.
    counts: Vec<u32>,
    /// By entry: its register. Entries that are frequent have the numbers of fewest digits.
    registers: Vec<u16>,
    band: Band,
}

/// Columns of a band by colour.
#[derive(Default)]
struct Band {
    /// As they are found: from left to right.
    found: Vec<Strip>,
    /// The same by colour.
    sorted: Vec<Strip>,
    /// By entry: how many strips, then where the next one goes.
    ends: Vec<u32>,
    /// By entry: dots.
    dots: Vec<u32>,
}

/// The dots of one colour in one column, or in several beside each other that look the same.
#[derive(Clone, Copy, Default)]
struct Strip {
    x: u16,
    /// How many columns.
    times: u16,
    entry: u8,
    /// The uppermost dot is bit 0.
    mask: u8,
}

impl Encoder {
    /// Appends the image: `indices` are rows of entries of `palette` (red, green, blue), packed. Nothing for an empty one, or
    /// one wider than 65535.
    ///
    /// Dots are square, and those outside of the image stay as they are.
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
        self.define(indices, palette, out);
        for (at, band) in indices.chunks(width * BAND).enumerate() {
            if at > 0 {
                out.push(b'-');
            }
            self.band.sort(band, width);
            self.band.write(&self.registers, width, out);
        }
        out.extend_from_slice(b"\x1b\\");
    }

    /// Gives a register to each entry that is used.
    fn define(&mut self, indices: &[u8], palette: &[[u8; 3]], out: &mut Vec<u8>) {
        self.counts.clear();
        self.counts.resize(256, 0);
        // Four counters in turn, so that equal neighbours do not wait for each other.
        let mut lanes = [[0_u32; 256]; 4];
        let (four, rest) = indices.as_chunks::<4>();
        for dots in four {
            for (lane, dot) in lanes.iter_mut().zip(dots) {
                lane[usize::from(*dot)] += 1;
            }
        }
        rest.iter().for_each(|dot| lanes[0][usize::from(*dot)] += 1);
        for (at, count) in self.counts.iter_mut().enumerate() {
            *count = lanes.iter().map(|lane| lane[at]).sum();
        }
        let mut used: Vec<usize> = (0..256).filter(|at| self.counts[*at] > 0).collect();
        used.sort_by_key(|at| std::cmp::Reverse(self.counts[*at]));
        self.registers.clear();
        self.registers.resize(256, 0);
        for (register, entry) in (0..).zip(used) {
            self.registers[entry] = register;
            out.push(b'#');
            decimal(register.into(), out);
            out.extend_from_slice(b";2");
            for component in palette.get(entry).copied().unwrap_or_default() {
                out.push(b';');
                decimal(percent(component), out);
            }
        }
    }
}

impl Band {
    /// Sorts up to six rows by colour.
    fn sort(&mut self, rows: &[u8], width: usize) {
        self.found.clear();
        self.ends.clear();
        self.ends.resize(257, 0);
        self.dots.clear();
        self.dots.resize(256, 0);
        let high = rows.len() / width;
        let all = (1_u8 << high) - 1;
        let mut x = 0;
        while x < width {
            let wide = (width - x).min(8);
            // Eight columns at a time; missing rows are like the first.
            let mut eight = [load(&rows[x..x + wide]); BAND];
            for (row, dots) in eight.iter_mut().zip(rows.chunks_exact(width)).skip(1) {
                *row = load(&dots[x..x + wide]);
            }
            let first = eight[0] as u8;
            let flat = splat(first) & (u64::MAX >> (64 - 8 * wide));
            if eight.iter().all(|row| *row == flat) {
                self.add(x, wide, first, all);
            } else {
                for at in 0..wide {
                    self.add_column(x + at, eight.map(|row| (row >> (8 * at)) as u8), all);
                }
            }
            x += wide;
        }
        let mut end = 0;
        for count in &mut self.ends {
            (*count, end) = (end, end + *count);
        }
        self.sorted.clear();
        self.sorted.resize(self.found.len(), Strip::default());
        for strip in &self.found {
            let place = &mut self.ends[usize::from(strip.entry)];
            self.sorted[*place as usize] = *strip;
            *place += 1;
        }
    }

    /// Adds a column of dots, those of `left`.
    #[inline]
    fn add_column(&mut self, x: usize, column: [u8; BAND], mut left: u8) {
        let [a, b, c, d, e, f] = column;
        let dots = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        while left != 0 {
            let entry = (dots >> (8 * left.trailing_zeros())) as u8;
            let mask = equal(dots, entry) & left;
            left &= !mask;
            self.add(x, 1, entry, mask);
        }
    }

    #[inline]
    fn add(&mut self, x: usize, times: usize, entry: u8, mask: u8) {
        // Neither is more than the width of an image, which fits.
        let (x, times) = (x as u16, times as u16);
        self.found.push(Strip {
            x,
            times,
            entry,
            mask,
        });
        self.ends[usize::from(entry)] += 1;
        self.dots[usize::from(entry)] += mask.count_ones() * u32::from(times);
    }

    fn write(&self, registers: &[u16], width: usize, out: &mut Vec<u8>) {
        let commonest = (0..256)
            .max_by_key(|at| (self.dots[*at], 256 - *at))
            .unwrap_or(0);
        let all: u32 = self.dots.iter().sum();
        let high = all as usize / width;
        let mut runs = Runs::new(out);
        runs.select(registers[commonest]);
        runs.push((1 << high) - 1, width);
        runs.end_colour();
        let mut start = 0;
        for ((entry, register), end) in registers.iter().enumerate().zip(&self.ends) {
            let strips = &self.sorted[start..*end as usize];
            start = *end as usize;
            if strips.is_empty() || entry == commonest {
                continue;
            }
            runs.out.push(b'$');
            runs.select(*register);
            let mut next = 0;
            for strip in strips {
                let x = usize::from(strip.x);
                let times = usize::from(strip.times);
                runs.push(0, x - next);
                runs.push(strip.mask, times);
                next = x + times;
            }
            runs.end_colour();
        }
    }
}

/// Up to eight bytes, the first one lowest.
#[inline]
fn load(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

fn splat(byte: u8) -> u64 {
    u64::from(byte) * 0x0101_0101_0101_0101
}

/// A bit for each byte that is the same.
#[inline]
fn equal(bytes: u64, byte: u8) -> u8 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differ = bytes ^ splat(byte);
    // The top bit of each byte that is not 0, without a carry into the next.
    let any = ((differ & LOW) + LOW) | differ;
    // Moves bit 8n to bit 56 + n.
    ((!any >> 7 & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// Run lengths.
struct Runs<'a> {
    out: &'a mut Vec<u8>,
    mask: u8,
    times: usize,
}

impl<'a> Runs<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            mask: 0,
            times: 0,
        }
    }

    fn select(&mut self, register: u16) {
        self.out.push(b'#');
        decimal(register.into(), self.out);
    }

    #[inline]
    fn push(&mut self, mask: u8, times: usize) {
        if mask == self.mask {
            self.times += times;
        } else if times > 0 {
            self.flush();
            (self.mask, self.times) = (mask, times);
        }
    }

    /// Writes the last run, unless it paints nothing.
    fn end_colour(&mut self) {
        if self.mask != 0 {
            self.flush();
        }
        (self.mask, self.times) = (0, 0);
    }

    #[inline]
    fn flush(&mut self) {
        let character = b'?' + self.mask;
        match self.times {
            0 => {}
            1 => self.out.push(character),
            2 => self.out.extend_from_slice(&[character; 2]),
            3 => self.out.extend_from_slice(&[character; 3]),
            times => {
                self.out.push(b'!');
                decimal(times as u32, self.out);
                self.out.push(character);
            }
        }
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

    /// Two rows are bits 1 and 2: `B`. The second band of eight rows has two.
    #[test]
    fn a_last_band_of_two_rows_paints_two_rows() {
        assert_eq!(
            encoded(&[2; 24], Size::new(3, 8)),
            "\x1bP0;1q\"1;1;3;8#0;2;100;0;50#0~~~-#0BBB\x1b\\"
        );
    }

    #[test]
    fn equal_bytes_are_found_whatever_is_beside_them() {
        let bytes = [7, 8, 7, 0, 0x87, 7, 0xff, 6];
        let expected = [(7, 0b0010_0101), (0, 0b1000), (0x87, 0b1_0000), (9, 0)];
        for (byte, mask) in expected {
            assert_eq!(equal(u64::from_le_bytes(bytes), byte), mask);
        }
    }

    #[test]
    fn what_is_empty_or_too_short_is_nothing() {
        assert_eq!(encoded(&[], Size::new(0, 5)), "");
        assert_eq!(encoded(&[0; 5], Size::new(2, 3)), "");
    }
}
