//! The viewer in a terminal: driven by keys as a person presses them, judged by what the terminal shows.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use capsaicin::channel::display::messages::ServerMessage as Display;
use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::geometry::Rect;
use libtest_mimic::Trial;

use crate::keys::{PRINTABLE, codes, wait_until_just_taken, wait_until_taken};
use crate::peers::boot::QUARTERS;
use crate::peers::qemu::{Boot, InputRecord, Machine};
use crate::peers::tmux::{Cell, Tmux};
use crate::peers::{Peer, until};
use crate::program::CAPSAICIN;
use crate::support::scripted::{self, Connection};
use crate::support::viewer::{DISPLAY, fill, primary};
use crate::{LIMIT, guest, test};

const NEEDS: &[Peer] = &[Peer::Tmux, Peer::Qemu];

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "viewer::the_demo_shows_a_picture_without_any_server",
            &[Peer::Tmux],
            the_demo_shows_a_picture,
        ),
        test(
            "viewer::the_picture_is_in_its_place_and_follows_the_guest",
            NEEDS,
            the_picture_is_in_its_place,
        ),
        test(
            "viewer::every_printable_character_arrives_in_the_guest",
            NEEDS,
            every_printable_character_arrives,
        ),
        test(
            "viewer::keys_typed_while_the_screen_changes_all_arrive",
            &[Peer::Tmux],
            keys_typed_while_the_screen_changes_all_arrive,
        ),
        test(
            "viewer::the_mouse_on_the_terminal_moves_the_pointer_of_the_guest",
            &[Peer::Tmux, Peer::Qemu, Peer::Guest],
            the_mouse_moves_the_pointer,
        ),
        test(
            "viewer::another_monitor_is_shown_from_the_menu",
            NEEDS,
            another_monitor_is_shown,
        ),
        test(
            "viewer::a_screenshot_without_a_file_is_shown_in_the_terminal",
            NEEDS,
            a_screenshot_is_shown_in_the_terminal,
        ),
        test(
            "viewer::a_password_is_asked_for_and_not_shown",
            NEEDS,
            a_password_is_asked_for,
        ),
        test(
            "viewer::the_death_of_the_server_is_told_and_the_terminal_given_back",
            NEEDS,
            the_death_of_the_server_is_told,
        ),
    ]
}

fn the_demo_shows_a_picture() {
    let terminal = Tmux::start(100, 30);

    let viewer = Viewer::start(&terminal, "demo:");

    viewer.wait_for_picture();
    viewer.quit();
}

fn the_picture_is_in_its_place() {
    let qemu = Machine::new(Boot::Quarters).start();
    let terminal = Tmux::start(100, 30);

    let viewer = Viewer::start(&terminal, &qemu.address);

    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    wait_until_just_taken(&qemu, 1);
    viewer.quit();
}

fn every_printable_character_arrives() {
    let qemu = Machine::new(Boot::Echo).start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    viewer.wait_for_picture();

    for (taken, character) in (1..).zip(PRINTABLE.chars()) {
        terminal.text(&character.to_string());
        wait_until_taken(&qemu, taken);
    }
    // Enter and Backspace are the keys everybody needs next.
    terminal.key("Enter");
    terminal.key("BSpace");
    wait_until_taken(&qemu, PRINTABLE.len() + 2);

    assert_eq!(qemu.guest_log(), format!("R{PRINTABLE}\r\u{8}"));
    viewer.quit();
}

fn keys_typed_while_the_screen_changes_all_arrive() {
    let text = "The QuicK bROwn FoX JUmpS oVeR tHE lAZy doG".repeat(4);
    let server = Restless::start();
    let terminal = Tmux::start(160, 50);
    let viewer = Viewer::start(&terminal, &server.address.to_string());
    viewer.wait_for_picture();

    let (mut typed, mut seed) = (0, 1_u32);
    while typed < text.len() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let end = text.len().min(typed + 1 + (seed >> 16) as usize % 6);
        terminal.text(&text[typed..end]);
        typed = end;
        // Now and then the next keys come while these are still held.
        match seed >> 24 {
            pause @ ..64 => thread::sleep(Duration::from_millis(pause.into())),
            _ => server.hears(&strokes(&text[..typed])),
        }
    }

    server.hears(&strokes(&text));
    viewer.quit();
}

