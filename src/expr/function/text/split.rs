//! `s.split(separator[, limit])`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "split",
    summary: "the parts of a text between separators, at most so many; the last part keeps the rest",
    signatures: &[
        "string.split(string) -> list(string)",
        "string.split(string, int) -> list(string)",
    ],
    fails: None,
    examples: &[
        ("'hello world'.split(' ')", "['hello', 'world']"),
        ("'a,b,c'.split(',', 2)", "['a', 'b,c']"),
        ("'abc'.split('')", "['a', 'b', 'c']"),
        ("'a b'.split(' ', 0)", "[]"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, separator, limit) = match *arguments {
        [Value::String(text), Value::String(separator)] => (text, separator, -1),
        [
            Value::String(text),
            Value::String(separator),
            Value::Int(limit),
        ] => (text, separator, limit),
        _ => return Err(call.no_overload()),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    call.reads(text.len())?;
    let mut parts = Items::new(call);
    let mut rest =
        Some(text).filter(|text| limit > 0 && !(separator.is_empty() && text.is_empty()));
    while let Some(text) = rest {
        let cut = if parts.len() + 1 >= limit {
            None
        } else if separator.is_empty() {
            text.char_indices()
                .nth(1)
                .and_then(|(at, _)| text.split_at_checked(at))
        } else {
            text.split_once(separator)
        };
        parts.push(Value::String(cut.map_or(text, |(part, _)| part)))?;
        rest = cut.map(|(_, rest)| rest);
    }
    Ok(parts.finish())
}
