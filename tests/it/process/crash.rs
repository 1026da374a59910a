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

/// A small disk of its own, which can be enlarged; `None` for who may not mount one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let is_mounted = mount(&["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"], &path);
        is_mounted.then_some(Self(path))
    }

    fn enlarge(&self) {
        assert!(mount(&["-o", "remount,size=64m"], &self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

fn mount(args: &[&str], path: &std::path::Path) -> bool {
    let mut command = std::process::Command::new("mount");
    let output = command.args(args).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

fn simple(destination: &Destination) -> Project {
    Project::new(&format!(
        "\
function: orders
accept: {{ path: /orders }}
auth: none
deliver:
  - name: lead
    connection: crm
    request: {{ text: '${{body.id}}' }}
respond: {{ body: taken }}
---
connection: crm
base_url: http://{}
allow: [127.0.0.0/8]
",
        destination.address
    ))
}

#[test]
fn a_full_disk_is_said_and_goes_on_by_itself_once_there_is_room() {
    let destination = Destination::kind();
    let project = simple(&destination);
    let Some(disk) = SmallDisk::mount(project.path("data")) else {
        eprintln!("skipped: only root may mount a small disk");
        return;
    };
    let mut serving = project.serve(&[]);
    let mut raw = serving.raw();
    let mut post = |id: usize| {
        let body = format!("{{\"id\": {id}, \"x\": \"{}\"}}", "x".repeat(60_000));
        let json = [("content-type", "application/json")];
        raw.request("POST", "/orders", &json, body.as_bytes())
            .status
    };
    let mut taken = Vec::new();
    let full = (0..2000).find(|id| match post(*id) {
        200 => {
            taken.push(id.to_string());
            false
        }
        status => {
            assert_eq!(status, 503);
            true
        }
    });
    let full = full.expect("the disk is never full");
    disk.enlarge();
    eventually("room", || (post(full) == 200).then_some(()));
    taken.push(full.to_string());
    let mut came = HashSet::new();
    eventually("all that was taken", || {
        came.extend(destination.all().iter().map(|one| one.text().to_owned()));
        taken.iter().all(|id| came.contains(id)).then_some(())
    });
    assert_eq!(
        came.len(),
        taken.len(),
        "nothing that was refused is delivered"
    );
    serving.stop();
}

#[test]
fn a_second_process_takes_events_and_delivers_once_the_first_is_gone() {
    let destination = Destination::kind();
    let project = simple(&destination);
    let mut first = project.serve(&[]);
    let mut second = project.serve(&[]);
    let json = [("content-type", "application/json")];
    let post = |body: &[u8]| second.raw().request("POST", "/orders", &json, body).status;
    assert_eq!(post(b"{\"id\": 1}"), 200);
    assert_eq!(destination.next().text(), "1");
    assert_eq!(post(b"{\"id\": 2}"), 200);
    assert_eq!(destination.next().text(), "2");
    // What it has under way it finishes.
    first.stop();
    assert_eq!(post(b"{\"id\": 3}"), 200);
    assert_eq!(destination.next().text(), "3");
    second.stop();
    assert!(destination.all().is_empty(), "each once");
}
