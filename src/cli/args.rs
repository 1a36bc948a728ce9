//! The command line: what may be written, in the words of `--help`.

// These comments are the help a person reads: `HOST[:PORT]` is no link.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as Group, CommandFactory, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;

use super::export::ExportArgs;
use super::inspect::InspectArgs;
use super::layouts::LayoutParser;
use super::logging::Wanted;
use super::proxy::ProxyArgs;
use super::record::RecordArgs;
use crate::channel::display::{self, ImageCompression};
use crate::codec::video;
use crate::geometry::Size;
use crate::keyboard::{Chord, Layout};
use crate::term::probe::Capabilities;
use crate::tui::Escape;
use crate::tui::deck::Speed;

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
for the server inside this program, which needs no machine at all. 'view'
and 'screenshot' take recordings too.

Examples:
  capsaicin view demo:
  capsaicin screenshot 127.0.0.1:5900 -o screen.png
  capsaicin type 127.0.0.1:5900 --layout de 'Hallo' --enter
  capsaicin inspect recording.pcapng --stats

Exit codes: 0 done, 2 usage, 3 cannot connect, 4 not SPICE, 5 TLS, 6 password,
7 closed by the server, 8 timeout, 10 terminal unfit, 11 file, 130 interrupted,
1 anything else.";

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

/// What to connect to, and how.
#[derive(Clone, Debug, Group)]
pub struct TargetArgs {
    /// HOST[:PORT], spice://HOST:PORT, spice+tls://HOST:PORT, spice+unix:///PATH, ws://HOST/PATH, a socket, a .vv file, libvirt:NAME, a recording, or demo:
    pub target: String,
    /// Read the password from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// TLS.
    #[command(flatten)]
    pub security: SecurityArgs,
    /// Connect even where that disconnects another viewer, and do not ask. Known is who is connected to machines here
    #[arg(long, hide_short_help = true)]
    pub take: bool,
    /// Ask the server to send images this way: off, auto_glz, auto_lz, quic, glz, lz or lz4
    #[arg(
        long,
        value_name = "CODEC",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub preferred_compression: Option<Compression>,
    /// Video codecs the server may use, best first: mjpeg, vp8, vp9, h264, h265; or none
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub codecs: Option<Vec<VideoCodec>>,
}

/// Who the user is, what lies between, whom to trust, and when to use TLS.
#[derive(Clone, Debug, Default, Group)]
pub struct SecurityArgs {
    /// Who the user is, for servers that ask by SASL
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub user: Option<String>,
    /// Connect by this HTTP proxy, [http[s]://][USER:PASSWORD@]HOST[:PORT]; '' for none in spite of SPICE_PROXY
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub proxy: Option<String>,
    /// Trust the certificates of this PEM file, and no others
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The subject the server's certificate must have, KEY=VALUE,... in its order; its names do not count then
    #[arg(long, value_name = "SUBJECT", hide_short_help = true)]
    pub host_subject: Option<String>,
    /// Whom to trust without --ca-file: the system's authorities (system), whoever you say (ask), whoever comes
    /// first (first-use), anybody (none)
    #[arg(
        long,
        value_name = "ask|first-use|system|none",
        default_value = "ask",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub trust: Trust,
    /// The server's port with TLS
    #[arg(long, value_name = "PORT", hide_short_help = true, value_parser = value_parser!(u16).range(1..))]
    pub tls_port: Option<u16>,
    /// Nothing without TLS: a single port is taken for one with TLS
    #[arg(long, hide_short_help = true, conflicts_with = "plain")]
    pub tls_only: bool,
    /// Begin at the plain port even where there is one with TLS; a channel that the server wants with TLS gets it. Without
    /// this no channel is ever made plain, not even when the server asks for it
    #[arg(long, hide_short_help = true)]
    pub plain: bool,
}

/// Whom to trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Trust {
    /// The system's authorities, and whoever the person at the terminal says.
    #[default]
    Ask,
    /// The system's authorities, and who came first.
    FirstUse,
    /// The system's authorities.
    System,
    /// Anybody.
    None,
}

/// A video codec, or the word for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VideoCodec {
    /// No video.
    None,
    /// MJPEG.
    Mjpeg,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// H.264.
    H264,
    /// H.265.
    H265,
}

