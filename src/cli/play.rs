//! `capsaicin play`: the viewer on a recording.

use std::path::Path;
use std::time::Duration;

use super::args::{Common, DrawingArgs, PlayArgs};
use super::report::Failure;
use super::view::{can_draw, conclude, drawing, sound_server, style};
use super::{logging, recording, state, until_interrupted};
use crate::keyboard::Layout;
use crate::tui::deck::{Deck, Wishes};
use crate::tui::watch::Watch;
use crate::tui::{self, Options};

/// Plays a recording until the user quits.
///
/// # Errors
///
/// When there is no terminal, or nothing to play in the file.
pub async fn run(args: &PlayArgs, common: &Common) -> Result<(), Failure> {
    let wishes = Wishes {
        session: args.session.map(|number| number as usize - 1),
        from: args.at.unwrap_or(Duration::ZERO),
        speed: args.speed,
        paused: args.paused,
        looping: args.looping,
        tap: None,
    };
    view(&args.file, wishes, &args.drawing, common).await
}

/// The same, as it was wished for elsewhere.
///
/// # Errors
///
/// As [`run`].
pub async fn view(
    path: &Path,
    wishes: Wishes,
    args: &DrawingArgs,
    common: &Common,
) -> Result<(), Failure> {
    can_draw(args)?;
    let logging = logging::to_viewer(common.logging())?;
    let watch = Watch::default();
    let wishes = Wishes {
        tap: Some(Box::new(watch.clone())),
        ..wishes
    };
    let file = path.to_owned();
    let start = tokio::task::spawn_blocking(move || Deck::start(&file, wishes));
    let deck = until_interrupted(async {
        let deck = start.await.map_err(|_| Failure::interrupted())?;
        deck.map_err(|error| recording::cannot_open(path, &error))
    });
    let deck = deck.await?;
    let options = Options {
        target: path.display().to_string(),
        view_only: true,
        escape: args.escape,
        layout: Layout::us(),
        alt_codes: false,
        remember: None,
        first_time: Some(Box::new(state::is_first_time)),
        drawing: drawing(args),
        style: style(args),
        overrides: args.terminal.clone(),
        sound: sound_server(),
        microphone: false,
        watch,
        recordable: None,
        logged: logging.lines,
        redial: None,
        panes: Vec::new(),
    };
    conclude(tui::run(deck, options).await?)
}
