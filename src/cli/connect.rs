//! `capsaicin connect`: a session without a picture, one line an event.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::{Common, ConnectArgs};
use super::dial::Dial;
use super::logging;
use super::report::Failure;
use crate::channel::{ChannelId, cursor, display, inputs, main};
use crate::client::SpiceClient;
use crate::geometry::Rect;
use crate::session::{ClientEvent, CloseReason, Command, Notice};
use crate::tui::printable;

/// Prints what happens until the server, the time or the user ends it.
///
/// # Errors
///
/// When there is no connection, or the server ends the session.
pub async fn run(args: &ConnectArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let mut interruption = std::pin::pin!(super::interruption()?);
    let dial = Dial {
        pixels: false,
        view_only: true,
        timeout: args.timeout,
    };
    let mut dialled = tokio::select! {
        dialled = dial.connect(&args.target) => dialled?,
        failure = &mut interruption => return Err(failure),
    };
    let log = Log {
        started: Instant::now(),
        json: args.json,
    };
    let enough = async {
        match args.lasting {
            Some(lasting) => tokio::time::sleep(lasting).await,
            None => std::future::pending().await,
        }
    };
    let client = &mut dialled.client;
    let result = tokio::select! {
        result = print_all(client, &log) => return result,
        () = enough => Ok(()),
        failure = &mut interruption => Err(failure),
    };
    part(client, &log).await?;
    result
}

/// Prints events until the session is over.
async fn print_all(client: &mut SpiceClient, log: &Log) -> Result<(), Failure> {
    let mut end = CloseReason::Requested;
    while let Some(event) = client.next_event().await {
        log.print(&event)?;
        if let ClientEvent::Closed(reason) = event {
            end = reason;
        }
    }
    match end {
        CloseReason::Requested => Ok(()),
        reason => Err(reason.into()),
    }
}

/// Says goodbye, for a server that listens no longer than a moment.
async fn part(client: &mut SpiceClient, log: &Log) -> Result<(), Failure> {
    // A session that is over already needs no goodbye.
    let _ = client.sender().send(Command::Disconnect).await;
    let goodbye = tokio::time::timeout(Duration::from_secs(1), print_all(client, log));
    goodbye.await.unwrap_or(Ok(()))
}

struct Log {
    started: Instant,
    json: bool,
}

impl Log {
    fn print(&self, event: &ClientEvent) -> Result<(), Failure> {
        let Some(said) = describe(event) else {
            return Ok(());
        };
        let at = self.started.elapsed().as_secs_f64();
        let mut out = io::stdout().lock();
        let written = if self.json {
            writeln!(out, "{}", said.json(at))
        } else {
            let text = printable(&said.text);
            writeln!(out, "{at:9.3}  {:<12} {text}", said.channel)
        };
        written
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }
}

/// An event, for people and for programs.
struct Said {
    channel: String,
    event: &'static str,
    text: String,
    facts: Value,
}

impl Said {
    fn json(&self, at: f64) -> Value {
        let mut line =
            json!({ "at": (at * 1e6).round() / 1e6, "channel": self.channel, "event": self.event });
        if let (Value::Object(line), Value::Object(facts)) = (&mut line, &self.facts) {
            line.extend(facts.clone());
        }
        line
    }
}

fn describe(event: &ClientEvent) -> Option<Said> {
    let (channel, event, text, facts) = match event {
        ClientEvent::Main(event) => on(ChannelId::MAIN, from_main(event)),
        ClientEvent::Display(event) => from_display(event),
        ClientEvent::Inputs(event) => on(ChannelId::INPUTS, from_inputs(event)),
        ClientEvent::Cursor(event) => from_cursor(event),
        ClientEvent::ChannelOpened(id) => on(*id, ("opened", "open".into(), json!({}))),
        ClientEvent::ChannelClosed(id, reason) => {
            let facts = json!({ "reason": reason.to_string() });
            on(*id, ("closed", reason.to_string(), facts))
        }
        ClientEvent::Notice(notice) => {
            let channel = notice.channel.map_or("session".into(), |id| id.to_string());
            let facts = json!({ "text": notice.text, "count": notice.count });
            let text = Notice {
                channel: None,
                ..notice.clone()
            };
            (channel, "notice", text.to_string(), facts)
        }
        ClientEvent::Closed(reason) => {
            let facts = json!({ "reason": reason.to_string() });
            ("session".into(), "end", reason.to_string(), facts)
        }
        ClientEvent::Stats(_) => return None,
    };
    Some(Said {
        channel,
        event,
        text,
        facts,
    })
}

