//! IPv4 packets with TCP segments in them, as if somebody had captured them.

use std::net::Ipv4Addr;

/// Bytes of the two headers.
pub(super) const HEADERS: usize = 40;

/// Most bytes of a connection in one packet.
pub(in crate::recording) const MOST_DATA: usize = 0xffff - HEADERS;

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// The window every segment announces: nobody's clock runs here.
const WINDOW: u16 = 0xffff;

const TCP: u8 = 6;

/// Address and port of a side.
pub(super) type Side = (Ipv4Addr, u16);

/// The headers of a segment with this data, at most [`MOST_DATA`] bytes.
pub(super) fn headers(
    [from, to]: [Side; 2],
    [sequence, acknowledges]: [u32; 2],
    flags: u8,
    data: &[u8],
) -> [u8; HEADERS] {
    let total = (HEADERS + data.len()) as u16;
    let mut packet = [0; HEADERS];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    // Not to be fragmented.
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = TCP;
    packet[12..16].copy_from_slice(&from.0.octets());
    packet[16..20].copy_from_slice(&to.0.octets());
    let checksum = !folded(sum(&packet[..20]));
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());

    packet[20..22].copy_from_slice(&from.1.to_be_bytes());
    packet[22..24].copy_from_slice(&to.1.to_be_bytes());
    packet[24..28].copy_from_slice(&sequence.to_be_bytes());
    packet[28..32].copy_from_slice(&acknowledges.to_be_bytes());
    // Five words of header.
    packet[32] = 5 << 4;
    packet[33] = flags;
    packet[34..36].copy_from_slice(&WINDOW.to_be_bytes());
    // The addresses, the protocol and the length are part of the sum.
    let pseudo = sum(&packet[12..20]) + u64::from(TCP) + u64::from(total - 20);
    let checksum = !folded(pseudo + sum(&packet[20..]) + sum(data));
    packet[36..38].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// The 16-bit words of some bytes, big-endian, added up; an odd byte is the upper half of a word.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let whole: u64 = words
        .iter()
        .map(|word| u64::from(u16::from_be_bytes(*word)))
        .sum();
    whole + rest.first().map_or(0, |odd| u64::from(*odd) << 8)
}

/// A sum in 16 bits, carries added in again.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // The example of RFC 1071: 0001 f203 f4f5 f6f7 add up to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(folded(sum(&bytes)), 0xddf2);
        assert_eq!(folded(sum(&[0x12])), 0x1200);
    }
}
