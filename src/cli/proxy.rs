//! `capsaicin proxy`: between any client and any server.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::args::{Common, DrawingArgs, TargetArgs, seconds};
use super::dial::{Dial, Extras, Prepared};
use super::report::{self, Exit, Failure, say};
use super::{dial, logging, state, view};
use crate::channel::names;
use crate::keyboard::Layout;
use crate::net::{Address, BadAddress};
use crate::proxy::{Config, Door, Event, Gate, Login, Proxy, Rule, Shape, TapMaker, Traffic};
use crate::recording::{About, Choices, Progress, Recorder, Recording};
use crate::session::{Tap, Way};
use crate::tui::mirror::{Mirror, Usher};
use crate::tui::panes::PaneKind;
use crate::tui::watch::Watch;
use crate::tui::{self, Options, printable, short};
use crate::words::system;

const EXAMPLES: &str = "\
Clients bring their password: it is encrypted anew for the server, and kept
nowhere. What passes is recorded and shown as it is passed on. A server that asks
for a user by SASL is told --user and --password-file, and not what clients say:
whoever connects here is let in as that user. Ctrl+C ends it, with exit code 0.

A rule of --fault is '[client ]CHANNEL[:ID].MESSAGE[N]: ACTION'. CHANNEL and
MESSAGE can be *, and MESSAGE a number; N is the N-th on a connection, N.. from
it on, N..M up to M. ACTION is cut (close the connection), drop (leave the
message out), corrupt (invert the byte in the middle of its body) or
stall TIME. Messages of the server are meant unless 'client' is in front.

Examples:
  capsaicin proxy --listen 127.0.0.1:5999 127.0.0.1:5900
  capsaicin proxy --listen :5999 spice+tls://vm.example:5901 -o session.pcapng
  capsaicin proxy --listen 127.0.0.1:5999 demo: --inspect
  capsaicin proxy --listen 127.0.0.1:5999 demo: --delay 80 --rate 2M
  capsaicin proxy --listen 127.0.0.1:5999 demo: --fault 'display.draw_copy[10]: cut'";

/// `proxy`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProxyArgs {
    /// The server.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where clients connect: HOST:PORT, :PORT for this machine only, or the path of a socket to make; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = door, required_unless_present = "tls_listen")]
    pub listen: Option<Address>,
    /// Where clients connect with TLS
    #[arg(long, value_name = "ADDR", value_parser = door, requires = "tls_cert")]
    pub tls_listen: Option<Address>,
    /// The certificate shown to clients: PEM, and those between it and its authority
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        requires = "tls_listen"
    )]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Record the first session into this file; the second gets -2 in its name, and so on
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over recordings that exist
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Record keys, the pointer and what is said to ports and by the microphone, too
    #[arg(long, requires = "output")]
    pub with_input: bool,
    /// Record the contents of clipboards and of files that are sent, too
    #[arg(long, requires = "output")]
    pub with_clipboard: bool,
    /// Messages come this many milliseconds later, each way
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(..=600_000))]
    pub delay: Option<u64>,
    /// Bits a second, each way, for all connections together; k, M and G are understood
    #[arg(long, value_name = "BIT/S", value_parser = rate)]
    pub rate: Option<u64>,
    /// Lose this percentage of segments. TCP sends them again: they, and what is behind them, come 200 ms and two delays later
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub drop: Option<f64>,
    /// Damage messages by a rule; may be given several times, the first that applies counts
    #[arg(long, value_name = "RULE")]
    pub fault: Vec<Rule>,
    /// End after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub lasting: Option<Duration>,
    /// Show what passes in full-screen panes: the picture, channels, messages, codecs. Without a terminal, lines as ever
    #[arg(long, conflicts_with = "json")]
    pub inspect: bool,
    /// Print events as JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// How the picture is drawn.
    #[command(flatten)]
    pub drawing: DrawingArgs,
}

/// How long the certificate of the server may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address to listen at. Without a host it is this machine's own: who listens for everybody says so.
fn door(text: &str) -> Result<Address, BadAddress> {
    match text.strip_prefix(':') {
        Some(port) if !port.contains(':') => Address::parse_to_listen(&format!("127.0.0.1:{port}")),
        _ => Address::parse_to_listen(text),
    }
}

