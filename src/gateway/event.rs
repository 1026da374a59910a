//! A request as an event: what is kept of it, and what is not.
//!
//! Kept are the body byte for byte and the header lines in their order. Never kept is what lets
//! somebody in: the key, wherever it stands, secrets of the signature, and headers with
//! credentials; and what `redact` names.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, header};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::owed::Owed;
use super::recording::Scrubber;
use super::view::KEY_HEADER;
use super::{Admission, Head, InboundRequest, Refusal, Reply, ReplyKind, Surroundings};
use crate::auth::Caller;
use crate::route::{Part, Redaction};
use crate::spec::KeyRule;
use crate::store::events::{Dedupe, EventRow, HeaderLines, NewEvent, StoredAnswer};
use crate::value::json;

/// What stands where something was taken out.
const REDACTED: &str = "[redacted]";
/// What stands where a secret was.
const SECRET: &str = "[secret]";
/// Headers with credentials.
const CREDENTIALS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    KEY_HEADER,
];

/// What must be on disk before a request is answered.
#[derive(Debug)]
pub struct Kept {
    /// The event, with its deliveries.
    pub event: NewEvent,
    /// Who called.
    pub caller: Caller,
    /// The deliveries that the answer waits for, and how long.
    pub waits: Vec<(Arc<str>, Duration)>,
}

/// The event of a request that came to its function; `None` where nothing is kept of it.
pub(super) fn kept(
    admission: &Admission,
    request: &InboundRequest,
    caller: &Caller,
    result: &Result<Reply, Refusal>,
    owed: Option<Owed>,
    surroundings: Surroundings<'_>,
) -> Option<Kept> {
    let durable = admission.route.durable.as_deref()?;
    let id = surroundings.event_id?;
    let failure = match result {
        Ok(reply) if reply.kind == ReplyKind::Answer => None,
        // Kept, so that it can be delivered once the function is mended.
        Err(Refusal::Failed { message, site }) => Some(format!("{message} ({site})")),
        Err(Refusal::MissingField { field, site }) => {
            Some(format!("`{field}` is missing ({site})"))
        }
        Ok(_) | Err(_) => return None,
    };
    let owed = owed.filter(|_| failure.is_none()).unwrap_or_default();
    let head = &request.head;
    let scrubber = Scrubber::of(admission, request, SECRET);
    let mut target = scrubber.target(request);
    let mut is_redacted = false;
    let is_named = |name: &HeaderName| {
        let mut redactions = durable.redactions.iter();
        redactions.any(|redaction| matches!(redaction, Redaction::Header(known) if known == name))
    };
    let lines = head.headers.iter();
    let headers = lines
        .filter(|(name, _)| !CREDENTIALS.contains(name))
        .map(|(name, value)| {
            if is_named(name) {
                is_redacted = true;
                return (name, Cow::Borrowed(REDACTED.as_bytes()));
            }
            (name, scrubber.replace(value.as_bytes()))
        })
        .collect();
    let mut body = match scrubber.replace(&request.body) {
        Cow::Borrowed(_) => request.body.clone(),
        Cow::Owned(_) => scrubber.body(request),
    };
    for redaction in &durable.redactions {
        is_redacted |= match redaction {
            // Done already.
            Redaction::Header(_) => false,
            Redaction::Query(name) => redact_query(&mut target, name),
            Redaction::Body(parts) => redact_body(&mut body, parts),
        };
    }
    let generation = &admission.generation;
    let mut version = generation.hash.get(..12).unwrap_or_default().to_owned();
    if let Some(commit) = &generation.commit {
        version = format!("{version} {}", commit.id);
    }
    let dedupe = owed.dedupe.map(|(key, shown, window)| Dedupe {
        key,
        shown,
        expires: head
            .received_at
            .saturating_add(window)
            .unwrap_or(jiff::Timestamp::MAX),
    });
    let waits = durable.deliveries.iter().filter_map(|delivery| {
        let owes = owed
            .deliveries
            .iter()
            .any(|owes| owes.name == delivery.name && owes.held.is_none());
        Some((Arc::clone(&delivery.name), delivery.wait.filter(|_| owes)?))
    });
    Some(Kept {
        waits: waits.collect(),
        caller: caller.clone(),
        event: NewEvent {
            id: id.into(),
            function: Arc::clone(&admission.route.name),
            environment: caller.environment,
            generation: generation.number,
            version,
            received: head.received_at,
            peer: head.peer,
            caller: caller.key.as_ref().map(|key| key.id.clone()),
            verified: verified(admission, caller),
            request_id: Arc::clone(&head.request_id),
            method: head.method.to_string(),
            target,
            headers,
            body,
            is_redacted,
            failure,
            dedupe,
            answer: result.as_ref().ok().map(stored),
            deliveries: owed.deliveries,
        },
    })
}

/// The request of an event that is kept.
pub(super) fn request(
    row: &EventRow,
    headers: &HeaderLines,
    body: &Bytes,
) -> Result<InboundRequest, String> {
    let odd = |what: &str| format!("the event's {what} cannot be read");
    let mut lines = http::HeaderMap::new();
    for (name, value) in headers.iter() {
        let name = HeaderName::try_from(name).map_err(|_| odd("headers"))?;
        let value = http::HeaderValue::from_bytes(value).map_err(|_| odd("headers"))?;
        lines.append(name, value);
    }
    Ok(InboundRequest {
        head: Head {
            method: row.method.parse().map_err(|_| odd("method"))?,
            target: row.target.parse().map_err(|_| odd("target"))?,
            headers: lines,
            peer: row.peer.as_deref().and_then(|peer| peer.parse().ok()),
            client: None,
            received_at: row.received,
            request_id: row.request_id.as_str().into(),
        },
        body: body.clone(),
    })
}

