//! QEMU with TLS, and with certificates as its instructions make them: what works, and how each failure is told.

use capsaicin::CloseReason;
use capsaicin::net::tls::{Certificate, Policy};
use capsaicin::net::{Address, Route, SecureChannels, TlsPort, Via};
use capsaicin::session::SessionConfig;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::failures::NOBODYS_NAME;
use crate::live::Live;
use crate::peers::Peer;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine, Qemu, Tls};
use crate::program::{self, Ended};
use crate::test;

type Body = fn();

pub fn tests() -> Vec<Trial> {
    let tests: [(&str, Body); 11] = [
        (
            "old_certificates_are_taken_in_both_versions",
            old_certificates,
        ),
        ("a_password_passes_and_a_wrong_one_is_named", passwords),
        ("wrong_ports_are_recognised_both_ways", wrong_ports),
        (
            "certificates_that_do_not_match_say_what_does_not",
            certificates,
        ),
        ("a_subject_that_differs_is_shown", subjects),
        (
            "a_server_that_wants_tls_is_answered_where_the_port_is_known",
            need_secured,
        ),
        ("single_channels_with_tls_are_switched_to", single_channels),
        (
            "a_server_that_wants_no_tls_says_so_and_nothing_is_made_plain",
            need_unsecured,
        ),
        ("a_server_that_is_killed_ends_the_session", killed),
        ("doctor_walks_through_every_step", doctor_passes),
        ("doctor_names_the_step_that_fails", doctor_fails),
    ];
    let tests = tests.into_iter();
    tests
        .map(|(name, body)| test(format!("tls::{name}"), &[Peer::Qemu], body))
        .collect()
}

fn machine(certificate: &'static str) -> Machine {
    Machine::new(Boot::Pattern).tls(Tls {
        certificate,
        newest: "TLSv1.3",
        channels: &[],
    })
}

fn uri(qemu: &Qemu) -> String {
    format!("spice+tls://127.0.0.1:{}", qemu.tls_port)
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Tries a target, trusting the fixtures' authority.
fn fails(target: &str, more: &[&str]) -> Ended {
    let authority = fixture("authority.pem");
    let mut arguments = vec!["connect", target, "--for", "1"];
    if !more.contains(&"--ca-file") {
        arguments.extend(["--ca-file", &authority]);
    }
    arguments.extend(more);
    let ended = program::run(&arguments);
    assert_ne!(ended.code, 0, "{ended:?}");
    ended
}

fn old_certificates() {
    for (certificate, newest) in [
        ("v1-rsa1024", "TLSv1.2"),
        ("v1-rsa1024", "TLSv1.3"),
        ("v1-rsa2048", "TLSv1.2"),
        ("ec", "TLSv1.2"),
        ("ed25519", "TLSv1.3"),
        ("chained", "TLSv1.3"),
    ] {
        let tls = Tls {
            certificate,
            newest,
            channels: &[],
        };
        let mut qemu = Machine::new(Boot::Pattern).tls(tls).start();
        let screen = qemu.still_screen();
        let taken = program::screenshot(&uri(&qemu), &["--ca-file", &fixture("authority.pem")]);
        assert_same(&format!("{certificate} {newest}"), &taken, &screen);
    }
}

fn passwords() {
    let qemu = machine("ec").password("sesame").start();
    let folder = tempfile::TempDir::new().expect("a scratch folder");
    let file = folder.path().join("password");
    let name = file.to_str().expect("UTF-8");
    std::fs::write(&file, "sesame\n").expect("written");
    let authority = fixture("authority.pem");
    program::screenshot(
        &uri(&qemu),
        &["--ca-file", &authority, "--password-file", name],
    );

    std::fs::write(&file, "wrong\n").expect("written");
    let ended = fails(&uri(&qemu), &["--password-file", name]);
    let port = qemu.tls_port;
    assert_eq!(
        (ended.code, ended.stderr),
        (
            6,
            format!(
                "capsaicin: cannot connect to 127.0.0.1:{port}: the server refused the password: it is wrong, expired \
                 or not set\n  hint: give the one of the machine's -spice option with --password-file, or set it anew\n"
            )
        )
    );
}

fn wrong_ports() {
    let qemu = machine("v1-rsa1024").start();
    let secure = format!("127.0.0.1:{}", qemu.tls_port);
    let plain = &qemu.address;

    let ended = fails(&secure, &[]);
    let expected = format!(
        "capsaicin: cannot connect to {secure}: this is not SPICE: the peer speaks TLS\n  hint: this is a port with \
         TLS: use spice+tls://{secure}\n"
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));

    let ended = fails(&format!("spice+tls://{plain}"), &[]);
    let expected = format!(
        "capsaicin: cannot connect to {plain} with TLS: this is not TLS: the peer speaks SPICE\n  hint: this is the \
         server's plain port; the one with TLS is tls-port of -spice\n"
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));

    let vnc = Machine::new(Boot::Firmware).vnc().start();
    let ended = fails(&format!("spice+tls://{}", vnc.address), &[]);
    let expected = format!(
        "capsaicin: cannot connect to {} with TLS: this is not TLS: the peer speaks VNC\n  hint: this is the port of \
         -vnc; use the one of -spice, or a VNC viewer\n",
        vnc.address
    );
    assert_eq!((ended.code, ended.stderr), (4, expected));
}

