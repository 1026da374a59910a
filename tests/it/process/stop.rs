//! The end: what is in hand is finished, then the process goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::project::{OPEN, Project, eventually};
use crate::harness::Raw;

/// Says that a body is to come, so that the request is in hand and stays there.
const HEAD: &str = "POST /crm/v8/functions/open_house/actions/execute HTTP/1.1\r\n\
                    Host: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn what_is_in_hand_is_finished_and_the_exit_code_is_0() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&[]);
    let mut raw = serving.raw();
    raw.send(HEAD);
    raw.read_continue();
    serving.signal("TERM");
    serving.logged("stopping");
    raw.send("{}");
    let answer = raw.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert_eq!(serving.wait().code(), Some(0));
    // The last request has its line, and the last line says the end.
    let log = serving.log();
    let request = log.iter().position(|line| line["function"] == "open_house");
    let end = log
        .iter()
        .position(|line| line.to_string().contains("stopped"));
    assert!(request.is_some() && request < end, "{log:?}");
}

#[test]
fn an_interrupt_ends_it_alike() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&[]);
    serving.signal("INT");
    assert_eq!(serving.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    // So long that only the second signal can be the reason of the end.
    let specs = format!(
        "{OPEN}---\ngateway: slow\nlimits: {{ drain_timeout: 10m, body_timeout: 10m, request_timeout: 10m }}\n"
    );
    let project = Project::new(&specs);
    let mut serving = project.serve(&[]);
    let mut raw = serving.raw();
    raw.send(HEAD);
    raw.read_continue();
    serving.signal("TERM");
    serving.logged("stopping");
    serving.signal("TERM");
    assert_eq!(serving.wait().code(), Some(0), "{}", serving.err());
    serving.logged("cut off");
    raw.read_to_close();
}

/// How the requests of a client ended.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicUsize,
    /// Sent on a new connection, and not answered.
    lost_at_first: AtomicUsize,
    /// Sent on a connection that carried requests before, and not answered.
    lost_later: AtomicUsize,
    /// Connections that were not there any more when they were asked for.
    refused: AtomicUsize,
}

#[test]
fn no_request_fails_when_it_ends_under_load() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&["--log-level", "info"]);
    let tally = Arc::new(Tally::default());
    let is_told = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (tally, is_told) = (Arc::clone(&tally), Arc::clone(&is_told));
            let address = serving.ingress;
            // Some keep their connection, some make one for each request.
            let keeps = number % 2 == 0;
            std::thread::spawn(move || send_until_refused(address, keeps, &tally, &is_told))
        })
        .collect();
    eventually("a load", || {
        (tally.answered.load(Ordering::SeqCst) >= 500).then_some(())
    });
    is_told.store(true, Ordering::SeqCst);
    serving.signal("TERM");
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(serving.wait().code(), Some(0));
    assert_eq!(tally.lost_at_first.load(Ordering::SeqCst), 0, "{tally:?}");
    assert_eq!(tally.lost_later.load(Ordering::SeqCst), 0, "{tally:?}");
    assert_eq!(tally.refused.load(Ordering::SeqCst), 8, "{tally:?}");
    // Every answer that a client has is on the log, and none that no client has.
    let logged = serving.log();
    let logged = logged
        .iter()
        .filter(|line| line["function"] == "open_house");
    assert_eq!(logged.count(), tally.answered.load(Ordering::SeqCst));
    assert!(!serving.err().contains("cut off"), "{}", serving.err());
}

/// Sends requests until nobody listens any more.
fn send_until_refused(address: SocketAddr, keeps: bool, tally: &Tally, is_told: &AtomicBool) {
    let connection = if keeps { "keep-alive" } else { "close" };
    let request = format!(
        "POST /crm/v8/functions/open_house/actions/execute HTTP/1.1\r\nHost: a\r\n\
         Connection: {connection}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    while let Ok(stream) = std::net::TcpStream::connect(address) {
        let mut raw = Raw::new(stream);
        let mut lost = &tally.lost_at_first;
        loop {
            raw.send(&request);
            let Some(answer) = raw.try_answer_to("POST") else {
                lost.fetch_add(1, Ordering::SeqCst);
                break;
            };
            assert_eq!(answer.status, 200);
            tally.answered.fetch_add(1, Ordering::SeqCst);
            lost = &tally.lost_later;
            if answer.header("connection") == Some("close") {
                assert!(!keeps || is_told.load(Ordering::SeqCst));
                break;
            }
        }
    }
    tally.refused.fetch_add(1, Ordering::SeqCst);
}
