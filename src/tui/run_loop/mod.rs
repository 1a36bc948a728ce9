//! The one task that has the terminal: waits for whatever comes first, updates the app, draws.

mod errands;
mod signals;
mod terminal;

pub(super) use signals::SIGCONT;

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{timeout, timeout_at};

use super::action::{Action, Effect, Ending};
use super::app::{App, Setup};
use super::easel::{Drawn, Easel};
use super::feed::{Fed, Feed};
use super::microphone::{self, Told as Mic};
use super::multiplexer::Tmux;
use super::pixels::Frame;
use super::presence::Presence;
use super::probing::Probing;
use super::recording::Tape;
use super::redial::{Redial, Redialled};
use super::screen::{self, Screen};
use super::sound::Speaker;
use super::tty::Input;
use super::waking::Waking;
use super::{FirstTime, Options, Remember, ViewError, printable};
use crate::channel::main::Destination;
use crate::geometry::Size;
use crate::sound::Heard;
use crate::term::input::Event;
use crate::term::probe::{Multiplexer, Surroundings};
use crate::term::writer::Writer;
use errands::redialled;
use signals::{Signals, Told};

/// What the user could change so that the terminal shows more.
#[derive(Clone, Copy, Debug)]
struct Tip {
    /// A name for it that stays.
    name: &'static str,
    line: &'static str,
}

/// What is said inside of a tmux that lets no picture pass.
const PASSTHROUGH_TIP: Tip = Tip {
    name: "tmux-passthrough",
    line: "finer pictures, if your terminal has them: tmux set -g allow-passthrough on",
};

/// How often the status line says how recording goes.
const TAPE_EVERY: Duration = Duration::from_millis(500);

/// How long a terminal may take to take the picture away.
const FAREWELL: Duration = Duration::from_millis(500);

/// The viewer at work.
pub(super) struct Viewer {
    feed: Feed,
    app: App,
    probing: Probing,
    presence: Presence,
    /// Pixels of a cell, where the mouse is reported in them.
    mouse_cell: Option<Size>,
    /// What the user could change so that the terminal shows more, to be said once.
    tip: Option<Tip>,
    first_time: Option<FirstTime>,
    /// Before the screen, so that nobody reads any more when the terminal is given back.
    input: Option<Input>,
    screen: Screen,
    /// Writes to the terminal, so that nobody waits for it.
    writer: Arc<Writer>,
    /// Said whenever something was written.
    progress: Arc<Notify>,
    /// The frame that is being painted.
    painting: Option<JoinHandle<Frame>>,
    /// Whether the terminal is to be cleared once it is.
    clears: bool,
    /// Files that are being written.
    saving: JoinSet<io::Result<PathBuf>>,
    /// How to connect again, to where, and what tries to.
    redial: Option<Redial>,
    moved_to: Option<Destination>,
    redialling: JoinSet<Redialled>,
    waking: Waking,
    sound: Option<PathBuf>,
    easel: Easel,
    logged: Option<mpsc::Receiver<String>>,
    remember: Option<Remember>,
    tape: Option<Tape>,
    speaker: Speaker,
    microphone: microphone::Worker,
    releases: Releases,
    started: Instant,
    /// What the app wants done outside, in order. Every update may add to it: it takes up what has come due meanwhile, a
    /// key's release for one.
    effects: VecDeque<Effect>,
}

/// Whether the terminal tells when keys go up. One that is asked to still has keys on the way that it will not tell of: a key
/// held for those would be held for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Releases {
    /// It does not.
    Off,
    /// It was asked to.
    Asked,
    /// It said that it does from here on.
    Reported,
}

/// What the loop waits for.
enum Woken {
    Signal(Told),
    Terminal(Option<Event>),
    /// From what is viewed.
    Fed(Fed),
    /// What becomes of the sound.
    Heard(Heard),
    /// What becomes of the microphone.
    Microphone(Mic),
    /// The painter is back; `None` when it panicked.
    Painted(Option<Frame>),
    /// Bytes were written to the terminal.
    Written,
    /// An attempt to connect again came to its end.
    Redialled(Redialled),
    /// A file was written, or not.
    Saved(Result<io::Result<PathBuf>, JoinError>),
    /// A recording is in its file.
    Recorded(String),
    Time,
}

