//! The keyboard of a Debian desktop: what a terminal there receives of what is typed, which keys are down, and the lights.

use std::thread;
use std::time::Duration;

use capsaicin::InputEvent;
use capsaicin::channel::inputs::Locks;
use capsaicin::keyboard::{LAYOUTS, Layout};
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::agent::program;
use crate::desktop::{NEEDS, with_desktop};
use crate::live::Live;
use crate::peers::desktop_guest::{Card, DesktopGuest};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::program::run;
use crate::viewer::Viewer;
use crate::{LIMIT, test};

/// Make codes, and the X server's numbers of the same keys.
const CAPS_LOCK: u32 = 0x3a;
const CONTROL: &str = "37";
const W: &str = "25";

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "typing::the_characters_of_every_layout_arrive",
            NEEDS,
            the_characters_of_every_layout_arrive,
        ),
        test(
            "typing::a_key_that_is_held_repeats_in_the_guest_until_it_goes_up",
            NEEDS,
            a_held_key_repeats,
        ),
        test(
            "typing::lights_are_told_and_set_and_text_is_the_same_with_caps_lock",
            NEEDS,
            lights_are_told_and_set,
        ),
        test(
            "typing::a_viewer_that_loses_the_keyboard_or_dies_leaves_no_key_down",
            &[Peer::Tmux, Peer::Qemu, Peer::Guest],
            nothing_stays_down,
        ),
    ]
}

