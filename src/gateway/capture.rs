//! A request that somebody kept in a file, read as it would have arrived.
//!
//! Three forms are taken, told apart by how the file begins:
//!
//! * HTTP as it was on the wire, as `nc -l` writes it or a person types it; lines may end in `\n`
//!   alone, and a body in chunks is put together;
//! * what `curl -v` prints: the lines that begin with `> `, which hold no body;
//! * JSON: an object with `method`, `url` (or `path`), `headers` and a body, by itself, under
//!   `request`, or in a list of such; and HAR, the archive that browsers and proxies export.
//!
//! Nothing is checked but the form: no address is looked up and no key or signature is asked for.
//! Where a file contradicts itself in what people change by hand (a `Content-Length` that counts
//! an older body), it is taken as it is, and a note says so.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use jiff::Timestamp;

use super::request::{Head, InboundRequest};
use crate::route::decode_base64;
use crate::value::{Arena, Map, Value, json};

/// A request out of a file.
#[derive(Debug)]
pub struct Capture {
    /// The request.
    pub request: InboundRequest,
    /// What the file says twice and not alike, for people.
    pub notes: Vec<String>,
}

/// Why a file holds no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct CaptureError {
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl CaptureError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            line: None,
            message: message.into(),
            help: None,
        }
    }

    fn at(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

impl Capture {
    /// Reads a file's content. `pick` chooses one of several requests by its number, from 1, or
    /// its `name`; `now` becomes the instant of arrival.
    pub fn read(content: &[u8], pick: Option<&str>, now: Timestamp) -> Result<Self, CaptureError> {
        let start = content.iter().find(|byte| !byte.is_ascii_whitespace());
        let parts = match start {
            None => return Err(CaptureError::new("the file is empty").help(FORMS)),
            Some(b'{' | b'[') => from_json(content, pick)?,
            Some(_) if pick.is_some() => {
                return Err(CaptureError::new("the file holds one request only"));
            }
            Some(b'>' | b'*') => from_curl(content)?,
            Some(_) => from_wire(content)?,
        };
        Ok(parts.capture(now))
    }

    /// Puts another body into the request. Where the head does not say what it is, it is JSON.
    pub fn replace_body(&mut self, body: Vec<u8>) {
        let headers = &mut self.request.head.headers;
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        self.request.body = body.into();
    }
}

const FORMS: &str = "a request is HTTP as `nc -l` writes it, the output of `curl -v`, or JSON with \
                     `method`, `url`, `headers` and `body`";

/// What a form gave.
#[derive(Debug)]
struct Parts {
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    body: Vec<u8>,
    notes: Vec<String>,
}

impl Parts {
    fn capture(self, now: Timestamp) -> Capture {
        Capture {
            request: InboundRequest {
                head: Head {
                    method: self.method,
                    target: self.target,
                    headers: self.headers,
                    peer: None,
                    client: None,
                    received_at: now,
                    request_id: Arc::from("captured"),
                },
                body: Bytes::from(self.body),
            },
            notes: self.notes,
        }
    }
}

/// Path and query of a whole URL or of a path, and the URL's host.
fn target(text: &str) -> Result<(PathAndQuery, Option<HeaderValue>), CaptureError> {
    let uri: Uri = text.parse().map_err(|error| {
        CaptureError::new(format!("`{text}` is no address of a request: {error}"))
            .help("write a path such as `/hooks/lead?source=web`, or a whole URL")
    })?;
    // Without a scheme a lone word would be a host.
    let host = uri
        .scheme()
        .and(uri.authority())
        .and_then(|host| HeaderValue::try_from(host.as_str()).ok());
    let path = uri
        .path_and_query()
        .filter(|path| path.as_str().starts_with('/'));
    let path = path.cloned().or_else(|| host.as_ref().map(|_| root()));
    let path = path.ok_or_else(|| {
        CaptureError::new(format!("`{text}` is no address of a request"))
            .help("a path begins with `/`, a URL with `http://` or `https://`")
    })?;
    Ok((path, host))
}

fn root() -> PathAndQuery {
    PathAndQuery::from_static("/")
}

fn method(text: &str) -> Result<Method, CaptureError> {
    text.parse()
        .map_err(|_| CaptureError::new(format!("`{text}` is no method of HTTP")).help(FORMS))
}

// --- HTTP as text -----------------------------------------------------------------------------

fn from_wire(content: &[u8]) -> Result<Parts, CaptureError> {
    let mut lines = Lines::new(content);
    while lines.rest.first().is_some_and(u8::is_ascii_whitespace) && lines.is_blank() {
        lines.next();
    }
    let mut head = HeadLines::default();
    for (number, line) in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        head.add(number, line)?;
    }
    let mut parts = head.parts()?;
    let body = lines.rest;
    let is_chunked = parts
        .headers
        .get(header::TRANSFER_ENCODING)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    parts.body = if is_chunked {
        unchunked(body).ok_or_else(|| {
            CaptureError::new("the body is not in the chunks that `Transfer-Encoding` announces")
                .at(lines.number + 1)
                .help("remove the line `Transfer-Encoding` where the body stands as it is")
        })?
    } else {
        let (body, note) = counted(body, parts.headers.get(header::CONTENT_LENGTH));
        parts.notes.extend(note);
        body.to_vec()
    };
    Ok(parts)
}

