//! The guest agent in the viewer: clipboards and the size of the guest's screen.

use bytes::Bytes;
use capsaicin::channel::main::agent::{
    Abilities, ContentKind, Event, FetchError, MonitorSize, Order, Selection, State,
};
use capsaicin::geometry::Size;
use capsaicin::term::probe::Capabilities;
use capsaicin::tui::action::{Action, Effect, MenuKey};
use capsaicin::{ClientEvent, Command};

use crate::viewer::Viewer;

const CLIPBOARD: Abilities = Abilities::CLIPBOARD_BY_DEMAND;

/// A viewer of 1280 by 800 pixels in cells of 8 by 16, and of a guest whose agent can do this.
fn viewer(abilities: Abilities) -> Viewer {
    let mut viewer = Viewer::showing(100, 31, 1280, 800, [0, 0, 255]);
    viewer.act(Action::Capabilities {
        capabilities: Box::new(Capabilities {
            cell: Some((8, 16)),
            ..Capabilities::default()
        }),
        answers: true,
    });
    agent(&mut viewer, Event::State(State::Starting));
    agent(&mut viewer, Event::State(State::Ready(abilities)));
    viewer
}

fn agent(viewer: &mut Viewer, event: Event) -> Vec<Effect> {
    viewer.session(ClientEvent::Agent(event))
}

fn orders(effects: &[Effect]) -> Vec<Order> {
    let order = |effect: &Effect| match effect {
        Effect::Command(Command::Agent(order)) => Some(order.clone()),
        _ => None,
    };
    effects.iter().filter_map(order).collect()
}

fn copied_in_guest(viewer: &mut Viewer, kinds: &[ContentKind]) -> Vec<Effect> {
    agent(
        viewer,
        Event::Offered {
            selection: Selection::Clipboard,
            kinds: kinds.to_vec(),
            serial: None,
        },
    )
}

fn arrives(viewer: &mut Viewer, kind: ContentKind, content: &'static [u8]) -> Vec<Effect> {
    agent(
        viewer,
        Event::Content {
            selection: Selection::Clipboard,
            kind,
            content: Ok(Bytes::from_static(content)),
        },
    )
}

fn fetch(kind: ContentKind) -> Order {
    Order::Fetch {
        selection: Selection::Clipboard,
        kind,
    }
}

fn status(viewer: &mut Viewer) -> String {
    viewer.text().pop().unwrap()
}

// --- from the guest

#[test]
fn text_copied_in_the_guest_stays_there_until_it_is_taken() {
    let mut viewer = viewer(CLIPBOARD);
    let effects = copied_in_guest(&mut viewer, &[ContentKind::Text]);
    assert_eq!(effects, []);
    assert!(
        status(&mut viewer).contains("text was copied in the guest: Ctrl+] then C then c takes it")
    );

    let effects = viewer.menu("Cc");
    assert_eq!(orders(&effects), [fetch(ContentKind::Text)]);

    let effects = arrives(&mut viewer, ContentKind::Text, "größer".as_bytes());
    assert_eq!(effects, [Effect::Copy("größer".into())]);
    assert!(status(&mut viewer).contains("6 characters went to the terminal's clipboard"));
}

#[test]
fn what_was_copied_before_the_viewer_came_can_be_asked_for_until_the_guest_tells_more() {
    let mut viewer = viewer(CLIPBOARD);
    assert_eq!(orders(&viewer.menu("Cc")), [fetch(ContentKind::Text)]);
    assert_eq!(orders(&viewer.menu("Cs")), [fetch(ContentKind::Png)]);

    copied_in_guest(&mut viewer, &[ContentKind::Jpeg]);

    assert_eq!(orders(&viewer.menu("Cc")), []);
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(orders(&viewer.menu("Cs")), [fetch(ContentKind::Jpeg)]);
}

#[test]
fn the_user_is_told_once_and_sees_a_word_on_the_status_line_after_that() {
    let mut viewer = viewer(CLIPBOARD);
    copied_in_guest(&mut viewer, &[ContentKind::Text]);
    viewer.wait(5000);
    copied_in_guest(&mut viewer, &[ContentKind::Text]);
    let line = status(&mut viewer);
    assert!(
        line.contains("agent: copied") && !line.contains("takes it"),
        "{line}"
    );
}

#[test]
fn with_consent_text_goes_to_the_terminal_as_soon_as_it_is_copied() {
    let mut viewer = viewer(CLIPBOARD);
    copied_in_guest(&mut viewer, &[ContentKind::Text]);
    let effects = viewer.menu("Ca");
    assert_eq!(
        orders(&effects),
        [fetch(ContentKind::Text)],
        "what is there already"
    );

    let effects = copied_in_guest(&mut viewer, &[ContentKind::Png, ContentKind::Text]);
    assert_eq!(orders(&effects), [fetch(ContentKind::Text)]);

    viewer.menu("Ca");
    assert_eq!(copied_in_guest(&mut viewer, &[ContentKind::Text]), []);
}

