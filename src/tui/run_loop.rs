//! The one task that has the terminal: waits for whatever comes first, updates the app, draws.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
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
use super::recording::{Running, Tape};
use super::redial::{Reach, Reached, Redial, Redialled, Refusal};
use super::saving::save;
use super::screen::{self, Screen};
use super::sound::Speaker;
use super::tty::Input;
use super::waking::Waking;
use super::{FirstTime, Options, Remember, ViewError, keymap, printable};
use crate::channel::main::Destination;
use crate::geometry::{Point, Size};
use crate::session::{ClientEvent, CloseReason, Command, Migration, Tap};
use crate::sound::Heard;
use crate::term::clipboard;
use crate::term::input::{Event, Mouse, Reply};
use crate::term::kitty::MARKER;
use crate::term::probe::{Capabilities, Multiplexer, Surroundings};
use crate::term::writer::Writer;

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

/// The flag of the kitty keyboard protocol that stands for releases.
const REPORTS_RELEASES: u8 = 2;

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

    /// Asks the terminal what is to be asked, and no longer waits for what it does not answer.
    fn ask_if_due(&mut self) -> Result<(), ViewError> {
        let now = Instant::now();
        if let Some(capabilities) = self.probing.give_up(now) {
            self.learn(capabilities)?;
        }
        if self.presence.is_lost(now, self.probing.limit()) {
            self.probing.doubt(now);
        }
        if let Some(question) = self.probing.question_again(now) {
            self.write(question);
        }
        if let Some(question) = self.presence.question(now) {
            self.write(question);
        }
        Ok(())
    }

    /// The terminal may be another one than before.
    fn doubt(&mut self) {
        self.probing.doubt(Instant::now());
        self.presence.suspect();
    }

    /// The terminal around tmux may be another one, or not show us.
    fn stir_presence(&mut self) {
        if self.app.draws_through_tmux() {
            self.presence.stir(Instant::now());
        }
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

    fn terminal_event(&mut self, event: Event) -> Result<(), ViewError> {
        match event {
            Event::Reply(Reply::Ready) => self.update(Action::Arrived),
            Event::Reply(Reply::KeyboardFlags(flags))
                if self.releases == Releases::Asked && flags & REPORTS_RELEASES != 0 =>
            {
                self.releases = Releases::Reported;
                let capabilities = self.probing.capabilities();
                self.learn(capabilities)?;
            }
            Event::Reply(Reply::Kitty {
                id: MARKER,
                message,
            }) => {
                if self.presence.answered(&message) {
                    self.presence.forget();
                    self.probing.doubt(Instant::now());
                    self.update(Action::PictureLost);
                }
            }
            Event::Reply(reply) => {
                if let Some(capabilities) = self.probing.take(reply) {
                    self.learn(capabilities)?;
                }
            }
            event => self.user_event(event),
        }
        Ok(())
    }

    fn user_event(&mut self, event: Event) {
        let is_multiplexed = self.app.capabilities.multiplexer.is_some();
        if event == Event::FocusGained && is_multiplexed {
            self.doubt();
        }
        self.probing.notice(Instant::now());
        self.stir_presence();
        if self.waking.has_slept() {
            self.ask_for_life();
        }
        let (event, part) = match (event, self.mouse_cell) {
            (Event::Mouse(mouse), Some(cell)) => {
                let from = u16::from(self.app.capabilities.counts_pixels_from_zero());
                let (mouse, part) = in_cells(mouse, from, cell);
                (Event::Mouse(mouse), Some((part, cell)))
            }
            (event, _) => (event, None),
        };
        let mut action = keymap::action(event, self.app.mode());
        if let (Some(Action::Pointer(pointer)), Some(part)) = (&mut action, part) {
            pointer.part = part;
        }
        if let Some(action) = action {
            self.update(action);
        }
    }

    /// Asks the server whether it is still there, if there is one.
    fn ask_for_life(&mut self) {
        if matches!(self.feed, Feed::Live(_)) {
            self.effects.push_back(Effect::Command(Command::AskForLife));
        }
    }

    /// Takes in what the terminal turned out to do.
    fn learn(&mut self, mut capabilities: Capabilities) -> Result<(), ViewError> {
        if capabilities.keyboard && self.releases == Releases::Off {
            self.screen.report_releases()?;
            self.releases = Releases::Asked;
        }
        let cell = capabilities.cell.filter(|_| capabilities.pixel_mouse);
        if cell.is_some() != self.mouse_cell.is_some() {
            let bytes = self.screen.report_pixels(cell.is_some());
            self.write(bytes.to_vec());
        }
        self.mouse_cell = cell.map(|(width, height)| Size::new(width, height));
        if !capabilities.keyboard {
            self.releases = Releases::Off;
        }
        capabilities.keyboard &= self.releases == Releases::Reported;
        self.update(Action::Capabilities {
            capabilities: Box::new(capabilities),
            answers: self.probing.answers().attributes.is_some(),
        });
        if let Some(tip) = self.tip.take() {
            let is_new = self.first_time.as_ref().is_some_and(|ask| ask(tip.name));
            let line = tip.line;
            self.update(Action::Tip { line, is_new });
        }
        if !self.app.draws_through_tmux() {
            let farewell = self.presence.leave();
            if !farewell.is_empty() {
                self.write(farewell);
            }
        } else if self.presence.take_suspect() {
            self.update(Action::PictureLost);
        }
        if let Some(input) = &mut self.input {
            input.wait_for_sequences(self.probing.escape());
        }
        if self.cell_aspect() != self.app.setup.cell_aspect {
            self.resized()?;
        }
        Ok(())
    }

    /// Clears the terminal, which may have kept some of what it showed: each does in its own way. A picture that is being painted
    /// is written before that.
    fn clear(&mut self) {
        self.clears = self.painting.is_some();
        if !self.clears {
            self.easel.clear();
            self.write(b"\x1b[2J".to_vec());
        }
    }

    fn cell_aspect(&self) -> f64 {
        screen::cell_aspect(self.app.capabilities.cell)
    }

    fn resized(&mut self) -> Result<(), ViewError> {
        let (columns, rows) = crossterm::terminal::size()?;
        self.clear();
        self.update(Action::Resized {
            columns,
            rows,
            cell_aspect: self.cell_aspect(),
        });
        Ok(())
    }

    /// Begins to read the terminal.
    fn listen(&mut self) -> Result<(), ViewError> {
        let mut input = Input::start()?;
        input.wait_for_sequences(self.probing.escape());
        self.input = Some(input);
        Ok(())
    }

    /// Takes in an event and those that wait behind it, so that a burst makes one frame.
    fn session_events(&mut self, first: Option<ClientEvent>) {
        const AT_ONCE: usize = 64;
        /// Time after which the user's keys come first again.
        const ENOUGH: Duration = Duration::from_millis(20);
        let begun = Instant::now();
        let Some(first) = first else {
            let reason = CloseReason::Broken("the session ended without a word".into());
            self.effects.push_back(Effect::End(Ending::Closed(reason)));
            return;
        };
        self.session_event(first);
        for _ in 0..AT_ONCE {
            if begun.elapsed() >= ENOUGH || self.app.staying.is_apart() {
                break;
            }
            let Some(event) = self.feed.try_next_event() else {
                break;
            };
            self.session_event(event);
        }
    }

    fn session_event(&mut self, event: ClientEvent) {
        let level = match &event {
            ClientEvent::Playback(event) => self.speaker.take(event),
            ClientEvent::Record(event) => {
                self.microphone.take(event);
                None
            }
            ClientEvent::Migration(Migration::Moved(to, _)) => {
                self.moved_to = Some(to.clone());
                None
            }
            _ => None,
        };
        self.update(Action::Session(event));
        if let Some(level) = level {
            self.update(Action::Level(level));
        }
    }

    /// Looks for the server that was lost.
    fn redial(&mut self, reach: Reach) {
        if let Some(redial) = &self.redial {
            let watch: Box<dyn Tap> = Box::new(self.app.watch.clone());
            let tape = self.tape.as_ref().filter(|_| reach == Reach::Connect);
            let switch = tape.map(|tape| Box::new(tape.another()) as Box<dyn Tap>);
            let taps: Vec<Box<dyn Tap>> = [watch].into_iter().chain(switch).collect();
            self.redialling
                .spawn(redial(reach, self.moved_to.clone(), Some(Box::new(taps))));
        }
    }

    fn redialled(&mut self, outcome: Redialled) {
        let reached = Reached::from(&outcome);
        if let Ok(Some(client)) = outcome {
            self.microphone = microphone::Worker::new(self.sound.clone(), client.sender());
            self.feed = client.into();
        }
        self.update(Action::Redialled(reached));
    }

    /// Video follows the sound that is heard.
    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::After(delay) => {
                let delay = Effect::Command(Command::PlaybackDelay(delay));
                self.effects.push_back(delay);
                self.update(Action::Unheard(None));
            }
            Heard::Not(why) => self.update(Action::Unheard(Some(why))),
        }
    }

    async fn perform(&mut self) -> Result<Option<Ending>, ViewError> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Command(command) => self.feed.send(command).await,
                Effect::Play(order) => self.feed.order(order),
                Effect::Record => self.toggle_recording().await,
                Effect::MarkRecording => {
                    if self.tape.as_ref().is_some_and(Tape::mark) {
                        let text = "marked; play goes there with [ and ]".to_owned();
                        self.update(Action::Recorded(text));
                    }
                }
                Effect::Copy(text) => {
                    let bytes = clipboard::copy(&text, self.app.capabilities.passes_through());
                    self.write(bytes);
                }
                Effect::Save {
                    stem,
                    extension,
                    content,
                } => {
                    let write = move || save(Path::new(""), stem, extension, &content);
                    self.saving.spawn_blocking(write);
                }
                Effect::Redial(reach) => self.redial(reach),
                Effect::Sound(on) => self.speaker.turn(on),
                Effect::Quieter(percent) => self.speaker.set_cut(percent),
                Effect::Microphone(on) => self.microphone.turn(on),
                Effect::Layout(layout) => self.remember.iter().for_each(|keep| keep(layout)),
                Effect::Suspend => {
                    self.suspend()?;
                }
                Effect::End(ending) => return Ok(Some(ending)),
            }
        }
        Ok(None)
    }

    /// Begins to record, or ends it.
    async fn toggle_recording(&mut self) {
        let is_taping = self.tape.as_ref().is_some_and(Tape::is_running);
        if is_taping {
            self.tape.iter_mut().for_each(Tape::end);
            return;
        }
        if let Err(error) = self.begin_recording(None) {
            self.update(Action::Recorded(format!("cannot record: {error}")));
        }
        // A session where nothing happens is woken by a question.
        self.feed.send(Command::Stats).await;
    }

    fn begin_recording(&mut self, file: Option<PathBuf>) -> io::Result<()> {
        let now = self.started.elapsed();
        let target = self.app.setup.target.clone();
        if let Some(tape) = &mut self.tape {
            let path = tape.begin(&target, file, now)?;
            self.update(Action::Recorded(format!(
                "recording into {}",
                path.display()
            )));
        }
        Ok(())
    }

    /// Looks how recording goes.
    async fn watch_tape(&mut self) {
        let now = self.started.elapsed();
        let Some(tape) = &mut self.tape else { return };
        if tape.wakes(now) {
            self.feed.send(Command::Stats).await;
        }
        let progress = tape.progress(now);
        if progress.as_ref().is_some_and(|(_, has_ended)| *has_ended) {
            tape.end();
        }
        let running = progress.map(|(running, _)| running);
        let shown = |running: &Option<Running>| running.as_ref().map(Running::text);
        if shown(&self.app.recording) != shown(&running) {
            self.update(Action::Recording(running));
        }
    }

    fn saved(&mut self, saved: Result<io::Result<PathBuf>, JoinError>) {
        let outcome = match saved {
            Ok(Ok(path)) => Ok(path.display().to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the program failed".into()),
        };
        self.update(Action::Saved(outcome));
    }

    /// Stops this process as Ctrl+Z would, with the terminal given back.
    fn suspend(&mut self) -> Result<(), ViewError> {
        // What is typed from here on is for the shell.
        self.input = None;
        self.leave();
        self.screen.give_back();
        let me = std::process::id().to_string();
        let stopped = Process::new("kill").args(["-TSTP", &me]).status();
        self.retake()?;
        self.listen()?;
        stopped.map(drop).map_err(ViewError::Io)
    }

    /// Takes the picture off the terminal, if that takes it in.
    fn leave(&mut self) {
        let cells = self.easel.release();
        let bytes = [cells, self.app.leave(), self.presence.leave()].concat();
        self.writer.write(bytes);
        self.writer.settle(FAREWELL);
    }

    /// Takes the terminal again after somebody else had it.
    fn retake(&mut self) -> Result<(), ViewError> {
        self.screen.retake()?;
        if self.releases != Releases::Off {
            self.releases = Releases::Off;
            let capabilities = self.probing.capabilities();
            self.learn(capabilities)?;
        }
        // It is switched on again when the terminal says that it can.
        self.mouse_cell = None;
        self.writer = new_writer(&self.screen, &self.progress)?;
        self.doubt();
        self.resized()
    }
}

