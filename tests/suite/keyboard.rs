//! Keyboard layouts against libxkbcommon's reading of them (tests/fixtures/keyboard), and names of keys.

use std::collections::{BTreeMap, HashMap};

use capsaicin::channel::inputs::scancode::KEYS;
use capsaicin::keyboard::{ALT_GR, CapsLock, Chord, LAYOUTS, Layout, Stroke};

const BOARDS: &str = include_str!("../fixtures/keyboard/keys.txt");
const ACCENTS: &str = include_str!("../fixtures/keyboard/accents.txt");
/// What stands for nothing.
const NOTHING: char = '\u{fffd}';

/// A keyboard in a guest: by key, what it makes without and with Shift, AltGr and both; and the same with Caps Lock.
struct Board {
    keys: HashMap<u32, [Vec<char>; 2]>,
    accents: HashMap<(char, char), char>,
}

impl Board {
    fn all() -> BTreeMap<String, Self> {
        let one = |section: &str| {
            let (name, lines) = section.split_once("]\n").unwrap();
            (name.to_owned(), Self::of(lines))
        };
        BOARDS
            .split("\n[")
            .map(|section| one(section.trim_start_matches('[')))
            .collect()
    }

    fn of(lines: &str) -> Self {
        let keys = lines.lines().filter(|line| !line.is_empty()).map(|line| {
            let mut fields = line.split('\t');
            let code = u32::from_str_radix(fields.next().unwrap(), 16).unwrap();
            let plain: Vec<char> = fields.next().unwrap().chars().collect();
            let locked = fields.next().map(|made| made.chars().collect());
            (code, [plain.clone(), locked.unwrap_or(plain)])
        });
        let accents = ACCENTS.lines().flat_map(|line| {
            let (mark, pairs) = line.split_once('\t').unwrap();
            let mark = char::from_u32(u32::from_str_radix(mark, 16).unwrap()).unwrap();
            let pairs: Vec<char> = pairs.chars().collect();
            let pairs: Vec<_> = pairs
                .chunks(2)
                .map(|pair| ((mark, pair[0]), pair[1]))
                .collect();
            pairs
        });
        Self {
            keys: keys.collect(),
            accents: accents.collect(),
        }
    }

    fn press(&self, stroke: &Stroke, caps_lock: bool) -> char {
        match stroke.key {
            0x39 => return ' ',
            0x1c => return '\n',
            0x0f => return '\t',
            _ => {}
        }
        let level = usize::from(stroke.shift) + 2 * usize::from(stroke.alt_gr);
        let made = &self.keys[&stroke.key][usize::from(caps_lock)];
        made.get(level).copied().unwrap_or(NOTHING)
    }

    /// What strokes make, with dead keys joined to what follows them.
    fn type_strokes(&self, strokes: &[char]) -> char {
        match *strokes {
            [made] => made,
            [dead, base] => self.accents.get(&(dead, base)).copied().unwrap_or(NOTHING),
            _ => NOTHING,
        }
    }

    /// Every character that one key makes.
    fn characters(&self) -> impl Iterator<Item = char> {
        let made = self
            .keys
            .values()
            .flat_map(|[plain, _]| plain.iter().copied());
        made.filter(|c| *c != NOTHING && !is_mark(*c))
    }

    /// And those that a dead key and another make.
    fn accented(&self) -> impl Iterator<Item = char> {
        let on_board: Vec<char> = self
            .keys
            .values()
            .flat_map(|[plain, _]| plain.clone())
            .collect();
        let has = move |c: char| c == ' ' || on_board.contains(&c);
        let pairs = self.accents.iter();
        pairs.filter_map(move |((mark, base), made)| (has(*mark) && has(*base)).then_some(*made))
    }
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn layout(name: &str) -> &'static Layout {
    name.parse().unwrap()
}

