//! The picker: keys and findings go in, lines and choices come out.

use capsaicin::term::input::{Event, Parser};
use capsaicin::term::{Colours, Glyphs, Style};
use capsaicin::tui::picker::{Found, Picker, Place, Source, Step, draw};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

fn place(name: &str, target: &str, state: &str) -> Place {
    Place {
        name: name.into(),
        target: target.into(),
        state: state.into(),
        note: target.into(),
        is_managed: false,
    }
}

/// A picker that has heard from everybody.
fn picker() -> Picker {
    let mut picker = Picker::default();
    picker.look();
    let found = |source, places: &[Place]| Found {
        source,
        places: places.to_vec(),
    };
    // In the order in which they may well answer.
    picker.found(found(
        Source::Demo,
        &[place("demonstration desktop", "demo:", "here")],
    ));
    picker.found(found(
        Source::Recent,
        &[place("vm.example:5901", "vm.example:5901", "2 h ago")],
    ));
    let of_libvirt = Place {
        is_managed: true,
        ..place("fedora", "127.0.0.1:5900", "running")
    };
    picker.found(found(
        Source::Processes,
        &[
            of_libvirt,
            place("kiosk", "spice+unix:///run/kiosk.sock", "in use"),
        ],
    ));
    picker.found(found(
        Source::Libvirt,
        &[
            place("fedora", "libvirt:fedora", "running"),
            place("quiet one", "libvirt:quiet one", "off"),
        ],
    ));
    picker
}

fn buffer(picker: &mut Picker, columns: u16, rows: u16, style: Style) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    draw::draw(picker, style, &mut buffer);
    buffer
}

fn lines(picker: &mut Picker, columns: u16, rows: u16) -> Vec<String> {
    let buffer = buffer(picker, columns, rows, Style::default());
    let rows = buffer.content.chunks(columns.into());
    let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
    rows.map(|row| {
        let line: String = text(row);
        line.trim_end().to_owned()
    })
    .collect()
}

/// What a terminal sends, taken in; the last thing to be done.
fn typed(picker: &mut Picker, bytes: &str) -> Option<Step> {
    let mut events: Vec<Event> = Vec::new();
    let mut parser = Parser::new();
    parser.feed(bytes.as_bytes(), &mut events);
    parser.flush(&mut events);
    events.iter().filter_map(|event| picker.take(event)).last()
}

fn connect(target: &str) -> Option<Step> {
    Some(Step::Connect(target.into()))
}

#[test]
fn everything_that_can_be_reached_is_listed_once_under_who_knows_it() {
    assert_eq!(
        lines(&mut picker(), 80, 24)[..11],
        [
            " What to view?",
            "",
            " machines of libvirt",
            "> fedora                      running     libvirt:fedora",
            "  quiet one                   off         libvirt:quiet one",
            " QEMU on this machine",
            "  kiosk                       in use      spice+unix:///run/kiosk.sock",
            " viewed before",
            "  vm.example:5901             2 h ago     vm.example:5901",
            " without any machine",
            "  demonstration desktop       here        demo:",
        ]
    );
    assert_eq!(
        lines(&mut picker(), 80, 24)[23],
        " Enter connects  / or typing filters  r looks again  q quits"
    );
}

#[test]
fn the_smallest_terminal_shows_names_and_states() {
    let mut picker = picker();
    assert_eq!(
        lines(&mut picker, 20, 5),
        [
            "> fedora     running",
            "  quiet one      off",
            "  kiosk       in use",
            "  vm.example:5901",
            " Enter / r q",
        ]
    );
    assert_eq!(typed(&mut picker, "\x1b[B\x1b[Bjj\r"), connect("demo:"));
    assert_eq!(lines(&mut picker, 20, 5)[3], "> demonstration desk");
    typed(&mut picker, "/fed");
    assert_eq!(
        lines(&mut picker, 20, 5),
        [" / fed_", "> fedora     running", "", "", " Enter / r q"]
    );
}

#[test]
fn the_first_frame_waits_for_nobody() {
    let mut picker = Picker::default();
    picker.look();
    let shown = lines(&mut picker, 80, 24);
    assert_eq!(shown[0], " What to view? (looking)");
    assert_eq!(shown[2], " looking");
    assert_eq!(typed(&mut picker, "\r"), None);
    assert_eq!(typed(&mut picker, "q"), Some(Step::Quit));
}

#[test]
fn what_is_marked_stays_marked_when_others_come_before_it() {
    let mut picker = Picker::default();
    let demo = place("demonstration desktop", "demo:", "here");
    let other = place("vm", "vm:5900", "just now");
    picker.found(Found {
        source: Source::Demo,
        places: vec![other, demo],
    });
    typed(&mut picker, "j");
    picker.found(Found {
        source: Source::Libvirt,
        places: vec![place("fedora", "libvirt:fedora", "running")],
    });
    assert_eq!(typed(&mut picker, "\r"), connect("demo:"));
    // It is gone: the first is as good as any.
    picker.found(Found {
        source: Source::Demo,
        places: Vec::new(),
    });
    assert_eq!(typed(&mut picker, "\r"), connect("libvirt:fedora"));
}

