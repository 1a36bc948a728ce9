//! The ways of pixels to the terminal beside the terminal's own line.
//!
//! A terminal on the same machine can read them from shared memory or from a file, and removes either when it has read it.
//! What it did not read is swept when the painter goes.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How pixels travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// Compressed, in the commands themselves.
    #[default]
    Inline,
    /// As they are, in POSIX shared memory; where that is the folder `/dev/shm`.
    SharedMemory,
    /// As they are, in files of the folder for temporary ones.
    TempFile,
}

/// Files that may wait to be read, and their bytes. Hundreds of commands fit into what lies between us and a terminal that is
/// late, so none is removed for being old: when there are this many, pixels go inline.
const MOST_WAITING: usize = 512;
const MOST_BYTES: usize = 64 << 20;

/// Files of this process so far; no two painters have one of the same name.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// The files of one painter.
#[derive(Debug)]
pub(super) struct Media {
    medium: Medium,
    /// A name nobody else has.
    name: String,
    /// Files that were not read when last looked at, with their bytes, in the order in which they will be.
    waiting: VecDeque<(PathBuf, usize)>,
}

impl Media {
    /// `id` is an image's; the process makes it one's own.
    pub(super) fn new(medium: Medium, id: u32) -> Self {
        // kitty reads temporary files of no other name.
        let name = format!("tty-graphics-protocol-{}-{id:x}", std::process::id());
        Self {
            medium,
            name,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn is_inline(&self) -> bool {
        self.medium == Medium::Inline
    }

    /// Writes a file; the value of `t` and the payload that name it. `None` when that fails, when too many wait to be read, or
    /// when all goes inline.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<(char, Vec<u8>)> {
        if !self.has_room(bytes.len()) {
            return None;
        }
        let (kind, folder) = match self.medium {
            Medium::Inline => return None,
            Medium::SharedMemory => ('s', PathBuf::from("/dev/shm")),
            Medium::TempFile => ('t', std::env::temp_dir()),
        };
        let (name, path, mut file) = self.create_in(&folder)?;
        self.waiting.push_back((path.clone(), bytes.len()));
        file.write_all(bytes).ok()?;
        let payload = match self.medium {
            Medium::SharedMemory => format!("/{name}").into_bytes(),
            _ => path.to_str()?.as_bytes().to_vec(),
        };
        Some((kind, payload))
    }

    /// A file that did not exist: its name, its path and itself. Another process of the same number may have left some.
    fn create_in(&self, folder: &Path) -> Option<(String, PathBuf, File)> {
        const TRIES: usize = MOST_WAITING + 1;
        for _ in 0..TRIES {
            let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", self.name);
            let path = folder.join(&name);
            match create(&path) {
                Ok(file) => return Some((name, path, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// Whether one more file may wait.
    fn has_room(&mut self, bytes: usize) -> bool {
        while self.waiting.front().is_some_and(|(path, _)| !path.exists()) {
            self.waiting.pop_front();
        }
        let waiting: usize = self.waiting.iter().map(|(_, bytes)| bytes).sum();
        self.waiting.len() < MOST_WAITING && waiting + bytes <= MOST_BYTES
    }

    /// Removes what was not read.
    pub(super) fn sweep(&mut self) {
        for (path, _) in self.waiting.drain(..) {
            // Most are gone: whoever reads one removes it.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.sweep();
    }
}

/// A file that did not exist, for the user alone.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_nobody_read_is_swept() {
        let mut media = Media::new(Medium::TempFile, 0x5eed);
        let (kind, name) = media.write(b"dots").unwrap();
        let path = PathBuf::from(String::from_utf8(name).unwrap());
        assert_eq!(kind, 't');
        assert!(path.to_str().unwrap().contains("tty-graphics-protocol"));
        assert_eq!(std::fs::read(&path).unwrap(), b"dots");
        media.sweep();
        assert!(!path.exists());
    }

    #[test]
    fn files_that_a_process_before_left_are_in_nobodys_way() {
        let mut media = Media::new(Medium::TempFile, 0x5eef);
        let next = WRITTEN.load(Ordering::Relaxed);
        // Other tests count too, so a few names on from here are taken.
        let left = |n: u64| std::env::temp_dir().join(format!("{}-{}", media.name, next + n));
        let left: Vec<PathBuf> = (0..20).map(left).collect();
        left.iter()
            .for_each(|path| std::fs::write(path, b"left").unwrap());
        let written = media.write(b"dots");
        let kept = left
            .iter()
            .all(|path| std::fs::read(path).unwrap() == b"left");
        left.iter()
            .for_each(|path| std::fs::remove_file(path).unwrap());
        assert!(written.is_some() && kept);
    }

    #[test]
    fn a_file_that_waits_stays_however_many_come_after_it() {
        let mut media = Media::new(Medium::TempFile, 0x5eee);
        let path = |name: Vec<u8>| PathBuf::from(String::from_utf8(name).unwrap());
        let first = path(media.write(b"dots").unwrap().1);
        while media.write(b"dots").is_some() {}
        assert_eq!(media.waiting.len(), MOST_WAITING);
        assert!(first.exists());
        std::fs::remove_file(first).unwrap();
        assert!(media.write(b"dots").is_some());
    }
}
