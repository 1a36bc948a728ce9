//! What lies between us and a server: a proxy, a web-socket, or one that is called the other.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::args::SecurityArgs;
use super::report::{Exit, Failure, say};
use super::target::{Server, Target};
use crate::net::{Address, BadProxy, Proxy, Via};

/// A text that may hold a password or a token: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Veiled(Zeroizing<String>);

impl Veiled {
    /// Such a text.
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl From<&str> for Veiled {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Veiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veiled(..)")
    }
}

/// The ways to a server begin here.
pub struct Between {
    /// What lies between.
    pub via: Via,
    /// Where to connect to instead of the server's own ports.
    pub instead: Option<Server>,
}

/// What lies between us and this server. A proxy is named by the command line, by the connection file or by `SPICE_PROXY`, in this
/// order; an empty name means none.
///
/// # Errors
///
/// When what is named is no proxy.
pub fn between(
    server: &Server,
    args: &SecurityArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Between, Failure> {
    let named = |text: &str, whence| (Zeroizing::new(text.to_owned()), whence);
    let given = args.proxy.as_deref().map(|text| named(text, "--proxy"));
    let in_file = server.proxy.as_ref();
    let in_file = in_file.map(|text| named(&text.0, "the connection file"));
    let found = match given.or(in_file) {
        Some(found) => Some(found),
        None => match variable("SPICE_PROXY").map(OsString::into_string) {
            Some(Ok(text)) => Some((Zeroizing::new(text), "SPICE_PROXY")),
            Some(Err(_)) => return Err(unusable("SPICE_PROXY", "it is not UTF-8")),
            None => None,
        },
    };
    let found = found.filter(|(text, _)| !text.trim().is_empty());
    let (proxy, instead) = match found {
        Some((text, whence)) if text.contains('?') => {
            (None, Some(websocket(server, text.trim(), whence)?))
        }
        Some((text, whence)) => (Some(proxy(text.trim(), whence)?), None),
        None => (None, None),
    };
    let websocket = instead.as_ref().unwrap_or(server).websocket.as_ref();
    let via = Via {
        proxy: proxy.map(Arc::new),
        websocket: websocket.map(|path| Arc::from(path.0.as_str())),
    };
    Ok(Between { via, instead })
}

/// The web-socket that a proxy is whose URL has a query. CONNECT can carry none. OpenNebula writes such URLs into connection files,
/// `proxy=https://HOST:PORT?token=…`, and what listens there is websockify, to which the token says which machine is meant
/// (OpenNebula's issue 5393).
fn websocket(server: &Server, text: &str, whence: &'static str) -> Result<Server, Failure> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = match () {
        () if scheme.eq_ignore_ascii_case("http") => "ws",
        () if scheme.eq_ignore_ascii_case("https") => "wss",
        () => return Err(unusable(whence, &BadProxy::Scheme.to_string())),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(unusable(
            whence,
            "it has a user and a query, which no proxy takes both",
        ));
    }
    if !matches!(server.plain, Some(Address::Tcp { .. })) {
        let why =
            "its query means a web-socket, and that leads to a plain port, which is not known";
        return Err(unusable(whence, why));
    }
    let url = Zeroizing::new(format!("{scheme}://{rest}"));
    let Target::Server(there) =
        Target::parse(&url).map_err(|error| unusable(whence, &error.to_string()))?
    else {
        return Err(unusable(whence, "its host is not one"));
    };
    Ok(Server {
        user: server.user.clone(),
        password: server.password.clone(),
        secure_channels: server.secure_channels.clone(),
        ..there
    })
}

fn proxy(text: &str, whence: &'static str) -> Result<Proxy, Failure> {
    #[cfg_attr(not(feature = "tls"), allow(unused_mut))]
    let mut proxy = Proxy::parse(text).map_err(|error| unusable(whence, &error.to_string()))?;
    if whence == "--proxy" && proxy.has_login() {
        say(format_args!(
            "others can see a password in --proxy; SPICE_PROXY hides it"
        ));
    }
    #[cfg(feature = "tls")]
    if proxy.has_tls() {
        // The server's authority has nothing to say of the proxy, and neither has --trust.
        let policy = crate::net::tls::Policy {
            authorities: super::trust::system_authorities(),
            ..crate::net::tls::Policy::for_host(proxy.address().host())
        };
        proxy.set_policy(policy.into());
    }
    Ok(proxy)
}

