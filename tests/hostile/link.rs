//! Damaged handshakes: every prefix, and seeded mutations, into both machines. None may panic, or take more than it used.

use std::sync::OnceLock;

use capsaicin::link::{
    Asks, COMMON, Capabilities, ClientLink, LinkRequest, Password, ServerKey, ServerLink,
};

use crate::mutate::{Random, mutate, rounds};

/// Repeatable bytes in place of entropy.
fn entropy() -> impl FnMut(&mut [u8]) {
    let mut random = Random::new(0x5eed);
    move |bytes| bytes.iter_mut().for_each(|b| *b = random.next() as u8)
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
        user: None,
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
        assert!(server.poll_transmit().map_or(0, |t| t.len()) <= 198);
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
    let mut random = Random::new(0xcafe);
    for _ in 0..rounds(3000) {
        client(&mutate(FROM_SERVER, &mut random));
        // The ticket at the end would only cost decryption time.
        server(&mutate(&FROM_CLIENT[..46], &mut random));
    }
}

#[test]
fn damaged_tickets_are_survived() {
    let (before, ticket) = FROM_CLIENT.split_at(46);
    let mut random = Random::new(0xf00d);
    for _ in 0..rounds(40) {
        let ticket = mutate(ticket, &mut random);
        server(&[before, &ticket].concat());
    }
}
