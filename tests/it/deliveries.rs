//! Events that are kept and delivered, over real sockets to a destination of our own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookweir::auth::Environment;
use hookweir::auth::signature::Digest;
use hookweir::auth::signature::{Encoding, Key, KeyForm, Proof, Scheme, SecretForm};
use rcgen::KeyPair;

use crate::harness::destination::{Destination, Does};
use crate::harness::{Authority, Builder, TestGateway};
use crate::process::project::eventually;

fn orders(destination: &Destination, deliver: &str, rest: &str) -> String {
    format!(
        "\
function: orders
accept: {{ path: /orders }}
auth: none
deliver:
{deliver}{rest}
---
connection: crm
base_url: http://{}/api
allow: [127.0.0.0/8]
",
        destination.address
    )
}

const LEAD: &str = "  - name: lead
    connection: crm
    request: { path: '/leads/${body.id}', query: { from: web }, json: { id: '${body.id}' } }
";

/// A gateway with a store in a folder of its own.
struct Kept {
    gateway: TestGateway,
    folder: tempfile::TempDir,
}

fn start(specs: &str) -> Kept {
    start_in(tempfile::tempdir().unwrap(), specs)
}

fn start_in(folder: tempfile::TempDir, specs: &str) -> Kept {
    let gateway = builder(&folder, specs).start();
    Kept { gateway, folder }
}

fn builder(folder: &tempfile::TempDir, specs: &str) -> Builder {
    TestGateway::new()
        .file("orders.yaml", specs)
        .store(folder.path())
        .environment(Environment::Production)
}

impl Kept {
    fn post(&self, body: &str) -> (u16, String) {
        let answer = self.gateway.post("/orders", "application/json", body);
        (answer.status, answer.text().to_owned())
    }

    /// A number that the database gives.
    fn number(&self, sql: &str) -> i64 {
        let path = self.folder.path().join("hookweir.db");
        let database = rusqlite::Connection::open(path).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn wait_for(&self, sql: &str, wanted: i64) {
        eventually(sql, || (self.number(sql) == wanted).then_some(()));
    }
}

#[test]
fn what_is_accepted_is_delivered_as_the_function_says() {
    let destination = Destination::kind();
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    assert_eq!(
        kept.post("{\"id\": \"a/../b?c\"}"),
        (200, "taken".to_owned())
    );
    let came = destination.next();
    assert_eq!(came.method, "POST");
    // What a hole gives stays in its segment.
    assert_eq!(came.target, "/api/leads/a%2F..%2Fb%3Fc?from=web");
    assert_eq!(came.text(), "{\"id\":\"a/../b?c\"}");
    assert_eq!(came.header("content-type"), Some("application/json"));
    let id = came.header("webhook-id").unwrap();
    assert_eq!(id.split_once('.').map(|(_, name)| name), Some("lead"));
    assert_eq!(came.header("idempotency-key"), Some(id));
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
}

#[test]
fn every_kind_of_body_arrives() {
    let destination = Destination::kind();
    let deliver = "  - name: form
    connection: crm
    request: { path: /form, form: { a: '${body.text}', list: ['1', '2'] } }
  - name: text
    connection: crm
    request: { path: /text, content_type: application/xml, text: { $template: '<x>{{body.text}}</x>' } }
  - name: raw
    connection: crm
    request: { path: /raw, raw: body }
  - name: parts
    connection: crm
    request: { path: /parts, multipart: { note: '${body.text}' } }
  - name: gone
    connection: crm
    request: { method: DELETE, path: /gone, headers: { X-A: '${body.text}' } }
  - name: each
    connection: crm
    for_each: body.items
    request: { path: '/each/${item.n}', json: { n: '${item.n}' } }
";
    let kept = start(&orders(&destination, deliver, "respond: { body: taken }"));
    let body = "{\"text\": \"é&<\", \"items\": [{\"n\": 1}, {\"n\": 2}]}";
    assert_eq!(kept.post(body).0, 200);
    let mut came: Vec<_> = (0..7).map(|_| destination.next()).collect();
    came.sort_by(|a, b| a.target.cmp(&b.target));
    let find = |target: &str| came.iter().find(|one| one.target == target).unwrap();
    assert_eq!(find("/api/form").text(), "a=%C3%A9%26%3C&list=1&list=2");
    assert_eq!(find("/api/text").text(), "<x>é&amp;&lt;</x>");
    assert_eq!(
        find("/api/text").header("content-type"),
        Some("application/xml")
    );
    assert_eq!(find("/api/raw").text(), body);
    assert_eq!(
        find("/api/raw").header("content-type"),
        Some("application/json")
    );
    let parts = find("/api/parts");
    let boundary = parts.header("content-type").unwrap();
    let boundary = boundary.split_once("boundary=").unwrap().1;
    assert_eq!(
        parts.text(),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\né&<\r\n--{boundary}--\r\n"
        )
    );
    let gone = find("/api/gone");
    assert_eq!(gone.method, "DELETE");
    assert_eq!(find("/api/each/1").text(), "{\"n\":1}");
    assert!(
        find("/api/each/2")
            .header("webhook-id")
            .unwrap()
            .ends_with(".each.1")
    );
}

