//! SCRAM: the password is proven without being shown, and the server proves that it knows it too (RFC 5802, RFC 7677).

use std::fmt;

use hmac::digest::{Digest, KeyInit};
use hmac::{Mac, SimpleHmac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroize;

use super::text::{from_base64, push, push_base64, same};
use super::{Entropy, Password, SaslError, Wiped};

/// Fewest rounds that are taken: whoever sees the exchange of fewer can guess the password soon.
const ROUNDS_LEAST: u32 = 4096;

/// Most rounds that are taken; they cost a second or two. Servers ask for 4096 up to some hundred thousand.
const ROUNDS_MOST: u32 = 2_000_000;

/// Bytes of our nonce before it is put into base64.
const NONCE_BYTES: usize = 18;

/// What the first words begin with: no channel is bound, nobody else's name.
const HEADER: &[u8] = b"n,,";

/// The hash that a mechanism is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// One proof.
pub(super) struct Scram {
    hash: Hash,
    password: Password,
    nonce: Wiped,
    /// The first words without their header.
    bare: Wiped,
    state: State,
}

enum State {
    /// The server is to say how the password was salted.
    Salt,
    /// The server is to say this.
    Signature(Wiped),
    Done,
}

impl Hash {
    fn hash(self, bytes: &[u8]) -> Wiped {
        fn digest<D: Digest>(bytes: &[u8]) -> Wiped {
            let mut out = D::digest(bytes);
            wiped(&mut out)
        }
        match self {
            Self::Sha1 => digest::<Sha1>(bytes),
            Self::Sha256 => digest::<Sha256>(bytes),
            Self::Sha512 => digest::<Sha512>(bytes),
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Wiped {
        match self {
            Self::Sha1 => hmac::<SimpleHmac<Sha1>>(key, text),
            Self::Sha256 => hmac::<SimpleHmac<Sha256>>(key, text),
            Self::Sha512 => hmac::<SimpleHmac<Sha512>>(key, text),
        }
    }

    /// `Hi` of RFC 5802: the password hashed over and over, PBKDF2 with one block.
    fn salted(self, password: &[u8], salt: &[u8], rounds: u32) -> Wiped {
        match self {
            Self::Sha1 => salted::<SimpleHmac<Sha1>>(password, salt, rounds),
            Self::Sha256 => salted::<SimpleHmac<Sha256>>(password, salt, rounds),
            Self::Sha512 => salted::<SimpleHmac<Sha512>>(password, salt, rounds),
        }
    }
}

/// A copy in memory that is wiped; the original is.
fn wiped(bytes: &mut [u8]) -> Wiped {
    let copy = Wiped::new(bytes.to_vec());
    bytes.zeroize();
    copy
}

fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as Mac>::new_from_slice(key).expect("a key of HMAC may have any length")
}

fn hmac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Wiped {
    let mut out = keyed::<M>(key).chain_update(text).finalize().into_bytes();
    wiped(&mut out)
}

fn salted<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], rounds: u32) -> Wiped {
    let mac = keyed::<M>(password);
    let first = mac.clone().chain_update(salt).chain_update([0, 0, 0, 1]);
    let mut last = first.finalize().into_bytes();
    let mut all = Wiped::new(last.to_vec());
    for _ in 1..rounds {
        last = mac.clone().chain_update(&last).finalize().into_bytes();
        all.iter_mut().zip(&last).for_each(|(all, one)| *all ^= one);
    }
    last.zeroize();
    all
}

impl Scram {
    pub(super) fn new(hash: Hash, user: &str, password: &Password, entropy: Entropy<'_>) -> Self {
        let mut random = [0; NONCE_BYTES];
        entropy(&mut random);
        let mut nonce = Wiped::default();
        push_base64(&random, &mut nonce);
        Self::with_nonce(hash, user, password, nonce)
    }