impl Viewer {
    pub fn new(feed: Feed, options: Options) -> Result<Self, ViewError> {
        let size = screen::terminal_size()?;
        let mut app = App::new(Setup {
            target: options.target,
            view_only: options.view_only,
            escape: options.escape,
            layout: options.layout,
            alt_codes: options.alt_codes,
            drawing: options.drawing,
            style: options.style,
            size,
            cell_aspect: screen::cell_aspect(None),
        });
        app.watch = options.watch;
        app.reconnects = options.redial.is_some().then(std::process::id);
        let around = Surroundings::of(|name| std::env::var(name).ok());
        let is_tmux = around.multiplexer == Some(Multiplexer::Tmux) && options.drawing.is_none();
        let tip = (is_tmux && Tmux::ask().passes == Some(false)).then_some(PASSTHROUGH_TIP);
        let screen = Screen::take()?;
        let progress = Arc::<Notify>::default();
        let writer = new_writer(&screen, &progress)?;
        let microphone = microphone::Worker::new(options.sound.clone(), feed.sender());
        let mut viewer = Self {
            feed,
            app,
            probing: Probing::new(around, options.overrides),
            presence: Presence::default(),
            mouse_cell: None,
            tip,
            first_time: options.first_time,
            input: None,
            screen,
            writer,
            progress,
            painting: None,
            clears: false,
            saving: JoinSet::new(),
            redial: options.redial,
            moved_to: None,
            redialling: JoinSet::new(),
            waking: Waking::new(),
            sound: options.sound.clone(),
            easel: Easel::new(),
            logged: options.logged,
            remember: options.remember,
            tape: options.recordable.map(Tape::new),
            microphone,
            speaker: Speaker::new(options.sound),
            releases: Releases::Off,
            started: Instant::now(),
            effects: VecDeque::new(),
        };
        viewer.app.mirrors = matches!(viewer.feed, Feed::Mirrored(_));
        for pane in options.panes {
            viewer.app.open_and_read(pane);
        }
        viewer.app.recordable = viewer.tape.is_some();
        if let Some(file) = viewer.tape.as_mut().and_then(Tape::take_file)
            && let Err(error) = viewer.begin_recording(Some(file))
        {
            viewer.update(Action::Recorded(format!("cannot record: {error}")));
        }
        if let Some(timeline) = viewer.feed.timeline() {
            viewer.update(Action::Timeline(Box::new(timeline)));
        }
        if options.microphone {
            viewer.update(Action::Microphone);
        }
        Ok(viewer)
    }

    pub async fn run(mut self) -> Result<Ending, ViewError> {
        let ending = self.view().await;
        // The painter alone knows how to take its picture away.
        if let Ok(Some(frame)) = timeout(FAREWELL, painted(&mut self.painting)).await {
            self.app.accept(frame, self.started.elapsed());
        }
        self.leave();
        if let Some(tape) = self.tape.as_mut().filter(|tape| tape.is_busy()) {
            tape.end();
            let until = Instant::now() + FAREWELL * 10;
            let mut lines = Vec::new();
            while tape.is_busy()
                && let Ok(line) = timeout_at(until.into(), tape.ended()).await
            {
                lines.push(line);
            }
            self.screen.give_back();
            for line in lines {
                eprintln!("capsaicin: {}", printable(&line));
            }
        }
        ending
    }

    async fn view(&mut self) -> Result<Ending, ViewError> {
        let mut signals = Signals::new()?;
        let question = self.probing.question();
        self.screen.ask(&question)?;
        if !question.is_empty() {
            // It is cleared after a question.
            self.easel.clear();
        }
        self.listen()?;
        if self.probing.deadline().is_none() {
            let capabilities = self.probing.capabilities();
            self.learn(capabilities)?;
        }
        loop {
            self.watch_tape().await;
            self.ask_if_due()?;
            self.draw_if_due()?;
            if let Some(ending) = self.perform().await? {
                return Ok(ending);
            }
            let wake_at = self.wake_at();
            let woken = tokio::select! {
                biased;
                told = signals.next() => Woken::Signal(told),
                event = next_event(&mut self.input) => Woken::Terminal(event),
                frame = painted(&mut self.painting) => Woken::Painted(frame),
                () = self.progress.notified() => Woken::Written,
                Some(saved) = self.saving.join_next() => Woken::Saved(saved),
                Some(outcome) = self.redialling.join_next() => Woken::Redialled(redialled(outcome)),
                fed = self.feed.next(), if !self.app.staying.is_apart() => Woken::Fed(fed),
                heard = self.speaker.heard() => Woken::Heard(heard),
                told = self.microphone.told() => Woken::Microphone(told),
                line = recorded(&mut self.tape) => Woken::Recorded(line),
                () = sleep_until(wake_at) => Woken::Time,
            };
            match woken {
                Woken::Signal(Told::End(number)) => return Ok(Ending::Signal(number)),
                Woken::Signal(Told::Continue) => {
                    self.retake()?;
                    // Meanwhile the server may have gone.
                    self.ask_for_life();
                }
                Woken::Signal(Told::Resize) => {
                    self.doubt();
                    self.resized()?;
                }
                Woken::Terminal(Some(event)) => self.terminal_event(event)?,
                Woken::Terminal(None) => return Err(ViewError::NoTerminal),
                Woken::Painted(frame) => self.painted(frame)?,
                Woken::Written => self.written()?,
                Woken::Saved(saved) => self.saved(saved),
                Woken::Fed(Fed::Event(event)) => self.session_events(event),
                Woken::Fed(Fed::Timeline(timeline)) => self.update(Action::Timeline(timeline)),
                Woken::Fed(Fed::Search(search)) => self.update(Action::Search(search)),
                Woken::Redialled(outcome) => self.redialled(outcome),
                Woken::Heard(heard) => self.heard(heard),
                Woken::Microphone(Mic::Hears) => self.update(Action::MicrophoneFails(None)),
                Woken::Microphone(Mic::Fails(why)) => {
                    self.update(Action::MicrophoneFails(Some(why)));
                }
                Woken::Recorded(line) => self.update(Action::Recorded(line)),
                Woken::Time => self.update(Action::Time),
            }
        }
    }

