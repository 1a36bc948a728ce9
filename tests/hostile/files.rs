//! The program on damaged recordings: it says what is wrong and where, does not panic, and takes no more memory than is allowed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::mutate::{Random, mutate, rounds};
use crate::support::recordings::file;

/// KiB of address space: a few threads, a screen and what is made of it. A length of the file that is believed is larger.
const ROOM: u32 = 3 << 20;

/// What became of a run.
struct Ended {
    code: Option<i32>,
    said: String,
}

/// The program with little room, and not for ever.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    let limited = format!("ulimit -v {ROOM}; exec \"$0\" \"$@\"");
    command.args(["120", "sh", "-c", &limited, env!("CARGO_BIN_EXE_capsaicin")]);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Ended {
    let output = program(arguments).output().expect("timeout starts");
    Ended {
        code: output.status.code(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Serves a recording until it listens, or says why it cannot.
fn serve(recording: &str) -> Ended {
    let mut command = program(&["serve", "127.0.0.1:0", "--source", "recording", recording]);
    let mut server = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("it was piped");
    BufReader::new(stdout).read_line(&mut line).expect("UTF-8");
    if !line.is_empty() {
        // It is the child of `timeout`, which passes the signal on.
        let _ = Command::new("kill").arg(server.id().to_string()).status();
    }
    let mut said = String::new();
    let mut stderr = server.stderr.take().expect("it was piped");
    stderr.read_to_string(&mut said).expect("UTF-8");
    let code = server.wait().expect("it ends").code();
    Ended {
        code: if line.is_empty() { code } else { Some(0) },
        said,
    }
}

/// All that is done with a recording without a terminal.
fn all(recording: &Path, folder: &Path) -> Vec<(&'static str, Ended)> {
    let recording = recording.to_str().expect("UTF-8");
    let made = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let export = |name| run(&["export", recording, "--force", "-o", &made(name)]);
    vec![
        ("png", export("a.png")),
        (
            "gif",
            run(&[
                "export",
                recording,
                "--force",
                "--fps",
                "2",
                "-o",
                &made("a.gif"),
            ]),
        ),
        ("wav", export("a.wav")),
        ("inspect", run(&["inspect", recording, "--stats"])),
        (
            "screenshot",
            run(&["screenshot", recording, "-o", &made("b.png")]),
        ),
        ("serve", serve(recording)),
    ]
}

#[test]
fn a_file_that_ends_before_its_session_begins_is_told_with_the_place() {
    let folder = TempDir::new().expect("a scratch folder");
    let recording = folder.path().join("early.pcapng");
    std::fs::write(&recording, &file("image-cache-jpeg.pcapng")[..200]).expect("it is writable");
    for (what, ended) in all(&recording, folder.path()) {
        assert!(
            ended.said.contains("cut short at byte 200"),
            "{what}: {}",
            ended.said
        );
        assert_eq!(ended.code, Some(11), "{what}: {}", ended.said);
    }
}

#[test]
fn damaged_files_are_read_as_far_as_they_go_or_refused_with_a_reason() {
    let mut random = Random::new(0xf11e);
    let folder = TempDir::new().expect("a scratch folder");
    let recording = folder.path().join("damaged.pcapng");
    let whole = file("image-cache-jpeg.pcapng");
    for _ in 0..rounds(2) {
        std::fs::write(&recording, mutate(&whole, &mut random)).expect("it is writable");
        for (what, ended) in all(&recording, folder.path()) {
            let Ended { code, said } = ended;
            assert!(
                !said.contains("panicked") && !said.contains("memory"),
                "{what}: {said}"
            );
            // Done, not found (sound), or damaged beyond use.
            assert!(matches!(code, Some(0 | 9 | 11)), "{what}: {code:?} {said}");
            let told =
                said.contains("byte ") || said.contains("there is no ") || said.contains("cannot ");
            assert!(code == Some(0) || told, "{what}: {said}");
        }
    }
}
