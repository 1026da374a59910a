//! What handshakes leave behind: secrets that are kept, addresses that are visited.

use std::time::Duration;

use hookweir::auth::signature::{Digest, Encoding, Key, KeyForm, Proof, Scheme, SecretForm};
use hookweir::clock::{Clock as _, Stopwatch};
use hookweir::store::{self, Location, VisitState};

use crate::harness::{Answer, PATIENCE, TestGateway, ThirdParty};

const SECRET: &str = "b537207f20cbfa02357cf448134da559";
const SHA256: Scheme = Scheme::Hmac(Digest::Sha256);
const HOST: &str = "sns.eu-west-1.amazonaws.com";

fn sign(secret: &str, message: &[u8]) -> String {
    let form = KeyForm::Secret(SecretForm::default());
    let key = Key::new(secret, &form, SHA256).unwrap();
    let mut proof = Proof::start(SHA256, &key);
    proof.update(message);
    let hex = Encoding::Hex(hookweir::auth::signature::Case::Lower);
    hex.encode(&proof.sign().unwrap())
}

fn opened(folder: &std::path::Path) -> std::sync::Arc<dyn store::Store> {
    let data_dir = folder.to_owned();
    let master_key = None;
    store::open(&Location {
        data_dir,
        master_key,
        place: None,
    })
    .unwrap()
}

fn keyed(gateway: &TestGateway, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let target = format!("/f?zapikey={}", gateway.key);
    gateway.request("POST", &target, headers, body)
}

const ASANA: &str = "function: f
accept: { path: /f }
auth: { zapikey: required, signature: { preset: asana } }
respond: { body: taken }
";

#[test]
fn a_secret_of_a_handshake_is_kept_sealed_and_signs_from_then_on() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let builder = TestGateway::new().file("f.yaml", ASANA).store(&folder);
    let gateway = builder.start();
    let signature = sign(SECRET, b"{}");
    let signed = [("X-Hook-Signature", signature.as_str())];
    let hello = [("X-Hook-Secret", SECRET)];
    assert_eq!(keyed(&gateway, &signed, b"{}").status, 401);
    // Who does not know the key gives no secret.
    let stranger = gateway.request("POST", "/f", &hello, b"");
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.header("x-hook-secret"), None);
    // None that could not be one.
    for secret in ["", "short", "with\ttab-and-so-on-and-on"] {
        let answer = keyed(&gateway, &[("X-Hook-Secret", secret)], b"");
        assert_eq!(answer.status, 401, "{secret:?}");
    }
    assert_eq!(opened(&folder).handshake_secrets().unwrap().len(), 0);

    for _ in 0..2 {
        let answer = keyed(&gateway, &hello, b"");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-hook-secret"), Some(SECRET));
    }
    assert_eq!(keyed(&gateway, &signed, b"{}").status, 200);
    assert_eq!(keyed(&gateway, &signed, b"{ }").status, 401);
    // A second webhook has a secret of its own, and the first one's goes on.
    let other = "another-secret-of-the-provider";
    assert_eq!(
        keyed(&gateway, &[("X-Hook-Secret", other)], b"").status,
        200
    );
    let by_other = sign(other, b"[]");
    let by_other = [("X-Hook-Signature", by_other.as_str())];
    assert_eq!(keyed(&gateway, &by_other, b"[]").status, 200);
    assert_eq!(keyed(&gateway, &signed, b"{}").status, 200);
    assert_eq!(opened(&folder).handshake_secrets().unwrap().len(), 2);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(SECRET.len())
            .any(|at| at == SECRET.as_bytes());
        assert!(!found, "{}", path.display());
    }
    for line in gateway.stop() {
        assert!(!line.to_string().contains(SECRET));
    }
}

#[test]
fn a_handshake_whose_secret_cannot_be_kept_is_not_answered() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let builder = TestGateway::new().file("f.yaml", ASANA).store(&folder);
    let gateway = builder.start();
    // Somebody holds the database.
    let raw = rusqlite::Connection::open(folder.join("hookweir.db")).unwrap();
    raw.execute_batch("DROP TABLE handshake_secrets").unwrap();
    let answer = keyed(&gateway, &[("X-Hook-Secret", SECRET)], b"");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("x-hook-secret"), None);
    assert!(!answer.text().contains("sqlite") && !answer.text().contains("table"));
    let lines = gateway.stop();
    assert_eq!(lines[0]["outcome"], "store");
}

#[test]
fn a_function_with_secrets_of_its_own_keeps_none() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let text = "function: f
accept: { path: /f }
auth: { signature: { preset: asana, secrets: [{ file: secret }] } }
respond: { body: taken }
";
    let gateway = TestGateway::new()
        .file("f.yaml", text)
        .file("secret", SECRET)
        .store(&folder)
        .start();
    let other = "another-secret-of-the-provider";
    let answer = gateway.request("POST", "/f", &[("X-Hook-Secret", other)], b"");
    assert_eq!(answer.header("x-hook-secret"), Some(other));
    let signature = sign(other, b"{}");
    let signed = [("X-Hook-Signature", signature.as_str())];
    assert_eq!(gateway.request("POST", "/f", &signed, b"{}").status, 401);
    assert_eq!(opened(&folder).handshake_secrets().unwrap().len(), 0);
}

fn confirming(confirm: &str) -> String {
    format!(
        "function: f
accept: {{ path: /f }}
auth:
  signature:
    scheme: hmac-sha256
    signature: {{ header: X-Sig, encoding: hex }}
    secrets: [{{ file: secret }}]
    confirm: {confirm}
    challenge:
      - when: has(body.SubscribeURL)
        verify: first
        then_get: {{ url: {{ json: /SubscribeURL }}, allowed_host: 'sns\\.[a-z0-9-]+\\.amazonaws\\.com' }}
        respond: {{ status: 200 }}
respond: {{ body: taken }}
"
    )
}