    fn update(&mut self, action: Action) {
        let effects = self.app.update(action, self.started.elapsed());
        self.effects.extend(effects);
    }

    /// Whatever has to be done next, by itself: `None` while nothing has to.
    fn wake_at(&self) -> Option<Instant> {
        let answers = self.probing.deadline();
        let frame = self.app.frame_due().filter(|_| answers.is_none());
        let is_taping = self.tape.as_ref().is_some_and(Tape::is_running);
        let tape = is_taping.then(|| self.started.elapsed() + TAPE_EVERY);
        let due = [frame, self.app.deadline(), tape].into_iter().flatten();
        let presence = self.presence.deadline(self.probing.limit());
        let questions = [self.probing.again_due(), presence].into_iter().flatten();
        let due = due.map(|at| self.started + at);
        due.chain(answers).chain(questions).min()
    }

    fn draw_if_due(&mut self) -> Result<(), ViewError> {
        let now = self.started.elapsed();
        // What the first frame is drawn with is what the terminal is about to answer.
        let is_asking = self.probing.deadline().is_some();
        if is_asking || self.app.frame_due().is_none_or(|due| due > now) {
            return Ok(());
        }
        if !self.screen.is_ours() {
            // A task panicked, and its words are on the screen.
            return Err(ViewError::Panicked);
        }
        while let Some(line) = self.logged.as_ref().and_then(|lines| lines.try_recv().ok()) {
            self.update(Action::Logged(line));
        }
        self.update(Action::Frame);
        let bytes = self.draw();
        if bytes > 0 {
            self.probing.notice(Instant::now());
        }
        self.update(Action::Painted { bytes });
        Ok(())
    }

    /// Draws a frame, has what the terminal does not show yet written, and its pixels painted; the number of bytes without
    /// those.
    fn draw(&mut self) -> usize {
        let Drawn {
            bytes,
            cells,
            order,
        } = self.easel.draw(&mut self.app);
        self.send(bytes, false);
        if let Some(order) = order {
            self.painting = Some(tokio::task::spawn_blocking(move || order.run()));
        }
        cells
    }

    /// Hands bytes to the writer, behind cells that wait for their picture.
    fn write(&mut self, bytes: Vec<u8>) {
        let held = self.easel.release();
        self.send(held, false);
        self.send(bytes, false);
    }

    /// Hands bytes to the writer and counts them; `frame` as in [`Pace::send`](crate::term::pace::Pace::send).
    fn send(&mut self, mut bytes: Vec<u8>, frame: bool) {
        let now = self.started.elapsed();
        self.app.pace.send(&mut bytes, frame, now);
        self.writer.write(bytes);
    }

    /// Takes a painted frame in and shows it.
    fn painted(&mut self, frame: Option<Frame>) -> Result<(), ViewError> {
        let frame = frame.ok_or(ViewError::Panicked)?;
        let picture = self.app.accept(frame, self.started.elapsed());
        let bytes = self.easel.join(&picture);
        self.send(bytes, !picture.is_empty());
        if !picture.is_empty() {
            self.stir_presence();
        }
        if self.clears {
            self.clear();
        }
        self.update(Action::Time);
        Ok(())
    }

    /// Something was written to the terminal, or cannot be.
    fn written(&mut self) -> Result<(), ViewError> {
        if self.writer.failure().is_some() {
            return Err(ViewError::NoTerminal);
        }
        let outstanding = self.writer.outstanding();
        self.update(Action::Written { outstanding });
        Ok(())
    }
}

/// A writer that says when it has written.
fn new_writer(screen: &Screen, progress: &Arc<Notify>) -> io::Result<Arc<Writer>> {
    let progress = Arc::clone(progress);
    screen.writer(move || progress.notify_one())
}

/// The frame that is being painted, once it is; `None` when its painter panicked. Cancel safe: the task goes on.
async fn painted(painting: &mut Option<JoinHandle<Frame>>) -> Option<Frame> {
    let Some(task) = painting else {
        return pending().await;
    };
    let frame = task.await.ok();
    *painting = None;
    frame
}

/// What became of a recording that was ended. Cancel safe: its task goes on.
async fn recorded(tape: &mut Option<Tape>) -> String {
    match tape {
        Some(tape) => tape.ended().await,
        None => pending().await,
    }
}

/// Cancel safe: events stay with the reader.
async fn next_event(input: &mut Option<Input>) -> Option<Event> {
    match input {
        Some(input) => input.next().await,
        None => pending().await,
    }
}

/// Waits until then; for ever without a time. Cancel safe: it holds nothing.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
