//! What the guest's keyboard is told, and when.
//!
//! Terminals that report releases get their keys through as they are pressed. For the others every key is pressed at
//! once and released a moment later. Text is typed at a pace a guest can follow.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::channel::inputs::{Button, InputEvent, Locks};
use crate::keyboard::{
    ALT, ALT_GR, CAPS_LOCK, CTRL, CapsLock, Fingers, Layout, SHIFT, SUPER, Stroke, Strokes,
    alt_code, composed,
};
use crate::term::input::KeyCode;

pub use crate::keyboard::Key;

/// How long a key is held that nobody says when to release.
const HOLD: Duration = Duration::from_millis(25);
/// From one stroke of a text to the next: a PS/2 keyboard holds 16 bytes, a stroke with Shift and AltGr needs eight of them.
pub const PACE: Duration = Duration::from_millis(10);
/// Least time from one repeat of a key that is held to the next. Faster ones have waited somewhere, and are too late.
const REPEAT: Duration = Duration::from_millis(15);
/// Characters of one paste; the rest is left out.
pub const MOST_PASTED: usize = 16 * 1024;
/// Characters without a key that are named.
const MOST_NAMED: usize = 8;

/// Keys that count as one modifier, left and right.
const CTRLS: [u32; 2] = [CTRL, 0xe01d];
const ALTS: [u32; 2] = [ALT, ALT_GR];
const SHIFTS: [u32; 2] = [SHIFT, 0x36];
const LOGOS: [u32; 2] = [SUPER, 0xe05c];

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

impl Held {
    /// Whether a character with them is no text.
    fn makes_chord(self) -> bool {
        self.ctrl || self.alt || self.logo
    }
}

/// A key of the user's keyboard, the same when it goes up whatever it made when it went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finger {
    /// What it is called without modifiers.
    pub code: KeyCode,
    /// Whether it is one of the keypad.
    pub keypad: bool,
}

/// How long a key is held that the user chose to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until the next key has gone up.
    Once,
    /// Until the user chooses otherwise.
    Locked,
}

/// A character the guest's layout has no key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOnLayout(pub char);

/// Turns keys into input events with a time.
#[derive(Debug)]
pub struct Typist {
    layout: &'static Layout,
    /// Whether characters without a key are typed by their numbers, as Windows takes them.
    alt_codes: bool,
    /// The guest's lights. Caps Lock turns the meaning of Shift for letters.
    pub locks: Locks,
    /// Keys that are down because the user holds them.
    down: Vec<Down>,
    /// Keys that are down because the user said so in the menu.
    held: Vec<(u32, Hold)>,
    /// What is still to be sent. INVARIANT: times never decrease.
    queue: VecDeque<(Duration, InputEvent)>,
    typing: Option<Typing>,
}

#[derive(Debug)]
struct Down {
    finger: Finger,
    /// `None` when it went up already.
    code: Option<u32>,
    /// When it was last said to be down.
    at: Duration,
}

/// What goes down and up in one go.
type Step = Vec<InputEvent>;

#[derive(Debug)]
struct Typing {
    rest: VecDeque<char>,
    /// What remains of the character before.
    steps: VecDeque<Step>,
    total: usize,
    pace: Duration,
    next_at: Duration,
}

impl Typist {
    /// A typist for guests with this layout.
    pub fn new(layout: &'static Layout, alt_codes: bool) -> Self {
        Self {
            layout,
            alt_codes,
            locks: Locks::empty(),
            down: Vec::new(),
            held: Vec::new(),
            queue: VecDeque::new(),
            typing: None,
        }
    }

    /// The guest's layout.
    pub fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// From here on the guest has another layout.
    pub fn set_layout(&mut self, layout: &'static Layout) {
        self.layout = layout;
    }

    /// A key of a terminal that reports no releases.
    ///
    /// # Errors
    ///
    /// When the layout has no key for the character.
    pub fn tap(&mut self, key: Key, held: Held, now: Duration) -> Result<(), NotOnLayout> {
        let strokes = self.find(key, held)?;
        let Some((last, before)) = strokes.split_last() else {
            return Ok(());
        };
        self.flush(now);
        for stroke in before {
            self.send(now, self.step(*stroke));
        }
        let wanted = Held {
            shift: held.shift || self.shift(*last),
            ..held
        };
        let modifiers = self.missing(wanted, last.alt_gr);
        self.disturb(*last, now);
        self.press_and_release(&modifiers, &[last.key], HOLD, now);
        self.disturb(*last, now + HOLD);
        self.let_go_once(now + HOLD);
        Ok(())
    }

    /// Keys held together.
    pub fn chord(&mut self, fingers: &Fingers, now: Duration) {
        self.flush(now);
        let lasting = fingers.lasting.unwrap_or(HOLD);
        let over = self.press_and_release(&fingers.held, &fingers.tapped, lasting, now);
        self.let_go_once(over);
    }

