//! PC keys: their names, their set-1 scan codes, and how codes are written in messages (spec 03 §A2, §A3).
//!
//! A key is known by its *make code* as in [`InputEvent`](super::InputEvent): the scan code bytes it sends when it goes
//! down, most significant first: `0x1e`, `0xe04b`, `0xe11d45`. When it goes up it sends the same with bit 7 set in every
//! byte that is not a prefix.

use smallvec::SmallVec;

/// Every key a PC keyboard has a code for, by its name in the W3C's `KeyboardEvent.code`, with its make code.
#[rustfmt::skip]
pub const KEYS: &[(&str, u32)] = &[
    // Main block
    ("Backquote", 0x29),
    ("Digit1", 0x02),
    ("Digit2", 0x03),
    ("Digit3", 0x04),
    ("Digit4", 0x05),
    ("Digit5", 0x06),
    ("Digit6", 0x07),
    ("Digit7", 0x08),
    ("Digit8", 0x09),
    ("Digit9", 0x0a),
    ("Digit0", 0x0b),
    ("Minus", 0x0c),
    ("Equal", 0x0d),
    ("Backspace", 0x0e),
    ("Tab", 0x0f),
    ("KeyQ", 0x10),
    ("KeyW", 0x11),
    ("KeyE", 0x12),
    ("KeyR", 0x13),
    ("KeyT", 0x14),
    ("KeyY", 0x15),
    ("KeyU", 0x16),
    ("KeyI", 0x17),
    ("KeyO", 0x18),
    ("KeyP", 0x19),
    ("BracketLeft", 0x1a),
    ("BracketRight", 0x1b),
    ("Backslash", 0x2b),
    ("CapsLock", 0x3a),
    ("KeyA", 0x1e),
    ("KeyS", 0x1f),
    ("KeyD", 0x20),
    ("KeyF", 0x21),
    ("KeyG", 0x22),
    ("KeyH", 0x23),
    ("KeyJ", 0x24),
    ("KeyK", 0x25),
    ("KeyL", 0x26),
    ("Semicolon", 0x27),
    ("Quote", 0x28),
    ("Enter", 0x1c),
    ("ShiftLeft", 0x2a),
    ("IntlBackslash", 0x56),
    ("KeyZ", 0x2c),
    ("KeyX", 0x2d),
    ("KeyC", 0x2e),
    ("KeyV", 0x2f),
    ("KeyB", 0x30),
    ("KeyN", 0x31),
    ("KeyM", 0x32),
    ("Comma", 0x33),
    ("Period", 0x34),
    ("Slash", 0x35),
    ("ShiftRight", 0x36),
    ("ControlLeft", 0x1d),
    ("MetaLeft", 0xe05b),
    ("AltLeft", 0x38),
    ("Space", 0x39),
    ("AltRight", 0xe038),
    ("MetaRight", 0xe05c),
    ("ContextMenu", 0xe05d),
    ("ControlRight", 0xe01d),
    // Function row
    ("Escape", 0x01),
    ("F1", 0x3b),
    ("F2", 0x3c),
    ("F3", 0x3d),
    ("F4", 0x3e),
    ("F5", 0x3f),
    ("F6", 0x40),
    ("F7", 0x41),
    ("F8", 0x42),
    ("F9", 0x43),
    ("F10", 0x44),
    ("F11", 0x57),
    ("F12", 0x58),
    ("ScrollLock", 0x46),
    ("PrintScreen", 0xe037),
    ("Pause", 0xe11d45),
    // Navigation
    ("Insert", 0xe052),
    ("Home", 0xe047),
    ("PageUp", 0xe049),
    ("Delete", 0xe053),
    ("End", 0xe04f),
    ("PageDown", 0xe051),
    ("ArrowUp", 0xe048),
    ("ArrowLeft", 0xe04b),
    ("ArrowDown", 0xe050),
    ("ArrowRight", 0xe04d),
    // Numeric pad
    ("NumLock", 0x45),
    ("NumpadDivide", 0xe035),
    ("NumpadMultiply", 0x37),
    ("NumpadSubtract", 0x4a),
    ("Numpad7", 0x47),
    ("Numpad8", 0x48),
    ("Numpad9", 0x49),
    ("NumpadAdd", 0x4e),
    ("Numpad4", 0x4b),
    ("Numpad5", 0x4c),
    ("Numpad6", 0x4d),
    ("Numpad1", 0x4f),
    ("Numpad2", 0x50),
    ("Numpad3", 0x51),
    ("NumpadEnter", 0xe01c),
    ("Numpad0", 0x52),
    ("NumpadDecimal", 0x53),
    ("NumpadEqual", 0x59),
    ("NumpadComma", 0x7e),
    // International
    ("IntlRo", 0x73),
    ("IntlYen", 0x7d),
    ("KanaMode", 0x70),
    ("Convert", 0x79),
    ("NonConvert", 0x7b),
    ("Lang1", 0x72),
    ("Lang2", 0x71),
    ("Lang3", 0x78),
    ("Lang4", 0x77),
    ("Lang5", 0x76),
    // Extended function keys
    ("F13", 0x5d),
    ("F14", 0x5e),
    ("F15", 0x5f),
    ("F16", 0x55),
    ("F17", 0xe003),
    ("F18", 0xe077),
    ("F19", 0xe004),
    ("F20", 0x5a),
    ("F21", 0x74),
    ("F22", 0xe079),
    ("F23", 0x6d),
    ("F24", 0x6f),
    // Multimedia, browser, power
    ("AudioVolumeMute", 0xe020),
    ("AudioVolumeDown", 0xe02e),
    ("AudioVolumeUp", 0xe030),
    ("MediaTrackNext", 0xe019),
    ("MediaTrackPrevious", 0xe010),
    ("MediaStop", 0xe024),
    ("MediaPlayPause", 0xe022),
    ("MediaSelect", 0xe06d),
    ("LaunchMail", 0xe06c),
    ("LaunchApp1", 0xe06b),
    ("LaunchApp2", 0xe021),
    ("BrowserHome", 0xe032),
    ("BrowserSearch", 0xe065),
    ("BrowserFavorites", 0xe066),
    ("BrowserRefresh", 0xe067),
    ("BrowserStop", 0xe068),
    ("BrowserForward", 0xe069),
    ("BrowserBack", 0xe06a),
    ("Power", 0xe05e),
    ("Sleep", 0xe05f),
    ("WakeUp", 0xe063),
    ("Eject", 0xe07d),
    // Sun / edit keys
    ("Again", 0xe005),
    ("Props", 0xe006),
    ("Undo", 0xe007),
    ("Copy", 0xe078),
    ("Open", 0x64),
    ("Paste", 0x65),
    ("Find", 0xe041),
    ("Cut", 0xe03c),
    ("Help", 0xe075),
    ("Suspend", 0xe025),
];

