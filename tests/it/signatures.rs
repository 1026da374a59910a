//! Functions behind signatures: what their callers and operators see. The schemes themselves are
//! held to genuine requests in `providers`.

use hookweir::auth::signature::{Digest, Encoding, Key, KeyForm, Proof, Scheme, SecretForm};
use hookweir::clock::Clock as _;
use hookweir::diagnostic::Severity;
use hookweir::{route, spec};

use crate::harness::{Answer, TestGateway};

const SECRET: &str = "s3cret";
const HEX: Encoding = Encoding::Hex(hookweir::auth::signature::Case::Lower);
const SHA256: Scheme = Scheme::Hmac(Digest::Sha256);

fn sign(scheme: Scheme, message: &[u8]) -> Vec<u8> {
    let form = KeyForm::Secret(SecretForm::default());
    let key = Key::new(SECRET, &form, scheme).unwrap();
    let mut proof = Proof::start(scheme, &key);
    proof.update(message);
    proof.sign().unwrap()
}

/// A gateway with one function `f`, at `/f` and with its secret in a file.
fn gateway(rest: &str) -> TestGateway {
    let text = format!("function: f\naccept: {{ path: /f }}\n{rest}respond: {{ body: taken }}\n");
    TestGateway::new()
        .file(
            "gateway.yaml",
            "gateway: test\npublic_url: https://hooks.example.com/in\n",
        )
        .file("secret", SECRET)
        .file("f.yaml", &text)
        .start()
}

fn post(gateway: &TestGateway, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    gateway.request("POST", "/f", headers, body)
}

const GITHUB: &str = "auth: { signature: { preset: github, secrets: [{ file: secret }] } }\n";

#[test]
fn a_refused_caller_learns_nothing_but_the_requests_id() {
    let gateway = gateway(GITHUB);
    let body = b"{\"a\": 1}";
    let right = format!("sha256={}", HEX.encode(&sign(SHA256, body)));
    let header = "X-Hub-Signature-256";
    assert_eq!(post(&gateway, &[(header, &right)], body).status, 200);
    let mut seen = Vec::new();
    let wrong = format!("sha256={}", HEX.encode(&[0; 32]));
    for headers in [
        vec![],
        vec![(header, "")],
        vec![(header, wrong.as_str())],
        vec![(header, "sha1=00")],
        vec![(header, right.as_str()), (header, right.as_str())],
    ] {
        let answer = post(&gateway, &headers, body);
        assert_eq!(answer.status, 401);
        assert!(answer.header("x-request-id").is_some());
        seen.push(answer.body);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "they differ");
    // The operator learns which step failed, each time another.
    let lines = gateway.stop();
    let notes: Vec<_> = lines
        .iter()
        .filter_map(|line| line["note"].as_str())
        .collect();
    assert_eq!(
        notes,
        [
            "the signature is missing",
            "the signature is missing",
            "the signature does not fit",
            "the signature is not in its form",
            "the signature is there more than once",
        ]
    );
    for line in &lines {
        assert!(!line.to_string().contains(SECRET));
    }
}

#[test]
fn what_is_observed_is_let_in_and_told_to_the_operator() {
    let gateway = gateway(
        "auth: { signature: { preset: github, mode: observe, secrets: [{ file: secret }] } }\n",
    );
    assert_eq!(post(&gateway, &[], b"{}").status, 200);
    let base64 = format!("sha256={}", Encoding::Base64.encode(&sign(SHA256, b"{}")));
    let header = ("X-Hub-Signature-256", base64.as_str());
    assert_eq!(post(&gateway, &[header], b"{}").status, 200);
    // The newest first, and what would have fitted.
    let kept = gateway.admin_get("/admin/v1/unsigned").json();
    assert_eq!(kept.as_array().unwrap().len(), 2);
    assert_eq!(kept[0]["observed"], true);
    assert_eq!(kept[0]["function"], "f");
    let id = kept[0]["request_id"].as_str().unwrap();
    let one = gateway.admin_get(&format!("/admin/v1/unsigned/{id}"));
    let fits = one.json()["would_fit"][0].as_str().unwrap().to_owned();
    assert!(fits.contains("`encoding: base64`"), "{fits}");
    assert!(!one.text().contains(SECRET));
    assert_eq!(gateway.admin_get("/admin/v1/unsigned/none").status, 404);
    let metrics = gateway.admin_get("/metrics");
    let line = "hookweir_unsigned_observed_total{function=\"f\"} 2";
    assert!(metrics.text().contains(line), "{}", metrics.text());
    let lines = gateway.stop();
    assert_eq!(
        lines[0]["note"],
        "not signed (observed): the signature is missing"
    );
    assert_eq!(lines[0]["outcome"], "answered");
}

