//! Bytes from terminals become events: keys, mouse, pastes and answers, whole or in pieces, friendly or not.

use capsaicin::term::input::{
    Event, Key, KeyCode, KeyKind, MOST_PASTED, MediaKey, ModeState, ModifierKey, Modifiers, Mouse,
    MouseButton, MouseKind, Parser, Pending, Reply,
};
use proptest::prelude::*;

use crate::terminal_answers::{ALL, KITTY, TMUX_IN_KITTY, XTERM_VT340};

fn events(bytes: &[u8]) -> Vec<Event> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    parser.feed(bytes, &mut events);
    assert_eq!(parser.pending(), None, "{bytes:?}");
    events
}

fn event(bytes: &[u8]) -> Event {
    let events = events(bytes);
    assert_eq!(events.len(), 1, "{bytes:?}: {events:?}");
    events[0].clone()
}

fn key(code: KeyCode) -> Event {
    Event::Key(Key::new(code))
}

fn with(modifiers: Modifiers, code: KeyCode) -> Event {
    Event::Key(Key::with(code, modifiers))
}

fn char(c: char) -> Event {
    key(KeyCode::Char(c))
}

fn typed(text: &str) -> Vec<Event> {
    text.chars().map(char).collect()
}

const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const CTRL: Modifiers = Modifiers::CTRL;

#[test]
fn characters_are_keys_in_any_language() {
    assert_eq!(events("aÄ€😀 ~".as_bytes()), typed("aÄ€😀 ~"));
}

#[test]
fn control_characters_are_keys_with_control() {
    for (byte, c) in [
        (0x00, ' '),
        (0x01, 'a'),
        (0x08, 'h'),
        (0x0a, 'j'),
        (0x1a, 'z'),
        (0x1c, '\\'),
        (0x1d, ']'),
        (0x1e, '^'),
        (0x1f, '/'),
    ] {
        assert_eq!(event(&[byte]), with(CTRL, KeyCode::Char(c)), "{byte:#x}");
    }
    assert_eq!(event(b"\r"), key(KeyCode::Enter));
    assert_eq!(event(b"\t"), key(KeyCode::Tab));
    assert_eq!(event(b"\x7f"), key(KeyCode::Backspace));
}

#[test]
fn keys_without_characters_are_known_from_all_families_of_terminals() {
    for (bytes, code) in [
        (&b"\x1b[A"[..], KeyCode::Up),
        (b"\x1bOA", KeyCode::Up),
        (b"\x1b[H", KeyCode::Home),
        (b"\x1b[1~", KeyCode::Home),
        (b"\x1b[7~", KeyCode::Home),
        (b"\x1bOF", KeyCode::End),
        (b"\x1b[3~", KeyCode::Delete),
        (b"\x1b[6~", KeyCode::PageDown),
        (b"\x1bOP", KeyCode::F(1)),
        (b"\x1b[11~", KeyCode::F(1)),
        (b"\x1b[[A", KeyCode::F(1)),
        (b"\x1b[[E", KeyCode::F(5)),
        (b"\x1bOR", KeyCode::F(3)),
        (b"\x1b[R", KeyCode::F(3)),
        (b"\x1b[15~", KeyCode::F(5)),
        (b"\x1b[17~", KeyCode::F(6)),
        (b"\x1b[21~", KeyCode::F(10)),
        (b"\x1b[24~", KeyCode::F(12)),
        (b"\x1b[34~", KeyCode::F(20)),
        (b"\x1b[29~", KeyCode::Menu),
    ] {
        assert_eq!(event(bytes), key(code), "{bytes:?}");
    }
}

