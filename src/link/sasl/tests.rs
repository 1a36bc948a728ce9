use super::*;

/// Somebody with a name and a password, over TLS.
fn ann() -> Login {
    Login {
        user: Some("ann".into()),
        password: Password::new("sesame").expect("a password"),
        is_secret: true,
    }
}

/// Nobody in particular.
fn nobody() -> Login {
    Login {
        user: None,
        password: Password::default(),
        is_secret: true,
    }
}

/// What a server says: a length and these bytes.
fn part(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// A challenge with its NUL, and whether it is the last.
fn challenge(text: &str, is_last: u8) -> Vec<u8> {
    [part(format!("{text}\0").as_bytes()), vec![is_last]].concat()
}

/// An exchange, and what was said in it.
struct Told {
    said: Vec<Vec<u8>>,
    result: Result<Progress, LinkError>,
}

/// Tells a client all this.
fn tell(login: Login, bytes: &[u8]) -> Told {
    let mut exchange = Exchange::new(login);
    let mut said = Vec::new();
    let mut left = bytes;
    loop {
        let Some((packet, rest)) = left.split_at_checked(exchange.wanted()) else {
            let result = Err(exchange.end_of_stream());
            return Told { said, result };
        };
        left = rest;
        match exchange.step(packet, &mut |bytes| bytes.fill(7)) {
            Ok(Progress::Say(words)) => said.push(words.to_vec()),
            Ok(Progress::Listen) => {}
            result => return Told { said, result },
        }
    }
}

/// The name of the mechanism that is chosen from a list, or why there is none.
fn chosen(login: Login, list: &str) -> Result<String, SaslError> {
    let told = tell(login, &part(list.as_bytes()));
    match (told.said.first(), told.result) {
        (Some(said), _) => {
            let len = usize::from(said[0]);
            Ok(String::from_utf8(said[4..4 + len].to_vec()).expect("text"))
        }
        (None, Err(LinkError::Sasl(error))) => Err(error),
        (None, other) => panic!("{other:?}"),
    }
}

const ALL: &str = ",DIGEST-MD5,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,ANONYMOUS,EXTERNAL,";

#[test]
fn the_strongest_mechanism_is_chosen() {
    for (list, name) in [
        (ALL, "SCRAM-SHA-512"),
        (",PLAIN,SCRAM-SHA-1,SCRAM-SHA-256,", "SCRAM-SHA-256"),
        ("PLAIN, DIGEST-MD5", "DIGEST-MD5"),
        (",GSSAPI,PLAIN,", "PLAIN"),
        (",ANONYMOUS,EXTERNAL,", "EXTERNAL"),
    ] {
        assert_eq!(chosen(ann(), list).as_deref(), Ok(name), "{list}");
    }
}

#[test]
fn who_has_no_name_needs_none_where_nobody_asks_for_it() {
    assert_eq!(chosen(nobody(), ALL).as_deref(), Ok("EXTERNAL"));
    assert_eq!(
        chosen(nobody(), ",PLAIN,ANONYMOUS,").as_deref(),
        Ok("ANONYMOUS")
    );
    assert_eq!(chosen(nobody(), ",PLAIN,"), Err(SaslError::WantsUser));
}

#[test]
fn nothing_that_gives_the_password_away_is_said_without_tls() {
    let open = || Login {
        is_secret: false,
        ..ann()
    };
    assert_eq!(chosen(open(), ALL).as_deref(), Ok("SCRAM-SHA-512"));
    let error = chosen(open(), ",DIGEST-MD5,PLAIN,").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server offers SASL only by DIGEST-MD5,PLAIN, not to be used without TLS"
    );
    let error = chosen(ann(), ",GSSAPI,").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server offers SASL only by GSSAPI, none of which is known"
    );
}

#[test]
fn plain_says_name_and_password_at_once() {
    let yes = [part(b",PLAIN,"), part(b""), vec![1], vec![0; 4]].concat();
    let told = tell(ann(), &yes);
    let expected = [part(b"PLAIN"), part(b"\0ann\0sesame\0")].concat();
    assert_eq!(told.said, [expected]);
    assert_eq!(told.result, Ok(Progress::Accepted));
}

#[test]
fn nothing_to_say_is_told_apart_from_saying_nothing() {
    // DIGEST-MD5 waits for a challenge; EXTERNAL says the empty name.
    let told = tell(ann(), &part(b"DIGEST-MD5"));
    assert_eq!(told.said, [[part(b"DIGEST-MD5"), part(b"")].concat()]);
    let told = tell(nobody(), &part(b"EXTERNAL"));
    assert_eq!(told.said, [[part(b"EXTERNAL"), part(b"\0")].concat()]);
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let begun = [part(b"PLAIN"), part(b""), vec![1]].concat();
    let refused = |why: &str| Err(LinkError::Sasl(SaslError::Refused(why.into())));
    let no = [&begun[..], &[1, 0, 0, 0], &part(b"not today\0")].concat();
    assert_eq!(tell(ann(), &no).result, refused("not today"));
    let silent = [&begun[..], &[1, 0, 0, 0], &part(b"")].concat();
    assert_eq!(tell(ann(), &silent).result, refused(""));
    // The reference hangs up, or begins a whole link reply.
    assert_eq!(tell(ann(), &begun).result, refused(""));
    let reply = [&part(b"PLAIN")[..], b"REDQ\x02\0\0\0"].concat();
    assert_eq!(tell(ann(), &reply).result, refused(""));
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_believed() {
    let early = [part(b"SCRAM-SHA-1"), part(b""), vec![1], vec![0; 4]].concat();
    let result = tell(ann(), &early).result;
    assert_eq!(result, Err(LinkError::Sasl(SaslError::Unproven)));
}

#[test]
fn what_is_too_long_or_goes_on_for_ever_is_given_up() {
    let long = (LIST_MOST as u32 + 1).to_le_bytes();
    let malformed = |result| matches!(result, Err(LinkError::Sasl(SaslError::Malformed(_))));
    assert!(malformed(tell(ann(), &long).result));
    let long = [
        &part(b"PLAIN")[..],
        &(CHALLENGE_MOST as u32 + 1).to_le_bytes(),
    ]
    .concat();
    assert!(malformed(tell(ann(), &long).result));
    let again = [part(b"PLAIN"), challenge("go on", 0).repeat(100)].concat();
    let told = tell(ann(), &again);
    assert!(malformed(told.result));
    assert_eq!(told.said.len(), 1 + ROUNDS_MOST as usize);
}

#[test]
fn no_prefix_and_no_change_of_an_exchange_is_taken_for_a_success() {
    let first = "r=BwcHBwcHBwcHBwcHBwcHBwcHBwcHserver,s=QSXCR+Q6sek8bf92,i=4096";
    let whole = [
        part(b",SCRAM-SHA-1,"),
        challenge(first, 0),
        challenge("v=bm90IHRoZSBvbmUgdGhhdCBpdCBpcw==", 1),
        vec![0; 4],
    ]
    .concat();
    for end in 0..whole.len() {
        let result = tell(ann(), &whole[..end]).result;
        assert!(result.is_err(), "{end} bytes");
    }
    for at in 0..whole.len() {
        for change in [1, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            let result = tell(ann(), &changed).result;
            assert!(result.is_err(), "byte {at} changed by {change}");
        }
    }
}

#[test]
fn nothing_of_a_login_is_shown() {
    let told = format!("{:?}", Exchange::new(ann()));
    assert!(!told.contains("sesame"), "{told}");
}
