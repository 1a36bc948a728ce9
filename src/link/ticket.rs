//! The ticket: a password encrypted for the key in the server's reply.
//!
//! RSAES-OAEP with SHA-1 and an empty label, RSA-1024; the plain text is the password and one NUL (spec 01 §6). This is
//! no more than protection from a casual listener: without TLS nothing proves whose key it is.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::rand_core::{CryptoRng, Error as RandError, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::LinkError;

/// Bytes of an encrypted ticket.
pub const TICKET_BYTES: usize = 128;
/// Bytes of a server's public key as it stands in the reply.
pub const PUBLIC_KEY_BYTES: usize = 162;
/// Longest password, bytes.
pub const PASSWORD_MOST: usize = 60;
/// Longest text that OAEP with SHA-1 fits into 128 bytes.
const PLAIN_MOST: usize = TICKET_BYTES - 42;

/// A password of at most 60 bytes. Wiped from memory when dropped, and never shown.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// A password; the empty one is what is sent when none is set.
    ///
    /// # Errors
    ///
    /// [`LinkError::PasswordTooLong`] over 60 bytes, [`LinkError::PasswordHasNul`] for what no ticket can carry.
    pub fn new(text: &str) -> Result<Self, LinkError> {
        if text.len() > PASSWORD_MOST {
            return Err(LinkError::PasswordTooLong { len: text.len() });
        }
        if text.contains('\0') {
            return Err(LinkError::PasswordHasNul);
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// Whether it is the empty one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its bytes, for those who prove it in another way.
    #[cfg(feature = "sasl")]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The ticket for the server with this public key; `None` when the key is not an RSA-1024 key.
    pub(super) fn encrypt(
        &self,
        pub_key: &[u8],
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Option<Vec<u8>> {
        let key = RsaPublicKey::from_public_key_der(pub_key).ok()?;
        if key.size() != TICKET_BYTES {
            return None;
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(self.0.len() + 1));
        plain.extend_from_slice(&self.0);
        plain.push(0);
        key.encrypt(&mut Entropy(entropy), Oaep::new::<Sha1>(), &plain)
            .ok()
    }

    /// What a ticket holds, up to its first NUL; one byte is left for the NUL of the next ticket.
    fn of_ticket(plain: &[u8]) -> Option<Self> {
        let text = plain.split(|byte| *byte == 0).next().unwrap_or_default();
        (text.len() < PLAIN_MOST).then(|| Self(Zeroizing::new(text.to_vec())))
    }

    /// One that nobody has.
    fn unknown(entropy: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut text = Zeroizing::new(vec![0; PASSWORD_MOST]);
        entropy(&mut text);
        text.iter_mut().for_each(|byte| *byte |= 1);
        Self(text)
    }

    /// Whether `plain`, up to its first NUL, is this password. The time does not depend on either.
    fn matches(&self, plain: &[u8]) -> bool {
        let mut alive = 0xff_u8;
        let mut difference = 0_u8;
        for i in 0..PLAIN_MOST {
            let given = plain.get(i).copied().unwrap_or(0);
            let expected = self.0.get(i).copied().unwrap_or(0);
            alive &= 0_u8.wrapping_sub(u8::from(black_box(given) != 0));
            difference |= (given & alive) ^ expected;
        }
        black_box(difference) == 0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A server's key pair. Making one takes milliseconds, so a server may use one for the links of some seconds.
#[derive(Clone)]
pub struct ServerKey {
    private: Arc<RsaPrivateKey>,
    public: [u8; PUBLIC_KEY_BYTES],
}

impl ServerKey {
    /// A fresh RSA-1024 key pair with exponent 65537. `entropy` fills a slice with unpredictable bytes.
    pub fn generate(entropy: &mut dyn FnMut(&mut [u8])) -> Self {
        loop {
            let Ok(private) = RsaPrivateKey::new(&mut Entropy(entropy), TICKET_BYTES * 8) else {
                continue;
            };
            let der = private.to_public_key().to_public_key_der();
            let public = der.ok().and_then(|der| der.as_bytes().try_into().ok());
            if let Some(public) = public {
                return Self {
                    private: Arc::new(private),
                    public,
                };
            }
        }
    }

    /// DER SubjectPublicKeyInfo, as it stands in the reply.
    pub fn public(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public
    }

    /// Whether the ticket can be decrypted and, where a password is wanted, holds it. Which of the two failed is not
    /// told, and the comparison is made either way: the difference would let a stranger decrypt a recorded ticket.
    pub(super) fn opens(
        &self,
        ticket: &[u8],
        wanted: Option<&Password>,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> bool {
        let plain =
            self.private
                .decrypt_blinded(&mut Entropy(entropy), Oaep::new::<Sha1>(), ticket);
        let sound = plain.is_ok();
        let plain = Zeroizing::new(plain.unwrap_or_default());
        let same = wanted.is_none_or(|password| password.matches(&plain));
        sound & same
    }
}

impl ServerKey {
    /// The password in a ticket, for somebody who passes it on. One that cannot be decrypted gives a password that
    /// nobody has: the server refuses it then, as late as any other, and nothing is learnt about the ticket.
    pub(super) fn reveal(&self, ticket: &[u8], entropy: &mut dyn FnMut(&mut [u8])) -> Password {
        let plain =
            self.private
                .decrypt_blinded(&mut Entropy(entropy), Oaep::new::<Sha1>(), ticket);
        let unknown = Password::unknown(entropy);
        let plain = plain.ok().map(Zeroizing::new);
        plain
            .and_then(|plain| Password::of_ticket(&plain))
            .unwrap_or(unknown)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey")
    }
}

/// A function that fills slices with unpredictable bytes, as the random number generator that `rsa` asks for.
struct Entropy<'a>(&'a mut dyn FnMut(&mut [u8]));

impl RngCore for Entropy<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        (self.0)(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), RandError> {
        (self.0)(dest);
        Ok(())
    }
}

impl CryptoRng for Entropy<'_> {}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::DecodePrivateKey;

    use super::*;

    #[test]
    fn a_password_matches_up_to_the_first_nul_and_needs_none() {
        let password = Password::new("secret").unwrap();
        assert!(password.matches(b"secret\0"));
        assert!(password.matches(b"secret"));
        assert!(password.matches(b"secret\0rest"));
        assert!(!password.matches(b"secre\0"));
        assert!(!password.matches(b"secret1\0"));
        assert!(!password.matches(b"\0secret"));
        assert!(Password::default().matches(b"\0"));
        assert!(!Password::default().matches(b"x\0"));
    }

    #[test]
    fn a_ticket_made_by_openssl_opens() {
        let der = include_bytes!("../../tests/fixtures/link/openssl-key.der");
        let ticket = include_bytes!("../../tests/fixtures/link/openssl-ticket.bin");
        let private = RsaPrivateKey::from_pkcs8_der(der).unwrap();
        let key = ServerKey {
            private: Arc::new(private),
            public: [0; PUBLIC_KEY_BYTES],
        };
        let opens = |password| {
            let password = Password::new(password).unwrap();
            key.opens(ticket, Some(&password), &mut |bytes| bytes.fill(7))
        };
        assert!(opens("swordfish"));
        assert!(!opens("Swordfish"));
        assert!(!opens(""));
    }

    #[test]
    fn who_passes_a_ticket_on_learns_its_password_and_nothing_of_a_damaged_one() {
        let der = include_bytes!("../../tests/fixtures/link/openssl-key.der");
        let ticket = include_bytes!("../../tests/fixtures/link/openssl-ticket.bin");
        let key = ServerKey {
            private: Arc::new(RsaPrivateKey::from_pkcs8_der(der).unwrap()),
            public: [0; PUBLIC_KEY_BYTES],
        };
        let given = key.reveal(ticket, &mut |bytes| bytes.fill(7));
        assert!(given.matches(b"swordfish\0"));

        let mut damaged = *ticket;
        damaged[9] ^= 1;
        let given = key.reveal(&damaged, &mut |bytes| bytes.fill(8));
        assert!(!given.matches(b"swordfish\0"));
        assert!(
            given.matches(&[9; PASSWORD_MOST]),
            "random bytes, without NULs"
        );
        assert!(Password::of_ticket(&[1; PLAIN_MOST]).is_none());
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(
            format!("{:?}", Password::new("secret").unwrap()),
            "Password"
        );
    }
}
