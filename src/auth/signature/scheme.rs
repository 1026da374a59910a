//! The schemes: what is computed of the signed bytes, and compared with a signature.

use std::fmt;

use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

use super::key::Key;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// FIPS 180-4; broken for collisions, not for HMAC.
    Sha1,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// FIPS 180-4.
    Sha512,
}

impl Digest {
    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn plain(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// The hash of bytes.
pub(super) fn hash(digest: Digest, bytes: &[u8]) -> Vec<u8> {
    digest::digest(digest.plain(), bytes).as_ref().to_vec()
}

/// How a signature is made of the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 2104 under a shared secret.
    Hmac(Digest),
    /// The hash alone; the secret is among the signed bytes.
    Hash(Digest),
    /// RFC 8032.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, DER.
    EcdsaP256,
    /// RSASSA-PKCS1-v1_5, RFC 8017.
    Rsa(Digest),
    /// RSASSA-PSS, RFC 8017.
    RsaPss(Digest),
    /// A signed token (RFC 7519) is sent; what it says of the request are its claims.
    Jwt,
    /// The secret itself is sent: it says who sends, and nothing about what.
    Token,
    /// As `Token`, as `user:password` in `Authorization` (RFC 7617).
    Basic,
}

impl Scheme {
    /// All, by their names in specs.
    pub const NAMES: [(&'static str, Self); 19] = [
        ("hmac-sha1", Self::Hmac(Digest::Sha1)),
        ("hmac-sha256", Self::Hmac(Digest::Sha256)),
        ("hmac-sha384", Self::Hmac(Digest::Sha384)),
        ("hmac-sha512", Self::Hmac(Digest::Sha512)),
        ("sha1", Self::Hash(Digest::Sha1)),
        ("sha256", Self::Hash(Digest::Sha256)),
        ("sha384", Self::Hash(Digest::Sha384)),
        ("sha512", Self::Hash(Digest::Sha512)),
        ("ed25519", Self::Ed25519),
        ("ecdsa-p256-sha256", Self::EcdsaP256),
        ("rsa-sha1", Self::Rsa(Digest::Sha1)),
        ("rsa-sha256", Self::Rsa(Digest::Sha256)),
        ("rsa-sha384", Self::Rsa(Digest::Sha384)),
        ("rsa-sha512", Self::Rsa(Digest::Sha512)),
        ("rsa-pss-sha256", Self::RsaPss(Digest::Sha256)),
        ("rsa-pss-sha512", Self::RsaPss(Digest::Sha512)),
        ("jwt", Self::Jwt),
        ("token", Self::Token),
        ("basic", Self::Basic),
    ];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, scheme)| scheme)
    }

    /// Whether it is checked with a public key.
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::Ed25519 | Self::EcdsaP256 | Self::Rsa(_) | Self::RsaPss(_)
        )
    }

    /// Whether nothing is signed: the secret itself is sent.
    pub fn is_token(self) -> bool {
        matches!(self, Self::Token | Self::Basic)
    }
}

/// The signed bytes on their way to a yes or no, under one key.
pub struct Proof<'k> {
    scheme: Scheme,
    key: &'k Key,
    state: State,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and lives for one request"
)]
enum State {
    Mac(hmac::Context),
    Hash(Box<digest::Context>),
    /// What public keys need whole, and tokens compare.
    Whole(Vec<u8>),
}

/// A MAC on its way would give the next ones away.
impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

impl<'k> Proof<'k> {
    /// Begins.
    pub fn start(scheme: Scheme, key: &'k Key) -> Self {
        let state = match (scheme, key) {
            (Scheme::Hmac(_), Key::Secret(_, Some(mac))) => {
                State::Mac(hmac::Context::with_key(mac))
            }
            (Scheme::Hash(digest), _) => {
                State::Hash(Box::new(digest::Context::new(digest.plain())))
            }
            _ => State::Whole(Vec::new()),
        };
        Self { scheme, key, state }
    }

    /// Adds signed bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Mac(context) => context.update(bytes),
            State::Hash(context) => context.update(bytes),
            State::Whole(message) => message.extend_from_slice(bytes),
        }
    }

    /// For each signature, whether it is that of the bytes; all are looked at, each in constant
    /// time.
    pub fn fits<'s>(self, signatures: impl IntoIterator<Item = &'s [u8]>) -> bool {
        let mut any = false;
        match self.state {
            State::Mac(context) => {
                let tag = context.sign();
                for signature in signatures {
                    any |= bool::from(tag.as_ref().ct_eq(signature));
                }
            }
            State::Hash(context) => {
                let hash = context.finish();
                for signature in signatures {
                    any |= bool::from(hash.as_ref().ct_eq(signature));
                }
            }
            State::Whole(message) => {
                for signature in signatures {
                    any |= match self.key {
                        Key::Public(key) => key.check(self.scheme, &message, signature) == Ok(true),
                        Key::Secret(bytes, _) => {
                            self.scheme.is_token() && bool::from(bytes.ct_eq(signature))
                        }
                    };
                }
            }
        }
        any
    }

    /// The signature that fits, where the key can make one: of a MAC or a hash, or the token.
    pub fn sign(self) -> Option<Vec<u8>> {
        match self.state {
            State::Mac(context) => Some(context.sign().as_ref().to_vec()),
            State::Hash(context) => Some(context.finish().as_ref().to_vec()),
            State::Whole(_) if self.scheme.is_token() => Some(self.key.secret_bytes().to_vec()),
            State::Whole(_) => None,
        }
    }
}
