//! `hookweir test`: the functions' own tests.
//!
//! They run in the engine that serves, without sockets, store or network: the same set of files
//! gives the same result on every machine. So no variable of the machine is read, either: one that
//! a test does not set under `env` has its own name as its value.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::console::{Console, Exit, Failure, finish};
use crate::clock::Stopwatch;
use crate::diagnostic::render::escape_xml;
use crate::diagnostic::{self, Diagnostic, Sources};
use crate::gateway::trial::{Failed, Trials, Verdict};
use crate::route::{self, Compilation, Suite, Test};
use crate::server;
use crate::spec::{self, Loaded, Spec};

/// Where the payload corpus lies when nobody says so.
const CORPUS: &str = "../shared/corpus/payloads";

/// Run the functions' own tests
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir test                           all tests of ./specs
  hookweir test specs/lead.yaml           those of one file
  hookweir test --filter github_push      those whose function or name holds the text
  hookweir test --recorded recorded       those that `serve --record` has written, too
  hookweir test --format junit > report.xml

Exit codes: 0 all passed or were skipped, 1 a test failed, a mistake in the specs, or no test
was found, 2 wrong use, 3 a path could not be read.")]
pub struct Args {
    /// Files and folders
    #[arg(value_name = "PATH", env = "HOOKWEIR_SPECS", default_value = "specs")]
    paths: Vec<PathBuf>,
    /// Only tests whose function or name holds this text
    #[arg(short = 'k', long, value_name = "TEXT")]
    filter: Option<String>,
    /// Also run what `hookweir serve --record` has written into this folder
    #[arg(long, value_name = "DIR")]
    recorded: Option<PathBuf>,
    /// Finding no test is fine
    #[arg(long)]
    allow_none: bool,
    /// Where tests with `corpus:` find their payloads
    #[arg(long, value_name = "DIR", env = "HOOKWEIR_PAYLOAD_CORPUS", default_value = CORPUS)]
    corpus: PathBuf,
    /// How results are written
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: a line a test, and what is wrong with those that failed.
    Human,
    /// One JSON object, `hookweir.test/v1`.
    Json,
    /// A report in `JUnit`'s XML.
    Junit,
}

/// One test that was run.
struct Run<'s> {
    suite: &'s Suite,
    test: &'s Test,
    verdict: Verdict,
    took: Duration,
}

/// Runs `hookweir test`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| test(args, console))
}

fn test(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    for path in &args.paths {
        std::fs::metadata(path)
            .map_err(|error| super::no_functions(path, &error, "hookweir test DIR"))?;
    }
    let mut loaded = spec::load_files(&args.paths)?;
    if let Some(folder) = &args.recorded {
        add_recorded(folder, &mut loaded)?;
    }
    let own_name = |name: &str| Some(name.to_owned());
    let Compilation {
        generation,
        settings,
        suites,
        diagnostics,
        sources,
        ..
    } = route::compile_with(
        loaded,
        route::Outside::variables(&own_name).assuming_secrets(),
    );
    let Some(generation) = generation else {
        return broken(args.format, diagnostics, &sources, console);
    };
    let zoho_failures = settings.zoho_failures;
    let trials = Trials {
        generation: Arc::new(generation),
        corpus: &args.corpus,
        refuse: &|refusal| server::refusal_reply(refusal, "test", zoho_failures),
    };
    let wanted = |suite: &Suite, test: &Test| {
        args.filter
            .as_ref()
            .is_none_or(|text| suite.route.name.contains(text) || test.spec.name.contains(text))
    };
    let runs: Vec<Run<'_>> = suites
        .iter()
        .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
        .filter(|(suite, test)| wanted(suite, test))
        .map(|(suite, test)| {
            let watch = Stopwatch::start();
            let verdict = trials.run(suite, test);
            Run {
                suite,
                test,
                verdict,
                took: watch.elapsed(),
            }
        })
        .collect();
    match args.format {
        Format::Human => human(&runs, &sources, console)?,
        Format::Json => writeln!(console.out, "{:#}", as_json(&runs, &sources))?,
        Format::Junit => write!(console.out, "{}", as_junit(&runs, &sources))?,
    }
    if runs.is_empty() && !args.allow_none {
        return Err(Failure::problems(match &args.filter {
            Some(text) => format!("no test holds `{text}`"),
            None => "there is no test".to_owned(),
        })
        .help("`--allow-none` makes that fine"));
    }
    let has_failed = runs
        .iter()
        .any(|run| matches!(run.verdict, Verdict::Failed(_)));
    Ok(if has_failed {
        Exit::Problems
    } else {
        Exit::Done
    })
}

