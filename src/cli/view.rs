//! `capsaicin view`: the viewer.

use super::args::{self, Common, ViewArgs};
use super::dial::{self, Dial};
use super::logging;
use super::report::Failure;
use crate::term::{Colours, Glyphs, Style};
use crate::tui::{self, Ending, Options, screen};

/// Views a machine until the user or the server ends it.
///
/// # Errors
///
/// When there is no terminal, no connection, or the server ends the session.
pub async fn run(args: &ViewArgs, common: &Common) -> Result<(), Failure> {
    // Before anybody is asked for a password: is there a target, and something to draw on?
    dial::target(&args.target)?;
    screen::terminal_size()?;
    let logging = logging::to_viewer(common.logging())?;
    let dial = Dial {
        pixels: true,
        view_only: args.view_only,
        timeout: args.timeout,
    };
    let dialled = dial.connect(&args.target).await?;
    let options = Options {
        target: dialled.name.clone(),
        view_only: args.view_only,
        escape: args.escape,
        style: style(args),
        overrides: args.terminal.clone(),
        logged: logging.lines,
    };
    match tui::run(dialled.client, options).await? {
        Ending::Quit => Ok(()),
        Ending::Closed(reason) => Err(reason.into()),
        Ending::Signal(_) => Err(Failure::interrupted()),
    }
}

fn style(args: &ViewArgs) -> Style {
    let guess = screen::style_from(|name| std::env::var(name).ok());
    Style {
        glyphs: match args.draw {
            args::Draw::Auto => guess.glyphs,
            args::Draw::Octant => Glyphs::Octants,
            args::Draw::Sextant => Glyphs::Sextants,
            args::Draw::Quadrant => Glyphs::Quadrants,
            args::Draw::Half => Glyphs::Halves,
            args::Draw::Ascii => Glyphs::Ascii,
        },
        colours: match args.colours {
            args::Colours::Auto => guess.colours,
            args::Colours::True => Colours::True,
            args::Colours::Palette256 => Colours::Palette256,
            args::Colours::Palette16 => Colours::Palette16,
            args::Colours::None => Colours::None,
        },
    }
}
