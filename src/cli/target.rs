//! What a user may write for a server.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::between::Veiled;
use super::libvirt::Domain;
use super::password::Secret;
use super::{connection_file, recording};
use crate::net::Address;

/// Something to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A server that runs already.
    Server(Server),
    /// A virt-viewer connection file; `-` is standard input.
    ConnectionFile(PathBuf),
    /// A machine of libvirt, which knows where its server is.
    Libvirt(Domain),
    /// A recorded session.
    Recording(PathBuf),
    /// The server inside this program, showing its demonstration desktop.
    Demo,
}

/// Where a server is, and what is to be known of it before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its plain port, or its socket.
    pub plain: Option<Address>,
    /// Its port with TLS.
    pub secure: Option<Address>,
    /// Who the user is, if the target says so.
    pub user: Option<String>,
    /// The password, if the target had one in it.
    pub password: Option<Secret>,
    /// Certificates to trust and no others, PEM.
    pub ca: Option<String>,
    /// The subject its certificate must have.
    pub host_subject: Option<String>,
    /// Channels that must use TLS, by name, or `all`.
    pub secure_channels: Vec<String>,
    /// The proxy's URL, if the target named one.
    pub proxy: Option<Veiled>,
    /// The path of the web-socket it is to be reached by, with its query.
    pub websocket: Option<Veiled>,
}

/// Why a text is no target. Never repeats the text: there may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// A form that exists and that this version does not have.
    NotYet(&'static str),
    /// Nothing anybody would understand; the reason.
    Malformed(String),
}

impl Target {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]:PORT`, `spice://…`, `spice+tls://…`, `spice+unix://PATH`, `ws://…`, `wss://…`, the
    /// path of a socket, the name of a connection file (`-` for standard input) or of a recording, `libvirt:NAME`, or `demo:`.
    ///
    /// # Errors
    ///
    /// [`BadTarget`].
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        if let Some(rest) = text.strip_prefix("spice://") {
            return spice_uri(rest);
        }
        if let Some(rest) = text.strip_prefix("spice+tls://") {
            return spice_tls_uri(rest);
        }
        if let Some(rest) = text.strip_prefix("ws://") {
            return websocket_uri(rest, WS_PORT);
        }
        if let Some(rest) = text.strip_prefix("wss://") {
            return websocket_uri(rest, WSS_PORT);
        }
        if let Some(path) = text.strip_prefix("spice+unix://") {
            return match path {
                "" => Err(malformed("the path of the socket is missing")),
                path => Ok(Self::server(Address::Unix(path.into()))),
            };
        }
        if let Some(demo) = text.strip_prefix("demo:") {
            return match demo {
                "" | "desktop" => Ok(Self::Demo),
                "video" | "console" | "shell" => Err(BadTarget::NotYet("this demonstration")),
                _ => Err(malformed("the demonstrations are demo: and demo:desktop")),
            };
        }
        if let Some(domain) = text
            .strip_prefix("libvirt")
            .filter(|rest| rest.starts_with([':', '+']))
        {
            return Domain::parse(domain).map(Self::Libvirt).map_err(malformed);
        }
        if recording::is_recording(Path::new(text)) {
            return Ok(Self::Recording(text.into()));
        }
        if connection_file::is_one(text) {
            return Ok(Self::ConnectionFile(text.into()));
        }
        // Without a slash it may be the name of a host all the same.
        if text.contains('/') && Path::new(text).is_file() {
            return Err(malformed(
                "this file is neither a connection file (.vv) nor a recording (.pcapng or .pcap) nor a socket",
            ));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            let known = "known are spice://, spice+tls://, spice+unix://, ws:// and wss://";
            return Err(malformed(format!("'{scheme}://' leads nowhere; {known}")));
        }
        if is_socket(text) {
            return Ok(Self::server(Address::Unix(text.into())));
        }
        let address = Address::parse(text).map_err(|error| malformed(error.why))?;
        Ok(Self::server(address))
    }

    fn server(address: Address) -> Self {
        Self::Server(Server {
            plain: Some(address),
            ..Server::default()
        })
    }
}

/// The usual ports of web-sockets.
const WS_PORT: u16 = 80;
const WSS_PORT: u16 = 443;

/// A socket in the current folder has no slash in its name.
fn is_socket(text: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    !text.contains('/')
        && std::fs::metadata(text).is_ok_and(|metadata| metadata.file_type().is_socket())
}

fn malformed(why: impl Into<String>) -> BadTarget {
    BadTarget::Malformed(why.into())
}

