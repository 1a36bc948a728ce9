//! What a person is told when it does not work: each failure has its own text and exit code.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use capsaicin::CloseReason;
use libtest_mimic::Trial;
use serde_json::json;

use crate::live::Live;
use crate::peers::picture::assert_same;
use crate::peers::process::Process;
use crate::peers::qemu::{Boot, Machine, Tls};
use crate::peers::relay::Relay;
use crate::peers::{ClosedPort, Peer, free_port, until};
use crate::program::{self, CAPSAICIN, Ended};
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    let needs = &[Peer::Qemu];
    vec![
        test(
            "failures::the_right_password_opens_the_server",
            needs,
            || {
                the_right_password_opens_the_server();
            },
        ),
        test(
            "failures::a_wrong_password_names_all_three_reasons",
            needs,
            || {
                a_wrong_password_names_all_three_reasons();
            },
        ),
        test("failures::a_missing_password_is_asked_for", needs, || {
            a_missing_password_is_asked_for();
        }),
        test("failures::nothing_listens_on_a_closed_port", &[], || {
            nothing_listens_on_a_closed_port();
        }),
        test("failures::a_vnc_server_is_recognised", needs, || {
            a_vnc_server_is_recognised();
        }),
        test(
            "failures::a_server_that_dies_in_mid_picture_is_said_to_be_gone",
            needs,
            || {
                a_server_that_dies_in_mid_picture();
            },
        ),
        test(
            "failures::a_server_that_is_killed_ends_the_session",
            needs,
            || {
                a_server_that_is_killed_ends_the_session();
            },
        ),
        test(
            "failures::a_password_that_was_never_set_or_has_expired_is_named",
            needs,
            || {
                a_password_that_was_never_set_or_has_expired();
            },
        ),
        test(
            "failures::an_ssh_server_is_recognised",
            &[Peer::Ssh],
            || {
                an_ssh_server_is_recognised();
            },
        ),
        test(
            "failures::a_web_server_that_waits_for_more_is_recognised",
            &[Peer::Web],
            a_web_server_that_waits_for_more_is_recognised,
        ),
        test(
            "failures::a_port_that_swallows_everything_is_a_timeout",
            &[],
            a_port_that_swallows_everything_is_a_timeout,
        ),
        test(
            "failures::without_a_way_the_network_is_to_blame",
            &[Peer::Namespaces],
            without_a_way_the_network_is_to_blame,
        ),
        test(
            "failures::a_name_that_nobody_knows_is_said_to_be_that",
            &[],
            names_that_nobody_knows,
        ),
        test(
            "failures::a_server_of_the_first_version_is_too_old",
            &[],
            a_server_of_the_first_version,
        ),
        test(
            "failures::viewing_needs_a_terminal",
            &[],
            viewing_needs_a_terminal,
        ),
        test(
            "failures::a_channel_that_is_refused_is_told_and_the_rest_goes_on",
            needs,
            a_channel_that_is_refused_is_told_and_the_rest_goes_on,
        ),
        test(
            "failures::another_viewer_that_takes_over_ends_the_session",
            needs,
            || {
                another_viewer_takes_over();
            },
        ),
    ]
}

fn the_right_password_opens_the_server() {
    let mut qemu = Machine::new(Boot::Pattern)
        .tcp()
        .password("Räuber 47")
        .start();
    let screen = qemu.still_screen();
    let file = password_file("Räuber 47\n");

    let screenshot = program::screenshot(&qemu.address, &["--password-file", path(&file)]);

    assert_same("screenshot with password", &screenshot, &screen);
}

fn a_wrong_password_names_all_three_reasons() {
    let qemu = Machine::new(Boot::Pattern).tcp().password("right").start();
    let file = password_file("wrong\n");

    let ended = screenshot_fails(&qemu.address, &["--password-file", path(&file)]);

    assert_eq!(ended.code, 6, "{ended:?}");
    for reason in ["wrong", "expired", "not set"] {
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
}

fn a_missing_password_is_asked_for() {
    let qemu = Machine::new(Boot::Pattern).tcp().password("right").start();

    // There is no terminal to ask on.
    let ended = screenshot_fails(&qemu.address, &[]);

    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.stderr.contains("password"), "{}", ended.stderr);
}

fn a_password_that_was_never_set_or_has_expired() {
    let mut qemu = Machine::new(Boot::Pattern).tcp().ticketing().start();
    let file = password_file("right\n");
    let refused = |address: &str| {
        let ended = screenshot_fails(address, &["--password-file", path(&file)]);
        let expected = format!(
            "capsaicin: cannot connect to {address}: the server refused the password: it is wrong, expired or not set\n  \
             hint: give the one of the machine's -spice option with --password-file, or set it anew\n"
        );
        assert_eq!((ended.code, ended.stderr), (6, expected));
    };
    refused(&qemu.address);

    let password = json!({ "protocol": "spice", "password": "right" });
    qemu.qmp.execute("set_password", password);
    program::screenshot(&qemu.address, &["--password-file", path(&file)]);

    let expiry = json!({ "protocol": "spice", "time": "now" });
    qemu.qmp.execute("expire_password", expiry);
    refused(&qemu.address);
}

