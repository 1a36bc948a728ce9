//! Whom to believe: authorities from a file or the system, certificates that were taken before, and the person at the
//! terminal.

use std::io;
use std::path::Path;

use super::args::{SecurityArgs, Trust};
use super::known_hosts::KnownHosts;
use super::report::{Exit, Failure, say};
use super::target::Server;
use super::{password, state};
use crate::net::Address;
use crate::net::tls::{
    Certificate, DistinguishedName, Identity, Mismatch, Policy, Problem, Rejection, hex,
};
use crate::tui::printable;

/// Largest file of certificates that is read, bytes.
const LARGEST: u64 = 4 << 20;

/// What to do with certificates that nobody known has signed.
pub struct Confidence {
    trust: Trust,
    /// Authorities were named: then nobody else is asked.
    named: bool,
    known: KnownHosts,
}

impl Confidence {
    /// What is believed of the server at `address`, and what it has to show.
    ///
    /// # Errors
    ///
    /// When a file cannot be used, or the subject makes no sense.
    pub fn of(
        server: &Server,
        args: &SecurityArgs,
        address: &Address,
    ) -> Result<(Self, Policy), Failure> {
        let mut policy = Policy::for_host(address.host());
        if let Some(text) = args.host_subject.as_ref().or(server.host_subject.as_ref()) {
            let subject = DistinguishedName::parse(text).map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    format!("cannot expect the subject '{text}': {error}"),
                )
                .with_hint("as in --host-subject 'C=IL,L=Raanana,O=Red Hat,CN=my server'")
            })?;
            policy.identity = Identity::Subject(subject);
        }
        let named = named_authorities(server, args)?;
        let is_named = named.is_some();
        policy.authorities = named.map_or_else(|| usual_authorities(args.trust), Ok)?;
        if args.trust == Trust::None {
            say(format_args!(
                "--trust none: nothing proves who the server at {address} is"
            ));
            policy.anybody = true;
        }
        let remembers = !is_named && matches!(args.trust, Trust::Ask | Trust::FirstUse);
        let known = match remembers {
            true => KnownHosts::read()
                .map_err(|error| Failure::file("read", "the servers known so far", &error))?,
            false => KnownHosts::none(),
        };
        policy.known = known.find(address);
        let confidence = Self {
            trust: args.trust,
            named: is_named,
            known,
        };
        Ok((confidence, policy))
    }

    /// Whether the certificate of the server at `address`, which was refused, is to be taken nevertheless; its SHA-256
    /// then. It is kept for the next time.
    ///
    /// # Errors
    ///
    /// `refusal`, with what can be done about it.
    pub async fn reconsider(
        &mut self,
        address: &Address,
        rejection: &Rejection,
        refusal: Failure,
    ) -> Result<[u8; 32], Failure> {
        let Some(certificate) = &rejection.certificate else {
            return Err(refusal);
        };
        let print = certificate.fingerprint();
        if let Some(before) = self.known.find(address).filter(|before| *before != print) {
            return Err(self.changed(address, refusal, &before));
        }
        let can_be_taken = !self.named && may_be_taken(&rejection.problem);
        match self.trust {
            Trust::FirstUse if can_be_taken => {}
            Trust::Ask if can_be_taken && password::can_ask() => {
                ask(address, &rejection.problem, &refusal).await?;
            }
            _ => return Err(refusal),
        }
        match self.known.keep(address, &print) {
            Ok(()) => say(format_args!(
                "the certificate of {address} is trusted from now on (SHA-256 {})",
                hex(&print)
            )),
            Err(error) => say(format_args!(
                "the certificate of {address} is trusted this once; {} cannot be written: {error}",
                self.known.name()
            )),
        }
        Ok(print)
    }

    /// The server shows another certificate than the one that was taken.
    fn changed(&self, address: &Address, refusal: Failure, before: &[u8; 32]) -> Failure {
        let mut failure = Failure::new(
            Exit::Tls,
            format!(
                "cannot connect to {address} with TLS: its certificate is not the one that was trusted; \
                 somebody may stand between"
            ),
        );
        failure.details = refusal.details;
        failure.details.push(("trusted", hex(before)));
        failure.with_hint(format!(
            "if the server was set up anew, remove the line of {address} from {}",
            self.known.name()
        ))
    }
}

/// Whether a person can know better. A subject was asked for by name, and a false signature is no matter of opinion.
fn may_be_taken(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::UnknownAuthority { .. }
            | Problem::SelfSigned
            | Problem::NotYet { .. }
            | Problem::Expired { .. }
            | Problem::BrokenHash { .. }
            | Problem::Purpose
            | Problem::Identity(Mismatch::Host { .. })
    )
}

/// The certificates of a file that was named, by the user before the connection file.
fn named_authorities(
    server: &Server,
    args: &SecurityArgs,
) -> Result<Option<Vec<Certificate>>, Failure> {
    match (&args.ca_file, &server.ca) {
        (Some(path), _) => from_file(path).map(Some),
        (None, Some(text)) => parsed("the connection file's certificates", text).map(Some),
        (None, None) => Ok(None),
    }
}

/// Those of the system, and those that other SPICE clients of this user trust.
fn usual_authorities(trust: Trust) -> Result<Vec<Certificate>, Failure> {
    if trust == Trust::None {
        return Ok(Vec::new());
    }
    let mut all = system_authorities();
    let others = state::home().map(|home| home.join(".spicec/spice_truststore.pem"));
    if let Some(path) = others.filter(|path| trust != Trust::System && path.is_file()) {
        all.extend(from_file(&path)?);
    }
    Ok(all)
}

/// The authorities that this system trusts.
pub fn system_authorities() -> Vec<Certificate> {
    // A store of many has some that are too strange to be read.
    let found = rustls_native_certs::load_native_certs();
    let certificates = found.certs.iter();
    certificates
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect()
}

fn from_file(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let name = path.display().to_string();
    let text = read_text(path)
        .map_err(|error| Failure::file("read the certificates of", &name, &error))?;
    parsed(&name, &text)
}

/// A text file of no more than [`LARGEST`] bytes.
///
/// # Errors
///
/// What the system says.
pub fn read_text(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn parsed(name: &str, text: &str) -> Result<Vec<Certificate>, Failure> {
    Certificate::from_pem(text)
        .map_err(|error| Failure::new(Exit::File, format!("cannot use {name}: {error}")))
}

/// Shows a certificate to the person at the terminal, and asks.
async fn ask(address: &Address, problem: &Problem, refusal: &Failure) -> Result<(), Failure> {
    let mut text = format!("capsaicin: {}\n", printable(&problem.to_string()));
    for line in refusal.detail_lines() {
        text += &format!("  {line}\n");
    }
    // The address may have come in a connection file.
    let server = printable(&address.to_string());
    text += &format!("Trust this certificate of {server} from now on? [y/N] ");
    if password::confirm(text).await? {
        return Ok(());
    }
    let text = format!("the certificate of {address} was not trusted");
    Err(Failure::new(Exit::Tls, text))
}
