//! Secrets at rest: sealed with the master key.
//!
//! A sealed secret is `nonce (24 bytes) + XChaCha20-Poly1305(secret)`, with the place it belongs
//! to as associated data: a secret that was moved to another row does not open there. The master
//! key is 32 bytes, held outside the database, in `master.key` or by the environment; whoever has
//! the database alone has no key's text.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::auth::{NoRandomness, fill_with_randomness};

const NONCE_LENGTH: usize = 24;

/// The key that seals secrets. Debug output has no part of it, and its memory is wiped.
pub(super) struct MasterKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// A sealed secret does not open: another master key, another place, or changed bytes. Which of
/// them cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsealable;

impl MasterKey {
    /// Makes a new one.
    pub(super) fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_with_randomness(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Reads 64 hexadecimal digits, white space around them aside.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).ok()?;
        Some(Self(bytes))
    }

    /// As [`parse`](Self::parse) reads it.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    /// Seals `secret` for `place`.
    pub(super) fn seal(&self, place: &str, secret: &str) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_LENGTH];
        // Random nonces of 192 bits do not repeat in any number of keys that could be made.
        fill_with_randomness(&mut nonce)?;
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            // Only a secret of 256 GiB cannot be sealed.
            .map_err(|_| NoRandomness)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for `place`.
    pub(super) fn unseal(
        &self,
        place: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, Unsealable> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or(Unsealable)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let bytes = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Unsealable)?;
        String::from_utf8(bytes)
            .map(Zeroizing::new)
            .map_err(|_| Unsealable)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "1003.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

    #[test]
    fn a_secret_opens_only_with_its_key_at_its_place_and_unchanged() {
        let (key, other) = (
            MasterKey::generate().unwrap(),
            MasterKey::generate().unwrap(),
        );
        let sealed = key.seal("key:1", SECRET).unwrap();
        assert_eq!(key.unseal("key:1", &sealed).unwrap().as_str(), SECRET);
        assert_eq!(other.unseal("key:1", &sealed), Err(Unsealable));
        assert_eq!(key.unseal("key:2", &sealed), Err(Unsealable));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(
                key.unseal("key:1", &changed),
                Err(Unsealable),
                "byte {index}"
            );
            assert_eq!(
                key.unseal("key:1", &sealed[..index]),
                Err(Unsealable),
                "cut {index}"
            );
        }
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time_and_does_not_show() {
        let key = MasterKey::generate().unwrap();
        let (one, two) = (
            key.seal("p", SECRET).unwrap(),
            key.seal("p", SECRET).unwrap(),
        );
        assert_ne!(one, two);
        assert!(
            !one.windows(8)
                .any(|window| SECRET.as_bytes().windows(8).any(|s| s == window))
        );
    }

    #[test]
    fn a_master_key_is_64_hexadecimal_digits() {
        let key = MasterKey::generate().unwrap();
        let text = key.to_text();
        let again = MasterKey::parse(&format!(" {}\n", text.as_str())).unwrap();
        assert_eq!(again.to_text(), text);
        for bad in [
            "",
            "ab",
            &"g".repeat(64),
            &"0".repeat(63),
            &"0".repeat(66),
            &"é".repeat(32),
        ] {
            assert!(MasterKey::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }
}
