//! Real terminals with a window: what a person sees of the viewer in them.

use std::path::Path;
use std::time::Duration;

use capsaicin::geometry::{Rect, Size};
use libtest_mimic::Trial;

use crate::peers::desktop::{self, Desktop, Emulator, KITTY_PAPER};
use crate::peers::outer::{Kind, Outer};
use crate::peers::picture::Picture;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::program::CAPSAICIN;
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
        test(
            "terminals::kitty_with_large_letters_shows_every_pixel_once_and_twice",
            &[Peer::Qemu, Peer::Desktop, Peer::Kitty],
            || a_guest_is_magnified(Emulator::LargeKitty, 0.0),
        ),
        test(
            "terminals::foot_on_a_dense_screen_shows_the_guest_once_and_twice",
            &[Peer::Qemu, Peer::Desktop, Peer::Foot],
            || a_guest_is_magnified(Emulator::DenseFoot, FORTY_DECIBELS),
        ),
        test(
            "terminals::a_terminal_around_tmux_shows_every_pixel_of_the_guest",
            &[Peer::Qemu, Peer::Tmux],
            tmux_shows_the_guest,
        ),
        test(
            "terminals::a_german_keyboard_in_kitty_types_at_a_guest_with_a_us_keyboard",
            &[Peer::Qemu, Peer::Desktop, Peer::Kitty],
            || a_german_types_at_a_us_guest(Emulator::Kitty),
        ),
        test(
            "terminals::a_german_keyboard_in_xterm_types_at_a_guest_with_a_us_keyboard",
            &[Peer::Qemu, Peer::Desktop],
            || a_german_types_at_a_us_guest(Emulator::Xterm),
        ),
    ]
}

