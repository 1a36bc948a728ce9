//! `capsaicin screenshot` of a recording, as a person or a script starts it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::file;
use super::picture::{Picture, assert_same};
use crate::support::packets::{self, packets};
use crate::support::recordings::path;

fn screenshot(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .arg("screenshot")
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG")
        .output()
        .expect("the program starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain letters")
}

/// A file of these bytes in a folder of its own.
fn saved(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the scratch folder is writable");
    (folder, path)
}

/// What the program says, and its exit code, when it takes no picture.
fn refusal(recording: &Path, more: &[&str]) -> (String, i32) {
    let arguments = [&[text(recording), "-o", "never.png"], more].concat();
    let output = screenshot(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).replace(text(recording), "FILE");
    (said, output.status.code().expect("it was not killed"))
}

#[test]
fn a_recording_becomes_a_picture_and_facts() {
    let (_folder, picture) = saved("lz4.png", b"");
    let recording = path("image-lz4.pcapng");
    let output = screenshot(&[text(&recording), "-o", text(&picture), "--json"]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let shown = Picture::from_png(&std::fs::read(&picture).unwrap());
    assert_same(
        "screenshot lz4",
        &shown,
        &Picture::from_png(&file("image-quic.png")),
    );
    let mut facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let at = facts["at"].take().as_f64().unwrap();
    assert!((4.0..4.1).contains(&at), "{at}");
    assert_eq!(
        facts,
        json!({
            "file": text(&picture), "width": 640, "height": 480, "display": 0,
            "rect": [0, 0, 640, 480],
            "monitors": [{ "number": 1, "display": 0, "id": 0, "rect": [0, 0, 640, 480] }],
            "at": null, "session": 0, "sessions": 1, "damage": null,
        })
    );
}

#[test]
fn a_recording_is_known_by_its_first_bytes_whatever_its_name() {
    let (_folder, recording) = saved("session", &file("firmware-menu.pcapng"));
    let output = screenshot(&[text(&recording), "-o", "-"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Picture::from_png(&output.stdout).width, 720);
}

#[test]
fn a_moment_before_the_first_picture_is_refused_with_when_that_is() {
    let recording = path("image-lz4.pcapng");
    let (said, code) = refusal(&recording, &["--at", "0"]);
    let (first, hint) = said.split_once('\n').unwrap();
    assert_eq!(
        first,
        "capsaicin: cannot take the screen: FILE has no complete picture at 0 s"
    );
    assert!(
        hint.starts_with("  hint: the first is there at 0."),
        "{hint}"
    );
    assert_eq!(code, 2);
    let live = screenshot(&["demo:", "-o", "never.png", "--at", "1"]);
    assert_eq!(live.status.code(), Some(2));
}

#[test]
fn files_that_cannot_be_played_are_told_apart() {
    let hint = "\n  hint: recordings are captures of plain SPICE, .pcapng or .pcap\n";
    let not = "capsaicin: cannot open FILE: not a recording: it";
    for (bytes, said) in [
        (&b""[..], format!("{not} is empty{hint}")),
        (
            b"not one",
            format!("{not} begins with 6e 6f 74 20, as neither pcapng nor pcap files do{hint}"),
        ),
        (
            &[0x1f, 0x8b, 8, 0, 0],
            "capsaicin: cannot open FILE: it is compressed with gzip\n  hint: unpack it with gunzip\n"
                .to_owned(),
        ),
    ] {
        let (_folder, recording) = saved("session.pcapng", bytes);
        assert_eq!(refusal(&recording, &[]), (said, 11));
    }
    assert_eq!(
        refusal(Path::new("nowhere.pcapng"), &[]),
        (
            "capsaicin: cannot open FILE: no such file or directory\n".to_owned(),
            11
        )
    );
}

#[test]
fn an_encrypted_session_is_told_as_one() {
    let mut packets = packets(&file("firmware-menu.pcapng"));
    for packet in packets.iter_mut().filter(|p| p.data().starts_with(b"REDQ")) {
        packet.ip[40..44].copy_from_slice(&[0x16, 3, 1, 0]);
    }
    let packets: Vec<_> = packets.into_iter().map(|p| (p.at, p.ip)).collect();
    let (_folder, recording) = saved("tls.pcap", &packets::pcap(false, 1000, 101, &packets));
    let said = "capsaicin: cannot open FILE: no SPICE connection in it: 4 of 4 connections are encrypted (TLS)\n  \
                hint: what is encrypted cannot be read from outside: capture on the server's plain port\n";
    assert_eq!(refusal(&recording, &[]), (said.to_owned(), 11));
}

#[test]
fn a_recording_cut_short_is_played_up_to_the_cut_with_a_warning() {
    let whole = file("firmware-menu.pcapng");
    let (folder, recording) = saved("cut.pcapng", &whole[..whole.len() - 100]);
    let picture = folder.path().join("cut.png");
    let output = screenshot(&[text(&recording), "-o", text(&picture), "--json"]);
    assert!(output.status.success(), "{output:?}");
    let cut = format!("cut short at byte {}", whole.len() - 100);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "capsaicin: {} is {cut}; it was played up to there\n",
            recording.display()
        )
    );
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["damage"], Value::from(cut));
}

#[test]
fn other_commands_say_that_a_recording_is_no_server() {
    let output = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["connect", "boot.pcapng"])
        .output()
        .expect("the program starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "capsaicin: cannot connect to boot.pcapng: it is a recording\n  \
         hint: 'capsaicin screenshot' takes a picture of one\n"
    );
    assert_eq!(output.status.code(), Some(2));
}