/// The body without what an editor put behind it, and what is odd about its length.
fn counted<'b>(body: &'b [u8], length: Option<&HeaderValue>) -> (&'b [u8], Option<String>) {
    let said = length.and_then(|value| value.to_str().ok()?.trim().parse::<usize>().ok());
    let Some(said) = said else {
        return (body, None);
    };
    let (counted, rest) = body.split_at_checked(said).unwrap_or((body, &[]));
    if counted.len() == said && rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return (counted, None);
    }
    let note = format!(
        "`Content-Length` says {said} bytes and the file has {}: all of them are taken",
        body.len()
    );
    (body, Some(note))
}

/// The body of a chunked message; `None` where it is none.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (line, after) = line(rest)?;
        let size = std::str::from_utf8(line).ok()?;
        let size = size.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = after.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        let (end, after) = self::line(after)?;
        if !end.is_empty() {
            return None;
        }
        rest = after;
    }
}

/// The first line without its end, and what comes after it; `None` at the end of the text.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', text);
    let (line, rest) = match end {
        Some(end) => (text.get(..end)?, text.get(end + 1..)?),
        None => (text, &[][..]),
    };
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

/// Lines with their numbers.
struct Lines<'t> {
    rest: &'t [u8],
    /// Of the last line that was given.
    number: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            rest: text,
            number: 0,
        }
    }

    fn is_blank(&self) -> bool {
        line(self.rest).is_some_and(|(line, _)| line.is_empty())
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = line(self.rest)?;
        self.rest = rest;
        self.number += 1;
        Some((self.number, line))
    }
}

/// A request line and header lines, as they come.
#[derive(Debug, Default)]
struct HeadLines {
    start: Option<(Method, PathAndQuery, Option<HeaderValue>)>,
    headers: HeaderMap,
}

impl HeadLines {
    fn add(&mut self, number: usize, line: &[u8]) -> Result<(), CaptureError> {
        if self.start.is_some() {
            self.header(line).map_err(|error| error.at(number))
        } else {
            self.request_line(line).map_err(|error| error.at(number))
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), CaptureError> {
        let text = String::from_utf8_lossy(line);
        if text.starts_with("HTTP/") {
            let message = format!("`{text}` begins an answer, not a request");
            return Err(CaptureError::new(message).help(FORMS));
        }
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(address)) = (words.next(), words.next()) else {
            return Err(no_request_line(&text));
        };
        match (words.next(), words.next()) {
            (None, None) => {}
            (Some(version), None) if version.starts_with("HTTP/") => {}
            _ => return Err(no_request_line(&text)),
        }
        let is_method = name.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method {
            return Err(no_request_line(&text));
        }
        let (target, host) = target(address)?;
        self.start = Some((method(name)?, target, host));
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), CaptureError> {
        let wrong = || {
            let shown = excerpt(line);
            CaptureError::new(format!("`{shown}` is no header line"))
                .help("a header is `Name: value`; an empty line stands before the body")
        };
        let colon = memchr::memchr(b':', line).ok_or_else(wrong)?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(name).map_err(|_| wrong())?;
        let value = HeaderValue::from_bytes(value).map_err(|_| wrong())?;
        self.headers.append(name, value);
        Ok(())
    }

