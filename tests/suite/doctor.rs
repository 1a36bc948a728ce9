//! `capsaicin doctor` in terminals that answer, that do not, and without one.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::terminal_answers::{KITTY, TMUX, XTERM, XTERM_VT340};

/// What was seen of a run in a terminal.
struct Seen {
    code: u32,
    /// All bytes the terminal was sent.
    bytes: Vec<u8>,
    /// What a VT100 shows of them, 120×50.
    screen: String,
}

/// Runs `doctor` in a terminal that says `answer` once it was asked, and again where a machine that stalled said it too late.
fn doctor(arguments: &[&str], variables: &[(&str, &str)], answer: &[u8]) -> Seen {
    const TRIES: usize = 20;
    let is_late = |seen: &Seen| !answer.is_empty() && seen.screen.contains("said nothing within");
    let mut runs = (0..TRIES).map(|_| run(arguments, variables, answer));
    runs.find(|seen| !is_late(seen))
        .expect("an answer is heard")
}

fn run(arguments: &[&str], variables: &[(&str, &str)], answer: &[u8]) -> Seen {
    let size = PtySize {
        rows: 50,
        cols: 120,
        pixel_width: 960,
        pixel_height: 800,
    };
    let pair = native_pty_system().openpty(size).expect("a terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.arg("doctor");
    command.args(arguments);
    command.env_clear();
    command.env("LANG", "C.UTF-8");
    command.env("TERM", "xterm-256color");
    variables
        .iter()
        .for_each(|(name, value)| command.env(name, value));
    let before = line_settings(&*pair.master);
    let mut child = pair
        .slave
        .spawn_command(command)
        .expect("the program starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut keyboard = pair.master.take_writer().expect("a keyboard");
    let (mut bytes, mut piece, mut asked) = (Vec::new(), [0; 4096], false);
    while let Ok(len @ 1..) = reader.read(&mut piece) {
        bytes.extend_from_slice(&piece[..len]);
        if !asked && bytes.windows(3).any(|w| w == b"\x1b[c") {
            asked = true;
            keyboard.write_all(answer).expect("the terminal listens");
        }
    }
    let code = child.wait().expect("it ended").exit_code();
    assert_eq!(line_settings(&*pair.master), before, "settings of the line");
    let mut screen = vt100::Parser::new(50, 120, 0);
    screen.process(&bytes);
    Seen {
        code,
        bytes,
        screen: screen.screen().contents(),
    }
}

fn line_settings(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios())
}

impl Seen {
    #[track_caller]
    fn shows(&self, lines: &[&str]) {
        for line in lines {
            assert!(self.screen.contains(line), "{line}: {}", self.screen);
        }
    }
}

#[test]
fn what_the_terminal_answered_is_what_is_printed() {
    let seen = doctor(&[], &[("TERM", "xterm-kitty")], KITTY.answers);
    assert_eq!(seen.code, 0);
    assert!(
        seen.screen
            .starts_with("terminal       kitty 0.26.5, answered in"),
        "{}",
        seen.screen
    );
    seen.shows(&[
        "cell           9×18 pixels",
        "kitty          yes: direct, edits",
        "sixel          no",
        "keyboard       releases and modifier keys are reported",
        "best picture   kitty",
    ]);
    assert!(
        !seen.screen.contains("change"),
        "nothing to change: {}",
        seen.screen
    );
}

#[test]
fn what_to_change_comes_with_the_lines_to_copy() {
    let xterm = doctor(&[], &[], XTERM.answers);
    xterm.shows(&["xterm*decTerminalID: vt340", "xterm*maxGraphicSize"]);

    let vt340 = doctor(&[], &[], XTERM_VT340.answers);
    vt340.shows(&[
        "sixel          yes: 1024 colours, pictures of at most 480×312 pixels",
        "best picture   sixel",
        "xterm*maxGraphicSize",
    ]);
    assert!(!vt340.screen.contains("decTerminalID"));

    let tmux = doctor(
        &[],
        &[
            ("TMUX", "/tmp/tmux-0/default,1,0"),
            ("TERM", "tmux-256color"),
        ],
        TMUX.answers,
    );
    tmux.shows(&[
        "tmux 3.3a",
        "set -g allow-passthrough on",
        "set -as terminal-features",
        "set -g focus-events on",
    ]);

    let remote = doctor(&[], &[("SSH_CONNECTION", "::1 1 ::1 22")], KITTY.answers);
    remote.shows(&["over SSH", "Compression yes"]);
}

#[test]
fn a_terminal_that_says_nothing_is_not_waited_for_long() {
    let seen = doctor(&[], &[], b"");
    assert_eq!(seen.code, 0);
    seen.shows(&[
        "said nothing within 300 ms",
        "best picture   half",
        "--terminal sixel=on",
    ]);
}

#[test]
fn a_terminal_that_understands_nothing_is_sent_nothing_but_text() {
    let seen = doctor(&[], &[("TERM", "dumb")], b"");
    assert_eq!(seen.code, 0);
    assert!(!seen.bytes.contains(&0x1b));
    seen.shows(&[
        "not asked",
        "best picture   ascii",
        "export TERM=xterm-256color",
    ]);
}

#[test]
fn the_user_knows_better_than_the_terminal() {
    let option = doctor(
        &["--terminal", "kitty=off,cells=sextant"],
        &[],
        KITTY.answers,
    );
    option.shows(&["kitty          no", "best picture   sextant"]);
    let variable = doctor(
        &[],
        &[("CAPSAICIN_TERMINAL", "kitty=off,sixel=on")],
        KITTY.answers,
    );
    variable.shows(&["best picture   sixel"]);
    assert_eq!(doctor(&["--terminal", "sixles=on"], &[], b"").code, 2);
}

#[test]
fn ctrl_c_ends_the_wait() {
    assert_eq!(doctor(&[], &[("SSH_TTY", "/dev/pts/7")], b"\x03").code, 130);
}

#[test]
fn answers_that_are_hostile_break_nothing() {
    let seen = doctor(
        &[],
        &[],
        b"\x1bP>|evil\x1b]0;owned\x07 1\x1b\\\x1b[6;0;0t\x1b[4;99999999999;1t\x1b[?c",
    );
    assert_eq!(seen.code, 0);
    seen.shows(&["cell           8×16 pixels"]);
}

/// The program without any terminal.
fn without_terminal(arguments: &[&str]) -> Option<Output> {
    // A new session has none.
    let mut command = Command::new("setsid");
    command
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_capsaicin"))
        .args(arguments);
    command
        .stdin(Stdio::null())
        .env("TERM", "xterm-kitty")
        .env_remove("TMUX");
    let output = command.output().ok();
    if output.is_none() {
        println!("skipped: setsid is missing");
    }
    output
}

#[test]
fn without_a_terminal_there_is_nothing_to_ask() {
    let Some(output) = without_terminal(&["doctor"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(10));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        words.starts_with("capsaicin: there is no terminal to ask\n  hint: "),
        "{words}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn json_without_a_terminal_tells_what_the_environment_says() {
    let Some(output) = without_terminal(&["doctor", "--json"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(facts["asked"], false);
    assert_eq!(facts["environment"]["term"], "xterm-kitty");
    assert_eq!(facts["terminal"]["colours"], "all");
}

#[test]
fn a_target_is_tried_step_by_step() {
    let Some(output) = without_terminal(&["doctor", "--json", "demo:"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = facts["target"]["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["passed"] == true), "{steps:?}");
    let channels = facts["target"]["channels"].as_array().expect("channels");
    let names: Vec<&str> = channels
        .iter()
        .filter_map(|c| c["channel"].as_str())
        .collect();
    assert!(
        names.contains(&"main") && names.contains(&"display:0"),
        "{names:?}"
    );

    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let closed = closed.expect("a port").to_string();
    let seen = doctor(&[&closed], &[], KITTY.answers);
    assert_eq!(seen.code, 3);
    seen.shows(&[
        "passed  the target is understood",
        "FAILED  something listens there",
        "hint: nothing listens",
    ]);
}