#[test]
fn an_answer_waits_for_the_first_attempt() {
    let destination = Destination::new(|came| match came.text() {
        "{\"id\":\"slow\"}" => Does::Hangs,
        "{\"id\":\"bad\"}" => Does::Answers(422, "", "{\"why\": \"no\"}"),
        _ => Does::Answers(201, "", "{\"lead\": \"L7\"}"),
    });
    let deliver = "  - name: lead
    connection: crm
    wait: 30s
    timeout: 300ms
    request: { json: { id: '${body.id}' } }
";
    let respond = "\
let: { made: uuid4() }
dedupe: { key: body.id }
respond:
  - when: deliveries.lead.ok
    status_code: 201
    body: { lead: '${deliveries.lead.json.lead}', made: '${made}' }
  - status_code: 202
    body: { state: '${deliveries.lead.state}', code: '${deliveries.lead.status_code}' }
";
    let kept = start(&orders(&destination, deliver, respond));
    let (status, first) = kept.post("{\"id\": \"good\"}");
    assert_eq!(status, 201, "{first}");
    assert!(first.starts_with("{\"lead\":\"L7\",\"made\":\""), "{first}");
    // The same one again gets the same answer, and nothing is delivered.
    destination.next();
    assert_eq!(kept.post("{\"id\": \"good\"}"), (201, first));
    assert_eq!(
        kept.post("{\"id\": \"bad\"}"),
        (202, "{\"state\":\"dead\",\"code\":422}".to_owned())
    );
    assert_eq!(
        kept.post("{\"id\": \"slow\"}"),
        (202, "{\"state\":\"pending\",\"code\":null}".to_owned())
    );
    let ids: Vec<String> = destination
        .all()
        .iter()
        .map(|one| one.text().to_owned())
        .collect();
    assert_eq!(ids, ["{\"id\":\"bad\"}", "{\"id\":\"slow\"}"]);
}

#[test]
fn what_fails_is_tried_again_when_it_is_due() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let destination = Destination::new(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Does::Answers(503, "retry-after: 120\r\n", ""),
        1 => Does::Breaks,
        _ => Does::Answers(200, "", ""),
    });
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    let first = destination.next();
    kept.wait_for("SELECT count(*) FROM attempts", 1);
    // It was asked to wait for two minutes.
    kept.gateway.clock.advance(Duration::from_secs(119));
    assert_eq!(kept.number("SELECT state FROM deliveries"), 0);
    kept.gateway.clock.advance(Duration::from_secs(1));
    let second = destination.next();
    kept.wait_for("SELECT count(*) FROM attempts", 2);
    kept.gateway.clock.advance(Duration::from_mins(1));
    let third = destination.next();
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.header("webhook-id"), third.header("webhook-id"));
    assert_eq!(first.body, third.body);
}

