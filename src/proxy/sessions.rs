//! Which connections belong together: those that name the id of a main channel's INIT.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{TapMaker, lock};
use crate::channel::ChannelId;
use crate::link::messages::LinkMess;
use crate::session::Tap;

/// The sessions that are going on.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// How many there ever were.
    begun: u64,
    going: Vec<Going>,
}

struct Going {
    session: Arc<Session>,
    connections: usize,
}

/// One session.
pub(super) struct Session {
    /// Counted from 1.
    pub number: u64,
    pub started: Instant,
    /// The server's name for it, once INIT has passed.
    id: Mutex<Option<u32>>,
    tap: Mutex<Option<Box<dyn Tap>>>,
}

impl Sessions {
    /// The session a link belongs to: a new one for a main channel, or when nobody knows the id it names.
    pub fn enter(&self, mess: &LinkMess, channel: ChannelId, taps: &TapMaker) -> Arc<Session> {
        let mut inner = lock(&self.0);
        let named = |going: &&mut Going| *lock(&going.session.id) == Some(mess.connection_id);
        // A server may use a number again: the newest session counts.
        let known = inner.going.iter_mut().rev().find(named);
        if let Some(going) = known.filter(|_| channel != ChannelId::MAIN) {
            going.connections += 1;
            return Arc::clone(&going.session);
        }
        inner.begun += 1;
        let session = Arc::new(Session {
            number: inner.begun,
            started: Instant::now(),
            id: Mutex::default(),
            tap: Mutex::new(taps(inner.begun)),
        });
        inner.going.push(Going {
            session: Arc::clone(&session),
            connections: 1,
        });
        session
    }

    /// A connection of this session is gone; how long the session lasted, if it was the last.
    pub fn leave(&self, session: &Session) -> Option<Duration> {
        let mut inner = lock(&self.0);
        let mut places = inner.going.iter();
        let place = places.position(|going| going.session.number == session.number)?;
        inner.going[place].connections -= 1;
        if inner.going[place].connections > 0 {
            return None;
        }
        inner.going.swap_remove(place);
        // Whoever has seen the frames may conclude now.
        *lock(&session.tap) = None;
        Some(session.started.elapsed())
    }
}

impl Session {
    /// INIT has passed, and said this.
    pub fn is_called(&self, id: u32) {
        *lock(&self.id) = Some(id);
    }

    /// Shows the tap something, if there is one, with the time since the session began.
    pub fn show(&self, what: impl FnOnce(&mut dyn Tap, Duration)) {
        if let Some(tap) = &mut *lock(&self.tap) {
            what(&mut **tap, self.started.elapsed());
        }
    }
}
