//! Ctrl+C before there is a picture: the viewer ends as every command does, and the terminal is as it was.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use capsaicin::SpiceServer;
use capsaicin::link::Password;
use capsaicin::server::ServerConfig;
use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a terminal of 80×24 cells.
struct Program {
    pair: PtyPair,
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
            child,
            keyboard,
        }
    }

    /// How the terminal treats its line: echo, signals and so on.
    fn line_settings(&self) -> String {
        format!("{:?}", self.pair.master.get_termios().unwrap())
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

    /// Presses Ctrl+C; the exit code.
    fn interrupt(&mut self) -> u32 {
        self.keyboard.write_all(b"\x03").unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), None, "it ends by itself");
                return status.exit_code();
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

#[test]
fn a_viewer_that_is_connecting_ends_with_ctrl_c() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut program = Program::start(&["view", &address]);
    let before = program.line_settings();
    let _connected = silent.accept().unwrap();

    assert_eq!(program.interrupt(), 130);
    assert_eq!(program.line_settings(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_asks_for_a_password_ends_with_ctrl_c_and_typing_is_seen_again() {
    let config = ServerConfig {
        password: Some(Password::new("sesame").unwrap()),
        ..ServerConfig::default()
    };
    let mut server = SpiceServer::bind("127.0.0.1:0", config).await.unwrap();
    let address = server.local_address().to_string();
    tokio::spawn(async move { while server.next_event().await.is_some() {} });
    let ended = tokio::task::spawn_blocking(move || {
        let mut program = Program::start(&["view", &address]);
        let before = program.line_settings();
        program.wait_for("password for ");
        let code = program.interrupt();
        (code, program.line_settings() == before)
    });

    assert_eq!(ended.await.unwrap(), (130, true));
}
