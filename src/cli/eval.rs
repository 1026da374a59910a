//! `hookweir eval`: runs one expression, or many in JSON Lines.
//!
//! A problem of the expression is drawn on standard error and ends with 1; a body that cannot be
//! read ends with 3. In a batch every line gets its answer, and the end is 0.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::console::{Console, Exit, Failure, finish};
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::{self, Diagnostic, Problem, Severity, Sources, Span, code};
use crate::expr::{
    Budget, Declaration, Environment, Fault, FaultKind, Provide, Scope, Slot, Type, compile, tagged,
};
use crate::value::{Arena, Value, json as text};

/// Evaluate an expression
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hookweir eval '1 + 2'
  hookweir eval 'body.commits.map(c, c.id)' --body push.json
  curl -s https://example.org/lead.json | hookweir eval '$.body.items[*].id' --body -
  hookweir eval --type 'body.name ?? \"nobody\"'")]
pub struct Args {
    /// The expression
    #[arg(
        value_name = "EXPR",
        required_unless_present = "batch",
        allow_hyphen_values = true
    )]
    expression: Option<String>,

    /// A file that holds JSON, known as `body`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// Show the type that the checker finds, above the value
    #[arg(long = "type")]
    show_type: bool,

    /// Evaluate JSON Lines, each with `id` and `expr`; `-` or nothing is standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-",
          conflicts_with_all = ["body", "show_type"])]
    batch: Option<PathBuf>,
}

/// Runs `hookweir eval`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.batch {
        Some(file) => batch(file, console),
        None => single(args, console),
    })
}

fn single(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let expression = args.expression.as_deref().unwrap_or_default();
    let mut environment = Environment::new();
    let bytes = match &args.body {
        Some(file) => {
            environment.declare("body", Type::Dyn);
            Some(read(file, console)?)
        }
        None => None,
    };
    let compiled = match compile(expression, &environment) {
        Ok(compiled) => compiled,
        Err(mut problems) => {
            if args.body.is_none() {
                point_to_body(expression, &mut problems);
            }
            draw(expression, problems, console)?;
            return Ok(Exit::Problems);
        }
    };
    draw(expression, compiled.warnings, console)?;
    let arena = Arena::new();
    let mut values = Vec::new();
    if let Some(bytes) = &bytes {
        let value = text::read(bytes, &arena, text::DEPTH)
            .map_err(|error| Failure::failed(format!("the body is no JSON: {error}")))?;
        values.push(Ok(value));
    }
    let provider = Bindings(values);
    let slots = provider.0.len();
    let now = console.clock.now();
    let scope = Scope::new(&arena, &provider, slots, now, Budget::default());
    if args.show_type {
        writeln!(console.out, "{}", compiled.result)?;
    }
    match compiled.program.evaluate(&scope) {
        Ok(value) => {
            writeln!(console.out, "{}", show(value))?;
            Ok(Exit::Done)
        }
        Err(fault) => {
            let range = fault.span.0 as usize..fault.span.1 as usize;
            let place = expression.get(range).unwrap_or_default();
            let mut failure = Failure::problems(fault.to_string());
            if !place.is_empty() {
                failure = failure.help(format!("it happened at `{place}`"));
            }
            Err(failure)
        }
    }
}

/// Where the name that is missed is what a function would have, says how to give it here.
fn point_to_body(expression: &str, problems: &mut [Problem]) {
    for problem in problems {
        let missed = expression.get(problem.range.clone());
        if problem.code == code::expr::UNKNOWN_NAME && missed == Some("body") {
            problem.help = vec!["`--body FILE` gives a body".to_owned()];
        }
    }
}

/// A value as JSON; what JSON cannot hold in the form of the conformance data.
fn show(value: Value<'_>) -> String {
    if let Value::Type(name) = value {
        return name.to_owned();
    }
    let mut out = Vec::new();
    match text::write_indented(value, 2, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => tagged::write(value).to_string(),
    }
}

