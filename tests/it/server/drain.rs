//! The end of serving: nothing that was begun is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hookweir::server::Signal;

use super::gateway;
use crate::harness::Raw;

const HEAD: &str =
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn a_request_in_hand_is_finished() {
    let mut gateway = gateway().start();
    let mut raw = gateway.raw();
    raw.send(HEAD);
    // It has the head and waits for the body.
    raw.read_continue();
    gateway.signal(Signal::Stop);
    wait_until_refused(&gateway);
    raw.send("hello");
    let answer = raw.answer();
    assert_eq!((answer.status, answer.text()), (200, r#"{"length":5}"#));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(raw.read_to_close(), b"");
    gateway.wait();
}

#[test]
fn while_it_drains_it_says_that_it_is_not_ready() {
    let gateway = gateway().start();
    let mut raw = gateway.raw();
    raw.send(HEAD);
    raw.read_continue();
    assert_eq!(gateway.admin_get("/readyz").status, 200);
    gateway.signal(Signal::Stop);
    wait_until_refused(&gateway);
    let answer = gateway.admin_get("/readyz");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &"draining".into())
    );
    assert_eq!(gateway.admin_get("/healthz").status, 200);
}

#[test]
fn the_drain_timeout_cuts_off_what_does_not_end() {
    let mut gateway = gateway()
        .settings(|settings| settings.limits.drain_timeout = Duration::from_millis(100))
        .start();
    let mut raw = gateway.raw();
    raw.send(HEAD);
    raw.read_continue();
    gateway.signal(Signal::Stop);
    gateway.wait();
    raw.read_to_close();
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut gateway = gateway().start();
    let mut raw = gateway.raw();
    raw.send(HEAD);
    raw.read_continue();
    gateway.signal(Signal::Stop);
    gateway.signal(Signal::Stop);
    gateway.wait();
    raw.read_to_close();
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut gateway = gateway().start();
    let mut raw = gateway.raw();
    assert_eq!(raw.request("GET", "/echo", &[], b"").status, 200);
    gateway.signal(Signal::Stop);
    gateway.wait();
    assert_eq!(raw.read_to_close(), b"");
}

#[test]
fn no_request_fails_when_it_ends_under_load() {
    let mut gateway = gateway().start();
    let address = gateway.ingress();
    let answered = Arc::new(AtomicUsize::new(0));
    let is_told = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (answered, is_told) = (Arc::clone(&answered), Arc::clone(&is_told));
            std::thread::spawn(move || {
                let mut raw = Raw::connect(address);
                let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
                loop {
                    raw.send(request);
                    // Every request that was sent is answered; the last answer says so.
                    let answer = raw.try_answer_to("POST").expect("an answer");
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.header("connection") == Some("close") {
                        assert!(is_told.load(Ordering::SeqCst));
                        return;
                    }
                }
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) < 500 {
        std::thread::yield_now();
    }
    is_told.store(true, Ordering::SeqCst);
    gateway.signal(Signal::Stop);
    for client in clients {
        client.join().unwrap();
    }
    gateway.wait();
}

/// Until nobody listens any more, which is how the beginning of the draining shows.
fn wait_until_refused(gateway: &crate::harness::TestGateway) {
    while std::net::TcpStream::connect(gateway.ingress()).is_ok() {
        std::thread::yield_now();
    }
}
