//! A request written on the page, seen as a function sees it.

use std::sync::Arc;

use bytes::Bytes;
use hookweir::auth::{Caller, Environment, KeyHash, KeyRecord, Owner, Scope as KeyScope};
use hookweir::expr::{self, Budget, Fault, FaultKind, Provide, Scope, Slot, Survey};
use hookweir::gateway::view::{Credentials, Facts, View};
use hookweir::gateway::{Head, InboundRequest};
use hookweir::route::{self, Root};
use hookweir::value::{Arena, Value, json};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

/// What the page says of the function that gets its requests.
const ARGUMENTS: [&str; 2] = ["email", "plan"];
const ENV: [(&str, &str); 2] = [("REGION", "eu"), ("SIGNING_SECRET", "s3cret")];
const PATH: (&str, &str) = ("shop", "berlin");
const ARRIVAL: &str = "2026-11-23T09:05:00Z";
const FUNCTION: &str = "order_in";
const EVENT: &str = "evt_01kas4p2v0e9brq0w9pyjhfyk5";
const PARTS: usize = 32;

/// Why an expression has no value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    AtLoad(String),
    AtRun(String),
}

/// A request, and the caller's key.
pub(super) struct Sample {
    request: InboundRequest,
    caller: Caller,
}

impl Sample {
    /// Reads `METHOD target`, header lines, an empty line, the body.
    pub(super) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let is_multipart = headers
            .get("content-type")
            .is_some_and(|value| value.as_bytes().starts_with(b"multipart/"));
        let body = body.trim_end_matches('\n');
        let body = if is_multipart {
            body.replace('\n', "\r\n") + "\r\n"
        } else {
            body.to_owned()
        };
        let request = InboundRequest {
            head: Head {
                method: method.parse().unwrap(),
                target: target.parse().unwrap(),
                headers,
                peer: Some([192, 0, 2, 1].into()),
                client: None,
                received_at: ARRIVAL.parse().unwrap(),
                request_id: "r1".into(),
            },
            body: Bytes::from(body),
        };
        let key = KeyRecord {
            id: "key_1".to_owned(),
            hash: KeyHash([0; 32]),
            hint: "1003.0123".to_owned(),
            label: "the page's".to_owned(),
            owner: Owner {
                id: "4150868000000225013".to_owned(),
                email: "ada@example.com".to_owned(),
                name: "Ada".to_owned(),
                org_id: "60001".to_owned(),
            },
            environment: Environment::Sandbox,
            scope: KeyScope::All,
            created: Timestamp::UNIX_EPOCH,
            expires: None,
            revoked: None,
            last_used: None,
            replaced_by: None,
        };
        let caller = Caller {
            key: Some(Arc::new(key)),
            environment: Environment::Sandbox,
        };
        Self { request, caller }
    }

    /// What an expression gives, as JSON where it has JSON.
    pub(super) fn evaluate(&self, text: &str) -> Result<String, Failure> {
        self.with(&[text], |values| show(values[0]))
    }

    /// Whether two expressions give the same value of the same type.
    pub(super) fn is_same(&self, one: &str, other: &str) -> bool {
        let same = self.with(&[one, other], |values| {
            values[0].type_name() == values[1].type_name() && same(values[0], values[1])
        });
        same.unwrap_or_else(|why| panic!("`{one}`, `{other}`: {why:?}"))
    }

    fn with<T>(&self, texts: &[&str], look: impl FnOnce(&[Value<'_>]) -> T) -> Result<T, Failure> {
        let arguments = ARGUMENTS.map(str::to_owned);
        let own = |pair: (&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let (env, path) = (ENV.map(own), [own(PATH)]);
        let names = ENV.map(|(name, _)| name.to_owned());
        let environment = route::environment(&arguments, &names, &[path[0].0.clone()]);
        let mut programs = Vec::new();
        for text in texts {
            let compiled = expr::compile(text, &environment).map_err(|problems| {
                let said: Vec<_> = problems
                    .iter()
                    .map(|problem| format!("{} ({})", problem.message, problem.help.join("; ")))
                    .collect();
                Failure::AtLoad(said.join("; "))
            })?;
            programs.push(compiled.program);
        }
        // Only what the examples can look at is read of a body, as for a function.
        let mut survey = Survey::new(Root::Body.slot());
        for program in &programs {
            survey.keep(program);
        }
        let reach = survey.finish();
        let arena = Arena::new();
        let credentials = Credentials::of(&self.request, PARTS);
        let view = Seen(View::new(Facts {
            request: &self.request,
            arena: &arena,
            credentials: &credentials,
            caller: &self.caller,
            path: &path,
            function: FUNCTION,
            generation: 7,
            arguments: &arguments,
            reach: &reach,
            env: &env,
            parts: PARTS,
            event_id: Some(EVENT),
        }));
        let scope = Scope::new(
            &arena,
            &view,
            Root::ALL.len(),
            self.request.head.received_at,
            Budget::default(),
        );
        let values: Result<Vec<_>, _> = programs
            .iter()
            .map(|program| program.evaluate(&scope))
            .collect();
        let values = values.map_err(|fault| Failure::AtRun(fault.to_string()))?;
        Ok(look(&values))
    }
}

/// Equal; optionals by what they hold.
fn same(one: Value<'_>, other: Value<'_>) -> bool {
    match (one, other) {
        (Value::Optional(one), Value::Optional(other)) => match (one, other) {
            (Some(one), Some(other)) => same(*one, *other),
            (one, other) => one.is_none() && other.is_none(),
        },
        _ => one.equals(other),
    }
}

fn show(value: Value<'_>) -> String {
    let mut out = Vec::new();
    match json::write(value, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => format!("{value:?}"),
    }
}

struct Seen<'a>(View<'a>);

impl<'a> Provide<'a> for Seen<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        let absent = Fault {
            kind: FaultKind::Absent,
            span: (0, 0),
            detail: "variable",
        };
        let root = Root::of(slot).ok_or(absent)?;
        self.0
            .get(root)
            .map_err(hookweir::gateway::view::ViewError::fault)
    }
}
