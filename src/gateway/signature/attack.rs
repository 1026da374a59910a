//! What can be made of a signed request without its secret: all of it must be refused.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::doctor::copy;
use super::sign::{CannotSign, Signed, With, sign};
use crate::auth::signature::{Case, Encoding};
use crate::gateway::{Admission, InboundRequest};

/// A forged request and what it is.
#[derive(Debug)]
pub struct Attack {
    /// In a few words.
    pub name: &'static str,
    /// The request.
    pub request: InboundRequest,
}

/// All that can be made of a request that is signed at an instant, for this function.
pub fn attacks(
    admission: &Admission,
    request: &InboundRequest,
    at: Timestamp,
) -> Result<Vec<Attack>, CannotSign> {
    let signed = sign(admission, request, at, With::Own)?;
    let mut attacks = Vec::new();
    let mut add = |name, request| attacks.push(Attack { name, request });
    for (name, change) in changes(&signed) {
        add(name, with_signature(&signed, &change));
    }
    if !signed.headers.is_empty() {
        let mut twice = same(&signed);
        for name in &signed.headers {
            if let Some(line) = signed.request.head.headers.get(name) {
                twice.head.headers.append(name.clone(), line.clone());
            }
        }
        add("the signature twice", twice);
    }
    for (name, with) in [
        ("another secret", With::Another),
        ("an empty secret", With::Empty),
    ] {
        add(name, sign(admission, request, at, with)?.request);
    }
    if signed.covers_body {
        let body = &signed.request.body;
        let mut flipped = body.to_vec();
        match flipped.get_mut(body.len() / 2) {
            Some(byte) => *byte ^= 1,
            None => flipped.push(b'x'),
        }
        add("a bit of the body flipped", with_body(&signed, flipped));
        add(
            "a line break more",
            with_body(&signed, [body, &b"\n"[..]].concat()),
        );
        if let Some((_, rest)) = body.split_last() {
            add("the body truncated", with_body(&signed, rest.to_vec()));
            add("no body", with_body(&signed, Vec::new()));
        }
    }
    if let Some(tolerance) = signed.tolerance {
        let far = SignedDuration::from_secs(2 * i64::from(tolerance) + 60);
        for (name, by) in [("signed long ago", -far), ("signed in the future", far)] {
            let then = at.saturating_add(by).unwrap_or(at);
            add(name, sign(admission, request, then, With::Own)?.request);
        }
    }
    let stamp = signed.stamp.iter().map(|name| (name, "0", "another time"));
    let fields = signed
        .fields
        .iter()
        .map(|name| (name, "replayed", "another id"));
    for (name, value, what) in stamp.chain(fields) {
        let mut other = same(&signed);
        other
            .head
            .headers
            .insert(name.clone(), HeaderValue::from_static(value));
        add(what, other);
        let mut without = same(&signed);
        without.head.headers.remove(name);
        add(if value == "0" { "no time" } else { "no id" }, without);
    }
    Ok(attacks)
}

/// What becomes of the signature's text; `None` takes the line away.
type Change = Box<dyn Fn(&str) -> Option<String>>;

fn changes(signed: &Signed) -> Vec<(&'static str, Change)> {
    let mut changes: Vec<(&'static str, Change)> = vec![
        ("no signature", Box::new(|_| None)),
        ("an empty signature", Box::new(|_| Some(String::new()))),
        (
            "the signature truncated",
            Box::new(|text| {
                let mut text = text.to_owned();
                text.pop();
                Some(text)
            }),
        ),
        (
            "the signature lengthened",
            Box::new(|text| Some(format!("{text}0"))),
        ),
    ];
    if let Some(own) = signed.encoding {
        let bytes = move |text: &str| own.decode(text).unwrap_or_default();
        changes.push((
            "a bit of the signature flipped",
            Box::new(move |text| {
                let mut bytes = bytes(text);
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                Some(own.encode(&bytes))
            }),
        ));
        changes.push((
            "nothing but zeros",
            Box::new(move |text| Some(own.encode(&vec![0; bytes(text).len()]))),
        ));
        let other = match own {
            Encoding::Hex(_) => Encoding::Base64,
            Encoding::Base64 | Encoding::Base64Url => Encoding::Hex(Case::Lower),
        };
        changes.push((
            "the signature written otherwise",
            Box::new(move |text| Some(other.encode(&bytes(text)))),
        ));
    }
    changes
}

fn same(signed: &Signed) -> InboundRequest {
    copy(&signed.request, signed.request.body.clone())
}

fn with_body(signed: &Signed, body: Vec<u8>) -> InboundRequest {
    copy(&signed.request, body.into())
}

/// The request with another signature in the same place.
fn with_signature(signed: &Signed, change: &Change) -> InboundRequest {
    let mut request = same(signed);
    let replace = |line: &str| Some(line.replace(&signed.signature, &change(&signed.signature)?));
    for name in &signed.headers {
        change_header(name, &replace, change, &mut request);
    }
    if signed.headers.is_empty() {
        // In the query, in a form or in JSON.
        let own = signed.signature.as_str();
        let new = change(own).unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body).replace(own, &new);
        request.body = Bytes::from(body);
        let target = request.head.target.as_str().replace(own, &new);
        if let Ok(target) = target.parse() {
            request.head.target = target;
        }
    }
    request
}

fn change_header(
    name: &HeaderName,
    replace: &dyn Fn(&str) -> Option<String>,
    change: &Change,
    request: &mut InboundRequest,
) {
    let line = request.head.headers.remove(name);
    let Some(line) = line.as_ref().and_then(|line| line.to_str().ok()) else {
        return;
    };
    // What is not written as it is (Basic) is changed whole.
    let changed = replace(line).map(|new| if new == line { change(line) } else { Some(new) });
    let value = changed
        .flatten()
        .and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(value) = value {
        request.head.headers.insert(name.clone(), value);
    }
}