#[test]
fn what_cannot_work_is_a_dead_letter_at_once() {
    let elsewhere = Destination::kind();
    let location = format!("location: http://{}/stolen\r\n", elsewhere.address);
    let location: &'static str = location.leak();
    let destination = Destination::new(move |came| {
        if came.target.ends_with("/redirect") {
            Does::Answers(302, location, "")
        } else {
            Does::Answers(410, "", "")
        }
    });
    let deliver = "  - { name: redirect, connection: crm, request: { path: /redirect } }
  - { name: gone, connection: crm, request: { path: /gone } }
  - { name: private, connection: inside, request: { path: /x } }
";
    let mut specs = orders(&destination, deliver, "respond: { body: taken }");
    specs.push_str(&format!(
        "---\nconnection: inside\nbase_url: http://{}\n",
        elsewhere.address
    ));
    let kept = start(&specs);
    assert_eq!(kept.post("{}").0, 200);
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 3", 3);
    assert!(elsewhere.all().is_empty(), "nothing goes where it may not");
    let reasons = kept.number(
        "SELECT count(*) FROM deliveries
         WHERE (name = 'redirect' AND reason = 'answered with 302')
            OR (name = 'gone' AND reason = 'answered with 410')
            OR (name = 'private' AND reason LIKE '%public address%')",
    );
    assert_eq!(reasons, 3);
}

#[test]
fn an_endless_answer_ends() {
    let destination = Destination::new(|_| Does::Floods);
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
    assert_eq!(kept.number("SELECT length(answer) FROM attempts"), 4096);
}

#[test]
fn an_answer_that_comes_byte_by_byte_is_given_up_and_holds_nobody_up() {
    let slow = Destination::new(|_| Does::Drips);
    let other = Destination::kind();
    let deliver = "  - { name: slow, connection: crm, timeout: 300ms, retry: { attempts: 1 }, request: { json: {} } }
  - { name: other, connection: other, request: { json: { id: '${body.id}' } } }
";
    let mut specs = orders(&slow, deliver, "respond: { body: taken }");
    specs.push_str(&format!(
        "---\nconnection: other\nbase_url: http://{}\nallow: [127.0.0.0/8]\n",
        other.address
    ));
    let kept = start(&specs);
    for id in 0..3 {
        assert_eq!(kept.post(&format!("{{\"id\": {id}}}")).0, 200);
    }
    for _ in 0..3 {
        other.next();
    }
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 3", 3);
    let reasons = "SELECT count(*) FROM deliveries WHERE state = 3 AND reason LIKE '%in time%'";
    assert_eq!(kept.number(reasons), 3);
}

#[test]
fn a_certificate_is_shown_to_who_wants_to_see_one() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let key = KeyPair::generate().unwrap();
    // The third party is a gateway, too.
    let third_party = TestGateway::new()
        .file("chain.pem", &servers.certify("localhost", &key, 2090).pem())
        .file("key.pem", &key.serialize_pem())
        .file("clients.pem", &clients.pem())
        .file(
            "crm.yaml",
            "\
gateway: test
listen:
  tls: { certificate: chain.pem, private_key: key.pem, client_authorities: clients.pem }
---
function: leads
accept: { path: /leads }
auth: { client_certificate: [hooks.example.com] }
respond: { body: taken }
",
        )
        .start();
    let port = third_party.ingress().port();
    let deliver = |name: &str| {
        format!(
            "  - {{ name: {name}, connection: {name}, request: {{ path: /leads, json: {{}} }} }}\n"
        )
    };
    let connection = |name: &str, more: &str| {
        format!(
            "---\nconnection: {name}\nbase_url: https://localhost:{port}\nallow: [127.0.0.0/8, \"::1/128\"]\n{more}"
        )
    };
    let shown = |name: &str| {
        format!(
            "client_certificate: {{ certificate: {{ file: {name}.pem }}, private_key: {{ file: {name}.key }} }}\n"
        )
    };
    let mut specs = "function: orders\naccept: { path: /orders }\nauth: none\nrespond: { body: taken }\ndeliver:\n".to_owned();
    for name in ["known", "other", "nobody"] {
        specs.push_str(&deliver(name));
    }
    specs.push_str(&connection("known", &shown("known")));
    specs.push_str(&connection("other", &shown("other")));
    specs.push_str(&connection("nobody", ""));
    let folder = tempfile::tempdir().unwrap();
    let mut builder = builder(&folder, &specs);
    for (name, host) in [
        ("known", "hooks.example.com"),
        ("other", "other.example.com"),
    ] {
        let key = KeyPair::generate().unwrap();
        builder = builder
            .file(
                &format!("{name}.pem"),
                &clients.certify(host, &key, 2090).pem(),
            )
            .file(&format!("{name}.key"), &key.serialize_pem());
    }
    let authorities = folder.path().join("servers.pem");
    std::fs::write(&authorities, servers.pem()).unwrap();
    let gateway = builder
        .settings(move |settings| settings.outbound.authorities = Some(authorities))
        .start();
    let kept = Kept { gateway, folder };
    assert_eq!(kept.post("{}").0, 200);
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state IN (2, 3)", 3);
    let delivered = "SELECT count(*) FROM deliveries WHERE state = 2 AND name = 'known'";
    assert_eq!(kept.number(delivered), 1);
    let refused =
        "SELECT count(*) FROM deliveries WHERE state = 3 AND reason = 'answered with 401'";
    assert_eq!(kept.number(refused), 2);
}

