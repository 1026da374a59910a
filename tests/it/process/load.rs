//! Reloads while requests run: none is lost, and none sees two generations.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::project::Project;
use crate::harness::Raw;

const RELOADS: u64 = 1000;

/// Three places that must agree: two expressions of one file and a template in another.
fn pair(version: &str) -> String {
    format!(
        "function: pair\n\
         auth: none\n\
         let:\n\
         \x20 first: '\"{version}\"'\n\
         \x20 second: '\"{version}\" + body.suffix'\n\
         respond:\n\
         \x20 status_code: 200\n\
         \x20 body:\n\
         \x20   first: ${{first}}\n\
         \x20   second: ${{second}}\n\
         \x20   page: {{ $template: {{ file: page.hbs }} }}\n\
         \x20   generation: ${{event.generation}}\n"
    )
}

#[test]
fn a_thousand_reloads_lose_no_request_and_mix_no_generation() {
    let project = Project::empty();
    fs::remove_dir(project.path("specs")).unwrap();
    for version in ["odd", "even"] {
        project.write(&format!("releases/{version}/pair.yaml"), &pair(version));
        project.write(
            &format!("releases/{version}/page.hbs"),
            &format!("{version} {{{{first}}}}"),
        );
    }
    symlink("releases/odd", project.path("specs")).unwrap();
    let mut serving = project.serve(&["--log-level", "warn,hookweir::access=off"]);
    let token = fs::read_to_string(project.path("data/admin.token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());

    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
            let mut raw = Raw::connect(serving.ingress);
            std::thread::spawn(move || {
                let path = "/crm/v8/functions/pair/actions/execute";
                let headers = [("Content-Type", "application/json")];
                let mut last = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = raw.request("POST", path, &headers, br#"{"suffix":"!"}"#);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let answer = answer.json();
                    let generation = answer["generation"].as_u64().unwrap();
                    let version = if generation % 2 == 1 { "odd" } else { "even" };
                    let expected = serde_json::json!({
                        "first": version,
                        "second": format!("{version}!"),
                        "page": format!("{version} {version}"),
                        "generation": generation,
                    });
                    assert_eq!(answer, expected);
                    assert!(generation >= last, "{generation} after {last}");
                    last = generation;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                last
            })
        })
        .collect();

    let mut admin = Raw::connect(serving.admin);
    for number in 2..=RELOADS + 1 {
        let version = if number % 2 == 1 { "odd" } else { "even" };
        symlink(format!("releases/{version}"), project.path("next")).unwrap();
        fs::rename(project.path("next"), project.path("specs")).unwrap();
        let headers = [("Authorization", bearer.as_str())];
        let answer = admin.request("POST", "/admin/v1/reload", &headers, b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["outcome"], "installed");
        assert_eq!(answer["generation"], number);
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(
            client.join().unwrap() > 1,
            "requests ran beside the reloads"
        );
    }
    let count = answered.load(Ordering::Relaxed);
    assert!(count > RELOADS, "{count} requests are no load");
    assert_eq!(
        serving.metric("hookweir_config_generation"),
        (RELOADS + 1).to_string()
    );
    serving.stop();
}

#[test]
fn reloads_from_all_sides_at_once_wait_for_each_other() {
    let project = Project::empty();
    project.write("specs/pair.yaml", &pair("odd"));
    project.write("specs/page.hbs", "odd {{first}}");
    let serving = project.serve(&["--watch"]);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(
                        serving.admin_request("POST", "/admin/v1/reload").status,
                        200
                    );
                    serving.signal("HUP");
                }
            });
        }
    });
    // The folder never changed, so nothing was swapped.
    assert_eq!(serving.generation()["number"], 1);
}