fn the_mouse_moves_the_pointer() {
    let qemu = Machine::new(guest::console()).start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    viewer.wait_for_picture();
    until("mouse reports asked for", LIMIT, || {
        terminal.wants_mouse().then_some(())
    });

    // The terminal reports motion at column 75, row 8: right of the middle and above it.
    terminal.text("\x1b[<35;75;8M");

    let axis = |code| qemu.input_value(InputRecord::AXIS, code);
    until("the pointer up right", LIMIT, || {
        (axis(0)? > 20000 && axis(1)? < 12000).then_some(())
    });
    viewer.quit();
}

fn another_monitor_is_shown() {
    let qemu = Machine::new(Boot::Quarters).second_display().start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &qemu.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    terminal.wait_until("two monitors", |screen| screen.contains("monitor 1 of 2"));

    terminal.key("C-]");
    terminal.text("o2");
    terminal.key("Escape");

    terminal.wait_until("the second monitor", |screen| {
        screen.contains("monitor 2 of 2")
    });
    terminal.wait_until_cells("other colours", |cells| !shows_quarters(cells, QUARTERS[0]));
    viewer.quit();
}

fn a_screenshot_is_shown_in_the_terminal() {
    let qemu = Machine::new(Boot::Quarters).start();
    let terminal = Tmux::start(100, 45);
    let program = crate::program::CAPSAICIN;
    terminal.command(&format!(
        "clear; {program} screenshot {}; echo code $?",
        qemu.address
    ));
    terminal.wait_for("code 0");
    assert!(shows_quarters(&terminal.cells(), QUARTERS[0]));
    // The shell goes on below it.
    terminal.command("clear; echo done: $((6 * 7))");
    terminal.wait_for("done: 42");
}

fn a_password_is_asked_for() {
    let qemu = Machine::new(Boot::Quarters)
        .tcp()
        .password("s3kr3t")
        .start();
    let terminal = Tmux::start(100, 30);

    let viewer = Viewer::start(&terminal, &qemu.address);
    let prompt = terminal.wait_until("a prompt", |screen| {
        screen.to_lowercase().contains("password")
    });
    assert!(!prompt.contains("exit "), "{prompt}");
    terminal.command("s3kr3t");

    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));
    let screen = viewer.quit();
    assert!(!screen.contains("s3kr3t"), "{screen}");
}

fn the_death_of_the_server_is_told() {
    let mut qemu = Machine::new(Boot::Quarters).start();
    let terminal = Tmux::start(100, 30);
    let target = format!("--no-reconnect {}", qemu.address);
    let viewer = Viewer::start(&terminal, &target);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));

    qemu.kill();

    let screen = viewer.wait_for_exit(7);
    assert!(screen.contains("capsaicin: "), "{screen}");
}

/// A viewer started from the shell of a terminal.
pub struct Viewer<'a> {
    terminal: &'a Tmux,
    /// What the terminal was before.
    modes: String,
    line_settings: String,
}

impl<'a> Viewer<'a> {
    pub fn start(terminal: &'a Tmux, target: &str) -> Self {
        Self::start_by(terminal, "eval", target)
    }

    /// As [`start`](Self::start), by a command that runs a line of the shell.
    pub fn start_by(terminal: &'a Tmux, by: &str, target: &str) -> Self {
        let line_settings = line_settings(terminal, "before");
        let modes = terminal.modes();
        terminal.command(&format!(
            "clear; {by} '{CAPSAICIN} view {target}; echo \"exit $?\"'"
        ));
        Self {
            terminal,
            modes,
            line_settings,
        }
    }

    /// Waits until half of the terminal has colours.
    pub fn wait_for_picture(&self) {
        self.terminal.wait_until_cells("a picture", |cells| {
            let all = cells.iter().map(Vec::len).sum::<usize>();
            let coloured = cells.iter().flatten().filter(|cell| cell.paper.is_some());
            coloured.count() > all / 2
        });
    }

    /// Leaves by the escape key and `q`; what the terminal shows then.
    pub fn quit(self) -> String {
        self.terminal.key("C-]");
        self.terminal.wait_until("the palette", |screen| {
            screen.to_lowercase().contains("quit")
        });
        self.terminal.text("q");
        self.wait_for_exit(0)
    }

    /// Waits until the viewer has ended with this exit code and the terminal is as it was before; what it shows.
    pub fn wait_for_exit(self, code: i32) -> String {
        // Not the command that prints it, which the terminal shows first.
        let code_of = |screen: &str| {
            let line = screen.lines().find_map(|line| line.strip_prefix("exit "));
            line.and_then(|code| code.trim().parse::<i32>().ok())
        };
        let screen = self
            .terminal
            .wait_until("the end of the viewer", |screen| code_of(screen).is_some());
        assert_eq!(code_of(&screen), Some(code), "{screen}");
        assert_eq!(self.terminal.modes(), self.modes, "modes of the terminal");
        assert_eq!(
            line_settings(self.terminal, "after"),
            self.line_settings,
            "settings of the line"
        );
        screen
    }
}