#[test]
fn an_access_token_is_replaced_before_it_ends() {
    let given = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&given);
    let destination = Destination::new(move |came| {
        if came.target == "/token" {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let token = format!("{{\"access_token\":\"t{number}\",\"expires_in\":3600}}");
            return Does::Answers(200, "", token.leak());
        }
        Does::Answers(200, "", "{}")
    });
    let mut specs = orders(&destination, LEAD, "respond: { body: taken }");
    specs.push_str(&format!(
        "\
auth:
  oauth2:
    grant: client_credentials
    client: basic
    token_url: http://{}/token
    client_id: hooks
    client_secret: {{ file: secret }}
    scopes: [leads.write]
    params: {{ audience: crm }}
",
        destination.address
    ));
    let folder = tempfile::tempdir().unwrap();
    let gateway = builder(&folder, &specs).file("secret", "s3cret\n").start();
    let kept = Kept { gateway, folder };
    let deliver = |token: &str| {
        assert_eq!(kept.post("{\"id\": 1}").0, 200);
        let came = destination.next();
        assert_eq!(
            came.header("authorization"),
            Some(&*format!("Bearer {token}"))
        );
    };
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    let asked = destination.next();
    assert_eq!(asked.target, "/token");
    // `hooks:s3cret`
    assert_eq!(
        asked.header("authorization"),
        Some("Basic aG9va3M6czNjcmV0")
    );
    assert!(
        asked.text().contains("scope=leads.write"),
        "{}",
        asked.text()
    );
    assert!(asked.text().contains("audience=crm"), "{}", asked.text());
    assert_eq!(
        destination.next().header("authorization"),
        Some("Bearer t1")
    );
    kept.gateway.clock.advance(Duration::from_secs(3500));
    deliver("t1");
    kept.gateway.clock.advance(Duration::from_secs(50));
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    assert_eq!(destination.next().target, "/token");
    assert_eq!(
        destination.next().header("authorization"),
        Some("Bearer t2")
    );
    deliver("t2");
    assert_eq!(given.load(Ordering::Relaxed), 2);
}

