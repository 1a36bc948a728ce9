//! A text that is typed: scan codes of a US keyboard in, lines out.

/// Most characters that are kept; the first ones go.
const MOST: usize = 4000;

/// Spaces of a tab.
const TAB: &str = "    ";

/// Characters of the keys from make code 0x02 on, without and with shift. A space stands for keys without a character.
const KEYS: (&[u8], &[u8]) = (
    b"1234567890-=  qwertyuiop[]  asdfghjkl;'` \\zxcvbnm,./ * ",
    b"!@#$%^&*()_+  QWERTYUIOP{}  ASDFGHJKL:\"~ |ZXCVBNM<>? * ",
);

/// Characters of the numeric pad from make code 0x47 on.
const PAD: &[u8; 13] = b"789-456+1230.";

const BACKSPACE: u32 = 0x0e;
const TAB_KEY: u32 = 0x0f;
const ENTER: u32 = 0x1c;
const PAD_ENTER: u32 = 0xe01c;
const PAD_SLASH: u32 = 0xe035;
const CONTROL: [u32; 2] = [0x1d, 0xe01d];
const SHIFT: [u32; 2] = [0x2a, 0x36];
const SPACE: u32 = 0x39;
const CAPS: u32 = 0x3a;
const KEY_L: u32 = 0x26;

/// A text and the state of the keyboard it is typed on.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    text: String,
    /// Modifiers that are down, by make code. INVARIANT: of `SHIFT` and `CONTROL` only.
    held: Vec<u32>,
    caps: bool,
}

impl Notes {
    /// What has been typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A key goes down. Ctrl+L clears; other keys with control do nothing.
    pub fn key_down(&mut self, code: u32) {
        match code {
            _ if SHIFT.contains(&code) || CONTROL.contains(&code) => {
                self.held.retain(|held| *held != code);
                self.held.push(code);
            }
            CAPS => self.caps = !self.caps,
            KEY_L if self.holds(CONTROL) => self.text.clear(),
            _ if self.holds(CONTROL) => {}
            BACKSPACE => drop(self.text.pop()),
            TAB_KEY => self.text.push_str(TAB),
            ENTER | PAD_ENTER => self.text.push('\n'),
            _ => self.text.extend(self.character(code)),
        }
        while self.text.len() > MOST {
            self.text.remove(0);
        }
    }

    /// A key goes up.
    pub fn key_up(&mut self, code: u32) {
        self.held.retain(|held| *held != code);
    }

    /// The last `rows` lines of at most `columns` characters, the caret behind the last one.
    pub fn lines(&self, columns: usize, rows: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.text.split('\n') {
            let characters: Vec<char> = line.chars().collect();
            // A full line is followed by another one, so that there is always room for the caret.
            let whole = characters.len() / columns.max(1) + 1;
            let cut = |i: usize| characters.iter().skip(i * columns).take(columns).collect();
            lines.extend((0..whole).map(cut));
        }
        lines.split_off(lines.len().saturating_sub(rows))
    }

    fn holds(&self, either: [u32; 2]) -> bool {
        self.held.iter().any(|held| either.contains(held))
    }

    fn character(&self, code: u32) -> Option<char> {
        if code == SPACE {
            return Some(' ');
        }
        if code == PAD_SLASH {
            return Some('/');
        }
        let pad = code.checked_sub(0x47).and_then(|i| PAD.get(i as usize));
        if let Some(character) = pad {
            return Some(char::from(*character));
        }
        let index = code.checked_sub(0x02)? as usize;
        let plain = char::from(*KEYS.0.get(index)?);
        // Caps lock turns shift around for letters.
        let shift = self.holds(SHIFT) != (self.caps && plain.is_ascii_alphabetic());
        let keys = if shift { KEYS.1 } else { KEYS.0 };
        let character = char::from(*keys.get(index)?);
        (character != ' ').then_some(character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::inputs::scancode::make_code;

    fn typed(keys: &[&str]) -> Notes {
        let mut notes = Notes::default();
        for key in keys {
            match key.strip_prefix('-') {
                Some(up) => notes.key_up(make_code(up).unwrap()),
                None => notes.key_down(make_code(key).unwrap()),
            }
        }
        notes
    }

    #[test]
    fn a_us_keyboard_types_what_is_printed_on_its_keys() {
        let rows = [
            ("Backquote Digit1 Digit0 Minus Equal", "`10-="),
            ("KeyQ KeyP BracketLeft BracketRight Backslash", "qp[]\\"),
            ("KeyA KeyL Semicolon Quote", "al;'"),
            ("KeyZ KeyM Comma Period Slash Space", "zm,./ "),
            (
                "Numpad7 NumpadAdd Numpad0 NumpadDecimal NumpadMultiply NumpadDivide",
                "7+0.*/",
            ),
            ("F1 Escape AltLeft ArrowLeft MetaLeft", ""),
        ];
        for (keys, text) in rows {
            let keys: Vec<&str> = keys.split(' ').collect();
            assert_eq!(typed(&keys).text(), text);
        }
    }

    #[test]
    fn shift_and_caps_lock_choose_the_other_half() {
        let shifted = typed(&["ShiftLeft", "KeyA", "Digit2", "Quote", "-ShiftLeft", "KeyA"]);
        assert_eq!(shifted.text(), "A@\"a");
        let caps = typed(&["CapsLock", "KeyA", "Digit2", "ShiftRight", "KeyA", "Digit2"]);
        assert_eq!(caps.text(), "A2a@");
    }

    #[test]
    fn enter_backspace_and_control_edit() {
        assert_eq!(
            typed(&["KeyA", "KeyB", "Backspace", "Enter", "KeyC"]).text(),
            "a\nc"
        );
        assert_eq!(typed(&["Backspace"]).text(), "");
        assert_eq!(typed(&["KeyA", "ControlLeft", "KeyB", "KeyL"]).text(), "");
    }

    #[test]
    fn long_lines_wrap_and_only_the_last_ones_are_shown() {
        let notes = Notes {
            text: "abcdef\nxy".into(),
            ..Notes::default()
        };
        assert_eq!(notes.lines(3, 9), ["abc", "def", "", "xy"]);
        assert_eq!(notes.lines(3, 2), ["", "xy"]);
    }
}
