//! What loading promises, seen from outside.

use super::{Expression, FieldPath, Loaded, Spec, Step, Style, Tree, load_bytes, load_text};
use crate::diagnostic::Problem;
use crate::diagnostic::code::yaml as code;

fn path(text: &str) -> FieldPath {
    FieldPath::from(
        text.split('.')
            .map(|step| match step.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Key(step.to_owned()),
            })
            .collect::<Vec<_>>(),
    )
}

fn good(text: &str) -> Loaded {
    let loaded = load_text("a.yaml", text);
    assert_eq!(loaded.diagnostics, [], "{text}");
    loaded
}

fn text_of(text: &str, span: crate::diagnostic::Span) -> &str {
    text.get(span.start..span.end).unwrap()
}

#[test]
fn reads_a_whole_function() {
    let text = r#"# é
function: lead
summary: Ä lead
accept: { methods: [POST], path: "/hooks/{form}", max_body: 1MiB, rate: 60/min }
auth: { zapikey: optional }
request: { arguments: [email] }
when: true
let:
  email: body.email.orValue("")
  limit: 0x1F
check:
  - that: email != ""
    else: { message: no email }
respond:
  - when: email == "a"
    status_code: 201
    headers: { X-Id: "${id}" }
    body: { id: 1, list: [null, 1.5, 18446744073709551615] }
  - output: ok
tests:
  - name: works
    request: { zapikey: none, form: { email: a } }
    expect: { status_code: 201 }
    assert: [response.status_code == 201]
---
gateway: main
limits: { body: 20MiB, header_timeout: 5s }
"#;
    let loaded = good(text);
    let [function, gateway] = loaded.documents.as_slice() else {
        panic!("two documents")
    };
    let Spec::Function(spec) = &function.spec else {
        panic!("a function")
    };
    assert_eq!(spec.when, Some(Expression("true".to_owned())));
    assert_eq!(spec.bindings["limit"], Expression("0x1F".to_owned()));
    assert_eq!(spec.check[0].otherwise.status_code, 422);
    assert!(spec.respond_is_list);
    assert_eq!(spec.respond.len(), 2);
    assert_eq!(
        spec.respond[0].body,
        Some(Tree::Map(vec![
            ("id".to_owned(), Tree::Int(1)),
            (
                "list".to_owned(),
                Tree::List(vec![Tree::Null, Tree::Double(1.5), Tree::UInt(u64::MAX)])
            ),
        ]))
    );
    assert_eq!(spec.accept.max_body.map(|size| size.0), Some(1 << 20));
    let Spec::Gateway(settings) = &gateway.spec else {
        panic!("a gateway")
    };
    assert_eq!(settings.limits.body.map(|size| size.0), Some(20 << 20));

    let places = &function.places;
    for (at, key, value) in [
        ("summary", "summary", "Ä lead"),
        ("let.email", "email", "body.email.orValue(\"\")"),
        ("accept.methods.0", "POST", "POST"),
        ("respond.0.headers", "headers", "{ X-Id: \"${id}\" }"),
        ("respond.1.output", "output", "ok"),
        ("respond.1.nothing", "respond", "respond"),
        ("tests.0.request.form.email", "email", "a"),
    ] {
        assert_eq!(text_of(text, places.key(&path(at))), key, "{at}");
        assert_eq!(text_of(text, places.value(&path(at))), value, "{at}");
    }
    assert_eq!(
        places.style(&path("respond.0.headers.X-Id")),
        Some(Style::DoubleQuoted)
    );
    assert_eq!(places.style(&path("respond")), None);
}

#[test]
fn places_a_problem_inside_a_scalar_of_any_style() {
    // The mark is `^` in the text; the problem covers the word `wrong` before it.
    for value in [
        "é + wrong^",
        "'it''s é + wrong^'",
        "\"\\u00e9 \\\"x\\\" + \\\n    wrong^ + 1\"",
        "|\n    é +\n      wrong^ + 2\n",
        ">-\n    é +\n    wrong^\n\n    and so on\n",
        "&anchor é\n    + wrong^",
        "&anchor >2-\n    é\n      + wrong^\n",
        "é +\r\n    more\r\n    wrong^",
    ] {
        let marked = format!("function: f\nwhen: {value}\nsummary: end\n");
        let at = marked.find('^').unwrap();
        let text = marked.replace('^', "");
        let loaded = load_text("a.yaml", &text);
        let Some(document) = loaded.documents.first() else {
            panic!("{text}: {:?}", loaded.diagnostics)
        };
        let Spec::Function(spec) = &document.spec else {
            panic!("a function")
        };
        let decoded = &spec.when.as_ref().unwrap().0;
        let start = decoded.find("wrong").unwrap();
        let problem = Problem::error(code::SYNTAX, start..start + 5, "x");
        let placed = document.places.place(&path("when"), problem).span.unwrap();
        assert_eq!((placed.start, placed.end), (at - 5, at), "{text}");
        let problem = Problem::error(code::SYNTAX, 2..7, "x");
        let within = document
            .places
            .place_within(&path("when"), start - 2, problem);
        assert_eq!(within.span, Some(placed), "{text}");
    }
}

