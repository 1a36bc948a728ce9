//! Keys held together, as a person writes them.
//!
//! ```text
//! chord = keys | "hold:" keys ":" time
//! keys  = key *( "+" key )            all but the last are held while the last is pressed
//! key   = character | name            a character by the layout, a name by the key
//! time  = number ( "ms" | "s" )
//! ```
//!
//! `alt+0176` presses the digits of the keypad one after the other while Alt is held, as Windows takes characters.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::layout::Layout;
use super::names;
use super::near::nearest;
use super::numpad::typed_code;
use super::{ALT, ALT_GR, SHIFT};

/// A key of a chord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// By its make code.
    Code(u32),
    /// By the character it makes; the guest's layout decides which key that is.
    Char(char),
}

/// Keys held together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chord {
    /// Go down in this order, and up in the opposite one.
    held: Vec<Key>,
    /// Go down and up, one after the other, while the others are held.
    tapped: Vec<Key>,
    /// How long the others are held, where that was said.
    lasting: Option<Duration>,
}

/// A chord on a layout, by make codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingers {
    /// Go down in this order, and up in the opposite one.
    pub held: Vec<u32>,
    /// Go down and up, one after the other, while the others are held.
    pub tapped: Vec<u32>,
    /// How long the others are held, where that was said.
    pub lasting: Option<Duration>,
}

/// Longest time a key is held.
const LONGEST: Duration = Duration::from_secs(3600);
/// Most keys of a chord; nobody has as many fingers.
const MOST: usize = 10;
/// What Print Screen sends while Alt is held, and Pause while Control is.
const SYS_RQ: u32 = 0x54;
const BREAK: u32 = 0xe046;
const PRINT: u32 = 0xe037;
const PAUSE: u32 = 0xe11d45;
const CTRLS: [u32; 2] = [0x1d, 0xe01d];

impl Chord {
    /// A key by itself.
    pub fn of(key: Key) -> Self {
        Self {
            held: Vec::new(),
            tapped: vec![key],
            lasting: None,
        }
    }

    /// The keys to press on a layout. Print Screen with Alt is SysRq, Pause with Control is Break, as on real keyboards.
    ///
    /// # Errors
    ///
    /// The character that no single key makes there.
    pub fn on(&self, layout: &Layout) -> Result<Fingers, char> {
        let mut held = Vec::new();
        let mut tapped = Vec::new();
        for key in &self.held {
            let code = find(*key, layout, &mut held)?;
            let code = as_sent(code, &held);
            held.push(code);
        }
        for key in &self.tapped {
            let code = find(*key, layout, &mut held)?;
            tapped.push(as_sent(code, &held));
        }
        Ok(Fingers {
            held,
            tapped,
            lasting: self.lasting,
        })
    }
}

/// The code of a key; Shift and AltGr join what is held where a character needs them.
fn find(key: Key, layout: &Layout, held: &mut Vec<u32>) -> Result<u32, char> {
    match key {
        Key::Code(code) => Ok(code),
        Key::Char(c) => {
            let stroke = layout.chord_stroke(c).ok_or(c)?;
            for (wanted, modifier) in [(stroke.shift, SHIFT), (stroke.alt_gr, ALT_GR)] {
                if wanted && !held.contains(&modifier) {
                    held.push(modifier);
                }
            }
            Ok(stroke.key)
        }
    }
}

fn as_sent(code: u32, held: &[u32]) -> u32 {
    match code {
        PRINT if held.contains(&ALT) || held.contains(&ALT_GR) => SYS_RQ,
        PAUSE if CTRLS.iter().any(|ctrl| held.contains(ctrl)) => BREAK,
        code => code,
    }
}

