//! Whom a certificate has to be about.

use std::fmt;
use std::net::IpAddr;

use super::certificate::{Certificate, Hosts};
use super::name::DistinguishedName;

/// Who a server has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A host, by the name or address that is connected to.
    Host(String),
    /// The subject of its certificate.
    Subject(DistinguishedName),
}

/// How a certificate is about somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It names other hosts.
    Host {
        /// The one that is connected to.
        wanted: String,
        /// Those it names.
        named: Hosts,
    },
    /// It has another subject.
    Subject {
        /// The one that was asked for.
        wanted: DistinguishedName,
        /// The one it has.
        found: DistinguishedName,
    },
}

impl Identity {
    /// Compares a certificate (spec 01 §8): alternative names, and only where there is none the common names.
    pub(super) fn check(&self, certificate: &Certificate) -> Result<(), Mismatch> {
        match self {
            Self::Subject(wanted) => {
                let found = certificate.subject();
                if found == *wanted {
                    return Ok(());
                }
                let wanted = wanted.clone();
                Err(Mismatch::Subject { wanted, found })
            }
            Self::Host(wanted) => {
                let named = certificate.hosts();
                let is_it = match wanted.parse::<IpAddr>() {
                    // Some write the address where the name belongs.
                    Ok(address) => {
                        named.addresses.contains(&address) || named.names.contains(wanted)
                    }
                    Err(_) => named.names.iter().any(|pattern| matches(pattern, wanted)),
                };
                if is_it {
                    return Ok(());
                }
                let wanted = wanted.clone();
                Err(Mismatch::Host { wanted, named })
            }
        }
    }
}

/// Whether a name matches, `*` as its first label standing for any one label.
fn matches(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let pattern = pattern.trim_end_matches('.');
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((label, rest))) => {
            !label.is_empty() && domain.contains('.') && domain.eq_ignore_ascii_case(rest)
        }
        (Some(_), None) => false,
        (None, _) => !pattern.is_empty() && pattern.eq_ignore_ascii_case(host),
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { wanted, named } => {
                let wanted = wanted.replace(char::is_control, " ");
                match named.list().as_str() {
                    "" => write!(f, "the certificate names no host, not {wanted} either"),
                    named => write!(f, "the certificate is for {named}, not for {wanted}"),
                }
            }
            Self::Subject { wanted, found } => {
                let difference = found.difference(wanted);
                write!(
                    f,
                    "the certificate's subject is not the one expected: {difference}"
                )
            }
        }
    }
}

impl std::error::Error for Mismatch {}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_label() {
        for (pattern, host, does) in [
            ("vm.example", "VM.example", true),
            ("vm.example", "vm.example.", true),
            ("*.lab.example", "vm.lab.example", true),
            ("*.lab.example", "a.vm.lab.example", false),
            ("*.lab.example", "lab.example", false),
            ("*.example", "vm.example", false),
            ("*", "vm", false),
            ("v*.lab.example", "vm.lab.example", false),
            ("", "", false),
        ] {
            assert_eq!(matches(pattern, host), does, "{pattern} {host}");
        }
    }
}
