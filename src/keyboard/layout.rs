//! A layout: which strokes make a character.

use std::fmt;
use std::str::FromStr;

use smallvec::{SmallVec, smallvec};

use super::accents::{is_mark, taken_apart};
use super::layouts::LAYOUTS;
use super::near::nearest;

/// The keys of one language's keyboard, as the guest is set up for it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How people choose it: `de`, `us-intl`.
    pub name: &'static str,
    /// What it is called, in English.
    pub title: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Make codes with what they make: plain, with Shift, with AltGr, with both. A space is nothing, a combining mark is
    /// a dead key.
    pub(super) keys: &'static [(u8, &'static str)],
}

/// One key pressed, with or without Shift and AltGr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// The key's make code.
    pub key: u32,
    /// Whether Shift is held.
    pub shift: bool,
    /// Whether AltGr is held.
    pub alt_gr: bool,
    /// What the guest's Caps Lock does to it.
    pub caps_lock: CapsLock,
}

/// Strokes for one character: one, or two where a dead key comes first.
pub type Strokes = SmallVec<[Stroke; 2]>;

/// What Caps Lock does to a stroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapsLock {
    /// Nothing.
    Ignored,
    /// It turns the meaning of Shift.
    Turns,
    /// Something else than Shift does, or not the same everywhere: é and 2 of a French keyboard.
    Disturbs,
}

/// From this make code on, keys that only some keyboards have.
const EXTRA: u32 = 0x56;

impl Stroke {
    /// A key by itself.
    pub const fn plain(key: u32) -> Self {
        Self {
            key,
            shift: false,
            alt_gr: false,
            caps_lock: CapsLock::Ignored,
        }
    }
}

impl Layout {
    /// The layout of an unconfigured machine.
    pub fn us() -> &'static Self {
        LAYOUTS[0]
    }

    /// The strokes that make `c`, if any do. Line ends are Enter, a tab is Tab.
    ///
    /// Prefers what is printed on keys to dead keys, dead keys to AltGr where a guest with Windows may differ from one
    /// with Linux, and keys that every keyboard has to others.
    pub fn strokes(&self, c: char) -> Option<Strokes> {
        if let Some(stroke) = everywhere(c) {
            return Some(smallvec![stroke]);
        }
        let direct = self.stroke(c).filter(|_| !is_mark(c));
        let accented = || self.accented(c);
        match direct {
            Some(stroke) if !stroke.alt_gr => Some(smallvec![stroke]),
            Some(stroke) => {
                let spaced =
                    accented().filter(|strokes| !strokes[0].alt_gr && strokes[1].key == SPACE.key);
                Some(spaced.unwrap_or(smallvec![stroke]))
            }
            None => accented(),
        }
    }

    /// The one stroke that stands for `c` in a chord: Ctrl+C is Control and the key that makes a c. Where no key does,
    /// as on Cyrillic keyboards, it is the one at its place on a US keyboard, which guests take for it.
    pub fn chord_stroke(&self, c: char) -> Option<Stroke> {
        let one = |strokes: Strokes| (strokes.len() == 1).then(|| strokes[0]);
        let has_latin = || self.stroke('a').is_some();
        self.strokes(c).and_then(one).or_else(|| {
            let is_foreign = c.is_ascii() && !has_latin();
            is_foreign.then(|| Self::us().stroke(c)).flatten()
        })
    }

    /// The key that makes `c`, or the dead key of this mark.
    fn stroke(&self, c: char) -> Option<Stroke> {
        let strokes = self.keys.iter().flat_map(|(code, levels)| {
            let at = levels
                .chars()
                .enumerate()
                .filter(move |(_, made)| *made == c);
            at.map(move |(level, _)| Stroke {
                key: u32::from(*code),
                shift: level % 2 == 1,
                alt_gr: level >= 2,
                caps_lock: caps_lock(levels, level),
            })
        });
        // A space is nothing there.
        strokes
            .filter(|_| c != ' ')
            .min_by_key(|stroke| (stroke.alt_gr, stroke.key >= EXTRA, stroke.shift))
    }

    /// A dead key and what is typed after it.
    fn accented(&self, c: char) -> Option<Strokes> {
        let found = taken_apart(c).filter_map(|(mark, base)| {
            let after = match base {
                ' ' => SPACE,
                base => self.stroke(base)?,
            };
            Some([self.stroke(mark)?, after])
        });
        found
            .min_by_key(|[dead, base]| (dead.alt_gr, base.alt_gr, dead.shift))
            .map(Strokes::from_buf)
    }
}

const SPACE: Stroke = Stroke::plain(0x39);

/// Keys that make the same everywhere.
fn everywhere(c: char) -> Option<Stroke> {
    Some(match c {
        ' ' => SPACE,
        '\n' | '\r' => Stroke::plain(0x1c),
        '\t' => Stroke::plain(0x0f),
        _ => return None,
    })
}

