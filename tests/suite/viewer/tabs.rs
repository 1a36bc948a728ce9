//! The guest's ports in the viewer: tabs beside the picture, and orders to the machine.

use super::frames::give_pixels;
use super::*;

use capsaicin::channel::port::{Event as PortEvent, Happening, Order};
use capsaicin::tui::easel::Easel;
use capsaicin::tui::tabs::terminal::Terminal as PortTerminal;
use ratatui::style::Modifier;

const SERIAL: &str = "org.qemu.console.serial.0";
const QMP: &str = "org.qemu.monitor.qmp.0";

fn happens(viewer: &mut Viewer, port: u8, what: Happening) -> Vec<Effect> {
    viewer.session(ClientEvent::Port(PortEvent { port, what }))
}

fn named(viewer: &mut Viewer, port: u8, name: &str) {
    let name = name.to_owned();
    happens(viewer, port, Happening::Named { name, opened: true });
}

fn says(viewer: &mut Viewer, port: u8, text: &str) -> Vec<Effect> {
    let data = Bytes::copy_from_slice(text.as_bytes());
    happens(viewer, port, Happening::Data(data))
}

/// What was written to ports.
fn written(effects: &[Effect]) -> String {
    let data = |effect: &Effect| match effect {
        Effect::Command(Command::Port(Order::Write { data, .. })) => Some(data.to_vec()),
        _ => None,
    };
    let bytes: Vec<u8> = effects.iter().filter_map(data).flatten().collect();
    String::from_utf8(bytes).unwrap()
}

/// One with a picture and a serial console.
fn with_serial() -> Viewer {
    let mut viewer = Viewer::showing(60, 12, 60, 44, [0, 0, 255]);
    named(&mut viewer, 0, SERIAL);
    viewer
}

/// One that shows the serial console.
fn at_serial() -> Viewer {
    let mut viewer = with_serial();
    viewer.menu("w");
    viewer
}

#[test]
fn a_console_outlives_a_terminal_without_rows_or_columns() {
    let mut viewer = at_serial();
    for (columns, rows) in [(60, 0), (0, 12), (0, 0), (60, 12)] {
        viewer.act(Action::Resized {
            columns,
            rows,
            cell_aspect: 0.5,
        });
        says(&mut viewer, 0, "login:\r\n");
        let mut easel = Easel::new();
        viewer.act(Action::Frame);
        easel.draw(&mut viewer.app);
    }
    assert!(viewer.text().concat().contains("login:"));
}

#[test]
fn a_serial_console_is_a_tab_after_the_picture() {
    let mut viewer = with_serial();
    says(&mut viewer, 0, "Debian GNU/Linux 12\r\nlogin: ");
    assert!(viewer.text()[11].starts_with(" vm:5900 · [picture] serial.0*"));

    viewer.menu("w");
    let text = viewer.text();
    assert_eq!(text[..3], ["Debian GNU/Linux 12", "login:", ""]);
    assert!(text[11].starts_with(" vm:5900 · picture [serial.0] ·"));

    viewer.menu("w");
    assert_eq!(viewer.frame()[(30, 5)].bg, Color::Rgb(0, 0, 255));
}

#[test]
fn the_next_tab_is_the_next_port_and_after_the_last_the_picture() {
    let mut viewer = with_serial();
    named(&mut viewer, 2, "org.qemu.monitor.hmp.0");
    named(&mut viewer, 1, "org.spice.spicy");
    let mut seen = Vec::new();
    for _ in 0..3 {
        viewer.menu("w");
        seen.push(viewer.app.tabs.label(viewer.app.tabs.shown()));
    }
    assert_eq!(seen, ["serial.0", "hmp.0", "picture"]);
}

#[test]
fn any_other_port_becomes_a_tab_on_request_with_what_it_said_last() {
    let mut viewer = with_serial();
    named(&mut viewer, 1, "org.spice.spicy");
    says(&mut viewer, 1, "said before");
    viewer.menu("W");
    let menu = viewer.text().join("\n");
    assert!(menu.contains("1  - org.qemu.console.serial.0"), "{menu}");
    assert!(menu.contains("2  - org.spice.spicy"), "{menu}");
    viewer.act(Action::Menu(MenuKey::Char('2')));
    assert_eq!(viewer.text()[0], "said before");
}

