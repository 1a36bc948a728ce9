//! Keys as a terminal sends them: those of xterm, which every guest's terminal database knows.

use super::terminal::Modes;
use crate::term::input::{Key, KeyCode, Modifiers};

/// The bytes of a key that went down; none for keys that send nothing, modifiers for one.
pub fn encode(key: &Key, modes: Modes) -> Vec<u8> {
    let held = |m| key.modifiers.contains(m);
    let plain = match key.code {
        KeyCode::Char(c) => return character(key, c),
        KeyCode::Enter => "\r",
        KeyCode::Tab if held(Modifiers::SHIFT) => "\x1b[Z",
        KeyCode::Tab => "\t",
        KeyCode::Backspace if held(Modifiers::CTRL) => "\x08",
        KeyCode::Backspace => "\x7f",
        KeyCode::Escape => "\x1b",
        code => return function(code, key.modifiers, modes),
    };
    with_alt(key, plain.into())
}

/// Text by the same way as keys: line ends are those of the Enter key.
pub fn text(text: &str) -> Vec<u8> {
    let text = text.replace("\r\n", "\r").replace('\n', "\r");
    text.into_bytes()
}

/// What a paste sends. Only text: a control character in it would act in the guest as if it had been typed.
pub fn paste(text: &str, modes: Modes) -> Vec<u8> {
    let is_text = |c: &char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    let clean: String = text.chars().filter(is_text).collect();
    let clean = self::text(&clean);
    match modes.marks_pastes {
        true => [b"\x1b[200~", &clean[..], b"\x1b[201~"].concat(),
        false => clean,
    }
}

fn character(key: &Key, c: char) -> Vec<u8> {
    let held = |m| key.modifiers.contains(m);
    if held(Modifiers::SUPER) || held(Modifiers::HYPER) || held(Modifiers::META) {
        return Vec::new();
    }
    if held(Modifiers::CTRL) {
        // By its place on the keyboard where the letter is none that has a control character.
        let code = control(c).or_else(|| control(key.base?));
        return code.map_or_else(Vec::new, |code| with_alt(key, vec![code]));
    }
    let text = key.text.as_deref().filter(|_| !held(Modifiers::ALT));
    if let Some(text) = text {
        return text
            .chars()
            .filter(|c| !c.is_control())
            .collect::<String>()
            .into_bytes();
    }
    let c = match key.shifted {
        Some(shifted) if held(Modifiers::SHIFT) => shifted,
        None if held(Modifiers::SHIFT) => c.to_ascii_uppercase(),
        _ => c,
    };
    with_alt(key, c.to_string().into_bytes())
}

/// The control character that Ctrl makes of a character.
fn control(c: char) -> Option<u8> {
    Some(match c.to_ascii_lowercase() {
        c @ 'a'..='z' => c as u8 & 0x1f,
        ' ' | '@' | '2' => 0x00,
        '[' | '{' | '3' => 0x1b,
        '\\' | '|' | '4' => 0x1c,
        ']' | '}' | '5' => 0x1d,
        '^' | '~' | '6' => 0x1e,
        '_' | '-' | '/' | '7' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    })
}

fn with_alt(key: &Key, mut bytes: Vec<u8>) -> Vec<u8> {
    if key.modifiers.contains(Modifiers::ALT) {
        bytes.insert(0, 0x1b);
    }
    bytes
}

fn function(code: KeyCode, modifiers: Modifiers, modes: Modes) -> Vec<u8> {
    let letter = match code {
        KeyCode::Up => 'A',
        KeyCode::Down => 'B',
        KeyCode::Right => 'C',
        KeyCode::Left => 'D',
        KeyCode::Begin => 'E',
        KeyCode::End => 'F',
        KeyCode::Home => 'H',
        KeyCode::F(1) => 'P',
        KeyCode::F(2) => 'Q',
        KeyCode::F(3) => 'R',
        KeyCode::F(4) => 'S',
        _ => return numbered(code, modifiers),
    };
    let is_function_key = matches!(code, KeyCode::F(_));
    match number_of(modifiers) {
        1 if is_function_key || modes.application_arrows => format!("\x1bO{letter}"),
        1 => format!("\x1b[{letter}"),
        number => format!("\x1b[1;{number}{letter}"),
    }
    .into_bytes()
}

fn numbered(code: KeyCode, modifiers: Modifiers) -> Vec<u8> {
    let key = match code {
        KeyCode::Insert => 2,
        KeyCode::Delete => 3,
        KeyCode::PageUp => 5,
        KeyCode::PageDown => 6,
        KeyCode::F(n @ 5..=20) => {
            const NUMBERS: [u8; 16] = [
                15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34,
            ];
            NUMBERS[usize::from(n) - 5]
        }
        _ => return Vec::new(),
    };
    match number_of(modifiers) {
        1 => format!("\x1b[{key}~"),
        number => format!("\x1b[{key};{number}~"),
    }
    .into_bytes()
}

