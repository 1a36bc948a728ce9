//! Whether the viewer and the server are still together, as far as the user is told.

use std::time::Duration;

use super::app::App;
use crate::session::Migration;

/// How often the line counts on.
const SECOND: Duration = Duration::from_secs(1);

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
}

impl Staying {
    /// What the status line says instead of everything else.
    pub fn line(&self, now: Duration) -> Option<String> {
        match self {
            Self::Well => None,
            Self::Silent { since, .. } => {
                let seconds = now.saturating_sub(*since).as_secs();
                Some(format!("no answer from the server for {seconds} s"))
            }
        }
    }

    /// When the line changes by itself.
    pub fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Well => None,
            Self::Silent { next, .. } => Some(*next),
        }
    }

    /// Time has come to `now`; whether the line is another one.
    pub(super) fn tick(&mut self, now: Duration) -> bool {
        match self {
            Self::Silent { next, .. } if *next <= now => {
                *next += SECOND;
                *next = (*next).max(now);
                true
            }
            _ => false,
        }
    }
}

impl App {
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
