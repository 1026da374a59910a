//! `s.strip_suffix(end)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "strip_suffix",
    summary: "the text without its end, where it ends so",
    signatures: &["string.strip_suffix(string) -> string"],
    fails: None,
    examples: &[
        ("'lead.json'.strip_suffix('.json')", "'lead'"),
        ("'lead'.strip_suffix('.json')", "'lead'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(end)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(end.len())?;
    Ok(Value::String(text.strip_suffix(end).unwrap_or(text)))
}
