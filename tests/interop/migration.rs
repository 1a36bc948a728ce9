//! A machine that moves from one QEMU to another while it is looked at.

use std::time::Duration;

use capsaicin::InputEvent;
use capsaicin::session::{Grade, Migration, SessionConfig};
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::Peer;
use crate::peers::boot::QUARTERS;
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::peers::tmux::Tmux;
use crate::peers::until;
use crate::viewer::{Viewer, shows_quarters};
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    let qemu = &[Peer::Qemu];
    vec![
        test(
            "migration::a_machine_that_moves_semi_seamlessly_is_seen_and_typed_at_where_it_is",
            qemu,
            || it_is_where_it_moves_to(&machine(), Grade::SemiSeamless),
        ),
        test(
            "migration::a_machine_that_moves_seamlessly_is_seen_and_typed_at_where_it_is",
            qemu,
            || it_is_where_it_moves_to(&machine().seamless(), Grade::Seamless),
        ),
        test(
            "migration::a_machine_whose_move_fails_stays_with_its_viewer",
            qemu,
            a_move_fails,
        ),
        test(
            "migration::the_viewer_goes_along_with_a_machine",
            &[Peer::Qemu, Peer::Tmux],
            the_viewer_goes_along,
        ),
    ]
}

/// The make code of `a`.
const KEY_A: u32 = 0x1e;

fn machine() -> Machine {
    Machine::new(Boot::Quarters).tcp()
}

/// Presses and releases a key; waits until the guest has taken so many.
fn press(live: &Live, at: &Qemu, taken: usize) {
    live.input(InputEvent::KeyDown(KEY_A));
    live.input(InputEvent::KeyUp(KEY_A));
    until("the key in the guest", LIMIT, || {
        (at.keys_taken() == taken).then_some(())
    });
}

fn it_is_where_it_moves_to(machine: &Machine, grade: Grade) {
    let mut a = machine.start();
    let mut b = machine.clone().incoming().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();
    press(&live, &a, 1);
    let before = a.quiet_screen();
    live.assert_shows("the screen before", &before);

    a.announce(&b, None);
    live.wait_until_prepared();
    a.move_to(&mut b);

    let Migration::Moved(to, how) = live.wait_for_move() else {
        panic!("it moved: {:?}", live.migrations());
    };
    assert_eq!((to.to_string(), how), (b.address.clone(), grade));
    // Nothing of the old host is needed any more.
    a.kill();
    live.assert_shows("the screen after", &before);
    until_it_types(&live, &b);
    let after = b.quiet_screen();
    assert!(after != before, "the key changed the screen");
    live.assert_shows("the screen there", &after);
    assert_eq!(live.notices(), Vec::<String>::new());
}

/// The guest's log begins anew with its QEMU, without the mark of its start.
fn until_it_types(live: &Live, at: &Qemu) {
    // In the moment it takes a machine over, QEMU 7.2 reads a key and sometimes does nothing with it.
    std::thread::sleep(Duration::from_secs(1));
    live.input(InputEvent::KeyDown(KEY_A));
    live.input(InputEvent::KeyUp(KEY_A));
    until("the key in the guest", LIMIT, || {
        let log = at.guest_log();
        assert!(log.len() < 2, "one key: {log:?}");
        (log.len() == 1).then_some(())
    });
}

fn a_move_fails() {
    let mut a = machine().seamless().start();
    let b = machine().incoming().seamless().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();

    a.announce(&b, None);
    live.wait_until_prepared();
    a.begin_to_move(std::path::Path::new("/there/is/no/such/socket"));

    assert_eq!(live.wait_for_move(), Migration::Cancelled);
    drop(b);
    press(&live, &a, 1);
    let there = a.quiet_screen();
    live.assert_shows("the screen", &there);
}

fn the_viewer_goes_along() {
    let mut a = machine().seamless().start();
    let mut b = machine().seamless().incoming().start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &a.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));

    a.announce(&b, None);
    // Nothing on the screen tells.
    std::thread::sleep(Duration::from_secs(1));
    a.move_to(&mut b);

    terminal.wait_for("the machine moved to 127.0.0.1:");
    a.kill();
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    viewer.quit();
}