impl VideoCodec {
    /// The codec.
    pub fn codec(self) -> Option<video::Codec> {
        match self {
            Self::None => None,
            Self::Mjpeg => Some(video::Codec::Mjpeg),
            Self::Vp8 => Some(video::Codec::Vp8),
            Self::Vp9 => Some(video::Codec::Vp9),
            Self::H264 => Some(video::Codec::H264),
            Self::H265 => Some(video::Codec::H265),
        }
    }
}

/// How a server may send images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// Not compressed.
    Off,
    /// QUIC for photographs, GLZ for the rest.
    #[value(name = "auto_glz")]
    AutoGlz,
    /// QUIC for photographs, LZ for the rest.
    #[value(name = "auto_lz")]
    AutoLz,
    /// QUIC.
    Quic,
    /// GLZ.
    Glz,
    /// LZ.
    Lz,
    /// LZ4.
    Lz4,
}

impl From<Compression> for ImageCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Off => Self::Off,
            Compression::AutoGlz => Self::AutoGlz,
            Compression::AutoLz => Self::AutoLz,
            Compression::Quic => Self::Quic,
            Compression::Glz => Self::Glz,
            Compression::Lz => Self::Lz,
            Compression::Lz4 => Self::Lz4,
        }
    }
}

const VIEW_EXAMPLES: &str = "\
Every key and the mouse go to the machine. Ctrl+] opens the menu: there q quits
and ? explains the rest. Without TARGET a list of what can be reached from here
is shown: machines of libvirt, QEMU processes, what was viewed before.

Examples:
  capsaicin view
  capsaicin view demo:
  capsaicin view 127.0.0.1:5900
  capsaicin view --view-only --draw ascii spice+unix:///run/vm.sock";

/// `view`
#[derive(Debug, Group)]
#[command(after_help = VIEW_EXAMPLES)]
pub struct ViewArgs {
    /// What to view.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Send no keys and no mouse
    #[arg(long)]
    pub view_only: bool,
    /// End when the connection is lost, rather than make it again
    #[arg(long)]
    pub no_reconnect: bool,
    /// Let the guest hear the microphone from the start; the menu switches it on and off too
    #[arg(long, conflicts_with = "view_only")]
    pub mic: bool,
    /// Record the session into this new file, from its beginning; r in the menu begins at any time
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Record keys, the pointer and what is said to ports and by the microphone, too
    #[arg(long)]
    pub with_input: bool,
    /// Record the contents of clipboards and of files that are sent, too
    #[arg(long)]
    pub with_clipboard: bool,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Type characters that the layout lacks by their numbers, as Windows takes them (Alt+0176)
    #[arg(long, hide_short_help = true)]
    pub alt_codes: bool,
    /// How it is drawn.
    #[command(flatten)]
    pub drawing: DrawingArgs,
}

/// How the viewer draws, and the key of its menu.
#[derive(Debug, Group)]
pub struct DrawingArgs {
    /// The key that opens the menu
    #[arg(long, value_name = "KEY", default_value = "ctrl+]")]
    pub escape: Escape,
    /// What the picture is drawn with
    #[arg(
        long,
        value_name = "auto|kitty|sixel|iterm2|octant|sextant|quadrant|half|ascii",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub draw: Draw,
    /// How many colours it is drawn with
    #[arg(
        long,
        value_name = "auto|true|256|16|none",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub colours: Colours,
    /// What this terminal can do, where it is wrong about that: sixel=off, cell=8x16 (see doctor --help)
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CAPSAICIN_TERMINAL",
        hide_short_help = true,
        value_parser = capability
    )]
    pub terminal: Vec<String>,
}

const PLAY_EXAMPLES: &str = "\
Space stops and goes on, arrows go back and forth, + and - change the speed,
? explains the rest, q quits. Captures by tcpdump or Wireshark of a plain SPICE
connection are played too; what is missing in them is said.

Examples:
  capsaicin play boot.pcapng
  capsaicin play --speed 8 boot.pcapng
  capsaicin play --at 90 --paused boot.pcapng";