#[test]
fn what_is_marked_in_the_guest_is_no_copy() {
    let mut viewer = viewer(CLIPBOARD);
    viewer.menu("Ca");
    let marked = Event::Offered {
        selection: Selection::Primary,
        kinds: vec![ContentKind::Text],
        serial: None,
    };
    assert_eq!(agent(&mut viewer, marked), []);
    assert!(!status(&mut viewer).contains("copied"));
}

#[test]
fn a_clipboard_cannot_smuggle_keys_into_a_shell() {
    let mut viewer = viewer(CLIPBOARD);
    let hostile = b"a\x1b[201~rm\r\x07\x00 \xc2\x9b1m\n\tb";
    let effects = arrives(&mut viewer, ContentKind::Text, hostile);
    assert_eq!(effects, [Effect::Copy("a[201~rm 1m\n\tb".into())]);
}

#[test]
fn text_too_long_for_a_terminal_goes_to_a_file() {
    static LONG: [u8; 75_001] = [b'x'; 75_001];
    let mut viewer = viewer(CLIPBOARD);
    let effects = arrives(&mut viewer, ContentKind::Text, &LONG);
    assert_eq!(
        effects,
        [Effect::Save {
            stem: "capsaicin-clipboard",
            extension: "txt",
            content: Bytes::from_static(&LONG),
        }]
    );
}

#[test]
fn a_picture_goes_to_a_file_as_png_if_it_can_be_had_so() {
    let mut viewer = viewer(CLIPBOARD);
    copied_in_guest(&mut viewer, &[ContentKind::Bmp, ContentKind::Png]);
    assert!(status(&mut viewer).contains("a picture was copied in the guest"));
    assert_eq!(orders(&viewer.menu("Cs")), [fetch(ContentKind::Png)]);

    let effects = arrives(&mut viewer, ContentKind::Png, b"\x89PNG");
    assert_eq!(
        effects,
        [Effect::Save {
            stem: "capsaicin-clipboard",
            extension: "png",
            content: Bytes::from_static(b"\x89PNG"),
        }]
    );
    viewer.act(Action::Saved(Ok("capsaicin-clipboard.png".into())));
    assert!(status(&mut viewer).contains("saved as capsaicin-clipboard.png"));
    viewer.act(Action::Saved(Err("no space left".into())));
    assert!(status(&mut viewer).contains("cannot save: no space left"));
}

#[test]
fn a_clipboard_that_does_not_come_says_why() {
    let mut viewer = viewer(CLIPBOARD);
    agent(
        &mut viewer,
        Event::Content {
            selection: Selection::Clipboard,
            kind: ContentKind::Text,
            content: Err(FetchError::Timeout),
        },
    );
    assert!(
        status(&mut viewer)
            .contains("the guest's clipboard: the guest did not hand it over in time")
    );
}

// --- to the guest

fn paste(viewer: &mut Viewer, text: &str) -> Vec<Effect> {
    viewer.act(Action::Paste(text.into()))
}

#[test]
fn a_paste_that_was_announced_goes_to_the_guests_clipboard() {
    let mut viewer = viewer(CLIPBOARD);
    viewer.menu("v");
    assert!(status(&mut viewer).contains("paste now"));

    let effects = paste(&mut viewer, "one\rtwo\r\nthree");
    assert_eq!(
        orders(&effects),
        [Order::Offer {
            selection: Selection::Clipboard,
            kinds: vec![ContentKind::Text],
        }]
    );

    let asked = |viewer: &mut Viewer, selection, kind| {
        orders(&agent(viewer, Event::Requested { selection, kind }))
    };
    let answer = |selection, kind, content: Option<&'static str>| Order::Answer {
        selection,
        kind,
        content: content.map(Bytes::from),
    };
    let (here, text) = (Selection::Clipboard, ContentKind::Text);
    assert_eq!(
        asked(&mut viewer, here, text),
        [answer(here, text, Some("one\ntwo\nthree"))]
    );
    assert_eq!(
        asked(&mut viewer, here, ContentKind::Png),
        [answer(here, ContentKind::Png, None)]
    );
    assert_eq!(
        asked(&mut viewer, Selection::Primary, text),
        [answer(Selection::Primary, text, None)]
    );

    copied_in_guest(&mut viewer, &[ContentKind::Text]);
    assert_eq!(
        asked(&mut viewer, here, text),
        [answer(here, text, None)],
        "the guest has its own now"
    );
}

#[test]
fn only_the_next_paste_is_for_the_clipboard() {
    let mut viewer = viewer(CLIPBOARD);
    viewer.menu("v");
    paste(&mut viewer, "first");
    assert_eq!(orders(&paste(&mut viewer, "second")), []);
}

