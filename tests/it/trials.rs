//! `hookweir test`: what passes, what fails and how it is told.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics is a test that fails"
)]

use std::fs;
use std::io::Cursor;

use clap::Parser;
use hookweir::cli::console::{Console, Exit};
use hookweir::cli::test;
use hookweir::clock::SystemClock;
use serde_json::Value;
use tempfile::TempDir;

#[derive(Debug, Parser)]
#[command(name = "hookweir test")]
struct Cli {
    #[command(flatten)]
    args: test::Args,
}

const GREETING: &str = "\
function: greeting
auth: { zapikey: required }
let:
  name: body.name.trim()
check:
  - that: name != \"\"
    else: { status_code: 400, message: who are you }
respond:
  status_code: 201
  body:
    hello: ${name}
    at: ${now}
    event: ${event.id}
";

/// A folder with one file of functions, and nothing else.
struct Project(TempDir);

/// What a command said, without colours, and its exit code.
struct Said {
    exit: Exit,
    out: String,
    err: String,
}

impl Project {
    fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("specs")).unwrap();
        fs::write(folder.path().join("specs/f.yaml"), yaml).unwrap();
        Self(folder)
    }

    fn test(&self, arguments: &[&str]) -> Said {
        let specs = self.0.path().join("specs");
        let corpus = self.0.path().join("corpus");
        let all = [
            "test",
            specs.to_str().unwrap(),
            "--corpus",
            corpus.to_str().unwrap(),
        ];
        let cli = Cli::parse_from(all.iter().chain(arguments));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = test::run(
            &cli.args,
            &mut Console {
                input: &mut Cursor::new(Vec::new()),
                input_is_terminal: false,
                out: &mut anstream::StripStream::new(&mut out),
                err: &mut anstream::StripStream::new(&mut err),
                clock: &SystemClock,
            },
        );
        let shown = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(specs.to_str().unwrap(), "specs")
                .replace(corpus.to_str().unwrap(), "corpus")
        };
        Said {
            exit,
            out: shown(out),
            err: shown(err),
        }
    }
}

#[track_caller]
fn check(tests: &str, exit: Exit, out: &str) {
    let said = Project::new(&format!("{GREETING}tests:\n{tests}")).test(&[]);
    assert_eq!(said.out, out);
    assert_eq!((said.exit, said.err.as_str()), (exit, ""));
}

#[test]
fn a_test_takes_the_way_of_a_request() {
    check(
        "  - name: a name
    at: 2026-11-01T10:00:00Z
    request: { json: { name: ' Ada ' } }
    expect:
      status_code: 201
      headers: { content-type: { $contains: json }, x-none: { $exists: false } }
      body: { hello: Ada, at: 2026-11-01T10:00:00Z, event: { $matches: ^evt_ } }
    assert: ['response.body.hello == \"Ada\"', 'response.headers[\"Content-Type\"].contains(\"json\")']
  - name: the clock stands still at the beginning of a year
    request: { json: { name: Ada } }
    expect: { body: { at: 2026-01-01T00:00:00Z } }
  - name: no name
    request: { json: { name: '' } }
    expect: { status_code: 400, refusal: INVALID_DATA }
    assert: ['response.text.contains(\"who are you\")']
  - name: a missing name
    request: { json: {} }
    expect: { status_code: 400, body: { message: who are you } }
  - name: no key
    request: { json: { name: Ada }, zapikey: none }
    expect: { status_code: 401, refusal: AUTHENTICATION_FAILURE }
  - name: an expired key
    request: { json: { name: Ada }, zapikey: { expired: true } }
    expect: { status_code: 401 }
  - name: a revoked key
    request: { json: { name: Ada }, zapikey: { revoked: true } }
    expect: { status_code: 401 }
  - name: an unknown key, in the header
    request: { json: { name: Ada }, zapikey: { unknown: true, sent_in: header } }
    expect: { status_code: 401 }
  - name: another function's key
    request: { json: { name: Ada }, zapikey: { functions: [other] } }
    expect: { status_code: 403 }
  - name: a key in the header
    request: { json: { name: Ada }, zapikey: { sent_in: header } }
    expect: { status_code: 201 }
  - name: another method
    request: { method: DELETE }
    expect: { status_code: 405, headers: { allow: 'GET, HEAD, POST, OPTIONS' } }
  - name: another address
    request: { path: /nowhere, json: {} }
    expect: { status_code: 404 }
",
        Exit::Done,
        "greeting
  ok    a name
  ok    the clock stands still at the beginning of a year
  ok    no name
  ok    a missing name
  ok    no key
  ok    an expired key
  ok    a revoked key
  ok    an unknown key, in the header
  ok    another function's key
  ok    a key in the header
  ok    another method
  ok    another address

12 passed, 0 failed, 0 skipped
",
    );
}

