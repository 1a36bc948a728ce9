//! What is read from a recording, and how it is played.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use capsaicin::ClientEvent;
use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::client::Framebuffer;
use capsaicin::geometry::Size;
use capsaicin::recording::{Player, Reader, Record, Survey, What};
use capsaicin::session::Way;
use capsaicin::wire::HeaderKind;

use super::{file, play, records};
use crate::support::packets::{self, packets};

/// Gives a few bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(buffer.len());
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn a_recording_that_arrives_in_pieces_says_the_same() {
    for name in ["firmware-menu.pcapng", "guest-desktop.pcapng"] {
        let file = file(name);
        let whole = records(&file);
        for len in [1, 7, 4096] {
            let mut reader = Reader::new(Pieces(&file, len)).unwrap();
            let read: Vec<Record> = std::iter::from_fn(|| reader.next_record().unwrap()).collect();
            assert!(read == whole, "{name} in pieces of {len}");
        }
    }
}

/// The numbers are those of an independent reader of the same file.
#[test]
fn every_channel_of_a_guest_is_found_with_all_its_messages() {
    let mut counts: BTreeMap<(ChannelId, bool), u32> = BTreeMap::new();
    for record in records(&file("guest-desktop.pcapng")) {
        if let What::Frame(way, _) = record.what {
            *counts
                .entry((record.channel, way == Way::ToClient))
                .or_default() += 1;
        }
    }
    let expected = [
        (ChannelKind::Main, 11, 11),
        (ChannelKind::Display, 19, 311),
        (ChannelKind::Inputs, 3, 4),
        (ChannelKind::Cursor, 3, 6),
        (ChannelKind::Playback, 2, 5),
        (ChannelKind::Record, 2, 4),
    ]
    .into_iter()
    .flat_map(|(kind, client, server)| {
        let id = ChannelId::new(kind, 0);
        [((id, false), client), ((id, true), server)]
    });
    assert_eq!(counts, expected.collect());
}

#[test]
fn a_link_tells_what_was_agreed_on() {
    let records = records(&file("image-lz4.pcapng"));
    let opened = records.iter().find_map(|record| match &record.what {
        What::Opened(link) if record.channel.kind == ChannelKind::Display => Some(link),
        _ => None,
    });
    let link = opened.expect("a display channel");
    assert_eq!(link.header, HeaderKind::Mini);
    // As the reference client and server announce themselves.
    assert_eq!(
        (&link.client.common[..], &link.client.channel[..]),
        (&[0xd][..], &[0x6fbf][..])
    );
    assert_eq!(
        (&link.server.common[..], &link.server.channel[..]),
        (&[0xb][..], &[0x1052][..])
    );
}

#[test]
fn time_never_runs_backwards_and_begins_with_the_first_connection() {
    let records = records(&file("xspice-text-fills.pcapng"));
    assert!(records.is_sorted_by_key(|record| record.at));
    assert!(
        records[0].at < Duration::from_millis(100),
        "{:?}",
        records[0].at
    );
}

/// Two sessions in one file: another recording, then this one, an hour apart.
fn two_sessions() -> Vec<u8> {
    let (first, second) = (file("firmware-menu.pcapng"), file("image-lz4.pcapng"));
    let (first, mut second) = (packets(&first), packets(&second));
    let start = first[0].at;
    let later = start + 3_600_000_000 - second[0].at;
    for packet in &mut second {
        packet.at = packet.at.wrapping_add(later);
        // Another client port, as a new connection has.
        let at = if packet.is_from_server() { 22 } else { 20 };
        packet.ip[at] = 0x77;
    }
    let all: Vec<_> = first
        .into_iter()
        .chain(second)
        .map(|p| (p.at, p.ip))
        .collect();
    packets::pcap(true, 1, 101, &all)
}

#[test]
fn the_last_session_with_a_picture_is_shown_or_the_one_of_the_moment_asked_for() {
    let file = two_sessions();
    let survey = Survey::read(Reader::new(&file[..]).unwrap()).unwrap();
    assert_eq!(survey.sessions.len(), 2);
    assert_eq!(survey.sessions[0].channels.len(), 4);
    assert_eq!(survey.choose(None), 1);
    assert_eq!(survey.choose(Some(Duration::from_secs(60))), 0);
    assert_eq!(survey.choose(Some(Duration::from_secs(4000))), 1);
    assert_eq!(play(&file).screen.size(), Size::new(640, 480));
}

#[test]
fn a_moment_shows_what_was_drawn_by_then() {
    let file = file("image-lz4.pcapng");
    let copies = |file: &[u8], at: Option<Duration>| {
        let mut player = Player::new(Reader::new(file).unwrap(), 0);
        match at {
            Some(at) => player.play_until(at).unwrap(),
            None => player.play_to_end().unwrap(),
        }
        let drawn = player.session().display(0).map_or(0, |d| d.draws());
        (drawn, player.now())
    };
    // By hand from a list of the messages and their times: the first picture is whole after 90 ms, the scene begins
    // after 1.5 s and has 2 fills and 11 copies.
    assert_eq!(copies(&file, Some(Duration::ZERO)).0, 0);
    assert_eq!(
        copies(&file, Some(Duration::from_secs(1))),
        (1, Duration::from_secs(1))
    );
    assert_eq!(copies(&file, None).0, 14);
    assert_eq!(
        copies(&file, Some(Duration::from_secs(60))),
        (14, Duration::from_secs(60))
    );
}

#[test]
fn the_end_of_a_recording_is_the_end_of_the_session() {
    let file = file("image-cache.pcapng");
    let mut player = Player::new(Reader::new(&file[..]).unwrap(), 0);
    player.play_to_end().unwrap();
    let events: Vec<ClientEvent> = std::iter::from_fn(|| player.poll_event()).collect();
    assert!(matches!(events.last(), Some(ClientEvent::Closed(_))));
    let ends = events
        .iter()
        .filter(|e| matches!(e, ClientEvent::Closed(_)));
    assert_eq!(ends.count(), 1);
}

#[test]
fn a_display_is_shown_though_its_main_channel_was_not_captured() {
    let all = packets(&file("image-lz4.pcapng"));
    // The main channel is the first connection.
    let main = &all[0].ip[20..22];
    let display: Vec<_> = all
        .iter()
        .filter(|p| &p.ip[20..22] != main && &p.ip[22..24] != main)
        .map(|p| (p.at, p.ip.clone()))
        .collect();
    let played = play(&packets::pcap(false, 1000, 101, &display));
    let whole = play(&file("image-lz4.pcapng"));
    assert!(pixels(&played.screen) == pixels(&whole.screen));
}

fn pixels(screen: &Framebuffer) -> Vec<u8> {
    screen
        .view()
        .expect("a picture")
        .rows()
        .flatten()
        .copied()
        .collect()
}
