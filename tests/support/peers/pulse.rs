//! PulseAudio with an output that is only in memory, and what listens to that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::until;

const LIMIT: Duration = Duration::from_secs(60);

/// A place for a sound server. It can be started there, killed, and started again.
pub struct Pulse {
    dir: TempDir,
    server: Option<Process>,
}

impl Pulse {
    /// A server that runs.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let mut pulse = Self { dir, server: None };
        pulse.restart();
        pulse
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("native")
    }

    /// Kills the server, as a crash would.
    pub fn kill(&mut self) {
        self.server = None;
        // A server that is killed leaves its socket.
        let _ = std::fs::remove_file(self.socket());
    }

    /// Starts it; returns when it answers.
    pub fn restart(&mut self) {
        self.kill();
        let protocol = "module-native-protocol-unix auth-anonymous=1 socket=";
        let protocol = format!("{protocol}{}", self.socket().display());
        let mut command = Command::new("pulseaudio");
        command
            .args([
                "-n",
                "--daemonize=no",
                "--use-pid-file=no",
                "--disable-shm=yes",
            ])
            .args(["--exit-idle-time=-1", "--log-target=stderr"])
            .args(["-L", &protocol])
            // A null sink renders ahead of its time and renders anew when a stream begins, but its monitor keeps the silence it
            // was given first: the first 5 to 15 ms of any stream would be missing there, of pacat's too.
            .args([
                "-L",
                "module-null-sink rate=48000 channels=2 sink_name=memory norewinds=1",
            ]);
        self.at_home(&mut command);
        let mut server = Process::start("pulseaudio", &command, self.dir.path());
        until("the sound server", LIMIT, || {
            assert!(server.ended().is_none(), "it ended: {}", server.log());
            let mut info = Command::new("pactl");
            self.at_home(&mut info).arg("info");
            let answer = info.output().expect("pactl starts");
            answer.status.success().then_some(())
        });
        self.server = Some(server);
    }

    /// Begins to write what the output plays into a file: left, right, signed 16 bits, little-endian, 48 kHz.
    pub fn listen(&self) -> Listener {
        let file = self.dir.path().join("heard.raw");
        // What was heard before is another listener's.
        let _ = std::fs::remove_file(&file);
        let mut command = Command::new("parec");
        command
            .args(["--device=memory.monitor", "--raw", "--format=s16le"])
            .args(["--rate=48000", "--channels=2", "--latency-msec=20"])
            .arg(&file);
        self.at_home(&mut command);
        let process = Process::start("parec", &command, self.dir.path());
        let listener = Listener {
            file,
            _process: process,
        };
        until("the listener", LIMIT, || {
            (!listener.heard().is_empty()).then_some(())
        });
        listener
    }

    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let server = format!("unix:{}", self.socket().display());
        command
            .env("HOME", self.dir.path())
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path())
            .env("PULSE_RUNTIME_PATH", self.dir.path())
            .env("PULSE_SERVER", server)
    }
}

/// Somebody who listens to the output.
pub struct Listener {
    file: PathBuf,
    _process: Process,
}

impl Listener {
    /// The left channel of everything heard so far.
    pub fn heard(&self) -> Vec<i16> {
        left(&self.file)
    }
}

fn left(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let frames = bytes.chunks_exact(4);
    frames.map(|f| i16::from_le_bytes([f[0], f[1]])).collect()
}
