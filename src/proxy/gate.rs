//! A gate in the way of what servers say: open, or shut and letting one message pass at a time.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::Notify;

use super::lock;
use crate::session::Hold;

/// Holds what the server of the newest session says; sessions before that go on, and so does what clients say. Clones are the
/// same gate.
///
/// What is held is not read from the server's connections once their buffers are full: the server waits, as for a slow client.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
    /// Told when a message has passed that was let pass by itself.
    stepped: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Debug, Default)]
struct State {
    is_shut: bool,
    /// Messages that may pass though it is shut.
    may_pass: u32,
    /// The newest session.
    session: u64,
}

/// A message that passes by itself; done with when this is dropped.
pub(super) struct Step<'a>(&'a Inner);

impl Gate {
    /// Calls this behind each message that was let pass by itself, when the taps have seen it; the first one counts.
    pub fn on_step(&self, told: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.stepped.set(Box::new(told));
    }

    /// Shuts it, opens it, or shuts it and lets one message pass.
    pub fn obey(&self, order: Hold) {
        {
            let mut state = lock(&self.0.state);
            state.is_shut = order != Hold::Off;
            state.may_pass = match order {
                Hold::Step => state.may_pass.saturating_add(1),
                Hold::On | Hold::Off => 0,
            };
        }
        self.0.changed.notify_waiters();
    }

    /// There is a session of this number.
    pub(super) fn begins(&self, session: u64) {
        {
            let mut state = lock(&self.0.state);
            state.session = state.session.max(session);
        }
        self.0.changed.notify_waiters();
    }

    /// Whether a message of this session may pass now: `Some`, with what is to be dropped behind it if it passes by itself.
    pub(super) fn try_pass(&self, session: u64) -> Option<Option<Step<'_>>> {
        let mut state = lock(&self.0.state);
        if !state.is_shut || session < state.session {
            return Some(None);
        }
        state.may_pass = state.may_pass.checked_sub(1)?;
        Some(Some(Step(&self.0)))
    }

    /// Waits until one may. Cancel safe: none has passed.
    pub(super) async fn pass(&self, session: u64) -> Option<Step<'_>> {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if let Some(passed) = self.try_pass(session) {
                return passed;
            }
            changed.await;
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if let Some(told) = self.0.stepped.get() {
            told();
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("state", &self.state).finish()
    }
}
