//! The log by the command line, beside a running gateway.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::orders::{Orders, Seen};
use super::project::{Project, eventually};
use crate::harness::destination::{Destination, Does};

const DEDUPE: &str = "dedupe: { key: body.id }";

#[test]
fn dead_letters_are_found_retried_and_events_replayed() {
    let destination = Destination::new(|came| match came.text() {
        "{\"id\":\"bad\"}" => Does::Answers(400, "", "no such thing"),
        _ => Does::Answers(200, "", "{}"),
    });
    let project = Project::delivering(&destination, 10, DEDUPE);
    let mut serving = project.serve(&[]);
    let post = |body: &str| {
        let json = [("content-type", "application/json")];
        let answer = serving
            .raw()
            .request("POST", "/orders", &json, body.as_bytes());
        answer.status
    };
    assert_eq!(post("{\"id\": \"good\"}"), 200);
    let first = destination.next().header("webhook-id").map(str::to_owned);
    assert_eq!(post("{\"id\": \"bad\"}"), 200);
    destination.next();
    assert_eq!(post("{}"), 422);

    let dead = eventually("a dead letter", || {
        let found = project
            .run(&["deliveries", "list", "--state", "dead", "--format", "json"])
            .json();
        found["deliveries"][0]["id"].as_str().map(str::to_owned)
    });
    let shown = project.run(&["deliveries", "show", &dead]);
    assert!(shown.out.contains("answered with 400"), "{}", shown.out);
    assert!(shown.out.contains("{\"id\":\"bad\"}"), "{}", shown.out);
    let retried = project.run(&["deliveries", "retry", &dead]);
    assert_eq!(
        (retried.code, retried.err.as_str()),
        (0, "1 will be tried\n")
    );
    assert_eq!(destination.next().text(), "{\"id\":\"bad\"}");

    let dead = "hookweir_delivery_attempts_total{connection=\"crm\",outcome=\"dead\"}";
    eventually("two attempts counted", || {
        (serving.metric(dead) == "2").then_some(())
    });

    let events = project.run(&["events", "list", "--text", "good", "--format", "json"]);
    let events = events.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    let id = events["events"][0]["id"].as_str().unwrap();
    let shown = project.run(&["events", "show", id]);
    assert!(shown.out.contains("{\"id\": \"good\"}"), "{}", shown.out);
    let replayed = project.run(&["events", "replay", id, "--delivery", "lead"]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    let again = destination.next();
    assert_eq!(again.header("webhook-id").map(str::to_owned), first);

    let failed = project.run(&["events", "list", "--failed"]);
    assert_eq!(failed.out.lines().count(), 1, "{}", failed.out);
    let id = failed.out.split(' ').next().unwrap();
    let again = serving.ask(&["events", "replay", id]);
    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("is missing"), "{}", again.err);
    let nothing = project.run(&["events", "list", "--function", "nobody"]);
    assert_eq!((nothing.out.as_str(), nothing.code), ("", 0));
    serving.stop();
}

#[test]
fn a_connection_that_is_paused_is_left_alone() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, 10, DEDUPE);
    let mut serving = project.serve(&[]);
    let paused = project.run(&["deliveries", "pause", "--connection", "crm"]);
    assert_eq!((paused.code, paused.err.as_str()), (0, "paused\n"));
    let json = [("content-type", "application/json")];
    let answer = serving
        .raw()
        .request("POST", "/orders", &json, b"{\"id\": 1}");
    assert_eq!(answer.status, 200);
    let listed = project.run(&["deliveries", "list", "--state", "pending"]);
    assert!(listed.out.contains("dlv_1  pending"), "{}", listed.out);
    assert_eq!(listed.err, "the connection `crm` is paused\n");
    assert!(destination.all().is_empty());
    let resumed = project.run(&["deliveries", "resume", "--connection", "crm"]);
    assert_eq!(resumed.err, "resumed\n");
    assert_eq!(destination.next().text(), "{\"id\":1}");
    serving.stop();
}

#[test]
fn nothing_is_done_to_deliveries_that_were_not_named() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, 10, DEDUPE);
    project.serve(&[]).stop();
    for args in [
        &["deliveries", "cancel"][..],
        &["deliveries", "cancel", "--max", "10"],
        &["deliveries", "cancel", "--state", "pending"],
        &["deliveries", "cancel", "--function", "", "--max", "10"],
        &["deliveries", "retry", "7"],
        &["deliveries", "pause"],
        &["events", "list", "--since", "soon"],
    ] {
        let said = project.run(args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.err);
    }
    for args in [
        &["deliveries", "show", "dlv_7"][..],
        &["deliveries", "retry", "dlv_7"],
        &["events", "show", "evt_7"],
        &["events", "replay", "evt_7"],
    ] {
        let said = project.run(args);
        assert_eq!(said.code, 3, "{args:?}: {}", said.err);
        assert!(said.err.contains("help:"), "{}", said.err);
    }
}

