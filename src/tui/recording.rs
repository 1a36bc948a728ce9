//! Recording what is viewed: into a file of its own, from any moment on.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::{JoinHandle, spawn_blocking};

use super::text::short;
use crate::recording::{About, Choices, Progress, Recorder, Recording, Switch};

/// How to record, where that can be done.
pub struct Recordable {
    /// The tap of the session.
    pub switch: Switch,
    /// What goes into a recording beside what the server sends.
    pub choices: Choices,
    /// The file to begin with at once.
    pub file: Option<PathBuf>,
}

/// A recording at work, for the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// How long it has been going on.
    pub lasted: Duration,
    /// Bytes in the file.
    pub bytes: u64,
}

impl Running {
    /// What the status line says, behind its mark.
    pub fn text(&self) -> String {
        let seconds = self.lasted.as_secs();
        format!(
            "REC {}:{:02} {}B",
            seconds / 60,
            seconds % 60,
            short(self.bytes)
        )
    }
}

/// The recorder of the viewer.
pub(super) struct Tape {
    recordable: Recordable,
    running: Option<(Recording, PathBuf, Duration)>,
    /// The last one, while what is left of it is written.
    ending: Option<JoinHandle<(Progress, PathBuf)>>,
}

impl Tape {
    pub(super) fn new(recordable: Recordable) -> Self {
        Self {
            recordable,
            running: None,
            ending: None,
        }
    }

    /// The file that was asked for, once.
    pub(super) fn take_file(&mut self) -> Option<PathBuf> {
        self.recordable.file.take()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Begins; the file.
    pub(super) fn begin(
        &mut self,
        target: &str,
        file: Option<PathBuf>,
        now: Duration,
    ) -> io::Result<PathBuf> {
        let (path, file) = match file {
            Some(path) => {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(&path)?;
                (path, file)
            }
            None => create(target)?,
        };
        let about = About {
            comment: format!("a session of {target}"),
            choices: self.recordable.choices,
            limit: None,
        };
        let (recorder, recording) = Recorder::start(file, &about)?;
        self.recordable.switch.begin(recorder);
        self.running = Some((recording, path.clone(), now));
        Ok(path)
    }

    /// How it goes.
    pub(super) fn progress(&self, now: Duration) -> Option<(Running, bool)> {
        let (recording, _, began) = self.running.as_ref()?;
        let progress = recording.progress();
        let running = Running {
            lasted: now.saturating_sub(*began),
            bytes: progress.bytes,
        };
        Some((running, progress.ended.is_some()))
    }

    /// Ends it; what became of it comes from [`ended`](Self::ended).
    pub(super) fn end(&mut self) {
        self.recordable.switch.end();
        if let Some((recording, path, _)) = self.running.take() {
            self.ending = Some(spawn_blocking(move || (recording.finish(), path)));
        }
    }

    /// What became of the recording that was ended, as a line for the user. Cancel safe: the task goes on.
    pub(super) async fn ended(&mut self) -> String {
        let Some(task) = &mut self.ending else {
            return std::future::pending().await;
        };
        let outcome = task.await;
        self.ending = None;
        match outcome {
            Ok((progress, path)) => {
                let (path, bytes) = (path.display(), short(progress.bytes));
                let frames = progress.frames;
                match progress.ended {
                    Some(why) => format!("recording ended: {why}; {path} has {frames} messages"),
                    None => format!("recorded {path}: {frames} messages, {bytes}B"),
                }
            }
            Err(_) => "recording ended: the program failed".to_owned(),
        }
    }
}

/// A new file in this folder, called after the target and the time.
fn create(target: &str) -> io::Result<(PathBuf, File)> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let stem = format!("capsaicin-{}-{}", file_name(target), date(now.as_secs()));
    for number in 1..100 {
        let name = match number {
            1 => format!("{stem}.pcapng"),
            _ => format!("{stem}-{number}.pcapng"),
        };
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => return Ok((name.into(), file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A target as part of a name: letters, digits, and dashes for what is between them.
fn file_name(target: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let words = target
        .split(|c| !is_plain(c))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    name.chars().take(60).collect()
}

/// A day and a time of it, in UTC: 20261123-021530.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar from days, in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_target_and_time() {
        // Values of date(1).
        assert_eq!(date(0), "19700101-000000");
        assert_eq!(date(951_782_400), "20000229-000000");
        assert_eq!(date(1_795_400_130), "20261123-021530");
        assert_eq!(
            file_name("spice://vm.example:5900"),
            "spice-vm.example-5900"
        );
        assert_eq!(file_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(file_name("demo:"), "demo");
    }
}