#[test]
fn a_machine_without_ports_has_nothing_of_them_in_its_menu() {
    let mut viewer = Viewer::showing(60, 40, 60, 44, RED);
    viewer.menu("");
    let menu = viewer.text().join("\n");
    assert!(!menu.contains("tab") && !menu.contains("ports"), "{menu}");
}

#[test]
fn a_hidden_tab_shows_that_it_wrote_or_rang() {
    let mut viewer = with_serial();
    assert!(viewer.text()[11].contains("[picture] serial.0 ·"));
    says(&mut viewer, 0, "x");
    assert!(viewer.text()[11].contains("serial.0*"));
    says(&mut viewer, 0, "\x07");
    assert!(viewer.text()[11].contains("serial.0!"));
    viewer.menu("w");
    viewer.menu("w");
    assert!(viewer.text()[11].contains("[picture] serial.0 ·"));
}

#[test]
fn a_port_nobody_in_the_guest_has_open_says_so() {
    let mut viewer = at_serial();
    happens(&mut viewer, 0, Happening::Closed);
    assert!(viewer.text()[11].contains("[serial.0 closed]"));
    happens(&mut viewer, 0, Happening::Opened);
    assert!(viewer.text()[11].contains("[serial.0]"));
    let serial = ChannelId::new(ChannelKind::Port, 0);
    let reason = CloseReason::Broken("gone".into());
    viewer.session(ClientEvent::ChannelClosed(serial, reason));
    assert!(viewer.text()[11].contains("[serial.0 closed]"));
}

#[test]
fn colours_attributes_and_the_cursor_are_cells() {
    let mut viewer = at_serial();
    says(
        &mut viewer,
        0,
        "\x1b[1;4;31mA\x1b[0;7;48;5;200mB\x1b[0;3;9;38;2;1;2;3mC\x1b[0m",
    );
    let frame = viewer.frame();
    let (a, b, c) = (&frame[(0, 0)], &frame[(1, 0)], &frame[(2, 0)]);
    assert_eq!(a.fg, Color::Indexed(1));
    assert_eq!(a.modifier, Modifier::BOLD | Modifier::UNDERLINED);
    assert_eq!(
        (b.bg, b.modifier),
        (Color::Indexed(200), Modifier::REVERSED)
    );
    assert_eq!(c.fg, Color::Rgb(1, 2, 3));
    assert_eq!(c.modifier, Modifier::ITALIC | Modifier::CROSSED_OUT);
    assert_eq!(frame[(3, 0)].modifier, Modifier::REVERSED, "the cursor");
    says(&mut viewer, 0, "\x1b[?25l");
    assert_eq!(viewer.frame()[(3, 0)].modifier, Modifier::empty());
}

#[test]
fn line_drawing_of_serial_terminals_is_lines() {
    let mut viewer = at_serial();
    says(&mut viewer, 0, "\x1b(0lqk\x1b(B\r\n\x0e\x1b)0x\x0f");
    assert_eq!(viewer.text()[..2], ["┌─┐", "│"]);
    viewer.menu("da");
    assert_eq!(
        viewer.text()[..2],
        ["+-+", "|"],
        "where there is only ASCII"
    );
}

#[test]
fn a_terminal_of_fewer_colours_gets_the_nearest() {
    let mut viewer = at_serial();
    says(&mut viewer, 0, "\x1b[38;2;250;0;0mA\x1b[38;5;231mB");
    viewer.menu("d3");
    let frame = viewer.frame();
    assert_eq!(frame[(0, 0)].fg, Color::Indexed(9));
    assert_eq!(frame[(1, 0)].fg, Color::Indexed(15));
    viewer.menu("d4");
    assert_eq!(viewer.frame()[(0, 0)].fg, Color::Reset);
}

