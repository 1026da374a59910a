//! HTTP Message Signatures by their preset, held to the examples of RFC 9421, B.2.

use hookweir::auth::signature::Encoding;

use crate::harness::{Answer, TestGateway};

const BODY: &str = "{\"hello\": \"world\"}";
const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
const PUBLIC: &str = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
/// The request of all examples.
const HEADERS: [(&str, &str); 3] = [
    ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("Content-Type", "application/json"),
    (
        "Content-Digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
];

/// A gateway at `example.com`, at the time of the examples. Their signatures do not cover the
/// body, so that what the preset requires of it is left out, unless it is told.
fn gateway(how: &str, covers_body: bool) -> TestGateway {
    let preset = hookweir::spec::built_in_text("http_message_signatures").unwrap();
    let (start, rest) = preset.split_once("  require:\n").unwrap();
    let (_, end) = rest.split_once("webhook:\n").unwrap();
    let lax = format!("{start}webhook:\n{end}").replace("preset: http", "preset: lax_http");
    let name = if covers_body { "" } else { "lax_" };
    let text = format!(
        "function: f\naccept: {{ path: /foo }}\nauth: {{ signature: {{ preset: {name}http_message_signatures, {how} }} }}\nrespond: {{ body: taken }}\n"
    );
    let gateway = TestGateway::new()
        .file(
            "gateway.yaml",
            "gateway: test\npublic_url: http://example.com\n",
        )
        .file("lax.yaml", &lax)
        .file("f.yaml", &text)
        .file("shared", SHARED)
        .file("public", PUBLIC)
        .start();
    let created = jiff::Timestamp::from_second(1_618_884_473).unwrap();
    gateway.clock.set(created);
    gateway
}

fn ask(gateway: &TestGateway, input: &str, signature: &str, body: &str) -> Answer {
    let mut headers = HEADERS.to_vec();
    headers.extend([("Signature-Input", input), ("Signature", signature)]);
    let target = "/foo?param=Value&Pet=dog";
    gateway.request("POST", target, &headers, body.as_bytes())
}

const HMAC: &str = "scheme: hmac-sha256, secrets: [{ file: shared }], secret: { encoding: base64 }";
const BY_HMAC: &str =
    r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
const OF_HMAC: &str = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:";

#[test]
fn the_example_with_a_shared_secret_is_taken() {
    let gateway = gateway(HMAC, false);
    assert_eq!(ask(&gateway, BY_HMAC, OF_HMAC, BODY).status, 200);
    for (input, signature) in [
        (
            BY_HMAC,
            "sig-b25=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:",
        ),
        (BY_HMAC, ""),
        ("", OF_HMAC),
        (&BY_HMAC.replace("\"date\" ", ""), OF_HMAC),
        (&BY_HMAC.replace("1618884473", "1618884474"), OF_HMAC),
        (&BY_HMAC.replace("@authority", "@path"), OF_HMAC),
        (&BY_HMAC.replace("@authority", "@status"), OF_HMAC),
        (
            &format!("{BY_HMAC}, other=(\"date\");created=1618884473"),
            OF_HMAC,
        ),
    ] {
        assert_eq!(ask(&gateway, input, signature, BODY).status, 401, "{input}");
    }
    gateway.clock.advance(std::time::Duration::from_secs(301));
    assert_eq!(ask(&gateway, BY_HMAC, OF_HMAC, BODY).status, 401);
}

#[test]
fn the_example_with_ed25519_is_taken() {
    let gateway = gateway("keys: [{ file: public }]", false);
    let input = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let signature = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    assert_eq!(ask(&gateway, input, signature, BODY).status, 200);
    let other = input.replace("\"@method\" ", "");
    assert_eq!(ask(&gateway, &other, signature, BODY).status, 401);
}

#[test]
fn a_signature_that_does_not_cover_the_body_is_none() {
    let gateway = gateway(HMAC, true);
    assert_eq!(ask(&gateway, BY_HMAC, OF_HMAC, BODY).status, 401);
    // One that does: signed as the RFC says (2.5).
    let covered = r#"("@method" "@target-uri" "content-digest");created=1618884473"#;
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": http://example.com/foo?param=Value&Pet=dog\n\"content-digest\": {}\n\"@signature-params\": {covered}",
        HEADERS[2].1
    );
    let key = Encoding::Base64.decode(SHARED).unwrap();
    let mac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signature = Encoding::Base64.encode(ring::hmac::sign(&mac, base.as_bytes()).as_ref());
    let (input, signature) = (format!("a={covered}"), format!("a=:{signature}:"));
    assert_eq!(ask(&gateway, &input, &signature, BODY).status, 200);
    assert_eq!(ask(&gateway, &input, &signature, "{}").status, 401);
}