/// Event, text, facts.
type What = (&'static str, String, Value);

fn on(id: ChannelId, (event, text, facts): What) -> (String, &'static str, String, Value) {
    (id.to_string(), event, text, facts)
}

fn from_main(event: &main::Event) -> What {
    match event {
        main::Event::Init {
            session_id,
            display_channels_hint,
        } => (
            "session",
            format!("session {session_id:08x}, displays: {display_channels_hint}"),
            json!({ "session_id": session_id, "displays": display_channels_hint }),
        ),
        main::Event::Name(name) => ("name", format!("name {name}"), json!({ "name": name })),
        main::Event::Uuid(uuid) => {
            let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
            ("uuid", format!("uuid {hex}"), json!({ "uuid": hex }))
        }
        main::Event::MouseMode { supported, current } => (
            "mouse-mode",
            format!("mouse mode {current:?} of {supported:?}"),
            json!({ "current": format!("{current:?}"), "supported": format!("{supported:?}") }),
        ),
        main::Event::Agent { connected } => {
            let state = if *connected { "there" } else { "gone" };
            (
                "agent",
                format!("guest agent {state}"),
                json!({ "connected": connected }),
            )
        }
        main::Event::MultiMediaTime(time) => (
            "media-time",
            format!("media clock {time} ms"),
            json!({ "ms": time }),
        ),
    }
}

fn from_display(event: &display::Event) -> (String, &'static str, String, Value) {
    use display::Event;
    let (id, what) = match event {
        Event::SurfaceCreated {
            display,
            surface,
            width,
            height,
        } => (
            display,
            (
                "surface-created",
                format!("surface {surface} created, {width}x{height}"),
                json!({ "surface": surface, "width": width, "height": height }),
            ),
        ),
        Event::SurfaceDestroyed { display, surface } => (
            display,
            (
                "surface-destroyed",
                format!("surface {surface} destroyed"),
                json!({ "surface": surface }),
            ),
        ),
        Event::Region {
            display,
            surface,
            rect,
            ..
        } => {
            let bytes = rect.area() * 4;
            (
                display,
                (
                    "region",
                    format!("region {} {bytes} bytes", shown(*rect)),
                    json!({ "surface": surface, "rect": edges(*rect), "bytes": bytes }),
                ),
            )
        }
        Event::CopyRect {
            display,
            surface,
            src_x,
            src_y,
            dest_rect,
        } => (
            display,
            (
                "copy",
                format!("copy {src_x},{src_y} to {}", shown(*dest_rect)),
                json!({ "surface": surface, "from": [src_x, src_y], "rect": edges(*dest_rect) }),
            ),
        ),
        Event::Marked { display } => (display, ("marked", "marked".into(), json!({}))),
        Event::Monitors { display, heads } => {
            let text: Vec<String> = heads.iter().map(|head| shown(head.rect)).collect();
            let heads: Vec<Value> = heads
                .iter()
                .map(|head| json!({ "id": head.id, "rect": edges(head.rect) }))
                .collect();
            (
                display,
                (
                    "monitors",
                    format!("monitors {}", text.join(" and ")),
                    json!({ "heads": heads }),
                ),
            )
        }
    };
    on(
        ChannelId::new(crate::channel::ChannelKind::Display, *id),
        what,
    )
}

fn from_inputs(event: &inputs::Event) -> What {
    match event {
        inputs::Event::Locks(locks) => (
            "locks",
            format!("locks {locks:?}"),
            json!({ "locks": format!("{locks:?}") }),
        ),
    }
}

fn from_cursor(event: &cursor::Event) -> (String, &'static str, String, Value) {
    use cursor::Event;
    let (id, what) = match event {
        Event::Shape { display, shape } => {
            let what = match shape {
                Some(shape) => {
                    let (size, hot) = (shape.size, shape.hot_spot);
                    (
                        "shape",
                        format!(
                            "shape {}x{}, points at {},{}",
                            size.width, size.height, hot.x, hot.y
                        ),
                        json!({ "width": size.width, "height": size.height, "hot_spot": [hot.x, hot.y] }),
                    )
                }
                None => (
                    "shape",
                    "no shape".into(),
                    json!({ "width": 0, "height": 0 }),
                ),
            };
            (display, what)
        }
        Event::Moved { display, position } => (
            display,
            (
                "moved",
                format!("moved to {},{}", position.x, position.y),
                json!({ "position": [position.x, position.y] }),
            ),
        ),
        Event::Visible { display, visible } => {
            let text = if *visible { "shown" } else { "hidden" };
            (
                display,
                ("visible", text.into(), json!({ "visible": visible })),
            )
        }
    };
    on(
        ChannelId::new(crate::channel::ChannelKind::Cursor, *id),
        what,
    )
}

/// Corner and size, as people give an area.
fn shown(rect: Rect) -> String {
    format!(
        "{},{} {}x{}",
        rect.left,
        rect.top,
        rect.width(),
        rect.height()
    )
}

/// Left, top, right, bottom; the last two are outside.
fn edges(rect: Rect) -> Value {
    json!([rect.left, rect.top, rect.right, rect.bottom])
}
