//! Clipboards in both directions.

use capsaicin::channel::main::agent::{ContentKind, FetchError, Order, Selection, Unusable};

use super::*;

const CLIPBOARD: Selection = Selection::Clipboard;
const PRIMARY: Selection = Selection::Primary;
const TEXT: ContentKind = ContentKind::Text;
const PNG: ContentKind = ContentKind::Png;

fn offer(selection: Selection, kinds: &[ContentKind]) -> Order {
    let kinds = kinds.to_vec();
    Order::Offer { selection, kinds }
}

fn fetch(selection: Selection, kind: ContentKind) -> Order {
    Order::Fetch { selection, kind }
}

fn answer(kind: ContentKind, text: &'static str) -> Order {
    Order::Answer {
        selection: CLIPBOARD,
        kind,
        content: Some(Bytes::from_static(text.as_bytes())),
    }
}

fn offered(selection: Selection, kinds: &[ContentKind], serial: Option<u32>) -> Event {
    let kinds = kinds.to_vec();
    Event::Offered {
        selection,
        kinds,
        serial,
    }
}

fn content(
    selection: Selection,
    kind: ContentKind,
    content: Result<&'static str, FetchError>,
) -> Event {
    let content = content.map(|text| Bytes::from_static(text.as_bytes()));
    Event::Content {
        selection,
        kind,
        content,
    }
}

/// A guest with these abilities that offers text and a picture, of which the client fetches text.
fn asked_for_text(abilities: u32) -> Guest {
    let mut guest = Guest::with(BY_DEMAND | abilities);
    guest.says(7, &hex("01000000 02000000"));
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(guest.sent(), [(8, hex("01000000"))]);
    guest.events();
    guest
}

#[test]
fn a_copy_in_the_guest_is_told_with_its_selection_kinds_and_serial() {
    let mut guest = Guest::with(VDAGENT);

    guest.says(
        7,
        &hex("01000000 00000000 01000000 02000000 01000000 63000000"),
    );

    let kinds = [TEXT, PNG, ContentKind::Other(99)];
    assert_eq!(guest.events(), [offered(PRIMARY, &kinds, Some(0))]);
}

#[test]
fn an_agent_without_selections_and_serials_sends_bare_kinds() {
    let mut guest = Guest::with(BY_DEMAND);
    guest.says(7, &hex("01000000"));
    assert_eq!(guest.events(), [offered(CLIPBOARD, &[TEXT], None)]);
}

#[test]
fn what_the_guest_offers_is_asked_for_and_comes() {
    let mut guest = Guest::with(VDAGENT);
    guest.says(7, &hex("01000000 00000000 01000000"));
    guest.events();

    guest.order(fetch(PRIMARY, TEXT));
    assert_eq!(guest.sent(), [(8, hex("01000000 01000000"))]);
    guest.says(
        4,
        &[&hex("01000000 01000000")[..], "päste".as_bytes()].concat(),
    );

    assert_eq!(guest.events(), [content(PRIMARY, TEXT, Ok("päste"))]);
}

#[test]
fn text_loses_its_nul_and_gets_the_lines_of_this_side() {
    let mut guest = asked_for_text(CRLF);
    guest.says(
        4,
        &[&hex("01000000")[..], b"one\r\ntwo\rthree\n\0"].concat(),
    );
    assert_eq!(
        guest.events(),
        [content(CLIPBOARD, TEXT, Ok("one\ntwo\rthree\n"))]
    );

    let mut guest = asked_for_text(0);
    guest.says(4, &[&hex("01000000")[..], b"one\r\n\0\0"].concat());
    assert_eq!(guest.events(), [content(CLIPBOARD, TEXT, Ok("one\r\n\0"))]);
}

#[test]
fn pictures_are_bytes_as_they_come() {
    let mut guest = Guest::with(BY_DEMAND | CRLF);
    guest.says(7, &hex("02000000"));
    guest.order(fetch(CLIPBOARD, PNG));
    guest.events();
    guest.says(4, &[&hex("02000000")[..], b"\x89PNG\r\n\x1a\n\0"].concat());
    let bytes = Bytes::from_static(b"\x89PNG\r\n\x1a\n\0");
    let (selection, kind, content) = (CLIPBOARD, PNG, Ok(bytes));
    assert_eq!(
        guest.events(),
        [Event::Content {
            selection,
            kind,
            content
        }]
    );
}

