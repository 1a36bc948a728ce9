//! Keys typed at a program that shows them, and the keys of a US keyboard.

use capsaicin::InputEvent;
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::peers::{Peer, until};
use crate::{LIMIT, test};

/// Every printable character of ASCII.
pub const PRINTABLE: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/// The keys of a US keyboard: the PC scan code of the first of a row, the characters of the keys, and those with shift.
const ROWS: [(u32, &str, &str); 6] = [
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1c, "\n", "\n"),
    (0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (0x39, " ", " "),
];

const SHIFT: u32 = 0x2a;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "keys::every_printable_character_arrives_and_shows_as_if_typed_at_the_machine",
            &[Peer::Qemu],
            every_printable_character_arrives,
        ),
        test(
            "keys::a_key_sent_right_after_connecting_arrives",
            &[Peer::Qemu],
            a_key_sent_right_after_connecting_arrives,
        ),
    ]
}

fn every_printable_character_arrives() {
    let mut expected = Machine::new(Boot::Echo).start();
    for (taken, character) in (1..).zip(PRINTABLE.chars()) {
        expected.qmp.press(&codes(character));
        wait_until_taken(&expected, taken);
    }
    let mut qemu = Machine::new(Boot::Echo).start();
    let live = Live::connect(&qemu.address, None);
    live.wait_for_inputs();

    type_text(&live, &qemu, PRINTABLE);

    assert_eq!(qemu.guest_log(), format!("R{PRINTABLE}"));
    assert_same(
        "typed by capsaicin",
        &qemu.still_screen(),
        &expected.still_screen(),
    );
}

fn a_key_sent_right_after_connecting_arrives() {
    let qemu = Machine::new(Boot::Echo).start();

    let live = Live::connect(&qemu.address, None);
    press(&live, 'k');

    wait_until_taken(&qemu, 1);
    assert_eq!(qemu.guest_log(), "Rk");
}

/// Types characters, each when the guest has taken the one before: a PC's keyboard buffer is small.
pub fn type_text(live: &Live, qemu: &Qemu, text: &str) {
    for (taken, character) in (qemu.keys_taken() + 1..).zip(text.chars()) {
        press(live, character);
        wait_until_taken(qemu, taken);
    }
}

/// Types one character.
pub fn press(live: &Live, character: char) {
    match codes(character)[..] {
        [key] => live.input(InputEvent::KeyTap(key)),
        [shift, key] => {
            live.input(InputEvent::KeyDown(shift));
            live.input(InputEvent::KeyTap(key));
            live.input(InputEvent::KeyUp(shift));
        }
        _ => unreachable!("one key, perhaps with shift"),
    }
}

/// Waits until the guest has taken so many keys.
pub fn wait_until_taken(qemu: &Qemu, keys: usize) {
    until(&format!("key {keys} in the guest"), LIMIT, || {
        (qemu.keys_taken() >= keys).then_some(())
    });
}

/// The make codes of the keys held together for a character, Shift first.
pub fn codes(character: char) -> Vec<u32> {
    for (first, plain, shifted) in ROWS {
        for (code, (without, with)) in (first..).zip(plain.chars().zip(shifted.chars())) {
            if character == without {
                return vec![code];
            }
            if character == with {
                return vec![SHIFT, code];
            }
        }
    }
    panic!("{character:?} is not on a US keyboard");
}
