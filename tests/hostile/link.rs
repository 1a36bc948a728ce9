//! Damaged handshakes: every prefix, and seeded mutations, into both machines. None may panic, or take more than it used.

use std::sync::OnceLock;

use capsaicin::link::{
    Asks, COMMON, Capabilities, ClientLink, LinkRequest, Password, ServerKey, ServerLink,
};

/// Repeatable numbers.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    /// One to four bytes changed, some to the values that are worst for lengths and counts.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            bytes[at] = match self.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ 1 << self.below(8),
                _ => self.next() as u8,
            };
        }
    }
}

/// Repeatable bytes in place of entropy.
fn entropy() -> impl FnMut(&mut [u8]) {
    let mut seeded = Seeded(0x5eed);
    move |bytes| {
        bytes
            .iter_mut()
            .for_each(|b| *b = (seeded.next() >> 24) as u8)
    }
}

fn key() -> ServerKey {
    static KEY: OnceLock<ServerKey> = OnceLock::new();
    KEY.get_or_init(|| ServerKey::generate(&mut entropy()))
        .clone()
}

fn client(bytes: &[u8]) {
    let mut client = ClientLink::new(LinkRequest {
        connection_id: 0,
        channel_type: 1,
        channel_id: 0,
        capabilities: Capabilities::of(COMMON, &[]),
        password: Password::default(),
    });
    if let Ok(used) = client.receive(bytes, &mut entropy()) {
        assert!(used <= bytes.len());
    }
    assert!(!client.end_of_stream().to_string().is_empty());
    assert!(client.poll_transmit().map_or(0, |t| t.len()) <= 194);
}

fn server(bytes: &[u8]) {
    let mut server = ServerLink::new(key(), Some(Password::default()));
    let mut entropy = entropy();
    let mut rest = bytes;
    for _ in 0..4 {
        match server.receive(rest, &mut entropy) {
            Ok(used) => rest = &rest[used..],
            Err(rejection) => assert!(!rejection.to_string().is_empty()),
        }
        match server.asks() {
            Some(Asks::Channel(_)) => server.accept(Capabilities::of(COMMON, &[])),
            Some(Asks::Session(_)) => server.admit(),
            None => (),
        }
        server.poll_transmit();
    }
}

const FROM_SERVER: &[u8] = include_bytes!("../fixtures/link/main-server.bin");
const FROM_CLIENT: &[u8] = include_bytes!("../fixtures/link/main-client.bin");

#[test]
fn every_prefix_of_a_handshake_is_survived() {
    (0..=FROM_SERVER.len()).for_each(|len| client(&FROM_SERVER[..len]));
    (0..=FROM_CLIENT.len()).for_each(|len| server(&FROM_CLIENT[..len]));
}

#[test]
fn damaged_handshakes_are_survived() {
    let mut seeded = Seeded(0xcafe);
    for _ in 0..3000 {
        let mut bytes = FROM_SERVER.to_vec();
        seeded.damage(&mut bytes);
        client(&bytes);
        // The ticket at the end would only cost decryption time.
        let mut bytes = FROM_CLIENT[..46].to_vec();
        seeded.damage(&mut bytes);
        server(&bytes);
    }
}

#[test]
fn damaged_tickets_are_survived() {
    let mut seeded = Seeded(0xf00d);
    for _ in 0..40 {
        let mut bytes = FROM_CLIENT.to_vec();
        seeded.damage(&mut bytes[46..]);
        server(&bytes);
    }
}