#[test]
fn characters_that_come_in_parts_are_whole_and_those_that_never_do_are_marked() {
    let mut viewer = at_serial();
    for byte in "wide: 桌é".as_bytes() {
        let data = Happening::Data(Bytes::copy_from_slice(&[*byte]));
        happens(&mut viewer, 0, data);
    }
    let wrong = Happening::Data(Bytes::from_static(b"\xe6\xa1|\xff|\xc3"));
    happens(&mut viewer, 0, wrong);
    let text = viewer.text();
    assert_eq!(text[0], "wide: 桌 é\u{fffd}|\u{fffd}|");
}

#[test]
fn what_steers_a_terminal_never_leaves_the_tab() {
    let hostile = "\x1b]0;title\x07\x1b]52;c;AAAA\x1b\\\x1b[6n\x1b[c\x1bPq#0~\x1b\\\x1b_Ga=T;AA\x1b\\\
                   \x1b[?1049h\x1b[?1000h\x1b[?2004h\x1b[>31u\x1b[8;500;500t\x1b[!p\x1bc\
                   \u{202e}gpj.exe\u{2028}\u{9b}31m\u{9d}0;x\u{9c}ok";
    let mut viewer = at_serial();
    let mut easel = Easel::new();
    viewer.act(Action::Frame);
    easel.draw(&mut viewer.app);
    says(&mut viewer, 0, hostile);
    viewer.act(Action::Frame);
    let bytes = easel.draw(&mut viewer.app).bytes;
    let text = String::from_utf8(bytes).unwrap();
    for part in text.split('\x1b').skip(1) {
        // Cursor, erase, colours and the synchronized update; nothing else.
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        let is_drawing = matches!(&part[end..=end], "H" | "C" | "K" | "m" | "M" | "L" | "r");
        let is_update = part.starts_with("[?2026");
        assert!(
            part.starts_with('[') && (is_drawing || is_update),
            "{part:?}"
        );
    }
    assert!(
        !text.contains(['\u{202e}', '\u{2028}', '\u{9b}', '\x07']),
        "{text:?}"
    );
    assert!(viewer.text()[0].contains("gpj.exe"));
    assert!(viewer.text()[0].ends_with("ok"));
}

#[test]
fn a_picture_of_pixels_is_taken_away_for_a_tab_and_comes_back_whole() {
    let mut viewer = with_serial();
    give_pixels(&mut viewer);
    viewer.menu("dk");
    let mut easel = Easel::new();
    let mut draw = |viewer: &mut Viewer| {
        viewer.act(Action::Frame);
        let drawn = easel.draw(&mut viewer.app);
        let painted = drawn.order.map(|order| {
            let frame = order.run();
            let picture = viewer.app.accept(frame, viewer.now);
            assert!(easel.join(&picture).len() >= picture.len());
            picture
        });
        (drawn.bytes, painted)
    };
    let (_, first) = draw(&mut viewer);
    let first = first.expect("a picture");

    viewer.menu("w");
    let (bytes, painted) = draw(&mut viewer);
    assert_eq!(painted, None);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b_Ga=d"), "it is deleted: {text:?}");

    // What changes meanwhile is not drawn.
    viewer.fill(Rect::new(0, 0, 10, 10), [255, 0, 0]);
    assert_eq!(draw(&mut viewer).1, None);
    viewer.menu("w");
    let (_, back) = draw(&mut viewer);
    assert!(back.expect("a picture").len() >= first.len() / 2);
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("line {n}\r\n")).collect()
}

#[test]
fn shift_and_page_keys_and_the_wheel_look_back() {
    let mut viewer = at_serial();
    says(&mut viewer, 0, &lines(0, 100));
    assert_eq!(viewer.text()[9], "line 99");
    assert_eq!(viewer.press(KeyCode::PageUp, Modifiers::SHIFT), []);
    assert_eq!(viewer.text()[9], "line 89");
    assert!(viewer.text()[11].contains("10 lines back"));
    viewer.mouse(MouseKind::ScrollUp, 5, 5);
    assert_eq!(viewer.text()[9], "line 86");
    viewer.press(KeyCode::Home, Modifiers::SHIFT);
    assert_eq!(viewer.text()[0], "line 0");
    viewer.press(KeyCode::End, Modifiers::SHIFT);
    assert_eq!(viewer.text()[9], "line 99");
}

