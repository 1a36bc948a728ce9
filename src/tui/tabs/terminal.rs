//! The terminal of one port: what the guest wrote, as cells with a history.
//!
//! The guest's bytes end here. The model knows cells, colours and a cursor; titles, clipboards, pictures and whatever else a
//! sequence may want of a terminal are swallowed, and nothing but cells ever leaves for the user's.

use std::time::Duration;

use avt::parser::Function;
use avt::{Anchor, Line, Parser, Position, ScreenKind};

use super::queries::{Ear, Heard};

/// Cells of the history, of all its lines together.
const HISTORY: usize = 1 << 17;

/// Bytes that wait to be taken in. More are lost, the oldest first: nobody could have read them.
const MOST_WAITING: usize = 1 << 20;

/// Cells that are touched at most before the user's keys are looked at again. A sequence of four bytes may clear a screen.
const AT_ONCE: usize = 1 << 20;

/// Least time from one answer to the guest's questions to the next, once there were [`ANSWERS`] of them.
const ANSWER_PACE: Duration = Duration::from_millis(50);

/// Answers that may be given at once.
const ANSWERS: u32 = 16;

/// A terminal.
pub struct Terminal {
    screen: avt::Terminal,
    parser: Parser,
    ear: Ear,
    /// What came and was not taken in. INVARIANT: at most [`MOST_WAITING`] bytes.
    waiting: Vec<u8>,
    /// The beginning of a character whose end is still to come, fewer than four bytes.
    partial: Vec<u8>,
    /// The uppermost line that is shown, while the user looks back.
    top: Option<Anchor>,
    marks_pastes: bool,
    /// When all answers may be given again.
    answered: Duration,
}

/// What came of taking in some of the guest's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Whether something was written at all.
    pub written: bool,
    /// Whether the bell rang.
    pub bell: bool,
    /// Answers to the guest's questions.
    pub answers: Vec<u8>,
}

/// What the keyboard has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Whether arrows are sent as for applications (DECCKM).
    pub application_arrows: bool,
    /// Whether pastes are marked as such (2004).
    pub marks_pastes: bool,
}

impl Terminal {
    /// An empty one of so many columns and rows; none is one.
    pub fn new((columns, rows): (u16, u16)) -> Self {
        Self {
            screen: blank(columns.max(1).into(), rows.max(1).into()),
            parser: Parser::new(),
            ear: Ear::default(),
            waiting: Vec::new(),
            partial: Vec::new(),
            top: None,
            marks_pastes: false,
            answered: Duration::ZERO,
        }
    }

    /// Gives it another size, of which none is one. Lines that are longer now are folded.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen
            .resize(columns.max(1).into(), rows.max(1).into());
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    /// Takes over bytes from the guest. They show after [`digest`](Self::digest).
    pub fn receive(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        let lost = self.waiting.len().saturating_sub(MOST_WAITING);
        if lost > 0 {
            self.waiting.drain(..lost);
            // What was cut off may have begun a sequence, or a string that would swallow the rest.
            self.partial.clear();
            self.give_up_sequence();
        }
    }

    /// Whether something waits to be taken in.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in what waits, or as much of it as may be done at once.
    pub fn digest(&mut self, now: Duration) -> News {
        let mut news = News::default();
        let mut waiting = std::mem::take(&mut self.waiting);
        let used = self.take(&waiting, now, &mut news);
        if used < waiting.len() {
            waiting.drain(..used);
            self.waiting = waiting;
        }
        news
    }

    /// Takes in bytes until the work is enough; how many it took.
    fn take(&mut self, bytes: &[u8], now: Duration, news: &mut News) -> usize {
        let (mut used, mut work) = (0, 0);
        while used < bytes.len() && work < AT_ONCE {
            used += match self.partial.is_empty() {
                true => self.take_text(&bytes[used..], &mut work, now, news),
                false => self.take_rest(bytes[used], now, news),
            };
        }
        used
    }

