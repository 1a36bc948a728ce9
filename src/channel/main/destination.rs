//! The host that a machine moves to, as its server names it.

use std::fmt;

use super::messages::MigrateBegin;

/// Longest name of a host, bytes: what names in the DNS may have.
const MOST_HOST: usize = 255;
/// Longest subject of a certificate taken over, bytes.
const MOST_SUBJECT: usize = 4096;

/// Where a machine moves to: what MIGRATE_BEGIN, MIGRATE_BEGIN_SEAMLESS and MIGRATE_SWITCH_HOST say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Name or address: printable, without blanks, without brackets.
    pub host: String,
    /// Plain port, if there is one.
    pub port: Option<u16>,
    /// Port with TLS, if there is one.
    pub tls_port: Option<u16>,
    /// The subject its certificate has, as the server writes it.
    pub subject: Option<String>,
}

impl Destination {
    /// Takes over what a server says, who may say anything.
    ///
    /// # Errors
    ///
    /// What is wrong with it, one clause.
    pub fn read(begin: &MigrateBegin<'_>) -> Result<Self, &'static str> {
        let host = text(begin.host, MOST_HOST).ok_or("its name is no text")?;
        if host.is_empty() {
            return Err("it has no name");
        }
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "/@[]?#%".contains(c);
        // Anything else could mean another thing to a proxy or a terminal than to us.
        if !host.is_ascii() || host.contains(is_odd) {
            return Err("its name is none of a host");
        }
        let subject = text(begin.cert_subject, MOST_SUBJECT).ok_or("its subject is no text")?;
        let [port, tls_port] = [begin.port, begin.tls_port].map(known_port);
        if port.or(tls_port).is_none() {
            return Err("it has no port");
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls_port,
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
        })
    }
}

/// A port, unless there is none: 0 says so by the protocol, and -1 is what QEMU says (seen from QEMU 7.2).
fn known_port(number: u16) -> Option<u16> {
    (number != 0 && number != u16::MAX).then_some(number)
}

/// The text up to its NUL, which may be missing.
fn text(bytes: &[u8], most: usize) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len()))?;
    let bytes = (bytes.len() <= most).then_some(bytes)?;
    std::str::from_utf8(bytes).ok()
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.tls_port.or(self.port).unwrap_or_default();
        match self.host.contains(':') {
            true => write!(f, "[{}]:{port}", self.host),
            false => write!(f, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        host: &[u8],
        ports: [u16; 2],
        cert_subject: &[u8],
    ) -> Result<Destination, &'static str> {
        Destination::read(&MigrateBegin {
            port: ports[0],
            tls_port: ports[1],
            host,
            cert_subject,
        })
    }

    #[test]
    fn a_destination_is_a_host_its_ports_and_perhaps_a_subject() {
        let there = read(b"dst.example\0", [6000, 6001], b"O=Spec,CN=dst\0").unwrap();
        assert_eq!(there.to_string(), "dst.example:6001");
        assert_eq!(there.subject.as_deref(), Some("O=Spec,CN=dst"));
        let there = read(b"fe80::1", [5900, 0], b"").unwrap();
        assert_eq!(there.to_string(), "[fe80::1]:5900");
        assert_eq!((there.tls_port, there.subject), (None, None));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (host, ports, why) in [
            (&b""[..], [1, 0], "it has no name"),
            (b"\0evil", [1, 0], "it has no name"),
            (b"vm", [0, 0], "it has no port"),
            (b"vm", [0, 65535], "it has no port"),
            (b"a b", [1, 0], "its name is none of a host"),
            (b"\x1b]0;x\x07", [1, 0], "its name is none of a host"),
            (b"u@h", [1, 0], "its name is none of a host"),
            (b"\xff\xfe", [1, 0], "its name is no text"),
            ("hôte".as_bytes(), [1, 0], "its name is none of a host"),
            (&[b'a'; 256], [1, 0], "its name is no text"),
        ] {
            assert_eq!(read(host, ports, b""), Err(why));
        }
        assert_eq!(read(b"vm", [1, 0], b"\xff"), Err("its subject is no text"));
    }
}