/// Adds tests that were recorded to their functions.
fn add_recorded(folder: &Path, loaded: &mut Loaded) -> Result<(), Failure> {
    // A folder for each function.
    let folders = std::fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| Ok(entry?.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<std::io::Result<_>>()?;
        paths.retain(|path| path.is_dir());
        paths.sort();
        Ok(paths)
    });
    let recorded = folders
        .and_then(|folders| spec::load_files(&folders))
        .map_err(|error| {
            Failure::failed(format!("cannot read `{}`: {error}", folder.display()))
                .help("`hookweir serve --record DIR` makes it")
        })?;
    if let Some(problem) = recorded.diagnostics.first() {
        return Err(Failure::problems(format!(
            "what was recorded cannot be read: {}",
            problem.message
        )));
    }
    for document in recorded.documents {
        let Spec::Function(fixture) = document.spec else {
            continue;
        };
        let known = loaded
            .documents
            .iter_mut()
            .find_map(|known| match &mut known.spec {
                Spec::Function(function) if function.function == fixture.function => Some(function),
                _ => None,
            });
        match known {
            Some(function) => function.tests.extend(fixture.tests),
            None => {
                return Err(Failure::problems(format!(
                    "requests of `{}` were recorded, and there is no such function",
                    fixture.function
                )));
            }
        }
    }
    Ok(())
}

/// What does not compile is not tested.
fn broken(
    format: Format,
    diagnostics: Vec<Diagnostic>,
    sources: &Sources,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let diagnostics = diagnostic::arrange(diagnostics);
    let draw = |format| diagnostic::render(&diagnostics, sources, format);
    match format {
        Format::Human => write!(
            console.err,
            "{}",
            draw(diagnostic::Format::Human { colored: true })
        )?,
        Format::Json => write!(console.out, "{}", draw(diagnostic::Format::Json))?,
        Format::Junit => write!(console.out, "{}", draw(diagnostic::Format::Junit))?,
    }
    console.out.flush()?;
    Err(Failure::problems(
        "nothing was tested: the specs have errors",
    ))
}

