//! `serve` from its first line to its first request, and how it ends when it cannot start.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::project::{LEAD, OPEN, Project, files, zapikey};

/// With a test, from which the curl line of the first start is made.
const GREETING: &str = "\
function: greeting
auth: { zapikey: required }
respond: { status_code: 201, body: { greeting: 'Good day, ${body.name}' } }
tests:
  - name: it greets
    request: { json: { name: \"Zoë O'Hara\" } }
    expect: { status_code: 201, body: { greeting: \"Good day, Zoë O'Hara\" } }
";

#[test]
fn the_first_start_prints_urls_and_a_curl_line_that_work_as_pasted() {
    let project = Project::new(GREETING);
    project.write("specs/lead.yaml", LEAD);
    let serving = project.serve(&[]);
    let banner = serving.out();
    for function in ["greeting", "lead"] {
        let line = banner
            .lines()
            .find(|line| line.trim_start().starts_with(function))
            .unwrap_or_else(|| panic!("no {function} in {banner}"));
        let url = line.split_whitespace().last().unwrap();
        assert!(url.starts_with(&serving.base), "{url}");
        let said = curl(
            &project,
            &format!(
                "curl -sS -d '{{\"name\":\"x\"}}' -H 'content-type: application/json' '{url}'"
            ),
        );
        assert!(!said.contains("error"), "{said}");
    }
    let line = curl_line(&banner);
    assert_eq!(
        curl(&project, &format!("{line} -sS -w ' %{{http_code}}'")),
        r#"{"greeting":"Good day, Zoë O'Hara"} 201"#
    );
    // And without anything added.
    assert_eq!(
        curl(&project, line),
        r#"{"greeting":"Good day, Zoë O'Hara"}"#
    );
    let answer = serving.call_with("lead", &serving.first_key());
    assert_eq!(answer.json()["environment"], "sandbox");
}

/// What a shell makes of a line.
fn curl(project: &Project, line: &str) -> String {
    let mut bash = Command::new("bash");
    project.prepare(&mut bash);
    let output = bash.args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_functions_of_the_folder_are_served_in_an_empty_home() {
    let project = Project::empty();
    let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/specs");
    let mut serving = project.serve(&["--specs", specs]);
    let banner = serving.out();
    let line = curl_line(&banner);
    let said = curl(
        &project,
        &format!("{line} -sS -o body.txt -w '%{{http_code}}'"),
    );
    let body = fs::read_to_string(project.path("body.txt")).unwrap();
    assert!(said.starts_with('2'), "{said} {body}: {line}");
    serving.stop();
}

#[test]
fn a_second_start_makes_no_key_and_prints_none() {
    let project = Project::new(LEAD);
    let mut first = project.serve(&[]);
    let key = first.first_key();
    assert!(first.out().contains("first start"));
    first.stop();

    let second = project.serve(&[]);
    let banner = second.out();
    assert_eq!(zapikey(&banner), None, "{banner}");
    assert!(!banner.contains(&key), "{banner}");
    assert!(banner.contains("hookweir urls"), "{banner}");
    assert_eq!(second.call_with("lead", &key).status, 200);
    let keys = project.run(&["keys", "list", "--format", "json"]).json();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
}

#[test]
fn the_data_directory_is_its_owners_alone() {
    let project = Project::new(LEAD);
    let mut command = Command::new("sh");
    project.prepare(&mut command);
    // Whatever the umask allows.
    let script = r#"umask 000; exec "$0" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0"#;
    command.args(["-c", script, env!("CARGO_BIN_EXE_hookweir")]);
    let serving = project.start(command);
    let data = project.path("data");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let found = files(&data);
    assert!(found.len() >= 3, "{found:?}");
    for path in found {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(serving);
}

#[test]
fn specs_that_do_not_compile_end_it_with_78_and_are_drawn() {
    let project = Project::new("function: lead\nauth: none\nlet:\n  a: body.x +\nresponds: {}\n");
    let said = project.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!((said.code, said.out.as_str()), (78, ""), "{said:?}");
    for part in [
        "specs/all.yaml:5:1",
        "responds: {}",
        "^^^^^^^^",
        "`respond`",
        "error: the functions in `specs` cannot be served as they are",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    // Nothing was begun.
    assert!(!project.path("data").exists());
}

#[test]
fn a_start_that_cannot_be_ends_with_3_and_says_why() {
    let check = |project: &Project, args: &[&str], parts: &[&str]| {
        let said = project.run(args);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let project = Project::new(OPEN);
    let free = "127.0.0.1:0";
    check(
        &project,
        &["serve", "--listen", &address, "--admin-listen", free],
        &[&address, "another program listens there"],
    );
    check(
        &project,
        &["serve", "--listen", free, "--admin-listen", &address],
        &[&address, "another program listens there"],
    );
    check(
        &project,
        &["serve", "--specs", "nowhere"],
        &["`nowhere`", "--specs DIR"],
    );
    check(&project, &["-C", "nowhere", "serve"], &["`nowhere`"]);
    project.write("file", "");
    check(
        &project,
        &["serve", "--data-dir", "file", "--listen", free],
        &["`file"],
    );
}

#[test]
fn a_first_start_that_found_its_address_taken_still_shows_its_key_later() {
    let project = Project::new(LEAD);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = project.run(&[
        "serve",
        "--listen",
        &address,
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(said.code, 3, "{said:?}");
    let serving = project.serve(&[]);
    // The first start that anybody saw is this one.
    let banner = serving.out();
    let key = zapikey(&banner).unwrap_or_else(|| panic!("no key in {banner}"));
    assert_eq!(serving.call_with("lead", key).status, 200);
}

#[test]
fn wrong_use_ends_with_2() {
    let project = Project::new(OPEN);
    for args in [
        &["serve", "--port", "80"][..],
        &["serve", "--listen", "no address"],
        &["serve", "--log-format", "yaml"],
        &[
            "serve",
            "--admin-listen",
            "0.0.0.0:0",
            "--listen",
            "127.0.0.1:0",
        ],
        &[
            "serve",
            "--log-level",
            "lou=der",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ],
        &["sevre"],
        &["reload", "--format", "xml"],
        &["keys", "list", "--all"],
        &["keys", "create", "--environment", "test"],
    ] {
        let said = project.run(args);
        assert_eq!(
            (said.code, said.out.as_str()),
            (2, ""),
            "{args:?}: {said:?}"
        );
        assert!(said.err.contains("error: "), "{args:?}: {said:?}");
    }
    assert!(project.run(&["sevre"]).err.contains("serve"));
    assert!(!project.path("data").exists());
}

#[test]
fn settings_come_from_the_environment_too() {
    let project = Project::empty();
    project.write("functions/all.yaml", OPEN);
    let serving = project.serve_as(&[], |command| {
        command
            .env("HOOKWEIR_SPECS", "functions")
            .env("HOOKWEIR_PUBLIC_URL", "https://hooks.example.com/")
            .env("HOOKWEIR_DATA_DIR", "state")
            .env("HOOKWEIR_LOG", "debug");
    });
    assert!(project.path("state/admin.token").exists());
    assert_eq!(serving.base, "https://hooks.example.com");
    assert_eq!(serving.version(), "one");
}

#[test]
fn the_curl_line_goes_through_a_unix_socket_too() {
    let project = Project::new(GREETING);
    let socket = format!("unix:{}", project.path("hooks.sock").display());
    let serving = project.serve(&["--listen", &socket]);
    let banner = serving.out();
    let line = curl_line(&banner);
    assert_eq!(
        curl(&project, line),
        r#"{"greeting":"Good day, Zoë O'Hara"}"#
    );
}

/// The line that the banner tells to try.
fn curl_line(banner: &str) -> &str {
    banner
        .lines()
        .find(|line| line.trim_start().starts_with("curl "))
        .unwrap_or_else(|| panic!("no curl line in {banner}"))
}
