//! `capsaicin connect`: a session without a picture, one line an event. Nobody waits for it, so it [naps](super::naps) between
//! messages: a line may be 33 ms late. Nor does anybody see what is drawn, so nothing is; with `--draw` it is all the same, and
//! damaged images are told of.

use std::fmt;
use std::io::{self, BufWriter, Stdout, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinError;

use super::args::{Common, ConnectArgs};
use super::console;
use super::dial::{Dial, Extras};
use super::logging;
use super::naps::Naps;
use super::report::{self, Failure};
use super::sound::{Ears, Voice};
use crate::channel::audio::{Format, PlaybackEvent, RecordEvent};
use crate::channel::main::agent;
use crate::channel::port::Happening;
use crate::channel::{ChannelId, ChannelKind, cursor, display, inputs, main, port};
use crate::client::SpiceClient;
use crate::geometry::{Rect, Size};
use crate::session::{ClientEvent, CloseReason, Command, Migration, Notice, Tap};
use crate::tui::printable;

/// Prints what happens until the server, the time or the user ends it.
///
/// # Errors
///
/// When there is no connection, or the server ends the session.
pub async fn run(args: &ConnectArgs, common: &Common, naps: Naps) -> Result<(), Failure> {
    if args.list_ports {
        return console::list(args, common).await;
    }
    if let Some(name) = &args.port {
        return console::join(name, args, common).await;
    }
    let _logging = logging::to_stderr(common.logging())?;
    let mut interruption = std::pin::pin!(super::interruption()?);
    let dial = Dial {
        pixels: false,
        // Only a microphone is input here.
        view_only: args.mic.is_none(),
        extras: Extras {
            playback: args.audio.is_some(),
            record: args.mic.is_some(),
            raw_sound: args.raw_sound,
            ports: false,
            undrawn: !args.draw,
        },
        timeout: args.timeout,
    };
    // Before anybody is asked for a password: can the files be used?
    args.mic.as_deref().map_or(Ok(()), Voice::check)?;
    let ears = args.audio.as_deref().map(Ears::open).transpose()?;
    let tap = || Some(Box::new(naps.clone()) as Box<dyn Tap>);
    let dialled = tokio::select! {
        dialled = dial.connect_tapped(&args.target, tap) => dialled?,
        failure = &mut interruption => return Err(failure),
    };
    let log = Log {
        started: Instant::now(),
        form: if args.json { Form::Json } else { Form::Text },
        out: BufWriter::new(io::stdout()),
    };
    let enough = async {
        match args.lasting {
            Some(lasting) => tokio::time::sleep(lasting).await,
            None => std::future::pending().await,
        }
    };
    let sender = dialled.client.sender();
    let mic = args.mic.as_deref();
    let sound = Sound {
        ears,
        voice: mic.map(|path| Voice::new(path, sender.clone())),
    };
    // A microphone is in a hurry, and so is a server on this very thread.
    let naps = (mic.is_none() && !dialled.is_demo()).then(|| naps.clone());
    // A task of its own: each turn of the runtime's main future costs a look at the sockets.
    let mut printing = tokio::spawn(print_all(dialled.client, log, sound, naps));
    let result = tokio::select! {
        ended = &mut printing => return outcome(ended),
        () = enough => Ok(()),
        failure = &mut interruption => Err(failure),
    };
    // Says goodbye, for a server that listens no longer than a moment. A session that is over already needs none.
    let _ = sender.send(Command::Disconnect).await;
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(1), printing).await {
        outcome(ended)?;
    }
    result
}

/// Prints events until the session is over. Lines are written when no further event waits.
async fn print_all(
    mut client: SpiceClient,
    mut log: Log,
    mut sound: Sound,
    naps: Option<Naps>,
) -> Result<(), Failure> {
    let mut end = CloseReason::Requested;
    loop {
        let event = match client.try_next_event() {
            Some(event) => Some(event),
            None => {
                log.flush()?;
                client.next_event().await
            }
        };
        let Some(event) = event else { break };
        // Where there is a screen the server has measured the connection.
        if let (ClientEvent::Display(_), Some(naps)) = (&event, &naps) {
            naps.allow();
        }
        sound.pass(&event)?;
        log.print(&event)?;
        if let ClientEvent::Closed(reason) = event {
            end = reason;
        }
    }
    sound.ears.map_or(Ok(()), Ears::finish)?;
    match end {
        CloseReason::Requested => Ok(()),
        reason => Err(reason.into()),
    }
}

