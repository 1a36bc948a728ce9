//! Terminal events as actions.
//!
//! The escape key belongs to the viewer; with a menu open every key does; otherwise keys are the guest's.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MediaKeyCode,
    ModifierKeyCode, MouseButton, MouseEvent, MouseEventKind,
};

use super::action::{Action, GuestKey, MenuKey, Mouse, Pointer};
use super::typist::{Held, Key};
use crate::channel::inputs::Button;
use crate::channel::inputs::scancode::make_code;

/// What Print Screen sends while Alt is held.
pub const SYS_RQ: u32 = 0x54;

/// What the keymap has to know about the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The way out of the guest's keyboard.
    pub escape: Escape,
    /// Whether a menu or page of the viewer has the keyboard.
    pub menu: bool,
    /// Whether the terminal reports releases and modifier keys.
    pub releases: bool,
}

/// The action for a terminal event, if it has one.
pub fn action(event: Event, mode: Mode) -> Option<Action> {
    match event {
        Event::Key(key) => key_action(normal(key, mode.releases), mode),
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Mouse(mouse) => mouse_action(mouse),
        Event::FocusLost => Some(Action::FocusLost),
        // The run loop knows more about a resize than the event says.
        Event::Resize(..) | Event::FocusGained => None,
    }
}

fn key_action(key: KeyEvent, mode: Mode) -> Option<Action> {
    let released = key.kind == KeyEventKind::Release;
    if mode.escape.is(&key) {
        return (key.kind == KeyEventKind::Press).then_some(Action::Escape);
    }
    if mode.menu && !released {
        return menu_key(&key).map(Action::Menu);
    }
    let held = held(&key);
    let key = guest_key(&key)?;
    Some(Action::Key(match (mode.releases, released) {
        (true, true) => GuestKey::Up(key),
        (true, false) => GuestKey::Down(key, held),
        (false, true) => return None,
        (false, false) => GuestKey::Tap(key, held),
    }))
}

/// The key as its label says: without the protocol for releases, Ctrl with `\`, `]`, `^` and `/` arrives as Ctrl with
/// a digit.
fn normal(mut key: KeyEvent, releases: bool) -> KeyEvent {
    if !releases && key.modifiers.contains(KeyModifiers::CONTROL) {
        key.code = match key.code {
            KeyCode::Char('4') => KeyCode::Char('\\'),
            KeyCode::Char('5') => KeyCode::Char(']'),
            KeyCode::Char('6') => KeyCode::Char('^'),
            KeyCode::Char('7') => KeyCode::Char('/'),
            other => other,
        };
    }
    key
}

fn held(key: &KeyEvent) -> Held {
    let has = |m| key.modifiers.contains(m);
    Held {
        ctrl: has(KeyModifiers::CONTROL),
        alt: has(KeyModifiers::ALT),
        logo: has(KeyModifiers::SUPER),
        shift: has(KeyModifiers::SHIFT) && !matches!(key.code, KeyCode::Char(_)),
    }
}

fn menu_key(key: &KeyEvent) -> Option<MenuKey> {
    Some(match key.code {
        KeyCode::Char('c' | 'g' | '[') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            MenuKey::Close
        }
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => MenuKey::Ctrl(c),
        KeyCode::Char(c) => MenuKey::Char(c),
        KeyCode::Esc => MenuKey::Close,
        KeyCode::Enter => MenuKey::Enter,
        KeyCode::Backspace => MenuKey::Back,
        KeyCode::Up | KeyCode::BackTab => MenuKey::Up,
        KeyCode::Down | KeyCode::Tab => MenuKey::Down,
        KeyCode::Left => MenuKey::Left,
        KeyCode::Right => MenuKey::Right,
        KeyCode::PageUp => MenuKey::PageUp,
        KeyCode::PageDown => MenuKey::PageDown,
        _ => return None,
    })
}

