//! The diacritics that number rows and columns of placeholders.
//!
//! The protocol numbers them in the order of their code points: the combining marks of class 230 without a decomposition in
//! Unicode 6.0, less those that may fuse with the letter before them.

/// First and last of each run, ascending.
const RUNS: &[(u32, u32)] = &[
    (0x0305, 0x0305),
    (0x030d, 0x030e),
    (0x0310, 0x0310),
    (0x0312, 0x0312),
    (0x033d, 0x033f),
    (0x0346, 0x0346),
    (0x034a, 0x034c),
    (0x0350, 0x0352),
    (0x0357, 0x0357),
    (0x035b, 0x035b),
    (0x0363, 0x036f),
    (0x0483, 0x0487),
    (0x0592, 0x0595),
    (0x0597, 0x0599),
    (0x059c, 0x05a1),
    (0x05a8, 0x05a9),
    (0x05ab, 0x05ac),
    (0x05af, 0x05af),
    (0x05c4, 0x05c4),
    (0x0610, 0x0617),
    (0x0657, 0x065b),
    (0x065d, 0x065e),
    (0x06d6, 0x06dc),
    (0x06df, 0x06e2),
    (0x06e4, 0x06e4),
    (0x06e7, 0x06e8),
    (0x06eb, 0x06ec),
    (0x0730, 0x0730),
    (0x0732, 0x0733),
    (0x0735, 0x0736),
    (0x073a, 0x073a),
    (0x073d, 0x073d),
    (0x073f, 0x0741),
    (0x0743, 0x0743),
    (0x0745, 0x0745),
    (0x0747, 0x0747),
    (0x0749, 0x074a),
    (0x07eb, 0x07f1),
    (0x07f3, 0x07f3),
    (0x0816, 0x0819),
    (0x081b, 0x0823),
    (0x0825, 0x0827),
    (0x0829, 0x082d),
    (0x0951, 0x0951),
    (0x0953, 0x0954),
    (0x0f82, 0x0f83),
    (0x0f86, 0x0f87),
    (0x135d, 0x135f),
    (0x17dd, 0x17dd),
    (0x193a, 0x193a),
    (0x1a17, 0x1a17),
    (0x1a75, 0x1a7c),
    (0x1b6b, 0x1b6b),
    (0x1b6d, 0x1b73),
    (0x1cd0, 0x1cd2),
    (0x1cda, 0x1cdb),
    (0x1ce0, 0x1ce0),
    (0x1dc0, 0x1dc1),
    (0x1dc3, 0x1dc9),
    (0x1dcb, 0x1dcc),
    (0x1dd1, 0x1de6),
    (0x1dfe, 0x1dfe),
    (0x20d0, 0x20d1),
    (0x20d4, 0x20d7),
    (0x20db, 0x20dc),
    (0x20e1, 0x20e1),
    (0x20e7, 0x20e7),
    (0x20e9, 0x20e9),
    (0x20f0, 0x20f0),
    (0x2cef, 0x2cf1),
    (0x2de0, 0x2dff),
    (0xa66f, 0xa66f),
    (0xa67c, 0xa67d),
    (0xa6f0, 0xa6f1),
    (0xa8e0, 0xa8f1),
    (0xaab0, 0xaab0),
    (0xaab2, 0xaab3),
    (0xaab7, 0xaab8),
    (0xaabe, 0xaabf),
    (0xaac1, 0xaac1),
    (0xfe20, 0xfe26),
    (0x10a0f, 0x10a0f),
    (0x10a38, 0x10a38),
    (0x1d185, 0x1d189),
    (0x1d1aa, 0x1d1ad),
    (0x1d242, 0x1d244),
];

/// How many there are.
pub(super) const COUNT: usize = 297;

/// By number: the diacritic for it.
static TABLE: [char; COUNT] = {
    let mut table = ['\0'; COUNT];
    let (mut run, mut at) = (0, 0);
    while run < RUNS.len() {
        let (mut point, last) = RUNS[run];
        while point <= last {
            table[at] = match char::from_u32(point) {
                Some(mark) => mark,
                None => panic!("no surrogates are in the runs"),
            };
            point += 1;
            at += 1;
        }
        run += 1;
    }
    assert!(at == COUNT);
    table
};

/// The diacritic for a number; the last one for those beyond it.
pub(super) fn diacritic(number: u32) -> char {
    TABLE[(number as usize).min(COUNT - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers and marks as the protocol's description has them: the first eight, one in the middle, the last.
    #[test]
    fn the_protocol_agrees_about_some() {
        let known = [
            (0, '\u{305}'),
            (1, '\u{30d}'),
            (2, '\u{30e}'),
            (3, '\u{310}'),
            (4, '\u{312}'),
            (5, '\u{33d}'),
            (6, '\u{33e}'),
            (7, '\u{33f}'),
            (296, '\u{1d244}'),
        ];
        for (number, mark) in known {
            assert_eq!(diacritic(number), mark);
        }
    }

    #[test]
    fn they_ascend_and_none_is_a_mark_that_fuses() {
        assert!(TABLE.is_sorted_by(|a, b| a < b));
        let fusing = [
            0x300, 0x301, 0x302, 0x303, 0x304, 0x306, 0x307, 0x308, 0x309, 0x30a, 0x30b, 0x30c,
            0x30f, 0x311, 0x313, 0x314, 0x342, 0x653, 0x654,
        ];
        assert!(TABLE.iter().all(|mark| !fusing.contains(&u32::from(*mark))));
    }
}