#[test]
fn modifiers_are_known_from_all_families_of_terminals() {
    for (bytes, modifiers, code) in [
        (&b"\x1b[1;5C"[..], CTRL, KeyCode::Right),
        (b"\x1b[1;2R", SHIFT, KeyCode::F(3)),
        (b"\x1b[3;6~", CTRL | SHIFT, KeyCode::Delete),
        (b"\x1b[Z", SHIFT, KeyCode::Tab),
        (b"\x1bOa", CTRL, KeyCode::Up),
        (b"\x1b[a", SHIFT, KeyCode::Up),
        (b"\x1b[7^", CTRL, KeyCode::Home),
        (b"\x1b[7$", SHIFT, KeyCode::Home),
        (b"\x1b[7@", CTRL | SHIFT, KeyCode::Home),
        (b"\x1bO5P", CTRL, KeyCode::F(1)),
        (b"\x1b[27;5;9~", CTRL, KeyCode::Tab),
        (b"\x1b[27;6;65~", CTRL | SHIFT, KeyCode::Char('A')),
        (b"\x1b[13;2u", SHIFT, KeyCode::Enter),
    ] {
        assert_eq!(event(bytes), with(modifiers, code), "{bytes:?}");
    }
}

#[test]
fn escape_before_a_key_is_alt() {
    assert_eq!(event(b"\x1bx"), with(ALT, KeyCode::Char('x')));
    assert_eq!(event("\x1bä".as_bytes()), with(ALT, KeyCode::Char('ä')));
    assert_eq!(event(b"\x1b\r"), with(ALT, KeyCode::Enter));
    assert_eq!(event(b"\x1b\x01"), with(ALT | CTRL, KeyCode::Char('a')));
    assert_eq!(event(b"\x1b\x7f"), with(ALT, KeyCode::Backspace));
    assert_eq!(event(b"\x1b\x1b[A"), with(ALT, KeyCode::Up));
}

#[test]
fn the_keypad_in_application_mode_says_so() {
    let Event::Key(five) = event(b"\x1bOu") else {
        panic!("no key");
    };
    assert_eq!((five.code, five.keypad), (KeyCode::Char('5'), true));
    let Event::Key(enter) = event(b"\x1bOM") else {
        panic!("no key");
    };
    assert_eq!((enter.code, enter.keypad), (KeyCode::Enter, true));
}

#[test]
fn what_a_key_could_have_sent_becomes_one_when_nothing_more_comes() {
    for (bytes, expected) in [
        (&b"\x1b"[..], key(KeyCode::Escape)),
        (b"\x1b\x1b", with(ALT, KeyCode::Escape)),
        (b"\x1b[", with(ALT, KeyCode::Char('['))),
        (b"\x1bO", with(ALT, KeyCode::Char('O'))),
        (b"\x1bP", with(ALT, KeyCode::Char('P'))),
        (b"\x1b]", with(ALT, KeyCode::Char(']'))),
        (b"\x1b_", with(ALT, KeyCode::Char('_'))),
    ] {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        parser.feed(bytes, &mut events);
        assert_eq!(events, [], "{bytes:?}");
        assert_eq!(parser.pending(), Some(Pending::Escape), "{bytes:?}");

        parser.flush(&mut events);

        assert_eq!(events, [expected], "{bytes:?}");
        assert_eq!(parser.pending(), None);
        parser.feed(b"a", &mut events);
        assert_eq!(events[1], char('a'), "{bytes:?}");
    }
}

#[test]
fn the_rest_of_a_sequence_that_stopped_is_forgotten() {
    for bytes in [
        &b"\x1b[?6"[..],
        b"\x1bP>|XTe",
        b"\x1b_Gi=31;O",
        b"\x1b]11;rgb:00",
        b"\x1b[M!",
        b"\xe2\x82",
    ] {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        parser.feed(bytes, &mut events);
        assert_eq!(parser.pending(), Some(Pending::Sequence), "{bytes:?}");

        parser.flush(&mut events);
        parser.feed(b"a", &mut events);

        assert_eq!(events, [char('a')], "{bytes:?}");
    }
}

#[test]
fn the_keyboard_protocol_tells_all_there_is_to_know_of_a_key() {
    // Shift+7 on a German keyboard, held.
    assert_eq!(
        event(b"\x1b[55:47;2:2;47u"),
        Event::Key(Key {
            kind: KeyKind::Repeat,
            shifted: Some('/'),
            text: Some("/".into()),
            ..Key::with(KeyCode::Char('7'), SHIFT)
        })
    );
    // Ctrl and the key of the Russian с, where US keyboards have c; released.
    assert_eq!(
        event(b"\x1b[1089::99;5:3u"),
        Event::Key(Key {
            kind: KeyKind::Release,
            base: Some('c'),
            ..Key::with(KeyCode::Char('с'), CTRL)
        })
    );
}

