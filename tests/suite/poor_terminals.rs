//! The viewer in terminals that are too small, know nothing, or go away.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::terminals::text::TextTerminal;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// `capsaicin view` in a terminal that says nothing.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: mpsc::Receiver<Vec<u8>>,
    /// Everything that was written to it.
    bytes: Vec<u8>,
    screen: TextTerminal,
}

impl Terminal {
    fn with((columns, rows): (u16, u16), term: &str, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
        command.args(["view", "demo:"]);
        command.args(arguments);
        command.env("TERM", term);
        for name in ["COLORTERM", "TMUX", "STY", "SSH_CONNECTION"] {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    // Nobody holds the terminal any longer.
                    break;
                }
            }
        });
        Self {
            master: pair.master,
            child,
            output,
            bytes: Vec::new(),
            screen: TextTerminal::new(rows, columns),
        }
    }

    fn wait_for(&mut self, what: &str, seen: impl Fn(&vt100::Screen) -> bool) {
        while !seen(self.screen.screen()) {
            let more = self.output.recv_timeout(LIMIT);
            let more =
                more.unwrap_or_else(|_| panic!("{what}: {}", self.screen.screen().contents()));
            self.screen.process(&more);
            self.bytes.extend(more);
        }
    }

    /// The exit code, when everything that was written has been read.
    fn exit(&mut self) -> u32 {
        while let Ok(more) = self.output.recv_timeout(LIMIT) {
            self.screen.process(&more);
            self.bytes.extend(more);
        }
        self.child.wait().expect("it ended").exit_code()
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_is_told_so_in_plain_text() {
    for term in ["dumb", "", "unknown"] {
        let mut terminal = Terminal::with((80, 24), term, &[]);
        assert_eq!(terminal.exit(), 10);
        let text = String::from_utf8_lossy(&terminal.bytes);
        assert!(text.contains("cannot view: TERM promises"), "{text}");
        assert!(text.contains("export TERM=xterm-256color"), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}

#[test]
fn who_knows_better_than_term_gets_a_picture_of_letters_and_no_question_is_asked() {
    // In fewer columns the name of the drawing is left out as soon as the rate takes its place.
    let mut terminal = Terminal::with((80, 24), "dumb", &["--draw", "ascii"]);
    terminal.wait_for("a picture", |screen| screen.contents().contains("ascii"));
    let text = String::from_utf8_lossy(&terminal.bytes);
    assert!(text.is_ascii(), "{text}");
    for question in ["\x1b[c", "\x1b]", "\x1bP", "\x1b_", "\x1b[>", "\x1b[14t"] {
        assert!(!text.contains(question), "{question:?} in {text:?}");
    }
    terminal.child.kill().expect("it is there");
}

#[test]
fn twenty_columns_of_five_rows_are_enough_for_a_picture_and_the_menu() {
    let mut terminal = Terminal::with((20, 5), "xterm-256color", &[]);
    let mut keyboard = terminal.master.take_writer().expect("a keyboard");
    terminal.wait_for("a picture", |screen| screen.contents().contains('▀'));
    keyboard.write_all(b"\x1d").expect("it listens");
    terminal.wait_for("the menu", |screen| screen.contents().contains("quit"));
    keyboard.write_all(b"q").expect("it listens");
    assert_eq!(terminal.exit(), 0);
    assert!(!terminal.screen.screen().alternate_screen());
}

#[test]
fn a_terminal_that_is_smaller_is_left_as_it_is() {
    let mut terminal = Terminal::with((19, 5), "xterm-256color", &[]);
    assert_eq!(terminal.exit(), 10);
    let text = String::from_utf8_lossy(&terminal.bytes);
    assert!(
        text.contains("19×5 cells, at least 20×5") && !text.contains('\x1b'),
        "{text:?}"
    );
}

#[test]
fn the_viewer_ends_with_its_terminal() {
    let mut terminal = Terminal::with((80, 24), "xterm-256color", &[]);
    terminal.wait_for("a picture", |screen| screen.contents().contains('▀'));
    let Terminal {
        master,
        mut child,
        output,
        ..
    } = terminal;
    // The reader is the last to hold it, and lets go with the next bytes: the demo moves without end.
    drop((master, output));
    let (ended, waited) = mpsc::channel();
    let mut killer = child.clone_killer();
    std::thread::spawn(move || ended.send(child.wait()));
    let status = waited.recv_timeout(LIMIT);
    let _ = killer.kill();
    let code = status.expect("it ends").expect("a status").exit_code();
    // Hung up, or unable to write, whichever is noticed first.
    assert!([10, 130].contains(&code), "{code}");
}
