//! Time, size and number: whatever a client does, or fails to do, comes to an end.

use std::io::Read as _;
use std::time::Duration;

use hookweir::route::Settings;

use super::gateway;
use crate::harness::{Raw, TestGateway};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_mins(10);

/// All time limits long but those that `change` sets.
fn limited(change: impl FnOnce(&mut Settings) + Send + 'static) -> TestGateway {
    gateway()
        .settings(|settings| {
            let limits = &mut settings.limits;
            limits.header_timeout = LONG;
            limits.body_timeout = LONG;
            limits.write_timeout = LONG;
            limits.request_timeout = LONG;
            change(settings);
        })
        .start()
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let gateway = limited(|settings| settings.limits.header_timeout = SHORT);
    let check = |sent: &str| {
        let answer = gateway.raw().send(sent).read_to_close();
        assert_eq!(String::from_utf8_lossy(&answer), "", "after {sent:?}");
    };
    check("");
    check("G");
    check("GET /echo HTTP/1.1\r\nHost: a\r\nX-Half");
    // Half of what an HTTP/2 client says first.
    gateway.raw().send("PRI * HT").read_to_close();
}

#[test]
fn a_head_that_comes_in_drops_has_no_more_time_than_others() {
    let gateway = limited(|settings| settings.limits.header_timeout = SHORT);
    let mut raw = gateway.raw();
    raw.send("GET /echo HTTP/1.1\r\nHost: a\r\n");
    let mut feeder = Raw::new(raw.stream().try_clone().unwrap());
    let done = std::sync::mpsc::channel::<()>();
    let (stop, stopped) = done;
    let thread = std::thread::spawn(move || {
        // Waits for the test's end, a drop at a time.
        while stopped.recv_timeout(SHORT / 10).is_err() {
            feeder.send("X: y\r\n");
        }
    });
    assert_eq!(raw.read_to_close(), b"");
    stop.send(()).unwrap();
    thread.join().unwrap();
}

/// It never stalls: the time between two writes stays short, the whole is over the time of a request.
#[test]
fn an_answer_that_is_taken_in_drops_has_no_more_time_than_others() {
    let large = "function: large\nauth: none\naccept: { path: /large }\n\
                 respond: { status_code: 200, body: '${\"x\".pad_end(8000000)}' }\n";
    let gateway = gateway()
        .file("large.yaml", large)
        .settings(|settings| {
            let limits = &mut settings.limits;
            limits.header_timeout = LONG;
            limits.body_timeout = LONG;
            limits.write_timeout = LONG;
            limits.request_timeout = SHORT;
        })
        .start();
    let mut raw = gateway.raw();
    raw.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    // A drop is taken, so that it is known to be on its way.
    let mut drop = [0; 100];
    raw.stream().read_exact(&mut drop).unwrap();
    let open = "hookweir_connections{listener=\"ingress\"} 0";
    while !gateway.admin_get("/metrics").text().contains(open) {
        std::thread::yield_now();
    }
    // The time is each request's own, not the connection's.
    let mut raw = gateway.raw();
    for _ in 0..3 {
        assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    }
}

#[test]
fn an_idle_connection_ends() {
    let gateway = limited(|settings| settings.limits.header_timeout = SHORT);
    let mut raw = gateway.raw();
    assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    assert_eq!(raw.read_to_close(), b"");
}

#[test]
fn a_body_that_does_not_come_is_a_408_and_the_end() {
    let gateway = limited(|settings| settings.limits.body_timeout = SHORT);
    for body in [
        "Content-Length: 5\r\n\r\nab",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let mut raw = gateway.raw();
        raw.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{body}"));
        let answer = raw.answer();
        assert_eq!(answer.status, 408);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.json()["code"], "CONNECTION_TIMEOUT");
        assert_eq!(raw.read_to_close(), b"");
    }
}

#[test]
fn the_request_timeout_holds_for_bodies_too() {
    let gateway = limited(|settings| settings.limits.request_timeout = SHORT);
    let mut raw = gateway.raw();
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(raw.answer().status, 408);
}

#[test]
fn a_body_over_the_limit_is_refused_before_its_sender_is_known() {
    let gateway = limited(|_| {});
    // The function takes 64 KiB. What the head says is enough; the body need not come.
    for path in ["/echo", "/secured?zapikey=wrong"] {
        let mut raw = gateway.raw();
        let length: u64 = 100 << 20;
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        let answer = raw.answer();
        assert_eq!(answer.status, 413, "{path}");
        assert_eq!(answer.json()["code"], "REQUEST_ENTITY_TOO_LARGE");
    }
}

