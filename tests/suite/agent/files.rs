//! Sending files.

use capsaicin::channel::main::agent::{Cancel, FileEnd, FileEvent, FileId, Order, Unusable};

use super::*;

const ID: FileId = FileId(5);

fn send(id: FileId, name: &str, size: u64) -> Order {
    let name = name.to_owned();
    Order::SendFile { id, name, size }
}

fn bytes(id: FileId, len: usize) -> Order {
    let data = Bytes::from(vec![0xab; len]);
    Order::FileBytes { id, data }
}

fn status(id: u32, result: u32) -> Vec<u8> {
    [id.to_le_bytes(), result.to_le_bytes()].concat()
}

fn wants(most: usize) -> Event {
    Event::File(ID, FileEvent::Wants { most })
}

fn sent(bytes: u64) -> Event {
    Event::File(ID, FileEvent::Sent { bytes })
}

fn ended(end: FileEnd) -> Event {
    Event::File(ID, FileEvent::Ended(end))
}

/// A guest that was told of file 5, of so many bytes.
fn told_of(size: u64, abilities: u32) -> Guest {
    let mut guest = Guest::with(abilities);
    guest.order(send(ID, "a", size));
    guest.sent();
    guest
}

/// How file 5 ends with this status and detail.
fn end_with(result: u32, detail: &[u8]) -> Event {
    let mut guest = told_of(100, DETAILED);
    guest.says(11, &[&status(5, result)[..], detail].concat());
    guest.events().remove(0)
}

#[test]
fn a_file_is_announced_with_its_name_and_size() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(send(ID, "/home/me/täx 1.txt", 70_000));
    let metadata = "[vdagent-file-xfer]\nname=täx 1.txt\nsize=70000\n\0";
    let start = [&hex("05000000")[..], metadata.as_bytes()].concat();
    assert_eq!(guest.sent(), [(10, start)]);
    assert_eq!(guest.events(), []);
}

#[test]
fn a_name_is_escaped_as_key_files_have_it() {
    let mut guest = Guest::with(VDAGENT);
    guest.order(send(ID, "  a b\tc\nd\re\\f", 1));
    let payload = guest.sent().remove(0).1;
    let text = String::from_utf8(payload[4..].to_vec()).expect("text");
    assert_eq!(text.lines().nth(1), Some(r"name=\s\sa b\tc\nd\re\\f"));
}

#[test]
fn what_names_no_file_is_refused() {
    let long = "x".repeat(256);
    for name in ["", ".", "..", "a/", "a\0b", &long] {
        let mut guest = Guest::with(VDAGENT);
        guest.order(send(ID, name, 1));
        assert_eq!(guest.events(), [ended(FileEnd::BadName)], "{name:?}");
        assert_eq!(guest.sent(), []);
    }
}

#[test]
fn contents_are_asked_for_in_pieces_of_64_kib_when_the_guest_wants_them() {
    let mut guest = told_of(65536 + 10, VDAGENT);
    guest.says(11, &status(5, 0));
    assert_eq!(guest.events(), [wants(65536)]);

    guest.order(bytes(ID, 65536));
    assert_eq!(guest.events(), [wants(10), sent(65536)]);
    guest.order(bytes(ID, 10));
    assert_eq!(guest.events(), [sent(65546)]);

    let messages = guest.sent();
    assert_eq!(messages[0].1[..12], hex("05000000 0000010000000000"));
    assert_eq!((messages[0].0, messages[0].1.len()), (12, 12 + 65536));
    let last = [&hex("05000000 0a00000000000000")[..], &[0xab; 10]].concat();
    assert_eq!(messages[1], (12, last));
    assert_eq!(messages.len(), 2, "and nothing empty behind them");

    guest.says(11, &status(5, 3));
    assert_eq!(guest.events(), [ended(FileEnd::Done)]);
}

#[test]
fn an_empty_file_is_one_empty_piece() {
    let mut guest = told_of(0, VDAGENT);
    guest.says(11, &status(5, 0));
    assert_eq!(guest.sent(), [(12, hex("05000000 0000000000000000"))]);
    guest.says(11, &status(5, 3));
    assert_eq!(guest.events().last(), Some(&ended(FileEnd::Done)));
}

#[test]
fn no_more_is_asked_for_than_there_is_credit_to_send() {
    let mut guest = told_of(1 << 30, VDAGENT);
    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    guest.events();
    guest.server(AGENT_CONNECTED_TOKENS, hex("04000000"));
    guest.announce(BY_DEMAND);
    guest.order(send(ID, "a", 1 << 30));
    guest.says(11, &status(5, 0));
    assert_eq!(guest.events().last(), Some(&wants(65536)));
    guest.order(bytes(ID, 65536));
    assert_eq!(
        guest.events(),
        [wants(65536)],
        "one ahead of the one that is being sent"
    );
    guest.order(bytes(ID, 65536));
    assert_eq!(guest.events(), []);
    let backlog = guest.viewer.session.stats(Duration::ZERO).tunnel.backlog;
    assert!(backlog < 140_000, "{backlog}");

    guest.server(AGENT_TOKEN, hex("00010000"));
    assert!(guest.events().contains(&wants(65536)));
}

