//! `capsaicin screenshot`: the screen, once it is complete and still.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use super::args::{Common, ScreenshotArgs};
use super::dial::Dial;
use super::picture::{self, Format};
use super::report::{Exit, Failure};
use super::{dial, logging};
use crate::channel::display;
use crate::client::{Framebuffer, SpiceClient};
use crate::geometry::Size;
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
    let taken = timeout(args.timeout, take(args)).await;
    let (display, framebuffer) = taken.map_err(|_| {
        let text = format!(
            "cannot take the screen: it was not complete within {} s",
            args.timeout.as_secs_f32()
        );
        Failure::new(Exit::Timeout, text).with_hint("--timeout allows more time")
    })??;
    let Some(view) = framebuffer.view() else {
        return Err(Failure::new(
            Exit::Unexpected,
            "cannot take the screen: it is empty",
        ));
    };
    place.put(view)?;
    if args.json {
        print_facts(args.output.as_deref(), display, &framebuffer)?;
    }
    Ok(())
}

/// Where the picture goes.
enum Place<'a> {
    File(&'a Path, Format),
    StandardOutput,
    #[cfg(feature = "viuer")]
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
            #[cfg(feature = "viuer")]
            None if terminal => Ok(Self::Terminal),
            None => Err(Failure::new(
                Exit::Usage,
                "cannot show the picture: standard output is not a terminal",
            )
            .with_hint("name a file with -o")),
        }
    }

    fn put(&self, view: PixelView<'_>) -> Result<(), Failure> {
        match self {
            Self::File(path, format) => picture::save(path, *format, view),
            Self::StandardOutput => {
                let bytes = picture::encode(Format::Png, view)?;
                let written = io::stdout().write_all(&bytes);
                written.map_err(|error| Failure::output(&error))
            }
            #[cfg(feature = "viuer")]
            Self::Terminal => {
                let config = viuer::Config {
                    absolute_offset: false,
                    ..viuer::Config::default()
                };
                let shown = viuer::print(&picture::to_image(view), &config);
                shown.map(drop).map_err(|error| {
                    Failure::new(Exit::Terminal, format!("cannot show the picture: {error}"))
                })
            }
        }
    }
}

async fn take(args: &ScreenshotArgs) -> Result<(u8, Framebuffer), Failure> {
    let dial = Dial {
        view_only: true,
        timeout: args.timeout,
    };
    let mut dialled: dial::Dialled = dial.connect(&args.target).await?;
    let taken = still(&mut dialled.client).await?;
    // A server that does not hear it notices the closed connections.
    let _ = dialled.client.sender().try_send(Command::Disconnect);
    Ok(taken)
}

/// The first display's screen, once it is complete and still.
async fn still(client: &mut SpiceClient) -> Result<(u8, Framebuffer), Failure> {
    let mut screens: BTreeMap<u8, Framebuffer> = BTreeMap::new();
    let mut complete_since = None;
    let mut drawn = Instant::now();
    loop {
        let complete = screens
            .iter()
            .next()
            .is_some_and(|(_, screen)| screen.is_marked() && screen.view().is_some());
        if complete {
            complete_since.get_or_insert_with(Instant::now);
        } else {
            complete_since = None;
        }
        let ready = complete_since.map(|since| (drawn + STILL).min(since + MOVING));
        let event = tokio::select! {
            event = client.next_event() => event,
            () = sleep_until(ready.unwrap_or(drawn)), if ready.is_some() => break,
        };
        match event {
            Some(ClientEvent::Display(event)) => {
                drawn = Instant::now();
                screens.entry(display_of(&event)).or_default().apply(&event);
            }
            Some(ClientEvent::Closed(reason)) => return Err(reason.into()),
            Some(_) => {}
            None => return Err(CloseReason::ByPeer.into()),
        }
    }
    let first = screens.pop_first();
    first.ok_or_else(|| Failure::new(Exit::Unexpected, "cannot take the screen: there is none"))
}

fn display_of(event: &display::Event) -> u8 {
    use display::Event;
    match event {
        Event::SurfaceCreated { display, .. }
        | Event::SurfaceDestroyed { display, .. }
        | Event::Region { display, .. }
        | Event::CopyRect { display, .. }
        | Event::Marked { display }
        | Event::Monitors { display, .. } => *display,
    }
}

fn print_facts(file: Option<&Path>, display: u8, screen: &Framebuffer) -> Result<(), Failure> {
    let Size { width, height } = screen.size();
    let heads: Vec<_> = screen
        .heads()
        .iter()
        .map(|head| {
            let rect = head.rect;
            json!({ "id": head.id, "rect": [rect.left, rect.top, rect.right, rect.bottom] })
        })
        .collect();
    let facts = json!({
        "file": file.map(|file| file.display().to_string()),
        "width": width,
        "height": height,
        "display": display,
        "monitors": heads,
    });
    // On standard output unless that has the picture.
    let written = match file {
        Some(file) if file == Path::new("-") => writeln!(io::stderr(), "{facts}"),
        _ => writeln!(io::stdout(), "{facts}"),
    };
    written.map_err(|error| Failure::output(&error))
}
