//! What the session says.

use std::time::Duration;

use super::{GONE_AFTER, STATS_PACE, WITHOUT_TLS};
use crate::channel::main::{self, MouseMode};
use crate::channel::{ChannelKind, cursor, display, inputs};
use crate::session::{ClientEvent, CloseReason, Held, Notice};
use crate::tui::action::{Effect, Ending};
use crate::tui::app::App;
use crate::tui::mouse::GuestMouse;
use crate::tui::panes::PaneKind;
use crate::tui::text::printable;

impl App {
    pub(super) fn session(&mut self, event: ClientEvent, effects: &mut Vec<Effect>) {
        match event {
            ClientEvent::Main(event) => self.main(event),
            ClientEvent::Display(event) => self.display(&event),
            // Nobody here asked.
            ClientEvent::Inputs(inputs::Event::Taken) => return,
            ClientEvent::Inputs(inputs::Event::Locks(locks)) => {
                self.stale |= self.typist.locks != locks;
                self.typist.locks = locks;
            }
            ClientEvent::Cursor(event) => self.cursor(&event),
            ClientEvent::ChannelOpened(id) => self.log_line(&format!("{id}: open")),
            ClientEvent::ChannelClosed(id, reason) => {
                self.log_line(&format!("{id}: {reason}"));
                if id.kind == ChannelKind::Inputs {
                    // The server has let go of everything.
                    self.let_go();
                    self.pointer = GuestMouse::default();
                    self.pointer
                        .begin(self.mouse_mode.contains(MouseMode::CLIENT));
                }
                if id.kind == ChannelKind::Display {
                    self.display_gone(id.id);
                    self.gone_due = Some(self.now + GONE_AFTER);
                }
                if id.kind == ChannelKind::Port {
                    self.port_open(id.id, false);
                }
            }
            ClientEvent::Notice(notice) => self.notice(&notice),
            ClientEvent::Agent(event) => self.agent(event, effects),
            ClientEvent::Stats(stats) => {
                self.history.add(&stats);
                self.stats = Some(stats);
                self.stale |= self.panes.iter().any(|pane| pane.shows_stats());
                return;
            }
            ClientEvent::Closed(reason) => self.closed(reason, effects),
            ClientEvent::Playback(event) => self.playback(&event),
            ClientEvent::Port(event) => self.port(event, effects),
            ClientEvent::Record(event) => self.record(&event),
            ClientEvent::Migration(event) => self.migration(&event),
            ClientEvent::Silent(lasting) => self.silent(lasting),
            ClientEvent::Answers => self.answers(),
            ClientEvent::Held(Held::Stepped) => self.stepped(effects),
        }
        let soonest = self
            .stats_asked
            .map_or(self.now, |asked| asked + STATS_PACE);
        self.ask_for_stats(soonest.max(self.now));
    }

    /// Fresh numbers at `at`, if somebody would see them. Nothing happens between events, so nothing is asked then.
    pub(in crate::tui) fn ask_for_stats(&mut self, at: Duration) {
        if self.panes.iter().any(|pane| pane.shows_stats()) {
            self.stats_due.get_or_insert(at);
        }
    }

    pub(super) fn main(&mut self, event: main::Event) {
        match event {
            main::Event::Name(name) => {
                let name = printable(&name);
                self.log_line(&format!("the guest's name is {name}"));
                self.name = Some(name);
            }
            main::Event::MouseMode { current, .. } => {
                self.mouse_mode = current;
                self.pointer.begin(current.contains(MouseMode::CLIENT));
            }
            main::Event::Agent { .. }
            | main::Event::Init { .. }
            | main::Event::Uuid(_)
            | main::Event::MultiMediaTime(_) => {
                return;
            }
        }
        self.stale = true;
    }

    pub(super) fn display(&mut self, event: &display::Event) {
        if let display::Event::SurfaceCreated {
            display,
            width,
            height,
            ..
        } = event
        {
            self.log_line(&format!("display:{display}: {width}x{height}"));
        }
        // Another screen usually follows at once; the first display keeps its last picture anyway, as the reference
        // client does.
        if let display::Event::SurfaceDestroyed { display: 1.., .. } = event {
            self.gone_due = Some(self.now + GONE_AFTER);
        }
        if self.picture.apply(event) {
            self.stepper.drew = true;
            self.history.picture(self.now);
            self.stale = true;
            self.picture_stale = true;
        }
    }

    pub(super) fn display_gone(&mut self, display: u8) {
        if self.picture.close(display) {
            self.pointer.lose();
            self.stale = true;
            self.picture_stale = true;
        }
    }

    pub(super) fn cursor(&mut self, event: &cursor::Event) {
        let shown = !self.mouse_mode.contains(MouseMode::CLIENT);
        if self.picture.apply_pointer(event) && shown {
            self.stale = true;
        }
        let is_here = self
            .picture
            .monitor()
            .is_some_and(|m| m.display == event.display());
        if is_here && !matches!(event, cursor::Event::Shape { .. }) {
            self.pointer.told(self.picture.pointer(), self.now);
        }
    }

    pub(super) fn notice(&mut self, notice: &Notice) {
        let once = Notice {
            count: 1,
            ..notice.clone()
        };
        let text = printable(&once.to_string());
        if !self.log.raise(&text, notice.count) {
            self.log.push(self.now, text.clone());
            if !notice.text.ends_with(WITHOUT_TLS) {
                self.flash(text);
            }
        }
        self.stale |= self.panes.contains(&PaneKind::Log);
    }

    pub(super) fn closed(&mut self, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.log_line(&reason.to_string());
        self.end_steps();
        match reason {
            CloseReason::Requested => effects.push(Effect::End(Ending::Quit)),
            // There will be nothing to find again.
            reason if self.tabs.machine_ends() => {
                effects.push(Effect::End(Ending::Closed(reason)));
            }
            reason if self.reconnects.is_some() => self.fall_apart(reason, effects),
            reason => effects.push(Effect::End(Ending::Closed(reason))),
        }
    }
}
