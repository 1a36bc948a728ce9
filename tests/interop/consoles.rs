//! QEMU's ports in the viewer: a serial console as a tab, and the machine's monitor behind the menu.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use crate::peers::qemu::{self, Boot, Machine, Qemu};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, guest, until};
use crate::program::CAPSAICIN;
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "consoles::a_guest_boots_and_is_used_on_its_serial_console",
            &[Peer::Tmux, Peer::Qemu, Peer::Guest],
            a_guest_is_used_on_its_serial_console,
        ),
        test(
            "consoles::a_port_is_joined_in_a_terminal_and_left_by_the_escape_key",
            &[Peer::Tmux, Peer::Qemu],
            a_port_is_joined_in_a_terminal,
        ),
        test(
            "consoles::the_machine_is_paused_continued_reset_and_ended_from_the_menu",
            &[Peer::Tmux, Peer::Qemu],
            the_machine_is_ordered_about,
        ),
    ]
}

/// Starts the viewer; returns when its status line stands.
fn view(terminal: &Tmux, qemu: &Qemu) {
    terminal.command(&format!("{CAPSAICIN} view {}", qemu.address));
    terminal.wait_for("[picture] serial.0");
}

fn menu(terminal: &Tmux, keys: &str) {
    terminal.key("C-]");
    terminal.wait_for("┌ menu");
    terminal.text(keys);
}

/// The rows of the terminal.
fn rows(screen: &str) -> Vec<&str> {
    screen.lines().map(str::trim_end).collect()
}

/// Waits until the guest's shell is ready for a line. What is typed in the moment its prompt appears may be lost: a program that
/// ends and a shell that begins both change how the line is read.
fn prompt(terminal: &Tmux) {
    let mut before = String::new();
    terminal.wait_until("a prompt", |screen| {
        let is_still = std::mem::replace(&mut before, screen.to_owned()) == screen;
        let rows = rows(screen);
        let mut above = rows.iter().rev().skip(1);
        let last = above.find(|row| !row.is_empty());
        let is_there = last.is_some_and(|row| row.ends_with('#'));
        if is_there && !is_still {
            std::thread::sleep(Duration::from_secs(1));
        }
        is_there && is_still
    });
}

fn a_guest_is_used_on_its_serial_console() {
    let image = guest::console().expect("a guest");
    let mut qemu = Machine::new(Boot::SerialConsole(image))
        .switched_off()
        .start();
    let terminal = Tmux::start(90, 27);
    view(&terminal, &qemu);
    menu(&terminal, "w");
    terminal.wait_for("[serial.0]");

    // Boot messages, and the login.
    qemu.qmp.cont();
    until("a login", qemu::LIMIT, || {
        terminal.screen().contains("serial login:").then_some(())
    });
    terminal.key("S-PPage");
    terminal.wait_for("lines back");
    terminal.wait_until("the kernel's messages", |screen| {
        screen.matches("[    ").count() > 10
    });
    terminal.text("root\r");
    terminal.wait_for("Password:");
    terminal.text("secret\r");
    prompt(&terminal);
    assert!(!terminal.screen().contains("secret"));

    // A serial line has no size until somebody tells it.
    menu(&terminal, "Ws");
    terminal.wait_for("stty rows 26 cols 90");
    terminal.text("clear; stty size\r");
    terminal.wait_until("the size", |screen| rows(screen).contains(&"26 90"));
    prompt(&terminal);

    // Full-screen programs: each uses all of it, and leaves.
    terminal.text("top\r");
    terminal.wait_until("top", |screen| {
        screen.contains("Mem:") && screen.contains("COMMAND") && !rows(screen)[25].is_empty()
    });
    terminal.text("q");
    prompt(&terminal);
    terminal.text("clear; vi note\r");
    terminal.wait_until("an editor", |screen| rows(screen)[25].starts_with("- note"));
    terminal.text("ione");
    terminal.key("Enter");
    terminal.text("two");
    terminal.key("Up");
    terminal.key("Home");
    terminal.text("line ");
    terminal.key("Escape");
    terminal.wait_until("what was typed", |screen| {
        rows(screen)[..2] == ["line one", "two"]
    });
    // Together with what follows it would be Alt and a colon.
    terminal.wait_until("the end of typing", |screen| {
        rows(screen)[25].starts_with("- note")
    });
    terminal.text(":wq\r");
    prompt(&terminal);
    terminal.text("clear; seq 1 500 >numbers; echo made\r");
    terminal.wait_until("numbers", |screen| rows(screen)[0] == "made");
    prompt(&terminal);
    terminal.text("clear; less numbers\r");
    terminal.wait_until("a pager", |screen| rows(screen)[..2] == ["1", "2"]);
    terminal.key("NPage");
    terminal.wait_until("its next page", |screen| rows(screen)[0] == "26");
    terminal.key("Up");
    terminal.wait_until("a line before", |screen| rows(screen)[0] == "25");
    terminal.text("q");
    prompt(&terminal);

    // Another size of the terminal is another of the tab.
    terminal.order(&["resize-window", "-x", "70", "-y", "20"]);
    menu(&terminal, "Ws");
    terminal.text("clear; stty size\r");
    terminal.wait_until("the new size", |screen| rows(screen).contains(&"19 70"));
    prompt(&terminal);

    // A flood keeps no key away.
    terminal.text("yes flood\r");
    terminal.wait_until("a flood", |screen| screen.matches("flood").count() > 15);
    terminal.key("C-c");
    prompt(&terminal);
    terminal.text("clear; echo it stopped\r");
    terminal.wait_until("its end", |screen| rows(screen)[0] == "it stopped");
    prompt(&terminal);

    // Ctrl+C is for the guest; and the picture comes back, and the tab.
    terminal.text("sh -c 'echo is $((1 + 1)); exec sleep 1000'\r");
    terminal.wait_until("a program", |screen| rows(screen).contains(&"is 2"));
    terminal.key("C-c");
    prompt(&terminal);
    terminal.text("it=$?; clear; echo it is $it\r");
    terminal.wait_for("it is 130");
    menu(&terminal, "w");
    terminal.wait_for("[picture] serial.0");
    menu(&terminal, "w");
    terminal.wait_for("it is 130");
    menu(&terminal, "q");
    terminal.wait_for("ready>");
}