#[test]
fn a_place_that_cannot_be_found_is_the_whole_scalar() {
    let loaded = good("function: f\nwhen: ~\n");
    let places = &loaded.documents[0].places;
    let problem = Problem::error(code::SYNTAX, 0..4, "x");
    let span = places.place(&path("when"), problem).span.unwrap();
    assert_eq!((span.start, span.end), (18, 19));
}

/// Each text, and the code of each problem in it with the text that it marks.
#[test]
fn refuses_what_would_surprise() {
    let deep = format!("function: f\nrequest: {}{}", "[".repeat(70), "]".repeat(70));
    let bomb = "function: f\nsummary: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n";
    for (text, expected) in [
        ("function: f\nfunction: g\n", "E0105 function"),
        ("function: f\nwhen: a ? b : c\n", "E0102 :"),
        ("function: f\nwhen: 'a' + b\n", "E0102 'a' + b"),
        ("function: f\nwhen: [1] + b\n", "E0102 [1] + b"),
        ("function: f\nwhen: {} == b\n", "E0102 {} == b"),
        ("function: f\nwhen: !body.x\n", "E0104 !body.x"),
        ("function: f\nwhen: !body.x && y\n", "E0104 !body.x"),
        ("function: f\nlet:\n\tx: 1\n", "E0103 \t"),
        ("function: f\nlet:\n  <<: {a: b}\n", "E0110 <<"),
        ("function: f\nlet:\n  1: a\n", "E0109 1"),
        ("function: f\nlet:\n  ? [a]\n  : a\n", "E0109 [a]"),
        ("function: f\nlet: {x: *nope}\n", "E0101 *"),
        ("function: f\nsummary: \"é\u{85}x\"\n", "E0108 \"é\u{85}x\""),
        ("functoin: f\n", "E0111 functoin"),
        ("- a\n", "E0111 - a"),
        ("just words\n", "E0111 just words"),
        ("function: 1f\n", "E0117 1f"),
        (
            "function: f\nlet: {body: x, A: y, if: z}\n",
            "E0117 body, E0117 A, E0117 if",
        ),
        (deep.as_str(), "E0106 ["),
        (bomb, "W0101 &a, W0101 &b, W0101 &c, W0101 &d, E0106 *d"),
        ("function: f\nsummary: &a [*a]\n", "W0101 &a, E0106 *a"),
        ("function: f\nsummary: a\0b\n", "E0107 \0"),
    ] {
        let loaded = load_text("a.yaml", text);
        let found = loaded
            .diagnostics
            .iter()
            .map(|found| format!("{} {}", found.code.0, text_of(text, found.span.unwrap())))
            .collect::<Vec<_>>()
            .join(", ");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn reads_what_is_before_and_behind_a_broken_document() {
    let text =
        "function: é\n---\nfunction: é: 'b\n--- # é\nfunction: c\nsummary: 1\n---\nfunction: d: e";
    let loaded = load_text("a.yaml", &text.replace("function: é\n", "function: a\n"));
    assert_eq!(loaded.documents.len(), 1);
    let found: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|found| {
            (
                found.code,
                text_of(
                    &loaded.sources.get(found.span.unwrap().source).unwrap().text,
                    found.span.unwrap(),
                ),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (code::UNQUOTED, ":"),
            (code::UNQUOTED, ":"),
            (code::WRONG_TYPE, "1")
        ]
    );
}

#[test]
fn empty_documents_are_nothing() {
    for text in [
        "",
        "\n",
        "# only words\n",
        "---\n",
        "---\n---\n",
        "\u{feff}# x\n",
        "function: f\n---\n",
    ] {
        good(text);
    }
}

#[test]
fn a_byte_order_mark_does_not_move_places() {
    let loaded = load_text("a.yaml", "\u{feff}function: 1\n");
    let span = loaded.diagnostics[0].span.unwrap();
    assert_eq!((span.start, span.end), (10, 11));
}

/// A link leads to whatever there is; reading a pipe would wait for ever.
#[test]
fn what_is_no_file_is_told_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (name, target) in [
        ("device.yaml", std::path::Path::new("/dev/zero")),
        ("loop.yaml", &folder.path().join("loop.yaml")),
        ("socket.yaml", &socket),
    ] {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    let loaded = super::load(folder.path()).unwrap();
    let found: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|found| &*found.message)
        .collect();
    assert_eq!(
        found,
        [
            "cannot read this file: it is not a file",
            "cannot read this file: Too many levels of symbolic links (os error 40)",
            "cannot read this file: it is not a file",
        ]
    );
}

#[test]
fn other_encodings_are_named() {
    for (bytes, help) in [
        (&b"\xff\xfef\0"[..], "it is UTF-16: save it as UTF-8"),
        (&b"function: \xe9\n"[..], "save it as UTF-8"),
        (&b"function: \xc3"[..], "save it as UTF-8"),
    ] {
        let loaded = load_bytes("a.yaml", bytes.to_vec());
        assert_eq!(loaded.diagnostics[0].code, code::ENCODING);
        assert_eq!(loaded.diagnostics[0].help, [help]);
    }
}

/// The pages of this area hold what they say. The other areas' pages need a compiler: see
/// `tests/it`.
#[test]
fn pages_show_what_is_wrong_and_what_is_right() {
    for (code, page) in code::ALL {
        let block = |words: &str| {
            let (_, rest) = page.split_once(&format!("\n{words}:\n\n```yaml\n"))?;
            rest.split_once("```").map(|(block, _)| block)
        };
        let (Some(wrong), Some(right)) = (block("Wrong"), block("Right")) else {
            assert!(["E0107", "E0119", "E0120"].contains(&code.0), "{}", code.0);
            continue;
        };
        let found = load_text("wrong.yaml", wrong).diagnostics;
        assert!(
            found.iter().any(|found| found.code == *code),
            "{}: {found:?}",
            code.0
        );
        let others: Vec<_> = found.iter().filter(|found| found.code != *code).collect();
        assert!(
            others.iter().all(|other| other.code == code::ANCHOR),
            "{}: {others:?}",
            code.0
        );
        assert_eq!(load_text("right.yaml", right).diagnostics, [], "{}", code.0);
    }
}

#[test]
fn what_is_right_in_a_wrong_function_can_still_be_looked_into() {
    let text = "function: f\nsumary: x\nauth: 7\nlet: {a: body.x, b: [1], c: body.y}\ncheck:\n  - {that: a, else: {message: m}}\n  - {that: b}\n  - {that: c, else: {message: m}}\nrespond: [{body: \"${a}\"}]\n";
    let loaded = load_text("a.yaml", text);
    assert_eq!(loaded.diagnostics.len(), 4);
    assert_eq!(loaded.documents.len(), 0);
    let part = loaded.incomplete.first().unwrap();
    let Spec::Function(spec) = &part.document.spec else {
        panic!("a function")
    };
    // Nothing can be said against `body`, so that no mistake follows from what stands for another.
    let values: Vec<_> = spec.bindings.values().map(|value| &*value.0).collect();
    assert_eq!(values, ["body.x", "dyn(null)", "body.y"]);
    let checks: Vec<_> = spec.check.iter().map(|check| &*check.that.0).collect();
    assert_eq!(checks, ["a", "b", "c"]);
    assert!(spec.auth.is_none() && spec.respond_is_list);
    assert_eq!(spec.respond.len(), 1);
    let lacks = ["auth", "let", "check", "sumary"].map(|key| part.lacks(key));
    assert_eq!(lacks, [true, false, false, true]);
}

#[test]
fn what_stands_behind_a_wrong_item_keeps_its_place() {
    let text = "function: f\nauth: none\ncheck:\n  - 7\n  - {that: a, else: {message: m}}\nrespond:\n  - {body: 1, when: b}\n  - [x]\n  - {statuscode: 1, body: c}\n";
    let part = &load_text("a.yaml", text).incomplete[0];
    let places = &part.document.places;
    for (at, value) in [
        ("check.0.that", "a"),
        ("respond.0.when", "b"),
        ("respond.1.body", "c"),
    ] {
        assert_eq!(text_of(text, places.value(&path(at))), value, "{at}");
    }
    let item = |text_of_item: &str| {
        let start = text.find(text_of_item).unwrap();
        let end = start + text_of_item.len();
        crate::diagnostic::Span {
            source: crate::diagnostic::SourceId(0),
            start,
            end,
        }
    };
    assert!(part.is_touched(item("body: c")));
    assert!(!part.is_touched(item("{that: a")));
}
