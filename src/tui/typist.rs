//! What the guest's keyboard is told, and when.
//!
//! Terminals that report releases get their keys through as they are pressed. For the others every key is pressed at
//! once and released a moment later. Text (a paste) is typed at a pace a guest can follow.

use std::collections::VecDeque;
use std::time::Duration;

use crate::channel::inputs::InputEvent;
use crate::keyboard::Stroke;

/// How long a key is held that the terminal reports no release of.
const HOLD: Duration = Duration::from_millis(25);
/// From one pasted character to the next: a PS/2 keyboard holds 16 bytes, a shifted character needs six of them.
const PACE: Duration = Duration::from_millis(10);
/// Characters of one paste; the rest is left out.
pub const MOST_PASTED: usize = 16 * 1024;

/// Left and right Control, Alt, Shift and the Windows key, by make code.
const CTRL: [u32; 2] = [0x1d, 0xe01d];
const ALT: [u32; 2] = [0x38, 0xe038];
const SHIFT: [u32; 2] = [0x2a, 0x36];
const LOGO: [u32; 2] = [0xe05b, 0xe05c];

/// A key of the user's keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// By its make code.
    Code(u32),
    /// By the character it makes here; the guest's layout decides which key that is there.
    Char(char),
}

/// Modifiers that are held with a key; Shift is part of the character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Control.
    pub ctrl: bool,
    /// Alt.
    pub alt: bool,
    /// Shift, where the key is not a character.
    pub shift: bool,
    /// The Windows key.
    pub logo: bool,
}

/// A character the guest's layout has no key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOnLayout(pub char);

/// Turns keys into input events with a time.
#[derive(Debug)]
pub struct Typist {
    layout: fn(char) -> Option<Stroke>,
    /// Whether the guest's Caps Lock is on, which turns the meaning of Shift for letters.
    pub caps_lock: bool,
    /// Keys that are down because the user holds them.
    down: Vec<u32>,
    /// What is still to be sent. INVARIANT: times never decrease.
    queue: VecDeque<(Duration, InputEvent)>,
    /// When the last character of a paste is typed.
    pasting_until: Duration,
}

impl Typist {
    /// A typist for guests with this layout.
    pub fn new(layout: fn(char) -> Option<Stroke>) -> Self {
        Self {
            layout,
            caps_lock: false,
            down: Vec::new(),
            queue: VecDeque::new(),
            pasting_until: Duration::ZERO,
        }
    }

    /// A key of a terminal that reports no releases.
    pub fn tap(&mut self, key: Key, held: Held, now: Duration) -> Result<(), NotOnLayout> {
        let (code, shift) = self.find(key)?;
        let modifiers = modifiers(held, shift || held.shift);
        self.press_and_release(&modifiers, code, now);
        Ok(())
    }

    /// Several keys at once, pressed in this order and released in the opposite one.
    pub fn chord(&mut self, keys: &[u32], now: Duration) {
        if let Some((last, modifiers)) = keys.split_last() {
            self.press_and_release(modifiers, *last, now);
        }
    }

    fn press_and_release(&mut self, modifiers: &[u32], code: u32, now: Duration) {
        let start = self.start(now);
        let mut push = |at, event| self.queue.push_back((at, event));
        modifiers
            .iter()
            .for_each(|m| push(start, InputEvent::KeyDown(*m)));
        push(start, InputEvent::KeyDown(code));
        push(start + HOLD, InputEvent::KeyUp(code));
        modifiers
            .iter()
            .rev()
            .for_each(|m| push(start + HOLD, InputEvent::KeyUp(*m)));
    }

