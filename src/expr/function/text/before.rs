//! `s.before(part)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "before",
    summary: "the text before the first place of the other; all of it where there is none",
    signatures: &["string.before(string) -> string"],
    fails: None,
    examples: &[
        ("'ada@example.com'.before('@')", "'ada'"),
        ("'ada'.before('@')", "'ada'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::String(
        text.split_once(part).map_or(text, |(before, _)| before),
    ))
}
