//! DIGEST-MD5 without its encryption: older servers have nothing better (RFC 2831).
//!
//! MD5 is broken for much, though not for this; it is used only where TLS hides the exchange.

use std::fmt;

use md5::{Digest as _, Md5};
use zeroize::Zeroize;

use super::text::{hex, push, push_base64, same};
use super::{Entropy, Password, SaslError, Wiped};

/// Bytes of our nonce before it is put into base64.
const NONCE_BYTES: usize = 18;

/// One proof.
pub(super) struct Digest {
    user: String,
    password: Password,
    state: State,
}

enum State {
    /// The server is to ask.
    Challenge,
    /// The server is to say this.
    Signature(Wiped),
    Done,
}

impl Digest {
    pub(super) fn new(user: &str, password: &Password) -> Self {
        Self {
            user: user.to_owned(),
            password: password.clone(),
            state: State::Challenge,
        }
    }

    /// What to say to a challenge; nothing after the last.
    pub(super) fn answer(
        &mut self,
        challenge: &[u8],
        entropy: Entropy<'_>,
    ) -> Result<Option<Wiped>, SaslError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Challenge => {
                let mut random = [0; NONCE_BYTES];
                entropy(&mut random);
                let mut nonce = Wiped::default();
                push_base64(&random, &mut nonce);
                self.prove(challenge, &nonce).map(Some)
            }
            State::Signature(expected) => {
                let said = values(challenge).find(|(key, _)| *key == b"rspauth");
                match said {
                    Some((_, value)) if same(&value, &expected) => Ok(None),
                    _ => Err(SaslError::Unproven),
                }
            }
            State::Done => Err(SaslError::Malformed("it goes on after its end")),
        }
    }

    /// Whether the server has proven that it knows the password.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn prove(&mut self, challenge: &[u8], our_nonce: &[u8]) -> Result<Wiped, SaslError> {
        let bad = SaslError::Malformed;
        let value = |key: &[u8]| values(challenge).find(|(k, _)| *k == key).map(|(_, v)| v);
        let nonce = value(b"nonce").ok_or(bad("it has no nonce"))?;
        if value(b"algorithm").as_deref() != Some(b"md5-sess") {
            return Err(bad("its algorithm is not md5-sess"));
        }
        let grades = value(b"qop").unwrap_or_else(|| b"auth".to_vec());
        if !grades
            .split(|b| *b == b',')
            .any(|grade| grade.trim_ascii() == b"auth")
        {
            return Err(bad("it wants encryption of its own"));
        }
        let realm = value(b"realm");
        let in_hash = realm.as_deref().unwrap_or_default();
        // The host is not known here, and servers do not look at it (seen from Cyrus SASL 2.1).
        let uri = [b"spice/", in_hash].concat();

        let user = folded(self.user.as_bytes());
        let secret = md5(&[&user, b":", in_hash, b":", &folded(self.password.bytes())]);
        let secret = hex(&md5(&[&secret, b":", &nonce, b":", our_nonce]));
        let proof = |method: &[u8]| {
            let what = hex(&md5(&[method, b":", &uri]));
            let parts = [
                &secret[..],
                b":",
                &nonce,
                b":00000001:",
                our_nonce,
                b":auth:",
                &what,
            ];
            hex(&md5(&parts))
        };
        self.state = State::Signature(proof(b""));

        let mut out = Wiped::default();
        push(b"charset=utf-8", &mut out);
        let mut quoted = |key: &str, value: &[u8]| {
            push(format!(",{key}=\"").as_bytes(), &mut out);
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    push(b"\\", &mut out);
                }
                push(&[*byte], &mut out);
            }
            push(b"\"", &mut out);
        };
        quoted("username", self.user.as_bytes());
        if let Some(realm) = &realm {
            quoted("realm", realm);
        }
        quoted("nonce", &nonce);
        quoted("cnonce", our_nonce);
        quoted("digest-uri", &uri);
        push(b",nc=00000001,qop=auth,response=", &mut out);
        push(&proof(b"AUTHENTICATE"), &mut out);
        Ok(out)
    }
}

fn md5(parts: &[&[u8]]) -> Wiped {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut out = hash.finalize();
    let copy = Wiped::new(out.to_vec());
    out.zeroize();
    copy
}

/// A text as it is hashed: in Latin-1 where that has all its characters.
fn folded(text: &[u8]) -> Wiped {
    let mut out = Wiped::new(Vec::with_capacity(text.len()));
    for c in std::str::from_utf8(text).unwrap_or_default().chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => return Wiped::new(text.to_vec()),
        }
    }
    out
}

/// Keys and values of `key=value,key="value"…`, escapes resolved.
fn values(mut text: &[u8]) -> impl Iterator<Item = (&[u8], Vec<u8>)> {
    std::iter::from_fn(move || {
        let start = text
            .iter()
            .position(|b| !matches!(b, b',' | b' ' | b'\t' | b'\r' | b'\n'))?;
        let at = start + text[start..].iter().position(|b| *b == b'=')?;
        let key = text[start..at].trim_ascii();
        let mut rest = text[at + 1..].iter();
        let mut value = Vec::new();
        let is_quoted = rest.as_slice().first() == Some(&b'"');
        if is_quoted {
            rest.next();
        }
        while let Some(byte) = rest.next() {
            match (byte, is_quoted) {
                (b'"', true) | (b',', false) => break,
                (b'\\', true) => value.extend(rest.next()),
                _ => value.push(*byte),
            }
        }
        text = rest.as_slice();
        Some((key, value))
    })
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_taken_apart_at_commas_outside_of_quotes() {
        let text = br#"realm="a\"b,c", nonce="x",qop="auth,auth-int" ,,algorithm=md5-sess"#;
        let found: Vec<(&[u8], Vec<u8>)> = values(text).collect();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"realm", b"a\"b,c"),
            (b"nonce", b"x"),
            (b"qop", b"auth,auth-int"),
            (b"algorithm", b"md5-sess"),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key, value.to_vec())));
    }

    #[test]
    fn the_answer_is_the_one_of_another_implementation() {
        // Computed with Python's hashlib by the formulas of RFC 2831 §2.1.2.
        let password = Password::new("secret").expect("a password");
        let mut digest = Digest::new("chris", &password);
        let challenge =
            br#"realm="elwood",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8"#;
        let answer = digest
            .prove(challenge, b"OA6MHXh6VqTrRk")
            .expect("an answer");
        assert_eq!(
            String::from_utf8(answer.to_vec()).expect("text"),
            "charset=utf-8,username=\"chris\",realm=\"elwood\",nonce=\"OA6MG9tEQGm2hh\",cnonce=\"OA6MHXh6VqTrRk\",\
             digest-uri=\"spice/elwood\",nc=00000001,qop=auth,response=53959235acc0462c332f2912b123646c"
        );
        let last = digest.answer(b"rspauth=9ad86400ad8e44aa93efb3fb03f116b6", &mut |_| {});
        assert_eq!(last, Ok(None));
    }

    #[test]
    fn a_server_that_wants_what_is_not_here_is_told_so() {
        let answer =
            |challenge: &[u8]| Digest::new("x", &Password::default()).prove(challenge, b"y");
        for (challenge, why) in [
            (&b""[..], "it has no nonce"),
            (b"nonce=\"x\"", "its algorithm is not md5-sess"),
            (
                b"nonce=\"x\",algorithm=md5-sess,qop=\"auth-conf\"",
                "it wants encryption of its own",
            ),
        ] {
            assert_eq!(answer(challenge), Err(SaslError::Malformed(why)));
        }
    }
}
