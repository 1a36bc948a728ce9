//! The viewer: a guest's screen, keyboard and mouse inside a terminal.
//!
//! [`App`](app::App) is everything the screen is a function of; [`App::update`](app::App::update) alone changes it, and
//! [`view::draw`] draws it. Only [`run`] knows of sockets, signals and time.

pub mod action;
mod agent;
pub mod app;
pub mod cell_writer;
pub mod deck;
pub mod easel;
mod feed;
pub mod history;
pub mod keymap;
pub mod meter;
pub mod microphone;
pub mod mirror;
pub mod mouse;
pub mod multiplexer;
pub mod origin;
mod outline;
pub mod panes;
pub mod picker;
pub mod picture;
pub mod pixels;
mod pointing;
mod presence;
pub mod probing;
pub mod protocol;
mod reading;
pub mod recording;
mod redial;
mod run_loop;
mod saving;
pub mod screen;
pub mod sharing;
pub mod sound;
mod stage;
pub mod staying;
pub mod steering;
pub mod stepping;
pub mod tabs;
pub mod text;
pub mod trips;
pub mod tty;
pub mod typist;
mod update;
pub mod view;
mod waking;
pub mod watch;

use std::path::PathBuf;
use std::sync::mpsc;
use std::{fmt, io};

pub use action::Ending;
pub use feed::{Fed, Feed};
pub use keymap::Escape;
pub use redial::{Reach, Reached, Redial, Redialled, Refusal};
pub use text::{printable, printable_json, short};

use recording::Recordable;

use crate::keyboard::Layout;
use crate::term::{Drawing, Style};

/// Keeps a layout the user chose for the guest, for the next time.
pub type Remember = Box<dyn Fn(&'static Layout) + Send>;

/// Whether a hint of this name was never given before. From now on it was.
pub type FirstTime = Box<dyn Fn(&str) -> bool + Send>;

/// How to view.
pub struct Options {
    /// What the user is connected to, as the user wrote it.
    pub target: String,
    /// Whether input is kept from the guest.
    pub view_only: bool,
    /// The way out of the guest's keyboard.
    pub escape: Escape,
    /// The keyboard layout the guest is set up for.
    pub layout: &'static Layout,
    /// Whether characters without a key there are typed by their numbers, as Windows takes them.
    pub alt_codes: bool,
    /// What is done when the user chooses another layout.
    pub remember: Option<Remember>,
    /// Says which hints the status line may still give, each once and never again; `None` leaves all to the log.
    pub first_time: Option<FirstTime>,
    /// How pictures are drawn; `None` lets the terminal decide.
    pub drawing: Option<Drawing>,
    /// Characters and colours of pictures in character cells.
    pub style: Style,
    /// What the user knows better about the terminal, in the words of
    /// [`Capabilities::set`](crate::term::probe::Capabilities::set).
    pub overrides: Vec<String>,
    /// Where the sound server listens, or will, that is to play the guest's sound and has a microphone; needs the feature
    /// `audio`.
    pub sound: Option<PathBuf>,
    /// Whether the guest hears the microphone from the start.
    pub microphone: bool,
    /// What sees every frame of the session, for the panes that show messages.
    pub watch: watch::Watch,
    /// How it can be recorded; `None` where it cannot.
    pub recordable: Option<Recordable>,
    /// Lines of the program's own log, for the log pane.
    pub logged: Option<mpsc::Receiver<String>>,
    /// Connects again when the connection is lost; without, the viewer ends.
    pub redial: Option<Redial>,
    /// Panes that are open from the start; the last of them has the keyboard.
    pub panes: Vec<panes::PaneKind>,
}

/// Why a session could not be viewed to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum ViewError {
    /// Standard output is no terminal, or it went away.
    NoTerminal,
    /// The terminal is smaller than the least the viewer can use.
    TooSmall {
        /// Columns it has.
        columns: u16,
        /// Rows it has.
        rows: u16,
    },
    /// `TERM` says that the terminal does not even move its cursor, and nobody knows better.
    Dumb,
    /// Reading from or writing to the terminal failed.
    Io(io::Error),
    /// Something broke in this program; what, is on the screen already.
    Panicked,
}

/// Views a session until it ends or the user quits. The terminal is given back on every way out.
///
/// # Errors
///
/// [`ViewError`].
pub async fn run(feed: impl Into<Feed>, options: Options) -> Result<Ending, ViewError> {
    run_loop::Viewer::new(feed.into(), options)?.run().await
}

impl From<io::Error> for ViewError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTerminal => f.write_str("standard output is not a terminal"),
            Self::TooSmall { columns, rows } => write!(
                f,
                "the terminal has {columns}×{rows} cells, at least {}×{} are needed",
                view::LEAST_COLUMNS,
                view::LEAST_ROWS
            ),
            Self::Dumb => f.write_str("TERM promises no terminal that could move its cursor"),
            Self::Io(_) => f.write_str("the terminal cannot be used"),
            Self::Panicked => f.write_str("something broke inside"),
        }
    }
}

impl std::error::Error for ViewError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
