//! From a captured packet to the TCP segment in it: link layers, VLAN tags, IPv4, IPv6.
//!
//! Fragments are not put together: TCP avoids them, and what is missing shows as a gap.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One TCP segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Number of its first byte.
    pub(super) sequence: u32,
    /// Number of the byte its sender expects next.
    pub(super) acknowledges: Option<u32>,
    pub(super) flags: Flags,
    pub(super) data: &'a [u8],
}

/// The control bits that begin and end connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) synchronise: bool,
    pub(super) acknowledge: bool,
    pub(super) finish: bool,
    pub(super) reset: bool,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// Whether packets of this link type can be taken apart.
pub(super) fn is_known(link_type: u16) -> bool {
    matches!(
        link_type,
        0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276
    )
}

/// The segment in a packet; `None` for anything that is not a whole TCP header in IP.
pub(super) fn parse(link_type: u16, packet: &[u8]) -> Option<Segment<'_>> {
    internet(match link_type {
        // NULL and LOOP: an address family, in one byte order or another. IP says its version itself.
        0 | 108 => packet.get(4..)?,
        1 => protocol(be16(packet, 12)?, packet.get(14..)?)?,
        // RAW, by the numbers that systems have for it; IPV4; IPV6.
        12 | 14 | 101 | 228 | 229 => packet,
        // LINUX_SLL and LINUX_SLL2, what capturing on all interfaces gives.
        113 => protocol(be16(packet, 14)?, packet.get(16..)?)?,
        276 => protocol(be16(packet, 0)?, packet.get(20..)?)?,
        _ => return None,
    })
}

/// What is inside a packet of this Ethernet type, tags taken off.
fn protocol(mut kind: u16, mut data: &[u8]) -> Option<&[u8]> {
    while VLAN.contains(&kind) {
        kind = be16(data, 2)?;
        data = data.get(4..)?;
    }
    matches!(kind, IPV4 | IPV6).then_some(data)
}

fn internet(packet: &[u8]) -> Option<Segment<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Segment<'_>> {
    let header = usize::from(packet.first()? & 15) * 4;
    let is_fragment = be16(packet, 6)? & 0x3fff != 0;
    if header < 20 || is_fragment || *packet.get(9)? != 6 {
        return None;
    }
    let address = |at: usize| -> Option<IpAddr> {
        let bytes: &[u8; 4] = packet.get(at..)?.first_chunk()?;
        Some(Ipv4Addr::from(*bytes).into())
    };
    // 0 when the network card was to cut the packet; behind the end there may be padding.
    let end = match usize::from(be16(packet, 2)?) {
        0 => packet.len(),
        len => len.min(packet.len()),
    };
    tcp([address(12)?, address(16)?], packet.get(header..end)?)
}

fn ipv6(packet: &[u8]) -> Option<Segment<'_>> {
    let address = |at: usize| -> Option<IpAddr> {
        let bytes: &[u8; 16] = packet.get(at..)?.first_chunk()?;
        Some(Ipv6Addr::from(*bytes).into())
    };
    let (mut next, rest) = (*packet.get(6)?, packet.get(40..)?);
    let mut data = match usize::from(be16(packet, 4)?) {
        0 => rest,
        len => rest.get(..len).unwrap_or(rest),
    };
    while next != 6 {
        let words = usize::from(*data.get(1)?);
        let len = match next {
            0 | 43 | 60 => (words + 1) * 8,
            51 => (words + 2) * 4,
            44 if be16(data, 2)? & 0xfff9 == 0 => 8,
            _ => return None,
        };
        next = *data.first()?;
        data = data.get(len..)?;
    }
    tcp([address(8)?, address(24)?], data)
}

fn tcp([source, target]: [IpAddr; 2], segment: &[u8]) -> Option<Segment<'_>> {
    let header = usize::from(segment.get(12)? >> 4) * 4;
    let control = *segment.get(13)?;
    let data = segment.get(header..).filter(|_| header >= 20)?;
    let flags = Flags {
        finish: control & 1 != 0,
        synchronise: control & 2 != 0,
        reset: control & 4 != 0,
        acknowledge: control & 16 != 0,
    };
    Some(Segment {
        from: SocketAddr::new(source, be16(segment, 0)?),
        to: SocketAddr::new(target, be16(segment, 2)?),
        sequence: be32(segment, 4)?,
        acknowledges: be32(segment, 8).filter(|_| flags.acknowledge),
        flags,
        data,
    })
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u16::from_be_bytes(*word))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}
