//! Signs a request as its sender would: the other direction of the proof, by the same rules.
//!
//! For `send`, for a function's own tests, and to find out whether forgeries are refused. Only
//! shared secrets can sign: whoever has a public key cannot.

use base64::Engine as _;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::doctor::copy;
use super::{Nobody, Prover, Step, holds};
use crate::auth::signature::{Encoding, Key, KeyForm, Proof, SecretForm};
use crate::gateway::handshakes::MADE_UP;
use crate::gateway::{Admission, InboundRequest, Surroundings};
use crate::route::Runs;
use crate::route::signature::{Keys, Place, Rule, Signature, Source, StampFrom};
use crate::value::Arena;

/// A request with its proof.
#[derive(Debug)]
pub struct Signed {
    /// The request.
    pub request: InboundRequest,
    /// The header lines that are proof.
    pub headers: Vec<HeaderName>,
    /// The text of the signature in them.
    pub signature: String,
    /// How that is written; `None` for tokens.
    pub encoding: Option<Encoding>,
    /// The header lines that are signed beside the body: ids.
    pub fields: Vec<HeaderName>,
    /// The header line with the time.
    pub stamp: Option<HeaderName>,
    /// Seconds that the time may be off.
    pub tolerance: Option<u32>,
    /// Whether the body is part of what is signed.
    pub covers_body: bool,
}

/// Why a request cannot be signed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// It has no signature.
    #[error("the function asks for no signature")]
    NoSignature,
    /// Only public keys are known.
    #[error("only its sender can sign such a request: here is the public key")]
    PublicKey,
    /// The secret is the gateway's and its provider's.
    #[error("its secret was given in a handshake, and only the gateway and its provider have it")]
    Handshake,
    /// The proof stands where it cannot be put.
    #[error("the proof stands where it cannot be put: {0}")]
    Place(&'static str),
    /// The text that is signed cannot be made.
    #[error("the signed text cannot be made: {0}")]
    Text(String),
}

/// With which secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// The function's newest.
    Own,
    /// The same, in a function's own tests: where a handshake would have given it, one that is made
    /// up.
    OwnOrMadeUp,
    /// One that is not the function's.
    Another,
    /// One that is empty.
    Empty,
}

/// Signs a request to a function at an instant.
pub fn sign(
    admission: &Admission,
    request: &InboundRequest,
    at: Timestamp,
    with: With,
) -> Result<Signed, CannotSign> {
    let signature = admission
        .route
        .signature
        .as_deref()
        .ok_or(CannotSign::NoSignature)?;
    let mut request = copy(request, request.body.clone());
    request.head.received_at = at;
    let rule = fitting(signature, admission, &request)?;
    let made_up;
    let own = match (&rule.keys, with) {
        (Keys::Given(keys), _) => keys.first(),
        (Keys::OfHandshake { .. }, With::Own) => return Err(CannotSign::Handshake),
        (Keys::OfHandshake { form, scheme }, _) => {
            made_up = Key::new(MADE_UP, form, *scheme).ok();
            made_up.as_ref()
        }
        (Keys::Tokens(_) | Keys::ByUrl { .. }, _) => None,
    };
    let own = own.ok_or(CannotSign::PublicKey)?;
    if rule.scheme.is_public() {
        return Err(CannotSign::PublicKey);
    }
    let key = other_key(own, rule, with)?;

    let mut fields = Vec::new();
    for (_, source) in &rule.fields {
        if !is_there(source, &request) {
            put(source, &fresh_id(at), &mut request)?;
        }
        if let Source::Header(name) = source {
            fields.push(name.clone());
        }
    }
    let stamped = rule.stamp.as_ref().map(|stamp| stamp.format.write(at));
    let mut stamp_header = None;
    if let (Some(stamp), Some(text)) = (&rule.stamp, &stamped)
        && let StampFrom::Source(source) = &stamp.from
    {
        put(source, text, &mut request)?;
        if let Source::Header(name) = source {
            stamp_header = Some(name.clone());
        }
    }
    let bytes = computed(
        signature,
        rule,
        admission,
        &request,
        &key,
        stamped.as_deref(),
    )?;
    let text = match rule.taken.encoding {
        Some(encoding) => encoding.encode(&bytes),
        None => String::from_utf8(bytes).map_err(|_| CannotSign::Place("a token of bytes"))?,
    };
    let line = list(rule, signature, &text, stamped.as_deref());
    let headers = place(rule, &line, &mut request)?;
    Ok(Signed {
        headers,
        signature: text,
        encoding: rule.taken.encoding,
        fields,
        stamp: stamp_header,
        tolerance: rule.stamp.as_ref().map(|stamp| stamp.tolerance),
        covers_body: !rule.scheme.is_token() && rule.signed.text.contains("raw_body"),
        request,
    })
}

