//! Files the viewer makes for the user, in the folder it was started in.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `content` to a new file in `folder`; its name, `STEM.EXTENSION` or, where that is taken, `STEM-2.EXTENSION` and so on.
///
/// # Errors
///
/// Nothing can be written there; what was begun is removed.
pub fn save(folder: &Path, stem: &str, extension: &str, content: &[u8]) -> io::Result<PathBuf> {
    const MOST: u32 = 9999;
    for number in 1..=MOST {
        let name = match number {
            1 => format!("{stem}.{extension}"),
            _ => format!("{stem}-{number}.{extension}"),
        };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                let written = file.write_all(content);
                if written.is_err() {
                    // The first error is the one to tell.
                    let _ = std::fs::remove_file(&path);
                }
                return written.map(|()| path);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = save(folder.path(), "copied", "png", b"one").unwrap();
        let second = save(folder.path(), "copied", "png", b"two").unwrap();
        assert_eq!(first, folder.path().join("copied.png"));
        assert_eq!(second, folder.path().join("copied-2.png"));
        assert_eq!(std::fs::read(first).unwrap(), b"one");
        assert_eq!(std::fs::read(second).unwrap(), b"two");
    }
}
