//! Capture files of every format and link layer: one recording, packed in each, says the same.

use std::collections::BTreeSet;

use capsaicin::recording::{ErrorKind, Reader, Record, RecordingError, Survey};

use super::{file, records};
use crate::support::packets::{self, Packet, cooked, cooked_2, ethernet, packets, tagged};

const RAW: u32 = 101;

fn menu() -> Vec<Packet> {
    packets(&file("firmware-menu.pcapng"))
}

/// The packets with something around each.
fn wrapped(wrap: impl Fn(&Packet) -> Vec<u8>) -> Vec<(u64, Vec<u8>)> {
    menu().iter().map(|p| (p.at, wrap(p))).collect()
}

/// What happened, without the places in the file.
fn told(file: &[u8]) -> Vec<Record> {
    let mut records = records(file);
    records.iter_mut().for_each(|record| record.offset = 0);
    records
}

fn assert_tells_the_same(name: &str, file: &[u8]) {
    let original = told(&self::file("firmware-menu.pcapng"));
    assert!(original.len() > 60, "{}", original.len());
    let told = told(file);
    assert!(told == original, "{name}: {} records", told.len());
}

#[test]
fn every_byte_order_and_clock_of_the_classic_format_is_read() {
    let raw = wrapped(|p| p.ip.clone());
    for big in [false, true] {
        for tick in [1000, 1] {
            let file = packets::pcap(big, tick, RAW, &raw);
            assert_tells_the_same(&format!("big {big}, {tick} ns"), &file);
        }
    }
}

#[test]
fn both_byte_orders_of_pcapng_are_read_and_strange_blocks_passed_over() {
    let raw = wrapped(|p| p.ip.clone());
    for big in [false, true] {
        let file = packets::pcapng(big, RAW as u16, &raw);
        assert_tells_the_same(&format!("big {big}"), &file);
    }
}

#[test]
fn sections_of_different_byte_order_follow_each_other() {
    let raw = wrapped(|p| p.ip.clone());
    let (first, second) = raw.split_at(raw.len() / 2);
    let sections = [
        packets::pcapng(true, RAW as u16, first),
        packets::pcapng(false, RAW as u16, second),
    ];
    assert_tells_the_same("two sections", &sections.concat());
}

#[test]
fn every_link_layer_is_taken_off() {
    let null = |family: [u8; 4]| move |p: &Packet| [&family[..], &p.ip].concat();
    for (name, link_type, wrapped) in [
        ("Ethernet", 1, wrapped(|p| ethernet(0x0800, &p.ip))),
        (
            "Ethernet with a VLAN tag",
            1,
            wrapped(|p| ethernet(0x8100, &tagged(0x0800, &p.ip))),
        ),
        (
            "Ethernet with two VLAN tags",
            1,
            wrapped(|p| ethernet(0x88a8, &tagged(0x8100, &tagged(0x0800, &p.ip)))),
        ),
        ("LINUX_SLL", 113, wrapped(|p| cooked(&p.ip))),
        ("LINUX_SLL2", 276, wrapped(|p| cooked_2(&p.ip))),
        ("NULL", 0, wrapped(null([2, 0, 0, 0]))),
        ("LOOP", 108, wrapped(null([0, 0, 0, 2]))),
        ("IPv6", RAW, wrapped(Packet::over_ipv6)),
        (
            "IPv6 in Ethernet with a VLAN tag",
            1,
            wrapped(|p| ethernet(0x8100, &tagged(0x86dd, &p.over_ipv6()))),
        ),
    ] {
        let file = packets::pcap(false, 1000, link_type, &wrapped);
        assert_tells_the_same(name, &file);
    }
}

#[test]
fn other_traffic_between_the_packets_changes_nothing() {
    let mut mixed = Vec::new();
    for packet in menu() {
        let mut datagram = packet.ip.clone();
        datagram[9] = 17;
        let mut web = packet.clone();
        web.ip[12..16].copy_from_slice(&[192, 0, 2, 9]);
        web.ip[20..22].copy_from_slice(&80_u16.to_be_bytes());
        let start = web.ip.len() - web.data().len();
        web.ip[start..].fill(b'H');
        mixed.extend([datagram, web.ip, packet.ip].map(|ip| (packet.at, ip)));
    }
    assert_tells_the_same("mixed", &packets::pcap(false, 1000, RAW, &mixed));
}

fn refusal(file: &[u8]) -> String {
    let survey = Reader::new(file).and_then(Survey::read);
    survey.expect_err("no recording").to_string()
}

