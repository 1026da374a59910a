//! `hookweir urls`: what is printed can be given to a third party.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics is a test that fails"
)]

use std::fs;
use std::io::Cursor;

use clap::Parser;
use hookweir::auth::{Environment, KeyRecord, KeyTerms, Owner, Scope, ZapiKey};
use hookweir::cli::console::Console;
use hookweir::cli::urls;
use hookweir::clock::{Clock as _, ManualClock};
use hookweir::store::{self, Location};
use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(Debug, Parser)]
#[command(name = "hookweir urls")]
struct Cli {
    #[command(flatten)]
    args: urls::Args,
}

const SPECS: &str = "\
gateway: test
public_url: https://hooks.example.com/
---
function: lead
accept: { methods: [POST], path: '/hooks/lead/{form}' }
auth: { zapikey: required }
respond: { output: done }
---
function: open_house
auth: none
respond: { output: done }
";

struct Project {
    folder: TempDir,
    clock: ManualClock,
}

/// Exit code, standard output, standard error.
type Said = (u8, String, String);

impl Project {
    fn new(specs: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("specs")).unwrap();
        fs::write(folder.path().join("specs/all.yaml"), specs).unwrap();
        let clock = ManualClock::new("2026-11-01T10:00:00Z".parse().unwrap());
        Self { folder, clock }
    }

    fn run(&self, args: &[&str]) -> Said {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (specs, data) = (path("specs"), path("data"));
        let words = ["urls", "--specs", &specs, "--data-dir", &data];
        let cli = Cli::try_parse_from(words.iter().chain(args)).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console {
            input: &mut Cursor::new(""),
            input_is_terminal: true,
            out: &mut out,
            err: &mut err,
            clock: &self.clock,
        };
        let code = urls::run(&cli.args, &mut console).code();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&path(""), "");
        (code, text(out), text(err))
    }

    fn add_key(&self, environment: Environment, scope: Scope) -> (KeyRecord, ZapiKey) {
        let location = Location {
            data_dir: self.folder.path().join("data"),
            master_key: None,
            place: None,
        };
        let key = ZapiKey::generate().unwrap();
        let terms = KeyTerms {
            label: String::new(),
            owner: Owner::default(),
            environment,
            scope,
            expires: None,
        };
        let record = KeyRecord::issue(&key, terms, self.clock.now()).unwrap();
        let store = store::open_or_create(&location).unwrap();
        store.add_key(&record, &key).unwrap();
        (record, key)
    }
}

#[test]
fn without_keys_a_url_says_where_one_belongs() {
    let project = Project::new(SPECS);
    let base = "https://hooks.example.com";
    let out = format!(
        "\
lead (POST)
  sandbox     {base}/crm/v8/functions/lead/actions/execute?auth_type=apikey&zapikey=<sandbox key>
              {base}/hooks/lead/{{form}}?auth_type=apikey&zapikey=<sandbox key>
  production  {base}/crm/v8/functions/lead/actions/execute?auth_type=apikey&zapikey=<production key>
              {base}/hooks/lead/{{form}}?auth_type=apikey&zapikey=<production key>

open_house (GET, POST)
  sandbox     {base}/crm/v8/functions/open_house/actions/execute
  production  {base}/crm/v8/functions/open_house/actions/execute
"
    );
    let err = "\
note: `hookweir keys create --environment sandbox` makes the key that is missing
note: `hookweir keys create --environment production` makes the key that is missing
";
    assert_eq!(project.run(&[]), (0, out, err.to_owned()));
    assert!(!project.folder.path().join("data").exists());
}

#[test]
fn a_url_is_whole_with_the_key_that_opens_its_function() {
    let project = Project::new(SPECS);
    project.add_key(Environment::Sandbox, Scope::All);
    let only = Scope::Functions(vec!["lead".to_owned()]);
    let (sandbox, sandbox_key) = project.add_key(Environment::Sandbox, only);
    let other = Scope::Functions(vec!["other".to_owned()]);
    project.add_key(Environment::Production, other);

    let (code, out, err) = project.run(&["--format", "json", "--public-url", "http://h:1/"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let zoho = "/crm/v8/functions/lead/actions/execute";
    let text = sandbox_key.expose();
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        json!([
            {
                "function": "lead",
                "methods": ["POST"],
                "path": zoho,
                "own_path": "/hooks/lead/{form}",
                "sandbox_url": format!("http://h:1{zoho}?auth_type=apikey&zapikey={text}"),
                "production_url": format!("http://h:1{zoho}?auth_type=apikey"),
                "own_sandbox_url":
                    format!("http://h:1/hooks/lead/{{form}}?auth_type=apikey&zapikey={text}"),
                "own_production_url": "http://h:1/hooks/lead/{form}?auth_type=apikey",
                "sandbox_key": sandbox.id,
                "production_key": null,
            },
            {
                "function": "open_house",
                "methods": ["GET", "POST"],
                "path": "/crm/v8/functions/open_house/actions/execute",
                "own_path": null,
                "sandbox_url": "http://h:1/crm/v8/functions/open_house/actions/execute",
                "production_url": "http://h:1/crm/v8/functions/open_house/actions/execute",
                "own_sandbox_url": null,
                "own_production_url": null,
                "sandbox_key": null,
                "production_key": null,
            }
        ])
    );
    let (_, out, err) = project.run(&["lead"]);
    assert!(out.contains(text) && !out.contains("open_house"), "{out}");
    assert!(err.contains("--mask-keys"), "{err}");
    for args in [&["--mask-keys"][..], &["--mask-keys", "--format", "json"]] {
        let (_, out, err) = project.run(args);
        assert!(out.contains(&format!("zapikey={}…", sandbox.hint)), "{out}");
        assert!(!out.contains(text.get(9..30).unwrap()) && !err.contains("--mask-keys"));
    }
}

#[test]
fn what_cannot_be_printed_is_told_in_words() {
    let told = |specs: &str, args: &[&str]| {
        let (code, out, err) = Project::new(specs).run(args);
        assert_eq!(out, "");
        (code, err)
    };
    let error = |code: u8, text: &str| (code, text.to_owned());
    assert_eq!(
        told(SPECS, &["leed"]),
        error(
            3,
            "error: there is no function `leed` in `specs`\n  help: `hookweir urls` shows all\n"
        )
    );
    assert_eq!(
        told("function: lead\nrespond: { output: x }\n", &[]),
        error(
            1,
            "error: `specs` has an error\n  help: `hookweir check` shows where\n"
        )
    );
    let socket = "gateway: test\nlisten: { address: 'unix:/run/h.sock' }\n---\nfunction: lead\n\
                  auth: none\nrespond: { output: x }\n";
    let (code, err) = told(socket, &[]);
    assert_eq!(code, 2);
    assert!(err.contains("`--public-url`"), "{err}");
}
