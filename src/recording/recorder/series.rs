//! The files of a recording that is cut into several: their names, when the next one begins, and which of them stay.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::words::system;

/// When the next file of a recording begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// When one has about so many bytes: somewhat more, since the session has to be at rest for a moment.
    Bytes(u64),
    /// When one is so old.
    Time(Duration),
}

/// Files called `x-0001.pcapng`, `x-0002.pcapng` and so on for a path `x.pcapng`.
#[derive(Debug)]
pub struct Series {
    path: PathBuf,
    border: Border,
    keep: Option<NonZeroU32>,
    overwrite: bool,
    /// Of the newest file.
    number: u32,
    files: Arc<Files>,
}

/// What became of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The files that were written and stay, oldest first.
    pub kept: VecDeque<PathBuf>,
    /// How many files were written and deleted again.
    pub deleted: u64,
    /// Files that were to be deleted and could not be.
    pub stuck: Vec<(PathBuf, io::ErrorKind)>,
}

impl Series {
    /// Files named after this path. Of those that are written here at most `keep` stay; files of others are not written
    /// over.
    pub fn new(path: &Path, border: Border, keep: Option<NonZeroU32>) -> Self {
        Self {
            path: path.to_owned(),
            border,
            keep,
            overwrite: false,
            number: 0,
            files: Arc::default(),
        }
    }

    /// Writes over files that have such a name.
    pub fn overwriting(self) -> Self {
        Self {
            overwrite: true,
            ..self
        }
    }

    /// When the next file begins.
    pub fn border(&self) -> Border {
        self.border
    }

    /// The files by now.
    pub fn files(&self) -> Arc<Files> {
        Arc::clone(&self.files)
    }

    /// The name of a file by its number, from 1.
    pub fn name(&self, number: u32) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number:04}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// A file that has a name of the series already, if there is one.
    pub fn taken(&self) -> Option<PathBuf> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let stem = self.path.file_stem()?.to_str()?;
        let is_taken = |name: &Path| {
            let number = name.file_stem()?.to_str()?.strip_prefix(stem)?;
            let number = number.strip_prefix('-')?;
            let is_number = number.len() >= 4 && number.bytes().all(|c| c.is_ascii_digit());
            Some(is_number && name.extension() == self.path.extension())
        };
        let entries = std::fs::read_dir(folder).ok()?.flatten();
        let mut names = entries.map(|entry| PathBuf::from(entry.file_name()));
        let taken = names.find(|name| is_taken(name) == Some(true))?;
        Some(self.path.with_file_name(taken))
    }

    /// Makes the next file, and then deletes the oldest one where there are too many.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn next_file(&mut self) -> io::Result<File> {
        self.number = self.number.saturating_add(1);
        let path = self.name(self.number);
        let mut options = OpenOptions::new();
        options.write(true);
        match self.overwrite {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let file = options.open(&path).map_err(|error| {
            let text = format!("{}: {}", path.display(), system(&error));
            io::Error::new(error.kind(), text)
        })?;
        let files = Arc::make_mut(&mut self.files);
        files.kept.push_back(path);
        let keep = self.keep.map_or(usize::MAX, |keep| keep.get() as usize);
        while files.kept.len() > keep {
            files.delete_oldest();
        }
        Ok(file)
    }

    /// Removes the newest file: nothing can be written into it.
    pub(super) fn discard(&mut self) {
        if let Some(path) = Arc::make_mut(&mut self.files).kept.pop_back() {
            remove(&path);
        }
    }
}

/// Removes a file that was begun in vain. What cannot be removed stays: what counts is why nothing can be written.
pub(super) fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

/// Their names, and how many are gone again, or ought to be.
impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kept.front(), self.kept.back()) {
            (Some(first), Some(last)) if first != last => {
                write!(f, "{} to {}", first.display(), last.display())
            }
            (Some(only), _) => write!(f, "{}", only.display()),
            _ => f.write_str("no file"),
        }?;
        match (self.deleted, self.stuck.len()) {
            (0, 0) => Ok(()),
            (deleted, 0) => write!(f, " ({deleted} older deleted)"),
            (deleted, stuck) => write!(f, " ({deleted} older deleted, {stuck} cannot be)"),
        }
    }
}

impl Files {
    fn delete_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else {
            return;
        };
        match std::fs::remove_file(&oldest) {
            Ok(()) => self.deleted += 1,
            // Somebody has taken it away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.stuck.push((oldest, error.kind())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_behind_their_names() {
        let named = |path: &str, number| {
            let series = Series::new(Path::new(path), Border::Bytes(1), None);
            series.name(number).display().to_string()
        };
        assert_eq!(named("x.pcapng", 1), "x-0001.pcapng");
        assert_eq!(named("a.b/vm.1.pcapng", 12), "a.b/vm.1-0012.pcapng");
        assert_eq!(named("session", 10_000), "session-10000");
    }

    #[test]
    fn files_are_told_by_the_first_and_the_last_and_those_that_are_gone_by_their_count() {
        let mut files = Files::default();
        assert_eq!(files.to_string(), "no file");
        files.kept.push_back("x-0001.pcapng".into());
        assert_eq!(files.to_string(), "x-0001.pcapng");
        files
            .kept
            .extend(["x-0002.pcapng".into(), "x-0003.pcapng".into()]);
        assert_eq!(files.to_string(), "x-0001.pcapng to x-0003.pcapng");
        files.kept.pop_front();
        files.deleted = 1;
        let text = "x-0002.pcapng to x-0003.pcapng (1 older deleted)";
        assert_eq!(files.to_string(), text);
        let stuck = ("x-0000.pcapng".into(), io::ErrorKind::PermissionDenied);
        files.stuck.push(stuck);
        let text = "x-0002.pcapng to x-0003.pcapng (1 older deleted, 1 cannot be)";
        assert_eq!(files.to_string(), text);
    }
}
