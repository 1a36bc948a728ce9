//! Asking the terminal what it can do, while the rest goes on.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::screen;
use crate::term::input::Reply;
use crate::term::probe::{Answers, Capabilities, Question, Surroundings};

/// How long a terminal may take to answer: here, and at the other end of a long line.
const NEAR: Duration = Duration::from_millis(300);
const FAR: Duration = Duration::from_secs(2);

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
        let tmux = self.around.multiplexer == Some(crate::term::probe::Multiplexer::Tmux);
        let question = Question {
            strings,
            tmux,
            shared_memory: self.media.shared_memory_name(),
            file: self.media.file_path(),
        };
        question.bytes()
    }

    /// Takes an answer in. Returns what the terminal can do when that has changed, or is known for the first time.
    pub fn take(&mut self, reply: Reply) -> Option<Capabilities> {
        let is_news = self.answers.take(reply);
        let is_first = !self.settled && self.answers.is_complete();
        if is_first {
            self.settled = true;
            // In order: what has not been answered by now reads no files.
            self.media = Media::default();
        }
        (is_first || self.settled && is_news).then(|| self.capabilities())
    }

    /// What the terminal can do, once it has been silent for too long.
    pub fn give_up(&mut self, now: Instant) -> Option<Capabilities> {
        if self.deadline()? > now {
            return None;
        }
        self.settled = true;
        Some(self.capabilities())
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

    fn limit(&self) -> Duration {
        if self.around.remote { FAR } else { NEAR }
    }

    /// What follows from what is known.
    pub fn capabilities(&self) -> Capabilities {
        let mut found = Capabilities::of(&self.answers, &self.around, screen::window());
        for word in &self.overrides {
            // They were checked when they were given.
            let _ = found.set(word);
        }
        found
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
