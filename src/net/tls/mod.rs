//! TLS as SPICE servers have it: private authorities, certificates of the first version, names that match no host.
//!
//! rustls carries the bytes; whether a server is who it should be is decided here, by the rules of spec 01 §8. What webpki
//! would refuse — X.509 v1, RSA with 1024 bits, no alternative names — is what the usual instructions make people create.

mod certificate;
mod credentials;
mod error;
mod identity;
mod name;
mod overheard;
mod problem;
mod signature;
#[cfg(test)]
mod tests;
mod verifier;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use tokio_rustls::TlsConnector;

pub use certificate::{Certificate, Hosts, NotCertificate};
pub use credentials::{BadCredentials, Credentials};
pub use error::TlsError;
pub use identity::{Identity, Mismatch};
pub use name::{BadSubject, DistinguishedName};
pub use overheard::Overheard;
pub use problem::{Problem, Rejection, hex};

use super::Stream;
use verifier::{Seen, Verifier};

/// What a server has to show.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Authorities that are trusted; a server's own certificate may be among them.
    pub authorities: Vec<Certificate>,
    /// Who it has to be.
    pub identity: Identity,
    /// SHA-256 of a certificate that is taken whoever signed it, whatever host it names and however old it is: the user has
    /// seen it.
    pub known: Option<[u8; 32]>,
    /// Takes any certificate at all.
    pub anybody: bool,
}

impl Policy {
    /// Trusts nobody yet; the certificate has to be about this host, a name or an address.
    pub fn for_host(host: impl Into<String>) -> Self {
        Self {
            authorities: Vec::new(),
            identity: Identity::Host(host.into()),
            known: None,
            anybody: false,
        }
    }
}

/// A connection with TLS.
#[derive(Debug)]
pub struct Secured {
    /// What is sent and read through it.
    pub stream: Stream,
    /// What the server has shown.
    pub certificate: Option<Certificate>,
    /// `1.2` or `1.3`.
    pub version: &'static str,
}

/// Begins TLS on a connected stream. `host` is announced to the server if it is the name of one: neither an address is
/// nor a proxy's token.
///
/// # Errors
///
/// [`TlsError`]. Cancel safe: dropping it drops the stream.
pub async fn connect(stream: Stream, host: &str, policy: Arc<Policy>) -> Result<Secured, TlsError> {
    fit_processor()?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let verifier = Verifier::new(policy, Arc::clone(&seen));
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Protocol(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())
        .ok()
        .filter(|name| matches!(name, ServerName::DnsName(_)));
    config.enable_sni = name.is_some();
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED).into();
    let name = name.unwrap_or(ServerName::IpAddress(nobody));
    let connector = TlsConnector::from(Arc::new(config));
    let begun = connector.connect(name, Overheard::new(stream));
    match begun.into_fallible().await {
        Ok(stream) => {
            let version = version(stream.get_ref().1.protocol_version());
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Secured {
                stream: Stream::Tls(Box::new(stream.into())),
                certificate: seen.taken.take(),
                version,
            })
        }
        Err((error, stream)) => {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            Err(match seen.rejected.take() {
                Some(rejection) => TlsError::Certificate(rejection),
                None => TlsError::sorted(error, stream.first()),
            })
        }
    }
}

/// Whether TLS is spoken over a connected stream, by whomever.
pub async fn is_spoken(stream: Stream) -> bool {
    let anybody = Policy {
        anybody: true,
        ..Policy::for_host("")
    };
    match connect(stream, "", Arc::new(anybody)).await {
        Ok(_) | Err(TlsError::Certificate(_) | TlsError::Protocol(_)) => true,
        Err(_) => false,
    }
}

fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    }
}

/// Where keys, ciphers and hashes come from.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

/// The provider would panic on a processor that it was not written for.
fn fit_processor() -> Result<(), TlsError> {
    #[cfg(target_arch = "x86_64")]
    let fit = is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("adx")
        && is_x86_feature_detected!("avx2");
    #[cfg(target_arch = "aarch64")]
    let fit = std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull")
        && std::arch::is_aarch64_feature_detected!("sha2");
    // It does not compile for others.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let fit = false;
    fit.then_some(()).ok_or(TlsError::Processor)
}