#[test]
fn what_the_user_looks_at_stays_while_more_is_written_and_a_key_goes_to_the_end() {
    let mut viewer = at_serial();
    says(&mut viewer, 0, &lines(0, 100));
    viewer.press(KeyCode::PageUp, Modifiers::SHIFT);
    says(&mut viewer, 0, &lines(100, 150));
    assert_eq!(viewer.text()[9], "line 89");
    assert_eq!(
        written(&viewer.press(KeyCode::Char('x'), Modifiers::NONE)),
        "x"
    );
    assert_eq!(viewer.text()[9], "line 149");
}

#[test]
fn a_full_screen_program_gets_the_wheel_as_arrows_and_the_page_keys() {
    let mut viewer = at_serial();
    says(&mut viewer, 0, &lines(0, 100));
    says(&mut viewer, 0, "\x1b[?1049h\x1b[?1h");
    let effects = viewer.mouse(MouseKind::ScrollDown, 5, 5);
    assert_eq!(written(&effects), "\x1bOB\x1bOB\x1bOB");
    let effects = viewer.press(KeyCode::PageUp, Modifiers::SHIFT);
    assert_eq!(written(&effects), "\x1b[5;2~");
}

#[test]
fn another_size_folds_long_lines_and_keeps_them() {
    let mut viewer = at_serial();
    let long = "0123456789".repeat(5);
    says(&mut viewer, 0, &long);
    viewer.act(Action::Resized {
        columns: 30,
        rows: 12,
        cell_aspect: 0.5,
    });
    viewer.press(KeyCode::Home, Modifiers::SHIFT);
    assert_eq!(viewer.text()[..2], [&long[..30], &long[30..]]);
    let effects = viewer.menu("Ws");
    assert_eq!(written(&effects), "stty rows 11 cols 30\r");
}

#[test]
fn keys_go_to_the_port_as_a_terminal_sends_them_and_not_to_the_guest() {
    let mut viewer = at_serial();
    let effects = viewer.bytes(b"root\r\x03\x1b[A\x1bOP\x1bx");
    assert_eq!(written(&effects), "root\r\x03\x1b[A\x1bOP\x1bx");
    assert_eq!(inputs(&effects), []);
    says(&mut viewer, 0, "\x1b[?1h");
    assert_eq!(written(&viewer.bytes(b"\x1b[A")), "\x1bOA");
}

#[test]
fn keys_of_the_kitty_protocol_are_sent_once_without_releases_and_modifiers() {
    let mut viewer = at_serial();
    // Shift down, shift and a with its text, a up, shift up; then Ctrl+c.
    let effects = viewer
        .bytes(b"\x1b[57441;2u\x1b[97:65;2;65u\x1b[97;2:3u\x1b[57441;1:3u\x1b[99;5u\x1b[99;5:3u");
    assert_eq!(written(&effects), "A\x03");
}

#[test]
fn the_escape_key_opens_the_menu_and_twice_goes_to_the_port() {
    let mut viewer = at_serial();
    assert_eq!(written(&viewer.bytes(b"\x1d")), "");
    assert_eq!(written(&viewer.bytes(b"\x1d")), "\x1d");
}

#[test]
fn a_paste_goes_straight_to_the_port_marked_where_the_guest_wants_that() {
    let mut viewer = at_serial();
    let effects = viewer.terminal(Event::Paste("ls\nexit\n".into()));
    assert_eq!(written(&effects), "ls\rexit\r");
    says(&mut viewer, 0, "\x1b[?2004h");
    let effects = viewer.terminal(Event::Paste("ls\n".into()));
    assert_eq!(written(&effects), "\x1b[200~ls\r\x1b[201~");
}

