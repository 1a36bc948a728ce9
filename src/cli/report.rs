//! Words for people: what was tried, what happened, the one thing to do, and the number scripts see.

use std::process::ExitCode;
use std::{fmt, io};

use crate::client::ConnectError;
use crate::link::{LinkCode, LinkError, Peer, SaslError, Step};
#[cfg(feature = "tls")]
use crate::net::tls::{Mismatch, Problem, Rejection, TlsError};
use crate::net::websocket::WebSocketError;
use crate::net::{Address, HttpError, ProxyError};
use crate::server::ServeError;
use crate::session::CloseReason;
use crate::tui::{ViewError, printable, printable_json};
use crate::words::{chain, system};

/// How a command ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Something nobody foresaw.
    Unexpected = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No connection.
    CannotConnect = 3,
    /// Connected to something that is not a SPICE server.
    NotSpice = 4,
    /// TLS is wanted, or failed.
    Tls = 5,
    /// The password was refused.
    Authentication = 6,
    /// The server ended the session.
    Closed = 7,
    /// It took too long.
    Timeout = 8,
    /// What was asked for is not there.
    NotFound = 9,
    /// The terminal cannot be used.
    Terminal = 10,
    /// A file cannot be read or written, or is damaged.
    File = 11,
    /// A signal ended it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For scripts.
    pub exit: Exit,
    /// What was tried, and what happened.
    pub text: String,
    /// What it was about, as names and values.
    pub details: Vec<(&'static str, String)>,
    /// The one thing to do, when it is likely right.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
            details: Vec::new(),
            hint: None,
        }
    }

    /// The same with a hint.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that could not be read or written.
    pub fn file(tried: &str, name: &str, error: &io::Error) -> Self {
        Self::new(
            Exit::File,
            format!("cannot {tried} {name}: {}", system(error)),
        )
    }

    /// Writing to standard output failed. A reader that has had enough is no failure.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            _ => Self::file("write to", "standard output", error),
        }
    }

    /// Interrupted by a signal; nothing need be said.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "")
    }

    /// The details, one a line.
    pub fn detail_lines(&self) -> impl Iterator<Item = String> + '_ {
        let said = self.details.iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| printable(&format!("{name:<8} {value}")))
    }

    /// Tells the user on standard error.
    pub fn report(&self) {
        if self.text.is_empty() {
            return;
        }
        say(&self.text);
        for line in self.detail_lines() {
            write_line(&format!("  {line}"));
        }
        if let Some(hint) = &self.hint {
            write_line(&format!("  hint: {}", short_of(hint)));
        }
    }
}

/// Most characters of a line on standard error.
const MOST_SAID: usize = 2000;

/// Tells the user something on standard error, in a line of its own. Parts of it may come from a server.
pub fn say(text: impl fmt::Display) {
    write_line(&format!("capsaicin: {}", short_of(&text.to_string())));
}

/// Nobody is told when there is nobody: a terminal that went away is no reason to panic, as `eprintln` would.
fn write_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "{line}");
}

fn short_of(text: &str) -> String {
    printable(text).chars().take(MOST_SAID).collect()
}

/// JSON for standard output, which may be a terminal.
pub fn json(facts: impl fmt::Display) -> String {
    printable_json(facts.to_string())
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let exit = match &error {
            ServeError::Address(_) | ServeError::Screen(_) => Exit::Usage,
            _ => Exit::CannotConnect,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let exit = match &error {
            ConnectError::Address(_) | ConnectError::Password(_) => Exit::Usage,
            ConnectError::Timeout { .. } => Exit::Timeout,
            ConnectError::Link { source, .. } => link_exit(source),
            #[cfg(feature = "tls")]
            ConnectError::Tls { source, .. } => tls_exit(source),
            ConnectError::Proxy { source, .. } => proxy_exit(source),
            ConnectError::WebSocket { source, .. } => websocket_exit(source),
            _ => Exit::CannotConnect,
        };
        let hint = match &error {
            ConnectError::Io { address, source } => io_hint(address, source),
            ConnectError::Timeout { .. } => {
                Some("a firewall may swallow the connection; --timeout allows more time".into())
            }
            ConnectError::Link { address, source } => link_hint(address, source),
            #[cfg(feature = "tls")]
            ConnectError::Tls { address, source } => match source {
                TlsError::Certificate(rejection) => {
                    return Self::from_rejection(address, rejection);
                }
                other => tls_hint(other).map(str::to_owned),
            },
            ConnectError::Proxy { source, .. } => proxy_hint(source).map(str::to_owned),
            ConnectError::WebSocket { source, .. } => websocket_hint(source).map(str::to_owned),
            _ => None,
        };
        Self {
            hint,
            ..Self::new(exit, chain(&error))
        }
    }
}

