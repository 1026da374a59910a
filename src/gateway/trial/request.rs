//! The request of a test, made as a caller would send it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::TrialError;
use crate::auth::{KeyRecord, KeyTerms, Keyring, Owner, Scope, ZapiKey};
use crate::gateway::view::KEY_HEADER;
use crate::gateway::{Head, InboundRequest};
use crate::route::{Methods, Route, Test, decode_base64, scalar_text};
use crate::spec::{KeyRule, TestKeySpec, TestRequestSpec, Tree};
use crate::value::json;

/// The boundary of multipart bodies.
const BOUNDARY: &str = "hookweir-test-boundary";

/// A request, and the keys that the gateway knows when it arrives.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: InboundRequest,
    pub(super) keyring: Keyring,
}

/// Where files are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'f> {
    /// The folder of the function's file.
    pub(super) beside: &'f Path,
    /// The payload corpus.
    pub(super) corpus: &'f Path,
}

/// Makes the request of a test.
pub(super) fn prepare(
    route: &Route,
    test: &Test,
    folders: Folders<'_>,
) -> Result<Prepared, TrialError> {
    let spec = &test.spec.request;
    let mut headers = header_lines(spec)?;
    let mut body = body(spec, folders, &headers)?;
    let (path, query) = target(route, spec);
    let mut query = Pairs(query.unwrap_or_default());
    query.add_tree(spec.query.as_ref());
    let mut form = Pairs::default();
    form.add_tree(spec.form.as_ref());

    let says_key = headers.contains_key(KEY_HEADER) || query.0.contains("zapikey=");
    let sent = key(route, test, says_key)?;
    let mut keyring = Keyring::default();
    if let Some(Sent {
        text,
        place,
        record,
    }) = sent
    {
        keyring = Keyring::new(record);
        match place {
            Place::Query => {
                query.add("auth_type", "apikey");
                query.add("zapikey", &text);
            }
            Place::Form => {
                form.add("auth_type", "apikey");
                form.add("zapikey", &text);
            }
            Place::Header => {
                let value = HeaderValue::try_from(text).map_err(|_| TrialError::own("the key"))?;
                headers.insert(KEY_HEADER, value);
            }
        }
    }
    if spec.form.is_some() || !form.0.is_empty() {
        if body.is_some() {
            return Err(TrialError::Unfit {
                key: "zapikey",
                message: "a key can be sent in a form only when the body is one".to_owned(),
            });
        }
        body = Some(Body {
            bytes: form.0.into_bytes().into(),
            content_type: Some("application/x-www-form-urlencoded".to_owned()),
        });
    }
    let has_body = body.is_some();
    let bytes = if let Some(Body {
        bytes,
        content_type,
    }) = body
    {
        if let (Some(content_type), false) =
            (content_type, headers.contains_key(header::CONTENT_TYPE))
        {
            let value = HeaderValue::try_from(content_type)
                .map_err(|_| TrialError::own("the content type"))?;
            headers.insert(header::CONTENT_TYPE, value);
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        bytes
    } else {
        Bytes::new()
    };
    headers
        .entry(header::HOST)
        .or_insert(HeaderValue::from_static("localhost"));
    let mut target = path;
    if !query.0.is_empty() {
        target.push('?');
        target.push_str(&query.0);
    }
    let target = target.parse().map_err(|error| TrialError::Unfit {
        key: "path",
        message: format!("this is no path of a request: {error}"),
    })?;
    Ok(Prepared {
        request: InboundRequest {
            head: Head {
                method: method(route, spec, has_body),
                target,
                headers,
                peer: Some([127, 0, 0, 1].into()),
                client: None,
                received_at: test.at,
                request_id: Arc::from("test"),
            },
            body: bytes,
        },
        keyring,
    })
}

/// The query or form, encoded.
#[derive(Debug, Default)]
struct Pairs(String);

impl Pairs {
    fn add(&mut self, name: &str, value: &str) {
        let mut pairs = form_urlencoded::Serializer::new(std::mem::take(&mut self.0));
        pairs.append_pair(name, value);
        self.0 = pairs.finish();
    }

    fn add_tree(&mut self, tree: Option<&Tree>) {
        let Some(Tree::Map(entries)) = tree else {
            return;
        };
        for (name, value) in entries {
            for text in texts(value) {
                self.add(name, &text);
            }
        }
    }
}

fn texts(tree: &Tree) -> Vec<String> {
    match tree {
        Tree::List(items) => items.iter().filter_map(scalar_text).collect(),
        tree => scalar_text(tree).into_iter().collect(),
    }
}

fn method(route: &Route, spec: &TestRequestSpec, has_body: bool) -> Method {
    if let Some(method) = &spec.method {
        return method.parse().unwrap_or_default();
    }
    let accepts_post =
        Methods::named("POST").is_some_and(|post| !route.methods.intersection(post).is_empty());
    if has_body && accepts_post {
        return Method::POST;
    }
    route.methods.iter().next().cloned().unwrap_or_default()
}

fn target(route: &Route, spec: &TestRequestSpec) -> (String, Option<String>) {
    match &spec.path {
        Some(path) => match path.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (path.clone(), None),
        },
        None => (
            format!("/crm/v7/functions/{}/actions/execute", route.name),
            None,
        ),
    }
}

