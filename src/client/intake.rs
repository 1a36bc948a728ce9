//! Whether what the server says is taken in: all of it, nothing, or one message at a time.
//!
//! While nothing is taken in the connections are not read: their queue fills, TCP pushes back, and the server waits, as with a slow
//! client. For the session time stands still meanwhile. So nothing that is waited for is late: no server is taken for dead
//! because nobody listens to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::channel::ChannelId;
use crate::session::{ClientEvent, Held, Hold};

/// The gate of a driver, and the clock of its session.
pub(super) struct Intake {
    gate: Gate,
    started: Instant,
    /// Since when time stands still.
    stands: Option<Instant>,
    /// How long it stood still before.
    stood: Duration,
    /// What the user is to be told behind what the session tells.
    events: VecDeque<ClientEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Shut,
    /// The next message may pass.
    Ajar,
    /// It passed on this channel, and may not be done with.
    Passed(ChannelId),
}

impl Intake {
    /// Open; time begins.
    pub fn new() -> Self {
        Self {
            gate: Gate::Open,
            started: Instant::now(),
            stands: None,
            stood: Duration::ZERO,
            events: VecDeque::new(),
        }
    }

    /// Time since the session began.
    pub fn now(&self) -> Duration {
        let until = self.stands.unwrap_or_else(Instant::now);
        (until - self.started).saturating_sub(self.stood)
    }

    /// When a moment of the session is; `None` while time stands still.
    pub fn instant(&self, at: Duration) -> Option<Instant> {
        let moves = self.stands.is_none();
        moves.then(|| self.started + self.stood + at)
    }

    /// Whether a message may be taken in.
    pub fn takes(&self) -> bool {
        matches!(self.gate, Gate::Open | Gate::Ajar)
    }

    /// Whether more may be taken in together with the next one.
    pub fn takes_all(&self) -> bool {
        self.gate == Gate::Open
    }

    /// The user wants it otherwise; for how long time stood still, where it goes on.
    pub fn obey(&mut self, order: Hold) -> Option<Duration> {
        match order {
            Hold::On | Hold::Step => {
                self.stands.get_or_insert_with(Instant::now);
                self.gate = match (order, self.gate) {
                    (Hold::Step, Gate::Open | Gate::Shut) => Gate::Ajar,
                    (Hold::On, Gate::Open | Gate::Ajar) => Gate::Shut,
                    (_, gate) => gate,
                };
                None
            }
            Hold::Off => {
                self.gate = Gate::Open;
                let stood = self.stands.take()?.elapsed();
                self.stood += stood;
                Some(stood)
            }
        }
    }

    /// A message of this channel was taken in.
    pub fn took(&mut self, id: ChannelId) {
        if self.gate == Gate::Ajar {
            self.gate = Gate::Passed(id);
        }
    }

    /// The channel whose message passed and may not be done with.
    pub fn passed(&self) -> Option<ChannelId> {
        match self.gate {
            Gate::Passed(id) => Some(id),
            _ => None,
        }
    }

    /// It is done with.
    pub fn done(&mut self) {
        self.gate = Gate::Shut;
        self.events.push_back(ClientEvent::Held(Held::Stepped));
    }

    /// Whether the user is to be told something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// What the user is to be told when the session has nothing to tell.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_passes_and_shuts_the_gate_behind_it() {
        let mut intake = Intake::new();
        assert!(intake.takes_all());
        intake.obey(Hold::On);
        assert!(!intake.takes());
        intake.obey(Hold::Step);
        assert!(intake.takes() && !intake.takes_all());
        intake.took(ChannelId::MAIN);
        assert!(!intake.takes());
        assert_eq!(intake.passed(), Some(ChannelId::MAIN));
        assert!(!intake.has_event());
        intake.done();
        assert!(!intake.takes() && intake.has_event());
    }

    #[test]
    fn time_stands_still_while_nothing_is_taken_in_and_goes_on_where_it_stood() {
        let mut intake = Intake::new();
        intake.obey(Hold::On);
        let at = intake.now();
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(intake.now(), at);
        assert_eq!(intake.instant(at), None);
        let stood = intake.obey(Hold::Off).expect("it stood still");
        assert!(stood >= Duration::from_millis(30));
        assert!(intake.now() - at < stood, "it was not made up for");
        assert_eq!(intake.obey(Hold::Off), None);
    }
}
