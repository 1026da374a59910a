//! A function's own tests, checked.
//!
//! A test that cannot be run is an error at load like any other mistake. Running them is
//! `gateway::trial`'s business.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use regex::Regex;

use super::clause::Clause;
use super::expressions::{Cache, Expressions};
use super::function::Route;
use super::methods::Methods;
use super::report::{Complete, Report};
use crate::auth;
use crate::diagnostic::{code, suggest};
use crate::expr::{Environment, Record, Slot, Type};
use crate::spec::{
    AuthSpec, FieldPath, FunctionSpec, Places, TestKeySpec, TestRequestSpec, TestSpec, Tree,
};

/// The clock of a test that does not set it.
const DEFAULT_AT: &str = "2026-01-01T00:00:00Z";

/// The tests of one function.
#[derive(Debug)]
pub struct Suite {
    /// What they test.
    pub route: Arc<Route>,
    /// The folder of the function's file: what paths are relative to.
    pub folder: PathBuf,
    /// Where they stand.
    pub places: Places,
    /// In order.
    pub tests: Vec<Test>,
}

/// One test, checked.
#[derive(Debug)]
pub struct Test {
    /// Its index under `tests`.
    pub index: usize,
    /// As written.
    pub spec: TestSpec,
    /// The clock.
    pub at: Timestamp,
    /// Of the key that is sent.
    pub environment: auth::Environment,
    /// `assert`, in order. Their one variable is `response`, at [`Test::RESPONSE`].
    pub assertions: Vec<Clause>,
}

impl Test {
    /// The slot of `response` in assertions.
    pub const RESPONSE: Slot = Slot(0);

    /// The field of the test itself.
    pub fn field(&self) -> FieldPath {
        FieldPath::root().key("tests").index(self.index)
    }
}

/// The keys of a map that is a matcher.
pub(crate) const MATCHERS: [&str; 5] = ["$contains", "$matches", "$exists", "$any", "$exact"];

/// Checks the tests of a function; those that are left out were reported.
pub(super) fn compile(
    spec: &FunctionSpec,
    env: Option<&[String]>,
    report: &mut Report<'_>,
    cache: &mut Cache,
) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::with_capacity(spec.tests.len());
    for (index, test) in spec.tests.iter().enumerate() {
        let at = FieldPath::root().key("tests").index(index);
        let mut checker = Checker { report };
        checker.name(test, &spec.tests, index, &at);
        let clock = checker.clock(test.at.as_deref(), &at.key("at"));
        let environment = checker.environment(test.environment.as_deref(), &at.key("environment"));
        if let Some(env) = env {
            checker.env(test, env, &at.key("env"));
        }
        checker.request(&test.request, &at.key("request"));
        checker.sign(spec, test, &at.key("request").key("sign"));
        checker.expect(test, &at);
        checker.deliveries(spec, test, &at);
        let assertions = assertions(test, &at.key("assert"), report, cache);
        if let (Some(clock), Some(environment), Some(assertions)) = (clock, environment, assertions)
        {
            tests.push(Test {
                index,
                spec: test.clone(),
                at: clock,
                environment,
                assertions,
            });
        }
    }
    tests
}

fn assertions(
    test: &TestSpec,
    at: &FieldPath,
    report: &mut Report<'_>,
    cache: &mut Cache,
) -> Option<Vec<Clause>> {
    if test.assert.is_empty() {
        return Some(Vec::new());
    }
    let mut environment = Environment::new();
    environment.declare("response", response_type());
    report.lend(|report| {
        // `response` is in no other environment, so what is cached for those is never found.
        let own = ["response".to_owned()];
        let mut expressions = Expressions::new(report, environment, own, cache);
        let clauses = test
            .assert
            .iter()
            .enumerate()
            .map(|(index, text)| expressions.condition(&at.index(index), &text.0))
            .collect::<Vec<_>>();
        (clauses.into_iter().collect(), expressions.report)
    })
}

fn response_type() -> Type {
    let texts = Type::Map(Arc::new(Type::String), Arc::new(Type::String));
    Record::closed(
        "response",
        [
            ("status_code", Type::Int),
            ("headers", texts),
            ("body", Type::Dyn),
            ("text", Type::String),
        ],
    )
}

struct Checker<'r, 'd> {
    report: &'r mut Report<'d>,
}

