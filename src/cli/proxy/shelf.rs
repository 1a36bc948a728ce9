//! Where sessions are recorded that pass: a file for each.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::ProxyArgs;
use crate::cli::dial;
use crate::cli::report::{Exit, Failure, say};
use crate::proxy::TapMaker;
use crate::recording::{About, Choices, Recorder, Recording};
use crate::session::Tap;
use crate::tui::mirror::Usher;
use crate::words::system;

/// The recordings: a file for each session.
pub(super) struct Shelf {
    /// The first file.
    path: Option<PathBuf>,
    force: bool,
    about: About,
    going: Mutex<Vec<(u64, PathBuf, Recording)>>,
}

impl Shelf {
    /// Looks whether the first file can be made.
    pub(super) fn new(args: &ProxyArgs) -> Result<Self, Failure> {
        if let Some(path) = args.output.as_deref().filter(|_| !args.force)
            && path.exists()
        {
            let text = format!("cannot make {}: it exists", path.display());
            return Err(Failure::new(Exit::File, text).with_hint("--force writes over it"));
        }
        Ok(Self {
            path: args.output.clone(),
            force: args.force,
            about: About {
                comment: format!(
                    "a session of {}, seen by a proxy",
                    dial::target(&args.target)?
                ),
                choices: Choices {
                    input: args.with_input,
                    clipboard: args.with_clipboard,
                },
                ..About::default()
            },
            going: Mutex::default(),
        })
    }

    /// Who sees the sessions: a recorder, where they are recorded, and a witness, where they are shown.
    pub(super) fn taps(self: &Arc<Self>, usher: Option<Usher>) -> TapMaker {
        let shelf = Arc::clone(self);
        Box::new(move |session| {
            let witness = usher.as_ref().map(|usher| usher.witness(session));
            let witness = witness.map(|witness| Box::new(witness) as Box<dyn Tap>);
            let taps: Vec<_> = shelf
                .recorder(session, usher.as_ref())
                .into_iter()
                .chain(witness)
                .collect();
            (!taps.is_empty()).then(|| Box::new(taps) as Box<dyn Tap>)
        })
    }

    fn recorder(&self, session: u64, usher: Option<&Usher>) -> Option<Box<dyn Tap>> {
        let path = numbered(self.path.as_deref()?, session);
        match self.start(session, &path) {
            Ok(recorder) => Some(Box::new(recorder)),
            Err(error) => {
                let (name, why) = (path.display(), system(&error));
                let text = format!("session {session} is not recorded: cannot make {name}: {why}");
                match usher {
                    Some(usher) => usher.tell(text),
                    None => say(text),
                }
                None
            }
        }
    }

    fn start(&self, session: u64, path: &Path) -> io::Result<Recorder> {
        let mut options = OpenOptions::new();
        options.write(true);
        let (recorder, recording) = match self.force {
            true => {
                let file = options.create(true).truncate(true).open(path)?;
                Recorder::start(file, &self.about)
            }
            false => {
                let file = options.create_new(true).open(path)?;
                Recorder::start_in_new(file, path, &self.about)
            }
        }?;
        self.going().push((session, path.to_owned(), recording));
        Ok(recorder)
    }

    /// The recording of a session that is over.
    pub(super) fn take(&self, session: u64) -> Option<(PathBuf, Recording)> {
        let mut going = self.going();
        let place = going.iter().position(|(number, ..)| *number == session)?;
        let (_, path, recording) = going.swap_remove(place);
        Some((path, recording))
    }

    pub(super) fn take_all(&self) -> Vec<(u64, PathBuf, Recording)> {
        std::mem::take(&mut *self.going())
    }

    fn going(&self) -> std::sync::MutexGuard<'_, Vec<(u64, PathBuf, Recording)>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `session.pcapng`, `session-2.pcapng` and so on.
fn numbered(path: &Path, session: u64) -> PathBuf {
    if session == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{session}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_gets_a_file_of_its_own() {
        let name = |session| numbered(Path::new("a/vm.1.pcapng"), session);
        assert_eq!(name(1), Path::new("a/vm.1.pcapng"));
        assert_eq!(name(2), Path::new("a/vm.1-2.pcapng"));
        assert_eq!(numbered(Path::new("vm"), 3), Path::new("vm-3"));
    }
}