#[test]
fn a_fetch_that_comes_to_nothing_says_why() {
    let failed = |why| [content(CLIPBOARD, TEXT, Err(why))];

    let mut guest = Guest::with(BY_DEMAND);
    guest.says(7, &hex("02000000"));
    guest.events();
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(guest.events(), failed(FetchError::NotOffered), "a picture");

    let mut guest = Guest::with(BY_DEMAND);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(guest.events(), failed(FetchError::NotOffered), "our own");

    let mut guest = Guest::absent();
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(
        guest.events(),
        failed(FetchError::Unusable(Unusable::Absent))
    );

    let mut guest = Guest::with(0);
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(
        guest.events(),
        failed(FetchError::Unusable(Unusable::NoClipboard))
    );

    let mut guest = asked_for_text(0);
    guest.says(4, &hex("00000000"));
    assert_eq!(guest.events(), failed(FetchError::Empty), "NONE");

    let mut guest = asked_for_text(0);
    guest.says(4, &hex("01000000"));
    assert_eq!(guest.events(), failed(FetchError::Empty), "no data");

    let mut guest = asked_for_text(0);
    guest.says(4, &hex("01000000 fffe41"));
    assert_eq!(guest.events(), failed(FetchError::NotText));

    let mut guest = asked_for_text(0);
    guest.says(7, &hex("01000000"));
    assert_eq!(
        guest.events()[0],
        failed(FetchError::Withdrawn)[0],
        "another grab"
    );

    let mut guest = asked_for_text(0);
    guest.says(9, &[]);
    assert_eq!(guest.events(), failed(FetchError::Withdrawn), "a release");

    let mut guest = asked_for_text(0);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    assert_eq!(
        guest.events(),
        failed(FetchError::Withdrawn),
        "the client's own grab"
    );

    let mut guest = asked_for_text(0);
    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    assert_eq!(guest.events()[0], failed(FetchError::AgentGone)[0]);

    let mut guest = asked_for_text(0);
    guest.order(fetch(CLIPBOARD, PNG));
    assert_eq!(guest.events(), failed(FetchError::Replaced));
}

#[test]
fn what_was_copied_before_anybody_was_there_can_be_asked_for() {
    let mut guest = Guest::with(VDAGENT);

    guest.order(fetch(PRIMARY, TEXT));

    assert_eq!(guest.sent(), [(8, hex("01000000 01000000"))]);
    guest.says(4, &[&hex("01000000 01000000")[..], b"old"].concat());
    assert_eq!(guest.events(), [content(PRIMARY, TEXT, Ok("old"))]);

    // Nothing is what an agent says that has nothing.
    guest.order(fetch(CLIPBOARD, TEXT));
    guest.says(4, &hex("00000000 00000000"));
    let nothing = content(CLIPBOARD, TEXT, Err(FetchError::Empty));
    assert_eq!(guest.events(), [nothing]);
}

#[test]
fn a_fetch_ends_ten_seconds_after_anything_last_came() {
    let mut guest = asked_for_text(0);
    guest.at_ms(9_000);
    let start = [
        &hex("01000000 04000000 0000000000000000 08000000 01000000")[..],
        b"ab",
    ]
    .concat();
    guest.server(AGENT_DATA, start);
    guest.at_ms(18_999);
    assert_eq!(guest.events(), []);
    guest.at_ms(19_000);
    assert_eq!(
        guest.events(),
        [content(CLIPBOARD, TEXT, Err(FetchError::Timeout))]
    );
}