#[test]
fn every_layout_makes_the_characters_its_keys_have_in_a_guest() {
    let boards = Board::all();
    assert_eq!(boards.len(), LAYOUTS.len());
    let mut wrong = Vec::new();
    for (name, board) in &boards {
        for c in board.characters().chain(board.accented()) {
            let strokes = layout(name).strokes(c).unwrap_or_default();
            let made: Vec<char> = strokes.iter().map(|s| board.press(s, false)).collect();
            if board.type_strokes(&made) != c {
                wrong.push(format!("{name}: {c:?} by {strokes:?} is {made:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_layout_claims_a_character_that_its_keys_lack_in_a_guest() {
    let candidates = ('!'..'\u{600}')
        .chain('\u{1e00}'..'\u{2300}')
        .filter(|c| !is_mark(*c));
    let candidates: Vec<char> = candidates.collect();
    for (name, board) in Board::all() {
        for c in &candidates {
            if let Some(strokes) = layout(&name).strokes(*c) {
                let made: Vec<char> = strokes.iter().map(|s| board.press(s, false)).collect();
                assert_eq!(board.type_strokes(&made), *c, "{name}: {strokes:?}");
            }
        }
    }
}

#[test]
fn caps_lock_does_to_each_stroke_what_the_layout_says() {
    let mut wrong = Vec::new();
    for (name, board) in Board::all() {
        for c in board.characters() {
            let [stroke] = layout(&name).strokes(c).unwrap()[..] else {
                continue;
            };
            let typed = match stroke.caps_lock {
                CapsLock::Ignored => board.press(&stroke, true),
                CapsLock::Turns => {
                    let shift = !stroke.shift;
                    board.press(&Stroke { shift, ..stroke }, true)
                }
                // It is switched off for the moment.
                CapsLock::Disturbs => continue,
            };
            if typed != c {
                wrong.push(format!("{name}: {c:?} by {stroke:?} is {typed:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn characters_that_everybody_types_are_where_people_expect_them() {
    // Layout, character, make code, Shift, AltGr: from photographs of keyboards.
    let cases = [
        ("de", 'z', 0x15, false, false),
        ("de", '@', 0x10, false, true),
        ("de", 'ß', 0x0c, false, false),
        ("de", '<', 0x56, false, false),
        ("fr", 'a', 0x10, false, false),
        ("fr", '1', 0x02, true, false),
        ("fr", '@', 0x0b, false, true),
        ("gb", '"', 0x03, true, false),
        ("gb", '\\', 0x56, false, false),
        ("es", 'ñ', 0x27, false, false),
        ("br", '/', 0x73, false, false),
        ("br", 'ç', 0x27, false, false),
        ("jp", '@', 0x1a, false, false),
        ("jp", '_', 0x73, true, false),
        ("ru", 'ф', 0x1e, false, false),
        ("gr", 'α', 0x1e, false, false),
        ("pl", 'ł', 0x26, false, true),
        ("us-intl", 'é', 0x12, false, true),
        ("tr", 'ı', 0x17, false, false),
        ("us", '<', 0x33, true, false),
    ];
    for (name, c, key, shift, alt_gr) in cases {
        let strokes = layout(name).strokes(c).unwrap_or_default();
        let found = strokes.last().map(|s| (s.key, s.shift, s.alt_gr));
        assert_eq!(found, Some((key, shift, alt_gr)), "{name}: {c}");
        assert_eq!(strokes.len(), 1, "{name}: {c}");
    }
}

#[test]
fn quotes_of_the_international_layout_are_dead_keys_and_a_space() {
    for (c, shift) in [('\'', false), ('"', true)] {
        let strokes = layout("us-intl").strokes(c).unwrap();
        let keys: Vec<_> = strokes.iter().map(|s| (s.key, s.shift, s.alt_gr)).collect();
        assert_eq!(keys, [(0x28, shift, false), (0x39, false, false)]);
    }
}

#[test]
fn every_key_of_a_pc_has_a_name() {
    for (name, make) in KEYS {
        let chord: Chord = name
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let fingers = chord.on(Layout::us()).unwrap();
        assert_eq!(fingers.tapped, [*make], "{name}");
        assert!(fingers.held.is_empty(), "{name}");
    }
    assert_eq!(
        "altgr"
            .parse::<Chord>()
            .unwrap()
            .on(Layout::us())
            .unwrap()
            .tapped,
        [ALT_GR]
    );
}
