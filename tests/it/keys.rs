//! `hookweir keys`, from the command line to the store and back.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

use std::fs;
use std::io::Cursor;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use clap::Parser;
use hookweir::auth::{KeyRefusal, Keyring, ZapiKey};
use hookweir::cli::console::{Console, Exit};
use hookweir::cli::keys;
use hookweir::clock::{Clock as _, ManualClock};
use hookweir::store::{self, KeyWatcher, Location, Pace};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(Debug, Parser)]
#[command(name = "hookweir keys")]
struct Cli {
    #[command(flatten)]
    args: keys::Args,
}

/// A data directory that does not exist yet, and a clock that stands still.
struct Project {
    folder: TempDir,
    clock: ManualClock,
}

/// All that a command said.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: u8,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Project {
    fn new() -> Self {
        let now: Timestamp = "2026-11-01T10:00:00Z".parse().unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(now),
        }
    }

    fn location(&self) -> Location {
        Location {
            data_dir: self.folder.path().join("data"),
            master_key: None,
            place: None,
        }
    }

    fn store(&self) -> Arc<dyn store::Store> {
        store::open(&self.location()).unwrap()
    }

    /// Runs a command; `input` is what is piped in.
    fn run(&self, args: &[&str], input: Option<&str>) -> Said {
        let data_dir = self.folder.path().join("data");
        let words = ["keys"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(["--data-dir", data_dir.to_str().unwrap()]);
        let cli = match Cli::try_parse_from(words) {
            Ok(cli) => cli,
            Err(error) => {
                return Said {
                    code: u8::try_from(error.exit_code()).unwrap(),
                    out: String::new(),
                    err: error.to_string(),
                };
            }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console {
            input: &mut Cursor::new(input.unwrap_or("").to_owned()),
            input_is_terminal: input.is_none(),
            out: &mut out,
            err: &mut err,
            clock: &self.clock,
        };
        let exit: Exit = keys::run(&cli.args, &mut console);
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.folder.path().to_str().unwrap(), "")
        };
        Said {
            code: exit.code(),
            out: text(out),
            err: text(err),
        }
    }

    fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--format", "json"]].concat(), None)
            .json()
    }

    /// Makes a key; gives its id and its text.
    fn create(&self, args: &[&str]) -> (String, String) {
        let made = self.json(&[&["create"], args].concat());
        let field = |name: &str| made[name].as_str().unwrap().to_owned();
        (field("id"), field("zapikey"))
    }

    fn opens(&self, key: &str, function: &str) -> Result<(), KeyRefusal> {
        Keyring::new(self.store().keys().unwrap())
            .authenticate(key, function, self.clock.now())
            .map(|_| ())
    }
}

fn error(code: u8, text: &str) -> Said {
    Said {
        code,
        out: String::new(),
        err: text.to_owned(),
    }
}

#[test]
fn a_key_is_shown_whole_once_and_masked_from_then_on() {
    let project = Project::new();
    let made = project.json(&[
        "create",
        "--function",
        "lead",
        "--function",
        "ns__push",
        "--environment",
        "production",
        "--label",
        "form on the web site",
        "--expires",
        "90d",
        "--owner-id",
        "7",
        "--owner-email",
        "ada@example.com",
        "--owner-name",
        "Ada",
        "--owner-org-id",
        "60001",
    ]);
    let id = made["id"].as_str().unwrap();
    let text = made["zapikey"].as_str().unwrap();
    assert!(ZapiKey::parse(text).is_some());
    let expected = json!({
        "format": "hookweir.key/v1",
        "id": id,
        "masked": format!("{}…", &text[..9]),
        "label": "form on the web site",
        "environment": "production",
        "functions": ["lead", "ns__push"],
        "state": "active",
        "owner": {"id": "7", "email": "ada@example.com", "name": "Ada", "org_id": "60001"},
        "created": "2026-11-01T10:00:00Z",
        "expires": "2027-01-30T10:00:00Z",
        "revoked": null,
        "last_used": null,
        "replaced_by": null,
    });
    assert_eq!(project.json(&["show", id]), expected);
    let listed = project.json(&["list"]);
    let mut in_list = expected.clone();
    in_list.as_object_mut().unwrap().remove("format");
    assert_eq!(
        listed,
        json!({"format": "hookweir.keys/v1", "keys": [in_list]})
    );
    assert_eq!(project.json(&["show", id, "--reveal"])["zapikey"], text);
    assert_eq!(project.opens(text, "lead"), Ok(()));
    assert_eq!(project.opens(text, "other"), Err(KeyRefusal::OutOfScope));
    for args in [&["show", id][..], &["list"], &["revoke", id]] {
        let said = project.run(args, None);
        assert_eq!(said.code, 0);
        assert!(
            said.out.contains(id) && !said.out.contains(&text[10..]),
            "{said:?}"
        );
    }
}

