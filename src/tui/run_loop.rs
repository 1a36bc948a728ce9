//! The one task that has the terminal: waits for whatever comes first, updates the app, draws.

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, Stdout};
use std::process::Command as Process;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use ratatui::Terminal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::action::{Action, Effect, Ending};
use super::app::{App, Setup};
use super::backend::TermBackend;
use super::screen::{self, Screen};
use super::{Options, ViewError, keymap, view};
use crate::client::SpiceClient;
use crate::session::{ClientEvent, CloseReason};

/// How long the first frame waits for the terminal to say what its keyboard can do. Most answer within a few
/// milliseconds; the others get the question and the picture in this order all the same.
const PATIENCE: Duration = Duration::from_millis(50);

/// The viewer at work.
pub(super) struct Viewer {
    client: SpiceClient,
    app: App,
    screen: Screen,
    terminal: Terminal<TermBackend<Stdout>>,
    logged: Option<mpsc::Receiver<String>>,
    started: Instant,
    /// What the app wants done outside, in order. Every update may add to it: it takes up what has come due meanwhile, a
    /// key's release for one.
    effects: VecDeque<Effect>,
}

/// What the loop waits for.
enum Woken {
    Signal(Told),
    Terminal(Option<io::Result<Event>>),
    Keyboard(bool),
    Session(Option<ClientEvent>),
    Time,
}

impl Viewer {
    pub fn new(client: SpiceClient, options: Options) -> Result<Self, ViewError> {
        let size = screen::terminal_size()?;
        let app = App::new(Setup {
            target: options.target,
            view_only: options.view_only,
            escape: options.escape,
            style: options.style,
            size,
            cell_aspect: screen::cell_aspect(),
        });
        Ok(Self {
            client,
            app,
            screen: Screen::take()?,
            terminal: Terminal::new(TermBackend::new(io::stdout()))?,
            logged: options.logged,
            started: Instant::now(),
            effects: VecDeque::new(),
        })
    }

    pub async fn run(mut self) -> Result<Ending, ViewError> {
        let mut signals = Signals::new()?;
        // The terminal's answer and its events have one reader, so events are read only after the answer.
        let mut keyboard = Some(ask_for_releases());
        let mut input = None;
        if let Some(answer) = &mut keyboard
            && let Ok(answered) = tokio::time::timeout(PATIENCE, answer).await
        {
            keyboard = None;
            input = Some(self.hear_keyboard(answered.unwrap_or(false))?);
        }
        loop {
            self.draw_if_due()?;
            if let Some(ending) = self.perform().await? {
                return Ok(ending);
            }
            let wake_at = self.wake_at();
            let woken = tokio::select! {
                biased;
                told = signals.next() => Woken::Signal(told),
                event = next_event(&mut input) => Woken::Terminal(event),
                reports = answer(&mut keyboard) => Woken::Keyboard(reports),
                event = self.client.next_event() => Woken::Session(event),
                () = sleep_until(wake_at) => Woken::Time,
            };
            match woken {
                Woken::Signal(Told::End(number)) => return Ok(Ending::Signal(number)),
                Woken::Signal(Told::Continue) => self.retake()?,
                Woken::Terminal(Some(event)) => self.terminal_event(event?),
                Woken::Terminal(None) => return Err(ViewError::NoTerminal),
                Woken::Keyboard(reports) => {
                    keyboard = None;
                    input = Some(self.hear_keyboard(reports)?);
                }
                Woken::Session(event) => self.session_events(event),
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
        let due = [self.app.frame_due(), self.app.deadline()];
        due.into_iter().flatten().min().map(|at| self.started + at)
    }

    fn draw_if_due(&mut self) -> Result<(), ViewError> {
        let now = self.started.elapsed();
        if self.app.frame_due().is_none_or(|due| due > now) {
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
        self.terminal
            .draw(|frame| view::draw(&self.app, frame.buffer_mut()))?;
        let bytes = self.terminal.backend_mut().take_written();
        self.update(Action::Painted { bytes });
        Ok(())
    }

    fn terminal_event(&mut self, event: Event) {
        let action = match event {
            Event::Resize(columns, rows) => Some(Action::Resized {
                columns,
                rows,
                cell_aspect: screen::cell_aspect(),
            }),
            event => keymap::action(event, self.app.mode()),
        };
        if let Some(action) = action {
            self.update(action);
        }
    }

    /// Takes in an event and those that wait behind it, so that a burst makes one frame.
    fn session_events(&mut self, first: Option<ClientEvent>) {
        const AT_ONCE: usize = 64;
        let Some(first) = first else {
            let reason = CloseReason::Broken("the session ended without a word".into());
            self.effects.push_back(Effect::End(Ending::Closed(reason)));
            return;
        };
        self.update(Action::Session(first));
        for _ in 0..AT_ONCE {
            let Some(event) = self.client.try_next_event() else {
                break;
            };
            self.update(Action::Session(event));
        }
    }

    async fn perform(&mut self) -> Result<Option<Ending>, ViewError> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                // When the session is over its Closed event says so.
                Effect::Command(command) => drop(self.client.sender().send(command).await),
                Effect::Suspend => {
                    self.suspend()?;
                }
                Effect::End(ending) => return Ok(Some(ending)),
            }
        }
        Ok(None)
    }