#[test]
fn a_chunked_body_is_counted_while_it_comes() {
    let gateway = limited(|_| {});
    let mut raw = gateway.raw();
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    // 64 KiB are taken; the chunk after them is one too many, and no end follows.
    for _ in 0..5 {
        raw.send(&chunk);
    }
    let answer = raw.answer();
    assert_eq!(answer.status, 413);
    assert_eq!(
        answer.json()["message"],
        "the request body is longer than 65536 bytes"
    );
    raw.read_to_close();
}

#[test]
fn a_refused_upload_can_still_read_why() {
    let gateway = limited(|_| {});
    let mut raw = gateway.raw();
    let length = 1 << 20;
    raw.send(format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
    ));
    // All of it, although the answer is there long before: closing on a client that sends would
    // reset the connection, and the reset would take the answer with it.
    raw.send(vec![b'x'; length]);
    assert_eq!(raw.answer().status, 413);
}

#[test]
fn a_body_of_the_wrong_length_is_a_400() {
    let gateway = limited(|_| {});
    let check = |request: &str| {
        let mut raw = gateway.raw();
        raw.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{request}"));
        raw.finish();
        let answer = raw.answer();
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(
            answer.json()["message"],
            "the body ended early or its chunks are broken"
        );
        assert_eq!(raw.read_to_close(), b"");
    };
    check("Content-Length: 5\r\n\r\nab");
    check("Transfer-Encoding: chunked\r\n\r\n5\r\nab");
    check("Transfer-Encoding: chunked\r\n\r\n2\r\nabXX");
    check("Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n");
}

#[test]
fn lengths_that_contradict_are_refused() {
    let gateway = limited(|_| {});
    let check = |headers: &str| {
        let mut raw = gateway.raw();
        raw.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\nab"
        ));
        let answer = String::from_utf8(raw.read_to_close()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers}: {answer}");
    };
    check("Content-Length: 1\r\nContent-Length: 2");
    check("Content-Length: +2");
    check("Transfer-Encoding: gzip");
    check("Content-Length : 2");
}

#[test]
fn a_head_is_limited_in_bytes_and_lines() {
    let gateway = limited(|_| {});
    let check = |headers: String, status: u16| {
        let mut raw = gateway.raw();
        raw.send(format!("GET /echo HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
        assert_eq!(raw.answer().status, status);
    };
    check("X: y\r\n".repeat(63), 200);
    check("X: y\r\n".repeat(64), 431);
    check(format!("X: {}\r\n", "y".repeat(15 << 10)), 200);
    check(format!("X: {}\r\n", "y".repeat(17 << 10)), 431);
    check(format!("X: {}\r\n", "y".repeat(600 << 10)), 431);
}

#[test]
fn a_client_that_does_not_take_its_answers_is_let_go() {
    let gateway = limited(|settings| settings.limits.write_timeout = SHORT);
    let mut raw = gateway.raw();
    // Ever more requests and no answer is read, until the buffers of both sides are full. Then
    // the server waits for room to write, and after its limit for nothing any more.
    let requests = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    while raw.try_send(&requests).is_ok() {}
    assert_eq!(gateway.get("/echo").status, 200);
}

#[test]
fn at_the_limit_of_connections_the_next_one_waits() {
    let gateway = limited(|settings| settings.limits.connections = 2);
    let mut first = gateway.raw();
    let mut second = gateway.raw();
    for raw in [&mut first, &mut second] {
        assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    }
    let mut third = gateway.raw();
    third.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    let metrics = gateway.admin_get("/metrics");
    assert!(
        metrics
            .text()
            .contains("hookweir_connections{listener=\"ingress\"} 2\n")
    );
    drop(first);
    assert_eq!(third.answer().status, 200);
    assert_eq!(second.request("GET", "/echo", &[], b"").status, 200);
}

#[test]
fn an_address_has_no_more_than_its_share_of_connections() {
    let gateway = limited(|settings| settings.limits.connections_per_address = 2);
    let mut first = gateway.raw();
    let mut second = gateway.raw();
    for raw in [&mut first, &mut second] {
        assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    }
    assert_eq!(gateway.raw().read_to_close(), b"");
    assert_eq!(first.request("GET", "/echo", &[], b"").status, 200);
    let metrics = gateway.admin_get("/metrics");
    let line = "hookweir_connections_refused_total{listener=\"ingress\"} 1\n";
    assert!(metrics.text().contains(line));
}

#[test]
fn a_trusted_proxy_brings_as_many_connections_as_it_likes() {
    let gateway = limited(|settings| {
        settings.limits.connections_per_address = 1;
        settings.trusted_proxies = vec![("127.0.0.0".parse().unwrap(), 8)];
    });
    let mut connections: Vec<_> = (0..5).map(|_| gateway.raw()).collect();
    for raw in &mut connections {
        assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    }
}
