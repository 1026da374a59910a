//! What the doctor says of requests that are refused.

use hookweir::auth::signature::{Case, Digest, Encoding, Key, KeyForm, Proof, Scheme, SecretForm};

const SHA256: Scheme = Scheme::Hmac(Digest::Sha256);
const HEX: Encoding = Encoding::Hex(Case::Lower);

fn sign(scheme: Scheme, secret: &str, message: &str) -> Vec<u8> {
    let key = Key::new(secret, &KeyForm::Secret(SecretForm::default()), scheme).unwrap();
    let mut proof = Proof::start(scheme, &key);
    proof.update(message.as_bytes());
    proof.sign().unwrap()
}

/// Runs `hookweir explain request` on a request to the function `f` behind `signature`.
fn explained(signature: &str, head: &[(&str, &str)], body: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("secret", "s3cret");
    write("other", "0ther");
    write(
        "gateway.yaml",
        "gateway: g\npublic_url: https://hooks.example.com\n",
    );
    write(
        "f.yaml",
        &format!("function: f\nauth:\n  signature: {signature}\n"),
    );
    write(
        "g.yaml",
        "function: g\nauth: { signature: { preset: github, secrets: [{ file: other }] } }\n",
    );
    let mut request = "POST /in/f?a=1 HTTP/1.1\r\nHost: inside.example:8080\r\n".to_owned();
    for (name, value) in head {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_hookweir"))
        .args(["explain", "request", "-", "--function", "f", "--specs"])
        .arg(folder.path())
        .args(["--at", "2026-11-01T10:00:00Z"])
        .env_remove("HOOKWEIR_PUBLIC_URL")
        .write_stdin(request)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.contains("s3cret") && !text.contains("0ther"),
        "{text}"
    );
    (output.status.code(), text)
}

/// Claims that what is found is told with these words.
fn finds(signature: &str, head: &[(&str, &str)], body: &str, words: &str) {
    let (code, text) = explained(signature, head, body);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(words), "expected {words:?} in\n{text}");
}

const GITHUB: &str = "{ preset: github, secrets: [{ file: secret }] }";
const HEADER: &str = "X-Hub-Signature-256";

fn hub(signature: &[u8]) -> String {
    format!("sha256={}", HEX.encode(signature))
}

#[test]
fn a_request_that_is_signed_is_said_to_be() {
    let right = hub(&sign(SHA256, "s3cret", "{}"));
    let (code, text) = explained(GITHUB, &[(HEADER, &right)], "{}");
    assert_eq!(code, Some(0));
    assert_eq!(text, "signed: `f` would take this request\n");
}

#[test]
fn what_is_missing_is_named_and_what_looks_like_it() {
    let head = [("X-Hub-Signature", "sha1=00")];
    finds(GITHUB, &head, "{}", "failed: the signature is missing");
    finds(
        GITHUB,
        &head,
        "{}",
        "note: there are other headers that look like proof: x-hub-signature",
    );
}

#[test]
fn a_body_that_was_changed_on_its_way_is_found_out() {
    let body = "{\"a\":1,\"b\":[\"c, d\"]}";
    for (signed, sent, words) in [
        (body, format!("{body}\n"), "without its last line break"),
        ("{}\n", "{}".to_owned(), "with a line break at its end"),
        ("{\r\n}", "{\n}".to_owned(), "changes line breaks"),
        (
            body,
            "{ \"a\": 1, \"b\": [ \"c, d\" ] }".to_owned(),
            "the same JSON written without blanks",
        ),
        (
            "{\"a\": 1, \"b\": [\"c, d\"]}",
            body.to_owned(),
            "the same JSON written with blanks after",
        ),
    ] {
        let signature = hub(&sign(SHA256, "s3cret", signed));
        finds(GITHUB, &[(HEADER, &signature)], &sent, words);
    }
}

#[test]
fn another_way_of_writing_a_signature_is_found_out() {
    let signature = sign(SHA256, "s3cret", "{}");
    let base64 = format!("sha256={}", Encoding::Base64.encode(&signature));
    finds(GITHUB, &[(HEADER, &base64)], "{}", "`encoding: base64`");
    let bare = HEX.encode(&signature);
    finds(GITHUB, &[(HEADER, &bare)], "{}", "an item of another form");
    let sha512 = sign(Scheme::Hmac(Digest::Sha512), "s3cret", "{}");
    finds(
        GITHUB,
        &[(HEADER, &hub(&sha512))],
        "{}",
        "`scheme: hmac-sha512`",
    );
}

#[test]
fn another_secret_is_found_out_and_never_told() {
    let other = hub(&sign(SHA256, "0ther", "{}"));
    finds(
        GITHUB,
        &[(HEADER, &other)],
        "{}",
        "the secret of the function `g`",
    );
    let with_break = hub(&sign(SHA256, "s3cret\n", "{}"));
    finds(
        GITHUB,
        &[(HEADER, &with_break)],
        "{}",
        "line break at the end of the secret",
    );
    let unknown = hub(&sign(SHA256, "nobody", "{}"));
    finds(
        GITHUB,
        &[(HEADER, &unknown)],
        "{}",
        "nothing that is often wrong",
    );
}

#[test]
fn a_clock_that_is_off_is_found_out() {
    let slack = "{ preset: slack, secrets: [{ file: secret }] }";
    // Seven minutes before the request arrived.
    let at = "1793526780";
    let signature = sign(SHA256, "s3cret", &format!("v0:{at}:{{}}"));
    let signature = format!("v0={}", HEX.encode(&signature));
    let head = [
        ("X-Slack-Request-Timestamp", at),
        ("X-Slack-Signature", signature.as_str()),
    ];
    finds(
        slack,
        &head,
        "{}",
        "its time is 7 min behind the clock here",
    );
}

#[test]
fn a_url_that_the_sender_knows_otherwise_is_found_out() {
    let square = "{ preset: square, secrets: [{ file: secret }] }";
    for (url, words) in [
        (
            "http://hooks.example.com/in/f?a=1",
            "public_url: http://hooks.example.com",
        ),
        (
            "https://inside.example:8080/in/f?a=1",
            "public_url: https://inside.example:8080",
        ),
        ("https://hooks.example.com/in/f", "without the query"),
        ("https://hooks.example.com/in/f/?a=1", "with `/` at the end"),
    ] {
        let signature = Encoding::Base64.encode(&sign(SHA256, "s3cret", &format!("{url}{{}}")));
        let head = [("x-square-hmacsha256-signature", signature.as_str())];
        finds(square, &head, "{}", words);
    }
}
