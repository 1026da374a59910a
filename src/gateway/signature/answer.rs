//! Handshakes: which one a request is, and what it is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{Prover, holds};
use crate::expr::Scope;
use crate::gateway::request::{Reply, ReplyKind};
use crate::route::signature::{Challenge, ChallengeBody};
use crate::value::Value;

/// What is echoed must not be taken for a page.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// Longest answer to a handshake, in bytes.
const MAX_ANSWER: usize = 64 << 10;

impl<'a> Prover<'a> {
    /// The answer, if the request is a handshake of this kind: one that is answered only if it is
    /// signed, or one that is answered to everybody.
    pub(in crate::gateway) fn answer(&'a self, verify_first: bool) -> Option<Reply> {
        let mut challenges = self
            .signature
            .challenges
            .iter()
            .filter(|challenge| challenge.verify_first == verify_first)
            .filter(|challenge| is_asked(&challenge.method, &self.request.head.method))
            .peekable();
        challenges.peek()?;
        let scope = self.scope();
        let challenge = challenges.find(|challenge| {
            challenge
                .when
                .as_ref()
                .is_none_or(|when| holds(when, &scope))
        })?;
        let is_right = challenge
            .require
            .iter()
            .all(|condition| holds(condition, &scope));
        let reply = is_right.then(|| Self::reply(challenge, &scope)).flatten();
        Some(reply.unwrap_or_else(|| empty(challenge.otherwise)))
    }

    /// `None` where the request lacks what the answer needs.
    fn reply(challenge: &'a Challenge, scope: &Scope<'a>) -> Option<Reply> {
        let mut reply = empty(challenge.status);
        match &challenge.body {
            ChallengeBody::Empty => {}
            ChallengeBody::Text(clause) => {
                let value = clause.evaluate(scope).ok()?;
                reply.body = Bytes::from(text(value)?);
                reply.headers.insert(header::CONTENT_TYPE, TEXT);
            }
            ChallengeBody::Json(content) => {
                let mut body = Vec::new();
                content.write(scope, MAX_ANSWER, &mut body).ok()?;
                reply.body = Bytes::from(body);
                reply.headers.insert(header::CONTENT_TYPE, JSON);
            }
        }
        for (name, clause) in &challenge.headers {
            let value = text(clause.evaluate(scope).ok()?)?;
            // What cannot stand in a header was not sent in one.
            reply
                .headers
                .insert(name.clone(), HeaderValue::from_str(&value).ok()?);
        }
        if matches!(challenge.body, ChallengeBody::Text(_)) {
            // Whatever the scheme says of it.
            reply
                .headers
                .insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        }
        Some(reply)
    }
}

fn empty(status: StatusCode) -> Reply {
    Reply {
        status,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        kind: ReplyKind::Handshake,
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::String(text) | Value::Number(text) if !text.is_empty() => Some(text.to_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Optional(Some(value)) => self::text(*value),
        _ => None,
    }
}

/// HEAD is GET to whoever answers it.
fn is_asked(known: &Method, method: &Method) -> bool {
    known == method || (*known == Method::HEAD && *method == Method::GET)
}
