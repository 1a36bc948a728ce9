//! The proxy between real clients and real servers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::picture::assert_same;
#[cfg(feature = "tls")]
use crate::peers::qemu::Tls;
use crate::peers::qemu::{Boot, Machine};
#[cfg(feature = "tls")]
use crate::peers::sasl;
use crate::peers::xserver::XServer;
use crate::peers::{Peer, spicy};
use crate::recording::{recorded_screen, wireshark};
use crate::xserver::{move_windows, scroll_text, show_pictures};
use crate::{program, test};

pub fn tests() -> Vec<Trial> {
    const GTK: &[Peer] = &[Peer::Qemu, Peer::Spicy, Peer::Wireshark];
    const XSERVER: &[Peer] = &[Peer::XServer, Peer::Wireshark];
    vec![
        test(
            "proxy::the_gtk_client_sees_the_same_through_it_and_its_password_is_judged_by_the_server",
            GTK,
            the_gtk_client_sees_the_same_through_it,
        ),
        #[cfg(feature = "tls")]
        test(
            "proxy::tls_is_spoken_on_both_sides_with_certificates_of_each_side",
            GTK,
            tls_on_both_sides,
        ),
        #[cfg(feature = "tls")]
        test(
            "proxy::the_gtk_client_is_let_in_by_the_proxys_own_login",
            &[Peer::Qemu, Peer::Spicy, Peer::Sasl],
            the_gtk_client_is_let_in_by_the_proxys_own_login,
        ),
        test(
            "proxy::a_drawing_session_recorded_on_the_way_ends_at_the_servers_picture",
            XSERVER,
            a_drawing_session_recorded_on_the_way,
        ),
    ]
}

/// `capsaicin proxy` at work.
struct Proxy {
    program: Child,
    words: BufReader<ChildStdout>,
    /// Where it listens, in the order of the options.
    ports: Vec<u16>,
    folder: TempDir,
}