#[test]
fn several_files_take_turns() {
    let mut guest = Guest::absent();
    guest.server(AGENT_CONNECTED_TOKENS, hex("03000000"));
    guest.announce(BY_DEMAND);
    let other = FileId(6);
    for id in [ID, other] {
        guest.order(send(id, "a", 200_000));
    }
    for id in [ID, other] {
        guest.says(11, &status(id.0, 0));
        guest.order(bytes(id, 65536));
    }
    let begun = guest.sent_frames();
    assert_eq!(
        begun.len(),
        4,
        "AGENT_START, an announcement, two files: no credit is left"
    );

    guest.server(AGENT_TOKEN, hex("01000000"));
    guest.order(bytes(ID, 65536));
    guest.server(AGENT_TOKEN, hex("00010000"));

    let pieces: Vec<u32> = guest.sent().iter().map(|m| u32_at(&m.1, 0)).collect();
    assert_eq!(pieces, [5, 6, 5]);
}

#[test]
fn a_file_that_is_cancelled_is_told_to_the_guest_and_late_words_about_it_are_nothing() {
    let mut guest = told_of(100_000, VDAGENT);
    guest.says(11, &status(5, 0));
    guest.events();
    let (id, why) = (ID, Cancel::Requested);
    guest.order(Order::CancelFile { id, why });
    assert_eq!(guest.sent(), [(11, status(5, 1))]);
    assert_eq!(guest.events(), [ended(FileEnd::Cancelled)]);
    guest.says(11, &status(5, 2));
    guest.order(bytes(ID, 10));
    assert_eq!((guest.events(), guest.sent()), (vec![], vec![]));
}

#[test]
fn a_file_that_cannot_be_read_or_is_shorter_than_promised_ends_in_error() {
    let mut guest = told_of(100_000, VDAGENT);
    let (id, why) = (ID, Cancel::Unreadable);
    guest.order(Order::CancelFile { id, why });
    assert_eq!(guest.sent(), [(11, status(5, 2))]);
    assert_eq!(guest.events(), [ended(FileEnd::Unreadable)]);

    let mut guest = told_of(100_000, VDAGENT);
    guest.says(11, &status(5, 0));
    guest.order(bytes(ID, 0));
    assert_eq!(guest.sent(), [(11, status(5, 2))]);
}

#[test]
fn bytes_beyond_what_was_asked_for_are_left_out() {
    let mut guest = told_of(10, VDAGENT);
    guest.order(bytes(ID, 10));
    assert_eq!(guest.sent(), [], "the guest has not asked");
    guest.says(11, &status(5, 0));
    guest.order(bytes(ID, 500));
    assert_eq!(guest.sent()[0].1.len(), 12 + 10);
    guest.order(bytes(ID, 500));
    assert_eq!(guest.sent(), []);
}

#[test]
fn how_a_file_ends_is_said_in_words() {
    let text = |event| match event {
        Event::File(_, FileEvent::Ended(end)) => end.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(end_with(1, &[])), "the guest cancelled it");
    assert_eq!(text(end_with(2, &[])), "the guest cannot write it");
    assert_eq!(
        text(end_with(2, &hex("00 0a000000"))),
        "the guest refuses its name"
    );
    assert_eq!(
        text(end_with(2, &hex("00 0e000000"))),
        "the guest cannot write it (error 14)"
    );
    let space = "not enough free space in the guest (16 bytes free, 100 needed)";
    assert_eq!(text(end_with(4, &hex("1000000000000000"))), space);
    assert_eq!(
        text(end_with(4, &hex("10"))),
        "not enough free space in the guest"
    );
    assert_eq!(text(end_with(5, &[])), "the guest session is locked");
    assert_eq!(
        text(end_with(6, &[])),
        "no user session agent runs in the guest"
    );
    assert_eq!(text(end_with(7, &[])), "file transfer is disabled");
    assert_eq!(text(end_with(99, &[])), "the guest ended it with status 99");
    assert_eq!(
        text(end_with(3, &[])),
        "the guest cannot write it",
        "it cannot have it yet"
    );
}

#[test]
fn a_file_is_not_begun_where_none_can_be_sent() {
    let mut guest = Guest::absent();
    guest.order(send(ID, "a", 1));
    assert_eq!(guest.events(), [ended(FileEnd::Unusable(Unusable::Absent))]);

    let mut guest = Guest::with(VDAGENT | NO_FILES);
    guest.order(send(ID, "a", 1));
    assert_eq!(
        guest.events(),
        [ended(FileEnd::Unusable(Unusable::FilesDisabled))]
    );
    assert_eq!(guest.sent(), []);
}

#[test]
fn an_agent_that_goes_ends_every_file() {
    let mut guest = told_of(100_000, VDAGENT);
    guest.order(send(FileId(6), "b", 1));
    guest.server(AGENT_DISCONNECTED, hex("00000000"));
    let events = guest.events();
    assert_eq!(events[0], ended(FileEnd::AgentGone));
    let other = Event::File(FileId(6), FileEvent::Ended(FileEnd::AgentGone));
    assert_eq!(events[1], other);
}

#[test]
fn numbers_are_used_once_and_files_have_a_most() {
    let mut guest = told_of(10, VDAGENT);
    guest.order(send(ID, "b", 10));
    guest.order(send(FileId(0), "b", 10));
    assert_eq!(guest.sent(), []);
    assert_eq!(guest.viewer.notices().len(), 2);
    for id in 100..163 {
        guest.order(send(FileId(id), "b", 10));
    }
    assert_eq!(guest.events(), []);
    guest.order(send(FileId(200), "b", 10));
    let too_many = Event::File(FileId(200), FileEvent::Ended(FileEnd::TooMany));
    assert_eq!(guest.events(), [too_many]);
}
