//! What the documents show is what happens: every command is run, every YAML block is checked.
//!
//! The `console` blocks of a page are one session, run in order in a copy of the project. A line
//! that begins with `$ ` is a command for bash, what follows is its output: `…` stands for any
//! text within a line, a line that is only `…` for any lines. A `yaml` block is a whole document
//! without mistakes, whose tests pass. `cargo run --release --` and
//! `hookweir` are the binary under test. A `serve` command goes on in the background until the
//! page ends, or until the next one starts; its ports are free ones, written 8080 and 8081 on the
//! page, and `KEY` is the key that it printed. Its log
//! (standard error) is not compared.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A fenced block: its language, the line it begins at, its text.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.trim().to_owned(),
                    line: number + 2,
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (number, line) in block.text.lines().enumerate() {
        if goes_on {
            let step = steps.last_mut().unwrap();
            step.command.push('\n');
            step.command.push_str(line);
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: block.line + number,
                command: command.to_owned(),
                expected: Vec::new(),
            });
        } else {
            steps
                .last_mut()
                .unwrap_or_else(|| panic!("line {}: output without a command", block.line))
                .expected
                .push(line.to_owned());
            continue;
        }
        goes_on = line.ends_with('\\');
    }
    steps
}

/// A page's session: a copy of the project, and the servers that were started in it.
struct Session {
    folder: tempfile::TempDir,
    bin: PathBuf,
    ports: Vec<(String, String)>,
    key: Option<String>,
    servers: Vec<Child>,
    /// `export` lines: a page's commands run in shells of their own.
    exports: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Session {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["specs", "examples"] {
            copy(&root().join(part), &folder.path().join(part));
        }
        let bin = PathBuf::from(env!("CARGO_BIN_EXE_hookweir"));
        Self {
            folder,
            bin,
            ports: Vec::new(),
            key: None,
            servers: Vec::new(),
            exports: String::new(),
        }
    }

    /// Stops the server and forgets its ports.
    fn stop(&mut self) {
        for mut server in self.servers.drain(..) {
            let _ = server.kill();
            let _ = server.wait();
        }
        self.ports.clear();
    }

