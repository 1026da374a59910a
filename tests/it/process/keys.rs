//! Keys that the command line makes, beside a running gateway, open its functions and close them.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::project::{LEAD, Project, Serving, eventually};

const OTHER: &str = "\
function: other
auth: { zapikey: required }
respond: { output: other }
";

fn project() -> Project {
    let project = Project::new(LEAD);
    project.write("specs/other.yaml", OTHER);
    project
}

/// Runs `hookweir keys … --format json`.
fn keys(project: &Project, args: &[&str]) -> Value {
    let mut words = vec!["keys"];
    words.extend(args);
    words.extend(["--format", "json"]);
    project.run(&words).json()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

/// Waits until a key gets this status.
#[track_caller]
fn wait_for(serving: &Serving<'_>, function: &str, key: &str, status: u16) {
    eventually(&format!("{status} for {function}"), || {
        (serving.call_with(function, key).status == status).then_some(())
    });
}

#[test]
fn a_new_key_opens_a_running_gateway_and_a_revoked_one_does_not() {
    let project = project();
    let serving = project.serve(&[]);
    let made = keys(
        &project,
        &[
            "create",
            "--function",
            "lead",
            "--environment",
            "production",
            "--owner-email",
            "ada@example.com",
        ],
    );
    let key = text(&made, "zapikey");
    wait_for(&serving, "lead", key, 200);
    let answer = serving.call_with("lead", key);
    assert_eq!(
        answer.text(),
        r#"{"owner":"ada@example.com","environment":"production"}"#
    );
    // It opens the one function alone.
    let refused = serving.call_with("other", key);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["code"], "NOT_ALLOWED");
    // The first start's key is one of the sandbox, and opens all.
    let first = serving.first_key();
    assert_eq!(
        serving.call_with("lead", &first).json()["environment"],
        "sandbox"
    );
    assert_eq!(serving.call_with("other", &first).status, 200);

    keys(&project, &["revoke", text(&made, "id")]);
    wait_for(&serving, "lead", key, 401);
    let refused = serving.call_with("lead", key);
    assert_eq!(refused.json()["code"], "AUTHENTICATION_FAILURE");
    // Which key it was stands in the log, of those that were let in.
    let line = serving.logged("\"environment\":\"production\"");
    assert_eq!(line["key"], made["id"]);
}

#[test]
fn a_rotated_key_and_its_successor_overlap() {
    let project = project();
    let serving = project.serve(&[]);
    let old = serving.first_key();
    let list = keys(&project, &["list"]);
    let id = text(&list["keys"][0], "id").to_owned();
    let new = keys(&project, &["rotate", &id, "--overlap", "1h"]);
    let successor = text(&new, "zapikey").to_owned();
    wait_for(&serving, "lead", &successor, 200);
    assert_eq!(serving.call_with("lead", &old).status, 200);

    // Without an overlap the old one ends at once.
    let final_key = keys(&project, &["rotate", text(&new, "id"), "--overlap", "0"]);
    wait_for(&serving, "lead", text(&final_key, "zapikey"), 200);
    wait_for(&serving, "lead", &successor, 401);
}

#[test]
fn imported_keys_open_what_their_rows_say() {
    let project = project();
    let serving = project.serve(&[]);
    let key = |digit: &str| format!("1003.{}.{}", digit.repeat(32), digit.repeat(32));
    let rows = format!(
        "key,environment,functions,owner_email\n{},production,lead,grace@example.com\n{},sandbox,,\n",
        key("a"),
        key("b")
    );
    let mut import = project
        .command(&["keys", "import", "--stdin", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = import.stdin.take().unwrap();
    input.write_all(rows.as_bytes()).unwrap();
    drop(input);
    assert!(import.wait().unwrap().success());

    wait_for(&serving, "lead", &key("a"), 200);
    let answer = serving.call_with("lead", &key("a"));
    assert_eq!(
        answer.text(),
        r#"{"owner":"grace@example.com","environment":"production"}"#
    );
    assert_eq!(serving.call_with("other", &key("a")).status, 403);
    assert_eq!(
        serving.call_with("lead", &key("b")).json()["environment"],
        "sandbox"
    );
    assert_eq!(serving.call_with("other", &key("b")).status, 200);
}

#[test]
fn a_key_is_taken_from_the_query_a_form_and_the_header() {
    let project = project();
    let serving = project.serve(&[]);
    let key = serving.first_key();
    let zoho = "/crm/v8/functions/lead/actions/execute";
    let form = format!("auth_type=apikey&zapikey={key}");
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = part("auth_type", "apikey") + &part("zapikey", &key) + "--b--\r\n";
    let multipart_type = ("Content-Type", "multipart/form-data; boundary=b");
    let header = ("X-ZAPI-Key", key.as_str());
    for (path, headers, body) in [
        (format!("{zoho}?{form}"), vec![], ""),
        (format!("/hooks/lead?zapikey={key}"), vec![], ""),
        (zoho.to_owned(), vec![form_type], form.as_str()),
        (zoho.to_owned(), vec![multipart_type], parts.as_str()),
        (zoho.to_owned(), vec![header], ""),
        ("/hooks/lead".to_owned(), vec![header], ""),
    ] {
        let answer = serving
            .raw()
            .request("POST", &path, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let without = path.replace(&key, "").replace("zapikey=", "");
        let refused = serving.raw().request("POST", &without, &[], b"");
        assert_eq!(refused.status, 401, "{without}");
    }
    // The last digit counts.
    let last = if key.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &key[..key.len() - 1]);
    assert_eq!(serving.call_with("lead", &wrong).status, 401);
    // Without Zoho's word for it a key in the query of Zoho's address is none.
    assert_eq!(serving.call("lead", &format!("?zapikey={key}")).status, 401);
}

#[test]
fn the_last_use_of_a_key_is_noted() {
    let project = project();
    let mut serving = project.serve(&[]);
    let key = serving.first_key();
    assert!(keys(&project, &["list"])["keys"][0]["last_used"].is_null());
    assert_eq!(serving.call_with("lead", &key).status, 200);
    serving.stop();
    assert!(keys(&project, &["list"])["keys"][0]["last_used"].is_string());
}
