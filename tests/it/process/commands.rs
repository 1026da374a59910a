//! The smaller commands: what they print can be used.

use std::collections::BTreeSet;
use std::process::Command;

use super::project::{LEAD, OPEN, Project};

#[test]
fn health_tells_a_ready_gateway_from_one_that_is_gone() {
    let project = Project::new(OPEN);
    let mut serving = project.serve(&[]);
    let said = serving.ask(&["health"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (0, "ready\n", "")
    );

    // Busy with its end: alive, and not ready.
    let mut raw = serving.raw();
    raw.send(
        "POST /crm/v8/functions/open_house/actions/execute HTTP/1.1\r\nHost: a\r\n\
         Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    raw.read_continue();
    serving.signal("TERM");
    serving.logged("stopping");
    let said = super::project::eventually("that it is not ready", || {
        let said = serving.ask(&["health"]);
        (said.code != 0).then_some(said)
    });
    assert_eq!(
        (said.code, said.out.as_str()),
        (1, "not ready (status 503)\n")
    );
    raw.send("{}");
    assert_eq!(raw.answer().status, 200);
    serving.wait();

    let said = serving.ask(&["health"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    assert!(said.err.contains("cannot reach the gateway"), "{said:?}");
}

#[test]
fn the_urls_that_are_printed_work() {
    let project = Project::new(LEAD);
    project.write("specs/open.yaml", OPEN);
    let serving = project.serve(&[]);
    let made = project.run(&["keys", "create", "--environment", "production"]);
    assert_eq!(made.code, 0, "{made:?}");
    let said = project.run(&["urls", "--format", "json", "--public-url", &serving.base]);
    let urls = said.json();
    let post = |url: &str| {
        let path = url.strip_prefix(&serving.base).unwrap();
        serving.raw().request("POST", path, &[], b"")
    };
    for entry in urls.as_array().unwrap() {
        for (name, environment) in [("sandbox_url", "sandbox"), ("production_url", "production")] {
            let url = entry[name].as_str().unwrap();
            // A new key comes in within a second.
            let answer = super::project::eventually(url, || {
                let answer = post(url);
                (answer.status == 200).then_some(answer)
            });
            if entry["function"] == "lead" {
                assert_eq!(answer.json()["environment"], environment);
            }
        }
    }
    let own = urls[0]["own_sandbox_url"].as_str().unwrap();
    assert!(own.contains("/hooks/lead"), "{own}");
    assert_eq!(post(own).status, 200);
    assert_eq!(urls.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_folder_without_functions_is_told_with_what_to_do() {
    let project = Project::empty();
    std::fs::remove_dir(project.path("specs")).unwrap();
    for (command, naming) in [
        ("check", "hookweir check DIR"),
        ("test", "hookweir test DIR"),
        ("urls", "--specs DIR"),
        ("serve", "--specs DIR"),
    ] {
        let said = project.run(&[command]);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{command}");
        assert_eq!(
            said.err,
            format!(
                "error: cannot read the functions in `specs`: No such file or directory (os error 2)\n  \
                 help: `{naming}` names another folder, `-C DIR` another project\n"
            )
        );
    }
}

#[test]
fn urls_are_those_of_the_listener_that_the_environment_names() {
    let project = Project::new(OPEN);
    let mut command = project.command(&["urls", "--format", "json"]);
    let output = command
        .env("HOOKWEIR_LISTEN", "0.0.0.0:9000")
        .output()
        .unwrap();
    let urls: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        urls[0]["sandbox_url"],
        "http://127.0.0.1:9000/crm/v8/functions/open_house/actions/execute"
    );
}

/// All commands, as each one's own help lists them.
fn commands(project: &Project, above: &[&str]) -> Vec<Vec<String>> {
    let mut words = above.to_vec();
    words.push("--help");
    let help = project.run(&words);
    assert_eq!((help.code, help.err.as_str()), (0, ""), "{words:?}");
    let list = help
        .out
        .split_once("\nCommands:\n")
        .map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
    let mut found = vec![above.iter().map(|&word| word.to_owned()).collect()];
    for name in list
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|name| *name != "help")
    {
        let mut below = above.to_vec();
        below.push(name);
        found.extend(commands(project, &below));
    }
    found
}

#[test]
fn every_command_has_a_help_with_examples() {
    let project = Project::empty();
    let all = commands(&project, &[]);
    let names: BTreeSet<String> = all.iter().map(|words| words.join(" ")).collect();
    for name in [
        "serve",
        "check",
        "test",
        "eval",
        "explain",
        "schema",
        "reload",
        "urls",
        "keys",
        "keys create",
        "keys list",
        "keys show",
        "keys rotate",
        "keys revoke",
        "keys import",
        "health",
        "completions",
        "man",
    ] {
        assert!(names.contains(name), "no `{name}` in {names:?}");
    }
    let mut bare = Vec::new();
    for words in &all {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--help");
        let help = project.run(&words).out;
        if !help.contains("\nExample") {
            bare.push(words.join(" "));
        }
        assert!(help.contains("Usage: hookweir"), "{help}");
        let short = words
            .iter()
            .map(|&word| if word == "--help" { "-h" } else { word });
        assert_eq!(project.run(&short.collect::<Vec<_>>()).code, 0);
    }
    assert!(bare.is_empty(), "without examples: {bare:?}");
}

#[test]
fn completions_are_scripts_that_shells_take() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish"] {
        let said = project.run(&["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        for word in ["serve", "reload", "dry-run"] {
            assert!(said.out.contains(word), "{shell}: {word}");
        }
    }
    let script = project.run(&["completions", "bash"]).out;
    project.write("completions.bash", &script);
    let mut bash = Command::new("bash");
    project.prepare(&mut bash);
    let ask = "source ./completions.bash; COMP_WORDS=(hookweir re); COMP_CWORD=1; \
               _hookweir hookweir re hookweir; echo \"${COMPREPLY[@]}\"";
    let output = bash.args(["--norc", "-c", ask]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "reload\n",
        "{:?}",
        output.stderr
    );
    assert_eq!(project.run(&["completions", "tcl"]).code, 2);
}

#[test]
fn the_manual_is_a_page() {
    let project = Project::empty();
    let page = project.run(&["man"]);
    assert_eq!((page.code, page.err.as_str()), (0, ""));
    assert!(page.out.contains(".TH hookweir 1"), "{}", page.out);
    assert!(page.out.contains("serve"), "{}", page.out);
}

#[test]
fn the_version_is_the_packages() {
    let said = Project::empty().run(&["--version"]);
    let expected = format!("hookweir {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said.code, said.out), (0, expected));
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let project = Project::new(LEAD);
    for line in [
        "\"$0\" schema | head -c 1 >first",
        "\"$0\" man | head -c 1 >first",
        "\"$0\" completions zsh | head -c 1 >first",
    ] {
        let mut bash = Command::new("bash");
        project.prepare(&mut bash);
        let line = format!("set -o pipefail; {line}");
        let output = bash
            .args(["-c", &line, env!("CARGO_BIN_EXE_hookweir")])
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), err.as_str()),
            (Some(0), ""),
            "{line}"
        );
    }
}
