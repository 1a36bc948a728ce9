//! What is wrong with a certificate, in words.

use std::fmt;
use std::time::SystemTime;

use super::certificate::Certificate;
use super::identity::Mismatch;
use super::name::DistinguishedName;

/// A certificate that was not taken, for the user to look at.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// What the server showed; `None` if it cannot be read.
    pub certificate: Option<Certificate>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It cannot be read.
    Unreadable(String),
    /// Nobody who is trusted has signed it.
    UnknownAuthority {
        /// Who has.
        issuer: DistinguishedName,
    },
    /// Nobody has signed it but its own key, and it is not trusted itself.
    SelfSigned,
    /// It, or an authority's, is not good yet.
    NotYet {
        /// Whose.
        subject: DistinguishedName,
        /// From when on it is.
        from: SystemTime,
    },
    /// It, or an authority's, is no longer good.
    Expired {
        /// Whose.
        subject: DistinguishedName,
        /// Since when.
        at: SystemTime,
    },
    /// The signature under it is not of the authority that it names.
    Signature {
        /// Whose certificate it is.
        subject: DistinguishedName,
    },
    /// The signature under it was made with a hash that is broken.
    BrokenHash {
        /// Whose certificate it is.
        subject: DistinguishedName,
        /// The name of the hash.
        hash: &'static str,
    },
    /// It was signed with a certificate that is no authority's, or not one for so long a chain.
    NoAuthority {
        /// Whose.
        subject: DistinguishedName,
    },
    /// It is not for servers.
    Purpose,
    /// It has an extension that must be understood and is not.
    Extension {
        /// The extension's object identifier.
        oid: String,
    },
    /// It is about somebody else.
    Identity(Mismatch),
}

/// A moment as a date, UTC.
struct Date(SystemTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match x509_cert::der::DateTime::from_system_time(self.0) {
            Ok(at) => write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day()),
            Err(_) => f.write_str("a date out of all bounds"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the certificate cannot be read: {why}"),
            Self::UnknownAuthority { issuer } => {
                write!(
                    f,
                    "the certificate was signed by {issuer}, which is not trusted"
                )
            }
            Self::SelfSigned => {
                f.write_str("the certificate was signed by nobody but itself, and is not trusted")
            }
            Self::NotYet { subject, from } => {
                write!(
                    f,
                    "the certificate of {subject} is good only from {}",
                    Date(*from)
                )
            }
            Self::Expired { subject, at } => {
                write!(f, "the certificate of {subject} expired on {}", Date(*at))
            }
            Self::Signature { subject } => {
                write!(
                    f,
                    "the signature under the certificate of {subject} is false"
                )
            }
            Self::BrokenHash { subject, hash } => write!(
                f,
                "the signature under the certificate of {subject} was made with {hash}, which proves nothing any more"
            ),
            Self::NoAuthority { subject } => {
                write!(
                    f,
                    "the certificate was signed by {subject}, which is no authority for that"
                )
            }
            Self::Purpose => f.write_str("the certificate is not meant for a server"),
            Self::Extension { oid } => {
                write!(
                    f,
                    "the certificate has an extension that is not understood ({oid})"
                )
            }
            Self::Identity(mismatch) => mismatch.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}

impl Certificate {
    /// All that a person needs to recognise it, as names and values: subject, names, issuer, dates (UTC) and SHA-256.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let (from, until) = (Date(self.not_before()), Date(self.not_after()));
        vec![
            ("subject", self.subject().to_string()),
            ("names", self.hosts().list()),
            ("issuer", self.issuer().to_string()),
            ("valid", format!("{from} to {until}")),
            ("SHA-256", hex(&self.fingerprint())),
        ]
    }
}

/// A fingerprint as people compare it: pairs of digits with colons between them.
pub fn hex(fingerprint: &[u8; 32]) -> String {
    let pairs: Vec<String> = fingerprint.iter().map(|b| format!("{b:02X}")).collect();
    pairs.join(":")
}
