//! The client's side of the inputs channel: keys, and pointer motion within its window.
//!
//! An acknowledgement says that the server has motion, not that the guest has. QEMU's PS/2 mouse has room for four motions of
//! at most 127 pixels; the rest of a burst it adds up and tells with whatever motion comes next. So after motion comes
//! some that is none, until even a slow guest has had all of it. (Seen from QEMU 7.2: tests/interop/mouse.rs.)

use std::time::Duration;

use super::messages::{
    ClientMessage, KeyCode, Modifiers, MouseButton, MouseMotion, MousePosition, ServerMessage,
};
use super::scancode;
use super::{Button, Buttons, Event, InputEvent};
use crate::channel::common::messages::Opaque;
use crate::channel::main::MouseMode;
use crate::channel::{Cx, Message};
use crate::link::{self, Capabilities};
use crate::wire::Part;

/// Motion and position messages that one MOUSE_MOTION_ACK stands for.
const ACK_BUNCH: u32 = 4;

/// Motion and position messages that may be on their way without an acknowledgement.
const MOST_IN_FLIGHT: u32 = 2 * ACK_BUNCH;

/// Most keys that are noted as held; no keyboard has as many.
const MOST_HELD: usize = 128;

/// From the last motion to the first that is none. Each that follows takes twice as long.
const FIRST_NUDGE: Duration = Duration::from_millis(20);

/// Motions that are none after the last one that was: for a pointer that crosses 3500 pixels at once.
const NUDGES: u8 = 6;

/// Number of the KEY_SCANCODE capability.
const KEY_SCANCODE: u32 = 0;

/// Sends what the user does, and keeps what is held.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Whether the server takes KEY_SCANCODE.
    takes_scancodes: bool,
    /// Make codes of keys that are down, in the order they went down.
    held: Vec<u32>,
    buttons: Buttons,
    in_flight: u32,
    /// Motion or position that waits for an acknowledgement.
    waiting: Option<Pointer>,
    /// Motion and position messages that were sent since the channel was linked, and that were acknowledged.
    sent: u64,
    acknowledged: u64,
    /// So many have to be acknowledged for the fence to be reached.
    fence: Option<u64>,
    /// The next motion that is none, if one is to come.
    nudge: Option<Nudge>,
}

/// Motion that is none, to be sent so that the guest gets what was kept back of the motions before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nudge {
    at: Duration,
    /// How long after the motion before.
    pause: Duration,
    /// How many there are to be with this one.
    left: u8,
}

/// Where the pointer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pointer {
    Position { x: u32, y: u32, display: u8 },
    Motion { dx: i32, dy: i32 },
}

