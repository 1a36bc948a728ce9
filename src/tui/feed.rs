//! Where the viewer's events come from, and where its commands go.
//!
//! The run loop does not care which it is: a feed yields events until the session is over, and takes commands until then.

use super::deck::{Deck, Order, Timeline};
use super::mirror::Mirror;
use super::origin::Search;
use crate::client::{CommandSender, SpiceClient};
use crate::session::{ClientEvent, Command};

/// What the viewer views.
#[non_exhaustive]
pub enum Feed {
    /// A session with a server.
    Live(SpiceClient),
    /// A recording.
    Played(Deck),
    /// The session of somebody else, through a proxy.
    Mirrored(Mirror),
}

/// What a feed brings.
pub enum Fed {
    /// An event of the session; `None` when the feed is over.
    Event(Option<ClientEvent>),
    /// The player is at another place.
    Timeline(Box<Timeline>),
    /// What becomes of the question who drew a pixel.
    Search(Box<Search>),
}

impl Feed {
    /// What comes next. Cancel safe: no event is lost.
    pub async fn next(&mut self) -> Fed {
        match self {
            Self::Live(client) => Fed::Event(client.next_event().await),
            Self::Played(deck) => deck.next().await,
            Self::Mirrored(mirror) => Fed::Event(mirror.next_event().await),
        }
    }

    /// The next event, if one is waiting.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        match self {
            Self::Live(client) => client.try_next_event(),
            Self::Played(deck) => deck.try_next_event(),
            Self::Mirrored(mirror) => mirror.try_next_event(),
        }
    }

    /// Sends a command; waits while the queue is full. When the session is over its last event says so, and the command
    /// is dropped.
    pub async fn send(&self, command: Command) {
        let _ = self.sender().send(command).await;
    }

    /// Where playing is; `None` where nothing is played.
    pub fn timeline(&mut self) -> Option<Timeline> {
        match self {
            Self::Live(_) | Self::Mirrored(_) => None,
            Self::Played(deck) => Some(deck.timeline()),
        }
    }

    /// Has the player do something, where there is one.
    pub fn order(&self, order: Order) {
        if let Self::Played(deck) = self {
            deck.order(order);
        }
    }

    /// A sender of commands, for another task.
    pub fn sender(&self) -> CommandSender {
        match self {
            Self::Live(client) => client.sender(),
            Self::Played(deck) => deck.sender(),
            Self::Mirrored(mirror) => mirror.sender(),
        }
    }
}

impl From<Deck> for Feed {
    fn from(deck: Deck) -> Self {
        Self::Played(deck)
    }
}

impl From<Mirror> for Feed {
    fn from(mirror: Mirror) -> Self {
        Self::Mirrored(mirror)
    }
}

impl From<SpiceClient> for Feed {
    fn from(client: SpiceClient) -> Self {
        Self::Live(client)
    }
}
