//! Keys that are no characters, by the names people give them.

/// Make codes and names: the first is the usual one. Names of the W3C's `KeyboardEvent.code`, of X's keysyms and of other
/// programs follow, in lower case and without `_` and `-`.
#[rustfmt::skip]
const KEYS: &[(u32, &str)] = &[
    (0x01, "escape esc"),
    (0x3b, "f1"), (0x3c, "f2"), (0x3d, "f3"), (0x3e, "f4"), (0x3f, "f5"), (0x40, "f6"),
    (0x41, "f7"), (0x42, "f8"), (0x43, "f9"), (0x44, "f10"), (0x57, "f11"), (0x58, "f12"),
    (0x5d, "f13"), (0x5e, "f14"), (0x5f, "f15"), (0x55, "f16"), (0xe003, "f17"), (0xe077, "f18"),
    (0xe004, "f19"), (0x5a, "f20"), (0x74, "f21"), (0xe079, "f22"), (0x6d, "f23"), (0x6f, "f24"),
    (0xe037, "print printscreen prtsc prtscr prtscn printscr snapshot"),
    (0x54, "sysrq sysreq"),
    (0x46, "scrolllock scroll scrlk"),
    (0xe11d45, "pause"),
    (0xe046, "break"),
    (0x0e, "backspace bksp bs"),
    (0x0f, "tab"),
    (0x1c, "enter return ret"),
    (0x39, "space spc spacebar"),
    (0x3a, "capslock caps"),
    // Modifiers
    (0x2a, "shift shiftleft shiftl lshift leftshift"),
    (0x36, "rshift shiftright shiftr rightshift"),
    (0x1d, "ctrl control controlleft ctrlleft ctrll controll lctrl leftctrl lcontrol"),
    (0xe01d, "rctrl controlright ctrlright ctrlr controlr rightctrl rcontrol"),
    (0x38, "alt altleft altl lalt leftalt option"),
    (0xe038, "altgr ralt altright altr rightalt level3 isolevel3shift"),
    (0xe05b, "super win meta logo cmd command windows superl superleft metal metaleft osleft lwin lmeta lsuper leftmeta"),
    (0xe05c, "rsuper rwin superr superright metar metaright osright rmeta rightmeta"),
    (0xe05d, "menu contextmenu apps application compose"),
    // Navigation
    (0xe052, "insert ins"),
    (0xe053, "delete del"),
    (0xe047, "home"),
    (0xe04f, "end"),
    (0xe049, "pageup pgup prior"),
    (0xe051, "pagedown pgdn pgdown next"),
    (0xe048, "up arrowup uparrow"),
    (0xe050, "down arrowdown downarrow"),
    (0xe04b, "left arrowleft leftarrow"),
    (0xe04d, "right arrowright rightarrow"),
    // The keypad
    (0x45, "numlock num"),
    (0x52, "kp0 numpad0 num0"), (0x4f, "kp1 numpad1 num1"), (0x50, "kp2 numpad2 num2"), (0x51, "kp3 numpad3 num3"),
    (0x4b, "kp4 numpad4 num4"), (0x4c, "kp5 numpad5 num5 kpbegin"), (0x4d, "kp6 numpad6 num6"),
    (0x47, "kp7 numpad7 num7"), (0x48, "kp8 numpad8 num8"), (0x49, "kp9 numpad9 num9"),
    (0xe01c, "kpenter numpadenter"),
    (0x4e, "kpplus numpadadd kpadd numpadplus"),
    (0x4a, "kpminus numpadsubtract kpsubtract numpadminus"),
    (0x37, "kpmultiply numpadmultiply kpasterisk"),
    (0xe035, "kpdivide numpaddivide kpslash"),
    (0x53, "kpdot numpaddecimal kpdecimal numpaddot kpperiod"),
    (0x59, "kpequal numpadequal"),
    (0x7e, "kpcomma numpadcomma"),
    // Keys of other countries
    (0x56, "intlbackslash 102nd less"),
    (0x73, "ro intlro"),
    (0x7d, "yen intlyen"),
    (0x70, "kana kanamode hiraganakatakana"),
    (0x79, "henkan convert"),
    (0x7b, "muhenkan nonconvert"),
    (0x72, "hangul lang1 hangeul"),
    (0x71, "hanja lang2"),
    (0x78, "katakana lang3"),
    (0x77, "hiragana lang4"),
    (0x76, "zenkakuhankaku lang5 zenkaku"),
    // Sound, browser, power
    (0xe020, "mute audiovolumemute volumemute audiomute"),
    (0xe02e, "volumedown audiovolumedown voldown audiolowervolume"),
    (0xe030, "volumeup audiovolumeup volup audioraisevolume"),
    (0xe022, "play mediaplaypause playpause audioplay"),
    (0xe024, "stop mediastop audiostop"),
    (0xe019, "nexttrack mediatracknext audionext"),
    (0xe010, "previoustrack mediatrackprevious prevtrack audioprev"),
    (0xe06d, "media mediaselect"),
    (0xe06c, "mail launchmail"),
    (0xe06b, "computer launchapp1 mycomputer"),
    (0xe021, "calculator launchapp2 calc"),
    (0xe032, "browserhome homepage www"),
    (0xe065, "search browsersearch"),
    (0xe066, "favorites browserfavorites bookmarks"),
    (0xe067, "refresh browserrefresh reload"),
    (0xe068, "browserstop"),
    (0xe069, "forward browserforward"),
    (0xe06a, "back browserback"),
    (0xe05e, "power poweroff"),
    (0xe05f, "sleep standby"),
    (0xe063, "wake wakeup"),
    (0xe07d, "eject"),
    // Sun's edit keys
    (0xe005, "again"), (0xe006, "props"), (0xe007, "undo"), (0xe078, "copy"), (0x64, "open"), (0x65, "paste"),
    (0xe041, "find"), (0xe03c, "cut"), (0xe075, "help"), (0xe025, "suspend"),
];