fn header_lines(spec: &TestRequestSpec) -> Result<HeaderMap, TrialError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &spec.headers {
        let bad = || TrialError::Unfit {
            key: "headers",
            message: format!("the header `{name}` cannot be sent"),
        };
        let name = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        for text in texts(value) {
            let value = HeaderValue::try_from(text).map_err(|_| bad())?;
            headers.append(name.clone(), value);
        }
    }
    Ok(headers)
}

#[derive(Debug)]
struct Body {
    bytes: Bytes,
    content_type: Option<String>,
}

fn body(
    spec: &TestRequestSpec,
    folders: Folders<'_>,
    headers: &HeaderMap,
) -> Result<Option<Body>, TrialError> {
    let body = |bytes: Vec<u8>, content_type: &str| {
        Ok(Some(Body {
            bytes: bytes.into(),
            content_type: (!content_type.is_empty()).then(|| content_type.to_owned()),
        }))
    };
    if let Some(tree) = &spec.json {
        let mut text = Vec::new();
        write_json(tree, &mut text).map_err(|message| TrialError::Unfit {
            key: "json",
            message,
        })?;
        return body(text, "application/json");
    }
    if let Some(text) = &spec.body {
        return body(text.clone().into_bytes(), "text/plain;charset=utf-8");
    }
    if let Some(text) = &spec.body_base64 {
        return body(
            decode_base64(text).unwrap_or_default(),
            "application/octet-stream",
        );
    }
    if let Some(path) = &spec.body_file {
        let full = folders.beside.join(path);
        return body(read(&full, path, "body_file")?, type_of(path));
    }
    if let Some(path) = &spec.corpus {
        let full = folders.corpus.join(path);
        let bytes = match read_file(&full) {
            Ok(bytes) => bytes,
            Err(_) if !folders.corpus.is_dir() => {
                return Err(TrialError::NoCorpus(folders.corpus.to_owned()));
            }
            Err(error) => return Err(unreadable(path, "corpus", &error)),
        };
        let content_type = noted_type(&full).unwrap_or_else(|| type_of(path).to_owned());
        return body(bytes, &content_type);
    }
    if let Some(tree) = &spec.multipart {
        let said = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once("boundary="));
        let boundary = said.map_or(BOUNDARY, |(_, boundary)| boundary.trim_matches('"'));
        let bytes = multipart(tree, boundary, folders)?;
        return body(bytes, &format!("multipart/form-data; boundary={boundary}"));
    }
    Ok(None)
}

fn read(full: &Path, path: &str, key: &'static str) -> Result<Vec<u8>, TrialError> {
    read_file(full).map_err(|error| unreadable(path, key, &error))
}

/// A pipe would wait for somebody who writes to it, a device may never end.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(std::io::Error::other("it is not a file"))
    }
}

fn unreadable(path: &str, key: &'static str, error: &std::io::Error) -> TrialError {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    TrialError::Unfit {
        key,
        message: format!("cannot read `{path}`: {why}"),
    }
}

/// What a sender would call a file of this name.
fn type_of(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "json" => "application/json",
        "form" => "application/x-www-form-urlencoded",
        "xml" => "application/xml",
        "csv" => "text/csv;charset=utf-8",
        "html" => "text/html;charset=utf-8",
        "txt" => "text/plain;charset=utf-8",
        "yaml" | "yml" => "application/yaml",
        _ => "application/octet-stream",
    }
}

/// The content type that was recorded beside a payload: `x.multipart.headers.json`.
fn noted_type(payload: &Path) -> Option<String> {
    let mut beside = payload.as_os_str().to_owned();
    beside.push(".headers.json");
    let text = fs::read(PathBuf::from(beside)).ok()?;
    let noted: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let (_, content_type) = noted
        .as_object()?
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    Some(content_type.as_str()?.to_owned())
}

/// JSON of a tree as written: nothing in it is evaluated.
pub(super) fn write_json(tree: &Tree, out: &mut Vec<u8>) -> Result<(), String> {
    use crate::value::Value;
    let value = match tree {
        Tree::Null => Value::Null,
        Tree::Bool(flag) => Value::Bool(*flag),
        Tree::Int(number) => Value::Int(*number),
        Tree::UInt(number) => Value::UInt(*number),
        Tree::Double(number) => Value::Double(*number),
        Tree::Text(text) => Value::String(text),
        Tree::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(item, out)?;
            }
            out.push(b']');
            return Ok(());
        }
        Tree::Map(entries) => {
            out.push(b'{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                json::write_string(key, out);
                out.push(b':');
                write_json(item, out)?;
            }
            out.push(b'}');
            return Ok(());
        }
    };
    json::write(value, out).map_err(|error| error.to_string())
}

