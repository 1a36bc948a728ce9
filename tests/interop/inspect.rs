//! What `capsaicin inspect` counts in recordings, and what Wireshark does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use capsaicin::recording::{Choices, What, Writer};
use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::Peer;
use crate::support::recordings::{file, path, records};
use crate::{program, test};

pub fn tests() -> Vec<Trial> {
    vec![test(
        "inspect::wireshark_counts_the_same_messages",
        &[Peer::Wireshark],
        wireshark_counts_the_same_messages,
    )]
}

/// How many messages of each number.
type Counts = BTreeMap<u64, u64>;

fn wireshark(file: &Path) -> Counts {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-Y", "spice", "-T", "fields", "-e", "spice.message_type"])
        .output()
        .expect("tshark starts");
    let mut counts = Counts::new();
    let numbers = String::from_utf8_lossy(&output.stdout).into_owned();
    for number in numbers.split(['\n', ',']).filter(|n| !n.is_empty()) {
        let number = number.parse().expect("a number");
        *counts.entry(number).or_default() += 1;
    }
    counts
}

fn ours(file: &Path) -> Counts {
    let output = Command::new(program::CAPSAICIN)
        .arg("inspect")
        .arg(file)
        .arg("--json")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    let mut counts = Counts::new();
    // The channels in whose client's half it is lost.
    let mut lost = BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let channel = line["channel"].as_str().expect("a name").to_owned();
        let from_client = line["way"] == "sent";
        let number = line["number"].as_u64().expect("a number");
        if line.get("inside").is_some() {
            // Wireshark 4.0 knows messages to the agent up to 13, CLIENT_DISCONNECTED, and loses its place in the client's half
            // of the main channel behind one that is newer.
            if from_client && number > 13 {
                lost.insert(channel);
            }
        } else if !(from_client && lost.contains(&channel)) {
            *counts.entry(number).or_default() += 1;
            // Nor does it know KEY_SCANCODE.
            if from_client && channel == "inputs" && number == 104 {
                lost.insert(channel);
            }
        }
    }
    counts
}

/// The same session with a packet a message: Wireshark passes over messages behind the end of a link in one packet.
fn unpacked(name: &str, folder: &TempDir) -> std::path::PathBuf {
    let copy = folder.path().join(name);
    let out = BufWriter::new(File::create(&copy).expect("a scratch file"));
    let choices = Choices {
        input: true,
        clipboard: true,
    };
    let mut writer = Writer::new(out, "a copy", SystemTime::now(), choices).expect("it begins");
    let mut last = Default::default();
    for record in records(&file(name)) {
        last = record.at;
        match record.what {
            What::Opened(link) => writer.opened(record.at, record.channel, &link),
            What::Frame(way, frame) => writer.frame(record.at, record.channel, way, &frame),
            What::Closed => writer.closed(record.at, record.channel),
            other => panic!("{name}: {other:?}"),
        }
        .expect("the disk has room");
    }
    writer.close(last).expect("it ends");
    copy
}

fn wireshark_counts_the_same_messages() {
    let folder = TempDir::new().expect("a scratch folder");
    let names = std::fs::read_dir(path("")).expect("recordings");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string().unwrap());
    let mut seen = 0;
    for name in names.filter(|name| name.ends_with(".pcapng")) {
        let counts = wireshark(&unpacked(&name, &folder));
        assert_eq!(ours(&path(&name)), counts, "{name}");
        seen += counts.values().sum::<u64>();
    }
    assert!(seen > 3000, "{seen}");
}