fn nothing_listens_on_a_closed_port() {
    let closed = ClosedPort::new();
    let address = closed.address();

    let ended = screenshot_fails(&address, &[]);

    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing listens"), "{}", ended.stderr);
}

fn a_vnc_server_is_recognised() {
    let qemu = Machine::new(Boot::Firmware).vnc().start();

    let ended = screenshot_fails(&qemu.address, &[]);

    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("VNC"), "{}", ended.stderr);
}

fn a_server_that_dies_in_mid_picture() {
    // 640×400 pixels without compression are a message of a million bytes.
    let qemu = Machine::new(Boot::Pattern).image_compression("off").start();
    let relay = Relay::start(qemu.address.as_ref(), 300_000);

    let ended = screenshot_fails(&relay.address, &[]);

    assert!(relay.is_cut(), "the display was not read: {ended:?}");
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(
        ended.stderr.contains("closed") || ended.stderr.contains("broke"),
        "{}",
        ended.stderr
    );
}

fn a_server_that_is_killed_ends_the_session() {
    let mut qemu = Machine::new(Boot::Pattern).start();
    let live = Live::connect(&qemu.address, None);
    live.wait_for_picture();

    qemu.kill();

    live.wait_for_end();
}

fn another_viewer_takes_over() {
    let mut qemu = Machine::new(Boot::Pattern).start();
    let screen = qemu.still_screen();
    let first = Live::connect(&qemu.address, None);
    first.wait_for_picture();

    let second = Live::connect(&qemu.address, None);

    second.assert_shows("the second viewer", &screen);
    // Whether QEMU had read what the first one sent last, or its system reset the connection: the end is the same.
    assert_eq!(first.wait_for_end(), CloseReason::ByPeer);
}

fn an_ssh_server_is_recognised() {
    let dir = tempfile::TempDir::new().expect("a scratch folder");
    let (_ssh, port) = listening(|port| {
        let mut ssh = Command::new("dropbear");
        ssh.args(["-F", "-E", "-R", "-s", "-r"])
            .arg(dir.path().join("key"));
        ssh.args(["-p", &format!("127.0.0.1:{port}"), "-P"])
            .arg(dir.path().join("pid"));
        Process::start("dropbear", &ssh, dir.path())
    });
    not_spice(
        port,
        "the peer speaks SSH",
        "this is the port of the SSH server; use the one of -spice",
    );
}

fn a_web_server_that_waits_for_more_is_recognised() {
    let dir = tempfile::TempDir::new().expect("a scratch folder");
    let (_web, port) = listening(|port| {
        let mut web = Command::new("python3");
        web.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
        web.arg(dir.path()).arg(port.to_string());
        Process::start("python3", &web, dir.path())
    });
    // It waits for the end of a line, which a link message has not: it is asked in its own words then.
    not_spice(
        port,
        "the peer speaks HTTP",
        "this is the port of a web server; use the one of -spice",
    );
    let target = format!("spice+tls://127.0.0.1:{port}");
    let ended = screenshot_fails(&target, &[]);
    let expected = format!(
        "capsaicin: cannot connect to 127.0.0.1:{port} with TLS: this is not TLS: the peer speaks HTTP\n  hint: this is the \
         port of a web server; use the one of -spice\n"
    );
    assert_eq!((ended.code, ended.stderr), (4, expected));
}

fn not_spice(port: u16, what: &str, hint: &str) {
    let ended = screenshot_fails(&format!("127.0.0.1:{port}"), &[]);
    let expected = format!(
        "capsaicin: cannot connect to 127.0.0.1:{port}: this is not SPICE: {what}\n  hint: {hint}\n"
    );
    assert_eq!((ended.code, ended.stderr), (4, expected));
}

/// A server at a loopback port, and the port, once it listens there.
fn listening(start: impl Fn(u16) -> Process) -> (Process, u16) {
    // Another program may take the port between our look and the server's.
    for _ in 0..3 {
        let port = free_port();
        let mut process = start(port);
        let listens = until("somebody listens", LIMIT, || {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(_) => Some(true),
                Err(_) => process.ended().map(|_| false),
            }
        });
        if listens {
            return (process, port);
        }
    }
    panic!("three ports were taken away from the server");
}

/// A port whose queue is full, as that of a server that hangs: the kernel swallows what comes then, as a firewall does.
fn a_port_that_swallows_everything_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        waiting.push(stream);
        assert!(waiting.len() < 10_000, "the queue has no end");
    }
    let ended = screenshot_fails(&address.to_string(), &["--timeout", "1"]);
    let expected = format!(
        "capsaicin: cannot connect to {address}: no answer within 1 s\n  hint: a firewall may swallow the connection; \
         --timeout allows more time\n"
    );
    assert_eq!((ended.code, ended.stderr), (8, expected));
}