/// Why something is no chord.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChordError {
    /// Nothing was written, or nothing beside a `+`.
    Empty,
    /// No key has this name.
    UnknownKey {
        /// The name.
        name: String,
        /// Names that are nearly that.
        near: Vec<&'static str>,
    },
    /// More keys than there are fingers.
    TooMany,
    /// A `hold:` without keys and a time.
    Hold,
    /// A time that is none, or too long.
    Time(String),
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let text = text.trim();
        let hold = text
            .get(..5)
            .filter(|word| word.eq_ignore_ascii_case("hold:"));
        if hold.is_some() {
            let (keys, lasting) = text[5..].rsplit_once(':').ok_or(ChordError::Hold)?;
            if keys.is_empty() {
                return Err(ChordError::Hold);
            }
            let keys = split(keys)?.into_iter().map(key);
            return Ok(Self {
                held: keys.collect::<Result<_, _>>()?,
                tapped: Vec::new(),
                lasting: Some(time(lasting)?),
            });
        }
        let names = split(text)?;
        let (last, others) = names.split_last().ok_or(ChordError::Empty)?;
        let held: Vec<Key> = others
            .iter()
            .map(|name| key(name))
            .collect::<Result<_, _>>()?;
        let tapped = match typed_code(last) {
            Some(digits) if held == [Key::Code(ALT)] && (2..=5).contains(&digits.len()) => {
                digits.into_iter().map(Key::Code).collect()
            }
            _ => vec![key(last)?],
        };
        Ok(Self {
            held,
            tapped,
            lasting: None,
        })
    }
}

/// The names between the plus signs; a plus sign where a name should be is the key.
fn split(text: &str) -> Result<Vec<&str>, ChordError> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let mut characters = rest.chars();
        let first = characters.next().ok_or(ChordError::Empty)?;
        let end = match characters.as_str().find('+') {
            Some(at) => first.len_utf8() + at,
            None => rest.len(),
        };
        let (name, after) = rest.split_at(end);
        names.push(name);
        if names.len() > MOST {
            return Err(ChordError::TooMany);
        }
        match after.strip_prefix('+') {
            Some(after) => rest = after,
            None => return Ok(names),
        }
    }
}

fn key(name: &str) -> Result<Key, ChordError> {
    let mut characters = name.chars();
    if let (Some(c), None) = (characters.next(), characters.next()) {
        return match c {
            ' ' => Ok(Key::Code(0x39)),
            c if !c.is_control() => Ok(Key::Char(c)),
            _ => Err(ChordError::Empty),
        };
    }
    let code = names::code(name).map(Key::Code);
    code.or_else(|| names::character(name).map(Key::Char))
        .ok_or_else(|| ChordError::UnknownKey {
            name: name.chars().take(40).collect(),
            near: nearest(&names::normal(name), names::known()),
        })
}

fn time(text: &str) -> Result<Duration, ChordError> {
    let wrong = || ChordError::Time(text.chars().take(40).collect());
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1e-3),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(wrong()),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    if seconds > 0.0 && seconds <= LONGEST.as_secs_f64() {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}

impl fmt::Display for ChordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a key is missing; the plus sign itself is 'plus'"),
            Self::UnknownKey { name, near } if near.is_empty() => {
                write!(
                    f,
                    "no key is called '{name}'; for text there is 'capsaicin type'"
                )
            }
            Self::UnknownKey { name, near } => {
                write!(
                    f,
                    "no key is called '{name}'; did you mean {}?",
                    near.join(" or ")
                )
            }
            Self::TooMany => write!(f, "more than {MOST} keys at once"),
            Self::Hold => f.write_str("hold needs keys and a time, as in hold:shift:500ms"),
            Self::Time(time) => write!(f, "'{time}' is no time up to an hour such as 500ms or 2s"),
        }
    }
}