    fn with_nonce(hash: Hash, user: &str, password: &Password, nonce: Wiped) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let mut bare = Wiped::default();
        for part in [b"n=", user.as_bytes(), b",r=", &nonce] {
            push(part, &mut bare);
        }
        Self {
            hash,
            password: password.clone(),
            nonce,
            bare,
            state: State::Salt,
        }
    }

    /// The first words.
    pub(super) fn first(&self) -> Wiped {
        let mut out = Wiped::default();
        push(HEADER, &mut out);
        push(&self.bare, &mut out);
        out
    }

    /// What to say to a challenge; nothing after the last.
    pub(super) fn answer(&mut self, challenge: &[u8]) -> Result<Option<Wiped>, SaslError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Salt => self.prove(challenge).map(Some),
            State::Signature(expected) => {
                let said = values(challenge).find(|(key, _)| matches!(key, b'v' | b'e'));
                match said {
                    Some((b'v', value)) if same(value, &expected) => Ok(None),
                    Some((b'e', why)) => {
                        let why = String::from_utf8_lossy(why);
                        Err(SaslError::Refused(why.chars().take(200).collect()))
                    }
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

    fn prove(&mut self, challenge: &[u8]) -> Result<Wiped, SaslError> {
        let bad = SaslError::Malformed;
        // What must be understood comes first, and nothing of that kind is known.
        if challenge.starts_with(b"m=") {
            return Err(bad("it wants an extension that is not known"));
        }
        let value = |key| values(challenge).find(|(k, _)| *k == key).map(|(_, v)| v);
        let nonce = value(b'r').filter(|nonce| nonce.starts_with(&self.nonce));
        let nonce = nonce.filter(|nonce| nonce.len() > self.nonce.len());
        let nonce = nonce.ok_or(bad("its nonce is not made from ours"))?;
        let salt = value(b's').and_then(from_base64);
        let salt = salt.ok_or(bad("it has no salt"))?;
        let rounds = value(b'i').and_then(|i| std::str::from_utf8(i).ok()?.parse().ok());
        let rounds: u32 = rounds.ok_or(bad("it has no number of rounds"))?;
        if rounds < ROUNDS_LEAST {
            return Err(SaslError::Weak { rounds });
        }
        if rounds > ROUNDS_MOST {
            return Err(bad("it wants too many rounds"));
        }

        let hash = self.hash;
        let mut out = Wiped::default();
        push(b"c=", &mut out);
        push_base64(HEADER, &mut out);
        push(b",r=", &mut out);
        push(nonce, &mut out);
        let mut all = Wiped::default();
        for part in [&self.bare, &b","[..], challenge, b",", &out] {
            push(part, &mut all);
        }
        let salted = hash.salted(self.password.bytes(), &salt, rounds);
        let key = hash.hmac(&salted, b"Client Key");
        let mut proof = hash.hmac(&hash.hash(&key), &all);
        proof.iter_mut().zip(&*key).for_each(|(p, k)| *p ^= k);
        push(b",p=", &mut out);
        push_base64(&proof, &mut out);

        let signature = hash.hmac(&hash.hmac(&salted, b"Server Key"), &all);
        let mut expected = Wiped::default();
        push_base64(&signature, &mut expected);
        self.state = State::Signature(expected);
        Ok(out)
    }
}

/// Keys and values of `k=value,…`.
fn values(text: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    text.split(|byte| *byte == b',')
        .filter_map(|part| match part {
            [key, b'=', value @ ..] => Some((*key, value)),
            _ => None,
        })
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scram({:?})", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scram(hash: Hash, nonce: &str) -> Scram {
        let password = Password::new("pencil").expect("a password");
        let nonce = Wiped::new(nonce.as_bytes().to_vec());
        Scram::with_nonce(hash, "user", &password, nonce)
    }

    fn text(bytes: &Wiped) -> String {
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    /// Runs a whole exchange; what is sent, and what comes of the server's last word.
    fn exchange(
        mut scram: Scram,
        challenge: &str,
        last: &str,
    ) -> Result<(String, String), SaslError> {
        let first = text(&scram.first());
        let proof = scram.answer(challenge.as_bytes())?.expect("a proof");
        assert!(!scram.is_done());
        scram.answer(last.as_bytes())?;
        assert!(scram.is_done());
        Ok((first, text(&proof)))
    }

    #[test]
    fn the_example_of_rfc_5802_comes_out_as_printed() {
        let said = exchange(
            scram(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL"),
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
        let first = "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL";
        let proof =
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        assert_eq!(said, Ok((first.to_owned(), proof.to_owned())));
    }

    #[test]
    fn the_example_of_rfc_7677_comes_out_as_printed() {
        let said = exchange(
            scram(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO"),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
        let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(said, Ok((first.to_owned(), proof.to_owned())));
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_not_believed() {
        let nonce = "fyko+d2lbbFgONRv9qkxdawL";
        let challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let ends = |last| exchange(scram(Hash::Sha1, nonce), challenge, last).unwrap_err();
        assert_eq!(ends("v=rmF9pqV8S7suAoZWja4dJRkFsKU="), SaslError::Unproven);
        assert_eq!(ends(""), SaslError::Unproven);
        let refused = SaslError::Refused("unknown-user".into());
        assert_eq!(ends("e=unknown-user"), refused);
    }

    #[test]
    fn challenges_that_help_somebody_else_are_refused() {
        let ends = |challenge| exchange(scram(Hash::Sha1, "abc"), challenge, "").unwrap_err();
        for challenge in [
            "",
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=xyz123,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abc123,s=*,i=4096",
            "r=abc123,s=QSXCR+Q6sek8bf92",
            "r=abc123,s=QSXCR+Q6sek8bf92,i=99999999",
            "m=x,r=abc123,s=QSXCR+Q6sek8bf92,i=4096",
        ] {
            let error = ends(challenge);
            assert!(matches!(error, SaslError::Malformed(_)), "{challenge}");
        }
        let weak = SaslError::Weak { rounds: 1 };
        assert_eq!(ends("r=abc123,s=QSXCR+Q6sek8bf92,i=1"), weak);
    }

    #[test]
    fn a_name_cannot_break_out_of_the_first_words() {
        let password = Password::default();
        let scram = Scram::with_nonce(Hash::Sha1, "a,b=c", &password, Wiped::new(b"x".to_vec()));
        assert_eq!(text(&scram.first()), "n,,n=a=2Cb=3Dc,r=x");
    }
}
