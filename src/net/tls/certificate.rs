//! X.509 certificates, as far as SPICE clients look at them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use rsa::sha2::{Digest, Sha256};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::{TbsCertificate, Version};

use super::name::DistinguishedName;

/// A certificate that could be read.
#[derive(Clone)]
pub struct Certificate(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    /// The signed part, byte for byte.
    signed: Vec<u8>,
    read: x509_cert::Certificate,
}

/// The hosts that a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// By name; the first label may be `*`.
    pub names: Vec<String>,
    /// By address.
    pub addresses: Vec<IpAddr>,
}

/// What was given is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCertificate(pub String);

/// Largest certificate that is looked at, bytes.
const LARGEST: usize = 64 << 10;
/// Most certificates of one file: systems have some hundred authorities.
const MOST: usize = 4096;

/// serverAuth of an extended key usage.
const FOR_SERVERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
/// anyExtendedKeyUsage.
const FOR_ALL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// Extensions that are acted on here.
const UNDERSTOOD: [ObjectIdentifier; 4] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    SubjectAltName::OID,
];

impl Certificate {
    /// Reads one, DER.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, NotCertificate> {
        let bad = |error: x509_cert::der::Error| NotCertificate(error.to_string());
        if der.len() > LARGEST {
            return Err(NotCertificate("it is larger than 64 KiB".into()));
        }
        let read = x509_cert::Certificate::from_der(der).map_err(bad)?;
        let mut reader = SliceReader::new(der).map_err(bad)?;
        let signed = reader
            .sequence(|inner| {
                let signed = inner.tlv_bytes()?.to_vec();
                inner.read_slice(inner.remaining_len())?;
                Ok(signed)
            })
            .map_err(bad)?;
        Ok(Self(Arc::new(Parts {
            der: der.to_vec(),
            signed,
            read,
        })))
    }

    /// Reads all that are in a PEM file; other things in it mean nothing.
    ///
    /// # Errors
    ///
    /// When there is none, or one cannot be read.
    pub fn from_pem(text: &str) -> Result<Vec<Self>, NotCertificate> {
        let mut certificates = Vec::new();
        for der in CertificateDer::pem_slice_iter(text.as_bytes()).take(MOST) {
            let der = der.map_err(|error| NotCertificate(error.to_string()))?;
            certificates.push(Self::from_der(&der)?);
        }
        if certificates.is_empty() {
            return Err(NotCertificate("there is none in it".into()));
        }
        Ok(certificates)
    }

    /// All of it, DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whom it is about.
    pub fn subject(&self) -> DistinguishedName {
        DistinguishedName::of(&self.tbs().subject)
    }

    /// Who signed it.
    pub fn issuer(&self) -> DistinguishedName {
        DistinguishedName::of(&self.tbs().issuer)
    }

    /// The hosts it names: alternative names, and only where it has none the common names of its subject.
    pub fn hosts(&self) -> Hosts {
        let mut hosts = Hosts::default();
        match self.tbs().get::<SubjectAltName>() {
            // One that cannot be read names nobody.
            Err(_) => return hosts,
            Ok(None) => {}
            Ok(Some((_, names))) => {
                for name in names.0 {
                    match name {
                        GeneralName::DnsName(name) => hosts.names.push(name.as_str().to_owned()),
                        GeneralName::IpAddress(bytes) => {
                            hosts.addresses.extend(address(bytes.as_bytes()));
                        }
                        _ => {}
                    }
                }
            }
        }
        if hosts.names.is_empty() && hosts.addresses.is_empty() {
            hosts.names = self.subject().values("CN").map(str::to_owned).collect();
        }
        hosts
    }

    /// Whether it may sign certificates with `below` authorities between it and a server's. One of the first version says
    /// nothing about that, which is enough only for one that is `trusted` itself.
    pub(super) fn may_sign(&self, trusted: bool, below: usize) -> bool {
        let limits = match self.tbs().get::<BasicConstraints>() {
            Ok(Some((_, limits))) => limits,
            Ok(None) => return trusted && self.tbs().version == Version::V1,
            Err(_) => return false,
        };
        let deep_enough = limits
            .path_len_constraint
            .is_none_or(|most| below <= most.into());
        let usage = match self.tbs().get::<KeyUsage>() {
            Ok(usage) => usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
            Err(_) => false,
        };
        limits.ca && deep_enough && usage
    }

    /// Whether it may be a server's: certificates that say what they are for have to say that.
    pub(super) fn may_serve(&self) -> bool {
        match self.tbs().get::<ExtendedKeyUsage>() {
            Ok(None) => true,
            Ok(Some((_, uses))) => uses.0.iter().any(|of| [FOR_SERVERS, FOR_ALL].contains(of)),
            Err(_) => false,
        }
    }

    /// An extension that must be understood and is not.
    pub(super) fn not_understood(&self) -> Option<String> {
        let mut extensions = self.tbs().extensions.iter().flatten();
        let unknown = extensions.find(|e| e.critical && !UNDERSTOOD.contains(&e.extn_id))?;
        Some(unknown.extn_id.to_string())
    }

    fn tbs(&self) -> &TbsCertificate {
        &self.0.read.tbs_certificate
    }

    /// From when on it is good.
    pub fn not_before(&self) -> SystemTime {
        self.tbs().validity.not_before.to_system_time()
    }

    /// Until when.
    pub fn not_after(&self) -> SystemTime {
        self.tbs().validity.not_after.to_system_time()
    }

    /// SHA-256 of all of it.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.0.der).into()
    }

    /// The signed part.
    pub(super) fn signed(&self) -> &[u8] {
        &self.0.signed
    }

    pub(super) fn read(&self) -> &x509_cert::Certificate {
        &self.0.read
    }

    /// The key in it, a SubjectPublicKeyInfo, DER.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        let key = &self.tbs().subject_public_key_info;
        key.to_der().ok()
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

impl Hosts {
    /// All of them, for people.
    pub fn list(&self) -> String {
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        let all: Vec<String> = self.names.iter().cloned().chain(addresses).collect();
        all.join(", ").replace(char::is_control, " ")
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

impl fmt::Display for NotCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is no certificate: {}", self.0)
    }
}

impl std::error::Error for NotCertificate {}
