//! The work of W1, W2 and W3, by hand, as the bare servers do it.
//!
//! What the servers share is everything but the HTTP library: the key check, the six fields of a
//! GitHub push and the answer. It is the straightforward way with `serde_json::Value` and takes
//! no short cuts that a maintainer would not: the body is parsed whole, the answer is built as a
//! value. Logging, limits and time-outs are left out on purpose: these servers say what a request
//! costs when a program does nothing else.

use std::error::Error;
use std::net::SocketAddr;

use ring::hmac;
use serde_json::{Value, json};

/// Zoho's default headers, which W1 and W2 answer with.
pub(crate) const CONTENT_TYPE: &str = "application/json;charset=utf-8";
/// As above.
pub(crate) const CONTENT_DISPOSITION: &str = "attachment;filename=response.json";

/// What the command line says: `--port PORT --key KEY`.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    /// Where to listen, on 127.0.0.1.
    pub(crate) address: SocketAddr,
    /// The one key that opens both functions.
    pub(crate) key: String,
}

impl Arguments {
    /// `None` without a port: `cargo bench` starts every benchmark so, and these are servers that
    /// `benches/run` starts.
    pub(crate) fn from_command_line() -> Result<Option<Self>, Box<dyn Error>> {
        let mut port = None;
        let mut key = None;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--port" => port = words.next(),
                "--key" => key = words.next(),
                _ => {}
            }
        }
        let Some(port) = port else { return Ok(None) };
        let key = key.ok_or("--key KEY is missing")?;
        Ok(Some(Self {
            address: SocketAddr::from(([127, 0, 0, 1], port.parse()?)),
            key,
        }))
    }
}

/// What a request came to: a status and a JSON text.
pub(crate) type Answer = (u16, Vec<u8>);

/// Whether the query carries the key.
pub(crate) fn is_authentic(query: Option<&str>, key: &str) -> bool {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut auth_type_is_apikey = false;
    let mut key_matches = false;
    for (name, value) in pairs {
        match name.as_ref() {
            "auth_type" => auth_type_is_apikey = value == "apikey",
            "zapikey" => key_matches = value == key,
            _ => {}
        }
    }
    auth_type_is_apikey && key_matches
}

/// Whether GitHub's signature in a header is that of the body: ring's HMAC, as fast as there is.
pub(crate) fn is_signed(
    header: Option<&http::HeaderValue>,
    body: &[u8],
    secret: &hmac::Key,
) -> bool {
    let signature = header
        .and_then(|value| value.to_str().ok()?.strip_prefix("sha256="))
        .and_then(|text| hex::decode(text).ok());
    signature.is_some_and(|signature| hmac::verify(secret, body, &signature).is_ok())
}

/// The secret of W3, as `benches/harness.py` has it.
pub(crate) fn secret() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, b"It's a Secret to Everybody")
}

/// W1: six fields of a push.
pub(crate) fn push(body: &[u8]) -> Answer {
    match serde_json::from_slice::<Value>(body) {
        Ok(event) => six_fields(&event).map_or_else(
            || refusal(422, "MANDATORY_NOT_FOUND"),
            |answer| (200, answer.to_string().into_bytes()),
        ),
        Err(_) => refusal(400, "INVALID_DATA"),
    }
}

/// W2: always the same.
pub(crate) fn status() -> Answer {
    (200, json!({ "status": "ok" }).to_string().into_bytes())
}

/// No key, or a wrong one.
pub(crate) fn unauthenticated() -> Answer {
    refusal(401, "AUTHENTICATION_FAILURE")
}

fn six_fields(event: &Value) -> Option<Value> {
    let commits = event.get("commits")?.as_array()?;
    let messages = commits
        .iter()
        .map(|commit| commit.get("message"))
        .collect::<Option<Vec<_>>>()?;
    Some(json!({
        "repository": event.get("repository")?.get("full_name")?,
        "commit": event.get("head_commit")?.get("id")?,
        "pusher": event.get("pusher")?.get("name")?,
        "commits": commits.len(),
        "branch": event.get("ref")?.as_str()?.rsplit('/').next()?,
        "messages": messages,
    }))
}

/// An error body of Zoho's form.
pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    let body = json!({ "code": code, "details": {}, "message": code, "status": "error" });
    (status, body.to_string().into_bytes())
}
