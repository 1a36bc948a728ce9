//! Words for people: what was tried, what happened, the one thing to do, and the number scripts see.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use crate::client::ConnectError;
use crate::link::{LinkCode, LinkError, Peer, Step};
use crate::net::Address;
use crate::server::ServeError;
use crate::session::CloseReason;
use crate::tui::{ViewError, printable};

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
    /// The one thing to do, when it is likely right.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
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

    /// Tells the user on standard error.
    pub fn report(&self) {
        if self.text.is_empty() {
            return;
        }
        // Parts of the text may come from a server.
        eprintln!("capsaicin: {}", printable(&self.text));
        if let Some(hint) = &self.hint {
            eprintln!("  hint: {}", printable(hint));
        }
    }
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
            _ => Exit::CannotConnect,
        };
        let hint = match &error {
            ConnectError::Io { address, source } => io_hint(address, source),
            ConnectError::Timeout { .. } => {
                Some("a firewall may swallow the connection; --timeout allows more time".into())
            }
            ConnectError::Link { address, source } => link_hint(address, source),
            _ => None,
        };
        Self {
            exit,
            text: chain(&error),
            hint,
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
        (_, io::ErrorKind::ConnectionReset) => {
            "the server hung up; one that takes a single viewer may have one"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn link_exit(error: &LinkError) -> Exit {
    match error {
        LinkError::NotSpice {
            guess: Peer::Tls, ..
        } => Exit::Tls,
        LinkError::Refused(LinkCode::NeedSecured) => Exit::Tls,
        LinkError::WrongPassword
        | LinkError::NoCommonAuth
        | LinkError::Refused(LinkCode::PermissionDenied) => Exit::Authentication,
        LinkError::PasswordTooLong { .. } | LinkError::PasswordHasNul => Exit::Usage,
        LinkError::Refused(_) | LinkError::UnexpectedEnd { step: Step::Done } => Exit::Closed,
        _ => Exit::NotSpice,
    }
}

fn link_hint(address: &Address, error: &LinkError) -> Option<String> {
    let hint = match error {
        LinkError::NotSpice { guess, .. } => match guess {
            Peer::Vnc => "this is the port of -vnc; use the one of -spice, or a VNC viewer",
            Peer::Ssh => "this is the port of the SSH server; use the one of -spice",
            Peer::Http => "this is the port of a web server; use the one of -spice",
            Peer::Tls => return Some(tls_hint(address)),
            _ => "use the port of the machine's -spice option",
        },
        LinkError::Refused(LinkCode::NeedSecured) => return Some(tls_hint(address)),
        LinkError::WrongPassword => {
            "give the one of the machine's -spice option with --password-file, or set it anew"
        }
        LinkError::UnexpectedEnd { step: Step::Reply } => {
            "a TLS port hangs up like this, and so does a server that is not SPICE"
        }
        LinkError::NoCommonAuth => "SASL is not supported yet",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn tls_hint(address: &Address) -> String {
    format!("TLS is not supported yet; use the plain port of the server behind {address}")
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
            _ => None,
        };
        Self {
            exit,
            text: format!("cannot view: {}", chain(&error)),
            hint: hint.map(str::to_owned),
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
            exit,
            text: reason.to_string(),
            hint,
        }
    }
}

/// An error and what caused it, as one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        match error.downcast_ref() {
            Some(error) => text.push_str(&system(error)),
            None => text.push_str(&error.to_string()),
        }
        cause = error.source();
    }
    text
}

/// What the system says, without its number and in lower case as a clause.
pub fn system(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match (chars.next(), chars.as_str()) {
        (Some(first), rest) if !rest.starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}
