//! `capsaicin export`: a recording as a picture, a film, a sound or a text.

mod cast;
mod film;
mod output;
mod pointer;
mod reel;
mod sound;
mod text;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::args::{Common, moment};
use super::report::{self, Exit, Failure, say};
use super::{logging, recording};
use crate::recording::Survey;
use crate::recording::export::Pace;
use crate::term::Glyphs;
use crate::tui::short;

const EXAMPLES: &str = "\
The extension of OUT says what becomes of the recording:
  .png               the screen at one moment
  .gif .apng .webp   a film that browsers show; .gif in 256 colours a picture
  .y4m               uncompressed video; '-o -' is that on standard output
  .cast              asciinema: the picture in a terminal's characters
  .wav               the sound, in its place from --from on
  .txt               what serial consoles and other ports said
Where the pointer was is known when the guest moved it, or when the recording was
made --with-input.

Examples:
  capsaicin export boot.pcapng -o boot.gif --from 2 --to 12 --scale 0.5
  capsaicin export boot.pcapng -o - | ffmpeg -i - boot.mp4
  capsaicin export boot.pcapng -o boot.cast --columns 120 --rows 34";

/// `export`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// The recording, a .pcapng or .pcap
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
    /// The file to make; one that exists is not written over (- for video on standard output)
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Write over a file that exists
    #[arg(long)]
    pub force: bool,
    /// The moment of a .png, seconds since the recording began; the end unless it is given
    #[arg(long, value_name = "SECONDS", value_parser = moment, conflicts_with_all = ["from", "to"])]
    pub at: Option<Duration>,
    /// Begin here; with the first complete picture unless it is given
    #[arg(long, value_name = "SECONDS", value_parser = moment)]
    pub from: Option<Duration>,
    /// End here
    #[arg(long, value_name = "SECONDS", value_parser = moment)]
    pub to: Option<Duration>,
    /// Pictures a second at most: 30 for video, 15 for others
    #[arg(long, value_name = "N", value_parser = pace)]
    pub fps: Option<Pace>,
    /// Make pictures this many times as large, 0.5 for half
    #[arg(long, value_name = "FACTOR", value_parser = scale)]
    pub scale: Option<f64>,
    /// Only this monitor, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub monitor: Option<u32>,
    /// Draw the pointer, where it is known where that was: on in films unless it is off, off in a .png unless it is on
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub pointer: Option<Switch>,
    /// Columns of a .cast
    #[arg(long, value_name = "N", default_value = "80", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub columns: u16,
    /// Rows of a .cast
    #[arg(long, value_name = "N", default_value = "24", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub rows: u16,
    /// What a .cast is drawn with
    #[arg(
        long,
        value_name = "octant|sextant|quadrant|half|ascii",
        default_value = "half",
        hide_possible_values = true
    )]
    pub draw: Characters,
    /// Print what was made as JSON; not with -o -
    #[arg(long)]
    pub json: bool,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What cells are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Characters {
    /// Eight dots a character.
    Octant,
    /// Six.
    Sextant,
    /// Four.
    Quadrant,
    /// Two.
    Half,
    /// ASCII.
    Ascii,
}

impl Characters {
    const fn glyphs(self) -> Glyphs {
        match self {
            Self::Octant => Glyphs::Octants,
            Self::Sextant => Glyphs::Sextants,
            Self::Quadrant => Glyphs::Quadrants,
            Self::Half => Glyphs::Halves,
            Self::Ascii => Glyphs::Ascii,
        }
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    let pace = text.parse().ok().and_then(Pace::new);
    pace.ok_or_else(|| {
        format!(
            "not a number from one in a minute to {} a second",
            Pace::MOST
        )
    })
}

fn scale(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok();
    let factor = factor.filter(|factor| (0.01..=8.0).contains(factor));
    factor.ok_or_else(|| "not a number from 0.01 to 8".into())
}

/// What a file is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Gif,
    Apng,
    Webp,
    Y4m,
    Cast,
    Wav,
    Text,
}

