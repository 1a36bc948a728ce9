//! The handshake: what is sent, what is refused and how it is said, and both machines against each other.
//!
//! `fixtures/link` holds handshakes of a reference server and client; other bytes are written out by hand from the
//! protocol description (spec 01 §2 to §6).

use std::sync::OnceLock;

use capsaicin::link::{
    Asks, COMMON, Capabilities, ClientLink, Established, LinkCode, LinkError, LinkRequest,
    Password, Peer, Rejection, ServerKey, ServerLink, Step,
};
use capsaicin::wire::HeaderKind;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/link/", $name))
    };
}

/// Repeatable bytes in place of entropy.
fn entropy(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |bytes| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
    }
}

fn server_key() -> ServerKey {
    static KEY: OnceLock<ServerKey> = OnceLock::new();
    KEY.get_or_init(|| ServerKey::generate(&mut entropy(1)))
        .clone()
}

fn password(text: &str) -> Password {
    Password::new(text).expect("a password that fits")
}

/// A request for main of a new session with the capabilities of the reference client built with SASL.
fn request(text: &str) -> LinkRequest {
    LinkRequest {
        connection_id: 0,
        channel_type: 1,
        channel_id: 0,
        capabilities: Capabilities {
            common: vec![0x0d],
            channel: vec![0x0f],
        },
        password: password(text),
        user: None,
    }
}

fn server_capabilities() -> Capabilities {
    Capabilities {
        common: vec![0x0b],
        channel: vec![0x0f],
    }
}

fn client_after(bytes: &[u8]) -> (ClientLink, Result<usize, LinkError>) {
    let mut client = ClientLink::new(request(""));
    client.poll_transmit();
    let used = client.receive(bytes, &mut entropy(2));
    (client, used)
}

fn error_of(bytes: &[u8]) -> LinkError {
    client_after(bytes).1.expect_err("a failed link")
}

fn server_after(bytes: &[u8]) -> (ServerLink, Result<usize, Rejection>) {
    let mut server = ServerLink::new(server_key(), None);
    let used = server.receive(bytes, &mut entropy(3));
    (server, used)
}

/// The 194 bytes with which a server refuses.
fn refusal(code: u32) -> Vec<u8> {
    let mut reply = b"REDQ\x02\0\0\0\x02\0\0\0\xb2\0\0\0".to_vec();
    reply.extend(code.to_le_bytes());
    reply.resize(194, 0);
    reply
}

type Outcome = (
    Result<Established, LinkError>,
    Result<Established, Rejection>,
);

/// Runs both machines until neither has anything to say; bytes travel in pieces of `piece`.
fn link(client: &str, server: Option<&str>, result: LinkCode, piece: usize) -> Outcome {
    let mut client = ClientLink::new(LinkRequest {
        capabilities: Capabilities::of(COMMON, &[1]),
        ..request(client)
    });
    let mut server = ServerLink::new(server_key(), server.map(password));
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let (mut client_error, mut server_error) = (None, None);
    for _ in 0..2000 {
        to_server.extend(client.poll_transmit().unwrap_or_default());
        let take = piece.min(to_server.len());
        match server.receive(&to_server[..take], &mut entropy(4)) {
            Ok(used) => drop(to_server.drain(..used)),
            Err(error) => server_error = Some(error),
        }
        match server.asks() {
            Some(Asks::Channel(mess)) => {
                assert_eq!((mess.channel_type, mess.channel_id), (1, 0));
                server.accept(Capabilities::of(COMMON, &[0, 1, 2, 3]));
            }
            Some(Asks::Session(_)) if result == LinkCode::Ok => server.admit(),
            Some(Asks::Session(_)) => server.refuse(result),
            None => (),
        }
        to_client.extend(server.poll_transmit().unwrap_or_default());
        let take = piece.min(to_client.len());
        match client.receive(&to_client[..take], &mut entropy(5)) {
            Ok(used) => drop(to_client.drain(..used)),
            Err(error) => client_error = Some(error),
        }
    }
    let client_end = match client_error {
        Some(error) => Err(error),
        None => Ok(client.established().expect("the client's end").clone()),
    };
    let server_end = match server_error {
        Some(error) => Err(error),
        None => Ok(server.established().expect("the server's end").clone()),
    };
    (client_end, server_end)
}

