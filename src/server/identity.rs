//! A request's id, and the trace it belongs to.
//!
//! What a caller says about either is taken only in the exact form that can do no harm in a log
//! line or a header.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use rand::Rng;

use crate::auth::without_keys;

/// The header that brings an id and takes it back.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const LONGEST_ID: usize = 128;

/// The sender's id where it is harmless, else a new one that sorts by time.
pub(super) fn request_id(sent: Option<&HeaderValue>, now: Timestamp) -> Arc<str> {
    match sent.map(HeaderValue::to_str) {
        Some(Ok(id)) if is_harmless(id) => Arc::from(id),
        Some(_) | None => new_id(now),
    }
}

fn is_harmless(id: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let has_no_key = || matches!(without_keys(id), Cow::Borrowed(_));
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_taken) && has_no_key()
}

/// A version 7 UUID with the request's own time. The random half comes from the thread's generator: asking
/// the system would be a call for every request.
fn new_id(now: Timestamp) -> Arc<str> {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Arc::from(
        &*id.hyphenated()
            .encode_lower(&mut uuid::Uuid::encode_buffer()),
    )
}

/// The trace that a request belongs to: 32 hex digits, not all zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId([u8; 32]);

impl TraceId {
    /// Reads a `traceparent` of any version whose first fields are those of version 00.
    pub(super) fn parse(header: &HeaderValue) -> Option<Self> {
        let text = header.as_bytes();
        let (fields, rest) = text.split_first_chunk::<55>()?;
        let [v0, v1, b'-', fields @ ..] = fields else {
            return None;
        };
        let (trace, [b'-', fields @ ..]) = fields.split_first_chunk::<32>()? else {
            return None;
        };
        let (parent, [b'-', flags @ ..]) = fields.split_first_chunk::<16>()? else {
            return None;
        };
        let is_hex = |text: &[u8]| text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_zero = |text: &[u8]| text.iter().all(|byte| *byte == b'0');
        let version = [*v0, *v1];
        let ends = match (&version, rest) {
            (b"ff", _) => false,
            (_, []) => true,
            // A later version may say more, after a dash.
            (b"00", _) => false,
            (_, [first, ..]) => *first == b'-',
        };
        let is_good = ends
            && is_hex(&version)
            && is_hex(trace)
            && is_hex(parent)
            && is_hex(flags)
            && !is_zero(trace)
            && !is_zero(parent);
        is_good.then_some(Self(*trace))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_only_when_it_is_harmless() {
        let check = |sent: &[u8], is_kept: bool| {
            let value = HeaderValue::from_bytes(sent).unwrap();
            let id = request_id(Some(&value), Timestamp::UNIX_EPOCH);
            assert_eq!(id.as_bytes() == sent, is_kept, "{value:?}");
            assert_eq!(id.len(), if is_kept { sent.len() } else { 36 });
        };
        check(b"abc-1.2_3:4", true);
        check(&[b'a'; 128], true);
        check(&[b'a'; 129], false);
        check(b"", false);
        check(b"a b", false);
        check(b"a\"b", false);
        check("é".as_bytes(), false);
    }

    #[test]
    fn ids_sort_by_time() {
        let at = |millis| new_id(Timestamp::from_millisecond(millis).unwrap());
        assert!(at(1) < at(2));
        assert_ne!(at(1), at(1));
        assert_eq!(at(1).as_bytes().get(14), Some(&b'7'));
    }

    #[test]
    fn a_trace_is_taken_only_in_its_exact_form() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        let check = |header: &str, is_taken: bool| {
            let trace = TraceId::parse(&HeaderValue::from_str(header).unwrap());
            assert_eq!(
                trace.as_ref().map(TraceId::as_str),
                is_taken.then_some(TRACE),
                "{header}"
            );
        };
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            true,
        );
        check(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            true,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            false,
        );
        check(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01what",
            false,
        );
        check(
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            false,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            false,
        );
        check("", false);
    }
}
