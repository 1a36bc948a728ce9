//! The guest's keyboard layout: how it is named on the command line, and kept for the next time.
//!
//! What is kept is a small text file, `capsaicin/layouts` in `$XDG_STATE_HOME` (or `~/.local/state`): a layout, a tab, a
//! target without its secrets, the newest first. Nothing depends on it: where it cannot be read there is nothing in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use tracing::debug;

use super::args::LayoutArgs;
use super::state;
use crate::keyboard::{LAYOUTS, Layout};

/// Targets whose layouts are kept.
const MOST_TARGETS: usize = 100;
/// Bytes of the file that are read.
const MOST_BYTES: u64 = 64 * 1024;

/// The layout the user wants for a target: the one they name, or the one they named the last time.
pub fn wanted(args: &LayoutArgs, target: &str) -> &'static Layout {
    let kept = || find(&read(&file()?), target);
    args.layout.or_else(kept).unwrap_or(Layout::us())
}

/// Keeps a layout for the next time, if it is not kept already. That it could not is of no interest to the user.
pub fn keep(target: &str, layout: &'static Layout) {
    // The demonstration's keyboard is always the same.
    let Some(file) = file().filter(|_| !target.starts_with("demo:")) else {
        return;
    };
    let lines = read(&file);
    if find(&lines, target).unwrap_or(Layout::us()) == layout {
        return;
    }
    if let Err(error) = state::write(&file, &with(&lines, target, layout)) {
        debug!(%error, "layout not kept");
    }
}

/// The file, where there is a place for it.
fn file() -> Option<PathBuf> {
    state::file("layouts")
}

fn read(file: &PathBuf) -> String {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file);
    let _ = opened.and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn find(lines: &str, target: &str) -> Option<&'static Layout> {
    let mut entries = lines.lines().filter_map(|line| line.split_once('\t'));
    let (layout, _) = entries.find(|(_, kept)| *kept == target)?;
    layout.parse().ok()
}

/// The lines with a layout in front, the oldest left out.
fn with(lines: &str, target: &str, layout: &Layout) -> String {
    let first = format!("{layout}\t{target}\n");
    let others = lines.lines().filter(|line| {
        let entry = line.split_once('\t');
        entry.is_some_and(|(_, kept)| kept != target)
    });
    let others = others
        .take(MOST_TARGETS - 1)
        .map(|line| format!("{line}\n"));
    std::iter::once(first).chain(others).collect()
}

/// Reads the name of a layout; `help` and `list` print them all and end the program.
#[derive(Clone, Debug)]
pub struct LayoutParser;

impl TypedValueParser for LayoutParser {
    type Value = &'static Layout;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        let name = value.to_string_lossy();
        if matches!(name.as_ref(), "help" | "list") {
            // As clap ends the program after --help, whatever else is on the command line.
            print!("{}", listing());
            std::process::exit(0);
        }
        name.parse().map_err(|error| {
            let text = format!("{error}\n  hint: --layout help lists them all\n");
            Error::raw(ErrorKind::InvalidValue, text).with_cmd(command)
        })
    }

    /// For the shell that completes the command line.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let one = |layout: &&'static Layout| PossibleValue::new(layout.name).help(layout.title);
        Some(Box::new(LAYOUTS.iter().map(one)))
    }
}

fn listing() -> String {
    let line = |layout: &&Layout| {
        let names = layout.aliases.join(", ");
        format!("{:<14} {:<26} {names}\n", layout.name, layout.title)
    };
    LAYOUTS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(name: &str) -> &'static Layout {
        name.parse().unwrap()
    }

    #[test]
    fn the_newest_layout_of_a_target_is_kept_once() {
        let lines = with("fr\tb:5900\nde\ta:5900\nnonsense\n", "a:5900", layout("gb"));
        assert_eq!(lines, "gb\ta:5900\nfr\tb:5900\n");
        assert_eq!(find(&lines, "a:5900"), Some(layout("gb")));
        assert_eq!(find(&lines, "c:5900"), None);
        assert_eq!(find("klingon\tc:5900\n", "c:5900"), None);
    }

    #[test]
    fn the_oldest_targets_are_forgotten() {
        let lines = (0..150).fold(String::new(), |lines, n| {
            with(&lines, &format!("host{n}"), layout("de"))
        });
        assert_eq!(lines.lines().count(), MOST_TARGETS);
        assert_eq!(find(&lines, "host149"), Some(layout("de")));
        assert_eq!(find(&lines, "host49"), None);
    }
}
