//! What is done through the guest agent: `paste`, `copy` and `send`.

mod copy;
mod paste;
mod send;

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

pub use copy::run as copy;
pub use paste::run as paste;
pub use send::run as send;

use super::args::TargetArgs;
use super::dial::{Dial, Dialled, Extras};
use super::report::{Exit, Failure};
use crate::channel::main::{self, agent};
use crate::session::{ClientEvent, CloseReason, Command};
use agent::{Event, Order, State, Unusable};

/// How long a server may take to say that there is an agent. The reference says it first of all.
const APPEARANCE: Duration = Duration::from_secs(2);

/// How long an agent may take to say what it can do; the session itself gives it five seconds.
const ANNOUNCEMENT: Duration = Duration::from_secs(8);

/// How long connecting may take when the command itself may take longer.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A machine whose agent can do what is wanted.
struct Guest {
    dialled: Dialled,
    /// What the command does, as in "cannot …".
    tries: String,
}

impl Guest {
    /// Connects, and waits until the agent has said what it can do. `wanted` tells whether that is enough.
    async fn meet(
        target: &TargetArgs,
        patience: Duration,
        tries: &str,
        wanted: fn(State) -> Result<(), Unusable>,
    ) -> Result<Self, Failure> {
        let dial = Dial {
            view_only: false,
            pixels: false,
            timeout: patience.min(CONNECTING),
            extras: Extras {
                undrawn: true,
                ..Extras::default()
            },
        };
        let mut guest = Self {
            dialled: dial.connect(target).await?,
            tries: tries.to_owned(),
        };
        let state = guest.announcement().await?;
        wanted(state).map_err(|why| guest.unusable(why))?;
        Ok(guest)
    }

    /// The name of the target, for people.
    fn name(&self) -> &str {
        &self.dialled.name
    }

    /// What the agent said that it can do, or the state it is found in when it says nothing.
    async fn announcement(&mut self) -> Result<State, Failure> {
        let (mut state, mut until) = (State::Absent, Instant::now() + APPEARANCE);
        loop {
            let Ok(event) = timeout_at(until, self.next()).await else {
                return Ok(state);
            };
            match event? {
                ClientEvent::Main(main::Event::Agent { connected: true }) => {
                    until = Instant::now() + ANNOUNCEMENT;
                }
                ClientEvent::Agent(Event::State(new)) => {
                    state = new;
                    if !matches!(state, State::Absent | State::Starting) {
                        return Ok(state);
                    }
                }
                _ => {}
            }
        }
    }

    /// The next thing the agent does; the end of the session is a failure, and so is an agent that goes.
    async fn next_of_agent(&mut self) -> Result<Event, Failure> {
        loop {
            match self.next().await? {
                ClientEvent::Agent(Event::State(state @ (State::Absent | State::Broken))) => {
                    let why = match state {
                        State::Broken => Unusable::Broken,
                        _ => Unusable::Absent,
                    };
                    return Err(self.unusable(why));
                }
                ClientEvent::Agent(event) => return Ok(event),
                _ => {}
            }
        }
    }

    /// The next event of the session; its end is a failure. Cancel safe: no event is lost.
    async fn next(&mut self) -> Result<ClientEvent, Failure> {
        match self.dialled.client.next_event().await {
            Some(ClientEvent::Closed(reason)) => Err(self.closed(&reason)),
            Some(event) => Ok(event),
            None => Err(self.closed(&CloseReason::Requested)),
        }
    }

    async fn order(&self, order: Order) -> Result<(), Failure> {
        let sent = self
            .dialled
            .client
            .sender()
            .send(Command::Agent(order))
            .await;
        // Why the session is over its last event tells.
        sent.map_err(|_| self.closed(&CloseReason::ByPeer))
    }

    /// Ends the session in order, so that all that was sent arrives.
    async fn leave(mut self) {
        let _ = self.dialled.client.sender().send(Command::Disconnect).await;
        let gone = async { while self.next().await.is_ok() {} };
        let _ = timeout(FAREWELL, gone).await;
    }

    fn closed(&self, reason: &CloseReason) -> Failure {
        let failure = Failure::from(reason.clone());
        Failure {
            exit: match failure.exit {
                Exit::Done => Exit::Closed,
                exit => exit,
            },
            text: format!("cannot {}: {}", self.tries, failure.text),
            ..failure
        }
    }

    fn unusable(&self, why: Unusable) -> Failure {
        Failure::new(Exit::NotFound, format!("cannot {}: {why}", self.tries)).with_hint(hint(why))
    }
}

/// What to do about an agent that cannot be used.
fn hint(why: Unusable) -> &'static str {
    match why {
        Unusable::Absent => {
            "the machine needs a channel for it (a virtserialport named com.redhat.spice.0), and the guest a running spice-vdagent"
        }
        Unusable::NoClipboard => "the server may be started with disable-copy-paste=on",
        Unusable::FilesDisabled => {
            "the server may be started with disable-agent-file-xfer=on, or nobody is logged in at the guest's desktop"
        }
        _ => {
            "start the guest's agent anew: spice-vdagentd and, in the user's session, spice-vdagent"
        }
    }
}
