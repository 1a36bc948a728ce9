//! The ways of pixels to the terminal beside the terminal's own line.
//!
//! A terminal on the same machine can read them from shared memory or from a file, and removes either when it has read it.
//! What it did not read is swept when the painter goes; what a process that was killed left is swept by the next.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::term::probe::Capabilities;

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

impl Medium {
    /// The quickest that reaches a terminal. It was asked whether it could read something of ours, which none at the other end of
    /// an SSH connection can.
    ///
    /// kitty 0.26.5, drawing without a graphics card, showed exactly the picture after each of 125 bursts of 4 to 30 frames by
    /// shared memory and of 65 by files. On a busy machine a frame took 59 and 57 ms where it took 82 inline, making and waiting
    /// included.
    pub fn of(capabilities: &Capabilities) -> Self {
        let is_near = !capabilities.remote && capabilities.multiplexer.is_none();
        match capabilities.kitty.filter(|_| is_near) {
            Some(kitty) if kitty.shared_memory => Self::SharedMemory,
            Some(kitty) if kitty.file => Self::TempFile,
            _ => Self::Inline,
        }
    }

    /// Where its files are.
    fn folder(self) -> Option<PathBuf> {
        match self {
            Self::Inline => None,
            Self::SharedMemory => Some(PathBuf::from("/dev/shm")),
            Self::TempFile => Some(std::env::temp_dir()),
        }
    }
}

/// What names of our files begin with; then comes the process. kitty removes temporary files only where the name says what they
/// are for.
const PREFIX: &str = "capsaicin-tty-graphics-protocol-";

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
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| {
            let folders = [Medium::SharedMemory, Medium::TempFile].map(Medium::folder);
            folders
                .iter()
                .flatten()
                .for_each(|folder| sweep_dead(folder));
        });
        let name = format!("{PREFIX}{}-{id:x}", std::process::id());
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
        let (name, path, mut file) = self.create_in(&self.medium.folder()?)?;
        self.waiting.push_back((path.clone(), bytes.len()));
        file.write_all(bytes).ok()?;
        match self.medium {
            Medium::SharedMemory => Some(('s', format!("/{name}").into_bytes())),
            _ => Some(('t', path.to_str()?.as_bytes().to_vec())),
        }
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

/// Files that wait are read within this time, if ever.
const OLD: Duration = Duration::from_secs(60);

/// Removes the old files of processes that are no more. Does nothing where the system does not tell its processes; one that is in
/// a container with others of its own does not tell all, hence only old files.
fn sweep_dead(folder: &Path) {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let process = rest.and_then(|rest| rest.split('-').next());
        let process =
            process.filter(|n| !n.is_empty() && n.bytes().all(|digit| digit.is_ascii_digit()));
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        let is_old = age.is_some_and(|age| age > OLD);
        if is_old && process.is_some_and(|process| !processes.join(process).exists()) {
            // Somebody else may have been quicker, or it may be another user's.
            let _ = std::fs::remove_file(entry.path());
        }
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
    use std::time::SystemTime;

    use super::*;
    use crate::term::probe::{Kitty, Multiplexer};

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
    fn what_a_process_that_is_no_more_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, age: Duration| {
            let path = folder.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            path
        };
        // No process has a number of ten digits.
        let dead = file(&format!("{PREFIX}9999999999-1-0"), OLD * 2);
        let others = [
            file(&format!("{PREFIX}9999999999-1-1"), OLD / 2),
            file(&format!("{PREFIX}{}-1-0", std::process::id()), OLD * 2),
            file("tty-graphics-protocol-1", OLD * 2),
            file(PREFIX, OLD * 2),
        ];
        sweep_dead(folder.path());
        assert_eq!(dead.exists(), !Path::new("/proc/self").exists());
        assert!(others.iter().all(|path| path.exists()));
    }

    #[test]
    fn pixels_go_beside_the_line_only_to_a_terminal_that_read_them_on_the_same_machine() {
        let near = |kitty| Capabilities {
            kitty: Some(kitty),
            ..Capabilities::default()
        };
        let both = Kitty {
            shared_memory: true,
            file: true,
            ..Kitty::default()
        };
        assert_eq!(Medium::of(&near(both)), Medium::SharedMemory);
        let file = Kitty {
            shared_memory: false,
            ..both
        };
        assert_eq!(Medium::of(&near(file)), Medium::TempFile);
        assert_eq!(Medium::of(&near(Kitty::default())), Medium::Inline);
        let far = Capabilities {
            remote: true,
            ..near(both)
        };
        assert_eq!(Medium::of(&far), Medium::Inline);
        let through = Capabilities {
            multiplexer: Some(Multiplexer::Tmux),
            ..near(both)
        };
        assert_eq!(Medium::of(&through), Medium::Inline);
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
