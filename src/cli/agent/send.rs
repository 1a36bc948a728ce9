//! `capsaicin send`: files for the guest.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::args::{Common, SendArgs};
use super::super::report::{self, Exit, Failure, say};
use super::super::{interruption, logging};
use super::{Guest, agent, hint};
use crate::tui::{printable, short};
use agent::{Cancel, Event, FileEnd, FileEvent, FileId, Order, State};

/// Files that are sent at a time: a small one need not wait for a large one.
const AT_ONCE: usize = 4;

/// How long the guest may take to be told that files are cancelled.
const CANCELLING: Duration = Duration::from_secs(2);

/// How often progress is shown.
const PACE: Duration = Duration::from_millis(100);

/// Sends files to the guest.
///
/// # Errors
///
/// When a file cannot be read, there is no agent that takes it, or the guest does not want it.
pub async fn run(args: &SendArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let mut interruption = pin!(interruption()?);
    let files = open_all(&args.files).await?;
    let mut guest = tokio::select! {
        guest = Guest::meet(&args.target, args.timeout, "send", State::files) => guest?,
        failure = &mut interruption => return Err(failure),
    };
    let mut sending = Sending::new(files, args.json);
    let result = tokio::select! {
        result = sending.run(&mut guest, args.timeout) => result,
        failure = &mut interruption => Err(failure),
    };
    if result.is_err() {
        // Whoever cannot be told in time learns it from the end of the connection.
        let _ = timeout(CANCELLING, sending.cancel(&mut guest)).await;
    }
    sending.wipe();
    guest.leave().await;
    result?;
    sending.outcome()
}

/// A file that is to be sent.
struct Source {
    path: PathBuf,
    file: File,
    size: u64,
    sent: u64,
}

/// All of them, opened before anything is sent.
async fn open_all(paths: &[PathBuf]) -> Result<VecDeque<Source>, Failure> {
    let mut sources = VecDeque::new();
    for path in paths {
        sources.push_back(open(path).await?);
    }
    Ok(sources)
}

async fn open(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let unreadable = |error| Failure::file("read", &name, &error);
    let file = File::open(path).await.map_err(unreadable)?;
    let metadata = file.metadata().await.map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(
            Failure::new(Exit::File, format!("cannot send {name}: it is a folder"))
                .with_hint("pack it first, as with tar"),
        );
    }
    if !metadata.is_file() {
        return Err(Failure::new(
            Exit::File,
            format!("cannot send {name}: it is no ordinary file"),
        ));
    }
    Ok(Source {
        path: path.to_owned(),
        file,
        size: metadata.len(),
        sent: 0,
    })
}

/// Files on their way.
struct Sending {
    waiting: VecDeque<Source>,
    running: BTreeMap<FileId, Source>,
    last_id: u32,
    json: bool,
    /// The first failure.
    failed: Option<Exit>,
    progress: Progress,
}

impl Sending {
    fn new(waiting: VecDeque<Source>, json: bool) -> Self {
        let progress = Progress::new(waiting.iter().map(|source| source.size).sum());
        Self {
            waiting,
            running: BTreeMap::new(),
            last_id: 0,
            json,
            failed: None,
            progress,
        }
    }

    /// Sends all, until nothing has moved for so long.
    async fn run(&mut self, guest: &mut Guest, patience: Duration) -> Result<(), Failure> {
        loop {
            self.start_some(guest).await?;
            if self.running.is_empty() {
                return Ok(());
            }
            let until = Instant::now() + patience;
            let Ok(event) = timeout_at(until, next_of_file(guest)).await else {
                let files: Vec<String> = self
                    .running
                    .values()
                    .map(|s| s.path.display().to_string())
                    .collect();
                let seconds = patience.as_secs_f32();
                let text = format!(
                    "cannot send {}: nothing has moved for {seconds} s",
                    files.join(", ")
                );
                return Err(
                    Failure::new(Exit::Timeout, text).with_hint("--timeout allows more time")
                );
            };
            let (id, event) = event?;
            self.on_event(id, event, guest).await?;
        }
    }

