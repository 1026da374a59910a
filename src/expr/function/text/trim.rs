//! `s.trim()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "trim",
    summary: "the text without white space at its ends",
    signatures: &["string.trim() -> string"],
    fails: None,
    examples: &[
        ("' \\n text '.trim()", "'text'"),
        ("'\\u00a0text'.trim()", "'text'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::String(text.trim()))
}
