//! `s.indexOf(part[, from])`.

use super::{byte_at, position};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "indexOf",
    summary: "where the text first has the other in it, at or after a position; -1 if nowhere",
    signatures: &[
        "string.indexOf(string) -> int",
        "string.indexOf(string, int) -> int",
    ],
    fails: Some("a position outside the text"),
    examples: &[
        ("'tacocat'.indexOf('ac')", "1"),
        ("'tacocat'.indexOf('none')", "-1"),
        ("'ta©o©αT'.indexOf('©', 3)", "4"),
        ("'tacocat'.indexOf('', 3)", "3"),
        ("'tacocat'.indexOf('a', 30)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, part, from) = match *arguments {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), Value::Int(from)] => (text, part, from),
        _ => return Err(call.no_overload()),
    };
    let start = byte_at(call, text, from)?;
    call.reads(text.len())?;
    let found = text.get(start..).and_then(|rest| rest.find(part));
    Ok(Value::Int(
        found.map_or(-1, |at| position(text, start + at)),
    ))
}