/// Keys that lie elsewhere on the two keyboards, with Shift and with AltGr.
fn a_german_types_at_a_us_guest(emulator: Emulator) {
    let qemu = Machine::new(Boot::Echo).start();
    let mut desktop = Desktop::start();
    desktop.keyboard("de");
    let program = env!("CARGO_BIN_EXE_capsaicin");
    desktop.open(emulator, &format!("{program} view {}", qemu.address));
    // What is typed before the viewer has the terminal is lost. Not too much at once: a PC's keyboard buffer is small.
    until("the viewer to take keys", LIMIT, || {
        desktop.keys(&["x"]);
        std::thread::sleep(Duration::from_millis(300));
        (qemu.keys_taken() > 0).then_some(())
    });
    until("the last of those keys", LIMIT, || {
        let before = qemu.keys_taken();
        std::thread::sleep(Duration::from_secs(1));
        (qemu.keys_taken() == before).then_some(())
    });

    let names = "z y Z at slash braceleft question plus asterisk minus backslash bar a a";
    let heard = || qemu.guest_log().trim_start_matches(['R', 'x']).to_owned();
    // Each when the guest has taken the one before: a PC's keyboard buffer is small.
    for (taken, name) in (1..).zip(names.split(' ')) {
        desktop.keys(&[name]);
        until(name, LIMIT, || (heard().len() >= taken).then_some(()));
    }
    assert_eq!(heard(), "zyZ@/{?+*-\\|aa");
    desktop.keys(&["ctrl+bracketright", "q"]);
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
    if emulator == Emulator::Kitty {
        let size = Size::new(second.width, second.height);
        let picture = Rect::at(place.0 as i32, place.1 as i32, size);
        a_menu_has_the_paper_of_the_terminal(&desktop, picture);
    }
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

/// Pixel by pixel, and then each as four.
fn a_guest_is_magnified(emulator: Emulator, noise: f64) {
    let mut qemu = Machine::new(Boot::Quarters).start();
    let mut desktop = Desktop::start();
    let program = env!("CARGO_BIN_EXE_capsaicin");
    desktop.open(emulator, &format!("{program} view {}", qemu.address));
    let screen = qemu.quiet_screen();
    desktop.wait_for("the guest", &screen, noise);
    desktop.keys(&["ctrl+bracketright", "z", "2", "Escape"]);
    // The menu is gone, and the middle of the guest is in the middle of the window.
    let middle = screen.middle((200, 100), 2);
    desktop.wait_for("the guest twice as large", &middle, noise);
    desktop.keys(&["ctrl+bracketright", "q"]);
}

/// Text on the picture is as readable as anywhere else in the terminal.
fn a_menu_has_the_paper_of_the_terminal(desktop: &Desktop, picture: Rect) {
    until("a menu on paper", LIMIT, || {
        let screen = desktop.screen();
        let dots = (picture.top..picture.bottom)
            .flat_map(|y| (picture.left..picture.right).map(move |x| (x as u32, y as u32)));
        let paper = dots.filter(|(x, y)| screen.pixel(*x, *y) == KITTY_PAPER);
        // 20 columns of 10 rows at least, most of them blank.
        (paper.count() > 20 * 10 * 8 * 16 / 2).then_some(())
    });
}

/// In a terminal with pictures, through all that may happen to a window of tmux.
fn tmux_shows_the_guest() {
    let mut qemu = Machine::new(Boot::Quarters).start();
    let tmux = Tmux::with(90, 30, "set -g allow-passthrough on");
    let outer = Outer::attach(&tmux, Kind::Pictures, 100, 40);
    tmux.command(&format!("clear; {CAPSAICIN} view {}", qemu.address));

    let first = qemu.quiet_screen();
    wait_for("the guest", &outer, &first);
    tmux.key("x");
    crate::keys::wait_until_taken(&qemu, 1);
    let second = qemu.quiet_screen();
    wait_for("its other screen", &outer, &second);

    tmux.key("C-]");
    until("the menu", LIMIT, || {
        desktop::find(&outer.picture(), &second, 0.0)
            .is_none()
            .then_some(())
    });
    tmux.key("Escape");
    wait_for("the guest again", &outer, &second);

    outer.resize(110, 38);
    wait_for("the guest after a resize", &outer, &second);

    // In another window the guest is not seen, and what is drawn is lost. A key brings it back.
    tmux.order(&["new-window", "sleep", "1000"]);
    tmux.order(&["send-keys", "-t", ":0", "y"]);
    crate::keys::wait_until_taken(&qemu, 2);
    std::thread::sleep(std::time::Duration::from_secs(2));
    tmux.order(&["select-window", "-t", ":0"]);
    tmux.key("z");
    crate::keys::wait_until_taken(&qemu, 3);
    wait_for("the guest after another window", &outer, &second);

    // Where tmux says that a terminal looks at the window, no key is needed.
    tmux.order(&["set", "-g", "focus-events", "on"]);
    outer.close();
    let other = Outer::attach(&tmux, Kind::Pictures, 110, 38);
    wait_for("the guest on another terminal", &other, &second);
    other.close();
    let characters = Outer::attach(&tmux, Kind::Characters, 110, 38);
    until("the guest in characters", LIMIT, || {
        characters.text().contains("▀▀▀▀▀▀").then_some(())
    });
    characters.close();
    let outer = Outer::attach(&tmux, Kind::Pictures, 110, 38);
    wait_for("the guest in pixels again", &outer, &second);

    tmux.key("C-]");
    tmux.wait_for("quit");
    tmux.text("q");
    tmux.wait_for("ready>");
    until("the end of all images", LIMIT, || {
        (outer.images() == 0).then_some(())
    });
}

fn wait_for(what: &str, outer: &Outer, picture: &Picture) {
    let start = std::time::Instant::now();
    while desktop::find(&outer.picture(), picture, 0.0).is_none() {
        if start.elapsed() > LIMIT {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let seen = folder.join(format!("{}-screen.png", what.replace(' ', "-")));
            outer.picture().write_png(&seen);
            panic!("{what}: {}\n{}", seen.display(), outer.text());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
