//! The client's side of SASL: who the user is, proven by the strongest mechanism that the server offers (spec 01 §13).
//!
//! A mechanism is a value that is asked for its first words and then answers challenges; what goes around it is the same for all:
//!
//! | direction | layout |
//! |---|---|
//! | from the server | u32 length, its mechanisms, commas between |
//! | to the server | u32 length, the name of one; u32 length, its first words and a NUL, or length 0 for none |
//! | from the server | u32 length, a challenge and a NUL, or length 0 for none; u8, whether it has heard enough |
//! | to the server | u32 length, the answer and a NUL; unless the server has heard enough |
//! | from the server | u32, 0 for yes; otherwise u32 length and a text |
//!
//! Written here and not taken from a library: it takes its randomness as an argument, wipes what it knew, and adds no more than
//! the hashes. Names and passwords are sent as they were typed, without the folding of SASLprep; servers do not fold either
//! (seen from Cyrus SASL 2.1).

mod digest;
mod scram;
mod text;

use zeroize::Zeroizing;

use super::{LinkError, MAGIC, Password, SaslError};
use digest::Digest;
use scram::{Hash, Scram};

/// Most bytes of the server's list of mechanisms.
const LIST_MOST: usize = 300;

/// Most bytes of a challenge. Real ones have some hundred.
const CHALLENGE_MOST: usize = 16 << 10;

/// Most bytes of the text that says why the server refuses.
const REASON_MOST: usize = 4 << 10;

/// Most challenges that are answered.
const ROUNDS_MOST: u32 = 8;

/// Source of unpredictable bytes.
pub(super) type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Bytes that may hold a password, or something to guess it from.
pub(super) type Wiped = Zeroizing<Vec<u8>>;

/// Who the user is, and what may be said where.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// The user's name, if one is known.
    pub user: Option<String>,
    /// The password; the empty one when none is known.
    pub password: Password,
    /// Whether nobody on the way can read along.
    pub is_secret: bool,
}

/// An exchange that has begun with the word for SASL.
#[derive(Debug)]
pub(super) struct Exchange {
    login: Login,
    state: State,
    rounds: u32,
}

/// What the next bytes are.
#[derive(Debug)]
enum State {
    ListLen,
    List(usize),
    ChallengeLen(Mechanism),
    Challenge(Mechanism, usize),
    Verdict,
    ReasonLen,
    Reason(usize),
    /// It came to an end, one way or the other.
    Over,
}

/// What follows from a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Another packet has to come.
    Listen,
    /// This has to be sent; then another packet has to come.
    Say(Wiped),
    /// The server knows the user. The link result follows.
    Accepted,
}

/// How the user is proven.
#[derive(Debug)]
enum Mechanism {
    Scram(Box<Scram>),
    Digest(Box<Digest>),
    /// Everything was said at once.
    Said,
}

/// The mechanisms, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scram(Hash),
    Digest,
    Plain,
    External,
    Anonymous,
}

/// Names as servers list them, best first.
const KINDS: &[(&str, Kind)] = &[
    ("SCRAM-SHA-512", Kind::Scram(Hash::Sha512)),
    ("SCRAM-SHA-256", Kind::Scram(Hash::Sha256)),
    ("SCRAM-SHA-1", Kind::Scram(Hash::Sha1)),
    ("DIGEST-MD5", Kind::Digest),
    ("PLAIN", Kind::Plain),
    ("EXTERNAL", Kind::External),
    ("ANONYMOUS", Kind::Anonymous),
];

impl Kind {
    /// Whether it proves a name by a password.
    const fn asks(self) -> bool {
        matches!(self, Self::Scram(_) | Self::Digest | Self::Plain)
    }

    /// Whether everybody on the way learns what opens the door, or can change what is said behind it. DIGEST-MD5 would be offered
    /// for the encryption that comes with it, which is broken and is not here.
    const fn needs_secrecy(self) -> bool {
        matches!(self, Self::Plain | Self::Digest)
    }
}