fn multipart(tree: &Tree, boundary: &str, folders: Folders<'_>) -> Result<Vec<u8>, TrialError> {
    let mut out = Vec::new();
    let Tree::Map(parts) = tree else {
        return Ok(out);
    };
    for (name, part) in parts {
        let parts = match part {
            Tree::List(parts) => parts.iter().collect(),
            part => vec![part],
        };
        for part in parts {
            self::part(name, part, boundary, folders, &mut out)?;
        }
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(out)
}

fn part(
    name: &str,
    part: &Tree,
    boundary: &str,
    folders: Folders<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TrialError> {
    let mut filename = None;
    let mut content_type = None;
    let mut content = Vec::new();
    if let Tree::Map(fields) = part {
        for (key, value) in fields {
            let Tree::Text(text) = value else { continue };
            match key.as_str() {
                "text" => content = text.clone().into_bytes(),
                "base64" => content = decode_base64(text).unwrap_or_default(),
                "file" => {
                    content = read(&folders.beside.join(text), text, "multipart")?;
                    let last = text
                        .rsplit_once('/')
                        .map_or(text.as_str(), |(_, last)| last);
                    filename.get_or_insert(last);
                    content_type.get_or_insert(type_of(text));
                }
                _ => {}
            }
        }
        // What is written wins over what the file's name says.
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("filename", Tree::Text(text)) => filename = Some(text.as_str()),
                ("type", Tree::Text(text)) => content_type = Some(text.as_str()),
                _ => {}
            }
        }
    } else {
        content = scalar_text(part).unwrap_or_default().into_bytes();
    }
    // As browsers write it (WHATWG, multipart/form-data).
    let quoted = |text: &str| {
        text.replace('"', "%22")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let mut head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
        quoted(name)
    );
    if let Some(filename) = filename {
        let _ = write!(head, "; filename=\"{}\"", quoted(filename));
    }
    head.push_str("\r\n");
    if let Some(content_type) = content_type {
        let _ = write!(
            head,
            "Content-Type: {}\r\n",
            content_type.replace(['\r', '\n'], " ")
        );
    }
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&content);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

struct Sent {
    text: String,
    place: Place,
    record: Option<KeyRecord>,
}

#[derive(Clone, Copy)]
enum Place {
    Query,
    Form,
    Header,
}

/// The key that a test sends. It opens nothing anywhere else: a gateway knows only keys that it
/// made, and this one is made of the test's name.
fn key(route: &Route, test: &Test, says_key: bool) -> Result<Option<Sent>, TrialError> {
    let valid = TestKeySpec::Made {
        functions: None,
        expired: false,
        revoked: false,
        unknown: false,
        sent_in: None,
    };
    let spec = match &test.spec.request.zapikey {
        Some(spec) => spec,
        None if route.keys == KeyRule::None || says_key => return Ok(None),
        None => &valid,
    };
    let TestKeySpec::Made {
        functions,
        expired,
        revoked,
        unknown,
        sent_in,
    } = spec
    else {
        return Ok(None);
    };
    let digest = Sha256::digest(format!("{} {}", route.name, test.spec.name));
    let digits = hex::encode(digest);
    let (first, second) = digits.split_at(32);
    let presented = format!("1003.{first}.{second}");
    let terms = KeyTerms {
        label: "test".to_owned(),
        owner: Owner {
            id: "1000000000000000001".to_owned(),
            email: "owner@example.com".to_owned(),
            name: "Test Owner".to_owned(),
            org_id: "60001".to_owned(),
        },
        environment: test.environment,
        scope: match functions {
            Some(functions) => Scope::Functions(functions.clone()),
            None => Scope::All,
        },
        expires: expired.then_some(test.at),
    };
    let record = if *unknown {
        None
    } else {
        let key = ZapiKey::parse(&presented).ok_or(TrialError::own("the key"))?;
        let mut record = KeyRecord::issue(&key, terms, day_before(test.at))
            .map_err(|_| TrialError::own("the key's id"))?;
        if *revoked {
            record.revoked = Some(day_before(test.at));
        }
        Some(record)
    };
    let place = match sent_in.as_deref() {
        Some("header") => Place::Header,
        Some("form") => Place::Form,
        _ => Place::Query,
    };
    Ok(Some(Sent {
        text: presented,
        place,
        record,
    }))
}

fn day_before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MIN)
}
