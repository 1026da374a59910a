//! Text with `${ … }` in it, as it stands in YAML.
//!
//! A text that is one hole and nothing else keeps the value's type; any other is a text in which
//! each hole's value is written as `string()` writes it. `$${` is a literal `${`. Braces inside the
//! strings and maps of an expression do not end the hole. Ranges of problems count bytes of the
//! whole text.

use super::ast::Span;
use super::{
    Access, Compiled, Environment, Fault, FaultKind, Findings, Program, Scope, Slot, Type, compile,
    guard,
};
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::{BROKEN_HOLE, NOT_TEXT};
use crate::value::{Value, time};

/// A compiled text.
#[derive(Debug)]
pub struct CompiledText {
    /// What runs.
    pub program: TextProgram,
    /// The type of what it gives: the hole's, or `string`.
    pub result: Type,
    /// The variables it reads.
    pub uses: Vec<Slot>,
    /// Warnings.
    pub warnings: Vec<Problem>,
    /// What else is known of the holes together.
    pub findings: Findings,
}

/// A text whose holes are compiled.
#[derive(Debug)]
pub struct TextProgram {
    parts: Vec<Part>,
    /// It is one hole and nothing else.
    is_value: bool,
}

#[derive(Debug)]
enum Part {
    Literal(Box<str>),
    Hole(Program, Span),
}

impl TextProgram {
    /// What stands in the holes.
    pub(super) fn holes(&self) -> impl Iterator<Item = &Program> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Hole(program, _) => Some(program),
        })
    }
}

/// Compiles a text with holes. `Err` holds at least one error, and all that were found.
pub fn compile_text(text: &str, environment: &Environment) -> Result<CompiledText, Vec<Problem>> {
    compile_as(text, environment, false)
}

/// As [`compile_text`], for what stands for bytes: holes may give bytes, too. To be run by
/// [`TextProgram::feed`].
pub fn compile_bytes(text: &str, environment: &Environment) -> Result<CompiledText, Vec<Problem>> {
    compile_as(text, environment, true)
}

fn compile_as(
    text: &str,
    environment: &Environment,
    is_bytes: bool,
) -> Result<CompiledText, Vec<Problem>> {
    let pieces = split(text).map_err(|problem| vec![problem])?;
    let is_value = matches!(pieces.as_slice(), [Piece::Hole(..)]);
    let mut parts = Vec::new();
    let (mut problems, mut warnings, mut uses) = (Vec::new(), Vec::new(), Vec::new());
    let mut result = Type::String;
    let mut findings = Findings::default();
    for piece in pieces {
        let (start, end) = match piece {
            Piece::Literal(literal) => {
                parts.push(Part::Literal(literal.into()));
                continue;
            }
            Piece::Hole(start, end) => (start, end),
        };
        let inner = text.get(start..end).unwrap_or_default();
        let moved = |mut problem: Problem| {
            problem.range = problem.range.start + start..problem.range.end + start;
            problem
        };
        match compile(inner, environment) {
            Ok(compiled) => {
                let may_be = is_bytes && matches!(compiled.result.unless_null(), Type::Bytes);
                if (is_bytes || !is_value)
                    && !may_be
                    && let Some(problem) = refuse(&compiled, inner)
                {
                    problems.push(moved(problem));
                }
                let Compiled {
                    program,
                    result: of,
                    uses: slots,
                    warnings: found,
                    findings: more,
                } = compiled;
                gather(&mut findings, more, start);
                warnings.extend(found.into_iter().map(moved));
                uses.extend(slots);
                if is_value {
                    result = of;
                }
                parts.push(Part::Hole(program, place(start, end)));
            }
            Err(found) => problems.extend(found.into_iter().map(moved)),
        }
    }
    if !problems.is_empty() {
        problems.extend(warnings);
        problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
        return Err(problems);
    }
    uses.sort_unstable();
    uses.dedup();
    Ok(CompiledText {
        program: TextProgram { parts, is_value },
        result,
        uses,
        warnings,
        findings,
    })
}

/// Adds what was found in a hole.
fn gather(all: &mut Findings, hole: Findings, start: usize) {
    let moved = |range: std::ops::Range<usize>| range.start + start..range.end + start;
    all.after.extend(hole.after);
    all.divisions.extend(hole.divisions.into_iter().map(moved));
    all.exposed.extend(hole.exposed);
    if let Some(mut growth) = hole.growth {
        growth.range = moved(growth.range);
        if all
            .growth
            .as_ref()
            .is_none_or(|known| known.degree < growth.degree)
        {
            all.growth = Some(growth);
        }
    }
    let accesses = hole.accesses.into_iter().map(|access| Access {
        range: moved(access.range),
        ..access
    });
    all.accesses.extend(accesses);
}

