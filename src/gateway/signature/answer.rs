//! Handshakes: which one a request is, and what it is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::prove::is_at;
use super::{Prover, Step, holds};
use crate::auth::signature::Key;
use crate::expr::Scope;
use crate::gateway::request::{Errand, Reply, ReplyKind};
use crate::route::signature::{Challenge, ChallengeBody, Keys, Stage};
use crate::value::Value;

/// What is echoed must not be taken for a page.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// A secret that a handshake gives has not fewer bytes.
const SHORTEST_SECRET: usize = 16;
/// And not more.
const LONGEST_SECRET: usize = 1024;
/// Longest answer to a handshake, in bytes.
const MAX_ANSWER: usize = 64 << 10;

impl<'a> Prover<'a> {
    /// The answer, if the request is a handshake that is answered to who is known so far, and what
    /// it leaves to be done before it is given.
    pub(in crate::gateway) fn answer(&'a self, stage: Stage) -> Option<(Reply, Option<Errand>)> {
        let mut challenges = self
            .signature
            .challenges
            .iter()
            .filter(|challenge| challenge.stage == stage)
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
        let answer = is_right.then(|| {
            let errand = self.errand(challenge, &scope).ok()?;
            Some((Self::reply(challenge, &scope)?, errand))
        });
        Some(
            answer
                .flatten()
                .unwrap_or_else(|| (empty(challenge.otherwise), None)),
        )
    }

    /// What is to be done, if anything; `Err` where the request does not say it, or says what is
    /// not allowed.
    fn errand(
        &'a self,
        challenge: &'a Challenge,
        scope: &Scope<'a>,
    ) -> Result<Option<Errand>, NotAllowed> {
        if let Some(clause) = &challenge.secret {
            let secret = clause
                .evaluate(scope)
                .ok()
                .and_then(text)
                .ok_or(NotAllowed)?;
            let is_secret = (SHORTEST_SECRET..=LONGEST_SECRET).contains(&secret.len())
                && secret.bytes().all(|byte| byte.is_ascii_graphic());
            return if is_secret && self.can_be_key(&secret) {
                Ok(Some(Errand::KeepSecret(secret.into())))
            } else {
                Err(NotAllowed)
            };
        }
        if let Some((source, host)) = &challenge.visit {
            let url = self.text(source, Step::Visit).map_err(|_| NotAllowed)?;
            if !is_at(url, host) {
                return Err(NotAllowed);
            }
            return Ok(Some(Errand::Visit {
                url: url.to_owned().into(),
                by_hand: self.signature.confirm_by_hand,
            }));
        }
        Ok(None)
    }

    /// Whether requests could be signed with it.
    fn can_be_key(&self, secret: &str) -> bool {
        self.signature.rules.iter().all(|rule| match &rule.keys {
            Keys::OfHandshake { form, scheme } => Key::new(secret, form, *scheme).is_ok(),
            _ => true,
        })
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

/// A handshake that asks for what must not be done.
struct NotAllowed;

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