#[test]
fn what_is_no_recording_is_told_by_what_it_is() {
    assert_eq!(refusal(b""), "not a recording: it is empty");
    assert_eq!(
        refusal(b"\x89PNG\r\n"),
        "not a recording: it begins with 89 50 4e 47, as neither pcapng nor pcap files do"
    );
    assert_eq!(refusal(&[0x1f, 0x8b, 8, 0]), "it is compressed with gzip");
}

#[test]
fn a_capture_without_spice_is_told_by_what_is_in_it() {
    let capture = |packets: &[Packet]| {
        let packets: Vec<_> = packets.iter().map(|p| (p.at, p.ip.clone())).collect();
        packets::pcap(false, 1000, RAW, &packets)
    };
    assert_eq!(
        refusal(&capture(&[])),
        "no SPICE connection in it: no TCP connection at all"
    );
    // The first bytes of each connection become those of TLS, or of something unheard of.
    let overwritten = |first: [u8; 4]| {
        let mut packets = menu();
        for packet in packets.iter_mut().filter(|p| p.data().starts_with(b"REDQ")) {
            packet.ip[40..44].copy_from_slice(&first);
        }
        packets
    };
    assert_eq!(
        refusal(&capture(&overwritten([0x16, 3, 1, 0]))),
        "no SPICE connection in it: 4 of 4 connections are encrypted (TLS)"
    );
    assert_eq!(
        refusal(&capture(&overwritten(*b"GET "))),
        "no SPICE connection in it: 4 TCP connections, of something else"
    );
    let strange = wrapped(|p| p.ip.clone());
    assert_eq!(
        refusal(&packets::pcap(false, 1000, 147, &strange)),
        "no SPICE connection in it: packets of link type 147 cannot be read"
    );
}

#[test]
fn a_link_that_the_server_refused_is_told_with_its_reason() {
    let mut packets = menu();
    // The link result is what the server sends second on a connection.
    let mut answered = BTreeSet::new();
    for packet in &mut packets {
        let begins = packet.data().starts_with(b"REDQ");
        let port = [packet.ip[22], packet.ip[23]];
        if packet.is_from_server() && !begins && !packet.data().is_empty() && answered.insert(port)
        {
            packet.ip[40..44].copy_from_slice(&7_u32.to_le_bytes());
        }
    }
    let packets: Vec<_> = packets.into_iter().map(|p| (p.at, p.ip)).collect();
    assert_eq!(
        refusal(&packets::pcap(false, 1000, RAW, &packets)),
        "no SPICE connection in it that can be followed: the server refused the link: the password is wrong, \
         expired or not set"
    );
}

#[test]
fn a_file_cut_short_is_read_up_to_the_cut() {
    let whole = file("firmware-menu.pcapng");
    let all = records(&whole);
    for len in (4..whole.len()).step_by(97) {
        let mut reader = match Reader::new(&whole[..len]) {
            Ok(reader) => reader,
            Err(error) => {
                assert!(len < 28, "{len}: {error}");
                continue;
            }
        };
        let read: Vec<_> = std::iter::from_fn(|| reader.next_record().unwrap()).collect();
        assert!(all.starts_with(&read), "{len}");
        if let Some(RecordingError { offset, kind }) = reader.damage() {
            assert_eq!((*offset, kind), (len as u64, &ErrorKind::CutShort));
        }
    }
}

#[test]
fn a_damaged_block_ends_the_file_with_its_place() {
    let mut damaged = file("firmware-menu.pcapng");
    let packets = packets(&damaged);
    // The section and its interface take 28 and 20 bytes; the eleventh packet's block is cut at its length.
    let at = packets[..10].iter().fold(28 + 20, |at, packet| {
        at + 32 + packet.ip.len().next_multiple_of(4)
    });
    damaged[at + 4] = 7;
    let mut reader = Reader::new(&damaged[..]).unwrap();
    let read: Vec<_> = std::iter::from_fn(|| reader.next_record().unwrap()).collect();
    assert!(!read.is_empty());
    let error = reader.damage().expect("the damage is told").to_string();
    assert!(
        error.starts_with(&format!("damaged at byte {at}: a block of ")),
        "{error}"
    );
}

#[test]
fn a_packet_longer_than_any_is_refused_before_it_is_stored() {
    let mut file = packets::pcap(false, 1000, RAW, &[]);
    file.extend([0; 8]);
    file.extend(u32::MAX.to_le_bytes());
    file.extend([0; 100]);
    assert_eq!(
        refusal(&file),
        "damaged at byte 24: a packet of 4294967295 bytes"
    );
}
