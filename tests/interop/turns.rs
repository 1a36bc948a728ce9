//! Taking turns at a server that has one viewer at a time: whoever comes second is told who is there, and takes it only when
//! that is wanted; whoever is taken from is told at once.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::process::Process;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::program::{self, CAPSAICIN};
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    let qemu = &[Peer::Qemu];
    vec![
        test(
            "turns::a_script_does_not_take_a_machine_from_somebody_unless_told_to",
            qemu,
            a_script_does_not_take,
        ),
        test(
            "turns::who_is_connected_to_a_socket_is_known_too",
            qemu,
            a_socket_is_known_too,
        ),
        test(
            "turns::doctor_leaves_a_machine_to_whoever_has_it",
            qemu,
            doctor_leaves_it,
        ),
        test(
            "turns::a_person_is_asked_before_a_machine_is_taken",
            &[Peer::Qemu, Peer::Tmux],
            a_person_is_asked,
        ),
        test(
            "turns::one_command_after_the_other_finds_nobody",
            qemu,
            one_after_the_other,
        ),
    ]
}

/// Somebody who views a machine.
struct Somebody {
    process: Process,
    dir: TempDir,
}

impl Somebody {
    fn views(target: &str) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let mut command = Command::new(CAPSAICIN);
        command.args(["connect", target, "--timeout", "60"]);
        let process = Process::start("somebody", &command, dir.path());
        let somebody = Self { process, dir };
        until("somebody's picture", LIMIT, || {
            somebody.process.log().contains("marked").then_some(())
        });
        somebody
    }

    /// What the program is called while it runs, and its number.
    fn name(&self) -> String {
        format!("capsaicin (process {})", self.process.id())
    }

    fn is_there(&mut self) -> bool {
        self.process.ended().is_none()
    }

    fn folder(&self) -> &Path {
        self.dir.path()
    }
}

fn a_script_does_not_take() {
    let qemu = Machine::new(Boot::Pattern).tcp().start();
    let mut first = Somebody::views(&qemu.address);

    let refused = program::run(&["key", &qemu.address, "a"]);

    let expected = format!(
        "capsaicin: cannot connect to {} without taking it from {}\n  hint: --take does; a server like this has one viewer \
         at a time\n",
        qemu.address,
        first.name()
    );
    assert_eq!((refused.code, refused.stderr), (3, expected));
    assert!(first.is_there());

    let dir = TempDir::new().expect("a scratch folder");
    let mut second = program::start(dir.path(), &["connect", &qemu.address, "--take"]);
    let status = first.process.finish(LIMIT);
    assert_eq!(status.code(), Some(7), "{}", first.process.log());
    // It was told by the other's coming, not by its going.
    assert!(second.ended().is_none(), "{}", second.log());
    second.interrupt();
    assert_eq!(second.finish(LIMIT).code(), Some(130), "{}", second.log());
    let log = first.process.log();
    let told = "capsaicin: the server closed the connection\n  hint: the machine was shut down, or another viewer took over\n";
    assert!(log.ends_with(told), "{log}");
}

fn a_socket_is_known_too() {
    let qemu = Machine::new(Boot::Pattern).start();
    let mut first = Somebody::views(&qemu.address);
    // By another name of the same socket.
    let link = first.folder().join("link");
    std::os::unix::fs::symlink(&qemu.address, &link).expect("linked");
    let link = link.to_str().expect("UTF-8");

    let refused = program::run(&["screenshot", link, "-o", "/dev/null/never.png"]);

    assert_eq!(refused.code, 3, "{refused:?}");
    let expected = format!("capsaicin: cannot connect to {link} without taking it from somebody\n");
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
    assert!(first.is_there());
}

fn doctor_leaves_it() {
    let qemu = Machine::new(Boot::Pattern).tcp().password("sesame").start();
    let dir = TempDir::new().expect("a scratch folder");
    let file = dir.path().join("password");
    std::fs::write(&file, "sesame").expect("written");
    let file = file.to_str().expect("UTF-8");
    let mut command = Command::new(CAPSAICIN);
    command.args(["connect", &qemu.address, "--password-file", file]);
    let mut first = Process::start("first", &command, dir.path());
    until("a picture", LIMIT, || {
        first.log().contains("marked").then_some(())
    });

    // Without the password, which nobody asks for.
    let ended = program::run(&["doctor", "--json", &qemu.address]);

    let facts: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    let facts = &facts["target"];
    assert_eq!(ended.code, 0, "{facts}");
    let steps = facts["steps"].as_array().expect("steps").iter();
    let passed: Vec<(&str, Option<bool>)> = steps
        .map(|step| {
            (
                step["step"].as_str().expect("a name"),
                step["passed"].as_bool(),
            )
        })
        .collect();
    let expected = [
        ("target", Some(true)),
        ("name", Some(true)),
        ("connection", Some(true)),
        ("handshake", Some(true)),
        ("password", None),
        ("channels", None),
    ];
    assert_eq!(passed, expected, "{facts}");
    let left = facts["left"].as_str().expect("a reason");
    assert_eq!(
        left,
        format!(
            "capsaicin (process {}) is connected: more is not tried, as it would take the screen from them",
            first.id()
        )
    );
    std::thread::sleep(Duration::from_millis(500));
    assert!(first.ended().is_none(), "{}", first.log());

    let ended = program::run(&[
        "doctor",
        &qemu.address,
        "--take",
        "--password-file",
        file,
        "--json",
    ]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(first.finish(LIMIT).code(), Some(7));
}

fn a_person_is_asked() {
    let qemu = Machine::new(Boot::Pattern).tcp().start();
    let mut first = Somebody::views(&qemu.address);
    let terminal = Tmux::start(100, 30);
    let question = format!(
        "capsaicin: {} is connected to {}, which has one viewer at a time",
        first.name(),
        qemu.address
    );

    let command = format!(
        "clear; {CAPSAICIN} connect {} --for 1 | tail -n 1; echo over",
        qemu.address
    );
    terminal.command(&command);
    let screen = terminal.wait_for("Take it from them? [y/N]");
    assert!(screen.contains(&question), "{screen}");
    terminal.command("");
    terminal.wait_for(&format!(
        "capsaicin: {} was left to {}",
        qemu.address,
        first.name()
    ));
    assert!(first.is_there());

    terminal.command("clear");
    terminal.wait_until("an empty terminal", |screen| !screen.contains("Take it"));
    terminal.command(&command);
    terminal.wait_for("Take it from them? [y/N]");
    terminal.command("y");
    assert_eq!(first.process.finish(LIMIT).code(), Some(7));
    terminal.wait_for("over");
}

fn one_after_the_other() {
    let qemu = Machine::new(Boot::Echo).start();
    for _ in 0..5 {
        let ended = program::run(&["key", &qemu.address, "a"]);
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}