fn unusable(whence: &str, why: &str) -> Failure {
    let exit = match whence {
        "the connection file" => Exit::File,
        _ => Exit::Usage,
    };
    Failure::new(exit, format!("cannot use the proxy of {whence}: {why}"))
        .with_hint("as in http://USER:PASSWORD@proxy.example:3128")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy that is used when these are named.
    fn used(given: Option<&str>, in_file: Option<&str>, variable: Option<&str>) -> String {
        let args = SecurityArgs {
            proxy: given.map(str::to_owned),
            ..SecurityArgs::default()
        };
        let server = Server {
            plain: Some(Address::tcp("vm", 5900)),
            proxy: in_file.map(Veiled::from),
            ..Server::default()
        };
        match between(&server, &args, |_| variable.map(OsString::from)) {
            Ok(between) => match (between.via.proxy, between.instead) {
                (Some(proxy), _) => proxy.to_string(),
                (None, Some(there)) => Target::Server(there).to_string(),
                (None, None) => "none".into(),
            },
            Err(failure) => failure.text,
        }
    }

    #[test]
    fn the_command_line_comes_before_the_file_before_the_environment() {
        let (a, b, c) = (Some("a"), Some("http://b:1"), Some("http://c"));
        assert_eq!(used(a, b, c), "http://a:3128");
        assert_eq!(used(None, b, c), "http://b:1");
        assert_eq!(used(None, None, c), "http://c:3128");
        assert_eq!(used(None, None, None), "none");
        // An empty one is how to say no to the others.
        assert_eq!(used(Some(""), b, c), "none");
    }

    #[test]
    fn a_proxy_with_a_query_is_a_web_socket() {
        for (text, shown) in [
            (
                "https://one.example:29876?token=sesame",
                "wss://one.example:29876",
            ),
            (
                "http://one.example:29876/x?token=sesame",
                "ws://one.example:29876",
            ),
            ("one.example/?token=sesame", "ws://one.example:80"),
        ] {
            assert_eq!(used(None, Some(text), None), shown, "{text}");
            assert_eq!(used(Some(text), None, None), shown, "{text}");
            assert_eq!(used(None, None, Some(text)), shown, "{text}");
        }
        for (text, why) in [
            (
                "ftp://one?token=sesame",
                "its scheme is neither http:// nor https://",
            ),
            (
                "http://one:0?token=sesame",
                "the port is not a number from 1 to 65535",
            ),
            (
                "http://me:sesame@one?token=x",
                "it has a user and a query, which no proxy takes both",
            ),
        ] {
            let expected = format!("cannot use the proxy of SPICE_PROXY: {why}");
            assert_eq!(used(None, None, Some(text)), expected);
        }
    }

    #[test]
    fn a_query_of_a_proxy_is_never_shown_and_leads_to_no_tls_port() {
        let args = SecurityArgs::default();
        let mut server = Server {
            plain: Some(Address::tcp("vm", 5900)),
            proxy: Some(Veiled::from("http://one?token=sesame")),
            user: Some("me".into()),
            ..Server::default()
        };
        let found = between(&server, &args, |_| None).ok();
        let there = found.and_then(|found| found.instead).expect("a web-socket");
        assert_eq!(there.websocket, Some(Veiled::from("/?token=sesame")));
        assert_eq!(there.user.as_deref(), Some("me"));
        assert!(!format!("{there:?}").contains("sesame"));

        server.secure = server.plain.take();
        let text = between(&server, &args, |_| None).err().expect("none").text;
        assert!(text.ends_with("which is not known"), "{text}");
    }

    #[test]
    fn a_proxy_that_is_none_is_named_by_its_place_and_not_repeated() {
        let sesame = "ftp://me:sesame@x";
        for (text, whence) in [
            (used(Some(sesame), None, None), "--proxy"),
            (used(None, Some(sesame), None), "the connection file"),
            (used(None, None, Some(sesame)), "SPICE_PROXY"),
        ] {
            let why = "its scheme is neither http:// nor https://";
            assert_eq!(text, format!("cannot use the proxy of {whence}: {why}"));
        }
    }
}
