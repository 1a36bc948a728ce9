//! Taking the terminal over, and giving it back as it was.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture, PopKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, window_size,
};
use crossterm::{cursor, execute, queue};

use super::view::{LEAST_COLUMNS, LEAST_ROWS};
use super::{ViewError, tty};
use crate::term::Style;
use crate::term::probe::{Surroundings, Window};
use crate::term::writer::Writer;

/// Whether the terminal is taken over. One per process, because a process has one terminal, and because a panic can
/// come from anywhere.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the keyboard protocol was switched on in it.
static KEYBOARD: AtomicBool = AtomicBool::new(false);

/// Whether mouse reports in pixels were switched on in it.
static PIXELS: AtomicBool = AtomicBool::new(false);

/// Who writes to it, so that nothing is written after it was given back.
static WRITER: Mutex<Option<Arc<Writer>>> = Mutex::new(None);

/// How long a terminal that does not read is waited for before it is left as it is.
const PATIENCE: Duration = Duration::from_millis(500);

/// The terminal while the viewer has it. Dropping it gives the terminal back.
pub struct Screen(());

impl Screen {
    /// Takes the terminal over: raw mode, another screen, no cursor, mouse and paste reports. A panic, wherever it
    /// happens, gives it back before anything is printed.
    pub fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // A video decoder that panics is caught, and the session goes on.
                if crate::session::panic_is_contained() {
                    return;
                }
                give_back();
                print(panic);
            }));
        });
        let screen = Self(());
        screen.retake()?;
        Ok(screen)
    }

    /// Starts to write to it, without waiting for it; until it is given back. `progress` is called from another thread after
    /// whatever was written.
    pub fn writer(&self, progress: impl Fn() + Send + 'static) -> io::Result<Arc<Writer>> {
        // A descriptor of its own: the lock of the standard output would keep everybody else waiting.
        let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let writer = Arc::new(Writer::new(terminal, progress)?);
        let mut current = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::clone(&writer));
        Ok(writer)
    }

    /// Gives it back for a while.
    pub fn give_back(&self) {
        give_back();
    }

    /// Takes it again, whatever others made of it in the meantime.
    pub fn retake(&self) -> io::Result<()> {
        give_back();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            cursor::Hide,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange,
        )
    }

    /// Asks the terminal. What it shows of questions it does not understand is wiped away.
    pub fn ask(&self, question: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();
        if !question.is_empty() {
            out.write_all(&[question, b"\x1b[2J\x1b[H"].concat())?;
        }
        out.flush()
    }

    /// Switches on the kitty keyboard protocol, in a terminal that said it has it: unambiguous keys, repeats and
    /// releases, other levels of a key, all keys (modifiers too), and the text they make. The
    /// terminal answers with the flags that are in force from there on.
    pub fn report_releases(&self) -> io::Result<()> {
        KEYBOARD.store(true, Ordering::SeqCst);
        let mut out = io::stdout();
        out.write_all(b"\x1b[>31u\x1b[?u")?;
        out.flush()
    }

    /// What to write so that the mouse is reported in pixels (1016), in a terminal that said it can, or in cells.
    pub fn report_pixels(&self, pixels: bool) -> &'static [u8] {
        PIXELS.store(pixels, Ordering::SeqCst);
        if pixels {
            b"\x1b[?1016h"
        } else {
            b"\x1b[?1016l"
        }
    }

    /// Whether the terminal is still ours; not after a panic.
    pub fn is_ours(&self) -> bool {
        TAKEN.load(Ordering::SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Undoes what was done, once. Errors are of no use here: the terminal may be gone, or may have stopped reading, and then
/// nobody is to wait for it.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let keyboard = KEYBOARD.swap(false, Ordering::SeqCst);
    let pixels = PIXELS.swap(false, Ordering::SeqCst);
    let writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let is_free = writer.is_none_or(|writer| writer.abandon(PATIENCE));
    if is_free {
        let (done, waited) = mpsc::channel();
        let restoring = thread::Builder::new().spawn(move || {
            let _ = restore(keyboard, pixels);
            let _ = done.send(());
        });
        if restoring.is_ok() {
            let _ = waited.recv_timeout(PATIENCE);
        }
    }
    let _ = disable_raw_mode();
}

fn restore(keyboard: bool, pixels: bool) -> io::Result<()> {
    let mut out = io::stdout();
    // A picture may have been cut short: ST ends it, and is nothing where there is none.
    out.write_all(b"\x1b\\\x1b[?2026l")?;
    if keyboard {
        queue!(out, PopKeyboardEnhancementFlags)?;
    }
    if pixels {
        out.write_all(b"\x1b[?1016l")?;
    }
    queue!(
        out,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        crossterm::style::ResetColor,
        cursor::Show,
        LeaveAlternateScreen,
    )?;
    out.flush()
}

/// Columns and rows of the terminal, if there is one to view in.
///
/// # Errors
///
/// [`ViewError::NoTerminal`], [`ViewError::TooSmall`].
pub fn terminal_size() -> Result<(u16, u16), ViewError> {
    if !io::stdout().is_terminal() || !tty::can_read() {
        return Err(ViewError::NoTerminal);
    }
    let (columns, rows) = crossterm::terminal::size().map_err(ViewError::Io)?;
    if columns < LEAST_COLUMNS || rows < LEAST_ROWS {
        return Err(ViewError::TooSmall { columns, rows });
    }
    Ok((columns, rows))
}

/// The size of the terminal as the system knows it.
pub fn window() -> Window {
    window_size().map_or_else(
        |_| Window::default(),
        |size| Window {
            columns: size.columns,
            rows: size.rows,
            width: size.width,
            height: size.height,
        },
    )
}

/// Width divided by height of a cell as the system knows it, or else as the terminal said; a half where neither does.
pub fn cell_aspect(said: Option<(u32, u32)>) -> f64 {
    let window = window();
    let cell = |pixels: u16, cells: u16| f64::from(pixels) / f64::from(cells);
    let known = cell(window.width, window.columns) / cell(window.height, window.rows);
    let said = said.map(|(width, height)| f64::from(width) / f64::from(height));
    // Outside of this it is a mistake, or not a number.
    let is_aspect = |aspect: &f64| (0.25..=1.0).contains(aspect);
    let found = Some(known).filter(is_aspect).or(said.filter(is_aspect));
    found.unwrap_or(0.5)
}

/// What the environment lets expect of a terminal; `variable` looks one up.
///
/// Never more than half blocks: what lacks the younger blocks shows boxes instead.
pub fn style_from(variable: impl Fn(&str) -> Option<String>) -> Style {
    Surroundings::of(variable).style
}