fn io_hint(address: &Address, error: &io::Error) -> Option<String> {
    let hint = match (address, error.kind()) {
        (Address::Tcp { .. }, io::ErrorKind::ConnectionRefused) => {
            "nothing listens there: check the port of the machine's -spice option"
        }
        (Address::Unix(_), io::ErrorKind::ConnectionRefused) => {
            "the socket is there, but the program that made it is not"
        }
        (Address::Unix(_), io::ErrorKind::NotFound) => {
            "there is no such socket: check the path of the machine's -spice option"
        }
        (Address::Unix(_), io::ErrorKind::PermissionDenied) => {
            "the socket belongs to somebody else: run as its owner, or ask for access"
        }
        (_, io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            "no way leads there from this machine: is it on the right network, or behind a VPN?"
        }
        (Address::Tcp { .. }, _) if is_lookup(error) => lookup_hint(error),
        (_, io::ErrorKind::ConnectionReset) => {
            "the server hung up; one that takes a single viewer may have one"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether a name could not be resolved. The standard library has no kind for it.
fn is_lookup(error: &io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address")
}

/// Nobody to be asked is not the same as nobody who knows.
fn lookup_hint(error: &io::Error) -> &'static str {
    let text = error.to_string();
    // EAI_AGAIN, as glibc and musl have it.
    match text.ends_with("Temporary failure in name resolution") || text.ends_with("Try again") {
        true => "no name server answers: is this machine online? An address needs none",
        false => "nobody knows this name: check its spelling, or give the address",
    }
}

fn link_exit(error: &LinkError) -> Exit {
    match error {
        LinkError::NotSpice {
            guess: Peer::Tls, ..
        } => Exit::Tls,
        LinkError::Refused(LinkCode::NeedSecured | LinkCode::NeedUnsecured) => Exit::Tls,
        LinkError::WrongPassword
        | LinkError::NoCommonAuth
        | LinkError::Sasl(_)
        | LinkError::Refused(LinkCode::PermissionDenied) => Exit::Authentication,
        LinkError::PasswordTooLong { .. } | LinkError::PasswordHasNul => Exit::Usage,
        LinkError::Refused(_) | LinkError::UnexpectedEnd { step: Step::Done } => Exit::Closed,
        _ => Exit::NotSpice,
    }
}

fn link_hint(address: &Address, error: &LinkError) -> Option<String> {
    let hint = match error {
        LinkError::NotSpice {
            guess: Peer::Tls, ..
        } => {
            return Some(format!(
                "this is a port with TLS: use spice+tls://{address}"
            ));
        }
        LinkError::NotSpice { guess, .. } => peer_hint(*guess),
        LinkError::Version { major: 0 | 1, .. } => {
            "the server is too old for this program; a newer QEMU speaks version 2"
        }
        LinkError::Refused(LinkCode::NeedSecured) => {
            "name the server's port with TLS (tls-port of -spice) with --tls-port"
        }
        LinkError::Refused(LinkCode::NeedUnsecured) => "--plain uses the plain port",
        LinkError::WrongPassword => {
            "give the one of the machine's -spice option with --password-file, or set it anew"
        }
        LinkError::UnexpectedEnd { step: Step::Reply } => {
            "a TLS port hangs up like this, and so does a server that is not SPICE"
        }
        LinkError::NoCommonAuth if cfg!(feature = "sasl") => return None,
        LinkError::NoCommonAuth => "this capsaicin was built without SASL",
        LinkError::Sasl(error) => sasl_hint(error)?,
        _ => return None,
    };
    Some(hint.to_owned())
}

const fn sasl_hint(error: &SaslError) -> Option<&'static str> {
    Some(match error {
        SaslError::WantsUser => "name the user with --user, and a password with --password-file",
        SaslError::Refused(_) => "check --user and the password; a server says no more than this",
        SaslError::NoMechanism {
            is_secret: false, ..
        } => {
            "name the server's port with TLS: spice+tls://HOST:PORT, or --tls-port; QEMU has one with -spice tls-port=PORT,x509-dir=DIR"
        }
        SaslError::NoMechanism { .. } => {
            "known are SCRAM, DIGEST-MD5, PLAIN, EXTERNAL and ANONYMOUS: mech_list in the server's /etc/sasl2/qemu.conf"
        }
        SaslError::Unproven | SaslError::Weak { .. } => "this may not be the server you mean",
        _ => return None,
    })
}

const fn peer_hint(peer: Peer) -> &'static str {
    match peer {
        Peer::Vnc => "this is the port of -vnc; use the one of -spice, or a VNC viewer",
        Peer::Ssh => "this is the port of the SSH server; use the one of -spice",
        Peer::Http => "this is the port of a web server; use the one of -spice",
        Peer::Spice => "this is a SPICE server: name its port as HOST:PORT",
        _ => "use the port of the machine's -spice option",
    }
}

