//! Bytes from a terminal as events.
//!
//! A terminal sends keys, mouse reports and pasted text, and between them answers to what it was asked: late, in
//! pieces, or never. The [`Parser`] tells them apart, so that no byte of an answer is ever taken for a key. Bytes come
//! in as they are read; a sequence may be split anywhere.
//!
//! Time belongs to the caller. A lone Escape may be a key or the beginning of a sequence: [`Parser::pending`] says
//! that it waits, and [`Parser::flush`] that nothing more came.
//!
//! What is swallowed: sequences nobody here knows, invalid UTF-8, strings longer than [`MOST_STRING`] bytes (nothing
//! of them is kept).

mod csi;
mod event;
mod replies;

pub use event::{
    Event, Key, KeyCode, KeyKind, MediaKey, ModeState, ModifierKey, Modifiers, Mouse, MouseButton,
    MouseKind, Reply,
};

use csi::Csi;
use replies::StringKind;

/// Bytes of a paste that are kept.
pub const MOST_PASTED: usize = 1 << 20;
/// Bytes of an answer that is a string.
pub const MOST_STRING: usize = 4096;
/// Bytes of a control sequence.
const MOST_CSI: usize = 256;
/// What ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// Takes in bytes, gives events.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// The sequence, string, character or paste so far. INVARIANT: at most [`MOST_PASTED`] bytes in a paste, and at
    /// most [`MOST_STRING`] otherwise.
    body: Vec<u8>,
    /// Whether the sequence is too long, and only its end is looked for.
    overlong: bool,
    /// Whether another Escape came right before the sequence: the key Escape, or Alt where the sequence is a key.
    escaped: bool,
}

/// What the bytes so far began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// A character of so many bytes; with Alt, after an Escape.
    Character { len: usize, alt: bool },
    /// An Escape.
    Escape,
    /// `ESC O`, and the digit of its modifiers.
    Single { modifiers: u8 },
    /// `ESC [`
    Control,
    /// `ESC [ [`, as the Linux console writes F1 to F5.
    Console,
    /// `ESC [ M`, and three bytes to come.
    OldMouse,
    /// A string, and whether its last byte was an Escape.
    String { kind: StringKind, ending: bool },
    /// A paste; so many bytes of its end were seen.
    Paste { ending: usize },
}

