//! Content types: which kind of body this is, and its parameters.
//!
//! Decided by the head alone; a body is never sniffed. Names of types and parameters are compared
//! without case. What cannot be read as a content type counts as none.

use http::{HeaderMap, Method, header};

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media<'a> {
    /// There is none: no bytes, or a method whose body has no meaning.
    Absent,
    /// In a content encoding, which is not taken.
    Encoded(&'a str),
    /// `application/json`, `text/json`, `…+json`.
    Json(Option<Charset<'a>>),
    /// `application/x-www-form-urlencoded`.
    Form(Option<Charset<'a>>),
    /// `application/xml`, `text/xml`, `…+xml`.
    Xml(Option<Charset<'a>>),
    /// `multipart/*`; what stands between the parts, where it was said.
    Multipart(Option<Boundary<'a>>),
    /// Any other `text/*`.
    Text(Option<Charset<'a>>),
    /// Anything else, and bodies without a content type.
    Other(Option<Charset<'a>>),
}

/// A `charset` parameter, as it was sent.
pub(super) type Charset<'a> = &'a str;

/// A `boundary` parameter.
pub(super) type Boundary<'a> = &'a str;

impl<'a> Media<'a> {
    /// By the head. `is_empty` says that no byte of a body came.
    pub(super) fn of(method: &Method, headers: &'a HeaderMap, is_empty: bool) -> Self {
        // A body of GET or HEAD has no defined meaning (RFC 9110, 9.3.1), and Zoho shows none.
        if is_empty || method == Method::GET || method == Method::HEAD {
            return Self::Absent;
        }
        if let Some(encoding) = encoding(headers) {
            return Self::Encoded(encoding);
        }
        let text = headers.get(header::CONTENT_TYPE);
        let text = text.and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = text.split(';').next().unwrap_or("").trim();
        let charset = parameter(text, "charset").filter(|charset| !charset.is_empty());
        let (class, name) = kind.split_once('/').unwrap_or(("", ""));
        let is = |known: &str| kind.eq_ignore_ascii_case(known);
        let ends = |suffix: &str| {
            name.len()
                .checked_sub(suffix.len())
                .and_then(|at| name.get(at..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        if is("application/json") || is("text/json") || ends("+json") {
            Self::Json(charset)
        } else if is("application/x-www-form-urlencoded") {
            Self::Form(charset)
        } else if is("application/xml") || is("text/xml") || ends("+xml") {
            Self::Xml(charset)
        } else if class.eq_ignore_ascii_case("multipart") {
            Self::Multipart(parameter(text, "boundary").filter(|boundary| !boundary.is_empty()))
        } else if class.eq_ignore_ascii_case("text") {
            Self::Text(charset)
        } else {
            Self::Other(charset)
        }
    }
}

fn encoding(headers: &HeaderMap) -> Option<&str> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.find_map(|value| {
        let text = value.to_str().unwrap_or("unreadable").trim();
        (!text.is_empty() && !text.eq_ignore_ascii_case("identity")).then_some(text)
    })
}

/// The value of a parameter of a header such as `text/plain; charset="utf-8"`, without its
/// quotes; `None` when it is not there. A backslash inside quotes is left where it stands: none of
/// the parameters that are asked for may hold one.
pub(super) fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        // A parameter without a value: what stands behind the last `;` is the key.
        let key = key.rsplit(';').next().unwrap_or(key).trim();
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let (value, next) = quoted.split_once('"').unwrap_or((quoted, ""));
            (value, next.split_once(';').map_or("", |(_, next)| next))
        } else {
            let (value, next) = after.split_once(';').unwrap_or((after, ""));
            (value.trim(), next)
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: Option<&str>, expected: Media<'_>) {
        let mut headers = HeaderMap::new();
        if let Some(text) = content_type {
            headers.insert(header::CONTENT_TYPE, text.parse().unwrap());
        }
        assert_eq!(
            Media::of(&Method::POST, &headers, false),
            expected,
            "{content_type:?}"
        );
    }

    #[test]
    fn the_content_type_decides_how_a_body_is_read() {
        check(Some("application/json"), Media::Json(None));
        check(
            Some("Application/JSON ; Charset=UTF-8"),
            Media::Json(Some("UTF-8")),
        );
        check(Some("application/problem+json"), Media::Json(None));
        check(
            Some("application/cloudevents-batch+JSON"),
            Media::Json(None),
        );
        check(Some("text/json"), Media::Json(None));
        check(Some("application/x-www-form-urlencoded"), Media::Form(None));
        check(
            Some("application/x-www-form-urlencoded; charset=\"iso-8859-1\""),
            Media::Form(Some("iso-8859-1")),
        );
        check(Some("application/xml"), Media::Xml(None));
        check(Some("text/xml; charset=utf-8"), Media::Xml(Some("utf-8")));
        check(Some("application/soap+xml"), Media::Xml(None));
        check(
            Some("multipart/form-data; boundary=x"),
            Media::Multipart(Some("x")),
        );
        check(
            Some("multipart/mixed; a=1; boundary=\"a;b\""),
            Media::Multipart(Some("a;b")),
        );
        check(Some("multipart/form-data"), Media::Multipart(None));
        check(Some("text/csv"), Media::Text(None));
        check(Some("image/png"), Media::Other(None));
        check(Some("application/octet-stream"), Media::Other(None));
        check(Some("json"), Media::Other(None));
        check(Some(""), Media::Other(None));
        check(None, Media::Other(None));
    }

    #[test]
    fn a_body_of_get_is_none() {
        let headers = HeaderMap::new();
        assert_eq!(Media::of(&Method::GET, &headers, false), Media::Absent);
        assert_eq!(Media::of(&Method::HEAD, &headers, false), Media::Absent);
        assert_eq!(Media::of(&Method::POST, &headers, true), Media::Absent);
    }

    #[test]
    fn an_encoded_body_is_known_by_its_encoding() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "identity".parse().unwrap());
        assert_eq!(
            Media::of(&Method::POST, &headers, false),
            Media::Other(None)
        );
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(
            Media::of(&Method::POST, &headers, false),
            Media::Encoded("gzip")
        );
    }

    #[test]
    fn a_parameter_is_found_among_others() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(parameter(header, "boundary"), expected, "{header}");
        };
        check("a/b; boundary=x", Some("x"));
        check("a/b;BOUNDARY = x ;c=d", Some("x"));
        check("a/b; c=\"boundary=no\"; boundary=yes", Some("yes"));
        check("a/b; flag; boundary=x", Some("x"));
        check("a/b; boundary=\"open", Some("open"));
        check("a/b; boundary=", Some(""));
        check("boundary=x", None);
        check("a/b; xboundary=x", None);
    }
}
