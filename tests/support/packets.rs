//! Capture files made by hand: the packets of a recording taken out, changed, and packed in another way.

/// One packet of a recording: IPv4 without options, TCP.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// Microseconds since 1970.
    pub at: u64,
    /// From its IP header on.
    pub ip: Vec<u8>,
}

/// The packets of a recording of this repository: pcapng of one section, little-endian, one interface of raw IP,
/// microseconds.
pub fn packets(file: &[u8]) -> Vec<Packet> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        if word(at) == 6 {
            let time = u64::from(word(at + 12)) << 32 | u64::from(word(at + 16));
            let ip = file[at + 28..][..word(at + 20) as usize].to_vec();
            found.push(Packet { at: time, ip });
        }
        at += word(at + 4) as usize;
    }
    found
}

impl Packet {
    /// Whether the server sent it: it comes from the port of SPICE.
    pub fn is_from_server(&self) -> bool {
        self.ip[20..22] == 5900_u16.to_be_bytes()
    }

    /// What TCP carries in it.
    pub fn data(&self) -> &[u8] {
        &self.ip[20 + usize::from(self.ip[32] >> 4) * 4..]
    }

    /// Whether it begins a connection.
    pub fn is_first(&self) -> bool {
        self.ip[33] & 2 != 0
    }

    /// The segment's bytes from `from` to `to`, as a segment of their own.
    pub fn part(&self, from: usize, to: usize) -> Self {
        let mut part = self.clone();
        let start = self.ip.len() - self.data().len();
        let sequence = u32::from_be_bytes(self.ip[24..28].try_into().expect("four bytes"));
        part.ip = [&self.ip[..start], &self.data()[from..to]].concat();
        part.ip[24..28].copy_from_slice(&sequence.wrapping_add(from as u32).to_be_bytes());
        let len = part.ip.len() as u16;
        part.ip[2..4].copy_from_slice(&len.to_be_bytes());
        part
    }

    /// The same over IPv6, with a header of destination options before TCP.
    pub fn over_ipv6(&self) -> Vec<u8> {
        let segment = &self.ip[20..];
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((segment.len() as u16 + 8).to_be_bytes());
        packet.extend([60, 64]);
        for address in [&self.ip[12..16], &self.ip[16..20]] {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            packet.extend(address);
        }
        packet.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        packet.extend(segment);
        packet
    }
}

/// `inner` in an Ethernet frame of this type, padded as short frames are.
pub fn ethernet(kind: u16, inner: &[u8]) -> Vec<u8> {
    let mut frame = [[2; 6], [4; 6]].concat();
    frame.extend(kind.to_be_bytes());
    frame.extend(inner);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// A VLAN tag before something of this type.
pub fn tagged(kind: u16, inner: &[u8]) -> Vec<u8> {
    [&[0x20, 5], &kind.to_be_bytes()[..], inner].concat()
}

/// What capturing on all interfaces of Linux gives.
pub fn cooked(inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![0, 0, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
    packet.extend(inner);
    packet
}

/// The same in its second version.
pub fn cooked_2(inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
    packet.extend(inner);
    packet
}

/// A classic capture file. The magic says its byte order and, with `tick` nanoseconds, its clock.
pub fn pcap(big: bool, tick: u64, link_type: u32, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let word = |value: u32| {
        if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let magic = if tick == 1 { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let version = if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
    let mut file = [
        word(magic),
        version,
        word(0),
        word(0),
        word(262_144),
        word(link_type),
    ]
    .concat();
    for (at, packet) in packets {
        let ticks = (at % 1_000_000) * 1000 / tick;
        let len = word(packet.len() as u32);
        file.extend([word((at / 1_000_000) as u32), word(ticks as u32), len, len].concat());
        file.extend(packet);
    }
    file
}

/// A pcapng file whose clock ticks nanoseconds, with blocks nobody knows and a comment on each packet.
pub fn pcapng(big: bool, link_type: u16, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let word = |value: u32| {
        if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let half = |value: u16| {
        if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let block = |kind: u32, body: &[u8]| {
        let len = word(body.len().next_multiple_of(4) as u32 + 12);
        let mut block = [&word(kind), &len, body].concat();
        block.resize(block.len().next_multiple_of(4), 0);
        block.extend(len);
        block
    };
    let section = [&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat();
    let resolution = [&half(9)[..], &half(1), &[9, 0, 0, 0], &half(0), &half(0)].concat();
    let interface = [&half(link_type)[..], &half(0), &word(0), &resolution].concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    file.extend(block(0x0bad, b"a block of a kind that nobody knows"));
    for (at, packet) in packets {
        let at = at * 1000;
        let len = word(packet.len() as u32);
        let mut body = [word(0), word((at >> 32) as u32), word(at as u32), len, len].concat();
        body.extend(packet);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([&half(1)[..], &half(3), b"hi!\0", &half(0), &half(0)].concat());
        file.extend(block(6, &body));
    }
    file
}