#[test]
fn a_key_and_a_signature_are_both_asked_for() {
    let gateway = gateway(
        "auth: { zapikey: required, signature: { preset: github, secrets: [{ file: secret }] } }\n",
    );
    let signature = format!("sha256={}", HEX.encode(&sign(SHA256, b"{}")));
    let signed = ("X-Hub-Signature-256", signature.as_str());
    let key = ("X-ZAPI-Key", gateway.key.as_str());
    assert_eq!(post(&gateway, &[signed], b"{}").status, 401);
    assert_eq!(post(&gateway, &[key], b"{}").status, 401);
    assert_eq!(post(&gateway, &[key, signed], b"{}").status, 200);
}

#[test]
fn the_url_is_that_of_the_settings_and_never_the_hosts() {
    let gateway = gateway(
        "auth:\n  signature:\n    scheme: hmac-sha256\n    signature: { header: X-Sig, encoding: base64 }\n    signed: \"${url}|${method}|${url_path}|${url_query}\"\n    secrets: [{ file: secret }]\n",
    );
    let sign = |url: &str| {
        let text = format!("{url}|POST|/f|b=2&a=1");
        Encoding::Base64.encode(&sign(SHA256, text.as_bytes()))
    };
    let ask = |signature: &str, host: &str| {
        let headers = [("X-Sig", signature), ("X-Forwarded-Host", host)];
        gateway.request("POST", "/f?b=2&a=1", &headers, b"").status
    };
    let right = sign("https://hooks.example.com/in/f?b=2&a=1");
    assert_eq!(ask(&right, "evil.example"), 200);
    let other = sign("https://evil.example/f?b=2&a=1");
    assert_eq!(ask(&other, "evil.example"), 401);
}

#[test]
fn every_item_of_a_list_is_signed_by_itself() {
    let gateway = gateway(
        "auth:\n  signature:\n    scheme: hmac-sha256\n    each: /items\n    scope: /event\n    signature: { json: /signature, encoding: base64 }\n    signed: \"${body.id}:${body.amount ?? ''}\"\n    secrets: [{ file: secret }]\n",
    );
    let item = |id: &str, signed: &str| {
        let signature = Encoding::Base64.encode(&sign(SHA256, signed.as_bytes()));
        format!(
            "{{\"event\": {{\"id\": \"{id}\", \"amount\": 5, \"signature\": \"{signature}\"}}}}"
        )
    };
    let ask = |items: &[String]| {
        let body = format!("{{\"items\": [{}]}}", items.join(","));
        let headers = [("Content-Type", "application/json")];
        post(&gateway, &headers, body.as_bytes()).status
    };
    let (one, two) = (item("a", "a:5"), item("b", "b:5"));
    assert_eq!(ask(&[one.clone(), two.clone()]), 200);
    assert_eq!(ask(&[one.clone(), item("b", "a:5"), two]), 401);
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[one, "{\"event\": {\"id\": \"c\"}}".to_owned()]), 401);
    assert_eq!(ask(&["7".to_owned()]), 401);
}

