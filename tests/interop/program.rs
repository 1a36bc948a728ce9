//! The program under test, run as a person runs it.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::peers::picture::Picture;
use crate::peers::process::Process;

/// The program's file.
pub const CAPSAICIN: &str = env!("CARGO_BIN_EXE_capsaicin");

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it told the person.
    pub stderr: String,
}

/// Runs the program to its end, with nothing to read and a home of its own.
///
/// # Panics
///
/// When it has not ended after a minute and a half.
pub fn run(arguments: &[&str]) -> Ended {
    run_with(&[], arguments)
}

/// The same with these variables in its environment.
///
/// # Panics
///
/// As [`run`].
pub fn run_with(environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let home = TempDir::new().expect("a scratch folder");
    let mut command = Command::new("timeout");
    command.args(["90", CAPSAICIN]).args(arguments);
    command.env("HOME", home.path());
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    let output = command
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("timeout starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(124) => panic!("capsaicin {arguments:?} does not end: {stderr}"),
        Some(code) => Ended {
            code,
            stdout: output.stdout,
            stderr,
        },
        None => panic!("capsaicin {arguments:?}: {}: {stderr}", output.status),
    }
}

/// Starts the program with nothing to read. Its home is `dir`, where what it prints is kept.
pub fn start(dir: &Path, arguments: &[&str]) -> Process {
    start_with(dir, &[], arguments)
}

/// The same with these variables in its environment.
pub fn start_with(dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Process {
    let mut command = Command::new(CAPSAICIN);
    command.args(arguments).env("HOME", dir);
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command.envs(environment.iter().copied());
    Process::start("capsaicin", &command, dir)
}

/// What the person who runs the tests may have set.
const FOREIGN: [&str; 5] = [
    "CAPSAICIN_PASSWORD",
    "CAPSAICIN_PASSWORD_FILE",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
];

/// The screen of the server at `address` by `capsaicin screenshot`, with further arguments.
pub fn screenshot(address: &str, more: &[&str]) -> Picture {
    let dir = TempDir::new().expect("a scratch folder");
    let file = dir.path().join("screen.png");
    let file_name = file.to_str().expect("UTF-8");
    // A session of the test itself may be there.
    let mut arguments = vec!["screenshot", address, "--take", "-o", file_name];
    arguments.extend(more);
    let ended = run(&arguments);
    assert_eq!(ended.code, 0, "capsaicin {arguments:?}: {}", ended.stderr);
    Picture::from_png(&std::fs::read(file).expect("the screen was written"))
}
