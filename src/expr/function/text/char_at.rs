//! `s.charAt(i)`.

use super::byte_at;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "charAt",
    summary: "the character at a position; nothing just after the last",
    signatures: &["string.charAt(int) -> string"],
    fails: Some("a position outside the text"),
    examples: &[
        ("'tacocat'.charAt(3)", "'o'"),
        ("'tacocat'.charAt(7)", "''"),
        ("'©αT'.charAt(1)", "'α'"),
        ("'abc'.charAt(4)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::Int(at)] = *arguments else {
        return Err(call.no_overload());
    };
    let start = byte_at(call, text, at)?;
    let rest = text.get(start..).unwrap_or("");
    let end = rest.chars().next().map_or(0, char::len_utf8);
    Ok(Value::String(rest.get(..end).unwrap_or("")))
}
