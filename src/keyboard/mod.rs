//! Characters as keys of a keyboard layout; knows nothing of SPICE or of terminals.
//!
//! A key is its PC set-1 make code: `0x1e` for A.

mod us;

pub use us::us;

/// How a layout makes a character: one key, with or without Shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// The key's make code.
    pub key: u32,
    /// Whether Shift is held.
    pub shift: bool,
}
