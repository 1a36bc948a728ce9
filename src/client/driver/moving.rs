//! What the session wants done at the host the machine moves to, and what comes from there.

use std::time::Duration;

use tracing::debug;

use super::{Driver, Key, close_reason};
use crate::channel::ChannelId;
use crate::client::dial::{Dial, Dialled};
use crate::client::there::There;
use crate::net::Incoming;
use crate::session::{CloseReason, Move};
use crate::words::chain;

impl Driver {
    pub(super) fn put_out_there(&mut self, order: Move) {
        let now = self.intake.now();
        match order {
            Move::Aim(to) => {
                let route = self.dial.route.towards(&to);
                let dial = route.map(|route| Dial {
                    route,
                    ..self.dial.clone()
                });
                self.there = Some(There::new(dial));
            }
            Move::Open(id) => self.open_there(id),
            Move::Send(id, frame) => {
                if let Some(there) = &self.there {
                    there.send(id, frame);
                }
            }
            Move::Take(id) => self.take(id, now),
            Move::Settle => match self.there.as_ref().map(There::dial) {
                Some(Ok(dial)) => self.dial = dial.clone(),
                Some(Err(why)) => self.stranded = Some(why.clone()),
                None => {}
            },
            Move::Drop => self.there = None,
        }
    }

    fn open_there(&mut self, id: ChannelId) {
        let request = self.request(id);
        let Some(there) = &mut self.there else { return };
        match there.dial().clone() {
            Ok(dial) => {
                self.lives += 1;
                let key = (id, self.lives);
                let task = async move { (key, dial.channel(request, id).await) };
                there.dials(key, self.dialling.spawn(task));
            }
            Err(why) => {
                let (why, now) = (CloseReason::Refused(why), self.intake.now());
                self.session.lost_there(id, &why, now);
            }
        }
    }

    pub(super) fn dialled_there(&mut self, key: Key, result: Dialled) {
        let Some(mut there) = self.there.take_if(|there| there.has_dialled(key)) else {
            return;
        };
        let (now, id) = (self.intake.now(), key.0);
        match result {
            Ok((established, wire)) => {
                let frames = self.spawn_pump(key, wire);
                there.linked(key, frames, established.clone());
                self.there = Some(there);
                self.session.linked_there(id, established, now);
            }
            Err(error) => {
                self.there = Some(there);
                let why = CloseReason::Refused(chain(&error));
                self.session.lost_there(id, &why, now);
            }
        }
    }

    /// Keeps what the other host says until its connection is taken; main is listened to.
    pub(super) fn received_there(&mut self, incoming: Incoming<Key>) {
        let now = self.intake.now();
        let Some(there) = &mut self.there else { return };
        match incoming {
            Incoming::Frame(key, frame, _share) if key.0 == ChannelId::MAIN && there.has(key) => {
                self.session.received_there(&frame, now);
            }
            Incoming::End(key, end) if there.has(key) => {
                there.lose(key.0);
                let why = close_reason(key.0, end);
                self.session.lost_there(key.0, &why, now);
            }
            incoming => there.hold(incoming),
        }
    }

    /// Puts a channel's connection to the other host in the place of the one it had.
    fn take(&mut self, id: ChannelId, now: Duration) {
        let old = self.connections.remove(&id);
        self.disconnect(id);
        if let Some(tap) = &mut self.tap
            && old.is_some()
        {
            tap.closed(now, id);
        }
        let taken = self.there.as_mut().and_then(|there| {
            there.leave_open(old);
            there.take(id)
        });
        let Some((connection, established, held)) = taken else {
            // The session has not heard of its end yet.
            let why = CloseReason::Broken("the new host closed the connection".into());
            self.session.closed(id, why);
            return;
        };
        debug!(channel = %id, "taken over at the new host");
        self.wished.insert(id, connection.life);
        self.connections.insert(id, connection);
        if let Some(tap) = &mut self.tap {
            tap.opened(now, id, &established);
        }
        for incoming in held {
            self.received(incoming);
        }
    }
}
