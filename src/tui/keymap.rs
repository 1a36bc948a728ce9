//! Terminal events as actions.
//!
//! The escape key belongs to the viewer; with a menu open every key does; otherwise keys are the guest's.

use std::fmt;
use std::str::FromStr;

use super::action::{Action, GuestKey, MenuKey, Mouse, Pointer};
use super::panes::timeline;
use super::typist::{Finger, Held, Key};
use crate::channel::inputs::Button;
use crate::channel::inputs::scancode::make_code;
use crate::geometry::{Point, Size};
use crate::keyboard::Layout;
use crate::term::input::{
    Event, Key as Pressed, KeyCode, KeyKind, MediaKey, ModifierKey, Modifiers, Mouse as Moved,
    MouseButton, MouseKind,
};

/// What Print Screen sends while Alt is held.
pub const SYS_RQ: u32 = 0x54;

/// What the keymap has to know about the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The way out of the guest's keyboard.
    pub escape: Escape,
    /// Whether a menu or page of the viewer has the keyboard.
    pub menu: bool,
    /// Whether a recording is played, whose player has it otherwise.
    pub plays: bool,
    /// Whether a port has it otherwise, and not the guest's keyboard.
    pub port: bool,
    /// Whether the terminal reports releases and modifier keys.
    pub releases: bool,
    /// The guest's layout.
    pub layout: &'static Layout,
    /// Whether the guest's Num Lock is on.
    pub num_lock: bool,
}

/// The action for a terminal event, if it has one.
pub fn action(event: Event, mode: Mode) -> Option<Action> {
    match event {
        Event::Key(key) => key_action(key, mode),
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Text(text) => Some(Action::Text(text)),
        Event::Mouse(mouse) => mouse_action(mouse),
        Event::FocusLost => Some(Action::FocusLost),
        // Answers are the run loop's: it asked.
        Event::FocusGained | Event::Reply(_) => None,
    }
}

fn key_action(key: Pressed, mode: Mode) -> Option<Action> {
    let released = key.kind == KeyKind::Release;
    if mode.escape.is(&key) {
        return (key.kind == KeyKind::Press).then_some(Action::Escape);
    }
    if mode.menu && !released {
        return menu_key(&key).map(Action::Menu);
    }
    if mode.plays {
        return (!released).then(|| Action::Player(timeline::key(&key)));
    }
    if mode.port {
        return (!released).then_some(Action::PortKey(key));
    }
    let finger = finger(&key);
    if released {
        // Whatever it was when it went down.
        return mode.releases.then_some(Action::Key(GuestKey::Up(finger)));
    }
    let text = key.text.as_deref().filter(|_| !makes_chord(&key));
    if let Some(text) = text.filter(|text| text.chars().nth(1).is_some()) {
        return Some(Action::Text(text.to_owned()));
    }
    let held = held(&key);
    let key = guest_key(&key, mode)?;
    Some(Action::Key(match mode.releases {
        true => GuestKey::Down(finger, key, held),
        false => GuestKey::Tap(key, held),
    }))
}

/// Which key of the user's keyboard it is: the one at the place of this one on a US keyboard, where the terminal knows.
fn finger(key: &Pressed) -> Finger {
    Finger {
        code: match key.code {
            KeyCode::Char(c) => KeyCode::Char(key.base.unwrap_or(c).to_ascii_lowercase()),
            code => code,
        },
        keypad: key.keypad,
    }
}

/// Whether a character is no text because of what is held with it.
fn makes_chord(key: &Pressed) -> bool {
    let chords = [
        Modifiers::CTRL,
        Modifiers::ALT,
        Modifiers::SUPER,
        Modifiers::HYPER,
        Modifiers::META,
    ];
    chords.into_iter().any(|m| key.modifiers.contains(m))
}

/// The character a key makes: the text of the terminal where it is text, and else what is on the key. Text knows of
/// levels that a key's name does not, AltGr's for one.
fn character(key: &Pressed, c: char) -> char {
    let has = |m| key.modifiers.contains(m);
    let text = key.text.as_deref().filter(|_| !makes_chord(key));
    if let Some(made) = text.and_then(|text| text.chars().next()) {
        return made;
    }
    match key.shifted {
        Some(shifted) if has(Modifiers::SHIFT) => shifted,
        None if has(Modifiers::SHIFT) && c.is_ascii_lowercase() => c.to_ascii_uppercase(),
        _ => c,
    }
}

fn held(key: &Pressed) -> Held {
    let has = |m| key.modifiers.contains(m);
    Held {
        ctrl: has(Modifiers::CTRL),
        alt: has(Modifiers::ALT),
        logo: has(Modifiers::SUPER),
        shift: has(Modifiers::SHIFT) && !matches!(key.code, KeyCode::Char(_)),
    }
}

