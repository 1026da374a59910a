//! `s.replace(old, new[, limit])`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "replace",
    summary: "the text with one part put in the place of another, everywhere or so many times",
    signatures: &[
        "string.replace(string, string) -> string",
        "string.replace(string, string, int) -> string",
    ],
    fails: None,
    examples: &[
        ("'hello hello'.replace('he', 'we')", "'wello wello'"),
        ("'hello hello'.replace('he', 'we', 1)", "'wello hello'"),
        ("'abc'.replace('', '_')", "'_a_b_c_'"),
        ("'abc'.replace('b', '', 0)", "'abc'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, old, new, limit) = match *arguments {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, -1),
        [
            Value::String(text),
            Value::String(old),
            Value::String(new),
            Value::Int(limit),
        ] => (text, old, new, limit),
        _ => return Err(call.no_overload()),
    };
    // A negative limit means none.
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    call.reads(text.len())?;
    let mut replaced = Buffer::new(call);
    let mut end = 0;
    for (at, part) in text.match_indices(old).take(limit) {
        replaced.push(text.get(end..at).unwrap_or(""))?;
        replaced.push(new)?;
        end = at + part.len();
    }
    replaced.push(text.get(end..).unwrap_or(""))?;
    Ok(replaced.finish())
}
