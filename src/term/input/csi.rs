//! Control sequences (`CSI … final`) as events.
//!
//! Sources: ECMA-48; "XTerm Control Sequences"; the kitty keyboard protocol; rxvt and the Linux console where they
//! differ.

use super::event::{
    Event, Key, KeyCode, KeyKind, MediaKey, ModeState, ModifierKey, Modifiers, Mouse, MouseButton,
    MouseKind, Reply,
};

/// A control sequence without its introducer.
pub(super) struct Csi<'a> {
    /// `<`, `=`, `>` or `?`, where the parameters begin with one.
    private: Option<u8>,
    params: &'a str,
    /// The last intermediate byte (0x20 to 0x2f).
    intermediate: Option<u8>,
    last: u8,
}

impl<'a> Csi<'a> {
    /// Of everything between the introducer and the final byte.
    pub fn new(body: &'a [u8], last: u8) -> Self {
        // Nothing but 0x20 to 0x3f gets here, so this is text.
        let text = std::str::from_utf8(body).unwrap_or_default();
        let params = text.trim_end_matches(|c: char| c < '0');
        let intermediate = text.as_bytes().get(params.len()..).and_then(<[u8]>::last);
        let private = params.bytes().next().filter(|b| (b'<'..=b'?').contains(b));
        Self {
            private,
            params: params.get(private.iter().len()..).unwrap_or_default(),
            intermediate: intermediate.copied(),
            last,
        }
    }

    /// What it says; `None` when it is nothing we know.
    pub fn event(&self) -> Option<Event> {
        match (self.private, self.intermediate, self.last) {
            (None, None, b'I') if self.params.is_empty() => Some(Event::FocusGained),
            (None, None, b'O') if self.params.is_empty() => Some(Event::FocusLost),
            (Some(b'<'), None, b'M' | b'm') => self.sgr_mouse().map(Event::Mouse),
            (None, None, b'M') => self.rxvt_mouse().map(Event::Mouse),
            // Text without a key, from an input method.
            (None, None, b'u') if self.number(0) == Some(0) => self.text().map(Event::Text),
            _ => match self.reply() {
                Some(reply) => Some(Event::Reply(reply)),
                None => self.key().map(Event::Key),
            },
        }
    }

