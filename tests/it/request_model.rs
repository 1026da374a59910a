//! Requests of every content type, through a function written in YAML: what it sees, and how a
//! body that is not what it says is refused.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics is a test that fails"
)]

use bytes::Bytes;
use hookweir::auth::Keyring;
use hookweir::gateway::{Gateway, Head, InboundRequest, Refusal};
use hookweir::route;
use hookweir::spec;
use http::{HeaderMap, Method};

/// What comes back: the body of a 200, or the refusal as text.
type Answer = Result<String, String>;

/// Sends a body to a function that answers with `shown`, an expression.
fn see(shown: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
    let shown = shown.replace('\'', "''");
    let spec = format!(
        "function: f\nauth: none\nrequest: {{ arguments: [email, tags] }}\nlet:\n  shown: '{shown}'\nrespond: {{ body: {{ seen: '${{shown}}' }} }}\n"
    );
    ask(&spec, "a=1&a=2&form=q", content_type, body.as_ref())
}

fn ask(spec: &str, query: &str, content_type: &str, body: &[u8]) -> Answer {
    let compiled = route::compile(spec::load_text("f.yaml", spec), &|_| None);
    let Some(generation) = compiled.generation else {
        panic!("{spec}\n{:?}", compiled.diagnostics);
    };
    let gateway = Gateway::new(generation, Keyring::default());
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(
            "content-type",
            content_type.parse().expect("a header value"),
        );
    }
    let head = Head {
        method: Method::POST,
        target: format!("/crm/v8/functions/f/actions/execute?{query}")
            .parse()
            .expect("a target"),
        headers,
        peer: None,
        client: None,
        received_at: "2026-11-01T10:00:00Z".parse().expect("an instant"),
        request_id: "r".into(),
    };
    let admission = gateway
        .find(&head)
        .map_err(|refusal| format!("{refusal:?}"))?;
    let request = InboundRequest {
        head,
        body: Bytes::copy_from_slice(body),
    };
    match gateway.accept(&admission, &request).result {
        Ok(reply) => Ok(String::from_utf8_lossy(&reply.body).into_owned()),
        Err(Refusal::BadBody { message }) => Err(format!("400 {message}")),
        Err(Refusal::UnsupportedMediaType { message }) => Err(format!("415 {message}")),
        Err(Refusal::MissingField { field, .. }) => Err(format!("422 {field}")),
        Err(other) => Err(format!("{other:?}")),
    }
}

fn shows(shown: &str, content_type: &str, body: impl AsRef<[u8]>, expected: &str) {
    let seen = see(shown, content_type, body);
    let expected = format!("{{\"seen\":{expected}}}");
    assert_eq!(
        seen.as_deref(),
        Ok(expected.as_str()),
        "{shown} of {content_type}"
    );
}

