//! Who may use the admin API: whoever has the token, by whatever name leads to this machine alone.

use std::fmt;
use std::net::IpAddr;

use http::header::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The admin token, as its SHA-256: the token itself is not kept.
#[derive(Clone)]
pub struct AdminAuth([u8; 32]);

impl AdminAuth {
    /// For whoever knows `token`.
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// For whoever knows the token with this SHA-256.
    pub fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Whether an `Authorization` header holds the token. A token of 256 random bits needs no slow
    /// hash; comparing hashes in constant time tells nothing of how much of it was right.
    pub(super) fn accepts(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some(presented) = authorization.and_then(bearer) else {
            return false;
        };
        let presented: [u8; 32] = Sha256::digest(presented).into();
        presented.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for AdminAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminAuth(…)")
    }
}

fn bearer(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = authorization.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// The names under which the admin listener may be spoken to.
///
/// A page that a browser got from elsewhere can let its own name point here (DNS rebinding) and
/// then talk to this listener as its own. It cannot do so with an address, nor with `localhost`.
#[derive(Debug)]
pub(super) struct Hosts {
    public: Option<String>,
}

impl Hosts {
    /// `public_url` adds its own host.
    pub(super) fn new(public_url: Option<&str>) -> Self {
        let public = public_url
            .and_then(|url| url.parse::<http::Uri>().ok())
            .and_then(|url| Some(url.host()?.to_ascii_lowercase()));
        Self { public }
    }

    /// `host` as in the header, with or without a port.
    pub(super) fn allow(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || address.parse::<IpAddr>().is_ok()
            || self.public.as_ref().is_some_and(|public| *public == name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let auth = AdminAuth::new("s3cret");
        let check = |header: Option<&'static str>, opens: bool| {
            let header = header.map(HeaderValue::from_static);
            assert_eq!(auth.accepts(header.as_ref()), opens, "{header:?}");
        };
        check(Some("Bearer s3cret"), true);
        check(Some("bearer s3cret"), true);
        check(Some("Bearer s3cret "), false);
        check(Some("Bearer s3cre"), false);
        check(Some("Bearer "), false);
        check(Some("Basic s3cret"), false);
        check(Some("s3cret"), false);
        check(Some(""), false);
        check(None, false);
        assert_eq!(format!("{auth:?}"), "AdminAuth(…)");
    }

    #[test]
    fn a_strangers_name_is_not_spoken_to() {
        let hosts = Hosts::new(Some("https://Hooks.example.com:8443/x"));
        let check =
            |host: &str, is_allowed: bool| assert_eq!(hosts.allow(host), is_allowed, "{host}");
        check("localhost", true);
        check("LOCALHOST:8081", true);
        check("127.0.0.1:8081", true);
        check("[::1]:8081", true);
        check("[::1]", true);
        check("10.1.2.3", true);
        check("hooks.example.com", true);
        check("hooks.example.com:1", true);
        check("evil.example", false);
        check("localhost.evil.example", false);
        check("127.0.0.1.evil.example", false);
        check("", false);
    }
}
