//! Whether the viewer and the server are still together: silence, the end of a connection, and finding each other again.
//!
//! A lost connection is made again by itself, after half a second and then more and more rarely. One that the server has ended is
//! not, when the server is still there: another viewer has probably taken it, and would have it taken away again at once. Then it
//! is for the user to say.

use std::time::Duration;

use ratatui::text::Line;

use super::action::{Effect, Ending, GuestKey};
use super::app::{App, Focus};
use super::mouse::GuestMouse;
use super::redial::{Reach, Reached, Refusal};
use super::typist::Key;
use crate::channel::main::agent;
use crate::session::{CloseReason, Migration};

/// How often the line counts on.
const SECOND: Duration = Duration::from_secs(1);

/// How long after the server ended a connection it is looked for: one that ended itself is gone by then.
const LOOKS_AFTER: Duration = Duration::from_millis(300);

/// The wait before the first attempt, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How the connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Staying {
    /// As far as is known, well.
    #[default]
    Well,
    /// The server has said nothing since then, although something was done that it answers.
    Silent {
        /// Since when.
        since: Duration,
        /// When the line changes next.
        next: Duration,
    },
    /// There is none.
    Apart(Apart),
}

/// The time without a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// Why the session ended.
    why: CloseReason,
    /// What the last attempt came to, or why it ended.
    text: String,
    /// Attempts so far.
    tries: u32,
    next: Next,
    /// When the line changes next.
    counts: Duration,
}

/// What happens next while there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The server is looked for at this time.
    LookAt(Duration),
    /// It is connected to at this time.
    ConnectAt(Duration),
    /// An attempt is being made.
    Trying(Reach),
    /// The user decides.
    Asks,
}

impl Staying {
    /// Whether there is no connection.
    pub const fn is_apart(&self) -> bool {
        matches!(self, Self::Apart(_))
    }

    /// What the status line, with room for so many columns, says instead of everything else.
    pub fn line(&self, now: Duration, room: usize) -> Option<String> {
        match self {
            Self::Well => None,
            Self::Silent { since, .. } => {
                let seconds = now.saturating_sub(*since).as_secs();
                Some(format!("no answer from the server for {seconds} s"))
            }
            Self::Apart(apart) => Some(apart.line(now, room)),
        }
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Well => None,
            Self::Silent { next, .. } => Some(*next),
            Self::Apart(apart) => match apart.next {
                Next::LookAt(at) => Some(at),
                Next::ConnectAt(at) => Some(at.min(apart.counts)),
                Next::Trying(_) | Next::Asks => None,
            },
        }
    }

    /// Time has come to `now`; whether the line is another one.
    fn count(&mut self, now: Duration) -> bool {
        let next = match self {
            Self::Silent { next, .. } => next,
            Self::Apart(Apart {
                next: Next::ConnectAt(_),
                counts,
                ..
            }) => counts,
            _ => return false,
        };
        let is_due = *next <= now;
        if is_due {
            *next = now + SECOND;
        }
        is_due
    }
}

impl Apart {
    fn line(&self, now: Duration, room: usize) -> String {
        let what_next = match self.next {
            Next::LookAt(_) | Next::Trying(Reach::Look) => String::new(),
            Next::Trying(Reach::Connect) => "; connecting; q quits".to_owned(),
            Next::ConnectAt(at) => {
                let left = at.saturating_sub(now).as_millis().div_ceil(1000);
                format!("; again in {left} s; r now, q quits")
            }
            Next::Asks => "; r connects again, q quits".to_owned(),
        };
        let why = last_clauses(&self.text, room.saturating_sub(what_next.len()));
        format!("{why}{what_next}")
    }

    /// The next attempt comes by itself, after a while that doubles each time and differs by a quarter from viewer to viewer.
    fn wait(&mut self, now: Duration, spread: u32) {
        let doubled = FIRST_WAIT.saturating_mul(1 << self.tries.min(6));
        let longest = doubled.min(LONGEST_WAIT);
        // A step of a linear congruential generator; what counts is only that viewers differ.
        let random = spread.wrapping_mul(1_664_525).wrapping_add(self.tries) >> 16 & 0xff;
        let wait = longest.mul_f64(0.75 + f64::from(random) / 1024.0);
        self.tries += 1;
        self.next = Next::ConnectAt(now + wait);
        self.counts = now + SECOND;
    }
}

/// As many clauses of a text as there is room for: the last tells the cause, and what can be done about it comes behind.
fn last_clauses(text: &str, room: usize) -> &str {
    let mut rest = text;
    while Line::raw(rest).width() > room
        && let Some((_, after)) = rest.split_once(": ")
    {
        rest = after;
    }
    rest
}

