//! What programs ask of a terminal, and the modes its keyboard has to know, found in what the guest writes.
//!
//! The model of the screen takes in what is drawn and nothing else; this listens beside it. Strings (titles, clipboards, pictures)
//! are passed over, whatever is in them.

/// Longest sequence that can mean something here; longer ones are passed over.
const LONGEST: usize = 16;

/// Something that is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The bell.
    Bell,
    /// DA1, `CSI c`: which terminal is this?
    WhichTerminal,
    /// DSR 5, `CSI 5 n`: is it well?
    IsWell,
    /// DSR 6, `CSI 6 n`: where is the cursor? Programs on serial lines find the size with it.
    WhereIsCursor,
    /// `CSI 18 t`: how many rows and columns?
    HowLarge,
    /// DECSET and DECRST 2004: whether pastes are to be marked as such.
    MarkPastes(bool),
    /// RIS, `ESC c`: everything as it was when it was switched on.
    Reset,
}

/// Listens to one stream of characters.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    state: State,
    /// The control sequence so far. INVARIANT: at most [`LONGEST`] bytes.
    sequence: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// After an escape and an intermediate; one more ends it.
    Escaped,
    /// In a control sequence.
    Control,
    /// In one that is too long to mean something here.
    Ignored,
    /// In a string, which ends with ST.
    Text,
    /// In an OSC, which may also end with BEL.
    Command,
}

impl Ear {
    /// Takes in one character; what it completes.
    pub fn hear(&mut self, c: char) -> Option<Heard> {
        // Most of what guests write.
        if self.state == State::Ground && (' '..='~').contains(&c) {
            return None;
        }
        let in_string = matches!(self.state, State::Text | State::Command);
        match c {
            '\x1b' => self.state = State::Escape,
            // CAN and SUB give a sequence up, ST ends a string.
            '\x18' | '\x1a' | '\u{9c}' => self.state = State::Ground,
            '\x07' if self.state == State::Command => self.state = State::Ground,
            '\x07' if !in_string => return Some(Heard::Bell),
            _ if in_string => {}
            '\u{9b}' => self.begin_control(),
            '\u{9d}' => self.state = State::Command,
            '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => self.state = State::Text,
            // Other controls act in the midst of a sequence.
            c if c.is_control() => {}
            c => return self.go_on(c),
        }
        None
    }

    fn begin_control(&mut self) {
        self.state = State::Control;
        self.sequence.clear();
    }

    fn go_on(&mut self, c: char) -> Option<Heard> {
        match (self.state, c) {
            (State::Escape, '[') => self.begin_control(),
            (State::Escape, ']') => self.state = State::Command,
            (State::Escape, 'P' | 'X' | '^' | '_') => self.state = State::Text,
            (State::Escape | State::Escaped, ' '..='/') => self.state = State::Escaped,
            (State::Escape, 'c') => {
                self.state = State::Ground;
                return Some(Heard::Reset);
            }
            (State::Escape | State::Escaped, _) => self.state = State::Ground,
            (State::Ignored, '@'..='~') => self.state = State::Ground,
            (State::Control, '@'..='~') => {
                self.state = State::Ground;
                return self.control(c);
            }
            (State::Control, c) if c.is_ascii() && self.sequence.len() < LONGEST => {
                self.sequence.push(c as u8);
            }
            (State::Control, _) => self.state = State::Ignored,
            _ => {}
        }
        None
    }

    fn control(&self, end: char) -> Option<Heard> {
        Some(match (&self.sequence[..], end) {
            (b"" | b"0", 'c') => Heard::WhichTerminal,
            (b"5", 'n') => Heard::IsWell,
            (b"6", 'n') => Heard::WhereIsCursor,
            (b"18", 't') => Heard::HowLarge,
            ([b'?', modes @ ..], 'h' | 'l') if has(modes, b"2004") => Heard::MarkPastes(end == 'h'),
            _ => return None,
        })
    }
}

/// Whether a mode is in a list of them.
fn has(modes: &[u8], mode: &[u8]) -> bool {
    modes.split(|byte| *byte == b';').any(|one| one == mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Vec<Heard> {
        let mut ear = Ear::default();
        text.chars().filter_map(|c| ear.hear(c)).collect()
    }

    #[test]
    fn questions_are_heard_between_text_and_other_sequences() {
        assert_eq!(
            heard("login: \x1b[6n\x1b[1;31mred\x1b[0m\x1b[c\x1b[5n\x1b[18t\x07\u{9b}c"),
            [
                Heard::WhereIsCursor,
                Heard::WhichTerminal,
                Heard::IsWell,
                Heard::HowLarge,
                Heard::Bell,
                Heard::WhichTerminal
            ]
        );
    }

    #[test]
    fn a_mode_is_found_among_others() {
        assert_eq!(
            heard("\x1b[?1;2004h\x1b[?2004l\x1bc"),
            [
                Heard::MarkPastes(true),
                Heard::MarkPastes(false),
                Heard::Reset
            ]
        );
        assert_eq!(heard("\x1b[2004h\x1b[?12004h\x1b[>c\x1b[=c\x1b[?6n"), []);
    }

    #[test]
    fn strings_are_passed_over_whatever_is_in_them() {
        assert_eq!(heard("\x1b]0;[6n\x07\x1b]52;c;[c\x1b\\"), []);
        assert_eq!(heard("\x1bPq[6n\x07[c\x1b\\\x1b_Ga=q[5n\x1b\\"), []);
        // A charset, not a question.
        assert_eq!(heard("\x1b(0c\x1b(B"), []);
    }

    #[test]
    fn a_sequence_that_is_too_long_means_nothing() {
        let long = format!("\x1b[{}6n", "0".repeat(100));
        assert_eq!(heard(&long), []);
        assert_eq!(heard("\x1b[6\x18n\x1b[5n"), [Heard::IsWell]);
    }
}
