//! What a terminal says, as plain values.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// Something the terminal said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The mouse.
    Mouse(Mouse),
    /// Text that was pasted, with the line ends the terminal sent; cut at
    /// [`MOST_PASTED`](super::MOST_PASTED) bytes.
    Paste(String),
    /// Text that an input method or a compose key made.
    Text(String),
    /// The terminal's window got the keyboard.
    FocusGained,
    /// It lost the keyboard.
    FocusLost,
    /// The answer to a question.
    Reply(Reply),
}

/// A key of the user's keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// What was held with it.
    pub modifiers: Modifiers,
    /// Whether it went down or up.
    pub kind: KeyKind,
    /// Whether it is one of the keypad, where the terminal says so.
    pub keypad: bool,
    /// The character on its shifted level, where the terminal says so.
    pub shifted: Option<char>,
    /// The character at its place on a US keyboard, where the terminal says so and that is another.
    pub base: Option<char>,
    /// The text it made, where the terminal says so.
    pub text: Option<String>,
}

impl Key {
    /// A key that went down with nothing else held.
    pub const fn new(code: KeyCode) -> Self {
        Self::with(code, Modifiers::NONE)
    }

    /// A key that went down while others were held.
    pub const fn with(code: KeyCode, modifiers: Modifiers) -> Self {
        Self {
            code,
            modifiers,
            kind: KeyKind::Press,
            keypad: false,
            shifted: None,
            base: None,
            text: None,
        }
    }
}

/// What a key did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// Went down.
    #[default]
    Press,
    /// Repeats, because it is held.
    Repeat,
    /// Went up. Only some terminals say this.
    Release,
}

/// The name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum KeyCode {
    /// The character it makes; with the kitty protocol the one without modifiers.
    Char(char),
    /// A function key, from 1.
    F(u8),
    Escape,
    Enter,
    Tab,
    Backspace,
    Insert,
    Delete,
    Left,
    Right,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// The middle of the keypad without Num Lock.
    Begin,
    CapsLock,
    ScrollLock,
    NumLock,
    PrintScreen,
    Pause,
    Menu,
    /// A key that plays or turns the volume.
    Media(MediaKey),
    /// A modifier by itself.
    Modifier(ModifierKey),
}

/// A key that plays or turns the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MediaKey {
    Play,
    Pause,
    PlayPause,
    Reverse,
    Stop,
    FastForward,
    Rewind,
    TrackNext,
    TrackPrevious,
    Record,
    LowerVolume,
    RaiseVolume,
    MuteVolume,
}

/// A modifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ModifierKey {
    LeftShift,
    LeftControl,
    LeftAlt,
    LeftSuper,
    LeftHyper,
    LeftMeta,
    RightShift,
    RightControl,
    RightAlt,
    RightSuper,
    RightHyper,
    RightMeta,
    /// AltGr.
    Level3Shift,
    Level5Shift,
}

/// Modifiers, as the bits of the kitty protocol; the first four are those of xterm.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Modifiers(u8);

impl Modifiers {
    /// None.
    pub const NONE: Self = Self(0);
    /// Shift.
    pub const SHIFT: Self = Self(1);
    /// Alt.
    pub const ALT: Self = Self(2);
    /// Control.
    pub const CTRL: Self = Self(4);
    /// The Windows key.
    pub const SUPER: Self = Self(8);
    /// Hyper.
    pub const HYPER: Self = Self(16);
    /// Meta.
    pub const META: Self = Self(32);
    /// Caps Lock is on.
    pub const CAPS_LOCK: Self = Self(64);
    /// Num Lock is on.
    pub const NUM_LOCK: Self = Self(128);

    /// By their bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether all of `other` are among them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no key is held; locks do not count.
    pub const fn is_empty(self) -> bool {
        self.0 & !(Self::CAPS_LOCK.0 | Self::NUM_LOCK.0) == 0
    }
}

impl BitOr for Modifiers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Modifiers {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Modifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = [
            "Shift", "Alt", "Ctrl", "Super", "Hyper", "Meta", "CapsLock", "NumLock",
        ];
        let held = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 >> bit & 1 == 1);
        f.debug_set().entries(held.map(|(_, name)| name)).finish()
    }
}

/// Something the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// Column from 0; a pixel in the pixel mode (1016).
    pub x: u16,
    /// Row from 0; a pixel in the pixel mode.
    pub y: u16,
    /// What was held; terminals report Shift, Alt and Control.
    pub modifiers: Modifiers,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// A button went down.
    Press(MouseButton),
    /// A button went up.
    Release(MouseButton),
    /// It moved with this button down.
    Drag(MouseButton),
    /// It moved.
    Move,
    /// The wheel turned away from the user.
    ScrollUp,
    /// The wheel turned towards the user.
    ScrollDown,
    /// The wheel was pushed to the left.
    ScrollLeft,
    /// The wheel was pushed to the right.
    ScrollRight,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseButton {
    /// The left one.
    Left,
    /// The middle one.
    Middle,
    /// The right one.
    Right,
    /// One at the side, from 8 as X numbers them: 8 is back, 9 is forward.
    Side(u8),
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// DA1: what the terminal claims to be, and its extensions. 4 is sixel.
    Attributes(Vec<u16>),
    /// XTVERSION: name and version, as the terminal writes them; control characters left out.
    Version(String),
    /// DSR: all is well. It says that everything before the question was taken in.
    Ready,
    /// Where the cursor is, from 1.
    Cursor {
        /// The row.
        row: u16,
        /// The column.
        column: u16,
    },
    /// DECRPM: the state of a private mode.
    Mode {
        /// Its number.
        mode: u16,
        /// Its state.
        state: ModeState,
    },
    /// The size of the text area.
    AreaPixels {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The size of a cell.
    CellPixels {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The size of the text area in cells.
    AreaCells {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// XTSMGRAPHICS.
    Graphics {
        /// What was asked: 1 for colour registers, 2 for the largest sixel picture.
        item: u16,
        /// 0 when there is an answer.
        status: u16,
        /// The answer.
        values: Vec<u32>,
    },
    /// Flags of the kitty keyboard protocol that are in force.
    KeyboardFlags(u8),
    /// A default colour.
    Colour {
        /// Whether it is of the background; else of text.
        background: bool,
        /// Red, green, blue.
        rgb: [u8; 3],
    },
    /// DECRQSS of attributes, after a colour was set as red, green and blue: whether it is told back as that.
    DirectColour(bool),
    /// Kitty graphics.
    Kitty {
        /// The image.
        id: u32,
        /// What became of it: `OK`, or an error's name and text; control characters left out.
        message: String,
    },
}

/// What a terminal says of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeState {
    /// It does not know it.
    Unknown,
    /// On.
    Set,
    /// Off.
    Reset,
    /// On, and always will be.
    AlwaysSet,
    /// Off, and always will be.
    AlwaysReset,
}

impl ModeState {
    /// Whether the mode can be on.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Set | Self::Reset | Self::AlwaysSet)
    }
}