#[test]
fn the_first_packet_is_that_of_the_reference_client() {
    let mut client = ClientLink::new(request(""));
    assert_eq!(
        client.poll_transmit().unwrap(),
        fixture!("main-client.bin")[..42]
    );
    assert_eq!(client.poll_transmit(), None);

    let recorded = fixture!("cursor-client.bin");
    let session = u32::from_le_bytes(*recorded[16..].first_chunk().unwrap());
    let mut client = ClientLink::new(LinkRequest {
        connection_id: session,
        channel_type: 4,
        capabilities: Capabilities::of(&[0, 2, 3], &[]),
        ..request("")
    });
    assert_eq!(client.poll_transmit().unwrap(), recorded[..38]);
}

#[test]
fn replies_of_the_reference_server_lead_to_a_ticket_and_to_a_link() {
    let recorded: [(&[u8], &[u32]); 4] = [
        (fixture!("main-server.bin"), &[0x0f]),
        (fixture!("display-server.bin"), &[0x1052]),
        (fixture!("cursor-server.bin"), &[]),
        (fixture!("playback-server.bin"), &[0x02]),
    ];
    for (bytes, channel) in recorded {
        let (reply, result) = bytes.split_at(bytes.len() - 4);
        let (mut client, used) = client_after(reply);
        assert_eq!(used, Ok(reply.len()));
        let answer = client.poll_transmit().unwrap();
        assert_eq!(answer.len(), 4 + 128);
        assert_eq!(answer[..4], [1, 0, 0, 0]);
        assert_eq!(client.established(), None);

        // What follows the result belongs to the channel.
        let with_channel = [result, &[3, 0, 8, 0]].concat();
        assert_eq!(client.receive(&with_channel, &mut entropy(2)), Ok(4));
        let link = client.established().unwrap();
        assert_eq!(link.header, HeaderKind::Mini);
        assert_eq!(link.server.common, [0x0b]);
        assert_eq!(link.server.channel, channel);
        assert_eq!(client.receive(&[1, 2, 3], &mut entropy(2)), Ok(0));
    }
}

#[test]
fn the_reference_client_s_handshake_is_answered_like_the_reference_server_does() {
    for (sent, answered, channel) in [
        (
            &fixture!("main-client.bin")[..],
            &fixture!("main-server.bin")[..],
            vec![0x0f],
        ),
        (
            fixture!("cursor-client.bin"),
            fixture!("cursor-server.bin"),
            vec![],
        ),
    ] {
        let (mut server, used) = server_after(sent);
        // Nothing behind the link message is taken before the question is answered.
        assert_eq!(used, Ok(sent.len() - 132));
        let Some(Asks::Channel(mess)) = server.asks() else {
            panic!("no question")
        };
        assert_eq!(mess.channel_type, sent[20]);
        assert_eq!(mess.capabilities.common, [0x0d]);
        server.accept(Capabilities {
            common: vec![0x0b],
            channel,
        });

        let mut expected = answered[..answered.len() - 4].to_vec();
        expected[20..182].copy_from_slice(server_key().public());
        assert_eq!(server.poll_transmit().unwrap(), expected);
    }
}

#[test]
fn the_public_key_begins_like_every_rsa_1024_key_with_exponent_65537() {
    let beginning = [
        0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x01, 0x05, 0x00, 0x03, 0x81, 0x8d, 0x00,
    ];
    assert_eq!(server_key().public()[..22], beginning);
    assert_eq!(server_key().public()[157..], [0x02, 0x03, 0x01, 0x00, 0x01]);
}

#[test]
fn passwords_of_every_length_up_to_60_open_the_link() {
    let sixty = "p".repeat(60);
    for len in [0, 1, 59, 60] {
        let text = &sixty[..len];
        let (client, server) = link(text, Some(text), LinkCode::Ok, usize::MAX);
        let client = client.unwrap();
        assert_eq!(client, server.unwrap(), "{len} bytes");
        assert_eq!(client.header, HeaderKind::Mini);
    }
    assert_eq!(
        Password::new(&"p".repeat(61)).unwrap_err(),
        LinkError::PasswordTooLong { len: 61 }
    );
    assert_eq!(
        Password::new("a\0b").unwrap_err(),
        LinkError::PasswordHasNul
    );
}

