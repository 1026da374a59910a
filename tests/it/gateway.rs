//! The life of a request in process, and what is refused at load.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::panic,
    reason = "a test that panics is a test that fails"
)]

use std::sync::Arc;

use bytes::Bytes;
use hookweir::auth::{
    Environment, KeyRecord, KeyRefusal, KeyTerms, Keyring, Owner, Scope, ZapiKey,
};
use hookweir::diagnostic::{Severity, code};
use hookweir::gateway::{Gateway, Head, InboundRequest, Outcome, Refusal, ReplyKind};
use hookweir::route::{self, Compilation, Generation};
use hookweir::spec;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;

const KEY: &str = "1003.00112233445566778899aabbccddeeff.00112233445566778899aabbccddeeff";
const NOW: &str = "2026-11-01T10:00:00Z";

fn compile(yaml: &str) -> Compilation {
    compile_file("specs/test.yaml", yaml)
}

fn compile_file(path: &str, yaml: &str) -> Compilation {
    route::compile(spec::load_text(path, yaml), &|name| {
        (name == "REGION").then(|| "eu".to_owned())
    })
}

fn generation(yaml: &str) -> Generation {
    let compilation = compile(yaml);
    compilation
        .generation
        .unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics))
}

/// Errors as `CODE line:column message`, and the same for warnings with `-w`.
fn problems(yaml: &str, severity: Severity) -> Vec<String> {
    let compilation = compile(yaml);
    compilation
        .diagnostics
        .iter()
        .filter(|problem| problem.severity == severity)
        .map(|problem| {
            let span = problem.span.unwrap();
            let (line, column) = compilation
                .sources
                .get(span.source)
                .unwrap()
                .position(span.start);
            format!("{} {line}:{column} {}", problem.code, problem.message)
        })
        .collect()
}

#[track_caller]
fn check_errors(yaml: &str, expected: &[&str]) {
    assert_eq!(problems(yaml, Severity::Error), expected, "{yaml}");
    assert_eq!(compile(yaml).generation.is_none(), !expected.is_empty());
}

fn key(scope: Scope) -> KeyRecord {
    let now: Timestamp = NOW.parse().unwrap();
    let terms = KeyTerms {
        label: "test".to_owned(),
        owner: Owner {
            id: "7".to_owned(),
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            org_id: "1".to_owned(),
        },
        environment: Environment::Sandbox,
        scope,
        expires: None,
    };
    KeyRecord::issue(&ZapiKey::parse(KEY).unwrap(), terms, now).unwrap()
}

/// One request, built up and sent.
struct Sent {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    at: Timestamp,
}

fn request(line: &str) -> Sent {
    let (method, target) = line.split_once(' ').unwrap();
    Sent {
        method: method.parse().unwrap(),
        target: target.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        at: NOW.parse().unwrap(),
    }
}

impl Sent {
    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    fn json(self, body: &str) -> Self {
        Self {
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..self.header("content-type", "application/json")
        }
    }

    fn inbound(self) -> InboundRequest {
        InboundRequest {
            head: Head {
                method: self.method,
                target: self.target.parse().unwrap(),
                headers: self.headers,
                peer: Some([127, 0, 0, 1].into()),
                client: None,
                received_at: self.at,
                request_id: Arc::from("r-1"),
            },
            body: self.body,
        }
    }

    fn to(self, gateway: &Gateway) -> Outcome {
        let inbound = self.inbound();
        match gateway.find(&inbound.head) {
            Ok(admission) => gateway.accept(&admission, &inbound),
            Err(refusal) => Outcome {
                result: Err(refusal),
                key: None,
                environment: None,
                note: None,
                observed: None,
                errand: None,
                kept: None,
            },
        }
    }
}

fn gateway(yaml: &str) -> Gateway {
    Gateway::new(generation(yaml), Keyring::new([key(Scope::All)]))
}

/// Status, content type and body of an answer.
#[track_caller]
fn answer(outcome: &Outcome) -> (u16, String, String) {
    let reply = outcome
        .result
        .as_ref()
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let content_type = reply
        .headers
        .get("content-type")
        .map_or("", |value| value.to_str().unwrap());
    (
        reply.status.as_u16(),
        content_type.to_owned(),
        String::from_utf8(reply.body.to_vec()).unwrap(),
    )
}

