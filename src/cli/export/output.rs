//! Where an export is written: beside its place until it is complete, or to standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use crate::cli::report::{Exit, Failure};

/// The place for a file.
pub struct Output {
    path: PathBuf,
    force: bool,
}

/// A file that is being made. It goes away unless it is [kept](Draft::keep).
pub struct Draft {
    place: PathBuf,
    path: PathBuf,
    force: bool,
    kept: bool,
}

impl Output {
    /// Looks whether there is something already.
    pub fn new(path: &Path, force: bool) -> Result<Self, Failure> {
        if !force && path != Path::new("-") && path.symlink_metadata().is_ok() {
            let text = format!("cannot make {}: it exists", path.display());
            return Err(Failure::new(Exit::File, text).with_hint("--force writes over it"));
        }
        Ok(Self {
            path: path.to_owned(),
            force,
        })
    }

    /// Standard output, if that is the place.
    pub fn standard(&self) -> Option<BufWriter<Stdout>> {
        let buffered = || BufWriter::with_capacity(1 << 20, io::stdout());
        (self.path == Path::new("-")).then(buffered)
    }

    /// Begins a file.
    pub fn draft(self) -> Result<(File, Draft), Failure> {
        let mut place = self.path.clone().into_os_string();
        place.push(format!(".{}", std::process::id()));
        let place = PathBuf::from(place);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&place);
        let file =
            file.map_err(|error| Failure::file("make", &self.path.display().to_string(), &error))?;
        let draft = Draft {
            place,
            path: self.path,
            force: self.force,
            kept: false,
        };
        Ok((file, draft))
    }

    /// Writes a whole file, or to standard output.
    pub fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        let (mut file, draft) = self.draft()?;
        file.write_all(bytes)
            .map_err(|error| draft.failure(&error))?;
        draft.keep()
    }
}

impl Draft {
    /// The file is complete: it gets its name.
    pub fn keep(mut self) -> Result<(), Failure> {
        let named = match self.force {
            true => std::fs::rename(&self.place, &self.path),
            // Fails when somebody was faster.
            false => {
                std::fs::hard_link(&self.place, &self.path).or_else(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Err(error),
                    // Some file systems have no links.
                    _ => std::fs::rename(&self.place, &self.path),
                })
            }
        };
        named.map_err(|error| self.failure(&error))?;
        // A link leaves the name it was begun with, which is removed then.
        self.kept = self.force || !self.place.exists();
        Ok(())
    }

    /// It cannot be written.
    pub fn failure(&self, error: &io::Error) -> Failure {
        Failure::file("write", &self.path.display().to_string(), error)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed stays; there is nobody to tell.
            let _ = std::fs::remove_file(&self.place);
        }
    }
}
