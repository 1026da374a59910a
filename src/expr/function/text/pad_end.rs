//! `s.pad_end(n[, fill])`.

use super::padding::padding;
use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "pad_end",
    summary: "the text made n characters long by spaces, or another text, after it",
    signatures: &[
        "string.pad_end(int) -> string",
        "string.pad_end(int, string) -> string",
    ],
    fails: Some("an empty fill"),
    examples: &[
        ("'7'.pad_end(3, '0')", "'700'"),
        ("'abc'.pad_end(2)", "'abc'"),
        ("'a'.pad_end(4, 'xy')", "'axyx'"),
        ("'a'.pad_end(2, '')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, padding) = padding(call, arguments)?;
    let mut padded = Buffer::new(call);
    padded.push(text)?;
    padding.write(&mut padded)?;
    Ok(padded.finish())
}