/// Bits a second, as people write it.
fn rate(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.as_bytes() {
        [.., b'k' | b'K'] => (&text[..text.len() - 1], 1e3),
        [.., b'm' | b'M'] => (&text[..text.len() - 1], 1e6),
        [.., b'g' | b'G'] => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    let bits = number.parse::<f64>().ok().map(|number| number * factor);
    match bits.filter(|bits| (1000.0..=1e12).contains(bits)) {
        Some(bits) => Ok(bits as u64),
        None => Err("not a number of bits a second from 1k to 1000G, such as 512k or 2.5M".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "not a percentage from 0 to 100".into())
}

/// Passes on until interrupted.
///
/// # Errors
///
/// When the target or an address to listen at makes no sense or cannot be used.
pub async fn run(args: &ProxyArgs, common: &Common) -> Result<(), Failure> {
    let shows = args.inspect && io::stdout().is_terminal();
    if shows {
        view::can_draw(&args.drawing)?;
    }
    let mut logging = match shows {
        true => logging::to_viewer(common.logging())?,
        false => logging::to_stderr(common.logging())?,
    };
    let watch = Watch::default();
    let gate = Gate::default();
    let holder = gate.clone();
    let mirror = shows.then(|| Mirror::start(watch.clone(), move |hold| holder.obey(hold)));
    let (mirror, usher) = match mirror.transpose() {
        Ok(mirror) => mirror.unzip(),
        Err(error) => {
            let text = format!("cannot show what passes: {}", system(&error));
            return Err(Failure::new(Exit::Unexpected, text));
        }
    };
    let mut interruption = std::pin::pin!(super::interruption()?);
    let shelf = Arc::new(Shelf::new(args)?);
    let doors = doors(args)?;
    let (prepared, login) = tokio::select! {
        found = prepare(args) => found?,
        failure = &mut interruption => return Err(failure),
    };
    if let Some(usher) = usher.clone() {
        gate.on_step(move || usher.stepped());
    }
    let config = Config {
        route: prepared.route().clone(),
        login,
        shape: Shape {
            delay: Duration::from_millis(args.delay.unwrap_or(0)),
            rate: args.rate,
            loss: args.drop.unwrap_or(0.0) / 100.0,
        },
        rules: args.fault.clone(),
        taps: shelf.taps(usher.clone()),
        gate,
    };
    let proxy = Proxy::start(doors, config).await;
    let mut proxy = proxy.map_err(|error| {
        let text = format!("{error}: {}", system(&error.source));
        Failure::new(Exit::CannotConnect, text)
    })?;
    let addresses = proxy.addresses().to_vec();
    let mut log = Log {
        began: Instant::now(),
        json: args.json,
        usher,
    };
    log.listening(&proxy, args)?;
    let viewing = async {
        match mirror {
            Some(mirror) => {
                let target = format!(
                    "{} to {}",
                    uris(&addresses, args).join(" "),
                    dial::target(&args.target)?
                );
                let options = viewer(args, target, watch, logging.lines.take());
                view::conclude(tui::run(mirror, options).await?)
            }
            None => std::future::pending().await,
        }
    };
    let enough = async {
        match args.lasting {
            Some(lasting) => tokio::time::sleep(lasting).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        failure = follow(&mut proxy, &mut log, &shelf) => Err(failure),
        () = enough => Ok(()),
        ended = viewing => ended,
        // It is how one ends a proxy.
        // A viewer hears of it too, and gives the terminal back.
        _ = &mut interruption, if !shows => Ok(()),
    };
    log.usher = None;
    // With it end the connections, and with them the taps.
    drop(proxy);
    for (session, path, recording) in shelf.take_all() {
        log.recorded(session, &path, &finish(recording).await)?;
    }
    ended
}

/// Finds the ways to the server, who to be there, and whether to trust it: all that a person may be asked.
async fn prepare(args: &ProxyArgs) -> Result<(Prepared<'_>, Option<Login>), Failure> {
    let dial = Dial {
        view_only: false,
        pixels: false,
        extras: Extras::default(),
        timeout: PATIENCE,
    };
    let mut prepared = dial.prepare(&args.target).await?;
    let login = prepared.login().await?;
    let login = login.map(|(user, password)| Login { user, password });
    match &login {
        Some(Login { user, .. }) => say(format_args!(
            "whoever connects here is let in as {}",
            printable(user)
        )),
        None if prepared.has_password() => {
            say("the password given here is not used: clients bring theirs");
        }
        None => {}
    }
    prepared.trust().await?;
    Ok((prepared, login))
}

/// Prints what happens until that fails.
async fn follow(proxy: &mut Proxy, log: &mut Log, shelf: &Shelf) -> Failure {
    while let Some(event) = proxy.next_event().await {
        let printed = log.print(&event);
        let concluded = match &event {
            Event::Ended { session, .. } => match shelf.take(*session) {
                Some((path, recording)) => log.recorded(*session, &path, &finish(recording).await),
                None => Ok(()),
            },
            _ => Ok(()),
        };
        if let Err(failure) = printed.and(concluded) {
            return failure;
        }
    }
    Failure::new(Exit::Unexpected, "the proxy has ended")
}

async fn finish(recording: Recording) -> Progress {
    let written = tokio::task::spawn_blocking(|| recording.finish()).await;
    written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The places to listen at.
fn doors(args: &ProxyArgs) -> Result<Vec<Door>, Failure> {
    let plain = args.listen.iter().map(|address| Door {
        address: address.clone(),
        #[cfg(feature = "tls")]
        credentials: None,
    });
    #[cfg_attr(not(feature = "tls"), allow(unused_mut))]
    let mut doors: Vec<Door> = plain.collect();
    #[cfg(feature = "tls")]
    if let (Some(address), Some(certificate), Some(key)) =
        (&args.tls_listen, &args.tls_cert, &args.tls_key)
    {
        doors.push(Door {
            address: address.clone(),
            credentials: Some(super::serve::credentials(certificate, key)?),
        });
    }
    #[cfg(not(feature = "tls"))]
    if args.tls_listen.is_some() {
        let text = "cannot listen with TLS: this capsaicin was built without it";
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(doors)
}

/// Where clients connect, as they write it.
fn uris(addresses: &[Address], args: &ProxyArgs) -> Vec<String> {
    let plain = usize::from(args.listen.is_some());
    let uri = |(place, address): (usize, &Address)| match address {
        Address::Unix(path) => format!("spice+unix://{}", path.display()),
        Address::Tcp { .. } if place >= plain => format!("spice+tls://{address}"),
        Address::Tcp { .. } => format!("spice://{address}"),
    };
    addresses.iter().enumerate().map(uri).collect()
}

/// A viewer of what passes.
fn viewer(args: &ProxyArgs, target: String, watch: Watch, logged: Option<Lines>) -> Options {
    Options {
        target,
        view_only: true,
        escape: args.drawing.escape,
        layout: Layout::us(),
        alt_codes: false,
        remember: None,
        first_time: Some(Box::new(state::is_first_time)),
        drawing: view::drawing(&args.drawing),
        style: view::style(&args.drawing),
        overrides: args.drawing.terminal.clone(),
        sound: None,
        microphone: false,
        watch,
        recordable: None,
        logged,
        redial: None,
        panes: vec![PaneKind::Channels, PaneKind::Messages],
    }
}

/// Lines of the program's own log.
type Lines = mpsc::Receiver<String>;

/// The recordings: a file for each session.
struct Shelf {
    /// The first file.
    path: Option<PathBuf>,
    force: bool,
    about: About,
    going: Mutex<Vec<(u64, PathBuf, Recording)>>,
}

impl Shelf {
    /// Looks whether the first file can be made.
    fn new(args: &ProxyArgs) -> Result<Self, Failure> {
        if let Some(path) = args.output.as_deref().filter(|_| !args.force)
            && path.exists()
        {
            let text = format!("cannot make {}: it exists", path.display());
            return Err(Failure::new(Exit::File, text).with_hint("--force writes over it"));
        }
        Ok(Self {
            path: args.output.clone(),
            force: args.force,
            about: About {
                comment: format!(
                    "a session of {}, seen by a proxy",
                    dial::target(&args.target)?
                ),
                choices: Choices {
                    input: args.with_input,
                    clipboard: args.with_clipboard,
                },
                ..About::default()
            },
            going: Mutex::default(),
        })
    }

    /// Who sees the sessions: a recorder, where they are recorded, and a witness, where they are shown.
    fn taps(self: &Arc<Self>, usher: Option<Usher>) -> TapMaker {
        let shelf = Arc::clone(self);
        Box::new(move |session| {
            let witness = usher.as_ref().map(|usher| usher.witness(session));
            let witness = witness.map(|witness| Box::new(witness) as Box<dyn Tap>);
            let taps: Vec<_> = shelf
                .recorder(session, usher.as_ref())
                .into_iter()
                .chain(witness)
                .collect();
            (!taps.is_empty()).then(|| Box::new(taps) as Box<dyn Tap>)
        })
    }

    fn recorder(&self, session: u64, usher: Option<&Usher>) -> Option<Box<dyn Tap>> {
        let path = numbered(self.path.as_deref()?, session);
        match self.start(session, &path) {
            Ok(recorder) => Some(Box::new(recorder)),
            Err(error) => {
                let (name, why) = (path.display(), system(&error));
                let text = format!("session {session} is not recorded: cannot make {name}: {why}");
                match usher {
                    Some(usher) => usher.tell(text),
                    None => say(text),
                }
                None
            }
        }
    }

    fn start(&self, session: u64, path: &Path) -> io::Result<Recorder> {
        let mut options = OpenOptions::new();
        options.write(true);
        let (recorder, recording) = match self.force {
            true => {
                let file = options.create(true).truncate(true).open(path)?;
                Recorder::start(file, &self.about)
            }
            false => {
                let file = options.create_new(true).open(path)?;
                Recorder::start_in_new(file, path, &self.about)
            }
        }?;
        self.going().push((session, path.to_owned(), recording));
        Ok(recorder)
    }

    /// The recording of a session that is over.
    fn take(&self, session: u64) -> Option<(PathBuf, Recording)> {
        let mut going = self.going();
        let place = going.iter().position(|(number, ..)| *number == session)?;
        let (_, path, recording) = going.swap_remove(place);
        Some((path, recording))
    }

    fn take_all(&self) -> Vec<(u64, PathBuf, Recording)> {
        std::mem::take(&mut *self.going())
    }

    fn going(&self) -> std::sync::MutexGuard<'_, Vec<(u64, PathBuf, Recording)>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `session.pcapng`, `session-2.pcapng` and so on.
fn numbered(path: &Path, session: u64) -> PathBuf {
    if session == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{session}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Where events are printed.
struct Log {
    began: Instant,
    json: bool,
    /// Who tells the viewer, while there is one.
    usher: Option<Usher>,
}

impl Log {
    fn listening(&self, proxy: &Proxy, args: &ProxyArgs) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        for uri in uris(proxy.addresses(), args) {
            if let Some(usher) = &self.usher {
                usher.tell(format!("listening at {uri}"));
                continue;
            }
            let told = match self.json {
                true => writeln!(out, "{}", report::json(json!({ "listening": uri }))),
                false => writeln!(out, "listening at {}; Ctrl+C ends it", printable(&uri)),
            };
            told.and_then(|()| out.flush())
                .map_err(|error| Failure::output(&error))?;
        }
        Ok(())
    }

    fn print(&mut self, event: &Event) -> Result<(), Failure> {
        match self.json {
            true => self.print_json(facts(event)),
            false => self.print_text(&text(event)),
        }
    }

    fn recorded(&self, session: u64, path: &Path, progress: &Progress) -> Result<(), Failure> {
        let ended = progress.ended.as_ref().map(ToString::to_string);
        if self.json {
            return self.print_json(json!({
                "event": "recorded",
                "session": session,
                "file": path.to_string_lossy(),
                "messages": progress.frames,
                "bytes": progress.bytes,
                "ended_early": ended,
            }));
        }
        let (name, bytes) = (path.display(), short(progress.bytes));
        let early = ended.map_or_else(String::new, |why| format!("; it ended early: {why}"));
        self.print_text(&format!(
            "#{session} recorded     {name}: {} messages, {bytes}B{early}",
            progress.frames
        ))
    }

    fn print_json(&self, mut facts: Value) -> Result<(), Failure> {
        if let Value::Object(facts) = &mut facts {
            let at = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e6;
            facts.insert("at".into(), at.into());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", report::json(facts))
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }

    fn print_text(&self, text: &str) -> Result<(), Failure> {
        if let Some(usher) = &self.usher {
            usher.tell(text.to_owned());
            return Ok(());
        }
        let at = self.began.elapsed();
        let (seconds, millis) = (at.as_secs(), at.subsec_millis());
        // Nobody may be reading; the proxy goes on.
        let _ = writeln!(io::stderr(), "{seconds:5}.{millis:03}  {}", printable(text));
        Ok(())
    }
}

/// An event as a line for people.
fn text(event: &Event) -> String {
    let on = |session: &u64, channel: &dyn fmt::Display| {
        let channel = channel.to_string();
        format!("#{session} {channel:<12}")
    };
    match event {
        Event::Linked {
            session,
            channel,
            client,
            server,
        } => format!("{} linked: {client} to {server}", on(session, channel)),
        Event::Refused { client, why } => format!("not linked: {client}: {why}"),
        Event::Fault {
            session,
            channel,
            way,
            number,
            serial,
            rule,
        } => {
            let name = message(*way, *channel, *number);
            let place = on(session, channel);
            format!(
                "{place} {} sends {name}, message {serial}: {rule}",
                who(*way)
            )
        }
        Event::Leaves { session, message } => format!(
            "{} {message}: the client is sent to another host, which it reaches without this proxy",
            on(session, &"main")
        ),
        Event::Closed {
            session,
            channel,
            from_server,
            from_client,
            why,
        } => format!(
            "{} closed: {why}; from the server {}, from the client {}",
            on(session, channel),
            amount(from_server),
            amount(from_client)
        ),
        Event::Ended { session, lasted } => {
            format!(
                "#{session} ended        after {:.3} s",
                lasted.as_secs_f64()
            )
        }
    }
}

/// An event for programs.
fn facts(event: &Event) -> Value {
    let traffic =
        |traffic: &Traffic| json!({ "messages": traffic.messages, "bytes": traffic.bytes });
    match event {
        Event::Linked {
            session,
            channel,
            client,
            server,
        } => json!({
            "event": "linked",
            "session": session,
            "channel": channel.to_string(),
            "client": client,
            "server": server,
        }),
        Event::Refused { client, why } => {
            json!({ "event": "refused", "client": client, "why": why })
        }
        Event::Fault {
            session,
            channel,
            way,
            number,
            serial,
            rule,
        } => json!({
            "event": "fault",
            "session": session,
            "channel": channel.to_string(),
            "from": who(*way),
            "message": message(*way, *channel, *number),
            "serial": serial,
            "rule": rule,
        }),
        Event::Leaves { session, message } => {
            json!({ "event": "leaves", "session": session, "message": message })
        }
        Event::Closed {
            session,
            channel,
            from_server,
            from_client,
            why,
        } => json!({
            "event": "closed",
            "session": session,
            "channel": channel.to_string(),
            "from_server": traffic(from_server),
            "from_client": traffic(from_client),
            "why": why,
        }),
        Event::Ended { session, lasted } => {
            json!({ "event": "ended", "session": session, "seconds": lasted.as_secs_f64() })
        }
    }
}

const fn who(way: Way) -> &'static str {
    match way {
        Way::ToClient => "server",
        Way::ToServer => "client",
    }
}

/// A message's name, or its number.
fn message(way: Way, channel: crate::channel::ChannelId, number: u16) -> String {
    let names = match way {
        Way::ToClient => names::from_server(channel.kind),
        Way::ToServer => names::from_client(channel.kind),
    };
    names::name(names, number).map_or_else(|| number.to_string(), str::to_owned)
}

fn amount(traffic: &Traffic) -> String {
    format!("{} messages, {}B", traffic.messages, short(traffic.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_percentages_are_read_as_people_write_them() {
        assert_eq!(rate("512k"), Ok(512_000));
        assert_eq!(rate("2.5M"), Ok(2_500_000));
        assert_eq!(rate("64000"), Ok(64_000));
        assert_eq!(percent("2.5%"), Ok(2.5));
        for wrong in ["", "M", "12", "-1M", "9999G", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        for wrong in ["-1", "101", "half"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_names_no_host_listens_for_this_machine_only() {
        assert_eq!(door(":0"), Ok(Address::tcp("127.0.0.1", 0)));
        assert_eq!(door("0.0.0.0:5999"), Ok(Address::tcp("0.0.0.0", 5999)));
        assert_eq!(door("::1"), Ok(Address::tcp("::1", 5900)));
    }

    #[test]
    fn every_session_gets_a_file_of_its_own() {
        let name = |session| numbered(Path::new("a/vm.1.pcapng"), session);
        assert_eq!(name(1), Path::new("a/vm.1.pcapng"));
        assert_eq!(name(2), Path::new("a/vm.1-2.pcapng"));
        assert_eq!(numbered(Path::new("vm"), 3), Path::new("vm-3"));
    }
}
