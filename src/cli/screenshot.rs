//! `capsaicin screenshot`: the screen, once it is complete and still, or what a recording showed at a moment.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::args::{Common, ScreenshotArgs};
use super::dial::{Dial, Extras};
use super::picture::{self, Format};
use super::recording;
use super::report::{self, Exit, Failure};
use super::target::Target;
use super::{dial, logging, still};
use crate::channel::ChannelKind;
use crate::client::{Framebuffer, Screens, SpiceClient};
use crate::geometry::Rect;
use crate::pixels::PixelView;
use crate::session::{ClientEvent, CloseReason, Command};

/// A screen is still when nothing was drawn for this long.
const STILL: Duration = Duration::from_millis(300);
/// A screen that is never still is taken this long after it was complete.
const MOVING: Duration = Duration::from_secs(2);

/// Saves or shows the screen.
///
/// # Errors
///
/// When there is no connection, no picture in time, or nowhere to put it.
pub async fn run(args: &ScreenshotArgs, common: &Common) -> Result<(), Failure> {
    let place = Place::find(args.output.as_deref())?;
    let _logging = logging::to_stderr(common.logging())?;
    let taken = take(args).await?;
    let screen = taken.screens.display(taken.part.display);
    let screen = screen.and_then(Framebuffer::view);
    let Some(view) = screen.map(|screen| screen.crop(taken.part.rect)) else {
        return Err(Failure::new(
            Exit::Unexpected,
            "cannot take the screen: it is empty",
        ));
    };
    place.put(view).await?;
    if args.json {
        print_facts(args.output.as_deref(), &taken)?;
    }
    Ok(())
}

/// Where the picture goes.
enum Place<'a> {
    File(&'a Path, Format),
    StandardOutput,
    Terminal,
}

impl<'a> Place<'a> {
    /// Looks before anybody waits for a picture.
    fn find(output: Option<&'a Path>) -> Result<Self, Failure> {
        let terminal = io::stdout().is_terminal();
        match output {
            Some(path) if path == Path::new("-") && terminal => Err(Failure::new(
                Exit::Usage,
                "cannot write a picture to standard output: it is a terminal",
            )
            .with_hint("leave out -o to see the picture, or name a file")),
            Some(path) if path == Path::new("-") => Ok(Self::StandardOutput),
            Some(path) => Format::of(path).map(|format| Self::File(path, format)),
            None if terminal => Ok(Self::Terminal),
            None => Err(Failure::new(
                Exit::Usage,
                "cannot show the picture: standard output is not a terminal",
            )
            .with_hint("name a file with -o")),
        }
    }

    async fn put(&self, view: PixelView<'_>) -> Result<(), Failure> {
        match self {
            Self::File(path, format) => picture::save(path, *format, view),
            Self::StandardOutput => {
                let bytes = picture::encode(Format::Png, view)?;
                let written = io::stdout().write_all(&bytes);
                written.map_err(|error| Failure::output(&error))
            }
            Self::Terminal => still::show(view).await,
        }
    }
}

/// What is taken.
struct Taken {
    screens: Screens,
    part: Part,
    /// What `--json` says besides.
    facts: Map<String, Value>,
}

/// The part of a display's screen that is taken.
struct Part {
    display: u8,
    rect: Rect,
}

async fn take(args: &ScreenshotArgs) -> Result<Taken, Failure> {
    match dial::target(&args.target)? {
        Target::Recording(path) => {
            let replayed = replayed(path, args.at, args.monitor);
            timeout(args.timeout, replayed)
                .await
                .map_err(|_| late(args))?
        }
        _ if args.at.is_some() => Err(Failure::new(
            Exit::Usage,
            "cannot take the screen of another time: --at is for recordings",
        )),
        _ => live(args).await,
    }
}

/// There was no whole screen in time.
fn late(args: &ScreenshotArgs) -> Failure {
    let text = format!(
        "cannot take the screen: it was not complete within {} s",
        args.timeout.as_secs_f32()
    );
    Failure::new(Exit::Timeout, text).with_hint("--timeout allows more time")
}

async fn replayed(
    path: PathBuf,
    at: Option<Duration>,
    monitor: Option<u32>,
) -> Result<Taken, Failure> {
    let shown = tokio::task::spawn_blocking(move || recording::show(&path, at)).await;
    let shown = shown.map_err(|_| Failure::interrupted())??;
    let facts = json!({
        "at": shown.at.as_secs_f64(),
        "session": shown.session,
        "sessions": shown.sessions,
        "damage": shown.damage,
    });
    let part = match monitor {
        // A picture that nobody ever declared complete is still all there is.
        None => whole(&shown.screens),
        Some(_) => complete(&shown.screens, monitor),
    };
    let Some(part) = part else {
        return Err(no_such_monitor(monitor.unwrap_or_default(), &shown.screens));
    };
    Ok(Taken {
        screens: shown.screens,
        part,
        facts: facts.as_object().cloned().unwrap_or_default(),
    })
}