/// What an attempt came to, even if it broke.
fn redialled(outcome: Result<Redialled, JoinError>) -> Redialled {
    outcome.unwrap_or_else(|_| {
        Err(Refusal {
            text: "something broke inside".into(),
            is_final: true,
        })
    })
}

/// A writer that says when it has written.
fn new_writer(screen: &Screen, progress: &Arc<Notify>) -> io::Result<Arc<Writer>> {
    let progress = Arc::clone(progress);
    screen.writer(move || progress.notify_one())
}

/// A mouse report in pixels, which are counted from `from`, as one in cells, and the pixel of the cell.
fn in_cells(mouse: Mouse, from: u16, cell: Size) -> (Mouse, Point) {
    let pixel = |at: u16, side: u32| {
        let at = u32::from(at) + u32::from(from);
        // Not more than the 16 bits it was, and less than a side, which is a few hundred at most.
        ((at / side.max(1)) as u16, (at % side.max(1)) as i32)
    };
    let ((column, x), (row, y)) = (pixel(mouse.x, cell.width), pixel(mouse.y, cell.height));
    let mouse = Mouse {
        x: column,
        y: row,
        ..mouse
    };
    (mouse, Point::new(x, y))
}

/// What a signal asks for.
enum Told {
    /// To end; the signal's number.
    End(i32),
    /// To go on after the process was stopped.
    Continue,
    /// To look how large the terminal is.
    Resize,
}

/// The signals that end or resume the viewer.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    continued: Signal,
    resized: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            continued: signal(SignalKind::from_raw(SIGCONT))?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Cancel safe: signals are kept until they are received.
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::End(SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => Told::End(SignalKind::terminate().as_raw_value()),
            _ = self.hang_up.recv() => Told::End(SignalKind::hangup().as_raw_value()),
            _ = self.continued.recv() => Told::Continue,
            _ = self.resized.recv() => Told::Resize,
        }
    }
}

/// The number of SIGCONT, which tokio has no name for.
pub(super) const SIGCONT: i32 = if cfg!(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)) {
    19
} else {
    18
};

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
