//! Packets in any order, more than once, and missing: what TCP allows for is put right, what is missing is told.

use std::collections::BTreeMap;

use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::recording::{Loss, What};
use capsaicin::session::Way;

use super::{file, play, records};
use crate::support::packets::{self, Packet, packets};

const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

fn capture(packets: &[Packet]) -> Vec<u8> {
    let packets: Vec<_> = packets.iter().map(|p| (p.at, p.ip.clone())).collect();
    packets::pcap(false, 1000, 101, &packets)
}

/// What happened on each channel, in each direction.
fn by_channel(file: &[u8]) -> BTreeMap<(ChannelId, bool), Vec<What>> {
    let mut channels: BTreeMap<_, Vec<What>> = BTreeMap::new();
    for record in records(file) {
        let from_client = matches!(record.what, What::Frame(Way::ToServer, _));
        let key = (record.channel, from_client);
        channels.entry(key).or_default().push(record.what);
    }
    channels
}

fn assert_tells_the_same(packets: &[Packet]) {
    let original = by_channel(&file("image-lz4.pcapng"));
    assert!(by_channel(&capture(packets)) == original);
}

fn lz4() -> Vec<Packet> {
    packets(&file("image-lz4.pcapng"))
}

#[test]
fn packets_out_of_order_are_put_in_order() {
    let mut packets = lz4();
    let times: Vec<u64> = packets.iter().map(|p| p.at).collect();
    // Those that begin connections stay first, as the beginnings of streams are known by them.
    for window in packets.chunks_mut(7) {
        if !window.iter().any(Packet::is_first) {
            window.reverse();
        }
    }
    assert!(packets != lz4());
    packets.iter_mut().zip(times).for_each(|(p, at)| p.at = at);
    assert_tells_the_same(&packets);
}

#[test]
fn packets_sent_again_are_read_once() {
    let packets = lz4();
    let again: Vec<Packet> = packets
        .iter()
        .enumerate()
        .flat_map(|(i, p)| [p.clone(), packets[i.saturating_sub(5)].clone()])
        .map({
            let mut at = 0;
            move |mut p| {
                at = p.at.max(at);
                p.at = at;
                p
            }
        })
        .collect();
    assert_tells_the_same(&again);
}

#[test]
fn segments_that_overlap_are_read_once() {
    let split = |packet: Packet| {
        let len = packet.data().len();
        if len < 30 {
            return vec![packet];
        }
        let parts = [
            (0, len / 2),
            (len / 4, len * 3 / 4),
            (0, 20),
            (len / 2 - 5, len),
        ];
        parts.map(|(from, to)| packet.part(from, to)).to_vec()
    };
    let packets: Vec<Packet> = lz4().into_iter().flat_map(split).collect();
    assert_tells_the_same(&packets);
}

#[test]
fn a_capture_that_began_after_the_connection_did_is_read_from_its_first_data_on() {
    let mut packets = lz4();
    packets.retain(|p| !p.is_first());
    assert_tells_the_same(&packets);
}

/// The first two packets of a message that takes four: whoever recorded it cut 65,536 bytes in three.
fn long_message(packets: &[Packet]) -> [usize; 2] {
    let is_full = |(_, p): &(usize, &Packet)| p.data().len() == 32_000;
    let from_server = |(_, p): &(usize, &Packet)| p.is_from_server();
    let sent: Vec<_> = packets.iter().enumerate().filter(from_server).collect();
    let long = sent.windows(4).find(|four| {
        four[2].1.data().len() == 1536 && [0, 1, 3].into_iter().all(|i| is_full(&four[i]))
    });
    let long = long.expect("a message of four packets");
    [long[0].0, long[1].0]
}

#[test]
fn a_packet_missing_inside_a_message_costs_that_message_only() {
    let mut packets = lz4();
    let [_, second] = long_message(&packets);
    packets.remove(second);
    let cut = capture(&packets);
    let (mut expected, mut read) = (by_channel(&file("image-lz4.pcapng")), by_channel(&cut));
    let [expected, read] = [&mut expected, &mut read]
        .map(|channels| channels.remove(&(DISPLAY, false)).expect("a display"));
    let lost = read
        .iter()
        .position(|what| matches!(what, What::Lost(_)))
        .expect("the loss is told");
    assert_eq!(
        read[lost],
        What::Lost(Loss::Message {
            way: Way::ToClient,
            missing: 32_000
        })
    );
    assert_eq!(read[..lost], expected[..lost]);
    // The serial of the lost message is counted, so those behind it are as they were.
    assert_eq!(read[lost + 1..], expected[lost + 1..]);
    assert_eq!(play(&cut).losses.len(), 1);
}

#[test]
fn a_packet_missing_where_a_message_begins_ends_its_direction() {
    let mut packets = lz4();
    let [first, _] = long_message(&packets);
    packets.remove(first);
    let cut = capture(&packets);
    let whole = by_channel(&file("image-lz4.pcapng"));
    let mut read = by_channel(&cut);
    let display = read.remove(&(DISPLAY, false)).expect("a display");
    let [before @ .., What::Lost(loss), What::Closed] = &display[..] else {
        panic!("the loss is the last thing told: {:?}", display.last());
    };
    assert_eq!(
        *loss,
        Loss::Rest {
            way: Way::ToClient,
            missing: 32_000
        }
    );
    assert_eq!(*before, whole[&(DISPLAY, false)][..before.len()]);
    for (channel, what) in read {
        assert_eq!(what, whole[&channel], "the others go on: {channel:?}");
    }
    let losses: Vec<String> = play(&cut).losses.iter().map(ToString::to_string).collect();
    assert_eq!(losses.len(), 1);
    assert!(
        losses[0].starts_with("display:0: before byte ")
            && losses[0].ends_with(
                ", 32000 bytes from the server were not captured; what follows cannot be read"
            ),
        "{losses:?}"
    );
}

#[test]
fn packets_of_which_only_the_beginning_was_kept_cost_their_messages() {
    let mut packets = lz4();
    let [_, second] = long_message(&packets);
    // The header still says how long the packet was.
    packets[second].ip.truncate(1500);
    let losses = play(&capture(&packets)).losses;
    assert_eq!(losses.len(), 1);
    assert!(
        losses[0].text.contains("30540 bytes from the server"),
        "{:?}",
        losses[0]
    );
}

#[test]
fn a_capture_of_the_servers_half_only_has_no_link_to_follow() {
    let mut packets = lz4();
    packets.retain(Packet::is_from_server);
    assert_eq!(records(&capture(&packets)), []);
}
