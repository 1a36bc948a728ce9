//! Recording that can begin at any time of a session, and end before it.
//!
//! A recording that begins in the middle begins with what makes it complete: links of all channels that are open, the
//! newest of the small messages that count, and the messages that make every surface and every cached image anew
//! ([`ClientSession::recreate`]). All of them are ordinary messages, so that whoever reads recordings needs to know nothing
//! of it. Such links have the full data header, whatever was agreed upon: it carries the serials that go on from the middle.
//! A video stream of a codec other than MJPEG that runs then is seen from the next one on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::Memory;
use super::recorder::{Joined, Recorder, Scene};
use crate::channel::ChannelId;
use crate::channel::Message;
use crate::channel::main::messages::{MultiMediaTime, ServerMessage};
use crate::link::{Established, MINI_HEADER};
use crate::session::{ClientSession, Tap, Way};
use crate::wire::{Frame, HeaderKind};

/// A tap that records when it is told to. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    memory: Memory,
    recorder: Option<Recorder>,
    /// When the recording began; `None` while it waits for a quiet moment of the session.
    began: Option<Duration>,
}

impl Switch {
    /// Records from the next quiet moment of the session on.
    pub fn begin(&self, recorder: Recorder) {
        let mut state = self.state();
        state.recorder = Some(recorder);
        state.began = None;
    }

    /// Records no longer, and lets the recorder go.
    pub fn end(&self) {
        self.state().recorder = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What another thread's panic left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The recorder at work, and the time of its recording.
    fn at_work(&mut self, at: Duration) -> Option<(&mut Recorder, Duration)> {
        let began = self.began?;
        let recorder = self.recorder.as_mut()?;
        Some((recorder, at.saturating_sub(began)))
    }
}

impl Tap for Switch {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        let mut state = self.state();
        state.memory.frame(channel, way, frame);
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.frame(at, channel, way, frame);
        }
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        let mut state = self.state();
        state.memory.opened(channel, link);
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.opened(at, channel, link);
        }
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        let mut state = self.state();
        state.memory.closed(channel);
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.closed(at, channel);
        }
    }

    fn wants_session(&self) -> bool {
        let state = self.state();
        state.recorder.is_some() && state.began.is_none()
    }

    fn session(&mut self, at: Duration, session: &ClientSession) {
        let mut state = self.state();
        let media = session.shared().media.time(at);
        let media = ServerMessage::MultiMediaTime(MultiMediaTime { time: media }).to_frame();
        let mut joined = Vec::new();
        for (channel, kept) in state.memory.channels() {
            let said = kept.frames().cloned();
            let clock = (channel == ChannelId::MAIN).then(|| media.clone());
            let frames = said.chain(clock).map(|frame| Frame {
                serial: kept.serial,
                ..frame
            });
            joined.push(Joined {
                channel,
                link: full(&kept.link),
                serial: kept.serial,
                frames: frames.collect(),
            });
        }
        let scene = match session.fork() {
            // What takes time is done where nobody waits.
            Some(fork) => Scene::Session(Box::new(fork)),
            None => Scene::Frames(session.recreate()),
        };
        state.began = Some(at);
        if let Some(recorder) = &state.recorder {
            recorder.join(joined, scene);
        }
    }
}

/// The same link with full data headers.
fn full(link: &Established) -> Established {
    Established {
        header: HeaderKind::Full,
        client: link.client.clone().without_common(MINI_HEADER),
        server: link.server.clone().without_common(MINI_HEADER),
    }
}