    /// Begins to read the keyboard, now that it is known what it reports.
    fn hear_keyboard(&mut self, reports_releases: bool) -> Result<EventStream, ViewError> {
        if reports_releases {
            self.screen.report_releases()?;
        }
        self.update(Action::ReportsReleases(reports_releases));
        Ok(EventStream::new())
    }

    /// Stops this process as Ctrl+Z would, with the terminal given back.
    fn suspend(&mut self) -> Result<(), ViewError> {
        self.screen.give_back();
        let me = std::process::id().to_string();
        let stopped = Process::new("kill").args(["-TSTP", &me]).status();
        self.retake()?;
        stopped.map(drop).map_err(ViewError::Io)
    }

    /// Takes the terminal again after somebody else had it.
    fn retake(&mut self) -> Result<(), ViewError> {
        self.screen.retake()?;
        if self.app.mode().releases {
            self.screen.report_releases()?;
        }
        self.terminal.clear()?;
        let (columns, rows) = crossterm::terminal::size()?;
        self.update(Action::Resized {
            columns,
            rows,
            cell_aspect: screen::cell_aspect(),
        });
        Ok(())
    }
}

/// What a signal asks for.
enum Told {
    /// To end; the signal's number.
    End(i32),
    /// To go on after the process was stopped.
    Continue,
}

/// The signals that end or resume the viewer.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    continued: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            continued: signal(SignalKind::from_raw(SIGCONT))?,
        })
    }

    /// The next signal. Cancel safe: signals are kept until they are received.
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::End(SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => Told::End(SignalKind::terminate().as_raw_value()),
            _ = self.hang_up.recv() => Told::End(SignalKind::hangup().as_raw_value()),
            _ = self.continued.recv() => Told::Continue,
        }
    }
}

/// The number of SIGCONT, which tokio has no name for.
const SIGCONT: i32 = if cfg!(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)) {
    19
} else {
    18
};

/// Asks the terminal whether it reports releases. The answer may take two seconds where none comes.
fn ask_for_releases() -> oneshot::Receiver<bool> {
    let (answer, answered) = oneshot::channel();
    // A thread of its own, which nobody waits for: the library that reads the answer may wait for ever.
    thread::spawn(move || {
        let reports = crossterm::terminal::supports_keyboard_enhancement();
        let _ = answer.send(reports.unwrap_or(false));
    });
    answered
}

/// Cancel safe: an answer that came stays in the channel.
async fn answer(keyboard: &mut Option<oneshot::Receiver<bool>>) -> bool {
    match keyboard {
        Some(answer) => answer.await.unwrap_or(false),
        None => pending().await,
    }
}

/// Cancel safe: events stay in the stream.
async fn next_event(input: &mut Option<EventStream>) -> Option<io::Result<Event>> {
    match input {
        Some(stream) => stream.next().await,
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
