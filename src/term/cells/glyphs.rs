//! Block characters and the dots they fill.
//!
//! A *pattern* has a bit for each dot of a cell, row by row from the upper left, the first in bit 0. That is how Unicode numbers
//! the dots in the names of its characters: BLOCK SEXTANT-235 fills dots 2, 3 and 5, bits 1, 2 and 4.
//!
//! Source: the Unicode character database, version 16, blocks 2580 (Block Elements), 1FB00 (Symbols for Legacy Computing) and
//! 1CC00 (its Supplement). Octants and sextants are in the order of their patterns, less those that older characters have.

use crate::term::Raster;

/// The four dots of a quarter cell each.
pub(super) const QUADRANTS: [char; 16] = [
    ' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█',
];

/// Two columns and three rows of dots.
pub(super) const SEXTANTS: [char; 64] = {
    const OLDER: [(usize, char); 4] = [
        (0, ' '),
        (0b01_01_01, '▌'),
        (0b10_10_10, '▐'),
        (0b11_11_11, '█'),
    ];
    in_order('\u{1fb00}', &OLDER)
};

/// Two columns and four rows of dots.
pub(super) const OCTANTS: [char; 256] = {
    let mut older = [(0, ' '); 26];
    let mut quadrant = 0;
    while quadrant < 16 {
        // Each dot of a quadrant is two of an octant, one above the other.
        let (upper, lower) = (quadrant & 0b11, quadrant >> 2);
        let pattern = (upper | upper << 2) | (lower | lower << 2) << 4;
        older[quadrant] = (pattern, QUADRANTS[quadrant]);
        quadrant += 1;
    }
    let mut quarter = 0;
    while quarter < QUARTERS.len() {
        older[16 + quarter] = QUARTERS[quarter];
        quarter += 1;
    }
    in_order('\u{1cd00}', &older)
};

/// Octants without OCTANT in their names, beside the quadrants.
const QUARTERS: [(usize, char); 10] = [
    // Left and right half upper one quarter block.
    (0b00_00_00_01, '\u{1cea8}'),
    (0b00_00_00_10, '\u{1ceab}'),
    // Left and right half lower one quarter block.
    (0b01_00_00_00, '\u{1cea3}'),
    (0b10_00_00_00, '\u{1cea0}'),
    // Middle left and middle right one quarter block.
    (0b00_01_01_00, '\u{1fbe6}'),
    (0b00_10_10_00, '\u{1fbe7}'),
    // Upper one and three quarters block.
    (0b00_00_00_11, '\u{1fb82}'),
    (0b00_11_11_11, '\u{1fb85}'),
    // Lower one and three quarters block.
    (0b11_00_00_00, '\u{2582}'),
    (0b11_11_11_00, '\u{2586}'),
];

/// The older characters at their patterns, and from `first` on one after the other at all others.
const fn in_order<const N: usize>(first: char, older: &[(usize, char)]) -> [char; N] {
    let mut glyphs = ['\0'; N];
    let mut at = 0;
    while at < older.len() {
        let (pattern, glyph) = older[at];
        glyphs[pattern] = glyph;
        at += 1;
    }
    let (mut next, mut pattern) = (first as u32, 0);
    while pattern < N {
        if glyphs[pattern] == '\0' {
            glyphs[pattern] = char::from_u32(next).expect("these blocks hold no surrogates");
            next += 1;
        }
        pattern += 1;
    }
    glyphs
}

/// The character of a raster that fills exactly the dots of a pattern; dots beyond the raster do not count. A blank for a
/// raster without characters of its own.
pub fn of_pattern(raster: Raster, pattern: u8) -> char {
    let pattern = usize::from(pattern);
    match raster {
        Raster::HALVES => [' ', '▀', '▄', '█'][pattern % 4],
        Raster::QUADRANTS => QUADRANTS[pattern % 16],
        Raster::SEXTANTS => SEXTANTS[pattern % 64],
        Raster::OCTANTS => OCTANTS[pattern],
        _ => ' ',
    }
}

/// The character that fills what `glyph` leaves free. `None` for one that fills nothing or all, for one that is no block, and
/// for the two lower quarters: their opposites are far younger than they are, and a terminal may lack them.
pub fn opposite(glyph: char) -> Option<char> {
    let opposite = OPPOSITES[slot(glyph)?];
    (opposite != '\0').then_some(opposite)
}