#[track_caller]
fn body(outcome: &Outcome) -> String {
    answer(outcome).2
}

#[track_caller]
fn refusal(outcome: &Outcome) -> String {
    match &outcome.result {
        Err(refusal) => format!("{refusal:?}"),
        Ok(reply) => panic!("{reply:?}"),
    }
}

/// A function that everybody may call, with these sections.
fn open(sections: &str) -> String {
    format!("function: f\naccept: {{ path: /f }}\nauth: none\n{sections}\n")
}

#[test]
fn each_reason_to_refuse_has_its_own_refusal() {
    let gateway = gateway(
        "function: keyed\naccept: { methods: [POST] }\nauth: { zapikey: required }\nrespond: { output: hi }\n\
         ---\n\
         function: other\nauth: { zapikey: optional }\nrespond: { output: '${auth_type}' }\n",
    );
    let address = "/crm/v7/functions/keyed/actions/execute";
    let check = |line: String, expected: &str| {
        assert_eq!(refusal(&request(&line).to(&gateway)), expected, "{line}");
    };
    check("POST /nowhere".to_owned(), "NoRoute");
    check(
        format!("GET {address}?zapikey={KEY}"),
        "MethodNotAllowed([POST, OPTIONS])",
    );
    check(format!("POST {address}"), "Key(Missing)");
    check(
        format!("POST {address}?auth_type=apikey&zapikey="),
        "Key(Missing)",
    );
    check(format!("POST {address}?zapikey={KEY}"), "Key(Missing)");
    check(
        format!("POST {address}?auth_type=basic&zapikey={KEY}"),
        "Key(Missing)",
    );
    check(
        format!("POST {address}?auth_type=apikey&zapikey=nonsense"),
        "Key(Unknown)",
    );
    check(
        format!("POST {address}?auth_type=oauth&zapikey={KEY}"),
        "OAuthNotOffered",
    );
    let outcome = request(&format!("POST {address}"))
        .header("authorization", "Zoho-oauthtoken 1000.x")
        .to(&gateway);
    assert_eq!(refusal(&outcome), "OAuthNotOffered");

    let other = "/crm/v7/functions/other/actions/execute";
    check(
        format!("POST {other}?auth_type=apikey&zapikey=nonsense"),
        "Key(Unknown)",
    );
    let outcome = request(&format!("GET {other}")).to(&gateway);
    assert!(body(&outcome).contains(r#""output":"none""#));
    assert!(outcome.key.is_none());
    assert_eq!(outcome.environment, Some(Environment::Production));

    gateway.install_keys(Keyring::new([key(Scope::Functions(vec![
        "other".to_owned(),
    ]))]));
    check(
        format!("POST {address}?auth_type=apikey&zapikey={KEY}"),
        "Key(OutOfScope)",
    );
}

#[test]
fn a_key_is_taken_wherever_it_may_stand() {
    let gateway = gateway(
        "function: f\naccept: { path: /f }\nauth: { zapikey: required }\nrespond: { output: '${user_info.email}' }\n",
    );
    let zoho = "/crm/v2/functions/f/actions/execute";
    let old = "/crm/v2/settings/custom_functions/f/execute";
    let outcomes = [
        request(&format!("POST {zoho}?auth_type=apikey&zapikey={KEY}")).to(&gateway),
        request(&format!("POST {old}?zapikey={KEY}")).to(&gateway),
        request(&format!("POST /f?zapikey={KEY}")).to(&gateway),
        request(&format!("GET {zoho}"))
            .header("x-zapi-key", KEY)
            .to(&gateway),
        Sent {
            body: Bytes::from(format!("auth_type=apikey&zapikey={KEY}")),
            ..request(&format!("POST {zoho}"))
                .header("content-type", "application/x-www-form-urlencoded")
        }
        .to(&gateway),
    ];
    for outcome in outcomes {
        assert!(body(&outcome).contains(r#""output":"ada@example.com""#));
        assert_eq!(outcome.environment, Some(Environment::Sandbox));
        assert!(outcome.key.is_some());
    }
}

#[test]
fn a_false_or_failing_when_is_skipped_and_says_why_to_the_operator() {
    let gateway = gateway(&open("when: body.kind == \"push\"\nrespond: { body: ran }"));
    let outcome = request("POST /f").json(r#"{"kind":"push"}"#).to(&gateway);
    assert_eq!(body(&outcome), "ran");
    assert_eq!(outcome.note, None);

    for (json, note) in [
        (r#"{"kind":"ping"}"#, "`when` is false"),
        ("{}", "`when` failed: no such key: kind"),
    ] {
        let outcome = request("POST /f").json(json).to(&gateway);
        assert!(body(&outcome).contains(r#""output":"skipped""#), "{json}");
        assert_eq!(outcome.result.as_ref().unwrap().kind, ReplyKind::Skipped);
        assert!(outcome.note.unwrap().starts_with(note), "{json}");
    }
}

#[test]
fn a_public_url_has_a_port_and_a_path_that_everybody_reads_alike() {
    let check = |url: &str, why: Option<&str>| {
        let found = problems(
            &format!("gateway: g\npublic_url: \"{url}\"\n"),
            Severity::Error,
        );
        let expected =
            why.map(|why| format!("E0509 2:13 `{url}` cannot be the gateway's address: {why}"));
        assert_eq!(found, Vec::from_iter(expected), "{url}");
    };
    check("https://hooks.example.com:8443/in/", None);
    check("https://[2001:db8::1]:443", None);
    check("https://[2001:db8::1]", None);
    let port = Some("its port is not one of 1 to 65535");
    check("https://a:0", port);
    check("https://a:99999", port);
    check("https://[::1]:99999/x", port);
    let path = Some("its path has an empty, `.` or `..` segment");
    check("https://a/../b", path);
    check("https://a/b//c", path);
    check("https://a/./b", path);
}

/// A key in a JSON body opens nothing, but it is somebody's: whatever a failure tells of the body, the
/// operator's log does not keep it, also where the text is cut in the middle of the key.
#[test]
fn what_the_operator_reads_has_no_key_in_it() {
    let failing = gateway(&open("respond: { body: '${fail(body.why)}' }"));
    let skipping = gateway(&open("when: 'fail(body.why)'\nrespond: { body: x }"));
    for filling in ["", &"x".repeat(150)] {
        let json = format!(r#"{{"why":"{filling} {KEY}"}}"#);
        for gateway in [&failing, &skipping] {
            let outcome = request("POST /f").json(&json).to(gateway);
            let told = format!("{:?} {:?}", outcome.result.err(), outcome.note);
            assert!(
                told.contains("1003.…") && !told.contains(&KEY[5..15]),
                "{told}"
            );
        }
    }
}

#[test]
fn the_first_check_that_does_not_hold_answers() {
    let gateway = gateway(&open(
        "let:\n  email: body.email\n\
         check:\n\
         \x20 - that: size(body.name) > 0\n    else: { status_code: 400, message: 'no name, but ${query.x}' }\n\
         \x20 - that: email.contains(\"@\")\n    else: { message: no address }\n\
         respond: { body: fine }",
    ));
    let check = |json: &str, expected: &str| {
        let outcome = request("POST /f?x=1").json(json).to(&gateway);
        assert_eq!(refusal(&outcome), expected, "{json}");
    };
    let outcome = request("POST /f")
        .json(r#"{"name":"a","email":"a@b"}"#)
        .to(&gateway);
    assert_eq!(body(&outcome), "fine");
    let no_name = r#"CheckFailed { status: 400, message: "no name, but 1" }"#;
    check(r#"{"name":"","email":"a@b"}"#, no_name);
    check(r#"{"email":"a@b"}"#, no_name);
    check(r#"{"name":7,"email":"a@b"}"#, no_name);
    check(
        r#"{"name":"a","email":"b"}"#,
        r#"CheckFailed { status: 422, message: "no address" }"#,
    );
    check(
        r#"{"name":"a"}"#,
        r#"CheckFailed { status: 422, message: "no address" }"#,
    );
    let outcome = request("POST /f").json(r#"{"name":"a"}"#).to(&gateway);
    let note = outcome.note.unwrap();
    assert!(
        note.starts_with("specs/test.yaml:5, let email: no such key: email"),
        "{note}"
    );
}

#[test]
fn a_failure_names_the_expression_in_which_it_arose() {
    let gateway = gateway(&open(
        "let:\n  full: repo.full_name\n  repo: body.repository\n  number: int(body.number)\n\
         respond:\n  - when: has(body.number)\n    body: { n: '${number}' }\n  - body:\n      repo: ${full}",
    ));
    let check = |json: &str, expected: &str| {
        let found = refusal(&request("POST /f").json(json).to(&gateway));
        assert!(found.contains(expected), "{found} is not {expected}");
    };
    check(
        "{}",
        r#"MissingField { field: "body.repository", site: "specs/test.yaml:6, let repo" }"#,
    );
    check(
        r#"{"repository":{}}"#,
        r#"MissingField { field: "repo.full_name", site: "specs/test.yaml:5, let full" }"#,
    );
    check(
        r#"{"number":"x"}"#,
        r#"site: "specs/test.yaml:7, let number""#,
    );
    check(r#"{"number":"x"}"#, "Failed {");
}

#[test]
fn what_the_caller_sent_wrong_wins_over_what_the_function_made_of_it() {
    let gateway = gateway(&open("respond: { body: { a: '${body.a ?? 1}' } }"));
    let outcome = request("POST /f").json("{").to(&gateway);
    assert!(refusal(&outcome).starts_with("BadBody"), "{outcome:?}");
    let outcome = request("POST /f")
        .header("content-encoding", "gzip")
        .json("{}")
        .to(&gateway);
    assert!(refusal(&outcome).starts_with("UnsupportedMediaType"));
    // Nobody looked: nobody complains.
    let lazy = self::gateway(&open("respond: { body: constant }"));
    assert_eq!(body(&request("POST /f").json("{").to(&lazy)), "constant");
}

#[test]
fn answers_keep_types_and_leave_empty_optionals_out() {
    let gateway = gateway(&open(
        "respond:\n  status_code: ${body.status}\n  headers: { X-Id: '${body.id}', Set-Cookie: [a=1, 'b=${body.id}'] }\n  body:\n\
         \x20   id: ${body.id}\n    price: ${body.price}\n    text: id ${body.id}\n    gone: ${body.?nope}\n\
         \x20   fixed: [1, two, {three: null}]\n    list: ['${body.?nope}', '${body.tags}']\n    plain: $${x}",
    ));
    let outcome = request("POST /f")
        .json(r#"{"id":9007199254740993,"price":1.10,"tags":["é","\""],"status":201}"#)
        .to(&gateway);
    let (status, content_type, text) = answer(&outcome);
    assert_eq!(status, 201);
    assert_eq!(content_type, "application/json;charset=utf-8");
    assert_eq!(
        text,
        r#"{"id":9007199254740993,"price":1.10,"text":"id 9007199254740993","fixed":[1,"two",{"three":null}],"list":[["é","\""]],"plain":"${x}"}"#
    );
    let reply = outcome.result.unwrap();
    assert_eq!(reply.headers["x-id"], "9007199254740993");
    assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 2);
    assert!(!reply.headers.contains_key("content-disposition"));

    let check = |json: &str, expected: &str| {
        let found = refusal(&request("POST /f").json(json).to(&gateway));
        assert!(found.contains(expected), "{found}");
    };
    check(
        r#"{"id":1,"price":1,"tags":[],"status":99}"#,
        "`status_code` is 99",
    );
    check(
        r#"{"id":"a\r\nX: y","price":1,"tags":[],"status":200}"#,
        "line break",
    );
}

#[test]
fn cases_are_tried_in_order_and_templates_are_escaped_by_type() {
    let gateway = gateway(&open(
        "let: { name: query.name }\nrespond:\n\
         \x20 - when: name == \"html\"\n    content_type: text/html\n    body: { $template: '<b>{{query.x}}</b>' }\n\
         \x20 - when: name == \"text\"\n    content_type: text/plain\n    body: { $template: '{{query.x}}' }\n\
         \x20 - when: name == \"json\"\n    body: { in: { $template: 'say {{query.x}}' } }\n\
         \x20 - when: name == \"none\"\n    status_code: 204\n\
         \x20 - output: { x: '${query.x}' }",
    ));
    let check = |name: &str, expected: (u16, &str, &str)| {
        let outcome = request(&format!("GET /f?name={name}&x=%3C%22%26")).to(&gateway);
        let (status, content_type, text) = answer(&outcome);
        assert_eq!((status, content_type.as_str(), text.as_str()), expected);
    };
    let json = "application/json;charset=utf-8";
    check("html", (200, "text/html", "<b>&lt;&quot;&amp;</b>"));
    check("text", (200, "text/plain", "<\"&"));
    check("json", (200, json, r#"{"in":"say <\"&"}"#));
    check("none", (204, "", ""));
    let outcome = request("GET /f?name=other&x=1").to(&gateway);
    assert!(body(&outcome).contains(r#""output":"{\"x\":\"1\"}""#));
}

#[test]
fn an_answer_cannot_grow_beyond_its_limit() {
    let yaml = "gateway: g\nlimits: { response: 1KiB }\n---\n".to_owned()
        + &open(
            "let:\n  a: '[body.x, body.x, body.x, body.x]'\n  b: '[a, a, a, a]'\n  c: '[b, b, b, b]'\nrespond: { body: { c: '${c}' } }",
        );
    let gateway = gateway(&yaml);
    let outcome = request("POST /f").json(r#"{"x":"y"}"#).to(&gateway);
    assert_eq!(answer(&outcome).0, 200);
    let long = format!(r#"{{"x":"{}"}}"#, "y".repeat(100));
    let outcome = request("POST /f").json(&long).to(&gateway);
    assert!(refusal(&outcome).contains("longer than 1024 bytes"));
}

#[test]
fn one_caller_cannot_spend_anothers_rate_and_a_reload_forgets_nothing() {
    let yaml =
        "function: f\naccept: { path: /f, rate: 2/min }\nauth: none\nrespond: { body: hi }\n";
    let gateway = gateway(yaml);
    let send = |second: i64| {
        let at: Timestamp = NOW.parse().unwrap();
        let at = Timestamp::from_second(at.as_second() + second).unwrap();
        Sent {
            at,
            ..request("GET /f")
        }
        .to(&gateway)
    };
    assert!(send(0).result.is_ok());
    assert!(send(0).result.is_ok());
    assert_eq!(refusal(&send(0)), "TooFast { retry_after: 30 }");
    gateway.install(generation(yaml));
    assert_eq!(refusal(&send(1)), "TooFast { retry_after: 29 }");
    assert!(send(30).result.is_ok());
}

#[test]
fn a_request_sees_one_generation_from_beginning_to_end() {
    let version = |number: u32| {
        open(&format!(
            "respond: {{ body: '{number} ${{event.generation}}' }}"
        ))
    };
    let mut first = generation(&version(1));
    first.number = 1;
    let gateway = Gateway::new(first, Keyring::default());
    let inbound = request("GET /f").inbound();
    let admission = gateway.find(&inbound.head).unwrap();
    let mut second = generation(&version(2));
    second.number = 2;
    gateway.install(second);
    assert_eq!(body(&gateway.accept(&admission, &inbound)), "1 1");
    let admission = gateway.find(&inbound.head).unwrap();
    assert_eq!(body(&gateway.accept(&admission, &inbound)), "2 2");
}

#[test]
fn parameters_of_the_path_are_values() {
    let gateway = gateway(
        "function: f\naccept: { path: '/f/{form}/{part}' }\nauth: none\nrespond: { body: '${path.part} of ${path.form}' }\n",
    );
    let outcome = request("GET /f/a%2Fb/%C3%A9").to(&gateway);
    assert_eq!(body(&outcome), "é of a/b");
    assert_eq!(
        gateway.allowed("/f/a/b").unwrap(),
        [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS]
    );
    assert_eq!(gateway.allowed("/f/a"), None);
    assert!(request("HEAD /f/a/b").to(&gateway).result.is_ok());
}

#[test]
fn values_need_each_other_in_any_order_but_not_in_a_circle() {
    let gateway = gateway(&open(
        "let:\n  c: a + b\n  b: a + 1\n  a: int(query.n)\n  unusual: '[1, 2].map(c, c * 2)'\nrespond: { body: '${c} ${unusual[0]}' }",
    ));
    assert_eq!(body(&request("GET /f?n=1").to(&gateway)), "3 2");

    let yaml = open("let:\n  a: b\n  b: c + 1\n  c: a\nrespond: { body: '${a}' }");
    check_errors(
        &yaml,
        &["E0408 5:6 values that need each other: `a` → `b` → `c` → `a`"],
    );
    let compilation = compile(&yaml);
    let circle = compilation
        .diagnostics
        .iter()
        .find(|problem| problem.severity == Severity::Error)
        .unwrap();
    assert_eq!(circle.label.as_deref(), Some("needs `b`"));
    let words: Vec<_> = circle
        .related
        .iter()
        .map(|(_, words)| words.as_str())
        .collect();
    assert_eq!(words, ["needs `c`", "needs `a`"]);

    check_errors(
        &open("let: { a: a + 1 }\nrespond: { body: '${a}' }"),
        &["E0408 4:11 `a` needs itself"],
    );
}

#[test]
fn a_chain_of_values_has_an_end() {
    let chain = |length: usize| {
        let mut values = String::new();
        for index in 1..length {
            values += &format!("  v{index}: v{} + 1\n", index - 1);
        }
        open(&format!(
            "let:\n  v0: int(query.n)\n{values}respond: {{ body: '${{v{}}}' }}",
            length - 1
        ))
    };
    let gateway = gateway(&chain(64));
    assert_eq!(body(&request("GET /f?n=0").to(&gateway)), "63");
    check_errors(
        &chain(65),
        &["E0409 69:3 `v64` stands on a chain of more than 64 values"],
    );
}

#[test]
fn two_functions_that_could_answer_one_request_are_refused() {
    let pair = |one: &str, other: &str| {
        format!(
            "function: a\naccept: {one}\nauth: none\n---\nfunction: b\naccept: {other}\nauth: none\n"
        )
    };
    let rows: [(&str, &str, Option<&str>); 8] = [
        ("{ path: /x }", "{ path: /x }", Some("GET")),
        ("{ path: '/{p}/x' }", "{ path: '/{q}/x' }", Some("GET")),
        (
            "{ path: /x, methods: [POST] }",
            "{ path: /x, methods: [PUT, POST] }",
            Some("POST"),
        ),
        (
            "{ path: /x, methods: [GET] }",
            "{ path: /x, methods: [POST] }",
            None,
        ),
        ("{ path: /x }", "{ path: '/{p}' }", None),
        ("{ path: /x/y }", "{ path: /x }", None),
        ("{ path: /X }", "{ path: /x }", None),
        ("{}", "{}", None),
    ];
    for (one, other, expected) in rows {
        let expected: Vec<String> = expected
            .map(|method| {
                format!(
                    "E0419 6:17 `b` and `a` could both answer {method} requests to this address"
                )
            })
            .into_iter()
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_errors(&pair(one, other), &expected);
    }
    check_errors(
        "function: a\nauth: none\n---\nfunction: a\nauth: none\n",
        &["E0418 4:11 a second function `a`"],
    );
}

#[test]
fn all_mistakes_of_a_function_are_told_at_once() {
    check_errors(
        "function: f\n\
         accept:\n  methods: [post, HEAD, PUT, PUT]\n  path: /crm/x\n  max_body: 11MiB\n\
         request: { arguments: [arguments, a-b] }\n\
         when: size(query)\n\
         check:\n  - that: query.x\n    else: { status_code: 451, message: no }\n\
         respond:\n\
         \x20 - output: x\n    status_code: 200\n\
         \x20 - when: true == true\n    status_code: '${true}'\n    content_type: text\n    headers: { Content-Length: 1, 'a b': c }\n",
        &[
            "E0406 1:1 the function does not say who may call it",
            "E0402 3:13 `post` is not a method that a function can accept",
            "E0402 3:19 `HEAD` is not a method that a function can accept",
            "E0402 3:30 `PUT` stands twice",
            "E0405 4:9 addresses under `/crm` are the gateway's own",
            "E0403 5:13 the gateway takes no body above 10MiB",
            "E0401 6:24 an argument cannot be called `arguments`: that is the parameter which holds them all",
            "E0401 6:35 `a-b` cannot be an argument's name",
            "E0410 7:7 a condition must be true or false, this is `int`",
            "E0410 9:11 a condition must be true or false, this is `string`",
            "E0413 13:5 `status_code` cannot stand beside `output`",
            "E0412 14:5 this case is never reached",
            "E0414 15:18 a status is a number, this is `bool`",
            "E0416 16:19 `text` is not a content type",
            "E0415 17:16 the header `Content-Length` is the server's own",
            "E0415 17:35 `a b` cannot be a header's name",
        ],
    );
}

#[test]
fn auth_must_be_spelled_out() {
    check_errors(
        "function: f\nauth: { zapikey: none }\n",
        &["E0407 2:18 nothing verifies who calls"],
    );
    let warnings = problems(
        "function: f\nauth: none\nlet: { a: 1 }\n",
        Severity::Warning,
    );
    assert_eq!(
        warnings,
        [
            "W0402 1:1 `f` has no test",
            "W0403 2:1 everybody who knows the address may call this function",
            "W0401 3:8 nothing reads `a`",
        ]
    );
}

/// What is wrong with the settings is told once, and not again at every name that they list.
#[test]
fn a_mistake_in_the_settings_does_not_come_back_from_the_functions() {
    let function = "---\nfunction: f\nauth: none\nlet: { a: env.UNSET, b: env.NOPE }\n\
                    respond: { body: \"${a}${b}${user_info.mail}\" }\n\
                    tests: [{ name: t, env: { OTHER: x }, expect: { status_code: 200 } }]\n";
    let check = |settings: &str, expected: &[&str]| {
        let found = problems(&format!("{settings}{function}"), Severity::Error);
        let codes: Vec<&str> = found.iter().map(|problem| &problem[..5]).collect();
        assert_eq!(codes, expected, "{settings}: {found:?}");
    };
    check(
        "gateway: g\nenv: [REGION]\n",
        &["E0203", "E0203", "E0203", "E0420"],
    );
    check(
        "gateway: g\nenv: [UNSET]\n",
        &["E0505", "E0203", "E0203", "E0420"],
    );
    check("gateway: g\nenv: UNSET\n", &["E0114", "E0203"]);
    check("gateway: g\nenv: [UNSET\n", &["E0101", "E0203"]);
    check(
        "gateway: g\nenv: [REGION]\nlog: 7\n",
        &["E0114", "E0203", "E0203", "E0203", "E0420"],
    );
}

#[test]
fn the_gateway_document_is_checked_whole() {
    check_errors(
        "gateway: g\nlisten: { address: '8080' }\nadmin: { address: 0.0.0.0:8081 }\n\
         public_url: hooks.example.com\n\
         limits: { body: 0B, head: 1KiB, header_timeout: 2m }\n\
         \
         log: { level: loud }\n\
         env: [REGION, NOPE, bad]\n\
         trusted_proxies: [10.0.0.1/8]\n---\ngateway: h\n",
        &[
            "E0502 2:20 `8080` is not where one can listen",
            "E0506 3:19 the admin listener would send its token in the clear",
            "E0509 4:13 `hooks.example.com` cannot be the gateway's address: it does not begin with `https://` and a host",
            "E0504 5:17 with `body` of nothing no request could be answered",
            "E0504 5:27 below 8KiB a head may not fit",
            "E0504 5:49 `header_timeout` is longer than `request_timeout`, which is for everything together",
            "E0508 6:15 `loud` is not a log level",
            "E0505 7:15 the environment variable `NOPE` is not set",
            "E0510 7:21 `bad` cannot be a variable's name",
            "E0507 8:19 `10.0.0.1/8` is not a network",
            "E0501 10:1 a second `gateway:` document",
        ],
    );
}

#[test]
fn variables_are_read_at_load_and_only_those_that_are_listed() {
    let yaml =
        "gateway: g\nenv: [REGION]\n---\n".to_owned() + &open("respond: { body: '${env.REGION}' }");
    assert_eq!(body(&request("GET /f").to(&gateway(&yaml))), "eu");
    let found = problems(&open("respond: { body: '${env.HOME}' }"), Severity::Error);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("HOME"), "{found:?}");
}

#[test]
fn a_key_cannot_be_read_by_any_expression() {
    let gateway = gateway(
        "function: f\naccept: { path: /f }\nauth: { zapikey: required }\n\
         respond: { body: '${to_json(crmAPIRequest)} ${to_json(query)} ${to_json(headers)} ${string(raw_body)} ${to_json(form)}' }\n",
    );
    let outcome = Sent {
        body: Bytes::from(format!("a=1&zapikey={KEY}")),
        ..request(&format!("POST /f?zapikey={KEY}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-zapi-key", KEY)
    }
    .to(&gateway);
    let text = body(&outcome);
    assert!(text.contains("a=1"), "{text}");
    assert!(!text.contains(KEY), "{text}");
    assert!(!text.contains(&KEY[5..20]), "{text}");
    assert!(!format!("{outcome:?}").contains(KEY));
}

#[test]
fn the_hash_tells_sets_of_files_apart() {
    let hash = |yaml: &str| generation(yaml).hash;
    let one = hash(&open("respond: { body: a }"));
    assert_eq!(one.len(), 64);
    assert_eq!(one, hash(&open("respond: { body: a }")));
    assert_ne!(one, hash(&open("respond: { body: b }")));
}

#[test]
fn a_template_file_is_read_at_load_and_its_mistakes_are_shown_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "f.yaml",
        &open("respond: { content_type: text/plain, body: { $template: { file: hello.txt } } }"),
    );
    let compile = || route::compile(spec::load(folder.path()).unwrap(), &|_| None);
    let missing = compile();
    assert!(missing.generation.is_none());
    assert!(
        missing
            .diagnostics
            .iter()
            .any(|problem| problem.message == "cannot read `hello.txt`: there is no such file")
    );

    write("hello.txt", "hello {{query.name}}");
    let good = compile().generation.unwrap();
    let hash = good.hash.clone();
    let gateway = Gateway::new(good, Keyring::default());
    assert_eq!(body(&request("GET /f?name=Ada").to(&gateway)), "hello Ada");

    write("hello.txt", "bye {{query.name}}");
    assert_ne!(compile().generation.unwrap().hash, hash);

    write("hello.txt", "\nhello {{nope}}");
    let bad = compile();
    let problem = bad
        .diagnostics
        .iter()
        .find(|problem| problem.severity == Severity::Error)
        .unwrap();
    let span = problem.span.unwrap();
    let source = bad.sources.get(span.source).unwrap();
    assert!(source.path.ends_with("hello.txt"));
    assert_eq!(source.position(span.start).0, 2);
    assert_eq!(problem.related[0].1, "used here");
}

#[test]
fn no_refusal_tells_whether_a_key_exists() {
    // The gateway tells them apart for the log; the server's table does not for the caller.
    let gateway = gateway("function: f\nauth: { zapikey: required }\n");
    let outcome =
        request("POST /crm/v7/functions/f/actions/execute?auth_type=apikey&zapikey=x").to(&gateway);
    assert!(matches!(
        outcome.result,
        Err(Refusal::Key(KeyRefusal::Unknown))
    ));
    assert!(outcome.key.is_none());
}

#[test]
fn every_page_shows_its_mistake_and_the_cure() {
    let pages =
        code::all().filter(|(code, _)| matches!(code.0.get(1..3), Some("04" | "05" | "06")));
    let pages = pages.filter(|(_, page)| page.contains("\nWrong:\n"));
    for (code, page) in pages {
        let codes = |word: &str| {
            let (_, block) = page.split_once(&format!("\n{word}:\n\n```yaml\n")).unwrap();
            let (yaml, _) = block.split_once("\n```").unwrap();
            // In a folder where the files lie that pages name.
            let compilation = compile_file("tests/it/cases/pages/page.yaml", yaml);
            compilation
                .diagnostics
                .iter()
                .map(|problem| problem.code)
                .collect::<Vec<_>>()
        };
        assert!(
            codes("Wrong").contains(&code),
            "{code}: {:?}",
            codes("Wrong")
        );
        assert!(
            codes("Right")
                .iter()
                .all(|found| found.0.starts_with("W04") && *found != code),
            "{code}: {:?}",
            codes("Right")
        );
    }
}