impl Exchange {
    pub(super) const fn new(login: Login) -> Self {
        Self {
            login,
            state: State::ListLen,
            rounds: 0,
        }
    }

    /// Bytes of the next packet.
    pub(super) fn wanted(&self) -> usize {
        match &self.state {
            State::ListLen | State::Verdict | State::ReasonLen | State::Over => 4,
            State::ChallengeLen(_) => 4,
            State::List(len) | State::Reason(len) => *len,
            // The word whether the server has heard enough belongs to it.
            State::Challenge(_, len) => len + 1,
        }
    }

    /// Takes a packet of [`Exchange::wanted`] bytes.
    ///
    /// # Errors
    ///
    /// When the user cannot be proven, or the server breaks the rules.
    pub(super) fn step(
        &mut self,
        packet: &[u8],
        entropy: Entropy<'_>,
    ) -> Result<Progress, LinkError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::ListLen => {
                let len = length(packet, LIST_MOST)?;
                self.listen(match len {
                    0 => return Err(self.none_fits("")),
                    len => State::List(len),
                })
            }
            State::List(_) => self.begin(packet, entropy),
            State::ChallengeLen(mechanism) => {
                let len = length(packet, CHALLENGE_MOST)?;
                self.listen(State::Challenge(mechanism, len))
            }
            State::Challenge(mechanism, len) => self.answer(mechanism, packet, len, entropy),
            State::Verdict => match u32_of(packet) {
                0 => Ok(Progress::Accepted),
                _ => self.listen(State::ReasonLen),
            },
            State::ReasonLen => match length(packet, REASON_MOST)? {
                0 => Err(SaslError::Refused(String::new()).into()),
                len => self.listen(State::Reason(len)),
            },
            State::Reason(_) => {
                let text = String::from_utf8_lossy(packet);
                let text = text.trim_end_matches('\0').chars().take(200).collect();
                Err(SaslError::Refused(text).into())
            }
            State::Over => Err(SaslError::Malformed("it goes on after its end").into()),
        }
    }

    /// What it means that the server closes the connection here.
    pub(super) fn end_of_stream(&self) -> LinkError {
        match self.state {
            // A server without any mechanism does not even say so (seen from QEMU 7.2 on a unix socket).
            State::ListLen | State::List(_) => self.none_fits(""),
            // Nor does one tell why it does not know a user.
            _ => SaslError::Refused(String::new()).into(),
        }
    }

    fn listen(&mut self, state: State) -> Result<Progress, LinkError> {
        self.state = state;
        Ok(Progress::Listen)
    }

    /// Chooses a mechanism and begins it.
    fn begin(&mut self, list: &[u8], entropy: Entropy<'_>) -> Result<Progress, LinkError> {
        let list = String::from_utf8_lossy(list);
        let list = list.trim_matches(['\0', ',']);
        let offered = |name: &str| list.split(',').any(|one| one.trim() == name);
        let is_fit = |kind: Kind| self.login.is_secret || !kind.needs_secrecy();
        let known = KINDS
            .iter()
            .filter(|(name, kind)| offered(name) && is_fit(*kind));
        let nobody = self.login.user.is_none() || self.login.password.is_empty();
        let chosen = match (nobody, &known) {
            // Who has no name or no password needs none where nobody asks for it.
            (true, known) => known.clone().find(|(_, kind)| !kind.asks()),
            (false, known) => known.clone().next(),
        };
        let Some((name, kind)) = chosen else {
            return Err(match known.count() {
                0 => self.none_fits(list),
                _ => SaslError::WantsUser.into(),
            });
        };
        let user = self.login.user.as_deref().unwrap_or_default();
        let (mechanism, first) = match kind {
            Kind::Scram(hash) => {
                let scram = Scram::new(*hash, user, &self.login.password, entropy);
                let first = scram.first();
                (Mechanism::Scram(Box::new(scram)), Some(first))
            }
            Kind::Digest => {
                let digest = Digest::new(user, &self.login.password);
                (Mechanism::Digest(Box::new(digest)), None)
            }
            Kind::Plain => (Mechanism::Said, Some(plain(user, &self.login.password))),
            // The server knows from elsewhere who this is, and is asked for nobody else.
            Kind::External => (Mechanism::Said, Some(Wiped::default())),
            Kind::Anonymous => (Mechanism::Said, Some(Wiped::new(b"capsaicin".to_vec()))),
        };
        let mut out = Wiped::new(Vec::with_capacity(512));
        out.extend((name.len() as u32).to_le_bytes());
        out.extend(name.as_bytes());
        write(first.as_deref().map(Vec::as_slice), &mut out);
        self.state = State::ChallengeLen(mechanism);
        Ok(Progress::Say(out))
    }

    /// Answers a challenge, or checks the server's last word.
    fn answer(
        &mut self,
        mut mechanism: Mechanism,
        packet: &[u8],
        len: usize,
        entropy: Entropy<'_>,
    ) -> Result<Progress, LinkError> {
        let (challenge, enough) = packet.split_at(len.min(packet.len()));
        let challenge = challenge.strip_suffix(b"\0").unwrap_or(challenge);
        let answer = match (&mut mechanism, len) {
            // Nothing was said, and nothing is the answer.
            (_, 0) => None,
            (Mechanism::Scram(scram), _) => scram.answer(challenge)?,
            (Mechanism::Digest(digest), _) => digest.answer(challenge, entropy)?,
            (Mechanism::Said, _) => None,
        };
        match enough {
            [0] => {
                self.rounds += 1;
                if self.rounds > ROUNDS_MOST {
                    return Err(SaslError::Malformed("it asks too often").into());
                }
                let mut out = Wiped::new(Vec::with_capacity(512));
                write(answer.as_deref().map(Vec::as_slice), &mut out);
                self.state = State::ChallengeLen(mechanism);
                Ok(Progress::Say(out))
            }
            [1] if mechanism.is_done() => self.listen(State::Verdict),
            // Whoever lets everybody in need not know the password.
            [1] => Err(SaslError::Unproven.into()),
            _ => Err(SaslError::Malformed("it says neither yes nor no").into()),
        }
    }

    fn none_fits(&self, offered: &str) -> LinkError {
        let offered = offered.chars().take(LIST_MOST).collect();
        SaslError::NoMechanism {
            offered,
            is_secret: self.login.is_secret,
        }
        .into()
    }
}

