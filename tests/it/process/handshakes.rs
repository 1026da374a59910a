//! What handshakes left behind, seen and changed by the command line beside a running gateway.

use hookweir::auth::signature::{Case, Digest, Encoding, Key, KeyForm, Proof, Scheme, SecretForm};

use super::project::{Project, eventually};

const SECRET: &str = "b537207f20cbfa02357cf448134da559";

const TASKS: &str = "\
function: tasks
auth: { zapikey: required, signature: { preset: asana } }
respond: { body: taken }
";

const TOPIC: &str = "\
function: topic
accept: { path: /topic }
auth:
  signature:
    scheme: hmac-sha256
    signature: { header: X-Sig, encoding: hex }
    secrets: [{ env: TOPIC_SECRET }]
    confirm: by_hand
    challenge:
      - when: has(body.url)
        then_get: { url: { json: /url }, allowed_host: 'localhost' }
respond: { body: taken }
";

fn sign(message: &[u8]) -> String {
    let scheme = Scheme::Hmac(Digest::Sha256);
    let key = Key::new(SECRET, &KeyForm::Secret(SecretForm::default()), scheme).unwrap();
    let mut proof = Proof::start(scheme, &key);
    proof.update(message);
    Encoding::Hex(Case::Lower).encode(&proof.sign().unwrap())
}

#[test]
fn a_secret_of_a_handshake_outlives_the_process_until_it_is_forgotten() {
    let project = Project::new(TASKS);
    let signature = sign(b"{}");
    let mut serving = project.serve(&[]);
    let key = serving.first_key();
    let target = format!("/crm/v2/functions/tasks/actions/execute?auth_type=apikey&zapikey={key}");
    let hello = [("X-Hook-Secret", SECRET)];
    assert_eq!(
        serving.raw().request("POST", &target, &hello, b"").status,
        200
    );
    serving.stop();
    drop(serving);

    let serving = project.serve(&[]);
    let signed = [("X-Hook-Signature", signature.as_str())];
    let call = || {
        serving
            .raw()
            .request("POST", &target, &signed, b"{}")
            .status
    };
    assert_eq!(call(), 200);
    let listed = project.run(&["handshakes", "list"]);
    assert!(
        listed.out.contains("tasks  secret, since"),
        "{}",
        listed.out
    );
    assert!(!listed.out.contains(SECRET));
    let json = project
        .run(&["handshakes", "list", "--format", "json"])
        .json();
    let id = json["secrets"][0]["id"].as_str().unwrap();
    let forgotten = project.run(&["handshakes", "forget", &id[..14]]);
    assert_eq!(forgotten.code, 0, "{}", forgotten.err);
    eventually("the secret is forgotten", || (call() == 401).then_some(()));
    let again = project.run(&["handshakes", "forget", id]);
    assert_eq!(again.code, 3, "{}", again.err);
}

#[test]
fn a_confirmation_that_is_held_is_made_when_it_is_let_go() {
    let project = Project::new(TOPIC);
    let serving = project.serve_as(&[], |command| {
        command.env("TOPIC_SECRET", SECRET);
    });
    let body = br#"{"url": "https://localhost/confirm?token=t0ken"}"#;
    let signature = sign(body);
    let headers = [
        ("X-Sig", signature.as_str()),
        ("Content-Type", "application/json"),
    ];
    let answer = serving.raw().request("POST", "/topic", &headers, body);
    assert_eq!(answer.status, 200);
    let visit = || {
        let all = project
            .run(&["handshakes", "list", "--format", "json"])
            .json();
        all["visits"][0].clone()
    };
    assert_eq!(visit()["state"], "held");
    assert_eq!(visit()["address"], "https://localhost/confirm");
    let id = visit()["id"].as_str().unwrap().to_owned();
    let released = project.run(&["handshakes", "visit", &id]);
    assert_eq!(released.code, 0, "{}", released.err);
    // A private address is not visited, which is as far as this machine goes.
    eventually("the visit is tried", || {
        let outcome = visit()["outcome"].as_str().map(str::to_owned)?;
        outcome.contains("not at a public address").then_some(())
    });
    assert!(!serving.err().contains("t0ken"));
}
