//! `App::update`: the only code that changes the viewer.

mod keys;
mod pointer;
mod session;

use std::time::Duration;

use super::action::{Action, Effect, Ending};
use super::app::{App, Flash, Focus};
use super::panes::PaneKind;
use super::panes::palette::{self, Choice, Menu};
use super::picture::{Zoom, middle};
use super::steering::Steering;
use super::text::printable;
use super::typist::Hold;
use crate::channel::inputs::InputEvent;
use crate::client::Monitor;
use crate::geometry::Point;
use crate::keyboard::Chord;
use crate::session::Command;

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
            Action::Search(search) => self.take_search(*search),
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
            Action::Tip { line, is_new } => {
                self.log_line(line);
                if is_new {
                    self.flash(line.to_owned());
                }
            }
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
        self.follow_step_pane(effects);
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

    fn frame(&mut self) {
        self.stale = false;
        self.is_behind = false;
        self.drawn = Some(self.now);
        self.says_refining = self.is_refining();
        if self.is_watching {
            self.protocol.take_in(&self.watch);
        }
        if !self.tabs.is_shown() {
            self.set_still();
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

    fn choose(&mut self, choice: Choice, effects: &mut Vec<Effect>) {
        match choice {
            Choice::Play(order) => effects.push(Effect::Play(order)),
            Choice::Record => effects.push(Effect::Record),
            Choice::MarkRecording => effects.push(Effect::MarkRecording),
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
            Choice::Point => self.begin_pointing(effects),
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
        self.panes_changed();
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
}
