//! What can happen in the viewer, and what it wants done outside.

use bytes::Bytes;

use super::deck::{Order, Timeline};
use super::origin::Search;
use super::panes::timeline::Press;
use super::recording::Running;
use super::redial::{Reach, Reached};
use super::typist::{Finger, Held, Key};
use crate::channel::inputs::Button;
use crate::geometry::{Point, Size};
use crate::keyboard::Layout;
use crate::session::{ClientEvent, CloseReason, Command};
use crate::term::input::Key as TerminalKey;
use crate::term::probe::Capabilities;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The escape key.
    Escape,
    /// A key for the menu that is open.
    Menu(MenuKey),
    /// A key for the guest.
    Key(GuestKey),
    /// How recording goes; `None` when nothing is recorded.
    Recording(Option<Running>),
    /// Something to be told of recording.
    Recorded(String),
    /// A key of the player.
    Player(Press),
    /// The player is at another place.
    Timeline(Box<Timeline>),
    /// What becomes of the question who drew a pixel.
    Search(Box<Search>),
    /// A key for the port that is shown.
    PortKey(TerminalKey),
    /// Text was pasted.
    Paste(String),
    /// Text that the user's keyboard made without a single key for it: composed, or by an input method.
    Text(String),
    /// The mouse.
    Pointer(Pointer),
    /// The terminal's window lost the keyboard.
    FocusLost,
    /// The terminal has another size.
    Resized {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
        /// Width divided by height of a cell.
        cell_aspect: f64,
    },
    /// A line for the user.
    Tip {
        /// What.
        line: &'static str,
        /// Whether it was never said before.
        is_new: bool,
    },
    /// The terminal lost the picture, or is another one.
    PictureLost,
    /// The terminal is known better.
    Capabilities {
        /// What it can do, as far as it is known.
        capabilities: Box<Capabilities>,
        /// Whether it answers questions at all.
        answers: bool,
    },
    /// The terminal says that everything up to the oldest fence has arrived.
    Arrived,
    /// The system has taken all bytes for the terminal but these.
    Written {
        /// Bytes that wait.
        outstanding: u64,
    },
    /// From the session.
    Session(ClientEvent),
    /// How loud the sound was lately, per cent.
    Level(u8),
    /// The sound is not heard, for this reason; `None` when it is.
    Unheard(Option<String>),
    /// The microphone cannot be heard with, for this reason; `None` when it can.
    MicrophoneFails(Option<String>),
    /// Switch the microphone on or off.
    Microphone,
    /// What became of looking for the server again.
    Redialled(Reached),
    /// A line of the program's own log.
    Logged(String),
    /// The picture is about to be drawn.
    Frame,
    /// It was drawn, with this many bytes to the terminal.
    Painted {
        /// Bytes written.
        bytes: usize,
    },
    /// A file was written for the user, or why it was not.
    Saved(Result<String, String>),
    /// Time passed; something may be due.
    Time,
}

/// A key for the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKey {
    /// Pressed, on a terminal that does not say when it is released.
    Tap(Key, Held),
    /// Pressed, or repeating.
    Down(Finger, Key, Held),
    /// Released.
    Up(Finger),
}

/// A key for a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MenuKey {
    Char(char),
    Ctrl(char),
    Up,
    Down,
    Left,
    Right,
    ShiftUp,
    ShiftDown,
    ShiftLeft,
    ShiftRight,
    PageUp,
    PageDown,
    Tab,
    ShiftTab,
    Enter,
    /// Deletes what was typed last, or goes back.
    Back,
    /// Goes away.
    Close,
}

impl MenuKey {
    /// The same key without Shift, where that counts, and Tab as an arrow.
    pub fn without_shift(self) -> Self {
        match self {
            Self::ShiftUp => Self::Up,
            Self::ShiftDown => Self::Down,
            Self::ShiftLeft => Self::Left,
            Self::ShiftRight => Self::Right,
            Self::Tab => Self::Down,
            Self::ShiftTab => Self::Up,
            key => key,
        }
    }
}

/// Something the mouse did, at a cell of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Column from 0.
    pub column: u16,
    /// Row from 0.
    pub row: u16,
    /// The part of the cell, and how many parts it has: pixels, where the terminal reports them.
    pub part: (Point, Size),
    /// What.
    pub did: Mouse,
}

/// What a mouse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// Moved without a button.
    Move,
    /// Moved with a button.
    Drag,
    /// A button went down.
    Press(Button),
    /// A button went up.
    Release(Button),
    /// The wheel turned by a notch; up or down.
    Wheel(Button),
}

/// What the viewer wants done outside of itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A command for the session.
    Command(Command),
    /// Record, or record no longer.
    Record,
    /// Mark this moment of the recording.
    MarkRecording,
    /// Something for the player.
    Play(Order),
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// Write a new file.
    Save {
        /// The beginning of its name.
        stem: &'static str,
        /// The end of its name, without the dot.
        extension: &'static str,
        /// What goes into it.
        content: Bytes,
    },
    /// The guest's layout is this one, the next time too.
    Layout(&'static Layout),
    /// Look for the server that was lost.
    Redial(Reach),
    /// Let the guest's sound be heard, or not.
    Sound(bool),
    /// Make it quieter by this much, per cent.
    Quieter(u8),
    /// Let the guest hear the microphone, or not.
    Microphone(bool),
    /// Give the terminal back to the shell until the user returns.
    Suspend,
    /// The end.
    End(Ending),
}

/// How the viewer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The user quit.
    Quit,
    /// The session was closed from outside.
    Closed(CloseReason),
    /// A signal asked for it; its number.
    Signal(i32),
}
