//! `hookweir eval`: expressions tried by hand.

use std::path::{Path, PathBuf};

use hookweir::gateway::capture::Capture;
use jiff::Timestamp;

use super::project::Project;

/// Runs `eval` and gives its exit code, with standard output and standard error together.
fn eval(project: &Project, args: &[&str]) -> (i32, String) {
    let mut words = vec!["eval"];
    words.extend(args);
    let said = project.run(&words);
    (said.code, said.out + &said.err)
}

#[test]
fn an_expression_may_begin_with_a_minus() {
    let project = Project::empty();
    project.write("b.json", "{\"n\": 7}");
    for (args, expected) in [
        (&["-7 / 2"][..], "-3\n"),
        (&["-7"], "-7\n"),
        (&["--type", "-7.5"], "double\n-7.5\n"),
        (&["-body.n", "--body", "b.json"], "-7\n"),
        (&["--body", "b.json", "-body.n", "--type"], "dyn\n-7\n"),
        (&["--body=b.json", "--", "-body.n"], "-7\n"),
    ] {
        assert_eq!(eval(&project, args), (0, expected.to_owned()), "{args:?}");
    }
}

#[test]
fn a_list_that_is_too_short_is_told_with_its_length() {
    let project = Project::empty();
    assert_eq!(
        eval(&project, &["[1, 2][5]"]),
        (
            1,
            "\
error: index out of range: 5, and the list has 2 items
 --> <expression>:1:8
  |
1 | [1, 2][5]
  |        ^
  |
  = help: `?? value` behind it stands in for what is not there
"
            .to_owned()
        )
    );
    assert_eq!(eval(&project, &["[1, 2][5] ?? 3"]), (0, "3\n".to_owned()));
}

#[test]
fn a_body_that_was_not_given_is_asked_for() {
    let project = Project::empty();
    for expression in ["body.a", "$.body.a"] {
        let (code, said) = eval(&project, &[expression]);
        assert_eq!(code, 1);
        assert!(
            said.contains("= help: `--body FILE` gives a body\n"),
            "{said}"
        );
    }
}

/// A push as `nc -l` wrote it.
const CAPTURED: &str = "\
POST /hooks/push?source=web&zapikey=1003.0.1 HTTP/1.1\r\n\
Host: hooks.example.com\r\n\
User-Agent: GitHub-Hookshot/044aadd\r\n\
Content-Type: application/json\r\n\
Content-Length: 46\r\n\r\n\
{\"ref\": \"main\", \"commits\": [{\"id\": \"c1\"}, {}]}\n";

#[test]
fn a_captured_request_gives_the_names_of_a_function() {
    let project = Project::empty();
    project.write("push.http", CAPTURED);
    for (expression, value) in [
        ("body.commits[0].id", "\"c1\"\n"),
        ("headers['user-agent'].before('/')", "\"GitHub-Hookshot\"\n"),
        ("method + ' ' + query.source", "\"POST web\"\n"),
        ("$.body.commits[*].id", "[\n  \"c1\"\n]\n"),
        ("size(raw_body)", "46\n"),
        ("crmAPIRequest.params", "{\n  \"source\": \"web\"\n}\n"),
        ("event.peer", "null\n"),
    ] {
        let said = eval(&project, &["--request", "push.http", expression]);
        assert_eq!(said, (0, value.to_owned()), "{expression}");
    }
    let (code, said) = eval(&project, &["--request", "push.http", "path.form"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("help: these names come with a function, from its `accept.path`"),
        "{said}"
    );
    let (_, said) = eval(&project, &["headers.host"]);
    assert!(
        said.contains("help: `--request FILE` gives a captured request"),
        "{said}"
    );
}

#[test]
fn a_body_of_its_own_goes_into_the_request() {
    let project = Project::empty();
    project.write("curl.txt", "> POST /a HTTP/1.1\n> Content-Length: 10\n> \n");
    project.write(
        "form.txt",
        "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n",
    );
    project.write("b.json", "{\"n\": 7}");
    project.write("b.form", "a=1&a=2");
    assert_eq!(
        eval(
            &project,
            &["--request", "curl.txt", "--body", "b.json", "body.n"]
        ),
        (
            0,
            "7\nnote: `curl -v` does not print the body: `--body FILE` gives it\n".to_owned()
        )
    );
    assert_eq!(
        eval(
            &project,
            &["--request", "form.txt", "--body", "b.form", "form.all('a')"]
        ),
        (0, "[\n  \"1\",\n  \"2\"\n]\n".to_owned())
    );
}

#[test]
fn a_file_that_holds_no_request_is_told_with_what_would() {
    let project = Project::empty();
    project.write(
        "two.json",
        "[{\"name\": \"a\", \"url\": \"/\"}, {\"url\": \"/\"}]",
    );
    project.write("bad.http", "GET / HTTP/1.1\nhost\n");
    project.write("bad.json", "{\n \"a\" 1}");
    for (args, said) in [
        (
            &["--request", "two.json", "1"][..],
            "error: `two.json`: the file holds 2 requests\n  \
             help: `--pick 1` takes the first, or by name: a, …\n",
        ),
        (
            &["--request", "bad.http", "1"],
            "error: `bad.http`: line 2: `host` is no header line\n  \
             help: a header is `Name: value`; an empty line stands before the body\n",
        ),
        (
            &["--request", "none", "1"],
            "error: cannot read `none`: No such file or directory (os error 2)\n",
        ),
        (
            &["--body", "bad.json", "1"],
            "error: `bad.json`: expected `:` behind the name of a field at line 2, column 6\n",
        ),
    ] {
        assert_eq!(eval(&project, args), (3, said.to_owned()));
    }
    assert_eq!(
        eval(
            &project,
            &["--request", "two.json", "--pick", "a", "method"]
        ),
        (0, "\"GET\"\n".to_owned())
    );
    let (code, said) = eval(&project, &["--body", "-", "--request", "-", "1"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("standard input can be only one thing"),
        "{said}"
    );
}

#[test]
fn requests_of_providers_are_captured_requests() {
    let folder = std::env::var_os("HOOKWEIR_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(folder.join("providers")) else {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    };
    let files = files.map(|file| file.unwrap().path());
    let mut count = 0;
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "json")) {
        let content = std::fs::read(&file).unwrap();
        let cases: serde_json::Value = serde_json::from_slice(&content).unwrap();
        for (index, case) in cases.as_array().unwrap().iter().enumerate() {
            let pick = (index + 1).to_string();
            let capture = Capture::read(&content, Some(&pick), Timestamp::UNIX_EPOCH)
                .unwrap_or_else(|error| panic!("{} {}: {error}", file.display(), case["name"]));
            assert_eq!(
                capture.request.head.method.as_str(),
                case["request"]["method"]
            );
            count += 1;
        }
    }
    assert!(count > 600, "{count}");
}
