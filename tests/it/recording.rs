//! `serve --record`: what is recorded holds no secret, and passes as a test.

use std::path::Path;

use hookweir::auth::signature::{Case, Digest, Encoding, Key, KeyForm, Proof, Scheme, SecretForm};

use crate::harness::TestGateway;

const SECRET: &str = "s3cret-of-the-provider";

fn sign(message: &[u8]) -> String {
    let scheme = Scheme::Hmac(Digest::Sha256);
    let key = Key::new(SECRET, &KeyForm::Secret(SecretForm::default()), scheme).unwrap();
    let mut proof = Proof::start(scheme, &key);
    proof.update(message);
    Encoding::Hex(Case::Lower).encode(&proof.sign().unwrap())
}

const SLACK: &str = "function: commands
accept: { path: /slack }
auth: { signature: { preset: slack, secrets: [{ file: ../secret }] } }
check: [{ that: form.text != \"\", else: { status_code: 422, message: say something } }]
respond: { body: { said: \"${form.text}\" } }
";

const ORDERS: &str = "function: orders
auth: { zapikey: required, signature: { preset: shopify, secrets: [{ file: ../secret }] } }
let: { number: body.number }
respond: { status_code: 201, body: { number: \"${number}\" } }
";

const HOOKS: &str = "function: pages
accept: { path: /meta, methods: [GET, POST] }
auth:
  signature:
    preset: meta
    secrets: [{ file: ../secret }]
    params: { verify_token: { file: ../token } }
respond: { body: taken }
";

const TOKENS: &str = "function: builds
accept: { path: /gitlab }
auth: { signature: { preset: gitlab, secrets: [{ file: ../secret }] } }
respond: { body: { kind: \"${body.object_kind}\" } }
";

const TASKS: &str = "function: tasks
accept: { path: /asana }
auth: { signature: { preset: asana, secrets: [{ file: ../secret }] } }
respond: { body: taken }
";

fn run(args: &[&str], folder: &Path) -> (bool, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_hookweir"))
        .args(args)
        .current_dir(folder)
        .env_remove("HOOKWEIR_SPECS")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.success(),
        out + &String::from_utf8_lossy(&output.stderr),
    )
}

/// All files below a folder.
fn texts(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(self::texts(&path));
        } else {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

#[test]
fn what_is_recorded_holds_no_secret_and_passes_as_a_test() {
    let project = tempfile::tempdir().unwrap();
    let recorded = project.path().join("recorded");
    let token = "verify-me-and-nobody-else";
    let mut builder = TestGateway::new().record(&recorded);
    std::fs::create_dir(project.path().join("specs")).unwrap();
    for (name, text) in [
        ("slack.yaml", SLACK),
        ("orders.yaml", ORDERS),
        ("meta.yaml", HOOKS),
        ("gitlab.yaml", TOKENS),
        ("asana.yaml", TASKS),
    ] {
        let path = project.path().join("specs").join(name);
        std::fs::write(path, text).unwrap();
        builder = builder.file(name, &text.replace("../", ""));
    }
    let gateway = builder.file("secret", SECRET).file("token", token).start();
    let key = gateway.key.clone();

    let time = "1793527200"; // The clock of a test gateway.
    for text in ["hello+there", ""] {
        let form = format!("command=%2Fsay&text={text}&zapikey={key}");
        let signature = format!("v0={}", sign(format!("v0:{time}:{form}").as_bytes()));
        let headers = [
            ("X-Slack-Signature", signature.as_str()),
            ("X-Slack-Request-Timestamp", time),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let answer = gateway.request("POST", "/slack", &headers, form.as_bytes());
        assert!(matches!(answer.status, 200 | 422), "{}", answer.text());
    }
    let body = format!("{{\"number\": 7, \"note\": \"{SECRET} {key}\"}}");
    let signature = {
        let scheme = Scheme::Hmac(Digest::Sha256);
        let key = Key::new(SECRET, &KeyForm::Secret(SecretForm::default()), scheme).unwrap();
        let mut proof = Proof::start(scheme, &key);
        proof.update(body.as_bytes());
        Encoding::Base64.encode(&proof.sign().unwrap())
    };
    let headers = [
        ("X-Shopify-Hmac-SHA256", signature.as_str()),
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer abc.def.ghi"),
        ("Cookie", "session=1234567890"),
    ];
    let target =
        format!("/crm/v7/functions/orders/actions/execute?a=1&auth_type=apikey&zapikey={key}&b=2");
    let answer = gateway.request("POST", &target, &headers, body.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let hello = format!("/meta?hub.mode=subscribe&hub.challenge=42&hub.verify_token={token}");
    assert_eq!(gateway.request("GET", &hello, &[], b"").status, 200);
    let headers = [
        ("X-Gitlab-Token", SECRET),
        ("Content-Type", "application/json"),
    ];
    let push = br#"{"object_kind": "push"}"#;
    assert_eq!(
        gateway.request("POST", "/gitlab", &headers, push).status,
        200
    );
    // Not recorded: a handshake that gives a secret, and who is refused.
    let given = "a-secret-that-nobody-here-knows";
    let answer = gateway.request("POST", "/asana", &[("X-Hook-Secret", given)], b"");
    assert_eq!(answer.header("x-hook-secret"), Some(given));
    assert_eq!(gateway.request("POST", "/gitlab", &[], push).status, 401);
    gateway.stop();

    crate::process::project::eventually("five are written", || {
        (recorded.is_dir() && texts(&recorded).len() == 5).then_some(())
    });
    for text in texts(&recorded) {
        let secrets = [
            SECRET,
            &key,
            token,
            given,
            "abc.def.ghi",
            "1234567890",
            &signature,
        ];
        for secret in secrets {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let args = ["test", "--recorded", "recorded"];
    let (is_good, said) = run(&args, project.path());
    assert!(is_good, "{said}\n{}", texts(&recorded).join("\n"));
    assert!(said.contains("5 passed, 0 failed, 0 skipped"), "{said}");

    // They are tests: a function that answers otherwise fails them.
    let other = ORDERS.replace("status_code: 201", "status_code: 202");
    std::fs::write(project.path().join("specs/orders.yaml"), other).unwrap();
    let (is_good, said) = run(&args, project.path());
    assert!(!is_good && said.contains("4 passed, 1 failed"), "{said}");
    std::fs::remove_file(project.path().join("specs/orders.yaml")).unwrap();
    let (is_good, said) = run(&args, project.path());
    assert!(!is_good && said.contains("no such function"), "{said}");
}
