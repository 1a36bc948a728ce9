//! QEMU's serial port and monitor as ports, joined to a pipe.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::process::Process;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::{Peer, until};
use crate::program::CAPSAICIN;
use crate::{LIMIT, test};

const SERIAL: &str = "org.qemu.console.serial.0";
const MONITOR: &str = "org.qemu.monitor.qmp.0";

pub fn tests() -> Vec<Trial> {
    let needs = &[Peer::Qemu];
    vec![
        test(
            "ports::what_is_typed_on_the_serial_port_comes_back",
            needs,
            what_is_typed_on_the_serial_port_comes_back,
        ),
        test(
            "ports::a_monitor_answers_and_stops_the_machine",
            needs,
            a_monitor_answers_and_stops_the_machine,
        ),
        test(
            "ports::the_ports_are_listed_and_named_when_one_is_missing",
            needs,
            the_ports_are_listed_and_named_when_one_is_missing,
        ),
    ]
}

/// Exit code, standard output and standard error of `capsaicin connect`.
fn connect(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let home = TempDir::new().expect("a scratch folder");
    let mut child = Command::new("timeout")
        .args(["60", CAPSAICIN, "connect"])
        .args(arguments)
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that fails reads nothing.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("its output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// What a port says to this input, up to where `is_all` holds.
fn join(address: &str, port: &str, input: &[u8], is_all: impl Fn(&str) -> bool) -> String {
    let dir = TempDir::new().expect("a scratch folder");
    let file = dir.path().join("input");
    std::fs::write(&file, input).expect("the scratch folder is writable");
    // What is read may be at its end long before the last answer.
    let mut command = Command::new(CAPSAICIN);
    command.args(["connect", address, "--port", port]);
    let input = File::open(&file).expect("it was written");
    let mut process = Process::start_reading("connect", &command, dir.path(), input);
    let said = until("all of the answer", 3 * LIMIT, || {
        assert!(process.ended().is_none(), "{}", process.log());
        Some(process.log()).filter(|said| is_all(said))
    });
    process.interrupt();
    assert_eq!(process.finish(LIMIT).code(), Some(130), "{said}");
    said
}

fn what_is_typed_on_the_serial_port_comes_back() {
    let qemu = Machine::new(Boot::Serial).start();
    // More than the port and everything on the way hold, so that all have to wait for the guest.
    let line = "the quick brown fox jumps over the lazy dog\n";
    let text = line.repeat(1000);

    // Before the echo there is the mark of the guest's start, if anybody was there to see it.
    let is_all = |said: &str| said.trim_start_matches('R').len() >= text.len();
    let echoed = join(&qemu.address, SERIAL, text.as_bytes(), is_all);

    let echoed = echoed.trim_start_matches('R');
    assert_eq!(echoed.len(), text.len());
    assert_eq!(echoed, text);
}

fn a_monitor_answers_and_stops_the_machine() {
    let mut qemu = Machine::new(Boot::Serial).start();
    let orders = "{\"execute\": \"qmp_capabilities\"}\n{\"execute\": \"stop\"}\n";

    join(&qemu.address, MONITOR, orders.as_bytes(), |said| {
        said.contains("\"QMP\"") && said.contains("\"STOP\"")
    });

    let status = qemu.qmp.execute("query-status", serde_json::json!({}));
    assert_eq!(status["status"], "paused");
}

fn the_ports_are_listed_and_named_when_one_is_missing() {
    let qemu = Machine::new(Boot::Serial).start();

    let (code, listed, errors) = connect(&[&qemu.address, "--list-ports"], b"");
    assert_eq!(code, Some(0), "{errors}");
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable_by_key(|line| line.split_whitespace().last());
    let names: Vec<_> = listed.iter().map(|l| l.split_whitespace().last()).collect();
    assert_eq!(names, [Some(SERIAL), Some(MONITOR)]);

    let (code, _, errors) = connect(&[&qemu.address, "--port", "com1"], b"");
    assert_eq!(code, Some(9), "{errors}");
    assert!(errors.contains("has no port com1"), "{errors}");
    assert!(
        errors.contains(SERIAL) && errors.contains(MONITOR),
        "{errors}"
    );
}