/// After `spice://`: a host with a port, or with ports in the query.
fn spice_uri(rest: &str) -> Result<Target, BadTarget> {
    let Uri {
        user,
        host,
        port,
        query: asked,
    } = Uri::parse(rest)?;
    if port.is_some() && asked.port.is_some() {
        return Err(malformed("the port is given twice"));
    }
    let at = |port| Address::tcp(host.clone(), port);
    let secure = asked.tls_port.map(at);
    let plain = port.or(asked.port).map(at);
    // Without any port there is the usual one.
    let usual = || secure.is_none().then(|| at(Address::DEFAULT_PORT));
    Ok(Target::Server(Server {
        plain: plain.or_else(usual),
        secure,
        user,
        password: asked.password,
        ..Server::default()
    }))
}

/// After `spice+tls://`: a host with a port.
fn spice_tls_uri(rest: &str) -> Result<Target, BadTarget> {
    let Uri {
        user,
        host,
        port,
        query: asked,
    } = Uri::parse(rest)?;
    if asked.port.or(asked.tls_port).is_some() {
        return Err(malformed(
            "the port of spice+tls:// belongs behind the host",
        ));
    }
    let port = port.ok_or(malformed("the port with TLS is missing"))?;
    Ok(Target::Server(Server {
        secure: Some(Address::tcp(host, port)),
        user,
        password: asked.password,
        ..Server::default()
    }))
}

/// After `ws://` or `wss://`, which have this usual port: a host, and the path of the web-socket, which may have a query.
fn websocket_uri(rest: &str, usual: u16) -> Result<Target, BadTarget> {
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains(';') {
        return Err(malformed("the host is not one"));
    }
    let Uri {
        user, host, port, ..
    } = Uri::parse(authority)?;
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(malformed("the path has characters to be written as %41"));
    }
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    let address = Address::tcp(host, port.unwrap_or(usual));
    let (plain, secure) = match usual {
        WSS_PORT => (None, Some(address)),
        _ => (Some(address), None),
    };
    Ok(Target::Server(Server {
        plain,
        secure,
        user,
        websocket: Some(Veiled::new(path.into())),
        ..Server::default()
    }))
}

/// `[USER@]HOST[:PORT][/PATH][?KEY=VALUE…]`. The user name is for SASL; a path means nothing.
struct Uri {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    query: Query,
}

impl Uri {
    fn parse(text: &str) -> Result<Self, BadTarget> {
        let end_of_host = text.find(['/', '?', ';']).unwrap_or(text.len());
        let (authority, query) = text.split_at(end_of_host);
        let query = query
            .find(['?', ';'])
            .map_or("", |start| &query[start + 1..]);
        let (user, host) = authority
            .rsplit_once('@')
            .map_or(("", authority), |(user, host)| (user, host));
        let user = percent_decoded(user).ok_or(malformed("the user's name is not UTF-8"))?;
        let host = percent_decoded(host).ok_or(malformed("the host is not UTF-8"))?;
        if host.is_empty() {
            return Err(malformed("the host is missing"));
        }
        let query = Query::parse(query)?;
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.contains(']'));
        match Address::parse(&host) {
            // A slash is how a path begins, which a host of a URI is not.
            Ok(Address::Unix(_)) => Err(malformed("the host is not one")),
            Ok(Address::Tcp { host, port }) => Ok(Self {
                user: Some(user).filter(|user| !user.is_empty()),
                host,
                port: has_port.then_some(port),
                query,
            }),
            Err(error) => Err(malformed(error.why)),
        }
    }
}

/// What may follow the host of a URI.
#[derive(Default)]
struct Query {
    port: Option<u16>,
    tls_port: Option<u16>,
    password: Option<Secret>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, BadTarget> {
        let mut query = Self::default();
        let mut seen = Vec::new();
        for pair in text.split(['&', ';']).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or(malformed("a key in it has no value"))?;
            if seen.contains(&key) {
                return Err(malformed(format!("'{key}' is given twice")));
            }
            seen.push(key);
            match key {
                "port" | "tls-port" | "password" if value.is_empty() => {}
                "port" => query.port = Some(port(value)?),
                "tls-port" => query.tls_port = Some(port(value)?),
                "password" => query.password = Some(password(value)?),
                _ => {
                    let known = "known are port, tls-port and password";
                    return Err(malformed(format!("'{key}' means nothing; {known}")));
                }
            }
        }
        Ok(query)
    }
}

fn port(text: &str) -> Result<u16, BadTarget> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(malformed("a port is not a number from 1 to 65535"))
}

fn password(text: &str) -> Result<Secret, BadTarget> {
    let text = percent_decoded(text).ok_or(malformed("the password is not UTF-8"))?;
    Secret::new(text).map_err(|error| malformed(error.to_string()))
}

