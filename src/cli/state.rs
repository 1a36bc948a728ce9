//! Small files in which the program keeps things from one time to the next: `capsaicin/…` in `$XDG_STATE_HOME`, or in
//! `~/.local/state`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// A file of this name, where there is a place for it.
pub fn file(name: &str) -> Option<PathBuf> {
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(home()?.join(".local/state")))?;
    Some(state.join("capsaicin").join(name))
}

/// The user's home.
pub fn home() -> Option<PathBuf> {
    absolute("HOME")
}

fn absolute(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    path.is_absolute().then_some(path)
}

/// Whether a hint of this name was never given to this user. From now on it was: the names are lines of `capsaicin/hints`. What
/// cannot be kept would be said for ever, and is not said at all.
pub fn is_first_time(name: &str) -> bool {
    let Some(file) = file("hints") else {
        return false;
    };
    let given = fs::read_to_string(&file).unwrap_or_default();
    let is_new = !given.lines().any(|line| line == name);
    is_new && write(&file, &format!("{given}{name}\n")).is_ok()
}

/// Writes beside the file, then renames: readers see the old lines or the new ones.
///
/// # Errors
///
/// What the system says; the file is then as it was.
pub fn write(file: &Path, lines: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let written = fs::write(&beside, lines).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