/// `play`
#[derive(Debug, Group)]
#[command(after_help = PLAY_EXAMPLES)]
pub struct PlayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Begin so many seconds after its beginning
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub at: Option<Duration>,
    /// How fast: 0.25, 0.5, 1, 2, 4, 8, 16, 32, or max for as fast as possible
    #[arg(long, value_name = "TIMES", default_value = "1")]
    pub speed: Speed,
    /// Show the first picture and wait
    #[arg(long)]
    pub paused: bool,
    /// Begin again at the end
    #[arg(long = "loop")]
    pub looping: bool,
    /// Play this session of the file, from 1, and not the last one with a picture
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..))]
    pub session: Option<u32>,
    /// How it is drawn.
    #[command(flatten)]
    pub drawing: DrawingArgs,
}

/// What a picture is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Draw {
    /// The best the terminal has
    Auto,
    /// Pixels, by the kitty graphics protocol
    Kitty,
    /// Pixels, by the kitty graphics protocol without its edits: a tile at a time
    KittyTiles,
    /// Pixels, by the kitty graphics protocol through tmux
    KittyPlaceholders,
    /// Pixels, by sixel
    Sixel,
    /// Pixels, by iTerm2's inline images
    Iterm2,
    /// Blocks of eight pixels a character; few terminals have them
    Octant,
    /// Blocks of six pixels a character
    Sextant,
    /// Quarter blocks: four pixels a character
    Quadrant,
    /// Half blocks: two pixels a character
    Half,
    /// ASCII characters
    Ascii,
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    /// What the terminal is likely to show
    Auto,
    /// All of them
    True,
    /// The xterm palette
    #[value(name = "256")]
    Palette256,
    /// The first sixteen of it
    #[value(name = "16")]
    Palette16,
    /// None
    None,
}

const CONNECT_EXAMPLES: &str = "\
Runs until the server or Ctrl+C ends it. Lines come up to 16 ms late: it rests
between messages, to leave the processor to others.

Examples:
  capsaicin connect demo: --for 2
  capsaicin connect 127.0.0.1:5900
  capsaicin connect 127.0.0.1:5900 --json --for 5 | head
  capsaicin connect 127.0.0.1:5900 --audio sound.wav --for 60
  capsaicin connect 127.0.0.1:5900 --list-ports
  capsaicin connect 127.0.0.1:5900 --port serial.0";

/// `connect`
#[derive(Debug, Group)]
#[command(after_help = CONNECT_EXAMPLES)]
pub struct ConnectArgs {
    /// What to connect to.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Disconnect after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub lasting: Option<Duration>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Write the guest's sound to this WAV file
    #[arg(long, value_name = "FILE", conflicts_with = "port")]
    pub audio: Option<PathBuf>,
    /// Play this WAV file to the guest as its microphone, from the start whenever it listens
    #[arg(long, value_name = "FILE", conflicts_with = "port")]
    pub mic: Option<PathBuf>,
    /// Have sound sent as it is, both ways, and not coded with Opus
    #[arg(long)]
    pub raw_sound: bool,
    /// Join this terminal to the port of this name, such as a serial console; the end of the name is enough, and the escape
    /// key ends it
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub port: Option<String>,
    /// The key that ends --port, where keys are typed
    #[arg(long, value_name = "KEY", default_value = "ctrl+]", requires = "port")]
    pub escape: Escape,
    /// Only print which ports there are
    #[arg(long, conflicts_with_all = ["port", "audio", "mic"])]
    pub list_ports: bool,
}

const SCREENSHOT_EXAMPLES: &str = "\
Waits until the screen is complete and still, two seconds at most when it never
is still. TARGET may be a recording: a .pcapng or .pcap of a plain connection.
Without -o the picture is shown in the terminal.

Examples:
  capsaicin screenshot demo: -o demo.png
  capsaicin screenshot 127.0.0.1:5900 -o screen.ppm --json
  capsaicin screenshot 127.0.0.1:5900 -o second.png --monitor 2
  capsaicin screenshot boot.pcapng --at 2.5 -o boot.png
  capsaicin screenshot spice+unix:///run/vm.sock -o - > screen.png";

/// `screenshot`
#[derive(Debug, Group)]
#[command(after_help = SCREENSHOT_EXAMPLES)]
pub struct ScreenshotArgs {
    /// What to take.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Write to this file, a .png or a .ppm (- for PNG on standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this monitor, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub monitor: Option<u32>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Of a recording: the screen this many seconds after its beginning, not at its end
    #[arg(long, value_name = "SECONDS", value_parser = moment)]
    pub at: Option<Duration>,
    /// Print what was saved as JSON
    #[arg(long, requires = "output")]
    pub json: bool,
}