/// The first alternative that is for such a request.
fn fitting<'s>(
    signature: &'s Signature,
    admission: &Admission,
    request: &InboundRequest,
) -> Result<&'s Rule, CannotSign> {
    let mut rules = signature.rules.iter();
    let found = rules.find(|rule| {
        rule.when.as_ref().is_none_or(|when| {
            let arena = Arena::new();
            let surroundings = Surroundings::of_nobody(&admission.generation.env);
            let nobody = Nobody::new(&surroundings);
            let prover = Prover::new(signature, admission, request, &nobody, surroundings, &arena);
            holds(when, &prover.scope())
        })
    });
    found.ok_or(CannotSign::NoSignature)
}

fn other_key(own: &Key, rule: &Rule, with: With) -> Result<Key, CannotSign> {
    let bytes = match with {
        With::Own | With::OwnOrMadeUp => return Ok(own.clone()),
        With::Another => b"user:not the secret".to_vec(),
        // What is derived of nothing is something; a colon is what Basic has without anybody.
        With::Empty if rule.scheme.is_token() => b":".to_vec(),
        With::Empty => vec![0],
    };
    let form = KeyForm::Secret(SecretForm {
        encoding: Some(Encoding::Base64),
        ..SecretForm::default()
    });
    // HMAC pads its key with zeros: one zero is the empty key.
    Key::new(&Encoding::Base64.encode(&bytes), &form, rule.scheme)
        .map_err(|why| CannotSign::Text(why.to_string()))
}

/// What the scheme computes of the request.
fn computed(
    signature: &Signature,
    rule: &Rule,
    admission: &Admission,
    request: &InboundRequest,
    key: &Key,
    stamped: Option<&str>,
) -> Result<Vec<u8>, CannotSign> {
    let arena = Arena::new();
    let surroundings = Surroundings::of_nobody(&admission.generation.env);
    let nobody = Nobody::new(&surroundings);
    let prover = Prover::new(signature, admission, request, &nobody, surroundings, &arena);
    prover.secret.set(arena.bytes(key.secret_bytes()));
    prover.timestamp.set(stamped.map(|text| arena.string(text)));
    for (slot, source) in &rule.fields {
        let text = prover
            .text(source, Step::Field)
            .map_err(|why| CannotSign::Text(why.to_string()))?;
        prover.name(*slot, Some(text));
    }
    if let Some((_, slots)) = &rule.taken.item {
        for (name, slot) in slots {
            prover.name(*slot, Some(arena.string(item_name(signature, name))));
        }
    }
    let mut proof = Proof::start(rule.scheme, key);
    let Runs::Text(signed) = &*rule.signed.program else {
        return Err(CannotSign::Text("it is no text".to_owned()));
    };
    signed
        .feed(&prover.scope(), &mut |bytes| proof.update(bytes))
        .map_err(|fault| CannotSign::Text(fault.to_string()))?;
    proof.sign().ok_or(CannotSign::PublicKey)
}

/// What another part of the signature's item is: the parameter of that name, or the only one.
fn item_name<'s>(signature: &'s Signature, name: &str) -> &'s str {
    let params = &signature.params;
    let found = params.iter().find(|(known, _)| known == name);
    found
        .or(params.first())
        .map_or("1", |(_, value)| value.as_str())
}

/// The signature as it stands in its list.
fn list(rule: &Rule, signature: &Signature, text: &str, stamped: Option<&str>) -> String {
    let taken = &rule.taken;
    let item = match &taken.item {
        None => text.to_owned(),
        Some((item, _)) => item.fill(|name| {
            if name == "sig" {
                text
            } else {
                item_name(signature, name)
            }
        }),
    };
    let Some(split) = &taken.split else {
        return item;
    };
    let mut items = vec!["-".to_owned(); taken.skip];
    items.push(item);
    if let (Some(stamp), Some(stamped)) = (&rule.stamp, stamped) {
        match &stamp.from {
            StampFrom::Item(pattern) => items.insert(0, pattern.fill(|_| stamped)),
            StampFrom::Index(index) => match items.get_mut(*index) {
                Some(place) if *index < taken.skip => stamped.clone_into(place),
                _ => items.push(stamped.to_owned()),
            },
            StampFrom::Source(_) => {}
        }
    }
    items.join(split)
}

