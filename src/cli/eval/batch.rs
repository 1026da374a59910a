//! Many expressions at once, in JSON Lines: every line gets its answer.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value as Json, json};

use super::subject::Bindings;
use crate::cli::console::{Console, Exit, Failure};
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::Severity;
use crate::expr::{
    Budget, Declaration, Environment, Fault, FaultKind, Scope, Type, compile, tagged,
};
use crate::value::{Arena, Value};

/// Answers each line of a file.
pub(super) fn run(file: &Path, console: &mut Console<'_>) -> Result<Exit, Failure> {
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

pub(super) fn failed(detail: &'static str) -> Fault<'static> {
    Fault {
        kind: FaultKind::BadArgument,
        span: (0, 0),
        detail,
    }
}
