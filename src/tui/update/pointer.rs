//! The player's keys, and the mouse.

use crate::channel::inputs::{self, InputEvent};
use crate::channel::main::MouseMode;
use crate::session::Command;
use crate::tui::action::{Effect, Mouse, Pointer};
use crate::tui::app::{App, Focus};
use crate::tui::deck::{Order, Timeline};
use crate::tui::mouse::Place;
use crate::tui::panes::PaneKind;
use crate::tui::panes::palette::{self, Choice, Menu};
use crate::tui::panes::timeline::{self, Press};
use crate::tui::view;

impl App {
    pub(super) fn press(&mut self, press: Press, effects: &mut Vec<Effect>) {
        if self.mirrors
            && matches!(
                press,
                Press::Nothing | Press::Order(_) | Press::Speed { .. } | Press::GoTo
            )
        {
            let keys =
                "no key goes to the guest from here; q quits, i i in the menu gives panes the keys";
            return self.flash(keys.into());
        }
        let speed = self.timeline.as_ref().map(|timeline| timeline.speed);
        match press {
            Press::Order(Order::Message) => self.step(effects),
            Press::Order(order) => {
                self.leave_steps();
                effects.push(Effect::Play(order));
            }
            Press::Before => self.toggle_before(),
            Press::Speed { faster } => {
                let speed = speed.unwrap_or_default().next(faster);
                effects.push(Effect::Play(Order::Speed(speed)));
            }
            Press::Point => self.begin_pointing(effects),
            Press::GoTo => self.focus = Focus::Palette(palette::State::of(Menu::GoTo)),
            Press::Help => self.focus = Focus::Help(0),
            Press::Quit => self.choose(Choice::Quit, effects),
            Press::Nothing => {
                self.flash("a recording takes no keys; ? shows those of the player".into());
            }
        }
        self.stale = true;
    }

    pub(super) fn timeline(&mut self, timeline: Timeline) {
        let is_first = self.timeline.replace(timeline).is_none();
        self.stale = true;
        if is_first {
            self.lay_out();
        }
    }

    pub(super) fn pointer(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) {
        let layout = view::layout_of(self);
        if let (Mouse::Press(_), Focus::Guest) = (pointer.did, &self.focus)
            && let Some(at) =
                timeline::moment_at(self, layout.timeline, pointer.column, pointer.row)
        {
            self.leave_steps();
            effects.push(Effect::Play(Order::To(at)));
            return;
        }
        let over_pane = layout.pane_at(pointer.column, pointer.row);
        if let (Some(kind), Mouse::Wheel(button)) = (over_pane, pointer.did) {
            if kind == PaneKind::Log {
                self.log
                    .scroll(if button == inputs::Button::Up { 3 } else { -3 });
                self.stale = true;
            }
            return;
        }
        if matches!(self.focus, Focus::Pointing(_)) {
            return self.point_crosshair(pointer, effects);
        }
        if self.focus != Focus::Guest {
            return;
        }
        if self.tabs.is_shown() {
            if over_pane.is_none() {
                self.point_at_tab(pointer, effects);
            }
            return;
        }
        let column = pointer.column.saturating_sub(layout.picture.x);
        let row = pointer.row.saturating_sub(layout.picture.y);
        let under_loupe = match over_pane {
            None => self.picture.point_loupe(column, row),
            Some(_) => None,
        };
        if under_loupe.is_some() {
            self.stale = true;
            self.picture_stale = true;
        }
        if self.setup.view_only {
            return;
        }
        let Some(fit) = self.picture.fit() else {
            return;
        };
        let mut events = Vec::new();
        // What it did without a button cannot have been while one was down: its release was missed.
        if pointer.did == Mouse::Move {
            let missed = self.pointer.take_buttons().into_iter();
            events.extend(missed.map(InputEvent::Release));
        }
        // Once a button is down, the picture keeps the mouse until it is up.
        let held = self.pointer.is_held();
        let before = self.pointer.at();
        let (part, cell) = pointer.part;
        let nearest = fit.nearest_pixel_in(column, row, part, cell);
        let is_on_picture = fit.pixel_at(column, row).is_some();
        let pixel = match under_loupe.or(is_on_picture.then_some(nearest)) {
            Some(pixel) if held || over_pane.is_none() => pixel,
            _ if held => nearest,
            _ => {
                self.pointer.leave();
                self.stale |= before.is_some() && self.mouse_mode.contains(MouseMode::CLIENT);
                effects.extend(events.into_iter().map(Command::Input).map(Effect::Command));
                return;
            }
        };
        // It is drawn where the mouse is.
        self.stale |= before != Some(pixel) && self.mouse_mode.contains(MouseMode::CLIENT);
        let display = self.picture.monitor().map_or(0, |m| m.display);
        events.extend(self.pointer.point(Place { pixel, display }, self.now));
        match pointer.did {
            Mouse::Move | Mouse::Drag => {}
            Mouse::Wheel(button) => events.push(InputEvent::Wheel(button)),
            Mouse::Press(button) => events.extend(self.pointer.press(button)),
            Mouse::Release(button) => {
                events.extend(self.pointer.release(button));
                self.typist.let_go_once(self.now);
            }
        }
        effects.extend(events.into_iter().map(Command::Input).map(Effect::Command));
    }
}