#[test]
fn all_60_bytes_of_a_password_count() {
    let (sixty, other) = ("p".repeat(60), "p".repeat(59) + "q");
    let (client, server) = link(&other, Some(&sixty), LinkCode::Ok, usize::MAX);
    assert_eq!(client.unwrap_err(), LinkError::WrongPassword);
    assert_eq!(server.unwrap_err(), Rejection::Password);
}

#[test]
fn a_wrong_password_is_named_as_wrong_expired_or_unset() {
    let (client, server) = link("guess", Some("secret"), LinkCode::Ok, usize::MAX);
    assert_eq!(
        client.unwrap_err().to_string(),
        "the server refused the password: it is wrong, expired or not set"
    );
    assert_eq!(server.unwrap_err(), Rejection::Password);
}

#[test]
fn a_server_without_a_password_takes_any() {
    let (client, server) = link("whatever", None, LinkCode::Ok, usize::MAX);
    assert_eq!(client.unwrap(), server.unwrap());
}

#[test]
fn a_server_without_a_password_still_wants_a_ticket_that_can_be_decrypted() {
    let (mut server, _) = server_after(&fixture!("main-client.bin")[..42]);
    server.accept(server_capabilities());
    server.poll_transmit();
    // A ticket for somebody else's key.
    let foreign = &fixture!("main-client.bin")[42..];
    assert_eq!(
        server.receive(foreign, &mut entropy(3)),
        Err(Rejection::Password)
    );
    assert_eq!(server.poll_transmit().unwrap(), [7, 0, 0, 0]);
}

#[test]
fn the_owner_may_refuse_a_client_that_has_proven_the_password() {
    for (code, text) in [
        (LinkCode::BadConnectionId, "the session no longer exists"),
        (
            LinkCode::ChannelNotAvailable,
            "the channel is not available",
        ),
    ] {
        let (client, server) = link("", None, code, usize::MAX);
        assert_eq!(
            client.unwrap_err().to_string(),
            format!("the server refused the link: {text}")
        );
        assert_eq!(server.unwrap_err(), Rejection::Refused(code));
    }
}

#[test]
fn the_owner_may_refuse_a_channel_at_once() {
    let (mut server, _) = server_after(&fixture!("main-client.bin")[..42]);
    server.refuse(LinkCode::NeedSecured);
    assert_eq!(server.poll_transmit().unwrap(), refusal(5));
    let error = error_of(&refusal(5));
    assert_eq!(error, LinkError::Refused(LinkCode::NeedSecured));
    assert_eq!(
        error.to_string(),
        "the server refused the link: the server requires a secure connection (TLS)"
    );
}

#[test]
fn a_handshake_split_at_every_byte_ends_the_same() {
    let whole = link("secret", Some("secret"), LinkCode::Ok, usize::MAX);
    for piece in [1, 2, 3, 7, 16, 100] {
        assert_eq!(
            link("secret", Some("secret"), LinkCode::Ok, piece),
            whole,
            "pieces of {piece}"
        );
    }
    let reply = fixture!("main-server.bin");
    for split in 0..=reply.len() {
        let (mut client, used) = client_after(&reply[..split]);
        assert_eq!(used, Ok(split), "split at {split}");
        let rest = client.receive(&reply[split..], &mut entropy(2));
        assert_eq!(rest, Ok(reply.len() - split), "split at {split}");
        assert!(client.established().is_some(), "split at {split}");
    }
}

#[test]
fn a_client_without_auth_selection_sends_its_ticket_directly() {
    let capabilities = Capabilities::of(&[1], &[]);
    let mut client = ClientLink::new(LinkRequest {
        capabilities: capabilities.clone(),
        ..request("")
    });
    let mut server = ServerLink::new(server_key(), Some(password("")));
    let mess = client.poll_transmit().unwrap();
    server.receive(&mess, &mut entropy(3)).unwrap();
    server.accept(server_capabilities());
    let reply = server.poll_transmit().unwrap();
    client.receive(&reply, &mut entropy(2)).unwrap();
    let ticket = client.poll_transmit().unwrap();
    assert_eq!(ticket.len(), 128);
    server.receive(&ticket, &mut entropy(3)).unwrap();
    server.admit();
    assert_eq!(server.poll_transmit().unwrap(), [0, 0, 0, 0]);
    let link = server.established().unwrap();
    assert_eq!(
        (link.header, &link.client),
        (HeaderKind::Full, &capabilities)
    );
}