#[test]
fn the_keyboard_protocol_names_every_key() {
    for (number, code) in [
        (9, KeyCode::Tab),
        (13, KeyCode::Enter),
        (27, KeyCode::Escape),
        (127, KeyCode::Backspace),
        (57358, KeyCode::CapsLock),
        (57361, KeyCode::PrintScreen),
        (57362, KeyCode::Pause),
        (57363, KeyCode::Menu),
        (57376, KeyCode::F(13)),
        (57398, KeyCode::F(35)),
        (57428, KeyCode::Media(MediaKey::Play)),
        (57440, KeyCode::Media(MediaKey::MuteVolume)),
        (57441, KeyCode::Modifier(ModifierKey::LeftShift)),
        (57448, KeyCode::Modifier(ModifierKey::RightControl)),
        (57453, KeyCode::Modifier(ModifierKey::Level3Shift)),
    ] {
        let bytes = format!("\x1b[{number}u");
        assert_eq!(event(bytes.as_bytes()), key(code), "{number}");
    }
    for (number, code) in [
        (57399, KeyCode::Char('0')),
        (57409, KeyCode::Char('.')),
        (57414, KeyCode::Enter),
        (57416, KeyCode::Char(',')),
        (57417, KeyCode::Left),
        (57426, KeyCode::Delete),
        (57427, KeyCode::Begin),
    ] {
        let bytes = format!("\x1b[{number}u");
        let expected = Event::Key(Key {
            keypad: true,
            ..Key::new(code)
        });
        assert_eq!(event(bytes.as_bytes()), expected, "{number}");
    }
}

#[test]
fn the_keyboard_protocol_tells_all_modifiers_and_locks() {
    let all = Modifiers::from_bits(0xff);
    assert_eq!(event(b"\x1b[97;256u"), with(all, KeyCode::Char('a')));
    assert_eq!(
        event(b"\x1b[1;129:3A"),
        Event::Key(Key {
            kind: KeyKind::Release,
            ..Key::with(KeyCode::Up, Modifiers::NUM_LOCK)
        })
    );
    assert!(Modifiers::NUM_LOCK.is_empty(), "a lock is not held");
}

#[test]
fn text_without_a_key_is_a_paste() {
    assert_eq!(event(b"\x1b[0;;20320:22909u"), Event::Text("你好".into()));
}

#[test]
fn the_mouse_is_reported_in_three_ways() {
    let mouse = |kind, x, y, modifiers| {
        Event::Mouse(Mouse {
            kind,
            x,
            y,
            modifiers,
        })
    };
    let none = Modifiers::NONE;
    let left = MouseButton::Left;
    for (bytes, expected) in [
        (
            &b"\x1b[<0;1;1M"[..],
            mouse(MouseKind::Press(left), 0, 0, none),
        ),
        (
            b"\x1b[<0;200;100m",
            mouse(MouseKind::Release(left), 199, 99, none),
        ),
        (b"\x1b[<32;3;4M", mouse(MouseKind::Drag(left), 2, 3, none)),
        (b"\x1b[<35;3;4M", mouse(MouseKind::Move, 2, 3, none)),
        (
            b"\x1b[<22;3;4M",
            mouse(MouseKind::Press(MouseButton::Right), 2, 3, SHIFT | CTRL),
        ),
        (b"\x1b[<64;3;4M", mouse(MouseKind::ScrollUp, 2, 3, none)),
        (b"\x1b[<65;3;4M", mouse(MouseKind::ScrollDown, 2, 3, none)),
        (b"\x1b[<66;3;4M", mouse(MouseKind::ScrollLeft, 2, 3, none)),
        (
            b"\x1b[<128;3;4M",
            mouse(MouseKind::Press(MouseButton::Side(8)), 2, 3, none),
        ),
        // In pixels, outside of the window while a button is held.
        (
            b"\x1b[<32;-7;1279M",
            mouse(MouseKind::Drag(left), 0, 1278, none),
        ),
        // Before SGR: 32 is added to everything.
        (b"\x1b[M !!", mouse(MouseKind::Press(left), 0, 0, none)),
        (
            b"\x1b[M#\xff\"",
            mouse(MouseKind::Release(left), 222, 1, none),
        ),
        (b"\x1b[32;3;4M", mouse(MouseKind::Press(left), 2, 3, none)),
        (b"\x1b[97;3;4M", mouse(MouseKind::ScrollDown, 2, 3, none)),
    ] {
        assert_eq!(event(bytes), expected, "{bytes:?}");
    }
    assert_eq!(events(b"\x1b[<64;3;4m"), [], "a wheel does not go up again");
}

