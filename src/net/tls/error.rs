//! Why there is no TLS connection.

use std::fmt;
use std::io;

use super::problem::Rejection;
use crate::link::Peer;

/// Why there is no TLS connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate is not what it should be.
    Certificate(Box<Rejection>),
    /// What answers does not speak TLS.
    NotTls {
        /// What it may be.
        guess: Peer,
    },
    /// The peer ended the connection while TLS was being set up.
    HungUp,
    /// This processor lacks what the cryptography needs.
    Processor,
    /// The server proved not to have the key of its certificate.
    Proof,
    /// Anything else, in the words of the library.
    Protocol(String),
    /// The connection broke.
    Io(io::Error),
}

impl TlsError {
    /// What an error of the handshake means, after a peer whose `first` words these were.
    pub(super) fn sorted(error: io::Error, first: &[u8]) -> Self {
        use rustls::{CertificateError, Error, InvalidMessage};
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
        match inner {
            Some(Error::InvalidCertificate(CertificateError::BadSignature)) => Self::Proof,
            Some(Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            )) => Self::NotTls {
                guess: Peer::guess(first),
            },
            Some(other) => Self::Protocol(other.to_string()),
            // Who ends it after a few words of something else was not speaking TLS either.
            None if is_end(&error) && !first.is_empty() && !is_record(first) => Self::NotTls {
                guess: Peer::guess(first),
            },
            None if is_end(&error) => Self::HungUp,
            None => Self::Io(error),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

/// Whether this begins as a record of TLS does: an alert or a handshake, version 3.x.
fn is_record(first: &[u8]) -> bool {
    matches!(first, [0x15 | 0x16] | [0x15 | 0x16, 3, ..])
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(rejection) => rejection.problem.fmt(f),
            Self::NotTls { guess } => match guess.name() {
                Some(name) => write!(f, "this is not TLS: the peer speaks {name}"),
                None => f.write_str("this is not TLS: the peer speaks something else"),
            },
            Self::HungUp => f.write_str("the server closed the connection during the TLS handshake"),
            Self::Processor => f.write_str(
                "TLS needs a processor with AES, AVX2, ADX and BMI (x86-64) or the crypto extension (ARM)",
            ),
            Self::Proof => {
                f.write_str("the server cannot prove that the certificate it shows is its own")
            }
            Self::Protocol(why) => write!(f, "the TLS handshake failed: {why}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}
