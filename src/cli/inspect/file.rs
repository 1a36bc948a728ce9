//! The messages of a recording.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::InspectArgs;
use super::print::{Place, Printer};
use crate::cli::interruption;
use crate::cli::recording::{cannot_open, open};
use crate::cli::report::{Exit, Failure, say};
use crate::inspect::Filter;
use crate::recording::{Reader, What};

/// Losses told one by one; more are counted.
const LOSSES_TOLD: u64 = 3;

/// How long nothing is said before progress is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints what is in the file. Reading and printing wait for disk and reader, so they have a thread of their own.
pub async fn run(args: &InspectArgs, filter: Filter, path: &Path) -> Result<(), Failure> {
    let reader = open(path)?;
    let ends = Arc::new(AtomicBool::new(false));
    let shows = io::stderr().is_terminal() && !io::stdout().is_terminal();
    let mut walk = Walk {
        path: path.to_owned(),
        bytes: std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
        only: args.session.map(|n| n as usize - 1),
        ends: ends.clone(),
        progress: shows.then(Instant::now),
        losses: 0,
    };
    let style = args.style();
    // The lock on standard output stays in that thread.
    let mut walking =
        tokio::task::spawn_blocking(move || walk.run(reader, Printer::new(style, filter)));
    tokio::select! {
        walked = &mut walking => walked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
        failure = interruption()? => {
            // What was counted or printed so far is not lost.
            ends.store(true, Ordering::Relaxed);
            let _ = tokio::time::timeout(Duration::from_secs(1), walking).await;
            Err(failure)
        }
    }
}

/// The way through a file.
struct Walk {
    path: PathBuf,
    /// Of the whole file.
    bytes: u64,
    /// Only this session, from 0.
    only: Option<usize>,
    /// Set when somebody wants it to end.
    ends: Arc<AtomicBool>,
    /// When progress was last said, where it is.
    progress: Option<Instant>,
    losses: u64,
}

impl Walk {
    fn run(&mut self, mut reader: Reader<File>, mut printer: Printer) -> Result<(), Failure> {
        let mut found = false;
        while let Some(record) = reader
            .next_record()
            .map_err(|error| cannot_open(&self.path, &error))?
        {
            if self.ends.load(Ordering::Relaxed) || printer.is_done() {
                break;
            }
            self.tell(record.offset);
            if self.only.is_some_and(|only| only != record.session) {
                continue;
            }
            found = true;
            let place = Place {
                at: record.at,
                session: (record.session > 0).then_some(record.session + 1),
                offset: Some(record.offset),
                mark: None,
            };
            printer.choose(record.session);
            let channel = record.channel;
            match record.what {
                What::Opened(link) => printer.opened(channel, &link),
                What::Frame(way, frame) => printer.frame(place, channel, way, &frame)?,
                What::Lost(loss) => {
                    printer.lost(channel);
                    self.losses += 1;
                    if self.losses <= LOSSES_TOLD {
                        let name = self.path.display();
                        say(format_args!(
                            "{name}: {channel}: before byte {}, {loss}",
                            record.offset
                        ));
                    }
                }
                What::Closed => printer.closed(channel),
                What::Marked(_) | What::GoesOn(_) | What::Point(_) => {}
            }
        }
        self.clear();
        printer.finish()?;
        self.conclude(&reader, found)
    }

    /// What to say about the file once it was read.
    fn conclude(&self, reader: &Reader<File>, found: bool) -> Result<(), Failure> {
        let name = self.path.display();
        if self.losses > LOSSES_TOLD {
            let more = self.losses - LOSSES_TOLD;
            say(format_args!("{name}: the like {more} times more"));
        }
        match (reader.damage(), self.only) {
            (Some(damage), _) => Err(Failure::new(
                Exit::File,
                format!("{name} is {damage}; what is before that was read"),
            )),
            (None, Some(only)) if !found => Err(Failure::new(
                Exit::Usage,
                format!(
                    "cannot choose a session: {name} has no session {}",
                    only + 1
                ),
            )),
            (None, None) if !found => Err(cannot_open(&self.path, &reader.no_spice())),
            (None, _) => Ok(()),
        }
    }

    /// Says how far it is, now and then.
    fn tell(&mut self, offset: u64) {
        let Some(last) = self.progress.as_mut() else {
            return;
        };
        if last.elapsed() < PATIENCE {
            return;
        }
        *last = Instant::now();
        let percent = offset.saturating_mul(100) / self.bytes.max(1);
        // Nothing depends on whether it is seen.
        let _ = write!(io::stderr(), "\rreading, {percent} % \x1b[K");
    }

    fn clear(&self) {
        if self.progress.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
