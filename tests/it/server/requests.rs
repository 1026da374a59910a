//! What the ingress makes of a request before a function sees it.

use super::gateway;
use crate::harness::{Answer, TestGateway};

fn zoho(code: &str, message: &str) -> String {
    format!(r#"{{"code":"{code}","details":{{}},"message":"{message}","status":"error"}}"#)
}

/// Sends a head as it is and gives the answer.
fn send(gateway: &TestGateway, head: &str) -> Answer {
    gateway.raw().send(head).answer()
}

#[test]
fn a_request_is_answered_by_its_function() {
    let gateway = gateway().start();
    let answer = gateway.post("/echo", "text/plain", "hello");
    assert_eq!((answer.status, answer.text()), (200, r#"{"length":5}"#));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json;charset=utf-8")
    );
    let answer = gateway.get("/crm/v2/functions/echo/actions/execute?auth_type=apikey");
    assert_eq!((answer.status, answer.text()), (200, r#"{"length":0}"#));
}

#[test]
fn requests_share_a_connection() {
    let gateway = gateway().start();
    let mut raw = gateway.raw();
    for length in [0, 1, 70, 20_000, 65_536] {
        let body = vec![b'x'; length];
        let answer = raw.request("POST", "/echo", &[], &body);
        assert_eq!(answer.text(), format!(r#"{{"length":{length}}}"#));
        assert_eq!(answer.header("connection"), None);
    }
    // Sent at once, answered in order.
    let one = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    let none = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";
    raw.send([one, none].concat());
    assert_eq!(raw.answer().text(), r#"{"length":1}"#);
    assert_eq!(raw.answer().text(), r#"{"length":0}"#);
}

#[test]
fn a_chunked_body_is_put_together() {
    let gateway = gateway().start();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = send(&gateway, &format!("{head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    assert_eq!((answer.status, answer.text()), (200, r#"{"length":5}"#));
}

/// A proxy that undoes one coding of two sees another end than a server that looks for `chunked` only:
/// what comes behind would be a request to the one and a part of the body to the other.
#[test]
fn a_coding_that_could_be_read_in_two_ways_ends_the_connection() {
    let gateway = gateway().start();
    for coding in [
        "chunked, chunked",
        "gzip, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
    ] {
        let mut raw = gateway.raw();
        raw.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n\
             0\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
        ));
        let answer = raw.answer();
        assert_eq!(answer.status, 501, "{coding}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(raw.read_to_close(), b"");
    }
}

#[test]
fn a_request_id_is_kept_when_it_is_harmless_and_made_otherwise() {
    let gateway = gateway().start();
    let check = |sent: &str, is_kept: bool| {
        let answer = gateway.request("GET", "/echo", &[("X-Request-Id", sent)], b"");
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id == sent, is_kept, "{sent} became {id}");
        assert!(is_kept || id.len() == 36, "{id}");
    };
    check("abc-1.2:3", true);
    check("a b", false);
    check(&"x".repeat(129), false);
    let first = gateway
        .get("/echo")
        .header("x-request-id")
        .unwrap()
        .to_owned();
    assert_ne!(
        first,
        gateway.get("/nowhere").header("x-request-id").unwrap()
    );
}

#[test]
fn head_is_get_without_a_body() {
    let gateway = gateway().start();
    let mut raw = gateway.raw();
    let answer = raw.request("HEAD", "/echo", &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some("12"));
    // No body came: the next answer begins where it should.
    assert_eq!(
        raw.request("GET", "/echo", &[], b"").text(),
        r#"{"length":0}"#
    );
    assert_eq!(raw.request("HEAD", "/nowhere", &[], b"").status, 404);
}

#[test]
fn options_names_the_methods_of_an_address() {
    let gateway = gateway()
        .file(
            "post.yaml",
            "function: post\nauth: none\naccept: { methods: [POST], path: /post }\nrespond: { output: x }\n",
        )
        .start();
    let check = |path: &str, status: u16, allow: Option<&str>| {
        let answer = gateway.request("OPTIONS", path, &[], b"");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (status, allow),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), None);
        if status == 204 {
            assert_eq!(answer.text(), "");
        }
    };
    check("/echo", 204, Some("GET, HEAD, POST, OPTIONS"));
    check("/post", 204, Some("POST, OPTIONS"));
    check("/nowhere", 404, None);
    let answer = send(&gateway, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status, 204);
}

#[test]
fn what_is_not_there_and_what_is_not_taken_are_told_apart() {
    let gateway = gateway().start();
    let answer = gateway.get("/nowhere");
    let message = "Please check if the URL trying to access is a correct one";
    assert_eq!(answer.status, 404);
    assert_eq!(answer.text(), zoho("INVALID_URL_PATTERN", message));
    let answer = gateway.request("DELETE", "/echo", &[], b"");
    let message = "The http request method type is not a valid one";
    assert_eq!(answer.status, 405);
    assert_eq!(answer.text(), zoho("INVALID_REQUEST_METHOD", message));
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    let answer = gateway.get("/secured");
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.text(),
        zoho("AUTHENTICATION_FAILURE", "Authentication failed")
    );
}

#[test]
fn a_request_names_exactly_one_host() {
    let gateway = gateway().start();
    let check = |head: &str, status: u16| {
        let answer = send(&gateway, head);
        assert_eq!(answer.status, status, "{head}");
        if status == 400 {
            let message = "a request names exactly one host";
            assert_eq!(answer.text(), zoho("BAD_REQUEST", message));
        }
    };
    check("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    check("GET /echo HTTP/1.1\r\n\r\n", 400);
    check("GET /echo HTTP/1.1\r\nHost:\r\n\r\n", 400);
    check("GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    check("GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    check("GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n", 400);
    check("GET /echo HTTP/1.0\r\n\r\n", 200);
}

#[test]
fn a_target_is_a_path_with_one_reading() {
    let gateway = gateway().start();
    let check = |target: &str, status: u16| {
        let answer = send(
            &gateway,
            &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
        );
        assert_eq!(answer.status, status, "{target}");
        if status == 400 {
            assert_eq!(answer.json()["code"], "BAD_REQUEST");
        }
    };
    check("/echo?x=%2f&y=//..", 200);
    check("http://a/echo", 400);
    check("//echo", 400);
    check("/x/../echo", 400);
    check("/./echo", 400);
    check("/%2e%2e/echo", 400);
    check("/x%2fecho", 400);
    check("/x%5cecho", 400);
    check("/echo%00", 400);
    check("/%ff", 400);
    check("*", 400);
}

#[test]
fn an_encoded_body_is_not_taken() {
    let gateway = gateway().start();
    let check = |encoding: &str, status: u16| {
        let headers = [("Content-Encoding", encoding)];
        let answer = gateway.request("POST", "/echo", &headers, b"x");
        assert_eq!(answer.status, status, "{encoding}");
    };
    check("identity", 200);
    check("gzip", 415);
    check("identity, br", 415);
}

#[test]
fn a_client_that_waits_for_100_gets_it_only_when_its_body_is_wanted() {
    let gateway = gateway().start();
    let head = |path: &str, length: u32, expect: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: {expect}\r\n\r\n"
        )
    };
    let mut raw = gateway.raw();
    raw.send(head("/echo", 3, "100-continue"));
    raw.send("abc").send("");
    assert_eq!(raw.answer().text(), r#"{"length":3}"#);

    let check = |head: &str, status: u16| {
        let mut raw = gateway.raw();
        raw.send(head);
        let answer = String::from_utf8(raw.read_to_close()).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    };
    check(&head("/nowhere", 3, "100-continue"), 404);
    check(&head("/echo", 1 << 20, "100-continue"), 413);
    check(&head("/echo", 3, "a-miracle"), 417);
}