#[test]
fn a_paste_out_of_the_blue_asks_and_the_clipboard_is_one_answer() {
    let mut able = viewer(CLIPBOARD);
    assert_eq!(paste(&mut able, "text"), []);
    assert!(
        able.text()
            .join("\n")
            .contains("put it into the guest's clipboard")
    );
    let effects = able.act(Action::Menu(MenuKey::Char('v')));
    assert!(matches!(orders(&effects)[..], [Order::Offer { .. }]));

    let mut unable = viewer(Abilities::empty());
    paste(&mut unable, "text");
    assert!(!unable.text().join("\n").contains("clipboard"));
}

#[test]
fn what_the_agent_cannot_do_is_said_in_words() {
    let mut without = viewer(Abilities::empty());
    assert_eq!(without.menu("v"), []);
    assert!(status(&mut without).contains("cannot paste: the guest agent shares no clipboard"));

    let mut absent = viewer(CLIPBOARD);
    agent(&mut absent, Event::State(State::Absent));
    assert_eq!(absent.menu("v"), []);
    assert!(
        status(&mut absent)
            .contains("cannot paste: the guest has no agent (spice-vdagent does not run")
    );
    assert_eq!(absent.menu("g"), []);
    assert!(status(&mut absent).contains("cannot resize: the guest has no agent"));
}

// --- sizes

fn monitors(sizes: &[(u8, u32, u32)]) -> Order {
    let size = |&(display, width, height): &(u8, u32, u32)| MonitorSize {
        display,
        size: Size::new(width, height),
    };
    Order::Monitors(sizes.iter().map(size).collect())
}

#[test]
fn the_guest_is_made_as_large_as_the_room_for_its_picture() {
    let mut viewer = viewer(Abilities::MONITORS_CONFIG);
    // 100 columns of 8 and, above the status line, 30 rows of 16.
    assert_eq!(orders(&viewer.menu("g")), [monitors(&[(0, 800, 480)])]);
    assert!(status(&mut viewer).contains("the guest is asked for 800 by 480 pixels"));

    agent(&mut viewer, Event::Monitors { accepted: false });
    assert!(status(&mut viewer).contains("the guest cannot have that size"));
}

#[test]
fn other_monitors_keep_their_sizes() {
    let mut viewer = viewer(Abilities::MONITORS_CONFIG);
    viewer.screen_of(1, 1024, 768);
    assert_eq!(
        orders(&viewer.menu("g")),
        [monitors(&[(0, 800, 480), (1, 1024, 768)])]
    );
}

fn resized(viewer: &mut Viewer, columns: u16, rows: u16) -> Vec<Order> {
    orders(&viewer.act(Action::Resized {
        columns,
        rows,
        cell_aspect: 0.5,
    }))
}

#[test]
fn a_guest_that_follows_has_the_size_of_every_new_window_and_of_every_new_agent() {
    let mut viewer = viewer(Abilities::MONITORS_CONFIG);
    assert_eq!(resized(&mut viewer, 110, 31), []);
    assert_eq!(orders(&viewer.menu("G")), [monitors(&[(0, 880, 480)])]);
    assert_eq!(resized(&mut viewer, 121, 41), [monitors(&[(0, 968, 640)])]);

    agent(&mut viewer, Event::State(State::Absent));
    let ready = Event::State(State::Ready(Abilities::MONITORS_CONFIG));
    let effects = agent(&mut viewer, ready);
    assert_eq!(orders(&effects), [monitors(&[(0, 968, 640)])]);

    assert_eq!(orders(&viewer.menu("G")), []);
    assert_eq!(resized(&mut viewer, 100, 31), []);
}

#[test]
fn a_tiny_window_asks_for_a_screen_that_can_be_used() {
    let mut viewer = viewer(Abilities::MONITORS_CONFIG);
    resized(&mut viewer, 20, 5);
    assert_eq!(orders(&viewer.menu("g")), [monitors(&[(0, 320, 200)])]);
}

// --- the pane

#[test]
fn the_pane_says_what_the_agent_can_do_and_why_not() {
    let mut viewer = viewer(CLIPBOARD | Abilities::FILE_XFER_DISABLED);
    copied_in_guest(&mut viewer, &[ContentKind::Text, ContentKind::Png]);
    viewer.menu("ia");
    let text = viewer.text().join("\n");
    for line in [
        " agent     ready",
        " clipboard yes",
        " files     no: file transfer is turned off, by the guest or by the server",
        " resizing  by the server, if its graphics can",
        " copied    text, PNG in the guest",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }

    agent(&mut viewer, Event::State(State::Absent));
    let text = viewer.text().join("\n");
    assert!(text.contains(" agent     none"), "{text}");
    assert!(
        text.contains("spice-vdagent running in the guest"),
        "{text}"
    );
    assert!(text.contains(" copied    nothing in the guest"), "{text}");
}
