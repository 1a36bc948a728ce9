//! Whether a server is who it should be.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::SignatureScheme;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error};

use super::certificate::Certificate;
use super::identity::Identity;
use super::problem::{Problem, Rejection};
use super::signature::{self, Made};
use super::{Policy, provider};

/// Most certificates between a server's and a trusted authority's, its own included.
const LONGEST_CHAIN: usize = 8;

/// Decides for rustls, by a policy.
#[derive(Debug)]
pub(super) struct Verifier {
    policy: Arc<Policy>,
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Seen>>,
}

/// What came out of it: rustls hands on only a word about that.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The server's certificate, if it was taken.
    pub taken: Option<Certificate>,
    /// What was not taken.
    pub rejected: Option<Box<Rejection>>,
}

impl Verifier {
    pub(super) fn new(policy: Arc<Policy>, seen: Arc<Mutex<Seen>>) -> Self {
        Self {
            policy,
            provider: provider(),
            seen,
        }
    }

    /// Checks what a server shows, its own certificate first.
    pub(super) fn check(&self, chain: &[Certificate], now: SystemTime) -> Result<(), Problem> {
        let Some(leaf) = chain.first() else {
            return Err(Problem::Unreadable("there is none".into()));
        };
        if self.policy.anybody {
            return Ok(());
        }
        let is_known = self.policy.known == Some(leaf.fingerprint());
        if !is_known {
            self.trusted(chain, now)?;
        }
        match &self.policy.identity {
            // Who took it has seen whom it names; a subject was asked for by name.
            Identity::Host(_) if is_known => Ok(()),
            identity => identity.check(leaf).map_err(Problem::Identity),
        }
    }

    /// Follows the signatures up to an authority that is trusted.
    fn trusted(&self, chain: &[Certificate], now: SystemTime) -> Result<(), Problem> {
        let mut at = &chain[0];
        for below in 0..LONGEST_CHAIN {
            fit(at, now)?;
            if below == 0 && !at.may_serve() {
                return Err(Problem::Purpose);
            }
            if self.policy.authorities.contains(at) {
                return Ok(());
            }
            let issuer = &at.read().tbs_certificate.issuer;
            let subject = |c: &Certificate| c.read().tbs_certificate.subject == *issuer;
            let signs =
                |candidate: &&Certificate| subject(candidate) && self.has_signed(candidate, at);
            if let Some(authority) = self.policy.authorities.iter().find(signs) {
                fit(authority, now)?;
                return match authority.may_sign(true, below) {
                    true => Ok(()),
                    false => Err(no_authority(authority)),
                };
            }
            if self.policy.authorities.iter().any(subject) {
                // Somebody trusted has that name, but did not sign this.
                let subject = at.subject();
                return Err(
                    match signature::broken_hash(&at.read().signature_algorithm) {
                        Some(hash) => Problem::BrokenHash { subject, hash },
                        None => Problem::Signature { subject },
                    },
                );
            }
            at = match chain.iter().filter(|c| *c != at).find(signs) {
                Some(next) if next.may_sign(false, below) => next,
                Some(next) => return Err(no_authority(next)),
                None if below == 0 && subject(at) => return Err(Problem::SelfSigned),
                None => break,
            };
        }
        let issuer = at.issuer();
        Err(Problem::UnknownAuthority { issuer })
    }

    fn has_signed(&self, authority: &Certificate, signed: &Certificate) -> bool {
        let read = signed.read();
        let Some(signature) = read.signature.as_bytes() else {
            return false;
        };
        let made = Made::By(&read.signature_algorithm);
        // What is inside the signature has the last word on how it was made.
        read.signature_algorithm == read.tbs_certificate.signature
            && signature::is_good(&self.provider, authority, made, signed.signed(), signature)
    }

    fn handshake(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        made: Made<'_>,
        signature: &[u8],
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::from_der(certificate)
            .map_err(|_| Error::from(CertificateError::BadEncoding))?;
        if signature::is_good(&self.provider, &certificate, made, message, signature) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

fn no_authority(certificate: &Certificate) -> Problem {
    let subject = certificate.subject();
    Problem::NoAuthority { subject }
}

/// Whether a certificate is good now, and holds nothing that would have to be understood.
fn fit(certificate: &Certificate, now: SystemTime) -> Result<(), Problem> {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let subject = certificate.subject();
    if now < from {
        return Err(Problem::NotYet { subject, from });
    }
    if now > until {
        return Err(Problem::Expired { subject, at: until });
    }
    match certificate.not_understood() {
        Some(oid) => Err(Problem::Extension { oid }),
        None => Ok(()),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let others = intermediates.iter().take(LONGEST_CHAIN);
        let chain: Result<Vec<Certificate>, _> = std::iter::once(end_entity)
            .chain(others)
            .map(|der| Certificate::from_der(der))
            .collect();
        let (certificate, checked) = match chain {
            Ok(chain) => (chain.first().cloned(), self.check(&chain, now)),
            Err(error) => (None, Err(Problem::Unreadable(error.0))),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match checked {
            Ok(()) => {
                seen.taken = certificate;
                Ok(ServerCertVerified::assertion())
            }
            Err(problem) => {
                seen.rejected = Some(Box::new(Rejection {
                    certificate,
                    problem,
                }));
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let made = Made::In12(signed.scheme);
        self.handshake(message, certificate, made, signed.signature())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let made = Made::In13(signed.scheme);
        self.handshake(message, certificate, made, signed.signature())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        signature::schemes(&self.provider)
    }
}