/// Where sound goes to, and comes from.
struct Sound {
    ears: Option<Ears>,
    voice: Option<Voice>,
}

impl Sound {
    fn pass(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        match (event, &mut self.ears, &mut self.voice) {
            (ClientEvent::Playback(event), Some(ears), _) => ears.hear(event),
            (ClientEvent::Record(event), _, Some(voice)) => voice.heed(event),
            _ => Ok(()),
        }
    }
}

/// How the printing ended; its panic goes on here.
fn outcome(ended: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The one playback channel.
const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);

/// The one record channel.
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

struct Log {
    started: Instant,
    form: Form,
    /// INVARIANT: empty while the program waits, so that no line is late or lost.
    out: BufWriter<Stdout>,
}

impl Log {
    fn print(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        let Some(said) = describe(event, self.form) else {
            return Ok(());
        };
        let at = self.started.elapsed();
        let written = match &said.what {
            What::Json(event, facts) => {
                let line = json_line(at.as_secs_f64(), &said.channel, event, facts);
                writeln!(self.out, "{}", report::json(line))
            }
            What::Text(text) => self.print_line(at, &said.channel, text),
        };
        written.map_err(|error| Failure::output(&error))
    }

    fn print_line(&mut self, at: Duration, channel: &str, text: &str) -> io::Result<()> {
        let (seconds, millis) = (at.as_secs(), at.subsec_millis());
        write!(self.out, "{seconds:5}.{millis:03}  {channel:<12} ")?;
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            // Nearly always, and a line is printed for every area that changed.
            self.out.write_all(text.as_bytes())?;
        } else {
            self.out.write_all(printable(text).as_bytes())?;
        }
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }
}

/// Who reads the lines.
#[derive(Clone, Copy)]
enum Form {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// An event in the form that is wanted.
struct Said {
    channel: String,
    what: What,
}

enum What {
    Text(String),
    /// Name and facts.
    Json(&'static str, Value),
}

impl Form {
    fn say(
        self,
        event: &'static str,
        text: impl FnOnce() -> String,
        facts: impl FnOnce() -> Value,
    ) -> What {
        match self {
            Self::Text => What::Text(text()),
            Self::Json => What::Json(event, facts()),
        }
    }
}

fn json_line(at: f64, channel: &str, event: &str, facts: &Value) -> Value {
    let mut line = json!({ "at": (at * 1e6).round() / 1e6, "channel": channel, "event": event });
    if let (Value::Object(line), Value::Object(facts)) = (&mut line, facts) {
        line.extend(facts.clone());
    }
    line
}

fn describe(event: &ClientEvent, form: Form) -> Option<Said> {
    Some(match event {
        ClientEvent::Main(event) => Said::on(ChannelId::MAIN, from_main(event, form)),
        ClientEvent::Display(event) => from_display(event, form),
        ClientEvent::Inputs(event) => Said::on(ChannelId::INPUTS, from_inputs(event, form)),
        ClientEvent::Agent(event) => Said::on(ChannelId::MAIN, from_agent(event, form)?),
        ClientEvent::Cursor(event) => from_cursor(event, form),
        ClientEvent::ChannelOpened(id) => {
            Said::on(*id, form.say("opened", || "open".into(), || json!({})))
        }
        ClientEvent::ChannelClosed(id, reason) => {
            Said::on(*id, from_reason("closed", reason, form))
        }
        ClientEvent::Notice(notice) => {
            let once = Notice {
                channel: None,
                ..notice.clone()
            };
            let text = || once.to_string();
            let facts = || json!({ "text": notice.text, "count": notice.count });
            Said {
                channel: notice.channel.map_or("session".into(), |id| id.to_string()),
                what: form.say("notice", text, facts),
            }
        }
        ClientEvent::Closed(reason) => Said {
            channel: "session".into(),
            what: from_reason("end", reason, form),
        },
        ClientEvent::Playback(event) => Said::on(PLAYBACK, from_playback(event, form)?),
        ClientEvent::Record(event) => Said::on(RECORD, from_record(event, form)?),
        ClientEvent::Port(event) => from_port(event, form)?,
        ClientEvent::Migration(event) => Said::on(ChannelId::MAIN, from_migration(event, form)),
        ClientEvent::Silent(lasting) => {
            let text = || format!("no answer from the server for {} s", lasting.as_secs());
            let facts = || json!({ "seconds": lasting.as_secs_f64() });
            Said::of_session(form.say("silent", text, facts))
        }
        ClientEvent::Answers => {
            let text = || "the server answers again".into();
            Said::of_session(form.say("answers", text, || json!({})))
        }
        ClientEvent::Stats(_) | ClientEvent::Held(_) => return None,
    })
}

impl Said {
    fn of_session(what: What) -> Self {
        let channel = "session".into();
        Self { channel, what }
    }

