//! Why a request is not proven, and what would have been: for the operator, never for the caller.
//!
//! What people get wrong is tried one thing at a time, and with the clock left out where that is
//! wrong as well: how the signature is written, which secret it is and in which form, what was
//! done to the body on its way, under which URL the sender knows us. What fits is told; secrets and
//! expected values are not.

use bytes::Bytes;
use http::uri::PathAndQuery;

use super::{Nobody, Prover, Tweak, Unproven};
use crate::auth::signature::{Case, Encoding, Key, KeyForm, Scheme, SecretForm};
use crate::gateway::{Admission, Gateway, InboundRequest, NO_SECRETS, Surroundings};
use crate::route::signature::{Keys, Signature};
use crate::value::Arena;

/// What was found out about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Which step failed; `None` when the request is signed.
    pub why: Option<Unproven>,
    /// What would have fitted, each a sentence that says what to do.
    pub would_fit: Vec<String>,
    /// What else is odd.
    pub notes: Vec<String>,
}

/// Examines a request at a function with a signature; `None` where it has none. Certificates and
/// secrets of handshakes are the gateway's, if one runs.
pub fn diagnose(
    admission: &Admission,
    request: &InboundRequest,
    gateway: Option<&Gateway>,
) -> Option<Diagnosis> {
    let signature = admission.route.signature.as_deref()?;
    let doctor = Doctor {
        admission,
        signature,
        gateway,
    };
    let why = doctor.verify(request, Tweak::default()).err();
    let Some(failure) = &why else {
        return Some(Diagnosis {
            why,
            would_fit: Vec::new(),
            notes: Vec::new(),
        });
    };
    let would_fit = doctor.would_fit(request, failure);
    Some(Diagnosis {
        notes: doctor.notes(request, failure),
        why,
        would_fit,
    })
}

struct Doctor<'d> {
    admission: &'d Admission,
    signature: &'d Signature,
    gateway: Option<&'d Gateway>,
}

