//! What an embedder draws with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::screen::Screen;
use crate::canvas::Error;
use crate::channel::cursor::Shape;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelView};

/// Draws on the served screen. Clones draw on the same screen.
///
/// Every method copies what it is given and returns at once, whatever the viewer does: a slow viewer misses pictures in
/// between. Coordinates outside the screen are cut.
#[derive(Clone, Debug)]
pub struct DisplayHandle {
    pub(super) shared: Arc<Shared>,
}

/// The screen, and who wants to know that it changed.
#[derive(Debug)]
pub(super) struct Shared {
    /// Held only to copy.
    screen: Mutex<Screen>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub fn new(screen: Screen) -> Self {
        Self {
            screen: Mutex::new(screen),
            changed: watch::Sender::new(()),
        }
    }

    /// The screen, to look at.
    pub fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells when the screen changes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Screen) -> T) -> T {
        let result = change(&mut self.screen());
        self.changed.send_replace(());
        result
    }
}

impl DisplayHandle {
    /// Width and height of the screen.
    pub fn size(&self) -> Size {
        self.shared.screen().size()
    }

    /// A copy of what is on the screen, bytes B, G, R, X.
    pub fn snapshot(&self) -> PixelBuf {
        self.shared.screen().pixels().to_buf()
    }

    /// Draws pixels with their top left corner at the one of `rect`, cut to `rect`. What does not differ from what is
    /// there costs nothing on the wire.
    ///
    /// # Errors
    ///
    /// [`Error::DepthMismatch`] for pixels that have not 32 bits; alpha, if there is any, is not looked at.
    pub fn draw(&self, rect: Rect, pixels: PixelView<'_>) -> Result<(), Error> {
        self.shared.change(|screen| screen.draw(rect, pixels))
    }

    /// Fills an area with one colour, `0x00RRGGBB`.
    pub fn fill(&self, rect: Rect, color: u32) {
        self.shared.change(|screen| screen.fill(rect, color));
    }

    /// Moves what is in `from` to have its top left corner at `to`, as through a temporary. The viewer moves its own
    /// pixels.
    pub fn copy(&self, from: Rect, to: Point) {
        self.shared.change(|screen| screen.copy(from, to));
    }

    /// Makes the screen another size, all black.
    ///
    /// # Errors
    ///
    /// [`Error::BadSize`] for no pixels, more than 2²⁵, or a side over 16384; the screen stays as it is then.
    pub fn resize(&self, size: Size) -> Result<(), Error> {
        self.shared.change(|screen| screen.resize(size))
    }

    /// Gives the pointer a shape and shows it. Shapes that come back are not sent again.
    pub fn show_cursor(&self, shape: Arc<Shape>) {
        self.shared.change(|screen| {
            let pointer = screen.pointer();
            (pointer.shape, pointer.visible) = (Some(shape), true);
        });
    }

    /// Moves the pointer's hot spot; seen by viewers that report motion and not positions.
    pub fn move_cursor(&self, position: Point) {
        self.shared
            .change(|screen| screen.pointer().position = position);
    }

    /// Hides the pointer.
    pub fn hide_cursor(&self) {
        self.shared
            .change(|screen| screen.pointer().visible = false);
    }
}