    /// The parameters, each with its sub-parameters.
    fn param(&self, at: usize) -> Option<&'a str> {
        self.params.split(';').nth(at)
    }

    fn sub(&self, at: usize, sub: usize) -> Option<&'a str> {
        self.param(at)?.split(':').nth(sub)
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.sub(at, 0)?.parse().ok()
    }

    fn small(&self, at: usize) -> Option<u16> {
        self.sub(at, 0)?.parse().ok()
    }

    fn reply(&self) -> Option<Reply> {
        match (self.private, self.intermediate, self.last) {
            (Some(b'?'), None, b'c') => {
                let said = self.params.split(';').filter_map(|p| p.parse().ok());
                Some(Reply::Attributes(said.collect()))
            }
            (None, None, b'n') if self.params == "0" => Some(Reply::Ready),
            (Some(b'?'), None, b'R') => self.cursor(),
            // Shift+F3 looks the same in the first row; ask with the question mark to be sure of the answer.
            (None, None, b'R') if !self.is_f3() => self.cursor(),
            (Some(b'?'), Some(b'$'), b'y') => Some(Reply::Mode {
                mode: self.small(0)?,
                state: match self.number(1)? {
                    1 => ModeState::Set,
                    2 => ModeState::Reset,
                    3 => ModeState::AlwaysSet,
                    4 => ModeState::AlwaysReset,
                    _ => ModeState::Unknown,
                },
            }),
            (None, None, b't') => self.size(),
            (Some(b'?'), None, b'S') => Some(Reply::Graphics {
                item: self.small(0)?,
                status: self.small(1)?,
                values: self
                    .params
                    .split(';')
                    .skip(2)
                    .map_while(|p| p.parse().ok())
                    .collect(),
            }),
            (Some(b'?'), None, b'u') => Some(Reply::KeyboardFlags(self.sub(0, 0)?.parse().ok()?)),
            _ => None,
        }
    }

    fn cursor(&self) -> Option<Reply> {
        Some(Reply::Cursor {
            row: self.small(0)?,
            column: self.small(1)?,
        })
    }

    fn is_f3(&self) -> bool {
        let modifiers = self.number(1);
        self.params.is_empty()
            || self.sub(1, 1).is_some()
            || self.params.starts_with("1;") && modifiers.is_some_and(|m| (2..=16).contains(&m))
    }

    fn size(&self) -> Option<Reply> {
        let (height, width) = (self.number(1)?, self.number(2)?);
        Some(match self.number(0)? {
            4 => Reply::AreaPixels { width, height },
            6 => Reply::CellPixels { width, height },
            8 => Reply::AreaCells {
                columns: u16::try_from(width).ok()?,
                rows: u16::try_from(height).ok()?,
            },
            _ => return None,
        })
    }

    fn sgr_mouse(&self) -> Option<Mouse> {
        let (kind, modifiers) = mouse_kind(self.number(0)?, self.last == b'm')?;
        self.mouse_at(kind, modifiers)
    }

    /// Mode 1015: the same numbers plus 32, and no word on which button went up.
    fn rxvt_mouse(&self) -> Option<Mouse> {
        let (kind, modifiers) = mouse_kind(self.number(0)?.checked_sub(32)?, false)?;
        self.mouse_at(kind, modifiers)
    }

    fn mouse_at(&self, kind: MouseKind, modifiers: Modifiers) -> Option<Mouse> {
        // Pixels may lie outside of the window while a button is held: left of it is its left edge.
        let place = |at| {
            let place: i64 = self.sub(at, 0)?.parse().ok()?;
            u16::try_from((place - 1).max(0)).ok()
        };
        Some(Mouse {
            kind,
            x: place(1)?,
            y: place(2)?,
            modifiers,
        })
    }

    fn key(&self) -> Option<Key> {
        if self.private.is_some() {
            return None;
        }
        if let Some(key) = self.rxvt_key() {
            return Some(key);
        }
        if self.intermediate.is_some() {
            return None;
        }
        let (modifiers, kind) = self.modifiers()?;
        let code = match self.last {
            b'u' => return self.unicode_key(modifiers, kind),
            b'~' if self.number(0)? == 27 && self.param(2).is_some() => {
                // modifyOtherKeys: 27 ; modifiers ; character ~
                let key = plain(char::from_u32(self.number(2)?)?)?;
                return Some(Key {
                    modifiers: modifiers | key.modifiers,
                    ..key
                });
            }
            b'~' => numbered(self.number(0)?)?,
            b'Z' => {
                return Some(Key {
                    kind,
                    ..Key::with(KeyCode::Tab, modifiers | Modifiers::SHIFT)
                });
            }
            letter => lettered(letter)?,
        };
        Some(Key {
            kind,
            keypad: code == KeyCode::Begin,
            text: self.text(),
            ..Key::with(code, modifiers)
        })
    }

    /// The second parameter: modifiers plus one, and what the key did.
    fn modifiers(&self) -> Option<(Modifiers, KeyKind)> {
        let bits = match self.sub(1, 0) {
            None | Some("") => 0,
            Some(number) => number.parse::<u32>().ok()?.saturating_sub(1),
        };
        let kind = match self.sub(1, 1) {
            None | Some("" | "1") => KeyKind::Press,
            Some("2") => KeyKind::Repeat,
            Some("3") => KeyKind::Release,
            Some(_) => return None,
        };
        Some((Modifiers::from_bits((bits & 0xff) as u8), kind))
    }

    /// `character:shifted:base ; modifiers:kind ; text u`
    fn unicode_key(&self, modifiers: Modifiers, kind: KeyKind) -> Option<Key> {
        let number = self.number(0)?;
        let character =
            |sub| char::from_u32(self.sub(0, sub)?.parse().ok()?).filter(|c| !c.is_control());
        let key = match functional(number) {
            Some((code, keypad)) => Key {
                keypad,
                ..Key::new(code)
            },
            None => plain(char::from_u32(number)?)?,
        };
        Some(Key {
            modifiers: modifiers | key.modifiers,
            kind,
            shifted: character(1),
            base: character(2),
            text: self.text(),
            ..key
        })
    }

    /// The third parameter: code points of the text the key made.
    fn text(&self) -> Option<String> {
        let points = self.param(2)?.split(':');
        let characters = points.filter_map(|p| char::from_u32(p.parse().ok()?));
        let text: String = characters.filter(|c| !c.is_control()).collect();
        (!text.is_empty()).then_some(text)
    }

    /// rxvt ends numbered keys by `^`, `$` or `@` for modifiers, and writes arrows with Shift in small letters.
    fn rxvt_key(&self) -> Option<Key> {
        let modifiers = match (self.intermediate, self.last) {
            (None, b'$') => Modifiers::SHIFT,
            (None, b'^') => Modifiers::CTRL,
            (None, b'@') => Modifiers::CTRL | Modifiers::SHIFT,
            (None, b'a'..=b'd') if self.params.is_empty() => {
                let code = lettered(self.last.to_ascii_uppercase())?;
                return Some(Key::with(code, Modifiers::SHIFT));
            }
            _ => return None,
        };
        Some(Key::with(numbered(self.number(0)?)?, modifiers))
    }
}

