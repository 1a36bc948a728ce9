//! The program as a person or a script starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tokio::net::TcpSocket;

fn capsaicin(args: &[&str]) -> Output {
    command(args).output().expect("the program starts")
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.args(args).stdin(Stdio::null());
    for name in ["CAPSAICIN_PASSWORD", "CAPSAICIN_PASSWORD_FILE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

/// A port where a server says `greeting` to whoever connects, then reads until they leave.
fn impostor(greeting: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(greeting);
            while stream.read(&mut [0; 512]).is_ok_and(|n| n > 0) {}
        }
    });
    port
}

/// A port where nobody listens, taken so that nobody else does meanwhile.
struct ClosedPort(TcpSocket);

impl ClosedPort {
    fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        socket.bind(any_port).expect("a port");
        Self(socket)
    }

    fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["view", "--help"],
        &["decode", "--help"],
        &["key", "--help"],
        &["type", "--layout", "help"],
    ] {
        let output = capsaicin(args);
        assert_eq!(code(&output), 0, "{args:?}");
        assert!(
            !output.stdout.is_empty() && output.stderr.is_empty(),
            "{args:?}"
        );
    }
}

#[test]
fn a_command_line_without_sense_is_a_usage_error() {
    for args in [
        &[][..],
        &["dance"],
        &["view"],
        &["view", "vm1:port"],
        &["screenshot", "demo:", "-o", "x.bmp"],
        &["connect", "demo:", "--for", "0"],
        &["view", "demo:", "--draw", "crayon"],
        &["view", "demo:", "--escape", "shift+banana"],
        &["view", "demo:", "--layout", "klingon"],
        &["key", "demo:"],
        &["key", "demo:", "ctrl+"],
        &["type", "demo:"],
        &["type", "demo:", "text", "--rate", "0"],
    ] {
        assert_eq!(
            code(&capsaicin(args)),
            2,
            "{args:?}: {}",
            stderr(&capsaicin(args))
        );
    }
}

#[test]
fn a_command_line_is_repeated_without_what_a_terminal_would_act_on() {
    let output = capsaicin(&["view", "demo:", "--draw", "cray\x1b]0;owned\x07\u{9b}2Jon"]);
    let said = stderr(&output);
    assert!(said.contains("invalid value 'cray"), "{said}");
    assert!(
        !said.contains(|c: char| c.is_control() && c != '\n'),
        "{said:?}"
    );
    assert_eq!(code(&output), 2);
}

#[test]
fn a_closed_port_is_told_with_what_to_check() {
    let port = ClosedPort::take();
    let address = port.address();
    let output = capsaicin(&["screenshot", &address, "-o", "never.png"]);
    assert_eq!(
        stderr(&output),
        format!(
            "capsaicin: cannot connect to {address}: connection refused\n  \
             hint: nothing listens there: check the port of the machine's -spice option\n"
        )
    );
    assert_eq!(code(&output), 3);
}

#[test]
fn other_servers_are_recognised_by_what_they_say() {
    for (greeting, what, hint, exit) in [
        (
            &b"RFB 003.008\n"[..],
            "this is not SPICE: the peer speaks VNC",
            "this is the port of -vnc; use the one of -spice, or a VNC viewer",
            4,
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "this is not SPICE: the peer speaks SSH",
            "this is the port of the SSH server; use the one of -spice",
            4,
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "this is not SPICE: the peer speaks HTTP",
            "this is the port of a web server; use the one of -spice",
            4,
        ),
        (
            &[0x15, 3, 3, 0, 2, 2, 70],
            "this is not SPICE: the peer speaks TLS",
            "this is a port with TLS: use spice+tls://HERE",
            5,
        ),
        // A link header of version 1.
        (
            b"REDQ\x01\0\0\0\x01\0\0\0\xb2\0\0\0",
            "the server speaks version 1.1 of the protocol, not 2.2",
            "the server is too old for this program; a newer QEMU speaks version 2",
            4,
        ),
    ] {
        let here = format!("127.0.0.1:{}", impostor(greeting));
        let output = capsaicin(&["connect", &here]);
        let hint = hint.replace("HERE", &here);
        let expected = format!("capsaicin: cannot connect to {here}: {what}\n  hint: {hint}\n");
        assert_eq!((code(&output), stderr(&output)), (exit, expected));
    }
}

