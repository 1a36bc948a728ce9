//! Keys, pasted text, and who gets them.

use crate::keyboard::alt_code;
use crate::tui::action::{Effect, GuestKey, MenuKey};
use crate::tui::app::{App, Focus};
use crate::tui::panes::help;
use crate::tui::panes::palette::{self, Menu};
use crate::tui::text::printable;
use crate::tui::typist::{Key, MOST_PASTED, Missing, NotOnLayout, PACE, Text};

impl App {
    pub(super) fn escape(&mut self, effects: &mut Vec<Effect>) {
        self.stale = true;
        if self.focus == Focus::Guest {
            if self.stop_typing() {
                return;
            }
            self.relax();
            self.focus = Focus::Palette(palette::State::default());
            return;
        }
        self.relax();
        let twice =
            matches!(&self.focus, Focus::Palette(state) if *state == palette::State::default());
        self.focus = Focus::Guest;
        self.pasted = None;
        if twice && self.tabs.is_shown() {
            self.port_key(&self.setup.escape.pressed(), effects);
        } else if twice && let Some((key, held)) = self.setup.escape.for_guest() {
            self.guest_key(GuestKey::Tap(key, held));
        }
    }

    pub(super) fn guest_key(&mut self, key: GuestKey) {
        /// The make code of Escape.
        const ESCAPE: Key = Key::Code(0x01);
        if self.setup.view_only {
            return;
        }
        let is_typing = self.typist.progress().is_some();
        let typed = match key {
            GuestKey::Tap(ESCAPE, _) | GuestKey::Down(_, ESCAPE, _) if is_typing => {
                self.stop_typing();
                Ok(())
            }
            // Between the characters of a text they would be lost in it.
            GuestKey::Tap(..) | GuestKey::Down(..) if is_typing => Ok(()),
            GuestKey::Tap(key, held) => self.typist.tap(key, held, self.now),
            GuestKey::Down(finger, key, held) => self.typist.press(finger, key, held, self.now),
            GuestKey::Up(finger) => {
                self.typist.release(finger, self.now);
                Ok(())
            }
        };
        if let Err(NotOnLayout(c)) = typed {
            if self.setup.alt_codes && alt_code(c).is_some() {
                self.type_text(&c.to_string());
            } else {
                let layout = self.typist.layout();
                let c = printable(&c.to_string());
                self.flash(format!("no key makes '{c}' on layout {layout}"));
            }
        }
    }

    /// Text came in one piece. Only the user knows whether the guest should see it as keys.
    pub(super) fn paste(&mut self, text: String, effects: &mut Vec<Effect>) {
        if self.setup.view_only {
            return;
        }
        match &mut self.focus {
            Focus::Palette(state) if state.menu() == Menu::Paste => {
                self.focus = Focus::Guest;
                match self.tabs.is_shown() {
                    true => self.port_paste(&text, effects),
                    false => self.type_text(&text),
                }
            }
            Focus::Palette(state) => {
                state.type_text(&text);
                self.stale = true;
            }
            Focus::Pane(_) => {
                let line = text.lines().next().unwrap_or_default().to_owned();
                self.protocol.write(|filter| filter.push_str(&line));
                self.stale = true;
            }
            Focus::Help(_) | Focus::Steering(_) | Focus::Pointing(_) => {}
            Focus::Guest if self.sharing.expects_paste => self.offer(&text, effects),
            Focus::Guest if self.tabs.is_shown() => self.port_paste(&text, effects),
            Focus::Guest => {
                self.relax();
                self.pasted = Some(text);
                self.focus = Focus::Palette(palette::State::of(Menu::Pasted));
                self.stale = true;
            }
        }
    }

    /// Text the user typed, although not by single keys.
    pub(super) fn text(&mut self, text: &str, effects: &mut Vec<Effect>) {
        match &mut self.focus {
            Focus::Palette(state) => {
                state.type_text(text);
                self.stale = true;
            }
            Focus::Pane(_) => {
                self.protocol.write(|filter| filter.push_str(text));
                self.stale = true;
            }
            Focus::Help(_) | Focus::Steering(_) | Focus::Pointing(_) => {}
            Focus::Guest if self.tabs.is_shown() => self.port_text(text, effects),
            Focus::Guest if self.setup.view_only || self.typist.progress().is_some() => {}
            Focus::Guest => self.type_text(text),
        }
    }

    pub(super) fn type_text(&mut self, text: &str) {
        if self.setup.view_only {
            return self.flash("view only: no keys are sent".into());
        }
        let text = self.typist.read(text, MOST_PASTED);
        let layout = self.typist.layout();
        if let Text {
            missing: missing @ Missing { count: 1.., .. },
            ..
        } = &text
        {
            let count = missing.count;
            self.flash(format!("no key on layout {layout} for {count}: {missing}"));
        } else if text.is_cut {
            self.flash(format!("only the first {MOST_PASTED} characters are typed"));
        }
        self.typist.type_text(&text, PACE, self.now);
    }

    /// Gives up a text that is being typed; whether one was.
    pub(super) fn stop_typing(&mut self) -> bool {
        let Some((done, total)) = self.typist.progress() else {
            return false;
        };
        self.typist.relax(self.now);
        self.flash(format!("stopped after {done} of {total} characters"));
        true
    }

    /// What the status line shows of a text that is being typed: it changes fifty times, however long the text.
    pub(super) fn progress(&self) -> Option<usize> {
        let (done, total) = self.typist.progress()?;
        Some(done * 50 / total.max(1))
    }

    /// The menu has the keyboard: the guest is to see no key of it, and no end of those before.
    pub(super) fn relax(&mut self) {
        if self.setup.view_only {
            return;
        }
        self.typist.relax(self.now);
        for button in self.pointer.take_buttons() {
            self.typist.release_button(button, self.now);
        }
    }

    /// The user is elsewhere.
    pub(in crate::tui) fn let_go(&mut self) {
        self.pointer.take_buttons();
        if !self.setup.view_only {
            self.typist.let_go(self.now);
        }
    }

    pub(super) fn menu_key(&mut self, key: MenuKey, effects: &mut Vec<Effect>) {
        self.stale = true;
        match &mut self.focus {
            Focus::Guest => {}
            Focus::Pane(reading) => {
                let reading = *reading;
                self.pane_key(reading, key, effects);
            }
            Focus::Help(from) => {
                let from = *from;
                self.focus = help::key(key, from, self).map_or(Focus::Guest, Focus::Help);
            }
            Focus::Pointing(_) => self.pointing_key(key, effects),
            Focus::Steering(steering) => {
                let order = steering.key(key, self.now);
                order
                    .into_iter()
                    .for_each(|order| self.steer(order, effects));
            }
            Focus::Palette(state) => {
                let mut state = state.clone();
                let response = palette::key(&mut state, key, self);
                self.focus = match response {
                    palette::Response::Stay => Focus::Palette(state),
                    palette::Response::Close => {
                        self.pasted = None;
                        Focus::Guest
                    }
                    palette::Response::Chosen(choice) => {
                        self.focus = Focus::Guest;
                        self.choose(choice, effects);
                        return;
                    }
                };
            }
        }
    }
}
