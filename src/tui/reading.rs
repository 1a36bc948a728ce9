//! Keys of the panes, while one of them has the keyboard.

use std::time::Duration;

use super::action::MenuKey;
use super::app::{App, Focus};
use super::panes::{PaneKind, Reading, detail, messages};

/// How often what passes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Rows a key of pages moves by.
const PAGE: isize = 10;

impl App {
    /// Gives the keyboard to a pane that is open.
    pub(super) fn read(&mut self, kind: PaneKind) {
        let large = self.reading().is_some_and(|reading| reading.large);
        self.focus = Focus::Pane(Reading { kind, large });
        self.stale = true;
    }

    /// Opens a pane, where it is not, and gives it the keyboard.
    pub(super) fn open_and_read(&mut self, kind: PaneKind) {
        if !self.panes.contains(&kind) {
            self.panes.push(kind);
            self.panes_changed();
        }
        self.show_pane(kind);
        self.read(kind);
    }

    /// Whatever has to follow when panes open or close.
    fn panes_changed(&mut self) {
        self.ask_for_stats(self.now);
        self.watch_if_seen();
        self.lay_out();
    }

    /// Has what passes watched while a pane shows it, and not otherwise.
    pub(super) fn watch_if_seen(&mut self) {
        let watches = self.panes.iter().any(|pane| pane.watches());
        if watches && !self.is_watching {
            self.protocol.begin(&self.watch);
        }
        self.is_watching = watches;
        self.watch.look(watches);
        self.watch_due = watches.then(|| self.now + LOOK_EVERY);
    }

    /// Takes in a key for the pane that has the keyboard.
    pub(super) fn pane_key(&mut self, reading: Reading, key: MenuKey) {
        let kind = reading.kind;
        let own = match kind {
            PaneKind::Messages => messages::key(&mut self.protocol, key, PAGE),
            PaneKind::Detail => detail::key(&mut self.protocol, key, PAGE),
            PaneKind::Log => self.log_key(key),
            _ => false,
        };
        if own {
            return;
        }
        match (kind, key) {
            (PaneKind::Messages, MenuKey::Enter) => {
                self.protocol.stay();
                self.open_and_read(PaneKind::Detail);
            }
            (PaneKind::Detail, MenuKey::Back) => self.open_and_read(PaneKind::Messages),
            (_, MenuKey::Char('z')) => {
                let large = !reading.large;
                self.focus = Focus::Pane(Reading { kind, large });
            }
            (_, MenuKey::Char('x')) => {
                self.panes.retain(|open| *open != kind);
                self.panes_changed();
                match self.panes.last() {
                    Some(kind) => self.read(*kind),
                    None => self.focus = Focus::Guest,
                }
            }
            (_, MenuKey::Tab) => self.read_next(kind, 1),
            (_, MenuKey::ShiftTab) => self.read_next(kind, -1),
            (_, MenuKey::Char(c @ '0'..='9')) => {
                let place = (c as usize + 9 - '0' as usize) % 10;
                self.open_and_read(PaneKind::ALL[place]);
            }
            (_, MenuKey::Close | MenuKey::Char('q')) => self.focus = Focus::Guest,
            _ => {}
        }
    }

    fn log_key(&mut self, key: MenuKey) -> bool {
        let lines = match key {
            MenuKey::Up => 1,
            MenuKey::Down => -1,
            MenuKey::PageUp => 5,
            MenuKey::PageDown => -5,
            _ => return false,
        };
        self.log.scroll(lines);
        true
    }

    /// Gives the keyboard to the open pane so many places after this one, round and round; one that has no room gets some.
    fn read_next(&mut self, kind: PaneKind, places: isize) {
        let count = self.panes.len() as isize;
        let at = self.panes.iter().position(|open| *open == kind);
        let next = (at.unwrap_or(0) as isize + places).rem_euclid(count.max(1));
        if let Some(kind) = self.panes.get(next as usize).copied() {
            self.show_pane(kind);
            self.read(kind);
        }
    }

    /// Panes without room are not shown, the newest are: this one becomes the newest where it has none.
    fn show_pane(&mut self, kind: PaneKind) {
        let layout = super::view::layout_of(self);
        if !layout.panes.iter().any(|(shown, _)| *shown == kind) {
            self.panes.retain(|open| *open != kind);
            self.panes.push(kind);
            self.lay_out();
        }
    }
}
