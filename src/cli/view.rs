//! `capsaicin view`: the viewer.

use std::path::PathBuf;

use super::args::{self, Common, ViewArgs};
use super::dial::{self, Dial, Extras};
use super::report::Failure;
use super::{layouts, logging};
use crate::term::probe::Surroundings;
use crate::term::{Colours, Drawing, Style};
use crate::tui::{self, Ending, Options, ViewError, screen};

/// Views a machine until the user or the server ends it.
///
/// # Errors
///
/// When there is no terminal, no connection, or the server ends the session.
pub async fn run(args: &ViewArgs, common: &Common) -> Result<(), Failure> {
    // Before anybody is asked for a password: is there a target, and something to draw on?
    dial::target(&args.target)?;
    screen::terminal_size()?;
    let knows_better = drawing(args).is_some() || !args.terminal.is_empty();
    if !knows_better && Surroundings::of(|name| std::env::var(name).ok()).is_dumb() {
        return Err(ViewError::Dumb.into());
    }
    let logging = logging::to_viewer(common.logging())?;
    let server = sound_server();
    let dial = Dial {
        extras: Extras {
            playback: server.is_some(),
            ports: true,
            // Nothing is sent before the user asks for it.
            record: server.is_some() && !args.view_only,
            ..Extras::default()
        },
        pixels: true,
        view_only: args.view_only,
        timeout: args.timeout,
    };
    let dialled = dial.connect(&args.target).await?;
    let target = dialled.name.clone();
    let layout = layouts::wanted(&args.keyboard, &target);
    layouts::keep(&target, layout);
    let options = Options {
        target: dialled.name.clone(),
        view_only: args.view_only,
        escape: args.escape,
        layout,
        alt_codes: args.alt_codes,
        remember: Some(Box::new(move |layout| layouts::keep(&target, layout))),
        drawing: drawing(args),
        style: style(args),
        overrides: args.terminal.clone(),
        sound: server,
        microphone: args.mic,
        logged: logging.lines,
    };
    match tui::run(dialled.client, options).await? {
        Ending::Quit => Ok(()),
        Ending::Closed(reason) => Err(reason.into()),
        Ending::Signal(_) => Err(Failure::interrupted()),
    }
}

/// Where the guest's sound can be played; `None` where it cannot, and is not asked for then.
fn sound_server() -> Option<PathBuf> {
    #[cfg(feature = "audio")]
    return crate::sound::pulse::socket();
    #[cfg(not(feature = "audio"))]
    None
}

/// What the user asked for; `None` leaves it to the terminal.
fn drawing(args: &ViewArgs) -> Option<Drawing> {
    Some(match args.draw {
        args::Draw::Auto => return None,
        args::Draw::Kitty => Drawing::Kitty,
        args::Draw::KittyTiles => Drawing::KittyTiles,
        args::Draw::KittyPlaceholders => Drawing::KittyPlaceholders,
        args::Draw::Sixel => Drawing::Sixel,
        args::Draw::Iterm2 => Drawing::Iterm2,
        args::Draw::Octant => Drawing::Octant,
        args::Draw::Sextant => Drawing::Sextant,
        args::Draw::Quadrant => Drawing::Quadrant,
        args::Draw::Half => Drawing::Half,
        args::Draw::Ascii => Drawing::Ascii,
    })
}

fn style(args: &ViewArgs) -> Style {
    let guess = screen::style_from(|name| std::env::var(name).ok());
    Style {
        glyphs: drawing(args)
            .and_then(Drawing::glyphs)
            .unwrap_or(guess.glyphs),
        colours: match args.colours {
            args::Colours::Auto => guess.colours,
            args::Colours::True => Colours::True,
            args::Colours::Palette256 => Colours::Palette256,
            args::Colours::Palette16 => Colours::Palette16,
            args::Colours::None => Colours::None,
        },
    }
}
