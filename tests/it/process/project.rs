//! A project in a folder of its own, and the binary run in it.
//!
//! Standard output and standard error go to files, so that a test can look at what has been
//! printed so far without waiting for more. A gateway that a test does not stop is killed, by its
//! process id, when the value is dropped.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use hookweir::clock::Stopwatch;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::destination::Destination;
use crate::harness::{Answer, Raw};

/// The longest that anything is waited for. Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers without a key.
pub(super) const OPEN: &str = "\
function: open_house
auth: none
respond: { status_code: 200, body: { version: one } }
";

/// Answers who called, with which key.
pub(super) const LEAD: &str = "\
function: lead
accept: { methods: [GET, POST], path: /hooks/lead }
auth: { zapikey: required }
respond: { status_code: 200, body: { owner: '${user_info.email}', environment: '${event.environment}' } }
";

/// A project: `specs` and `data` in a folder of its own.
#[derive(Debug)]
pub(super) struct Project {
    folder: TempDir,
    /// For every process.
    variables: Vec<(&'static str, String)>,
}

/// How a command ended and what it printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// The output as JSON, of a command that must have worked.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Project {
    /// A project without functions.
    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("specs")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        let variables = Vec::new();
        Self { folder, variables }
    }

    /// The same with a variable for every process.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The same with its store in PostgreSQL.
    pub(super) fn stored_at(self, url: &str) -> Self {
        let digits = "5a".repeat(32);
        self.with("HOOKWEIR_STORE", url)
            .with("HOOKWEIR_MASTER_KEY", &digits)
    }

    /// A project with one file of functions.
    pub(super) fn new(specs: &str) -> Self {
        let project = Self::empty();
        project.write("specs/all.yaml", specs);
        project
    }

    /// One whose function `orders`, at `/orders`, delivers the body's `id` to a destination, so many
    /// at once. `more` is added to the function.
    pub(super) fn delivering(destination: &Destination, concurrency: usize, more: &str) -> Self {
        Self::new(&format!(
            "\
function: orders
accept: {{ path: /orders }}
auth: none
deliver:
  - name: lead
    connection: crm
    request: {{ path: /leads, json: {{ id: '${{body.id}}' }} }}
respond: {{ body: taken }}
{more}
---
connection: crm
base_url: http://{}
allow: [127.0.0.0/8]
limits: {{ concurrency: {concurrency} }}
",
            destination.address
        ))
    }

    /// A path in the project's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; folders are made.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts a file in the place of another at once, as editors do.
    pub(super) fn replace(&self, name: &str, text: &str) {
        let draft = self.path(&format!("{name}~"));
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.path(name)).unwrap();
    }

    /// The binary, to be run in the project's folder with an empty home and none of the caller's
    /// settings.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookweir"));
        self.prepare(&mut command);
        command.args(args);
        command
    }

    /// Runs any program in the project's folder, so that it does not see the caller's settings.
    pub(super) fn prepare(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(super) fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `git` in the project's folder, as somebody with a name.
    #[track_caller]
    pub(super) fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        self.prepare(&mut git);
        let output = git
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts the gateway on free ports and waits until it is ready.
    #[track_caller]
    pub(super) fn serve(&self, args: &[&str]) -> Serving<'_> {
        self.serve_as(args, |_| {})
    }

    /// As [`serve`](Self::serve), with changes to the process.
    #[track_caller]
    pub(super) fn serve_as(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Serving<'_> {
        let mut words = vec!["serve"];
        if !args.contains(&"--listen") {
            words.extend(["--listen", "127.0.0.1:0"]);
        }
        words.extend(["--admin-listen", "127.0.0.1:0"]);
        words.extend(args);
        let mut command = self.command(&words);
        change(&mut command);
        self.start(command)
    }

    /// Starts a gateway by a command, and waits until it is ready.
    #[track_caller]
    pub(super) fn start(&self, mut command: Command) -> Serving<'_> {
        let (out, err) = (self.path("out.txt"), self.path("err.txt"));
        let child = command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let mut serving = Serving {
            project: self,
            child,
            out,
            err,
            base: String::new(),
            ingress: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        serving.wait_for_banner();
        serving
    }
}

/// A running gateway.
#[derive(Debug)]
pub(super) struct Serving<'p> {
    project: &'p Project,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    /// As the banner gives it.
    pub(super) base: String,
    pub(super) ingress: SocketAddr,
    pub(super) admin: SocketAddr,
}

