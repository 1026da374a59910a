//! The process is killed at any moment, again and again: what was answered with success is
//! delivered, and what is delivered twice was on its way.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::project::{Project, eventually};
use crate::harness::Raw;
use crate::harness::destination::{Destination, Does};

/// How often it is killed; `HOOKWEIR_KILLS` says otherwise.
const KILLS: u32 = 20;
/// How many are on their way to the connection at once.
const CONCURRENCY: usize = 10;
const CLIENTS: u32 = 6;

fn kills() -> u32 {
    let wanted = std::env::var("HOOKWEIR_KILLS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

#[test]
fn nothing_that_was_answered_with_success_is_lost() {
    let seen: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let destination = Destination::new(move |came| {
        let mut notes = notes.lock().unwrap();
        *notes.entry(came.text().to_owned()).or_default() += 1;
        Does::Answers(200, "", "{}")
    });
    let project = Project::new(&format!(
        "\
function: orders
accept: {{ path: /orders }}
auth: none
dedupe: {{ key: body.id }}
deliver:
  - name: lead
    connection: crm
    request: {{ text: '${{body.id}}' }}
respond: {{ body: taken }}
---
connection: crm
base_url: http://{}
allow: [127.0.0.0/8]
limits: {{ concurrency: {CONCURRENCY} }}
",
        destination.address
    ));
    let acknowledged: Arc<Mutex<HashSet<String>>> = Arc::default();
    let kills = kills();
    for round in 0..kills {
        let serving = project.serve(&[]);
        let address = serving.ingress;
        let ends = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU32::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (ends, count) = (Arc::clone(&ends), Arc::clone(&count));
                let acknowledged = Arc::clone(&acknowledged);
                std::thread::spawn(move || {
                    let mut raw = Raw::connect(address);
                    for number in 0.. {
                        if ends.load(Ordering::Relaxed) {
                            return;
                        }
                        let id = format!("{round}-{client}-{number}");
                        let body = format!("{{\"id\":\"{id}\"}}");
                        let request = format!(
                            "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        if raw.try_send(request).is_err() {
                            return;
                        }
                        match raw.try_answer_to("POST") {
                            Some(answer) if answer.status == 200 => {
                                acknowledged.lock().unwrap().insert(id);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => return,
                        }
                    }
                })
            })
            .collect();
        // At another moment each time.
        let moment = 3 + round * 7 % 50;
        eventually("answers", || {
            (count.load(Ordering::Relaxed) >= moment).then_some(())
        });
        drop(serving);
        ends.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
    }
    let mut serving = project.serve(&[]);
    let acknowledged = acknowledged.lock().unwrap();
    eventually("all that was acknowledged", || {
        let seen = seen.lock().unwrap();
        acknowledged
            .iter()
            .all(|id| seen.contains_key(id))
            .then_some(())
    });
    serving.stop();
    let seen = seen.lock().unwrap();
    let repeats: usize = seen.values().map(|times| times - 1).sum();
    assert!(acknowledged.len() >= usize::try_from(kills).unwrap() * 3);
    assert!(
        repeats <= usize::try_from(kills).unwrap() * CONCURRENCY,
        "{repeats} repeats of {}",
        seen.len()
    );
    let path = project.path("data/hookweir.db");
    let database = rusqlite::Connection::open(path).unwrap();
    let whole: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}