/// Modifiers as xterm counts them, from 1.
fn number_of(modifiers: Modifiers) -> u8 {
    let of = |m, value| if modifiers.contains(m) { value } else { 0 };
    1 + of(Modifiers::SHIFT, 1) + of(Modifiers::ALT, 2) + of(Modifiers::CTRL, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: xterm's manual of control sequences, "PC-Style Function Keys".
    fn sent(code: KeyCode, modifiers: Modifiers) -> String {
        let bytes = encode(&Key::with(code, modifiers), Modes::default());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn characters_are_sent_as_they_are_with_ctrl_as_controls_and_with_alt_after_escape() {
        assert_eq!(sent(KeyCode::Char('ß'), Modifiers::NONE), "ß");
        assert_eq!(sent(KeyCode::Char('a'), Modifiers::SHIFT), "A");
        assert_eq!(sent(KeyCode::Char('c'), Modifiers::CTRL), "\x03");
        assert_eq!(sent(KeyCode::Char(' '), Modifiers::CTRL), "\0");
        assert_eq!(sent(KeyCode::Char('\\'), Modifiers::CTRL), "\x1c");
        assert_eq!(sent(KeyCode::Char('x'), Modifiers::ALT), "\x1bx");
        assert_eq!(
            sent(KeyCode::Char('c'), Modifiers::CTRL | Modifiers::ALT),
            "\x1b\x03"
        );
        assert_eq!(sent(KeyCode::Char('l'), Modifiers::SUPER), "");
    }

    #[test]
    fn the_text_of_a_key_counts_more_than_its_name() {
        let key = Key {
            text: Some("€".into()),
            ..Key::new(KeyCode::Char('e'))
        };
        assert_eq!(encode(&key, Modes::default()), "€".as_bytes());
        let key = Key {
            base: Some('c'),
            ..Key::with(KeyCode::Char('с'), Modifiers::CTRL)
        };
        assert_eq!(encode(&key, Modes::default()), b"\x03");
    }

    #[test]
    fn arrows_follow_the_mode_of_the_application_and_carry_modifiers() {
        assert_eq!(sent(KeyCode::Up, Modifiers::NONE), "\x1b[A");
        assert_eq!(sent(KeyCode::Left, Modifiers::CTRL), "\x1b[1;5D");
        assert_eq!(sent(KeyCode::Home, Modifiers::NONE), "\x1b[H");
        let modes = Modes {
            application_arrows: true,
            ..Modes::default()
        };
        assert_eq!(encode(&Key::new(KeyCode::Up), modes), b"\x1bOA");
        let shifted = Key::with(KeyCode::End, Modifiers::SHIFT | Modifiers::NUM_LOCK);
        assert_eq!(encode(&shifted, modes), b"\x1b[1;2F");
    }

    #[test]
    fn function_keys_and_those_of_the_middle_block_are_numbered_as_xterm_numbers_them() {
        assert_eq!(sent(KeyCode::F(1), Modifiers::NONE), "\x1bOP");
        assert_eq!(sent(KeyCode::F(4), Modifiers::SHIFT), "\x1b[1;2S");
        assert_eq!(sent(KeyCode::F(5), Modifiers::NONE), "\x1b[15~");
        assert_eq!(sent(KeyCode::F(10), Modifiers::NONE), "\x1b[21~");
        assert_eq!(sent(KeyCode::F(12), Modifiers::CTRL), "\x1b[24;5~");
        assert_eq!(sent(KeyCode::F(20), Modifiers::NONE), "\x1b[34~");
        assert_eq!(sent(KeyCode::F(21), Modifiers::NONE), "");
        assert_eq!(sent(KeyCode::Delete, Modifiers::NONE), "\x1b[3~");
        assert_eq!(sent(KeyCode::PageUp, Modifiers::NONE), "\x1b[5~");
        assert_eq!(sent(KeyCode::Tab, Modifiers::SHIFT), "\x1b[Z");
        assert_eq!(sent(KeyCode::Backspace, Modifiers::NONE), "\x7f");
        assert_eq!(sent(KeyCode::Enter, Modifiers::NONE), "\r");
        assert_eq!(sent(KeyCode::CapsLock, Modifiers::NONE), "");
    }

    #[test]
    fn a_paste_is_marked_where_the_guest_asked_for_it_and_cannot_end_its_mark() {
        let modes = Modes {
            marks_pastes: true,
            ..Modes::default()
        };
        let hostile = "one\r\ntwo\x1b[201~rm -rf /\n";
        assert_eq!(
            paste(hostile, modes),
            b"\x1b[200~one\rtwo[201~rm -rf /\r\x1b[201~"
        );
        assert_eq!(paste("a\tb\nc\x03", Modes::default()), b"a\tb\rc");
    }
}
