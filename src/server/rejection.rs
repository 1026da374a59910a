//! What the caller of a refused request learns: this table, and nothing else.
//!
//! Bodies are Zoho's (`{"code","details","message","status"}`). A failure of the gateway or of a
//! function is answered with the request's id, never with its cause.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use super::guard::Misshapen;
use crate::auth::KeyRefusal;
use crate::gateway::Refusal;
use crate::zoho::{self, ErrorBody, ZohoError};

/// When it may be possible, in seconds: what could not be reached is asked again after ten.
const UNREACHABLE: u64 = 10;

/// Zoho's content type for everything that is JSON.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");

/// Why there is no answer of a function: the gateway's reasons and the socket's.
#[derive(Debug)]
pub(super) enum Refused {
    /// The gateway's.
    Gateway(Refusal),
    /// The request's head is not fit to be looked at.
    Misshapen(Misshapen),
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body ended early, or its chunks are broken.
    BodyBroken,
    /// Something in us panicked.
    Panicked,
}

/// One word a reason, for the log and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Route,
    Method,
    KeyMissing,
    KeyUnknown,
    KeyExpired,
    KeyRevoked,
    KeyScope,
    Signature,
    Unverifiable,
    Certificate,
    Store,
    Address,
    OAuth,
    Size,
    Body,
    MediaType,
    Check,
    MissingField,
    Failed,
    Rate,
    Host,
    Target,
    Path,
    Expectation,
    Coding,
    Headers,
    Timeout,
    Broken,
    Panic,
    /// The client went away before there was an answer.
    Aborted,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 30] = [
        Self::Route,
        Self::Method,
        Self::KeyMissing,
        Self::KeyUnknown,
        Self::KeyExpired,
        Self::KeyRevoked,
        Self::KeyScope,
        Self::Signature,
        Self::Unverifiable,
        Self::Certificate,
        Self::Store,
        Self::Address,
        Self::OAuth,
        Self::Size,
        Self::Body,
        Self::MediaType,
        Self::Check,
        Self::MissingField,
        Self::Failed,
        Self::Rate,
        Self::Host,
        Self::Target,
        Self::Path,
        Self::Expectation,
        Self::Coding,
        Self::Headers,
        Self::Timeout,
        Self::Broken,
        Self::Panic,
        Self::Aborted,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Route => "no_route",
            Self::Method => "method",
            Self::KeyMissing => "key_missing",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired => "key_expired",
            Self::KeyRevoked => "key_revoked",
            Self::KeyScope => "key_scope",
            Self::Signature => "signature",
            Self::Unverifiable => "unverifiable",
            Self::Certificate => "certificate",
            Self::Store => "store",
            Self::Address => "address",
            Self::OAuth => "oauth",
            Self::Size => "size",
            Self::Body => "body",
            Self::MediaType => "media_type",
            Self::Check => "check",
            Self::MissingField => "missing_field",
            Self::Failed => "failed",
            Self::Rate => "rate",
            Self::Host => "host",
            Self::Target => "target",
            Self::Path => "path",
            Self::Expectation => "expectation",
            Self::Coding => "coding",
            Self::Headers => "headers",
            Self::Timeout => "timeout",
            Self::Broken => "body_broken",
            Self::Panic => "panic",
            Self::Aborted => "aborted",
        }
    }
}

/// What goes back instead of a function's answer.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) reason: Reason,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The answer to a refused request. `zoho_failures`: a failed function is answered as Zoho does,
/// with 200.
pub(super) fn reject(refused: Refused, request_id: &str, zoho_failures: bool) -> Rejection {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    match &refused {
        Refused::Gateway(Refusal::MethodNotAllowed(methods)) => {
            headers.insert(ALLOW, allow(methods));
        }
        Refused::Gateway(Refusal::TooFast { retry_after }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Refused::Gateway(Refusal::Unverifiable { .. } | Refusal::NotKept { .. }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(UNREACHABLE));
        }
        Refused::BodyTimeout | Refused::BodyBroken => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Refused::Gateway(_) | Refused::Misshapen(_) | Refused::Panicked => {}
    }
    let fails_as_zoho =
        zoho_failures && matches!(refused, Refused::Gateway(Refusal::Failed { .. }));
    let (reason, error) = row(refused);
    let (status, body) = if fails_as_zoho {
        (StatusCode::OK, Bytes::from_static(zoho::RAISED))
    } else {
        let status = StatusCode::from_u16(error.status_code);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, body(&error, status, request_id))
    };
    Rejection {
        reason,
        status,
        headers,
        body,
    }
}

