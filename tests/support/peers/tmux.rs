//! A terminal of its own for the viewer: a tmux server with one pane, in which a shell runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::until;

const LIMIT: Duration = Duration::from_secs(60);

/// A terminal with a shell in it. Dropping it ends both.
pub struct Tmux {
    _server: Process,
    dir: TempDir,
}

impl Tmux {
    /// A terminal of so many cells; returns when its shell asks for a command.
    pub fn start(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, "")
    }

    /// The same with more lines of configuration.
    pub fn with(columns: u16, rows: u16, lines: &str) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let config = format!(
            "set -g default-terminal tmux-256color\n\
             set -ga terminal-features ,*:RGB\n\
             set -g status off\n\
             set -sg escape-time 0\n\
             {lines}\n"
        );
        std::fs::write(dir.path().join("tmux.conf"), config)
            .expect("the scratch folder is writable");
        let mut command = Command::new("tmux");
        command
            .args(["-D", "-u", "-S"])
            .arg(dir.path().join("socket"))
            .arg("-f")
            .arg(dir.path().join("tmux.conf"))
            .current_dir(dir.path())
            .env_remove("TMUX")
            .env("HOME", dir.path())
            .env("LC_ALL", "C.UTF-8")
            .env("COLORTERM", "truecolor");
        let server = Process::start("tmux", &command, dir.path());
        let terminal = Self {
            _server: server,
            dir,
        };
        let dir_name = terminal.dir.path().to_str().expect("UTF-8");
        let size = [columns.to_string(), rows.to_string()];
        until("the tmux server", LIMIT, || {
            let mut order = vec!["new-session", "-d", "-x", &size[0], "-y", &size[1]];
            order.extend(["-c", dir_name]);
            order.extend(["env", "PS1=ready> ", "sh"]);
            terminal.try_order(&order)
        });
        terminal.wait_for("ready>");
        terminal
    }

    /// Types a command and Enter.
    pub fn command(&self, line: &str) {
        self.text(line);
        self.key("Enter");
    }

    /// Types characters of ASCII.
    pub fn text(&self, text: &str) {
        // By number: tmux takes some characters, as `;`, for its own.
        let numbers: Vec<String> = text.bytes().map(|byte| format!("{byte:x}")).collect();
        let mut order = vec!["send-keys", "-H"];
        order.extend(numbers.iter().map(String::as_str));
        self.order(&order);
    }

    /// Presses a key by tmux's name of it, as `Enter`, `F2` or `C-]`.
    pub fn key(&self, name: &str) {
        self.order(&["send-keys", name]);
    }

    /// The text on the terminal.
    pub fn screen(&self) -> String {
        self.order(&["capture-pane", "-p"])
    }

    /// The terminal's cells, row by row.
    pub fn cells(&self) -> Vec<Vec<Cell>> {
        let screen = self.order(&["capture-pane", "-p", "-e", "-N"]);
        let mut colours = (None, None);
        screen
            .lines()
            .map(|line| cells(line, &mut colours))
            .collect()
    }

    /// Waits until the terminal shows `text`; the whole screen then.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the terminal"), |screen| {
            screen.contains(text)
        })
    }

    /// Waits until the terminal shows what `is_it` looks for; the whole screen then.
    pub fn wait_until(&self, what: &str, mut is_it: impl FnMut(&str) -> bool) -> String {
        let watch = Watch(self);
        let screen = until(what, LIMIT, || Some(self.screen()).filter(|s| is_it(s)));
        std::mem::forget(watch);
        screen
    }

    /// Waits until the terminal's cells are what `is_it` looks for.
    pub fn wait_until_cells(&self, what: &str, is_it: impl Fn(&[Vec<Cell>]) -> bool) {
        self.wait_until(what, |_| is_it(&self.cells()));
    }

    /// Whether the program in it has asked for the mouse.
    pub fn wants_mouse(&self) -> bool {
        self.order(&["display-message", "-p", "#{mouse_any_flag}"])
            .starts_with('1')
    }

    /// The modes of the terminal that a full-screen program changes: alternate screen, cursor shown, mouse reports,
    /// application keys.
    pub fn modes(&self) -> String {
        let format = "#{alternate_on} #{cursor_flag} #{mouse_any_flag}#{mouse_button_flag}#{mouse_sgr_flag} \
                      #{keypad_flag}#{keypad_cursor_flag} #{origin_flag} #{wrap_flag}";
        self.order(&["display-message", "-p", format])
    }

    /// A folder for the files of a test; the shell's working folder.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// The socket that its clients connect to.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Has tmux carry out a command of its own; what it prints.
    pub fn order(&self, words: &[&str]) -> String {
        self.try_order(words)
            .unwrap_or_else(|| panic!("tmux refuses {words:?}"))
    }

    fn try_order(&self, words: &[&str]) -> Option<String> {
        // Without -N the first order would start another server, one that is not our child.
        let output = Command::new("tmux")
            .args(["-N", "-S"])
            .arg(self.dir.path().join("socket"))
            .args(words)
            .env_remove("TMUX")
            .output()
            .expect("tmux starts");
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A character on the terminal and its colours, where they are 24-bit ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The character.
    pub character: char,
    /// Bytes R, G, B of the character itself.
    pub ink: Option<[u8; 3]>,
    /// Bytes R, G, B behind it.
    pub paper: Option<[u8; 3]>,
}

impl Cell {
    /// The colour of most of it.
    pub fn colour(&self) -> Option<[u8; 3]> {
        if self.character == ' ' {
            self.paper
        } else {
            self.ink
        }
    }
}

/// Ink and paper.
type Colours = (Option<[u8; 3]>, Option<[u8; 3]>);

/// The cells of a captured line; colours go on from line to line.
fn cells(line: &str, colours: &mut Colours) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some((order, after)) = rest
            .strip_prefix("\x1b[")
            .and_then(|rest| rest.split_once('m'))
        {
            set_colours(order, colours);
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        cells.push(Cell {
            character,
            ink: colours.0,
            paper: colours.1,
        });
    }
    cells
}

/// Takes over the parameters of one SGR sequence.
fn set_colours(order: &str, colours: &mut Colours) {
    let mut numbers = order.split([';', ':']).map(|n| n.parse().unwrap_or(0));
    while let Some(number) = numbers.next() {
        let colour = match number {
            38 | 48 if numbers.next() == Some(2) => {
                let mut part = || numbers.next().unwrap_or(0);
                Some([part(), part(), part()])
            }
            _ => None,
        };
        match number {
            0 => *colours = (None, None),
            30..=39 | 90..=97 => colours.0 = colour,
            40..=49 | 100..=107 => colours.1 = colour,
            _ => {}
        }
    }
}

/// Shows the terminal if the wait for something on it ends in a panic.
struct Watch<'a>(&'a Tmux);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        eprintln!("--- the terminal shows:\n{}\n---", self.0.screen());
    }
}
