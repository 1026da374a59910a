//! A request as it arrived, and what goes back.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::ClientCertificate;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;

/// What is known before the body is read.
#[derive(Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// Path and query as they were sent, still percent-encoded.
    pub target: PathAndQuery,
    /// The header lines, repeats included.
    pub headers: HeaderMap,
    /// Who connected; behind a trusted proxy, whom the proxy names.
    pub peer: Option<IpAddr>,
    /// The certificate that the caller has shown.
    pub client: Option<Arc<ClientCertificate>>,
    /// When the head was complete.
    pub received_at: Timestamp,
    /// The request's id: the sender's where it is harmless, else ours.
    pub request_id: Arc<str>,
}

impl Head {
    /// The path as it was sent.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The query as it was sent, without the `?`; empty where there is none.
    pub fn query(&self) -> &str {
        self.target.query().unwrap_or_default()
    }
}

/// A whole request.
#[derive(Debug)]
pub struct InboundRequest {
    /// See [`Head`].
    pub head: Head,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// What goes back.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Header lines, content type included; no `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What it is.
    pub kind: ReplyKind,
}

/// What a handshake leaves to be done before its reply is given: once it is answered, the provider
/// counts on it.
#[derive(Debug)]
pub enum Errand {
    /// A secret with which requests will be signed is to be kept.
    KeepSecret(SecretString),
    /// An address is to be visited.
    Visit {
        /// Which.
        url: SecretString,
        /// When an administrator says so.
        by_hand: bool,
    },
}

/// What a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// The function's answer.
    Answer,
    /// `when` was false.
    Skipped,
    /// The first one's answer, for an event that has come before.
    Repeated,
    /// The answer to a handshake: the function has not run.
    Handshake,
}