#[test]
fn a_paste_is_one_event_whatever_is_in_it() {
    let bytes = b"\x1b[200~ls \x1b[A\x1b[20~\x1b\x1b[201\r\n\x03\xff\x1b[201~x";
    let text = "ls \x1b[A\x1b[20~\x1b\x1b[201\r\n\x03\u{fffd}";
    assert_eq!(events(bytes), [Event::Paste(text.into()), char('x')]);
}

#[test]
fn a_paste_is_cut_where_it_gets_too_long() {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    parser.feed(b"\x1b[200~", &mut events);
    for _ in 0..MOST_PASTED / 1000 + 5 {
        parser.feed(&[b'x'; 1000], &mut events);
    }
    parser.feed(b"\x1b[201~", &mut events);
    let [Event::Paste(text)] = &events[..] else {
        panic!("{} events", events.len());
    };
    assert_eq!(text.len(), MOST_PASTED);
}

#[test]
fn a_paste_without_an_end_is_what_came() {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    parser.feed(b"\x1b[200~abc", &mut events);
    assert_eq!(parser.pending(), Some(Pending::Paste));
    parser.flush(&mut events);
    parser.feed(b"d", &mut events);
    assert_eq!(events, [Event::Paste("abc".into()), char('d')]);
}

#[test]
fn focus_comes_and_goes() {
    assert_eq!(
        events(b"\x1b[I\x1b[O"),
        [Event::FocusGained, Event::FocusLost]
    );
}

#[test]
fn answers_are_told_from_keys() {
    for (bytes, reply) in [
        (&b"\x1b[?62;4;22c"[..], Reply::Attributes(vec![62, 4, 22])),
        (b"\x1b[?62;c", Reply::Attributes(vec![62])),
        (b"\x1b[0n", Reply::Ready),
        (
            b"\x1b[12;40R",
            Reply::Cursor {
                row: 12,
                column: 40,
            },
        ),
        (b"\x1b[?1;2R", Reply::Cursor { row: 1, column: 2 }),
        (
            b"\x1b[4;846;1296t",
            Reply::AreaPixels {
                width: 1296,
                height: 846,
            },
        ),
        (
            b"\x1b[6;18;9t",
            Reply::CellPixels {
                width: 9,
                height: 18,
            },
        ),
        (
            b"\x1b[8;24;80t",
            Reply::AreaCells {
                columns: 80,
                rows: 24,
            },
        ),
        (
            b"\x1b[?2026;2$y",
            Reply::Mode {
                mode: 2026,
                state: ModeState::Reset,
            },
        ),
        (
            b"\x1b[?1016;0$y",
            Reply::Mode {
                mode: 1016,
                state: ModeState::Unknown,
            },
        ),
        (b"\x1b[?5u", Reply::KeyboardFlags(5)),
        (
            b"\x1b[?2;0;480;312S",
            Reply::Graphics {
                item: 2,
                status: 0,
                values: vec![480, 312],
            },
        ),
        (
            b"\x1b[?1;3S",
            Reply::Graphics {
                item: 1,
                status: 3,
                values: vec![],
            },
        ),
        (
            b"\x1bP>|tmux 3.3a\x1b\\",
            Reply::Version("tmux 3.3a".into()),
        ),
        (
            b"\x1b]11;rgb:ffff/8080/0000\x1b\\",
            Reply::Colour {
                background: true,
                rgb: [255, 128, 0],
            },
        ),
        (
            b"\x1b]10;rgb:f/8/0\x07",
            Reply::Colour {
                background: false,
                rgb: [255, 136, 0],
            },
        ),
        (
            b"\x1b]11;#102030\x07",
            Reply::Colour {
                background: true,
                rgb: [16, 32, 48],
            },
        ),
        (
            b"\x1b_Gi=31;OK\x1b\\",
            Reply::Kitty {
                id: 31,
                message: "OK".into(),
            },
        ),
        (
            b"\x1b_Gi=7,p=1;ENOENT:no such image\x1b\\",
            Reply::Kitty {
                id: 7,
                message: "ENOENT:no such image".into(),
            },
        ),
    ] {
        assert_eq!(event(bytes), Event::Reply(reply), "{bytes:?}");
    }
}

