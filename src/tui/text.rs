//! Text on its way to a terminal: what came from outside is made harmless, numbers are made short.

/// `text` without anything a terminal would act on: control characters and characters that turn the direction of
/// writing become spaces.
///
/// Names and notices come from servers and guests; every one of them passes here before it reaches a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_direction(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// Whether a character turns the direction of writing, or ends a line.
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A count in at most four characters and a unit, in steps of 1000: `999`, `1.2k`, `34M`.
pub fn short(n: u64) -> String {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let mut unit = 0;
    // In tenths, rounded down, so that 999 999 is `999k` and not `1000k`.
    let mut tenths = u128::from(n) * 10;
    while tenths >= 10_000 {
        tenths /= 1000;
        unit += 1;
    }
    match tenths {
        _ if unit == 0 => n.to_string(),
        0..100 => format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{}{}", tenths / 10, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_what_makes_them_work() {
        assert_eq!(
            printable("a\x1b]52;c;AAAA\x07b\u{9b}1m\u{202e}c"),
            "a ]52;c;AAAA b 1m c"
        );
        assert_eq!(printable("Müller's 桌面"), "Müller's 桌面");
    }

    #[test]
    fn counts_fit_five_columns() {
        assert_eq!(short(0), "0");
        assert_eq!(short(999), "999");
        assert_eq!(short(1_250), "1.2k");
        assert_eq!(short(999_999), "999k");
        assert_eq!(short(12_345_678), "12M");
        assert_eq!(short(u64::MAX), "18E");
    }
}
