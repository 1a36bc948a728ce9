//! Choosing what to view: the places that can be reached from here, as they are found.
//!
//! [`Picker`] is what the screen is a function of, [`draw::draw`] draws it, and [`pick`] alone knows of the terminal. Nothing is
//! waited for: the first frame shows what is known without looking.

pub mod draw;
mod state;

use std::io::{self, Write};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

pub use state::{Found, Picker, Place, Source, Step};

use super::ViewError;
use super::cell_writer::CellWriter;
use super::screen::{self, Screen};
use super::tty::Input;
use crate::term::Style;
use crate::term::probe::Surroundings;

/// Looks for places: each source is told of once, in the order in which they have looked.
pub type Look<'a> = &'a dyn Fn() -> mpsc::UnboundedReceiver<Found>;

/// What came of choosing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The target to connect to.
    Target(String),
    /// None of them.
    Quit,
    /// A signal ended it.
    Signal,
}

/// Lets the user choose. The terminal is given back on every way out.
///
/// # Errors
///
/// [`ViewError`].
pub async fn pick(picker: &mut Picker, style: Style, look: Look<'_>) -> Result<Choice, ViewError> {
    let size = screen::terminal_size()?;
    let mut signals = Signals::new()?;
    let mut found = look();
    picker.look();
    let screen = Screen::take()?;
    let mut input = Input::start()?;
    let is_remote = Surroundings::of(|name| std::env::var(name).ok()).remote;
    input.wait_for_sequences(Duration::from_millis(if is_remote { 100 } else { 25 }));
    let mut canvas = Canvas::new(size, style);
    loop {
        if !screen.is_ours() {
            return Err(ViewError::Panicked);
        }
        canvas.show(picker)?;
        let step = tokio::select! {
            biased;
            event = input.next() => match event {
                Some(event) => picker.take(&event),
                None => return Err(ViewError::NoTerminal),
            },
            told = signals.next() => match told {
                Told::End => return Ok(Choice::Signal),
                Told::Again => {
                    screen.retake()?;
                    canvas = Canvas::new(screen::terminal_size()?, style);
                    None
                }
                Told::Resize => {
                    canvas = Canvas::new(screen::terminal_size()?, style);
                    None
                }
            },
            Some(what) = found.recv() => {
                picker.found(what);
                None
            }
        };
        match step {
            None => {}
            Some(Step::Look) => {
                found = look();
                picker.look();
            }
            Some(Step::Quit) => return Ok(Choice::Quit),
            Some(Step::Connect(target)) => return Ok(Choice::Target(target)),
        }
    }
}

/// What is drawn on, and what the terminal shows of it.
struct Canvas {
    buffer: Buffer,
    cells: CellWriter,
    style: Style,
    is_fresh: bool,
}

impl Canvas {
    fn new((columns, rows): (u16, u16), style: Style) -> Self {
        Self {
            buffer: Buffer::empty(Rect::new(0, 0, columns, rows)),
            cells: CellWriter::default(),
            style,
            is_fresh: true,
        }
    }

    fn show(&mut self, picker: &mut Picker) -> io::Result<()> {
        self.buffer.reset();
        draw::draw(picker, self.style, &mut self.buffer);
        let mut out = io::stdout();
        if std::mem::take(&mut self.is_fresh) {
            // Whatever a terminal of another size has made of the frame before.
            out.write_all(b"\x1b[0m\x1b[2J")?;
        }
        out.write_all(self.cells.frame(&self.buffer))?;
        out.flush()
    }
}

/// What a signal asks for.
enum Told {
    End,
    Again,
    Resize,
}

struct Signals {
    ends: [Signal; 3],
    continued: Signal,
    resized: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            ends: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
            continued: signal(SignalKind::from_raw(super::run_loop::SIGCONT))?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Cancel safe: signals are kept until they are received.
    async fn next(&mut self) -> Told {
        let [interrupt, terminate, hang_up] = &mut self.ends;
        tokio::select! {
            _ = interrupt.recv() => Told::End,
            _ = terminate.recv() => Told::End,
            _ = hang_up.recv() => Told::End,
            _ = self.continued.recv() => Told::Again,
            _ = self.resized.recv() => Told::Resize,
        }
    }
}
