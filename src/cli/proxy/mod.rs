//! `capsaicin proxy`: between any client and any server.

mod log;
mod shelf;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use clap::Args;
use log::Log;
use shelf::Shelf;

use super::args::{Common, DrawingArgs, TargetArgs, seconds};
use super::dial::{Dial, Extras, Prepared};
use super::report::{Exit, Failure, say};
use super::{dial, logging, state, view};
use crate::keyboard::Layout;
use crate::net::{Address, BadAddress};
use crate::proxy::{Config, Door, Event, Gate, Login, Proxy, Rule, Shape};
use crate::recording::{Progress, Recording};
use crate::tui::mirror::Mirror;
use crate::tui::panes::PaneKind;
use crate::tui::watch::Watch;
use crate::tui::{self, Options, printable};
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
}