fn certificates() {
    for (certificate, authority, problem, hint) in [
        (
            "v1-rsa2048",
            "stranger.pem",
            "the certificate was signed by C=DE,O=Lab,CN=The authority, which is not trusted",
            "--ca-file names a file with the authority's certificate; --trust first-use takes this one and remembers it",
        ),
        (
            "elsewhere",
            "authority.pem",
            "the certificate is for elsewhere.example, not for 127.0.0.1",
            "use a name it has, or expect its subject: --host-subject 'CN=127.0.0.1'",
        ),
        (
            "expired",
            "authority.pem",
            "the certificate of CN=127.0.0.1 expired on 2021-02-03",
            "have it made anew, unless the clock of this machine is wrong",
        ),
        (
            "self-signed",
            "authority.pem",
            "the certificate was signed by nobody but itself, and is not trusted",
            "--ca-file names a file with the authority's certificate; --trust first-use takes this one and remembers it",
        ),
    ] {
        let qemu = machine(certificate).start();
        let ended = fails(&uri(&qemu), &["--ca-file", &fixture(authority)]);
        assert_eq!(ended.code, 5, "{ended:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let port = qemu.tls_port;
        let first = format!("capsaicin: cannot connect to 127.0.0.1:{port} with TLS: {problem}");
        assert_eq!(lines.first(), Some(&&*first));
        let last = format!("  hint: {hint}");
        assert_eq!(lines.last(), Some(&&*last));
        let names: Vec<&str> = lines[1..lines.len() - 1]
            .iter()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(names, ["subject", "names", "issuer", "valid", "SHA-256"]);
    }
}

fn subjects() {
    let qemu = machine("v1-rsa1024").start();
    let right = "C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1";
    let authority = fixture("authority.pem");
    // The name of the host does not count then.
    let elsewhere = format!("spice+tls://localhost:{}", qemu.tls_port);
    program::screenshot(
        &elsewhere,
        &["--ca-file", &authority, "--host-subject", right],
    );

    let reversed = "CN=127.0.0.1,O=Red Hat,L=Raanana,C=IL";
    let ended = fails(&uri(&qemu), &["--host-subject", reversed]);
    assert_eq!(ended.code, 5);
    let problem =
        "the certificate's subject is not the one expected: it has the same parts in another order";
    assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    for line in [
        format!("  subject  {right}\n"),
        format!("  expected {reversed}\n"),
        format!("  hint: if this is the server you mean: --host-subject '{right}'\n"),
    ] {
        assert!(ended.stderr.contains(&line), "{line}: {}", ended.stderr);
    }
}

/// A machine that wants its channels so.
fn demanding(channels: &'static [&'static str]) -> Qemu {
    let tls = Tls {
        certificate: "ec",
        newest: "TLSv1.3",
        channels,
    };
    Machine::new(Boot::Pattern).tls(tls).start()
}

fn need_secured() {
    let mut qemu = demanding(&["tls-channel=main"]);
    let ended = fails(&qemu.address, &[]);
    let expected = format!(
        "capsaicin: cannot connect to {}: the server refused the link: the server requires a secure connection (TLS)\n  \
         hint: name the server's port with TLS (tls-port of -spice) with --tls-port\n",
        qemu.address
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));

    let screen = qemu.still_screen();
    let port = qemu.tls_port.to_string();
    let authority = fixture("authority.pem");
    // Begun plain, as the user wants it; the server has the last word.
    let more = ["--tls-port", &port, "--plain", "--ca-file", &authority];
    assert_same(
        "switched",
        &program::screenshot(&qemu.address, &more),
        &screen,
    );
}

fn single_channels() {
    let mut qemu = demanding(&["tls-channel=display", "tls-channel=inputs"]);
    let screen = qemu.still_screen();
    let port = qemu.tls_port.to_string();
    let authority = fixture("authority.pem");
    let more = ["--tls-port", &port, "--plain", "--ca-file", &authority];
    assert_same(
        "two switched",
        &program::screenshot(&qemu.address, &more),
        &screen,
    );
}

