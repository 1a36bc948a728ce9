//! `App::update`: the only code that changes the viewer.

use std::time::Duration;

use super::action::{Action, Effect, Ending, GuestKey, MenuKey, Mouse, Pointer};
use super::app::{App, Flash, Focus};
use super::deck::{Order, Timeline};
use super::mouse::{GuestMouse, Place};
use super::panes::palette::{self, Choice, Menu};
use super::panes::timeline::{self, Press};
use super::panes::{PaneKind, help};
use super::picture::{Zoom, middle};
use super::steering::Steering;
use super::text::printable;
use super::typist::{Hold, Key, MOST_PASTED, Missing, NotOnLayout, PACE, Text};
use super::view;
use crate::channel::inputs::{self, InputEvent};
use crate::channel::main::{self, MouseMode};
use crate::channel::{ChannelKind, cursor, display};
use crate::client::Monitor;
use crate::geometry::Point;
use crate::keyboard::{Chord, alt_code};
use crate::session::{ClientEvent, CloseReason, Command, Notice};

/// How long a flash stays.
const FLASH: Duration = Duration::from_secs(4);
/// Least time from one question for numbers to the next.
const STATS_PACE: Duration = Duration::from_millis(500);
/// How the remark ends that the reference server makes at the start of every session without TLS (02 §9): for the log, no news.
const WITHOUT_TLS: &str = "the server says: keyboard channel is insecure";
/// How long a display that is not the first keeps its last picture when its screen is gone.
const GONE_AFTER: Duration = Duration::from_secs(1);

impl App {
    /// Takes in what happened at `now` (time since the viewer began); what is to be done outside, in order.
    #[must_use = "what has come due is in it, whatever the action"]
    pub fn update(&mut self, action: Action, now: Duration) -> Vec<Effect> {
        self.now = now;
        let mut effects = Vec::new();
        match action {
            Action::Escape => self.escape(&mut effects),
            Action::Menu(key) => self.menu_key(key, &mut effects),
            Action::Key(key) if self.staying.is_apart() => self.key_apart(key, &mut effects),
            Action::Key(key) => self.guest_key(key),
            Action::Recording(running) => {
                self.stale |= self.recording != running;
                self.recording = running;
            }
            Action::Recorded(line) => {
                self.log_line(&line);
                self.flash(line);
            }
            Action::Player(press) => self.press(press, &mut effects),
            Action::Timeline(timeline) => self.timeline(*timeline),
            Action::PortKey(key) => self.port_key(&key, &mut effects),
            Action::Paste(text) => self.paste(text, &mut effects),
            Action::Text(text) => self.text(&text, &mut effects),
            Action::Pointer(pointer) => self.pointer(pointer, &mut effects),
            Action::FocusLost => self.let_go(),
            Action::Resized {
                columns,
                rows,
                cell_aspect,
            } => {
                self.setup.size = (columns, rows);
                self.setup.cell_aspect = cell_aspect;
                if let Some(pixels) = &mut self.pixels {
                    pixels.forget();
                }
                // Before the terminal has answered there is nothing to choose from.
                if self.drawing.is_some() {
                    self.choose_drawing();
                }
                self.lay_out();
                if self.sharing.follows {
                    self.resize_guest(&mut effects);
                }
            }
            Action::Tip(line) => self.flash(line.to_owned()),
            Action::PictureLost => {
                if let Some(pixels) = &mut self.pixels {
                    pixels.forget();
                }
                self.stale = true;
            }
            Action::Capabilities {
                capabilities,
                answers,
            } => self.learn(*capabilities, answers),
            Action::Arrived => self.pace.answered(self.now),
            Action::Written { outstanding } => self.pace.written(outstanding, self.now),
            Action::Session(event) => self.session(event, &mut effects),
            Action::Level(level) => self.level(level),
            Action::Unheard(why) => self.unheard(why),
            Action::MicrophoneFails(why) => self.microphone_fails(why),
            Action::Microphone => self.toggle_microphone(&mut effects),
            Action::Redialled(reached) => self.redialled(reached, &mut effects),
            Action::Logged(line) => self.log_line(&line),
            Action::Frame => self.frame(),
            Action::Painted { bytes } => self.painted(bytes),
            Action::Saved(outcome) => self.saved(outcome),
            Action::Time => {}
        }
        self.what_is_due(&mut effects);
        effects
    }