fn refuses(shown: &str, content_type: &str, body: impl AsRef<[u8]>, expected: &str) {
    let seen = see(shown, content_type, body);
    assert_eq!(seen, Err(expected.to_owned()), "{shown} of {content_type}");
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=x";
const PARTS: &str = "--x\r\nContent-Disposition: form-data; name=\"arguments\"\r\n\r\n\
    {\"email\":\"jane@example.com\",\"tags\":[\"a\",\"b\"]}\r\n\
    --x\r\nContent-Disposition: form-data; name=\"inputFile\"; filename=\"a.csv\"\r\n\
    Content-Type: text/csv\r\n\r\nid,name\n1,Jane\n\r\n--x--\r\n";

#[test]
fn json_is_read_with_its_numbers_exact() {
    let body = r#"{"id":9007199254740993,"price":1.10,"tags":["a"],"none":null}"#;
    shows("body.id", "application/json", body, "9007199254740993");
    shows(
        "body.price",
        "application/json; charset=utf-8",
        body,
        "1.10",
    );
    shows("body.tags[0]", "application/vnd.api+json", body, "\"a\"");
    shows("body.none ?? 'd'", "text/json", body, "\"d\"");
    shows(
        "raw_body == bytes(crmAPIRequest.body)",
        "application/json",
        body,
        "true",
    );
    shows("crmAPIRequest.body", "application/json", "{ }", "\"{ }\"");
}

#[test]
fn a_form_is_a_map_and_text_at_once() {
    let body = "type=subscribe&data%5Bemail%5D=jane%40example.com&a=3&a=4";
    shows("body.type", FORM, body, "\"subscribe\"");
    shows("form['data[email]']", FORM, body, "\"jane@example.com\"");
    shows("params.a + form.a + query.a", FORM, body, "\"131\"");
    shows("crmAPIRequest.body", FORM, "a=%20", "\"a=%20\"");
}

#[test]
fn a_multipart_body_has_fields_files_and_arguments() {
    shows("arguments.tags[1]", MULTIPART, PARTS, "\"b\"");
    shows("file_content", MULTIPART, PARTS, r#""id,name\n1,Jane\n""#);
    shows("files.inputFile.filename", MULTIPART, PARTS, "\"a.csv\"");
    shows("files.inputFile.size", MULTIPART, PARTS, "15");
    shows(
        "body.arguments",
        MULTIPART,
        PARTS,
        r#""{\"email\":\"jane@example.com\",\"tags\":[\"a\",\"b\"]}""#,
    );
    shows("crmAPIRequest.body", MULTIPART, PARTS, "null");
}

#[test]
fn the_other_types() {
    shows("body.a.b", "text/xml", "<a><b>1</b></a>", "\"1\"");
    shows("body", "text/plain", "é\n", r#""é\n""#);
    shows(
        "body",
        "text/plain; charset=iso-8859-1",
        b"caf\xe9",
        "\"café\"",
    );
    shows("body", "", "plain", "\"plain\"");
    shows("body", "image/png", b"\x89PNG", "\"iVBORw==\"");
    shows(
        "crmAPIRequest.headers['x-body-encoding']",
        "image/png",
        b"\x89PNG",
        "\"base64\"",
    );
    shows("body", "application/json", "", "null");
}

#[test]
fn each_broken_body_has_its_own_refusal() {
    let json = "application/json";
    let seen = see("body.a", json, "{\"a\":1,}").expect_err("not JSON");
    assert!(
        seen.starts_with("400 the body is not JSON: ") && seen.contains("line 1, column"),
        "{seen}"
    );
    let bomb = "[".repeat(100_000);
    let seen = see("body", json, &bomb).expect_err("too deep");
    assert!(
        seen.starts_with("400 the body is not JSON: ") && seen.contains("128"),
        "{seen}"
    );
    refuses(
        "body.a",
        json,
        b"{\"a\":\"\xff\"}",
        "400 the body is not UTF-8: byte 6 does not belong to a character",
    );
    let seen = see("body", "text/xml", "<a>").expect_err("not XML");
    assert!(seen.starts_with("400 the body is not XML: "), "{seen}");
    refuses(
        "files",
        "multipart/form-data",
        PARTS,
        "400 the content type is multipart, but has no `boundary`",
    );
    let wrong = "400 the body does not hold the `boundary` that its content type names";
    refuses("form", "multipart/form-data; boundary=y", PARTS, wrong);
    refuses(
        "file_content",
        MULTIPART,
        PARTS.replace("id,name", "%PDF-1.7"),
        "400 invalid file type",
    );
    let many = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n".repeat(33) + "--x--";
    refuses(
        "form",
        MULTIPART,
        many,
        "400 the body has more than 32 parts",
    );
    let seen = see("arguments.email", FORM, "arguments=%5B").expect_err("not JSON");
    assert!(seen.starts_with("400 `arguments` is not JSON: "), "{seen}");
    refuses(
        "body",
        "text/plain; charset=klingon",
        "x",
        "415 the charset `klingon` is not known",
    );
    refuses("body.nope", json, "{}", "422 body.nope");
}

#[test]
fn a_broken_body_is_refused_whatever_an_expression_makes_of_it() {
    let json = "application/json";
    for shown in ["body.a ?? 'd'", "body.a || true", "has(body.a)"] {
        let refused = see(shown, json, "{").expect_err(shown);
        assert!(
            refused.starts_with("400 the body is not JSON: "),
            "{shown}: {refused}"
        );
    }
    // What nobody reads may be as broken as it likes.
    shows("method", json, "{", "\"POST\"");
    shows("true || body.a", json, "{", "true");
}

#[test]
fn a_template_prints_what_was_sent() {
    let spec = "function: f\nauth: none\nrespond:\n  content_type: text/html\n  body:\n    \
        $template: '{{#each body.items}}{{@index}}:{{name}} {{price}};{{/each}}'\n";
    let body = r#"{"items":[{"name":"<b>","price":1.10},{"name":"é","price":2}]}"#;
    let answer = ask(spec, "", "application/json", body.as_bytes());
    assert_eq!(answer.as_deref(), Ok("0:&lt;b&gt; 1.10;1:é 2;"));
    let missing = ask(spec, "", "application/json", b"{}");
    assert_eq!(missing, Err("422 body.items".to_owned()));
}
