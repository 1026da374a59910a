//! `s.startsWith(start)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "startsWith",
    summary: "whether the text begins with the other",
    signatures: &["string.startsWith(string) -> bool"],
    fails: None,
    examples: &[
        ("'foobar'.startsWith('foo')", "true"),
        ("'foobar'.startsWith('bar')", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(start)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(start.len())?;
    Ok(Value::Bool(text.starts_with(start)))
}