#[test]
fn the_key_of_a_connection_is_shown_to_its_host_and_nowhere_else() {
    let destination = Destination::kind();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let folder = tempfile::tempdir().unwrap();
    let mut specs = orders(&destination, LEAD, "respond: { body: taken }");
    specs.push_str("auth: { bearer: { file: token } }\nsign: { secrets: [{ file: secret }] }\n");
    let gateway = builder(&folder, &specs)
        .file("token", "t0ken-of-the-crm\n")
        .file("secret", secret)
        .start();
    let kept = Kept { gateway, folder };
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    let came = destination.next();
    assert_eq!(
        came.header("authorization"),
        Some("Bearer t0ken-of-the-crm")
    );
    let (id, at) = (
        came.header("webhook-id").unwrap(),
        came.header("webhook-timestamp").unwrap(),
    );
    let form = SecretForm {
        strip_prefix: Some("whsec_".to_owned()),
        encoding: Some(Encoding::Base64),
        ..SecretForm::default()
    };
    let scheme = Scheme::Hmac(Digest::Sha256);
    let key = Key::new(secret, &KeyForm::Secret(form), scheme).unwrap();
    let mut proof = Proof::start(scheme, &key);
    proof.update(format!("{id}.{at}.").as_bytes());
    proof.update(&came.body);
    let signature = Encoding::Base64.encode(&proof.sign().unwrap());
    assert_eq!(
        came.header("webhook-signature"),
        Some(format!("v1,{signature}").as_str())
    );
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
    let database = std::fs::read(kept.folder.path().join("hookweir.db")).unwrap();
    let wal = std::fs::read(kept.folder.path().join("hookweir.db-wal")).unwrap_or_default();
    for bytes in [database, wal] {
        let found = memchr::memmem::find(&bytes, b"t0ken-of-the-crm");
        assert_eq!(found, None, "a secret is in the store");
    }
}

#[test]
fn what_is_redacted_is_delivered_and_not_kept() {
    let destination = Destination::kind();
    let rest = "redact: [body.card, query.token, headers.x-session]\nrespond: { body: taken }";
    let kept = start(&orders(&destination, LEAD, rest).replace(
        "json: { id: '${body.id}' }",
        "json: { card: '${body.card}' }",
    ));
    let answer = kept.gateway.request(
        "POST",
        "/orders?token=t0ken&x=1",
        &[
            ("content-type", "application/json"),
            ("x-session", "s3ssion"),
            ("authorization", "Basic c2VjcmV0"),
        ],
        b"{\"id\": 1, \"card\": \"4242\"}",
    );
    assert_eq!(answer.status, 200);
    assert_eq!(destination.next().text(), "{\"card\":\"4242\"}");
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
    let clean = kept.number(
        "SELECT count(*) FROM events JOIN payloads ON event = seq
         WHERE redacted = 1 AND target = '/orders?token=[redacted]&x=1'
             AND CAST(body AS TEXT) = '{\"id\":1,\"card\":\"[redacted]\"}'
             AND instr(headers, CAST('x-session: [redacted]' AS BLOB)) > 0
             AND instr(headers, CAST('authorization' AS BLOB)) = 0",
    );
    assert_eq!(clean, 1);
}

#[test]
fn a_request_that_the_function_fails_for_is_kept_and_not_delivered() {
    let destination = Destination::kind();
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    assert_eq!(kept.post("{}").0, 422);
    kept.wait_for(
        "SELECT count(*) FROM events WHERE failure LIKE '%is missing%'",
        1,
    );
    assert_eq!(kept.number("SELECT count(*) FROM deliveries"), 0);
    assert!(destination.all().is_empty());
}

#[test]
fn one_key_is_delivered_in_order_whatever_fails() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let destination = Destination::new(move |came| {
        let mut notes = notes.lock().unwrap();
        let is_new = !notes.contains(&came.text().to_owned());
        notes.push(came.text().to_owned());
        // Each fails once.
        Does::Answers(if is_new { 500 } else { 200 }, "", "")
    });
    let deliver = "  - name: lead
    connection: crm
    order_by: body.customer
    request: { json: { n: '${body.n}' } }
";
    let kept = start(&orders(&destination, deliver, "respond: { body: taken }"));
    for n in 1..=4 {
        assert_eq!(
            kept.post(&format!("{{\"customer\": \"ada\", \"n\": {n}}}"))
                .0,
            200
        );
    }
    let done = "SELECT count(*) FROM deliveries WHERE state = 2";
    eventually("all four", || {
        kept.gateway.clock.advance(Duration::from_secs(10));
        (kept.number(done) == 4).then_some(())
    });
    let order: Vec<String> = (1..=4)
        .flat_map(|n| [format!("{{\"n\":{n}}}"), format!("{{\"n\":{n}}}")])
        .collect();
    assert_eq!(*seen.lock().unwrap(), order);
}