/// Button and modifiers of a mouse report, as SGR writes them (without the 32 that older modes add).
pub(super) fn mouse_kind(code: u32, up: bool) -> Option<(MouseKind, Modifiers)> {
    let moved = code & 32 != 0;
    let button = match code & 0b1100_0011 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        n @ 128..=131 => Some(MouseButton::Side((n - 120) as u8)),
        _ => None,
    };
    let kind = match (code & 0b1100_0011, button) {
        (64, _) => MouseKind::ScrollUp,
        (65, _) => MouseKind::ScrollDown,
        (66, _) => MouseKind::ScrollLeft,
        (67, _) => MouseKind::ScrollRight,
        (3, _) if moved => MouseKind::Move,
        // The modes before SGR do not say which button went up.
        (3, _) => MouseKind::Release(MouseButton::Left),
        (_, Some(button)) if moved => MouseKind::Drag(button),
        (_, Some(button)) if up => MouseKind::Release(button),
        (_, Some(button)) => MouseKind::Press(button),
        _ => return None,
    };
    // A wheel that "goes up again" is no second notch.
    let wheel = code & 64 != 0;
    let mut modifiers = Modifiers::NONE;
    for (bit, modifier) in [
        (4, Modifiers::SHIFT),
        (8, Modifiers::ALT),
        (16, Modifiers::CTRL),
    ] {
        if code & bit != 0 {
            modifiers |= modifier;
        }
    }
    (!(wheel && up)).then_some((kind, modifiers))
}

/// The key that sends this character without any protocol. Control characters are keys with Control.
pub(super) fn plain(c: char) -> Option<Key> {
    let ctrl = |c| Key::with(KeyCode::Char(c), Modifiers::CTRL);
    Some(match c {
        '\r' => Key::new(KeyCode::Enter),
        '\t' => Key::new(KeyCode::Tab),
        '\x1b' => Key::new(KeyCode::Escape),
        '\x7f' => Key::new(KeyCode::Backspace),
        '\0' => ctrl(' '),
        '\x01'..='\x1a' => ctrl(char::from(c as u8 - 1 + b'a')),
        '\x1c' => ctrl('\\'),
        '\x1d' => ctrl(']'),
        '\x1e' => ctrl('^'),
        '\x1f' => ctrl('/'),
        c if c.is_control() => return None,
        c => Key::new(KeyCode::Char(c)),
    })
}

