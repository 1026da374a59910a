//! `s.pad_start(n[, fill])`.

use super::padding::padding;
use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "pad_start",
    summary: "the text made n characters long by spaces, or another text, before it",
    signatures: &[
        "string.pad_start(int) -> string",
        "string.pad_start(int, string) -> string",
    ],
    fails: Some("an empty fill"),
    examples: &[
        ("'7'.pad_start(3, '0')", "'007'"),
        ("'abc'.pad_start(2)", "'abc'"),
        ("'a'.pad_start(4, 'xy')", "'xyxa'"),
        ("'a'.pad_start(2, '')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, padding) = padding(call, arguments)?;
    let mut padded = Buffer::new(call);
    padding.write(&mut padded)?;
    padded.push(text)?;
    Ok(padded.finish())
}