/// Where a character is in [`OPPOSITES`].
const fn slot(glyph: char) -> Option<usize> {
    Some(match glyph as usize {
        0x2582 | 0x2586 => return None,
        block @ 0x2580..=0x259f => block - 0x2580,
        sextant @ 0x1fb00..=0x1fb3b => sextant - 0x1fb00 + 0x20,
        quarter @ 0x1fb82..=0x1fb85 => quarter - 0x1fb82 + 0x5c,
        quarter @ 0x1fbe6..=0x1fbe7 => quarter - 0x1fbe6 + 0x60,
        octant @ 0x1cd00..=0x1cde5 => octant - 0x1cd00 + 0x62,
        quarter @ 0x1cea0..=0x1ceab => quarter - 0x1cea0 + 0x148,
        _ => return None,
    })
}

/// By [`slot`]; zero where a character has none.
const OPPOSITES: [char; 0x154] = {
    let mut opposites = ['\0'; 0x154];
    note_opposites(&OCTANTS, &mut opposites);
    note_opposites(&SEXTANTS, &mut opposites);
    opposites
};

const fn note_opposites(glyphs: &[char], opposites: &mut [char]) {
    let mut pattern = 1;
    while pattern < glyphs.len() - 1 {
        if let Some(at) = slot(glyphs[pattern]) {
            opposites[at] = glyphs[glyphs.len() - 1 - pattern];
        }
        pattern += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// A pattern by the digits of a character's name.
    fn named(digits: &str) -> usize {
        let digits = digits.bytes().map(|digit| usize::from(digit - b'1'));
        digits.fold(0, |pattern, bit| pattern | 1 << bit)
    }

    #[test]
    fn every_pattern_has_a_character_of_its_own() {
        for glyphs in [&QUADRANTS[..], &SEXTANTS, &OCTANTS] {
            let distinct: HashSet<char> = glyphs.iter().copied().collect();
            assert_eq!(distinct.len(), glyphs.len());
        }
        let octants = OCTANTS
            .iter()
            .filter(|glyph| ('\u{1cd00}'..='\u{1cde5}').contains(*glyph));
        assert_eq!(octants.count(), 230);
        let sextants = SEXTANTS
            .iter()
            .filter(|glyph| ('\u{1fb00}'..='\u{1fb3b}').contains(*glyph));
        assert_eq!(sextants.count(), 60);
    }

    #[test]
    fn sextants_fill_the_dots_of_their_names() {
        // From the names list of Unicode 16.
        for (glyph, digits) in [
            ('\u{1fb00}', "1"),
            ('\u{1fb01}', "2"),
            ('\u{1fb03}', "3"),
            ('\u{1fb06}', "123"),
            ('\u{1fb13}', "35"),
            ('\u{1fb14}', "235"),
            ('\u{1fb27}', "146"),
            ('\u{1fb28}', "1246"),
            ('\u{1fb3a}', "13456"),
            ('\u{1fb3b}', "23456"),
            ('▌', "135"),
            ('▐', "246"),
        ] {
            assert_eq!(SEXTANTS[named(digits)], glyph, "{digits}");
        }
    }

    #[test]
    fn octants_fill_the_dots_of_their_names() {
        for (glyph, digits) in [
            ('\u{1cd00}', "3"),
            ('\u{1cd01}', "23"),
            ('\u{1cd03}', "4"),
            ('\u{1cd08}', "234"),
            ('\u{1cd09}', "5"),
            ('\u{1cd0f}', "1235"),
            ('\u{1cd10}', "45"),
            ('\u{1cd17}', "12345"),
            ('\u{1cd18}', "6"),
            ('\u{1cd36}', "17"),
            ('\u{1cd70}', "1234567"),
            ('\u{1cd90}', "168"),
            ('\u{1cdab}', "1234568"),
            ('\u{1cdda}', "1234678"),
            ('\u{1cde5}', "2345678"),
            ('\u{1cea0}', "8"),
            ('\u{1fbe7}', "46"),
            ('▂', "78"),
            ('▀', "1234"),
            ('▌', "1357"),
            ('▞', "2457"),
        ] {
            assert_eq!(OCTANTS[named(digits)], glyph, "{digits}");
        }
    }

    #[test]
    fn the_opposite_fills_the_rest() {
        for glyphs in [&QUADRANTS[..], &SEXTANTS, &OCTANTS] {
            for (pattern, glyph) in glyphs.iter().enumerate() {
                let turns = !matches!(glyph, ' ' | '█' | '▂' | '▆');
                let rest = turns.then(|| glyphs[glyphs.len() - 1 - pattern]);
                assert_eq!(opposite(*glyph), rest, "{glyph}");
            }
        }
        for glyph in ['a', '░', '▁', '\u{1cde6}', '\u{1fb3c}', '\u{10ffff}'] {
            assert_eq!(opposite(glyph), None);
        }
    }
}
