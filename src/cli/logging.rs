//! Where the program's own log goes: a file, standard error, or the viewer's log pane; never onto its picture.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::report::Failure;
use crate::tui::printable;

/// What to log.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A file to add to.
    pub file: Option<&'a Path>,
    /// How often the user said `-v`.
    pub verbose: u8,
}

/// Keeps the log going; what is waiting is written when it is dropped.
#[derive(Debug, Default)]
pub struct Logging {
    _worker: Option<WorkerGuard>,
    /// Lines for the log pane.
    pub lines: Option<mpsc::Receiver<String>>,
}

/// Lines that may wait for the log pane. More are dropped: the pane is for reading, a file is for keeping.
const WAITING: usize = 256;

/// Begins to log to the file, or else to standard error.
///
/// # Errors
///
/// When the file cannot be opened.
pub fn to_stderr(wanted: Wanted<'_>) -> Result<Logging, Failure> {
    if let Some(file) = wanted.file {
        return to_file(file, wanted);
    }
    start(wanted, "warn", Harmless(io::stderr));
    Ok(Logging::default())
}

/// Begins to log to the file, or else to the log pane.
///
/// # Errors
///
/// When the file cannot be opened.
pub fn to_viewer(wanted: Wanted<'_>) -> Result<Logging, Failure> {
    if let Some(file) = wanted.file {
        return to_file(file, wanted);
    }
    let (sender, lines) = mpsc::sync_channel(WAITING);
    start(wanted, "warn", Lines(sender));
    Ok(Logging {
        lines: Some(lines),
        ..Logging::default()
    })
}

fn to_file(path: &Path, wanted: Wanted<'_>) -> Result<Logging, Failure> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Failure::file("write the log to", &path.display().to_string(), &error))?;
    let (writer, worker): (NonBlocking, WorkerGuard) = tracing_appender::non_blocking(file);
    start(wanted, "info", Harmless(writer));
    Ok(Logging {
        _worker: Some(worker),
        lines: None,
    })
}

fn start(
    wanted: Wanted<'_>,
    usual: &str,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) {
    let level = match wanted.verbose {
        0 => usual,
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = std::env::var("RUST_LOG")
        .ok()
        .filter(|_| wanted.verbose == 0);
    let filter = asked.unwrap_or_else(|| format!("capsaicin={level}"));
    // A second subscriber in one process (tests) is refused, and need not be.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(false)
        .with_writer(writer)
        .try_init();
}

/// Writes each event as one line that a terminal shows and does not act on, whatever a peer has put into it.
struct Harmless<M>(M);

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Harmless<M> {
    type Writer = HarmlessWriter<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        HarmlessWriter(self.0.make_writer())
    }
}

/// Receives one whole event as one write.
struct HarmlessWriter<W>(W);

impl<W: Write> Write for HarmlessWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = printable(String::from_utf8_lossy(bytes).trim_end());
        self.0.write_all((line + "\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Hands each line to the log pane.
struct Lines(mpsc::SyncSender<String>);

impl<'w> MakeWriter<'w> for Lines {
    type Writer = LineWriter;

    fn make_writer(&'w self) -> Self::Writer {
        LineWriter(self.0.clone())
    }
}

/// Receives one whole event as one write.
struct LineWriter(mpsc::SyncSender<String>);

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
        let _ = self.0.try_send(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
