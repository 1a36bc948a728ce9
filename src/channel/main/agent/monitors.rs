//! The sizes of the guest's monitors (spec 04 §4).

use std::time::Duration;

use super::line::Line;
use super::messages::{Message, MonitorEntry, MonitorsConfig, MonitorsFlags};
use super::{Abilities, State};
use crate::geometry::{Point, Size};

/// The size one monitor of the guest should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorSize {
    /// Which, from 0 to 15: the display channel's id, or, where one channel shows several monitors, the monitor's.
    pub display: u8,
    /// Its pixels. Guests round them, and have limits of their own.
    pub size: Size,
}

/// How long sizes have to be the same before the guest is told: while a window is dragged they are not.
const STILL: Duration = Duration::from_secs(1);

/// Monitors there can be.
const MAX_MONITORS: usize = 16;

/// What the guest is to be told.
#[derive(Clone, Debug, Default)]
pub(super) struct Monitors {
    /// In the order of their numbers.
    wanted: Vec<MonitorSize>,
    /// When the agent is to be told.
    due: Option<Duration>,
}

impl Monitors {
    /// The user wants these. Whether the guest has changed its sizes since it was last told these is not known here.
    pub fn want(&mut self, mut sizes: Vec<MonitorSize>, now: Duration) {
        sizes.retain(|m| usize::from(m.display) < MAX_MONITORS && !m.size.is_empty());
        sizes.sort_by_key(|m| m.display);
        sizes.dedup_by_key(|m| m.display);
        self.wanted = sizes;
        self.due = Some(now + STILL);
    }

    /// An agent is there that knows nothing: it is told at once.
    pub fn introduce(&mut self, now: Duration) {
        self.due = Some(now);
    }

    /// The agent went.
    pub fn reset(&mut self) {
        self.due = None;
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.due
    }

    /// Tells the agent, if it is time.
    pub fn tick(&mut self, now: Duration, line: &mut Line) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        let listens = matches!(line.state, State::Ready(_) | State::Silent);
        if !listens || self.wanted.is_empty() {
            return;
        }
        let sparse = line.can(Abilities::SPARSE_MONITORS_CONFIG);
        let message = Message::MonitorsConfig(config(&self.wanted, sparse));
        line.send(&message);
    }
}

/// The monitors side by side, in the order of their numbers.
fn config(wanted: &[MonitorSize], sparse: bool) -> MonitorsConfig {
    let mut entries = [MonitorEntry::default(); MAX_MONITORS];
    let mut x = 0i32;
    for monitor in wanted {
        let Some(entry) = entries.get_mut(usize::from(monitor.display)) else {
            continue;
        };
        *entry = MonitorEntry {
            size: monitor.size,
            depth: 32,
            position: Point::new(x, 0),
        };
        x = x.saturating_add_unsigned(monitor.size.width);
    }
    MonitorsConfig {
        flags: MonitorsFlags::USE_POS,
        monitors: match sparse {
            true => entries.to_vec(),
            false => entries.into_iter().filter(|e| !e.size.is_empty()).collect(),
        },
        physical: Vec::new(),
    }
}
