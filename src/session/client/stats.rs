//! Numbers about a session: what it has done, and what it holds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ClientSession;
use super::channel::Behaviour;
use super::events::event_bytes;
use crate::channel::display::CodecCount;
use crate::channel::main::agent;
use crate::channel::{display, main};
use crate::session::{DisplayStats, Memory, SessionStats, StreamStats};

impl ClientSession {
    /// What the session holds at this moment; never more than [`Memory::limit`] of the surface budget.
    pub fn memory(&self) -> Memory {
        let displays = || self.displays().map(|(_, display)| display);
        let cursors = self.channels.values().filter_map(|c| match &c.behaviour {
            Behaviour::Cursor(cursor) => Some(cursor.cached_bytes() as u64),
            _ => None,
        });
        let (shapes, other_events) = event_bytes(&self.events);
        let notices = self.notices.iter().map(|n| n.text.len() as u64 + 64);
        Memory {
            surfaces: displays().map(|d| d.canvas().bytes_in_use()).sum(),
            pixmaps: self.shared.pixmaps.bytes(),
            glz: self.shared.glz.bytes(),
            palettes: displays().map(display::Client::palette_bytes).sum(),
            spares: displays().map(|d| d.spare_bytes() as u64).sum(),
            cursors: cursors.sum::<u64>() + shapes,
            video: self.shared.video.taken(),
            frames: self.shared.frames.taken(),
            parked: self.parked_bytes(),
            agent: self.main().map_or(0, |main| main.agent().bytes() as u64),
            told: other_events + notices.sum::<u64>(),
            unsent: self.unsent_bytes(),
        }
    }

    /// Numbers about the session.
    pub fn stats(&self, now: Duration) -> SessionStats {
        SessionStats {
            at: now,
            name: self.name.clone(),
            mouse_mode: self.shared.mouse_mode,
            agent: self.main().is_some_and(main::Client::has_agent),
            tunnel: self.agent().map(agent::Client::tunnel).unwrap_or_default(),
            channels: self.channels.iter().map(|(id, c)| c.stats(*id)).collect(),
            displays: self
                .displays()
                .map(|(id, d)| DisplayStats {
                    id,
                    primary: d.primary_size(),
                    surfaces: d.canvas().surfaces().count(),
                    draws: d.draws(),
                })
                .collect(),
            streams: self
                .displays()
                .flat_map(|(display, d)| {
                    d.streams().map(move |count| StreamStats { display, count })
                })
                .collect(),
            codecs: codec_stats(self.displays().map(|(_, d)| d.codec_counts())),
            surface_bytes: self.shared.surfaces.used(),
            glz_pixels: self.shared.glz.pixels(),
            pixmap_cache_pixels: self.shared.pixmaps.pixels(),
        }
    }
}

/// The counts of several displays added up, in the order of their names.
fn codec_stats<'a>(displays: impl Iterator<Item = &'a [CodecCount]>) -> Vec<CodecCount> {
    let mut all: BTreeMap<&'static str, CodecCount> = BTreeMap::new();
    for count in displays.flatten() {
        let name = count.name;
        let sum = all.entry(name).or_insert(CodecCount {
            name,
            ..CodecCount::default()
        });
        sum.images += count.images;
        sum.bytes += count.bytes;
        sum.pixels += count.pixels;
        sum.time += count.time;
        sum.failed += count.failed;
    }
    all.into_values().collect()
}
