//! Sessions with real servers, recorded: what Wireshark reads in them, and what they end at.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::picture::{Picture, assert_same};
use crate::peers::qemu::Machine;
use crate::peers::xserver::XServer;
use crate::peers::{Peer, until};
use crate::replays::shown;
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
pub struct Recorder {
    program: Child,
    /// What it makes.
    pub file: PathBuf,
    _folder: TempDir,
}

impl Recorder {
    pub fn start(address: &str) -> Self {
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
    pub fn wait_for(&self, bytes: u64) {
        until("bytes in the recording", LIMIT, || {
            let written = std::fs::metadata(&self.file).map_or(0, |file| file.len());
            (written >= bytes).then_some(())
        });
    }

    /// Ends it as Ctrl+C does; its last words.
    pub fn end(mut self) -> (Value, PathBuf, TempDir) {
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

/// The screen of a server once it has come to rest, and what is recorded of it with it.
pub fn recorded_screen(server: &XServer, file: &Path) -> Picture {
    until("the screen in the recording", 2 * LIMIT, || {
        let screen = server.quiet_screen();
        (shown(file).as_ref() == Some(&screen)).then_some(screen)
    })
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

/// Wireshark knows every message, and sees as many as were recorded and as `capsaicin inspect` counts.
pub fn assert_wireshark_agrees(file: &Path, facts: &Value) {
    assert_eq!(wireshark(file, &["-Y", "spice.unknown_message"]), "");
    // Wireshark 4.0 stumbles over LZ_PLT (100) with a palette from the cache.
    let strange = "(_ws.malformed || _ws.expert.severity == error) && !(spice.image_type == 100)";
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
    let messages = messages.count() as u64;
    assert_eq!(messages, counted(file));
    if let Some(recorded) = facts["messages"].as_u64() {
        assert_eq!(messages, recorded);
    }
}

/// How many messages `capsaicin inspect --stats` counts, those inside of others apart; none of them breaks the protocol.
fn counted(file: &Path) -> u64 {
    let file = file.to_str().expect("UTF-8");
    let ended = program::run(&["inspect", file, "--stats", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = String::from_utf8(ended.stdout).expect("JSON is UTF-8");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let of_channels = lines.filter(|line: &Value| line["channel"].is_string());
    let counts = of_channels.map(|line| {
        assert_eq!(line["broken"], 0, "{line}");
        let is_inside = line["message"]
            .as_str()
            .is_some_and(|name| name.starts_with("AGENT "));
        line["count"].as_u64().filter(|_| !is_inside).unwrap_or(0)
    });
    counts.sum()
}

fn a_drawing_session_is_read_by_wireshark_and_ends_at_the_servers_picture() {
    let mut server = XServer::start("auto_glz");
    let recorder = Recorder::start(&server.address);
    recorder.wait_for(20_000);
    scroll_text(&mut server);
    show_pictures(&mut server);
    move_windows(&server);
    let screen = recorded_screen(&server, &recorder.file);
    let live = program::screenshot(&server.address, &[]);
    assert_same("live", &live, &screen);

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
