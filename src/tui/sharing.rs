//! What goes between the user's terminal and the guest by way of the guest's agent: clipboards, and the size of the guest's screen.
//!
//! Nothing leaves the guest for the terminal's clipboard until the user asks for it, once or for the whole session; nothing
//! reaches the guest but what the user pasted for it.

use bytes::Bytes;

use crate::channel::main::agent::{ContentKind, Event, Order, Selection, State, Unusable};
use crate::geometry::Size;
use crate::term::clipboard::MOST_TEXT;

/// The user's side of the guest agent.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Whether there is an agent, and what it can do.
    pub agent: State,
    /// What was copied in the guest, as what it can be had; nothing when it is empty.
    pub offered: Vec<ContentKind>,
    /// Whether the guest may have something that nobody was there to be told of: copied before this viewer came.
    pub untold: bool,
    /// Whether text goes to the terminal's clipboard as soon as it is copied in the guest.
    pub automatic: bool,
    /// The text that can be pasted in the guest.
    pub text: Option<Bytes>,
    /// Whether the next paste is meant for the guest's clipboard.
    pub expects_paste: bool,
    /// Whether the guest's screen follows the size of the terminal.
    pub follows: bool,
    /// The size the guest was asked to have.
    pub asked: Option<Size>,
    /// Whether its agent says that it could.
    pub accepted: Option<bool>,
    /// Whether the user was told that there is something to take.
    told: bool,
}

/// What is to be done about something the agent did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something for the agent.
    Order(Order),
    /// Text for the terminal's clipboard.
    Copy(String),
    /// Content for a file.
    Save {
        /// What it is.
        kind: ContentKind,
        /// As it came.
        content: Bytes,
    },
    /// Something for the user.
    Say(String),
    /// The guest's screen can be given the size of the terminal again.
    Resize,
}

impl Sharing {
    /// Takes in what the agent did. `take` is how the user takes what was copied in the guest.
    pub fn event(&mut self, event: Event, take: &str) -> Vec<Outcome> {
        match event {
            Event::State(state) => self.state(state),
            Event::Offered {
                selection: Selection::Clipboard,
                kinds,
                ..
            } => self.offered(kinds, take),
            Event::Released {
                selection: Selection::Clipboard,
            } => {
                self.offered.clear();
                self.untold = false;
                Vec::new()
            }
            Event::Requested { selection, kind } => {
                let ours = selection == Selection::Clipboard && kind == ContentKind::Text;
                vec![Outcome::Order(Order::Answer {
                    selection,
                    kind,
                    content: self.text.clone().filter(|_| ours),
                })]
            }
            Event::Answered { bytes: 1.., .. } => {
                vec![Outcome::Say("the guest took what you pasted".into())]
            }
            Event::Content { kind, content, .. } => match content {
                Ok(content) => received(kind, content),
                Err(why) => vec![Outcome::Say(format!("the guest's clipboard: {why}"))],
            },
            Event::Monitors { accepted } => {
                self.accepted = Some(accepted);
                if accepted {
                    return Vec::new();
                }
                vec![Outcome::Say("the guest cannot have that size".into())]
            }
            _ => Vec::new(),
        }
    }

    fn state(&mut self, state: State) -> Vec<Outcome> {
        self.agent = state;
        self.untold = state.clipboard().is_ok();
        match state {
            State::Ready(_) if self.follows => vec![Outcome::Resize],
            State::Ready(_) => Vec::new(),
            // Whatever comes next knows nothing of what this one offered.
            _ => {
                self.offered.clear();
                self.accepted = None;
                Vec::new()
            }
        }
    }

    fn offered(&mut self, kinds: Vec<ContentKind>, take: &str) -> Vec<Outcome> {
        self.offered = kinds;
        self.untold = false;
        self.text = None;
        if self.automatic && self.offered.contains(&ContentKind::Text) {
            return vec![Outcome::Order(fetch(ContentKind::Text))];
        }
        let what = match self.offered.first() {
            Some(ContentKind::Text) => "text",
            Some(kind) if kind.is_image() => "a picture",
            _ => return Vec::new(),
        };
        if std::mem::replace(&mut self.told, true) {
            return Vec::new();
        }
        vec![Outcome::Say(format!(
            "{what} was copied in the guest: {take} takes it"
        ))]
    }

    /// Offers text to the guest.
    ///
    /// # Errors
    ///
    /// Why the guest cannot have it.
    pub fn offer(&mut self, text: &str) -> Result<Order, Unusable> {
        self.expects_paste = false;
        self.agent.clipboard()?;
        // Terminals send what Enter sends between the lines of a paste.
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        self.text = Some(lines.into());
        self.offered.clear();
        self.untold = false;
        Ok(Order::Offer {
            selection: Selection::Clipboard,
            kinds: vec![ContentKind::Text],
        })
    }

    /// Whether text may have been copied in the guest.
    pub fn may_have_text(&self) -> bool {
        self.untold || self.offered.contains(&ContentKind::Text)
    }

    /// The picture among what was, or may have been, copied in the guest, as PNG if it can be had so.
    pub fn picture(&self) -> Option<ContentKind> {
        if self.untold {
            return Some(ContentKind::Png);
        }
        let png = self.offered.iter().find(|kind| **kind == ContentKind::Png);
        let any = || self.offered.iter().find(|kind| kind.is_image());
        png.or_else(any).copied()
    }
}

/// Asks for what was copied in the guest.
pub fn fetch(kind: ContentKind) -> Order {
    Order::Fetch {
        selection: Selection::Clipboard,
        kind,
    }
}

fn received(kind: ContentKind, content: Bytes) -> Vec<Outcome> {
    if kind != ContentKind::Text {
        return vec![Outcome::Save { kind, content }];
    }
    if content.len() > MOST_TEXT {
        let long = "what was copied is too long for a terminal's clipboard";
        return vec![Outcome::Say(long.into()), Outcome::Save { kind, content }];
    }
    let text = harmless(&String::from_utf8_lossy(&content));
    let said = match text.chars().count() {
        1 => "1 character went to the terminal's clipboard".into(),
        count => format!("{count} characters went to the terminal's clipboard"),
    };
    vec![Outcome::Copy(text), Outcome::Say(said)]
}

/// Text that does nothing but be text when it is pasted into a shell: only line ends and tabs are left of the control characters.
fn harmless(text: &str) -> String {
    let keep = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(keep).collect()
}
