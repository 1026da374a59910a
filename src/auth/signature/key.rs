//! What signatures are checked with: shared secrets, and public keys in the forms that providers
//! give them out in. A key in the wrong form looks like a wrong signature, so forms are checked
//! when a key is made.

use std::fmt;

use ring::signature::RsaPublicKeyComponents;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use webpki::{EndEntityCert, RawPublicKeyEntity};
use zeroize::Zeroizing;

use super::encoding::Encoding;
use super::scheme::{Digest, Scheme, hash};

/// What a secret's text stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretForm {
    /// Taken off the front, where it stands there.
    pub strip_prefix: Option<String>,
    /// How the bytes are written; `None`: the text itself.
    pub encoding: Option<Encoding>,
    /// The key is the hash of the bytes.
    pub derive: Option<Digest>,
}

/// How a public key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKeyForm {
    /// The 32 bytes of an Ed25519 key.
    Raw(Encoding),
    /// `SubjectPublicKeyInfo` (RFC 5280), DER in Base64.
    SpkiBase64,
    /// `-----BEGIN PUBLIC KEY-----`, or a certificate.
    Pem,
}

/// In which form keys come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyForm {
    /// Shared.
    Secret(SecretForm),
    /// Public.
    Public(PublicKeyForm),
}

/// Why a text is no key. Never tells the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Nothing, or nothing behind the prefix.
    #[error("it is empty")]
    Empty,
    /// Not in its encoding.
    #[error("it is not {0}")]
    Encoding(&'static str),
    /// Not of the length that the scheme has.
    #[error("it has {0} bytes, an Ed25519 key has 32")]
    Length(usize),
    /// No PEM, or nothing in it that is a public key.
    #[error("it is neither a public key nor a certificate in PEM")]
    Pem,
    /// A public key, but not for this scheme.
    #[error("it is not a key for this scheme")]
    Scheme,
    /// No key set, or none in it that can be used.
    #[error("there is no key in it that tokens can be checked with")]
    Set,
    /// `user:password` without the colon.
    #[error("it is not `user:password`")]
    Password,
}

/// A shared secret or a public key.
#[derive(Clone)]
pub enum Key {
    /// Shared; with it, what HMAC computes of it before any message is there.
    Secret(Zeroizing<Vec<u8>>, Option<ring::hmac::Key>),
    /// Public.
    Public(PublicKey),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(..) => "Secret(…)",
            Self::Public(_) => "Public(…)",
        })
    }
}

