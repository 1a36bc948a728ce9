//! Connecting again to what is viewed.

use std::pin::Pin;
use std::sync::Arc;

use crate::channel::main::Destination;
use crate::client::SpiceClient;
use crate::session::Tap;

/// Connects again, or looks whether that could be done, to the server as it was reached before, or to the host that its machine
/// has moved to. The tap sees the session's frames. Nobody is asked for anything.
pub type Redial =
    Arc<dyn Fn(Reach, Option<Destination>, Option<Box<dyn Tap>>) -> Redialling + Send + Sync>;

/// An attempt.
pub type Redialling = Pin<Box<dyn Future<Output = Redialled> + Send>>;

/// What an attempt comes to: a session, or without one a server that would give one.
pub type Redialled = Result<Option<SpiceClient>, Refusal>;

/// How far an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Until the server answers. Whoever is connected stays connected.
    Look,
    /// Until there is a session.
    Connect,
}

/// Why there is no session again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What happened, for people.
    pub text: String,
    /// Whether trying again is of no use: a password or a certificate was refused.
    pub is_final: bool,
}

/// What an attempt came to, for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// There is a session.
    Session,
    /// The server would give one.
    Server,
    /// Neither.
    Nothing(Refusal),
}

impl From<&Redialled> for Reached {
    fn from(outcome: &Redialled) -> Self {
        match outcome {
            Ok(Some(_)) => Self::Session,
            Ok(None) => Self::Server,
            Err(refusal) => Self::Nothing(refusal.clone()),
        }
    }
}
