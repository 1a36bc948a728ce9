//! Terminals are asked what they can do, and believed.

use capsaicin::term::input::{Event, Parser, Reply};
use capsaicin::term::probe::{
    Answers, Capabilities, Cells, Kitty, Multiplexer, Question, Sixel, Surroundings, Window,
};
use capsaicin::term::{Colours, Drawing, Glyphs};

use crate::terminal_answers::{self as answers, Terminal};

const ASK: Question = Question {
    strings: true,
    multiplexer: None,
    shared_memory: None,
    file: None,
};

fn replies(bytes: &[u8]) -> Vec<Reply> {
    let mut events = Vec::new();
    Parser::new().feed(bytes, &mut events);
    let reply = |event| match event {
        Event::Reply(reply) => Some(reply),
        _ => None,
    };
    events.into_iter().filter_map(reply).collect()
}

fn answered(terminal: &Terminal) -> Answers {
    let mut answers = Answers::default();
    for reply in replies(terminal.answers) {
        answers.take(reply);
    }
    answers
}

fn around(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings::of(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// 80×24 cells of 8×16 pixels.
const WINDOW: Window = Window {
    columns: 80,
    rows: 24,
    width: 640,
    height: 384,
};

fn found(terminal: &Terminal, variables: &[(&str, &str)]) -> Capabilities {
    Capabilities::of(&answered(terminal), &around(variables), WINDOW)
}

const XTERM_256: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
const IN_TMUX: &[(&str, &str)] = &[
    ("TERM", "tmux-256color"),
    ("TMUX", "/tmp/tmux-0/default,1,0"),
    ("TERM_PROGRAM", "tmux"),
];

#[test]
fn the_question_is_what_the_terminals_documentation_says_and_ends_with_the_one_all_answer() {
    let expected = "\x1b[>0q\
        \x1b_Gi=2147418113,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\
        \x1b]10;?\x1b\\\x1b]11;?\x1b\\\
        \x1b[38;2;1;2;3m\x1bP$qm\x1b\\\x1b[m\
        \x1b[14t\x1b[16t\x1b[?1;1;0S\x1b[?2;1;0S\x1b[?2026$p\x1b[?1016$p\x1b[?u\x1b[c";
    assert_eq!(String::from_utf8(ASK.bytes()).unwrap(), expected);
}

#[test]
fn shared_memory_and_a_file_are_named_in_base64() {
    let question = Question {
        shared_memory: Some("/probe-1"),
        file: Some("/tmp/tty-graphics-protocol-1"),
        ..ASK
    };
    let text = String::from_utf8(question.bytes()).unwrap();
    // `base64` of coreutils says so.
    assert!(text.contains("t=s,f=24;L3Byb2JlLTE=\x1b\\"), "{text:?}");
    assert!(
        text.contains("t=t,f=24;L3RtcC90dHktZ3JhcGhpY3MtcHJvdG9jb2wtMQ==\x1b\\"),
        "{text:?}"
    );
}

#[test]
fn the_terminal_behind_tmux_is_asked_by_passthrough() {
    let asked = Question {
        multiplexer: Some(Multiplexer::Tmux),
        ..ASK
    };
    let text = String::from_utf8(asked.bytes()).unwrap();
    let wrapped = "\x1bPtmux;\x1b\x1b_Gi=2147418116,s=1,v=1,a=q,U=1,t=d,f=24;AAAA\x1b\x1b\\\x1b\\";
    assert!(text.contains(wrapped), "{text:?}");
}

#[test]
fn a_multiplexer_is_sent_no_string_that_it_would_show() {
    for multiplexer in [Multiplexer::Tmux, Multiplexer::Screen, Multiplexer::Zellij] {
        let asked = Question {
            multiplexer: Some(multiplexer),
            ..ASK
        };
        let text = String::from_utf8(asked.bytes()).unwrap();
        let outside: String = match text.split_once("\x1bPtmux;") {
            Some((before, after)) => {
                before.to_owned() + after.split_once("\x1b\x1b\\\x1b\\").unwrap().1
            }
            None => text,
        };
        assert!(
            !outside.contains("\x1b_") && !outside.contains("\x1bP"),
            "{outside:?}"
        );
    }
}

#[test]
fn a_terminal_that_shows_strings_is_asked_without_them() {
    let asked = Question {
        strings: false,
        multiplexer: Some(Multiplexer::Tmux),
        shared_memory: Some("x"),
        file: Some("y"),
    };
    let text = String::from_utf8(asked.bytes()).unwrap();
    assert!(!text.contains(['_', ']', 'P']), "{text:?}");
    assert!(text.ends_with("\x1b[c"));
    assert!(!around(&[("TERM", "linux")]).takes_strings());
    assert!(around(&[("TERM", "dumb")]).is_dumb());
    assert!(around(XTERM_256).takes_strings());
}

#[test]
fn kitty_draws_with_edits() {
    let kitty = found(&answers::KITTY, &[("TERM", "xterm-kitty")]);
    assert_eq!(
        (kitty.name.as_str(), kitty.version.as_str()),
        ("kitty", "0.26.5")
    );
    assert_eq!(kitty.cell, Some((9, 18)));
    assert_eq!(kitty.area, Some((1296, 846)));
    let expected = Kitty {
        direct: true,
        edits: true,
        shared_memory: false,
        file: false,
        placeholders: false,
    };
    assert_eq!(kitty.kitty, Some(expected), "placeholders came with 0.28");
    assert!(kitty.synchronized && kitty.pixel_mouse && kitty.keyboard);
    assert_eq!(kitty.background, Some([0, 0, 0]));
    assert_eq!(kitty.sixel, None);
    assert_eq!(kitty.cells, Cells::Sextant, "octants came with 0.40");
    assert_eq!(kitty.best(), Drawing::Kitty);
}

#[test]
fn shared_memory_and_files_are_used_when_the_terminal_could_read_them() {
    let mut answers = answered(&answers::KITTY);
    for reply in replies(b"\x1b_Gi=2147418114;OK\x1b\\\x1b_Gi=2147418115;EBADF:no\x1b\\") {
        assert!(answers.take(reply));
    }
    let kitty = Capabilities::of(&answers, &around(&[("TERM", "xterm-kitty")]), WINDOW);
    let kitty = kitty.kitty.unwrap();
    assert_eq!((kitty.shared_memory, kitty.file), (true, false));
}

#[test]
fn xterm_draws_sixels_only_if_it_was_told_to_be_a_vt340() {
    let plain = found(&answers::XTERM, XTERM_256);
    assert_eq!((plain.sixel, plain.kitty), (None, None));
    assert!(!plain.synchronized && !plain.keyboard && plain.pixel_mouse);
    assert_eq!(plain.colours, Colours::True);
    assert_eq!(plain.best(), Drawing::Half);

    let vt340 = found(&answers::XTERM_VT340, XTERM_256);
    let expected = Sixel {
        registers: 1024,
        largest: Some((480, 312)),
        scrolls: true,
    };
    assert_eq!(vt340.sixel, Some(expected));
    assert_eq!(
        vt340.cell,
        Some((8, 16)),
        "the system knows, xterm does not say"
    );
    assert_eq!(vt340.best(), Drawing::Sixel);
}

#[test]
fn each_terminal_gets_the_best_it_has() {
    for (terminal, best) in [
        (&answers::FOOT_1_13, Drawing::Sixel),
        (&answers::FOOT, Drawing::Sixel),
        (&answers::WEZTERM, Drawing::Sixel),
        (&answers::ITERM2, Drawing::Sixel),
        (&answers::GHOSTTY, Drawing::KittyTiles),
        (&answers::KONSOLE, Drawing::KittyTiles),
        (&answers::LINUX, Drawing::Half),
    ] {
        assert_eq!(found(terminal, XTERM_256).best(), best, "{}", terminal.name);
    }
    assert_eq!(found(&answers::FOOT, XTERM_256).cells, Cells::Octant);
    let old = found(&answers::FOOT_1_13, XTERM_256);
    assert_eq!((old.cells, old.cell), (Cells::Sextant, Some((7, 14))));
    assert!(old.synchronized && old.keyboard && old.pixel_mouse);
    assert!(found(&answers::WEZTERM, XTERM_256).iterm2);
    assert!(found(&answers::ITERM2, XTERM_256).iterm2);
}

#[test]
fn iterm2_of_long_ago_draws_by_its_own_protocol() {
    let mut answers = answered(&answers::ITERM2);
    answers.attributes = Some(vec![62]);
    let found = Capabilities::of(&answers, &around(XTERM_256), WINDOW);
    assert_eq!(found.best(), Drawing::Iterm2);
}

#[test]
fn tmux_draws_cells_until_the_terminal_behind_it_answers() {
    let inside = found(&answers::TMUX, IN_TMUX);
    assert_eq!(inside.multiplexer, Some(Multiplexer::Tmux));
    assert_eq!((inside.kitty, inside.best()), (None, Drawing::Half));
    assert_eq!(inside.colours, Colours::True);

    let through = found(&answers::TMUX_IN_KITTY, IN_TMUX);
    assert_eq!(through.best(), Drawing::KittyPlaceholders);

    let wezterm = [IN_TMUX, &[("WEZTERM_PANE", "0")]].concat();
    let without = found(&answers::TMUX_IN_KITTY, &wezterm);
    assert_eq!(without.best(), Drawing::Half, "WezTerm has no placeholders");
}

#[test]
fn a_terminal_that_answers_nothing_is_known_by_the_environment_alone() {
    let silent = Answers::default();
    assert!(!silent.is_complete());
    let dumb = Capabilities::of(&silent, &around(&[("TERM", "dumb")]), Window::default());
    assert_eq!((dumb.best(), dumb.colours), (Drawing::Ascii, Colours::None));

    let mac = around(&[
        ("TERM", "xterm-256color"),
        ("LC_TERMINAL", "iTerm2"),
        ("SSH_TTY", "/dev/pts/1"),
    ]);
    let mac = Capabilities::of(&silent, &mac, WINDOW);
    assert!(mac.iterm2 && mac.remote);
    assert_eq!(mac.cell, Some((8, 16)));

    let nothing = Capabilities::of(&silent, &around(XTERM_256), Window::default());
    assert_eq!((nothing.cell, nothing.area), (None, None));
    assert_eq!(nothing.colours, Colours::Palette256);
}

#[test]
fn pictures_need_the_size_of_a_cell() {
    let mut answers = answered(&answers::XTERM_VT340);
    let unknown = Capabilities::of(&answers, &around(XTERM_256), Window::default());
    assert_eq!(unknown.best(), Drawing::Half);
    // A terminal that lies about it is not believed.
    answers.cell = Some((0, 4_000_000));
    let lie = Capabilities::of(&answers, &around(XTERM_256), Window::default());
    assert_eq!(lie.cell, None);
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    let latin = around(&[("TERM", "xterm"), ("LANG", "de_DE.ISO-8859-1")]);
    assert_eq!(latin.style.glyphs, Glyphs::Ascii);
    let found = Capabilities::of(&answered(&answers::XTERM), &latin, WINDOW);
    assert_eq!(found.best(), Drawing::Ascii);
}

#[test]
fn colours_are_those_the_terminal_keeps() {
    let with = |reply: &[u8], variables: &[(&str, &str)]| {
        let mut answers = answered(&answers::LINUX);
        for reply in replies(reply) {
            assert!(answers.take(reply));
        }
        Capabilities::of(&answers, &around(variables), WINDOW).colours
    };
    let plain = [("TERM", "xterm")];
    let boasting = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
    let unwanted = [("TERM", "xterm"), ("NO_COLOR", "1")];
    assert_eq!(with(b"", &plain), Colours::Palette16);
    for direct in [
        &b"\x1bP1$r0;38:2::1:2:3m\x1b\\"[..],
        b"\x1bP1$r38:2:1:2:3m\x1b\\",
        b"\x1bP1$r0;1;38;2;1;2;3m\x1b\\",
    ] {
        assert_eq!(with(direct, &plain), Colours::True);
        assert_eq!(with(direct, &unwanted), Colours::None);
    }
    // The nearest of the palette.
    let nearest = b"\x1bP1$r0;38:5:16m\x1b\\";
    assert_eq!(with(nearest, &plain), Colours::Palette16);
    assert_eq!(with(nearest, &boasting), Colours::Palette256);
    // A terminal that does not know the question.
    assert!(replies(b"\x1bP0$r\x1b\\").is_empty());
    assert_eq!(with(b"", &boasting), Colours::True);
}

#[test]
fn a_late_answer_is_news_once() {
    let mut answers = answered(&answers::TMUX);
    assert!(answers.is_complete());
    let late = Reply::Kitty {
        id: 2_147_418_116,
        message: "OK".into(),
    };
    assert!(answers.take(late.clone()));
    assert!(!answers.take(late));
    assert!(!answers.take(Reply::Ready));
    assert!(!answers.take(Reply::Kitty {
        id: 1,
        message: "OK".into()
    }));
}

#[test]
fn the_user_knows_better() {
    let mut terminal = found(&answers::XTERM, XTERM_256);
    for word in [
        "sixel",
        "registers=64",
        "cell=10x20",
        "colours=256",
        "cells=octant",
        "sync=on",
        "pixel-mouse=off",
        "keyboard=yes",
        "remote=on",
        "iterm2=on",
    ] {
        terminal.set(word).unwrap();
    }
    assert_eq!(terminal.sixel.unwrap().registers, 64);
    assert_eq!(terminal.cell, Some((10, 20)));
    assert_eq!(
        (terminal.colours, terminal.cells),
        (Colours::Palette256, Cells::Octant)
    );
    assert!(terminal.synchronized && terminal.keyboard && terminal.remote && terminal.iterm2);
    assert!(!terminal.pixel_mouse);
    assert_eq!(terminal.best(), Drawing::Sixel);

    terminal.set("kitty=on").unwrap();
    assert_eq!(terminal.best(), Drawing::KittyTiles);
    terminal.set("kitty-edits=on").unwrap();
    assert_eq!(terminal.best(), Drawing::Kitty);
    for word in ["kitty=off", "sixel=off", "iterm2=off"] {
        terminal.set(word).unwrap();
    }
    assert_eq!(terminal.best(), Drawing::Octant);
}

#[test]
fn a_wrong_override_is_explained() {
    let mut terminal = Capabilities::default();
    assert_eq!(
        terminal.set("sixles=on").unwrap_err(),
        "terminals have nothing called sixles"
    );
    assert_eq!(
        terminal.set("sixel=maybe").unwrap_err(),
        "on or off, not maybe"
    );
    assert_eq!(
        terminal.set("cell=8").unwrap_err(),
        "a cell is of the form 8x16"
    );
    assert_eq!(
        terminal.set("cell=1x16").unwrap_err(),
        "a number from 2 to 256, not 1"
    );
    assert_eq!(terminal, Capabilities::default());
}

#[test]
fn foot_on_a_scaled_desktop_has_the_pixels_that_the_system_knows() {
    // 123 by 48 cells of 13 by 25 pixels at scale 2; it says 6 by 12, and 799 by 600.
    let mut answers = answered(&answers::FOOT_1_13);
    (answers.cell, answers.area) = (Some((6, 12)), Some((799, 600)));
    let window = Window {
        columns: 123,
        rows: 48,
        width: 1599,
        height: 1200,
    };
    let known = Capabilities::of(&answers, &around(XTERM_256), window);
    assert_eq!(
        (known.cell, known.area),
        (Some((13, 25)), Some((1599, 1200)))
    );
    let unknown = Capabilities::of(&answers, &around(XTERM_256), Window::default());
    assert_eq!(unknown.cell, Some((6, 12)));
}