/// A public key.
#[derive(Debug, Clone)]
pub enum PublicKey {
    /// RFC 8032.
    Ed25519([u8; 32]),
    /// Any, by its `SubjectPublicKeyInfo`.
    Spki(SubjectPublicKeyInfoDer<'static>),
    /// RSA by its two numbers.
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// That of a certificate.
    Certificate(CertificateDer<'static>),
}

impl Key {
    /// Of a text, for a scheme.
    pub fn new(text: &str, form: &KeyForm, scheme: Scheme) -> Result<Self, BadKey> {
        match form {
            KeyForm::Secret(form) => Self::secret(text, form, scheme),
            KeyForm::Public(form) => {
                let key = PublicKey::new(text, *form)?;
                // A signature of one byte is wrong under every key; a key that is not for the
                // scheme is told apart by how.
                if key.check(scheme, b"", &[0]) == Err(BadKey::Scheme) {
                    return Err(BadKey::Scheme);
                }
                Ok(Self::Public(key))
            }
        }
    }

    fn secret(text: &str, form: &SecretForm, scheme: Scheme) -> Result<Self, BadKey> {
        let prefix = form.strip_prefix.as_deref().unwrap_or_default();
        let text = text.strip_prefix(prefix).unwrap_or(text);
        let mut bytes = Zeroizing::new(match form.encoding {
            None => text.as_bytes().to_vec(),
            Some(encoding) => encoding
                .decode(text)
                .ok_or(BadKey::Encoding(encoding.name()))?,
        });
        if bytes.is_empty() {
            return Err(BadKey::Empty);
        }
        if scheme == Scheme::Basic && !bytes.contains(&b':') {
            return Err(BadKey::Password);
        }
        if let Some(digest) = form.derive {
            bytes = Zeroizing::new(hash(digest, &bytes));
        }
        let mac = match scheme {
            Scheme::Hmac(digest) => Some(ring::hmac::Key::new(digest.hmac(), &bytes)),
            _ => None,
        };
        Ok(Self::Secret(bytes, mac))
    }

    /// The bytes of a shared secret; none of a public key.
    pub fn secret_bytes(&self) -> &[u8] {
        match self {
            Self::Secret(bytes, _) => bytes,
            Self::Public(_) => &[],
        }
    }
}

impl PublicKey {
    /// Reads a key.
    pub fn new(text: &str, form: PublicKeyForm) -> Result<Self, BadKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadKey::Empty);
        }
        match form {
            PublicKeyForm::Raw(encoding) => {
                let bytes = encoding
                    .decode(text)
                    .ok_or(BadKey::Encoding(encoding.name()))?;
                let length = bytes.len();
                bytes
                    .try_into()
                    .map(Self::Ed25519)
                    .map_err(|_| BadKey::Length(length))
            }
            PublicKeyForm::SpkiBase64 => {
                let der = Encoding::Base64
                    .decode(text)
                    .ok_or(BadKey::Encoding("base64"))?;
                Ok(Self::Spki(SubjectPublicKeyInfoDer::from(der)))
            }
            PublicKeyForm::Pem => {
                let pem = text.as_bytes();
                SubjectPublicKeyInfoDer::from_pem_slice(pem)
                    .map(Self::Spki)
                    .or_else(|_| CertificateDer::from_pem_slice(pem).map(Self::Certificate))
                    .map_err(|_| BadKey::Pem)
            }
        }
    }

    /// Whether the signature fits. `Err` when the key is not for the scheme.
    pub(super) fn check(
        &self,
        scheme: Scheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, BadKey> {
        let algorithm: &dyn SignatureVerificationAlgorithm = match scheme {
            Scheme::Ed25519 => webpki::ring::ED25519,
            Scheme::EcdsaP256 => webpki::ring::ECDSA_P256_SHA256,
            Scheme::Rsa(Digest::Sha1) => &RsaSha1,
            Scheme::Rsa(Digest::Sha256) => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
            Scheme::Rsa(Digest::Sha384) => webpki::ring::RSA_PKCS1_2048_8192_SHA384,
            Scheme::Rsa(Digest::Sha512) => webpki::ring::RSA_PKCS1_2048_8192_SHA512,
            Scheme::RsaPss(Digest::Sha256) => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Scheme::RsaPss(Digest::Sha384) => webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            Scheme::RsaPss(Digest::Sha512) => webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
            Scheme::RsaPss(Digest::Sha1)
            | Scheme::Hmac(_)
            | Scheme::Hash(_)
            | Scheme::Jwt
            | Scheme::Token
            | Scheme::Basic => return Err(BadKey::Scheme),
        };
        let outcome = match self {
            Self::Ed25519(key) => {
                if scheme != Scheme::Ed25519 {
                    return Err(BadKey::Scheme);
                }
                let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
                return Ok(key.verify(message, signature).is_ok());
            }
            Self::Rsa(key) => {
                let parameters = match scheme {
                    Scheme::Rsa(Digest::Sha256) => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
                    Scheme::Rsa(Digest::Sha384) => &ring::signature::RSA_PKCS1_2048_8192_SHA384,
                    Scheme::Rsa(Digest::Sha512) => &ring::signature::RSA_PKCS1_2048_8192_SHA512,
                    Scheme::RsaPss(Digest::Sha256) => &ring::signature::RSA_PSS_2048_8192_SHA256,
                    Scheme::RsaPss(Digest::Sha384) => &ring::signature::RSA_PSS_2048_8192_SHA384,
                    Scheme::RsaPss(Digest::Sha512) => &ring::signature::RSA_PSS_2048_8192_SHA512,
                    _ => return Err(BadKey::Scheme),
                };
                return Ok(key.verify(parameters, message, signature).is_ok());
            }
            Self::Spki(spki) => RawPublicKeyEntity::try_from(spki)
                .and_then(|key| key.verify_signature(algorithm, message, signature)),
            Self::Certificate(der) => EndEntityCert::try_from(der).and_then(|certificate| {
                certificate.verify_signature(algorithm, message, signature)
            }),
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(webpki::Error::InvalidSignatureForPublicKey) => Ok(false),
            Err(_) => Err(BadKey::Scheme),
        }
    }
}

/// RSA with PKCS#1 v1.5 and SHA-1, which nobody should sign with and AWS SNS does (version 1).
#[derive(Debug)]
struct RsaSha1;

impl SignatureVerificationAlgorithm for RsaSha1 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let algorithm = &ring::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
        ring::signature::UnparsedPublicKey::new(algorithm, public_key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // Only certificates' own signatures are asked for theirs, and this never checks one.
        alg_id::RSA_PKCS1_SHA256
    }
}
