//! The line that each request leaves.

use std::time::Duration;

use hookweir::auth::{Environment, Scope};

use super::gateway;
use crate::harness::TestGateway;

#[test]
fn a_request_leaves_one_line_that_says_all_of_it() {
    let gateway = gateway().start();
    let headers = [
        ("X-Request-Id", "id-1"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ];
    gateway.request("POST", "/echo?secret=hush", &headers, b"hello");
    let mut lines = gateway.stop();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let mut line = lines.remove(0);
    assert!(line["duration_ms"].as_f64().unwrap() < 10_000.0);
    line["duration_ms"] = 0.into();
    let expected = serde_json::json!({
        "timestamp": "2026-11-01T10:00:00.000Z",
        "level": "INFO",
        "target": "hookweir::access",
        "request_id": "id-1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "method": "POST",
        "path": "/echo",
        "function": "echo",
        "outcome": "answered",
        "environment": "production",
        "status": 200,
        "bytes_in": 5,
        "bytes_out": 12,
        "duration_ms": 0,
        "peer": "127.0.0.1",
        "generation": 1,
    });
    assert_eq!(line, expected);
}

#[test]
fn a_line_names_the_key_by_its_id_and_its_world() {
    let gateway = gateway()
        .environment(Environment::Sandbox)
        .scope(Scope::Functions(vec!["secured".to_owned()]))
        .start();
    gateway.clock.advance(Duration::from_millis(1_500));
    let path = format!("/secured?auth_type=apikey&zapikey={}", gateway.key);
    assert_eq!(gateway.get(&path).status, 200);
    let lines = gateway.stop();
    let [line] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(line["timestamp"], "2026-11-01T10:00:01.500Z");
    assert_eq!(line["environment"], "sandbox");
    assert!(line["key"].as_str().unwrap().starts_with("key_"), "{line}");
}

#[test]
fn a_refusal_is_logged_with_its_reason() {
    let gateway = gateway().start();
    gateway.get("/nowhere");
    gateway.get("/secured");
    gateway.request("DELETE", "/echo", &[], b"");
    gateway.get("//");
    gateway.request("POST", "/echo", &[], &vec![b'x'; (64 << 10) + 1]);
    let mut raw = gateway.raw();
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    raw.finish();
    raw.read_to_close();
    let lines = gateway.stop();
    let reasons: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["outcome"].as_str().unwrap(),
                line["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("no_route", 404),
        ("key_missing", 401),
        ("method", 405),
        ("path", 400),
        ("size", 413),
        ("body_broken", 400),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn no_line_has_a_key_in_it() {
    let gateway = gateway().start();
    let key = gateway.key.clone();
    gateway.get(&format!("/secured?auth_type=apikey&zapikey={key}"));
    gateway.get(&format!("/nowhere?zapikey={key}"));
    gateway.get(&format!("//?zapikey={key}"));
    gateway.request(
        "GET",
        "/secured?auth_type=apikey",
        &[("X-ZAPI-Key", &key)],
        b"",
    );
    gateway.request("GET", "/echo", &[("X-Request-Id", &format!("{key} "))], b"");
    let form = format!("zapikey={key}&auth_type=apikey");
    gateway.post("/secured", "application/x-www-form-urlencoded", form);
    let text = format!("{:?}", gateway.stop());
    let secret = key.rsplit('.').next().unwrap();
    // The last but one brought its key as request id, which is what it then is.
    let outside_ids = text.replace(&format!("\"request_id\": String(\"{key}\")"), "");
    assert!(!outside_ids.contains(secret), "{outside_ids}");
}

#[test]
fn the_sender_is_whom_a_trusted_proxy_names() {
    let peer = |builder: crate::harness::Builder| {
        let gateway = builder.start();
        let headers = [("X-Forwarded-For", "1.1.1.1, 203.0.113.7")];
        gateway.request("GET", "/echo", &headers, b"");
        gateway.stop()[0]["peer"].as_str().unwrap().to_owned()
    };
    assert_eq!(peer(gateway()), "127.0.0.1");
    let trusting = gateway()
        .settings(|settings| settings.trusted_proxies = vec![("127.0.0.0".parse().unwrap(), 8)]);
    assert_eq!(peer(trusting), "203.0.113.7");
}

#[test]
fn a_client_that_goes_away_leaves_its_line() {
    let gateway: TestGateway = gateway().start();
    let mut raw = gateway.raw();
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    // The body is being waited for.
    raw.read_continue();
    drop(raw);
    let lines = gateway.stop();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(matches!(
        lines[0]["outcome"].as_str(),
        Some("aborted" | "body_broken")
    ));
}