    fn on(id: ChannelId, what: What) -> Self {
        let channel = id.to_string();
        Self { channel, what }
    }
}

fn from_reason(event: &'static str, reason: &CloseReason, form: Form) -> What {
    let facts = || json!({ "reason": reason.to_string() });
    form.say(event, || reason.to_string(), facts)
}

fn from_main(event: &main::Event, form: Form) -> What {
    match event {
        main::Event::Init {
            session_id,
            display_channels_hint,
        } => form.say(
            "session",
            || format!("session {session_id:08x}, displays: {display_channels_hint}"),
            || json!({ "session_id": session_id, "displays": display_channels_hint }),
        ),
        main::Event::Name(name) => form.say(
            "name",
            || format!("name {name}"),
            || json!({ "name": name }),
        ),
        main::Event::Uuid(uuid) => {
            let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
            form.say("uuid", || format!("uuid {hex}"), || json!({ "uuid": hex }))
        }
        main::Event::MouseMode { supported, current } => form.say(
            "mouse-mode",
            || format!("mouse mode {current:?} of {supported:?}"),
            || json!({ "current": format!("{current:?}"), "supported": format!("{supported:?}") }),
        ),
        main::Event::Agent { connected } => {
            let state = if *connected { "there" } else { "gone" };
            form.say(
                "agent",
                || format!("guest agent {state}"),
                || json!({ "connected": connected }),
            )
        }
        main::Event::MultiMediaTime(time) => form.say(
            "media-time",
            || format!("media clock {time} ms"),
            || json!({ "ms": time }),
        ),
    }
}

fn from_migration(event: &Migration, form: Form) -> What {
    match event {
        Migration::Begun(to) => form.say(
            "migration-begun",
            || format!("the machine is about to move to {to}"),
            || json!({ "to": to.to_string() }),
        ),
        Migration::Prepared => form.say(
            "migration-prepared",
            || "prepared for the machine's move".into(),
            || json!({}),
        ),
        Migration::Refused(why) => form.say(
            "migration-refused",
            || format!("not prepared for the machine's move: {why}"),
            || json!({ "reason": why }),
        ),
        Migration::Cancelled => form.say(
            "migration-cancelled",
            || "the machine stays".into(),
            || json!({}),
        ),
        Migration::Moved(to, grade) => form.say(
            "moved",
            || format!("the machine moved to {to}, {}", grade.name()),
            || json!({ "to": to.to_string(), "grade": grade.name() }),
        ),
    }
}

/// What the agent says; of transfers nothing, since nobody asks for one here.
fn from_agent(event: &agent::Event, form: Form) -> Option<What> {
    use agent::{Event, State};
    Some(match event {
        Event::State(State::Ready(abilities)) => form.say(
            "agent-abilities",
            || format!("guest agent can {abilities:?}"),
            || json!({ "abilities": abilities.0 }),
        ),
        Event::State(State::Silent) => form.say(
            "agent-silent",
            || "guest agent says nothing".into(),
            || json!({}),
        ),
        Event::State(State::Broken) => form.say(
            "agent-broken",
            || "guest agent speaks another protocol".into(),
            || json!({}),
        ),
        Event::Offered {
            selection, kinds, ..
        } => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            form.say(
                "clipboard-offered",
                || {
                    format!(
                        "guest offers {} in its {}",
                        kinds.join(", "),
                        selection.name()
                    )
                },
                || json!({ "selection": selection.name(), "kinds": kinds }),
            )
        }
        Event::Released { selection } => form.say(
            "clipboard-released",
            || format!("guest offers nothing in its {}", selection.name()),
            || json!({ "selection": selection.name() }),
        ),
        _ => return None,
    })
}

fn from_display(event: &display::Event, form: Form) -> Said {
    use display::Event;
    let (id, what) = match event {
        Event::SurfaceCreated {
            display,
            surface,
            width,
            height,
        } => {
            let text = || format!("surface {surface} created, {width}x{height}");
            let facts = || json!({ "surface": surface, "width": width, "height": height });
            (display, form.say("surface-created", text, facts))
        }
        Event::SurfaceDestroyed { display, surface } => {
            let text = || format!("surface {surface} destroyed");
            let facts = || json!({ "surface": surface });
            (display, form.say("surface-destroyed", text, facts))
        }
        Event::Region {
            display,
            surface,
            rect,
            ..
        } => {
            let bytes = rect.area() * 4;
            let text = || format!("region {} {bytes} bytes", shown(*rect));
            let facts = || json!({ "surface": surface, "rect": edges(*rect), "bytes": bytes });
            (display, form.say("region", text, facts))
        }
        Event::CopyRect {
            display,
            surface,
            src_x,
            src_y,
            dest_rect,
        } => {
            let (from, rect) = ([src_x, src_y], *dest_rect);
            let text = || format!("copy {src_x},{src_y} to {}", shown(rect));
            let facts = || json!({ "surface": surface, "from": from, "rect": edges(rect) });
            (display, form.say("copy", text, facts))
        }
        Event::Marked { display } => (
            display,
            form.say("marked", || "marked".into(), || json!({})),
        ),
        Event::Monitors { display, heads } => (display, from_monitors(heads, form)),
    };
    Said::on(ChannelId::new(ChannelKind::Display, *id), what)
}

fn from_monitors(heads: &[display::Head], form: Form) -> What {
    let text = || {
        let heads: Vec<String> = heads
            .iter()
            .map(|head| shown(head.rect).to_string())
            .collect();
        format!("monitors {}", heads.join(" and "))
    };
    let facts = || {
        let head = |head: &display::Head| json!({ "id": head.id, "rect": edges(head.rect) });
        let heads: Vec<Value> = heads.iter().map(head).collect();
        json!({ "heads": heads })
    };
    form.say("monitors", text, facts)
}

fn from_inputs(event: &inputs::Event, form: Form) -> What {
    match event {
        inputs::Event::Taken => form.say("taken", || "input taken in".into(), || json!({})),
        inputs::Event::Locks(locks) => form.say(
            "locks",
            || format!("locks {locks:?}"),
            || json!({ "locks": format!("{locks:?}") }),
        ),
    }
}

fn from_cursor(event: &cursor::Event, form: Form) -> Said {
    use cursor::Event;
    let (id, what) = match event {
        Event::Shape {
            display,
            shape: Some(shape),
        } => {
            let (Size { width, height }, hot) = (shape.size, shape.hot_spot);
            let text = || format!("shape {width}x{height}, points at {},{}", hot.x, hot.y);
            let facts = || json!({ "width": width, "height": height, "hot_spot": [hot.x, hot.y] });
            (display, form.say("shape", text, facts))
        }
        Event::Shape {
            display,
            shape: None,
        } => {
            let facts = || json!({ "width": 0, "height": 0 });
            (display, form.say("shape", || "no shape".into(), facts))
        }
        Event::Moved { display, position } => {
            let text = || format!("moved to {},{}", position.x, position.y);
            let facts = || json!({ "position": [position.x, position.y] });
            (display, form.say("moved", text, facts))
        }
        Event::Visible { display, visible } => {
            let text = || if *visible { "shown" } else { "hidden" }.into();
            let facts = || json!({ "visible": visible });
            (display, form.say("visible", text, facts))
        }
    };
    Said::on(ChannelId::new(ChannelKind::Cursor, *id), what)
}

/// What happens to the sound. Its packets are too many for a line each.
fn from_playback(event: &PlaybackEvent, form: Form) -> Option<What> {
    Some(match event {
        PlaybackEvent::Started(format) => sound("sound-started", "sound", *format, form),
        PlaybackEvent::Stopped => {
            form.say("sound-stopped", || "sound stopped".into(), || json!({}))
        }
        PlaybackEvent::Volume(volume) => volume_of(volume, form),
        PlaybackEvent::Muted(muted) => muted_or_not(*muted, form),
        PlaybackEvent::Latency(latency) => form.say(
            "latency",
            || format!("the sound is to lag {} ms at least", latency.as_millis()),
            || json!({ "ms": latency.as_millis() as u64 }),
        ),
        PlaybackEvent::Packet { .. } => return None,
    })
}

fn from_record(event: &RecordEvent, form: Form) -> Option<What> {
    Some(match event {
        RecordEvent::Wanted { format, .. } => {
            sound("record-started", "the guest listens:", *format, form)
        }
        RecordEvent::Stopped => form.say(
            "record-stopped",
            || "the guest listens no longer".into(),
            || json!({}),
        ),
        RecordEvent::Volume(volume) => volume_of(volume, form),
        RecordEvent::Muted(muted) => muted_or_not(*muted, form),
    })
}

fn sound(event: &'static str, what: &str, format: Format, form: Form) -> What {
    let Format { channels, rate } = format;
    let text = || format!("{what} of {channels} channels at {rate} Hz");
    form.say(
        event,
        text,
        || json!({ "channels": channels, "rate": rate }),
    )
}

fn volume_of(volume: &[u16], form: Form) -> What {
    let percent = |volume: &u16| (f64::from(*volume) / 655.35).round() as u32;
    let text = || {
        let each: Vec<String> = volume.iter().map(|v| percent(v).to_string()).collect();
        format!("volume {} %", each.join(", "))
    };
    form.say("volume", text, || json!({ "volume": volume }))
}

fn muted_or_not(muted: bool, form: Form) -> What {
    let text = || if muted { "muted" } else { "not muted" }.into();
    form.say("mute", text, || json!({ "muted": muted }))
}

/// What happens to a port; not what it says, which may be anything.
fn from_port(event: &port::Event, form: Form) -> Option<Said> {
    let nothing = || json!({});
    let what = match &event.what {
        Happening::Named { name, opened } => {
            let state = if *opened { "open" } else { "closed" };
            let text = || format!("port {name}, {state} in the guest");
            form.say("port", text, || json!({ "name": name, "open": opened }))
        }
        Happening::Opened => form.say("port-opened", || "opened in the guest".into(), nothing),
        Happening::Closed => form.say("port-closed", || "closed in the guest".into(), nothing),
        Happening::Break => form.say("break", || "break".into(), nothing),
        Happening::Data(data) => {
            let text = || format!("{} bytes", data.len());
            form.say("data", text, || json!({ "bytes": data.len() }))
        }
        Happening::Written(_) => return None,
    };
    Some(Said::on(
        ChannelId::new(ChannelKind::Port, event.port),
        what,
    ))
}

/// Corner and size, as people give an area.
fn shown(rect: Rect) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let Rect { left, top, .. } = rect;
        write!(f, "{left},{top} {}x{}", rect.width(), rect.height())
    })
}

/// Left, top, right, bottom; the last two are outside.
fn edges(rect: Rect) -> Value {
    json!([rect.left, rect.top, rect.right, rect.bottom])
}