/// How many passed, failed, were skipped.
fn counts(runs: &[Run<'_>]) -> (usize, usize, usize) {
    let count =
        |wanted: fn(&Verdict) -> bool| runs.iter().filter(|run| wanted(&run.verdict)).count();
    (
        count(|verdict| matches!(verdict, Verdict::Passed)),
        count(|verdict| matches!(verdict, Verdict::Failed(_))),
        count(|verdict| matches!(verdict, Verdict::Skipped(_))),
    )
}

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const PLAIN: &str = "\u{1b}[0m";

fn human(runs: &[Run<'_>], sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
    let out = &mut *console.out;
    let mut function = None;
    for run in runs {
        if function != Some(&run.suite.route.name) {
            function = Some(&run.suite.route.name);
            writeln!(out, "{}", run.suite.route.name)?;
        }
        let name = &run.test.spec.name;
        match &run.verdict {
            Verdict::Passed => writeln!(out, "  {GREEN}ok{PLAIN}    {name}")?,
            Verdict::Skipped(why) => {
                writeln!(out, "  {YELLOW}skip{PLAIN}  {name} (skipped: {why})")?;
            }
            Verdict::Failed(_) => writeln!(out, "  {RED}FAIL{PLAIN}  {name}")?,
        }
    }
    for run in runs {
        if let Verdict::Failed(failed) = &run.verdict {
            writeln!(
                out,
                "\n{RED}{}: {}{PLAIN}",
                run.suite.route.name, run.test.spec.name
            )?;
            explain(failed, sources, out)?;
        }
    }
    let (passed, failed, skipped) = counts(runs);
    let gap = if runs.is_empty() { "" } else { "\n" };
    writeln!(
        out,
        "{gap}{passed} passed, {failed} failed, {skipped} skipped"
    )?;
    Ok(())
}

fn explain(
    failed: &Failed,
    sources: &Sources,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    let drawn = diagnostic::render(
        &failed.problems,
        sources,
        diagnostic::Format::Human { colored: true },
    );
    write!(out, "{drawn}")?;
    for line in failed.diff.lines() {
        let color = match line.as_bytes().first() {
            Some(b'-') => RED,
            Some(b'+') => GREEN,
            _ => "",
        };
        writeln!(out, "    {color}{line}{PLAIN}")?;
    }
    if !failed.answer.is_empty() {
        writeln!(out, "  answer: {}", failed.answer)?;
    }
    if let Some(note) = &failed.note {
        writeln!(out, "  why: {note}")?;
    }
    if let Some(curl) = &failed.curl {
        writeln!(out, "  again: {curl}")?;
    }
    Ok(())
}

/// File, line and column of a problem.
fn place(problem: &Diagnostic, sources: &Sources) -> Option<(String, usize, usize)> {
    let span = problem.span?;
    let source = sources.get(span.source)?;
    let (line, column) = source.position(span.start);
    Some((source.path.to_string(), line, column))
}

fn as_json(runs: &[Run<'_>], sources: &Sources) -> Value {
    let tests: Vec<Value> = runs
        .iter()
        .map(|run| {
            let span = run.suite.places.value(&run.test.field().key("name"));
            let source = sources.get(span.source);
            let (verdict, more) = match &run.verdict {
                Verdict::Passed => ("passed", json!({})),
                Verdict::Skipped(why) => ("skipped", json!({ "reason": why })),
                Verdict::Failed(failed) => ("failed", failure(failed, sources)),
            };
            let mut test = json!({
                "function": &*run.suite.route.name,
                "name": run.test.spec.name,
                "file": source.map(|source| &*source.path),
                "line": source.map(|source| source.position(span.start).0),
                "verdict": verdict,
                "seconds": run.took.as_secs_f64(),
            });
            if let (Some(test), Value::Object(more)) = (test.as_object_mut(), more) {
                test.extend(more);
            }
            test
        })
        .collect();
    let (passed, failed, skipped) = counts(runs);
    json!({
        "format": "hookweir.test/v1",
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "tests": tests,
    })
}

fn failure(failed: &Failed, sources: &Sources) -> Value {
    let problems: Vec<Value> = failed
        .problems
        .iter()
        .map(|problem| {
            let place = place(problem, sources);
            json!({
                "code": problem.code.0,
                "message": problem.message,
                "file": place.as_ref().map(|place| &place.0),
                "line": place.as_ref().map(|place| place.1),
                "column": place.as_ref().map(|place| place.2),
            })
        })
        .collect();
    json!({
        "problems": problems,
        "diff": failed.diff,
        "answer": failed.answer,
        "note": failed.note,
        "curl": failed.curl,
    })
}

fn as_junit(runs: &[Run<'_>], sources: &Sources) -> String {
    let (_, failed, skipped) = counts(runs);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">\n",
        env!("CARGO_PKG_NAME"),
        runs.len(),
    );
    for suite in runs.chunk_by(|one, other| std::ptr::eq(one.suite, other.suite)) {
        let Some(first) = suite.first() else { continue };
        let function = escape_xml(&first.suite.route.name);
        let (_, failed, skipped) = counts(suite);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{function}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">",
            suite.len(),
        );
        for run in suite {
            let _ = write!(
                text,
                "    <testcase classname=\"{function}\" name=\"{}\" file=\"{}\" time=\"{:.6}\"",
                escape_xml(&run.test.spec.name),
                escape_xml(&run.suite.route.site.file),
                run.took.as_secs_f64(),
            );
            match &run.verdict {
                Verdict::Passed => text.push_str("/>\n"),
                Verdict::Skipped(why) => {
                    let why = escape_xml(why);
                    text.push_str(">\n      <skipped message=\"");
                    text.push_str(&why);
                    text.push_str("\"/>\n    </testcase>\n");
                }
                Verdict::Failed(failed) => {
                    text.push_str(&junit_failure(failed, sources));
                    text.push_str("    </testcase>\n");
                }
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn junit_failure(failed: &Failed, sources: &Sources) -> String {
    let words: Vec<String> = failed
        .problems
        .iter()
        .map(|problem| match place(problem, sources) {
            Some((file, line, column)) => format!("{file}:{line}:{column}: {}", problem.message),
            None => problem.message.clone(),
        })
        .chain([&failed.diff, &failed.answer].map(String::clone))
        .chain(failed.note.clone())
        .filter(|text| !text.is_empty())
        .collect();
    let message = failed
        .problems
        .first()
        .map_or("", |problem| &problem.message);
    format!(
        ">\n      <failure message=\"{}\">{}</failure>\n",
        escape_xml(message),
        escape_xml(&words.join("\n")),
    )
}
