//! The server's side of the inputs channel: scan code bytes become keys, motion is acknowledged, and what a client holds
//! when it goes is let go.

use std::time::Duration;

use super::messages::{ClientMessage, Modifiers, MouseButton, ServerMessage};
use super::{Button, Buttons, InputEvent, Locks};
use crate::channel::main::MouseMode;
use crate::channel::{Fault, Message};
use crate::geometry::Size;
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Number of the capability KEY_SCANCODE.
const KEY_SCANCODE: u32 = 0;

/// Motion and position messages that one MOUSE_MOTION_ACK stands for.
const ACK_BUNCH: u32 = 4;

/// How long after a lock key the lights are reported.
const LOCKS_REPORT_DELAY: Duration = Duration::from_secs(2);

/// The lock keys with their lights, in the order in which they are brought in step.
const LOCK_KEYS: [(u32, Locks); 3] = [
    (0x46, Locks::SCROLL),
    (0x45, Locks::NUM),
    (0x3a, Locks::CAPS),
];

/// Follows what a client types and points at.
#[derive(Clone, Debug, Default)]
pub struct Server {
    bytes: Bytes,
    /// Make codes of the keys that are down. INVARIANT: each at most once, so no more than there are codes.
    held: Vec<u32>,
    buttons: Buttons,
    locks: Locks,
    /// When the lights are to be reported.
    report_at: Option<Duration>,
    /// Motion and position messages since the last acknowledgement.
    motions: u32,
}

/// What the channel depends on and others decide.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// The mouse mode in force.
    pub mode: MouseMode,
    /// Size of the screen.
    pub size: Size,
    /// Time since the session began.
    pub now: Duration,
}

impl Server {
    /// What this server announces on the inputs channel.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[KEY_SCANCODE])
    }

    /// The channel is linked.
    pub fn start(&self, outbox: &mut Vec<Frame>) {
        outbox.push(ServerMessage::Init(self.modifiers()).to_frame());
    }

    /// Acts on one message; what the user did is appended to `events`.
    ///
    /// # Errors
    ///
    /// When the message is malformed or unknown.
    pub fn on_frame(
        &mut self,
        frame: &Frame,
        around: Surroundings,
        outbox: &mut Vec<Frame>,
        events: &mut Vec<InputEvent>,
    ) -> Result<(), Fault> {
        let message = ClientMessage::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        match message {
            ClientMessage::KeyDown(key) | ClientMessage::KeyUp(key) => {
                let bytes = key.code.to_le_bytes();
                let bytes = bytes.split(|b| *b == 0).next().unwrap_or_default();
                self.scan_codes(bytes, around.now, events);
            }
            ClientMessage::KeyScancode(bytes) => self.scan_codes(bytes.0, around.now, events),
            ClientMessage::KeyModifiers(wanted) => {
                self.bring_in_step(wanted.modifiers, around.now, events);
            }
            ClientMessage::MouseMotion(motion) => {
                let (dx, dy) = (motion.dx, motion.dy);
                // Clients send motion that is none to servers that keep some back.
                if around.mode == MouseMode::SERVER && (dx, dy) != (0, 0) {
                    events.push(InputEvent::Motion { dx, dy });
                }
                self.count_motion(outbox);
            }
            ClientMessage::MousePosition(position) => {
                if around.mode == MouseMode::CLIENT && !around.size.is_empty() {
                    events.push(InputEvent::Position {
                        x: position.x.min(around.size.width - 1),
                        y: position.y.min(around.size.height - 1),
                        display: 0,
                    });
                }
                self.count_motion(outbox);
            }
            ClientMessage::MousePress(MouseButton { button, .. }) => self.press(button, events),
            ClientMessage::MouseRelease(MouseButton { button, .. }) => {
                self.release(button, events);
            }
            ClientMessage::Unknown { number, .. } => return Err(Fault::unknown_message(number)),
        }
        Ok(())
    }

    /// Lets go of everything the client holds; to be called when it is gone.
    pub fn release_all(&mut self, events: &mut Vec<InputEvent>) {
        let held = std::mem::take(&mut self.held);
        events.extend(held.into_iter().rev().map(InputEvent::KeyUp));
        for button in Button::HELD {
            self.release(button, events);
        }
    }

    /// Reports the lights if it is time.
    pub fn tick(&mut self, now: Duration, outbox: &mut Vec<Frame>) {
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = None;
            outbox.push(ServerMessage::KeyModifiers(self.modifiers()).to_frame());
        }
    }

    /// When [`Server::tick`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.report_at
    }

    fn modifiers(&self) -> Modifiers {
        Modifiers {
            modifiers: self.locks,
        }
    }

    fn scan_codes(&mut self, bytes: &[u8], now: Duration, events: &mut Vec<InputEvent>) {
        for byte in bytes {
            match self.bytes.next(*byte) {
                Some(Stroke::Down(code)) => self.key_down(code, now, events),
                Some(Stroke::Up(code)) => self.key_up(code, events),
                None => {}
            }
        }
    }

    fn key_down(&mut self, code: u32, now: Duration, events: &mut Vec<InputEvent>) {
        if !self.held.contains(&code) {
            self.held.push(code);
            if let Some((_, light)) = LOCK_KEYS.iter().find(|(key, _)| *key == code) {
                self.toggle(*light, now);
            }
        }
        events.push(InputEvent::KeyDown(code));
    }

    fn key_up(&mut self, code: u32, events: &mut Vec<InputEvent>) {
        if self.held.contains(&code) {
            self.held.retain(|held| *held != code);
            events.push(InputEvent::KeyUp(code));
        }
    }

    /// Presses the lock keys whose lights differ from what the client wants, except those that are held right now.
    fn bring_in_step(&mut self, wanted: Locks, now: Duration, events: &mut Vec<InputEvent>) {
        for (code, light) in LOCK_KEYS {
            if (self.locks.0 ^ wanted.0) & light.0 != 0 && !self.held.contains(&code) {
                events.extend([InputEvent::KeyDown(code), InputEvent::KeyUp(code)]);
                self.toggle(light, now);
            }
        }
    }

    fn toggle(&mut self, light: Locks, now: Duration) {
        self.locks = Locks(self.locks.0 ^ light.0);
        self.report_at = Some(now + LOCKS_REPORT_DELAY);
    }

    /// Motion of the wrong mode counts too: the client waits for the acknowledgement either way.
    fn count_motion(&mut self, outbox: &mut Vec<Frame>) {
        self.motions += 1;
        if self.motions == ACK_BUNCH {
            self.motions = 0;
            outbox.push(ServerMessage::MouseMotionAck.to_frame());
        }
    }

    fn press(&mut self, button: Button, events: &mut Vec<InputEvent>) {
        if matches!(button, Button::Up | Button::Down) {
            events.push(InputEvent::Wheel(button));
        } else if Button::HELD.contains(&button) && !self.buttons.contains(button.bit()) {
            self.buttons = self.buttons | button.bit();
            events.push(InputEvent::Press(button));
        }
    }

    fn release(&mut self, button: Button, events: &mut Vec<InputEvent>) {
        if Button::HELD.contains(&button) && self.buttons.contains(button.bit()) {
            self.buttons = Buttons(self.buttons.0 & !button.bit().0);
            events.push(InputEvent::Release(button));
        }
    }
}