#[test]
fn content_over_the_limit_is_refused_before_it_is_kept() {
    let mut guest = asked_for_text(0);

    // 100 MiB, 8 bytes of fields, and one.
    guest.server(
        AGENT_DATA,
        hex("01000000 04000000 0000000000000000 09004006"),
    );

    let too_large = FetchError::TooLarge {
        bytes: 0x0640_0009,
        limit: 100 << 20,
    };
    assert_eq!(guest.events(), [content(CLIPBOARD, TEXT, Err(too_large))]);
    assert!(guest.viewer.session.memory().agent < 1 << 20);
}

#[test]
fn memory_is_taken_as_bytes_come_and_not_as_they_are_announced() {
    let mut guest = asked_for_text(0);
    guest.server(
        AGENT_DATA,
        hex("01000000 04000000 0000000000000000 00000006"),
    );
    guest.server(AGENT_DATA, vec![1; 2048]);
    assert!(guest.viewer.session.memory().agent <= 65536);
}

#[test]
fn content_nobody_asked_for_is_dropped() {
    let mut guest = Guest::with(BY_DEMAND);
    guest.says(7, &hex("01000000"));
    guest.events();
    guest.says(4, &[&hex("01000000")[..], b"surprise"].concat());
    assert_eq!(guest.events(), []);

    let mut guest = asked_for_text(0);
    guest.says(4, &[&hex("02000000")[..], b"a picture"].concat());
    assert_eq!(guest.events(), [], "nor what was not asked for");
}

#[test]
fn an_offer_is_a_grab_with_the_serial_of_its_selection() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.order(offer(CLIPBOARD, &[TEXT, PNG, PNG]));
    guest.order(offer(PRIMARY, &[TEXT]));
    let grabs = [
        (7, hex("00000000 00000000 01000000")),
        (7, hex("00000000 01000000 01000000 02000000")),
        (7, hex("01000000 00000000 01000000")),
    ];
    assert_eq!(guest.sent(), grabs);

    guest.order(Order::Release { selection: PRIMARY });
    assert_eq!(guest.sent(), [(9, hex("01000000"))]);
}

#[test]
fn an_offer_without_selections_is_of_the_clipboard_only() {
    let mut guest = Guest::with(BY_DEMAND);
    guest.order(offer(PRIMARY, &[TEXT]));
    assert_eq!(guest.sent(), []);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    assert_eq!(guest.sent(), [(7, hex("01000000"))]);
}

#[test]
fn an_offer_that_was_made_before_the_agent_came_is_made_when_it_comes_and_again_when_it_comes_back()
{
    let mut guest = Guest::absent();
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.sent();
    guest.announce(BY_DEMAND | SELECTION | SERIAL);
    let grab = (7, hex("00000000 00000000 01000000"));
    assert_eq!(guest.sent(), std::slice::from_ref(&grab));
    guest.announce(BY_DEMAND | SELECTION | SERIAL);
    assert_eq!(guest.sent(), [], "said once");

    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    guest.server(AGENT_CONNECTED, vec![]);
    guest.sent();
    guest.announce(BY_DEMAND | SELECTION | SERIAL);
    assert_eq!(guest.sent(), [grab], "serials begin anew");
}

#[test]
fn of_grabs_that_cross_the_clients_wins() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.says(7, &hex("00000000 00000000 02000000"));
    assert_eq!(guest.events(), [], "the guest's had number 0 too");
    guest.says(8, &hex("00000000 01000000"));
    assert_eq!(guest.events().len(), 1, "the client's offer stands");

    guest.says(7, &hex("00000000 01000000 02000000"));
    assert_eq!(guest.events(), [offered(CLIPBOARD, &[PNG], Some(1))]);
    guest.says(8, &hex("00000000 01000000"));
    let none = (4, hex("00000000 00000000"));
    assert_eq!(
        guest.sent().last(),
        Some(&none),
        "the client's offer is over"
    );
}

#[test]
fn what_the_guest_asks_for_is_answered_once_for_each_request() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.sent();
    guest.says(8, &hex("00000000 01000000"));
    guest.says(8, &hex("00000000 01000000"));
    let (selection, kind) = (CLIPBOARD, TEXT);
    assert_eq!(guest.events(), [Event::Requested { selection, kind }]);

    guest.order(answer(TEXT, "a\nb"));

    let said = (4, [&hex("00000000 01000000")[..], b"a\nb"].concat());
    assert_eq!(guest.sent(), [said.clone(), said]);
    guest.order(answer(TEXT, "again"));
    assert_eq!(guest.sent(), [], "nobody asks any more");
}