impl Proxy {
    fn start(target: &str, doors: usize, more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let mut program = Command::new(program::CAPSAICIN)
            .args(["proxy", target, "--json", "-o"])
            .arg(folder.path().join("seen.pcapng"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = program.stdout.take().expect("it was piped");
        let mut proxy = Self {
            program,
            words: BufReader::new(stdout),
            ports: Vec::new(),
            folder,
        };
        for _ in 0..doors {
            let listening = proxy.next();
            let uri = listening["listening"].as_str().unwrap_or_default();
            let (_, port) = uri.rsplit_once(':').expect("a port");
            proxy.ports.push(port.parse().expect("a number"));
        }
        proxy
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// What it says next.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        let read = self.words.read_line(&mut line).expect("UTF-8");
        assert!(read > 0, "it has ended");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The next event of this name.
    fn until(&mut self, name: &str) -> Value {
        loop {
            let event = self.next();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it as Ctrl+C does.
    fn end(mut self) -> TempDir {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.program.id().to_string()])
            .status();
        assert!(interrupted.expect("kill starts").success());
        assert!(self.program.wait().expect("it ends").success());
        self.folder
    }
}

/// Wireshark knows every message in it, and there are as many as the proxy says.
fn assert_wireshark_reads(file: &Path, messages: &Value) {
    let strange = "spice.unknown_message || _ws.malformed || _ws.expert.severity == error";
    assert_eq!(wireshark(file, &["-Y", strange]), "");
    let kinds = wireshark(file, &["-T", "fields", "-e", "spice.message_type"]);
    let seen = kinds.split(['\n', ',']).filter(|kind| !kind.is_empty());
    assert_eq!(Some(seen.count() as u64), messages.as_u64());
}

fn the_gtk_client_sees_the_same_through_it() {
    let mut qemu = Machine::new(Boot::Pattern).tcp().password("sesame").start();
    let screen = qemu.still_screen();
    let mut proxy = Proxy::start(&qemu.address, 1, &["--listen", ":0"]);

    let direct = spicy::screenshot(&qemu.address, Some("sesame"));
    let through = spicy::screenshot(&proxy.address(), Some("sesame"));

    assert_same("direct", &direct, &screen);
    assert_same("through the proxy", &through, &screen);
    let recorded = proxy.until("recorded");
    let file = proxy.file("seen.pcapng");
    assert_wireshark_reads(&file, &recorded["messages"]);
    let target = file.to_str().expect("UTF-8");
    assert_same("recorded", &program::screenshot(target, &[]), &screen);
    // No ticket but one of zeros is in it.
    let tickets = wireshark(
        &file,
        &[
            "-Y",
            "spice.ticket_client",
            "-T",
            "fields",
            "-e",
            "spice.ticket_client",
        ],
    );
    assert!(
        tickets.chars().all(|c| matches!(c, '0' | '\n' | ':')),
        "{tickets}"
    );

    let wrong = program::run(&["connect", &proxy.address(), "--password-file", "/dev/null"]);
    assert_eq!(wrong.code, 6, "{}", wrong.stderr);
    let refused = proxy.until("refused");
    let why = "the server refused the password: it is wrong, expired or not set";
    assert_eq!(refused["why"], why);
    proxy.end();
}

#[cfg(feature = "tls")]
fn tls_on_both_sides() {
    let fixture = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let machine = Machine::new(Boot::Pattern).tls(Tls {
        certificate: "v1-rsa1024",
        newest: "TLSv1.2",
        channels: &[],
    });
    let mut qemu = machine.start();
    let screen = qemu.still_screen();
    let proxy = Proxy::start(
        &format!("spice+tls://127.0.0.1:{}", qemu.tls_port),
        2,
        &[
            "--ca-file",
            &fixture("authority.pem"),
            "--listen",
            ":0",
            "--tls-listen",
            "127.0.0.1:0",
            "--tls-cert",
            &fixture("ec.pem"),
            "--tls-key",
            &fixture("ec.key"),
        ],
    );

    let authority = PathBuf::from(fixture("authority.pem"));
    let secured = spicy::screenshot_with_tls(proxy.ports[1], &authority);
    let plain = spicy::screenshot(&proxy.address(), None);

    assert_same("with TLS", &secured, &screen);
    assert_same("without", &plain, &screen);
    proxy.end();
}

/// The server asks for a user by SASL; the client knows nothing of that.
#[cfg(feature = "tls")]
fn the_gtk_client_is_let_in_by_the_proxys_own_login() {
    let authority = format!(
        "{}/tests/fixtures/tls/authority.pem",
        env!("CARGO_MANIFEST_DIR")
    );
    let machine = Machine::new(Boot::Pattern).sasl("scram-sha-256").tls(Tls {
        certificate: "v1-rsa1024",
        newest: "TLSv1.2",
        channels: &[],
    });
    let mut qemu = machine.start();
    let screen = qemu.still_screen();
    let target = format!("spice+tls://127.0.0.1:{}", qemu.tls_port);
    let trust = ["--listen", ":0", "--ca-file", &authority];

    let mut without = Proxy::start(&target, 1, &trust);
    let refused = program::run(&["connect", &without.address(), "--for", "1"]);
    assert_ne!(refused.code, 0, "{}", refused.stderr);
    let why = "the server wants to know the user, by SASL, which clients cannot tell through here";
    assert_eq!(without.until("refused")["why"], why);
    without.end();

    let folder = TempDir::new().expect("a scratch folder");
    for (password, works) in [(sasl::PASSWORD, true), ("wrong", false)] {
        let file = folder.path().join("password");
        std::fs::write(&file, password).expect("the scratch folder is writable");
        let file = file.to_str().expect("UTF-8");
        let login = ["--user", sasl::USER, "--password-file", file];
        let mut proxy = Proxy::start(&target, 1, &[&trust[..], &login].concat());
        if works {
            let seen = spicy::screenshot(&proxy.address(), None);
            assert_same("let in by the proxy", &seen, &screen);
        } else {
            let refused = program::run(&["connect", &proxy.address(), "--for", "1"]);
            assert_eq!(refused.code, 6, "{}", refused.stderr);
            let why = "the server refused the user's name or password";
            assert_eq!(proxy.until("refused")["why"], why);
        }
        proxy.end();
    }
}

fn a_drawing_session_recorded_on_the_way() {
    let mut server = XServer::start("auto_glz");
    let mut proxy = Proxy::start(&server.address, 1, &["--listen", ":0"]);
    let mut client = Command::new(program::CAPSAICIN)
        .args(["connect", &proxy.address()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    while proxy.until("linked")["channel"] != "display:0" {}
    scroll_text(&mut server);
    show_pictures(&mut server);
    move_windows(&server);
    let screen = recorded_screen(&server, &proxy.file("seen.pcapng"));
    let interrupted = Command::new("kill")
        .args(["-INT", &client.id().to_string()])
        .status();
    assert!(interrupted.expect("kill starts").success());
    client.wait().expect("it ends");

    let recorded = proxy.until("recorded");

    let file = proxy.file("seen.pcapng");
    assert_wireshark_reads(&file, &recorded["messages"]);
    let target = file.to_str().expect("UTF-8");
    assert_same("recorded", &program::screenshot(target, &[]), &screen);
    proxy.end();
}
