//! `capsaicin record`: a session into a file, without a picture.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::args::{Common, TargetArgs, seconds};
use super::dial::Dial;
use super::report::{self, Exit, Failure, say};
use super::rotation::{self, RotationArgs, bytes};
use super::{dial, logging};
use crate::client::SpiceClient;
use crate::recording::{About, Choices, Ended, Progress, Recorder, Recording, Switch};
use crate::session::{ClientEvent, CloseReason, Command};
use crate::tui::short;

const EXAMPLES: &str = "\
The file is a capture that Wireshark opens with no settings, and that 'screenshot'
takes for a target. Passwords are never in it; what is typed, and what is copied
and pasted, is in it only if asked for. What is on the screen is in it.

Ctrl+C ends it: the file is whole then, and the exit code 0.

Examples:
  capsaicin record 127.0.0.1:5900 -o boot.pcapng
  capsaicin record demo: -o demo.pcapng --for 10
  capsaicin record vm.example -o day.pcapng --rotate 1h --keep 24
  capsaicin screenshot boot.pcapng --at 3 -o boot.png";

/// `record`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RecordArgs {
    /// What to record.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The file to make; one that exists is not written over
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write over a file that exists
    #[arg(long)]
    pub force: bool,
    /// End after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub lasting: Option<Duration>,
    /// End when there are this many bytes, in all files together; K, M and G are understood
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_size: Option<u64>,
    /// Several files.
    #[command(flatten)]
    pub rotation: RotationArgs,
    /// Record keys, the pointer and what is said to ports and by the microphone, too
    #[arg(long)]
    pub with_input: bool,
    /// Record the contents of clipboards and of files that are sent, too
    #[arg(long)]
    pub with_clipboard: bool,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// At the end, print what was recorded as JSON
    #[arg(long)]
    pub json: bool,
}