/// The make code of the key with this W3C name.
pub fn make_code(name: &str) -> Option<u32> {
    KEYS.iter().find(|(n, _)| *n == name).map(|(_, make)| *make)
}

/// The words of the KEY_DOWN messages for a key that goes down, in order.
///
/// One word for every key but Pause, which takes two as the reference client sends it. None for a number that is not a
/// make code: a zero byte would end the word early, and anything else could leave a key stuck.
pub fn down(make: u32) -> SmallVec<[u32; 2]> {
    words(&scan_codes(make, 0))
}

/// The words of the KEY_UP messages for a key that goes up, in order; see [`down`].
pub fn up(make: u32) -> SmallVec<[u32; 2]> {
    words(&scan_codes(make, BREAK))
}

/// The body of a KEY_SCANCODE message for a key that goes down and up at once; empty for a number that is not a make
/// code.
pub fn tap(make: u32) -> SmallVec<[u8; 6]> {
    let (down, up) = (scan_codes(make, 0), scan_codes(make, BREAK));
    down.into_iter().chain(up).collect()
}

/// What a key that goes up sets in its code bytes.
const BREAK: u8 = 0x80;

/// The bytes a key sends, with `bit` set in all but the prefix; none for a number that is not a make code.
fn scan_codes(make: u32, bit: u8) -> SmallVec<[u8; 3]> {
    let is_key = |byte: u8| (1..BREAK).contains(&byte);
    match make.to_be_bytes() {
        [0, 0, 0, key] if is_key(key) => SmallVec::from_slice(&[key | bit]),
        [0, 0, 0xe0, key] if is_key(key) => SmallVec::from_slice(&[0xe0, key | bit]),
        [0, 0xe1, a, b] if is_key(a) && is_key(b) => {
            SmallVec::from_slice(&[0xe1, a | bit, b | bit])
        }
        _ => SmallVec::new(),
    }
}

