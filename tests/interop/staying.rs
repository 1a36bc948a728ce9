//! The viewer and QEMU, parted by a crash, by another viewer or by the link, and together again.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use crate::keys::{wait_until_just_taken, wait_until_taken};
use crate::live::Live;
use crate::peers::Peer;
use crate::peers::boot::QUARTERS;
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::peers::tmux::{Cell, Tmux};
use crate::support::shaping::{Link, Relay};
use crate::test;
use crate::viewer::{Viewer, shows_quarters};

/// The make code of `a`.
const KEY_A: u32 = 0x1e;

const NEEDS: &[Peer] = &[Peer::Tmux, Peer::Qemu];

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "staying::a_server_that_is_started_again_is_found_again",
            NEEDS,
            a_server_is_started_again,
        ),
        test(
            "staying::a_takeover_is_told_at_once_and_undone_only_when_the_user_says_so",
            NEEDS,
            a_takeover_is_told,
        ),
        test(
            "staying::a_machine_that_is_reset_keeps_its_viewer",
            NEEDS,
            a_machine_is_reset,
        ),
        test(
            "staying::keys_typed_over_a_long_way_all_arrive",
            NEEDS,
            keys_over_a_long_way,
        ),
        test(
            "staying::a_stall_is_told_and_loses_nothing",
            NEEDS,
            a_stall_is_told,
        ),
        test(
            "staying::a_viewer_that_stood_still_shows_what_is_and_has_lost_no_key",
            NEEDS,
            a_viewer_stands_still,
        ),
        test(
            "staying::a_viewer_whose_server_went_while_it_stood_still_finds_it_again",
            NEEDS,
            a_server_goes_meanwhile,
        ),
    ]
}

fn quarters() -> Qemu {
    Machine::new(Boot::Quarters).tcp().start()
}

fn a_server_is_started_again() {
    let mut qemu = quarters();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));

    qemu.kill();
    terminal.wait_for("; again in ");
    terminal.wait_until_cells("a grey picture", is_grey);

    let again = Machine::new(Boot::Quarters).at_port_of(&qemu).start();
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    wait_until_just_taken(&again, 1);
    viewer.quit();
}

/// Whether there is a picture above the status line, and no colour in it. Greys come as those of a palette, which are not seen
/// here.
fn is_grey(cells: &[Vec<Cell>]) -> bool {
    let rows = cells.len().saturating_sub(1);
    let cells = || cells.iter().take(rows).flatten();
    let text: String = cells().map(|cell| cell.character).collect();
    let is_grey = |[r, g, b]: [u8; 3]| r == g && g == b;
    !text.contains("no picture") && cells().filter_map(Cell::colour).all(is_grey)
}

fn a_takeover_is_told() {
    let qemu = quarters();
    let terminal = Tmux::start(120, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));

    let other = Live::connect(&qemu.address, None);
    other.wait_for_inputs();
    terminal.wait_for("another viewer may have taken over; r connects again");
    // It leaves the other one alone.
    std::thread::sleep(Duration::from_secs(3));
    terminal.wait_for("another viewer may have taken over; r connects again");

    terminal.text("r");
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    other.wait_for_end();
    terminal.text("x");
    wait_until_taken(&qemu, 1);
    viewer.quit();
}

fn a_machine_is_reset() {
    let mut qemu = Machine::new(Boot::Quarters).restarts().start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));

    qemu.qmp.execute("system_reset", json!({}));
    terminal.wait_until_cells("the beginning", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    viewer.quit();
}

/// The port of a machine's server.
fn port_of(qemu: &Qemu) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], qemu.port()))
}

fn keys_over_a_long_way() {
    const TEXT: &str = "the quick brown fox jumps";
    let qemu = Machine::new(Boot::Echo).tcp().start();
    let relay = Relay::start(port_of(&qemu), Link::delayed(150).megabits(1));
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &relay.address.to_string());
    viewer.wait_for_picture();

    for piece in TEXT.as_bytes().chunks(5) {
        terminal.text(std::str::from_utf8(piece).expect("ASCII"));
        std::thread::sleep(Duration::from_millis(150));
    }

    wait_until_taken(&qemu, TEXT.len());
    assert_eq!(qemu.guest_log(), format!("R{TEXT}"));
    viewer.quit();
}

fn a_stall_is_told() {
    let qemu = Machine::new(Boot::Echo).tcp().start();
    let relay = Relay::start(port_of(&qemu), Link::delayed(20));
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &relay.address.to_string());
    viewer.wait_for_picture();

    relay.becomes(Link {
        stalls: true,
        ..Link::default()
    });
    terminal.text("abc");
    terminal.wait_for("no answer from the server for ");
    relay.becomes(Link::delayed(20));
    wait_until_taken(&qemu, 3);
    assert_eq!(qemu.guest_log(), "Rabc");
    terminal.wait_until("the line to go", |screen| !screen.contains("no answer"));
    viewer.quit();
}

/// A viewer that can be made to stand still, as the lid of a laptop does it.
struct Stoppable<'a> {
    viewer: Viewer<'a>,
    process: String,
}

impl<'a> Stoppable<'a> {
    fn start(terminal: &'a Tmux, target: &str) -> Self {
        // Nobody with job control may see that it stands still: a shell would take the terminal, tmux would wake it.
        let viewer = Viewer::start_by(terminal, "sh -c", target);
        terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
        let is_it = |process: &str| {
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            words.any(|word| word == target.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let mut processes = processes.filter_map(|entry| entry.file_name().into_string().ok());
        let process = processes.find(|process| is_it(process)).expect("it runs");
        Self { viewer, process }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Stands still for some seconds, in which something is done.
    fn stands_still(&self, meanwhile: impl FnOnce()) {
        self.signal("-STOP");
        meanwhile();
        std::thread::sleep(Duration::from_secs(3));
        self.signal("-CONT");
    }
}

fn a_viewer_stands_still() {
    let mut qemu = quarters();
    let terminal = Tmux::start(100, 30);
    let viewer = Stoppable::start(&terminal, &qemu.address.clone());

    viewer.stands_still(|| {
        qemu.qmp.press(&[KEY_A]);
        wait_until_taken(&qemu, 1);
        // It waits in the terminal.
        terminal.text("x");
    });

    // Both keys arrived, and were let go.
    wait_until_taken(&qemu, 2);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    wait_until_just_taken(&qemu, 3);
    viewer.viewer.quit();
}

fn a_server_goes_meanwhile() {
    let qemu = quarters();
    let relay = Relay::start(port_of(&qemu), Link::default());
    let terminal = Tmux::start(100, 30);
    let viewer = Stoppable::start(&terminal, &relay.address.to_string());
    let is_well = || {
        terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    };

    // Nobody says that there is nobody any more: it asks.
    viewer.stands_still(|| {
        relay.becomes(Link {
            swallows: true,
            ..Link::default()
        });
    });
    terminal.wait_for("the server does not answer; ");
    terminal.wait_until_cells("a grey picture", is_grey);
    relay.becomes(Link::default());
    is_well();

    // Whoever the server closed the connection for may have it.
    viewer.stands_still(|| relay.cut());
    terminal.wait_for("another viewer may have taken over; r connects again");
    terminal.text("r");
    is_well();
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    viewer.viewer.quit();
}