#[test]
fn answers_nobody_knows_are_swallowed_whole() {
    for bytes in [
        &b"\x1b[>41;379;0c"[..],
        b"\x1b[?997;1n",
        b"\x1b[201~",
        b"\x1b[99~",
        b"\x1b[12;5;3x",
        b"\x1bP1+r524742=38\x1b\\",
        b"\x1bP!|00000000\x1b\\",
        b"\x1b]52;c;cm0gLXJmIC8=\x1b\\",
        b"\x1b]lxterm\x1b\\",
        b"\x1b^private\x1b\\",
        b"\x1bXstart\x07",
        b"\x1b_not kitty\x1b\\",
        b"\x1b]11;rgb:zz/00/00\x07",
        b"\x1b_Gi=99999999999;OK\x1b\\",
    ] {
        assert_eq!(events(bytes), [], "{bytes:?}");
    }
}

#[test]
fn what_an_answer_says_is_harmless_to_print() {
    let Event::Reply(Reply::Version(version)) = event(b"\x1bP>|evil\x01\xc2\x9b2J\x1b\\") else {
        panic!("no version");
    };
    assert_eq!(version, "evil2J");
}

#[test]
fn every_answer_may_be_split_anywhere() {
    for terminal in ALL {
        let whole = events(terminal.answers);
        assert!(
            whole.iter().all(|e| matches!(e, Event::Reply(_))),
            "{}",
            terminal.name
        );
        for split in 0..=terminal.answers.len() {
            let mut parser = Parser::new();
            let mut events = Vec::new();
            let (before, after) = terminal.answers.split_at(split);
            parser.feed(before, &mut events);
            parser.feed(after, &mut events);
            assert_eq!(events, whole, "{} at {split}", terminal.name);
        }
    }
}

#[test]
fn keys_between_answers_are_neither_lost_nor_made_up() {
    let keys = [
        (&b"x"[..], char('x')),
        (b"\x1b[A", key(KeyCode::Up)),
        (b"\x03", with(CTRL, KeyCode::Char('c'))),
        (b"\x1b[97;3u", with(ALT, KeyCode::Char('a'))),
        (b"\x1b", key(KeyCode::Escape)),
        ("é".as_bytes(), char('é')),
    ];
    for terminal in ALL {
        let answers = sequences(terminal.answers);
        for (typed, expected) in &keys {
            for at in 0..answers.len() {
                let mut bytes = answers[..at].concat();
                bytes.extend_from_slice(typed);
                bytes.extend(answers[at..].concat());
                let all = events(&bytes);
                let (replies, keys): (Vec<Event>, Vec<Event>) =
                    all.into_iter().partition(|e| matches!(e, Event::Reply(_)));
                assert_eq!(
                    keys,
                    std::slice::from_ref(expected),
                    "{} at {at}",
                    terminal.name
                );
                assert_eq!(replies.len(), answers.len(), "{} at {at}", terminal.name);
            }
        }
    }
}