#[test]
fn typing_narrows_the_list_and_escape_widens_it_again() {
    let mut picker = picker();
    typed(&mut picker, "RUN fed");
    assert_eq!(lines(&mut picker, 80, 24)[0], " / RUN fed_");
    assert_eq!(picker.listed().len(), 1, "the word of its state counts too");
    assert_eq!(typed(&mut picker, "\r"), connect("libvirt:fedora"));
    assert_eq!(typed(&mut picker, "\x1b"), None);
    assert_eq!(picker.listed().len(), 5);
    // Letters that are keys are text behind a slash.
    assert_eq!(typed(&mut picker, "/kjq"), None);
    assert_eq!(picker.filter(), Some("kjq"));
    assert_eq!(
        typed(&mut picker, "\x7f\x7f\r"),
        connect("spice+unix:///run/kiosk.sock")
    );
    assert_eq!(typed(&mut picker, "\x15\x1b"), Some(Step::Quit));
}

#[test]
fn what_is_typed_and_not_found_is_a_target_of_its_own() {
    let mut picker = picker();
    typed(&mut picker, "/10.0.0.7:5930 ");
    assert_eq!(
        lines(&mut picker, 80, 24)[2],
        " Enter: connect to 10.0.0.7:5930"
    );
    assert_eq!(typed(&mut picker, "\r"), connect("10.0.0.7:5930"));
    typed(&mut picker, "\x15/");
    typed(&mut picker, "\x1b[200~[::1]:5931\nrest\x1b[201~");
    assert_eq!(typed(&mut picker, "\r"), connect("[::1]:5931"));
}

#[test]
fn a_failure_is_shown_until_the_next_key() {
    let mut picker = picker();
    picker.fail(vec![
        "cannot connect to 10.0.0.7:5930: connection refused".into(),
        "hint: nothing listens there: check the port of the machine's -spice option".into(),
    ]);
    let shown = lines(&mut picker, 80, 24);
    assert_eq!(
        shown[21..],
        [
            " cannot connect to 10.0.0.7:5930: connection refused",
            " hint: nothing listens there: check the port of the machine's -spice option",
            " Enter connects  / or typing filters  r looks again  q quits",
        ]
    );
    // Half of the smallest terminal is still the list.
    let shown = lines(&mut picker, 20, 5);
    assert_eq!(
        shown,
        [
            "> fedora     running",
            "  quiet one      off",
            " cannot connect to",
            " 10.0.0.7:5930:",
            " Enter / r q",
        ]
    );
    typed(&mut picker, "j");
    assert!(!lines(&mut picker, 80, 24)[21].contains("refused"));
}

#[test]
fn keys_quit_and_look_again() {
    for (bytes, step) in [
        ("q", Step::Quit),
        ("\x1b", Step::Quit),
        ("\x03", Step::Quit),
        ("\x1d", Step::Quit),
        ("r", Step::Look),
        ("\x12", Step::Look),
        ("\x1b[15~", Step::Look),
    ] {
        assert_eq!(typed(&mut picker(), bytes), Some(step), "{bytes:?}");
    }
}

#[test]
fn a_click_marks_and_another_one_connects() {
    let mut picker = picker();
    lines(&mut picker, 80, 24);
    // Row 7 of the terminal: the kiosk.
    assert_eq!(typed(&mut picker, "\x1b[<0;5;7M"), None);
    assert_eq!(
        typed(&mut picker, "\x1b[<0;5;7M"),
        connect("spice+unix:///run/kiosk.sock")
    );
    // A heading, and beyond the end.
    assert_eq!(typed(&mut picker, "\x1b[<0;5;6M\x1b[<0;5;99M"), None);
}

#[test]
fn without_colours_the_marked_line_is_the_inverted_one() {
    let style = Style {
        colours: Colours::None,
        glyphs: Glyphs::Ascii,
    };
    let mut picker = picker();
    picker.fail(vec!["no".into()]);
    let buffer = buffer(&mut picker, 80, 24, style);
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
    assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    let inverted = |row: u16| buffer[(0, row)].modifier.contains(Modifier::REVERSED);
    assert!(inverted(3) && !inverted(4) && buffer[(0, 3)].symbol() == ">");
}

#[test]
fn names_from_outside_are_harmless_and_long_lists_bounded() {
    let mut picker = Picker::default();
    let hostile = |n: u32| {
        place(
            &format!("vm{n}\x1b[2J\u{202e}"),
            &format!("libvirt:{n}"),
            "\x07",
        )
    };
    picker.found(Found {
        source: Source::Libvirt,
        places: (0..5000).map(hostile).collect(),
    });
    assert_eq!(picker.listed().len(), 1000);
    typed(&mut picker, "\x1b[F");
    for (columns, rows) in [(20, 5), (80, 24), (300, 100), (21, 10)] {
        for line in lines(&mut picker, columns, rows) {
            assert!(
                !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{line:?}"
            );
        }
    }
    assert_eq!(typed(&mut picker, "\r"), connect("libvirt:999"));
    typed(&mut picker, &format!("/{}", "x".repeat(5000)));
    assert_eq!(picker.filter().map(str::len), Some(200));
}
