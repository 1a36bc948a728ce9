//! The ways of pixels to the terminal beside the terminal's own line.
//!
//! A terminal on the same machine can read them from shared memory or from a file, and removes either when it has read it.
//! What it did not read is swept when the painter goes.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

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

/// Files that may wait to be read. Older ones were read, or never will be.
const MOST_WAITING: usize = 256;

/// The files of one painter.
#[derive(Debug)]
pub(super) struct Media {
    medium: Medium,
    /// A name nobody else has.
    name: String,
    written: u64,
    waiting: VecDeque<PathBuf>,
}

impl Media {
    /// `id` is an image's; the process makes it one's own.
    pub(super) fn new(medium: Medium, id: u32) -> Self {
        // kitty reads temporary files of no other name.
        let name = format!("tty-graphics-protocol-{}-{id:x}", std::process::id());
        Self {
            medium,
            name,
            written: 0,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn is_inline(&self) -> bool {
        self.medium == Medium::Inline
    }

    /// Writes a file; the value of `t` and the payload that name it. `None` when that fails, or when all goes inline.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<(char, Vec<u8>)> {
        let name = format!("{}-{}", self.name, self.written);
        let (kind, path) = match self.medium {
            Medium::Inline => return None,
            Medium::SharedMemory => ('s', PathBuf::from("/dev/shm").join(&name)),
            Medium::TempFile => ('t', std::env::temp_dir().join(&name)),
        };
        self.written += 1;
        let mut file = create(&path).ok()?;
        self.waiting.push_back(path.clone());
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front().map(std::fs::remove_file);
        }
        file.write_all(bytes).ok()?;
        let payload = match self.medium {
            Medium::SharedMemory => format!("/{name}").into_bytes(),
            _ => path.to_str()?.as_bytes().to_vec(),
        };
        Some((kind, payload))
    }

    /// Removes what was not read.
    pub(super) fn sweep(&mut self) {
        for path in self.waiting.drain(..) {
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
fn create(path: &std::path::Path) -> std::io::Result<File> {
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
}
