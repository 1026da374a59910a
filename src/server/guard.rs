//! What hyper lets through and a gateway must not: requests whose target or host could be read in
//! two ways.
//!
//! Only the shape of a request is looked at here, never what it asks for. A path that passes has
//! one reading: it begins with `/`, has no empty, `.` or `..` segment, no encoded separator, and
//! decodes to UTF-8.

use http::header::{EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Version};

/// Why a request is not even looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misshapen {
    /// No `Host`, two of them, or one that is no host.
    Host,
    /// An absolute URL, `host:port` or `*` where a path belongs.
    Target,
    /// A path that could be read in two ways.
    Path,
    /// An `Expect` other than `100-continue`.
    Expectation,
    /// A `Transfer-Encoding` other than `chunked`, once.
    Coding,
    /// More header lines than may be.
    Headers,
}

/// Looks at a request's head, which may have so many header lines.
pub(super) fn check<B>(request: &Request<B>, most_headers: usize) -> Result<(), Misshapen> {
    if request.headers().len() > most_headers {
        return Err(Misshapen::Headers);
    }
    let uri = request.uri();
    if request.version() < Version::HTTP_2 {
        if uri.authority().is_some() || uri.scheme().is_some() {
            return Err(Misshapen::Target);
        }
        check_host(request.headers(), request.version() < Version::HTTP_11)?;
        check_coding(request.headers())?;
    } else {
        check_authority(
            uri.authority().map(http::uri::Authority::as_str),
            request.headers(),
        )?;
    }
    let path = uri.path();
    if path == "*" && request.method() == Method::OPTIONS {
        return Ok(());
    }
    if !path.starts_with('/') {
        return Err(Misshapen::Target);
    }
    check_path(path)?;
    match request.headers().get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Misshapen::Expectation)
        }
        Some(_) | None => Ok(()),
    }
}

/// HTTP/1.1 has exactly one host; HTTP/1.0 at most one.
fn check_host(headers: &HeaderMap, may_lack: bool) -> Result<(), Misshapen> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, None) if may_lack => Ok(()),
        _ => Err(Misshapen::Host),
    }
}

/// hyper takes whatever ends in `chunked`. A proxy in front may take `chunked, chunked` otherwise, and
/// see another end of the request than we do; nothing here undoes any other coding.
fn check_coding(headers: &HeaderMap) -> Result<(), Misshapen> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(_), _) => Err(Misshapen::Coding),
    }
}

/// HTTP/2 says it in `:authority`, in `host`, or twice the same.
fn check_authority(authority: Option<&str>, headers: &HeaderMap) -> Result<(), Misshapen> {
    let mut hosts = headers.get_all(HOST).iter();
    match (authority, hosts.next(), hosts.next()) {
        (Some(authority), None, None) if is_host(authority.as_bytes()) => Ok(()),
        (None, Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(authority), Some(host), None)
            if is_host(authority.as_bytes())
                && authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()) =>
        {
            Ok(())
        }
        _ => Err(Misshapen::Host),
    }
}

/// A name or an address, with or without a port; no user, no path.
fn is_host(host: &[u8]) -> bool {
    let is_part = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.iter().all(is_part)
}

fn check_path(path: &str) -> Result<(), Misshapen> {
    let bytes = path.as_bytes();
    // Nearly all paths are plain, and the two looks that show it are a few instructions for many
    // bytes at once: no early end, no branch.
    let odd = bytes.iter().fold(0, |odd, byte| {
        odd | u8::from(*byte <= b' ')
            | u8::from(*byte >= 0x7f)
            | u8::from(*byte == b'%')
            | u8::from(*byte == b'\\')
    });
    let following = bytes.get(1..).unwrap_or_default();
    let odd = bytes
        .iter()
        .zip(following)
        .fold(odd, |odd, (first, second)| {
            odd | u8::from(*first == b'/') & (u8::from(*second == b'/') | u8::from(*second == b'.'))
        });
    if odd == 0 {
        return Ok(());
    }
    check_closely(path)
}

#[cold]
fn check_closely(path: &str) -> Result<(), Misshapen> {
    let is_control = |byte: u8| matches!(byte, b'\\' | 0..=0x1f | 0x7f);
    if path.contains("//") || path.bytes().any(is_control) {
        return Err(Misshapen::Path);
    }
    for segment in path.split('/') {
        let decoded = decode(segment)?;
        // Encoded, these three would be a separator or an end to whoever decodes later.
        if decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0)) {
            return Err(Misshapen::Path);
        }
        check_segment(&decoded)?;
        if std::str::from_utf8(&decoded).is_err() {
            return Err(Misshapen::Path);
        }
    }
    Ok(())
}

fn check_segment(segment: &[u8]) -> Result<(), Misshapen> {
    match segment {
        b"." | b".." => Err(Misshapen::Path),
        _ => Ok(()),
    }
}