impl Serving<'_> {
    #[track_caller]
    fn wait_for_banner(&mut self) {
        let address = |text: &str, name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(name))?;
            Some(line.trim().to_owned())
        };
        let (base, admin) = eventually("the banner", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}: {}{}", self.out(), self.err());
            }
            let out = self.out();
            // What comes after the addresses ends the banner's first paragraph.
            let (head, _) = out.split_once("\n\n")?;
            Some((address(head, "webhooks")?, address(head, "admin")?))
        });
        let socket = |url: &str| url.strip_prefix("http://").unwrap_or(url).parse().unwrap();
        let (base, ingress) = match base.split_once(" (listens on ") {
            Some((base, rest)) => (base, rest.strip_suffix(')').unwrap()),
            None => (&*base, &*base),
        };
        if !ingress.starts_with("unix:") {
            self.ingress = socket(ingress);
        }
        base.clone_into(&mut self.base);
        self.admin = socket(&admin);
        // It answers only after all of the banner has been printed.
        assert_eq!(self.admin_without_token("/healthz").status, 200);
    }

    /// What it printed to standard output so far.
    pub(super) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// What it logged so far.
    pub(super) fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// The log's lines so far that are JSON and whole.
    pub(super) fn log(&self) -> Vec<Value> {
        let text = self.err();
        let lines = text.split_inclusive('\n');
        lines
            .filter(|line| line.ends_with('\n'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The first line of the log that holds this text.
    #[track_caller]
    pub(super) fn logged(&self, text: &str) -> Value {
        eventually(&format!("`{text}` in the log"), || {
            self.log()
                .into_iter()
                .find(|line| line.to_string().contains(text))
        })
    }

    /// The key of the first start, as the banner's URLs have it.
    #[track_caller]
    pub(super) fn first_key(&self) -> String {
        let out = self.out();
        let key = zapikey(&out).unwrap_or_else(|| panic!("no key in {out}"));
        key.to_owned()
    }

    /// A connection to the ingress.
    pub(super) fn raw(&self) -> Raw<TcpStream> {
        Raw::connect(self.ingress)
    }

    /// `POST` without a body to a function's Zoho address, with parameters.
    pub(super) fn call(&self, function: &str, query: &str) -> Answer {
        let path = format!("/crm/v8/functions/{function}/actions/execute{query}");
        self.raw().request("POST", &path, &[], b"")
    }

    /// `POST` with this key.
    pub(super) fn call_with(&self, function: &str, key: &str) -> Answer {
        self.call(function, &format!("?auth_type=apikey&zapikey={key}"))
    }

    /// What the function `open_house` says of its version.
    pub(super) fn version(&self) -> String {
        let answer = self.call("open_house", "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["version"].as_str().unwrap().to_owned()
    }

    /// Waits until `open_house` says this version.
    #[track_caller]
    pub(super) fn wait_for_version(&self, version: &str) {
        eventually(&format!("version {version}; {}", self.err()), || {
            (self.version() == version).then_some(())
        });
    }

    /// `GET` at the admin listener.
    pub(super) fn admin_without_token(&self, path: &str) -> Answer {
        Raw::connect(self.admin).request("GET", path, &[], b"")
    }

    /// Any request at the admin listener, with the token of the data directory.
    pub(super) fn admin_request(&self, method: &str, path: &str) -> Answer {
        let token = fs::read_to_string(self.project.path("data/admin.token")).unwrap();
        let bearer = format!("Bearer {}", token.trim());
        let headers = [("Authorization", bearer.as_str())];
        Raw::connect(self.admin).request(method, path, &headers, b"")
    }

    /// `GET /admin/v1/generation`.
    pub(super) fn generation(&self) -> Value {
        self.admin_request("GET", "/admin/v1/generation").json()
    }

    /// The value of a metric without labels.
    pub(super) fn metric(&self, name: &str) -> String {
        let page = self.admin_without_token("/metrics");
        let mut lines = page.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    /// Runs a command that talks to this gateway.
    #[track_caller]
    pub(super) fn ask(&self, args: &[&str]) -> Said {
        let url = format!("http://{}", self.admin);
        let mut words = args.to_vec();
        words.extend(["--admin", &url]);
        self.project.run(&words)
    }

    /// Sends it a signal, such as `HUP`.
    pub(super) fn signal(&self, name: &str) {
        send_signal(self.child.id(), name);
    }

    /// Waits for its end.
    #[track_caller]
    pub(super) fn wait(&mut self) -> ExitStatus {
        eventually(&format!("its end; {}", self.err()), || {
            self.child.try_wait().unwrap()
        })
    }

    /// Tells it to end, and waits for that.
    #[track_caller]
    pub(super) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.err());
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first key that stands in a text as a URL's parameter.
pub(super) fn zapikey(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("zapikey=")?;
    let end = rest
        .find(|letter: char| !letter.is_ascii_hexdigit() && letter != '.')
        .unwrap_or(rest.len());
    rest.get(..end)
}

fn send_signal(process: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$0" "$1""#, name, &process.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Looks again and again until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(watch.elapsed() < PATIENCE, "waited in vain for {what}");
        // Leaves the core to whom is waited for.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
