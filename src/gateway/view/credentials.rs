//! What a caller presents to be known by: the key and `auth_type`.
//!
//! Looked for in the query, in the header `X-ZAPI-Key`, and only then in a form, url-encoded or
//! multipart. Nothing else of the request is read for it: this runs before the caller is known.
//! Once a key is presented, it can be hidden wherever else the request repeats it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderName;
use memchr::memmem;

use super::media::Media;
use super::{multipart, pairs};
use crate::auth::ZapiKey;
use crate::gateway::InboundRequest;
use crate::value::Arena;

/// The header that carries a key.
pub const KEY_HEADER: HeaderName = HeaderName::from_static("x-zapi-key");

const AUTH_TYPE: &str = "auth_type";

/// Stands where a key stood inside something else.
pub(super) const REMOVED: &str = "[zapikey]";

/// So many bytes of a key are looked for first.
const PIECE: usize = 16;

/// What a caller presents. Cannot be printed.
#[derive(Clone, Default)]
pub struct Credentials<'a> {
    /// The key's text, unchecked.
    pub zapikey: Option<Cow<'a, str>>,
    /// `auth_type` as it was sent: `apikey`, `oauth`, or anything.
    pub auth_type: Option<Cow<'a, str>>,
    /// There is an `Authorization` header with one of Zoho's OAuth tokens.
    pub has_oauth_token: bool,
    /// The body, where it repeats the key and so had to be copied without it.
    body_without_key: OnceCell<Option<Bytes>>,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("zapikey", &self.zapikey.as_ref().map(|_| "…"))
            .field("auth_type", &self.auth_type)
            .field("has_oauth_token", &self.has_oauth_token)
            .finish()
    }
}

impl<'a> Credentials<'a> {
    /// Of a request. Of a multipart body at most `parts` parts are looked at.
    pub fn of(request: &'a InboundRequest, parts: usize) -> Self {
        let head = &request.head;
        let [key, auth_type] = pairs::first(head.query().as_bytes(), [pairs::KEY, AUTH_TYPE]);
        let mut found = Self {
            zapikey: key.or_else(|| in_header(&head.headers)),
            auth_type,
            has_oauth_token: head
                .headers
                .get_all(http::header::AUTHORIZATION)
                .iter()
                .any(is_oauth),
            body_without_key: OnceCell::new(),
        };
        if found.zapikey.is_some() && found.auth_type.is_some() {
            return found;
        }
        match Media::of(&head.method, &head.headers, request.body.is_empty()) {
            Media::Form(_) => {
                let [key, auth_type] = pairs::first(&request.body, [pairs::KEY, AUTH_TYPE]);
                found.zapikey = found.zapikey.or(key);
                found.auth_type = found.auth_type.or(auth_type);
            }
            Media::Multipart(boundary) if found.zapikey.is_none() => {
                let (key, auth_type) = multipart::credentials(&request.body, boundary, parts);
                found.zapikey = key.map(Cow::Owned);
                found.auth_type = found.auth_type.or(auth_type.map(Cow::Owned));
            }
            Media::Multipart(_)
            | Media::Absent
            | Media::Encoded(_)
            | Media::Json(_)
            | Media::Xml(_)
            | Media::Text(_)
            | Media::Other(_) => {}
        }
        found
    }

    /// The presented key. Only a text that can be one: any other may be part of harmless values.
    pub(super) fn key(&self) -> Option<&str> {
        self.zapikey.as_deref().filter(|key| ZapiKey::has_form(key))
    }

    /// The request's body, `[zapikey]` for each time that it repeats the key.
    pub(super) fn body<'s>(&'s self, request: &'s InboundRequest) -> &'s Bytes {
        let without = self.body_without_key.get_or_init(|| {
            let key = self.key()?.as_bytes();
            // A short piece is found with a fraction of the preparation, and nearly no body has it.
            let piece = key.last_chunk::<PIECE>()?;
            memmem::find(&request.body, piece)?;
            let mut kept = Vec::new();
            let mut from = 0;
            for at in memmem::find_iter(&request.body, key) {
                kept.extend_from_slice(request.body.get(from..at)?);
                kept.extend_from_slice(REMOVED.as_bytes());
                from = at + key.len();
            }
            kept.extend_from_slice(request.body.get(from..).filter(|_| from > 0)?);
            Some(kept.into())
        });
        without.as_ref().unwrap_or(&request.body)
    }

    /// A text, `[zapikey]` for each time that it repeats the key.
    pub(super) fn hide<'t>(&self, text: &'t str, arena: &'t Arena) -> &'t str {
        match self.key() {
            Some(key) if text.len() >= key.len() && text.contains(key) => {
                arena.string(&text.replace(key, REMOVED))
            }
            Some(_) | None => text,
        }
    }
}

/// Whether a header line holds one of Zoho's OAuth tokens.
pub(super) fn is_oauth(value: &http::HeaderValue) -> bool {
    let scheme = value
        .as_bytes()
        .split(|byte| *byte == b' ')
        .next()
        .unwrap_or(b"");
    scheme.eq_ignore_ascii_case(b"Zoho-oauthtoken")
}

fn in_header(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = headers.get(KEY_HEADER)?;
    value.to_str().ok().map(|text| Cow::Borrowed(text.trim()))
}