    /// Modifiers down, the others down and up one after the other (or `lasting` if there are none), modifiers up. When it
    /// is over.
    fn press_and_release(
        &mut self,
        modifiers: &[u32],
        codes: &[u32],
        lasting: Duration,
        start: Duration,
    ) -> Duration {
        let mut at = start;
        let mut push = |at, event| self.queue.push_back((at, event));
        modifiers
            .iter()
            .for_each(|m| push(at, InputEvent::KeyDown(*m)));
        for (place, code) in codes.iter().enumerate() {
            if place > 0 {
                at += HOLD;
            }
            push(at, InputEvent::KeyDown(*code));
            at += HOLD;
            push(at, InputEvent::KeyUp(*code));
        }
        if codes.is_empty() {
            at += lasting;
        }
        let up = modifiers.iter().rev().map(|m| InputEvent::KeyUp(*m));
        up.for_each(|event| push(at, event));
        at
    }

    /// A key went down, or repeats, on a terminal that will report its release.
    ///
    /// # Errors
    ///
    /// When the layout has no key for the character.
    pub fn press(
        &mut self,
        finger: Finger,
        key: Key,
        held: Held,
        now: Duration,
    ) -> Result<(), NotOnLayout> {
        let known = self.down.iter_mut().find(|down| down.finger == finger);
        if let Some(down) = known {
            if now.saturating_sub(down.at) < REPEAT {
                return Ok(());
            }
            down.at = now;
        }
        let strokes = self.find(key, held)?;
        let Some((last, before)) = strokes.split_last() else {
            return Ok(());
        };
        let is_modifier = matches!(key, Key::Code(code) if is_modifier(code));
        let chord = Held {
            shift: false,
            ..held
        };
        // A modifier that went down elsewhere, before this window had the keyboard; or one that waits for a key.
        let misses = !self.missing(chord, false).is_empty() || self.has_once();
        if misses && !is_modifier {
            return self.tap(key, held, now);
        }
        self.flush(now);
        for stroke in before {
            self.send(now, self.step(*stroke));
        }
        let step = match key {
            Key::Code(code) => vec![InputEvent::KeyDown(code)],
            Key::Char(_) => self.step(*last),
        };
        // What needs modifiers of its own goes up with them: held without them it would repeat as something else.
        let stays = step.len() == 1;
        let step = if stays {
            vec![InputEvent::KeyDown(last.key)]
        } else {
            step
        };
        self.send(now, step);
        let code = stays.then_some(last.key);
        match self.down.iter_mut().find(|down| down.finger == finger) {
            Some(down) => down.code = code,
            None => self.down.push(Down {
                finger,
                code,
                at: now,
            }),
        }
        Ok(())
    }

    /// A key went up.
    pub fn release(&mut self, finger: Finger, now: Duration) {
        let Some(at) = self.down.iter().position(|down| down.finger == finger) else {
            return;
        };
        if let Some(code) = self.down.swap_remove(at).code {
            self.flush(now);
            self.send(now, vec![InputEvent::KeyUp(code)]);
        }
    }

    /// Holds a key, or lets go of it.
    pub fn hold(&mut self, code: u32, hold: Option<Hold>, now: Duration) {
        self.flush(now);
        let at = self.held.iter().position(|(held, _)| *held == code);
        match (at, hold) {
            (Some(at), Some(hold)) => self.held[at].1 = hold,
            (None, Some(hold)) => {
                self.held.push((code, hold));
                self.send(now, vec![InputEvent::KeyDown(code)]);
            }
            (Some(at), None) => {
                self.held.remove(at);
                self.send(now, vec![InputEvent::KeyUp(code)]);
            }
            (None, None) => {}
        }
    }

    /// How long a key is held that the user chose to hold.
    pub fn holding(&self, code: u32) -> Option<Hold> {
        let held = self.held.iter().find(|(held, _)| *held == code);
        held.map(|(_, hold)| *hold)
    }

    /// The keys that are held so.
    pub fn held(&self) -> impl Iterator<Item = u32> {
        self.held.iter().map(|(code, _)| *code)
    }

    /// Lets go of keys that were held for one other key, or one click.
    pub fn let_go_once(&mut self, at: Duration) {
        while let Some(place) = self.held.iter().position(|(_, hold)| *hold == Hold::Once) {
            let (code, _) = self.held.remove(place);
            self.queue.push_back((at, InputEvent::KeyUp(code)));
        }
    }

    fn has_once(&self) -> bool {
        self.held.iter().any(|(_, hold)| *hold == Hold::Once)
    }

