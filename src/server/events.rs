//! Events on their way to the embedder.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::channel::inputs::InputEvent;
use crate::session::ServerEvent;

/// Input events that wait for the embedder. When there are as many, the viewer's input is not read any more.
const INPUTS: usize = 256;

/// Events that wait for the embedder. Beyond, the oldest go: nobody has listened for a long time.
const EVENTS: usize = 512;

/// The events of all viewers in their order.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: Mutex<VecDeque<ServerEvent>>,
    /// An event was added.
    added: Notify,
    /// An event was taken.
    taken: Notify,
}

impl Events {
    /// Adds an event. Movement replaces or joins movement that has not been taken.
    pub fn push(&self, event: ServerEvent) {
        let mut queue = self.lock();
        match (queue.back_mut(), event) {
            (Some(ServerEvent::Input(last)), ServerEvent::Input(next)) if is_move(last, &next) => {
                *last = joined(*last, next);
            }
            (_, event) => {
                if queue.len() == EVENTS {
                    queue.pop_front();
                }
                queue.push_back(event);
            }
        }
        drop(queue);
        self.added.notify_one();
    }

    /// The next event. Cancel safe: an event is taken only when it is returned.
    pub async fn next(&self) -> ServerEvent {
        loop {
            let event = self.lock().pop_front();
            if let Some(event) = event {
                self.taken.notify_one();
                return event;
            }
            self.added.notified().await;
        }
    }

    /// Whether more input may be added.
    pub fn has_room(&self) -> bool {
        self.lock().len() < INPUTS
    }

    /// Waits until [`Events::has_room`]. Cancel safe: nothing is lost.
    pub async fn room(&self) {
        while !self.has_room() {
            self.taken.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<ServerEvent>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether both are positions, or both motions.
fn is_move(last: &InputEvent, next: &InputEvent) -> bool {
    use InputEvent::{Motion, Position};
    matches!(
        (last, next),
        (Position { .. }, Position { .. }) | (Motion { .. }, Motion { .. })
    )
}

/// Two movements as one.
fn joined(last: InputEvent, next: InputEvent) -> InputEvent {
    match (last, next) {
        (InputEvent::Motion { dx: x, dy: y }, InputEvent::Motion { dx, dy }) => {
            InputEvent::Motion {
                dx: x.saturating_add(dx),
                dy: y.saturating_add(dy),
            }
        }
        _ => next,
    }
}
