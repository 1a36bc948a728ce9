//! The certificates of `tests/fixtures/tls`, made by openssl, before the verifier.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustls::SignatureScheme as Scheme;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::signature::{self, Made};
use super::verifier::{Seen, Verifier};
use super::*;

/// 2027-01-01.
const NOW: Duration = Duration::from_secs(1_798_761_600);

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).expect("PEM is text")
}

/// The chain a server would show.
fn chain(name: &str) -> Vec<Certificate> {
    Certificate::from_pem(&text(&format!("{name}.pem"))).expect("certificates")
}

/// A policy that trusts the authority of the fixtures.
fn policy(host: &str) -> Policy {
    Policy {
        authorities: chain("authority"),
        ..Policy::for_host(host)
    }
}

fn subject(text: &str) -> Identity {
    Identity::Subject(DistinguishedName::parse(text).expect("a subject"))
}

fn verifier(policy: Policy) -> Verifier {
    Verifier::new(Arc::new(policy), Arc::new(Mutex::new(Seen::default())))
}

/// What a policy says to a chain.
fn verdict(policy: Policy, chain: &[Certificate]) -> Result<(), String> {
    let checked = verifier(policy).check(chain, SystemTime::UNIX_EPOCH + NOW);
    checked.map_err(|problem| problem.to_string())
}

fn refusal(policy: Policy, name: &str) -> String {
    verdict(policy, &chain(name)).expect_err("it is refused")
}

#[test]
fn certificates_as_instructions_have_them_made_are_taken() {
    for name in ["v1-rsa2048", "v1-rsa1024", "ec", "ed25519", "chained"] {
        assert_eq!(verdict(policy("127.0.0.1"), &chain(name)), Ok(()), "{name}");
    }
}

#[test]
fn a_certificate_names_hosts_by_name_by_address_and_by_star() {
    let ec = chain("ec");
    for host in [
        "vm.example",
        "VM.Example.",
        "a.lab.example",
        "::1",
        "127.0.0.1",
    ] {
        assert_eq!(verdict(policy(host), &ec), Ok(()), "{host}");
    }
    let refused = "the certificate is for vm.example, *.lab.example, 127.0.0.1, ::1, not for";
    // With alternative names the common name does not count.
    for host in ["not.looked.at", "a.b.lab.example", "127.0.0.2", "::2"] {
        assert_eq!(refusal(policy(host), "ec"), format!("{refused} {host}"));
    }
    assert_eq!(
        refusal(policy("127.0.0.1"), "elsewhere"),
        "the certificate is for elsewhere.example, not for 127.0.0.1"
    );
}

#[test]
fn an_unknown_authority_is_named_and_so_is_none() {
    let strangers = |host| Policy {
        authorities: chain("stranger"),
        ..Policy::for_host(host)
    };
    for (name, issuer) in [("v1-rsa2048", "The authority"), ("ec", "The authority")] {
        assert_eq!(
            refusal(strangers("127.0.0.1"), name),
            format!("the certificate was signed by C=DE,O=Lab,CN={issuer}, which is not trusted")
        );
    }
    assert_eq!(
        refusal(policy("127.0.0.1"), "self-signed"),
        "the certificate was signed by nobody but itself, and is not trusted"
    );
    let mut trusting = policy("127.0.0.1");
    trusting.authorities = chain("self-signed");
    assert_eq!(verdict(trusting, &chain("self-signed")), Ok(()));
}

#[test]
fn dates_count() {
    assert_eq!(
        refusal(policy("127.0.0.1"), "expired"),
        "the certificate of CN=127.0.0.1 expired on 2021-02-03"
    );
    assert_eq!(
        refusal(policy("127.0.0.1"), "early"),
        "the certificate of CN=127.0.0.1 is good only from 2099-01-01"
    );
}