#[test]
fn a_server_that_never_answers_runs_into_the_timeout() {
    let port = impostor(b"");
    let output = capsaicin(&["connect", &format!("127.0.0.1:{port}"), "--timeout", "0.3"]);
    assert_eq!(code(&output), 8);
    assert!(
        stderr(&output).contains("no answer within 0.3 s"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_missing_socket_and_a_missing_file_each_say_what_is_missing() {
    let output = capsaicin(&["connect", "/nowhere/vm.sock"]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("there is no such socket"),
        "{}",
        stderr(&output)
    );

    let output = capsaicin(&["decode", "--codec", "quic", "/nowhere/x.enc", "-o", "x.png"]);
    assert_eq!(code(&output), 11);
    assert_eq!(
        stderr(&output),
        "capsaicin: cannot read /nowhere/x.enc: no such file or directory\n"
    );
}

#[test]
fn only_serve_says_that_port_0_is_one() {
    let serve = capsaicin(&["serve", "127.0.0.1:http"]);
    assert_eq!(code(&serve), 2);
    assert!(
        stderr(&serve).contains("the port is not a number from 0 to 65535"),
        "{}",
        stderr(&serve)
    );
    let connect = capsaicin(&["connect", "127.0.0.1:0"]);
    assert_eq!(code(&connect), 2);
    assert!(
        stderr(&connect).contains("the port is not a number from 1 to 65535"),
        "{}",
        stderr(&connect)
    );
}

#[test]
fn a_password_over_60_bytes_is_a_usage_error_and_is_not_shown() {
    let long = "x".repeat(61);
    let mut program = command(&["connect", "127.0.0.1:1"]);
    let output = program
        .env("CAPSAICIN_PASSWORD", &long)
        .output()
        .expect("it starts");
    assert_eq!(code(&output), 2);
    assert!(
        !stderr(&output).contains(&long) && stderr(&output).contains("60"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_viewer_without_a_terminal_says_what_to_use_instead() {
    let output = capsaicin(&["view", "demo:"]);
    assert_eq!(code(&output), 10);
    assert!(
        stderr(&output).contains("hint: 'capsaicin screenshot' needs none"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn completions_exist_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let output = capsaicin(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("screenshot"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_closes_early_is_no_failure() {
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_demo_gives_a_screenshot() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("demo.png");
    let output = capsaicin(&[
        "screenshot",
        "demo:",
        "-o",
        file.to_str().expect("text"),
        "--json",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let picture = image_size(&std::fs::read(&file).expect("the file is there"));
    assert_eq!(
        (facts["width"].as_u64(), facts["height"].as_u64()),
        (Some(picture.0), Some(picture.1))
    );
}

/// The name of an event that is told in a line.
fn event(line: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
    event["event"].as_str().expect("a name").to_owned()
}

#[test]
fn the_demo_gives_a_log_of_events() {
    let mut connect = command(&["connect", "demo:", "--json"]);
    let mut program = Served(connect.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let mut missing = vec!["session", "opened", "surface-created", "region", "marked"];
    while !missing.is_empty() {
        let line = lines.next().unwrap_or_else(|| panic!("no {missing:?}"));
        let told = event(&line.unwrap());
        missing.retain(|name| *name != told);
    }
}

#[test]
fn a_log_of_events_ends_when_its_time_is_over() {
    let output = capsaicin(&["connect", "demo:", "--for", "0.5", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(event(told.lines().last().unwrap()), "end");
}

/// Width and height from a PNG's header.
fn image_size(png: &[u8]) -> (u64, u64) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| {
        u64::from(u32::from_be_bytes(
            png[at..at + 4].try_into().expect("four bytes"),
        ))
    };
    (number(16), number(20))
}

#[test]
fn a_quic_image_is_decoded_to_raw_pixels_and_to_a_picture() {
    let stream = QUIC_2X2;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    std::fs::write(path("a.enc"), stream).expect("written");
    for out in ["a.raw", "a.ppm", "a.png"] {
        let output = capsaicin(&[
            "decode",
            "--codec",
            "quic",
            &path("a.enc"),
            "-o",
            &path(out),
        ]);
        assert_eq!(code(&output), 0, "{out}: {}", stderr(&output));
    }
    let raw = std::fs::read(path("a.raw")).expect("written");
    assert_eq!(raw, [1, 2, 3, 0, 4, 5, 6, 0, 1, 2, 3, 0, 250, 128, 0, 0]);
    let ppm = std::fs::read(path("a.ppm")).expect("written");
    assert_eq!(
        ppm,
        b"P6\n2 2\n255\n\x03\x02\x01\x06\x05\x04\x03\x02\x01\x00\x80\xfa"
    );

    std::fs::write(path("b.enc"), &stream[..30]).expect("written");
    let output = capsaicin(&[
        "decode",
        "--codec",
        "quic",
        &path("b.enc"),
        "-o",
        &path("b.png"),
    ]);
    assert_eq!(code(&output), 11);
    assert!(
        !std::path::Path::new(&path("b.png")).exists(),
        "nothing half-written is left"
    );
}

#[test]
fn a_screenshot_without_a_file_needs_a_terminal() {
    let output = capsaicin(&["screenshot", "demo:"]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("standard output is not a terminal"), "{said}");
    assert!(said.contains("name a file with -o"), "{said}");
}

#[test]
fn a_served_picture_is_what_a_screenshot_of_it_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    std::fs::write(path("a.enc"), QUIC_2X2).expect("written");
    let made = capsaicin(&[
        "decode",
        "--codec",
        "quic",
        &path("a.enc"),
        "-o",
        &path("a.png"),
    ]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));

    let mut server = command(&[
        "serve",
        "127.0.0.1:0",
        "--source",
        "image",
        &path("a.png"),
        "--json",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .expect("it starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
        .expect("it says where");
    let facts: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let target = facts["listening"].as_str().expect("an address").to_owned();
    let shot = capsaicin(&["screenshot", &target, "-o", &path("b.ppm")]);
    server.kill().expect("it runs");
    server.wait().expect("it ends");

    assert_eq!(code(&shot), 0, "{}", stderr(&shot));
    let ppm = std::fs::read(path("b.ppm")).expect("written");
    assert_eq!(
        ppm,
        b"P6\n2 2\n255\n\x03\x02\x01\x06\x05\x04\x03\x02\x01\x00\x80\xfa"
    );
}

/// A server of ours with the password `sesame`, and its port.
fn server_with_password(folder: &std::path::Path) -> (std::process::Child, u16) {
    let secret = folder.join("secret");
    std::fs::write(&secret, "sesame\n").expect("written");
    let secret = secret.to_str().expect("UTF-8");
    let mut server = command(&["serve", "127.0.0.1:0", "--password-file", secret, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
        .expect("it says where");
    let facts: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let address = facts["listening"].as_str().expect("an address");
    let (_, port) = address.rsplit_once(':').expect("a port");
    (server, port.parse().expect("a number"))
}

#[test]
fn a_connection_file_leads_to_its_server_and_is_removed_if_it_asks_for_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, port) = server_with_password(folder.path());
    let text = |delete: u8| {
        format!(
            "[virt-viewer]\ntype=spice\nhost=127.0.0.1\nport={port}\npassword=sesame\ndelete-this-file={delete}\n"
        )
    };
    let (kept, removed) = (folder.path().join("kept"), folder.path().join("removed.vv"));
    std::fs::write(&kept, text(0)).expect("written");
    std::fs::write(&removed, text(1)).expect("written");
    let shot = |target: &str, input: Stdio| {
        let png = folder.path().join("a.png");
        let output = command(&["screenshot", target, "-o", png.to_str().expect("UTF-8")])
            .stdin(input)
            .output()
            .expect("it starts");
        (code(&output), stderr(&output))
    };

    let kept_path = kept.to_str().expect("UTF-8");
    let by_name = shot(kept_path, Stdio::null());
    let by_pipe = shot("-", std::fs::File::open(&kept).expect("it is there").into());
    let once = shot(removed.to_str().expect("UTF-8"), Stdio::null());
    let again = shot(removed.to_str().expect("UTF-8"), Stdio::null());
    server.kill().expect("it runs");
    server.wait().expect("it ends");

    assert_eq!(by_name, (0, String::new()));
    assert_eq!(by_pipe, (0, String::new()));
    assert_eq!(once, (0, String::new()));
    assert!(kept.exists() && !removed.exists());
    let gone = format!("cannot read the connection file {}", removed.display());
    assert!(again.0 == 11 && again.1.contains(&gone), "{again:?}");
}

#[test]
fn a_connection_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.vv");
    let said = |text: &str| {
        std::fs::write(&file, text).expect("written");
        let output = capsaicin(&["connect", file.to_str().expect("UTF-8")]);
        assert!(file.exists(), "what was not used is kept");
        (code(&output), stderr(&output))
    };
    let proxmox = "[virt-viewer]\ntype=spice\nhost=pvespiceproxy:5f5e1000:1:n::s\ntls-port=61000\n";
    for (text, why) in [
        ("[virt-viewer\n", "its first group is not [virt-viewer]"),
        (proxmox, "it expired"),
        (
            "[virt-viewer]\ntype=spice\nhost=vm\ntls-port=5901\nproxy=ftp://me:sesame@vm\n",
            "cannot use the proxy of the connection file: its scheme is neither http:// nor https://\n",
        ),
    ] {
        let (exit, words) = said(text);
        assert!(exit == 11 && words.contains(why), "{exit} {words}");
    }
}

/// Spec 08a §11.1: 2×2 RGB32.
const QUIC_2X2: [u8; 36] = [
    0x51, 0x55, 0x49, 0x43, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0x86, 0x82, 0x84, 0x86,
    0x8f, 0x88, 0x86, 0x86, 0x0e, 0x35, 0, 0, 0, 0, 0, 0,
];

// --- keys

/// A home of its own, where the program keeps what it keeps.
fn at_home(home: &Path, args: &[&str]) -> Output {
    let mut command = command(args);
    command.env("XDG_STATE_HOME", home);
    command.output().expect("the program starts")
}

/// A server that ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn text_and_chords_are_typed_at_the_demonstration() {
    for args in [
        &["type", "demo:", "-x 'Hello!'", "--enter", "--json"][..],
        &[
            "type",
            "demo:",
            "--layout",
            "de",
            "Gr\u{fc}\u{df}e",
            "--json",
        ],
        &[
            "key",
            "demo:",
            "ctrl+alt+delete",
            "-",
            "+",
            "hold:shift:10ms",
            "--json",
        ],
    ] {
        let output = capsaicin(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(facts["layout"].is_string(), "{facts}");
    }
}

#[test]
fn text_that_the_layout_lacks_is_not_typed_and_named() {
    let output = capsaicin(&["type", "demo:", "na\u{ef}ve \u{3b1}"]);
    assert_eq!(code(&output), 2);
    assert_eq!(
        stderr(&output),
        "capsaicin: nothing was typed: layout us has no key for 2 of the characters: '\u{ef}', '\u{3b1}'\n  \
         hint: --layout chooses the guest's layout, --skip-unknown leaves them out, \
         --alt-codes types them by number (Windows)\n"
    );
    let skipped = capsaicin(&["type", "demo:", "na\u{ef}ve", "--skip-unknown"]);
    assert_eq!(code(&skipped), 0);
    assert_eq!(
        stderr(&skipped),
        "capsaicin: 1 left out, no key on layout us: '\u{ef}'\n"
    );
    let by_number = capsaicin(&["type", "demo:", "na\u{ef}ve", "--alt-codes"]);
    assert_eq!(code(&by_number), 0, "{}", stderr(&by_number));
}

#[test]
fn a_misspelt_layout_or_key_brings_the_right_one_to_mind() {
    let output = capsaicin(&["type", "demo:", "text", "--layout", "germn"]);
    assert!(stderr(&output).contains("did you mean de?"));
    let output = capsaicin(&["key", "demo:", "ctrl+delte"]);
    assert!(stderr(&output).contains("did you mean delete?"));
}

#[test]
fn a_layout_is_kept_for_the_target_it_was_used_with() {
    let home = tempfile::TempDir::new().unwrap();
    let mut served = command(&["serve", "127.0.0.1:0", "--json"]);
    let mut server = Served(served.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    let mut lines = BufReader::new(server.0.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
    let listening = facts["listening"].as_str().unwrap();
    let target = listening.strip_prefix("spice://").unwrap().to_owned();
    let layout = |args: &[&str]| {
        let output = at_home(
            home.path(),
            &[&["type", &target, "x", "--json"], args].concat(),
        );
        let facts: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", stderr(&output)));
        facts["layout"].as_str().unwrap().to_owned()
    };

    assert_eq!(layout(&[]), "us");
    assert_eq!(layout(&["--layout", "uk"]), "gb");
    assert_eq!(layout(&[]), "gb");
    let kept = std::fs::read_to_string(home.path().join("capsaicin/layouts")).unwrap();
    assert_eq!(kept, format!("gb\t{target}\n"));
    std::fs::write(home.path().join("capsaicin/layouts"), [0xff; 100]).unwrap();
    assert_eq!(layout(&[]), "us", "a damaged file is none");
}

#[test]
fn a_recording_that_cannot_begin_leaves_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.pcapng");
    let path = file.to_str().unwrap();
    let port = ClosedPort::take();
    let nobody = port.address();
    let names = || std::fs::read_dir(folder.path()).unwrap().count();

    let output = capsaicin(&["record", &nobody, "-o", path]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(names(), 0);

    std::fs::write(&file, "an older one").unwrap();
    let output = capsaicin(&["record", &nobody, "-o", path]);
    assert_eq!(code(&output), 11, "{}", stderr(&output));
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    let output = capsaicin(&["record", &nobody, "-o", path, "--force"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an older one");
    assert_eq!(names(), 1);
}

/// The same where files may have so many blocks, as on a disk that is full.
fn with_little_room(blocks: u32, args: &[&str]) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_capsaicin")])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

#[test]
fn a_recording_into_which_nothing_can_be_written_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pcapng");
    let path = file.to_str().unwrap();
    for more in [&["--for", "1"][..], &["--for", "1", "--rotate", "1M"]] {
        let output = with_little_room(0, &[&["record", "demo:", "-o", path], more].concat());
        let said = format!("capsaicin: cannot write {path}: file too large\n");
        assert_eq!((code(&output), stderr(&output)), (11, said));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_recording_that_the_disk_ends_says_why_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pcapng");
    let path = file.to_str().unwrap();
    let output = with_little_room(16, &["record", "demo:", "-o", path, "--for", "60"]);
    assert_eq!(code(&output), 11, "{}", stderr(&output));
    let why = "it cannot be written: file too large\n";
    assert!(stderr(&output).ends_with(why), "{}", stderr(&output));
}

#[test]
fn a_recording_takes_the_place_of_an_older_one_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.pcapng");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "an older one").unwrap();
    let output = capsaicin(&["record", "demo:", "-o", path, "--force", "--for", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let begins = std::fs::read(&file).unwrap();
    assert!(begins.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