/// The single answers in a row of them.
fn sequences(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parser = Parser::new();
    let (mut found, mut current, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for byte in bytes {
        current.push(*byte);
        parser.feed(&[*byte], &mut events);
        if parser.pending().is_none() {
            found.push(std::mem::take(&mut current));
        }
    }
    assert!(current.is_empty());
    found
}

#[test]
fn an_endless_string_is_dropped_and_keys_go_on_after_it() {
    for start in [&b"\x1bP"[..], b"\x1b]", b"\x1b_", b"\x1b^", b"\x1b[?"] {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        parser.feed(start, &mut events);
        for _ in 0..1000 {
            parser.feed(&[b'1'; 1000], &mut events);
        }
        assert_eq!(events, [], "{start:?}");
        parser.flush(&mut events);
        parser.feed(b"a", &mut events);
        assert_eq!(events, [char('a')], "{start:?}");
    }
}

#[test]
fn a_string_that_was_broken_off_does_not_swallow_the_next_sequence() {
    assert_eq!(
        events(b"\x1bP>|broken\x1b[A\x1b]11;rgb:\x18b"),
        [key(KeyCode::Up), char('b')]
    );
}

#[test]
fn invalid_utf8_is_dropped_and_what_follows_is_not() {
    for bytes in [
        &b"\xffa"[..],
        b"\x80a",
        b"\xc3a",
        b"\xe2\x82a",
        b"\xed\xa0\x80a",
        b"\xf4\x90\x80\x80a",
        b"\xc0\xafa",
        b"\xc2\x9ba",
        b"\x1b\xc3a",
    ] {
        assert_eq!(events(bytes).last(), Some(&char('a')), "{bytes:?}");
    }
    assert_eq!(events(b"\xc3\x1b[A"), [key(KeyCode::Up)]);
}

#[test]
fn a_sequence_a_key_breaks_into_loses_no_key() {
    assert_eq!(events(b"\x1b[12\rx"), [key(KeyCode::Enter), char('x')]);
    assert_eq!(
        events(b"\x1bOz"),
        [with(ALT, KeyCode::Char('O')), char('z')]
    );
}

/// Bytes that lead into corners, and others.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(b"\x1b".to_vec()),
        Just(b"\x1b[".to_vec()),
        Just(b"\x1b[200~".to_vec()),
        Just(b"\x1b[201~".to_vec()),
        Just(b"\x1b[M".to_vec()),
        Just(b"\x1bO".to_vec()),
        Just(b"\x1bP>|".to_vec()),
        Just(b"\x1b\\".to_vec()),
        Just(b"999999999999".to_vec()),
        Just(b";:".to_vec()),
        Just(KITTY.answers.to_vec()),
        Just(TMUX_IN_KITTY.answers.to_vec()),
        Just(XTERM_VT340.answers.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
        "[0-9;:?<>=$!~A-Za-z]{0,8}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_are_too_much(bytes in nasty(), flush_at in 0usize..200) {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            parser.feed(&[*byte], &mut events);
            if at == flush_at {
                parser.flush(&mut events);
                prop_assert_eq!(parser.pending(), None);
            }
        }
        // A byte makes at most a key of its own and one that waited for it.
        prop_assert!(events.len() <= 2 * bytes.len() + 2);
        parser.flush(&mut events);
        let before = events.len();
        parser.feed(b"a", &mut events);
        prop_assert_eq!(&events[before..], &[char('a')]);
    }

    #[test]
    fn pieces_make_no_difference(bytes in nasty(), cuts in proptest::collection::vec(0usize..200, 0..5)) {
        let mut whole = Vec::new();
        Parser::new().feed(&bytes, &mut whole);
        let mut parser = Parser::new();
        let mut events = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            parser.feed(piece, &mut events);
            rest = behind;
        }
        parser.feed(rest, &mut events);
        prop_assert_eq!(events, whole);
    }

    #[test]
    fn a_damaged_answer_panics_nobody(at in 0usize..200, byte in any::<u8>(), which in 0usize..11) {
        let mut bytes = ALL[which].answers.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let mut events = Vec::new();
        Parser::new().feed(&bytes, &mut events);
    }
}
