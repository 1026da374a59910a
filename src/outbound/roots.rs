//! Certificate authorities: the system's, and those that the administrator adds.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why a file's authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// Not there, not PEM.
    #[error("cannot be read: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// None in it.
    #[error("holds no certificate")]
    Empty,
    /// In it, and not one of an authority.
    #[error("holds a certificate that is none of an authority: {0}")]
    Unusable(rustls::Error),
}

/// The authorities of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR`, where they are set) and of a
/// PEM file.
///
/// A system without any is none that stops: nothing can be reached then but what the file vouches
/// for, and each request says so.
pub fn roots(added: Option<&Path>) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = added {
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(RootsError::Pem)?;
        if certificates.is_empty() {
            return Err(RootsError::Empty);
        }
        for certificate in certificates {
            roots.add(certificate).map_err(RootsError::Unusable)?;
        }
    }
    Ok(roots)
}
