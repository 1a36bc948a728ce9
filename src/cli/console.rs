//! `capsaicin connect --port` and `--list-ports`: ports as `virsh console` and `ls` have them.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::args::{Common, ConnectArgs};
use super::dial::{Dial, Dialled, Extras};
use super::logging;
use super::report::{self, Exit, Failure, say};
use crate::channel::port::{Event, Happening, Order};
use crate::client::{CommandSender, SpiceClient};
use crate::session::{ClientEvent, Command};
use crate::tui::{Escape, printable};

/// How long nothing may be heard of ports before there are no more.
const QUIET: Duration = Duration::from_secs(1);

/// Bytes of one read of what is typed. The next follows when these have left.
const PIECE: usize = 4096;

/// Prints the ports a server has.
///
/// # Errors
///
/// When there is no connection.
pub async fn list(args: &ConnectArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let interruption = super::interruption()?;
    let listing = async {
        let mut client = dial(args, true).await?.client;
        let ports = Ports::find(&mut client, None).await?;
        let mut out = io::stdout().lock();
        for (name, opened) in ports.named.values() {
            let written = if args.json {
                writeln!(
                    out,
                    "{}",
                    report::json(json!({ "port": name, "open": opened }))
                )
            } else {
                let state = if *opened { "open" } else { "closed" };
                writeln!(out, "{state:<6}  {}", printable(name))
            };
            written.map_err(|error| Failure::output(&error))?;
        }
        if ports.named.is_empty() {
            say(format_args!("the server has no ports"));
        }
        Ok(())
    };
    tokio::select! {
        result = listing => result,
        failure = interruption => Err(failure),
    }
}

/// Joins a port and this program's input and output until the escape key, the time or the server ends it. What the guest
/// writes goes to the terminal as it is: that is what was asked for.
///
/// # Errors
///
/// When there is no connection, no such port, or the server ends the session.
pub async fn join(name: &str, args: &ConnectArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let interruption = super::interruption()?;
    let typed = io::stdin().is_terminal();
    let escape = escape_byte(args.escape)?;
    let mut hangup = signal(SignalKind::hangup())
        .map_err(|error| Failure::file("listen to", "signals", &error))?;
    let joining = async {
        let Dialled {
            mut client,
            name: target,
            ..
        } = dial(args, false).await?;
        let ports = Ports::find(&mut client, Some(name)).await?;
        let Some(port) = ports.number(name) else {
            return Err(ports.lacks(name));
        };
        let name = ports.named.get(&port).map_or(name, |(name, _)| name);
        if io::stderr().is_terminal() {
            eprintln!(
                "Joined to {} of {}. {} ends it.",
                printable(name),
                printable(&target),
                args.escape
            );
        }
        let raw = match typed {
            true => Some(Raw::begin()?),
            false => None,
        };
        let mut console = Console {
            sender: client.sender(),
            port,
            escape: typed.then_some(escape),
            unwritten: 0,
        };
        let result = console.run(&mut client, args.lasting).await;
        drop(raw);
        if typed && io::stderr().is_terminal() {
            eprintln!();
        }
        // Says goodbye, for a server that listens no longer than a moment.
        let _ = console.sender.send(Command::Disconnect).await;
        result
    };
    tokio::select! {
        result = joining => result,
        failure = interruption => Err(failure),
        _ = hangup.recv() => Err(Failure::interrupted()),
    }
}

async fn dial(args: &ConnectArgs, view_only: bool) -> Result<Dialled, Failure> {
    let dial = Dial {
        pixels: false,
        view_only,
        extras: Extras {
            ports: true,
            undrawn: true,
            ..Extras::default()
        },
        timeout: args.timeout,
    };
    dial.connect(&args.target).await
}

/// The byte a terminal sends for the escape key.
fn escape_byte(escape: Escape) -> Result<u8, Failure> {
    match escape {
        Escape::Ctrl(c) if c.is_ascii() => Ok(c.to_ascii_uppercase() as u8 & 0x1f),
        _ => {
            let text = "--escape: only a key with Ctrl can end a port";
            Err(Failure::new(Exit::Usage, text))
        }
    }
}

/// Gives back what programs in the guest switch on for as long as they run: another screen (without moving the cursor, and
/// nothing where it is the first one), colours, a hidden cursor, keys of applications, mouse reports, marked pastes.
const AS_BEFORE: &[u8] =
    b"\x1b[?1047l\x1b[0m\x1b(B\x0f\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l";

/// The terminal in raw mode, until this is dropped.
struct Raw;

impl Raw {
    fn begin() -> Result<Self, Failure> {
        enable_raw_mode().map_err(|error| {
            Failure::new(Exit::Terminal, format!("cannot use the terminal: {error}"))
        })?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no modes.
        let mut out = io::stdout();
        if out.is_terminal() {
            let _ = out.write_all(AS_BEFORE).and_then(|()| out.flush());
        }
        let _ = disable_raw_mode();
    }
}