/// In a network of its own there is nothing but a machine that is alone.
fn without_a_way_the_network_is_to_blame() {
    let ended = Command::new("unshare")
        .args(["-rn", CAPSAICIN, "connect", "192.0.2.1:5900"])
        .output()
        .expect("unshare starts");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    let expected = "capsaicin: cannot connect to 192.0.2.1:5900: network is unreachable\n  hint: no way leads there from this \
                    machine: is it on the right network, or behind a VPN?\n";
    assert_eq!((ended.status.code(), &*told), (Some(3), expected));
}

fn names_that_nobody_knows() {
    let ended = screenshot_fails(NOBODYS_NAME, &[]);
    assert_eq!(ended.code, 3, "{ended:?}");
    let first =
        format!("capsaicin: cannot connect to {NOBODYS_NAME}:5900: name or service not known");
    assert!(ended.stderr.starts_with(&first), "{}", ended.stderr);
    let last = "  hint: nobody knows this name: check its spelling, or give the address\n";
    assert!(ended.stderr.ends_with(last), "{}", ended.stderr);
}

/// The first version of the protocol died with Red Hat Enterprise Linux 5: its server is played.
fn a_server_of_the_first_version() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // REDQ, version 1.0, a reply of one error code.
            let _ = stream.write_all(b"REDQ\x01\0\0\0\0\0\0\0\x04\0\0\0\x04\0\0\0");
            while stream.read(&mut [0; 512]).is_ok_and(|n| n > 0) {}
        }
    });
    let ended = screenshot_fails(&address.to_string(), &[]);
    let expected = format!(
        "capsaicin: cannot connect to {address}: the server speaks version 1.0 of the protocol, not 2.2\n  hint: the server \
         is too old for this program; a newer QEMU speaks version 2\n"
    );
    assert_eq!((ended.code, ended.stderr), (4, expected));
}

fn viewing_needs_a_terminal() {
    let ended = program::run(&["view", "demo:"]);
    let expected = "capsaicin: cannot view: standard output is not a terminal\n  hint: 'capsaicin screenshot' needs none\n";
    assert_eq!((ended.code, &*ended.stderr), (10, expected));
    let ended = program::run(&["view"]);
    let expected = "capsaicin: cannot view: no target is named, and there is no terminal to choose one on\n  hint: \
                    'capsaicin view TARGET' views it\n";
    assert_eq!((ended.code, &*ended.stderr), (2, expected));
}

/// A server that wants TLS for one channel and has no port with it that is known: the session stands, the channel is told.
fn a_channel_that_is_refused_is_told_and_the_rest_goes_on() {
    let tls = Tls {
        certificate: "ec",
        newest: "TLSv1.3",
        channels: &["tls-channel=cursor"],
    };
    let qemu = Machine::new(Boot::Pattern).tls(tls).start();
    let dir = tempfile::TempDir::new().expect("a scratch folder");
    let mut connect = program::start(dir.path(), &["connect", &qemu.address]);
    let refused = format!(
        "could not be opened: cannot connect to {}: the server refused the link: the server requires a secure connection (TLS)",
        qemu.address
    );
    let told = |line: &str| line.contains("cursor:0") && line.contains(&refused);
    until("the refusal and a picture", LIMIT, || {
        let log = connect.log();
        (log.lines().any(told) && log.contains("marked")).then_some(())
    });
    connect.interrupt();
    assert_eq!(connect.finish(LIMIT).code(), Some(130), "{}", connect.log());
}

/// A name that nobody has, with an empty part: the system knows that without a name server, which may be away.
pub const NOBODYS_NAME: &str = "no..such.host";

/// Asks for a screenshot that there cannot be, and checks how the program says so: one line for what happened, at most
/// one for what to do, and no trace of its insides.
fn screenshot_fails(address: &str, more: &[&str]) -> Ended {
    let dir = tempfile::TempDir::new().expect("a scratch folder");
    let file = dir.path().join("screen.png");
    let mut arguments = vec!["screenshot", address, "-o", path(&file)];
    arguments.extend(more);
    let ended = program::run(&arguments);
    assert_ne!(ended.code, 0, "{ended:?}");
    assert!(!file.exists(), "a file is left behind");
    assert!(ended.stderr.starts_with("capsaicin: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Err("), "{}", ended.stderr);
    ended
}

fn password_file(password: &str) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().expect("a scratch file");
    std::fs::write(file.path(), password).expect("the scratch file is writable");
    file.into_temp_path()
}

fn path(path: &(impl AsRef<std::path::Path> + ?Sized)) -> &str {
    path.as_ref().to_str().expect("UTF-8")
}
