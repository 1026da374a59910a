//! `hookweir check`: everything that is wrong with the functions, before they go live.
//!
//! It is the code path of `serve`'s start and of a reload: what is found here would be found there.
//! Nothing is run, and nothing outside the files is touched but the environment variables that
//! `gateway:` names.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::console::{Console, Exit, Failure, finish};
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::route::{self, Compilation, Outside};
use crate::spec::{self, FILE_LIMIT, Loaded};

/// Report every mistake in the functions, with its place and what to do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir check                                all functions of ./specs
  hookweir check specs/lead.yaml                one file by itself
  cat lead.yaml | hookweir check -              standard input
  hookweir check --deny-warnings --format github
  hookweir check --fallible specs/lead.yaml     and which fields it needs of every request
  hookweir check --format json | jq -r '.diagnostics[] | \"\\(.file):\\(.line): \\(.message)\"'

Exit codes: 0 nothing wrong, 1 errors (or warnings, with --deny-warnings), 2 wrong use,
3 a path could not be read.")]
pub struct Args {
    /// Files and folders; `-` is standard input.
    #[arg(value_name = "PATH", env = "HOOKWEIR_SPECS", default_value = "specs")]
    paths: Vec<PathBuf>,
    /// Warnings count as errors.
    #[arg(long)]
    deny_warnings: bool,
    /// Also warn of what a request may come without where no schema or sample describes it.
    #[arg(long)]
    fallible: bool,
    /// Secrets are not looked up: for where there are none, as on a build server.
    #[arg(long)]
    assume_secrets: bool,
    /// How problems are written.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Excerpts for people.
    Human,
    /// One JSON object.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A report in the XML of `JUnit`.
    Junit,
}

impl Format {
    fn drawn(self) -> diagnostic::Format {
        match self {
            // Whoever made the console takes colours out where they are not wanted.
            Self::Human => diagnostic::Format::Human { colored: true },
            Self::Json => diagnostic::Format::Json,
            Self::Github => diagnostic::Format::Github,
            Self::Sarif => diagnostic::Format::Sarif,
            Self::Junit => diagnostic::Format::Junit,
        }
    }
}

/// What is said of reads that nothing describes and nothing handles.
fn unseen(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 read may find nothing; `check --fallible` shows it".to_owned()),
        count => Some(format!(
            "{count} reads may find nothing; `check --fallible` shows them"
        )),
    }
}

/// Runs `hookweir check`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| args.run(console))
}

impl Args {
    fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let loaded = self.load(console)?;
        let documents = loaded.documents.len();
        let variables = |name: &str| std::env::var(name).ok();
        let Compilation {
            mut diagnostics,
            mut unhandled,
            sources,
            ..
        } = route::compile_with(
            loaded,
            Outside {
                assume_secrets: self.assume_secrets,
                ..Outside::variables(&variables)
            },
        );
        if self.fallible {
            diagnostics.append(&mut unhandled);
        }
        let diagnostics = diagnostic::arrange(diagnostics);
        let drawn = diagnostic::render(&diagnostics, &sources, self.format.drawn());
        let count = Count::of(&diagnostics);
        console.out.write_all(drawn.as_bytes())?;
        if self.format == Format::Human {
            let gap = if drawn.is_empty() { "" } else { "\n" };
            let words = count.words(documents, sources.iter().count());
            writeln!(console.out, "{gap}{words}")?;
            // Errors first: what else there is can wait.
            if count.errors == 0
                && let Some(words) = unseen(unhandled.len())
            {
                writeln!(console.out, "{words}")?;
            }
        }
        let is_denied = self.deny_warnings && count.warnings > 0;
        Ok(if count.errors > 0 || is_denied {
            Exit::Problems
        } else {
            Exit::Done
        })
    }

    fn load(&self, console: &mut Console<'_>) -> Result<Loaded, Failure> {
        if self.paths.iter().any(|path| path == Path::new("-")) {
            if self.paths.len() > 1 {
                return Err(Failure::usage(
                    "standard input (`-`) is checked by itself: name no other path",
                ));
            }
            if console.input_is_terminal {
                return Err(Failure::usage("nothing is piped in"));
            }
            let mut bytes = Vec::new();
            console.input.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
            return Ok(spec::load_bytes("<stdin>", bytes));
        }
        for path in &self.paths {
            std::fs::metadata(path)
                .map_err(|error| super::no_functions(path, &error, "hookweir check DIR"))?;
        }
        Ok(spec::load_files(&self.paths)?)
    }
}

struct Count {
    errors: usize,
    warnings: usize,
}

