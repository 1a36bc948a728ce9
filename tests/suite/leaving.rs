//! Ctrl+C before there is a picture: the viewer ends as every command does, and the terminal is as it was.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use capsaicin::SpiceServer;
use capsaicin::link::Password;
use capsaicin::server::ServerConfig;
use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);
const AS_BEFORE: &str = "as before";

/// The program in a terminal of 80×24 cells.
struct Program {
    pair: PtyPair,
    /// How the terminal treated its line before there was a program.
    before: String,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: 24,
            cols: 80,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = line_settings(&pair);
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        for variable in ["CAPSAICIN_PASSWORD", "CAPSAICIN_PASSWORD_FILE"] {
            command.env_remove(variable);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        Self {
            pair,
            before,
            child,
            keyboard,
        }
    }

    fn wait_for(&self, text: &str) {
        let mut reader = self.pair.master.try_clone_reader().unwrap();
        let (told, seen) = channel();
        let text = text.as_bytes().to_vec();
        std::thread::spawn(move || {
            let (mut all, mut piece) = (Vec::new(), [0; 512]);
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                all.extend_from_slice(&piece[..length]);
                if all.windows(text.len()).any(|part| part == text) {
                    break;
                }
            }
            let _ = told.send(());
        });
        seen.recv_timeout(PATIENCE).expect("it is printed");
    }

    fn press_ctrl_c(&mut self) {
        self.keyboard.write_all(b"\x03").unwrap();
    }

    fn terminate(&self) {
        let id = self.child.process_id().unwrap().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status();
        assert!(kill.unwrap().success());
    }

    /// The exit code, when it has ended, and what became of the terminal's settings.
    fn end(mut self) -> (u32, String) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), None, "it ends by itself");
                let after = line_settings(&self.pair);
                let is_restored = after == self.before;
                let settings = if is_restored { AS_BEFORE } else { &after };
                return (status.exit_code(), settings.to_owned());
            }
            assert!(start.elapsed() < PATIENCE, "it goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the terminal treats its line: echo, signals and so on.
fn line_settings(pair: &PtyPair) -> String {
    format!("{:?}", pair.master.get_termios().unwrap())
}

#[test]
fn a_viewer_that_is_connecting_ends_with_ctrl_c() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut program = Program::start(&["view", &address]);
    let _connected = silent.accept().unwrap();

    program.press_ctrl_c();

    assert_eq!(program.end(), (130, AS_BEFORE.to_owned()));
}

/// Does this at the question for the password of a server that `command` connects to; how the program ends.
async fn at_the_question_for_a_password(
    command: &'static [&'static str],
    act: impl FnOnce(&mut Program) + Send + 'static,
) -> (u32, String) {
    let config = ServerConfig {
        password: Some(Password::new("sesame").unwrap()),
        ..ServerConfig::default()
    };
    let mut server = SpiceServer::bind("127.0.0.1:0", config).await.unwrap();
    let address = server.local_address().to_string();
    tokio::spawn(async move { while server.next_event().await.is_some() {} });
    let ended = tokio::task::spawn_blocking(move || {
        let mut program = Program::start(&[command, &[&address]].concat());
        program.wait_for("password for ");
        act(&mut program);
        program.end()
    });
    ended.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_asks_for_a_password_ends_with_ctrl_c_and_typing_is_seen_again() {
    let ended = at_the_question_for_a_password(&["view"], Program::press_ctrl_c).await;

    assert_eq!(ended, (130, AS_BEFORE.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_terminated_while_it_asks_leaves_the_terminal_as_it_was() {
    let proxy = &["proxy", "--listen", "127.0.0.1:0", "--user", "me"][..];
    for command in [&["view"], proxy] {
        let ended = at_the_question_for_a_password(command, |program| program.terminate()).await;

        assert_eq!(ended, (130, AS_BEFORE.to_owned()), "{command:?}");
    }
}