impl TextProgram {
    /// The value: that of the only hole, or a text. Spans of faults count bytes of the whole text.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        if let [Part::Literal(literal)] = self.parts.as_slice() {
            return Ok(Value::String(literal));
        }
        if self.is_value
            && let [Part::Hole(program, place)] = self.parts.as_slice()
        {
            return program
                .evaluate(scope)
                .map_err(|fault| moved(fault, *place));
        }
        let mut text = scope.arena().text_buffer(0);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => {
                    scope.charge_memory(literal.len())?;
                    text.push_str(literal);
                }
                Part::Hole(program, place) => {
                    let value = program
                        .evaluate(scope)
                        .map_err(|fault| moved(fault, *place))?;
                    write(value, &mut text, scope).map_err(|fault| Fault {
                        span: *place,
                        ..fault
                    })?;
                }
            }
        }
        Ok(Value::String(text.into_bump_str()))
    }
}

impl TextProgram {
    /// Gives the bytes piece by piece: literals and texts as UTF-8, bytes as they are. Spans of
    /// faults count bytes of the whole text.
    pub fn feed<'a>(
        &'a self,
        scope: &Scope<'a>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Fault<'a>> {
        self.feed_apart(scope, &mut |bytes, _| take(bytes))
    }

    /// As [`feed`](Self::feed), and says of each piece whether it came from a hole.
    pub fn feed_apart<'a>(
        &'a self,
        scope: &Scope<'a>,
        take: &mut dyn FnMut(&[u8], bool),
    ) -> Result<(), Fault<'a>> {
        for part in &self.parts {
            match part {
                Part::Literal(literal) => take(literal.as_bytes(), false),
                Part::Hole(program, place) => {
                    let value = program
                        .evaluate(scope)
                        .map_err(|fault| moved(fault, *place))?;
                    match value {
                        Value::Bytes(bytes) => take(bytes, true),
                        Value::String(text) => take(text.as_bytes(), true),
                        value => {
                            let mut text = scope.arena().text_buffer(0);
                            write(value, &mut text, scope).map_err(|fault| Fault {
                                span: *place,
                                ..fault
                            })?;
                            take(text.as_bytes(), true);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn place(start: usize, end: usize) -> Span {
    let position = |byte| u32::try_from(byte).unwrap_or(u32::MAX);
    (position(start), position(end))
}

fn moved(fault: Fault<'_>, place: Span) -> Fault<'_> {
    let span = (
        fault.span.0.saturating_add(place.0),
        fault.span.1.saturating_add(place.0),
    );
    Fault { span, ..fault }
}

/// Adds a value to a text, as `string()` writes it.
fn write<'a>(
    value: Value<'a>,
    text: &mut bumpalo::collections::String<'a>,
    scope: &Scope<'a>,
) -> Result<(), Fault<'a>> {
    use std::fmt::Write as _;
    let odd = |detail| {
        Err(Fault {
            kind: FaultKind::NoOverload,
            span: (0, 0),
            detail,
        })
    };
    let before = text.len();
    let written = match value {
        Value::String(part) | Value::Number(part) => {
            scope.charge_memory(part.len())?;
            scope.charge_steps(part.len() as u64 / 16)?;
            text.push_str(part);
            return Ok(());
        }
        Value::Bool(flag) => write!(text, "{flag}"),
        Value::Int(int) => write!(text, "{int}"),
        Value::UInt(uint) => write!(text, "{uint}"),
        Value::Double(double) => write!(text, "{double}"),
        Value::Timestamp(at) => write!(text, "{at}"),
        Value::Duration(span) => write!(text, "{}", time::Seconds(span)),
        Value::Ip(address) => write!(text, "{address}"),
        Value::Cidr(network) => write!(text, "{network}"),
        Value::Optional(Some(inner)) => return write_inner(*inner, text, scope),
        Value::Null => return odd("a text cannot take null; give another value with `??`"),
        Value::Optional(None) => {
            return odd("a text cannot take an empty optional; give another value with `??`");
        }
        Value::List(_) => return odd("a text cannot take a list; write it with `.join(\", \")`"),
        Value::Map(_) => return odd("a text cannot take a map; write it with `to_json(…)`"),
        Value::Bytes(_) => {
            return odd("a text cannot take bytes; write `string(…)` or `base64.encode(…)`");
        }
        Value::Type(name) => write!(text, "{name}"),
    };
    // Writing to memory that grows cannot fail.
    let _ = written;
    scope.charge_memory(text.len() - before)
}

fn write_inner<'a>(
    value: Value<'a>,
    text: &mut bumpalo::collections::String<'a>,
    scope: &Scope<'a>,
) -> Result<(), Fault<'a>> {
    write(value, text, scope)
}

/// A hole whose type no text can take.
fn refuse(compiled: &Compiled, inner: &str) -> Option<Problem> {
    let help = match compiled.result.unless_null() {
        Type::List(_) => "write it with `.join(\", \")`, or with `to_json(…)`",
        Type::Map(..) | Type::Record(_) => "select a field of it, or write it with `to_json(…)`",
        Type::Bytes => "write `string(…)` or `base64.encode(…)`",
        Type::Null => "leave it out",
        _ => return None,
    };
    let message = format!("a text cannot take a {}", compiled.result);
    let blank = inner.len() - inner.trim_start().len();
    let range = blank..inner.trim_end().len().max(blank);
    Some(Problem::error(NOT_TEXT, range, message).help(help))
}

enum Piece {
    Literal(String),
    /// Start and end of the expression, without `${` and `}`.
    Hole(usize, usize),
}

fn split(text: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(dollar) = rest.find('$') else {
            literal.push_str(rest);
            break;
        };
        let (before, from) = rest.split_at(dollar);
        literal.push_str(before);
        at += dollar;
        if from.starts_with("$${") {
            literal.push_str("${");
            at += 3;
        } else if from.starts_with("${") {
            let start = at + 2;
            let end = hole_end(text, start).ok_or_else(|| {
                Problem::error(BROKEN_HOLE, at..start, "this `${` has no `}`")
                    .help("for a literal `${` write `$${`")
            })?;
            if text
                .get(start..end)
                .is_none_or(|inner| inner.trim().is_empty())
            {
                return Err(Problem::error(
                    BROKEN_HOLE,
                    at..end + 1,
                    "there is no expression between `${` and `}`",
                ));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Hole(start, end));
            at = end + 1;
        } else {
            literal.push('$');
            at += 1;
        }
    }
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The place of the `}` that ends the hole whose expression starts at `start`.
fn hole_end(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        let token = guard::next(text, at)?;
        at = token.end;
        match text.as_bytes().get(token.start)? {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(token.start),
            b'}' => depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Budget, Provide};
    use crate::value::Arena;

    struct Nothing;

    impl<'a> Provide<'a> for Nothing {
        fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
            Ok(Value::Null)
        }
    }

    fn check(text: &str, want: &str) {
        let got = match compile_text(text, &Environment::new()) {
            Err(problems) => {
                let problem = &problems[0];
                format!("{} at {:?}", problem.message, problem.range)
            }
            Ok(compiled) => {
                let (arena, provider) = (Arena::new(), Nothing);
                let now = jiff::Timestamp::UNIX_EPOCH;
                let scope = Scope::new(&arena, &provider, 0, now, Budget::default());
                match compiled.program.evaluate(&scope) {
                    Ok(value) => format!("{value:?}"),
                    Err(fault) => format!("{fault} at {:?}", fault.span),
                }
            }
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn a_single_hole_keeps_its_type_and_text_takes_scalars() {
        check("${1 + 2}", "Int(3)");
        check("plain", "String(\"plain\")");
        check("", "String(\"\")");
        check("n=${1 + 2}", "String(\"n=3\")");
        check("${1}${2}", "String(\"12\")");
        check(" ${1}", "String(\" 1\")");
        check("${'é}'}ü${ {'a': 'x'}['a'] }", "String(\"é}üx\")");
        check("costs $5, $${x} and $", "String(\"costs $5, ${x} and $\")");
        check("${timestamp(0)}!", "String(\"1970-01-01T00:00:00Z!\")");
    }

    #[test]
    fn mistakes_are_placed_in_the_whole_text() {
        check(
            "é ${1 +}",
            "the expression ends where a value is expected at 8..8",
        );
        check("a ${1", "this `${` has no `}` at 2..4");
        check(
            "a ${ } b",
            "there is no expression between `${` and `}` at 2..6",
        );
        check("a ${'x}", "this `${` has no `}` at 2..4");
        check("a ${1 / 0}", "division by zero: / at (4, 9)");
    }
}
