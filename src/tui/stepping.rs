//! The step debugger: what the server says is held, and let in one message at a time, with the picture before and after.
//!
//! A live session is held at its connections, which the server notices as a client that reads nothing; that of others at the
//! proxy it passes through. A recording is held when it is paused.

use super::action::{Effect, MenuKey};
use super::app::App;
use super::deck::Order as Play;
use super::panes::PaneKind;
use super::protocol::Entry;
use crate::geometry::Rect;
use crate::pixels::PixelBuf;
use crate::session::{Command, Hold, Way};

/// Most messages that are ordered ahead.
const MOST_AHEAD: u8 = 20;

/// Most messages let in one by one on the way to one that draws.
const MOST_ON_THE_WAY: u32 = 20_000;

/// Where the debugger is.
#[derive(Debug, Default)]
pub struct Stepper {
    /// Whether a live session is held.
    held: bool,
    /// Whether the debugger's pane was open when that was last looked at.
    was_open: bool,
    /// Whether a message was ordered and has not come.
    waits: bool,
    /// Messages to order when it has.
    ahead: u8,
    /// Messages that may still be let in on the way to one that draws; 0 when that is not looked for.
    on_the_way: u32,
    /// Whether something was drawn since the last order.
    pub(super) drew: bool,
    /// The number that the next message has.
    mark: u64,
    /// Messages let in since it is held.
    count: u64,
    /// The message that was let in last.
    message: Option<Entry>,
    /// The display and its picture before that.
    before: Option<(u8, PixelBuf)>,
    /// Whether that is shown.
    shows_before: bool,
}

impl Stepper {
    /// The message that was let in last.
    pub fn message(&self) -> Option<&Entry> {
        self.message.as_ref()
    }

    /// How many were let in since it is held.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether one was ordered and has not come.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Whether the picture before the last message is shown.
    pub fn shows_before(&self) -> bool {
        self.shows_before
    }

    /// The picture before the last message, while it is shown: its display, and pixels.
    pub(super) fn before(&self) -> Option<(u8, &PixelBuf)> {
        let before = self.before.as_ref().filter(|_| self.shows_before);
        before.map(|(display, picture)| (*display, picture))
    }

    /// Whether messages are looked at here.
    pub(super) fn watches(&self) -> bool {
        self.held || self.waits || self.message.is_some()
    }

    fn forget(&mut self) {
        *self = Self {
            held: self.held,
            was_open: self.was_open,
            ..Self::default()
        };
    }
}

impl App {
    /// Whether nothing comes in by itself: a live session is held, or a recording stands still.
    pub fn is_held(&self) -> bool {
        match &self.timeline {
            Some(timeline) => timeline.paused || timeline.ended,
            None => self.stepper.held,
        }
    }

    /// The box that the message drew in that was let in last, where it is on the screen that is shown.
    pub fn stepped_area(&self) -> Option<Rect> {
        self.area_of(self.stepper.message()?)
    }

    /// Holds when the debugger's pane was opened, and goes on when it was closed.
    pub(super) fn follow_step_pane(&mut self, effects: &mut Vec<Effect>) {
        let is_open = self.panes.contains(&PaneKind::Step);
        if std::mem::replace(&mut self.stepper.was_open, is_open) == is_open {
            return;
        }
        match is_open {
            true => self.hold_intake(effects),
            false => {
                if self.timeline.is_none() {
                    self.go_on(effects);
                }
                self.stepper.forget();
                self.watch_if_seen();
            }
        }
    }