    /// Types text, from now on; in place of what was being typed. Keys that are down go up first.
    pub fn type_text(&mut self, text: &Text, pace: Duration, now: Duration) {
        self.relax(now);
        let rest: VecDeque<char> = text.characters.iter().copied().collect();
        self.typing = Some(Typing {
            total: rest.len(),
            rest,
            steps: VecDeque::new(),
            pace,
            next_at: now,
        })
        .filter(|typing| typing.total > 0);
    }

    /// What this typist makes of a text.
    pub fn read(&self, text: &str, most: usize) -> Text {
        Text::new(text, self.layout, self.alt_codes, most)
    }

    /// How many characters of a text are typed, and how many there are, while one is being typed.
    pub fn progress(&self) -> Option<(usize, usize)> {
        let typing = self.typing.as_ref()?;
        let waiting = typing.rest.len() + usize::from(!typing.steps.is_empty());
        Some((typing.total - waiting, typing.total))
    }

    fn type_next(&mut self, now: Duration) {
        let Some(mut typing) = self.typing.take_if(|typing| typing.next_at <= now) else {
            return;
        };
        if typing.steps.is_empty() {
            let next = typing.rest.pop_front();
            typing.steps = next.map(|c| self.steps(c)).unwrap_or_default();
        }
        if let Some(step) = typing.steps.pop_front() {
            self.send(now, step);
        }
        if !typing.rest.is_empty() || !typing.steps.is_empty() {
            typing.next_at = now + typing.pace;
            self.typing = Some(typing);
        }
    }

    fn steps(&self, c: char) -> VecDeque<Step> {
        if let Some(strokes) = self.layout.strokes(c) {
            return strokes
                .into_iter()
                .map(|stroke| self.step(stroke))
                .collect();
        }
        let keys = alt_code(c).filter(|_| self.alt_codes);
        let mut steps: VecDeque<Step> = keys
            .into_iter()
            .flatten()
            .map(|key| vec![InputEvent::KeyTap(key)])
            .collect();
        if let Some(first) = steps.front_mut() {
            first.insert(0, InputEvent::KeyDown(ALT));
        }
        if let Some(last) = steps.back_mut() {
            last.push(InputEvent::KeyUp(ALT));
        }
        steps
    }

    /// Lets go of what the user holds, and forgets what was to be typed. What is held by the menu stays.
    pub fn relax(&mut self, now: Duration) {
        self.typing = None;
        self.queue
            .retain(|(_, event)| matches!(event, InputEvent::KeyUp(_) | InputEvent::Release(_)));
        self.flush(now);
        let codes: Vec<u32> = self.down.drain(..).filter_map(|down| down.code).collect();
        self.send(
            now,
            codes.into_iter().rev().map(InputEvent::KeyUp).collect(),
        );
    }

    /// A button of the mouse goes up, after the keys before it.
    pub fn release_button(&mut self, button: Button, now: Duration) {
        self.send(now, vec![InputEvent::Release(button)]);
    }

    /// Forgets what is waiting and lets go of everything.
    pub fn let_go(&mut self, now: Duration) {
        self.typing = None;
        self.queue.clear();
        self.down.clear();
        self.held.clear();
        self.send(now, vec![InputEvent::ReleaseAll]);
    }

    /// The next event, once it is due.
    pub fn next_due(&mut self, now: Duration) -> Option<InputEvent> {
        if self.queue.is_empty() {
            self.type_next(now);
        }
        self.queue
            .pop_front_if(|(at, _)| *at <= now)
            .map(|(_, event)| event)
    }

    /// When there will be one.
    pub fn deadline(&self) -> Option<Duration> {
        let queued = self.queue.front().map(|(at, _)| *at);
        queued.or(self.typing.as_ref().map(|typing| typing.next_at))
    }

    /// Keys still held for show are let go before others go down.
    fn flush(&mut self, now: Duration) {
        self.queue.iter_mut().for_each(|(at, _)| *at = now);
    }

    fn send(&mut self, at: Duration, events: Step) {
        self.queue
            .extend(events.into_iter().map(|event| (at, event)));
    }

    fn find(&self, key: Key, held: Held) -> Result<Strokes, NotOnLayout> {
        match key {
            Key::Code(code) => Ok(Strokes::from_slice(&[Stroke::plain(code)])),
            Key::Char(c) if held.makes_chord() => {
                let stroke = self.layout.chord_stroke(c).ok_or(NotOnLayout(c))?;
                // Real keyboards have the same Control+C with Caps Lock.
                Ok(Strokes::from_slice(&[Stroke {
                    caps_lock: CapsLock::Ignored,
                    ..stroke
                }]))
            }
            Key::Char(c) => self.layout.strokes(c).ok_or(NotOnLayout(c)),
        }
    }

    fn is_down(&self, code: u32) -> bool {
        let held = || self.held.iter().any(|(held, _)| *held == code);
        self.down.iter().any(|down| down.code == Some(code)) || held()
    }