/// What waits for more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Something a key could have sent: Escape, or Alt with a character that also begins sequences.
    Escape,
    /// A sequence that was begun; no key is like it.
    Sequence,
    /// A paste.
    Paste,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in bytes; appends to `events` what they complete.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for byte in bytes {
            self.byte(*byte, events);
        }
    }

    /// What waits for more bytes, if anything does.
    pub fn pending(&self) -> Option<Pending> {
        Some(match self.state {
            State::Ground => return None,
            State::Escape => Pending::Escape,
            State::Single { modifiers: 0 } => Pending::Escape,
            State::Control | State::String { ending: false, .. } if self.is_bare() => {
                Pending::Escape
            }
            State::Paste { .. } => Pending::Paste,
            _ => Pending::Sequence,
        })
    }

    /// Nothing more came for as long as the caller waits for such a thing. What could be a key becomes one, a paste
    /// ends, and the rest of a sequence is forgotten.
    pub fn flush(&mut self, events: &mut Vec<Event>) {
        let alt = |byte| Key::with(KeyCode::Char(char::from(byte)), Modifiers::ALT);
        let bare = self.is_bare();
        match std::mem::take(&mut self.state) {
            State::Escape if self.escaped => {
                self.escaped = false;
                events.push(Event::Key(Key::with(KeyCode::Escape, Modifiers::ALT)));
            }
            State::Escape => events.push(escape()),
            State::Single { modifiers: 0 } => self.finish(Some(Event::Key(alt(b'O'))), events),
            State::Control if bare => self.finish(Some(Event::Key(alt(b'['))), events),
            State::String {
                kind,
                ending: false,
            } if bare => self.finish(Some(Event::Key(alt(kind.byte()))), events),
            State::String { ending: true, .. } => self.finish(Some(escape()), events),
            State::Paste { .. } => self.end_paste(events),
            _ => self.finish(None, events),
        }
        self.body.clear();
    }

    /// Whether a sequence has nothing but its beginning.
    fn is_bare(&self) -> bool {
        self.body.is_empty() && !self.overlong
    }

    fn byte(&mut self, byte: u8, events: &mut Vec<Event>) {
        match self.state {
            State::Ground => self.ground(byte, false, events),
            State::Character { len, alt } => self.character(byte, len, alt, events),
            State::Escape => self.escape(byte, events),
            State::Single { modifiers } => self.single(byte, modifiers, events),
            State::Control => self.control(byte, events),
            State::Console => self.console(byte, events),
            State::OldMouse => self.old_mouse(byte, events),
            State::String { kind, ending } => self.string(byte, kind, ending, events),
            State::Paste { ending } => self.paste(byte, ending, events),
        }
    }

    /// Begins to collect.
    fn begin(&mut self, state: State) {
        self.state = state;
        self.body.clear();
        self.overlong = false;
    }

    /// Ends a sequence with what it said. An Escape before it was Alt if that is a key, and else a key of its own.
    fn finish(&mut self, event: Option<Event>, events: &mut Vec<Event>) {
        self.begin(State::Ground);
        let escaped = std::mem::take(&mut self.escaped);
        match event {
            Some(Event::Key(mut key)) if escaped && !key.modifiers.contains(Modifiers::ALT) => {
                key.modifiers |= Modifiers::ALT;
                events.push(Event::Key(key));
            }
            event => {
                events.extend(escaped.then(escape));
                events.extend(event);
            }
        }
    }

    /// Gives a sequence up, and takes the byte for the beginning of something else.
    fn give_up(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.finish(None, events);
        self.ground(byte, false, events);
    }

    fn ground(&mut self, byte: u8, alt: bool, events: &mut Vec<Event>) {
        let len = match byte {
            0x1b => return self.begin(State::Escape),
            0..=0x7f => {
                let mut key = csi::plain(char::from(byte));
                if let Some(key) = key.as_mut().filter(|_| alt) {
                    key.modifiers |= Modifiers::ALT;
                }
                return events.extend(key.map(Event::Key));
            }
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return,
        };
        self.begin(State::Character { len, alt });
        self.body.push(byte);
    }

    fn character(&mut self, byte: u8, len: usize, alt: bool, events: &mut Vec<Event>) {
        if !(0x80..=0xbf).contains(&byte) {
            return self.give_up(byte, events);
        }
        self.body.push(byte);
        if self.body.len() < len {
            return;
        }
        let text = std::str::from_utf8(&self.body).ok();
        let key = text.and_then(|t| csi::plain(t.chars().next()?));
        let event = key.map(|mut key| {
            if alt {
                key.modifiers |= Modifiers::ALT;
            }
            Event::Key(key)
        });
        self.finish(event, events);
    }

    fn escape(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            0x1b => {
                events.extend(self.escaped.then(escape));
                self.escaped = true;
            }
            b'[' => self.begin(State::Control),
            b'O' => self.begin(State::Single { modifiers: 0 }),
            _ => match StringKind::of(byte) {
                Some(kind) => self.begin(State::String {
                    kind,
                    ending: false,
                }),
                None => {
                    self.finish(None, events);
                    self.ground(byte, true, events);
                }
            },
        }
    }

    fn single(&mut self, byte: u8, modifiers: u8, events: &mut Vec<Event>) {
        if modifiers == 0 && (b'1'..=b'9').contains(&byte) {
            self.state = State::Single { modifiers: byte };
            return;
        }
        let held = Modifiers::from_bits(modifiers.saturating_sub(b'1'));
        let key = if let Some(code) = csi::lettered(byte) {
            Key::with(code, held)
        } else if let Some(code) = csi::keypad(byte) {
            Key {
                keypad: true,
                ..Key::with(code, held)
            }
        } else if let (b'a'..=b'd', Some(code)) = (byte, csi::lettered(byte.to_ascii_uppercase())) {
            // rxvt: arrows with Control
            Key::with(code, held | Modifiers::CTRL)
        } else {
            // Alt+O, and what was typed after it.
            let alt = Key::with(KeyCode::Char('O'), Modifiers::ALT);
            self.finish(Some(Event::Key(alt)), events);
            return self.ground(byte, false, events);
        };
        self.finish(Some(Event::Key(key)), events);
    }

    fn control(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            // rxvt's keys with Shift end in what is no end elsewhere.
            b'$' if matches!(self.body.len(), 1 | 2)
                && self.body.iter().all(u8::is_ascii_digit) =>
            {
                self.end_control(byte, events);
            }
            0x20..=0x3f if self.body.len() < MOST_CSI => self.body.push(byte),
            0x20..=0x3f => self.overlong = true,
            b'[' if self.is_bare() => self.state = State::Console,
            b'M' if self.is_bare() => self.state = State::OldMouse,
            0x40..=0x7e => self.end_control(byte, events),
            _ => self.give_up(byte, events),
        }
    }

    fn end_control(&mut self, last: u8, events: &mut Vec<Event>) {
        if self.body == b"200" && last == b'~' {
            self.finish(None, events);
            return self.begin(State::Paste { ending: 0 });
        }
        let event = match self.overlong {
            true => None,
            false => Csi::new(&self.body, last).event(),
        };
        self.finish(event, events);
    }

    fn console(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            b'A'..=b'E' => {
                let key = Key::new(KeyCode::F(byte - b'A' + 1));
                self.finish(Some(Event::Key(key)), events);
            }
            _ => self.give_up(byte, events),
        }
    }

    fn old_mouse(&mut self, byte: u8, events: &mut Vec<Event>) {
        if byte < 32 {
            return self.give_up(byte, events);
        }
        self.body.push(byte - 32);
        let [code, x, y] = self.body[..] else {
            return;
        };
        let event = csi::mouse_kind(code.into(), false).map(|(kind, modifiers)| {
            Event::Mouse(Mouse {
                kind,
                x: u16::from(x).saturating_sub(1),
                y: u16::from(y).saturating_sub(1),
                modifiers,
            })
        });
        self.finish(event, events);
    }

    fn string(&mut self, byte: u8, kind: StringKind, ending: bool, events: &mut Vec<Event>) {
        match byte {
            b'\\' if ending => self.end_string(kind, events),
            // A bell ends strings as well, by an old habit of xterm's.
            0x07 => self.end_string(kind, events),
            // Something else was begun before the string had ended.
            _ if ending => {
                self.finish(None, events);
                self.begin(State::Escape);
                self.escape(byte, events);
            }
            0x1b => self.state = State::String { kind, ending: true },
            // CAN and SUB
            0x18 | 0x1a => self.finish(None, events),
            _ if self.body.len() < MOST_STRING && !self.overlong => self.body.push(byte),
            _ => {
                self.overlong = true;
                self.body.clear();
            }
        }
    }

    fn end_string(&mut self, kind: StringKind, events: &mut Vec<Event>) {
        let reply = match self.overlong {
            true => None,
            false => kind.reply(&self.body),
        };
        self.finish(reply.map(Event::Reply), events);
    }

    fn paste(&mut self, byte: u8, ending: usize, events: &mut Vec<Event>) {
        if PASTE_END.get(ending) == Some(&byte) {
            let ending = ending + 1;
            self.state = State::Paste { ending };
            if ending == PASTE_END.len() {
                self.end_paste(events);
            }
            return;
        }
        // What looked like the end is text. Only its first byte is an Escape, so nothing in it is another beginning.
        let text = PASTE_END.get(..ending).unwrap_or_default();
        let room = MOST_PASTED.saturating_sub(self.body.len());
        self.body.extend(text.iter().take(room));
        if byte == PASTE_END[0] {
            self.state = State::Paste { ending: 1 };
            return;
        }
        self.state = State::Paste { ending: 0 };
        if self.body.len() < MOST_PASTED {
            self.body.push(byte);
        }
    }

    fn end_paste(&mut self, events: &mut Vec<Event>) {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        // It may have been large; the next sequence is not.
        self.body = Vec::new();
        self.begin(State::Ground);
        events.push(Event::Paste(text));
    }
}

fn escape() -> Event {
    Event::Key(Key::new(KeyCode::Escape))
}