#[test]
fn people_see_a_table_and_a_page() {
    let project = Project::new();
    let (one, one_text) = project.create(&["--label", "é, of the form", "--function", "lead"]);
    project.clock.advance(Duration::from_mins(1));
    let args = [
        "--environment",
        "production",
        "--expires",
        "2027-01-01",
        "--owner-name",
        "Ada",
    ];
    let (two, two_text) = project.create(&args);
    let (one_hint, two_hint) = (&one_text[..9], &two_text[..9]);
    assert_eq!(
        project.run(&["list"], None),
        Said {
            code: 0,
            out: format!(
                "\
ID                              KEY         ENVIRONMENT  STATE   OPENS          EXPIRES            LAST USED  LABEL
{one}  {one_hint}…  sandbox      active  lead           never              never      é, of the form
{two}  {two_hint}…  production   active  all functions  2027-01-01 00:00Z  never
"
            ),
            err: String::new(),
        }
    );
    assert_eq!(
        project.run(&["show", &two], None).out,
        format!(
            "\
id           {two}
key          {two_hint}…
environment  production
opens        all functions
owner        Ada
state        active
created      2026-11-01 10:01Z
expires      2027-01-01 00:00Z
last used    never
"
        )
    );
    let ids = |args: &[&str]| -> Vec<String> {
        let listed = project.json(&[&["list"], args].concat());
        let keys = listed["keys"].as_array().unwrap();
        keys.iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(&["--environment", "sandbox"]),
        std::slice::from_ref(&one)
    );
    assert_eq!(ids(&["--function", "other"]), std::slice::from_ref(&two));
    project.run(&["revoke", &two], None);
    assert_eq!(ids(&["--usable"]), std::slice::from_ref(&one));
    assert_eq!(ids(&[]), [one, two]);
}

#[test]
fn after_a_rotation_both_keys_work_until_the_overlap_is_over() {
    let project = Project::new();
    let (old, old_text) = project.create(&["--label", "crm", "--function", "lead"]);
    let said = project.run(
        &["rotate", &old, "--overlap", "2h", "--format", "json"],
        None,
    );
    let new = said.json();
    let (new_id, new_text) = (
        new["id"].as_str().unwrap(),
        new["zapikey"].as_str().unwrap(),
    );
    assert_eq!(
        (&new["label"], &new["functions"]),
        (&json!("crm"), &json!(["lead"]))
    );
    let shown = project.json(&["show", &old]);
    assert_eq!(shown["state"], "ending");
    assert_eq!(shown["expires"], "2026-11-01T12:00:00Z");
    assert_eq!(shown["replaced_by"], new_id);

    project
        .clock
        .advance(Duration::from_hours(2) - Duration::from_millis(1));
    assert_eq!(project.opens(&old_text, "lead"), Ok(()));
    assert_eq!(project.opens(new_text, "lead"), Ok(()));
    project.clock.advance(Duration::from_millis(1));
    assert_eq!(project.opens(&old_text, "lead"), Err(KeyRefusal::Expired));
    assert_eq!(project.opens(new_text, "lead"), Ok(()));

    assert_eq!(
        project.run(&["rotate", &old], None),
        error(
            3,
            &format!(
                "error: `{old}` cannot be rotated: it was rotated already: `{new_id}` has taken \
                 its place\n  help: `hookweir keys create` makes a key that is independent of it\n"
            )
        )
    );
    let said = project.run(&["rotate", new_id, "--overlap", "0"], None);
    assert_eq!(said.err, format!("`{new_id}` has ended\n"));
    assert_eq!(project.opens(new_text, "lead"), Err(KeyRefusal::Expired));
}

#[test]
fn a_revoked_key_opens_nothing_and_says_so_once() {
    let project = Project::new();
    let (id, text) = project.create(&[]);
    assert_eq!(project.opens(&text, "lead"), Ok(()));
    assert_eq!(
        project.run(&["revoke", &id], None).out,
        format!("revoked `{id}`\n")
    );
    assert_eq!(project.opens(&text, "lead"), Err(KeyRefusal::Revoked));
    assert_eq!(
        project.run(&["revoke", &id], None).out,
        format!("`{id}` was revoked before\n")
    );
}

