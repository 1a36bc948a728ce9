//! `capsaicin view`: the viewer.

use std::path::PathBuf;

use tokio::signal::unix::SignalKind;

use super::args::{self, Common, DrawingArgs, TargetArgs, ViewArgs};
use super::dial::{self, Dial, Dialled, Extras};
use super::logging::{self, Logging};
use super::report::{Exit, Failure, say};
use super::target::Target;
use super::{layouts, listen_to, places, play, recent, state, until_interrupted};
use crate::recording::{Choices, Switch};
use crate::session::Tap;
use crate::term::probe::Surroundings;
use crate::term::{Colours, Drawing, Style};
use crate::tui::deck::Wishes;
use crate::tui::picker::{self, Choice, Picker};
use crate::tui::recording::Recordable;
use crate::tui::watch::Watch;
use crate::tui::{self, Ending, Options, ViewError, screen};

/// Views a machine until the user or the server ends it.
///
/// # Errors
///
/// When there is no terminal, no connection, or the server ends the session.
pub async fn run(args: &ViewArgs, common: &Common) -> Result<(), Failure> {
    // Before anybody is asked for a password: is there a target, and something to draw on?
    let is_named = !args.target.target.is_empty();
    if is_named && let Target::Recording(path) = dial::target(&args.target)? {
        return play::view(&path, Wishes::default(), &args.drawing, common).await;
    }
    match screen::terminal_size() {
        Err(ViewError::NoTerminal) if !is_named => {
            let text = "cannot view: no target is named, and there is no terminal to choose one on";
            return Err(
                Failure::new(Exit::Usage, text).with_hint("'capsaicin view TARGET' views it")
            );
        }
        size => size?,
    };
    can_draw(&args.drawing)?;
    if let Some(path) = args.record.as_ref().filter(|path| path.exists()) {
        let exists = std::io::ErrorKind::AlreadyExists.into();
        return Err(Failure::file("make", &path.display().to_string(), &exists));
    }
    let logging = logging::to_viewer(common.logging())?;
    let taps = Taps::default();
    let dialled = match is_named {
        true => until_interrupted(connect(args, &args.target, &taps)).await?,
        false => match choose(args, &taps).await? {
            Some(dialled) => dialled,
            None => return Ok(()),
        },
    };
    view(args, dialled, taps, logging).await
}

/// Lets the user choose until a connection stands; `None` when they leave.
async fn choose(args: &ViewArgs, taps: &Taps) -> Result<Option<Dialled>, Failure> {
    let mut picker = Picker::default();
    let mut interrupt = listen_to(SignalKind::interrupt())?;
    let mut terminate = listen_to(SignalKind::terminate())?;
    loop {
        let target = match picker::pick(&mut picker, style(&args.drawing), &places::look).await? {
            Choice::Target(target) => target,
            Choice::Quit => return Ok(None),
            Choice::Signal => return Err(Failure::interrupted()),
        };
        let mut target = TargetArgs {
            target,
            ..args.target.clone()
        };
        recent::beside(&target.target).say_in(&mut target);
        if let Ok(target) = dial::target(&target) {
            say(format_args!("connecting to {target}"));
        }
        let connected = tokio::select! {
            connected = connect(args, &target, taps) => connected,
            // Back to the list, as from the question for a password.
            _ = interrupt.recv() => Err(Failure::interrupted()),
            _ = terminate.recv() => return Err(Failure::interrupted()),
        };
        match connected {
            Ok(dialled) => return Ok(Some(dialled)),
            Err(failure) => picker.fail(lines(failure)),
        }
    }
}

/// A failure as lines of the picker.
fn lines(failure: Failure) -> Vec<String> {
    let text = match failure.text.is_empty() {
        true => "interrupted".to_owned(),
        false => failure.text,
    };
    let hint = failure.hint.map(|hint| format!("hint: {hint}"));
    [text].into_iter().chain(hint).collect()
}