/// Code words, the first byte in the low byte: a prefix and the byte after it share one, a third byte has its own.
fn words(scan_codes: &[u8]) -> SmallVec<[u32; 2]> {
    let pairs = scan_codes.chunks(2);
    pairs
        .map(|pair| u32::from(pair[0]) | pair.get(1).map_or(0, |second| u32::from(*second) << 8))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies of the messages as they go over the wire.
    fn bodies(words: &[u32]) -> Vec<[u8; 4]> {
        words.iter().map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_plain_key_goes_down_with_its_make_byte_and_up_with_bit_7() {
        let key_a = make_code("KeyA").unwrap();
        assert_eq!(bodies(&down(key_a)), [[0x1e, 0, 0, 0]]);
        assert_eq!(bodies(&up(key_a)), [[0x9e, 0, 0, 0]]);
        assert_eq!(tap(key_a).as_slice(), [0x1e, 0x9e]);
    }

    #[test]
    fn an_extended_key_keeps_its_prefix() {
        let right = make_code("ArrowRight").unwrap();
        assert_eq!(bodies(&down(right)), [[0xe0, 0x4d, 0, 0]]);
        assert_eq!(bodies(&up(right)), [[0xe0, 0xcd, 0, 0]]);
        assert_eq!(tap(right).as_slice(), [0xe0, 0x4d, 0xe0, 0xcd]);
        let print = make_code("PrintScreen").unwrap();
        assert_eq!(bodies(&down(print)), [[0xe0, 0x37, 0, 0]]);
    }

    #[test]
    fn pause_takes_two_messages_each_way() {
        let pause = make_code("Pause").unwrap();
        assert_eq!(bodies(&down(pause)), [[0xe1, 0x1d, 0, 0], [0x45, 0, 0, 0]]);
        assert_eq!(bodies(&up(pause)), [[0xe1, 0x9d, 0, 0], [0xc5, 0, 0, 0]]);
        assert_eq!(tap(pause).as_slice(), [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]);
    }

    #[test]
    fn what_is_not_a_make_code_sends_nothing() {
        for number in [
            0,
            0x80,
            0xff,
            0xe0,
            0xe000,
            0xe080,
            0x1e1e,
            0xe11d,
            0xe1_1d00,
            0xe1_001d,
            0xe200_001e,
            u32::MAX,
        ] {
            assert!(down(number).is_empty(), "{number:#x}");
            assert!(up(number).is_empty(), "{number:#x}");
            assert!(tap(number).is_empty(), "{number:#x}");
        }
    }

    #[test]
    fn every_key_has_a_name_and_a_code_of_its_own_that_can_be_sent() {
        for (i, (name, make)) in KEYS.iter().enumerate() {
            assert!(
                KEYS[..i].iter().all(|(n, m)| n != name && m != make),
                "{name}"
            );
            assert!(!tap(*make).is_empty() && !tap(*make).contains(&0), "{name}");
        }
    }

    #[test]
    fn keys_that_layout_tables_like_to_confuse() {
        let codes = [
            "IntlBackslash",
            "Backslash",
            "NumLock",
            "ShiftRight",
            "NumpadEnter",
            "IntlRo",
            "F12",
            "Lang1",
        ];
        assert_eq!(
            codes.map(|name| make_code(name).unwrap()),
            [0x56, 0x2b, 0x45, 0x36, 0xe01c, 0x73, 0x58, 0x72]
        );
        assert_eq!(make_code("Fn"), None);
    }
}