#[test]
fn who_only_looks_on_types_nothing_but_may_look_back() {
    let mut viewer = Viewer::with(Setup {
        view_only: true,
        ..Viewer::of_size(60, 12).app.setup
    });
    named(&mut viewer, 0, SERIAL);
    viewer.menu("w");
    says(&mut viewer, 0, &lines(0, 100));
    let mut effects = says(&mut viewer, 0, "\x1b[6n");
    effects.extend(viewer.bytes(b"root\r\x1b[200~x\x1b[201~"));
    effects.extend(viewer.menu("Ws"));
    effects.extend(viewer.menu("Wb"));
    assert_eq!(effects, []);
    viewer.press(KeyCode::PageUp, Modifiers::SHIFT);
    assert_eq!(viewer.text()[9], "line 89");
}

#[test]
fn a_break_is_sent_from_the_menu() {
    let mut viewer = at_serial();
    let order = Order::Break { port: 0 };
    assert_eq!(viewer.menu("Wb"), [Effect::Command(Command::Port(order))]);
}

#[test]
fn questions_are_answered_but_not_without_end() {
    let mut viewer = at_serial();
    let effects = says(&mut viewer, 0, "ab\r\ncd\x1b[6n\x1b[c\x1b[5n\x1b[18t");
    assert_eq!(
        written(&effects),
        "\x1b[2;3R\x1b[?62;22c\x1b[0n\x1b[8;11;60t"
    );
    let effects = says(&mut viewer, 0, &"\x1b[5n".repeat(10_000));
    assert!(written(&effects).len() <= 16 * 4);
    viewer.wait(5000);
    assert_eq!(written(&says(&mut viewer, 0, "\x1b[5n")), "\x1b[0n");
}

#[test]
fn thousands_of_ports_are_sixteen_tabs_and_a_line_that_fits() {
    let mut viewer = Viewer::of_size(60, 12);
    for port in 0..=255 {
        named(
            &mut viewer,
            port,
            &format!("console.{port}\u{202e}{}", "x".repeat(200)),
        );
        says(&mut viewer, port, &lines(0, 50));
    }
    assert_eq!(
        viewer
            .app
            .tabs
            .list()
            .iter()
            .filter(|port| port.is_tab)
            .count(),
        16
    );
    assert!(viewer.text()[11].contains("[picture] of 17 tabs 16*"));
    for port in 0..=255 {
        viewer.act(Action::Escape);
        viewer.act(Action::Menu(MenuKey::Char('W')));
        for c in format!("/console.{port} ").chars() {
            viewer.act(Action::Menu(MenuKey::Char(c)));
        }
        viewer.act(Action::Menu(MenuKey::Enter));
        assert_eq!(viewer.text()[9], "line 49", "port {port}");
    }
    assert_eq!(
        viewer
            .app
            .tabs
            .list()
            .iter()
            .filter(|port| port.is_tab)
            .count(),
        16
    );
}

#[test]
fn a_flood_is_taken_in_piece_by_piece_and_its_end_is_what_shows() {
    let mut viewer = at_serial();
    // Each of them clears a screen: far more than can be drawn at once.
    let flood = "x\x1b[2J\x1b#8\x1b[65535b".repeat(4_000);
    let begun = std::time::Instant::now();
    says(&mut viewer, 0, &flood);
    let once = begun.elapsed();
    assert!(viewer.app.tabs.has_waiting());
    assert_eq!(viewer.app.deadline(), Some(viewer.now));
    assert!(once < Duration::from_secs(20), "{once:?}");
    for _ in 0..8 {
        says(&mut viewer, 0, &flood);
    }
    says(&mut viewer, 0, "\x1bcthe end");
    while viewer.app.tabs.has_waiting() {
        viewer.act(Action::Time);
    }
    assert_eq!(viewer.text()[0], "the end");
}