#[test]
fn what_is_not_offered_or_cannot_be_had_is_answered_with_nothing() {
    let nothing = [(4, hex("00000000 00000000"))];
    let mut guest = Guest::with(VDAGENT);
    guest.says(8, &hex("00000000 01000000"));
    assert_eq!(guest.sent(), nothing, "nothing is offered");

    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.sent();
    guest.says(8, &hex("00000000 01000000"));
    guest.order(Order::Answer {
        selection: CLIPBOARD,
        kind: TEXT,
        content: None,
    });
    assert_eq!(guest.sent(), nothing);

    guest.says(8, &hex("00000000 01000000"));
    guest.order(Order::Answer {
        selection: CLIPBOARD,
        kind: TEXT,
        content: Some(Bytes::from_static(b"\xff\xfe")),
    });
    assert_eq!(guest.sent(), nothing, "text that is none");

    guest.says(8, &hex("00000000 01000000"));
    guest.order(Order::Answer {
        selection: CLIPBOARD,
        kind: TEXT,
        content: Some(Bytes::from(vec![b'a'; (100 << 20) + 1])),
    });
    assert_eq!(guest.sent(), nothing, "what is too large");
}

#[test]
fn text_for_a_guest_with_crlf_gets_its_lines() {
    let mut guest = Guest::with(BY_DEMAND | CRLF);
    guest.order(offer(CLIPBOARD, &[TEXT]));
    guest.sent();
    guest.says(8, &hex("01000000"));
    guest.order(answer(TEXT, "a\nb\r\nc\rd\n"));
    let text = [&hex("01000000")[..], b"a\r\nb\r\nc\rd\r\n"].concat();
    assert_eq!(guest.sent(), [(4, text)]);
}

#[test]
fn a_release_counts_at_once_where_no_grab_can_follow_it() {
    let mut guest = Guest::with(BY_DEMAND | NO_RELEASE);
    guest.says(7, &hex("01000000"));
    guest.events();
    guest.says(9, &[]);
    assert_eq!(
        guest.events(),
        [Event::Released {
            selection: CLIPBOARD
        }]
    );
}

#[test]
fn elsewhere_a_release_counts_half_a_second_later_unless_a_grab_follows() {
    let mut guest = Guest::with(BY_DEMAND);
    guest.says(7, &hex("01000000"));
    guest.events();
    guest.says(9, &[]);
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(
        guest.events(),
        [content(CLIPBOARD, TEXT, Err(FetchError::NotOffered))]
    );
    guest.at_ms(499);
    assert_eq!(guest.events(), []);
    guest.at_ms(500);
    assert_eq!(
        guest.events(),
        [Event::Released {
            selection: CLIPBOARD
        }]
    );

    guest.says(7, &hex("01000000"));
    guest.says(9, &[]);
    guest.says(7, &hex("02000000"));
    guest.events();
    guest.at_ms(2000);
    assert_eq!(guest.events(), []);
}

#[test]
fn with_the_agent_goes_what_it_offered() {
    let mut guest = Guest::with(VDAGENT);
    guest.says(7, &hex("01000000 00000000 01000000"));
    guest.events();
    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    assert_eq!(guest.events()[0], Event::Released { selection: PRIMARY });
}

#[test]
fn who_may_only_look_offers_nothing_and_may_ask() {
    let config = SessionConfig {
        view_only: true,
        ..SessionConfig::default()
    };
    let mut guest = Guest {
        viewer: Viewer::linked(config),
    };
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.announce(BY_DEMAND);
    guest.says(7, &hex("01000000"));
    guest.sent();
    guest.order(offer(CLIPBOARD, &[TEXT]));
    assert_eq!(guest.sent(), []);
    guest.order(fetch(CLIPBOARD, TEXT));
    assert_eq!(guest.sent(), [(8, hex("01000000"))]);
}
