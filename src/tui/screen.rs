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
    EnableFocusChange, EnableMouseCapture, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, window_size,
};
use crossterm::{cursor, execute, queue};

use super::ViewError;
use super::view::{LEAST_COLUMNS, LEAST_ROWS};
use crate::term::Style;
use crate::term::probe::Surroundings;
use crate::term::writer::Writer;

/// Whether the terminal is taken over. One per process, because a process has one terminal, and because a panic can
/// come from anywhere.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the keyboard protocol was switched on in it.
static KEYBOARD: AtomicBool = AtomicBool::new(false);

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

    /// Switches on reports of releases and modifier keys, in a terminal that said it has them.
    pub fn report_releases(&self) -> io::Result<()> {
        KEYBOARD.store(true, Ordering::SeqCst);
        execute!(
            io::stdout(),
            PushKeyboardEnhancementFlags(
                KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
                    | KeyboardEnhancementFlags::REPORT_EVENT_TYPES
                    | KeyboardEnhancementFlags::REPORT_ALTERNATE_KEYS
                    | KeyboardEnhancementFlags::REPORT_ALL_KEYS_AS_ESCAPE_CODES
            )
        )
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
    let writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let is_free = writer.is_none_or(|writer| writer.abandon(PATIENCE));
    if is_free {
        let (done, waited) = mpsc::channel();
        let restoring = thread::Builder::new().spawn(move || {
            let _ = restore(keyboard);
            let _ = done.send(());
        });
        if restoring.is_ok() {
            let _ = waited.recv_timeout(PATIENCE);
        }
    }
    let _ = disable_raw_mode();
}

fn restore(keyboard: bool) -> io::Result<()> {
    let mut out = io::stdout();
    // A picture may have been cut short: ST ends it, and is nothing where there is none.
    out.write_all(b"\x1b\\\x1b[?2026l")?;
    if keyboard {
        queue!(out, PopKeyboardEnhancementFlags)?;
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
    let has_keyboard = io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok();
    if !io::stdout().is_terminal() || !has_keyboard {
        return Err(ViewError::NoTerminal);
    }
    let (columns, rows) = crossterm::terminal::size().map_err(ViewError::Io)?;
    if columns < LEAST_COLUMNS || rows < LEAST_ROWS {
        return Err(ViewError::TooSmall { columns, rows });
    }
    Ok((columns, rows))
}

/// Width divided by height of a cell, a half where the terminal does not say.
pub fn cell_aspect() -> f64 {
    let Ok(window) = window_size() else {
        return 0.5;
    };
    let cell = |pixels: u16, cells: u16| f64::from(pixels) / f64::from(cells);
    let aspect = cell(window.width, window.columns) / cell(window.height, window.rows);
    // Outside of this it is a mistake, or not a number.
    if (0.25..=1.0).contains(&aspect) {
        aspect
    } else {
        0.5
    }
}

/// What the environment lets expect of a terminal; `variable` looks one up.
pub fn style_from(variable: impl Fn(&str) -> Option<String>) -> Style {
    Surroundings::of(variable).style
}