fn caps_lock(levels: &str, level: usize) -> CapsLock {
    let has_case = |c: char| c.is_lowercase() || c.is_uppercase();
    let mut pair = levels.chars().skip(level / 2 * 2);
    match (pair.next(), pair.next()) {
        // The Σ on the key of the final sigma is the capital of another.
        (Some('ς'), _) => CapsLock::Disturbs,
        (Some(plain), Some(shifted)) if plain.is_lowercase() && shifted.is_uppercase() => {
            match level {
                0 | 1 => CapsLock::Turns,
                // Semialphabetic keys leave AltGr alone.
                _ => CapsLock::Disturbs,
            }
        }
        (plain, shifted) if plain.into_iter().chain(shifted).any(has_case) => CapsLock::Disturbs,
        _ => CapsLock::Ignored,
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Layout {}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A name that no layout has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLayout {
    /// What was asked for.
    pub name: String,
    /// Layouts whose names are nearly that.
    pub near: Vec<&'static str>,
}

impl FromStr for &'static Layout {
    type Err = UnknownLayout;

    /// By its name or an alias, in any case; `us(intl)` and `us_intl` are `us-intl`.
    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        let name = text.trim().to_lowercase().replace(['_', '('], "-");
        let name = name.trim_end_matches(')');
        let names = |layout: &'static Layout| {
            [layout.name]
                .into_iter()
                .chain(layout.aliases.iter().copied())
        };
        let named = |layout: &&'static Layout| names(layout).any(|known| known == name);
        LAYOUTS.iter().copied().find(named).ok_or_else(|| {
            let all = LAYOUTS.iter().copied();
            let known = all.flat_map(|layout| names(layout).map(move |name| (name, layout.name)));
            UnknownLayout {
                name: text.to_owned(),
                near: nearest(name, known),
            }
        })
    }
}

impl fmt::Display for UnknownLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no keyboard layout is called '{}'", self.name)?;
        if !self.near.is_empty() {
            write!(f, "; did you mean {}?", self.near.join(" or "))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownLayout {}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(name: &str) -> &'static Layout {
        name.parse().unwrap()
    }

    #[test]
    fn corner_keys_of_each_row_have_their_set_1_codes() {
        let stroke = |c| {
            let strokes = Layout::us().strokes(c).unwrap();
            (strokes[0].key, strokes[0].shift)
        };
        assert_eq!(stroke('1'), (0x02, false));
        assert_eq!(stroke('='), (0x0d, false));
        assert_eq!(stroke('q'), (0x10, false));
        assert_eq!(stroke('}'), (0x1b, true));
        assert_eq!(stroke('A'), (0x1e, true));
        assert_eq!(stroke('"'), (0x28, true));
        assert_eq!(stroke('~'), (0x29, true));
        assert_eq!(stroke('|'), (0x2b, true));
        assert_eq!(stroke('/'), (0x35, false));
        assert_eq!(stroke('<'), (0x33, true));
        assert_eq!(stroke('\n'), (0x1c, false));
    }

    #[test]
    fn a_circumflex_takes_a_dead_key_and_a_space_in_germany() {
        let strokes = layout("de").strokes('^').unwrap();
        let keys: Vec<u32> = strokes.iter().map(|stroke| stroke.key).collect();
        assert_eq!(keys, [0x29, 0x39]);
        assert_eq!(layout("de-nodeadkeys").strokes('^').unwrap().len(), 1);
    }

    #[test]
    fn a_mark_by_itself_is_no_dead_key() {
        assert_eq!(layout("de").strokes('\u{301}'), None);
    }

    #[test]
    fn latin_letters_cannot_be_typed_on_a_cyrillic_keyboard_but_pressed_with_control() {
        let ru = layout("ru");
        assert_eq!(ru.strokes('c'), None);
        assert_eq!(ru.chord_stroke('c').unwrap().key, 0x2e);
        assert_eq!(ru.chord_stroke('с').unwrap().key, 0x2e, "the Cyrillic one");
        assert_eq!(layout("de").chord_stroke('é'), None, "two strokes");
    }

    #[test]
    fn layouts_answer_to_other_names_in_any_case() {
        for (asked, found) in [
            ("DE", "de"),
            ("uk", "gb"),
            ("pt_BR", "br"),
            ("us(intl)", "us-intl"),
            ("de_DE", "de"),
            ("French", "fr"),
            ("sv", "se"),
        ] {
            assert_eq!(layout(asked).name, found);
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_brings_the_right_one_to_mind() {
        let error = "germn".parse::<&Layout>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no keyboard layout is called 'germn'; did you mean de?"
        );
        let error = "xx-yy-zz".parse::<&Layout>().unwrap_err();
        assert_eq!(error.to_string(), "no keyboard layout is called 'xx-yy-zz'");
    }

    #[test]
    fn no_two_layouts_share_a_name() {
        let mut names: Vec<&str> = LAYOUTS
            .iter()
            .flat_map(|layout| {
                [layout.name]
                    .into_iter()
                    .chain(layout.aliases.iter().copied())
            })
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
