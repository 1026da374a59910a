//! `o.hasValue()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "hasValue",
    summary: "whether the optional has a value",
    signatures: &["optional_type(A).hasValue() -> bool"],
    fails: None,
    examples: &[
        ("optional.of(1).hasValue()", "true"),
        ("optional.none().hasValue()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(value)] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::Bool(value.is_some()))
}