/// What a key does.
enum Stroke {
    Down(u32),
    Up(u32),
}

/// Where the scan code bytes stand. A key may be spread over messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bytes {
    #[default]
    Start,
    /// After E0.
    Extended,
    /// After E1: two bytes follow.
    Long,
    /// After E1 and one byte.
    LongSecond(u8),
}

/// What a key that goes up sets in its code bytes.
const BREAK: u8 = 0x80;

impl Bytes {
    /// Takes one byte. A prefix starts over wherever it comes, so that no sequence can wedge the keyboard.
    fn next(&mut self, byte: u8) -> Option<Stroke> {
        let (state, stroke) = match (*self, byte) {
            (_, 0xe0) => (Self::Extended, None),
            (_, 0xe1) => (Self::Long, None),
            (_, 0x00 | 0xe2 | BREAK) => (Self::Start, None),
            (Self::Start, byte) => (Self::Start, stroke(0, byte)),
            // The shifts that real keyboards wrap around some extended keys are no keys.
            (Self::Extended, 0x2a | 0x36 | 0xaa | 0xb6) => (Self::Start, None),
            (Self::Extended, byte) => (Self::Start, stroke(0xe000, byte)),
            (Self::Long, byte) => (Self::LongSecond(byte & !BREAK), None),
            (Self::LongSecond(first), byte) => {
                (Self::Start, stroke(0xe1_0000 | u32::from(first) << 8, byte))
            }
        };
        *self = state;
        stroke
    }
}

fn stroke(prefix: u32, byte: u8) -> Option<Stroke> {
    let code = prefix | u32::from(byte & !BREAK);
    Some(if byte & BREAK == 0 {
        Stroke::Down(code)
    } else {
        Stroke::Up(code)
    })
}