#[test]
fn a_token_is_signed_and_says_which_body_it_is_for() {
    let gateway = gateway(
        "auth:\n  signature:\n    scheme: jwt\n    require:\n      - claims.iss == \"acme\"\n      - secure_equal(claims.sha256, hex.encode(sha256(raw_body)))\n    secrets: [{ file: secret }]\n",
    );
    let now = gateway.clock.now().as_second();
    let part = |text: &str| Encoding::Base64Url.encode(text.as_bytes());
    let token = |header: &str, claims: &str| {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = Encoding::Base64Url.encode(&sign(SHA256, signed.as_bytes()));
        format!("Bearer {signed}.{signature}")
    };
    let ask = |token: &str| post(&gateway, &[("Authorization", token)], b"hello").status;
    // SHA-256 of `hello`.
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let header = r#"{"alg":"HS256"}"#;
    let claims = |iss: &str, hash: &str, exp: i64| {
        format!(r#"{{"iss":"{iss}","sha256":"{hash}","exp":{exp}}}"#)
    };
    let right = token(header, &claims("acme", hash, now + 10));
    assert_eq!(ask(&right), 200);
    assert_eq!(ask(&right.replace("Bearer", "bearer")), 200);
    for wrong in [
        token(header, &claims("acme", hash, now - 61)),
        token(header, &claims("evil", hash, now + 10)),
        token(header, &claims("acme", "00", now + 10)),
        token(r#"{"alg":"none"}"#, &claims("acme", hash, now + 10)),
        token(r#"{"alg":"HS512"}"#, &claims("acme", hash, now + 10)),
        token(header, "[]"),
        right.replace("Bearer", "Basic"),
        format!("{right}A"),
        "Bearer".to_owned(),
        String::new(),
    ] {
        assert_eq!(ask(&wrong), 401, "{wrong}");
    }
}

#[test]
fn an_address_answers_handshakes_by_methods_that_its_function_does_not_take() {
    let gateway = gateway(
        "auth:\n  zapikey: required\n  signature:\n    challenge:\n      - method: OPTIONS\n        when: '\"WebHook-Request-Origin\" in headers'\n        respond: { headers: { WebHook-Allowed-Origin: '${headers[\"WebHook-Request-Origin\"]}' } }\n      - { method: HEAD }\n",
    );
    let asked = [("WebHook-Request-Origin", "eventemitter.example.com")];
    let answer = gateway.request("OPTIONS", "/f", &asked, b"");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("webhook-allowed-origin"),
        Some("eventemitter.example.com")
    );
    // Any other OPTIONS is what it always is.
    let answer = gateway.request("OPTIONS", "/f", &[], b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(gateway.request("HEAD", "/f", &[], b"").status, 200);
    assert_eq!(gateway.request("DELETE", "/f", &[], b"").status, 405);
    let metrics = gateway.admin_get("/metrics");
    let line = "hookweir_handshakes_total{function=\"f\"} 2";
    assert!(metrics.text().contains(line), "{}", metrics.text());
    let outcomes: Vec<_> = gateway
        .stop()
        .iter()
        .map(|line| line["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes, ["handshake", "options", "handshake", "method"]);
}

#[test]
fn an_echo_can_neither_be_a_page_nor_break_a_header() {
    let gateway = gateway("auth: { zapikey: required, signature: { preset: nylas } }\n");
    let answer = gateway.get("/f?challenge=%3Cscript%3Ealert(1)%3C/script%3E");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "<script>alert(1)</script>");
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    drop(gateway);
    let gateway = self::gateway(
        "auth:\n  zapikey: required\n  signature:\n    challenge:\n      - method: GET\n        respond: { headers: { X-Echo: '${query.echo}' } }\n        otherwise: { status: 400 }\n",
    );
    let answer = gateway.get("/f?echo=a%0d%0aSet-Cookie:%20x");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("set-cookie"), None);
}

/// Codes of the errors and warnings of a function, but that it has no test.
fn told(auth: &str, variable: Option<&str>) -> Vec<&'static str> {
    let text = format!("function: f\nauth:\n  signature: {auth}\n");
    let compiled = route::compile(spec::load_text("f.yaml", &text), &|_| {
        variable.map(str::to_owned)
    });
    let is_sound = compiled.generation.is_some();
    let codes: Vec<_> = compiled
        .diagnostics
        .iter()
        .filter(|problem| problem.code.0 != "W0402")
        .inspect(|problem| {
            assert!(problem.severity < Severity::Error || !is_sound);
        })
        .map(|problem| problem.code.0)
        .collect();
    codes
}

#[test]
fn nothing_is_loaded_without_a_secret_that_is_one() {
    let github = "{ preset: github, secrets: [{ env: SECRET }] }";
    assert_eq!(told(github, Some("s3cret")), [""; 0]);
    for (auth, variable, code) in [
        (github, None, "E0604"),
        (github, Some(""), "E0604"),
        (github, Some(" \n"), "E0604"),
        ("{ preset: github }", Some("s3cret"), "E0603"),
        ("{ preset: github, secrets: [] }", Some("s3cret"), "E0603"),
        ("{ preset: github, secrets: [hunter2] }", None, "E0605"),
        (
            "{ preset: github, secrets: [{ file: nowhere }] }",
            None,
            "E0604",
        ),
        (
            "{ preset: github, secrets: [{ credential: x }] }",
            None,
            "E0604",
        ),
        (
            "{ preset: svix, secrets: [{ env: S }] }",
            Some("whsec_!"),
            "E0606",
        ),
        (
            "{ preset: discord, keys: [{ env: S }] }",
            Some("00"),
            "E0606",
        ),
        (
            "{ preset: postmark, secrets: [{ env: S }] }",
            Some("nobody"),
            "E0606",
        ),
        (
            "{ preset: gihtub, secrets: [{ env: S }] }",
            Some("x"),
            "E0601",
        ),
        ("{ preset: nylas }", None, "E0602"),
        (
            "{ preset: square, secrets: [{ env: S }] }",
            Some("x"),
            "E0607",
        ),
    ] {
        let codes = told(auth, variable);
        assert!(codes.contains(&code), "{auth} with {variable:?}: {codes:?}");
    }
    // Said as long as it is so.
    let observed = "{ preset: github, mode: observe, secrets: [{ env: S }] }";
    assert_eq!(told(observed, Some("x")), ["W0601"]);
    let token = "{ preset: gitlab, secrets: [{ env: S }] }";
    assert_eq!(told(token, Some("x")), ["W0602"]);
    let meta = "{ preset: meta, secrets: [{ env: S }] }";
    assert_eq!(told(meta, Some("x")), ["W0603"]);
}

#[test]
fn requests_from_elsewhere_are_refused_before_anything_is_asked() {
    let auth = |networks: &str| {
        format!(
            "auth: {{ allow_ips: [{networks}], signature: {{ preset: github, secrets: [{{ file: secret }}] }} }}\n"
        )
    };
    let signature = format!("sha256={}", HEX.encode(&sign(SHA256, b"{}")));
    let signed = ("X-Hub-Signature-256", signature.as_str());
    let gateway = gateway(&auth("127.0.0.0/8"));
    assert_eq!(post(&gateway, &[signed], b"{}").status, 200);
    assert_eq!(post(&gateway, &[], b"{}").status, 401);
    // What anybody can write counts for nothing, where no proxy is trusted.
    let forged = ("X-Forwarded-For", "192.0.2.1");
    drop(gateway);
    let gateway = self::gateway(&auth("192.0.2.0/24"));
    assert_eq!(post(&gateway, &[signed], b"{}").status, 403);
    assert_eq!(post(&gateway, &[signed, forged], b"{}").status, 403);
    let lines = gateway.stop();
    assert_eq!(lines[0]["outcome"], "address");

    let allowed = |networks: &str| {
        let text = format!("function: f\nauth: {{ zapikey: required, allow_ips: {networks} }}\n");
        let compiled = route::compile(spec::load_text("f.yaml", &text), &|_| None);
        compiled.generation.is_some()
    };
    assert!(allowed("[192.0.2.1, \"2001:db8::/32\"]"));
    for wrong in ["[]", "[nowhere]", "[192.0.2.1/24]", "[192.0.2.0/33]"] {
        assert!(!allowed(wrong), "{wrong}");
    }
    // An address proves nothing by itself.
    let text = "function: f\nauth: { allow_ips: [192.0.2.1] }\n";
    let compiled = route::compile(spec::load_text("f.yaml", text), &|_| None);
    assert!(compiled.generation.is_none());
}

#[test]
fn a_preset_is_checked_where_it_is_written() {
    let told = |signature: &str| {
        let text = format!("preset: acme\nsignature: {signature}\n---\nfunction: f\nauth: none\n");
        let compiled = route::compile(spec::load_text("f.yaml", &text), &|_| None);
        let problems = compiled.diagnostics.iter();
        problems
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| {
                let span = problem.span.unwrap();
                let source = compiled.sources.get(span.source).unwrap();
                (problem.code.0, source.position(span.start).0)
            })
            .collect::<Vec<_>>()
    };
    let whole = "{ scheme: hmac-sha256, signature: { header: X-Acme, encoding: hex }, signed: \"${url}${param.word}\" }";
    assert_eq!(told(whole), []);
    assert_eq!(
        told(&whole.replace("hmac-sha256", "hmac-sha3")),
        [("E0602", 2)]
    );
    assert_eq!(told(&whole.replace("url}", "uri}")), [("E0204", 2)]);
    assert_eq!(
        told(&whole.replace("header: X-Acme", "json: x")),
        [("E0608", 2)]
    );
    let handshake = "{ challenge: [{ method: GET, respond: { text: \"${qeury.challenge}\" } }] }";
    assert_eq!(told(handshake), [("E0204", 2)]);
}
