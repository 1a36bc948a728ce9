//! Real terminals with a window: what a person sees of the viewer in them.

use std::path::Path;

use libtest_mimic::Trial;

use crate::peers::Peer;
use crate::peers::desktop::{Desktop, Emulator};
use crate::peers::qemu::{Boot, Machine};
use crate::{LIMIT, test};

/// Mean of squares that is a ratio of 40 dB.
const FORTY_DECIBELS: f64 = 6.5;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "terminals::kitty_shows_every_pixel_of_the_guest",
            &[Peer::Qemu, Peer::Desktop, Peer::Kitty],
            || a_guest_is_shown(Emulator::Kitty, 0.0),
        ),
        test(
            "terminals::xterm_shows_the_guest_with_sixels",
            &[Peer::Qemu, Peer::Desktop],
            || a_guest_is_shown(Emulator::Xterm, FORTY_DECIBELS),
        ),
        test(
            "terminals::foot_shows_the_guest_with_sixels",
            &[Peer::Qemu, Peer::Desktop, Peer::Foot],
            || a_guest_is_shown(Emulator::Foot, FORTY_DECIBELS),
        ),
    ]
}

/// Two screens of a guest, and a menu that comes between and goes.
fn a_guest_is_shown(emulator: Emulator, noise: f64) {
    let mut qemu = Machine::new(Boot::Quarters).start();
    let mut desktop = Desktop::start();
    let done = desktop.scratch().join("done");
    let program = env!("CARGO_BIN_EXE_capsaicin");
    let target = Path::new(&qemu.address).display().to_string();
    desktop.open(
        emulator,
        &format!("{program} view {target}; echo $? > {}", done.display()),
    );

    let first = qemu.quiet_screen();
    let place = desktop.wait_for("the guest", &first, noise);
    desktop.keys(&["x"]);
    crate::keys::wait_until_taken(&qemu, 1);
    let second = qemu.quiet_screen();
    assert_eq!(desktop.wait_for("its other screen", &second, noise), place);

    desktop.keys(&["ctrl+bracketright"]);
    desktop.wait_while("the menu", &second, noise);
    desktop.keys(&["Escape"]);
    assert_eq!(desktop.wait_for("the guest again", &second, noise), place);

    desktop.keys(&["ctrl+bracketright", "q"]);
    let ended = crate::peers::until("the end of the viewer", LIMIT, || {
        std::fs::read_to_string(&done)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    assert_eq!(ended, "0\n");
}
