//! The US layout.

use super::Stroke;

/// Keys whose codes follow each other: the first code, the characters without Shift, and those with it.
const ROWS: [(u32, &str, &str); 4] = [
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
];

/// The stroke that makes `c` on a US keyboard, if one does. Line ends are Enter.
pub fn us(c: char) -> Option<Stroke> {
    let key = match c {
        ' ' => 0x39,
        '\n' | '\r' => 0x1c,
        '\t' => 0x0f,
        _ => return ROWS.iter().find_map(|row| in_row(row, c)),
    };
    Some(Stroke { key, shift: false })
}

fn in_row((first, plain, shifted): &(u32, &str, &str), c: char) -> Option<Stroke> {
    let column = |keys: &str| keys.chars().position(|k| k == c);
    let (column, shift) = match column(plain) {
        Some(column) => (column, false),
        None => (column(shifted)?, true),
    };
    Some(Stroke {
        key: first + column as u32,
        shift,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(key: u32, shift: bool) -> Option<Stroke> {
        Some(Stroke { key, shift })
    }

    #[test]
    fn corner_keys_of_each_row_have_their_set_1_codes() {
        assert_eq!(us('1'), stroke(0x02, false));
        assert_eq!(us('='), stroke(0x0d, false));
        assert_eq!(us('q'), stroke(0x10, false));
        assert_eq!(us('}'), stroke(0x1b, true));
        assert_eq!(us('A'), stroke(0x1e, true));
        assert_eq!(us('"'), stroke(0x28, true));
        assert_eq!(us('~'), stroke(0x29, true));
        assert_eq!(us('|'), stroke(0x2b, true));
        assert_eq!(us('/'), stroke(0x35, false));
        assert_eq!(us('\n'), stroke(0x1c, false));
    }

    #[test]
    fn every_printable_ascii_character_is_on_the_keyboard() {
        assert!((' '..='~').all(|c| us(c).is_some()));
        assert_eq!(us('é'), None);
    }
}