impl Checker<'_, '_> {
    fn bad(&mut self, at: &FieldPath, message: impl Into<String>, help: &str) {
        self.report
            .error(code::route::BAD_TEST, at, message)
            .help(help);
    }

    fn name(&mut self, test: &TestSpec, all: &[TestSpec], index: usize, at: &FieldPath) {
        if test.name.trim().is_empty() {
            self.bad(
                &at.key("name"),
                "a test without a name",
                "say what it shows",
            );
        } else if all.iter().take(index).any(|other| other.name == test.name) {
            self.bad(
                &at.key("name"),
                format!("a second test `{}`", test.name),
                "give one of them another name",
            );
        }
    }

    fn clock(&mut self, at: Option<&str>, field: &FieldPath) -> Option<Timestamp> {
        let text = at.unwrap_or(DEFAULT_AT);
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.bad(
                field,
                format!("`{text}` is not an instant"),
                "write it as in `2026-11-01T10:00:00Z`",
            );
        }
        parsed
    }

    fn environment(&mut self, name: Option<&str>, at: &FieldPath) -> Option<auth::Environment> {
        match name {
            None | Some("sandbox") => Some(auth::Environment::Sandbox),
            Some("production") => Some(auth::Environment::Production),
            Some(other) => {
                self.bad(
                    at,
                    format!("`{other}` is not an environment"),
                    "write `sandbox` or `production`",
                );
                None
            }
        }
    }

    fn env(&mut self, test: &TestSpec, known: &[String], at: &FieldPath) {
        for name in test.env.keys().filter(|name| !known.contains(name)) {
            self.report
                .error_at_key(
                    code::route::BAD_TEST,
                    &at.key(name.as_str()),
                    format!("`{name}` is not listed under `env` of `gateway:`"),
                )
                .help("add it there, or remove it here");
        }
    }

    fn request(&mut self, request: &TestRequestSpec, at: &FieldPath) {
        let bodies: Vec<&str> = [
            ("json", request.json.is_some()),
            ("body", request.body.is_some()),
            ("body_file", request.body_file.is_some()),
            ("corpus", request.corpus.is_some()),
            ("body_base64", request.body_base64.is_some()),
            ("form", request.form.is_some()),
            ("multipart", request.multipart.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_there)| is_there.then_some(key))
        .collect();
        if let [first, rest @ ..] = bodies.as_slice() {
            for key in rest {
                let at = at.key(*key);
                self.report
                    .error_at_key(
                        code::route::BAD_TEST,
                        &at,
                        format!("`{key}` beside `{first}`: a request has one body"),
                    )
                    .help("keep one of them");
            }
        }
        if let Some(method) = &request.method
            && Methods::named(method).is_none()
            && method != "HEAD"
        {
            self.bad(
                &at.key("method"),
                format!("`{method}` is not a method"),
                "use GET, POST, PUT, PATCH, DELETE or HEAD",
            );
        }
        if let Some(path) = &request.path
            && !path.starts_with('/')
        {
            self.bad(
                &at.key("path"),
                "a path begins with `/`",
                "write the address without its host",
            );
        }
        for (key, tree) in [("query", &request.query), ("form", &request.form)] {
            if let Some(tree) = tree {
                self.pairs(tree, &at.key(key));
            }
        }
        for (name, value) in &request.headers {
            let at = at.key("headers").key(name.as_str());
            if http::HeaderName::try_from(name.as_str()).is_err() {
                self.report.error_at_key(
                    code::route::BAD_TEST,
                    &at,
                    format!("`{name}` cannot be a header's name"),
                );
            }
            self.texts(value, &at);
        }
        if let Some(text) = &request.body_base64
            && decode_base64(text).is_none()
        {
            self.bad(
                &at.key("body_base64"),
                "this is not base64",
                "use the standard alphabet with padding",
            );
        }
        if let Some(tree) = &request.multipart {
            self.multipart(tree, &at.key("multipart"));
        }
        if let Some(TestKeySpec::Made {
            sent_in: Some(place),
            ..
        }) = &request.zapikey
            && !matches!(place.as_str(), "query" | "header" | "form")
        {
            self.bad(
                &at.key("zapikey").key("sent_in"),
                format!("a key cannot be sent in `{place}`"),
                "write `query`, `header` or `form`",
            );
        }
    }

    /// Only what is checked can be signed.
    fn sign(&mut self, spec: &FunctionSpec, test: &TestSpec, at: &FieldPath) {
        let has_signature = matches!(
            &spec.auth,
            Some(AuthSpec::Callers {
                signature: Some(_),
                ..
            })
        );
        if test.request.sign.is_some() && !has_signature {
            self.bad(
                at,
                "the function asks for no signature",
                "take `sign` out, or add `auth: { signature: … }`",
            );
        }
    }

    /// A map of texts, or of lists of texts.
    fn pairs(&mut self, tree: &Tree, at: &FieldPath) {
        let Tree::Map(entries) = tree else {
            return self.bad(
                at,
                "not a map",
                "write `name: value`; a list repeats the name",
            );
        };
        for (name, value) in entries {
            self.texts(value, &at.key(name.as_str()));
        }
    }

    fn texts(&mut self, tree: &Tree, at: &FieldPath) {
        if let Tree::List(items) = tree {
            for (index, item) in items.iter().enumerate() {
                if scalar_text(item).is_none() {
                    self.bad(&at.index(index), "not a text", "write one text an item");
                }
            }
        } else if scalar_text(tree).is_none() {
            self.bad(
                at,
                "not a text",
                "write a text, or a list of texts to repeat the name",
            );
        }
    }

    fn multipart(&mut self, tree: &Tree, at: &FieldPath) {
        let Tree::Map(parts) = tree else {
            return self.bad(at, "not a map", "write a part a line: `name: text`");
        };
        for (name, part) in parts {
            let at = at.key(name.as_str());
            let items: Vec<(&Tree, FieldPath)> = match part {
                Tree::List(items) => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (item, at.index(index)))
                    .collect(),
                part => vec![(part, at)],
            };
            for (part, at) in items {
                self.part(part, &at);
            }
        }
    }

    fn part(&mut self, part: &Tree, at: &FieldPath) {
        let Tree::Map(fields) = part else {
            if scalar_text(part).is_none() {
                self.bad(
                    at,
                    "not a part",
                    "write a text, or `{ text | file | base64, filename, type }`",
                );
            }
            return;
        };
        let mut contents = 0;
        for (key, value) in fields {
            let at = at.key(key.as_str());
            match (key.as_str(), value) {
                ("base64", Tree::Text(text)) => {
                    contents += 1;
                    if decode_base64(text).is_none() {
                        self.bad(
                            &at,
                            "this is not base64",
                            "use the standard alphabet with padding",
                        );
                    }
                }
                ("text" | "file", Tree::Text(_)) => contents += 1,
                ("filename" | "type", Tree::Text(_)) => {}
                ("text" | "file" | "base64" | "filename" | "type", _) => {
                    self.bad(&at, format!("`{key}` is a text"), "put it in quotes");
                }
                _ => {
                    self.report
                        .error_at_key(code::route::BAD_TEST, &at, format!("unknown key `{key}`"))
                        .help("a part has one of `text`, `file`, `base64`, and perhaps `filename` and `type`");
                }
            }
        }
        if contents != 1 {
            self.bad(
                at,
                "a part has one content",
                "give one of `text`, `file`, `base64`",
            );
        }
    }

    fn expect(&mut self, test: &TestSpec, at: &FieldPath) {
        let expect = &test.expect;
        let at_expect = at.key("expect");
        let is_empty = expect.status_code.is_none()
            && expect.headers.is_empty()
            && expect.body.is_none()
            && expect.skipped.is_none()
            && expect.refusal.is_none()
            && expect.output.is_none()
            && expect.deliveries.is_none();
        if is_empty && test.assert.is_empty() {
            self.bad(
                at,
                format!("the test `{}` expects nothing", test.name),
                "add `expect:`, such as `expect: { status_code: 200 }`",
            );
        }
        if let Some(status) = expect.status_code
            && !(200..=599).contains(&status)
        {
            self.bad(
                &at_expect.key("status_code"),
                format!("no answer has the status {status}"),
                "a number from 200 to 599",
            );
        }
        for (name, tree) in &expect.headers {
            self.matchers(tree, &at_expect.key("headers").key(name.as_str()));
        }
        for (key, tree) in [("body", &expect.body), ("output", &expect.output)] {
            if let Some(tree) = tree {
                self.matchers(tree, &at_expect.key(key));
            }
        }
    }

    /// `mocks` and `expect.deliveries`: by names of the function's own.
    fn deliveries(&mut self, spec: &FunctionSpec, test: &TestSpec, at: &FieldPath) {
        const MOCK: [&str; 6] = [
            "status_code",
            "headers",
            "json",
            "text",
            "timeout",
            "refused",
        ];
        const SENT: [&str; 8] = [
            "outcome", "method", "path", "query", "headers", "json", "form", "text",
        ];
        let of_mocks = test
            .mocks
            .iter()
            .map(|named| (named, at.key("mocks"), &MOCK[..]));
        let expected = test.expect.deliveries.iter().flatten();
        let at_expected = at.key("expect").key("deliveries");
        let expected = expected.map(|named| (named, at_expected.clone(), &SENT[..]));
        for ((name, tree), at, keys) in of_mocks.chain(expected) {
            let at = at.key(name.as_str());
            if !spec.deliver.iter().any(|delivery| delivery.name == *name) {
                let known = spec.deliver.iter().map(|delivery| delivery.name.as_str());
                let near = suggest::nearest(name, known);
                let help = near.map_or_else(
                    || "the names are those under `deliver`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no delivery `{name}`");
                self.bad(&at, message, &help);
            }
            let one = |tree: &Tree| match tree {
                Tree::Map(entries) => entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .find(|key| !keys.contains(&key.as_str()) && !key.starts_with('$')),
                _ => Some(String::new()),
            };
            let wrong = match tree {
                Tree::List(items) => items.iter().find_map(one),
                tree => one(tree),
            };
            if let Some(wrong) = wrong {
                let message = if wrong.is_empty() {
                    "this must be a map, or a list of maps".to_owned()
                } else {
                    format!("nothing of a delivery is called `{wrong}`")
                };
                self.bad(
                    &at,
                    message,
                    &format!("the keys are `{}`", keys.join("`, `")),
                );
            }
            self.matchers(tree, &at);
        }
    }

    /// `{ $contains: x }` and its like, wherever they stand.
    fn matchers(&mut self, tree: &Tree, at: &FieldPath) {
        match tree {
            Tree::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.matchers(item, &at.index(index));
                }
            }
            Tree::Map(entries) => {
                let is_matcher = entries.iter().any(|(key, _)| key.starts_with('$'));
                for (key, value) in entries {
                    let at = at.key(key.as_str());
                    if is_matcher {
                        self.matcher(key, value, &at);
                    } else {
                        self.matchers(value, &at);
                    }
                }
            }
            Tree::Null
            | Tree::Bool(_)
            | Tree::Int(_)
            | Tree::UInt(_)
            | Tree::Double(_)
            | Tree::Text(_) => {}
        }
    }

    fn matcher(&mut self, key: &str, value: &Tree, at: &FieldPath) {
        match (key, value) {
            ("$contains", value) => self.matchers(value, at),
            ("$matches", Tree::Text(pattern)) => {
                if let Err(error) = Regex::new(pattern) {
                    let error = error.to_string();
                    let last = error.lines().last().unwrap_or_default();
                    self.bad(
                        at,
                        format!(
                            "not a regular expression: {}",
                            last.trim_start_matches("error: ")
                        ),
                        "RE2's syntax, as in `matches()`",
                    );
                }
            }
            ("$exists" | "$any", Tree::Bool(_)) | ("$exact", _) => {}
            ("$matches", _) => self.bad(at, "`$matches` takes a text", "put it in quotes"),
            ("$exists" | "$any", _) => {
                self.bad(
                    at,
                    format!("`{key}` takes `true` or `false`"),
                    "write `true`",
                );
            }
            _ => {
                self.report
                    .error_at_key(
                        code::route::BAD_TEST,
                        at,
                        format!("`{key}` is not a matcher"),
                    )
                    .help(format!(
                        "use one of {}, and no other key beside",
                        MATCHERS.join(", ")
                    ));
            }
        }
    }
}

/// Base64 as YAML holds it: breaks and blanks aside.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// The text of a scalar, as a header or a form would carry it.
pub(crate) fn scalar_text(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Text(text) => Some(text.clone()),
        Tree::Int(number) => Some(number.to_string()),
        Tree::UInt(number) => Some(number.to_string()),
        Tree::Double(number) => Some(number.to_string()),
        Tree::Bool(flag) => Some(flag.to_string()),
        Tree::Null | Tree::List(_) | Tree::Map(_) => None,
    }
}