#[test]
fn what_is_not_met_is_shown_at_its_line_as_a_diff() {
    let project = Project::new(&format!(
        "{GREETING}tests:
  - name: a name
    request: {{ json: {{ name: Ada }} }}
    expect:
      status_code: 200
      body: {{ hello: Eve }}
    assert: [size(response.text) == 1]
"
    ));
    let said = project.test(&[]);
    assert_eq!(said.exit, Exit::Problems);
    let out = said.out;
    for part in [
        "  FAIL  a name\n",
        "error[TEST]: expected 200, found 201\n",
        "specs/f.yaml:18:20\n",
        "error[TEST]: expected \"Eve\", found \"Ada\"\n",
        "specs/f.yaml:19:22\n",
        "error[TEST]: this is not true\n",
        "specs/f.yaml:20:14\n",
        "    -  \"hello\": \"Eve\"\n    +  \"hello\": \"Ada\"\n",
        "  answer: 201 Created {\"hello\":\"Ada\"",
        "  again: curl -i -X POST -H 'content-type: application/json' --data-binary '{\"name\":\"Ada\"}' \"http://127.0.0.1:8080/crm/v7/functions/greeting/actions/execute?auth_type=apikey&zapikey=$ZAPIKEY\"\n",
        "\n0 passed, 1 failed, 0 skipped\n",
    ] {
        assert!(out.contains(part), "{part}\nis not in\n{out}");
    }
    // Of a map only what is expected is compared, and shown.
    assert!(!out.contains("\"event\": "), "{out}");

    let json: Value = serde_json::from_str(&project.test(&["--format", "json"]).out).unwrap();
    assert_eq!(json["format"], "hookweir.test/v1");
    assert_eq!((&json["passed"], &json["failed"]), (&0.into(), &1.into()));
    let test = &json["tests"][0];
    assert_eq!(
        (
            &test["function"],
            &test["name"],
            &test["verdict"],
            &test["line"]
        ),
        (
            &"greeting".into(),
            &"a name".into(),
            &"failed".into(),
            &15.into()
        )
    );
    let problem = &test["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&18.into(), &20.into())
    );

    let junit = project.test(&["--format", "junit"]).out;
    assert!(
        junit.contains("<testsuite name=\"greeting\" tests=\"1\" failures=\"1\" skipped=\"0\">"),
        "{junit}"
    );
    assert!(
        junit.contains("<failure message=\"expected 200, found 201\">"),
        "{junit}"
    );
    assert!(junit.ends_with("</testsuites>\n"), "{junit}");
}

#[test]
fn a_payload_that_is_not_here_is_skipped_in_sight() {
    let tests = "  - name: a real one
    request: { corpus: some/payload.json }
    expect: { status_code: 201 }
";
    check(
        tests,
        Exit::Done,
        "greeting\n  skip  a real one (skipped: corpus absent at corpus)\n\n0 passed, 0 failed, 1 skipped\n",
    );
    let project = Project::new(&format!("{GREETING}tests:\n{tests}"));
    let folder = project.0.path().join("corpus/some");
    fs::create_dir_all(&folder).unwrap();
    let said = project.test(&[]);
    assert_eq!(
        said.exit,
        Exit::Problems,
        "a corpus that lacks the file is a mistake"
    );
    assert!(
        said.out
            .contains("cannot read `some/payload.json`: there is no such file")
    );
    fs::write(folder.join("payload.json"), "{\"name\":\"Ada\"}").unwrap();
    assert_eq!(project.test(&[]).exit, Exit::Done);
}

#[test]
fn each_kind_of_body_is_sent_as_a_caller_would() {
    let yaml = "\
function: echo
accept: { path: '/echo/{x}' }
auth: none
respond: { body: { t: '${headers[\"content-type\"] ?? \"none\"}', x: '${path.x}', q: '${query.all(\"q\")}', form: '${form}', body: '${type(body) == bytes ? \"bytes\" : body}', names: '${files.map(n, files[n].filename)}' } }
tests:
  - name: form
    request: { path: '/echo/a?q=0', query: { q: [1, b c] }, form: { k: [1, '&'] } }
    expect: { body: { t: application/x-www-form-urlencoded, x: a, q: ['0', '1', b c], form: { k: '1' } } }
  - name: text
    request: { path: /echo/a, body: hello }
    expect: { body: { t: { $contains: text/plain }, body: hello } }
  - name: own content type
    request: { path: /echo/a, headers: { Content-Type: application/json }, body: '{\"a\": 1}' }
    expect: { body: { body: { a: 1 } } }
  - name: bytes
    request: { path: /echo/a, body_base64: AP8= }
    expect: { body: { t: application/octet-stream, body: bytes } }
  - name: a file
    request: { path: /echo/a, body_file: data.json }
    expect: { body: { t: application/json, body: { big: 9007199254740993 } } }
  - name: parts
    request: { path: /echo/a, multipart: { note: hi, up: { file: data.json, type: text/csv, filename: 'a é.csv' } } }
    expect: { body: { t: { $matches: ^multipart/form-data }, form: { note: hi }, names: ['a é.csv'] } }
  - name: nothing
    request: { path: /echo/a }
    expect: { body: { t: none, body: null } }
";
    let project = Project::new(yaml);
    fs::write(
        project.0.path().join("specs/data.json"),
        "{\"big\": 9007199254740993}",
    )
    .unwrap();
    let said = project.test(&[]);
    assert_eq!(said.exit, Exit::Done, "{}{}", said.out, said.err);
}

