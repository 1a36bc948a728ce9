//! A child process that ends with its guard.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{installed, until};

/// A running program. Dropping it kills the program and waits for its end; if the test is failing, what the program
/// printed is shown first.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs in `dir`/`name`.log and nothing to read.
    pub fn start(name: &str, command: &Command, dir: &Path) -> Self {
        Self::start_with(name, command, dir, Stdio::null())
    }

    /// The same with something to read.
    pub fn start_reading(name: &str, command: &Command, dir: &Path, input: File) -> Self {
        Self::start_with(name, command, dir, input.into())
    }

    fn start_with(name: &str, command: &Command, dir: &Path, input: Stdio) -> Self {
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log).expect("the scratch folder is writable");
        let copy = file.try_clone().expect("a second handle of the log");
        let child = bound_to_us(command)
            .stdin(input)
            .stdout(file)
            .stderr(copy)
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        Self {
            child,
            name: name.to_owned(),
            log,
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours to ask")
    }

    /// Waits for the end.
    pub fn finish(&mut self, limit: Duration) -> ExitStatus {
        until(&format!("the end of {}", self.name), limit, || self.ended())
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it where it is. It can still be killed.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Interrupts it, as Ctrl+C does.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{} cannot be sent {name}",
            self.name
        );
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        read_lossy(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.ended();
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            let state = ended.map_or("was running".to_owned(), |status| status.to_string());
            eprintln!("--- {} ({state}) printed:\n{last}\n---", self.name);
        }
    }
}

/// The text of a file that may not exist yet.
pub fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// The same command, ended by the kernel when the thread that starts it is gone, however that happens.
fn bound_to_us(command: &Command) -> Command {
    let mut bound = if installed("setpriv") {
        let mut bound = Command::new("setpriv");
        bound
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program());
        bound
    } else {
        Command::new(command.get_program())
    };
    bound.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        bound.current_dir(dir);
    }
    bound
}
