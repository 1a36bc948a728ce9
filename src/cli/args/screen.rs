//! `connect` and `screenshot`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;

use super::target::TargetArgs;
use super::{moment, seconds};
use crate::tui::Escape;

const CONNECT_EXAMPLES: &str = "\
Runs until the server or Ctrl+C ends it. Lines come up to 33 ms late: it rests
between messages, to leave the processor to others. For the same reason it notes
where the screen changes and draws nothing, unless asked to with --draw.

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
    /// Draw the pictures too, though nobody sees them: slower, but tells of each that is damaged
    #[arg(long)]
    pub draw: bool,
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