/// Waits until the store says so of its visits.
fn wait(folder: &std::path::Path, states: &[VisitState]) {
    let since = Stopwatch::start();
    loop {
        let visits = opened(folder).visits().unwrap();
        let now: Vec<_> = visits.iter().map(|visit| visit.state).collect();
        if now == states {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{now:?}");
        std::thread::yield_now();
    }
}

fn ask(gateway: &TestGateway, url: &str) -> Answer {
    let body = serde_json::json!({ "SubscribeURL": url }).to_string();
    let signature = sign(SECRET, body.as_bytes());
    let headers = [
        ("X-Sig", signature.as_str()),
        ("Content-Type", "application/json"),
    ];
    gateway.request("POST", "/f", &headers, body.as_bytes())
}

fn start(party: &ThirdParty, confirm: &str, folder: &std::path::Path) -> TestGateway {
    let text = confirming(confirm);
    let lax = text.replace("        verify: first\n", "");
    let builder = TestGateway::new()
        .file("f.yaml", &text)
        .file(
            "lax.yaml",
            &lax.replace("function: f", "function: lax")
                .replace("/f }", "/lax }"),
        )
        .file("secret", SECRET)
        .store(folder);
    party.reached_by(builder).start()
}

#[test]
fn a_confirmation_is_made_once_its_request_is_known_to_be_signed() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let party = ThirdParty::start(&[HOST, "evil.example"]);
    party.page(
        &format!("{HOST}/?Action=ConfirmSubscription"),
        200,
        "<xml/>",
    );
    let gateway = start(&party, "automatic", &folder);
    let url = format!("https://{HOST}/?Action=ConfirmSubscription");
    // Not at the word of who has not signed, and not anywhere.
    let body = serde_json::json!({ "SubscribeURL": url }).to_string();
    let headers = [("Content-Type", "application/json")];
    let unsigned = gateway.request("POST", "/f", &headers, body.as_bytes());
    assert_eq!(unsigned.status, 401);
    // Some providers are answered all the same; nothing is visited for that.
    let lax = gateway.request("POST", "/lax", &headers, body.as_bytes());
    assert_eq!(lax.status, 200);
    for elsewhere in [
        "https://evil.example/",
        "https://sns.eu-west-1.amazonaws.com.evil.example/",
        "http://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com:8443/",
        "https://x@sns.eu-west-1.amazonaws.com/",
    ] {
        assert_eq!(ask(&gateway, elsewhere).status, 401, "{elsewhere}");
    }
    assert_eq!(ask(&gateway, &url).status, 200);
    wait(&folder, &[VisitState::Done]);
    assert_eq!(
        party.asked(),
        [format!("GET {HOST}/?Action=ConfirmSubscription")]
    );
    let bytes = std::fs::read(folder.join("hookweir.db")).unwrap();
    let needle = b"ConfirmSubscription";
    assert!(!bytes.windows(needle.len()).any(|at| at == needle));
}

#[test]
fn a_confirmation_that_fails_is_made_again_and_one_that_is_refused_is_not() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let party = ThirdParty::start(&[HOST]);
    party.page(&format!("{HOST}/later"), 503, "");
    party.page(&format!("{HOST}/never"), 403, "");
    let gateway = start(&party, "automatic", &folder);
    assert_eq!(ask(&gateway, &format!("https://{HOST}/never")).status, 200);
    wait(&folder, &[VisitState::Failed]);
    gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&gateway, &format!("https://{HOST}/later")).status, 200);
    let since = Stopwatch::start();
    while opened(&folder).visits().unwrap()[1].attempts == 0 {
        assert!(since.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let visit = opened(&folder).visits().unwrap().remove(1);
    assert_eq!(visit.state, VisitState::Pending);
    assert_eq!(visit.outcome.as_deref(), Some("answered with 503"));
    let pause = visit.due.duration_since(gateway.clock.now());
    assert_eq!(pause, Duration::from_secs(10).try_into().unwrap());
    party.page(&format!("{HOST}/later"), 200, "");
    gateway.clock.advance(Duration::from_secs(10));
    // The provider asks again, which is the same visit, and has it looked at.
    assert_eq!(ask(&gateway, &format!("https://{HOST}/later")).status, 200);
    wait(&folder, &[VisitState::Failed, VisitState::Done]);
    assert_eq!(party.asked().len(), 3);
}

#[test]
fn by_hand_a_confirmation_waits_for_an_administrator() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let party = ThirdParty::start(&[HOST]);
    let gateway = start(&party, "by_hand", &folder);
    assert_eq!(ask(&gateway, &format!("https://{HOST}/x")).status, 200);
    wait(&folder, &[VisitState::Held]);
    drop(gateway);
    assert_eq!(party.asked(), Vec::<String>::new());
}

#[test]
fn in_observe_mode_nothing_is_done_at_the_word_of_who_has_not_signed() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let party = ThirdParty::start(&[HOST]);
    let text = confirming("automatic").replace("    confirm", "    mode: observe\n    confirm");
    let builder = TestGateway::new()
        .file("f.yaml", &text)
        .file("secret", SECRET)
        .store(&folder);
    let gateway = party.reached_by(builder).start();
    let body = serde_json::json!({ "SubscribeURL": format!("https://{HOST}/x") }).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = gateway.request("POST", "/f", &headers, body.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(opened(&folder).visits().unwrap().len(), 0);
}
