//! `unix(t)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "unix",
    summary: "the whole seconds from the start of 1970 to an instant",
    signatures: &["unix(timestamp) -> int"],
    fails: None,
    examples: &[("unix(timestamp('1970-01-02T00:00:00.9Z'))", "86400")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Timestamp(at)] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::Int(at.unix()))
}