const PASTE_EXAMPLES: &str = "\
Takes TEXT or standard input, which may be a picture too. A guest fetches its
clipboard when somebody pastes: until then this waits, and when it ends the offer
is over. Needs spice-vdagent in the guest.

Examples:
  capsaicin paste 127.0.0.1:5900 'to be pasted'
  capsaicin paste 127.0.0.1:5900 --timeout 300 < notes.txt
  capsaicin paste spice+unix:///run/vm.sock --primary < picture.png";

/// `paste`
#[derive(Debug, Group)]
#[command(after_help = PASTE_EXAMPLES)]
pub struct PasteArgs {
    /// Whose clipboard.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to offer; standard input without it
    pub text: Option<String>,
    /// Offer it as what was marked, for the middle mouse button
    #[arg(long)]
    pub primary: bool,
    /// Give up when nobody has pasted it after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
}

const COPY_EXAMPLES: &str = "\
Prints what was copied in the guest last. What was copied while another viewer was
connected agents forget when that leaves. --wait waits for what is copied next.
Needs spice-vdagent in the guest.

Examples:
  capsaicin copy 127.0.0.1:5900
  capsaicin copy 127.0.0.1:5900 --wait=30 --primary > marked.txt
  capsaicin copy 127.0.0.1:5900 --wait -o picture.png";

/// `copy`
#[derive(Debug, Group)]
#[command(after_help = COPY_EXAMPLES)]
pub struct CopyArgs {
    /// Whose clipboard.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Write to this file; a .png, .jpg, .bmp or .tiff gets a picture (- for standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the picture that was copied, not the text
    #[arg(long)]
    pub image: bool,
    /// Take what was marked, not what was copied
    #[arg(long)]
    pub primary: bool,
    /// Wait until something is copied from now on, or so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
        default_missing_value = "31536000", value_parser = seconds)]
    pub wait: Option<Duration>,
    /// Give up connecting, or fetching, after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
}

const SEND_EXAMPLES: &str = "\
The guest stores them where its agent puts files: the desktop or the folder for
downloads of whoever is logged in. Needs spice-vdagent there.

Examples:
  capsaicin send 127.0.0.1:5900 notes.txt
  capsaicin send 127.0.0.1:5900 *.iso --json
  capsaicin send spice+unix:///run/vm.sock disk.img --timeout 120";

/// `send`
#[derive(Debug, Group)]
#[command(after_help = SEND_EXAMPLES)]
pub struct SendArgs {
    /// Where to.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Files to send; of their paths the guest gets the last part
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Give up when nothing has moved for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what became of each file as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// The guest's keyboard.
#[derive(Debug, Group)]
pub struct LayoutArgs {
    /// The guest's keyboard layout, us at first and then what TARGET had the last time ('help' lists them)
    #[arg(
        long,
        value_name = "NAME",
        value_parser = LayoutParser,
        hide_possible_values = true
    )]
    pub layout: Option<&'static Layout>,
}

const TYPE_EXAMPLES: &str = "\
Text is typed as if at the machine: --layout says which keyboard it is set up
for. A line end is Enter, a tab is Tab. When the layout has no key for some of
the characters, nothing is typed and the exit code is 2. Done when the server
has taken everything in; what the guest does with it takes longer.
Most servers have one viewer at a time: another one is disconnected.

Examples:
  capsaicin type demo: 'Hello!' --enter
  capsaicin type 127.0.0.1:5900 --layout de 'Grüße aus Köln'
  capsaicin type 127.0.0.1:5900 --rate 25 - < script.sh";

/// `type`
#[derive(Debug, Group)]
#[command(after_help = TYPE_EXAMPLES)]
pub struct TypeArgs {
    /// Where to type.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to type (- for standard input)
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// Press Enter after it
    #[arg(long)]
    pub enter: bool,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Type characters that the layout lacks by their numbers, as Windows takes them (Alt+0176)
    #[arg(long)]
    pub alt_codes: bool,
    /// Leave out characters that the layout lacks
    #[arg(long)]
    pub skip_unknown: bool,
    /// Characters a second, at most; a USB keyboard takes 25
    #[arg(long, value_name = "N", default_value = "100", value_parser = value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what was typed as JSON
    #[arg(long)]
    pub json: bool,
}

