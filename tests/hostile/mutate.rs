//! Seeded damage.

/// A reproducible source of numbers (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// How often to repeat: `rounds`, times `HOSTILE_ROUNDS` if that is set.
pub fn rounds(rounds: usize) -> usize {
    let factor = std::env::var("HOSTILE_ROUNDS").ok();
    rounds * factor.and_then(|f| f.parse().ok()).unwrap_or(1)
}

/// `bytes` with one to four of: a bit flipped, a byte replaced, a number replaced by one at the edge of something, a
/// piece removed, a piece repeated, the end cut off.
pub fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        let at = random.below(bytes.len());
        let len = random.below(16).min(bytes.len() - at);
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2..=4 => {
                let whole = bytes.len() as u32;
                let edges = [
                    0,
                    1,
                    2,
                    whole - 1,
                    whole,
                    0xffff,
                    0x7fff_ffff,
                    0x8000_0000,
                    u32::MAX,
                ];
                let edge = edges[random.below(edges.len())].to_le_bytes();
                let end = (at + [1, 2, 4][random.below(3)]).min(bytes.len());
                bytes[at..end].copy_from_slice(&edge[..end - at]);
            }
            5 => drop(bytes.drain(at..at + len)),
            6 => {
                let piece = bytes[at..at + len].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}
