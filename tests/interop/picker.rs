//! Choosing what to view in a terminal, among a machine that runs and others that cannot be had.

use libtest_mimic::Trial;

use crate::peers::boot::QUARTERS;
use crate::peers::qemu::{Boot, Machine};
use crate::peers::tmux::Tmux;
use crate::peers::{ClosedPort, Peer};
use crate::program::CAPSAICIN;
use crate::test;
use crate::viewer::shows_quarters;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "picker::a_machine_is_found_chosen_and_offered_again",
            &[Peer::Tmux, Peer::Qemu],
            a_machine_is_found,
        ),
        #[cfg(feature = "tls")]
        test(
            "picker::what_it_took_to_get_there_is_said_again",
            &[Peer::Tmux, Peer::Qemu],
            what_it_took_is_said_again,
        ),
        test(
            "picker::a_failure_leads_back_to_the_list",
            &[Peer::Tmux],
            a_failure_leads_back,
        ),
    ]
}

fn a_machine_is_found() {
    let qemu = Machine::new(Boot::Quarters).start();
    let terminal = Tmux::start(100, 30);
    let (before, view) = (
        terminal.modes(),
        format!("clear; {CAPSAICIN} view; echo exit $?"),
    );

    terminal.command(&view);
    terminal.wait_for("What to view?");
    // Other tests have machines, too.
    terminal.text(&format!("/{}", qemu.address));
    terminal.wait_until("one machine", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with("> process ") && line.contains(&qemu.address))
    });
    terminal.key("Enter");
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.key("C-]");
    terminal.wait_for("quit");
    terminal.text("q");
    terminal.wait_for("exit 0");
    assert_eq!(terminal.modes(), before);

    drop(qemu);
    terminal.command(&view);
    terminal.wait_for("What to view?");
    terminal.text("/just now");
    terminal.wait_until("it is offered again", |screen| {
        screen.contains("viewed before") && screen.contains("> spice.sock")
    });
    terminal.key("C-c");
    terminal.wait_for("exit 0");
    assert_eq!(terminal.modes(), before);
}

/// A certificate by an authority of its own.
#[cfg(feature = "tls")]
fn what_it_took_is_said_again() {
    let tls = crate::peers::qemu::Tls {
        certificate: "ec",
        newest: "TLSv1.3",
        channels: &[],
    };
    let qemu = Machine::new(Boot::Quarters).tls(tls).start();
    let target = format!("spice+tls://127.0.0.1:{}", qemu.tls_port);
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");
    let terminal = Tmux::start(100, 30);
    let quit = || {
        terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
        terminal.key("C-]");
        terminal.wait_for("quit");
        terminal.text("q");
        terminal.wait_for("exit 0");
    };
    let with = format!("--ca-file {fixtures}/authority.pem");
    terminal.command(&format!(
        "clear; {CAPSAICIN} view {target} {with}; echo exit $?"
    ));
    quit();

    terminal.command(&format!("clear; {CAPSAICIN} view; echo exit $?"));
    terminal.wait_for("What to view?");
    terminal.text(&format!("/{target}"));
    terminal.wait_until("it is offered again", |screen| {
        screen.contains("viewed before") && screen.contains("--ca-file")
    });
    terminal.key("Enter");
    quit();
}

fn a_failure_leads_back() {
    let terminal = Tmux::start(80, 24);
    let closed = ClosedPort::new();
    let address = closed.address();
    terminal.command(&format!("clear; {CAPSAICIN} view; echo exit $?"));
    terminal.wait_for("What to view?");

    terminal.text(&format!("/{address}"));
    terminal.wait_for(&format!("Enter: connect to {address}"));
    terminal.key("Enter");

    terminal.wait_until("why not", |screen| {
        screen.contains(&format!("cannot connect to {address}: connection refused"))
            && screen.contains("hint: nothing listens there")
            && screen.contains("Esc shows all")
    });
    terminal.key("Escape");
    terminal.wait_for("What to view?");
    terminal.key("Escape");
    terminal.wait_for("exit 0");
}
