//! `hookweir eval`: expressions tried by hand.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hookweir::gateway::capture::Capture;
use jiff::Timestamp;

use super::project::Project;
use super::terminal::Terminal;

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
    let (code, said) = eval(&project, &["--body", "-"]);
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

/// Pipes lines into a session.
fn session(project: &Project, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = project
        .command(&[&["eval"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn piped_lines_are_answered_without_prompts() {
    let project = Project::empty();
    project.write("b.json", "{\"n\": 7}");
    assert_eq!(
        session(
            &project,
            &["--body", "b.json"],
            "body.n\n\n[1,\n2].map(x,\n x * body.n)\n:type body.n\n:q\nnope"
        ),
        (
            0,
            "7\n[\n  7,\n  14\n]\ndyn (here it is int)\n".to_owned(),
            String::new()
        )
    );
    let (code, out, err) = session(&project, &[], "1 +\n(1\n\n'last'");
    assert_eq!((code, out.as_str()), (1, "\"last\"\n"));
    assert_eq!(err.matches("error[E0201]").count(), 2, "{err}");
    assert!(err.contains("this `(` is not closed"), "{err}");
    assert!(!project.path("home/.local").exists());
}

#[test]
fn commands_of_a_session_say_what_they_did() {
    let project = Project::empty();
    project.write("b.json", "{\"n\": 7}");
    project.write("push.http", CAPTURED);
    let (code, out, err) = session(
        &project,
        &[],
        ":names\nbody.n\n:body b.json\nbody.n\n:request push.http\nmethod\n:body nope\nmethod\n:quir\n:help trum\n:type\n",
    );
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "a body of 8 bytes\n7\nPOST /hooks/push, with a body of 46 bytes\n\"POST\"\n\"POST\"\n"
    );
    for part in [
        "error: there is neither a body nor a request\n  help: `:request FILE` takes a captured request\n",
        "= help: `:body FILE` takes a body\n",
        "error: cannot read `nope`: No such file or directory (os error 2)\n",
        "error: there is no command `:quir`\n  help: did you mean `:quit`?\n",
        "error: there is no function `trum`\n  help: did you mean `trim`?\n",
        "error: an expression is missing\n  help: write `:type body.id`\n",
    ] {
        assert!(err.contains(part), "{part}{err}");
    }
    let (code, out, _) = session(
        &project,
        &["--request", "push.http"],
        ":names\n:help\n:help trim\n:help exists\n",
    );
    assert_eq!(code, 0);
    for part in [
        "body           dyn\n",
        "crmAPIRequest  crmAPIRequest\n",
        "  :help [FUNCTION]      this, or what a function does\n",
        "  string.trim() -> string\n",
        "write `list.exists(x, condition)`\n",
    ] {
        assert!(out.contains(part), "{part}{out}");
    }
}

#[test]
fn a_terminal_gets_an_editor() {
    let project = Project::empty();
    project.write("push.http", CAPTURED);
    let mut terminal = Terminal::start(&project, &["eval", "--request", "push.http"]);
    terminal.wait("with a body of 46 bytes; `:help` tells more, Ctrl-D ends");
    terminal.say("body.comm\t[0].i\t\r", "\"c1\"");
    terminal.say("headers.user\t\r", "\"GitHub-Hookshot/044aadd\"");
    // A line that is thrown away, and one that goes on.
    terminal.say("size(nothing\x03", "");
    terminal.say("[20,\r22].sum()\r", "42");
    terminal.say("[1, 2][5]\r", "index out of range: 5");
    // The line before the last one, again.
    terminal.say("\x1b[A\x1b[A\r", "42");
    terminal.say(" 'secret'\r", "\"secret\"");
    assert_eq!(terminal.end("\x04"), 0);

    let history = project.path("home/.local/state/hookweir/eval_history");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert_eq!(
        kept.lines().collect::<Vec<_>>(),
        [
            "#V2",
            "body.commits[0].id",
            "headers[\"user-agent\"]",
            "[20,\\n22].sum()",
            "[1, 2][5]",
            "[20,\\n22].sum()",
        ]
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&history), 0o600);
    assert_eq!(mode(history.parent().unwrap()), 0o700);

    // The next session remembers, in the folder that XDG names.
    let state = project.path("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::rename(history.parent().unwrap(), state.join("hookweir")).unwrap();
    let mut command = project.command(&["eval"]);
    command.env("XDG_STATE_HOME", &state);
    let mut terminal = Terminal::open(command);
    terminal.wait("neither a body nor a request");
    terminal.say("\x1b[A\r", "42");
    assert_eq!(terminal.end(":quit\r"), 0);
}