    fn what_is_due(&mut self, effects: &mut Vec<Effect>) {
        self.pace.tick(self.now);
        self.digest_ports(effects);
        let before = self.progress();
        while let Some(event) = self.typist.next_due(self.now) {
            if matches!(event, InputEvent::KeyDown(_)) {
                self.history.key(self.now);
            }
            effects.push(Effect::Command(Command::Input(event)));
        }
        self.stale |= before != self.progress();
        let correction = self.pointer.correct(self.now);
        effects.extend(correction.map(|event| Effect::Command(Command::Input(event))));
        if self.stats_due.is_some_and(|due| due <= self.now) {
            self.stats_due = None;
            self.stats_asked = Some(self.now);
            effects.push(Effect::Command(Command::Stats));
        }
        if self.watch_due.take_if(|due| *due <= self.now).is_some() {
            self.stale |= self.watch.has_seen() && !self.protocol.frozen;
            self.watch_if_seen();
        }
        if self.gone_due.take_if(|due| *due <= self.now).is_some() {
            for display in self.picture.gone().into_iter().filter(|id| *id > 0) {
                self.display_gone(display);
            }
            self.picture.forget_parted();
        }
        self.stay(effects);
        if self
            .flash
            .take_if(|flash| flash.until <= self.now)
            .is_some()
        {
            self.stale = true;
        }
        self.stale |= self.picture_due().is_some_and(|due| due <= self.now);
        if self.meter.deadline().is_some_and(|at| at <= self.now) {
            self.stale |= self.meter.forget(self.now);
        }
    }

    // --- drawing

    fn frame(&mut self) {
        self.stale = false;
        self.is_behind = false;
        self.drawn = Some(self.now);
        if self.panes.iter().any(|pane| pane.watches()) {
            self.protocol.take_in(&self.watch);
        }
        if !self.tabs.is_shown() {
            self.picture.refresh();
        }
    }

    fn painted(&mut self, bytes: usize) {
        let has_picture = self.picture.fit().is_some() && !self.draws_pixels();
        let has_picture = has_picture && !self.tabs.is_shown();
        // Pixels count when they are painted.
        if std::mem::take(&mut self.picture_stale) && has_picture {
            self.meter.count(bytes, self.now);
        }
    }

    pub(super) fn flash(&mut self, text: String) {
        self.flash = Some(Flash {
            text: printable(&text),
            until: self.now + FLASH,
        });
        self.stale = true;
    }

    pub(super) fn log_line(&mut self, line: &str) {
        self.log.push(self.now, printable(line));
        self.stale |= self.panes.contains(&PaneKind::Log);
    }

    // --- keys

