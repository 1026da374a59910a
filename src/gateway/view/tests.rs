//! Requests and what functions see of them, whole, as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::auth::{Environment, KeyHash, KeyRecord, Owner, Scope};
use crate::gateway::Head;
use crate::value::json::{self, Reach};

const KEY: &str = "1003.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

/// A request in the making.
struct Sent {
    method: Method,
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    anonymous: bool,
    path: String,
    arguments: Vec<String>,
}

fn sent(content_type: &str, body: impl AsRef<[u8]>) -> Sent {
    let mut sent = Sent {
        method: Method::POST,
        query: format!("auth_type=apikey&zapikey={KEY}"),
        headers: Vec::new(),
        body: body.as_ref().to_vec(),
        anonymous: false,
        path: "demo".to_owned(),
        arguments: Vec::new(),
    };
    if !content_type.is_empty() {
        sent.headers.push(("content-type", content_type.into()));
    }
    sent
}

impl Sent {
    fn query(mut self, query: &str) -> Self {
        self.query = query.to_owned();
        self
    }

    fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Shows a view of it to `look`.
    fn see<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, http::HeaderValue::from_bytes(value).unwrap());
        }
        let request = InboundRequest {
            head: Head {
                method: self.method.clone(),
                target: format!("/crm/v8/functions/f/actions/execute?{}", self.query)
                    .parse()
                    .unwrap(),
                headers,
                peer: Some([192, 0, 2, 1].into()),
                client: None,
                received_at: "2026-11-01T10:00:00.5Z".parse().unwrap(),
                request_id: "r1".into(),
            },
            body: Bytes::from(self.body.clone()),
        };
        let credentials = Credentials::of(&request, 32);
        let key = KeyRecord {
            id: "key_1".to_owned(),
            hash: KeyHash([0; 32]),
            hint: "1003.0123".to_owned(),
            label: String::new(),
            owner: Owner {
                id: "4150868000000225013".to_owned(),
                email: "admin@example.com".to_owned(),
                name: "Admin".to_owned(),
                org_id: "60001".to_owned(),
            },
            environment: Environment::Sandbox,
            scope: Scope::All,
            created: Timestamp::UNIX_EPOCH,
            expires: None,
            revoked: None,
            last_used: None,
            replaced_by: None,
        };
        let caller = Caller {
            key: (!self.anonymous).then(|| Arc::new(key)),
            environment: Environment::Sandbox,
        };
        let arena = Arena::new();
        let env = [("REGION".to_owned(), "eu".to_owned())];
        let path = [("form".to_owned(), self.path.clone())];
        let view = View::new(Facts {
            request: &request,
            arena: &arena,
            credentials: &credentials,
            caller: &caller,
            path: &path,
            function: "f",
            generation: 7,
            arguments: &self.arguments,
            reach: &Reach::WHOLE,
            env: &env,
            parts: 32,
            event_id: None,
        });
        look(&view)
    }

    /// A root as JSON, or why there is none.
    fn root(&self, root: Root) -> Result<String, String> {
        self.see(|view| {
            let value = view.get(root).map_err(|error| error.message().to_owned())?;
            Ok(text(value))
        })
    }
}

