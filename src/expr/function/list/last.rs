//! `list.last()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "last",
    summary: "the last item as an optional; empty if there is none",
    signatures: &["list(A).last() -> optional_type(A)"],
    fails: None,
    examples: &[
        ("[1, 2, 3].last().value()", "3"),
        ("[].last().hasValue()", "false"),
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
        .last()
        .map_or(Value::Optional(None), |item| call.arena().some(*item)))
}
