//! `s.strip_prefix(start)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "strip_prefix",
    summary: "the text without its beginning, where it begins so",
    signatures: &["string.strip_prefix(string) -> string"],
    fails: None,
    examples: &[
        ("'refs/heads/main'.strip_prefix('refs/heads/')", "'main'"),
        ("'main'.strip_prefix('refs/')", "'main'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(start)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(start.len())?;
    Ok(Value::String(text.strip_prefix(start).unwrap_or(text)))
}
