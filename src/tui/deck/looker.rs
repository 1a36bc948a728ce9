//! The thread that reads a recording to its end, for its length and what happens when, and then fills the index.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Handle;
use crate::recording::{Contents, Index, Scan};

/// What is known of the file by now.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) length: Duration,
    pub(super) contents: Arc<Contents>,
    pub(super) scanned: Option<(u64, u64)>,
    /// Something to tell the user.
    pub(super) remark: Option<String>,
}

impl Known {
    pub(super) fn of(scan: &Scan<Handle>, session: usize, bytes: u64, whole: bool) -> Self {
        let survey = scan.survey();
        let damage = survey.damage.as_ref().filter(|_| whole);
        let sessions = survey.onward(session);
        let last = sessions.last().and_then(|last| survey.sessions.get(*last));
        let parts = sessions.iter().map(|session| scan.contents(*session));
        Self {
            length: last.map_or(survey.length, |s| s.ends),
            contents: Arc::new(parts.reduce(Contents::and).unwrap_or_default()),
            scanned: (!whole).then(|| (scan.offset(), bytes)),
            remark: damage.map(|damage| format!("this file is {damage}; it plays up to there")),
        }
    }
}

/// Reads the file to its end, then fills the index.
pub(super) struct Looker {
    pub(super) scan: Option<Scan<Handle>>,
    pub(super) session: usize,
    pub(super) bytes: u64,
    pub(super) index: Index<Handle>,
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Looker {
    pub(super) fn run(mut self) {
        /// What is learnt in one go.
        const PIECE: Duration = Duration::from_millis(100);
        while let Some(scan) = self
            .scan
            .as_mut()
            .filter(|_| !self.stop.load(Ordering::Relaxed))
        {
            // What cannot be read cannot be played either, and that is told there.
            let whole = scan.run(PIECE).unwrap_or(true);
            let known = Known::of(scan, self.session, self.bytes, whole);
            self.index.learn(scan, self.session);
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
            if whole {
                self.scan = None;
            }
        }
        while !self.stop.load(Ordering::Relaxed) {
            match self.index.grow(PIECE) {
                Ok(indexed) if !indexed.whole => {}
                _ => return,
            }
        }
    }
}