/// A server whose screen changes all the time, and which notes the keys.
struct Restless {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// The number of a message and the scan code in it.
type Heard = (u16, u32);

impl Restless {
    fn start() -> Self {
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let notes = Arc::clone(&heard);
        let address = scripted::serve(move |connection| match connection.id.kind {
            ChannelKind::Main => scripted::greet(connection, &[DISPLAY, ChannelId::INPUTS]),
            ChannelKind::Display => flicker(connection),
            ChannelKind::Inputs => scripted::listen(connection, |frame| {
                let code = frame.body[..].try_into().map(u32::from_le_bytes);
                let heard = (frame.number, code.expect("a key code of four bytes"));
                notes.lock().expect("nobody panics").push(heard);
                true
            }),
            _ => {}
        });
        Self { address, heard }
    }

    /// Waits until these messages have come, and that they are all there were so far.
    fn hears(&self, expected: &[Heard]) {
        let (mut heard, mut since) = (0, Instant::now());
        while heard < expected.len() && since.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(5));
            let before = heard;
            heard = self.heard.lock().expect("nobody panics").len();
            if heard > before {
                since = Instant::now();
            }
        }
        assert_eq!(*self.heard.lock().expect("nobody panics"), expected);
    }
}

/// Fills small places of a grey screen with changing colours.
fn flicker(mut display: Connection) {
    display.receive();
    display.send(&primary(640, 480));
    display.send(&fill(Rect::new(0, 0, 640, 480), 0x0080_8080));
    display.send(&Display::Mark);
    for step in (0..).step_by(37) {
        let (left, top) = (step % 600, step % 440);
        let place = Rect::new(left, top, left + 40, top + 40);
        if !display.send(&fill(place, (step as u32).wrapping_mul(0x0001_0305))) {
            return;
        }
        thread::sleep(Duration::from_micros(2500));
    }
}

/// What a keyboard says when a text is typed on it, each key let go before the next goes down.
fn strokes(text: &str) -> Vec<Heard> {
    const KEY_DOWN: u16 = 101;
    const KEY_UP: u16 = 102;
    let stroke = |character| {
        let keys = codes(character);
        let up: Vec<Heard> = keys.iter().rev().map(|key| (KEY_UP, key | 0x80)).collect();
        let down = keys.into_iter().map(|key| (KEY_DOWN, key));
        down.chain(up).collect::<Vec<_>>()
    };
    text.chars().flat_map(stroke).collect()
}

/// What `stty` says of the terminal's line.
fn line_settings(terminal: &Tmux, name: &str) -> String {
    let file = terminal.scratch().join(name);
    terminal.command(&format!("stty -g >{name}.new; mv {name}.new {name}"));
    until("stty", LIMIT, || std::fs::read_to_string(&file).ok())
}

/// Whether the four colours stand in the four quarters, each in at least a tenth of the terminal.
pub fn shows_quarters(cells: &[Vec<Cell>], colours: [[u8; 3]; 4]) -> bool {
    let all = cells.iter().map(Vec::len).sum::<usize>();
    let places = colours.map(|colour| {
        let mut at = Vec::new();
        for (y, row) in cells.iter().enumerate() {
            for (x, cell) in row.iter().enumerate() {
                if cell.colour().is_some_and(|c| is_like(c, colour)) {
                    at.push((x, y));
                }
            }
        }
        at
    });
    let middle = |at: &[(usize, usize)]| {
        let count = at.len().max(1);
        let sum = |f: fn(&(usize, usize)) -> usize| at.iter().map(f).sum::<usize>() / count;
        (sum(|p| p.0), sum(|p| p.1))
    };
    let [top_left, top_right, bottom_left, bottom_right] =
        [0, 1, 2, 3].map(|i: usize| middle(&places[i]));
    places.iter().all(|at| at.len() > all / 10)
        && top_left.0 < top_right.0
        && bottom_left.0 < bottom_right.0
        && top_left.1 < bottom_left.1
        && top_right.1 < bottom_right.1
}

/// Whether two colours are the same but for the coarser steps that the viewer may draw in.
fn is_like(one: [u8; 3], other: [u8; 3]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.abs_diff(b) <= 12)
}
