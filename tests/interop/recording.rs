//! Sessions with real servers, recorded: what Wireshark reads in them, and what they end at.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::picture::assert_same;
use crate::peers::qemu::Machine;
use crate::peers::xserver::XServer;
use crate::peers::{Peer, until};
use crate::xserver::{move_windows, scroll_text, show_pictures};
use crate::{LIMIT, program, test};

pub fn tests() -> Vec<Trial> {
    const XSERVER: &[Peer] = &[Peer::XServer, Peer::Wireshark];
    const QEMU: &[Peer] = &[Peer::Qemu, Peer::Guest, Peer::Wireshark];
    vec![
        test(
            "recording::a_drawing_session_is_read_by_wireshark_and_ends_at_the_servers_picture",
            XSERVER,
            a_drawing_session_is_read_by_wireshark_and_ends_at_the_servers_picture,
        ),
        test(
            "recording::a_machine_that_starts_is_read_by_wireshark",
            QEMU,
            a_machine_that_starts_is_read_by_wireshark,
        ),
    ]
}

/// `capsaicin record` at work.
struct Recorder {
    program: Child,
    file: PathBuf,
    _folder: TempDir,
}

impl Recorder {
    fn start(address: &str) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let file = folder.path().join("session.pcapng");
        let program = Command::new(program::CAPSAICIN)
            .args(["record", address, "--json", "-o"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            program,
            file,
            _folder: folder,
        }
    }

    /// Waits until the file has so many bytes.
    fn wait_for(&self, bytes: u64) {
        until("bytes in the recording", LIMIT, || {
            let written = std::fs::metadata(&self.file).map_or(0, |file| file.len());
            (written >= bytes).then_some(())
        });
    }

    /// Ends it as Ctrl+C does; its last words.
    fn end(mut self) -> (Value, PathBuf, TempDir) {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.program.id().to_string()])
            .status();
        assert!(interrupted.expect("kill starts").success());
        let words = self.program.stdout.take().expect("it was piped");
        let words = std::io::read_to_string(words).expect("JSON is UTF-8");
        assert!(self.program.wait().expect("it ends").success(), "{words}");
        let facts = serde_json::from_str(&words).expect("JSON");
        (facts, self.file, self._folder)
    }
}

/// What Wireshark prints of a recording, with no settings.
pub fn wireshark(file: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(arguments)
        .output()
        .expect("tshark starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Wireshark knows every message, and sees as many as were recorded.
fn assert_wireshark_agrees(file: &Path, facts: &Value) {
    let strange = "spice.unknown_message || _ws.malformed || _ws.expert.severity == error";
    assert_eq!(wireshark(file, &["-Y", strange]), "");
    let sums = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
    ];
    let wrong = "ip.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.flags";
    let wrong = wireshark(file, &[&sums[..], &["-Y", wrong]].concat());
    assert_eq!(wrong, "");
    let kinds = wireshark(file, &["-T", "fields", "-e", "spice.message_type"]);
    let messages = kinds.split(['\n', ',']).filter(|kind| !kind.is_empty());
    assert_eq!(Some(messages.count() as u64), facts["messages"].as_u64());
}

fn a_drawing_session_is_read_by_wireshark_and_ends_at_the_servers_picture() {
    let mut server = XServer::start("auto_glz");
    let recorder = Recorder::start(&server.address);
    recorder.wait_for(20_000);
    scroll_text(&mut server);
    show_pictures(&mut server);
    move_windows(&server);
    let screen = server.quiet_screen();
    // Another client gets the picture when all before it has gone out.
    let live = program::screenshot(&server.address, &[]);
    assert_same("live", &live, &screen);
    std::thread::sleep(std::time::Duration::from_secs(1));

    let (facts, file, _folder) = recorder.end();

    assert!(facts["messages"].as_u64() > Some(300), "{facts}");
    assert_wireshark_agrees(&file, &facts);
    let file = file.to_str().expect("UTF-8");
    assert_same("recorded", &program::screenshot(file, &[]), &screen);
}

fn a_machine_that_starts_is_read_by_wireshark() {
    let qemu = Machine::new(crate::guest::console()).start();
    let recorder = Recorder::start(&qemu.address);
    recorder.wait_for(4_000);
    let (facts, file, _folder) = recorder.end();
    assert_wireshark_agrees(&file, &facts);
}