fn text(value: Value<'_>) -> String {
    let mut out = Vec::new();
    json::write(value, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn shows(sent: &Sent, root: Root, expected: &str) {
    assert_eq!(sent.root(root).as_deref(), Ok(expected), "{root:?}");
}

fn refuses(sent: &Sent, root: Root, expected: &str) {
    assert_eq!(
        sent.root(root).as_deref().map_err(String::as_str),
        Err(expected),
        "{root:?}"
    );
}

const FILE_FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"source\"\r\n\r\nform\r\n\
    --x\r\nContent-Disposition: form-data; name=\"inputFile\"; filename=\"a.csv\"\r\n\
    Content-Type: text/csv\r\n\r\nid,name\n1,Jane\n\r\n--x--\r\n";

#[test]
fn each_row_of_the_content_type_table() {
    let check = |sent: Sent, body: &str, zoho_body: &str, params: &str, file: &str| {
        shows(&sent, Root::Body, body);
        shows(&sent, Root::Params, params);
        shows(&sent, Root::FileContent, file);
        let object = sent.root(Root::CrmApiRequest).unwrap();
        let start = format!(r#"{{"body":{zoho_body},"params":{params},"file_content":{file},"#);
        assert!(object.starts_with(&start), "{object}\n{start}");
    };
    let none = |sent: Sent, body: &str, zoho: &str| check(sent, body, zoho, "{}", "null");
    none(sent("", ""), "null", "null");
    none(sent("application/json", ""), "null", "null");
    none(
        sent("application/json", "{\"a\": 1.10}"),
        r#"{"a":1.10}"#,
        r#""{\"a\": 1.10}""#,
    );
    none(sent("application/x+json", "[1]"), "[1]", "\"[1]\"");
    none(sent("text/plain", "a\r\n"), r#""a\r\n""#, r#""a\r\n""#);
    none(
        sent("text/csv; charset=iso-8859-1", b"caf\xe9"),
        r#""café""#,
        r#""café""#,
    );
    none(sent("", "plain"), "\"plain\"", "\"plain\"");
    none(
        sent("application/octet-stream", "plain"),
        "\"plain\"",
        "\"plain\"",
    );
    none(
        sent("image/png", b"\x89PNG"),
        "\"iVBORw==\"",
        "\"iVBORw==\"",
    );
    none(
        sent("text/xml; charset=utf-8", "<a><b>1</b></a>"),
        r#"{"a":{"b":"1"}}"#,
        r#""<a><b>1</b></a>""#,
    );
    let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><a b='1'>caf\xe9</a>";
    let atom = sent("application/atom+xml", latin);
    shows(&atom, Root::Body, r##"{"a":{"@b":"1","#text":"café"}}"##);
    check(
        sent(
            "application/x-www-form-urlencoded",
            "type=subscribe&data%5Bemail%5D=jane%40example.com",
        ),
        r#"{"type":"subscribe","data[email]":"jane@example.com"}"#,
        r#""type=subscribe&data%5Bemail%5D=jane%40example.com""#,
        r#"{"type":"subscribe","data[email]":"jane@example.com"}"#,
        "null",
    );
    let file = sent("multipart/form-data; boundary=x", FILE_FORM);
    let params = r#"{"source":"form"}"#;
    let content = r#""id,name\n1,Jane\n""#;
    shows(&file, Root::Params, params);
    shows(&file, Root::FileContent, content);
    let body = file.root(Root::Body).unwrap();
    assert!(
        body.starts_with(r#"{"source":"form","inputFile":{"name":"inputFile","filename":"a.csv","#)
    );
    let object = file.root(Root::CrmApiRequest).unwrap();
    let start = format!(r#"{{"body":null,"params":{params},"file_content":{content},"#);
    assert!(object.starts_with(&start), "{object}");
    let get = Sent {
        method: Method::GET,
        ..sent("", "ignored")
    };
    let get = get.query(&format!(
        "auth_type=apikey&zapikey={KEY}&name=Jane&module=Leads"
    ));
    check(
        get,
        "null",
        "null",
        r#"{"name":"Jane","module":"Leads"}"#,
        "null",
    );
}

#[test]
fn crm_api_request_is_zohos_sample() {
    let body = r#"{"event":"invitee.created","payload":{"email":"jane@example.com"}}"#;
    let sent = sent("application/json", body)
        .header("calendly-webhook-signature", "t=1,v1=ab")
        .header("user-agent", "Calendly");
    let expected = concat!(
        r#"{"body":"{\"event\":\"invitee.created\",\"payload\":{\"email\":\"jane@example.com\"}}","#,
        r#""params":{},"file_content":null,"#,
        r#""user_info":{"id":"4150868000000225013","email":"admin@example.com","name":"Admin","org_id":"60001"},"#,
        r#""method":"POST","auth_type":"apikey","#,
        r#""headers":{"content-type":"application/json","calendly-webhook-signature":"t=1,v1=ab","user-agent":"Calendly"},"#,
        r#""record":{}}"#,
    );
    shows(&sent, Root::CrmApiRequest, expected);
}

#[test]
fn bytes_that_are_no_text_are_base64_and_only_then_a_header_says_so() {
    let png = sent("image/png", b"\x89PNG").header("x-body-encoding", "rot13");
    let object = png.root(Root::CrmApiRequest).unwrap();
    assert!(
        object.contains(r#""headers":{"content-type":"image/png","x-body-encoding":"base64"}"#),
        "{object}"
    );
    let plain = sent("text/plain", "YQ==").header("x-body-encoding", "base64");
    let object = plain.root(Root::CrmApiRequest).unwrap();
    assert!(
        object.contains(r#""headers":{"content-type":"text/plain"}"#),
        "{object}"
    );
    // The text of a broken JSON body is nobody's business here: it is not parsed.
    let broken = sent("application/json", b"{\"a\":\"\xff\"}");
    assert!(
        broken
            .root(Root::CrmApiRequest)
            .unwrap()
            .contains(r#""x-body-encoding":"base64""#)
    );
}

#[test]
fn integers_and_raw_bytes_come_through_untouched() {
    let body = "{\"id\": 9007199254740993, \"max\":18446744073709551615,\"n\":1e3, \"big\": 12345678901234567890123}";
    let sent = sent("application/json", body);
    let expected = r#"{"id":9007199254740993,"max":18446744073709551615,"n":1e3,"big":12345678901234567890123}"#;
    shows(&sent, Root::Body, expected);
    sent.see(|view| match view.get(Root::RawBody) {
        Ok(Value::Bytes(bytes)) => assert_eq!(bytes, body.as_bytes()),
        other => panic!("{other:?}"),
    });
}

#[test]
fn repeated_names_are_kept_where_zoho_keeps_one() {
    let sent = sent("application/x-www-form-urlencoded", "b=3&a=4")
        .query("a=1&a=2")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("cookie", "c=1; c=2")
        .header("cookie", "d=3");
    let all = |root, name: &str| {
        sent.see(|view| match view.get(root) {
            Ok(Value::Map(map)) => map.all(name).map(text).collect::<Vec<_>>().join(" "),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(all(Root::Query, "a"), r#""1" "2""#);
    assert_eq!(all(Root::Form, "a"), r#""4""#);
    assert_eq!(all(Root::Params, "a"), r#""1""#);
    assert_eq!(all(Root::Headers, "X-A"), r#""1" "2""#);
    assert_eq!(all(Root::Cookies, "c"), r#""1" "2""#);
    let object = sent.root(Root::CrmApiRequest).unwrap();
    assert!(
        object.contains(r#""x-a":"1, 2","cookie":"c=1; c=2; d=3""#),
        "{object}"
    );
}

#[test]
fn the_smaller_roots() {
    let sent = Sent {
        arguments: vec!["a".to_owned(), "b".to_owned()],
        ..sent("", "")
    }
    .query("a=1");
    shows(&sent, Root::Path, r#"{"form":"demo"}"#);
    shows(&sent, Root::Env, r#"{"REGION":"eu"}"#);
    shows(&sent, Root::Method, "\"POST\"");
    shows(&sent, Root::AuthType, "\"apikey\"");
    shows(&sent, Root::Arguments, r#"{"a":"1","b":null}"#);
    shows(&sent, Root::Now, "\"2026-11-01T10:00:00.5Z\"");
    let event = sent.root(Root::Event).unwrap();
    let (start, rest) = event.split_at(r#"{"id":"evt_"#.len());
    assert_eq!(start, r#"{"id":"evt_"#);
    let (id, rest) = rest.split_at(32);
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let expected = r#"","received_at":"2026-11-01T10:00:00.5Z","function":"f","environment":"sandbox","generation":7,"peer":"192.0.2.1"}"#;
    assert_eq!(rest, expected);
    let anonymous = Sent {
        anonymous: true,
        ..super::tests::sent("", "")
    };
    shows(&anonymous, Root::UserInfo, "{}");
    shows(&anonymous, Root::AuthType, "\"none\"");
    sent.see(|view| assert_eq!(view.event_id(), view.event_id()));
}

#[test]
fn a_key_is_in_none_of_the_roots_wherever_it_came() {
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let escaped = KEY.replace('.', "%2E");
    let repeating = format!(r#"{{"zapikey":"{KEY}","a":["so {KEY}."],"{KEY}":1}}"#);
    let form = "application/x-www-form-urlencoded";
    let requests = [
        sent("application/json", "{}").header("referer", format!("https://gw/f?zapikey={KEY}")),
        sent("", "")
            .query(&format!("zapikey={escaped}&a=1"))
            .header("x-original-uri", format!("/f?zapikey={escaped}")),
        sent("", "").query(&format!("zapikey={KEY}&zapikey={KEY}")),
        sent("", "").query("a=1").header("X-ZAPI-Key", KEY),
        sent("", "")
            .query("")
            .header("authorization", format!("Zoho-oauthtoken {KEY}")),
        sent(form, format!("a=1&zapikey={KEY}&b=2")).query(""),
        sent(form, format!("zapikey={KEY}"))
            .query("")
            .header("x-copy", KEY),
        sent(
            "multipart/form-data; boundary=x",
            part("a", "1") + &part("zapikey", KEY) + "--x--",
        )
        .query(""),
        sent("application/json", &repeating),
        sent("application/json", &repeating)
            .query("a=1")
            .header("X-ZAPI-Key", KEY),
        sent("application/xml", format!("<a k=\"{KEY}\">{KEY}</a>")),
        sent("text/plain", KEY),
        sent("application/octet-stream", KEY),
        sent(
            form,
            format!("a={escaped}&arguments={{\"a\":\"{KEY}\"}}&zapikey={KEY}"),
        )
        .query(""),
        sent("", "")
            .query(&format!("zapikey={KEY}&a={KEY}&{escaped}=1"))
            .header("cookie", format!("session=a; key={KEY}")),
        Sent {
            path: format!("x-{KEY}"),
            ..super::tests::sent("", "")
        },
        sent(
            "multipart/form-data; boundary=x",
            part("a", KEY)
                + &part("inputFile\"; filename=\"a.txt", &format!("1\r\n{KEY}\r\n"))
                + &part("zapikey", KEY)
                + "--x--",
        )
        .query(""),
    ];
    for (index, sent) in requests.iter().enumerate() {
        for root in Root::ALL {
            sent.see(|view| {
                let shown = match view.get(root).unwrap() {
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    value => text(value),
                };
                let secret = KEY.get(5..30).unwrap();
                assert!(
                    !shown.contains(secret),
                    "request {index}, {root:?}: {shown}"
                );
            });
        }
    }
    let form = sent(form, format!("a=1&zapikey={KEY}&b=%32")).query("");
    let object = form.root(Root::CrmApiRequest).unwrap();
    assert!(
        object.starts_with(r#"{"body":"a=1&b=%32","params":{"a":"1","b":"2"}"#),
        "{object}"
    );
}

#[test]
fn a_body_that_repeats_the_key_says_where_it_stood() {
    let body = format!(r#"{{"zapikey":"{KEY}","of":"{KEY}/{KEY}","n":1.10}}"#);
    let expected = r#"{"zapikey":"[zapikey]","of":"[zapikey]/[zapikey]","n":1.10}"#;
    let sent = super::tests::sent("application/json", &body);
    shows(&sent, Root::Body, expected);
    sent.see(|view| {
        let Ok(Value::Bytes(seen)) = view.get(Root::RawBody) else {
            panic!("bytes")
        };
        assert_eq!(seen, expected.as_bytes());
    });
    // Nobody came in with it, so it is data like any other; and a text that is no key stays.
    let anonymous = super::tests::sent("application/json", &body).query("");
    shows(&anonymous, Root::Body, &body);
    let short = super::tests::sent("application/json", r#"{"a":"none"}"#).query("zapikey=none");
    shows(&short, Root::Body, r#"{"a":"none"}"#);
}

#[test]
fn an_authorization_that_is_not_zohos_stays() {
    let sent = sent("", "").header("authorization", "Bearer abc");
    shows(&sent, Root::Headers, r#"{"authorization":"Bearer abc"}"#);
}

#[test]
fn credentials_are_found_in_query_header_and_form() {
    let check = |sent: &Sent, key: Option<&str>, auth_type: Option<&str>| {
        sent.see(|view| {
            let credentials = view.facts.credentials;
            assert_eq!(credentials.zapikey.as_deref(), key);
            assert_eq!(credentials.auth_type.as_deref(), auth_type);
            assert!(!format!("{credentials:?}").contains("1003"));
        });
    };
    let form = "application/x-www-form-urlencoded";
    check(&sent("", ""), Some(KEY), Some("apikey"));
    check(&sent("", "").query("zapikey=a&zapikey=b"), Some("a"), None);
    check(
        &sent("", "").query("").header("x-zapi-key", KEY),
        Some(KEY),
        None,
    );
    check(
        &sent("", "").query("zapikey=q").header("x-zapi-key", KEY),
        Some("q"),
        None,
    );
    check(
        &sent(form, "a=1&zapikey=f&auth_type=oauth").query(""),
        Some("f"),
        Some("oauth"),
    );
    check(
        &sent(form, "zapikey=f&auth_type=apikey").query("zapikey=q"),
        Some("q"),
        Some("apikey"),
    );
    check(&sent("text/plain", "zapikey=f").query(""), None, None);
    check(
        &sent("application/json", r#"{"zapikey":"f"}"#).query(""),
        None,
        None,
    );
}

#[test]
fn a_broken_body_is_refused_with_its_place() {
    let json = |body: &str| sent("application/json", body);
    let message = json("{\"a\":1,\n \"b\" 2}").root(Root::Body).unwrap_err();
    assert!(
        message.starts_with("the body is not JSON: ") && message.contains("line 2, column"),
        "{message}"
    );
    let deep = "[".repeat(200) + &"]".repeat(200);
    let message = json(&deep).root(Root::Body).unwrap_err();
    assert!(message.contains("128"), "{message}");
    let message = sent("text/xml", "<a>\n<b></a>")
        .root(Root::Body)
        .unwrap_err();
    assert!(
        message.starts_with("the body is not XML: ") && message.contains("line 2, column"),
        "{message}"
    );
    let deep = "<a>".repeat(200) + &"</a>".repeat(200);
    let message = sent("text/xml", deep).root(Root::Body).unwrap_err();
    assert!(message.contains("128"), "{message}");
    let utf8 = "the body is not UTF-8: byte 6 does not belong to a character";
    refuses(
        &sent("application/json", b"{\"a\":\"\xff\"}"),
        Root::Body,
        utf8,
    );
    refuses(
        &sent("text/plain", b"abc\xc3"),
        Root::Body,
        "the body is not UTF-8: byte 3 does not belong to a character",
    );
    refuses(
        &sent("text/plain; charset=klingon", "a"),
        Root::Body,
        "the charset `klingon` is not known",
    );
    let gzip = sent("application/json", "{}").header("content-encoding", "gzip");
    refuses(
        &gzip,
        Root::Body,
        "a body in the content encoding `gzip` is not taken",
    );
    refuses(
        &gzip,
        Root::Params,
        "a body in the content encoding `gzip` is not taken",
    );
    let multipart = sent("multipart/form-data; boundary=y", FILE_FORM);
    for root in [
        Root::Body,
        Root::Form,
        Root::Files,
        Root::Params,
        Root::CrmApiRequest,
    ] {
        refuses(
            &multipart,
            root,
            "the body does not hold the `boundary` that its content type names",
        );
    }
    let pdf = FILE_FORM.replace("id,name\n1,Jane\n", "%PDF-1.7 ");
    refuses(
        &sent("multipart/form-data; boundary=x", pdf),
        Root::FileContent,
        "invalid file type",
    );
    let arguments = Sent {
        arguments: vec!["a".to_owned()],
        ..sent("", "")
    }
    .query("arguments=%5B1%5D");
    refuses(
        &arguments,
        Root::Arguments,
        "`arguments` is JSON, but not an object",
    );
}

#[test]
fn the_refusal_is_kept_until_it_is_asked_for() {
    sent("application/json", "{").see(|view| {
        assert!(view.refusal().is_none());
        assert!(view.get(Root::Query).is_ok());
        assert!(view.refusal().is_none());
        assert!(view.get(Root::Body).is_err());
        assert!(matches!(view.refusal(), Some(Refusal::BadBody { .. })));
    });
    sent("text/plain; charset=klingon", "{").see(|view| {
        assert!(view.get(Root::Body).is_err());
        assert!(matches!(
            view.refusal(),
            Some(Refusal::UnsupportedMediaType { .. })
        ));
    });
}

#[test]
fn a_byte_order_mark_belongs_to_the_bytes_only() {
    let sent = sent("application/json", "\u{feff}{\"a\":1}");
    shows(&sent, Root::Body, r#"{"a":1}"#);
    sent.see(|view| match view.get(Root::RawBody) {
        Ok(Value::Bytes(bytes)) => assert!(bytes.starts_with(b"\xef\xbb\xbf")),
        other => panic!("{other:?}"),
    });
    assert!(
        sent.root(Root::CrmApiRequest)
            .unwrap()
            .starts_with("{\"body\":\"\u{feff}{")
    );
}

#[test]
fn a_files_type_is_that_of_its_bytes() {
    let form = "--x\r\nContent-Disposition: form-data; name=f; filename=a.txt\r\nContent-Type: text/plain\r\n\r\n\
        \u{89}PNG\r\n\x1a\n\r\n--x--";
    let png: Vec<u8> = form
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let expected = r#"{"f":{"name":"f","filename":"a.txt","content_type":"text/plain","detected_type":"image/png","size":8,"bytes":"iVBORw0KGgo=","text":null}}"#;
    shows(
        &sent("multipart/form-data; boundary=x", png),
        Root::Files,
        expected,
    );
    let text = sent("multipart/form-data; boundary=x", FILE_FORM);
    let expected = r#"{"inputFile":{"name":"inputFile","filename":"a.csv","content_type":"text/csv","detected_type":null,"size":15,"bytes":"aWQsbmFtZQoxLEphbmUK","text":"id,name\n1,Jane\n"}}"#;
    shows(&text, Root::Files, expected);
}

/// Real payloads, where they are.
fn corpus(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("HOOKWEIR_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let path = root.join("payloads").join(path);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: corpus absent at {}", path.display());
    }
    bytes
}

#[test]
fn real_payloads_are_read_right() {
    let field = |content_type: &str, path: &str, field: &[&str], expected: &str| {
        let Some(body) = corpus(path) else { return };
        sent(content_type, body).see(|view| {
            let mut value = view.get(Root::Body).unwrap();
            for name in field {
                value = match value {
                    Value::Map(map) => map
                        .get_str(name)
                        .unwrap_or_else(|| panic!("{path}: no {name}")),
                    other => panic!("{path}: {name} of {other:?}"),
                };
            }
            let shown = match value {
                Value::Bytes(bytes) => format!("{bytes:?}"),
                value => text(value),
            };
            assert_eq!(shown, expected, "{path}");
        });
    };
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    field(
        json,
        "github/push.json",
        &["repository", "full_name"],
        "\"Codertocat/Hello-World\"",
    );
    field(
        form,
        "slack/slash_command.form",
        &["command"],
        "\"/hello-world\"",
    );
    field(
        form,
        "slack/slash_command.form",
        &["enterprise_name"],
        "\"Org Name\"",
    );
    field(
        form,
        "twilio/mms.form",
        &["MediaContentType0"],
        "\"image/jpeg\"",
    );
    field(
        form,
        "braintree/Check.form",
        &["bt_signature"],
        "\"pub_bc25f95b3e22bd20|04fdf3a0cd1e328322b81e0f7934489f07eea075\"",
    );
    field(
        "application/xml",
        "braintree/SubscriptionCanceled.xml",
        &["notification", "subject", "subscription", "id"],
        "\"my_id_96a24c\"",
    );
    let multipart = "multipart/form-data; boundary=BoUnDaRyStRiNg";
    field(
        multipart,
        "mailgun/inbound_attachments.multipart",
        &["attachment-count"],
        "\"3\"",
    );
    field(
        multipart,
        "mailgun/inbound_attachments.multipart",
        &["attachment-1", "text"],
        "\"test attachment\"",
    );
    field(
        multipart,
        "mailgun/inbound_attachments.multipart",
        &["attachment-2", "detected_type"],
        "\"image/png\"",
    );
    field(
        multipart,
        "mailgun/inbound_attachments.multipart",
        &["attachment-3", "filename"],
        r#""\\share\\mail\\forwarded.msg""#,
    );
    let sendgrid = "multipart/form-data; boundary=xYzZY";
    field(
        sendgrid,
        "sendgrid-inbound/charsets.multipart",
        &["to"],
        "\"Récipiendaire précieux <inbound@sg.example.com>\"",
    );
    // Not UTF-8, and its charset stands in another field: the bytes are kept.
    let Some(body) = corpus("sendgrid-inbound/charsets.multipart") else {
        return;
    };
    sent(sendgrid, body).see(|view| {
        let Ok(Value::Map(map)) = view.get(Root::Body) else { panic!("a map") };
        assert!(matches!(map.get_str("subject"), Some(Value::Bytes(bytes)) if bytes.ends_with(b"pidi\xa2")));
        let Ok(Value::Map(map)) = view.get(Root::Form) else { panic!("a map") };
        assert!(matches!(map.get_str("subject"), Some(Value::String(text)) if text.ends_with("pidi\u{fffd}")));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(2), ..ProptestConfig::default() })]

    /// Whatever is sent: each root has a value or a message, and asking never panics.
    #[test]
    fn no_request_panics(
        content_type in prop_oneof![
            Just("application/json"), Just("application/x-www-form-urlencoded"), Just("text/xml"),
            Just("multipart/form-data; boundary=x"), Just("multipart/mixed; boundary=\"\""),
            Just("text/plain; charset=utf-16"), Just("image/png"), Just(";;=\";"),
        ],
        query in "[a-z%=&+.0-9]{0,40}",
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[\\[\\]{}\":,a0-9. ]{0,60}".prop_map(String::into_bytes),
            "(<[a-z]{1,3}>|</[a-z]{1,3}>|&[a-z]{1,4};|[ -~]){0,30}".prop_map(String::into_bytes),
            "(--x|--x--|\r\n|Content-Disposition: form-data; name=\"?[a-z]{0,7}\"?|; filename=|zapikey|inputFile|[ -~]{0,4}){0,24}"
                .prop_map(String::into_bytes),
            "(zapikey=|%7[0-9A-F]|[a-z]=|&|\\+|%){0,30}".prop_map(String::into_bytes),
        ],
    ) {
        let sent = sent(content_type, body).query(&query);
        sent.see(|view| {
            for root in Root::ALL {
                if let Err(error) = view.get(root) {
                    assert!(!error.message().is_empty());
                }
            }
        });
    }

    /// What is not a form keeps each of its bytes.
    #[test]
    fn raw_body_is_the_body(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let sent = sent("application/octet-stream", &body);
        sent.see(|view| {
            let Ok(Value::Bytes(seen)) = view.get(Root::RawBody) else { panic!("bytes") };
            assert_eq!(seen, body);
        });
    }
}
