//! `s.contains(part)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "contains",
    summary: "whether the text has the other in it",
    signatures: &["string.contains(string) -> bool"],
    fails: None,
    examples: &[
        ("'hello'.contains('he')", "true"),
        ("'hello'.contains('ol')", "false"),
        ("'a'.contains('')", "true"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::Bool(text.contains(part)))
}
