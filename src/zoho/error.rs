//! The bodies of refused requests.
//!
//! Everywhere but in the success envelope a body is
//! `{"code":…,"details":{},"message":…,"status":"error"}`. Codes are those that Zoho's own client
//! knows, so that a strict one does not choke.

use crate::value::json;

/// The situations in which Zoho answers with an error body, with their status, code and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZohoError {
    /// 400 `BAD_REQUEST`: not a request that HTTP allows.
    BadRequest,
    /// 400 `INVALID_DATA`: a body or an argument that cannot be read.
    InvalidData,
    /// 401 `AUTHENTICATION_FAILURE`: no key, an unknown one, or no `auth_type`.
    AuthenticationFailure,
    /// 401 `INVALID_TOKEN`: an OAuth token that is not valid.
    InvalidToken,
    /// 401 `OAUTH_SCOPE_MISMATCH`: an OAuth token for something else.
    OauthScopeMismatch,
    /// 403 `NOT_ALLOWED`: a good key, but not for this function.
    NotAllowed,
    /// 403 `NO_PERMISSION`: the key's owner may not.
    NoPermission,
    /// 404 `INVALID_URL_PATTERN`: nothing has this address.
    InvalidUrlPattern,
    /// 405 `INVALID_REQUEST_METHOD`: goes with `Allow`.
    InvalidRequestMethod,
    /// 413 `REQUEST_ENTITY_TOO_LARGE`
    RequestEntityTooLarge,
    /// 415 `INVALID_DATA`: a content encoding or charset that is not taken. Zoho has no word for it.
    UnsupportedMediaType,
    /// 422 `MANDATORY_NOT_FOUND`: a field that the function needs is not there.
    MandatoryNotFound,
    /// 429 `TOO_MANY_REQUESTS`: too fast.
    TooManyRequests,
    /// 429 `LIMIT_REACHED`: the day's credits are spent.
    LimitReached,
    /// 500 `INTERNAL_ERROR`
    InternalError,
    /// 503 `SERVICE_UNAVAILABLE`: not now; goes with `Retry-After`. Zoho has no word for it.
    ServiceUnavailable,
}

impl ZohoError {
    /// HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::InvalidData => 400,
            Self::AuthenticationFailure | Self::InvalidToken | Self::OauthScopeMismatch => 401,
            Self::NotAllowed | Self::NoPermission => 403,
            Self::InvalidUrlPattern => 404,
            Self::InvalidRequestMethod => 405,
            Self::RequestEntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::MandatoryNotFound => 422,
            Self::TooManyRequests | Self::LimitReached => 429,
            Self::InternalError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// Zoho's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::InvalidData | Self::UnsupportedMediaType => "INVALID_DATA",
            Self::AuthenticationFailure => "AUTHENTICATION_FAILURE",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::OauthScopeMismatch => "OAUTH_SCOPE_MISMATCH",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NoPermission => "NO_PERMISSION",
            Self::InvalidUrlPattern => "INVALID_URL_PATTERN",
            Self::InvalidRequestMethod => "INVALID_REQUEST_METHOD",
            Self::RequestEntityTooLarge => "REQUEST_ENTITY_TOO_LARGE",
            Self::MandatoryNotFound => "MANDATORY_NOT_FOUND",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::LimitReached => "LIMIT_REACHED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
        }
    }

    /// Zoho's message, or ours where Zoho's is not known.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BadRequest => "bad request",
            Self::InvalidData => "invalid data",
            Self::AuthenticationFailure => "Authentication failed",
            Self::InvalidToken => "invalid oauth token",
            Self::OauthScopeMismatch => "invalid oauth scope to access this URL",
            Self::NotAllowed | Self::NoPermission => "permission denied",
            Self::InvalidUrlPattern => "Please check if the URL trying to access is a correct one",
            Self::InvalidRequestMethod => "The http request method type is not a valid one",
            Self::RequestEntityTooLarge => "the request body is too large",
            Self::UnsupportedMediaType => "unsupported media type",
            Self::MandatoryNotFound => "required field not found",
            Self::TooManyRequests => "too many requests. please try again after some time",
            Self::LimitReached => "the limit of calls is reached",
            Self::InternalError => "Internal server error occurred.",
            Self::ServiceUnavailable => {
                "not possible at the moment. please try again after some time"
            }
        }
    }

    /// The body, with Zoho's message.
    pub fn body(self) -> ErrorBody {
        self.saying(self.message())
    }

    /// The body, with a more exact message.
    pub fn saying(self, message: impl Into<String>) -> ErrorBody {
        ErrorBody {
            status_code: self.status(),
            code: self.code(),
            message: message.into(),
        }
    }
}

/// `{"code":…,"details":{},"message":…,"status":"error"}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// HTTP status.
    pub status_code: u16,
    /// Zoho's code.
    pub code: &'static str,
    /// Zoho's message, or a more exact one of ours.
    pub message: String,
}

impl ErrorBody {
    /// The body's bytes: JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = b"{\"code\":".to_vec();
        json::write_string(self.code, &mut out);
        out.extend_from_slice(b",\"details\":{},\"message\":");
        json::write_string(&self.message, &mut out);
        out.extend_from_slice(b",\"status\":\"error\"}");
        out
    }
}

/// What Zoho answers, with status 200, when a function raised or took too long. Only for senders
/// that rely on it: with a 200 nobody tries again.
pub const RAISED: &[u8] = br#"{"code":"error","details":{"userMessage":[]}}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_is_zohos_byte_for_byte() {
        let check = |error: ZohoError, status: u16, body: &str| {
            assert_eq!(error.status(), status);
            assert_eq!(String::from_utf8(error.body().to_json()).unwrap(), body);
        };
        check(
            ZohoError::InvalidToken,
            401,
            r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#,
        );
        check(
            ZohoError::AuthenticationFailure,
            401,
            r#"{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}"#,
        );
        check(
            ZohoError::NotAllowed,
            403,
            r#"{"code":"NOT_ALLOWED","details":{},"message":"permission denied","status":"error"}"#,
        );
        check(
            ZohoError::InvalidUrlPattern,
            404,
            r#"{"code":"INVALID_URL_PATTERN","details":{},"message":"Please check if the URL trying to access is a correct one","status":"error"}"#,
        );
        check(
            ZohoError::InvalidRequestMethod,
            405,
            r#"{"code":"INVALID_REQUEST_METHOD","details":{},"message":"The http request method type is not a valid one","status":"error"}"#,
        );
        check(
            ZohoError::TooManyRequests,
            429,
            r#"{"code":"TOO_MANY_REQUESTS","details":{},"message":"too many requests. please try again after some time","status":"error"}"#,
        );
        check(
            ZohoError::InternalError,
            500,
            r#"{"code":"INTERNAL_ERROR","details":{},"message":"Internal server error occurred.","status":"error"}"#,
        );
    }

    #[test]
    fn a_message_of_ours_is_written_as_json() {
        let body = ZohoError::InvalidData.saying("expected `\"` at line 1");
        let expected = r#"{"code":"INVALID_DATA","details":{},"message":"expected `\"` at line 1","status":"error"}"#;
        assert_eq!(String::from_utf8(body.to_json()).unwrap(), expected);
    }
}