fn menu_key(key: &Pressed) -> Option<MenuKey> {
    let shift = key.modifiers.contains(Modifiers::SHIFT);
    Some(match key.code {
        KeyCode::Up if shift => MenuKey::ShiftUp,
        KeyCode::Down if shift => MenuKey::ShiftDown,
        KeyCode::Left if shift => MenuKey::ShiftLeft,
        KeyCode::Right if shift => MenuKey::ShiftRight,
        KeyCode::Char('c' | 'g' | '[') if key.modifiers.contains(Modifiers::CTRL) => MenuKey::Close,
        KeyCode::Char(c) if key.modifiers.contains(Modifiers::CTRL) => MenuKey::Ctrl(c),
        KeyCode::Char(c) => MenuKey::Char(character(key, c)),
        KeyCode::Escape => MenuKey::Close,
        KeyCode::Enter => MenuKey::Enter,
        KeyCode::Backspace => MenuKey::Back,
        KeyCode::Up => MenuKey::Up,
        KeyCode::Tab if shift => MenuKey::ShiftTab,
        KeyCode::Tab => MenuKey::Tab,
        KeyCode::Down => MenuKey::Down,
        KeyCode::Left => MenuKey::Left,
        KeyCode::Right => MenuKey::Right,
        KeyCode::PageUp => MenuKey::PageUp,
        KeyCode::PageDown => MenuKey::PageDown,
        _ => return None,
    })
}

fn guest_key(key: &Pressed, mode: Mode) -> Option<Key> {
    let name = match key.code {
        KeyCode::Char(c) => match keypad_key(c) {
            // A digit is a digit, whatever the guest's Num Lock.
            Some(name) if key.keypad && (mode.num_lock || !moves_without_num_lock(c)) => name,
            _ => return Some(character_key(key, c, mode.layout)),
        },
        KeyCode::F(number) => return function_key(number),
        KeyCode::Backspace => "Backspace",
        KeyCode::Enter if key.keypad => "NumpadEnter",
        KeyCode::Enter => "Enter",
        KeyCode::Tab => "Tab",
        KeyCode::Escape => "Escape",
        KeyCode::Left => "ArrowLeft",
        KeyCode::Right => "ArrowRight",
        KeyCode::Up => "ArrowUp",
        KeyCode::Down => "ArrowDown",
        KeyCode::Home => "Home",
        KeyCode::End => "End",
        KeyCode::PageUp => "PageUp",
        KeyCode::PageDown => "PageDown",
        KeyCode::Insert => "Insert",
        KeyCode::Delete => "Delete",
        KeyCode::CapsLock => "CapsLock",
        KeyCode::ScrollLock => "ScrollLock",
        KeyCode::NumLock => "NumLock",
        KeyCode::PrintScreen if key.modifiers.contains(Modifiers::ALT) => {
            return Some(Key::Code(SYS_RQ));
        }
        KeyCode::PrintScreen => "PrintScreen",
        KeyCode::Pause => "Pause",
        KeyCode::Menu => "ContextMenu",
        // With Num Lock it is a digit there.
        KeyCode::Begin if mode.num_lock => return None,
        KeyCode::Begin => "Numpad5",
        KeyCode::Media(media) => media_key(media)?,
        KeyCode::Modifier(modifier) => modifier_key(modifier)?,
    };
    make_code(name).map(Key::Code)
}

/// A character by the guest's layout; by its place where it is a chord of letters the guest does not have.
fn character_key(key: &Pressed, c: char, layout: &Layout) -> Key {
    let made = character(key, c);
    let place = || Layout::us().chord_stroke(key.base?);
    match makes_chord(key) && layout.chord_stroke(made).is_none() {
        true => place().map_or(Key::Char(made), |stroke| Key::Code(stroke.key)),
        false => Key::Char(made),
    }
}

fn moves_without_num_lock(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ',')
}

fn function_key(number: u8) -> Option<Key> {
    make_code(&format!("F{number}")).map(Key::Code)
}

fn keypad_key(c: char) -> Option<&'static str> {
    Some(match c {
        '0' => "Numpad0",
        '1' => "Numpad1",
        '2' => "Numpad2",
        '3' => "Numpad3",
        '4' => "Numpad4",
        '5' => "Numpad5",
        '6' => "Numpad6",
        '7' => "Numpad7",
        '8' => "Numpad8",
        '9' => "Numpad9",
        '.' => "NumpadDecimal",
        ',' => "NumpadComma",
        '+' => "NumpadAdd",
        '-' => "NumpadSubtract",
        '*' => "NumpadMultiply",
        '/' => "NumpadDivide",
        '=' => "NumpadEqual",
        _ => return None,
    })
}

