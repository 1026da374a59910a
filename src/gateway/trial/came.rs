//! What came of a test, held against what it expects.

use crate::gateway::ReplyKind;
use serde_json::Value as Json;
use similar::TextDiff;

use super::UNMET;
use super::matching::{self, Mismatch};
use super::request;
use super::sent::{self, Sent};
use crate::diagnostic::{Diagnostic, Severity};
use crate::expr::{Budget, Fault, FaultKind, Provide, Scope, Slot};
use crate::gateway::Reply;
use crate::route::{Suite, Test, scalar_text};
use crate::spec::{FieldPath, Tree};
use crate::value::{Arena, Value, json};

/// What came back.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) reply: Reply,
    /// Empty for `HEAD`, whatever the function made.
    pub(super) body: bytes::Bytes,
    /// What was delivered.
    pub(super) sent: Vec<Sent>,
    pub(super) is_refusal: bool,
    pub(super) note: Option<String>,
}

/// What is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) problems: Vec<Diagnostic>,
    pub(super) diff: String,
}

impl Came {
    /// Holds it against what a test expects.
    pub(super) fn judge(&self, suite: &Suite, test: &Test) -> Judged {
        let expect = &test.spec.expect;
        let at = test.field().key("expect");
        let arena = Arena::new();
        let whole = String::from_utf8_lossy(&self.body);
        let body = json::read(&self.body, &arena, json::DEPTH).ok();
        let mut verdict = Judged::default();
        let mut mismatches = Vec::new();
        let mut differs =
            |at: FieldPath, message: String| mismatches.push(Mismatch { at, message });

        let status = self.reply.status.as_u16();
        if let Some(expected) = expect.status_code
            && expected != status
        {
            differs(
                at.key("status_code"),
                format!("expected {expected}, found {status}"),
            );
        }
        if let Some(expected) = expect.skipped
            && expected != (self.reply.kind == ReplyKind::Skipped)
        {
            let found = if self.reply.kind == ReplyKind::Skipped {
                "was skipped"
            } else {
                "was not skipped"
            };
            differs(at.key("skipped"), format!("the request {found}"));
        }
        if let Some(expected) = &expect.refusal {
            let code = body
                .and_then(Value::as_map)
                .and_then(|map| map.get_str("code"))
                .and_then(Value::as_str)
                .filter(|_| self.is_refusal);
            match code {
                Some(code) if code == expected => {}
                Some(code) => differs(
                    at.key("refusal"),
                    format!("expected {expected}, found {code}"),
                ),
                None => differs(
                    at.key("refusal"),
                    format!("expected {expected}, but the request was answered"),
                ),
            }
        }
        self.judge_headers(test, &mut mismatches);
        if let Some(expected) = &expect.body {
            let before = mismatches.len();
            let at = at.key("body");
            compare_body(expected, &whole, body, &at, &mut mismatches);
            if mismatches.len() > before {
                verdict.diff = diff(expected, body, &whole);
            }
        }
        if let Some(expected) = &expect.output {
            let before = mismatches.len();
            let output = body
                .and_then(Value::as_map)
                .and_then(|map| map.get_str("details"))
                .and_then(Value::as_map)
                .and_then(|map| map.get_str("output"));
            let parsed = match (expected, output) {
                (Tree::Text(_), output) => output,
                (_, Some(Value::String(inner))) => {
                    json::read(inner.as_bytes(), &arena, json::DEPTH)
                        .ok()
                        .or(output)
                }
                (_, output) => output,
            };
            matching::compare(expected, parsed, &at.key("output"), &mut mismatches);
            if mismatches.len() > before {
                verdict.diff = diff(expected, parsed, &whole);
            }
        }
        sent::compare(&self.sent, test, &mut mismatches);
        verdict.problems = mismatches
            .into_iter()
            .map(|mismatch| problem(suite, &mismatch.at, mismatch.message))
            .collect();
        self.assert(suite, test, &arena, &whole, body, &mut verdict.problems);
        verdict
    }

    fn judge_headers(&self, test: &Test, mismatches: &mut Vec<Mismatch>) {
        let at = test.field().key("expect").key("headers");
        for (name, expected) in &test.spec.expect.headers {
            let lines: Vec<String> = self
                .reply
                .headers
                .get_all(name.as_str())
                .iter()
                .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
                .collect();
            let joined = lines.join(", ");
            let found = (!lines.is_empty()).then_some(Value::String(&joined));
            // `Retry-After: 30` is a whole on the wire, whatever it is in YAML.
            let expected = match expected {
                Tree::Int(_) | Tree::UInt(_) | Tree::Bool(_) => {
                    scalar_text(expected).map_or(Tree::Null, Tree::Text)
                }
                other => other.clone(),
            };
            matching::compare(&expected, found, &at.key(name.as_str()), mismatches);
        }
    }

