//! The tunnel through the main channel: credit, order, splitting.

use capsaicin::channel::main::agent::{
    ContentKind, FileEvent, FileId, MonitorSize, Order, Selection, State,
};
use capsaicin::geometry::Size;

use super::*;

const CLIPBOARD: Selection = Selection::Clipboard;

fn answer(len: usize) -> Order {
    Order::Answer {
        selection: CLIPBOARD,
        kind: ContentKind::Png,
        content: Some(Bytes::from(vec![7; len])),
    }
}

/// An agent that asks for a picture the client offers, at a server that takes `tokens` more messages.
fn asks_for_picture(tokens: u32) -> Guest {
    let mut guest = Guest::with(VDAGENT);
    guest.order(Order::Offer {
        selection: CLIPBOARD,
        kinds: vec![ContentKind::Png],
    });
    guest.server(AGENT_CONNECTED_TOKENS, (tokens + 2).to_le_bytes().to_vec());
    guest.announce(VDAGENT & !0x0c10);
    guest.says(8, &hex("00000000 02000000"));
    let before = guest.viewer.session.stats(Duration::ZERO).tunnel.tokens;
    assert_eq!(before, tokens, "what an announcement and a grab left");
    guest.sent();
    guest.events();
    guest
}

#[test]
fn no_more_bodies_are_sent_than_there_is_credit_for() {
    let mut guest = asks_for_picture(10);

    // 20 bytes of header, 8 of fields: 2020 bytes of content in the first body, 2048 in others.
    guest.order(answer(2020 + 11 * 2048 + 1));

    let lengths = |guest: &mut Guest| -> Vec<usize> {
        let frames = guest.sent_frames().into_iter();
        frames.map(|(_, body)| body.len()).collect()
    };
    assert_eq!(lengths(&mut guest), [2048; 10]);
    let tunnel = guest.viewer.session.stats(Duration::ZERO).tunnel;
    assert_eq!((tunnel.tokens, tunnel.backlog), (0, 2 * 2048 + 1));

    guest.server(AGENT_TOKEN, hex("01000000"));
    assert_eq!(lengths(&mut guest), [2048]);
    assert_eq!(guest.events(), []);
    guest.server(AGENT_TOKEN, hex("02000000"));
    assert_eq!(lengths(&mut guest), [2048, 1]);
}

#[test]
fn an_answer_has_arrived_when_the_server_has_given_back_its_credit_but_for_four_bodies() {
    let mut guest = asks_for_picture(10);
    let (selection, kind) = (CLIPBOARD, ContentKind::Png);

    // Six bodies behind those of an announcement and a grab.
    guest.order(answer(2020 + 5 * 2048));
    guest.server(AGENT_TOKEN, hex("03000000"));
    assert_eq!(guest.events(), []);
    guest.server(AGENT_TOKEN, hex("01000000"));

    let bytes = 12_260;
    assert_eq!(
        guest.events(),
        [Event::Answered {
            selection,
            kind,
            bytes
        }]
    );
}

#[test]
fn credit_is_added_by_tokens_and_set_by_an_agent_that_connects() {
    let mut guest = Guest::absent();
    let tokens = |guest: &Guest| guest.viewer.session.stats(Duration::ZERO).tunnel.tokens;
    guest.server(AGENT_CONNECTED_TOKENS, hex("05000000"));
    assert_eq!(tokens(&guest), 4, "an announcement was sent");
    guest.server(AGENT_TOKEN, hex("ffffffff"));
    assert_eq!(tokens(&guest), u32::MAX, "it does not wrap");
    guest.server(AGENT_CONNECTED_TOKENS, hex("03000000"));
    assert_eq!(tokens(&guest), 2);
    guest.server(AGENT_CONNECTED, vec![]);
    assert_eq!(tokens(&guest), 1, "one without a number leaves it");
}

#[test]
fn what_waits_for_an_agent_that_went_is_forgotten() {
    let mut guest = asks_for_picture(1);
    guest.order(answer(100_000));
    guest.sent_frames();
    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    guest.server(AGENT_CONNECTED_TOKENS, hex("0a000000"));

    let sent = guest.sent_frames();

    assert_eq!(sent[0].0, 106);
    assert_eq!(sent[1].1, message(6, &hex("01000000 77500300")));
    assert_eq!(sent.len(), 2);
}

