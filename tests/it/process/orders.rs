//! Clients that post to the function `orders` of [`Project::delivering`], and a destination that
//! counts what comes of it.
//!
//! [`Project::delivering`]: super::project::Project::delivering

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::project::eventually;
use crate::harness::Raw;
use crate::harness::destination::{Destination, Does};

/// Clients that post, each when its last order is answered, until they are told to end or the
/// gateway is gone.
#[derive(Debug)]
pub(super) struct Orders {
    clients: Vec<JoinHandle<()>>,
    answers: Arc<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    ends: AtomicBool,
    taken: Mutex<HashSet<String>>,
    count: AtomicU32,
    refused: AtomicU32,
}

impl Orders {
    /// So many clients; `name` makes their orders others than those of another time.
    pub(super) fn post(address: SocketAddr, clients: u32, name: &str) -> Self {
        let answers = Arc::new(Answers::default());
        let clients = (0..clients)
            .map(|client| {
                let (name, answers) = (format!("{name}-{client}"), Arc::clone(&answers));
                std::thread::spawn(move || answers.collect(address, &name))
            })
            .collect();
        Self { clients, answers }
    }

    /// Waits for so many more that are taken.
    #[track_caller]
    pub(super) fn wait_for_taken(&self, more: u32) {
        wait_for(&self.answers.count, more, "orders that are taken");
    }

    /// Waits for so many more that are refused.
    #[track_caller]
    pub(super) fn wait_for_refused(&self, more: u32) {
        wait_for(&self.answers.refused, more, "orders that are refused");
    }

    /// The bodies that were answered with success so far.
    pub(super) fn taken(&self) -> HashSet<String> {
        self.answers.taken.lock().unwrap().clone()
    }

    /// Ends; the bodies that were answered with success, as they are delivered.
    pub(super) fn end(self) -> HashSet<String> {
        self.answers.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
        std::mem::take(&mut *self.answers.taken.lock().unwrap())
    }
}

#[track_caller]
fn wait_for(count: &AtomicU32, more: u32, what: &str) {
    let before = count.load(Ordering::Relaxed);
    eventually(what, || {
        (count.load(Ordering::Relaxed) >= before + more).then_some(())
    });
}

impl Answers {
    fn collect(&self, address: SocketAddr, name: &str) {
        let mut raw = Raw::connect(address);
        for number in 0.. {
            if self.ends.load(Ordering::Relaxed) {
                return;
            }
            let body = format!("{{\"id\":\"{name}-{number}\"}}");
            let request = format!(
                "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if raw.try_send(request).is_err() {
                return;
            }
            let Some(answer) = raw.try_answer_to("POST") else {
                return;
            };
            match answer.status {
                200 => {
                    self.taken.lock().unwrap().insert(body);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                503 => {
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                other => panic!("{other}: {}", answer.text()),
            }
        }
    }
}

/// How often a destination was sent each body.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<HashMap<String, usize>>>);

impl Seen {
    /// A destination that takes everything.
    pub(super) fn destination() -> (Destination, Self) {
        let seen = Self::default();
        let notes = seen.clone();
        let destination = Destination::new(move |came| {
            notes.note(came.text());
            Does::Answers(200, "", "{}")
        });
        (destination, seen)
    }

    /// Counts one.
    pub(super) fn note(&self, body: &str) {
        *self.0.lock().unwrap().entry(body.to_owned()).or_default() += 1;
    }

    /// How many different ones.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many came more than once, each as often as it did.
    pub(super) fn repeats(&self) -> usize {
        let seen = self.0.lock().unwrap();
        seen.values().map(|times| times - 1).sum()
    }

    /// Waits until all of them have come.
    #[track_caller]
    pub(super) fn wait_for(&self, bodies: &HashSet<String>) {
        eventually("all that was acknowledged", || {
            let seen = self.0.lock().unwrap();
            let all = bodies.iter().all(|body| seen.contains_key(body));
            all.then_some(())
        });
    }
}
