//! How a proxy is written.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::net::Address;
use crate::net::address::is_ipv6;

/// The usual port of a proxy.
const PORT: u16 = 3128;

/// The usual port of a proxy that is spoken to with TLS.
const TLS_PORT: u16 = 3129;

/// What a proxy's URL says.
pub(super) struct Url {
    pub address: Address,
    pub has_tls: bool,
    /// User and password in base64.
    pub login: Option<Zeroizing<String>>,
}

/// Why a text is no proxy. Never repeats the text: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadProxy {
    /// Its scheme is neither `http` nor `https`.
    Scheme,
    /// The host or the port is none; the reason.
    Host(&'static str),
    /// Something follows host and port.
    Path,
    /// User or password are not UTF-8, or the user's name has a colon.
    Login,
    /// This build has no TLS.
    NoTls,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, BadProxy> {
        let (has_tls, rest) = match text.split_once("://") {
            None => (false, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some(_) => return Err(BadProxy::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(encoded(login)?), place),
            None => (None, rest),
        };
        if place.contains(['/', '?', '#']) {
            return Err(BadProxy::Path);
        }
        let has_port = place
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.contains(']'));
        let bare_ipv6 = is_ipv6(place);
        let usual = if has_tls { TLS_PORT } else { PORT };
        match Address::parse(place).map_err(|error| BadProxy::Host(error.why))? {
            Address::Tcp { host, port } => Ok(Self {
                address: Address::tcp(host, if has_port && !bare_ipv6 { port } else { usual }),
                has_tls,
                login,
            }),
            // It needs a slash.
            Address::Unix(_) => Err(BadProxy::Path),
        }
    }
}

/// `USER:PASSWORD`, percent-encoded, as HTTP's basic authentication has it.
fn encoded(login: &str) -> Result<Zeroizing<String>, BadProxy> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let mut plain = Zeroizing::new(Vec::with_capacity(login.len() + 1));
    plain.extend(percent_decode_str(user));
    if plain.contains(&b':') {
        return Err(BadProxy::Login);
    }
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    match std::str::from_utf8(&plain) {
        Ok(_) => Ok(Zeroizing::new(BASE64.encode(&*plain))),
        Err(_) => Err(BadProxy::Login),
    }
}

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "its scheme is neither http:// nor https://",
            Self::Host(why) => why,
            Self::Path => "something follows its port",
            Self::Login => "its user and password cannot be read",
            Self::NoTls => "this capsaicin was built without TLS, which https:// needs",
        })
    }
}

impl std::error::Error for BadProxy {}

#[cfg(test)]
mod tests {
    use super::super::Proxy;
    use super::*;

    #[test]
    fn proxies_are_read_as_people_write_them() {
        for (text, shown) in [
            ("proxy.example", "http://proxy.example:3128"),
            ("proxy.example:8080", "http://proxy.example:8080"),
            ("http://proxy.example", "http://proxy.example:3128"),
            ("http://proxy.example/", "http://proxy.example:3128"),
            ("HTTP://10.0.0.1:80/", "http://10.0.0.1:80"),
            ("http://[fe80::1]", "http://[fe80::1]:3128"),
            ("http://[fe80::1]:8080", "http://[fe80::1]:8080"),
            (
                "http://me:sesame@proxy.example",
                "http://proxy.example:3128",
            ),
            ("me:p@ss@proxy.example:1", "http://proxy.example:1"),
        ] {
            let proxy = Proxy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(proxy.to_string(), shown, "{text}");
            assert_eq!(format!("{proxy:?}"), shown, "{text}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_proxy_with_tls_has_a_port_of_its_own() {
        let proxy = Proxy::parse("https://me:sesame@proxy.example").expect("a proxy");
        assert_eq!(proxy.to_string(), "https://proxy.example:3129");
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_repeated() {
        for (text, error) in [
            ("socks5://proxy:1080", BadProxy::Scheme),
            ("http://", BadProxy::Host("it is empty")),
            ("", BadProxy::Host("it is empty")),
            (
                "http://proxy:http",
                BadProxy::Host("the port is not a number from 1 to 65535"),
            ),
            (
                "http://proxy:0",
                BadProxy::Host("the port is not a number from 1 to 65535"),
            ),
            ("http://:3128", BadProxy::Host("the host is missing")),
            ("http://proxy:3128/path", BadProxy::Path),
            ("http://proxy:3128?x=y", BadProxy::Path),
            ("http://%ff@proxy", BadProxy::Login),
            ("http://a%3ab:c@proxy", BadProxy::Login),
        ] {
            assert_eq!(Url::parse(text).err(), Some(error), "{text}");
        }
    }
}