    fn escape(&mut self, effects: &mut Vec<Effect>) {
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

    fn guest_key(&mut self, key: GuestKey) {
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
    fn paste(&mut self, text: String, effects: &mut Vec<Effect>) {
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
            Focus::Help(_) | Focus::Steering(_) => {}
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
    fn text(&mut self, text: &str, effects: &mut Vec<Effect>) {
        match &mut self.focus {
            Focus::Palette(state) => {
                state.type_text(text);
                self.stale = true;
            }
            Focus::Pane(_) => {
                self.protocol.write(|filter| filter.push_str(text));
                self.stale = true;
            }
            Focus::Help(_) | Focus::Steering(_) => {}
            Focus::Guest if self.tabs.is_shown() => self.port_text(text, effects),
            Focus::Guest if self.setup.view_only || self.typist.progress().is_some() => {}
            Focus::Guest => self.type_text(text),
        }
    }

    fn type_text(&mut self, text: &str) {
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
    fn stop_typing(&mut self) -> bool {
        let Some((done, total)) = self.typist.progress() else {
            return false;
        };
        self.typist.relax(self.now);
        self.flash(format!("stopped after {done} of {total} characters"));
        true
    }

    /// What the status line shows of a text that is being typed: it changes fifty times, however long the text.
    fn progress(&self) -> Option<usize> {
        let (done, total) = self.typist.progress()?;
        Some(done * 50 / total.max(1))
    }

    /// The menu has the keyboard: the guest is to see no key of it, and no end of those before.
    fn relax(&mut self) {
        if self.setup.view_only {
            return;
        }
        self.typist.relax(self.now);
        for button in self.pointer.take_buttons() {
            self.typist.release_button(button, self.now);
        }
    }

    /// The user is elsewhere.
    pub(super) fn let_go(&mut self) {
        self.pointer.take_buttons();
        if !self.setup.view_only {
            self.typist.let_go(self.now);
        }
    }

    fn menu_key(&mut self, key: MenuKey, effects: &mut Vec<Effect>) {
        self.stale = true;
        match &mut self.focus {
            Focus::Guest => {}
            Focus::Pane(reading) => {
                let reading = *reading;
                self.pane_key(reading, key);
            }
            Focus::Help(from) => {
                let from = *from;
                self.focus = help::key(key, from, self).map_or(Focus::Guest, Focus::Help);
            }
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

    fn choose(&mut self, choice: Choice, effects: &mut Vec<Effect>) {
        match choice {
            Choice::Play(order) => effects.push(Effect::Play(order)),
            Choice::Record => effects.push(Effect::Record),
            Choice::Quit => {
                effects.push(Effect::Command(Command::Disconnect));
                effects.push(Effect::End(Ending::Quit));
            }
            Choice::Open(menu) => self.focus = Focus::Palette(palette::State::of(menu)),
            Choice::Chord(chord) => self.chord(&chord),
            Choice::Hold(code, hold) => self.hold(code, hold),
            Choice::LetGo => self.let_go(),
            Choice::Layout(layout) => {
                self.typist.set_layout(layout);
                effects.push(Effect::Layout(layout));
                let title = layout.title;
                self.flash(format!("the guest's layout is {layout}: {title}"));
            }
            Choice::Forget => self.pasted = None,
            Choice::TypePasted => {
                let text = self.pasted.take().unwrap_or_default();
                self.type_text(&text);
            }
            Choice::OfferPasted => {
                let text = self.pasted.take().unwrap_or_default();
                self.offer(&text, effects);
            }
            Choice::Pane(kind) => {
                self.toggle(kind);
                if kind.watches() && self.panes.contains(&kind) {
                    self.read(kind);
                }
            }
            Choice::ReadPanes => match self.panes.last() {
                Some(kind) => self.read(*kind),
                None => self.open_and_read(PaneKind::Messages),
            },
            Choice::Whole => self.zoom(Zoom::Whole),
            Choice::Times(times) => {
                let centre = self.looked_at();
                self.zoom(Zoom::Exact { centre, times });
                self.focus = Focus::Palette(palette::State::of(Menu::Zoom));
            }
            Choice::Loupe => {
                self.zoom(Zoom::Loupe);
                if let Some(at) = self.pointer.at() {
                    self.picture.look_at(at);
                }
            }
            Choice::Pan(dx, dy) => {
                self.pan(dx, dy);
                self.focus = Focus::Palette(palette::State::of(Menu::Zoom));
            }
            Choice::Draw(style) => {
                self.setup.style = style;
                self.setup.drawing = Some(style.glyphs.drawing());
                self.picture.set_style(style);
                self.choose_drawing();
                self.lay_out();
            }
            Choice::DrawPixels(drawing) => {
                self.setup.drawing = Some(drawing);
                self.choose_drawing();
            }
            Choice::Monitor(monitor) => {
                self.show_monitor(monitor);
                self.focus = Focus::Palette(palette::State::of(Menu::Monitors));
            }
            Choice::Help => self.focus = Focus::Help(0),
            Choice::Steer if self.setup.view_only => {
                self.flash("view only: the pointer stays where it is".into());
            }
            Choice::Steer if self.tabs.is_shown() => {
                self.flash("there is no pointer in a port: w in the menu shows the picture".into());
            }
            Choice::Steer => self.focus = Focus::Steering(Steering::default()),
            Choice::PasteThere => self.expect_paste(),
            Choice::Take(kind) => self.take(kind, effects),
            Choice::Automatic => self.toggle_automatic(effects),
            Choice::Resize => self.resize_guest(effects),
            Choice::Follow => self.toggle_follow(effects),
            Choice::Sound => self.toggle_sound(effects),
            Choice::NextTab => self.next_tab(),
            Choice::Tab(tab) => self.show_tab(tab),
            Choice::TellSize => self.tell_size(effects),
            Choice::Break => self.send_break(effects),
            Choice::ScrollTab(lines) => {
                self.scroll_tab_back(lines);
                self.focus = Focus::Palette(palette::State::of(Menu::Ports));
            }
            Choice::Machine(order) => self.order_machine(order, effects),
            Choice::Quieter(percent) => {
                self.quieter(percent, effects);
                self.focus = Focus::Palette(palette::State::of(Menu::Sound));
            }
            Choice::Microphone => self.toggle_microphone(effects),
            Choice::Suspend => {
                self.let_go();
                while let Some(event) = self.typist.next_due(self.now) {
                    effects.push(Effect::Command(Command::Input(event)));
                }
                effects.push(Effect::Suspend);
            }
            Choice::Scroll(lines) => {
                self.log.scroll(lines);
                self.focus = Focus::Palette(palette::State::of(Menu::Panes));
            }
        }
    }

    fn chord(&mut self, chord: &Chord) {
        if self.setup.view_only {
            return self.flash("view only: no keys are sent".into());
        }
        match chord.on(self.typist.layout()) {
            Ok(fingers) => self.typist.chord(&fingers, self.now),
            Err(c) => {
                let layout = self.typist.layout();
                let c = printable(&c.to_string());
                self.flash(format!("no single key makes '{c}' on layout {layout}"));
            }
        }
    }

    /// Holds a key from the menu, which stays for another.
    fn hold(&mut self, code: u32, hold: Option<Hold>) {
        if self.setup.view_only {
            return self.flash("view only: no keys are sent".into());
        }
        self.typist.hold(code, hold, self.now);
        if hold != Some(Hold::Once) {
            self.focus = Focus::Palette(palette::State::of(Menu::Hold));
        }
    }

    fn toggle(&mut self, kind: PaneKind) {
        match self.panes.iter().position(|open| *open == kind) {
            Some(at) => {
                self.panes.remove(at);
            }
            None => self.panes.push(kind),
        }
        self.ask_for_stats(self.now);
        self.watch_if_seen();
        self.lay_out();
    }

    fn show_monitor(&mut self, monitor: Monitor) {
        self.picture.choose(monitor);
        self.pointer.lose();
        // Its middle, if it is shown in parts.
        if let Zoom::Exact { times, .. } = self.picture.zoom() {
            let centre = middle(monitor.rect);
            self.picture.set_zoom(Zoom::Exact { centre, times });
        }
        self.picture_stale = true;
    }

    fn zoom(&mut self, zoom: Zoom) {
        self.picture.set_zoom(zoom);
        self.picture_stale = true;
        self.stale = true;
    }

    /// The pixel to zoom in on: the middle of the part that is shown, or else where the mouse is.
    fn looked_at(&self) -> Point {
        let whole = self.picture.monitor().map(|m| m.rect).unwrap_or_default();
        match self.picture.zoom() {
            Zoom::Whole => self.pointer.at().unwrap_or(middle(whole)),
            Zoom::Exact { centre, .. } => centre,
            Zoom::Loupe => middle(self.picture.fit().map_or(whole, |fit| fit.shown())),
        }
    }

    /// Moves the part that is shown by quarters of it. A loupe stops following.
    fn pan(&mut self, dx: i32, dy: i32) {
        let Some(fit) = self.picture.fit() else {
            return;
        };
        let shown = fit.shown();
        let (width, height) = (shown.width() as i32, shown.height() as i32);
        let centre = Point::new(
            shown.left + width / 2 + dx * (width / 4).max(1),
            shown.top + height / 2 + dy * (height / 4).max(1),
        );
        let times = match self.picture.zoom() {
            Zoom::Exact { times, .. } => times,
            Zoom::Whole | Zoom::Loupe => 1,
        };
        self.zoom(Zoom::Exact { centre, times });
    }

    // --- the player

    fn press(&mut self, press: Press, effects: &mut Vec<Effect>) {
        let speed = self.timeline.as_ref().map(|timeline| timeline.speed);
        match press {
            Press::Order(order) => effects.push(Effect::Play(order)),
            Press::Speed { faster } => {
                let speed = speed.unwrap_or_default().next(faster);
                effects.push(Effect::Play(Order::Speed(speed)));
            }
            Press::GoTo => self.focus = Focus::Palette(palette::State::of(Menu::GoTo)),
            Press::Help => self.focus = Focus::Help(0),
            Press::Quit => self.choose(Choice::Quit, effects),
            Press::Nothing => {
                self.flash("a recording takes no keys; ? shows those of the player".into());
            }
        }
        self.stale = true;
    }

    fn timeline(&mut self, timeline: Timeline) {
        let is_first = self.timeline.replace(timeline).is_none();
        self.stale = true;
        if is_first {
            self.lay_out();
        }
    }

    // --- the mouse

    fn pointer(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) {
        let layout = view::layout_of(self);
        if let (Mouse::Press(_), Focus::Guest) = (pointer.did, &self.focus)
            && let Some(at) =
                timeline::moment_at(self, layout.timeline, pointer.column, pointer.row)
        {
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

    // --- the session

    fn session(&mut self, event: ClientEvent, effects: &mut Vec<Effect>) {
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
        }
        let soonest = self
            .stats_asked
            .map_or(self.now, |asked| asked + STATS_PACE);
        self.ask_for_stats(soonest.max(self.now));
    }

    /// Fresh numbers at `at`, if somebody would see them. Nothing happens between events, so nothing is asked then.
    pub(super) fn ask_for_stats(&mut self, at: Duration) {
        if self.panes.iter().any(|pane| pane.shows_stats()) {
            self.stats_due.get_or_insert(at);
        }
    }

    fn main(&mut self, event: main::Event) {
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

    fn display(&mut self, event: &display::Event) {
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
            self.history.picture(self.now);
            self.stale = true;
            self.picture_stale = true;
        }
    }

    fn display_gone(&mut self, display: u8) {
        if self.picture.close(display) {
            self.pointer.lose();
            self.stale = true;
            self.picture_stale = true;
        }
    }

    fn cursor(&mut self, event: &cursor::Event) {
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

    fn notice(&mut self, notice: &Notice) {
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

    fn closed(&mut self, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.log_line(&reason.to_string());
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