impl std::error::Error for ChordError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingers(text: &str) -> Fingers {
        on(text, "us")
    }

    fn on(text: &str, layout: &str) -> Fingers {
        let chord: Chord = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        chord.on(layout.parse().unwrap()).unwrap()
    }

    fn taps(text: &str) -> (Vec<u32>, Vec<u32>) {
        let fingers = fingers(text);
        assert_eq!(fingers.lasting, None);
        (fingers.held, fingers.tapped)
    }

    fn error(text: &str) -> String {
        text.parse::<Chord>().unwrap_err().to_string()
    }

    #[test]
    fn chords_hold_all_keys_but_the_last() {
        for (text, held, tapped) in [
            ("f2", vec![], 0x3c),
            ("ctrl+alt+delete", vec![0x1d, 0x38], 0xe053),
            ("Ctrl+Alt+Del", vec![0x1d, 0x38], 0xe053),
            ("ctrl+alt+f3", vec![0x1d, 0x38], 0x3d),
            ("super+l", vec![0xe05b], 0x26),
            ("win+L", vec![0xe05b, 0x2a], 0x26),
            ("alt+sysrq+b", vec![0x38, 0x54], 0x30),
            ("alt+print+b", vec![0x38, 0x54], 0x30),
            ("print", vec![], 0xe037),
            ("pause", vec![], 0xe11d45),
            ("ctrl+pause", vec![0x1d], 0xe046),
            ("ctrl+break", vec![0x1d], 0xe046),
            ("a", vec![], 0x1e),
            ("A", vec![0x2a], 0x1e),
            ("shift+A", vec![0x2a], 0x1e),
            ("+", vec![0x2a], 0x0d),
            ("ctrl++", vec![0x1d, 0x2a], 0x0d),
            ("ctrl+plus", vec![0x1d, 0x2a], 0x0d),
            ("-", vec![], 0x0c),
            ("kp_0", vec![], 0x52),
            ("Page_Up", vec![], 0xe049),
            ("KeyQ", vec![], 0x10),
            ("Digit0", vec![], 0x0b),
        ] {
            assert_eq!(taps(text), (held, vec![tapped]), "{text}");
        }
    }

    #[test]
    fn characters_go_by_the_layout_and_places_do_not() {
        assert_eq!(on("ctrl+z", "de").tapped, [0x15]);
        assert_eq!(on("ctrl+KeyZ", "de").tapped, [0x2c]);
        assert_eq!(on("@", "de").held, [ALT_GR]);
        assert_eq!(on("ctrl+c", "ru").tapped, [0x2e]);
        let chord: Chord = "^".parse().unwrap();
        assert_eq!(chord.on("de".parse().unwrap()), Err('^'));
    }

    #[test]
    fn keys_can_be_held_for_a_time() {
        let held = fingers("hold:shift:500ms");
        assert_eq!(held.held, [0x2a]);
        assert!(held.tapped.is_empty());
        assert_eq!(held.lasting, Some(Duration::from_millis(500)));
        let held = fingers("hold:ctrl+w:1.5s");
        assert_eq!(held.held, [0x1d, 0x11]);
        assert_eq!(held.lasting, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn digits_after_alt_are_those_of_the_keypad() {
        assert_eq!(taps("alt+0176"), (vec![0x38], vec![0x52, 0x4f, 0x47, 0x4d]));
        assert_eq!(
            taps("alt+1"),
            (vec![0x38], vec![0x02]),
            "a key of the main block"
        );
    }

    #[test]
    fn what_is_no_chord_is_explained() {
        assert_eq!(
            error(""),
            "a key is missing; the plus sign itself is 'plus'"
        );
        assert_eq!(error("ctrl+"), error(""));
        assert_eq!(
            error("ctrl+delte"),
            "no key is called 'delte'; did you mean delete?"
        );
        assert_eq!(
            error("hello world"),
            "no key is called 'hello world'; for text there is 'capsaicin type'"
        );
        assert_eq!(error("hold:shift"), error("hold:"));
        assert_eq!(
            error("hold:shift:fast"),
            "'fast' is no time up to an hour such as 500ms or 2s"
        );
        for time in ["0s", "-1s", "nans", "infs", "3601s", "5"] {
            assert!(
                error(&format!("hold:a:{time}")).contains("is no time"),
                "{time}"
            );
        }
        assert_eq!(error(&["a"; 11].join("+")), "more than 10 keys at once");
    }

    #[test]
    fn whatever_is_written_is_a_chord_or_an_error() {
        for text in [
            "+",
            "++",
            "+++",
            "hold::",
            "hold:+:1s",
            "é+é",
            "\u{7}",
            "hold:é",
            "ho",
            "hol\u{e9}:",
        ] {
            let _ = text.parse::<Chord>();
        }
    }
}
