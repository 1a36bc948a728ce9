//! What a server shows and proves: its certificates and the key to the first of them.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificate;
use super::{Overheard, TlsError, fit_processor, provider};
use crate::net::Stream;

/// A server's certificates, its own first, and its key.
#[derive(Clone)]
pub struct Credentials(Arc<ServerConfig>);

/// Why a server cannot use certificates or a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum BadCredentials {
    /// The certificates cannot be read.
    Certificate(String),
    /// The key cannot be read, or is of a kind that cannot be used: RSA from 2048 bits, P-256, P-384 and Ed25519 can.
    Key,
    /// The key is not the one of the first certificate.
    Pair,
    /// There is no TLS here.
    Tls(TlsError),
}

impl Credentials {
    /// Reads certificates and a key from PEM texts.
    ///
    /// # Errors
    ///
    /// [`BadCredentials`]; it repeats nothing of the key.
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self, BadCredentials> {
        fit_processor().map_err(BadCredentials::Tls)?;
        let chain = Certificate::from_pem(certificates)
            .map_err(|error| BadCredentials::Certificate(error.0))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| BadCredentials::Key)?;
        let key = provider().key_provider.load_private_key(key);
        let key = key.map_err(|_| BadCredentials::Key)?;
        let public = chain.first().and_then(Certificate::key);
        if key
            .public_key()
            .is_some_and(|of_key| Some(&*of_key) != public.as_deref())
        {
            return Err(BadCredentials::Pair);
        }
        Self::of(&chain, key)
    }

    fn of(chain: &[Certificate], key: Arc<dyn SigningKey>) -> Result<Self, BadCredentials> {
        let chain = chain.iter().map(|c| CertificateDer::from(c.der().to_vec()));
        // rustls' own way would have webpki read them, which knows no first version.
        let pair = CertifiedKey::new(chain.collect(), key);
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| BadCredentials::Tls(TlsError::Protocol(error.to_string())))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        Ok(Self(Arc::new(config)))
    }

    /// Of somebody who has the certificates, and some other key.
    #[cfg(test)]
    pub(super) fn stolen(certificates: &str, key: &str) -> Self {
        let chain = Certificate::from_pem(certificates).expect("certificates");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let key = provider().key_provider.load_private_key(key);
        Self::of(&chain, key.expect("a key that can be used")).expect("a configuration")
    }

    /// Begins TLS with a client.
    ///
    /// # Errors
    ///
    /// [`TlsError`]. Cancel safe: dropping it drops the stream.
    pub async fn accept(&self, stream: Stream) -> Result<Stream, TlsError> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0));
        let begun = acceptor.accept(Overheard::new(stream)).into_fallible();
        match begun.await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream.into()))),
            Err((error, stream)) => Err(TlsError::sorted(error, stream.first())),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl fmt::Display for BadCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(why) => write!(f, "the certificate cannot be read: {why}"),
            Self::Key => f.write_str(
                "the key cannot be used; RSA from 2048 bits, P-256, P-384 and Ed25519 in PEM can",
            ),
            Self::Pair => f.write_str("the key is not the one of the certificate"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BadCredentials {}