/// Characters that cannot well be written in a chord, or are better known by name. The layout decides on their keys.
const CHARACTERS: &[(char, &str)] = &[
    ('+', "plus"),
    ('-', "minus hyphen dash"),
    ('=', "equal equals"),
    (',', "comma"),
    ('.', "period dot fullstop"),
    ('/', "slash"),
    ('\\', "backslash"),
    (';', "semicolon"),
    (':', "colon"),
    ('\'', "quote apostrophe singlequote"),
    ('"', "doublequote quotedbl"),
    ('`', "grave backquote backtick"),
    ('~', "tilde asciitilde"),
    ('_', "underscore"),
    ('|', "pipe bar"),
    ('#', "hash numbersign"),
    ('@', "at"),
    ('!', "exclam bang"),
    ('$', "dollar"),
    ('%', "percent"),
    ('^', "caret asciicircum circumflex"),
    ('&', "ampersand"),
    ('*', "asterisk star"),
    ('?', "question"),
    ('[', "bracketleft leftbracket"),
    (']', "bracketright rightbracket"),
    ('{', "braceleft leftbrace"),
    ('}', "braceright rightbrace"),
    ('(', "parenleft leftparen"),
    (')', "parenright rightparen"),
    ('<', "lessthan"),
    ('>', "greater greaterthan"),
];

/// Rows of keys that the W3C names after what they make on a US keyboard: `KeyA`, `Digit1`. The place counts, whatever the
/// layout.
const PLACES: [(&str, u32, &str); 4] = [
    ("digit", 0x02, "1234567890"),
    ("key", 0x10, "qwertyuiop"),
    ("key", 0x1e, "asdfghjkl"),
    ("key", 0x2c, "zxcvbnm"),
];

/// A name as it is compared: lower case, without `_`, `-` and spaces.
pub fn normal(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    kept.flat_map(char::to_lowercase).collect()
}

/// The make code of the key with this name.
pub(super) fn code(name: &str) -> Option<u32> {
    let name = normal(name);
    let named = KEYS
        .iter()
        .find(|(_, names)| names.split(' ').any(|known| known == name));
    named.map(|(code, _)| *code).or_else(|| place(&name))
}

fn place(name: &str) -> Option<u32> {
    PLACES.iter().find_map(|(prefix, first, keys)| {
        let key = name.strip_prefix(prefix)?;
        let at = keys.chars().position(|known| key == known.to_string())?;
        Some(first + at as u32)
    })
}

/// The character with this name.
pub(super) fn character(name: &str) -> Option<char> {
    let name = normal(name);
    let named = CHARACTERS
        .iter()
        .find(|(_, names)| names.split(' ').any(|known| known == name));
    named.map(|(c, _)| *c)
}

/// Every name with the usual one for the same key.
pub(super) fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    let keys = KEYS.iter().map(|(_, names)| *names);
    let names = keys.chain(CHARACTERS.iter().map(|(_, names)| *names));
    names.flat_map(|names| {
        let usual = names.split(' ').next().unwrap_or_default();
        names.split(' ').map(move |name| (name, usual))
    })
}

/// Every key that is no character: its usual name and its make code.
pub fn keys() -> impl Iterator<Item = (&'static str, u32)> {
    KEYS.iter()
        .map(|(code, names)| (names.split(' ').next().unwrap_or_default(), *code))
}

/// The usual name of a key that is no character.
pub fn key_name(code: u32) -> Option<&'static str> {
    keys()
        .find(|(_, known)| *known == code)
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_keys_only() {
        let mut names: Vec<&str> = known().map(|(name, _)| name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.iter().all(|name| normal(name) == *name));
    }
}
