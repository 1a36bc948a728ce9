//! Keys typed at a program that shows them, and the keys of a US keyboard.

use std::process::{Command, Stdio};

use capsaicin::InputEvent;
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, InputRecord, Machine, Qemu};
use crate::peers::{Peer, until};
use crate::{LIMIT, program, test};

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
        test(
            "keys::a_long_text_of_the_command_line_arrives_whole",
            &[Peer::Qemu],
            a_long_text_arrives_whole,
        ),
        test(
            "keys::keys_of_a_command_that_is_done_have_all_arrived",
            &[Peer::Qemu],
            keys_of_a_command_that_is_done_have_all_arrived,
        ),
        test(
            "keys::strokes_of_a_german_keyboard_reach_the_guests_kernel",
            &[Peer::Qemu, Peer::Guest],
            strokes_of_a_german_keyboard_reach_the_guest,
        ),
        test(
            "keys::characters_typed_by_number_arrive_where_numbers_are_taken",
            &[Peer::Qemu, Peer::Guest],
            characters_typed_by_number_arrive,
        ),
        test(
            "keys::an_interrupted_command_leaves_no_key_down",
            &[Peer::Qemu, Peer::Guest],
            an_interrupted_command_leaves_no_key_down,
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

fn a_long_text_arrives_whole() {
    let qemu = Machine::new(Boot::Echo).start();
    let text = PRINTABLE.repeat(5);

    let ended = program::run(&["type", &qemu.address, &text, "--json"]);

    assert_eq!(ended.code, 0, "{}", ended.stderr);
    wait_until_taken(&qemu, text.len());
    assert_eq!(qemu.guest_log(), format!("R{text}"));
}

fn keys_of_a_command_that_is_done_have_all_arrived() {
    let qemu = Machine::new(Boot::Echo).tcp().start();
    for _ in 0..10 {
        let ended = program::run(&["key", &qemu.address, "shift+a", "b", "C", "+"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    wait_until_taken(&qemu, 40);
    assert_eq!(qemu.guest_log(), format!("R{}", "AbC+".repeat(10)));
}

fn strokes_of_a_german_keyboard_reach_the_guest() {
    let qemu = Machine::new(crate::guest::console()).start();

    // Slowly: a keyboard of QEMU has room for 16 bytes, and loses what a busy guest leaves in it.
    let slowly = ["--rate", "10", "--layout", "de", "zß@^É"];
    let ended = program::run(&[&["type", &qemu.address], &slowly[..]].concat());

    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Linux numbers these keys as their scan codes, and AltGr 100.
    let (z, sharp_s, q, circumflex, acute, e) = (21, 12, 16, 41, 13, 18);
    let (shift, alt_gr, space) = (42, 100, 57);
    let tap = |key| [(key, 1), (key, 0)];
    let expected = [
        &tap(z)[..],
        &tap(sharp_s),
        &[(alt_gr, 1), (q, 1), (q, 0), (alt_gr, 0)],
        &tap(circumflex),
        &tap(space),
        &tap(acute),
        &[(shift, 1), (e, 1), (e, 0), (shift, 0)],
    ]
    .concat();
    until("all strokes in the guest", LIMIT, || {
        (key_records(&qemu).len() >= expected.len()).then_some(())
    });
    assert_eq!(key_records(&qemu), expected);
}

fn characters_typed_by_number_arrive() {
    let mut qemu = Machine::new(crate::guest::console()).start();
    let live = Live::connect(&qemu.address, None);
    live.wait_for_inputs();
    qemu.quiet_screen();
    type_text(&live, &qemu, "cat >/dev/ttyS0\n");
    drop(live);

    // Like Windows, Linux' console takes Alt and digits of the keypad; of its numbers those from 160 on are the same.
    let mut arguments = vec!["type", &qemu.address, "--layout", "us", "--rate", "20"];
    arguments.extend(["--alt-codes", "--enter", "a\u{b0}\u{e9}\u{df}z"]);
    let ended = program::run(&arguments);

    assert_eq!(ended.code, 0, "{}", ended.stderr);
    until("the characters in the guest", LIMIT, || {
        qemu.guest_log()
            .contains("a\u{b0}\u{e9}\u{df}z")
            .then_some(())
    });
}

fn an_interrupted_command_leaves_no_key_down() {
    let qemu = Machine::new(crate::guest::console()).start();
    let mut command = Command::new(program::CAPSAICIN)
        .args(["key", &qemu.address, "hold:ctrl+w:60s"])
        .stdin(Stdio::null())
        .spawn()
        .expect("the program starts");
    let (ctrl, w) = (29, 17);
    until("w to be down in the guest", LIMIT, || {
        key_records(&qemu).contains(&(w, 1)).then_some(())
    });

    let interrupted = Command::new("kill")
        .args(["-INT", &command.id().to_string()])
        .status();

    assert!(interrupted.expect("kill starts").success());
    assert_eq!(command.wait().expect("it ends").code(), Some(130));
    until("both keys to be up", LIMIT, || {
        let records = key_records(&qemu);
        (records.contains(&(w, 0)) && records.contains(&(ctrl, 0))).then_some(())
    });
}

/// The keys of the guest's kernel: which, and 1 down or 0 up. Repeats are left out.
fn key_records(qemu: &Qemu) -> Vec<(u16, i32)> {
    let records = qemu.input_records().into_iter();
    let keys = records.filter(|record| record.kind == InputRecord::KEY && record.value < 2);
    keys.map(|record| (record.code, record.value)).collect()
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

/// Waits until the guest has taken so many keys, and sees that it took no other. A screen shows what a key did shortly
/// before the guest says that it took it.
pub fn wait_until_just_taken(qemu: &Qemu, keys: usize) {
    wait_until_taken(qemu, keys);
    assert_eq!(qemu.keys_taken(), keys, "keys in the guest");
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
