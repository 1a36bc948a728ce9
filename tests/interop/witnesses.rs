//! The witnesses agree with each other; only then does it mean something that capsaicin agrees with them.

use libtest_mimic::Trial;

use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::xserver::XServer;
use crate::peers::{Peer, guest, spicy};
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "witnesses::the_gtk_client_shows_the_firmware_as_qemu_does",
            &[Peer::Qemu, Peer::Spicy],
            || same_screen_in_qemu(Boot::Firmware),
        ),
        test(
            "witnesses::the_gtk_client_shows_the_pattern_as_qemu_does",
            &[Peer::Qemu, Peer::Spicy],
            || same_screen_in_qemu(Boot::Pattern),
        ),
        test(
            "witnesses::the_gtk_client_shows_a_debian_console_as_qemu_does",
            &[Peer::Qemu, Peer::Guest, Peer::Spicy],
            || same_screen_in_qemu(Boot::Debian(guest::console().expect("it is not missing"))),
        ),
        test(
            "witnesses::the_gtk_client_shows_the_x_server_as_it_is",
            &[Peer::XServer, Peer::Spicy],
            || {
                let server = XServer::start("auto_glz");

                assert_same(
                    "spicy-screenshot of the X server",
                    &spicy::screenshot(&server.address, None),
                    &server.screen(),
                );
            },
        ),
    ]
}

fn same_screen_in_qemu(boot: Boot) {
    let mut qemu = Machine::new(boot).start();
    let screen = qemu.still_screen();

    assert!(!screen.is_blank(), "nothing on the screen");
    assert_same(
        "spicy-screenshot of QEMU",
        &spicy::screenshot(&qemu.address, None),
        &screen,
    );
}
