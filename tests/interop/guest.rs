//! A Debian guest: its console in every image compression, keys and pointer as its kernel sees them.

use capsaicin::InputEvent;
use capsaicin::channel::inputs::Button;
use capsaicin::channel::main::MouseMode;
use libtest_mimic::Trial;

use crate::keys;
use crate::live::Live;
use crate::modes::{Mode, each_mode};
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, InputRecord, Machine, Qemu};
use crate::peers::{Peer, guest, until};
use crate::{LIMIT, program, test};

/// The kernel's code of the left button.
const LEFT_BUTTON: u16 = 0x110;

const NEEDS: &[Peer] = &[Peer::Qemu, Peer::Guest];

pub fn tests() -> Vec<Trial> {
    let mut tests = each_mode(
        "guest::a_session_that_sees_the_console_scroll_shows_what_qemu_dumps",
        NEEDS,
        a_scrolling_console_is_what_qemu_dumps,
    );
    tests.push(test(
        "guest::typed_characters_arrive_and_show_on_the_console",
        NEEDS,
        typed_characters_arrive,
    ));
    tests.push(test(
        "guest::the_pointer_goes_where_it_is_sent_and_clicks",
        NEEDS,
        the_pointer_goes_where_it_is_sent,
    ));
    tests
}

/// A console with a shell.
pub fn console() -> Boot {
    Boot::Debian(guest::console().expect("it is not missing"))
}

fn a_scrolling_console_is_what_qemu_dumps(mode: Mode) {
    let mut qemu = mode.machine(console()).switched_off().start();
    let live = Live::connect(&qemu.address, mode.preferred());
    qemu.qmp.cont();
    qemu.booted();
    live.wait_for_inputs();

    shell(&qemu, &live, "for i in 1 2 3; do ls -l /bin; done");

    let screen = live.assert_follows(&format!("live console {}", mode.name()), || {
        qemu.quiet_screen()
    });
    let screenshot = program::screenshot(&qemu.address, &mode.arguments());
    assert_same(&format!("console {}", mode.name()), &screenshot, &screen);
}

fn typed_characters_arrive() {
    let mut qemu = Machine::new(console()).start();
    let live = Live::connect(&qemu.address, None);
    live.wait_for_inputs();
    let before = qemu.quiet_screen();

    keys::type_text(&live, &qemu, "cat >/dev/ttyS0\n");
    let text = keys::PRINTABLE;
    keys::type_text(&live, &qemu, &format!("{text}\n"));

    until("the characters in the guest", LIMIT, || {
        qemu.guest_log().contains(text).then_some(())
    });
    let after = live.assert_follows("console after typing", || qemu.quiet_screen());
    assert!(after != before, "they show on the screen");
}

fn the_pointer_goes_where_it_is_sent() {
    let mut qemu = Machine::new(console()).start();
    let screen = qemu.quiet_screen();
    assert_eq!((screen.width, screen.height), (1024, 768));
    let live = Live::connect(&qemu.address, None);
    live.wait_for_inputs();
    live.wait_for_mouse_mode(MouseMode::CLIENT);

    // The tablet counts to 32767 across and down, whatever the size of the screen.
    for (x, y, seen) in [(512, 192, (16383, 8191)), (1000, 700, (31999, 29865))] {
        live.input(InputEvent::Position { x, y, display: 0 });
        until(&format!("the pointer at {seen:?}"), LIMIT, || {
            let axis = |code| qemu.input_value(InputRecord::AXIS, code);
            (axis(0) == Some(seen.0) && axis(1) == Some(seen.1)).then_some(())
        });
    }

    for (event, value) in [
        (InputEvent::Press(Button::Left), 1),
        (InputEvent::Release(Button::Left), 0),
    ] {
        live.input(event);
        until(&format!("{event:?} in the guest"), LIMIT, || {
            (qemu.input_value(InputRecord::KEY, LEFT_BUTTON) == Some(value)).then_some(())
        });
    }
}

/// Types a command at the guest's shell and waits until it is done.
fn shell(qemu: &Qemu, live: &Live, command: &str) {
    keys::type_text(live, qemu, &format!("{command}; echo DONE >/dev/ttyS0\n"));
    until("the command's end", LIMIT, || {
        qemu.guest_log().contains("DONE").then_some(())
    });
}