fn a_port_is_joined_in_a_terminal() {
    let qemu = Machine::new(Boot::Serial).start();
    let terminal = Tmux::start(90, 24);
    let before = terminal.modes();

    // The end of the name is enough.
    let port = "serial.0";
    terminal.command(&format!(
        "{CAPSAICIN} connect {} --port {port}; echo code $?",
        qemu.address
    ));
    terminal.wait_for("Ctrl+] ends it.");
    // Ctrl+C, Ctrl+Z and Enter are for the guest, which sends them back.
    terminal.text("hello");
    terminal.key("C-z");
    terminal.wait_for("hello");
    terminal.key("C-]");

    terminal.wait_for("code 0");
    assert_eq!(terminal.modes(), before);
    terminal.command("stty -a | grep -o -e '-icanon' -e '-echo ' | wc -l; echo asked");
    let screen = terminal.wait_until("an answer", |screen| screen.matches("asked").count() > 1);
    assert!(screen.contains("\n0"), "{screen}");
}

fn the_machine_is_ordered_about() {
    let mut qemu = Machine::new(Boot::Serial).restarts().start();
    let terminal = Tmux::start(90, 30);
    view(&terminal, &qemu);
    let state = |qemu: &mut Qemu| qemu.qmp.execute("query-status", json!({}))["status"].clone();
    terminal.key("C-]");
    terminal.wait_for("machine: running");
    terminal.text("Pp");
    terminal.wait_for("paused");
    until("a pause", LIMIT, || {
        (state(&mut qemu) == "paused").then_some(())
    });

    menu(&terminal, "Pp");
    terminal.wait_until("no pause", |screen| !screen.contains("paused"));
    until("the end of the pause", LIMIT, || {
        (state(&mut qemu) == "running").then_some(())
    });

    menu(&terminal, "Po");
    terminal.wait_for("the machine was asked to power off");
    // Its power button is pressed; what the firmware makes of that is its affair.
    qemu.qmp.wait_for_event("POWERDOWN");

    let boots = qemu.guest_log().matches('R').count();
    menu(&terminal, "Pry");
    terminal.wait_for("the machine was reset");
    until("another boot", LIMIT, || {
        (qemu.guest_log().matches('R').count() > boots).then_some(())
    });

    menu(&terminal, "Pxy");
    terminal.wait_for("ready>");
    until("the end of QEMU", LIMIT, || qemu.has_ended().then_some(()));
}
