//! Why a client's link failed, and a guess at who answers when it is not SPICE.

use std::fmt;

use super::{LinkCode, Step, ticket::PASSWORD_MOST};
use crate::wire::DecodeError;

/// Why a channel could not be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// Something else answers at this address.
    NotSpice {
        /// What it may be.
        guess: Peer,
        /// What it said first, at most 64 bytes.
        first: Vec<u8>,
    },
    /// The server speaks another version.
    Version {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// The server refused, for any reason but the password.
    Refused(LinkCode),
    /// The server refused the ticket.
    WrongPassword,
    /// The server closed the connection too early.
    UnexpectedEnd {
        /// How far the handshake had come.
        step: Step,
    },
    /// The server's reply contradicts the protocol.
    BadReply(DecodeError),
    /// A password over 60 bytes.
    PasswordTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A password with a NUL inside.
    PasswordHasNul,
    /// The server takes no ticket.
    NoCommonAuth,
    /// The server wants to know by SASL who the user is, and that did not come about.
    Sasl(SaslError),
}

/// Why a user could not be proven by SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslError {
    /// None of the server's mechanisms can be used.
    NoMechanism {
        /// Those it offers, commas between.
        offered: String,
        /// Whether TLS hides what is said.
        is_secret: bool,
    },
    /// The server wants the name of a user, and none is known.
    WantsUser,
    /// The server does not take user and password; why, if it says so.
    Refused(String),
    /// The server does not prove that it knows the password.
    Unproven,
    /// The server asks for so few rounds of hashing that the password could be guessed.
    Weak {
        /// How many.
        rounds: u32,
    },
    /// The server breaks the rules; the clause says how.
    Malformed(&'static str),
}

/// Who may be answering in place of a SPICE server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A VNC server: says "RFB 003.008" first.
    Vnc,
    /// An SSH server: says "SSH-2.0-" first.
    Ssh,
    /// A web server: answers "HTTP/1.1 400", or with a page.
    Http,
    /// A TLS server: answers with an alert.
    Tls,
    /// A SPICE server, where something else was wanted.
    Spice,
    /// A mail server: says "220 " first.
    Smtp,
    /// Something that answers in text.
    Text,
    /// Something else.
    Unknown,
}

/// How the greetings begin.
const GREETINGS: &[(&[u8], Peer)] = &[
    (b"RFB ", Peer::Vnc),
    (b"SSH-", Peer::Ssh),
    (b"HTTP/", Peer::Http),
    // What is no request at all is answered in the way of HTTP 0.9, without a header.
    (b"<!DOCTYPE", Peer::Http),
    (b"<html", Peer::Http),
    (&[0x15, 0x03], Peer::Tls),
    (b"REDQ", Peer::Spice),
    (b"220 ", Peer::Smtp),
    (b"220-", Peer::Smtp),
];

/// Most bytes of a foreign greeting that are kept.
const FIRST_MOST: usize = 64;

impl Peer {
    /// Who speaks like this.
    pub(crate) fn guess(first: &[u8]) -> Self {
        let known = GREETINGS.iter().find(|(start, _)| first.starts_with(start));
        match known {
            Some((_, peer)) => *peer,
            None if !first.is_empty() && first.iter().all(|b| is_text(*b)) => Self::Text,
            None => Self::Unknown,
        }
    }

    /// What it speaks, where that has a name.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Vnc => Some("VNC"),
            Self::Ssh => Some("SSH"),
            Self::Http => Some("HTTP"),
            Self::Tls => Some("TLS"),
            Self::Spice => Some("SPICE"),
            Self::Smtp => Some("SMTP or FTP"),
            Self::Text | Self::Unknown => None,
        }
    }

    /// Whether more bytes could still make `first` a greeting that is known.
    pub(crate) fn may_become_known(first: &[u8]) -> bool {
        GREETINGS
            .iter()
            .any(|(start, _)| start.len() > first.len() && start.starts_with(first))
    }
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\r' | b'\n' | b'\t')
}

impl LinkError {
    pub(super) fn not_spice(first: &[u8]) -> Self {
        let first = &first[..first.len().min(FIRST_MOST)];
        Self::NotSpice {
            guess: Peer::guess(first),
            first: first.to_vec(),
        }
    }
}

impl From<DecodeError> for LinkError {
    fn from(error: DecodeError) -> Self {
        Self::BadReply(error)
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSpice { guess, first } => write_foreign(*guess, first, f),
            Self::Version { major, minor } => {
                write!(
                    f,
                    "the server speaks version {major}.{minor} of the protocol, not 2.2"
                )
            }
            Self::Refused(code @ LinkCode::Other(n)) => {
                write!(f, "the server refused the link: {} ({n})", code.text())
            }
            Self::Refused(code) => write!(f, "the server refused the link: {}", code.text()),
            Self::WrongPassword => {
                f.write_str("the server refused the password: it is wrong, expired or not set")
            }
            Self::UnexpectedEnd { step } => write!(f, "the server closed the connection {step}"),
            Self::BadReply(error) => error.fmt(f),
            Self::PasswordTooLong { len } => {
                write!(
                    f,
                    "the password has {len} bytes, at most {PASSWORD_MOST} are possible"
                )
            }
            Self::PasswordHasNul => f.write_str("the password has a NUL character in it"),
            Self::Sasl(error) => error.fmt(f),
            Self::NoCommonAuth => f.write_str("the server takes no password ticket, only SASL"),
        }
    }
}

fn write_foreign(guess: Peer, first: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(name) = guess.name() {
        return write!(f, "this is not SPICE: the peer speaks {name}");
    }
    if guess == Peer::Text {
        let text = String::from_utf8_lossy(first);
        let line = text.lines().next().unwrap_or_default();
        return write!(f, "this is not SPICE: the peer says {line:?}");
    }
    f.write_str("this is not SPICE: the peer's first bytes are")?;
    let mut first = first.iter().take(16);
    first.try_for_each(|b| write!(f, " {b:02x}"))
}

impl std::error::Error for LinkError {}

impl From<SaslError> for LinkError {
    fn from(error: SaslError) -> Self {
        Self::Sasl(error)
    }
}

impl fmt::Display for SaslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMechanism { offered, .. } if offered.is_empty() => {
                f.write_str("the server wants SASL and offers no mechanism for it here")
            }
            Self::NoMechanism {
                offered,
                is_secret: false,
            } => write!(
                f,
                "the server offers SASL only by {offered}, not to be used without TLS"
            ),
            Self::NoMechanism { offered, .. } => {
                write!(
                    f,
                    "the server offers SASL only by {offered}, none of which is known"
                )
            }
            Self::WantsUser => f.write_str("the server wants a user's name and password (SASL)"),
            Self::Refused(why) if why.is_empty() => {
                f.write_str("the server refused the user's name or password")
            }
            Self::Refused(why) => {
                write!(f, "the server refused the user's name or password: {why:?}")
            }
            Self::Unproven => f.write_str("the server does not prove that it knows the password"),
            Self::Weak { rounds } => write!(
                f,
                "the server would have the password hashed {rounds} times only, which gives it away"
            ),
            Self::Malformed(why) => write!(f, "the server breaks the rules of SASL: {why}"),
        }
    }
}

impl std::error::Error for SaslError {}
