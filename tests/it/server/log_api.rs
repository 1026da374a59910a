//! Events and deliveries by the admin API. Every answer is held against the document that describes
//! it.

use hookweir::auth::Environment;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::destination::{Destination, Does};
use crate::process::project::eventually;

/// A gateway, a destination that refuses what is `bad`, and the document.
struct Bench {
    gateway: TestGateway,
    destination: Destination,
    document: Value,
    _folder: tempfile::TempDir,
}

const LEAD: &str = "json: { id: '${body.id}' }";

fn specs(destination: &Destination, request: &str) -> String {
    format!(
        "\
function: orders
accept: {{ path: /orders }}
auth: none
deliver:
  - name: lead
    connection: crm
    request: {{ path: /leads, {request} }}
  - name: note
    connection: crm
    when: has(body.note)
    request: {{ path: /notes, json: {{ note: '${{body.note}}' }} }}
dedupe: {{ key: body.id }}
---
connection: crm
base_url: http://{}
allow: [127.0.0.0/8]
",
        destination.address
    )
}

impl Bench {
    fn start() -> Self {
        let destination = Destination::new(|came| match came.text() {
            "{\"id\":\"bad\"}" => Does::Answers(400, "", "no such thing"),
            _ => Does::Answers(200, "", "{}"),
        });
        let folder = tempfile::tempdir().unwrap();
        let gateway = TestGateway::new()
            .file("orders.yaml", &specs(&destination, LEAD))
            .store(folder.path())
            .environment(Environment::Production)
            .start();
        let document = gateway.admin_get("/admin/v1/openapi.json").json();
        Self {
            gateway,
            destination,
            document,
            _folder: folder,
        }
    }

    fn post(&self, body: &str) -> u16 {
        let answer = self.gateway.post("/orders", "application/json", body);
        answer.status
    }

    /// What the API answers, once that was found to be as the document says.
    #[track_caller]
    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let answer = self
            .gateway
            .admin_request(method, &format!("/admin/v1{path}"));
        let (status, body) = (answer.status, answer.json());
        let schema = self.schema(method, path, status);
        let mut whole = json!({ "components": self.document["components"] });
        whole["$ref"] = schema;
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&body)
            .map(|e| e.to_string())
            .collect();
        assert!(
            wrong.is_empty(),
            "{method} {path}: {status} {body}: {wrong:?}"
        );
        (status, body)
    }

    /// The name of an answer's schema.
    #[track_caller]
    fn schema(&self, method: &str, path: &str, status: u16) -> Value {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let Some(template) = template.strip_prefix("/admin/v1") else {
                return false;
            };
            let (parts, asked) = (template.split('/'), path.split('/'));
            template.matches('/').count() == path.matches('/').count()
                && parts
                    .zip(asked)
                    .all(|(part, asked)| part.starts_with('{') || part == asked)
        };
        let paths = self.document["paths"].as_object().unwrap();
        // What is written out goes before what has parameters.
        let mut found: Vec<_> = paths.iter().filter(|(path, _)| fits(path)).collect();
        found.retain(|(_, operations)| operations.get(method.to_lowercase()).is_some());
        found.sort_by_key(|(path, _)| path.matches('{').count());
        let (_, operations) = found.first().unwrap_or_else(|| panic!("{method} {path}"));
        let answers = &operations[method.to_lowercase()]["responses"];
        let mut answer = &answers[status.to_string()];
        if let Some(named) = answer["$ref"].as_str() {
            answer = self
                .document
                .pointer(named.trim_start_matches('#'))
                .unwrap();
        }
        let schema = &answer["content"]["application/json"]["schema"]["$ref"];
        assert!(schema.is_string(), "{method} {path}: {status} is not said");
        schema.clone()
    }

    /// Ids in a list.
    #[track_caller]
    fn ids(&self, path: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", path);
        assert_eq!(status, 200, "{path}: {body}");
        let rows = body["events"].as_array().or(body["deliveries"].as_array());
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        rows.unwrap().iter().map(id).collect()
    }

    #[track_caller]
    fn wait_for(&self, path: &str, count: usize) {
        eventually(path, || (self.ids(path).len() == count).then_some(()));
    }
}