fn need_unsecured() {
    let qemu = demanding(&["plaintext-channel=main"]);
    let (plain, port) = (&qemu.address, qemu.tls_port);
    let both = format!("spice://{plain}?tls-port={port}");
    let ended = fails(&both, &[]);
    let expected = format!(
        "capsaicin: with TLS, at 127.0.0.1:{port}\ncapsaicin: cannot connect to 127.0.0.1:{port}: the server refused the \
         link: the server requires an unencrypted connection for this channel\n  hint: --plain uses the plain port\n"
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));

    // Where no plain port is known there is nothing to fall back to.
    let ended = fails(&uri(&qemu), &[]);
    let expected = format!(
        "capsaicin: cannot connect to 127.0.0.1:{port}: the server refused the link: the server requires an unencrypted \
         connection for this channel\n  hint: its plain port is the one named by port of -spice: spice://HOST:PORT\n"
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));
}

/// QEMU has no time for the farewell of TLS then.
fn killed() {
    let mut qemu = machine("ec").start();
    let authority = std::fs::read_to_string(fixture("authority.pem")).expect("a fixture");
    let policy = Policy {
        authorities: Certificate::from_pem(&authority).expect("a certificate"),
        ..Policy::for_host("127.0.0.1")
    };
    let port = TlsPort {
        address: Address::tcp("127.0.0.1", qemu.tls_port),
        policy: policy.into(),
        channels: SecureChannels::All,
    };
    let route = Route {
        plain: None,
        tls: Some(port),
        via: Via::default(),
    };
    let live = Live::along(route, SessionConfig::default());
    live.wait_for_picture();

    qemu.kill();

    assert_eq!(live.wait_for_end(), CloseReason::ByPeer);
}

/// `doctor` on a target; its exit code and the target's part of what it prints as JSON.
fn doctor(target: &str, more: &[&str]) -> (i32, Value) {
    let arguments = [&["doctor", "--json", target][..], more].concat();
    let ended = program::run(&arguments);
    let mut facts: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    (ended.code, facts["target"].take())
}

/// The steps that were passed, and the one that was not.
fn steps(facts: &Value) -> (Vec<&str>, Option<&str>) {
    let steps = facts["steps"].as_array().expect("steps");
    let with = |passed: bool| {
        let found = steps.iter().filter(move |step| step["passed"] == passed);
        found.filter_map(|step| step["step"].as_str())
    };
    (with(true).collect(), with(false).next())
}

fn doctor_passes() {
    let qemu = machine("ec").start();
    let (code, facts) = doctor(&uri(&qemu), &["--ca-file", &fixture("authority.pem")]);
    assert_eq!(code, 0, "{facts}");
    let all = [
        "target",
        "name",
        "connection",
        "tls",
        "handshake",
        "password",
        "channels",
    ];
    assert_eq!(steps(&facts), (all.to_vec(), None));
    assert_eq!(facts["steps"][1]["found"], "127.0.0.1");
    assert_eq!(
        facts["steps"][3]["found"],
        "TLS 1.3, O=Lab,CN=not.looked.at"
    );
    let channels = facts["channels"].as_array().expect("channels");
    let names: Vec<&str> = channels
        .iter()
        .filter_map(|c| c["channel"].as_str())
        .collect();
    for name in ["main", "display:0", "inputs", "cursor:0"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

fn doctor_fails() {
    let authority = fixture("authority.pem");
    let qemu = demanding(&["tls-channel=inputs"]);
    let nobody = crate::peers::ClosedPort::new();
    let closed = nobody.address();
    let ticketed = Machine::new(Boot::Pattern).tcp().password("right").start();
    let vnc = Machine::new(Boot::Firmware).vnc().start();
    let secure = uri(&qemu);
    for (target, more, step, exit, words) in [
        (&*closed, &[][..], "connection", 3, "connection refused"),
        (NOBODYS_NAME, &[], "name", 3, "name or service not known"),
        (&vnc.address, &[], "handshake", 4, "the peer speaks VNC"),
        (
            &secure,
            &["--ca-file", &authority, "--host-subject", "CN=x"],
            "tls",
            5,
            "part 1 is O=Lab, not CN=x",
        ),
        (
            &secure,
            &["--ca-file", "/nowhere"],
            "target",
            11,
            "cannot read the certificates of /nowhere",
        ),
        (
            &ticketed.address,
            &[],
            "password",
            6,
            "the server refused the password",
        ),
        (&qemu.address, &[], "channels", 7, "the channel inputs"),
    ] {
        let (code, facts) = doctor(target, more);
        assert_eq!(code, exit, "{target}: {facts}");
        assert_eq!(steps(&facts).1, Some(step), "{facts}");
        let error = facts["error"].as_str().unwrap_or_default();
        assert!(error.contains(words), "{error}");
    }
}
