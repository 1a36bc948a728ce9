//! Where a server is: a host and port, or a unix socket.

use std::fmt;
use std::path::PathBuf;

/// Where a SPICE server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A unix stream socket.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress {
    /// The text.
    pub text: String,
    /// What is wrong with it, one clause.
    pub why: &'static str,
}

impl Address {
    /// Port of a host given without one.
    pub const DEFAULT_PORT: u16 = 5900;

    /// Reads `HOST:PORT`, `HOST`, `[IPV6]:PORT`, `[IPV6]`, a bare IPv6 address, or the path of a unix socket (anything
    /// with a slash in it).
    ///
    /// # Errors
    ///
    /// [`BadAddress`] with the reason.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        Self::read(text, 1)
    }

    /// Reads an address to listen at: as [`Address::parse`], and port 0 for one the system chooses.
    ///
    /// # Errors
    ///
    /// [`BadAddress`] with the reason.
    pub fn parse_to_listen(text: &str) -> Result<Self, BadAddress> {
        Self::read(text, 0)
    }

    /// Reads an address whose port is at least `least_port`.
    fn read(text: &str, least_port: u16) -> Result<Self, BadAddress> {
        let bad = |why| BadAddress {
            text: text.to_owned(),
            why,
        };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.contains('/') {
            return Ok(Self::Unix(text.into()));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest
                .split_once(']')
                .ok_or(bad("the bracket is not closed"))?;
            if !is_ipv6(host) {
                return Err(bad("what is in brackets is not an IPv6 address"));
            }
            let port = match after.strip_prefix(':') {
                Some(port) => parse_port(port, least_port).map_err(bad)?,
                None if after.is_empty() => Self::DEFAULT_PORT,
                None => return Err(bad("only a port may follow the bracket")),
            };
            return Ok(Self::tcp(host, port));
        }
        match text.split_once(':') {
            None => Ok(Self::tcp(text, Self::DEFAULT_PORT)),
            // Two colons or more: an IPv6 address without a port.
            Some((_, rest)) if rest.contains(':') => match is_ipv6(text) {
                true => Ok(Self::tcp(text, Self::DEFAULT_PORT)),
                false => Err(bad("it has several colons and is not an IPv6 address")),
            },
            Some(("", _)) => Err(bad("the host is missing")),
            Some((host, port)) => {
                let port = parse_port(port, least_port).map_err(bad)?;
                Ok(Self::tcp(host, port))
            }
        }
    }

    /// The host, as its certificate should name it; empty for a socket.
    pub fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "",
        }
    }

    /// A TCP address.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }
}

/// Whether this is an IPv6 address, perhaps one with a zone, as in `fe80::1%eth0`.
pub(super) fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let is_zone = !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_graphic() && b != b'%');
    is_zone && address.parse::<std::net::Ipv6Addr>().is_ok()
}

/// A port of at least `least`, which is 0 or 1; what is wrong with it otherwise.
fn parse_port(text: &str, least: u16) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port >= least);
    port.ok_or(match least {
        0 => "the port is not a number from 0 to 65535",
        _ => "the port is not a number from 1 to 65535",
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if is_ipv6(host) => write!(f, "[{host}]:{port}"),
            // A token of Proxmox: what follows the two colons opens the door for some seconds.
            Self::Tcp { host, port } if host.contains(':') => {
                let known = host.split_once("::").map_or(&**host, |(known, _)| known);
                write!(f, "{known}:{port}")
            }
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not an address: {}", self.text, self.why)
    }
}

impl std::error::Error for BadAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("127.0.0.1:5901", "127.0.0.1", 5901),
            ("hyper.example", "hyper.example", 5900),
            ("[::1]:5930", "::1", 5930),
            ("[fe80::1]", "fe80::1", 5900),
            ("::1", "::1", 5900),
            ("fe80::1%eth0", "fe80::1%eth0", 5900),
            ("[fe80::1%2]:5931", "fe80::1%2", 5931),
        ] {
            assert_eq!(Address::parse(text), Ok(Address::tcp(host, port)), "{text}");
        }
        assert_eq!(
            Address::parse("./vm.sock"),
            Ok(Address::Unix("./vm.sock".into()))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for text in [
            "",
            ":5900",
            "host:",
            "host:0",
            "host:+1",
            "host:99999",
            "[::1",
            "[x]:1",
            "[::1]x",
            "a:b:c",
            "[fe80::1%]:1",
            "[vm%eth0]:1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let error = Address::parse("host:http").unwrap_err().to_string();
        assert_eq!(
            error,
            "'host:http' is not an address: the port is not a number from 1 to 65535"
        );
    }

    #[test]
    fn only_who_listens_may_leave_the_port_to_the_system_and_is_told_so() {
        assert!(Address::parse("127.0.0.1:0").is_err());
        assert_eq!(
            Address::parse_to_listen("127.0.0.1:0"),
            Ok(Address::tcp("127.0.0.1", 0))
        );
        for text in ["host:http", "host:65536", "[::1]:-1"] {
            let why = |result: Result<_, BadAddress>| result.unwrap_err().why;
            assert_eq!(
                [
                    why(Address::parse(text)),
                    why(Address::parse_to_listen(text))
                ],
                [
                    "the port is not a number from 1 to 65535",
                    "the port is not a number from 0 to 65535"
                ],
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_is_shown_as_it_can_be_typed() {
        for text in ["[::1]:5930", "[fe80::1%eth0]:1", "host:1", "/run/vm.sock"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn of_a_token_only_what_opens_no_door_is_shown() {
        let token = "pvespiceproxy:65a0b1c2:101:node1:61000::0123456789abcdef";
        assert_eq!(
            Address::tcp(token, 61000).to_string(),
            "pvespiceproxy:65a0b1c2:101:node1:61000:61000"
        );
    }
}
