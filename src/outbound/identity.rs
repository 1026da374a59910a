//! The certificate that we show to a third party that wants one.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// A certificate with its chain, and the key of it.
#[derive(Clone)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Why it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate.
    #[error("there is no certificate in it (PEM)")]
    Certificate,
    /// The key.
    #[error("there is no private key in it (PEM)")]
    Key,
    /// They do not belong together.
    #[error("the private key is not that of the certificate")]
    Mismatch,
}

impl Identity {
    /// Reads PEM: the certificate, its chain behind it, and the key.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, IdentityError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityError::Certificate)?;
        if chain.is_empty() {
            return Err(IdentityError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| IdentityError::Key)?;
        let provider = rustls::crypto::ring::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => IdentityError::Mismatch,
            _ => IdentityError::Key,
        })?;
        Ok(Self { key: Arc::new(key) })
    }

    /// The certificate without its chain, as DER: tells one identity from another.
    pub fn certificate(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |leaf| leaf)
    }

    pub(super) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        let make = || rcgen::generate_simple_self_signed(["crm".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let identity = Identity::from_pem(&chain, &key).unwrap();
        assert_eq!(identity.certificate(), &**one.cert.der());
        assert!(!format!("{identity:?}").contains("key"));
        let read = |chain: &str, key: &str| Identity::from_pem(chain, key).unwrap_err();
        let of_other = other.signing_key.serialize_pem();
        assert_eq!(read(&chain, &of_other), IdentityError::Mismatch);
        assert_eq!(read("", &key), IdentityError::Certificate);
        assert_eq!(read(&chain, "nothing"), IdentityError::Key);
    }
}
