//! Keys of the panes, while one of them has the keyboard.

use std::time::Duration;

use super::action::{Effect, MenuKey};
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
        self.focus = Focus::Pane(Reading {
            kind,
            above: 0,
            large,
        });
        self.stale = true;
    }

    /// Opens a pane, where it is not, and gives it the keyboard.
    pub(super) fn open_and_read(&mut self, kind: PaneKind) {
        self.open_pane(kind);
        self.read(kind);
    }

    /// Opens a pane, where it is not, and shows it.
    pub(super) fn open_pane(&mut self, kind: PaneKind) {
        if !self.panes.contains(&kind) {
            self.panes.push(kind);
            self.panes_changed();
        }
        self.show_pane(kind);
    }

    /// Closes a pane.
    pub(super) fn close_pane(&mut self, kind: PaneKind) {
        self.panes.retain(|open| *open != kind);
        self.panes_changed();
    }

    /// Whatever has to follow when panes open or close.
    pub(super) fn panes_changed(&mut self) {
        self.ask_for_stats(self.now);
        self.watch_if_seen();
        self.lay_out();
    }

    /// Has what passes watched while a pane shows it, and not otherwise.
    pub(super) fn watch_if_seen(&mut self) {
        let watches = self.panes.iter().any(|pane| pane.watches()) || self.stepper.watches();
        if watches && !self.is_watching {
            self.protocol.begin(&self.watch);
        }
        self.is_watching = watches;
        self.watch.look(watches);
        self.watch_due = watches.then(|| self.now + LOOK_EVERY);
    }

    /// Takes in a key for the pane that has the keyboard.
    pub(super) fn pane_key(&mut self, reading: Reading, key: MenuKey, effects: &mut Vec<Effect>) {
        let kind = reading.kind;
        let own = match kind {
            PaneKind::Messages => messages::key(&mut self.protocol, key, PAGE),
            PaneKind::Detail => detail::key(self, key, PAGE),
            PaneKind::Step => self.step_key(key, effects),
            PaneKind::Pixel => self.origin_key(key, PAGE, effects),
            PaneKind::Log => self.log_key(key),
            _ => self.scroll_key(reading, key),
        };
        if own {
            // Whoever moves in the list looks at what is in the list.
            self.details_origin &= kind != PaneKind::Messages;
            return;
        }
        match (kind, key) {
            (PaneKind::Messages, MenuKey::Enter) => {
                self.protocol.stay();
                self.details_origin = false;
                self.open_and_read(PaneKind::Detail);
            }
            (PaneKind::Detail, MenuKey::Back) if self.details_origin => {
                self.open_and_read(PaneKind::Pixel);
            }
            (PaneKind::Detail, MenuKey::Back) => self.open_and_read(PaneKind::Messages),
            (_, MenuKey::Char('z')) => {
                let large = !reading.large;
                self.focus = Focus::Pane(Reading { large, ..reading });
            }
            (_, MenuKey::Char('x')) => {
                self.close_pane(kind);
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
            (PaneKind::Step, MenuKey::Close | MenuKey::Char('q')) => {
                self.close_pane(PaneKind::Step);
                self.focus = Focus::Guest;
            }
            (_, MenuKey::Char('.')) if self.panes.contains(&PaneKind::Step) => self.step(effects),
            (_, MenuKey::Close | MenuKey::Char('q')) => self.focus = Focus::Guest,
            _ => {}
        }
    }

    fn scroll_key(&mut self, reading: Reading, key: MenuKey) -> bool {
        let rows = match key {
            MenuKey::Up => -1,
            MenuKey::Down => 1,
            MenuKey::PageUp => -PAGE as i16,
            MenuKey::PageDown => PAGE as i16,
            _ => return false,
        };
        if !reading.kind.scrolls() {
            return false;
        }
        let size = super::view::size_of(self, reading);
        let most = reading.kind.most_above(self, size);
        let above = reading.above.saturating_add_signed(rows).min(most);
        self.focus = Focus::Pane(Reading { above, ..reading });
        true
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