/// How often a person is told how it goes.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Records until the server, the time, the limit or the user ends it.
///
/// # Errors
///
/// When the file cannot be made or written, there is no connection, or the server breaks the session off.
pub async fn run(args: &RecordArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let mut interruption = std::pin::pin!(super::interruption()?);
    let target = dial::target(&args.target)?;
    let about = About {
        comment: format!("a session of {target}"),
        choices: Choices {
            input: args.with_input,
            clipboard: args.with_clipboard,
        },
        limit: args.max_size,
        ..About::default()
    };
    let dial = Dial::listening(args.timeout);
    let begins = Begins::prepare(args, &about)?;
    let switch = begins.switch();
    let dialled = tokio::select! {
        dialled = dial.connect_tapped(&args.target, || Some(Box::new(switch.clone()))) => dialled,
        failure = &mut interruption => Err(failure),
    };
    let (dialled, recording) = match dialled {
        Ok(dialled) => (dialled, begins.connected(args, &about, &switch)?),
        Err(failure) => {
            begins.gave_up();
            return Err(failure);
        }
    };
    let started = Instant::now();
    let mut client = dialled.client;
    let end = tokio::select! {
        end = follow(&mut client, &recording, &switch, started, args) => end,
        _ = &mut interruption => End::Interrupted,
    };
    // Says goodbye, and lets the recorder go.
    let goodbye = async {
        if client.sender().send(Command::Disconnect).await.is_ok() {
            while client.next_event().await.is_some() {}
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    drop(client);
    switch.end();
    let written = tokio::task::spawn_blocking(|| recording.finish()).await;
    let progress = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    conclude(args, &end, &progress, started.elapsed())
}

/// How a recording is begun.
enum Begins {
    /// Before there is a connection, whose first byte is then in it: in this file.
    Before(Switch, Recording, PathBuf),
    /// With what is there when there is one.
    After,
}

impl Begins {
    fn prepare(args: &RecordArgs, about: &About) -> Result<Self, Failure> {
        if args.rotation.series(&args.output, args.force)?.is_some() {
            return Ok(Self::After);
        }
        let name = args.output.display().to_string();
        let place = place(&args.output, args.force);
        let file = create(&place, &name)?;
        let (recorder, recording) = Recorder::start_in_new(file, &place, about)
            .map_err(|error| Failure::file("write", &name, &error))?;
        let switch = Switch::default();
        switch.begin_now(recorder);
        Ok(Self::Before(switch, recording, place))
    }

    /// The tap of the session.
    fn switch(&self) -> Switch {
        match self {
            Self::Before(switch, ..) => switch.clone(),
            Self::After => Switch::default(),
        }
    }

    /// Nothing was recorded: an empty file would only look like something.
    fn gave_up(&self) {
        if let Self::Before(_, _, place) = self {
            let _ = std::fs::remove_file(place);
        }
    }

    /// There is something to put in the place of an older file.
    fn connected(
        self,
        args: &RecordArgs,
        about: &About,
        switch: &Switch,
    ) -> Result<Recording, Failure> {
        let failure = |verb: &str, error: &io::Error| {
            Failure::file(verb, &args.output.display().to_string(), error)
        };
        match self {
            Self::Before(_, recording, place) => {
                if place != args.output
                    && let Err(error) = std::fs::rename(&place, &args.output)
                {
                    let _ = std::fs::remove_file(&place);
                    return Err(failure("write over", &error));
                }
                Ok(recording)
            }
            Self::After => {
                let series = args.rotation.series(&args.output, args.force)?;
                let started = match series {
                    Some(series) => Recorder::start_series(series, about),
                    None => Err(io::ErrorKind::NotFound.into()),
                };
                let (recorder, recording) = started.map_err(|error| failure("write", &error))?;
                switch.begin(recorder);
                Ok(recording)
            }
        }
    }
}

/// Where the recording begins: beside a file that is to be written over, which stays until there is a connection.
fn place(output: &Path, force: bool) -> PathBuf {
    if !force || !output.is_file() {
        return output.to_owned();
    }
    let mut beside = output.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    beside.into()
}

/// Makes the file, called `name` by the user.
fn create(path: &Path, name: &str) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.map_err(|error| {
        let failure = Failure::file("make", name, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.with_hint("--force writes over it"),
            _ => failure,
        }
    })
}

/// Why recording is over.
enum End {
    /// The server ended the session.
    Session(CloseReason),
    /// It lasted as long as it should.
    Time,
    /// The recorder has ended.
    Recorder,
    /// The user or the system wants it.
    Interrupted,
}

/// Follows the session until one of the ends; a person sees how it goes.
async fn follow(
    client: &mut SpiceClient,
    recording: &Recording,
    switch: &Switch,
    started: Instant,
    args: &RecordArgs,
) -> End {
    let shows = io::stderr().is_terminal() && !args.json;
    let mut ticks = tokio::time::interval(TOLD_EVERY);
    // A series begins when the session is seen, which may have nothing to do.
    let _ = client.sender().send(Command::Stats).await;
    loop {
        tokio::select! {
            event = client.next_event() => match event {
                Some(ClientEvent::Closed(reason)) => return End::Session(reason),
                Some(_) => {}
                None => return End::Session(CloseReason::Requested),
            },
            _ = ticks.tick() => {
                let progress = recording.progress();
                if progress.ended.is_some() {
                    return End::Recorder;
                }
                if args.lasting.is_some_and(|lasting| started.elapsed() >= lasting) {
                    return End::Time;
                }
                if switch.waits() {
                    let _ = client.sender().send(Command::Stats).await;
                }
                if shows {
                    tell(&progress, started.elapsed());
                }
            }
        }
    }
}

/// One line that is written over and over.
fn tell(progress: &Progress, lasted: Duration) {
    let seconds = lasted.as_secs();
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let bytes = short(progress.bytes);
    // Nothing depends on whether it is seen.
    let _ = write!(
        io::stderr(),
        "\rrecording {minutes}:{seconds:02}, {} messages, {bytes}B; Ctrl+C ends it \x1b[K",
        progress.frames
    );
}

fn conclude(
    args: &RecordArgs,
    end: &End,
    progress: &Progress,
    lasted: Duration,
) -> Result<(), Failure> {
    let shows = io::stderr().is_terminal() && !args.json;
    if shows {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    let files = &progress.files;
    let name = match args.rotation.rotate {
        Some(_) => files.to_string(),
        None => args.output.display().to_string(),
    };
    rotation::warn(files);
    if args.json {
        let kept: Vec<_> = match args.rotation.rotate {
            Some(_) => files
                .kept
                .iter()
                .map(|path| path.to_string_lossy())
                .collect(),
            None => vec![args.output.to_string_lossy()],
        };
        let facts = json!({
            "file": args.output.to_string_lossy(),
            "files": kept,
            "deleted": files.deleted,
            "seconds": (lasted.as_secs_f64() * 1000.0).round() / 1000.0,
            "messages": progress.frames,
            "bytes": progress.bytes,
            "ended_early": progress.ended.as_ref().map(ToString::to_string),
        });
        writeln!(io::stdout(), "{}", report::json(facts))
            .map_err(|error| Failure::output(&error))?;
    } else {
        let (frames, bytes) = (progress.frames, short(progress.bytes));
        say(format_args!("{name}: {frames} messages, {bytes}B"));
    }
    match (&progress.ended, end) {
        (Some(Ended::Full { .. }), _) => {
            say("the recording ends here: --max-size is reached");
            Ok(())
        }
        (Some(why), _) => Err(Failure::new(
            Exit::File,
            format!("cannot go on with the recording {name}: {why}"),
        )),
        (
            None,
            End::Session(CloseReason::Requested | CloseReason::ByPeer) | End::Time | End::Recorder,
        ) => Ok(()),
        // It is how one ends a recording that has no --for.
        (None, End::Interrupted) => Ok(()),
        (None, End::Session(reason)) => Err(reason.clone().into()),
    }
}
