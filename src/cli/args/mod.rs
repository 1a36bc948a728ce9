//! The command line: what may be written, in the words of `--help`.

// These comments are the help a person reads: `HOST[:PORT]` is no link.
#![allow(rustdoc::broken_intra_doc_links)]

mod agent;
mod keys;
mod screen;
mod serve;
mod target;
mod tools;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as Group, CommandFactory, Parser, Subcommand};

pub use agent::{CopyArgs, PasteArgs, SendArgs};
pub use keys::{KeyArgs, LayoutArgs, TypeArgs};
pub use screen::{ConnectArgs, ScreenshotArgs};
pub use serve::{ServeArgs, ServedCompression};
pub use target::{Compression, SecurityArgs, TargetArgs, Trust, VideoCodec};
pub use tools::{Codec, CompletionsArgs, DecodeArgs, DoctorArgs};
pub use view::{Colours, Draw, DrawingArgs, PlayArgs, ViewArgs};

use super::export::ExportArgs;
use super::inspect::InspectArgs;
use super::logging::Wanted;
use super::proxy::ProxyArgs;
use super::record::RecordArgs;

/// The SPICE remote-display protocol in pure Rust: view a virtual machine inside the terminal, or be its server.
#[derive(Debug, Parser)]
#[command(name = "capsaicin", version, max_term_width = 100, after_help = TARGETS)]
pub struct Args {
    /// Common to all.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line for the parser and for shells. The viewer alone does without a target.
pub fn command() -> clap::Command {
    Args::command().mut_subcommand("view", |view| {
        view.mut_arg("target", |target| {
            target
                .required(false)
                .default_value("")
                .hide_default_value(true)
        })
    })
}

const TARGETS: &str = "\
TARGET is HOST[:PORT] (port 5900 unless named), spice://HOST:PORT,
spice+tls://HOST:PORT, spice+unix:///PATH, ws://HOST[:PORT]/PATH, wss://...,
a .vv file, the path of a socket, libvirt:NAME (libvirt+URI:NAME), or demo:
for the server inside this program, which needs no machine at all. 'view',
'screenshot' and 'inspect' take recordings too.

Examples:
  capsaicin view demo:
  capsaicin screenshot 127.0.0.1:5900 -o screen.png
  capsaicin type 127.0.0.1:5900 --layout de 'Hallo' --enter
  capsaicin inspect recording.pcapng --stats

Exit codes: 0 done, 2 usage, 3 cannot connect, 4 not SPICE, 5 TLS, 6 password,
7 closed by the server, 8 timeout, 9 not found, 10 terminal unfit, 11 file,
130 interrupted, 1 anything else.";

/// Options of every command.
#[derive(Debug, Group)]
pub struct Common {
    /// Add the program's log to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Log more (-v, -vv); RUST_LOG=capsaicin=debug works too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Common {
    /// What to log.
    pub fn logging(&self) -> Wanted<'_> {
        Wanted {
            file: self.log_file.as_deref(),
            verbose: self.verbose,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// View a machine inside this terminal
    View(ViewArgs),
    /// Connect without a picture and print what happens
    Connect(ConnectArgs),
    /// Save the screen of a machine, or show it
    Screenshot(ScreenshotArgs),
    /// Record a session into a file that Wireshark opens
    Record(RecordArgs),
    /// Make a recording a picture, a film, a sound or a text
    Export(ExportArgs),
    /// Stand between a client and a server: record, slow down, damage
    Proxy(ProxyArgs),
    /// Print the messages of a session or a recording, decoded
    Inspect(InspectArgs),
    /// Play a recording inside this terminal
    Play(PlayArgs),
    /// Put text or a picture into the clipboard of a machine
    Paste(PasteArgs),
    /// Print what was copied in a machine
    Copy(CopyArgs),
    /// Send files to a machine
    Send(SendArgs),
    /// Type text at a machine
    Type(TypeArgs),
    /// Press keys of a machine: ctrl+alt+delete
    Key(KeyArgs),
    /// Be a SPICE server
    Serve(ServeArgs),
    /// Say what this terminal can show and what to change; try a target
    Doctor(DoctorArgs),
    /// Decode images that SPICE compressed
    Decode(DecodeArgs),
    /// Print a script that completes this command line in a shell
    Completions(CompletionsArgs),
}

/// A place in a recording: seconds from its beginning.
pub(super) fn moment(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        _ => seconds(text),
    }
}

/// A time to wait: more than nothing, and at most a year.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    // A year is as good as for ever, and leaves room to calculate with.
    if seconds > 0.0 && seconds <= 31_536_000.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("more than no seconds, and at most a year".into())
    }
}
