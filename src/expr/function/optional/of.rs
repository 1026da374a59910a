//! `optional.of(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "optional.of",
    summary: "an optional with this value",
    signatures: &["optional.of(A) -> optional_type(A)"],
    fails: None,
    examples: &[
        ("optional.of(1).value()", "1"),
        ("optional.of(null).hasValue()", "true"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes_list(1)?;
    Ok(call.arena().some(value))
}
