//! Recording what is viewed: into a file of its own, from any moment on.

use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

use super::text::short;
use crate::recording::{About, Border, Choices, Progress, Recorder, Recording, Series, Switch};

/// How to record, where that can be done.
pub struct Recordable {
    /// The tap of the session.
    pub switch: Switch,
    /// What goes into a recording beside what the server sends.
    pub choices: Choices,
    /// The file to begin with at once.
    pub file: Option<PathBuf>,
    /// How recordings are cut into files, and how many of these stay.
    pub rotation: Option<(Border, Option<NonZeroU32>)>,
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
    /// Those before, while what is left of them is written.
    ending: JoinSet<(Progress, PathBuf)>,
    /// When the session was last woken.
    woken: Option<Duration>,
}

/// How often the session is woken at most.
const WAKES_EVERY: Duration = Duration::from_millis(100);

impl Tape {
    pub(super) fn new(recordable: Recordable) -> Self {
        Self {
            recordable,
            running: None,
            ending: JoinSet::new(),
            woken: None,
        }
    }

    /// The file that was asked for, once.
    pub(super) fn take_file(&mut self) -> Option<PathBuf> {
        self.recordable.file.take()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether something is still to be written, now or at the end.
    pub(super) fn is_busy(&self) -> bool {
        self.is_running() || !self.ending.is_empty()
    }

    /// Begins; the file.
    pub(super) fn begin(
        &mut self,
        target: &str,
        file: Option<PathBuf>,
        now: Duration,
    ) -> io::Result<PathBuf> {
        let about = About {
            comment: format!("a session of {target}"),
            choices: self.recordable.choices,
            ..About::default()
        };
        let (path, recorder, recording) = match (self.recordable.rotation, file) {
            (Some((border, keep)), file) => {
                let path = file.unwrap_or_else(|| format!("{}.pcapng", stem(target)).into());
                let series = Series::new(&path, border, keep);
                if let Some(taken) = series.taken() {
                    let text = format!("{} exists", taken.display());
                    return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
                }
                let path = series.name(1);
                let (recorder, recording) = Recorder::start_series(series, &about)?;
                (path, recorder, recording)
            }
            (None, Some(path)) => {
                let file = File::create_new(&path)?;
                let (recorder, recording) = Recorder::start_in_new(file, &path, &about)?;
                (path, recorder, recording)
            }
            (None, None) => {
                let (path, file) = create(target)?;
                let (recorder, recording) = Recorder::start_in_new(file, &path, &about)?;
                (path, recorder, recording)
            }
        };
        self.recordable.switch.begin(recorder);
        self.running = Some((recording, path.clone(), now));
        Ok(path)
    }

    /// Whether a session in which nothing happens is to be woken now, for the recorder to see it. A session that cannot be
    /// shown yet would answer for nothing, again and again.
    pub(super) fn wakes(&mut self, now: Duration) -> bool {
        let is_early = self.woken.is_some_and(|then| now < then + WAKES_EVERY);
        let wakes = !is_early && self.running.is_some() && self.recordable.switch.waits();
        if wakes {
            self.woken = Some(now);
        }
        wakes
    }

    /// Marks this moment; whether there is a recording.
    pub(super) fn mark(&self) -> bool {
        self.recordable.switch.mark("")
    }

    /// The tap of a session that takes the place of the one before.
    pub(super) fn another(&self) -> Switch {
        self.recordable.switch.another()
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
            self.ending
                .spawn_blocking(move || (recording.finish(), path));
        }
    }

    /// What became of a recording that was ended, as a line for the user. Cancel safe: the tasks go on.
    pub(super) async fn ended(&mut self) -> String {
        let Some(outcome) = self.ending.join_next().await else {
            return std::future::pending().await;
        };
        match outcome {
            Ok((progress, path)) => {
                let path = match progress.files.kept.is_empty() {
                    true => path.display().to_string(),
                    false => progress.files.to_string(),
                };
                let bytes = short(progress.bytes);
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

/// The name of a file, called after the target and the time.
fn stem(target: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("capsaicin-{}-{}", file_name(target), date(now.as_secs()))
}

/// A new file in this folder, called after the target and the time.
fn create(target: &str) -> io::Result<(PathBuf, File)> {
    let stem = stem(target);
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

    fn tape() -> Tape {
        Tape::new(Recordable {
            switch: Switch::default(),
            choices: Choices::default(),
            file: None,
            rotation: None,
        })
    }

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

    #[tokio::test]
    async fn a_session_that_cannot_be_shown_yet_is_woken_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut tape = tape();
        let path = folder.path().join("a.pcapng");
        tape.begin("demo:", Some(path), Duration::ZERO).unwrap();
        let woken = (0..1000).filter(|ms| tape.wakes(Duration::from_millis(*ms)));
        assert_eq!(woken.count(), 10);
    }

    #[tokio::test]
    async fn recordings_that_were_ended_are_waited_for_until_each_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut tape = tape();
        let names = ["a.pcapng", "b.pcapng"];
        for name in names {
            let path = folder.path().join(name);
            tape.begin("demo:", Some(path), Duration::ZERO).unwrap();
            tape.end();
            assert!(tape.is_busy() && !tape.is_running());
        }
        let told = [tape.ended().await, tape.ended().await].concat();
        assert!(names.iter().all(|name| told.contains(name)), "{told}");
        assert!(!tape.is_busy());
    }
}
