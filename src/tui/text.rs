//! Text on its way to a terminal: what came from outside is made harmless, numbers are made short.

use ratatui::buffer::CellWidth;

use crate::inspect::is_acted_on;

/// Most marks upon one character.
const MOST_MARKS: usize = 8;

/// `text` without anything a terminal would act on: control characters and characters that turn the direction of
/// writing become spaces, and of a pile of marks upon a character the first eight are left.
///
/// Names and notices come from servers and guests; every one of them passes here before it reaches a terminal.
pub fn printable(text: &str) -> String {
    let mut marks = 0;
    let harmless = |c: char| {
        if is_acted_on(c) {
            marks = 0;
            return Some(' ');
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        (marks <= MOST_MARKS).then_some(c)
    };
    text.chars().filter_map(harmless).collect()
}

/// JSON in which nothing is left that a terminal would act on, besides the ends of its own lines: JSON escapes only the
/// controls of ASCII, and there are others.
pub fn printable_json(json: String) -> String {
    if json.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return json;
    }
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // Outside of strings JSON is ASCII. All of these are in the first plane.
        if c != '\n' && is_acted_on(c) {
            text += &format!("\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

fn is_mark(c: char) -> bool {
    // The first of them.
    c >= '\u{300}' && c.encode_utf8(&mut [0; 4]).cell_width() == 0
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
    fn a_pile_of_marks_is_cut_and_what_people_write_is_not() {
        let pile = format!("a{}b", "\u{301}".repeat(100));
        assert_eq!(printable(&pile), format!("a{}b", "\u{301}".repeat(8)));
        let words = "é e\u{301} שָׁלוֹם नमस्ते 👩\u{200d}👩\u{200d}👧\u{200d}👦";
        assert_eq!(printable(words), words);
    }

    #[test]
    fn json_means_the_same_without_what_a_terminal_acts_on() {
        let hostile = "a\u{9b}2J\u{7f}\u{202e}é\u{1b}\n";
        let json = serde_json::json!({ "name": hostile }).to_string();
        let text = printable_json(json);
        assert_eq!(text, r#"{"name":"a\u009b2J\u007f\u202eé\u001b\n"}"#);
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], hostile);
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