impl Client {
    /// What this client announces on the inputs channel: bit 0, KEY_SCANCODE.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::CLIENT_COMMON, &[KEY_SCANCODE])
    }

    /// The channel is linked with a server of these capabilities.
    pub fn start(&mut self, server: &Capabilities) {
        *self = Self {
            takes_scancodes: server.has(KEY_SCANCODE),
            ..Self::default()
        };
    }

    /// Acts on one message.
    pub fn on_part(&mut self, part: &Part, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        match ServerMessage::decode(part.number, &part.body) {
            Ok(ServerMessage::Init(m) | ServerMessage::KeyModifiers(m)) => {
                events.push(Event::Locks(m.modifiers))
            }
            Ok(ServerMessage::MouseMotionAck) => {
                self.in_flight = self.in_flight.saturating_sub(ACK_BUNCH);
                self.acknowledged += u64::from(ACK_BUNCH);
                let reached = |fence: &mut u64| *fence <= self.acknowledged;
                if self.fence.take_if(reached).is_some() {
                    events.push(Event::Taken);
                }
                if self.in_flight < MOST_IN_FLIGHT {
                    self.flush(cx);
                }
            }
            Ok(ServerMessage::Unknown { number, .. }) => {
                cx.notice(format!("unknown message {number}"))
            }
            Err(error) => cx.notice(error.to_string()),
        }
    }

    /// Sends what the user did.
    pub fn on_input(&mut self, event: InputEvent, cx: &mut Cx<'_>) {
        match event {
            InputEvent::KeyDown(code) => self.key_down(code, cx),
            InputEvent::KeyUp(code) => self.key_up(code, cx),
            InputEvent::KeyTap(code) => self.key_tap(code, cx),
            InputEvent::Position { x, y, display } => {
                self.point(Pointer::Position { x, y, display }, cx)
            }
            InputEvent::Motion { dx: 0, dy: 0 } => {}
            InputEvent::Motion { dx, dy } => self.point(Pointer::Motion { dx, dy }, cx),
            InputEvent::Press(button) => self.press(button, cx),
            InputEvent::Release(button) => self.release(button, cx),
            InputEvent::Wheel(button) => {
                self.press(button, cx);
                self.release(button, cx);
            }
            InputEvent::Locks(modifiers) => {
                cx.send(&ClientMessage::KeyModifiers(Modifiers { modifiers }))
            }
            InputEvent::Fence => self.fence(cx),
            InputEvent::ReleaseAll => {
                for code in std::mem::take(&mut self.held).into_iter().rev() {
                    Self::send_up(code, cx);
                }
                for button in Button::HELD {
                    if self.buttons.contains(button.bit()) {
                        self.release(button, cx);
                    }
                }
            }
        }
    }

    fn key_down(&mut self, code: u32, cx: &mut Cx<'_>) {
        if !self.held.contains(&code) && self.held.len() < MOST_HELD {
            self.held.push(code);
        }
        for code in scancode::down(code) {
            cx.send(&ClientMessage::KeyDown(KeyCode { code }));
        }
    }

    fn key_up(&mut self, code: u32, cx: &mut Cx<'_>) {
        self.held.retain(|held| *held != code);
        Self::send_up(code, cx);
    }

    fn send_up(code: u32, cx: &mut Cx<'_>) {
        for code in scancode::up(code) {
            cx.send(&ClientMessage::KeyUp(KeyCode { code }));
        }
    }

    fn key_tap(&mut self, code: u32, cx: &mut Cx<'_>) {
        if self.takes_scancodes {
            cx.send(&ClientMessage::KeyScancode(Opaque(&scancode::tap(code))));
        } else {
            self.key_down(code, cx);
            self.key_up(code, cx);
        }
    }

    /// Sends motion that the server counts and acknowledges in its turn, but ignores: a position in mouse mode SERVER, a
    /// motion in mouse mode CLIENT. There is no other question on this channel that a server answers. (Seen from QEMU 7.2:
    /// tests/interop/keys.rs.)
    fn fence(&mut self, cx: &mut Cx<'_>) {
        let client_mode = cx.shared.mouse_mode.contains(MouseMode::CLIENT);
        let buttons = self.buttons;
        self.fence = Some(self.sent + 1);
        for _ in 0..ACK_BUNCH {
            if client_mode {
                cx.send(&ClientMessage::MouseMotion(MouseMotion {
                    dx: 0,
                    dy: 0,
                    buttons,
                }));
            } else {
                cx.send(&ClientMessage::MousePosition(MousePosition {
                    x: 0,
                    y: 0,
                    buttons,
                    display_id: 0,
                }));
            }
            self.in_flight += 1;
            self.sent += 1;
        }
    }

    /// Motion adds up and a position replaces the last one while the window is full.
    fn point(&mut self, pointer: Pointer, cx: &mut Cx<'_>) {
        self.waiting = Some(match (self.waiting, pointer) {
            (Some(Pointer::Motion { dx: x, dy: y }), Pointer::Motion { dx, dy }) => {
                Pointer::Motion {
                    dx: x.saturating_add(dx),
                    dy: y.saturating_add(dy),
                }
            }
            (_, newest) => newest,
        });
        if self.in_flight < MOST_IN_FLIGHT {
            self.flush(cx);
        }
    }

    /// Sends the waiting motion or position, unless the mouse mode has changed since: the server would ignore it.
    fn flush(&mut self, cx: &mut Cx<'_>) {
        let Some(pointer) = self.waiting.take() else {
            return;
        };
        let client_mode = cx.shared.mouse_mode.contains(MouseMode::CLIENT);
        let buttons = self.buttons;
        match pointer {
            Pointer::Position {
                x,
                y,
                display: display_id,
            } if client_mode => {
                cx.send(&ClientMessage::MousePosition(MousePosition {
                    x,
                    y,
                    buttons,
                    display_id,
                }));
            }
            Pointer::Motion { dx, dy } if !client_mode => {
                cx.send(&ClientMessage::MouseMotion(MouseMotion { dx, dy, buttons }));
                self.nudge = Some(Nudge {
                    at: cx.now + FIRST_NUDGE,
                    pause: FIRST_NUDGE,
                    left: NUDGES,
                });
            }
            _ => return,
        }
        self.in_flight += 1;
        self.sent += 1;
    }

    /// When [`tick`](Self::tick) has something to do, as time since the session began.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.nudge.map(|nudge| nudge.at)
    }

    /// Time has passed; to be called when [`poll_timeout`](Self::poll_timeout) is due.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        let Some(nudge) = self.nudge.take_if(|nudge| nudge.at <= cx.now) else {
            return;
        };
        // In mouse mode CLIENT nothing is kept back. Motion that waits for the window brings along what is.
        let client_mode = cx.shared.mouse_mode.contains(MouseMode::CLIENT);
        if client_mode || self.waiting.is_some() {
            return;
        }
        let pause = 2 * nudge.pause;
        let next = Nudge {
            at: cx.now + pause,
            pause,
            left: nudge.left - 1,
        };
        self.nudge = Some(next).filter(|nudge| nudge.left > 0);
        if self.in_flight < MOST_IN_FLIGHT {
            let (dx, dy, buttons) = (0, 0, self.buttons);
            cx.send(&ClientMessage::MouseMotion(MouseMotion { dx, dy, buttons }));
            self.in_flight += 1;
            self.sent += 1;
        }
    }

    fn press(&mut self, button: Button, cx: &mut Cx<'_>) {
        // A click belongs to the place the pointer has reached, whatever the window.
        self.flush(cx);
        self.buttons = self.buttons | button.bit();
        cx.send(&ClientMessage::MousePress(MouseButton {
            button,
            buttons: self.buttons,
        }));
    }

    fn release(&mut self, button: Button, cx: &mut Cx<'_>) {
        self.flush(cx);
        self.buttons = Buttons(self.buttons.0 & !button.bit().0);
        cx.send(&ClientMessage::MouseRelease(MouseButton {
            button,
            buttons: self.buttons,
        }));
    }
}