fn the_characters_of_every_layout_arrive() {
    with_desktop(Card::Qxl, |guest| {
        open_terminal(guest);
        let wrong: Vec<String> = LAYOUTS
            .iter()
            .filter_map(|layout| {
                // A busy guest loses keys: its keyboard has room for 16 bytes.
                type_on(guest, layout, "60")
                    .or_else(|_| type_on(guest, layout, "15"))
                    .or_else(|_| type_on(guest, layout, "4"))
                    .err()
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Types what a layout has besides the letters and digits that most have in common.
fn type_on(guest: &mut DesktopGuest, layout: &Layout, rate: &str) -> Result<(), String> {
    // The layouts have the names that the X server knows them by.
    let (name, variant) = layout.name.split_once('-').unwrap_or((layout.name, ""));
    guest.run(&format!("setxkbmap {name} '{variant}'; : >/tmp/test-typed"));
    let text = characters_of(layout);

    let address = guest.qemu.address.clone();
    let mut arguments = vec!["type", &address, "--layout", layout.name];
    arguments.extend(["--rate", rate, &text]);
    let ended = run(&arguments);
    assert_eq!(ended.code, 0, "{layout}: {}", ended.stderr);

    match typed(guest, text.len()) {
        typed if typed == text => Ok(()),
        typed => Err(format!("{layout}: {text:?} became {typed:?}")),
    }
}

/// All that one key makes, and some of what takes a dead key first.
fn characters_of(layout: &Layout) -> String {
    let all = ('!'..='~')
        .chain('\u{a1}'..='\u{17f}')
        .chain('\u{386}'..='\u{3ce}')
        .chain('\u{401}'..='\u{491}')
        .chain("€„“”‚‘’–…№₴₺".chars());
    let strokes = |c: &char| layout.strokes(*c).map_or(0, |strokes| strokes.len());
    let direct = all.clone().filter(|c| strokes(c) == 1);
    let direct = direct.filter(|c| !c.is_ascii_alphanumeric() || "azqwymAZQWYM17".contains(*c));
    let accented = all.filter(|c| strokes(c) == 2).step_by(10);
    direct.chain(accented).collect()
}

fn a_held_key_repeats() {
    with_desktop(Card::Qxl, |guest| {
        open_terminal(guest);
        let ended = run(&["key", &guest.qemu.address, "hold:a:3s"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);

        // The X server waits 660 ms, and then there are 25 a second.
        let repeated = typed(guest, 3);
        assert!(
            repeated.len() > 2 && repeated.chars().all(|c| c == 'a'),
            "{repeated:?}"
        );
        wait_for_keys(guest, &[]);
        // The terminal may have some to read yet.
        until("no more once it is up", LIMIT, || {
            let before = typed(guest, 0);
            thread::sleep(Duration::from_millis(500));
            (typed(guest, 0) == before).then_some(())
        });
    });
}

fn lights_are_told_and_set() {
    with_desktop(Card::Qxl, |guest| {
        let lights = "xset q | grep -o 'Caps Lock: *[onf]*' | tr -d ' '";
        open_terminal(guest);
        let live = Live::connect(&guest.qemu.address, None);
        live.wait_for_inputs();

        live.input(InputEvent::KeyTap(CAPS_LOCK));
        live.wait_for_locks(Locks::CAPS);
        guest.wait_until(lights, "CapsLock:on");
        drop(live);

        let ended = run(&["type", &guest.qemu.address, "aBöÄß7/"]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        guest.run("setxkbmap de");
        let text = "aBöÄß7/€éÉ";
        // Slowly: a busy guest that loses a Caps Lock takes capitals for small letters.
        let slowly = ["--rate", "15", "--layout", "de", text];
        let ended = run(&[&["type", &guest.qemu.address], &slowly[..]].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(typed(guest, text.len()), text);

        let live = Live::connect(&guest.qemu.address, None);
        live.wait_for_locks(Locks::CAPS);
        live.input(InputEvent::Locks(Locks::empty()));
        guest.wait_until(lights, "CapsLock:off");
        live.wait_for_locks(Locks::empty());
    });
}

fn nothing_stays_down() {
    with_desktop(Card::Qxl, |guest| {
        let terminal = Tmux::start(80, 24);
        let viewer = Viewer::start(&terminal, &guest.qemu.address);
        viewer.wait_for_picture();
        terminal.key("C-]");
        terminal.wait_until("the palette", |screen| screen.contains("send keys"));
        terminal.text("khc");
        wait_for_keys(guest, &[CONTROL]);

        // What a terminal says when its window is no longer the one that is typed in.
        terminal.text("\x1b[O");
        wait_for_keys(guest, &[]);
        viewer.quit();

        let dir = TempDir::new().expect("a scratch folder");
        let mut key = program(guest, &dir, &["key"], &["hold:ctrl+w:60s"]);
        wait_for_keys(guest, &[W, CONTROL]);
        key.kill();
        wait_for_keys(guest, &[]);
    });
}

/// Opens a terminal in the guest that has the keyboard and writes down what it receives.
fn open_terminal(guest: &mut DesktopGuest) {
    // The pointer is above it: without a window manager it has the keyboard then.
    guest.run(
        "xterm -u8 -geometry 100x40+100+100 -e 'stty raw -echo; exec cat >>/tmp/test-typed' >/dev/null 2>&1 &
         until pidof cat >/dev/null; do sleep 0.1; done
         xdotool mousemove 400 300",
    );
}

/// What the terminal has received, once that is so many bytes or did not become more for five seconds.
fn typed(guest: &mut DesktopGuest, length: usize) -> String {
    let waited = format!(
        "size=0; left=50
         while [ $left -gt 0 ]; do
             now=$(stat -c %s /tmp/test-typed)
             [ $now -lt {length} ] || break
             [ $now -eq $size ] || left=50
             size=$now; left=$((left - 1)); sleep 0.1
         done
         cat /tmp/test-typed"
    );
    String::from_utf8_lossy(&guest.exec(&waited).bytes).into_owned()
}

/// Waits until these keys are down, by the X server's numbers, and no others.
fn wait_for_keys(guest: &mut DesktopGuest, expected: &[&str]) {
    const DOWN: &str = r#"xinput query-state 'AT Translated Set 2 keyboard' \
        | sed -n 's/.*key\[\(.*\)\]=down/\1/p' | tr '\n' ' '"#;
    guest.wait_until(DOWN, &expected.join(" "));
}
