//! A key is printed where it is made and nowhere else.

use std::fs;

use super::project::{LEAD, OPEN, Project, Serving, files};

/// Shows what it can of the caller, the request and the key. That a function may read the whole
/// address and all headers must not bring the key back.
const CURIOUS: &str = "\
function: curious
accept: { methods: [GET, POST], path: /curious }
auth: { zapikey: required }
respond:
  status_code: 200
  headers: { X-Seen: '${to_json(query)}' }
  body:
    query: ${query}
    params: ${params}
    headers: ${headers}
    form: ${form}
    body: ${body}
    user: ${user_info}
    request: ${crmAPIRequest}
";

/// Fails with the request in its hands.
const FAILING: &str = "\
function: failing
accept: { methods: [GET, POST] }
auth: { zapikey: required }
respond: { status_code: 200, body: '${int(to_json(params))}' }
";

/// Everything that a caller may try with a key; gives all answers, heads included.
fn try_everything(serving: &Serving<'_>, key: &str) -> String {
    let mut seen = String::new();
    let mut ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let answer = serving
            .raw()
            .request(method, path, headers, body.as_bytes());
        let line = format!("{method} {path}\n{} ", answer.status).replace(key, "(sent)");
        let rest = format!("{:?}\n{}\n", answer.headers, answer.text());
        seen.extend([line, rest]);
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let json = ("Content-Type", "application/json");
    let credentials = format!("auth_type=apikey&zapikey={key}");
    let mixed = format!("AUTH_TYPE=apikey&ZapiKey={key}&zapikey={key}&zapikey={key}");
    for function in ["lead", "curious", "failing", "open_house", "absent"] {
        let address = format!("/crm/v8/functions/{function}/actions/execute");
        let with = format!("{address}?{credentials}");
        ask("GET", &with, &[], "");
        ask("POST", &with, &[json], "{\"a\": ");
        ask("DELETE", &with, &[], "");
        ask("POST", &address, &[form], &credentials);
        ask("POST", &address, &[("X-ZAPI-Key", key)], "x");
        ask(
            "POST",
            &address,
            &[("Authorization", &format!("Zoho-oauthtoken {key}"))],
            "x",
        );
        ask("POST", &format!("{address}?{mixed}"), &[form], &mixed);
        let part = format!(
            "--b\r\nContent-Disposition: form-data; name=\"zapikey\"\r\n\r\n{key}\r\n--b--\r\n"
        );
        let multipart = ("Content-Type", "multipart/form-data; boundary=b");
        ask(
            "POST",
            &format!("{address}?auth_type=apikey"),
            &[multipart],
            &part,
        );
    }
    ask("GET", &format!("/curious?zapikey={key}"), &[], "");
    ask("GET", &format!("//curious?zapikey={key}"), &[], "");
    ask("GET", &format!("/%2e%2e?zapikey={key}"), &[], "");
    // Pasted behind an `&` where a `?` belongs, and far behind.
    let pasted = format!("/crm/v8/functions/lead/actions/execute&zapikey={key}");
    ask("GET", &pasted, &[], "");
    let far = "x".repeat(470);
    ask("GET", &format!("/{far}/{key}"), &[], "");
    // Referer is where a browser would carry it.
    let referer = format!("https://example.com/?zapikey={key}");
    ask(
        "GET",
        &format!("/nowhere?zapikey={key}"),
        &[("Referer", &referer)],
        "",
    );
    ask(
        "GET",
        "/nowhere",
        &[("X-Request-Id", key), ("traceparent", key)],
        "",
    );
    seen
}

