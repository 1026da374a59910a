//! TLS from files, read again when they change.
//!
//! A connection takes the certificate that was current when its handshake began. Files that cannot
//! be read again, or that do not fit each other, leave the old certificate in place.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::ServerError;

/// What is wrong with a certificate or a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or is not PEM.
    #[error("not readable as PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A chain without a certificate.
    #[error("holds no certificate")]
    Empty,
    /// A certificate that is not an authority's.
    #[error("not an authority's certificate")]
    Authority(#[source] rustls::Error),
    /// The key and the certificate do not fit each other, or the key is of no known kind.
    #[error("not usable as a key and its certificate")]
    Key(#[source] rustls::Error),
}

/// A certificate on disk and the one in use.
pub(super) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    /// Of the files that `current` was read from.
    stamp: Mutex<Stamp>,
}

/// Tells whether files changed: time of change and length of each.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the files.
    pub(super) fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, ServerError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Before the reading: a change in between is then seen at the next look.
        let stamp = stamp(chain, key);
        let current = read(chain, key, &provider)?;
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            provider,
            current: ArcSwap::from_pointee(current),
            stamp: Mutex::new(stamp),
        }))
    }

    /// Reads the files again if they changed. Blocks.
    pub(super) fn refresh(&self) {
        let mut seen = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.chain, &self.key);
        if *seen == now {
            return;
        }
        // Also after a failure, so that it is said once a change and not once a minute.
        *seen = now;
        match read(&self.chain, &self.key, &self.provider) {
            Ok(key) => {
                self.current.store(Arc::new(key));
                info!(certificate = %self.chain.display(), "certificate read again");
            }
            Err(error) => {
                warn!(
                    error = %Chain(&error),
                    "the changed certificate cannot be used; the old one stays in use"
                );
            }
        }
    }

    /// Takes connections with it: HTTP/2 or HTTP/1.1, as the client prefers.
    pub(super) fn acceptor(
        self: &Arc<Self>,
        client_authorities: Option<&Path>,
    ) -> Result<TlsAcceptor, ServerError> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| unusable(&self.key, source))?;
        let config = match client_authorities {
            None => config.with_no_client_auth(),
            Some(path) => config.with_client_cert_verifier(self.client_verifier(path)?),
        };
        let mut config = config.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Callers may show a certificate; which functions want one is theirs to say.
    fn client_verifier(&self, path: &Path) -> Result<Arc<dyn ClientCertVerifier>, ServerError> {
        let failed = |source| ServerError::Tls {
            path: path.to_owned(),
            source,
        };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(TlsError::Pem(error)))?;
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| failed(TlsError::Authority(error)))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .allow_unauthenticated()
            .build()
            .map_err(|_| failed(TlsError::Empty))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

fn read(
    chain: &Path,
    key: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<CertifiedKey, ServerError> {
    let pem = |path: &Path, source| ServerError::Tls {
        path: path.to_owned(),
        source: TlsError::Pem(source),
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| pem(chain, error))?;
    if certificates.is_empty() {
        return Err(ServerError::Tls {
            path: chain.to_owned(),
            source: TlsError::Empty,
        });
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| pem(key, error))?;
    CertifiedKey::from_der(certificates, private, provider).map_err(|source| unusable(key, source))
}

fn unusable(key: &Path, source: rustls::Error) -> ServerError {
    ServerError::Tls {
        path: key.to_owned(),
        source: TlsError::Key(source),
    }
}

fn stamp(chain: &Path, key: &Path) -> Stamp {
    [chain, key].map(|path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    })
}

/// An error with its causes, on one line.
pub(super) struct Chain<'a>(pub(super) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
