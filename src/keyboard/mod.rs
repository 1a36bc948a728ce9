//! Characters and chords as keys of a keyboard; knows nothing of SPICE or of terminals.
//!
//! A key is its PC set-1 make code: `0x1e` for A; codes that begin with E0 have `0xe0` in the second byte, as in `0xe038`
//! for the right Alt. A [`Layout`] says which strokes make a character in the guest, a [`Chord`] is keys held together
//! as a person writes them (`ctrl+alt+delete`).

mod accents;
mod chord;
mod layout;
mod layouts;
mod names;
mod near;
mod numpad;

pub use accents::composed;
pub use chord::{Chord, ChordError, Fingers, Key};
pub use layout::{CapsLock, Layout, Stroke, Strokes, UnknownLayout};
pub use layouts::LAYOUTS;
pub use names::{key_name, keys, normal};
pub use numpad::alt_code;

/// Left Control.
pub const CTRL: u32 = 0x1d;
/// Left Alt.
pub const ALT: u32 = 0x38;
/// Left Shift.
pub const SHIFT: u32 = 0x2a;
/// The right Alt, which is AltGr in layouts with characters on it.
pub const ALT_GR: u32 = 0xe038;
/// The left Windows key.
pub const SUPER: u32 = 0xe05b;
/// Caps Lock.
pub const CAPS_LOCK: u32 = 0x3a;