    fn parts(self) -> Result<Parts, CaptureError> {
        let (method, target, host) = self.start.ok_or_else(|| {
            CaptureError::new("there is no request line such as `POST /hooks/lead HTTP/1.1`")
                .help(FORMS)
        })?;
        let mut headers = self.headers;
        if let Some(host) = host {
            headers.entry(header::HOST).or_insert(host);
        }
        Ok(Parts {
            method,
            target,
            headers,
            body: Vec::new(),
            notes: Vec::new(),
        })
    }
}

fn no_request_line(text: &str) -> CaptureError {
    let shown = excerpt(text.as_bytes());
    CaptureError::new(format!(
        "`{shown}` is no request line such as `POST /hooks/lead HTTP/1.1`"
    ))
    .help(FORMS)
}

/// What is shown of a line.
fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(line);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// The lines that `curl -v` sent: `> ` stands before each.
fn from_curl(content: &[u8]) -> Result<Parts, CaptureError> {
    let mut head = HeadLines::default();
    for (number, line) in Lines::new(content) {
        let Some(sent) = line.strip_prefix(b">") else {
            continue;
        };
        let sent = sent.trim_ascii();
        if sent.is_empty() {
            // Where curl follows a redirection, the first request is the one that was asked for.
            break;
        }
        head.add(number, sent)?;
    }
    let mut parts = head.parts()?;
    let length = parts.headers.get(header::CONTENT_LENGTH);
    if length.is_some_and(|length| length.as_bytes() != b"0") {
        parts
            .notes
            .push("`curl -v` does not print the body: `--body FILE` gives it".to_owned());
    }
    Ok(parts)
}

// --- JSON -------------------------------------------------------------------------------------

fn from_json(content: &[u8], pick: Option<&str>) -> Result<Parts, CaptureError> {
    let arena = Arena::new();
    let whole = json::read(content, &arena, json::DEPTH).map_err(|error| {
        let message = format!("{}, in column {}", error.message, error.column);
        CaptureError::new(message).at(error.line)
    })?;
    let entries = field(whole, "log").and_then(|log| field(log, "entries"));
    let chosen = match entries.unwrap_or(whole) {
        Value::List(items) => choose(items, pick)?,
        _ if pick.is_some() => return Err(CaptureError::new("the file holds one request only")),
        one => one,
    };
    let request = field(chosen, "request").unwrap_or(chosen);
    let Value::Map(request) = request else {
        let message = format!("a request is an object, not `{}`", request.type_name());
        return Err(CaptureError::new(message).help(FORMS));
    };
    described(request)
}

/// One request out of several.
fn choose<'a>(items: &'a [Value<'a>], pick: Option<&str>) -> Result<Value<'a>, CaptureError> {
    let name = |item: &Value<'a>| field(*item, "name").and_then(Value::as_str);
    let found = match (pick, items) {
        (None, [only]) => Some(only),
        (None, _) => {
            let names: Vec<&str> = items.iter().filter_map(name).take(3).collect();
            let named = match names.as_slice() {
                [] => String::new(),
                names => format!(", or by name: {}, …", names.join(", ")),
            };
            let message = format!("the file holds {} requests", items.len());
            let help = format!("`--pick 1` takes the first{named}");
            return Err(CaptureError::new(message).help(help));
        }
        (Some(pick), items) => items
            .iter()
            .find(|item| name(item) == Some(pick))
            .or_else(|| items.get(pick.parse::<usize>().ok()?.checked_sub(1)?)),
    };
    found.copied().ok_or_else(|| {
        let pick = pick.unwrap_or_default();
        let near = crate::diagnostic::suggest::did_you_mean(pick, items.iter().filter_map(name));
        let message = format!("no request of the file is `{pick}`");
        let help = near.unwrap_or_else(|| format!("there are numbers from 1 to {}", items.len()));
        CaptureError::new(message).help(help)
    })
}

fn field<'a>(value: Value<'a>, name: &str) -> Option<Value<'a>> {
    value.as_map()?.get_str(name)
}