impl Doctor<'_> {
    fn verify(&self, request: &InboundRequest, tweak: Tweak) -> Result<(), Unproven> {
        let arena = Arena::new();
        let handshakes = self.gateway.map(|gateway| gateway.handshakes.load_full());
        let surroundings = Surroundings {
            certificates: self.gateway.map(Gateway::certificates),
            handshakes: handshakes.as_deref().unwrap_or(&NO_SECRETS),
            ..Surroundings::of_nobody(&self.admission.generation.env)
        };
        let nobody = Nobody::new(&surroundings);
        let mut prover = Prover::new(
            self.signature,
            self.admission,
            request,
            &nobody,
            surroundings,
            &arena,
        );
        prover.tweak = tweak;
        prover.verify()
    }

    fn would_fit(&self, request: &InboundRequest, failure: &Unproven) -> Vec<String> {
        let mut found = Vec::new();
        let is_stale = matches!(failure, Unproven::Stale { .. });
        let mut attempt = |request: &InboundRequest, tweak: Tweak, says: &dyn Fn() -> String| {
            let timed = Tweak {
                at_any_time: is_stale,
                ..tweak
            };
            if self.verify(request, timed).is_ok() {
                found.push(says());
                return true;
            }
            false
        };
        if let Unproven::Stale {
            by,
            is_past,
            tolerance,
        } = failure
        {
            let says = || {
                let minutes = by.div_ceil(60);
                let side = if *is_past { "behind" } else { "ahead of" };
                format!(
                    "the signature itself is right: its time is {minutes} min {side} the clock here, {tolerance} s are allowed; check the clocks, or whether it is a replay"
                )
            };
            if attempt(request, Tweak::default(), &says) {
                return found;
            }
        }
        for (request, says) in bodies(request) {
            attempt(&request, Tweak::default(), &|| says.clone());
        }
        for (tweak, says) in self.forms() {
            attempt(request, tweak, &|| says.clone());
        }
        for (tweak, says) in self.keys() {
            attempt(request, tweak, &|| says.clone());
        }
        for (request, tweak, says) in self.urls(request) {
            attempt(&request, tweak, &|| says.clone());
        }
        found
    }

    /// How the signature is written, and which scheme it is of.
    fn forms(&self) -> Vec<(Tweak, String)> {
        let mut forms = Vec::new();
        for encoding in [
            Encoding::Hex(Case::Any),
            Encoding::Base64,
            Encoding::Base64Url,
        ] {
            for any_item in [false, true] {
                let tweak = Tweak {
                    encoding: Some(encoding),
                    any_item,
                    ..Tweak::default()
                };
                let says = if any_item {
                    format!(
                        "the signature is written as {} in an item of another form: change `item`, and `encoding: {}`",
                        encoding.name(),
                        encoding.name()
                    )
                } else {
                    format!(
                        "the signature is written as {}: `encoding: {}`",
                        encoding.name(),
                        encoding.name()
                    )
                };
                forms.push((tweak, says));
            }
        }
        for (name, scheme) in Scheme::NAMES {
            let is_of_secrets = matches!(scheme, Scheme::Hmac(_) | Scheme::Hash(_));
            let own: Vec<Scheme> = self
                .signature
                .rules
                .iter()
                .map(|rule| rule.scheme)
                .collect();
            if !is_of_secrets || own.contains(&scheme) {
                continue;
            }
            for any_item in [false, true] {
                let tweak = Tweak {
                    scheme: Some(scheme),
                    any_item,
                    keys: Some(self.secrets(scheme, <[u8]>::to_vec)),
                    ..Tweak::default()
                };
                forms.push((
                    tweak,
                    format!("it is signed with `{name}`: `scheme: {name}`"),
                ));
            }
        }
        forms
    }

    /// The secrets in another form, and those of other functions.
    fn keys(&self) -> Vec<(Tweak, String)> {
        let Some(scheme) = self.signature.rules.first().map(|rule| rule.scheme) else {
            return Vec::new();
        };
        let with = |keys: Vec<Key>, says: &str| {
            let tweak = Tweak {
                keys: Some(keys),
                ..Tweak::default()
            };
            (tweak, says.to_owned())
        };
        let decode = |encoding: Encoding| {
            move |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                let text = text.trim().trim_start_matches("whsec_");
                encoding.decode(text).unwrap_or_default()
            }
        };
        let mut all = vec![
            with(
                self.secrets(scheme, decode(Encoding::Base64)),
                "the secret is Base64 for its bytes: `secret: { encoding: base64 }`, with `strip_prefix: whsec_` where it begins so",
            ),
            with(
                self.secrets(scheme, decode(Encoding::Hex(Case::Any))),
                "the secret is hexadecimal for its bytes: `secret: { encoding: hex }`",
            ),
            with(
                self.secrets(scheme, |bytes| Encoding::Base64.encode(bytes).into_bytes()),
                "the secret's text itself is the key: `secret: { encoding: utf8 }`",
            ),
            with(
                self.secrets(scheme, |bytes| {
                    format!("whsec_{}", Encoding::Base64.encode(bytes)).into_bytes()
                }),
                "the secret's text itself, prefix and all, is the key: `secret: { encoding: utf8 }`",
            ),
            with(
                self.secrets(scheme, |bytes| bytes.trim_ascii().to_vec()),
                "there are blanks around the secret: take them away where it is set",
            ),
            with(
                self.secrets(scheme, |bytes| [bytes, b"\n"].concat()),
                "the sender has a line break at the end of the secret",
            ),
        ];
        for route in &self.admission.generation.routes {
            if route.name == self.admission.route.name {
                continue;
            }
            let rules = route
                .signature
                .iter()
                .flat_map(|signature| &signature.rules);
            let keys: Vec<Key> = rules.flat_map(|rule| given(&rule.keys)).cloned().collect();
            if !keys.is_empty() {
                let says = format!(
                    "it is signed with the secret of the function `{}`: the sender has mixed up two secrets, or two URLs",
                    route.name
                );
                let tweak = Tweak {
                    keys: Some(keys),
                    ..Tweak::default()
                };
                all.push((tweak, says));
            }
        }
        all
    }

    /// This function's secrets, changed.
    fn secrets(&self, scheme: Scheme, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Key> {
        let rules = self.signature.rules.iter();
        let keys = rules.flat_map(|rule| given(&rule.keys));
        keys.filter_map(|key| {
            let bytes = change(key.secret_bytes());
            let text = Encoding::Base64.encode(&bytes);
            let form = KeyForm::Secret(SecretForm {
                encoding: Some(Encoding::Base64),
                ..SecretForm::default()
            });
            Key::new(&text, &form, scheme).ok()
        })
        .collect()
    }

    /// URLs under which the sender may know us.
    fn urls(&self, request: &InboundRequest) -> Vec<(InboundRequest, Tweak, String)> {
        let mut urls = Vec::new();
        let known = self.signature.public_url.as_deref().unwrap_or_default();
        let mut bases = Vec::new();
        if let Some(rest) = known.strip_prefix("https://") {
            bases.push(format!("http://{rest}"));
        } else if let Some(rest) = known.strip_prefix("http://") {
            bases.push(format!("https://{rest}"));
        }
        let host = request.head.headers.get(http::header::HOST);
        if let Some(host) = host.and_then(|host| host.to_str().ok()) {
            bases.push(format!("https://{host}"));
            bases.push(format!("http://{host}"));
        }
        for base in bases {
            let tweak = Tweak {
                public_url: Some(base.clone()),
                ..Tweak::default()
            };
            let says = format!("the sender knows this function under {base}: `public_url: {base}`");
            urls.push((copy(request, request.body.clone()), tweak, says));
        }
        let path = request.head.path();
        let mut targets = vec![(path.to_owned(), "without the query")];
        if !path.ends_with('/') {
            let mark = if request.head.query().is_empty() {
                ""
            } else {
                "?"
            };
            let text = format!("{path}/{mark}{}", request.head.query());
            targets.push((text, "with `/` at the end of the path"));
        }
        for (target, what) in targets {
            if target == request.head.target.as_str() {
                continue;
            }
            let Ok(target) = target.parse::<PathAndQuery>() else {
                continue;
            };
            let mut other = copy(request, request.body.clone());
            other.head.target = target;
            let says = format!("the sender signs the URL {what}: register it as it is called");
            urls.push((other, Tweak::default(), says));
        }
        urls
    }

    fn notes(&self, request: &InboundRequest, failure: &Unproven) -> Vec<String> {
        let mut notes = Vec::new();
        if request.body.starts_with(b"\xef\xbb\xbf") {
            notes.push("the body begins with a byte order mark".to_owned());
        }
        if matches!(failure, Unproven::Absent(_)) {
            let names = request.head.headers.keys().map(http::HeaderName::as_str);
            let similar: Vec<&str> = names
                .filter(|name| {
                    ["signature", "hmac", "token", "-sig"]
                        .iter()
                        .any(|part| name.contains(part))
                })
                .collect();
            if !similar.is_empty() {
                notes.push(format!(
                    "there are other headers that look like proof: {}",
                    similar.join(", ")
                ));
            }
        }
        if self.signature.observe {
            notes.push("`mode: observe` is on: such requests are let in".to_owned());
        }
        notes
    }
}

