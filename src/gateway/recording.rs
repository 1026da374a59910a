//! A request as an entry for `tests:`, without anything in it that is secret.
//!
//! ```text
//! Admission + InboundRequest + Outcome ─fixture─▶ YAML that `hookweir test --recorded` runs
//! ```
//!
//! Left out are the headers that hold credentials or the proof, the key and `auth_type`; wherever
//! else a secret of the function, one of its parameters or the key that was shown stands, in the
//! target, a header or the body, what tests know in its place is put. What was signed is signed
//! again by the test, with `sign: right`.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, header};
use memchr::memmem::Finder;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::signature::{With, sign};
use super::view::{Credentials, KEY_HEADER};
use super::{Admission, InboundRequest, Outcome, Refusal, ReplyKind};
use crate::auth::Environment;
use crate::route::signature::{ASSUMED, Keys, Place, Rule, Source, StampFrom};
use crate::spec::KeyRule;

/// Headers that hold credentials, or say how the request travelled.
const LEFT_OUT: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    KEY_HEADER,
];
/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST: usize = 6;

/// The entry; `None` for what tests cannot show: requests without the right key or signature, and
/// handshakes that give a secret.
pub fn fixture(
    admission: &Admission,
    request: &InboundRequest,
    outcome: &Outcome,
) -> Option<String> {
    let status = status(outcome)?;
    if outcome.observed.is_some() || holds_unknown_secret(admission, outcome) {
        return None;
    }
    let route = &admission.route;
    let scrubber = Scrubber::new(admission, request);
    let head = &request.head;
    let mut text = format!(
        "# Recorded by `hookweir serve --record`, without keys and secrets. `hookweir test --recorded DIR`\n\
         # runs it; its entry can be put under `tests:` of the function as it is.\n\
         function: {}\ntests:\n  - name: {}\n    at: {}\n",
        route.name,
        quoted(&format!("recorded {}", head.request_id)),
        head.received_at,
    );
    if outcome.environment == Some(Environment::Sandbox) {
        text.push_str("    environment: sandbox\n");
    }
    let _ = write!(
        text,
        "    request:\n      method: {}\n      path: {}\n",
        head.method,
        quoted(&scrubber.target(request)),
    );
    let headers = scrubber.headers(request);
    if !headers.is_empty() {
        text.push_str("      headers:\n");
    }
    for (name, values) in &headers {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        let _ = writeln!(text, "        {name}: [{}]", values.join(", "));
    }
    let body = scrubber.body(request);
    if !body.is_empty() {
        let printable = std::str::from_utf8(&body).ok();
        if let Some(body) = printable.filter(|text| is_printable(text)) {
            let _ = writeln!(text, "      body: {}", quoted(body));
        } else {
            let body = base64::engine::general_purpose::STANDARD.encode(&body);
            let _ = writeln!(text, "      body_base64: {body}");
        }
    }
    if route.keys != KeyRule::Required && outcome.key.is_none() {
        text.push_str("      zapikey: none\n");
    }
    let can_sign = sign(admission, request, head.received_at, With::OwnOrMadeUp).is_ok();
    if can_sign {
        text.push_str("      sign: right\n");
    }
    let _ = writeln!(text, "    expect: {{ status_code: {status} }}");
    Some(text)
}

/// Whether there may be a secret in it that is not known, and so would not be found: one that a
/// handshake gives, or a token of the sender's in the body.
fn holds_unknown_secret(admission: &Admission, outcome: &Outcome) -> bool {
    let Some(signature) = &admission.route.signature else {
        return false;
    };
    let is_handshake = matches!(&outcome.result, Ok(reply) if reply.kind == ReplyKind::Handshake);
    let mut challenges = signature.challenges.iter();
    if is_handshake && challenges.any(|challenge| challenge.gives_secret) {
        return true;
    }
    signature.rules.iter().any(|rule| {
        let is_token = match &rule.keys {
            Keys::Tokens(_) => true,
            Keys::OfHandshake { scheme, .. } => scheme.is_token(),
            Keys::Given(_) | Keys::ByUrl { .. } => false,
        };
        let is_in_body = matches!(
            &rule.taken.place,
            Place::One(Source::Json(_) | Source::Value(_)) | Place::Each(..)
        );
        is_token && is_in_body
    })
}

fn status(outcome: &Outcome) -> Option<u16> {
    match &outcome.result {
        Ok(reply) => Some(reply.status.as_u16()),
        Err(Refusal::CheckFailed { status, .. }) => Some(*status),
        Err(Refusal::BadBody { .. }) => Some(400),
        Err(Refusal::MissingField { .. }) => Some(422),
        Err(Refusal::Failed { .. }) => Some(500),
        Err(_) => None,
    }
}

/// A text in YAML: what JSON writes is read alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether YAML has every character; JSON lets some stand that YAML does not.
fn is_printable(text: &str) -> bool {
    text.chars().all(|c| {
        !matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        ) && (c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
    })
}

/// Finds what is secret.
pub(super) struct Scrubber {
    /// What is replaced, the longest first. To prepare the search costs more than to search in a
    /// header.
    secrets: Vec<Finder<'static>>,
    /// By what secrets are replaced.
    instead: &'static str,
    /// Headers of the proof.
    headers: Vec<HeaderName>,
    /// What the names of numbered ones begin with.
    numbered: Vec<Box<str>>,
    /// Names in the query and the form that are left out.
    names: Vec<Box<str>>,
}