impl Kind {
    fn of(output: &Path) -> Result<Self, Failure> {
        if output == Path::new("-") {
            return match io::stdout().is_terminal() {
                false => Ok(Self::Y4m),
                true => Err(Failure::new(
                    Exit::Usage,
                    "cannot write video to standard output: it is a terminal",
                )
                .with_hint("pipe it: capsaicin export FILE -o - | ffmpeg -i - film.mp4")),
            };
        }
        let extension = output.extension().and_then(|e| e.to_str());
        Ok(match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Self::Png,
            Some("gif") => Self::Gif,
            Some("apng") => Self::Apng,
            Some("webp") => Self::Webp,
            Some("y4m") => Self::Y4m,
            Some("cast") => Self::Cast,
            Some("wav") => Self::Wav,
            Some("txt") => Self::Text,
            _ => {
                let name = output.display();
                let text =
                    format!("cannot make {name}: its extension does not say what it is to be");
                let hint = ".png, .gif, .apng, .webp, .y4m, .cast, .wav and .txt can be made";
                return Err(Failure::new(Exit::Usage, text).with_hint(hint));
            }
        })
    }
}

/// What the work is about.
struct Job {
    recording: PathBuf,
    kind: Kind,
    /// The session of the recording.
    session: usize,
    from: Duration,
    to: Duration,
    pace: Pace,
    scale: f64,
    monitor: Option<u32>,
    /// Whether the pointer is in the pictures.
    pointer: bool,
    /// Columns and rows.
    terminal: (u16, u16),
    glyphs: Glyphs,
    progress: Progress,
}

/// What was made.
struct Made {
    /// What there is to say of it, for programs.
    facts: Value,
    /// For people: `120 pictures of 640x480`.
    amount: String,
    /// Where it ends; before [`Job::to`] when it was interrupted.
    end: Duration,
}

/// Exports.
///
/// # Errors
///
/// When the recording cannot be read, the file not be made, or there is nothing in the one for the other. After an
/// interruption the file is there as far as it came.
pub async fn run(args: &ExportArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let mut interruption = std::pin::pin!(super::interruption()?);
    let kind = Kind::of(&args.output)?;
    if args.at.is_some() && kind != Kind::Png {
        let text = "--at is for .png files; others have --from and --to";
        return Err(Failure::new(Exit::Usage, text));
    }
    if args.json && args.output == Path::new("-") {
        let text = "standard output has the video: no --json with -o -";
        return Err(Failure::new(Exit::Usage, text));
    }
    let output = output::Output::new(&args.output, args.force)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (arguments, stopping) = (Arguments::of(args, kind), Arc::clone(&stop));
    let mut work = tokio::task::spawn_blocking(move || arguments.work(output, stopping));
    let mut interrupted = None;
    let done = tokio::select! {
        done = &mut work => done,
        failure = &mut interruption => {
            stop.store(true, Ordering::Relaxed);
            interrupted = Some(failure);
            tokio::select! {
                done = work => done,
                // Whoever asks twice is in a hurry.
                failure = super::interruption()? => return Err(failure),
            }
        }
    };
    let made = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    conclude(args, &made)?;
    interrupted.map_or(Ok(()), Err)
}

/// The arguments, for another thread.
struct Arguments {
    job: Job,
    from: Option<Duration>,
    to: Option<Duration>,
    at: Option<Duration>,
}

impl Arguments {
    fn of(args: &ExportArgs, kind: Kind) -> Self {
        let usual = if kind == Kind::Y4m { 30.0 } else { 15.0 };
        let pace = args.fps.or_else(|| Pace::new(usual));
        Self {
            job: Job {
                recording: args.recording.clone(),
                kind,
                session: 0,
                from: Duration::ZERO,
                to: Duration::ZERO,
                pace: pace.expect("a film may have 15 or 30 pictures a second"),
                scale: args.scale.unwrap_or(1.0),
                monitor: args.monitor,
                pointer: match args.pointer {
                    Some(switch) => switch == Switch::On,
                    None => kind != Kind::Png,
                },
                terminal: (args.columns, args.rows),
                glyphs: args.draw.glyphs(),
                progress: Progress::default(),
            },
            from: args.from,
            to: args.to,
            at: args.at,
        }
    }

