//! `hookweir send` to a running gateway: a request as the provider would send it is taken, and
//! everything that can be made of it without the secret is refused.

use std::fmt::Write as _;

use hookweir::auth::signature::Scheme;
use hookweir::clock::{Clock as _, SystemClock};
use hookweir::spec;

use crate::harness::TestGateway;

/// The presets whose requests can be signed with a secret.
fn signable() -> impl Iterator<Item = &'static str> {
    spec::preset_names().filter(|name| {
        let signature = &spec::built_in(name).unwrap().signature;
        let rules = std::iter::once(signature).chain(&signature.any_of);
        let schemes: Vec<Scheme> = rules
            .filter_map(|rule| Scheme::named(rule.scheme.as_deref()?))
            .collect();
        !schemes.is_empty() && schemes.iter().all(|scheme| !scheme.is_public())
    })
}

fn function(name: &str) -> String {
    let mut text = format!(
        "function: {name}\naccept: {{ path: /in/{name} }}\nauth:\n  signature:\n    preset: {name}\n    secrets: [{{ file: secret }}]\n"
    );
    if spec::built_in_text(name).unwrap().contains("param.") {
        text += "    params:\n";
        for param in ["public_key", "verify_token", "webhook_id", "topic_arn"] {
            let _ = writeln!(text, "      {param}: agreed");
        }
    }
    if name == "paddle" {
        // Five seconds are few where a machine is busy.
        text += "    timestamp: { item: \"ts={value}\", tolerance: 300 }\n";
    }
    text + "respond: { body: taken }\n"
}

fn gateway() -> TestGateway {
    let mut builder = TestGateway::new()
        .file(
            "gateway.yaml",
            "gateway: g\npublic_url: https://hooks.example.com\n",
        )
        // One that is right in every form: Base64, and `user:password` is not.
        .file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    for name in signable().filter(|name| *name != "postmark") {
        builder = builder.file(&format!("{name}.yaml"), &function(name));
    }
    let postmark = function("postmark").replace("file: secret", "file: basic");
    builder
        .file("payload", "bt_payload=aGVsbG8%3D")
        .file("basic", "hook:pass:word")
        .file("postmark.yaml", &postmark)
        .start()
}

/// Exit code, standard output, standard error.
fn send(gateway: &TestGateway, args: &[&str]) -> (Option<i32>, String, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_hookweir"))
        .arg("send")
        .args(args)
        .arg("--specs")
        .arg(gateway.folder.path())
        .args(["--to", &format!("http://{}", gateway.ingress())])
        .env_remove("HOOKWEIR_PUBLIC_URL")
        .env_remove("HOOKWEIR_ZAPIKEY")
        .write_stdin("{\"hello\": \"there\"}")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_forgery_of_every_provider_is_refused() {
    let gateway = gateway();
    gateway.clock.set(SystemClock.now());
    let (mut tried, mut wrong) = (0, Vec::new());
    for name in signable() {
        gateway.clock.set(SystemClock.now());
        let payload = gateway.folder.path().join("payload");
        let body = ["--body", payload.to_str().unwrap()];
        // What a form must have cannot be made up.
        let body = if name == "braintree" { &body[..] } else { &[] };
        let args = [&[name, "--event", "thing", "--attack"], body].concat();
        let (code, out, err) = send(&gateway, &args);
        tried += out.lines().count().saturating_sub(2);
        if code != Some(0)
            || !out.ends_with("all refused\n")
            || !out.starts_with("200  the genuine")
        {
            wrong.push(format!("{name}: {code:?}\n{out}{err}"));
        }
    }
    println!("{tried} forgeries");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 400, "{tried}");
}

#[test]
fn a_request_is_signed_as_its_provider_signs() {
    let gateway = gateway();
    gateway.clock.set(SystemClock.now());
    let (code, out, err) = send(&gateway, &["stripe", "--body", "-"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (Some(0), "200\ntaken\n", "")
    );
    // As another provider: the function does not take it.
    let (code, out, _) = send(&gateway, &["stripe", "--as", "github"]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("401\n"), "{out}");
    let (code, _, err) = send(&gateway, &["stirpe"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("did you mean `stripe`?"), "{err}");
}

#[test]
fn what_only_its_sender_can_sign_is_not_sent() {
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let text = format!(
        "function: discord\nauth: {{ signature: {{ preset: discord, keys: [\"{key}\"] }} }}\n"
    );
    let gateway = TestGateway::new().file("discord.yaml", &text).start();
    let (code, out, err) = send(&gateway, &["discord"]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(
        err.contains("only its sender can sign such a request"),
        "{err}"
    );
}