impl Scrubber {
    fn new(admission: &Admission, request: &InboundRequest) -> Self {
        let mut scrubber = Self::of(admission, request, ASSUMED);
        scrubber.names.push("auth_type".into());
        if let Some(signature) = &admission.route.signature {
            for rule in &signature.rules {
                scrubber.proof(rule);
            }
        }
        scrubber
    }

    /// One that finds secrets and leaves everything else.
    pub(super) fn of(
        admission: &Admission,
        request: &InboundRequest,
        instead: &'static str,
    ) -> Self {
        let mut scrubber = Self {
            secrets: Vec::new(),
            instead,
            headers: Vec::new(),
            numbered: Vec::new(),
            names: vec!["zapikey".into()],
        };
        let parts = admission.generation.limits.parts;
        if let Some(key) = &Credentials::of(request, parts).zapikey {
            scrubber.secret(key.as_bytes());
        }
        if let Some(signature) = &admission.route.signature {
            for (_, value) in &signature.params {
                scrubber.secret(value.as_bytes());
            }
            if let Some(secret) = &signature.secret {
                scrubber.secret(secret.secret_bytes());
            }
            for rule in &signature.rules {
                scrubber.rule(rule);
            }
        }
        scrubber
            .secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.needle().len()));
        scrubber
    }

    /// The text itself, and as it stands in a URL, a form and JSON.
    fn secret(&mut self, bytes: &[u8]) {
        if bytes.len() < SHORTEST {
            return;
        }
        self.secrets.push(Finder::new(bytes).into_owned());
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        let in_url = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let in_form: String = form_urlencoded::byte_serialize(bytes).collect();
        let in_json = quoted(text);
        let in_json = in_json.trim_matches('"');
        for other in [in_url.as_str(), &in_form, in_json] {
            if other != text {
                self.secrets
                    .push(Finder::new(other.as_bytes()).into_owned());
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if let Keys::Given(keys) = &rule.keys {
            for key in keys {
                self.secret(key.secret_bytes());
            }
        }
    }

    /// What is proof, and is made again.
    fn proof(&mut self, rule: &Rule) {
        match &rule.taken.place {
            Place::One(source) => self.source(source),
            Place::Headers(names) => self.headers.extend(names.iter().cloned()),
            Place::Numbered(prefix) => self.numbered.push(prefix.clone()),
            Place::Each(..) | Place::Authorization(_) => {}
        }
        if let Some(stamp) = &rule.stamp
            && let StampFrom::Source(source) = &stamp.from
        {
            self.source(source);
        }
    }

    /// What stands there is proof, and is made again.
    fn source(&mut self, source: &Source) {
        match source {
            Source::Header(name) => self.headers.push(name.clone()),
            Source::Query(name) | Source::Form(name) => self.names.push(name.clone()),
            // A signature in the body is no secret, and is signed over.
            Source::Json(_) | Source::Value(_) => {}
        }
    }

    pub(super) fn replace<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut text = Cow::Borrowed(text);
        for finder in &self.secrets {
            let secret = finder.needle();
            if text.len() < secret.len() || finder.find(&text).is_none() {
                continue;
            }
            let mut replaced = Vec::with_capacity(text.len());
            let mut rest = &*text;
            while let Some(at) = finder.find(rest) {
                let (before, found) = rest.split_at(at);
                replaced.extend_from_slice(before);
                replaced.extend_from_slice(self.instead.as_bytes());
                rest = found.get(secret.len()..).unwrap_or_default();
            }
            replaced.extend_from_slice(rest);
            text = Cow::Owned(replaced);
        }
        text
    }

    fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.replace(text.as_bytes())).into_owned()
    }

    /// Pairs as they were sent, without those that are left out.
    fn pairs(&self, pairs: &str) -> String {
        let kept = pairs.split('&').filter(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            let name = percent_decode_str(name).decode_utf8_lossy();
            !self.names.iter().any(|known| **known == *name)
        });
        self.text(&kept.collect::<Vec<_>>().join("&"))
    }

    pub(super) fn target(&self, request: &InboundRequest) -> String {
        let path = self.text(request.head.path());
        match self.pairs(request.head.query()) {
            query if query.is_empty() => path,
            query => format!("{path}?{query}"),
        }
    }

    fn headers(&self, request: &InboundRequest) -> Vec<(HeaderName, Vec<String>)> {
        let headers = &request.head.headers;
        let is_kept = |name: &&HeaderName| {
            !LEFT_OUT.contains(*name)
                && !self.headers.contains(*name)
                && !self
                    .numbered
                    .iter()
                    .any(|prefix| name.as_str().starts_with(&**prefix))
        };
        headers
            .keys()
            .filter(is_kept)
            .map(|name| {
                let values = headers.get_all(name).iter();
                let values = values.filter_map(|value| value.to_str().ok());
                (name.clone(), values.map(|value| self.text(value)).collect())
            })
            .collect()
    }

    pub(super) fn body(&self, request: &InboundRequest) -> Bytes {
        let kind = request.head.headers.get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        if let (true, Ok(form)) = (is_form, std::str::from_utf8(&request.body)) {
            return Bytes::from(self.pairs(form));
        }
        Bytes::from(self.replace(&request.body).into_owned())
    }
}
