//! Machines of libvirt, by name: `virsh` is asked where a machine's display is.
//!
//! The password that comes with the answer stays in memory that is wiped. It is in no argument, log or error, and `virsh` is
//! not given those of our environment.

use std::fmt;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::password::{self, Secret};
use super::report::{Exit, Failure};
use super::target::Server;
use crate::net::Address;
use crate::words::system;

/// Most bytes of an answer.
const MOST: usize = 64 * 1024;

/// How long virsh may take while nobody can be asked anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take when it may ask a person for the password of another host.
const PATIENCE_WITH_PEOPLE: Duration = Duration::from_secs(300);

/// Where virsh looks for itself besides the place it is told: the machines that virt-manager shows.
const SYSTEM: &str = "qemu:///system";

/// The name of a machine, and of whoever manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The connection, `None` for the usual ones.
    pub uri: Option<String>,
    /// The machine's name.
    pub name: String,
}

/// A machine that somebody manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub domain: Domain,
    /// Whether it is switched on.
    pub runs: bool,
}

impl Domain {
    /// Reads what follows `libvirt` in a target: `:NAME` or `+URI:NAME`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(rest: &str) -> Result<Self, &'static str> {
        let (uri, name) = match rest.strip_prefix('+') {
            None => (None, rest.strip_prefix(':').unwrap_or_default()),
            Some(rest) => {
                // A name has no colon, as a rule; a connection always has.
                let (uri, name) = rest.rsplit_once(':').unwrap_or((rest, ""));
                if !uri.contains("://") {
                    return Err(
                        "behind libvirt+ stand a connection and a machine: libvirt+qemu:///system:NAME",
                    );
                }
                (Some(uri.to_owned()), name)
            }
        };
        match name {
            "" => Err("the name of the machine is missing"),
            name => Ok(Self {
                uri,
                name: name.to_owned(),
            }),
        }
    }

    /// Asks libvirt where the machine's display is, and for its password.
    ///
    /// # Errors
    ///
    /// Why there is none, in words for people.
    pub async fn display(&self) -> Result<Server, Failure> {
        let mut missed: Option<Failure> = None;
        for uri in places(self.uri.as_deref()) {
            match self.display_at(uri).await {
                Ok(server) => return Ok(server),
                Err(Miss::Elsewhere(failure)) => {
                    missed = Some(match missed {
                        Some(first) if rank(first.exit) >= rank(failure.exit) => first,
                        _ => failure,
                    });
                }
                Err(Miss::Here(failure)) => return Err(failure),
            }
        }
        let nobody = || Failure::new(Exit::CannotConnect, format!("nobody knows {self}"));
        Err(missed.unwrap_or_else(nobody))
    }

    async fn display_at(&self, uri: Option<&str>) -> Result<Server, Miss> {
        let patience = match password::can_ask() {
            true => PATIENCE_WITH_PEOPLE,
            false => PATIENCE,
        };
        let ask = async |kind: &[&str]| {
            let words = ["domdisplay", "--include-password"];
            let words = [&words[..], kind, &["--", &self.name]].concat();
            virsh(uri, &words, password::can_ask(), patience).await
        };
        let answer = ask(&["--type", "spice"]).await;
        let answer = answer.map_err(|error| Miss::Here(self.cannot_ask(&error, patience)))?;
        if answer.done {
            let text = std::str::from_utf8(&answer.stdout).unwrap_or_default();
            return server(text).ok_or_else(|| {
                let text = format!("{self} has a display that cannot be reached from here");
                Miss::Here(Failure::new(Exit::CannotConnect, text))
            });
        }
        if !answer.stderr.contains("No graphical display") {
            return Err(self.explain(&answer.stderr));
        }
        // What it has instead.
        let other = ask(&[]).await;
        let other = other.map_err(|error| Miss::Here(self.cannot_ask(&error, patience)))?;
        Err(Miss::Here(self.without_spice(&other)))
    }

    /// A machine that has no SPICE display, by the display that it has.
    fn without_spice(&self, other: &Answer) -> Failure {
        let what = match std::str::from_utf8(&other.stdout).unwrap_or_default() {
            vnc if vnc.trim_start().starts_with("vnc") => "has a VNC display and none of SPICE",
            _ => "has no SPICE display",
        };
        let name = &self.name;
        Failure::new(Exit::NotSpice, format!("cannot view {self}: it {what}")).with_hint(format!(
            "'virsh edit {name}' gives it one: <graphics type='spice' autoport='yes'/>"
        ))
    }

    /// virsh itself could not be asked.
    fn cannot_ask(&self, error: &io::Error, patience: Duration) -> Failure {
        let name = &self.name;
        let tried = format!("cannot ask libvirt for {name}");
        match error.kind() {
            io::ErrorKind::NotFound => Failure::new(
                Exit::CannotConnect,
                format!("{tried}: there is no virsh here"),
            )
            .with_hint(
                "the package libvirt-clients has it; or name the address that 'virsh domdisplay' says",
            ),
            io::ErrorKind::TimedOut => Failure::new(
                Exit::Timeout,
                format!("{tried}: virsh said nothing within {} s", patience.as_secs()),
            )
            .with_hint(format!("try 'virsh domdisplay {name}' yourself")),
            _ => Failure::new(Exit::CannotConnect, format!("{tried}: {}", system(error))),
        }
    }

    /// What virsh complains of.
    fn explain(&self, complaint: &str) -> Miss {
        let name = &self.name;
        let tried = format!("cannot view {self}");
        let has = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
        if has(&["omain is not running"]) {
            let text = format!("{tried}: the machine is switched off");
            let hint = match &self.uri {
                Some(uri) => format!("'virsh -c {uri} start {name}' switches it on"),
                None => format!("'virsh start {name}' switches it on"),
            };
            return Miss::Here(Failure::new(Exit::CannotConnect, text).with_hint(hint));
        }
        Miss::Elsewhere(if has(&["failed to get domain", "Domain not found"]) {
            let text = format!("{tried}: libvirt knows no machine of this name");
            Failure::new(Exit::NotFound, text).with_hint(
                "'virsh list --all' lists them; of another connection: libvirt+qemu:///session:NAME",
            )
        } else if has(&["ermission denied", "uthentication", "ccess denied"]) {
            let text = format!("{tried}: libvirt denies it: {}", last_line(complaint));
            Failure::new(Exit::Authentication, text).with_hint(
                "the group libvirt may ask: 'sudo usermod -aG libvirt $USER', then log in anew",
            )
        } else {
            let text = format!("{tried}: libvirt says: {}", last_line(complaint));
            Failure::new(Exit::CannotConnect, text)
                .with_hint("is libvirtd running there? another connection: libvirt+URI:NAME")
        })
    }
}