fn proxy_exit(error: &ProxyError) -> Exit {
    match error {
        ProxyError::Refused {
            status: 401 | 407, ..
        } => Exit::Authentication,
        ProxyError::Host => Exit::Usage,
        ProxyError::Late(_) => Exit::Timeout,
        #[cfg(feature = "tls")]
        ProxyError::Tls(error) => match tls_exit(error) {
            Exit::NotSpice => Exit::CannotConnect,
            exit => exit,
        },
        _ => Exit::CannotConnect,
    }
}

fn proxy_hint(error: &ProxyError) -> Option<&'static str> {
    Some(match error {
        ProxyError::Name(_) => {
            "check the proxy's name: it comes from --proxy, the connection file or SPICE_PROXY"
        }
        ProxyError::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nothing listens there: check the proxy's port; --proxy '' connects without it"
        }
        ProxyError::Io(_) => "--proxy '' connects without it",
        ProxyError::Refused {
            status: 401 | 407,
            with_login: false,
            ..
        } => "tell it who you are: SPICE_PROXY=http://USER:PASSWORD@HOST:PORT",
        // Some say 401 to a wrong password (seen from tinyproxy 1.11).
        ProxyError::Refused {
            status: 401 | 407, ..
        } => "it does not take this user and password",
        ProxyError::Refused {
            status: 403 | 405, ..
        } => "whoever runs it decides which hosts and ports it leads to",
        ProxyError::Refused {
            status: 500 | 502..=599,
            ..
        } => {
            "it does not reach the server: check the server's name and port as the proxy sees them"
        }
        ProxyError::Refused { .. } => "it may be a web server, and no proxy",
        ProxyError::Http(HttpError::NotHttp { guess: Peer::Tls }) => {
            "this is a port with TLS: write https:// in front of the proxy"
        }
        ProxyError::Late(_) => {
            "the proxy or the way behind it swallows the connection; --timeout allows more time"
        }
        ProxyError::Http(_) => "check the proxy's port: a proxy for SPICE speaks HTTP",
        #[cfg(feature = "tls")]
        ProxyError::Tls(TlsError::NotTls { guess: Peer::Http }) => {
            "this proxy speaks no TLS: write http:// in front of it"
        }
        #[cfg(feature = "tls")]
        ProxyError::Tls(TlsError::Certificate(_)) => {
            "a proxy has to show a certificate that this system trusts"
        }
        _ => return None,
    })
}

fn websocket_exit(error: &WebSocketError) -> Exit {
    match error {
        WebSocketError::Http(HttpError::Io(_)) => Exit::CannotConnect,
        WebSocketError::Http(HttpError::NotHttp { guess: Peer::Tls }) => Exit::Tls,
        WebSocketError::Refused {
            status: 401 | 403, ..
        } => Exit::Authentication,
        WebSocketError::Request => Exit::Usage,
        _ => Exit::NotSpice,
    }
}

