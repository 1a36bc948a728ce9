//! The SPICE server library with a hand on every drawing command: `draws.c`, compiled when it is first needed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::picture::Picture;
use super::process::Process;
use super::{free_port, until};

const SOURCE: &str = include_str!("draws.c");

const LIMIT: Duration = Duration::from_secs(60);

/// A running server of 640×480 pixels that draws one scene after the other. Dropping it ends it.
pub struct Draws {
    process: Process,
    /// Where it listens: a loopback address.
    pub address: String,
    dir: TempDir,
}

impl Draws {
    /// Starts one with these options of the program, to draw these scenes; returns when it listens.
    ///
    /// Nothing is drawn before a client is there. The scene `start`, an empty screen, comes before those asked for.
    pub fn start(options: &[&str], scenes: &[&str]) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        // Another program may take the port between our look and the server's.
        for _ in 0..3 {
            let port = free_port();
            let mut command = Command::new(program());
            command
                .args(["--port", &port.to_string()])
                .args(["--scenes", &scenes.join(",")])
                .arg("--folder")
                .arg(dir.path())
                .args(options);
            let mut process = Process::start("draws", &command, dir.path());
            let ready = until("the drawing server", LIMIT, || {
                let ready = process.log().contains("READY");
                (ready || process.ended().is_some()).then_some(ready)
            });
            if ready {
                return Self {
                    process,
                    address: format!("127.0.0.1:{port}"),
                    dir,
                };
            }
            let log = process.log();
            assert!(log.contains("cannot listen"), "the server ended: {log}");
        }
        panic!("three ports were taken away from the drawing server");
    }

    /// Waits until a scene is drawn; the screen as the server itself renders it. It stays so until
    /// [`go_on`](Self::go_on).
    pub fn wait_for(&mut self, scene: &str) -> Picture {
        let file = self.file(scene);
        let ppm = until(&format!("the scene {scene}"), LIMIT, || {
            let ended = self.process.ended();
            assert!(ended.is_none(), "the server ended: {}", self.process.log());
            std::fs::read(&file).ok()
        });
        Picture::from_ppm(&ppm)
    }

    /// Lets the server draw the next scene.
    pub fn go_on(&self, scene: &str) {
        std::fs::remove_file(self.file(scene)).expect("the scene has been drawn");
    }

    /// The samples given to the library so far, with the option `--sound`: left, right, signed 16 bits, little-endian.
    pub fn sound(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("sound.raw")).unwrap_or_default()
    }

    fn file(&self, scene: &str) -> PathBuf {
        self.dir.path().join(format!("{scene}.ppm"))
    }
}

/// What is missing here to compile the server; `None` when it can be.
pub fn missing() -> Option<String> {
    let packages = "(Debian: gcc libc6-dev libspice-server-dev pkgconf)";
    if let Some(program) = ["gcc", "pkg-config"].iter().find(|p| !super::installed(p)) {
        return Some(format!("no {program} {packages}"));
    }
    let found = Command::new("pkg-config")
        .args(["--exists", "spice-server"])
        .status();
    match found {
        Ok(status) if status.success() => None,
        _ => Some(format!("no spice-server library {packages}")),
    }
}

/// The program, compiled unless the same source has been.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        SOURCE.hash(&mut hasher);
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = place.join(format!("draws-{:016x}", hasher.finish()));
        if !program.exists() {
            compile(&program);
        }
        program
    })
}

fn compile(program: &Path) {
    // Complete when it gets its name, whoever else compiles it at the same time.
    let part = program.with_extension(std::process::id().to_string());
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "spice-server"])
        .output()
        .expect("pkg-config runs");
    let flags = String::from_utf8(flags.stdout).expect("options in ASCII");
    let output = Command::new("gcc")
        .args(["-O1", "-o"])
        .arg(&part)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/peers/draws.c"
        ))
        .args(flags.split_whitespace())
        .args(["-lpthread", "-lm"])
        .output()
        .expect("gcc runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "draws.c: {errors}");
    std::fs::rename(&part, program).expect("the folder of test output is writable");
}