    /// Whether Shift is to be held for a stroke.
    fn shift(&self, stroke: Stroke) -> bool {
        let turns = self.locks.contains(Locks::CAPS) && stroke.caps_lock == CapsLock::Turns;
        stroke.shift ^ turns
    }

    /// Caps Lock off before a stroke that it disturbs, and on after it.
    fn disturb(&mut self, stroke: Stroke, at: Duration) {
        if self.is_disturbed(stroke) {
            self.send(at, vec![InputEvent::KeyTap(CAPS_LOCK)]);
        }
    }

    fn is_disturbed(&self, stroke: Stroke) -> bool {
        self.locks.contains(Locks::CAPS) && stroke.caps_lock == CapsLock::Disturbs
    }

    /// A stroke with the modifiers it needs, and without those it must not have: the user's keyboard may have the
    /// character on another level than the guest's.
    fn step(&self, stroke: Stroke) -> Step {
        let mut before = Vec::new();
        if self.is_disturbed(stroke) {
            before.push(InputEvent::KeyTap(CAPS_LOCK));
        }
        let shifts = SHIFTS.into_iter().filter(|code| self.is_down(*code));
        let shifts: Vec<u32> = shifts.collect();
        match (self.shift(stroke), shifts.is_empty()) {
            (true, true) => before.push(InputEvent::KeyDown(SHIFT)),
            // One that the menu holds is meant.
            (false, false) => before.extend(
                shifts
                    .into_iter()
                    .filter(|code| self.holding(*code).is_none())
                    .map(InputEvent::KeyUp),
            ),
            _ => {}
        }
        if stroke.alt_gr && !self.is_down(ALT_GR) {
            before.push(InputEvent::KeyDown(ALT_GR));
        }
        let after = before.iter().rev().map(|event| match *event {
            InputEvent::KeyDown(code) => InputEvent::KeyUp(code),
            InputEvent::KeyUp(code) => InputEvent::KeyDown(code),
            other => other,
        });
        let after: Step = after.collect();
        before.push(InputEvent::KeyTap(stroke.key));
        before.extend(after);
        before
    }

    /// The modifiers among these that are not down, left ones.
    fn missing(&self, held: Held, alt_gr: bool) -> Vec<u32> {
        [
            (held.ctrl, &CTRLS[..]),
            (held.alt, &ALTS[..]),
            (held.logo, &LOGOS[..]),
            (held.shift, &SHIFTS[..]),
            (alt_gr, &[ALT_GR]),
        ]
        .into_iter()
        .filter(|(wanted, keys)| *wanted && !keys.iter().any(|key| self.is_down(*key)))
        .filter_map(|(_, keys)| keys.first().copied())
        .collect()
    }
}

fn is_modifier(code: u32) -> bool {
    [CTRLS, ALTS, SHIFTS, LOGOS].concat().contains(&code)
}

/// Text that can be typed, and what of it cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    characters: Vec<char>,
    /// What no key makes.
    pub missing: Missing,
    /// Whether there was more than is typed at once.
    pub is_cut: bool,
}

/// Characters that no key makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// How many there are.
    pub count: usize,
    /// The first of them, each once.
    pub first: Vec<char>,
}

impl Text {
    /// Sorts out what of a text can be typed, at most so many characters. Any line end is one Enter; other
    /// control characters than Tab have no key.
    pub fn new(text: &str, layout: &Layout, alt_codes: bool, most: usize) -> Self {
        let mut sorted = Self::default();
        let mut after_return = false;
        for c in composed(text) {
            let is_pair = after_return && c == '\n';
            after_return = c == '\r';
            if is_pair {
                continue;
            }
            if sorted.characters.len() == most {
                sorted.is_cut = true;
                break;
            }
            let has_key = layout.strokes(c).is_some() || alt_codes && alt_code(c).is_some();
            if has_key {
                sorted.characters.push(c);
            } else {
                sorted.missing.add(c);
            }
        }
        sorted
    }

    /// Characters that can be typed.
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Whether nothing can be typed.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }
}

impl Missing {
    fn add(&mut self, c: char) {
        self.count += 1;
        if self.first.len() <= MOST_NAMED && !self.first.contains(&c) {
            self.first.push(c);
        }
    }
}

impl fmt::Display for Missing {
    /// `'é', 'ß', U+0007 and others`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.first.iter().take(MOST_NAMED).map(|c| match c {
            c if c.is_control() || c.is_whitespace() => format!("U+{:04X}", u32::from(*c)),
            c => format!("'{c}'"),
        });
        f.write_str(&names.collect::<Vec<_>>().join(", "))?;
        if self.first.len() > MOST_NAMED {
            f.write_str(" and others")?;
        }
        Ok(())
    }
}