/// As `percent_encoding`, but a `%` that encodes nothing is refused.
fn decode(segment: &str) -> Result<Vec<u8>, Misshapen> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "two hex digits fit into a byte"
            )]
            (Some(high), Some(low)) => decoded.push((high * 16 + low) as u8),
            _ => return Err(Misshapen::Path),
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_request(request: http::request::Builder) -> Result<(), Misshapen> {
        check(&request.body(()).unwrap(), 64)
    }

    #[test]
    fn a_path_has_one_reading() {
        let check = |path: &str, expected: Result<(), Misshapen>| {
            let request = Request::get(path).header(HOST, "example.com");
            assert_eq!(check_request(request), expected, "{path}");
        };
        for path in [
            "/",
            "/crm/v2/functions/a/actions/execute?x=%2f//..",
            "/hooks/a%20b/%C3%A9",
            "/...",
            "/a/",
            "/a.b/..c",
        ] {
            check(path, Ok(()));
        }
        for path in [
            "//",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2E/b",
            "/%2e",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%00",
            "/%ff",
            "/%C3",
            "/a%",
            "/a%4",
            "/a%zz",
        ] {
            check(path, Err(Misshapen::Path));
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let check = |version, hosts: &[&str], expected: Result<(), Misshapen>| {
            let mut request = Request::get("/").version(version);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            assert_eq!(check_request(request), expected, "{version:?} {hosts:?}");
        };
        check(Version::HTTP_11, &["example.com"], Ok(()));
        check(Version::HTTP_11, &["[::1]:8080"], Ok(()));
        check(Version::HTTP_10, &[], Ok(()));
        check(Version::HTTP_11, &[], Err(Misshapen::Host));
        check(Version::HTTP_11, &[""], Err(Misshapen::Host));
        check(Version::HTTP_11, &["a", "a"], Err(Misshapen::Host));
        check(Version::HTTP_10, &["a", "b"], Err(Misshapen::Host));
        check(Version::HTTP_11, &["a b"], Err(Misshapen::Host));
        check(Version::HTTP_11, &["user@a"], Err(Misshapen::Host));
        check(Version::HTTP_11, &["a/b"], Err(Misshapen::Host));
        check(Version::HTTP_2, &["a"], Ok(()));
        check(Version::HTTP_2, &[], Err(Misshapen::Host));
    }

    #[test]
    fn http2_names_its_host_in_the_authority() {
        let check = |hosts: &[&str], expected: Result<(), Misshapen>| {
            let mut request = Request::get("https://a.example/x").version(Version::HTTP_2);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            assert_eq!(check_request(request), expected, "{hosts:?}");
        };
        check(&[], Ok(()));
        check(&["A.example"], Ok(()));
        check(&["b.example"], Err(Misshapen::Host));
        check(&["a.example", "a.example"], Err(Misshapen::Host));
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        let check = |codings: &[&str], expected: Result<(), Misshapen>| {
            let mut request = Request::post("/").header(HOST, "a");
            for coding in codings {
                request = request.header(TRANSFER_ENCODING, *coding);
            }
            assert_eq!(check_request(request), expected, "{codings:?}");
        };
        check(&[], Ok(()));
        check(&["chunked"], Ok(()));
        check(&["Chunked"], Ok(()));
        for codings in [
            &["chunked, chunked"][..],
            &["chunked", "chunked"],
            &["gzip, chunked"],
            &["identity", "chunked"],
            &["chunked;q=1"],
            &[""],
        ] {
            check(codings, Err(Misshapen::Coding));
        }
    }

    #[test]
    fn a_target_is_a_path() {
        let check = |request: http::request::Builder, expected: Result<(), Misshapen>| {
            assert_eq!(check_request(request.header(HOST, "a")), expected);
        };
        check(Request::get("http://a/x"), Err(Misshapen::Target));
        check(Request::connect("a:443"), Err(Misshapen::Target));
        check(Request::options("*"), Ok(()));
        check(Request::get("*"), Err(Misshapen::Target));
    }

    #[test]
    fn a_head_has_no_more_lines_than_may_be() {
        let check = |lines: usize, expected: Result<(), Misshapen>| {
            let mut request = Request::get("/").header(HOST, "a");
            for _ in 1..lines {
                request = request.header("x", "y");
            }
            assert_eq!(check_request(request), expected, "{lines}");
        };
        check(64, Ok(()));
        check(65, Err(Misshapen::Headers));
    }

    #[test]
    fn only_100_continue_can_be_expected() {
        let check = |value: &str, expected: Result<(), Misshapen>| {
            let request = Request::get("/").header(HOST, "a").header(EXPECT, value);
            assert_eq!(check_request(request), expected);
        };
        check("100-Continue", Ok(()));
        check("a-miracle", Err(Misshapen::Expectation));
    }
}