    /// A key went down, or repeats, on a terminal that will report its release.
    pub fn press(&mut self, key: Key, held: Held, now: Duration) -> Result<(), NotOnLayout> {
        let (code, shift) = self.find(key)?;
        let missing =
            |wanted: bool, keys: [u32; 2]| wanted && !keys.iter().any(|k| self.down.contains(k));
        // A modifier that went down elsewhere, before this window had the keyboard.
        if missing(held.ctrl, CTRL) || missing(held.alt, ALT) || missing(held.logo, LOGO) {
            return self.tap(key, held, now);
        }
        let start = self.start(now);
        let shifts: Vec<u32> = SHIFT
            .into_iter()
            .filter(|s| self.down.contains(s))
            .collect();
        let mut push = |event| self.queue.push_back((start, event));
        match key {
            // The user's layout has this character on another level than the guest's.
            Key::Char(_) if shift && shifts.is_empty() => {
                push(InputEvent::KeyDown(SHIFT[0]));
                push(InputEvent::KeyDown(code));
                push(InputEvent::KeyUp(SHIFT[0]));
            }
            Key::Char(_) if !shift && !shifts.is_empty() => {
                shifts.iter().for_each(|s| push(InputEvent::KeyUp(*s)));
                push(InputEvent::KeyDown(code));
                shifts.iter().for_each(|s| push(InputEvent::KeyDown(*s)));
            }
            _ => push(InputEvent::KeyDown(code)),
        }
        if !self.down.contains(&code) {
            self.down.push(code);
        }
        Ok(())
    }

    /// A key went up.
    pub fn release(&mut self, key: Key, now: Duration) {
        let Ok((code, _)) = self.find(key) else {
            return;
        };
        if let Some(at) = self.down.iter().position(|d| *d == code) {
            self.down.swap_remove(at);
            let start = self.start(now);
            self.queue.push_back((start, InputEvent::KeyUp(code)));
        }
    }

    /// Types text; the number of characters that the guest's layout has no key for.
    pub fn paste(&mut self, text: &str, now: Duration) -> usize {
        let mut at = self.start(now);
        let mut missing = 0;
        for c in text.replace("\r\n", "\n").chars().take(MOST_PASTED) {
            let Ok((code, shift)) = self.find(Key::Char(c)) else {
                missing += 1;
                continue;
            };
            let mut push = |event| self.queue.push_back((at, event));
            if shift {
                push(InputEvent::KeyDown(SHIFT[0]));
            }
            push(InputEvent::KeyTap(code));
            if shift {
                push(InputEvent::KeyUp(SHIFT[0]));
            }
            at += PACE;
        }
        self.pasting_until = at;
        missing
    }

    /// Forgets what is waiting and lets go of everything.
    pub fn let_go(&mut self, now: Duration) {
        self.queue.clear();
        self.down.clear();
        self.pasting_until = now;
        self.queue.push_back((now, InputEvent::ReleaseAll));
    }

    /// The next event, once it is due.
    pub fn next_due(&mut self, now: Duration) -> Option<InputEvent> {
        self.queue
            .pop_front_if(|(at, _)| *at <= now)
            .map(|(_, event)| event)
    }

    /// When there will be one.
    pub fn deadline(&self) -> Option<Duration> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// When the next key may go down: at once, unless a paste is under way. Keys still held for show are let go first.
    fn start(&mut self, now: Duration) -> Duration {
        if self.pasting_until > now {
            return self.pasting_until;
        }
        self.queue.iter_mut().for_each(|(at, _)| *at = now);
        now
    }

    fn find(&self, key: Key) -> Result<(u32, bool), NotOnLayout> {
        match key {
            Key::Code(code) => Ok((code, false)),
            Key::Char(c) => {
                let Stroke { key, shift } = (self.layout)(c).ok_or(NotOnLayout(c))?;
                Ok((key, shift ^ (self.caps_lock && c.is_ascii_alphabetic())))
            }
        }
    }
}

fn modifiers(held: Held, shift: bool) -> Vec<u32> {
    [
        (held.ctrl, CTRL[0]),
        (held.alt, ALT[0]),
        (held.logo, LOGO[0]),
        (shift, SHIFT[0]),
    ]
    .into_iter()
    .filter_map(|(wanted, code)| wanted.then_some(code))
    .collect()
}
