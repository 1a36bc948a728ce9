//! `capsaicin inspect`: the messages of a recording, or of a session as it goes on, one a line.

mod file;
mod live;
mod pixel;
mod print;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::args::{Common, TargetArgs, moment, seconds};
use super::recording::is_recording;
use super::report::{Exit, Failure, say};
use super::{logging, until_interrupted};
use crate::geometry::Point;
use crate::inspect::Filter;

const EXAMPLES: &str = "\
One message a line: time, direction (< from the server, > from the client), channel,
message, its main fields. ! tells which rule of the protocol a message breaks.

Filters: channels (display, display:1), messages (draw_copy, draw_*, main.init,
main.agent.clipboard), sent, received, unknown, broken; comparisons of a field by
the end of its path, or of time, size, number, serial, and of images type, id, width,
height, pixels, coded, ratio: = != < <= > >= contains matches. Joined by and, or,
not, and parentheses. Numbers may end in k, M, ms, s.

Examples:
  capsaicin inspect boot.pcapng | less
  capsaicin inspect boot.pcapng --stats
  capsaicin inspect boot.pcapng --where 'display.draw_copy and image.type = glz'
  capsaicin inspect boot.pcapng --where 'time > 3.5 and (draw_* or size > 10k)' --json
  capsaicin inspect boot.pcapng --message surface_create -x
  capsaicin inspect boot.pcapng --pixel 320,200 --at 4.5
  capsaicin inspect 127.0.0.1:5900 --channel main";

/// `inspect`
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectArgs {
    /// What to look into.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Only the messages of this channel: display, or display:1
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// Only messages of this name: draw_copy, or draw_*
    #[arg(long, value_name = "NAME")]
    pub message: Option<String>,
    /// Only messages that this filter picks
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Option<String>,
    /// End after this many messages
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub count: Option<u64>,
    /// Of a recording: only this of its sessions, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub session: Option<u32>,
    /// Of a recording: only the messages that made this pixel what it is at its end, or --at a moment
    #[arg(long, value_name = "X,Y", value_parser = pixel::pixel)]
    pub pixel: Option<Point>,
    /// With --pixel: as it is this many seconds after the beginning
    #[arg(long, value_name = "SECONDS", value_parser = moment, requires = "pixel")]
    pub at: Option<Duration>,
    /// With --pixel: on this surface
    #[arg(long, value_name = "N", default_value = "0", hide_short_help = true)]
    pub surface: u32,
    /// With --pixel: on this display channel
    #[arg(long, value_name = "N", default_value = "0", hide_short_help = true)]
    pub display: u8,
    /// Print counts by channel and message, and not the messages
    #[arg(long)]
    pub stats: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Print every field with its bytes; -xx prints long ones whole
    #[arg(short = 'x', long = "bytes", action = ArgAction::Count, conflicts_with = "stats")]
    pub bytes: u8,
    /// Of a machine: disconnect after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub lasting: Option<Duration>,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
}

/// How messages are printed.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// Counts, not messages.
    stats: bool,
    json: bool,
    /// 0 not, 1 some, 2 all of a field's bytes.
    bytes: u8,
    /// Most messages.
    most: u64,
}

impl InspectArgs {
    fn style(&self) -> Style {
        Style {
            stats: self.stats,
            json: self.json,
            bytes: self.bytes,
            most: self.count.unwrap_or(u64::MAX),
        }
    }

    /// What all three options ask for together.
    fn filter(&self) -> Result<Filter, Failure> {
        let mut filter = Filter::EVERYTHING;
        let options = [
            ("--channel", &self.channel),
            ("--message", &self.message),
            ("--where", &self.filter),
        ];
        for (option, text) in options {
            if let Some(text) = text {
                filter = filter.and(parsed(option, text)?);
            }
        }
        Ok(filter)
    }
}

/// A filter; what is wrong with it is shown where it is.
fn parsed(option: &str, text: &str) -> Result<Filter, Failure> {
    text.parse().map_err(|error: crate::inspect::FilterError| {
        say(format_args!("cannot understand {option} {text}"));
        // What is made printable stays as long as it was.
        let width = "capsaicin: cannot understand ".len() + option.len() + error.column + 2;
        eprint_line(&format!("{:>width$}", "^"));
        Failure::new(Exit::Usage, error.to_string())
    })
}

/// A line of its own on standard error; nobody is told when there is nobody.
fn eprint_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints the messages until there are no more, or the user has seen enough.
///
/// # Errors
///
/// When a filter is none, a file cannot be read, or there is no connection.
pub async fn run(args: &InspectArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let filter = args.filter()?;
    let path = Path::new(&args.target.target);
    if let Some(at) = args.pixel.filter(|_| is_recording(path)) {
        return until_interrupted(pixel::run(args, filter, at)).await;
    }
    if is_recording(path) {
        return file::run(args, filter, path).await;
    }
    if args.session.is_some() || args.pixel.is_some() {
        let text = "--session and --pixel are for recordings";
        return Err(Failure::new(Exit::Usage, text));
    }
    until_interrupted(live::run(args, filter)).await
}