/// `%41` as `A`; anything else as it is, `+` too. `None` when the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// The address, the file, or `demo:`; never the password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.fmt(f),
            Self::ConnectionFile(path) if path == Path::new("-") => f.write_str("standard input"),
            Self::ConnectionFile(path) | Self::Recording(path) => path.display().fmt(f),
            Self::Libvirt(domain) => domain.fmt(f),
            Self::Demo => f.write_str("demo:"),
        }
    }
}

/// The plain address, or the only one there is.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.plain, &self.secure) {
            (Some(address), _) if self.websocket.is_some() => write!(f, "ws://{address}"),
            (Some(address), _) => address.fmt(f),
            (None, Some(address)) if self.websocket.is_some() => write!(f, "wss://{address}"),
            (None, Some(address)) => write!(f, "spice+tls://{address}"),
            (None, None) => f.write_str("nowhere"),
        }
    }
}

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet(what) => write!(f, "{what} is not supported yet"),
            Self::Malformed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for BadTarget {}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Result<Target, BadTarget> {
        Ok(Target::server(Address::tcp(host, port)))
    }

    fn tls(host: &str, port: u16) -> Result<Target, BadTarget> {
        Ok(Target::Server(Server {
            secure: Some(Address::tcp(host, port)),
            ..Server::default()
        }))
    }

    fn unix(path: &str) -> Result<Target, BadTarget> {
        Ok(Target::server(Address::Unix(path.into())))
    }

    #[test]
    fn a_file_that_is_no_recording_is_not_taken_for_a_socket() {
        let file = std::env::current_exe().expect("it runs");
        let why = Target::parse(file.to_str().expect("a path in UTF-8"));
        let expected = "this file is neither a connection file (.vv) nor a recording (.pcapng or .pcap) nor a socket";
        assert_eq!(why, Err(BadTarget::Malformed(expected.to_owned())));
    }

    #[test]
    fn every_form_of_a_server_is_understood() {
        for (text, target) in [
            ("vm.example", tcp("vm.example", 5900)),
            ("vm.example:5901", tcp("vm.example", 5901)),
            ("[::1]:5902", tcp("::1", 5902)),
            ("::1", tcp("::1", 5900)),
            ("spice://vm.example", tcp("vm.example", 5900)),
            ("spice://vm.example:5903", tcp("vm.example", 5903)),
            ("spice://[::1]:5904/", tcp("::1", 5904)),
            ("spice://[fe80::1]?port=5905", tcp("fe80::1", 5905)),
            ("spice://vm.example?port=5906", tcp("vm.example", 5906)),
            ("spice://vm.example;port=5907", tcp("vm.example", 5907)),
            (
                "spice://vm.example/?port=5908&tls-port=",
                tcp("vm.example", 5908),
            ),
            ("spice://@vm.example:5909", tcp("vm.example", 5909)),
            ("spice://vm%2eexample:5909", tcp("vm.example", 5909)),
            ("spice://[fe80::1%25eth0]:5909", tcp("fe80::1%eth0", 5909)),
            ("spice+tls://vm.example:5910", tls("vm.example", 5910)),
            ("spice+tls://[::1]:5911/", tls("::1", 5911)),
            ("spice://vm.example?tls-port=5912", tls("vm.example", 5912)),
            ("spice+unix:///run/vm.sock", unix("/run/vm.sock")),
            ("/run/vm.sock", unix("/run/vm.sock")),
            ("./vm.sock", unix("./vm.sock")),
            ("boot.pcapng", Ok(Target::Recording("boot.pcapng".into()))),
            (
                "some/boot.PCAP",
                Ok(Target::Recording("some/boot.PCAP".into())),
            ),
            ("vm.vv", Ok(Target::ConnectionFile("vm.vv".into()))),
            (
                "some/vm.VV",
                Ok(Target::ConnectionFile("some/vm.VV".into())),
            ),
            ("-", Ok(Target::ConnectionFile("-".into()))),
            (
                "libvirt:fedora",
                Ok(Target::Libvirt(Domain {
                    uri: None,
                    name: "fedora".into(),
                })),
            ),
            ("demo:", Ok(Target::Demo)),
            ("demo:desktop", Ok(Target::Demo)),
        ] {
            assert_eq!(Target::parse(text), target, "{text}");
        }
    }

    #[test]
    fn a_web_socket_has_the_ports_of_the_web_and_keeps_its_path() {
        for (text, shown, path) in [
            ("ws://vm:5900", "ws://vm:5900", "/"),
            ("ws://vm:5900/", "ws://vm:5900", "/"),
            (
                "ws://vm/websockify?token=a&b",
                "ws://vm:80",
                "/websockify?token=a&b",
            ),
            ("ws://[::1]?token=a;b", "ws://[::1]:80", "/?token=a;b"),
            ("wss://me@vm/x#y", "wss://vm:443", "/x"),
            ("wss://vm:8443/a%20b", "wss://vm:8443", "/a%20b"),
        ] {
            let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(target.to_string(), shown, "{text}");
            let Target::Server(server) = target else {
                panic!("{text} is a server");
            };
            assert_eq!(server.websocket, Some(Veiled::from(path)), "{text}");
            assert_eq!(server.secure.is_some(), text.starts_with("wss"), "{text}");
            assert!(!format!("{server:?}").contains("token"));
        }
    }

    #[test]
    fn a_user_in_a_uri_is_decoded() {
        for (text, user) in [
            ("spice://ann@vm:5900", Some("ann")),
            ("spice://ann%40here@vm?tls-port=1", Some("ann@here")),
            ("spice+tls://ann@b@vm:1", Some("ann@b")),
            ("wss://ann@vm/x@y", Some("ann")),
            ("spice://vm:5900", None),
        ] {
            let target = Target::parse(text);
            let Ok(Target::Server(server)) = target else {
                panic!("{text}: {target:?}");
            };
            assert_eq!(server.user.as_deref(), user, "{text}");
        }
        let why = Target::parse("spice://%ff@vm:1").unwrap_err().to_string();
        assert_eq!(why, "the user's name is not UTF-8");
    }

    #[test]
    fn a_password_in_a_uri_is_decoded_and_never_shown() {
        let target = Target::parse("spice://vm:5900?password=se%20s%26me+x").unwrap();
        let expected = Secret::new("se s&me+x".into()).unwrap();
        assert!(matches!(&target, Target::Server(server) if server.password == Some(expected)));
        assert_eq!(target.to_string(), "vm:5900");
        assert!(!format!("{target:?}").contains("s&me"));
        let error = Target::parse("spice://vm?password=sesame&password=sesame").unwrap_err();
        assert_eq!(error.to_string(), "'password' is given twice");
    }

    #[test]
    fn a_server_may_have_both_ports() {
        for text in [
            "spice://vm?port=5900&tls-port=5901",
            "spice://vm:5900?tls-port=5901",
            "spice://vm/?tls-port=5901;port=5900",
            "spice://vm/some/path;port=5900&tls-port=5901&password=",
        ] {
            let both = Server {
                plain: Some(Address::tcp("vm", 5900)),
                secure: Some(Address::tcp("vm", 5901)),
                ..Server::default()
            };
            assert_eq!(Target::parse(text), Ok(Target::Server(both)), "{text}");
        }
    }

    #[test]
    fn forms_of_later_versions_are_refused_by_name() {
        for text in ["demo:video", "demo:console", "demo:shell"] {
            let refused = Err(BadTarget::NotYet("this demonstration"));
            assert_eq!(Target::parse(text), refused, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "it is empty"),
            ("vm:0", "the port is not a number from 1 to 65535"),
            ("spice://", "the host is missing"),
            ("ws://", "the host is missing"),
            ("ws:///path", "the host is missing"),
            ("wss://vm:0/", "the port is not a number from 1 to 65535"),
            (
                "ws://vm/a b",
                "the path has characters to be written as %41",
            ),
            (
                "ws://vm/\u{e4}",
                "the path has characters to be written as %41",
            ),
            ("ws://vm;port=1/", "the host is not one"),
            ("spice://?port=5900", "the host is missing"),
            ("spice://user@:5900", "the host is missing"),
            ("spice://%ff:5900", "the host is not UTF-8"),
            ("spice://a%2fb:5900", "the host is not one"),
            (
                "spice://vm?port=65536",
                "a port is not a number from 1 to 65535",
            ),
            (
                "spice://vm?tls-port=+1",
                "a port is not a number from 1 to 65535",
            ),
            ("spice://vm?port", "a key in it has no value"),
            ("spice://vm:5900?port=5901", "the port is given twice"),
            ("spice://vm?port=5900;port=5901", "'port' is given twice"),
            (
                "spice://vm?port=66000",
                "a port is not a number from 1 to 65535",
            ),
            ("spice://vm?port", "a key in it has no value"),
            (
                "spice://vm?host=x",
                "'host' means nothing; known are port, tls-port and password",
            ),
            ("spice://%ff", "the host is not UTF-8"),
            ("spice+tls://vm", "the port with TLS is missing"),
            (
                "spice+tls://vm:1?tls-port=2",
                "the port of spice+tls:// belongs behind the host",
            ),
            ("spice+unix://", "the path of the socket is missing"),
            (
                "vnc://vm",
                "'vnc://' leads nowhere; known are spice://, spice+tls://, spice+unix://, ws:// and wss://",
            ),
            ("libvirt:", "the name of the machine is missing"),
            ("demo:fish", "the demonstrations are demo: and demo:desktop"),
        ] {
            assert_eq!(Target::parse(text), Err(malformed(why)), "{text}");
        }
    }
}