#[test]
fn a_key_is_found_by_the_beginning_of_its_id_when_that_fits_one() {
    let project = Project::new();
    let (one, text) = project.create(&[]);
    project.clock.advance(Duration::from_hours(1));
    let (two, _) = project.create(&[]);
    let common = one
        .chars()
        .zip(two.chars())
        .take_while(|(a, b)| a == b)
        .count();
    for name in [&one[..=common], &one[4..=common], &text[..9]] {
        assert_eq!(project.json(&["show", name])["id"], one.as_str(), "{name}");
    }
    let said = project.run(&["revoke", &one[..common]], None);
    assert_eq!(said.code, 3);
    assert!(
        said.err
            .starts_with(&format!("error: `{}` fits 2 keys\n", &one[..common]))
    );
    assert!(said.err.contains(&one) && said.err.contains(&two));
    assert_eq!(
        project.run(&["show", "key_zz"], None),
        error(
            3,
            "error: there is no key `key_zz`\n  help: `hookweir keys list` shows all\n"
        )
    );
    assert_eq!(project.run(&["show", ""], None).code, 3);
}

#[test]
fn wrong_use_is_told_without_repeating_a_key() {
    let project = Project::new();
    let (_, text) = project.create(&[]);
    let part = &text[10..40];
    let half = &text[..60];
    let check = |args: &[&str], input: Option<&str>, code: u8, words: &str| {
        let said = project.run(args, input);
        assert_eq!(said.code, code, "{args:?}: {said:?}");
        assert!(said.err.contains(words), "{args:?}: {said:?}");
        assert!(
            !said.err.contains(part) && !said.out.contains(part),
            "{args:?}: {said:?}"
        );
    };
    check(
        &["show", &text],
        None,
        2,
        "that is a key, and its id is wanted",
    );
    check(&["show", half], None, 3, "there is no key `1003.");
    check(&["verify"], None, 2, "nothing is piped in");
    check(&["import", "--stdin"], None, 2, "nothing is piped in");
    check(
        &["import", "--stdin"],
        Some(half),
        1,
        "line 1: this is not a key",
    );
    check(
        &["import", "--stdin"],
        Some(""),
        1,
        "there is no key in the input",
    );
    check(&["import", "/"], None, 3, "cannot read `/`: is a directory");
    check(
        &["import", "/nowhere/keys"],
        None,
        3,
        "cannot read `/nowhere/keys`",
    );
    check(
        &["create", "--expires", "soon"],
        None,
        2,
        "write a period such as `90d`",
    );
    check(
        &["create", "--expires", "2026-11-01T10:00:00Z"],
        None,
        2,
        "is over already",
    );
    check(
        &["create", "--function", "le ad"],
        None,
        2,
        "a function's name has letters",
    );
    check(
        &["create", "--environment", "test"],
        None,
        2,
        "`sandbox` or `production`",
    );
    check(
        &["create", "--label", "a\u{1b}[2J"],
        None,
        2,
        "control characters",
    );
    check(
        &["rotate", "key_", "--overlap", "1"],
        None,
        2,
        "number with its unit",
    );
    check(&["verify", "--stdin"], Some(half), 1, "");
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
    let project = Project::new();
    let words = "error: there is no store in `/data`; `hookweir serve` or `hookweir keys create` \
                 makes one\n";
    assert_eq!(project.run(&["list"], None), error(3, words));
    assert!(!project.location().data_dir.exists());
}

#[test]
fn a_wrong_master_key_is_told_in_words() {
    let project = Project::new();
    project.create(&[]);
    fs::write(
        project.location().data_dir.join("master.key"),
        "0".repeat(64),
    )
    .unwrap();
    assert_eq!(
        project.run(&["list"], None),
        error(
            3,
            "error: the master key in `/data/master.key` is not the one that the store at \
             `/data/hookweir.db` was sealed with\n"
        )
    );
}

const ZOHO: [&str; 3] = [
    "1003.00112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100",
    "1003.10112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100",
    "1001.20112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100",
];