#[test]
fn other_protocols_are_recognised_by_how_they_begin() {
    for (greeting, peer, text) in [
        (&b"RFB 003.008\n"[..], Peer::Vnc, "the peer speaks VNC"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Peer::Ssh, "the peer speaks SSH"),
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            Peer::Http,
            "the peer speaks HTTP",
        ),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            Peer::Tls,
            "the peer speaks TLS",
        ),
        (
            b"220 mail.example ESMTP\r\n",
            Peer::Smtp,
            "the peer speaks SMTP or FTP",
        ),
        (b"+OK ready\r\n", Peer::Text, r#"the peer says "+OK ready""#),
        (
            b"\0\x01\x02\xff",
            Peer::Unknown,
            "the peer's first bytes are 00 01 02 ff",
        ),
    ] {
        let error = error_of(greeting);
        assert!(
            matches!(&error, LinkError::NotSpice { guess, .. } if *guess == peer),
            "{error:?}"
        );
        assert_eq!(error.to_string(), format!("this is not SPICE: {text}"));
    }
}

#[test]
fn a_foreign_greeting_that_comes_in_pieces_is_waited_for_while_it_may_become_known() {
    let (mut client, used) = client_after(b"RF");
    assert_eq!(used, Ok(2));
    let error = client.receive(b"B 003.008\n", &mut entropy(2)).unwrap_err();
    assert!(matches!(
        error,
        LinkError::NotSpice {
            guess: Peer::Vnc,
            ..
        }
    ));
    assert_eq!(client.end_of_stream(), error);

    let (client, _) = client_after(b"SS");
    assert!(matches!(client.end_of_stream(), LinkError::NotSpice { .. }));
}

#[test]
fn a_connection_that_ends_early_says_at_which_step() {
    let reply = fixture!("main-server.bin");
    for (received, step, text) in [
        (0, Step::Reply, "before it answered the link message"),
        (16, Step::Reply, "before it answered the link message"),
        (201, Step::Reply, "before it answered the link message"),
        (202, Step::Result, "before it answered the ticket"),
        (205, Step::Result, "before it answered the ticket"),
        (206, Step::Done, "after the link was made"),
    ] {
        let error = client_after(&reply[..received]).0.end_of_stream();
        assert_eq!(error, LinkError::UnexpectedEnd { step });
        assert_eq!(
            error.to_string(),
            format!("the server closed the connection {text}")
        );
    }
}

#[test]
fn a_reply_of_another_version_is_refused_with_its_number() {
    let mut reply = fixture!("main-server.bin").to_vec();
    (reply[4], reply[8]) = (1, 7);
    let error = error_of(&reply);
    assert_eq!(error, LinkError::Version { major: 1, minor: 7 });
    assert_eq!(
        error.to_string(),
        "the server speaks version 1.7 of the protocol, not 2.2"
    );
    // The minor version alone is not looked at.
    (reply[4], reply[8]) = (2, 7);
    assert!(client_after(&reply).0.established().is_some());
}

#[test]
fn a_reply_that_contradicts_the_protocol_names_the_field() {
    let reply = fixture!("main-server.bin");
    let with = |at: usize, bytes: &[u8]| {
        let mut reply = reply.to_vec();
        reply[at..at + bytes.len()].copy_from_slice(bytes);
        error_of(&reply).to_string()
    };
    assert_eq!(
        with(12, &[177, 0, 0, 0]),
        "link reply header: size at byte 12: 177 bytes, 178 to 4096 are possible"
    );
    assert_eq!(
        with(12, &[0xff; 4]),
        "link reply header: size at byte 12: 4294967295 bytes, 178 to 4096 are possible"
    );
    assert_eq!(
        with(20, &[0; 4]),
        "link reply: pub_key at byte 4: is no RSA-1024 key"
    );
    assert_eq!(
        with(16 + 166, &[1, 4, 0, 0]),
        "link reply: num_common_caps at byte 166: 1025 words, the limit is 1024"
    );
    assert_eq!(
        with(16 + 166, &[2, 0, 0, 0]),
        "link reply: caps_offset.channel_caps at byte 186: needs 4 bytes, 0 left"
    );
    assert_eq!(
        with(16 + 174, &[8, 0, 0, 0]),
        "link reply: caps_offset at byte 174: 8 leads into the first 178 bytes"
    );
    assert_eq!(
        with(16 + 174, &[0, 1, 0, 0]),
        "link reply: caps_offset at byte 174: points to 256 in a body of 186 bytes"
    );
}

