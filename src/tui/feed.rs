//! Where the viewer's events come from, and where its commands go.
//!
//! The run loop does not care which it is: a feed yields events until the session is over, and takes commands until then.

use crate::client::{CommandSender, SpiceClient};
use crate::session::{ClientEvent, Command};

/// What the viewer views.
#[non_exhaustive]
pub enum Feed {
    /// A session with a server.
    Live(SpiceClient),
}

impl Feed {
    /// The next event; `None` when the feed is over. Cancel safe: no event is lost.
    pub async fn next_event(&mut self) -> Option<ClientEvent> {
        match self {
            Self::Live(client) => client.next_event().await,
        }
    }

    /// The next event, if one is waiting.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        match self {
            Self::Live(client) => client.try_next_event(),
        }
    }

    /// Sends a command; waits while the queue is full. When the session is over its last event says so, and the command
    /// is dropped.
    pub async fn send(&self, command: Command) {
        let _ = self.sender().send(command).await;
    }

    /// A sender of commands, for another task.
    pub fn sender(&self) -> CommandSender {
        match self {
            Self::Live(client) => client.sender(),
        }
    }
}

impl From<SpiceClient> for Feed {
    fn from(client: SpiceClient) -> Self {
        Self::Live(client)
    }
}