    /// Takes in as much as is whole characters, or one byte that begins or belongs to none; how many bytes.
    fn take_text(
        &mut self,
        bytes: &[u8],
        work: &mut usize,
        now: Duration,
        news: &mut News,
    ) -> usize {
        /// Bytes that are looked at, at once.
        const PIECE: usize = 4096;
        let piece = &bytes[..bytes.len().min(PIECE)];
        let (text, error) = match std::str::from_utf8(piece) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = &piece[..error.valid_up_to()];
                let text = std::str::from_utf8(valid).unwrap_or_default();
                (text, Some(error.error_len()))
            }
        };
        for (at, c) in text.char_indices() {
            if *work >= AT_ONCE {
                return at;
            }
            *work += self.put(c, now, news);
        }
        match error {
            None => text.len(),
            Some(Some(wrong)) => {
                *work += self.put(char::REPLACEMENT_CHARACTER, now, news);
                text.len() + wrong
            }
            Some(None) => {
                self.partial.extend_from_slice(&piece[text.len()..]);
                piece.len()
            }
        }
    }

    /// Takes in a byte that may belong to the character that has begun; whether it does.
    fn take_rest(&mut self, byte: u8, now: Duration, news: &mut News) -> usize {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let c = text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                self.partial.clear();
                self.put(c, now, news);
                1
            }
            Err(error) if error.error_len().is_none() => 1,
            Err(_) => {
                self.partial.clear();
                self.put(char::REPLACEMENT_CHARACTER, now, news);
                0
            }
        }
    }

    /// Takes in a character; how many cells it may have touched.
    fn put(&mut self, c: char, now: Duration, news: &mut News) -> usize {
        news.written = true;
        match self.ear.hear(c) {
            Some(Heard::Bell) => news.bell = true,
            Some(Heard::MarkPastes(on)) => self.marks_pastes = on,
            Some(Heard::Reset) => self.marks_pastes = false,
            Some(question) => self.answer(question, now, &mut news.answers),
            None => {}
        }
        let Some(mut function) = self.parser.feed(c) else {
            return 1;
        };
        let (columns, rows) = self.screen.size();
        if let Function::Rep(times) = &mut function {
            // It may say 65535; what is off the screen by then was not seen.
            *times = (*times).min(u16::try_from(columns).unwrap_or(u16::MAX));
        }
        let work = cells_touched(&function, columns, rows);
        self.screen.execute(function);
        work
    }

    /// Answers a question, unless there were too many lately.
    fn answer(&mut self, question: Heard, now: Duration, answers: &mut Vec<u8>) {
        if self.answered.saturating_sub(now) >= ANSWER_PACE * ANSWERS {
            return;
        }
        self.answered = self.answered.max(now) + ANSWER_PACE;
        let (columns, rows) = self.screen.size();
        let cursor = self.screen.cursor();
        let answer = match question {
            // A VT220 with colours.
            Heard::WhichTerminal => "\x1b[?62;22c".to_owned(),
            Heard::IsWell => "\x1b[0n".to_owned(),
            Heard::WhereIsCursor => {
                let column = cursor.col.min(columns - 1) + 1;
                format!("\x1b[{};{column}R", cursor.row + 1)
            }
            Heard::HowLarge => format!("\x1b[8;{rows};{columns}t"),
            Heard::Bell | Heard::MarkPastes(_) | Heard::Reset => return,
        };
        answers.extend_from_slice(answer.as_bytes());
    }

    fn give_up_sequence(&mut self) {
        const CAN: char = '\x18';
        self.ear.hear(CAN);
        if let Some(function) = self.parser.feed(CAN) {
            self.screen.execute(function);
        }
    }

    /// The lines that are shown, uppermost first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let (_, rows) = self.screen.size();
        let screen = self.screen.screen();
        let before = screen.all_lines().count() - rows;
        screen
            .all_lines()
            .skip(before - self.looks_back())
            .take(rows)
    }

    /// Column and row of the cursor, where it shows.
    pub fn cursor(&self) -> Option<(usize, usize)> {
        let (columns, _) = self.screen.size();
        let at = self.screen.cursor().position();
        at.filter(|_| self.looks_back() == 0)
            .map(|(column, row)| (column.min(columns - 1), row))
    }

    /// What the keyboard has to know.
    pub fn modes(&self) -> Modes {
        Modes {
            application_arrows: self.screen.cursor_key_app_mode(),
            marks_pastes: self.marks_pastes,
        }
    }

    /// Whether a program has the whole screen, so that there is no history to look at.
    pub fn is_full_screen(&self) -> bool {
        self.screen.active_screen_kind() == ScreenKind::Alternate
    }

    /// How many lines the user looks back.
    pub fn looks_back(&self) -> usize {
        let Some(top) = &self.top else {
            return 0;
        };
        if self.is_full_screen() {
            return 0;
        }
        match self.screen.resolve(top) {
            Some(place) => place.row.min(0).unsigned_abs(),
            // It is forgotten by now.
            None => self.history(),
        }
    }

    /// Looks so many lines further back, or forward where negative.
    pub fn scroll(&mut self, lines: isize) {
        let back = self.looks_back().saturating_add_signed(lines);
        let row = -(back.min(self.history()) as isize);
        self.top = None;
        if row < 0 {
            self.top = self.screen.anchor_at(Position {
                screen: ScreenKind::Primary,
                col: 0,
                row,
            });
        }
    }

    /// Shows what is written last.
    pub fn look_at_end(&mut self) {
        self.top = None;
    }

    /// Lines above the screen.
    fn history(&self) -> usize {
        let (_, rows) = self.screen.size();
        let lines = self.screen.primary_screen().all_lines().count();
        lines.saturating_sub(rows)
    }
}

/// A screen with a history of as many lines as may be kept.
fn blank(columns: usize, rows: usize) -> avt::Terminal {
    // The number of lines is for good, and terminals become wider.
    let lines = HISTORY / columns.max(100);
    avt::Terminal::with_scrollback(columns, rows, Some(lines)).expect("neither side is zero")
}

/// Cells a function touches at most, a few more or less.
fn cells_touched(function: &Function, columns: usize, rows: usize) -> usize {
    match function {
        Function::Rep(times) => usize::from(*times),
        // They may scroll.
        Function::Lf | Function::Nel | Function::El(_) | Function::Ech(_) => columns,
        Function::Dch(_) | Function::Ich(_) => columns,
        Function::Decaln
        | Function::Decrst(_)
        | Function::Decset(_)
        | Function::Dl(_)
        | Function::Ed(_)
        | Function::Il(_)
        | Function::Ri
        | Function::Ris
        | Function::Sd(_)
        | Function::Su(_) => columns * rows,
        _ => 1,
    }
}
