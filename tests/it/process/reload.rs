//! A new set of functions comes in whole, or not at all and with the reason.

use super::project::{OPEN, Project, eventually};

/// `open_house` with another version.
fn version(name: &str) -> String {
    OPEN.replace("version: one", &format!("version: {name}"))
}

/// A mistake at line 4, column 1.
const BROKEN: &str = "\
function: open_house
auth: none
respond: { status_code: 200 }
responds: { status_code: 200 }
";

#[test]
fn a_hangup_brings_the_new_functions_in() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    assert_eq!(serving.version(), "one");
    project.write("specs/all.yaml", &version("two"));
    serving.signal("HUP");
    serving.wait_for_version("two");
    let line = serving.logged("generation 2 is served");
    assert_eq!(
        (&line["level"], &line["generation"]),
        (&"INFO".into(), &2.into())
    );
}

#[test]
fn reload_waits_and_tells_the_verdict() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&[]);
    let said = serving.ask(&["reload", "--wait"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "nothing changed: generation 1 goes on\n");

    project.write("specs/all.yaml", &version("two"));
    let said = serving.ask(&["reload", "--dry-run"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "good: a reload would replace generation 1\n");
    assert_eq!(serving.version(), "one");

    let said = serving.ask(&["reload"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "generation 2 is served\n");
    assert_eq!(serving.version(), "two");
    assert_eq!(serving.generation()["number"], 2);

    project.write("specs/all.yaml", BROKEN);
    for args in [&["reload", "--wait"][..], &["reload", "--dry-run"]] {
        let said = serving.ask(args);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        for part in [
            "error[E0",
            "specs/all.yaml:4:1",
            "4 | responds: { status_code: 200 }",
            "  | ^^^^^^^^",
            "`respond`",
            "error: 1 error, generation 2 goes on",
        ] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
        assert!(
            !said.err.contains('\u{1b}'),
            "no colour in a file: {said:?}"
        );
    }
    assert_eq!(serving.version(), "two");

    let said = serving.ask(&["reload", "--format", "json"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["outcome"], "refused");
    let problems = answer["diagnostics"].as_array().unwrap().iter();
    let mut errors = problems.filter(|problem| problem["severity"] == "error");
    let problem = errors.next().unwrap();
    assert_eq!(
        (&problem["line"], &problem["column"], &problem["severity"]),
        (&4.into(), &1.into(), &"error".into()),
        "{answer}"
    );

    serving.stop();
    let said = serving.ask(&["reload", "--wait"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    assert!(said.err.contains("cannot reach the gateway"), "{said:?}");
    let said = serving.ask(&["reload", "--data-dir", "nowhere"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("nowhere/admin.token"), "{said:?}");
}

#[test]
fn a_reload_with_the_wrong_token_is_refused() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    let output = project
        .command(&["reload", "--admin", &format!("http://{}", serving.admin)])
        .env("HOOKWEIR_ADMIN_TOKEN", "guessed")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("error: send the admin token"), "{err}");
    assert!(!err.contains("guessed"), "{err}");
}

#[test]
fn with_broken_yaml_the_old_set_goes_on_and_everybody_is_told() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    assert_eq!(serving.metric("hookweir_config_last_reload_success"), "1");
    project.write("specs/all.yaml", BROKEN);
    serving.signal("HUP");
    let line = serving.logged("reload refused");
    assert_eq!(line["level"], "ERROR");
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("specs/all.yaml:4:1: E0"), "{message}");

    assert_eq!(serving.version(), "one");
    assert_eq!(serving.metric("hookweir_config_last_reload_success"), "0");
    assert_eq!(serving.metric("hookweir_config_generation"), "1");
    // It is ready; who may know learns what is wrong.
    let brief = serving.admin_without_token("/readyz");
    assert_eq!((brief.status, brief.text()), (200, r#"{"status":"ready"}"#));
    let detail = serving.admin_request("GET", "/readyz").json();
    assert_eq!(detail["last_reload"]["succeeded"], false);
    let problems = detail["last_reload"]["problems"].as_str().unwrap();
    assert!(problems.contains("specs/all.yaml:4:1"), "{problems}");

    project.write("specs/all.yaml", &version("two"));
    serving.signal("HUP");
    serving.wait_for_version("two");
    eventually("the metric", || {
        (serving.metric("hookweir_config_last_reload_success") == "1").then_some(())
    });
    let detail = serving.admin_request("GET", "/readyz").json();
    assert_eq!(detail["last_reload"]["succeeded"], true);
}

/// An orchestrator that looks at `/readyz` sends no requests to a gateway that could keep nothing.
#[test]
fn a_store_that_cannot_be_written_is_not_ready() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    let wait_for = |status: u16, store: &str| {
        eventually(&format!("{status} {store}"), || {
            let detail = serving.admin_request("GET", "/readyz");
            let said = detail.json()["store"].as_str().unwrap_or("").to_owned();
            (detail.status == status && said.contains(store)).then_some(())
        });
        let brief = serving.admin_without_token("/readyz");
        let expected = match status {
            200 => r#"{"status":"ready"}"#,
            _ => r#"{"status":"unavailable"}"#,
        };
        assert_eq!((brief.status, brief.text()), (status, expected));
        assert_eq!(serving.version(), "one");
    };
    wait_for(200, "");
    let file = project.path("data/hookweir.db");

    let locking = rusqlite::Connection::open(&file).unwrap();
    locking.execute_batch("BEGIN IMMEDIATE").unwrap();
    wait_for(503, "locked");
    locking.execute_batch("ROLLBACK").unwrap();
    drop(locking);
    wait_for(200, "");

    let away = project.path("data/away.db");
    std::fs::rename(&file, &away).unwrap();
    wait_for(503, "No such file");
    std::fs::copy(&away, &file).unwrap();
    wait_for(503, "was replaced");
    std::fs::rename(&away, &file).unwrap();
    wait_for(200, "");

    // What a full disk or one that became read-only does to a write.
    let scrap = project.path("data/hookweir.check");
    std::fs::create_dir(&scrap).unwrap();
    wait_for(503, "cannot write");
    std::fs::remove_dir(&scrap).unwrap();
    wait_for(200, "");
    serving.logged("ready again");
}

#[test]
fn the_generation_says_since_when_it_is_served() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    let loaded_at = || {
        serving.generation()["loaded_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = loaded_at();
    assert!(first.parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::UNIX_EPOCH);
    // Nothing changed, so nothing was loaded.
    assert_eq!(serving.ask(&["reload", "--wait"]).code, 0);
    assert_eq!(loaded_at(), first);
    project.write("specs/all.yaml", &version("two"));
    assert_eq!(serving.ask(&["reload", "--wait"]).code, 0);
    assert!(loaded_at() > first);
}

#[test]
fn a_folder_that_is_gone_leaves_the_old_set_running() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    std::fs::rename(project.path("specs"), project.path("away")).unwrap();
    let said = serving.ask(&["reload"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
    assert!(said.err.contains("cannot read the folder"), "{said:?}");
    assert_eq!(serving.version(), "one");
    std::fs::rename(project.path("away"), project.path("specs")).unwrap();
    assert_eq!(serving.ask(&["reload"]).code, 0);
    assert_eq!(serving.metric("hookweir_config_last_reload_success"), "1");
}

#[test]
fn the_commit_is_known_and_stands_on_each_line_of_the_log() {
    let project = Project::new(OPEN);
    project.git(&["init", "-q"]);
    project.git(&["add", "specs"]);
    project.git(&["commit", "-q", "-m", "one"]);
    let first = project.git(&["rev-parse", "HEAD"]);
    let mut serving = project.serve(&[]);
    assert!(serving.out().contains(&first[..10]), "{}", serving.out());
    let generation = serving.generation();
    assert_eq!(generation["number"], 1);
    assert_eq!(generation["hash"].as_str().map(str::len), Some(64));
    assert_eq!(generation["commit"]["id"], first.as_str());
    assert_eq!(generation["commit"]["modified"], false);
    assert_eq!(generation["functions"], serde_json::json!(["open_house"]));

    // Changed and not committed.
    project.write("specs/all.yaml", &version("two"));
    assert_eq!(serving.ask(&["reload"]).code, 0);
    serving.version();
    let modified = serving.generation();
    assert_eq!(modified["commit"]["id"], first.as_str());
    assert_eq!(modified["commit"]["modified"], true);
    assert_ne!(modified["hash"], generation["hash"]);

    // Committed: the files are what they were, and the generation can say where they come from.
    project.git(&["commit", "-q", "-a", "-m", "two"]);
    let second = project.git(&["rev-parse", "HEAD"]);
    assert_eq!(serving.ask(&["reload"]).code, 0);
    serving.version();
    let committed = serving.generation();
    assert_eq!(committed["commit"]["id"], second.as_str());
    assert_eq!(committed["commit"]["modified"], false);
    assert_eq!(committed["hash"], modified["hash"]);

    serving.stop();
    let lines = serving.log();
    let said: Vec<(u64, String)> = lines
        .iter()
        .filter(|line| line["function"] == "open_house")
        .map(|line| {
            (
                line["generation"].as_u64().unwrap(),
                line["commit"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        (2, format!("{first}+modified")),
        (committed["number"].as_u64().unwrap(), second),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_setting_that_only_a_restart_brings_into_effect_is_told() {
    let project = Project::new(OPEN);
    let serving = project.serve(&[]);
    project.write(
        "specs/gateway.yaml",
        "gateway: house\nlimits: { connections: 7, steps: 500 }\nlog: { level: debug }\n",
    );
    let said = serving.ask(&["reload"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(
        said.out,
        "generation 2 is served; what changed under `limits`, `log` needs a restart\n"
    );
    project.write(
        "specs/gateway.yaml",
        "gateway: house\nlimits: { steps: 500 }\n",
    );
    let said = serving.ask(&["reload"]);
    assert_eq!(said.out, "generation 3 is served\n");
}