/// What is known of a server's ports.
#[derive(Default)]
struct Ports {
    /// Name, and whether it is open in the guest, by channel.
    named: BTreeMap<u8, (String, bool)>,
}

impl Ports {
    /// Listens until the `wanted` port has said its name, or no more ports do.
    async fn find(client: &mut SpiceClient, wanted: Option<&str>) -> Result<Self, Failure> {
        let mut ports = Self::default();
        let mut until = Instant::now() + QUIET;
        while let Ok(event) = timeout_at(until, client.next_event()).await {
            match event {
                Some(ClientEvent::Port(event)) => {
                    until = Instant::now() + QUIET;
                    if let Happening::Named { name, opened } = event.what {
                        let found = wanted == Some(name.as_str());
                        ports.named.insert(event.port, (name, opened));
                        if found {
                            break;
                        }
                    }
                }
                Some(ClientEvent::ChannelOpened(_)) => until = Instant::now() + QUIET,
                Some(ClientEvent::Closed(reason)) => return Err(reason.into()),
                Some(_) => {}
                None => break,
            }
        }
        Ok(ports)
    }

    /// The port of this name, or else the only one whose name ends with it: `serial.0` for `org.qemu.console.serial.0`.
    fn number(&self, wanted: &str) -> Option<u8> {
        let numbers = |is_it: &dyn Fn(&str) -> bool| -> Vec<u8> {
            let named = self.named.iter().filter(|(_, (name, _))| is_it(name));
            named.map(|(id, _)| *id).collect()
        };
        let ends = |name: &str| {
            let before = name.strip_suffix(wanted);
            before.is_some_and(|before| before.ends_with('.'))
        };
        match (&numbers(&|name| name == wanted)[..], &numbers(&ends)[..]) {
            ([number, ..], _) | ([], [number]) => Some(*number),
            _ => None,
        }
    }

    /// There is no such port, but others may be.
    fn lacks(&self, wanted: &str) -> Failure {
        let names: Vec<&str> = self.named.values().map(|(name, _)| &**name).collect();
        let failure = Failure::new(Exit::NotFound, format!("the server has no port {wanted}"));
        if names.is_empty() {
            failure.with_hint("it has no ports at all")
        } else {
            failure.with_hint(format!("it has {}", names.join(", ")))
        }
    }
}

/// A port that is joined to this program.
struct Console {
    sender: CommandSender,
    port: u8,
    /// The byte that ends it, where keys are typed.
    escape: Option<u8>,
    /// Bytes given to the session that have not left.
    unwritten: usize,
}

impl Console {
    async fn run(
        &mut self,
        client: &mut SpiceClient,
        lasting: Option<Duration>,
    ) -> Result<(), Failure> {
        let mut typed = read_input();
        let mut open = true;
        let until = lasting.map(|lasting| Instant::now() + lasting);
        loop {
            let enough = async {
                match until {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = client.next_event() => match event {
                    Some(ClientEvent::Closed(reason)) => return Err(reason.into()),
                    Some(event) => self.happened(&event)?,
                    None => return Ok(()),
                },
                piece = typed.recv(), if open && self.unwritten == 0 => match piece {
                    Some(piece) => if self.write(piece).await { return Ok(()) },
                    // A program that has said all may still listen.
                    None => open = false,
                },
                () = enough => return Ok(()),
            }
        }
    }

    /// Gives what was typed to the port; whether the escape key was among it.
    async fn write(&mut self, mut piece: Vec<u8>) -> bool {
        let end = self
            .escape
            .and_then(|escape| piece.iter().position(|b| *b == escape));
        if let Some(end) = end {
            piece.truncate(end);
        }
        if !piece.is_empty() {
            self.unwritten = piece.len();
            let order = Order::Write {
                port: self.port,
                data: Bytes::from(piece),
            };
            if self.sender.send(Command::Port(order)).await.is_err() {
                return true;
            }
        }
        end.is_some()
    }

    fn happened(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        match event {
            ClientEvent::Port(Event { port, what }) if *port == self.port => match what {
                Happening::Data(data) => return self.show(data),
                Happening::Written(count) => {
                    self.unwritten = self.unwritten.saturating_sub(*count);
                }
                Happening::Opened => self.remark("the guest opened the port"),
                Happening::Closed => self.remark("the guest closed the port"),
                _ => {}
            },
            ClientEvent::Notice(notice)
                if notice.count == 1 && notice.channel.is_some_and(|id| id.id == self.port) =>
            {
                self.remark(&notice.text);
            }
            _ => {}
        }
        Ok(())
    }

    fn show(&self, data: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(data)
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }

    /// Tells the user something between the guest's lines.
    fn remark(&self, text: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r\n[{}]\r\n", printable(text));
        }
    }
}

/// What is typed, read by a thread of its own: nothing else can wait for a terminal, a pipe and a file alike.
fn read_input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        let mut piece = [0; PIECE];
        loop {
            match io::stdin().lock().read(&mut piece) {
                Ok(0) => return,
                Ok(count) => {
                    if sender.blocking_send(piece[..count].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receiver
}