#[test]
fn zohos_keys_are_taken_over_as_they_are() {
    let project = Project::new();
    let [one, two, three] = ZOHO;
    let input = format!("\u{feff}# from Zoho\r\n{one}\r\n\r\n  {two}\r\n{one}\r\n{three}");
    let said = project.run(&["import", "--stdin", "--format", "json"], Some(&input));
    assert_eq!(said.json()["imported"].as_array().unwrap().len(), 3);
    for key in ZOHO {
        assert_eq!(project.opens(key, "any_function"), Ok(()));
    }
    let listed = project.json(&["list"]);
    for key in listed["keys"].as_array().unwrap() {
        assert_eq!(key["functions"], json!(["*"]));
        assert_eq!(key["environment"], "production");
    }
    // Once more changes nothing, not even what was revoked.
    let id = listed["keys"][0]["id"].as_str().unwrap();
    project.run(&["revoke", id], None);
    let said = project.run(&["import", "-"], Some(one));
    assert_eq!(
        said.out,
        format!("imported 0 keys\nleft 1 key that were there\n  {id} (revoked)\n")
    );
    assert_eq!(project.opens(one, "any_function"), Err(KeyRefusal::Revoked));
}

#[test]
fn an_import_in_csv_and_in_json_says_the_same() {
    let [one, two, _] = ZOHO;
    let csv = format!(
        "key,environment,functions,label,owner_id,owner_email,owner_name,owner_org_id,expires\n\
         {one},sandbox,lead push,\"a, b\",7,ada@example.com,Ada,60001,2027-01-01\n\
         {two},,,,,,,,\n"
    );
    let json = json!([
        {
            "key": one, "environment": "sandbox", "functions": ["lead", "push"], "label": "a, b",
            "owner": {"id": "7", "email": "ada@example.com", "name": "Ada", "org_id": "60001"},
            "expires": "2027-01-01"
        },
        {"zapikey": two, "functions": null}
    ])
    .to_string();
    let results = [csv, json].map(|input| {
        let project = Project::new();
        let file = project.folder.path().join("keys");
        fs::write(&file, input).unwrap();
        let args = [
            "import",
            file.to_str().unwrap(),
            "--label",
            "old",
            "--owner-org-id",
            "9",
        ];
        let mut report = project.json(&args);
        for key in report["imported"].as_array_mut().unwrap() {
            key.as_object_mut().unwrap().remove("id");
        }
        assert_eq!(project.opens(one, "push"), Ok(()));
        assert_eq!(project.opens(one, "other"), Err(KeyRefusal::OutOfScope));
        assert_eq!(project.opens(two, "other"), Ok(()));
        report
    });
    assert_eq!(results[0], results[1]);
    let [first, second] = [&results[0]["imported"][0], &results[0]["imported"][1]];
    assert_eq!(
        (&first["label"], &first["owner"]["name"]),
        (&json!("a, b"), &json!("Ada"))
    );
    assert_eq!(first["expires"], "2027-01-01T00:00:00Z");
    assert_eq!(
        (&second["label"], &second["owner"]["org_id"]),
        (&json!("old"), &json!("9"))
    );
}

const NO_KEY: &str = "this is not a key: four digits and twice 32 of `0-9a-f`, joined by `.`";

#[test]
fn a_wrong_import_tells_all_that_is_wrong_and_imports_nothing() {
    let project = Project::new();
    let [one, two, _] = ZOHO;
    let half = &one[..50];
    let check = |input: &str, words: &str| {
        let said = project.run(&["import", "--stdin"], Some(input));
        assert_eq!(said, error(1, words), "{input}");
        assert!(!project.location().data_dir.exists());
    };
    check(
        &format!("{one}\n{half}\n# fine\n{two} {one}\n"),
        &format!(
            "error: nothing was imported: 2 entries are wrong\n  help: line 2: {NO_KEY}\n  help: \
             line 4: {NO_KEY}\n"
        ),
    );
    check(
        &format!("key,environment\n{one},test\n"),
        "error: nothing was imported: one entry is wrong\n  help: line 2: `environment`: an \
         environment is `sandbox` or `production`\n",
    );
    let names = "key, environment, functions, label, owner_id, owner_email, owner_name, \
                 owner_org_id, expires";
    check(
        &format!("{one},production\n"),
        &format!(
            "error: column 1 of the first line has no known name\n  help: the names are: {names}\n"
        ),
    );
    check(
        &format!("key,label\n{one},a,b\n"),
        "error: line 2 is not CSV like the first line\n",
    );
    check(
        &format!("[{{\"key\": \"{one}\", \"{two}\": \"x\"}}, 7, {{}}]"),
        &format!(
            "error: nothing was imported: 3 entries are wrong\n  help: entry 1: it has an unknown \
             field; the names are: {names}\n  help: entry 2: it is neither an object nor a \
             key\n  help: entry 3: there is no key\n"
        ),
    );
    check(
        &format!("[\"{one}\",\n {half}]"),
        "error: the input is not JSON: something is wrong at line 2, column 27\n",
    );
}