#[test]
fn what_was_owed_at_the_end_is_delivered_after_the_next_start() {
    let destination = Destination::new(|_| Does::Answers(500, "", ""));
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    for id in 0..20 {
        assert_eq!(kept.post(&format!("{{\"id\": {id}}}")).0, 200);
    }
    kept.gateway.stop();
    drop(destination);
    let destination = Destination::kind();
    let again = start_in(
        kept.folder,
        &orders(&destination, LEAD, "respond: { body: taken }"),
    );
    again.gateway.clock.advance(Duration::from_hours(1));
    let mut came: Vec<String> = (0..20).map(|_| destination.next().target).collect();
    came.sort();
    came.dedup();
    assert_eq!(came.len(), 20);
}

#[test]
fn a_store_that_is_full_is_said_loudly_and_goes_on_by_itself() {
    let destination = Destination::kind();
    let kept = start(&orders(&destination, LEAD, "respond: { body: taken }"));
    assert_eq!(kept.post("{\"id\": 1}").0, 200);
    // Another process that holds the file: the same to a writer as a disk that does not answer.
    let path = kept.folder.path().join("hookweir.db");
    let other = rusqlite::Connection::open(path).unwrap();
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 1);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = kept
        .gateway
        .post("/orders", "application/json", "{\"id\": 2}");
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(kept.post("{\"id\": 3}").0, 200);
    kept.wait_for("SELECT count(*) FROM deliveries WHERE state = 2", 2);
    assert_eq!(kept.number("SELECT count(*) FROM events"), 2);
}

#[test]
fn a_reload_changes_only_what_is_made_at_delivery() {
    let tries = Arc::new(AtomicU32::new(0));
    let destination = Destination::new(move |_| {
        let is_first = tries.fetch_add(1, Ordering::Relaxed) < 2;
        Does::Answers(if is_first { 500 } else { 200 }, "", "")
    });
    let deliver = "  - name: fixed
    connection: crm
    request: { path: /fixed, json: { old: '${body.id}' } }
  - name: fresh
    connection: crm
    for_each: body.items
    evaluate: at_delivery
    request: { path: '/fresh/${item}', json: { old: '${body.id}' } }
";
    let specs = orders(&destination, deliver, "respond: { body: taken }");
    let kept = start(&specs);
    assert_eq!(kept.post("{\"id\": 1, \"items\": [\"a\"]}").0, 200);
    let mut first = [destination.next(), destination.next()];
    first.sort_by(|a, b| a.target.cmp(&b.target));
    assert!(first.iter().all(|came| came.text() == "{\"old\":1}"));
    kept.wait_for("SELECT count(*) FROM attempts", 2);
    kept.gateway
        .write("orders.yaml", &specs.replace("old:", "new:"));
    let reloaded = kept.gateway.admin_request("POST", "/admin/v1/reload");
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    kept.gateway.clock.advance(Duration::from_mins(1));
    let mut second = [destination.next(), destination.next()];
    second.sort_by(|a, b| a.target.cmp(&b.target));
    assert_eq!(second[0].target, "/api/fixed");
    assert_eq!(second[0].text(), "{\"old\":1}");
    assert_eq!(second[1].target, "/api/fresh/a");
    assert_eq!(second[1].text(), "{\"new\":1}");
}

#[test]
fn one_request_cannot_owe_without_end() {
    let destination = Destination::kind();
    let deliver = "  - name: each
    connection: crm
    for_each: body.items
    request: { json: { all: '${body}' } }
";
    let kept = start(&orders(&destination, deliver, "respond: { body: taken }"));
    let big = format!(
        "{{\"items\": {:?}, \"x\": \"{}\"}}",
        vec![1; 900],
        "x".repeat(100_000)
    );
    assert_eq!(kept.post(&big).0, 500);
    let many = format!("{{\"items\": {:?}}}", vec![1; 1001]);
    assert_eq!(kept.post(&many).0, 500);
    let reasons = "SELECT count(*) FROM events
         WHERE failure LIKE '%bytes together%' OR failure LIKE '%more than 1000 deliveries%'";
    kept.wait_for(reasons, 2);
    assert_eq!(kept.number("SELECT count(*) FROM deliveries"), 0);
    assert!(destination.all().is_empty());
}
