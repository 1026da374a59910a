//! The admin listener.

use hookweir::server::Signal;

use super::gateway;
use crate::harness::{Answer, Raw, TestGateway};

fn send(gateway: &TestGateway, head: &str) -> Answer {
    Raw::connect(gateway.admin()).send(head).answer()
}

fn code(answer: &Answer) -> (u16, String) {
    let code = answer.json();
    let code = code.get("code").and_then(serde_json::Value::as_str);
    (answer.status, code.unwrap_or_default().to_owned())
}

#[test]
fn health_needs_no_token_and_tells_no_detail() {
    let gateway = gateway().start();
    let check = |path: &str, body: &str| {
        let answer = send(
            &gateway,
            &format!("GET {path} HTTP/1.1\r\nHost: anything\r\n\r\n"),
        );
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
    };
    check("/healthz", "ok\n");
    check("/readyz", r#"{"status":"ready"}"#);
}

#[test]
fn readiness_has_detail_for_who_has_the_token() {
    let gateway = gateway().start();
    let answer = gateway.admin_get("/readyz").json();
    assert_eq!(answer["status"], "ready");
    assert_eq!(answer["generation"], 1);
    assert_eq!(answer["last_reload"]["succeeded"], true);

    gateway.write("echo.yaml", "function: echo\nauht: none\n");
    let answer = gateway.admin_request("POST", "/admin/v1/reload");
    assert_eq!(answer.status, 422);
    let answer = gateway.admin_get("/readyz").json();
    assert_eq!(answer["status"], "ready");
    assert_eq!(answer["last_reload"]["succeeded"], false);
    let problems = answer["last_reload"]["problems"].as_str().unwrap();
    assert!(problems.contains("echo.yaml:2"), "{problems}");
}

#[test]
fn the_api_needs_the_token() {
    let gateway = gateway().start();
    for path in ["generation", "functions", "openapi.json", "nowhere"] {
        for token in [
            "",
            "Authorization: Bearer wrong\r\n",
            "Authorization: Basic eA==\r\n",
        ] {
            let head = format!("GET /admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n");
            let answer = send(&gateway, &head);
            assert_eq!(
                code(&answer),
                (401, "UNAUTHORIZED".to_owned()),
                "{path} {token}"
            );
        }
    }
    let head = "POST /admin/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(send(&gateway, head).status, 401);
}

#[test]
fn a_page_from_elsewhere_cannot_speak_to_it_by_its_own_name() {
    let gateway = gateway()
        .settings(|settings| settings.public_url = Some("https://hooks.example.com".to_owned()))
        .start();
    let check = |host: &str, status: u16| {
        let answer = send(
            &gateway,
            &format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        );
        assert_eq!(answer.status, status, "{host}");
    };
    check("127.0.0.1:8081", 200);
    check("localhost", 200);
    check("hooks.example.com", 200);
    check("evil.example", 403);
}

#[test]
fn errors_are_json_too() {
    let gateway = gateway().start();
    let check = |method: &str, path: &str, status: u16, expected: &str| {
        let answer = gateway.admin_request(method, path);
        assert_eq!(
            code(&answer),
            (status, expected.to_owned()),
            "{method} {path}"
        );
    };
    check("GET", "/", 404, "NOT_FOUND");
    check("GET", "/admin/v1/nowhere", 404, "NOT_FOUND");
    check("GET", "/admin/v1/generation/x", 404, "NOT_FOUND");
    check("GET", "/echo", 404, "NOT_FOUND");
    check("POST", "/admin/v1/generation", 405, "METHOD_NOT_ALLOWED");
    check("GET", "/admin/v1/reload", 405, "METHOD_NOT_ALLOWED");
    check("POST", "/admin/v1/reload?dry_run=maybe", 400, "BAD_REQUEST");
    check("GET", "//", 400, "BAD_REQUEST");
}

#[test]
fn the_generation_and_its_functions_can_be_seen() {
    let gateway = gateway().start();
    let answer = gateway.admin_get("/admin/v1/generation").json();
    assert_eq!(answer["number"], 1);
    assert_eq!(answer["hash"].as_str().unwrap().len(), 64);
    assert_eq!(answer["functions"], serde_json::json!(["echo", "secured"]));
    let answer = gateway.admin_get("/admin/v1/functions").json();
    let expected = serde_json::json!([
        { "function": "echo", "path": "/echo", "methods": ["GET", "POST"] },
        { "function": "secured", "path": "/secured", "methods": ["GET", "POST"] },
    ]);
    assert_eq!(answer, expected);
    let document = gateway.admin_get("/admin/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn the_document_lists_what_there_is() {
    let gateway = gateway().start();
    let document = gateway.admin_get("/admin/v1/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let asked = path.replace("{id}", "x").replace("{action}", "retry");
        let asked = asked.replace("{request_id}", "x");
        for (method, operation) in methods.as_object().unwrap() {
            let answer = gateway.admin_request(&method.to_uppercase(), &asked);
            let said = &operation["responses"][answer.status.to_string()];
            assert!(said.is_object(), "{method} {path}: {}", answer.status);
            assert!(
                !answer.text().contains("nothing has this address"),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn a_reload_answers_when_it_is_done() {
    let gateway = gateway().start();
    let reload = |query: &str| gateway.admin_request("POST", &format!("/admin/v1/reload{query}"));
    let answer = reload("").json();
    assert_eq!(
        (&answer["outcome"], &answer["generation"]),
        (&"unchanged".into(), &1.into())
    );

    gateway.write(
        "third.yaml",
        "function: third\nauth: none\naccept: { path: /third }\nrespond: { output: x }\n",
    );
    let answer = reload("?dry_run=true").json();
    assert_eq!(
        (&answer["outcome"], &answer["generation"]),
        (&"would_install".into(), &1.into())
    );
    assert_eq!(gateway.get("/third").status, 404);
    let answer = reload("").json();
    assert_eq!(
        (&answer["outcome"], &answer["generation"]),
        (&"installed".into(), &2.into())
    );
    assert_eq!(gateway.get("/third").status, 200);

    gateway.write(
        "third.yaml",
        "function: third\nauth: none\nrespons: { output: x }\n",
    );
    let answer = reload("");
    assert_eq!(answer.status, 422);
    let answer = answer.json();
    assert_eq!(
        (&answer["outcome"], &answer["generation"]),
        (&"refused".into(), &2.into())
    );
    let diagnostics = answer["diagnostics"].as_array().unwrap();
    let diagnostic = diagnostics
        .iter()
        .find(|diagnostic| diagnostic["severity"] == "error")
        .unwrap();
    assert_eq!(
        (&diagnostic["line"], &diagnostic["column"]),
        (&3.into(), &1.into())
    );
    assert!(
        diagnostic["file"].as_str().unwrap().ends_with("third.yaml"),
        "{diagnostic}"
    );
    assert_eq!(gateway.get("/third").status, 200);
}

#[test]
fn a_hangup_reloads() {
    let gateway = gateway().start();
    gateway.write(
        "third.yaml",
        "function: third\nauth: none\naccept: { path: /third }\nrespond: { output: x }\n",
    );
    gateway.signal(Signal::Reload);
    while gateway.admin_get("/admin/v1/generation").json()["number"] == 1 {
        std::thread::yield_now();
    }
    assert_eq!(gateway.get("/third").status, 200);
}

#[test]
fn what_happened_is_counted() {
    let gateway = gateway().start();
    gateway.post("/echo", "text/plain", "hello");
    gateway.post("/echo", "text/plain", "hello");
    gateway.get("/echo");
    gateway.get("/secured");
    gateway.get("/nowhere");
    let metrics = gateway.admin_get("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let page = metrics.text();
    for line in [
        "hookweir_http_server_request_duration_seconds_count{function=\"echo\",method=\"POST\",status=\"200\"} 2",
        "hookweir_http_server_request_duration_seconds_count{function=\"echo\",method=\"GET\",status=\"200\"} 1",
        "hookweir_http_server_request_duration_seconds_count{function=\"\",method=\"GET\",status=\"404\"} 1",
        "hookweir_http_server_request_body_bytes_bucket{function=\"echo\",le=\"1024\"} 2",
        "hookweir_rejected_total{function=\"secured\",reason=\"key_missing\"} 1",
        "hookweir_rejected_total{function=\"\",reason=\"no_route\"} 1",
        "hookweir_http_server_active_requests{listener=\"ingress\"} 0",
        "hookweir_http_server_active_requests{listener=\"admin\"} 1",
        "hookweir_config_generation 1",
        "hookweir_config_functions 2",
        "hookweir_config_last_reload_success 1",
        "hookweir_config_reloads_total{result=\"success\"} 0",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line} in {page}");
    }
}
