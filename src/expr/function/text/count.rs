//! `s.count(part)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "count",
    summary: "how often the text has the other, without overlaps",
    signatures: &["string.count(string) -> int"],
    fails: Some("an empty part"),
    examples: &[
        ("'banana'.count('an')", "2"),
        ("'a'.count('b')", "0"),
        ("'a'.count('')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = *arguments else {
        return Err(call.no_overload());
    };
    if part.is_empty() {
        return Err(call.bad(format_args!("an empty text is everywhere")));
    }
    call.reads(text.len())?;
    Ok(Value::Int(
        i64::try_from(text.matches(part).count()).unwrap_or(i64::MAX),
    ))
}