#[test]
fn a_server_that_takes_only_sasl_is_named_as_such() {
    let mut reply = fixture!("main-server.bin").to_vec();
    reply[16 + 178] = 0x0d;
    // Somebody who does not know it.
    let mut client = ClientLink::new(LinkRequest {
        capabilities: server_capabilities(),
        ..request("")
    });
    let error = client.receive(&reply, &mut entropy(2)).unwrap_err();
    assert_eq!(error, LinkError::NoCommonAuth);

    // Where the mechanism is refused later, a whole link reply takes the place of the result.
    let (mut client, _) = client_after(&fixture!("main-server.bin")[..202]);
    let error = client.receive(&refusal(3), &mut entropy(2)).unwrap_err();
    assert_eq!(error, LinkError::NoCommonAuth);
    assert_eq!(
        error.to_string(),
        "the server takes no password ticket, only SASL"
    );
}

#[test]
fn a_server_answers_malformed_links_as_the_reference_does() {
    let mess = &fixture!("main-client.bin")[..42];
    let with = |at: usize, bytes: &[u8]| {
        let mut mess = mess.to_vec();
        mess[at..at + bytes.len()].copy_from_slice(bytes);
        let (mut server, used) = server_after(&mess);
        assert!(used.is_err(), "{bytes:?} at {at}");
        assert_eq!(server.asks(), None);
        server.poll_transmit()
    };
    assert_eq!(with(0, b"GET "), Some(refusal(2)));
    assert_eq!(with(4, &[1]), Some(refusal(4)), "major version 1");
    assert_eq!(with(4, &[3]), Some(refusal(4)), "major version 3");
    assert_eq!(with(4, &[0]), None, "major version 0");
    assert_eq!(with(12, &[17, 0, 0, 0]), Some(refusal(3)), "too short");
    assert_eq!(with(12, &[1, 16, 0, 0]), Some(refusal(3)), "too long");
    assert_eq!(with(22, &[1, 4, 0, 0]), Some(refusal(3)), "1025 words");
    assert_eq!(
        with(22, &[2, 0, 0, 0]),
        Some(refusal(3)),
        "more words than bytes"
    );
    assert_eq!(
        with(30, &[17, 0, 0, 0]),
        Some(refusal(3)),
        "offset in the fixed part"
    );
    assert_eq!(
        with(30, &[19, 0, 0, 0]),
        Some(refusal(3)),
        "words behind the end"
    );
}

#[test]
fn a_link_without_capabilities_may_give_any_offset() {
    let mut mess = b"REDQ\x02\0\0\0\x02\0\0\0\x12\0\0\0".to_vec();
    mess.extend([0; 4]);
    mess.extend([1, 0]);
    mess.extend([0; 8]);
    mess.extend([0xff; 4]);
    let (server, used) = server_after(&mess);
    assert_eq!(used, Ok(34));
    assert!(matches!(server.asks(), Some(Asks::Channel(_))));
}

#[test]
fn a_mechanism_that_was_not_offered_is_answered_with_a_link_reply() {
    for mechanism in [0, 2, 3, u32::MAX] {
        let (mut server, _) = server_after(&fixture!("main-client.bin")[..42]);
        server.accept(server_capabilities());
        server.poll_transmit();
        assert_eq!(
            server.receive(&mechanism.to_le_bytes(), &mut entropy(3)),
            Err(Rejection::Mechanism(mechanism))
        );
        assert_eq!(server.poll_transmit().unwrap(), refusal(3));
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let shown = format!("{:?}", ClientLink::new(request("hunter2")));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("104, 117, 110, 116"), "{shown}");
}
