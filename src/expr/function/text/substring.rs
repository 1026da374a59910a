//! `s.substring(start[, end])`.

use super::byte_at;
use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "substring",
    summary: "the text from one position up to, not including, another",
    signatures: &[
        "string.substring(int) -> string",
        "string.substring(int, int) -> string",
    ],
    fails: Some("a position outside the text, or an end before the start"),
    examples: &[
        ("'tacocat'.substring(4)", "'cat'"),
        ("'tacocat'.substring(0, 4)", "'taco'"),
        ("'ta©o©αT'.substring(2, 6)", "'©o©α'"),
        ("'tacocat'.substring(40)", "error"),
        ("'tacocat'.substring(4, 3)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, start, end) = match *arguments {
        [Value::String(text), Value::Int(start)] => (text, byte_at(call, text, start)?, text.len()),
        [Value::String(text), Value::Int(start), Value::Int(end)] => {
            (text, byte_at(call, text, start)?, byte_at(call, text, end)?)
        }
        _ => return Err(call.no_overload()),
    };
    text.get(start..end)
        .map(Value::String)
        .ok_or_else(|| call.fault(FaultKind::Range, "the end is before the start"))
}
