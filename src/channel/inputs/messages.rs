//! Layouts of the inputs channel's messages (spec 03 §A1).

use super::{Button, Buttons, Locks};
use crate::channel::common::messages::Opaque;
use crate::channel::messages;
use crate::wire::wire_struct;

messages! {
    /// Server → client.
    pub enum ServerMessage<'a> {
        /// The guest's lights at the start.
        101 INIT Init(Modifiers),
        /// The guest's lights changed.
        102 KEY_MODIFIERS KeyModifiers(Modifiers),
        /// Four more motions or positions have arrived.
        111 MOUSE_MOTION_ACK MouseMotionAck,
    }
}

messages! {
    /// Client → server.
    pub enum ClientMessage<'a> {
        /// A key goes down, or repeats.
        101 KEY_DOWN KeyDown(KeyCode),
        /// A key goes up.
        102 KEY_UP KeyUp(KeyCode),
        /// The locks as they should be.
        103 KEY_MODIFIERS KeyModifiers(Modifiers),
        /// Any number of scan code bytes; needs the server's capability KEY_SCANCODE.
        104 KEY_SCANCODE KeyScancode(Opaque<'a>),
        /// The pointer moved.
        111 MOUSE_MOTION MouseMotion(MouseMotion),
        /// The pointer is somewhere.
        112 MOUSE_POSITION MousePosition(MousePosition),
        /// A button goes down.
        113 MOUSE_PRESS MousePress(MouseButton),
        /// A button goes up.
        114 MOUSE_RELEASE MouseRelease(MouseButton),
    }
}

wire_struct! {
    /// Locks of the keyboard. Numbers 101 and 102 from the server, 103 from the client.
    pub struct Modifiers { modifiers: Locks }
}

wire_struct! {
    /// Up to four scan code bytes, the first in the low byte, ended by a zero byte. Numbers 101 and 102, client → server.
    ///
    /// The server reads both messages alike: what goes up has its break bit set by the client.
    pub struct KeyCode { code: u32 }
}

wire_struct! {
    /// The pointer moved by this many pixels. Number 111, client → server, 10 bytes.
    pub struct MouseMotion { dx: i32, dy: i32, buttons: Buttons }
}

wire_struct! {
    /// The pointer is here. Number 112, client → server, 11 bytes.
    pub struct MousePosition {
        /// Column, from the left of the monitor.
        x: u32,
        /// Row, from the top of the monitor.
        y: u32,
        buttons: Buttons,
        /// On display channel 0 the monitor's id, else the id of the display channel.
        display_id: u8,
    }
}

wire_struct! {
    /// A button and what is held after the event; the wheel's bits are never set. Numbers 113 and 114, client → server.
    pub struct MouseButton { button: Button, buttons: Buttons }
}
