//! `s.endsWith(end)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "endsWith",
    summary: "whether the text ends with the other",
    signatures: &["string.endsWith(string) -> bool"],
    fails: None,
    examples: &[
        ("'forté'.endsWith('té')", "true"),
        ("''.endsWith('foo')", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(end)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(end.len())?;
    Ok(Value::Bool(text.ends_with(end)))
}
