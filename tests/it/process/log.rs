//! The log by the command line, beside a running gateway.

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
