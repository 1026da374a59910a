//! What a test's request makes the gateway deliver, to destinations that the test speaks for.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::matching::{self, Mismatch};
use crate::delivery::{Came, Next, State};
use crate::gateway::{Delivered, DestinationAnswer, Kept, judge};
use crate::route::{Generation, Test, scalar_text};
use crate::spec::Tree;
use crate::store::events::{NewDelivery, Payload};
use crate::value::{Arena, Value, json};

/// In the middle: what chance adds to waits does not matter here.
const CHANCE: u32 = u32::MAX / 2;

/// A delivery, and what became of it.
#[derive(Debug)]
pub(super) struct Sent {
    delivery: NewDelivery,
    /// The bytes that are sent.
    body: Bytes,
    state: State,
    /// What the first attempt came to, for an answer that waits for it.
    pub(super) first: Delivered,
}

/// Sends everything that is owed to the destinations of a test.
pub(super) fn send(kept: &Kept, generation: &Generation, test: &Test) -> Vec<Sent> {
    kept.event
        .deliveries
        .iter()
        .map(|delivery| send_one(delivery, kept, generation, test))
        .collect()
}

fn send_one(delivery: &NewDelivery, kept: &Kept, generation: &Generation, test: &Test) -> Sent {
    let body = match &delivery.request.body {
        Payload::Own(body) => body.clone(),
        Payload::OfEvent => kept.event.body.clone(),
        Payload::AtDelivery => Bytes::new(),
    };
    let route = generation.route(&kept.event.function);
    let own = route.and_then(|route| route.durable.as_ref());
    let own = own.and_then(|durable| durable.delivery(&delivery.name));
    let own = own.and_then(|delivery| delivery.ok_when.as_ref());
    let connection = generation.connection(&delivery.connection);
    let ok_when = own.or_else(|| connection.and_then(|known| known.ok_when.as_ref()));
    let default = [Tree::Map(Vec::new())];
    let mocks: &[Tree] = match test.spec.mocks.get(&*delivery.name) {
        None => &default,
        Some(Tree::List(mocks)) => mocks,
        Some(mock) => std::slice::from_ref(mock),
    };
    let mut state = State::Pending;
    let mut first = None;
    // A test need not repeat that there is a sandbox: its destinations are made up.
    for (attempt, mock) in (1..).zip(mocks) {
        let (came, answer) = answer(mock, |status, headers, body| {
            judge(status, headers, body, ok_when, test.at)
        });
        let policy = delivery.policy;
        state = match policy.after(attempt, &came, test.at, test.at, CHANCE) {
            Next::Delivered => State::Delivered,
            Next::Retry { .. } => State::Pending,
            Next::Dead { .. } => State::Dead,
        };
        first.get_or_insert(Delivered {
            name: delivery.name.clone(),
            state,
            answer,
        });
        if state.is_settled() {
            break;
        }
    }
    Sent {
        body,
        state,
        first: first.unwrap_or(Delivered {
            name: delivery.name.clone(),
            state,
            answer: None,
        }),
        delivery: delivery.clone(),
    }
}

/// What a mock answers.
fn answer(
    mock: &Tree,
    judge: impl FnOnce(u16, &HeaderMap, Bytes) -> (Came, DestinationAnswer),
) -> (Came, Option<DestinationAnswer>) {
    let entries = match mock {
        Tree::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    let find = |key: &str| {
        let found = entries.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value)
    };
    if find("timeout") == Some(&Tree::Bool(true)) {
        let why = "it did not answer in time".to_owned();
        return (Came::Unreachable(why), None);
    }
    if find("refused") == Some(&Tree::Bool(true)) {
        let why = "cannot reach it: connection refused".to_owned();
        return (Came::Unreachable(why), None);
    }
    let status = match find("status_code") {
        Some(Tree::Int(status)) => u16::try_from(*status).unwrap_or(200),
        _ => 200,
    };
    let mut headers = HeaderMap::new();
    if let Some(Tree::Map(lines)) = find("headers") {
        for (name, value) in lines {
            let value = scalar_text(value).unwrap_or_default();
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::from_str(&value),
            ) {
                headers.append(name, value);
            }
        }
    }
    let body = match (find("json"), find("text")) {
        (Some(json), _) => Bytes::from(serde_json::to_vec(json).unwrap_or_default()),
        (None, Some(Tree::Text(text))) => Bytes::copy_from_slice(text.as_bytes()),
        (None, _) => Bytes::from_static(b"{}"),
    };
    let (came, answer) = judge(status, &headers, body);
    (came, Some(answer))
}

/// Holds what was sent against what a test expects, which is complete.
pub(super) fn compare(sent: &[Sent], test: &Test, mismatches: &mut Vec<Mismatch>) {
    let Some(expected) = &test.spec.expect.deliveries else {
        return;
    };
    let at = test.field().key("expect").key("deliveries");
    let arena = Arena::new();
    for (name, expected) in expected {
        let at = at.key(name.as_str());
        let values: Vec<Value<'_>> = sent
            .iter()
            .filter(|sent| *sent.delivery.name == **name)
            .map(|sent| sent.value(&arena))
            .collect();
        match (expected, values.as_slice()) {
            (Tree::List(_), values) => {
                matching::compare(expected, Some(arena.list(values)), &at, mismatches);
            }
            (expected, [value]) => {
                matching::compare(expected, Some(*value), &at, mismatches);
            }
            (_, []) => mismatches.push(Mismatch {
                at,
                message: format!("`{name}` is not delivered"),
            }),
            (_, values) => mismatches.push(Mismatch {
                at,
                message: format!(
                    "`{name}` is delivered {} times; write a list of what is expected of each",
                    values.len()
                ),
            }),
        }
    }
    let mut told: Vec<&str> = Vec::new();
    for sent in sent {
        let name = &*sent.delivery.name;
        if !expected.contains_key(name) && !told.contains(&name) {
            told.push(name);
            mismatches.push(Mismatch {
                at: at.clone(),
                message: format!("`{name}` is delivered, and not expected"),
            });
        }
    }
}

impl Sent {
    /// As expectations see it.
    fn value<'a>(&'a self, arena: &'a Arena) -> Value<'a> {
        let request = &self.delivery.request;
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let pairs = |text: &'a [u8]| {
            let pairs: Vec<(&str, Value<'a>)> = form_urlencoded::parse(text)
                .map(|(name, value)| (arena.string(&name), Value::String(arena.string(&value))))
                .collect();
            arena.multi(&pairs)
        };
        let headers: Vec<(&str, Value<'a>)> = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = arena.string(&String::from_utf8_lossy(value));
                let name = arena.string(&name.to_ascii_lowercase());
                (name, Value::String(value))
            })
            .collect();
        let mut entries = vec![
            ("outcome", Value::String(self.state.as_str())),
            ("method", Value::String(&request.method)),
            ("path", Value::String(path)),
            ("query", pairs(query.as_bytes())),
            ("headers", arena.headers(&headers)),
            ("form", pairs(&self.body)),
        ];
        if let Ok(json) = json::read(&self.body, arena, json::DEPTH) {
            entries.push(("json", json));
        }
        if let Ok(text) = std::str::from_utf8(&self.body) {
            entries.push(("text", Value::String(text)));
        }
        arena.object(&entries)
    }
}
