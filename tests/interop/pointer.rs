//! The pointer of a Debian desktop as the user of the viewer moves it: by the terminal's mouse and by keys.

use libtest_mimic::Trial;

use crate::desktop::with_desktop;
use crate::mouse::{pointer, wait_for_buttons, wait_for_clicks, watch};
use crate::peers::desktop_guest::{Card, DesktopGuest};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::viewer::Viewer;
use crate::{LIMIT, test};

const NEEDS: &[Peer] = &[Peer::Tmux, Peer::Qemu, Peer::Guest];

/// Columns and rows of the terminal.
const SIZE: (u16, u16) = (100, 30);

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "pointer::it_is_below_the_terminals_mouse_in_client_mode",
            NEEDS,
            it_is_below_the_mouse_in_client_mode,
        ),
        test(
            "pointer::it_is_below_the_terminals_mouse_in_server_mode::qxl",
            NEEDS,
            || it_is_below_the_mouse_in_server_mode(Card::Qxl),
        ),
        test(
            "pointer::it_is_below_the_terminals_mouse_in_server_mode::virtio",
            NEEDS,
            || it_is_below_the_mouse_in_server_mode(Card::Virtio),
        ),
        test(
            "pointer::the_keyboard_moves_it_pixel_by_pixel_and_clicks",
            NEEDS,
            the_keyboard_moves_it,
        ),
    ]
}

fn it_is_below_the_mouse_in_client_mode() {
    with_desktop(Card::Qxl, |guest| {
        let terminal = Tmux::start(SIZE.0, SIZE.1);
        let viewer = start(&terminal, guest);
        terminal.wait_until("the agent", |screen| screen.contains("agent"));

        for cell in [(50, 10), (12, 0), (80, 28)] {
            terminal.text(&mouse(MOVE, cell, 'M'));
            wait_for_pointer_below(guest, cell);
        }

        // A drag, of which the terminal reports each cell.
        let (from, to) = ((30, 5), (60, 20));
        terminal.text(&mouse(MOVE, from, 'M'));
        wait_for_pointer_below(guest, from);
        terminal.text(&mouse(LEFT, from, 'M'));
        wait_for_buttons(guest, &[1]);
        for step in 1..=15 {
            let cell = (from.0 + 2 * step, from.1 + step);
            terminal.text(&mouse(LEFT | MOTION, cell, 'M'));
        }
        wait_for_pointer_below(guest, to);
        wait_for_buttons(guest, &[1]);
        terminal.text(&mouse(LEFT, to, 'm'));
        wait_for_buttons(guest, &[]);
        viewer.quit();
    });
}

fn it_is_below_the_mouse_in_server_mode(card: Card) {
    with_desktop(card, |guest| {
        guest.run("agent stop");
        let terminal = Tmux::start(SIZE.0, SIZE.1);
        let viewer = start(&terminal, guest);

        terminal.text(&mouse(MOVE, (50, 10), 'M'));
        terminal.text(&mouse(MOVE, (50, 11), 'M'));
        wait_for_pointer_below(guest, (50, 11));

        // A flick across the terminal, all of it at once.
        let flick = (1..=61).map(|step| mouse(MOVE, (15 + step, 5 + step / 3), 'M'));
        terminal.text(&mouse(MOVE, (15, 5), 'M'));
        terminal.text(&flick.collect::<String>());
        wait_for_pointer_below(guest, (76, 25));

        // A guest that accelerates goes too far, says so, and is brought back.
        guest.run(&acceleration("1, 0"));
        terminal.text(&mouse(MOVE, (40, 10), 'M'));
        wait_for_pointer_below(guest, (40, 10));
        guest.run(&acceleration("0, 1"));
        viewer.quit();
    });
}

/// Sets which of its two ways of acceleration the X server uses for the mouse: the one by speed, or none.
fn acceleration(which: &str) -> String {
    format!(
        "xinput set-prop 'ImExPS/2 Generic Explorer Mouse' 'libinput Accel Profile Enabled' {which}"
    )
}

fn the_keyboard_moves_it() {
    with_desktop(Card::Qxl, |guest| {
        let terminal = Tmux::start(SIZE.0, SIZE.1);
        let viewer = start(&terminal, guest);
        terminal.wait_until("the agent", |screen| screen.contains("agent"));
        watch(guest);
        // Away from the middle, where it is to be seen to arrive.
        guest.run("xdotool mousemove 100 100");

        terminal.key("C-]");
        terminal.wait_until("the palette", |screen| {
            screen.contains("pointer by keyboard")
        });
        terminal.text("m");
        terminal.wait_until("a hint", |screen| screen.contains("Esc ends"));
        terminal.key("S-Right");
        let (x, y) = until("the pointer in the middle", LIMIT, || {
            let (x, y) = pointer(guest);
            ((x - 513).abs() <= 1 && (y - 384).abs() <= 1).then_some((x, y))
        });
        for _ in 0..10 {
            terminal.key("S-Right");
            terminal.key("S-Up");
        }
        until("the pointer ten pixels on", LIMIT, || {
            (pointer(guest) == (x + 10, y - 10)).then_some(())
        });

        terminal.text("3");
        wait_for_clicks(guest, 3, 1);
        terminal.text(" ");
        wait_for_buttons(guest, &[1]);
        terminal.key("Escape");
        wait_for_buttons(guest, &[]);
        viewer.quit();
    });
}

/// The codes of a terminal's mouse reports (xterm's SGR 1006).
const LEFT: u16 = 0;
const MOTION: u16 = 32;
const MOVE: u16 = 3 | MOTION;

/// What a terminal says of its mouse, at a cell counted from 0; `M` for a button that is down or none, `m` for its release.
fn mouse(code: u16, (column, row): (u16, u16), end: char) -> String {
    format!("\x1b[<{code};{};{}{end}", column + 1, row + 1)
}

/// A viewer that shows the desktop and asks the terminal for its mouse.
fn start<'a>(terminal: &'a Tmux, guest: &DesktopGuest) -> Viewer<'a> {
    let viewer = Viewer::start(terminal, &guest.qemu.address);
    viewer.wait_for_picture();
    until("mouse reports asked for", LIMIT, || {
        terminal.wants_mouse().then_some(())
    });
    viewer
}

/// Waits until the guest's X server has the pointer in the middle of a cell of the terminal, as far as one can tell that
/// from cells: 1024×768 pixels in 29 rows are 77 columns and a third, of which 11 and a third are free on the left.
fn wait_for_pointer_below(guest: &mut DesktopGuest, (column, row): (u16, u16)) {
    let middle = |cell: u16, free: f64, pixels: f64| (f64::from(cell) - free + 0.5) * pixels;
    let (x, y) = (
        middle(column, 11.3, 1024.0 / 77.33).clamp(0.0, 1023.0),
        middle(row, 0.0, 768.0 / 29.0).clamp(0.0, 767.0),
    );
    until(&format!("the pointer near {x:.0}, {y:.0}"), LIMIT, || {
        let at = pointer(guest);
        let (across, down) = (f64::from(at.0) - x, f64::from(at.1) - y);
        (across.abs() <= 14.0 && down.abs() <= 14.0).then_some(())
    });
}
