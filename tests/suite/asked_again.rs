//! The program in a terminal that becomes another one: it is asked again.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::terminal_answers::{FOOT_1_13, KITTY, LINUX, Terminal};

const PATIENCE: Duration = Duration::from_secs(60);

/// `capsaicin view demo:` in a terminal of 80×24 cells.
struct Program {
    terminal: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    child: Box<dyn Child + Send + Sync>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let pair = native_pty_system().openpty(cells_of(8, 16)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        for variable in [
            "TMUX",
            "SSH_CONNECTION",
            "SSH_TTY",
            "SSH_CLIENT",
            "NO_COLOR",
        ] {
            command.env_remove(variable);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            terminal: pair.master,
            keyboard,
            output,
            child,
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).unwrap();
    }

    /// Reads on until this was written.
    #[track_caller]
    fn wait_for(&mut self, part: &[u8]) {
        assert!(
            self.writes(part, PATIENCE),
            "{:?}",
            String::from_utf8_lossy(part)
        );
    }

    /// Reads on for at most so long; whether this was written.
    fn writes(&mut self, part: &[u8], patience: Duration) -> bool {
        let (end, mut all) = (Instant::now() + patience, Vec::new());
        while !all.windows(part.len()).any(|window| window == part) {
            // What was looked through is not looked through again.
            all.drain(..all.len().saturating_sub(part.len()));
            let left = end.saturating_duration_since(Instant::now());
            let Ok(more) = self.output.recv_timeout(left) else {
                return false;
            };
            all.extend(more);
        }
        true
    }

    /// Comes back as another terminal until it is drawn on in this way: answers that a machine that stalled brings late are not
    /// believed.
    #[track_caller]
    fn come_back_as(&mut self, terminal: &Terminal, drawn: &[u8]) {
        const TRIES: usize = 20;
        let mut tries = 0..TRIES;
        let is_drawn = tries.any(|_| {
            self.signal("-CONT");
            self.wait_for(QUESTION);
            self.say(terminal.answers);
            self.writes(drawn, Duration::from_secs(3))
        });
        assert!(is_drawn, "{:?}", String::from_utf8_lossy(drawn));
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cells_of(width: u16, height: u16) -> PtySize {
    PtySize {
        rows: 24,
        cols: 80,
        pixel_width: 80 * width,
        pixel_height: 24 * height,
    }
}

const QUESTION: &[u8] = b"\x1b[?u\x1b[c";
/// The beginning of a sixel picture, and of an image of kitty's.
const SIXEL: &[u8] = b"\x1bP0;1q";
const IMAGE: &[u8] = b"\x1b_Ga=T,";

#[test]
fn a_terminal_whose_font_changes_is_asked_again() {
    let mut program = Program::start(&["view", "demo:"]);
    program.wait_for(QUESTION);
    program.say(FOOT_1_13.answers);
    program.wait_for(SIXEL);

    program.terminal.resize(cells_of(20, 40)).unwrap();

    program.wait_for(QUESTION);
    let answers = String::from_utf8_lossy(FOOT_1_13.answers).replace("[6;14;7t", "[6;40;20t");
    program.say(answers.as_bytes());
    // A picture of whole cells that are 40 pixels high: 1024×768 in 23 rows is 920 pixels high, and 1226 wide.
    program.wait_for(SIXEL);
}

#[test]
fn the_mouse_is_reported_in_pixels_where_it_can_be_and_in_cells_afterwards() {
    let mut program = Program::start(&["view", "demo:"]);
    program.wait_for(QUESTION);
    program.say(FOOT_1_13.answers);
    program.wait_for(b"\x1b[?1016h");
    program.wait_for(SIXEL);
    program.signal("-TERM");
    program.wait_for(b"\x1b[?1016l");
}

#[test]
fn a_terminal_that_come_back_as_another_is_drawn_on_in_its_own_way() {
    let mut program = Program::start(&["view", "demo:"]);
    program.wait_for(QUESTION);
    program.say(FOOT_1_13.answers);
    program.wait_for(SIXEL);

    program.come_back_as(&KITTY, IMAGE);
    program.come_back_as(&LINUX, "▀".as_bytes());
}
