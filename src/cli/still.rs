//! A picture in the terminal, among the lines of the shell: sixels are drawn here, everything else is viuer's.
//!
//! viuer sends a picture whole by the protocols of kitty and iTerm2 and draws blocks elsewhere; as it is built here it has no
//! sixels, and with them they would take it a second.

use std::io::{self, Write};

use super::report::{Exit, Failure};
use crate::geometry::Size;
use crate::pixels::PixelView;
use crate::term::probe::{Capabilities, Surroundings};
use crate::term::sixel::{self, Limits};
use crate::term::{Drawing, Fit, Pane, Raster, Scaler};
use crate::tui::probing::{AskError, Probing};

/// Shows a picture as finely as the terminal can, and no larger than it is.
///
/// # Errors
///
/// When the terminal takes nothing, or somebody pressed Ctrl+C.
pub async fn show(view: PixelView<'_>) -> Result<(), Failure> {
    let around = Surroundings::of(|name| std::env::var(name).ok());
    let mut probing = Probing::new(around, Default::default());
    if let Err(AskError::Interrupted) = probing.ask().await {
        return Err(Failure::interrupted());
    }
    let window = crossterm::terminal::size().unwrap_or_default();
    match in_sixels(view, &probing.capabilities(), window) {
        Some(bytes) => {
            let written = io::stdout().write_all(&bytes);
            written.map_err(|error| Failure::output(&error))
        }
        None => by_viuer(view),
    }
}

/// The bytes of a picture in a terminal of so many columns and rows, if sixels are the best it can do.
fn in_sixels(
    view: PixelView<'_>,
    capabilities: &Capabilities,
    (columns, rows): (u16, u16),
) -> Option<Vec<u8>> {
    if capabilities.best() != Drawing::Sixel {
        return None;
    }
    let (width, height) = capabilities.cell?;
    let cell = Size::new(width, height);
    let pane = Pane {
        columns,
        // The last one is the shell's.
        rows: rows.checked_sub(1)?,
        raster: Raster(cell),
        cell_aspect: f64::from(width) / f64::from(height.max(1)),
    };
    let limits = Limits::of(&capabilities.sixel.unwrap_or_default());
    let mut out = Vec::new();
    let picture = view.to_buf();
    let room = pane.dots();
    if view.size.width <= room.width && view.size.height <= room.height {
        sixel::still(picture.view(), limits, cell, &mut out);
        return Some(out);
    }
    let fit = Fit::whole(view.size, &pane)?;
    let mut scaler = Scaler::default();
    scaler.update(picture.view(), &fit, view.size.to_rect());
    sixel::still(scaler.dots()?, limits, cell, &mut out);
    Some(out)
}

#[cfg(feature = "viuer")]
fn by_viuer(view: PixelView<'_>) -> Result<(), Failure> {
    let config = viuer::Config {
        absolute_offset: false,
        ..viuer::Config::default()
    };
    let shown = viuer::print(&super::picture::to_image(view), &config);
    shown
        .map(drop)
        .map_err(|error| Failure::new(Exit::Terminal, format!("cannot show the picture: {error}")))
}

#[cfg(not(feature = "viuer"))]
fn by_viuer(_: PixelView<'_>) -> Result<(), Failure> {
    let text = "cannot show the picture: the terminal has no sixels, and this capsaicin was built without viuer";
    Err(Failure::new(Exit::Terminal, text).with_hint("name a file with -o"))
}
