//! What guests, servers, agents, files and the terminal itself say never makes the terminal do anything.

use std::path::Path;
use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::channel::main::Event as MainEvent;
use capsaicin::session::Notice;
use capsaicin::tui::action::Action;
use capsaicin::tui::cell_writer::CellWriter;
use capsaicin::tui::panes::PaneKind;
use capsaicin::tui::{printable, printable_json, view};
use capsaicin::{ClientEvent, CloseReason};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::viewer::Viewer;

/// Sequences of every kind, in seven and in eight bits, characters that turn the direction of writing, and a pile of marks.
fn hostile() -> String {
    let sequences = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x1b_Gq=2;AA\x1b\\\x1bP1q\x1b\\\x1bc\r\n\x08\x07\x0e\x7f\
                     \u{9b}2J\u{90}q\u{9c}\u{9d}0;owned\u{9c}\u{85}\u{202e}\u{2066}\u{2028}\u{61c}\u{200f}\u{206e}";
    format!("evil{sequences}e{}!", "\u{301}".repeat(500))
}

/// Whether a terminal only shows a character.
fn is_shown(c: char) -> bool {
    let turns = "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                 \u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{206b}\u{206c}\u{206d}\u{206e}\u{206f}";
    !c.is_control() && !turns.contains(c)
}

#[track_caller]
fn assert_shown(what: &str, text: &str) {
    let acted_on: Vec<char> = text.chars().filter(|c| !is_shown(*c)).collect();
    assert!(acted_on.is_empty(), "{what}: {acted_on:?} in {text:?}");
    assert!(!text.contains(&"\u{301}".repeat(20)), "{what}: {text}");
}

/// What is left of what cells are written with: only moves, colours, erasing and lines that move are let pass.
#[track_caller]
fn without_our_own(what: &str, bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let mut shown = String::new();
    let mut parts = text.split("\x1b[");
    shown += parts.next().unwrap_or_default();
    for part in parts {
        let end = part.find(|c: char| !"?;:0123456789".contains(c));
        let end = end.unwrap_or_else(|| panic!("{what}: {part:?}"));
        let (numbers, rest) = part.split_at(end);
        let ours =
            "mHCKLMr".contains(&rest[..1]) || ["?2026h", "?2026l"].contains(&&part[..end + 1]);
        assert!(ours && numbers.len() < 40, "{what}: {part:?}");
        shown += &rest[1..];
    }
    shown.replace("\r\n", "")
}

/// The name of what says something, and how it does.
type Voice = (&'static str, fn(&mut Viewer, String));

const VOICES: [Voice; 9] = [
    ("the guest's name", |viewer, text| {
        viewer.session(ClientEvent::Main(MainEvent::Name(text)));
    }),
    ("a notice of the server", |viewer, text| {
        let (channel, count) = (Some(ChannelId::MAIN), 3);
        viewer.session(ClientEvent::Notice(Notice {
            channel,
            text,
            count,
        }));
    }),
    ("why a channel was refused", |viewer, text| {
        let why = CloseReason::Refused(text);
        viewer.session(ClientEvent::ChannelClosed(ChannelId::INPUTS, why));
    }),
    ("why the session broke", |viewer, text| {
        viewer.session(ClientEvent::Closed(CloseReason::Broken(text)));
    }),
    ("the log", |viewer, text| {
        drop(viewer.act(Action::Logged(text)))
    }),
    ("the sound server", |viewer, text| {
        viewer.act(Action::Unheard(Some(text)));
    }),
    ("a file's name", |viewer, text| {
        viewer.act(Action::Saved(Ok(text)));
    }),
    ("why a file was not written", |viewer, text| {
        viewer.act(Action::Saved(Err(text)));
    }),
    ("the terminal's name", |viewer, text| {
        let mut capabilities = viewer.app.capabilities.clone();
        (capabilities.name, capabilities.version) = (text.clone(), text);
        viewer.act(Action::Capabilities {
            capabilities: Box::new(capabilities),
            answers: true,
        });
    }),
];

#[test]
fn no_voice_reaches_the_terminal_as_anything_but_text() {
    for (what, say) in VOICES {
        let mut viewer = Viewer::of_size(160, 60);
        viewer.app.panes = PaneKind::ALL.to_vec();
        say(&mut viewer, hostile());
        for tick in 0..3 {
            viewer.now += Duration::from_secs(tick);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 160, 60));
            view::draw(&viewer.app, &mut buffer);
            let mut writer = CellWriter::new();
            let shown = without_our_own(what, writer.frame(&buffer));
            assert_shown(what, &shown);
        }
    }
}

#[test]
fn a_targets_name_reaches_the_terminal_as_text() {
    let viewer = Viewer::of_size(80, 24);
    let mut setup = viewer.app.setup.clone();
    setup.target = hostile();
    let viewer = Viewer::with(setup);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    view::draw(&viewer.app, &mut buffer);
    let mut writer = CellWriter::new();
    assert_shown("target", &without_our_own("target", writer.frame(&buffer)));
}

#[test]
fn cells_with_anything_else_than_text_are_blank() {
    let text = hostile();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 2));
    for (column, c) in (0..).zip(text.chars().take(200)) {
        buffer[(column, 0)].set_symbol(&c.to_string());
        buffer[(column, 1)].set_symbol(&format!("x{c}"));
    }
    let mut writer = CellWriter::new();
    assert_shown("cells", &without_our_own("cells", writer.frame(&buffer)));
}

#[test]
fn lines_and_json_for_people_are_text() {
    assert_shown("a line", &printable(&hostile()));
    let json = serde_json::json!({ "name": hostile(), hostile(): 1 }).to_string();
    let printed = printable_json(json.clone());
    assert!(printed.chars().all(is_shown), "{printed}");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&printed), value(&json));
}

/// Where the program writes text to the terminal without [`printable`], and why that is no danger.
const WRITERS: [(&str, &str); 9] = [
    (
        "src/cli/report.rs",
        "it is where all text becomes printable",
    ),
    ("src/cli/layouts.rs", "it prints names of our own"),
    ("src/cli/keys.rs", "it prints numbers on a line of progress"),
    (
        "src/cli/agent/send.rs",
        "it prints a printable name on a line of progress",
    ),
    (
        "src/cli/console.rs",
        "it prints the ends of lines, and printable text",
    ),
    (
        "src/cli/password.rs",
        "it prints questions, and all in them printable",
    ),
    (
        "src/cli/mod.rs",
        "it prints the command line's errors, made printable",
    ),
    (
        "src/tui/run_loop/mod.rs",
        "it prints where a recording went, made printable",
    ),
    ("src/main.rs", "it prints nothing"),
];

#[test]
fn all_else_is_said_by_the_one_function_that_makes_text_harmless() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let prints = ["eprintln!(", "println!(", "eprint!(", "print!("];
            let prints = code.filter(|line| prints.iter().any(|print| line.contains(print)));
            let known = WRITERS.iter().any(|(writer, _)| *writer == name);
            let prints: Vec<&str> = prints.collect();
            assert!(
                known || prints.is_empty(),
                "{name} prints; report::say is for that: {prints:?}"
            );
        }
    }
}