/// The table.
fn row(refused: Refused) -> (Reason, ErrorBody) {
    use ZohoError as Z;
    match refused {
        Refused::Gateway(refusal) => match refusal {
            Refusal::NoRoute => (Reason::Route, Z::InvalidUrlPattern.body()),
            Refusal::MethodNotAllowed(_) => (Reason::Method, Z::InvalidRequestMethod.body()),
            // One answer for all four: which it was would tell who guesses that a key exists.
            Refusal::Key(KeyRefusal::Missing) => {
                (Reason::KeyMissing, Z::AuthenticationFailure.body())
            }
            Refusal::Key(KeyRefusal::Unknown) => {
                (Reason::KeyUnknown, Z::AuthenticationFailure.body())
            }
            Refusal::Key(KeyRefusal::Expired) => {
                (Reason::KeyExpired, Z::AuthenticationFailure.body())
            }
            Refusal::Key(KeyRefusal::Revoked) => {
                (Reason::KeyRevoked, Z::AuthenticationFailure.body())
            }
            Refusal::Key(KeyRefusal::OutOfScope) => (Reason::KeyScope, Z::NotAllowed.body()),
            Refusal::Certificate => (Reason::Certificate, Z::AuthenticationFailure.body()),
            Refusal::AddressNotAllowed => (Reason::Address, Z::NotAllowed.body()),
            // Not what was wrong with it: who tries signatures would learn from that.
            Refusal::Signature(_) => (Reason::Signature, Z::AuthenticationFailure.body()),
            // Nobody sees it but who forgot to fetch.
            Refusal::Awaits(_) | Refusal::Unverifiable { .. } => {
                (Reason::Unverifiable, Z::ServiceUnavailable.body())
            }
            Refusal::NotKept { .. } => (Reason::Store, Z::ServiceUnavailable.body()),
            Refusal::OAuthNotOffered => (Reason::OAuth, Z::InvalidToken.body()),
            Refusal::BodyTooLarge { limit } => {
                let message = format!("the request body is longer than {limit} bytes");
                (Reason::Size, Z::RequestEntityTooLarge.saying(message))
            }
            Refusal::BadBody { message } => (Reason::Body, Z::InvalidData.saying(message)),
            Refusal::UnsupportedMediaType { message } => {
                (Reason::MediaType, Z::UnsupportedMediaType.saying(message))
            }
            Refusal::CheckFailed { status, message } => {
                let mut error = Z::InvalidData.saying(message);
                error.status_code = status;
                (Reason::Check, error)
            }
            Refusal::MissingField { field, site: _ } => {
                let message = format!("required field not found: {field}");
                (Reason::MissingField, Z::MandatoryNotFound.saying(message))
            }
            Refusal::Failed { .. } => (Reason::Failed, Z::InternalError.body()),
            Refusal::TooFast { .. } => (Reason::Rate, Z::TooManyRequests.body()),
        },
        Refused::Misshapen(Misshapen::Host) => {
            let message = "a request names exactly one host";
            (Reason::Host, Z::BadRequest.saying(message))
        }
        Refused::Misshapen(Misshapen::Target) => {
            let message = "the request target must be a path";
            (Reason::Target, Z::BadRequest.saying(message))
        }
        Refused::Misshapen(Misshapen::Path) => {
            let message = "the path must not hold empty, `.` or `..` segments, encoded \
                           separators, or text that is not UTF-8";
            (Reason::Path, Z::BadRequest.saying(message))
        }
        Refused::Misshapen(Misshapen::Expectation) => {
            let mut error = Z::BadRequest.saying("only `100-continue` can be expected");
            error.status_code = 417;
            (Reason::Expectation, error)
        }
        Refused::Misshapen(Misshapen::Coding) => {
            let mut error = Z::BadRequest.saying("a body can be `chunked`, and nothing else");
            error.status_code = 501;
            (Reason::Coding, error)
        }
        Refused::Misshapen(Misshapen::Headers) => {
            let mut error = Z::BadRequest.saying("the request has too many header lines");
            error.status_code = 431;
            (Reason::Headers, error)
        }
        Refused::BodyTimeout => {
            // One of the codes that Zoho's client knows.
            let error = ErrorBody {
                status_code: 408,
                code: "CONNECTION_TIMEOUT",
                message: "the body did not arrive in time".to_owned(),
            };
            (Reason::Timeout, error)
        }
        Refused::BodyBroken => {
            let message = "the body ended early or its chunks are broken";
            (Reason::Broken, Z::BadRequest.saying(message))
        }
        Refused::Panicked => (Reason::Panic, Z::InternalError.body()),
    }
}

