//! `s.after(part)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "after",
    summary: "the text after the first place of the other; all of it where there is none",
    signatures: &["string.after(string) -> string"],
    fails: None,
    examples: &[
        ("'ada@example.com'.after('@')", "'example.com'"),
        ("'ada'.after('@')", "'ada'"),
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
        text.split_once(part).map_or(text, |(_, after)| after),
    ))
}