    fn hold_intake(&mut self, effects: &mut Vec<Effect>) {
        self.stepper.forget();
        match &self.timeline {
            Some(timeline) if !timeline.paused && !timeline.ended => {
                effects.push(Effect::Play(Play::Pause));
            }
            Some(_) => {}
            None => {
                self.stepper.held = true;
                effects.push(Effect::Command(Command::Hold(Hold::On)));
            }
        }
        self.watch_if_seen();
    }

    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        let was_held = self.is_held();
        self.stepper.forget();
        match &self.timeline {
            Some(_) if was_held => effects.push(Effect::Play(Play::Pause)),
            Some(_) => {}
            None if was_held => {
                self.stepper.held = false;
                effects.push(Effect::Command(Command::Hold(Hold::Off)));
            }
            None => {}
        }
        self.watch_if_seen();
    }

    /// The session is over, or another one begins: nothing is held there.
    pub(super) fn end_steps(&mut self) {
        self.stepper.held = false;
        self.stepper.forget();
    }

    /// The user does something else with the player.
    pub(super) fn leave_steps(&mut self) {
        if self.stepper.waits || self.stepper.message.is_some() {
            self.stepper.forget();
            self.stale = true;
            self.watch_if_seen();
        }
    }

    /// Lets one message in.
    pub(super) fn step(&mut self, effects: &mut Vec<Effect>) {
        self.stale = true;
        if self.stepper.waits {
            self.stepper.on_the_way = 0;
            self.stepper.ahead = (self.stepper.ahead + 1).min(MOST_AHEAD);
            return;
        }
        if !self.is_held() {
            self.hold_intake(effects);
        }
        self.order_step(effects);
    }

    /// Lets messages in until one draws.
    fn step_to_drawing(&mut self, effects: &mut Vec<Effect>) {
        if !self.stepper.waits {
            self.step(effects);
            self.stepper.on_the_way = MOST_ON_THE_WAY;
        }
    }

    fn order_step(&mut self, effects: &mut Vec<Effect>) {
        self.stepper.waits = true;
        self.watch_if_seen();
        self.protocol.frozen = false;
        self.protocol.take_in(&self.watch);
        self.stepper.mark = self.protocol.next_number();
        // What was kept before the last message is also what there is before this one, if that drew nothing.
        if std::mem::take(&mut self.stepper.drew) || self.stepper.before.is_none() {
            self.stepper.before = self.picture.copy();
        }
        self.stepper.shows_before = false;
        effects.push(match self.timeline {
            Some(_) => Effect::Play(Play::Message),
            None => Effect::Command(Command::Hold(Hold::Step)),
        });
    }

    /// The message that was ordered is in, and everything it told was taken in.
    pub(super) fn stepped(&mut self, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.stepper.waits) {
            return;
        }
        self.stale = true;
        self.protocol.take_in(&self.watch);
        let mark = self.stepper.mark;
        let is_it = |entry: &&Entry| entry.way == Way::ToClient && entry.number >= mark;
        self.stepper.message = self.protocol.kept().rev().find(is_it).cloned();
        if self.timeline.is_some() && self.stepper.message.is_none() {
            (self.stepper.ahead, self.stepper.on_the_way) = (0, 0);
            return self.flash("no message comes after this: the recording ends".into());
        }
        self.stepper.count += 1;
        let on_the_way = std::mem::take(&mut self.stepper.on_the_way);
        let ended = self.timeline.as_ref().is_some_and(|t| t.ended);
        if self.stepper.ahead > 0 {
            self.stepper.ahead -= 1;
            self.order_step(effects);
        } else if on_the_way > 1 && !self.stepper.drew && !ended {
            self.order_step(effects);
            self.stepper.on_the_way = on_the_way - 1;
        }
    }

    /// Shows the picture before the last message, or the one after it.
    pub(super) fn toggle_before(&mut self) {
        if self.stepper.before.is_none() || self.stepper.message.is_none() {
            return self.flash("no message was let in yet: . lets one in".into());
        }
        self.stepper.shows_before = !self.stepper.shows_before;
        let of = match self.stepper.shows_before {
            true => "before",
            false => "after",
        };
        self.flash(format!("the picture {of} the last message"));
    }

    /// Takes in a key for the debugger's pane; whether it was one of its own.
    pub(super) fn step_key(&mut self, key: MenuKey, effects: &mut Vec<Effect>) -> bool {
        match key {
            MenuKey::Char('.') => self.step(effects),
            MenuKey::Char('n') => self.step_to_drawing(effects),
            MenuKey::Char('b') => self.toggle_before(),
            MenuKey::Char(' ') if self.is_held() => self.go_on(effects),
            MenuKey::Char(' ') => self.hold_intake(effects),
            MenuKey::Enter => {
                let number = self.stepper.message().map(|entry| entry.number);
                self.protocol.look_at(number);
                self.details_origin = false;
                self.open_and_read(PaneKind::Detail);
            }
            MenuKey::Close if self.stepper.on_the_way > 0 => self.stepper.on_the_way = 0,
            _ => return false,
        }
        true
    }
}
