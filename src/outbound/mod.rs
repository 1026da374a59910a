//! Requests that hookweir makes of its own: certificates by their address, confirmations,
//! deliveries.
//!
//! The only place with an HTTP client. What is asked for comes from requests, so nothing here is
//! trusted: no redirects, no address that is not public (looked at after the name was resolved, and
//! that address is the one that is connected to), and bounds for time and bytes. What a request
//! names the address of is only fetched by `https`.

mod address;
mod identity;
mod roots;

pub use identity::{Identity, IdentityError};
pub use roots::{RootsError, roots as authorities};

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::RootCertStore;
use rustls::pki_types::TrustAnchor;

use self::address::{Addresses, Resolver};

/// What may be reached, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// PEM file with certificate authorities beside the system's.
    pub authorities: Option<PathBuf>,
    /// Everything goes through this one, which then is to say what may be reached.
    pub proxy: Option<String>,
    /// Networks that may be reached though they are not public: address and prefix length.
    pub allow: Vec<(IpAddr, u8)>,
}

/// Makes requests.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    addresses: Arc<Addresses>,
    roots: Arc<RootCertStore>,
    options: Options,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Fetched {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its method.
    pub method: http::Method,
    /// Where it goes.
    pub url: String,
    /// Its header lines.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What was answered to a [`Call`].
#[derive(Debug)]
pub struct Called {
    /// Its status.
    pub status: u16,
    /// Its header lines.
    pub headers: http::HeaderMap,
    /// Its body, or the beginning of it.
    pub body: Bytes,
}

/// Bounds for one request.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For everything together.
    pub time: Duration,
    /// Of the body.
    pub bytes: usize,
}

/// Why no requests can be made.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The file with certificate authorities.
    #[error("`{path}` {source}")]
    Authorities {
        /// Which.
        path: String,
        /// What is wrong with it.
        source: RootsError,
    },
    /// Anything else.
    #[error("cannot make requests: {0}")]
    Client(String),
}

/// Why there is no answer. Never holds the address: its query may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not an address that is asked.
    #[error("it is not at a public address behind `https`")]
    NotPublic,
    /// Nothing came.
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("it did not answer in time")]
    Timeout,
    /// Too much came.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Outbound {
    /// Makes the client; nothing is asked yet.
    pub fn new(options: &Options) -> Result<Self, OutboundError> {
        let roots = roots::roots(options.authorities.as_deref()).map_err(|source| {
            let path = options.authorities.as_deref().unwrap_or(Path::new(""));
            OutboundError::Authorities {
                path: path.display().to_string(),
                source,
            }
        })?;
        Self::with(options.clone(), Arc::new(roots), None)
    }

    /// One that reaches these networks, too, and shows a certificate to who wants to see one.
    pub fn allowing(
        &self,
        networks: &[(IpAddr, u8)],
        identity: Option<&Identity>,
    ) -> Result<Self, OutboundError> {
        let mut options = self.options.clone();
        options.allow.extend_from_slice(networks);
        Self::with(options, Arc::clone(&self.roots), identity)
    }

    fn with(
        options: Options,
        roots: Arc<RootCertStore>,
        identity: Option<&Identity>,
    ) -> Result<Self, OutboundError> {
        let failed = |error: &dyn fmt::Display| OutboundError::Client(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(Arc::clone(&roots));
        let tls = match identity {
            Some(identity) => tls.with_client_cert_resolver(identity.resolver()),
            None => tls.with_no_client_auth(),
        };
        let addresses = Arc::new(Addresses::new(&options.allow));
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("hookweir/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // One that the environment names is none that the administrator has named.
            .no_proxy();
        let builder = match &options.proxy {
            Some(proxy) => {
                let proxy = reqwest::Proxy::all(proxy).map_err(|error| failed(&error))?;
                builder.proxy(proxy)
            }
            None => builder.dns_resolver(Arc::new(Resolver(Arc::clone(&addresses)))),
        };
        Ok(Self {
            client: builder.build().map_err(|error| failed(&error))?,
            addresses,
            roots,
            options,
        })
    }

    /// The certificate authorities that are trusted.
    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.roots.roots
    }

    /// GET, of an address that the caller has found to be one that may be asked.
    pub async fn get(&self, url: &str, bounds: Bounds) -> Result<Fetched, FetchError> {
        let url = self.reachable(url)?;
        if url.scheme() != "https" {
            return Err(FetchError::NotPublic);
        }
        let asked = async {
            let mut response = self.client.get(url).send().await?;
            let status = response.status().as_u16();
            let mut body = BytesMut::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > bounds.bytes {
                    return Ok(Err(FetchError::TooLong(bounds.bytes)));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Ok(Fetched {
                status,
                body: body.freeze(),
            }))
        };
        match tokio::time::timeout(bounds.time, asked).await {
            Err(_) => Err(FetchError::Timeout),
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => Err(unreachable(error)),
        }
    }
}

impl Outbound {
    /// Any request, to an address that the administrator has written. An answer that is longer than
    /// the bound is cut off there.
    pub async fn call(&self, call: Call, bounds: Bounds) -> Result<Called, FetchError> {
        let url = self.reachable(&call.url)?;
        let asked = async {
            let request = self
                .client
                .request(call.method, url)
                .headers(call.headers)
                .body(call.body);
            let mut response = request.send().await?;
            let status = response.status().as_u16();
            let headers = std::mem::take(response.headers_mut());
            let mut body = BytesMut::new();
            while body.len() < bounds.bytes
                && let Some(chunk) = response.chunk().await?
            {
                let room = bounds.bytes - body.len();
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            }
            Ok(Called {
                status,
                headers,
                body: body.freeze(),
            })
        };
        match tokio::time::timeout(bounds.time, asked).await {
            Err(_) => Err(FetchError::Timeout),
            Ok(Ok(called)) => Ok(called),
            Ok(Err(error)) => Err(unreachable(error)),
        }
    }

    /// The address, if it may be reached as far as it can be told without resolving a name.
    fn reachable(&self, url: &str) -> Result<reqwest::Url, FetchError> {
        let url: reqwest::Url = url.parse().map_err(|_| FetchError::NotPublic)?;
        // A name is looked at when it is resolved; an address is not resolved.
        let literal = url.host_str().and_then(|host| {
            let host = host.trim_matches(['[', ']']);
            host.parse::<IpAddr>().ok()
        });
        let has_proxy = self.options.proxy.is_some();
        let is_refused = |address: IpAddr| !has_proxy && !self.addresses.allow(address);
        if !matches!(url.scheme(), "http" | "https") || literal.is_some_and(is_refused) {
            return Err(FetchError::NotPublic);
        }
        Ok(url)
    }
}

/// The innermost cause says what happened; the outer ones say only that something did.
fn unreachable(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        if inner.is::<address::NotPublic>() {
            return FetchError::NotPublic;
        }
        cause = inner;
    }
    FetchError::Unreachable(cause.to_string())
}