#[test]
fn everything_goes_ahead_of_the_contents_of_files_but_not_into_the_middle_of_them() {
    let mut guest = Guest::with(VDAGENT | SPARSE);
    let id = FileId(1);
    let name = "f".to_owned();
    guest.order(Order::SendFile {
        id,
        name,
        size: 1 << 20,
    });
    guest.server(AGENT_CONNECTED_TOKENS, hex("00000000"));
    guest.server(AGENT_TOKEN, hex("0a000000"));
    guest.announce(VDAGENT | SPARSE);
    guest.sent();
    let name = "f".to_owned();
    let id = FileId(2);
    guest.order(Order::SendFile {
        id,
        name,
        size: 1 << 20,
    });
    guest.says(11, &hex("02000000 00000000"));
    let data = Bytes::from(vec![1; 65536]);
    guest.order(Order::FileBytes {
        id,
        data: data.clone(),
    });
    guest.order(Order::FileBytes { id, data });
    guest.order(Order::Offer {
        selection: CLIPBOARD,
        kinds: vec![ContentKind::Text],
    });
    guest.server(AGENT_TOKEN, hex("00010000"));

    let kinds: Vec<u32> = guest.sent().iter().map(|m| m.0).collect();

    assert_eq!(
        kinds,
        [10, 12, 7, 12],
        "start, a piece, the grab, the next piece"
    );
    assert!(
        guest
            .events()
            .contains(&Event::File(id, FileEvent::Wants { most: 65536 }))
    );
}

#[test]
fn messages_may_come_in_any_pieces() {
    let grab = message(7, &hex("00000000 00000000 01000000"));
    let release = message(9, &hex("00000000"));
    let stream = [grab, release].concat();
    for cut in 1..stream.len() {
        let mut guest = Guest::with(VDAGENT);
        guest.server(AGENT_DATA, stream[..cut].to_vec());
        guest.server(AGENT_DATA, stream[cut..].to_vec());
        let selection = CLIPBOARD;
        assert_eq!(
            guest.events().last(),
            Some(&Event::Released { selection }),
            "cut at {cut}"
        );
    }
    let mut guest = Guest::with(VDAGENT);
    stream
        .iter()
        .for_each(|byte| guest.server(AGENT_DATA, vec![*byte]));
    assert!(!guest.events().is_empty(), "byte by byte");
}

#[test]
fn unknown_messages_are_ignored() {
    let mut guest = Guest::with(VDAGENT);
    for kind in [0, 1, 2, 5, 10, 12, 13, 14, 15, 16, 17, u32::MAX] {
        guest.says(kind, &[0; 40]);
    }
    assert_eq!(guest.events(), []);
    guest.says(7, &hex("00000000 00000000 01000000"));
    assert_eq!(guest.events().len(), 1);
}

#[test]
fn a_message_that_is_too_short_is_said_and_the_next_one_counts() {
    let mut guest = Guest::with(VDAGENT);
    guest.says(8, &hex("00000000 01"));
    let notices = guest.viewer.notices();
    assert_eq!(
        notices,
        ["main: CLIPBOARD_REQUEST: type at byte 4: needs 4 bytes, 1 left"]
    );
    guest.says(7, &hex("00000000 00000000 01000000"));
    assert_eq!(guest.events().len(), 1);
}

#[test]
fn a_stream_of_another_protocol_is_not_followed_until_the_agent_starts_anew() {
    let mut guest = Guest::with(VDAGENT);
    guest.server(
        AGENT_DATA,
        hex("02000000 06000000 0000000000000000 00000000"),
    );
    assert_eq!(guest.events(), [Event::State(State::Broken)]);
    guest.announce(VDAGENT);
    assert_eq!(guest.events(), []);

    guest.server(AGENT_CONNECTED, vec![]);
    guest.announce(VDAGENT);
    assert!(matches!(
        guest.events()[..],
        [Event::State(State::Ready(_))]
    ));
}

#[test]
fn a_message_that_is_too_long_is_passed_over_without_being_kept() {
    let mut guest = Guest::with(VDAGENT);
    let header = hex("01000000 07000000 0000000000000000 01000100");
    guest.server(AGENT_DATA, header);
    let notices = guest.viewer.notices();
    assert_eq!(
        notices,
        ["main: guest agent: message 7 of 65537 bytes is passed over"]
    );
    for _ in 0..65 {
        guest.server(AGENT_DATA, vec![1; 1000]);
    }
    assert!(guest.viewer.session.memory().agent < 65536);
    guest.server(AGENT_DATA, vec![1; 537]);
    guest.says(7, &hex("00000000 00000000 01000000"));
    assert_eq!(guest.events().len(), 1, "what follows is heard");
}

#[test]
fn an_agent_that_never_reads_makes_nothing_grow_without_end() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(Order::Monitors(vec![MonitorSize {
        display: 0,
        size: Size::new(800, 600),
    }]));
    guest.server(AGENT_CONNECTED_TOKENS, hex("00000000"));
    for _ in 0..10_000 {
        guest.says(6, &hex("01000000 e78d0300"));
        guest.says(8, &hex("00000000 01000000"));
        guest.says(7, &hex("01000000 00000000 01000000"));
    }
    let tunnel = guest.viewer.session.stats(Duration::ZERO).tunnel;
    assert!(tunnel.backlog < 32_768, "{tunnel:?}");
    assert!(guest.events().len() < 20);
}