    fn assert(
        &self,
        suite: &Suite,
        test: &Test,
        arena: &Arena,
        whole: &str,
        body: Option<Value<'_>>,
        problems: &mut Vec<Diagnostic>,
    ) {
        if test.assertions.is_empty() {
            return;
        }
        let lines: Vec<(String, String)> = self
            .reply
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let entries: Vec<(&str, Value<'_>)> = lines
            .iter()
            .map(|(name, value)| (name.as_str(), Value::String(value)))
            .collect();
        let response = arena.object(&[
            ("status_code", Value::Int(self.reply.status.as_u16().into())),
            ("headers", arena.headers(&entries)),
            ("body", body.unwrap_or(Value::String(whole))),
            ("text", Value::String(whole)),
        ]);
        let provider = Response(response);
        let scope = Scope::new(arena, &provider, 1, test.at, Budget::default()).seeded();
        for (index, clause) in test.assertions.iter().enumerate() {
            let message = match clause.evaluate(&scope) {
                Ok(Value::Bool(true)) => continue,
                Ok(Value::Bool(false)) => "this is not true".to_owned(),
                Ok(other) => format!("this is {}, neither true nor false", other.type_name()),
                Err(fault) => fault.to_string(),
            };
            let at = test.field().key("assert").index(index);
            problems.push(problem(suite, &at, message));
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text.chars().take(1000).collect();
        let more = if start.len() < text.len() { "…" } else { "" };
        format!("{} {start}{more}", self.reply.status)
    }
}

/// A text is compared with the whole body, a tree with the body's JSON; matchers take whichever
/// fits.
fn compare_body(
    expected: &Tree,
    text: &str,
    body: Option<Value<'_>>,
    at: &FieldPath,
    mismatches: &mut Vec<Mismatch>,
) {
    let is_about_text = match expected {
        Tree::Text(_) => true,
        Tree::Map(entries) => entries.iter().any(|(key, argument)| {
            key == "$matches" || (key == "$contains" && matches!(argument, Tree::Text(_)))
        }),
        _ => false,
    };
    match body {
        Some(body) if !is_about_text => matching::compare(expected, Some(body), at, mismatches),
        _ if is_about_text => {
            matching::compare(expected, Some(Value::String(text)), at, mismatches);
        }
        _ => mismatches.push(Mismatch {
            at: at.clone(),
            message: "expected JSON, the body is none".to_owned(),
        }),
    }
}

struct Response<'a>(Value<'a>);

impl<'a> Provide<'a> for Response<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        if slot == Test::RESPONSE {
            return Ok(self.0);
        }
        Err(Fault {
            kind: FaultKind::Absent,
            span: (0, 0),
            detail: "variable",
        })
    }
}

pub(super) fn problem(suite: &Suite, at: &FieldPath, message: String) -> Diagnostic {
    Diagnostic {
        code: UNMET,
        severity: Severity::Error,
        message,
        span: Some(suite.places.value(at)),
        label: None,
        related: Vec::new(),
        help: Vec::new(),
    }
}

/// Expected and actual line by line. What was expected of a map says nothing of its other keys, so
/// these are left out of the actual side; what is met is shown as it came on both.
fn diff(expected: &Tree, actual: Option<Value<'_>>, text: &str) -> String {
    let (expected, actual) = match (expected, actual) {
        (Tree::Text(expected), _) => (format!("{expected}\n"), format!("{text}\n")),
        (_, None) => return String::new(),
        (expected, Some(actual)) => {
            let (expected, actual) = sides(expected, actual);
            (pretty(&expected), pretty(&actual))
        }
    };
    let diff = TextDiff::from_lines(&expected, &actual);
    let mut unified = diff.unified_diff();
    unified
        .context_radius(3)
        .header("expected", "actual")
        .to_string()
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Both sides of a diff.
fn sides(expected: &Tree, actual: Value<'_>) -> (Json, Json) {
    let came = |value| json::to_tree(value).unwrap_or(Json::Null);
    match (expected, actual) {
        (Tree::Map(entries), Value::Map(map)) if !matching::is_matcher(entries) => {
            let mut both = (serde_json::Map::new(), serde_json::Map::new());
            for (key, item) in entries {
                let Some(value) = map.get_str(key) else {
                    both.0.insert(key.clone(), written(item));
                    continue;
                };
                let (wanted, found) = sides(item, value);
                both.0.insert(key.clone(), wanted);
                both.1.insert(key.clone(), found);
            }
            (Json::Object(both.0), Json::Object(both.1))
        }
        (Tree::List(items), Value::List(values)) => {
            let count = items.len().max(values.len());
            let mut both = (Vec::new(), Vec::new());
            for index in 0..count {
                match (items.get(index), values.get(index)) {
                    (Some(item), Some(value)) => {
                        let (wanted, found) = sides(item, *value);
                        both.0.push(wanted);
                        both.1.push(found);
                    }
                    (Some(item), None) => both.0.push(written(item)),
                    (None, Some(value)) => both.1.push(came(*value)),
                    (None, None) => {}
                }
            }
            (Json::Array(both.0), Json::Array(both.1))
        }
        (expected, actual) if matching::is_met(expected, actual) => (came(actual), came(actual)),
        (expected, actual) => (written(expected), came(actual)),
    }
}

fn written(tree: &Tree) -> Json {
    let mut text = Vec::new();
    let written = request::write_json(tree, &mut text).ok();
    written
        .and_then(|()| serde_json::from_slice(&text).ok())
        .unwrap_or(Json::Null)
}
