//! What the viewer does with the guest's agent: the part of `App::update` that [`Sharing`] is the memory of.

use bytes::Bytes;

use super::action::Effect;
use super::app::App;
use super::sharing::{self, Outcome};
use super::view;
use crate::channel::main::agent::{ContentKind, Event, MonitorSize, Order, State, Unusable};
use crate::geometry::Size;
use crate::session::Command;

/// Least pixels a guest is asked to have.
const LEAST_SCREEN: Size = Size::new(320, 200);
/// Guests round the widths of their screens down to multiples of this.
const WIDTH_STEP: u32 = 8;

impl App {
    /// Takes in what the agent did.
    pub(super) fn agent(&mut self, event: Event, effects: &mut Vec<Effect>) {
        if let Event::State(state) = event {
            self.log_line(match state {
                State::Absent => "the guest agent is gone",
                State::Starting => "the guest agent is there",
                State::Ready(_) => "the guest agent is ready",
                State::Silent => "the guest agent does not answer",
                State::Broken => "the guest agent speaks another protocol",
            });
        }
        let take = format!("{} then C then c", self.setup.escape);
        for outcome in self.sharing.event(event, &take) {
            match outcome {
                Outcome::Order(order) => effects.push(Effect::Command(Command::Agent(order))),
                Outcome::Copy(text) => effects.push(Effect::Copy(text)),
                Outcome::Save { kind, content } => effects.push(save(kind, content)),
                Outcome::Say(text) => self.flash(text),
                Outcome::Resize => self.resize_guest(effects),
            }
        }
        self.stale = true;
    }

    /// The next paste is for the guest's clipboard.
    pub(super) fn expect_paste(&mut self) {
        if self.setup.view_only {
            return self.flash(VIEW_ONLY.into());
        }
        match self.sharing.agent.clipboard() {
            Ok(()) => {
                self.sharing.expects_paste = true;
                self.flash("paste now, as you do in this terminal".into());
            }
            Err(why) => self.cannot("paste", why),
        }
    }

    /// Offers `text` to the guest.
    pub(super) fn offer(&mut self, text: &str, effects: &mut Vec<Effect>) {
        match self.sharing.offer(text) {
            Ok(order) => {
                effects.push(Effect::Command(Command::Agent(order)));
                self.flash(
                    "it is in the guest's clipboard: paste it there, by Ctrl+V mostly".into(),
                );
            }
            Err(why) => self.cannot("paste", why),
        }
    }

    /// Takes what was copied in the guest: text for the terminal's clipboard, a picture for a file.
    pub(super) fn take(&mut self, kind: ContentKind, effects: &mut Vec<Effect>) {
        match self.sharing.agent.clipboard() {
            Ok(()) => effects.push(Effect::Command(Command::Agent(sharing::fetch(kind)))),
            Err(why) => self.cannot("copy", why),
        }
    }

    /// Text copied in the guest goes to the terminal's clipboard by itself from now on, or does so no more.
    pub(super) fn toggle_automatic(&mut self, effects: &mut Vec<Effect>) {
        self.sharing.automatic = !self.sharing.automatic;
        if self.sharing.automatic && self.sharing.offered.contains(&ContentKind::Text) {
            self.take(ContentKind::Text, effects);
        }
    }

    /// The guest follows the size of the terminal from now on, or does so no more.
    pub(super) fn toggle_follow(&mut self, effects: &mut Vec<Effect>) {
        self.sharing.follows = !self.sharing.follows;
        if self.sharing.follows {
            self.resize_guest(effects);
        } else {
            self.flash("the guest keeps its size".into());
        }
    }

    /// Asks the guest to make the shown monitor as large as the room for its picture. The others stay as they are.
    pub(super) fn resize_guest(&mut self, effects: &mut Vec<Effect>) {
        if self.setup.view_only {
            return self.flash(VIEW_ONLY.into());
        }
        if !self.sharing.agent.is_present() {
            return self.cannot("resize", Unusable::Absent);
        }
        let Some(shown) = self.picture.monitor() else {
            return;
        };
        let wanted = self.room();
        let sizes = self.picture.monitors().into_iter().map(|monitor| {
            let size = match monitor.is(&shown) {
                true => wanted,
                false => Size::new(monitor.rect.width(), monitor.rect.height()),
            };
            // Monitors are numbered from 1.
            let display = u8::try_from(monitor.number().saturating_sub(1)).ok()?;
            Some(MonitorSize { display, size })
        });
        let order = Order::Monitors(sizes.flatten().collect());
        effects.push(Effect::Command(Command::Agent(order)));
        if self.sharing.asked.replace(wanted) != Some(wanted) {
            self.sharing.accepted = None;
            let (width, height) = (wanted.width, wanted.height);
            self.flash(format!("the guest is asked for {width} by {height} pixels"));
        }
    }

    /// The guest's screen that fills the room for the picture, a pixel a dot.
    fn room(&self) -> Size {
        let area = view::layout_of(self).picture;
        let cell = self.cell();
        let width = u32::from(area.width) * cell.width;
        let height = u32::from(area.height) * cell.height;
        Size::new(
            (width - width % WIDTH_STEP).max(LEAST_SCREEN.width),
            height.max(LEAST_SCREEN.height),
        )
    }

    fn cannot(&mut self, what: &str, why: Unusable) {
        let more = match why {
            Unusable::Absent => " (spice-vdagent does not run, or the VM has no channel for it)",
            _ => "",
        };
        self.flash(format!("cannot {what}: {why}{more}"));
    }

    /// A file was written for the user, or not.
    pub(super) fn saved(&mut self, outcome: Result<String, String>) {
        match outcome {
            Ok(path) => self.flash(format!("saved as {path}")),
            Err(why) => self.flash(format!("cannot save: {why}")),
        }
    }
}

const VIEW_ONLY: &str = "view only: nothing is sent to the guest";

fn save(kind: ContentKind, content: Bytes) -> Effect {
    let extension = match kind {
        ContentKind::Text => "txt",
        ContentKind::Png => "png",
        ContentKind::Bmp => "bmp",
        ContentKind::Tiff => "tiff",
        ContentKind::Jpeg => "jpg",
        _ => "bin",
    };
    Effect::Save {
        stem: "capsaicin-clipboard",
        extension,
        content,
    }
}