impl Count {
    fn of(diagnostics: &[Diagnostic]) -> Self {
        let of = |severity| {
            diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == severity)
                .count()
        };
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
        }
    }

    /// `2 errors, 1 warning in 7 files`, or what was looked at.
    fn words(&self, documents: usize, files: usize) -> String {
        let plural = |count: usize, word: &str| {
            let ending = if count == 1 { "" } else { "s" };
            format!("{count} {word}{ending}")
        };
        let files = plural(files, "file");
        match (self.errors, self.warnings) {
            (0, 0) => format!(
                "{} in {files}: nothing wrong",
                plural(documents, "document")
            ),
            (errors, 0) => format!("{} in {files}", plural(errors, "error")),
            (0, warnings) => format!("{} in {files}", plural(warnings, "warning")),
            (errors, warnings) => format!(
                "{}, {} in {files}",
                plural(errors, "error"),
                plural(warnings, "warning")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Format, run};
    use crate::cli::console::{Console, Exit};
    use crate::clock::SystemClock;
    use std::path::PathBuf;

    const WRONG: &str = "function: f\nauth: { zapikey: required }\nsumary: é\ntests: [{ name: a, expect: { status_code: 200 } }]\n";
    const OPEN: &str = "function: f\nauth: none\n";

    fn checked(args: &Args, input: &str) -> (Exit, String, String) {
        let mut out = anstream::StripStream::new(Vec::new());
        let mut err = Vec::new();
        let exit = run(
            args,
            &mut Console {
                input: &mut input.as_bytes(),
                input_is_terminal: false,
                out: &mut out,
                err: &mut err,
                clock: &SystemClock,
            },
        );
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (exit, text(out.into_inner()), text(err))
    }

    fn args(paths: &[&str], format: Format) -> Args {
        Args {
            paths: paths.iter().map(PathBuf::from).collect(),
            deny_warnings: false,
            assume_secrets: false,
            fallible: false,
            format,
        }
    }

    #[test]
    fn errors_exit_1_and_warnings_only_when_they_are_denied() {
        let mut args = args(&["-"], Format::Human);
        let (exit, out, err) = checked(&args, WRONG);
        assert_eq!((exit, err.as_str()), (Exit::Problems, ""));
        assert!(
            out.starts_with("error[E0112]: unknown key `sumary`\n --> <stdin>:3:1\n"),
            "{out}"
        );
        assert!(out.ends_with("\n\n1 error in 1 file\n"), "{out}");
        let (exit, out, _) = checked(&args, OPEN);
        assert_eq!(exit, Exit::Done);
        assert!(out.ends_with("\n\n2 warnings in 1 file\n"), "{out}");
        args.deny_warnings = true;
        assert_eq!(checked(&args, OPEN).0, Exit::Problems);
        let (exit, out, _) = checked(&args, "");
        assert_eq!(
            (exit, out.as_str()),
            (Exit::Done, "0 documents in 1 file: nothing wrong\n")
        );
    }

    #[test]
    fn machines_get_the_same() {
        let (_, out, _) = checked(&args(&["-"], Format::Json), WRONG);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["format"], "hookweir.check/v1");
        let found = &json["diagnostics"][0];
        for (key, value) in [
            ("file", serde_json::json!("<stdin>")),
            ("line", 3.into()),
            ("column", 1.into()),
            ("end_line", 3.into()),
            ("end_column", 7.into()),
            ("code", "E0112".into()),
            ("severity", "error".into()),
            ("message", "unknown key `sumary`".into()),
            ("help", serde_json::json!(["did you mean `summary`?"])),
        ] {
            assert_eq!(found[key], value, "{key}");
        }
        let (_, out, _) = checked(&args(&["-"], Format::Github), WRONG);
        assert_eq!(
            out,
            "::error file=<stdin>,line=3,endLine=3,col=1,endColumn=7,title=E0112::unknown key `sumary`%0Ahelp: did you mean `summary`?\n"
        );
        let (_, out, _) = checked(&args(&["-"], Format::Sarif), WRONG);
        let sarif: serde_json::Value = serde_json::from_str(&out).unwrap();
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "E0112");
        assert_eq!(
            result["locations"][0]["physicalLocation"]["region"]["endColumn"],
            7
        );
        let (_, out, _) = checked(&args(&["-"], Format::Junit), WRONG);
        assert!(
            out.contains(r#"<testsuites name="hookweir" tests="1" failures="1">"#),
            "{out}"
        );
        assert!(
            out.contains(r#"<failure type="E0112" message="unknown key `sumary`">"#),
            "{out}"
        );
    }

    #[test]
    fn what_cannot_be_looked_at_is_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none");
        let missing = missing.to_str().unwrap();
        let (exit, out, err) = checked(&args(&[missing], Format::Json), "");
        assert_eq!((exit, out.as_str()), (Exit::Failed, ""));
        assert!(
            err.starts_with("error: cannot read the functions in `"),
            "{err}"
        );
        let (exit, ..) = checked(&args(&["-", "specs"], Format::Human), "");
        assert_eq!(exit, Exit::Usage);
    }

    #[test]
    fn folders_files_and_what_they_share_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.yaml", "function: a\nx: 1\n"),
            ("b.yml", "function: b\nx: 1\n"),
            (".hidden.yaml", "x"),
            ("c.json", "x"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::create_dir(folder.path().join("d.yaml")).unwrap();
        std::fs::write(folder.path().join("e.yaml"), b"function: \xff").unwrap();
        let folder = folder.path().to_str().unwrap();
        let file = format!("{folder}/a.yaml");
        let (exit, out, _) = checked(&args(&[folder, &file], Format::Github), "");
        assert_eq!(exit, Exit::Problems);
        let titles: Vec<&str> = out
            .lines()
            .filter_map(|line| line.split("title=").nth(1)?.split("::").next())
            .filter(|title| title.starts_with("E01"))
            .collect();
        assert_eq!(titles, ["E0112", "E0112", "E0107"], "{out}");
    }
}