impl App {
    /// What is due of it.
    pub(super) fn stay(&mut self, effects: &mut Vec<Effect>) {
        self.stale |= self.staying.count(self.now);
        let Staying::Apart(apart) = &mut self.staying else {
            return;
        };
        let reach = match apart.next {
            Next::LookAt(at) if at <= self.now => Reach::Look,
            Next::ConnectAt(at) if at <= self.now => Reach::Connect,
            _ => return,
        };
        apart.next = Next::Trying(reach);
        self.stale = true;
        effects.push(Effect::Redial(reach));
    }

    /// The session is over, and not because the user wanted that.
    pub(super) fn fall_apart(&mut self, why: CloseReason, effects: &mut Vec<Effect>) {
        let text = why.to_string();
        let mut apart = Apart {
            why,
            text,
            tries: 0,
            next: Next::Asks,
            counts: self.now + SECOND,
        };
        match apart.why {
            CloseReason::ByPeer | CloseReason::Broken(_) => {
                apart.next = Next::LookAt(self.now + LOOKS_AFTER);
            }
            CloseReason::Lost(_) | CloseReason::Refused(_) => {
                apart.wait(self.now, self.reconnects.unwrap_or_default());
            }
            _ => {}
        }
        self.let_go();
        // Nobody is there to be told of releases.
        while self.typist.next_due(Duration::MAX).is_some() {}
        self.pointer = GuestMouse::default();
        if matches!(self.focus, Focus::Steering(_)) {
            self.focus = Focus::Guest;
        }
        self.sharing.agent = agent::State::Absent;
        self.close_ports();
        self.picture.grey();
        self.picture_stale = true;
        self.stale = true;
        self.staying = Staying::Apart(apart);
        self.stay(effects);
    }

    /// What became of an attempt.
    pub(super) fn redialled(&mut self, reached: Reached, effects: &mut Vec<Effect>) {
        let (now, spread) = (self.now, self.reconnects.unwrap_or_default());
        let Staying::Apart(apart) = &mut self.staying else {
            return;
        };
        self.stale = true;
        match reached {
            Reached::Session => {
                self.staying = Staying::Well;
                self.flash = None;
                self.log_line("connected again");
                if self.microphone.on {
                    effects.push(Effect::Microphone(true));
                }
            }
            Reached::Server => {
                apart.text =
                    "the server closed the connection: another viewer may have taken over".into();
                apart.next = Next::Asks;
                let text = apart.text.clone();
                self.log_line(&text);
            }
            Reached::Nothing(Refusal { text, is_final }) => {
                // The reason why it ended says more than that nobody listens while the server is away.
                if !matches!(apart.next, Next::Trying(Reach::Look)) || is_final {
                    apart.text = super::text::printable(&text);
                }
                match is_final {
                    true => apart.next = Next::Asks,
                    false => apart.wait(now, spread),
                }
                self.log_line(&text);
            }
        }
    }

    /// A key while there is no guest to take it.
    pub(super) fn key_apart(&mut self, key: GuestKey, effects: &mut Vec<Effect>) {
        let (GuestKey::Tap(key, _) | GuestKey::Down(_, key, _)) = key else {
            return;
        };
        let Staying::Apart(apart) = &mut self.staying else {
            return;
        };
        match key {
            Key::Char('r' | 'R') if !matches!(apart.next, Next::Trying(_)) => {
                apart.tries = 0;
                apart.next = Next::ConnectAt(self.now);
                self.stay(effects);
            }
            Key::Char('q' | 'Q') => {
                effects.push(Effect::End(Ending::Closed(apart.why.clone())));
            }
            _ => {}
        }
    }

    /// The machine moves to another host, or does not.
    pub(super) fn migration(&mut self, event: &Migration) {
        match event {
            Migration::Begun(to) => self.log_line(&format!("the machine is about to move to {to}")),
            Migration::Prepared => self.log_line("prepared for the machine's move"),
            Migration::Refused(why) => {
                self.log_line(&format!("not prepared for the machine's move: {why}"));
            }
            Migration::Cancelled => self.log_line("the machine stays"),
            Migration::Moved(to, grade) => {
                let text = format!("the machine moved to {to}");
                self.log_line(&format!("{text}, {}", grade.name()));
                self.flash(text);
            }
        }
    }

    /// The server has been silent for so long.
    pub(super) fn silent(&mut self, lasting: Duration) {
        self.log_line("the server does not answer");
        self.staying = Staying::Silent {
            since: self.now.saturating_sub(lasting),
            next: self.now + SECOND,
        };
        self.stale = true;
    }

    /// It says something again.
    pub(super) fn answers(&mut self) {
        let Staying::Silent { since, .. } = self.staying else {
            return;
        };
        let seconds = self.now.saturating_sub(since).as_secs();
        self.log_line(&format!("the server answers again, after {seconds} s"));
        self.staying = Staying::Well;
        self.stale = true;
    }
}