#[test]
fn a_key_stands_in_no_answer_log_metric_or_file() {
    let project = Project::new(LEAD);
    project.write("specs/curious.yaml", CURIOUS);
    project.write("specs/failing.yaml", FAILING);
    project.write("specs/open.yaml", OPEN);
    for format in ["json", "text"] {
        let mut serving = project.serve(&["--log-level", "trace", "--log-format", format]);
        // One that is not of the first start, so that it is in no banner.
        let made = project.run(&["keys", "create", "--format", "json"]).json();
        let key = made["zapikey"].as_str().unwrap().to_owned();
        super::project::eventually("the key", || {
            (serving.call_with("lead", &key).status == 200).then_some(())
        });
        let seen = try_everything(&serving, &key);
        check(&key, "an answer", &seen);
        // The requests were what they were meant to be.
        for status in ["\n200 ", "\n400 ", "\n401 ", "\n404 ", "\n405 ", "\n500 "] {
            assert!(seen.contains(status), "{status}: {seen}");
        }

        for path in [
            "/metrics",
            "/readyz",
            "/admin/v1/generation",
            "/admin/v1/functions",
            "/nowhere",
        ] {
            let path = format!("{path}?zapikey={key}");
            let answer = serving.admin_request("GET", &path);
            check(
                &key,
                &path,
                &format!("{:?} {}", answer.headers, answer.text()),
            );
        }
        project.write(
            "specs/lead.yaml",
            &format!("function: again\nresponds: {format}\n"),
        );
        let reload = serving.admin_request("POST", "/admin/v1/reload");
        check(&key, "the reload's answer", reload.text());
        fs::remove_file(project.path("specs/lead.yaml")).unwrap();

        for args in [&["keys", "list"][..], &["keys", "list", "--format", "json"]] {
            let said = project.run(args);
            check(&key, "keys list", &format!("{said:?}"));
        }
        for path in files(&project.path("data")) {
            let bytes = fs::read(&path).unwrap();
            check_bytes(&key, &path.display().to_string(), &bytes);
        }
        serving.stop();
        check(&key, "standard output", &serving.out());
        let log = serving.err();
        check(&key, "the log", &log);
        assert!(log.contains("TRACE"), "it was told to log everything");
        assert!(log.contains("/nowhere"), "every request is logged");
        for path in files(&project.path("data")) {
            let bytes = fs::read(&path).unwrap();
            check_bytes(&key, &path.display().to_string(), &bytes);
        }
    }
}

#[track_caller]
fn check(key: &str, place: &str, text: &str) {
    check_bytes(key, place, text.as_bytes());
}

/// Neither the key stands there, nor its two secret parts, as text or as bytes.
#[track_caller]
fn check_bytes(key: &str, place: &str, bytes: &[u8]) {
    let mut parts = key.split('.');
    parts.next();
    for part in parts {
        let raw: Vec<u8> = (0..part.len() / 2)
            .map(|at| u8::from_str_radix(&part[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        for needle in [part.as_bytes(), &raw] {
            let found = bytes
                .windows(needle.len())
                .position(|window| window.eq_ignore_ascii_case(needle));
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(120)..bytes.len().min(at + 120)];
                panic!(
                    "the key stands in {place}: {}",
                    String::from_utf8_lossy(around)
                );
            }
        }
    }
}

#[test]
fn the_admin_token_stands_in_no_log_and_no_answer() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&["--log-level", "trace"]);
    let token = fs::read_to_string(project.path("data/admin.token")).unwrap();
    let token = token.trim().to_owned();
    let mut seen = String::new();
    for path in [
        "/readyz",
        "/metrics",
        "/admin/v1/generation",
        "/admin/v1/nothing",
    ] {
        let answer = serving.admin_request("GET", &format!("{path}?token={token}"));
        let told = format!("{:?} {}", answer.headers, answer.text());
        seen.push_str(&told);
    }
    let said = serving.ask(&["reload", "--wait"]);
    assert_eq!(said.code, 0, "{said:?}");
    serving.stop();
    let printed = format!("{said:?} {} {}", serving.out(), serving.err());
    seen.push_str(&printed);
    assert!(!seen.contains(&token), "{seen}");
    assert!(token.len() >= 32, "a token is not guessed");
}