/// Every machine that libvirt knows here. Asks nobody anything; where there is no libvirt there is none.
pub async fn known() -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    for uri in places(None) {
        let list = async |which: &[&str]| {
            let words = [&["list", "--name"][..], which].concat();
            let answer = virsh(uri, &words, false, PATIENCE).await.ok()?;
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            answer.done.then_some(text)
        };
        let (Some(names), Some(running)) = (list(&["--all"]).await, list(&[]).await) else {
            continue;
        };
        for name in names.lines().filter(|line| !line.is_empty()) {
            let domain = Domain {
                uri: uri.map(str::to_owned),
                name: name.to_owned(),
            };
            // The usual connection may be this one.
            if !all.iter().any(|known| known.domain.name == domain.name) {
                let runs = running.lines().any(|line| line == name);
                all.push(Known { domain, runs });
            }
        }
    }
    all
}

/// Why a machine was not found.
enum Miss {
    /// It may be in another place.
    Elsewhere(Failure),
    /// It is this one, and cannot be had.
    Here(Failure),
}

/// What virsh said.
struct Answer {
    done: bool,
    stdout: Zeroizing<Vec<u8>>,
    stderr: String,
}

/// The connections to try: the one named, or the user's own one and the system's.
fn places(named: Option<&str>) -> Vec<Option<&str>> {
    let chosen = ["LIBVIRT_DEFAULT_URI", "VIRSH_DEFAULT_CONNECT_URI"];
    if named.is_some() || chosen.iter().any(|name| std::env::var_os(name).is_some()) {
        return vec![named];
    }
    vec![None, Some(SYSTEM)]
}

/// Of two reasons the one that helps more.
const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Authentication => 2,
        Exit::NotFound => 1,
        _ => 0,
    }
}

