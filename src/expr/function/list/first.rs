//! `list.first()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "first",
    summary: "the first item as an optional; empty if there is none",
    signatures: &["list(A).first() -> optional_type(A)"],
    fails: None,
    examples: &[
        ("[1, 2, 3].first().value()", "1"),
        ("[].first().hasValue()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes_list(1)?;
    Ok(items
        .first()
        .map_or(Value::Optional(None), |item| call.arena().some(*item)))
}