fn given(keys: &Keys) -> &[Key] {
    match keys {
        Keys::Given(keys) => keys,
        Keys::Tokens(_) | Keys::ByUrl { .. } | Keys::OfHandshake { .. } => &[],
    }
}

/// What may have been done to the body on its way.
fn bodies(request: &InboundRequest) -> Vec<(InboundRequest, String)> {
    let body = &request.body;
    let mut bodies: Vec<(Vec<u8>, String)> = Vec::new();
    let text = std::str::from_utf8(body).ok();
    if let Some(without) = text.and_then(|text| text.strip_suffix('\n')) {
        let without = without.strip_suffix('\r').unwrap_or(without);
        bodies.push((
            without.as_bytes().to_vec(),
            "the body without its last line break: something on the way adds one".to_owned(),
        ));
    }
    for end in ["\n", "\r\n"] {
        bodies.push((
            [body, end.as_bytes()].concat(),
            "the body with a line break at its end: something on the way takes it off".to_owned(),
        ));
    }
    if let Some(text) = text {
        if text.contains("\r\n") {
            bodies.push((
                text.replace("\r\n", "\n").into_bytes(),
                "the body with `\\n` for `\\r\\n`: something on the way changes line breaks"
                    .to_owned(),
            ));
        } else if text.contains('\n') {
            bodies.push((
                text.replace('\n', "\r\n").into_bytes(),
                "the body with `\\r\\n` for `\\n`: something on the way changes line breaks"
                    .to_owned(),
            ));
        }
        if let Some(text) = text.strip_prefix('\u{feff}') {
            bodies.push((
                text.as_bytes().to_vec(),
                "the body without its byte order mark".to_owned(),
            ));
        }
    }
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let again = |text: String, how: &str| {
            (
                text.into_bytes(),
                format!(
                    "the same JSON written {how}: something on the way parses the body and writes it again, or the sender signs other bytes than it sends"
                ),
            )
        };
        let compact = json.to_string();
        bodies.push(again(spaced(&compact), "with blanks after `:` and `,`"));
        bodies.push(again(compact, "without blanks"));
        if let Ok(pretty) = serde_json::to_string_pretty(&json) {
            bodies.push(again(pretty, "with two blanks a level"));
        }
    }
    bodies
        .into_iter()
        .filter(|(other, _)| *other != body[..])
        .map(|(other, says)| (copy(request, other.into()), says))
        .collect()
}

/// Compact JSON with a blank after each `:` and `,` that is not in a text.
fn spaced(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 2);
    let (mut in_text, mut is_escaped) = (false, false);
    for c in compact.chars() {
        text.push(c);
        if is_escaped {
            is_escaped = false;
        } else if in_text {
            in_text = c != '"';
            is_escaped = c == '\\';
        } else if c == '"' {
            in_text = true;
        } else if matches!(c, ':' | ',') {
            text.push(' ');
        }
    }
    text
}

pub(super) fn copy(request: &InboundRequest, body: Bytes) -> InboundRequest {
    let head = &request.head;
    InboundRequest {
        head: crate::gateway::Head {
            client: request.head.client.clone(),
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            peer: head.peer,
            received_at: head.received_at,
            request_id: std::sync::Arc::clone(&head.request_id),
        },
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_between_and_never_inside() {
        assert_eq!(
            spaced(r#"{"a,b":["c:d\"",1],"e":{}}"#),
            r#"{"a,b": ["c:d\"", 1], "e": {}}"#
        );
    }
}
