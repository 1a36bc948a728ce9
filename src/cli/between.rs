//! What lies between us and a server: a proxy, and a web-socket.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::args::SecurityArgs;
use super::report::{Exit, Failure, say};
use super::target::Server;
use crate::net::{Proxy, Via};

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

/// What lies between us and this server. A proxy is named by the command line, by the connection file or by `SPICE_PROXY`, in this
/// order; an empty name means none.
///
/// # Errors
///
/// When what is named is no proxy.
pub fn via(
    server: &Server,
    args: &SecurityArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Via, Failure> {
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
    let proxy = match found {
        Some((text, whence)) if !text.trim().is_empty() => Some(proxy(text.trim(), whence)?),
        _ => None,
    };
    let websocket = server.websocket.as_ref();
    Ok(Via {
        proxy: proxy.map(Arc::new),
        websocket: websocket.map(|path| Arc::from(path.0.as_str())),
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
            proxy: in_file.map(Veiled::from),
            ..Server::default()
        };
        match via(&server, &args, |_| variable.map(OsString::from)) {
            Ok(via) => via.proxy.map_or("none".into(), |proxy| proxy.to_string()),
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
