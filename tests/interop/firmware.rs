//! QEMU's firmware screen, in every image compression of the server.

use libtest_mimic::Trial;

use crate::live::Live;
use crate::modes::{Mode, each_mode};
use crate::peers::Peer;
use crate::peers::picture::assert_same;
use crate::peers::qemu::Boot;
use crate::program;

pub fn tests() -> Vec<Trial> {
    let needs = &[Peer::Qemu];
    [
        each_mode("firmware::a_screenshot_is_what_qemu_dumps", needs, |mode| {
            a_screenshot_is_what_qemu_dumps(Boot::Firmware, mode);
        }),
        each_mode(
            "firmware::a_screenshot_of_many_colours_is_what_qemu_dumps",
            needs,
            |mode| a_screenshot_is_what_qemu_dumps(Boot::Pattern, mode),
        ),
        each_mode(
            "firmware::a_session_sees_the_firmware_start_as_qemu_does",
            needs,
            |mode| a_session_sees_it_start(Boot::Firmware, mode),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn a_screenshot_is_what_qemu_dumps(boot: Boot, mode: Mode) {
    let mut qemu = mode.machine(boot).start();
    let screen = qemu.still_screen();

    let screenshot = program::screenshot(&qemu.address, &mode.arguments());

    assert!(!screen.is_blank(), "nothing on the screen");
    assert_same(&format!("screenshot {}", mode.name()), &screenshot, &screen);
}

fn a_session_sees_it_start(boot: Boot, mode: Mode) {
    let mut qemu = mode.machine(boot).switched_off().start();
    let live = Live::connect(&qemu.address, mode.preferred());

    qemu.qmp.cont();
    qemu.booted();

    let screen = qemu.still_screen();
    assert!(!screen.is_blank(), "nothing on the screen");
    live.assert_shows(&format!("live firmware {}", mode.name()), &screen);
}