    fn work(self, output: output::Output, stop: Arc<AtomicBool>) -> Result<Made, Failure> {
        let Self {
            mut job,
            from,
            to,
            at,
        } = self;
        let path = &job.recording;
        let survey = Survey::read(recording::open(path)?)
            .map_err(|error| recording::cannot_open(path, &error))?;
        job.session = survey.choose(at.or(from));
        let Some(session) = survey.played(job.session) else {
            return Err(recording::no_picture(path, &survey, at));
        };
        let (first, last) = match job.kind {
            Kind::Wav | Kind::Text => (session.begins, session.ends),
            _ => (session.pictured.unwrap_or(session.begins), session.ends),
        };
        job.from = from.unwrap_or(first);
        job.to = to.unwrap_or(last).min(last.max(job.from));
        if job.from > last || to.is_some_and(|to| to < job.from) {
            let (from, last) = (job.from.as_secs_f64(), last.as_secs_f64());
            let text = match to.filter(|to| *to < job.from) {
                Some(to) => format!(
                    "cannot end at {} s: that is before {from:.3} s",
                    to.as_secs_f64()
                ),
                None => format!("cannot begin at {from:.3} s: the session ends at {last:.3} s"),
            };
            return Err(Failure::new(Exit::Usage, text));
        }
        job.progress.stop = stop;
        if let Some(damage) = &survey.damage {
            let name = path.display();
            say(format_args!("{name} is {damage}; it is played up to there"));
        }
        let made = match job.kind {
            Kind::Png => film::still(&job, at, output),
            Kind::Wav => sound::export(&job, output),
            Kind::Text => text::export(&job, output),
            _ => film::export(&job, output),
        };
        job.progress.clear();
        made
    }
}

/// How far the work is, and whether it is to end.
#[derive(Default)]
struct Progress {
    stop: Arc<AtomicBool>,
    told: std::cell::Cell<Option<Instant>>,
}

/// How often a person is told how it goes.
const TOLD_EVERY: Duration = Duration::from_millis(200);

impl Progress {
    /// Whether to go on; a person at a terminal is told that it has come to `at`.
    fn goes_on(&self, job: &Job, at: Duration) -> bool {
        let recently = self
            .told
            .get()
            .is_some_and(|told| told.elapsed() < TOLD_EVERY);
        if !recently && io::stderr().is_terminal() {
            let (done, all) = (at.saturating_sub(job.from), job.to.saturating_sub(job.from));
            let percent = done.as_secs_f64() / all.as_secs_f64().max(1e-9) * 100.0;
            // Nothing depends on whether it is seen.
            let _ = write!(
                io::stderr(),
                "\rexporting {:3.0} %, {:.1} of {:.1} s; Ctrl+C ends it here \x1b[K",
                percent.min(100.0),
                done.as_secs_f64(),
                all.as_secs_f64()
            );
            self.told.set(Some(Instant::now()));
        }
        !self.stop.load(Ordering::Relaxed)
    }

    fn clear(&self) {
        if self.told.get().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn conclude(args: &ExportArgs, made: &Made) -> Result<(), Failure> {
    let bytes = std::fs::metadata(&args.output).map_or(0, |file| file.len());
    let end = (made.end.as_secs_f64() * 1000.0).round() / 1000.0;
    if args.json {
        let mut facts = json!({
            "file": args.output.to_string_lossy(),
            "bytes": bytes,
            "end": end,
        });
        if let (Value::Object(facts), Value::Object(more)) = (&mut facts, &made.facts) {
            facts.extend(more.clone());
        }
        return writeln!(io::stdout(), "{}", report::json(facts))
            .map_err(|error| Failure::output(&error));
    }
    if args.output != Path::new("-") {
        let (name, amount) = (args.output.display(), &made.amount);
        say(format_args!("{name}: {amount}, {}B", short(bytes)));
    }
    Ok(())
}