fn guest_key(key: &KeyEvent) -> Option<Key> {
    let keypad = key.state.contains(KeyEventState::KEYPAD);
    let name = match key.code {
        KeyCode::Char(c) => match keypad_key(c) {
            Some(name) if keypad => name,
            _ => return Some(Key::Char(c)),
        },
        KeyCode::F(number) => return function_key(number),
        KeyCode::Backspace => "Backspace",
        KeyCode::Enter if keypad => "NumpadEnter",
        KeyCode::Enter => "Enter",
        KeyCode::Tab | KeyCode::BackTab => "Tab",
        KeyCode::Esc => "Escape",
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
        KeyCode::PrintScreen if key.modifiers.contains(KeyModifiers::ALT) => {
            return Some(Key::Code(SYS_RQ));
        }
        KeyCode::PrintScreen => "PrintScreen",
        KeyCode::Pause => "Pause",
        KeyCode::Menu => "ContextMenu",
        KeyCode::KeypadBegin => "Numpad5",
        KeyCode::Media(media) => media_key(media)?,
        KeyCode::Modifier(modifier) => modifier_key(modifier)?,
        KeyCode::Null => return None,
    };
    make_code(name).map(Key::Code)
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

fn media_key(key: MediaKeyCode) -> Option<&'static str> {
    Some(match key {
        MediaKeyCode::Play | MediaKeyCode::Pause | MediaKeyCode::PlayPause => "MediaPlayPause",
        MediaKeyCode::Stop => "MediaStop",
        MediaKeyCode::TrackNext => "MediaTrackNext",
        MediaKeyCode::TrackPrevious => "MediaTrackPrevious",
        MediaKeyCode::LowerVolume => "AudioVolumeDown",
        MediaKeyCode::RaiseVolume => "AudioVolumeUp",
        MediaKeyCode::MuteVolume => "AudioVolumeMute",
        _ => return None,
    })
}

fn modifier_key(key: ModifierKeyCode) -> Option<&'static str> {
    Some(match key {
        ModifierKeyCode::LeftShift => "ShiftLeft",
        ModifierKeyCode::RightShift => "ShiftRight",
        ModifierKeyCode::LeftControl => "ControlLeft",
        ModifierKeyCode::RightControl => "ControlRight",
        ModifierKeyCode::LeftAlt => "AltLeft",
        ModifierKeyCode::RightAlt => "AltRight",
        ModifierKeyCode::LeftSuper => "MetaLeft",
        ModifierKeyCode::RightSuper => "MetaRight",
        // AltGr has done its work here: the character it makes is what the guest gets.
        _ => return None,
    })
}

fn mouse_action(mouse: MouseEvent) -> Option<Action> {
    let button = |b| match b {
        MouseButton::Left => Button::Left,
        MouseButton::Middle => Button::Middle,
        MouseButton::Right => Button::Right,
    };
    let did = match mouse.kind {
        MouseEventKind::Down(b) => Mouse::Press(button(b)),
        MouseEventKind::Up(b) => Mouse::Release(button(b)),
        MouseEventKind::Drag(_) | MouseEventKind::Moved => Mouse::Move,
        MouseEventKind::ScrollUp => Mouse::Wheel(Button::Up),
        MouseEventKind::ScrollDown => Mouse::Wheel(Button::Down),
        MouseEventKind::ScrollLeft | MouseEventKind::ScrollRight => return None,
    };
    Some(Action::Pointer(Pointer {
        column: mouse.column,
        row: mouse.row,
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
    fn is(self, key: &KeyEvent) -> bool {
        match self {
            Self::Ctrl(c) => {
                let code = match key.code {
                    KeyCode::Char(k) => KeyCode::Char(k.to_ascii_lowercase()),
                    other => other,
                };
                code == KeyCode::Char(c) && key.modifiers.contains(KeyModifiers::CONTROL)
            }
            Self::Function(number) => key.code == KeyCode::F(number) && key.modifiers.is_empty(),
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