const KEY_EXAMPLES: &str = "\
A chord is keys joined by +, all but the last held while the last is pressed.
A key is a character (by the layout) or a name: enter, esc, tab, f1 to f24, up,
pageup, delete, print, pause, menu, super, altgr, kp0, volumeup, KeyQ (by its
place) ... 'hold:KEYS:TIME' holds keys, 'alt+0176' types by number (Windows).
Most servers have one viewer at a time: another one is disconnected.

Examples:
  capsaicin key demo: ctrl+alt+delete
  capsaicin key 127.0.0.1:5900 ctrl+alt+f3 enter
  capsaicin key 127.0.0.1:5900 alt+sysrq+b hold:shift:500ms";

/// `key`
#[derive(Debug, Group)]
#[command(after_help = KEY_EXAMPLES)]
pub struct KeyArgs {
    /// Where to press keys.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to press, one after the other
    #[arg(value_name = "CHORD", required = true)]
    pub chords: Vec<Chord>,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what was pressed as JSON
    #[arg(long)]
    pub json: bool,
}

const SERVE_EXAMPLES: &str = "\
Prints where it listens and runs until Ctrl+C.

Examples:
  capsaicin serve
  capsaicin serve 127.0.0.1:5901 --source desktop --password-file secret.txt
  capsaicin serve --tls-cert server.pem --tls-key server.key 0.0.0.0:5901
  capsaicin serve --unix /tmp/demo.sock --source image picture.png
  capsaicin serve --source recording boot.pcapng --loop
  capsaicin serve --audio welcome.wav --mic heard.wav
  capsaicin serve --port org.qemu.console.serial.0=/tmp/serial.sock";

/// `serve`
#[derive(Debug, Group)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Where to listen, HOST:PORT; port 0 takes a free one
    #[arg(value_name = "ADDR", conflicts_with = "unix")]
    pub address: Option<String>,
    /// Listen on a unix socket instead
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,
    /// Print where it listens as JSON
    #[arg(long)]
    pub json: bool,
    /// What to show: desktop, image FILE, or recording FILE, which plays when somebody looks
    #[arg(long, value_names = ["SOURCE", "FILE"], num_args = 1..=2, default_value = "desktop")]
    pub source: Vec<String>,
    /// Begin a recording again at its end
    #[arg(long = "loop")]
    pub again: bool,
    /// Offer a port of this name, joined to whoever listens on a unix socket
    #[arg(long = "port", value_name = "NAME=SOCKET", value_parser = served_port)]
    pub ports: Vec<(String, PathBuf)>,
    /// How to send images: off, auto, quic, lz, glz, zlib-glz or lz4
    #[arg(
        long,
        value_name = "CODEC",
        default_value = "lz",
        hide_possible_values = true
    )]
    pub compression: ServedCompression,
    /// Play this WAV file to each viewer, once
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Listen to the microphones of viewers and write what they hear to this WAV file
    #[arg(long, value_name = "FILE")]
    pub mic: Option<PathBuf>,
    /// Send sound as it is, and not coded with Opus
    #[arg(long)]
    pub raw_sound: bool,
    /// Size of the screen
    #[arg(long, value_name = "WxH", default_value = "1024x768", value_parser = screen_size)]
    pub size: Size,
    /// The password clients need. Everybody on this machine can see it in ps: --password-file hides it
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_file")]
    pub password: Option<String>,
    /// Speak TLS, and nothing else, with this certificate: PEM, and those between it and its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Read the password clients need from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// How `serve` sends images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServedCompression {
    /// Not compressed.
    Off,
    /// QUIC for photographs, GLZ for the rest.
    Auto,
    /// QUIC.
    Quic,
    /// LZ.
    Lz,
    /// GLZ.
    Glz,
    /// GLZ, deflated for slow links.
    ZlibGlz,
    /// LZ4 for clients that take it, LZ for others.
    Lz4,
}

impl From<ServedCompression> for display::Compression {
    fn from(served: ServedCompression) -> Self {
        Self {
            images: match served {
                ServedCompression::Off => ImageCompression::Off,
                ServedCompression::Auto => ImageCompression::AutoGlz,
                ServedCompression::Quic => ImageCompression::Quic,
                ServedCompression::Lz => ImageCompression::Lz,
                ServedCompression::Glz | ServedCompression::ZlibGlz => ImageCompression::Glz,
                ServedCompression::Lz4 => ImageCompression::Lz4,
            },
            deflates_glz: served == ServedCompression::ZlibGlz,
        }
    }
}

