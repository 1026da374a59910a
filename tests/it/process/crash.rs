//! The process is killed at any moment, again and again: what was answered with success is
//! delivered, and what is delivered twice was on its way.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::orders::{Orders, Seen};
use super::postgres;
use super::project::{Project, eventually};
use crate::harness::destination::{Destination, Does};

/// How often it is killed; `HOOKWEIR_KILLS` says otherwise.
const KILLS: u32 = 20;
/// How many are on their way to the destination at once.
const CONCURRENCY: usize = 10;
const CLIENTS: u32 = 6;

fn kills() -> u32 {
    many("HOOKWEIR_KILLS", KILLS)
}

/// How often something is done: as an environment variable says, or so often.
pub(super) fn many(variable: &str, usual: u32) -> u32 {
    let wanted = std::env::var(variable).ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn nothing_that_was_answered_with_success_is_lost() {
    let project = nothing_is_lost(|project| project);
    let path = project.path("data/hookweir.db");
    let database = rusqlite::Connection::open(path).unwrap();
    let whole: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[test]
fn nothing_that_was_answered_with_success_is_lost_on_postgres() {
    if let Some(url) = postgres::schema() {
        nothing_is_lost(|project| project.stored_at(&url));
    }
}

fn nothing_is_lost(stored: impl FnOnce(Project) -> Project) -> Project {
    let (destination, seen) = Seen::destination();
    let more = "dedupe: { key: body.id }";
    let project = stored(Project::delivering(&destination, CONCURRENCY, more));
    let mut acknowledged = HashSet::new();
    let kills = kills();
    for round in 0..kills {
        let serving = project.serve(&[]);
        let orders = Orders::post(serving.ingress, CLIENTS, &round.to_string());
        // At another moment each time.
        orders.wait_for_taken(3 + round * 7 % 50);
        drop(serving);
        acknowledged.extend(orders.end());
    }
    let mut serving = project.serve(&[]);
    seen.wait_for(&acknowledged);
    serving.stop();
    let kills = usize::try_from(kills).unwrap();
    assert!(acknowledged.len() >= kills * 3);
    let repeats = seen.repeats();
    assert!(
        repeats <= kills * CONCURRENCY,
        "{repeats} repeats of {}",
        seen.count()
    );
    drop(serving);
    project
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

#[test]
fn a_full_disk_is_said_and_goes_on_by_itself_once_there_is_room() {
    let destination = Destination::kind();
    let project = Project::delivering(&destination, CONCURRENCY, "");
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
            taken.push(format!("{{\"id\":{id}}}"));
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
    taken.push(format!("{{\"id\":{full}}}"));
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
    let project = Project::delivering(&destination, CONCURRENCY, "");
    let mut first = project.serve(&[]);
    let mut second = project.serve(&[]);
    let json = [("content-type", "application/json")];
    let post = |body: &[u8]| second.raw().request("POST", "/orders", &json, body).status;
    assert_eq!(post(b"{\"id\": 1}"), 200);
    assert_eq!(destination.next().text(), "{\"id\":1}");
    assert_eq!(post(b"{\"id\": 2}"), 200);
    assert_eq!(destination.next().text(), "{\"id\":2}");
    // What it has under way it finishes.
    first.stop();
    assert_eq!(post(b"{\"id\": 3}"), 200);
    assert_eq!(destination.next().text(), "{\"id\":3}");
    second.stop();
    assert!(destination.all().is_empty(), "each once");
}

#[test]
fn an_end_under_a_backlog_leaves_the_rest_for_the_next_start() {
    let seen: Arc<AtomicU32> = Arc::default();
    let count = Arc::clone(&seen);
    let destination = Destination::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Does::Answers(200, "", "{}")
    });
    let project = Project::delivering(&destination, 500, "");
    let mut serving = project.serve(&[]);
    let paused = project.run(&["deliveries", "pause", "--connection", "crm"]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    let mut raw = serving.raw();
    let json = [("content-type", "application/json")];
    for id in 0..2000 {
        let body = format!("{{\"id\": {id}}}");
        let answer = raw.request("POST", "/orders", &json, body.as_bytes());
        assert_eq!(answer.status, 200);
    }
    drop(raw);
    project.run(&["deliveries", "resume", "--connection", "crm"]);
    eventually("deliveries", || {
        (seen.load(Ordering::Relaxed) > 20).then_some(())
    });
    serving.stop();
    let database = rusqlite::Connection::open(project.path("data/hookweir.db")).unwrap();
    let number = |sql: &str| -> u32 { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    let pending = number("SELECT count(*) FROM deliveries WHERE state = 0");
    let delivered = number("SELECT count(*) FROM deliveries WHERE state = 2");
    assert!(pending > 0, "it went on until there was nothing left");
    assert_eq!(pending + delivered, 2000, "what was under way is settled");
    assert_eq!(delivered, seen.load(Ordering::Relaxed));
}
