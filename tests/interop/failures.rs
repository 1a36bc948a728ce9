//! What a person is told when it does not work: each failure has its own text and exit code.

use capsaicin::CloseReason;
use libtest_mimic::Trial;
use serde_json::json;

use crate::live::Live;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::relay::Relay;
use crate::peers::{Peer, free_port};
use crate::program::{self, Ended};
use crate::test;

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
    let address = format!("127.0.0.1:{}", free_port());

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
    assert_eq!(first.wait_for_end(), CloseReason::ByPeer);
}

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
