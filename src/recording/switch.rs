//! Recording that can begin at any time of a session, end before it, and go on in the next session.
//!
//! A recording that begins in the middle begins with what makes it complete: links of all channels that are open, the
//! newest of the small messages that count, and the messages that make every surface and every cached image anew
//! ([`ClientSession::recreate`]). All of them are ordinary messages, so that whoever reads recordings needs to know nothing
//! of it. Such links have the full data header, whatever was agreed upon: it carries the serials that go on from the middle.
//! After the move of a machine to another host, which leaves the state of its channels where it was, all of it is said anew.
//! Of a video that plays then, the frames are said again that its decoder needs for those to come. Where those would be too
//! many no seek point is written, and a recording that begins there shows the video from its next stream on.
//!
//! Where a connection was lost and another one made, the recording goes on: its times do, and the channels of the second
//! session are other connections than those of the first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::memory::{Kept, Memory, Videos};
use super::recorder::{self, Joined, Recorder, Scene, Why, Wish};
use super::writer::Agent;
use crate::channel::main::messages::{MultiMediaTime, ServerMessage};
use crate::channel::{ChannelId, ChannelKind, Message, display};
use crate::link::{Established, MINI_HEADER};
use crate::session::{ClientSession, Tap, Way};
use crate::wire::{Frame, HeaderKind};

/// A tap that records when it is told to. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    state: Arc<Mutex<State>>,
    /// Which session this is the tap of.
    session: u64,
}

#[derive(Debug, Default)]
struct State {
    memory: Memory,
    agent: Agent,
    recorder: Option<Recorder>,
    /// The times of the recording; `None` while it waits for a quiet moment of the session.
    clock: Option<Clock>,
    /// The session that is recorded, and the newest that there is a tap for.
    session: u64,
    newest: u64,
    /// The channel that was closed last, when, and what was kept of it.
    closed: Option<(ChannelId, Duration, Kept)>,
    /// When a channel last changed over to another host.
    moved: Option<Instant>,
    /// The moment of the recording when there was last something that no seek point can tell, such as a long part of a video.
    refused: Option<Duration>,
}

/// How often it is looked whether a seek point can be written again.
const ASKED_AFTER: Duration = Duration::from_secs(1);

/// A machine that moves takes its channels along one by one; what there is then is told when all have.
const MOVED_AFTER: Duration = Duration::from_millis(300);

/// The times of a recording that spans sessions.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// When it was last looked at.
    seen: Instant,
    /// A moment of the session.
    base: Duration,
    /// The same moment of the recording.
    at: Duration,
    /// The latest moment of the recording.
    last: Duration,
}

impl Switch {
    /// Records from the next quiet moment of the session on.
    pub fn begin(&self, recorder: Recorder) {
        let mut state = self.state();
        state.recorder = Some(recorder);
        (state.clock, state.refused) = (None, None);
    }

    /// Records a session from its beginning, which is to come.
    pub fn begin_now(&self, recorder: Recorder) {
        let mut state = self.state();
        state.recorder = Some(recorder);
        (state.clock, state.refused) = (Some(Clock::begin(Duration::ZERO)), None);
    }

    /// Records no longer, and lets the recorder go.
    pub fn end(&self) {
        self.state().recorder = None;
    }

    /// Whether it waits to see its session. One in which nothing happens has to be woken then, by any command.
    pub fn waits(&self) -> bool {
        self.current().is_some_and(|state| state.wish().is_some())
    }

    /// Marks this moment of the recording, with a word or none; whether there is one.
    pub fn mark(&self, text: &str) -> bool {
        let mut state = self.state();
        let State {
            clock, recorder, ..
        } = &mut *state;
        let (Some(clock), Some(recorder)) = (clock, recorder) else {
            return false;
        };
        recorder.mark(clock.now(), text.to_owned());
        true
    }

    /// The tap of another session, which takes the place of the one before when its first channel is linked.
    pub fn another(&self) -> Self {
        let mut state = self.state();
        state.newest += 1;
        Self {
            state: Arc::clone(&self.state),
            session: state.newest,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What another thread's panic left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for the tap of the session that is recorded.
    fn current(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.state()).filter(|state| state.session == self.session)
    }
}

impl Clock {
    /// A recording begins at this moment of a session.
    fn begin(base: Duration) -> Self {
        Self {
            seen: Instant::now(),
            base,
            at: Duration::ZERO,
            last: Duration::ZERO,
        }
    }

    /// The moment of the recording at this one of the session.
    fn read(&mut self, base: Duration) -> Duration {
        let at = self.at.saturating_add(base.saturating_sub(self.base));
        // Somebody looked while the session stood still: it goes on from there.
        if at < self.last {
            (self.at, self.base) = (self.last, base);
        }
        self.last = self.last.max(at);
        self.seen = Instant::now();
        self.last
    }

    /// The moment of the recording, whatever the session does.
    fn now(&mut self) -> Duration {
        self.last = self.last.saturating_add(self.seen.elapsed());
        self.seen = Instant::now();
        self.last
    }

    /// Another session begins at this moment of its own.
    fn go_on(&mut self, base: Duration) {
        (self.at, self.base) = (self.now(), base);
    }
}

impl State {
    /// The recorder at work, and the time of its recording.
    fn at_work(&mut self, at: Duration) -> Option<(&mut Recorder, Duration)> {
        let at = self.clock.as_mut()?.read(at);
        let recorder = self.recorder.as_mut()?;
        Some((recorder, at))
    }