/// A request whose parts have names.
fn described(request: &Map<'_>) -> Result<Parts, CaptureError> {
    let text = |name: &str| match request.get_str(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(unfit(name, "a text", other)),
    };
    let address = text("url")?
        .or(text("path")?)
        .ok_or_else(|| CaptureError::new("the request has neither `url` nor `path`").help(FORMS))?;
    let (mut target, host) = target(address)?;
    if let Some(query) = request.get_str("query")
        && target.query().is_none()
    {
        target = with_query(&target, query)?;
    }
    let mut headers = HeaderMap::new();
    if let Some(lines) = request.get_str("headers") {
        header_lines(lines, &mut headers)?;
    }
    if let Some(host) = host {
        headers.entry(header::HOST).or_insert(host);
    }
    let body = body(request)?;
    if let Some((_, Some(content_type))) = &body
        && let Ok(content_type) = HeaderValue::try_from(content_type)
    {
        headers.entry(header::CONTENT_TYPE).or_insert(content_type);
    }
    let method = match text("method")? {
        Some(name) => method(name)?,
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    Ok(Parts {
        method,
        target,
        headers,
        body: body.map(|(bytes, _)| bytes).unwrap_or_default(),
        notes: Vec::new(),
    })
}

fn unfit(name: &str, wanted: &str, found: Value<'_>) -> CaptureError {
    let found = found.type_name();
    CaptureError::new(format!("`{name}` must be {wanted}, not `{found}`"))
}

/// `query` beside the path: as text or as a map.
fn with_query(path: &PathAndQuery, query: Value<'_>) -> Result<PathAndQuery, CaptureError> {
    let text = match query {
        Value::String(text) => text.trim_start_matches('?').to_owned(),
        Value::Map(map) => {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            for (name, value) in map.iter() {
                for value in texts("query", value)? {
                    pairs.append_pair(&name.to_string(), &value);
                }
            }
            pairs.finish()
        }
        other => return Err(unfit("query", "a text or a map", other)),
    };
    if text.is_empty() {
        return Ok(path.clone());
    }
    let whole = format!("{}?{text}", path.path());
    whole
        .parse()
        .map_err(|_| CaptureError::new(format!("`{}` is no query", excerpt(text.as_bytes()))))
}

/// The lines of one name: one, or a list of them.
fn texts(name: &str, value: Value<'_>) -> Result<Vec<String>, CaptureError> {
    match value {
        Value::List(items) => {
            let each = items.iter().map(|item| texts(name, *item));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        }
        Value::String(text) => Ok(vec![text.to_owned()]),
        Value::Int(_) | Value::UInt(_) | Value::Number(_) | Value::Bool(_) => {
            let mut text = Vec::new();
            let _ = json::write(value, &mut text);
            Ok(vec![String::from_utf8_lossy(&text).into_owned()])
        }
        other => Err(unfit(name, "made of texts", other)),
    }
}

/// A map of names to values, or a list of `{ name, value }` as in HAR.
fn header_lines(lines: Value<'_>, headers: &mut HeaderMap) -> Result<(), CaptureError> {
    let mut add = |name: &str, value: &str| {
        // HTTP/2's own, as browsers export them: the request line has said them already.
        if name.starts_with(':') {
            return Ok(());
        }
        let wrong = || CaptureError::new(format!("the header `{name}` could not be sent"));
        let key = HeaderName::try_from(name).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value).map_err(|_| wrong())?;
        headers.append(key, value);
        Ok(())
    };
    match lines {
        Value::Map(map) => {
            for (name, value) in map.iter() {
                for text in texts("headers", value)? {
                    add(&name.to_string(), &text)?;
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let part = |name| field(*item, name).and_then(Value::as_str);
                let (Some(name), Some(value)) = (part("name"), part("value")) else {
                    let message = "an item of `headers` has no `name` and `value`";
                    return Err(CaptureError::new(message));
                };
                add(name, value)?;
            }
        }
        other => return Err(unfit("headers", "a map or a list", other)),
    }
    Ok(())
}

/// The body and, where its form tells, what it is.
type TypedBody = Option<(Vec<u8>, Option<String>)>;

fn body(request: &Map<'_>) -> Result<TypedBody, CaptureError> {
    if let Some(encoded) = request.get_str("body_base64") {
        return Ok(Some((base64("body_base64", encoded)?, None)));
    }
    if let Some(recipe) = request.get_str("body_recipe") {
        return Ok(Some((repeated(recipe)?, None)));
    }
    if let Some(data @ Value::Map(_)) = request.get_str("postData") {
        let content_type = field(data, "mimeType").and_then(Value::as_str);
        let content_type = content_type.map(str::to_owned);
        let is_encoded = field(data, "encoding").and_then(Value::as_str) == Some("base64");
        let bytes = match field(data, "text") {
            Some(text) if is_encoded => base64("postData.text", text)?,
            Some(Value::String(text)) => text.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        return Ok(Some((bytes, content_type)));
    }
    match request.get_str("body").or(request.get_str("json")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if request.get_str("body").is_some() => {
            Ok(Some((text.as_bytes().to_vec(), None)))
        }
        Some(tree) => {
            let mut bytes = Vec::new();
            json::write(tree, &mut bytes)
                .map_err(|error| CaptureError::new(format!("`body`: {error}")))?;
            Ok(Some((bytes, Some("application/json".to_owned()))))
        }
    }
}

fn base64(name: &str, value: Value<'_>) -> Result<Vec<u8>, CaptureError> {
    let Value::String(text) = value else {
        return Err(unfit(name, "a text", value));
    };
    decode_base64(text).ok_or_else(|| CaptureError::new(format!("`{name}` is not base64")))
}

/// A large body, said in short: `prefix`, then `repeat` so many times, then `suffix`.
fn repeated(recipe: Value<'_>) -> Result<Vec<u8>, CaptureError> {
    const LONGEST: usize = 64 << 20;
    let part = |name: &str| match field(recipe, name) {
        Some(encoded) => base64(&format!("body_recipe.{name}"), encoded),
        None => Ok(Vec::new()),
    };
    let (mut body, repeat, suffix) = (part("prefix")?, part("repeat")?, part("suffix")?);
    let count = match field(recipe, "count") {
        Some(Value::Int(count)) => usize::try_from(count).unwrap_or(0),
        _ => 0,
    };
    if repeat.len().saturating_mul(count) > LONGEST {
        return Err(CaptureError::new("`body_recipe` makes more than 64 MiB"));
    }
    body.extend(repeat.repeat(count));
    body.extend(suffix);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Capture, CaptureError> {
        Capture::read(content.as_bytes(), None, Timestamp::UNIX_EPOCH)
    }

    #[track_caller]
    fn check(content: &str, first: &str, headers: &[(&str, &str)], body: &str) {
        let capture = read(content).unwrap();
        let InboundRequest { head, body: found } = &capture.request;
        assert_eq!(format!("{} {}", head.method, head.target), first);
        let lines: Vec<_> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(lines, headers);
        assert_eq!(String::from_utf8_lossy(found), body);
        assert!(capture.notes.is_empty(), "{:?}", capture.notes);
    }

    #[track_caller]
    fn refused(content: &str, message: &str, help: &str) {
        let error = read(content).unwrap_err();
        assert_eq!(error.to_string(), message, "{content}");
        let found = error.help.unwrap_or_default();
        assert!(found.contains(help), "{found}");
    }

    #[test]
    fn the_wire_is_read_with_either_line_end() {
        let text = "POST /a?b=1 HTTP/1.1\nHost: h\nX-A: 1\nX-A:  2 \n\n{\"é\": 1}\n";
        let headers = [("host", "h"), ("x-a", "1"), ("x-a", "2")];
        check(text, "POST /a?b=1", &headers, "{\"é\": 1}\n");
        let body = text.replace('\n', "\r\n");
        check(&body, "POST /a?b=1", &headers, "{\"é\": 1}\r\n");
        check("\n\nGET /", "GET /", &[], "");
        check(
            "GET http://h:1/x HTTP/1.1\n",
            "GET /x",
            &[("host", "h:1")],
            "",
        );
    }

    #[test]
    fn the_length_leaves_out_what_an_editor_added() {
        let head = "POST / HTTP/1.1\nContent-Length: 4\n\n";
        check(
            &format!("{head}{{}} 1\r\n\n"),
            "POST /",
            &[("content-length", "4")],
            "{} 1",
        );
        for (body, length) in [("{} 12", 5), ("{}", 2), ("", 0)] {
            let capture = read(&format!("{head}{body}")).unwrap();
            assert_eq!(&capture.request.body[..], body.as_bytes());
            let note = format!(
                "`Content-Length` says 4 bytes and the file has {length}: all of them are taken"
            );
            assert_eq!(capture.notes, [note]);
        }
    }

    #[test]
    fn chunks_are_put_together() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let headers = [("transfer-encoding", "chunked")];
        let body = "4;x=y\r\n{\"a\"\r\nA\r\n: 12345678\r\n1\r\n}\r\n0\r\n\r\n";
        check(
            &format!("{head}{body}"),
            "POST /",
            &headers,
            "{\"a\": 12345678}",
        );
        for body in [
            "{\"a\": 1}",
            "4\r\nab\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n",
            "2\r\nabc\r\n0\r\n",
            "",
        ] {
            refused(
                &format!("{head}{body}"),
                "line 4: the body is not in the chunks that `Transfer-Encoding` announces",
                "remove the line `Transfer-Encoding`",
            );
        }
    }

    #[test]
    fn the_lines_that_curl_sent_are_the_request() {
        let text = "*   Trying 127.0.0.1:8080...\n* Connected\n> POST /a?x=y HTTP/1.1\n> Host: h\n\
                    > Content-Length: 8\n> \n} [8 bytes data]\n< HTTP/1.1 200 OK\n< X: y\n\n{\"ok\":1}";
        let mut capture = read(text).unwrap();
        assert_eq!(capture.request.head.target, "/a?x=y");
        assert_eq!(capture.request.head.headers.len(), 2);
        assert_eq!(
            capture.notes,
            ["`curl -v` does not print the body: `--body FILE` gives it"]
        );
        capture.replace_body(b"{}".to_vec());
        let headers = &capture.request.head.headers;
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(headers[header::CONTENT_LENGTH], "2");
        refused(
            "* Could not resolve host\n",
            "there is no request line such as `POST /hooks/lead HTTP/1.1`",
            "curl -v",
        );
    }

    #[test]
    fn json_describes_a_request_in_several_ways() {
        check(
            r#"{"method": "PUT", "url": "https://h/a?b=1", "headers": {"A": ["1", 2]}, "body": "x"}"#,
            "PUT /a?b=1",
            &[("a", "1"), ("a", "2"), ("host", "h")],
            "x",
        );
        check(
            r#"{"path": "/a", "query": {"b": ["1 ", 2], "é": "x"}, "body": {"n": 1.10, "id": 9007199254740993}}"#,
            "POST /a?b=1+&b=2&%C3%A9=x",
            &[("content-type", "application/json")],
            r#"{"n":1.10,"id":9007199254740993}"#,
        );
        check(
            r#"{"path": "/", "json": "x"}"#,
            "POST /",
            &[("content-type", "application/json")],
            "\"x\"",
        );
        check(
            r#"[{"request": {"url": "/", "body_base64": "e30="}}]"#,
            "POST /",
            &[],
            "{}",
        );
        check(
            r#"{"request": {"url": "/", "method": "GET", "body_recipe": {"prefix": "Ww==", "repeat": "MA==", "count": 3, "suffix": "XQ=="}}}"#,
            "GET /",
            &[],
            "[000]",
        );
        check(
            r#"{"log": {"entries": [{"request": {"method": "POST", "url": "https://h/a", "headers": [{"name": ":path", "value": "/a"}, {"name": "X", "value": "y"}], "postData": {"mimeType": "text/plain", "text": "eA==", "encoding": "base64"}}}]}}"#,
            "POST /a",
            &[("x", "y"), ("host", "h"), ("content-type", "text/plain")],
            "x",
        );
    }

    #[test]
    fn one_of_several_is_picked_by_number_or_name() {
        let file = br#"[{"name": "push", "request": {"url": "/1"}}, {"request": {"url": "/2"}}]"#;
        let pick = |pick| Capture::read(file, pick, Timestamp::UNIX_EPOCH);
        for (chosen, path) in [("push", "/1"), ("1", "/1"), ("2", "/2")] {
            let capture = pick(Some(chosen)).unwrap();
            assert_eq!(capture.request.head.target, path);
        }
        let help = |error: CaptureError| (error.message, error.help.unwrap_or_default());
        assert_eq!(
            help(pick(None).unwrap_err()),
            (
                "the file holds 2 requests".to_owned(),
                "`--pick 1` takes the first, or by name: push, …".to_owned()
            )
        );
        for (wrong, hint) in [
            ("pusg", "did you mean `push`?"),
            ("3", "there are numbers from 1 to 2"),
            ("0", "there are numbers from 1 to 2"),
        ] {
            let message = format!("no request of the file is `{wrong}`");
            assert_eq!(
                help(pick(Some(wrong)).unwrap_err()),
                (message, hint.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_request_is_told_at_its_line() {
        refused("", "the file is empty", "curl -v");
        refused(" \n", "the file is empty", "curl -v");
        refused(
            "hello\n",
            "line 1: `hello` is no request line such as `POST /hooks/lead HTTP/1.1`",
            "curl -v",
        );
        refused(
            "post / HTTP/1.1\n",
            "line 1: `post / HTTP/1.1` is no request line such as `POST /hooks/lead HTTP/1.1`",
            "",
        );
        refused(
            "HTTP/1.1 200 OK\n\nx",
            "line 1: `HTTP/1.1 200 OK` begins an answer, not a request",
            "",
        );
        refused(
            "GET hooks HTTP/1.1\n",
            "line 1: `hooks` is no address of a request",
            "a path begins with `/`",
        );
        refused(
            "GET / HTTP/1.1\nA: b\n{\"a\": 1}\n",
            "line 3: `{\"a\": 1}` is no header line",
            "an empty line stands before the body",
        );
        refused(
            "{\"url\": \"/\",\n}",
            "line 2: a comma stands before the closing bracket, in column 1",
            "",
        );
        refused("{}", "the request has neither `url` nor `path`", "");
        refused("[1]", "a request is an object, not `int`", "");
        refused(r#"{"url": 1}"#, "`url` must be a text, not `int`", "");
        refused(
            r#"{"url": "/", "headers": 1}"#,
            "`headers` must be a map or a list, not `int`",
            "",
        );
        refused(
            r#"{"url": "/", "headers": {"a b": "c"}}"#,
            "the header `a b` could not be sent",
            "",
        );
        refused(
            r#"{"url": "/", "body_base64": "%"}"#,
            "`body_base64` is not base64",
            "",
        );
        refused(
            r#"{"url": "/", "method": "A B"}"#,
            "`A B` is no method of HTTP",
            "",
        );
    }

    #[test]
    fn nothing_that_is_cut_off_panics() {
        let texts = [
            "POST /a?b HTTP/1.1\r\nTransfer-Encoding: chunked\r\nÉ: x\r\n\r\n4\r\nabcd\r\n0\r\n",
            "* x\n> GET / HTTP/1.1\n> A: b\n>",
            r#"{"log":{"entries":[{"request":{"url":"/","headers":[{"name":"é","value":"x"}]}}]}}"#,
        ];
        for text in texts {
            for end in 0..=text.len() {
                let _ = Capture::read(&text.as_bytes()[..end], None, Timestamp::UNIX_EPOCH);
            }
        }
    }
}
