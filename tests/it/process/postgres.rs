//! Gateways whose store is in PostgreSQL: several on one database, and a server that stops.
//!
//! The server is the one that `tests/run` starts (`HOOKWEIR_TEST_POSTGRES`); a test that stops one
//! starts its own.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::project::{Project, eventually};
use crate::harness::destination::{Destination, Does};

/// A schema of its own on that server; `None`, and said, where there is none.
#[expect(
    clippy::print_stdout,
    reason = "a test that does nothing says why; `tests/run` shows it"
)]
pub(super) fn schema() -> Option<String> {
    let Ok(url) = std::env::var("HOOKWEIR_TEST_POSTGRES") else {
        println!("skipped: no PostgreSQL in HOOKWEIR_TEST_POSTGRES; `tests/run` starts one");
        return None;
    };
    let schema = uuid::Uuid::now_v7().simple().to_string();
    Some(format!("{url}?schema=t{schema}"))
}

/// A server of a test's own.
struct Server {
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    /// `None` where [`schema`] is.
    fn start() -> Option<Self> {
        schema()?;
        let folder = tempfile::tempdir().unwrap();
        // The server runs as somebody else.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let mut server = Self {
            folder,
            url: String::new(),
        };
        server.url = server.control("start");
        Some(server)
    }

    #[track_caller]
    fn control(&self, what: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres");
        let output = Command::new(script)
            .arg(what)
            .arg(self.folder.path().join("postgres"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{what}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be stopped already.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres");
        let folder = self.folder.path().join("postgres");
        let _ = Command::new(script).arg("stop").arg(folder).output();
    }
}

const SPECS: &str = "function: f\nauth: { zapikey: required }\nrespond: { body: ok }\n";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn gateways_share_keys_and_deliveries_and_one_may_be_killed() {
    let Some(url) = schema() else { return };
    let seen: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let destination = Destination::new(move |came| {
        let mut notes = notes.lock().unwrap();
        *notes.entry(came.text().to_owned()).or_default() += 1;
        Does::Answers(200, "", "{}")
    });
    let project = || Project::delivering(&destination, 10, "").stored_at(&url);
    let (here, there) = (project(), project());
    let first = here.serve(&[]);
    let mut second = there.serve(&[]);
    let mut sent = 0;
    let mut post = |raw: &mut crate::harness::Raw<_>| {
        sent += 1;
        let body = format!("{{\"id\":\"{sent}\"}}");
        let answer = raw.request("POST", "/orders", &JSON, body.as_bytes());
        assert_eq!(answer.status, 200);
    };
    let (mut to_first, mut to_second) = (first.raw(), second.raw());
    for _ in 0..100 {
        post(&mut to_first);
        post(&mut to_second);
    }
    eventually("all deliveries", || {
        (seen.lock().unwrap().len() == 200).then_some(())
    });
    assert!(
        seen.lock().unwrap().values().all(|times| *times == 1),
        "each once"
    );
    // Killed with deliveries under way.
    for _ in 0..100 {
        post(&mut to_first);
    }
    drop(first);
    for _ in 0..100 {
        post(&mut to_second);
    }
    eventually("what the other one has left behind", || {
        (seen.lock().unwrap().len() == 400).then_some(())
    });
    let seen = seen.lock().unwrap();
    let repeats: u32 = seen.values().map(|times| times - 1).sum();
    assert!(
        repeats <= 10,
        "{repeats} repeats, and 10 were under way at most"
    );
    drop(seen);
    second.stop();
}

#[test]
fn a_key_that_is_made_or_revoked_at_one_gateway_is_so_at_the_other() {
    let Some(url) = schema() else { return };
    let (here, there) = (
        Project::new(SPECS).stored_at(&url),
        Project::new(SPECS).stored_at(&url),
    );
    let mut first = here.serve(&[]);
    let mut second = there.serve(&[]);
    let made = here.run(&["keys", "create", "--label", "crm", "--format", "json"]);
    let made = made.json();
    let key = made["zapikey"].as_str().unwrap();
    eventually("the key at the other one", || {
        (second.call_with("f", key).status == 200).then_some(())
    });
    let id = made["id"].as_str().unwrap();
    let revoked = there.run(&["keys", "revoke", id]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    eventually("the end of the key at the first one", || {
        (first.call_with("f", key).status == 401).then_some(())
    });
    first.stop();
    second.stop();
}

#[test]
fn a_server_that_stops_costs_no_event_and_no_restart() {
    let Some(server) = Server::start() else {
        return;
    };
    let seen: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let destination = Destination::new(move |came| {
        let mut notes = notes.lock().unwrap();
        *notes.entry(came.text().to_owned()).or_default() += 1;
        Does::Answers(200, "", "{}")
    });
    let project = Project::delivering(&destination, 10, "").stored_at(&server.url);
    let mut serving = project.serve(&[]);
    let address = serving.ingress;
    let ends = Arc::new(AtomicBool::new(false));
    let (taken, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let ends = Arc::clone(&ends);
            let (taken, refused) = (Arc::clone(&taken), Arc::clone(&refused));
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                let mut raw = crate::harness::Raw::connect(address);
                for number in 0.. {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    let body = format!("{{\"id\":\"{client}-{number}\"}}");
                    let answer = raw.request("POST", "/orders", &JSON, body.as_bytes());
                    match answer.status {
                        200 => {
                            acknowledged.push(body);
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                        503 => {
                            assert!(answer.header("retry-after").is_some(), "{answer:?}");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("{other}: {}", answer.text()),
                    }
                }
                acknowledged
            })
        })
        .collect();
    let more = |of: &AtomicU32, what: &str| {
        let before = of.load(Ordering::Relaxed);
        eventually(what, || {
            (of.load(Ordering::Relaxed) > before + 20).then_some(())
        });
    };
    for _ in 0..2 {
        more(&taken, "events that are taken");
        server.control("stop");
        more(&refused, "refusals");
        assert_eq!(server.control("start"), server.url);
    }
    more(&taken, "events that are taken again");
    ends.store(true, Ordering::Relaxed);
    let acknowledged: Vec<String> = clients
        .into_iter()
        .flat_map(|client| client.join().unwrap())
        .collect();
    eventually("all that was acknowledged", || {
        let seen = seen.lock().unwrap();
        let all = acknowledged.iter().all(|body| seen.contains_key(body));
        all.then_some(())
    });
    serving.stop();
}

#[test]
fn commands_that_do_not_know_the_address_say_so() {
    let Some(url) = schema() else { return };
    let project = Project::new(SPECS);
    let secret = format!("{url}&password=secret-canary");
    let mut serving = project.serve_as(&[], |command| {
        command.env("HOOKWEIR_STORE", &secret);
    });
    let said = project.run(&["keys", "list"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("HOOKWEIR_STORE"), "{said:?}");
    assert!(!said.err.contains("canary"), "{said:?}");
    let listed = project.run(&["keys", "list", "--store", &url]);
    assert!(listed.out.contains("first start"), "{listed:?}");
    serving.stop();
    let wrong = project.run(&["keys", "list", "--store", "postgres://a:secret-canary@"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(!wrong.err.contains("canary"), "{wrong:?}");
    for file in super::project::files(&project.path("data")) {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("canary"), "{}", file.display());
    }
}