fn dial(args: &ViewArgs) -> Dial {
    let has_sound = sound_server().is_some();
    Dial {
        extras: Extras {
            playback: has_sound,
            ports: true,
            // Nothing is sent before the user asks for it.
            record: has_sound && !args.view_only,
            ..Extras::default()
        },
        pixels: true,
        view_only: args.view_only,
        timeout: args.timeout,
    }
}

/// Who sees every frame of a session.
#[derive(Clone, Default)]
struct Taps {
    /// The message panes.
    watch: Watch,
    /// The recorder.
    switch: Switch,
}

/// Connects, with the message panes and the recorder looking on.
async fn connect(args: &ViewArgs, target: &TargetArgs, taps: &Taps) -> Result<Dialled, Failure> {
    let tap = || {
        let (watch, switch) = (taps.watch.clone(), taps.switch.clone());
        let all: Vec<Box<dyn Tap>> = vec![Box::new(watch), Box::new(switch)];
        Some(Box::new(all) as Box<dyn Tap>)
    };
    dial(args).connect_tapped(target, tap).await
}

/// Shows a session until it ends.
async fn view(
    args: &ViewArgs,
    dialled: Dialled,
    taps: Taps,
    logging: Logging,
) -> Result<(), Failure> {
    let server = sound_server();
    if let Some((target, beside)) = &dialled.again {
        recent::keep(target, beside);
    }
    let target = dialled.name.clone();
    let layout = layouts::wanted(&args.keyboard, &target);
    layouts::keep(&target, layout);
    let options = Options {
        target: dialled.name.clone(),
        view_only: args.view_only,
        escape: args.drawing.escape,
        layout,
        alt_codes: args.alt_codes,
        remember: Some(Box::new(move |layout| layouts::keep(&target, layout))),
        first_time: Some(Box::new(state::is_first_time)),
        drawing: drawing(&args.drawing),
        style: style(&args.drawing),
        overrides: args.drawing.terminal.clone(),
        sound: server,
        microphone: args.mic,
        watch: taps.watch,
        recordable: Some(Recordable {
            switch: taps.switch,
            choices: Choices {
                input: args.with_input,
                clipboard: args.with_clipboard,
            },
            file: args.record.clone(),
            rotation: args
                .rotation
                .rotate
                .map(|border| (border, args.rotation.keep)),
        }),
        logged: logging.lines,
        redial: (!args.no_reconnect).then_some(dialled.redial),
        panes: Vec::new(),
    };
    conclude(tui::run(dialled.client, options).await?)
}

/// How the viewer's end is told.
///
/// # Errors
///
/// When it was not the user's wish.
pub fn conclude(ending: Ending) -> Result<(), Failure> {
    match ending {
        Ending::Quit => Ok(()),
        Ending::Closed(reason) => Err(reason.into()),
        Ending::Signal(_) => Err(Failure::interrupted()),
    }
}

/// Looks whether there is something to draw on.
///
/// # Errors
///
/// When there is not.
pub fn can_draw(args: &DrawingArgs) -> Result<(), Failure> {
    screen::terminal_size()?;
    let knows_better = drawing(args).is_some() || !args.terminal.is_empty();
    if !knows_better && Surroundings::of(|name| std::env::var(name).ok()).is_dumb() {
        return Err(ViewError::Dumb.into());
    }
    Ok(())
}

/// Where the guest's sound can be played; `None` where it cannot, and is not asked for then.
pub fn sound_server() -> Option<PathBuf> {
    #[cfg(feature = "audio")]
    return crate::sound::pulse::socket();
    #[cfg(not(feature = "audio"))]
    None
}

/// What the user asked for; `None` leaves it to the terminal.
pub fn drawing(args: &DrawingArgs) -> Option<Drawing> {
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

/// The characters and colours for it.
pub fn style(args: &DrawingArgs) -> Style {
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
