//! Several monitors: on displays of their own, and side by side on one.

use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::Peer;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine, SECOND_DISPLAY};
use crate::peers::xserver::{Settings, XServer};
use crate::{program, test};

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "heads::each_graphics_card_of_qemu_is_a_monitor",
            &[Peer::Qemu],
            each_graphics_card_is_a_monitor,
        ),
        test(
            "heads::a_monitor_that_is_not_there_is_named_with_those_that_are",
            &[Peer::Qemu],
            a_monitor_that_is_not_there,
        ),
        test(
            "heads::each_output_of_an_x_screen_is_a_monitor",
            &[Peer::XServer],
            each_output_is_a_monitor,
        ),
    ]
}

fn each_graphics_card_is_a_monitor() {
    let mut qemu = Machine::new(Boot::Pattern).second_display().start();
    let first = qemu.still_screen();
    let second = qemu.qmp.screendump_of(SECOND_DISPLAY);

    let whole = program::screenshot(&qemu.address, &[]);
    let monitors = ["1", "2"].map(|n| program::screenshot(&qemu.address, &["--monitor", n]));

    assert!(!first.is_blank() && !second.is_blank() && first != second);
    assert_same("heads whole", &whole, &first);
    assert_same("heads first", &monitors[0], &first);
    assert_same("heads second", &monitors[1], &second);
}

fn a_monitor_that_is_not_there() {
    let qemu = Machine::new(Boot::Pattern).second_display().start();

    let ended = program::run(&[
        "screenshot",
        &qemu.address,
        "-o",
        "/dev/null/none.png",
        "--monitor",
        "3",
    ]);

    assert_eq!(ended.code, 9, "{}", ended.stderr);
    let expected = "capsaicin: cannot take monitor 3: there is no such monitor\n  \
                    hint: --monitor can be 1, 2\n";
    assert_eq!(ended.stderr, expected);
}

fn each_output_is_a_monitor() {
    let server = XServer::with(Settings {
        heads: 2,
        ..Settings::default()
    });
    let live = Live::connect(&server.address, None);
    live.wait_for_picture();

    server.run("xrandr", &["--addmode", "qxl-1", "640x480"]);
    let side_by_side =
        "--output qxl-0 --mode 800x600 --output qxl-1 --mode 640x480 --right-of qxl-0";
    let arguments: Vec<&str> = side_by_side.split(' ').collect();
    server.run("xrandr", &arguments);
    server.run("xsetroot", &["-mod", "7", "11", "-fg", "#c02010"]);
    let screen = live.assert_follows("live two heads", || server.quiet_screen());
    assert_eq!((screen.width, screen.height), (1440, 600));

    let monitors = ["1", "2"].map(|n| program::screenshot(&server.address, &["--monitor", n]));

    assert_same("left head", &monitors[0], &screen.part((0, 0), (800, 600)));
    assert_same(
        "right head",
        &monitors[1],
        &screen.part((800, 0), (640, 480)),
    );
}