fn served_port(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, socket)) if !name.is_empty() && !socket.is_empty() => {
            Ok((name.to_owned(), socket.into()))
        }
        _ => Err("not of the form NAME=SOCKET".to_owned()),
    }
}

fn screen_size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').ok_or("not of the form 1024x768")?;
    let side = |text: &str| match text.parse() {
        Ok(n @ 1..=16384) => Ok(n),
        _ => Err("each side is from 1 to 16384 pixels".to_owned()),
    };
    Ok(Size::new(side(width)?, side(height)?))
}

const DOCTOR_EXAMPLES: &str = "\
What --terminal can say: kitty, kitty-edits, kitty-shm, kitty-file, placeholders,
sixel, iterm2, sync, pixel-mouse, keyboard, remote (=on or =off), registers=N,
cell=WxH, colours=true|256|16|none, cells=octant|sextant|quadrant|half|ascii.
The same list in CAPSAICIN_TERMINAL is for every command.

Examples:
  capsaicin doctor
  capsaicin doctor 127.0.0.1:5900
  capsaicin doctor --json | jq .best";

/// `doctor`
#[derive(Debug, Group)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Also try to connect to this, step by step
    pub target: Option<String>,
    /// Read the password from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE", requires = "target")]
    pub password_file: Option<PathBuf>,
    /// TLS.
    #[command(flatten)]
    pub security: SecurityArgs,
    /// Try the password and the channels even where that disconnects another viewer
    #[arg(long, requires = "target")]
    pub take: bool,
    /// What this terminal can do, where it is wrong about that
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CAPSAICIN_TERMINAL",
        value_parser = capability
    )]
    pub terminal: Vec<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

const DECODE_EXAMPLES: &str = "\
Several files are a sequence, for GLZ images refer to those before them; OUT is a
folder then. A .raw file holds the codec's own pixels in its own row order.

Examples:
  capsaicin decode --codec quic image.quic -o image.png
  capsaicin decode --codec lz4 --width 640 --height 480 image.lz4 -o image.raw
  capsaicin decode --codec glz 0.glz 1.glz 2.glz -o frames";

/// `decode`
#[derive(Debug, Group)]
#[command(after_help = DECODE_EXAMPLES)]
pub struct DecodeArgs {
    /// quic, lz, glz, zlib-glz, lz4, jpeg or jpeg-alpha
    #[arg(long, value_name = "CODEC", hide_possible_values = true)]
    pub codec: Codec,
    /// Files to decode, in order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A .png, .ppm or .raw file, or a folder for a sequence
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Write raw pixels, whatever OUT is called
    #[arg(long)]
    pub raw: bool,
    /// Colours of palette images: 4-byte entries B, G, R, 0, or a JSON list of 0xRRGGBB
    #[arg(long, value_name = "FILE")]
    pub palette: Option<PathBuf>,
    /// Columns, for codecs whose streams do not say (LZ4)
    #[arg(long, value_name = "PIXELS", value_parser = value_parser!(u32).range(1..=16384))]
    pub width: Option<u32>,
    /// Rows, for codecs whose streams do not say (LZ4)
    #[arg(long, value_name = "PIXELS", value_parser = value_parser!(u32).range(1..=16384))]
    pub height: Option<u32>,
    /// Print what was decoded as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// An image codec of SPICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// QUIC
    Quic,
    /// LZ, with or without a palette
    Lz,
    /// LZ with a dictionary that images share
    Glz,
    /// GLZ inside zlib
    ZlibGlz,
    /// LZ4
    Lz4,
    /// JPEG
    Jpeg,
    /// JPEG with LZ-compressed transparency
    JpegAlpha,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  capsaicin completions bash > ~/.local/share/bash-completion/completions/capsaicin
  capsaicin completions fish > ~/.config/fish/completions/capsaicin.fish";

/// `completions`
#[derive(Debug, Group)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
}

fn capability(text: &str) -> Result<String, String> {
    Capabilities::default().set(text).map(|()| text.to_owned())
}

pub(super) fn moment(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        _ => seconds(text),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    // A year is as good as for ever, and leaves room to calculate with.
    if seconds > 0.0 && seconds <= 31_536_000.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("more than no seconds, and at most a year".into())
    }
}
