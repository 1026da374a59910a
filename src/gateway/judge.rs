//! What a destination's answer means: whether it counts as success, as `ok_when` says.

use bytes::Bytes;
use http::{HeaderMap, header};
use jiff::Timestamp;

use super::owed::DestinationAnswer;
use crate::delivery::{Came, retry_after};
use crate::expr::{Budget, Fault, FaultKind, Provide, Scope, Slot};
use crate::route::{AnswerRoot, Clause};
use crate::value::{Arena, Value, json};

/// How deep an answer may be, to be looked at.
const DEEPEST: usize = 64;

/// Judges an answer. One that `ok_when` cannot look at is not the one that it asks for.
pub fn judge(
    status: u16,
    headers: &HeaderMap,
    body: Bytes,
    ok_when: Option<&Clause>,
    now: Timestamp,
) -> (Came, DestinationAnswer) {
    let came = if (200..300).contains(&status) {
        match ok_when {
            Some(ok_when) if !is_ok(ok_when, status, headers, &body, now) => Came::NotOk { status },
            _ => Came::Ok { status },
        }
    } else {
        let asked = headers.get(header::RETRY_AFTER);
        let asked = asked.and_then(|value| value.to_str().ok());
        Came::Refused {
            status,
            retry_after: asked.and_then(|value| retry_after(value, now)),
        }
    };
    let headers = headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let answer = DestinationAnswer {
        status,
        headers: headers.collect(),
        body,
    };
    (came, answer)
}

/// An answer, for expressions.
struct Answered<'a> {
    status: u16,
    headers: &'a HeaderMap,
    body: &'a [u8],
    arena: &'a Arena,
}

impl<'a> Provide<'a> for Answered<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(match AnswerRoot::of(slot) {
            Some(AnswerRoot::StatusCode) => Value::Int(i64::from(self.status)),
            Some(AnswerRoot::Headers) => {
                let lines: Vec<(&str, Value<'a>)> = self
                    .headers
                    .iter()
                    .filter_map(|(name, value)| {
                        Some((name.as_str(), Value::String(value.to_str().ok()?)))
                    })
                    .collect();
                self.arena.headers(&lines)
            }
            Some(AnswerRoot::Json) => {
                json::read(self.body, self.arena, DEEPEST).unwrap_or(Value::Null)
            }
            Some(AnswerRoot::Text) => {
                Value::String(std::str::from_utf8(self.body).unwrap_or_default())
            }
            None => {
                return Err(Fault {
                    kind: FaultKind::Absent,
                    span: (0, 0),
                    detail: "variable",
                });
            }
        })
    }
}

fn is_ok(ok_when: &Clause, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    let arena = Arena::new();
    let answered = Answered {
        status,
        headers,
        body,
        arena: &arena,
    };
    let scope = Scope::new(
        &arena,
        &answered,
        AnswerRoot::ALL.len(),
        now,
        Budget::default(),
    );
    matches!(ok_when.evaluate(&scope), Ok(Value::Bool(true)))
}