#[test]
fn events_are_seen_as_they_come() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, 10, DEDUPE);
    let mut serving = project.serve(&[]);
    let post = |body: &str| {
        let json = [("content-type", "application/json")];
        let mut raw = serving.raw();
        raw.request("POST", "/orders", &json, body.as_bytes())
            .status
    };
    assert_eq!(post("{\"id\":\"old\"}"), 200);
    let tail = |args: &[&str]| {
        let mut command = project.command(&[&["events", "tail"], args].concat());
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let (mut child, mut lines) = tail(&["--count", "2", "--function", "orders"]);
    // Once the old one is shown, it looks for new ones.
    assert!(lines.next().unwrap().contains("orders (production)  200"));
    assert_eq!(post("{\"id\":\"new\"}"), 200);
    assert!(lines.next().unwrap().contains("  200  "));
    assert_eq!(post("{}"), 422);
    assert!(lines.next().unwrap().contains("  failed  "));
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());

    let (mut child, mut lines) = tail(&["--last", "2", "--count", "0", "--format", "json"]);
    let of = |line: Option<String>| {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        line["failure"].is_string()
    };
    assert!(!of(lines.next()));
    assert!(of(lines.next()));
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
    serving.stop();
}

#[test]
fn all_events_that_a_filter_finds_are_replayed_or_none() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, 10, DEDUPE);
    let mut serving = project.serve(&[]);
    let json = [("content-type", "application/json")];
    for id in 1..=3 {
        let body = format!("{{\"id\":{id}}}");
        let mut raw = serving.raw();
        let answer = raw.request("POST", "/orders", &json, body.as_bytes());
        assert_eq!(answer.status, 200);
        destination.next();
    }
    let replay = |args: &[&str]| {
        let said = serving.ask(&[&["events", "replay"], args].concat());
        (said.code, said.err)
    };
    assert_eq!(replay(&["--max", "9"]).0, 2);
    assert_eq!(replay(&["--since", "1h"]).0, 2);
    assert_eq!(replay(&["--text", "", "--max", "9"]).0, 2);
    assert_eq!(replay(&["evt_1", "--since", "1h"]).0, 2);
    let (code, said) = replay(&["--since", "1h", "--max", "2"]);
    assert_eq!(code, 3);
    assert!(said.contains("more than 2 events fit"), "{said}");
    assert_eq!(replay(&["--function", "nobody", "--max", "2"]).0, 3);
    assert!(destination.all().is_empty());

    let (code, said) = replay(&["--since", "1h", "--max", "3"]);
    assert_eq!((code, said.lines().count()), (0, 3), "{said}");
    for _ in 0..3 {
        destination.next();
    }
    let (code, said) = replay(&["--text", "\"id\":2", "--max", "3", "--reevaluate"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("taken again as evt_"), "{said}");
    assert_eq!(destination.next().text(), "{\"id\":2}");
    serving.stop();
}

#[test]
fn an_event_that_failed_is_delivered_once_its_function_is_mended() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, 10, DEDUPE);
    let mut serving = project.serve(&[]);
    let json = [("content-type", "application/json")];
    let body = b"{\"id\": \"e1\", \"x\": 1}";
    let specs = std::fs::read_to_string(&super::project::files(&project.path("specs"))[0]).unwrap();
    let name = super::project::files(&project.path("specs"))[0].clone();
    let name = name.file_name().unwrap().to_str().unwrap().to_owned();
    project.write(
        &format!("specs/{name}"),
        &specs.replace(
            "json: { id: '${body.id}' }",
            "json: { id: '${body.other}' }",
        ),
    );
    assert_eq!(serving.ask(&["reload"]).code, 0);
    let answer = serving.raw().request("POST", "/orders", &json, body);
    assert_eq!(answer.status, 422);
    let failed = project.run(&["events", "list", "--failed"]);
    let id = failed.out.split(' ').next().unwrap().to_owned();
    project.write(&format!("specs/{name}"), &specs);
    assert_eq!(serving.ask(&["reload"]).code, 0);
    let again = serving.ask(&["events", "replay", &id]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.err.ends_with("; 1 will be delivered\n"),
        "{}",
        again.err
    );
    assert_eq!(destination.next().text(), "{\"id\":\"e1\"}");
    serving.stop();
}

#[test]
fn a_backup_that_was_made_while_it_ran_can_be_restored() {
    let (destination, seen) = Seen::destination();
    let project = Project::delivering(&destination, 10, "");
    let mut serving = project.serve(&[]);
    let paused = project.run(&["deliveries", "pause", "--connection", "crm"]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    let orders = Orders::post(serving.ingress, 2, "order");
    orders.wait_for_taken(30);
    let taken = orders.taken();
    let database = rusqlite::Connection::open(project.path("data/hookweir.db")).unwrap();
    let backup = project.path("backup.db");
    database
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    drop(database);
    orders.end();
    serving.stop();
    for name in ["hookweir.db", "hookweir.db-wal", "hookweir.db-shm"] {
        let _ = fs::remove_file(project.path("data").join(name));
    }
    fs::copy(&backup, project.path("data/hookweir.db")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(project.path("data/hookweir.db"), mode).unwrap();
    drop(serving);
    let mut serving = project.serve(&[]);
    let resumed = project.run(&["deliveries", "resume", "--connection", "crm"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    seen.wait_for(&taken);
    serving.stop();
}