/// Puts the signature where it belongs; gives the header lines that it is in.
fn place(
    rule: &Rule,
    line: &str,
    request: &mut InboundRequest,
) -> Result<Vec<HeaderName>, CannotSign> {
    let name = match &rule.taken.place {
        Place::One(Source::Header(name)) => name.clone(),
        Place::One(source) => {
            put(source, line, request)?;
            return Ok(Vec::new());
        }
        Place::Headers(names) => names.first().cloned().ok_or(CannotSign::Place("nowhere"))?,
        Place::Numbered(prefix) => format!("{prefix}1")
            .parse()
            .map_err(|_| CannotSign::Place("a header"))?,
        Place::Authorization(word) => {
            let text = match *word {
                "basic" => base64::engine::general_purpose::STANDARD.encode(line),
                _ => line.to_owned(),
            };
            let name = http::header::AUTHORIZATION;
            put_header(&name, &format!("{word} {text}"), request)?;
            return Ok(vec![name]);
        }
        Place::Each(list, field) => {
            let mut body: Json = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
            let items = body
                .pointer_mut(&pointer(list))
                .and_then(Json::as_array_mut);
            for item in items.ok_or(CannotSign::Place("a list that is not in the body"))? {
                insert(item, field, Json::from(line));
            }
            request.body = Bytes::from(body.to_string());
            return Ok(Vec::new());
        }
    };
    put_header(&name, line, request)?;
    Ok(vec![name])
}

fn pointer(parts: &[Box<str>]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push('/');
        text.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    text
}

fn fresh_id(at: Timestamp) -> String {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0);
    format!("msg_{}", uuid::Uuid::new_v7(stamp).simple())
}

fn is_there(source: &Source, request: &InboundRequest) -> bool {
    match source {
        Source::Header(name) => request.head.headers.contains_key(name),
        Source::Json(parts) => serde_json::from_slice::<Json>(&request.body)
            .is_ok_and(|body| body.pointer(&pointer(parts)).is_some()),
        Source::Form(name) => {
            form_urlencoded::parse(&request.body).any(|(known, _)| *known == **name)
        }
        Source::Query(name) => form_urlencoded::parse(request.head.query().as_bytes())
            .any(|(known, _)| *known == **name),
        Source::Value(_) => true,
    }
}

fn put_header(
    name: &HeaderName,
    text: &str,
    request: &mut InboundRequest,
) -> Result<(), CannotSign> {
    let value = HeaderValue::from_str(text).map_err(|_| CannotSign::Place("a header"))?;
    request.head.headers.insert(name.clone(), value);
    Ok(())
}

/// Puts a text where a source says.
fn put(source: &Source, text: &str, request: &mut InboundRequest) -> Result<(), CannotSign> {
    let pair = |name: &str| {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("{}={}", encoded(name), encoded(text))
    };
    match source {
        Source::Header(name) => put_header(name, text, request),
        Source::Query(name) => {
            let target = request.head.target.as_str();
            let mark = if target.contains('?') { '&' } else { '?' };
            request.head.target = format!("{target}{mark}{}", pair(name))
                .parse::<PathAndQuery>()
                .map_err(|_| CannotSign::Place("the query"))?;
            Ok(())
        }
        Source::Form(name) => {
            let mut body = request.body.to_vec();
            if !body.is_empty() {
                body.push(b'&');
            }
            body.extend_from_slice(pair(name).as_bytes());
            request.body = body.into();
            Ok(())
        }
        Source::Json(parts) => {
            let mut body: Json = serde_json::from_slice(&request.body)
                .unwrap_or(Json::Object(serde_json::Map::new()));
            // A time is a number where it is one.
            let value = text
                .parse::<i64>()
                .map_or_else(|_| Json::from(text), Json::from);
            insert(&mut body, parts, value);
            request.body = Bytes::from(body.to_string());
            Ok(())
        }
        Source::Value(_) => Err(CannotSign::Place("an expression")),
    }
}

/// Puts a value behind a pointer, making the maps on its way.
fn insert(mut tree: &mut Json, parts: &[Box<str>], value: Json) {
    for part in parts {
        if !tree.is_object() {
            *tree = Json::Object(serde_json::Map::new());
        }
        let Some(map) = tree.as_object_mut() else {
            return;
        };
        tree = map.entry(part.to_string()).or_insert(Json::Null);
    }
    *tree = value;
}