#[test]
fn a_subject_is_compared_in_the_order_of_the_certificate_and_no_host_beside_it() {
    let with = |text| Policy {
        identity: subject(text),
        ..policy("")
    };
    for (text, verdict_of_it) in [
        ("C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1", Ok(())),
        ("c=il, l=raanana, o=red  hat, cn=127.0.0.1", Ok(())),
        (
            "CN=127.0.0.1,O=Red Hat,L=Raanana,C=IL",
            Err("it has the same parts in another order"),
        ),
        (
            "C=IL,L=Raanana,O=Blue Hat,CN=127.0.0.1",
            Err("part 3 is O=Red Hat, not O=Blue Hat"),
        ),
        (
            "C=IL,L=Raanana,O=Red Hat",
            Err("part 4 is CN=127.0.0.1, not nothing"),
        ),
    ] {
        let expected = verdict_of_it
            .map_err(|why| format!("the certificate's subject is not the one expected: {why}"));
        assert_eq!(
            verdict(with(text), &chain("v1-rsa1024")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn only_authorities_sign_and_only_as_deep_as_they_may() {
    assert_eq!(
        refusal(policy("127.0.0.1"), "usurped"),
        "the certificate was signed by O=Lab,CN=not.looked.at, which is no authority for that"
    );
    assert_eq!(
        refusal(policy("127.0.0.1"), "too-deep"),
        "the certificate was signed by O=Lab,CN=Between, which is no authority for that"
    );
    let mut trusting = policy("127.0.0.1");
    trusting.authorities = chain("ec");
    assert_eq!(
        verdict(trusting, &chain("usurped")[..1]).unwrap_err(),
        "the certificate was signed by O=Lab,CN=not.looked.at, which is no authority for that",
        "nor one that was trusted as a server"
    );
    assert_eq!(
        verdict(policy("127.0.0.1"), &chain("chained")[..1]).unwrap_err(),
        "the certificate was signed by O=Lab,CN=Between, which is not trusted",
        "the one between has to be shown"
    );
}

#[test]
fn a_certificate_says_what_it_is_for() {
    assert_eq!(
        refusal(policy("127.0.0.1"), "viewer"),
        "the certificate is not meant for a server"
    );
    assert_eq!(
        refusal(policy("127.0.0.1"), "constrained"),
        "the certificate has an extension that is not understood (1.2.3.4.5)"
    );
}

#[test]
fn a_false_signature_is_seen_wherever_the_certificate_was_changed() {
    for name in ["v1-rsa2048", "v1-rsa1024", "ec", "ed25519"] {
        let der = chain(name)[0].der().to_vec();
        let mut refused = 0;
        for at in (0..der.len()).step_by(7) {
            let mut changed = der.clone();
            changed[at] ^= 1;
            let Ok(certificate) = Certificate::from_der(&changed) else {
                continue;
            };
            assert!(
                verdict(policy("127.0.0.1"), &[certificate]).is_err(),
                "{name}: byte {at} may be changed"
            );
            refused += 1;
        }
        assert!(refused > 20, "{name}: {refused}");
    }
    assert_eq!(
        refusal(
            Policy {
                authorities: vec![impersonated_authority()],
                ..policy("127.0.0.1")
            },
            "ec"
        ),
        "the signature under the certificate of O=Lab,CN=not.looked.at is false"
    );
}

/// The certificate of the authority with the key of another.
fn impersonated_authority() -> Certificate {
    let key = |der: &[u8]| {
        // A SubjectPublicKeyInfo of 294 bytes that begins with rsaEncryption.
        let start = [0x30, 0x82, 0x01, 0x22, 0x30, 0x0d];
        let at = der.windows(6).position(|w| w == start);
        at.expect("an RSA-2048 key")
    };
    let stranger = chain("stranger")[0].der().to_vec();
    let mut authority = chain("authority")[0].der().to_vec();
    let (from, to) = (key(&stranger), key(&authority));
    authority[to..to + 294].copy_from_slice(&stranger[from..from + 294]);
    Certificate::from_der(&authority).expect("a certificate")
}

#[test]
fn what_is_too_weak_proves_nothing() {
    assert_eq!(
        refusal(policy("127.0.0.1"), "sha1"),
        "the signature under the certificate of C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1 was made with SHA-1, \
         which proves nothing any more"
    );
    let message = b"signed in a handshake";
    let made = Made::In12(Scheme::RSA_PKCS1_SHA256);
    let signature = bytes("rsa512.pkcs1-sha256.sig");
    assert!(!signature::is_good(
        &provider(),
        &chain("rsa512")[0],
        made,
        message,
        &signature
    ));
}

#[test]
fn handshake_signatures_are_checked_by_the_rules_of_their_version() {
    use Made::{In12, In13};
    for (name, scheme, file, versions) in [
        (
            "v1-rsa2048",
            Scheme::RSA_PKCS1_SHA256,
            "v1-rsa2048.pkcs1-sha256.sig",
            [true, false],
        ),
        (
            "v1-rsa2048",
            Scheme::RSA_PSS_SHA256,
            "v1-rsa2048.pss-sha256.sig",
            [true, true],
        ),
        (
            "v1-rsa1024",
            Scheme::RSA_PKCS1_SHA256,
            "v1-rsa1024.pkcs1-sha256.sig",
            [true, false],
        ),
        (
            "v1-rsa1024",
            Scheme::RSA_PSS_SHA256,
            "v1-rsa1024.pss-sha256.sig",
            [true, true],
        ),
        (
            "ec",
            Scheme::ECDSA_NISTP256_SHA256,
            "ec.sha256.sig",
            [true, true],
        ),
        // That scheme goes with any curve in TLS 1.2 alone, but the hash is another.
        (
            "ec",
            Scheme::ECDSA_NISTP384_SHA384,
            "ec.sha256.sig",
            [false, false],
        ),
        ("ed25519", Scheme::ED25519, "ed25519.sig", [true, true]),
        (
            "ed25519",
            Scheme::ECDSA_NISTP256_SHA256,
            "ec.sha256.sig",
            [false, false],
        ),
    ] {
        let (key, signature) = (&chain(name)[0], bytes(file));
        let check = |made, message: &[u8], signature: &[u8]| {
            signature::is_good(&provider(), key, made, message, signature)
        };
        for (made, good) in [(In12(scheme), versions[0]), (In13(scheme), versions[1])] {
            assert_eq!(
                check(made, b"signed in a handshake", &signature),
                good,
                "{file}"
            );
            assert!(
                !check(made, b"signed in a handshakE", &signature),
                "{file}: message"
            );
            let mut damaged = signature.clone();
            damaged[20] ^= 1;
            assert!(
                !check(made, b"signed in a handshake", &damaged),
                "{file}: signature"
            );
        }
    }
}

#[test]
fn a_certificate_the_user_has_seen_is_taken_but_not_for_another_subject() {
    let known = |name: &str, identity| Policy {
        authorities: Vec::new(),
        known: Some(chain(name)[0].fingerprint()),
        identity,
        anybody: false,
    };
    let host = || Identity::Host("somewhere".into());
    for name in ["self-signed", "expired", "elsewhere", "v1-rsa1024"] {
        assert_eq!(verdict(known(name, host()), &chain(name)), Ok(()), "{name}");
    }
    assert!(verdict(known("ec", host()), &chain("self-signed")).is_err());
    let asked = verdict(
        known("self-signed", subject("CN=other")),
        &chain("self-signed"),
    );
    assert_eq!(
        asked.unwrap_err(),
        "the certificate's subject is not the one expected: part 1 is CN=127.0.0.1, not CN=other"
    );
}

#[test]
fn hostile_certificates_are_refused_in_peace() {
    let der = chain("ec")[0].der().to_vec();
    for end in 0..der.len() {
        assert!(Certificate::from_der(&der[..end]).is_err());
    }
    assert!(Certificate::from_der(&vec![0x30; 1 << 17]).is_err());
    assert!(Certificate::from_pem("-----BEGIN CERTIFICATE-----\nAAAA\n").is_err());
    assert_eq!(
        Certificate::from_pem("nothing").unwrap_err().to_string(),
        "it is no certificate: there is none in it"
    );
}

/// Both ends of a handshake: what each of them came to.
async fn handshake(
    credentials: &Credentials,
    host: &str,
    policy: Policy,
) -> (Result<Secured, TlsError>, Result<Stream, TlsError>) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    tokio::join!(
        connect(Stream::Unix(ours), host, Arc::new(policy)),
        credentials.accept(Stream::Unix(theirs)),
    )
}

fn credentials(name: &str) -> Credentials {
    let (certificates, key) = (text(&format!("{name}.pem")), text(&format!("{name}.key")));
    Credentials::from_pem(&certificates, &key).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test]
async fn bytes_pass_both_ways_whatever_the_key() {
    for name in ["v1-rsa2048", "ec", "ed25519", "chained"] {
        let (client, server) =
            handshake(&credentials(name), "127.0.0.1", policy("127.0.0.1")).await;
        let (client, mut server) = (client.expect(name), server.expect(name));
        assert_eq!(client.version, "1.3");
        assert_eq!(client.certificate, chain(name).first().cloned());
        let mut client = client.stream;
        let said = vec![7; 300_000];
        let writing = async {
            client.write_all(&said).await.expect("it is written");
            client.flush().await.expect("it is sent");
            client.shutdown().await.expect("it is closed");
        };
        let mut heard = Vec::new();
        let (_, read) = tokio::join!(writing, server.read_to_end(&mut heard));
        read.expect("it is read");
        assert_eq!(heard, said);
    }
}

#[tokio::test]
async fn a_server_without_the_key_of_its_certificate_is_found_out() {
    assert!(matches!(
        Credentials::from_pem(&text("ec.pem"), &text("elsewhere.key")),
        Err(BadCredentials::Pair)
    ));
    // One that does not look: the user even knows the certificate it stole.
    let thief = Credentials::stolen(&text("ec.pem"), &text("elsewhere.key"));
    let knows = Policy {
        known: Some(chain("ec")[0].fingerprint()),
        ..Policy::for_host("127.0.0.1")
    };
    for policy in [policy("127.0.0.1"), knows] {
        let (client, server) = handshake(&thief, "127.0.0.1", policy).await;
        assert!(matches!(client, Err(TlsError::Proof)), "{client:?}");
        assert!(server.is_err());
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_named() {
    for (greeting, words) in [
        (
            &b"REDQ\x02\0\0\0\x02\0\0\0\xb2\0\0\0"[..],
            "this is not TLS: the peer speaks SPICE",
        ),
        (b"RFB 003.008\n", "this is not TLS: the peer speaks VNC"),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "this is not TLS: the peer speaks SSH",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "this is not TLS: the peer speaks HTTP",
        ),
        (b"R", "this is not TLS: the peer speaks something else"),
        (
            b"",
            "the server closed the connection during the TLS handshake",
        ),
    ] {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        theirs.write_all(greeting).await.expect("it is written");
        let closing = async {
            let _ = theirs.read(&mut [0; 2048]).await;
            drop(theirs);
        };
        let connecting = connect(Stream::Unix(ours), "vm", Arc::new(policy("vm")));
        let (error, ()) = tokio::join!(connecting, closing);
        assert_eq!(error.expect_err("no TLS").to_string(), words);
    }
}

#[tokio::test]
async fn the_rejected_certificate_comes_with_the_error() {
    let (client, _) = handshake(&credentials("elsewhere"), "127.0.0.1", policy("127.0.0.1")).await;
    let Err(TlsError::Certificate(rejection)) = client else {
        panic!("{client:?}");
    };
    let facts = rejection.certificate.expect("it can be read").facts();
    assert_eq!(facts[0], ("subject", "CN=127.0.0.1".to_owned()));
    assert_eq!(facts[1], ("names", "elsewhere.example".to_owned()));
    assert_eq!(
        facts[2],
        ("issuer", "C=DE,O=Lab,CN=The authority".to_owned())
    );
    assert_eq!(facts[3], ("valid", "2020-01-01 to 2120-01-01".to_owned()));
    // As `openssl x509 -fingerprint -sha256` prints it.
    let printed = text("elsewhere.sha256");
    assert_eq!(facts[4], ("SHA-256", printed.trim().to_owned()));
}
