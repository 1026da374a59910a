//! Handshakes: requests by which a provider finds out whether somebody is there.

use std::path::Path;

use http::{HeaderName, Method, StatusCode};
use regex::Regex;

use super::Source;
use super::compile::Compiler;
use crate::diagnostic::code::signature as code;
use crate::route::clause::Clause;
use crate::route::content::Content;
use crate::route::files::Files;
use crate::route::respond;
use crate::spec::{ChallengeSpec, FieldPath, SignatureSpec, ThenGetSpec};

/// A request that is known for a handshake, and its answer.
#[derive(Debug)]
pub struct Challenge {
    /// Its method.
    pub method: Method,
    /// What else it is known by.
    pub when: Option<Clause>,
    /// To whom it is answered.
    pub stage: Stage,
    /// What must hold.
    pub require: Vec<Clause>,
    /// It gives a secret, kept or not.
    pub gives_secret: bool,
    /// The secret that it gives and that is to be kept.
    pub secret: Option<Clause>,
    /// What is to be visited, and what its whole host must be.
    pub visit: Option<(Source, Regex)>,
    /// Of the answer.
    pub status: StatusCode,
    /// Of the answer.
    pub headers: Vec<(HeaderName, Clause)>,
    /// Of the answer.
    pub body: ChallengeBody,
    /// The status where `require` does not hold.
    pub otherwise: StatusCode,
}

/// How much must be known of who asks before a handshake is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing.
    Anybody,
    /// It has shown the function's key: what it says is kept.
    Keyed,
    /// It has signed.
    Signed,
}

/// The body of the answer to a handshake.
#[derive(Debug)]
pub enum ChallengeBody {
    /// Nothing.
    Empty,
    /// `text/plain`.
    Text(Clause),
    /// `application/json`.
    Json(Content),
}

impl Compiler<'_, '_, '_> {
    /// A header that the answer to a handshake may have: not one of the server's own, and not the
    /// content type, so that what is echoed is never a page.
    pub(super) fn answer_header(&mut self, name: &str, at: &FieldPath) -> Option<HeaderName> {
        let header = self.header(name, at)?;
        let is_ours = respond::FORBIDDEN_HEADERS.contains(&header.as_str())
            || header == http::header::CONTENT_TYPE;
        if is_ours {
            self.error(
                crate::diagnostic::code::route::BAD_HEADER,
                at,
                &format!("the header `{name}` is the server's own"),
                "take it out: `text` is sent as `text/plain`, `json` as `application/json`",
            );
            return None;
        }
        Some(header)
    }

    pub(super) fn challenges(
        &mut self,
        spec: &SignatureSpec,
        root: &Path,
        files: &mut Files<'_>,
    ) -> Vec<Challenge> {
        let at = self.at.key("challenge");
        let mut challenges = Vec::new();
        for (index, challenge) in spec.challenge.iter().flatten().enumerate() {
            challenges.extend(self.challenge(challenge, &at.index(index), root, files));
        }
        challenges
    }

    /// What is to be visited: only ever at the word of who has signed.
    fn visit(&mut self, spec: &ThenGetSpec, at: &FieldPath) -> Option<(Source, Regex)> {
        if !self.has_scheme {
            self.error(
                code::BAD_SCHEME,
                at,
                "anybody could have hookweir visit an address",
                "say how requests are signed: a visit is only made at the word of who has signed",
            );
            return None;
        }
        let source = self.source(&spec.url, &at.key("url"))?;
        let host = self.host(&spec.allowed_host, &at.key("allowed_host"))?;
        Some((source, host))
    }

    pub(super) fn challenge(
        &mut self,
        spec: &ChallengeSpec,
        at: &FieldPath,
        root: &Path,
        files: &mut Files<'_>,
    ) -> Option<Challenge> {
        let method = spec.method.as_deref().unwrap_or("POST");
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let when = match &spec.when {
            None => None,
            Some(when) => Some(self.expressions.condition(&at.key("when"), &when.0)?),
        };
        let require = self.conditions(&spec.require, &at.key("require"));
        let stage = if spec.verify.as_deref() == Some("first") {
            Stage::Signed
        } else if spec.then_get.is_some() || (spec.store_secret.is_some() && self.keeps_secrets) {
            Stage::Keyed
        } else {
            Stage::Anybody
        };
        let secret = match &spec.store_secret {
            None => None,
            Some(text) => {
                let clause = self.expressions.text(&at.key("store_secret"), text)?.0;
                self.keeps_secrets.then_some(clause)
            }
        };
        let visit = match &spec.then_get {
            None => None,
            Some(then) => Some(self.visit(then, &at.key("then_get"))?),
        };
        let answer_at = at.key("respond");
        let mut headers = Vec::new();
        for (name, text) in &spec.respond.headers {
            let at = answer_at.key("headers").key(name.as_str());
            let name = self.answer_header(name, &at);
            let clause = self.expressions.text(&at, text);
            headers.push((name?, clause?.0));
        }
        let body = match (&spec.respond.text, &spec.respond.json) {
            (None, None) => ChallengeBody::Empty,
            (Some(text), None) => {
                ChallengeBody::Text(self.expressions.text(&answer_at.key("text"), text)?.0)
            }
            (None, Some(tree)) => {
                let at = answer_at.key("json");
                let node = respond::tree(tree, &at, root, files, self.expressions)?;
                ChallengeBody::Json(Content::Tree(node))
            }
            (Some(_), Some(_)) => {
                self.error(
                    code::BAD_SOURCE,
                    &answer_at,
                    "the answer has a `text` and a `json`",
                    "leave one of them out",
                );
                return None;
            }
        };
        let status = |code: Option<u16>, default: StatusCode| {
            code.and_then(|code| StatusCode::from_u16(code).ok())
                .unwrap_or(default)
        };
        Some(Challenge {
            method,
            when,
            stage,
            gives_secret: spec.store_secret.is_some(),
            secret,
            visit,
            require: require?,
            status: status(spec.respond.status, StatusCode::OK),
            headers,
            body,
            otherwise: status(
                spec.otherwise.as_ref().map(|otherwise| otherwise.status),
                StatusCode::UNAUTHORIZED,
            ),
        })
    }
}
