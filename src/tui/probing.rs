//! Asking the terminal what it can do, while the rest goes on.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::tty::Input;
use super::{screen, tty};
use crate::term::input::{Event, Key, KeyCode, Modifiers, Reply};
use crate::term::probe::{Answers, Capabilities, Multiplexer, Question, Surroundings};

/// How long a terminal may take to answer: here, and at the other end of a long line.
const NEAR: Duration = Duration::from_millis(300);
const FAR: Duration = Duration::from_secs(2);

/// Least time from one question to the next: a window that is being resized says so many times a second.
const REST: Duration = Duration::from_millis(500);

/// What was asked, and what was answered so far.
#[derive(Debug)]
pub struct Probing {
    around: Surroundings,
    answers: Answers,
    /// What the user knows better.
    overrides: Vec<String>,
    asked: Instant,
    /// Whether nobody waits for answers any more. They are taken in all the same.
    settled: bool,
    media: Media,
    /// What is answered to the same question asked again.
    again: Option<Answers>,
    /// When to ask again.
    again_due: Option<Instant>,
    /// Whether a terminal around tmux ever let itself be drawn on.
    was_through: bool,
}

impl Probing {
    /// Nothing is asked yet.
    pub fn new(around: Surroundings, overrides: Vec<String>) -> Self {
        Self {
            around,
            answers: Answers::default(),
            overrides,
            asked: Instant::now(),
            settled: false,
            media: Media::default(),
            again: None,
            again_due: None,
            was_through: false,
        }
    }

    /// What to write, at once. Nothing to a terminal that would show it.
    pub fn question(&mut self) -> Vec<u8> {
        self.asked = Instant::now();
        if self.around.is_dumb() {
            self.settled = true;
            return Vec::new();
        }
        let strings = self.around.takes_strings();
        if strings && !self.around.remote && self.around.multiplexer.is_none() {
            self.media = Media::create();
        }
        let question = Question {
            strings,
            multiplexer: self.around.multiplexer,
            shared_memory: self.media.shared_memory_name(),
            file: self.media.file_path(),
        };
        question.bytes()
    }

    /// The terminal may be another one: it was left for a while, or resized, and then the size of its window is no longer what
    /// it said. It is to be asked again, not too often.
    pub fn doubt(&mut self, now: Instant) {
        if self.settled && !self.around.is_dumb() {
            self.answers.area = None;
            self.again_due.get_or_insert((self.asked + REST).max(now));
        }
    }

    /// The user did something, or something was drawn: a terminal around tmux that could be drawn on before is asked again. It may
    /// show this window again, which tmux does not say by itself. While nothing happens nothing is asked.
    pub fn notice(&mut self, now: Instant) {
        if self.was_through && self.answers.kitty_through.is_none() {
            self.again_due.get_or_insert((self.asked + FAR).max(now));
        }
    }

    /// The first answers are here, or will not come. tmux drops what is to pass through it while it draws its window anew, as
    /// it may have done for us: then it is asked once more.
    fn settle(&mut self) {
        self.settled = true;
        let is_tmux = self.around.multiplexer == Some(Multiplexer::Tmux);
        if is_tmux && self.answers.kitty_through.is_none() {
            self.again_due = Some(self.asked + REST);
        }
    }

    /// What to write when it is time to ask again.
    pub fn question_again(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.again_due.take_if(|due| *due <= now)?;
        self.again = Some(Answers::default());
        Some(self.question())
    }

    /// Takes an answer in. Returns what the terminal can do when that has changed, or is known for the first time.
    pub fn take(&mut self, reply: Reply) -> Option<Capabilities> {
        if let Some(again) = &mut self.again {
            again.take(reply);
            // Behind tmux more may come, and its lack is what counts.
            let is_done = again.is_complete()
                && (self.around.multiplexer.is_none() || again.kitty_through.is_some());
            return is_done.then(|| self.believe_again());
        }
        let is_news = self.answers.take(reply);
        let is_first = !self.settled && self.answers.is_complete();
        if is_first {
            self.settle();
            // In order: what has not been answered by now reads no files.
            self.media = Media::default();
        }
        (is_first || self.settled && is_news).then(|| self.capabilities())
    }

    /// What the terminal can do, once it has been silent for too long.
    pub fn give_up(&mut self, now: Instant) -> Option<Capabilities> {
        if self.again.is_some() && self.asked + self.limit() <= now {
            return Some(self.believe_again());
        }
        if self.deadline()? > now {
            return None;
        }
        self.settle();
        Some(self.capabilities())
    }

    /// Believes the newest answers, if the terminal gave any; what it can do.
    fn believe_again(&mut self) -> Capabilities {
        let again = self.again.take().filter(Answers::is_complete);
        self.answers = again.unwrap_or_else(|| std::mem::take(&mut self.answers));
        self.media = Media::default();
        self.capabilities()
    }

