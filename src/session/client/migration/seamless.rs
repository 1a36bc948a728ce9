//! When the machine moves with the state of its channels: each changes over by itself.

use std::time::Duration;

use bytes::Bytes;

use super::{MAX_KEPT, Moving, PATIENCE, Stage};
use crate::channel::common::messages::{ClientMessage as CommonToServer, MigrateFlags, Opaque};
use crate::channel::{ChannelId, Message};
use crate::session::client::ClientSession;
use crate::session::{CloseReason, Grade, Migration, Move, Output};
use crate::wire::Frame;

impl ClientSession {
    /// MIGRATE on a channel: it changes over, by itself or with the data that follow.
    pub(in crate::session::client) fn on_migrate(
        &mut self,
        id: ChannelId,
        flags: MigrateFlags,
        now: Duration,
    ) {
        let is_ready = self.moving.as_ref().is_some_and(|moving| {
            let stages = [Stage::Ready { seamless: true }, Stage::ChangingOver];
            stages.contains(&moving.stage) && !moving.moved.contains(&id)
        });
        if !is_ready {
            return self.notice(Some(id), "MIGRATE without a migration".into());
        }
        if flags.contains(MigrateFlags::NEED_FLUSH) {
            self.with(id, now, |_, cx| {
                cx.send(&CommonToServer::MigrateFlushMark);
                Ok(())
            });
        }
        let Some(moving) = &mut self.moving else {
            return;
        };
        moving.stage = Stage::ChangingOver;
        moving.until = Some(now + PATIENCE);
        if flags.contains(MigrateFlags::NEED_DATA_TRANSFER) {
            moving.leaving.insert(id, Vec::new());
        } else {
            self.change_over(id, None, now);
        }
    }

    /// MIGRATE_DATA on a channel: its state, for the new host.
    pub(in crate::session::client) fn on_migrate_data(
        &mut self,
        id: ChannelId,
        data: &Bytes,
        now: Duration,
    ) {
        let leaving = self.moving.as_ref().map(|moving| &moving.leaving);
        if leaving.is_some_and(|leaving| leaving.contains_key(&id)) {
            self.change_over(id, Some(data.clone()), now);
        } else {
            self.notice(Some(id), "MIGRATE_DATA without a migration".into());
        }
    }

    /// Keeps frames of a channel for its new connection; gives them back where it has no other to come.
    pub(in crate::session::client) fn keep_for_there(
        &mut self,
        id: ChannelId,
        frames: Vec<Frame>,
    ) -> Vec<Frame> {
        let leaving = self.moving.as_mut().map(|moving| &mut moving.leaving);
        match leaving.and_then(|leaving| leaving.get_mut(&id)) {
            Some(kept) => {
                kept.extend(frames);
                // Who does so much in the moment of a move loses the newest of it.
                kept.truncate(MAX_KEPT);
                Vec::new()
            }
            None => frames,
        }
    }

    fn change_over(&mut self, id: ChannelId, data: Option<Bytes>, now: Duration) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let kept = moving.leaving.remove(&id).unwrap_or_default();
        if let Some(link) = moving.links.remove(&id).flatten() {
            moving.moved.insert(id);
            self.want(Move::Take(id));
            if let Some(channel) = self.channels.get_mut(&id) {
                channel.change_over(link);
            }
            let data = data.map(|data| CommonToServer::MigrateData(Opaque(&data)).to_frame());
            self.send_all(id, data.into_iter().chain(kept).collect());
        }
        self.go_on_there(now);
    }

    /// When every channel has changed over the session is with the new host.
    pub(super) fn go_on_there(&mut self, now: Duration) {
        let all = |moving: &Moving| moving.links.is_empty() && moving.leaving.is_empty();
        let Some(moving) = self.moving.take_if(|moving| all(moving)) else {
            return;
        };
        if !moving.moved.contains(&ChannelId::MAIN) {
            let text = "the new host closed the connection before the machine was there".into();
            return self.end(CloseReason::Broken(text));
        }
        self.want(Move::Settle);
        self.want(Move::Drop);
        // Channels that were opened too late, or whose new connection was lost.
        let behind = self.channels.iter();
        let behind = behind.filter(|(id, c)| !c.closed && !moving.moved.contains(id));
        let behind: Vec<ChannelId> = behind.map(|(id, _)| *id).collect();
        for id in behind {
            self.outputs.push_back(Output::Close(id));
            self.closed(id, CloseReason::Broken("it was left behind".into()));
        }
        self.now = now;
        self.tell_move(Migration::Moved(moving.to, Grade::Seamless));
    }
}