    /// The session before is over, whatever it may still say.
    fn change_session(&mut self, session: u64, at: Duration) {
        let memory = std::mem::take(&mut self.memory);
        self.session = session;
        self.agent = Agent::default();
        (self.closed, self.moved, self.refused) = (None, None, None);
        let Some(clock) = &mut self.clock else { return };
        clock.go_on(at);
        if let Some((recorder, at)) = self.at_work(at) {
            recorder.go_on(at, memory.channels().map(|(channel, _)| channel).collect());
        }
    }

    fn wish(&self) -> Option<Why> {
        let recorder = self.recorder.as_ref()?;
        let Some(clock) = self.clock else {
            return Some(Why::Begin);
        };
        // A file of a session that is over would have nothing in it.
        if !self.memory.has(ChannelId::MAIN) {
            return None;
        }
        if self
            .moved
            .is_some_and(|moved| moved.elapsed() >= MOVED_AFTER)
        {
            return Some(Why::Anew);
        }
        recorder.wish().and_then(|wish| match wish {
            Wish::File => Some(Why::File),
            Wish::Point => {
                let since = |refused| clock.last.saturating_sub(refused);
                let is_late = |refused| since(refused) >= ASKED_AFTER;
                self.refused.is_none_or(is_late).then_some(Why::Point)
            }
        })
    }

    /// The open channels, with what is to be said again on them.
    fn channels(&self, media: &Frame, mut videos: Videos) -> Vec<Joined> {
        let of = |(channel, kept): (ChannelId, &Kept)| {
            let said = kept.frames().cloned();
            let clock = (channel == ChannelId::MAIN).then(|| media.clone());
            let video = videos.remove(&channel).unwrap_or_default();
            let frames = said.chain(clock).chain(video).map(|frame| Frame {
                serial: kept.serial,
                ..frame
            });
            Joined {
                channel,
                link: full(&kept.link),
                serial: kept.serial,
                hello: kept.hello(),
                frames: frames.collect(),
            }
        };
        self.memory.channels().map(of).collect()
    }
}

impl Tap for Switch {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        let Some(mut state) = self.current() else {
            return;
        };
        state.memory.frame(channel, way, frame);
        state.agent.follow(channel, way, frame);
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.frame(at, channel, way, frame);
        }
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        let mut state = self.state();
        if self.session > state.session {
            state.change_session(self.session, at);
        }
        if self.session < state.session {
            return;
        }
        state.memory.opened(channel, link);
        let gone = state.closed.take();
        // Closed and opened in one go: what it said before still counts.
        if let Some((_, _, kept)) = gone.filter(|(id, then, _)| (*id, *then) == (channel, at)) {
            state.memory.take_over(channel, kept);
            state.moved = Some(Instant::now());
        }
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.opened(at, channel, link);
        }
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        let Some(mut state) = self.current() else {
            return;
        };
        if let Some(kept) = state.memory.closed(channel) {
            state.closed = Some((channel, at, kept));
        }
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.closed(at, channel);
        }
    }

    fn wants_session(&self) -> bool {
        self.waits()
    }

    fn session(&mut self, at: Duration, session: &ClientSession) {
        let Some(mut state) = self.current() else {
            return;
        };
        let Some(why) = state.wish() else { return };
        // What a display showed that is closed cannot be said at all.
        let is_told = |(id, display): (u8, &display::Client)| {
            let id = ChannelId::new(ChannelKind::Display, id);
            let shows = display.canvas().surfaces().next().is_some();
            state.memory.has(id) || !shows
        };
        let media = session.shared().media.time(at);
        let (videos, are_whole) = state.memory.retell(session, media);
        if why == Why::Point && !(are_whole && session.displays().all(is_told)) {
            state.refused = state.clock.map(|clock| clock.last);
            return;
        }
        let media = ServerMessage::MultiMediaTime(MultiMediaTime { time: media }).to_frame();
        let scene = match session.still() {
            // What takes time is done where nobody waits.
            Some(still) => Scene::Session(Box::new(still)),
            None => Scene::Frames(session.recreate()),
        };
        let told = recorder::State {
            channels: state.channels(&media, videos),
            has_video: session.displays().any(|(_, display)| display.has_video()),
            scene,
            agent: state.agent.clone(),
        };
        if why == Why::Begin {
            state.clock = Some(Clock::begin(at));
        }
        if why != Why::Point {
            state.moved = None;
        }
        if let Some((recorder, at)) = state.at_work(at) {
            recorder.state(at, told, why);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_mark_while_the_session_stands_still_does_not_stop_the_clock() {
        let mut clock = Clock::begin(seconds(0));
        assert_eq!(clock.read(seconds(1)), seconds(1));
        // Somebody marked the moment a minute later, and then the session went on where it stood.
        clock.last = seconds(61);
        assert_eq!(clock.read(seconds(1)), seconds(61));
        assert_eq!(clock.read(seconds(2)), seconds(62));
        assert_eq!(clock.read(seconds(5)), seconds(65));
    }

    #[test]
    fn what_a_recording_could_not_tell_is_of_no_concern_to_the_next_one() {
        let switch = Switch::default();
        switch.state().refused = Some(seconds(3600));
        let file = tempfile::tempfile().expect("a scratch file");
        let (recorder, _recording) =
            Recorder::start(file, &recorder::About::default()).expect("it is written");
        switch.begin(recorder);
        assert_eq!(switch.state().refused, None);
    }

    #[test]
    fn a_move_of_the_machine_is_over_with_its_session() {
        let switch = Switch::default();
        switch.state().moved = Some(Instant::now());
        let link = Established::default();
        switch.another().opened(seconds(0), ChannelId::MAIN, &link);
        assert_eq!(switch.state().moved, None);
    }
}
