//! `hookweir eval`: expressions tried by hand, against a body or a whole request.
//!
//! One expression, many in JSON Lines (`batch`), or a session that reads them one after the
//! other (`session`). What the names stand for is `subject`'s business. A problem of an
//! expression is drawn on standard error and ends with 1; a file that cannot be read ends with 3.

mod batch;
mod complete;
mod session;
mod subject;
mod terminal;

use std::path::PathBuf;

pub use batch::answer_line;

use super::console::{Console, Exit, Failure, finish};
use crate::diagnostic::{self, Code, Diagnostic, Problem, Sources, Span, code};
use crate::expr::{Fault, compile, tagged};
use crate::route::Root;
use crate::value::{Value, json};
use subject::Subject;

/// Evaluate an expression, or try some in a session
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir eval '1 + 2'
  hookweir eval 'body.commits.map(c, c.id)' --body push.json
  hookweir eval 'headers[\"user-agent\"]' --request captured.http
  curl -s https://example.org/lead.json | hookweir eval '$.body.items[*].id' --body -
  hookweir eval --type 'body.name ?? \"nobody\"' --body lead.json
  hookweir eval --request captured.http      a session: names complete with TAB, `:help` tells more

A captured request is HTTP as `nc -l` writes it, the output of `curl -v` (with the body by `--body`),
JSON with `method`, `url`, `headers` and `body`, or a HAR file. Its names are those that a function
has; nobody's key is checked.

Exit codes: 0 done, 1 the expression is wrong or failed, 2 wrong use, 3 a file could not be read.")]
pub struct Args {
    /// The expression; without it, expressions are read line by line
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: Option<String>,

    /// A file that holds JSON, known as `body`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// A file that holds a captured request; `-` is standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,

    /// Which request of the file, by number or name, where it holds several
    #[arg(long, value_name = "N|NAME", requires = "request")]
    pick: Option<String>,

    /// Show the type that the checker finds, above the value
    #[arg(long = "type")]
    show_type: bool,

    /// Evaluate JSON Lines, each with `id` and `expr`; `-` or nothing is standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-",
          conflicts_with_all = ["expression", "body", "request", "show_type"])]
    batch: Option<PathBuf>,
}

/// Runs `hookweir eval`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.batch {
        Some(file) => batch::run(file, console),
        None => args.run(console),
    })
}

impl Args {
    fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let is_standard = |file: &Option<PathBuf>| file.as_ref().is_some_and(|file| file == "-");
        let readers = [
            self.expression.is_none(),
            is_standard(&self.body),
            is_standard(&self.request),
        ];
        if readers.into_iter().filter(|reads| *reads).count() > 1 {
            let failure = Failure::usage("standard input can be only one thing");
            return Err(failure.help("name a file instead of `-`, or give the expression"));
        }
        let mut subject = Subject::default();
        if let Some(file) = &self.request {
            subject.load_request(file, self.pick.as_deref(), console)?;
        }
        if let Some(file) = &self.body {
            subject.load_body(file, console)?;
        }
        subject.report_notes(console)?;
        let Some(expression) = &self.expression else {
            return session::run(subject, self.show_type, console);
        };
        let hints = Hints {
            body: "`--body FILE` gives a body",
            request: "`--request FILE` gives a captured request",
        };
        let worked = evaluate(expression, &subject, self.show_type, hints, console)?;
        Ok(if worked { Exit::Done } else { Exit::Problems })
    }
}

/// How names that a request would give can be given here.
#[derive(Debug, Clone, Copy)]
struct Hints {
    body: &'static str,
    request: &'static str,
}

/// Shows the value of an expression, or draws what is wrong with it; whether it had a value.
fn evaluate(
    expression: &str,
    subject: &Subject,
    show_type: bool,
    hints: Hints,
    console: &mut Console<'_>,
) -> Result<bool, Failure> {
    let compiled = match compile(expression, &subject.environment()) {
        Ok(compiled) => compiled,
        Err(mut problems) => {
            hint(expression, &mut problems, subject, hints);
            draw(expression, problems, console)?;
            return Ok(false);
        }
    };
    draw(expression, compiled.warnings, console)?;
    let now = console.clock.now();
    let shown = subject.evaluate(&compiled.program, now, |outcome| match outcome {
        Ok(value) => Ok(show(value)),
        Err(fault) => Err(failed(fault)),
    });
    match shown {
        Ok(value) => {
            if show_type {
                writeln!(console.out, "{}", compiled.result)?;
            }
            writeln!(console.out, "{value}")?;
            Ok(true)
        }
        Err(problem) => {
            if show_type {
                writeln!(console.out, "{}", compiled.result)?;
            }
            draw(expression, vec![problem], console)?;
            Ok(false)
        }
    }
}

/// Where a name is missed that a request would give, says how to give one here.
fn hint(expression: &str, problems: &mut [Problem], subject: &Subject, hints: Hints) {
    for problem in problems {
        let missed = expression.get(problem.range.clone()).unwrap_or_default();
        let is_root = Root::ALL.iter().any(|root| root.name() == missed);
        if problem.code == code::expr::UNKNOWN_NAME && is_root {
            problem.help = match missed {
                "body" => vec![hints.body.to_owned(), hints.request.to_owned()],
                _ => vec![hints.request.to_owned()],
            };
        }
        if problem.code == code::expr::UNKNOWN_FIELD && subject.is_request() {
            let told = |root: &str| problem.message.ends_with(&format!("in `{root}`"));
            let what = match () {
                () if told("path") => "its `accept.path`",
                () if told("arguments") => "its `request.arguments`",
                () if told("env") => "the `gateway:` document",
                () => continue,
            };
            problem.help = vec![format!(
                "these names come with a function, from {what}; here is only a request"
            )];
        }
    }
}

/// A failure as a problem at its place.
fn failed(fault: Fault<'_>) -> Problem {
    let range = fault.span.0 as usize..fault.span.1 as usize;
    let problem = Problem::error(Code::NONE, range, fault.to_string());
    if fault.kind.is_absence() {
        return problem.help("`?? value` behind it stands in for what is not there");
    }
    problem
}

/// A value as JSON; what JSON cannot hold in the form of the conformance data.
fn show(value: Value<'_>) -> String {
    if let Value::Type(name) = value {
        return name.to_owned();
    }
    let mut out = Vec::new();
    match json::write_indented(value, 2, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => tagged::write(value).to_string(),
    }
}

fn draw(
    expression: &str,
    problems: Vec<Problem>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut sources = Sources::default();
    let source = sources.add("<expression>", expression);
    let diagnostics: Vec<Diagnostic> = problems
        .into_iter()
        .map(|problem| Diagnostic {
            code: problem.code,
            severity: problem.severity,
            message: problem.message,
            span: Some(Span {
                source,
                start: problem.range.start,
                end: problem.range.end,
            }),
            label: problem.label,
            related: Vec::new(),
            help: problem.help,
        })
        .collect();
    let format = diagnostic::Format::Human { colored: true };
    let drawn = diagnostic::render(&diagnostics, &sources, format);
    console.out.flush()?;
    console.err.write_all(drawn.as_bytes())?;
    Ok(())
}
