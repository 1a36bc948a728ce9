//! Secrets stay where they belong: with a real server, every way to give a password and every command, what is printed, logged
//! and recorded is searched for it, and so are the command lines of all processes meanwhile.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::Peer;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::tmux::Tmux;
use crate::program::{self, CAPSAICIN};
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "secrets::no_command_tells_a_password_however_it_was_given",
            &[Peer::Qemu],
            no_command_tells_a_password,
        ),
        test(
            "secrets::a_viewer_in_tmux_starts_nobody_with_the_password",
            &[Peer::Qemu, Peer::Tmux],
            a_viewer_starts_nobody_with_it,
        ),
    ]
}

/// The password, and another that is wrong.
const RIGHT: &str = "cayenne 4711";
const WRONG: &str = "jalapeno 4712";

/// How a password looks to somebody who finds it: as it is, as a URI has it, in base64 (of itself and with the NUL of a ticket),
/// in UTF-16.
fn looks() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (text, base64) in [(RIGHT, "Y2F5ZW5uZSA0NzEx"), (WRONG, "amFsYXBlbm8gNDcxM")] {
        all.push(text.as_bytes().to_vec());
        all.push(text.replace(' ', "%20").into_bytes());
        all.push(base64.as_bytes().to_vec());
        all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    all
}

fn assert_secret(what: &str, bytes: &[u8]) {
    for look in looks() {
        let found = bytes.windows(look.len()).position(|part| part == look);
        assert_eq!(found, None, "{what}: {}", String::from_utf8_lossy(bytes));
    }
}

fn assert_folder_secret(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_folder_secret(&path);
        } else if path.is_file() {
            assert_secret(
                &path.display().to_string(),
                &fs::read(&path).expect("readable"),
            );
        }
    }
}

/// The command lines of every process but this machine's QEMU and those who were given it there by the test.
fn assert_command_lines_secret() {
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        // Behind the name of what ends it with the test, for a moment.
        let mut words = line.split(|byte| *byte == 0);
        let is_peer = words.any(|word| word.starts_with(b"qemu-system"));
        if !is_peer {
            assert_secret("a command line", &line);
        }
    }
}

fn no_command_tells_a_password() {
    let qemu = Machine::new(Boot::Pattern).tcp().password(RIGHT).start();
    let dir = TempDir::new().expect("a scratch folder");
    // The password itself is in a folder of its own.
    let given = TempDir::new().expect("a scratch folder");
    let file = given.path().join("password");
    let (port, log) = (
        qemu.address.rsplit_once(':').expect("a port").1,
        dir.path().join("log"),
    );
    let connection = given.path().join("vm.vv");
    let (file, connection) = (
        file.to_str().expect("UTF-8"),
        connection.to_str().expect("UTF-8"),
    );
    let log = log.to_str().expect("UTF-8");
    let out = |name: &str| dir.path().join(name).display().to_string();
    let (png, recorded) = (out("screen.png"), out("session.pcapng"));
    let commands: [&[&str]; 6] = [
        &["screenshot", "-o", &png],
        &[
            "record",
            "--force",
            "-o",
            &recorded,
            "--for",
            "3",
            "--with-input",
            "--with-clipboard",
        ],
        &["connect", "--json", "--for", "0.5"],
        &["doctor", "--json"],
        &["key", "a"],
        &["copy", "--timeout", "5"],
    ];
    for (password, fails) in [(RIGHT, false), (WRONG, true)] {
        fs::write(file, password).expect("written");
        let lines = format!(
            "[virt-viewer]\ntype=spice\nhost=127.0.0.1\nport={port}\npassword={password}\n"
        );
        fs::write(connection, lines).expect("written");
        for (command, rest) in commands.iter().filter_map(|command| command.split_first()) {
            for (target, option, variable) in [
                (
                    &*qemu.address,
                    &["--password-file", file][..],
                    ("UNUSED", ""),
                ),
                (&qemu.address, &[], ("CAPSAICIN_PASSWORD", password)),
                (connection, &[], ("UNUSED", "")),
            ] {
                let logging = ["-vvv", "--log-file", log];
                // TARGET comes first: keys follow it.
                let arguments = [&[*command, target][..], rest, option, &logging].concat();
                let ended = program::run_with(&[variable], &arguments);
                let refused = ended.code == 6;
                assert_eq!(refused, fails, "{arguments:?}: {ended:?}");
                assert_secret(command, &ended.stdout);
                assert_secret(command, ended.stderr.as_bytes());
            }
        }
    }
    assert_folder_secret(dir.path());
    assert!(fs::metadata(log).expect("a log").len() > 1000);
    assert!(fs::metadata(recorded).expect("a recording").len() > 1000);
}

fn a_viewer_starts_nobody_with_it() {
    let qemu = Machine::new(Boot::Pattern).tcp().password(RIGHT).start();
    let terminal = Tmux::start(80, 24);
    let given = TempDir::new().expect("a scratch folder");
    let file = given.path().join("password");
    fs::write(&file, RIGHT).expect("written");

    let over = Over::default();
    std::thread::scope(|scope| {
        let _ends_with_this = over.guard();
        scope.spawn(|| {
            while !over.0.load(Ordering::Relaxed) {
                assert_command_lines_secret();
            }
        });
        terminal.command(&format!(
            "clear; CAPSAICIN_PASSWORD_FILE={} {CAPSAICIN} view {} -vvv --log-file log; echo exit $?",
            file.display(),
            qemu.address
        ));
        terminal.wait_until("a picture", |_| {
            let cells = terminal.cells();
            cells.iter().flatten().any(|cell| cell.paper.is_some())
        });
        terminal.key("C-]");
        terminal.wait_for("quit");
        terminal.text("q");
        terminal.wait_for("exit 0");
    });
    assert_folder_secret(terminal.scratch());
}

/// Whether a test is over, also when it fails.
#[derive(Default)]
struct Over(AtomicBool);

struct Guard<'a>(&'a AtomicBool);

impl Over {
    fn guard(&self) -> Guard<'_> {
        Guard(&self.0)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