impl Mechanism {
    /// Whether there is nothing left to say or to check.
    fn is_done(&self) -> bool {
        match self {
            Self::Scram(scram) => scram.is_done(),
            Self::Digest(digest) => digest.is_done(),
            Self::Said => true,
        }
    }
}

/// Nobody else's name, the user's, and the password.
fn plain(user: &str, password: &Password) -> Wiped {
    let mut out = Wiped::new(Vec::with_capacity(2 + user.len() + password.bytes().len()));
    for part in [b"\0", user.as_bytes(), b"\0", password.bytes()] {
        out.extend_from_slice(part);
    }
    out
}

/// Appends what is said, if anything is.
fn write(said: Option<&[u8]>, out: &mut Wiped) {
    let len = said.map_or(0, |said| said.len() as u32 + 1);
    out.extend(len.to_le_bytes());
    if let Some(said) = said {
        out.extend_from_slice(said);
        out.push(0);
    }
}

/// A length that is not over what it may be.
fn length(packet: &[u8], most: usize) -> Result<usize, LinkError> {
    // A server that does not go on answers with a whole link reply.
    if packet == MAGIC {
        return Err(SaslError::Refused(String::new()).into());
    }
    match u32_of(packet) as usize {
        len if len <= most => Ok(len),
        _ => Err(SaslError::Malformed("a part of it is too long").into()),
    }
}

fn u32_of(packet: &[u8]) -> u32 {
    packet
        .first_chunk()
        .map_or(0, |word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests;