#[test]
fn verify_tells_whether_a_key_is_good_by_its_exit_code() {
    let project = Project::new();
    let (id, text) = project.create(&["--function", "lead", "--expires", "1h"]);
    let check = |args: &[&str], key: &str, code: u8, out: &str| {
        let said = project.run(&[&["verify", "--stdin"], args].concat(), Some(key));
        assert_eq!((said.code, said.out.as_str()), (code, out));
    };
    let named = format!(": `{id}` (sandbox, lead)\n");
    let line = format!("{text}\n");
    check(&[], &line, 0, &format!("good{named}"));
    check(&["--function", "lead"], &line, 0, &format!("good{named}"));
    check(
        &["--function", "push"],
        &line,
        1,
        &format!("not good: it does not open this function{named}"),
    );
    check(&[], ZOHO[0], 1, "not good: there is no such key\n");
    check(&[], "\n", 1, "not good: nothing was given\n");
    project.clock.advance(Duration::from_hours(1));
    check(&[], &line, 1, &format!("not good: it has expired{named}"));
    project.run(&["revoke", &id], None);
    check(&[], &line, 1, &format!("not good: it was revoked{named}"));
    let said = project.run(&["verify", "--format", "json"], Some(&text));
    let verdict: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, &verdict["valid"], &verdict["key"]["id"]),
        (1, &json!(false), &json!(id))
    );
}

#[test]
fn no_command_leaves_a_key_on_disk_in_the_clear() {
    let project = Project::new();
    let (id, created) = project.create(&["--label", "canary"]);
    let rotated = project.json(&["rotate", &id]);
    let rotated = rotated["zapikey"].as_str().unwrap().to_owned();
    project.run(&["import", "--stdin"], Some(ZOHO[0]));
    let mut bytes = Vec::new();
    for entry in fs::read_dir(project.location().data_dir).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("canary"));
    for key in [created.as_str(), rotated.as_str(), ZOHO[0]] {
        assert!(!holds(&key[10..26]) && !holds(&key[40..56]));
    }
}

/// Not a test: the process that the next test starts. It makes as many keys as it is told.
#[test]
fn a_process_that_writes() {
    let Ok(folder) = std::env::var("HOOKWEIR_TEST_DATA_DIR") else {
        return;
    };
    let location = Location {
        data_dir: folder.into(),
        master_key: None,
        place: None,
    };
    let project = Project::new();
    for index in 0..10 {
        let store = store::open_or_create(&location).unwrap();
        let key = ZapiKey::generate().unwrap();
        let terms = hookweir::auth::KeyTerms {
            label: index.to_string(),
            owner: hookweir::auth::Owner::default(),
            environment: hookweir::auth::Environment::Sandbox,
            scope: hookweir::auth::Scope::All,
            expires: None,
        };
        let record = hookweir::auth::KeyRecord::issue(&key, terms, project.clock.now()).unwrap();
        store.add_key(&record, &key).unwrap();
    }
}

#[test]
fn several_processes_share_a_store_and_a_gateway_sees_them_all() {
    let project = Project::new();
    let location = project.location();
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "keys::a_process_that_writes"])
                .env("HOOKWEIR_TEST_DATA_DIR", &location.data_dir)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    // Races with the first of them to make the store.
    let (store, first) = store::open_or_init(&location, project.clock.now()).unwrap();
    let (installed, rings) = mpsc::channel();
    let pace = Pace {
        poll: Duration::from_millis(5),
        flush: Duration::from_mins(1),
    };
    let _watcher = KeyWatcher::start(
        Arc::clone(&store),
        Keyring::default(),
        pace,
        move |ring| {
            let _ = installed.send(ring);
        },
        || Ok(()),
    )
    .unwrap();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let expected = 4 * 10 + usize::from(first.is_some());
    loop {
        let ring = rings.recv_timeout(Duration::from_secs(30)).unwrap();
        if ring.records().count() == expected {
            break;
        }
    }
}