fn read(file: &Path, console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let done = if file == Path::new("-") {
        console.input.read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    done.map_err(|error| Failure::failed(format!("cannot read `{}`: {error}", file.display())))?;
    Ok(bytes)
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
    console.err.write_all(drawn.as_bytes())?;
    Ok(())
}

fn batch(file: &Path, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let opened;
    let input: &mut dyn BufRead = if file == Path::new("-") {
        &mut *console.input
    } else {
        opened = std::fs::File::open(file).map_err(|error| {
            Failure::failed(format!("cannot read `{}`: {error}", file.display()))
        })?;
        &mut BufReader::new(opened)
    };
    for line in input.lines() {
        let line = line?;
        if !line.trim().is_empty() {
            writeln!(console.out, "{}", answer_line(&line))?;
        }
    }
    Ok(Exit::Done)
}

/// Answers one line of a batch; also what the conformance tests call.
pub fn answer_line(line: &str) -> Json {
    let case: Json = match serde_json::from_str(line) {
        Ok(case) => case,
        Err(error) => return json!({ "id": null, "error": format!("not JSON: {error}") }),
    };
    let id = case.get("id").cloned().unwrap_or(Json::Null);
    match answer(&case) {
        Ok((key, value)) => json!({ "id": id, key: value }),
        Err(error) => json!({ "id": id, "error": error }),
    }
}

fn answer(case: &Json) -> Result<(&'static str, Json), String> {
    let flag = |name: &str| case.get(name).and_then(Json::as_bool).unwrap_or(false);
    let expression = case
        .get("expr")
        .and_then(Json::as_str)
        .ok_or("`expr` is missing")?;
    let arena = Arena::new();
    let mut environment = Environment::new();
    if let Some(container) = case.get("container").and_then(Json::as_str) {
        environment.set_container(container);
    }
    if flag("disable_check") {
        environment.skip_check();
    }
    if flag("disable_macros") {
        environment.skip_macros();
    }
    let mut values = Vec::new();
    let bindings = case.get("bindings").and_then(Json::as_object);
    let bound = |name: &str| -> Result<Value<'_>, Fault<'static>> {
        let Some(value) = bindings.and_then(|bindings| bindings.get(name)) else {
            return Err(failed("a variable without a value"));
        };
        tagged::read(value, &arena).map_err(|_| failed("a binding that is an error"))
    };
    for declaration in case
        .get("type_env")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let name = declaration
            .get("name")
            .and_then(Json::as_str)
            .ok_or("a declaration has a name")?;
        if let Some(overloads) = declaration.get("overloads").and_then(Json::as_array) {
            for overload in overloads {
                environment.declare_function(function(name, overload)?);
            }
        } else {
            let of = declaration
                .get("type")
                .and_then(Json::as_str)
                .unwrap_or("dyn");
            environment.declare(name, type_of(of)?);
            values.push(bound(name));
        }
    }
    for name in bindings.into_iter().flat_map(serde_json::Map::keys) {
        if environment.find(name).is_none() {
            environment.declare(name, Type::Dyn);
            values.push(bound(name));
        }
    }
    let compiled = compile(expression, &environment).map_err(|problems| {
        let messages: Vec<_> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| {
                let (start, end) = (problem.range.start, problem.range.end);
                format!("{start}..{end}: {}", problem.message)
            })
            .collect();
        messages.join("; ")
    })?;
    if flag("check_only") {
        return Ok(("type", Json::String(compiled.result.to_string())));
    }
    let provider = Bindings(values);
    let scope = Scope::new(
        &arena,
        &provider,
        provider.0.len(),
        SystemClock.now(),
        Budget::default(),
    );
    match compiled.program.evaluate(&scope) {
        Ok(value) => Ok(("value", tagged::write(value))),
        Err(fault) => Err(fault.to_string()),
    }
}

fn function(name: &str, overload: &Json) -> Result<Declaration, String> {
    let parameters = overload
        .get("params")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    Ok(Declaration {
        name: name.to_owned(),
        parameters: parameters
            .map(|of| type_of(of.as_str().unwrap_or_default()))
            .collect::<Result<_, _>>()?,
        result: type_of(
            overload
                .get("result")
                .and_then(Json::as_str)
                .unwrap_or("dyn"),
        )?,
        is_method: overload
            .get("member")
            .and_then(Json::as_bool)
            .unwrap_or(false),
    })
}

fn type_of(text: &str) -> Result<Type, String> {
    tagged::read_type(text).ok_or_else(|| format!("`{text}` is no type"))
}

fn failed(detail: &'static str) -> Fault<'static> {
    Fault {
        kind: FaultKind::BadArgument,
        span: (0, 0),
        detail,
    }
}

/// Values by their slots.
struct Bindings<'v>(Vec<Result<Value<'v>, Fault<'v>>>);

impl<'a> Provide<'a> for Bindings<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        self.0
            .get(usize::from(slot.0))
            .copied()
            .unwrap_or(Err(failed("a variable without a value")))
    }
}
