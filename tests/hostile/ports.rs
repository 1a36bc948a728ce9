//! Ports of the viewer that say anything at all: terminals and monitors take it in, bounded in work and memory.

use std::time::Duration;

use capsaicin::tui::tabs::monitor::Monitor;
use capsaicin::tui::tabs::terminal::Terminal;

use crate::mutate::{Random, mutate, rounds};

/// What steers terminals, in pieces to be put together.
const PIECES: &[&str] = &[
    "\x1b[",
    "\x1b]",
    "\x1bP",
    "\x1b_",
    "\x1b^",
    "\x1bX",
    "\x1b(0",
    "\x1b(B",
    "\x1b)0",
    "\x1b#8",
    "\x1bc",
    "\x1b7",
    "\x1b8",
    "\x1bM",
    "\x1bD",
    "\x1bE",
    "\x1bH",
    "\u{9b}",
    "\u{9d}",
    "\u{90}",
    "\u{9c}",
    "?1049h",
    "?1049l",
    "?1047h",
    "?1048l",
    "?6h",
    "?7l",
    "?7h",
    "?25l",
    "?2004h",
    "4h",
    "20h",
    "!p",
    "65535",
    ";",
    "0",
    "1",
    "2",
    "3",
    "9",
    "80",
    "24",
    "38;2;1;2;3m",
    "48;5;300m",
    "m",
    "H",
    "A",
    "B",
    "C",
    "D",
    "G",
    "d",
    "J",
    "K",
    "L",
    "M",
    "P",
    "X",
    "@",
    "S",
    "T",
    "b",
    "r",
    "g",
    "W",
    "Z",
    "I",
    "s",
    "u",
    "n",
    "c",
    "t",
    "\x07",
    "\x08",
    "\t",
    "\n",
    "\r",
    "\x0e",
    "\x0f",
    "\x18",
    "\x1a",
    "\x1b\\",
    "桌",
    "é",
    "e\u{301}",
    "\u{202e}",
    "\u{200d}",
    "👩",
    "plain text ",
];

fn noise(random: &mut Random, pieces: usize) -> Vec<u8> {
    let piece = |_| PIECES[random.below(PIECES.len())];
    (0..pieces).map(piece).collect::<String>().into_bytes()
}

#[test]
fn a_terminal_takes_in_anything_at_every_size_and_shows_cells() {
    let mut random = Random::new(0x7e21_0001);
    for _ in 0..rounds(300) {
        let size = |random: &mut Random| (random.below(12) as u16, random.below(8) as u16);
        let mut terminal = Terminal::new(size(&mut random));
        for step in 0..30 {
            let bytes = noise(&mut random, 40);
            let bytes = match random.below(3) {
                0 => mutate(&bytes, &mut random),
                _ => bytes,
            };
            let cut = random.below(bytes.len() + 1);
            for part in [&bytes[..cut], &bytes[cut..]] {
                terminal.receive(part);
                let news = terminal.digest(Duration::from_millis(step));
                assert!(news.answers.len() <= 16 * 32, "{:?}", news.answers);
            }
            match random.below(4) {
                0 => {
                    let (columns, rows) = size(&mut random);
                    terminal.resize(columns, rows);
                }
                1 => terminal.scroll(random.below(100) as isize - 50),
                _ => {}
            }
            let (columns, rows) = terminal.size();
            assert_eq!(terminal.lines().count(), rows);
            assert!(terminal.lines().all(|line| line.cells().len() == columns));
            if let Some((column, row)) = terminal.cursor() {
                assert!(column < columns && row < rows);
            }
        }
    }
}

#[test]
fn every_beginning_of_a_stream_leaves_a_terminal_that_goes_on() {
    let stream = noise(&mut Random::new(0x7e21_0002), 200);
    for end in 0..stream.len() {
        let mut terminal = Terminal::new((20, 4));
        terminal.receive(&stream[..end]);
        terminal.digest(Duration::ZERO);
        // CAN gives up whatever had begun.
        terminal.receive(b"\x18\x1bcgo on");
        terminal.digest(Duration::ZERO);
        let first = terminal.lines().next().unwrap().text();
        assert_eq!(first.trim_end(), "go on", "after {end} bytes");
    }
}

#[test]
fn a_monitor_takes_in_anything_and_says_little() {
    let lines: &[&[u8]] = &[
        b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n",
        b"{\"return\": {}, \"id\": 1}\r\n",
        b"{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": 2}\r\n",
        b"{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}\r\n",
        b"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\r\n",
        b"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 3}\r\n",
    ];
    let stream = lines.concat();
    let mut random = Random::new(0x7e21_0003);
    for _ in 0..rounds(2000) {
        let mut monitor = Monitor::default();
        let bytes = mutate(&stream, &mut random);
        let cut = random.below(bytes.len() + 1);
        for part in [&bytes[..cut], &bytes[cut..]] {
            let news = monitor.receive(part);
            assert!(news.send.len() < 1000 && news.tell.len() < 10);
        }
    }
    // A greeting without end, and a flood of them.
    let mut monitor = Monitor::default();
    let sent: usize = (0..1000)
        .map(|_| monitor.receive(lines[0]).send.len())
        .sum();
    assert!(sent < 1000 * 50);
    let flood = lines[3].repeat(10_000);
    assert!(monitor.receive(&flood).send.len() < 100);
}
