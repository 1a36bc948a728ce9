//! The command line: what a person types, and what they are told.

mod agent;
pub mod args;
mod between;
mod completions;
mod connect;
mod connection_file;
mod console;
mod decode;
mod dial;
mod doctor;
mod export;
mod inspect;
mod keys;
#[cfg(feature = "tls")]
mod known_hosts;
mod layouts;
mod libvirt;
mod logging;
mod machines;
mod naps;
mod password;
mod picture;
mod places;
mod play;
mod proxy;
mod recent;
mod record;
mod recording;
pub mod report;
mod rotation;
mod screenshot;
mod security;
mod serve;
mod served_recording;
mod sound;
mod stage;
mod state;
mod still;
mod taking;
pub mod target;
#[cfg(feature = "tls")]
mod trust;
mod view;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::FromArgMatches;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tui::printable;
use args::{Args, Command, Common, ConnectArgs};
use naps::Naps;
use report::{Exit, Failure};

/// Does what the command line says; the exit code of the process.
pub fn main() -> ExitCode {
    let matches = args::command().try_get_matches();
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    match run(&args) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            failure.report();
            failure.exit.into()
        }
    }
}

/// Says what is wrong with the command line, or helps. clap repeats arguments as they are: those that a terminal would act on are
/// made harmless first, and then there are no colours.
fn refuse(error: &clap::Error) -> ExitCode {
    let acts = |argument: OsString| {
        let argument = argument.to_string_lossy();
        printable(&argument) != argument
    };
    if !error.use_stderr() || !std::env::args_os().any(acts) {
        error.exit();
    }
    for line in error.render().to_string().lines() {
        eprintln!("{}", printable(line));
    }
    Exit::Usage.into()
}

fn run(args: &Args) -> Result<(), Failure> {
    let common = &args.common;
    match &args.command {
        Command::View(args) => block_on(view::run(args, common)),
        Command::Connect(args) => connect(args, common),
        Command::Screenshot(args) => block_on(until_interrupted(screenshot::run(args, common))),
        Command::Record(args) => block_on(record::run(args, common)),
        Command::Export(args) => block_on(export::run(args, common)),
        Command::Proxy(args) => block_on(proxy::run(args, common)),
        Command::Inspect(args) => block_on(inspect::run(args, common)),
        Command::Play(args) => block_on(play::run(args, common)),
        Command::Paste(args) => block_on(until_interrupted(agent::paste(args, common))),
        Command::Copy(args) => block_on(until_interrupted(agent::copy(args, common))),
        Command::Send(args) => block_on(agent::send(args, common)),
        Command::Type(args) => block_on(keys::type_text(args, common)),
        Command::Key(args) => block_on(keys::press(args, common)),
        Command::Serve(args) => block_on(serve::run(args, common)),
        Command::Doctor(args) => block_on(until_interrupted(doctor::run(args, common))),
        Command::Decode(args) => decode::run(args),
        Command::Completions(args) => completions::run(args),
    }
}

/// Nobody waits for a picture: one thread for everything saves the waking of others for each message, and naps that of this one.
fn connect(args: &ConnectArgs, common: &Common) -> Result<(), Failure> {
    let naps = Naps::default();
    let resting = naps.clone();
    let mut thread = Builder::new_current_thread();
    thread.on_thread_park(move || resting.rest());
    run_on(&mut thread, connect::run(args, common, naps))
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut threads = Builder::new_multi_thread();
    // One decodes, one moves bytes; the command itself has the main thread.
    run_on(threads.worker_threads(2), command)
}

fn run_on(
    threads: &mut Builder,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = threads
        .enable_all()
        .build()
        .map_err(|error| Failure::file("start", "the program", &error))?;
    let result = runtime.block_on(command);
    // Whatever still waits (for a name to be resolved, for a terminal) is not worth waiting for.
    runtime.shutdown_background();
    result
}

/// The command, or the interruption that comes first.
async fn until_interrupted<T>(
    command: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let interruption = interruption()?;
    tokio::select! {
        result = command => result,
        failure = interruption => Err(failure),
    }
}

fn listen_to(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::file("listen to", "signals", &error))
}

/// Ends when a signal asks the program to end.
fn interruption() -> Result<impl Future<Output = Failure>, Failure> {
    let mut interrupt = listen_to(SignalKind::interrupt())?;
    let mut terminate = listen_to(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Failure::interrupted(),
            _ = terminate.recv() => Failure::interrupted(),
        }
    })
}