    /// When there is something to do about asking again.
    pub fn again_due(&self) -> Option<Instant> {
        let end = self.again.as_ref().map(|_| self.asked + self.limit());
        end.or(self.again_due)
    }

    /// Until when the first picture waits for answers; `None` when it need not.
    pub fn deadline(&self) -> Option<Instant> {
        (!self.settled).then(|| self.asked + self.limit())
    }

    /// How long an Escape may be the beginning of an answer.
    pub fn escape(&self) -> Duration {
        match (self.settled, self.around.remote) {
            (false, _) => NEAR,
            (true, true) => Duration::from_millis(100),
            (true, false) => Duration::from_millis(25),
        }
    }

    /// How long the terminal may take to answer.
    pub fn limit(&self) -> Duration {
        if self.around.remote { FAR } else { NEAR }
    }

    /// What follows from what is known.
    pub fn capabilities(&mut self) -> Capabilities {
        self.was_through |= self.answers.kitty_through.as_deref() == Some("OK");
        let mut found = Capabilities::of(&self.answers, &self.around, screen::window());
        for word in &self.overrides {
            // They were checked when they were given.
            let _ = found.set(word);
        }
        found
    }

    /// Asks on the line where the cursor is, and waits for the answers. The terminal is as before when this is done,
    /// or dropped.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn ask(&mut self) -> Result<Heard, AskError> {
        if !tty::can_read() {
            return Err(AskError::NoTerminal);
        }
        let question = self.question();
        if question.is_empty() {
            return Ok(Heard::NotAsked);
        }
        let _raw = Raw::take()?;
        let mut input = Input::start()?;
        input.wait_for_sequences(self.escape());
        tell(&[&question[..], b"\r\x1b[K"].concat())?;
        let asked = Instant::now();
        let mut until = asked + self.limit();
        let mut heard = Heard::Nothing(self.limit());
        loop {
            match tokio::time::timeout_at(until.into(), input.next()).await {
                Err(_) => return Ok(heard),
                Ok(None) => return Err(AskError::NoTerminal),
                Ok(Some(Event::Reply(reply))) => drop(self.take(reply)),
                Ok(Some(Event::Key(key))) if is_interrupt(&key) => {
                    return Err(AskError::Interrupted);
                }
                Ok(Some(_)) => {}
            }
            if self.answers.is_complete() && matches!(heard, Heard::Nothing(_)) {
                heard = Heard::After(asked.elapsed());
                until = Instant::now() + self.stragglers();
            }
            if self.answers.kitty_through.is_some() {
                return Ok(heard);
            }
        }
    }

    /// How long answers may come after the last.
    fn stragglers(&self) -> Duration {
        // The terminal behind tmux answers when it comes to it.
        match (self.around.multiplexer, self.around.remote) {
            (None, _) => Duration::ZERO,
            (Some(_), false) => NEAR / 2,
            (Some(_), true) => FAR / 2,
        }
    }

    /// What was answered.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// What the environment says.
    pub fn around(&self) -> &Surroundings {
        &self.around
    }
}

/// How a terminal answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The last answer came after this time.
    After(Duration),
    /// It did not come within this time.
    Nothing(Duration),
    /// The terminal would have shown the questions.
    NotAsked,
}

/// Why a terminal could not be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum AskError {
    /// There is none, or it went away.
    NoTerminal,
    /// The user pressed Ctrl+C.
    Interrupted,
    /// Reading or writing failed.
    Io(io::Error),
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Raw mode. Dropping it gives the line back as it was.
struct Raw;

impl Raw {
    fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

/// Writes to the terminal, also when standard output goes elsewhere.
fn tell(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    if stdout.is_terminal() {
        stdout.write_all(bytes)?;
        return stdout.flush();
    }
    OpenOptions::new()
        .write(true)
        .open("/dev/tty")?
        .write_all(bytes)
}

fn is_interrupt(key: &Key) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(Modifiers::CTRL)
}

/// One pixel in shared memory and one in a file, for the terminal to read if it can. Removed when dropped, unless the
/// terminal did so.
#[derive(Debug, Default)]
struct Media {
    shared_memory: Option<PathBuf>,
    file: Option<PathBuf>,
}

/// Where Linux keeps shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

impl Media {
    fn create() -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let name = format!(
            "capsaicin-tty-graphics-protocol-{}-{}",
            std::process::id(),
            since.as_nanos()
        );
        Self {
            shared_memory: pixel_in(Path::new(SHARED_MEMORY), &name),
            file: pixel_in(&std::env::temp_dir(), &name),
        }
    }

    fn shared_memory_name(&self) -> Option<&str> {
        self.shared_memory.as_ref()?.file_name()?.to_str()
    }

    fn file_path(&self) -> Option<&str> {
        self.file.as_ref()?.to_str()
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        for path in [&self.shared_memory, &self.file].into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
    }
}

/// A new file with one black pixel, for our eyes only.
fn pixel_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .ok()?;
    file.write_all(&[0; 3]).ok()?;
    Some(path)
}
