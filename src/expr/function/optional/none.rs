//! `optional.none()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "optional.none",
    summary: "an optional without a value",
    signatures: &["optional.none() -> optional_type(A)"],
    fails: None,
    examples: &[("optional.none().hasValue()", "false")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::Optional(None))
}