fn websocket_hint(error: &WebSocketError) -> Option<&'static str> {
    Some(match error {
        WebSocketError::Http(HttpError::NotHttp { guess: Peer::Tls }) => {
            "this is a port with TLS: use wss://"
        }
        WebSocketError::Http(HttpError::NotHttp { guess }) => peer_hint(*guess),
        WebSocketError::Http(HttpError::HungUp) => {
            "a TLS port hangs up like this; wss:// is for those"
        }
        WebSocketError::Refused {
            status: 401 | 403, ..
        } => "it wants to know who asks: check the token in the address",
        WebSocketError::Refused { .. } => {
            "check the path: behind a web server the web-socket has one of its own"
        }
        WebSocketError::Answer => "what answers is no web-socket for SPICE",
        _ => return None,
    })
}

#[cfg(feature = "tls")]
fn tls_exit(error: &TlsError) -> Exit {
    match error {
        TlsError::NotTls { guess: Peer::Spice } => Exit::Tls,
        TlsError::NotTls { .. } => Exit::NotSpice,
        TlsError::Io(_) => Exit::CannotConnect,
        _ => Exit::Tls,
    }
}

#[cfg(feature = "tls")]
fn tls_hint(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::NotTls { guess: Peer::Spice } => {
            "this is the server's plain port; the one with TLS is tls-port of -spice"
        }
        TlsError::NotTls { guess } => peer_hint(*guess),
        TlsError::HungUp => {
            "use the port named by tls-port of -spice; an old server may have no TLS 1.2"
        }
        TlsError::Proof => "somebody shows the certificate of another: go no further",
        _ => return None,
    })
}

#[cfg(feature = "tls")]
impl Failure {
    /// A certificate that was not taken: what it says, what is wrong with it, what can be done.
    pub fn from_rejection(address: &Address, rejection: &Rejection) -> Self {
        let text = format!(
            "cannot connect to {address} with TLS: {}",
            rejection.problem
        );
        let mut failure = Self::new(Exit::Tls, text);
        let Some(certificate) = &rejection.certificate else {
            return failure;
        };
        failure.details = certificate.facts();
        let subject = certificate.subject();
        let hint = match &rejection.problem {
            Problem::UnknownAuthority { .. } | Problem::SelfSigned => {
                "--ca-file names a file with the authority's certificate; --trust first-use takes this one and remembers it"
                    .to_owned()
            }
            Problem::Expired { .. } => {
                "have it made anew, unless the clock of this machine is wrong".to_owned()
            }
            Problem::NotYet { .. } => "look at the clock of this machine first".to_owned(),
            Problem::Identity(Mismatch::Host { .. }) => {
                format!("use a name it has, or expect its subject: --host-subject '{subject}'")
            }
            Problem::Identity(Mismatch::Subject { wanted, .. }) => {
                failure.details.push(("expected", wanted.to_string()));
                format!("if this is the server you mean: --host-subject '{subject}'")
            }
            _ => "have it made anew".to_owned(),
        };
        failure.with_hint(hint)
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        let exit = match &error {
            ViewError::NoTerminal | ViewError::TooSmall { .. } => Exit::Terminal,
            ViewError::Panicked => Exit::Unexpected,
            _ => Exit::Terminal,
        };
        let hint = match &error {
            ViewError::NoTerminal => Some("'capsaicin screenshot' needs none"),
            ViewError::TooSmall { .. } => Some("make the window larger, or the letters smaller"),
            ViewError::Dumb => Some(
                "where it can, name it: 'export TERM=xterm-256color'; --draw ascii tries all the same",
            ),
            _ => None,
        };
        Self {
            hint: hint.map(str::to_owned),
            ..Self::new(exit, format!("cannot view: {}", chain(&error)))
        }
    }
}

/// The end of a session that nobody here asked for.
impl From<CloseReason> for Failure {
    fn from(reason: CloseReason) -> Self {
        let exit = match &reason {
            CloseReason::Requested => Exit::Done,
            CloseReason::Protocol(_) => Exit::Unexpected,
            _ => Exit::Closed,
        };
        let hint = match &reason {
            CloseReason::ByPeer => {
                Some("the machine was shut down, or another viewer took over".to_owned())
            }
            _ => None,
        };
        Self {
            hint,
            ..Self::new(exit, reason.to_string())
        }
    }
}