fn media_key(key: MediaKey) -> Option<&'static str> {
    Some(match key {
        MediaKey::Play | MediaKey::Pause | MediaKey::PlayPause => "MediaPlayPause",
        MediaKey::Stop => "MediaStop",
        MediaKey::TrackNext => "MediaTrackNext",
        MediaKey::TrackPrevious => "MediaTrackPrevious",
        MediaKey::LowerVolume => "AudioVolumeDown",
        MediaKey::RaiseVolume => "AudioVolumeUp",
        MediaKey::MuteVolume => "AudioVolumeMute",
        _ => return None,
    })
}

fn modifier_key(key: ModifierKey) -> Option<&'static str> {
    Some(match key {
        ModifierKey::LeftShift => "ShiftLeft",
        ModifierKey::RightShift => "ShiftRight",
        ModifierKey::LeftControl => "ControlLeft",
        ModifierKey::RightControl => "ControlRight",
        ModifierKey::LeftAlt => "AltLeft",
        ModifierKey::RightAlt => "AltRight",
        ModifierKey::LeftSuper => "MetaLeft",
        ModifierKey::RightSuper => "MetaRight",
        // AltGr has done its work here: the character it makes is what the guest gets.
        _ => return None,
    })
}

fn mouse_action(mouse: Moved) -> Option<Action> {
    let button = |b| match b {
        MouseButton::Left => Some(Button::Left),
        MouseButton::Middle => Some(Button::Middle),
        MouseButton::Right => Some(Button::Right),
        MouseButton::Side(8) => Some(Button::Side),
        MouseButton::Side(9) => Some(Button::Extra),
        MouseButton::Side(_) => None,
    };
    let did = match mouse.kind {
        MouseKind::Press(b) => Mouse::Press(button(b)?),
        MouseKind::Release(b) => Mouse::Release(button(b)?),
        MouseKind::Drag(_) => Mouse::Drag,
        MouseKind::Move => Mouse::Move,
        MouseKind::ScrollUp => Mouse::Wheel(Button::Up),
        MouseKind::ScrollDown => Mouse::Wheel(Button::Down),
        MouseKind::ScrollLeft | MouseKind::ScrollRight => return None,
    };
    Some(Action::Pointer(Pointer {
        column: mouse.x,
        row: mouse.y,
        part: (Point::default(), Size::new(1, 1)),
        did,
    }))
}

/// The key that opens the viewer's menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Ctrl and a character, in lower case.
    Ctrl(char),
    /// A function key.
    Function(u8),
}

impl Default for Escape {
    fn default() -> Self {
        Self::Ctrl(']')
    }
}

impl Escape {
    fn is(self, key: &Pressed) -> bool {
        match self {
            Self::Ctrl(c) => {
                let is = |k: char| k.to_ascii_lowercase() == c;
                let named =
                    matches!(key.code, KeyCode::Char(k) if is(k)) || key.base.is_some_and(is);
                named && key.modifiers.contains(Modifiers::CTRL)
            }
            Self::Function(number) => key.code == KeyCode::F(number) && key.modifiers.is_empty(),
        }
    }

    /// The key itself, pressed on the user's keyboard.
    pub fn pressed(self) -> Pressed {
        match self {
            Self::Ctrl(c) => Pressed::with(KeyCode::Char(c), Modifiers::CTRL),
            Self::Function(number) => Pressed::new(KeyCode::F(number)),
        }
    }

    /// The key itself, for the guest.
    pub fn for_guest(self) -> Option<(Key, Held)> {
        let ctrl = Held {
            ctrl: true,
            ..Held::default()
        };
        match self {
            Self::Ctrl(c) => Some((Key::Char(c), ctrl)),
            Self::Function(number) => function_key(number).map(|key| (key, Held::default())),
        }
    }
}

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ctrl(c) => write!(f, "Ctrl+{}", c.to_ascii_uppercase()),
            Self::Function(number) => write!(f, "F{number}"),
        }
    }
}

impl FromStr for Escape {
    type Err = String;

    /// `ctrl+]`, `^]` or `f12`. Only what a terminal can tell from other keys: letters except `i`, `j`, `m`, and
    /// `\`, `]`, `^`.
    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let ctrl = lower
            .strip_prefix("ctrl+")
            .or_else(|| lower.strip_prefix('^'));
        let mut rest = ctrl.unwrap_or_default().chars();
        match (rest.next(), rest.next()) {
            (Some('i' | 'j' | 'm'), None) => {
                return Err("terminals send the same for it as for Tab or Enter".into());
            }
            (Some(c @ ('a'..='z' | '\\' | ']' | '^')), None) => return Ok(Self::Ctrl(c)),
            _ => {}
        }
        match lower.strip_prefix('f').map(str::parse) {
            Some(Ok(number @ 1..=24)) => Ok(Self::Function(number)),
            _ => Err("expected ctrl+LETTER, ctrl+], ctrl+\\, ctrl+^ or f1 to f24".into()),
        }
    }
}
