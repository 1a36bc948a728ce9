//! Whether the terminal around a tmux still is the one that was drawn on.
//!
//! tmux says nothing when it is detached from one terminal and attached to another, nor when another window is shown; what is
//! passed through it then is lost. So after a frame, and when the user does something, the terminal is asked for a marker, at
//! most once a second. While nothing happens nothing is asked.

use std::time::{Duration, Instant};

use crate::term::kitty::{self, Route};

/// Least time from one question to the next.
const PACE: Duration = Duration::from_secs(1);

/// What is known of the terminal.
#[derive(Debug, Default)]
pub struct Presence {
    /// Whether the marker was sent.
    marked: bool,
    /// When the question was asked that is not answered yet.
    asked: Option<Instant>,
    /// When the last one was asked.
    last: Option<Instant>,
    /// When the next one is to be asked.
    due: Option<Instant>,
    /// Whether what was drawn may not have arrived.
    suspect: bool,
}

impl Presence {
    /// Something was drawn, or the user did something.
    pub fn stir(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| (last + PACE).max(now));
        self.due.get_or_insert(earliest);
    }

    /// What to write, if a question is due.
    pub fn question(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.asked.is_some() || self.due? > now {
            return None;
        }
        self.due = None;
        self.asked = Some(now);
        self.last = Some(now);
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.marked, true) {
            kitty::send_marker(Route::Tmux, &mut bytes);
        }
        kitty::ask_for_marker(Route::Tmux, &mut bytes);
        Some(bytes)
    }

    /// Takes an answer in; whether the terminal is another one.
    pub fn answered(&mut self, message: &str) -> bool {
        self.asked = None;
        message != "OK"
    }

    /// Whether a question has not been answered within `limit`, and so never will be.
    pub fn is_lost(&mut self, now: Instant, limit: Duration) -> bool {
        let lost = self.asked.take_if(|asked| *asked + limit <= now).is_some();
        self.suspect |= lost;
        lost
    }

    /// What was drawn may not have arrived: tmux drops what is to pass through it while it draws its window anew.
    pub fn suspect(&mut self) {
        self.suspect = true;
    }

    /// Whether what was drawn may not have arrived; asked once.
    pub fn take_suspect(&mut self) -> bool {
        std::mem::take(&mut self.suspect)
    }

    /// The terminal has no marker any more.
    pub fn forget(&mut self) {
        self.marked = false;
    }

    /// When there is something to do.
    pub fn deadline(&self, limit: Duration) -> Option<Instant> {
        match self.asked {
            Some(asked) => Some(asked + limit),
            None => self.due,
        }
    }

    /// Begins anew; what to write to take the marker off the terminal.
    pub fn leave(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if std::mem::take(self).marked {
            kitty::delete_marker(Route::Tmux, &mut bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(700);

    #[test]
    fn a_terminal_is_asked_once_a_second_while_something_happens() {
        let start = Instant::now();
        let mut presence = Presence::default();
        assert_eq!(presence.deadline(LIMIT), None);
        presence.stir(start);
        let first = presence.question(start).unwrap();
        // The marker is sent once.
        presence.answered("OK");
        presence.stir(start);
        assert_eq!(presence.question(start), None);
        assert_eq!(presence.deadline(LIMIT), Some(start + PACE));
        let second = presence.question(start + PACE).unwrap();
        assert!(first.len() > second.len() && first.ends_with(&second));
        assert!(!presence.answered("OK"));
        assert_eq!(presence.deadline(LIMIT), None);
    }

    #[test]
    fn a_terminal_without_the_marker_is_another_and_a_silent_one_is_lost() {
        let start = Instant::now();
        let mut presence = Presence::default();
        presence.stir(start);
        presence.question(start);
        assert!(presence.answered("ENOENT:no such image"));
        presence.stir(start);
        presence.question(start + PACE);
        assert_eq!(presence.deadline(LIMIT), Some(start + PACE + LIMIT));
        assert!(!presence.is_lost(start + PACE, LIMIT));
        assert!(presence.is_lost(start + PACE + LIMIT, LIMIT));
        assert!(!presence.is_lost(start + PACE + LIMIT, LIMIT));
        assert!(presence.take_suspect() && !presence.take_suspect());
    }
}