#[test]
fn events_are_listed_in_pages_filtered_and_shown() {
    let bench = Bench::start();
    for id in ["a", "b", "bad"] {
        assert_eq!(bench.post(&format!("{{\"id\":\"{id}\"}}")), 200);
    }
    assert_eq!(bench.post("{\"id\":\"c\",\"note\":\"n\"}"), 200);
    assert_eq!(bench.post("{\"no\":1}"), 422);
    bench.wait_for("/deliveries?state=delivered", 4);
    bench.wait_for("/deliveries?state=dead", 1);

    let all = bench.ids("/events");
    assert_eq!(all.len(), 5);
    let mut pages = Vec::new();
    let mut path = "/events?limit=2".to_owned();
    loop {
        pages.extend(bench.ids(&path));
        let (_, page) = bench.ask("GET", &path);
        match page["next"].as_i64() {
            Some(next) => path = format!("/events?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(pages, all);

    let count = |query: &str| bench.ids(&format!("/events?{query}")).len();
    assert_eq!(count("function=orders"), 5);
    assert_eq!(count("function=nobody"), 0);
    assert_eq!(count("failed=true"), 1);
    assert_eq!(count("failed=false&state=dead"), 1);
    assert_eq!(count("connection=crm"), 4);
    assert_eq!(count("text=note"), 1);
    assert_eq!(count("key=a"), 1);
    assert_eq!(count("generation=1"), 5);
    assert_eq!(count("generation=2"), 0);
    assert_eq!(count("environment=sandbox"), 0);
    assert_eq!(count("since=2100-01-01T00:00:00Z"), 0);
    assert_eq!(count("until=2100-01-01T00:00:00Z"), 5);

    let (status, shown) = bench.ask("GET", &format!("/events/{}", all[1]));
    assert_eq!(
        (status, &shown["body"]),
        (200, &"{\"id\":\"c\",\"note\":\"n\"}".into())
    );
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2);
    let dead = &bench.ids("/deliveries?state=dead")[0];
    let (_, shown) = bench.ask("GET", &format!("/deliveries/{dead}"));
    assert_eq!(shown["request"]["body"], "{\"id\":\"bad\"}");
    assert_eq!(shown["attempts"][0]["status"], 400);
    assert_eq!(shown["attempts"][0]["answer"], "no such thing");
    let of = |query: &str| bench.ids(&format!("/deliveries?{query}")).len();
    assert_eq!(of(&format!("event={}", all[1])), 2);
    assert_eq!(of("name=note&connection=crm&function=orders"), 1);
    assert_eq!(of("limit=3"), 3);
    for path in ["/events/evt_7", "/deliveries/dlv_777", "/deliveries/x"] {
        assert_eq!(bench.ask("GET", path).0, 404, "{path}");
    }
    for path in [
        "/events?functoin=x",
        "/events?limit=0",
        "/events?limit=1001",
        "/events?function=%00",
        "/deliveries?key=x",
    ] {
        let (status, said) = bench.ask("GET", path);
        assert_eq!((status, &said["code"]), (400, &"BAD_REQUEST".into()));
    }
}

#[test]
fn dead_letters_are_retried_and_events_replayed() {
    let bench = Bench::start();
    assert_eq!(bench.post("{\"id\":\"a\",\"note\":\"n\"}"), 200);
    assert_eq!(bench.post("{\"id\":\"bad\"}"), 200);
    bench.wait_for("/deliveries?state=dead", 1);
    bench.wait_for("/deliveries?state=delivered", 2);
    let dead = bench.ids("/deliveries?state=dead")[0].clone();
    let good = bench.ids("/deliveries?state=delivered")[0].clone();

    let done = |path: &str| {
        let (status, body) = bench.ask("POST", path);
        (status, body["count"].as_u64())
    };
    // A filter and a limit, or nothing is touched.
    assert_eq!(done("/deliveries/retry"), (400, None));
    assert_eq!(done("/deliveries/retry?max=10"), (400, None));
    assert_eq!(done("/deliveries/retry?state=dead"), (400, None));
    assert_eq!(done(&format!("/deliveries/{good}/retry")), (409, None));
    assert_eq!(done("/deliveries/dlv_99/retry"), (404, None));
    for _ in 0..3 {
        bench.destination.next();
    }
    assert_eq!(done(&format!("/deliveries/{dead}/retry")), (200, Some(1)));
    assert_eq!(bench.destination.next().text(), "{\"id\":\"bad\"}");
    bench.wait_for("/deliveries?state=dead", 1);
    let retried = "/deliveries/retry?state=dead&connection=crm&max=10";
    assert_eq!(done(retried), (200, Some(1)));
    assert_eq!(bench.destination.next().text(), "{\"id\":\"bad\"}");
    bench.wait_for("/deliveries?state=dead", 1);
    assert_eq!(done(&format!("/deliveries/{dead}/cancel")), (200, Some(1)));

    let id = bench.ids("/events?text=note")[0].clone();
    let (status, said) = bench.ask("POST", &format!("/events/{id}/replay?delivery=note"));
    assert_eq!((status, &said["event"]), (200, &id.clone().into()));
    assert_eq!(bench.destination.next().text(), "{\"note\":\"n\"}");
    let (status, said) = bench.ask("POST", &format!("/events/{id}/replay"));
    assert_eq!((status, &said["deliveries"]), (200, &2.into()));
    bench.destination.next();
    bench.destination.next();
    let nothing = format!("/events/{id}/replay?delivery=other");
    assert_eq!(bench.ask("POST", &nothing).0, 409);
    assert_eq!(bench.ask("POST", "/events/evt_7/replay").0, 404);

    // All that a filter finds, through the function as it is now.
    let changed = specs(&bench.destination, "json: { now: '${body.id}' }");
    bench.gateway.write("orders.yaml", &changed);
    let reloaded = bench.gateway.admin_request("POST", "/admin/v1/reload");
    assert_eq!(reloaded.status, 200);
    let all = |query: &str| bench.ask("POST", &format!("/events/replay?{query}"));
    assert_eq!(all("max=10").0, 400);
    assert_eq!(all("function=orders").0, 400);
    assert_eq!(all("text=&max=10").0, 400);
    assert_eq!(all("function=orders&max=1").0, 409);
    let both = "function=orders&reevaluate=true&delivery=lead&max=10";
    assert_eq!(all(both).0, 400);
    let (status, said) = all("function=orders&generation=1&reevaluate=true&max=10");
    assert_eq!(
        (status, &said["events"], &said["deliveries"]),
        (200, &2.into(), &3.into()),
        "{said}"
    );
    let mut came: Vec<String> = (0..3)
        .map(|_| bench.destination.next().text().to_owned())
        .collect();
    came.sort();
    assert_eq!(
        came,
        ["{\"note\":\"n\"}", "{\"now\":\"a\"}", "{\"now\":\"bad\"}"]
    );
}

#[test]
fn what_its_function_failed_for_is_replayed_once_it_is_mended() {
    let bench = Bench::start();
    let broken = specs(&bench.destination, "json: { id: '${body.other}' }");
    bench.gateway.write("orders.yaml", &broken);
    let reload = || {
        bench
            .gateway
            .admin_request("POST", "/admin/v1/reload")
            .status
    };
    assert_eq!(reload(), 200);
    assert_eq!(bench.post("{\"id\":\"a\"}"), 422);
    let id = bench.ids("/events?failed=true")[0].clone();
    let (status, said) = bench.ask("POST", &format!("/events/{id}/replay"));
    assert_eq!((status, &said["code"]), (422, &"FUNCTION_FAILED".into()));
    let (status, said) = bench.ask("POST", "/events/replay?failed=true&max=5");
    assert_eq!((status, &said["events"]), (200, &0.into()));
    assert_eq!(said["refused"][0]["event"], id);
    assert!(bench.destination.all().is_empty());

    bench
        .gateway
        .write("orders.yaml", &specs(&bench.destination, LEAD));
    assert_eq!(reload(), 200);
    let (status, said) = bench.ask("POST", "/events/replay?failed=true&max=5");
    assert_eq!((status, &said["events"]), (200, &1.into()), "{said}");
    assert_eq!(bench.destination.next().text(), "{\"id\":\"a\"}");
}

#[test]
fn connections_and_functions_are_paused() {
    let bench = Bench::start();
    let changed = |path: &str| {
        let (status, body) = bench.ask("POST", path);
        (status, body["changed"].as_bool())
    };
    assert_eq!(changed("/pause?connection=crm"), (200, Some(true)));
    assert_eq!(changed("/pause?connection=crm"), (200, Some(false)));
    assert_eq!(changed("/pause?function=orders"), (200, Some(true)));
    assert_eq!(changed("/pause"), (400, None));
    assert_eq!(changed("/pause?connection=a&function=b"), (400, None));
    let (_, paused) = bench.ask("GET", "/paused");
    assert_eq!(
        paused,
        json!({ "connections": ["crm"], "functions": ["orders"] })
    );
    assert_eq!(bench.post("{\"id\":\"a\"}"), 200);
    assert_eq!(changed("/resume?function=orders"), (200, Some(true)));
    assert!(bench.destination.all().is_empty());
    assert_eq!(changed("/resume?connection=crm"), (200, Some(true)));
    assert_eq!(bench.destination.next().text(), "{\"id\":\"a\"}");
}

#[test]
fn a_gateway_without_a_store_says_so() {
    let gateway = super::gateway().start();
    for (method, path) in [
        ("GET", "events"),
        ("GET", "events/evt_1"),
        ("POST", "events/evt_1/replay"),
        ("GET", "deliveries"),
        ("POST", "deliveries/dlv_1/retry"),
        ("GET", "paused"),
    ] {
        let answer = gateway.admin_request(method, &format!("/admin/v1/{path}"));
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["message"], "this gateway keeps no events");
    }
}