    async fn start_some(&mut self, guest: &Guest) -> Result<(), Failure> {
        while self.running.len() < AT_ONCE
            && let Some(source) = self.waiting.pop_front()
        {
            self.last_id += 1;
            let (id, size) = (FileId(self.last_id), source.size);
            let name = source.path.file_name().unwrap_or(source.path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            self.running.insert(id, source);
            guest.order(Order::SendFile { id, name, size }).await?;
        }
        Ok(())
    }

    async fn on_event(
        &mut self,
        id: FileId,
        event: FileEvent,
        guest: &Guest,
    ) -> Result<(), Failure> {
        let Some(source) = self.running.get_mut(&id) else {
            return Ok(());
        };
        match event {
            FileEvent::Wants { most } => match read(&mut source.file, most).await {
                Ok(data) => guest.order(Order::FileBytes { id, data }).await?,
                Err(error) => {
                    let name = source.path.display().to_string();
                    self.fail(&Failure::file("read", &name, &error));
                    let why = Cancel::Unreadable;
                    guest.order(Order::CancelFile { id, why }).await?;
                    self.running.remove(&id);
                }
            },
            FileEvent::Sent { bytes } => {
                self.progress.add(bytes.saturating_sub(source.sent));
                source.sent = bytes;
                self.progress.show(&source.path);
            }
            FileEvent::Ended(end) => self.on_end(id, end)?,
        }
        Ok(())
    }

    fn on_end(&mut self, id: FileId, end: FileEnd) -> Result<(), Failure> {
        let Some(source) = self.running.remove(&id) else {
            return Ok(());
        };
        let name = source.path.display().to_string();
        if self.json {
            let line = json!({
                "file": name,
                "bytes": source.size,
                "sent": source.sent,
                "done": end == FileEnd::Done,
                "end": end.to_string(),
            });
            let mut out = io::stdout().lock();
            let told = writeln!(out, "{}", report::json(line)).and_then(|()| out.flush());
            told.map_err(|error| Failure::output(&error))?;
        }
        match end {
            FileEnd::Done if self.json => {}
            FileEnd::Done => {
                self.wipe();
                say(format_args!("sent {} ({} bytes)", name, source.size));
            }
            end => self.fail(&failure(&name, end)),
        }
        Ok(())
    }

    /// Says why one file was not sent; the others go on.
    fn fail(&mut self, failure: &Failure) {
        self.wipe();
        failure.report();
        self.failed.get_or_insert(failure.exit);
    }

    /// Tells the guest that nothing more comes, and waits until it was told.
    async fn cancel(&mut self, guest: &mut Guest) -> Result<(), Failure> {
        let mut left: Vec<FileId> = self.running.keys().copied().collect();
        for id in &left {
            let (id, why) = (*id, Cancel::Requested);
            guest.order(Order::CancelFile { id, why }).await?;
        }
        while !left.is_empty() {
            if let (id, FileEvent::Ended(_)) = next_of_file(guest).await? {
                left.retain(|of| *of != id);
            }
        }
        Ok(())
    }

    fn wipe(&mut self) {
        self.progress.wipe();
    }

    fn outcome(&self) -> Result<(), Failure> {
        match self.failed {
            // Each failure was told when it happened.
            Some(exit) => Err(Failure::new(exit, "")),
            None => Ok(()),
        }
    }
}

/// What next happens to a file.
async fn next_of_file(guest: &mut Guest) -> Result<(FileId, FileEvent), Failure> {
    loop {
        if let Event::File(id, event) = guest.next_of_agent().await? {
            return Ok((id, event));
        }
    }
}

/// The next bytes of a file: as many as are wanted, unless it ends.
async fn read(file: &mut File, most: usize) -> io::Result<Bytes> {
    let mut data = Vec::with_capacity(most);
    file.take(most as u64).read_to_end(&mut data).await?;
    Ok(Bytes::from(data))
}

fn failure(name: &str, end: FileEnd) -> Failure {
    let text = format!("cannot send {name}: {end}");
    match end {
        FileEnd::Unreadable | FileEnd::BadName => Failure::new(Exit::File, text),
        FileEnd::Unusable(why) => Failure::new(Exit::NotFound, text).with_hint(hint(why)),
        FileEnd::NoSession => {
            Failure::new(Exit::NotFound, text).with_hint("log in at the guest's desktop first")
        }
        FileEnd::Disabled | FileEnd::AgentGone => Failure::new(Exit::NotFound, text),
        _ => Failure::new(Exit::Unexpected, text),
    }
}

/// A line on the terminal that says how far it is.
struct Progress {
    is_shown: bool,
    bytes: u64,
    of: u64,
    began: Instant,
    shown_at: Option<Instant>,
}

impl Progress {
    fn new(of: u64) -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            bytes: 0,
            of,
            began: Instant::now(),
            shown_at: None,
        }
    }

    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    fn show(&mut self, path: &Path) {
        if !self.is_shown || self.shown_at.is_some_and(|at| at.elapsed() < PACE) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let percent = self.bytes.saturating_mul(100) / self.of.max(1);
        // Never cut: no link is as fast.
        let pace = (self.bytes as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64;
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        let name: String = printable(&name).chars().take(30).collect();
        let (bytes, of, pace) = (short(self.bytes), short(self.of), short(pace));
        eprint!("\r{percent:3} % of {of}B: {bytes}B, {pace}B/s  {name}\x1b[K");
    }

    /// Gives the line back.
    fn wipe(&mut self) {
        if self.shown_at.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