fn verified(admission: &Admission, caller: &Caller) -> &'static str {
    let is_signed = admission
        .route
        .signature
        .as_ref()
        .is_some_and(|signature| !signature.rules.is_empty());
    let has_key = admission.route.keys != KeyRule::None && caller.key.is_some();
    match (has_key, is_signed) {
        (true, true) => "zapikey and signature",
        (true, false) => "zapikey",
        (false, true) => "signature",
        (false, false) if admission.route.certificate.is_some() => "certificate",
        (false, false) => "none",
    }
}

/// An answer as it is kept.
pub(crate) fn stored(reply: &Reply) -> StoredAnswer {
    StoredAnswer {
        status: reply.status.as_u16(),
        headers: reply.headers.iter().collect(),
        body: reply.body.clone(),
    }
}

fn redact_query(target: &mut String, name: &str) -> bool {
    let Some((path, query)) = target.split_once('?') else {
        return false;
    };
    let (query, found) = redact_pairs(query, name);
    *target = format!("{path}?{query}");
    found
}

fn redact_pairs(pairs: &str, name: &str) -> (String, bool) {
    let mut found = false;
    let kept: Vec<Cow<'_, str>> = pairs
        .split('&')
        .map(|pair| {
            let is_it = form_urlencoded::parse(pair.as_bytes())
                .next()
                .is_some_and(|(known, _)| known == name);
            if !is_it {
                return Cow::Borrowed(pair);
            }
            found = true;
            let key = pair.split('=').next().unwrap_or_default();
            Cow::Owned(format!("{key}={REDACTED}"))
        })
        .collect();
    (kept.join("&"), found)
}

/// Takes a value out of a JSON or form body. Of a body that is neither nothing is kept: what should
/// not be kept may be anywhere in it.
fn redact_body(body: &mut Bytes, parts: &[Part]) -> bool {
    if body.is_empty() {
        return false;
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let raw: Option<&RawValue> = serde_json::from_str(text).ok();
    if let Some(raw) = raw {
        let mut found = false;
        let redacted = redact_json(raw, parts, &mut found);
        if found {
            *body = redacted.into_bytes().into();
        }
        return found;
    }
    if let ([Part::Field(name)], true) = (parts, text.contains('=') && !text.contains('\n')) {
        let (pairs, found) = redact_pairs(text, name);
        if found {
            *body = pairs.into_bytes().into();
        }
        return found;
    }
    *body = Bytes::new();
    true
}

/// The value without what the path leads to; everything else stays as it was written.
fn redact_json(raw: &RawValue, parts: &[Part], found: &mut bool) -> String {
    let unchanged = || raw.get().to_owned();
    let Some((first, rest)) = parts.split_first() else {
        *found = true;
        return format!("\"{REDACTED}\"");
    };
    match first {
        Part::Items => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
                return unchanged();
            };
            let items = items.into_iter().map(|item| redact_json(item, rest, found));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Part::Field(name) => {
            let mut reader = serde_json::Deserializer::from_str(raw.get());
            let Ok(entries) = reader.deserialize_map(Entries) else {
                return unchanged();
            };
            let entries = entries.into_iter().map(|(key, value)| {
                let mut text = Vec::new();
                json::write_string(&key, &mut text);
                let key_text = String::from_utf8_lossy(&text).into_owned();
                let value = if key == *name {
                    redact_json(value, rest, found)
                } else {
                    value.get().to_owned()
                };
                format!("{key_text}:{value}")
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

/// The entries of a map in their order, repeats included.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            entries.push((Cow::Owned(key), value));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Part {
        Part::Field(name.to_owned())
    }

    #[track_caller]
    fn check(body: &str, parts: &[Part], expected: &str, found: bool) {
        let mut body = Bytes::copy_from_slice(body.as_bytes());
        assert_eq!(redact_body(&mut body, parts), found, "{expected}");
        assert_eq!(body, expected.as_bytes());
    }

    #[test]
    fn only_what_is_named_is_taken_out() {
        let card = [field("card"), field("number")];
        check(
            r#"{"id": 12345678901234567890, "card": {"number": "4242", "b": 1.50}, "é": [1, 2]}"#,
            &card,
            r#"{"id":12345678901234567890,"card":{"number":"[redacted]","b":1.50},"é":[1, 2]}"#,
            true,
        );
        check(r#"{"card": 7 }"#, &card, r#"{"card": 7 }"#, false);
        check("[1, 2]", &card, "[1, 2]", false);
        let ibans = [field("items"), Part::Items, field("iban")];
        check(
            r#"{"items":[{"iban":"DE1"},{"x":1},{"iban":{"a":2}}]}"#,
            &ibans,
            r#"{"items":[{"iban":"[redacted]"},{"x":1},{"iban":"[redacted]"}]}"#,
            true,
        );
        // Written twice, taken out twice.
        check(
            r#"{"a":1,"a":2}"#,
            &[field("a")],
            r#"{"a":"[redacted]","a":"[redacted]"}"#,
            true,
        );
    }

    #[test]
    fn forms_are_redacted_and_of_what_cannot_be_read_nothing_is_kept() {
        check(
            "a=1&card=4242&b=2",
            &[field("card")],
            "a=1&card=[redacted]&b=2",
            true,
        );
        check(
            "a=1&c%61rd=4242",
            &[field("card")],
            "a=1&c%61rd=[redacted]",
            true,
        );
        check("<card>4242</card>", &[field("card")], "", true);
        check("", &[field("card")], "", false);
        let mut target = "/x?a=1&token=s%26t".to_owned();
        assert!(redact_query(&mut target, "token"));
        assert_eq!(target, "/x?a=1&token=[redacted]");
    }
}
