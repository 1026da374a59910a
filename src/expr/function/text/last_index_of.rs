//! `s.lastIndexOf(part[, until])`.

use super::{byte_at, position};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "lastIndexOf",
    summary: "where the text last has the other in it, at or before a position; -1 if nowhere",
    signatures: &[
        "string.lastIndexOf(string) -> int",
        "string.lastIndexOf(string, int) -> int",
    ],
    fails: Some("a position outside the text"),
    examples: &[
        ("'tacocat'.lastIndexOf('at')", "5"),
        ("'tacocat'.lastIndexOf('none')", "-1"),
        ("'bananananana'.lastIndexOf('nana', 7)", "6"),
        ("'tacocat'.lastIndexOf('')", "7"),
        ("'tacocat'.lastIndexOf('a', -1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, part, end) = match *arguments {
        [Value::String(text), Value::String(part)] => (text, part, text.len()),
        [Value::String(text), Value::String(part), Value::Int(until)] => {
            // The part may begin at the position, so it may end so much later.
            (
                text,
                part,
                byte_at(call, text, until)?
                    .saturating_add(part.len())
                    .min(text.len()),
            )
        }
        _ => return Err(call.no_overload()),
    };
    call.reads(text.len())?;
    let before = text.get(..text.floor_char_boundary(end)).unwrap_or(text);
    Ok(Value::Int(
        before.rfind(part).map_or(-1, |at| position(text, at)),
    ))
}