#[test]
fn a_tab_that_lost_some_of_a_flood_does_not_take_the_rest_for_a_title() {
    let mut terminal = PortTerminal::new((20, 3));
    terminal.receive(b"\x1b]0;never ends ");
    terminal.digest(Duration::ZERO);
    terminal.receive(&[b'x'; 1 << 20]);
    terminal.receive(b"\r\nhere");
    while terminal.has_waiting() {
        terminal.digest(Duration::ZERO);
    }
    let last: String = terminal.lines().last().unwrap().text();
    assert_eq!(last.trim_end(), "here");
}

/// One whose machine runs, as its monitor says.
fn with_monitor() -> Viewer {
    let mut viewer = Viewer::showing(100, 30, 60, 44, RED);
    named(&mut viewer, 5, QMP);
    says(&mut viewer, 5, "{\"QMP\": {\"version\": {}}}\r\n");
    says(&mut viewer, 5, "{\"return\": {}, \"id\": 1}\r\n");
    status(&mut viewer, 2, "running");
    viewer
}

fn status(viewer: &mut Viewer, id: u32, state: &str) -> Vec<Effect> {
    let answer = format!("{{\"return\": {{\"status\": \"{state}\"}}, \"id\": {id}}}\r\n");
    says(viewer, 5, &answer)
}

#[test]
fn a_monitor_is_no_tab_but_a_menu_with_the_state_of_the_machine() {
    let mut viewer = with_monitor();
    assert_eq!(viewer.app.tabs.next(), None);
    viewer.menu("");
    let menu = viewer.text().join("\n");
    assert!(menu.contains("P  machine: running ..."), "{menu}");
    assert!(!menu.contains("next tab"), "{menu}");
}

#[test]
fn the_machine_is_paused_and_continued_from_the_menu() {
    let mut viewer = with_monitor();
    let effects = viewer.menu("Pp");
    assert_eq!(written(&effects), "{\"execute\":\"stop\",\"id\":3}\n");
    let effects = says(
        &mut viewer,
        5,
        "{\"event\": \"STOP\"}\r\n{\"return\": {}, \"id\": 3}\r\n",
    );
    assert_eq!(
        written(&effects),
        "{\"execute\":\"query-status\",\"id\":4}\n"
    );
    status(&mut viewer, 4, "paused");
    assert!(
        viewer.text()[29].contains("paused"),
        "{}",
        viewer.text()[29]
    );
    let effects = viewer.menu("Pp");
    assert_eq!(written(&effects), "{\"execute\":\"cont\",\"id\":5}\n");
}

#[test]
fn power_off_is_one_key_and_reset_and_the_end_are_asked_again() {
    let mut viewer = with_monitor();
    let ordered = |viewer: &mut Viewer, keys| {
        let sent = written(&viewer.menu(keys));
        let command = sent.split('"').nth(3).unwrap_or_default();
        command.to_owned()
    };
    assert_eq!(ordered(&mut viewer, "Po"), "system_powerdown");
    assert_eq!(ordered(&mut viewer, "Pr"), "");
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(ordered(&mut viewer, "Pry"), "system_reset");
    assert_eq!(ordered(&mut viewer, "Px"), "");
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(ordered(&mut viewer, "Pxn"), "");
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(ordered(&mut viewer, "Pxy"), "quit");
}

#[test]
fn what_a_monitor_refuses_is_said_in_its_words() {
    let mut viewer = with_monitor();
    viewer.menu("Pp");
    says(
        &mut viewer,
        5,
        "{\"id\": 3, \"error\": {\"class\": \"GenericError\", \"desc\": \"busy\\u001b[2J\"}}\r\n",
    );
    assert_eq!(viewer.text()[29], " the machine refuses to pause: busy [2J");
}

#[test]
fn who_only_looks_on_does_not_speak_with_a_monitor() {
    let mut viewer = Viewer::with(Setup {
        view_only: true,
        ..Viewer::of_size(60, 12).app.setup
    });
    named(&mut viewer, 5, QMP);
    assert_eq!(says(&mut viewer, 5, "{\"QMP\": {}}\r\n"), []);
    assert!(viewer.app.tabs.monitor().is_none());
}