/// A failure of ours has the request's id, which the caller can tell the operator.
fn body(error: &ErrorBody, status: StatusCode, request_id: &str) -> Bytes {
    #[derive(Serialize)]
    struct Failure<'a> {
        code: &'a str,
        details: Details<'a>,
        message: &'a str,
        status: &'a str,
    }
    #[derive(Serialize)]
    struct Details<'a> {
        request_id: &'a str,
    }
    if !status.is_server_error() {
        return error.to_json().into();
    }
    let failure = Failure {
        code: error.code,
        details: Details { request_id },
        message: &error.message,
        status: "error",
    };
    serde_json::to_vec(&failure).unwrap_or_default().into()
}

/// The methods of an address, with those that are answered everywhere.
pub(super) fn allow(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        names.push("HEAD");
    }
    if !methods.contains(&Method::OPTIONS) {
        names.push("OPTIONS");
    }
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(refused: Refused, status: u16, reason: &str, body: &str) -> HeaderMap {
        let rejection = reject(refused, "id-1", false);
        assert_eq!(rejection.status.as_u16(), status);
        assert_eq!(rejection.reason.as_str(), reason);
        assert_eq!(std::str::from_utf8(&rejection.body).unwrap(), body);
        assert_eq!(rejection.headers[CONTENT_TYPE], JSON);
        rejection.headers
    }

    #[test]
    fn every_refusal_has_zohos_body() {
        let key = |refusal| Refused::Gateway(Refusal::Key(refusal));
        let failed = r#"{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}"#;
        check(key(KeyRefusal::Missing), 401, "key_missing", failed);
        check(key(KeyRefusal::Unknown), 401, "key_unknown", failed);
        check(key(KeyRefusal::Expired), 401, "key_expired", failed);
        check(key(KeyRefusal::Revoked), 401, "key_revoked", failed);
        check(
            key(KeyRefusal::OutOfScope),
            403,
            "key_scope",
            r#"{"code":"NOT_ALLOWED","details":{},"message":"permission denied","status":"error"}"#,
        );
        check(
            Refused::Gateway(Refusal::OAuthNotOffered),
            401,
            "oauth",
            r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#,
        );
        check(
            Refused::Gateway(Refusal::NoRoute),
            404,
            "no_route",
            r#"{"code":"INVALID_URL_PATTERN","details":{},"message":"Please check if the URL trying to access is a correct one","status":"error"}"#,
        );
        check(
            Refused::Gateway(Refusal::BodyTooLarge { limit: 10 }),
            413,
            "size",
            r#"{"code":"REQUEST_ENTITY_TOO_LARGE","details":{},"message":"the request body is longer than 10 bytes","status":"error"}"#,
        );
        check(
            Refused::Gateway(Refusal::CheckFailed {
                status: 422,
                message: "say \"please\"".to_owned(),
            }),
            422,
            "check",
            r#"{"code":"INVALID_DATA","details":{},"message":"say \"please\"","status":"error"}"#,
        );
        check(
            Refused::Gateway(Refusal::UnsupportedMediaType {
                message: "no gzip".to_owned(),
            }),
            415,
            "media_type",
            r#"{"code":"INVALID_DATA","details":{},"message":"no gzip","status":"error"}"#,
        );
    }

    #[test]
    fn a_refusal_says_what_would_be_taken() {
        let methods = vec![Method::GET, Method::POST];
        let headers = check(
            Refused::Gateway(Refusal::MethodNotAllowed(methods)),
            405,
            "method",
            r#"{"code":"INVALID_REQUEST_METHOD","details":{},"message":"The http request method type is not a valid one","status":"error"}"#,
        );
        assert_eq!(headers[ALLOW], "GET, POST, HEAD, OPTIONS");
        let headers = check(
            Refused::Gateway(Refusal::TooFast { retry_after: 7 }),
            429,
            "rate",
            r#"{"code":"TOO_MANY_REQUESTS","details":{},"message":"too many requests. please try again after some time","status":"error"}"#,
        );
        assert_eq!(headers[RETRY_AFTER], "7");
    }

    #[test]
    fn a_failure_is_answered_with_an_id_and_never_with_its_cause() {
        let failed = || {
            Refused::Gateway(Refusal::Failed {
                message: "hush".to_owned(),
                site: "hush".to_owned(),
            })
        };
        let body = r#"{"code":"INTERNAL_ERROR","details":{"request_id":"id-1"},"message":"Internal server error occurred.","status":"error"}"#;
        check(failed(), 500, "failed", body);
        check(Refused::Panicked, 500, "panic", body);
        let zoho = reject(failed(), "id-1", true);
        assert_eq!(zoho.status, StatusCode::OK);
        assert_eq!(
            &zoho.body[..],
            br#"{"code":"error","details":{"userMessage":[]}}"#
        );
    }

    #[test]
    fn reasons_are_numbered_in_order() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
