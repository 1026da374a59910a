//! Connections that a proxy has made for others, by the PROXY protocol; and who fails too often.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hookweir::clock::Stopwatch;
use hookweir::spec::Rate;

use crate::harness::{PATIENCE, Raw, TestGateway};

const WHO: &str = "function: who
accept: { path: /who }
auth: none
respond: { body: \"${event.peer}\" }
";

fn gateway(trusted: &str) -> TestGateway {
    let settings = format!(
        "gateway: test\nlisten: {{ proxy_protocol: true }}\ntrusted_proxies: [{trusted}]\n"
    );
    TestGateway::new()
        .file("who.yaml", WHO)
        .file("gateway.yaml", &settings)
        .start()
}

/// Connects and says this first; what is answered, or nothing if the connection is closed.
fn ask(gateway: &TestGateway, first: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(gateway.ingress()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever is refused may be cut off while writing.
    let _ = stream.write_all(first);
    let mut raw = Raw::new(stream);
    raw.try_send("GET /who HTTP/1.1\r\nHost: a\r\n\r\n").ok()?;
    raw.try_answer_to("GET")
        .map(|answer| answer.text().to_owned())
}

#[test]
fn the_peer_is_whom_a_trusted_proxy_names() {
    let gateway = gateway("127.0.0.1");
    let first = b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n";
    assert_eq!(ask(&gateway, first).as_deref(), Some("203.0.113.7"));
    let second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x08\x0a\0\0\x01\x30\x39\x01\xbb";
    assert_eq!(ask(&gateway, second).as_deref(), Some("203.0.113.8"));
    // A health check of the proxy's own.
    assert_eq!(
        ask(&gateway, b"PROXY UNKNOWN\r\n").as_deref(),
        Some("127.0.0.1")
    );
    assert_eq!(ask(&gateway, b""), None);
    assert_eq!(ask(&gateway, b"PROXY TCP4 nonsense\r\n"), None);
}

#[test]
fn nobody_but_a_trusted_proxy_names_anybody() {
    let gateway = gateway("10.0.0.5");
    let mut stream = TcpStream::connect(gateway.ingress()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n");
    let mut all = Vec::new();
    // Closed, or reset because of what was written meanwhile.
    let _ = stream.read_to_end(&mut all);
    assert!(all.is_empty());
}

#[test]
fn connections_are_counted_by_whom_the_proxy_names() {
    let settings = "gateway: test
listen: { proxy_protocol: true }
trusted_proxies: [127.0.0.1]
limits: { connections_per_address: 2 }
";
    let gateway = TestGateway::new()
        .file("who.yaml", WHO)
        .file("gateway.yaml", settings)
        .start();
    let connect = |address: &str| {
        let mut stream = TcpStream::connect(gateway.ingress()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let header = format!("PROXY TCP4 {address} 10.0.0.1 12345 443\r\n");
        let _ = stream.write_all(header.as_bytes());
        let mut raw = Raw::new(stream);
        raw.try_send("GET /who HTTP/1.1\r\nHost: a\r\n\r\n").ok()?;
        raw.try_answer_to("GET").map(|answer| (raw, answer.status))
    };
    let kept: Vec<_> = (0..2).map(|_| connect("203.0.113.7").unwrap()).collect();
    assert!(connect("203.0.113.7").is_none());
    assert!(connect("203.0.113.8").is_some());
    drop(kept);
}

#[test]
fn who_fails_to_authenticate_too_often_is_answered_late() {
    let text = "function: f
auth: { zapikey: required }
respond: { body: taken }
";
    let gateway = TestGateway::new()
        .file("f.yaml", text)
        .settings(|settings| {
            settings.limits.failures = Rate {
                times: 2,
                period: Duration::from_hours(1),
            };
        })
        .start();
    let target = "/crm/v2/functions/f/actions/execute?auth_type=apikey&zapikey=";
    let wrong = format!("{target}1003.0.0");
    for _ in 0..2 {
        assert_eq!(gateway.get(&wrong).status, 401);
    }
    let watch = Stopwatch::start();
    assert_eq!(gateway.get(&wrong).status, 401);
    assert!(watch.elapsed() >= Duration::from_secs(1));
    // Who is right loses nothing by it.
    let right = format!("{target}{}", gateway.key);
    assert_eq!(gateway.get(&right).status, 200);
}
