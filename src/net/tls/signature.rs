//! Signatures under certificates and in handshakes: RSA by `rsa`, whatever version the certificate has, and the rest by the
//! provider of rustls.

use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPublicKey, pkcs1v15, pss};
use rustls::SignatureScheme as Scheme;
use rustls::crypto::CryptoProvider;
use x509_cert::der::Encode;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::certificate::Certificate;

/// How a signature was made.
#[derive(Clone, Copy)]
pub(super) enum Made<'a> {
    /// As a certificate says.
    By(&'a AlgorithmIdentifierOwned),
    /// As TLS 1.2 says.
    In12(Scheme),
    /// As TLS 1.3 says: the scheme names the curve too, and RSA is always PSS.
    In13(Scheme),
}

/// Ways of RSA.
#[derive(Clone, Copy)]
enum Rsa {
    Pkcs256,
    Pkcs384,
    Pkcs512,
    Pss256,
    Pss384,
    Pss512,
}

/// rsaEncryption.
const RSA: &str = "1.2.840.113549.1.1.1";

/// Least bytes of an RSA key: instructions of old had people make 1024 bits, and anything less can be broken at home.
const LEAST_RSA: usize = 128;

/// The schemes that are announced to a server: ours, and those of the provider.
pub(super) fn schemes(provider: &CryptoProvider) -> Vec<Scheme> {
    let mut schemes = vec![
        Scheme::RSA_PSS_SHA256,
        Scheme::RSA_PSS_SHA384,
        Scheme::RSA_PSS_SHA512,
        Scheme::RSA_PKCS1_SHA256,
        Scheme::RSA_PKCS1_SHA384,
        Scheme::RSA_PKCS1_SHA512,
    ];
    let known = provider.signature_verification_algorithms;
    for scheme in known.supported_schemes() {
        if !schemes.contains(&scheme) {
            schemes.push(scheme);
        }
    }
    schemes
}

/// The hash of a way to sign that is broken, and so never taken.
pub(super) fn broken_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<&'static str> {
    match algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => Some("SHA-1"),
        _ => None,
    }
}

/// Whether the key of `signer` made this signature under `message`.
pub(super) fn is_good(
    provider: &CryptoProvider,
    signer: &Certificate,
    made: Made<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = &signer.read().tbs_certificate.subject_public_key_info;
    if key.algorithm.oid.to_string() == RSA {
        return signer
            .key()
            .and_then(|der| RsaPublicKey::from_public_key_der(&der).ok())
            .filter(|key| key.size() >= LEAST_RSA)
            .zip(made.rsa())
            .is_some_and(|(key, how)| rsa_verifies(key, how, message, signature));
    }
    let (Some(bits), Some(key_algorithm)) =
        (key.subject_public_key.as_bytes(), inside(&key.algorithm))
    else {
        return false;
    };
    let known = provider.signature_verification_algorithms;
    let of_scheme = |scheme, most| {
        let (_, algorithms) = known.mapping.iter().find(|(s, _)| *s == scheme)?;
        let mut algorithms = algorithms.iter().take(most);
        algorithms.find(|a| *a.public_key_alg_id() == key_algorithm[..])
    };
    let algorithm = match made {
        Made::By(algorithm) => inside(algorithm).and_then(|wanted| {
            known.all.iter().find(|a| {
                *a.public_key_alg_id() == key_algorithm[..] && *a.signature_alg_id() == wanted[..]
            })
        }),
        // Here ECDSA goes with any curve.
        Made::In12(scheme) => of_scheme(scheme, usize::MAX),
        Made::In13(scheme) => of_scheme(scheme, 1),
    };
    algorithm.is_some_and(|a| a.verify_signature(bits, message, signature).is_ok())
}

impl Made<'_> {
    fn rsa(self) -> Option<Rsa> {
        Some(match self {
            Self::By(algorithm) => match algorithm.oid.to_string().as_str() {
                "1.2.840.113549.1.1.11" => Rsa::Pkcs256,
                "1.2.840.113549.1.1.12" => Rsa::Pkcs384,
                "1.2.840.113549.1.1.13" => Rsa::Pkcs512,
                _ => return None,
            },
            Self::In12(Scheme::RSA_PKCS1_SHA256) => Rsa::Pkcs256,
            Self::In12(Scheme::RSA_PKCS1_SHA384) => Rsa::Pkcs384,
            Self::In12(Scheme::RSA_PKCS1_SHA512) => Rsa::Pkcs512,
            Self::In12(Scheme::RSA_PSS_SHA256) | Self::In13(Scheme::RSA_PSS_SHA256) => Rsa::Pss256,
            Self::In12(Scheme::RSA_PSS_SHA384) | Self::In13(Scheme::RSA_PSS_SHA384) => Rsa::Pss384,
            Self::In12(Scheme::RSA_PSS_SHA512) | Self::In13(Scheme::RSA_PSS_SHA512) => Rsa::Pss512,
            Self::In12(_) | Self::In13(_) => return None,
        })
    }
}

fn rsa_verifies(key: RsaPublicKey, how: Rsa, message: &[u8], signature: &[u8]) -> bool {
    macro_rules! verifies {
        ($family:ident, $hash:ty) => {
            $family::Signature::try_from(signature).is_ok_and(|signature| {
                let key = $family::VerifyingKey::<$hash>::new(key);
                key.verify(message, &signature).is_ok()
            })
        };
    }
    match how {
        Rsa::Pkcs256 => verifies!(pkcs1v15, Sha256),
        Rsa::Pkcs384 => verifies!(pkcs1v15, Sha384),
        Rsa::Pkcs512 => verifies!(pkcs1v15, Sha512),
        Rsa::Pss256 => verifies!(pss, Sha256),
        Rsa::Pss384 => verifies!(pss, Sha384),
        Rsa::Pss512 => verifies!(pss, Sha512),
    }
}

/// An algorithm without the header of its sequence, as providers name theirs.
fn inside(algorithm: &AlgorithmIdentifierOwned) -> Option<Vec<u8>> {
    let mut bytes = algorithm.oid.to_der().ok()?;
    if let Some(parameters) = &algorithm.parameters {
        bytes.extend(parameters.to_der().ok()?);
    }
    Some(bytes)
}