#[test]
fn random_values_are_the_same_in_every_run() {
    let project = Project::new(
        "function: ids\nauth: none\nrespond:\n  body: { a: \"${uuid4()}\", b: \"${uuid4()}\", c: \"${uuid7()}\" }\n\
         tests:\n\
         \x20 - &same\n\
         \x20   name: the first\n\
         \x20   at: 2026-11-01T10:00:00Z\n\
         \x20   expect: &body\n\
         \x20     body:\n\
         \x20       a: cd266215-4e6d-46b2-b2b9-2e70c0cac3cc\n\
         \x20       b: cd04a475-4498-406d-b5a1-3c5f371f1f04\n\
         \x20       c: 01a1968d-3900-7568-8a52-d55a02ec4aea\n\
         \x20 - { name: the second, at: 2026-11-01T10:00:00Z, expect: *body }\n",
    );
    let said = project.test(&[]);
    assert_eq!(said.exit, Exit::Done, "{}{}", said.out, said.err);
}

#[test]
fn finding_no_test_is_a_problem_unless_it_is_allowed() {
    let project = Project::new(&format!(
        "{GREETING}tests:\n  - name: a name\n    request: {{ json: {{ name: Ada }} }}\n    expect: {{ status_code: 201 }}\n"
    ));
    assert_eq!(project.test(&["--filter", "name"]).exit, Exit::Done);
    assert_eq!(project.test(&["--filter", "greet"]).exit, Exit::Done);
    let said = project.test(&["--filter", "nope"]);
    assert_eq!(
        (said.exit, said.out.as_str()),
        (Exit::Problems, "0 passed, 0 failed, 0 skipped\n")
    );
    assert_eq!(
        said.err,
        "error: no test holds `nope`\n  help: `--allow-none` makes that fine\n"
    );
    assert_eq!(
        project.test(&["--filter", "nope", "--allow-none"]).exit,
        Exit::Done
    );
}

#[test]
fn what_does_not_compile_is_not_tested() {
    let project = Project::new("function: f\nauth: none\nwhen: nope\n");
    let said = project.test(&[]);
    assert_eq!((said.exit, said.out.as_str()), (Exit::Problems, ""));
    assert!(said.err.contains("specs/f.yaml:3:7"), "{}", said.err);
    assert!(
        said.err
            .ends_with("error: nothing was tested: the specs have errors\n")
    );
    let said = project.test(&["--format", "json"]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let found = json["diagnostics"].as_array().unwrap();
    let error = found.iter().find(|problem| problem["severity"] == "error");
    assert_eq!(error.unwrap()["line"], 3);
}

#[test]
fn a_test_that_cannot_be_run_is_a_mistake_like_any_other() {
    let said = Project::new(&format!(
        "{GREETING}tests:
  - name: a
    at: yesterday
    expect: {{ status_code: 200 }}
  - name: a
    request: {{ json: {{}}, body: x, method: BREW, path: x, body_base64: '?' }}
    expect: {{ body: {{ x: {{ $matches: '(' }}, y: {{ $like: 1 }} }} }}
  - name: b
    expect: {{}}
  - name: c
    env: {{ NOPE: x }}
    assert: [response.bdoy == 1, size(response.text)]
"
    ))
    .test(&["--format", "json"]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let found: Vec<String> = json["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["severity"] == "error")
        .map(|problem| {
            format!(
                "{} {}:{}",
                problem["code"].as_str().unwrap(),
                problem["line"],
                problem["column"]
            )
        })
        .collect();
    for expected in ["E0420 16:9", "E0420 18:11"] {
        assert!(
            found.iter().any(|problem| problem == expected),
            "{expected}: {found:#?}"
        );
    }
    let words = json["diagnostics"].to_string();
    for part in [
        "`yesterday` is not an instant",
        "a second test `a`",
        "`body` beside `json`: a request has one body",
        "`BREW` is not a method",
        "a path begins with `/`",
        "this is not base64",
        "not a regular expression",
        "`$like` is not a matcher",
        "the test `b` expects nothing",
        "`NOPE` is not listed under `env` of `gateway:`",
        "bdoy",
        "a condition must be true or false, this is `int`",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
}
