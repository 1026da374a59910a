//! Gateways whose store is in PostgreSQL: several on one database, and a server that stops.
//!
//! The server is the one that `tests/run` starts (`HOOKWEIR_TEST_POSTGRES`); a test that stops one
//! starts its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hookweir::clock::Stopwatch;

use super::crash::many;
use super::orders::{Orders, Seen};
use super::project::{Project, eventually};

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
pub(super) struct Server {
    folder: PathBuf,
    pub(super) url: String,
    _temporary: Option<tempfile::TempDir>,
}

impl Server {
    /// `None` where [`schema`] is.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        Self::new(&path, Some(folder))
    }

    /// The one whose data are in this folder, made where there is none.
    pub(super) fn start_in(folder: &Path) -> Option<Self> {
        Self::new(folder, None)
    }

    fn new(folder: &Path, temporary: Option<tempfile::TempDir>) -> Option<Self> {
        schema()?;
        // The server runs as somebody else.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder, open).unwrap();
        let mut server = Self {
            folder: folder.join("postgres"),
            url: String::new(),
            _temporary: temporary,
        };
        server.url = server.control("start");
        Some(server)
    }

    #[track_caller]
    fn control(&self, what: &str) -> String {
        let output = self.command(what).output().unwrap();
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        assert!(output.status.success(), "{what}: {output:?}\n{log}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres"));
        command.arg(what).arg(&self.folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be stopped already.
        let _ = self.command("stop").output();
    }
}

const SPECS: &str = "function: f\nauth: { zapikey: required }\nrespond: { body: ok }\n";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn gateways_share_keys_and_deliveries_and_one_may_be_killed() {
    let Some(url) = schema() else { return };
    let (destination, seen) = Seen::destination();
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
    eventually("all deliveries", || (seen.count() == 200).then_some(()));
    assert_eq!(seen.repeats(), 0, "each once");
    // Killed with deliveries under way.
    for _ in 0..100 {
        post(&mut to_first);
    }
    drop(first);
    for _ in 0..100 {
        post(&mut to_second);
    }
    eventually("what the other one has left behind", || {
        (seen.count() == 400).then_some(())
    });
    let repeats = seen.repeats();
    assert!(
        repeats <= 10,
        "{repeats} repeats, and 10 were under way at most"
    );
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
    let (destination, seen) = Seen::destination();
    let project = Project::delivering(&destination, 10, "").stored_at(&server.url);
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 4, "order");
    // Refusals are quick: it need not last for the test to mean something.
    let outage = Duration::from_secs(u64::from(many("HOOKWEIR_OUTAGE", 0)));
    for _ in 0..2 {
        orders.wait_for_taken(20);
        server.control("stop");
        let watch = Stopwatch::start();
        orders.wait_for_refused(20);
        eventually("the end of the outage", || {
            (watch.elapsed() >= outage).then_some(())
        });
        assert_eq!(server.control("start"), server.url);
    }
    orders.wait_for_taken(20);
    seen.wait_for(&orders.end());
    serving.stop();
}

#[test]
fn a_server_that_does_not_answer_is_a_503_and_costs_no_event() {
    let Some(server) = Server::start() else {
        return;
    };
    let (destination, seen) = Seen::destination();
    let project = Project::delivering(&destination, 10, "").stored_at(&server.url);
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 4, "order");
    orders.wait_for_taken(20);
    server.control("freeze");
    orders.wait_for_refused(4);
    server.control("thaw");
    orders.wait_for_taken(20);
    seen.wait_for(&orders.end());
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

#[test]
fn a_server_is_spoken_to_by_tls_and_its_certificate_is_checked() {
    use std::os::unix::fs::MetadataExt as _;

    let Some(server) = Server::start() else {
        return;
    };
    let data = server.folder.join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for (name, text) in [
        ("tls.crt", made.cert.pem()),
        ("tls.key", made.signing_key.serialize_pem()),
        (
            "pg_hba.conf",
            "hostssl all all 127.0.0.1/32 trust\n".to_owned(),
        ),
    ] {
        let path = data.join(name);
        std::fs::write(&path, text).unwrap();
        std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    let path = data.join("postgresql.conf");
    let settings = std::fs::read_to_string(&path).unwrap();
    let tls = "ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\n";
    std::fs::write(&path, settings + tls).unwrap();
    server.control("stop");
    server.control("start");

    let (destination, seen) = Seen::destination();
    let project = Project::delivering(&destination, 10, "");
    project.write("authority.pem", &made.cert.pem());
    let refused = |mode: &str, why: &str| {
        let url = format!("{}?{mode}", server.url);
        let said = project.run(&["keys", "list", "--store", &url]);
        assert_ne!(said.code, 0, "{mode}: {said:?}");
        assert!(said.err.contains(why), "{mode}: {said:?}");
    };
    refused("sslmode=disable", "no encryption");
    refused("sslmode=require", "certificate");
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert=authority.pem",
        server.url
    );
    let project = project.stored_at(&url);
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 2, "order");
    orders.wait_for_taken(20);
    seen.wait_for(&orders.end());
    serving.stop();
}