    fn command(&self, text: &str) -> Command {
        let text = text.replace("cargo run --release -- ", "hookweir ");
        let mut text = format!("{}{text}", self.exports);
        for (shown, real) in &self.ports {
            text = text.replace(shown, real);
        }
        let path = format!(
            "{}:{}",
            self.bin.parent().unwrap().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", &text])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("NO_COLOR", "1")
            .env("HOOKWEIR_LISTEN", "127.0.0.1:0")
            .env("HOOKWEIR_ADMIN_LISTEN", "127.0.0.1:0")
            .envs(self.key.as_ref().map(|key| ("KEY", key)))
            .envs(
                self.ports
                    .iter()
                    .find(|(shown, _)| shown.ends_with(":8081"))
                    .map(|(_, real)| ("HOOKWEIR_ADMIN", format!("http://{real}"))),
            )
            .stdin(Stdio::null());
        command
    }

    fn run(&mut self, page: &str, step: &Step) {
        let place = format!("{page}:{}: $ {}", step.line, step.command);
        if is_server(&step.command) {
            return self.serve(&place, step);
        }
        if step.command.starts_with("export ") {
            self.exports += &format!("{}\n", step.command);
        }
        // One stream, so that the lines stand in the order of a terminal.
        let text = format!("exec 2>&1\n{}", step.command);
        let output = self.command(&text).output().unwrap();
        let mut seen = String::from_utf8_lossy(&output.stdout).into_owned();
        for (shown, real) in &self.ports {
            seen = seen.replace(real, shown);
        }
        let seen: Vec<&str> = seen.lines().collect();
        assert!(
            matches(&step.expected, &seen),
            "{place}\n--- the page says\n{}\n--- seen\n{}",
            step.expected.join("\n"),
            seen.join("\n")
        );
    }

    /// Checks a document and runs its tests. One whose first line is a comment that names a file
    /// is that file from then on.
    fn take(&self, page: &str, block: &Block) {
        let first = block.text.lines().next().unwrap_or_default();
        let named = first.strip_prefix("# ").filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|ending| ending == "yaml")
        });
        let name = named.unwrap_or("block.yaml");
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, &block.text).unwrap();
        for command in ["check --assume-secrets", "test --allow-none"] {
            let output = self
                .command(&format!("hookweir {command} {name}"))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{page}:{}: this YAML is not what it says\n{said}",
                block.line
            );
        }
    }

    /// Starts a server and reads until it has printed what the page says.
    fn serve(&mut self, place: &str, step: &Step) {
        self.stop();
        let text = format!(
            "exec {} 2>serve.log",
            step.command.replace("cargo run --release -- ", "hookweir ")
        );
        let mut server = self.command(&text).stdout(Stdio::piped()).spawn().unwrap();
        let lines = follow(server.stdout.take().unwrap());
        self.servers.push(server);
        let mut seen: Vec<String> = Vec::new();
        loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                let log = fs::read_to_string(self.folder.path().join("serve.log"));
                panic!(
                    "{place}\n--- the page says\n{}\n--- seen\n{}\n--- its log\n{}",
                    step.expected.join("\n"),
                    seen.join("\n"),
                    log.unwrap_or_default()
                );
            };
            self.learn(&line);
            let mut shown = line;
            for (on_page, real) in &self.ports {
                shown = shown.replace(real, on_page);
            }
            seen.push(shown);
            let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
            if matches(&step.expected, &seen) {
                return;
            }
        }
    }

    /// Takes ports and key out of what a server printed.
    fn learn(&mut self, line: &str) {
        let addresses = line.split("127.0.0.1:").skip(1).map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        });
        for port in addresses {
            let real = format!("127.0.0.1:{port}");
            if self.ports.iter().all(|(_, known)| *known != real) {
                let shown = format!("127.0.0.1:{}", 8080 + self.ports.len());
                self.ports.push((shown, real));
            }
        }
        if let Some(at) = line.find("1003.")
            && let Some(key) = line.get(at..at + 70)
            && key
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'.')
        {
            self.key = Some(key.to_owned());
        }
    }
}

fn is_server(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    words.contains(&"serve") && !words.contains(&"--help")
}

fn follow(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                // Nobody compares any more; the server must still be able to write.
            }
        }
    });
    receiver
}

/// Whether lines are as expected, `…` being anything.
fn matches(expected: &[String], seen: &[&str]) -> bool {
    match expected.split_first() {
        None => seen.iter().all(|line| line.trim().is_empty()),
        Some((any, rest)) if any.trim() == "…" => {
            (0..=seen.len()).any(|skip| matches(rest, &seen[skip..]))
        }
        Some((line, rest)) => seen.split_first().is_some_and(|(first, more)| {
            line_matches(line.trim_end(), first.trim_end()) && matches(rest, more)
        }),
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|left| {
            rest.is_empty()
                || left
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([left.len()])
                    .any(|at| line_matches(rest, &left[at..]))
        }),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn check(name: &str) {
    let page = fs::read_to_string(root().join(name)).unwrap();
    let mut session = Session::start();
    let mut commands = 0;
    for block in blocks(&page) {
        match block.language.as_str() {
            "console" => {
                for step in steps(&block) {
                    session.run(name, &step);
                    commands += 1;
                }
            }
            "yaml" => session.take(name, &block),
            _ => {}
        }
    }
    assert!(commands > 0, "{name} shows no command");
}

#[test]
fn the_readme_shows_what_happens() {
    check("README.md");
}

#[test]
fn the_language_reference_shows_what_happens() {
    check("grammar/README.md");
}

#[test]
fn the_examples_show_what_happens() {
    check("examples/web-forms/README.md");
    check("examples/chat-commands/README.md");
    check("examples/providers/README.md");
    check("examples/deliveries/README.md");
}

#[test]
fn the_wildcards_of_a_page_match_what_they_should() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n…\nc"), &["a", "b", "b", "c"]));
    assert!(matches(&lines("a … c"), &["a b c"]));
    assert!(!matches(&lines("a … c"), &["a b d"]));
    assert!(!matches(&lines("a"), &["a", "b"]));
    assert!(!matches(&lines("a\nb"), &["a"]));
}