/// Keys of `CSI letter` and `SS3 letter`.
pub(super) fn lettered(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'E' => KeyCode::Begin,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        _ => return None,
    })
}

/// Keys of `SS3 letter` beyond those: the keypad in its application mode.
pub(super) fn keypad(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'M' => KeyCode::Enter,
        b'X' => KeyCode::Char('='),
        b'j'..=b'y' => KeyCode::Char(char::from(letter - b'j' + b'*')),
        _ => return None,
    })
}

/// Keys of `CSI number ~`.
fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        n @ 11..=15 => KeyCode::F((n - 10) as u8),
        n @ 17..=21 => KeyCode::F((n - 11) as u8),
        n @ 23..=26 => KeyCode::F((n - 12) as u8),
        28 => KeyCode::F(15),
        // F16 of a VT220, which PC keyboards have not; xterm and its like send it for the Menu key.
        29 => KeyCode::Menu,
        n @ 31..=34 => KeyCode::F((n - 14) as u8),
        57427 => KeyCode::Begin,
        _ => return None,
    })
}

/// Keys with a number of the kitty protocol's own, and whether they are of the keypad.
fn functional(number: u32) -> Option<(KeyCode, bool)> {
    const KEYPAD: [KeyCode; 29] = [
        KeyCode::Char('0'),
        KeyCode::Char('1'),
        KeyCode::Char('2'),
        KeyCode::Char('3'),
        KeyCode::Char('4'),
        KeyCode::Char('5'),
        KeyCode::Char('6'),
        KeyCode::Char('7'),
        KeyCode::Char('8'),
        KeyCode::Char('9'),
        KeyCode::Char('.'),
        KeyCode::Char('/'),
        KeyCode::Char('*'),
        KeyCode::Char('-'),
        KeyCode::Char('+'),
        KeyCode::Enter,
        KeyCode::Char('='),
        KeyCode::Char(','),
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Insert,
        KeyCode::Delete,
        KeyCode::Begin,
    ];
    const MEDIA: [MediaKey; 13] = [
        MediaKey::Play,
        MediaKey::Pause,
        MediaKey::PlayPause,
        MediaKey::Reverse,
        MediaKey::Stop,
        MediaKey::FastForward,
        MediaKey::Rewind,
        MediaKey::TrackNext,
        MediaKey::TrackPrevious,
        MediaKey::Record,
        MediaKey::LowerVolume,
        MediaKey::RaiseVolume,
        MediaKey::MuteVolume,
    ];
    const MODIFIERS: [ModifierKey; 14] = [
        ModifierKey::LeftShift,
        ModifierKey::LeftControl,
        ModifierKey::LeftAlt,
        ModifierKey::LeftSuper,
        ModifierKey::LeftHyper,
        ModifierKey::LeftMeta,
        ModifierKey::RightShift,
        ModifierKey::RightControl,
        ModifierKey::RightAlt,
        ModifierKey::RightSuper,
        ModifierKey::RightHyper,
        ModifierKey::RightMeta,
        ModifierKey::Level3Shift,
        ModifierKey::Level5Shift,
    ];
    let at = |first: u32| (number - first) as usize;
    let code = match number {
        57358 => KeyCode::CapsLock,
        57359 => KeyCode::ScrollLock,
        57360 => KeyCode::NumLock,
        57361 => KeyCode::PrintScreen,
        57362 => KeyCode::Pause,
        57363 => KeyCode::Menu,
        57376..=57398 => KeyCode::F((number - 57376 + 13) as u8),
        57399..=57427 => return Some((*KEYPAD.get(at(57399))?, true)),
        57428..=57440 => KeyCode::Media(*MEDIA.get(at(57428))?),
        57441..=57454 => KeyCode::Modifier(*MODIFIERS.get(at(57441))?),
        _ => return None,
    };
    Some((code, false))
}
