//! The inputs channel: keyboard and mouse to the guest, lock lights back.
//!
//! Protocol: spec 03 part A.

mod client;
pub mod messages;
pub mod scancode;
mod server;

pub use client::Client;
pub use server::{Server, Surroundings};

use crate::wire::{wire_enum, wire_flags};

wire_flags! {
    /// The locks (and lights) of a PC keyboard.
    pub struct Locks: u16 {
        /// Scroll lock.
        SCROLL = 1,
        /// Num lock.
        NUM = 2,
        /// Caps lock.
        CAPS = 4,
    }
}

wire_enum! {
    /// A mouse button; one detent of the wheel is a press and a release of `Up` or `Down`.
    pub enum Button: u8 {
        /// Left button.
        Left = 1,
        /// Middle button.
        Middle = 2,
        /// Right button.
        Right = 3,
        /// Wheel away from the user.
        Up = 4,
        /// Wheel towards the user.
        Down = 5,
        /// First thumb button.
        Side = 6,
        /// Second thumb button.
        Extra = 7,
    }
}

wire_flags! {
    /// The buttons that are held.
    pub struct Buttons: u16 {
        /// Left button.
        LEFT = 1,
        /// Middle button.
        MIDDLE = 2,
        /// Right button.
        RIGHT = 4,
        /// Wheel away from the user.
        UP = 8,
        /// Wheel towards the user.
        DOWN = 0x10,
        /// First thumb button.
        SIDE = 0x20,
        /// Second thumb button.
        EXTRA = 0x40,
    }
}

impl Button {
    /// The buttons that can be held, which a wheel cannot.
    pub const HELD: [Self; 5] = [
        Self::Left,
        Self::Middle,
        Self::Right,
        Self::Side,
        Self::Extra,
    ];

    /// The bit of a button that can be held; none for others. The reference client never sets those of the wheel.
    pub const fn bit(self) -> Buttons {
        match self {
            Self::Left => Buttons::LEFT,
            Self::Middle => Buttons::MIDDLE,
            Self::Right => Buttons::RIGHT,
            Self::Side => Buttons::SIDE,
            Self::Extra => Buttons::EXTRA,
            _ => Buttons::empty(),
        }
    }
}

/// What a user of a client does to the guest.
///
/// A key is its PC set-1 make code: `0x1e` for A; codes that begin with E0 are `0xe0` in the second byte, as in
/// `0xe04b` for the left arrow; Pause is `0xe11d45`. The client adds break bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputEvent {
    /// A key goes down, or repeats.
    KeyDown(u32),
    /// A key goes up.
    KeyUp(u32),
    /// A key goes down and up at once, so that no delay on the way can make the guest repeat it.
    KeyTap(u32),
    /// The pointer is at this pixel of a display (mouse mode CLIENT).
    Position {
        /// Column, from the left of the display's first monitor.
        x: u32,
        /// Row.
        y: u32,
        /// Id of the display channel.
        display: u8,
    },
    /// The pointer moved by this many pixels (mouse mode SERVER).
    Motion {
        /// To the right.
        dx: i32,
        /// Downwards.
        dy: i32,
    },
    /// A button goes down.
    Press(Button),
    /// A button goes up.
    Release(Button),
    /// One detent of the wheel; [`Button::Up`] or [`Button::Down`].
    Wheel(Button),
    /// The locks as they should be.
    Locks(Locks),
    /// Everything held goes up: keys and buttons.
    ReleaseAll,
    /// Nothing for the guest: asks the server to say when it has taken in everything before, see [`Event::Taken`].
    Fence,
}

/// What the inputs channel tells the user of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The guest's lights, at the start and when they change.
    Locks(Locks),
    /// The server has taken in everything up to the last [`InputEvent::Fence`].
    Taken,
}