async fn live(args: &ScreenshotArgs) -> Result<Taken, Failure> {
    let dial = Dial {
        extras: Extras::default(),
        pixels: true,
        view_only: true,
        timeout: args.timeout,
    };
    let mut dialled: dial::Dialled = dial.connect(&args.target).await?;
    // Connecting has a limit of its own, and what people are asked before has none.
    let still = timeout(args.timeout, still(&mut dialled.client, args.monitor)).await;
    let (screens, part) = still.map_err(|_| late(args))??;
    // A server that does not hear it notices the closed connections.
    let _ = dialled.client.sender().try_send(Command::Disconnect);
    Ok(Taken {
        screens,
        part,
        facts: Map::new(),
    })
}

/// The screens once what is to be taken of them is complete, and nothing is drawn.
async fn still(client: &mut SpiceClient, monitor: Option<u32>) -> Result<(Screens, Part), Failure> {
    let mut screens = Screens::default();
    let mut complete_since = None;
    let mut drawn = Instant::now();
    loop {
        let taken = complete(&screens, monitor);
        let absent = monitor.filter(|number| is_absent(&screens, *number));
        if taken.is_some() || absent.is_some() {
            complete_since.get_or_insert_with(Instant::now);
        } else {
            complete_since = None;
        }
        // A monitor that is not there may follow, on a display that is slower than the others.
        let still = drawn + if absent.is_some() { MOVING } else { STILL };
        let ready = complete_since.map(|since| still.min(since + MOVING));
        let event = tokio::select! {
            event = client.next_event() => event,
            () = sleep_until(ready.unwrap_or(drawn)), if ready.is_some() => {
                return match (taken, absent) {
                    (Some(taken), _) => Ok((screens, taken)),
                    (None, number) => Err(no_such_monitor(number.unwrap_or_default(), &screens)),
                };
            }
        };
        match event {
            Some(ClientEvent::Display(event)) => {
                drawn = Instant::now();
                screens.apply(&event);
            }
            Some(ClientEvent::ChannelClosed(id, _)) if id.kind == ChannelKind::Display => {
                screens.close(id.id);
            }
            Some(ClientEvent::Closed(reason)) => return Err(reason.into()),
            Some(_) => {}
            None => return Err(CloseReason::ByPeer.into()),
        }
    }
}

/// What is to be taken, if it is complete: a monitor, or without a number the whole screen of the first display.
fn complete(screens: &Screens, monitor: Option<u32>) -> Option<Part> {
    let is_whole = |part: &Part| {
        let screen = screens.display(part.display);
        screen.is_some_and(|screen| screen.is_marked() && screen.view().is_some())
    };
    let part = match monitor {
        Some(number) => {
            let monitors = screens.monitors();
            let monitor = monitors.iter().find(|monitor| monitor.number() == number)?;
            Part {
                display: monitor.display,
                rect: monitor.rect,
            }
        }
        None => whole(screens)?,
    };
    is_whole(&part).then_some(part)
}

/// The whole screen of the first display.
fn whole(screens: &Screens) -> Option<Part> {
    let (display, screen) = screens.displays().next()?;
    Some(Part {
        display,
        rect: screen.size().to_rect(),
    })
}

/// Whether there are monitors, but not this one.
fn is_absent(screens: &Screens, number: u32) -> bool {
    let monitors = screens.monitors();
    !monitors.is_empty() && monitors.iter().all(|monitor| monitor.number() != number)
}

fn no_such_monitor(number: u32, screens: &Screens) -> Failure {
    let numbers: Vec<String> = screens
        .monitors()
        .iter()
        .map(|monitor| monitor.number().to_string())
        .collect();
    let text = format!("cannot take monitor {number}: there is no such monitor");
    Failure::new(Exit::NotFound, text).with_hint(format!("--monitor can be {}", numbers.join(", ")))
}

fn print_facts(file: Option<&Path>, taken: &Taken) -> Result<(), Failure> {
    let Taken {
        screens,
        part,
        facts: more,
    } = taken;
    let edges = |rect: Rect| json!([rect.left, rect.top, rect.right, rect.bottom]);
    let monitors: Vec<_> = screens
        .monitors()
        .iter()
        .map(|monitor| {
            json!({
                "number": monitor.number(),
                "display": monitor.display,
                "id": monitor.head,
                "rect": edges(monitor.rect),
            })
        })
        .collect();
    let mut facts = json!({
        "file": file.map(|file| file.display().to_string()),
        "width": part.rect.width(),
        "height": part.rect.height(),
        "display": part.display,
        "rect": edges(part.rect),
        "monitors": monitors,
    });
    if let Some(facts) = facts.as_object_mut() {
        facts.extend(more.clone());
    }
    // On standard output unless that has the picture.
    let written = match file {
        Some(file) if file == Path::new("-") => writeln!(io::stderr(), "{}", report::json(facts)),
        _ => writeln!(io::stdout(), "{}", report::json(facts)),
    };
    written.map_err(|error| Failure::output(&error))
}