/// Runs virsh. Cancel safe: it is killed then.
async fn virsh(
    uri: Option<&str>,
    words: &[&str],
    may_ask: bool,
    patience: Duration,
) -> io::Result<Answer> {
    let mut command = Command::new("virsh");
    if let Some(uri) = uri {
        command.args(["-c", uri]);
    }
    command
        .args(words)
        .env("LC_ALL", "C")
        .env_remove("CAPSAICIN_PASSWORD")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if may_ask {
        command.stdin(Stdio::inherit());
    } else {
        // Nor may the ssh behind it ask on the terminal.
        command
            .stdin(Stdio::null())
            .env("SSH_ASKPASS", "false")
            .env("SSH_ASKPASS_REQUIRE", "force");
    }
    let mut child = command.spawn()?;
    let answered = async {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = tokio::join!(some_of(stdout), some_of(stderr));
        let status = child.wait().await?;
        Ok(Answer {
            done: status.success(),
            stdout: stdout?,
            stderr: String::from_utf8_lossy(&stderr?).into_owned(),
        })
    };
    match timeout(patience, answered).await {
        Ok(answer) => answer,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The first bytes of an answer, in memory that never grows, so that no copy is left behind.
async fn some_of(from: Option<impl AsyncRead + Unpin>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
    if let Some(mut from) = from {
        while bytes.len() < MOST && from.read_buf(&mut *bytes).await? > 0 {}
    }
    Ok(bytes)
}

/// What virsh complained of last, which is the cause.
fn last_line(complaint: &str) -> &str {
    let line = complaint.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or("nothing");
    line.strip_prefix("error: ").unwrap_or(line)
}

/// The server of an answer: `spice://HOST:PORT?tls-port=T&password=P` or `spice+unix://PATH?password=P`. Unlike in the URIs that
/// people write nothing is escaped, so the password is all that follows (seen from virsh 9.0).
fn server(answer: &str) -> Option<Server> {
    let line = answer.lines().find(|line| !line.trim().is_empty())?;
    let (line, password) = match line.find("?password=").or(line.find("&password=")) {
        Some(at) => (&line[..at], Some(&line[at + "?password=".len()..])),
        None => (line, None),
    };
    let password = match password {
        Some(password) => Some(Secret::new(password.to_owned()).ok()?),
        None => None,
    };
    if let Some(path) = line.strip_prefix("spice+unix://") {
        return Some(Server {
            plain: Some(Address::Unix(path.into())),
            password,
            ..Server::default()
        });
    }
    let (host, query) = match line.strip_prefix("spice://")? {
        rest if rest.contains('?') => rest.split_once('?')?,
        rest => (rest, ""),
    };
    let tls_port = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("tls-port="));
    let tls_port: Option<u16> = tls_port.and_then(|port| port.parse().ok());
    let address = Address::parse(host).ok()?;
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    Some(Server {
        secure: tls_port.map(|port| Address::tcp(address.host(), port)),
        plain: (has_port || tls_port.is_none()).then_some(address),
        password,
        ..Server::default()
    })
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.uri {
            Some(uri) => write!(f, "libvirt+{uri}:{}", self.name),
            None => write!(f, "libvirt:{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(plain: Option<u16>, secure: Option<u16>, password: Option<&str>) -> Option<Server> {
        let host = |port| Address::tcp("127.0.0.1", port);
        Some(Server {
            plain: plain.map(host),
            secure: secure.map(host),
            password: password.map(|text| Secret::new(text.to_owned()).unwrap()),
            ..Server::default()
        })
    }

    #[test]
    fn what_virsh_answers_is_taken_as_it_stands() {
        // As virsh 9.0 answers for machines with such passwords.
        let answer = "spice://127.0.0.1:5977?tls-port=5978&password=se&s me\n\n";
        assert_eq!(server(answer), at(Some(5977), Some(5978), Some("se&s me")));
        let answer = "spice://127.0.0.1:5977?password=100%25?password=x&tls-port=1\n";
        let password = Some("100%25?password=x&tls-port=1");
        assert_eq!(server(answer), at(Some(5977), None, password));
        assert_eq!(
            server("spice://127.0.0.1:5977\n"),
            at(Some(5977), None, None)
        );
        assert_eq!(
            server("spice://127.0.0.1?tls-port=5978\n"),
            at(None, Some(5978), None)
        );
        let socket = server("spice+unix:///run/x y.sock?password=a?b\n").unwrap();
        assert_eq!(socket.plain, Some(Address::Unix("/run/x y.sock".into())));
        assert_eq!(socket.password, Some(Secret::new("a?b".into()).unwrap()));
        let six = server("spice://[::1]:5977\n").unwrap();
        assert_eq!(six.plain, Some(Address::tcp("::1", 5977)));
    }

    #[test]
    fn an_answer_that_is_none_is_no_server() {
        for answer in [
            "",
            "\n\n",
            "vnc://127.0.0.1:1",
            "spice://",
            "spice://a:b:c",
            "spice://vm:99999",
        ] {
            assert_eq!(server(answer), None, "{answer}");
        }
        let long = format!("spice://vm:5900?password={}", "x".repeat(61));
        assert_eq!(server(&long), None);
        // Every prefix of a good one, and noise.
        let good = "spice+unix:///run/ü.sock?password=\u{202e}x";
        for end in (0..=good.len()).filter(|end| good.is_char_boundary(*end)) {
            let _ = server(&good[..end]);
        }
    }

    #[test]
    fn a_machine_is_named_with_or_without_its_connection() {
        let domain = |uri: Option<&str>, name: &str| {
            Ok(Domain {
                uri: uri.map(str::to_owned),
                name: name.to_owned(),
            })
        };
        assert_eq!(Domain::parse(":vm 1"), domain(None, "vm 1"));
        assert_eq!(
            Domain::parse("+qemu:///system:vm"),
            domain(Some("qemu:///system"), "vm")
        );
        let remote = "qemu+ssh://me@host:22/system";
        assert_eq!(
            Domain::parse(&format!("+{remote}:vm")),
            domain(Some(remote), "vm")
        );
        assert_eq!(
            Domain::parse(":"),
            Err("the name of the machine is missing")
        );
        assert!(Domain::parse("+qemu:vm").is_err());
        assert_eq!(
            Domain::parse("+qemu:///system:"),
            Err("the name of the machine is missing")
        );
        let named = Domain::parse("+qemu:///system:vm").unwrap();
        assert_eq!(named.to_string(), "libvirt+qemu:///system:vm");
    }
}
